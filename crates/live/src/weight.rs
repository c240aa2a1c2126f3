//! What sessions take first: what the longest chain of work waits for.

use pgdmp::{Desc, TocEntry};

/// Work that the size of a table says little of.
pub(crate) const SMALL: u64 = 1 << 20;

/// How much work an entry is, in bytes of rows that are stored. `rows`: of its own data, or of the
/// table that it belongs to; `others`: of the table that a foreign key refers to.
///
/// The parts are estimates: what counts is the order.
pub(crate) fn cost(entry: &TocEntry<'_>, rows: u64, others: u64) -> u64 {
    if entry.had_dumper() {
        return rows;
    }
    let defn = entry.defn().unwrap_or_default();
    match entry.desc() {
        // A sort of the keys; other access methods take more.
        Desc::INDEX if contains(defn, b" USING btree ") => rows / 4,
        Desc::INDEX => rows / 2,
        Desc::CONSTRAINT => rows / 4 + 1,
        // Both tables are read.
        Desc::FK_CONSTRAINT => (rows + others) / 8,
        Desc::MATERIALIZED_VIEW_DATA | Desc::STATISTICS_DATA => SMALL,
        _ => 0,
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// For each entry, its cost and the greatest weight of what waits for it. `waits`: for how many
/// others an entry waits. Entries that wait for each other have their own cost alone.
pub(crate) fn weights(costs: &[u64], dependents: &[&[usize]], waits: &[usize]) -> Vec<u64> {
    let mut waits = waits.to_vec();
    let mut order: Vec<usize> = (0..waits.len()).filter(|place| waits[*place] == 0).collect();
    let mut at = 0;
    while let Some(place) = order.get(at).copied() {
        for dependent in dependents[place] {
            waits[*dependent] = waits[*dependent].saturating_sub(1);
            if waits[*dependent] == 0 {
                order.push(*dependent);
            }
        }
        at += 1;
    }
    let mut weights = costs.to_vec();
    for place in order.into_iter().rev() {
        let longest = dependents[place].iter().map(|dependent| weights[*dependent]).max();
        weights[place] = costs[place].saturating_add(longest.unwrap_or(0));
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_chain_counts() {
        // 0 -> 1 -> 3, 0 -> 2, 4 alone; 5 and 6 wait for each other.
        let dependents: [&[usize]; 7] = [&[1, 2], &[3, 3], &[], &[], &[], &[6], &[5]];
        let waits = [0, 1, 1, 2, 0, 1, 1];
        let costs = [1, 10, 15, 100, 50, 7, 8];
        assert_eq!(weights(&costs, &dependents, &waits), [111, 110, 15, 100, 50, 7, 8]);
    }
}
