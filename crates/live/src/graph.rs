//! Which entries have to wait for which, when several sessions restore.

pub(crate) mod analysis;
mod further;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use pgdmp::script::RestorePass;
use pgdmp::select::{Selected, Wanted};
use pgdmp::toc::{Gate, Section};
use pgdmp::{Archive, Desc, DumpId, Toc, TocEntry};

use crate::batch::{self, LOCK_TIMEOUT, MOST_STATEMENTS};
use crate::constraint::{Kind, Part, Tables, TwoParts};
use crate::locks::{Locks, Mode};
use crate::means::Means;
use crate::root::root_of;
use crate::split::{Splits, Work};
use crate::weight;

/// The entries of a restore, in its order; numbers below are places in that order.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// By dump id.
    places: HashMap<DumpId, usize>,
    /// The data of tables, by the place of the table.
    data_of: HashMap<usize, usize>,
    /// The analysis of tables, by the place of their data.
    analyses: HashMap<usize, usize>,
    /// What may be begun: what weighs more first, then as in the archive.
    locks: Locks<Thing, (Reverse<u64>, i32)>,
    /// `None` before the first.
    pass: Option<RestorePass>,
    /// How much work each is, and all that is not done.
    costs: Vec<u64>,
    remaining: u64,
    /// Tables whose rows are not restored yet, and what waits for the rows of all.
    rows_left: usize,
    behind_rows: Vec<usize>,
}

/// The weight of data that has come through a pipe.
const DATA_HAS_COME: u64 = u64::MAX;

/// What an entry uses: an entry, or a partitioned table that rows find their way from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Thing {
    Entry(DumpId),
    /// The first entry that loads by way of the same table.
    Root(usize),
    /// Indexes of partitions, which are attached one at a time: a server that attaches two at once,
    /// one below the other, may never find out that the upper one is valid.
    Attaching,
}

pub(crate) struct Node<'a> {
    pub(crate) entry: TocEntry<'a>,
    pub(crate) wanted: Wanted,
    /// Whether this restore made the table whose data it is.
    pub(crate) made: bool,
    /// If the table is analyzed and nothing restored: the place of its rows.
    pub(crate) analyzes: Option<usize>,
    pass: RestorePass,
    /// What makes it come before others: bytes of the data that it waits for, or has; or all work
    /// that waits for it.
    weight: u64,
    /// Its definition in two parts, and which is next.
    parts: Option<Arc<TwoParts>>,
    part: Part,
    /// Whether its statements may be sent together with those of others.
    joins: bool,
    /// Whether a part of it had errors.
    pub(crate) had_errors: bool,
    /// The table of a foreign key that has two parts.
    child: Option<Thing>,
    /// Whether its data comes through a pipe, and did not come yet.
    awaits_data: bool,
    /// What it waits for still; its data, too.
    waits: usize,
    /// What waits for it; as often as it is named.
    dependents: Vec<usize>,
    /// What it uses, and how the definition as a whole does.
    claims: Vec<(Thing, Mode)>,
    /// How the part that is next does, if it is another way.
    claims_of_part: Option<Vec<(Thing, Mode)>>,
    state: State,
}

impl Node<'_> {
    fn claims(&self) -> &[(Thing, Mode)] {
        self.claims_of_part.as_deref().unwrap_or(&self.claims)
    }

    /// Whether it is the rows of a table.
    fn is_rows(&self) -> bool {
        self.analyzes.is_none() && self.entry.desc() == Desc::TABLE_DATA
    }

    /// The definition in two parts, and which is next.
    pub(crate) fn part(&self) -> Option<(Part, Arc<TwoParts>)> {
        self.parts.as_ref().map(|parts| (self.part, Arc::clone(parts)))
    }

    /// Which part of the definition is next.
    fn set_part(&mut self, part: Part) {
        self.part = part;
        let Some(parts) = &self.parts else { return };
        let mode = |thing: Thing, whole: Mode| match (parts.kind, part) {
            _ if whole != Mode::Alone => whole,
            (_, Part::Whole | Part::Instead) | (Kind::Key { .. }, Part::Second) => whole,
            // As any index.
            (Kind::Key { .. }, Part::First) => Mode::Shared,
            // The table that is referred to.
            (Kind::Foreign { .. }, Part::Second) if Some(thing) != self.child => Mode::Weak,
            (Kind::Foreign { .. }, _) => Mode::Sole,
        };
        let claims = self.claims.iter().map(|(thing, whole)| (*thing, mode(*thing, *whole)));
        self.claims_of_part = Some(claims.collect());
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Ready,
    Begun,
    Done,
}

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
        let mut nodes: Vec<Node<'a>> = selected
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
        let mut graph = Graph {
            nodes: Vec::new(),
            places,
            data_of,
            analyses: HashMap::new(),
            locks: Locks::new(),
            pass: None,
            costs: Vec::new(),
            remaining: 0,
            rows_left: 0,
            behind_rows: Vec::new(),
        };
        let objects = implied_by_comments(toc);
        let tables = Tables::new(toc, means, server_version);
        let mut roots: HashMap<&[u8], usize> = HashMap::new();
        let mut costs = Vec::new();
        for place in 0..nodes.len() {
            let entry = nodes[place].entry;
            let mut needs = entry.dependencies().to_vec();
            if entry.desc() == Desc::BLOB_COMMENTS && needs.is_empty() {
                needs.extend(objects);
            }
            let is_late = entry.section() == Section::PostData;
            let (mut rows, mut all_rows) = (nodes[place].weight, 0_u64);
            let mut of_no_rows = false;
            for need in &mut needs {
                // Indexes and constraints wait for the rows.
                let table = graph.places.get(need);
                let data = table.and_then(|table| graph.data_of.get(table));
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
                    graph.behind_rows.push(place);
                }
            }
            for need in &needs {
                if let Some(at) = graph.places.get(need) {
                    nodes[*at].dependents.push(place);
                    nodes[place].waits += 1;
                }
            }
            let locks_tables = is_late && entry.desc() != Desc::INDEX;
            let mode = |need: &DumpId| {
                let at = graph.places.get(need).map(|at| nodes[*at].entry.desc());
                let is_table = matches!(at, Some(Desc::TABLE | Desc::TABLE_DATA));
                if locks_tables && is_table { Mode::Alone } else { Mode::Shared }
            };
            let mut claims: Vec<_> =
                needs.iter().map(|need| (Thing::Entry(*need), mode(need))).collect();
            if let Some(root) = root_of(&entry) {
                // Two of them could wait for each other.
                let root = Thing::Root(*roots.entry(root).or_insert(place));
                claims.push((root, Mode::Alone));
            }
            if entry.desc() == Desc(b"INDEX ATTACH") {
                claims.push((Thing::Attaching, Mode::Alone));
            }
            claims.sort_unstable();
            claims.dedup();
            nodes[place].claims = claims;
            if let Some(parts) = tables.two_parts(&entry) {
                let thing = |table: DumpId| {
                    let table = graph.places.get(&table)?;
                    let data = graph.data_of.get(table).unwrap_or(table);
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
        }
        if means.longest_path {
            let dependents: Vec<&[usize]> = nodes.iter().map(|node| &node.dependents[..]).collect();
            let waits: Vec<usize> = nodes.iter().map(|node| node.waits).collect();
            let weights = weight::weights(&costs, &dependents, &waits);
            for (node, weight) in nodes.iter_mut().zip(weights) {
                node.weight = weight;
            }
        }
        for node in &mut nodes {
            node.waits += usize::from(node.awaits_data);
        }
        graph.rows_left = nodes.iter().filter(|node| node.is_rows()).count();
        if graph.rows_left > 0 {
            graph.behind_rows.iter().for_each(|place| nodes[*place].waits += 1);
        }
        graph.nodes = nodes;
        graph.remaining = costs.iter().fold(0, |sum, cost| sum.saturating_add(*cost));
        graph.costs = costs;
        graph
    }

    /// The entries that one session restores before the others begin: definitions, in their order,
    /// and what belongs to them.
    pub(crate) fn first(&self) -> Vec<usize> {
        let mut late = false;
        let mut first = Vec::new();
        for (place, node) in
            self.nodes.iter().enumerate().filter(|(_, node)| node.analyzes.is_none())
        {
            let now = match node.entry.section() {
                Section::PreData => true,
                Section::Data | Section::PostData => {
                    late = true;
                    false
                }
                _ => !late,
            };
            if now && node.pass == RestorePass::Main && !node.awaits_data {
                first.push(place);
            }
        }
        first
    }

    /// The entries whose data is to come through a pipe, in their order. Those whose data turned out
    /// not to be wanted wait no longer.
    pub(crate) fn awaited(&mut self) -> Vec<usize> {
        let mut awaited = Vec::new();
        for place in 0..self.nodes.len() {
            let node = &self.nodes[place];
            match node.wanted.data {
                true if node.awaits_data => awaited.push(place),
                _ => self.came(place),
            }
        }
        awaited
    }

    /// The data of an entry has come: it is restored before all that has no data, since the pipe
    /// waits for it.
    pub(crate) fn came(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if !std::mem::take(&mut node.awaits_data) {
            return;
        }
        node.weight = DATA_HAS_COME;
        node.waits = node.waits.saturating_sub(1);
        self.make_ready(place);
    }

    /// An entry whose data has come is restored next, whatever it waits for; as `pg_restore` does,
    /// with one session.
    pub(crate) fn force(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if node.state == State::Waiting {
            (node.state, node.waits) = (State::Ready, 0);
            self.locks.add((Reverse(node.weight), node.entry.dump_id().0), place);
        }
    }

    /// How many bytes the data of an entry turned out to be: what needs it is as much work.
    pub(crate) fn weigh(&mut self, place: usize, bytes: u64) {
        for dependent in self.nodes[place].dependents.clone() {
            let node = &mut self.nodes[dependent];
            if node.state == State::Waiting && !node.entry.had_dumper() {
                node.weight = node.weight.saturating_add(bytes).min(DATA_HAS_COME - 1);
            }
        }
    }

    /// An entry was restored, or nothing of it was wanted.
    pub(crate) fn done(&mut self, place: usize) {
        self.release(place);
        let mut dependents = std::mem::take(&mut self.nodes[place].dependents);
        if self.nodes[place].state != State::Done {
            self.remaining = self.remaining.saturating_sub(self.costs[place]);
            if self.nodes[place].is_rows() {
                self.rows_left -= 1;
                if self.rows_left == 0 {
                    dependents.append(&mut self.behind_rows);
                }
            }
        }
        self.nodes[place].state = State::Done;
        for dependent in dependents {
            let node = &mut self.nodes[dependent];
            node.waits = node.waits.saturating_sub(1);
            self.make_ready(dependent);
        }
    }

    /// A part of an entry was restored; another is next.
    pub(crate) fn goes_on(&mut self, place: usize, part: Part) {
        self.release(place);
        self.nodes[place].set_part(part);
        self.nodes[place].state = State::Waiting;
        self.make_ready(place);
    }

    fn release(&mut self, place: usize) {
        if self.nodes[place].state == State::Begun {
            self.locks.release(self.nodes[place].claims());
        }
    }

    /// Begins a pass.
    pub(crate) fn begin(&mut self, pass: RestorePass) {
        self.pass = Some(pass);
        for place in 0..self.nodes.len() {
            self.make_ready(place);
        }
    }

    fn make_ready(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if node.state == State::Waiting && node.waits == 0 && Some(node.pass) <= self.pass {
            node.state = State::Ready;
            self.locks.add((Reverse(node.weight), node.entry.dump_id().0), place);
        }
    }

    /// The best of what may run beside what runs now, and what is sent together with it. Empty if
    /// there is nothing.
    pub(crate) fn next(&mut self) -> Vec<usize> {
        self.next_above(0)
    }

    /// The same, of data that has come through a pipe alone.
    pub(crate) fn next_data(&mut self) -> Vec<usize> {
        self.next_above(DATA_HAS_COME)
    }

    fn next_above(&mut self, least: u64) -> Vec<usize> {
        let mut places = Vec::new();
        let nodes = &self.nodes;
        // What takes longer than a moment is for other sessions.
        while places.len() < MOST_STATEMENTS {
            let is_first = places.is_empty();
            let may = |place: usize| match is_first {
                true => nodes[place].weight >= least,
                false => nodes[place].joins,
            };
            let Some(place) = self.locks.next(|place| nodes[place].claims(), may) else { break };
            places.push(place);
            if !nodes[place].joins {
                break;
            }
        }
        for place in &places {
            self.nodes[*place].state = State::Begun;
        }
        places
    }

    /// How many entries there are to restore.
    pub(crate) fn entries(&self) -> usize {
        let listed = |node: &&Node<'_>| node.analyzes.is_none() && node.wanted.is_listed();
        self.nodes.iter().filter(listed).count()
    }

    /// How much work an entry is.
    pub(crate) fn cost(&self, place: usize) -> u64 {
        self.costs[place]
    }

    /// How much work all is that is not done.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Over how many sessions the rows of an entry may go. `streams`: its data comes through a pipe
    /// and is large.
    pub(crate) fn sessions(
        &self,
        place: usize,
        splits: &Splits<'_>,
        streams: bool,
    ) -> Option<usize> {
        let node = &self.nodes[place];
        if !node.made || !node.wanted.data {
            return None;
        }
        let work = match streams {
            true => Work::Unknown,
            false => Work::Known {
                size: self.costs[place],
                weight: node.weight,
                remaining: self.remaining,
            },
        };
        splits.most(&node.entry, work)
    }

    /// A table was made, or was not after all.
    pub(crate) fn made(&mut self, table: usize, made: bool) {
        if let Some(data) = self.data_of.get(&table) {
            self.nodes[*data].made = made;
        }
    }

    /// A table that could not be made gets no data.
    pub(crate) fn inhibit(&mut self, table: usize) {
        if let Some(data) = self.data_of.get(&table) {
            self.nodes[*data].wanted = Wanted::NOTHING;
            if let Some(analysis) = self.analyses.get(data) {
                self.nodes[*analysis].wanted = Wanted::NOTHING;
            }
        }
    }

    /// What was never begun: entries that wait for each other.
    pub(crate) fn missed(&self) -> Vec<usize> {
        let nodes = self.nodes.iter().enumerate();
        let missed =
            nodes.filter(|(_, node)| node.state == State::Waiting && node.analyzes.is_none());
        missed.map(|(place, _)| place).collect()
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
