//! Filter files: `--filter`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use super::messages::{Fatal, os};
use super::options::to_path;
use pgdmp::Selection;

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

/// Reads a filter file into a selection; `-` is standard input.
pub(crate) fn read(path: &[u8], selection: &mut Selection) -> Result<(), Fatal> {
    if path == b"-" {
        return Filter::new(io::stdin().lock(), None).apply(selection);
    }
    let file = File::open(to_path(path)).map_err(|error| {
        let error = format!("\": {}", os(&error));
        Fatal::new([b"could not open filter file \"", path, error.as_bytes()].concat())
    })?;
    Filter::new(BufReader::new(file), Some(path)).apply(selection)
}

struct Filter<'a, R> {
    input: R,
    /// `None`: standard input.
    path: Option<&'a [u8]>,
    line_number: u64,
}

impl<'a, R: BufRead> Filter<'a, R> {
    fn new(input: R, path: Option<&'a [u8]>) -> Self {
        Filter { input, path, line_number: 0 }
    }

    fn apply(mut self, selection: &mut Selection) -> Result<(), Fatal> {
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
            let names = match (*known, include) {
                ("function", true) => &mut selection.functions,
                ("index", true) => &mut selection.indexes,
                ("schema", true) => &mut selection.schemas,
                ("schema", false) => &mut selection.exclude_schemas,
                ("table", true) => &mut selection.tables,
                ("trigger", true) => &mut selection.triggers,
                _ => {
                    let command = if include { "include" } else { "exclude" };
                    let kind = known.replace('_', " ");
                    let what = format!("{command} filter for \"{kind}\" is not allowed");
                    return Err(self.invalid(what.as_bytes()));
                }
            };
            names.push(pattern.into());
        }
        Ok(())
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>, Fatal> {
        let mut line = Vec::new();
        match self.input.read_until(b'\n', &mut line) {
            Ok(0) => Ok(None),
            Ok(_) => {
                self.line_number += 1;
                // A NUL ends it, too, because it ends texts in C.
                let end = line.iter().position(|byte| matches!(byte, b'\n' | 0));
                line.truncate(end.unwrap_or(line.len()));
                Ok(Some(line))
            }
            Err(error) => {
                let error = format!("\": {}", os(&error));
                let path = self.path.unwrap_or(b"stdin");
                Err(Fatal::new(
                    [b"could not read from filter file \"", path, error.as_bytes()].concat(),
                ))
            }
        }
    }

    /// The name that ends a line: words with one blank between them, and none where SQL would
    /// have none. What is quoted is kept with its quotes, over several lines if need be.
    fn pattern(&mut self, text: &[u8]) -> Result<Vec<u8>, Fatal> {
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
    ) -> Result<usize, Fatal> {
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

    fn invalid(&self, what: &[u8]) -> Fatal {
        let mut text = b"invalid format in filter read from ".to_vec();
        match self.path {
            Some(path) => text.extend([b"file \"", path, b"\""].concat()),
            None => text.extend_from_slice(b"standard input"),
        }
        text.extend(format!(" on line {}: ", self.line_number).into_bytes());
        text.extend_from_slice(what);
        Fatal::new(text)
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
        let mut filter = Filter::new(&b"second\" x\n"[..], None);
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
