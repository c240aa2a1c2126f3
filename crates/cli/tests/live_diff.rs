//! Dumps of equal databases are equal, and each change of a database is found, and nothing else.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;

use pgdmp::Archive;

use crate::live_scripts::{ELSEWHERE, LANGUAGE, PARTS, grantees, is_never, missing_extension};
use crate::support::pgdmp;
use pgdmp_testkit::corpus::{self, Recorded};
use pgdmp_testkit::effort::is_endless;
use pgdmp_testkit::server::{Server, run};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `diff` prints, and how it ends.
fn diff(args: &[&str]) -> (String, Option<i32>) {
    let Output { status, stdout, stderr } = pgdmp().arg("diff").args(args).output().unwrap();
    (text(&stdout) + &text(&stderr), status.code())
}

/// A dump of a database with options, by a session with settings.
fn dump(server: &Server, database: &str, file: &str, options: &[&str], settings: &str) -> String {
    let path = server.path(file);
    let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    let mut command = server.command("pg_dump");
    command.env("PGOPTIONS", settings).args(["-h", &server.path(""), "-U", "postgres"]);
    run(command.args(options), &["-f", &path, "-d", database]);
    if server.root {
        run(&mut Command::new("chmod"), &["-R", "a+rX", &path]);
    }
    path
}

/// Each archive of the corpus that fits the server: dumped, restored, and dumped again.
#[test]
fn live_diff_of_restores_is_empty() {
    let Some(folder) = corpus::folder() else { return };
    let Some(server) = Server::start("live_diff_of_restores_is_empty") else { return };
    if server.release() < 15 {
        pgdmp_testkit::effort::skipped("the corpus does not fit servers before 15");
        return;
    }
    server.prepare();
    let extensions = server.sql("SELECT name FROM pg_available_extensions");
    let extensions: HashSet<&str> = extensions.lines().collect();
    let release = server.release().to_string();
    let mut archives = corpus::archives(&folder);
    archives.retain(|recorded| {
        let unfit = PARTS.iter().chain(ELSEWHERE).any(|(part, _)| recorded.name.contains(part));
        !unfit && missing_extension(recorded, &extensions).is_none()
    });
    let all = archives.len();
    assert!(all > 100, "{all}");
    // Those of the same release are compared with their restore, too.
    let same = format!("/pg{release}/");
    let mut stride = 0;
    archives.retain(|recorded| {
        stride += 1;
        is_endless() || recorded.name.contains(&same) && stride % 3 == 0 || stride % 12 == 0
    });
    let count = archives.len();
    let (queue, failures) = (Mutex::new(archives), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let mut archives = queue.lock().unwrap();
                    let number = archives.len();
                    let Some(recorded) = archives.pop() else { return };
                    drop(archives);
                    let said = restored_twice(&server, &recorded, number);
                    if !said.is_empty() {
                        failures.lock().unwrap().push(format!("{}:\n{said}", recorded.name));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    eprintln!("{count} of {all} archives restored and dumped again");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
}

/// Restores an archive, and restores the dump of that again; says what differs.
fn restored_twice(server: &Server, recorded: &Recorded, number: usize) -> String {
    let archive = Archive::open(&recorded.path).unwrap();
    for entry in archive.entries() {
        entry.owner().into_iter().chain(grantees(entry)).for_each(|role| server.role(role));
    }
    let encoding = archive.toc().encoding().unwrap().map_or("SQL_ASCII".into(), text);
    let mut has_language = false;
    let list_text: String = archive
        .entries()
        .filter(|entry| {
            has_language |= entry.tag() == Some(LANGUAGE.as_bytes());
            !is_never(entry)
        })
        .map(|entry| format!("{}; x\n", entry.dump_id()))
        .collect();
    let list = server.path(&format!("list{number}"));
    fs::write(&list, list_text).unwrap();
    let restore = |path: &Path, list: Option<&str>, database: &str| {
        server.create(database, &encoding);
        if has_language {
            let sql = format!("CREATE TRUSTED LANGUAGE {LANGUAGE} HANDLER plpgsql_call_handler");
            server.client("psql", &["-X", "-q", "-c", &sql, "-d", database]);
        }
        let target = format!("--target-version={}", server.release());
        let mut command = pgdmp();
        command.args(["restore", "-f", "-", &target]).arg(path);
        let script = command.args(list.map(|list| format!("--use-list={list}"))).output().unwrap();
        assert!(script.status.success(), "{}", text(&script.stderr));
        let file = server.path(&format!("{database}.sql"));
        fs::write(&file, script.stdout).unwrap();
        let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file, "-d", database];
        let loaded = server.output("psql", &args);
        assert!(loaded.status.success(), "{}: {}", recorded.name, text(&loaded.stderr));
    };
    let (one, two) = (format!("one{number}"), format!("two{number}"));
    restore(&recorded.path, Some(&list), &one);
    let b = dump(server, &one, &format!("{one}.dump"), &["-Fc"], "");
    // What is left out of the first restore is not there to be left out of the second.
    let kept = Archive::open(&b).unwrap();
    let entries = kept.entries().filter(|e| e.tag() != Some(LANGUAGE.as_bytes()));
    let list_text: String = entries.map(|entry| format!("{}; x\n", entry.dump_id())).collect();
    fs::write(&list, list_text).unwrap();
    restore(b.as_ref(), Some(&list), &two);
    let c = dump(server, &two, &format!("{two}.dump"), &["-Fd"], "");
    let mut said = String::new();
    for args in [&["-C", &b, &c][..], &["-C", "--rows", &c, &b]] {
        let (out, code) = diff(args);
        if code != Some(0) {
            said += &format!("{args:?}: {code:?}\n{out}");
        }
    }
    // The original: its data, and its definitions where they are of this release.
    let path = recorded.path.to_str().unwrap();
    let has_data = archive.entries().any(|entry| entry.has_data());
    if has_data {
        let (out, code) = diff(&["-a", path, &b]);
        // Privileges of large objects go with their data. Releases say the same privileges in
        // other words.
        let is_data = |line: &str| line.get(2..).is_some_and(|rest| rest.starts_with("data of "));
        if code == Some(2) || out.lines().any(is_data) {
            said += &format!("data of the original: {code:?}\n{out}");
        }
    }
    let version = archive.header().server_version.as_deref().map(text).unwrap_or_default();
    if version.starts_with(&format!("{}.", server.release())) {
        let (out, _) = diff(&["--brief", path, &b]);
        let names = archive.entries().filter(is_never);
        let never: Vec<String> = names.map(|entry| text(entry.tag().unwrap_or_default())).collect();
        let is_known = |line: &&str| {
            !["- ", "+ ", "~ "].iter().any(|mark| line.starts_with(mark))
                || never.iter().any(|name| line.ends_with(name.as_str()))
        };
        out.lines().filter(|line| !is_known(line)).for_each(|line| said += &format!("{line}\n"));
    }
    for name in [one, two] {
        let sql = format!("DROP DATABASE {name}");
        server.output("psql", &["-X", "-q", "-c", &sql, "-d", "postgres"]);
    }
    said
}

/// A database with all that sessions print in their own way.
const ODD: &str = r#"
CREATE SCHEMA s;
CREATE TYPE s.pair AS (at timestamptz, bytes bytea, "Label" text);
CREATE TYPE s.span AS RANGE (subtype = timestamptz);
CREATE DOMAIN s.moment AS timestamptz DEFAULT '2001-02-03 04:05:06+07' CHECK (VALUE > '1900-01-01 00:00:00+00');
CREATE TABLE s.t (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at timestamptz DEFAULT '2020-01-01 00:00:00+01',
    ats timestamptz[], during tstzrange, spans tstzmultirange, own s.span, moment s.moment, pair s.pair, pairs s.pair[],
    bytes bytea DEFAULT '\x00ff5c', many bytea[], c "char", r real, d double precision, ds double precision[],
    n numeric, "Mixed ""name""" text DEFAULT 'back\slash it''s', json json, "order" int,
    CHECK (at > '1800-01-01 00:00:00+00' AND bytes <> '\xdead'),
    EXCLUDE USING gist (during WITH &&) WHERE (at > '2000-01-01 00:00:00+00')
);
INSERT INTO s.t (at, ats, during, spans, own, pair, pairs, bytes, many, c, r, d, ds, n, "Mixed ""name""", json, "order")
SELECT '1800-01-01 12:00+00'::timestamptz + n * interval '1234567 minutes 7.000089 seconds',
    ARRAY['1937-05-01 00:00+00', NULL, 'infinity']::timestamptz[],
    tstzrange('2000-01-01 00:00+00'::timestamptz + n * interval '1 day', '2000-01-01 12:00+00'::timestamptz + n * interval '1 day'),
    '{[2000-01-01 00:00+00,2001-01-01 00:00+00)}', '(,2020-02-02 02:02+02]',
    ROW('4713-01-02 00:00+00 BC', '\x5c22', 'q"''\')::s.pair,
    ARRAY[ROW('-infinity', '\x00', NULL)::s.pair, NULL],
    decode(md5(n::text), 'hex') || '\x5c5c00'::bytea, ARRAY['\x5c', NULL, '\x61']::bytea[],
    (n % 128)::int::"char", n / 3.0, n / 7.0, ARRAY[0, '-0', 'NaN', 'Infinity', 1e-300]::float8[],
    n * 1.50, E'x\t\\ ' || n, '{"a":  1}', n
FROM generate_series(1, 200) n;
INSERT INTO s.t DEFAULT VALUES;
CREATE TABLE s.log (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE s.log_old PARTITION OF s.log FOR VALUES FROM (MINVALUE) TO ('2020-01-01 00:00:00+00');
CREATE TABLE s.log_new PARTITION OF s.log FOR VALUES FROM ('2020-01-01 00:00:00+00') TO (MAXVALUE);
INSERT INTO s.log SELECT '2019-12-01 00:00+00'::timestamptz + n * interval '1 day', 'day ' || n FROM generate_series(1, 60) n;
CREATE INDEX ON s.log (at) WHERE at > '2019-06-01 00:00:00+00';
CREATE TABLE s.none ();
INSERT INTO s.none DEFAULT VALUES; INSERT INTO s.none DEFAULT VALUES;
CREATE TABLE s.inh (z int) INHERITS (s.none);
INSERT INTO s.inh VALUES (1);
CREATE VIEW s.recent AS SELECT * FROM s.t WHERE at > '2010-10-10 10:10:10+00' AND bytes = '\x00' AND "Mixed ""name""" <> 'a\b';
CREATE FUNCTION s.f(at timestamptz DEFAULT '2000-01-01 00:00:00+00', w text DEFAULT 'c\d') RETURNS text LANGUAGE sql
    AS $$ SELECT 'x\y' $$;
CREATE FUNCTION s.g(s.pair, "Upper" s.moment) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE SEQUENCE s."Seq"; SELECT setval('s."Seq"', 42);
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON s.t USING (at < '2030-01-01 00:00:00+00');
COMMENT ON TABLE s.t IS 'a back\slash, it''s';
COMMENT ON COLUMN s.t."Mixed ""name""" IS 'c\d';
COMMENT ON FUNCTION s.g(s.pair, s.moment) IS 'x';
CREATE MATERIALIZED VIEW s.mv AS SELECT count(*) AS n FROM s.log;
CREATE STATISTICS s.st ON at, bytes FROM s.t;
SELECT lo_from_bytea(4242, '\x00ff00'); COMMENT ON LARGE OBJECT 4242 IS 'l\o'; SELECT lo_from_bytea(4243, '');
"#;

/// Options of pg_dump and settings of its session.
const SESSIONS: &[(&[&str], &str)] = &[
    (&["-Fd", "-j2"], "-c TimeZone=Europe/Amsterdam"),
    (&["-Ft"], "-c TimeZone=Asia/Kolkata -c bytea_output=escape"),
    (&["-Fc", "-Z0"], "-c TimeZone=America/St_Johns -c standard_conforming_strings=off"),
    (&["-Fc", "--inserts"], "-c TimeZone=Pacific/Apia"),
    (&["-Fc", "--inserts"], "-c standard_conforming_strings=off -c bytea_output=escape"),
    (&["-Fc", "--column-inserts", "--rows-per-insert=7"], "-c bytea_output=escape"),
    (&["-Fc", "--quote-all-identifiers"], "-c TimeZone=Asia/Tokyo"),
    (&["-Ft", "--quote-all-identifiers", "--inserts"], "-c standard_conforming_strings=off"),
    (&["-Fc", "-E", "LATIN1"], "-c TimeZone=Africa/Monrovia"),
    (&["-Fc", "-E", "WIN1252", "--inserts"], "-c bytea_output=escape"),
    (&["-Fc", "--load-via-partition-root"], "-c extra_float_digits=3"),
];

#[test]
fn live_diff_of_sessions_is_empty() {
    let Some(server) = Server::start("live_diff_of_sessions_is_empty") else { return };
    if server.release() < 14 {
        pgdmp_testkit::effort::skipped("multiranges are known from PostgreSQL 14 on");
        return;
    }
    server.create("odd", "UTF8");
    let file = server.path("odd.sql");
    fs::write(&file, format!("{ODD}INSERT INTO s.log VALUES ('2021-01-01 00:00+00', 'größe');\n"))
        .unwrap();
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file, "-d", "odd"]);
    let first = dump(&server, "odd", "first.dump", &["-Fc"], "-c TimeZone=UTC");
    let expect_equal = |args: &[&str]| {
        let (out, code) = diff(args);
        assert_eq!(code, Some(0), "{args:?}: {out}");
        assert!(out.starts_with("equal: "), "{out}");
    };
    for (n, (options, settings)) in SESSIONS.iter().enumerate() {
        eprintln!("{options:?} {settings}");
        let other = dump(&server, "odd", &format!("other{n}"), options, settings);
        expect_equal(&["-C", &first, &other]);
        expect_equal(&["--rows", &other, &first]);
    }
    // Two sessions, neither of which is in UTC; and characters that end in a backslash.
    expect_equal(&[&server.path("other0"), &server.path("other1")]);
    server.create("tokyo", "UTF8");
    fs::write(
        &file,
        "CREATE TABLE t (a text, b text); COMMENT ON TABLE t IS '表\\x';\n\
        INSERT INTO t SELECT '表' || n, E'\\\\x\\t表' FROM generate_series(1, 99) n;\n",
    )
    .unwrap();
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file, "-d", "tokyo"]);
    let first = dump(&server, "tokyo", "first.dump", &["-Fc"], "");
    for (n, options) in [
        &["-Fc", "-E", "SJIS"][..],
        &["-Ft", "-E", "EUC_JP"],
        &["-Fc", "-E", "SJIS", "--inserts"],
        &["-Fc", "-E", "GB18030", "--inserts"],
    ]
    .iter()
    .enumerate()
    {
        let other = dump(&server, "tokyo", &format!("tokyo{n}"), options, "");
        expect_equal(&[&first, &other]);
    }
    expect_equal(&[&server.path("tokyo0"), &server.path("tokyo2")]);
}

/// What the changes are made of.
const BASE: &str = "
CREATE SCHEMA s; CREATE SCHEMA other;
CREATE ROLE ann; CREATE ROLE bob;
CREATE TABLE s.t (id int PRIMARY KEY, a text, b int DEFAULT 1, at timestamptz);
INSERT INTO s.t SELECT n, 'row ' || n, n, '2020-01-01 00:00+00' FROM generate_series(1, 100) n;
CREATE TABLE s.plain (a text, b int);
INSERT INTO s.plain VALUES ('x', 1), ('x', 1), ('y', 2), (NULL, 3);
CREATE TABLE s.p (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (10);
CREATE TABLE s.p2 PARTITION OF s.p FOR VALUES FROM (10) TO (20);
INSERT INTO s.p SELECT n, 'v' FROM generate_series(0, 19) n;
CREATE VIEW s.v AS SELECT id FROM s.t;
CREATE INDEX t_a ON s.t (a);
CREATE SEQUENCE s.q;
CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE TYPE s.e AS ENUM ('a', 'b');
ALTER TABLE s.t ADD CONSTRAINT b_positive CHECK (b > 0) NOT VALID;
COMMENT ON TABLE s.t IS 'old';
GRANT SELECT ON s.t TO ann; GRANT UPDATE ON s.t TO bob;
CREATE RULE r AS ON DELETE TO s.t DO INSTEAD NOTHING;
ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA s GRANT SELECT ON TABLES TO bob;
SELECT lo_from_bytea(4242, 'one'); SELECT lo_from_bytea(4243, 'two');
";

/// A change in SQL, options, and what is printed of it (without the last line).
const CHANGES: &[(&str, &str, &str)] = &[
    ("SELECT 1", "", ""),
    ("UPDATE s.t SET a = a; VACUUM s.t; ANALYZE", "", ""),
    ("CREATE TABLE s.new (a int)", "", "+ TABLE s.new\n"),
    ("DROP VIEW s.v", "", "- VIEW s.v\n"),
    (
        "ALTER TABLE s.plain RENAME TO renamed",
        "",
        "- TABLE s.plain (renamed to renamed?)\n+ TABLE s.renamed (renamed from plain?)\n",
    ),
    ("ALTER TABLE s.plain ALTER b TYPE bigint", "--brief", "~ TABLE s.plain: definition\n"),
    (
        "ALTER TABLE s.plain ALTER b SET DEFAULT 2",
        "",
        "~ TABLE s.plain: definition\n      CREATE TABLE s.plain (\n          a text,\n    -     b integer\n    \
         +     b integer DEFAULT 2\n      );\n",
    ),
    (
        "ALTER TABLE s.plain ADD c int",
        "--brief",
        "~ TABLE s.plain: definition\n= data of s.plain: equal in the columns that both have\n    + column c, not compared\n",
    ),
    (
        "ALTER TABLE s.plain ALTER a SET STORAGE EXTERNAL",
        "--brief",
        "~ TABLE s.plain: definition\n",
    ),
    ("ALTER TABLE s.plain OWNER TO ann", "", "~ TABLE s.plain: owner\n    - postgres\n    + ann\n"),
    ("GRANT DELETE ON s.plain TO ann", "--brief", "~ TABLE s.plain: privileges\n"),
    // In another order: the same set.
    (
        "REVOKE ALL ON s.t FROM ann, bob; GRANT UPDATE ON s.t TO bob; GRANT SELECT ON s.t TO ann",
        "",
        "",
    ),
    (
        "REVOKE SELECT ON s.t FROM ann",
        "",
        "~ TABLE s.t: privileges\n    - GRANT SELECT ON TABLE s.t TO ann;\n      GRANT UPDATE ON TABLE s.t TO bob;\n",
    ),
    ("GRANT SELECT (a) ON s.plain TO bob", "--brief", "~ TABLE s.plain: privileges\n"),
    (
        "COMMENT ON TABLE s.t IS 'new'",
        "",
        "~ TABLE s.t: comment\n    - COMMENT ON TABLE s.t IS 'old';\n    + COMMENT ON TABLE s.t IS 'new';\n",
    ),
    ("COMMENT ON COLUMN s.t.a IS 'new'", "--brief", "~ TABLE s.t: comment\n"),
    ("COMMENT ON TABLE s.t IS NULL", "--brief", "~ TABLE s.t: comment\n"),
    (
        "CREATE OR REPLACE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT 3'",
        "--brief",
        "~ FUNCTION s.f(integer): definition\n",
    ),
    ("ALTER TYPE s.e ADD VALUE 'c'", "--brief", "~ TYPE s.e: definition\n"),
    (
        "DROP INDEX s.t_a; CREATE INDEX t_a ON s.t (a DESC)",
        "--brief",
        "~ INDEX s.t_a: definition\n",
    ),
    ("ALTER TABLE s.t DROP CONSTRAINT b_positive", "", "- CHECK CONSTRAINT s.t b_positive\n"),
    ("ALTER TABLE s.t ADD UNIQUE (b)", "", "+ CONSTRAINT s.t t_b_key\n"),
    ("ALTER TABLE s.t SET SCHEMA other", "-s --brief", "- INDEX s.t_a\n"),
    (
        "SELECT nextval('s.q')",
        "",
        "~ SEQUENCE s.q: sequence value\n    - SELECT pg_catalog.setval('s.q', 1, false);\n    + SELECT pg_catalog.setval('s.q', 1, true);\n",
    ),
    ("ALTER SEQUENCE s.q INCREMENT 2", "--brief", "~ SEQUENCE s.q: definition\n"),
    ("ALTER TABLE s.p DETACH PARTITION s.p2", "--brief", "- TABLE ATTACH s.p2\n"),
    (
        "CREATE TABLESPACE ts LOCATION '@folder@'; ALTER TABLE s.plain SET TABLESPACE ts",
        "--brief",
        "~ TABLE s.plain: tablespace\n",
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA s GRANT INSERT ON TABLES TO bob",
        "--brief",
        "~ DEFAULT ACL s.DEFAULT PRIVILEGES FOR TABLES: definition\n",
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE bob IN SCHEMA s GRANT INSERT ON TABLES TO ann",
        "--brief",
        "+ DEFAULT ACL s.DEFAULT PRIVILEGES FOR TABLES\n",
    ),
    ("INSERT INTO s.t VALUES (101, 'x')", "", "~ data of s.t: 100 rows → 101 rows\n"),
    (
        "INSERT INTO s.t VALUES (101, 'x')",
        "--rows",
        "~ data of s.t: 100 rows → 101 rows\n    + id=101\n    0 removed, 1 added, 0 changed\n",
    ),
    (
        "SET SESSION session_replication_role = replica; ALTER TABLE s.t DISABLE RULE r; DELETE FROM s.t WHERE id = 7; ALTER TABLE s.t ENABLE RULE r",
        "--rows",
        "~ data of s.t: 100 rows → 99 rows\n    - id=7\n    1 removed, 0 added, 0 changed\n",
    ),
    (
        "UPDATE s.t SET a = 'new', b = NULL WHERE id = 10",
        "--rows",
        "~ data of s.t: 100 rows, not the same\n    ~ id=10  a: row 10 → new\n    ~ id=10  b: 10 → NULL\n    0 removed, 0 added, 1 changed\n",
    ),
    ("UPDATE s.t SET a = 'new' WHERE id = 10", "--rows --ignore-columns=a", ""),
    (
        "UPDATE s.t SET at = at + interval '1 microsecond' WHERE id = 10",
        "",
        "~ data of s.t: 100 rows, not the same\n",
    ),
    // Texts of dumps in another time zone differ, and so what is shown.
    (
        "UPDATE s.t SET id = 1000 WHERE id = 10",
        "--rows",
        "~ data of s.t: 100 rows, not the same\n    - id=10\n    + id=1000\n    1 removed, 1 added, 0 changed\n",
    ),
    (
        "INSERT INTO s.plain VALUES ('x', 1)",
        "--rows",
        "~ data of s.plain: 4 rows → 5 rows\n    + a=x, b=1\n    0 removed, 1 added, 0 changed\n",
    ),
    (
        "DELETE FROM s.plain WHERE a = 'x'",
        "--rows",
        "~ data of s.plain: 4 rows → 2 rows\n    - a=x, b=1 (2 times)\n    2 removed, 0 added, 0 changed\n",
    ),
    (
        "UPDATE s.plain SET a = '' WHERE a IS NULL",
        "--rows",
        "~ data of s.plain: 4 rows, not the same\n    - a=NULL, b=3\n    + a='', b=3\n    1 removed, 1 added, 0 changed\n",
    ),
    (
        "UPDATE s.plain SET a = '' WHERE a IS NULL",
        "--rows --key=plain=b -t plain",
        "~ data of s.plain: 4 rows, not the same\n    ~ b=3  a: NULL → ''\n    0 removed, 0 added, 1 changed\n",
    ),
    ("TRUNCATE s.plain", "", "~ data of s.plain: 4 rows → 0 rows\n"),
    ("SELECT lo_put(4242, 0, 'ONE')", "", "~ data of large object 4242: 3 bytes, not the same\n"),
    ("SELECT lo_unlink(4243)", "", "- LARGE OBJECT 4243\n"),
    ("SELECT lo_from_bytea(4244, 'three')", "", "+ LARGE OBJECT 4244\n"),
    ("GRANT SELECT ON LARGE OBJECT 4242 TO ann", "--brief", "~ LARGE OBJECT 4242: privileges\n"),
    ("INSERT INTO s.t VALUES (101, 'x')", "-s", ""),
    ("CREATE TABLE s.new (a int)", "-t t", ""),
];

#[test]
fn live_diff_finds_each_change() {
    let Some(server) = Server::start("live_diff_finds_each_change") else { return };
    if server.release() != 15 {
        pgdmp_testkit::effort::skipped("the words of the changes are those of PostgreSQL 15");
        return;
    }
    server.create("base", "UTF8");
    let file = server.path("base.sql");
    fs::write(&file, BASE).unwrap();
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file, "-d", "base"]);
    let base = dump(&server, "base", "base.dump", &["-Fc"], "");
    let folder = server.path("space");
    fs::create_dir(&folder).unwrap();
    if server.root {
        run(&mut Command::new("chown"), &["postgres", &folder]);
    }
    let mut failures = Vec::new();
    for (n, (sql, options, expected)) in CHANGES.iter().enumerate() {
        eprintln!("{sql} {options}");
        let name = format!("changed{n}");
        server.sql(&format!("CREATE DATABASE {name} TEMPLATE base"));
        fs::write(&file, sql.replace("@folder@", &folder)).unwrap();
        server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file, "-d", &name]);
        let changed = dump(&server, &name, "changed.dump", &["-Fc"], "");
        let mut args: Vec<&str> = options.split_whitespace().collect();
        args.extend([&*base, &*changed]);
        let (out, code) = diff(&args);
        let (found, last) = out.trim_end().rsplit_once('\n').unwrap_or(("", out.trim_end()));
        let found = if found.is_empty() { String::new() } else { format!("{found}\n") };
        // That all of a schema is another's is a long list.
        let is_as_expected = match sql.contains("SET SCHEMA") {
            true => found.starts_with(expected) || found.contains(expected),
            false => found == *expected,
        };
        let differs =
            expected.lines().any(|line| !line.starts_with("= ") && !line.starts_with("   "));
        let word = if differs { "different: " } else { "equal: " };
        if !is_as_expected || code != Some(i32::from(differs)) || !last.starts_with(word) {
            failures.push(format!("{sql} {options}:\n{out}instead of\n{expected}"));
        }
        server.sql(&format!("DROP DATABASE {name}"));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
