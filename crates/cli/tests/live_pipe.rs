//! Restores from a pipe over several sessions: the database is the one that pg_restore makes of the
//! file, and a pipe that breaks leaves each table with all of its rows or none.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::live_fast_order::sorted_rows;
use crate::live_restore::{dump, first};
use crate::live_scripts::dumps;
use crate::support::pgdmp_with_signals;
use pgdmp_testkit::server::{Server, run};
use rustix::process::{Pid, Signal, kill_process};

/// One large table, many small ones, large objects, and rows that find their partitions.
const DATABASE: &str = "
    CREATE TABLE big (id int PRIMARY KEY, t text);
    INSERT INTO big SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, 80000) n;
    CREATE INDEX ON big (t);
    CREATE TABLE other_big (id int, t text);
    INSERT INTO other_big SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, 40000) n;
    CREATE INDEX ON other_big USING brin (id);
    DO $$ BEGIN FOR i IN 1 .. SMALL LOOP
      EXECUTE format('CREATE TABLE small_%s (id int PRIMARY KEY, b int REFERENCES big, t text)', i);
      EXECUTE format('INSERT INTO small_%s SELECT g, g, ''row '' || g FROM generate_series(1, %s) g', i, i * 3);
      EXECUTE format('CREATE INDEX ON small_%s (t)', i);
    END LOOP; END $$;
    CREATE TABLE parted (id int, t text) PARTITION BY HASH (id);
    DO $$ BEGIN FOR i IN 0 .. 3 LOOP
      EXECUTE format('CREATE TABLE parted_%1$s PARTITION OF parted FOR VALUES WITH (MODULUS 4, REMAINDER %1$s)', i);
    END LOOP; END $$;
    INSERT INTO parted SELECT n, repeat('p', 100) FROM generate_series(1, 40000) n;
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM big;
    SELECT lo_from_bytea(50000 + g, decode(repeat('00ff', g * 7), 'hex')) FROM generate_series(1, 300) g;
    SELECT lo_from_bytea(60000, decode(repeat('a1', 3000000), 'hex'));
";

/// Archives of that database, with so many small tables.
fn archives(server: &Server, small: usize) -> Vec<PathBuf> {
    server.create("origin", "UTF8");
    let sql = DATABASE.replace("SMALL", &small.to_string());
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", &sql, "-d", "origin"]);
    [("a.dump", "-Fc"), ("a.tar", "-Ft"), ("root.dump", "-Fc --load-via-partition-root -Z0")]
        .map(|(name, options)| {
            let path = server.path(name);
            let mut args: Vec<&str> = options.split(' ').collect();
            args.extend(["-f", &path, "-d", "origin"]);
            server.client("pg_dump", &args);
            if server.root {
                run(&mut Command::new("chmod"), &["a+r", &path]);
            }
            PathBuf::from(path)
        })
        .to_vec()
}

fn restore(server: &Server, into: &str, options: &str) -> Command {
    let mut command = pgdmp_with_signals();
    command.args(["restore", "-h", &server.path(""), "-U", "postgres", "-d", into]);
    command.args(options.split(' ').filter(|option| !option.is_empty()));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Writes so many bytes of a file to a program.
fn feed(child: &mut Child, path: &Path, bytes: u64) {
    let mut file = std::fs::File::open(path).unwrap().take(bytes);
    let mut pipe = child.stdin.take().unwrap();
    // Nobody need read all of it.
    let _ = std::io::copy(&mut file, &mut pipe);
}

fn piped(server: &Server, into: &str, options: &str, path: &Path, bytes: u64) -> Output {
    let mut child = restore(server, into, options).spawn().unwrap();
    feed(&mut child, path, bytes);
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn drop_database(server: &Server, name: &str) {
    server.sql(&format!("DROP DATABASE \"{name}\" WITH (FORCE)"));
}

const WAYS: &[&str] = &[
    "-j1",
    "-j4",
    "-j4 --pipe-buffer=4MB",
    "-j3 --pipe-buffer=4MB --split=never",
    "-j3 --pipe-buffer=4MB --split=always",
    "-j4 --pipe-buffer=4MB --exact",
    "-j2 --transaction-size=50",
];

#[test]
fn live_pipe_makes_the_same_database() {
    let Some(server) = Server::start("live_pipe_makes_the_same_database") else { return };
    for path in archives(&server, 200) {
        server.create("theirs", "UTF8");
        let theirs = server.output("pg_restore", &["-d", "theirs", path.to_str().unwrap()]);
        assert!(theirs.status.success());
        let exact = dump(&server, "theirs");
        let expected = sorted_rows(&exact);
        for (n, way) in WAYS.iter().enumerate() {
            if n % 2 == 0 && path.ends_with("root.dump") {
                continue;
            }
            let what = format!("{}, {way}", path.display());
            server.create("ours", "UTF8");
            let output = piped(&server, "ours", way, &path, u64::MAX);
            assert_eq!((said(&output).as_str(), output.status.code()), ("", Some(0)), "{what}");
            let ours = dump(&server, "ours");
            assert_eq!(first(&sorted_rows(&ours), &expected), None, "{what}");
            if way.contains("exact") && !path.ends_with("root.dump") {
                assert_eq!(first(&ours, &exact), None, "{what}");
            }
            drop_database(&server, "ours");
        }
        drop_database(&server, "theirs");
    }
}

/// Archives with all kinds of objects, some of which fail.
#[test]
fn live_pipe_restores_all_kinds() {
    let Some(server) = Server::start("live_pipe_restores_all_kinds") else { return };
    for path in dumps(&server) {
        if path.is_dir() {
            continue;
        }
        let archive = pgdmp::Archive::open(&path).unwrap();
        let encoding = archive.toc().encoding().unwrap().unwrap_or(b"SQL_ASCII").to_vec();
        let encoding = std::str::from_utf8(&encoding).unwrap();
        server.create("theirs", encoding);
        let theirs = server.output("pg_restore", &["-d", "theirs", path.to_str().unwrap()]);
        let expected = dump(&server, "theirs").replace("theirs", "NAME");
        server.sql("ALTER DATABASE theirs RENAME TO \"gone\"");
        for way in ["-j1 --no-check", "-j4 --no-check --pipe-buffer=4MB", "--exact -j3"] {
            let what = format!("{}, {way}", path.display());
            server.create("theirs", encoding);
            let output = piped(&server, "theirs", way, &path, u64::MAX);
            let ours = dump(&server, "theirs").replace("theirs", "NAME");
            assert_eq!(
                first(&sorted_rows(&ours), &sorted_rows(&expected)),
                None,
                "{what}: {}",
                said(&output)
            );
            assert_eq!(output.status.code(), theirs.status.code(), "{what}: {}", said(&output));
            let id = server.sql("SELECT txid_current()");
            server.sql(&format!("ALTER DATABASE theirs RENAME TO \"gone {}\"", id.trim()));
        }
        server.sql("ALTER DATABASE gone RENAME TO \"gone too\"");
        let id = server.sql("SELECT txid_current()");
        server.sql(&format!("ALTER DATABASE \"gone too\" RENAME TO \"gone {}\"", id.trim()));
    }
}

/// Rows of each table of a database.
fn counts(server: &Server, database: &str) -> Vec<(String, u64)> {
    let sql = "SELECT c.relname, (xpath('/row/c/text()', query_to_xml(format(
                 'SELECT count(*) AS c FROM %s', c.oid::regclass), false, true, '')))[1]::text
               FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1";
    let text = server.client("psql", &["-X", "-q", "-At", "-c", sql, "-d", database]);
    let row = |line: &str| {
        let (name, count) = line.split_once('|').unwrap();
        (name.to_owned(), count.parse().unwrap())
    };
    text.lines().map(row).collect()
}

/// Wherever a pipe ends: an error, and of each table all rows or none.
#[test]
fn live_pipe_that_breaks() {
    let Some(server) = Server::start("live_pipe_that_breaks") else { return };
    let archives = archives(&server, 30);
    let whole = counts(&server, "origin");
    let mut partly = 0;
    for (round, path) in archives[..2].iter().cycle().take(12).enumerate() {
        let way =
            ["-j1", "-j3 --split=always --pipe-buffer=4MB", "-j4 --pipe-buffer=4MB", "--exact -j2"]
                [round % 4];
        let len = std::fs::metadata(path).unwrap().len();
        let bytes = len * (40 + 5 * round as u64) / 100;
        server.create("broken", "UTF8");
        let output = piped(&server, "broken", way, path, bytes);
        let what = format!("{way}, {bytes} of {len} bytes of {}", path.display());
        assert_eq!(output.status.code(), Some(1), "{what}: {}", said(&output));
        assert!(said(&output).contains("end"), "{what}: {}", said(&output));
        let there = counts(&server, "broken");
        assert_eq!(there.len(), whole.len(), "{what}");
        for (ours, all) in there.iter().zip(&whole) {
            assert!(ours == all || *ours == (all.0.clone(), 0), "{what}: {ours:?}, {all:?}");
        }
        partly += usize::from(there.iter().any(|(_, rows)| *rows > 0));
        drop_database(&server, "broken");
    }
    assert!(partly > 6, "{partly}");
}

/// A journal goes on through another pipe.
#[test]
fn live_pipe_that_breaks_is_resumed() {
    let Some(server) = Server::start("live_pipe_that_breaks_is_resumed") else { return };
    let archives = archives(&server, 30);
    server.create("whole", "UTF8");
    server.client("pg_restore", &["-d", "whole", archives[0].to_str().unwrap()]);
    let expected = sorted_rows(&dump(&server, "whole"));
    let len = std::fs::metadata(&archives[0]).unwrap().len();
    for (round, way) in
        ["-j1", "-j3 --split=always --pipe-buffer=4MB", "-j4", "--exact -j3"].iter().enumerate()
    {
        server.create("resumed", "UTF8");
        let way = format!("{way} --resume --journal {}", server.path(&format!("journal_{round}")));
        for tenths in [3, 6, 9] {
            let mut child = restore(&server, "resumed", &way).spawn().unwrap();
            feed(&mut child, &archives[0], len * tenths / 10);
            if tenths == 6 {
                let _ = child.kill();
            }
            assert!(!child.wait_with_output().unwrap().status.success());
        }
        let output = piped(&server, "resumed", &way, &archives[0], u64::MAX);
        assert!(output.status.success(), "{way}: {}", said(&output));
        let made = sorted_rows(&dump(&server, "resumed"));
        assert_eq!(first(&made, &expected), None, "{way}");
        drop_database(&server, "resumed");
    }
}

/// Waits for something, but not for ever.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A signal ends it although nothing comes, and a backend that is killed leaves nothing behind.
#[test]
fn live_pipe_ends_when_it_is_told_to() {
    let Some(server) = Server::start("live_pipe_ends_when_it_is_told_to") else { return };
    let archives = archives(&server, 30);
    let bytes = std::fs::read(&archives[2]).unwrap();
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'ended'";
    let loading = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'ended' AND query <> ''";
    for (way, by_signal) in
        [("-j1", true), ("-j3", true), ("-j3 --pipe-buffer=4MB", false), ("--exact -j2", false)]
    {
        server.create("ended", "UTF8");
        let mut child = restore(&server, "ended", way).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&bytes[..bytes.len() / 2]).unwrap();
        until("sessions", || server.sql(loading).trim() != "0");
        if by_signal {
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        } else {
            server.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ended'",
            );
            let _ = pipe.write_all(&bytes[bytes.len() / 2..]);
            drop(pipe);
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{way}: {}", said(&output));
        assert!(said(&output).contains("terminat"), "{way}: {}", said(&output));
        until("no session is left", || server.sql(others).trim() == "0");
        drop_database(&server, "ended");
    }
}
