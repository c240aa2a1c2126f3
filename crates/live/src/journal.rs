//! The journal of a restore: what is done, so that another run goes on where this one ended.
//!
//! A line for each event, written before or after it as it is safe. A line that says `begin` is
//! there before the first statement of the entry; one that says `done` comes after the last one is
//! committed. A run that goes on skips what is done. What was begun is in doubt: that an object
//! exists already is then no error, and a table is emptied, or must be empty, before its rows come.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use pgdmp::DumpId;
use pgdmp::script::ScriptOptions;
use pgdmp::select::Selected;

use crate::backend::{self, one};
use crate::epoch::Epoch;
use crate::existing::Objects;
use crate::fatal::Fatal;
use crate::means::Means;
use crate::root::root_of;
use crate::session::Session;
use crate::sink::is_gone;
use crate::unlogged::Unlogged;

/// The first line of the file.
const FIRST: &str = "pgdmp journal 1";
/// No line is longer.
const LONGEST_LINE: u64 = 4096;

/// Where a restore notes what is done, and whether it goes on from what is noted there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalOptions {
    pub(crate) path: PathBuf,
    pub(crate) resume: bool,
    pub(crate) reload: bool,
}

impl JournalOptions {
    /// A restore from the beginning. A file that exists already is refused: it may be the journal
    /// of a restore that can be resumed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        JournalOptions { path: path.into(), resume: false, reload: false }
    }

    /// Whether the restore goes on where the journal ends. If there is no journal, it begins one.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Whether a table that was there before the restore, and has rows, is emptied before its rows
    /// are loaded again. Otherwise the restore ends there: the rows may be those of an earlier run.
    #[must_use]
    pub fn reload(mut self, reload: bool) -> Self {
        self.reload = reload;
        self
    }

    /// Whether there is a journal that the restore goes on with.
    pub fn goes_on(&self) -> bool {
        self.resume && self.path.exists()
    }
}

/// What an earlier run did with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    Begun,
    /// The server said that the object was there before.
    Conflict,
    Done,
}

/// What the earlier runs noted.
#[derive(Debug, Default)]
struct Known {
    entries: HashMap<DumpId, Past>,
    /// Tables that were analyzed, by their data.
    analyzed: HashSet<DumpId>,
    /// The last transactions of rows that only these tell of.
    transactions: HashMap<DumpId, u64>,
    /// What a server that did not crash since says of itself.
    epoch: Option<Epoch>,
    /// Whether the objects that are to be dropped before all are dropped.
    cleaned: bool,
    /// The database that the restore connected to.
    database: Option<Vec<u8>>,
    /// Which server, and which database of it, as [`WHERE`] says.
    servers: Vec<String>,
    /// Sessions that may still run.
    sessions: Vec<String>,
}

/// A journal that is open.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    known: Known,
    resumed: bool,
    reload: bool,
    cleaned: AtomicBool,
    /// What the restore makes.
    objects: Objects,
    /// The tables by way of which rows have come, or are coming.
    roots: Mutex<HashSet<Vec<u8>>>,
    /// What a crash of the server takes away.
    unlogged: Unlogged,
    /// What it took away since an earlier run.
    lost: OnceLock<HashSet<DumpId>>,
    file: Mutex<Output>,
}

#[derive(Debug)]
struct Output {
    file: File,
    synced: Instant,
    /// Whether the file is of no use any more.
    removed: bool,
    /// Why nothing more can be written.
    failed: Option<io::Error>,
}

/// System identifier and database: what is restored into.
const WHERE: &str = "SELECT s.system_identifier::pg_catalog.text || ' ' || d.oid::pg_catalog.text \
                     FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d \
                     WHERE d.datname = pg_catalog.current_database()";
const WHERE_BEFORE: &str = "SELECT oid::pg_catalog.text FROM pg_catalog.pg_database WHERE datname = \
                            pg_catalog.current_database()";
impl Journal {
    /// Opens a journal for a restore of these entries.
    pub(crate) fn open(
        options: &JournalOptions,
        selected: &Selected<'_>,
        script: &ScriptOptions,
        means: Means,
    ) -> Result<Journal, Fatal> {
        let path = options.path.clone();
        let about = |what: &str, error: io::Error| {
            Fatal::server(format!("could not {what} the journal \"{}\": {error}", path.display()))
        };
        let head = head(selected, script, means).map_err(|error| about("begin", error))?;
        let existing = match own_file(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(about("open", error)),
        };
        let resumed = existing.is_some();
        if resumed && !options.resume {
            return Err(Fatal::server(format!(
                "there is a journal \"{}\" of a restore that did not end: resume it, or remove \
                 the file to begin anew",
                path.display()
            )));
        }
        let (file, known) = match existing {
            Some(file) => {
                lock(&file).map_err(|error| about("lock", error))?;
                let known = read(&file, &head).map_err(|error| about("read", error))?;
                (file, known)
            }
            None => {
                let mut file = new_file(&path).map_err(|error| about("create", error))?;
                lock(&file).map_err(|error| about("lock", error))?;
                file.write_all(head.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|error| about("write", error))?;
                (file, Known::default())
            }
        };
        let file =
            Mutex::new(Output { file, synced: Instant::now(), removed: false, failed: None });
        let cleaned = AtomicBool::new(known.cleaned);
        let came = |id: DumpId| {
            known.entries.get(&id) == Some(&Past::Done) || known.transactions.contains_key(&id)
        };
        let roots = selected.all().filter(|(entry, _)| came(entry.dump_id()));
        let roots = roots.filter_map(|(entry, _)| root_of(&entry).map(<[u8]>::to_vec)).collect();
        Ok(Journal {
            path,
            known,
            resumed,
            reload: options.reload,
            cleaned,
            objects: Objects::new(selected, script),
            roots: Mutex::new(roots),
            unlogged: Unlogged::of(selected),
            lost: OnceLock::new(),
            file,
        })
    }

    /// Whether this run goes on from another one.
    pub(crate) fn resumes(&self) -> bool {
        self.resumed
    }

    /// Whether tables with rows of unknown origin are emptied.
    pub(crate) fn reloads(&self) -> bool {
        self.reload
    }

    /// The database that an earlier run connected to.
    pub(crate) fn database(&self) -> Option<&[u8]> {
        self.known.database.as_deref()
    }

    pub(crate) fn is_cleaned(&self) -> bool {
        self.cleaned.load(Ordering::SeqCst)
    }

    /// Whether an earlier run has restored the entry.
    pub(crate) fn is_done(&self, entry: DumpId) -> bool {
        self.known.entries.get(&entry) == Some(&Past::Done) && !self.is_lost(entry)
    }

    /// Whether what an earlier run did with the entry is gone with a crash of the server.
    fn is_lost(&self, entry: DumpId) -> bool {
        self.lost.get().is_some_and(|lost| lost.contains(&entry))
    }

    /// How many entries are restored again because the server has crashed.
    pub(crate) fn losses(&self) -> usize {
        self.lost.get().map_or(0, HashSet::len)
    }

    /// Whether an earlier run may have made what the entry stands for, all of it or a part.
    pub(crate) fn is_in_doubt(&self, entry: DumpId) -> bool {
        self.known.entries.get(&entry) == Some(&Past::Begun) || self.is_lost(entry)
    }

    /// Whether something that was there before was in the way of the entry. What belongs to it
    /// went there.
    pub(crate) fn was_in_the_way(&self, entry: DumpId) -> bool {
        self.known.entries.get(&entry) == Some(&Past::Conflict)
    }

    /// Whether an earlier run has analyzed the table of this data.
    pub(crate) fn is_analyzed(&self, data: DumpId) -> bool {
        self.known.analyzed.contains(&data) && !self.is_lost(data)
    }

    /// The table of this data is analyzed.
    pub(crate) fn analyzed(&self, data: DumpId) -> Result<(), Fatal> {
        self.note(&format!("analyzed {data}"))
    }

    /// An entry is about to be restored.
    pub(crate) fn begin(&self, entry: DumpId) -> Result<(), Fatal> {
        self.note(&format!("begin {entry}"))
    }

    /// An entry is restored, without an error.
    pub(crate) fn done(&self, entry: DumpId) -> Result<(), Fatal> {
        self.note(&format!("done {entry}"))
    }

    /// Whether these are the first rows by way of a table.
    pub(crate) fn is_first_via(&self, root: &[u8]) -> bool {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner).insert(root.to_vec())
    }

    /// The rows of an entry are about to be sent, in this transaction.
    pub(crate) fn transaction(&self, rows: DumpId, transaction: u64) -> Result<(), Fatal> {
        self.note(&format!("transaction {rows} {transaction}"))
    }

    /// The last transaction in which an earlier run sent the rows of an entry.
    pub(crate) fn last_transaction(&self, rows: DumpId) -> Option<u64> {
        self.known.transactions.get(&rows).copied().filter(|_| !self.is_lost(rows))
    }

    /// An object that was there before the restore is in the way.
    pub(crate) fn conflict(&self, entry: DumpId) -> Result<(), Fatal> {
        self.note(&format!("conflict {entry}"))
    }

    /// What is to be dropped before all is dropped. May be said again and again.
    pub(crate) fn cleaned(&self) -> Result<(), Fatal> {
        if self.cleaned.swap(true, Ordering::SeqCst) { Ok(()) } else { self.note("cleaned") }
    }

    /// A session has begun. The first one ends what is left of an earlier run.
    pub(crate) fn meet(&self, session: &mut dyn Session, first: bool) -> Result<(), Fatal> {
        let place = match session.server_version() {
            90_600.. => one(session, WHERE)?,
            _ => one(session, WHERE_BEFORE)?,
        };
        if first && self.resumed {
            let known = &self.known.servers;
            if !known.is_empty() && !known.contains(&place) {
                return Err(Fatal::server(format!(
                    "the journal \"{}\" is that of a restore into another database; name another \
                     one (--journal), or remove it if that restore is over",
                    self.path.display()
                )));
            }
            // They may still be at work on what they were sent.
            backend::end(session, &self.known.sessions)?;
        }
        if first {
            self.look_for_a_crash(session)?;
        }
        if !self.known.servers.contains(&place) {
            if first {
                self.note_what_is_there(session, true)?;
            }
            self.note(&format!("server {place}"))?;
        }
        let who = backend::who(session)?;
        self.note(&format!("session {who}"))
    }

    /// The restore goes on in this database.
    pub(crate) fn connected(
        &self,
        session: &mut dyn Session,
        database: &[u8],
    ) -> Result<(), Fatal> {
        let mut line = "database ".to_owned();
        database.iter().for_each(|byte| {
            let _ = write!(line, "{byte:02x}");
        });
        self.note(&line)?;
        self.note_what_is_there(session, false)?;
        self.meet(session, false)
    }

    /// What is there before the restore is nothing of an earlier run.
    fn note_what_is_there(&self, session: &mut dyn Session, databases: bool) -> Result<(), Fatal> {
        let there = self.objects.existing(session, databases)?;
        there.into_iter().try_for_each(|object| self.conflict(object))
    }

    /// A server that has crashed since an earlier run has forgotten some of what that did.
    fn look_for_a_crash(&self, session: &mut dyn Session) -> Result<(), Fatal> {
        let now = Epoch::of(session);
        let then = &self.known.epoch;
        if self.resumed && (then.is_none() || *then != now) {
            self.lose(session)?;
        }
        match now {
            // Only now: whoever ends before this looks once more.
            Some(now) if then.as_ref() != Some(&now) => self.note(&format!("epoch {}", now.text())),
            _ => Ok(()),
        }
    }

    /// Has what is gone restored again, and drops what would be in its way.
    fn lose(&self, session: &mut dyn Session) -> Result<(), Fatal> {
        let Unlogged { again, drops, roots } = &self.unlogged;
        let is_known = |id: &DumpId| self.known.entries.contains_key(id);
        let is_done = |id: &DumpId| self.known.entries.get(id) == Some(&Past::Done);
        let drops = || drops.iter().filter(|(id, _)| is_known(id));
        let lost: HashSet<DumpId> =
            again.iter().chain(drops().map(|(id, _)| id)).copied().collect();
        let lost: HashSet<DumpId> = lost.into_iter().filter(is_done).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let set = self.objects.set_encoding();
        session.query(set.as_bytes()).map_err(|message| failed(&message, set.as_bytes()))?;
        for root in roots {
            // Which of them are gone, nobody knows.
            let sql = [b"SELECT 1 FROM ", &root[..], b" LIMIT 1"].concat();
            if session.rows(&sql).is_ok_and(|rows| !rows.is_empty()) {
                let text = [
                    b"the server has crashed, and some of the rows of ",
                    &root[..],
                    b" may be lost with its unlogged partitions: restore into a new database",
                ];
                return Err(Fatal::server(text.concat()));
            }
        }
        lost.iter().try_for_each(|id| self.note(&format!("lost {id}")))?;
        for (_, sql) in drops() {
            if let Err(message) = session.query(sql)
                && !session.last_state().is_some_and(is_gone)
            {
                return Err(failed(&message, sql));
            }
        }
        // It may be looked for once more, with the same outcome.
        let _ = self.lost.set(lost);
        Ok(())
    }

    /// The restore is complete: nothing is left to go on with.
    pub(crate) fn complete(self) -> Result<(), Fatal> {
        let removed = fs::remove_file(&self.path);
        self.output().removed = removed.is_ok();
        removed.map_err(|error| {
            let path = self.path.display();
            Fatal::server(format!("could not remove the journal \"{path}\": {error}"))
        })
    }

    /// Writes a line. The kernel has it when this returns; it is on disk a second later, or after
    /// the next line.
    fn note(&self, line: &str) -> Result<(), Fatal> {
        const PAUSE: Duration = Duration::from_secs(1);
        let mut output = self.output();
        let line = format!("{line}\n");
        let written = match output.failed {
            Some(_) => Err(io::Error::other("an earlier line could not be written")),
            None => output.file.write_all(line.as_bytes()).and_then(|()| {
                if output.synced.elapsed() >= PAUSE {
                    output.file.sync_data()?;
                    output.synced = Instant::now();
                }
                Ok(())
            }),
        };
        written.map_err(|error| {
            let path = self.path.display();
            let text = format!("could not write to the journal \"{path}\": {error}");
            output.failed.get_or_insert(error);
            Fatal::server(text)
        })
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.removed {
            let _ = self.file.sync_data();
        }
    }
}

fn failed(message: &[u8], sql: &[u8]) -> Fatal {
    Fatal::Server {
        text: [b"query failed: ", message].concat(),
        detail: Some([b"Query was: ", sql].concat()),
    }
}

/// The first lines: what is restored, and how. A journal with other ones belongs to another
/// restore.
fn head(selected: &Selected<'_>, script: &ScriptOptions, means: Means) -> io::Result<String> {
    let mut archive = Fnv::default();
    selected.toc().write_to(&mut archive).map_err(io::Error::other)?;
    let mut options = Fnv::default();
    // What is said is no matter.
    options.add(format!("{:?}", script.clone().verbose("")).as_bytes());
    // One part of a constraint may be there.
    options.add(&[means.using_index.into(), means.not_valid.into()]);
    for (entry, decision) in selected.all() {
        options.add(&entry.dump_id().0.to_le_bytes());
        options.add(format!("{:?}", decision.wanted).as_bytes());
    }
    let [archive, options] = [archive.0, options.0];
    Ok(format!("{FIRST}\narchive {archive:016x}\noptions {options:016x}\n"))
}

/// Reads what earlier runs noted, and leaves the file at the end of its last whole line.
fn read(mut file: &File, head: &str) -> io::Result<Known> {
    let damaged = |line: &str| {
        let line: String = line.chars().take(60).collect();
        io::Error::new(io::ErrorKind::InvalidData, format!("unexpected line {line:?}"))
    };
    let mut reader = BufReader::new(file);
    let mut known = Known::default();
    let mut expected = head.lines();
    let mut end = 0;
    loop {
        let mut line = Vec::new();
        let len = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\n") else {
            // A run ended in the middle of it.
            if len as u64 == LONGEST_LINE {
                return Err(damaged(&String::from_utf8_lossy(&line)));
            }
            break;
        };
        end += len as u64;
        let line =
            std::str::from_utf8(line).map_err(|_| damaged(&String::from_utf8_lossy(line)))?;
        if let Some(expected) = expected.next() {
            if line != expected {
                let what = match expected.split(' ').next() {
                    Some("archive") => {
                        "it is that of a restore of another archive; name another one (--journal), \
                         or remove it if that restore is over"
                    }
                    Some("options") => {
                        "it is that of a restore with other options or another list; go on with \
                         those, or remove it and restore into an empty database"
                    }
                    _ => "it is not the journal of a restore",
                };
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            continue;
        }
        known.line(line).ok_or_else(|| damaged(line))?;
    }
    if expected.next().is_some() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not the journal of a restore",
        ));
    }
    file.set_len(end)?;
    file.seek(io::SeekFrom::Start(end))?;
    Ok(known)
}

impl Known {
    /// Takes a line; `None` if it is none.
    fn line(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let id = || rest.parse().ok().map(DumpId);
        match word {
            "begin" => {
                // What was in the way once is not ours.
                self.entries.entry(id()?).or_insert(Past::Begun);
            }
            "conflict" => {
                self.entries.insert(id()?, Past::Conflict);
            }
            "done" => {
                self.entries.insert(id()?, Past::Done);
            }
            "lost" => {
                let id = id()?;
                self.entries.entry(id).and_modify(|past| {
                    if *past == Past::Done {
                        *past = Past::Begun;
                    }
                });
                self.analyzed.remove(&id);
                self.transactions.remove(&id);
            }
            "transaction" => {
                let (id, transaction) = rest.split_once(' ')?;
                self.transactions.insert(DumpId(id.parse().ok()?), transaction.parse().ok()?);
            }
            "epoch" => self.epoch = Some(Epoch::parse(rest)?),
            "analyzed" => drop(self.analyzed.insert(id()?)),
            "cleaned" => self.cleaned = true,
            "server" => self.servers.push(rest.to_owned()),
            "session" => self.sessions.push(plain(rest)?.to_owned()),
            "database" => self.database = Some(unhex(rest)?),
            _ => return None,
        }
        Some(())
    }
}

/// Text that is safe in a query.
fn plain(text: &str) -> Option<&str> {
    text.chars().all(|c| matches!(c, '0'..='9' | '.' | ' ')).then_some(text)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// FNV-1a, which is the same in every release of this crate.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a file that this user made and nobody else writes to.
fn own_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = no_link(&mut options).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let own = rustix::process::geteuid().as_raw();
        if metadata.uid() != own || metadata.mode() & 0o022 != 0 {
            let what = "other users could have written it";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
    }
    Ok(file)
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// A link could lead anywhere, and a FIFO would block.
fn no_link(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    }
    options
}

fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(fs::TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another restore uses it"))
        }
        // Some file systems have no locks.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}
