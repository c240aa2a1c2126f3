//! `pgdmp dump` of a given moment: of a standby, of somebody's snapshot, of a moment that no
//! serializable transaction can spoil.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::pgdmp;
use pgdmp_testkit::server::Server;

const PORT: &str = "5433";

/// A copy of a server that follows it, with its socket in the same folder.
struct Standby<'a>(&'a Server);

impl<'a> Standby<'a> {
    fn start(server: &'a Server) -> Self {
        let data = server.path("standby");
        server.client("pg_basebackup", &["-D", &data, "-R", "-c", "fast", "-X", "stream"]);
        let socket = server.path("");
        let options = format!(
            "-p {PORT} -c listen_addresses= -c unix_socket_directories={socket} -c fsync=off \
             -c max_locks_per_transaction=256 -c max_standby_streaming_delay=500ms"
        );
        let log = server.path("standby.log");
        let mut command = server.command("pg_ctl");
        command.args(["-D", &data, "-w", "-l", &log, "-o", &options, "start"]);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
        assert!(started.success(), "{}", fs::read_to_string(&log).unwrap_or_default());
        Standby(server)
    }
}

impl Drop for Standby<'_> {
    fn drop(&mut self) {
        let data = self.0.path("standby");
        let _ = self.0.command("pg_ctl").args(["-D", &data, "-m", "immediate", "stop"]).output();
    }
}

/// A session of psql.
struct Psql {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Psql {
    fn open(server: &Server) -> Self {
        let mut command = server.command("psql");
        command.args(["-X", "-q", "-At", "-h", &server.path(""), "-U", "postgres", "postgres"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Psql { child, input, output: BufReader::new(output) }
    }

    /// Runs commands, of which the last gives one line.
    fn ask(&mut self, sql: &str) -> String {
        writeln!(self.input, "{sql};").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn close(self) {
        let Psql { mut child, input, output } = self;
        drop((input, output));
        child.wait().unwrap();
    }
}

fn connected(server: &Server, mut command: Command, port: &str, options: &[&str]) -> Command {
    command.args(options).args(["-h", &server.path(""), "-U", "postgres", "-p", port, "postgres"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn dump(server: &Server, port: &str, options: &[&str]) -> Output {
    let mut command = pgdmp();
    command.arg("dump");
    connected(server, command, port, options).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The rows of a table.
fn rows(archive: &Path, table: &str) -> String {
    let output = pgdmp().arg("cat").arg(archive).arg(table).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let rows = String::from_utf8(output.stdout).unwrap();
    rows.strip_suffix("\\.\n\n\n").unwrap().to_owned()
}

#[test]
fn live_dump_of_a_standby() {
    let Some(server) = Server::start("live_dump_of_a_standby") else { return };
    server.sql(
        "CREATE TABLE a AS SELECT g, repeat(md5(g::text), 40) t FROM generate_series(1, 9000) g; \
         CREATE UNLOGGED TABLE u AS SELECT 1 a; CREATE SEQUENCE s; SELECT nextval('s'); \
         SELECT lo_from_bytea(0, 'abc')",
    );
    let _standby = Standby::start(&server);
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("theirs");
    let mut command = Command::new(server.program("pg_dump"));
    command.args(["-Fc", "-f"]).arg(&theirs);
    let output = connected(&server, command, PORT, &[]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let script = |archive: &Path| {
        let mut command = pgdmp();
        command.args(["restore", "--restrict-key=k", "-f", "-"]).arg(archive);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let expected = script(&theirs);
    assert!(!expected.contains("COPY public.u"));
    for options in [&["-j3", "--split-tables", "1"][..], &["-j1", "-F", "d"]] {
        let ours = folder.path().join("ours");
        let options = [options, &["--force", "-f", ours.to_str().unwrap()]].concat();
        let output = dump(&server, PORT, &options);
        assert!(output.status.success(), "{}", said(&output));
        assert!(script(&ours) == expected, "{options:?}");
    }
    let none = folder.path().join("none");
    let none = none.to_str().unwrap();
    let output = dump(&server, PORT, &["--serializable-deferrable", "-f", none]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("hot standby"), "{}", said(&output));
    assert!(!Path::new(none).exists());

    // Rows are removed that a dump there still has to read.
    let mut command = pgdmp();
    command.arg("dump");
    let options = ["-j2", "-Z", "none", "-q"];
    let mut child = connected(&server, command, PORT, &options).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 5]).unwrap();
    server.sql("DELETE FROM a WHERE g > 10");
    server.sql("VACUUM FULL a");
    // The standby waits for the dump, which waits for its reader, and then no longer.
    let waits = "SELECT count(*) FROM pg_stat_activity \
                 WHERE backend_type = 'startup' AND wait_event_type = 'Lock'";
    let start = Instant::now();
    while server.client("psql", &["-X", "-At", "-p", PORT, "-c", waits, "postgres"]) != "1\n" {
        assert!(start.elapsed().as_secs() < 60);
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_millis(800));
    io::copy(&mut out, &mut io::sink()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    // The server's last words do not always come through: its way to us was full.
    let words = ["conflict with recovery", "server closed the connection"];
    assert!(words.iter().any(|words| said(&output).contains(words)), "{}", said(&output));
}

#[test]
fn live_dump_of_a_given_moment() {
    let Some(server) = Server::start("live_dump_of_a_given_moment") else { return };
    server.sql("CREATE TABLE a AS SELECT 1 a; CREATE TABLE b AS SELECT 1 a");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let out = path.to_str().unwrap();
    let port = "5432";

    // The snapshot of somebody else.
    let mut holder = Psql::open(&server);
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot()";
    let snapshot = holder.ask(begin);
    server.sql("INSERT INTO a VALUES (2); DELETE FROM b");
    let name = format!("--snapshot={snapshot}");
    for jobs in ["-j1", "-j3"] {
        let output = dump(&server, port, &[&name, jobs, "--force", "-f", out]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!((rows(&path, "a"), rows(&path, "b")), ("1\n".to_owned(), "1\n".to_owned()));
    }
    fs::remove_file(&path).unwrap();
    // Rows of that moment are there no more, which pg_dump does not see.
    server.sql("TRUNCATE b");
    let output = dump(&server, port, &[&name, "-f", out]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("a table was truncated or changed"), "{}", said(&output));
    holder.close();
    let output = dump(&server, port, &[&name, "-f", out]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains(&snapshot), "{}", said(&output));
    assert!(!path.exists());

    // It waits for a serializable transaction that writes, and has what that wrote.
    let mut writer = Psql::open(&server);
    let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO b SELECT max(a) FROM a; SELECT 1";
    assert_eq!(writer.ask(begin), "1");
    let mut command = pgdmp();
    command.arg("dump");
    let options = ["--serializable-deferrable", "-j3", "-f", out];
    let child = connected(&server, command, port, &options).spawn().unwrap();
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SafeSnapshot'";
    let start = Instant::now();
    while server.sql(waits).trim() != "1" {
        assert!(start.elapsed().as_secs() < 60);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(writer.ask("COMMIT; SELECT 2"), "2");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(rows(&path, "a"), "1\n2\n");
    // A safe snapshot is perhaps the one of before: with either the other table fits.
    assert!(["", "2\n"].contains(&rows(&path, "b").as_str()));
    writer.close();
}
