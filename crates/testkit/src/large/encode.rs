//! Rows to stored bytes: compressed, and cut into chunks where pg_dump cuts them.

use std::io::{self, Write};

use flate2::write::{GzEncoder, ZlibEncoder};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use pgdmp::Algorithm;
use zstd_safe::zstd_sys::ZSTD_EndDirective as EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use super::Layout;

/// The levels that pg_dump takes when asked for none.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

/// An int as custom archives store it.
pub(super) fn int(value: i32, out: &mut Vec<u8>) {
    out.push(u8::from(value < 0));
    out.extend_from_slice(&value.unsigned_abs().to_le_bytes());
}

/// Encodes one stream after another: a table, or a large object.
pub(super) struct Encoder {
    layout: Layout,
    chunks: bool,
    compressor: Compressor,
    /// What the compressor gave and no chunk has yet.
    pending: Vec<u8>,
    /// Whether this stream's first chunk was written.
    begun: bool,
}

enum Compressor {
    None,
    /// A zlib stream.
    Zlib(ZlibEncoder<Vec<u8>>),
    /// A gzip file.
    Gzip(GzEncoder<Vec<u8>>),
    Lz4(FrameEncoder<Vec<u8>>),
    Zstd {
        context: CCtx<'static>,
        buffer: Vec<u8>,
    },
}

impl Encoder {
    /// For blocks of a custom archive.
    pub(super) fn chunks(layout: Layout) -> io::Result<Self> {
        Encoder::new(layout, true)
    }

    /// For files of a directory.
    pub(super) fn file(layout: Layout) -> io::Result<Self> {
        Encoder::new(layout, false)
    }

    fn new(layout: Layout, chunks: bool) -> io::Result<Self> {
        let compressor = match layout.algorithm {
            Algorithm::None => Compressor::None,
            Algorithm::Gzip if chunks => Compressor::Zlib(zlib()),
            Algorithm::Gzip => Compressor::Gzip(gzip()),
            Algorithm::Lz4 => Compressor::Lz4(lz4()),
            _ => {
                let mut context = CCtx::create();
                context
                    .set_parameter(CParameter::CompressionLevel(ZSTD_LEVEL))
                    .map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))?;
                Compressor::Zstd { context, buffer: Vec::with_capacity(CCtx::out_size()) }
            }
        };
        Ok(Encoder { layout, chunks, compressor, pending: Vec::new(), begun: false })
    }

    /// Takes what pg_dump writes at once: a row.
    pub(super) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.compressor {
            Compressor::None => self.pending.extend_from_slice(data),
            Compressor::Zlib(encoder) => {
                encoder.write_all(data)?;
                self.pending.append(encoder.get_mut());
            }
            Compressor::Gzip(encoder) => {
                encoder.write_all(data)?;
                self.pending.append(encoder.get_mut());
            }
            Compressor::Lz4(encoder) => {
                encoder.write_all(data)?;
                self.pending.append(encoder.get_mut());
            }
            Compressor::Zstd { context, buffer } => {
                zstd(context, buffer, data, EndDirective::ZSTD_e_continue, &mut self.pending)?;
            }
        }
        self.cut(out, false);
        Ok(())
    }

    /// Ends a stream. The next one may follow.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.compressor {
            Compressor::None => {}
            Compressor::Zlib(encoder) => {
                self.pending.append(&mut std::mem::replace(encoder, zlib()).finish()?);
            }
            Compressor::Gzip(encoder) => {
                self.pending.append(&mut std::mem::replace(encoder, gzip()).finish()?);
            }
            Compressor::Lz4(encoder) => {
                let mut rest = std::mem::replace(encoder, lz4()).finish()?;
                self.pending.append(&mut rest);
            }
            Compressor::Zstd { context, buffer } => {
                zstd(context, buffer, &[], EndDirective::ZSTD_e_end, &mut self.pending)?;
            }
        }
        self.cut(out, true);
        if self.chunks {
            int(0, out);
        }
        self.begun = false;
        Ok(())
    }

    fn cut(&mut self, out: &mut Vec<u8>, all: bool) {
        if !self.chunks {
            out.append(&mut self.pending);
            return;
        }
        let full = match self.layout.algorithm {
            _ if self.layout.long_chunks => 128 << 10,
            Algorithm::Gzip => 4096,
            // What a compressor gives for a row is a chunk, however long.
            _ => 0,
        };
        let mut rest = self.pending.as_slice();
        if self.layout.algorithm == Algorithm::Lz4 && !self.begun && full == 0 && rest.len() > 7 {
            // The header of the frame stands alone.
            rest = chunk(rest, 7, out);
        }
        self.begun |= rest.len() < self.pending.len();
        while full > 0 && rest.len() >= full {
            rest = chunk(rest, full, out);
        }
        if !rest.is_empty() && (full == 0 || all) {
            rest = chunk(rest, rest.len(), out);
        }
        let done = self.pending.len() - rest.len();
        self.pending.drain(..done);
    }
}

fn chunk<'a>(data: &'a [u8], len: usize, out: &mut Vec<u8>) -> &'a [u8] {
    let (data, rest) = data.split_at(len);
    int(len as i32, out);
    out.extend_from_slice(data);
    rest
}

fn zlib() -> ZlibEncoder<Vec<u8>> {
    ZlibEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL))
}

fn gzip() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL))
}

/// Linked blocks of 64 KiB without checksums, as pg_dump's.
fn lz4() -> FrameEncoder<Vec<u8>> {
    let info = FrameInfo::new().block_mode(BlockMode::Linked).block_size(BlockSize::Max64KB);
    FrameEncoder::with_frame_info(info, Vec::new())
}

fn zstd(
    context: &mut CCtx<'static>,
    buffer: &mut Vec<u8>,
    data: &[u8],
    end: EndDirective,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut input = InBuffer::around(data);
    loop {
        buffer.clear();
        let mut output = OutBuffer::around(&mut *buffer);
        let left = context
            .compress_stream2(&mut output, &mut input, end)
            .map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))?;
        out.extend_from_slice(buffer);
        let done = match end {
            EndDirective::ZSTD_e_end => left == 0,
            _ => input.pos == input.src.len(),
        };
        if done {
            return Ok(());
        }
    }
}
