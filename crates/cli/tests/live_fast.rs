//! `restore -d` by faster means: the database is the one that `--exact` makes, with each of the
//! means and without it.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::live_restore::{dump, first};
use crate::live_scripts::dumps;
use pgdmp_testkit::server::Server;

/// Without one of the means, and without all but one.
const MEANS: &[&str] = &["async-commit", "tuning"];

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
        command.args(["restore", "-h", &socket, "-U", "postgres", "-d", database]);
        command.args(options.split(' ').filter(|option| !option.is_empty())).arg(archive);
        command.env("LC_ALL", "C").env("PGOPTIONS", "-c log_statement=all");
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

fn log(server: &Server) -> String {
    std::fs::read_to_string(server.path("log")).unwrap()
}
