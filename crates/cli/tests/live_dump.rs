//! `pgdmp dump` beside the installed pg_dump: an archive of ours is, as a script, the same as one of
//! pg_dump's, data included.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{pgdmp, schema};
use pgdmp_testkit::effort::{is_endless, skipped};
use pgdmp_testkit::server::Server;

/// Options that go to both.
const OPTIONS: &[&[&str]] = &[
    &["-a"],
    &["-s"],
    &["-b", "-s"],
    &["-B", "-O", "-x"],
    &["--inserts"],
    &["--section=data"],
    &["--section=post-data"],
    &["--load-via-partition-root"],
    &["-t", "core.t*", "-T", "core.tmp"],
    &["-E", "LATIN9"],
    &["--exclude-table-data=*.*"],
    &["-C", "-c", "--if-exists"],
    &["--quote-all-identifiers"],
    &["--no-unlogged-table-data"],
    &["--extra-float-digits=0"],
    &["--enable-row-security"],
    &["--role=postgres", "--lock-wait-timeout=5s"],
];

/// Options of ours: none of them changes what is dumped.
const OURS: &[&[&str]] = &[
    &["-j1"],
    &["-j2", "--split-tables", "1"],
    &["-j8", "--split-tables", "1", "-F", "d"],
    &["-j3", "--split-tables", "1", "-F", "t"],
    &["-j2", "-Z", "none"],
    &["-j2", "--split-tables", "1", "-Z", "zstd"],
    &["-j2", "-Z", "lz4", "-F", "d"],
];

/// Tables of all kinds, and large objects.
const KINDS: &str = r#"
    CREATE TABLE big AS SELECT g AS id, md5(g::text) AS a, g * 1.5 AS n
        FROM generate_series(1, 60000) g;
    DELETE FROM big WHERE id BETWEEN 1000 AND 20000;
    UPDATE big SET a = a || 'x' WHERE id % 7 = 0;
    CREATE TABLE toasted (g int, t text);
    ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
    INSERT INTO toasted SELECT g, repeat(md5(g::text), 400) FROM generate_series(1, 200) g;
    CREATE UNLOGGED TABLE unlogged AS SELECT generate_series(1, 10) a;
    CREATE TABLE parted (k int, v text) PARTITION BY HASH (k);
    CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    INSERT INTO parted SELECT g, g::text FROM generate_series(1, 1000) g;
    CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
    CREATE TABLE by_enum (c colour, n int) PARTITION BY HASH (c);
    CREATE TABLE by_enum_0 PARTITION OF by_enum FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE by_enum_1 PARTITION OF by_enum FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    INSERT INTO by_enum SELECT (array['red', 'green', 'blue'])[g % 3 + 1]::colour, g
        FROM generate_series(1, 100) g;
    CREATE TABLE generated (a int GENERATED ALWAYS AS IDENTITY, b int,
        c int GENERATED ALWAYS AS (b * 2) STORED);
    INSERT INTO generated (b) SELECT generate_series(1, 100);
    CREATE TABLE dropped (a int, b int, c int);
    INSERT INTO dropped SELECT g, g, g FROM generate_series(1, 10) g;
    ALTER TABLE dropped DROP COLUMN b;
    CREATE TABLE zero ();
    INSERT INTO zero SELECT FROM generate_series(1, 5);
    CREATE TABLE parent (a int);
    CREATE TABLE child (b int) INHERITS (parent);
    INSERT INTO parent SELECT generate_series(1, 5000);
    INSERT INTO child SELECT g, g FROM generate_series(1, 5000) g;
    CREATE TABLE none (a int);
    CREATE TABLE "it's ""odd"" (a, b) FROM stdin; é" ("a, b" int, "c""d" text);
    INSERT INTO "it's ""odd"" (a, b) FROM stdin; é" VALUES (1, E'a\tb\\.\n\\.\n');
    CREATE TABLE seen (a int);
    INSERT INTO seen SELECT generate_series(1, 10);
    ALTER TABLE seen ENABLE ROW LEVEL SECURITY;
    CREATE POLICY p ON seen USING (a < 5);
    CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM big;
    CREATE TABLE bytes (b bytea);
    INSERT INTO bytes SELECT decode(md5(g::text), 'hex') FROM generate_series(1, 100) g;
    ALTER DATABASE kinds SET bytea_output = 'escape';
    SELECT count(lo_from_bytea(0, decode(repeat(md5(g::text), 1 + g % 5 * 30), 'hex')))
        FROM generate_series(1, 1100) g;
    SELECT lo_from_bytea(0, decode(repeat(md5('a'), 80000), 'hex'));
    SELECT lo_from_bytea(0, '');
"#;

/// Tables whose rows are a server's configuration, foreign ones, and rows that not all may see.
const OTHERS: &str = r"
    INSERT INTO conf SELECT g, 'c' || g FROM generate_series(1, 500) g;
    INSERT INTO chosen SELECT g, 'w' || g FROM generate_series(90, 300) g;
    CREATE EXTENSION file_fdw;
    CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE TABLE seen (a int, who name);
    INSERT INTO seen SELECT g, CASE g % 2 WHEN 0 THEN 'bob' ELSE 'ann' END
        FROM generate_series(1, 500) g;
    ALTER TABLE seen ENABLE ROW LEVEL SECURITY;
    CREATE POLICY p ON seen USING (who = current_user);
    CREATE SEQUENCE counted INCREMENT 7 START 5;
    SELECT nextval('counted'), nextval('counted');
    CREATE MATERIALIZED VIEW m AS SELECT max(a) FROM seen;
    CREATE MATERIALIZED VIEW m_of_m AS SELECT * FROM m;
    DO $$ BEGIN
        EXECUTE format('COMMENT ON LARGE OBJECT %s IS ''it''''s one''', lo_from_bytea(0, 'a'));
        EXECUTE format('ALTER LARGE OBJECT %s OWNER TO bob', lo_from_bytea(0, 'b'));
        EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO bob', lo_from_bytea(0, 'c'));
    END $$;
";

/// An extension with tables of which some rows belong to a dump. A database has it before it is
/// restored: what makes such tables are files of the server.
const EXTENSION: &str = "
    CREATE EXTENSION citext;
    CREATE TABLE conf (a int, v text);
    CREATE TABLE chosen (a int, v text);
    CREATE TABLE left_out AS SELECT 1 AS a;
    ALTER EXTENSION citext ADD TABLE conf;
    ALTER EXTENSION citext ADD TABLE chosen;
    ALTER EXTENSION citext ADD TABLE left_out;
    UPDATE pg_extension SET extconfig = ARRAY['conf'::regclass::oid, 'chosen'::regclass::oid],
        extcondition = ARRAY['', 'WHERE a > 100'] WHERE extname = 'citext';";

#[test]
fn live_dump_is_what_pg_dump_writes() {
    let Some(server) = Server::start("live_dump_is_what_pg_dump_writes") else { return };
    server.prepare();
    let bench = Bench::new(&server);
    let databases = [
        ("core", "core.sql", "UTF8"),
        ("mini", "mini.sql", "UTF8"),
        ("latin1", "latin1.sql", "LATIN1"),
        ("sqlascii", "sqlascii.sql", "SQL_ASCII"),
        ("it's \"x\" Up.per\\", "small.sql", "UTF8"),
    ];
    for (number, (name, file, encoding)) in databases.into_iter().enumerate() {
        server.create(name, encoding);
        server.file(name, file);
        for ours in some(OURS, number) {
            bench.compare(name, &[], ours);
        }
    }
    // pg_dump takes the last of two.
    let path = bench.path("ours");
    let path = path.to_str().unwrap();
    let twice =
        ["-F", "t", "-j", "1", "-f", "/nowhere/x", "-E", "LATIN1", "-O", "-w", "-U", "nobody"];
    let last = ["-F", "c", "-j", "2", "-f", path, "-E", "LATIN9", "-O", "-w", "-U", "postgres"];
    let output = bench.ours("core", &[&twice[..], &last, &["-q", "--force"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = bench.theirs("core", &["-E", "LATIN1", "-E", "LATIN9", "-O", "-O"]);
    assert_eq!(bench.script(Path::new(path)), bench.script(&theirs));
    for options in some(OPTIONS, 0) {
        bench.compare("core", options, &["-j2"]);
    }
    server.create("kinds", "UTF8");
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", KINDS, "kinds"]);
    for ours in some(OURS, 2) {
        bench.compare("kinds", &[], ours);
    }
    // Through a pipe, and a whole table in many parts.
    let plan = bench.ours("kinds", &["--plan", "--json", "-j2", "--split-tables", "1"]);
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    schema::check(&plan, "dump-plan");
    let items = plan["items"].as_array().unwrap();
    assert!(
        items.iter().any(|item| item["tag"] == "big" && item["parts"].as_u64() > Some(1)),
        "{plan}"
    );
    let piped = bench.ours("kinds", &["-j3", "--split-tables", "1", "--json", "-v"]);
    assert!(piped.status.success());
    told_in_json(&piped.stderr, items.len());
    let path = bench.path("piped");
    fs::write(&path, piped.stdout).unwrap();
    let theirs = bench.theirs("kinds", &[]);
    assert_eq!(bench.script(&path), bench.script(&theirs));
    let all = [
        &["-j3", "--split-tables", "1", "-Z", "none"][..],
        &["-j2", "-F", "d", "--load-via-partition-root"],
        &["-j1", "-F", "t"],
    ];
    for ours in all.iter().take(if is_endless() { all.len() } else { 1 }) {
        bench.restored("kinds", ours, "");
    }

    let installed = server
        .sql("SELECT count(*) FROM pg_available_extensions WHERE name IN ('citext', 'file_fdw')");
    if installed.trim() != "2" {
        return skipped("dumps of tables of extensions: the server has no citext and file_fdw");
    }
    server.role(b"bob");
    server.sql("ALTER ROLE bob LOGIN");
    server.create("others", "UTF8");
    let psql = |sql: &str| {
        server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "others"]);
    };
    psql(EXTENSION);
    psql(OTHERS);
    let file = server.path("data.csv");
    fs::write(&file, "1,a\n2,\"b \"\"c\"\"\"\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    psql(&format!(
        "CREATE FOREIGN TABLE csv (a int, \"b c\" text) SERVER files \
         OPTIONS (filename '{file}', format 'csv'); \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO bob; \
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO bob"
    ));
    for ours in [&["-j8"][..], &["-j2", "-F", "d", "-Z", "none"], &["-j1", "-F", "t"]] {
        bench.compare("others", &["--include-foreign-data=files"], ours);
        bench.restored("others", ours, EXTENSION);
    }
    bench.compare("others", &["-U", "bob", "--enable-row-security", "-B"], &["-j2"]);
    bench.compare("others", &["--role=bob", "--enable-row-security", "-B"], &["-j2"]);
}

/// All of them where there is time, else some, by a number.
fn some<'a>(
    all: &'a [&'static [&'static str]],
    number: usize,
) -> impl Iterator<Item = &'a &'static [&'static str]> {
    let step = if is_endless() { 1 } else { 5 };
    all.iter().skip(if is_endless() { 0 } else { number % 5 }).step_by(step)
}

#[test]
fn live_dump_that_fails_leaves_nothing() {
    let Some(server) = Server::start("live_dump_that_fails_leaves_nothing") else { return };
    let bench = Bench::new(&server);
    server.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) a; CREATE ROLE bob LOGIN");
    let cases: [(&[&str], &str); 6] = [
        (&["--pg-dump", "/nonexistent"], "could not run /nonexistent"),
        (&["--pg-dump", "/bin/true"], "it is no pg_dump"),
        (&["-t", "nothing"], "pg_dump: error: no matching tables were found"),
        (&["--snapshot=00000000-1"], "invalid snapshot identifier"),
        (&["-U", "bob"], "permission denied for table t"),
        (&["--role=nobody"], "role \"nobody\" does not exist"),
    ];
    for (options, expected) in cases {
        let out = bench.path("failed");
        let output = bench.ours("postgres", &[options, &["-f", out.to_str().unwrap()]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
        assert!(said.contains(expected), "{options:?}: {said}");
        bench.is_empty();
    }
    // Rows that the role may not see.
    server.sql(
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO bob; \
         CREATE POLICY p ON t USING (a < 3)",
    );
    let out = bench.path("failed");
    let out = out.to_str().unwrap();
    let output = bench.ours("postgres", &["-U", "bob", "-f", out]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("row-level security"), "{said}");
    assert_eq!(output.status.code(), Some(2));
    bench.is_empty();
    // A table that somebody holds.
    let held = server
        .command("psql")
        .args(["-X", "-q", "-h", &server.path(""), "-U", "postgres"])
        .args(["-c", "BEGIN; LOCK TABLE t; SELECT pg_sleep(60)"])
        .stdout(Stdio::null())
        .spawn();
    let mut held = held.unwrap();
    let locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                  AND relation = 't'::regclass";
    while server.sql(locked).trim() == "0" {}
    let output = bench.ours("postgres", &["--lock-wait-timeout=100", "-f", out]);
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()");
    held.wait().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("statement timeout"), "{said}");
    assert_eq!(output.status.code(), Some(2));
    bench.is_empty();
}

struct Bench<'a> {
    server: &'a Server,
    folder: tempfile::TempDir,
}

impl<'a> Bench<'a> {
    fn new(server: &'a Server) -> Self {
        Bench { server, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn is_empty(&self) {
        let left: Vec<_> = fs::read_dir(self.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    fn connected(&self, mut command: Command, database: &str) -> Command {
        command.args(["-h", &self.server.path("")]).env("PGUSER", "postgres").env("TZ", "UTC");
        command.args(["-d", &format!("dbname='{}'", escaped(database))]);
        command.stdin(Stdio::null());
        command
    }

    fn ours(&self, database: &str, options: &[&str]) -> Output {
        let mut command = pgdmp();
        command.arg("dump");
        self.connected(command, database).args(options).output().unwrap()
    }

    fn theirs(&self, database: &str, options: &[&str]) -> PathBuf {
        let path = self.path("theirs");
        let command = Command::new(self.server.program("pg_dump"));
        let mut command = self.connected(command, database);
        let output = command.args(options).args(["-Fc", "-f"]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }

    fn script(&self, archive: &Path) -> Vec<u8> {
        let mut command = pgdmp();
        command.args(["restore", "--restrict-key=k", "-f", "-"]).arg(archive);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Dumps, restores that with pg_restore into a database that is new but for `prepared`, and
    /// compares both databases.
    fn restored(&self, database: &str, ours: &[&str], prepared: &str) {
        let path = self.path("ours");
        let path = path.to_str().unwrap();
        let output = self.ours(database, &[ours, &["-f", path, "--force", "-q"]].concat());
        assert!(output.status.success(), "{ours:?}: {}", String::from_utf8_lossy(&output.stderr));
        self.server.sql("DROP DATABASE IF EXISTS restored");
        self.server.create("restored", "UTF8");
        let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", prepared, "restored"];
        self.server.client("psql", &args);
        let command = Command::new(self.server.program("pg_restore"));
        let jobs = if ours.contains(&"t") { "-j1" } else { "-j2" };
        let output = self.connected(command, "restored").args([jobs, path]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{database} {ours:?}: {said}");
        let (made, expected) = (self.contents("restored"), self.contents(database));
        assert!(made == expected, "{database} {ours:?}: {}", difference(&made, &expected));
    }

    /// All that a database has.
    fn contents(&self, database: &str) -> Vec<u8> {
        let run = |program: &str, args: &[&str]| {
            let command = Command::new(self.server.program(program));
            let mut command = self.connected(command, database);
            // The database has a setting for it, and a restored one has not.
            command.env("PGOPTIONS", "-c bytea_output=hex").args(args);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        // In which partition a row lies, the OID of its value of an enum says: another one there.
        let script = run("pg_dump", &["--exclude-table-data=by_enum_*"]);
        // They have a key that is a new one each time.
        let is_key =
            |line: &&[u8]| line.starts_with(b"\\restrict") || line.starts_with(b"\\unrestrict");
        let lines = script.split(|byte| *byte == b'\n').filter(|line| !is_key(line));
        let mut all = lines.collect::<Vec<_>>().join(&b'\n');
        const OF_ENUM: &[u8] = b"CREATE TABLE public.by_enum ";
        if all.windows(OF_ENUM.len()).any(|words| words == OF_ENUM) {
            all.extend(run("psql", &["-X", "-At", "-c", "TABLE by_enum ORDER BY n"]));
        }
        all
    }

    fn list(&self, archive: &Path) -> Vec<u8> {
        let output = pgdmp().arg("list").arg(archive).env("TZ", "UTC").output().unwrap();
        assert!(output.status.success());
        let lines = output.stdout.split(|byte| *byte == b'\n');
        lines.filter(|line| !line.starts_with(b";")).collect::<Vec<_>>().join(&b'\n')
    }

    /// Dumps with both, and compares.
    fn compare(&self, database: &str, options: &[&str], ours: &[&str]) {
        let path = self.path("ours");
        let all = [options, ours, &["-f", path.to_str().unwrap(), "--force", "-q"]].concat();
        let output = self.ours(database, &all);
        let what = format!("{database:?} {options:?} {ours:?}");
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        let theirs = self.theirs(database, options);
        assert_eq!(
            self.list(&path).escape_ascii().to_string(),
            self.list(&theirs).escape_ascii().to_string(),
            "{what}"
        );
        let (script, expected) = (self.script(&path), self.script(&theirs));
        assert!(script == expected, "{what}: {}", difference(&script, &expected));
        let verified = pgdmp().args(["verify", "-q"]).arg(&path).output().unwrap();
        assert!(verified.status.success(), "{what}: {}", String::from_utf8_lossy(&verified.stdout));
    }
}

/// What `--json` says on standard error while this number of entries is read.
fn told_in_json(lines: &[u8], entries: usize) {
    let lines = String::from_utf8_lossy(lines);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        schema::check(line, "dump-progress");
    }
    let named = |name: &str| lines.iter().filter(|line| line["event"] == name).count();
    assert_eq!([named("plan"), named("start"), named("finish")], [1, entries, entries]);
    assert!(named("message") > 0);
    let end = lines.last().unwrap();
    assert_eq!((&end["event"], &end["complete"]), (&"end".into(), &true.into()));
    assert_eq!((&end["entries"], &end["entries_done"]), (&entries.into(), &entries.into()));
}

/// Where two scripts differ.
fn difference(script: &[u8], expected: &[u8]) -> String {
    let at = script.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let around = |text: &[u8]| {
        text[at.saturating_sub(200)..(at + 200).min(text.len())].escape_ascii().to_string()
    };
    format!("at {at}:\n{}\n{}", around(script), around(expected))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
