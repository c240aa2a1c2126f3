//! The commands of the documentation that dump a database and restore it, as they stand there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use pgdmp_testkit::server::Server;

/// The commands of a block, which is the one with a command that begins so.
fn block(file: &str, begin: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join(file)).unwrap();
    let blocks = text.split("```bash\n").skip(1).filter_map(|text| text.split("```").next());
    let mut with_it = blocks.filter(|block| block.lines().any(|line| line.starts_with(begin)));
    let block = with_it.next().unwrap_or_else(|| panic!("{file} has no block with {begin}"));
    block.lines().map(str::to_owned).collect()
}

#[test]
fn live_commands_of_the_documentation() {
    let Some(server) = Server::start("live_commands_of_the_documentation") else { return };
    server.create("shop", "UTF8");
    let sql = "CREATE TABLE orders AS SELECT g AS id, g * 2 AS total FROM generate_series(1, 99) g; \
               CREATE TABLE log AS SELECT 1 AS a; ALTER TABLE orders ADD PRIMARY KEY (id)";
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "shop"]);
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for (name, text) in [
        // It goes nowhere.
        ("ssh", "shift; exec sh -c \"$*\""),
        // Somebody who takes a table out of the list.
        ("editor", "sed -i '/ log /s/^/;/' \"$1\""),
    ] {
        let path = programs.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let own = Path::new(env!("CARGO_BIN_EXE_pgdmp")).parent().unwrap();
    let path = [programs.as_os_str(), own.as_os_str(), &std::env::var_os("PATH").unwrap()]
        .join(std::ffi::OsStr::new(":"));
    let run = |place: &str, command: &str| {
        let place = folder.path().join(place);
        fs::create_dir_all(&place).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(place).stdin(Stdio::null()).env("PATH", &path);
        shell.env("PGHOST", server.path("")).env("PGUSER", "postgres").env("EDITOR", "editor");
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let files = |place: &str| {
        let entries = fs::read_dir(folder.path().join(place)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let has_the_tables = |place: &str| {
        let names = files(&format!("{place}/backups"));
        let of = |table: &str| names.iter().any(|name| name.starts_with(&format!("shop-{table}-")));
        assert!(names.len() == 3 && of("public.orders") && of("public.log"), "{names:?}");
    };

    for command in block("README.md", "pgdmp dump --split") {
        // It is another server, or there it is lost.
        if command.starts_with("pgdmp restore") {
            server.sql("ALTER DATABASE shop RENAME TO source");
        }
        run("readme", &command);
    }
    has_the_tables("readme");
    let rows = "SELECT count(*), sum(total), to_regclass('log') IS NULL FROM orders";
    let rows = server.client("psql", &["-X", "-At", "-c", rows, "shop"]);
    assert_eq!(rows, "99|9900|t\n");

    let mut planned = String::new();
    for command in block("docs/dump.md", "pgdmp dump --split") {
        planned = run("docs", &command);
    }
    let names = files("docs/backups");
    assert!(names.len() == 2 && names[1].starts_with("shop-public.orders-"), "{names:?}");
    assert!(planned.contains("TABLE DATA public.orders"), "{planned}");
    let verified = run("docs", "pgdmp verify shop.dump && pgdmp count shop.dump orders");
    assert!(verified.contains("99"), "{verified}");
}
