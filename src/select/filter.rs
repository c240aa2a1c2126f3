//! Filter files: `--filter`.
//!
//! `filter.c` and `read_restore_filters` in `pg_restore.c`, of PostgreSQL 18.

use std::io::BufRead;

use super::lines::{Bounds, Lines};
use super::{NamePattern, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;

/// Kinds of objects that a filter file may name; pg_restore takes some of them.
const KINDS: [&str; 11] = [
    "table_data",
    "table_data_and_children",
    "database",
    "extension",
    "foreign_data",
    "function",
    "index",
    "schema",
    "table",
    "table_and_children",
    "trigger",
];

/// What a filter file says.
type Choice = (fn(&mut Selection) -> &mut Vec<NamePattern>, Vec<u8>);

impl Selection {
    /// Adds the names of a filter file (`--filter`). Each line has one name, such as `include table
    /// orders` or `exclude schema audit`.
    ///
    /// # Errors
    ///
    /// Errors of `input`; an invalid line, or an object type that pg_restore does not select by
    /// ([`ErrorKind::Filter`]); more bytes than [`Limits::filter_bytes`].
    pub fn read_filter(mut self, input: impl BufRead, limits: &Limits) -> Result<Self> {
        let bound = ("bytes of a filter", limits.filter_bytes, "filter_bytes");
        let bounds = Bounds { all: bound, line: bound, kept: usize::MAX };
        let mut filter = Filter { lines: Lines::new(input, bounds)?, line_number: 0 };
        for (names, name) in filter.choices()? {
            names(&mut self).push(name.into());
        }
        Ok(self)
    }
}

struct Filter<R> {
    lines: Lines<R>,
    line_number: u64,
}

impl<R: BufRead> Filter<R> {
    fn choices(&mut self) -> Result<Vec<Choice>> {
        let mut choices: Vec<Choice> = Vec::new();
        while let Some(line) = self.line()? {
            let text = trim_start(&line);
            if text.is_empty() || text[0] == b'#' {
                continue;
            }
            let (command, text) = word(text);
            let include = match &*command.to_ascii_lowercase() {
                b"include" => true,
                b"exclude" => false,
                _ => {
                    return Err(self
                        .invalid(b"invalid filter command (expected \"include\" or \"exclude\")"));
                }
            };
            let (kind, text) = word(trim_start(text));
            if kind.is_empty() {
                return Err(self.invalid(b"missing filter object type"));
            }
            let lower = kind.to_ascii_lowercase();
            let Some(known) = KINDS.iter().find(|known| known.as_bytes() == lower) else {
                let what = [b"unsupported filter object type: \"", kind, b"\""].concat();
                return Err(self.invalid(&what));
            };
            let pattern = self.pattern(trim_start(text))?;
            let names: fn(&mut Selection) -> &mut Vec<NamePattern> = match (*known, include) {
                ("function", true) => |selection| &mut selection.functions,
                ("index", true) => |selection| &mut selection.indexes,
                ("schema", true) => |selection| &mut selection.schemas,
                ("schema", false) => |selection| &mut selection.exclude_schemas,
                ("table", true) => |selection| &mut selection.tables,
                ("trigger", true) => |selection| &mut selection.triggers,
                _ => {
                    let command = if include { "include" } else { "exclude" };
                    let kind = known.replace('_', " ");
                    let what = format!("{command} filter for \"{kind}\" is not allowed");
                    return Err(self.invalid(what.as_bytes()));
                }
            };
            choices.push((names, pattern));
        }
        Ok(choices)
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        if !self.lines.next(&mut line)? {
            return Ok(None);
        }
        self.line_number += 1;
        // A NUL ends it, too, because it ends texts in C.
        let end = line.iter().position(|byte| *byte == 0);
        line.truncate(end.unwrap_or(line.len()));
        Ok(Some(line))
    }

    /// The name that ends a line: words with one blank between them, and none where SQL would
    /// have none. What is quoted is kept with its quotes, over several lines if need be.
    fn pattern(&mut self, text: &[u8]) -> Result<Vec<u8>> {
        if text.is_empty() {
            return Err(self.invalid(b"missing object name pattern"));
        }
        let mut line = text.to_vec();
        let mut at = 0;
        let mut pattern = Vec::new();
        let (mut blank, mut skip_blank) = (false, true);
        while let Some(&byte) = line.get(at) {
            match byte {
                b'#' => break,
                byte if is_space(&byte) => {
                    blank = true;
                    at += 1;
                    continue;
                }
                b',' | b'.' | b'(' | b')' => {
                    pattern.push(byte);
                    if byte == b',' {
                        pattern.push(b' ');
                    }
                    (blank, skip_blank) = (false, true);
                    at += 1;
                    continue;
                }
                _ => {}
            }
            if blank && !skip_blank {
                pattern.push(b' ');
            }
            (blank, skip_blank) = (false, false);
            if byte == b'"' {
                at = self.quoted(&mut line, at + 1, &mut pattern)?;
            } else {
                pattern.push(byte);
                at += 1;
            }
        }
        Ok(pattern)
    }

    /// Copies what is quoted; gives the place behind the closing quote.
    fn quoted(
        &mut self,
        line: &mut Vec<u8>,
        mut at: usize,
        pattern: &mut Vec<u8>,
    ) -> Result<usize> {
        pattern.push(b'"');
        loop {
            match (line.get(at), line.get(at + 1)) {
                (None, _) => {
                    let Some(next) = self.line()? else {
                        return Err(self.invalid(b"unexpected end of file"));
                    };
                    pattern.push(b'\n');
                    *line = next;
                    at = 0;
                    continue;
                }
                (Some(b'"'), Some(b'"')) => {
                    pattern.extend_from_slice(b"\"\"");
                    at += 1;
                }
                (Some(b'"'), _) => {
                    pattern.push(b'"');
                    return Ok(at + 1);
                }
                (Some(b'\\'), next) => {
                    match next {
                        Some(b'n') => pattern.push(b'\n'),
                        Some(b'\\') => pattern.push(b'\\'),
                        _ => {}
                    }
                    at += 1;
                }
                (Some(&byte), _) => pattern.push(byte),
            }
            at += 1;
        }
    }

    fn invalid(&self, what: &[u8]) -> Error {
        Error::new(ErrorKind::Filter { line: self.line_number, what: what.to_vec() })
    }
}

/// As C's `isspace`.
fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    &text[start..]
}

/// The word that a line begins with, and the rest.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(is_space).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Option<String> {
        let bound = ("", 1000, "");
        let bounds = Bounds { all: bound, line: bound, kept: 1000 };
        let lines = Lines::new(&b"second\" x\n"[..], bounds).unwrap();
        let mut filter = Filter { lines, line_number: 0 };
        filter.pattern(text.as_bytes()).ok().map(|name| String::from_utf8(name).unwrap())
    }

    #[test]
    fn patterns() {
        for (text, name) in [
            ("staff", "staff"),
            ("Tab  le # comment", "Tab le"),
            ("f( integer,text )", "f(integer, text)"),
            ("s . t", "s.t"),
            ("\"a\"\"b\" c", "\"a\"\"b\" c"),
            ("\"a\\nb\\\\c\\d\"", "\"a\nb\\c\""),
            ("\"first", "\"first\nsecond\" x"),
        ] {
            assert_eq!(pattern(text).as_deref(), Some(name), "{text}");
        }
        assert_eq!(pattern(""), None);
        assert_eq!(pattern("# x").as_deref(), Some(""));
    }
}
