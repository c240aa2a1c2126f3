//! What is restored.

use std::path::Path;
use std::process::Command;

use crate::server::{Server, run};
use crate::{Options, Result};

pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether the server is a millisecond away.
    pub(crate) far: bool,
    how: How,
    /// The archive's name: kinds of work may share one.
    archive: &'static str,
    /// How many large tables there are, which share the size.
    tables: u64,
    /// What makes what is dumped, a transaction each. `ROWS` are the rows of a table, `COUNT` is the
    /// number of tables, `OBJECTS` that of large objects.
    sql: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// `pg_dump -Fd`, restored over so many connections as wanted.
    Parallel,
    /// `pg_dump -Fc` through a pipe, which has no offsets.
    Piped,
    /// `pg_dump -Fc`, restored over one connection.
    Serial,
}

/// A row is about 100 bytes.
pub(crate) const ROWS: &str = "SELECT g AS id, mod(g, 1000) AS n, md5(g::text) AS a, md5((g + 7)::text) AS b, \
                   to_timestamp(g) AS at FROM generate_series(1, SIZE) g";

pub(crate) const WORK: &[Work] = &[
    Work {
        name: "one-table",
        about: "one large table without indexes",
        far: false,
        how: How::Parallel,
        archive: "one",
        tables: 1,
        sql: &["CREATE TABLE one AS ROWS"],
    },
    Work {
        name: "one-table-serial",
        about: "the same over one connection, gzip",
        far: false,
        how: How::Serial,
        archive: "one.dump",
        tables: 1,
        sql: &["CREATE TABLE one AS ROWS"],
    },
    Work {
        name: "even-tables",
        about: "20 even tables with two indexes each",
        far: false,
        how: How::Parallel,
        archive: "even",
        tables: 20,
        sql: &["DO $$ BEGIN FOR i IN 1 .. 20 LOOP \
              EXECUTE format('CREATE TABLE even_%s AS ROWS', i); \
              EXECUTE format('CREATE INDEX ON even_%s (id)', i); \
              EXECUTE format('CREATE INDEX ON even_%s (a)', i); END LOOP; END $$"],
    },
    Work {
        name: "keys",
        about: "one table with a primary key, 3 unique constraints and 4 indexes",
        far: false,
        how: How::Parallel,
        archive: "keys",
        tables: 1,
        sql: &[
            "CREATE TABLE keys AS ROWS; ALTER TABLE keys ADD PRIMARY KEY (id), ADD UNIQUE (a), \
              ADD UNIQUE (b), ADD UNIQUE (at); CREATE INDEX ON keys (n); CREATE INDEX ON keys (n, a); \
              CREATE INDEX ON keys (b, n); CREATE INDEX ON keys (at, n)",
        ],
    },
    Work {
        name: "children",
        about: "50 children of one parent, with foreign keys",
        far: false,
        how: How::Parallel,
        archive: "children",
        tables: 51,
        sql: &["CREATE TABLE parent AS ROWS; ALTER TABLE parent ADD PRIMARY KEY (id); \
              DO $$ BEGIN FOR i IN 1 .. 50 LOOP \
              EXECUTE format('CREATE TABLE child_%s AS ROWS', i); \
              EXECUTE format('ALTER TABLE child_%s ADD FOREIGN KEY (id) REFERENCES parent', i); \
              END LOOP; END $$"],
    },
    Work {
        name: "schema",
        about: "definitions of many tables",
        far: false,
        how: How::Parallel,
        archive: "schema",
        tables: 0,
        sql: MANY,
    },
    Work {
        name: "schema-far",
        about: "the same, a millisecond away",
        far: true,
        how: How::Parallel,
        archive: "schema",
        tables: 0,
        sql: MANY,
    },
    Work {
        name: "small",
        about: "many small tables: ten rows each, a key and an index",
        far: false,
        how: How::Parallel,
        archive: "small",
        tables: 0,
        sql: SMALL,
    },
    Work {
        name: "small-far",
        about: "the same, a millisecond away",
        far: true,
        how: How::Parallel,
        archive: "small",
        tables: 0,
        sql: SMALL,
    },
    Work {
        name: "small-rows",
        about: "many small tables: ten rows each, nothing else",
        far: false,
        how: How::Parallel,
        archive: "small-rows",
        tables: 0,
        sql: SMALL_ROWS,
    },
    Work {
        name: "small-rows-far",
        about: "the same, a millisecond away",
        far: true,
        how: How::Parallel,
        archive: "small-rows",
        tables: 0,
        sql: SMALL_ROWS,
    },
    Work {
        name: "objects",
        about: "many large objects of 1 kB",
        far: false,
        how: How::Serial,
        archive: "objects.dump",
        tables: 0,
        sql: OBJECTS,
    },
    Work {
        name: "objects-far",
        about: "the same, a millisecond away",
        far: true,
        how: How::Serial,
        archive: "objects.dump",
        tables: 0,
        sql: OBJECTS,
    },
    Work {
        name: "no-offsets",
        about: "20 even tables out of an archive without offsets",
        far: false,
        how: How::Piped,
        archive: "piped.dump",
        tables: 20,
        sql: &["DO $$ BEGIN FOR i IN 1 .. 20 LOOP \
              EXECUTE format('CREATE TABLE even_%s AS ROWS', i); END LOOP; END $$"],
    },
];

const MANY: &[&str] = &["DO $$ BEGIN FOR i IN 1 .. COUNT LOOP \
                         EXECUTE format('CREATE TABLE many_%s (id int, n int, a text, b text)', i); \
                         IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$"];

const SMALL: &[&str] = &["DO $$ BEGIN FOR i IN 1 .. COUNT LOOP \
    EXECUTE format('CREATE TABLE small_%s (id int PRIMARY KEY, n int, a text, at timestamptz)', i); \
    EXECUTE format('INSERT INTO small_%s SELECT g, g * 7, md5(g::text), to_timestamp(g) \
    FROM generate_series(1, 10) g', i); EXECUTE format('CREATE INDEX ON small_%s (n)', i); \
    IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$"];

const SMALL_ROWS: &[&str] = &["DO $$ BEGIN FOR i IN 1 .. COUNT LOOP \
    EXECUTE format('CREATE TABLE small_%s AS SELECT g AS id, g * 7 AS n, md5(g::text) AS a, \
    to_timestamp(g) AS at FROM generate_series(1, 10) g', i); \
    IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$"];

const OBJECTS: &[&str] = &["DO $$ BEGIN FOR i IN 1 .. OBJECTS LOOP \
                       PERFORM lo_from_bytea(0, decode(repeat(md5(i::text), 64), 'hex')); \
                       IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$"];

impl Work {
    /// The archive, which is made if it is not there.
    pub(crate) fn archive(&self, server: &Server, options: &Options) -> Result<String> {
        let path = server.path(self.archive);
        if Path::new(&path).exists() {
            return Ok(path);
        }
        server.sql("postgres", "DROP DATABASE IF EXISTS origin")?;
        server.sql("postgres", "CREATE DATABASE origin TEMPLATE template0")?;
        let rows = options.size * 10_000 / self.tables.max(1);
        let rows = ROWS.replace("SIZE", &rows.to_string());
        for sql in self.sql {
            let sql = sql.replace("ROWS", &rows).replace("COUNT", &options.count.to_string());
            // Ten large objects for each table.
            server.sql("origin", &sql.replace("OBJECTS", &(options.count * 10).to_string()))?;
        }
        let socket = server.path("");
        let mut dump = server.command("pg_dump");
        dump.args(["-h", &socket, "-U", "postgres", "-d", "origin"]);
        match self.how {
            How::Parallel => {
                run(dump.args(["-Fd", "-Z1", "-f", &path]))?;
            }
            How::Serial => {
                run(dump.args(["-Fc", "-f", &path]))?;
            }
            How::Piped => {
                let line = format!("{dump:?} -Fc -Z1 | cat > {path:?}");
                run(Command::new("sh").arg("-c").arg(line))?;
            }
        }
        server.sql("postgres", "DROP DATABASE origin")?;
        Ok(path)
    }

    pub(crate) fn theirs(&self, server: &Server, options: &Options, archive: &str) -> Vec<String> {
        let program = server.program("pg_restore").display().to_string();
        self.command(&[&program], options, archive)
    }

    pub(crate) fn ours(
        &self,
        _: &Server,
        options: &Options,
        archive: &str,
        more: &[&str],
    ) -> Vec<String> {
        let program = options.pgdmp.display().to_string();
        self.command(&[&[&*program, "restore"], more].concat(), options, archive)
    }

    fn command(&self, start: &[&str], options: &Options, archive: &str) -> Vec<String> {
        let jobs = options.jobs.to_string();
        let mut command = start.to_vec();
        command.extend(["-d", "target"]);
        if self.how != How::Serial {
            command.extend(["-j", &jobs]);
        }
        command.push(archive);
        command.into_iter().map(str::to_owned).collect()
    }
}
