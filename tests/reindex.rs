//! Offsets written into archives that have none.

use std::fs;
use std::io::Cursor;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgdmp::{
    Archive, ArchiveBuilder, ArchiveVersion, DataOffset, Desc, DumpId, EntryFields, ErrorKind,
    Format, Section, WriteOptions,
};

use crate::support::contents::read_all;
use crate::support::fixtures;

fn is_set(entry: pgdmp::TocEntry<'_>) -> bool {
    matches!(entry.data_offset(), Some(DataOffset::At(_)))
}

#[test]
fn every_custom_fixture_gets_its_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    let (mut written, mut untouched) = (0, 0);
    for fixture in fixtures::real().into_iter().chain(fixtures::synthetic()) {
        let bytes = match fixture.is_directory() {
            true => continue,
            false => fixture.bytes(),
        };
        fs::write(&path, &bytes).unwrap();
        let before = Archive::read(bytes.clone()).unwrap();
        let version = before.header().version;
        if before.format() != Format::Custom || version < ArchiveVersion::new(1, 7) {
            let error = pgdmp::reindex(&path).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{error}");
            assert!(fs::read(&path).unwrap() == bytes, "{}", fixture.name);
            continue;
        }
        let done = pgdmp::reindex(&path).unwrap();
        let after = fs::read(&path).unwrap();
        assert_eq!(done.written > 0, after != bytes, "{}", fixture.name);
        assert_eq!(after.len(), bytes.len(), "{}", fixture.name);
        let archive = Archive::read(after).unwrap();
        assert!(archive.entries().filter(|e| e.has_data()).all(is_set), "{}", fixture.name);
        assert!(read_all(&archive).unwrap() == read_all(&before).unwrap(), "{}", fixture.name);
        assert_eq!(pgdmp::reindex(&path).unwrap().written, 0, "{}", fixture.name);
        if done.written > 0 { written += 1 } else { untouched += 1 }
    }
    assert!(written > 5 && untouched > 5, "{written} {untouched}");
}

/// What pg_dump's own second pass over the file would have written is what is written here.
#[test]
fn it_is_what_pg_dump_writes() {
    for offsets in [true, false] {
        let builder = small(3);
        let bytes = match offsets {
            true => fill(builder.start(Cursor::new(Vec::new())).unwrap(), 3).into_inner(),
            false => fill(builder.start_pipe(Vec::new()).unwrap(), 3),
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &bytes).unwrap();
        pgdmp::reindex(file.path()).unwrap();
        let whole = fill(small(3).start(Cursor::new(Vec::new())).unwrap(), 3).into_inner();
        assert!(fs::read(file.path()).unwrap() == whole);
    }
}

#[test]
fn what_is_cut_off_stays_as_it_is() {
    let bytes = fill(small(3).start_pipe(Vec::new()).unwrap(), 3);
    let file = tempfile::NamedTempFile::new().unwrap();
    for cut in [1, 10, 30] {
        let cut = &bytes[..bytes.len() - cut];
        fs::write(file.path(), cut).unwrap();
        assert!(pgdmp::reindex(file.path()).is_err());
        assert!(fs::read(file.path()).unwrap() == cut);
    }
}

fn small(entries: i32) -> ArchiveBuilder {
    let mut options = WriteOptions::new();
    options.created(pgdmp::CreationTime::from_fields([0, 0, 0, 1, 0, 100, 0]));
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    for id in 1..=entries {
        let tag = format!("table {id}");
        builder
            .entry(&EntryFields {
                tag: Some(tag.as_bytes()),
                had_dumper: true,
                ..EntryFields::new(DumpId(id), Desc::TABLE_DATA, Section::Data)
            })
            .unwrap();
    }
    builder
}

fn fill<W: std::io::Write>(mut writer: pgdmp::ArchiveWriter<W>, entries: i32) -> W {
    for id in 1..=entries {
        let mut out = writer.data(DumpId(id)).unwrap();
        std::io::Write::write_all(&mut out, format!("{id}\n").as_bytes()).unwrap();
        out.finish().unwrap();
    }
    writer.finish().unwrap()
}

/// Killed at any instant, each entry has its right offset or none.
#[cfg(all(feature = "cli", unix))]
#[test]
fn killed_at_any_instant_it_is_whole() {
    const ENTRIES: i32 = 20_000;
    let piped = fill(small(ENTRIES).start_pipe(Vec::new()).unwrap(), ENTRIES);
    let whole = fill(small(ENTRIES).start(Cursor::new(Vec::new())).unwrap(), ENTRIES).into_inner();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_pgdmp"))
            .args(["reindex", "-q"])
            .arg(&path)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    fs::write(&path, &piped).unwrap();
    let start = Instant::now();
    assert!(run().wait().unwrap().success());
    let took = start.elapsed();
    assert!(fs::read(&path).unwrap() == whole);
    for step in 0..25 {
        fs::write(&path, &piped).unwrap();
        let mut child = run();
        std::thread::sleep(took.mul_f64(f64::from(step) / 24.0).max(Duration::from_micros(10)));
        child.kill().unwrap();
        child.wait().unwrap();
        let archive = Archive::open(&path).unwrap();
        let right = Archive::read(whole.clone()).unwrap();
        for (entry, right) in archive.entries().zip(right.entries()) {
            assert!(
                entry.data_offset() == Some(DataOffset::NotSet)
                    || entry.data_offset() == right.data_offset()
            );
        }
        pgdmp::reindex(&path).unwrap();
        assert!(fs::read(&path).unwrap() == whole);
    }
}
