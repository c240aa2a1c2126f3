//! Rows written as JSON lines.
//!
//! ```text
//! syntax.rs  what is JSON
//! shape.rs   what the values of a type become
//! value.rs   a value's text into JSON
//! ```

mod shape;
mod syntax;
mod value;

#[cfg(test)]
mod tests;

use std::io::Write;

use super::row::Row;
use super::text::{OnInvalid, Texts};
use crate::encoding::Encoding;
use crate::error::Result;
use crate::types::Columns;

use shape::{Attribute, Numbers, Shape};

pub use syntax::is_json;

/// How many bytes are written at a time.
const ENOUGH: usize = 64 << 10;

/// Options for writing rows as JSON lines; see [`JsonWriter`].
#[derive(Debug, Clone)]
pub struct JsonOptions {
    encoding: Encoding,
    on_invalid: OnInvalid,
    skip_nulls: bool,
    numbers: Numbers,
    tag: Option<Vec<u8>>,
}

impl Default for JsonOptions {
    fn default() -> Self {
        JsonOptions::new()
    }
}

impl JsonOptions {
    /// The defaults: what the server's `row_to_json` gives, of UTF-8.
    pub fn new() -> Self {
        JsonOptions {
            encoding: Encoding::UTF8,
            on_invalid: OnInvalid::Error,
            skip_nulls: false,
            numbers: Numbers::AsPrinted,
            tag: None,
        }
    }

    /// Sets the encoding of the values and names, which are written in UTF-8. Default UTF8.
    /// SQL_ASCII is taken for UTF-8.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets what becomes of a value that is not text in the [`encoding`](Self::encoding), or not a
    /// value of its type.
    #[must_use]
    pub fn on_invalid(mut self, on_invalid: OnInvalid) -> Self {
        self.on_invalid = on_invalid;
        self
    }

    /// Whether columns that are NULL are left out of the object. Attributes of a composite value
    /// stay. Default false.
    #[must_use]
    pub fn skip_nulls(mut self, skip_nulls: bool) -> Self {
        self.skip_nulls = skip_nulls;
        self
    }

    /// Whether numbers that a reader of doubles could not hold are strings: each `numeric`, and
    /// integers beyond 2⁵³. Default false.
    #[must_use]
    pub fn big_numbers_as_strings(mut self, strings: bool) -> Self {
        self.numbers = if strings { Numbers::BigAsStrings } else { Numbers::AsPrinted };
        self
    }

    /// Puts each row into an object with the name of its table:
    /// `{"table":"public.town","row":{…}}`. The name is in UTF-8.
    #[must_use]
    pub fn tag(mut self, table: &str) -> Self {
        self.tag = Some(table.as_bytes().to_vec());
        self
    }

    /// Begins. The columns are those of the objects.
    ///
    /// # Errors
    ///
    /// None yet.
    pub fn write<W: Write>(self, output: W, columns: &Columns) -> Result<JsonWriter<W>> {
        let texts = Texts::new(self.encoding, false, self.on_invalid);
        let members = columns.columns.iter().map(|column| {
            let shape = Shape::of(&column.data_type, self.numbers, &texts);
            Attribute::new(&texts.name(&column.name), shape)
        });
        let mut head = Vec::new();
        if let Some(tag) = &self.tag {
            head.extend_from_slice(b"{\"table\":");
            value::string(tag, &mut head);
            head.extend_from_slice(b",\"row\":");
        }
        head.push(b'{');
        let end: &[u8] = if self.tag.is_some() { b"}}\n" } else { b"}\n" };
        let names = columns.columns.iter().map(|column| column.name.clone()).collect();
        Ok(JsonWriter {
            members: members.collect(),
            names,
            skip_nulls: self.skip_nulls,
            head,
            end,
            output,
            texts,
            buffer: Vec::new(),
        })
    }
}

/// Writes rows as JSON, one object on each line, as the server's `row_to_json` does in the time zone
/// UTC.
///
/// Numbers, booleans, `json` and `jsonb` are themselves, arrays are arrays, composite values are
/// objects, and all else is a string. There are these differences:
///
/// - `bytea` is in hex whatever the setting `bytea_output` is.
/// - Line ends in a `json` value are blanks.
/// - Ranges, and other types that are shown as text, stay as the archive has them: in the time zone
///   of the session that made it.
/// - pgvector's `vector` is an array of numbers, and PostGIS's `geometry` a string.
/// - The archive does not have generated columns. Extensions' types beside `hstore` are strings.
///
/// ```
/// use pgdmp::rows::JsonOptions;
/// use pgdmp::types::Definitions;
/// use pgdmp::{Archive, Desc};
///
/// let archive = Archive::open("fixtures/pg18/small-dir")?;
/// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let columns = Definitions::new(archive.toc()).columns(town)?;
/// let mut json = JsonOptions::new().write(Vec::new(), &columns)?;
/// let mut rows = archive.rows(town.dump_id())?;
/// while let Some(row) = rows.next_row()? {
///     json.write_row(&row)?;
/// }
/// let lines = String::from_utf8(json.finish()?).unwrap();
/// assert_eq!(lines.lines().next(), Some(r#"{"id":1,"name":"Åbo","note":null}"#));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct JsonWriter<W> {
    output: W,
    members: Vec<Attribute>,
    /// Of the columns, for errors.
    names: Vec<Vec<u8>>,
    skip_nulls: bool,
    /// What stands before and behind the members.
    head: Vec<u8>,
    end: &'static [u8],
    texts: Texts,
    buffer: Vec<u8>,
}

impl<W: Write> JsonWriter<W> {
    /// Writes a row, whose fields are the columns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Row`](crate::ErrorKind::Row) for a value that is not text in the encoding or not
    /// a value of its type, and a row with another number of fields; errors of the output. After an
    /// error the output is incomplete.
    pub fn write_row(&mut self, row: &Row<'_>) -> Result<()> {
        row.check_len(self.members.len())?;
        self.write(row, None)
    }

    /// Writes some fields of a row, by their places from 0: one for each column.
    ///
    /// # Errors
    ///
    /// As [`write_row`](Self::write_row).
    pub fn write_fields(&mut self, row: &Row<'_>, places: &[usize]) -> Result<()> {
        row.check_places(places, self.members.len())?;
        self.write(row, Some(places))
    }

    fn write(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<()> {
        let valid = self.texts.are_in(row);
        let out = &mut self.buffer;
        out.extend_from_slice(&self.head);
        let mut first = true;
        for (column, member) in self.members.iter().enumerate() {
            let place = places.map_or(column, |places| places[column]);
            let named = (column, &*self.names[column]);
            let begin = out.len();
            if !first {
                out.push(b',');
            }
            out.extend_from_slice(&member.key);
            let written = match self.texts.of(row, place, named, valid)? {
                None => false,
                Some(text) => {
                    let start = out.len();
                    match value::write(&member.shape, text, out) {
                        Ok(()) => true,
                        Err(what) => {
                            out.truncate(start);
                            let text = text.to_vec();
                            match self.texts.invalid(row, named, &text, what)? {
                                OnInvalid::Text => {
                                    value::string(&text, out);
                                    true
                                }
                                _ => false,
                            }
                        }
                    }
                }
            };
            match (written, self.skip_nulls) {
                (true, _) => first = false,
                (false, true) => out.truncate(begin),
                (false, false) => {
                    out.extend_from_slice(b"null");
                    first = false;
                }
            }
        }
        out.extend_from_slice(self.end);
        if out.len() >= ENOUGH {
            self.output.write_all(out)?;
            out.clear();
        }
        Ok(())
    }

    /// How many values were replaced because they were not valid, for each column. Columns behind
    /// the last such one may be missing.
    pub fn replaced(&self) -> &[u64] {
        self.texts.replaced()
    }

    /// Writes the rest, and returns the output without flushing it.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(mut self) -> Result<W> {
        self.output.write_all(&self.buffer)?;
        Ok(self.output)
    }
}
