//! What a server forgets in a crash although it was on disk: the rows of unlogged tables, and where
//! unlogged sequences stood.

use std::collections::HashSet;

use pgdmp::select::Selected;
use pgdmp::{Desc, DumpId, TocEntry};

use crate::root::root_of;

/// What of an archive a crash takes away, and what has to be made once more with it.
#[derive(Debug, Default)]
pub(crate) struct Unlogged {
    /// Rows, values of sequences, and what belongs to something that is dropped.
    pub(crate) again: HashSet<DumpId>,
    /// What would be in the way of rows that come again, and how it is dropped.
    pub(crate) drops: Vec<(DumpId, Vec<u8>)>,
    /// The tables by way of which some of the rows come.
    pub(crate) roots: HashSet<Vec<u8>>,
}

/// Whether the definition is that of an unlogged table.
pub(crate) fn is_unlogged(entry: &TocEntry<'_>) -> bool {
    entry.desc() == Desc::TABLE
        && entry.defn().unwrap_or_default().starts_with(b"CREATE UNLOGGED TABLE ")
}

/// Whether a restore makes such tables.
pub(crate) fn has_unlogged(selected: &Selected<'_>) -> bool {
    selected.all().any(|(entry, decision)| decision.wanted.schema && is_unlogged(&entry))
}

impl Unlogged {
    pub(crate) fn of(selected: &Selected<'_>) -> Self {
        let name = |entry: &TocEntry<'_>| {
            let [schema, name] = [entry.namespace(), entry.tag()];
            (schema.unwrap_or_default().to_vec(), name.unwrap_or_default().to_vec())
        };
        // Whether they are restored now or were there before.
        let tables = || selected.toc().entries().filter(|entry| is_unlogged(entry));
        let ids: HashSet<DumpId> = tables().map(|entry| entry.dump_id()).collect();
        let names: HashSet<_> = tables().map(|entry| name(&entry)).collect();
        let has_sequences = || {
            let mut all = selected.toc().entries();
            all.any(|entry| {
                entry.desc() == Desc::SEQUENCE
                    && entry.defn().unwrap_or_default().starts_with(b"CREATE UNLOGGED ")
            })
        };
        let mut unlogged = Unlogged::default();
        if names.is_empty() && !has_sequences() {
            return unlogged;
        }
        let listed = || {
            selected
                .all()
                .filter(|(_, decision)| decision.wanted.is_listed())
                .map(|(entry, _)| entry)
        };
        for entry in listed() {
            let of_table = || entry.dependencies().iter().any(|id| ids.contains(id));
            match entry.desc() {
                // Those of identity columns do not say what they are.
                Desc::SEQUENCE_SET => drop(unlogged.again.insert(entry.dump_id())),
                Desc::TABLE_DATA if names.contains(&name(&entry)) => {
                    unlogged.again.insert(entry.dump_id());
                    unlogged.roots.extend(root_of(&entry).map(<[u8]>::to_vec));
                }
                // That of a view is the view.
                Desc::RULE if entry.tag().unwrap_or_default().ends_with(b" _RETURN") => {}
                Desc::FK_CONSTRAINT | Desc::TRIGGER | Desc::RULE if of_table() => {
                    let sql = entry.drop_stmt().unwrap_or_default().to_vec();
                    unlogged.drops.push((entry.dump_id(), sql));
                }
                _ => {}
            }
        }
        let dropped: HashSet<DumpId> = unlogged.drops.iter().map(|(id, _)| *id).collect();
        let of_dropped =
            |entry: &TocEntry<'_>| entry.dependencies().iter().any(|id| dropped.contains(id));
        unlogged.again.extend(listed().filter(of_dropped).map(|entry| entry.dump_id()));
        unlogged
    }
}
