//! What the data of an entry is.

use super::{Desc, TocEntry};

/// What the data of an entry is, and so what its block in a custom archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlockKind {
    /// The data of a table: `BLK_DATA`.
    Data,
    /// Large objects, one after another: `BLK_BLOBS`.
    LargeObjects,
}

impl Desc<'_> {
    /// What the data of an entry of this kind is, if it has any.
    pub fn data_kind(self) -> BlockKind {
        if self == Desc::BLOBS { BlockKind::LargeObjects } else { BlockKind::Data }
    }
}

impl TocEntry<'_> {
    /// What the data of the entry is, if it [has any](Self::has_data).
    pub fn data_kind(self) -> BlockKind {
        self.desc().data_kind()
    }
}
