//! Which entry has the rows of a table.

use pgdmp::{Toc, TocEntry};

/// For each entry the one that has its data, by place.
#[derive(Debug)]
pub(crate) struct DataEntries(Vec<Option<u32>>);

impl DataEntries {
    pub(crate) fn new(toc: &Toc) -> Self {
        let mut places = vec![None; toc.len()];
        for entry in toc.entries().filter(TocEntry::has_data) {
            let Ok(place) = u32::try_from(entry.index()) else { continue };
            for owner in entry.dependencies().iter().filter_map(|id| toc.entry(*id)) {
                let same = owner.tag() == entry.tag() && owner.namespace() == entry.namespace();
                if same && let Some(found) = places.get_mut(owner.index()) {
                    found.get_or_insert(place);
                }
            }
            if let Some(found) = places.get_mut(entry.index()) {
                *found = Some(place);
            }
        }
        DataEntries(places)
    }

    /// The entry with the data of an entry, or the entry itself if it has data.
    pub(crate) fn of<'t>(&self, entry: TocEntry<'t>) -> Option<TocEntry<'t>> {
        let place = self.0.get(entry.index()).copied().flatten()?;
        entry.toc().get(usize::try_from(place).ok()?)
    }
}
