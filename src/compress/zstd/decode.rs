//! Zstandard frames.

use std::io::{self, BufRead};

use zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use crate::Limits;
use crate::compress::input::{advance, differs, malformed, only_zeros, peek, trailing, truncated};
use crate::compress::{Contexts, Framing};
use crate::error::{Error, ErrorKind, Fault, Result};

pub(in crate::compress) type Context = DCtx<'static>;

/// A context holds its largest window yet. One of the window of `zstd --long` is not kept.
const KEPT_BYTES: usize = 16 << 20;

const BLOCK_HEADER: usize = 3;

/// Enough to tell how long a frame's header is.
const FRAME_START: usize = 5;

pub(in crate::compress) struct Decoder {
    context: Context,
    /// Bytes of input to give next; 0 at the start of a frame.
    hint: usize,
    /// Whether a frame has ended.
    framed: bool,
    /// Whether zeros may stand behind the last one.
    padded: bool,
    window_log: u32,
}

impl Decoder {
    pub(in crate::compress) fn new(
        framing: Framing,
        limits: &Limits,
        contexts: &Contexts,
    ) -> Result<Self> {
        let context = contexts.zstd.take().or_else(DCtx::try_create);
        let Some(mut context) = context else {
            return Err(io::Error::from(io::ErrorKind::OutOfMemory).into());
        };
        // What the library accepts.
        let most = if usize::BITS == 32 { 30 } else { 31 };
        let window_log = limits.zstd_window_log.clamp(10, most);
        context
            .reset(ResetDirective::SessionAndParameters)
            .and_then(|_| context.set_parameter(DParameter::WindowLogMax(window_log)))
            .map_err(|code| Error::malformed(text(code)))?;
        let padded = framing == Framing::File;
        Ok(Decoder { context, hint: 0, framed: false, padded, window_log })
    }

    pub(in crate::compress) fn give_back(self, contexts: &Contexts) {
        if self.context.sizeof() <= KEPT_BYTES {
            contexts.zstd.give(self.context);
        }
    }

    /// Goes on behind a frame that was decompressed by other means.
    pub(in crate::compress) fn resume(&mut self) {
        self.framed = true;
    }

    /// Whether there was a frame.
    pub(in crate::compress) fn has_frames(&self) -> bool {
        self.framed
    }

    /// Decodes to `out`, which is not empty; 0 is the end.
    pub(in crate::compress) fn read<R: BufRead>(
        &mut self,
        reader: &mut R,
        out: &mut [u8],
    ) -> io::Result<usize> {
        loop {
            // The library forgets what it wrote in a call that fails. So a call is given one
            // block without the header of the next, which the hint includes, and then that.
            let want = match self.hint {
                0 => FRAME_START,
                hint if hint > BLOCK_HEADER => hint - BLOCK_HEADER,
                hint => hint,
            };
            let may_be_padding = self.hint == 0 && self.framed && self.padded;
            if may_be_padding && peek(reader, |input| input.first() == Some(&0))? {
                only_zeros(reader)?;
                return Ok(0);
            }
            let (made, at_end) = advance(reader, |input| {
                if input.is_empty() && self.hint == 0 {
                    return (0, Ok((0, true)));
                }
                let mut source = InBuffer::around(&input[..want.min(input.len())]);
                let mut target = OutBuffer::around(out);
                let result = self.context.decompress_stream(&mut target, &mut source);
                let result = result.map(|hint| {
                    self.framed |= hint == 0;
                    self.hint = hint;
                    (target.pos(), input.is_empty())
                });
                (source.pos(), result)
            })?
            .map_err(|code| self.error(code))?;
            if made > 0 {
                return Ok(made);
            }
            if at_end {
                return if self.hint == 0 { Ok(0) } else { Err(truncated()) };
            }
        }
    }

    fn error(&self, code: usize) -> io::Error {
        let is = |known: ZSTD_ErrorCode| code == 0usize.wrapping_sub(known as usize);
        if is(ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge) {
            Error::new(ErrorKind::Limit {
                what: "zstd window",
                limit: self.window_log.into(),
                knob: "zstd_window_log",
            })
            .into()
        } else if is(ZSTD_ErrorCode::ZSTD_error_prefix_unknown) && self.framed {
            trailing()
        } else if is(ZSTD_ErrorCode::ZSTD_error_checksum_wrong) {
            differs(Fault::Checksum, text(code))
        } else {
            malformed(text(code))
        }
    }
}

/// Decompresses one frame, which becomes `len` bytes.
pub(in crate::compress) fn frame(
    stored: &[u8],
    len: usize,
    bytes: &mut Vec<u8>,
    contexts: &Contexts,
) -> io::Result<()> {
    let context = contexts.zstd.take().or_else(DCtx::try_create);
    let Some(mut context) = context else {
        return Err(io::ErrorKind::OutOfMemory.into());
    };
    bytes.clear();
    bytes.reserve(len);
    let made = context.decompress(bytes, stored).map_err(|code| malformed(text(code)));
    if context.sizeof() <= KEPT_BYTES {
        contexts.zstd.give(context);
    }
    match made? {
        made if made == len => Ok(()),
        _ => Err(malformed("zstd data: another length than the frame says")),
    }
}

fn text(code: usize) -> String {
    format!("zstd data: {}", zstd_safe::get_error_name(code))
}
