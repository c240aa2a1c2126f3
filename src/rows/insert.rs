//! INSERT commands into batches of rows, as COPY text.
//!
//! `dumpTableData_insert` in `pg_dump.c` writes them: one row in each, or several with
//! `--rows-per-insert`.

use std::borrow::Cow;
use std::io::BufRead;

use super::batch::Batch;
use super::copy::{Stopped, Window};
use super::options::RowsOptions;
use super::writer::escape;
use crate::encoding::Encoding;
use crate::types::MOST_COLUMNS;

/// INSERT commands that are read.
#[derive(Debug)]
pub(super) struct InsertText<R> {
    window: Window<R>,
    /// The bytes of the window.
    bytes: Vec<u8>,
    encoding: Encoding,
    /// Whether a backslash in a string is just a backslash.
    std_strings: bool,
    /// The head of the last command, up to its rows, and what it names.
    head: Vec<u8>,
    columns: Option<Vec<Vec<u8>>>,
    /// Whether the next thing is a row of the command that was begun.
    in_command: bool,
    /// Why there are no rows behind those of the last batch.
    stopped: Option<Stopped>,
    /// A value, unescaped.
    value: Vec<u8>,
}

/// Rows of a batch, in bytes: enough that a call for it costs nothing.
const ENOUGH: usize = 64 << 10;

/// Why no more can be taken from a window.
enum Short {
    /// What stands there may go on behind the window.
    More,
    Fault {
        at: usize,
        what: Cow<'static, str>,
    },
}

impl<R: BufRead> InsertText<R> {
    pub(super) fn new(source: R, options: &RowsOptions) -> Self {
        InsertText {
            window: Window::new(source, options),
            bytes: Vec::new(),
            encoding: options.encoding,
            std_strings: options.std_strings,
            head: Vec::new(),
            columns: None,
            in_command: false,
            stopped: None,
            value: Vec::new(),
        }
    }

    /// What follows the last command: blanks.
    pub(super) fn ending(&self) -> &[u8] {
        self.bytes.get(self.window.used..self.window.filled).unwrap_or_default()
    }

    /// The columns that the first command named.
    pub(super) fn columns(&self) -> Option<&[Vec<u8>]> {
        self.columns.as_deref()
    }

    /// Puts the next rows into the batch: none at the end.
    pub(super) fn refill(&mut self, batch: &mut Batch) -> Result<(), Stopped> {
        batch.clear();
        batch.bytes.clear();
        if let Some(stopped) = self.stopped.take() {
            return Err(stopped);
        }
        loop {
            match self.take(batch) {
                Ok(true) if batch.bytes.len() < ENOUGH => {}
                Ok(_) => return Ok(()),
                // As much as there was; the next call reads on.
                Err(Short::More) if !batch.is_empty() => return Ok(()),
                Err(Short::More) if self.window.at_end => {
                    let at = self.window.place(self.window.filled);
                    let what = "the data ends within an INSERT command".into();
                    return Err(Stopped::Fault { at, what });
                }
                Err(Short::More) => {
                    self.window.refill(&mut self.bytes).map_err(Stopped::Failed)?;
                }
                Err(Short::Fault { at, what }) => {
                    let fault = Stopped::Fault { at: self.window.place(at), what };
                    if batch.is_empty() {
                        return Err(fault);
                    }
                    self.stopped = Some(fault);
                    return Ok(());
                }
            }
        }
    }

    /// Takes one row, and says whether there was one.
    fn take(&mut self, batch: &mut Batch) -> Result<bool, Short> {
        let Window { filled, used, at_end, .. } = self.window;
        let mut text = Text {
            text: &self.bytes[..filled],
            at: used,
            at_end,
            std_strings: self.std_strings,
            encoding: self.encoding,
        };
        let begins = !self.in_command;
        let mut begun = self.in_command;
        if !begun {
            text.blanks();
            if text.at == filled && at_end {
                return Ok(false);
            }
            if !self.head.is_empty() && text.rest().starts_with(&self.head) {
                text.at += self.head.len();
                begun = true;
            } else {
                let start = text.at;
                let head = text.head()?;
                if let Some(first) = &self.columns
                    && head.columns.as_ref() != Some(first)
                {
                    return Err(text.fault("an INSERT command of other columns"));
                }
                self.columns = head.columns.or(self.columns.take());
                if head.has_values {
                    self.head = text.text[start..text.at].to_vec();
                    begun = true;
                }
            }
        }
        let offset = self.window.place(text.at);
        let start = batch.bytes.len();
        if begun {
            text.blanks();
        }
        let lead = text.at - used;
        let taken = match begun {
            true => text.row(batch, &mut self.value),
            // DEFAULT VALUES: a row without columns.
            false => Ok(text.at),
        };
        match taken.and_then(|values| Ok((values, text.end()?))) {
            Ok((values, more)) => {
                if let Some(commands) = &mut batch.commands {
                    // The comma is written before the next row.
                    let end = text.at - usize::from(more);
                    let places = [lead, values - used];
                    commands.push(&text.text[used..end], places, begins, !more);
                }
                self.in_command = more;
                self.window.used = text.at;
                batch.bytes.push(b'\n');
                batch.end_row(start, offset);
                Ok(true)
            }
            Err(short) => {
                batch.bytes.truncate(start);
                batch.forget_fields();
                Err(short)
            }
        }
    }

    pub(super) fn into_inner(self) -> R {
        self.window.source
    }
}

/// What an INSERT command says before its rows.
struct Head {
    columns: Option<Vec<Vec<u8>>>,
    /// False of `DEFAULT VALUES`.
    has_values: bool,
}

/// The text of a window, from a place on.
struct Text<'t> {
    text: &'t [u8],
    at: usize,
    /// Whether nothing follows the window.
    at_end: bool,
    std_strings: bool,
    encoding: Encoding,
}

impl<'t> Text<'t> {
    fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    fn fault(&self, what: impl Into<Cow<'static, str>>) -> Short {
        Short::Fault { at: self.at, what: what.into() }
    }

    fn blanks(&mut self) {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t'..=b'\r');
        self.at += self.rest().iter().take_while(blank).count();
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Result<u8, Short> {
        self.blanks();
        self.rest().first().copied().ok_or(Short::More)
    }

    fn mark(&mut self, mark: u8) -> Result<bool, Short> {
        let is = self.peek()? == mark;
        self.at += usize::from(is);
        Ok(is)
    }

    /// The next word, without a step.
    fn word(&mut self) -> Result<&'t [u8], Short> {
        self.blanks();
        let is_word = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
        };
        let len = self.rest().iter().position(|byte| !is_word(byte)).ok_or(Short::More)?;
        Ok(&self.rest()[..len])
    }

    fn keyword(&mut self, wanted: &str) -> Result<bool, Short> {
        let word = self.word()?;
        let is = word.eq_ignore_ascii_case(wanted.as_bytes());
        self.at += if is { word.len() } else { 0 };
        Ok(is)
    }

    fn keywords(&mut self, wanted: &[&str]) -> Result<(), Short> {
        for word in wanted {
            if !self.keyword(word)? {
                return Err(self.fault(format!("{word} expected, as in what pg_dump writes")));
            }
        }
        Ok(())
    }

    fn name(&mut self) -> Result<Vec<u8>, Short> {
        if self.peek()? != b'"' {
            let word = self.word()?;
            if word.is_empty() {
                return Err(self.fault("a name expected"));
            }
            self.at += word.len();
            return Ok(word.to_ascii_lowercase());
        }
        let mut name = Vec::new();
        let mut at = 1;
        loop {
            let rest = self.rest().get(at..).unwrap_or_default();
            let len = rest.iter().position(|byte| *byte == b'"').ok_or(Short::More)?;
            name.extend_from_slice(&rest[..len]);
            at += len + 1;
            match rest.get(len + 1) {
                Some(b'"') => name.push(b'"'),
                None if !self.at_end => return Err(Short::More),
                _ => break,
            }
            at += 1;
        }
        self.at += at;
        Ok(name)
    }

    /// `INSERT INTO name (columns) OVERRIDING SYSTEM VALUE VALUES`.
    fn head(&mut self) -> Result<Head, Short> {
        self.keywords(&["INSERT", "INTO"])?;
        self.name()?;
        if self.mark(b'.')? {
            self.name()?;
        }
        let mut columns = None;
        if self.mark(b'(')? {
            let mut names = vec![self.name()?];
            while self.mark(b',')? {
                names.push(self.name()?);
                if names.len() > MOST_COLUMNS {
                    return Err(self.fault("more columns than any table has"));
                }
            }
            if !self.mark(b')')? {
                return Err(self.fault("a parenthesis expected behind the columns"));
            }
            columns = Some(names);
        }
        if self.keyword("OVERRIDING")? {
            self.keywords(&["SYSTEM", "VALUE"])?;
        }
        let has_values = !self.keyword("DEFAULT")?;
        self.keywords(&["VALUES"])?;
        Ok(Head { columns, has_values })
    }

    /// One row in parentheses. Says where it ends.
    fn row(&mut self, batch: &mut Batch, value: &mut Vec<u8>) -> Result<usize, Short> {
        if !self.mark(b'(')? {
            return Err(self.fault("a row in parentheses expected"));
        }
        let mut first = true;
        loop {
            let null = match self.value(value)? {
                Value::Text => Some(&value[..]),
                Value::Null => None,
                // A generated column. COPY text leaves it out, too.
                Value::Default => {
                    if self.mark(b',')? {
                        continue;
                    }
                    break;
                }
            };
            if !first {
                batch.bytes.push(b'\t');
            }
            first = false;
            let start = batch.bytes.len();
            escape(null, self.encoding, &mut batch.bytes);
            let escaped = batch.bytes[start..].contains(&b'\\');
            batch.end_field(batch.bytes.len(), escaped);
            if !self.mark(b',')? {
                break;
            }
        }
        if !self.mark(b')')? {
            return Err(self.fault("a parenthesis expected behind the values"));
        }
        Ok(self.at)
    }

    /// A comma, and another row follows; or the end of the command.
    fn end(&mut self) -> Result<bool, Short> {
        if self.mark(b',')? {
            return Ok(true);
        }
        if self.peek()? != b';' {
            self.keywords(&["ON", "CONFLICT", "DO", "NOTHING"])?;
        }
        match self.mark(b';')? {
            true => {
                // The end of the line belongs to the command.
                match self.rest().first() {
                    Some(b'\n') => self.at += 1,
                    None if !self.at_end => return Err(Short::More),
                    _ => {}
                }
                Ok(false)
            }
            false => Err(self.fault("a semicolon expected behind the command")),
        }
    }

    fn value(&mut self, value: &mut Vec<u8>) -> Result<Value, Short> {
        value.clear();
        let first = self.peek()?;
        let quoted = self.rest().get(1).copied();
        match (first, quoted) {
            (b'\'', _) => self.string(1, !self.std_strings, value)?,
            (b'E' | b'e', Some(b'\'')) => self.string(2, true, value)?,
            (b'B' | b'b', Some(b'\'')) => self.string(2, false, value)?,
            (_, None) => return Err(Short::More),
            (b'+' | b'-' | b'.' | b'0'..=b'9', _) => {
                let is_number = |byte: &u8| {
                    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
                };
                let rest = self.rest();
                let len = rest.iter().position(|byte| !is_number(byte)).ok_or(Short::More)?;
                value.extend_from_slice(&rest[..len]);
                self.at += len;
            }
            _ => {
                let word = self.word()?;
                let found = match word {
                    b"NULL" => Value::Null,
                    b"DEFAULT" => Value::Default,
                    b"true" | b"false" => {
                        value.push(word[0]);
                        Value::Text
                    }
                    _ => return Err(self.fault("an expression that pg_dump does not write")),
                };
                self.at += word.len();
                return Ok(found);
            }
        }
        Ok(Value::Text)
    }

    /// What stands between quotes, the first of which is before `skip`.
    fn string(&mut self, skip: usize, backslashes: bool, out: &mut Vec<u8>) -> Result<(), Short> {
        let mut at = self.at + skip;
        let walk = backslashes && self.encoding.has_backslash_trails();
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let plain = if walk {
                let mut plain = 0;
                while rest.get(plain).is_some_and(|byte| !matches!(byte, b'\'' | b'\\')) {
                    plain += self.encoding.len_of_next(&rest[plain..]);
                }
                plain
            } else {
                let special = |byte: &u8| *byte == b'\'' || (backslashes && *byte == b'\\');
                rest.iter().position(special).unwrap_or(rest.len())
            };
            let (Some(special), Some(text)) = (rest.get(plain), rest.get(..plain)) else {
                return Err(Short::More);
            };
            out.extend_from_slice(text);
            at += plain;
            let next = rest.get(plain + 1).copied();
            match (special, next) {
                (b'\'', Some(b'\'')) => out.push(b'\''),
                (b'\'', None) if !self.at_end => return Err(Short::More),
                (b'\'', _) => {
                    self.at = at + 1;
                    return Ok(());
                }
                (_, None) => return Err(Short::More),
                (_, Some(_)) => {
                    let behind = &rest[plain + 1..];
                    // An escape has at most three digits.
                    if behind.len() < 3 && !self.at_end {
                        return Err(Short::More);
                    }
                    let (byte, len) = super::row::escape(behind);
                    if byte == Some(0) {
                        return Err(
                            self.fault("an escape stands for the byte 0, which no text has")
                        );
                    }
                    out.extend(byte);
                    at += len - 1;
                }
            }
            at += 2;
        }
    }
}

/// Writes a row of an INSERT command, in parentheses, with other values. `other` has the new value
/// of a field, `None` within for NULL; where it has none, the literal stays.
pub(super) fn write_values<'v>(
    values: &[u8],
    std_strings: bool,
    encoding: Encoding,
    other: impl Fn(usize) -> Option<Option<&'v [u8]>>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut text = Text { text: values, at: 0, at_end: true, std_strings, encoding };
    let (mut field, mut done) = (0, 0);
    let mut buffer = Vec::new();
    text.mark(b'(').ok()?;
    loop {
        text.blanks();
        let start = text.at;
        if !matches!(text.value(&mut buffer).ok()?, Value::Default) {
            if let Some(value) = other(field) {
                out.extend_from_slice(&values[done..start]);
                literal(value, &values[start..text.at], std_strings, encoding, out);
                done = text.at;
            }
            field += 1;
        }
        if !text.mark(b',').ok()? {
            break;
        }
    }
    out.extend_from_slice(&values[done..]);
    Some(())
}

/// Writes a value as `dumpTableData_insert` does for a column that had the literal `old`.
fn literal(
    value: Option<&[u8]>,
    old: &[u8],
    std_strings: bool,
    encoding: Encoding,
    out: &mut Vec<u8>,
) {
    let Some(value) = value else {
        out.extend_from_slice(b"NULL");
        return;
    };
    let is_bits = || value.iter().all(|byte| matches!(byte, b'0' | b'1'));
    match old.first() {
        Some(b'+' | b'-' | b'.' | b'0'..=b'9') if is_number(value) => out.extend_from_slice(value),
        Some(b't' | b'f') if value == b"t" => out.extend_from_slice(b"true"),
        Some(b't' | b'f') if value == b"f" => out.extend_from_slice(b"false"),
        Some(b'B' | b'b') if is_bits() => {
            out.extend_from_slice(b"B'");
            out.extend_from_slice(value);
            out.push(b'\'');
        }
        _ => {
            out.push(b'\'');
            let mut rest = value;
            while let Some(&byte) = rest.first() {
                let len = encoding.len_of_next(rest).min(rest.len());
                if byte == b'\'' || (byte == b'\\' && !std_strings) {
                    out.push(byte);
                }
                out.extend_from_slice(&rest[..len]);
                rest = &rest[len..];
            }
            out.push(b'\'');
        }
    }
}

/// A number that stands in SQL without quotes.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = digits(fraction);
        rest = &fraction[len..];
        if len == 0 {
            return false;
        }
    }
    if let Some(exponent) = rest.strip_prefix(b"e") {
        let signed = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+"));
        let exponent = signed.unwrap_or(exponent);
        let len = digits(exponent);
        if len == 0 {
            return false;
        }
        rest = &exponent[len..];
    }
    whole > 0 && rest.is_empty()
}

enum Value {
    /// In the buffer.
    Text,
    Null,
    Default,
}
