use super::*;

fn text(start: &str) -> NotAnArchive {
    recognise(start.as_bytes())
}

fn name(start: &[u8]) -> &'static str {
    match recognise(start) {
        NotAnArchive::Other { name, .. } | NotAnArchive::Compressed { name, .. } => name,
        other => panic!("{start:?}: {other:?}"),
    }
}

#[test]
fn other_files_are_named() {
    for (start, what) in [
        ("", NotAnArchive::Empty),
        ("PGD", NotAnArchive::TooShort),
        ("ab", NotAnArchive::TooShort),
        ("--\n-- PostgreSQL database dump\n--\n", NotAnArchive::PlainDump),
        ("\u{feff}--\n-- PostgreSQL database dump\n", NotAnArchive::PlainDump),
        ("pg_dump: x\n--\n-- PostgreSQL database dump\n", text("pg_dump: x")),
        ("--\r\n-- PostgreSQL database cluster dump", NotAnArchive::ClusterDump),
        ("\0\0\0\0\0\0\0", NotAnArchive::Zeros),
        ("\0\0\0\0\0\u{1}\u{10}\0\u{4}\u{8}\u{1}\u{1}", NotAnArchive::Unfinished),
        ("\u{3}\u{4}\u{5}\u{6}\u{7}", NotAnArchive::Unknown),
    ] {
        assert_eq!(text(start), what, "{start:?}");
    }
    for start in
        [&b"\xff\xfeP\0G\0D\0"[..], b"\xfe\xff\0P\0G", b"P\0G\0D\0M\0P\0\x01\0", b"-\0-\0\n"]
    {
        assert_eq!(recognise(start), NotAnArchive::Utf16);
    }
    for (start, what) in [
        (&b"CREATE TABLE t ();\n"[..], "a text file"),
        (b"\n  <!DOCTYPE HTML>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "XML"),
        (b"{\"message\":\"Not Found\"}", "JSON"),
        (b"[\n  {\"a\": 1}]", "JSON"),
        (b"[INFO] starting\n", "a text file"),
        (b"%PDF-1.7", "a PDF"),
        (b"pg_dump: error: connection failed", "messages of pg_dump"),
        (b";\n; Archive created at 2026-01-01", "the list of an archive"),
        (b"-- MySQL dump 10.13", "a dump of MySQL"),
        (b"/*M!999999\\- enable the sandbox mode */\n-- MariaDB dump 10.19", "a dump of MySQL"),
        (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;", "an SQL dump of SQLite"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a pointer of Git LFS"),
        (b"Salted__12345678", "a file encrypted with openssl"),
        (b"-----BEGIN PGP MESSAGE-----\n", "a file encrypted with PGP"),
        (b"\x85\x02\x0c\x03\x01\x02", "a file encrypted with PGP"),
        (b"\x8c\x0d\x04\x09\x03\x02", "a file encrypted with PGP"),
        (b"\xc3\x0d\x04\x09\x03\x02", "a file encrypted with PGP"),
        (b"\xa3\x02\x78\x9c", "a file encrypted with PGP"),
        (b"PK\x03\x04\x14\0", "a zip file"),
        (b"\xfd7zXZ\0\0", "an xz"),
        (b"BZh91AY", "a bzip2"),
        (b"\x1f\x8b\x08\0\0\0", "a gzip"),
        (b"SQLite format 3\0\x10", "an SQLite database"),
    ] {
        assert_eq!(name(start), what, "{start:?}");
    }
    // Binary, but no message of OpenPGP.
    for start in
        [&b"\x85\x02\x0c\x09\x01\x02"[..], b"\x8c\x0d\x04\xff\x03", b"\xff\x01\x02\x03\x04"]
    {
        assert_eq!(recognise(start), NotAnArchive::Unknown);
    }
}

#[test]
fn archives_are_no_other_files() {
    assert_eq!(format(b"PGDMP\x01\x10\0"), Some(Format::Custom));
    let block = tar::TarHeader::file("toc.dat", 3).encode(0).unwrap();
    assert_eq!(format(&block), Some(Format::Tar));
    assert_eq!(format(&block[..511]), None);
}

#[test]
fn what_stands_before_an_archive() {
    let archive = b"PGDMP\x01\x10\0\x04\x08\x01\x01";
    let before = |before: &[u8]| recognise(&[before, archive].concat());
    let preceded = |offset, line: Option<&str>| NotAnArchive::Preceded {
        offset,
        line: line.map(str::to_owned),
    };
    assert_eq!(before(b"Welcome\n"), preceded(8, Some("Welcome")));
    assert_eq!(before(b"\n\npg_dump: x\r\n"), preceded(14, Some("pg_dump: x")));
    assert_eq!(before(b"\x1b[0mhi\n"), preceded(7, Some("\\u{1b}[0mhi")));
    assert_eq!(before(b"\0\x07\n"), preceded(3, None));
    // The word is no archive.
    assert_eq!(name(b"An archive begins with PGDMP.\n"), "a text file");

    let advice = before(b"pg_dump: dumping contents\n").advice();
    assert!(advice.contains("tail -c +27 FILE | pgdmp convert - NEW"), "{advice}");
    assert!(advice.contains("2>&1"), "{advice}");
    let tar = tar::TarHeader::file("toc.dat", 3).encode(0).unwrap();
    let start = [b"motd\n", &tar[..]].concat();
    assert_eq!(recognise(&start), preceded(5, Some("motd")));
}

#[cfg(feature = "gzip")]
#[test]
fn what_is_compressed() {
    use std::io::Write;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let content = |bytes: &[u8]| match recognise(&gzip(bytes)) {
        NotAnArchive::Compressed { name: "a gzip", content, .. } => content,
        other => panic!("{other:?}"),
    };
    let member = |name: &[u8]| tar::TarHeader::file(name, 0).encode(0).unwrap();
    assert_eq!(content(b"PGDMP\x01\x10\0\x04\x08\x01\x01"), Content::Archive);
    assert_eq!(content(&member(b"toc.dat")), Content::Archive);
    assert_eq!(content(&member(b"nightly/")), Content::DirectoryTar);
    assert_eq!(content(b"--\n-- PostgreSQL database dump\n--"), Content::PlainDump);
    assert_eq!(content(b"1\tone\n"), Content::Unknown);
    assert_eq!(recognise(&gzip(b"PGDMP\x01\x10\0\x04\x08\x03\x01")), NotAnArchive::TocFile);
    let advice = recognise(&gzip(b"--\n-- PostgreSQL database dump\n--")).advice();
    assert!(advice.ends_with("gunzip -c FILE | psql"), "{advice}");
}
