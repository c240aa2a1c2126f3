//! Rows behind damage in an lz4 frame whose blocks refer to each other, as pg_dump writes it.
//!
//! A block may refer to 64 KiB before it. Where these are lost it is decompressed all the same, with
//! zero bytes in their place, which no row has. So rows come out that are stored anew behind the
//! damage, and none that is made of what is not known.

use std::io::{self, BufRead, Read};

use super::chunks::Got;
use super::frames::{IN_VAIN, Input, LOST};
use crate::compress::{LinkedBlocks, REACH};

/// The longest header of a frame, its magic number included.
const HEADER: usize = 19;

/// The length of a block, whose highest bit says that it is not compressed.
const WORD: usize = 4;

/// So many lengths in a row are no accident. Before the end of the data one is enough.
const CHAIN: usize = 4;

/// The data of an entry, as far as its blocks can be decompressed.
pub(super) struct Linked<'a> {
    input: Input<'a>,
    /// Stored bytes that were read, from the beginning of a block on.
    stored: Vec<u8>,
    at_end: bool,
    /// Of the stored bytes, those behind which something is lost.
    hole: Option<usize>,
    next: Next,
    blocks: LinkedBlocks,
    /// What the next block may refer to.
    before: Vec<u8>,
    plain: Vec<u8>,
    given: usize,
    /// Line ends before the first damage.
    lines: u64,
    is_damaged: bool,
    /// Bytes that were moved and cleared in vain: each place may claim to begin a block.
    in_vain: u64,
}

/// What the stored bytes begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Frame,
    Block,
    /// Damage.
    Unknown,
}

impl<'a> Linked<'a> {
    pub(super) fn new(input: Input<'a>) -> Linked<'a> {
        Linked {
            input,
            stored: Vec::new(),
            at_end: false,
            hole: None,
            next: Next::Frame,
            blocks: LinkedBlocks::OF_PG_DUMP,
            before: Vec::new(),
            plain: Vec::new(),
            given: 0,
            lines: 0,
            is_damaged: false,
            in_vain: 0,
        }
    }

    /// The first row behind the damage, from 1.
    pub(super) fn suspect_from(&self) -> Option<u64> {
        self.is_damaged.then_some(self.lines + 1)
    }

    /// The stored bytes that are known to follow each other.
    fn known(&self) -> &[u8] {
        &self.stored[..self.hole.unwrap_or(self.stored.len())]
    }

    /// Reads until so many bytes are known, if there are as many.
    fn has(&mut self, len: usize) -> bool {
        while self.known().len() < len && self.hole.is_none() && !self.at_end {
            match self.input.read(&mut self.stored) {
                Got::Bytes => {}
                Got::Hole => self.hole = Some(self.stored.len()),
                Got::End => self.at_end = true,
            }
        }
        self.known().len() >= len
    }

    fn pass(&mut self, len: usize) {
        let len = len.min(self.known().len());
        self.stored.drain(..len);
        self.hole = self.hole.map(|hole| hole - len);
    }

    /// Moves to the next block; `false` at the end.
    fn advance(&mut self) -> bool {
        self.plain.clear();
        self.given = 0;
        loop {
            match self.next {
                Next::Frame => {
                    if !self.has(1) && self.hole.is_none() {
                        return false;
                    }
                    self.has(HEADER);
                    match LinkedBlocks::of_frame(self.known()) {
                        Some((blocks, len)) => {
                            self.pass(len);
                            (self.blocks, self.next) = (blocks, Next::Block);
                            self.before.clear();
                        }
                        None => self.lose(),
                    }
                }
                Next::Block => match self.block() {
                    Some(true) => return true,
                    Some(false) => self.next = Next::Frame,
                    None => self.lose(),
                },
                Next::Unknown => match self.find() {
                    true => self.next = Next::Block,
                    false => return false,
                },
            }
            // The mark of what was lost.
            if !self.plain.is_empty() {
                return true;
            }
        }
    }

    /// Something is lost here. The next block is searched for behind the first byte.
    fn lose(&mut self) {
        self.in_vain += (self.stored.len() + self.blocks.most + REACH) as u64;
        if self.in_vain > IN_VAIN {
            (self.at_end, self.stored, self.hole) = (true, Vec::new(), None);
        }
        self.pass(1);
        self.is_damaged = true;
        self.next = Next::Unknown;
        self.before = vec![LOST; REACH];
        self.plain = vec![LOST];
    }

    /// Decompresses the block that begins here; `Some(false)` at the end of the frame.
    fn block(&mut self) -> Option<bool> {
        let checksum = |has: bool| if has { WORD } else { 0 };
        if !self.has(WORD) {
            return None;
        }
        let (len, is_compressed) = word(self.known())?;
        if len == 0 {
            let len = WORD + checksum(self.blocks.has_checksum);
            return self.has(len).then(|| self.pass(len)).map(|()| false);
        }
        let whole = WORD + len + checksum(self.blocks.have_checksums);
        if len > self.blocks.most || !self.has(whole) {
            return None;
        }
        let stored = &self.known()[WORD..WORD + len];
        self.plain = match is_compressed {
            true => self.blocks.decode(stored, &self.before)?,
            false => stored.to_vec(),
        };
        if !self.is_damaged {
            self.lines += self.plain.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.before.extend_from_slice(&self.plain);
        self.before.drain(..self.before.len().saturating_sub(REACH));
        self.pass(whole);
        Some(true)
    }

    /// Moves to the next place where several blocks follow each other; `false` if there is none.
    fn find(&mut self) -> bool {
        let need = CHAIN * (self.blocks.most + 2 * WORD);
        loop {
            self.has(2 * need);
            let known = self.known().len();
            let is_all = self.hole.is_some() || self.at_end;
            let places = if is_all { known } else { known - need };
            if let Some(found) = (0..places).find(|at| self.is_chain(*at)) {
                self.pass(found);
                return true;
            }
            self.pass(places);
            if is_all && self.hole.take().is_none() {
                return false;
            }
        }
    }

    /// Whether blocks follow each other from there on.
    fn is_chain(&self, at: usize) -> bool {
        let LinkedBlocks { most, have_checksums, has_checksum } = self.blocks;
        let known = self.known();
        let mut at = at;
        for n in 0..CHAIN {
            match known.get(at..).and_then(word) {
                Some((0, _)) => {
                    let end = at + WORD + if has_checksum { WORD } else { 0 };
                    return n > 0 && end == known.len() && self.at_end;
                }
                Some((len, _)) if len <= most => {
                    at += WORD + len + if have_checksums { WORD } else { 0 };
                }
                _ => return false,
            }
        }
        true
    }
}

/// The length of a block, and whether it is compressed.
fn word(stored: &[u8]) -> Option<(usize, bool)> {
    let word = u32::from_le_bytes(*stored.first_chunk()?);
    Some(((word & !(1 << 31)) as usize, word >> 31 == 0))
}

impl Read for Linked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let n = bytes.len().min(buf.len());
        buf[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Linked<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // An empty block is not the end.
        while self.given == self.plain.len() && self.advance() {}
        Ok(&self.plain[self.given..])
    }

    fn consume(&mut self, n: usize) {
        self.given = (self.given + n).min(self.plain.len());
    }
}
