//! The rows that can be had of damaged data.

use std::io::{self, BufRead, Read};

use crate::archive::Archive;
use crate::error::Error;
use crate::text::Encoding;
use crate::toc::{Desc, TocEntry};
use crate::types::CopyStatement;

/// What came of some data.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows: u64,
    pub(super) left_out: u64,
    /// The first row that was left out, from 1.
    pub(super) first_left_out: Option<u64>,
    /// Why reading ended before the end.
    pub(super) error: Option<Error>,
    /// Whether the rows ended with their end marker.
    pub(super) is_marked: bool,
}

/// How rows are recognised.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// Lines of COPY text, with so many fields, if that is known.
    Copy { fields: Option<usize>, encoding: Encoding },
    /// INSERT commands.
    Insert { std_strings: bool },
    /// Something else, which is taken as it is.
    Other,
}

/// Of longer lines nothing is kept: a server takes no such row.
const LONGEST: usize = 1 << 30;

/// Gives each good row, with its line end, to `keep`. In what pg_dump writes a line end is always
/// the end of a row, so behind a row that is none the next one begins.
///
/// # Errors
///
/// Those of `keep`. What is wrong with the data is told in the outcome.
pub(super) fn rows<R: BufRead>(
    mut data: R,
    form: &Form,
    mut keep: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut line = Vec::new();
    let mut quotes = Quotes::default();
    loop {
        let ended = match form {
            Form::Insert { std_strings } => {
                command(&mut data, *std_strings, &mut quotes, &mut line)
            }
            Form::Copy { .. } => until(&mut data, b'\n', &mut line, true),
            Form::Other => until(&mut data, b'\n', &mut line, false),
        };
        match ended {
            Ok(true) => {}
            // What has no end was cut.
            Ok(false) => break,
            Err(error) => {
                outcome.error = Some(error.into());
                break;
            }
        }
        let good = match form {
            Form::Copy { .. } if outcome.is_marked => {
                // Behind the end marker there are only empty lines.
                line.clear();
                continue;
            }
            Form::Copy { .. } if line == b"\\.\n" => {
                outcome.is_marked = true;
                line.clear();
                continue;
            }
            Form::Copy { fields, encoding } => {
                is_row(line.strip_suffix(b"\n").unwrap_or(&line), *fields, *encoding)
            }
            Form::Insert { .. } => line.starts_with(b"INSERT INTO "),
            Form::Other => true,
        };
        if good {
            outcome.rows += 1;
            keep(&line)?;
        } else if !line.iter().all(|byte| *byte == b'\n') {
            outcome.left_out += 1;
            let number = outcome.rows + outcome.left_out;
            outcome.first_left_out.get_or_insert(number);
        }
        line.clear();
    }
    Ok(outcome)
}

/// Adds bytes up to and with `end`. `false`: the data ended before. Of what is no row nothing is kept:
/// `is_text`: of what has a zero byte, too.
fn until<R: BufRead>(data: &mut R, end: u8, line: &mut Vec<u8>, is_text: bool) -> io::Result<bool> {
    loop {
        let bytes = match data.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(false);
        }
        let found = bytes.iter().position(|byte| *byte == end);
        let n = found.map_or(bytes.len(), |at| at + 1);
        let is_no_row = is_text && (line.first() == Some(&0) || bytes[..n].contains(&0));
        match line.len() + n <= LONGEST && !is_no_row {
            true => line.extend_from_slice(&bytes[..n]),
            // With a zero byte it is no row.
            false => {
                line.clear();
                line.push(0);
                if found.is_some() {
                    line.push(end);
                }
            }
        }
        data.consume(n);
        if found.is_some() {
            return Ok(true);
        }
    }
}

/// Where in a string an INSERT command is.
#[derive(Debug, Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
}

/// Adds one command: up to a semicolon at a line's end that is in no string.
fn command<R: BufRead>(
    data: &mut R,
    std_strings: bool,
    quotes: &mut Quotes,
    line: &mut Vec<u8>,
) -> io::Result<bool> {
    loop {
        let from = line.len();
        if !until(data, b'\n', line, true)? {
            return Ok(false);
        }
        // Nothing is kept of what is no row.
        for byte in line.get(from..).unwrap_or_default() {
            match byte {
                _ if quotes.escaped => quotes.escaped = false,
                b'\\' if quotes.inside && !std_strings => quotes.escaped = true,
                b'\'' => quotes.inside = !quotes.inside,
                _ => {}
            }
        }
        let empty = line.iter().all(|byte| *byte == b'\n');
        if !quotes.inside && (line.ends_with(b";\n") || empty) {
            return Ok(true);
        }
    }
}

/// Whether a line is a row as pg_dump writes it.
fn is_row(line: &[u8], fields: Option<usize>, encoding: Encoding) -> bool {
    if line.contains(&0) || line.contains(&b'\r') {
        return false;
    }
    let count = line.iter().filter(|byte| **byte == b'\t').count() + 1;
    let counted = match fields {
        None => true,
        Some(0) => line.is_empty(),
        Some(fields) => count == fields,
    };
    counted
        && (encoding == Encoding::SQL_ASCII || encoding.is_valid(line))
        && has_whole_escapes(line, encoding)
}

/// Whether each backslash begins an escape that pg_dump writes.
fn has_whole_escapes(line: &[u8], encoding: Encoding) -> bool {
    if encoding.has_backslash_trails() {
        return true;
    }
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        match rest.get(at + 1) {
            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'N') => rest = &rest[at + 2..],
            _ => return false,
        }
    }
    true
}

/// How many of the first rows of an entry are some, its end marker among them.
pub(super) fn first_rows(archive: &Archive, entry: TocEntry<'_>) -> u64 {
    const LOOKED_AT: u64 = 1 << 20;
    let count = || {
        let mut block = archive.block_of(entry).ok()?;
        let mut data = block.data().ok()?;
        data.be_lenient();
        let form = match form(entry) {
            // What data is whose entry is lost is not known yet.
            Form::Insert { .. } => {
                Form::Copy { fields: None, encoding: entry.toc().text_encoding() }
            }
            form => form,
        };
        let outcome = rows((&mut data).take(LOOKED_AT), &form, |_| Ok(())).ok()?;
        Some(outcome.rows + u64::from(outcome.is_marked))
    };
    count().unwrap_or(0)
}

/// How the rows of an entry are recognised.
pub(super) fn form(entry: TocEntry<'_>) -> Form {
    let toc = entry.toc();
    match entry.copy_stmt().filter(|copy| !copy.is_empty()) {
        _ if entry.desc() != Desc::TABLE_DATA => Form::Other,
        Some(copy) => {
            let names = CopyStatement::parse(copy).ok().and_then(|copy| copy.field_names());
            Form::Copy { fields: names.map(|names| names.len()), encoding: toc.text_encoding() }
        }
        None => Form::Insert { std_strings: toc.std_strings().unwrap_or(true) },
    }
}
