//! How far a restore is, for people and programs that wait for it.

use pgdmp::TocEntry;

/// What a restore tells of its way to those who wait for it.
///
/// Work is measured in bytes of stored data: the data of a table is as much as is stored of it, and
/// other entries are estimates of how much longer or shorter they take.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// What there is to do. It comes once, before all others.
    Planned {
        /// How many entries.
        entries: usize,
        /// All work; 0 if it is not known.
        work: u64,
    },
    /// An item begins.
    Began {
        /// Its number in this restore. An item that is done in parts begins and ends several times.
        item: usize,
        /// Its entry; that of the rows for a table that is analyzed.
        entry: TocEntry<'a>,
        /// Whether the table is analyzed, and nothing restored.
        analyzes: bool,
        /// How much work it is.
        work: u64,
    },
    /// An index is being built.
    Goes {
        /// The number of its item.
        item: usize,
        /// How much of it is done, in thousandths.
        done: u64,
    },
    /// An item ended. Errors in statements that are sent later are not counted yet, except those of
    /// items that several sessions restore at once.
    Ended {
        /// Its number.
        item: usize,
        /// Errors in it.
        errors: u64,
        /// Warnings about it.
        warnings: u64,
        /// Whether another part follows.
        goes_on: bool,
        /// All work that is left, what runs now included.
        remaining: u64,
    },
}
