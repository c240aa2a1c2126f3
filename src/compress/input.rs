//! What all decoders do with the reader of compressed data, and say of the data.

use std::borrow::Cow;
use std::io::{self, BufRead};

use crate::error::{Error, Fault};

/// Fills at least half of `out`, since an uncompressed chunk may be one row of 100 bytes. The
/// error, if any, came after the bytes.
pub(super) fn gather<R: BufRead>(reader: &mut R, out: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut count = 0;
    while count <= out.len() / 2 {
        match reader.read(&mut out[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (count, Some(error)),
        }
    }
    (count, None)
}

/// Looks at the reader's next bytes; none are the end.
pub(super) fn peek<R: BufRead, T>(reader: &mut R, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
    advance(reader, |input| (0, look(input)))
}

/// Lets `use_up` have the reader's next bytes, which says how many of them it used.
pub(super) fn advance<R: BufRead, T>(
    reader: &mut R,
    use_up: impl FnOnce(&[u8]) -> (usize, T),
) -> io::Result<T> {
    loop {
        match reader.fill_buf() {
            Ok(input) => {
                let (count, result) = use_up(input);
                reader.consume(count);
                return Ok(result);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The reader's next bytes, or none at the end; again when a signal came in between.
pub(super) fn fill(reader: &mut impl BufRead) -> io::Result<&[u8]> {
    peek(reader, |_| ())?;
    reader.fill_buf()
}

/// Fills `out`, unless the reader ends before. Says how many bytes there were.
#[cfg(any(feature = "gzip", feature = "lz4"))]
pub(super) fn read_up_to(reader: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < out.len() {
        let count = advance(reader, |input| {
            let count = input.len().min(out.len() - done);
            out[done..done + count].copy_from_slice(&input[..count]);
            (count, count)
        })?;
        if count == 0 {
            break;
        }
        done += count;
    }
    Ok(done)
}

/// Fills `out`; that the reader ends before is an error.
#[cfg(any(feature = "gzip", feature = "lz4"))]
pub(super) fn read_whole(reader: &mut impl BufRead, out: &mut [u8]) -> io::Result<()> {
    if read_up_to(reader, out)? < out.len() { Err(truncated()) } else { Ok(()) }
}

/// Reads on to the end, where nothing but zeros may stand.
#[cfg(any(feature = "lz4", feature = "zstd"))]
pub(super) fn only_zeros<R: BufRead>(reader: &mut R) -> io::Result<()> {
    loop {
        let (at_end, zeros) = advance(reader, |input| {
            let zeros = input.iter().take_while(|byte| **byte == 0).count();
            (zeros, (input.is_empty(), zeros == input.len()))
        })?;
        if !zeros {
            return Err(trailing());
        }
        if at_end {
            return Ok(());
        }
    }
}

pub(super) fn malformed(what: impl Into<Cow<'static, str>>) -> io::Error {
    Error::malformed(what).into()
}

/// Data that differs from its checksum, or from the length that is said with it.
pub(super) fn differs(fault: Fault, what: impl Into<Cow<'static, str>>) -> io::Error {
    Error::malformed(what).with_fault(fault).into()
}

pub(super) fn truncated() -> io::Error {
    Error::truncated("compressed data").with_fault(Fault::DataCut).into()
}

pub(super) fn trailing() -> io::Error {
    differs(Fault::BytesBehind, "bytes follow the end of the compressed data")
}
