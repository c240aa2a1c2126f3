//! What a restore would do, in which order and in which session, without a server.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use pgdmp::script::RestorePass;
use pgdmp::select::Selected;
use pgdmp::{Archive, Desc, DumpId};

use crate::analyze;
use crate::constraint::Part;
use crate::graph::Graph;
use crate::graph::analysis::{Analysis, analyses_of};
use crate::restore::Restorer;

/// What a restore would do. When an entry of the parallel part begins depends on how long others take,
/// which is estimated by the size of data.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Plan {
    /// How many sessions restore at once.
    pub jobs: usize,
    /// All that is done, in its order.
    pub items: Vec<PlanItem>,
}

/// What is done of an entry at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanItem {
    /// The entry.
    pub entry: DumpId,
    /// When it is done.
    pub stage: PlanStage,
    /// In which of the sessions that restore at once, from 1; 0 before and after them.
    pub session: usize,
    /// Bytes of its data as they are stored, if they are known without reading.
    pub bytes: Option<u64>,
    /// The statement that takes the place of its definition, in the encoding of the archive: half of a
    /// constraint, or `ANALYZE` of the table whose data it is.
    pub instead: Option<Vec<u8>>,
}

/// The parts of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlanStage {
    /// One session alone makes what the others need.
    First,
    /// All sessions work side by side.
    SideBySide,
    /// One session alone does what is left.
    Last,
}

impl Restorer {
    /// What a restore of a selection would do. Nothing is read but the sizes of data.
    ///
    /// `archive`: `None` for one that comes through a pipe, whose data is restored as it comes.
    /// `server_version`: as 180006; 0 if it is not known, and then it is taken for that of a
    /// recent server.
    pub fn plan(
        &self,
        archive: Option<&Archive>,
        selected: &Selected<'_>,
        server_version: u32,
    ) -> Plan {
        let item = |entry: pgdmp::TocEntry<'_>| PlanItem {
            entry: entry.dump_id(),
            stage: PlanStage::First,
            session: 0,
            bytes: archive
                .filter(|_| entry.has_data())
                .and_then(|archive| archive.toc().entry(entry.dump_id()))
                .and_then(|entry| archive?.stored_size_hint(entry)),
            instead: None,
        };
        if !self.deals_out() {
            let mut items = Vec::new();
            for pass in RestorePass::ALL {
                let of_pass = selected.all().filter(|(entry, decision)| {
                    decision.wanted.is_listed() && RestorePass::of(entry) == pass
                });
                items.extend(of_pass.map(|(entry, _)| item(entry)));
            }
            if self.analyze {
                let all = selected.all().map(|(entry, decision)| (entry, decision.wanted));
                let all: Vec<_> = all.collect();
                for Analysis { table, .. } in analyses_of(&all) {
                    let entry = all[table].0;
                    let instead = Some(analyze::statement(&entry));
                    items.push(PlanItem { bytes: None, instead, ..item(entry) });
                }
            }
            return Plan { jobs: 1, items };
        }
        let jobs = self.jobs.max(1);
        let mut graph = Graph::new(archive, selected, self.used_means(), server_version);
        if self.analyze {
            graph.analyze();
        }
        let mut planner = Planner { graph, items: Vec::new() };
        let first = planner.graph.first();
        planner.alone(&first, PlanStage::First, &item);
        for place in planner.graph.awaited() {
            planner.graph.came(place);
        }
        planner.side_by_side(jobs, &item);
        let missed = planner.graph.missed();
        planner.alone(&missed, PlanStage::Last, &item);
        Plan { jobs, items: planner.items }
    }
}

struct Planner<'a> {
    graph: Graph<'a>,
    items: Vec<PlanItem>,
}

impl<'a> Planner<'a> {
    fn alone(
        &mut self,
        places: &[usize],
        stage: PlanStage,
        item: &dyn Fn(pgdmp::TocEntry<'a>) -> PlanItem,
    ) {
        for place in places {
            let node = &self.graph.nodes[*place];
            if node.wanted.is_listed() {
                let makes_table = node.entry.desc() == Desc::TABLE && node.wanted.schema;
                self.items.push(PlanItem { stage, ..item(node.entry) });
                if makes_table {
                    self.graph.made(*place, true);
                }
            }
            self.graph.done(*place);
        }
    }

    /// Hands out entries as a restore does; each takes as long as its data is large.
    fn side_by_side(&mut self, jobs: usize, item: &dyn Fn(pgdmp::TocEntry<'a>) -> PlanItem) {
        let mut now = 0_u64;
        let mut idle: Vec<usize> = (1..=jobs).rev().collect();
        let mut running = BinaryHeap::new();
        for pass in RestorePass::ALL {
            self.graph.begin(pass);
            loop {
                while let Some(session) = idle.pop() {
                    let mut takes = 0_u64;
                    let places = self.graph.next();
                    if places.is_empty() {
                        idle.push(session);
                        break;
                    }
                    let mut begun = Vec::with_capacity(places.len());
                    for place in places {
                        let node = &self.graph.nodes[place];
                        if !node.wanted.is_listed() {
                            self.graph.done(place);
                            continue;
                        }
                        let instead = node.part().and_then(|(part, parts)| match part {
                            Part::First => Some(parts.first.clone()),
                            Part::Second => Some(parts.second.clone()),
                            _ => None,
                        });
                        let stage = PlanStage::SideBySide;
                        let mut planned = PlanItem { stage, session, instead, ..item(node.entry) };
                        if node.analyzes.is_some() {
                            planned.bytes = None;
                            planned.instead = Some(analyze::statement(&node.entry));
                        }
                        takes = takes.saturating_add(planned.bytes.unwrap_or(0).saturating_add(1));
                        self.items.push(planned);
                        begun.push(place);
                    }
                    match begun.is_empty() {
                        true => idle.push(session),
                        false => running.push(Reverse((now.saturating_add(takes), begun, session))),
                    }
                }
                let Some(Reverse((end, places, session))) = running.pop() else { break };
                now = end;
                idle.push(session);
                for place in places {
                    match self.graph.nodes[place].part() {
                        Some((Part::First, _)) => self.graph.goes_on(place, Part::Second),
                        _ => self.graph.done(place),
                    }
                }
            }
        }
    }
}
