//! The graph of an archive: what each entry waits for, and what it uses.

use std::collections::HashMap;
use std::sync::Arc;

use pgdmp::script::RestorePass;
use pgdmp::select::Selected;
use pgdmp::toc::{Gate, Section};
use pgdmp::{Archive, Desc, DumpId, Toc, TocEntry};

use super::node::{Node, State, Thing};
use super::{Graph, further};
use crate::batch::{self, LOCK_TIMEOUT};
use crate::constraint::{Kind, Part, Tables};
use crate::locks::{Locks, Mode};
use crate::means::{Means, Split};
use crate::root::root_of;
use crate::small::SmallTables;
use crate::weight;

impl<'a> Graph<'a> {
    /// `archive`: where the data is, if it does not come through a pipe. `server_version`: as
    /// 150004; 0 if it is not known.
    pub(crate) fn new(
        archive: Option<&Archive>,
        selected: &Selected<'a>,
        means: Means,
        server_version: u32,
    ) -> Self {
        let toc = selected.toc();
        let knows_lock_timeout = server_version == 0 || server_version >= LOCK_TIMEOUT;
        let joins_rows = means.small_tables && knows_lock_timeout && means.split != Split::Always;
        let small = SmallTables::of(toc);
        let is_small = |entry: &TocEntry<'_>| {
            let stored = archive.and_then(|archive| archive.stored_size_hint(*entry));
            joins_rows && small.has(entry, stored)
        };
        let nodes: Vec<Node<'a>> = selected
            .all()
            .map(|(entry, decision)| Node {
                entry,
                wanted: decision.wanted,
                made: false,
                analyzes: None,
                pass: RestorePass::of(&entry),
                weight: archive.map_or(0, |archive| size(archive, &entry)),
                parts: None,
                part: Part::Whole,
                joins: means.batches && knows_lock_timeout && batch::joins_others(&entry),
                joins_if_made: is_small(&entry),
                had_errors: false,
                child: None,
                awaits_data: archive.is_none() && decision.wanted.data && entry.had_dumper(),
                waits: 0,
                dependents: Vec::new(),
                claims: Vec::new(),
                claims_of_part: None,
                state: State::Waiting,
            })
            .collect();
        let mut places = HashMap::with_capacity(nodes.len());
        for (place, node) in nodes.iter().enumerate() {
            places.entry(node.entry.dump_id()).or_insert(place);
        }
        let mut data_of = HashMap::new();
        for (place, node) in nodes.iter().enumerate() {
            if node.entry.desc() == Desc::TABLE_DATA
                && let Some(table) = node.entry.dependencies().first()
                && let Some(table) = places.get(table)
            {
                data_of.insert(*table, place);
            }
        }
        let all = 0..nodes.len();
        let graph = Graph {
            costs: Vec::with_capacity(nodes.len()),
            nodes,
            places,
            data_of,
            analyses: HashMap::new(),
            locks: Locks::new(),
            pass: None,
            remaining: 0,
            rows_left: 0,
            behind_rows: Vec::new(),
        };
        let mut build = Build {
            graph,
            tables: Tables::new(toc, means, server_version),
            roots: HashMap::new(),
            objects: implied_by_comments(toc),
        };
        for place in all {
            build.entry(place);
        }
        build.weigh(means.longest_path);
        build.graph
    }
}

/// A graph whose entries do not all know what they wait for.
struct Build<'a> {
    graph: Graph<'a>,
    tables: Tables<'a>,
    /// The first entry that loads by way of each partitioned table.
    roots: HashMap<&'a [u8], usize>,
    /// What comments on large objects need.
    objects: Option<DumpId>,
}

impl Build<'_> {
    /// Finds out what an entry waits for, how much work it is, and what it uses.
    fn entry(&mut self, place: usize) {
        let needs = self.needs(place);
        for need in &needs {
            if let Some(at) = self.graph.places.get(need) {
                self.graph.nodes[*at].dependents.push(place);
                self.graph.nodes[place].waits += 1;
            }
        }
        self.graph.nodes[place].claims = self.claims(place, &needs);
        self.split(place);
    }

    /// What an entry needs: the rows of a table, where the table alone will not do. Then it is as
    /// much work as they are.
    fn needs(&mut self, place: usize) -> Vec<DumpId> {
        let Graph { nodes, places, data_of, costs, behind_rows, .. } = &mut self.graph;
        let entry = nodes[place].entry;
        let mut needs = entry.dependencies().to_vec();
        if entry.desc() == Desc::BLOB_COMMENTS && needs.is_empty() {
            needs.extend(self.objects);
        }
        let is_late = entry.section() == Section::PostData;
        let (mut rows, mut all_rows) = (nodes[place].weight, 0_u64);
        let mut of_no_rows = false;
        for need in &mut needs {
            // Indexes and constraints wait for the rows.
            let table = places.get(need);
            let data = table.and_then(|table| data_of.get(table));
            of_no_rows |= data.is_none()
                && table.is_some_and(|table| nodes[*table].entry.desc() == Desc::TABLE);
            if is_late && let Some(data) = data {
                *need = nodes[*data].entry.dump_id();
                rows = rows.max(nodes[*data].weight);
                all_rows = all_rows.saturating_add(nodes[*data].weight);
            }
        }
        costs.push(weight::cost(&entry, rows, all_rows.saturating_sub(rows)));
        if is_late {
            nodes[place].weight = rows;
            if further::reaches_further(&entry, of_no_rows) {
                behind_rows.push(place);
            }
        }
        needs
    }

    /// What an entry uses, and how.
    fn claims(&mut self, place: usize, needs: &[DumpId]) -> Vec<(Thing, Mode)> {
        let Graph { nodes, places, .. } = &self.graph;
        let entry = nodes[place].entry;
        let locks_tables = entry.section() == Section::PostData && entry.desc() != Desc::INDEX;
        let mode = |need: &DumpId| {
            let at = places.get(need).map(|at| nodes[*at].entry.desc());
            let is_table = matches!(at, Some(Desc::TABLE | Desc::TABLE_DATA));
            if locks_tables && is_table { Mode::Alone } else { Mode::Shared }
        };
        let mut claims: Vec<_> =
            needs.iter().map(|need| (Thing::Entry(*need), mode(need))).collect();
        if let Some(root) = root_of(&entry) {
            // Two of them could wait for each other.
            let root = Thing::Root(*self.roots.entry(root).or_insert(place));
            claims.push((root, Mode::Alone));
        }
        if entry.desc() == Desc(b"INDEX ATTACH") {
            claims.push((Thing::Attaching, Mode::Alone));
        }
        claims.sort_unstable();
        claims.dedup();
        claims
    }

    /// Divides a constraint into two parts, if it can be.
    fn split(&mut self, place: usize) {
        let Graph { nodes, places, data_of, .. } = &mut self.graph;
        let Some(parts) = self.tables.two_parts(&nodes[place].entry) else { return };
        let thing = |table: DumpId| {
            let table = places.get(&table)?;
            let data = data_of.get(table).unwrap_or(table);
            Some(Thing::Entry(nodes[*data].entry.dump_id()))
        };
        let locked = match parts.kind {
            Kind::Key { table } => [thing(table), thing(table)],
            Kind::Foreign { child, parent } => [thing(child), thing(parent)],
        };
        let node = &mut nodes[place];
        let is_locked = |thing: &Option<Thing>| {
            thing.is_some_and(|thing| node.claims.contains(&(thing, Mode::Alone)))
        };
        if locked.iter().all(is_locked) {
            node.child = locked[0];
            node.parts = Some(Arc::new(parts));
            node.set_part(Part::First);
        }
    }

    /// Sums up the work, and lets entries come first that most of it waits for.
    fn weigh(&mut self, longest_path: bool) {
        let Graph { nodes, costs, remaining, rows_left, behind_rows, .. } = &mut self.graph;
        if longest_path {
            let dependents: Vec<&[usize]> = nodes.iter().map(|node| &node.dependents[..]).collect();
            let waits: Vec<usize> = nodes.iter().map(|node| node.waits).collect();
            let weights = weight::weights(costs, &dependents, &waits);
            for (node, weight) in nodes.iter_mut().zip(weights) {
                node.weight = weight;
            }
        }
        for node in &mut *nodes {
            node.waits += usize::from(node.awaits_data);
        }
        *rows_left = nodes.iter().filter(|node| node.is_rows()).count();
        if *rows_left > 0 {
            behind_rows.iter().for_each(|place| nodes[*place].waits += 1);
        }
        *remaining = costs.iter().fold(0, |sum, cost| sum.saturating_add(*cost));
    }
}

/// How much there is to do for an entry's data, in bytes.
fn size(archive: &Archive, entry: &TocEntry<'_>) -> u64 {
    if !entry.has_data() {
        return 0;
    }
    let stored = archive.stored_size_hint(*entry).unwrap_or(0);
    match archive.format() {
        // What is known is the length of a list.
        pgdmp::Format::Directory if entry.desc() == Desc::BLOBS => stored.saturating_mul(1024),
        _ => stored,
    }
}

/// What comments on large objects need, in archives from before entries had sections.
fn implied_by_comments(toc: &Toc) -> Option<DumpId> {
    if toc.header().version.has(Gate::Section) {
        return None;
    }
    let objects = toc.entries().find(|entry| entry.desc() == Desc::BLOBS)?;
    Some(objects.dump_id())
}
