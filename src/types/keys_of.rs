//! The keys of one table, gathered from its definition and its parts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::constraint::{Constraint, Place, constraint, partition_key};
use super::data_type::{DataType, QualifiedName};
use super::definitions::Definitions;
use super::keys::{Check, ForeignKey, Key, KeyKind, Keys};
use super::parts::{Part, added, comment, identity, index};
use crate::toc::TocEntry;

/// More than this is not taken from the tables above one.
const MAX_INHERITED: usize = 10_000;

/// What is asked for again and again.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    /// The primary keys of tables that foreign keys reference without saying the columns.
    primary: Mutex<HashMap<QualifiedName, Vec<Vec<u8>>>>,
    /// Of tables with partitions or children, so that thousands of these do not look at each other.
    above: Mutex<HashMap<QualifiedName, Arc<Above>>>,
}

/// What a table gives to those below it.
#[derive(Debug)]
struct Above {
    keys: Keys,
    /// The tables from which it inherits itself, and whether it is a partition.
    parents: Vec<(QualifiedName, bool)>,
}

impl<'t> Definitions<'t> {
    /// The keys of a table, with the foreign keys and checks that it has from others.
    pub(super) fn keys_of(&self, table: &QualifiedName, columns: &HashSet<&[u8]>) -> Keys {
        let mut keys = self.own_keys(table, false);
        // Tables from which it has checks, and of which it is a partition.
        let mut seen: HashSet<QualifiedName> = HashSet::from([table.clone()]);
        let mut waiting = VecDeque::from(self.parents_of(table, false));
        while let Some((parent, is_partition)) = waiting.pop_front() {
            let taken = keys.checks.len() + keys.foreign_keys.len() + keys.referenced_by.len();
            if seen.len() > DataType::MAX_DEPTH || taken > MAX_INHERITED {
                break;
            }
            if !seen.insert(parent.clone()) {
                continue;
            }
            let above = self.above(&parent);
            // Of the same name it is the same.
            let is_new = |check: &&Check| !keys.checks.iter().any(|own| own.name == check.name);
            let checks: Vec<Check> = above.keys.checks.iter().filter(is_new).cloned().collect();
            keys.checks.extend(checks);
            waiting.extend(above.parents.iter().cloned());
            if is_partition {
                keys.foreign_keys.extend(above.keys.foreign_keys.iter().cloned());
                keys.referenced_by.extend(above.keys.referenced_by.iter().cloned());
                keys.partition_columns.extend(above.keys.partition_columns.iter().cloned());
                keys.partition_of.push(parent);
            }
        }
        self.name_referenced(&mut keys);
        only_columns(&mut keys, columns);
        keys
    }

    fn above(&self, table: &QualifiedName) -> Arc<Above> {
        let mut known = self.known_keys().above.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(above) = known.get(table) {
            return above.clone();
        }
        let mut keys = self.own_keys(table, true);
        // Those below have other ones.
        keys.partitions.clear();
        let above = Arc::new(Above { keys, parents: self.parents_of(table, true) });
        known.insert(table.clone(), above.clone());
        above
    }

    /// The tables from which a table inherits, and whether it is a partition.
    fn parents_of(&self, table: &QualifiedName, parent: bool) -> Vec<(QualifiedName, bool)> {
        let parts = self.parts().of(table).iter();
        let mut parents: Vec<_> = parts
            .filter_map(|(part, _)| match part {
                Part::Parent(parent) => Some((parent.clone(), true)),
                _ => None,
            })
            .collect();
        if let Some(entry) = self.entry_of(table)
            && let Some(text) = &*self.parents().get(entry, self, parent)
        {
            parents.extend(text.inherits.iter().map(|parent| {
                let schema = parent.schema.as_deref().or(entry.namespace());
                (QualifiedName::new(schema, &parent.name), false)
            }));
        }
        parents
    }

    fn entry_of(&self, table: &QualifiedName) -> Option<TocEntry<'t>> {
        let schema = table.schema.as_deref().unwrap_or_default();
        let place = self.names().table(schema, &table.name)?;
        self.toc().get(place as usize)
    }

    /// What the entries of a table and its parts say.
    fn own_keys(&self, table: &QualifiedName, parent: bool) -> Keys {
        let mut keys = Keys::new(table.clone());
        if let Some(entry) = self.entry_of(table)
            && let Some(text) = &*self.parents().get(entry, self, parent)
        {
            for found in &text.constraints {
                let name = found.name.clone();
                let column = found.column.as_deref();
                let place = Place { name, table: table.clone(), column };
                if let Some(constraint) = constraint(&mut found.text.clone(), place) {
                    add(&mut keys, constraint);
                }
            }
            let key = text.partition_by.clone().and_then(|mut cursor| partition_key(&mut cursor));
            keys.partition_columns = key.iter().flat_map(|key| key.columns.clone()).collect();
            keys.partition_by = key;
        }
        for (part, place) in self.parts().of(table) {
            let entry = self.toc().at(*place as usize);
            match part {
                Part::Constraint => {
                    if let Some(constraint) = added(entry, self.dialect()) {
                        add(&mut keys, constraint);
                    }
                }
                Part::Reference => {
                    if let Some(Constraint::ForeignKey(key)) = added(entry, self.dialect()) {
                        keys.referenced_by.push(key);
                    }
                }
                Part::UniqueIndex => {
                    keys.unique.extend(index(entry, self.dialect()).map(|(_, key)| key));
                }
                Part::Identity => {
                    keys.identity.extend(identity(entry, self.dialect()).map(|(_, found)| found));
                }
                Part::Comment => match comment(entry, self.dialect()) {
                    Some((_, Some(column), text)) => keys.column_comments.push((column, text)),
                    Some((_, None, text)) => keys.comment = Some(text),
                    None => {}
                },
                Part::Partition(partition) => keys.partitions.push(partition.clone()),
                Part::Parent(_) => {}
            }
        }
        keys
    }

    /// Says which columns foreign keys reference that do not say it: those of the primary key.
    fn name_referenced(&self, keys: &mut Keys) {
        let unnamed = |key: &&mut ForeignKey| key.referenced_columns.is_empty();
        for key in keys.foreign_keys.iter_mut().chain(&mut keys.referenced_by).filter(unnamed) {
            let mut known =
                self.known_keys().primary.lock().unwrap_or_else(PoisonError::into_inner);
            let columns = known.entry(key.referenced.clone()).or_insert_with(|| {
                let referenced = self.own_keys(&key.referenced, false).primary_key;
                referenced.map(|key| key.columns).unwrap_or_default()
            });
            key.referenced_columns.clone_from(columns);
        }
    }
}

fn add(keys: &mut Keys, constraint: Constraint) {
    match constraint {
        Constraint::Key(key) if key.kind == KeyKind::PrimaryKey => keys.primary_key = Some(key),
        Constraint::Key(key) => keys.unique.push(key),
        Constraint::ForeignKey(key) => keys.foreign_keys.push(key),
        Constraint::Check(check) => keys.checks.push(check),
    }
}

/// Keeps those of the names in expressions that are columns, if the columns are known.
fn only_columns(keys: &mut Keys, columns: &HashSet<&[u8]>) {
    let keep = |names: &mut Vec<Vec<u8>>| {
        if !columns.is_empty() {
            names.retain(|name| columns.contains(&name[..]));
        }
    };
    let all = |key: &mut Key| keep(&mut key.mentioned);
    keys.primary_key.iter_mut().chain(&mut keys.unique).for_each(all);
    keys.checks.iter_mut().for_each(|check| keep(&mut check.columns));
    keys.partition_by.iter_mut().for_each(|key| keep(&mut key.columns));
    keep(&mut keys.partition_columns);
}
