//! What a file is, by its first bytes, never by its name.
//!
//! `_discoverArchiveFormat` of `pg_backup_archiver.c` for archives; the rest is for the user who
//! gave something else.

use std::io::Read;
use std::sync::Arc;

use super::magic::{is_archive, is_toc_file};
use super::names;
use super::tar;
use super::transfer;
use crate::compress::{Algorithm, Contexts, Decoder, Framing};
use crate::error::Result;
use crate::limits::Limits;
use crate::not_an_archive::{Content, NotAnArchive};
use crate::text::shown;
use crate::toc::{Format, MAGIC};

/// Bytes that are enough to tell the format of an archive.
pub(crate) const LEN: usize = tar::BLOCK;

/// Bytes that are looked at to tell what is no archive.
pub(crate) const WINDOW: usize = 64 << 10;

/// The format of an archive that begins with `start`, which is `LEN` bytes or the whole input;
/// `None` if it is no archive.
pub(crate) fn format(start: &[u8]) -> Option<Format> {
    if start.starts_with(MAGIC) {
        return Some(Format::Custom);
    }
    let block = start.first_chunk()?;
    (tar::is_tar(block) || tar::is_old_tar(block)).then_some(Format::Tar)
}

impl NotAnArchive {
    /// What an input is that begins with these bytes; `None` if it begins as an archive does. The
    /// first 64 KiB are looked at; where there are fewer, it must be the whole input.
    pub fn recognise(start: &[u8]) -> Option<NotAnArchive> {
        let start = &start[..start.len().min(WINDOW)];
        match format(start) {
            Some(Format::Custom) => transfer::damage(start),
            Some(_) => None,
            None => Some(recognise(start)),
        }
    }
}

/// What an input is that is no archive. `start`: `WINDOW` bytes of it, or the whole.
pub(crate) fn recognise(start: &[u8]) -> NotAnArchive {
    if start.is_empty() {
        return NotAnArchive::Empty;
    }
    if MAGIC.starts_with(start) {
        return NotAnArchive::TooShort;
    }
    if start.iter().all(|byte| *byte == 0) {
        return NotAnArchive::Zeros;
    }
    if is_unfinished(start) {
        return NotAnArchive::Unfinished;
    }
    if let Some(what) = signature(start) {
        return look_inside(start, what.clone());
    }
    if is_openpgp(start) {
        return PGP;
    }
    if let Some(at) = find_archive(start) {
        return preceded(&start[..at], &start[at..]);
    }
    recognise_text(start)
}

/// The kind of file that begins with these bytes, whatever follows.
fn signature(start: &[u8]) -> Option<&'static NotAnArchive> {
    let begins = |at: usize, signature: &[u8]| {
        start.get(at..).is_some_and(|start| start.starts_with(signature))
    };
    SIGNATURES.iter().find(|(at, signature, _)| begins(*at, signature)).map(|(.., what)| what)
}

/// Bytes that are enough to see that a file may be compressed as a whole.
pub(crate) const COMPRESSED_LEN: usize = 4;

/// How a file may be compressed as a whole that begins with these bytes.
pub(crate) fn compression(start: &[u8]) -> Option<Algorithm> {
    signature(start).and_then(algorithm_of)
}

/// How an archive was compressed as a whole that can be read while it is decompressed. `start`: as
/// for [`recognise`].
pub(crate) fn compressed_archive(start: &[u8]) -> Option<Algorithm> {
    let what = compression(start).map(|_| recognise(start))?;
    match what {
        NotAnArchive::Compressed { content: Content::Archive, .. } => algorithm_of(&what),
        _ => None,
    }
}

/// The algorithm of a file that was compressed as a whole, if it is one of ours.
fn algorithm_of(what: &NotAnArchive) -> Option<Algorithm> {
    let NotAnArchive::Compressed { name, .. } = what else { return None };
    match *name {
        "a gzip" => Some(Algorithm::Gzip),
        "a zstd" => Some(Algorithm::Zstd),
        "an lz4" => Some(Algorithm::Lz4),
        _ => None,
    }
}

fn recognise_text(start: &[u8]) -> NotAnArchive {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let trimmed = text.trim_ascii_start();
    let begins = |with: &str| {
        trimmed.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    if let Some((_, what)) = BEGINNINGS.iter().find(|(with, _)| begins(with)) {
        return what.clone();
    }
    let head = &text[..text.len().min(4096)];
    let contains = |text: &str| head.windows(text.len()).any(|window| window == text.as_bytes());
    if let Some((_, what)) = MENTIONS.iter().find(|(text, _)| contains(text)) {
        return what.clone();
    }
    if is_json(trimmed) {
        return other("JSON", "look at it: it may be the error message of a service");
    }
    if start.len() < 5 {
        return NotAnArchive::TooShort;
    }
    match is_text(start) {
        true => other("a text file", "check that this is the file you meant"),
        false => NotAnArchive::Unknown,
    }
}

const fn compressed(name: &'static str, command: &'static str) -> NotAnArchive {
    NotAnArchive::Compressed { name, command, content: Content::Unknown }
}

const fn other(name: &'static str, advice: &'static str) -> NotAnArchive {
    NotAnArchive::Other { name, advice }
}

const PGP: NotAnArchive =
    other("a file encrypted with PGP", "decrypt it first: gpg -d FILE | pgdmp list -");
const AGE: NotAnArchive =
    other("a file encrypted with age", "decrypt it first: age -d -i KEY FILE | pgdmp list -");
const OPENSSL: NotAnArchive = other(
    "a file encrypted with openssl",
    "decrypt it first: openssl enc -d, with the cipher and options that encrypted it",
);
const ZSTD: NotAnArchive = compressed("a zstd", "zstd -dc");
const LZ4: NotAnArchive = compressed("an lz4", "lz4 -dc");
const WEB_PAGE: NotAnArchive = other(
    "a web page",
    "the download gave a page instead of the file: look at it, log in, or take a direct link",
);
const GIT_LFS: NotAnArchive =
    other("a pointer of Git LFS", "get the file that it stands for: git lfs pull");

/// First bytes, or bytes at a place, and what a file with them is.
const SIGNATURES: &[(usize, &[u8], NotAnArchive)] = &[
    (0, b"\x1f\x8b", compressed("a gzip", "gunzip -c")),
    (0, b"\x28\xb5\x2f\xfd", ZSTD),
    // A skippable frame, with which pzstd begins.
    (0, b"\x50\x2a\x4d\x18", ZSTD),
    (0, b"\x04\x22\x4d\x18", LZ4),
    (0, b"\x02\x21\x4c\x18", LZ4),
    (0, b"\xfd7zXZ\0", compressed("an xz", "xz -dc")),
    (0, b"\x5d\0\0\x80\0", compressed("an lzma", "xz -dc")),
    (0, b"LZIP", compressed("an lzip", "lzip -dc")),
    (0, b"\x89LZO\0", compressed("an lzop", "lzop -dc")),
    (0, b"BZh", compressed("a bzip2", "bunzip2 -c")),
    (0, b"\x1f\x9d", compressed("a .Z", "uncompress -c")),
    (0, b"PK\x03\x04", other("a zip file", "unpack it first: unzip -p FILE | pgdmp list -")),
    (0, b"7z\xbc\xaf\x27\x1c", other("a 7z file", "unpack it first: 7z x -so FILE | pgdmp list -")),
    (0, b"Rar!\x1a\x07", other("a rar file", "unpack it first: unrar p -inul FILE | pgdmp list -")),
    (0, b"-----BEGIN PGP", PGP),
    (0, b"age-encryption.org/", AGE),
    (0, b"-----BEGIN AGE ENCRYPTED FILE", AGE),
    (0, b"Salted__", OPENSSL),
    // The same in base64.
    (0, b"U2FsdGVkX1", OPENSSL),
    (0, LFS.as_bytes(), GIT_LFS),
    (0, b"SQLite format 3\0", other("an SQLite database", "open it with sqlite3")),
    (0, b"%PDF-", other("a PDF", "check that this is the file you meant")),
    (0, b"PAR1", other("a Parquet file", "check that this is the file you meant")),
    (0, b"\x7fELF", other("a program", "check that this is the file you meant")),
    (0, b"PGCOPY\n\xff\r\n\0", other("COPY data in binary form", "load it with COPY")),
    (0, b"\x6d\xe2\x99\x81", other("an archive of mongodump", "read it with mongorestore")),
    (0, b"REDIS0", other("a dump of Redis", "check that this is the file you meant")),
    (0, b"TAPE\0", other("a backup of SQL Server", "check that this is the file you meant")),
    (0, b"\xff\xfe", NotAnArchive::Utf16),
    (0, b"\xfe\xff", NotAnArchive::Utf16),
    (0, b"P\0G\0D\0M\0P\0", NotAnArchive::Utf16),
    (0, b"-\0-\0", NotAnArchive::Utf16),
];

/// How texts begin, in any case and behind white space, and what they are.
const BEGINNINGS: &[(&str, NotAnArchive)] = &[
    ("<!doctype html", WEB_PAGE),
    ("<html", WEB_PAGE),
    ("<?xml", other("XML", "look at it: it may be the error message of a storage service")),
    ("<Error>", other("XML", "look at it: it may be the error message of a storage service")),
    (
        "pg_dump: ",
        other("messages of pg_dump", "the dump failed: it says why in this file; dump again"),
    ),
    (
        ";\n; Archive created at ",
        other("the list of an archive", "give the archive itself; a list is given with -L"),
    ),
    (
        ";\r\n; Archive created at ",
        other("the list of an archive", "give the archive itself; a list is given with -L"),
    ),
];

const MYSQL: NotAnArchive = other("a dump of MySQL", "load it with mysql");
const SQLITE_DUMP: NotAnArchive = other("an SQL dump of SQLite", "load it with sqlite3");

/// What texts have near their beginning, and what they are.
const MENTIONS: &[(&str, NotAnArchive)] = &[
    ("-- PostgreSQL database cluster dump", NotAnArchive::ClusterDump),
    ("-- PostgreSQL database dump", NotAnArchive::PlainDump),
    ("-- MySQL dump", MYSQL),
    ("-- MariaDB dump", MYSQL),
    ("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;", SQLITE_DUMP),
];

/// Bytes of the longest pointer of Git LFS.
pub(crate) const LONGEST_POINTER: u64 = 1024;

/// What a file is if it is a pointer of Git LFS, and nothing else.
pub(crate) fn pointer(bytes: &[u8]) -> Option<NotAnArchive> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_pointer = text.starts_with(LFS) && text.contains("\noid ") && text.contains("\nsize ");
    is_pointer.then_some(GIT_LFS)
}

const LFS: &str = "version https://git-lfs.github.com/spec/";

/// Where an archive begins that has something else before it.
pub(crate) fn find_archive(start: &[u8]) -> Option<usize> {
    let custom = start.windows(MAGIC.len() + 2).position(is_archive);
    // The magic of a tar stands in its first header.
    let tar = start.windows(BLOCK_MAGIC.len()).enumerate().find_map(|(at, window)| {
        let block = at.checked_sub(BLOCK_MAGIC_AT).filter(|_| window == BLOCK_MAGIC)?;
        tar::is_tar(start.get(block..)?.first_chunk()?).then_some(block)
    });
    custom.into_iter().chain(tar).min()
}

const BLOCK_MAGIC: &[u8] = b"ustar";
const BLOCK_MAGIC_AT: usize = 257;

/// `before` stands before an archive.
fn preceded(before: &[u8], archive: &[u8]) -> NotAnArchive {
    if archive.starts_with(MAGIC)
        && let Some(what) = transfer::damage(archive)
    {
        return what;
    }
    let line = before.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let line = line.filter(|_| is_text(before)).map(|line| shown(line.trim_ascii()));
    NotAnArchive::Preceded { offset: before.len() as u64, line }
}

fn is_text(bytes: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | b' '..=b'~' | 128..);
    bytes.iter().all(printable)
}

fn is_json(text: &[u8]) -> bool {
    let Some((b'{' | b'[', rest)) = text.split_first() else { return false };
    matches!(rest.trim_ascii_start().first(), Some(b'"' | b'{' | b'[' | b'}' | b']'))
}

/// Whether these bytes begin an archive whose magic number was never written, which this crate
/// does last.
fn is_unfinished(start: &[u8]) -> bool {
    // Version, revision, widths of ints and offsets, format.
    matches!(start.get(..11), Some([0, 0, 0, 0, 0, 1, 1..=32, 0, 4, 8, 1]))
        || start.get(tar::BLOCK..).is_some_and(is_archive)
            && start[..tar::BLOCK].iter().all(|byte| *byte == 0)
}

/// Whether these bytes begin an encrypted or signed message of OpenPGP (RFC 4880, RFC 9580):
/// packets of the kinds that such messages begin with, and the versions of these.
fn is_openpgp(start: &[u8]) -> bool {
    let Some((&tag, rest)) = start.split_first() else { return false };
    let (kind, body) = match tag {
        // The new form: a length of one, two or five bytes.
        0xc0.. => match rest.first() {
            Some(0..192) => (tag & 0x3f, rest.get(1..)),
            Some(192..224) => (tag & 0x3f, rest.get(2..)),
            Some(255) => (tag & 0x3f, rest.get(5..)),
            _ => return false,
        },
        0x80.. => ((tag >> 2) & 0xf, rest.get([1, 2, 4, 0][usize::from(tag & 3)]..)),
        _ => return false,
    };
    match (kind, body.and_then(|body| body.first_chunk::<2>())) {
        // A session key for a public key: its version, then the id of the key.
        (1, Some([3 | 6, ..])) => true,
        // A session key for a passphrase: its version and cipher.
        (3, Some([4..=6, 1..=13])) => true,
        // Compressed, as signed messages are: the algorithm.
        (8, Some([1..=3, _])) => tag == 0xa3,
        _ => false,
    }
}

/// Says of a file that was compressed as a whole what is in it.
fn look_inside(start: &[u8], what: NotAnArchive) -> NotAnArchive {
    let Some(algorithm) = algorithm_of(&what) else { return what };
    let NotAnArchive::Compressed { name, command, .. } = what else { return what };
    let inside = decompressed(start, algorithm).unwrap_or_default();
    let content = match format(&inside) {
        Some(Format::Custom) if is_toc_file(&inside) => return NotAnArchive::TocFile,
        Some(Format::Custom) => Content::Archive,
        Some(_) if inside.starts_with(names::TOC.as_bytes()) => Content::Archive,
        Some(_) => Content::DirectoryTar,
        None => match recognise_text(&inside) {
            NotAnArchive::PlainDump | NotAnArchive::ClusterDump => Content::PlainDump,
            _ => Content::Unknown,
        },
    };
    NotAnArchive::Compressed { name, command, content }
}

/// The first bytes of what is compressed in a file that begins with `start`.
fn decompressed(start: &[u8], algorithm: Algorithm) -> Result<Vec<u8>> {
    let contexts = Arc::new(Contexts::default());
    let decoder = Decoder::new(start, algorithm, Framing::File, &Limits::new(), &contexts)?;
    let mut bytes = Vec::new();
    // `start` ends in the middle of the data. What comes before that is what matters.
    let _ = decoder.take(LEN as u64).read_to_end(&mut bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
