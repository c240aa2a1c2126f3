//! What takes the data of one entry of a new archive, or one large object.

use std::io::{self, Write};
use std::sync::Arc;

use super::writer::ArchiveWriter;
use crate::compress::{Algorithm, Encoder};
use crate::error::{Error, Result};
use crate::format::names;
use crate::format::sink::Sink;
use crate::toc::{BlockKind, DumpId, Oid};
use crate::version::Gate;

impl<W: Write> ArchiveWriter<W> {
    /// Takes the data of an entry, which is compressed on its way: COPY text with its end marker
    /// `\.` and two empty lines, or INSERT statements.
    ///
    /// Through a pipe, and in a tar, data must come in the order of the entries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) without such an entry,
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if it has no data, has large objects, was
    /// written already, or if the data of another entry has to come before; those of the output.
    pub fn data(&mut self, id: DumpId) -> Result<DataWriter<'_, W>> {
        let algorithm = self.encoding.algorithm();
        let index = self.begin_data(id, algorithm, None)?;
        let (encoding, framing) = (self.encoding, self.sink.framing());
        let pool = Arc::clone(&self.pool);
        let encoder = Encoder::new(Piece(self), encoding, framing, &pool)?;
        Ok(DataWriter { encoder, index })
    }

    /// Takes the large objects of an entry of the kind `BLOBS`.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn large_objects(&mut self, id: DumpId) -> Result<LargeObjectsWriter<'_, W>> {
        let index = self.begin(id, BlockKind::LargeObjects)?;
        let begun = self.sink.begin_objects(index, id);
        begun.map_err(|error| self.named(error, index))?;
        Ok(LargeObjectsWriter { writer: self, index })
    }

    /// Takes the stored bytes of an entry's data as they are to stand in the archive.
    pub(crate) fn stored_data(
        &mut self,
        id: DumpId,
        algorithm: Algorithm,
        stored_len: Option<u64>,
    ) -> Result<StoredWriter<'_, W>> {
        let index = self.begin_data(id, algorithm, stored_len)?;
        Ok(StoredWriter { piece: Piece(self), index, is_object: false })
    }
}

/// The writer of one piece: what is written is stored as it is.
#[derive(Debug)]
pub(crate) struct Piece<'a, W>(&'a mut ArchiveWriter<W>);

impl<W: Write> Write for Piece<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.sink.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the data of one entry. Dropped before [`finish`](Self::finish), it leaves an archive
/// that cannot be finished.
#[derive(Debug)]
pub struct DataWriter<'a, W> {
    encoder: Encoder<Piece<'a, W>>,
    index: usize,
}

impl<W: Write> DataWriter<'_, W> {
    /// Ends the data.
    pub fn finish(self) -> Result<()> {
        let Piece(writer) = self.encoder.finish()?;
        let ended = writer.sink.end_piece();
        ended.map_err(|error| writer.named(error, self.index))?;
        writer.end(self.index);
        Ok(())
    }
}

impl<W: Write> Write for DataWriter<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.encoder.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// Takes stored bytes.
#[derive(Debug)]
pub(crate) struct StoredWriter<'a, W> {
    piece: Piece<'a, W>,
    index: usize,
    is_object: bool,
}

impl<W: Write> StoredWriter<'_, W> {
    /// Lets the next byte begin a chunk, in a custom archive.
    pub(crate) fn begin_chunk(&mut self) -> io::Result<()> {
        self.piece.0.sink.begin_chunk()
    }

    pub(crate) fn finish(self) -> Result<()> {
        let StoredWriter { piece: Piece(writer), index, is_object } = self;
        let ended = writer.sink.end_piece();
        ended.map_err(|error| writer.named(error, index))?;
        if is_object {
            writer.open_piece = false;
        } else {
            writer.end(index);
        }
        Ok(())
    }
}

impl<W: Write> Write for StoredWriter<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.piece.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the large objects of one entry, one after another. Dropped before
/// [`finish`](Self::finish), it leaves an archive that cannot be finished.
#[derive(Debug)]
pub struct LargeObjectsWriter<'a, W> {
    writer: &'a mut ArchiveWriter<W>,
    index: usize,
}

impl<W: Write> LargeObjectsWriter<'_, W> {
    /// Takes the bytes of a large object.
    ///
    /// # Errors
    ///
    /// OID 0; a large object before it that was not finished; in a directory, one with the same
    /// OID; in a tar of version 1.16, a first one that the entry's tag does not begin with.
    pub fn object(&mut self, oid: Oid) -> Result<LargeObjectWriter<'_, W>> {
        let algorithm = self.writer.encoding.algorithm();
        self.begin(oid, algorithm, None)?;
        let writer = &mut *self.writer;
        let (encoding, framing) = (writer.encoding, writer.sink.framing());
        let pool = Arc::clone(&writer.pool);
        let encoder = Encoder::new(Piece(writer), encoding, framing, &pool)?;
        Ok(LargeObjectWriter { encoder, index: self.index })
    }

    /// Takes the stored bytes of a large object as they are to stand in the archive.
    pub(crate) fn stored_object(
        &mut self,
        oid: Oid,
        algorithm: Algorithm,
        stored_len: Option<u64>,
    ) -> Result<StoredWriter<'_, W>> {
        self.begin(oid, algorithm, stored_len)?;
        Ok(StoredWriter { piece: Piece(self.writer), index: self.index, is_object: true })
    }

    fn begin(&mut self, oid: Oid, algorithm: Algorithm, stored_len: Option<u64>) -> Result<()> {
        let (writer, index) = (&mut *self.writer, self.index);
        let fail =
            |writer: &ArchiveWriter<W>, what: String| Err(writer.named(Error::usage(what), index));
        if writer.open_piece {
            return fail(writer, format!("large object {oid} comes before another was finished"));
        }
        if oid == Oid(0) {
            return fail(writer, "0 is the OID of no large object".to_owned());
        }
        if let Sink::Tar(sink) = &writer.sink
            && sink.first_oid().is_none()
            && writer.toc.header().version.has(Gate::LargeObjectGroups)
            && writer.toc.get(index).is_some_and(|entry| {
                names::first_of_group(entry.tag().unwrap_or_default()) != Some(oid.0)
            })
        {
            return fail(
                writer,
                format!("large object {oid} comes first, but the tag does not begin with it"),
            );
        }
        writer.open_piece = true;
        let begun = writer.sink.begin_object(oid.0, algorithm, stored_len);
        begun.map_err(|error| writer.named(error, index))
    }

    /// Ends the large objects.
    ///
    /// # Errors
    ///
    /// A large object that was not finished; those of the output.
    pub fn finish(self) -> Result<()> {
        let LargeObjectsWriter { writer, index } = self;
        if writer.open_piece {
            return Err(writer.named(Error::usage("a large object was not finished"), index));
        }
        let ended = writer.sink.end_objects();
        ended.map_err(|error| writer.named(error, index))?;
        writer.end(index);
        Ok(())
    }
}

/// Takes the bytes of one large object.
#[derive(Debug)]
pub struct LargeObjectWriter<'a, W> {
    encoder: Encoder<Piece<'a, W>>,
    index: usize,
}

impl<W: Write> LargeObjectWriter<'_, W> {
    /// Ends the large object.
    pub fn finish(self) -> Result<()> {
        let Piece(writer) = self.encoder.finish()?;
        let ended = writer.sink.end_piece();
        ended.map_err(|error| writer.named(error, self.index))?;
        writer.open_piece = false;
        Ok(())
    }
}

impl<W: Write> Write for LargeObjectWriter<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.encoder.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}
