//! Zstandard frames: one without checksums, as PostgreSQL's, or many that have them.

use std::io::{self, Write};

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, SafeResult};

use crate::compress::encoder::{EncoderPool, Encoding, OUTPUT, States, give, take};

/// The default of PostgreSQL and of zstd.
const DEFAULT: i32 = 3;

/// Of the long-distance mode: the most that every decoder takes without being asked.
const LONG_WINDOW_LOG: u32 = 27;

/// Bytes that each thread takes at once; it would be four windows, which are 8 MiB at the default.
const JOB: u32 = 2 << 20;

/// A context of the highest levels holds hundreds of MiB and is not kept.
const KEPT_BYTES: usize = 32 << 20;

pub(in crate::compress) struct Encoder {
    context: CCtx<'static>,
    output: Vec<u8>,
}

fn error(code: usize) -> io::Error {
    io::Error::other(format!("zstd: {}", zstd_safe::get_error_name(code)))
}

fn context(encoding: Encoding, states: &States) -> io::Result<CCtx<'static>> {
    let Some(mut context) = take(&states.zstd).or_else(CCtx::try_create) else {
        return Err(io::ErrorKind::OutOfMemory.into());
    };
    let mut set_up = || -> SafeResult {
        context.reset(ResetDirective::SessionAndParameters)?;
        let level = encoding.level.unwrap_or(DEFAULT);
        context.set_parameter(CParameter::CompressionLevel(level))?;
        if encoding.long {
            context.set_parameter(CParameter::EnableLongDistanceMatching(true))?;
            context.set_parameter(CParameter::WindowLog(LONG_WINDOW_LOG))?;
        }
        Ok(0)
    };
    set_up().map_err(error)?;
    Ok(context)
}

fn keep(context: CCtx<'static>, states: &States) {
    if context.sizeof() <= KEPT_BYTES {
        give(&states.zstd, context);
    }
}

/// Whether short pieces would cost it 2 %.
fn looks_far_back(encoding: Encoding) -> bool {
    encoding.long || encoding.level.unwrap_or(DEFAULT) >= 16
}

/// Bytes that a frame of its own becomes.
pub(in crate::compress) fn piece_len(encoding: Encoding, usual: usize) -> usize {
    if looks_far_back(encoding) { 8 * usual } else { usual }
}

/// A frame with the size of its content and a checksum.
pub(in crate::compress) fn frame(
    encoding: Encoding,
    plain: &[u8],
    states: &States,
) -> io::Result<Vec<u8>> {
    let mut context = context(encoding, states)?;
    context.set_parameter(CParameter::ChecksumFlag(true)).map_err(error)?;
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
    context.compress2(&mut frame, plain).map_err(error)?;
    keep(context, states);
    Ok(frame)
}

/// The table of the zstd seekable format (`contrib/seekable_format` of zstd's sources), a skippable
/// frame: how long each frame is, and what it becomes.
pub(in crate::compress) fn seek_table(frames: &[(u32, u32)]) -> Vec<u8> {
    const SKIPPABLE: u32 = 0x184d_2a5e;
    const SEEKABLE: u32 = 0x8f92_eab1;
    let len = 8 * frames.len() + 9;
    let mut table = Vec::with_capacity(8 + len);
    let mut word = |word: u32| table.extend_from_slice(&word.to_le_bytes());
    word(SKIPPABLE);
    word(len as u32);
    for &(stored, plain) in frames {
        word(stored);
        word(plain);
    }
    word(frames.len() as u32);
    // Without checksums: the frames have them.
    table.push(0);
    table.extend_from_slice(&SEEKABLE.to_le_bytes());
    table
}

impl Encoder {
    pub(in crate::compress) fn new(encoding: Encoding, pool: &EncoderPool) -> io::Result<Self> {
        let mut context = context(encoding, &pool.states)?;
        if pool.threads > 1 {
            context.set_parameter(CParameter::NbWorkers(pool.threads)).map_err(error)?;
            if !looks_far_back(encoding) {
                context.set_parameter(CParameter::JobSize(JOB)).map_err(error)?;
            }
        }
        Ok(Encoder { context, output: vec![0; OUTPUT] })
    }

    pub(in crate::compress) fn give_back(self, pool: &EncoderPool) {
        keep(self.context, &pool.states);
    }

    pub(in crate::compress) fn write(
        &mut self,
        writer: &mut impl Write,
        buf: &[u8],
    ) -> io::Result<()> {
        let mut input = InBuffer::around(buf);
        while input.pos() < buf.len() {
            self.step(writer, &mut input, ZSTD_EndDirective::ZSTD_e_continue)?;
        }
        Ok(())
    }

    pub(in crate::compress) fn finish(&mut self, writer: &mut impl Write) -> io::Result<()> {
        let mut input = InBuffer::around(&[]);
        while self.step(writer, &mut input, ZSTD_EndDirective::ZSTD_e_end)? > 0 {}
        Ok(())
    }

    /// One step; says how much is still held back.
    fn step(
        &mut self,
        writer: &mut impl Write,
        input: &mut InBuffer<'_>,
        directive: ZSTD_EndDirective,
    ) -> io::Result<usize> {
        let mut output = OutBuffer::around(&mut self.output[..]);
        let left = self.context.compress_stream2(&mut output, input, directive).map_err(error)?;
        let made = output.pos();
        writer.write_all(&self.output[..made])?;
        Ok(left)
    }
}
