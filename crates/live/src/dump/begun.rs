//! A dump that has begun: what is read, and the archives that are made of it.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::sync::Arc;
use std::thread;

use pgdmp::edit::Part;
use pgdmp::write::ArchiveWriter;
use pgdmp::{ArchiveBuilder, ArchiveStream, Conversion, Toc};

use super::board::Board;
use super::item::{DumpItem, Item};
use super::plan::Plan;
use super::program::Run;
use super::reading::{self, Reading};
use super::setup::must;
use super::target::DumpTarget;
use super::voice::{DumpEvent, DumpVoice};
use super::writing::{Ended, Writing};
use crate::fatal::Fatal;
use crate::session::{Server, Session};

/// A dump that has begun: its entries are settled, and its data can be read.
///
/// If it is dropped, nothing is left of it.
pub struct Dump<'a> {
    pub(super) server: &'a dyn Server,
    pub(super) voice: &'a dyn DumpVoice,
    pub(super) toc: Arc<Toc>,
    pub(super) jobs: usize,
    pub(super) folder: Option<PathBuf>,
    pub(super) source: Source<'a>,
}

pub(super) enum Source<'a> {
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

    pub(super) fn tell(&self) {
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
