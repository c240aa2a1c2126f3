//! `pgdmp dump` while others work on the database, and when something goes wrong.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{pgdmp, pgdmp_with_signals};
use pgdmp_testkit::effort::is_endless;
use pgdmp_testkit::server::Server;

fn dump(server: &Server, mut command: Command, options: &[&str]) -> Command {
    command.args(["dump", "-h", &server.path(""), "-U", "postgres", "-d", "postgres"]);
    command.args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_empty(folder: &Path) {
    let left: Vec<_> = fs::read_dir(folder).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Waits until a query says `t`.
fn wait_for(server: &Server, condition: &str) {
    let start = Instant::now();
    while server.sql(&format!("SELECT {condition}")).trim() != "t" {
        assert!(start.elapsed() < Duration::from_secs(60), "{condition}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A dump into a pipe of which nothing is read yet: it stands in the middle, with all sessions.
fn begun(server: &Server, options: &[&str]) -> Child {
    let mut child = dump(server, pgdmp(), options).spawn().unwrap();
    let mut first = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"PGDMP");
    // All are busy, or wait for us.
    wait_for(
        server,
        "count(*) > 1 FROM pg_stat_activity WHERE application_name = 'pgdmp' AND query LIKE 'COPY%'",
    );
    child
}

const TABLES: &str = "
    CREATE TABLE a AS SELECT g, repeat(md5(g::text), 40) t FROM generate_series(1, 40000) g;
    CREATE TABLE b AS SELECT g, repeat(md5(g::text), 40) t FROM generate_series(1, 40000) g;
    CREATE TABLE c AS SELECT g FROM generate_series(1, 10) g;";

#[test]
fn live_dump_among_others() {
    let Some(server) = Server::start("live_dump_among_others") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    // Money is moved, and none is lost.
    server.sql(
        "CREATE TABLE account_1 AS SELECT g AS id, 100 AS money FROM generate_series(1, 20000) g; \
         CREATE TABLE account_2 AS TABLE account_1; CREATE INDEX ON account_1 (id); \
         CREATE INDEX ON account_2 (id)",
    );
    let script = server.path("moves.sql");
    fs::write(
        &script,
        "\\set a random(1, 20000)\n\\set b random(1, 20000)\n\\set m random(1, 50)\nBEGIN;\n\
         UPDATE account_1 SET money = money - :m WHERE id = :a;\n\
         UPDATE account_2 SET money = money + :m WHERE id = :b;\nCOMMIT;\n",
    )
    .unwrap();
    let socket = server.path("");
    let mut movers = server.command("pgbench");
    movers.args(["-h", &socket, "-U", "postgres", "-n", "-c", "8", "-T", "300", "-f", &script]);
    let mut movers =
        movers.arg("postgres").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&server, "sum(money) <> 2000000 FROM account_1");
    for round in 0..if is_endless() { 6 } else { 2 } {
        let out = path("moving.dump");
        let options = ["-j3", "--split-tables", "1", "--force", "-q", "-f", &out];
        let output = dump(&server, pgdmp(), &options).output().unwrap();
        assert!(output.status.success(), "{round}: {}", said(&output));
        let mut sum = 0_i64;
        for table in ["account_1", "account_2"] {
            let rows = pgdmp().args(["cat", &out, table]).output().unwrap().stdout;
            let rows = String::from_utf8(rows).unwrap();
            let money = rows.lines().filter_map(|row| row.split('\t').nth(1));
            sum += money.map(|money| money.parse::<i64>().unwrap()).sum::<i64>();
        }
        assert_eq!(sum, 4_000_000, "{round}");
    }
    server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench'",
    );
    movers.wait().unwrap();
    server.sql("DROP TABLE account_1, account_2");

    // Somebody wants to change a table in the middle: he waits, and the dump goes on.
    server.sql(TABLES);
    let mut child = begun(&server, &["-j3", "-Z", "none", "-q", "--split-tables", "1"]);
    let mut changes = server.command("psql");
    changes.args(["-X", "-q", "-h", &socket, "-U", "postgres", "-c"]);
    changes.arg("ALTER TABLE c ADD x int; ALTER TABLE b ADD x int; TRUNCATE b");
    let mut changes = changes.spawn().unwrap();
    wait_for(&server, "count(*) > 0 FROM pg_locks WHERE NOT granted");
    let mut rest = b"PGDMP".to_vec();
    child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(changes.wait().unwrap().success());
    fs::write(path("changed.dump"), rest).unwrap();
    for (table, rows) in [("a", "40000"), ("b", "40000"), ("c", "10")] {
        let counted = pgdmp().args(["count", &path("changed.dump"), table]).output().unwrap();
        let counted = String::from_utf8(counted.stdout).unwrap();
        assert!(counted.split_whitespace().any(|word| word == rows), "{table}: {counted}");
    }

    // A table is emptied while the catalog is read: the dump begins again, with what is there then.
    let wrapper = path("pg_dump");
    let real = server.program("pg_dump");
    let program = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exec {real} --version\n{real} \"$@\" > {folder}/catalog || \
         exit 1\n[ -e {folder}/once ] || {{ touch {folder}/once; {psql} -X -q -h {socket} -U postgres \
         -c 'TRUNCATE a; INSERT INTO a VALUES (1)' postgres; }}\nexec cat {folder}/catalog\n",
        real = real.display(),
        folder = folder.path().display(),
        psql = server.program("psql").display(),
    );
    fs::write(&wrapper, program).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let out = path("again.dump");
    let output = dump(&server, pgdmp(), &["--pg-dump", &wrapper, "-f", &out]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("it begins again"), "{}", said(&output));
    let rows = pgdmp().args(["cat", &out, "a"]).output().unwrap().stdout;
    assert!(rows.starts_with(b"1\t"), "{}", String::from_utf8_lossy(&rows));
}

#[test]
fn live_dump_that_is_ended_leaves_nothing() {
    let Some(server) = Server::start("live_dump_that_is_ended_leaves_nothing") else { return };
    server.sql(TABLES);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.dump");
    let out = out.to_str().unwrap();

    // A session is lost, any of those that read: there is no archive, and it is said why.
    for which in ["min", "max"] {
        let mut child = begun(&server, &["-j3", "-Z", "none", "-q"]);
        server.sql(&format!(
            "SELECT pg_terminate_backend((SELECT {which}(pid) FROM pg_stat_activity \
             WHERE application_name = 'pgdmp' AND state = 'active'))"
        ));
        let mut rest = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{which}: {}", said(&output));
        // The server's last words do not always come through: its way to us was full.
        let words = ["terminating connection", "server closed the connection"];
        assert!(words.iter().any(|w| said(&output).contains(w)), "{which}: {}", said(&output));
        let file = folder.path().join("piped");
        fs::write(&file, [b"PGDMP", &rest[..]].concat()).unwrap();
        let verified = pgdmp().args(["verify", "-q"]).arg(&file).output().unwrap();
        assert!(!verified.status.success(), "{which}");
        fs::remove_file(&file).unwrap();
    }

    // Who reads the pipe ends: what he has is no backup.
    let mut child = begun(&server, &["-j3", "-Z", "none", "-q"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("before the archive was complete"), "{}", said(&output));

    // A signal in the middle: nothing is left, here and on the server.
    let mut child = dump(&server, pgdmp_with_signals(), &["-j3", "-q", "-f", out]).spawn().unwrap();
    wait_for(&server, "count(*) > 0 FROM pg_stat_activity WHERE application_name = 'pgdmp'");
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert!(!child.wait().unwrap().success());
    is_empty(folder.path());
    wait_for(
        &server,
        "count(*) = 0 FROM pg_stat_activity WHERE application_name IN ('pgdmp', 'pg_dump')",
    );

    // Killed at any moment: no archive, unless it was complete; the next run leaves nothing else.
    let ways = [&["-F", "c"][..], &["-F", "d"], &["-F", "t"], &["--split", "by-table"]];
    let names = |folder: &Path| -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let mut whole = 0;
    for round in 0..if is_endless() { 16 } else { 4 } {
        let way = [ways[round % ways.len()], &["-j2", "-Z", "none", "-q", "-f", out]].concat();
        let is_split = way[0] == "--split";
        let mut child = dump(&server, pgdmp(), &way).spawn().unwrap();
        thread::sleep(Duration::from_millis(fastrand::u64(..800)));
        child.kill().unwrap();
        child.wait().unwrap();
        let out = Path::new(out);
        let mut made = Vec::new();
        if is_split && out.exists() {
            let is_hidden = |name: &OsString| name.as_encoded_bytes().starts_with(b".");
            made.extend(names(out).iter().filter(|name| !is_hidden(name)).map(|n| out.join(n)));
        } else if out.exists() {
            made.push(out.to_owned());
        }
        for archive in made {
            let verified = pgdmp().args(["verify", "-q"]).arg(&archive).output().unwrap();
            assert!(verified.status.success(), "{way:?}: {archive:?}");
            whole += 1;
        }
        let again = [&way[..], &["-t", "c", "--force"]].concat();
        let output = dump(&server, pgdmp(), &again).output().unwrap();
        assert!(output.status.success(), "{way:?}: {}", said(&output));
        assert_eq!(names(folder.path()), ["out.dump"], "{way:?}");
        if is_split {
            let names = names(out);
            assert!(
                !names.iter().any(|name| name.as_encoded_bytes().starts_with(b".")),
                "{names:?}"
            );
        }
        match out.is_dir() {
            true => fs::remove_dir_all(out).unwrap(),
            false => fs::remove_file(out).unwrap(),
        }
    }
    println!("{whole} were complete");
    wait_for(
        &server,
        "count(*) = 0 FROM pg_stat_activity WHERE application_name IN ('pgdmp', 'pg_dump')",
    );

    // Its pg_dump fails, before it writes anything or in the middle of that.
    let wrapper = server.path("pg_dump");
    for (part, expected) in [
        ("echo 'pg_dump: error: no luck' >&2; exit 3", "no luck"),
        ("printf 'PGDMP\\001\\016\\000\\004\\010\\001'; exit 0", "end"),
        ("kill -9 $$", "signal: 9"),
    ] {
        let version = "[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.1' && exit 0";
        fs::write(&wrapper, format!("#!/bin/sh\n{version}\n{part}\n")).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        let output = dump(&server, pgdmp(), &["--pg-dump", &wrapper, "-f", out]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{part}");
        assert!(said(&output).contains(expected), "{part}: {}", said(&output));
        is_empty(folder.path());
    }

    // No disk for it.
    #[cfg(target_os = "linux")]
    {
        let program = format!("ulimit -f 100; exec {} \"$@\"", env!("CARGO_BIN_EXE_pgdmp"));
        let mut command = Command::new("bash");
        command.args(["-c", &program, "bash"]);
        let output =
            dump(&server, command, &["-j2", "-q", "-Z", "none", "-f", out]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        is_empty(folder.path());
    }
}

/// The nightly script in one command.
#[test]
fn live_dump_of_each_table() {
    let Some(server) = Server::start("live_dump_of_each_table") else { return };
    server.sql(
        "CREATE SCHEMA s; CREATE TABLE s.t (id serial PRIMARY KEY, a int); \
         INSERT INTO s.t (a) SELECT g FROM generate_series(1, 100) g; \
         CREATE TABLE u (a int REFERENCES s.t); INSERT INTO u VALUES (1); CREATE VIEW v AS TABLE u",
    );
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("backups");
    let split = |options: &[&str]| {
        let all = [&["--split", "by-table", "-f", out.to_str().unwrap()], options].concat();
        dump(&server, pgdmp(), &all).output().unwrap()
    };
    let names = || {
        let entries = fs::read_dir(&out).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let output = split(&["-j2"]);
    assert!(output.status.success(), "{}", said(&output));
    let first = names();
    let date = first[0].strip_prefix("postgres-everything-else-").unwrap();
    assert_eq!(date.len(), "20261129.dump".len());
    let expected = ["everything-else", "public.u", "s.t"];
    assert_eq!(first, expected.map(|name| format!("postgres-{name}-{date}")));

    // The parts have all of it.
    let whole = folder.path().join("whole.dump");
    let parts: Vec<_> = first.iter().map(|name| out.join(name)).collect();
    let merged = pgdmp().arg("merge").arg(&whole).args(&parts).output().unwrap();
    assert!(merged.status.success(), "{}", said(&merged));
    let theirs = folder.path().join("theirs.dump");
    let dumped = Command::new(server.program("pg_dump"))
        .args(["-Fc", "-h", &server.path(""), "-U", "postgres", "-f"])
        .arg(&theirs)
        .arg("postgres")
        .status();
    assert!(dumped.unwrap().success());
    let compared = pgdmp().arg("diff").args([&whole, &theirs]).output().unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));

    // Nothing is replaced, unless that is asked for.
    let output = split(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("exists; --force replaces it"), "{}", said(&output));
    assert_eq!(names(), first);

    // Those of other days: a table that is as it was becomes a link, and only so many stay.
    for name in &first {
        for (n, day) in ["20200101", "20200102", "20200103"].iter().enumerate() {
            let old = out.join(name.replace(date, &format!("{day}.dump")));
            if n == 2 {
                fs::rename(out.join(name), old).unwrap();
            } else {
                fs::copy(out.join(name), old).unwrap();
            }
        }
    }
    fs::write(out.join("postgres-s.t-notes.dump"), "mine").unwrap();
    server.sql("INSERT INTO u VALUES (2)");
    let output = split(&["-j2", "--link-unchanged", "--keep", "2"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("of which 2 are unchanged"), "{}", said(&output));
    let mut expected: Vec<String> = first.clone();
    expected.extend(first.iter().map(|name| name.replace(date, "20200103.dump")));
    expected.push("postgres-s.t-notes.dump".into());
    expected.sort();
    assert_eq!(names(), expected);
    let is_link = |name: &str| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(out.join(name)).unwrap().nlink() == 2
    };
    assert!(is_link(&first[0]) && is_link(&first[2]) && !is_link(&first[1]));

    // A manifest is of the archive as it stands there.
    let proved = folder.path().join("proved.dump");
    let options = ["--manifest", "-f", proved.to_str().unwrap()];
    let output = dump(&server, pgdmp(), &options).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(folder.path().join("proved.dump.pgdmp-manifest").exists());
    let verified = || pgdmp().arg("verify").arg(&proved).output().unwrap().status.code();
    assert_eq!(verified(), Some(0));
    let mut bytes = fs::read(&proved).unwrap();
    // In the table of contents, which has no checksum.
    let at = bytes.windows(4).position(|four| four == b"heap").unwrap();
    bytes[at] ^= 4;
    fs::write(&proved, bytes).unwrap();
    assert_eq!(verified(), Some(1));

    // So has each of several archives.
    let parts = folder.path().join("proved");
    let date = |day: &str| first[1].replace(date, &format!("{day}.dump"));
    let options = ["--split=by-table", "--manifest", "-j2", "-f", parts.to_str().unwrap()];
    let dump_parts = |more: &[&str]| {
        let output = dump(&server, pgdmp(), &[&options[..], more].concat()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    };
    let names = || {
        let names = fs::read_dir(&parts).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    let manifest = |name: &str| format!("{name}.pgdmp-manifest");
    let proved = || {
        let all = names();
        let archives: Vec<_> = all.iter().filter(|name| name.ends_with(".dump")).collect();
        assert_eq!(all.len(), 2 * archives.len(), "{all:?}");
        for name in &archives {
            let output = pgdmp().arg("verify").arg(parts.join(name)).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("manifest"), "{name}: {said}");
        }
        archives.len()
    };
    dump_parts(&[]);
    assert_eq!(proved(), 3);
    // One is replaced with its manifest, and an old one goes with its own. A link has its own.
    for day in ["20200101", "20200102"] {
        fs::copy(parts.join(&first[1]), parts.join(date(day))).unwrap();
        fs::copy(parts.join(manifest(&first[1])), parts.join(manifest(&date(day)))).unwrap();
    }
    dump_parts(&["--force", "--keep=2", "--link-unchanged"]);
    assert_eq!(proved(), 4);
    assert!(!names().contains(&date("20200101")) && names().contains(&date("20200102")));
    // Replaced without a word of manifests, it would be damaged by its old one.
    let mut again = options.to_vec();
    again.retain(|option| *option != "--manifest");
    server.sql("INSERT INTO u VALUES (3)");
    let output = dump(&server, pgdmp(), &[&again[..], &["--force"]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(proved(), 4);
}
