//! `Rows`: the rows of a table, one after the other.

use std::io::BufRead;

use super::batch::Batch;
use super::copy::{CopyText, Stopped};
use super::insert::InsertText;
use super::row::Row;
use super::statement::CopyStatement;
use crate::encoding::Encoding;
use crate::error::{EntryName, Error, ErrorKind, Result};
use crate::limits::Limits;

/// How rows are to be read; see [`Rows`].
///
/// ```
/// use pgdmp::rows::RowsOptions;
///
/// // As psql's `\copy table TO file` writes it: no end marker.
/// let text = &b"1\tone\n2\t\\N\n"[..];
/// let mut rows = RowsOptions::new().columns(["id", "name"]).end_marker(false).copy_text(text);
/// assert_eq!(rows.next_row()?.unwrap().len(), 2);
/// assert!(rows.next_row()?.unwrap().get(1).unwrap().is_null());
/// assert!(rows.next_row()?.is_none());
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RowsOptions {
    pub(super) columns: Option<Vec<Vec<u8>>>,
    pub(super) encoding: Encoding,
    pub(super) end_marker: bool,
    pub(super) std_strings: bool,
    pub(super) limits: Limits,
    pub(super) entry: Option<EntryName>,
}

impl Default for RowsOptions {
    fn default() -> Self {
        RowsOptions::new()
    }
}

impl RowsOptions {
    /// Any number of fields, bytes without a meaning, and an end marker.
    pub fn new() -> Self {
        RowsOptions {
            columns: None,
            encoding: Encoding::SQL_ASCII,
            end_marker: true,
            std_strings: true,
            limits: Limits::new(),
            entry: None,
        }
    }

    /// The names of the columns: each row must have as many fields. Without them each row may have
    /// any number; of INSERT commands they are those of the first command.
    #[must_use]
    pub fn columns<C: Into<Vec<u8>>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The columns of a COPY statement.
    #[must_use]
    pub fn statement(mut self, statement: &CopyStatement) -> Self {
        self.columns = statement.field_names();
        self
    }

    /// The encoding of the data. It matters for those in which a backslash may be the second byte
    /// of a character: SJIS, BIG5, GBK, UHC, GB18030, JOHAB, SHIFT_JIS_2004.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Whether COPY text must end with a line `\.`, as it does in every archive. Default true.
    #[must_use]
    pub fn end_marker(mut self, required: bool) -> Self {
        self.end_marker = required;
        self
    }

    /// Whether a backslash in the strings of INSERT commands is just a backslash: the setting
    /// `standard_conforming_strings`. Default true.
    #[must_use]
    pub fn std_strings(mut self, std_strings: bool) -> Self {
        self.std_strings = std_strings;
        self
    }

    /// Bounds on what is held in memory: [`Limits::row_bytes`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The entry that errors name.
    #[must_use]
    pub(crate) fn entry(mut self, entry: EntryName) -> Self {
        self.entry = Some(entry);
        self
    }

    /// Reads COPY text.
    pub fn copy_text<R: BufRead>(self, text: R) -> Rows<R> {
        Rows::new(Way::Copy(CopyText::new(text, &self)), self)
    }

    /// Reads INSERT commands, as `pg_dump --inserts` and its siblings write them.
    pub fn insert_commands<R: BufRead>(self, commands: R) -> Rows<R> {
        Rows::new(Way::Insert(InsertText::new(commands, &self)), self)
    }
}

/// The rows of a table; made by [`Archive::rows`](crate::Archive::rows), or by [`RowsOptions`] from
/// any text.
///
/// Memory is one window of the data, 256 KiB unless a row is longer.
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

    /// The names of the columns, if they are known: those that were given, or of INSERT commands
    /// those of the first one, after the first row.
    pub fn columns(&self) -> Option<&[Vec<u8>]> {
        match &self.way {
            Way::Insert(text) if self.options.columns.is_none() => text.columns(),
            _ => self.options.columns.as_deref(),
        }
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Row`] if it is no row, or has not as many fields as there are columns; what is
    /// wrong with the data itself. The rows before are given out first; after an error there are
    /// none.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        if self.batch.get(self.next).is_none() && !self.refill()? {
            return Ok(None);
        }
        let at = self.next;
        self.next += 1;
        let Some(found) = self.batch.get(at) else { return Ok(None) };
        self.number += 1;
        let columns = self.columns().map(<[_]>::len);
        let is_empty_line = found.ends.first().is_none_or(|end| end.at() == found.start);
        let fields = match found.ends.len() {
            1 if columns == Some(0) && is_empty_line => 0,
            fields => fields,
        };
        if let Some(columns) = columns
            && columns != fields
        {
            let (offset, what) = (found.offset, self.miscounted(fields, columns));
            self.ended = true;
            self.batch.clear();
            return Err(self.row_error(self.number, offset, what));
        }
        let encoding = self.options.encoding;
        Ok(self.batch.get(at).map(|found| Row::new(found, self.number, encoding, fields)))
    }

    /// As the server says it.
    fn miscounted(&self, fields: usize, columns: usize) -> String {
        if fields > columns {
            return format!(
                "extra data after last expected column ({fields} instead of {columns})"
            );
        }
        let name = self.columns().and_then(|columns| columns.get(fields)).cloned();
        let name = String::from_utf8_lossy(&name.unwrap_or_default()).into_owned();
        format!("missing data for column \"{name}\" ({fields} instead of {columns})")
    }

    fn refill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.next = 0;
        let done = match &mut self.way {
            Way::Copy(text) => text.refill(&mut self.batch),
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
        match &self.options.entry {
            Some(entry) => error.in_entry(|| entry.clone()),
            None => error,
        }
    }

    /// Gives back what the rows were read from. What was read ahead is lost.
    pub fn into_inner(self) -> R {
        match self.way {
            Way::Copy(text) => text.into_inner(),
            Way::Insert(text) => text.into_inner(),
        }
    }
}
