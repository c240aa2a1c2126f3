//! `pg_dump`: which one, its run, and what it says.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::voice::DumpVoice;
use crate::fatal::Fatal;
use crate::session::Login;

/// A line of standard error is no longer.
const LONGEST_LINE: usize = 64 << 10;

/// The service with what is secret.
const SERVICE: &str = "pgdmp";

/// A program `pg_dump`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// Its release, as 18.
    pub(super) release: u32,
}

impl Program {
    /// The one that was `named`, else the installed one that fits a server best: of the same
    /// release, so that its `pg_restore` reads the archive, else of the next one that there is.
    /// `server`: as 180006.
    pub(super) fn find(named: Option<&Path>, server: u32) -> Result<Program, Fatal> {
        let wanted = server / 10_000;
        if let Some(path) = named {
            let program = Program::at(path).map_err(|error| {
                Fatal::server(format!("could not run {}: {error}", path.display()))
            })?;
            return match program.release >= wanted {
                true => Ok(program),
                false => Err(too_old(&program, wanted)),
            };
        }
        let mut all: Vec<Program> =
            candidates().iter().filter_map(|path| Program::at(path).ok()).collect();
        // Of the same release the first.
        all.sort_by_key(|program| program.release);
        match all.iter().find(|program| program.release >= wanted) {
            Some(program) => Ok(program.clone()),
            None => Err(match all.last() {
                Some(newest) => too_old(newest, wanted),
                None => Fatal::server(format!(
                    "pg_dump was not found, which reads the catalog: install the client programs \
                     of PostgreSQL {wanted} (on Debian and Ubuntu postgresql-client-{wanted}), or \
                     say where pg_dump is"
                )),
            }),
        }
    }

    /// Asks a program what it is.
    fn at(path: &Path) -> io::Result<Program> {
        let output = Command::new(path).arg("--version").stdin(Stdio::null()).output()?;
        let release = release(&output.stdout).filter(|_| output.status.success());
        let release = release.ok_or_else(|| io::Error::other("it is no pg_dump"))?;
        Ok(Program { path: path.to_owned(), release })
    }

    /// Runs it. It writes a custom archive without compression into a pipe.
    pub(super) fn run(
        &self,
        login: &Login,
        snapshot: &str,
        options: &[OsString],
    ) -> Result<Run, Fatal> {
        let mut command = Command::new(&self.path);
        command.args(["-Fc", "-Z0", "-w", "--snapshot", snapshot]).args(options);
        let mut conninfo = conninfo(&login.settings);
        // It stands in the settings already, and more than once it would count otherwise.
        command.env_remove("PGSERVICE");
        if let Some(password) = &login.password {
            // No other user sees it there, and no file is left behind.
            command.env("PGPASSWORD", os_string(password.clone()));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let secrets = service(&login.secrets)?;
        if !secrets.is_empty() {
            // Other users see a command line, and a file would stay behind a run that is killed.
            command.env("PGSERVICEFILE", "/dev/stdin").stdin(Stdio::piped());
            conninfo.extend_from_slice(format!("service='{SERVICE}'").as_bytes());
        }
        command.arg("-d").arg(os_string(conninfo));
        let failed = |error: io::Error| {
            Fatal::server(format!("could not run {}: {error}", self.path.display()))
        };
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            // It says itself what it misses.
            let _ = input.write_all(&secrets);
        }
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        let (lines, said) = mpsc::channel();
        let own = lines.clone();
        let listener = thread::Builder::new().name("pg_dump".to_owned());
        let spawned = listener.spawn(move || {
            let mut errors = BufReader::new(errors);
            while let Ok(Some(line)) = next_line(&mut errors) {
                if lines.send(Said::Line(line)).is_err() {
                    break;
                }
            }
            let _ = lines.send(Said::End);
        });
        let mut run = Run { child: Ending(child), output: Some(output), lines: own, said };
        if let Err(error) = spawned {
            run.end();
            return Err(failed(error));
        }
        Ok(run)
    }
}

fn too_old(program: &Program, wanted: u32) -> Fatal {
    let Program { path, release } = program;
    Fatal::server(format!(
        "{} is pg_dump {release}, which does not dump a server of release {wanted}: install \
         the client programs of PostgreSQL {wanted}, or say where pg_dump is",
        path.display()
    ))
}

/// Where it may be: the usual folders, and what the shell would find.
fn candidates() -> Vec<PathBuf> {
    const NAME: &str = if cfg!(windows) { "pg_dump.exe" } else { "pg_dump" };
    // A folder, the beginning of names in it, and where in those the programs are.
    const USUAL: [(&str, &str, &str); 5] = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("C:\\Program Files\\PostgreSQL", "", "bin"),
    ];
    let mut found = Vec::new();
    for (folder, prefix, inside) in USUAL {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                found.push(entry.path().join(inside).join(NAME));
            }
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    found.extend(env::split_paths(&path).map(|folder| folder.join(NAME)));
    found.push(Path::new("/usr/local/pgsql/bin").join(NAME));
    found.retain(|path| path.is_absolute() && path.is_file());
    found
}

/// The release in `pg_dump (PostgreSQL) 15.18 (Debian …)`.
fn release(version: &[u8]) -> Option<u32> {
    let version = std::str::from_utf8(version).ok()?;
    let number = version.strip_prefix("pg_dump (PostgreSQL) ")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What is secret, as a service file: the way to libpq of settings that have no variable of the
/// environment.
fn service(secrets: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<u8>, Fatal> {
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = format!("[{SERVICE}]\n").into_bytes();
    for (name, value) in secrets {
        // libpq cuts them there.
        let is_cut = value.contains(&b'\n') || value.last().is_some_and(u8::is_ascii_whitespace);
        if is_cut || cfg!(not(unix)) {
            return Err(Fatal::server(format!(
                "the value of {} cannot be given to pg_dump unseen by others",
                String::from_utf8_lossy(name),
            )));
        }
        text.extend_from_slice(&[&name[..], b"=", value, b"\n"].concat());
    }
    Ok(text)
}

/// A connection string.
fn conninfo(settings: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in settings {
        if matches!(&name[..], b"service" | b"servicefile" | b"fallback_application_name") {
            continue;
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b"='");
        for byte in value {
            if matches!(byte, b'\'' | b'\\') {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        out.extend_from_slice(b"' ");
    }
    out
}

#[cfg(unix)]
pub(super) fn os_string(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
pub(super) fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// The next line, cut to a length; `None` at the end.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = memchr::memchr(b'\n', available);
        let taken = end.unwrap_or(available.len());
        let room = LONGEST_LINE.saturating_sub(line.len());
        line.extend_from_slice(&available[..taken.min(room)]);
        input.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

enum Said {
    Line(Vec<u8>),
    /// It closed its standard error.
    End,
    /// Nobody wants to hear more, for now.
    Enough,
}

/// A `pg_dump` that runs. It is ended when this is dropped.
pub(super) struct Run {
    child: Ending,
    output: Option<ChildStdout>,
    lines: Sender<Said>,
    said: Receiver<Said>,
}

struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Run")
    }
}

impl Run {
    /// What it writes to its standard output. It is there once.
    pub(super) fn output(&mut self) -> Result<ChildStdout, Fatal> {
        self.output.take().ok_or_else(|| Fatal::server("the output of pg_dump is taken"))
    }

    /// Does something while what it says is heard.
    pub(super) fn hear<T>(&mut self, voice: &dyn DumpVoice, act: impl FnOnce() -> T) -> T {
        let (lines, said) = (&self.lines, &mut self.said);
        let (result, ended) = thread::scope(|scope| {
            let hears = scope.spawn(move || {
                loop {
                    match said.recv() {
                        Ok(Said::Line(line)) => voice.pg_dump(&line),
                        Ok(Said::Enough) => return false,
                        Ok(Said::End) | Err(_) => return true,
                    }
                }
            });
            let result = act();
            let _ = lines.send(Said::Enough);
            (result, hears.join())
        });
        if ended.unwrap_or(true) {
            // Whoever hears it again is told again.
            let _ = self.lines.send(Said::End);
        }
        result
    }

    /// Waits for its end, after its output ended. `Err`: why it failed, as far as it did not say so
    /// itself.
    pub(super) fn finish(&mut self, voice: &dyn DumpVoice) -> Result<(), Fatal> {
        loop {
            match self.said.recv() {
                Ok(Said::Line(line)) => voice.pg_dump(&line),
                Ok(Said::Enough) => {}
                Ok(Said::End) | Err(_) => break,
            }
        }
        let status = self.child.0.wait();
        let status = status.map_err(|error| Fatal::server(format!("pg_dump: {error}")))?;
        match status.success() {
            true => Ok(()),
            false => Err(Fatal::server(format!("pg_dump failed ({status})"))),
        }
    }

    /// Ends it. What it says of that is not heard.
    pub(super) fn end(&mut self) {
        let _ = self.child.0.kill();
        let _ = self.child.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        assert_eq!(release(b"pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(release(b"pg_dump (PostgreSQL) 19beta2\n"), Some(19));
        assert_eq!(release(b"psql (PostgreSQL) 15.1\n"), None);
        assert_eq!(release(b"pg_dump (PostgreSQL) x\n"), None);
    }

    #[test]
    fn values_of_a_connection_string_are_quoted() {
        let setting =
            |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let all = [setting("dbname", "it's \\ a=b"), setting("service", "x"), setting("port", "1")];
        assert_eq!(conninfo(&all), b"dbname='it\\'s \\\\ a=b' port='1' ");
    }

    #[test]
    fn what_is_secret_is_a_service() {
        let one = |value: &str| [(b"sslpassword".to_vec(), value.as_bytes().to_vec())];
        assert_eq!(service(&[]).unwrap(), b"");
        #[cfg(unix)]
        assert_eq!(service(&one(" a'=b")).unwrap(), b"[pgdmp]\nsslpassword= a'=b\n");
        for bad in ["a\nuser=b", "a "] {
            let said = service(&one(bad)).unwrap_err().to_string();
            assert!(said.contains("sslpassword") && !said.contains("user=b"), "{said}");
        }
    }

    #[test]
    fn lines_of_any_length() {
        let long = vec![b'x'; 3 * LONGEST_LINE];
        let text = [b"a\n\nb\n", &long[..], b"\nc"].concat();
        let mut input = BufReader::with_capacity(7, &text[..]);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input).unwrap() {
            lines.push(line.len());
        }
        assert_eq!(lines, [1, 0, 1, LONGEST_LINE, 1]);
    }
}
