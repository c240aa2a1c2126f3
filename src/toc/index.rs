//! Finding entries without looking at all of them.

use std::cmp::Ordering;
use std::sync::OnceLock;

use super::{Desc, DumpId, Section, Toc, TocEntry};

/// The places of all entries, sorted in two ways. Each list is made when it is first needed: most
/// programs that read an archive from front to back never need either. Sorted lists rather than
/// hash tables: 8 bytes an entry, and nothing that chosen names can slow down.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    by_id: OnceLock<Vec<u32>>,
    /// By tag, kind, schema, place.
    by_name: OnceLock<Vec<u32>>,
    /// Where another section begins: in a sound archive in three places.
    sections: OnceLock<Vec<(u32, Section)>>,
}

type Name<'a> = (Option<&'a [u8]>, Desc<'a>, Option<&'a [u8]>);

fn name<'a>(entry: &TocEntry<'a>) -> Name<'a> {
    (entry.tag(), entry.desc(), entry.namespace())
}

impl Index {
    fn ids(&self, toc: &Toc) -> &[u32] {
        self.by_id.get_or_init(|| {
            // Sorting is stable: equal ids, and below equal names, stay in the order of the archive.
            let mut places: Vec<u32> = (0..toc.len() as u32).collect();
            places.sort_by_key(|index| toc.get(*index as usize).map(|entry| entry.dump_id()));
            places
        })
    }

    fn names(&self, toc: &Toc) -> &[u32] {
        self.by_name.get_or_init(|| {
            let mut places: Vec<u32> = (0..toc.len() as u32).collect();
            places.sort_by(|a, b| match (toc.get(*a as usize), toc.get(*b as usize)) {
                (Some(a), Some(b)) => name(&a).cmp(&name(&b)),
                _ => Ordering::Equal,
            });
            places
        })
    }

    /// The section in which the entry at a place is restored.
    pub(super) fn section(&self, toc: &Toc, place: usize) -> Section {
        let sections = self.sections.get_or_init(|| {
            let mut sections = vec![(0, Section::PreData)];
            for entry in toc.entries().filter(|entry| entry.section() != Section::None) {
                if sections.last().is_none_or(|(_, section)| *section != entry.section()) {
                    sections.push((entry.index() as u32, entry.section()));
                }
            }
            sections
        });
        let after = sections.partition_point(|(start, _)| *start as usize <= place);
        sections[..after].last().map_or(Section::PreData, |(_, section)| *section)
    }

    /// The places of the entries with an id, which in a sound archive are one or none.
    pub(super) fn by_id(&self, toc: &Toc, id: DumpId) -> &[u32] {
        let before = |index: &u32| toc.get(*index as usize).is_some_and(|e| e.dump_id() < id);
        let within = |index: &u32| toc.get(*index as usize).is_some_and(|e| e.dump_id() <= id);
        let ids = self.ids(toc);
        let end = ids.partition_point(within);
        let start = ids[..end].partition_point(before);
        &ids[start..end]
    }

    pub(super) fn by_tag(&self, toc: &Toc, tag: &[u8]) -> &[u32] {
        let before = |index: &u32| toc.get(*index as usize).is_some_and(|e| e.tag() < Some(tag));
        let within = |index: &u32| toc.get(*index as usize).is_some_and(|e| e.tag() <= Some(tag));
        let names = self.names(toc);
        let start = names.partition_point(before);
        let end = names.partition_point(within);
        names.get(start..end).unwrap_or_default()
    }

    pub(super) fn by_name<'a>(
        &self,
        toc: &'a Toc,
        desc: Desc<'_>,
        namespace: Option<&[u8]>,
        tag: &[u8],
    ) -> Option<TocEntry<'a>> {
        let wanted: Name<'_> = (Some(tag), desc, namespace);
        let before = |index: &u32| toc.get(*index as usize).is_some_and(|e| name(&e) < wanted);
        let names = self.names(toc);
        let start = names.partition_point(before);
        let entry = toc.get(*names.get(start)? as usize)?;
        (name(&entry) == wanted).then_some(entry)
    }
}
