//! Several archives as one: the nightly script that dumps each table into a file of its own,
//! undone.
//!
//! Dump ids are given anew. Archives of one and the same dump (what [`split`](super::split) made,
//! or one archive converted in parts) have one set of ids, so that what depends on an entry in
//! another archive still does. What several archives define alike is taken once; what they
//! define differently is a conflict.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use super::jobs::{Ways, move_all};
use super::moving::Listeners;
use super::plan::{self, Contents, Draft, Job, Note};
use super::target::Target;
use crate::archive::{Archive, ArchiveBuilder, ArchiveWriter, WriteOptions};
use crate::error::{EntryName, Error, Result};
use crate::toc::{Desc, DumpId, Header, Section};
use crate::version::Gate;

/// Several archives, to be written as one.
///
/// ```
/// use pgdmp::{Archive, Merge, Target};
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
    /// Which archive the data of each entry is from.
    jobs: Vec<(usize, Job)>,
    notes: Vec<Note>,
    unified: usize,
    ways: Ways,
    listeners: Listeners<'a>,
}

impl std::fmt::Debug for Merge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merge").field("builder", &self.builder).finish_non_exhaustive()
    }
}

/// A new entry and where it is from.
struct Item<'a> {
    archive: usize,
    /// Where it belongs: its own section, or that of the entries before it.
    section: i32,
    draft: Draft<'a>,
}

/// What makes an entry what it is.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord, Clone)]
struct Key(Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

impl Key {
    fn new(draft: &Draft<'_>) -> Key {
        let owned = |part: Option<&[u8]>| part.map(<[u8]>::to_vec);
        let desc = draft.fields.desc.as_bytes().to_vec();
        Key(desc, owned(draft.fields.namespace), owned(draft.tag()))
    }
}

impl<'a> Merge<'a> {
    /// Plans a merge. Entries keep the order of the archives within each section of a restore.
    ///
    /// The target's format is that of the first archive if it does not say, the version the
    /// newest of all, the compression that of the first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): no archives, different encodings, and
    /// conflicts, by name: objects that two archives define differently, tables or large objects
    /// whose data both have.
    pub fn new(archives: &[&'a Archive], target: &Target) -> Result<Self> {
        let first = archives.first().ok_or_else(|| Error::usage("there is nothing to merge"))?;
        let version = target.version.unwrap_or_else(|| {
            let versions = archives.iter().map(|archive| archive.header().version);
            versions.max().unwrap_or(WriteOptions::OLDEST).max(WriteOptions::OLDEST)
        });
        let format = target.format.unwrap_or(first.format());
        let header = plan::header(first.header(), version, format, target);
        let mut notes = Vec::new();
        let mut items: Vec<Item<'a>> = Vec::new();
        for (n, archive) in archives.iter().enumerate() {
            let drafts = plan::drafts_at(archive.toc(), version, *archive, &mut notes)?;
            let mut section = Section::PreData.code();
            for draft in drafts {
                if draft.fields.section != Section::None {
                    section = draft.fields.section.code();
                }
                items.push(Item { archive: n, section, draft });
            }
        }
        check_objects(archives, version.has(Gate::LargeObjectGroups))?;
        let families = families(archives, &items);
        let mut ids = NewIds::new(&items, &families);
        let before = items.len();
        let items = unify(items, &mut ids)?;
        let unified = before - items.len();
        let items = order(items, &ids);
        let builder = ArchiveBuilder::with_header(format, header, target.long)?;
        let mut builder = builder.with_threads(target.threads);
        let mut jobs = Vec::new();
        let mut drafts: Vec<(usize, Draft<'a>)> = Vec::new();
        for Item { archive, mut draft, .. } in items {
            let of = |id| ids.of(archive, id);
            // Archives before 1.8 have none that mean anything.
            let dependencies = draft.dependencies().iter().filter_map(|id| of(*id)).collect();
            draft.dependencies = Some(dependencies);
            draft.fields.dump_id = of(draft.fields.dump_id).unwrap_or(draft.fields.dump_id);
            drafts.push((archive, draft));
        }
        for (archive, draft) in drafts {
            if let Some(job) = plan::add(&mut builder, draft)? {
                jobs.push((archive, job));
            }
        }
        Ok(Merge {
            archives: archives.to_vec(),
            builder,
            jobs,
            notes,
            unified,
            ways: target.ways(),
            listeners: Listeners::default(),
        })
    }

    /// What changes besides.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// How many entries were left out because another archive has the same.
    pub fn unified(&self) -> usize {
        self.unified
    }

    /// Calls `progress` with the number of stored bytes that were moved since the last call.
    pub fn on_progress(&mut self, progress: impl FnMut(u64) + 'a) -> &mut Self {
        self.listeners.progress = Box::new(progress);
        self
    }

    /// Calls `warning` with what is not as it should be in an archive, while it is merged. What is
    /// written is right.
    pub fn on_warning(&mut self, warning: impl FnMut(&Error) + 'a) -> &mut Self {
        self.listeners.warning = Box::new(warning);
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
        let Merge { archives, builder, jobs, ways, mut listeners, .. } = self;
        let mut writer = start(builder)?;
        let jobs: Vec<_> = jobs.iter().map(|(archive, job)| (archives[*archive], job)).collect();
        move_all(&jobs, &mut writer, ways, &mut listeners)?;
        for archive in archives {
            archive.refuse_surplus(true)?;
        }
        writer.finish()
    }
}

/// Archives of one dump have one number: the place of the first of them.
///
/// Time and names say so; but two dumps may be made in one second. Then some id is another entry's
/// in each of them.
fn families(archives: &[&Archive], items: &[Item<'_>]) -> Vec<usize> {
    let origin = |header: &Header| {
        let Header { created, dbname, server_version, dump_version, .. } = header.clone();
        // Without a time and a name nothing says that they are of one dump.
        created.zip(dbname).map(|known| (known, server_version, dump_version))
    };
    let origins: Vec<_> = archives.iter().map(|archive| origin(archive.header())).collect();
    let mut own: Vec<Vec<&Draft<'_>>> = archives.iter().map(|_| Vec::new()).collect();
    for item in items {
        own[item.archive].push(&item.draft);
    }
    let mut families: Vec<usize> = Vec::new();
    // The entries of each family by id.
    let mut known: HashMap<usize, HashMap<DumpId, &Draft<'_>>> = HashMap::new();
    for (n, drafts) in own.iter().enumerate() {
        let fits = |family: &usize| {
            origins[*family].is_some()
                && origins[*family] == origins[n]
                && known.get(family).is_some_and(|known| {
                    drafts.iter().all(|draft| {
                        known.get(&draft.fields.dump_id).is_none_or(|other| is_one(other, draft))
                    })
                })
        };
        let mut earlier: Vec<usize> = known.keys().copied().collect();
        earlier.sort_unstable();
        let family = earlier.into_iter().find(fits).unwrap_or(n);
        families.push(family);
        let known = known.entry(family).or_default();
        for draft in drafts {
            known.entry(draft.fields.dump_id).or_insert(draft);
        }
    }
    families
}

/// Whether two entries with one id are one and the same.
fn is_one(a: &Draft<'_>, b: &Draft<'_>) -> bool {
    a.fields.desc == b.fields.desc
        && a.fields.namespace == b.fields.namespace
        && a.tag() == b.tag()
        && a.fields.catalog_id == b.fields.catalog_id
}

/// Two archives may not have the data of one large object.
fn check_objects(archives: &[&Archive], grouped: bool) -> Result<()> {
    let mut seen = HashSet::new();
    let mut owners = 0;
    for archive in archives {
        let mut any = false;
        for entry in archive.entries().filter(|e| e.desc() == Desc::BLOBS && e.has_data()) {
            any = true;
            for oid in archive.objects(entry.dump_id())? {
                if !seen.insert(oid) {
                    return Err(Error::usage(format!(
                        "several archives have the data of large object {oid}"
                    ))
                    .in_entry(|| entry.name()));
                }
            }
        }
        owners += usize::from(any);
    }
    if owners > 1 && !grouped {
        return Err(Error::usage(
            "several archives have large objects, which only version 1.16 can keep apart",
        ));
    }
    Ok(())
}

/// Old ids to new ones.
struct NewIds {
    families: Vec<usize>,
    new: HashMap<(usize, DumpId), DumpId>,
}

impl NewIds {
    /// Ids stay as they are while there is but one family.
    fn new(items: &[Item<'_>], families: &[usize]) -> NewIds {
        let mut new = HashMap::new();
        let mut next = 0;
        let single = families.iter().all(|family| *family == 0);
        for item in items {
            let old = item.draft.fields.dump_id;
            new.entry((families[item.archive], old)).or_insert_with(|| {
                next += 1;
                if single { old } else { DumpId(next) }
            });
        }
        NewIds { families: families.to_vec(), new }
    }

    /// The new id; `None` for one that no archive has.
    fn of(&self, archive: usize, id: DumpId) -> Option<DumpId> {
        self.new.get(&(self.families[archive], id)).copied()
    }

    fn is_related(&self, a: usize, b: usize) -> bool {
        self.families[a] == self.families[b]
    }

    /// Lets an id stand for another entry.
    fn replace(&mut self, archive: usize, id: DumpId, by: DumpId) {
        self.new.insert((self.families[archive], id), by);
    }
}

/// Whether two entries say the same, wherever in their catalogs they were.
fn is_same(a: &Draft<'_>, b: &Draft<'_>) -> bool {
    a.defn() == b.defn()
        && a.drop_stmt() == b.drop_stmt()
        && a.fields.owner == b.fields.owner
        && a.fields.tablespace == b.fields.tablespace
        && a.fields.table_am == b.fields.table_am
        && a.fields.copy_stmt == b.fields.copy_stmt
}

/// Objects of which several may have one name: what they are of is not in the tag, or not in that
/// of every release.
fn may_share_a_name(desc: Desc<'_>) -> bool {
    desc.as_bytes().starts_with(b"OPERATOR")
        || matches!(desc, Desc::COMMENT | Desc::DEFAULT_ACL | Desc::SECURITY_LABEL)
        || matches!(desc, Desc::DEFAULT | Desc::TRIGGER | Desc::RULE | Desc::POLICY)
        || matches!(desc, Desc::CONSTRAINT | Desc::CHECK_CONSTRAINT | Desc::FK_CONSTRAINT)
        || desc == Desc::ROW_SECURITY
        || desc.is_acl()
}

/// Leaves out what an earlier archive has as well.
fn unify<'a>(items: Vec<Item<'a>>, ids: &mut NewIds) -> Result<Vec<Item<'a>>> {
    let mut kept: Vec<Item<'a>> = Vec::new();
    let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
    let mut conflicts: BTreeMap<Key, EntryName> = BTreeMap::new();
    let mut own_ids: HashSet<DumpId> = HashSet::new();
    for item in items {
        let key = Key::new(&item.draft);
        let places = by_key.entry(key.clone()).or_default();
        let desc = item.draft.fields.desc;
        let id = item.draft.fields.dump_id;
        // In archives of one dump, what has another id is something else, whatever its name.
        let is_other = |other: &Item<'_>| match ids.is_related(other.archive, item.archive) {
            true => other.archive != item.archive && other.draft.fields.dump_id == id,
            false => true,
        };
        let mut others = places.iter().copied().filter(|place| is_other(&kept[*place]));
        let Some(other) = others.next() else {
            places.push(kept.len());
            if let Some(id) = ids.of(item.archive, item.draft.fields.dump_id)
                && !own_ids.insert(id)
            {
                // Another entry has it, which only archives of one dump that were changed have.
                return Err(Error::usage(
                    "archives of one dump have different entries with one id",
                )
                .in_entry(|| item.draft.name()));
            }
            kept.push(item);
            continue;
        };
        let same = [other].into_iter().chain(others).find(|place| {
            !item.draft.fields.had_dumper && is_same(&kept[*place].draft, &item.draft)
        });
        let of_database = matches!(desc, Desc::DATABASE | Desc::DATABASE_PROPERTIES);
        match same.or(of_database.then_some(other)) {
            Some(place) => {
                let kept = &kept[place];
                if let Some(id) = ids.of(kept.archive, kept.draft.fields.dump_id) {
                    ids.replace(item.archive, item.draft.fields.dump_id, id);
                }
            }
            None if may_share_a_name(desc) && !item.draft.fields.had_dumper => {
                places.push(kept.len());
                kept.push(item);
            }
            None => {
                conflicts.entry(key).or_insert_with(|| item.draft.name());
            }
        }
    }
    if let Some(first) = conflicts.values().next() {
        let names: Vec<&str> = conflicts.values().map(|name| &*name.name).take(20).collect();
        let more = match conflicts.len() - names.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        return Err(Error::usage(format!(
            "{} in several archives, and not the same: {}{more}",
            if conflicts.len() == 1 { "an entry is" } else { "entries are" },
            names.join(", ")
        ))
        .in_entry(|| first.clone()));
    }
    Ok(kept)
}

/// Section by section, in the order of the archives; but what is needed comes first.
fn order<'a>(mut items: Vec<Item<'a>>, ids: &NewIds) -> Vec<Item<'a>> {
    items.sort_by_key(|item| (!item.draft.fields.desc.is_special(), item.section));
    let mut place_of: HashMap<DumpId, usize> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        if let Some(id) = ids.of(item.archive, item.draft.fields.dump_id) {
            place_of.entry(id).or_insert(place);
        }
    }
    // The places of what each needs.
    let needs: Vec<BTreeSet<usize>> = items
        .iter()
        .enumerate()
        .map(|(place, item)| {
            let needed = item.draft.dependencies().iter();
            let needed = needed.filter_map(|id| ids.of(item.archive, *id));
            let places = needed.filter_map(|id| place_of.get(&id).copied());
            places.filter(|needed| *needed != place).collect()
        })
        .collect();
    let sound = needs.iter().enumerate().all(|(n, needs)| needs.iter().all(|need| *need < n));
    if sound {
        return items;
    }
    let mut missing: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (place, needs) in needs.iter().enumerate() {
        for need in needs {
            needed_by[*need].push(place);
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..items.len()).filter(|place| missing[*place] == 0).map(Reverse).collect();
    let mut rank = vec![usize::MAX; items.len()];
    let mut next = 0;
    // What is in a circle never becomes ready, and goes behind the rest.
    while let Some(Reverse(place)) = ready.pop() {
        rank[place] = next;
        next += 1;
        for &other in &needed_by[place] {
            missing[other] -= 1;
            if missing[other] == 0 {
                ready.push(Reverse(other));
            }
        }
    }
    let mut ranked: Vec<(usize, Item<'a>)> = rank.into_iter().zip(items).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, item)| item).collect()
}
