//! The program as its users run it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    assert!(path.exists(), "fixture {name} is missing");
    path
}

fn pgdmp(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(args).env("TZ", "UTC").current_dir(fixture(""));
    command
}

fn output(args: &[&str]) -> Output {
    pgdmp(args).stdin(Stdio::null()).output().unwrap()
}

/// Standard output of a run that ended well and had nothing to say.
fn ok(args: &[&str]) -> Vec<u8> {
    let output = output(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{args:?}");
    output.stdout
}

fn text(args: &[&str]) -> String {
    String::from_utf8(ok(args)).unwrap()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&ok(args)).unwrap()
}

/// Standard error of a run that failed.
fn fails(args: &[&str]) -> String {
    ends(2, args)
}

/// Standard error of a run that did not find what it was asked for.
fn misses(args: &[&str]) -> String {
    ends(1, args)
}

fn ends(code: i32, args: &[&str]) -> String {
    let output = output(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The same, with the archive coming through a pipe.
fn piped(archive: &str, args: &[&str]) -> Output {
    let bytes = fs::read(fixture(archive)).unwrap();
    let mut command = pgdmp(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who has seen enough closes the pipe; that is no failure.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[test]
fn list_is_that_of_pg_restore() {
    for (archive, list) in [
        ("pg17/small-custom.dump", "pg17/small-custom.list"),
        ("pg18/core-custom.dump", "pg18/core-custom.list"),
        ("pg15/small-dir", "pg15/small-dir.list"),
        ("pg18/small-tar.tar", "pg18/small-tar.list"),
        ("pg18/mini-custom.dump", "pg18/mini-custom.list"),
    ] {
        let expected = fs::read(fixture(list)).unwrap();
        assert_eq!(ok(&["list", archive]), expected, "{archive}");
        if archive.ends_with("dir") {
            continue;
        }
        assert_eq!(piped(archive, &["list", "-"]).stdout, expected, "{archive} through a pipe");
        let file = File::open(fixture(archive)).unwrap();
        let redirected = pgdmp(&["list", "-"]).stdin(file).output().unwrap();
        assert_eq!(redirected.stdout, expected, "{archive} redirected");
    }
    let verbose = fs::read(fixture("pg18/core-custom.verbose.list")).unwrap();
    assert_eq!(ok(&["list", "-v", "pg18/core-custom.dump"]), verbose);
}

#[test]
fn list_takes_lists_and_selections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edited.list");
    let all = text(&["list", "pg17/small-custom.dump"]);
    let mut lines: Vec<&str> = all.lines().filter(|line| !line.starts_with(';')).collect();
    lines.reverse();
    lines.truncate(3);
    fs::write(&path, format!("; a comment\n{}\nno number\n", lines.join("\n"))).unwrap();
    let output = output(&["list", "-L", path.to_str().unwrap(), "pg17/small-custom.dump"]);
    let found = String::from_utf8(output.stdout).unwrap();
    let found: Vec<&str> = found.lines().filter(|line| !line.starts_with(';')).collect();
    assert_eq!(found, lines);
    assert_eq!(output.stderr, b"pgdmp: warning: line ignored: no number\n");

    let one = text(&["list", "-t", "town", "pg17/small-custom.dump"]);
    let one = one.lines().filter(|line| !line.starts_with(';')).count();
    assert_eq!(one, 3, "table, comment and data");
    // A list with sizes is a list.
    fs::write(&path, ok(&["list", "--long", "pg17/small-custom.dump"])).unwrap();
    assert_eq!(text(&["list", "-L", path.to_str().unwrap(), "pg17/small-custom.dump"]), all);
}

#[test]
fn json_is_json() {
    let list = json(&["list", "--json", "pg18/core-custom.dump"]);
    assert_eq!(list["header"]["format"], "custom");
    let entries = list["entries"].as_array().unwrap();
    assert!(entries.len() > 50);
    assert!(entries.iter().any(|entry| entry["desc"] == "TABLE DATA" && entry["has_data"] == true));
    // Names that are no UTF-8 keep their bytes.
    let raw = json(&["list", "--json", "pg18/sqlascii-custom.dump"]);
    assert!(raw["entries"].to_string().contains("_hex"));

    let show = json(&["show", "--json", "pg18/small-dir"]);
    let header = &show["header"];
    assert_eq!((&header["compression"], &header["encoding"]), (&"gzip".into(), &"UTF8".into()));
    let town = json(&["show", "--json", "pg18/small-dir", "town"]);
    let town = &town["entries"][0];
    assert_eq!(town["desc"], "TABLE");
    assert!(town["defn"].as_str().unwrap().starts_with("CREATE TABLE public.town"));
    let deps = json(&["deps", "--json", "pg18/small-dir"]);
    assert!(!deps["dependencies"].as_array().unwrap().is_empty());
}

#[test]
fn cat_streams_a_table() {
    let expected = "1\tÅbo\t\\N\n2\ttab\\there\t\n3\tback\\\\slash\\nnewline\t\\\\.\n\\.\n\n\n";
    for archive in [
        "pg18/small-custom.dump",
        "pg18/small-dir",
        "pg18/small-tar.tar",
        "pg18/small-lz4.dump",
        "pg18/small-zstd.dump",
        "pg17/small-redirected.dump",
        "pg18/small-dir-zstd",
        "pg18/small-dir-lz4",
        "pg18/small-none.dump",
    ] {
        for object in ["town", "public.town", "TABLE DATA public.town", "\"public\".\"town\""] {
            assert_eq!(text(&["cat", archive, object]), expected, "{archive} {object}");
        }
        if !archive.contains("dir") {
            let output = piped(archive, &["cat", "-", "public.town"]);
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{archive}");
        }
    }
}

#[test]
fn cat_streams_a_large_object() {
    let whole = ok(&["cat", "pg18/small-none.dump", "LARGE OBJECT 30002"]);
    assert!(!whole.is_empty());
    for archive in ["pg18/small-custom.dump", "pg18/small-dir", "pg18/small-tar.tar"] {
        assert_eq!(ok(&["cat", archive, "blob 30002"]), whole, "{archive}");
    }
    for archive in ["pg18/small-custom.dump", "pg18/small-tar.tar"] {
        let output = piped(archive, &["cat", "-", "LARGE OBJECT 30002"]);
        assert_eq!(output.stdout, whole, "{archive}");
    }
    let error = misses(&["cat", "pg18/small-dir", "LARGE OBJECT 1"]);
    assert_eq!(error, "pgdmp: error: large object 1 is not in the archive\n");
}

#[test]
fn cat_prints_a_part() {
    for archive in ["pg18/small-custom.dump", "pg18/small-zstd.dump", "pg18/small-none.dump"] {
        let whole = ok(&["cat", archive, "town"]);
        let len = whole.len();
        for (range, part) in [
            ("0..7".to_owned(), &whole[..7]),
            ("3..9".to_owned(), &whole[3..9]),
            ("..".to_owned(), &whole[..]),
            (format!("{}..", len - 5), &whole[len - 5..]),
            (format!("5..{}", len + 9), &whole[5..]),
            (format!("{}..{}", len + 1, u64::MAX), &[]),
            ("4..4".to_owned(), &[]),
        ] {
            assert_eq!(ok(&["cat", archive, "town", "--bytes", &range]), part, "{archive} {range}");
            let piped = piped(archive, &["cat", "-", "town", "--bytes", &range]);
            assert_eq!(piped.stdout, part, "{archive} {range}");
        }
    }
    let archive = "pg18/small-dir";
    for wrong in ["7", "9..7", "a..7", "-1..7", "1...7"] {
        fails(&["cat", archive, "town", &format!("--bytes={wrong}")]);
    }
    for wrong in ["0..7", "9..7", "a", "1..x"] {
        fails(&["cat", archive, "town", &format!("--rows={wrong}")]);
    }
    fails(&["cat", archive, "town", "parcel", "--bytes=0..1"]);
    fails(&["cat", archive, "LARGE OBJECT 30002", "--bytes=0..1"]);
}

#[test]
fn objects_that_are_not_there_or_not_alone() {
    let error = misses(&["cat", "pg18/small-dir", "tow"]);
    assert!(error.contains("\"tow\" is not in the archive; it has"), "{error}");
    let error = fails(&["cat", "pg18/small-dir", "counter"]);
    assert!(error.contains("SEQUENCE public.counter has no data"), "{error}");
    let error = misses(&["show", "pg18/core-custom.dump", "t"]);
    assert!(error.contains("not in the archive"), "{error}");
    let error = fails(&["cat", "pg18/small-dir", "30001..30003"]);
    assert!(error.contains("'LARGE OBJECT 30001'"), "{error}");
    // Two of one name differ in the quotes, with which either is found.
    let error = fails(&["show", "cases/clash.dump", "a.b.c"]);
    for name in ["TABLE a.\"b.c\"", "TABLE \"a.b\".c"] {
        assert!(error.contains(&format!("  {name}\n")), "{error}");
        assert!(text(&["show", "cases/clash.dump", name]).contains("CREATE TABLE"), "{name}");
    }
}

#[test]
fn du_is_the_same_through_a_pipe() {
    for archive in ["pg18/small-custom.dump", "pg18/small-tar.tar", "pg17/small-redirected.dump"] {
        for options in [&["--bytes"][..], &["--bytes", "--raw"], &["--json"], &["--schemas"]] {
            let direct = text(&[&["du", archive], options].concat());
            let output = piped(archive, &[&["du", "-"], options].concat());
            assert_eq!(String::from_utf8(output.stdout).unwrap(), direct, "{archive} {options:?}");
        }
    }
    let du = json(&["du", "--json", "--raw", "pg18/small-dir"]);
    let tables = du["tables"].as_array().unwrap();
    let sum: u64 = tables.iter().map(|table| table["raw_bytes"].as_u64().unwrap()).sum();
    assert_eq!(du["total"]["raw_bytes"], sum);
}

#[test]
fn deps_say_why() {
    let tree = text(&["deps", "pg18/small-dir", "TABLE ATTACH public.parcel_0"]);
    assert!(tree.contains("└─") && tree.contains("TABLE public.parcel\n"), "{tree}");
    let reverse = text(&["deps", "--reverse", "pg18/small-dir", "town"]);
    assert!(reverse.contains("TABLE DATA public.town"), "{reverse}");
    let why = text(&["deps", "pg18/small-dir", "TABLE DATA public.town", "--why", "town"]);
    assert!(why.contains("└─ needs"), "{why}");
    let no = output(&["deps", "pg18/small-dir", "town", "--why", "vacant"]);
    assert_eq!(no.status.code(), Some(1));
    let dot = text(&["deps", "--dot", "pg18/core-custom.dump"]);
    assert!(dot.starts_with("digraph") && dot.ends_with("}\n"));
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
}

#[test]
fn what_is_no_archive_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for (bytes, words) in [
        (&b""[..], "the input is empty"),
        (b"PGD", "too short"),
        (b"--\n-- PostgreSQL database dump\n--\n\n", "plain SQL dump"),
        (b"--\n-- PostgreSQL database cluster dump\n--\n\n", "pg_dumpall"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip file"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = fails(&["list", path.to_str().unwrap()]);
        assert!(error.contains(words) && error.contains("pgdmp: hint: "), "{error}");
    }
    let error = fails(&["list", folder.path().to_str().unwrap()]);
    assert!(error.contains("no toc.dat"), "{error}");
    let error = fails(&["list", "no such file"]);
    assert!(error.contains("no such file: "), "{error}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    for args in [
        &["cat", "pg18/mini-custom.dump", "LARGE OBJECT 2000001"][..],
        &["list", "pg18/core-custom.dump"],
    ] {
        let mut child = pgdmp(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), &*stderr), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = File::create("/dev/full") else {
        pgdmp_testkit::effort::skipped("there is no /dev/full here");
        return;
    };
    let output = pgdmp(&["list", "pg18/core-custom.dump"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("pgdmp: error: could not write: "), "{stderr}");
}

#[test]
fn help_and_what_is_made_from_it() {
    for command in ["list", "show", "cat", "du", "deps", "completions", "man"] {
        let help = text(&["help", command]);
        assert!(help.contains("Examples:"), "{command}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(text(&["completions", shell]).contains("pgdmp"));
    }
    assert!(text(&["man"]).contains(".TH pgdmp"));
    let folder = tempfile::tempdir().unwrap();
    ok(&["man", "--dir", folder.path().to_str().unwrap()]);
    assert!(folder.path().join("pgdmp-list.1").exists());
    assert_eq!(output(&["nonsense"]).status.code(), Some(2));
}

#[test]
fn options_of_restore_are_in_all_that_is_made_from_help() {
    let folder = tempfile::tempdir().unwrap();
    ok(&["man", "--dir", folder.path().to_str().unwrap()]);
    let page = fs::read_to_string(folder.path().join("pgdmp-restore.1")).unwrap();
    let page = page.replace('\\', "");
    let completed = crate::completions::next(&pgdmp_testkit::fixtures::root(), &["restore", "--"]);
    let help = text(&["restore", "--help"]);
    let mut options = 0;
    for line in help.lines().filter(|line| line.trim_start().starts_with('-')) {
        for word in line.split([' ', ',', '=']).filter(|word| word.starts_with("--")) {
            assert!(completed.iter().any(|option| option == word), "{word} in {completed:?}");
            assert!(page.contains(&format!("fB{word}fR")), "{word} in the manual page");
            options += 1;
        }
    }
    assert!(options > 60, "{options}");
}
