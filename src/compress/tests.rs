//! Tests of all decoders; what is special to one algorithm is at the end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use super::{Algorithm, Contexts, Decoder, Framing};
use crate::Limits;
use crate::error::{Error, ErrorKind};

/// One kind of encoded data.
struct Case {
    name: &'static str,
    algorithm: Algorithm,
    framing: Framing,
    encode: fn(&[u8]) -> Vec<u8>,
    /// Two frames or members, of half the data each.
    halved: bool,
}

impl Case {
    fn new(
        name: &'static str,
        algorithm: Algorithm,
        framing: Framing,
        encode: fn(&[u8]) -> Vec<u8>,
    ) -> Self {
        let halved = name.ends_with("frames") || name.ends_with("members");
        Case { name, algorithm, framing, encode, halved }
    }
}

fn cases() -> Vec<Case> {
    use Framing::{File, Stream};
    let case = Case::new;
    let mut cases = vec![case("none", Algorithm::None, Stream, <[u8]>::to_vec)];
    #[cfg(feature = "gzip")]
    cases.extend([
        case("zlib", Algorithm::Gzip, Stream, zlib),
        case("gzip", Algorithm::Gzip, File, gzip),
        case("gzip members", Algorithm::Gzip, File, |data| halves(data, gzip)),
    ]);
    #[cfg(feature = "lz4")]
    cases.extend([
        case("lz4", Algorithm::Lz4, Stream, lz4_as_pg_dump),
        case("lz4 of all checks", Algorithm::Lz4, File, lz4_with_checks),
        case("lz4 of 4 MiB blocks", Algorithm::Lz4, File, lz4_large),
        case("lz4 frames", Algorithm::Lz4, File, |data| halves(data, lz4_as_pg_dump)),
    ]);
    #[cfg(feature = "zstd")]
    cases.extend([
        case("zstd", Algorithm::Zstd, Stream, zstd),
        case("zstd of all checks", Algorithm::Zstd, File, zstd_with_checks),
        case("zstd frames", Algorithm::Zstd, File, |data| halves(data, zstd)),
    ]);
    cases
}

fn compressed_cases() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| case.algorithm != Algorithm::None)
}

fn halves(data: &[u8], encode: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (one, two) = data.split_at(data.len() / 2);
    [encode(one), encode(two)].concat()
}

#[cfg(feature = "gzip")]
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "gzip")]
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "lz4")]
fn lz4(data: &[u8], info: lz4_flex::frame::FrameInfo) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "lz4")]
fn lz4_as_pg_dump(data: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};
    lz4(data, FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Linked))
}

#[cfg(feature = "lz4")]
fn lz4_with_checks(data: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};
    let info = FrameInfo::new().block_size(BlockSize::Max256KB).block_mode(BlockMode::Linked);
    let size = Some(data.len() as u64);
    lz4(data, info.block_checksums(true).content_checksum(true).content_size(size))
}

#[cfg(feature = "lz4")]
fn lz4_large(data: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameInfo};
    lz4(data, FrameInfo::new().block_size(BlockSize::Max4MB).block_mode(BlockMode::Independent))
}

#[cfg(feature = "zstd")]
fn zstd_with(data: &[u8], parameters: &[zstd_safe::CParameter]) -> Vec<u8> {
    let mut context = zstd_safe::CCtx::create();
    for &parameter in parameters {
        context.set_parameter(parameter).unwrap();
    }
    // As pg_dump, which does not know the size beforehand.
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
    let mut target = zstd_safe::OutBuffer::around(&mut out);
    let mut source = zstd_safe::InBuffer::around(data);
    context.compress_stream(&mut target, &mut source).unwrap();
    assert_eq!(source.pos(), data.len());
    while context.end_stream(&mut target).unwrap() > 0 {}
    out
}

#[cfg(feature = "zstd")]
fn zstd(data: &[u8]) -> Vec<u8> {
    zstd_with(data, &[])
}

#[cfg(feature = "zstd")]
fn zstd_with_checks(data: &[u8]) -> Vec<u8> {
    let mut context = zstd_safe::CCtx::create();
    context.set_parameter(zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
    context.compress2(&mut out, data).unwrap();
    out
}

/// Pseudo-random numbers (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn below_one_of<const N: usize>(&mut self, bounds: [usize; N]) -> usize {
        let bound = bounds[self.below(N)];
        self.below(bound)
    }
}

/// Rows as of COPY, with runs of all lengths.
fn text(length: usize) -> Vec<u8> {
    let mut random = Random(88);
    let mut data = Vec::with_capacity(length + 1000);
    let mut id = 0;
    while data.len() < length {
        id += 1;
        let name = ["orders", "customers", "lines", "notes"][random.below(4)];
        writeln!(data, "{id}\t{name}\t{}\t\\N", random.below(1_000_000)).unwrap();
        if id % 50 == 0 {
            let (pattern, times) = (1 + random.below(40), random.below(2000));
            let start = data.len() - pattern.min(data.len());
            for at in start..start + times {
                data.push(data[at]);
            }
        }
    }
    data.truncate(length);
    data
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = Random(99);
    (0..length).map(|_| random.next() as u8).collect()
}

const SMALL: &[u8] = b"1\tone\n2\ttwo\n3\tone two one two one two\n\\.\n\n\n";

/// Gives one byte per read, and is interrupted now and then.
struct Dribble<'a>(&'a [u8], u32);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = out.len().min(1);
        self.0.read(&mut out[..count])
    }
}

fn decoder<R: BufRead>(case: &Case, reader: R) -> Decoder<R> {
    let contexts = Arc::new(Contexts::default());
    Decoder::new(reader, case.algorithm, case.framing, &Limits::new(), &contexts).unwrap()
}

fn decode(case: &Case, data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    decoder(case, data).read_to_end(&mut out)?;
    Ok(out)
}

/// Reads to the end or the first error, by `read` of odd sizes or by `fill_buf`.
fn drain<R: BufRead>(mut decoder: Decoder<R>, by_read: bool) -> (Vec<u8>, Option<Error>) {
    let mut out = Vec::new();
    let mut buffer = vec![0; 70_000];
    for size in [1, 7, 4096, 65_536, 3, 20_000, 70_000, 0].into_iter().cycle() {
        let result = if by_read {
            decoder.read(&mut buffer[..size]).map(|count| {
                out.extend_from_slice(&buffer[..count]);
                count == 0 && size > 0
            })
        } else {
            decoder
                .fill_buf()
                .map(|bytes| {
                    let count = bytes.len().min(size);
                    out.extend_from_slice(&bytes[..count]);
                    (bytes.is_empty(), count)
                })
                .map(|(ended, count)| {
                    decoder.consume(count);
                    ended
                })
        };
        match result {
            Ok(false) => {}
            Ok(true) => break,
            Err(error) => return (out, Some(error.into())),
        }
    }
    (out, None)
}

#[test]
fn all_sizes_and_ways_of_reading() {
    for size in [0, 1, 5, 65_535, 65_536, 65_537, 3 << 20] {
        for data in [text(size), noise(size)] {
            for case in cases() {
                let encoded = (case.encode)(&data);
                let what = format!("{} of {size}", case.name);
                assert!(decode(&case, &encoded).unwrap() == data, "{what}");
                for by_read in [true, false] {
                    let (out, error) = drain(decoder(&case, &encoded[..]), by_read);
                    assert!(error.is_none() && out == data, "{what}: {error:?}");
                }
                let reader = BufReader::with_capacity(3000, &encoded[..]);
                let (out, error) = drain(decoder(&case, reader), size % 2 == 1);
                assert!(error.is_none() && out == data, "{what}: {error:?}");
                if size <= 65_537 {
                    let reader = BufReader::with_capacity(1, Dribble(&encoded, 0));
                    let (out, error) = drain(decoder(&case, reader), size % 2 == 0);
                    assert!(error.is_none() && out == data, "{what}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn no_input_at_all() {
    for case in cases() {
        let result = decode(&case, b"");
        match case.algorithm {
            Algorithm::Gzip => assert!(result.unwrap_err().is_truncated(), "{}", case.name),
            _ => assert_eq!(result.unwrap(), b"", "{}", case.name),
        }
    }
}

#[test]
fn cut_short() {
    for case in compressed_cases() {
        for data in [SMALL.to_vec(), text(700), noise(300)] {
            let encoded = (case.encode)(&data);
            for length in 1..encoded.len() {
                let reader = BufReader::with_capacity(11, &encoded[..length]);
                let (out, error) = drain(decoder(&case, reader), length % 2 == 0);
                assert!(data.starts_with(&out), "{} cut to {length}", case.name);
                let is_whole = case.halved && out == data[..data.len() / 2];
                match error {
                    Some(error) => assert!(error.is_truncated(), "{}: {error}", case.name),
                    None => assert!(is_whole, "{} cut to {length}", case.name),
                }
            }
        }
    }
}

#[test]
fn bytes_after_the_end() {
    for case in compressed_cases() {
        for rest in [&b"\0"[..], b"x", &[0; 700], b"\0\0x", b"\\.\n\n\n and more than a header"] {
            // Zeros behind a file are padding.
            let padding = case.framing == Framing::File && rest.iter().all(|byte| *byte == 0);
            let encoded = [&(case.encode)(SMALL), rest].concat();
            for by_read in [true, false] {
                let (out, error) = drain(decoder(&case, &encoded[..]), by_read);
                assert_eq!(out, SMALL, "{}", case.name);
                let error = error.map(|error| error.to_string());
                let expected = "bytes follow the end of the compressed data";
                assert_eq!(error.as_deref(), (!padding).then_some(expected), "{}", case.name);
            }
        }
    }
}

/// What pg_restore takes for nothing behind a gzip file.
#[test]
fn bytes_after_a_gzip_file() {
    for case in compressed_cases() {
        for rest in [&b"x"[..], b"\x1f", b"\x1fx", b"\0\0x", b"\0\x1f\x8b\x08"] {
            let encoded = [&(case.encode)(SMALL), rest].concat();
            let mut decoder = decoder(&case, &encoded[..]);
            decoder.be_lenient();
            let mut out = Vec::new();
            let result = decoder.read_to_end(&mut out);
            assert_eq!(out, SMALL, "{}", case.name);
            let ignored = case.algorithm == Algorithm::Gzip && case.framing == Framing::File;
            assert_eq!(result.is_ok(), ignored, "{}", case.name);
            assert_eq!(decoder.has_ignored(), ignored, "{}", case.name);
        }
    }
}

#[test]
fn any_byte_changed() {
    for case in compressed_cases() {
        for data in [SMALL.to_vec(), text(3000), noise(200)] {
            let encoded = (case.encode)(&data);
            let contexts = Arc::new(Contexts::default());
            for at in 0..encoded.len() {
                for change in [0xff, 1, 0x80, 0x10] {
                    let mut damaged = encoded.clone();
                    damaged[at] ^= change;
                    let limits = Limits::new();
                    let (algorithm, framing) = (case.algorithm, case.framing);
                    // Contexts are reused after any error.
                    let new = || {
                        Decoder::new(&damaged[..], algorithm, framing, &limits, &contexts).unwrap()
                    };
                    let (one, error) = drain(new(), true);
                    let (two, other) = drain(new(), false);
                    assert!(one == two, "{} changed at {at}", case.name);
                    assert_eq!(
                        error.map(|error| error.to_string()),
                        other.map(|error| error.to_string())
                    );
                    let mut out = Vec::new();
                    let whole = Decoder::new(&encoded[..], algorithm, framing, &limits, &contexts);
                    whole.unwrap().read_to_end(&mut out).unwrap();
                    assert!(out == data);
                }
            }
        }
    }
}

#[test]
fn what_precedes_an_error_is_delivered() {
    let data = text(1 << 20);
    for case in compressed_cases() {
        let encoded = (case.encode)(&data);
        let mut damaged = encoded.clone();
        damaged.truncate(encoded.len() * 3 / 4);
        damaged.extend(noise(100));
        for by_read in [true, false] {
            let (out, error) = drain(decoder(&case, &damaged[..]), by_read);
            assert!(error.is_some(), "{}", case.name);
            let common = out.iter().zip(&data).take_while(|(a, b)| a == b).count();
            // But for lz4 blocks and the last zstd block.
            let least =
                if case.name.contains("4 MiB") { 0 } else { data.len() * 3 / 4 - (256 << 10) };
            assert!(common >= least, "{}: {common}", case.name);
        }
    }
}

#[test]
fn errors_stay() {
    struct Fails<'a>(&'a [u8], io::ErrorKind);
    impl Read for Fails<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            // Once only: the decoder has to remember.
            match self.0.read(out)? {
                0 if self.1 != io::ErrorKind::Other => {
                    Err(std::mem::replace(&mut self.1, io::ErrorKind::Other).into())
                }
                count => Ok(count),
            }
        }
    }
    for case in cases() {
        let encoded = (case.encode)(&text(100_000));
        let cut = &encoded[..encoded.len() / 3];
        let reader = BufReader::new(Fails(cut, io::ErrorKind::ConnectionReset));
        let mut decoder = decoder(&case, reader);
        let mut out = Vec::new();
        let first = decoder.read_to_end(&mut out).unwrap_err();
        assert_eq!(first.kind(), io::ErrorKind::ConnectionReset, "{}", case.name);
        for _ in 0..3 {
            let size = out.len();
            assert_eq!(decoder.read(&mut [0; 9]).unwrap_err().to_string(), first.to_string());
            assert_eq!(decoder.fill_buf().unwrap_err().kind(), first.kind());
            assert_eq!(decoder.read_to_end(&mut out).unwrap_err().kind(), first.kind());
            assert_eq!(out.len(), size, "{}", case.name);
        }
    }
    for case in compressed_cases() {
        let encoded = (case.encode)(SMALL);
        let mut decoder = decoder(&case, &encoded[..encoded.len() - 1]);
        let mut out = Vec::new();
        decoder.read_to_end(&mut out).unwrap_err();
        for _ in 0..3 {
            assert!(Error::from(decoder.fill_buf().unwrap_err()).is_truncated(), "{}", case.name);
            assert!(Error::from(decoder.read(&mut out).unwrap_err()).is_truncated());
        }
    }
}

#[test]
fn contexts_are_reused() {
    let contexts = Arc::new(Contexts::default());
    for case in cases() {
        let encoded = (case.encode)(SMALL);
        for _ in 0..50 {
            let (algorithm, limits) = (case.algorithm, Limits::new());
            let decoder =
                Decoder::new(&encoded[..], algorithm, case.framing, &limits, &contexts).unwrap();
            assert_eq!(drain(decoder, false).0, SMALL, "{}", case.name);
        }
    }
    assert!(contexts.buffers.take().is_some());
    assert!(contexts.buffers.take().is_none(), "one at a time needs one");
}

#[test]
fn algorithms_that_cannot_be() {
    let new = |algorithm| {
        Decoder::new(&b""[..], algorithm, Framing::File, &Limits::new(), &Arc::default())
            .map(drop)
            .map_err(Error::into_kind)
    };
    let unknown = Algorithm::Unknown(9);
    let result = new(unknown);
    assert!(matches!(result, Err(ErrorKind::UnsupportedCompression(it)) if it == unknown));
    for (known, enabled) in [
        (Algorithm::Gzip, cfg!(feature = "gzip")),
        (Algorithm::Lz4, cfg!(feature = "lz4")),
        (Algorithm::Zstd, cfg!(feature = "zstd")),
    ] {
        match new(known) {
            Ok(()) => assert!(enabled),
            Err(ErrorKind::NotEnabled(it)) => assert!(!enabled && it == known),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn can_be_shared_among_threads() {
    fn is<T: Send + Sync>() {}
    is::<Contexts>();
    is::<Decoder<&[u8]>>();
}

#[test]
fn large_pieces_without_compression_are_not_copied() {
    let data = noise(100_000);
    let mut decoder = decoder(&cases()[0], &data[..]);
    assert_eq!(decoder.fill_buf().unwrap().as_ptr(), data.as_ptr());
    decoder.consume(99_000);
    assert_eq!(decoder.fill_buf().unwrap(), &data[99_000..]);
    decoder.consume(1);
    let mut rest = Vec::new();
    decoder.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, &data[99_001..]);
}

/// What the tools themselves wrote, and how each of its frames may follow another.
mod by_tools;
mod pieces;
