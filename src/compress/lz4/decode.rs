//! LZ4 frames.

use std::hash::Hasher;
use std::io::{self, BufRead};

use twox_hash::XxHash32;

use super::block::{REACH, SLACK, Sequence, WINDOW};
use crate::compress::input::{
    advance, differs, malformed, only_zeros, read_up_to, read_whole, trailing, truncated,
};
use crate::compress::{Contexts, Framing, LinkedBlocks};
use crate::error::Fault;

const MAGIC: u32 = 0x184d_2204;
/// The first of 16.
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;
const LEGACY_MAGIC: u32 = 0x184c_2102;

/// A block that may become larger than this is decoded in pieces.
const PIECE: usize = WINDOW - REACH;

/// Memory of a block that is kept for the next decoder. Memory that comes and goes with each piece
/// costs more than decompressing.
const KEPT: usize = 1 << 20;

#[derive(Default)]
pub(in crate::compress) struct Context {
    /// What is decoded, with what matches reach: `WINDOW` bytes and the slack.
    window: Vec<u8>,
    /// A block that the reader did not have in one piece.
    block: Vec<u8>,
}

pub(in crate::compress) struct Decoder {
    memory: Context,
    /// The window has what was decoded up to `end`, of which what is before `start` is consumed.
    start: usize,
    end: usize,
    stage: Stage,
    frame: Frame,
    /// Whether a frame has ended.
    framed: bool,
    /// Whether zeros may stand behind the last one.
    padded: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before, between or after frames.
    Frame,
    Block,
    /// In a block that is not compressed, of which this much is left.
    Stored(usize),
    /// In the block of the context's memory, of which this much is decoded.
    Packed(usize),
    Ended,
}

/// What the header says, and what is known so far of what it announces.
#[derive(Default)]
struct Frame {
    /// Blocks refer to earlier ones.
    linked: bool,
    /// Most bytes a block becomes, and how many the current one may still.
    block_bytes: usize,
    block_left: usize,
    sequence: Sequence,
    block_checksum: Option<XxHash32>,
    has_block_checksums: bool,
    checksum: Option<XxHash32>,
    left: Option<u64>,
}

impl Decoder {
    pub(in crate::compress) fn new(framing: Framing, contexts: &Contexts) -> Self {
        Decoder {
            padded: framing == Framing::File,
            memory: contexts.lz4.take().unwrap_or_default(),
            start: 0,
            end: 0,
            stage: Stage::Frame,
            frame: Frame::default(),
            framed: false,
        }
    }

    pub(in crate::compress) fn give_back(mut self, contexts: &Contexts) {
        // The pieces that pgdmp writes are blocks of up to 1 MiB; others may be 4 MiB.
        self.memory.block.clear();
        self.memory.block.shrink_to(KEPT);
        contexts.lz4.give(self.memory);
    }

    /// Goes on behind a frame that was decompressed by other means.
    pub(in crate::compress) fn resume(&mut self) {
        self.framed = true;
    }

    /// Whether there was a frame.
    pub(in crate::compress) fn has_frames(&self) -> bool {
        self.framed
    }

    pub(in crate::compress) fn available(&self) -> &[u8] {
        &self.memory.window[self.start..self.end]
    }

    pub(in crate::compress) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Decodes at most one block. Nothing is available before, and afterwards only at the end.
    pub(in crate::compress) fn fill<R: BufRead>(&mut self, reader: &mut R) -> io::Result<()> {
        while self.start == self.end {
            match self.stage {
                Stage::Frame => self.start_frame(reader)?,
                Stage::Block => self.start_block(reader)?,
                Stage::Stored(left) => self.copy_stored(reader, left)?,
                Stage::Packed(done) => self.decode_packed(done)?,
                Stage::Ended => break,
            }
        }
        Ok(())
    }

    fn start_frame<R: BufRead>(&mut self, reader: &mut R) -> io::Result<()> {
        let mut word = [0; 4];
        match read_up_to(reader, &mut word)? {
            0 => {
                self.stage = Stage::Ended;
                return Ok(());
            }
            count if self.framed && self.padded && word[..count].iter().all(|byte| *byte == 0) => {
                self.stage = Stage::Ended;
                return only_zeros(reader);
            }
            4 => {}
            count if MAGIC.to_le_bytes().starts_with(&word[..count]) => return Err(truncated()),
            _ => return Err(self.no_frame("lz4 data: no frame begins here")),
        }
        match u32::from_le_bytes(word) {
            MAGIC => {}
            magic if magic & !15 == SKIPPABLE_MAGIC => {
                self.framed = true;
                let size = read_word(reader)?;
                return skip(reader, size as usize);
            }
            LEGACY_MAGIC => return Err(self.no_frame("lz4 data: a frame of the legacy format")),
            _ => return Err(self.no_frame("lz4 data: no frame begins here")),
        }
        self.frame = Frame::read(reader)?;
        self.framed = true;
        (self.start, self.end) = (0, 0);
        if self.memory.window.is_empty() {
            self.memory.window = vec![0; WINDOW + SLACK];
        }
        self.stage = Stage::Block;
        Ok(())
    }

    fn no_frame(&self, what: &'static str) -> io::Error {
        if self.framed { trailing() } else { malformed(what) }
    }

    fn start_block<R: BufRead>(&mut self, reader: &mut R) -> io::Result<()> {
        let word = read_word(reader)?;
        if word == 0 {
            return self.end_frame(reader);
        }
        let stored = word >> 31 == 1;
        let size = (word & !(1 << 31)) as usize;
        if size > self.frame.block_bytes {
            return Err(malformed("lz4 data: a block is larger than its frame allows"));
        }
        self.frame.block_left = self.frame.block_bytes;
        self.frame.sequence = Sequence::default();
        if !self.frame.linked {
            (self.start, self.end) = (0, 0);
        }
        self.frame.block_checksum = self.frame.has_block_checksums.then(|| XxHash32::with_seed(0));
        if stored {
            self.stage = Stage::Stored(size);
            return Ok(());
        }
        if self.frame.block_checksum.is_none() && self.frame.block_bytes <= PIECE {
            let in_place = advance(reader, |input| match input.get(..size) {
                Some(block) => (size, self.decode(block).map(|_| true)),
                None => (0, Ok(false)),
            })??;
            if in_place {
                return Ok(());
            }
        }
        self.read_packed(reader, size)?;
        self.check_block(reader)?;
        self.stage = Stage::Packed(0);
        Ok(())
    }

    /// Grows with what is there, whatever size is claimed.
    fn read_packed<R: BufRead>(&mut self, reader: &mut R, size: usize) -> io::Result<()> {
        let Decoder { memory: Context { block, .. }, frame, .. } = self;
        block.clear();
        while block.len() < size {
            let count = advance(reader, |input| {
                let count = input.len().min(size - block.len());
                block.extend_from_slice(&input[..count]);
                (count, count)
            })?;
            if count == 0 {
                return Err(truncated());
            }
        }
        if let Some(checksum) = &mut frame.block_checksum {
            checksum.write(block);
        }
        Ok(())
    }

    fn decode_packed(&mut self, done: usize) -> io::Result<()> {
        let block = std::mem::take(&mut self.memory.block);
        let result = self.decode(&block[done..]);
        self.stage = match result {
            Ok(0) => Stage::Block,
            Ok(left) => Stage::Packed(block.len() - left),
            Err(_) => self.stage,
        };
        self.memory.block = block;
        result.map(drop)
    }

    /// Decodes from the current block as much as there is room for, and returns how much of
    /// `input` is left; 0 only at the end of the block.
    fn decode(&mut self, input: &[u8]) -> io::Result<usize> {
        let end = self.make_room();
        let Decoder { memory, frame, .. } = self;
        let Some(window) = memory.window.first_chunk_mut::<{ WINDOW + SLACK }>() else {
            return Err(malformed("lz4 data: no window"));
        };
        let (at, rest) = frame
            .sequence
            .decode(input, window, self.end, end)
            .map_err(|damage| malformed(damage.text()))?;
        self.produced(at - self.end)?;
        if !rest.is_empty() && self.frame.block_left == 0 {
            return Err(malformed("lz4 data: a block is larger than its frame allows"));
        }
        Ok(rest.len())
    }

    fn copy_stored<R: BufRead>(&mut self, reader: &mut R, left: usize) -> io::Result<()> {
        if left == 0 {
            self.stage = Stage::Block;
            return self.check_block(reader);
        }
        let end = self.make_room();
        let Decoder { memory, end: at, .. } = self;
        let at = *at;
        let count = advance(reader, |input| {
            let count = input.len().min(left).min(end - at);
            memory.window[at..at + count].copy_from_slice(&input[..count]);
            (count, count)
        })?;
        if count == 0 {
            return Err(truncated());
        }
        if let Some(checksum) = &mut self.frame.block_checksum {
            checksum.write(&self.memory.window[at..at + count]);
        }
        self.stage = Stage::Stored(left - count);
        self.produced(count)
    }

    /// Where output for the current block may end, after `self.end`, which this moves to the
    /// front together with what matches can reach if there is little room.
    fn make_room(&mut self) -> usize {
        let want = self.frame.block_left.min(PIECE);
        if self.end + want > WINDOW {
            self.memory.window.copy_within(self.end - REACH..self.end, 0);
            (self.start, self.end) = (REACH, REACH);
        }
        WINDOW.min(self.end + self.frame.block_left)
    }

    fn produced(&mut self, count: usize) -> io::Result<()> {
        self.start = self.end;
        self.end += count;
        self.frame.block_left -= count;
        if let Some(checksum) = &mut self.frame.checksum {
            checksum.write(&self.memory.window[self.start..self.end]);
        }
        if let Some(left) = &mut self.frame.left {
            *left = left
                .checked_sub(count as u64)
                .ok_or_else(|| differs(Fault::Length, "lz4 data: longer than the frame says"))?;
        }
        Ok(())
    }

    fn check_block<R: BufRead>(&mut self, reader: &mut R) -> io::Result<()> {
        check(reader, self.frame.block_checksum.take(), "lz4 data: incorrect block checksum")
    }

    fn end_frame<R: BufRead>(&mut self, reader: &mut R) -> io::Result<()> {
        check(reader, self.frame.checksum.take(), "lz4 data: incorrect checksum")?;
        if self.frame.left.is_some_and(|left| left > 0) {
            return Err(differs(Fault::Length, "lz4 data: shorter than the frame says"));
        }
        self.stage = Stage::Frame;
        Ok(())
    }
}

/// The longest frame that is decompressed at once.
const WHOLE: usize = 1 << 20;

/// Decompresses a frame of one block, which becomes `len` bytes, to where they are wanted. False: it
/// is no such frame.
///
/// # Errors
///
/// Its words do not matter: [`Decoder`] says what is wrong.
pub(in crate::compress) fn frame(
    stored: &[u8],
    len: usize,
    bytes: &mut Vec<u8>,
) -> io::Result<bool> {
    /// What was decoded is looked at for its checksum while it is near.
    const STEP: usize = 64 << 10;
    let mut rest = stored;
    if len > WHOLE || read_word(&mut rest)? != MAGIC {
        return Ok(false);
    }
    let mut frame = Frame::read(&mut rest)?;
    let word = read_word(&mut rest)?;
    let size = (word & !(1 << 31)) as usize;
    let (Some(block), Some(mut rest)) = (rest.get(..size), rest.get(size..)) else {
        return Err(truncated());
    };
    if word == 0 || size > frame.block_bytes || len > frame.block_bytes {
        return Ok(false);
    }
    if frame.has_block_checksums {
        check(&mut rest, Some(checksum_of(block)), "lz4 data: incorrect block checksum")?;
    }
    if read_word(&mut rest)? != 0 {
        return Ok(false);
    }
    if word >> 31 == 1 {
        bytes.clear();
        bytes.extend_from_slice(block);
        if let Some(checksum) = &mut frame.checksum {
            checksum.write(block);
        }
    } else {
        bytes.resize(WHOLE + SLACK, 0);
        let Some(window) = bytes.first_chunk_mut::<{ WHOLE + SLACK }>() else { return Ok(false) };
        let (mut at, mut left, mut sequence) = (0, block, Sequence::default());
        while at < len && !left.is_empty() {
            let decoded = sequence.decode(left, window, at, len.min(at + STEP));
            let (to, behind) = decoded.map_err(|damage| malformed(damage.text()))?;
            if let Some(checksum) = &mut frame.checksum {
                checksum.write(&window[at..to]);
            }
            (at, left) = (to, behind);
        }
        if !left.is_empty() {
            return Err(malformed("lz4 data: longer than the frame says"));
        }
        bytes.truncate(at);
    }
    check(&mut rest, frame.checksum.take(), "lz4 data: incorrect checksum")?;
    match bytes.len() == len && rest.is_empty() {
        true => Ok(true),
        false => Err(malformed("lz4 data: another length than the frame says")),
    }
}

/// How the blocks of the frame are stored that begins here, and where the first of them is.
pub(in crate::compress) fn blocks(stored: &[u8]) -> Option<(LinkedBlocks, usize)> {
    let mut rest = stored;
    if read_word(&mut rest).ok()? != MAGIC {
        return None;
    }
    let frame = Frame::read(&mut rest).ok()?;
    let blocks = LinkedBlocks {
        most: frame.block_bytes,
        have_checksums: frame.has_block_checksums,
        has_checksum: frame.checksum.is_some(),
    };
    Some((blocks, stored.len() - rest.len()))
}

fn checksum_of(bytes: &[u8]) -> XxHash32 {
    let mut checksum = XxHash32::with_seed(0);
    checksum.write(bytes);
    checksum
}

impl Frame {
    /// Reads the header after the magic number.
    fn read<R: BufRead>(reader: &mut R) -> io::Result<Self> {
        let mut header = [0; 14];
        read_whole(reader, &mut header[..2])?;
        let [flags, sizes] = [header[0], header[1]];
        let has = |bit: u8| flags >> bit & 1 == 1;
        let (has_size, has_dictionary) = (has(3), has(0));
        if flags >> 6 != 1 || has(1) || sizes & 0x8f != 0 || sizes >> 4 < 4 {
            return Err(malformed("lz4 data: a frame of an unknown kind"));
        }
        let length = 2 + if has_size { 8 } else { 0 } + if has_dictionary { 4 } else { 0 };
        read_whole(reader, &mut header[2..length])?;
        let mut checksum = [0];
        read_whole(reader, &mut checksum)?;
        if XxHash32::oneshot(0, &header[..length]).to_le_bytes()[1] != checksum[0] {
            return Err(malformed("lz4 data: incorrect header checksum"));
        }
        if has_dictionary {
            return Err(malformed("lz4 data: needs a dictionary"));
        }
        let size = header[2..].first_chunk().map(|size| u64::from_le_bytes(*size));
        Ok(Frame {
            linked: !has(5),
            // 64 KiB, 256 KiB, 1 MiB or 4 MiB
            block_bytes: 1 << (8 + 2 * (sizes >> 4)),
            has_block_checksums: has(4),
            checksum: has(2).then(|| XxHash32::with_seed(0)),
            // To liblz4, 0 says nothing.
            left: size.filter(|&size| has_size && size > 0),
            ..Frame::default()
        })
    }
}

/// Compares a checksum, if there is one, with the reader's next word.
fn check<R: BufRead>(
    reader: &mut R,
    checksum: Option<XxHash32>,
    otherwise: &'static str,
) -> io::Result<()> {
    match checksum {
        Some(checksum) if read_word(reader)? != checksum.finish_32() => {
            Err(differs(Fault::Checksum, otherwise))
        }
        _ => Ok(()),
    }
}

fn skip<R: BufRead>(reader: &mut R, mut left: usize) -> io::Result<()> {
    while left > 0 {
        let count = advance(reader, |input| {
            let count = input.len().min(left);
            (count, count)
        })?;
        if count == 0 {
            return Err(truncated());
        }
        left -= count;
    }
    Ok(())
}

fn read_word<R: BufRead>(reader: &mut R) -> io::Result<u32> {
    let mut word = [0; 4];
    read_whole(reader, &mut word)?;
    Ok(u32::from_le_bytes(word))
}
