//! The entries that set up the session of a restore: ENCODING, STDSTRINGS and SEARCHPATH.
//!
//! `processEncodingEntry`, `processStdStringsEntry` and `processSearchPathEntry` of
//! `pg_backup_archiver.c`. Where several of a kind exist the last one counts.

use super::{Desc, Toc, TocEntry};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::text::{Printable, shown};

impl Toc {
    fn last_of(&self, desc: Desc<'_>) -> Option<TocEntry<'_>> {
        let desc = self.shared.find(desc.as_bytes())?;
        self.entries().rfind(|entry| entry.common().desc == desc)
    }

    /// The encoding of names, SQL and data, by PostgreSQL's name for it, for example `UTF8`.
    /// `None` if the archive does not say: then it is `SQL_ASCII`, bytes without a meaning.
    ///
    /// # Errors
    ///
    /// An ENCODING entry without a name in quotes.
    pub fn encoding(&self) -> Result<Option<&[u8]>> {
        let Some(entry) = self.last_of(Desc::ENCODING) else {
            return Ok(None);
        };
        quoted(entry.defn().unwrap_or_default()).map(Some).ok_or_else(|| invalid(entry))
    }

    /// The encoding of names, SQL and data. It is [`Encoding::SQL_ASCII`] if the archive names an
    /// unknown encoding.
    pub fn text_encoding(&self) -> Encoding {
        *self.text_encoding.get_or_init(|| {
            // Not `encoding`: its error names the entry, in the encoding that is asked for.
            let defn = self.last_of(Desc::ENCODING).and_then(|entry| entry.defn());
            defn.and_then(quoted).and_then(Encoding::find).unwrap_or(Encoding::SQL_ASCII)
        })
    }

    /// Displays a text of this table of contents safely.
    pub fn printable<'a>(&self, text: &'a [u8]) -> Printable<'a> {
        Printable::new(text, self.text_encoding())
    }

    /// Whether a backslash in a string literal of the archive's SQL is just a backslash
    /// (`standard_conforming_strings`).
    ///
    /// # Errors
    ///
    /// A STDSTRINGS entry with something else than `'on'` or `'off'`.
    pub fn std_strings(&self) -> Result<bool> {
        let Some(entry) = self.last_of(Desc::STDSTRINGS) else {
            return Ok(false);
        };
        let defn = entry.defn().unwrap_or_default();
        let quoted = defn.iter().position(|byte| *byte == b'\'').map_or(&b""[..], |at| &defn[at..]);
        if quoted.starts_with(b"'on'") {
            Ok(true)
        } else if quoted.starts_with(b"'off'") {
            Ok(false)
        } else {
            Err(invalid(entry))
        }
    }

    /// The statement that sets the search path of a restore, if the archive has one.
    pub fn search_path(&self) -> Option<&[u8]> {
        self.last_of(Desc::SEARCHPATH)?.defn()
    }
}

/// What stands in the first quotes.
fn quoted(defn: &[u8]) -> Option<&[u8]> {
    let mut parts = defn.splitn(3, |byte| *byte == b'\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(name), Some(_)) => Some(name),
        _ => None,
    }
}

fn invalid(entry: TocEntry<'_>) -> Error {
    let defn = shown(entry.defn().unwrap_or_default());
    Error::malformed(format!("invalid {} entry: {defn}", entry.desc())).in_entry(|| entry.name())
}
