//! `pg_upgrade` with this program as its pg_restore: the cluster that is made has what the old one
//! has, OIDs and files included. Its pg_restore runs against a server in binary upgrade mode.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use pgdmp_testkit::effort::{is_exhaustive, skipped};
use pgdmp_testkit::server::{Server, run};

const OBJECTS: &str = "
    CREATE EXTENSION IF NOT EXISTS plpgsql;
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TYPE range AS RANGE (subtype = float8);
    CREATE TABLE parent (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, t text DEFAULT 'x');
    INSERT INTO parent (m) SELECT 'ok' FROM generate_series(1, 100);
    ALTER TABLE parent DROP COLUMN t;
    ALTER TABLE parent ADD COLUMN n numeric DEFAULT 5;
    CREATE TABLE child (p int REFERENCES parent, big text);
    INSERT INTO child SELECT g, repeat(md5(g::text), 200) FROM generate_series(1, 100) g;
    CREATE INDEX ON child (p);
    CREATE TABLE heir () INHERITS (child);
    CREATE TABLE parted (a int, b text) PARTITION BY RANGE (a);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (50);
    CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
    INSERT INTO parted SELECT g, g FROM generate_series(1, 99) g;
    CREATE UNLOGGED TABLE unlogged (id int);
    INSERT INTO unlogged VALUES (1);
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM child;
    CREATE VIEW seen AS SELECT * FROM parent JOIN child ON p = id;
    CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
    SELECT lo_from_bytea(4711, 'large');
    CREATE PUBLICATION pub FOR TABLE parent";

/// What the files of a cluster are found by.
const CATALOGS: &str = "
    SELECT oid, relfilenode, relname FROM pg_class WHERE oid >= 16384 ORDER BY 1;
    SELECT oid, typname, typarray FROM pg_type WHERE oid >= 16384 ORDER BY 1;
    SELECT oid, enumlabel, enumtypid FROM pg_enum ORDER BY 1;
    SELECT oid, datname FROM pg_database WHERE oid >= 16384 ORDER BY 1";

fn contents(server: &Server) -> String {
    let all = server.client("pg_dumpall", &[]);
    let all: Vec<&str> = all.lines().filter(|line| !line.contains("restrict ")).collect();
    let catalogs = ["db", "Odd \"name\"", "template1"].map(|database| {
        server.client("psql", &["-X", "-q", "-At", "-c", CATALOGS, "-d", database])
    });
    all.join("\n") + &catalogs.concat()
}

#[test]
fn live_upgrade_with_this_program() {
    if !is_exhaustive() {
        skipped("live_upgrade_with_this_program: takes long, and runs with PGDMP_EXHAUSTIVE=1");
        return;
    }
    let Some(server) = Server::start("live_upgrade_with_this_program") else { return };
    let bin = server.program("");
    if server.release() < 15 || !bin.join("pg_upgrade").exists() {
        skipped("live_upgrade_with_this_program: there is no pg_upgrade that keeps OIDs");
        return;
    }
    server.sql("CREATE ROLE owner");
    server.sql("CREATE DATABASE db OWNER owner");
    server.sql("CREATE DATABASE \"Odd \"\"name\"\"\"");
    server.sql("ALTER DATABASE db SET work_mem = '5MB'");
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", OBJECTS, "-d", "db"]);
    server.client("psql", &["-X", "-q", "-c", "CREATE TABLE t (n int)", "-d", "template1"]);
    let before = contents(&server);

    // Its programs, and another pg_restore: this one, which has another version.
    let ours = server.path("ours");
    fs::create_dir_all(format!("{ours}/aside")).unwrap();
    for program in fs::read_dir(&bin).unwrap() {
        let program = program.unwrap().path();
        let name = program.file_name().unwrap().to_str().unwrap();
        if name != "pg_restore" {
            symlink(&program, format!("{ours}/{name}")).unwrap();
        }
    }
    fs::copy(env!("CARGO_BIN_EXE_pgdmp"), format!("{ours}/aside/pg_restore")).unwrap();
    let calls = server.path("calls");
    fs::write(&calls, "").unwrap();
    fs::set_permissions(&calls, fs::Permissions::from_mode(0o666)).unwrap();
    let real = bin.join("pg_restore");
    let script = format!(
        "#!/bin/sh\ncase $1 in -V|--version) exec '{}' \"$@\";; esac\n\
         echo \"$@\" >> '{calls}'\nexec '{ours}/aside/pg_restore' \"$@\"\n",
        real.display()
    );
    fs::write(format!("{ours}/pg_restore"), script).unwrap();
    for program in ["pg_restore", "aside/pg_restore"] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(format!("{ours}/{program}"), mode).unwrap();
    }

    let [old, new, data] = ["old", "new", "data"].map(|name| server.path(name));
    server.run("pg_ctl", &["-D", &data, "-m", "fast", "-w", "stop"]);
    fs::rename(&data, &old).unwrap();
    let args = ["-D", &new, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"];
    server.run("initdb", &args);
    let socket = server.path("");
    let their_bin = bin.to_str().unwrap();
    let folders = ["-b", their_bin, "-B", &ours, "-d", &old, "-D", &new, "-s", &socket];
    let mut upgrade = server.command("pg_upgrade");
    run(upgrade.args(folders).args(["-U", "postgres", "-p", "6001", "-P", "6002"]), &[]);
    fs::rename(&new, &data).unwrap();
    server.restart();

    let after = contents(&server);
    let mut lines = before.lines().zip(after.lines());
    assert_eq!(lines.find(|(before, after)| before != after), None);
    assert_eq!(before.len(), after.len());
    let calls = fs::read_to_string(&calls).unwrap();
    assert_eq!(calls.matches("--create --exit-on-error --verbose").count(), 4, "{calls}");
}
