//! Damage that a transfer did to an archive because it took it for text.
//!
//! A terminal (`docker exec -t`, `ssh -t`), FTP in ASCII mode or a program that reads text makes
//! CR LF of LF, drops bytes or converts them. The lengths in the archive then no longer fit, and
//! where they lead nobody knows: pg_restore may read an empty archive.

use crate::error::{Error, ErrorKind, Result};
use crate::not_an_archive::NotAnArchive;
use crate::toc::MAGIC;

/// Refuses the header and table of contents that begin with `start` if they were damaged so that
/// they may seem to be whole.
pub(crate) fn check(start: &[u8]) -> Result<()> {
    match damage(start) {
        Some(what) => Err(Error::new(ErrorKind::NotAnArchive(what))),
        None => Ok(()),
    }
}

/// The damage that can be seen in the first bytes, which begin with the magic number.
pub(crate) fn damage(start: &[u8]) -> Option<NotAnArchive> {
    let rest = start.strip_prefix(MAGIC)?;
    // Any archive has many zeros in its version and its first numbers.
    if rest.get(..48).is_some_and(|header| !header.contains(&0)) {
        return Some(NotAnArchive::NulsRemoved);
    }
    let translated = is_translated_version(rest)
        || has_translated_number(rest)
        || ends_other_than_in_newline(rest);
    translated.then_some(NotAnArchive::NewlinesTranslated)
}

/// Version 1.10, whose second number is a newline.
fn is_translated_version(rest: &[u8]) -> bool {
    rest.starts_with(b"\x01\r\n\0")
}

/// The number 10, for a time or a length, among the numbers of the header. As it is read there it
/// would be above 2500.
fn has_translated_number(rest: &[u8]) -> bool {
    let numbers = &rest[..rest.len().min(56)];
    numbers.windows(6).any(|window| window == b"\0\r\n\0\0\0")
}

/// Whether the statement of the ENCODING entry, with which each archive since 7.4 begins, ends in
/// something else than a newline, though its length is that of a statement with one.
fn ends_other_than_in_newline(rest: &[u8]) -> bool {
    const SET: &[u8] = b"SET client_encoding = '";
    let head = &rest[..rest.len().min(1024)];
    let Some(set) = head.windows(SET.len()).position(|window| window == SET) else {
        return false;
    };
    let Some(semicolon) = head[set..].windows(2).position(|window| window == b"';") else {
        return false;
    };
    // The length before the statement counts the newline.
    let len = semicolon + 3;
    let stated = set.checked_sub(4).map(|at| &head[at..set]);
    stated == Some(&(len as u32).to_le_bytes())
        && head.get(set + len - 1).is_some_and(|end| *end != b'\n')
}

/// What reading header and table of contents failed for, if that can be told from how they begin.
/// `start`: as much as is at hand.
pub(crate) fn explain(error: Error, start: &[u8]) -> Error {
    let other_cause = matches!(error.kind(), ErrorKind::Io(_) | ErrorKind::NotAnArchive(_));
    match !other_cause && is_recoded(start) {
        true => Error::new(ErrorKind::NotAnArchive(NotAnArchive::Recoded)),
        false => error,
    }
}

/// Whether these bytes are text in UTF-8, with a character where the lowest byte of a number should
/// be: one that stands for a single byte, or for a byte that was no text.
fn is_recoded(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    // A sign before it, and the zeros of a small number behind it. Names with
    // such characters have no zeros around them.
    let of_byte = |c: char| matches!(c, '\u{80}'..='\u{ff}' | '\u{fffd}');
    text.match_indices(of_byte)
        .any(|(at, c)| text[..at].ends_with('\0') && text[at + c.len()..].starts_with("\0\0\0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of an archive of version 1.16.
    fn start() -> Vec<u8> {
        let mut start = b"PGDMP\x01\x10\0\x04\x08\x01\x01".to_vec();
        for number in [38, 5, 28, 10, 126, 0, 0, 4] {
            start.extend([0, number, 0, 0, 0]);
        }
        start.extend(b"shop\0\x1e\0\0\0SET client_encoding = 'UTF8';\n\x01\x01\0\0\0");
        start
    }

    fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while let Some((first, others)) = rest.split_first() {
            match rest.strip_prefix(from) {
                Some(behind) => {
                    out.extend(to);
                    rest = behind;
                }
                None => {
                    out.push(*first);
                    rest = others;
                }
            }
        }
        out
    }

    #[test]
    fn newlines_and_zeros() {
        assert_eq!(damage(&start()), None);
        for to in [&b"\r\n"[..], b"\r", b"", b" "] {
            let translated = replaced(&start(), b"\n", to);
            assert_eq!(damage(&translated), Some(NotAnArchive::NewlinesTranslated), "{to:?}");
        }
        for to in [&b""[..], b" ", b"\xef\xbf\xbd"] {
            let without = replaced(&start(), b"\0", to);
            assert_eq!(damage(&without), Some(NotAnArchive::NulsRemoved), "{to:?}");
        }
    }

    /// One sign suffices: an old version, a time, or the statement.
    #[test]
    fn each_sign_of_translated_newlines() {
        let plain = replaced(&start(), b"\0\n\0\0\0", b"\0\x09\0\0\0");
        let [time, statement] = [(b"\0\x09\0", &b"\0\r\n\0"[..]), (b"';\n", b"';\r\n")]
            .map(|(from, to)| replaced(&plain, from, to));
        let version = replaced(&plain, b"\x01\x10\0", b"\x01\r\n\0");
        for (what, start) in [("time", time), ("statement", statement), ("version", version)] {
            assert_eq!(damage(&start), Some(NotAnArchive::NewlinesTranslated), "{what}");
        }
        assert_eq!(damage(&plain), None);
        // The length fits: this is how the statement was dumped.
        let stated = replaced(&plain, b"\x1e\0\0\0SET", b"\x1f\0\0\0SET");
        assert_eq!(damage(&replaced(&stated, b"';\n", b"';\r\n")), None);
    }

    #[test]
    fn text_in_utf8() {
        let error = || Error::malformed("damaged");
        let recoded = |start: &[u8]| {
            matches!(explain(error(), start).kind(), ErrorKind::NotAnArchive(NotAnArchive::Recoded))
        };
        assert!(recoded("PGDMP\0\u{c8}\0\0\0text".as_bytes()));
        // The last character may be cut.
        assert!(recoded("PGDMP\0\u{fffd}\0\0\0\u{c8}".as_bytes().split_last().unwrap().1));
        assert!(!recoded(b"PGDMP\0\xc8\0\0\0"));
        assert!(!recoded(b"PGDMP\0\x10\0\0\0"));
        // A name.
        assert!(!recoded("PGDMP\0\u{6}\0\0\0\u{e9}t\u{e9}s\0\u{5}\0\0\0".as_bytes()));
        let io = Error::from(std::io::Error::other("x"));
        assert!(explain(io, "\0\u{c8}\0\0\0".as_bytes()).is_io());
    }
}
