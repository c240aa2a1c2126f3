//! A whole dump.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::sync::Arc;
use std::thread;

use pgdmp::edit::Part;
use pgdmp::write::ArchiveWriter;
use pgdmp::{ArchiveBuilder, ArchiveStream, Conversion, Desc, Toc};

use super::board::{Board, Order};
use super::item::{DumpItem, Item};
use super::program::{Program, Run};
use super::reading::{self, Reading};
use super::setup::{Setup, free_slots, must};
use super::tables::{self, Division};
use super::target::DumpTarget;
use super::voice::{DumpEvent, DumpVoice};
use super::writing::{Ended, Writing};
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

/// A dump that has begun: its entries are settled, and its data can be read.
///
/// If it is dropped, nothing is left of it.
pub struct Dump<'a> {
    server: &'a dyn Server,
    voice: &'a dyn DumpVoice,
    toc: Arc<Toc>,
    jobs: usize,
    folder: Option<PathBuf>,
    source: Source<'a>,
}

enum Source<'a> {
    Sessions {
        items: Vec<Item>,
        /// It has the snapshot and all locks.
        first: Box<dyn Session + 'a>,
        others: Vec<Box<dyn Session + 'a>>,
    },
    /// Data of a form that `pg_dump` alone makes.
    Program { run: Run, stream: Box<ArchiveStream<ChildStdout>> },
}

impl fmt::Debug for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dump").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

impl Dump<'_> {
    /// Header and table of contents, as `pg_dump` made them.
    pub fn toc(&self) -> &Toc {
        &self.toc
    }

    /// How many sessions read.
    pub fn sessions(&self) -> usize {
        match &self.source {
            Source::Sessions { .. } => self.jobs,
            Source::Program { .. } => 1,
        }
    }

    /// What is going to be read. Nothing, if `pg_dump` reads all of it: rows as INSERT commands.
    pub fn items(&self) -> impl Iterator<Item = DumpItem<'_>> {
        let items = match &self.source {
            Source::Sessions { items, .. } => &items[..],
            Source::Program { .. } => &[],
        };
        items.iter().filter_map(|item| DumpItem::new(&self.toc, item))
    }

    fn tell(&self) {
        let entries = self.toc.entries().filter(|entry| entry.has_data()).count();
        let bytes = self.items().map(|item| item.bytes).sum();
        let sessions = self.sessions();
        self.voice.event(&DumpEvent::Planned { entries, bytes, sessions });
    }

    /// Writes it into a new file or directory, without synchronising that with the disk.
    ///
    /// # Errors
    ///
    /// A session that is lost, and errors of the file system. What was written is then no archive.
    pub fn create(self, target: &DumpTarget, path: impl AsRef<Path>) -> Result<(), Fatal> {
        let path = path.as_ref();
        match self.source {
            Source::Program { .. } => self.convert(target, |conversion| conversion.create(path)),
            Source::Sessions { .. } => {
                let all = [(0..self.toc.len()).collect()];
                self.write(target, &all, false, |_, builder| builder.create(path), drop)
            }
        }
    }

    /// Writes it into a pipe, in the order of its entries.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and a directory archive.
    pub fn write_pipe<W: Write>(self, target: &DumpTarget, sink: W) -> Result<W, Fatal> {
        let missing = || Fatal::server("nothing was written");
        let mut sink = Some(sink);
        let mut written = None;
        match self.source {
            Source::Program { .. } => {
                let sink = sink.ok_or_else(missing)?;
                self.convert(target, |conversion| {
                    written = Some(conversion.write_pipe(sink)?);
                    Ok(())
                })?;
            }
            Source::Sessions { .. } => {
                let all = [(0..self.toc.len()).collect()];
                let open = |_, builder: ArchiveBuilder| match sink.take() {
                    Some(sink) => builder.start_pipe(sink),
                    None => Err(pgdmp::Error::from(std::io::Error::other("it is written once"))),
                };
                self.write(target, &all, true, open, |out| written = Some(out))?;
            }
        }
        written.ok_or_else(missing)
    }

    /// Writes [parts](pgdmp::edit::parts()) of it, each into a new file or directory. `path` says
    /// where.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and rows as INSERT commands.
    pub fn create_parts(
        self,
        target: &DumpTarget,
        parts: &[Part],
        path: impl Fn(&Part) -> PathBuf,
    ) -> Result<(), Fatal> {
        if matches!(self.source, Source::Program { .. }) {
            return Err(Fatal::server(
                "a dump with rows as INSERT commands is not split while it is made; pgdmp split \
                 does it afterwards",
            ));
        }
        let entries: Vec<Vec<usize>> = parts.iter().map(|part| part.entries.clone()).collect();
        let create = |number: usize, builder: ArchiveBuilder| builder.create(path(&parts[number]));
        self.write(target, &entries, false, create, drop)
    }

    fn convert(
        self,
        target: &DumpTarget,
        write: impl FnOnce(Conversion<'_>) -> pgdmp::Result<()>,
    ) -> Result<(), Fatal> {
        let Source::Program { mut run, mut stream } = self.source else { return Ok(()) };
        let threads = u32::try_from(self.jobs).unwrap_or(1);
        let target = target.conversion(self.toc.header(), threads);
        let converted =
            run.hear(self.voice, || write(Conversion::of_pass(stream.pass(), &target, None)?));
        // All of it was read, or nobody wants the rest.
        drop(stream);
        match converted {
            Ok(()) => run.finish(self.voice),
            Err(error) if error.is_io() => {
                run.end();
                Err(Fatal::Archive(error))
            }
            Err(error) => Err(run.finish(self.voice).err().unwrap_or(Fatal::Archive(error))),
        }
    }

    /// Writes archives of these entries each, which `open` opens.
    fn write<W: Write>(
        self,
        target: &DumpTarget,
        archives: &[Vec<usize>],
        is_pipe: bool,
        mut open: impl FnMut(usize, ArchiveBuilder) -> pgdmp::Result<ArchiveWriter<W>>,
        mut close: impl FnMut(W),
    ) -> Result<(), Fatal> {
        let Dump { server, voice, toc, jobs, folder, source } = self;
        let Source::Sessions { items, mut first, mut others } = source else { return Ok(()) };
        let is_strict = is_pipe || target.is_tar();
        let plan = Plan::new(&toc, &items, archives, is_strict);
        let board = Board::new(&items, plan.order, jobs, folder);
        let compressor = target.builder(&toc, std::iter::empty(), 1)?.compressor();
        let reading =
            Reading { toc: &toc, items: &items, board: &board, compressor: &compressor, voice };
        let writing = Writing { toc: &toc, items: &items, board: &board, voice };
        thread::scope(|scope| {
            let first = std::iter::once(&mut first).chain(&mut others).enumerate();
            for (number, session) in first {
                let reads = move || {
                    let _ends = EndsAll(reading.board);
                    reading::read(&mut **session, number == 0, reading);
                };
                let reader = thread::Builder::new().name(format!("dump {number}"));
                if let Err(error) = reader.spawn_scoped(scope, reads) {
                    board.fail(Fatal::server(format!("a thread: {error}")));
                    break;
                }
            }
            for (rank, archive) in plan.archives.iter().enumerate() {
                let of_it = &archives[archive.number];
                let threads = if archive.is_divided { jobs } else { 1 };
                let threads = u32::try_from(threads).unwrap_or(1);
                let written = target
                    .builder(&toc, of_it.iter().copied(), threads)
                    .and_then(|builder| open(archive.number, builder))
                    .map_err(Ended::from)
                    .and_then(|writer| writing.archive(rank, archive.items, writer));
                match written {
                    Ok(out) => close(out),
                    Err(ended) => {
                        if let Ended::Failed(reason) = ended {
                            board.fail(reason);
                        }
                        // Whoever waits for the server waits no longer.
                        server.stop();
                        return;
                    }
                }
            }
        });
        if let Some(reason) = board.failure() {
            return Err(reason);
        }
        // Had it been lost, the tables had not been locked all the time.
        must(&mut *first, b"COMMIT")
    }
}

/// A thread that panics must not be waited for.
struct EndsAll<'a>(&'a Board<'a>);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(Fatal::server("a thread of the dump has ended"));
        }
    }
}

/// In which order all is done.
struct Plan {
    order: Order,
    archives: Vec<PlannedArchive>,
}

struct PlannedArchive {
    number: usize,
    /// How many items it has.
    items: usize,
    /// Whether one of them is in several units.
    is_divided: bool,
    bytes: u64,
}

impl Plan {
    fn new(toc: &Toc, items: &[Item], archives: &[Vec<usize>], is_strict: bool) -> Plan {
        // By place of the entry.
        let mut item_of = vec![None; toc.len()];
        for (number, item) in items.iter().enumerate() {
            item_of[item.place] = Some(number);
        }
        let in_archive = |places: &Vec<usize>| -> Vec<usize> {
            places.iter().filter_map(|place| *item_of.get(*place)?).collect()
        };
        let mut planned: Vec<(PlannedArchive, Vec<usize>)> = archives
            .iter()
            .enumerate()
            .map(|(number, places)| {
                let mut of_it = in_archive(places);
                if is_strict {
                    of_it.sort_unstable();
                } else {
                    // The largest first, so that none is left in the end.
                    of_it.sort_by_key(|item| (std::cmp::Reverse(items[*item].bytes), *item));
                }
                let archive = PlannedArchive {
                    number,
                    items: of_it.len(),
                    is_divided: of_it.iter().any(|item| !items[*item].is_apart()),
                    bytes: of_it.iter().map(|item| items[*item].bytes).sum(),
                };
                (archive, of_it)
            })
            .collect();
        planned.sort_by_key(|(archive, _)| (std::cmp::Reverse(archive.bytes), archive.number));
        let mut order =
            Order { items: Vec::new(), archives: vec![usize::MAX; items.len()], is_strict };
        for (rank, (_, of_it)) in planned.iter().enumerate() {
            for item in of_it {
                order.archives[*item] = rank;
            }
            order.items.extend_from_slice(of_it);
        }
        Plan { order, archives: planned.into_iter().map(|(archive, _)| archive).collect() }
    }
}
