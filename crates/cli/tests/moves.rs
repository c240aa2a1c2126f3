//! Archives that are damaged where it shows when their data is moved: refused by what writes one,
//! and told by what looks at one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use pgdmp::toc::ArchiveVersion;
use pgdmp::{Archive, Format};

use crate::support::pgdmp;
use pgdmp_testkit::build::{self, Block};
use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::fixtures;

fn case(name: &str) -> PathBuf {
    fixtures::root().join("cases").join(name)
}

/// Runs the program; an archive `-` among the arguments is `input` through a pipe.
fn run(folder: &Path, args: &[&str], input: &Path) -> Output {
    let mut command = pgdmp();
    command.args(args).current_dir(folder).stdin(Stdio::null());
    let mut cat = None;
    if args.iter().enumerate().any(|(n, arg)| *arg == "-" && args[n - 1] != "-f") {
        let mut child = std::process::Command::new("cat")
            .arg("-")
            .stdin(File::open(input).unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        command.stdin(child.stdout.take().unwrap());
        cat = Some(child);
    }
    let output = command.output().unwrap();
    cat.map(|mut cat| cat.wait().unwrap());
    output
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Every way to make another archive of one.
fn writers(input: &str) -> Vec<Vec<&str>> {
    let mut all = vec![
        vec!["convert", input, "out"],
        vec!["convert", input, "out", "--format", "d"],
        vec!["convert", input, "out", "--check"],
    ];
    if input != "-" {
        all.push(vec!["split", input, "out"]);
        all.push(vec!["merge", "out", input]);
    }
    all
}

#[test]
fn a_cut_archive_is_refused_or_told() {
    for (name, entry) in [
        ("offsets-cut.dump", 3476),
        ("no-offsets-cut.dump", 3476),
        ("cut.tar", 3476),
        ("cut-15000.dump", 3484),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = case(name);
        let input = path.to_str().unwrap();
        for args in writers(input).into_iter().chain(writers("-")) {
            let output = run(folder.path(), &args, &path);
            let text = said(&output);
            assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
            // A tar is not looked at entry by entry where nothing changes; splitting stops at the
            // first part.
            let named = text.contains(&format!("entry {entry} ")) || text.contains("of the tar");
            let early = args.contains(&"split") || args.contains(&"merge");
            assert!(named || early, "{args:?}: {text}");
            assert!(text.contains("unexpected end of input"), "{args:?}: {text}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{args:?}");
        }
        let mut lookers = vec![vec!["du", input], vec!["list", "--long", input]];
        if name != "no-offsets-cut.dump" {
            lookers.push(vec!["show", input]);
        }
        for args in lookers {
            let output = run(folder.path(), &args, &path);
            let text = said(&output);
            assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
            assert!(text.starts_with("pgdmp: warning: unexpected end of input"), "{text}");
        }
        if name.ends_with(".dump") {
            let copy = folder.path().join("copy");
            fs::copy(&path, &copy).unwrap();
            let output = run(folder.path(), &["reindex", "copy"], &path);
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(fs::read(&copy).unwrap(), fs::read(&path).unwrap());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}

/// The rows of each table of a whole script, in its order.
fn rows_of(script: Vec<u8>) -> Vec<(String, String)> {
    let script = String::from_utf8(script).unwrap();
    assert!(script.contains("\n-- PostgreSQL database dump complete\n"), "{script}");
    let copies = script.split("\nCOPY public.").skip(1);
    let rows = copies.map(|copy| {
        let (head, rest) = copy.split_once('\n').unwrap();
        let (rows, _) = rest.split_once("\\.\n").unwrap();
        (head.split(' ').next().unwrap().to_owned(), rows.to_owned())
    });
    rows.collect()
}

/// Zeros behind a gzip file end nothing; what is cut off is named, in restore as in cat.
#[test]
fn padded_and_cut_files() {
    let folder = tempfile::tempdir().unwrap();
    let (padded, cut) = (case("padded.dir"), case("cut.dir"));
    let padded_name = padded.to_str().unwrap();
    let output = run(folder.path(), &["restore", "-f", "-", padded_name], &padded);
    assert_eq!((output.status.code(), &*said(&output)), (Some(0), ""));
    let rows = rows_of(output.stdout);
    assert_eq!(rows, [("a".to_owned(), "1\n".to_owned()), ("z".to_owned(), "26\n".to_owned())]);
    let output = run(folder.path(), &["cat", padded_name, "a"], &padded);
    assert_eq!((output.status.code(), &*said(&output)), (Some(0), ""));
    for args in writers(padded_name) {
        let output = run(folder.path(), &args, &padded);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
        if args[0] != "split" {
            let restored = run(folder.path(), &["restore", "-f", "-", "out"], &padded);
            assert_eq!((restored.status.code(), &*said(&restored)), (Some(0), ""), "{args:?}");
            assert_eq!(rows_of(restored.stdout), rows, "{args:?}");
        }
        let out = folder.path().join("out");
        let _ = fs::remove_dir_all(&out).or_else(|_| fs::remove_file(&out));
    }
    let cut_name = cut.to_str().unwrap();
    let named = "unexpected end of input in compressed data, in entry 3475 TABLE DATA public.a, \
                 in 3475.dat.gz at offset 15\n";
    for (args, code) in [
        (vec!["restore", "-f", "-", cut_name], 1),
        (vec!["cat", cut_name, "a"], 2),
        (vec!["convert", cut_name, "out"], 2),
        (vec!["split", cut_name, "out"], 2),
        (vec!["merge", "out", cut_name], 2),
    ] {
        let output = run(folder.path(), &args, &cut);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.starts_with(&format!("pgdmp: error: {named}")), "{args:?}: {text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{args:?}");
    }
}

/// A folder of an archive, in which a file is changed.
fn changed(from: &str, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in fixtures::members(&fixtures::root().join(from)) {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let path = folder.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
    folder
}

/// What is cut to nothing is not made a good empty one; what is cut in the middle shows.
#[test]
fn emptied_and_cut_members() {
    for (from, file, keep, expected) in [
        ("pg18/small-dir", "blob_30003.dat.gz", 0, "unexpected end of input in compressed data"),
        ("pg18/small-dir", "blob_30003.dat.gz", 20, "unexpected end of input in compressed data"),
        ("pg18/small-dir", "3491.dat.gz", 0, "unexpected end of input in compressed data"),
        ("pg18/small-dir-lz4", "3491.dat.lz4", 40, "unexpected end of input in compressed data"),
        ("pg18/small-dir-zstd", "3491.dat.zst", 40, "unexpected end of input in compressed data"),
        ("pg18/small-dir-zstd", "3491.dat.zst", 0, "unexpected end of input in compressed data"),
        ("pg18/small-dir-none", "3491.dat", 40, "the data ends without its end marker"),
        (
            "pg18/small-dir-none",
            "blobs_3497.toc",
            0,
            "in the table of contents, but not in the data",
        ),
    ] {
        let what = format!("{from}/{file}, {keep} bytes of it");
        let archive = changed(from, file, |bytes| bytes.truncate(keep));
        let name = archive.path().to_str().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let is_list = file.ends_with(".toc");
        for args in writers(name) {
            let output = run(folder.path(), &args, archive.path());
            let text = said(&output);
            assert_eq!(output.status.code(), Some(2), "{what}, {args:?}: {text}");
            assert!(text.contains(expected) && text.contains("in entry 3"), "{args:?}: {text}");
            assert!(is_list || text.contains(&format!("in {file}")), "{args:?}: {text}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{args:?}");
        }
        let object = match file.starts_with("blob") {
            true => "LARGE OBJECT 30003",
            false => file.split('.').next().unwrap(),
        };
        // Of an empty list nothing is left to look for.
        if !is_list {
            let output = run(folder.path(), &["cat", name, object], archive.path());
            let text = said(&output);
            assert_eq!(output.status.code(), Some(2), "{what}: {text}");
            assert!(text.contains(expected), "{what}: {text}");
        }
        // Where pg_restore passes there is a warning.
        let passes = !expected.starts_with("unexpected");
        let output = run(folder.path(), &["restore", "-f", "-", name], archive.path());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(i32::from(!passes)), "{what}: {text}");
        let level = if passes { "warning" } else { "error" };
        let begins = text.starts_with(&format!("pgdmp: {level}: "));
        assert!(begins && text.contains(expected), "{what}: {text}");
    }
}

/// Each zstd frame begins a chunk, or pg_restore would lose it; an archive in which one does not is
/// named by what reads it.
#[test]
fn frames_of_zstd() {
    let rows = |range: std::ops::Range<u32>| -> String {
        range.map(|n| format!("{n}\tx\t\\N\t\\N\n")).collect()
    };
    let (first, second) = (rows(0..2000), rows(2000..4000));
    let frames = [
        build::zstd_skippable(b"pzstd"),
        build::zstd_frame(first.as_bytes()),
        build::zstd_frame(format!("{second}\\.\n\n\n").as_bytes()),
    ];
    let archive = changed("pg18/small-dir-zstd", "3491.dat.zst", |bytes| *bytes = frames.concat());
    let folder = tempfile::tempdir().unwrap();
    let name = archive.path().to_str().unwrap();
    let cat = |input: &str| {
        let output = run(folder.path(), &["cat", input, "3491"], &folder.path().join("custom"));
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (plain, warnings) = cat(name);
    assert!(plain.starts_with("0\t") && plain.contains("\n3999\t") && warnings.is_empty());
    for check in [None, Some("--check")] {
        let args = ["convert", name, "custom", "--format", "c", "--force"];
        let output = run(folder.path(), &[&args[..], check.as_slice()].concat(), archive.path());
        assert_eq!((output.status.code(), &*said(&output)), (Some(0), ""));
        // From the new archive all comes back, and nothing is to be said.
        for input in ["custom", "-"] {
            assert_eq!(cat(input), (plain.clone(), String::new()));
            let args = ["restore", "-f", "-", input];
            let output = run(folder.path(), &args, &folder.path().join("custom"));
            assert_eq!((output.status.code(), &*said(&output)), (Some(0), ""));
        }
    }
    // The same two frames in one chunk.
    let data = build::full_entry().tag(b"t");
    let mut header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    header.compression.algorithm = pgdmp::Algorithm::Zstd;
    let stored = frames[1..].concat();
    let bytes = build::custom(header, &[(data, Some(Block::Data(&[&stored])))], true);
    let two = folder.path().join("two");
    fs::write(&two, bytes).unwrap();
    let told = "a zstd frame begins within a chunk; pg_restore loses it, in entry 3 TABLE DATA";
    for input in ["two", "-"] {
        for args in [
            vec!["convert", input, "out", "--force"],
            vec!["convert", input, "out", "--force", "-Z", "none"],
            vec!["restore", "-f", "/dev/null", input],
        ] {
            let output = run(folder.path(), &args, &two);
            let text = said(&output);
            assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
            assert!(text.starts_with(&format!("pgdmp: warning: {told}")), "{args:?}: {text}");
        }
    }
}

/// The offsets of two entries say that there is no data, and there is.
#[test]
fn denied_data_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = case("offset-flag-3.dump");
    let input = path.to_str().unwrap();
    let restored = |input: &str| {
        let args = ["restore", "--restrict-key=x", "-f", "-", input];
        let output = run(folder.path(), &args, &path);
        assert_eq!((output.status.code(), &*said(&output)), (Some(0), ""), "{input}");
        output.stdout
    };
    let script = restored(input);
    assert!(script == restored("-"));
    let text = String::from_utf8_lossy(&script);
    let copy = text.split("COPY \"Seed Bank\".\"SELECT\" ").nth(1).unwrap();
    assert!(copy.lines().nth(1).is_some_and(|row| row != "\\." && !row.is_empty()), "{copy}");
    let all = read_all(&Archive::open(&path).unwrap()).unwrap();
    for args in writers(input).into_iter().chain(writers("-")) {
        let output = run(folder.path(), &args, &path);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
        let out = folder.path().join("out");
        if args[0] != "split" {
            let new = read_all(&Archive::open(&out).unwrap()).unwrap();
            assert!(new == all, "{args:?}");
            assert!(restored("out") == script, "{args:?}");
        } else {
            let parts = fs::read_dir(&out)
                .unwrap()
                .flat_map(|part| read_all(&Archive::open(part.unwrap().path()).unwrap()).unwrap());
            assert!(parts.collect::<pgdmp_testkit::contents::Contents>() == all);
        }
        let _ = fs::remove_dir_all(&out).or_else(|_| fs::remove_file(&out));
    }
}
