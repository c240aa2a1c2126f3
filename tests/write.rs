//! Archives made from nothing, in every format, version and compression.

use std::fs;
use std::io::{Cursor, Write};

use pgdmp::toc::{ArchiveVersion, CatalogId, DataOffset, EntryFields, Oid, Section};
use pgdmp::write::{ArchiveWriter, WriteOptions};
use pgdmp::{Algorithm, Archive, ArchiveBuilder, Desc, DumpId, ErrorKind, Format};

use pgdmp_testkit::contents::{Content, read_all, stream_all};

const TABLE: DumpId = DumpId(10);
const EMPTY: DumpId = DumpId(11);
const OBJECTS: DumpId = DumpId(12);

/// Over 1 MiB, so that a tar through a pipe has to put it aside.
fn rows() -> Vec<u8> {
    let mut rows: Vec<u8> =
        (0..16_000).flat_map(|n| format!("{n}\t{:070}\n", n % 7919).into_bytes()).collect();
    rows.extend_from_slice(b"\\.\n\n\n");
    rows
}

fn objects() -> Vec<(u32, Vec<u8>)> {
    vec![(17, b"seventeen".to_vec()), (2_147_483_648, vec![0; 70_000]), (u32::MAX, Vec::new())]
}

fn builder(format: Format, version: ArchiveVersion, algorithm: Algorithm) -> ArchiveBuilder {
    let options =
        WriteOptions::new().version(version).compression(algorithm, None).dbname("d\u{e4}ta");
    let mut builder = ArchiveBuilder::new(format, &options).unwrap();
    let data = |id, desc| {
        EntryFields::new(id, desc, Section::Data)
            .tag(b"17..4294967295")
            .had_dumper(true)
            .catalog_id(CatalogId { table_oid: Oid(0), oid: Oid(3_000_000_000) })
            .dependencies(&[DumpId(2), DumpId(999)])
    };
    builder.entry(&data(TABLE, Desc::TABLE_DATA)).unwrap();
    builder.entry(&data(EMPTY, Desc::TABLE_DATA)).unwrap();
    builder.entry(&data(OBJECTS, Desc::BLOBS)).unwrap();
    builder.session("UTF8", true).unwrap();
    builder
}

fn fill<W: Write>(mut writer: ArchiveWriter<W>) -> W {
    let mut out = writer.data(TABLE).unwrap();
    for piece in rows().chunks(1000) {
        out.write_all(piece).unwrap();
    }
    // Ends nothing.
    out.flush().unwrap();
    out.finish().unwrap();
    writer.data(EMPTY).unwrap().finish().unwrap();
    let mut out = writer.large_objects(OBJECTS).unwrap();
    for (oid, bytes) in objects() {
        let mut object = out.object(Oid(oid)).unwrap();
        object.write_all(&bytes).unwrap();
        object.finish().unwrap();
    }
    out.finish().unwrap();
    writer.finish().unwrap()
}

fn check(archive: &Archive, what: &str) {
    let mut expected = pgdmp_testkit::contents::Contents::new();
    expected.insert(TABLE.0, Content::Data(rows()));
    expected.insert(EMPTY.0, Content::Data(Vec::new()));
    expected.insert(OBJECTS.0, Content::Objects(objects()));
    assert!(read_all(archive).unwrap() == expected, "{what}");
    assert_eq!(archive.entries().count(), 6, "{what}");
    let entry = archive.entry(TABLE).unwrap();
    assert_eq!(entry.dependencies(), [DumpId(2), DumpId(999)], "{what}");
    assert_eq!(entry.catalog_id().oid, Oid(3_000_000_000), "{what}");
    assert_eq!(archive.toc().encoding().unwrap(), Some(&b"UTF8"[..]), "{what}");
}

#[test]
fn every_format_version_and_compression() {
    let folder = tempfile::tempdir().unwrap();
    for minor in 12..=16 {
        let version = ArchiveVersion::new(1, minor);
        for algorithm in [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd] {
            let modern = !matches!(algorithm, Algorithm::Lz4 | Algorithm::Zstd);
            if !modern && minor < 15 {
                let options = WriteOptions::new().version(version).compression(algorithm, None);
                let error = ArchiveBuilder::new(Format::Custom, &options).unwrap_err();
                assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{error}");
                continue;
            }
            for format in [Format::Custom, Format::Tar, Format::Directory] {
                let what = format!("{format} {version} {algorithm}");
                if format == Format::Tar && algorithm != Algorithm::None {
                    continue;
                }
                let builder = || builder(format, version, algorithm);
                let path = folder.path().join(&what);
                fill(builder().create(&path).unwrap());
                let archive = Archive::open(&path).unwrap();
                check(&archive, &what);
                assert_eq!(archive.header().version, version);
                assert_eq!(archive.header().compression.algorithm, algorithm);
                if format == Format::Directory {
                    assert!(builder().start(Cursor::new(Vec::new())).is_err());
                    assert!(builder().create(&path).is_err(), "the directory is not empty");
                    continue;
                }
                assert!(builder().create(&path).is_err(), "the file exists");
                // At an output's end, and through a pipe.
                let mut cursor = Cursor::new(b"before".to_vec());
                cursor.set_position(6);
                let bytes = fill(builder().start(cursor).unwrap()).into_inner();
                check(&Archive::read(bytes[6..].to_vec()).unwrap(), &what);
                let piped = fill(builder().start_pipe(Vec::new()).unwrap());
                let archive = Archive::read(piped.clone()).unwrap();
                check(&archive, &what);
                assert!(stream_all(&piped[..]).unwrap() == read_all(&archive).unwrap(), "{what}");
                if format == Format::Custom {
                    let offset = archive.entry(TABLE).unwrap().data_offset();
                    assert_eq!(offset, Some(DataOffset::NotSet), "{what}");
                    let archive = Archive::read(bytes[6..].to_vec()).unwrap();
                    let offset = archive.entry(TABLE).unwrap().data_offset();
                    assert!(matches!(offset, Some(DataOffset::At(_))), "{what}");
                }
            }
        }
    }
}

#[test]
fn an_archive_that_is_given_up_is_none() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Custom, Format::Tar, Format::Directory] {
        let path = folder.path().join(format.to_string());
        let builder = builder(format, ArchiveVersion::NEWEST, Algorithm::None);
        let mut writer = builder.create(&path).unwrap();
        let mut out = writer.data(TABLE).unwrap();
        out.write_all(&rows()).unwrap();
        out.finish().unwrap();
        drop(writer);
        let error = Archive::open(&path).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotAnArchive(_)), "{format}: {error}");
    }
    // Through a pipe it lacks its end, even when all data was written.
    for format in [Format::Custom, Format::Tar] {
        let mut bytes = Vec::new();
        let builder = builder(format, ArchiveVersion::NEWEST, Algorithm::None);
        let mut writer = builder.start_pipe(&mut bytes).unwrap();
        let mut out = writer.data(TABLE).unwrap();
        out.write_all(&rows()).unwrap();
        out.finish().unwrap();
        writer.data(EMPTY).unwrap().finish().unwrap();
        writer.large_objects(OBJECTS).unwrap().finish().unwrap();
        drop(writer);
        let read = Archive::read(bytes).and_then(|archive| read_all(&archive));
        assert!(read.is_err(), "{format}");
    }
}

#[test]
fn wrong_use_is_an_error() {
    let start = |format| {
        builder(format, ArchiveVersion::NEWEST, Algorithm::None).start_pipe(Vec::new()).unwrap()
    };
    let usage = |result: Result<(), pgdmp::Error>, text: &str| {
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    };
    // Not all data written.
    usage(start(Format::Custom).finish().map(drop), "was not written, in entry 10 TABLE DATA");
    // Not in order.
    for format in [Format::Custom, Format::Tar] {
        let mut writer = start(format);
        usage(writer.data(EMPTY).map(drop), "comes before");
        let seekable = builder(Format::Custom, ArchiveVersion::NEWEST, Algorithm::None);
        let mut writer = seekable.start(Cursor::new(Vec::new())).unwrap();
        writer.data(EMPTY).unwrap().finish().unwrap();
    }
    // Begun and not finished.
    let mut writer = start(Format::Custom);
    drop(writer.data(TABLE).unwrap());
    usage(writer.data(EMPTY).map(drop), "begun and not finished");
    usage(writer.finish().map(drop), "begun and not finished");
    // Twice, of the wrong kind, of no entry.
    let mut writer = start(Format::Custom);
    usage(writer.large_objects(TABLE).map(drop), "no large objects");
    writer.data(TABLE).unwrap().finish().unwrap();
    usage(writer.data(TABLE).map(drop), "already");
    writer.data(EMPTY).unwrap().finish().unwrap();
    usage(writer.data(OBJECTS).map(drop), "large objects");
    usage(writer.data(DumpId(13)).map(drop), "no data");
    let error = writer.data(DumpId(77)).map(drop).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotFound { .. }), "{error}");
    let mut out = writer.large_objects(OBJECTS).unwrap();
    usage(out.object(Oid(0)).map(drop), "OID of no large object");
    drop(out.object(Oid(17)).unwrap());
    usage(out.object(Oid(18)).map(drop), "before another was finished");
    usage(out.finish(), "not finished");
    // A tar of groups whose first large object is not the tag's.
    let mut writer = start(Format::Tar);
    writer.data(TABLE).unwrap().finish().unwrap();
    writer.data(EMPTY).unwrap().finish().unwrap();
    let mut out = writer.large_objects(OBJECTS).unwrap();
    usage(out.object(Oid(18)).map(drop), "does not begin with it");
}

#[test]
fn entries_are_checked() {
    let options = WriteOptions::new().version(ArchiveVersion::new(1, 15));
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    let blobs = |id| EntryFields::new(DumpId(id), Desc::BLOBS, Section::Data).had_dumper(true);
    builder.entry(&blobs(1)).unwrap();
    assert!(builder.entry(&blobs(1)).is_err(), "the id is taken");
    assert!(builder.entry(&blobs(2)).is_err(), "a second BLOBS");
    assert!(builder.entry(&blobs(0)).is_err(), "an id that is none");
    let metadata = EntryFields::new(DumpId(3), Desc::BLOB_METADATA, Section::Data);
    assert!(builder.entry(&metadata).is_err(), "groups before 1.16");
    assert!(builder.session("U'TF8", true).is_err());
    for version in [(1, 11), (1, 17), (2, 0)] {
        let options = WriteOptions::new().version(ArchiveVersion::new(version.0, version.1));
        assert!(ArchiveBuilder::new(Format::Custom, &options).is_err());
    }
    let mut options = WriteOptions::new().compression(Algorithm::Gzip, None);
    assert!(ArchiveBuilder::new(Format::Tar, &options).is_err(), "a compressed tar");
    options = options.compression(Algorithm::Zstd, Some(99));
    assert!(ArchiveBuilder::new(Format::Custom, &options).is_err());
}

/// PostgreSQL 19 refuses the empty file that pg_dump leaves for an empty large object.
#[test]
fn an_empty_large_object_is_a_whole_frame() {
    for algorithm in [Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fill(builder(Format::Directory, ArchiveVersion::NEWEST, algorithm).create(&path).unwrap());
        for file in fs::read_dir(&path).unwrap() {
            let file = file.unwrap();
            assert!(file.metadata().unwrap().len() > 0, "{:?} is empty", file.file_name());
        }
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Custom, Format::Directory] {
        let path = folder.path().join(format.to_string());
        fill(builder(format, ArchiveVersion::NEWEST, Algorithm::None).create(&path).unwrap());
        match format {
            Format::Directory => {
                assert_eq!(mode(&path), 0o700);
                assert_eq!(mode(&path.join("toc.dat")), 0o600);
                assert_eq!(mode(&path.join("10.dat")), 0o600);
            }
            _ => assert_eq!(mode(&path), 0o600),
        }
    }
}
