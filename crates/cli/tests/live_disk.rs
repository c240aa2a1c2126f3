//! A server whose disk is full: the restore ends as a failure, and goes on when there is room.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::live_fast_order::archive_of;
use crate::live_restore::{dump, first};
use pgdmp_testkit::effort::skipped;
use pgdmp_testkit::server::{Server, run};

/// About 30 MB, of which 20 are one table, and indexes.
const TABLES: &str = "
    CREATE TABLE small (id int PRIMARY KEY, t text);
    INSERT INTO small SELECT n, n FROM generate_series(1, 1000) n;
    CREATE TABLE large (id int PRIMARY KEY, t text);
    INSERT INTO large SELECT n, repeat(md5(n::text), 10) FROM generate_series(1, 60000) n;
    CREATE INDEX ON large (t);
    CREATE TABLE refers (id int REFERENCES large);
    INSERT INTO refers SELECT n FROM generate_series(1, 50000) n;
    CREATE MATERIALIZED VIEW again AS SELECT * FROM large WHERE id < 1000;
    SELECT lo_from_bytea(5000, convert_to(repeat('x', 100000), 'UTF8'));";

/// A file system of its own in memory, for who may mount one.
struct Small {
    folder: String,
}

impl Small {
    fn new(server: &Server, name: &str) -> Option<Small> {
        if !server.root {
            skipped("a full disk: only root can mount a small file system");
            return None;
        }
        let folder = server.path(name);
        fs::create_dir(&folder).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=16m,mode=0700", "pgdmp-test", &folder];
        let mounted = Command::new("mount").args(mount).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            skipped("a full disk: a small file system cannot be mounted here");
            return None;
        }
        let small = Small { folder };
        run(&mut Command::new("chown"), &["postgres", &small.folder]);
        Some(small)
    }

    fn grow(&self, size: &str) {
        let size = format!("remount,size={size}");
        run(&mut Command::new("mount"), &["-o", &size, &self.folder]);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // The server may still have files there.
        let _ = Command::new("umount").args(["-l", &self.folder]).status();
    }
}

fn restore(server: &Server, into: &str, archive: &Path, options: &[&str]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.args(["restore", "-h", &server.path(""), "-U", "postgres", "-d", into]);
    command.args(options).arg(archive).env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

#[test]
fn a_full_disk_is_a_failure_and_can_be_resumed() {
    let Some(server) = Server::start("a_full_disk_is_a_failure_and_can_be_resumed") else { return };
    let Some(small) = Small::new(&server, "small") else { return };
    let archive = archive_of(&server, "origin", TABLES);
    server.create("whole", "UTF8");
    let (output, said) = restore(&server, "whole", &archive, &["--exact"]);
    assert!(output.status.success(), "{said}");
    let expected = dump(&server, "whole");
    server.sql(&format!("CREATE TABLESPACE small LOCATION '{}'", small.folder));
    let ways: &[&[&str]] = &[
        &["-j1"],
        &["-j3"],
        &["-j3", "--split=always"],
        &["--exact"],
        &["--exact", "-j2"],
        &["-j2", "-e"],
    ];
    for way in ways {
        server.sql("CREATE DATABASE made TEMPLATE template0 TABLESPACE small ENCODING 'UTF8'");
        let (output, said) = restore(&server, "made", &archive, way);
        assert_eq!(output.status.code(), Some(1), "{way:?}: {said}");
        assert!(said.contains("No space left on device"), "{way:?}: {said}");
        // A table that cannot even be emptied is the end, as is the first error with `-e`.
        let ends = ["errors ignored on restore: ", "a worker process died unexpectedly"];
        assert_eq!(ends.iter().filter(|end| said.contains(*end)).count(), 1, "{way:?}: {said}");
        // All rows of a table or none.
        let count = "SELECT count(*) FROM large";
        let count = server.client("psql", &["-X", "-q", "-At", "-c", count, "-d", "made"]);
        assert!(["0", "60000"].contains(&count.trim()), "{way:?}: {count}");
        server.sql("DROP DATABASE made WITH (FORCE)");
    }
    for way in ways {
        server.sql("CREATE DATABASE made TEMPLATE template0 TABLESPACE small ENCODING 'UTF8'");
        let journal = server.path("journal");
        let options = [way, &["--resume", "--journal", &journal][..]].concat();
        for _ in 0..2 {
            let (output, said) = restore(&server, "made", &archive, &options);
            assert_eq!(output.status.code(), Some(1), "{way:?}: {said}");
            assert!(said.contains("No space left on device"), "{way:?}: {said}");
            assert!(Path::new(&journal).exists());
        }
        small.grow("200m");
        let (output, said) = restore(&server, "made", &archive, &options);
        assert!(output.status.success() && said.is_empty(), "{way:?}: {said}");
        assert_eq!(first(&sorted(&dump(&server, "made")), &sorted(&expected)), None, "{way:?}");
        assert!(!Path::new(&journal).exists());
        server.sql("DROP DATABASE made WITH (FORCE)");
        // What was deleted is deleted when the server says so.
        server.sql("CHECKPOINT");
        small.grow("16m");
    }
    server.sql("DROP TABLESPACE small");
}

/// Our own disk: what cannot be noted any more is the end, and is called by its name.
#[test]
fn a_full_disk_of_the_journal_is_the_end() {
    let Some(server) = Server::start("a_full_disk_of_the_journal_is_the_end") else { return };
    let Some(small) = Small::new(&server, "notes") else { return };
    let tables: String = (0..300)
        .map(|n| format!("CREATE TABLE t{n} (n int);INSERT INTO t{n} VALUES ({n});"))
        .collect();
    let archive = archive_of(&server, "origin", &tables);
    let journal = format!("{}/journal", small.folder);
    for way in [&["-j1"][..], &["-j3"], &["--exact", "-j2"]] {
        server.create("made", "UTF8");
        small.grow("8k");
        let options = [way, &["--resume", "--journal", &journal][..]].concat();
        let (output, said) = restore(&server, "made", &archive, &options);
        assert_eq!(output.status.code(), Some(1), "{way:?}: {said}");
        let error = format!("pgdmp: error: could not write to the journal \"{journal}\": No space");
        assert!(said.starts_with(&error), "{way:?}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{way:?}: {said}");
        small.grow("16m");
        let (output, said) = restore(&server, "made", &archive, &options);
        assert!(output.status.success() && said.is_empty(), "{way:?}: {said}");
        let rows = "SELECT sum((xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM ' \
                    || oid::regclass, false, true, '')))[1]::text::int) FROM pg_class WHERE relname ~ \
                    '^t[0-9]+$'";
        let rows = server.client("psql", &["-X", "-q", "-At", "-c", rows, "-d", "made"]);
        assert_eq!(rows.trim(), "300", "{way:?}");
        server.sql("DROP DATABASE made WITH (FORCE)");
    }
}

/// Dealt rows come in another order.
fn sorted(script: &str) -> String {
    let mut lines: Vec<&str> = script.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}
