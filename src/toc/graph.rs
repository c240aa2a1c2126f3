//! Dependencies, seen from the other end.

use super::{Desc, Toc, TocEntry};

/// The reverse dependencies of a [`Toc`]: for each entry, the entries that need it.
///
/// See the example of [`toc`](crate::toc).
#[derive(Debug, Clone)]
pub struct Dependents {
    /// Where the dependents of each entry begin in `places`.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Dependents {
    /// Builds the reverse dependencies of `toc`. Duplicates and dependencies on missing entries are
    /// left out. A user mapping counts as dependent on its server, although no archive says so.
    pub fn new(toc: &Toc) -> Self {
        let mut pairs = Vec::new();
        for entry in toc {
            for id in entry.dependencies() {
                if let Some(needed) = toc.entry(*id) {
                    pairs.push((needed.index() as u32, entry.index() as u32));
                }
            }
            if let Some(server) = server_of(toc, entry) {
                pairs.push((server.index() as u32, entry.index() as u32));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut starts = vec![0; toc.len() + 1];
        for (needed, _) in &pairs {
            starts[*needed as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        Dependents { starts, places: pairs.into_iter().map(|(_, place)| place).collect() }
    }

    /// The entries that need `entry`, in the order of the archive.
    pub fn of<'a>(&'a self, entry: TocEntry<'a>) -> impl Iterator<Item = TocEntry<'a>> + 'a {
        let bound = |i: usize| self.starts.get(i).map_or(0, |start| *start as usize);
        let range = bound(entry.index())..bound(entry.index() + 1);
        let places = self.places.get(range).unwrap_or_default();
        places.iter().filter_map(move |place| entry.toc.get(*place as usize))
    }
}

/// The server of `USER MAPPING role SERVER name`.
fn server_of<'a>(toc: &'a Toc, entry: TocEntry<'_>) -> Option<TocEntry<'a>> {
    if entry.desc() != Desc::USER_MAPPING {
        return None;
    }
    let (tag, word) = (entry.tag()?, b" SERVER ");
    let name = tag.windows(word.len()).rposition(|window| window == word)? + word.len();
    toc.find(Desc::SERVER, None, &tag[name..])
}
