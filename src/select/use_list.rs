//! List files: the text of `-l`, edited, read by `-L`.

use std::io::{self, BufRead};

use crate::error::{EntryName, Error, Result};
use crate::toc::{DumpId, Toc, TocEntry};

/// A list file: which entries are wanted, in which order.
///
/// A line is a dump id and anything behind it; from a `;` on it is a comment. That is the grammar
/// of `SortTocFromFile` in `pg_backup_archiver.c`.
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
    /// Reads a list for the archive with this table of contents.
    ///
    /// # Errors
    ///
    /// Those of `input`; and a dump id that lies between others of the archive but is none of
    /// its own, which means that the list was made of another archive.
    pub fn read(mut input: impl BufRead, toc: &Toc) -> Result<UseList> {
        let max = toc.entries().map(|entry| entry.dump_id().0).max().unwrap_or(0);
        let mut list = UseList { listed: vec![false; toc.len()], ..UseList::default() };
        let mut line = Vec::new();
        while read_line(&mut input, &mut line)? {
            let cut = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let id = match parse(cut) {
                Line::Nothing => continue,
                Line::Id(id) if (1..=i64::from(max)).contains(&id) => DumpId(id as i32),
                Line::Id(_) | Line::Junk => {
                    list.ignored.push(cut.to_vec());
                    continue;
                }
            };
            let Some(entry) = toc.entry(id) else {
                let name = || EntryName { dump_id: id.0, name: String::new() };
                return Err(Error::not_found("an entry of the list was").in_entry(name));
            };
            if std::mem::replace(&mut list.listed[entry.index()], true) {
                list.ignored.push(cut.to_vec());
            } else {
                list.places.push(entry.index() as u32);
            }
        }
        Ok(list)
    }

    /// The lines that were ignored, without their comments: no number, no number of this archive,
    /// or one that was there before. Worth a warning.
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

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let data = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            data => data?,
        };
        if data.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = data.iter().position(|byte| *byte == b'\n');
        let n = end.unwrap_or(data.len());
        let room = LONGEST.saturating_sub(line.len());
        line.extend_from_slice(&data[..n.min(room)]);
        input.consume(end.map_or(n, |end| end + 1));
        if end.is_some() {
            return Ok(true);
        }
    }
}

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

    #[test]
    fn reads_any_line_length() {
        let mut text = vec![b'x'; 1 << 20];
        text.extend_from_slice(b"\n5\n\n6");
        let (mut input, mut line) = (&text[..], Vec::new());
        let mut lines = Vec::new();
        while read_line(&mut input, &mut line).unwrap() {
            lines.push(line.len());
        }
        assert_eq!(lines, [LONGEST, 1, 0, 1]);
    }
}
