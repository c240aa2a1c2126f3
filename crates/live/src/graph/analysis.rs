//! When which table is analyzed.

use std::collections::{HashMap, HashSet};

use pgdmp::script::RestorePass;
use pgdmp::{Desc, TocEntry};

use super::{Graph, Node, State, Thing};
use crate::constraint::Part;
use crate::locks::Mode;
use crate::weight;

impl Graph<'_> {
    /// Has each table analyzed whose rows are restored without statistics, when rows and indexes are
    /// there. These are nodes behind those of the entries; their entry is that of the rows.
    pub(crate) fn analyze(&mut self) {
        let nodes = self.nodes.iter().map(|node| (node.entry, node.wanted));
        let wanted = without_statistics(nodes);
        let mut analyses: HashMap<Thing, usize> = HashMap::new();
        // Rows that find their way from one table may be in any of its partitions.
        let mut roots: HashMap<Thing, usize> = HashMap::new();
        for data in wanted {
            let Node { entry, wanted, .. } = self.nodes[data];
            let (place, rows) = (self.nodes.len(), Thing::Entry(entry.dump_id()));
            let root = self.nodes[data].claims.iter().find(|(thing, _)| is_root(thing));
            let root = root.map(|(thing, _)| *thing);
            self.nodes.push(Node {
                entry,
                wanted,
                made: false,
                analyzes: Some(data),
                pass: RestorePass::Main,
                weight: weight::SMALL,
                parts: None,
                part: Part::Whole,
                joins: false,
                had_errors: false,
                child: None,
                awaits_data: false,
                waits: 0,
                dependents: Vec::new(),
                // `SHARE UPDATE EXCLUSIVE`
                claims: vec![(rows, Mode::Sole)],
                claims_of_part: None,
                state: State::Waiting,
            });
            self.costs.push(weight::SMALL);
            self.remaining = self.remaining.saturating_add(weight::SMALL);
            self.analyses.insert(data, place);
            analyses.insert(rows, place);
            let first = root.map(|root| *roots.entry(root).or_insert(place));
            if let Some(first) = first.filter(|first| *first != place) {
                self.waits_for(place, first);
            }
            self.waits_for(first.unwrap_or(place), data);
        }
        for index in 0..self.nodes.len() {
            let node = &self.nodes[index];
            if node.analyzes.is_some()
                || !matches!(node.entry.desc(), Desc::INDEX | Desc::CONSTRAINT)
            {
                continue;
            }
            let tables = node.claims.iter().filter_map(|(thing, _)| analyses.get(thing).copied());
            for analysis in tables.collect::<Vec<_>>() {
                self.waits_for(analysis, index);
            }
        }
    }

    fn waits_for(&mut self, place: usize, other: usize) {
        self.nodes[other].dependents.push(place);
        self.nodes[place].waits += 1;
    }
}

fn is_root(thing: &Thing) -> bool {
    matches!(thing, Thing::Root(_))
}

/// The places of rows that are restored, of tables whose statistics are not.
pub(crate) fn without_statistics<'t>(
    entries: impl Iterator<Item = (TocEntry<'t>, pgdmp::select::Wanted)> + Clone,
) -> Vec<usize> {
    let name = |entry: &TocEntry<'t>| (entry.namespace(), entry.tag());
    let with: HashSet<_> = entries
        .clone()
        .filter(|(entry, wanted)| entry.desc() == Desc::STATISTICS_DATA && wanted.is_listed())
        .map(|(entry, _)| name(&entry))
        .collect();
    let rows = entries.enumerate().filter(|(_, (entry, wanted))| {
        entry.desc() == Desc::TABLE_DATA && wanted.data && !with.contains(&name(entry))
    });
    rows.map(|(place, _)| place).collect()
}
