//! Data compressed by other threads than the one that writes the archive, before its turn comes.

use std::io::{self, Write};
use std::sync::Arc;

use super::builder::ArchiveBuilder;
use super::pieces::StoredWriter;
use super::writer::ArchiveWriter;
use crate::compress::{Content, Encoder, EncoderPool, Encoding, Framing, PieceSink};
use crate::error::Result;
use crate::toc::{DumpId, Format};

/// Takes compressed data. In a custom archive that has chunks, of which each holds a frame.
pub trait CompressedSink: Write {
    /// What comes next begins a chunk.
    ///
    /// # Errors
    ///
    /// Those of the output.
    fn begin_chunk(&mut self) -> io::Result<()>;
}

/// Compressed data in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompressedData {
    bytes: Vec<u8>,
    /// Where chunks begin.
    chunks: Vec<usize>,
}

impl CompressedData {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes it to another place.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn write_to(&self, out: &mut impl CompressedSink) -> io::Result<()> {
        let mut at = 0;
        for chunk in &self.chunks {
            out.write_all(&self.bytes[at..*chunk])?;
            out.begin_chunk()?;
            at = *chunk;
        }
        out.write_all(&self.bytes[at..])
    }
}

impl Write for CompressedData {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl CompressedSink for CompressedData {
    fn begin_chunk(&mut self) -> io::Result<()> {
        self.chunks.push(self.bytes.len());
        Ok(())
    }
}

/// Compresses data for an archive that another thread writes. Clones share their memory.
///
/// What it makes is [written](ArchiveWriter::compressed) as it is.
///
/// ```
/// use std::io::{Cursor, Write};
/// use pgdmp::toc::{EntryFields, Section};
/// use pgdmp::write::{CompressedData, WriteOptions};
/// use pgdmp::{ArchiveBuilder, Desc, Format};
///
/// let mut archive = ArchiveBuilder::new(Format::Custom, &WriteOptions::new())?;
/// let fields = EntryFields::new(archive.next_id(), Desc::TABLE_DATA, Section::Data);
/// let rows = archive.entry(&fields.copy_stmt("COPY t (a) FROM stdin;\n").had_dumper(true))?;
///
/// let compressor = archive.compressor();
/// let ready = std::thread::spawn(move || {
///     let mut out = compressor.start(CompressedData::default())?;
///     out.write_all(b"1\n2\n\\.\n\n\n")?;
///     out.finish()
/// });
/// let ready = ready.join().unwrap()?;
///
/// let mut archive = archive.start(Cursor::new(Vec::new()))?;
/// let mut data = archive.compressed(rows, Some(ready.len()))?;
/// ready.write_to(&mut data)?;
/// data.finish()?;
/// archive.finish()?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Compressor {
    encoding: Encoding,
    framing: Framing,
    pool: Arc<EncoderPool>,
}

impl Compressor {
    /// Begins the data of a table, which is compressed into `out`.
    ///
    /// # Errors
    ///
    /// The compressor cannot be set up.
    pub fn start<W: CompressedSink>(&self, out: W) -> io::Result<Compressing<W>> {
        let Compressor { encoding, framing, pool } = self;
        Encoder::new(Taking(out), *encoding, *framing, Content::Rows, pool).map(Compressing)
    }
}

/// Takes pieces for the user of the crate.
#[derive(Debug)]
struct Taking<W>(W);

impl<W: Write> Write for Taking<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: CompressedSink> PieceSink for Taking<W> {
    fn begin_chunk(&mut self) -> io::Result<()> {
        self.0.begin_chunk()
    }
}

/// Compresses what is written to it. Made by [`Compressor::start`].
#[derive(Debug)]
pub struct Compressing<W>(Encoder<Taking<W>>);

impl<W: CompressedSink> Compressing<W> {
    /// Ends the data, and gives back what it was written to.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(self) -> io::Result<W> {
        Ok(self.0.finish()?.0)
    }
}

impl<W: CompressedSink> Write for Compressing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl ArchiveBuilder {
    /// What compresses data for this archive in other threads.
    pub fn compressor(&self) -> Compressor {
        let framing = match self.format {
            Format::Custom => Framing::Stream,
            _ => Framing::File,
        };
        Compressor { encoding: self.encoding, framing, pool: Arc::default() }
    }
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins the data of an entry, which a [`Compressor`] of this archive compressed. `len`: how
    /// long that is, if it is known, which saves a tar a copy.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn compressed(&mut self, id: DumpId, len: Option<u64>) -> Result<CompressedWriter<'_, W>> {
        let algorithm = self.encoding().algorithm();
        self.stored_data(id, algorithm, len).map(CompressedWriter)
    }
}

/// Takes data of one entry that is compressed already. If it is dropped before
/// [`finish`](Self::finish), the archive cannot be finished.
///
/// See the example of [`Compressor`].
#[derive(Debug)]
pub struct CompressedWriter<'a, W>(StoredWriter<'a, W>);

impl<W: Write> CompressedWriter<'_, W> {
    /// Ends the data.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}

impl<W: Write> Write for CompressedWriter<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> CompressedSink for CompressedWriter<'_, W> {
    fn begin_chunk(&mut self) -> io::Result<()> {
        // Chunks of a compressor hold a frame each.
        self.0.begin_chunk()?;
        self.0.keep_whole()
    }
}
