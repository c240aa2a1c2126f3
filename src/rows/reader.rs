//! `Rows`: the rows of a table, one after the other.

use std::io::BufRead;

use super::batch::{Batch, Commands, Found};
use super::copy::{CopyText, Stopped};
use super::insert::InsertText;
use super::options::RowsOptions;
use super::row::Row;
use crate::error::{Error, ErrorKind, Result};

impl RowsOptions {
    /// Reads COPY text.
    pub fn copy_text<R: BufRead>(self, text: R) -> Rows<R> {
        Rows::new(Way::Copy(CopyText::new(text, &self)), self)
    }

    /// Reads INSERT commands, as `pg_dump --inserts`, `--column-inserts` and `--rows-per-insert`
    /// write them.
    pub fn insert_commands<R: BufRead>(self, commands: R) -> Rows<R> {
        Rows::new(Way::Insert(InsertText::new(commands, &self)), self)
    }
}

/// A reader of the rows of a table, made by [`Archive::rows`](crate::Archive::rows) or
/// [`RowsOptions`].
///
/// It holds one window of the data in memory: 256 KiB, or more if a row is longer.
///
/// See the examples of [`rows`](crate::rows) and [`RowsOptions`].
#[derive(Debug)]
pub struct Rows<R> {
    way: Way<R>,
    options: RowsOptions,
    batch: Batch,
    /// The next row of the batch.
    next: usize,
    /// How many rows were given out.
    number: u64,
    ended: bool,
}

#[derive(Debug)]
enum Way<R> {
    Copy(CopyText<R>),
    Insert(InsertText<R>),
}

impl<R: BufRead> Rows<R> {
    fn new(way: Way<R>, options: RowsOptions) -> Self {
        let batch = Batch::default();
        Rows { way, options, batch, next: 0, number: 0, ended: false }
    }

    /// The names of the columns, if they are known. These are the given ones, or those of the first
    /// INSERT command, once the first row was read.
    pub fn columns(&self) -> Option<&[Vec<u8>]> {
        match &self.way {
            Way::Insert(text) if self.options.columns.is_none() => text.columns(),
            _ => self.options.columns.as_deref(),
        }
    }

    /// The number of fields of the next row, which is read, but not given out; `None` after the
    /// last. Then [`columns`](Self::columns) are known of INSERT commands, too.
    ///
    /// # Errors
    ///
    /// Those of the data before the next row; see [`next_row`](Self::next_row).
    pub fn peek_len(&mut self) -> Result<Option<usize>> {
        if self.batch.get(self.next).is_none() && !self.refill(|_| true)? {
            return Ok(None);
        }
        let found = self.batch.get(self.next);
        let len =
            |found: Found<'_>| count_fields(&found, self.columns()).unwrap_or(found.ends.len());
        Ok(found.map(len))
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Row`] for an invalid row, or one whose number of fields differs from that of
    /// the columns, and errors of the data itself. Rows before the error are returned first; after
    /// an error there are none.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        self.next_row_in(|_| true)
    }

    /// Like [`next_row`](Self::next_row), but passes over stretches of many rows that are not
    /// wanted. This is much faster, because they are neither divided into fields nor checked.
    ///
    /// `wanted` gets a stretch of whole rows as COPY text, and says whether one of them may be
    /// wanted. If so, all of them are returned. Not every row comes in such a stretch: rows of INSERT
    /// commands, for example, are always returned. [`Row::number`] counts all rows.
    ///
    /// ```
    /// use pgdmp::{Archive, Desc};
    ///
    /// let archive = Archive::open("fixtures/pg18/small-dir")?;
    /// let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town");
    /// let mut rows = archive.rows(entry.unwrap().dump_id())?;
    /// let has = |text: &[u8]| text.windows(4).any(|part| part == b"burg");
    /// while let Some(row) = rows.next_row_in(has)? {
    ///     if has(row.as_bytes()) {
    ///         println!("row {}", row.number());
    ///     }
    /// }
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_row`](Self::next_row), of the rows that are returned.
    pub fn next_row_in(&mut self, wanted: impl FnMut(&[u8]) -> bool) -> Result<Option<Row<'_>>> {
        if self.batch.get(self.next).is_none() && !self.refill(wanted)? {
            return Ok(None);
        }
        let at = self.next;
        self.next += 1;
        let Some(found) = self.batch.get(at) else { return Ok(None) };
        self.number += 1;
        let fields = match count_fields(&found, self.columns()) {
            Ok(fields) => fields,
            Err(what) => {
                let offset = found.offset;
                self.ended = true;
                self.batch.clear();
                return Err(self.row_error(self.number, offset, what));
            }
        };
        let RowsOptions { encoding, entry, .. } = &self.options;
        let row = |found| Row::new(found, self.number, fields, *encoding, entry.as_ref());
        Ok(self.batch.get(at).map(row))
    }

    /// Reads all rows that are left, and says how many there are in the table. Where nothing but
    /// line ends must be found for that, rows are not divided into fields, and not checked.
    ///
    /// # Errors
    ///
    /// As [`next_row_in`](Self::next_row_in).
    pub fn count(&mut self) -> Result<u64> {
        while self.next_row_in(|_| false)?.is_some() {}
        Ok(self.number)
    }

    /// Reads the INSERT commands themselves, too, so that they can be written again.
    pub(super) fn keep_commands(&mut self) {
        if matches!(self.way, Way::Insert(_)) {
            self.batch.commands = Some(Commands::default());
        }
    }

    /// How the rows are read, with the names of the columns as far as they are known.
    pub(super) fn shape(&self) -> RowsOptions {
        RowsOptions { columns: self.columns().map(<[_]>::to_vec), ..self.options.clone() }
    }

    /// All rows that were read together, and the number of the first; `None` after the last. The
    /// next ones are put into `spare`.
    pub(super) fn next_batch(&mut self, mut spare: Batch) -> Result<Option<(Batch, u64)>> {
        if !self.refill(|_| true)? {
            return Ok(None);
        }
        match &mut self.way {
            Way::Copy(text) => text.hand_over(&self.batch.bytes, &mut spare.bytes),
            Way::Insert(_) => {
                spare.commands.get_or_insert_default();
            }
        }
        let batch = std::mem::replace(&mut self.batch, spare);
        let first = self.number + 1;
        self.number += batch.len() as u64;
        Ok(Some((batch, first)))
    }

    /// What follows the last row, once that was read: the end marker, and line ends.
    pub(super) fn ending(&self) -> &[u8] {
        match &self.way {
            Way::Copy(text) => text.ending(),
            Way::Insert(text) => text.ending(),
        }
    }

    fn refill(&mut self, mut wanted: impl FnMut(&[u8]) -> bool) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.next = 0;
        let done = match &mut self.way {
            Way::Copy(text) => text.refill(&mut self.batch, &mut wanted, &mut self.number),
            Way::Insert(text) => text.refill(&mut self.batch),
        };
        if let Err(stopped) = done {
            self.ended = true;
            self.batch.clear();
            return Err(match stopped {
                Stopped::Failed(error) => self.in_entry(error),
                Stopped::Fault { at, what } => self.row_error(self.number + 1, at, what),
                // The text itself deals with it.
                Stopped::Marker => return Ok(false),
            });
        }
        self.ended = self.batch.is_empty();
        Ok(!self.ended)
    }

    fn row_error(
        &self,
        row: u64,
        byte: u64,
        what: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Error {
        self.in_entry(Error::new(ErrorKind::Row { row, byte, what: what.into() }))
    }

    fn in_entry(&self, error: Error) -> Error {
        self.options.in_entry(error)
    }

    /// Behind an error of a row of COPY text that is too long: the inner reader, what was read of the
    /// row, and where that begins.
    pub(crate) fn into_rest(self) -> (R, Vec<u8>, u64) {
        match self.way {
            Way::Copy(text) => text.into_rest(self.batch.bytes),
            Way::Insert(text) => (text.into_inner(), Vec::new(), 0),
        }
    }

    /// Returns the inner reader. Data that was read ahead is lost.
    pub fn into_inner(self) -> R {
        match self.way {
            Way::Copy(text) => text.into_inner(),
            Way::Insert(text) => text.into_inner(),
        }
    }
}

/// The number of a row's fields. The error is as the server says it.
pub(super) fn count_fields(
    found: &Found<'_>,
    columns: Option<&[Vec<u8>]>,
) -> Result<usize, String> {
    let is_empty_line = found.ends.first().is_none_or(|end| end.at() == found.start);
    let (fields, Some(columns)) = (found.ends.len(), columns) else {
        return Ok(found.ends.len());
    };
    match (fields, columns.len()) {
        (1, 0) if is_empty_line => Ok(0),
        (fields, wanted) if fields == wanted => Ok(fields),
        (fields, wanted) if fields > wanted => {
            Err(format!("extra data after last expected column ({fields} instead of {wanted})"))
        }
        (fields, wanted) => {
            let name = String::from_utf8_lossy(&columns[fields]);
            Err(format!("missing data for column \"{name}\" ({fields} instead of {wanted})"))
        }
    }
}
