//! Offsets written into archives that have none.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgdmp::{
    Archive, ArchiveBuilder, ArchiveVersion, DataOffset, Desc, DumpId, EntryFields, ErrorKind,
    Format, Section, WriteOptions,
};

use crate::support::contents::read_all;
use crate::support::fixtures;
#[cfg(all(unix, feature = "cli"))]
use crate::support::program::Nobody;

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

fn journal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pgdmp-journal");
    name.into()
}

/// Killed at any instant it leaves the old or the new table of contents, or a journal, with which
/// the next run completes the new one; and each entry has its right offset or none.
#[cfg(feature = "cli")]
#[test]
fn killed_at_any_instant_it_is_whole() {
    const ENTRIES: i32 = 5_000;
    let piped = fill(small(ENTRIES).start_pipe(Vec::new()).unwrap(), ENTRIES);
    let whole = fill(small(ENTRIES).start(Cursor::new(Vec::new())).unwrap(), ENTRIES).into_inner();
    let right = Archive::read(whole.clone()).unwrap();
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
    let (mut old, mut between, mut new) = (0, 0, 0);
    for step in 0..40 {
        fs::write(&path, &piped).unwrap();
        let mut child = run();
        std::thread::sleep(took.mul_f64(f64::from(step) / 36.0).max(Duration::from_micros(10)));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = fs::read(&path).unwrap();
        let archive = Archive::read(left.clone()).unwrap();
        for (entry, right) in archive.entries().zip(right.entries()) {
            assert!(
                entry.data_offset() == Some(DataOffset::NotSet)
                    || entry.data_offset() == right.data_offset()
            );
        }
        let resumed = journal(&path).exists();
        match resumed {
            true => between += 1,
            false if left == piped => old += 1,
            false => {
                assert!(left == whole);
                new += 1;
            }
        }
        assert_eq!(pgdmp::reindex(&path).unwrap().resumed, resumed);
        assert!(fs::read(&path).unwrap() == whole);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
    }
    eprintln!("killed before {old}, between {between}, behind {new}");
    assert!(old > 0 && between > 0);
}

#[cfg(unix)]
#[test]
fn links_stay_links() {
    let whole = fill(small(3).start(Cursor::new(Vec::new())).unwrap(), 3).into_inner();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("deep")).unwrap();
    fs::write(path("deep/archive"), fill(small(3).start_pipe(Vec::new()).unwrap(), 3)).unwrap();
    fs::hard_link(path("deep/archive"), path("hard")).unwrap();
    std::os::unix::fs::symlink("deep/archive", path("soft")).unwrap();
    // The journal of a run that was killed is beside the file, not beside the link.
    fs::write(journal(&path("deep/archive")), "").unwrap();
    let done = pgdmp::reindex(path("soft")).unwrap();
    assert!(done.resumed && done.written == 3 && !journal(&path("deep/archive")).exists());
    assert!(fs::symlink_metadata(path("soft")).unwrap().is_symlink());
    for name in ["hard", "soft", "deep/archive"] {
        assert!(fs::read(path(name)).unwrap() == whole, "{name}");
    }
    // A link in the journal's place is not followed.
    fs::write(path("hard"), fill(small(3).start_pipe(Vec::new()).unwrap(), 3)).unwrap();
    fs::write(path("precious"), "precious").unwrap();
    std::os::unix::fs::symlink(path("precious"), journal(&path("hard"))).unwrap();
    pgdmp::reindex(path("hard")).unwrap();
    assert_eq!(fs::read(path("precious")).unwrap(), b"precious");
    assert!(fs::symlink_metadata(journal(&path("hard"))).is_err());
}

#[test]
fn another_at_the_same_time_is_refused() {
    let piped = fill(small(3).start_pipe(Vec::new()).unwrap(), 3);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &piped).unwrap();
    let other = fs::File::open(file.path()).unwrap();
    other.lock().unwrap();
    let error = pgdmp::reindex(file.path()).unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
    assert!(fs::read(file.path()).unwrap() == piped);
    drop(other);
    assert_eq!(pgdmp::reindex(file.path()).unwrap().written, 3);
}

/// Neither an archive that may not be written to, nor a folder in which no journal can be.
#[cfg(all(unix, feature = "cli"))]
#[test]
fn without_permission_nothing_is_done() {
    use std::os::unix::fs::PermissionsExt;
    let Some(nobody) = Nobody::new() else { return };
    let piped = fill(small(3).start_pipe(Vec::new()).unwrap(), 3);
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let path = folder.path().join("archive");
    fs::write(&path, &piped).unwrap();
    for (of_file, of_folder, expected) in [
        (0o444, 0o777, "Permission denied"),
        (0o666, 0o555, "could not write the journal beside it: Permission denied"),
        (0o666, 0o777, ""),
    ] {
        mode(&path, of_file);
        mode(folder.path(), of_folder);
        let output = nobody.pgdmp().args(["reindex"]).arg(&path).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        if expected.is_empty() {
            assert_eq!(output.status.code(), Some(0), "{stderr}");
            continue;
        }
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("pgdmp: error: ") && stderr.contains(expected), "{stderr}");
        assert!(stderr.contains("archive"), "{stderr}");
        assert!(fs::read(&path).unwrap() == piped && !journal(&path).exists());
    }
}
