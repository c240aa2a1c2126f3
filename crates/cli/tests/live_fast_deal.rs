//! The rows of a table over several sessions: all of them or none, the error of the first row that
//! is wrong, and nothing that runs on after an end.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::live_fast_order::{Bench, archive_of, log};
use crate::live_faults::wait_for;
use crate::live_restore::first;
use crate::support::pgdmp_with_signals;
use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{ArchiveBuilder, Desc, DumpId, Format};
use pgdmp_testkit::server::{Server, run};
use rustix::process::{Pid, Signal, kill_process};

const TABLES: &str = r#"
CREATE TABLE big (id int, t text, n numeric, PRIMARY KEY (id));
INSERT INTO big SELECT n, repeat(E'back\\slash\ttab\nline\r. ' || n, 3), nullif(n % 7, 0)
  FROM generate_series(1, 60000) n;
CREATE TABLE "Odd ""t""" ("A b" int, "from" text, g int GENERATED ALWAYS AS ("A b" * 2) STORED);
INSERT INTO "Odd ""t""" SELECT n, CASE n % 3 WHEN 0 THEN '\.' WHEN 1 THEN '' END || n FROM generate_series(1, 200000) n;
CREATE TABLE long_rows (id int, t text);
ALTER TABLE long_rows ALTER t SET STORAGE EXTERNAL;
INSERT INTO long_rows SELECT n, repeat(md5(n::text), 100000) FROM generate_series(1, 4) n;
INSERT INTO long_rows SELECT n, n FROM generate_series(5, 200000) n;
CREATE TABLE empty_one (id int);
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 10);
CREATE TABLE ordered (id int, t text);
INSERT INTO ordered SELECT n, repeat('x', 50) FROM generate_series(1, 60000) n;
CREATE INDEX ON ordered USING brin (id);
CREATE TABLE parted (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (50000);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (50000) TO (100000);
INSERT INTO parted SELECT n, repeat('y', 50) FROM generate_series(1, 99999) n;
CREATE TABLE child (id int REFERENCES big, b bigserial) INHERITS (ordered);
"#;

#[test]
fn dealt_tables_are_the_same() {
    let Some(server) = Server::start("dealt_tables_are_the_same") else { return };
    let bench = Bench { server: &server };
    let archive = archive_of(&server, "tables", TABLES);
    let opened = pgdmp::Archive::open(&archive).unwrap();
    let tables = opened.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA);
    let (filled, empty): (Vec<_>, Vec<_>) = tables.partition(|entry| {
        let mut data = Vec::new();
        let mut reader = opened.data(entry.dump_id()).unwrap();
        reader.read_to_end(&mut data).unwrap() > b"\\.\n\n\n".len()
    });
    for (options, sessions) in [
        ("-j3 --split=always", 3),
        ("-j8 --split=always", 8),
        ("-j3 --split=always --without=longest-path,using-index,not-valid", 3),
        ("-j1 --split=always", 1),
        ("-j3", 1),
        ("-j3 --split=always --use-set-session-authorization", 1),
    ] {
        let before = log(&server).len();
        bench.same(&archive, &[options.to_owned()]);
        let text = log(&server).split_off(before);
        // Those of --exact, and those of each session. Nothing goes into a new table that stays empty.
        let copies = text.matches("COPY public.").count() - empty.len();
        let filled = filled.len();
        assert!((2 * filled..=(1 + sessions) * filled).contains(&copies), "{options}: {copies}");
    }
}

/// A custom archive with one table, `a (x int, t text)`, whose data is these bytes.
fn archive(server: &Server, name: &str, table: &str, data: &[u8]) -> PathBuf {
    let path = PathBuf::from(server.path(name));
    let options = WriteOptions::new().server_version("15.0").dump_version("15.0");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    let fields = |id, desc, section| {
        EntryFields::new(DumpId(id), desc, section).tag("a").namespace("public").owner("postgres")
    };
    let definition = format!("CREATE TABLE public.a ({table});\n");
    builder.entry(&fields(1, Desc::TABLE, Section::PreData).defn(&definition)).unwrap();
    let rows = fields(2, Desc::TABLE_DATA, Section::Data).had_dumper(true);
    let copy = "COPY public.a (x, t) FROM stdin;\n";
    builder.entry(&rows.copy_stmt(copy).dependencies(&[DumpId(1)])).unwrap();
    builder.session("UTF8", true).unwrap();
    let mut writer = builder.create(&path).unwrap();
    let mut output = writer.data(DumpId(2)).unwrap();
    output.write_all(data).unwrap();
    output.finish().unwrap();
    writer.finish().unwrap();
    if server.root {
        run(&mut Command::new("chmod"), &["a+r", path.to_str().unwrap()]);
    }
    path
}

/// So many rows, each of 64 bytes or so, and some in between.
fn rows(count: usize, others: &[(usize, &str)], end: &str) -> Vec<u8> {
    let mut data = String::new();
    for n in 1..=count {
        match others.iter().find(|(at, _)| *at == n) {
            Some((_, other)) => data += other,
            None => data += &format!("{n}\t{:056}\n", n),
        }
    }
    (data + end).into_bytes()
}

#[test]
fn odd_rows_end_as_in_one_session() {
    let Some(server) = Server::start("odd_rows_end_as_in_one_session") else { return };
    let bench = Bench { server: &server };
    const MANY: usize = 100_000;
    const END: &str = "\\.\n\n\n";
    let plain = |others: &[(usize, &str)]| rows(MANY, others, END);
    let long = format!("7\t{}\n", "z".repeat(5 << 20));
    let cases: &[(&str, Vec<u8>)] = &[
        ("plain", plain(&[])),
        ("no-end", rows(MANY, &[], "")),
        ("half-a-row", rows(MANY, &[], "1\tlast")),
        ("half-a-wrong-row", rows(MANY, &[], "x\tlast")),
        ("empty", Vec::new()),
        ("only-an-end", END.into()),
        ("line-ends-in-rows", plain(&[(17_000, "1\ta\\\nb\\\\\n"), (40_000, "2\t\\\\\\\n\\\\\n")])),
        ("long", plain(&[(30_000, &long), (30_001, &long), (80_000, &long)])),
        ("wrong-first", plain(&[(1, "x\ty\n")])),
        ("wrong-last", plain(&[(MANY, "x\ty\n")])),
        ("wrong", plain(&[(55_555, "x\ty\n")])),
        ("wrong-twice", plain(&[(70_001, "x\ty\n"), (33_333, "1\n"), (90_000, "1\t2\t3\n")])),
        ("wrong-behind-line-ends", plain(&[(20_000, "1\ta\\\nb\n"), (60_000, "x\ty\n")])),
        ("rows-behind-the-end", plain(&[(50_000, "\\.\n")])),
        ("end-in-a-row", plain(&[(50_000, "1\ta\\.\n")])),
        ("no-end-in-a-row", plain(&[(50_000, "1\ta\\.b\n")])),
        ("carriage-return", plain(&[(50_000, "1\ta\rb\n")])),
        (
            "carriage-returns",
            plain(&[]).split(|b| *b == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]),
        ),
    ];
    for (name, data) in cases {
        let path = archive(&server, name, "x int, t text", data);
        let (expected, errors) = bench.made(&path, "--exact");
        let before = log(&server).len();
        for options in ["-j3 --split=always", "-j8 --split=always -e"] {
            let (made, said) = bench.made(&path, options);
            assert_eq!(first(&made.dump, &expected.dump), None, "{name} {options}: {said}");
            assert_eq!(made.code, expected.code, "{name} {options}: {said}");
            let error = |text: &str| text.split("pgdmp: ").nth(1).map(str::to_owned);
            assert_eq!(error(&said), error(&errors), "{name} {options}");
        }
        // Over so many sessions as there are, if there are enough rows.
        let copies = log(&server).split_off(before).matches("statement: COPY public.a ").count();
        let is_cut = data.len() > 6 << 20 && *name != "carriage-returns";
        let most = if is_cut { 3 + 7 } else { 2 };
        assert!(copies >= most, "{name}: {copies}");
        assert_eq!(errors.contains("error: "), expected.code == Some(1), "{name}: {errors}");
        assert_eq!(errors.contains("COPY failed"), expected.code == Some(1), "{name}: {errors}");
    }
    let wrong = server.path("wrong");
    let (_, said) = bench.made(Path::new(&wrong), "-j3 --split=always");
    assert!(said.contains("CONTEXT:  COPY a, line 55555, column x: \"x\"\n"), "{said}");
}

/// A table whose rows take forever from somewhere on.
const SLOW: &str = "x int, t text CHECK (x <> 60000 OR pg_catalog.pg_sleep(600) IS NULL)";

#[test]
fn an_end_leaves_no_rows_and_nothing_that_runs() {
    let Some(server) = Server::start("an_end_leaves_no_rows_and_nothing_that_runs") else { return };
    let bench = Bench { server: &server };
    let path = archive(&server, "slow", SLOW, &rows(100_000, &[], "\\.\n\n\n"));
    let socket = server.path("");
    for (name, signal) in
        [("int", Some(Signal::INT)), ("term", Some(Signal::TERM)), ("killed", None)]
    {
        server.create(name, "UTF8");
        let mut command = pgdmp_with_signals();
        command.args(["restore", "-h", &socket, "-U", "postgres", "-d", name, "-j3"]);
        command.arg("--split=always").arg(&path).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let sleeps = "wait_event = 'PgSleep'";
        let asleep = format!("SELECT count(*) FROM pg_stat_activity WHERE {sleeps}");
        let begun = std::time::Instant::now();
        while server.sql(&asleep).trim() == "0" {
            assert!(begun.elapsed().as_secs() < 60, "{name}: it never ran");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        match signal {
            Some(signal) => kill_process(Pid::from_child(&child), signal).unwrap(),
            None => drop(server.sql(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {sleeps}"
            ))),
        }
        let status = child.wait().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(status.code(), Some(1), "{name}: {said}");
        match signal {
            Some(_) => assert_eq!(said, "pgdmp: terminated by user\n"),
            None => assert!(said.contains("terminating connection"), "{said}"),
        }
        assert!(wait_for(&server, "COPY public.a", false), "{name}: it still runs");
        assert_eq!(bench.query(name, "SELECT count(*) FROM a").trim(), "0", "{name}");
    }
}

/// Sessions that end among the rows are told of as `pg_restore` does, in exact byte for byte.
#[test]
fn live_fast_deal_an_end_among_rows_is_told_as_pg_restore_does() {
    let name = "live_fast_deal_an_end_among_rows_is_told_as_pg_restore_does";
    let Some(server) = Server::start(name) else { return };
    server.create("src", "UTF8");
    let sleeps = "CASE current_database() WHEN 'src' THEN true ELSE pg_sleep(600) IS NULL END";
    let bench = Bench { server: &server };
    bench.query("src", &format!("CREATE TABLE a (x int, t text, CHECK (x <> 1000 OR {sleeps}))"));
    bench.query("src", "INSERT INTO a SELECT n, repeat('x', 99) FROM generate_series(1, 30000) n");
    let path = server.path("ended");
    server.client("pg_dump", &["-Fc", "-f", &path, "src"]);
    let socket = server.path("");
    let ended = |mut command: Command| {
        server.create("db", "UTF8");
        command.args(["-h", &socket, "-U", "postgres", "-d", "db"]).arg(&path);
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let sleeps = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        let begun = std::time::Instant::now();
        while server.sql(&format!("SELECT count(*) {sleeps}")).trim() == "0" {
            assert!(begun.elapsed().as_secs() < 60, "it never ran");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // It waits for the server, which has its last rows.
        std::thread::sleep(std::time::Duration::from_millis(200));
        server.sql(&format!("SELECT pg_terminate_backend(pid) {sleeps}"));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        server.sql("DROP DATABASE db WITH (FORCE)");
        let said = String::from_utf8(output.stderr).unwrap();
        said.replace("pg_restore: ", "pgdmp: ")
    };
    let theirs = ended(Command::new(server.program("pg_restore")));
    let ours = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        command.arg("restore").args(options);
        ended(command)
    };
    assert_eq!(ours(&["--exact"]), theirs);
    let said = ours(&[]);
    assert!(said.contains("FATAL:  terminating connection"), "{said}");
}

/// Somebody wants the table alone, again and again until that takes long.
const WANTS_IT_ALONE: &str = "DO $$
DECLARE begun timestamptz;
BEGIN
  LOOP
    begun := clock_timestamp();
    IF to_regclass('public.a') IS NOT NULL THEN
      LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE;
    END IF;
    COMMIT;
    EXIT WHEN clock_timestamp() > begun + interval '1 second';
    PERFORM pg_sleep(0.001);
  END LOOP;
END $$";

/// Somebody wants the table alone, and waits for one session; another waits for him.
#[test]
fn a_lock_in_between_is_no_end() {
    let Some(server) = Server::start("a_lock_in_between_is_no_end") else { return };
    let bench = Bench { server: &server };
    let table = "x int, t text CHECK (x <> 1 OR pg_catalog.pg_sleep(5) IS NOT NULL)";
    let path = archive(&server, "locked", table, &rows(100_000, &[], "\\.\n\n\n"));
    let socket = server.path("");
    server.create("db", "UTF8");
    // He may be too late for the first sessions, and have the table when they have ended; then again.
    for _ in 0..10 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        command.args(["restore", "-h", &socket, "-U", "postgres", "-d", "db", "-j3"]);
        command.arg("--split=always").arg(&path).stdin(Stdio::null()).stderr(Stdio::piped());
        std::thread::scope(|scope| {
            scope.spawn(|| server.output("psql", &["-d", "db", "-c", WANTS_IT_ALONE]));
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{said}");
            assert_eq!(bench.query("db", "SELECT count(*) FROM a").trim(), "100000");
            let his = "FROM pg_stat_activity WHERE query LIKE 'DO %'";
            bench.query("db", &format!("SELECT pg_terminate_backend(pid) {his}"));
        });
        if log(&server).contains("canceling statement due to lock timeout") {
            return;
        }
        bench.query("db", "DROP TABLE a");
    }
    panic!("no session waited for him");
}
