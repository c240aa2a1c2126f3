//! Where a new archive goes: one of three layouts behind the same few steps.

use std::fs::File;
use std::io::{self, Write};

use super::custom::CustomSink;
use super::directory::DirectorySink;
use super::tar::TarSink;
use crate::compress::{Algorithm, Framing};
use crate::error::Result;
use crate::toc::{BlockKind, DumpId, Toc};

/// An archive being written. A *piece* is the data of one table or of one large object; what is
/// written in between `begin…` and `end_piece` is its stored bytes.
#[derive(Debug)]
pub(crate) enum Sink<W> {
    Custom(CustomSink<W>),
    /// With what makes its last file, `toc.dat`, the output.
    Directory(DirectorySink, fn(File) -> W),
    Tar(TarSink<W>),
}

impl<W: Write> Sink<W> {
    /// How deflate data is wrapped.
    pub(crate) fn framing(&self) -> Framing {
        match self {
            Sink::Custom(_) => Framing::Stream,
            _ => Framing::File,
        }
    }

    /// Whether data has to come in the order of the entries.
    pub(crate) fn is_ordered(&self) -> bool {
        match self {
            Sink::Custom(sink) => !sink.is_seekable(),
            Sink::Directory(..) => false,
            Sink::Tar(_) => true,
        }
    }

    /// `stored_len`: how long the piece is going to be, where that is known.
    pub(crate) fn begin_data(
        &mut self,
        index: usize,
        id: DumpId,
        algorithm: Algorithm,
        stored_len: Option<u64>,
    ) -> Result<()> {
        match self {
            Sink::Custom(sink) => sink.begin_block(index, id, BlockKind::Data)?,
            Sink::Directory(sink, _) => sink.begin_data(id, algorithm)?,
            Sink::Tar(sink) => sink.begin_data(id, stored_len)?,
        }
        Ok(())
    }

    /// The next byte begins a chunk, where there are chunks.
    pub(crate) fn begin_chunk(&mut self) -> io::Result<()> {
        match self {
            Sink::Custom(sink) => sink.begin_chunk(),
            Sink::Directory(..) | Sink::Tar(_) => Ok(()),
        }
    }

    /// The chunk that was begun is to hold a whole frame, if that is not too long.
    pub(crate) fn keep_whole(&mut self) {
        if let Sink::Custom(sink) = self {
            sink.keep_whole();
        }
    }

    pub(crate) fn end_piece(&mut self) -> Result<()> {
        match self {
            Sink::Custom(sink) => sink.end_chunks()?,
            Sink::Directory(sink, _) => sink.end_piece()?,
            Sink::Tar(sink) => sink.end_member()?,
        }
        Ok(())
    }

    pub(crate) fn begin_objects(&mut self, index: usize, id: DumpId) -> Result<()> {
        match self {
            Sink::Custom(sink) => sink.begin_block(index, id, BlockKind::LargeObjects)?,
            Sink::Directory(sink, _) => sink.begin_objects(id)?,
            Sink::Tar(sink) => sink.begin_objects(id),
        }
        Ok(())
    }

    pub(crate) fn begin_object(
        &mut self,
        oid: u32,
        algorithm: Algorithm,
        stored_len: Option<u64>,
    ) -> Result<()> {
        match self {
            Sink::Custom(sink) => sink.oid(oid)?,
            Sink::Directory(sink, _) => sink.begin_object(oid, algorithm)?,
            Sink::Tar(sink) => sink.begin_object(oid, stored_len)?,
        }
        Ok(())
    }

    pub(crate) fn end_objects(&mut self) -> Result<()> {
        match self {
            Sink::Custom(sink) => sink.oid(0)?,
            Sink::Directory(sink, _) => sink.end_objects()?,
            Sink::Tar(sink) => sink.end_objects()?,
        }
        Ok(())
    }

    /// Completes the archive.
    pub(crate) fn finish(self, toc: &mut Toc) -> Result<W> {
        match self {
            Sink::Custom(sink) => Ok(sink.finish(toc)?),
            Sink::Directory(sink, output) => sink.finish(toc).map(output),
            Sink::Tar(sink) => Ok(sink.finish()?),
        }
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Custom(sink) => sink.write(buf)?,
            Sink::Directory(sink, _) => sink.write(buf)?,
            Sink::Tar(sink) => sink.write(buf)?,
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
