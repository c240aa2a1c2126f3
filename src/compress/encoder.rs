//! The encoder: the mirror of `decoder.rs`.

// What the algorithms share is idle in a build that lacks some.
#![cfg_attr(
    not(all(feature = "gzip", feature = "lz4", feature = "zstd")),
    allow(dead_code, unreachable_code, unused_variables, clippy::needless_update)
)]

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(any(feature = "gzip", feature = "lz4"))]
use super::parallel::Workers;
use super::{Algorithm, Framing};
use crate::error::{Error, ErrorKind, Result};

/// How to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    algorithm: Algorithm,
    level: Option<i32>,
    /// Look for repetitions far back (zstd).
    long: bool,
}

impl Encoding {
    /// # Errors
    ///
    /// A level the algorithm does not have, an unknown algorithm, or one that this build is
    /// without.
    pub(crate) fn new(algorithm: Algorithm, level: Option<i32>, long: bool) -> Result<Self> {
        let levels = match algorithm {
            Algorithm::None => 0..=0,
            #[cfg(feature = "gzip")]
            Algorithm::Gzip => gzip::LEVELS,
            #[cfg(feature = "lz4")]
            Algorithm::Lz4 => lz4::LEVELS,
            #[cfg(feature = "zstd")]
            Algorithm::Zstd => zstd::levels(),
            Algorithm::Unknown(_) => {
                return Err(Error::new(ErrorKind::UnsupportedCompression(algorithm)));
            }
            #[cfg(not(all(feature = "gzip", feature = "lz4", feature = "zstd")))]
            known => return Err(Error::new(ErrorKind::NotEnabled(known))),
        };
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
        Ok(Encoding { algorithm, level, long })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// States of compressors for the next one: they are large, and most tables small.
#[derive(Default)]
pub(crate) struct EncoderPool {
    /// Threads that compress together, if there are several.
    threads: u32,
    #[cfg(any(feature = "gzip", feature = "lz4"))]
    workers: Option<Arc<Workers>>,
    #[cfg(feature = "gzip")]
    gzip: Mutex<Vec<(i32, gzip::State)>>,
    #[cfg(feature = "zstd")]
    zstd: Mutex<Vec<zstd_safe::CCtx<'static>>>,
}

impl EncoderPool {
    /// For data that `threads` threads compress together.
    pub(crate) fn with_threads(threads: u32) -> io::Result<Self> {
        if threads < 2 {
            return Ok(EncoderPool::default());
        }
        Ok(EncoderPool {
            threads,
            #[cfg(any(feature = "gzip", feature = "lz4"))]
            workers: Some(Arc::new(Workers::new(threads as usize)?)),
            ..EncoderPool::default()
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

fn take<T>(pool: &Mutex<Vec<T>>) -> Option<T> {
    pool.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn give<T>(pool: &Mutex<Vec<T>>, item: T) {
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
    #[cfg(feature = "gzip")]
    Gzip(gzip::Encoder),
    #[cfg(feature = "lz4")]
    Lz4(lz4::Encoder),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Encoder),
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(
        writer: W,
        encoding: Encoding,
        framing: Framing,
        pool: &Arc<EncoderPool>,
    ) -> io::Result<Self> {
        // Unused in some builds.
        let _ = framing;
        let codec = match encoding.algorithm {
            #[cfg(feature = "gzip")]
            Algorithm::Gzip => Codec::Gzip(gzip::Encoder::new(encoding.level, framing, pool)),
            #[cfg(feature = "lz4")]
            Algorithm::Lz4 => Codec::Lz4(lz4::Encoder::new(pool)),
            #[cfg(feature = "zstd")]
            Algorithm::Zstd => Codec::Zstd(zstd::Encoder::new(encoding, pool)?),
            // `Encoding::new` lets no other through.
            _ => Codec::None,
        };
        Ok(Encoder { writer, codec, pool: Arc::clone(pool) })
    }

    /// Writes what is held back and the end of the data.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        match &mut self.codec {
            Codec::None => {}
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

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.codec {
            Codec::None => return self.writer.write(buf),
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
const OUTPUT: usize = 64 << 10;

/// Deflate, with the two wrappers around it. Only these differ between custom and directory
/// archives, so they are written here and the compressor makes the bare data.
#[cfg(feature = "gzip")]
pub(crate) mod gzip {
    use std::io::{self, Write};
    use std::ops::RangeInclusive;
    use std::sync::Arc;

    use flate2::{Compress, Compression, FlushCompress, Status};

    use super::super::parallel::{BlockCodec, Blocks};
    use super::{EncoderPool, Framing, OUTPUT, give, take};

    pub(super) const LEVELS: RangeInclusive<i32> = -1..=9;

    /// What zlib-rs needs for the size that zlib's default, 6, gives: measured.
    const DEFAULT: i32 = 5;

    pub(super) type State = Compress;

    /// The checksum behind deflate data, and the wrapper around it.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Wrapper {
        framing: Framing,
        checksum: u32,
        length: u32,
    }

    impl Wrapper {
        pub(crate) fn new(framing: Framing) -> Self {
            let checksum = match framing {
                Framing::Stream => 1,
                Framing::File => 0,
            };
            Wrapper { framing, checksum, length: 0 }
        }

        /// Takes plain bytes into account.
        pub(crate) fn update(&mut self, bytes: &[u8]) {
            self.checksum = match self.framing {
                Framing::Stream => zlib_rs::adler32::adler32(self.checksum, bytes),
                Framing::File => zlib_rs::crc32::crc32(self.checksum, bytes),
            };
            // A gzip file stores the length modulo 2^32.
            self.length = self.length.wrapping_add(bytes.len() as u32);
        }

        /// What stands before the deflate data. `level` is but a remark in it.
        pub(crate) fn header(&self, level: i32) -> &'static [u8] {
            match (self.framing, level) {
                (Framing::File, 9) => b"\x1f\x8b\x08\0\0\0\0\0\x02\x03",
                (Framing::File, 1) => b"\x1f\x8b\x08\0\0\0\0\0\x04\x03",
                (Framing::File, _) => b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
                (Framing::Stream, 0 | 1) => b"\x78\x01",
                (Framing::Stream, 2..=5) => b"\x78\x5e",
                (Framing::Stream, 7..) => b"\x78\xda",
                (Framing::Stream, _) => b"\x78\x9c",
            }
        }

        /// What stands behind it.
        pub(crate) fn trailer(&self) -> ([u8; 8], usize) {
            let mut bytes = [0; 8];
            match self.framing {
                Framing::Stream => {
                    bytes[..4].copy_from_slice(&self.checksum.to_be_bytes());
                    (bytes, 4)
                }
                Framing::File => {
                    bytes[..4].copy_from_slice(&self.checksum.to_le_bytes());
                    bytes[4..].copy_from_slice(&self.length.to_le_bytes());
                    (bytes, 8)
                }
            }
        }
    }

    pub(super) struct Encoder {
        way: Way,
        /// As asked for; -1 for the default.
        level: i32,
        wrapper: Wrapper,
        begun: bool,
    }

    enum Way {
        Alone { state: State, output: Vec<u8> },
        Together(Blocks<Deflate>),
    }

    /// Parts of one deflate stream.
    struct Deflate {
        effort: u32,
    }

    impl BlockCodec for Deflate {
        /// As far back as deflate reaches.
        const OVERLAP: usize = 32 << 10;

        type State = State;

        fn state(&self) -> State {
            Compress::new(Compression::new(self.effort), false)
        }

        fn compress(
            &self,
            state: &mut State,
            before: &[u8],
            block: &[u8],
            last: bool,
        ) -> io::Result<Vec<u8>> {
            let failed = |error| io::Error::other(format!("deflate: {error}"));
            state.reset();
            if !before.is_empty() {
                state.set_dictionary(before).map_err(failed)?;
            }
            // A block that is not the last ends at a whole byte.
            let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
            let mut output = Vec::with_capacity(block.len() / 2 + 1024);
            loop {
                let used = state.total_in() as usize;
                let status =
                    state.compress_vec(&block[used..], &mut output, flush).map_err(failed)?;
                let room = output.len() < output.capacity();
                if status == Status::StreamEnd
                    || (!last && state.total_in() as usize == block.len() && room)
                {
                    return Ok(output);
                }
                output.reserve(block.len() / 4 + 1024);
            }
        }
    }

    impl Encoder {
        pub(super) fn new(level: Option<i32>, framing: Framing, pool: &EncoderPool) -> Self {
            let level = level.unwrap_or(-1);
            let effort = if level < 0 { DEFAULT } else { level } as u32;
            let way = match &pool.workers {
                Some(workers) => {
                    Way::Together(Blocks::new(Deflate { effort }, Arc::clone(workers)))
                }
                None => {
                    let state = match take(&pool.gzip) {
                        Some((kept, mut state)) if kept == level => {
                            state.reset();
                            state
                        }
                        _ => Compress::new(Compression::new(effort), false),
                    };
                    Way::Alone { state, output: vec![0; OUTPUT] }
                }
            };
            Encoder { way, level, wrapper: Wrapper::new(framing), begun: false }
        }

        pub(super) fn give_back(self, pool: &EncoderPool) {
            if let Way::Alone { state, .. } = self.way {
                give(&pool.gzip, (self.level, state));
            }
        }

        fn begin(&mut self, writer: &mut impl Write) -> io::Result<()> {
            if !std::mem::replace(&mut self.begun, true) {
                writer.write_all(self.wrapper.header(self.level))?;
            }
            Ok(())
        }

        pub(super) fn write(&mut self, writer: &mut impl Write, buf: &[u8]) -> io::Result<()> {
            self.begin(writer)?;
            self.wrapper.update(buf);
            match &mut self.way {
                Way::Together(blocks) => blocks.write(buf, writer),
                Way::Alone { state, output } => {
                    let mut left = buf;
                    while !left.is_empty() {
                        let (used, _) = step(state, output, writer, left, FlushCompress::None)?;
                        left = &left[used..];
                    }
                    Ok(())
                }
            }
        }

        pub(super) fn finish(&mut self, writer: &mut impl Write) -> io::Result<()> {
            self.begin(writer)?;
            match &mut self.way {
                Way::Together(blocks) => blocks.finish(writer)?,
                Way::Alone { state, output } => {
                    while !step(state, output, writer, &[], FlushCompress::Finish)?.1 {}
                }
            }
            let (trailer, len) = self.wrapper.trailer();
            writer.write_all(&trailer[..len])
        }
    }

    /// One step: how many bytes were used, and whether the data is complete.
    fn step(
        state: &mut State,
        output: &mut [u8],
        writer: &mut impl Write,
        input: &[u8],
        flush: FlushCompress,
    ) -> io::Result<(usize, bool)> {
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let status = state
            .compress(input, output, flush)
            .map_err(|error| io::Error::other(format!("deflate: {error}")))?;
        let used = (state.total_in() - before_in) as usize;
        let made = (state.total_out() - before_out) as usize;
        writer.write_all(&output[..made])?;
        let ended = status == Status::StreamEnd;
        if used == 0 && made == 0 && !ended {
            return Err(io::Error::other("deflate: no progress"));
        }
        Ok((used, ended))
    }
}

/// LZ4 frames: independent blocks of 256 KiB, which are found and compressed about as well as
/// the linked ones of 64 KiB that PostgreSQL writes, and can be compressed by several threads.
#[cfg(feature = "lz4")]
mod lz4 {
    use std::io::{self, Write};
    use std::ops::RangeInclusive;

    use std::sync::Arc;

    use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

    use super::super::parallel::{BLOCK, BlockCodec, Blocks};
    use super::EncoderPool;

    /// There is the fast way alone. PostgreSQL's levels from 3 on are another algorithm.
    pub(super) const LEVELS: RangeInclusive<i32> = 0..=2;

    /// Magic number; version 1, independent blocks; 256 KiB; checksum of these two bytes.
    const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x50, 0xfb];

    /// Of a block that is stored as it is.
    const PLAIN: u32 = 1 << 31;

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

    pub(super) struct Encoder {
        way: Way,
        begun: bool,
    }

    enum Way {
        Alone { table: Box<CompressTable>, input: Vec<u8> },
        Together(Blocks<Independent>),
    }

    impl Encoder {
        pub(super) fn new(pool: &EncoderPool) -> Self {
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

        pub(super) fn write(&mut self, writer: &mut impl Write, buf: &[u8]) -> io::Result<()> {
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

        pub(super) fn finish(&mut self, writer: &mut impl Write) -> io::Result<()> {
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
}

/// Zstandard frames, without checksums, as PostgreSQL's.
#[cfg(feature = "zstd")]
mod zstd {
    use std::io::{self, Write};
    use std::ops::RangeInclusive;

    use zstd_safe::zstd_sys::ZSTD_EndDirective;
    use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, SafeResult};

    use super::{EncoderPool, Encoding, OUTPUT, give, take};

    /// The default of PostgreSQL and of zstd.
    const DEFAULT: i32 = 3;

    /// Of the long-distance mode: the most that every decoder takes without being asked.
    const LONG_WINDOW_LOG: u32 = 27;

    /// A context of the highest levels holds hundreds of MiB and is not kept.
    const KEPT_BYTES: usize = 32 << 20;

    pub(super) fn levels() -> RangeInclusive<i32> {
        zstd_safe::min_c_level()..=zstd_safe::max_c_level()
    }

    pub(super) struct Encoder {
        context: CCtx<'static>,
        output: Vec<u8>,
    }

    fn error(code: usize) -> io::Error {
        io::Error::other(format!("zstd: {}", zstd_safe::get_error_name(code)))
    }

    impl Encoder {
        pub(super) fn new(encoding: Encoding, pool: &EncoderPool) -> io::Result<Self> {
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

        pub(super) fn give_back(self, pool: &EncoderPool) {
            if self.context.sizeof() <= KEPT_BYTES {
                give(&pool.zstd, self.context);
            }
        }

        pub(super) fn write(&mut self, writer: &mut impl Write, buf: &[u8]) -> io::Result<()> {
            let mut input = InBuffer::around(buf);
            while input.pos() < buf.len() {
                self.step(writer, &mut input, ZSTD_EndDirective::ZSTD_e_continue)?;
            }
            Ok(())
        }

        pub(super) fn finish(&mut self, writer: &mut impl Write) -> io::Result<()> {
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
            let left =
                self.context.compress_stream2(&mut output, input, directive).map_err(error)?;
            let made = output.pos();
            writer.write_all(&self.output[..made])?;
            Ok(left)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::Limits;
    use crate::compress::{Contexts, Decoder};

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
            what_is_written_by(threads);
        }
    }

    fn what_is_written_by(threads: u32) {
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
                for sample in samples() {
                    for piece in [7, 4096, usize::MAX] {
                        if piece == 7 && sample.len() > 10_000 && level != levels[0] {
                            continue;
                        }
                        let mut encoder =
                            Encoder::new(Vec::new(), encoding, framing, &pool).unwrap();
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
