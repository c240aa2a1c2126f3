//! Writes a custom archive: the mirror of [`Custom`](super::Custom).

use std::io::{self, Write};

use super::super::block::{self, BlockHeader, ChunkWriter};
use super::super::output::Output;
use crate::toc::{BlockKind, DataOffset, DumpId, MAGIC, Toc};
use crate::wire::Dialect;

/// A custom archive being written.
///
/// `_StartData`, `_StartLOs` and `_CloseArchive` of `pg_backup_custom.c`. Where the output can
/// seek, the header is first written without its magic number, at the end again with the offsets,
/// and the magic number last: what was given up half-way is no archive.
#[derive(Debug)]
pub(crate) struct CustomSink<W> {
    output: Output<W>,
    dialect: Dialect,
    chunks: ChunkWriter,
    /// Place of an entry and where its block begins.
    offsets: Vec<(usize, u64)>,
}

impl<W: Write> CustomSink<W> {
    pub(crate) fn new(mut output: Output<W>, toc: &Toc) -> io::Result<Self> {
        if output.is_seekable() {
            toc.write_to(Blanked { output: &mut output, left: MAGIC.len() })?;
        } else {
            toc.write_to(&mut output)?;
        }
        let dialect = toc.dialect();
        Ok(CustomSink { output, dialect, chunks: ChunkWriter::new(dialect), offsets: Vec::new() })
    }

    pub(crate) fn is_seekable(&self) -> bool {
        self.output.is_seekable()
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn begin_block(
        &mut self,
        index: usize,
        dump_id: DumpId,
        kind: BlockKind,
    ) -> io::Result<()> {
        if self.output.is_seekable() {
            self.offsets.push((index, self.output.position()));
        }
        BlockHeader { kind, dump_id }.encode(&mut self.output, self.dialect)
    }

    pub(crate) fn oid(&mut self, oid: u32) -> io::Result<()> {
        block::encode_oid(&mut self.output, self.dialect, oid)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.chunks.write(bytes, &mut self.output)
    }

    pub(crate) fn begin_chunk(&mut self) -> io::Result<()> {
        self.chunks.flush(&mut self.output)
    }

    pub(crate) fn keep_whole(&mut self) {
        self.chunks.keep_whole();
    }

    pub(crate) fn end_chunks(&mut self) -> io::Result<()> {
        self.chunks.finish(&mut self.output)
    }

    /// For the body of a block that is copied together with its framing.
    pub(crate) fn raw(&mut self) -> &mut Output<W> {
        &mut self.output
    }

    pub(crate) fn finish(mut self, toc: &mut Toc) -> io::Result<W> {
        if self.output.is_seekable() {
            for (index, offset) in &self.offsets {
                toc.set_data_offset(*index, DataOffset::At(*offset));
            }
            self.output
                .patch(0, |start| toc.write_to(Blanked { output: start, left: MAGIC.len() }))?;
            self.output.patch(0, |start| start.write_all(MAGIC))?;
        }
        self.output.finish()
    }
}

/// Writes zeros instead of the first bytes.
struct Blanked<'a, W> {
    output: &'a mut Output<W>,
    left: usize,
}

impl<W: Write> Write for Blanked<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.left.min(buf.len());
        self.output.write_all(&[0; 16][..n.min(16)])?;
        self.output.write_all(&buf[n..])?;
        self.left -= n;
        Ok(buf.len())
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        match self.left {
            0 => self.output.write_all(buf),
            _ => self.write(buf).map(drop),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
