//! Constraints and unique indexes (`pg_get_constraintdef` and `pg_get_indexdef` in `ruleutils.c`).

use super::cursor::{Cursor, Dialect};
use super::data_type::QualifiedName;
use super::keys::{Check, ForeignKey, Key, KeyKind, PartitionKey};
use crate::sql::{Kind, Token};

/// A constraint, before it is known which of the names in its expressions are columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constraint {
    Key(Key),
    ForeignKey(ForeignKey),
    Check(Check),
}

/// Whose constraint it is.
pub(super) struct Place<'n> {
    pub(super) name: Option<Vec<u8>>,
    pub(super) table: QualifiedName,
    /// The column behind which it stands.
    pub(super) column: Option<&'n [u8]>,
}

/// Takes a constraint, behind its name. `None` for what is none of these, such as NOT NULL.
pub(super) fn constraint(cursor: &mut Cursor<'_>, place: Place<'_>) -> Option<Constraint> {
    let start = cursor.start();
    if cursor.words(&["PRIMARY", "KEY"]) {
        return key(cursor, place, KeyKind::PrimaryKey, start).map(Constraint::Key);
    }
    if cursor.word("UNIQUE") {
        return key(cursor, place, KeyKind::Unique, start).map(Constraint::Key);
    }
    if cursor.word("EXCLUDE") {
        return exclude(cursor, place, start).map(Constraint::Key);
    }
    if cursor.word("CHECK") {
        let expression = cursor.parenthesis()?;
        return Some(Constraint::Check(Check {
            name: place.name,
            expression: expression.to_vec(),
            columns: names_in(expression, cursor.dialect()),
        }));
    }
    let columns = if cursor.words(&["FOREIGN", "KEY"]) {
        columns(cursor)?.0
    } else {
        vec![place.column?.to_vec()]
    };
    if !cursor.word("REFERENCES") {
        return None;
    }
    cursor.word("ONLY");
    let mut referenced = cursor.qualified()?;
    let own_schema = || place.table.schema.clone().unwrap_or_default();
    referenced.schema.get_or_insert_with(own_schema);
    let referenced_columns =
        if cursor.at_mark(b'(') { self::columns(cursor)?.0 } else { Vec::new() };
    let depth = cursor.depth();
    cursor.skip_element(depth);
    Some(Constraint::ForeignKey(ForeignKey {
        name: place.name.unwrap_or_default(),
        table: place.table,
        columns,
        referenced,
        referenced_columns,
        definition: cursor.text(start..cursor.end()).to_vec(),
    }))
}

fn key(cursor: &mut Cursor<'_>, place: Place<'_>, kind: KeyKind, start: usize) -> Option<Key> {
    let nulls_not_distinct = nulls_not_distinct(cursor);
    let (columns, overlaps) = match place.column {
        Some(column) => (vec![column.to_vec()], false),
        None => {
            let found = columns(cursor)?;
            cursor.skip_element(cursor.depth());
            found
        }
    };
    Some(Key {
        name: place.name.unwrap_or_default(),
        kind,
        columns,
        mentioned: Vec::new(),
        is_plain: !overlaps,
        nulls_not_distinct,
        definition: cursor.text(start..cursor.end()).to_vec(),
    })
}

fn nulls_not_distinct(cursor: &mut Cursor<'_>) -> bool {
    cursor.words(&["NULLS", "DISTINCT"]);
    cursor.words(&["NULLS", "NOT", "DISTINCT"])
}

/// Takes names in parentheses, and says whether the last is a range whose values may not overlap.
fn columns(cursor: &mut Cursor<'_>) -> Option<(Vec<Vec<u8>>, bool)> {
    if !cursor.mark(b'(') {
        return None;
    }
    let mut names = Vec::new();
    let mut overlaps = false;
    loop {
        // `PERIOD` is also a name.
        let is_name = |token: Token<'_>| matches!(token.kind, Kind::Word | Kind::Quoted);
        if cursor.peek_second().is_some_and(is_name)
            && !cursor.clone().words(&["PERIOD", "WITHOUT", "OVERLAPS"])
        {
            overlaps |= cursor.word("PERIOD");
        }
        names.push(cursor.name()?);
        overlaps |= cursor.words(&["WITHOUT", "OVERLAPS"]);
        if !cursor.mark(b',') {
            break;
        }
    }
    cursor.mark(b')').then_some((names, overlaps))
}

fn exclude(cursor: &mut Cursor<'_>, place: Place<'_>, start: usize) -> Option<Key> {
    if cursor.word("USING") {
        cursor.name()?;
    }
    let elements = elements(cursor)?;
    let mut key = Key {
        name: place.name.unwrap_or_default(),
        kind: KeyKind::Exclude,
        columns: elements.columns,
        mentioned: elements.mentioned,
        is_plain: false,
        nulls_not_distinct: false,
        definition: Vec::new(),
    };
    predicate(cursor, &mut key);
    key.definition = cursor.text(start..cursor.end()).to_vec();
    Some(key)
}

/// Takes the rest of a key, and notes the columns that are behind `WHERE`.
fn predicate(cursor: &mut Cursor<'_>, key: &mut Key) {
    let depth = cursor.depth();
    while let Some(token) = cursor.peek() {
        let ends = token.is_mark(b';') || token.is_mark(b',');
        if token.depth < depth || token.depth == depth && ends {
            return;
        }
        if token.depth == depth && cursor.word("WHERE") {
            let start = cursor.start();
            cursor.skip_element(depth);
            let text = cursor.text(start..cursor.end());
            key.mentioned.extend(names_in(text, cursor.dialect()));
            key.is_plain = false;
            return;
        }
        cursor.take();
    }
}

/// The parts of an index or partition key.
struct Elements {
    columns: Vec<Vec<u8>>,
    /// Names in expressions.
    mentioned: Vec<Vec<u8>>,
    has_expressions: bool,
}

/// Takes columns and expressions in parentheses, with what may follow each of them.
fn elements(cursor: &mut Cursor<'_>) -> Option<Elements> {
    if !cursor.mark(b'(') {
        return None;
    }
    let depth = cursor.depth();
    let mut found = Elements { columns: Vec::new(), mentioned: Vec::new(), has_expressions: false };
    loop {
        let second = cursor.peek_second()?;
        let is_column = !second.is_mark(b'(') && !second.is_mark(b'.');
        let start = cursor.start();
        match cursor.peek()?.name().filter(|_| is_column) {
            Some(column) => {
                found.columns.push(column);
                cursor.skip_element(depth);
            }
            None => {
                cursor.skip_element(depth);
                let text = cursor.text(start..cursor.end());
                found.mentioned.extend(names_in(text, cursor.dialect()));
                found.has_expressions = true;
            }
        }
        if !cursor.mark(b',') {
            break;
        }
    }
    cursor.mark(b')').then_some(found)
}

/// Parses `CREATE UNIQUE INDEX`: the table, and the key. `None` for other indexes.
pub(super) fn unique_index(sql: &[u8], dialect: Dialect) -> Option<(QualifiedName, Key)> {
    let mut cursor = Cursor::new(sql, dialect);
    while !cursor.words(&["CREATE", "UNIQUE", "INDEX"]) {
        cursor.skip_statement();
        cursor.peek()?;
    }
    cursor.word("CONCURRENTLY");
    cursor.words(&["IF", "NOT", "EXISTS"]);
    let name = cursor.qualified()?.name;
    if !cursor.word("ON") {
        return None;
    }
    cursor.word("ONLY");
    let table = cursor.qualified()?;
    let start = cursor.start();
    if cursor.word("USING") {
        cursor.name()?;
    }
    let elements = elements(&mut cursor)?;
    if cursor.word("INCLUDE") {
        cursor.parenthesis()?;
    }
    let mut key = Key {
        name,
        kind: KeyKind::UniqueIndex,
        columns: elements.columns,
        mentioned: elements.mentioned,
        is_plain: !elements.has_expressions,
        nulls_not_distinct: nulls_not_distinct(&mut cursor),
        definition: Vec::new(),
    };
    predicate(&mut cursor, &mut key);
    key.definition = cursor.text(start..cursor.end()).to_vec();
    Some((table, key))
}

/// Takes what is behind `PARTITION BY`.
pub(super) fn partition_key(cursor: &mut Cursor<'_>) -> Option<PartitionKey> {
    let start = cursor.start();
    cursor.name()?;
    let elements = elements(cursor)?;
    let mut columns = elements.columns;
    columns.extend(elements.mentioned);
    Some(PartitionKey { definition: cursor.text(start..cursor.end()).to_vec(), columns })
}

/// All that may be a name of a column in an expression.
fn names_in(expression: &[u8], dialect: Dialect) -> Vec<Vec<u8>> {
    let mut cursor = Cursor::new(expression, dialect);
    let mut names = Vec::new();
    while let Some(token) = cursor.take() {
        names.extend(token.name());
    }
    names.sort();
    names.dedup();
    names
}
