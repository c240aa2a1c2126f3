//! Which entries have to wait for which, when several sessions restore.

use std::collections::{BTreeSet, HashMap};

use pgdmp::script::RestorePass;
use pgdmp::select::{Selected, Wanted};
use pgdmp::toc::{Gate, Section};
use pgdmp::{Archive, Desc, DumpId, Toc, TocEntry};

/// The entries of a restore, in its order; numbers below are places in that order.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// By dump id.
    places: HashMap<DumpId, usize>,
    /// The data of tables, by the place of the table.
    data_of: HashMap<usize, usize>,
    /// What may be begun: larger data first, then as in the archive.
    ready: BTreeSet<(std::cmp::Reverse<u64>, i32, usize)>,
    /// `None` before the first.
    pass: Option<RestorePass>,
    /// How many running entries need something, and how many need it for themselves alone.
    used: HashMap<Thing, u32>,
    locked: HashMap<Thing, u32>,
}

/// What an entry uses, and what no other may use then: an entry, or a partitioned table that rows
/// find their way from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Thing {
    Entry(DumpId),
    /// The first entry that loads by way of the same table.
    Root(usize),
}

pub(crate) struct Node<'a> {
    pub(crate) entry: TocEntry<'a>,
    pub(crate) wanted: Wanted,
    /// Whether this restore made the table whose data it is.
    pub(crate) made: bool,
    pass: RestorePass,
    /// Bytes of the data that it waits for, or has.
    size: u64,
    /// What it waits for still.
    waits: usize,
    /// What waits for it; as often as it is named.
    dependents: Vec<usize>,
    uses: Vec<Thing>,
    locks: Vec<Thing>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Ready,
    Begun,
    Done,
}

impl<'a> Graph<'a> {
    /// `archive`: where the data is, if it is not gone by.
    pub(crate) fn new(archive: Option<&Archive>, selected: &Selected<'a>) -> Self {
        let toc = selected.toc();
        let mut nodes: Vec<Node<'a>> = selected
            .all()
            .map(|(entry, decision)| Node {
                entry,
                wanted: decision.wanted,
                made: false,
                pass: RestorePass::of(&entry),
                size: archive.map_or(0, |archive| size(archive, &entry)),
                waits: 0,
                dependents: Vec::new(),
                uses: Vec::new(),
                locks: Vec::new(),
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
            ready: BTreeSet::new(),
            pass: None,
            used: HashMap::new(),
            locked: HashMap::new(),
        };
        let objects = implied_by_comments(toc);
        let mut roots: HashMap<&[u8], usize> = HashMap::new();
        for place in 0..nodes.len() {
            let entry = nodes[place].entry;
            let mut needs = entry.dependencies().to_vec();
            if entry.desc() == Desc::BLOB_COMMENTS && needs.is_empty() {
                needs.extend(objects);
            }
            let is_late = entry.section() == Section::PostData;
            for need in &mut needs {
                // Indexes and constraints wait for the rows.
                let data = graph.places.get(need).and_then(|table| graph.data_of.get(table));
                if is_late && let Some(data) = data {
                    *need = nodes[*data].entry.dump_id();
                    nodes[place].size = nodes[place].size.max(nodes[*data].size);
                }
            }
            for need in &needs {
                if let Some(at) = graph.places.get(need) {
                    nodes[*at].dependents.push(place);
                    nodes[place].waits += 1;
                }
            }
            if is_late && entry.desc() != Desc::INDEX {
                let is_table = |need: &&DumpId| {
                    let at = graph.places.get(*need).map(|at| nodes[*at].entry.desc());
                    matches!(at, Some(Desc::TABLE | Desc::TABLE_DATA))
                };
                let locks = needs.iter().filter(is_table).map(|need| Thing::Entry(*need));
                nodes[place].locks = locks.collect();
            }
            nodes[place].uses = needs.into_iter().map(Thing::Entry).collect();
            if let Some(root) = root_of(&entry) {
                // Two of them could wait for each other.
                let root = Thing::Root(*roots.entry(root).or_insert(place));
                nodes[place].uses.push(root);
                nodes[place].locks.push(root);
            }
        }
        graph.nodes = nodes;
        graph
    }

    /// The entries that one session restores before the others begin: definitions, in their order,
    /// and what belongs to them.
    pub(crate) fn first(&self) -> Vec<usize> {
        let mut late = false;
        let mut first = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let now = match node.entry.section() {
                Section::PreData => true,
                Section::Data | Section::PostData => {
                    late = true;
                    false
                }
                _ => !late,
            };
            if now && node.pass == RestorePass::Main {
                first.push(place);
            }
        }
        first
    }

    /// The entries that have data, in the order in which it is stored, as far as the archive says.
    pub(crate) fn with_data(&self) -> Vec<usize> {
        let nodes = self.nodes.iter().enumerate();
        let with_data =
            nodes.filter(|(_, node)| node.state == State::Waiting && node.entry.had_dumper());
        with_data.map(|(place, _)| place).collect()
    }

    /// An entry was restored, or nothing of it was wanted.
    pub(crate) fn done(&mut self, place: usize) {
        if self.nodes[place].state == State::Begun {
            let node = &self.nodes[place];
            release(&mut self.used, &node.uses);
            release(&mut self.locked, &node.locks);
        }
        self.nodes[place].state = State::Done;
        for dependent in std::mem::take(&mut self.nodes[place].dependents) {
            let node = &mut self.nodes[dependent];
            node.waits = node.waits.saturating_sub(1);
            self.make_ready(dependent);
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
            let key = (std::cmp::Reverse(node.size), node.entry.dump_id().0, place);
            self.ready.insert(key);
        }
    }

    /// The best of what may run beside what runs now.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let free = |things: &[Thing], of: &HashMap<Thing, u32>| {
            things.iter().all(|thing| !of.contains_key(thing))
        };
        let key = self.ready.iter().find(|(_, _, place)| {
            let node = &self.nodes[*place];
            free(&node.locks, &self.used) && free(&node.uses, &self.locked)
        });
        let key = *key?;
        self.ready.remove(&key);
        let place = key.2;
        let node = &mut self.nodes[place];
        node.state = State::Begun;
        for thing in &node.uses {
            *self.used.entry(*thing).or_default() += 1;
        }
        for thing in &node.locks {
            *self.locked.entry(*thing).or_default() += 1;
        }
        Some(place)
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
        }
    }

    /// What was never begun: entries that wait for each other.
    pub(crate) fn missed(&self) -> Vec<usize> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(|(_, node)| node.state == State::Waiting).map(|(place, _)| place).collect()
    }
}

fn release(of: &mut HashMap<Thing, u32>, things: &[Thing]) {
    for thing in things {
        if let Some(count) = of.get_mut(thing) {
            *count -= 1;
            if *count == 0 {
                of.remove(thing);
            }
        }
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

/// The table by way of which the rows of a partition find it.
fn root_of<'t>(entry: &TocEntry<'t>) -> Option<&'t [u8]> {
    let defn = entry.defn().unwrap_or_default();
    if entry.desc() != Desc::TABLE_DATA || !defn.starts_with(b"-- load via partition root ") {
        return None;
    }
    // `COPY schema.root (columns) FROM stdin;`
    let copy = entry.copy_stmt()?;
    Some(copy.split(|byte| *byte == b'(').next().unwrap_or(copy))
}
