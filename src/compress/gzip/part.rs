//! A part of a zlib stream that refers to no part before it.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

use crate::compress::Contexts;
use crate::compress::input::malformed;
use crate::compress::ring::Plain;

/// Plain bytes of a part, at most.
const MOST: usize = 16 << 20;

/// What stands before the first part.
const HEADER: usize = 2;

/// What stands behind the last one.
const TRAILER: usize = 4;

/// A last block with nothing in it.
const EMPTY: [u8; 2] = [3, 0];

/// Decompresses a part. All but the last end at the end of a block and at a whole byte, or this is an
/// error; so is a distance that reaches before the part.
pub(in crate::compress) fn decode(
    stored: &[u8],
    first: bool,
    last: bool,
    mut bytes: Vec<u8>,
    contexts: &Contexts,
) -> io::Result<Plain> {
    let cut = || malformed("zlib data: not a part");
    let mut input = stored;
    if first {
        let (header, rest) = stored.split_at_checked(HEADER).ok_or_else(cut)?;
        let [method, flags] = *header else { return Err(cut()) };
        // The method is deflate, with a window as usual, and no dictionary.
        if method & 0x0f != 8
            || method >> 4 > 7
            || flags & 0x20 != 0
            || !u16::from_be_bytes([method, flags]).is_multiple_of(31)
        {
            return Err(cut());
        }
        input = rest;
    }
    let mut trailer = None;
    if last {
        let (rest, checksum) = input.split_last_chunk::<TRAILER>().ok_or_else(cut)?;
        trailer = Some(u32::from_be_bytes(*checksum));
        input = rest;
    }
    bytes.clear();
    let mut inflate = contexts.gzip.take().unwrap_or_else(|| Decompress::new(false));
    inflate.reset(false);
    let inflated = inflate_all(&mut inflate, input, &mut bytes);
    let whole = match inflated {
        Ok(ended) if last => ended,
        // A last block with nothing in it can only be read where a block may begin.
        Ok(false) => {
            let len = bytes.len();
            bytes.reserve(1);
            let end = inflate.decompress_vec(&EMPTY, &mut bytes, FlushDecompress::Finish);
            matches!(end, Ok(Status::StreamEnd)) && bytes.len() == len
        }
        _ => false,
    };
    let all_used = inflate.total_in() == input.len() as u64 + if last { 0 } else { 2 };
    contexts.gzip.give(inflate);
    if !whole || !all_used {
        return Err(cut());
    }
    let checksum = zlib_rs::adler32::adler32(1, &bytes);
    Ok(Plain { bytes, checksum, trailer })
}

/// Decompresses a part that is damaged, as far as it goes.
pub(in crate::compress) fn beginning(stored: &[u8], first: bool, contexts: &Contexts) -> Vec<u8> {
    let mut bytes = Vec::new();
    let input = if first { stored.get(HEADER..).unwrap_or_default() } else { stored };
    let mut inflate = contexts.gzip.take().unwrap_or_else(|| Decompress::new(false));
    inflate.reset(false);
    // Why it goes no further does not matter.
    let _ = inflate_all(&mut inflate, input, &mut bytes);
    contexts.gzip.give(inflate);
    bytes
}

/// Inflates all there is; whether that was the end of the stream.
fn inflate_all(inflate: &mut Decompress, input: &[u8], bytes: &mut Vec<u8>) -> io::Result<bool> {
    const STEP: usize = 1 << 20;
    loop {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(STEP + (4 << 10));
        }
        let (used, made) = (inflate.total_in(), bytes.len());
        let from = usize::try_from(used).unwrap_or(usize::MAX).min(input.len());
        let status = inflate.decompress_vec(&input[from..], bytes, FlushDecompress::None);
        match status {
            Ok(Status::StreamEnd) => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(malformed(error.to_string())),
        }
        if bytes.len() > MOST {
            return Err(malformed("zlib data: a long part"));
        }
        let has_room = bytes.len() < bytes.capacity();
        if has_room && inflate.total_in() == used && bytes.len() == made {
            return Ok(false);
        }
    }
}
