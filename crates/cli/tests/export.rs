//! Rows as CSV and JSON lines, as their users export them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{ArchiveBuilder, Desc, Format};

use crate::support::pgdmp;
use pgdmp_testkit::fixtures;

fn small() -> PathBuf {
    fixtures::root().join("pg17/small-custom.dump")
}

fn export(archive: &Path, args: &[&str]) -> Output {
    pgdmp().arg("export").arg(archive).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    text(&output.stderr)
}

/// An archive of tables with one column, in an encoding.
fn archive(path: &Path, encoding: &str, tables: &[(&str, &[u8])]) {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    builder.session(encoding, true).unwrap();
    let mut ids = Vec::new();
    for (name, _) in tables {
        let defn = format!("CREATE TABLE s.{name} (a integer, b text);\n");
        let copy = format!("COPY s.{name} (a, b) FROM stdin;\n");
        let table = builder.next_id();
        let fields = EntryFields::new(table, Desc::TABLE, Section::PreData);
        builder.entry(&fields.tag(name).namespace("s").defn(&defn)).unwrap();
        let data = builder.next_id();
        let fields = EntryFields::new(data, Desc::TABLE_DATA, Section::Data);
        let fields = fields.tag(name).namespace("s").copy_stmt(&copy).had_dumper(true);
        builder.entry(&fields.dependencies(&[table])).unwrap();
        ids.push(data);
    }
    let mut writer = builder.create(path).unwrap();
    for ((_, rows), id) in tables.iter().zip(ids) {
        let mut data = writer.data(id).unwrap();
        std::io::Write::write_all(&mut data, rows).unwrap();
        std::io::Write::write_all(&mut data, b"\\.\n\n\n").unwrap();
        data.finish().unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn formats() {
    let csv = "id,name,note\n1,Åbo,\n2,tab\there,\"\"\n3,\"back\\slash\nnewline\",\\.\n";
    assert_eq!(stdout(&export(&small(), &["town"])), csv);
    let json = "{\"note\":null,\"id\":1}\n";
    let args = ["public.town", "-F", "jsonl", "--columns", "note,id", "--limit", "1"];
    assert_eq!(stdout(&export(&small(), &args)), json);
    let args = ["town", "-F", "tsv", "--columns", "id,note", "--no-header", "--null", "NULL"];
    assert_eq!(stdout(&export(&small(), &args)), "1\tNULL\n2\t\n3\t\\.\n");
    let args = ["town", "-F", "jsonl", "--skip-nulls", "--limit", "1"];
    assert_eq!(stdout(&export(&small(), &args)), "{\"id\":1,\"name\":\"Åbo\"}\n");
}

/// A file and a pipe, one table and all of them, apart and tagged.
#[test]
fn all_tables() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("lake");
    let piped = folder.path().join("piped");
    let shown = out.to_str().unwrap();
    let output = export(&small(), &["--all", "-o", shown, "-F", "jsonl", "-j", "3"]);
    assert_eq!(stdout(&output), "");
    assert_eq!(text(&output.stderr), "pgdmp: 4 tables with 12 rows written\n");
    let dump = fs::File::open(small()).unwrap();
    let mut cat = std::process::Command::new("cat");
    let mut cat = cat.stdin(dump).stdout(Stdio::piped()).spawn().unwrap();
    let args = ["export", "-", "--all", "-F", "jsonl", "-o", piped.to_str().unwrap()];
    let output = pgdmp().args(args).stdin(cat.stdout.take().unwrap()).output().unwrap();
    assert_eq!(stdout(&output), "");
    cat.wait().unwrap();
    let names = ["parcel_0", "parcel_1", "town", "vacant"];
    for name in names {
        let file = match name.starts_with("parcel") {
            true => format!("public.parcel/public.{name}.jsonl"),
            false => format!("public.{name}.jsonl"),
        };
        let rows = fs::read_to_string(out.join(&file)).unwrap();
        assert_eq!(rows, stdout(&export(&small(), &[name, "-F", "jsonl"])), "{name}");
        assert_eq!(rows, fs::read_to_string(piped.join(&file)).unwrap(), "{name}");
    }
    let tagged = stdout(&export(&small(), &["--all", "-F", "jsonl", "--tag-table"]));
    assert_eq!(tagged.lines().count(), 12);
    assert!(tagged.contains("{\"table\":\"public.town\",\"row\":{\"id\":1,\"name\":\"Åbo\""));

    let error = refused(&export(&small(), &["--all"]));
    assert!(error.contains("several tables go into a directory"), "{error}");
    let error = refused(&export(&small(), &["--all", "-o", shown, "-F", "jsonl"]));
    assert!(error.contains("exists; --force replaces it"), "{error}");
    let again = export(&small(), &["--all", "-o", shown, "--force", "-n", "public"]);
    assert_eq!(stdout(&again), "");
    assert!(out.join("public.town.csv").exists() && !out.join("public.town.jsonl").exists());
    // What somebody put there stays.
    fs::write(out.join("mine.csv"), "a").unwrap();
    let error = refused(&export(&small(), &["--all", "-o", shown, "--force"]));
    assert!(error.contains("replaces only what it made"), "{error}");
    assert!(out.join("mine.csv").exists() && out.join("public.town.csv").exists());
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("town.ndjson");
    let shown = out.to_str().unwrap();
    assert_eq!(stdout(&export(&small(), &["town", "-o", shown])), "");
    assert!(fs::read_to_string(&out).unwrap().starts_with("{\"id\":1,"));
    let error = refused(&export(&small(), &["parcel_0", "-o", shown]));
    assert!(error.contains("exists"), "{error}");
    assert_eq!(stdout(&export(&small(), &["parcel_0", "-o", shown, "--force"])), "");
    assert!(fs::read_to_string(&out).unwrap().starts_with("{\"id\":1,\"weight\":1.5}"));
    // An archive is not replaced by itself, and a folder not by a file.
    let copy = folder.path().join("a.dump");
    fs::copy(small(), &copy).unwrap();
    let error = refused(&export(&copy, &["town", "-o", copy.to_str().unwrap(), "--force"]));
    assert!(error.contains("is the archive that is read"), "{error}");
    let error =
        refused(&export(&small(), &["town", "-o", folder.path().to_str().unwrap(), "--force"]));
    assert!(error.contains("is a directory"), "{error}");
    assert_eq!(fs::read(&copy).unwrap(), fs::read(small()).unwrap());
}

#[test]
fn what_is_not_there() {
    let output = export(&small(), &["nowhere"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    for (args, said) in [
        (&["town", "--columns", "id,nothing"][..], "table public.town has no column nothing"),
        (&["town", "--columns", "id,name,id"], "--columns has id twice"),
        (&["town", "--where", "nothing = 1"], "no column nothing; it has id, name, note"),
        (&["touwn"], "did you mean TABLE public.town?"),
        (&[], "name tables, or use --all"),
        (&["town", "--tag-table"], "--tag-table is for JSON lines"),
        (&["town", "--skip-nulls"], "about JSON lines"),
        (&["town", "-F", "jsonl", "--encoding", "raw"], "UTF-8 by definition"),
        (&["town", "--encoding", "EBCDIC"], "no encoding"),
        (&["town", "--delimiter", "\""], "delimiter"),
        (&["large objects"], "not in the archive"),
    ] {
        let output = export(&small(), args);
        assert_ne!(output.status.code(), Some(0));
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains(said), "{args:?}: {}", text(&output.stderr));
    }
}

/// A value that is not valid: the place is said, and nothing is left behind.
#[test]
fn invalid_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let tables =
        [("bad", &b"1\tgr\xf6\xdfe\nx\ty\n"[..]), ("good", b"1\tone\n"), ("worse", b"y\tx\n")];
    archive(&path, "SQL_ASCII", &tables);
    let out = folder.path().join("lake");
    let args = ["bad", "worse", "-F", "jsonl", "-o", out.to_str().unwrap(), "-j", "2"];
    let error = refused(&export(&path, &args));
    assert!(error.contains("row 1") && error.contains("column \"b\""), "{error}");
    assert!(error.contains("TABLE DATA s bad") || error.contains("s.bad"), "{error}");
    assert!(error.contains("\"y\" is no integer"), "{error}");
    assert!(error.contains("all 2 tables failed, so there is no output"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something was left behind");

    let json = |args: &[&str]| {
        let mut all = vec!["bad", "-F", "jsonl"];
        all.extend(args);
        export(&path, &all)
    };
    let output = json(&["--encoding", "latin1", "--on-invalid", "null"]);
    assert_eq!(stdout(&output), "{\"a\":1,\"b\":\"größe\"}\n{\"a\":null,\"b\":\"y\"}\n");
    assert!(text(&output.stderr).contains("s.bad: 1 value of column a replaced"));
    let output = json(&["--on-invalid", "text"]);
    let lossy = "{\"a\":1,\"b\":\"gr\u{fffd}\u{fffd}e\"}\n{\"a\":\"x\",\"b\":\"y\"}\n";
    assert_eq!(stdout(&output), lossy);
    let zero = folder.path().join("zero.dump");
    archive(&zero, "UTF8", &[("zero", b"1\ta\0b\n2\t\xc3\x85\0\n")]);
    let formats = ["csv", "jsonl", "arrows"];
    for format in &formats[..if cfg!(feature = "arrow") { 3 } else { 2 }] {
        let run = |how: &str| export(&zero, &["zero", "-F", format, "--on-invalid", how]);
        let error = refused(&run("error"));
        assert!(error.contains("row 1") && error.contains("column \"b\""), "{error}");
        assert!(run("null").status.success() && run("text").status.success());
    }
    let output = export(&zero, &["zero", "-F", "csv", "--on-invalid", "text"]);
    assert_eq!(stdout(&output), "a,b\n1,a\u{fffd}b\n2,Å\u{fffd}\n");
    let output = export(&path, &["bad", "--encoding", "raw"]);
    assert_eq!(output.stdout, b"a,b\n1,gr\xf6\xdfe\nx,y\n");
}

/// Tables that fail are said and have no file; the others are there, and the exit status is 2. What
/// is not complete replaces nothing.
#[test]
fn tables_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let tables = [
        ("bad", &b"1\tgr\xf6\xdfe\nx\ty\n"[..]),
        ("good", b"1\tone\n"),
        ("short", b"1\tone\n2\n"),
        ("well", b""),
    ];
    archive(&path, "SQL_ASCII", &tables);
    let whole = folder.path().join("whole.dump");
    archive(&whole, "SQL_ASCII", &tables[1..2]);
    for (name, jobs) in [("one", "1"), ("several", "3"), ("piped", "1")] {
        let out = folder.path().join(name);
        let run = |path: &Path, extra: &[&str]| {
            let mut command = pgdmp();
            let from = if name == "piped" { "-" } else { path.to_str().unwrap() };
            command.stdin(fs::File::open(path).unwrap());
            command.args(["export", from, "--all", "-F", "jsonl", "-j", jobs, "-o"]).arg(&out);
            command.args(extra).output().unwrap()
        };
        let error = refused(&run(&path, &[]));
        assert!(error.contains("column \"b\"") && error.contains("row 2"), "{error}");
        assert!(error.contains("2 tables with 1 row"), "{error}");
        assert!(error.contains(&format!("2 of 4 tables failed; {} has", out.display())), "{error}");
        let mut files: Vec<_> =
            fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name()).collect();
        files.sort();
        assert_eq!(files, [".pgdmp-export", "s.good.jsonl", "s.well.jsonl"], "{name}");
        // It takes the place of nothing, but something complete takes its place.
        fs::write(out.join("s.good.jsonl"), "before").unwrap();
        let error = refused(&run(&path, &["--force"]));
        assert!(error.contains("stays as it was"), "{error}");
        assert_eq!(fs::read_to_string(out.join("s.good.jsonl")).unwrap(), "before");
        assert_eq!(stdout(&run(&whole, &["--force"])), "");
        assert!(fs::read_to_string(out.join("s.good.jsonl")).unwrap().contains("one"));
    }
    // Three outputs and two archives: nothing else is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
}

/// A Parquet file has as many rows as its columns; other formats have rows of no columns.
#[cfg(feature = "arrow")]
#[test]
fn rows_without_columns() {
    let archive =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pg16/mini-custom.dump");
    assert_eq!(stdout(&export(&archive, &["nocolumns", "-F", "jsonl"])), "{}\n{}\n");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.parquet");
    let args = ["nocolumns", "-o", out.to_str().unwrap()];
    let error = refused(&export(&archive, &args));
    assert!(error.contains("Parquet has no rows without columns"), "{error}");
    assert!(!out.exists());
    let args = [&args[..], &["--on-unrepresentable", "null"]].concat();
    let output = export(&archive, &args);
    assert_eq!(stdout(&output), "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("mini.nocolumns: 2 rows without columns left out"), "{said}");
    assert!(out.exists());
}

/// Types of an archive that has only data come from another one.
#[test]
fn types_of_another_archive() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.dump");
    let args = ["--no-schema", "-q"];
    let output = pgdmp().arg("convert").arg(small()).arg(&data).args(args).output().unwrap();
    assert_eq!(stdout(&output), "");
    let output = export(&data, &["parcel_0", "-F", "jsonl", "--limit", "1"]);
    assert_eq!(stdout(&output), "{\"id\":\"1\",\"weight\":\"1.5\"}\n");
    assert!(text(&output.stderr).contains("does not have the definition of the table"));
    let types = small();
    let args = ["parcel_0", "-F", "jsonl", "--limit", "1", "--types", types.to_str().unwrap()];
    let output = export(&data, &args);
    assert_eq!(stdout(&output), "{\"id\":1,\"weight\":1.5}\n");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn names_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let names = ["../../up", "/etc/x", "a.b", "CON", "ö\n"];
    let tables: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &b"1\tx\n"[..])).collect();
    // These names cannot stand in SQL without quotes.
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    builder.session("UTF8", true).unwrap();
    let mut ids = Vec::new();
    for (name, _) in &tables {
        let id = builder.next_id();
        let copy = format!("COPY \"..\".\"{name}\" (a, b) FROM stdin;\n");
        let fields = EntryFields::new(id, Desc::TABLE_DATA, Section::Data).tag(*name);
        builder.entry(&fields.namespace("..").copy_stmt(&copy).had_dumper(true)).unwrap();
        ids.push(id);
    }
    let mut writer = builder.create(&path).unwrap();
    for id in ids {
        let mut data = writer.data(id).unwrap();
        std::io::Write::write_all(&mut data, b"1\tx\n\\.\n\n\n").unwrap();
        data.finish().unwrap();
    }
    writer.finish().unwrap();
    let out = folder.path().join("out");
    assert_eq!(stdout(&export(&path, &["--all", "-o", out.to_str().unwrap()])), "");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    let mut made: Vec<_> = fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect();
    made.sort();
    assert_eq!(made.len(), names.len() + 1, "{made:?}");
    assert!(made.iter().all(|name| name.to_str().unwrap().is_ascii()), "{made:?}");
}

#[test]
fn conditions() {
    let rows = |conditions: &[&str]| {
        let mut args = vec!["town", "--columns", "id", "--no-header"];
        for condition in conditions {
            args.extend(["--where", condition]);
        }
        stdout(&export(&small(), &args))
    };
    assert_eq!(rows(&["id >= 2"]), "2\n3\n");
    assert_eq!(rows(&["id >= 2", "note = ''"]), "2\n");
    assert_eq!(rows(&["name = Åbo"]), "1\n");
    assert_eq!(rows(&["name ~ ^tab"]), "2\n");
    assert_eq!(rows(&["note IS NULL"]), "1\n");
    for (condition, said) in [
        ("id = x", "x is no value of the type integer of column id"),
        ("nothing = 1", "has no column nothing"),
        ("name ~ (", "regex parse error"),
    ] {
        let error = refused(&export(&small(), &["town", "--where", condition]));
        assert!(error.contains(said), "{error}");
    }
    let find = |args: &[&str]| {
        let output = pgdmp().arg("find").arg(small()).arg("town").args(args).output().unwrap();
        (output.status.code(), text(&output.stdout))
    };
    assert_eq!(find(&["id=2"]), (Some(0), "id   │ 2\nname │ tab\\there\nnote │\n".to_owned()));
    let json = "{\"id\":1,\"name\":\"Åbo\",\"note\":null}\n";
    assert_eq!(find(&["id<3", "--json"]), (Some(0), json.to_owned()));
    assert_eq!(find(&["id<3", "--count"]), (Some(0), "2\n".to_owned()));
    assert_eq!(find(&["id=9"]), (Some(1), String::new()));
    assert_eq!(find(&["id=x"]).0, Some(2));
    // No table is not the answer that there is no row.
    let output = pgdmp().arg("find").arg(small()).args(["towns", "id=2"]).output().unwrap();
    assert!(refused(&output).contains("\"towns\" is not in the archive"));
}

#[test]
fn rows_are_counted_and_shown() {
    let run = |args: &[&str]| {
        let archive = small();
        let mut all = vec![args[0], archive.to_str().unwrap()];
        all.extend(&args[1..]);
        stdout(&pgdmp().args(all).output().unwrap())
    };
    let counts =
        "ROWS  NAME\n   9  public.parcel\n   3  public.town\n   0  public.vacant\n  12  (total)\n";
    assert_eq!(run(&["count"]), counts);
    assert_eq!(run(&["count", "-j", "3"]), counts);
    assert_eq!(run(&["count", "town"]), "ROWS  NAME\n   3  public.town\n");
    let json: serde_json::Value = serde_json::from_str(&run(&["count", "town", "--json"])).unwrap();
    let table = &json["tables"][0];
    assert_eq!((&table["table"], &table["rows"]), (&"public.town".into(), &3.into()));
    assert_eq!((&table["entries"][0]["tag"], &json["total"]), (&"town".into(), &3.into()));
    let head = run(&["head", "town", "-n", "2"]);
    let expected = "      id │ name      │ note\n integer │ text      │ text\n─────────┼───────────┼──────\n       1 │ Åbo       │ ∅\n       2 │ tab\\there │\n";
    assert_eq!(head, expected);
    assert_eq!(run(&["cat", "town", "--rows", "2"]), expected);
    let lines: Vec<&str> = expected.lines().collect();
    let second = run(&["cat", "town", "--rows", "2..2"]);
    assert_eq!(second.lines().collect::<Vec<_>>(), [&lines[..3], &lines[4..5]].concat());
    assert_eq!(run(&["cat", "town", "--rows", "2.."]).lines().count(), 5);
    assert_eq!(run(&["cat", "town", "--rows", "..3"]), run(&["cat", "town", "--rows", "3"]));
    assert_eq!(run(&["cat", "town", "--csv"]), stdout(&export(&small(), &["town"])));
    let du = run(&["du", "--rows"]);
    assert!(du.contains("77 B     3  public.town\n"), "{du}");
    // Partitions together.
    assert_eq!(run(&["export", "parcel", "--partitions", "together"]).lines().count(), 10);
}
