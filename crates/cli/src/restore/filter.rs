//! Filter files: `--filter`, with pg_restore's answers to what is none.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use super::messages::{Fatal, os};
use super::options::to_path;
use pgdmp::{Error, ErrorKind, Limits, Selection};

/// Reads a filter file into a selection; `-` is standard input.
pub(crate) fn read(path: &[u8], selection: Selection) -> Result<Selection, Fatal> {
    if path == b"-" {
        return read_from(io::stdin().lock(), None, selection);
    }
    let file = File::open(to_path(path)).map_err(|error| {
        let error = format!("\": {}", os(&error));
        Fatal::new([b"could not open filter file \"", path, error.as_bytes()].concat())
    })?;
    read_from(BufReader::new(file), Some(path), selection)
}

/// `path`: `None` for standard input.
fn read_from(
    input: impl BufRead,
    path: Option<&[u8]>,
    selection: Selection,
) -> Result<Selection, Fatal> {
    let read = selection.read_filter(input, &Limits::new());
    read.map_err(|error| Fatal::new(message(&error, path)))
}

fn message(error: &Error, path: Option<&[u8]>) -> Vec<u8> {
    match error.kind() {
        ErrorKind::Filter { line, what } => {
            let mut text = b"invalid format in filter read from ".to_vec();
            match path {
                Some(path) => text.extend([b"file \"", path, b"\""].concat()),
                None => text.extend_from_slice(b"standard input"),
            }
            text.extend(format!(" on line {line}: ").into_bytes());
            text.extend_from_slice(what);
            text
        }
        kind => {
            let error = match kind {
                ErrorKind::Io(error) => os(error),
                _ => error.to_string(),
            };
            let (path, error) = (path.unwrap_or(b"stdin"), format!("\": {error}"));
            [b"could not read from filter file \"", path, error.as_bytes()].concat()
        }
    }
}
