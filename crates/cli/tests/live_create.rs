//! `restore --create=NAME`: the database that is made, and one that is there.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::live_fast_order::archive_of;
use crate::live_faults::wait_for;
use pgdmp_testkit::server::{Server, run};

fn restore(server: &Server, archive: &Path, options: &[&str]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &server.path(""), "-U", "postgres"]);
    command.args(options).arg(archive).env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

fn query(server: &Server, database: &str, sql: &str) -> String {
    server.client("psql", &["-X", "-q", "-At", "-c", sql, "-d", database]).trim_end().to_owned()
}

fn done((output, said): (Output, String)) {
    assert!(output.status.success() && said.is_empty(), "{said}");
}

fn refused((output, said): (Output, String), what: &str) {
    assert!(output.status.code() == Some(1) && said.contains(what), "{said}");
}

#[test]
fn a_database_has_the_template_and_tablespace_that_are_asked_for() {
    let what = "a_database_has_the_template_and_tablespace_that_are_asked_for";
    let Some(server) = Server::start(what) else { return };
    let archive = archive_of(&server, "origin", "CREATE TABLE t AS SELECT 1 AS n");
    let folder = server.path("space");
    std::fs::create_dir(&folder).unwrap();
    if server.root {
        run(&mut Command::new("chown"), &["postgres", &folder]);
    }
    server.sql(&format!("CREATE TABLESPACE \"Sp\"\"ace\" LOCATION '{folder}'"));
    server.create("My template", "UTF8");
    query(&server, "My template", "CREATE TABLE from_template ()");
    let both = ["--template=My template", "--tablespace=Sp\"ace"];
    for options in [&["-j2"][..], &["--exact"], &["--exact", "-j2"]] {
        let all = [&["-d", "postgres", "--create=new one"], options, &both].concat();
        done(restore(&server, &archive, &all));
        let sql = "SELECT to_regclass('from_template') IS NOT NULL, (SELECT n FROM t), spcname
            FROM pg_database d JOIN pg_tablespace s ON s.oid = dattablespace
            WHERE datname = current_database()";
        assert_eq!(query(&server, "new one", sql), "t|1|Sp\"ace");
        server.sql("DROP DATABASE \"new one\"");
    }
    // Under the name that the archive has.
    server.sql("ALTER DATABASE origin RENAME TO away");
    done(restore(&server, &archive, &["-C", "-d", "postgres", "--template=My template"]));
    assert_eq!(query(&server, "origin", "SELECT count(*) FROM from_template"), "0");
    // One that is not there.
    let options = ["--create=x", "-d", "postgres", "--template=nowhere"];
    refused(restore(&server, &archive, &options), "template database \"nowhere\" does not exist");
    for (options, what) in [
        (&["-d", "postgres", "--template=x"][..], "option --template requires option -C/--create"),
        (&["-d", "postgres", "--tablespace=x"], "option --tablespace requires option -C/--create"),
        (&["-f", "-", "--drop-existing"], "option --drop-existing requires option -d/--dbname"),
        (&["-d", "x", "--drop-existing", "-a"], "cannot be used together"),
        (&["-d", "x", "--drop-existing", "-1"], "cannot be used together"),
    ] {
        refused(restore(&server, &archive, options), what);
    }
}

/// Whoever uses it.
#[test]
fn an_existing_database_is_dropped_or_kept() {
    let Some(server) = Server::start("an_existing_database_is_dropped_or_kept") else { return };
    let archive = archive_of(&server, "origin", "CREATE TABLE t AS SELECT 1 AS n");
    let old = |name: &str| {
        server.create(name, "UTF8");
        query(&server, name, "CREATE TABLE old (); CREATE TABLE t (other int)");
    };
    let is_old = |name: &str| {
        let sql =
            "SELECT to_regclass('old') IS NOT NULL, count(*) FROM pg_class WHERE relname = 't'";
        query(&server, name, sql) == "t|1"
    };
    for options in [&["-j2"][..], &["-j1"], &["--exact"], &["--exact", "-j2"], &["--no-check"]] {
        let drop = |connection: &str, name: &str| {
            let name = format!("--create={name}");
            let all = [&["-d", connection, &name, "--drop-existing"], options].concat();
            restore(&server, &archive, &all)
        };
        // It need not be there.
        done(drop("postgres", "new"));
        query(&server, "new", "CREATE TABLE old ()");
        let mut user = server.command("psql");
        let socket = server.path("");
        user.args(["-h", &socket, "-U", "postgres", "-c", "SELECT pg_sleep(300)", "-d", "new"]);
        let mut user = user.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        assert!(wait_for(&server, "pg_sleep(300)", true));
        if server.release() >= 13 {
            done(drop("postgres", "new"));
            assert!(!user.wait().unwrap().success());
        } else {
            let _ = user.kill();
            let _ = user.wait();
        }
        assert_eq!(query(&server, "new", "SELECT n, to_regclass('old') FROM t"), "1|");
        // Not by a session that is in it.
        server.sql("DROP DATABASE new");
        old("new");
        refused(drop("new", "new"), "database \"new\" cannot be dropped by a session in it");
        assert!(is_old("new"));
        // A template cannot be dropped.
        server.sql("ALTER DATABASE new IS_TEMPLATE true");
        refused(drop("postgres", "new"), "cannot drop a template database");
        assert!(is_old("new"));
        server.sql("ALTER DATABASE new IS_TEMPLATE false");
        server.sql("DROP DATABASE new");
    }
    // What exists is not taken for what should have been made; pg_restore does.
    old("there");
    for options in [&["-j2"][..], &["--no-check"], &["--force"], &["--no-check", "-j2"]] {
        let all = [&["-d", "postgres", "--create=there"], options].concat();
        refused(restore(&server, &archive, &all), "database \"there\"");
        assert!(is_old("there"));
    }
    let all = ["-d", "postgres", "--create=there", "--exact"];
    refused(restore(&server, &archive, &all), "errors ignored on restore");
}
