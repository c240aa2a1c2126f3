//! How a dump begins: its options, the catalog, the snapshot, the locks, the sessions.

use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;

use pgdmp::{ArchiveStream, Desc, Toc};

use super::begun::{Dump, Source};
use super::program::{Program, Run};
use super::setup::{Setup, free_slots, must};
use super::tables::{self, Division};
use super::voice::DumpVoice;
use crate::fatal::Fatal;
use crate::session::{Server, Session};

/// Tables of so many bytes are read in parts, unless something else is said.
const DIVIDED: u64 = 128 << 20;

/// How often a dump begins again because somebody changed a table while it began.
const ATTEMPTS: usize = 5;

/// Dumps a database: what `pg_dump` dumps with the same options, over several sessions.
///
/// ```no_run
/// use pgdmp_live::dump::{DumpTarget, Dumper};
/// use pgdmp_live::{Libpq, Parameters, Silent};
///
/// let server = Libpq::load()?.server(Parameters::new("host=/run/postgresql dbname=shop"));
/// let dump = Dumper::new().jobs(4).option("--schema=sales").begin(&server, &Silent)?;
/// dump.create(&DumpTarget::new(), "sales.dump")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Dumper {
    jobs: Option<usize>,
    divided: Option<u64>,
    program: Option<PathBuf>,
    options: Vec<OsString>,
    folder: Option<PathBuf>,
    setup: Setup,
}

impl Dumper {
    /// A dump of all that the user may read.
    pub fn new() -> Self {
        Dumper::default()
    }

    /// Sets the number of sessions that read, and of threads that compress. The default is one for
    /// each processor. There are never more than the server has free slots for.
    ///
    /// What waits for its turn takes 8 MiB of memory and 1 MiB more for each session, 32 MiB at
    /// most; the rest of it waits at the server, or compressed in temporary files. A session and its
    /// thread take some MiB more, and a row a few times its own length.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs.max(1));
        self
    }

    /// Sets from how many bytes on a table is read in parts by all sessions. The default is
    /// 128 MiB. Servers before PostgreSQL 14 give no parts of tables.
    pub fn divide_from(mut self, bytes: u64) -> Self {
        self.divided = Some(bytes);
        self
    }

    /// Sets which `pg_dump` reads the catalog. The default is the installed one that has the
    /// server's release, or else the next newer one.
    pub fn pg_dump(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Adds an option of `pg_dump`, which says what is dumped. An option with its value is one
    /// word, as `--schema=sales`.
    ///
    /// Not for this are options about the output and the connection, and those that have a setter
    /// here. `pg_dump` may be run several times, and its standard input is empty: a filter file must
    /// be one that can be read again.
    pub fn option(mut self, option: impl Into<OsString>) -> Self {
        self.options.push(option.into());
        self
    }

    /// Sets the role that reads (`--role`).
    pub fn role(mut self, role: impl Into<Vec<u8>>) -> Self {
        self.setup.role = Some(role.into());
        self
    }

    /// Sets the digits of floating-point numbers (`--extra-float-digits`).
    pub fn extra_float_digits(mut self, digits: i32) -> Self {
        self.setup.float_digits = Some(digits);
        self
    }

    /// Sets whether rows that the role may not see are left out (`--enable-row-security`).
    /// Otherwise a table with such rows is an error.
    pub fn row_security(mut self, enabled: bool) -> Self {
        self.setup.row_security = enabled;
        self
    }

    /// Sets the snapshot to use (`--snapshot`), which another transaction holds open until the dump
    /// has begun.
    pub fn snapshot(mut self, name: impl Into<String>) -> Self {
        self.setup.snapshot = Some(name.into());
        self
    }

    /// Sets whether to wait for a moment that no serializable transaction can spoil
    /// (`--serializable-deferrable`).
    pub fn serializable_deferrable(mut self, deferrable: bool) -> Self {
        self.setup.deferrable = deferrable;
        self
    }

    /// Sets how long to wait for the lock of a table (`--lock-wait-timeout`), as the server takes
    /// it: milliseconds, or a number with a unit.
    pub fn lock_wait_timeout(mut self, timeout: impl Into<String>) -> Self {
        self.setup.lock_wait = Some(timeout.into());
        self
    }

    /// Sets whether foreign tables are read (`--include-foreign-data`).
    pub fn foreign_data(mut self, foreign: bool) -> Self {
        self.setup.foreign = foreign;
        self
    }

    /// Sets in which folder data waits for its turn that memory does not hold. The default is the
    /// system's folder of temporary files.
    pub fn temporary_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Reads the catalog, locks the tables, and opens all sessions. From then on nothing that is
    /// done to the database changes the dump.
    ///
    /// # Errors
    ///
    /// No connection; no `pg_dump` that fits; its failure, or the server's.
    pub fn begin<'a>(
        &self,
        server: &'a dyn Server,
        voice: &'a dyn DumpVoice,
    ) -> Result<Dump<'a>, Fatal> {
        for attempt in 1.. {
            if let Some(dump) = self.attempt(server, voice)? {
                return Ok(dump);
            }
            if attempt >= ATTEMPTS || self.setup.snapshot.is_some() {
                break;
            }
            voice.info(b"a table was changed while the dump began; it begins again");
        }
        Err(Fatal::server(
            "a table was truncated or changed in its definition while the dump began",
        ))
    }

    fn attempt<'a>(
        &self,
        server: &'a dyn Server,
        voice: &'a dyn DumpVoice,
    ) -> Result<Option<Dump<'a>>, Fatal> {
        let setup = &self.setup;
        let mut first = server.connect(None, voice)?;
        let first_session = &mut *first;
        setup.prepare(first_session, b"")?;
        let program = Program::find(self.program.as_deref(), first_session.server_version())?;
        let snapshot = setup.export(first_session)?;
        let mut run = program.run(&first_session.login(), &snapshot, &self.all_options())?;
        let output = run.output()?;
        let stream = match run.hear(voice, || ArchiveStream::new(output)) {
            Ok(stream) => stream,
            // What it said of that says more.
            Err(error) => return Err(run.finish(voice).err().unwrap_or(Fatal::Archive(error))),
        };
        let toc = stream.shared_toc();
        if !tables::is_readable(&toc) {
            let source = Source::Program { run, stream: Box::new(stream) };
            let jobs = self.jobs.unwrap_or_else(processors);
            let dump = Dump { server, voice, toc, jobs, folder: None, source };
            dump.tell();
            return Ok(Some(dump));
        }
        let encoding = encoding(&toc);
        set_encoding(first_session, &encoding)?;
        self.lock(first_session, &toc, run)?;
        drop(stream);
        let wanted = match self.jobs {
            Some(jobs) => jobs,
            None => processors(),
        };
        let free = free_slots(first_session).unwrap_or(usize::MAX);
        let wanted = wanted.min(free.saturating_add(1));
        let oids = tables::oids(&toc);
        let known = tables::state(first_session, &oids)?;
        let mut others = Vec::new();
        // The first of them looks at what is there now. With one job it does nothing else.
        for number in 1..wanted.max(2) {
            let mut session = match server.connect(None, voice) {
                Ok(session) => session,
                // Somebody else took what was free.
                Err(_) if number > 1 && self.jobs.is_none() => break,
                Err(error) => return Err(error),
            };
            setup.prepare(&mut *session, &encoding)?;
            if number == 1 && tables::state(&mut *session, &oids)? != known {
                return Ok(None);
            }
            if number < wanted {
                setup.import(&mut *session, &snapshot)?;
                others.push(session);
            }
        }
        let division = Division { from: self.divided.unwrap_or(DIVIDED), any: !others.is_empty() };
        let items = tables::items(&toc, first_session, division)?;
        let jobs = others.len() + 1;
        let source = Source::Sessions { items, first, others };
        let dump = Dump { server, voice, toc, jobs, folder: self.folder.clone(), source };
        dump.tell();
        Ok(Some(dump))
    }

    /// Locks what is dumped. `pg_dump` has it locked, too, until it ends.
    fn lock(&self, session: &mut dyn Session, toc: &Toc, mut run: Run) -> Result<(), Fatal> {
        let names = tables::to_lock(session, toc)?;
        must(session, b"SAVEPOINT pgdmp")?;
        if tables::lock(session, &names, true)? {
            run.end();
        } else {
            // Somebody waits for pg_dump, and we would wait for him.
            run.end();
            must(session, b"ROLLBACK TO SAVEPOINT pgdmp")?;
            let wait = self.setup.lock_wait.as_deref();
            tables::with_wait(session, wait, |session| tables::lock(session, &names, false))?;
        }
        must(session, b"RELEASE SAVEPOINT pgdmp")
    }

    fn all_options(&self) -> Vec<OsString> {
        let Setup { role, float_digits, row_security, lock_wait, .. } = &self.setup;
        let mut all = self.options.clone();
        if let Some(role) = role {
            all.push(super::program::os_string([b"--role=", &role[..]].concat()));
        }
        if let Some(digits) = float_digits {
            all.push(format!("--extra-float-digits={digits}").into());
        }
        if *row_security {
            all.push("--enable-row-security".into());
        }
        if let Some(wait) = lock_wait {
            all.push(format!("--lock-wait-timeout={wait}").into());
        }
        all
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The encoding of names, SQL and data.
fn encoding(toc: &Toc) -> Vec<u8> {
    let entry = toc.entries().find(|entry| entry.desc() == Desc::ENCODING);
    let text = entry.and_then(|entry| entry.defn()).unwrap_or_default();
    text.split(|byte| *byte == b'\'').nth(1).unwrap_or_default().to_vec()
}

fn set_encoding(session: &mut dyn Session, encoding: &[u8]) -> Result<(), Fatal> {
    if encoding.is_empty() {
        return Ok(());
    }
    let value = super::item::literal(encoding);
    must(session, &[b"SET client_encoding = ", &value[..]].concat())
}
