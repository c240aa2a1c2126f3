//! In which order the data of a dump is read and written.

use pgdmp::Toc;

use super::board::Order;
use super::item::Item;

/// In which order all is done.
pub(super) struct Plan {
    pub(super) order: Order,
    pub(super) archives: Vec<PlannedArchive>,
}

pub(super) struct PlannedArchive {
    pub(super) number: usize,
    /// How many items it has.
    pub(super) items: usize,
    /// Whether one of them is in several units.
    pub(super) is_divided: bool,
    bytes: u64,
}

impl Plan {
    /// `archives`: the places of the entries of each. `is_strict`: data is written in the order of the
    /// entries.
    pub(super) fn new(toc: &Toc, items: &[Item], archives: &[Vec<usize>], is_strict: bool) -> Plan {
        // By place of the entry.
        let mut item_of = vec![None; toc.len()];
        for (number, item) in items.iter().enumerate() {
            item_of[item.place] = Some(number);
        }
        let in_archive = |places: &Vec<usize>| -> Vec<usize> {
            places.iter().filter_map(|place| *item_of.get(*place)?).collect()
        };
        let mut planned: Vec<(PlannedArchive, Vec<usize>)> = archives
            .iter()
            .enumerate()
            .map(|(number, places)| {
                let mut of_it = in_archive(places);
                if is_strict {
                    of_it.sort_unstable();
                } else {
                    // The largest first, so that none is left in the end.
                    of_it.sort_by_key(|item| (std::cmp::Reverse(items[*item].bytes), *item));
                }
                let archive = PlannedArchive {
                    number,
                    items: of_it.len(),
                    is_divided: of_it.iter().any(|item| !items[*item].is_apart()),
                    bytes: of_it.iter().map(|item| items[*item].bytes).sum(),
                };
                (archive, of_it)
            })
            .collect();
        planned.sort_by_key(|(archive, _)| (std::cmp::Reverse(archive.bytes), archive.number));
        let mut order =
            Order { items: Vec::new(), archives: vec![usize::MAX; items.len()], is_strict };
        for (rank, (_, of_it)) in planned.iter().enumerate() {
            for item in of_it {
                order.archives[*item] = rank;
            }
            order.items.extend_from_slice(of_it);
        }
        Plan { order, archives: planned.into_iter().map(|(archive, _)| archive).collect() }
    }
}
