//! What takes the data of one entry of a new archive, or one large object.

use std::io::{self, Write};
use std::sync::Arc;

use super::writer::ArchiveWriter;
use crate::compress::{Algorithm, Content, Encoder, PieceSink};
use crate::error::{Error, Result};
use crate::format::names;
use crate::format::sink::Sink;
use crate::toc::{BlockKind, DumpId, Oid};
use crate::version::Gate;

impl<W: Write> ArchiveWriter<W> {
    /// Begins the data of an entry, which is compressed while it is written. The data is COPY text
    /// with its end marker `\.` and two empty lines, or INSERT statements.
    ///
    /// In a pipe and in a tar, data must be written in the order of the entries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such entry.
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if the entry has no data, has large objects or
    /// was written already, or if the data of another entry must come first. Errors of the output.
    pub fn data(&mut self, id: DumpId) -> Result<DataWriter<'_, W>> {
        let algorithm = self.encoding.algorithm();
        let index = self.begin_data(id, algorithm, None)?;
        let (encoding, framing) = (self.encoding, self.sink.framing());
        let pool = Arc::clone(&self.pool);
        let encoder = Encoder::new(Piece(self), encoding, framing, Content::Rows, &pool)?;
        Ok(DataWriter { encoder, index })
    }

    /// Begins the large objects of an entry of the kind `BLOBS`.
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

impl<W: Write> PieceSink for Piece<'_, W> {
    fn begin_chunk(&mut self) -> io::Result<()> {
        self.0.sink.begin_chunk()
    }

    fn keep_whole(&mut self) -> io::Result<()> {
        self.0.sink.keep_whole();
        Ok(())
    }
}

/// A writer for the data of one entry. If it is dropped before [`finish`](Self::finish), the
/// archive cannot be finished.
///
/// See the example of [`ArchiveBuilder`](super::ArchiveBuilder).
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

impl<W: Write> PieceSink for StoredWriter<'_, W> {
    fn begin_chunk(&mut self) -> io::Result<()> {
        self.piece.begin_chunk()
    }

    fn keep_whole(&mut self) -> io::Result<()> {
        self.piece.keep_whole()
    }
}

/// A writer for the large objects of one entry, one after another. If it is dropped before
/// [`finish`](Self::finish), the archive cannot be finished.
///
/// ```
/// use std::io::{Cursor, Write};
/// use pgdmp::toc::{EntryFields, Oid, Section};
/// use pgdmp::write::WriteOptions;
/// use pgdmp::{ArchiveBuilder, Desc, Format};
///
/// let mut archive = ArchiveBuilder::new(Format::Custom, &WriteOptions::new())?;
/// let fields = EntryFields::new(archive.next_id(), Desc::BLOBS, Section::Data);
/// let blobs = archive.entry(&fields.tag("16404").had_dumper(true))?;
/// let mut archive = archive.start(Cursor::new(Vec::new()))?;
/// let mut objects = archive.large_objects(blobs)?;
/// let mut object = objects.object(Oid(16404))?;
/// object.write_all(b"bytes of a large object")?;
/// object.finish()?;
/// objects.finish()?;
/// archive.finish()?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct LargeObjectsWriter<'a, W> {
    writer: &'a mut ArchiveWriter<W>,
    index: usize,
}

impl<W: Write> LargeObjectsWriter<'_, W> {
    /// Begins a large object.
    ///
    /// # Errors
    ///
    /// OID 0; a large object before it that was not finished; in a directory, an OID that was
    /// written already; in a tar of version 1.16, a first OID that differs from the first one in
    /// the entry's tag.
    pub fn object(&mut self, oid: Oid) -> Result<LargeObjectWriter<'_, W>> {
        let algorithm = self.writer.encoding.algorithm();
        self.begin(oid, algorithm, None)?;
        let writer = &mut *self.writer;
        let (encoding, framing) = (writer.encoding, writer.sink.framing());
        let pool = Arc::clone(&writer.pool);
        let encoder = Encoder::new(Piece(writer), encoding, framing, Content::Bytes, &pool)?;
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
    /// A large object that was not finished, and errors of the output.
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

/// A writer for the bytes of one large object.
///
/// See the example of [`LargeObjectsWriter`].
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
