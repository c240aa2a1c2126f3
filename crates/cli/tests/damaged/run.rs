//! A run of the program, with a limit to its time and output.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No run over so small an archive takes so long, on any machine.
pub(super) const LONGEST: Duration = Duration::from_secs(20);
/// Nor writes so much.
const MOST: u64 = 256 << 20;

/// How a run ended.
#[derive(Debug, Clone)]
pub(super) struct Ran {
    pub(super) args: Vec<String>,
    pub(super) piped: bool,
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Ran {
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim_end().to_owned()
    }

    pub(super) fn title(&self) -> String {
        let pipe = if self.piped { " < pipe" } else { "" };
        format!("{}{pipe}: {} {:?}", self.args.join(" "), self.code, self.said())
    }
}

/// Runs a program in a folder, the archive coming through a pipe if there are bytes.
///
/// # Errors
///
/// No end, no end of its output, or an end by a signal.
pub(super) fn run(
    program: &Path,
    folder: &Path,
    args: &[&str],
    pipe: Option<&[u8]>,
    longest: Duration,
) -> Result<Ran, String> {
    let (mut stdout, mut stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut child = Command::new(program)
        .args(args.iter().map(OsString::from))
        .current_dir(folder)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdin(if pipe.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let status = std::thread::scope(|scope| {
        if let (Some(mut stdin), Some(bytes)) = (stdin, pipe) {
            // Who has seen enough closes it.
            scope.spawn(move || drop(stdin.write_all(bytes)));
        }
        let (since, mut pause) = (Instant::now(), Duration::from_micros(300));
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return Ok(status);
            }
            let written = stdout.metadata().unwrap().len() + stderr.metadata().unwrap().len();
            if since.elapsed() > longest || written > MOST {
                child.kill().unwrap();
                child.wait().unwrap();
                return Err(format!(
                    "{args:?}: no end after {:?}, {written} bytes",
                    since.elapsed()
                ));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    })?;
    let read = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let (out, err) = (read(&mut stdout), read(&mut stderr));
    let shown = String::from_utf8_lossy(&err);
    let code = status.code().ok_or_else(|| format!("{args:?}: {status}, {shown}"))?;
    Ok(Ran {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        piped: pipe.is_some(),
        code,
        stdout: out,
        stderr: err,
    })
}
