//! The rows of an archive's tables.

use std::io::BufRead;

use super::options::RowsOptions;
use super::reader::Rows;
use crate::archive::{Archive, Block, EntryData};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::toc::{Desc, DumpId, TocEntry};
use crate::types::CopyStatement;

impl Archive {
    /// Opens the rows of a table by the dump id of its `TABLE DATA` entry. They are read from COPY
    /// text or INSERT commands, whichever the archive has.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such entry,
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if its data is not rows,
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if `pg_dump` never writes its COPY
    /// statement, and those of [`data`](Self::data).
    pub fn rows(&self, id: DumpId) -> Result<Rows<EntryData<'static>>> {
        let Some(entry) = self.entry(id) else {
            return Err(Error::not_found(format!("entry {id}")));
        };
        let way = Way::of(entry)?.limits(*self.limits());
        Ok(way.read(self.data(id)?))
    }
}

impl Block<'_> {
    /// Opens the rows of the block's table, like [`Archive::rows`].
    ///
    /// # Errors
    ///
    /// As [`Archive::rows`], and a block without an entry.
    pub fn rows(&mut self) -> Result<Rows<EntryData<'_>>> {
        let Some(entry) = self.entry() else {
            return Err(Error::malformed("the data is of no entry"));
        };
        let way = Way::of(entry)?;
        Ok(way.read(self.data()?))
    }
}

/// How the rows of an entry are to be read.
#[derive(Debug)]
pub(crate) struct Way {
    options: RowsOptions,
    /// Whether they are COPY text.
    copy: bool,
}

impl Way {
    /// # Errors
    ///
    /// As [`Archive::rows`].
    pub(crate) fn of(entry: TocEntry<'_>) -> Result<Way> {
        if entry.desc() != Desc::TABLE_DATA {
            return Err(instead(entry).in_entry(|| entry.name()));
        }
        let toc = entry.toc();
        let options = RowsOptions::new().encoding(toc.text_encoding()).entry(entry.name());
        Ok(match entry.copy_stmt() {
            Some(copy) if !copy.is_empty() => {
                let copy = CopyStatement::parse(copy).map_err(|e| e.in_entry(|| entry.name()))?;
                Way { options: options.statement(&copy), copy: true }
            }
            _ => Way { options: options.std_strings(toc.std_strings()?), copy: false },
        })
    }

    /// Bounds the length of a row.
    pub(crate) fn limits(mut self, limits: Limits) -> Way {
        self.options = self.options.limits(limits);
        self
    }

    /// For a part of the rows; `None` for INSERT commands, which cannot be divided.
    pub(super) fn partial(self) -> Option<Way> {
        self.copy.then(|| Way { options: self.options.partial(), ..self })
    }

    pub(crate) fn read<R: BufRead>(self, data: R) -> Rows<R> {
        match self.copy {
            true => self.options.copy_text(data),
            false => self.options.insert_commands(data),
        }
    }
}

/// Why an entry has no rows, and what to use instead.
fn instead(entry: TocEntry<'_>) -> Error {
    let desc = entry.desc();
    Error::usage(if desc == Desc::TABLE {
        "the rows of a table belong to its entry TABLE DATA"
    } else if desc == Desc::MATERIALIZED_VIEW_DATA {
        "the data of a materialized view is a command that makes it, not rows"
    } else if [Desc::BLOBS, Desc::BLOB, Desc::BLOB_METADATA].contains(&desc) {
        "large objects have no rows: Archive::large_objects reads them"
    } else {
        "only TABLE DATA has rows"
    })
}
