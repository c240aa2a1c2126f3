//! Files that are no archives, or archives that something was done to, and what must be said of
//! each.

use std::io::Write;

use crate::{build, fixtures};

/// A file that is no archive.
pub struct Foreign {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Part of the error.
    pub message: &'static str,
    /// Part of the advice.
    pub advice: &'static str,
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `bytes` with each `from` made `to`.
pub fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for found in memchr::memmem::find_iter(bytes, from) {
        out.extend_from_slice(&bytes[at..found]);
        out.extend_from_slice(to);
        at = found + from.len();
    }
    out.extend_from_slice(&bytes[at..]);
    out
}

/// What programs that take an archive for text make of it.
pub fn mangled(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let newlines = "the newlines of this archive were translated";
    let nuls = "the NUL bytes of this archive are missing";
    vec![
        ("LF became CR LF", replaced(bytes, b"\n", b"\r\n"), newlines),
        ("LF became CR", replaced(bytes, b"\n", b"\r"), newlines),
        ("LF was lost", replaced(bytes, b"\n", b""), newlines),
        ("NUL was lost", replaced(bytes, b"\0", b""), nuls),
        ("NUL became a blank", replaced(bytes, b"\0", b" "), nuls),
    ]
}

/// The same of a tar: the headers stay whole, but the members' data.
pub fn mangled_tar(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let (header, rest) = bytes.split_at(512);
    let whole = |(what, rest, message): (_, Vec<u8>, _)| (what, [header, &rest].concat(), message);
    mangled(rest).into_iter().map(whole).collect()
}

/// Bytes taken for Latin-1, and written as UTF-8.
pub fn recoded(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes()
}

/// Bytes taken for UTF-8: what is none became a replacement character.
pub fn recoded_lossily(bytes: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).into_owned().into_bytes()
}

fn utf16(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Files that are no archives.
pub fn all() -> Vec<Foreign> {
    let root = fixtures::root();
    let custom = fixtures::bytes(&root.join("pg18/small-custom.dump"));
    let tar = fixtures::bytes(&root.join("pg18/small-tar.tar"));
    let mut all = Vec::new();
    let mut add = |name, bytes: &[u8], message, advice| {
        all.push(Foreign { name, bytes: bytes.to_vec(), message, advice });
    };
    add("nothing", b"", "the input is empty", "look at its messages");
    add("three bytes", b"PGD", "too short", "cut off");
    add("zeros", &[0; 5000], "only zeros", "copy it again");
    let mut unfinished = custom.clone();
    unfinished[..5].fill(0);
    add("unfinished", &unfinished, "was not completed", "write it again");
    let mut unfinished = tar.clone();
    unfinished[..512].fill(0);
    add("unfinished tar", &unfinished, "was not completed", "write it again");

    let plain = b"--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n";
    let cluster = b"--\n-- PostgreSQL database cluster dump\n--\n\nSET x = 0;\n";
    add("plain dump", plain, "this is a plain SQL dump", "psql -f ");
    add("cluster dump", cluster, "plain SQL dump of pg_dumpall", "psql -f ");
    let powershell = utf16("PGDMP\u{1}\u{10}");
    add("an archive through PowerShell", &powershell, "text in UTF-16", "pg_dump -f NEW");
    add("MySQL", b"-- MySQL dump 10.13\n--\n", "a dump of MySQL", "mysql");
    add("messages", b"pg_dump: error: connection failed\n", "messages of pg_dump", "dump again");
    add("a list", b";\n; Archive created at 2026-01-01\n", "the list of an archive", "-L");
    add("text", b"hello, world\n", "a text file", "the file you meant");

    let page = b"<!DOCTYPE html>\n<html><head><title>Sign in</title>";
    let denied = b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>";
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1234\n";
    add("HTML", page, "a web page", "direct link");
    add("XML", denied, "XML", "error message of a storage service");
    add("JSON", b"{\"message\": \"Not Found\"}", "JSON", "error message of a service");
    add("PDF", b"%PDF-1.7\n", "a PDF", "the file you meant");
    add("Git LFS", pointer, "a pointer of Git LFS", "git lfs pull");
    add("SQLite", b"SQLite format 3\0\x10\0", "an SQLite database", "sqlite3");

    add("PGP", b"\x85\x02\x0c\x03\x11\x22\x33", "encrypted with PGP", "gpg -d ");
    add("PGP text", b"-----BEGIN PGP MESSAGE-----\n\n", "encrypted with PGP", "gpg -d ");
    add("age", b"age-encryption.org/v1\n-> X25519", "encrypted with age", "age -d ");
    add("openssl", b"Salted__abcdefgh\xff\xfe", "encrypted with openssl", "openssl enc -d");

    add("zstd", b"\x28\xb5\x2f\xfd\x04", "a zstd file", "zstd -dc ");
    add("lz4", b"\x04\x22\x4d\x18\x64", "an lz4 file", "lz4 -dc ");
    add("xz", b"\xfd7zXZ\0\0\x04", "an xz file", "xz -dc ");
    add("bzip2", b"BZh91AY&SY", "a bzip2 file", "bunzip2 -c ");
    add("zip", b"PK\x03\x04\x14\0\0\0", "a zip file", "unzip -p ");
    add("a gzipped archive", &gzip(&custom), "a gzip file", "| pgdmp list -");
    add("a gzipped tar", &gzip(&tar), "a gzip file", "| pgdmp list -");
    add("a gzipped dump", &gzip(plain), "a gzip file", "| psql");
    let packed = build::tar([("nightly/1.dat", &b"1\n"[..]), ("nightly/toc.dat", b"")]);
    add("a gzipped directory", &gzip(&packed), "a gzip file", "a tar of a directory");

    let welcome = [&b"Welcome to db1\n"[..], &custom].concat();
    add("a greeting before", &welcome, "15 bytes of text stand before", "tail -c +16 ");
    let messages = [&b"pg_dump: last built-in OID is 16383\n"[..], &custom].concat();
    add("messages before", &messages, "\"pg_dump: last built-in OID", "without 2>&1");
    let junk = [&b"\0\x01\n\x02"[..], &tar].concat();
    add("junk before a tar", &junk, "4 bytes of something else", "tail -c +5 ");

    for (name, bytes, message) in mangled(&custom) {
        let advice = if message.contains("newlines") { "without -t" } else { "in binary mode" };
        all.push(Foreign { name, bytes, message, advice });
    }
    for (name, bytes, message) in mangled_tar(&tar) {
        let advice = if message.contains("newlines") { "without -t" } else { "in binary mode" };
        all.push(Foreign { name, bytes, message, advice });
    }
    for (name, bytes) in [
        ("taken for Latin-1", recoded(&custom)),
        ("taken for UTF-8", recoded_lossily(&custom)),
        ("a tar taken for Latin-1", [&tar[..512], &recoded(&tar[512..])].concat()),
    ] {
        all.push(Foreign { name, bytes, message: "converted to UTF-8", advice: "in binary mode" });
    }
    all
}
