//! A PostgreSQL server for tests.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

/// A server of its own in a temporary folder, on a private socket, stopped when dropped.
pub struct Server {
    bin: PathBuf,
    folder: tempfile::TempDir,
    /// Whether the tests run as root, and the server as somebody else.
    pub root: bool,
    /// Roles that are there.
    roles: Mutex<HashSet<String>>,
}

impl Server {
    /// `None`, with a line that says so, where no server is wanted.
    pub fn start(what: &str) -> Option<Server> {
        if std::env::var_os("PGDMP_LIVE").is_none() {
            crate::effort::skipped(format_args!(
                "{what}: tests against a server run with PGDMP_LIVE=1"
            ));
            return None;
        }
        let bin = find_programs().expect("PGDMP_LIVE is set, but no PostgreSQL server was found");
        let folder = tempfile::Builder::new().prefix("pgdmp-live").tempdir().unwrap();
        let root = run(&mut Command::new("id"), &["-u"]) == "0\n";
        let server = Server { bin, folder, root, roles: Mutex::default() };
        if root {
            run(&mut Command::new("chown"), &["postgres", &server.path("")]);
        }
        let data = server.path("data");
        server.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
        );
        server.restart();
        Some(server)
    }

    /// Starts it again after it was stopped.
    pub fn restart(&self) {
        let (data, log) = (self.path("data"), self.path("log"));
        let options = self.options();
        let args = ["-D", &data, "-w", "-l", &log, "-o", &options, "start"];
        // Processes of one that was stopped at once may still be there.
        for _ in 0..20 {
            let mut command = self.command("pg_ctl");
            command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
            if command.status().unwrap().success() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(250));
        }
        let said = std::fs::read(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[said.len().saturating_sub(2000)..]).into_owned();
        panic!("the server does not start: {said}");
    }

    fn options(&self) -> String {
        let socket = self.path("");
        format!(
            "-c listen_addresses= -c unix_socket_directories={socket} -c fsync=off \
             -c max_locks_per_transaction=256 -c wal_level=logical -c full_page_writes=off"
        )
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().trim_end_matches('/').to_owned()
    }

    pub fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.root {
            // A server refuses to run as root.
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).env("TZ", "UTC").env("LC_ALL", "C");
        command
    }

    pub fn run(&self, program: &str, args: &[&str]) -> String {
        run(&mut self.command(program), args)
    }

    pub fn client(&self, program: &str, args: &[&str]) -> String {
        let socket = self.path("");
        let mut all = vec!["-h", &socket, "-U", "postgres"];
        all.extend(args);
        self.run(program, &all)
    }

    pub fn sql(&self, sql: &str) -> String {
        self.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-At", "-c", sql, "postgres"])
    }
}

impl Server {
    /// The release, as 15.
    pub fn release(&self) -> u32 {
        let text = self.run("postgres", &["--version"]);
        let number = text.split(' ').nth(2).and_then(|version| version.split('.').next());
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text}"))
    }

    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Makes a database.
    pub fn create(&self, name: &str, encoding: &str) {
        let name = name.replace('"', "\"\"");
        self.sql(&format!(
            "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' \
             LC_CTYPE 'C'"
        ));
    }

    /// Makes the roles and the tablespace that the databases of `fixtures/src` need.
    pub fn prepare(&self) {
        self.file("postgres", "roles.sql");
        let folder = self.path("ts");
        fs::create_dir(&folder).unwrap();
        if self.root {
            run(&mut Command::new("chown"), &["postgres", &folder]);
        }
        self.sql(&format!("CREATE TABLESPACE \"corpus ts\" LOCATION '{folder}'"));
    }

    /// Runs a file of `fixtures/src` in a database.
    pub fn file(&self, database: &str, name: &str) {
        let text = fs::read_to_string(super::fixtures::root().join("src").join(name)).unwrap();
        let text = for_release(&text, self.release());
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &path, "-d", database];
        let socket = self.path("");
        let mut command = self.command("psql");
        command.args(["-h", &socket, "-U", "postgres"]);
        // Whatever it holds is text in the encoding of the database.
        if name == "sqlascii.sql" {
            command.env("PGCLIENTENCODING", "SQL_ASCII");
        } else {
            command.env("PGCLIENTENCODING", "UTF8");
        }
        run(&mut command, &args);
    }

    /// Runs a client, and gives all that it said.
    pub fn output(&self, program: &str, args: &[&str]) -> Output {
        let socket = self.path("");
        let mut command = self.command(program);
        command.args(["-h", &socket, "-U", "postgres"]).args(args).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// Makes a role, unless it is there; its name may be in quotes.
    pub fn role(&self, name: &[u8]) {
        let Ok(name) = std::str::from_utf8(name) else { return };
        let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = bare.unwrap_or(name).replace("\"\"", "\"");
        let quoted = name.replace('"', "\"\"");
        let new = self.roles.lock().unwrap().insert(name.clone());
        if new && !name.is_empty() && name != "PUBLIC" {
            let sql = format!("CREATE ROLE \"{quoted}\"");
            self.output("psql", &["-X", "-q", "-c", &sql, "-d", "postgres"]);
        }
    }
}

/// SQL without what lies between `--@if <N` or `--@if >=N` and `--@endif` for other releases.
pub fn for_release(text: &str, release: u32) -> String {
    let mut out = String::new();
    let mut open = Vec::new();
    for line in text.lines() {
        if let Some(condition) = line.strip_prefix("--@if ") {
            let number = |sign| condition.trim().strip_prefix(sign)?.parse::<u32>().ok();
            let holds = match (number(">="), number("<")) {
                (Some(least), _) => release >= least,
                (_, Some(first)) => release < first,
                _ => panic!("{line}"),
            };
            open.push(holds);
        } else if line.starts_with("--@endif") {
            open.pop();
        } else if open.iter().all(|holds| *holds) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.path("data");
        let _ = self.command("pg_ctl").args(["-D", &data, "-m", "immediate", "stop"]).output();
    }
}

/// The installed pg_restore, for tests that need no server; `None`, with a line that says so, where
/// none is wanted.
pub fn find_pg_restore(what: &str) -> Option<PathBuf> {
    if std::env::var_os("PGDMP_LIVE").is_none() {
        crate::effort::skipped(format_args!("{what}: runs with PGDMP_LIVE=1"));
        return None;
    }
    Some(find_programs().expect("PGDMP_LIVE is set, but there is no PostgreSQL").join("pg_restore"))
}

fn find_programs() -> Option<PathBuf> {
    if let Some(bin) = std::env::var_os("PGDMP_PG_BIN") {
        return Some(bin.into());
    }
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().or_else(|| {
        let output = Command::new("pg_config").arg("--bindir").output().ok()?;
        let bin = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        bin.join("initdb").exists().then_some(bin)
    })
}

pub fn run(command: &mut Command, args: &[&str]) -> String {
    let output: Output = command
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}
