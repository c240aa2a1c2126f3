//! Each table with what it needs, restored by the installed pg_restore: rows come and go as before.
//!
//! It starts a server, so it runs when `PGDMP_LIVE` is set, and says that it is skipped otherwise.

use std::process::Command;

use crate::support::pgdmp;
use pgdmp_testkit::server::{Server, run};

/// What psql says, errors among it.
fn psql(server: &Server, database: &str, sql: &str) -> String {
    let output = server.output("psql", &["-X", "-q", "-At", "-c", sql, "-d", database]);
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[test]
fn rows_come_and_go_as_before() {
    let Some(server) = Server::start("rows_come_and_go_as_before") else { return };
    server.sql("CREATE ROLE clerk");
    server.create("needs", "UTF8");
    server.file("needs", "needs.sql");
    let dump = server.path("needs.dump");
    server.client("pg_dump", &["-Fc", "-f", &dump, "needs"]);
    let relations = psql(
        &server,
        "needs",
        "SELECT relkind, oid::regclass FROM pg_class
         WHERE relnamespace::regnamespace::text IN ('shop', 'lib') AND relkind IN ('r', 'p', 'v', 'm')
         ORDER BY 2",
    );
    let mut tried = 0;
    for line in relations.lines() {
        let (kind, name) = line.split_once('|').unwrap();
        // Chosen by name, and by its line in a list.
        let list = server.path(&format!("{name}.list"));
        let all = run(pgdmp().current_dir(server.path("")), &["list", "needs.dump"]);
        let (schema, tag) = name.split_once('.').unwrap();
        let kinds = ["TABLE", "VIEW", "MATERIALIZED VIEW", "TABLE DATA", "MATERIALIZED VIEW DATA"];
        let named = |line: &&str| {
            kinds.iter().any(|kind| line.contains(&format!(" {kind} {schema} {tag} ")))
        };
        let lines: Vec<&str> = all.lines().filter(named).collect();
        std::fs::write(&list, lines.join("\n")).unwrap();
        for (how, choice) in [("name", ["-t", name]), ("list", ["-L", &list])] {
            let made = server.path(&format!("{name}.{how}.dump"));
            run(
                pgdmp().current_dir(server.path("")),
                &[&["convert", "needs.dump", &made, "--with-dependencies"], &choice[..]].concat(),
            );
            if server.root {
                run(&mut Command::new("chmod"), &["a+r", &made]);
            }
            let database = format!("{name}.{how}");
            server.create(&database, "UTF8");
            server.client("pg_restore", &["--exit-on-error", "-d", &database, &made]);
            // A number that a sequence gave is not taken back.
            let original = format!("{database}.original");
            server.sql(&format!("CREATE DATABASE \"{original}\" TEMPLATE needs"));
            let same = |sql: &str| {
                let before = psql(&server, &original, sql);
                let after = psql(&server, &database, sql);
                assert_eq!(after, before, "{database}: {sql}");
            };
            let whole = kind != "v" && (kind, how) != ("p", "list");
            if whole {
                // What inherits from a table is a table of its own.
                let only = if name == "shop.parent" { "ONLY " } else { "" };
                same(&format!("SELECT t::text FROM {only}{name} AS t ORDER BY 1"));
                same(&format!("SET ROLE clerk; SELECT count(*) FROM {only}{name}"));
            } else {
                assert!(
                    !psql(&server, &database, &format!("SELECT * FROM {name}")).contains("ERR")
                );
            }
            if kind != "m" && whole {
                // The same answer: a row, or a refusal.
                let sql = format!("BEGIN; INSERT INTO {name} DEFAULT VALUES RETURNING *; ROLLBACK");
                same(&sql);
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 34);
    // Casts, too.
    let sql = "INSERT INTO shop.typed (m, p) VALUES ('bad'::varchar, 5) RETURNING m, p";
    for how in ["name", "list"] {
        assert_eq!(psql(&server, &format!("shop.typed.{how}"), sql), "bad|(5,made)\n");
    }
}
