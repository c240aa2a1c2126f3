//! `reindex`, killed at any instant and without permission.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgdmp::Archive;
use pgdmp::toc::DataOffset;

use pgdmp_testkit::archives::{fill, small};

#[cfg(unix)]
use crate::support::Nobody;

fn journal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pgdmp-journal");
    name.into()
}

/// Killed at any instant it leaves the old or the new table of contents, or a journal, with which
/// the next run completes the new one; and each entry has its right offset or none.
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
        // Ended by whatever signal.
        if cfg!(unix) && step % 2 == 0 {
            let sent = Command::new("kill").arg(child.id().to_string()).output();
            drop(sent.unwrap());
        } else {
            child.kill().unwrap();
        }
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
        assert_eq!(pgdmp::edit::reindex(&path).unwrap().resumed, resumed);
        assert!(fs::read(&path).unwrap() == whole);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
    }
    eprintln!("killed before {old}, between {between}, behind {new}");
    assert!(old > 0 && between > 0);
}

/// Neither an archive that may not be written to, nor a folder in which no journal can be.
#[cfg(unix)]
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
