//! What a restore costs.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Result;
use crate::far::Far;
use crate::server::Server;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) wall: f64,
    /// Of the client, with all processes that it started.
    pub(crate) cpu: f64,
    /// What the server wrote to its log, in MB.
    pub(crate) wal: f64,
    pub(crate) commits: u64,
    /// Of the client's largest process, in MB.
    pub(crate) memory: f64,
    /// What the client read of files, in MB.
    pub(crate) read: f64,
}

impl Usage {
    /// The least of each.
    pub(crate) fn best(all: &[Usage]) -> Usage {
        let least = |of: fn(&Usage) -> f64| all.iter().map(of).fold(f64::INFINITY, f64::min);
        Usage {
            wall: least(|usage| usage.wall),
            cpu: least(|usage| usage.cpu),
            wal: least(|usage| usage.wal),
            commits: all.iter().map(|usage| usage.commits).min().unwrap_or(0),
            memory: least(|usage| usage.memory),
            read: least(|usage| usage.read),
        }
    }
}

const COMMITS: &str = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'target'";

/// Runs a restore, a command of the shell, into the database `target`. `far`: each message between
/// client and server takes half a millisecond.
pub(crate) fn restore(server: &Server, command: &[String], far: bool) -> Result<Usage> {
    let far = if far { Some(Far::start(&server.path(""))?) } else { None };
    let host = far.as_ref().map_or_else(|| server.path(""), Far::host);
    let begin = server.sql("postgres", "SELECT pg_current_wal_insert_lsn()")?;
    let start = Instant::now();
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .env("PGHOST", host)
        .env("PGUSER", "postgres")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut text = String::new();
            let _ = std::io::Read::read_to_string(&mut pipe, &mut text);
            text
        })
    });
    let read = read_at_end(child.id());
    let wall = start.elapsed();
    let result = child.wait4()?;
    let said = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    if !result.status.success() {
        return Err(said.lines().next().unwrap_or("failed").to_owned().into());
    }
    let wal = format!("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{begin}')");
    let wal: f64 = server.sql("postgres", &wal)?.parse()?;
    // The server counts with a delay.
    thread::sleep(Duration::from_millis(600));
    let usage = result.rusage;
    Ok(Usage {
        wall: wall.as_secs_f64(),
        cpu: (usage.utime + usage.stime).as_secs_f64(),
        wal: wal / 1e6,
        commits: server.sql("postgres", COMMITS)?.parse()?,
        memory: usage.maxrss as f64 / 1e6,
        read,
    })
}

/// Waits until the process has ended, and gives how much it and its children read, in MB.
fn read_at_end(process: u32) -> f64 {
    let mut read = 0.0;
    loop {
        let Ok(state) = fs::read_to_string(format!("/proc/{process}/stat")) else { return read };
        if let Ok(text) = fs::read_to_string(format!("/proc/{process}/io")) {
            let bytes = text.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok());
            read = bytes.map_or(read, |bytes: f64| bytes / 1e6);
        }
        let state = state.rsplit(") ").next().and_then(|rest| rest.chars().next());
        if state == Some('Z') {
            return read;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
