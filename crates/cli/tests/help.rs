//! Every example of the help texts, of README.md and of docs/ works, with archives of today and of old.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pgdmp::toc::{CatalogId, EntryFields, Oid, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Algorithm, Archive, ArchiveBuilder, Desc, DumpId, Format};

use crate::support::pgdmp;

/// Programs in the examples that are not ours, and the part that each of them plays.
const OTHERS: [(&str, &str); 7] = [
    ("openssl", "echo 000102030405060708090a0b0c0d0e0f"),
    ("ssh", "shift; exec \"$@\""),
    ("pg_dump", "exec cat piped.dump"),
    ("psql", "exec cat >psql.input"),
    ("vi", "exec test -s \"$1\""),
    // These are only read from where they are not installed.
    ("dot", "exec cat"),
    ("man", "exec cat"),
];

/// An archive that has all that the examples name.
fn archive() -> Vec<u8> {
    let options =
        WriteOptions::new().compression(Algorithm::Zstd, None).dbname("app").server_version("18.1");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    builder.session("UTF8", true).unwrap();
    let mut add = |id,
                   desc,
                   schema: &'static str,
                   tag: &'static str,
                   defn: &'static str,
                   needs: &[DumpId]| {
        let mut fields = EntryFields::new(DumpId(id), desc, Section::PreData)
            .tag(tag)
            .owner("ann")
            .dependencies(needs)
            .catalog_id(CatalogId { table_oid: Oid(1259), oid: Oid(20_000 + id as u32) });
        fields.namespace = Some(schema.as_bytes()).filter(|schema| !schema.is_empty());
        let data = fields.had_dumper(true).section(Section::Data);
        let rows = data.copy_stmt(defn);
        fields = fields.defn(defn);
        let post = fields.section(Section::PostData);
        builder.entry(match desc {
            Desc::TABLE_DATA => &rows,
            Desc::INDEX => &post,
            Desc::BLOBS => &data,
            Desc::BLOB_METADATA => &fields,
            _ => &fields,
        })
    };
    let [status, orders, sales, app] = [DumpId(101), DumpId(102), DumpId(104), DumpId(105)];
    for (id, desc, schema, tag, defn, needs) in [
        (104, Desc::SCHEMA, "", "sales", "CREATE SCHEMA sales;\n", &[][..]),
        (105, Desc::SCHEMA, "", "app", "CREATE SCHEMA app;\n", &[]),
        (
            101,
            Desc(b"TYPE"),
            "public",
            "status",
            "CREATE TYPE public.status AS ENUM (\n    'new'\n);\n",
            &[],
        ),
        (
            103,
            Desc::FUNCTION,
            "public",
            "total(integer)",
            "CREATE FUNCTION public.total(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';\n",
            &[],
        ),
        (
            102,
            Desc::TABLE,
            "public",
            "orders",
            "CREATE TABLE public.orders (a public.status, id integer, total numeric(10,2));\n",
            &[status],
        ),
        (
            106,
            Desc::VIEW,
            "public",
            "orders_view",
            "CREATE VIEW public.orders_view AS SELECT a FROM public.orders;\n",
            &[orders],
        ),
        (
            107,
            Desc::TABLE,
            "sales",
            "items",
            "CREATE TABLE sales.items (a integer, name text);\n",
            &[sales],
        ),
        (108, Desc::TABLE, "app", "users", "CREATE TABLE app.users (a integer);\n", &[app]),
        (3450, Desc::BLOB_METADATA, "", "16404", "16404\n", &[]),
        (
            3457,
            Desc::TABLE_DATA,
            "public",
            "orders",
            "COPY public.orders (a, id, total) FROM stdin;\n",
            &[orders],
        ),
        (
            3458,
            Desc::TABLE_DATA,
            "sales",
            "items",
            "COPY sales.items (a, name) FROM stdin;\n",
            &[DumpId(107)],
        ),
        (
            3459,
            Desc::TABLE_DATA,
            "app",
            "users",
            "COPY app.users (a) FROM stdin;\n",
            &[DumpId(108)],
        ),
        (3460, Desc::BLOBS, "", "16404", "", &[DumpId(3450)]),
        (
            3461,
            Desc::INDEX,
            "public",
            "orders_a",
            "CREATE INDEX orders_a ON public.orders (a);\n",
            &[orders],
        ),
    ] {
        add(id, desc, schema, tag, defn, needs).unwrap();
    }
    let mut writer = builder.start(std::io::Cursor::new(Vec::new())).unwrap();
    let orders = &b"new\t1\t9.50\nnew\t2\t120.00\n\\.\n\n\n"[..];
    for (id, copy) in
        [(3457, orders), (3458, b"1\tAnn Smith\n2\tBob\n\\.\n\n\n"), (3459, b"1\n2\n\\.\n\n\n")]
    {
        let mut rows = writer.data(DumpId(id)).unwrap();
        rows.write_all(copy).unwrap();
        rows.finish().unwrap();
    }
    let mut objects = writer.large_objects(DumpId(3460)).unwrap();
    let mut object = objects.object(Oid(16404)).unwrap();
    object.write_all(b"a logo").unwrap();
    object.finish().unwrap();
    objects.finish().unwrap();
    writer.finish().unwrap().into_inner()
}

/// A folder with what the examples read.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    /// `version`: that of the archives.
    fn new(version: &str) -> Scene {
        let scene = Scene { folder: tempfile::tempdir().unwrap() };
        fs::write(scene.path("newest"), archive()).unwrap();
        let run = |args: &[&str]| {
            let output = pgdmp().args(args).current_dir(scene.folder.path()).output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        };
        run(&["convert", "newest", "backup.dump", "--archive-version", version, "-Z", "gzip"]);
        run(&["convert", "newest", "new.dump"]);
        for name in ["app.dump", "a.dump", "old.dump", "monday.dump", "tuesday.dump", "cut.dump"] {
            run(&["convert", "backup.dump", name]);
        }
        for name in ["backup", "backup.dir"] {
            run(&["convert", "backup.dump", name, "--format", "d"]);
        }
        run(&["convert", "backup.dump", "schema.dump", "--no-data"]);
        run(&["convert", "backup.dump", "data.dump", "--no-schema"]);
        run(&["split", "backup.dump", "tables"]);
        let list = pgdmp().arg("list").arg(scene.path("backup.dump")).output().unwrap();
        fs::write(scene.path("list"), list.stdout).unwrap();
        let piped =
            pgdmp().arg("convert").arg(scene.path("backup.dump")).arg("-").output().unwrap();
        fs::write(scene.path("piped.dump"), piped.stdout).unwrap();

        fs::write(scene.path("rules.toml"), "[tables.\"sales.items\"]\na = \"int\"\n").unwrap();
        fs::write(scene.path("key"), "000102030405060708090a0b0c0d0e0f\n").unwrap();

        fs::create_dir(scene.path("bin")).unwrap();
        for (name, part) in OTHERS {
            if !matches!(name, "dot" | "man") || !is_installed(name) {
                scene.program(name, part);
            }
        }
        if !is_installed("jq") {
            scene.program("jq", "exec cat");
        }
        for folder in ["etc/bash_completion.d", ".zfunc", ".local/share/man/man1"] {
            fs::create_dir_all(scene.path(folder)).unwrap();
        }
        scene
    }

    /// Another one of the same.
    fn copy(&self) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let from = self.path(".");
        let copied = Command::new("cp").arg("-R").arg(from).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        Scene { folder }
    }

    fn program(&self, name: &str, part: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{part}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, example: &str) -> Output {
        let ours = Path::new(env!("CARGO_BIN_EXE_pgdmp")).parent().unwrap();
        let others = std::env::var("PATH").unwrap();
        Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", example])
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("PATH", format!("{}:{}:{others}", self.path("bin").display(), ours.display()))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

fn is_installed(name: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
    found.is_ok_and(|output| output.status.success())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn help(args: &[&str]) -> String {
    let output = pgdmp().args(args).arg("--help").output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The command lines of a help text, without what is said about them.
fn examples(help: &str) -> Vec<String> {
    let Some((_, examples)) = help.split_once("\nExamples:\n") else { return Vec::new() };
    let lines = examples.lines().take_while(|line| !line.is_empty());
    let commands =
        lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    commands.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
}

/// All examples there are, and where they stand.
fn all() -> Vec<(String, String)> {
    let main = help(&[]);
    let mut all: Vec<(String, String)> =
        examples(&main).into_iter().map(|example| ("pgdmp --help".to_owned(), example)).collect();
    let (_, commands) = main.split_once("\nCommands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        if command == "help" {
            continue;
        }
        let found = examples(&help(&[command]));
        assert!(!found.is_empty(), "{command}");
        if command == "dump" {
            // They need a server: live_dump has dumps of all kinds.
            continue;
        }
        all.extend(found.into_iter().map(|example| (format!("{command} --help"), example)));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for name in ["README.md", "docs/framed.md"] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
        let lines = blocks.flat_map(str::lines).filter(|line| !line.starts_with("cargo "));
        all.extend(lines.map(|line| (name.to_owned(), line.to_owned())));
    }
    all
}

/// What an example makes, if it is an archive.
fn outputs(example: &str) -> Vec<String> {
    let mut made = Vec::new();
    for command in example.split([';', '|']) {
        let words: Vec<&str> = command.split('#').next().unwrap().split_whitespace().collect();
        let archives =
            || words.iter().filter(|word| word.ends_with(".dump") || word.ends_with(".dir"));
        match words.get(1) {
            Some(&"convert") => made.extend(archives().next_back()),
            Some(&"merge") => made.extend(archives().next()),
            Some(&"split") => made.extend(words.get(3)),
            Some(&"salvage") => made.extend(archives().next_back()),
            Some(&"mask") => made.extend(words.get(3).filter(|word| word.ends_with(".dump"))),
            _ => {}
        }
    }
    made.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_example_works() {
    let all = all();
    assert!(all.len() > 40, "{all:?}");
    for version in ["1.12", "1.14", "1.16"] {
        let fresh = Scene::new(version);
        for (place, example) in &all {
            let scene = fresh.copy();
            let made = outputs(example);
            for name in &made {
                let path = scene.path(name);
                let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(path));
            }
            // Nothing of the machine is touched.
            let output = scene.run(&example.replace(" /etc/", " etc/"));
            let said = text(&output.stderr);
            let what = format!("{place}: {example}: {said}");
            assert_eq!(output.status.code(), Some(0), "{what}");
            assert!(!said.contains("error:") && !said.contains("warning:"), "{what}");
            for name in made {
                let path = scene.path(&name);
                // What split makes has archives in it.
                let path = match path.is_dir() && !path.join("toc.dat").exists() {
                    true => fs::read_dir(path).unwrap().next().unwrap().unwrap().path(),
                    false => path,
                };
                assert!(Archive::open(path).is_ok_and(|made| made.entries().len() > 0), "{what}");
            }
        }
    }
}

/// The examples are those that are found: a line that looks like one is one.
#[test]
fn examples_are_found() {
    let text =
        "Text\n\nExamples:\n  pgdmp a b > c   words\n        more words\n  pgdmp d\n\nEnd:\n  no\n";
    assert_eq!(examples(text), ["pgdmp a b > c", "pgdmp d"]);
    assert_eq!(outputs("ssh db pg_dump | pgdmp convert - app.dump"), ["app.dump"]);
    assert_eq!(
        outputs("pgdmp split b.dump tables/; pgdmp merge c.dump tables/*"),
        ["tables/", "c.dump"]
    );
}
