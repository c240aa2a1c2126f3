//! What a verification tells: findings, the state of each entry, and a summary.

use std::fmt;

use super::code::Code;
use crate::finding::{Finding, Severity};
use crate::toc::DumpId;

/// A [`Finding`] of a verification, with its code and its place in the data.
///
/// See the example of [`Verification`](super::Verification).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// What kind of finding it is.
    pub code: Code,
    /// The message, place and severity.
    pub finding: Finding,
    /// The number of the row, from 1.
    pub row: Option<u64>,
    /// The position in the decompressed data of the entry, in bytes.
    pub decoded_offset: Option<u64>,
    /// How many more of the same code there are in the entry that are not told one by one.
    pub more: u64,
}

impl Found {
    pub(super) fn new(code: Code, what: impl Into<String>) -> Found {
        Found::of(code, Finding::new(code.severity(), what))
    }

    pub(super) fn of(code: Code, finding: Finding) -> Found {
        Found { code, finding, row: None, decoded_offset: None, more: 0 }
    }

    pub(super) fn severity(mut self, severity: Severity) -> Found {
        self.finding.severity = severity;
        self
    }

    pub(super) fn at(mut self, offset: u64) -> Found {
        self.finding.offset.get_or_insert(offset);
        self
    }

    pub(super) fn in_entry(mut self, entry: crate::toc::TocEntry<'_>) -> Found {
        self.finding.entry.get_or_insert_with(|| entry.name());
        self
    }
}

impl fmt::Display for Found {
    /// One line: the code, the message and the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.id(), self.finding)?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

/// What is known of an entry's data after a verification, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Status {
    /// The entry has no data.
    NoData,
    /// Nothing is wrong.
    Ok,
    /// The data was not looked at, or not as far as asked.
    Unchecked,
    /// The data can be read, but its rows or large objects are wrong.
    Suspect,
    /// A part of the data is lost or wrong.
    Damaged,
    /// The data is good up to a place, and nothing is behind that.
    Cut,
    /// There is none of the data.
    Missing,
}

impl Status {
    /// One word, such as `damaged`.
    pub fn name(self) -> &'static str {
        match self {
            Status::NoData => "no-data",
            Status::Ok => "ok",
            Status::Unchecked => "unchecked",
            Status::Suspect => "suspect",
            Status::Damaged => "damaged",
            Status::Cut => "cut",
            Status::Missing => "missing",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What can show that a byte of an entry's data was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Checksums {
    /// Nothing: the data is stored as it is, or in frames without checksums.
    #[default]
    None,
    /// One checksum over all data: gzip.
    Stream,
    /// One for each piece of the data, of 1 MiB or so: zstd and lz4 frames with checksums.
    Frames,
    /// The manifest's: see [`manifest`](crate::manifest).
    Manifest,
}

impl Checksums {
    /// One word, such as `stream`.
    pub fn name(self) -> &'static str {
        match self {
            Checksums::None => "none",
            Checksums::Stream => "stream",
            Checksums::Frames => "all",
            Checksums::Manifest => "manifest",
        }
    }
}

/// The state of an entry after a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryState {
    /// The dump id.
    pub dump_id: DumpId,
    /// The place of the entry in the table of contents: [`TocEntry::index`](crate::TocEntry::index).
    pub index: usize,
    /// The worst that was found of it.
    pub status: Status,
    /// Bytes that its data takes in the archive, if they are known.
    pub stored: Option<u64>,
    /// Bytes of its decompressed data, as far as it could be read.
    pub raw: Option<u64>,
    /// Its rows, as far as they could be read.
    pub rows: Option<u64>,
    /// Its large objects, as far as they could be read.
    pub large_objects: Option<u64>,
    /// What would show a changed byte.
    pub checksums: Checksums,
}

/// What a verification tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A finding.
    Found(Found),
    /// The state of an entry with data, after its findings.
    Entry(EntryState),
}

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Entries of the table of contents.
    pub entries: u64,
    /// Entries with rows.
    pub tables: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Large objects that were read.
    pub large_objects: u64,
    /// Bytes of decompressed data that were read.
    pub raw: u64,
    /// Of these, bytes of which nothing shows a change.
    pub without_checksum: u64,
    /// Findings that are errors.
    pub errors: u64,
    /// Findings that are warnings.
    pub warnings: u64,
    /// Findings that are notes.
    pub notes: u64,
    statuses: [u64; 7],
}

impl Summary {
    /// How many entries have this status.
    pub fn with_status(&self, status: Status) -> u64 {
        self.statuses[status as usize]
    }

    /// Whether nothing was found that a restore would suffer from.
    pub fn is_good(&self) -> bool {
        self.errors == 0
    }

    pub(super) fn count(&mut self, found: &Found) {
        let count = match found.finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => &mut self.notes,
        };
        *count += 1 + found.more;
    }

    pub(super) fn add(&mut self, state: &EntryState) {
        self.statuses[state.status as usize] += 1;
        self.rows += state.rows.unwrap_or(0);
        self.large_objects += state.large_objects.unwrap_or(0);
        let raw = state.raw.unwrap_or(0);
        self.raw += raw;
        if state.checksums == Checksums::None {
            self.without_checksum += raw;
        }
    }

    pub(super) fn add_without_data(&mut self, entries: u64) {
        self.statuses[Status::NoData as usize] += entries;
    }
}
