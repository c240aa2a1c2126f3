//! Which character the bytes of an encoding are, as the server's own conversions say it.
//!
//! The tables are those of the crate `encoding_rs`, which are the browsers'. Where PostgreSQL's own
//! (`src/backend/utils/mb/Unicode`) have another character, or none, [`overrides`](super::overrides)
//! has it. `tests/live.rs` compares all of them with a server's.

use std::borrow::Cow;
use std::fmt;

use super::Encoding;

/// How bytes of an encoding become characters.
#[derive(Clone, Copy)]
enum Table {
    /// It is UTF-8, or it may be.
    Unicode,
    /// The byte is the number of the character, except for these.
    Latin(&'static [(u8, char)]),
    #[cfg(feature = "encodings")]
    Other(super::overrides::Tables),
    /// Nothing is known but ASCII.
    Unknown,
}

/// An encoding, with what it takes to turn many texts into UTF-8.
pub(crate) struct Decoder {
    encoding: Encoding,
    table: Table,
    /// The characters of the bytes from 80 on, if each of them is one.
    high: Option<Box<[Option<char>]>>,
}

impl Decoder {
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether texts are UTF-8 already, or no texts.
    pub(crate) fn is_unicode(&self) -> bool {
        matches!(self.table, Table::Unicode)
    }

    /// Appends the text in UTF-8. `None` if it is not text in the encoding, or has characters that
    /// are not known; then a part of it was appended.
    pub(crate) fn decode(&self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        if self.is_unicode() {
            out.extend_from_slice(std::str::from_utf8(text).ok()?.as_bytes());
            return Some(());
        }
        let mut rest = text;
        while let Some(first) = rest.first() {
            if first.is_ascii() {
                let len = rest.iter().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
                out.extend_from_slice(&rest[..len]);
                rest = &rest[len..];
                continue;
            }
            let (c, len) = match &self.high {
                Some(high) => (high.get(usize::from(first & 0x7F)).copied().flatten()?, 1),
                None => self.encoding.first(self.table, rest)?,
            };
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[len..];
        }
        Some(())
    }

    /// The text in UTF-8, with U+FFFD for each byte that is no part of a character.
    pub(crate) fn decode_lossy(&self, text: &[u8], out: &mut Vec<u8>) {
        let _ = self.encoding.pieces(text, |piece| {
            out.extend_from_slice(piece.unwrap_or("\u{fffd}").as_bytes());
            Ok(())
        });
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decoder").field(&self.encoding).finish()
    }
}

/// What ISO-8859-9 has otherwise than ISO-8859-1. The label of that name is windows-1254 to
/// browsers.
const LATIN5: &[(u8, char)] =
    &[(0xD0, 'Ğ'), (0xDD, 'İ'), (0xDE, 'Ş'), (0xF0, 'ğ'), (0xFD, 'ı'), (0xFE, 'ş')];

impl Encoding {
    fn table(self) -> Table {
        match self.name {
            "UTF8" | "SQL_ASCII" => Table::Unicode,
            "LATIN1" => Table::Latin(&[]),
            "LATIN5" => Table::Latin(LATIN5),
            #[cfg(feature = "encodings")]
            name => super::overrides::Tables::find(name).map_or(Table::Unknown, Table::Other),
            #[cfg(not(feature = "encodings"))]
            _ => Table::Unknown,
        }
    }

    /// Whether this build knows the characters of the encoding.
    pub fn has_characters(self) -> bool {
        !matches!(self.table(), Table::Unknown)
    }

    /// The text in Unicode; `None` if it is not text in this encoding, or has characters that are
    /// not known.
    pub fn decode(self, text: &[u8]) -> Option<Cow<'_, str>> {
        let table = self.table();
        if text.is_ascii() || matches!(table, Table::Unicode) {
            return std::str::from_utf8(text).ok().map(Cow::Borrowed);
        }
        let mut out = String::with_capacity(text.len() * 2);
        let mut rest = text;
        while !rest.is_empty() {
            let (c, len) = self.first(table, rest)?;
            out.push(c);
            rest = &rest[len..];
        }
        Some(Cow::Owned(out))
    }

    /// What turns many texts into UTF-8.
    pub(crate) fn decoder(self) -> Decoder {
        let table = self.table();
        let is_single = matches!(table, Table::Latin(_)) || self.is_single();
        let high = (is_single && !matches!(table, Table::Unicode | Table::Unknown)).then(|| {
            let of = |byte: u8| self.first(table, &[byte]).map(|(c, _)| c);
            (0x80..=0xFF).map(of).collect()
        });
        Decoder { encoding: self, table, high }
    }

    /// The text in Unicode, with U+FFFD for each byte that is no part of a character, or of one that
    /// is not known.
    pub fn decode_lossy(self, text: &[u8]) -> String {
        let mut out = String::with_capacity(text.len());
        let _ = self.pieces(text, |piece| {
            out.push_str(piece.unwrap_or("\u{fffd}"));
            Ok(())
        });
        out
    }

    /// Text in this encoding; `None` if the encoding does not have all of its characters, or they
    /// are not known.
    pub fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        let table = self.table();
        if text.is_ascii() || matches!(table, Table::Unicode) {
            return Some(Cow::Owned(text.as_bytes().to_vec()));
        }
        let mut out = Vec::with_capacity(text.len());
        for c in text.chars() {
            self.put(table, c, &mut out)?;
        }
        Some(Cow::Owned(out))
    }

    /// A text in UTF-8 brought into this encoding. `None` where that makes no difference, where it
    /// is not UTF-8, and where [`encode`](Self::encode) cannot do it.
    pub fn translate(self, text: &[u8]) -> Option<Vec<u8>> {
        if text.is_ascii() || matches!(self.table(), Table::Unicode) {
            return None;
        }
        self.encode(std::str::from_utf8(text).ok()?).map(Cow::into_owned)
    }

    /// Calls `take` with pieces of text in Unicode, and with each byte that is no part of a
    /// character.
    pub(crate) fn pieces(
        self,
        text: &[u8],
        mut take: impl FnMut(Result<&str, u8>) -> fmt::Result,
    ) -> fmt::Result {
        let table = self.table();
        if text.is_ascii() || matches!(table, Table::Unicode) {
            for chunk in text.utf8_chunks() {
                take(Ok(chunk.valid()))?;
                chunk.invalid().iter().try_for_each(|byte| take(Err(*byte)))?;
            }
            return Ok(());
        }
        let mut rest = text;
        while let Some(first) = rest.first() {
            let len = match self.first(table, rest) {
                Some((c, len)) => {
                    take(Ok(c.encode_utf8(&mut [0; 4])))?;
                    len
                }
                None => {
                    take(Err(*first))?;
                    1
                }
            };
            rest = &rest[len..];
        }
        Ok(())
    }

    /// The character that a text begins with, and its length.
    fn first(self, table: Table, text: &[u8]) -> Option<(char, usize)> {
        let first = *text.first()?;
        if first.is_ascii() {
            return Some((first as char, 1));
        }
        let len = self.character(text)?;
        let bytes = text.get(..len)?;
        let c = match table {
            Table::Unicode => std::str::from_utf8(bytes).ok()?.chars().next()?,
            Table::Latin(others) => {
                let other = others.iter().find(|(byte, _)| *byte == first);
                other.map_or(first as char, |(_, c)| *c)
            }
            #[cfg(feature = "encodings")]
            Table::Other(tables) => tables.character(bytes)?,
            Table::Unknown => return None,
        };
        Some((c, len))
    }

    /// Appends a character.
    fn put(self, table: Table, c: char, out: &mut Vec<u8>) -> Option<()> {
        if c.is_ascii() {
            out.push(c as u8);
            return Some(());
        }
        match table {
            Table::Unicode => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Table::Latin(others) => match others.iter().find(|(_, other)| *other == c) {
                Some((byte, _)) => out.push(*byte),
                None => {
                    let byte = u8::try_from(u32::from(c)).ok()?;
                    if others.iter().any(|(other, _)| *other == byte) {
                        return None;
                    }
                    out.push(byte);
                }
            },
            #[cfg(feature = "encodings")]
            Table::Other(tables) => {
                let bytes = tables.bytes(c)?;
                // The server refuses some of what it writes itself.
                if self.character(&bytes) != Some(bytes.len()) {
                    return None;
                }
                out.extend_from_slice(&bytes);
            }
            Table::Unknown => return None,
        }
        Some(())
    }
}
