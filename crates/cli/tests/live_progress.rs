//! How far a restore is: for people on a terminal and elsewhere, and for machines.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::live_fast_order::archive_of;
use crate::live_scripts::dumps;
use crate::terminal::terminal;
use pgdmp_testkit::server::Server;

fn restore(server: &Server, into: &str, archive: &Path, options: &[&str]) -> Command {
    let socket = server.path("");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &socket, "-U", "postgres", "-d", into, "--no-check"]);
    command.args(options).arg(archive).env("LC_ALL", "C").stdin(Stdio::null());
    command.env("PGOPTIONS", "-c log_statement=all");
    command
}

/// What was said: objects, and all other lines.
fn said(command: &mut Command) -> (Vec<Value>, Vec<String>, Option<i32>) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let (mut objects, mut others) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match line.starts_with('{') {
            true => objects.push(serde_json::from_str(line).unwrap()),
            false => others.push(line.to_owned()),
        }
    }
    (objects, others, output.status.code())
}

fn of<'v>(objects: &'v [Value], event: &str) -> Vec<&'v Value> {
    objects.iter().filter(|object| object["event"] == event).collect()
}

#[test]
fn each_line_is_an_object() {
    let Some(server) = Server::start("each_line_is_an_object") else { return };
    let archives = dumps(&server);
    for (name, encoding) in [("core.dump", "UTF8"), ("latin1.dump", "LATIN1"), ("odd.dump", "UTF8")]
    {
        let archive = archives.iter().find(|path| path.ends_with(name)).unwrap();
        let listed = pgdmp::Archive::open(archive).unwrap();
        let rows = listed.entries().filter(|entry| entry.desc() == pgdmp::Desc::TABLE_DATA).count();
        for options in [&["-j3"][..], &["-j1"], &["--exact"], &["--exact", "-j2"], &["-j2", "-v"]] {
            server.create("made", encoding);
            // The second time there are errors.
            for again in [false, true] {
                let options = [&["--progress=json", "--no-subscriptions"], options].concat();
                let mut command = restore(&server, "made", archive, &options);
                let (objects, others, code) = said(&mut command);
                let what = format!("{name} {options:?} {again}");
                let end = of(&objects, "end");
                assert_eq!(end.len(), 1, "{what}");
                assert_eq!(objects.last(), Some(end[0]), "{what}");
                let errors = end[0]["errors"].as_u64().unwrap();
                assert!(errors > 0 || !again, "{what}");
                let total = end[0]["bytes_total"].as_u64().unwrap();
                assert!(end[0]["bytes"].as_u64().unwrap() <= total, "{what}");
                assert_eq!(code, Some(i32::from(errors > 0)), "{what}");
                let last = format!("pgdmp: warning: errors ignored on restore: {errors}");
                assert_eq!(others, if errors > 0 { vec![last] } else { vec![] }, "{what}");
                assert_eq!(of(&objects, "plan").len(), 1);
                let mut open = HashMap::new();
                let mut began = 0;
                for object in &objects {
                    crate::support::schema::check(object, "restore-progress");
                    let item = object["item"].as_u64();
                    match object["event"].as_str().unwrap() {
                        "start" => {
                            assert_eq!(open.insert(item, object["tag"].clone()), None, "{what}");
                            began += usize::from(object["desc"] == "TABLE DATA");
                        }
                        "finish" => {
                            assert_eq!(open.remove(&item), Some(object["tag"].clone()), "{what}");
                            assert!(object["errors"].is_u64() && object["seconds"].is_number());
                        }
                        _ => {}
                    }
                }
                assert!(open.is_empty() && began == rows, "{what}: {open:?} {began} of {rows}");
                let of_errors =
                    of(&objects, "message").iter().filter(|m| m["level"] == "error").count();
                assert_eq!(of_errors > 0, errors > 0, "{what}");
            }
            server.sql("DROP DATABASE IF EXISTS made WITH (FORCE)");
        }
    }
    // Who did not ask is told nothing, and the server is not asked.
    let archive = archives.iter().find(|path| path.ends_with("core.dump")).unwrap();
    for options in [&["-j3"][..], &["--exact", "-j3"], &["-j3", "--progress=none"]] {
        server.create("made", "UTF8");
        let log = || std::fs::read(server.path("log")).unwrap();
        let before = log().len();
        let options = &[&["--no-subscriptions"], options].concat();
        let (objects, _, _) = said(&mut restore(&server, "made", archive, options));
        assert_eq!(objects.len(), 0);
        let text = log().split_off(before);
        assert!(!String::from_utf8_lossy(&text).contains("pg_backend_pid"));
        server.sql("DROP DATABASE made");
    }
}

/// An index that takes 12 seconds.
const SLOW: &str = "CREATE TABLE wide (id int, t text) WITH (fillfactor = 10);
    INSERT INTO wide SELECT n, repeat('x', 300) FROM generate_series(1, 3000) n;
    CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
        'BEGIN PERFORM pg_sleep(0.004); RETURN $1; END';
    CREATE INDEX slow_index ON wide (slow(id));";

#[test]
fn indexes_show_how_far_they_are() {
    let Some(server) = Server::start("indexes_show_how_far_they_are") else { return };
    // A dump has the function as it is in the end; the index was made when it took no time.
    let later = SLOW.split_once("CREATE FUNCTION").unwrap().1;
    let later = later.split_once("CREATE INDEX").unwrap().0;
    let sql = format!("{}; CREATE OR REPLACE FUNCTION{later}", SLOW.replace("0.004", "0"));
    let archive = archive_of(&server, "slow", &sql);
    for database in ["a", "b", "c", "d"] {
        server.create(database, "UTF8");
    }
    thread::scope(|scope| {
        let (server, archive) = (&server, &archive);
        // For machines.
        scope.spawn(move || {
            let (objects, others, code) =
                said(&mut restore(server, "a", archive, &["-j2", "--progress=json"]));
            assert_eq!((others.len(), code), (0, Some(0)));
            let mut shares = Vec::new();
            for summary in of(&objects, "summary") {
                for running in summary["running"].as_array().unwrap() {
                    assert_eq!(running["tag"], "slow_index");
                    shares.extend(running["share"].as_f64());
                }
            }
            assert!(shares.len() > 2 && shares.is_sorted(), "{shares:?}");
            assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
            let middle = of(&objects, "summary")[3];
            assert!(middle["seconds_left"].as_f64().is_some_and(|left| left < 60.0), "{middle}");
        });
        // Exactly as pg_restore: nobody asks how far it is.
        scope.spawn(move || {
            let (objects, _, code) =
                said(&mut restore(server, "b", archive, &["-j2", "--exact", "--progress=json"]));
            assert_eq!(code, Some(0));
            let running = &of(&objects, "summary")[3]["running"][0];
            assert_eq!(running["share"], Value::Null, "{running}");
        });
        // For people, in a file.
        scope.spawn(move || {
            let mut command = restore(server, "c", archive, &["-j2", "--progress"]);
            let output = command.output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            let line = text.lines().next().unwrap_or_default();
            assert!(line.starts_with("pgdmp: ") && line.contains(" entries, "), "{text}");
            assert!(line.contains("1 running (longest: INDEX public.slow_index, "), "{text}");
        });
        // On a terminal, without being asked.
        scope.spawn(move || {
            let (mut screen, program) = terminal();
            let mut command = restore(server, "d", archive, &["-j2"]);
            command.stdout(program.try_clone().unwrap()).stderr(program);
            let mut child = command.spawn().unwrap();
            drop(command);
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut piece) {
                bytes.extend_from_slice(&piece[..n]);
            }
            assert!(child.wait().unwrap().success());
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains("INDEX public.slow_index, "), "{text}");
            assert!(text.contains("% built") && text.contains(" left"), "{text}");
        });
    });
}
