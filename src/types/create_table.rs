//! `CREATE TABLE` and `CREATE FOREIGN TABLE`, in the forms that `pg_dump` writes (`dumpTableSchema` in
//! `pg_dump.c`, of 7.1 to 19).

use super::column::Generated;
use super::cursor::{Cursor, Dialect};
use super::data_type::QualifiedName;
use super::spelling::{Spelling, spelling};
use crate::sql::Kind;

/// PostgreSQL's limit on the columns of a table.
pub(super) const MAX_COLUMNS: usize = 1_600;

/// The definition of a table, as it stands in its entry.
#[derive(Debug, Clone, Default)]
pub(super) struct TableText<'a> {
    /// The composite type that gives it its columns.
    pub(super) of_type: Option<QualifiedName>,
    pub(super) partition_of: Option<QualifiedName>,
    pub(super) inherits: Vec<QualifiedName>,
    pub(super) columns: Vec<ColumnText<'a>>,
    /// Columns that constraints beside them, or statements behind the first, say are NOT NULL.
    pub(super) not_null: Vec<NotNull>,
    /// Other constraints.
    pub(super) constraints: Vec<ConstraintText<'a>>,
    /// What is behind `PARTITION BY`.
    pub(super) partition_by: Option<Cursor<'a>>,
}

/// A constraint that stands in the definition of the table.
#[derive(Debug, Clone)]
pub(super) struct ConstraintText<'a> {
    pub(super) name: Option<Vec<u8>>,
    /// The column behind which it stands.
    pub(super) column: Option<Vec<u8>>,
    /// The place behind its name.
    pub(super) text: Cursor<'a>,
}

/// That a column is NOT NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotNull {
    pub(super) column: Vec<u8>,
    /// Whether tables that inherit the column have it, too.
    pub(super) inherited: bool,
}

/// A column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnText<'a> {
    pub(super) name: Vec<u8>,
    /// `None` for a column of a typed table.
    pub(super) spelling: Option<Spelling<'a>>,
    pub(super) default: Option<&'a [u8]>,
    pub(super) generated: Option<Generated>,
}

/// Parses the first `CREATE TABLE` of a definition.
pub(super) fn create_table(defn: &[u8], dialect: Dialect) -> Option<TableText<'_>> {
    let mut cursor = Cursor::new(defn, dialect);
    while !begins(&mut cursor) {
        cursor.skip_statement();
        cursor.peek()?;
    }
    let name = cursor.qualified()?;
    let mut table = TableText::default();
    if cursor.word("OF") {
        table.of_type = Some(cursor.qualified()?);
    }
    if cursor.words(&["PARTITION", "OF"]) {
        table.partition_of = Some(cursor.qualified()?);
    }
    if cursor.mark(b'(') && !cursor.mark(b')') {
        let depth = cursor.depth();
        loop {
            element(&mut cursor, depth, &mut table)?;
            if !cursor.mark(b',') {
                break;
            }
        }
        if !cursor.mark(b')') {
            return None;
        }
    }
    while let Some(token) = cursor.peek() {
        if token.is_mark(b';') {
            break;
        }
        if token.depth == 0 && cursor.word("INHERITS") {
            cursor.mark(b'(');
            table.inherits.push(cursor.qualified()?);
            while cursor.mark(b',') {
                table.inherits.push(cursor.qualified()?);
            }
            continue;
        }
        if token.depth == 0 && cursor.words(&["PARTITION", "BY"]) {
            table.partition_by = Some(cursor.clone());
            continue;
        }
        cursor.take();
    }
    while cursor.peek().is_some() {
        cursor.skip_statement();
        alteration(&mut cursor, &name, &mut table);
    }
    Some(table)
}

/// Looks at a statement behind the first: `ALTER TABLE ONLY … ALTER COLUMN … SET NOT NULL` of an
/// inherited column, and an inherited constraint in a dump for an upgrade.
fn alteration<'a>(cursor: &mut Cursor<'a>, name: &QualifiedName, table: &mut TableText<'a>) {
    if !cursor.word("ALTER") {
        return;
    }
    cursor.word("FOREIGN");
    if !cursor.word("TABLE") {
        return;
    }
    cursor.word("ONLY");
    if cursor.qualified().as_ref() != Some(name) {
        return;
    }
    if cursor.word("ALTER") {
        cursor.word("COLUMN");
        if let Some(column) = cursor.name()
            && cursor.words(&["SET", "NOT", "NULL"])
        {
            table.not_null.push(NotNull { column, inherited: true });
        }
    } else if cursor.words(&["ADD", "CONSTRAINT"])
        && let Some(name) = cursor.name()
    {
        if !cursor.words(&["NOT", "NULL"]) {
            let text = cursor.clone();
            table.constraints.push(ConstraintText { name: Some(name), column: None, text });
        } else if let Some(column) = cursor.name() {
            not_null(cursor, column, table);
        }
    }
}

/// Notes that a column is NOT NULL, unless there may be NULL of old.
fn not_null(cursor: &mut Cursor<'_>, column: Vec<u8>, table: &mut TableText<'_>) {
    let inherited = !cursor.words(&["NO", "INHERIT"]);
    if !cursor.words(&["NOT", "VALID"]) {
        table.not_null.push(NotNull { column, inherited });
    }
}

/// Takes `CREATE TABLE` and its like, if a statement begins so.
fn begins(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    if !ahead.word("CREATE") {
        return false;
    }
    ahead.any_word(&["GLOBAL", "LOCAL"]);
    ahead.any_word(&["UNLOGGED", "TEMPORARY", "TEMP", "FOREIGN"]);
    if !ahead.word("TABLE") {
        return false;
    }
    ahead.words(&["IF", "NOT", "EXISTS"]);
    *cursor = ahead;
    true
}

/// Takes a column or a constraint.
fn element<'a>(cursor: &mut Cursor<'a>, depth: u32, table: &mut TableText<'a>) -> Option<()> {
    let token = cursor.peek()?;
    let second = cursor.peek_second();
    let is_exclude = token.is("EXCLUDE")
        && second.is_some_and(|second| second.is("USING") || second.is_mark(b'('));
    let is_constraint = is_exclude
        || ["CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "NOT"]
            .iter()
            .any(|word| token.is(word));
    if is_constraint {
        let name = if cursor.word("CONSTRAINT") { Some(cursor.name()?) } else { None };
        if cursor.words(&["NOT", "NULL"]) {
            let column = cursor.name()?;
            not_null(cursor, column, table);
        } else {
            let text = cursor.clone();
            table.constraints.push(ConstraintText { name, column: None, text });
        }
        cursor.skip_element(depth);
        return Some(());
    }
    let mut column =
        ColumnText { name: cursor.name()?, spelling: None, default: None, generated: None };
    if table.of_type.is_none() && table.partition_of.is_none() {
        column.spelling = Some(spelling(cursor)?);
    }
    let dropped = is_dropped(&column.name, cursor);
    clauses(cursor, depth, &mut column, table)?;
    if dropped {
        return Some(());
    }
    table.columns.push(column);
    (table.columns.len() <= MAX_COLUMNS).then_some(())
}

/// Whether a column stands for a dropped one, in a dump for an upgrade: `INTEGER /* dummy */`. The
/// cursor is behind its type.
pub(super) fn is_dropped(name: &[u8], cursor: &Cursor<'_>) -> bool {
    let comment = cursor.text(cursor.end()..cursor.start()).trim_ascii_start();
    name.starts_with(b"........pg.dropped.") && comment.starts_with(b"/* dummy */")
}

/// Takes what follows the type of a column.
fn clauses<'a>(
    cursor: &mut Cursor<'a>,
    depth: u32,
    column: &mut ColumnText<'a>,
    table: &mut TableText<'a>,
) -> Option<()> {
    let mut name = None;
    while let Some(token) = cursor.peek() {
        if token.depth < depth || token.is_mark(b',') && token.depth == depth {
            return Some(());
        }
        if token.is_mark(b';') || token.kind == Kind::Quoted && token.depth == depth {
            return None;
        }
        if ["PRIMARY", "UNIQUE", "CHECK", "REFERENCES"].iter().any(|word| token.is(word)) {
            let column = Some(column.name.clone());
            let text = cursor.clone();
            table.constraints.push(ConstraintText { name: name.take(), column, text });
        }
        if cursor.words(&["NOT", "NULL"]) || cursor.words(&["PRIMARY", "KEY"]) {
            not_null(cursor, column.name.clone(), table);
        } else if cursor.word("DEFAULT") {
            column.default = Some(cursor.expression(depth));
        } else if cursor.word("GENERATED") {
            let always = cursor.word("ALWAYS");
            if always && cursor.word("AS") && cursor.at_mark(b'(') {
                cursor.parenthesis()?;
                let stored = cursor.word("STORED");
                column.generated =
                    Some(if stored { Generated::Stored } else { Generated::Virtual });
            }
        } else if cursor.any_word(&["COLLATE", "REFERENCES"]) {
            cursor.qualified()?;
        } else if cursor.word("CONSTRAINT") {
            name = Some(cursor.name()?);
        } else if cursor.any_word(&["STORAGE", "COMPRESSION"]) {
            cursor.take();
        } else if cursor.at_mark(b'(') {
            cursor.parenthesis()?;
        } else {
            // OPTIONS, WITH OPTIONS, NO INHERIT, CHECK, and what newer releases may add.
            cursor.take();
        }
    }
    None
}
