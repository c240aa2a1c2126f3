//! Which archives are parts of one dump, and the ids of all of them.

use std::collections::HashMap;
use std::ops::Range;

use super::{Draft, Items};
use crate::archive::Archive;
use crate::toc::{DumpId, Header};

/// Archives of one dump have one number: the place of the first of them.
///
/// Time and names say so; but two dumps may be made in one second. Then some id is another entry's
/// in each of them.
pub(super) fn families(archives: &[&Archive], items: &Items<'_>) -> Vec<u32> {
    let origin = |header: &Header| {
        let Header { created, dbname, server_version, dump_version, .. } = header.clone();
        // Without a time and a name nothing says that they are of one dump.
        created.zip(dbname).map(|known| (known, server_version, dump_version))
    };
    let origins: Vec<_> = archives.iter().map(|archive| origin(archive.header())).collect();
    let mut same: HashMap<_, Vec<u32>> = HashMap::new();
    for (n, origin) in (0..).zip(&origins) {
        same.entry(origin).or_default().push(n);
    }
    let mut families: Vec<u32> = (0..archives.len() as u32).collect();
    for (_, archives) in same.into_iter().filter(|(origin, all)| origin.is_some() && all.len() > 1)
    {
        // The entries of each family by id.
        let mut known: Vec<(u32, HashMap<DumpId, u32>)> = Vec::new();
        for archive in archives {
            let own = own_items(archive, items);
            let fits = |known: &HashMap<DumpId, u32>| {
                own.clone().all(|item| {
                    let draft = items.draft(item);
                    let other = known.get(&draft.dump_id());
                    other.is_none_or(|other| is_one(&items.draft(*other), &draft))
                })
            };
            let place = known.iter().position(|(_, known)| fits(known)).unwrap_or_else(|| {
                known.push((archive, HashMap::new()));
                known.len() - 1
            });
            let (family, known) = &mut known[place];
            families[archive as usize] = *family;
            for item in own {
                known.entry(items.draft(item).dump_id()).or_insert(item);
            }
        }
    }
    families
}

/// The items of an archive, which stand together.
fn own_items(archive: u32, items: &Items<'_>) -> Range<u32> {
    let start = items.all.partition_point(|item| item.archive < archive);
    let end = items.all.partition_point(|item| item.archive <= archive);
    start as u32..end as u32
}

/// Whether two entries with one id are one and the same.
fn is_one(a: &Draft<'_>, b: &Draft<'_>) -> bool {
    a.desc() == b.desc()
        && a.namespace() == b.namespace()
        && a.tag() == b.tag()
        && a.fields().catalog_id == b.fields().catalog_id
}

/// The ids of all families, each at a place of its own, and what becomes of them.
pub(super) struct Ids {
    /// By archive.
    families: Vec<u32>,
    /// Family and old id, sorted.
    old: Vec<(u32, DumpId)>,
    new: Vec<DumpId>,
    /// The place of the id that stands for this one: mostly its own.
    stands: Vec<u32>,
}

impl Ids {
    /// Ids stay as they are while there is but one family.
    pub(super) fn new(items: &Items<'_>, families: Vec<u32>) -> Ids {
        let family = |item| families[items.archive(item) as usize];
        let mut old = Vec::with_capacity(items.all.len());
        old.extend(items.numbers().map(|item| (family(item), items.draft(item).dump_id())));
        old.sort_unstable();
        old.dedup();
        let single = families.iter().all(|family| *family == 0);
        let stands = (0..old.len() as u32).collect();
        let mut ids = Ids { new: vec![DumpId(0); old.len()], families, old, stands };
        let mut next = 0;
        for item in items.numbers() {
            let id = items.draft(item).dump_id();
            if let Some(place) = ids.find(items.archive(item), id)
                && ids.new[place] == DumpId(0)
            {
                next += 1;
                ids.new[place] = if single { id } else { DumpId(next) };
            }
        }
        ids
    }

    /// The number of places.
    pub(super) fn len(&self) -> usize {
        self.old.len()
    }

    pub(super) fn family(&self, archive: u32) -> u32 {
        self.families[archive as usize]
    }

    /// The place of what stands for an id; `None` for one that no archive has.
    pub(super) fn find(&self, archive: u32, id: DumpId) -> Option<usize> {
        self.own(archive, id).map(|place| self.stands[place] as usize)
    }

    /// The place of an id itself.
    pub(super) fn own(&self, archive: u32, id: DumpId) -> Option<usize> {
        self.old.binary_search(&(self.family(archive), id)).ok()
    }

    pub(super) fn new_id(&self, place: usize) -> DumpId {
        self.new[place]
    }

    /// Lets another place stand for one.
    pub(super) fn replace(&mut self, place: usize, by: usize) {
        self.stands[place] = by as u32;
    }
}
