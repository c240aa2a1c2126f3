//! Where in a window of COPY text rows and fields end.
//!
//! One pass looks at 64 bytes at a time for those that can mean something: TAB, line ends, and
//! the backslash. The rules are those of `CopyReadLineText` and `CopyReadAttributesText` in
//! `copyfromparse.c`.

use std::borrow::Cow;

use super::batch::Batch;
use crate::encoding::Encoding;

/// What ends a row. The first row decides, as in the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Lf,
    CrLf,
    Cr,
}

/// What is known of the text between two windows.
#[derive(Debug)]
pub(super) struct Index {
    line_end: Option<LineEnd>,
    /// The encoding, if a backslash may be the second byte of a character in it.
    trail: Option<Encoding>,
    /// Whether the text must end with an end marker. Otherwise the last row needs no line end.
    marked: bool,
}

/// Why an index ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The rest is no whole row yet.
    Rest,
    /// The line of the end marker, and where the next would begin.
    Marker(usize),
    /// This is no COPY text.
    Fault { at: usize, what: Cow<'static, str> },
}

/// The row that is being read.
struct Row {
    start: usize,
    /// Bytes before are known not to separate anything.
    skip: usize,
    /// Up to where characters were walked, in an encoding with [`Index::trail`].
    walked: usize,
    escaped: bool,
}

impl Row {
    fn at(start: usize) -> Row {
        Row { start, skip: start, walked: start, escaped: false }
    }
}

impl Index {
    pub(super) fn new(encoding: Encoding, marked: bool) -> Index {
        let trail = encoding.has_backslash_trails().then_some(encoding);
        Index { line_end: None, trail, marked }
    }

    /// Finds the rows in `batch.bytes[..len]`, the first byte of which is at `offset` of the data.
    /// Says where the first byte behind the last row is, and why there is no other row. `last`: no
    /// more bytes will come.
    pub(super) fn rows(
        &mut self,
        batch: &mut Batch,
        len: usize,
        offset: u64,
        last: bool,
    ) -> (usize, Stop) {
        // The batch gets places while its bytes are read.
        let bytes = std::mem::take(&mut batch.bytes);
        let found = self.walk(&bytes[..len], batch, offset, last);
        batch.bytes = bytes;
        batch.forget_fields();
        found
    }

    /// How many rows there are in a text of whole rows, if that can be told without a look at each
    /// of them: there is no end marker in it, and nothing is escaped in a way that `pg_dump` does
    /// not write.
    pub(super) fn plain_rows(&self, text: &[u8]) -> Option<u64> {
        if self.line_end != Some(LineEnd::Lf) || self.trail.is_some() {
            return None;
        }
        count_plain_rows(text)
    }

    fn walk(&mut self, text: &[u8], batch: &mut Batch, offset: u64, last: bool) -> (usize, Stop) {
        let mut row = Row::at(0);
        for (n, block) in text.chunks(BLOCK).enumerate() {
            let mut mask = special(block);
            while mask != 0 {
                let at = n * BLOCK + mask.trailing_zeros() as usize;
                mask &= mask - 1;
                if at < row.skip {
                    continue;
                }
                match text[at] {
                    b'\t' => {
                        batch.end_field(at, row.escaped);
                        row.escaped = false;
                        row.walked = row.walked.max(at + 1);
                    }
                    b'\\' => match self.backslash(text, at, &mut row, last) {
                        None => {}
                        Some(stop) => return (row.start, stop),
                    },
                    b'\n' | b'\r' => {
                        let next = match self.line_end(text, at, last) {
                            Ok(next) => next,
                            Err(stop) => return (row.start, stop),
                        };
                        batch.end_field(at, row.escaped);
                        batch.end_row(row.start, offset + row.start as u64);
                        row = Row::at(next);
                    }
                    _ => {}
                }
            }
        }
        if last && !self.marked && row.start < text.len() {
            batch.end_field(text.len(), row.escaped);
            batch.end_row(row.start, offset + row.start as u64);
            return (text.len(), Stop::Rest);
        }
        (row.start, Stop::Rest)
    }

    /// Where the next line begins.
    fn line_end(&mut self, text: &[u8], at: usize, last: bool) -> Result<usize, Stop> {
        let what = if text[at] == b'\n' {
            LineEnd::Lf
        } else {
            match text.get(at + 1) {
                Some(b'\n') => LineEnd::CrLf,
                None if !last => return Err(Stop::Rest),
                _ => LineEnd::Cr,
            }
        };
        if *self.line_end.get_or_insert(what) == what {
            return Ok(at + if what == LineEnd::CrLf { 2 } else { 1 });
        }
        let what = if text[at] == b'\n' { "newline" } else { "carriage return" };
        Err(fault(at, format!("literal {what} found in data")))
    }

    /// A backslash, which may be the end marker's, an escape's, or a part of a character.
    fn backslash(&mut self, text: &[u8], at: usize, row: &mut Row, last: bool) -> Option<Stop> {
        if let Some(encoding) = self.trail {
            while row.walked < at {
                row.walked += encoding.len_of_next(&text[row.walked..]);
            }
            if row.walked > at {
                return None;
            }
        }
        row.escaped = true;
        let rest = &text[at + 1..];
        let (digits, radix, most) = match rest.first() {
            None if last => return Some(fault(at, "the data ends in an escape")),
            None => return Some(Stop::Rest),
            Some(b'.') => return Some(self.end_marker(text, at, row.start, last)),
            Some(b'0'..=b'7') => (rest, 8, 3),
            Some(b'x') => (&rest[1..], 16, 2),
            Some(_) => (&rest[..0], 8, 0),
        };
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        let count = digits.iter().take(most).take_while(is_digit).count();
        if count == digits.len() && count < most && !last {
            return Some(Stop::Rest);
        }
        // As PostgreSQL does it: of three octal digits the low eight bits.
        let value = digits[..count].iter().fold(0_u32, |value, digit| {
            value * radix + char::from(*digit).to_digit(radix).unwrap_or_default()
        });
        if count > 0 && value & 0xFF == 0 {
            return Some(fault(at, "an escape stands for the byte 0, which no text has"));
        }
        row.skip = at + 2 + if radix == 16 { count } else { count.saturating_sub(1) };
        row.walked = row.skip;
        None
    }

    fn end_marker(&mut self, text: &[u8], at: usize, start: usize, last: bool) -> Stop {
        let alone = "end-of-copy marker is not alone on its line";
        if at != start {
            return fault(at, alone);
        }
        match text.get(at + 2) {
            None if !last => Stop::Rest,
            None => Stop::Marker(at + 2),
            // In no text that has a row has the marker another line end than they.
            Some(b'\n' | b'\r') => match self.line_end(text, at + 2, last) {
                Ok(next) => Stop::Marker(next),
                Err(stop) => stop,
            },
            Some(_) => fault(at, alone),
        }
    }
}

pub(super) fn fault(at: usize, what: impl Into<Cow<'static, str>>) -> Stop {
    Stop::Fault { at, what: what.into() }
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// A bit for each byte that may separate something. Other bytes between TAB and CR are rare enough.
fn special(block: &[u8]) -> u64 {
    let mut hits = [0_u8; BLOCK];
    if block.len() == BLOCK {
        // A loop of known length is what the compiler makes vectors of.
        for (hit, byte) in hits.iter_mut().zip(block) {
            *hit = u8::from(byte.wrapping_sub(b'\t') <= b'\r' - b'\t') | u8::from(*byte == b'\\');
        }
    } else {
        for (hit, byte) in hits.iter_mut().zip(block) {
            *hit = u8::from(matches!(byte, b'\t'..=b'\r' | b'\\'));
        }
    }
    let (words, _) = hits.as_chunks::<8>();
    words.iter().enumerate().fold(0, |mask, (n, word)| {
        // Brings the lowest bit of each of eight bytes into the highest byte.
        let bits = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask | bits << (8 * n)
    })
}

/// Counts the line ends in a text, unless there is an escape in it that `pg_dump` does not write in
/// a row. The end marker and a line end behind a backslash are such, too. Behind several backslashes
/// in a row an escape may be taken for one.
fn count_plain_rows(text: &[u8]) -> Option<u64> {
    let at = |n: Option<usize>| n.and_then(|n| text.get(n)).copied();
    let (mut rows, mut strange) = (0, 0);
    // In between each byte has its neighbours, and many are looked at together.
    let first = text.len().min(2);
    let last = text.len().saturating_sub(1).max(first);
    for n in (0..first).chain(last..text.len()) {
        // What stands in front of the text is a line end.
        let [second, before] = [2, 1].map(|back| at(n.checked_sub(back)).unwrap_or(b'\n'));
        rows += u64::from(text[n] == b'\n');
        strange |= is_strange(second, before, text[n], at(Some(n + 1)).unwrap_or_default());
    }
    let mut from = first;
    while from < last {
        let len = (last - from).min(128);
        let [second, before, byte, next] = [0, 1, 2, 3].map(|n| &text[from - 2 + n..][..len]);
        let (mut lines, mut met) = (0_u8, 0_u8);
        for n in 0..len {
            lines += u8::from(byte[n] == b'\n');
            met |= is_strange(second[n], before[n], byte[n], next[n]);
        }
        rows += u64::from(lines);
        strange |= met;
        from += len;
    }
    (strange == 0).then_some(rows)
}

/// Whether a byte begins an escape that `pg_dump` does not write. Without branches, so that the
/// compiler can look at many bytes at once.
#[inline(always)]
fn is_strange(second: u8, before: u8, byte: u8, next: u8) -> u8 {
    let usual = b"bfnrtvN\\".iter().fold(0, |any, usual| any | u8::from(next == *usual));
    let escaped = u8::from(before == b'\\') & u8::from(second != b'\\');
    u8::from(byte == b'\\') & (usual ^ 1) & (escaped ^ 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_rows_are_counted() {
        for (text, rows) in [
            ("", Some(0)),
            ("\n", Some(1)),
            ("a\tb\n\n", Some(2)),
            ("\\N\t\\\\\n\\b\\f\\n\\r\\t\\v\n", Some(2)),
            ("\\\\x41\n", Some(1)),
            ("\\\\\n\n", Some(2)),
            ("\\x41\n", None),
            ("\\101\n", None),
            ("a\\\nb\n", None),
            ("a\\\\\\\nb\n", None),
            ("a\\\\\\x41\n", None),
            ("\\.\n", None),
            ("a\n\\.\n", None),
            ("\\", None),
        ] {
            // Wherever it stands among what is looked at together.
            for before in 0..300 {
                let mut whole = vec![b'x'; before];
                if before > 0 {
                    whole[before - 1] = b'\n';
                }
                whole.extend_from_slice(text.as_bytes());
                let rows = rows.map(|rows| rows + u64::from(before > 0));
                assert_eq!(count_plain_rows(&whole), rows, "{before} {text:?}");
            }
        }
    }
}
