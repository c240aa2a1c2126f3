//! Is an archive good? Everything in it is read, and what is wrong is told.
//!
//! `pg_restore --list` reads the table of contents alone, so it passes nearly every damaged archive.
//! A [`Verification`] reads as much as its [`Level`] says, up to every row. A finding never ends it:
//! what can be read behind the damage is read, too.
//!
//! What can be found depends on how the archive is stored. Data that was compressed with gzip has a
//! checksum. Data that `pg_dump` compressed with zstd or lz4, or did not compress, has none: a
//! changed byte is found only if the data can then not be decompressed, or a row is no row any more.
//! [`Summary::without_checksum`] says how much data that is.
//!
//! ```
//! use pgdmp::Input;
//! use pgdmp::verify::{Event, Verification};
//!
//! let mut input = Input::open("fixtures/pg17/small-custom.dump")?;
//! let summary = Verification::new().run(&mut input, |event| {
//!     if let Event::Found(found) = event {
//!         println!("{found}: {}", found.code.meaning());
//!     }
//! })?;
//! assert!(summary.is_good());
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! ```text
//! code.rs       the codes of findings
//! report.rs     findings, the state of an entry, the summary
//! contents.rs   what the table of contents shows
//! relations.rs  entries that name tables and sequences
//! needed.rs     what must be on the server
//! places.rs     where data lies
//! entry.rs      the data of one entry
//! rows.rs       its rows
//! long_row.rs   one that is too long to be held in memory
//! values.rs     their values
//! plain.rs      values that are quickly seen to be good
//! objects.rs    its large objects
//! checksums.rs  what would show a changed byte of it
//! compare.rs    all of it compared with a manifest
//! run.rs        all of it, with threads, in the order of the file
//! ```

mod checksums;
mod code;
mod compare;
mod contents;
mod entry;
mod long_row;
mod needed;
mod objects;
mod places;
mod plain;
mod relations;
mod report;
mod rows;
mod run;
mod values;

use std::sync::Arc;

use crate::manifest::Manifest;

pub use code::Code;
pub use report::{Checksums, EntryState, Event, Found, Status, Summary};

/// How much of an archive is read.
///
/// See the example of [`Verification`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Level {
    /// The header and the table of contents.
    Toc,
    /// Also where the data lies: blocks and the lengths of their chunks, files, members of a tar.
    Framing,
    /// Also all data, decompressed, with every checksum that there is.
    Data,
    /// Also each row: the number of its fields, its encoding, the values of columns whose type is
    /// known, the end marker behind the last; and that the large objects are those of the table of
    /// contents.
    #[default]
    Rows,
}

impl Level {
    /// One word, such as `framing`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Toc => "toc",
            Level::Framing => "framing",
            Level::Data => "data",
            Level::Rows => "rows",
        }
    }
}

/// Reads an archive to find out whether it is good.
///
/// ```
/// use pgdmp::Input;
/// use pgdmp::verify::{Level, Verification};
///
/// let mut input = Input::open("fixtures/pg18/small-dir")?;
/// let summary = Verification::new().level(Level::Data).threads(2).run(&mut input, |_| {})?;
/// println!("{} errors in {} entries", summary.errors, summary.entries);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verification {
    level: Level,
    threads: usize,
    part: Option<(u32, u32)>,
    manifest: Option<Arc<Manifest>>,
    subset: bool,
}

impl Default for Verification {
    fn default() -> Self {
        Verification::new()
    }
}

impl Verification {
    /// The defaults: up to every row, with one thread.
    pub fn new() -> Self {
        Verification { level: Level::Rows, threads: 1, part: None, manifest: None, subset: false }
    }

    /// Sets how much is read.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets how many threads read entries of a file or directory side by side. A pipe is read by one.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Reads the data of one in `of` entries: those whose dump id leaves `part - 1` when it is
    /// divided by `of`. With parts 1 to 7 of 7, each night of a week reads another seventh. The
    /// table of contents and the places of data are checked in full.
    #[must_use]
    pub fn part(mut self, part: u32, of: u32) -> Self {
        self.part = Some((part, of.max(1)));
        self
    }

    /// Compares the archive with its manifest, or with that of an archive of which it is a copy in
    /// another format or compression.
    ///
    /// From [`Level::Framing`] on, the files are compared, which proves everything. If they are not
    /// those of the manifest, or are not to be because of the other form, then the data of each
    /// entry is compared at [`Level::Data`] and [`Level::Rows`]. Definitions are always compared.
    /// The files of a pipe are not.
    #[must_use]
    pub fn manifest(mut self, manifest: impl Into<Arc<Manifest>>) -> Self {
        self.manifest = Some(manifest.into());
        self
    }

    /// Whether the archive has a part of the entries of the manifest only. That others are missing
    /// is then a note. Default false.
    #[must_use]
    pub fn subset(mut self, subset: bool) -> Self {
        self.subset = subset;
        self
    }
}
