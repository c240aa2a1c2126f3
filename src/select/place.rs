//! Where entries that were taken stand in the order of a list.
//!
//! A list gives the order of what it has, and nothing else moves that. What was taken because a
//! listed entry needs it comes right before the first that does; what goes with listed entries
//! comes behind them all. Among themselves they keep the order of the archive, but for that each is
//! behind what it needs.

use super::{Decision, Rule, UseList};
use crate::toc::{DumpId, Toc};

struct Placing<'a> {
    toc: &'a Toc,
    decisions: &'a [Decision],
    /// Which entry needs which of the taken ones, as no dependency may say; sorted.
    needed: Vec<(DumpId, u32)>,
    done: Vec<bool>,
    order: Vec<u32>,
}

/// The order of a restore, of that which the list gave.
pub(super) fn in_order(
    toc: &Toc,
    list: &UseList,
    order: &[u32],
    decisions: &[Decision],
) -> Vec<u32> {
    let mut placing = Placing {
        toc,
        decisions,
        needed: Vec::new(),
        done: vec![false; toc.len()],
        order: Vec::with_capacity(order.len()),
    };
    let is_listed =
        |place: &u32| toc.get(*place as usize).is_some_and(|entry| list.contains(entry));
    let (listed, unlisted): (Vec<u32>, Vec<u32>) = order.iter().partition(|place| is_listed(place));
    let (taken, rest): (Vec<u32>, Vec<u32>) =
        unlisted.into_iter().partition(|place| placing.is_taken(*place));
    for &place in &taken {
        if let Some(Rule::NeededBy(id)) = placing.rule(place) {
            placing.needed.push((id, place));
        }
    }
    placing.needed.sort_unstable();
    placing.order.extend(rest);
    for &place in &listed {
        if let Some(done) = placing.done.get_mut(place as usize) {
            *done = true;
        }
    }
    for place in listed {
        placing.put_needs(place);
        placing.order.push(place);
    }
    for place in taken {
        placing.put(place);
    }
    placing.order
}

impl Placing<'_> {
    fn rule(&self, place: u32) -> Option<Rule> {
        self.decisions.get(place as usize).map(|decision| decision.rule)
    }

    fn is_taken(&self, place: u32) -> bool {
        self.decisions.get(place as usize).is_some_and(|decision| {
            decision.wanted.is_listed()
                && matches!(decision.rule, Rule::NeededBy(_) | Rule::DependsOn(_))
        })
    }

    /// The taken entries that come before an entry.
    fn before(&self, place: u32) -> Vec<u32> {
        let Some(entry) = self.toc.get(place as usize) else { return Vec::new() };
        let id = entry.dump_id();
        let start = self.needed.partition_point(|(needing, _)| *needing < id);
        let needed = self.needed[start..].iter().take_while(|(needing, _)| *needing == id);
        let on = match self.rule(place) {
            Some(Rule::DependsOn(id)) => Some(id),
            _ => None,
        };
        let ids = entry.dependencies().iter().chain(on.as_ref());
        let places = ids.filter_map(|id| self.toc.entry(*id)).map(|entry| entry.index() as u32);
        let mut before: Vec<u32> = needed.map(|(_, place)| *place).chain(places).collect();
        before.retain(|place| {
            !self.done.get(*place as usize).copied().unwrap_or(true) && self.is_taken(*place)
        });
        // The first is put first, from the end.
        before.sort_unstable_by(|a, b| b.cmp(a));
        before.dedup();
        before
    }

    fn put_needs(&mut self, place: u32) {
        for needed in self.before(place).into_iter().rev() {
            self.put(needed);
        }
    }

    /// Puts an entry behind what it needs, without recursion: there may be any number of steps. In
    /// a circle, what was begun first comes last.
    fn put(&mut self, place: u32) {
        let mut open: Vec<(u32, Vec<u32>)> = Vec::new();
        let begin = |placing: &mut Self, place: u32| {
            let done = placing.done.get_mut(place as usize)?;
            if std::mem::replace(done, true) {
                return None;
            }
            Some((place, placing.before(place)))
        };
        open.extend(begin(self, place));
        while let Some((place, needs)) = open.last_mut() {
            match needs.pop() {
                Some(needed) => open.extend(begin(self, needed)),
                None => {
                    self.order.push(*place);
                    open.pop();
                }
            }
        }
    }
}
