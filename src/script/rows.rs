//! COPY data without the line that ends it.

use crate::error::Result;

/// The line that ends COPY data in an archive, as psql and the server take it.
const END: &[u8] = b"\\.\r\n";

/// Finds the end of COPY data that comes in pieces.
#[derive(Debug)]
pub(super) struct Rows {
    /// How much of `END` the present line has; `None` if something else stands in it.
    matched: Option<usize>,
    ended: bool,
}

impl Rows {
    pub(super) fn new() -> Self {
        Rows { matched: Some(0), ended: false }
    }

    /// Hands on what of a piece is rows, until `take` wants no more.
    pub(super) fn piece(
        &mut self,
        piece: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<bool>,
    ) -> Result<bool> {
        if self.ended {
            return Ok(true);
        }
        // The beginning of `END` that earlier pieces had, and that was not handed on.
        let mut held = self.matched.unwrap_or(0);
        let mut at = 0;
        while at < piece.len() {
            match (self.matched, piece[at]) {
                (Some(2 | 3), b'\n') => {
                    self.ended = true;
                    break;
                }
                (Some(n), byte) if byte == END[n] => self.matched = Some(n + 1),
                (_, byte) => {
                    self.matched = (byte == b'\n').then_some(0);
                    if held > 0 && !take(&END[..held])? {
                        return Ok(false);
                    }
                    held = 0;
                    if byte != b'\n' {
                        at += piece[at..].iter().take_while(|byte| **byte != b'\n').count();
                        continue;
                    }
                }
            }
            at += 1;
        }
        let new = self.matched.unwrap_or(0) - held;
        let end = if self.ended { at } else { piece.len() } - new;
        if end == 0 { Ok(true) } else { take(&piece[..end]) }
    }

    /// Hands on what was held back: the data ends, and it was no end of rows.
    pub(super) fn finish(&self, take: &mut dyn FnMut(&[u8]) -> Result<bool>) -> Result<bool> {
        match self.matched {
            Some(1) if !self.ended => take(&END[..1]),
            _ => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(data: &[u8], at: &[usize]) -> Vec<u8> {
        let mut found = Vec::new();
        let mut rows = Rows::new();
        let mut take = |piece: &[u8]| {
            assert!(!piece.is_empty());
            found.extend_from_slice(piece);
            Ok(true)
        };
        let mut start = 0;
        for end in at.iter().copied().chain([data.len()]) {
            rows.piece(&data[start..end], &mut take).unwrap();
            start = end;
        }
        rows.finish(&mut take).unwrap();
        found
    }

    #[test]
    fn rows_end_where_the_server_ends_them() {
        for (data, expected) in [
            ("1\ta\n2\tb\n\\.\n\n\n", "1\ta\n2\tb\n"),
            ("\\.\n\n\n", ""),
            ("\\.\r\n\n\n", ""),
            ("\\.", ""),
            ("", ""),
            ("a\n\\", "a\n\\"),
            ("a\n\\N\n\\.x\n\\\\.\n\\.\nDROP", "a\n\\N\n\\.x\n\\\\.\n"),
            ("a\\.\n\n\\.\n", "a\\.\n\n"),
            ("\\\\.\n\\.\rx\n\\\n\\.\n", "\\\\.\n\\.\rx\n\\\n"),
            ("no end\n", "no end\n"),
        ] {
            let data = data.as_bytes();
            for first in 0..=data.len() {
                for second in first..=data.len() {
                    let found = rows(data, &[first, second]);
                    assert_eq!(found, expected.as_bytes(), "{first} {second}");
                }
            }
            let all: Vec<_> = (0..data.len()).collect();
            assert_eq!(rows(data, &all), expected.as_bytes());
        }
    }
}
