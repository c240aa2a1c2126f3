//! Which entry defines a table or type of a name.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::create_type::{TypeText, create_type};
use super::cursor::Dialect;
use super::data_type::QualifiedName;
use crate::toc::{Desc, Toc, TocEntry};

/// What a name stands for, with the place of its entry in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Named {
    /// A type or domain.
    Type(u32),
    /// A table or foreign table: its rows are a type, too.
    Table(u32),
    /// The multiranges of a range type.
    Multirange(u32),
    /// Something else that has a type, or several entries.
    Unknown,
}

/// All tables and types of an archive by schema and name.
#[derive(Debug, Default)]
pub(super) struct Names<'t> {
    named: HashMap<(&'t [u8], &'t [u8]), Named>,
    multiranges: HashMap<QualifiedName, Named>,
}

impl<'t> Names<'t> {
    pub(super) fn new(toc: &'t Toc, dialect: Dialect) -> Self {
        let mut names = Names::default();
        let kinds = toc.by_kind(kind);
        for entry in toc {
            let place = entry.index() as u32;
            let named = match kinds.of(entry) {
                Some(Kind::Type) => Named::Type(place),
                Some(Kind::Table) => Named::Table(place),
                Some(Kind::View) => Named::Unknown,
                None => continue,
            };
            names.add(entry, named);
            if matches!(named, Named::Type(_)) {
                names.add_multirange(entry, dialect);
            }
        }
        names
    }

    fn add(&mut self, entry: TocEntry<'t>, named: Named) {
        let schema = entry.namespace().unwrap_or_default();
        match self.named.entry((schema, entry.tag().unwrap_or_default())) {
            Entry::Vacant(vacant) => {
                vacant.insert(named);
            }
            Entry::Occupied(mut other) => {
                other.insert(Named::Unknown);
            }
        }
    }

    fn add_multirange(&mut self, entry: TocEntry<'t>, dialect: Dialect) {
        let defn = entry.defn().unwrap_or_default();
        // Ranges are rare, and other types need not be parsed for this.
        if !defn.windows(8).any(|window| window == b"AS RANGE") {
            return;
        }
        if let Some(TypeText::Range(range)) = create_type(defn, dialect)
            && let Some(mut name) = range.multirange
        {
            name.schema.get_or_insert_with(|| entry.namespace().unwrap_or_default().to_vec());
            self.multiranges.insert(name, Named::Multirange(entry.index() as u32));
        }
    }

    pub(super) fn get(&self, schema: &[u8], name: &[u8]) -> Option<Named> {
        self.named.get(&(schema, name)).copied().or_else(|| {
            if self.multiranges.is_empty() {
                return None;
            }
            self.multiranges.get(&QualifiedName::new(Some(schema), name)).copied()
        })
    }

    /// The place of a table's entry.
    pub(super) fn table(&self, schema: &[u8], name: &[u8]) -> Option<u32> {
        match self.named.get(&(schema, name)) {
            Some(Named::Table(place)) => Some(*place),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Type,
    Table,
    View,
}

fn kind(desc: Desc<'_>) -> Option<Kind> {
    match desc {
        Desc::TYPE | Desc::DOMAIN => Some(Kind::Type),
        Desc::TABLE | Desc::FOREIGN_TABLE => Some(Kind::Table),
        Desc::VIEW | Desc::MATERIALIZED_VIEW | Desc::SEQUENCE => Some(Kind::View),
        _ => None,
    }
}
