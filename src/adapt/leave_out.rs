//! Entries that a server does not take, and what goes with them.

use std::collections::HashSet;

use super::finding;
use crate::finding::Finding;
use crate::select::{Rule, Selected};
use crate::toc::{Dependents, Desc, TocEntry};

/// Leaves entries out of a selection, each for its reason, and all that depends on them; says
/// what. `keeps`: whether an entry can do without another one that it depends on.
pub(super) fn leave_out<'a>(
    selected: &mut Selected<'a>,
    entries: Vec<(TocEntry<'a>, Rule, String)>,
    keeps: impl Fn(TocEntry<'a>, TocEntry<'a>) -> bool,
) -> Vec<Finding> {
    if entries.is_empty() {
        return Vec::new();
    }
    let toc = selected.toc();
    let mut findings = Vec::new();
    let mut out = Vec::new();
    for (entry, rule, why) in entries {
        findings.push(finding(entry, format!("left out: {why}")));
        out.push((entry, rule));
    }
    let mut known: HashSet<usize> = out.iter().map(|(entry, _)| entry.index()).collect();
    let graph = Dependents::new(toc);
    let mut next = 0;
    while let Some(&(entry, _)) = out.get(next) {
        next += 1;
        for dependent in graph.of(entry).filter_map(|dependent| toc.get(dependent.index())) {
            // Rows of a dump of data alone come after those that their keys refer to.
            let in_order = entry.desc() == Desc::TABLE_DATA;
            let wanted = selected.decision(&dependent).wanted.is_listed();
            if !wanted || in_order || keeps(dependent, entry) || !known.insert(dependent.index()) {
                continue;
            }
            let what = format!("left out: it depends on entry {}", entry.dump_id());
            findings.push(finding(dependent, what));
            out.push((dependent, Rule::WithoutEntry(entry.dump_id())));
        }
    }
    selected.leave_out(out.iter().map(|(entry, rule)| (entry.index(), *rule)));
    findings
}
