//! Which record of a manifest is which entry's.

use std::collections::{HashMap, VecDeque};

use super::{EntryRecord, Manifest};
use crate::toc::{Toc, TocEntry};

/// The records of a manifest and the entries of a table of contents, side by side.
#[derive(Debug)]
pub(crate) struct Pairing {
    /// By place of the entry.
    records: Vec<Option<usize>>,
    /// Records without an entry.
    pub(crate) gone: Vec<usize>,
}

type Key<'a> = (&'a [u8], Option<&'a [u8]>, Option<&'a [u8]>);

fn key(record: &EntryRecord) -> Key<'_> {
    (&record.desc, record.schema.as_deref(), record.tag.as_deref())
}

fn key_of(entry: TocEntry<'_>) -> Key<'_> {
    (entry.desc().0, entry.namespace(), entry.tag())
}

impl Pairing {
    /// By dump id where the name is the same, too; then by kind, schema and name, those of one name
    /// in their order; then by dump id alone, for a changed name.
    pub(crate) fn new(manifest: &Manifest, toc: &Toc) -> Pairing {
        let all = &manifest.entries;
        let mut records = vec![None; toc.len()];
        let mut taken = vec![false; all.len()];
        let mut by_id: HashMap<i32, usize> = HashMap::new();
        for (n, record) in all.iter().enumerate() {
            by_id.entry(record.id).or_insert(n);
        }
        let mut pair = |index: usize, n: usize, taken: &mut Vec<bool>| {
            (records[index], taken[n]) = (Some(n), true);
        };
        let mut left = Vec::new();
        for entry in toc.entries() {
            let own = key_of(entry);
            let same = by_id.get(&entry.dump_id().0);
            match same.filter(|n| !taken[**n] && key(&all[**n]) == own) {
                Some(n) => pair(entry.index(), *n, &mut taken),
                None => left.push(entry),
            }
        }
        let mut by_key: HashMap<Key<'_>, VecDeque<usize>> = HashMap::new();
        for (n, record) in all.iter().enumerate().filter(|(n, _)| !taken[*n]) {
            by_key.entry(key(record)).or_default().push_back(n);
        }
        left.retain(|entry| {
            let next = by_key.get_mut(&key_of(*entry)).and_then(VecDeque::pop_front);
            if let Some(n) = next {
                pair(entry.index(), n, &mut taken);
            }
            next.is_none()
        });
        for entry in left {
            if let Some(n) = by_id.get(&entry.dump_id().0).filter(|n| !taken[**n]) {
                pair(entry.index(), *n, &mut taken);
            }
        }
        let gone = taken.iter().enumerate().filter(|(_, taken)| !**taken);
        let gone = gone.map(|(n, _)| n).collect();
        Pairing { records, gone }
    }

    /// The record of an entry, by the place of the entry.
    pub(crate) fn record<'m>(
        &self,
        manifest: &'m Manifest,
        index: usize,
    ) -> Option<&'m EntryRecord> {
        self.records.get(index).copied().flatten().map(|n| &manifest.entries[n])
    }
}
