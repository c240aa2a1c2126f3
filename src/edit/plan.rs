//! Which entries a new archive has, and which data each of them gets.

use std::fmt;

use super::groups;
use super::jobs::Ways;
use super::target::Target;
use crate::archive::{Archive, ArchiveBuilder, WriteOptions, kind_of};
use crate::compress::Algorithm;
use crate::encoding::Encoding;
use crate::error::{EntryName, Error, Result};
use crate::format::block::BlockKind;
use crate::select::{Decision, Selected};
use crate::text::Printable;
use crate::toc::{
    Compression, CreationTime, Definition, Desc, DumpId, EntryFields, Format, Header, Oid, Section,
    Toc, TocEntry,
};
use crate::version::{ArchiveVersion, Gate};

/// What a conversion changes besides what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The version has no table access methods. Tables get the default of the server.
    TableAccessMethods {
        /// How many entries lose theirs.
        entries: usize,
        /// One that has another than `heap`, if any has.
        not_heap: Option<EntryName>,
    },
    /// The version has no `relkind`: of a partitioned table the access method is lost.
    Relkinds {
        /// How many entries lose a partitioned table's.
        entries: usize,
    },
    /// Groups of large objects became one `BLOB` entry for each, and one `BLOBS` entry.
    GroupsResolved {
        /// How many groups there were.
        groups: usize,
        /// How many large objects they had.
        objects: usize,
    },
    /// `BLOB` entries were made for large objects, which had none before version 1.12.
    ObjectEntries {
        /// For how many.
        objects: usize,
    },
    /// Dependencies were left out: before version 1.8 they are OIDs, not dump ids.
    Dependencies,
    /// An entry whose dumper wrote data has none: the archive says so, and no block is there.
    LostData {
        /// The entry.
        entry: EntryName,
    },
    /// The archive keeps entries that only newer servers can restore.
    Statistics {
        /// How many.
        entries: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::TableAccessMethods { entries, not_heap } => {
                write!(f, "table access methods are left out, of {entries} in all")?;
                match not_heap {
                    None => f.write_str("; each is heap"),
                    Some(name) => write!(f, "; not each is heap: {name}"),
                }
            }
            Note::Relkinds { entries } => {
                write!(f, "access methods of partitioned tables are left out, of {entries} in all")
            }
            Note::GroupsResolved { groups, objects } => write!(
                f,
                "large objects got entries of their own, {objects} in all, and one for their data, \
                 instead of groups, {groups} in all"
            ),
            Note::ObjectEntries { objects } => {
                write!(f, "large objects got entries, {objects} in all")
            }
            Note::Dependencies => {
                f.write_str("dependencies are left out: in this old archive they are not dump ids")
            }
            Note::LostData { entry } => {
                write!(
                    f,
                    "the data of {entry} is not in the archive, which says so; none is written"
                )
            }
            Note::Statistics { entries } => {
                write!(f, "statistics, {entries} in all, need PostgreSQL 18 to be restored")
            }
        }
    }
}

/// The data of one new entry.
#[derive(Debug)]
pub(super) struct Job {
    /// The new entry.
    pub(super) id: DumpId,
    pub(super) kind: BlockKind,
    /// The entries whose data it gets: several for large objects of several groups.
    pub(super) sources: Vec<DumpId>,
}

/// A new entry, and what of it is not as it was.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) fields: EntryFields<'a>,
    pub(super) tag: Option<Vec<u8>>,
    pub(super) defn: Option<Vec<u8>>,
    pub(super) drop_stmt: Option<Vec<u8>>,
    pub(super) dependencies: Option<Vec<DumpId>>,
    pub(super) sources: Vec<DumpId>,
    /// That of its names, for messages.
    encoding: Encoding,
}

impl<'a> Draft<'a> {
    pub(super) fn tag(&self) -> Option<&[u8]> {
        self.tag.as_deref().or(self.fields.tag)
    }

    pub(super) fn defn(&self) -> Option<&[u8]> {
        self.defn.as_deref().or(self.fields.defn)
    }

    pub(super) fn drop_stmt(&self) -> Option<&[u8]> {
        self.drop_stmt.as_deref().or(self.fields.drop_stmt)
    }

    pub(super) fn name(&self) -> EntryName {
        let part = |part: Option<&[u8]>| match part {
            Some(part) => Printable::new(part, self.encoding).to_string(),
            None => "-".to_owned(),
        };
        EntryName {
            dump_id: self.fields.dump_id.0,
            name: format!(
                "{} {} {}",
                self.fields.desc,
                part(self.fields.namespace),
                part(self.tag())
            ),
        }
    }

    pub(super) fn new(fields: EntryFields<'a>) -> Self {
        Draft {
            fields,
            tag: None,
            defn: None,
            drop_stmt: None,
            dependencies: None,
            sources: Vec::new(),
            encoding: Encoding::UTF8,
        }
    }

    /// An entry, with its fields as they are to be.
    fn of(entry: TocEntry<'a>, fields: EntryFields<'a>) -> Self {
        Draft { encoding: entry.toc().text_encoding(), ..Draft::new(fields) }
    }

    pub(super) fn dependencies(&self) -> &[DumpId] {
        self.dependencies.as_deref().unwrap_or(self.fields.dependencies)
    }
}

/// What only a look at the data of an archive tells. It is asked only where it is needed: that may
/// take a walk over all of it.
pub(super) trait Contents {
    /// The OIDs of an entry's large objects.
    fn objects(&self, id: DumpId) -> Result<Vec<Oid>>;

    /// Whether an entry has data.
    fn has_data(&self, entry: TocEntry<'_>) -> Result<bool>;
}

impl Contents for Archive {
    fn objects(&self, id: DumpId) -> Result<Vec<Oid>> {
        let mut oids = Vec::new();
        let mut objects = self.large_objects(id)?;
        while let Some((oid, _)) = objects.next_piece()? {
            oids.push(oid);
        }
        Ok(oids)
    }

    fn has_data(&self, entry: TocEntry<'_>) -> Result<bool> {
        Archive::has_data(self, entry)
    }
}

/// Which entries are wanted.
pub(super) enum Choice<'s, 'a> {
    All,
    Selected(&'s Selected<'a>),
    Places(&'s [usize]),
}

impl<'s, 'a> From<Option<&'s Selected<'a>>> for Choice<'s, 'a> {
    fn from(selected: Option<&'s Selected<'a>>) -> Self {
        selected.map_or(Choice::All, Choice::Selected)
    }
}

/// Changes the fields of an entry, and says whether it stays.
pub(super) type Edit<'e, 'a> = dyn FnMut(TocEntry<'a>, &mut EntryFields<'a>) -> bool + 'e;

/// A new archive, up to its first byte.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) builder: ArchiveBuilder,
    pub(super) jobs: Vec<Job>,
    pub(super) notes: Vec<Note>,
    /// Whether all is as it was, in the same format.
    pub(super) unchanged: bool,
    /// What is done with data that stays in its compression.
    pub(super) ways: Ways,
}

impl Plan {
    /// `copies`: whether an archive in which nothing changes is copied as it is, without a plan.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new<'a>(
        toc: &'a Toc,
        format: Format,
        target: &Target,
        choice: Choice<'_, 'a>,
        edit: &mut Edit<'_, 'a>,
        contents: &dyn Contents,
        copies: bool,
    ) -> Result<Plan> {
        toc.require_statements()?;
        let old = toc.header();
        let version = target.version.unwrap_or(old.version.max(WriteOptions::OLDEST));
        let new_format = target.format.unwrap_or(format);
        let header = header(old, version, new_format, target);
        let mut notes = Vec::new();
        let mut drafts = Vec::new();
        let mut changed =
            target.version.is_some_and(|new| new != old.version) || new_format != format;
        // The entries may have been given other texts.
        if let Choice::Selected(selected) = &choice {
            changed |= !std::ptr::eq(selected.toc(), toc);
        }
        let mut next = 0;
        let mut draft = |entry: TocEntry<'a>, decision: Option<Decision>| -> Result<()> {
            let mut fields = entry.fields();
            if let Some(decision) = decision {
                if !decision.wanted.is_anything() {
                    changed = true;
                    return Ok(());
                }
                changed |= narrow(&mut fields, decision);
            }
            if fields.had_dumper && entry.denies_data() {
                // The new archive says where it is.
                changed = true;
                fields.had_dumper = has_data(entry, contents, &mut notes)?;
            }
            let before = fields;
            if !edit(entry, &mut fields) {
                changed = true;
                return Ok(());
            }
            changed |= before != fields || entry.index() != next;
            next += 1;
            let mut draft = Draft::of(entry, fields);
            if fields.had_dumper {
                draft.sources.push(entry.dump_id());
            }
            drafts.push(draft);
            Ok(())
        };
        match choice {
            Choice::All => toc.entries().try_for_each(|entry| draft(entry, None))?,
            Choice::Selected(selected) => {
                selected.all().try_for_each(|(entry, decision)| draft(entry, Some(decision)))?;
            }
            Choice::Places(places) => {
                let mut entries = places.iter().filter_map(|place| toc.get(*place));
                entries.try_for_each(|entry| draft(entry, None))?;
            }
        }
        // Some at the end may be missing.
        changed |= next != toc.len();
        let unchanged = copies
            && !changed
            && (format != Format::Directory || target.compression.is_none())
            && target.compression.is_none_or(|(algorithm, level)| {
                algorithm == old.compression.algorithm && level.is_none()
            })
            && !target.long;
        if !unchanged {
            upgrade(&mut drafts, old.version, &mut notes);
            groups::convert(&mut drafts, old.version, version, contents, &mut notes)?;
            tidy_dependencies(&mut drafts);
            note_losses(&drafts, old.version, version, &mut notes);
        }
        let mut builder = ArchiveBuilder::with_header(new_format, header, target.long);
        if unchanged && builder.is_err() {
            // What is only copied need not be something that could be made: an archive of a
            // compression that this build is without, for example.
            let header = Header {
                version: ArchiveVersion::NEWEST,
                compression: Compression { algorithm: Algorithm::None, level: None },
                ..old.clone()
            };
            builder = ArchiveBuilder::with_header(new_format, header, false);
        }
        let mut plan = Plan {
            builder: builder?.with_threads(target.threads),
            jobs: Vec::new(),
            notes,
            unchanged,
            ways: target.ways(),
        };
        if !unchanged {
            plan.add(drafts)?;
        }
        Ok(plan)
    }

    fn add(&mut self, drafts: Vec<Draft<'_>>) -> Result<()> {
        for draft in drafts {
            if let Some(job) = add(&mut self.builder, draft)? {
                self.jobs.push(job);
            }
        }
        Ok(())
    }
}

/// Adds an entry to a new archive, and says what its data is.
pub(super) fn add(builder: &mut ArchiveBuilder, draft: Draft<'_>) -> Result<Option<Job>> {
    let fields = &draft.fields;
    let id = builder.entry(&EntryFields {
        tag: draft.tag(),
        defn: draft.defn(),
        drop_stmt: draft.drop_stmt(),
        dependencies: draft.dependencies(),
        ..*fields
    })?;
    let kind = match fields.desc {
        Desc::BLOBS => BlockKind::LargeObjects,
        _ => BlockKind::Data,
    };
    Ok(fields.had_dumper.then_some(Job { id, kind, sources: draft.sources }))
}

/// The entries of a whole archive, as a version has them.
pub(super) fn drafts_at<'a>(
    toc: &'a Toc,
    version: ArchiveVersion,
    contents: &dyn Contents,
    notes: &mut Vec<Note>,
) -> Result<Vec<Draft<'a>>> {
    let mut drafts: Vec<Draft<'a>> = Vec::with_capacity(toc.len());
    for entry in toc.entries() {
        require_section(&entry.fields(), &|| entry.name())?;
        let had_dumper = has_data(entry, contents, notes)?;
        let mut draft = Draft::of(entry, EntryFields { had_dumper, ..entry.fields() });
        if had_dumper {
            draft.sources.push(entry.dump_id());
        }
        drafts.push(draft);
    }
    let old = toc.header().version;
    upgrade(&mut drafts, old, notes);
    groups::convert(&mut drafts, old, version, contents, notes)?;
    note_losses(&drafts, old, version, notes);
    Ok(drafts)
}

/// What no section has pg_restore leaves out, and goes by it for what follows. Elsewhere among other
/// entries it would leave out others.
pub(super) fn require_section(
    fields: &EntryFields<'_>,
    name: &dyn Fn() -> EntryName,
) -> Result<()> {
    match fields.section {
        Section::Other(code) => {
            Err(Error::malformed(format!("no archive has a section {code}")).in_entry(name))
        }
        _ => Ok(()),
    }
}

/// Whether an entry has data. That its dumper wrote some, and none is there, is noted.
fn has_data(entry: TocEntry<'_>, contents: &dyn Contents, notes: &mut Vec<Note>) -> Result<bool> {
    let has_data = contents.has_data(entry)?;
    if entry.has_data() && !has_data {
        notes.push(Note::LostData { entry: entry.name() });
    }
    Ok(has_data)
}

/// Whether the data of `entry` is large objects, for those who have only the entry.
pub(super) fn has_objects(entry: TocEntry<'_>) -> bool {
    kind_of(entry) == BlockKind::LargeObjects
}

pub(super) fn header(
    old: &Header,
    version: ArchiveVersion,
    format: Format,
    target: &Target,
) -> Header {
    let compression = match target.compression {
        Some((algorithm, level)) => Compression { algorithm, level },
        // Nothing in a tar is compressed, whatever its source was.
        None if format == Format::Tar => Compression { algorithm: Algorithm::None, level: None },
        // A level that no compressor has is not kept.
        None => Compression {
            algorithm: old.compression.algorithm,
            level: old.compression.level.filter(|level| (-1..=9).contains(level)),
        },
    };
    Header {
        version,
        // In every archive since 1998, but for those that were made up.
        int_size: 4,
        off_size: 8,
        format_code: format.code_in_header(),
        compression,
        created: Some(old.created.unwrap_or_else(|| CreationTime::from_unix_utc(0))),
        ..old.clone()
    }
}

/// Takes away the part of an entry that is not wanted, and says whether there was one.
fn narrow(fields: &mut EntryFields<'_>, decision: Decision) -> bool {
    let wanted = decision.wanted;
    if !fields.had_dumper || wanted.special {
        return false;
    }
    if !wanted.data {
        fields.had_dumper = false;
        fields.copy_stmt = None;
        return true;
    }
    // A remark on how the data is loaded belongs to the data.
    if !wanted.schema && Definition::of(fields.defn) == Definition::Statement {
        fields.defn = None;
        fields.drop_stmt = None;
        return true;
    }
    false
}

/// Fills in what old versions do not store.
fn upgrade(drafts: &mut [Draft<'_>], old: ArchiveVersion, notes: &mut Vec<Note>) {
    if !old.has(Gate::WithOids) {
        for draft in &mut *drafts {
            draft.fields.with_oids = Some(b"false");
        }
    }
    if !old.has(Gate::TableOid) && drafts.iter().any(|draft| !draft.dependencies().is_empty()) {
        for draft in drafts {
            draft.dependencies = Some(Vec::new());
        }
        notes.push(Note::Dependencies);
    }
}

/// pg_restore refuses data whose first dependency, the table, is none that could be there.
pub(super) fn tidy_dependencies(drafts: &mut [Draft<'_>]) {
    let most = drafts.iter().map(|draft| draft.fields.dump_id).max().unwrap_or(DumpId(0));
    let possible = 1..=most.0;
    for draft in drafts {
        if draft.fields.desc == Desc::TABLE_DATA
            && draft.dependencies().first().is_some_and(|id| !possible.contains(&id.0))
        {
            let kept = draft.dependencies().iter().filter(|id| possible.contains(&id.0)).copied();
            draft.dependencies = Some(kept.collect());
        }
    }
}

fn note_losses(
    drafts: &[Draft<'_>],
    old: ArchiveVersion,
    new: ArchiveVersion,
    notes: &mut Vec<Note>,
) {
    let loses = |gate| old.has(gate) && !new.has(gate);
    let fields = || drafts.iter().map(|draft| &draft.fields);
    let count = |is: &dyn Fn(&EntryFields<'_>) -> bool| fields().filter(|f| is(f)).count();
    if loses(Gate::TableAm) {
        let entries = count(&|fields| fields.table_am.is_some_and(|am| !am.is_empty()));
        if entries > 0 {
            let is_other = |am: &[u8]| !matches!(am, b"" | b"heap");
            let not_heap = drafts
                .iter()
                .find(|draft| draft.fields.table_am.is_some_and(is_other))
                .map(|Draft { fields, encoding, .. }| EntryName {
                    dump_id: fields.dump_id.0,
                    name: format!(
                        "{} {}",
                        fields.desc,
                        Printable::new(fields.tag.unwrap_or_default(), *encoding)
                    ),
                });
            notes.push(Note::TableAccessMethods { entries, not_heap });
        }
    }
    if loses(Gate::Relkind) {
        let partitioned = i32::from(b'p');
        let entries = count(&|fields| fields.relkind == partitioned && fields.table_am.is_some());
        if entries > 0 {
            notes.push(Note::Relkinds { entries });
        }
    }
    if loses(Gate::LargeObjectGroups) {
        let entries = count(&|fields| {
            matches!(fields.desc, Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA)
        });
        if entries > 0 {
            notes.push(Note::Statistics { entries });
        }
    }
}

/// The place of the first entry of the data, or the end.
pub(super) fn first_data(drafts: &[Draft<'_>]) -> usize {
    let is_data = |draft: &Draft<'_>| draft.fields.section == Section::Data;
    drafts.iter().position(is_data).unwrap_or(drafts.len())
}
