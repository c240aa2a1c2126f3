//! Connections by TLS: what libpq checks is checked, and what it says is said.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pgdmp_testkit::effort::skipped;
use pgdmp_testkit::server::{Server, run};

/// What is added to `host=localhost hostaddr=127.0.0.1`, whether that connects, and a part of what is
/// said if not. `F` is the folder of certificates.
const WAYS: &[(&str, Option<&str>)] = &[
    ("sslmode=require", None),
    ("sslmode=prefer", None),
    ("sslmode=disable", Some("no encryption")),
    ("sslmode=verify-ca sslrootcert=F/root.crt", None),
    ("sslmode=verify-full sslrootcert=F/root.crt", None),
    ("sslmode=verify-full sslrootcert=F/other.crt", Some("certificate verify failed")),
    ("sslmode=verify-full", Some("root certificate file")),
    ("sslmode=verify-full sslrootcert=F/nowhere.crt", Some("does not exist")),
    ("sslmode=require sslrootcert=F/other.crt", Some("certificate verify failed")),
    ("sslmode=verify-full sslrootcert=F/root.crt host=127.0.0.1", Some("does not match host name")),
    ("sslmode=verify-ca sslrootcert=F/root.crt host=127.0.0.1", None),
    // By a certificate alone.
    ("sslmode=require dbname=strict sslcert=F/client.crt sslkey=F/client.key", None),
    ("sslmode=require dbname=strict", Some("client certificate")),
    (
        "sslmode=require dbname=strict sslcert=F/client.crt sslkey=F/open.key",
        Some("has group or world access"),
    ),
    ("sslmode=require dbname=strict sslcert=F/stranger.crt sslkey=F/stranger.key", Some("")),
];

/// Of the key `locked.key`.
const PASSWORD: &str = "hunter 2'\\=";

/// Certificates of an authority, which signs the server's and the client's, and of another one.
fn certificates(folder: &str) -> Option<()> {
    let openssl = |args: &[&str]| {
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(args).stdin(Stdio::null());
        match command.output() {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                Some(())
            }
            Err(error) => {
                skipped(format_args!("TLS: openssl cannot be run: {error}"));
                None
            }
        }
    };
    for name in ["root", "other"] {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let subject = format!("/CN=pgdmp test {name}");
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "3",
            "-subj",
            &subject,
            "-keyout",
            &key,
            "-out",
            &certificate,
        ])?;
    }
    fs::write(format!("{folder}/names"), "subjectAltName=DNS:localhost\n").unwrap();
    for (name, by, subject) in [
        ("server", "root", "/CN=localhost"),
        ("client", "root", "/CN=postgres"),
        ("stranger", "other", "/CN=postgres"),
    ] {
        let file = |end: &str| format!("{name}.{end}");
        let [by, by_key] = ["crt", "key"].map(|end| format!("{by}.{end}"));
        openssl(&[
            "req",
            "-new",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            subject,
            "-keyout",
            &file("key"),
            "-out",
            &file("csr"),
        ])?;
        openssl(&[
            "x509",
            "-req",
            "-in",
            &file("csr"),
            "-CA",
            &by,
            "-CAkey",
            &by_key,
            "-CAcreateserial",
            "-days",
            "3",
            "-extfile",
            "names",
            "-out",
            &file("crt"),
        ])?;
        fs::set_permissions(format!("{folder}/{name}.key"), Permissions::from_mode(0o600)).unwrap();
    }
    let password = format!("pass:{PASSWORD}");
    let encrypted = ["-in", "client.key", "-aes256", "-passout", &password, "-out", "locked.key"];
    openssl(&[&["rsa"][..], &encrypted].concat())?;
    fs::set_permissions(format!("{folder}/locked.key"), Permissions::from_mode(0o600)).unwrap();
    fs::copy(format!("{folder}/client.key"), format!("{folder}/open.key")).unwrap();
    fs::set_permissions(format!("{folder}/open.key"), Permissions::from_mode(0o644)).unwrap();
    Some(())
}

fn restore(server: &Server, program: &str, more: &[&str], connection: &str, dump: &str) -> Output {
    let mut command = server.command(program);
    // Nobody's own certificates.
    command.env("HOME", server.path("files")).args(more).args(["-w", "-d", connection]).arg(dump);
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn certificates_are_checked_as_libpq_does() {
    let Some(server) = Server::start("certificates_are_checked_as_libpq_does") else { return };
    let files = server.path("files");
    fs::create_dir(&files).unwrap();
    if certificates(&files).is_none() {
        return;
    }
    server.create("db", "UTF8");
    server.create("strict", "UTF8");
    let dump = server.path("t.dump");
    server.client("psql", &["-X", "-q", "-c", "CREATE TABLE t AS SELECT 1 AS n", "-d", "db"]);
    server.client("pg_dump", &["-Fc", "-f", &dump, "db"]);
    server.client("psql", &["-X", "-q", "-c", "DROP TABLE t", "-d", "db"]);
    if server.root {
        run(&mut Command::new("chown"), &["-R", "postgres", &files, &dump]);
    }
    let rules = "hostssl strict all 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 trust\n\
                 local all all trust\n";
    fs::write(server.path("data/pg_hba.conf"), rules).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let socket = server.path("");
    let mut options = format!(
        "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={socket} \
         -c fsync=off -c ssl=on"
    );
    for (setting, file) in [("cert_file", "server.crt"), ("key_file", "server.key")] {
        options += &format!(" -c ssl_{setting}={files}/{file}");
    }
    options += &format!(" -c ssl_ca_file={files}/root.crt");
    let (data, log) = (server.path("data"), server.path("log"));
    server.run("pg_ctl", &["-D", &data, "-w", "-l", &log, "-o", &options, "restart"]);
    let psql = |database: &str, sql: &str| {
        let args = ["-X", "-q", "-At", "-h", &socket, "-p", &port, "-U", "postgres", "-c", sql];
        server.run("psql", &[&args[..], &["-d", database]].concat()).trim_end().to_owned()
    };
    let ours = env!("CARGO_BIN_EXE_pgdmp");
    let mut connected = 0;
    for (way, refusal) in WAYS {
        let mut connection =
            format!("host=localhost hostaddr=127.0.0.1 port={port} user=postgres dbname=db {way}");
        connection = connection.replace("=F/", &format!("={files}/"));
        let database = if way.contains("strict") { "strict" } else { "db" };
        let answers =
            [("pg_restore", &[][..]), (ours, &["restore", "--exact"]), (ours, &["restore", "-j2"])]
                .map(|(program, more)| {
                    let output = restore(&server, program, more, &connection, &dump);
                    let rows = psql(database, "SELECT count(*) FROM pg_class WHERE relname = 't'");
                    psql(database, "DROP TABLE IF EXISTS t");
                    let said =
                        String::from_utf8_lossy(&output.stderr).replace("pg_restore: ", "pgdmp: ");
                    (output.status.code(), said, rows)
                });
        let code = if refusal.is_some() { 1 } else { 0 };
        let rows = if refusal.is_some() { "0" } else { "1" };
        assert_eq!(
            (answers[0].0, &answers[0].2[..]),
            (Some(code), rows),
            "{way}: {}",
            answers[0].1
        );
        assert!(answers[0].1.contains(refusal.unwrap_or_default()), "{way}: {}", answers[0].1);
        assert_eq!(answers[1], answers[0], "{way}");
        assert_eq!(answers[2], answers[0], "{way}");
        connected += usize::from(code == 0);
    }
    assert_eq!(connected, 6);
    assert!(Path::new(&files).join("root.crt").exists());

    // The password of a key has no variable of the environment: it reaches pg_dump nevertheless, and
    // nobody sees it.
    let wrapper = format!("{files}/pg_dump");
    let program = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] || {{ echo \"$@\"; env; }} > {files}/seen\nexec {} \"$@\"\n",
        server.program("pg_dump").display()
    );
    fs::write(&wrapper, program).unwrap();
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
    psql("strict", "CREATE TABLE t AS SELECT 1 AS n");
    let written = format!("{files}/locked.dump");
    let dumped = |password: &str| {
        let password = password.replace('\\', "\\\\").replace('\'', "\\'");
        let connection = format!(
            "host=localhost hostaddr=127.0.0.1 port={port} user=postgres dbname=strict sslmode=require \
             sslcert={files}/client.crt sslkey={files}/locked.key sslpassword='{password}'"
        );
        let more = ["dump", "-w", "-j2", "--pg-dump", &wrapper, "-f", &written, "-d", &connection];
        let mut command = server.command(ours);
        command.env("HOME", &files).args(more).stdin(Stdio::null()).output().unwrap()
    };
    let output = dumped("wrong");
    assert_eq!(output.status.code(), Some(2));
    assert!(!Path::new(&written).exists());
    let output = dumped(PASSWORD);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(Path::new(&written).exists());
    let seen = fs::read_to_string(format!("{files}/seen")).unwrap();
    assert!(seen.contains("sslkey") && !seen.contains("hunter"), "{seen}");
}
