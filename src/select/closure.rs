//! What a selection needs, and what belongs to it.
//!
//! The dependencies in an archive are what pg_dump ordered it by. They lack what no catalog
//! knows: the objects that a function's body names when it is a string.
//!
//! Needed is whatever a wanted entry depends on, to any depth, with the schema that it is in.
//! Some things more are needed, so that the result loads and is right: the value of a sequence; the
//! data of a table that a foreign key refers to or a materialized view is filled from; the partitions of a chosen table, which are where
//! its rows are; the rule that is the query of a view which pg_dump had to take apart; the user
//! mappings of the server of a foreign table; and the extension whose operators let a GiST index
//! compare plain values, which no dependency names if the index is that of a constraint.
//!
//! Needed, too, is what depends on a relation and is a part of it all the same: the defaults of its
//! columns, their sequences and the checks that pg_dump had to take apart, the rows of a
//! materialized view, row security, without which privileges would show more than before, and the
//! casts between types that are there.
//!
//! What belongs to an object goes away with it: its data, indexes, constraints, triggers,
//! partitions and the like, but no view or function that merely uses it, and no foreign key of
//! another table. Comments, privileges and labels go with every object that is taken, as
//! pg_restore lets them go with those that it takes.
//!
//! Each pair of an entry and one that depends on it is looked at once, so that the time grows with
//! the length of the archive, whatever depends on what in it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Decision, Rule, Selection};
use crate::error::{Error, Result};
use crate::toc::{Dependents, Desc, Section, Toc, TocEntry, relation_of};
use crate::version::Gate;

/// Why an entry was taken, which says what is looked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// By the selection, or because it belongs to what was.
    Chosen,
    /// Because something needs it.
    Needed,
}

struct Closure<'a> {
    selection: &'a Selection,
    toc: &'a Toc,
    dependents: Dependents,
    /// By place; an entry without a section has that of the one before it.
    sections: Vec<Section>,
    decisions: &'a mut [Decision],
    queue: VecDeque<(TocEntry<'a>, How)>,
    /// How much is missing of what a [joining](joins) entry puts together, by place.
    missing: HashMap<usize, usize>,
    /// The relation that an entry is a part of, by place.
    relations: HashMap<usize, Option<usize>>,
    /// Tables whose partitions are needed, and entries that were followed to them; with rows or
    /// without.
    partitioned: HashSet<(usize, bool)>,
    /// Views behind which the rows are taken.
    filled: HashSet<usize>,
    /// Entries that were followed to partitions that belong to a table.
    attached: HashSet<usize>,
    /// Those that were looked at.
    visited: HashSet<usize>,
    /// Those that were taken because they are needed, and for nothing more.
    only_needed: HashSet<usize>,
}

impl Selection {
    /// Adds what is needed by the entries that are wanted, and what belongs to them, as far as
    /// these options ask for it.
    ///
    /// An entry is never added against an option that is not about names: of an unwanted kind,
    /// section or schema (`-N`).
    pub(super) fn close(
        &self,
        toc: &Toc,
        sections: Vec<Section>,
        decisions: &mut [Decision],
    ) -> Result<()> {
        if !toc.header().version.has(Gate::TableOid) && !toc.is_empty() {
            return Err(Error::usage("dependencies are not known in archives before version 1.8"));
        }
        let mut closure = Closure {
            selection: self,
            toc,
            dependents: Dependents::new(toc),
            sections,
            decisions,
            queue: VecDeque::new(),
            missing: HashMap::new(),
            relations: HashMap::new(),
            partitioned: HashSet::new(),
            filled: HashSet::new(),
            attached: HashSet::new(),
            visited: HashSet::new(),
            only_needed: HashSet::new(),
        };
        for entry in toc.entries() {
            if closure.is_wanted(entry) {
                closure.queue.push_back((entry, How::Chosen));
            }
        }
        while let Some((entry, how)) = closure.queue.pop_front() {
            closure.visit(entry, how);
        }
        Ok(())
    }
}

impl<'a> Closure<'a> {
    fn visit(&mut self, entry: TocEntry<'a>, how: How) {
        let Selection { with_dependencies, with_dependents, .. } = *self.selection;
        let is_first = self.visited.insert(entry.index());
        if with_dependencies && is_first {
            self.needs_of(entry);
        }
        // Of the sequence alone, and nothing without the table.
        let has_owner = entry.desc() != Desc::SEQUENCE
            || needs(self.toc, entry).all(|table| !is_table(table) || self.is_wanted(table));
        for dependent in self.dependents_of(entry) {
            let rule = Rule::DependsOn(entry.dump_id());
            if is_note(dependent.desc()) {
                // A column's privileges depend on those of the table, and so on.
                if !entry.desc().is_acl() {
                    self.take(dependent, rule, how);
                }
                continue;
            }
            if is_first
                && joins(dependent.desc())
                && self.completes(dependent, entry)
                && (has_owner || dependent.desc() != Desc::SEQUENCE_OWNED_BY)
            {
                self.take(dependent, rule, how);
            }
            if with_dependents && how == How::Chosen {
                self.belonging(dependent, entry);
            }
            if with_dependencies && self.is_whole_with(dependent, entry, how) {
                self.take(dependent, rule, how);
            }
        }
        if with_dependencies && !with_dependents && how == How::Chosen {
            // Rows are needed where no list left them out.
            let rows = self.selection.use_list.is_none();
            self.partitions_of(entry, Rule::DependsOn(entry.dump_id()), rows);
        }
    }

    fn dependents_of(&self, entry: TocEntry<'a>) -> Vec<TocEntry<'a>> {
        let toc = self.toc;
        self.dependents.of(entry).filter_map(|dependent| toc.get(dependent.index())).collect()
    }

    /// Takes what an entry needs.
    fn needs_of(&mut self, entry: TocEntry<'a>) {
        let rule = Rule::NeededBy(entry.dump_id());
        let foreign_key = entry.desc() == Desc::FK_CONSTRAINT;
        for needed in needs(self.toc, entry) {
            self.take(needed, rule, How::Needed);
            if foreign_key && needed.desc() == Desc::TABLE {
                self.take_data(needed, rule);
                self.partitions_of(needed, rule, true);
            }
        }
        if let Some(namespace) = entry.namespace() {
            // Archives of some releases leave this dependency out.
            if let Some(schema) = self.toc.find(Desc::SCHEMA, None, namespace) {
                self.take(schema, rule, How::Needed);
            }
        }
        match entry.desc() {
            Desc::SEQUENCE => {
                self.take_same(entry, Desc::SEQUENCE_SET, Rule::DependsOn(entry.dump_id()));
            }
            Desc::CONSTRAINT if compares_by_gist(entry.defn().unwrap_or_default()) => {
                if let Some(extension) = self.toc.find(Desc(b"EXTENSION"), None, b"btree_gist") {
                    self.take(extension, rule, How::Needed);
                }
            }
            Desc::VIEW | Desc::MATERIALIZED_VIEW => {
                let query = [entry.tag().unwrap_or_default(), b" _RETURN"].concat();
                if let Some(query) = self.toc.find(Desc::RULE, entry.namespace(), &query) {
                    self.take(query, Rule::DependsOn(entry.dump_id()), How::Needed);
                }
            }
            Desc::MATERIALIZED_VIEW_DATA => self.rows_behind(entry, rule),
            _ => {}
        }
    }

    /// Takes the partitions of a table, with their rows or without.
    fn partitions_of(&mut self, table: TocEntry<'a>, rule: Rule, rows: bool) {
        let mut tables = vec![table];
        while let Some(table) = tables.pop() {
            if !self.partitioned.insert((table.index(), rows)) {
                continue;
            }
            for attach in self.dependents_of(table) {
                if attach.desc() != Desc::TABLE_ATTACH
                    || !is_parent(self.toc, table, attach)
                    || !self.partitioned.insert((attach.index(), rows))
                {
                    continue;
                }
                for partition in needs(self.toc, attach) {
                    self.take(partition, rule, How::Needed);
                    if rows {
                        self.take_data(partition, rule);
                    }
                    tables.push(partition);
                }
            }
        }
    }

    /// Takes the rows that a materialized view is filled from, through whatever views.
    fn rows_behind(&mut self, data: TocEntry<'a>, rule: Rule) {
        let mut views = vec![data];
        while let Some(view) = views.pop() {
            for needed in needs(self.toc, view) {
                match needed.desc() {
                    Desc::TABLE => {
                        self.take_data(needed, rule);
                        self.partitions_of(needed, rule, true);
                    }
                    Desc::VIEW | Desc::MATERIALIZED_VIEW if self.filled.insert(needed.index()) => {
                        views.push(needed);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Takes the rows of a table, and what is known of them.
    fn take_data(&mut self, table: TocEntry<'a>, rule: Rule) {
        self.take_same(table, Desc::TABLE_DATA, rule);
        self.take_same(table, Desc::STATISTICS_DATA, rule);
    }

    /// Takes the entry of another kind with the same name.
    fn take_same(&mut self, entry: TocEntry<'a>, desc: Desc<'_>, rule: Rule) {
        let tag = entry.tag().unwrap_or_default();
        if let Some(same) = self.toc.find(desc, entry.namespace(), tag) {
            self.take(same, rule, How::Needed);
        }
    }

    /// Whether an object is not whole without something that depends on it.
    fn is_whole_with(&mut self, part: TocEntry<'a>, object: TocEntry<'a>, how: How) -> bool {
        match part.desc() {
            Desc::DEFAULT | Desc::CHECK_CONSTRAINT | Desc::POLICY => self.is_of(part, object),
            Desc::ROW_SECURITY => is_namesake(part, object),
            // Who chose it has chosen about its rows.
            Desc::MATERIALIZED_VIEW_DATA => how == How::Needed && is_namesake(part, object),
            // Of an identity column, or owned by another.
            Desc::SEQUENCE => is_table(object),
            Desc::USER_MAPPING => object.desc() == Desc::SERVER,
            _ => false,
        }
    }

    /// Whether a part is one of this relation.
    fn is_of(&mut self, part: TocEntry<'a>, relation: TocEntry<'a>) -> bool {
        let find = || relation_of(part).map(|relation| relation.index());
        *self.relations.entry(part.index()).or_insert_with(find) == Some(relation.index())
    }

    /// Takes a dependent that belongs to an object that was chosen.
    fn belonging(&mut self, dependent: TocEntry<'a>, object: TocEntry<'a>) {
        let rule = Rule::DependsOn(object.dump_id());
        if dependent.desc() == Desc::TABLE_ATTACH {
            if is_parent(self.toc, object, dependent) && self.attached.insert(dependent.index()) {
                for partition in needs(self.toc, dependent) {
                    self.take(partition, rule, How::Chosen);
                }
            }
        } else if self.belongs(dependent, object) {
            self.take(dependent, rule, How::Chosen);
        }
    }

    /// Whether all is wanted that an entry puts together, now that this is.
    fn completes(&mut self, entry: TocEntry<'a>, part: TocEntry<'a>) -> bool {
        // A cast takes its function with it.
        let with_function = entry.desc() == Desc::CAST && self.selection.with_dependencies;
        let counts = |needed: &TocEntry<'_>| !(with_function && needed.desc() == Desc::FUNCTION);
        let toc = self.toc;
        let missing = self.missing.entry(entry.index()).or_insert_with(|| {
            let needs = needs(toc, entry).filter(counts).map(|needed| needed.index());
            needs.collect::<HashSet<_>>().len()
        });
        if counts(&part) {
            *missing = missing.saturating_sub(1);
        }
        *missing == 0
    }

    /// Whether an entry belongs to an object that it depends on.
    fn belongs(&mut self, part: TocEntry<'a>, object: TocEntry<'a>) -> bool {
        match part.desc() {
            Desc::TABLE_DATA
            | Desc::MATERIALIZED_VIEW_DATA
            | Desc::SEQUENCE_SET
            | Desc::ROW_SECURITY => is_namesake(part, object),
            Desc::CONSTRAINT
            | Desc::CHECK_CONSTRAINT
            | Desc::FK_CONSTRAINT
            | Desc::TRIGGER
            | Desc::RULE
            | Desc::POLICY
            | Desc::DEFAULT => self.is_of(part, object),
            Desc::INDEX => matches!(object.desc(), Desc::TABLE | Desc::MATERIALIZED_VIEW),
            Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA => true,
            Desc::SEQUENCE => is_table(object),
            desc if desc == *"STATISTICS" => {
                is_table(object) || object.desc() == Desc::MATERIALIZED_VIEW
            }
            Desc::USER_MAPPING => object.desc() == Desc::SERVER,
            _ => false,
        }
    }

    fn is_wanted(&self, entry: TocEntry<'_>) -> bool {
        self.decisions.get(entry.index()).is_some_and(|d| d.wanted.is_listed())
    }

    /// Takes an entry, unless it is taken already, or nothing of it may be.
    fn take(&mut self, entry: TocEntry<'a>, rule: Rule, how: How) {
        let place = entry.index();
        let section = self.sections.get(place).copied().unwrap_or(Section::None);
        let Some(decision) = self.decisions.get_mut(place) else { return };
        if decision.wanted.is_listed() {
            // What belongs to something has things of its own, though it was needed before.
            if how == How::Chosen && self.only_needed.remove(&place) {
                self.queue.push_back((entry, how));
            }
            return;
        }
        if !decision.rule.is_choice() {
            return;
        }
        match self.selection.admit(entry, section) {
            Ok(wanted) if wanted.is_listed() => {
                *decision = Decision { wanted, rule };
                if how == How::Needed {
                    self.only_needed.insert(place);
                }
                self.queue.push_back((entry, how));
            }
            // The rule that keeps it out whatever needs it.
            Ok(_) => decision.rule = Rule::NothingLeft,
            Err(rule) => decision.rule = rule,
        }
    }
}

/// The entries that one depends on, as far as the archive has them.
fn needs<'a>(toc: &'a Toc, entry: TocEntry<'a>) -> impl Iterator<Item = TocEntry<'a>> + use<'a> {
    entry.dependencies().iter().filter_map(|id| toc.entry(*id))
}

/// Whether a constraint has a GiST index.
fn compares_by_gist(defn: &[u8]) -> bool {
    [&b"EXCLUDE USING gist"[..], b"WITHOUT OVERLAPS"]
        .iter()
        .any(|words| defn.windows(words.len()).any(|window| window == *words))
}

/// What is said about an object.
fn is_note(desc: Desc<'_>) -> bool {
    matches!(desc, Desc::ACL | Desc::COMMENT | Desc::SECURITY_LABEL)
}

/// What puts objects together, and works only when all of them are there.
fn joins(desc: Desc<'_>) -> bool {
    matches!(
        desc,
        Desc::TABLE_ATTACH
            | Desc::CAST
            | Desc::SEQUENCE_OWNED_BY
            | Desc::PUBLICATION_TABLE
            | Desc::PUBLICATION_TABLES_IN_SCHEMA
            | Desc::SUBSCRIPTION_TABLE
    ) || desc == *"INDEX ATTACH"
}

/// Whether `attach` makes something a partition of `table`, and not the other way round: its tag
/// is the partition's name.
fn is_parent(toc: &Toc, table: TocEntry<'_>, attach: TocEntry<'_>) -> bool {
    !is_namesake(attach, table) || needs(toc, attach).all(|other| other.index() == table.index())
}

/// Whether sequences may be of its columns.
fn is_table(entry: TocEntry<'_>) -> bool {
    matches!(entry.desc(), Desc::TABLE | Desc::FOREIGN_TABLE)
}

/// Whether an entry has the name of an object.
fn is_namesake(part: TocEntry<'_>, object: TocEntry<'_>) -> bool {
    part.namespace() == object.namespace() && part.tag() == object.tag()
}
