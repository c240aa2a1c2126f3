//! Zstandard frames, without checksums, as PostgreSQL's.

use std::io::{self, Write};

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, SafeResult};

use crate::compress::encoder::{EncoderPool, Encoding, OUTPUT, give, take};

/// The default of PostgreSQL and of zstd.
const DEFAULT: i32 = 3;

/// Of the long-distance mode: the most that every decoder takes without being asked.
const LONG_WINDOW_LOG: u32 = 27;

/// A context of the highest levels holds hundreds of MiB and is not kept.
const KEPT_BYTES: usize = 32 << 20;

pub(in crate::compress) struct Encoder {
    context: CCtx<'static>,
    output: Vec<u8>,
}

fn error(code: usize) -> io::Error {
    io::Error::other(format!("zstd: {}", zstd_safe::get_error_name(code)))
}

impl Encoder {
    pub(in crate::compress) fn new(encoding: Encoding, pool: &EncoderPool) -> io::Result<Self> {
        let Some(mut context) = take(&pool.zstd).or_else(CCtx::try_create) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let mut set_up = || -> SafeResult {
            context.reset(ResetDirective::SessionAndParameters)?;
            let level = encoding.level.unwrap_or(DEFAULT);
            context.set_parameter(CParameter::CompressionLevel(level))?;
            if pool.threads > 1 {
                context.set_parameter(CParameter::NbWorkers(pool.threads))?;
            }
            if encoding.long {
                context.set_parameter(CParameter::EnableLongDistanceMatching(true))?;
                context.set_parameter(CParameter::WindowLog(LONG_WINDOW_LOG))?;
            }
            Ok(0)
        };
        set_up().map_err(error)?;
        Ok(Encoder { context, output: vec![0; OUTPUT] })
    }

    pub(in crate::compress) fn give_back(self, pool: &EncoderPool) {
        if self.context.sizeof() <= KEPT_BYTES {
            give(&pool.zstd, self.context);
        }
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
