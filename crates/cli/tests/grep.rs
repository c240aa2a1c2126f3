//! `pgdmp grep`: what is found, where it is said to be, and how a run ends.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Algorithm, Archive, ArchiveBuilder, Desc, DumpId, Format};
use regex::bytes::Regex;

use crate::support::pgdmp;

fn fixture(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    assert!(path.exists(), "fixture {name} is missing");
    path
}

fn grep(archive: &Path, args: &[&str]) -> Output {
    let mut command = pgdmp();
    command.arg("grep").args(args).arg(archive).stdin(Stdio::null());
    command.output().unwrap()
}

fn piped(archive: &Path, args: &[&str]) -> Output {
    let mut command = pgdmp();
    command.arg("grep").args(args).arg("-").stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), fs::read(archive).unwrap());
    // It may have enough before the end.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn lines(output: &Output) -> Vec<Vec<u8>> {
    let lines = output.stdout.strip_suffix(b"\n").map(|text| text.split(|byte| *byte == b'\n'));
    lines.into_iter().flatten().map(<[u8]>::to_vec).collect()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All that is to be found, by a look at each value.
fn expected(archive: &Path, regex: &Regex) -> Vec<Vec<u8>> {
    let archive = Archive::open(archive).unwrap();
    let mut found = Vec::new();
    for entry in archive.entries().filter(|e| e.desc() == Desc::TABLE_DATA && e.has_data()) {
        let table = [entry.namespace().unwrap(), b".", entry.tag().unwrap()].concat();
        let mut rows = archive.rows(entry.dump_id()).unwrap();
        while let Some(row) = rows.next_row().unwrap() {
            let number = row.number().to_string();
            let values: Vec<_> = row.fields().map(|field| field.value().map(Into::into)).collect();
            for (index, value) in values.into_iter().enumerate() {
                let Some(value): Option<Vec<u8>> = value else { continue };
                // INSERT commands may have no names of columns.
                let place = (index + 1).to_string();
                let column = rows.columns().map_or(place.as_bytes(), |names| &names[index]);
                if regex.is_match(&value) {
                    let line: [&[u8]; 7] =
                        [&table, b":", number.as_bytes(), b":", column, b": ", &value];
                    let line = line.concat();
                    let line = line.split(|byte| *byte == b'\n').collect::<Vec<_>>();
                    let line = line.join(&b"\\n"[..]);
                    found.push(
                        line.split(|byte| *byte == b'\r').collect::<Vec<_>>().join(&b"\\r"[..]),
                    );
                }
            }
        }
    }
    found
}

#[test]
fn finds_what_a_look_at_each_value_finds() {
    let mut found = 0;
    for name in [
        "pg17/small-custom.dump",
        "pg17/small-lz4-pipe.dump",
        "pg18/core-custom.dump",
        "pg18/mini-inserts.dump",
        "pg18/mini-zstd.dump",
        "pg18/small-dir",
        "pg18/small-tar.tar",
    ] {
        let archive = fixture(name);
        for pattern in
            ["1", "child 1", "^$", "N", "\\\\", "^.{200}", "\\n", "(?i)CHILD 2$", "no such"]
        {
            let expected = expected(&archive, &Regex::new(pattern).unwrap());
            for jobs in ["1", "4"] {
                let output = grep(&archive, &["-j", jobs, pattern]);
                assert_eq!(said(&output), "");
                assert_eq!(lines(&output), expected, "{name} {pattern}");
                let code = if expected.is_empty() { 1 } else { 0 };
                assert_eq!(output.status.code(), Some(code));
            }
            if regex::escape(pattern) == pattern {
                assert_eq!(lines(&grep(&archive, &["-F", pattern])), expected, "{name} {pattern}");
            }
            if archive.is_file() {
                // Data may stand in another order than the table of contents.
                let mut piped = lines(&piped(&archive, &[pattern]));
                let mut expected = expected.clone();
                piped.sort();
                expected.sort();
                assert_eq!(piped, expected, "{name} {pattern}, through a pipe");
            }
            found += expected.len();
        }
    }
    assert!(found > 300, "{found}");
}

/// An archive of tables with these names, columns and COPY text.
fn archive(path: &Path, encoding: &str, tables: &[(&str, &str, &[u8])]) {
    let options = WriteOptions::new().compression(Algorithm::Gzip, None);
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    builder.session(encoding, true).unwrap();
    let id = |n: usize| DumpId(100 + n as i32);
    for (n, (name, columns, _)) in tables.iter().enumerate() {
        let copy = format!("COPY s.{name} ({columns}) FROM stdin;\n");
        let fields = EntryFields::new(id(n), Desc::TABLE_DATA, Section::Data);
        let fields =
            fields.namespace("s").tag(*name).owner("ann").copy_stmt(&copy).had_dumper(true);
        builder.entry(&fields).unwrap();
    }
    let mut writer = builder.start(File::create(path).unwrap()).unwrap();
    for (n, (.., rows)) in tables.iter().enumerate() {
        let mut data = writer.data(id(n)).unwrap();
        data.write_all(rows).unwrap();
        data.finish().unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn values_are_compared_as_they_are_and_not_as_they_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let rows = b"1\tx\\ty\n2\t\\N\n3\t\n4\tback\\\\slash\\nline\\r\n5\t\\x67old\n\\.\n\n\n";
    archive(&path, "UTF8", &[("t", "id, note", rows)]);
    for (args, found) in [
        (&["x\ty"][..], "s.t:1:note: x\ty\n"),
        (&["-F", "x\ty"], "s.t:1:note: x\ty\n"),
        (&["N"], ""),
        (&["-F", "\\N"], ""),
        (&["^$"], "s.t:3:note: \n"),
        (&["-F", "k\\s"], "s.t:4:note: back\\slash\\nline\\r\n"),
        (&["-F", "\\n"], ""),
        (&["h\nl"], "s.t:4:note: back\\slash\\nline\\r\n"),
        (&["gold"], "s.t:5:note: gold\n"),
        (&["-F", "gold"], "s.t:5:note: gold\n"),
        (&["-i", "GOLD"], "s.t:5:note: gold\n"),
        (&["-F", "-i", "BACK\\"], "s.t:4:note: back\\slash\\nline\\r\n"),
    ] {
        assert_eq!(text(&grep(&path, args)), found, "{args:?}");
    }
}

#[test]
fn long_tables_are_searched_in_order_and_in_parallel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let rows = |every: usize| {
        let mut rows = Vec::new();
        for n in 1..=30_000 {
            let word = if n % every == 0 { "gold" } else { "lead" };
            writeln!(rows, "{n}\tsome {word} here \\\\").unwrap();
        }
        rows.extend_from_slice(b"\\.\n\n\n");
        rows
    };
    let (often, seldom) = (rows(2), rows(14_000));
    let names: Vec<String> = (0..7).map(|n| format!("t{n}")).collect();
    let tables: Vec<(&str, &str, &[u8])> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (&name[..], "id, word", if n % 5 == 0 { &often[..] } else { &seldom }))
        .collect();
    archive(&path, "UTF8", &tables);
    let mut expected = String::new();
    for (n, name) in names.iter().enumerate() {
        let every = if n % 5 == 0 { 2 } else { 14_000 };
        for row in (every..=30_000).step_by(every) {
            expected.push_str(&format!("s.{name}:{row}:word: some gold here \\\n"));
        }
    }
    for args in [&["-F", "gold"][..], &["-j1", "gold"], &["-j5", "g[o]ld"]] {
        assert!(text(&grep(&path, args)) == expected, "{args:?}");
    }
    assert!(text(&piped(&path, &["gold"])) == expected);
    let counts = text(&grep(&path, &["-c", "gold"]));
    assert!(counts.starts_with("s.t0:15000\ns.t1:2\ns.t2:2\n"), "{counts}");
    assert_eq!(text(&grep(&path, &["-l", "some gold", "-t", "t3"])), "s.t3\n");
    let first = text(&grep(&path, &["-m2", "gold"]));
    assert!(first.starts_with("s.t0:2:word: some gold here \\\ns.t0:4:word"), "{first}");
    assert_eq!(first.lines().count(), 14);
}

#[test]
fn encodings() {
    let folder = tempfile::tempdir().unwrap();
    let latin1 = folder.path().join("latin1.dump");
    archive(&latin1, "LATIN1", &[("t", "gr\u{f6}\u{df}e", b"gr\xf6\xdfe\nplain\n\\.\n")]);
    let sjis = folder.path().join("sjis.dump");
    // The second byte of the character is a backslash.
    archive(&sjis, "SJIS", &[("t", "a", b"\x95\x5c\nback\\\\slash\n\\.\n")]);
    for (path, args, found) in [
        (&latin1, &["größe"][..], &b"gr\xf6\xdfe\n"[..]),
        (&latin1, &["-F", "ö"], b"gr\xf6\xdfe\n"),
        (&latin1, &["-i", "GRÖ"], b"gr\xf6\xdfe\n"),
        (&latin1, &["gr..e"], b"gr\xf6\xdfe\n"),
        (&latin1, &["€"], b""),
        (&sjis, &["表"], b"\x95\x5c\n"),
        (&sjis, &["-F", "\\"], b"back\\slash\n"),
    ] {
        let output = grep(path, args);
        assert_eq!(said(&output), "");
        let line = lines(&output).concat();
        let start = line.windows(2).position(|part| part == b": ").map_or(0, |at| at + 2);
        assert_eq!(&line[start..], found.strip_suffix(b"\n").unwrap_or_default(), "{args:?}");
    }
}

#[test]
fn tables_columns_and_definitions() {
    let small = fixture("pg17/small-custom.dump");
    let ok = |args: &[&str]| {
        let output = grep(&small, args);
        assert_eq!((output.status.code(), &*said(&output)), (Some(0), ""), "{args:?}");
        text(&output)
    };
    let parcels = "parcel_0:1:weight: 1.5\n";
    assert!(ok(&["1.5"]).ends_with(parcels));
    assert_eq!(ok(&["--columns", "id", "^1$", "-t", "town"]).lines().count(), 1);
    assert_eq!(ok(&["-t", "parcel_1", "-c", "5"]).lines().count(), 1);
    let all = ok(&["--schema", "(?i)create table"]);
    assert!(all.lines().all(|line| line.starts_with("TABLE ")), "{all}");
    assert!(all.contains(".town: CREATE TABLE "), "{all}");
    assert!(ok(&["--schema", "-l", "town"]).contains("TABLE "));
    let mut command = pgdmp();
    command.args(["grep", "-F", "1"]).arg(&small).args(["town", "parcel_0"]);
    let output = command.output().unwrap();
    let tables: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    assert!(tables.iter().all(|line| line.contains("town:") || line.contains("parcel_0:")));
    assert!(tables.len() >= 2);
}

#[test]
fn errors_are_no_answers() {
    let small = fixture("pg17/small-custom.dump");
    for (args, what) in [
        (&["("][..], "unclosed group"),
        (&["("], "regex parse error:\n    (\n    ^\n"),
        (&["1", "-t", "nothing"], "nothing"),
        (&["--columns", "id,nothing", "1"], "has a column nothing"),
    ] {
        let output = grep(&small, args);
        assert_eq!((output.status.code(), &*text(&output)), (Some(2), ""), "{args:?}");
        assert!(said(&output).contains(what), "{}", said(&output));
    }
    let output = pgdmp().args(["grep", "1"]).arg(&small).arg("nothing").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(grep(Path::new("no such file"), &["1"]).status.code(), Some(2));

    // The tables that can be read are searched.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let good = &b"1\tgold\n\\.\n"[..];
    archive(&path, "UTF8", &[("a", "x, y", good), ("b", "x, y", b"1\n\\.\n"), ("c", "x, y", good)]);
    for output in [grep(&path, &["gold"]), piped(&path, &["gold"])] {
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output), "s.a:1:y: gold\ns.c:1:y: gold\n");
        assert!(said(&output).contains("missing data for column \"y\""), "{}", said(&output));
    }
}
