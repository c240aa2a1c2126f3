//! Which entries belong to a table: constraints, indexes, partitions, comments.

use std::collections::HashMap;

use super::constraint::{Constraint, Place, constraint, unique_index};
use super::cursor::{Cursor, Dialect};
use super::data_type::QualifiedName;
use super::keys::{Identity, Key};
use crate::toc::{Desc, Toc, TocEntry};

/// What an entry is to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A constraint of the table.
    Constraint,
    /// A foreign key to the table.
    Reference,
    UniqueIndex,
    Identity,
    Comment,
    /// The table is a partition of this one.
    Parent(QualifiedName),
    /// This table is a partition of it.
    Partition(QualifiedName),
}

/// The parts of all tables of an archive, with the places of their entries.
#[derive(Debug, Default)]
pub(super) struct Parts(HashMap<QualifiedName, Vec<(Part, u32)>>);

impl Parts {
    pub(super) fn new(toc: &Toc, dialect: Dialect) -> Self {
        let mut parts = Parts::default();
        for entry in toc {
            match entry.desc() {
                Desc::CONSTRAINT | Desc::FK_CONSTRAINT | Desc::CHECK_CONSTRAINT => {
                    if let Some(table) = altered(entry, dialect) {
                        if let Some(Constraint::ForeignKey(key)) = added(entry, dialect) {
                            parts.add(key.referenced, Part::Reference, entry);
                        }
                        parts.add(table, Part::Constraint, entry);
                    }
                }
                Desc::INDEX => {
                    if let Some((table, _)) = index(entry, dialect) {
                        parts.add(table, Part::UniqueIndex, entry);
                    }
                }
                Desc::SEQUENCE => {
                    if let Some((table, _)) = identity(entry, dialect) {
                        parts.add(table, Part::Identity, entry);
                    }
                }
                Desc::COMMENT => {
                    if let Some((table, ..)) = comment(entry, dialect) {
                        parts.add(table, Part::Comment, entry);
                    }
                }
                // 14 and newer have an entry for it; before, it stands with the table.
                Desc::TABLE | Desc::FOREIGN_TABLE | Desc::TABLE_ATTACH => {
                    if let Some((parent, partition)) = partition(entry, dialect) {
                        parts.add(parent.clone(), Part::Partition(partition.clone()), entry);
                        parts.add(partition, Part::Parent(parent), entry);
                    }
                }
                _ => {}
            }
        }
        parts
    }

    fn add(&mut self, table: QualifiedName, part: Part, entry: TocEntry<'_>) {
        self.0.entry(table).or_default().push((part, entry.index() as u32));
    }

    pub(super) fn of(&self, table: &QualifiedName) -> &[(Part, u32)] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }
}

fn cursor<'a>(entry: TocEntry<'a>, dialect: Dialect) -> Cursor<'a> {
    Cursor::new(entry.defn().unwrap_or_default(), dialect)
}

/// A name in the SQL of an entry, in the schema of the entry if it says none.
fn name(cursor: &mut Cursor<'_>, entry: TocEntry<'_>) -> Option<QualifiedName> {
    Some(qualified(cursor.qualified()?, entry))
}

fn qualified(mut name: QualifiedName, entry: TocEntry<'_>) -> QualifiedName {
    name.schema.get_or_insert_with(|| entry.namespace().unwrap_or_default().to_vec());
    name
}

/// Takes `ALTER TABLE ONLY name`, of the first statement that begins so.
fn alter_table(cursor: &mut Cursor<'_>, entry: TocEntry<'_>) -> Option<QualifiedName> {
    loop {
        if cursor.words(&["ALTER", "TABLE"]) || cursor.words(&["ALTER", "FOREIGN", "TABLE"]) {
            cursor.words(&["IF", "EXISTS"]);
            cursor.word("ONLY");
            return name(cursor, entry);
        }
        cursor.skip_statement();
        cursor.peek()?;
    }
}

/// The table that the entry of a constraint alters.
fn altered(entry: TocEntry<'_>, dialect: Dialect) -> Option<QualifiedName> {
    alter_table(&mut cursor(entry, dialect), entry)
}

/// The constraint that an entry adds to its table.
pub(super) fn added(entry: TocEntry<'_>, dialect: Dialect) -> Option<Constraint> {
    let mut cursor = cursor(entry, dialect);
    let table = alter_table(&mut cursor, entry)?;
    if !cursor.word("ADD") {
        return None;
    }
    let name = if cursor.word("CONSTRAINT") { Some(cursor.name()?) } else { None };
    constraint(&mut cursor, Place { name, table, column: None })
}

/// The key of a unique index, and its table.
pub(super) fn index(entry: TocEntry<'_>, dialect: Dialect) -> Option<(QualifiedName, Key)> {
    let (table, key) = unique_index(entry.defn().unwrap_or_default(), dialect)?;
    Some((qualified(table, entry), key))
}

/// The identity column that a sequence is of, and its table.
pub(super) fn identity(entry: TocEntry<'_>, dialect: Dialect) -> Option<(QualifiedName, Identity)> {
    let mut cursor = cursor(entry, dialect);
    let table = alter_table(&mut cursor, entry)?;
    if !cursor.word("ALTER") {
        return None;
    }
    cursor.word("COLUMN");
    let column = cursor.name()?;
    if !cursor.words(&["ADD", "GENERATED"]) {
        return None;
    }
    let always = cursor.word("ALWAYS");
    Some((table, Identity { column, always }))
}

/// A comment on a table or on a column of one.
pub(super) fn comment(
    entry: TocEntry<'_>,
    dialect: Dialect,
) -> Option<(QualifiedName, Option<Vec<u8>>, Vec<u8>)> {
    let mut cursor = cursor(entry, dialect);
    if !cursor.words(&["COMMENT", "ON"]) {
        return None;
    }
    let on_column = cursor.word("COLUMN");
    if !on_column && !cursor.word("TABLE") && !cursor.words(&["FOREIGN", "TABLE"]) {
        return None;
    }
    let mut names = vec![cursor.name()?];
    while cursor.mark(b'.') {
        names.push(cursor.name()?);
    }
    let column = if on_column { Some(names.pop()?) } else { None };
    let table = QualifiedName { name: names.pop()?, schema: names.pop() };
    if !cursor.word("IS") {
        return None;
    }
    Some((qualified(table, entry), column, cursor.string()?))
}

/// The table of which another is a partition, and that one.
fn partition(entry: TocEntry<'_>, dialect: Dialect) -> Option<(QualifiedName, QualifiedName)> {
    let defn = entry.defn().unwrap_or_default();
    let of_table = entry.desc() != Desc::TABLE_ATTACH;
    // Most tables are no partitions, and need not be parsed for this.
    let says = |words: &[u8]| defn.windows(words.len()).any(|window| window == words);
    if of_table && !says(b" PARTITION ") {
        return None;
    }
    let mut cursor = cursor(entry, dialect);
    while cursor.peek().is_some() {
        if cursor.words(&["ALTER", "TABLE"]) {
            cursor.word("ONLY");
            let parent = name(&mut cursor, entry)?;
            if cursor.words(&["ATTACH", "PARTITION"]) {
                return Some((parent, name(&mut cursor, entry)?));
            }
        } else if cursor.word("CREATE") {
            cursor.any_word(&["UNLOGGED", "FOREIGN"]);
            if cursor.word("TABLE") {
                let partition = name(&mut cursor, entry)?;
                if cursor.words(&["PARTITION", "OF"]) {
                    return Some((name(&mut cursor, entry)?, partition));
                }
            }
        }
        cursor.skip_statement();
    }
    None
}
