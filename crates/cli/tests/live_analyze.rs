//! `restore --analyze`: the server has statistics of each table whose rows are restored.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::live_fast_order::{archive_of, log};
use pgdmp_testkit::server::{Server, run};

const TABLES: &str = r#"
CREATE TABLE big (id int PRIMARY KEY, t text);
INSERT INTO big SELECT n, 'x' || n % 10 FROM generate_series(1, 30000) n;
CREATE INDEX upper_t ON big (upper(t));
CREATE TABLE "Odd ""t""" ("A b" int UNIQUE REFERENCES big);
INSERT INTO "Odd ""t""" SELECT n FROM generate_series(1, 500) n;
CREATE TABLE parted (id int, t text) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (500);
CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (500) TO (1000);
INSERT INTO parted SELECT n, n FROM generate_series(1, 999) n;
"#;

/// What there are statistics of.
const ANALYZED: &str = "SELECT string_agg(DISTINCT tablename, ' ' ORDER BY tablename) FROM pg_stats \
                        WHERE schemaname = 'public'";
const ALL: &str = "Odd \"t\" big part_1 part_2 parted upper_t";

fn restore(server: &Server, into: &str, archive: &Path, options: &str) -> Output {
    let socket = server.path("");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &socket, "-U", "postgres", "-d", into]);
    let mut piped = Stdio::null();
    for option in options.split(' ') {
        match option {
            "<" => piped = File::open(archive).unwrap().into(),
            option => drop(command.arg(option)),
        }
    }
    if !options.contains('<') {
        command.arg(archive);
    }
    command.env("LC_ALL", "C").env("PGOPTIONS", "-c log_statement=all");
    command.stdin(piped).output().unwrap()
}

fn query(server: &Server, database: &str, sql: &str) -> String {
    server.client("psql", &["-X", "-q", "-At", "-c", sql, "-d", database]).trim_end().to_owned()
}

#[test]
fn tables_are_analyzed_when_they_are_complete() {
    let Some(server) = Server::start("tables_are_analyzed_when_they_are_complete") else { return };
    server.sql("ALTER SYSTEM SET autovacuum = off");
    server.sql("SELECT pg_reload_conf()");
    let copies = archive_of(&server, "tables", TABLES);
    let inserts = PathBuf::from(server.path("inserts.dump"));
    let name = inserts.to_str().unwrap();
    server.client("pg_dump", &["-Fc", "--inserts", "-f", name, "tables"]);
    if server.root {
        run(&mut Command::new("chmod"), &["a+r", name]);
    }
    for (archive, options) in [
        (&copies, "--analyze"),
        (&copies, "--analyze=tables -j8"),
        (&copies, "--analyze -j3 --split=always"),
        (&copies, "--analyze --exact -j3"),
        (&copies, "--analyze --exact"),
        (&copies, "--analyze -1"),
        (&copies, "--analyze --transaction-size=2"),
        (&copies, "--analyze -j2 <"),
        (&inserts, "--analyze -j1"),
        (&inserts, "--analyze -j8"),
        (&copies, "-j8"),
    ] {
        server.create("made", "UTF8");
        let before = log(&server).len();
        let output = restore(&server, "made", archive, options);
        assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
        let wanted = options.contains("--analyze");
        assert_eq!(query(&server, "made", ANALYZED), if wanted { ALL } else { "" }, "{options}");
        let text = log(&server).split_off(before);
        let count = text.matches("ANALYZE \"public\".\"").count();
        // Partitions come with their root.
        assert_eq!(count, if wanted { 3 } else { 0 });
        // Of the expression, too: the index was there.
        let at = |what: &str| text.rfind(what);
        assert!(at("ANALYZE \"public\".\"big\"").is_none_or(|n| at("upper_t").unwrap() < n));
        server.sql("DROP DATABASE made");
    }
    // Before anything is written.
    server.create("made", "UTF8");
    let output = restore(&server, "made", &copies, "--analyze --plan -j2");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.matches(": ANALYZE \"public\".").count(), 3, "{text}");
    let output = restore(&server, "made", &copies, "--analyze=all");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text, "pgdmp: error: option \"--analyze\" takes tables, or nothing\n");
    // A transaction that fails leaves nothing to analyze.
    query(&server, "made", "CREATE TABLE part_2 ()");
    let before = log(&server).len();
    let output = restore(&server, "made", &copies, "--analyze --no-check -1");
    assert_eq!(output.status.code(), Some(1));
    assert!(!log(&server).split_off(before).contains("ANALYZE"));
}

/// What is analyzed is not analyzed again, what is not is.
#[test]
fn a_restore_that_goes_on_analyzes_the_rest() {
    let Some(server) = Server::start("a_restore_that_goes_on_analyzes_the_rest") else { return };
    server.sql("ALTER SYSTEM SET autovacuum = off");
    server.sql("SELECT pg_reload_conf()");
    let archive = archive_of(&server, "tables", TABLES);
    server.create("made", "UTF8");
    let journal = format!("--analyze --resume --journal={}", server.path("x.journal"));
    if server.root {
        run(&mut Command::new("chmod"), &["a+rwx", &server.path("")]);
    }
    // Whatever reads that column fails.
    query(
        &server,
        "made",
        "CREATE FUNCTION public.stop() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'stopped'; END $$; CREATE EVENT TRIGGER stop ON ddl_command_start
        WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.stop()",
    );
    let options = format!("{journal} -j1 --no-check --without=using-index -e");
    let output = restore(&server, "made", &archive, &options);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let done = query(&server, "made", ANALYZED);
    assert!(!done.contains("big"), "{done}");
    query(&server, "made", "DROP EVENT TRIGGER stop; DROP FUNCTION stop");
    let before = log(&server).len();
    let options = format!("{journal} -j1 --no-check --without=using-index");
    let output = restore(&server, "made", &archive, &options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(query(&server, "made", ANALYZED), ALL);
    let text = log(&server).split_off(before);
    let count = text.matches("ANALYZE \"public\".\"").count();
    let others = ["\"t\"", "part_1", "part_2"];
    let done = done.split_terminator(' ').filter(|name| !others.contains(name)).count();
    assert_eq!(count + done, 3);
}
