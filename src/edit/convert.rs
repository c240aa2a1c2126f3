//! An archive, or a part of it, as a new archive: in another format, compression or version.

use std::io::{Seek, Write};
use std::path::Path;

use super::choice::{Choice, Edit};
use super::contents::ToCome;
use super::jobs::{move_all, move_as_it_comes};
use super::note::Note;
use super::plan::{Plan, Source};
use super::rewrites::Rewrites;
use super::split::Part;
use super::target::Target;
use crate::archive::{
    Archive, ArchiveBuilder, ArchiveWriter, OnEntry, OnWarning, Pass, Warn, tell,
};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::select::Selected;
use crate::toc::{EntryFields, Format, TocEntry};

/// Converts an archive to another format, compression or archive version, or extracts a part of it.
///
/// Data that keeps its compression is copied as it is stored. Between a custom and a directory
/// archive with gzip, the deflate data stays and only its wrapper is made again. If nothing
/// changes, a file or directory is copied byte for byte.
///
/// ```
/// use pgdmp::{Algorithm, Archive, Conversion, Format, Selection, Target};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selection = Selection::new().schema_only(true).create(true);
/// let selected = selection.apply(archive.toc())?;
/// let target = Target::new().format(Format::Tar);
/// let conversion = Conversion::new(&archive, &target, Some(&selected))?;
/// for note in conversion.notes() {
///     eprintln!("{note}");
/// }
/// let tar = conversion.write(std::io::Cursor::new(Vec::new()))?.into_inner();
/// assert_eq!(Archive::read(tar)?.format(), Format::Tar);
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub struct Conversion<'a> {
    pass: Pass<'a>,
    plan: Plan,
    rewrites: Rewrites<'a>,
    on_warning: OnWarning<'a>,
    on_entry: Option<OnEntry>,
}

impl std::fmt::Debug for Conversion<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversion").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<'a> Conversion<'a> {
    /// Plans a conversion of the selected entries, or of all. The selection may have been
    /// [adapted](crate::adapt::Adaptation) to another server.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for settings that the target cannot have, for
    /// example a compression that its version lacks.
    pub fn new(
        archive: &'a Archive,
        target: &Target,
        selected: Option<&Selected<'a>>,
    ) -> Result<Self> {
        Conversion::of_archive(archive, target, selected.into(), None)
    }

    /// Plans a conversion in which `edit` can change the fields of entries, for example an owner, a
    /// schema or a definition, and drop entries by returning `false`. It is called for each
    /// selected entry, in the order of the new archive.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and dump ids that are not unique.
    pub fn edited(
        archive: &'a Archive,
        target: &Target,
        selected: Option<&Selected<'a>>,
        mut edit: impl FnMut(TocEntry<'a>, &mut EntryFields<'a>) -> bool,
    ) -> Result<Self> {
        Conversion::of_archive(archive, target, selected.into(), Some(&mut edit))
    }

    /// Plans a conversion of one part of the archive; see [`split`](crate::edit::parts()).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_part(archive: &'a Archive, target: &Target, part: &Part) -> Result<Self> {
        let choice = Choice::Places(&part.entries);
        Conversion::of_archive(archive, target, choice, None)
    }

    fn of_archive(
        archive: &'a Archive,
        target: &Target,
        choice: Choice<'_, 'a>,
        edit: Option<&mut Edit<'_, 'a>>,
    ) -> Result<Self> {
        let plan = Plan::new(Source::of(archive), target, choice, edit, &Rewrites::new())?;
        let pass = archive.pass();
        Ok(Conversion {
            pass,
            plan,
            rewrites: Rewrites::new(),
            on_warning: Box::new(|_| {}),
            on_entry: None,
        })
    }

    /// Plans a conversion of a file, a directory or a pipe; see
    /// [`Input::pass`](crate::Input::pass). The selection may borrow the [shared table of
    /// contents](crate::Input::shared_toc).
    ///
    /// The data of a pipe is converted in the order in which it comes. A custom archive that can
    /// seek and a directory accept any order. A tar and a pipe need the order of the new entries.
    ///
    /// ```
    /// use pgdmp::{Conversion, Input, Selection, Target};
    ///
    /// let mut input = Input::open("fixtures/pg17/small-custom.dump")?;
    /// let toc = input.shared_toc();
    /// let selected = Selection::new().apply(&toc)?;
    /// let conversion = Conversion::of_pass(input.pass(), &Target::new(), Some(&selected))?;
    /// conversion.write(std::io::Cursor::new(Vec::new()))?;
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new). A pipe is refused if the OIDs of its large objects must be known
    /// before they come, or several groups of large objects must be combined: in conversions from
    /// versions before 1.12, and from 1.16 to older versions.
    pub fn of_pass(
        pass: Pass<'a>,
        target: &Target,
        selected: Option<&Selected<'_>>,
    ) -> Result<Self> {
        Conversion::rewriting(pass, target, selected, Rewrites::new())
    }

    /// Plans a conversion like [`of_pass`](Self::of_pass) in which the rows of some tables are
    /// rewritten. Their data is decompressed and compressed again; all other data is moved as
    /// otherwise. If any table is rewritten, all statistics of the planner (`STATISTICS DATA` and
    /// `EXTENDED STATISTICS DATA`, since PostgreSQL 18) are left out, because they hold values of
    /// the rows as these were. See the example of [`Rewrites`].
    ///
    /// # Errors
    ///
    /// As [`of_pass`](Self::of_pass), and rewrites of entries that the archive does not have, or
    /// that have no rows.
    pub fn rewriting(
        pass: Pass<'a>,
        target: &Target,
        selected: Option<&Selected<'_>>,
        rewrites: Rewrites<'a>,
    ) -> Result<Self> {
        let (toc, format) = (pass.toc(), pass.format());
        let source = match pass.archive() {
            Some(archive) => Source::of(archive),
            None => {
                Source { toc, format, contents: &ToCome(toc), copies: false, damage: pass.damage() }
            }
        };
        rewrites.check(toc)?;
        let plan = Plan::new(source, target, selected.into(), None, &rewrites)?;
        if pass.archive().is_none() && plan.jobs.iter().any(|job| job.sources.len() > 1) {
            return Err(Error::usage(
                "the archive has several groups of large objects, which the version cannot have; \
                 save it in a file first",
            ));
        }
        Ok(Conversion { pass, plan, rewrites, on_warning: Box::new(|_| {}), on_entry: None })
    }

    /// Changes that the conversion makes beyond the settings of its target.
    pub fn notes(&self) -> &[Note] {
        &self.plan.notes
    }

    /// Calls `warning` for each defect of the archive that is met during the conversion. The defect
    /// is mended in the new archive, unless nothing changes: then the archive is copied as it is.
    pub fn on_warning(&mut self, warning: impl FnMut(&Finding) + 'a) -> &mut Self {
        self.on_warning = Box::new(warning);
        self
    }

    /// Calls `on_entry` with each entry of the new archive whose data begins to be written, to show
    /// progress. Where nothing changes the archive is copied, and there is no such call.
    pub fn on_entry(
        &mut self,
        on_entry: impl Fn(TocEntry<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.on_entry = Some(OnEntry::new(on_entry));
        self
    }

    /// Writes the new archive into a new file or directory, without synchronising it with the disk.
    ///
    /// # Errors
    ///
    /// Damage of the data, and errors of the file system. Output that was written before an error
    /// is not a valid archive.
    pub fn create(self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let Some(archive) = self.unchanged() else {
            return self.run(|builder| builder.create(path)).map(drop);
        };
        self.copy(|decode, warn| archive.copy_to(path, decode, warn))
    }

    /// Writes a custom or tar archive into anything that can seek.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and a directory archive.
    pub fn write<W: Write + Seek>(self, sink: W) -> Result<W> {
        match self.unchanged_file() {
            Some(archive) => self.copy(|decode, warn| archive.copy_into(sink, decode, warn)),
            None => self.run(|builder| builder.start(sink)),
        }
    }

    /// Writes a custom or tar archive into a pipe; see
    /// [`start_pipe`](crate::ArchiveBuilder::start_pipe).
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_pipe<W: Write>(self, sink: W) -> Result<W> {
        match self.unchanged_file() {
            Some(archive) => self.copy(|decode, warn| archive.copy_into_pipe(sink, decode, warn)),
            None => self.run(|builder| builder.start_pipe(sink)),
        }
    }

    /// The archive, if it is to be copied as it is.
    fn unchanged(&self) -> Option<&'a Archive> {
        self.pass.archive().filter(|_| self.plan.unchanged)
    }

    fn unchanged_file(&self) -> Option<&'a Archive> {
        self.unchanged().filter(|archive| archive.format() != Format::Directory)
    }

    fn copy<T>(self, copy: impl FnOnce(bool, &mut Warn<'_>) -> Result<T>) -> Result<T> {
        let Conversion { plan, mut on_warning, .. } = self;
        copy(plan.ways.decode, &mut |warning| tell(&mut on_warning, &warning))
    }

    /// Begins the new archive, moves all data, and completes it.
    fn run<W: Write>(
        self,
        start: impl FnOnce(ArchiveBuilder) -> Result<ArchiveWriter<W>>,
    ) -> Result<W> {
        let Conversion { mut pass, plan, rewrites, mut on_warning, on_entry } = self;
        let mut writer = start(plan.builder)?;
        writer.tell_of_entries(on_entry);
        let warn = &mut |warning| tell(&mut on_warning, &warning);
        match pass.archive() {
            Some(archive) => {
                move_all(&[archive], &plan.jobs, &mut writer, plan.ways, &rewrites, warn)?;
            }
            None => {
                move_as_it_comes(&mut pass, &plan.jobs, &mut writer, plan.ways, &rewrites, warn)?;
            }
        }
        pass.refuse_surplus(!plan.jobs.is_empty())?;
        writer.finish()
    }
}
