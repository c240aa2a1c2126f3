//! The decoder: buffering, the end of the data and errors, the same for all algorithms.
//!
//! The algorithms' own decoders have one of two shapes. Those of gzip and zstd write to whatever
//! slice they are given (`read`); that of lz4 needs its last 64 KiB of output at hand and so
//! hands out its own memory (`fill`, `available`, `consume`).

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::input::{gather, peek};
use super::{Algorithm, Contexts, Framing};
use crate::Limits;
use crate::error::{Error, ErrorKind, Result};

#[cfg(feature = "gzip")]
use super::gzip;
#[cfg(feature = "lz4")]
use super::lz4;
#[cfg(feature = "zstd")]
use super::zstd;

/// Reads the plain bytes of compressed data.
///
/// The data must be complete and nothing may follow it but, in a file, zeros: the inner reader ends
/// where the data of one table, large object or file ends. Several frames (lz4, zstd) or members
/// (gzip files) one after another are one piece of data.
///
/// What was decoded before an error is handed out first. After an error every further read fails
/// with the same error. [`Error::from`] takes an [`Error`] out of the [`io::Error`].
///
/// As [`BufRead`] it hands out its own memory, or for [`Algorithm::None`] that of the inner
/// reader: `fill_buf` and `consume` move no byte more than decoding needs.
pub(crate) struct Decoder<R> {
    reader: R,
    engine: Engine,
}

/// All but the reader.
struct Engine {
    codec: Codec,
    buffer: Buffer,
    failed: Option<io::Error>,
    contexts: Arc<Contexts>,
}

#[allow(clippy::large_enum_variant)] // one per decoder, never many
enum Codec {
    None,
    #[cfg(feature = "gzip")]
    Gzip(gzip::Decoder),
    #[cfg(feature = "lz4")]
    Lz4(lz4::Decoder),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Decoder),
}

impl<R: BufRead> Decoder<R> {
    /// A decoder of the data in `reader`, which are compressed with `algorithm`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnsupportedCompression`] for [`Algorithm::Unknown`],
    /// [`ErrorKind::NotEnabled`] if this build is without the algorithm's feature.
    pub(crate) fn new(
        reader: R,
        algorithm: Algorithm,
        framing: Framing,
        limits: &Limits,
        contexts: &Arc<Contexts>,
    ) -> Result<Self> {
        // Each is unused in some build.
        let _ = (framing, limits);
        let codec = match algorithm {
            Algorithm::None => Codec::None,
            #[cfg(feature = "gzip")]
            Algorithm::Gzip => Codec::Gzip(gzip::Decoder::new(framing, contexts)),
            #[cfg(feature = "lz4")]
            Algorithm::Lz4 => Codec::Lz4(lz4::Decoder::new(framing, contexts)),
            #[cfg(feature = "zstd")]
            Algorithm::Zstd => Codec::Zstd(zstd::Decoder::new(framing, limits, contexts)?),
            Algorithm::Unknown(_) => {
                return Err(Error::new(ErrorKind::UnsupportedCompression(algorithm)));
            }
            #[cfg(not(all(feature = "gzip", feature = "lz4", feature = "zstd")))]
            known => return Err(Error::new(ErrorKind::NotEnabled(known))),
        };
        let buffer = Buffer::new();
        Ok(Decoder {
            reader,
            engine: Engine { codec, buffer, failed: None, contexts: Arc::clone(contexts) },
        })
    }
}

impl<R> Decoder<R> {
    /// The same decoder with its reader in another form, if `change` can do that.
    #[allow(clippy::result_large_err)] // once for a long stream
    pub(super) fn with_reader<S>(
        self,
        change: impl FnOnce(R) -> std::result::Result<S, R>,
    ) -> std::result::Result<Decoder<S>, Self> {
        let Decoder { reader, engine } = self;
        match change(reader) {
            Ok(reader) => Ok(Decoder { reader, engine }),
            Err(reader) => Err(Decoder { reader, engine }),
        }
    }

    /// The inner reader, where decoding has come to.
    pub(crate) fn into_inner(self) -> R {
        self.reader
    }

    /// The inner reader.
    pub(crate) fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Takes bytes behind the members of a gzip file for nothing, as zlib's `gzread` and with it
    /// pg_restore.
    pub(crate) fn be_lenient(&mut self) {
        match &mut self.engine.codec {
            #[cfg(feature = "gzip")]
            Codec::Gzip(decoder) => decoder.be_lenient(),
            _ => {}
        }
    }

    /// Goes on behind pieces that were decompressed by other means. Of a zlib stream: what they
    /// became ends with `window`, and has this checksum.
    pub(crate) fn resume(&mut self, window: &[u8], checksum: u32) -> io::Result<()> {
        // Unused in some builds.
        let _ = (window, checksum);
        match &mut self.engine.codec {
            Codec::None => {}
            #[cfg(feature = "gzip")]
            Codec::Gzip(decoder) => decoder.resume(window, checksum)?,
            #[cfg(feature = "lz4")]
            Codec::Lz4(decoder) => decoder.resume(),
            #[cfg(feature = "zstd")]
            Codec::Zstd(decoder) => decoder.resume(),
        }
        Ok(())
    }

    /// At the end: whether there were such bytes.
    pub(crate) fn has_ignored(&self) -> bool {
        match &self.engine.codec {
            #[cfg(feature = "gzip")]
            Codec::Gzip(decoder) => decoder.has_ignored(),
            _ => false,
        }
    }

    /// At the end: whether there was no frame at all, where there should be one.
    pub(crate) fn has_no_frames(&self) -> bool {
        match &self.engine.codec {
            #[cfg(feature = "lz4")]
            Codec::Lz4(decoder) => !decoder.has_frames(),
            #[cfg(feature = "zstd")]
            Codec::Zstd(decoder) => !decoder.has_frames(),
            _ => false,
        }
    }

    /// Bytes that were taken from the inner reader ahead of decoding.
    pub(crate) fn ahead(&self) -> usize {
        match &self.engine.codec {
            #[cfg(feature = "gzip")]
            Codec::Gzip(decoder) => decoder.ahead(),
            _ => 0,
        }
    }
}

impl Engine {
    /// Makes sure that there are bytes in the buffer, or with lz4 in its window, unless the data
    /// have ended.
    fn fill<R: BufRead>(&mut self, reader: &mut R) -> io::Result<()> {
        match &mut self.codec {
            #[cfg(feature = "lz4")]
            Codec::Lz4(decoder) if decoder.available().is_empty() => decoder.fill(reader),
            #[cfg(feature = "lz4")]
            Codec::Lz4(_) => Ok(()),
            _ if !self.buffer.is_empty() => Ok(()),
            _ => {
                let mut buffer = std::mem::take(&mut self.buffer);
                let result = self.read(reader, buffer.space(&self.contexts));
                self.buffer = buffer;
                self.buffer.filled(*result.as_ref().unwrap_or(&0));
                result.map(drop)
            }
        }
    }

    /// Decodes to `out`, which is not empty; 0 is the end.
    fn read<R: BufRead>(&mut self, reader: &mut R, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.codec {
            Codec::None => {
                let (count, error) = gather(reader, out);
                self.failed = error;
                if count == 0 { self.check().map(|()| 0) } else { Ok(count) }
            }
            #[cfg(feature = "gzip")]
            Codec::Gzip(decoder) => decoder.read(reader, out, &self.contexts),
            #[cfg(feature = "lz4")]
            Codec::Lz4(decoder) => {
                if decoder.available().is_empty() {
                    decoder.fill(reader)?;
                }
                let count = copy(decoder.available(), out);
                decoder.consume(count);
                Ok(count)
            }
            #[cfg(feature = "zstd")]
            Codec::Zstd(decoder) => decoder.read(reader, out),
        }
    }

    /// Gives the error there was: itself the first time, copies afterwards.
    fn check(&mut self) -> io::Result<()> {
        match self.failed.take() {
            None => Ok(()),
            Some(error) => {
                self.failed = Some(copy_of(&error));
                Err(error)
            }
        }
    }

    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.failed = Some(copy_of(error));
        }
        result
    }

    fn has_own_memory(&self) -> bool {
        match self.codec {
            #[cfg(feature = "lz4")]
            Codec::Lz4(_) => true,
            _ => false,
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Decoder { reader, engine } = self;
        if engine.buffer.is_empty() {
            engine.check()?;
            if out.is_empty() {
                return Ok(0);
            }
            if out.len() >= Buffer::FIRST || engine.has_own_memory() {
                let result = engine.read(reader, out);
                return engine.note(result);
            }
            let result = engine.fill(reader);
            engine.note(result)?;
        }
        Ok(engine.buffer.take(out))
    }
}

impl<R: BufRead> BufRead for Decoder<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Decoder { reader, engine } = self;
        if engine.buffer.is_empty() {
            engine.check()?;
            if matches!(engine.codec, Codec::None) {
                let result = peek(reader, |input| input.len());
                if engine.note(result)? >= Buffer::FIRST {
                    // The same bytes again, borrowed this time.
                    return reader.fill_buf();
                }
            }
            let result = engine.fill(reader);
            engine.note(result)?;
        }
        match &engine.codec {
            #[cfg(feature = "lz4")]
            Codec::Lz4(decoder) => Ok(decoder.available()),
            _ => Ok(engine.buffer.bytes()),
        }
    }

    fn consume(&mut self, count: usize) {
        match &mut self.engine.codec {
            #[cfg(feature = "lz4")]
            Codec::Lz4(decoder) => decoder.consume(count),
            Codec::None if self.engine.buffer.is_empty() => self.reader.consume(count),
            _ => self.engine.buffer.consume(count),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let codec = std::mem::replace(&mut self.codec, Codec::None);
        match codec {
            Codec::None => {}
            #[cfg(feature = "gzip")]
            Codec::Gzip(decoder) => decoder.give_back(&self.contexts),
            #[cfg(feature = "lz4")]
            Codec::Lz4(decoder) => decoder.give_back(&self.contexts),
            #[cfg(feature = "zstd")]
            Codec::Zstd(decoder) => decoder.give_back(&self.contexts),
        }
        self.buffer.give_back(&self.contexts);
    }
}

impl<R> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = match &self.engine.codec {
            Codec::None => Algorithm::None,
            #[cfg(feature = "gzip")]
            Codec::Gzip(_) => Algorithm::Gzip,
            #[cfg(feature = "lz4")]
            Codec::Lz4(_) => Algorithm::Lz4,
            #[cfg(feature = "zstd")]
            Codec::Zstd(_) => Algorithm::Zstd,
        };
        f.debug_struct("Decoder")
            .field("algorithm", &algorithm)
            .field("failed", &self.engine.failed)
            .finish_non_exhaustive()
    }
}

/// Bytes that were decoded and not yet consumed.
#[derive(Default)]
struct Buffer {
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    const FIRST: usize = 16 << 10;
    /// Inflate copies its last 32 KiB aside at every call, which a larger buffer makes rarer.
    const MOST: usize = 256 << 10;

    const fn new() -> Self {
        Buffer { memory: Vec::new(), start: 0, end: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    fn take(&mut self, out: &mut [u8]) -> usize {
        let count = copy(self.bytes(), out);
        self.consume(count);
        count
    }

    /// The whole memory, larger if the last use filled it. Follow with `filled`.
    fn space(&mut self, contexts: &Contexts) -> &mut [u8] {
        if self.memory.is_empty() {
            self.memory = contexts.buffers.take().unwrap_or_else(|| vec![0; Self::FIRST]);
        } else if self.end == self.memory.len() && self.end < Self::MOST {
            self.memory.resize(2 * self.end, 0);
        }
        &mut self.memory
    }

    fn filled(&mut self, count: usize) {
        (self.start, self.end) = (0, count);
    }

    fn give_back(&mut self, contexts: &Contexts) {
        if !self.memory.is_empty() {
            contexts.buffers.give(std::mem::take(&mut self.memory));
        }
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    count
}

/// An error to give again. The original goes to the caller with all that it carries.
fn copy_of(error: &io::Error) -> io::Error {
    let Some(ours) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        };
    };
    let mut copy = Error::new(match ours.kind() {
        ErrorKind::Truncated { within } => ErrorKind::Truncated { within: within.clone() },
        ErrorKind::Malformed { what } => ErrorKind::Malformed { what: what.clone() },
        &ErrorKind::Limit { what, limit, knob } => ErrorKind::Limit { what, limit, knob },
        _ => ErrorKind::Io(io::Error::new(error.kind(), error.to_string())),
    });
    if let Some(fault) = ours.fault() {
        copy = copy.with_fault(fault);
    }
    if let Some(offset) = ours.offset() {
        copy = copy.at(offset);
    }
    if let Some(member) = ours.member() {
        copy = copy.in_member(member);
    }
    if let Some(entry) = ours.entry() {
        copy = copy.in_entry(|| entry.clone());
    }
    copy.into()
}
