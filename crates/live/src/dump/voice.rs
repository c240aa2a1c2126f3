//! What a dump has to say.

use pgdmp::TocEntry;

use crate::voice::{Silent, Voice};

/// Hears what a dump has to say. Several sessions may speak at once.
pub trait DumpVoice: Voice {
    /// A line that `pg_dump` wrote to its standard error, without its line end.
    fn pg_dump(&self, line: &[u8]) {
        self.info(line);
    }

    /// How far the dump is.
    fn event(&self, _: &DumpEvent<'_>) {}
}

impl DumpVoice for Silent {}

/// What a dump tells of its way to those who wait for it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum DumpEvent<'a> {
    /// The catalog is read, and all tables are locked. It comes once, before those below.
    Planned {
        /// How many entries have data.
        entries: usize,
        /// What their tables take on the server's disk, in bytes.
        bytes: u64,
        /// How many sessions read.
        sessions: usize,
    },
    /// The data of an entry begins to be read.
    Began {
        /// The entry.
        entry: TocEntry<'a>,
    },
    /// Data came from the server.
    Read {
        /// How many bytes more.
        bytes: u64,
    },
    /// The data of an entry is written.
    Ended {
        /// The entry.
        entry: TocEntry<'a>,
    },
}
