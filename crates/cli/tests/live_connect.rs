//! How `restore -d` finds its server and gets a password: beside the installed pg_restore.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::terminal::terminal;
use pgdmp_testkit::server::{Server, run};

/// Arguments and environment, in which `S` is the folder of the socket and `F` that of files. The
/// databases `db` and `pw` are there; to `pw` the role `secret` needs its password, which is `s3cret`.
const WAYS: &[(&str, &str)] = &[
    ("-h S -U postgres -d db", ""),
    ("-d host=S dbname=db user=postgres", ""),
    ("-h /nowhere -d host=S dbname=db user=postgres", ""),
    ("-d postgresql:///db?host=S&user=postgres", ""),
    ("-d db", "PGHOST=S PGUSER=postgres"),
    ("-U postgres -d db", "PGHOST=S"),
    ("-d db -h  -p ", "PGHOST=S PGUSER=postgres PGPORT=5432"),
    ("-d service=there", "PGSERVICEFILE=F/services"),
    ("-d dbname=db", "PGSERVICEFILE=F/services PGSERVICE=there"),
    ("-d service=elsewhere", "PGSERVICEFILE=F/services"),
    ("-d service=there", "PGSERVICEFILE=F/nowhere"),
    ("-h S -U postgres -d nowhere", ""),
    ("-h S -U nobody -d db", ""),
    ("-h /nowhere -d db", ""),
    ("-h S -p 1 -d db", ""),
    ("-h S -p x -d db", ""),
    ("-d host=S,/nowhere dbname=db user=postgres", ""),
    ("-d host=/nowhere,S dbname=db user=postgres", ""),
    ("-d host=S dbname=db user=postgres target_session_attrs=read-only", ""),
    ("-d host=S dbname=db user=postgres foo=bar", ""),
    ("-d host=S dbname=db sslmode=bogus", ""),
    ("-d postgresql:///db?nope=1", ""),
    ("-d host='S dbname=db", ""),
    ("-d ", "PGHOST=S PGUSER=postgres PGDATABASE=db"),
    ("-h S -U secret -d pw -w", ""),
    ("-h S -U secret -d pw", "PGPASSWORD=s3cret"),
    ("-h S -U secret -d pw -j2", "PGPASSWORD=s3cret"),
    ("-h S -U secret -d pw", "PGPASSWORD=wrong"),
    ("-h S -U secret -d pw", "PGPASSFILE=F/passwords"),
    ("-h S -U secret -d pw -w -j2", "PGPASSFILE=F/passwords"),
    ("-h S -U secret -d pw -w", "PGPASSFILE=F/open-passwords"),
    ("-d host=S user=secret dbname=pw password=s3cret -w", ""),
    ("-d host=S user=secret dbname=pw password=wrong", "PGPASSWORD=s3cret"),
];

/// The server, an archive of a table, and files.
fn prepared(what: &str) -> Option<(Server, String)> {
    let server = Server::start(what)?;
    server.sql("CREATE ROLE secret LOGIN SUPERUSER PASSWORD 's3cret'");
    server.create("db", "UTF8");
    server.create("pw", "UTF8");
    server.client("psql", &["-X", "-q", "-c", "CREATE TABLE t (x int)", "-d", "db"]);
    let dump = server.path("t.dump");
    server.client("pg_dump", &["-Fc", "-f", &dump, "db"]);
    server.client("psql", &["-X", "-q", "-c", "DROP TABLE t", "-d", "db"]);
    let rules = server.path("data/pg_hba.conf");
    let all = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, format!("local pw secret scram-sha-256\n{all}")).unwrap();
    server.sql("SELECT pg_reload_conf()");
    let folder = server.path("files");
    fs::create_dir(&folder).unwrap();
    let socket = server.path("");
    let at = |name: &str| Path::new(&folder).join(name);
    let service = format!("[there]\nhost={socket}\nuser=postgres\ndbname=db\n");
    fs::write(at("services"), service).unwrap();
    for (name, mode) in [("passwords", 0o600), ("open-passwords", 0o644)] {
        fs::write(at(name), format!("{socket}:*:pw:secret:s3cret\n")).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    if server.root {
        run(&mut Command::new("chown"), &["-R", "postgres", &folder, &dump]);
    }
    Some((server, dump))
}

/// Runs one of the two in a way; both as the same user.
fn restore(server: &Server, ours: bool, way: (&str, &str), dump: &str) -> Output {
    let (socket, files) = (server.path(""), server.path("files"));
    let filled = |text: &str| {
        let words = text.split(' ').map(|word| {
            let word =
                word.replace("=S", &format!("={socket}")).replace("='S", &format!("='{socket}"));
            let word =
                word.replace(",S", &format!(",{socket}")).replace("=F/", &format!("={files}/"));
            if word == "S" { socket.clone() } else { word }
        });
        words.collect::<Vec<_>>()
    };
    let mut command = server.command(if ours { env!("CARGO_BIN_EXE_pgdmp") } else { "pg_restore" });
    for variable in filled(way.1) {
        if let Some((name, value)) = variable.split_once('=') {
            command.env(name, value);
        }
    }
    if ours {
        command.args(["restore", "--exact"]);
    }
    // What is behind -d is one argument, up to the next option.
    let mut words = filled(way.0).into_iter().peekable();
    while let Some(word) = words.next() {
        command.arg(&word);
        if word == "-d" {
            let mut name = Vec::new();
            while let Some(word) = words.next_if(|word| !word.starts_with('-')) {
                name.push(word);
            }
            command.arg(name.join(" "));
        }
    }
    command.arg("-v").arg(dump).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn connections_are_those_of_the_installed_pg_restore() {
    let Some((server, dump)) = prepared("connections_are_those_of_the_installed_pg_restore") else {
        return;
    };
    let mut connected = 0;
    for way in WAYS {
        let [theirs, ours] = [false, true].map(|ours| {
            let output = restore(&server, ours, *way, &dump);
            for database in ["db", "pw"] {
                let sql = "DROP TABLE IF EXISTS t";
                server.client("psql", &["-X", "-q", "-c", sql, "-d", database]);
            }
            let mut stderr = String::from_utf8(output.stderr).unwrap();
            crate::live_restore::adjust(server.release(), &mut stderr);
            let mut lines: Vec<_> = stderr.lines().map(str::to_owned).collect();
            // Several sessions say it in any order.
            if way.0.contains("-j") {
                lines.sort();
            }
            (output.status.code(), lines)
        });
        assert_eq!(ours, theirs, "{way:?}");
        connected += usize::from(ours.0 == Some(0));
    }
    assert_eq!(connected, 17);
}

/// A password is asked for on the terminal, once, and not shown.
#[test]
fn a_password_is_asked_for() {
    let Some((server, dump)) = prepared("a_password_is_asked_for") else { return };
    let socket = server.path("");
    for (options, typed, code) in [
        (&["-U", "secret"][..], "s3cret", 0),
        (&["-U", "secret", "-W", "-j2"], "s3cret", 0),
        (&["-U", "secret"], "wrong", 1),
        (&["-U", "postgres", "-W"], "anything", 0),
    ] {
        let (screen, program) = terminal();
        let mut command = Command::new("setsid");
        command.args([
            "-c",
            "-w",
            env!("CARGO_BIN_EXE_pgdmp"),
            "restore",
            "-h",
            &socket,
            "-d",
            "pw",
        ]);
        command.args(options).arg(&dump);
        command.stdin(program.try_clone().unwrap());
        command.stdout(program.try_clone().unwrap()).stderr(program);
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut said = read_until(&screen, "Password: ");
        (&screen).write_all(format!("{typed}\n").as_bytes()).unwrap();
        let status = child.wait().unwrap();
        let mut rest = Vec::new();
        let _ = (&screen).read_to_end(&mut rest);
        said.push_str(&String::from_utf8_lossy(&rest));
        assert_eq!(status.code(), Some(code), "{options:?} {said}");
        assert_eq!(said.matches("Password").count(), 1, "{said}");
        assert!(!said.contains(typed), "{said}");
        server.client("psql", &["-X", "-q", "-c", "DROP TABLE IF EXISTS t", "-d", "pw"]);
    }
}

fn read_until(mut screen: &File, text: &str) -> String {
    let (mut said, start) = (String::new(), Instant::now());
    while !said.contains(text) && start.elapsed() < Duration::from_secs(20) {
        let mut bytes = [0; 256];
        let n = screen.read(&mut bytes).unwrap_or(0);
        said.push_str(&String::from_utf8_lossy(&bytes[..n]));
    }
    assert!(said.contains(text), "{said}");
    said
}
