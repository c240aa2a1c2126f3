//! The tables of an archive, each with its data.

use super::open::Archive;
use crate::error::Result;
use crate::toc::{Desc, TocEntry};

/// A table of an archive, with its entries and the size of its data.
///
/// ```
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// for table in archive.tables() {
///     let bytes = table.stored_size()?.unwrap_or(0);
///     println!("{bytes:>8}  {}", table.entry().qualified_name());
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    archive: &'a Archive,
    entry: TocEntry<'a>,
    data: Option<TocEntry<'a>>,
}

impl<'a> Table<'a> {
    /// The `TABLE` entry, or the `TABLE DATA` entry if the archive has only data.
    pub fn entry(&self) -> TocEntry<'a> {
        self.entry
    }

    /// The `TABLE DATA` entry, for [`Archive::data`]. There is none in a dump without data, and for
    /// a partitioned table.
    pub fn data(&self) -> Option<TocEntry<'a>> {
        self.data
    }

    /// The stored size of its data in bytes; see [`Archive::stored_size`].
    ///
    /// # Errors
    ///
    /// As [`Archive::stored_size`].
    pub fn stored_size(&self) -> Result<Option<u64>> {
        self.data.map_or(Ok(None), |data| self.archive.stored_size(data))
    }
}

impl Archive {
    /// The tables, in the order of the archive, including those of which the archive has only the
    /// data. Views, materialized views and foreign tables are not included.
    pub fn tables(&self) -> impl Iterator<Item = Table<'_>> {
        self.entries().filter_map(|entry| {
            let other =
                |desc| self.toc().find(desc, entry.namespace(), entry.tag().unwrap_or_default());
            let data = match entry.desc() {
                Desc::TABLE => other(Desc::TABLE_DATA),
                Desc::TABLE_DATA if other(Desc::TABLE).is_none() => Some(entry),
                _ => return None,
            };
            Some(Table { archive: self, entry, data })
        })
    }
}
