//! What a selection needs, and what belongs to it.
//!
//! The dependencies in an archive are what pg_dump ordered it by. They lack what no catalog
//! knows: the objects that a function's body names when it is a string.
//!
//! Needed is whatever a wanted entry depends on, to any depth, with the schema that it is in.
//! Some things more are needed, so that the result loads and is right: the value of a sequence; the
//! data of a table that a foreign key refers to; the rule that is the query of a view which pg_dump
//! had to take apart; the user mappings of the server of a foreign table; and the extension whose
//! operators let a GiST index compare plain values, which no dependency names if the index is that
//! of a constraint.
//!
//! What belongs to an object goes away with it: its data, indexes, constraints, triggers,
//! partitions and the like, but no view or function that merely uses it, and no foreign key of
//! another table. Comments, privileges and labels go with every object that is taken, as
//! pg_restore lets them go with those that it takes.

use std::collections::VecDeque;

use super::{Decision, Rule, Selection};
use crate::error::{Error, Result};
use crate::toc::{Dependents, Desc, Section, Toc, TocEntry};
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
        if self.selection.with_dependencies {
            self.needs_of(entry);
        }
        for dependent in self.dependents_of(entry) {
            let rule = Rule::DependsOn(entry.dump_id());
            if is_note(dependent.desc()) {
                // A column's privileges depend on those of the table, and so on.
                if !entry.desc().is_acl() {
                    self.take(dependent, rule, how);
                }
            } else if how == How::Chosen && self.selection.with_dependents {
                self.belonging(dependent, entry);
            } else if dependent.desc() == Desc::USER_MAPPING && self.selection.with_dependencies {
                self.take(dependent, Rule::NeededBy(entry.dump_id()), how);
            } else if joins(dependent.desc()) && self.is_complete(dependent) {
                self.take(dependent, rule, how);
            }
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
                self.rows_of(needed, rule);
            }
        }
        if let Some(namespace) = entry.namespace() {
            // Archives of some releases leave this dependency out.
            if let Some(schema) = self.toc.find(Desc::SCHEMA, None, namespace) {
                self.take(schema, rule, How::Needed);
            }
        }
        match entry.desc() {
            Desc::SEQUENCE => self.take_same(entry, Desc::SEQUENCE_SET),
            Desc::CONSTRAINT if compares_by_gist(entry.defn().unwrap_or_default()) => {
                if let Some(extension) = self.toc.find(Desc(b"EXTENSION"), None, b"btree_gist") {
                    self.take(extension, rule, How::Needed);
                }
            }
            Desc::VIEW | Desc::MATERIALIZED_VIEW => {
                let query = [entry.tag().unwrap_or_default(), b" _RETURN"].concat();
                if let Some(query) = self.toc.find(Desc::RULE, entry.namespace(), &query) {
                    self.take(query, rule, How::Needed);
                }
            }
            _ => {}
        }
    }

    /// Takes the rows of a table that a foreign key refers to: its data, or its partitions'.
    fn rows_of(&mut self, table: TocEntry<'a>, rule: Rule) {
        let mut tables = VecDeque::from([table]);
        let mut seen = vec![table.index()];
        while let Some(table) = tables.pop_front() {
            self.take_same(table, Desc::TABLE_DATA);
            for attach in self.dependents_of(table) {
                if attach.desc() != Desc::TABLE_ATTACH || !is_parent(self.toc, table, attach) {
                    continue;
                }
                for partition in needs(self.toc, attach) {
                    if !seen.contains(&partition.index()) {
                        seen.push(partition.index());
                        self.take(partition, rule, How::Needed);
                        tables.push_back(partition);
                    }
                }
                self.take(attach, rule, How::Needed);
            }
        }
    }

    /// Takes the entry of another kind with the same name.
    fn take_same(&mut self, entry: TocEntry<'a>, desc: Desc<'_>) {
        let tag = entry.tag().unwrap_or_default();
        if let Some(same) = self.toc.find(desc, entry.namespace(), tag) {
            self.take(same, Rule::NeededBy(entry.dump_id()), How::Needed);
        }
    }

    /// Takes a dependent that belongs to an object that was chosen.
    fn belonging(&mut self, dependent: TocEntry<'a>, object: TocEntry<'a>) {
        let rule = Rule::DependsOn(object.dump_id());
        match dependent.desc() {
            Desc::SEQUENCE_OWNED_BY if object.desc() != Desc::SEQUENCE => {
                for sequence in needs(self.toc, dependent) {
                    if sequence.desc() == Desc::SEQUENCE {
                        self.take(sequence, rule, How::Chosen);
                    }
                }
                self.take(dependent, rule, How::Chosen);
            }
            Desc::TABLE_ATTACH if is_parent(self.toc, object, dependent) => {
                for partition in needs(self.toc, dependent) {
                    self.take(partition, rule, How::Chosen);
                }
                self.take(dependent, rule, How::Chosen);
            }
            desc if joins(desc) && !self.is_complete(dependent) => {}
            desc if joins(desc) || belongs(dependent, object) => {
                self.take(dependent, rule, How::Chosen);
            }
            _ => {}
        }
    }

    /// Whether all is wanted that an entry puts together.
    fn is_complete(&self, entry: TocEntry<'a>) -> bool {
        let mut any = false;
        needs(self.toc, entry).all(|needed| {
            any = true;
            self.is_wanted(needed)
        }) && any
    }

    fn is_wanted(&self, entry: TocEntry<'_>) -> bool {
        self.decisions.get(entry.index()).is_some_and(|d| d.wanted.is_listed())
    }

    /// Takes an entry, unless it is taken already, or nothing of it may be.
    fn take(&mut self, entry: TocEntry<'a>, rule: Rule, how: How) {
        let place = entry.index();
        let section = self.sections.get(place).copied().unwrap_or(Section::None);
        let Some(decision) = self.decisions.get_mut(place) else { return };
        if decision.wanted.is_listed() || !decision.rule.is_choice() {
            return;
        }
        match self.selection.admit(entry, section) {
            Ok(wanted) if wanted.is_listed() => {
                *decision = Decision { wanted, rule };
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
            | Desc::SEQUENCE_OWNED_BY
            | Desc::PUBLICATION_TABLE
            | Desc::PUBLICATION_TABLES_IN_SCHEMA
            | Desc::SUBSCRIPTION_TABLE
    ) || desc == *"INDEX ATTACH"
}

/// Whether `attach` makes something a partition of `table`, and not the other way round: its tag
/// is the partition's name.
fn is_parent(toc: &Toc, table: TocEntry<'_>, attach: TocEntry<'_>) -> bool {
    let same = attach.tag() == table.tag() && attach.namespace() == table.namespace();
    !same || needs(toc, attach).all(|other| other.index() == table.index())
}

/// Whether an entry is a part of an object that it depends on.
fn belongs(part: TocEntry<'_>, object: TocEntry<'_>) -> bool {
    let (tag, name) = (part.tag().unwrap_or_default(), object.tag().unwrap_or_default());
    let same_schema = part.namespace() == object.namespace();
    match part.desc() {
        Desc::TABLE_DATA
        | Desc::MATERIALIZED_VIEW_DATA
        | Desc::SEQUENCE_SET
        | Desc::ROW_SECURITY => same_schema && tag == name,
        // Table and name; a foreign key depends on the other table, too.
        Desc::CONSTRAINT
        | Desc::CHECK_CONSTRAINT
        | Desc::FK_CONSTRAINT
        | Desc::TRIGGER
        | Desc::RULE
        | Desc::POLICY
        | Desc::DEFAULT => {
            same_schema && tag.strip_prefix(name).is_some_and(|rest| rest.starts_with(b" "))
                || part.desc() == Desc::CHECK_CONSTRAINT && object.desc() == *"DOMAIN"
        }
        Desc::INDEX => matches!(object.desc(), Desc::TABLE | Desc::MATERIALIZED_VIEW),
        Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA => true,
        // Of an identity column; any other sequence is there before its table.
        Desc::SEQUENCE => object.desc() == Desc::TABLE,
        desc if desc == *"STATISTICS" => {
            matches!(object.desc(), Desc::TABLE | Desc::MATERIALIZED_VIEW | Desc::FOREIGN_TABLE)
        }
        Desc::USER_MAPPING => object.desc() == Desc::SERVER,
        _ => false,
    }
}
