//! Connections that are lost in the middle of a restore: it goes on, and the database is the one of a
//! restore that nothing happened to; or it says why it cannot.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::live_restore::{dump, first};
use crate::live_resume::{archives, comparable};
use crate::support::pgdmp_with_signals;
use pgdmp_testkit::effort::is_exhaustive;
use pgdmp_testkit::server::Server;
use rustix::process::{Pid, Signal, kill_process};

/// Begins a restore; `-` is the archive through a pipe.
fn begin(server: &Server, into: &str, options: &str, archive: &str) -> Child {
    let mut command: Command = pgdmp_with_signals();
    command.args(["restore", "-h", &server.path(""), "-U", "postgres", "-d", into, "--retry"]);
    let (options, pipe) = match options.strip_suffix(" -") {
        Some(options) => (options, true),
        None => (options, false),
    };
    command.args(options.split(' ').filter(|option| !option.is_empty()));
    if pipe {
        let mut cat = Command::new("cat").arg(archive).stdout(Stdio::piped()).spawn().unwrap();
        command.stdin(cat.stdout.take().unwrap());
        thread::spawn(move || cat.wait());
    } else {
        command.arg(archive).stdin(Stdio::null());
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a restore makes that nothing happens to, and how long it takes.
fn undisturbed(server: &Server, archive: &str) -> (String, Duration) {
    server.create("whole", "UTF8");
    let begun = Instant::now();
    let output = begin(server, "whole", "-j3", archive).wait_with_output().unwrap();
    let time = begun.elapsed();
    assert!(output.status.success(), "{}", said(&output));
    let whole = comparable(&dump(server, "whole"));
    server.sql("DROP DATABASE whole");
    (whole, time)
}

/// Whether it was lost before anything was done: in the check, or the first connection.
fn is_too_early(said: &str) -> bool {
    let texts = [
        "the connection is lost",
        "server closed the connection",
        "query failed: ",
        "connection to server",
        "terminating connection",
    ];
    !said.contains("a connection is lost") && texts.iter().any(|text| said.contains(text))
}

/// Numbers that are another each time, and the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u32::try_from(self.0 >> 33).unwrap() % n
    }
}

#[test]
fn live_retry_after_sessions_are_ended() {
    let Some(server) = Server::start("live_retry_after_sessions_are_ended") else { return };
    let archives = archives(&server);
    let ways = [
        ("-j3", 0),
        ("-j1", 0),
        ("-j3 --split=always", 0),
        ("-j3 -", 0),
        ("--exact --retry -j2", 0),
        ("-j2", 2),
        ("--exact --retry=3", 0),
        ("-j3 --clean --if-exists", 0),
        ("-j3", 3),
    ];
    let rounds = if is_exhaustive() { 64 } else { 16 };
    let whole: Vec<_> = archives.iter().map(|archive| undisturbed(&server, archive)).collect();
    let mut chance = Chance(7);
    let mut lost = 0;
    for round in 0..rounds {
        let (way, which) = ways[round % ways.len()];
        let (expected, time) = &whole[which];
        server.create("ended", "UTF8");
        let mut child = begin(&server, "ended", way, &archives[which]);
        // One of them, or all.
        let which_ones = ["ORDER BY backend_start DESC LIMIT 1", "ORDER BY pid LIMIT 1", ""];
        for _ in 0..3 {
            thread::sleep(*time * chance.below(500) / 1000);
            if child.try_wait().unwrap().is_some() {
                break;
            }
            let sql = format!(
                "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
                 WHERE datname = 'ended' {}) s",
                which_ones[chance.below(3) as usize]
            );
            server.sql(&sql);
        }
        let output = child.wait_with_output().unwrap();
        let text = said(&output);
        lost += text.matches("a connection is lost, and is made again").count();
        let too_early = is_too_early(&text);
        assert!(output.status.success() || too_early, "round {round}, {way}: {text}");
        if output.status.success() {
            let made = comparable(&dump(&server, "ended"));
            assert_eq!(first(&made, expected), None, "round {round}, {way}: {text}");
        }
        server.sql("DROP DATABASE ended WITH (FORCE)");
    }
    assert!(lost > rounds / 2, "{lost}");
}

pub(crate) fn restart(server: &Server, mode: &str) {
    server.run("pg_ctl", &["-D", &server.path("data"), "-m", mode, "-w", "stop"]);
    server.restart();
}

#[test]
fn live_retry_after_the_server_is_restarted() {
    let Some(server) = Server::start("live_retry_after_the_server_is_restarted") else { return };
    let archives = archives(&server);
    let archive = &archives[0];
    let (expected, time) = undisturbed(&server, archive);
    let mut chance = Chance(11);
    let (mut crashes, mut lost) = (0, 0);
    for round in 0..40 {
        // Some restores end before the server does.
        if round >= if is_exhaustive() { 30 } else { 10 } && crashes > 0 && lost > 3 {
            break;
        }
        let (way, mode) = [
            ("-j3", "fast"),
            ("-j3", "immediate"),
            ("-j3 --without=async-commit", "immediate"),
            ("-j1 -", "fast"),
            ("--exact --retry=9 -j2", "immediate"),
        ][round % 5];
        let what = format!("round {round}, {way}, {mode}");
        server.create("restarted", "UTF8");
        let child = begin(&server, "restarted", way, archive);
        thread::sleep(time * (150 + chance.below(450)) / 1000);
        restart(&server, mode);
        let output = child.wait_with_output().unwrap();
        let text = said(&output);
        lost += text.matches("a connection is lost").count();
        let forgot = text.contains("the server has crashed meanwhile");
        assert!(!forgot || way == "-j3" && mode == "immediate", "{what}: {text}");
        crashes += usize::from(forgot);
        let too_early = is_too_early(&text);
        assert!(output.status.success() || forgot || too_early, "{what}: {text}");
        if output.status.success() {
            let made = comparable(&dump(&server, "restarted"));
            assert_eq!(first(&made, &expected), None, "{what}: {text}");
        } else {
            assert_eq!(output.status.code(), Some(1), "{what}");
        }
        server.sql("DROP DATABASE restarted WITH (FORCE)");
    }
    assert!(crashes > 0 && lost > 3, "{crashes}, {lost}");
}

/// Waits for something, but not for ever.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn live_retry_of_a_server_that_stays_away() {
    let Some(server) = Server::start("live_retry_of_a_server_that_stays_away") else { return };
    server.create("slow", "UTF8");
    let sql = "CREATE TABLE t (n int, f text); INSERT INTO t VALUES (1, 'x');";
    server.client("psql", &["-X", "-q", "-c", sql, "-d", "slow"]);
    let archive = server.path("slow.dump");
    server.client("pg_dump", &["-Fc", "-f", &archive, "slow"]);
    if server.root {
        Command::new("chmod").args(["a+r", &archive]).status().unwrap();
    }
    for (way, by_signal) in [("-j1 --retry=2", false), ("--retry=30", true), ("--retry=0", false)] {
        server.create("away", "UTF8");
        let table = "CREATE TABLE public.t (n int, f text)";
        server.client("psql", &["-X", "-q", "-c", table, "-d", "away"]);
        let lock = "BEGIN; LOCK public.t; SELECT pg_sleep(600)";
        let mut locker = server.command("psql");
        locker.args([
            "-h",
            &server.path(""),
            "-U",
            "postgres",
            "-X",
            "-q",
            "-c",
            lock,
            "-d",
            "away",
        ]);
        let mut locker = locker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND datname = 'away'";
        until("a lock", || server.sql(waits).trim() != "0");
        let options = format!("{way} --data-only --no-check -t t");
        let child = begin(&server, "away", &options, &archive);
        let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'away'";
        until("somebody who waits for it", || server.sql(blocked).trim() != "0");
        server.run("pg_ctl", &["-D", &server.path("data"), "-m", "fast", "-w", "stop"]);
        let _ = locker.wait();
        let begun = Instant::now();
        if by_signal {
            thread::sleep(Duration::from_millis(1500));
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{way}: {text}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{way}");
        let says = match (by_signal, way) {
            (true, _) => "terminated by user",
            (_, "--retry=0") => "terminating connection",
            _ => "could not connect again, 2 times: ",
        };
        assert!(text.contains(says), "{way}: {text}");
        server.restart();
        server.sql("DROP DATABASE away WITH (FORCE)");
    }
}
