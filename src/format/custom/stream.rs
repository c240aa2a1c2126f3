//! A custom archive read from front to back: its blocks as they come.
//!
//! `_readBlockHeader` and `_skipData` of `pg_backup_custom.c`.

use std::io::{self, BufRead, Read};

use super::behind;
use super::{BlockHeader, BlockStart, ChunkReader, skip_block};
use crate::error::{Error, Fault, Result};
use crate::format::block;
use crate::source::{Pipe, Positioned};
use crate::surplus::Surplus;
use crate::toc::{BlockKind, Toc};

/// A custom archive that comes through a pipe, behind its table of contents.
pub(crate) struct BlockStream<R> {
    chunks: ChunkReader<Pipe<R>>,
    /// The kind of a block that was begun and not finished.
    begun: Option<BlockKind>,
    /// Where the last block began.
    start: u64,
    /// The first bytes of the table of contents, and its length.
    toc_start: Vec<u8>,
    toc_len: u64,
    surplus: Option<Surplus>,
}

impl<R: Read> BlockStream<R> {
    /// `pipe` stands behind the table of contents, which has this length.
    pub(crate) fn new(pipe: Pipe<R>, toc: &Toc, toc_len: u64) -> Self {
        let algorithm = toc.header().compression.algorithm;
        BlockStream {
            chunks: ChunkReader::idle(pipe, toc.dialect()).watching(algorithm),
            begun: None,
            start: 0,
            toc_start: toc.first_bytes(),
            toc_len,
            surplus: None,
        }
    }

    /// The chunks of the block that is being read.
    pub(crate) fn chunks(&mut self) -> &mut ChunkReader<Pipe<R>> {
        &mut self.chunks
    }

    /// Bytes of the archive that were consumed.
    pub(crate) fn position(&self) -> u64 {
        self.chunks.position()
    }

    /// Another archive that stands behind the blocks.
    pub(crate) fn surplus(&self) -> Option<&Surplus> {
        self.surplus.as_ref()
    }

    /// Reads the rest of the pipe, whatever it is.
    pub(crate) fn read_to_end(&mut self) -> Result<()> {
        Ok(self.chunks.input().drain()?)
    }

    /// Moves behind a block that was begun. Gives its size, if there was one.
    pub(crate) fn finish_block(&mut self) -> Result<Option<u64>> {
        let chunks = &mut self.chunks;
        match self.begun.take() {
            Some(BlockKind::Data) => chunks.skip_rest()?,
            Some(BlockKind::LargeObjects) => {
                chunks.skip_rest()?;
                skip_block(chunks, BlockKind::LargeObjects, ChunkReader::skip_rest)?;
            }
            None => {}
        }
        let end = self.chunks.position();
        let start = std::mem::replace(&mut self.start, end);
        Ok((start > 0).then(|| end - start))
    }

    /// Moves to the data of the next block; `None` where there is none.
    pub(crate) fn next_block(&mut self) -> Result<Option<BlockHeader>> {
        let at = self.chunks.position();
        let dialect = self.chunks.dialect();
        match BlockHeader::decode(self.chunks.input(), dialect)? {
            BlockStart::Block(header) => {
                self.begun = Some(header.kind);
                if header.kind == BlockKind::Data {
                    self.chunks.restart();
                }
                Ok(Some(header))
            }
            // A second table of contents, or the end.
            BlockStart::Other(0) | BlockStart::End => Ok(None),
            BlockStart::Other(code) => {
                let error = Error::malformed(format!("unknown type {code} of a block"));
                Err(error.with_fault(Fault::Framing).at(at))
            }
        }
    }

    /// What stands behind the blocks of all entries: another block of one of them, or something
    /// that is none of the archive's. Even if it looks like a block it is no error.
    pub(crate) fn next_behind_all(&mut self, toc: &Toc) -> Result<Option<BlockHeader>> {
        let offset = behind::find(self.chunks.input(), &self.toc_start, self.toc_len)?;
        self.surplus = offset.map(|offset| Surplus::Behind { offset });
        match self.next_block() {
            Ok(Some(header)) if toc.entry(header.dump_id).is_some() => Ok(Some(header)),
            Err(error) if error.is_io() => Err(error),
            _ => {
                self.begun = None;
                Ok(None)
            }
        }
    }

    /// Reads on to the end of the pipe. Gives where the blocks ended, and how many bytes follow; and
    /// whether these are as many as the table of contents has.
    pub(crate) fn drain(&mut self) -> io::Result<(u64, u64, bool)> {
        let (end, toc_len) = (self.start, self.toc_len);
        let pipe = self.chunks.input();
        loop {
            let n = pipe.fill_buf()?.len();
            if n == 0 {
                let len = pipe.position().saturating_sub(end);
                return Ok((end, len, len == toc_len));
            }
            pipe.consume(n);
        }
    }

    /// Moves to the next large object of the block, and gives its OID.
    pub(crate) fn next_object(&mut self) -> Result<Option<u32>> {
        let oid = block::begin_object(&mut self.chunks)?;
        if oid.is_none() {
            self.begun = None;
        }
        Ok(oid)
    }
}
