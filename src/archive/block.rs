//! One block of an archive's data, wherever it comes from.

use std::fmt;

use super::data::EntryData;
use super::large_objects::LargeObject;
use super::piece::StoredPiece;
use crate::error::{Error, Result};
use crate::toc::{BlockKind, DumpId, Oid, TocEntry};

/// The data of one entry, or its large objects, met on a [`Pass`](super::Pass) through an archive.
///
/// Blocks of a file and of a pipe work alike. Each block costs one allocation.
///
/// See the example of [`Pass`](super::Pass).
pub struct Block<'a>(Box<dyn AnyBlock + Send + 'a>);

/// A block of a file, or of a stream.
pub(super) trait AnyBlock {
    fn dump_id(&self) -> DumpId;
    fn kind(&self) -> BlockKind;
    fn entry(&self) -> Option<TocEntry<'_>>;
    fn data(&mut self) -> Result<EntryData<'_>>;
    fn next_object(&mut self) -> Result<Option<LargeObject<'_>>>;
    fn piece(&mut self) -> Result<StoredPiece<'_>>;
    fn next_piece(&mut self) -> Result<Option<(Oid, StoredPiece<'_>)>>;
    fn put_back(self: Box<Self>);
    fn be_lenient(&mut self);
    fn complaints(&mut self) -> Vec<Error>;
}

impl<'a> Block<'a> {
    pub(super) fn new(block: impl AnyBlock + Send + 'a) -> Self {
        Block(Box::new(block))
    }

    /// The dump id of the entry it belongs to. It is 0 for large objects in a tar whose entry
    /// cannot be found.
    pub fn dump_id(&self) -> DumpId {
        self.0.dump_id()
    }

    /// The kind of its data.
    pub fn kind(&self) -> BlockKind {
        self.0.kind()
    }

    /// The entry it belongs to, if the table of contents has it.
    pub fn entry(&self) -> Option<TocEntry<'_>> {
        self.0.entry()
    }

    /// The decompressed data; see [`Archive::data`](super::Archive::data). Call it once: from a
    /// stream, a second call continues where the first reader stopped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a block of large objects, an unknown
    /// compression, and damage of the archive where the data should be.
    pub fn data(&mut self) -> Result<EntryData<'_>> {
        self.0.data()
    }

    /// The next large object of the block; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a block of table data, and damage of the
    /// archive.
    pub fn next_object(&mut self) -> Result<Option<LargeObject<'_>>> {
        self.0.next_object()
    }

    /// The stored bytes of its data.
    pub(crate) fn piece(&mut self) -> Result<StoredPiece<'_>> {
        self.0.piece()
    }

    /// The stored bytes of its next large object; `None` after the last.
    pub(crate) fn next_piece(&mut self) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        self.0.next_piece()
    }

    /// Makes of what pg_restore passes over a [complaint](Self::complaints) instead of an error;
    /// of large objects alone.
    pub(crate) fn be_lenient(&mut self) {
        self.0.be_lenient();
    }

    /// What is wrong with large objects that were read to their end.
    pub(crate) fn complaints(&mut self) -> Vec<Error> {
        self.0.complaints()
    }

    /// Lets it come again. Nothing of it may have been read.
    pub(crate) fn put_back(self) {
        self.0.put_back();
    }
}

impl fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("dump_id", &self.dump_id())
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}
