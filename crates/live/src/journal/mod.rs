//! The journal of a restore: what is done, so that another run goes on where this one ended.
//!
//! A line for each event, written before or after it as it is safe. A line that says `begin` is
//! there before the first statement of the entry; one that says `done` comes after the last one is
//! committed. A run that goes on skips what is done. What was begun is in doubt: that an object
//! exists already is then no error, and a table is emptied, or must be empty, before its rows come.
//!
//! ```text
//! options.rs  `JournalOptions`
//! head.rs     the first lines: which restore it is
//! known.rs    the other lines, as an earlier run left them
//! file.rs     the file, and writing a line
//! place.rs    the server and its database: whether they are the same, and what a crash took
//! ```

mod file;
mod head;
mod known;
mod options;
mod place;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use pgdmp::DumpId;
use pgdmp::script::ScriptOptions;
use pgdmp::select::Selected;

use crate::existing::Objects;
use crate::fatal::Fatal;
use crate::means::Means;
use crate::root::root_of;
use crate::unlogged::Unlogged;
use file::{Output, lock, new_file, own_file};
use head::head;
use known::{Known, Past, read};

pub use options::JournalOptions;

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
        let file = Mutex::new(Output::new(file));
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
        self.output().note(line).map_err(|error| {
            let path = self.path.display();
            Fatal::server(format!("could not write to the journal \"{path}\": {error}"))
        })
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
