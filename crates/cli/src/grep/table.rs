//! The matches in one table, or in one definition.

use std::io::{BufRead, Write};

use super::pattern::Pattern;
use super::turns::Turns;
use crate::Failure;
use pgdmp::TocEntry;
use pgdmp::rows::Rows;

/// What is searched for, and what is printed of it.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) pattern: Pattern,
    pub(super) shown: Shown,
    /// The columns to look in; all, without any.
    pub(super) columns: Option<Vec<Vec<u8>>>,
    /// How many rows that match are enough.
    pub(super) most: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Values,
    Counts,
    Names,
}

/// Takes what is to be printed, when there is enough of it, and empties it.
pub(super) type Give<'g> = &'g mut dyn FnMut(&mut Vec<u8>);

/// Text is given on when it is this long.
const ENOUGH: usize = 64 << 10;

impl Search {
    /// Searches rows, and gives the number of those that match.
    pub(super) fn rows<R: BufRead>(
        &self,
        rows: &mut Rows<R>,
        label: &[u8],
        turns: &Turns,
        give: Give<'_>,
    ) -> Result<u64, Failure> {
        let is_wanted = |name: &[u8]| match &self.columns {
            Some(columns) => columns.iter().any(|column| column == name),
            None => true,
        };
        if rows.columns().is_some_and(|all| !all.iter().any(|name| is_wanted(name))) {
            return Ok(0);
        }
        let (mut out, mut value) = (Vec::new(), Vec::new());
        // The fields of a row that match, and their values one after the other.
        let (mut hits, mut values) = (Vec::new(), Vec::new());
        let mut found = 0;
        while !self.is_enough(found) && !turns.is_over() {
            let may_match = |text: &[u8]| self.pattern.may_match(text) || turns.is_over();
            let Some(row) = rows.next_row_in(may_match)? else { break };
            // An escape may stand for anything.
            let bytes = row.as_bytes();
            if !self.pattern.may_match(bytes) && memchr::memchr(b'\\', bytes).is_none() {
                continue;
            }
            for (index, field) in row.fields().enumerate() {
                if let Some(value) = field.value_in(&mut value)
                    && self.pattern.matches(value)
                {
                    values.extend_from_slice(value);
                    hits.push((index, values.len()));
                }
            }
            let number = row.number();
            // The columns of INSERT commands are known by now.
            let columns = rows.columns().unwrap_or_default();
            let (mut start, mut counts) = (0, false);
            for (index, end) in hits.drain(..) {
                let place = (index + 1).to_string();
                let column = columns.get(index).map_or(place.as_bytes(), Vec::as_slice);
                if is_wanted(column) {
                    counts = true;
                    if self.shown == Shown::Values {
                        put_line(&mut out, label);
                        // Writing to memory does not fail.
                        let _ = write!(out, ":{number}:");
                        put_line(&mut out, column);
                        out.extend_from_slice(b": ");
                        put_line(&mut out, &values[start..end]);
                        out.push(b'\n');
                    }
                }
                start = end;
            }
            values.clear();
            found += u64::from(counts);
            if out.len() >= ENOUGH {
                give(&mut out);
            }
        }
        self.end(label, found, &mut out);
        give(&mut out);
        Ok(found)
    }

    /// Searches the lines of a definition, and gives the number of those that match.
    pub(super) fn definition(&self, entry: TocEntry<'_>, give: Give<'_>) -> Result<u64, Failure> {
        let kind = [entry.desc().as_bytes(), b" ", &label(entry)].concat();
        let (mut out, mut found) = (Vec::new(), 0);
        let text = entry.defn().unwrap_or_default().trim_ascii_end();
        for line in text.split(|byte| *byte == b'\n').filter(|_| !text.is_empty()) {
            if self.is_enough(found) {
                break;
            }
            if !self.pattern.matches(line) {
                continue;
            }
            found += 1;
            if self.shown == Shown::Values {
                put_line(&mut out, &kind);
                out.extend_from_slice(b": ");
                put_line(&mut out, line);
                out.push(b'\n');
            }
        }
        self.end(&kind, found, &mut out);
        give(&mut out);
        Ok(found)
    }

    /// Whether more matches are not wanted.
    fn is_enough(&self, found: u64) -> bool {
        let most = if self.shown == Shown::Names { Some(1) } else { None };
        self.most.into_iter().chain(most).any(|most| found >= most)
    }

    /// What is printed of a table as a whole.
    fn end(&self, label: &[u8], found: u64, out: &mut Vec<u8>) {
        if found == 0 || self.shown == Shown::Values {
            return;
        }
        put_line(out, label);
        if self.shown == Shown::Counts {
            // Writing to memory does not fail.
            let _ = write!(out, ":{found}");
        }
        out.push(b'\n');
    }
}

/// Schema and name, as they are stored.
pub(super) fn label(entry: TocEntry<'_>) -> Vec<u8> {
    let tag = entry.tag().unwrap_or_default();
    match entry.namespace().filter(|schema| !schema.is_empty()) {
        Some(schema) => [schema, b".", tag].concat(),
        None => tag.to_vec(),
    }
}

/// Adds text on one line. No character has a byte of a line end in it, in any encoding.
fn put_line(out: &mut Vec<u8>, text: &[u8]) {
    for piece in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        match piece.split_last() {
            Some((b'\n', text)) => out.extend_from_slice(&[text, b"\\n"].concat()),
            Some((b'\r', text)) => out.extend_from_slice(&[text, b"\\r"].concat()),
            _ => out.extend_from_slice(piece),
        }
    }
}
