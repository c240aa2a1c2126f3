//! `CREATE TYPE` and `CREATE DOMAIN` (`dumpType` and `dumpDomain` in `pg_dump.c`).

use super::create_table::is_dropped;
use super::cursor::{Cursor, Dialect};
use super::data_type::QualifiedName;
use super::spelling::{Spelling, spelling};

/// The definition of a type, as it stands in its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TypeText<'a> {
    /// The labels.
    Enum(Vec<Vec<u8>>),
    Composite(Vec<AttributeText<'a>>),
    Range(RangeText<'a>),
    /// The base of a domain.
    Domain(Spelling<'a>),
    /// A type of C functions, and what separates the elements of its arrays.
    Base {
        delimiter: u8,
    },
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttributeText<'a> {
    pub(super) name: Vec<u8>,
    pub(super) spelling: Spelling<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RangeText<'a> {
    pub(super) subtype: Spelling<'a>,
    /// Since PostgreSQL 14.
    pub(super) multirange: Option<QualifiedName>,
}

/// Parses the definition of a type or domain; `None` for a shell and for what is none.
pub(super) fn create_type(defn: &[u8], dialect: Dialect) -> Option<TypeText<'_>> {
    let mut cursor = Cursor::new(defn, dialect);
    let domain = loop {
        if cursor.words(&["CREATE", "TYPE"]) {
            break false;
        }
        if cursor.words(&["CREATE", "DOMAIN"]) {
            break true;
        }
        cursor.skip_statement();
        cursor.peek()?;
    };
    cursor.qualified()?;
    if domain {
        cursor.word("AS");
        return Some(TypeText::Domain(spelling(&mut cursor)?));
    }
    if !cursor.word("AS") {
        return base(&mut cursor);
    }
    if cursor.word("ENUM") {
        labels(&mut cursor).map(TypeText::Enum)
    } else if cursor.word("RANGE") {
        range(&mut cursor).map(TypeText::Range)
    } else {
        attributes(&mut cursor).map(TypeText::Composite)
    }
}

/// Labels in parentheses, and those that statements behind them add, in a dump for an upgrade.
fn labels(cursor: &mut Cursor<'_>) -> Option<Vec<Vec<u8>>> {
    let mut labels = Vec::new();
    if !cursor.mark(b'(') {
        return None;
    }
    while let Some(label) = cursor.string() {
        labels.push(label);
        cursor.mark(b',');
    }
    if !cursor.mark(b')') {
        return None;
    }
    while cursor.peek().is_some() {
        cursor.skip_statement();
        if !cursor.words(&["ALTER", "TYPE"]) {
            continue;
        }
        cursor.qualified()?;
        if cursor.words(&["ADD", "VALUE"]) {
            labels.push(cursor.string()?);
            // `BEFORE` and `AFTER`: the order is then another one.
            if !cursor.at_mark(b';') {
                return None;
            }
        }
    }
    Some(labels)
}

fn attributes<'a>(cursor: &mut Cursor<'a>) -> Option<Vec<AttributeText<'a>>> {
    let mut attributes = Vec::new();
    if !cursor.mark(b'(') {
        return None;
    }
    if cursor.mark(b')') {
        return Some(attributes);
    }
    let depth = cursor.depth();
    loop {
        let name = cursor.name()?;
        let spelling = spelling(cursor)?;
        let dropped = is_dropped(&name, cursor);
        cursor.skip_element(depth);
        if !dropped {
            attributes.push(AttributeText { name, spelling });
        }
        if !cursor.mark(b',') {
            break;
        }
    }
    cursor.mark(b')').then_some(attributes)
}

fn range<'a>(cursor: &mut Cursor<'a>) -> Option<RangeText<'a>> {
    let (mut subtype, mut multirange) = (None, None);
    each_setting(cursor, |name, cursor| {
        match name {
            b"subtype" => subtype = Some(spelling(cursor)?),
            b"multirange_type_name" => multirange = Some(cursor.qualified()?),
            _ => {}
        }
        Some(())
    })?;
    Some(RangeText { subtype: subtype?, multirange })
}

fn base<'a>(cursor: &mut Cursor<'_>) -> Option<TypeText<'a>> {
    let mut delimiter = b',';
    each_setting(cursor, |name, cursor| {
        if name == b"delimiter" {
            delimiter = *cursor.string()?.first()?;
        }
        Some(())
    })?;
    Some(TypeText::Base { delimiter })
}

/// Calls `take` with the name of each setting in parentheses, and its value next.
fn each_setting<'a>(
    cursor: &mut Cursor<'a>,
    mut take: impl FnMut(&[u8], &mut Cursor<'a>) -> Option<()>,
) -> Option<()> {
    if !cursor.mark(b'(') {
        return None;
    }
    let depth = cursor.depth();
    while let Some(name) = cursor.name() {
        if cursor.mark(b'=') {
            take(&name, cursor)?;
        }
        cursor.skip_element(depth);
        if !cursor.mark(b',') {
            break;
        }
    }
    cursor.mark(b')').then_some(())
}
