//! Deflate data between a zlib stream and a gzip file: the data stays, the wrapper is made anew.
//!
//! The checksums are of the plain bytes, so they are inflated; nothing is deflated.

use std::io::{self, BufRead, Write};

use flate2::{Decompress, FlushDecompress, Status};

use super::Wrapper;
use crate::compress::Framing;
use crate::compress::input::{differs, fill, malformed, read_whole, trailing, truncated};
use crate::error::Fault;

/// Plain bytes are looked at in pieces of this size.
const PLAIN: usize = 256 << 10;

/// Turns a zlib stream into a gzip file, in one pass. `look` is shown the plain bytes.
pub(crate) fn zlib_to_gzip(
    mut input: impl BufRead,
    output: &mut impl Write,
    mut look: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut header = [0; 2];
    read_whole(&mut input, &mut header)?;
    let [method, flags] = header;
    if method & 0x0f != 8 || u16::from_be_bytes(header) % 31 != 0 || flags & 0x20 != 0 {
        return Err(malformed("zlib data: incorrect header"));
    }
    let mut adler = Wrapper::new(Framing::Stream);
    let mut crc = Wrapper::new(Framing::File);
    output.write_all(crc.header(-1))?;
    pass(&mut input, Some(output), &mut |plain| {
        adler.update(plain);
        crc.update(plain);
        look(plain);
    })?;
    check_trailer(&mut input, &adler, "zlib data")?;
    if !fill(&mut input)?.is_empty() {
        return Err(trailing());
    }
    let (trailer, len) = crc.trailer();
    output.write_all(&trailer[..len])
}

/// Where the deflate data lies in a gzip file, and what stands behind it in a zlib stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deflated {
    start: u64,
    len: u64,
    wrapper: Wrapper,
}

/// Reads a gzip file. `None` if it has other than one member, or is no gzip file at all, which
/// a reader may take as it is: then only inflating and deflating helps. `look` is shown the plain
/// bytes.
pub(crate) fn examine_gzip(
    mut input: impl BufRead,
    mut look: impl FnMut(&[u8]),
) -> io::Result<Option<Deflated>> {
    let Some(start) = skip_gzip_header(&mut input)? else {
        return Ok(None);
    };
    let mut adler = Wrapper::new(Framing::Stream);
    let mut crc = Wrapper::new(Framing::File);
    let len = pass(&mut input, None::<&mut io::Sink>, &mut |plain| {
        adler.update(plain);
        crc.update(plain);
        look(plain);
    })?;
    check_trailer(&mut input, &crc, "gzip data")?;
    if !fill(&mut input)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(Deflated { start, len, wrapper: adler }))
}

/// Turns the gzip file that was examined into a zlib stream.
pub(crate) fn gzip_to_zlib(
    mut input: impl BufRead,
    deflated: &Deflated,
    output: &mut impl Write,
) -> io::Result<()> {
    output.write_all(deflated.wrapper.header(-1))?;
    let (mut skip, mut left) = (deflated.start, deflated.len);
    while left > 0 {
        let data = fill(&mut input)?;
        if data.is_empty() {
            return Err(truncated());
        }
        let from = data.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
        let n = (data.len() - from).min(usize::try_from(left).unwrap_or(usize::MAX));
        output.write_all(&data[from..from + n])?;
        input.consume(from + n);
        skip -= from as u64;
        left -= n as u64;
    }
    let (trailer, len) = deflated.wrapper.trailer();
    output.write_all(&trailer[..len])
}

fn check_trailer(
    input: &mut impl BufRead,
    wrapper: &Wrapper,
    what: &'static str,
) -> io::Result<()> {
    let (expected, len) = wrapper.trailer();
    let mut found = [0; 8];
    read_whole(input, &mut found[..len])?;
    // In zlib's words, as the decoder.
    match found[..len].iter().zip(&expected).position(|(found, expected)| found != expected) {
        None => Ok(()),
        Some(..4) => Err(differs(Fault::Checksum, format!("{what}: incorrect data check"))),
        Some(_) => Err(differs(Fault::Length, format!("{what}: incorrect length check"))),
    }
}

/// Inflates deflate data up to its end, copies it, and says how long it is.
fn pass(
    input: &mut impl BufRead,
    mut output: Option<&mut impl Write>,
    plain: &mut impl FnMut(&[u8]),
) -> io::Result<u64> {
    let mut inflate = Decompress::new(false);
    let mut buffer = vec![0; PLAIN];
    loop {
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let data = fill(input)?;
        let at_end = data.is_empty();
        let status = inflate
            .decompress(data, &mut buffer, FlushDecompress::None)
            .map_err(|error| malformed(format!("deflate data: {error}")))?;
        let used = (inflate.total_in() - before_in) as usize;
        let made = (inflate.total_out() - before_out) as usize;
        if let Some(output) = &mut output {
            output.write_all(&data[..used])?;
        }
        plain(&buffer[..made]);
        input.consume(used);
        if status == Status::StreamEnd {
            return Ok(inflate.total_in());
        }
        if used == 0 && made == 0 {
            return Err(if at_end { truncated() } else { malformed("deflate data: no progress") });
        }
    }
}

/// Moves behind the header of a gzip file and says how long it is; `None` if it is none.
fn skip_gzip_header(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    const HAS_CHECKSUM: u8 = 2;
    const HAS_EXTRA: u8 = 4;
    const HAS_NAME: u8 = 8;
    const HAS_COMMENT: u8 = 16;
    if fill(input)?.first() != Some(&0x1f) {
        return Ok(None);
    }
    let mut fixed = [0; 10];
    if let Err(error) = read_whole(input, &mut fixed) {
        // So short it is no gzip file.
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let [0x1f, 0x8b, 8, flags, ..] = fixed else {
        return Ok(None);
    };
    let mut len = 10;
    if flags & HAS_EXTRA != 0 {
        let mut size = [0; 2];
        read_whole(input, &mut size)?;
        let size = u16::from_le_bytes(size);
        read_whole(input, &mut vec![0; usize::from(size)])?;
        len += 2 + u64::from(size);
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        let mut byte = [u8::from(flags & flag != 0)];
        while byte != [0] {
            read_whole(input, &mut byte)?;
            len += 1;
        }
    }
    if flags & HAS_CHECKSUM != 0 {
        read_whole(input, &mut [0; 2])?;
        len += 2;
    }
    Ok(Some(len))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::*;
    use crate::Limits;
    use crate::compress::{Algorithm, Content, Contexts, Decoder, Encoder, EncoderPool, Encoding};

    fn stored(plain: &[u8], framing: Framing) -> Vec<u8> {
        let encoding = Encoding::new(Algorithm::Gzip, None, false).unwrap();
        let pool = Arc::new(EncoderPool::default());
        let encoding = encoding.with_plain(true);
        let mut encoder =
            Encoder::new(Vec::new(), encoding, framing, Content::Bytes, &pool).unwrap();
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn plain(stored: &[u8], framing: Framing) -> Vec<u8> {
        let contexts = Arc::new(Contexts::default());
        let mut decoder =
            Decoder::new(stored, Algorithm::Gzip, framing, &Limits::new(), &contexts).unwrap();
        let mut plain = Vec::new();
        decoder.read_to_end(&mut plain).unwrap();
        plain
    }

    #[test]
    fn both_ways() {
        let text: Vec<u8> =
            (0_u64..100_000).flat_map(|n| format!("{n}\t{}\n", n * n % 977).into_bytes()).collect();
        for data in [&b""[..], b"x", &text] {
            let zlib = stored(data, Framing::Stream);
            let gzip = stored(data, Framing::File);
            let mut out = Vec::new();
            zlib_to_gzip(&zlib[..], &mut out, |_| {}).unwrap();
            assert_eq!(out, gzip);
            let deflated = examine_gzip(&gzip[..], |_| {}).unwrap().unwrap();
            let mut out = Vec::new();
            gzip_to_zlib(&gzip[..], &deflated, &mut out).unwrap();
            assert_eq!(out, zlib);
            assert_eq!(plain(&out, Framing::Stream), data);
            for cut in 0..zlib.len().min(40) {
                assert!(zlib_to_gzip(&zlib[..cut], &mut Vec::new(), |_| {}).is_err());
            }
            let mut bad = zlib.clone();
            *bad.last_mut().unwrap() ^= 1;
            assert!(zlib_to_gzip(&bad[..], &mut Vec::new(), |_| {}).is_err());
            let more = [&zlib[..], b"x"].concat();
            assert!(zlib_to_gzip(&more[..], &mut Vec::new(), |_| {}).is_err());
        }
    }

    #[test]
    fn odd_gzip_files() {
        let gzip = stored(b"one", Framing::File);
        // Two members, plain text, and nothing.
        assert!(examine_gzip(&[&gzip[..], &gzip].concat()[..], |_| {}).unwrap().is_none());
        assert!(examine_gzip(&b"1\tone\n"[..], |_| {}).unwrap().is_none());
        assert!(examine_gzip(&b"\x1f"[..], |_| {}).unwrap().is_none());
        assert!(examine_gzip(&b""[..], |_| {}).unwrap().is_none());
        // With all the fields that a header may have.
        let mut long = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x02\0abname\0remark\0\x12\x34".to_vec();
        long.extend_from_slice(&gzip[10..]);
        let deflated = examine_gzip(&long[..], |_| {}).unwrap().unwrap();
        let mut out = Vec::new();
        gzip_to_zlib(&long[..], &deflated, &mut out).unwrap();
        assert_eq!(plain(&out, Framing::Stream), b"one");
    }
}
