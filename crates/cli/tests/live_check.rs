//! `restore --check` on a server: what it says is what then happens.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::live_scripts::dumps;
use pgdmp_testkit::server::Server;
use pgdmp_testkit::{corpus, fixtures};

/// The program with options, on the server.
fn pgdmp(server: &Server, args: &[&str]) -> Output {
    let socket = server.path("");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &socket]).args(args).stdin(Stdio::null());
    if !args.contains(&"-U") {
        command.args(["-U", "postgres"]);
    }
    command.env("LC_ALL", "C").output().unwrap()
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// The findings of a check; whether it failed is whether there is an error among them.
fn findings(server: &Server, args: &[&str]) -> Vec<Value> {
    let output = pgdmp(server, &[&["--check", "--json"], args].concat());
    let value: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", said(&output)));
    crate::support::schema::check(&value, "restore-check");
    let found = value["findings"].as_array().unwrap().clone();
    let errors = found.iter().filter(|finding| finding["class"] == "error").count();
    assert_eq!(value["errors"], errors);
    assert_eq!(output.status.code(), Some(i32::from(errors > 0)), "{}", said(&output));
    found
}

/// The codes of a class, without those about costs.
fn codes(findings: &[Value], class: &str) -> Vec<String> {
    let of_class = findings.iter().filter(|finding| finding["class"] == class);
    let codes = of_class.map(|finding| finding["code"].as_str().unwrap().to_owned());
    codes.filter(|code| !code.starts_with("cost-")).collect()
}

fn psql(server: &Server, database: &str, sql: &str) -> String {
    let output = server.output("psql", &["-X", "-q", "-At", "-c", sql, "-d", database]);
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Dumps a database that some SQL makes, and drops it.
fn dump(server: &Server, name: &str, options: &str, sql: &str) -> String {
    server.create(name, "UTF8");
    let made = psql(server, name, sql);
    assert!(!made.contains("ERROR"), "{made}");
    let path = server.path(&format!("{name}.dump"));
    let mut args = vec!["-Fc", "-f", &path];
    args.extend(options.split(' ').filter(|option| !option.is_empty()));
    args.push(name);
    server.client("pg_dump", &args);
    server.sql(&format!("DROP DATABASE {name}"));
    if server.root {
        pgdmp_testkit::server::run(&mut Command::new("chmod"), &["a+r", &path]);
    }
    path
}

fn statements(findings: &[Value], code: &str) -> Vec<String> {
    let of_code = findings.iter().filter(|finding| finding["code"] == code);
    let all = of_code.flat_map(|finding| finding["statements"].as_array().unwrap());
    all.map(|statement| statement.as_str().unwrap().to_owned()).collect()
}

/// Errors of a restore, and the finding that has to be there.
const FORETOLD: &[(&str, &str)] = &[
    ("ERROR:  role \"", "role-missing"),
    ("could not set \"default_tablespace\"", "tablespace-missing"),
    ("ERROR:  schema \"", "schema-missing"),
    ("ERROR:  access method \"", "access-method-missing"),
    ("ERROR:  language \"", "language-missing"),
    ("is not available", "extension-missing"),
];

/// What the sweep found.
#[derive(Default)]
struct Sweep {
    /// Archives, those restored without an error, and those with an error that was foretold.
    all: AtomicUsize,
    fine: AtomicUsize,
    foretold: Mutex<BTreeMap<&'static str, usize>>,
    failures: Mutex<Vec<String>>,
}

/// Of every archive that is restored without an error into a new database, the check finds none. What
/// it asks to be made is made; before that, errors that it could know are foretold.
#[test]
fn no_alarm_is_false() {
    let Some(server) = Server::start("no_alarm_is_false") else { return };
    let mut archives: Vec<PathBuf> = dumps(&server);
    for fixture in fixtures::real().into_iter().chain(fixtures::synthetic()) {
        archives.push(fixture.path);
    }
    if let Some(folder) = corpus::folder() {
        archives.extend(corpus::archives(&folder).into_iter().map(|recorded| recorded.path));
    }
    let sweep = Sweep::default();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(path) = archives.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one(&server, path, &sweep);
                }
            });
        }
    });
    let failures = sweep.failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let counts = [sweep.all, sweep.fine].map(AtomicUsize::into_inner);
    let foretold = sweep.foretold.into_inner().unwrap();
    eprintln!("archives, restored without an error: {counts:?}; foretold: {foretold:?}");
    assert!(counts[0] > 60 && counts[1] > 25, "{counts:?}");
    // The roles of the fixtures are there; those of the corpus are not.
    let roles = corpus::folder().map(|_| "role-missing");
    for code in ["language-missing", "schema-missing", "extension-missing"].into_iter().chain(roles)
    {
        assert!(foretold.contains_key(code), "{code}: {foretold:?}");
    }
}

fn one(server: &Server, path: &Path, sweep: &Sweep) {
    let Ok(archive) = pgdmp::Archive::open(path) else { return };
    let Ok(encoding) = archive.toc().encoding() else { return };
    let encoding = match encoding {
        // These are not for databases.
        Some(b"SJIS" | b"BIG5" | b"GBK" | b"UHC" | b"GB18030" | b"JOHAB" | b"SHIFT_JIS_2004") => {
            "UTF8"
        }
        Some(name) => std::str::from_utf8(name).unwrap(),
        None => "SQL_ASCII",
    };
    let number = sweep.all.fetch_add(1, Ordering::Relaxed);
    let name = format!("check{number}");
    let file = path.to_str().unwrap();
    for round in 0..2 {
        server.create(&name, encoding);
        let found = findings(server, &["-d", &name, file]);
        let errors = codes(&found, "error");
        let output = pgdmp(server, &["--exact", "-d", &name, file]);
        let text = said(&output);
        let fail = |what: String| sweep.failures.lock().unwrap().push(format!("{file}: {what}"));
        let not_asked = found.iter().find(|finding| finding["code"] == "not-asked");
        if let Some(not_asked) = not_asked {
            fail(not_asked.to_string());
        }
        if output.status.success() {
            sweep.fine.fetch_add(1, Ordering::Relaxed);
            if !errors.is_empty() {
                fail(format!("nothing failed, and the check said {errors:?}"));
            }
        }
        for (error, code) in FORETOLD {
            let hits = |line: &str| {
                line.contains(error)
                    && (line.contains("does not exist") || *error == "is not available")
            };
            if text.lines().any(hits) {
                *sweep.foretold.lock().unwrap().entry(*code).or_default() += 1;
                // Languages come with extensions.
                let by = |found: &String| {
                    found == code || *code == "language-missing" && found == "extension-missing"
                };
                if !errors.iter().any(by) {
                    let line = text.lines().find(|line| hits(line)).unwrap();
                    fail(format!("{line}, and the check said {errors:?}"));
                }
            }
        }
        server.output(
            "psql",
            &["-X", "-q", "-c", &format!("DROP DATABASE {name}"), "-d", "postgres"],
        );
        let missing = found.iter().filter(|finding| finding["code"] == "role-missing");
        let statements: Vec<&Value> =
            missing.flat_map(|finding| finding["statements"].as_array().unwrap()).collect();
        if round == 1 {
            if !statements.is_empty() {
                fail(format!("roles are missing that were made: {statements:?}"));
            }
        } else if statements.is_empty() {
            break;
        }
        for statement in statements {
            // Two may make one at a time.
            server
                .output("psql", &["-X", "-q", "-c", statement.as_str().unwrap(), "-d", "postgres"]);
        }
    }
}

/// Roles that are missing, or that objects cannot be given to.
#[test]
fn roles_are_foretold() {
    let Some(server) = Server::start("roles_are_foretold") else { return };
    server.sql("CREATE ROLE ann; CREATE ROLE \"Bob B\"; CREATE ROLE carl; CREATE ROLE dora");
    let file = dump(
        &server,
        "roles",
        "",
        "CREATE SCHEMA s AUTHORIZATION ann; CREATE TABLE s.t (a int); ALTER TABLE s.t OWNER TO ann;
         GRANT SELECT ON s.t TO \"Bob B\"; ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON s.t TO carl USING (true);
         ALTER DEFAULT PRIVILEGES FOR ROLE dora GRANT SELECT ON TABLES TO PUBLIC;
         INSERT INTO s.t VALUES (1)",
    );
    server.create("here", "UTF8");
    let check = |args: &[&str]| findings(&server, &[&["-d", "here"], args, &[&file]].concat());
    assert_eq!(codes(&check(&[]), "error"), [""; 0]);
    server.sql("DROP ROLE ann; DROP ROLE \"Bob B\"; DROP ROLE carl; DROP ROLE dora");
    let all = check(&[]);
    assert_eq!(codes(&all, "error"), ["role-missing"]);
    assert_eq!(
        statements(&all, "role-missing"),
        [
            "CREATE ROLE \"Bob B\";",
            "CREATE ROLE \"ann\";",
            "CREATE ROLE \"carl\";",
            "CREATE ROLE \"dora\";"
        ]
    );
    let without = ["-O", "-x", "--no-policies"];
    for (options, left) in [(&without[..1], 3), (&without[..2], 1), (&without[..], 0)] {
        assert_eq!(statements(&check(options), "role-missing").len(), left, "{options:?}");
    }
    assert_eq!(statements(&check(&["--map-owner", "ann=postgres"]), "role-missing").len(), 3);
    // Nothing was made by any of them, nor is by a restore, unless it is forced.
    let tables = || psql(&server, "here", "SELECT count(*) FROM pg_tables WHERE schemaname = 's'");
    let output = pgdmp(&server, &["-d", "here", &file]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.contains("error: 4 roles do not exist: \"Bob B\", \"ann\""), "{text}");
    assert!(text.contains("nothing was restored") && text.contains("--force"), "{text}");
    assert_eq!(tables(), "0\n");
    let output = pgdmp(&server, &["-d", "here", "--force", &file]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(
        text.contains("warning: 4 roles do not exist") && text.contains("errors ignored"),
        "{text}"
    );
    assert_eq!(tables(), "1\n");

    // Who is no superuser.
    server.sql("CREATE ROLE ann; CREATE ROLE \"Bob B\"; CREATE ROLE carl; CREATE ROLE dora; CREATE ROLE clerk LOGIN");
    server.create("there", "UTF8");
    let check = |args: &[&str]| {
        let args = [&["-U", "clerk", "-d", "there"], args, &[&file]].concat();
        codes(&findings(&server, &args), "error")
    };
    assert_eq!(check(&[]), ["owner-not-allowed", "database-not-allowed"]);
    assert_eq!(check(&["-O"]), ["database-not-allowed"]);
    assert_eq!(
        check(&["--use-set-session-authorization"]),
        ["session-authorization", "database-not-allowed"]
    );
    assert_eq!(check(&["--role=ann"])[0], "role");
    server.sql("GRANT ann TO clerk; GRANT CREATE ON DATABASE there TO clerk");
    assert_eq!(check(&[]), [""; 0]);
    // In public nobody may since 15.
    let public = dump(&server, "public1", "-O", "CREATE TABLE public.t (a int)");
    let args = ["-U", "clerk", "-d", "there", "-O", &public];
    if server.release() >= 15 {
        let found = findings(&server, &args);
        assert_eq!(codes(&found, "error"), ["schema-not-allowed"]);
        for statement in statements(&found, "schema-not-allowed") {
            psql(&server, "there", &statement);
        }
    }
    assert_eq!(codes(&findings(&server, &args), "error"), [""; 0]);
    let output = pgdmp(&server, &args);
    assert!(output.status.success(), "{}", said(&output));
}

/// What is there already: it is told, refused, left alone, or replaced.
#[test]
fn conflicts_are_foretold_and_decided() {
    let Some(server) = Server::start("conflicts_are_foretold_and_decided") else { return };
    let file = dump(
        &server,
        "conflicts",
        "-b",
        "CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('x'); CREATE FUNCTION s.f(int, text) RETURNS int
         LANGUAGE sql AS 'SELECT 1'; CREATE TABLE s.a (n int PRIMARY KEY, e s.e CHECK (e = 'x'));
         CREATE TABLE s.b (n int REFERENCES s.a, m serial); CREATE INDEX i ON s.b (n);
         CREATE TABLE s.p (n int) PARTITION BY LIST (n);
         CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES IN (1);
         CREATE VIEW s.v AS SELECT * FROM s.a; CREATE MATERIALIZED VIEW s.m AS SELECT * FROM s.a;
         CREATE FUNCTION s.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER t BEFORE INSERT ON s.b FOR EACH ROW EXECUTE FUNCTION s.g();
         CREATE RULE r AS ON DELETE TO s.b DO ALSO NOTHING; CREATE STATISTICS s.st ON n, m FROM s.b;
         ALTER TABLE s.b ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON s.b USING (true);
         CREATE TEXT SEARCH DICTIONARY s.d (TEMPLATE = pg_catalog.simple);
         INSERT INTO s.a VALUES (1, 'x'), (2, NULL); INSERT INTO s.b VALUES (1), (2);
         INSERT INTO s.p VALUES (1); SELECT lo_from_bytea(4711, 'text');",
    );
    server.create("again", "UTF8");
    let args = ["-d", "again", &file];
    let check = |more: &[&str]| findings(&server, &[&args[..], more].concat());
    assert_eq!(codes(&check(&["--on-conflict=refuse"]), "error"), [""; 0]);
    assert_eq!(codes(&check(&["-c"]), "warning"), ["absent"]);
    let output = pgdmp(&server, &args);
    assert!(output.status.success(), "{}", said(&output));
    let content = || {
        let counts = "SELECT (SELECT count(*) FROM s.a), (SELECT count(*) FROM s.b),
                      (SELECT count(*) FROM s.p1), (SELECT last_value FROM s.b_m_seq)";
        let dump = server.client("pg_dump", &["-s", "again"]);
        let dump: Vec<&str> = dump.lines().filter(|line| !line.contains("restrict ")).collect();
        format!("{}{}", psql(&server, "again", counts), dump.join("\n"))
    };
    let before = content();
    assert!(before.starts_with("2|2|1|2\n"), "{before}");

    let found = check(&[]);
    assert_eq!(codes(&found, "error"), [""; 0]);
    assert_eq!(codes(&found, "warning"), ["exists", "rows"]);
    // Each entry that makes something: all of them are found.
    let archive = pgdmp::Archive::open(&file).unwrap();
    let makes = |desc: &[u8]| {
        ![&b"TABLE DATA"[..], b"SEQUENCE SET", b"DEFAULT", b"SEQUENCE OWNED BY", b"ROW SECURITY"]
            .contains(&desc)
            && ![&b"ENCODING"[..], b"STDSTRINGS", b"SEARCHPATH", b"DATABASE", b"BLOBS"]
                .contains(&desc)
            && desc != b"MATERIALIZED VIEW DATA"
    };
    let made: Vec<String> = archive
        .entries()
        .filter(|entry| makes(entry.desc().as_bytes()))
        .map(|entry| format!("{} {}", entry.dump_id(), entry.name().name))
        .collect();
    let named: Vec<String> = found[0]["dump_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| pgdmp::DumpId(i32::try_from(id.as_i64().unwrap()).unwrap()))
        .map(|id| format!("{id} {}", archive.entry(id).unwrap().name().name))
        .collect();
    assert_eq!(named, made);
    assert_eq!(codes(&check(&["--on-conflict=refuse"]), "error"), ["exists", "rows"]);
    let output = pgdmp(&server, &[&args[..], &["--on-conflict=refuse"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(content(), before);

    for jobs in ["-j1", "-j2"] {
        let skip = [&args[..], &["--on-conflict=skip", jobs]].concat();
        let output = pgdmp(&server, &skip);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(content(), before);
        // What is gone is made again, with its rows.
        psql(&server, "again", "DROP TABLE s.b; DROP FUNCTION s.f(int, text); DROP TABLE s.p1");
        assert_ne!(content(), before);
        let output = pgdmp(&server, &skip);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(content(), before);
        let replace = [&args[..], &["--on-conflict=replace", jobs]].concat();
        psql(&server, "again", "INSERT INTO s.a VALUES (3); DROP TABLE s.p");
        let output = pgdmp(&server, &replace);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(content(), before);
    }
}

/// Rows without a table, and objects without a schema.
#[test]
fn what_was_not_chosen_is_missed() {
    let Some(server) = Server::start("what_was_not_chosen_is_missed") else { return };
    let file = dump(&server, "part", "", "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS n");
    server.create("empty", "UTF8");
    let check = |args: &[&str]| {
        codes(&findings(&server, &[&["-d", "empty", &file], args].concat()), "error")
    };
    assert_eq!(check(&["-a"]), ["schema-missing", "table-missing"]);
    assert_eq!(check(&["-t", "s.t"]), ["schema-missing"]);
    assert_eq!(check(&[]), [""; 0]);
    psql(&server, "empty", "CREATE SCHEMA s");
    assert_eq!(check(&["-a"]), ["table-missing"]);
    assert_eq!(check(&["-t", "s.t"]), [""; 0]);
    psql(&server, "empty", "CREATE TABLE s.t (n int)");
    assert_eq!(check(&["-a"]), [""; 0]);
}

/// The database that is made, and the server that makes it.
#[test]
fn databases_and_room_are_foretold() {
    let Some(server) = Server::start("databases_and_room_are_foretold") else { return };
    let file = dump(&server, "made", "-C", "CREATE TABLE t AS SELECT 1 AS n");
    let check = |args: &[&str]| findings(&server, &[args, &[&file]].concat());
    let errors = |args: &[&str]| codes(&check(args), "error");
    assert_eq!(errors(&["-C", "-d", "postgres"]), [""; 0]);
    assert_eq!(codes(&check(&["-C", "-c", "-d", "postgres"]), "warning"), ["absent"]);
    server.create("made", "UTF8");
    assert_eq!(errors(&["-C", "-d", "postgres"]), ["database-exists"]);
    assert_eq!(errors(&["-C", "-c", "-d", "postgres"]), [""; 0]);
    assert_eq!(errors(&["-C", "-c", "-d", "made"]), ["database-open"]);
    let socket = server.path("");
    let mut session = server.command("psql");
    session.args(["-h", &socket, "-U", "postgres", "-d", "made", "-c", "SELECT pg_sleep(60)"]);
    let mut session = session.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'made'";
    while psql(&server, "postgres", connected) == "0\n" {
        thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(errors(&["-C", "-c", "-d", "postgres"]), ["database-in-use"]);
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'made'");
    session.wait().unwrap();
    server.sql("CREATE ROLE clerk LOGIN");
    let of_clerk = errors(&["-C", "-d", "postgres", "-U", "clerk", "-O"]);
    assert!(of_clerk.contains(&"createdb-not-allowed".to_owned()), "{of_clerk:?}");

    assert_eq!(errors(&["-d", "made", "-j", "5000"]), ["connections"]);
    assert_eq!(errors(&["-d", "made", "-j", "8"]), [""; 0]);
    server.sql("ALTER DATABASE made SET default_transaction_read_only = on");
    assert_eq!(errors(&["-d", "made"]), ["read-only"]);

    if server.release() >= 15 {
        let folder = ["SET allow_in_place_tablespaces = on", "CREATE TABLESPACE fast LOCATION ''"];
        psql(&server, "postgres", &folder.join("; "));
        server.output("psql", &["-X", "-c", folder[0], "-c", folder[1], "-d", "postgres"]);
        let spaced = dump(&server, "spaced", "", "CREATE TABLE t (n int) TABLESPACE fast");
        server.create("plain", "UTF8");
        let args = ["-d", "plain", &spaced];
        assert_eq!(codes(&findings(&server, &args), "error"), [""; 0]);
        server.sql("DROP TABLESPACE fast");
        assert_eq!(codes(&findings(&server, &args), "error"), ["tablespace-missing"]);
        let without = [&args[..], &["--no-tablespaces"]].concat();
        assert_eq!(codes(&findings(&server, &without), "error"), [""; 0]);
    }

    // Between two encodings that the server cannot convert.
    server.create("latin1", "LATIN1");
    let latin1 = server.path("latin1.dump");
    server.client("pg_dump", &["-Fc", "-f", &latin1, "latin1"]);
    server.create("latin2", "LATIN2");
    let found = findings(&server, &["-d", "latin2", &latin1]);
    assert_eq!(codes(&found, "error"), ["encoding-not-converted"]);
    server.create("utf8", "UTF8");
    assert_eq!(codes(&findings(&server, &["-d", "utf8", &latin1]), "error"), [""; 0]);
    server.create("ascii", "SQL_ASCII");
    let ascii = server.path("ascii.dump");
    server.client("pg_dump", &["-Fc", "-f", &ascii, "ascii"]);
    let found = findings(&server, &["-d", "utf8", &ascii]);
    assert_eq!(codes(&found, "warning"), ["encoding-unknown"]);
    // Through a pipe.
    let mut cat = Command::new("cat").arg(&latin1).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &socket, "-U", "postgres", "-d", "utf8", "--check"]);
    let output = command.stdin(cat.stdout.take().unwrap()).output().unwrap();
    cat.wait().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// `--create=NAME`: the database of the archive, under another name.
#[test]
fn a_database_is_made_under_another_name() {
    let Some(server) = Server::start("a_database_is_made_under_another_name") else { return };
    server.sql("CREATE ROLE ann");
    server.create("old \"x", "UTF8");
    let sql = "CREATE TABLE t AS SELECT 1 AS n; COMMENT ON DATABASE \"old \"\"x\" IS 'what it is';
               ALTER DATABASE \"old \"\"x\" SET work_mem = '7MB'; GRANT CREATE ON DATABASE \"old \"\"x\" TO ann;
               ALTER ROLE ann IN DATABASE \"old \"\"x\" SET work_mem = '8MB';
               ALTER DATABASE \"old \"\"x\" CONNECTION LIMIT 7";
    for sql in sql.split(';') {
        let made = psql(&server, "old \"x", sql);
        assert_eq!(made, "");
    }
    let file = server.path("old.dump");
    server.client("pg_dump", &["-Fc", "-f", &file, "old \"x"]);
    let about = |name: &str| {
        let sql = format!(
            "SELECT shobj_description(d.oid, 'pg_database'), datconnlimit, datacl,
                    (SELECT array_agg(setconfig ORDER BY setrole) FROM pg_db_role_setting s
                     WHERE s.setdatabase = d.oid) FROM pg_database d WHERE datname = '{name}'"
        );
        psql(&server, "postgres", &sql)
    };
    let expected = about("old \"x");
    assert!(expected.starts_with("what it is|7|{"), "{expected}");
    for (how, name) in [("-j1", "new one"), ("-j2", "new two"), ("--exact", "it's")] {
        let create = format!("--create={name}");
        assert_eq!(
            codes(&findings(&server, &[&create, how, "-d", "postgres", &file]), "error"),
            [""; 0]
        );
        let output = pgdmp(&server, &[&create, how, "-d", "postgres", &file]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(about(&name.replace('\'', "''")), expected);
        let rows = server.output("psql", &["-X", "-At", "-c", "SELECT n FROM t", "-d", name]);
        assert_eq!(rows.stdout, b"1\n");
        let again = findings(&server, &[&create, "-d", "postgres", &file]);
        assert_eq!(codes(&again, "error"), ["database-exists"]);
    }
    // The plan of a server, with what it makes of constraints.
    let output = pgdmp(&server, &["--plan", "-d", "postgres", "-C", "-c", "--if-exists", &file]);
    assert!(
        output.status.success() && said(&output).contains("TABLE DATA public.t"),
        "{}",
        said(&output)
    );
}

/// On a terminal, of what takes longer than a second; nowhere else.
#[cfg(target_os = "linux")]
#[test]
fn progress_is_for_terminals() {
    let Some(server) = Server::start("progress_is_for_terminals") else { return };
    // Each index takes its time.
    let sql = "CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
               'BEGIN PERFORM pg_catalog.pg_sleep(1.2); RETURN n; END';
               CREATE TABLE t (n int); CREATE INDEX i ON t (slow(n)); CREATE TABLE u (n int);
               CREATE INDEX j ON u (slow(n)); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)";
    let file = dump(&server, "slow", "", sql);
    let socket = server.path("");
    let command = |name: &str, more: &[&str]| {
        server.create(name, "UTF8");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        command.args(["restore", "-j2", "-h", &socket, "-U", "postgres", "-d", name]).args(more);
        command.arg(&file);
        command
    };
    let shown = |command| String::from_utf8(crate::terminal::shown(command)).unwrap();
    let text = shown(command("shown", &[]));
    assert!(text.contains("INDEX public.i, ") && text.contains(" left"), "{text:?}");
    for (name, options) in [("exact", &["--exact"][..]), ("verbose", &["-v"])] {
        let text = shown(command(name, options));
        assert!(!text.contains(" left"), "{text:?}");
    }
    let output = command("piped", &[]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
}

/// However many entries there are, a check is a matter of moments.
#[test]
fn many_entries_are_checked_soon() {
    use pgdmp_testkit::many::{self, Shape};
    let Some(server) = Server::start("many_entries_are_checked_soon") else { return };
    server.create("empty", "UTF8");
    for shape in Shape::ALL {
        let file = server.path("many.dump");
        std::fs::write(&file, many::archive(shape, 50_000)).unwrap();
        let started = std::time::Instant::now();
        let found = findings(&server, &["-d", "empty", &file]);
        let seconds = started.elapsed().as_secs_f64();
        eprintln!("{shape:?}: {seconds:.1} s, {:?}", codes(&found, "error"));
        assert!(!codes(&found, "warning").contains(&"not-asked".to_owned()), "{shape:?}");
        // Without optimization.
        assert!(seconds < 30.0, "{shape:?}: {seconds}");
    }
}
