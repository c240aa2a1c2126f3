//! Which entries have to wait for which, when several sessions restore.
//!
//! ```text
//! node.rs      an entry in the graph
//! build.rs     the graph of an archive
//! analysis.rs  the tables that are analyzed, as nodes behind those of the entries
//! further.rs   what waits for the rows of all tables
//! ```

pub(crate) mod analysis;
mod build;
mod further;
mod node;

use std::cmp::Reverse;
use std::collections::HashMap;

use pgdmp::DumpId;
use pgdmp::script::RestorePass;
use pgdmp::select::Wanted;
use pgdmp::toc::Section;

use crate::batch::MOST_STATEMENTS;
use crate::constraint::Part;
use crate::locks::Locks;
use crate::split::{Splits, Work};
use node::{Node, State, Thing};

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

/// The rows of tables that are restored together are so many bytes of the archive at most.
const MOST_STORED: u64 = 64 << 10;

/// The weight of data that has come through a pipe.
const DATA_HAS_COME: u64 = u64::MAX;

impl<'a> Graph<'a> {
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
        let (mut places, mut bytes) = (Vec::new(), 0_u64);
        let nodes = &self.nodes;
        let rows = |place: usize| if nodes[place].joins_if_made { self.costs[place] } else { 0 };
        // What takes longer than a moment is for other sessions.
        while places.len() < MOST_STATEMENTS {
            let is_first = places.is_empty();
            let may = |place: usize| match is_first {
                true => nodes[place].weight >= least,
                false => nodes[place].joins() && bytes + rows(place) <= MOST_STORED,
            };
            let Some(place) = self.locks.next(|place| nodes[place].claims(), may) else { break };
            places.push(place);
            bytes += rows(place);
            if !nodes[place].joins() {
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
