//! The columns of tables as they are spelled, with those that are inherited.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use super::column::{Generated, Untyped};
use super::create_table::{MAX_COLUMNS, TableText, create_table};
use super::create_type::{TypeText, create_type};
use super::data_type::{DataType, QualifiedName};
use super::definitions::Definitions;
use super::named::Named;
use super::spelling::Spelling;
use crate::toc::TocEntry;

/// A column, as the definitions of its table and of those from which it is inherited have it.
#[derive(Debug, Clone)]
pub(super) struct ColumnOf<'t> {
    pub(super) name: Vec<u8>,
    /// `None` if no definition says its type.
    pub(super) spelling: Option<Spelling<'t>>,
    /// The schema in which names of types are looked up that have none.
    pub(super) schema: &'t [u8],
    pub(super) not_null: bool,
    pub(super) default: Option<&'t [u8]>,
    pub(super) generated: Option<Generated>,
}

/// Definitions of tables from which others inherit: they are parsed once.
#[derive(Debug, Default)]
pub(super) struct Parents<'t>(Mutex<HashMap<u32, Arc<Option<TableText<'t>>>>>);

impl<'t> Parents<'t> {
    /// The definition of a table, which is kept if the table is a `parent`.
    pub(super) fn get(
        &self,
        table: TocEntry<'t>,
        definitions: &Definitions<'t>,
        parent: bool,
    ) -> Arc<Option<TableText<'t>>> {
        let place = table.index() as u32;
        let mut parsed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = parsed.get(&place) {
            return text.clone();
        }
        let defn = table.defn().unwrap_or_default();
        let text = Arc::new(create_table(defn, definitions.dialect()));
        if parent {
            parsed.insert(place, text.clone());
        }
        text
    }
}

/// What was found of a table so far.
struct Collected<'d, 't> {
    definitions: &'d Definitions<'t>,
    columns: Vec<ColumnOf<'t>>,
    places: HashMap<Vec<u8>, usize>,
    seen: HashMap<u32, Seen>,
    /// A table or type that the archive does not have.
    missing: Option<QualifiedName>,
    /// Columns that were looked at.
    work: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Begun,
    Done,
}

/// More columns and parents than this are not looked at for one table.
const MAX_WORK: usize = 8 * MAX_COLUMNS;

/// The columns of a table, and what is not known of them.
pub(super) fn columns_of<'t>(
    definitions: &Definitions<'t>,
    table: TocEntry<'t>,
) -> (Vec<ColumnOf<'t>>, Option<Untyped>) {
    let mut collected = Collected {
        definitions,
        columns: Vec::new(),
        places: HashMap::new(),
        seen: HashMap::new(),
        missing: None,
        work: 0,
    };
    let untyped = match collected.table(table, DataType::MAX_DEPTH) {
        Ok(()) => collected.missing.map(Untyped::ParentMissing),
        Err(untyped) => Some(untyped),
    };
    let columns = if matches!(untyped, None | Some(Untyped::ParentMissing(_))) {
        collected.columns
    } else {
        Vec::new()
    };
    (columns, untyped)
}

impl<'t> Collected<'_, 't> {
    fn table(&mut self, table: TocEntry<'t>, depth: usize) -> Result<(), Untyped> {
        let depth = depth.checked_sub(1).ok_or(Untyped::TooComplex)?;
        match self.seen.entry(table.index() as u32) {
            Entry::Vacant(vacant) => {
                vacant.insert(Seen::Begun);
            }
            Entry::Occupied(seen) if *seen.get() == Seen::Begun => return Err(Untyped::TooComplex),
            // Its columns are there already, by way of another parent.
            Entry::Occupied(_) => return Ok(()),
        }
        let is_parent = depth + 1 < DataType::MAX_DEPTH;
        let text = self.definitions.parents().get(table, self.definitions, is_parent);
        let Some(text) = &*text else {
            return Err(self.definitions.missing(Untyped::NotUnderstood));
        };
        self.spend(1 + text.columns.len() + text.inherits.len())?;
        let own = table.namespace().unwrap_or_default();
        for parent in text.inherits.iter().chain(&text.partition_of) {
            let schema = parent.schema.as_deref().unwrap_or(own);
            match self.definitions.names().table(schema, &parent.name) {
                Some(place) => self.table(self.definitions.toc().at(place as usize), depth)?,
                None => self.missing = self.missing.take().or(Some(parent.clone())),
            }
        }
        if let Some(of_type) = &text.of_type {
            self.attributes(of_type, own)?;
        }
        for column in &text.columns {
            let at = self.place(&column.name, own)?;
            let known = &mut self.columns[at];
            if let Some(spelling) = &column.spelling {
                known.spelling = Some(spelling.clone());
                known.schema = own;
            }
            if column.default.is_some() {
                known.default = column.default;
            }
            known.generated = column.generated.or(known.generated);
        }
        for not_null in text.not_null.iter().filter(|not_null| not_null.inherited || !is_parent) {
            if let Some(at) = self.places.get(&not_null.column) {
                self.columns[*at].not_null = true;
            }
        }
        self.seen.insert(table.index() as u32, Seen::Done);
        Ok(())
    }

    /// The attributes of the type of a typed table.
    fn attributes(&mut self, name: &QualifiedName, own: &[u8]) -> Result<(), Untyped> {
        let schema = name.schema.as_deref().unwrap_or(own);
        let toc = self.definitions.toc();
        let entry = match self.definitions.names().get(schema, &name.name) {
            Some(Named::Type(place)) => toc.at(place as usize),
            _ => {
                self.missing = Some(name.clone());
                return Ok(());
            }
        };
        let text = create_type(entry.defn().unwrap_or_default(), self.definitions.dialect());
        let Some(TypeText::Composite(attributes)) = text else {
            self.missing = Some(name.clone());
            return Ok(());
        };
        self.spend(attributes.len())?;
        let schema = entry.namespace().unwrap_or_default();
        for attribute in attributes {
            let at = self.place(&attribute.name, schema)?;
            self.columns[at].spelling = Some(attribute.spelling);
        }
        Ok(())
    }

    /// The place of a column, which is new if there is none of this name.
    fn place(&mut self, name: &[u8], schema: &'t [u8]) -> Result<usize, Untyped> {
        if let Some(at) = self.places.get(name) {
            return Ok(*at);
        }
        let at = self.columns.len();
        if at == MAX_COLUMNS {
            return Err(Untyped::TooComplex);
        }
        self.places.insert(name.to_vec(), at);
        self.columns.push(ColumnOf {
            name: name.to_vec(),
            spelling: None,
            schema,
            not_null: false,
            default: None,
            generated: None,
        });
        Ok(at)
    }

    fn spend(&mut self, work: usize) -> Result<(), Untyped> {
        self.work += work;
        if self.work > MAX_WORK { Err(Untyped::TooComplex) } else { Ok(()) }
    }
}
