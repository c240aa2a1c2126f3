//! Constraints in two parts, tables over several sessions, and their order: the database is the one
//! that `--exact` makes, catalogs included.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::live_restore::{dump, first};
use crate::live_scripts::dumps;
use pgdmp_testkit::server::{Server, run};

/// Constraints of all kinds.
const CONSTRAINTS: &str = r#"
CREATE SCHEMA "Odd ""schema""";
SET search_path = "Odd ""schema""", public;
CREATE TABLE plain (id int PRIMARY KEY, code text UNIQUE, x int UNIQUE, y int UNIQUE DEFERRABLE);
INSERT INTO plain SELECT n, 'c' || n, n, -n FROM generate_series(1, 3000) n;
CREATE TABLE "Quoted ""t""" ("A b" int, "order" text NOT NULL, c int, d int,
  CONSTRAINT "Key ""k""" PRIMARY KEY ("A b", "order") INCLUDE (c) WITH (fillfactor = 60) USING INDEX TABLESPACE "corpus ts",
  CONSTRAINT many UNIQUE (c, d) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT "refers ""r""" FOREIGN KEY ("A b") REFERENCES plain MATCH FULL ON UPDATE CASCADE ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "Quoted ""t""" SELECT n, 'o' || n, n, n FROM generate_series(1, 2000) n;
CREATE INDEX ON "Quoted ""t""" (c);
CREATE INDEX ON "Quoted ""t""" (d);
CREATE TABLE nothing_twice (a int, b int, --15 CONSTRAINT once UNIQUE NULLS NOT DISTINCT (a, b));
CREATE TABLE self (id bigint PRIMARY KEY, up bigint REFERENCES self ON DELETE SET NULL, alike bigint);
INSERT INTO self SELECT n, nullif(n / 2, 0) FROM generate_series(1, 1000) n;
ALTER TABLE self ADD CONSTRAINT not_checked FOREIGN KEY (alike) REFERENCES self NOT VALID;
CREATE TABLE children (id int PRIMARY KEY, a int REFERENCES plain, b int REFERENCES plain (x), c text REFERENCES plain (code),
  d int, e text, CONSTRAINT pair FOREIGN KEY (d, e) REFERENCES "Quoted ""t""" ("A b", "order") ON DELETE SET NULL);
INSERT INTO children SELECT n, n, n, 'c' || n, n, 'o' || n FROM generate_series(1, 1500) n;
CREATE TABLE one_of_two (id int CONSTRAINT pk_1 PRIMARY KEY REFERENCES children);
CREATE TABLE other_of_two (id int CONSTRAINT pk_2 PRIMARY KEY REFERENCES one_of_two);
ALTER TABLE children ADD COLUMN back int REFERENCES other_of_two;
ALTER TABLE plain CLUSTER ON plain_pkey;
ALTER TABLE "Quoted ""t""" REPLICA IDENTITY USING INDEX "Key ""k""";
COMMENT ON CONSTRAINT plain_pkey ON plain IS 'of a constraint';
COMMENT ON INDEX "Key ""k""" IS 'of an index';
COMMENT ON CONSTRAINT pair ON children IS 'of a foreign key';
CREATE TABLE parted (id int, k int REFERENCES plain, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
CREATE TABLE parted_2 (k int, id int NOT NULL);
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (1000) TO (9000);
ALTER TABLE parted_2 ADD CONSTRAINT own FOREIGN KEY (id) REFERENCES plain;
CREATE TABLE refers_to_parted (id int PRIMARY KEY REFERENCES parted, part int REFERENCES parted_1);
INSERT INTO parted SELECT n, n FROM generate_series(1, 2000) n;
INSERT INTO refers_to_parted SELECT n, n % 900 + 1 FROM generate_series(1, 500) n;
CREATE TABLE base (id int PRIMARY KEY, t text UNIQUE, n int NOT NULL);
CREATE TABLE heir (UNIQUE (n), more int REFERENCES plain) INHERITS (base);
CREATE TABLE heir_key (PRIMARY KEY (n)) INHERITS (base);
INSERT INTO heir SELECT n, 'h' || n, n, n FROM generate_series(1, 500) n;
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY, other int UNIQUE);
CREATE TABLE empty_one (id serial PRIMARY KEY, g int GENERATED ALWAYS AS IDENTITY UNIQUE);
CREATE TABLE "limit" ("select" int DEFAULT 5 PRIMARY KEY, t text DEFAULT E'a\\b NOT NULL' NOT NULL UNIQUE);
INSERT INTO "limit" SELECT 1;
CREATE TYPE of_this AS (id int, t text);
CREATE TABLE typed OF of_this (PRIMARY KEY (id));
"#;

/// What catalogs have of a database, without numbers that are another each time.
const CATALOGS: &[&str] = &[
    "SELECT conrelid::regclass, conname, contype, condeferrable, condeferred, convalidated,
        conindid::regclass, (SELECT conname FROM pg_constraint p WHERE p.oid = c.conparentid),
        confrelid::regclass, confupdtype, confdeltype, confmatchtype, conislocal, coninhcount,
        connoinherit, conkey, confkey, conpfeqop, conppeqop, conffeqop, conexclop, conbin IS NULL,
        pg_get_constraintdef(oid) FROM pg_constraint c WHERE oid >= 16384",
    "SELECT indexrelid::regclass, indrelid::regclass, indnatts, indnkeyatts, indisunique,
        indisprimary, indisexclusion, indimmediate, indisclustered, indisvalid, indisready,
        indislive, indisreplident, indkey, indcollation, indclass, indoption, indexprs IS NULL,
        indpred IS NULL FROM pg_index WHERE indexrelid >= 16384",
    "SELECT oid::regclass, relkind, relam, relowner::regrole, reltablespace, relhasindex,
        relpersistence, relnatts, relchecks, relhasrules, relhastriggers, relhassubclass,
        relreplident, relispartition, relacl, reloptions FROM pg_class
        WHERE oid >= 16384 AND relkind <> 't' AND relname !~ '^pg_toast'",
    "SELECT attrelid::regclass, attname, attnotnull, attislocal, attinhcount, attstattarget
        FROM pg_attribute WHERE attrelid >= 16384 AND attrelid::regclass::text !~ 'pg_toast'",
    "SELECT regexp_replace(pg_describe_object(classid, objid, objsubid), '_[0-9]+\"', '', 'g'),
        regexp_replace(pg_describe_object(refclassid, refobjid, refobjsubid), '_[0-9]+\"', '', 'g'),
        deptype FROM pg_depend WHERE objid >= 16384",
    "SELECT tgrelid::regclass, tgfoid::regproc, tgtype, tgenabled, tgisinternal,
        tgconstrrelid::regclass, tgconstrindid::regclass, tgdeferrable, tginitdeferred,
        (SELECT conname FROM pg_constraint c WHERE c.oid = tgconstraint) FROM pg_trigger",
    "SELECT pg_describe_object(classoid, objoid, objsubid), description FROM pg_description
        WHERE objoid >= 16384",
    "SELECT inhrelid::regclass, inhparent::regclass, inhseqno FROM pg_inherits",
    "SELECT defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl
        FROM pg_default_acl",
    "SELECT pg_describe_object(classoid, objoid, objsubid), privtype, initprivs FROM pg_init_privs
        WHERE objoid >= 16384",
    "SELECT pg_describe_object(classoid, objoid, objsubid), provider, label FROM pg_seclabel",
    "SELECT 'large object', oid, lomowner::regrole, lomacl, md5(lo_get(oid))
        FROM pg_largeobject_metadata",
    "SELECT pg_describe_object(classid, objid, objsubid), refobjid::regrole, s.deptype
        FROM pg_shdepend s JOIN pg_database d ON d.oid = dbid AND datname = current_database()
        WHERE refclassid = 'pg_authid'::regclass",
    "SELECT ev_class::regclass, rulename, ev_type, ev_enabled, is_instead FROM pg_rewrite
        WHERE ev_class >= 16384",
    "SELECT polrelid::regclass, polname, polcmd, polpermissive FROM pg_policy",
];

/// Has the server log what it did. With `log_statement` it would be done by other means.
pub(crate) const LOGGED: &str = "-c log_min_duration_statement=0";

pub(crate) struct Bench<'a> {
    pub(crate) server: &'a Server,
}

/// A database as pg_dump and the catalogs see it, rows sorted.
#[derive(PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) code: Option<i32>,
    pub(crate) dump: String,
    pub(crate) catalogs: String,
}

impl Bench<'_> {
    fn restore(&self, into: &str, archive: &Path, options: &str) -> Output {
        let socket = self.server.path("");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        command.args(["restore", "-h", &socket, "-U", "postgres", "-d", into, "--no-check"]);
        command.args(options.split(' ').filter(|option| !option.is_empty())).arg(archive);
        command.env("LC_ALL", "C").env("PGOPTIONS", LOGGED);
        command.stdin(Stdio::null()).output().unwrap()
    }

    pub(crate) fn query(&self, database: &str, sql: &str) -> String {
        let utf8 = "SET client_encoding TO 'UTF8'";
        self.server.client("psql", &["-X", "-q", "-At", "-c", utf8, "-c", sql, "-d", database])
    }

    fn seen(&self, database: &str) -> (String, String) {
        let mut catalogs = String::new();
        // There texts are in any encoding.
        let any = self.query(database, "SHOW server_encoding").trim() == "SQL_ASCII";
        let encoding =
            format!("SET client_encoding TO '{}'", if any { "SQL_ASCII" } else { "UTF8" });
        for sql in CATALOGS {
            let psql = ["-X", "-q", "-At", "-c", &encoding, "-c", sql, "-d", database];
            let output = self.server.output("psql", &psql);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{sql}: {said}");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines = text.lines().filter(|line| !line.contains("pg_toast"));
            let mut lines: Vec<_> = lines.map(without_oids).collect();
            lines.sort_unstable();
            catalogs += &lines.join("\n");
            catalogs += "\n\n";
        }
        (sorted_rows(&dump(self.server, database)), catalogs)
    }

    /// What a restore into a new database makes, and what it says.
    pub(crate) fn made(&self, archive: &Path, options: &str) -> (Made, String) {
        let text = pgdmp::Archive::open(archive).unwrap();
        let encoding = text.toc().encoding().unwrap().unwrap_or(b"SQL_ASCII");
        // The name is in the texts.
        self.server.create("made", std::str::from_utf8(encoding).unwrap());
        let output = self.restore("made", archive, options);
        let (dump, catalogs) = self.seen("made");
        let sql = "DROP DATABASE IF EXISTS made WITH (FORCE)";
        let dropped = self.server.output("psql", &["-X", "-q", "-c", sql, "-d", "postgres"]);
        if !dropped.status.success() {
            // It has a subscription.
            let rename = "ALTER DATABASE made RENAME TO \"made ";
            let rename = format!("{rename}{}\"", self.server.sql("SELECT txid_current()").trim());
            self.server.sql(&rename);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (Made { code: output.status.code(), dump, catalogs }, said)
    }

    pub(crate) fn same(&self, archive: &Path, all: &[String]) {
        let (expected, _) = self.made(archive, "--exact");
        for options in all {
            let (made, said) = self.made(archive, options);
            let what = format!("{} {options}: {said}", archive.display());
            assert_eq!(first(&made.dump, &expected.dump), None, "{what}");
            assert_eq!(first(&made.catalogs, &expected.catalogs), None, "{what}");
            assert_eq!(made.code, expected.code, "{what}");
        }
    }
}

/// A line without numbers that a database gives out.
fn without_oids(line: &str) -> String {
    let mut masked = String::new();
    for part in line.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let number = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        match number.parse::<u64>() {
            Ok(16384..) => masked += &format!("#{}", &part[number.len()..]),
            _ => masked += part,
        }
    }
    masked
}

/// A script whose rows are in the order of their text.
pub(crate) fn sorted_rows(script: &str) -> String {
    let mut sorted = String::new();
    let mut rows: Option<Vec<&str>> = None;
    for line in script.split_inclusive('\n') {
        match &mut rows {
            Some(all) if line == "\\.\n" => {
                all.sort_unstable();
                sorted.extend(all.drain(..));
                sorted += line;
                rows = None;
            }
            Some(all) => all.push(line),
            None => {
                sorted += line;
                if line.starts_with("COPY ") && line.ends_with(" FROM stdin;\n") {
                    rows = Some(Vec::new());
                }
            }
        }
    }
    sorted
}

pub(crate) fn log(server: &Server) -> String {
    std::fs::read_to_string(server.path("log")).unwrap()
}

/// An archive of a database that some SQL makes.
pub(crate) fn archive_of(server: &Server, name: &str, sql: &str) -> PathBuf {
    server.create(name, "UTF8");
    let path = server.path(&format!("{name}.sql"));
    let since_15 = if server.release() >= 15 { "" } else { "c int); --" };
    std::fs::write(&path, sql.replace("--15 ", since_15)).unwrap();
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &path, "-d", name]);
    let archive = server.path(&format!("{name}.dump"));
    server.client("pg_dump", &["-Fc", "-f", &archive, name]);
    if server.root {
        run(&mut Command::new("chmod"), &["a+r", &archive]);
    }
    PathBuf::from(archive)
}

#[test]
fn catalogs_are_the_same_by_all_means() {
    let Some(server) = Server::start("catalogs_are_the_same_by_all_means") else { return };
    let archives = dumps(&server);
    let bench = Bench { server: &server };
    let constraints = archive_of(&server, "constraints", CONSTRAINTS);
    let before = log(&server).len();
    let mut all = Vec::new();
    for jobs in ["-j1", "-j3", "-j8"] {
        all.push(jobs.to_owned());
        for without in ["using-index", "not-valid", "longest-path", "using-index,not-valid"] {
            all.push(format!("{jobs} --without={without}"));
        }
    }
    bench.same(&constraints, &all);
    let text = log(&server).split_off(before);
    // Of 15 restores, 9 have each of the means.
    for (what, fewest) in [(" USING INDEX ", 9 * 15), (" VALIDATE CONSTRAINT ", 9 * 8)] {
        let found = text.lines().filter(|line| line.contains(what)).count();
        assert!(found >= fewest, "{what}: {found}");
    }
    for name in ["core.dump", "core.dir", "mini.dump", "latin1.dump", "odd.dump"] {
        let archive = archives.iter().find(|path| path.ends_with(name)).unwrap();
        bench.same(archive, &["-j1", "-j3", "-j8"].map(str::to_owned));
    }
}

/// Constraints that the rows do not keep, and names that are taken: errors are those of the
/// archive's statements.
#[test]
fn a_constraint_that_fails_does_so_as_a_whole() {
    let Some(server) = Server::start("a_constraint_that_fails_does_so_as_a_whole") else { return };
    let bench = Bench { server: &server };
    server.prepare();
    let archive = archive_of(&server, "constraints", CONSTRAINTS);
    let into = |name: &str, options: &str| {
        server.create(name, "UTF8");
        let schema = bench.restore(name, &archive, "--exact --section=pre-data");
        assert!(schema.status.success());
        let sql =
            "SET search_path = \"Odd \"\"schema\"\"\"; INSERT INTO plain VALUES (1, 'twice', 1, 1);
            INSERT INTO children (id, a) VALUES (-1, -1); INSERT INTO self VALUES (5, NULL, 0);
            CREATE TABLE one_of_two_x (); ALTER TABLE one_of_two_x RENAME TO pk_1";
        bench.query(name, sql);
        let output = bench.restore(name, &archive, options);
        let seen = bench.seen(name);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut errors: Vec<_> = said
            .split("pgdmp: ")
            .filter(|text| text.starts_with("error: "))
            .map(str::to_owned)
            .collect();
        errors.sort();
        (seen, errors, output.status.code())
    };
    let rest = "--section=data --section=post-data";
    let (expected, errors, code) = into("exact", &format!("--exact {rest}"));
    assert!(errors.len() > 5 && code == Some(1), "{errors:?}");
    for jobs in [1, 3, 8] {
        let (made, ours, code) = into(&format!("fast{jobs}"), &format!("-j{jobs} {rest}"));
        assert_eq!(ours, errors);
        assert_eq!(first(&made.0, &expected.0), None);
        assert_eq!(first(&made.1, &expected.1), None);
        assert_eq!(code, Some(1));
        // Nothing of a first part is left.
        let sql = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated";
        assert_eq!(bench.query(&format!("fast{jobs}"), sql).trim(), "0");
    }
}
