//! The order of the new archive's entries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Items;
use super::families::Ids;

/// Puts items section by section, in the order of the archives; but what is needed comes first.
pub(super) fn order(mut kept: Vec<u32>, items: &Items<'_>, ids: &Ids) -> Vec<u32> {
    kept.sort_by_key(|item| {
        (!items.draft(*item).desc().is_special(), items.all[*item as usize].section)
    });
    let mut place_of: Vec<Option<u32>> = vec![None; ids.len()];
    for (place, item) in (0..).zip(&kept) {
        if let Some(id) = ids.find(items.archive(*item), items.draft(*item).dump_id()) {
            place_of[id].get_or_insert(place);
        }
    }
    // The places of what is needed at one.
    let needs = |place: u32, each: &mut dyn FnMut(u32)| {
        let item = kept[place as usize];
        let (archive, draft) = (items.archive(item), items.draft(item));
        let needed = draft.dependencies().iter().filter_map(|id| ids.find(archive, *id));
        let needed = needed.filter_map(|id| place_of[id]).filter(|needed| *needed != place);
        needed.for_each(each);
    };
    let places = 0..kept.len() as u32;
    let mut is_sound = true;
    for place in places.clone() {
        needs(place, &mut |needed| is_sound &= needed < place);
    }
    if is_sound {
        return kept;
    }
    // What is needed, and by what: sorted, and each once.
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for place in places {
        needs(place, &mut |needed| pairs.push((needed, place)));
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut missing = vec![0_u32; kept.len()];
    for (_, place) in &pairs {
        missing[*place as usize] += 1;
    }
    let mut ready: BinaryHeap<Reverse<u32>> = (0..)
        .zip(&missing)
        .filter(|(_, missing)| **missing == 0)
        .map(|(n, _)| Reverse(n))
        .collect();
    let mut ordered = Vec::with_capacity(kept.len());
    let mut is_placed = vec![false; kept.len()];
    while let Some(Reverse(place)) = ready.pop() {
        ordered.push(kept[place as usize]);
        is_placed[place as usize] = true;
        let start = pairs.partition_point(|(needed, _)| *needed < place);
        for (_, other) in pairs[start..].iter().take_while(|(needed, _)| *needed == place) {
            missing[*other as usize] -= 1;
            if missing[*other as usize] == 0 {
                ready.push(Reverse(*other));
            }
        }
    }
    // What is in a circle never becomes ready, and goes behind the rest.
    let circles = kept.iter().zip(is_placed).filter(|(_, placed)| !placed);
    ordered.extend(circles.map(|(item, _)| *item));
    ordered
}
