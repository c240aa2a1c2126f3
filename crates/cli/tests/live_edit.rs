//! Archives that we made of others, restored by the installed pg_restore; the databases must be
//! what the original is.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::pgdmp;
use pgdmp_testkit::server::{Server, run};

/// Runs our program in the server's folder; what it writes the server's user can read.
fn ours(server: &Server, args: &[&str]) -> String {
    let mut command = pgdmp();
    command.current_dir(server.path("")).env("TZ", "UTC");
    let output = run(&mut command, args);
    if server.root {
        run(&mut Command::new("chmod"), &["-R", "a+rX", &server.path("ours")]);
    }
    output
}

fn folder_of_ours(server: &Server) {
    fs::create_dir(server.path("ours")).unwrap();
}

fn psql(server: &Server, database: &str, sql: &str) -> String {
    let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-At", "-c", sql, "-d", database];
    server.client("psql", &args)
}

/// A database as a script, without the key that is another each time.
fn script(server: &Server, database: &str, options: &[&str]) -> String {
    let text = server.client("pg_dump", &[options, &[database]].concat());
    let is_key = |line: &&str| line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
    text.lines().filter(|line| !is_key(line)).map(|line| format!("{line}\n")).collect()
}

/// Restores into a new database, and gives the commands that failed.
fn restore(server: &Server, database: &str, args: &[&str]) -> Vec<String> {
    server.create(database, "UTF8");
    let output = server.output("pg_restore", &[&["-d", database], args].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let failed = stderr.lines().filter(|line| line.starts_with("Command was: "));
    let mut failed: Vec<String> = failed.map(str::to_owned).collect();
    assert_eq!(output.status.success(), failed.is_empty(), "{args:?}: {stderr}");
    assert!(output.status.success() == stderr.is_empty(), "{args:?}: {stderr}");
    // Several jobs, any order.
    failed.sort();
    failed
}

/// The field's classic tutorial: a thousand tables, dumped by several jobs into a directory; the
/// list edited; and here not given to pg_restore, but made an archive of its own.
#[test]
fn a_list_edited_and_restored_in_parallel() {
    let Some(server) = Server::start("a_list_edited_and_restored_in_parallel") else { return };
    folder_of_ours(&server);
    server.sql(
        "DO $$ BEGIN FOR n IN 1..1000 LOOP
           EXECUTE format('CREATE TABLE test_%s (id int PRIMARY KEY, text text)', n);
           EXECUTE format('INSERT INTO test_%1$s SELECT i, md5(i::text)
                           FROM generate_series(1, %1$s %% 50) i', n);
         END LOOP; END $$",
    );
    let dump = server.path("all");
    server.client("pg_dump", &["-Fd", "-j", "4", "-f", &dump, "postgres"]);
    if server.root {
        run(&mut Command::new("chmod"), &["-R", "a+rX", &dump]);
    }
    // Every tenth table is commented out with all that belongs to it; the data comes in the
    // opposite order, and what is about keys as well.
    let list = ours(&server, &["list", "all"]);
    let is_out = |line: &&str| {
        let table = line.split(' ').find_map(|word| word.strip_prefix("test_"));
        let digits = table.map(|name| name.split('_').next().unwrap_or_default());
        digits.is_some_and(|digits| digits.ends_with('0'))
    };
    let lines = || list.lines().filter(|line| !line.starts_with(';'));
    let of = |kind: &str| lines().filter(|line| line.contains(kind)).collect::<Vec<_>>();
    let (data, keys) = (of(" TABLE DATA "), of(" CONSTRAINT "));
    assert_eq!((data.len(), keys.len()), (1000, 1000));
    let rest = lines().filter(|line| !data.contains(line) && !keys.contains(line));
    let edited: Vec<String> = rest
        .chain(data.iter().rev().copied())
        .chain(keys.iter().rev().copied())
        .map(|line| if is_out(&line) { format!(";{line}") } else { line.to_owned() })
        .collect();
    let wanted: Vec<&String> = edited.iter().filter(|line| !line.starts_with(';')).collect();
    assert_eq!(edited.len() - wanted.len(), 300);
    fs::write(server.path("list"), format!("; my list\n\n{}\n", edited.join("\n"))).unwrap();

    for (name, format) in [("custom", "c"), ("directory", "d")] {
        let path = format!("ours/{name}");
        ours(&server, &["convert", "all", &path, "--format", format, "-L", "list"]);
        let path = server.path(&path);
        // In the order of the list, and of nothing else.
        let listed = server.run("pg_restore", &["-l", &path]);
        let listed: Vec<&str> = listed.lines().filter(|line| !line.starts_with(';')).collect();
        assert!(listed.iter().eq(wanted.iter()), "{name}");
        let text = server.run("pg_restore", &["-f", "-", &path]);
        let copied = text.lines().filter_map(|line| line.strip_prefix("COPY public."));
        let copied: Vec<&str> = copied.map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!((copied[0], copied[899], copied.len()), ("test_999", "test_1", 900), "{name}");

        assert_eq!(restore(&server, name, &["-j", "4", &path]), [""; 0], "{name}");
        let count = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'test\\_%'";
        assert_eq!(psql(&server, name, count), "900\n", "{name}");
        // All there is, and as it was.
        psql(&server, "postgres", "DROP TABLE IF EXISTS test_10");
        let left: BTreeSet<u32> = (1..=1000).filter(|n| n % 10 != 0).collect();
        let rows = |database| {
            let rows = left.iter().map(|n| format!("SELECT {n} AS n, count(*) FROM test_{n}"));
            let rows = rows.collect::<Vec<_>>().join(" UNION ALL ");
            psql(&server, database, &format!("SELECT * FROM ({rows}) AS t ORDER BY n"))
        };
        assert_eq!(rows(name), rows("postgres"), "{name}");
    }
    psql(
        &server,
        "postgres",
        "DO $$ BEGIN FOR n IN 1..100 LOOP
           EXECUTE format('DROP TABLE IF EXISTS test_%s', n * 10);
         END LOOP; END $$",
    );
    let original = script(&server, "postgres", &[]);
    for database in ["custom", "directory"] {
        assert!(script(&server, database, &[]) == original, "{database}");
    }
}

/// The nightly script of so many places: each table in an archive of its own.
#[test]
fn one_archive_for_each_table_merged() {
    const TABLES: usize = 200;
    let Some(server) = Server::start("one_archive_for_each_table_merged") else { return };
    folder_of_ours(&server);
    server.create("shop", "UTF8");
    psql(
        &server,
        "shop",
        &format!(
            "CREATE SCHEMA stock; CREATE ROLE clerk;
             DO $$ DECLARE name text; BEGIN FOR n IN 1..{TABLES} LOOP
               name := CASE n % 3 WHEN 0 THEN 'stock.' ELSE '' END || 'part_' || n;
               EXECUTE format('CREATE TABLE %s (id serial PRIMARY KEY, name text, at date)', name);
               EXECUTE format('INSERT INTO %s (name) SELECT md5(i::text)
                               FROM generate_series(1, %s) i', name, n % 20);
               EXECUTE format('CREATE INDEX ON %s (name)', name);
               EXECUTE format('COMMENT ON TABLE %s IS %L', name, 'the table ' || n);
               EXECUTE format('GRANT SELECT ON %s TO clerk', name);
             END LOOP; END $$"
        ),
    );
    let tables = "SELECT schemaname || '.' || tablename FROM pg_tables \
                  WHERE tablename LIKE 'part\\_%' ORDER BY 1";
    let tables = psql(&server, "shop", tables);
    let tables: Vec<&str> = tables.lines().collect();
    assert_eq!(tables.len(), TABLES);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(name) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let path = server.path(&format!("{name}.dump"));
                    server.client("pg_dump", &["-Fc", "-t", name, "-f", &path, "shop"]);
                }
            });
        }
    });
    // What belongs to no table; `-t` leaves the schemas out.
    let path = server.path("schemas.dump");
    server.client("pg_dump", &["-Fc", "-s", "-T", "part_*", "-T", "*.part_*", "-f", &path, "shop"]);
    let files: Vec<String> = tables.iter().map(|name| format!("{name}.dump")).collect();
    let original = script(&server, "shop", &[]);
    for (name, format) in [("custom", "c"), ("directory", "d")] {
        let path = format!("ours/{name}");
        let mut args = vec!["merge", &path, "--format", format, "schemas.dump"];
        args.extend(files.iter().map(String::as_str));
        ours(&server, &args);
        assert_eq!(restore(&server, name, &["-j", "4", &server.path(&path)]), [""; 0], "{name}");
        assert!(script(&server, name, &[]) == original, "{name}");
    }
}

/// One of nearly every kind of object.
#[test]
fn all_that_a_database_has() {
    let Some(server) = Server::start("all_that_a_database_has") else { return };
    folder_of_ours(&server);
    server.prepare();
    let mut compared = 0;
    for source in ["core", "mini"] {
        server.create(source, "UTF8");
        server.file(source, &format!("{source}.sql"));
        for (how, name) in [("-Fc", "dump"), ("-Fd", "folder"), ("-Ft", "tar")] {
            let from = format!("{source}.{name}");
            server.client("pg_dump", &[how, "-f", &server.path(&from), source]);
        }
        // What pg_restore makes of the original: no server takes a language without its extension.
        let restored = format!("{source}_restored");
        let path = server.path(&format!("{source}.dump"));
        let complaints = restore(&server, &restored, &["-j", "4", &path]);
        assert_eq!(complaints.is_empty(), source != "core", "{complaints:?}");
        let original = script(&server, &restored, &[]);
        // The newest that its pg_restore reads.
        let version = match server.release() {
            12..16 => "1.14",
            16 => "1.15",
            _ => "1.16",
        };
        for (from, format, compress) in [
            ("dump", "c", "none"),
            ("dump", "d", "gzip"),
            ("dump", "t", "none"),
            ("folder", "c", "gzip:9"),
            ("folder", "d", "none"),
            ("tar", "c", "gzip"),
            ("tar", "d", "gzip:1"),
            ("folder", "t", "none"),
        ] {
            let input = format!("{source}.{from}");
            let output = format!("ours/{source}-{from}-{format}");
            let args = ["convert", &input, &output, "--format", format, "--compress", compress];
            ours(&server, &[&args[..], &["--archive-version", version, "-j", "2"]].concat());
            let database = format!("{source}_{from}_{format}");
            let jobs: &[&str] = if format == "t" { &[] } else { &["-j", "4"] };
            let said = restore(&server, &database, &[jobs, &[&server.path(&output)]].concat());
            assert_eq!(said, complaints, "{database}");
            let restored = script(&server, &database, &[]);
            if let Some((ours, theirs)) =
                restored.lines().zip(original.lines()).find(|(ours, theirs)| ours != theirs)
            {
                panic!("{database}: {ours}\ninstead of: {theirs}");
            }
            assert_eq!(restored.len(), original.len(), "{database}");
            compared += 1;
        }
        // In parts, and put together again.
        let (input, parts) = (format!("{source}.dump"), format!("ours/{source}-parts"));
        ours(&server, &["split", &input, &parts]);
        let files = fs::read_dir(server.path(&parts)).unwrap().map(|e| e.unwrap().path());
        let mut files: Vec<String> = files.map(|path| path.to_str().unwrap().to_owned()).collect();
        files.sort();
        let merged = format!("ours/{source}-merged");
        let mut args = vec!["merge", &merged, "--format", "d"];
        args.extend(files.iter().map(String::as_str));
        ours(&server, &args);
        let database = format!("{source}_merged");
        let said = restore(&server, &database, &["-j", "4", &server.path(&merged)]);
        assert_eq!(said, complaints, "{database}");
        assert!(script(&server, &database, &[]) == original, "{database}");
    }
    assert_eq!(compared, 16);
}
