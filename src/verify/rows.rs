//! The rows of a table looked at one by one.

use std::io::{self, BufRead};

use super::code::Code;
use super::entry::{Counted, Seen, ended, found_of};
use super::long_row::LongRow;
use super::report::Found;
use super::values::Values;
use crate::archive::EntryData;
use crate::error::{Error, ErrorKind, Fault};
use crate::finding::Severity;
use crate::limits::Limits;
use crate::rows::{CopyStatement, Row, Rows, RowsOptions};
use crate::text::Encoding;
use crate::toc::{Desc, TocEntry};
use crate::types::{Definitions, Untyped};
use crate::version::Gate;

/// Reads the rows of a table, and then what is left of its data, so that a wrong row hides no wrong
/// checksum behind it.
pub(super) fn check(
    mut data: Counted<EntryData<'_>>,
    entry: TocEntry<'_>,
    definitions: &Definitions<'_>,
    seen: &mut Seen,
) {
    // Data of other kinds is only read. Before COPY statements were stored, what the data is cannot
    // be told. The state has no number of rows.
    let has_rows =
        entry.desc() == Desc::TABLE_DATA && entry.toc().header().version.has(Gate::CopyStmt);
    let mut failed = None;
    if has_rows {
        let mut look = Look::new(data, entry, seen);
        look.learn(definitions, seen);
        let error = look.all(definitions, seen);
        seen.state.rows = Some(look.count);
        // One such row may be a changed byte.
        if look.count > 1 && look.misfits == look.count {
            let what = format!("none of the {} rows fits the table", look.count);
            seen.add(entry, Found::new(Code::Columns, what).severity(Severity::Error));
        }
        failed = error.and_then(|error| look.kind.of_rows(error, entry, seen));
        let Some(rows) = look.rows else { return };
        data = rows.into_inner();
    }
    let failed = match failed {
        Some(error) => Some(error.into()),
        None => data.drain().err(),
    };
    ended(data, failed, entry, seen);
}

/// How the rows of a table are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Copy,
    Insert,
}

impl Kind {
    /// Takes an error of the rows; gives back one of the data itself, of which there is no more.
    fn of_rows(self, error: Error, entry: TocEntry<'_>, seen: &mut Seen) -> Option<Error> {
        let mut found = found_of(&error);
        found.code = match error.kind() {
            // The data says that, too, when it is read to its end.
            _ if error.fault() == Some(Fault::EndMarker) => return None,
            ErrorKind::Row { .. } if self == Kind::Insert => Code::Insert,
            ErrorKind::Row { what, .. } if what.contains("end marker") => Code::EndMarker,
            ErrorKind::Row { .. } => Code::InvalidRow,
            ErrorKind::Limit { knob: "row_bytes", .. } => Code::NotChecked,
            _ => return Some(error),
        };
        found.finding.severity = found.code.severity();
        seen.add(entry, found);
        None
    }
}

/// Bytes of a row that is looked at as a whole. A longer one is looked at in pieces, for it may be of
/// 1 GiB, and each thread may meet one.
const WHOLE: u64 = 2 << 20;

struct Look<'a, 't> {
    /// Always there, but while a long row is passed.
    rows: Option<Rows<Counted<EntryData<'a>>>>,
    options: RowsOptions,
    kind: Kind,
    /// Rows and bytes before those that `rows` began with.
    before: (u64, u64),
    /// How many fields a row has.
    fields: Option<usize>,
    encoding: Encoding,
    entry: TocEntry<'t>,
    count: u64,
    /// How many rows the table cannot have.
    misfits: u64,
    values: Option<Values>,
}

impl<'a, 't> Look<'a, 't> {
    fn new(data: Counted<EntryData<'a>>, entry: TocEntry<'t>, seen: &mut Seen) -> Self {
        let toc = entry.toc();
        let encoding = toc.text_encoding();
        // Any number of fields is read, so that one wrong row does not end the table.
        let mut options = RowsOptions::new().encoding(encoding);
        let copy = entry.copy_stmt().filter(|copy| !copy.is_empty());
        let (kind, mut fields) = (if copy.is_some() { Kind::Copy } else { Kind::Insert }, None);
        match copy.map(CopyStatement::parse) {
            None => {}
            Some(Ok(copy)) => fields = copy.field_names().map(|names| names.len()),
            Some(Err(error)) => {
                let found = Found::new(Code::Columns, error.kind().to_string());
                seen.add(entry, found);
            }
        }
        let rows = match kind {
            Kind::Copy => {
                if !encoding.has_backslash_trails() {
                    options = options.limits(Limits::new().row_bytes(WHOLE));
                }
                options.clone().copy_text(data)
            }
            Kind::Insert => {
                options = options.std_strings(toc.std_strings().unwrap_or(true));
                options.clone().insert_commands(data)
            }
        };
        Look {
            rows: Some(rows),
            options,
            kind,
            before: (0, 0),
            fields,
            encoding,
            entry,
            count: 0,
            misfits: 0,
            values: None,
        }
    }

    /// Finds out which types the columns have.
    fn learn(&mut self, definitions: &Definitions<'_>, seen: &mut Seen) {
        let names = self.rows.as_ref().and_then(Rows::columns);
        let columns = match (self.kind, names) {
            (Kind::Copy, _) | (Kind::Insert, None) => definitions.columns(self.entry),
            (Kind::Insert, Some(names)) => definitions.columns_named(self.entry, names),
        };
        // What is wrong with the COPY statement was told.
        let Ok(columns) = columns else { return };
        if let Some(untyped @ Untyped::NoColumn(_)) = &columns.untyped {
            seen.add(self.entry, Found::new(Code::Columns, untyped.to_string()));
        }
        self.values = Some(Values::new(columns));
    }

    /// Looks at rows up to the end, or an error.
    fn all(&mut self, definitions: &Definitions<'_>, seen: &mut Seen) -> Option<Error> {
        let mut stretch = Stretch::default();
        loop {
            // The columns of INSERT commands are known when the first was read.
            if self.kind == Kind::Insert && self.count == 1 {
                self.learn(definitions, seen);
            }
            let (encoding, before) = (self.encoding, self.before);
            let Some(rows) = &mut self.rows else { return None };
            let row = match rows.next_row_in(|lines| stretch.look(lines, encoding)) {
                Ok(Some(row)) => row,
                Ok(None) => return None,
                Err(error) if self.kind == Kind::Copy && is_too_long(&error) => {
                    stretch = Stretch::default();
                    if let Err(error) = self.long_row(error, seen) {
                        return Some(error);
                    }
                    continue;
                }
                Err(error) => return Some(moved(error, before)),
            };
            self.count += 1;
            let value = |values: &mut Values| values.wrong(&row).map(|what| (Code::Value, what));
            let wrong = wrong_count(&row, self.fields)
                .or_else(|| match stretch.has(row.offset()) {
                    true => None,
                    false => wrong_text(row.as_bytes(), encoding),
                })
                .or_else(|| self.values.as_mut().and_then(value));
            if let Some((code, what)) = wrong {
                self.misfits += u64::from(matches!(code, Code::FieldCount | Code::Value));
                let (number, offset) = (before.0 + row.number(), before.1 + row.offset());
                seen.add(self.entry, found_in(number, offset, code, &what));
            }
        }
    }

    /// Looks at a row of which `error` says that it is too long to be held, and goes on behind it.
    fn long_row(&mut self, error: Error, seen: &mut Seen) -> Result<(), Error> {
        let Some(rows) = self.rows.take() else { return Err(error) };
        let (mut data, start, offset) = rows.into_rest();
        let offset = self.before.1 + offset;
        let mut row = LongRow::new(self.encoding);
        let whole = match row.take(&start) {
            None => pass(&mut row, &mut data),
            Some(_) => Err(error),
        };
        self.rows = Some(self.options.clone().copy_text(data));
        // That the data ends within the row is said when it is read on.
        if !whole? {
            return Ok(());
        }
        self.count += 1;
        self.before = (self.count, offset + row.len + 1);
        let wrong = match self.fields.filter(|fields| *fields != row.fields()) {
            Some(fields) => Some((Code::FieldCount, other_count(row.fields(), fields))),
            None => row.wrong().map(|what| (Code::InvalidRow, what)),
        };
        if let Some((code, what)) = wrong {
            self.misfits += u64::from(code == Code::FieldCount);
            seen.add(self.entry, found_in(self.count, offset, code, &what));
        }
        Ok(())
    }
}

/// Reads to the end of a long row. False: the data ends before.
fn pass(row: &mut LongRow, data: &mut impl BufRead) -> Result<bool, Error> {
    loop {
        match data.fill_buf() {
            Ok([]) => return Ok(false),
            Ok(bytes) => {
                let (len, end) = (bytes.len(), row.take(bytes));
                data.consume(end.unwrap_or(len));
                if end.is_some() {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_too_long(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Limit { knob: "row_bytes", limit: WHOLE, .. })
}

/// An error of rows that come behind others.
fn moved(error: Error, before: (u64, u64)) -> Error {
    match error.kind() {
        ErrorKind::Row { row, byte, what } => {
            let (row, byte) = (before.0 + row, before.1 + byte);
            Error::new(ErrorKind::Row { row, byte, what: what.clone() })
        }
        _ => error,
    }
}

fn found_in(row: u64, offset: u64, code: Code, what: &str) -> Found {
    let mut found = Found::new(code, format!("row {row}: {what}"));
    (found.row, found.decoded_offset) = (Some(row), Some(offset));
    found
}

fn other_count(fields: usize, columns: usize) -> String {
    format!("{fields} fields, but the table has {columns} columns")
}

/// Many rows, the bytes of which were looked at together.
#[derive(Debug, Default)]
struct Stretch {
    len: u64,
    /// Where it begins, once its first row came.
    from: Option<u64>,
    is_text: bool,
}

impl Stretch {
    /// Looks at the bytes of the next rows. All of them are wanted.
    fn look(&mut self, lines: &[u8], encoding: Encoding) -> bool {
        let is_text = wrong_text(lines, encoding).is_none();
        *self = Stretch { len: lines.len() as u64, from: None, is_text };
        true
    }

    /// Whether the row at an offset is one of them, and nothing is wrong with any.
    fn has(&mut self, offset: u64) -> bool {
        let from = *self.from.get_or_insert(offset);
        self.is_text && (from..from + self.len).contains(&offset)
    }
}

/// What is wrong with the number of a row's fields.
fn wrong_count(row: &Row<'_>, fields: Option<usize>) -> Option<(Code, String)> {
    let fields = fields?;
    // A row without fields is an empty line, as is one with an empty text.
    if row.len() == fields || (fields == 0 && row.as_bytes().is_empty()) {
        return None;
    }
    Some((Code::FieldCount, other_count(row.len(), fields)))
}

/// What is wrong with the bytes of a row, or of several.
pub(super) fn wrong_text(text: &[u8], encoding: Encoding) -> Option<(Code, String)> {
    if has_zero(text) {
        return Some((Code::InvalidRow, "a zero byte".to_owned()));
    }
    // ASCII is valid in all encodings, and that is soon known.
    if encoding == Encoding::SQL_ASCII || text.is_ascii() || encoding.is_valid(text) {
        return None;
    }
    Some((Code::InvalidRow, format!("not valid {}", encoding.name())))
}

/// Whether there is a zero byte. Without branches for each byte, so that the compiler can look at
/// many at once.
pub(super) fn has_zero(text: &[u8]) -> bool {
    text.chunks(1024).any(|chunk| chunk.iter().fold(false, |any, byte| any | (*byte == 0)))
}
