//! One row and its fields; escapes undone.

use std::borrow::Cow;
use std::fmt;

use super::batch::{End, Found};
use crate::encoding::Encoding;
use crate::error::{EntryName, Error, ErrorKind, Result};

/// One row of a table, lent by [`Rows::next_row`](super::Rows::next_row).
///
/// Its fields are in the order of the COPY statement's columns.
///
/// ```
/// use pgdmp::rows::RowsOptions;
///
/// let mut rows = RowsOptions::new().copy_text(&b"1\ta\\tb\t\\N\n\\.\n"[..]);
/// let row = rows.next_row()?.unwrap();
/// assert_eq!(row.len(), 3);
/// assert_eq!(row.get(1).unwrap().raw(), b"a\\tb");
/// assert_eq!(row.get(1).unwrap().value().unwrap(), &b"a\tb"[..]);
/// assert!(row.get(2).unwrap().is_null());
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Row<'r> {
    text: &'r [u8],
    start: usize,
    ends: &'r [End],
    number: u64,
    offset: u64,
    encoding: Encoding,
    entry: Option<&'r EntryName>,
}

impl<'r> Row<'r> {
    pub(super) fn new(
        found: Found<'r>,
        number: u64,
        fields: usize,
        encoding: Encoding,
        entry: Option<&'r EntryName>,
    ) -> Self {
        let Found { bytes, start, ends, offset } = found;
        let ends = &ends[..fields.min(ends.len())];
        Row { text: bytes, start, ends, number, offset, encoding, entry }
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the row has no fields, as in a table without columns.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The field at an index, from 0.
    pub fn get(&self, index: usize) -> Option<Field<'r>> {
        let end = self.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before)?.at() + 1,
            None => self.start,
        };
        Some(Field {
            raw: self.text.get(start..end.at())?,
            escaped: end.is_escaped(),
            encoding: self.encoding,
        })
    }

    /// The fields, in order.
    pub fn fields(&self) -> Fields<'r> {
        Fields { row: *self, next: 0 }
    }

    /// The row as COPY text, without the end of its line.
    pub fn as_bytes(&self) -> &'r [u8] {
        let end = self.ends.last().map_or(self.start, |end| end.at());
        self.text.get(self.start..end).unwrap_or_default()
    }

    /// The number of the row in the table's data, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The position of the first byte of the row in the decompressed data of the table.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// An error about this row: its entry, number and position are in it.
    pub fn error(&self, what: impl Into<Cow<'static, str>>) -> Error {
        let what = what.into();
        let error = Error::new(ErrorKind::Row { row: self.number, byte: self.offset, what });
        match self.entry {
            Some(entry) => error.in_entry(|| entry.clone()),
            None => error,
        }
    }

    /// Refuses a row with another number of fields.
    pub(super) fn check_len(&self, wanted: usize) -> Result<()> {
        match self.len() {
            len if len == wanted => Ok(()),
            len => Err(self.error(format!("it has {len} fields instead of {wanted}"))),
        }
    }

    /// Refuses places that are not in the row, or are not so many.
    pub(super) fn check_places(&self, places: &[usize], wanted: usize) -> Result<()> {
        if places.len() != wanted {
            let count = places.len();
            return Err(self.error(format!("there are {count} places for {wanted} columns")));
        }
        match places.iter().find(|place| **place >= self.len()) {
            None => Ok(()),
            Some(place) => Err(self.error(format!("it has no field {}", place + 1))),
        }
    }

    /// Whether no field has an escape, or is NULL.
    pub(super) fn is_plain(&self) -> bool {
        !self.ends.iter().any(|end| end.is_escaped())
    }

    /// Where in [`as_bytes`](Self::as_bytes) each field ends.
    pub(super) fn ends(&self) -> impl Iterator<Item = usize> + use<'r> {
        let start = self.start;
        self.ends.iter().map(move |end| end.at() - start)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields()).finish()
    }
}

impl<'r> IntoIterator for Row<'r> {
    type Item = Field<'r>;
    type IntoIter = Fields<'r>;

    fn into_iter(self) -> Fields<'r> {
        self.fields()
    }
}

/// The fields of a [`Row`].
///
/// Made by [`Row::fields`].
#[derive(Debug, Clone)]
pub struct Fields<'r> {
    row: Row<'r>,
    next: usize,
}

impl<'r> Iterator for Fields<'r> {
    type Item = Field<'r>;

    fn next(&mut self) -> Option<Field<'r>> {
        let field = self.row.get(self.next)?;
        self.next += 1;
        Some(field)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.row.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// One field of a row: NULL, or a value's text in the encoding of the archive.
///
/// See the example of [`Row`].
#[derive(Clone, Copy)]
pub struct Field<'r> {
    raw: &'r [u8],
    escaped: bool,
    encoding: Encoding,
}

impl<'r> Field<'r> {
    /// The field as COPY text: escaped, and `\N` for NULL.
    pub fn raw(&self) -> &'r [u8] {
        self.raw
    }

    /// Whether the field is NULL. The empty text is not NULL.
    pub fn is_null(&self) -> bool {
        self.raw == b"\\N"
    }

    /// Whether there are escapes in it, or it is NULL.
    pub(super) fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// The text of the value; `None` for NULL. It is borrowed, unless it has escapes.
    pub fn value(&self) -> Option<Cow<'r, [u8]>> {
        if !self.escaped {
            return Some(Cow::Borrowed(self.raw));
        }
        if self.is_null() {
            return None;
        }
        let mut value = Vec::with_capacity(self.raw.len());
        unescape(self.raw, self.encoding, &mut value);
        Some(Cow::Owned(value))
    }

    /// The text of the value; `None` for NULL. Text with escapes is decoded into `buffer`, so that
    /// a loop allocates nothing.
    pub fn value_in<'b>(&self, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]>
    where
        'r: 'b,
    {
        if !self.escaped {
            return Some(self.raw);
        }
        if self.is_null() {
            return None;
        }
        buffer.clear();
        unescape(self.raw, self.encoding, buffer);
        Some(buffer)
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => write!(f, "\"{}\"", value.escape_ascii()),
            None => f.write_str("NULL"),
        }
    }
}

/// `CopyReadAttributesText` in `copyfromparse.c`.
fn unescape(raw: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    let walk = encoding.has_backslash_trails();
    let mut rest = raw;
    while let Some(&first) = rest.first() {
        let plain = if walk {
            let mut plain = 0;
            while rest.get(plain).is_some_and(|byte| *byte != b'\\') {
                plain += encoding.len_of_next(&rest[plain..]);
            }
            plain.min(rest.len())
        } else {
            rest.iter().position(|byte| *byte == b'\\').unwrap_or(rest.len())
        };
        if plain > 0 {
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        debug_assert_eq!(first, b'\\');
        let (byte, len) = escape(&rest[1..]);
        out.extend(byte);
        rest = &rest[(1 + len).min(rest.len())..];
    }
}

/// The byte that an escape stands for, and how long it is behind its backslash.
pub(super) fn escape(rest: &[u8]) -> (Option<u8>, usize) {
    let number = |digits: &[u8], radix: u32, most: usize| {
        let digits = digits.iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
        digits.fold((0_u32, 0), |(value, count), digit| (value * radix + digit, count + 1))
    };
    match rest.first() {
        None => (None, 0),
        Some(b'b') => (Some(0x08), 1),
        Some(b'f') => (Some(0x0C), 1),
        Some(b'n') => (Some(b'\n'), 1),
        Some(b'r') => (Some(b'\r'), 1),
        Some(b't') => (Some(b'\t'), 1),
        Some(b'v') => (Some(0x0B), 1),
        Some(b'0'..=b'7') => {
            let (value, count) = number(rest, 8, 3);
            (Some(value as u8), count)
        }
        Some(b'x') => match number(&rest[1..], 16, 2) {
            (_, 0) => (Some(b'x'), 1),
            (value, count) => (Some(value as u8), 1 + count),
        },
        Some(other) => (Some(*other), 1),
    }
}
