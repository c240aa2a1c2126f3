//! Names of a mapping in the encoding of the archive.

use std::collections::BTreeMap;

use super::{Database, Mapping};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::text::Printable;
use crate::toc::{Desc, Toc, TocEntry};

type Names = BTreeMap<Vec<u8>, Vec<u8>>;

impl Mapping {
    /// The mapping as it is for an archive: old names are what its entries have, either the bytes
    /// or what they are in UTF-8; new ones are in its encoding.
    ///
    /// # Errors
    ///
    /// A new name that the encoding does not have, or is not text in it; a new name for the database of
    /// an archive without one.
    pub(in crate::adapt) fn in_encoding_of(&self, toc: &Toc) -> Result<Mapping> {
        let owner = |entry: TocEntry<'_>, name: &[u8]| entry.owner() == Some(name);
        let tablespace = |entry: TocEntry<'_>, name: &[u8]| entry.tablespace() == Some(name);
        let schema = |entry: TocEntry<'_>, name: &[u8]| {
            entry.namespace() == Some(name)
                || entry.desc() == Desc::SCHEMA && entry.tag() == Some(name)
        };
        Ok(Mapping {
            owners: in_encoding_of(toc, &self.owners, owner)?,
            tablespaces: in_encoding_of(toc, &self.tablespaces, tablespace)?,
            schemas: in_encoding_of(toc, &self.schemas, schema)?,
            database: self.database.of(toc)?,
        })
    }
}

impl Database {
    fn of(&self, toc: &Toc) -> Result<Database> {
        if self.is_empty() {
            return Ok(Database::default());
        }
        let entry = toc.entries().find(|entry| entry.desc() == Desc::DATABASE);
        let Some(old) = entry.and_then(|entry| entry.tag()) else {
            return Err(Error::usage("the archive has no database that could be created"));
        };
        let encoding = toc.text_encoding();
        let name =
            |name: &Option<Vec<u8>>| name.as_ref().map(|name| written(name, encoding)).transpose();
        Ok(Database {
            old: old.to_vec(),
            new: name(&self.new)?,
            template: name(&self.template)?,
            tablespace: name(&self.tablespace)?,
        })
    }
}

fn in_encoding_of(
    toc: &Toc,
    names: &Names,
    has: impl Fn(TocEntry<'_>, &[u8]) -> bool,
) -> Result<Names> {
    let encoding = toc.text_encoding();
    let old_name = |old: &[u8]| match encoding.translate(old) {
        Some(translated) if !toc.entries().any(|entry| has(entry, old)) => translated,
        _ => old.to_vec(),
    };
    names.iter().map(|(old, new)| Ok((old_name(old), written(new, encoding)?))).collect()
}

/// A name as it is written into an archive.
fn written(name: &[u8], encoding: Encoding) -> Result<Vec<u8>> {
    if name.is_ascii() || encoding == Encoding::SQL_ASCII {
        return Ok(name.to_vec());
    }
    let shown = Printable::new(name, Encoding::UTF8);
    match std::str::from_utf8(name) {
        Ok(text) if encoding.has_characters() => match encoding.encode(text) {
            Some(bytes) => Ok(bytes.into_owned()),
            None => Err(Error::usage(format!(
                "the new name \"{shown}\" has characters that {encoding}, the encoding of the \
                 archive, does not have"
            ))),
        },
        Ok(_) => Err(Error::usage(format!(
            "the new name \"{shown}\" cannot be brought into {encoding}, the encoding of the \
             archive; give its bytes"
        ))),
        // They may be meant for the archive as they are.
        Err(_) if encoding.is_valid(name) => Ok(name.to_vec()),
        Err(_) => Err(Error::usage(format!(
            "the new name \"{shown}\" is neither UTF-8 nor {encoding}, the encoding of the archive"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_are_in_the_encoding_or_refused() {
        let written = |name: &[u8], encoding: &str| {
            let encoding = Encoding::find(encoding.as_bytes()).unwrap();
            written(name, encoding).map_err(|error| error.to_string())
        };
        for (name, encoding, bytes) in [
            (&b"plain"[..], "EUC_TW", &b"plain"[..]),
            ("größe".as_bytes(), "UTF8", "größe".as_bytes()),
            ("größe".as_bytes(), "SQL_ASCII", "größe".as_bytes()),
            ("größe".as_bytes(), "LATIN1", b"gr\xf6\xdfe"),
            (b"gr\xf6\xdfe", "LATIN1", b"gr\xf6\xdfe"),
            (b"\xc4\xe3", "EUC_TW", b"\xc4\xe3"),
        ] {
            assert_eq!(written(name, encoding).as_deref(), Ok(bytes), "{encoding}");
        }
        for (name, encoding, what) in [
            ("€".as_bytes(), "LATIN1", "LATIN1, the encoding of the archive, does not have"),
            ("你".as_bytes(), "EUC_TW", "cannot be brought into EUC_TW"),
            (b"gr\xf6\xdfe", "UTF8", "neither UTF-8 nor UTF8"),
            (b"\xc4", "EUC_TW", "neither UTF-8 nor EUC_TW"),
        ] {
            let error = written(name, encoding).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }
}
