//! List files: the text of `-l`, edited, read by `-L`.

use std::io::BufRead;

use super::lines::{Bounds, Lines};
use crate::error::{EntryName, Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::toc::{DumpId, Toc, TocEntry};

/// A list file (`-L`): the entries to restore, in their order.
///
/// Each line starts with a dump id; the rest of the line is ignored, and a `;` begins a comment.
/// This is the grammar of `SortTocFromFile` in `pg_backup_archiver.c`. Lists in UTF-16 are
/// accepted, and a byte order mark (U+FEFF) is skipped.
///
/// ```
/// use pgdmp::select::UseList;
/// use pgdmp::{Archive, Selection};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let list = UseList::read(&b"217; 1259 17845 TABLE public town postgres\n"[..], archive.toc())?;
/// let selected = Selection::new().use_list(list).apply(archive.toc())?;
/// assert_eq!(selected.entries().count(), 1);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct UseList {
    /// Places of entries, in the order of the list.
    places: Vec<u32>,
    /// By place.
    listed: Vec<bool>,
    ignored: Vec<Vec<u8>>,
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Nothing,
    Id(i64),
    Junk,
}

impl UseList {
    /// Reads a list for the archive with this table of contents, with the default [`Limits`].
    ///
    /// # Errors
    ///
    /// Errors of `input`, and an unknown dump id that lies between known ones, which means that the
    /// list was made from another archive.
    pub fn read(input: impl BufRead, toc: &Toc) -> Result<UseList> {
        UseList::read_within(input, toc, &Limits::new())
    }

    /// Like [`read`](Self::read), with the given limits.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), and [`ErrorKind::Limit`].
    pub fn read_within(input: impl BufRead, toc: &Toc, limits: &Limits) -> Result<UseList> {
        let bounds = Bounds {
            all: ("bytes of a list", limits.list_bytes, "list_bytes"),
            line: ("bytes of a line of a list", limits.list_line_bytes, "list_line_bytes"),
            kept: LONGEST,
        };
        let max = toc.entries().map(|entry| entry.dump_id().0).max().unwrap_or(0);
        let mut list = UseList { listed: vec![false; toc.len()], ..UseList::default() };
        let mut room = limits.list_ignored_bytes;
        let mut ignore = |ignored: &mut Vec<Vec<u8>>, line: &[u8]| {
            // With what it takes to keep it.
            let cost = (line.len() + size_of::<Vec<u8>>()) as u64;
            room = room.checked_sub(cost).ok_or_else(|| {
                Error::new(ErrorKind::Limit {
                    what: "bytes of a list that name no entry",
                    limit: limits.list_ignored_bytes,
                    knob: "list_ignored_bytes",
                })
            })?;
            ignored.push(line.to_vec());
            Ok::<(), Error>(())
        };
        let mut lines = Lines::new(input, bounds)?;
        let mut line = Vec::new();
        while lines.next(&mut line)? {
            let cut = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let id = match parse(cut) {
                Line::Nothing => continue,
                Line::Id(id) if (1..=i64::from(max)).contains(&id) => DumpId(id as i32),
                Line::Id(_) | Line::Junk => {
                    ignore(&mut list.ignored, cut)?;
                    continue;
                }
            };
            let Some(entry) = toc.entry(id) else {
                let name = || EntryName { dump_id: id.0, name: String::new() };
                return Err(Error::not_found("an entry of the list was").in_entry(name));
            };
            if std::mem::replace(&mut list.listed[entry.index()], true) {
                ignore(&mut list.ignored, cut)?;
            } else {
                list.places.push(entry.index() as u32);
            }
        }
        Ok(list)
    }

    /// The lines that were ignored, without their comments: those without a number, with a number
    /// that is not in the archive, or with a repeated number. They deserve a warning.
    pub fn ignored(&self) -> &[Vec<u8>] {
        &self.ignored
    }

    /// Whether an entry is listed.
    pub fn contains(&self, entry: TocEntry<'_>) -> bool {
        self.listed.get(entry.index()).copied().unwrap_or(false)
    }

    /// The order of a restore: what is not listed, as in the archive, then what is.
    pub(super) fn order(&self, toc: &Toc) -> Vec<u32> {
        let unlisted = toc.entries().filter(|entry| !self.contains(*entry));
        unlisted.map(|entry| entry.index() as u32).chain(self.places.iter().copied()).collect()
    }
}

/// Only the beginning of a line can matter: a number and what is in front of a comment.
const LONGEST: usize = 64 << 10;

fn parse(text: &[u8]) -> Line {
    if text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        return Line::Nothing;
    }
    // As strtol: blanks, a sign, digits; the rest of the line does not matter.
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let (negative, digits) = match &text[start..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return Line::Junk;
    }
    let value = digits[..end].iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    Line::Id(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (text, line) in [
            ("", Line::Nothing),
            (" \t\r", Line::Nothing),
            ("217; 1259 16394 TABLE", Line::Id(217)),
            ("217x", Line::Id(217)),
            ("  0217 3418", Line::Id(217)),
            ("+5", Line::Id(5)),
            ("-5", Line::Id(-5)),
            ("0x10", Line::Id(0)),
            ("TABLE 5", Line::Junk),
            ("99999999999999999999", Line::Id(i64::MAX)),
        ] {
            assert_eq!(parse(text.split(';').next().unwrap().as_bytes()), line, "{text:?}");
        }
    }
}
