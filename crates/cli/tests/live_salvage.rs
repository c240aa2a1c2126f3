//! Archives are damaged at random. What `pgdmp salvage` makes of them, the installed pg_restore can
//! restore; and there are at least the rows that it gets of the damaged archive.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pgdmp_testkit::effort::is_endless;
use pgdmp_testkit::server::find_pg_restore;

type Rows = HashMap<String, Vec<Vec<u8>>>;

/// The rows of each table in a script; of a table whose rows have no end, none.
fn rows(script: &[u8]) -> Rows {
    let mut rows = Rows::new();
    let mut table: Option<(String, Vec<Vec<u8>>)> = None;
    for line in script.split(|byte| *byte == b'\n') {
        table = match table.take() {
            None if line.starts_with(b"COPY ") && line.ends_with(b" FROM stdin;") => {
                let name = line.split(|byte| *byte == b' ').nth(1).unwrap();
                Some((String::from_utf8_lossy(name).into_owned(), Vec::new()))
            }
            None => None,
            Some((name, all)) if line == b"\\." => {
                rows.entry(name).or_default().extend(all);
                None
            }
            Some((name, mut all)) => {
                all.push(line.to_vec());
                Some((name, all))
            }
        };
    }
    rows
}

/// The script of an archive, as far as pg_restore gets: some damage makes it run for ever.
fn script(pg_restore: &Path, archive: &Path, to: &Path) -> (Option<i32>, Vec<u8>) {
    let _ = fs::remove_file(to);
    let mut child = Command::new(pg_restore)
        .arg("-f")
        .arg(to)
        .arg(archive)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..200 {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), fs::read(to).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut script = fs::read(to).unwrap_or_default();
    script.truncate(20 << 20);
    (None, script)
}

#[test]
fn live_nothing_is_lost_that_pg_restore_gets() {
    let Some(pg_restore) = find_pg_restore("live_nothing_is_lost_that_pg_restore_gets") else {
        return;
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let archives: Vec<PathBuf> =
        ["pg15/latin1-custom.dump", "pg14/mini-child.dump", "pg13/mini-level9.dump"]
            .iter()
            .map(|name| fixtures.join(name))
            .collect();
    let folder = tempfile::tempdir().unwrap();
    let [damaged, new, text] = ["damaged", "new", "text"].map(|name| folder.path().join(name));
    let mut random = fastrand::Rng::with_seed(6);
    let (mut compared, mut lost) = (0, 0);
    for round in 0..if is_endless() { 10_000 } else { 60 } {
        let archive = &archives[random.usize(..archives.len())];
        let good = fs::read(archive).unwrap();
        let mut bytes = good.clone();
        let at = random.usize(100..bytes.len());
        let len = random.usize(1..600).min(bytes.len() - at);
        match random.u8(..6) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at..at + len].fill(0),
            2 => drop(bytes.drain(at..at + len)),
            3 => drop(bytes.splice(at..at, (0..len).map(|n| n as u8))),
            4 => bytes.truncate(at),
            _ => bytes.copy_within(100..100 + len, at),
        }
        fs::write(&damaged, &bytes).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_pgdmp"))
            .args(["salvage", "--force"])
            .args([&damaged, &new])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let what = format!("round {round} of {}", archive.display());
        let said = String::from_utf8_lossy(&output.stderr);
        let (_, theirs) = script(&pg_restore, &damaged, &text);
        let (theirs, original) = (rows(&theirs), rows(&script(&pg_restore, archive, &text).1));
        let ours = match output.status.code() {
            Some(2) => Rows::new(),
            Some(0 | 1) => {
                let (code, ours) = script(&pg_restore, &new, &text);
                assert_eq!(code, Some(0), "{what}: {said}");
                rows(&ours)
            }
            code => panic!("{what}: {code:?}: {said}"),
        };
        lost += usize::from(output.status.code() == Some(1));
        // Data of a lost entry has another name.
        let all: Vec<&Vec<u8>> = ours.values().flatten().collect();
        for (table, theirs) in theirs {
            let real = original.get(&table).cloned().unwrap_or_default();
            for row in theirs.iter().filter(|row| real.contains(row)) {
                assert!(all.contains(&row), "{what}: {table} lost {row:?}: {said}");
                compared += 1;
            }
        }
    }
    assert!(compared > 0 && lost > 0);
}
