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
