//! What can happen to any file.

use std::ops::Range;

use fastrand::Rng;

use super::layout::{Kind, Layout, decode, encode};

/// A place, more often where something begins or ends than elsewhere.
fn place(rng: &mut Rng, bytes: &[u8], edges: &[usize]) -> usize {
    if edges.is_empty() || rng.bool() {
        return rng.usize(..=bytes.len());
    }
    let edge = edges[rng.usize(..edges.len())];
    // Just before, at, or just behind it.
    (edge + rng.usize(..3)).saturating_sub(1).min(bytes.len())
}

/// Some bytes, never none of a file that has any.
fn range(rng: &mut Rng, bytes: &[u8], edges: &[usize]) -> Range<usize> {
    let start = place(rng, bytes, edges).min(bytes.len().saturating_sub(1));
    if rng.u8(..4) == 0 {
        let end = place(rng, bytes, edges);
        if end > start {
            return start..end;
        }
    }
    let longest = *rng.choice(&[1, 4, 16, 64, 512, 4096]).unwrap();
    start..(start + 1 + rng.usize(..longest)).min(bytes.len())
}

/// The end is missing.
pub(super) fn cut(rng: &mut Rng, bytes: &mut Vec<u8>, edges: &[usize]) -> String {
    let len = match rng.u8(..8) {
        0 => bytes.len().saturating_sub(1 + rng.usize(..8)),
        1 => 0,
        _ => place(rng, bytes, edges).min(bytes.len().saturating_sub(1)),
    };
    bytes.truncate(len);
    format!("cut to {len} bytes")
}

/// Some bits are others.
pub(super) fn flip(rng: &mut Rng, bytes: &mut [u8], edges: &[usize]) -> String {
    let mut places = Vec::new();
    for _ in 0..=rng.usize(..3) {
        let at = place(rng, bytes, edges);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << rng.u8(..8);
            places.push(at);
        }
    }
    format!("a bit is flipped at {places:?}")
}

/// A run of bytes is zero, as of a disk that lost a sector.
pub(super) fn zero(rng: &mut Rng, bytes: &mut [u8], edges: &[usize]) -> String {
    let range = range(rng, bytes, edges);
    bytes[range.clone()].fill(0);
    format!("zeros at {range:?}")
}

/// A run of bytes comes twice.
pub(super) fn duplicate(rng: &mut Rng, bytes: &mut Vec<u8>, edges: &[usize]) -> String {
    let range = range(rng, bytes, edges);
    let at = if rng.bool() { range.end } else { place(rng, bytes, edges) };
    let run = bytes[range.clone()].to_vec();
    bytes.splice(at..at, run);
    format!("{range:?} comes again at {at}")
}

/// A run of bytes is missing.
pub(super) fn remove(rng: &mut Rng, bytes: &mut Vec<u8>, edges: &[usize]) -> String {
    let range = range(rng, bytes, edges);
    bytes.drain(range.clone());
    format!("{range:?} is missing")
}

/// Two runs of bytes, of one length, changed places.
pub(super) fn swap(rng: &mut Rng, bytes: &mut [u8], edges: &[usize]) -> String {
    let (a, b) = (range(rng, bytes, edges), range(rng, bytes, edges));
    let len = a.len().min(b.len()).min(a.start.abs_diff(b.start));
    for n in 0..len {
        bytes.swap(a.start + n, b.start + n);
    }
    format!("{len} bytes at {} and {} changed places", a.start, b.start)
}

/// Goes on as another archive.
pub(super) fn splice(
    rng: &mut Rng,
    bytes: &mut Vec<u8>,
    edges: &[usize],
    (name, other): (&str, &[u8]),
) -> String {
    let at = place(rng, bytes, edges);
    let from = match rng.bool() {
        true => at.min(other.len()),
        false => rng.usize(..=other.len()),
    };
    bytes.truncate(at);
    bytes.extend_from_slice(&other[from..]);
    format!("at {at} goes on as {name} does at {from}")
}

/// What stands before an archive, behind it or between its bytes.
pub(super) fn surround(
    rng: &mut Rng,
    bytes: &mut Vec<u8>,
    edges: &[usize],
    (name, other): (&str, &[u8]),
) -> String {
    const TEXT: &[u8] = b"pg_dump: warning: there are circular foreign-key constraints\n";
    match rng.u8(..7) {
        0 => {
            bytes.splice(0..0, TEXT.iter().copied());
            "a line of text before it".to_owned()
        }
        1 => {
            bytes.extend_from_slice(TEXT);
            "a line of text behind it".to_owned()
        }
        2 => {
            bytes.extend_from_slice(other);
            format!("{name} behind it")
        }
        3 => {
            bytes.extend(bytes.clone());
            "it comes twice".to_owned()
        }
        4 => {
            let len = *rng.choice(&[1, 512, 10_240, 70_000]).unwrap();
            bytes.resize(bytes.len() + len, 0);
            format!("{len} zeros behind it")
        }
        5 => {
            let mut text = Vec::new();
            for byte in &*bytes {
                if *byte == b'\n' {
                    text.push(b'\r');
                }
                text.push(*byte);
            }
            *bytes = text;
            "each line feed became a carriage return and one".to_owned()
        }
        _ => {
            let at = place(rng, bytes, edges);
            bytes.splice(at..at, TEXT.iter().copied());
            format!("a line of text at {at}")
        }
    }
}

/// A number of a custom archive or a table of contents is another.
pub(super) fn forge(rng: &mut Rng, bytes: &mut Vec<u8>) -> String {
    let layout = Layout::of(bytes);
    if rng.u8(..12) == 0 {
        return spoil_text(rng, bytes, &layout);
    }
    // Of each meaning alike, of which some stand there once and others a thousand times.
    let mut kinds: Vec<_> = layout.fields.iter().map(|field| field.what).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let what = kinds[rng.usize(..kinds.len())];
    let of_kind: Vec<_> = layout.fields.iter().filter(|field| field.what == what).collect();
    let field = of_kind[rng.usize(..of_kind.len())];
    let other = of_kind[rng.usize(..of_kind.len())];
    let at = field.at.clone();
    let old = bytes[at.clone()].to_vec();
    let new = match field.kind {
        Kind::Byte => {
            let near = [old[0].wrapping_add(1), old[0].wrapping_sub(1), 0, 1, 3, 255, rng.u8(..)];
            vec![*rng.choice(&near).unwrap()]
        }
        Kind::Int => {
            let old = decode(layout.version, &old);
            let near = [
                0,
                1,
                -1,
                2,
                3,
                old + 1,
                old - 1,
                -old,
                decode(layout.version, &bytes[other.at.clone()]),
                bytes.len() as i64,
                i64::from(i32::MAX),
                1 << 31,
                i64::from(rng.u16(..)),
            ];
            encode(layout.version, *rng.choice(&near).unwrap())
        }
        Kind::Offset if rng.bool() => {
            let flag = *rng.choice(&[0, 1, 2, 3, 4, 255]).unwrap();
            [&[flag], &old[1..]].concat()
        }
        Kind::Offset => {
            let position = u64::from_le_bytes(old[1..].try_into().unwrap());
            let blocks: Vec<_> = layout.blocks.iter().map(|block| block.at.start as u64).collect();
            let near = [
                0,
                1,
                position.wrapping_add(1),
                position.wrapping_sub(1),
                rng.choice(&blocks).copied().unwrap_or_default(),
                rng.choice(&blocks).copied().unwrap_or_default(),
                bytes.len() as u64,
                bytes.len() as u64 - 1,
                1 << 63,
                u64::MAX,
                rng.u64(..bytes.len() as u64),
            ];
            let flag = if rng.bool() { 2 } else { old[0] };
            [&[flag], &rng.choice(&near).unwrap().to_le_bytes()[..]].concat()
        }
    };
    let shown = (old.escape_ascii().to_string(), new.escape_ascii().to_string());
    bytes.splice(at.clone(), new);
    format!("the {what} at {} is {} instead of {}", at.start, shown.1, shown.0)
}

/// A byte that no text has.
fn spoil_text(rng: &mut Rng, bytes: &mut [u8], layout: &Layout) -> String {
    let texts: Vec<_> = layout.texts.iter().filter(|text| !text.is_empty()).collect();
    let text = texts[rng.usize(..texts.len())].clone();
    let at = rng.usize(text);
    bytes[at] = *rng.choice(b"\0\n\r\x1b'\"\\\xff ").unwrap();
    format!("the text at {at} has {:#04x}", bytes[at])
}
