//! Rows that differ are found exactly, in bounded memory, in files and pipes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use pgdmp::toc::Section;
use pgdmp::write::WriteOptions;
use pgdmp::{Algorithm, ArchiveBuilder, Desc, DumpId, Format};
use serde_json::Value;

use crate::support::pgdmp;
use pgdmp::toc::EntryFields;
use pgdmp_testkit::effort::is_endless;

/// An archive of one table `s.t (id, a, at)`, with or without a primary key.
fn archive(path: &Path, has_key: bool, rows: impl Iterator<Item = String>) -> PathBuf {
    let options = WriteOptions::new().compression(Algorithm::Lz4, None);
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    builder.session("UTF8", true).unwrap();
    let entry = |id, desc, section, tag| {
        EntryFields::new(DumpId(id), desc, section).tag(tag).namespace("s")
    };
    let table = entry(10, Desc::TABLE, Section::PreData, &b"t"[..]);
    let sql = "CREATE TABLE s.t (\n    id integer NOT NULL,\n    a text,\n    at timestamp with time zone\n);\n";
    builder.entry(&table.defn(sql)).unwrap();
    let data = entry(11, Desc::TABLE_DATA, Section::Data, &b"t"[..]).had_dumper(true);
    let copy = "COPY s.t (id, a, at) FROM stdin;\n";
    builder.entry(&data.copy_stmt(copy).dependencies(&[DumpId(10)])).unwrap();
    if has_key {
        let key = entry(12, Desc::CONSTRAINT, Section::PostData, &b"t t_pkey"[..]);
        let sql = "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n";
        builder.entry(&key.defn(sql).dependencies(&[DumpId(10)])).unwrap();
    }
    let mut writer = builder.start(fs::File::create(path).unwrap()).unwrap();
    let mut out = writer.data(DumpId(11)).unwrap();
    for row in rows {
        out.write_all(row.as_bytes()).unwrap();
        out.write_all(b"\n").unwrap();
    }
    out.write_all(b"\\.\n\n\n").unwrap();
    out.finish().unwrap();
    writer.finish().unwrap();
    path.to_owned()
}

/// The row with a number; in one of two time zones.
fn row(id: usize, is_other: bool) -> String {
    let (hour, zone) = if is_other { (14, "+02") } else { (12, "+00") };
    format!("{id}\ttext of row {id}\t2024-07-01 {hour}:00:{:02}{zone}", id % 60)
}

fn run(args: &[&str], stdin: Option<&Path>) -> (String, String, Option<i32>) {
    let mut command = pgdmp();
    command.arg("diff").args(args);
    if let Some(path) = stdin {
        // A pipe, which cannot seek.
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = fs::read(path).unwrap();
        let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        writer.join().unwrap();
        return (text(&stdout), text(&stderr), status.code());
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    (text(&stdout), text(&stderr), status.code())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// One changed cell, one added and one removed row, one twice; among rows in another order, from a
/// session in another time zone.
#[test]
fn few_rows_among_many() {
    let folder = tempfile::tempdir().unwrap();
    let count = if is_endless() { 1_000_000 } else { 20_000 };
    for has_key in [true, false] {
        let rows = (0..count).map(|id| row(id, false));
        let a = archive(&folder.path().join("a"), has_key, rows);
        // All numbers once, in another order.
        let mixed = (0..count).map(|n| (n * 7919 + 13) % count).filter(|id| *id != 7);
        let rows = mixed.map(|id| match id {
            100 => row(id, true).replace("text", "other text"),
            id => row(id, true),
        });
        let more = [row(count, true), row(2000, true)];
        let b = archive(&folder.path().join("b"), has_key, rows.chain(more));
        let [a, b] = [&a, &b].map(|path| path.to_str().unwrap());
        let expected = match has_key {
            true => format!(
                "    - id=7\n    ~ id=100  a: text of row 100 → other text of row 100\n    \
                 + id=2000 (duplicate key)\n    + id={count}\n    1 removed, 2 added, 1 changed\n"
            ),
            false => String::new(),
        };
        for (args, stdin) in [
            (vec![a, b], None),
            (vec![a, "-"], Some(b)),
            (vec![a, b, "--memory=64k"], None),
            (vec![a, "-", "--memory=1M"], Some(b)),
        ] {
            let mut args = args;
            args.push("--rows");
            let (out, said, code) = run(&args, stdin.map(Path::new));
            assert_eq!((code, &said[..]), (Some(1), ""), "{out}");
            let first = format!("~ data of s.t: {count} rows → {} rows\n", count + 1);
            assert!(out.starts_with(&first), "{out}");
            let lines: BTreeSet<&str> =
                out.lines().skip(1).filter(|l| l.starts_with(' ')).collect();
            if has_key {
                assert_eq!(lines, expected.lines().collect(), "{args:?}: {out}");
            } else {
                let removed = lines.iter().filter(|line| line.starts_with("    - ")).count();
                let added = lines.iter().filter(|line| line.starts_with("    + ")).count();
                assert_eq!((removed, added), (2, 3), "{args:?}: {out}");
                assert!(out.contains("+ a=text of row 2000, at="), "{out}");
            }
        }
        let (_, said, code) = run(&[a, b, "--rows", "--ignore-columns", "a,nothing"], None);
        assert_eq!(code, Some(2));
        assert!(said.contains("no table has a column nothing to be ignored"), "{said}");
        // From the other side, and the answer alone.
        let (out, _, code) = run(&[b, a], None);
        assert_eq!(code, Some(1), "{out}");
        assert!(out.starts_with(&format!("~ data of s.t: {} rows → {count} rows\n", count + 1)));
        let (out, _, code) = run(&[a, a, "--rows"], None);
        assert_eq!(code, Some(0), "{out}");
        let (out, _, code) = run(&[a, "-"], Some(Path::new(a)));
        assert_eq!((code, out.starts_with("equal: ")), (Some(0), true), "{out}");
    }
}

/// What differs does not depend on how much memory there is, also if nearly all differs, and if all
/// rows have one key.
#[test]
fn memory_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let count = 20_000;
    let a = archive(&folder.path().join("a"), true, (0..count).map(|id| row(id, false)));
    let changed = |id: usize| {
        row(id, true).replace("text", if id.is_multiple_of(5) { "text" } else { "new" })
    };
    let b = archive(&folder.path().join("b"), true, (500..count + 500).rev().map(changed));
    // All with one key. A third of the rows are equal, and of the others there are two of each.
    let one_key = |is_new: bool| {
        (0..count).map(move |id| {
            let id = if is_new && id % 10 == 0 { id + count } else { id };
            let text = row(if id % 3 == 0 { 1 } else { id / 2 }, is_new);
            format!("5\t{}", text.split_once('\t').unwrap().1)
        })
    };
    let c = archive(&folder.path().join("c"), true, one_key(false));
    let d = archive(&folder.path().join("d"), true, one_key(true));
    for (first, second, least) in [(&a, &b, 12_000), (&c, &d, 2_000)] {
        let [first, second] = [first, second].map(|path| path.to_str().unwrap());
        let mut answers = Vec::new();
        for memory in ["1G", "1M", "200k", "64k"] {
            let (out, said, code) =
                run(&["--rows", "--json", "--memory", memory, first, second], None);
            assert_eq!((code, &said[..]), (Some(1), ""), "{memory}");
            let mut rows: Vec<String> = Vec::new();
            let mut times = 0;
            for line in out.lines().filter(|line| line.contains("\"row\":")) {
                let mut row: Value = serde_json::from_str(line).unwrap();
                times += row["times"].as_u64().unwrap();
                // Of equal rows the text of any one is shown.
                for side in ["before", "after"] {
                    if let Some(values) = row[side].as_object_mut() {
                        values.remove("at");
                    }
                }
                rows.push(row.to_string());
            }
            rows.sort();
            assert!(times >= least, "{memory}: {times}");
            answers.push((rows, times));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{first}");
    }
    // Nothing is left in the folder of temporary files.
    let temp = folder.path().join("temp");
    fs::create_dir(&temp).unwrap();
    let [a, b, temp_dir] = [&a, &b, &temp].map(|path| path.to_str().unwrap());
    let (_, _, code) = run(&["--rows", "--memory=64k", "--temp-dir", temp_dir, a, b], None);
    assert_eq!(code, Some(1));
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
    let (_, said, code) =
        run(&["--rows", "--memory=64k", "--temp-dir", "/nonexistent/x", a, b], None);
    assert_eq!(code, Some(2));
    assert!(said.contains("/nonexistent/x"), "{said}");
}

/// In memory, rows come in the order of their key; a limit cuts them and says so.
#[test]
fn rows_are_shown_in_order_and_safely() {
    let folder = tempfile::tempdir().unwrap();
    let a = archive(&folder.path().join("a"), true, (0..30).map(|id| row(id, false)));
    let long = "y".repeat(200);
    let evil = "\u{1b}[2J\u{202e}";
    let rows = (0..30).map(|id| row(id, false).replace("text", evil).replace("row", &long));
    let b = archive(&folder.path().join("b"), true, rows);
    let [a, b] = [&a, &b].map(|path| path.to_str().unwrap());
    let (out, _, code) = run(&["--rows", "--limit=12", a, b], None);
    assert_eq!(code, Some(1));
    let ids: Vec<usize> = out
        .lines()
        .filter_map(|line| line.strip_prefix("    ~ id=")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(ids, (0..12).collect::<Vec<_>>());
    assert!(out.contains("0 removed, 0 added, 30 changed (18 not shown)"), "{out}");
    assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}') && out.contains("…"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() < 250), "{out}");
    let (out, _, _) = run(&["--rows", "--json", a, b], None);
    let row: Value = out.lines().find(|l| l.contains("\"row\":")).unwrap().parse().unwrap();
    assert_eq!(row["key"]["id"], "0");
    assert_eq!(row["columns"][0], "a");
    assert_eq!(row["before"]["a"], "text of row 0");
    assert!(row["after"]["a"].as_str().unwrap().ends_with(&format!("of {long} 0")));
}

/// What cannot be compared is a failure, and the rest is compared.
#[test]
fn failures() {
    let folder = tempfile::tempdir().unwrap();
    let a = archive(&folder.path().join("a"), true, (0..3).map(|id| row(id, false)));
    let b = archive(&folder.path().join("b"), true, (0..3).map(|id| format!("{id}\tonly two")));
    let [a, b] = [&a, &b].map(|path| path.to_str().unwrap());
    for args in [&[a, b][..], &["--rows", a, b]] {
        let (out, said, code) = run(args, None);
        assert_eq!(code, Some(2), "{out}");
        assert!(said.contains("missing data for column"), "{said}");
        assert!(!out.contains("equal:"), "{out}");
    }
    for (args, expected) in [
        (&["-", "-"][..], "standard input cannot be both"),
        (&["--rows", "--key=t=nothing", a, a], "no column nothing"),
        (&["--rows", "--key=other=id", a, a], "no data of a table other"),
        (&["--key=t", a, a], "expected TABLE=COLUMN"),
        (&["--memory=lots", a, a], "expected a number of bytes"),
        (&[a, "/nonexistent"], "nonexistent"),
    ] {
        let (_, said, code) = run(args, None);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    let (_, said, code) = run(&["-t", "nothing", a, a], None);
    assert_eq!(code, Some(1));
    assert!(said.contains("nothing"), "{said}");
}

/// An archive of these objects: kind, name, definition, and what they need.
fn objects(path: &Path, all: &[(i32, Desc<'static>, &str, &str, &[i32])]) -> PathBuf {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    builder.session("UTF8", true).unwrap();
    for (id, desc, name, sql, needed) in all {
        let needed: Vec<DumpId> = needed.iter().map(|id| DumpId(100 + id)).collect();
        let fields = EntryFields::new(DumpId(100 + id), *desc, Section::PreData).namespace("s");
        builder.entry(&fields.tag(name.as_bytes()).defn(*sql).dependencies(&needed)).unwrap();
    }
    builder.start(fs::File::create(path).unwrap()).unwrap().finish().unwrap();
    path.to_owned()
}

/// An object of another name is one dropped and one added. That it may be the same is said if its
/// definition differs in the name alone, and no third one is like it.
#[test]
fn renamed_objects() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let view = |name: &str| format!("CREATE VIEW s.{name} AS\n SELECT 1 AS one;\n");
    let function = |name: &str| {
        format!(
            "CREATE FUNCTION s.{name}(a integer) RETURNS integer\n    LANGUAGE sql\n    AS $$select 1$$;\n"
        )
    };
    let (old_view, new_view) = (view("\"Old\""), view("new"));
    let (old_function, new_function) = (function("f"), function("g"));
    let table = "CREATE TABLE s.t (\n    a integer\n);\n";
    let other = "CREATE TABLE s.u (\n    b integer\n);\n";
    let a = objects(
        &path("a.dump"),
        &[
            (1, Desc::VIEW, "Old", &old_view, &[]),
            (2, Desc::FUNCTION, "f(integer)", &old_function, &[]),
            (3, Desc::TABLE, "t", table, &[]),
        ],
    );
    let b = objects(
        &path("b.dump"),
        &[
            (1, Desc::VIEW, "new", &new_view, &[]),
            (2, Desc::FUNCTION, "g(integer)", &new_function, &[]),
            (3, Desc::TABLE, "u", other, &[]),
        ],
    );
    let [a, b] = [&a, &b].map(|path| path.to_str().unwrap());
    let (out, _, code) = run(&[a, b], None);
    assert_eq!(code, Some(1), "{out}");
    for line in [
        "- VIEW s.Old (renamed to new?)",
        "+ VIEW s.new (renamed from Old?)",
        "- FUNCTION s.f(integer) (renamed to g(integer)?)",
        "+ FUNCTION s.g(integer) (renamed from f(integer)?)",
        "- TABLE s.t",
        "+ TABLE s.u",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}\n{out}");
    }
    let (out, ..) = run(&["--json", a, b], None);
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(first["maybe_renamed"], "new", "{first}");
    // Two that it could be.
    let third = view("third");
    let c = objects(
        &path("c.dump"),
        &[(1, Desc::VIEW, "new", &new_view, &[]), (2, Desc::VIEW, "third", &third, &[])],
    );
    let (out, ..) = run(&[a, c.to_str().unwrap()], None);
    assert!(!out.contains("renamed"), "{out}");
}

/// What an object needs is compared on request alone.
#[test]
fn dependencies() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (t, v) =
        ("CREATE TABLE s.t (\n    a integer\n);\n", "CREATE VIEW s.v AS\n SELECT 1 AS one;\n");
    let of = |name: &str, [table, view]: [i32; 2], needed: &[i32]| {
        let all = [(table, Desc::TABLE, "t", t, &[][..]), (view, Desc::VIEW, "v", v, needed)];
        objects(&path(name), &all).to_str().unwrap().to_owned()
    };
    let a = of("a.dump", [1, 2], &[1]);
    let (same, other) = (of("b.dump", [7, 9], &[7]), of("c.dump", [1, 2], &[]));
    assert_eq!(run(&[&a, &other], None).2, Some(0));
    assert_eq!(run(&["--deps", &a, &same], None).2, Some(0));
    let (out, _, code) = run(&["--deps", &a, &other], None);
    assert_eq!(code, Some(1));
    assert!(out.contains("~ VIEW s.v: dependencies\n    - TABLE s.t\n"), "{out}");
}

/// Values that are only printed differently are equal, unless texts are to be compared, or nothing
/// says their types.
#[test]
fn values_and_texts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [a, b] = [false, true].map(|is_other| {
        let name = if is_other { "b.dump" } else { "a.dump" };
        archive(&path(name), true, (0..100).map(|id| row(id, is_other)))
    });
    let [a, b] = [&a, &b].map(|path| path.to_str().unwrap());
    assert_eq!(run(&[a, b], None).2, Some(0));
    assert_eq!(run(&["--fast", a, b], None).2, Some(1));
    assert_eq!(run(&["--fast", a, a], None).2, Some(0));
    let data = |from: &str, name: &str| {
        let to = path(name);
        let done = pgdmp().args(["convert", "-a", from]).arg(&to).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        to.to_str().unwrap().to_owned()
    };
    let (a_data, b_data) = (data(a, "a-data.dump"), data(b, "b-data.dump"));
    assert_eq!(run(&[&a_data, &b_data], None).2, Some(1));
    assert_eq!(run(&["--types", a, &a_data, &b_data], None).2, Some(0));
    // The key is known, too.
    let (out, ..) = run(&["--types", a, "--fast", "--rows", "--seed", "7", &a_data, &b_data], None);
    assert!(out.contains("~ id=5  at: "), "{out}");
}
