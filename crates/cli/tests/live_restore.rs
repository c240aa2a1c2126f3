//! `restore -d` beside the installed pg_restore: the same archive and options, two new databases.
//! What is said, how it ends and what is in the database afterwards must be the same.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::live_scripts::dumps;
use pgdmp_testkit::server::Server;

/// Options, and what was restored into the database before.
pub(crate) type Case = (&'static str, &'static [&'static str]);

pub(crate) const ONCE: &[&str] = &[];
pub(crate) const TWICE: &[&str] = &[""];

/// For each archive of all kinds.
const EACH: &[Case] = &[("-v", ONCE)];

/// For the largest.
const SOME: &[Case] = &[
    ("-v", TWICE),
    ("--use-set-session-authorization -v", ONCE),
    ("-c --if-exists -v", TWICE),
    ("-1 -v", ONCE),
];

/// For one archive.
const MANY: &[Case] = &[
    ("", TWICE),
    ("-v -v", ONCE),
    ("-e", TWICE),
    ("-e -v", TWICE),
    ("-1", ONCE),
    ("-1 -v", TWICE),
    ("-O -x", ONCE),
    ("--use-set-session-authorization -v", ONCE),
    ("--use-set-session-authorization -v", TWICE),
    ("--use-set-session-authorization -O", ONCE),
    ("--role=postgres", ONCE),
    ("--role=nobody", ONCE),
    ("--role=nobody -e", ONCE),
    ("-a --disable-triggers -v", &["-s"]),
    ("-a --disable-triggers -S postgres", &["-s"]),
    ("-a --disable-triggers -S nobody", &["-s"]),
    ("--no-data-for-failed-tables -v", TWICE),
    ("--enable-row-security", ONCE),
    ("-c -v", TWICE),
    ("-c -v", ONCE),
    ("-c --if-exists -v", TWICE),
    ("-c --if-exists -v", ONCE),
    ("-c --if-exists -1", ONCE),
    ("--section=pre-data", ONCE),
    ("--section=data -v", ONCE),
    ("--section=post-data -v", ONCE),
    ("--no-tablespaces --no-comments", ONCE),
];

/// With the database of the archive.
const CREATE: &[Case] = &[
    ("-C -j2 -v", ONCE),
    ("-C", ONCE),
    ("-C -v", ONCE),
    ("-C -v", TWICE),
    ("-C -c --if-exists -v", TWICE),
    ("-C -e", TWICE),
];

/// Over several sessions.
const PARALLEL: &[Case] = &[
    ("-j2 -v", ONCE),
    ("-j2 -v", TWICE),
    ("-j3 -c --if-exists -v", TWICE),
    ("-j2 --no-data-for-failed-tables -v", TWICE),
    ("-j8 -a --disable-triggers -v", &["-s"]),
];

#[test]
fn restores_as_the_installed_pg_restore() {
    let Some(server) = Server::start("restores_as_the_installed_pg_restore") else { return };
    let archives = dumps(&server);
    let bench = Bench::new(&server);
    let archive = |name: &str| archives.iter().find(|path| path.ends_with(name)).unwrap();
    let mut cases: Vec<(&Path, Case, Option<&str>)> = Vec::new();
    for path in &archives {
        cases.extend(EACH.iter().map(|case| (&**path, *case, None)));
    }
    cases.extend(SOME.iter().map(|case| (&**archive("core.dump"), *case, None)));
    cases.extend(MANY.iter().map(|case| (&**archive("mini.dump"), *case, None)));
    for name in ["core.dir", "core-root.dump", "mini.dump", "mini-pipe.dump"] {
        cases.extend(PARALLEL.iter().map(|case| (&**archive(name), *case, None)));
    }
    bench.all(&cases);
    // One after the other: the name of the database is the archive's.
    for (name, database) in [("mini.dump", "mini"), ("odd.dump", "it's \"x\" Up.per\\")] {
        for case in CREATE {
            bench.one(archive(name), *case, Some(database));
        }
    }
    bench.check();
}

/// Roles and tablespaces that are not there are an error each.
#[test]
fn errors_are_told_as_the_installed_pg_restore_tells_them() {
    let Some(server) = Server::start("errors_are_told_as_the_installed_pg_restore_tells_them")
    else {
        return;
    };
    let bench = Bench::new(&server);
    let fixtures = pgdmp_testkit::fixtures::real();
    // Those that it can read: of a newer release it says so, and has no more to say.
    let newest = server.release();
    let readable: Vec<PathBuf> = fixtures
        .iter()
        .filter(|fixture| {
            let release =
                fixture.name.strip_prefix("pg").and_then(|name| name.split(['.', '/']).next());
            release.and_then(|release| release.parse::<u32>().ok()).is_some_and(|r| r <= newest)
        })
        .map(|fixture| fixture.path.clone())
        .collect();
    assert!(readable.len() > 10);
    let cases: Vec<_> = readable.iter().map(|path| (&**path, ("-v", ONCE), None::<&str>)).collect();
    bench.all(&cases);
    bench.check();
}

/// Compares restores.
pub(crate) struct Bench<'a> {
    server: &'a Server,
    number: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

/// All that a restore leaves.
struct After {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    database: String,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        Bench { server, number: AtomicUsize::new(0), failures: Mutex::default() }
    }

    /// All cases, on two threads.
    pub(crate) fn all(&self, cases: &[(&Path, Case, Option<&str>)]) {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some((path, case, create)) =
                        cases.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        self.one(path, *case, *create);
                    }
                });
            }
        });
        assert!(cases.len() > 5);
    }

    pub(crate) fn check(&self) {
        let failures = self.failures.lock().unwrap();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }

    pub(crate) fn one(&self, archive: &Path, case: Case, create: Option<&str>) {
        let mut theirs = self.restore(archive, case, create, false);
        let mut ours = self.restore(archive, case, create, true);
        adjust(self.server.release(), &mut ours.stderr);
        if case.0.contains("-j") {
            ours.stderr = told_by_several(&ours.stderr);
            theirs.stderr = told_by_several(&theirs.stderr);
        }
        let (ours_code, theirs_code) = (ours.code, theirs.code);
        let (ours, theirs) = (
            [ours.stderr, ours.stdout, ours.database],
            [theirs.stderr, theirs.stdout, theirs.database],
        );
        let mut different = (ours_code != theirs_code)
            .then(|| format!("exit {ours_code:?}, theirs {theirs_code:?}"))
            .into_iter()
            .chain(ours.iter().zip(&theirs).filter_map(|(ours, theirs)| first(ours, theirs)));
        if let Some(difference) = different.next() {
            let what = format!("{} {case:?}: {difference}", archive.display());
            eprintln!("{what}");
            self.failures.lock().unwrap().push(what);
        }
    }

    fn restore(&self, archive: &Path, case: Case, create: Option<&str>, ours: bool) -> After {
        let (options, before) = case;
        let server = self.server;
        let name = format!("r{}", self.number.fetch_add(1, Ordering::Relaxed));
        let into = match create {
            Some(_) => "postgres",
            None => {
                let text = pgdmp::Archive::open(archive).unwrap();
                let encoding = text.toc().encoding().unwrap().unwrap_or(b"SQL_ASCII");
                server.create(&name, std::str::from_utf8(encoding).unwrap());
                &name
            }
        };
        if let Some(create) = create {
            // Those of other cases, and the one that was dumped.
            self.rename(create, &format!("{name}_old"));
        }
        let archive = archive.to_str().unwrap();
        for options in before {
            let options = if create.is_some() { "-C" } else { options };
            self.run(&mut server.command("pg_restore"), options, into, archive);
        }
        let mut command = match ours {
            true => Command::new(env!("CARGO_BIN_EXE_pgdmp")),
            false => server.command("pg_restore"),
        };
        if ours {
            command.args(["restore", "--exact"]).env("TZ", "UTC").env("LC_ALL", "C");
        }
        let output = self.run(&mut command, options, into, archive);
        let made = create.unwrap_or(&name);
        let database = dump(server, made);
        if create.is_some() {
            self.rename(made, &format!("{name}_done"));
        } else {
            // Unless a subscription is in it.
            let sql = format!("DROP DATABASE IF EXISTS \"{name}\"");
            server.output("psql", &["-X", "-q", "-c", &sql, "-d", "postgres"]);
        }
        After {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: masked(&String::from_utf8_lossy(&output.stderr), made),
            database: masked(&database, made),
        }
    }

    fn rename(&self, from: &str, to: &str) {
        let from = from.replace('"', "\"\"");
        let sql = format!("ALTER DATABASE \"{from}\" RENAME TO \"{to}\"");
        self.server.output("psql", &["-X", "-q", "-c", &sql, "-d", "postgres"]);
    }

    fn run(&self, command: &mut Command, options: &str, into: &str, archive: &str) -> Output {
        let socket = self.server.path("");
        command.args(["-h", &socket, "-U", "postgres", "-d", into]);
        command.args(options.split(' ').filter(|option| !option.is_empty())).arg(archive);
        command.stdin(Stdio::null()).output().unwrap()
    }
}

/// A database as pg_dump sees it.
pub(crate) fn dump(server: &Server, database: &str) -> String {
    let database = database.replace('\\', "\\\\").replace('\'', "\\'");
    let output = server.output("pg_dump", &["-d", &format!("dbname='{database}'")]);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    // Their keys are random.
    let keyed =
        |line: &&str| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict ");
    text.lines().filter(keyed).map(|line| format!("{line}\n")).collect()
}

/// The first line that is not the same.
pub(crate) fn first(ours: &str, theirs: &str) -> Option<String> {
    let mut lines = ours.split('\n').zip(theirs.split('\n')).enumerate();
    if ours == theirs {
        return None;
    }
    match lines.find(|(_, (ours, theirs))| ours != theirs) {
        Some((n, (ours, theirs))) => Some(format!("line {n}: ours {ours:?}, theirs {theirs:?}")),
        None => Some(format!("{} bytes, theirs {}", ours.len(), theirs.len())),
    }
}

/// Text without what is another each time: the database's name, OIDs of schemas, the time.
pub(crate) fn masked(text: &str, database: &str) -> String {
    let text = text.replace(&format!("database {database}\n"), "database DATABASE\n");
    let lines = text.split('\n').map(|line| match line.split_once("namespace)=(") {
        _ if line.contains("-- Completed on") => "-- Completed on".to_owned(),
        Some((before, rest)) => {
            format!("{before}{}", rest.replace(|c: char| c.is_ascii_digit(), ""))
        }
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What several processes say at once, each line in several pieces: which bytes there are. Each has
/// one line of its own at its first error; which one has an error is chance.
fn told_by_several(text: &str) -> String {
    const OWN: &str = "pg_restore: while PROCESSING TOC:\n";
    let count = |text: &str| {
        let mut counts = [0_usize; 256];
        text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
        counts
    };
    let times = text.matches("while PROCESSING TOC:").count();
    let all = count(text).into_iter().zip(count(OWN)).enumerate();
    let all = all.map(|(byte, (all, own))| (byte, all - own * times));
    let there = all.filter(|(_, count)| *count > 0);
    there.map(|(byte, count)| format!("{byte}: {count}\n")).collect()
}

/// Makes of what we say what an older release says.
pub(crate) fn adjust(release: u32, stderr: &mut String) {
    *stderr = stderr.replace("pgdmp: ", "pg_restore: ");
    // What pg_restore restores without a word.
    let said = |line: &&str| !line.contains("warning: the data ends without its end marker");
    *stderr = stderr.split_inclusive('\n').filter(said).collect();
    if release < 18 {
        let executing =
            "pg_restore: executing SELECT pg_catalog.set_config('search_path', '', false);\n";
        *stderr = stderr.replace(executing, "");
        *stderr = stderr.replace("implied no-schema restore", "implied data-only restore");
    }
    if release < 17 {
        for name in ["search_path", "default_tablespace", "default_table_access_method"] {
            let (quoted, bare) =
                (format!("could not set \"{name}\""), format!("could not set {name}"));
            *stderr = stderr.replace(&quoted, &bare);
        }
    }
    if release < 16 {
        let lines = stderr.split_inclusive('\n').map(|line| {
            let statement = ["VIEW", "SEQUENCE", "MATERIALIZED VIEW"].iter().find_map(|kind| {
                let (before, rest) = line.split_once(&format!("ALTER {kind} "))?;
                rest.contains(" OWNER TO ").then(|| format!("{before}ALTER TABLE {rest}"))
            });
            statement.unwrap_or_else(|| line.to_owned())
        });
        *stderr = lines.collect();
    }
}

/// What pg_restore refuses: several sessions for a tar, and for an archive that comes through a pipe.
#[test]
fn several_sessions_restore_a_tar_and_a_pipe() {
    let Some(server) = Server::start("several_sessions_restore_a_tar_and_a_pipe") else { return };
    let archives = dumps(&server);
    let socket = server.path("");
    let into = |name: &str| {
        server.create(name, "UTF8");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
        command.args(["restore", "--exact", "-h", &socket, "-U", "postgres", "-d", name, "-j3"]);
        command
    };
    for name in ["core.dump", "core.tar", "core-inserts.dump", "mini-pipe.dump", "core-root.dump"] {
        let path = archives.iter().find(|path| path.ends_with(name)).unwrap();
        let file = path.to_str().unwrap();
        let [theirs, ours, piped] = ["theirs", "ours", "piped"].map(|who| format!("{who} {name}"));
        server.create(&theirs, "UTF8");
        let their_output = server.output("pg_restore", &["-d", &theirs, file]);
        let our_output = into(&ours).arg(path).output().unwrap();
        let mut cat = Command::new("cat").arg(path).stdout(Stdio::piped()).spawn().unwrap();
        let pipe = cat.stdout.take().unwrap();
        let piped_output = into(&piped).stdin(pipe).output().unwrap();
        cat.wait().unwrap();
        for (output, database) in [(our_output, &ours), (piped_output, &piped)] {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), their_output.status.code(), "{database}: {said}");
            let difference = first(&dump(&server, database), &dump(&server, &theirs));
            assert_eq!(difference, None, "{database}");
        }
    }
}

/// The commands of README: a thousand tables, written and restored over ten connections, the list
/// edited in between.
#[test]
fn the_tutorial() {
    const TABLES: usize = 1000;
    let Some(server) = Server::start("the_tutorial") else { return };
    server.create("shop", "UTF8");
    let sql = format!(
        "DO $$ BEGIN FOR n IN 1..{TABLES} LOOP
           EXECUTE format('CREATE TABLE test_%s (id int PRIMARY KEY, text text)', n);
           EXECUTE format('INSERT INTO test_%1$s SELECT i, repeat(md5(i::text), %1$s %% 7)
                           FROM generate_series(1, %1$s %% 50) i', n);
         END LOOP; END $$"
    );
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", &sql, "-d", "shop"]);
    let backup = server.path("backup");
    server.client("pg_dump", &["-Fd", "-j", "10", "-f", &backup, "shop"]);
    server
        .client("psql", &["-X", "-q", "-c", "ALTER DATABASE shop RENAME TO old", "-d", "postgres"]);
    let pgdmp = || Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    let list = pgdmp().args(["list", &backup]).output().unwrap();
    assert!(list.status.success());
    // Without one table.
    let list = String::from_utf8(list.stdout).unwrap();
    let without = list.lines().filter(|line| !line.contains(" test_500 "));
    let parts = server.path("parts");
    std::fs::write(&parts, without.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let socket = server.path("");
    let output = pgdmp()
        .args(["restore", "--exact", "-h", &socket, "-U", "postgres"])
        .args(["-C", "-d", "postgres", "-j", "10", "-L", &parts, &backup])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    let rows = |database: &str| {
        let sql = "SELECT count(*), sum((xpath('/row/c/text()', query_to_xml(format(
                       'SELECT count(*) AS c FROM %I', tablename), false, true, '')))[1]::text::int)
                   FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'test_500'";
        server.client("psql", &["-X", "-q", "-At", "-c", sql, "-d", database])
    };
    assert_eq!(rows("shop"), rows("old"));
    assert!(rows("shop").starts_with(&format!("{}|", TABLES - 1)));
    let missing = "SELECT count(*) FROM pg_tables WHERE tablename = 'test_500'";
    let missing = server.client("psql", &["-X", "-q", "-At", "-c", missing, "-d", "shop"]);
    assert_eq!(missing.trim(), "0");
}
