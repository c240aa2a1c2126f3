//! What could be had of a damaged archive.

use std::fmt;

use crate::error::EntryName;
use crate::finding::Finding;
use crate::toc::DumpId;

/// How the data of an entry was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// By its data offset, or its name.
    Offset,
    /// By a walk from one block to the next.
    Walk,
    /// By looking for it behind damage.
    Scan,
    /// Not at all.
    Lost,
}

impl How {
    /// One word, such as `offset`.
    pub fn name(self) -> &'static str {
        match self {
            How::Offset => "offset",
            How::Walk => "walk",
            How::Scan => "scan",
            How::Lost => "lost",
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What could be had of an entry's data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The dump id of the entry in the new archive.
    pub dump_id: DumpId,
    /// The name of the entry.
    pub name: EntryName,
    /// How its data was found.
    pub how: How,
    /// Rows that are in the new archive.
    pub rows: u64,
    /// Rows that are not rows any more, and were left out.
    pub left_out: u64,
    /// Large objects that are in the new archive.
    pub large_objects: u64,
    /// The OID of the first of them.
    pub(super) first_object: Option<u32>,
    /// Large objects that are not, as another one has the same OID.
    pub(super) passed_over: u64,
    /// Of these, large objects of which only the beginning is left: the first few.
    pub cut_objects: Vec<u32>,
    /// Why not everything is there.
    pub damage: Option<Finding>,
    /// The row from which on rows may be wrong although they look right, from 1.
    pub suspect_from: Option<u64>,
    /// Whether the entry is in the new archive.
    pub is_kept: bool,
}

impl Saved {
    /// Whether nothing of the entry is lost, as far as anybody can tell.
    pub fn is_whole(&self) -> bool {
        self.damage.is_none() && self.left_out == 0 && self.is_kept
    }
}

/// The result of salvaging.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The entries with data, in the order of the new archive.
    pub entries: Vec<Saved>,
    /// Entries of the table of contents that could be read.
    pub toc_entries: u64,
    /// What is wrong with the table of contents, the header, or the members of a tar.
    pub toc_damage: Option<Finding>,
}

impl Report {
    /// Whether nothing is lost, as far as anybody can tell.
    pub fn is_whole(&self) -> bool {
        self.toc_damage.is_none() && self.entries.iter().all(Saved::is_whole)
    }

    /// Whether there is anything in the new archive.
    pub fn is_empty(&self) -> bool {
        self.toc_entries == 0 && self.entries.iter().all(|saved| !saved.is_kept)
    }
}
