//! What the data of an entry is.

use super::{Desc, TocEntry};

/// The kind of an entry's data: table data, or large objects.
///
/// See the example of [`LargeObjects`](crate::read::LargeObjects).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockKind {
    /// The data of a table: `BLK_DATA`.
    Data,
    /// Large objects, one after another: `BLK_BLOBS`.
    LargeObjects,
}

impl Desc<'_> {
    /// The kind of data that entries of this kind have.
    pub fn data_kind(self) -> BlockKind {
        if self == Desc::BLOBS { BlockKind::LargeObjects } else { BlockKind::Data }
    }
}

impl TocEntry<'_> {
    /// The kind of the entry's data, if it [has any](Self::has_data).
    pub fn data_kind(self) -> BlockKind {
        self.desc().data_kind()
    }
}
