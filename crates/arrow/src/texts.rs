//! Text in UTF-8, whatever the encoding of the archive is.

use std::borrow::Cow;

use pgdmp::text::Encoding;

/// How texts are turned into UTF-8.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts {
    encoding: Encoding,
    /// Whether texts are UTF-8 already, or no texts.
    is_unicode: bool,
    /// Whether U+FFFD stands for what is no character.
    lossy: bool,
}

impl Texts {
    pub(crate) fn new(encoding: Encoding, lossy: bool) -> Self {
        let is_unicode = [Encoding::UTF8, Encoding::SQL_ASCII].contains(&encoding);
        Texts { encoding, is_unicode, lossy }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Texts that are parts of others, which [`whole`](Self::whole) has turned into UTF-8.
    pub(crate) fn of_parts(self) -> Self {
        Texts { encoding: Encoding::UTF8, is_unicode: true, lossy: self.lossy }
    }

    /// The text in UTF-8; `None` if it is none.
    pub(crate) fn of<'t>(&self, text: &'t [u8]) -> Option<Cow<'t, str>> {
        match self.exact(text) {
            None if self.lossy => {
                Some(Cow::Owned(self.encoding.decode_lossy(text).replace('\0', "\u{fffd}")))
            }
            text => text,
        }
    }

    /// The same, without U+FFFD. No text of a server has a zero byte.
    pub(crate) fn exact<'t>(&self, text: &'t [u8]) -> Option<Cow<'t, str>> {
        match std::str::from_utf8(text) {
            _ if text.contains(&0) => None,
            Ok(text) if self.is_unicode || text.is_ascii() => Some(Cow::Borrowed(text)),
            _ if self.is_unicode => None,
            _ => Some(Cow::Owned(self.encoding.decode(text)?.into_owned())),
        }
    }

    /// A text with others in it, such as an array. What is UTF-8 already, or no text, is checked
    /// in its parts.
    pub(crate) fn whole<'t>(&self, text: &'t [u8]) -> Option<Cow<'t, [u8]>> {
        if self.is_unicode || text.is_ascii() {
            return Some(Cow::Borrowed(text));
        }
        Some(Cow::Owned(self.of(text)?.into_owned().into_bytes()))
    }

    /// A name, with U+FFFD for what is no character.
    pub(crate) fn name(&self, name: &[u8]) -> String {
        match self.exact(name) {
            Some(name) => name.into_owned(),
            None => self.encoding.decode_lossy(name),
        }
    }
}
