//! Offsets written into archives that have none.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use pgdmp::toc::{ArchiveVersion, DataOffset};
use pgdmp::{Archive, ErrorKind, Format};

use pgdmp_testkit::archives::{fill, small};
use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::fixtures;

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
            let error = pgdmp::edit::reindex(&path).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{error}");
            assert!(fs::read(&path).unwrap() == bytes, "{}", fixture.name);
            continue;
        }
        let done = pgdmp::edit::reindex(&path).unwrap();
        let after = fs::read(&path).unwrap();
        assert_eq!(done.written > 0, after != bytes, "{}", fixture.name);
        assert_eq!(after.len(), bytes.len(), "{}", fixture.name);
        let archive = Archive::read(after).unwrap();
        assert!(archive.entries().filter(|e| e.has_data()).all(is_set), "{}", fixture.name);
        assert!(read_all(&archive).unwrap() == read_all(&before).unwrap(), "{}", fixture.name);
        assert_eq!(pgdmp::edit::reindex(&path).unwrap().written, 0, "{}", fixture.name);
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
        pgdmp::edit::reindex(file.path()).unwrap();
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
        assert!(pgdmp::edit::reindex(file.path()).is_err());
        assert!(fs::read(file.path()).unwrap() == cut);
    }
}

fn journal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pgdmp-journal");
    name.into()
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
    let done = pgdmp::edit::reindex(path("soft")).unwrap();
    assert!(done.resumed && done.written == 3 && !journal(&path("deep/archive")).exists());
    assert!(fs::symlink_metadata(path("soft")).unwrap().is_symlink());
    for name in ["hard", "soft", "deep/archive"] {
        assert!(fs::read(path(name)).unwrap() == whole, "{name}");
    }
    // A link in the journal's place is neither followed nor removed.
    fs::write(path("hard"), fill(small(3).start_pipe(Vec::new()).unwrap(), 3)).unwrap();
    fs::write(path("precious"), "precious").unwrap();
    std::os::unix::fs::symlink(path("precious"), journal(&path("hard"))).unwrap();
    let error = pgdmp::edit::reindex(path("hard")).unwrap_err();
    assert!(error.to_string().contains("is no journal of pgdmp"), "{error}");
    assert_eq!(fs::read(path("precious")).unwrap(), b"precious");
    assert!(fs::symlink_metadata(journal(&path("hard"))).unwrap().is_symlink());
}

#[test]
fn another_at_the_same_time_is_refused() {
    let piped = fill(small(3).start_pipe(Vec::new()).unwrap(), 3);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &piped).unwrap();
    let other = fs::File::open(file.path()).unwrap();
    other.lock().unwrap();
    let error = pgdmp::edit::reindex(file.path()).unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
    assert!(fs::read(file.path()).unwrap() == piped);
    drop(other);
    assert_eq!(pgdmp::edit::reindex(file.path()).unwrap().written, 3);
}
