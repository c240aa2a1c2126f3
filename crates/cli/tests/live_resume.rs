//! `restore --resume`: a restore that is killed at any moment, and goes on.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::live_fast_order::sorted_rows;
use crate::live_restore::{dump, first};
use pgdmp_testkit::effort::is_exhaustive;
use pgdmp_testkit::server::Server;

/// What takes some time to restore, with data that would not notice when it came twice.
const MORE: &str = "
    CREATE TABLE parent (id int PRIMARY KEY, t text);
    INSERT INTO parent SELECT g, repeat('x', 50) FROM generate_series(1, 20000) g;
    CREATE TABLE loose (n int, t text);
    INSERT INTO loose SELECT g % 100, 'some text' FROM generate_series(1, 30000) g;
    CREATE INDEX loose_n ON loose (n);
    DO $$ BEGIN FOR i IN 1 .. 25 LOOP
      EXECUTE format('CREATE TABLE child_%s (id int UNIQUE, p int REFERENCES parent, t text)', i);
      EXECUTE format('INSERT INTO child_%s SELECT g, g, ''row'' FROM generate_series(1, 700) g', i);
      EXECUTE format('CREATE INDEX ON child_%s (t)', i);
      EXECUTE format('COMMENT ON TABLE child_%s IS ''number %s''', i, i);
      EXECUTE format('GRANT SELECT ON child_%s TO PUBLIC', i);
    END LOOP; END $$;
    CREATE MATERIALIZED VIEW counted AS SELECT n, count(*) FROM loose GROUP BY n ORDER BY n;
    CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
    CREATE TRIGGER t AFTER INSERT ON loose FOR EACH ROW WHEN (false)
      EXECUTE FUNCTION suppress_redundant_updates_trigger();
    CREATE POLICY mine ON loose USING (n > 3);
    CREATE PUBLICATION news FOR TABLE loose;
    SELECT lo_from_bytea(0, decode(repeat('00ff', g), 'hex')) FROM generate_series(1, 200) g;
";

/// Rows that find their way from the root of partitioned tables, which would not notice when they
/// came twice.
const VIA_ROOT: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'angry', 'calm', 'tired');
    CREATE TABLE moods (m mood, n int) PARTITION BY HASH (m);
    DO $$ BEGIN FOR i IN 0 .. 7 LOOP
      EXECUTE format('CREATE TABLE moods_%s PARTITION OF moods
                      FOR VALUES WITH (MODULUS 8, REMAINDER %s)', i, i);
    END LOOP; END $$;
    INSERT INTO moods SELECT (enum_range(NULL::mood))[1 + g % 6], g % 50 FROM generate_series(1, 40000) g;
    CREATE INDEX ON moods (n);
";

/// A dump as text whose rows have no order, and those of `moods` no partition: in which one they are
/// is another matter in each database.
pub(crate) fn comparable(script: &str) -> String {
    let (mut text, mut moods, mut is_moods) = (String::new(), Vec::new(), false);
    for line in script.split_inclusive('\n') {
        if is_moods && line != "\\.\n" {
            moods.push(line);
            continue;
        }
        is_moods = line.starts_with("COPY public.moods");
        text += line;
    }
    moods.sort_unstable();
    sorted_rows(&text) + &moods.concat()
}

/// An archive whose rows come by way of the root.
fn dump_via_root(server: &Server) -> String {
    server.create("origin_via_root", "UTF8");
    let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", VIA_ROOT, "-d", "origin_via_root"];
    server.client("psql", &args);
    let path = server.path("via_root.dump");
    let args = ["-Fc", "--load-via-partition-root", "-f", &path, "-d", "origin_via_root"];
    server.client("pg_dump", &args);
    path
}

/// Archives of one database, and one of another.
pub(crate) fn archives(server: &Server) -> Vec<String> {
    server.create("origin", "UTF8");
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", MORE, "-d", "origin"]);
    let dump = |name: &str, options: &[&str]| {
        let path = server.path(name);
        let mut args = options.to_vec();
        args.extend(["-f", &path, "-d", "origin"]);
        server.client("pg_dump", &args);
        path
    };
    let all = vec![
        dump("all.dump", &["-Fc", "-Z1"]),
        dump("dir", &["-Fd"]),
        dump("inserts.dump", &["-Fc", "--inserts", "--rows-per-insert=500"]),
        dump_via_root(server),
    ];
    if server.root {
        // Made by another user, for nobody else to read.
        Command::new("chmod").args(["-R", "a+rX"]).args(&all).status().unwrap();
    }
    all
}

fn restore(server: &Server, database: &str, options: &[&str], archive: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &server.path(""), "-U", "postgres", "-d", database]);
    command.args(options).arg(archive).stdin(Stdio::null());
    command
}

fn done(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
}

/// Wherever it is killed, what is there in the end is what is there without that.
#[test]
fn killed_at_any_moment() {
    let Some(server) = Server::start("killed_at_any_moment") else { return };
    let archives = archives(&server);
    let wanted = if is_exhaustive() { 25 } else { 12 };
    let ways: &[&[&str]] = &[&["-j3"], &["-j1"], &["--exact", "-j2"], &["--exact"]];
    let (mut kills, mut round, mut seed) = (0, 0, 0x1234_5678_u64);
    let mut whole = Vec::new();
    for archive in &archives {
        let name = format!("whole_{}", whole.len());
        server.create(&name, "UTF8");
        let start = Instant::now();
        done(&restore(&server, &name, &["-j2"], archive).output().unwrap());
        whole.push((comparable(&dump(&server, &name)), start.elapsed()));
    }
    while kills < wanted {
        let (way, which) = (ways[round % ways.len()], round % archives.len());
        let (archive, (expected, time)) = (&archives[which], &whole[which]);
        let (name, journal) = (format!("round_{round}"), server.path(&format!("journal_{round}")));
        server.create(&name, "UTF8");
        let options = [way, &["--resume", "--journal", &journal]].concat();
        let mut complete = false;
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let part = u32::try_from(seed >> 40).unwrap();
            let moment = *time * (part % 1000) / 900;
            let mut command = restore(&server, &name, &options, archive);
            let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
            thread::sleep(moment);
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // Killed between its end and its exit: the next one is another one.
            complete |= said.contains("already exists");
            assert!(said.is_empty() || complete, "{options:?}, killed after {moment:?}: {said}");
            if output.status.success() {
                break;
            }
            kills += 1;
        }
        let output = restore(&server, &name, &options, archive).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // Another one, into what is there, adds nothing.
        complete |= said.contains("already exists") && said.contains("has rows");
        assert!(output.status.success() || complete, "round {round}, {options:?}: {said}");
        let made = comparable(&dump(&server, &name));
        assert_eq!(first(&made, expected), None, "round {round}, {options:?}");
        server.sql(&format!("DROP DATABASE {name}"));
        round += 1;
    }
}

/// What failed is tried again; what was in the way before stays an error.
#[test]
fn what_failed_is_tried_again() {
    let Some(server) = Server::start("what_failed_is_tried_again") else { return };
    let archives = archives(&server);
    let archive = &archives[0];
    server.create("whole", "UTF8");
    done(&restore(&server, "whole", &[], archive).output().unwrap());
    server.create("db", "UTF8");
    server.client("psql", &["-X", "-q", "-c", "CREATE TABLE child_7 (other int)", "-d", "db"]);
    let missing = restore(&server, "nosuch", &["--resume"], archive).output().unwrap();
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(said.contains("\"nosuch\" does not exist\npgdmp: hint: create it"), "{said}");
    for (options, is_first) in [(&["--resume"][..], true), (&["--resume", "-j3"], false)] {
        let output = restore(&server, "db", options, archive).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("relation \"child_7\" already exists"), "{said}");
        assert!(!said.contains("relation \"child_8\" already exists"), "{said}");
        // What was there before the first run is told of before anything is written.
        assert_eq!(said.contains("1 object is in the database already"), is_first, "{said}");
    }
    // Other options, another archive, another database: none of these goes on with it.
    for (database, options, archive, reason) in [
        ("db", &["-x"][..], archive, "with other options"),
        ("db", &["--exact"], archive, "with other options"),
        ("db", &[], &archives[1], "of another archive"),
        ("whole", &[], archive, "into another database"),
    ] {
        let journal = format!("{}.db.pgdmp-journal", archives[0]);
        let options = [options, &["--resume", "--journal", &journal]].concat();
        let output = restore(&server, database, &options, archive).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(reason), "{said}");
    }
    let output =
        restore(&server, "db", &["--journal", &format!("{archive}.db.pgdmp-journal")], archive);
    let said = String::from_utf8({ output }.output().unwrap().stderr).unwrap();
    assert!(said.contains("of a restore that did not end"), "{said}");

    server.client("psql", &["-X", "-q", "-c", "DROP TABLE child_7", "-d", "db"]);
    done(&restore(&server, "db", &["--resume"], archive).output().unwrap());
    assert_eq!(first(&dump(&server, "db"), &dump(&server, "whole")), None);
    assert!(!Path::new(&format!("{archive}.db.pgdmp-journal")).exists());
}

/// What the journal does not have as done, and the server has, is told of with `-v`.
#[test]
fn what_is_taken_for_done_is_told() {
    let Some(server) = Server::start("what_is_taken_for_done_is_told") else { return };
    let archive = &archives(&server)[0];
    server.create("db", "UTF8");
    server.client("psql", &["-X", "-q", "-c", "CREATE TABLE child_7 (other int)", "-d", "db"]);
    let journal = server.path("journal");
    let options = ["--resume", "--journal", &journal];
    let output = restore(&server, "db", &options, archive).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    // As if the run had been killed before it noted this.
    let opened = pgdmp::Archive::open(archive).unwrap();
    let id = |desc, name: &[u8]| opened.toc().find(desc, Some(b"public"), name).unwrap().dump_id();
    let parent = id(pgdmp::Desc::TABLE, b"parent");
    let index = id(pgdmp::Desc::INDEX, b"loose_n");
    let noted = std::fs::read_to_string(&journal).unwrap();
    let lost = [parent, index].map(|id| format!("done {id}\n"));
    assert!(lost.iter().all(|line| noted.contains(line)), "{noted}");
    let noted = lost.iter().fold(noted, |noted, line| noted.replace(line, ""));
    std::fs::write(&journal, noted).unwrap();
    server.client("psql", &["-X", "-q", "-c", "DROP TABLE child_7", "-d", "db"]);
    let options = [&options[..], &["-v"]].concat();
    let output = restore(&server, "db", &options, archive).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for name in ["parent", "loose_n"] {
        let line = format!(
            "pgdmp: taken for done by the earlier run: ERROR:  relation \"{name}\" already exists\n"
        );
        assert_eq!(said.matches(&line).count(), 1, "{said}");
    }
    assert_eq!(said.matches("taken for done").count(), 2, "{said}");
}

/// A constraint that the rows do not keep is an error each time.
#[test]
fn wrong_rows_stay_an_error() {
    let Some(server) = Server::start("wrong_rows_stay_an_error") else { return };
    let archives = archives(&server);
    for (database, more) in [("fast", &[][..]), ("exact", &["--exact"])] {
        server.create(database, "UTF8");
        let sections = [more, &["--section=pre-data", "--section=data"]].concat();
        done(&restore(&server, database, &sections, &archives[0]).output().unwrap());
        let sql = "INSERT INTO child_3 VALUES (5, 5, 'twice')";
        server.client("psql", &["-X", "-q", "-c", sql, "-d", database]);
        let options = [more, &["--section=post-data", "--resume"]].concat();
        for _ in 0..2 {
            let output = restore(&server, database, &options, &archives[0]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("could not create unique index \"child_3_id_key\""), "{said}");
        }
        let sql = "DELETE FROM child_3 WHERE t = 'twice'";
        server.client("psql", &["-X", "-q", "-c", sql, "-d", database]);
        done(&restore(&server, database, &options, &archives[0]).output().unwrap());
        let sql = "SELECT count(*) FROM pg_constraint WHERE conname = 'child_3_id_key'";
        assert_eq!(server.client("psql", &["-X", "-At", "-c", sql, "-d", database]).trim(), "1");
    }
}

/// Rows never come twice into a table that was there before.
#[test]
fn rows_do_not_come_twice() {
    let Some(server) = Server::start("rows_do_not_come_twice") else { return };
    let archives = archives(&server);
    for (n, archive) in [&archives[0], &archives[2]].into_iter().enumerate() {
        let name = format!("there_{n}");
        server.create(&name, "UTF8");
        done(&restore(&server, &name, &["-s"], archive).output().unwrap());
        // Its last row cannot be had.
        let sql = "ALTER TABLE loose ADD CHECK (n <> 99)";
        server.client("psql", &["-X", "-q", "-c", sql, "-d", &name]);
        let journal = server.path(&format!("there_{n}.journal"));
        let options = ["-a", "--table=loose", "--resume", "--journal", &journal];
        let output = restore(&server, &name, &options, archive).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("violates check constraint"));
        let sql = "ALTER TABLE loose DROP CONSTRAINT loose_n_check; \
                   INSERT INTO loose VALUES (1, 'mine')";
        server.client("psql", &["-X", "-q", "-c", sql, "-d", &name]);
        let output = restore(&server, &name, &options, archive).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("table \"public\".\"loose\" has rows"), "{said}");
        let options = [&options[..], &["--resume-reload"]].concat();
        done(&restore(&server, &name, &options, archive).output().unwrap());
        let count = "SELECT count(*) FROM loose";
        let count = server.client("psql", &["-X", "-q", "-At", "-c", count, "-d", &name]);
        assert_eq!(count.trim(), "30000");
    }
}

/// A table that was there before is never emptied, even if the process died where it was to be
/// made.
#[test]
fn what_was_there_before_is_not_emptied() {
    let Some(server) = Server::start("what_was_there_before_is_not_emptied") else { return };
    let archives = archives(&server);
    server.create("db", "UTF8");
    let sql = "CREATE TABLE loose (n int, t text); INSERT INTO loose VALUES (1, 'mine')";
    server.client("psql", &["-X", "-q", "-c", sql, "-d", "db"]);
    let journal = server.path("before.journal");
    let options = ["--resume", "--journal", &journal];
    let output = restore(&server, "db", &options, &archives[0]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    // As if it had been killed behind this line.
    let archive = pgdmp::Archive::open(&archives[0]).unwrap();
    let table = archive.toc().find(pgdmp::Desc::TABLE, Some(b"public"), b"loose").unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    let line = format!("\nbegin {}\n", table.dump_id());
    let end = text.find(&line).unwrap() + line.len();
    std::fs::write(&journal, &text[..end]).unwrap();
    for _ in 0..2 {
        let output = restore(&server, "db", &options, &archives[0]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("relation \"loose\" already exists"), "{said}");
        let rows = server.client("psql", &["-X", "-At", "-c", "SELECT t FROM loose", "-d", "db"]);
        assert_eq!(rows.trim(), "mine");
    }
}

/// A journal is nobody's way to other files.
#[cfg(unix)]
#[test]
fn a_journal_is_a_file_of_ones_own() {
    let Some(server) = Server::start("a_journal_is_a_file_of_ones_own") else { return };
    let archives = archives(&server);
    let folder = tempfile::tempdir().unwrap();
    let (victim, link) = (folder.path().join("victim"), folder.path().join("link"));
    std::fs::write(&victim, "precious\n").unwrap();
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let fifo = folder.path().join("fifo");
    Command::new("mkfifo").arg(&fifo).status().unwrap();
    server.create("db", "UTF8");
    for path in [&link, &victim, &fifo] {
        let options = ["--resume", "--journal", path.to_str().unwrap()];
        let start = Instant::now();
        let output = restore(&server, "db", &options, &archives[0]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the journal"), "{said}");
        assert!(start.elapsed() < Duration::from_secs(20));
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious\n");
    }
}
