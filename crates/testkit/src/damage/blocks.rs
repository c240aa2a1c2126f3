//! What can happen to the blocks and entries of a custom archive.

use fastrand::Rng;

use super::layout::{Layout, encode};

/// Puts back together what stands at these places, with something else in their place.
fn put(bytes: &mut Vec<u8>, at: std::ops::Range<usize>, new: Vec<u8>) {
    bytes.splice(at, new);
}

pub(super) fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) -> String {
    let layout = Layout::of(bytes);
    let kind = rng.u8(..9);
    if layout.blocks.is_empty() || kind == 0 {
        return entries(rng, bytes, &layout);
    }
    let (one, two) = (rng.usize(..layout.blocks.len()), rng.usize(..layout.blocks.len()));
    let (first, second) = (&layout.blocks[one.min(two)], &layout.blocks[one.max(two)]);
    let block = first.at.clone();
    let chunks = &first.chunks;
    match kind {
        1 => {
            bytes.drain(block);
            format!("block {} is missing", one.min(two))
        }
        2 => {
            let copy = bytes[block].to_vec();
            bytes.splice(second.at.end..second.at.end, copy);
            format!("block {} comes again behind {}", one.min(two), one.max(two))
        }
        3 => {
            let (a, b) = (bytes[block.clone()].to_vec(), bytes[second.at.clone()].to_vec());
            if one != two {
                put(bytes, second.at.clone(), a);
                put(bytes, block, b);
            }
            format!("blocks {one} and {two} changed places")
        }
        4 if !chunks.is_empty() => {
            let chunk = chunks[rng.usize(..chunks.len())].clone();
            bytes.drain(chunk.clone());
            format!("the chunk at {chunk:?} is missing")
        }
        5 if !chunks.is_empty() => {
            let chunk = chunks[rng.usize(..chunks.len())].clone();
            let copy = bytes[chunk.clone()].to_vec();
            bytes.splice(chunk.end..chunk.end, copy);
            format!("the chunk at {chunk:?} comes twice")
        }
        // The streams of two blocks in one: another frame, or bytes behind the end of a stream.
        6 | 7 if !chunks.is_empty() && !second.chunks.is_empty() => {
            let int = encode(layout.version, 0).len();
            let chunk = chunks[chunks.len() - 1].clone();
            let other = second.chunks[0].clone();
            let more = match rng.u8(..4) {
                0 => vec![0; 1 + rng.usize(..600)],
                // A frame of zstd that is to be skipped.
                1 => b"\x50\x2a\x4d\x18\x04\0\0\0skip".to_vec(),
                _ => bytes[other.start + int..other.end].to_vec(),
            };
            if kind == 6 {
                let len = chunk.len() - int + more.len();
                bytes.splice(chunk.end..chunk.end, more);
                put(bytes, chunk.start..chunk.start + int, encode(layout.version, len as i64));
                format!("more in the chunk at {chunk:?}, from {other:?}")
            } else {
                let len = encode(layout.version, more.len() as i64);
                let before = rng.bool();
                let at = if before { chunk.start } else { chunk.end };
                bytes.splice(at..at, [len, more].concat());
                format!("another chunk at {at}, from {other:?}")
            }
        }
        _ => match chunks.iter().find(|chunk| chunk.len() > 20) {
            // That is no damage: chunks may be of any length.
            Some(chunk) => {
                let int = encode(layout.version, 0).len();
                let data = bytes[chunk.start + int..chunk.end].to_vec();
                let (a, b) = data.split_at(1 + rng.usize(..data.len() - 1));
                let part = |part: &[u8]| [encode(layout.version, part.len() as i64), part.to_vec()];
                put(bytes, chunk.clone(), [part(a).concat(), part(b).concat()].concat());
                format!("the chunk at {chunk:?} is two")
            }
            None => entries(rng, bytes, &layout),
        },
    }
}

/// An entry of the table of contents is missing, there twice or elsewhere.
pub(super) fn entries(rng: &mut Rng, bytes: &mut Vec<u8>, layout: &Layout) -> String {
    let count = layout.fields.iter().find(|field| field.what == "number of entries");
    let (Some(count), false) = (count, layout.entries.is_empty()) else {
        return "nothing".to_owned();
    };
    let (one, two) = (rng.usize(..layout.entries.len()), rng.usize(..layout.entries.len()));
    let (first, second) = (one.min(two), one.max(two));
    let (a, b) = (layout.entries[first].clone(), layout.entries[second].clone());
    let (what, entries) = match rng.u8(..3) {
        0 => {
            bytes.drain(a);
            (format!("entry {first} is missing"), layout.entries.len() - 1)
        }
        1 => {
            let copy = bytes[a].to_vec();
            bytes.splice(b.end..b.end, copy);
            (format!("entry {first} comes again behind {second}"), layout.entries.len() + 1)
        }
        _ => {
            let (first_bytes, second_bytes) =
                (bytes[a.clone()].to_vec(), bytes[b.clone()].to_vec());
            if first != second {
                put(bytes, b, first_bytes);
                put(bytes, a, second_bytes);
            }
            (format!("entries {first} and {second} changed places"), layout.entries.len())
        }
    };
    put(bytes, count.at.clone(), encode(layout.version, entries as i64));
    what
}
