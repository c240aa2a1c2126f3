//! What is compared of the data of two archives: which entries, and in which columns.

use std::collections::HashMap;

use super::columns::{Binding, Common, OwnColumn, own_columns};
use super::items::Items;
use super::key::{Key, Texts};
use super::options::DiffOptions;
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::text::Printable;
use crate::toc::{Desc, DumpId, TocEntry};
use crate::types::{Definitions, KeyKind, Keys};

/// The data of a table in two archives, or in one of them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) key: Key,
    pub(super) places: [Option<Place>; 2],
    pub(super) common: Common,
    /// The names of the fields, in UTF-8, as far as the definitions say them.
    names: [Option<Vec<Vec<u8>>>; 2],
    /// The columns that tell rows apart, as places in the compared columns. Empty if there are none
    /// and the whole row has to.
    pub(super) key_columns: Vec<usize>,
    /// The table of which it is a partition.
    pub(super) root: Option<(Option<Vec<u8>>, Vec<u8>)>,
}

/// An entry with data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its place in the table of contents.
    pub(super) index: usize,
    pub(super) id: DumpId,
    /// Whether its data is rows.
    pub(super) is_table: bool,
}

impl Place {
    pub(super) fn new(entry: TocEntry<'_>) -> Place {
        let is_table = entry.desc() == Desc::TABLE_DATA;
        Place { index: entry.index(), id: entry.dump_id(), is_table }
    }
}

/// Pairs the data of two archives, in the order of the first one.
pub(super) fn plans(a: &Items<'_>, b: &Items<'_>, options: &DiffOptions) -> Result<Vec<Plan>> {
    let definitions = [a, b].map(|items| {
        let own = Definitions::new(items.toc);
        match &options.types {
            Some(other) => own.with(other),
            None => own,
        }
    });
    let side = |n: usize, entry: TocEntry<'_>| -> Result<Side> {
        let texts = [a, b][n].texts;
        let definitions = &definitions[n];
        if entry.desc() != Desc::TABLE_DATA {
            return Ok(Side::default());
        }
        let known = definitions.columns(entry)?;
        // Of INSERT commands without a definition nothing is known.
        let is_known = !known.columns.is_empty() || known.untyped.is_none() || is_copy(entry);
        let columns = is_known.then(|| own_columns(&known, texts, !options.fast));
        let keys = definitions.keys(entry)?;
        let root = keys
            .partition_of
            .last()
            .map(|root| (texts.owned(root.schema.as_deref()), texts.utf8(&root.name).into_owned()));
        Ok(Side { columns, keys: in_utf8(&keys, texts), root })
    };
    let mut left: HashMap<&Key, Vec<TocEntry<'_>>> = HashMap::new();
    for (key, entry) in b.data.iter().rev() {
        left.entry(key).or_default().push(*entry);
    }
    let mut plans = Vec::new();
    for (key, entry) in &a.data {
        let other = left.get_mut(key).and_then(Vec::pop);
        let sides =
            [side(0, *entry)?, other.map(|other| side(1, other)).transpose()?.unwrap_or_default()];
        plans.push(Plan::new(key, [Some(*entry), other], sides, options)?);
    }
    // Those that are left, in their own order.
    for (key, entry) in &b.data {
        let Some(same) = left.get_mut(key) else { continue };
        if same.last().is_some_and(|last| last.index() == entry.index()) {
            same.pop();
            let sides = [Side::default(), side(1, *entry)?];
            plans.push(Plan::new(key, [None, Some(*entry)], sides, options)?);
        }
    }
    let tables = plans.iter().map(|plan| (plan.key.namespace.as_deref(), &plan.key.tag[..]));
    if let Some(table) = options.unknown_key(tables) {
        let table = Printable::new(table, Encoding::UTF8);
        return Err(Error::usage(format!("there is no data of a table {table} to have a key")));
    }
    let is_unknown = |name: &&Vec<u8>| !plans.iter().any(|plan| plan.may_have(name));
    if let Some(name) = options.ignored_columns.iter().find(is_unknown) {
        let name = Printable::new(name, Encoding::UTF8);
        return Err(Error::usage(format!("no table has a column {name} to be ignored")));
    }
    Ok(plans)
}

/// What an archive says of a table.
#[derive(Default)]
struct Side {
    /// `None` if it does not say which columns there are.
    columns: Option<Vec<OwnColumn>>,
    /// The columns of its keys, the best first, and whether they are never NULL.
    keys: Vec<(Vec<Vec<u8>>, bool)>,
    root: Option<(Option<Vec<u8>>, Vec<u8>)>,
}

fn is_copy(entry: TocEntry<'_>) -> bool {
    entry.copy_stmt().is_some_and(|copy| !copy.is_empty())
}

fn in_utf8(keys: &Keys, texts: Texts) -> Vec<(Vec<Vec<u8>>, bool)> {
    let is_unique = |kind| matches!(kind, KeyKind::Unique | KeyKind::UniqueIndex);
    let unique = keys.unique.iter().filter(|key| is_unique(key.kind));
    keys.primary_key
        .iter()
        .chain(unique)
        .filter(|key| key.is_plain && !key.columns.is_empty())
        .map(|key| {
            let columns = key.columns.iter().map(|name| texts.utf8(name).into_owned());
            (columns.collect(), key.kind == KeyKind::PrimaryKey)
        })
        .collect()
}

impl Plan {
    fn new(
        key: &Key,
        entries: [Option<TocEntry<'_>>; 2],
        [a, b]: [Side; 2],
        options: &DiffOptions,
    ) -> Result<Plan> {
        let common =
            Common::new(a.columns.as_deref(), b.columns.as_deref(), &options.ignored_columns);
        let place =
            |name: &Vec<u8>| common.columns.binary_search_by(|column| column.name.cmp(name)).ok();
        let never_null = |name: &Vec<u8>| {
            [&a, &b].iter().all(|side| {
                let Some(columns) = &side.columns else { return true };
                columns.iter().any(|column| column.name == *name && column.not_null)
            })
        };
        let given = options.key_of(key.namespace.as_deref(), &key.tag);
        let key_columns = match given {
            Some(names) => names
                .iter()
                .map(|name| {
                    place(name).ok_or_else(|| {
                        let name = String::from_utf8_lossy(name).into_owned();
                        let table = String::from_utf8_lossy(&key.tag).into_owned();
                        Error::usage(format!("table {table} has no column {name} to be a key"))
                    })
                })
                .collect::<Result<_>>()?,
            None => {
                let known = a.keys.iter().chain(&b.keys);
                let mut usable = known.filter_map(|(names, primary)| {
                    let fits = *primary || names.iter().all(never_null);
                    names.iter().map(place).collect::<Option<Vec<_>>>().filter(|_| fits)
                });
                usable.next().unwrap_or_default()
            }
        };
        let names = [&a, &b].map(|side| {
            let columns = side.columns.as_ref()?.iter();
            Some(columns.map(|column| column.name.clone()).collect())
        });
        Ok(Plan {
            key: key.clone(),
            places: entries.map(|entry| entry.map(Place::new)),
            common,
            names,
            key_columns,
            root: a.root.or(b.root),
        })
    }

    /// Whether one of the two tables has a column of this name, as far as that is known.
    fn may_have(&self, name: &[u8]) -> bool {
        let tables = self
            .places
            .iter()
            .zip(&self.names)
            .filter(|(place, _)| place.is_some_and(|place| place.is_table));
        let mut names = tables.map(|(_, names)| names);
        names.any(|names| names.as_ref().is_none_or(|names| names.iter().any(|own| own == name)))
    }

    /// Where the compared columns stand in rows with these names. Names that the data does not have
    /// are those of the definition, or of the other archive.
    pub(super) fn binding(
        &self,
        side: usize,
        names: Option<&[Vec<u8>]>,
        fields: usize,
        texts: [Texts; 2],
    ) -> Result<Binding> {
        let own = texts[side];
        let encoding = own.conversion(&texts[1 - side]);
        if self.names.iter().all(Option::is_none) {
            return Ok(Binding::by_place(fields, encoding));
        }
        let bound = match names {
            Some(names) => {
                let names: Vec<_> = names.iter().map(|name| own.utf8(name)).collect();
                Binding::new(&self.common, names.iter().map(|name| &**name), encoding)
            }
            None => {
                let known = self.names.iter().cycle().skip(side).take(2).flatten();
                // A row without columns looks like one that is empty.
                let fits = |len: usize| len == fields || (len == 0 && fields == 1);
                let mut fitting = known.filter(|names| fits(names.len()));
                fitting.next().and_then(|names| {
                    Binding::new(&self.common, names.iter().map(|name| &name[..]), encoding)
                })
            }
        };
        bound.ok_or_else(|| {
            let table = Printable::new(&self.key.tag, Encoding::UTF8);
            Error::malformed(format!(
                "the rows of table {table} do not have the columns that its definition says"
            ))
        })
    }
}
