//! Steps as text: what `pg_restore -f` prints.

use std::io::Write;

use super::key::RestrictKey;
use super::sink::{Outcome, Sink, Step};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::sql;
use crate::toc::Oid;

/// Collected text is handed on when it is this long.
const FULL: usize = 64 << 10;

/// Flags of `lo_open`: `INV_WRITE`, which allows to read, too.
const INV_WRITE: u32 = 131_072;

/// Writes the steps of a restore as a script for psql.
///
/// Text is buffered, and large pieces of data are written without a copy. Call
/// [`finish`](Self::finish) at the end, and after an error if the text until then is of interest.
///
/// ```
/// use pgdmp::script::{Restore, RestrictKey, TextSink};
/// use pgdmp::{Archive, Selection};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::new().schema_only(true).apply(archive.toc())?;
/// let mut script = Vec::new();
/// let mut sink = TextSink::new(&mut script, RestrictKey::new("key")?);
/// Restore::new().run(&archive, &selected, &mut sink)?;
/// sink.finish()?;
/// drop(sink);
/// assert!(script.starts_with(b"--\n-- PostgreSQL database dump"));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct TextSink<W> {
    output: W,
    key: RestrictKey,
    text: Vec<u8>,
}

impl<W: Write> TextSink<W> {
    /// A sink that writes a script to `output`. The key is used as in [`Script`](super::Script).
    pub fn new(output: W, key: RestrictKey) -> Self {
        TextSink { output, key, text: Vec::with_capacity(FULL) }
    }

    /// Writes buffered text and flushes the output.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(&mut self) -> Result<()> {
        self.hand_on()?;
        Ok(self.output.flush()?)
    }

    fn put(&mut self, text: impl AsRef<[u8]>) {
        self.text.extend_from_slice(text.as_ref());
    }

    /// Adds data, of any length.
    fn data(&mut self, data: &[u8]) -> Result<()> {
        if data.len() < FULL / 4 {
            self.put(data);
            return Ok(());
        }
        self.hand_on()?;
        Ok(self.output.write_all(data)?)
    }

    fn hand_on(&mut self) -> Result<()> {
        let result = self.output.write_all(&self.text);
        // After an error nobody knows what of it was written; it is not to be written again.
        self.text.clear();
        // One long definition is no reason to keep its memory.
        self.text.shrink_to(2 * FULL);
        Ok(result?)
    }

    fn restrict(&mut self, command: &str) {
        self.put(command);
        self.text.extend_from_slice(self.key.as_str().as_bytes());
        self.put("\n");
    }

    fn open(&mut self, oid: Oid, create: bool) {
        self.put(if create {
            format!("SELECT pg_catalog.lo_open(pg_catalog.lo_create('{oid}'), {INV_WRITE});\n")
        } else {
            format!("SELECT pg_catalog.lo_open('{oid}', {INV_WRITE});\n")
        });
    }

    fn write(&mut self, data: &[u8], std_strings: bool) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.put("SELECT pg_catalog.lowrite(0, '");
        self.put(if std_strings { "\\x" } else { "\\\\x" });
        self.text.reserve(2 * data.len());
        for byte in data {
            let digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
            self.text.extend_from_slice(&digits);
        }
        self.put("');\n");
    }
}

impl<W: Write> Sink for TextSink<W> {
    fn step(&mut self, step: &Step<'_>) -> Result<Outcome> {
        match step {
            Step::Statement(statement) => {
                self.put(statement.text);
                for _ in 0..statement.empty_lines {
                    self.text.push(b'\n');
                }
            }
            Step::Heading(heading) => heading.write_to(&mut self.text),
            Step::Comment(text) | Step::CopyBegin { statement: text, .. } => self.put(text),
            Step::EmptyLine => self.put("\n"),
            Step::CopyData(data) | Step::InsertData(data) => self.data(data)?,
            Step::Begin => self.put("BEGIN;\n"),
            Step::Commit => self.put("COMMIT;\n"),
            Step::LargeObjectOpen { oid, create, .. } => self.open(*oid, *create),
            Step::LargeObjectWrite { data, std_strings } => self.write(data, *std_strings),
            Step::LargeObjectClose => self.put("SELECT pg_catalog.lo_close(0);\n\n"),
            Step::Restrict => {
                self.restrict("\\restrict ");
                self.put("\n");
            }
            Step::Unrestrict => self.restrict("\\unrestrict "),
            Step::Connect { database, .. } => connect(database, &mut self.text)?,
            Step::Stage(_)
            | Step::Event(_)
            | Step::CopyEnd { .. }
            | Step::InsertBegin { .. }
            | Step::InsertEnd { .. } => return Ok(Outcome::Done),
        }
        if self.text.len() >= FULL {
            self.hand_on()?;
        }
        Ok(Outcome::Done)
    }
}

/// psql's command to connect to a database.
///
/// The restriction is lifted for it, so nothing but a database's name may stand in it, and no
/// line may end within that name.
fn connect(name: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if name.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        let name = String::from_utf8_lossy(name);
        return Err(Error::usage(format!(
            "database name contains a newline or carriage return: \"{name}\""
        )));
    }
    let simple = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    if name.iter().all(simple) {
        out.extend_from_slice(b"\\connect ");
        sql::identifier(name, Encoding::SQL_ASCII, out);
    } else {
        // Any bytes may come; psql shall not look for characters in them.
        let mut parameters = b"dbname='".to_vec();
        for byte in name {
            if matches!(byte, b'\'' | b'\\') {
                parameters.push(b'\\');
            }
            parameters.push(*byte);
        }
        parameters.push(b'\'');
        out.extend_from_slice(b"\\encoding SQL_ASCII\n\\connect -reuse-previous=on ");
        sql::identifier(&parameters, Encoding::SQL_ASCII, out);
    }
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_names() {
        let text = |name: &str| {
            let mut out = Vec::new();
            connect(name.as_bytes(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text("plain"), "\\connect plain\n");
        assert_eq!(text("Up.per"), "\\connect \"Up.per\"\n");
        assert_eq!(text("select"), "\\connect \"select\"\n");
        assert_eq!(text(""), "\\connect \"\"\n");
        assert_eq!(
            text("it's \"x\"\\"),
            "\\encoding SQL_ASCII\n\\connect -reuse-previous=on \
             \"dbname='it\\'s \"\"x\"\"\\\\'\"\n"
        );
        assert!(connect(b"a\nb", &mut Vec::new()).is_err());
        assert!(connect(b"a\r", &mut Vec::new()).is_err());
    }
}
