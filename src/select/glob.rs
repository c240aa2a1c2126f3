//! Text with wildcards and quotes, as psql and pg_dump read it.

use crate::encoding::Encoding;

/// The bytes that stand outside double quotes, with their places.
pub(super) fn unquoted(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut quoted = false;
    text.iter().copied().enumerate().filter(move |(_, byte)| {
        quoted ^= *byte == b'"';
        !quoted && *byte != b'"'
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// One character.
    One,
    /// Any number of characters.
    Any,
}

/// A pattern with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    pieces: Vec<Piece>,
    encoding: Encoding,
}

impl Glob {
    /// `fold`: letters outside quotes are lower case, and the quotes themselves nothing.
    pub(super) fn new(text: &[u8], fold: bool, encoding: Encoding) -> Glob {
        let mut pieces = Vec::with_capacity(text.len());
        let mut quoted = false;
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            let mut len = 1;
            match byte {
                b'"' if quoted && after.first() == Some(&b'"') => {
                    len = 2;
                    pieces.push(Piece::Byte(b'"'));
                }
                b'"' if fold => quoted = !quoted,
                b'*' if !quoted => pieces.push(Piece::Any),
                b'?' if !quoted => pieces.push(Piece::One),
                _ if byte.is_ascii() && fold && !quoted => {
                    pieces.push(Piece::Byte(byte.to_ascii_lowercase()));
                }
                _ => {
                    // Parts of other characters may be letters, too.
                    len = character(rest, encoding);
                    pieces.extend(rest[..len].iter().map(|byte| Piece::Byte(*byte)));
                }
            }
            rest = &rest[len..];
        }
        Glob { pieces, encoding }
    }

    /// A text as it is.
    pub(super) fn literally(text: &[u8], encoding: Encoding) -> Glob {
        Glob { pieces: text.iter().map(|byte| Piece::Byte(*byte)).collect(), encoding }
    }

    /// The same with arguments behind it, whatever they are.
    pub(super) fn with_any_arguments(mut self) -> Glob {
        self.pieces.extend([Piece::Byte(b'('), Piece::Any, Piece::Byte(b')')]);
        self
    }

    /// The same behind the name of a table, whatever that is.
    pub(super) fn behind_any_table(mut self) -> Glob {
        self.pieces.splice(0..0, [Piece::Any, Piece::Byte(b' ')]);
        self
    }

    /// The same with another one behind it.
    pub(super) fn with(mut self, other: Glob) -> Glob {
        self.pieces.extend(other.pieces);
        self
    }

    /// The only text that it matches, if there is no wildcard in it.
    pub(super) fn literal(&self) -> Option<Vec<u8>> {
        let byte = |piece: &Piece| match piece {
            Piece::Byte(byte) => Some(*byte),
            Piece::One | Piece::Any => None,
        };
        self.pieces.iter().map(byte).collect()
    }

    /// In time of at most both lengths multiplied: going back to the last `*` is enough.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let (mut piece, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let step = match self.pieces.get(piece) {
                Some(Piece::Any) => {
                    retry = Some((piece + 1, at));
                    piece += 1;
                    continue;
                }
                Some(Piece::Byte(byte)) if text.get(at) == Some(byte) => 1,
                Some(Piece::One) if at < text.len() => character(&text[at..], self.encoding),
                None if at == text.len() => return true,
                _ => 0,
            };
            if step > 0 {
                piece += 1;
                at += step;
                continue;
            }
            match retry {
                Some((after, from)) if from < text.len() => {
                    let next = from + character(&text[from..], self.encoding);
                    (piece, at) = (after, next);
                    retry = Some((after, next));
                }
                _ => return false,
            }
        }
    }
}

/// Length of the character that a text begins with. What is none is a byte.
fn character(text: &[u8], encoding: Encoding) -> usize {
    // Bytes without a meaning are UTF-8 more often than not.
    let encoding = if encoding == Encoding::SQL_ASCII { Encoding::UTF8 } else { encoding };
    match text.first() {
        Some(first) if !first.is_ascii() => encoding.character(text).unwrap_or(1),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters, and what else is a letter in ASCII, inside other characters.
    #[test]
    fn characters_are_not_taken_apart() {
        let sjis = Encoding::find(b"SJIS").unwrap();
        let latin1 = Encoding::find(b"LATIN1").unwrap();
        for (text, encoding, name, expected) in [
            (&b"\x83A\x83B"[..], sjis, &b"\x83A\x83B"[..], true),
            (b"\x83A?", sjis, b"\x83A\x83B", true),
            (b"?\x83B", sjis, b"\x83A\x83B", true),
            (b"*B", sjis, b"\x83A\x83B", false),
            (b"\xc4?", latin1, b"\xc4\xd6", true),
            ("t?n".as_bytes(), Encoding::UTF8, "tün".as_bytes(), true),
            ("t?n".as_bytes(), Encoding::SQL_ASCII, "tün".as_bytes(), true),
            (b"t?n", Encoding::UTF8, b"t\xfcn", true),
        ] {
            assert_eq!(Glob::new(text, true, encoding).matches(name), expected, "{text:x?}");
        }
    }
}
