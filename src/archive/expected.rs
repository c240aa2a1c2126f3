//! The large objects that an entry has by the table of contents.

use crate::error::{EntryName, Error, Fault, Result};
use crate::format::names;
use crate::toc::{Desc, TocEntry};
use crate::version::Gate;

/// The OIDs that the data of a `BLOBS` entry must have, and which of them were met. pg_restore does
/// not look: what is missing becomes an empty large object.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Sorted.
    oids: Vec<u32>,
    met: Vec<bool>,
    /// Whether these are all: lists of groups say so.
    complete: bool,
    /// The first that came twice, or is not of the group.
    odd: Option<Odd>,
}

#[derive(Debug, Clone, Copy)]
enum Odd {
    Twice(u32),
    Unknown(u32),
}

impl Expected {
    /// Of groups the `BLOB METADATA` that the entry depends on lists the OIDs, in 1.12 to 1.15 each
    /// has an entry; before that nothing is known.
    pub(crate) fn new(entry: TocEntry<'_>) -> Expected {
        let toc = entry.toc();
        let version = toc.header().version;
        let mut oids = Vec::new();
        let mut complete = false;
        if version.has(Gate::LargeObjectGroups) {
            let needed = entry.dependencies().iter().filter_map(|id| toc.entry(*id));
            let groups = needed.filter(|needed| needed.desc() == Desc::BLOB_METADATA);
            let lists: Vec<&[u8]> = groups.map(|group| group.defn().unwrap_or_default()).collect();
            complete = !lists.is_empty() && lists.iter().all(|list| !list.is_empty());
            let lines = lists.iter().flat_map(|list| list.split(|byte| *byte == b'\n'));
            oids.extend(lines.filter_map(parse));
            // Without the group, or its definition, the tag names the first and the last.
            let tag = entry.tag().unwrap_or_default();
            oids.extend(names::first_of_group(tag));
            oids.extend(tag.rsplit(|byte| *byte == b'.').next().and_then(parse));
        } else if version.has(Gate::LargeObjectEntries) {
            let blobs = toc.entries().filter(|entry| entry.desc() == Desc::BLOB);
            oids.extend(blobs.map(|entry| entry.catalog_id().oid.0));
        }
        oids.sort_unstable();
        oids.dedup();
        let met = vec![false; oids.len()];
        Expected { oids, met, complete, odd: None }
    }

    /// One comes.
    pub(crate) fn meet(&mut self, oid: u32) {
        let odd = match self.oids.binary_search(&oid) {
            Ok(place) => std::mem::replace(&mut self.met[place], true).then_some(Odd::Twice(oid)),
            Err(_) => self.complete.then_some(Odd::Unknown(oid)),
        };
        self.odd = self.odd.or(odd);
    }

    /// At the end of the data.
    ///
    /// # Errors
    ///
    /// Large objects that did not come, came twice, or are of no group, unless there are complaints
    /// to add it to.
    pub(crate) fn finish(
        &self,
        entry: &EntryName,
        complaints: &mut Option<Vec<Error>>,
    ) -> Result<()> {
        let named = |error: Error| error.with_fault(Fault::LargeObjects).in_entry(|| entry.clone());
        match (self.check().map_err(named), complaints) {
            (Err(error), Some(complaints)) => complaints.push(error),
            (result, _) => return result,
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let missing = || self.oids.iter().zip(&self.met).filter(|(_, met)| !**met);
        if let Some((first, _)) = missing().next() {
            return Err(Error::malformed(match missing().count() - 1 {
                0 => {
                    format!("large object {first} is in the table of contents, but not in the data")
                }
                more => format!(
                    "large objects are in the table of contents, but not in the data: {first} and \
                     {more} more"
                ),
            }));
        }
        Err(Error::malformed(match self.odd {
            None => return Ok(()),
            Some(Odd::Twice(oid)) => format!("large object {oid} is in the data twice"),
            Some(Odd::Unknown(oid)) => {
                format!("large object {oid} is in the data, but not in the table of contents")
            }
        }))
    }
}

fn parse(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits.trim_ascii()).ok()?.parse().ok()
}
