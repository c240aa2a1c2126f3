//! What is no archive, or surrounds one: what the program says of it, and what it advises.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pgdmp_testkit::foreign;

use crate::support::pgdmp;

fn run(args: &[&str]) -> Output {
    pgdmp().args(args).stdin(Stdio::null()).output().unwrap()
}

/// With these bytes in a pipe.
fn piped(args: &[&str], bytes: &[u8]) -> Output {
    let mut child = pgdmp()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    // Who has seen enough closes the pipe; that is no failure.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Standard error of a run that failed and wrote nothing.
fn failed(output: Output, code: i32, what: &str) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
    assert!(output.stdout.is_empty(), "{what}");
    stderr
}

#[test]
fn other_files_are_named_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a file");
    let name = path.to_str().unwrap();
    for case in foreign::all() {
        fs::write(&path, &case.bytes).unwrap();
        let redirected = pgdmp().args(["list", "-"]).stdin(File::open(&path).unwrap()).output();
        for (how, output) in [
            ("file", run(&["list", name])),
            ("redirected", redirected.unwrap()),
            ("pipe", piped(&["list", "-"], &case.bytes)),
            ("convert", run(&["convert", name, folder.path().join("new").to_str().unwrap()])),
        ] {
            let what = format!("{}, {how}", case.name);
            let stderr = failed(output, 2, &what);
            let (error, hint) = stderr.split_once("pgdmp: hint: ").expect(&what);
            assert!(error.contains(case.message), "{what}: {error}");
            assert!(hint.contains(case.advice), "{what}: {hint}");
            if how == "file" && case.advice.ends_with(' ') {
                assert!(hint.contains(&format!("'{name}'")), "{what}: {hint}");
            }
        }
        // pg_restore's line comes first, and under its name there is no other.
        for (how, output) in [
            ("restore", run(&["restore", "-f", "-", name])),
            ("restore of a pipe", piped(&["restore", "-l"], &case.bytes)),
        ] {
            let what = format!("{}, {how}", case.name);
            let stderr = failed(output, 1, &what);
            assert!(stderr.starts_with("pgdmp: error: "), "{what}: {stderr}");
            let (_, hint) = stderr.split_once("\npgdmp: hint: ").expect(&what);
            assert!(hint.contains(case.advice), "{what}: {hint}");
        }
        let stderr = failed(as_pg_restore(&["-l", name]), 1, case.name);
        assert_eq!(stderr.lines().count(), 1, "{}: {stderr}", case.name);
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

fn as_pg_restore(args: &[&str]) -> Output {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.arg0("pg_restore").args(args).output().unwrap()
}

/// A command that is advised does what it promises.
#[test]
fn what_stands_before_an_archive_is_cut_off_as_advised() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = pgdmp_testkit::fixtures::root().join("pg18/small-custom.dump");
    let archive = pgdmp_testkit::fixtures::bytes(&fixture);
    let path = folder.path().join("with-greeting.dump");
    fs::write(&path, [&b"Welcome!\n\n"[..], &archive].concat()).unwrap();
    let stderr = failed(run(&["list", path.to_str().unwrap()]), 2, "list");
    let (_, command) = stderr.trim_end().split_once("cut that off: ").unwrap();
    let new = folder.path().join("NEW");
    let status = Command::new("sh")
        .args(["-e", "-c", command])
        .current_dir(folder.path())
        .env("PATH", path_with_program())
        .status()
        .unwrap();
    assert!(status.success(), "{command}");
    let script = |path: &Path| {
        let restore = ["restore", "-f", "-", "--restrict-key=x", path.to_str().unwrap()];
        let output = run(&restore);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_eq!(script(&new), script(&fixture));
}

/// Where commands are looked for, this program's first.
fn path_with_program() -> std::ffi::OsString {
    let own = Path::new(env!("CARGO_BIN_EXE_pgdmp")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([own].into_iter().chain(std::env::split_paths(&others))).unwrap()
}
