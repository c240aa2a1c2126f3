//! What a file is, by its first bytes, never by its name.
//!
//! `_discoverArchiveFormat` of `pg_backup_archiver.c` for archives; the rest is for the user who
//! gave something else.

use super::tar;
use crate::error::{Error, ErrorKind, NotAnArchive, Result};
use crate::toc::{Format, MAGIC};

/// Bytes that are enough to tell.
pub(crate) const LEN: usize = tar::BLOCK;

/// The format of an archive that begins with `start`, which is `LEN` bytes or the whole input.
pub(crate) fn detect(start: &[u8]) -> Result<Format> {
    if start.starts_with(MAGIC) {
        if crlf(start) {
            return Err(Error::new(ErrorKind::NotAnArchive(NotAnArchive::NewlinesTranslated)));
        }
        return Ok(Format::Custom);
    }
    if let Ok(block) = start.try_into()
        && tar::is_tar(block)
    {
        return Ok(Format::Tar);
    }
    Err(Error::new(ErrorKind::NotAnArchive(guess(start))))
}

/// Whether the newline that ends the ENCODING entry, which each archive since 7.4 begins with,
/// became two characters while its length did not.
fn crlf(start: &[u8]) -> bool {
    let Some(at) = start.windows(4).position(|window| window == b"';\r\n") else {
        return false;
    };
    let Some(set) = start[..at].windows(4).rposition(|window| window == b"SET ") else {
        return false;
    };
    // The length before the statement does not count the carriage return.
    let len = at + 3 - set;
    set.checked_sub(4).is_some_and(|p| start[p..set] == (len as u32).to_le_bytes())
}

fn guess(start: &[u8]) -> NotAnArchive {
    if start.is_empty() {
        return NotAnArchive::Empty;
    }
    if MAGIC.starts_with(start) {
        return NotAnArchive::TooShort;
    }
    let magics: [(&[u8], NotAnArchive); 13] = [
        (b"\x1f\x8b", NotAnArchive::Compressed("gunzip")),
        (b"\x28\xb5\x2f\xfd", NotAnArchive::Compressed("zstd -d")),
        (b"\x04\x22\x4d\x18", NotAnArchive::Compressed("lz4 -d")),
        (b"\xfd7zXZ\0", NotAnArchive::Compressed("xz -d")),
        (b"BZh", NotAnArchive::Compressed("bunzip2")),
        (b"PK\x03\x04", NotAnArchive::Other("a zip file")),
        (b"7z\xbc\xaf\x27\x1c", NotAnArchive::Other("a 7z file")),
        (b"SQLite format 3\0", NotAnArchive::Other("an SQLite database")),
        (b"-----BEGIN PGP", NotAnArchive::Other("a file encrypted with PGP")),
        (b"age-encryption.org", NotAnArchive::Other("a file encrypted with age")),
        (b"Salted__", NotAnArchive::Other("a file encrypted with openssl")),
        (b"\xff\xfe", NotAnArchive::Utf16),
        (b"\xfe\xff", NotAnArchive::Utf16),
    ];
    if let Some((_, what)) = magics.iter().find(|(magic, _)| start.starts_with(magic)) {
        return *what;
    }
    let contains = |text: &str| start.windows(text.len()).any(|window| window == text.as_bytes());
    if contains("-- PostgreSQL database cluster dump") {
        return NotAnArchive::ClusterDump;
    }
    if contains("-- PostgreSQL database dump") {
        return NotAnArchive::PlainDump;
    }
    if contains("-- MySQL dump") || contains("-- MariaDB dump") {
        return NotAnArchive::Other("a dump of MySQL");
    }
    if start.len() < 5 {
        return NotAnArchive::TooShort;
    }
    let text = start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 128..));
    if text { NotAnArchive::Other("a text file") } else { NotAnArchive::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(start: &[u8]) -> NotAnArchive {
        match detect(start).unwrap_err().into_kind() {
            ErrorKind::NotAnArchive(what) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_files_are_named() {
        assert_eq!(what(b""), NotAnArchive::Empty);
        assert_eq!(what(b"PGD"), NotAnArchive::TooShort);
        assert_eq!(what(b"ab"), NotAnArchive::TooShort);
        assert_eq!(what(b"\x1f\x8b\x08\0\0\0"), NotAnArchive::Compressed("gunzip"));
        assert_eq!(what(b"--\n-- PostgreSQL database dump\n--\n"), NotAnArchive::PlainDump);
        assert_eq!(what(b"\xef\xbb\xbf--\n-- PostgreSQL database dump\n"), NotAnArchive::PlainDump);
        assert_eq!(what(b"--\r\n-- PostgreSQL database cluster dump"), NotAnArchive::ClusterDump);
        assert_eq!(what(b"\xff\xfeP\0G\0D\0"), NotAnArchive::Utf16);
        assert_eq!(what(b"CREATE TABLE t ();\n"), NotAnArchive::Other("a text file"));
        assert_eq!(what(&[0; 600]), NotAnArchive::Unknown);
        assert_eq!(detect(b"PGDMP\x01\x10\0").unwrap(), Format::Custom);
    }

    #[test]
    fn translated_newlines() {
        let mut start = b"PGDMP \x1e\0\0\0SET client_encoding = 'UTF8';\n".to_vec();
        assert!(detect(&start).is_ok());
        let end = start.len() - 1;
        start.insert(end, b'\r');
        assert_eq!(what(&start), NotAnArchive::NewlinesTranslated);
    }
}
