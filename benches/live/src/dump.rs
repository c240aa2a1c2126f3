//! What is dumped, by pg_dump and by `pgdmp dump`.

use std::fs;

use crate::measure::{self, Usage};
use crate::server::Server;
use crate::work::ROWS;
use crate::{Options, Result, ratio};

pub(crate) struct Dump {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// How many tables share the size; `None`: as many as are asked for, all small.
    tables: Option<u64>,
    /// Commands of the shell, by their contender. `OUT` is the output, `JOBS` the number of
    /// connections, `PGDMP` the program.
    commands: &'static [(&'static str, &'static str)],
}

pub(crate) const DUMPS: &[Dump] = &[
    Dump {
        name: "dump-one-table",
        about: "one large table into one file",
        tables: Some(1),
        commands: &[
            ("pg_dump, gzip", "pg_dump -Fc -Z6 -f OUT origin"),
            ("pgdmp, gzip", "PGDMP dump -q -j JOBS -Z gzip:6 --split-tables 16M -f OUT origin"),
            ("pgdmp, zstd", "PGDMP dump -q -j JOBS -Z zstd --split-tables 16M -f OUT origin"),
        ],
    },
    Dump {
        name: "dump-directory",
        about: "20 even tables into a directory",
        tables: Some(20),
        commands: &[
            ("pg_dump", "pg_dump -Fd -j JOBS -f OUT origin"),
            ("pgdmp", "PGDMP dump -q -j JOBS -F d -f OUT origin"),
        ],
    },
    Dump {
        name: "dump-each-table",
        about: "many small tables, each into an archive of its own",
        tables: None,
        commands: &[
            (
                "pg_dump -t, in a loop",
                "mkdir OUT; for t in $(psql -XAtc \"SELECT relname FROM pg_class WHERE relname LIKE \
                 'many%'\" origin); do pg_dump -Fc -t $t -f OUT/$t origin || exit 1; done",
            ),
            ("pgdmp", "PGDMP dump -q -j JOBS --split by-table -f OUT origin"),
        ],
    },
];

impl Dump {
    pub(crate) fn compare(&self, server: &Server, options: &Options) -> Result<()> {
        for database in ["origin", "target"] {
            server.sql("postgres", &format!("DROP DATABASE IF EXISTS {database}"))?;
            server.sql("postgres", &format!("CREATE DATABASE {database} TEMPLATE template0"))?;
        }
        let (prefix, tables, rows) = match self.tables {
            Some(tables) => ("even", tables, options.size * 10_000 / tables),
            // A loop over ten thousand takes half an hour.
            None => ("many", options.count.min(1000), 10),
        };
        let rows = ROWS.replace("SIZE", &rows.to_string());
        let sql = format!(
            "DO $$ BEGIN FOR i IN 1 .. {tables} LOOP \
             EXECUTE format('CREATE TABLE {prefix}_%s AS {rows}', i); END LOOP; END $$"
        );
        server.sql("origin", &sql)?;
        let out = server.path("out");
        let bin = server.program("pg_dump");
        let bin = bin.parent().map(|bin| bin.display().to_string()).unwrap_or_default();
        let mut all: Vec<Vec<Usage>> = vec![Vec::new(); self.commands.len()];
        for _ in 0..options.runs {
            for ((name, command), usages) in self.commands.iter().zip(&mut all) {
                let _ = fs::remove_dir_all(&out).or_else(|_| fs::remove_file(&out));
                let command = command
                    .replace("PGDMP", &options.pgdmp.display().to_string())
                    .replace("JOBS", &options.jobs.to_string())
                    .replace("OUT", &out);
                let command = format!("PATH={bin}:$PATH; {command}");
                let usage = measure::restore(server, &["sh".into(), "-c".into(), command], false);
                usages.push(usage.map_err(|error| format!("{name}: {error}"))?);
            }
        }
        let _ = fs::remove_dir_all(&out).or_else(|_| fs::remove_file(&out));
        server.sql("postgres", "DROP DATABASE origin")?;
        println!("{:28}{:>9}{:>7}{:>9}{:>7}{:>9}", "", "wall s", "", "CPU s", "", "mem MB");
        let base = Usage::best(&all[0]);
        for ((name, _), usages) in self.commands.iter().zip(&all) {
            let usage = Usage::best(usages);
            println!(
                "{name:28}{:9.2}{:>7}{:9.2}{:>7}{:9.0}",
                usage.wall,
                ratio(usage.wall, base.wall),
                usage.cpu,
                ratio(usage.cpu, base.cpu),
                usage.memory,
            );
        }
        Ok(())
    }
}
