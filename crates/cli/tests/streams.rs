//! Standard streams that are full, closed or not there: an output that is lost is a failure, a
//! message that is lost is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pgdmp_testkit::fixtures;

const DUMP: &str = "app.dump";

/// What writes to standard output.
const PRINTING: [&[&str]; 19] = [
    &["--help"],
    &["--version"],
    &["convert", "--help"],
    &["list", DUMP],
    &["list", "--json", DUMP],
    &["list", "--explain", DUMP],
    &["show", DUMP],
    &["show", DUMP, "town"],
    &["cat", DUMP, "town"],
    &["du", DUMP],
    &["deps", DUMP],
    &["convert", DUMP, "-"],
    &["convert", DUMP, "-", "--format", "t", "--compress", "none"],
    &["merge", "-", DUMP],
    &["completions", "bash"],
    &["man"],
    &["restore", "--help"],
    &["restore", "-f", "-", DUMP],
    &["restore", "-l", DUMP],
];

/// What says something, and how it ends.
const SAYING: [(&[&str], i32); 8] = [
    (&["--nonsense"], 2),
    (&["list", "nothing"], 2),
    (&["list", "-N", "nothing", DUMP], 0),
    (&["convert", DUMP, "out", "--archive-version", "1.14", "--force"], 0),
    (&["split", DUMP, "parts", "--force"], 0),
    (&["reindex", DUMP], 0),
    (&["restore", "-v", "-f", "sql", DUMP], 0),
    (&["restore", "-f", "sql", "nothing"], 1),
];

struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Scene {
        let scene = Scene(tempfile::tempdir().unwrap());
        fs::copy(fixtures::root().join("pg17/small-custom.dump"), scene.path(DUMP)).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs it with redirections of a shell.
    fn run(&self, redirections: &str, args: &[&str]) -> Output {
        let script = format!("exec \"$@\" {redirections}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_pgdmp")]).args(args);
        command.stdin(Stdio::null()).current_dir(self.0.path()).output().unwrap()
    }
}

fn code(args: &[&str]) -> i32 {
    if args[0] == "restore" { 1 } else { 2 }
}

#[test]
fn an_output_that_is_lost_is_a_failure() {
    let scene = Scene::new();
    let mut ways = vec![(">&-", "Bad file descriptor"), ("1<app.dump", "Bad file descriptor")];
    match Path::new("/dev/full").exists() {
        true => ways.push((">/dev/full", "No space left on device")),
        false => pgdmp_testkit::effort::skipped("there is no /dev/full here"),
    }
    for args in PRINTING {
        for (way, expected) in &ways {
            let is_read = *way == "1<app.dump" && args.contains(&DUMP);
            let expected = if is_read { "is the archive that is read" } else { expected };
            let output = scene.run(way, args);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(code(args)), "{args:?} {way}: {stderr}");
            assert!(stderr.starts_with("pgdmp: error: "), "{args:?} {way}: {stderr}");
            assert!(stderr.contains(expected), "{args:?} {way}: {stderr}");
            // Neither is there anybody to tell.
            let output = scene.run(&format!("{way} 2>&-"), args);
            assert_eq!(output.status.code(), Some(code(args)), "{args:?} {way}");
        }
        let output = scene.run("", args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
        // As it is opened by many who want nothing to be seen.
        let output = scene.run("1<>/dev/null", args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly_unless_it_takes_an_archive() {
    let scene = Scene::new();
    for args in PRINTING {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pgdmp"))
            .args(args)
            .current_dir(scene.0.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        // Half an archive is none, and half a list is what was looked for.
        let (code, said) = match args.contains(&"-") && args[0] != "restore" {
            true => {
                (2, "pgdmp: error: standard output was closed before the archive was complete\n")
            }
            false => (0, ""),
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), said, "{args:?}");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_message_that_is_lost_is_none() {
    let scene = Scene::new();
    for (args, code) in SAYING {
        let output = scene.run("", args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?} says nothing");
        for way in ["2>&-", "2<app.dump", "2>/dev/full"] {
            if way.contains("full") && !Path::new("/dev/full").exists() {
                pgdmp_testkit::effort::skipped("there is no /dev/full here");
                continue;
            }
            assert_eq!(scene.run(way, args).status.code(), Some(code), "{args:?} {way}");
        }
        // A pipe that nobody reads.
        let mut child = Command::new(env!("CARGO_BIN_EXE_pgdmp"))
            .args(args)
            .current_dir(scene.0.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{args:?}");
    }
    // No stream at all.
    let output = scene.run("<&- >&- 2>&-", &["convert", DUMP, "new"]);
    assert_eq!(output.status.code(), Some(0));
    let (new, old) = (fs::read(scene.path("new")).unwrap(), fs::read(scene.path(DUMP)).unwrap());
    assert!(new == old);
}
