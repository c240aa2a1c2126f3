//! `restore -d` by faster means: the database is the one that `--exact` makes, with each of the
//! means and without it.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::live_fast_order::LOGGED;
use crate::live_faults::{Odd, VIEW, archive};
use crate::live_restore::{dump, first, masked};
use crate::live_scripts::dumps;
use pgdmp_testkit::server::{Server, run};

/// Without one of the means, and without all but one.
const MEANS: &[&str] = &["async-commit", "tuning", "batches", "small-tables", "freeze", "objects"];

struct Bench<'a> {
    server: &'a Server,
    number: AtomicUsize,
}

impl<'a> Bench<'a> {
    fn new(server: &'a Server) -> Self {
        Bench { server, number: AtomicUsize::new(0) }
    }

    /// A new database, and what a restore into it says.
    fn restore(&self, archive: &Path, options: &str) -> (String, Output) {
        let name = format!("f{}", self.number.fetch_add(1, Ordering::Relaxed));
        let text = pgdmp::Archive::open(archive).unwrap();
        let encoding = text.toc().encoding().unwrap().unwrap_or(b"SQL_ASCII");
        self.server.create(&name, std::str::from_utf8(encoding).unwrap());
        let output = self.restore_into(&name, archive, options);
        (name, output)
    }

    fn restore_into(&self, database: &str, archive: &Path, options: &str) -> Output {
        let socket = self.server.path("");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        command.args(["restore", "-h", &socket, "-U", "postgres", "-d", database, "--no-check"]);
        command.args(options.split(' ').filter(|option| !option.is_empty())).arg(archive);
        command.env("LC_ALL", "C").env("PGOPTIONS", LOGGED);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// The database that a restore makes, and how it ends.
    fn made(&self, archive: &Path, options: &str) -> (String, Option<i32>, String) {
        let (name, output) = self.restore(archive, options);
        let database = dump(self.server, &name);
        let sql = format!("DROP DATABASE IF EXISTS \"{name}\"");
        self.server.output("psql", &["-X", "-q", "-c", &sql, "-d", "postgres"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (database, output.status.code(), said)
    }

    fn same(&self, archive: &Path, all: &[String]) {
        let (expected, code, _) = self.made(archive, "--exact");
        for options in all {
            let (database, ours, said) = self.made(archive, options);
            let difference = first(&database, &expected);
            assert_eq!((ours, difference), (code, None), "{} {options}: {said}", archive.display());
        }
    }
}

#[test]
fn the_database_is_the_same_by_all_means() {
    let Some(server) = Server::start("the_database_is_the_same_by_all_means") else { return };
    let archives = dumps(&server);
    let bench = Bench::new(&server);
    for archive in &archives {
        bench.same(archive, &["-j1".to_owned(), "-j3".to_owned()]);
    }
    let archive = |name: &str| archives.iter().find(|path| path.ends_with(name)).unwrap();
    let mut variants = Vec::new();
    for means in MEANS {
        variants.extend([format!("-j1 --without={means}"), format!("-j3 --without={means}")]);
    }
    variants.push(format!("-j3 --without={}", MEANS.join(",")));
    bench.same(archive("core.dump"), &variants);
    bench.same(archive("mini.dump"), &variants);
}

/// What was sent is in the server's log.
#[test]
fn a_restore_ends_when_its_log_is_on_disk() {
    let Some(server) = Server::start("a_restore_ends_when_its_log_is_on_disk") else { return };
    let archives: Vec<PathBuf> = dumps(&server);
    let archive = archives.iter().find(|path| path.ends_with("mini.dump")).unwrap();
    let bench = Bench::new(&server);
    let before = log(&server).len();
    let (_, output) = bench.restore(archive, "-j2 --set=work_mem=77MB --maintenance-work-mem=99MB");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = log(&server).split_off(before);
    let count = |what: &str| text.matches(what).count();
    // The first session, two workers, and the last.
    assert_eq!(count("SET synchronous_commit = off;"), 4);
    assert_eq!(count("set_config(E'work_mem', E'77MB', false)"), 4);
    assert_eq!(count("set_config(E'maintenance_work_mem', E'99MB', false)"), 4);
    assert_eq!(count("RESET synchronous_commit"), 1);
    assert_eq!(count("pg_current_wal_flush_lsn() >= "), 1);
    let end = text.find("RESET synchronous_commit").unwrap();
    assert!(!text[end..].contains("ERROR"), "{}", &text[end..]);
    // The setting of a role is no reason not to wait, nor are errors.
    server.sql("ALTER ROLE postgres SET synchronous_commit = off");
    let before = log(&server).len();
    let (name, _) = bench.restore(archive, "");
    let output = bench.restore_into(&name, archive, "-v");
    assert_eq!(output.status.code(), Some(1));
    let text = log(&server).split_off(before);
    assert_eq!(text.matches("pg_current_wal_flush_lsn() >= ").count(), 2);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("on disk"), "{said}");
    let output = bench.restore_into(&name, archive, "--set=no_such_setting=1");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("pgdmp: error: could not set \"no_such_setting\" to \"1\": ERROR:"));
}

/// Tables and large objects of all sizes.
#[test]
fn large_tables_and_objects_are_the_same() {
    let Some(server) = Server::start("large_tables_and_objects_are_the_same") else { return };
    server.create("large", "UTF8");
    let sql = "CREATE ROLE keeper;
        CREATE TABLE many (id int PRIMARY KEY, text text);
        INSERT INTO many SELECT n, repeat(md5(n::text), 3) FROM generate_series(1, 30000) n;
        CREATE TABLE few (id int); INSERT INTO few SELECT generate_series(1, 100);
        CREATE TABLE none (id int);
        CREATE TABLE parts (id int) PARTITION BY RANGE (id);
        CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (50000);
        CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (50000) TO (100000);
        INSERT INTO parts SELECT n FROM generate_series(0, 99999) n;
        CREATE DOMAIN picky AS int CHECK (VALUE <> 77777);
        CREATE TABLE wrong (id picky);
        INSERT INTO wrong SELECT n FROM generate_series(1, 70000) n;
        SELECT lo_from_bytea(n, ''), lo_put(n, 0, convert_to(repeat(n::text, n % 50), 'UTF8'))
            FROM generate_series(20001, 22500) n;
        SELECT lo_from_bytea(30001, ''), lo_from_bytea(30002, decode(repeat('00ff27', 700000), 'hex')),
            lo_from_bytea(30003, convert_to(repeat('x', 262144), 'UTF8')),
            lo_from_bytea(30004, convert_to(repeat('y', 1048577), 'UTF8'));
        DO $$ BEGIN FOR n IN 20001..20100 LOOP
            EXECUTE format('ALTER LARGE OBJECT %s OWNER TO keeper', n);
            EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO PUBLIC', n + 50);
        END LOOP; END $$";
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d", "large"]);
    let bench = Bench::new(&server);
    for format in ["-Fc", "-Fd", "-Ft"] {
        let path = server.path(&format!("large{format}"));
        server.client("pg_dump", &[format, "-f", &path, "large"]);
        if server.root {
            run(&mut Command::new("chmod"), &["-R", "a+rX", &path]);
        }
        let before = log(&server).len();
        let variants = ["-j1", "-j3", "-j2 --without=freeze", "-j2 --without=objects"];
        bench.same(Path::new(&path), &variants.map(str::to_owned));
        let text = log(&server).split_off(before);
        assert!(text.contains("COPY public.many (id, text) FROM stdin WITH (FREEZE)"));
        assert!(!text.contains("COPY public.few (id) FROM stdin WITH (FREEZE)"));
        assert!(text.contains("lo_put"));
        assert!(!text.contains("ERROR"));
        // Through a pipe.
        if format != "-Fd" {
            let (expected, ..) = bench.made(Path::new(&path), "--exact");
            server.create("piped", "UTF8");
            let socket = server.path("");
            let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
            command.args(["restore", "-h", &socket, "-U", "postgres", "-d", "piped", "-j2"]);
            let mut cat = Command::new("cat").arg(&path).stdout(Stdio::piped()).spawn().unwrap();
            let output = command.stdin(cat.stdout.take().unwrap()).output().unwrap();
            cat.wait().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(first(&dump(&server, "piped"), &expected), None);
            server.sql("DROP DATABASE piped");
        }
    }
    // Rows that are wrong, in a table that would be frozen; and objects that may not be written.
    let path = server.path("large-Fc");
    let answers = ["--exact", "-j2", "-j2 --without=freeze"].map(|options| {
        server.create("strict", "UTF8");
        let psql =
            ["-X", "-q", "-c", "CREATE DOMAIN picky AS int CHECK (VALUE <> 66666)", "-d", "strict"];
        server.client("psql", &psql);
        let output = bench.restore_into("strict", Path::new(&path), options);
        let made = dump(&server, "strict");
        server.sql("DROP DATABASE strict");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text, made)
    });
    assert!(answers[0].1.contains("COPY failed for table \"wrong\""), "{}", answers[0].1);
    assert!(answers[0].1.contains("COPY wrong, line 66666"), "{}", answers[0].1);
    assert_eq!(answers[1], answers[0]);
    assert_eq!(answers[2], answers[0]);
}

/// In the database that the archive makes.
#[test]
fn a_database_is_created_by_all_means() {
    let Some(server) = Server::start("a_database_is_created_by_all_means") else { return };
    let archives = dumps(&server);
    let archive = archives.iter().find(|path| path.ends_with("mini.dump")).unwrap();
    let bench = Bench::new(&server);
    server.sql("ALTER DATABASE mini RENAME TO source");
    let before = log(&server).len();
    let answers = ["--exact -C", "-C", "-C -j3", "-C -j3 --without=batches"].map(|options| {
        let output = bench.restore_into("postgres", archive, options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made = dump(&server, "mini");
        server.sql("DROP DATABASE mini");
        made
    });
    for made in &answers[1..] {
        assert_eq!(first(made, &answers[0]), None);
    }
    let text = log(&server).split_off(before);
    // In each session, and in that which the first one becomes.
    assert_eq!(text.matches("SET synchronous_commit = off;").count(), 4 + 6 + 6);
}

/// Errors, and what there is in the end: as when each statement goes alone.
#[test]
fn errors_are_the_same_by_all_means() {
    let Some(server) = Server::start("errors_are_the_same_by_all_means") else { return };
    let archives = dumps(&server);
    let bench = Bench::new(&server);
    let errors = |output: &Output| {
        let text = masked(&String::from_utf8_lossy(&output.stderr), "");
        let mut errors: Vec<String> = text
            .split("pgdmp: ")
            .filter(|told| told.starts_with("error") || told.starts_with("from TOC"))
            .map(str::to_owned)
            .collect();
        // Sessions have their errors when they have them.
        errors.sort();
        errors
    };
    for name in ["core.dump", "mini.dump", "core-inserts.dump", "latin1.dump"] {
        let archive = archives.iter().find(|path| path.ends_with(name)).unwrap();
        for options in ["-v", "-v --no-data-for-failed-tables", "-v -c", "-v -c --if-exists"] {
            let answers = ["--exact -j2", "-j2", "-j1"].map(|how| {
                let (name, _) = bench.restore(archive, "--exact");
                let output = bench.restore_into(&name, archive, &format!("{options} {how}"));
                (output.status.code(), errors(&output), dump(&server, &name))
            });
            let [exact, fast, one] = &answers;
            assert!(exact.0 == fast.0 && exact.0 == one.0, "{name} {options}");
            for ours in [fast, one] {
                let difference = first(&ours.1.concat(), &exact.1.concat());
                assert_eq!(difference, None, "{name} {options}");
                // Which rows were there first is chance.
                let lines = |text: &str| {
                    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                    lines.sort();
                    lines.join("\n")
                };
                let difference = first(&lines(&ours.2), &lines(&exact.2));
                assert_eq!(difference, None, "{name} {options}");
            }
        }
    }
}

/// Definitions that no pg_dump writes, some of which cannot be in a transaction, or end one.
/// Of INSERT statements only those are lost that fail.
#[test]
fn a_failed_insert_takes_no_other_with_it() {
    let Some(server) = Server::start("a_failed_insert_takes_no_other_with_it") else { return };
    let bench = Bench::new(&server);
    server.create("origin", "UTF8");
    let sql = "SET my.rows = 'all';
        CREATE TABLE t (n int, a text,
            CHECK (n % 97 <> 5 OR coalesce(current_setting('my.rows', true), '') = 'all'));
        INSERT INTO t SELECT g, 'it''s; $$ /* -- \\' || g FROM generate_series(1, 3000) g;
        CREATE TABLE u AS SELECT * FROM t;";
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d", "origin"]);
    for (name, more) in [("rows.dump", "--inserts"), ("many.dump", "--rows-per-insert=7")] {
        let path = server.path(name);
        server.client("pg_dump", &["-Fc", more, "-f", &path, "-d", "origin"]);
        run(&mut Command::new("chmod"), &["a+r", &path]);
        let path = Path::new(&path);
        let (expected, code, said) = bench.made(path, "--exact");
        let failures = |said: &str| said.matches("violates check constraint").count();
        assert_eq!((code, failures(&said)), (Some(1), 31));
        for options in ["", "-j3", "--without=batches", "--without=freeze -j2", "--without=objects"]
        {
            let (database, ours, ours_said) = bench.made(path, options);
            assert_eq!(first(&database, &expected), None, "{name} {options}");
            assert_eq!((ours, failures(&ours_said)), (code, 31), "{name} {options}: {ours_said}");
        }
    }
}

#[test]
fn odd_definitions_have_their_effect_once() {
    let Some(server) = Server::start("odd_definitions_have_their_effect_once") else { return };
    server.sql("CREATE SEQUENCE often");
    let bench = Bench::new(&server);
    let defn = |tag, defn| Odd { tag, defn, ..VIEW };
    let log = defn("log", "CREATE TABLE public.log (what text);\n");
    let view = |tag, text| Odd { tag, defn: text, ..VIEW };
    let failing = defn("failing", "CREATE VIEW public.failing AS SELECT nothing;\n");
    let odd: &[(&str, &[Odd])] = &[
        ("system", &[log, defn("s", "ALTER SYSTEM SET work_mem = '5MB';\n"), VIEW, failing]),
        ("vacuum", &[log, VIEW, defn("s", "CREATE TABLESPACE x LOCATION '/nowhere';\n"), failing]),
        (
            "own-transaction",
            &[
                log,
                defn("t", "BEGIN;\nINSERT INTO public.log VALUES ('once');\nCOMMIT;\n"),
                failing,
                VIEW,
            ],
        ),
        (
            "open",
            &[log, defn("o", "BEGIN;\nINSERT INTO public.log VALUES ('x');\n"), failing, VIEW],
        ),
        (
            "rolled-back",
            &[log, view("w", "CREATE VIEW public.w AS SELECT 2;\nROLLBACK;\n"), VIEW, failing],
        ),
        (
            "no-end",
            &[
                log,
                view("q", "CREATE VIEW public.q AS SELECT ';\n"),
                view("r", "CREATE VIEW public.r AS SELECT ';\n"),
                view("c", "CREATE VIEW public.c AS SELECT 1 /*;\n"),
                view("d", "*/; CREATE VIEW public.d AS SELECT 1;\n"),
                view("e", "CREATE VIEW public.e AS SELECT 1"),
                view("f", "CREATE VIEW public.f AS SELECT 1 -- ;\n"),
                VIEW,
            ],
        ),
        (
            "many-in-one",
            &[
                log,
                view("g", "CREATE VIEW public.g AS SELECT 1;\nCREATE VIEW public.h AS SELECT x;\n"),
                VIEW,
                view("i", "INSERT INTO public.log VALUES ('one');\n"),
                failing,
            ],
        ),
        (
            "enum",
            &[
                log,
                Odd { desc: "TYPE", ..defn("n", "CREATE TYPE public.n AS ENUM ('a');\n") },
                Odd { desc: "TYPE", ..defn("n", "ALTER TYPE public.n ADD VALUE 'b';\n") },
                view("u", "CREATE VIEW public.u AS SELECT 'b'::public.n;\n"),
                failing,
            ],
        ),
        ("copies", &[log, defn("s", "COPY public.log FROM stdin;\n"), VIEW, failing]),
        ("settings", &[log, defn("s", "SET search_path = nowhere;\n"), VIEW, failing]),
    ];
    for (name, entries) in odd {
        let archive = archive(&server, &format!("{name}.dump"), true, entries);
        let answers = ["--exact -v", "-v", "-v -e", "--exact -v -e"].map(|options| {
            let (name, output) = bench.restore(&archive, options);
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let told = text.split("pgdmp: ").filter(|told| told.starts_with("error"));
            (output.status.code(), told.collect::<String>(), dump(&server, &name))
        });
        let [exact, fast, fast_end, exact_end] = answers;
        assert_eq!(fast, exact, "{name}");
        assert_eq!(fast_end, exact_end, "{name}");
        assert_eq!(exact.0, Some(i32::from(!exact.1.is_empty())), "{name}");
    }
}

fn log(server: &Server) -> String {
    std::fs::read_to_string(server.path("log")).unwrap()
}
