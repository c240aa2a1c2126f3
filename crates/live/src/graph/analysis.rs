//! When which table is analyzed.

use std::collections::{HashMap, HashSet};

use pgdmp::script::RestorePass;
use pgdmp::select::Wanted;
use pgdmp::{Desc, TocEntry};

use super::{Graph, Node, State, Thing};
use crate::constraint::{Part, attaches};
use crate::locks::Mode;
use crate::weight;

impl Graph<'_> {
    /// Has each table analyzed whose rows are restored without statistics, when rows and indexes are
    /// there. These are nodes behind those of the entries; their entry is that of the rows.
    pub(crate) fn analyze(&mut self) {
        let nodes: Vec<_> = self.nodes.iter().map(|node| (node.entry, node.wanted)).collect();
        let mut analyses: HashMap<Thing, usize> = HashMap::new();
        // Rows that find their way from one table may be in any of its partitions.
        let mut roots: HashMap<Thing, usize> = HashMap::new();
        for Analysis { table, rows } in analyses_of(&nodes) {
            let place = self.nodes.len();
            let wanted = self.nodes[rows[0]].wanted;
            let entry = self.nodes[table].entry;
            let of_root = Some(&table).filter(|_| rows != [table]);
            let things: Vec<Thing> =
                rows.iter().chain(of_root).map(|at| Thing::Entry(nodes[*at].0.dump_id())).collect();
            let root = self.nodes[rows[0]].claims.iter().find(|(thing, _)| is_root(thing));
            let root = root.map(|(thing, _)| *thing);
            self.nodes.push(Node {
                entry,
                wanted,
                made: false,
                analyzes: Some(table),
                pass: RestorePass::Main,
                weight: weight::SMALL,
                parts: None,
                part: Part::Whole,
                joins: false,
                joins_if_made: false,
                had_errors: false,
                child: None,
                awaits_data: false,
                waits: 0,
                dependents: Vec::new(),
                // `SHARE UPDATE EXCLUSIVE`
                claims: things.iter().map(|thing| (*thing, Mode::Sole)).collect(),
                claims_of_part: None,
                state: State::Waiting,
            });
            self.costs.push(weight::SMALL);
            self.remaining = self.remaining.saturating_add(weight::SMALL);
            analyses.extend(things.into_iter().map(|thing| (thing, place)));
            if let [data] = rows[..] {
                self.analyses.insert(data, place);
            }
            let first = root.map(|root| *roots.entry(root).or_insert(place));
            if let Some(first) = first.filter(|first| *first != place) {
                self.waits_for(place, first);
            }
            for data in rows {
                self.waits_for(first.unwrap_or(place), data);
            }
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

/// What is analyzed by one statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Analysis {
    /// The place of an entry with the name of the table.
    pub(crate) table: usize,
    /// Those of the rows that it needs, of which there are some.
    pub(crate) rows: Vec<usize>,
}

/// The tables whose rows are restored, and their statistics are not. Partitions are analyzed with
/// the table at their root, of which the server never does that by itself.
pub(crate) fn analyses_of(entries: &[(TocEntry<'_>, Wanted)]) -> Vec<Analysis> {
    let with: HashSet<_> = entries
        .iter()
        .filter(|(entry, wanted)| entry.desc() == Desc::STATISTICS_DATA && wanted.is_listed())
        .map(|(entry, _)| name(entry))
        .collect();
    let partitions = Partitions::of(entries);
    let mut analyses = Vec::new();
    let mut of_roots: HashMap<usize, usize> = HashMap::new();
    for (place, (entry, wanted)) in entries.iter().enumerate() {
        if entry.desc() != Desc::TABLE_DATA || !wanted.data {
            continue;
        }
        let root = partitions.root(entry).filter(|root| !with.contains(&name(&entries[*root].0)));
        match root {
            Some(root) => {
                let at = *of_roots.entry(root).or_insert_with(|| {
                    analyses.push(Analysis { table: root, rows: Vec::new() });
                    analyses.len() - 1
                });
                analyses[at].rows.push(place);
            }
            None if with.contains(&name(entry)) => {}
            None => analyses.push(Analysis { table: place, rows: vec![place] }),
        }
    }
    analyses
}

type Name<'t> = (Option<&'t [u8]>, Option<&'t [u8]>);

fn name<'t>(entry: &TocEntry<'t>) -> Name<'t> {
    (entry.namespace(), entry.tag())
}

/// Which table is a partition of which.
struct Partitions<'t> {
    tables: HashMap<Name<'t>, usize>,
    parents: HashMap<usize, usize>,
}

impl<'t> Partitions<'t> {
    fn of(entries: &[(TocEntry<'t>, Wanted)]) -> Self {
        let places = || entries.iter().enumerate();
        let tables = || places().filter(|(_, (entry, _))| entry.desc() == Desc::TABLE);
        let of_ids: HashMap<_, _> =
            tables().map(|(place, (entry, _))| (entry.dump_id(), place)).collect();
        let of_names = tables().map(|(place, (entry, _))| (name(entry), place)).collect();
        let mut partitions = Partitions { tables: of_names, parents: HashMap::new() };
        let attach = |entry: &TocEntry<'_>| match entry.desc() {
            Desc::TABLE_ATTACH => true,
            Desc::TABLE => attaches(entry),
            _ => false,
        };
        for (attach, wanted) in entries.iter().filter(|(entry, _)| attach(entry)) {
            let Some(child) = partitions.tables.get(&name(attach)).copied() else { continue };
            // If the partition is made now and not attached, it is none.
            if !wanted.schema && entries[child].1.schema {
                continue;
            }
            let needs = attach.dependencies().iter().filter_map(|id| of_ids.get(id).copied());
            if let Some(parent) = needs.into_iter().find(|place| *place != child) {
                partitions.parents.insert(child, parent);
            }
        }
        partitions
    }

    /// The table at the root of that of some rows, if it is another one.
    fn root(&self, rows: &TocEntry<'t>) -> Option<usize> {
        let mut at = self.tables.get(&name(rows)).copied()?;
        let mut root = None;
        // An archive may claim that they go round.
        for _ in 0..=self.parents.len() {
            let Some(parent) = self.parents.get(&at) else { break };
            (at, root) = (*parent, Some(*parent));
        }
        root
    }
}
