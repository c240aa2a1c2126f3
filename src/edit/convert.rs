//! An archive, or a part of it, as a new archive: in another format, compression or version.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use super::choice::Choice;
use super::contents::ToCome;
use super::job::Job;
use super::jobs::move_all;
use super::moving::{Listeners, Moving, Passing};
use super::note::Note;
use super::plan::{Plan, Source};
use super::split::Part;
use super::target::Target;
use super::unchanged;
use crate::archive::{Archive, ArchiveBuilder, ArchiveStream, ArchiveWriter, Block};
use crate::error::{Error, Result};
use crate::format::block::BlockKind;
use crate::format::output::Output;
use crate::select::Selected;
use crate::toc::{DumpId, EntryFields, Format, TocEntry};

/// A new archive made of an opened one.
///
/// Data is moved as it is stored where the compression stays the same. Between a custom and a
/// directory archive with gzip the deflate data stays, and only its wrapper is made anew. Where
/// nothing at all changes, the new archive is the same, byte for byte.
///
/// ```
/// use pgdmp::{Algorithm, Archive, Conversion, Format, Selection, Target};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selection = Selection { schema_only: true, create: true, ..Selection::default() };
/// let selected = selection.apply(archive.toc())?;
/// let conversion = Conversion::new(&archive, Target::new().format(Format::Tar), Some(&selected))?;
/// for note in conversion.notes() {
///     eprintln!("{note}");
/// }
/// let tar = conversion.write(std::io::Cursor::new(Vec::new()))?.into_inner();
/// assert_eq!(Archive::read(tar)?.format(), Format::Tar);
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub struct Conversion<'a> {
    archive: &'a Archive,
    plan: Plan,
    listeners: Listeners<'a>,
}

impl std::fmt::Debug for Conversion<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversion").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<'a> Conversion<'a> {
    /// Plans a conversion of the selected entries, or of all. They may have been
    /// [adapted](crate::Adaptation).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for what the target cannot express: a
    /// compression that its version does not have, for example.
    pub fn new(
        archive: &'a Archive,
        target: &Target,
        selected: Option<&Selected<'a>>,
    ) -> Result<Self> {
        Conversion::edited(archive, target, selected, |_, _| true)
    }

    /// Plans a conversion in which `edit` drops entries, by returning `false`, and changes their
    /// fields as it likes: an owner, a schema, a definition. It is called for each entry that is
    /// selected, in the order of the new archive.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); and dump ids that are not unique.
    pub fn edited(
        archive: &'a Archive,
        target: &Target,
        selected: Option<&Selected<'a>>,
        mut edit: impl FnMut(TocEntry<'a>, &mut EntryFields<'a>) -> bool,
    ) -> Result<Self> {
        let plan = Plan::new(Source::of(archive), target, selected.into(), &mut edit)?;
        Ok(Conversion { archive, plan, listeners: Listeners::default() })
    }

    /// Plans a conversion of one part of the archive; see [`split`](crate::split()).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_part(archive: &'a Archive, target: &Target, part: &Part) -> Result<Self> {
        let places = Choice::Places(&part.entries);
        let plan = Plan::new(Source::of(archive), target, places, &mut |_, _| true)?;
        Ok(Conversion { archive, plan, listeners: Listeners::default() })
    }

    /// What changes besides what was asked for.
    pub fn notes(&self) -> &[Note] {
        &self.plan.notes
    }

    /// Calls `progress` with the number of stored bytes that were moved since the last call.
    pub fn on_progress(&mut self, progress: impl FnMut(u64) + 'a) -> &mut Self {
        self.listeners.progress = Box::new(progress);
        self
    }

    /// Calls `warning` with what is not as it should be in the archive, while it is converted. What
    /// is written is right, unless nothing changes: then it is as it was.
    pub fn on_warning(&mut self, warning: impl FnMut(&Error) + 'a) -> &mut Self {
        self.listeners.warning = Box::new(warning);
        self
    }

    /// Writes the new archive into a new file or directory. It is not synchronised with the disk.
    ///
    /// # Errors
    ///
    /// What is wrong with the data; those of the file system. What was written then is no
    /// archive.
    pub fn create(mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        if !self.plan.unchanged {
            let Conversion { archive, plan, listeners } = self;
            return run(archive, plan, |builder| builder.create(path), listeners).map(drop);
        }
        let (archive, passing) = (self.archive, self.passing());
        match archive.format() {
            Format::Directory => {
                unchanged::copy_members(archive, path, &passing, &mut self.listeners)
            }
            _ => unchanged::create(archive, path, &passing, &mut self.listeners),
        }
    }

    /// Writes a custom or tar archive into anything that can seek.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and a directory archive.
    pub fn write<W: Write + Seek>(mut self, sink: W) -> Result<W> {
        if self.plan.unchanged && self.archive.format() != Format::Directory {
            let output = Output::seekable(sink)?;
            return unchanged::write(self.archive, output, &self.passing(), &mut self.listeners);
        }
        let Conversion { archive, plan, listeners } = self;
        run(archive, plan, |builder| builder.start(sink), listeners)
    }

    /// Writes a custom or tar archive into a pipe; see
    /// [`start_pipe`](crate::ArchiveBuilder::start_pipe).
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_pipe<W: Write>(mut self, sink: W) -> Result<W> {
        if self.plan.unchanged && self.archive.format() != Format::Directory {
            let output = Output::pipe(sink);
            return unchanged::write(self.archive, output, &self.passing(), &mut self.listeners);
        }
        let Conversion { archive, plan, listeners } = self;
        run(archive, plan, |builder| builder.start_pipe(sink), listeners)
    }

    fn passing(&self) -> Passing {
        Passing::of(self.archive, self.plan.ways.decode)
    }
}

/// Begins the new archive, moves all data, and completes it.
fn run<W: Write>(
    archive: &Archive,
    plan: Plan,
    start: impl FnOnce(ArchiveBuilder) -> Result<ArchiveWriter<W>>,
    mut listeners: Listeners<'_>,
) -> Result<W> {
    let mut writer = start(plan.builder)?;
    move_all(&[archive], &plan.jobs, &mut writer, plan.ways, &mut listeners)?;
    archive.refuse_surplus(!plan.jobs.is_empty())?;
    writer.finish()
}

/// A new archive made of one that comes through a pipe.
///
/// As [`Conversion`], but data is taken in the order in which it comes. Into a custom archive
/// that can seek, or a directory, any order goes; a tar and a pipe need that of the new entries.
pub struct StreamConversion<'p> {
    plan: Plan,
    listeners: Listeners<'p>,
}

impl std::fmt::Debug for StreamConversion<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamConversion").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<'p> StreamConversion<'p> {
    /// Plans a conversion of the selected entries, or of all.
    ///
    /// # Errors
    ///
    /// As [`Conversion::new`]; and where the OIDs of large objects would have to be known before
    /// they come, or those of several groups to be put together: from before version 1.12 on,
    /// and from 1.16 back.
    pub fn new<R: Read + Send>(
        stream: &ArchiveStream<R>,
        target: &Target,
        selected: Option<&Selected<'_>>,
    ) -> Result<Self> {
        let (toc, format) = (stream.toc(), stream.format());
        let source = Source { toc, format, contents: &ToCome(toc), copies: false };
        let plan = Plan::new(source, target, selected.into(), &mut |_, _| true)?;
        if plan.jobs.iter().any(|job| job.sources.len() > 1) {
            return Err(Error::usage(
                "the archive has several groups of large objects, which the version has not; \
                 save it in a file first",
            ));
        }
        Ok(StreamConversion { plan, listeners: Listeners::default() })
    }

    /// What changes besides what was asked for.
    pub fn notes(&self) -> &[Note] {
        &self.plan.notes
    }

    /// Calls `progress` with the number of stored bytes that were moved since the last call.
    pub fn on_progress(&mut self, progress: impl FnMut(u64) + 'p) -> &mut Self {
        self.listeners.progress = Box::new(progress);
        self
    }

    /// Calls `warning` with what is not as it should be in the archive, while it is converted. What
    /// is written is right, unless nothing changes: then it is as it was.
    pub fn on_warning(&mut self, warning: impl FnMut(&Error) + 'p) -> &mut Self {
        self.listeners.warning = Box::new(warning);
        self
    }

    /// Writes the new archive into a new file or directory; see [`Conversion::create`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn create<R: Read + Send>(
        self,
        stream: &mut ArchiveStream<R>,
        path: impl AsRef<Path>,
    ) -> Result<()> {
        self.run(stream, |builder| builder.create(path)).map(drop)
    }

    /// Writes a custom or tar archive into anything that can seek; see [`Conversion::write`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn write<R: Read + Send, W: Write + Seek>(
        self,
        stream: &mut ArchiveStream<R>,
        sink: W,
    ) -> Result<W> {
        self.run(stream, |builder| builder.start(sink))
    }

    /// Writes a custom or tar archive into a pipe; see [`Conversion::write_pipe`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn write_pipe<R: Read + Send, W: Write>(
        self,
        stream: &mut ArchiveStream<R>,
        sink: W,
    ) -> Result<W> {
        self.run(stream, |builder| builder.start_pipe(sink))
    }

    fn run<R: Read + Send, W: Write>(
        self,
        stream: &mut ArchiveStream<R>,
        start: impl FnOnce(ArchiveBuilder) -> Result<ArchiveWriter<W>>,
    ) -> Result<W> {
        let StreamConversion { plan, mut listeners } = self;
        let mut writer = start(plan.builder)?;
        let passing = Passing {
            decode: plan.ways.decode,
            contexts: Arc::clone(stream.contexts()),
            limits: *stream.limits(),
        };
        let moving = Moving::to(&writer, plan.ways.recompress, passing);
        let jobs: HashMap<DumpId, &Job> = plan
            .jobs
            .iter()
            .filter_map(|job| job.sources.first().map(|source| (*source, job)))
            .collect();
        let mut done = HashSet::new();
        while let Some(mut block) = stream.next_block()? {
            let Some(job) = jobs.get(&block.dump_id()) else {
                no_data_denied(&block)?;
                continue;
            };
            done.insert(block.dump_id());
            match block.kind() {
                BlockKind::Data => {
                    moving
                        .piece(
                            block.piece()?,
                            |algorithm, len| writer.stored_data(job.id, algorithm, len),
                            &mut listeners,
                        )?
                        .finish()?;
                }
                BlockKind::LargeObjects => {
                    let mut out = writer.large_objects(job.id)?;
                    while let Some((oid, piece)) = block.next_piece()? {
                        moving
                            .piece(
                                piece,
                                |algorithm, len| out.stored_object(oid, algorithm, len),
                                &mut listeners,
                            )?
                            .finish()?;
                    }
                    out.finish()?;
                }
            }
        }
        for entry in stream.toc().entries() {
            if jobs.contains_key(&entry.dump_id()) && !done.contains(&entry.dump_id()) {
                // The archive says so itself, else reading it had failed.
                let error = Error::malformed("the archive has no block with the entry's data");
                return Err(error.in_entry(|| entry.name()));
            }
        }
        stream.refuse_surplus()?;
        writer.finish()
    }
}

/// Refuses to pass over the data of an entry that says it has none.
fn no_data_denied(block: &Block<'_>) -> Result<()> {
    match block.entry() {
        Some(entry) if !entry.has_data() => {
            let error = "the archive has data of the entry, which says that it has none";
            Err(Error::malformed(error).in_entry(|| entry.name()))
        }
        _ => Ok(()),
    }
}
