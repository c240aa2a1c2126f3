//! LZ4 frames. The plain form is one of independent blocks of 256 KiB, which are found and compressed
//! about as well as the linked ones of 64 KiB that PostgreSQL writes, and can be compressed by
//! several threads. The other form is frames of one block, with the size of their content and a
//! checksum.

use std::io::{self, Write};

use std::sync::Arc;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use twox_hash::XxHash32;

use crate::compress::encoder::{EncoderPool, States, give, take};
use crate::compress::parallel::{BLOCK, BlockCodec, Blocks};

/// Magic number; version 1, independent blocks; 256 KiB; checksum of these two bytes.
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x50, 0xfb];

/// Of a block that is stored as it is.
const PLAIN: u32 = 1 << 31;

/// What a compressor can use again.
pub(in crate::compress) type State = Box<CompressTable>;

/// A frame of one block, of at most 1 MiB.
pub(in crate::compress) fn frame(plain: &[u8], states: &States) -> io::Result<Vec<u8>> {
    const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
    /// Version 1; independent blocks, size and checksum of the content.
    const FLAGS: u8 = 0x40 | 0x20 | 0x08 | 0x04;
    /// Blocks of at most 1 MiB.
    const SIZES: u8 = 6 << 4;
    let mut table = take(&states.lz4).unwrap_or_else(|| Box::new(CompressTable::large()));
    let block = Independent.compress(&mut table, &[], plain, true);
    give(&states.lz4, table);
    let block = block?;
    let mut frame = Vec::with_capacity(4 + 11 + block.len() + 8);
    frame.extend_from_slice(&MAGIC);
    frame.extend_from_slice(&[FLAGS, SIZES]);
    frame.extend_from_slice(&(plain.len() as u64).to_le_bytes());
    frame.push((XxHash32::oneshot(0, &frame[4..]) >> 8) as u8);
    frame.extend_from_slice(&block);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&XxHash32::oneshot(0, plain).to_le_bytes());
    Ok(frame)
}

/// Blocks of one frame.
struct Independent;

impl BlockCodec for Independent {
    const OVERLAP: usize = 0;

    type State = CompressTable;

    fn state(&self) -> CompressTable {
        CompressTable::large()
    }

    fn compress(
        &self,
        table: &mut CompressTable,
        _: &[u8],
        block: &[u8],
        _: bool,
    ) -> io::Result<Vec<u8>> {
        // The length of a last block with nothing in it would be the end of the frame.
        if block.is_empty() {
            return Ok(Vec::new());
        }
        let mut output = vec![0; 4 + get_maximum_output_size(block.len())];
        let made = compress_into_with_table(block, &mut output[4..], table)
            .map_err(|error| io::Error::other(format!("lz4: {error}")))?;
        if made < block.len() {
            output[..4].copy_from_slice(&(made as u32).to_le_bytes());
            output.truncate(4 + made);
        } else {
            output.clear();
            output.extend_from_slice(&(block.len() as u32 | PLAIN).to_le_bytes());
            output.extend_from_slice(block);
        }
        Ok(output)
    }
}

pub(in crate::compress) struct Encoder {
    way: Way,
    begun: bool,
}

enum Way {
    Alone { table: Box<CompressTable>, input: Vec<u8> },
    Together(Blocks<Independent>),
}

impl Encoder {
    pub(in crate::compress) fn new(pool: &EncoderPool) -> Self {
        let way = match &pool.workers {
            Some(workers) => Way::Together(Blocks::new(Independent, Arc::clone(workers))),
            None => {
                let table = Box::new(CompressTable::large());
                Way::Alone { table, input: Vec::new() }
            }
        };
        Encoder { way, begun: false }
    }

    fn begin(&mut self, writer: &mut impl Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            writer.write_all(&HEADER)?;
        }
        Ok(())
    }

    pub(in crate::compress) fn write(
        &mut self,
        writer: &mut impl Write,
        buf: &[u8],
    ) -> io::Result<()> {
        self.begin(writer)?;
        let (table, input) = match &mut self.way {
            Way::Together(blocks) => return blocks.write(buf, writer),
            Way::Alone { table, input } => (table, input),
        };
        let mut left = buf;
        while !left.is_empty() {
            if input.is_empty() && left.len() >= BLOCK {
                let (block, rest) = left.split_at(BLOCK);
                writer.write_all(&Independent.compress(table, &[], block, false)?)?;
                left = rest;
                continue;
            }
            let n = left.len().min(BLOCK - input.len());
            input.extend_from_slice(&left[..n]);
            left = &left[n..];
            if input.len() == BLOCK {
                writer.write_all(&Independent.compress(table, &[], input, false)?)?;
                input.clear();
            }
        }
        Ok(())
    }

    pub(in crate::compress) fn finish(&mut self, writer: &mut impl Write) -> io::Result<()> {
        self.begin(writer)?;
        match &mut self.way {
            Way::Together(blocks) => blocks.finish(writer)?,
            Way::Alone { table, input } => {
                writer.write_all(&Independent.compress(table, &[], input, true)?)?;
            }
        }
        writer.write_all(&[0; 4])
    }
}
