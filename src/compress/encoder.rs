//! The encoder: the mirror of `decoder.rs`.

// What the algorithms share is idle in a build that lacks some.
#![cfg_attr(
    not(all(feature = "gzip", feature = "lz4", feature = "zstd")),
    allow(dead_code, unreachable_code, unused_variables, clippy::needless_update)
)]

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::Framing;
use super::framed;
#[cfg(feature = "gzip")]
use super::gzip;
#[cfg(feature = "lz4")]
use super::lz4;
use super::workers::Workers;
#[cfg(feature = "zstd")]
use super::zstd;
use crate::compression::Algorithm;
use crate::error::{Error, ErrorKind, Result};

/// How to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    algorithm: Algorithm,
    pub(super) level: Option<i32>,
    /// Look for repetitions far back (zstd).
    pub(super) long: bool,
    /// One stream without checksums, as pg_dump writes it, instead of pieces that stand alone.
    plain: bool,
}

/// What data holds, which says where it may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Lines: rows of a table.
    Rows,
    /// A large object.
    Bytes,
}

/// Takes stored bytes, in an archive whose data has chunks or not.
pub(crate) trait PieceSink: Write {
    /// What comes next begins a chunk, where there are chunks.
    fn begin_chunk(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The chunk that was begun takes up to 4 MiB, so that a frame needs no other.
    fn keep_whole(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Stored bytes in memory, without chunks.
impl PieceSink for Vec<u8> {}

impl Encoding {
    /// # Errors
    ///
    /// A level the algorithm does not have, an unknown algorithm, or one that this build is
    /// without.
    pub(crate) fn new(algorithm: Algorithm, level: Option<i32>, long: bool) -> Result<Self> {
        let Some(levels) = algorithm.levels() else {
            return Err(Error::new(ErrorKind::UnsupportedCompression(algorithm)));
        };
        if !algorithm.is_enabled() {
            return Err(Error::new(ErrorKind::NotEnabled(algorithm)));
        }
        if let Some(level) = level.filter(|level| !levels.contains(level)) {
            return Err(Error::usage(format!(
                "compression {algorithm} has levels {} to {}, not {level}",
                levels.start(),
                levels.end(),
            )));
        }
        if long && algorithm != Algorithm::Zstd {
            return Err(Error::usage("only zstd has a long-distance mode"));
        }
        Ok(Encoding { algorithm, level, long, plain: false })
    }

    /// In the form of pg_dump, or not.
    pub(crate) fn with_plain(self, plain: bool) -> Self {
        Encoding { plain, ..self }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// What compresses: threads, and what the next compressor can use again.
#[derive(Default)]
pub(crate) struct EncoderPool {
    /// Threads that compress together, if there are several.
    pub(super) threads: u32,
    pub(super) workers: Option<Arc<Workers>>,
    /// Apart from the threads, which use it and must not be those that end themselves.
    pub(super) states: Arc<States>,
}

/// States of compressors for the next one: they are large, and most tables small.
#[derive(Default)]
pub(super) struct States {
    #[cfg(feature = "gzip")]
    pub(super) gzip: Mutex<Vec<(i32, gzip::encode::State)>>,
    #[cfg(feature = "lz4")]
    pub(super) lz4: Mutex<Vec<lz4::encode::State>>,
    #[cfg(feature = "zstd")]
    pub(super) zstd: Mutex<Vec<zstd_safe::CCtx<'static>>>,
}

impl EncoderPool {
    /// For data that `threads` threads compress together.
    pub(crate) fn with_threads(threads: u32) -> io::Result<Self> {
        if threads < 2 {
            return Ok(EncoderPool::default());
        }
        Ok(EncoderPool {
            threads,
            workers: Some(Arc::new(Workers::new("compress", threads as usize)?)),
            states: Arc::default(),
        })
    }

    pub(crate) fn threads(&self) -> u32 {
        self.threads
    }
}

impl fmt::Debug for EncoderPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncoderPool")
    }
}

/// As many as there are threads that profit.
const KEPT: usize = 8;

pub(super) fn take<T>(pool: &Mutex<Vec<T>>) -> Option<T> {
    pool.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

pub(super) fn give<T>(pool: &Mutex<Vec<T>>, item: T) {
    let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.len() < KEPT {
        pool.push(item);
    }
}

/// Compresses what is written to it. Complete only after [`finish`](Self::finish): dropped
/// before, it leaves data that every reader takes for cut off. `flush` ends nothing.
pub(crate) struct Encoder<W> {
    writer: W,
    codec: Codec,
    pool: Arc<EncoderPool>,
}

enum Codec {
    None,
    Framed(framed::Encoder),
    #[cfg(feature = "gzip")]
    Gzip(gzip::encode::Encoder),
    #[cfg(feature = "lz4")]
    Lz4(lz4::encode::Encoder),
    #[cfg(feature = "zstd")]
    Zstd(zstd::encode::Encoder),
}

impl<W: PieceSink> Encoder<W> {
    pub(crate) fn new(
        writer: W,
        encoding: Encoding,
        framing: Framing,
        content: Content,
        pool: &Arc<EncoderPool>,
    ) -> io::Result<Self> {
        // What is not compressed has no frames. Its chunks hold whole rows, if it has chunks.
        let has_pieces = encoding.algorithm != Algorithm::None
            || (framing, content) == (Framing::Stream, Content::Rows);
        if !encoding.plain && has_pieces {
            let codec = Codec::Framed(framed::Encoder::new(encoding, framing, content, pool));
            return Ok(Encoder { writer, codec, pool: Arc::clone(pool) });
        }
        let codec = match encoding.algorithm {
            #[cfg(feature = "gzip")]
            Algorithm::Gzip => {
                Codec::Gzip(gzip::encode::Encoder::new(encoding.level, framing, pool))
            }
            #[cfg(feature = "lz4")]
            Algorithm::Lz4 => Codec::Lz4(lz4::encode::Encoder::new(pool)),
            #[cfg(feature = "zstd")]
            Algorithm::Zstd => Codec::Zstd(zstd::encode::Encoder::new(encoding, pool)?),
            // `Encoding::new` lets no other through.
            _ => Codec::None,
        };
        Ok(Encoder { writer, codec, pool: Arc::clone(pool) })
    }

    /// Writes what is held back and the end of the data.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        match &mut self.codec {
            Codec::None => {}
            Codec::Framed(encoder) => encoder.finish(&mut self.writer)?,
            #[cfg(feature = "gzip")]
            Codec::Gzip(encoder) => encoder.finish(&mut self.writer)?,
            #[cfg(feature = "lz4")]
            Codec::Lz4(encoder) => encoder.finish(&mut self.writer)?,
            #[cfg(feature = "zstd")]
            Codec::Zstd(encoder) => encoder.finish(&mut self.writer)?,
        }
        match self.codec {
            #[cfg(feature = "gzip")]
            Codec::Gzip(encoder) => encoder.give_back(&self.pool),
            #[cfg(feature = "zstd")]
            Codec::Zstd(encoder) => encoder.give_back(&self.pool),
            _ => {}
        }
        Ok(self.writer)
    }
}

impl<W: PieceSink> Write for Encoder<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.codec {
            Codec::None => return self.writer.write(buf),
            Codec::Framed(encoder) => encoder.write(&mut self.writer, buf)?,
            #[cfg(feature = "gzip")]
            Codec::Gzip(encoder) => encoder.write(&mut self.writer, buf)?,
            #[cfg(feature = "lz4")]
            Codec::Lz4(encoder) => encoder.write(&mut self.writer, buf)?,
            #[cfg(feature = "zstd")]
            Codec::Zstd(encoder) => encoder.write(&mut self.writer, buf)?,
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W> fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

/// Room for what a compressor hands out at once.
pub(super) const OUTPUT: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::Limits;
    use crate::compress::{Contexts, Decoder};
    use pgdmp_testkit::effort::is_exhaustive;

    fn samples() -> Vec<Vec<u8>> {
        let mut noise = 1_u64;
        let random: Vec<u8> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 56) as u8
        })
        .take(700_000)
        .collect();
        let text: Vec<u8> =
            (0..90_000).flat_map(|n| format!("{n}\trow {n}\n").into_bytes()).collect();
        vec![Vec::new(), b"x".to_vec(), text, random]
    }

    #[test]
    fn what_is_written_is_read() {
        for threads in [1, 3] {
            for (plain, content) in
                [(true, Content::Rows), (false, Content::Rows), (false, Content::Bytes)]
            {
                what_is_written_by(threads, plain, content);
            }
        }
    }

    fn what_is_written_by(threads: u32, plain: bool, content: Content) {
        let pool = Arc::new(EncoderPool::with_threads(threads).unwrap());
        for algorithm in [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd] {
            let levels: &[Option<i32>] = match algorithm {
                Algorithm::None => &[None],
                Algorithm::Gzip => &[None, Some(-1), Some(0), Some(1), Some(6), Some(9)],
                Algorithm::Lz4 => &[None, Some(1)],
                _ => &[None, Some(-5), Some(1), Some(19)],
            };
            for (&level, framing) in
                levels.iter().flat_map(|level| [(level, Framing::Stream), (level, Framing::File)])
            {
                let encoding = Encoding::new(algorithm, level, false).unwrap();
                let encoding = encoding.with_plain(plain);
                for sample in samples() {
                    for piece in [7, 4096, usize::MAX] {
                        if piece == 7 && sample.len() > 10_000 && level != levels[0] {
                            continue;
                        }
                        if !plain && (level != levels[0] || piece != 4096) && !is_exhaustive() {
                            continue;
                        }
                        // Slow levels have the same framing.
                        let usual =
                            level == levels[0] || (piece == usize::MAX && framing == Framing::File);
                        if !usual && !is_exhaustive() {
                            continue;
                        }
                        let mut encoder =
                            Encoder::new(Vec::new(), encoding, framing, content, &pool).unwrap();
                        for bytes in sample.chunks(piece.min(sample.len().max(1))) {
                            encoder.write_all(bytes).unwrap();
                        }
                        let stored = encoder.finish().unwrap();
                        let contexts = Arc::new(Contexts::default());
                        let mut decoder = Decoder::new(
                            &stored[..],
                            algorithm,
                            framing,
                            &Limits::new(),
                            &contexts,
                        )
                        .unwrap();
                        let mut plain = Vec::new();
                        decoder.read_to_end(&mut plain).unwrap();
                        assert!(plain == sample, "{algorithm} {level:?} {framing:?}");
                        if sample.is_empty() && algorithm != Algorithm::None {
                            assert!(!stored.is_empty(), "an empty frame is not nothing");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn levels_are_checked() {
        assert!(Encoding::new(Algorithm::Gzip, Some(10), false).is_err());
        assert!(Encoding::new(Algorithm::Lz4, Some(9), false).is_err());
        assert!(Encoding::new(Algorithm::Zstd, Some(23), false).is_err());
        assert!(Encoding::new(Algorithm::None, Some(1), false).is_err());
        assert!(Encoding::new(Algorithm::Gzip, None, true).is_err());
        assert!(Encoding::new(Algorithm::Unknown(9), None, false).is_err());
    }
}
