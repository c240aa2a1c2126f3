//! A row that is too long to be held in memory: looked at in pieces, without its values.

use super::rows::has_zero;
use crate::text::Encoding;

/// What a server takes of one line of COPY: less than `MaxAllocSize` of `memutils.h`.
const MOST: u64 = 0x3fff_fffe;

/// Bytes of a character that are kept for the next piece, at most. So many without an end of a
/// character that is sure are not checked.
const KEPT: usize = 64 << 10;

/// A row of which some pieces were seen.
#[derive(Debug)]
pub(super) struct LongRow {
    encoding: Encoding,
    pub(super) len: u64,
    /// Fields that have ended.
    tabs: usize,
    /// Whether the next byte belongs to a backslash.
    escaped: bool,
    zero: bool,
    invalid: bool,
    /// The end of the last piece, which may be the beginning of a character.
    kept: Vec<u8>,
}

impl LongRow {
    /// A backslash is never a part of a character in the encoding.
    pub(super) fn new(encoding: Encoding) -> Self {
        LongRow {
            encoding,
            len: 0,
            tabs: 0,
            escaped: false,
            zero: false,
            invalid: false,
            kept: Vec::new(),
        }
    }

    /// Takes a piece. If the row ends in it, says where the next one begins.
    pub(super) fn take(&mut self, piece: &[u8]) -> Option<usize> {
        let mut end = None;
        for (at, byte) in piece.iter().enumerate() {
            if std::mem::take(&mut self.escaped) {
                continue;
            }
            match byte {
                b'\\' => self.escaped = true,
                b'\t' => self.tabs += 1,
                b'\n' => {
                    end = Some(at + 1);
                    break;
                }
                _ => {}
            }
        }
        let row = &piece[..end.map_or(piece.len(), |end| end - 1)];
        self.len += row.len() as u64;
        self.zero |= has_zero(row);
        self.check(row, end.is_some());
        end
    }

    fn check(&mut self, piece: &[u8], last: bool) {
        if self.kept.is_empty() && (piece.is_ascii() || self.encoding == Encoding::SQL_ASCII) {
            return;
        }
        self.kept.extend_from_slice(piece);
        // Where a character surely begins.
        let begins = |byte: &u8| match self.encoding {
            Encoding::UTF8 => *byte & 0xc0 != 0x80,
            _ => *byte < b'0',
        };
        let end = match self.kept.iter().rposition(begins) {
            _ if last => self.kept.len(),
            Some(end) => end,
            None if self.kept.len() > KEPT => return self.kept.clear(),
            None => return,
        };
        self.invalid |= !self.encoding.is_valid(&self.kept[..end]);
        self.kept.drain(..end);
    }

    /// How many fields it has.
    pub(super) fn fields(&self) -> usize {
        self.tabs + 1
    }

    /// What is wrong with its text, once it has ended.
    pub(super) fn wrong(&self) -> Option<String> {
        if self.zero {
            return Some("a zero byte".to_owned());
        }
        if self.invalid {
            return Some(format!("not valid {}", self.encoding.name()));
        }
        let is_long = self.len > MOST;
        is_long.then(|| format!("{} bytes, and a server takes less than 1 GiB", self.len))
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::wrong_text;
    use super::*;

    /// However a row is cut, it is the same.
    #[test]
    fn pieces() {
        for (row, fields, wrong) in [
            (&b"1\tgr\xc3\xb6\xc3\x9fer\\\tx\t\\\\\ty\\\nz"[..], 4, None),
            ("日本語\t\u{1f600}".as_bytes(), 2, None),
            (b"a\tb\xc3\tc", 3, Some("not valid UTF8")),
            (b"a\xc3", 1, Some("not valid UTF8")),
            (b"\x80\x80", 1, Some("not valid UTF8")),
            (b"a\0b", 1, Some("a zero byte")),
        ] {
            let line = [row, b"\nnext"].concat();
            for size in 1..=line.len() {
                let mut long = LongRow::new(Encoding::UTF8);
                let mut end = None;
                for (n, piece) in line.chunks(size).enumerate() {
                    end = long.take(piece).map(|end| n * size + end);
                    if end.is_some() {
                        break;
                    }
                }
                assert_eq!(end, Some(row.len() + 1), "{size}");
                assert_eq!((long.fields(), long.wrong().as_deref()), (fields, wrong), "{size}");
                assert_eq!(long.len, row.len() as u64);
                assert_eq!(wrong_text(row, Encoding::UTF8).map(|(_, what)| what), long.wrong());
            }
        }
    }
}
