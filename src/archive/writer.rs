//! A new archive whose entries are settled: its data comes, entry after entry.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use crate::compress::{Algorithm, EncoderPool, Encoding};
use crate::error::{Error, Result};
use crate::format::output::Output;
use crate::format::sink::Sink;
use crate::toc::{BlockKind, DumpId, Toc, TocEntry};

/// What was done about the data of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    None,
    Missing,
    Written,
}

/// Writes the data of a new archive, whose entries are complete. It is made by
/// [`ArchiveBuilder`](super::ArchiveBuilder).
///
/// [`data`](Self::data) and [`large_objects`](Self::large_objects) write the data of one entry
/// after another, and [`finish`](Self::finish) completes the archive. A writer that is dropped
/// before leaves no archive: the output lacks its first bytes, in a directory `toc.dat`, or in a
/// pipe its end.
///
/// See the example of [`ArchiveBuilder`](super::ArchiveBuilder).
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    pub(super) toc: Toc,
    pub(super) sink: Sink<W>,
    pub(super) encoding: Encoding,
    pub(super) pool: Arc<EncoderPool>,
    /// By place of the entry.
    data: Vec<Data>,
    /// Place of the first entry that may still lack its data.
    next: usize,
    /// Place of the entry whose data was begun and not finished.
    open: Option<usize>,
    /// Whether a large object was begun and not finished.
    pub(super) open_piece: bool,
    on_entry: Option<OnEntry>,
}

/// Hears which entry's data begins.
pub(crate) struct OnEntry(Box<dyn Fn(TocEntry<'_>) + Send + Sync>);

impl OnEntry {
    pub(crate) fn new(hear: impl Fn(TocEntry<'_>) + Send + Sync + 'static) -> Self {
        OnEntry(Box::new(hear))
    }
}

impl fmt::Debug for OnEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnEntry")
    }
}

impl<W> ArchiveWriter<W> {
    pub(super) fn new(
        toc: Toc,
        sink: Sink<W>,
        encoding: Encoding,
        pool: EncoderPool,
    ) -> ArchiveWriter<W> {
        let data = toc.entries().map(|entry| match entry.has_data() {
            true => Data::Missing,
            false => Data::None,
        });
        ArchiveWriter {
            data: data.collect(),
            next: 0,
            open: None,
            open_piece: false,
            on_entry: None,
            toc,
            sink,
            encoding,
            pool: Arc::new(pool),
        }
    }
}

impl<W: Write> ArchiveWriter<W> {
    /// Header and table of contents.
    pub fn toc(&self) -> &Toc {
        &self.toc
    }

    /// Completes the archive and returns the output, or `toc.dat` of a directory archive. Nothing
    /// is synchronised with the disk.
    ///
    /// Nothing is synchronised with the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if the data of an entry was not written or not
    /// finished, and errors of the output.
    pub fn finish(mut self) -> Result<W> {
        self.check_closed()?;
        if let Some(index) = self.data.iter().position(|data| *data == Data::Missing) {
            return Err(self.named(Error::usage("its data was not written"), index));
        }
        self.sink.finish(&mut self.toc)
    }

    pub(super) fn named(&self, error: impl Into<Error>, index: usize) -> Error {
        match self.toc.get(index) {
            Some(entry) => error.into().in_entry(|| entry.name()),
            None => error.into(),
        }
    }

    /// Tells from now on which entry's data begins.
    pub(crate) fn tell_of_entries(&mut self, on_entry: Option<OnEntry>) {
        self.on_entry = on_entry;
    }

    fn check_closed(&self) -> Result<()> {
        match self.open {
            Some(index) => {
                Err(self.named(Error::usage("its data was begun and not finished"), index))
            }
            None => Ok(()),
        }
    }

    /// Checks that the data of an entry may come now.
    pub(super) fn begin(&mut self, id: DumpId, kind: BlockKind) -> Result<usize> {
        self.check_closed()?;
        let entry = self.toc.entry(id).ok_or_else(|| Error::not_found(format!("entry {id}")))?;
        let index = entry.index();
        let fail = |what: &'static str| Err(Error::usage(what).in_entry(|| entry.name()));
        match self.data[index] {
            Data::None => return fail("the entry has no data"),
            Data::Written => return fail("its data was written already"),
            Data::Missing => {}
        }
        match (entry.data_kind(), kind) {
            (BlockKind::LargeObjects, BlockKind::Data) => {
                return fail("the entry has large objects; they are written one by one");
            }
            (BlockKind::Data, BlockKind::LargeObjects) => {
                return fail("the entry has no large objects");
            }
            _ => {}
        }
        if self.sink.is_ordered() {
            while self.data.get(self.next).is_some_and(|data| *data != Data::Missing) {
                self.next += 1;
            }
            if self.next < index {
                let first = self.toc.get(self.next).map(|entry| entry.name().to_string());
                return Err(Error::usage(format!(
                    "data is written in the order of the entries here, and that of {} comes \
                     before",
                    first.unwrap_or_default()
                ))
                .in_entry(|| entry.name()));
            }
        }
        if let Some(OnEntry(hear)) = &self.on_entry {
            hear(entry);
        }
        self.open = Some(index);
        Ok(index)
    }

    pub(super) fn begin_data(
        &mut self,
        id: DumpId,
        algorithm: Algorithm,
        stored_len: Option<u64>,
    ) -> Result<usize> {
        let index = self.begin(id, BlockKind::Data)?;
        let begun = self.sink.begin_data(index, id, algorithm, stored_len);
        begun.map_err(|error| self.named(error, index))?;
        Ok(index)
    }

    pub(super) fn end(&mut self, index: usize) {
        self.data[index] = Data::Written;
        self.open = None;
    }

    /// Takes the body of an entry's block as it is to stand in a custom archive.
    pub(crate) fn raw_block(
        &mut self,
        id: DumpId,
        kind: BlockKind,
        write: impl FnOnce(&mut Output<W>) -> Result<()>,
    ) -> Result<()> {
        let index = self.begin(id, kind)?;
        let result = match &mut self.sink {
            Sink::Custom(sink) => sink
                .begin_block(index, id, kind)
                .map_err(Error::from)
                .and_then(|()| write(sink.raw())),
            _ => Err(Error::usage("only custom archives have blocks")),
        };
        result.map_err(|error| self.named(error, index))?;
        self.end(index);
        Ok(())
    }

    pub(crate) fn sink(&self) -> &Sink<W> {
        &self.sink
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(crate) fn pool(&self) -> &Arc<EncoderPool> {
        &self.pool
    }
}
