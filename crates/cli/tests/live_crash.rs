//! A server that crashes has forgotten rows of unlogged tables, and a restore that goes on knows it.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::process::{Command, Output, Stdio};

use crate::live_fast_order::archive_of;
use crate::live_restore::{dump, first};
use crate::live_resume::comparable;
use crate::live_retry::restart;
use pgdmp_testkit::server::{Server, run};

/// Tables that a crash empties, with what would be in the way of their rows when they come again: a
/// trigger that changes them, and constraints that want an order.
const UNLOGGED: &str = "
    CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.t := NEW.t || NEW.t; RETURN NEW; END $$;
    CREATE UNLOGGED TABLE a_child (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k int, t text);
    CREATE UNLOGGED TABLE parent (id int PRIMARY KEY, t text);
    INSERT INTO parent SELECT g, 'p' FROM generate_series(1, 5000) g;
    INSERT INTO a_child (k, t) SELECT 1 + g % 5000, 'c' || g FROM generate_series(1, 9000) g;
    ALTER TABLE a_child ADD CONSTRAINT k_fkey FOREIGN KEY (k) REFERENCES parent;
    COMMENT ON CONSTRAINT k_fkey ON a_child IS 'the key';
    CREATE TRIGGER t BEFORE INSERT ON a_child FOR EACH ROW EXECUTE FUNCTION twice();
    COMMENT ON TRIGGER t ON a_child IS 'the trigger';
    CREATE VIEW seen AS SELECT p.id, a_child.t FROM a_child JOIN parent p ON p.id = k;
    CREATE TABLE parted (n int, t text) PARTITION BY HASH (n);
    CREATE UNLOGGED TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE UNLOGGED TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    INSERT INTO parted SELECT g, 'x' FROM generate_series(1, 3000) g;
    CREATE TABLE safe (id int PRIMARY KEY, t text);
    INSERT INTO safe SELECT g, 's' FROM generate_series(1, 500) g;
    CREATE PUBLICATION last FOR TABLE safe;
";

fn restore(server: &Server, options: &str, archive: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &server.path(""), "-U", "postgres", "-d", "made"]);
    command.args(options.split(' ')).arg(archive).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn psql(server: &Server, sql: &str) {
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d", "made"]);
}

/// Whatever makes the last object fails.
const STOP: &str = "
    CREATE FUNCTION public.stop() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'stopped'; END $$;
    CREATE EVENT TRIGGER stop ON ddl_command_start WHEN TAG IN ('CREATE PUBLICATION')
      EXECUTE FUNCTION public.stop()";
const GO: &str = "DROP EVENT TRIGGER stop; DROP FUNCTION public.stop()";

#[test]
fn live_crash_takes_rows_of_unlogged_tables_and_they_come_again() {
    let what = "live_crash_takes_rows_of_unlogged_tables_and_they_come_again";
    let Some(server) = Server::start(what) else { return };
    let copies = archive_of(&server, "origin", UNLOGGED).to_str().unwrap().to_owned();
    let archive = |name: &str, option: &str| {
        let path = server.path(name);
        server.client("pg_dump", &["-Fc", option, "-f", &path, "origin"]);
        if server.root {
            run(&mut Command::new("chmod"), &["a+r", &path]);
        }
        path
    };
    let inserts = archive("inserts.dump", "--inserts");
    let via_root = archive("via_root.dump", "--load-via-partition-root");
    if server.root {
        run(&mut Command::new("chmod"), &["a+rwx", &server.path("")]);
    }
    let expected = comparable(&dump(&server, "origin"));
    let journal = server.path("journal");
    for (archive, options, mode) in [
        (&copies, "-j2", "immediate"),
        (&copies, "-j2", "fast"),
        (&via_root, "-j1 --exact", "immediate"),
        (&inserts, "-j2 --without=freeze", "immediate"),
    ] {
        let options = format!("{options} --no-check --resume --journal={journal}");
        server.create("made", "UTF8");
        psql(&server, STOP);
        let output = restore(&server, &options, archive);
        assert_eq!(output.status.code(), Some(1), "{options}: {}", said(&output));
        assert!(said(&output).contains("stopped"), "{options}: {}", said(&output));
        for more in 0..2 {
            restart(&server, mode);
            if more == 0 {
                // And once more behind a run that was stopped again.
                let output = restore(&server, &options, archive);
                assert_eq!(output.status.code(), Some(1), "{options}: {}", said(&output));
                continue;
            }
            psql(&server, GO);
            let output = restore(&server, &options, archive);
            let text = said(&output);
            assert!(output.status.success(), "{options}, {mode}: {text}");
            let crashed = text.contains("the server has crashed, and lost rows of unlogged tables");
            assert_eq!(crashed, mode == "immediate", "{options}: {text}");
        }
        let made = comparable(&dump(&server, "made"));
        assert_eq!(first(&made, &expected), None, "{options}, {mode}");
        server.sql("DROP DATABASE made");
    }
}

/// Rows that were loaded by way of the root of partitions are not loaded again, nor left out, when
/// nobody said what came of them.
#[test]
fn live_crash_of_a_restore_by_way_of_roots() {
    let Some(server) = Server::start("live_crash_of_a_restore_by_way_of_roots") else { return };
    let sql = "
        CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'angry');
        CREATE TABLE moods (m mood, n int) PARTITION BY HASH (m);
        CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (MODULUS 3, REMAINDER 0);
        CREATE TABLE moods_1 PARTITION OF moods FOR VALUES WITH (MODULUS 3, REMAINDER 1);
        CREATE TABLE moods_2 PARTITION OF moods FOR VALUES WITH (MODULUS 3, REMAINDER 2);
        INSERT INTO moods SELECT (enum_range(NULL::mood))[1 + g % 4], g FROM generate_series(1, 900) g;
        CREATE PUBLICATION last FOR TABLE moods;";
    archive_of(&server, "origin", sql);
    let archive = server.path("via_root.dump");
    let args = ["-Fc", "--load-via-partition-root", "-f", &archive, "origin"];
    server.client("pg_dump", &args);
    if server.root {
        run(&mut Command::new("chmod"), &["a+rwx", &server.path(""), &archive]);
    }
    let expected = comparable(&dump(&server, "origin"));
    let journal = server.path("journal");
    let rows = |name: &[u8]| {
        let archive = pgdmp::Archive::open(&archive).unwrap();
        archive.toc().find(pgdmp::Desc::TABLE_DATA, Some(b"public"), name).unwrap().dump_id()
    };
    for options in ["-j3", "-j1 --exact"] {
        let options = format!("{options} --no-check --resume --journal={journal}");
        server.create("made", "UTF8");
        psql(&server, STOP);
        let output = restore(&server, &options, &archive);
        assert_eq!(output.status.code(), Some(1), "{options}: {}", said(&output));
        // As if it had been killed before it heard of two of them.
        let text = std::fs::read_to_string(&journal).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        for name in [b"moods_0", b"moods_2"] {
            let done = format!("done {}", rows(name));
            let before = lines.len();
            lines.retain(|line| *line != done);
            assert_eq!(lines.len(), before - 1, "{text}");
        }
        std::fs::write(&journal, lines.join("\n") + "\n").unwrap();
        psql(&server, GO);
        let output = restore(&server, &options, &archive);
        assert!(output.status.success(), "{options}: {}", said(&output));
        let made = comparable(&dump(&server, "made"));
        assert_eq!(first(&made, &expected), None, "{options}");
        server.sql("DROP DATABASE made");
    }
}
