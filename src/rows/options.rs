//! `RowsOptions`: how rows are to be read.

use crate::encoding::Encoding;
use crate::error::{EntryName, Error};
use crate::limits::Limits;
use crate::types::CopyStatement;

/// Options for reading the rows of a table; see [`Rows`](super::Rows).
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
    /// Whether the text may end before its end marker.
    pub(super) partial: bool,
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
    /// The defaults: any number of fields, the encoding SQL_ASCII, and a required end marker.
    pub fn new() -> Self {
        RowsOptions {
            columns: None,
            encoding: Encoding::SQL_ASCII,
            end_marker: true,
            partial: false,
            std_strings: true,
            limits: Limits::new(),
            entry: None,
        }
    }

    /// Sets the names of the columns: each row must have as many fields. Without them, rows may
    /// have any number of fields; rows of INSERT commands then have those of the first command.
    #[must_use]
    pub fn columns<C: Into<Vec<u8>>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the columns to those of a COPY statement.
    #[must_use]
    pub fn statement(mut self, statement: &CopyStatement) -> Self {
        self.columns = statement.field_names();
        self
    }

    /// Sets the encoding of the data. It matters for encodings in which a backslash may be the
    /// second byte of a character: SJIS, BIG5, GBK, UHC, GB18030, JOHAB, SHIFT_JIS_2004.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Whether COPY text must end with the end marker `\.`, as in every archive. Default true.
    #[must_use]
    pub fn end_marker(mut self, required: bool) -> Self {
        self.end_marker = required;
        self
    }

    /// The text is a part: it may end behind any row, or with its end marker.
    #[must_use]
    pub(super) fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// Whether a backslash in the strings of INSERT commands is an ordinary character, as with the
    /// setting `standard_conforming_strings`. Default true.
    #[must_use]
    pub fn std_strings(mut self, std_strings: bool) -> Self {
        self.std_strings = std_strings;
        self
    }

    /// Sets the bound on the length of a row: [`Limits::row_bytes`].
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

    /// Adds the entry to an error.
    pub(super) fn in_entry(&self, error: Error) -> Error {
        match &self.entry {
            Some(entry) => error.in_entry(|| entry.clone()),
            None => error,
        }
    }
}
