//! Rows written as CSV.

use std::io::Write;

use super::row::Row;
use super::text::{OnInvalid, Texts};
use crate::encoding::Encoding;
use crate::error::{Error, Result};

/// How many bytes are written at a time.
const ENOUGH: usize = 64 << 10;

/// Options for writing rows as CSV; see [`CsvWriter`].
#[derive(Debug, Clone)]
pub struct CsvOptions {
    delimiter: u8,
    null: Vec<u8>,
    header: bool,
    quote_all: bool,
    encoding: Encoding,
    raw: bool,
    on_invalid: OnInvalid,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions::new()
    }
}

impl CsvOptions {
    /// The defaults: what `COPY table TO STDOUT (FORMAT csv, HEADER)` writes, of UTF-8.
    pub fn new() -> Self {
        CsvOptions {
            delimiter: b',',
            null: Vec::new(),
            header: true,
            quote_all: false,
            encoding: Encoding::UTF8,
            raw: false,
            on_invalid: OnInvalid::Error,
        }
    }

    /// CSV with a TAB between the fields: the server's `DELIMITER E'\t'`.
    pub fn tsv() -> Self {
        CsvOptions { delimiter: b'\t', ..CsvOptions::new() }
    }

    /// Sets what is between the fields: an ASCII character. Default: a comma.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Sets what stands for NULL; it is not quoted, and a value that is the same is. Default:
    /// nothing.
    #[must_use]
    pub fn null(mut self, null: impl Into<Vec<u8>>) -> Self {
        self.null = null.into();
        self
    }

    /// Whether a line with the names of the columns comes first. Default true.
    #[must_use]
    pub fn header(mut self, header: bool) -> Self {
        self.header = header;
        self
    }

    /// Whether all values are quoted: the server's `FORCE_QUOTE *`. NULL and the header are not.
    #[must_use]
    pub fn quote_all(mut self, quote_all: bool) -> Self {
        self.quote_all = quote_all;
        self
    }

    /// Sets the encoding of the values, which are written in UTF-8. Default UTF8. SQL_ASCII is
    /// taken for UTF-8.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Whether values are written with the bytes that they have, in whatever encoding.
    #[must_use]
    pub fn raw(mut self, raw: bool) -> Self {
        self.raw = raw;
        self
    }

    /// Sets what becomes of a value that is not text in the [`encoding`](Self::encoding).
    #[must_use]
    pub fn on_invalid(mut self, on_invalid: OnInvalid) -> Self {
        self.on_invalid = on_invalid;
        self
    }

    /// Begins: writes the header. These are the names of the columns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a delimiter or text for NULL that the
    /// server refuses, too.
    pub fn write<W: Write, C: AsRef<[u8]>>(
        self,
        output: W,
        columns: impl IntoIterator<Item = C>,
    ) -> Result<CsvWriter<W>> {
        self.check()?;
        let texts = Texts::new(self.encoding, self.raw, self.on_invalid);
        let names: Vec<_> = columns.into_iter().map(|name| texts.name(name.as_ref())).collect();
        let mut writer = CsvWriter { output, options: self, texts, names, buffer: Vec::new() };
        if writer.options.header {
            writer.head();
        }
        Ok(writer)
    }

    fn check(&self) -> Result<()> {
        let usage = |what: &'static str| Err(Error::usage(what));
        let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        if !self.delimiter.is_ascii() || matches!(self.delimiter, 0 | b'"' | b'\n' | b'\r') {
            return usage("the delimiter of CSV is one ASCII character, no quote and no line end");
        }
        if self.null.iter().any(is_line_end) {
            return usage("NULL in CSV cannot be a text with a line end");
        }
        if self.null.contains(&self.delimiter) || self.null.contains(&b'"') {
            return usage("NULL in CSV cannot be a text with the delimiter or a quote");
        }
        Ok(())
    }
}

/// Writes rows as CSV, as the server's `COPY table TO STDOUT (FORMAT csv, HEADER)` does: NULL is
/// nothing, the empty text is `""`, and a value is quoted if it would be something else otherwise.
/// Values are the texts that the archive has, in UTF-8.
///
/// ```
/// use pgdmp::rows::{CsvOptions, RowsOptions};
///
/// let mut rows = RowsOptions::new().columns(["id", "name"]).copy_text(&b"1\ta,b\n2\t\\N\n3\t\n\\.\n"[..]);
/// let mut csv = CsvOptions::new().write(Vec::new(), ["id", "name"])?;
/// while let Some(row) = rows.next_row()? {
///     csv.write_row(&row)?;
/// }
/// assert_eq!(csv.finish()?, b"id,name\n1,\"a,b\"\n2,\n3,\"\"\n");
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct CsvWriter<W> {
    output: W,
    options: CsvOptions,
    texts: Texts,
    names: Vec<Vec<u8>>,
    buffer: Vec<u8>,
}

impl<W: Write> CsvWriter<W> {
    fn head(&mut self) {
        let style = Style::of(&self.options, self.names.len(), false);
        for (n, name) in self.names.iter().enumerate() {
            if n > 0 {
                self.buffer.push(self.options.delimiter);
            }
            style.value(name, &mut self.buffer);
        }
        self.buffer.push(b'\n');
    }

    /// Writes a row, whose fields are the columns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Row`](crate::ErrorKind::Row) for a value that is not text in the encoding, and a
    /// row with another number of fields; errors of the output. After an error the output is
    /// incomplete.
    pub fn write_row(&mut self, row: &Row<'_>) -> Result<()> {
        row.check_len(self.names.len())?;
        let valid = self.texts.are_in(row);
        if !(valid && self.copy(row)) {
            self.fields(row, None, valid)?;
        }
        self.end()
    }

    /// Writes some fields of a row, by their places from 0: one for each column.
    ///
    /// # Errors
    ///
    /// As [`write_row`](Self::write_row).
    pub fn write_fields(&mut self, row: &Row<'_>, places: &[usize]) -> Result<()> {
        row.check_places(places, self.names.len())?;
        let valid = self.texts.are_in(row);
        self.fields(row, Some(places), valid)?;
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.buffer.push(b'\n');
        if self.buffer.len() >= ENOUGH {
            self.output.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Takes a row as it stands, but for the delimiters, if that is how it is written.
    fn copy(&mut self, row: &Row<'_>) -> bool {
        let CsvOptions { delimiter, null, quote_all, .. } = &self.options;
        let bytes = row.as_bytes();
        if *quote_all || !null.is_empty() || !row.is_plain() || self.names.len() < 2 {
            return false;
        }
        let mut start = 0;
        for end in row.ends() {
            // An empty field is quoted.
            if end == start {
                return false;
            }
            start = end + 1;
        }
        // Without escapes there is no line end in it, and each TAB is a delimiter.
        let special = |byte: &u8| *byte == *delimiter || *byte == b'"';
        if *delimiter == b'\t' {
            if bytes.contains(&b'"') {
                return false;
            }
            self.buffer.extend_from_slice(bytes);
            return true;
        }
        if has(bytes, special) {
            return false;
        }
        let begin = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        let copied = &mut self.buffer[begin..];
        for end in row.ends().take(self.names.len() - 1) {
            copied[end] = *delimiter;
        }
        true
    }

    fn fields(&mut self, row: &Row<'_>, places: Option<&[usize]>, valid: bool) -> Result<()> {
        let style = Style::of(&self.options, self.names.len(), self.options.quote_all);
        for (column, name) in self.names.iter().enumerate() {
            if column > 0 {
                self.buffer.push(self.options.delimiter);
            }
            let place = places.map_or(column, |places| places[column]);
            match self.texts.of(row, place, (column, name), valid)? {
                None => self.buffer.extend_from_slice(&self.options.null),
                Some(value) => style.value(value, &mut self.buffer),
            }
        }
        Ok(())
    }

    /// How many values were replaced because they were not text in the encoding, for each column.
    /// Columns behind the last such one may be missing.
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

/// Whether a byte is such a one. Short of an end in between, it is done many at a time.
fn has(bytes: &[u8], is: impl Fn(&u8) -> bool) -> bool {
    bytes.chunks(64).any(|chunk| chunk.iter().fold(false, |found, byte| found | is(byte)))
}

/// What is quoted: `CopyAttributeOutCSV` in `copyto.c`.
struct Style<'o> {
    delimiter: u8,
    null: &'o [u8],
    always: bool,
    /// Whether it is the only column: `\.` alone on a line is not a value to some readers.
    single: bool,
}

impl Style<'_> {
    fn of(options: &CsvOptions, columns: usize, always: bool) -> Style<'_> {
        let CsvOptions { delimiter, null, .. } = options;
        Style { delimiter: *delimiter, null, always, single: columns == 1 }
    }

    fn value(&self, value: &[u8], out: &mut Vec<u8>) {
        let special = |byte: &u8| {
            *byte == self.delimiter || *byte == b'"' || *byte == b'\n' || *byte == b'\r'
        };
        let quoted = self.always
            || value == self.null
            || (self.single && value == b"\\.")
            || has(value, special);
        if !quoted {
            out.extend_from_slice(value);
            return;
        }
        out.push(b'"');
        for piece in value.split_inclusive(|byte| *byte == b'"') {
            out.extend_from_slice(piece);
            if piece.ends_with(b"\"") {
                out.push(b'"');
            }
        }
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::RowsOptions;
    use super::*;

    fn written(options: CsvOptions, names: &[&str], copy: &[u8]) -> Result<String> {
        chosen(options, names, copy, None)
    }

    fn chosen(
        options: CsvOptions,
        names: &[&str],
        copy: &[u8],
        places: Option<&[usize]>,
    ) -> Result<String> {
        let archive = Encoding::SQL_ASCII;
        let reader = RowsOptions::new().columns(names.iter().copied()).encoding(archive);
        let mut rows = reader.end_marker(false).copy_text(copy);
        let head: Vec<&str> = match places {
            Some(places) => places.iter().map(|place| names[*place]).collect(),
            None => names.to_vec(),
        };
        let mut writer = options.write(Vec::new(), head)?;
        while let Some(row) = rows.next_row()? {
            match places {
                Some(places) => writer.write_fields(&row, places)?,
                None => writer.write_row(&row)?,
            }
        }
        Ok(String::from_utf8_lossy(&writer.finish()?).into_owned())
    }

    /// What a server (15) writes of the same values.
    #[test]
    fn as_the_server() {
        for (names, copy, csv) in [
            (&["a", "b,c"][..], &b"1\tx\n"[..], "a,\"b,c\"\n1,x\n"),
            (&["a", "b"], b"\\N\t\n", "a,b\n,\"\"\n"),
            (&["a", "b"], b"x\\ny\t\\r\n", "a,b\n\"x\ny\",\"\r\"\n"),
            (&["a", "b"], b"say \"x\"\t,\n", "a,b\n\"say \"\"x\"\"\",\",\"\n"),
            (&["a", "b"], b"a\\tb\\\\\t \\b\\v\n", "a,b\na\tb\\, \x08\x0b\n"),
            (&["a"], b"\\\\.\n\\N\n\n", "a\n\"\\.\"\n\n\"\"\n"),
            (&["a", "b"], b"\\\\.\t\\\\N\n", "a,b\n\\.,\\N\n"),
            (&[], b"\n\n", "\n\n\n"),
        ] {
            assert_eq!(written(CsvOptions::new(), names, copy).unwrap(), csv);
        }
    }

    #[test]
    fn options() {
        let copy = b"1\tx;y\t\\N\n\\N\tNIL\t\n";
        let names = &["a", "b", "c"];
        let options = CsvOptions::new().delimiter(b';').null("NIL").header(false);
        assert_eq!(written(options, names, copy).unwrap(), "1;\"x;y\";NIL\nNIL;\"NIL\";\n");
        let options = CsvOptions::new().quote_all(true);
        let all = "a,b,c\n\"1\",\"x;y\",\n,\"NIL\",\"\"\n";
        assert_eq!(written(options, names, copy).unwrap(), all);
        let some = chosen(CsvOptions::tsv(), names, copy, Some(&[2, 0])).unwrap();
        assert_eq!(some, "c\ta\n\t1\n\"\"\t\n");
        let options = CsvOptions::tsv();
        assert_eq!(
            written(options, &["a", "b"], b"x\ty\n\\t\t\"\n").unwrap(),
            "a\tb\nx\ty\n\"\t\"\t\"\"\"\"\n"
        );
        for options in [
            CsvOptions::new().delimiter(b'"'),
            CsvOptions::new().delimiter(0xE9),
            CsvOptions::new().null("a,b"),
            CsvOptions::new().null("\n"),
        ] {
            assert!(written(options, names, copy).is_err());
        }
    }

    #[test]
    fn encodings() {
        let copy = b"1\tgr\xf6\xdfe\n";
        let names = &["a", "b"];
        let latin1 = Encoding::find(b"LATIN1").unwrap();
        let options = CsvOptions::new().encoding(latin1).header(false);
        assert_eq!(written(options, names, copy).unwrap(), "1,größe\n");
        let error = written(CsvOptions::new(), names, copy).unwrap_err().to_string();
        assert!(error.contains("row 1") && error.contains("column \"b\""), "{error}");
        assert!(error.contains("\"gr\\xf6\\xdfe\" is not text in UTF8"), "{error}");
        let options = CsvOptions::new().on_invalid(OnInvalid::Null).header(false);
        assert_eq!(written(options, names, copy).unwrap(), "1,\n");
        let options = CsvOptions::new().on_invalid(OnInvalid::Text).header(false);
        assert_eq!(written(options, names, copy).unwrap(), "1,gr\u{fffd}\u{fffd}e\n");
        // A byte that an escape stands for.
        assert!(written(CsvOptions::new(), names, b"1\t\\xff\n").is_err());
    }

    /// The quick way and the long one agree.
    #[test]
    fn both_ways() {
        let texts = ["", "x", "a,b", "\"", "\\N", "ö", "y z", "\\n"];
        for a in texts {
            for b in texts {
                let copy = format!("{a}\t{b}\n");
                let names = &["a", "b"];
                let quick = written(CsvOptions::new(), names, copy.as_bytes()).unwrap();
                let long = chosen(CsvOptions::new(), names, copy.as_bytes(), Some(&[0, 1]));
                assert_eq!(quick, long.unwrap());
            }
        }
    }
}
