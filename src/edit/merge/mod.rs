//! Several archives as one: the nightly script that dumps each table into a file of its own,
//! undone.
//!
//! Dump ids are given anew. Archives of one and the same dump (what [`split`](super::split) made,
//! or one archive converted in parts) have one set of ids, so that what depends on an entry in
//! another archive still does. What several archives define alike is taken once; what they
//! define differently is a conflict.
//!
//! Of each entry there is one reference and a few numbers: the table of contents of a database with
//! a million objects is large enough twice, as it was and as it becomes.

mod families;
mod order;
mod session;
mod unify;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::ops::Deref;
use std::path::Path;

use super::choice::{Choice, Chosen, Sections};
use super::contents::Contents;
use super::draft::Draft;
use super::job::Job;
use super::jobs::move_all;
use super::note::{Note, VersionNeed};
use super::plan;
use super::rewrites::Rewrites;
use super::settle::{require_sections, settle};
use super::target::Target;
use super::version;
use crate::archive::{
    Archive, ArchiveBuilder, ArchiveWriter, OnEntry, OnWarning, Ways, WriteOptions, tell,
};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::toc::{BlockKind, DumpId, EntryFields, Oid, Section, Toc, TocEntry};
use crate::version::{ArchiveVersion, Gate};
use families::{Ids, families};

/// Merges several archives into one.
///
/// ```
/// use pgdmp::{Archive, Target};
/// use pgdmp::edit::Merge;
///
/// let town = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let again = Archive::open("fixtures/pg17/small-custom.dump")?;
/// // Both have the rows of the same tables.
/// assert!(Merge::new(&[&town, &again], &Target::new()).is_err());
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub struct Merge<'a> {
    archives: Vec<&'a Archive>,
    builder: ArchiveBuilder,
    jobs: Vec<Job>,
    notes: Vec<Note>,
    unified: usize,
    ways: Ways,
    on_warning: OnWarning<'a>,
    on_entry: Option<OnEntry>,
}

impl std::fmt::Debug for Merge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merge").field("builder", &self.builder).finish_non_exhaustive()
    }
}

/// A new entry: where it is from, and where it belongs.
#[derive(Clone, Copy)]
struct Item {
    archive: u32,
    place: u32,
    /// Its own section, or that of the entries before it.
    section: Section,
}

/// The entries of all archives, as the new version has them.
struct Items<'a> {
    drafts: Vec<Drafts<'a>>,
    all: Vec<Item>,
}

/// The entries of one archive.
enum Drafts<'a> {
    /// As they are stored: there is nothing to remember of each.
    Stored(&'a Toc),
    Changed(Vec<Draft<'a>>),
}

impl<'a> Items<'a> {
    fn new(
        archives: &[&'a Archive],
        version: ArchiveVersion,
        notes: &mut Vec<Note>,
    ) -> Result<Items<'a>> {
        let mut items = Items { drafts: Vec::new(), all: Vec::new() };
        items.all.reserve_exact(archives.iter().map(|archive| archive.toc().len()).sum());
        for (archive, opened) in (0..).zip(archives) {
            let toc = opened.toc();
            let Chosen { mut drafts, .. } = Chosen::new(toc, Choice::All, None, *opened, notes)?;
            require_sections(&drafts)?;
            settle(&mut drafts, toc.header().version, version, *opened, notes)?;
            let mut sections = Sections::new();
            for (place, draft) in (0..).zip(&drafts) {
                let section = sections.of_next(draft.section());
                items.all.push(Item { archive, place, section });
            }
            let is_stored = |draft: &Draft<'_>| matches!(draft, Draft::Stored(_));
            items.drafts.push(match drafts.len() == toc.len() && drafts.iter().all(is_stored) {
                true => Drafts::Stored(toc),
                false => Drafts::Changed(drafts),
            });
        }
        Ok(items)
    }

    /// The numbers of all items.
    fn numbers(&self) -> std::ops::Range<u32> {
        0..self.all.len() as u32
    }

    fn archive(&self, item: u32) -> u32 {
        self.all[item as usize].archive
    }

    fn draft(&self, item: u32) -> Held<'_, 'a> {
        let Item { archive, place, .. } = self.all[item as usize];
        match &self.drafts[archive as usize] {
            Drafts::Stored(toc) => Held::Here(Draft::Stored(toc.at(place as usize))),
            Drafts::Changed(drafts) => Held::There(&drafts[place as usize]),
        }
    }
}

/// A draft, or one that lies somewhere else.
enum Held<'r, 'a> {
    Here(Draft<'a>),
    There(&'r Draft<'a>),
}

impl<'a> Deref for Held<'_, 'a> {
    type Target = Draft<'a>;

    fn deref(&self) -> &Draft<'a> {
        match self {
            Held::Here(draft) => draft,
            Held::There(draft) => draft,
        }
    }
}

impl<'a> Merge<'a> {
    /// Plans a merge. Within each section of a restore, entries keep the order of the archives.
    /// Unset settings of the target come from the archives: format and compression from the first
    /// one, and the newest version of all. The version is raised if the compression or large
    /// objects of several archives need it.
    ///
    /// The target's format is that of the first archive if it does not say, the compression that of
    /// the first, the version the newest of all, or a newer one if the compression or large objects
    /// of several archives need it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if there are no archives, or they set up
    /// different sessions (encoding, standard_conforming_strings, search path). Conflicts are
    /// named: objects that two archives define differently, and tables or large objects whose data
    /// is in both.
    pub fn new(archives: &[&'a Archive], target: &Target) -> Result<Self> {
        let names: Vec<String> = (1..=archives.len()).map(|n| format!("archive {n}")).collect();
        Merge::plan(archives, &names, target)
    }

    /// As [`new`](Self::new), with a name for each archive, as that of its file, for errors.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn named(archives: &[(&'a Archive, &str)], target: &Target) -> Result<Self> {
        let names: Vec<String> = archives.iter().map(|(_, name)| (*name).to_owned()).collect();
        let archives: Vec<&Archive> = archives.iter().map(|(archive, _)| *archive).collect();
        Merge::plan(&archives, &names, target)
    }

    fn plan(archives: &[&'a Archive], names: &[String], target: &Target) -> Result<Self> {
        let first = archives.first().ok_or_else(|| Error::usage("there is nothing to merge"))?;
        let format = target.format.unwrap_or(first.format());
        let compression = plan::compression(first.header(), format, target);
        let mut needs = vec![VersionNeed::Compression(compression.algorithm)];
        if archives.iter().filter(|archive| has_objects(archive)).nth(1).is_some() {
            needs.push(VersionNeed::LargeObjects);
        }
        let versions = archives.iter().map(|archive| archive.header().version);
        let newest = versions.max().unwrap_or(WriteOptions::OLDEST);
        let (version, newer) = version::choose(newest, target, &needs);
        let header = plan::header(first.header(), version, format, compression);
        let mut notes: Vec<Note> = newer.into_iter().collect();
        session::check(archives, names)?;
        let items = Items::new(archives, version, &mut notes)?;
        check_objects(archives, names, version.has(Gate::LargeObjectGroups))?;
        let mut ids = Ids::new(&items, families(archives, &items));
        let kept = unify::unify(&items, &mut ids, names)?;
        let unified = items.all.len() - kept.len();
        let order = order::order(kept, &items, &ids);
        let builder = ArchiveBuilder::with_header(format, header, &target.storage)?;
        let mut builder = builder.with_threads(target.storage.threads);
        order.iter().for_each(|item| items.draft(*item).announce(&mut builder));
        let mut jobs = Vec::new();
        let mut dependencies: Vec<DumpId> = Vec::new();
        let mut sections = Sections::new();
        for item in order {
            let (archive, draft) = (items.archive(item), items.draft(item));
            let section = sections.keep(draft.section(), items.all[item as usize].section);
            let of = |id| ids.find(archive, id).map(|place| ids.new_id(place));
            dependencies.clear();
            // Archives before 1.8 have none that mean anything.
            dependencies.extend(draft.dependencies().iter().filter_map(|id| of(*id)));
            let dump_id = of(draft.dump_id()).unwrap_or(draft.dump_id());
            let dependencies = &dependencies[..];
            let fields = EntryFields { dump_id, section, dependencies, ..draft.fields() };
            jobs.extend(plan::add(&mut builder, &fields, draft.sources(), archive)?);
        }
        Ok(Merge {
            archives: archives.to_vec(),
            builder,
            jobs,
            notes,
            unified,
            ways: target.ways(),
            on_warning: Box::new(|_| {}),
            on_entry: None,
        })
    }

    /// Changes that the merge makes beyond the settings of its target.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Number of entries that were left out because another archive has the same entry.
    pub fn unified(&self) -> usize {
        self.unified
    }

    /// Calls `warning` for each defect of an archive that is met during the merge. The defect is
    /// mended in the new archive.
    pub fn on_warning(&mut self, warning: impl FnMut(&Finding) + 'a) -> &mut Self {
        self.on_warning = Box::new(warning);
        self
    }

    /// Calls `on_entry` with each entry of the new archive whose data begins to be written, to show
    /// progress.
    pub fn on_entry(
        &mut self,
        on_entry: impl Fn(TocEntry<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.on_entry = Some(OnEntry::new(on_entry));
        self
    }

    /// Writes the new archive into a new file or directory.
    ///
    /// # Errors
    ///
    /// As [`Conversion::create`](crate::Conversion::create).
    pub fn create(self, path: impl AsRef<Path>) -> Result<()> {
        self.run(|builder| builder.create(path)).map(|_: File| ())
    }

    /// Writes a custom or tar archive into anything that can seek.
    ///
    /// # Errors
    ///
    /// As [`Conversion::write`](crate::Conversion::write).
    pub fn write<W: Write + Seek>(self, sink: W) -> Result<W> {
        self.run(|builder| builder.start(sink))
    }

    /// Writes a custom or tar archive into a pipe.
    ///
    /// # Errors
    ///
    /// As [`Conversion::write_pipe`](crate::Conversion::write_pipe).
    pub fn write_pipe<W: Write>(self, sink: W) -> Result<W> {
        self.run(|builder| builder.start_pipe(sink))
    }

    fn run<W: Write>(
        self,
        start: impl FnOnce(ArchiveBuilder) -> Result<ArchiveWriter<W>>,
    ) -> Result<W> {
        let Merge { archives, builder, jobs, ways, mut on_warning, on_entry, .. } = self;
        let mut writer = start(builder)?;
        writer.tell_of_entries(on_entry);
        move_all(&archives, &jobs, &mut writer, ways, &Rewrites::new(), &mut |warning| {
            tell(&mut on_warning, &warning)
        })?;
        for archive in archives {
            archive.refuse_surplus(true)?;
        }
        writer.finish()
    }
}

fn has_objects(archive: &Archive) -> bool {
    archive.entries().any(|entry| entry.data_kind() == BlockKind::LargeObjects && entry.has_data())
}

/// Two archives may not have the data of one large object.
fn check_objects(archives: &[&Archive], names: &[String], grouped: bool) -> Result<()> {
    let mut seen: HashMap<Oid, &String> = HashMap::new();
    for (archive, name) in archives.iter().zip(names) {
        for entry in
            archive.entries().filter(|e| e.data_kind() == BlockKind::LargeObjects && e.has_data())
        {
            for oid in archive.objects(entry.dump_id())? {
                if let Some(other) = seen.insert(oid, name) {
                    return Err(Error::usage(format!(
                        "{other} and {name} both have the data of large object {oid}"
                    ))
                    .in_entry(|| entry.name()));
                }
            }
        }
    }
    let owners = archives.iter().filter(|archive| has_objects(archive)).count();
    if owners > 1 && !grouped {
        return Err(Error::usage(
            "several archives have large objects, which only archive version 1.16 can keep apart; \
             pg_restore 17 and newer read it",
        ));
    }
    Ok(())
}
