//! Pieces, read by one or several threads, become what a decoder makes of them: its bytes, and its
//! errors.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};

use pgdmp_testkit::effort::is_exhaustive;

use crate::Limits;
use crate::compress::{
    Algorithm, Content, Contexts, Decoder, Encoder, EncoderPool, Encoding, Framing, PieceReader,
    PieceSink, PieceSource,
};

/// Stored bytes in chunks, or a file, which is one that is at hand in buffers.
#[derive(Clone, Default)]
struct Chunks {
    chunks: Vec<Vec<u8>>,
    /// Bytes that are at hand at once.
    buffer: usize,
    is_file: bool,
    chunk: usize,
    used: usize,
}

impl Chunks {
    fn of(chunks: Vec<Vec<u8>>) -> Self {
        Chunks { chunks, buffer: 1 << 16, ..Chunks::default() }
    }

    fn file(bytes: Vec<u8>) -> Self {
        Chunks { is_file: true, ..Chunks::of(vec![bytes]) }
    }
}

impl PieceSink for &mut Chunks {
    fn begin_chunk(&mut self) -> io::Result<()> {
        if !self.is_file && self.chunks.last().is_none_or(|last| !last.is_empty()) {
            self.chunks.push(Vec::new());
        }
        Ok(())
    }
}

impl Write for &mut Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        self.chunks.last_mut().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BufRead for Chunks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunks.get(self.chunk).is_some_and(|chunk| chunk.len() == self.used) {
            (self.chunk, self.used) = (self.chunk + 1, 0);
        }
        let rest = self.chunks.get(self.chunk).map_or(&[][..], |chunk| &chunk[self.used..]);
        Ok(&rest[..rest.len().min(self.buffer)])
    }

    fn consume(&mut self, count: usize) {
        self.used += count;
    }
}

impl Read for Chunks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

impl PieceSource for Chunks {
    fn chunk(&mut self) -> io::Result<Option<(usize, usize)>> {
        let ended = self.fill_buf()?.is_empty();
        if ended || self.is_file {
            return Ok(None);
        }
        Ok(Some((self.used, self.chunks[self.chunk].len() - self.used)))
    }

    fn frame_within_chunk(&self) -> bool {
        false
    }

    fn detach(self) -> Result<Box<dyn PieceSource + Send>, Self> {
        Ok(Box::new(self))
    }

    fn position(&self) -> u64 {
        let before: usize = self.chunks[..self.chunk].iter().map(Vec::len).sum();
        (before + self.used) as u64
    }
}

/// What is read to the end or an error, and how it ends.
fn read(mut reader: impl BufRead) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    loop {
        match reader.fill_buf() {
            Ok([]) => return (bytes, None),
            Ok(more) => {
                bytes.extend_from_slice(more);
                let n = more.len();
                reader.consume(n);
            }
            Err(error) => {
                // Where it is, is added by whoever reads, or by the thread that does.
                let text = error.to_string();
                let what = text.split(", at offset ").next().unwrap_or_default();
                return (bytes, Some(what.to_owned()));
            }
        }
    }
}

fn check(
    stored: &Chunks,
    algorithm: Algorithm,
    framing: Framing,
    threads: u32,
) -> (Vec<u8>, Option<String>) {
    let limits = Limits::new();
    let contexts = Arc::new(Contexts::with_threads(threads));
    let decoder = Decoder::new(stored.clone(), algorithm, framing, &limits, &contexts).unwrap();
    let expected = read(decoder);
    let pieces = PieceReader::new(stored.clone(), algorithm, framing, &limits, &contexts).unwrap();
    let found = read(pieces);
    assert_eq!(found.1, expected.1, "{algorithm} {framing:?}");
    assert!(found.0 == expected.0, "{algorithm} {framing:?} {:?}", expected.1);
    // All that was lent to the threads came back.
    for _ in 0..threads + 2 {
        assert_eq!(contexts.acquire(), threads > 1);
    }
    found
}

fn rows(bytes: usize) -> Vec<u8> {
    let mut n = 7_u64;
    let mut rows = Vec::new();
    while rows.len() < bytes {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        rows.extend_from_slice(format!("{}\t{:x}\trow\n", n % 1000, n >> 40).as_bytes());
    }
    rows
}

fn encode(plain: &[u8], algorithm: Algorithm, framing: Framing, content: Content) -> Chunks {
    let encoding = Encoding::new(algorithm, None, false).unwrap();
    let pool = Arc::new(EncoderPool::default());
    let mut stored = Chunks::of(Vec::new());
    stored.is_file = framing == Framing::File;
    let mut encoder = Encoder::new(&mut stored, encoding, framing, content, &pool).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap();
    stored
}

const FORMS: [(Algorithm, Framing); 6] = [
    (Algorithm::Gzip, Framing::Stream),
    (Algorithm::Gzip, Framing::File),
    (Algorithm::Lz4, Framing::Stream),
    (Algorithm::Lz4, Framing::File),
    (Algorithm::Zstd, Framing::Stream),
    (Algorithm::Zstd, Framing::File),
];

#[test]
fn what_is_written_is_read_by_all_threads() {
    let plain = rows(3_200_000);
    for (algorithm, framing) in FORMS {
        let mut stored = encode(&plain, algorithm, framing, Content::Rows);
        if framing == Framing::Stream {
            assert_eq!(stored.chunks.len(), 4, "{algorithm}: a chunk for each piece");
        }
        for threads in [1, 2, 5] {
            for buffer in [1 << 16, 999] {
                stored.buffer = buffer;
                let read = check(&stored, algorithm, framing, threads);
                assert!(read.0 == plain);
            }
        }
        for short in [&b""[..], b"x", b"1\n\\.\n\n\n"] {
            let stored = encode(short, algorithm, framing, Content::Rows);
            assert!(check(&stored, algorithm, framing, 2).0 == short);
        }
    }
}

/// Each piece is what it says: it ends with a row, if rows end where it may, and not otherwise.
#[test]
fn pieces_of_rows() {
    let decode = |chunk: &Vec<u8>| {
        let contexts = Arc::new(Contexts::default());
        let stored = Chunks::of(vec![chunk.clone()]);
        let limits = Limits::new();
        let decoder = Decoder::new(stored, Algorithm::Zstd, Framing::Stream, &limits, &contexts);
        read(decoder.unwrap()).0
    };
    let plain = rows(2_500_000);
    let rows = encode(&plain, Algorithm::Zstd, Framing::Stream, Content::Rows);
    let pieces: Vec<Vec<u8>> = rows.chunks.iter().map(decode).collect();
    assert!(pieces.iter().all(|piece| piece.ends_with(b"\n") && piece.len() <= 1 << 20));
    assert!(pieces.concat() == plain);
    let bytes = encode(&plain, Algorithm::Zstd, Framing::Stream, Content::Bytes);
    assert_eq!(decode(&bytes.chunks[0]).len(), 1 << 20);
    let long = encode(&vec![b'x'; 2 << 20], Algorithm::Zstd, Framing::Stream, Content::Rows);
    assert_eq!(decode(&long.chunks[0]).len(), 1 << 20);
}

/// Every flipped bit is found in data of this form, and what is said of damage is what a decoder
/// says, by however many threads it is met.
#[test]
fn flipped_bits() {
    let plain = rows(2_200_000);
    let mut random = 99_u64;
    for (algorithm, framing) in FORMS {
        let stored = encode(&plain, algorithm, framing, Content::Rows);
        let len: usize = stored.chunks.iter().map(Vec::len).sum();
        for n in 0..if is_exhaustive() { 12 } else { 3 } {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut at = (random >> 20) as usize % len;
            let mut damaged = stored.clone();
            for chunk in &mut damaged.chunks {
                if let Some(byte) = chunk.get_mut(at) {
                    *byte ^= 1 << (n % 8);
                    break;
                }
                at -= chunk.len();
            }
            let (bytes, error) = check(&damaged, algorithm, framing, 1 + n % 3);
            // A bit of a header may mean nothing.
            assert!(error.is_some() || bytes == plain, "{algorithm} {framing:?}");
        }
        // Cut in a piece, between pieces, and with bytes behind.
        let mut cut = stored.clone();
        let last = cut.chunks.last_mut().unwrap();
        last.truncate(last.len() - 5);
        check(&cut, algorithm, framing, 2);
        if framing == Framing::Stream {
            let mut cut = stored.clone();
            cut.chunks.pop();
            check(&cut, algorithm, framing, 2);
        }
        for more in [&b"\0\0\0"[..], b"more"] {
            let mut longer = stored.clone();
            longer.chunks.last_mut().unwrap().extend_from_slice(more);
            check(&longer, algorithm, framing, 2);
        }
    }
}

/// A zlib stream that was flushed at ends of chunks, of which some refer to what came before.
#[test]
fn parts_that_refer_to_others() {
    let plain = rows(900_000);
    for (level, flush) in
        [(6, FlushCompress::Sync), (6, FlushCompress::Full), (0, FlushCompress::Sync)]
    {
        let mut compress = Compress::new(Compression::new(level), true);
        let mut chunks = Vec::new();
        let pieces: Vec<&[u8]> = plain.chunks(200_000).collect();
        for (n, piece) in pieces.iter().enumerate() {
            let flush = if n + 1 == pieces.len() { FlushCompress::Finish } else { flush };
            let mut chunk = Vec::with_capacity(2 * piece.len() + 1000);
            compress.compress_vec(piece, &mut chunk, flush).unwrap();
            chunks.push(chunk);
        }
        let stored = Chunks::of(chunks);
        for threads in [1, 2, 4] {
            assert!(check(&stored, Algorithm::Gzip, Framing::Stream, threads).0 == plain);
        }
        let mut damaged = stored;
        let last = damaged.chunks.last_mut().unwrap();
        let at = last.len() - 2;
        last[at] ^= 1;
        check(&damaged, Algorithm::Gzip, Framing::Stream, 2);
    }
}

/// Chunks that end as if a block ended there.
#[test]
fn marks_that_are_none() {
    let mut plain = rows(300_000);
    for at in (50_000..250_000).step_by(50_000) {
        plain[at - 4..at].copy_from_slice(&[0, 0, 0xff, 0xff]);
    }
    let mut compress = Compress::new(Compression::new(0), true);
    let mut bytes = Vec::with_capacity(400_000);
    compress.compress_vec(&plain, &mut bytes, FlushCompress::Finish).unwrap();
    let mut chunks = Vec::new();
    let mut rest = &bytes[..];
    while let Some(at) = rest.windows(4).position(|word| word == [0, 0, 0xff, 0xff]) {
        let (chunk, behind) = rest.split_at(at + 4);
        chunks.push(chunk.to_vec());
        rest = behind;
    }
    chunks.push(rest.to_vec());
    assert!(chunks.len() > 3);
    assert!(check(&Chunks::of(chunks), Algorithm::Gzip, Framing::Stream, 3).0 == plain);
}

/// Frames of others: several in a chunk, over chunks, with skippable ones, linked blocks, and no size.
#[test]
fn frames_of_others() {
    let plain = rows(1_500_000);
    for algorithm in [Algorithm::Lz4, Algorithm::Zstd] {
        let ours = encode(&plain, algorithm, Framing::Stream, Content::Rows).chunks;
        let skippable = [&0x184d_2a53_u32.to_le_bytes()[..], &[3, 0, 0, 0], b"abc"].concat();
        let encoding = Encoding::new(algorithm, None, false).unwrap().with_plain(true);
        let pool = Arc::new(EncoderPool::default());
        let mut plain_form =
            Encoder::new(Vec::new(), encoding, Framing::Stream, Content::Rows, &pool).unwrap();
        plain_form.write_all(&plain[..700_000]).unwrap();
        let plain_form = plain_form.finish().unwrap();
        let all = [&skippable[..], &ours[0], &ours[1], &skippable, &plain_form, &ours[0]].concat();
        for piece in [30_000, 200_000, usize::MAX] {
            let chunks = all.chunks(piece.min(all.len())).map(<[u8]>::to_vec).collect();
            let stored = Chunks::of(chunks);
            for threads in [1, 3] {
                let read = check(&stored, algorithm, Framing::Stream, threads);
                assert!(read.0.len() > plain.len() + 700_000);
            }
            check(&Chunks::file(all.clone()), algorithm, Framing::File, 2);
        }
    }
}

/// Frames of one block are decompressed to where they are wanted. Whatever byte of them is another one,
/// a decoder says the same.
#[test]
fn lz4_frames_of_one_block() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let mut random = fastrand::Rng::with_seed(11);
    let noise: Vec<u8> = (0..50_000).map(|_| random.u8(..)).collect();
    let pattern: Vec<u8> = (0..200_000).map(|n| b"abc"[n % 3]).collect();
    for plain in [rows(60_000), rows(900_000), noise, pattern, b"x".to_vec()] {
        for (size, mode, checks) in [
            (BlockSize::Max1MB, BlockMode::Independent, true),
            (BlockSize::Max4MB, BlockMode::Linked, true),
            (BlockSize::Max64KB, BlockMode::Linked, false),
        ] {
            let info = FrameInfo::new().block_size(size).block_mode(mode);
            let info = info.block_checksums(checks).content_checksum(checks);
            let info = info.content_size(Some(plain.len() as u64));
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(&plain).unwrap();
            let frame = encoder.finish().unwrap();
            let twice = Chunks::of(vec![frame.clone(), frame.clone()]);
            let read = check(&twice, Algorithm::Lz4, Framing::Stream, 2);
            assert!(read.0 == [&plain[..], &plain].concat());
            let edge = 24.min(frame.len());
            let inner: Vec<usize> = (0..20).map(|_| random.usize(..frame.len())).collect();
            let places = (0..edge).chain(frame.len() - edge..frame.len()).chain(inner);
            for at in places.step_by(if is_exhaustive() { 1 } else { 5 }) {
                let mut damaged = frame.clone();
                damaged[at] ^= 1 << random.u8(..8);
                let stored = Chunks::of(vec![damaged, frame.clone()]);
                check(&stored, Algorithm::Lz4, Framing::Stream, 2);
            }
            let cut = Chunks::of(vec![frame[..frame.len() / 2].to_vec()]);
            check(&cut, Algorithm::Lz4, Framing::Stream, 2);
        }
    }
}

/// One stream, whose rest another thread decompresses: the same bytes, and the same errors.
#[test]
fn one_stream() {
    let plain = rows(2_600_000);
    let pool = Arc::new(EncoderPool::default());
    for (algorithm, framing) in FORMS {
        let encoding = Encoding::new(algorithm, Some(1), false).unwrap().with_plain(true);
        let mut encoder =
            Encoder::new(Vec::new(), encoding, framing, Content::Rows, &pool).unwrap();
        encoder.write_all(&plain).unwrap();
        let bytes = encoder.finish().unwrap();
        let stored = |bytes: &[u8]| match framing {
            Framing::Stream => Chunks::of(bytes.chunks(100_000).map(<[u8]>::to_vec).collect()),
            Framing::File => Chunks::file(bytes.to_vec()),
        };
        for threads in [2, 4] {
            assert!(check(&stored(&bytes), algorithm, framing, threads).0 == plain);
        }
        let mut damaged = bytes.clone();
        damaged[bytes.len() - bytes.len() / 8] ^= 0x55;
        check(&stored(&damaged), algorithm, framing, 2);
        check(&stored(&bytes[..bytes.len() - 3]), algorithm, framing, 3);
        check(&stored(&[&bytes[..], b"more"].concat()), algorithm, framing, 3);
        // What is given up half-way holds nobody up.
        let contexts = Arc::new(Contexts::with_threads(2));
        let limits = Limits::new();
        let reader = PieceReader::new(stored(&bytes), algorithm, framing, &limits, &contexts);
        let mut start = vec![0; 1_300_000];
        reader.unwrap().read_exact(&mut start).unwrap();
        assert!(start == plain[..1_300_000]);
    }
}
