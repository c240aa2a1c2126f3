//! The chunks of a block of a custom archive, some of which are damaged.
//!
//! A length that is wrong hides all chunks behind it. They are found again where several lengths
//! follow each other.

use std::sync::Arc;

use super::blocks::{LONGEST_CHUNK, fill};
use super::header::{BEFORE as BEFORE_FIRST, FIRST};
use crate::format::block::BlockHeader;
use crate::format::custom::Custom;
use crate::source::{Positioned, Source, SourceReader};

/// So many lengths in a row are no accident.
const CHAIN: usize = 4;

/// An int: a sign and four bytes.
const INT: u64 = 5;

/// Bytes that are read at once.
const STEP: u64 = 128 << 10;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Got {
    Bytes,
    /// Nothing: some chunks are lost here.
    Hole,
    End,
}

#[derive(Debug)]
pub(super) struct Chunks {
    source: Arc<dyn Source>,
    at: u64,
    /// Where the next block begins, or the file ends.
    end: u64,
    /// Bytes of the chunk that are still to be read.
    left: u64,
    /// Whether what follows them is lost.
    hole: bool,
}

impl Chunks {
    /// The chunks of the block at `start`, which are no further than `end`; `None` if they have
    /// lengths of another kind.
    pub(super) fn new(custom: &Custom, start: u64, end: u64) -> Option<Chunks> {
        let dialect = custom.dialect();
        let source = Arc::clone(custom.source());
        let mut reader = SourceReader::from(Arc::clone(&source), start);
        BlockHeader::decode(&mut reader, dialect).ok()?;
        let at = reader.position();
        dialect.has_usual_ints().then_some(Chunks { source, at, end, left: 0, hole: false })
    }

    /// Adds some bytes.
    pub(super) fn read(&mut self, to: &mut Vec<u8>) -> Got {
        while self.left == 0 {
            if std::mem::take(&mut self.hole) {
                return Got::Hole;
            }
            let next = match self.len(self.at) {
                // A terminator in the middle is a length that was lost.
                Some(0) if self.at + INT >= self.end => return Got::End,
                Some(0) | None => {
                    let next = self.find(self.at + 1);
                    // The last chunk, which is cut.
                    if next.is_none() && self.claim(self.at).is_some_and(|len| len > 0) {
                        (self.at, self.left) = (self.at + INT, self.end - self.at - INT);
                        continue;
                    }
                    next
                }
                Some(len) => {
                    let (data, behind) = (self.at + INT, self.at + INT + len);
                    let found = match self.len(behind) {
                        None => self.find(data).filter(|found| *found < behind),
                        Some(_) => None,
                    };
                    // A length that leads past the next chunk: what lies before that is of this one.
                    self.hole = found.is_some();
                    (self.at, self.left) = (data, found.unwrap_or(behind) - data);
                    continue;
                }
            };
            let Some(next) = next else { return Got::End };
            self.at = next;
            return Got::Hole;
        }
        let n = self.left.min(STEP);
        let before = to.len();
        to.resize(before + n as usize, 0);
        let filled = fill(&*self.source, &mut to[before..], self.at);
        to.truncate(before + filled);
        self.at += filled as u64;
        self.left -= filled as u64;
        if filled == 0 { Got::End } else { Got::Bytes }
    }

    /// The length of the chunk at a position, if there may be one that ends in the block.
    fn len(&self, at: u64) -> Option<u64> {
        self.claim(at).filter(|len| at + INT + len <= self.end)
    }

    /// The same, if these bytes stand there.
    fn len_of(&self, at: u64, bytes: [u8; INT as usize]) -> Option<u64> {
        claimed(bytes).filter(|len| at + INT + len <= self.end)
    }

    /// The length that a chunk would have at a position.
    fn claim(&self, at: u64) -> Option<u64> {
        let mut bytes = [0; INT as usize];
        if at + INT > self.end || fill(&*self.source, &mut bytes, at) < bytes.len() {
            return None;
        }
        claimed(bytes)
    }

    /// Looks at every byte for the next chunk, but not in the table of contents that PostgreSQL 16 and
    /// newer write behind the data: its texts follow each other as chunks do.
    fn find(&self, from: u64) -> Option<u64> {
        const OVERLAP: usize = BEFORE_FIRST as usize + FIRST.len();
        let mut window = vec![0; STEP as usize];
        let mut at = from;
        while at + INT <= self.end {
            let n = fill(&*self.source, &mut window, at);
            let window = &window[..n];
            let is_last = n < STEP as usize;
            let last = if is_last { n.checked_sub(INT as usize)? + 1 } else { n - OVERLAP };
            let copy = window.windows(FIRST.len()).position(|bytes| bytes == FIRST);
            let stop = copy.map(|copy| copy.saturating_sub(BEFORE_FIRST as usize));
            let last = stop.map_or(last, |stop| stop.min(last));
            // The sign, the highest byte of a length, and others that are not all zero.
            let may_be = |place: &usize| match window[*place..*place + INT as usize] {
                [0, a, b, c, d] => d <= 1 && (a | b | c | d) != 0,
                _ => false,
            };
            let seen = Seen { at, bytes: window };
            let is_found = |place: &usize| self.is_chain(at + *place as u64, &seen);
            if let Some(found) = (0..last).filter(may_be).find(is_found) {
                return Some(at + found as u64);
            }
            if is_last || stop.is_some() {
                return None;
            }
            at += last as u64;
        }
        None
    }

    /// Whether several chunks follow each other, or the last ones up to the end of the block.
    fn is_chain(&self, mut at: u64, seen: &Seen<'_>) -> bool {
        let len = |at: u64| match seen.int(at) {
            Some(bytes) => self.len_of(at, bytes),
            None => self.len(at),
        };
        for _ in 0..CHAIN {
            match len(at) {
                Some(0) | None => return false,
                Some(len) => at += INT + len,
            }
            if at + INT == self.end && len(at) == Some(0) {
                return true;
            }
        }
        true
    }
}

/// The length that an int says.
fn claimed(bytes: [u8; INT as usize]) -> Option<u64> {
    let [0, a, b, c, d] = bytes else { return None };
    let len = u64::from(u32::from_le_bytes([a, b, c, d]));
    (len <= LONGEST_CHUNK).then_some(len)
}

/// Bytes that were read, and where they stand.
struct Seen<'a> {
    at: u64,
    bytes: &'a [u8],
}

impl Seen<'_> {
    /// The int at a position, if it was read.
    fn int(&self, at: u64) -> Option<[u8; INT as usize]> {
        let from = usize::try_from(at.checked_sub(self.at)?).ok()?;
        self.bytes.get(from..)?.first_chunk().copied()
    }
}
