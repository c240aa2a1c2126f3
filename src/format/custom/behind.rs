//! What stands behind the blocks of a custom archive: with `>>` in a nightly script, the archives
//! of all other nights.

use std::io::{self, BufRead, Read};

use super::{Custom, relay, skip_block};
use crate::error::{Error, Result};
use crate::format::block::{BlockHeader, BlockStart, ChunkReader};
use crate::format::detect;
use crate::source::{Peek, Positioned};
use crate::toc::{DataOffset, Toc, TocEntry};
use crate::wire::Dialect;

impl Custom {
    /// Where another archive begins behind this one. `most`: how many chunks may be walked over
    /// to find that out; `None` is any number.
    ///
    /// # Errors
    ///
    /// Those of reading. Behind what is damaged, nothing is found.
    pub(crate) fn archive_behind(&self, toc: &Toc, most: Option<u32>) -> Result<Option<u64>> {
        let [glance, sure] = &self.behind;
        let known = if most.is_some() { glance } else { sure };
        if let Some(known) = known.get() {
            return Ok(*known);
        }
        let behind = self.look_behind(toc, most)?;
        Ok(*known.get_or_init(|| behind))
    }

    fn look_behind(&self, toc: &Toc, most: Option<u32>) -> Result<Option<u64>> {
        let end = match self.end_of_blocks(toc, most) {
            Ok(Some(end)) => end,
            Ok(None) => return Ok(None),
            Err(error) if error.is_io() => return Err(error),
            Err(_) => return Ok(None),
        };
        let mut reader = self.reader(end);
        let toc_len = self.toc_end - self.toc_start;
        let mut first = self.reader(self.toc_start);
        find(&mut reader, first.peek(LIKE)?, toc_len)
    }

    /// The position behind the last block.
    fn end_of_blocks(&self, toc: &Toc, most: Option<u32>) -> Result<Option<u64>> {
        let mut offsets = Vec::new();
        let mut all = true;
        for entry in toc.entries().filter(TocEntry::has_data) {
            match entry.data_offset() {
                Some(DataOffset::At(offset)) => offsets.push(offset),
                _ => all = false,
            }
        }
        let last = offsets.into_iter().max().filter(|_| all);
        match (most, last) {
            (Some(most), _) => {
                // What was walked over already is remembered.
                let start = last.unwrap_or_else(|| self.walked_to());
                let input = self.reader(start).for_lengths();
                let mut walked = Walked { input, left: u64::from(most) };
                walk(&mut walked, self.dialect, |chunks| chunks.skip_rest(), last.is_some())
            }
            (None, Some(start)) => {
                walk(&mut self.reader(start), self.dialect, relay::skip_rest, true)
            }
            (None, None) => {
                // What is no block is what is looked for; one that is cut off still begins as one.
                let (blocks, _) = self.blocks()?;
                Ok(Some(blocks.last().map_or(self.toc_end, |block| block.end)))
            }
        }
    }
}

/// Moves over blocks up to something else, and gives the position of that. `any`: whether there is
/// a block.
fn walk<I: Positioned>(
    input: &mut I,
    dialect: Dialect,
    skip_rest: impl Fn(&mut ChunkReader<&mut I>) -> Result<()>,
    any: bool,
) -> Result<Option<u64>> {
    let mut is_first = any;
    loop {
        let at = input.position();
        match BlockHeader::decode(input, dialect)? {
            BlockStart::Block(header) => {
                let mut chunks = ChunkReader::idle(&mut *input, dialect);
                skip_block(&mut chunks, header.kind, &skip_rest)?;
            }
            BlockStart::Other(_) | BlockStart::End => return Ok((!is_first).then_some(at)),
        }
        is_first = false;
    }
}

/// Bytes that show whether a table of contents is a copy of another: their counts, and their first
/// dump ids.
const LIKE: usize = 10;

/// Looks for an archive behind the blocks of another, where `input` stands, and gives its
/// position. `toc_start` and `toc_len`: of the first bytes of the table of contents, a copy of
/// which may come first, and of the whole.
pub(super) fn find<I: Peek>(input: &mut I, toc_start: &[u8], toc_len: u64) -> Result<Option<u64>> {
    let toc_start = &toc_start[..toc_start.len().min(LIKE)];
    if toc_start.len() == LIKE && input.peek(LIKE)?.starts_with(toc_start) {
        match input.skip(toc_len) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            result => result?,
        }
    }
    // One more block; its data may be anything.
    if let Some(1 | 3) = input.peek(1)?.first() {
        return Ok(None);
    }
    let at = input.position();
    let behind = input.peek(detect::WINDOW)?;
    let behind = &behind[..behind.len().min(detect::WINDOW)];
    Ok(detect::find_archive(behind).map(|offset| at + offset as u64))
}

/// An input of which only so much is walked over.
struct Walked<I> {
    input: I,
    /// Stretches that may be skipped, or pieces of some bytes that may be read.
    left: u64,
}

const PIECE: u64 = 32;

impl<I> Walked<I> {
    fn spend(&mut self, pieces: u64) {
        self.left = self.left.saturating_sub(pieces);
    }

    /// Ends the walk. It is no error of reading, so there is nothing to say.
    fn check(&self) -> io::Result<()> {
        match self.left {
            0 => Err(Error::truncated("a walk").into()),
            _ => Ok(()),
        }
    }
}

impl<I: Positioned> BufRead for Walked<I> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.input.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.spend((n as u64).div_ceil(PIECE));
        self.input.consume(n);
    }
}

impl<I: Positioned> Read for Walked<I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<I: Positioned> Positioned for Walked<I> {
    fn position(&self) -> u64 {
        self.input.position()
    }

    fn skip(&mut self, n: u64) -> io::Result<()> {
        self.check()?;
        self.spend(1);
        self.input.skip(n)
    }

    fn remaining(&self) -> Option<u64> {
        self.input.remaining()
    }
}
