//! Which tables are exported, and which of their columns.

use std::collections::HashMap;
use std::ffi::OsString;

use regex::Regex;

use crate::selection::nothing_named;
use crate::{Failure, message, object};
use pgdmp::edit::PartName;
use pgdmp::rows::Filter;
use pgdmp::select::NamePattern;
use pgdmp::text::Encoding;
use pgdmp::types::{Column, Columns, Definitions, QualifiedName};
use pgdmp::{Desc, DumpId, Selection, Toc, TocEntry};

/// A table, or the partitions of one together.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The entries with its rows.
    pub(crate) entries: Vec<DumpId>,
    name: QualifiedName,
    /// The root of which it is a partition, if it is one and stands for itself.
    root: Option<QualifiedName>,
    /// The name for people.
    pub(crate) shown: String,
}

impl Table {
    /// The name of its file, with a slash if that is in a folder. Names from an archive cannot leave
    /// it: in them dots and slashes are written otherwise.
    pub(crate) fn file_name(&self, suffix: &str) -> String {
        let stem =
            |name: &QualifiedName| PartName::table(name.schema.as_deref(), &name.name).file_stem();
        let own = format!("{}.{suffix}", stem(&self.name));
        match &self.root {
            Some(root) => format!("{}/{own}", stem(root)),
            None => own,
        }
    }

    /// The folder of its file, if it has one.
    pub(crate) fn folder(&self, suffix: &str) -> Option<String> {
        self.file_name(suffix).split_once('/').map(|(folder, _)| folder.to_owned())
    }
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) objects: &'a [OsString],
    pub(crate) schemas: &'a [OsString],
    pub(crate) excluded_schemas: &'a [OsString],
    /// Whether the partitions of a table are one.
    pub(crate) together: bool,
}

/// The tables with rows that are asked for, in the order of the archive.
pub(crate) fn chosen(
    toc: &Toc,
    definitions: &Definitions<'_>,
    wanted: &Wanted<'_>,
) -> Result<Vec<Table>, Failure> {
    let mut entries = match wanted.objects {
        [] => all(toc, wanted)?,
        objects => {
            let mut entries = Vec::new();
            for object in objects {
                entries.extend(named(toc, definitions, object)?);
            }
            entries
        }
    };
    entries.sort_by_key(TocEntry::index);
    entries.dedup_by_key(|entry| entry.index());
    let mut tables: Vec<Table> = Vec::new();
    let mut roots: HashMap<QualifiedName, usize> = HashMap::new();
    for entry in entries {
        let root = root(definitions, entry);
        if wanted.together
            && let Some(root) = &root
        {
            if let Some(table) = roots.get(root).and_then(|n| tables.get_mut(*n)) {
                table.entries.push(entry.dump_id());
                continue;
            }
            roots.insert(root.clone(), tables.len());
        }
        let own = QualifiedName::new(entry.namespace(), entry.tag().unwrap_or_default());
        let (name, root) = match root {
            Some(root) if wanted.together => (root, None),
            root => (own, root),
        };
        let shown = shown(toc, &name);
        tables.push(Table { entries: vec![entry.dump_id()], name, root, shown });
    }
    Ok(tables)
}

/// A name in UTF-8, for people and as a tag.
pub(crate) fn shown(toc: &Toc, name: &QualifiedName) -> String {
    let text = |bytes: &[u8]| crate::json::text(bytes, toc.text_encoding());
    match &name.schema {
        Some(schema) => format!("{}.{}", text(schema), text(&name.name)),
        None => text(&name.name),
    }
}

fn has_rows(entry: &TocEntry<'_>) -> bool {
    entry.desc() == Desc::TABLE_DATA && entry.has_data()
}

fn all<'t>(toc: &'t Toc, wanted: &Wanted<'_>) -> Result<Vec<TocEntry<'t>>, Failure> {
    let mut selection = Selection::new().data_only(true);
    let pattern = |name: &OsString| NamePattern::new(name.as_encoded_bytes());
    for schema in wanted.schemas {
        selection = selection.schema(pattern(schema));
    }
    for schema in wanted.excluded_schemas {
        selection = selection.exclude_schema(pattern(schema));
    }
    let selected = selection.apply(toc)?;
    for unmatched in selected.unmatched_names() {
        message::warning(nothing_named(unmatched, toc));
    }
    let data = |entry: &TocEntry<'_>| selected.decision(entry).wanted.data;
    Ok(toc.entries().filter(has_rows).filter(data).collect())
}

/// The entry with the rows of what is named; of a partitioned table those of its partitions.
fn named<'t>(
    toc: &'t Toc,
    definitions: &Definitions<'_>,
    object: &OsString,
) -> Result<Vec<TocEntry<'t>>, Failure> {
    let object = object.as_encoded_bytes();
    let entry = match object::find_all(toc, object, "has no rows", has_rows) {
        Ok(entries) if entries.iter().all(has_rows) => return Ok(entries),
        Ok(entries) => match entries.first() {
            Some(entry) => *entry,
            None => return Ok(entries),
        },
        Err(failure) => {
            let fits = |entry: &TocEntry<'t>| entry.desc() == Desc::TABLE;
            let Ok(table) = object::find(toc, object, "has no rows", fits) else {
                return Err(failure);
            };
            table
        }
    };
    let mut found = Vec::new();
    if matches!(entry.desc(), Desc::TABLE | Desc::FOREIGN_TABLE) {
        let name = QualifiedName::new(entry.namespace(), entry.tag().unwrap_or_default());
        found.extend(data_of(toc, &name));
        if found.is_empty() {
            found = partitions(toc, definitions, entry);
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(Failure::Usage(object::lacks(entry, "has no rows"))),
    }
}

fn data_of<'t>(toc: &'t Toc, name: &QualifiedName) -> Option<TocEntry<'t>> {
    toc.find(Desc::TABLE_DATA, name.schema.as_deref(), &name.name).filter(has_rows)
}

/// The root of which a table is a partition.
fn root(definitions: &Definitions<'_>, data: TocEntry<'_>) -> Option<QualifiedName> {
    let tag = data.tag().unwrap_or_default();
    let table = data.toc().find(Desc::TABLE, data.namespace(), tag)?;
    definitions.keys(table).ok()?.partition_of.into_iter().next_back()
}

/// The entries with the rows of a table's partitions, at any depth.
fn partitions<'t>(
    toc: &'t Toc,
    definitions: &Definitions<'_>,
    table: TocEntry<'_>,
) -> Vec<TocEntry<'t>> {
    let mut todo = vec![table];
    let mut found: Vec<TocEntry<'t>> = Vec::new();
    // No circle is longer than there are entries.
    for _ in 0..toc.len() {
        let Some(table) = todo.pop() else { break };
        let Ok(keys) = definitions.keys(table) else { continue };
        for partition in keys.partitions {
            found.extend(data_of(toc, &partition));
            todo.extend(toc.find(Desc::TABLE, partition.schema.as_deref(), &partition.name));
        }
    }
    found
}

/// The columns of a table's rows.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Of a whole row.
    pub(crate) all: Columns,
    /// Those that are written.
    pub(crate) written: Columns,
    /// Where these are in a row; `None` if they are all of them.
    pub(crate) places: Option<Vec<usize>>,
}

impl Layout {
    /// Of some columns, by their names in the archive; without names, all of them.
    pub(crate) fn new(all: Columns, names: Option<&[Vec<u8>]>) -> Result<Layout, Vec<u8>> {
        let Some(names) = names else {
            return Ok(Layout { written: all.clone(), all, places: None });
        };
        let place = |name: &Vec<u8>| all.position(name).ok_or_else(|| name.clone());
        let places = names.iter().map(place).collect::<Result<Vec<usize>, _>>()?;
        let is_all = places.len() == all.columns.len()
            && places.iter().enumerate().all(|(n, place)| n == *place);
        let mut written = all.clone();
        written.columns = places.iter().map(|place| all.columns[*place].clone()).collect();
        Ok(Layout { all, written, places: (!is_all).then_some(places) })
    }
}

/// The conditions on a table's rows.
pub(crate) fn filter(
    conditions: &[String],
    columns: &Columns,
    encoding: Encoding,
) -> Result<Filter, Failure> {
    Ok(Filter::parse(conditions, columns, encoding, |pattern| {
        let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
        Ok(Box::new(move |text: &str| regex.is_match(text)))
    })?)
}

/// The columns of an entry's rows, which have these names, or so many fields.
pub(crate) fn columns(
    definitions: &Definitions<'_>,
    entry: TocEntry<'_>,
    names: Option<&[Vec<u8>]>,
    fields: Option<usize>,
) -> Result<Columns, Failure> {
    if let Some(names) = names {
        return Ok(definitions.columns_named(entry, names)?);
    }
    let mut columns = definitions.columns(entry)?;
    if let Some(fields) = fields.filter(|fields| *fields != columns.columns.len()) {
        let unnamed = |n| Column::unknown(format!("column{n}").as_bytes());
        columns.columns = (1..=fields).map(unnamed).collect();
    }
    Ok(columns)
}
