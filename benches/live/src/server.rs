//! A server for the comparison, set up as one that holds real data: with checksums, and waiting for
//! the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

pub(crate) struct Server {
    bin: PathBuf,
    folder: PathBuf,
    root: bool,
}

const SETTINGS: &str = "-c listen_addresses= -c shared_buffers=512MB -c max_wal_size=8GB \
                        -c checkpoint_timeout=1h -c wal_level=replica \
                        -c max_locks_per_transaction=256 -c autovacuum=off";

impl Server {
    pub(crate) fn start(bin: Option<&Path>, folder: &Path) -> Result<Server> {
        let bin = match bin {
            Some(bin) => bin.to_owned(),
            None => newest()?,
        };
        fs::create_dir_all(folder)?;
        let folder = fs::canonicalize(folder)?;
        let root = fs::metadata("/proc/self").is_ok_and(|own| {
            use std::os::unix::fs::MetadataExt;
            own.uid() == 0
        });
        let server = Server { bin, folder, root };
        if root {
            run(Command::new("chown").arg("postgres").arg(&server.folder))?;
        }
        let data = server.path("data");
        if !Path::new(&data).exists() {
            run(server.command("initdb").args([
                "-k",
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
            ]))?;
        }
        let options = format!("{SETTINGS} -c unix_socket_directories={}", server.path(""));
        let log = server.path("log");
        run(server
            .command("pg_ctl")
            .args(["-D", &data, "-w", "-l", &log, "-o", &options, "start"]))?;
        Ok(server)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string().trim_end_matches('/').to_owned()
    }

    /// One of its programs, as the user that the server runs as.
    pub(crate) fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.folder);
        command
    }

    /// The path of one of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Runs SQL, and gives its last value.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let socket = self.path("");
        let mut command = self.command("psql");
        command.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", &socket, "-U", "postgres"]);
        run(command.args(["-d", database, "-c", sql]))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.path("data");
        let _ = run(self.command("pg_ctl").args(["-D", &data, "-m", "immediate", "stop"]));
    }
}

fn newest() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let release = path.file_name()?.to_str()?.parse().ok()?;
            Some((release, path.join("bin")))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).ok_or_else(|| "no PostgreSQL found; see --bin".into())
}

pub(crate) fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
