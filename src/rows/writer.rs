//! Rows written as `pg_dump` writes them.

use std::io::Write;

use super::row::Row;
use crate::encoding::Encoding;
use crate::error::Result;

/// Writes rows as COPY text, as `pg_dump` does. Rows of an archive that were read with
/// [`Rows`](super::Rows) become the same bytes again.
///
/// ```
/// use pgdmp::rows::RowWriter;
///
/// let mut writer = RowWriter::new(Vec::new());
/// writer.write([Some(&b"1"[..]), Some(b"a\tb"), None])?;
/// assert_eq!(writer.finish()?, b"1\ta\\tb\t\\N\n\\.\n\n\n");
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct RowWriter<W> {
    output: W,
    encoding: Encoding,
    /// The row being made.
    line: Vec<u8>,
}

impl<W: Write> RowWriter<W> {
    /// A writer to `output`. It writes in small pieces, so `output` should be buffered.
    pub fn new(output: W) -> Self {
        RowWriter { output, encoding: Encoding::SQL_ASCII, line: Vec::new() }
    }

    /// Sets the encoding of the values. It matters for encodings in which a backslash may be the
    /// second byte of a character: SJIS, BIG5, GBK, UHC, GB18030, JOHAB, SHIFT_JIS_2004.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Writes a row of values, with `None` for NULL. Values must not contain a NUL byte.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn write<'v>(&mut self, values: impl IntoIterator<Item = Option<&'v [u8]>>) -> Result<()> {
        self.line.clear();
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self.line.push(b'\t');
            }
            escape(value, self.encoding, &mut self.line);
        }
        self.line.push(b'\n');
        Ok(self.output.write_all(&self.line)?)
    }

    /// Writes a row as it was read.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn write_row(&mut self, row: &Row<'_>) -> Result<()> {
        self.output.write_all(row.as_bytes())?;
        Ok(self.output.write_all(b"\n")?)
    }

    /// Writes the end marker that the data of every table has in an archive, and returns the output
    /// without flushing it.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(mut self) -> Result<W> {
        self.output.write_all(b"\\.\n\n\n")?;
        Ok(self.output)
    }
}

/// Writes a field: `CopyAttributeOutText` in `copyto.c`.
pub(super) fn escape(value: Option<&[u8]>, encoding: Encoding, out: &mut Vec<u8>) {
    let Some(value) = value else {
        out.extend_from_slice(b"\\N");
        return;
    };
    let walk = encoding.has_backslash_trails();
    let mut rest = value;
    while let Some(&byte) = rest.first() {
        if walk && !byte.is_ascii() {
            let len = encoding.len_of_next(rest).min(rest.len());
            out.extend_from_slice(&rest[..len]);
            rest = &rest[len..];
            continue;
        }
        match letter(byte) {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None => out.push(byte),
        }
        rest = &rest[1..];
    }
}

fn letter(byte: u8) -> Option<u8> {
    Some(match byte {
        0x08 => b'b',
        0x0C => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x0B => b'v',
        b'\\' => b'\\',
        _ => return None,
    })
}
