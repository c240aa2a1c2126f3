//! The columns and keys of a table, as `show` has them.

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use crate::json;
use pgdmp::types::{Column, Columns, Definitions, ForeignKey, Generated, Key, Keys, QualifiedName};
use pgdmp::{Desc, Toc, TocEntry};

/// What is known of a table.
pub(crate) struct TableShape<'t> {
    toc: &'t Toc,
    columns: Columns,
    keys: Keys,
}

impl<'t> TableShape<'t> {
    /// `None` for what is no table.
    pub(crate) fn of(definitions: &Definitions<'t>, entry: TocEntry<'t>) -> Option<Self> {
        if ![Desc::TABLE, Desc::FOREIGN_TABLE].contains(&entry.desc()) {
            return None;
        }
        let columns = definitions.columns(entry).ok()?;
        let keys = definitions.keys(entry).ok()?;
        Some(TableShape { toc: entry.toc(), columns, keys })
    }

    fn text(&self, bytes: &[u8]) -> String {
        self.toc.printable(bytes).to_string()
    }

    fn name(&self, name: &QualifiedName) -> String {
        match name.schema.as_deref() {
            Some(schema) if !schema.is_empty() => {
                format!("{}.{}", self.text(schema), self.text(&name.name))
            }
            _ => self.text(&name.name),
        }
    }

    fn names(&self, names: &[Vec<u8>]) -> String {
        let names: Vec<String> = names.iter().map(|name| self.text(name)).collect();
        format!("({})", names.join(", "))
    }

    /// Headings, and what stands behind each of them.
    pub(crate) fn lines(&self) -> Vec<(&'static str, Vec<String>)> {
        let keys = &self.keys;
        let key = |key: &Key| match key.is_plain {
            true => format!("{} {}", self.text(&key.name), self.names(&key.columns)),
            false => format!("{} {}", self.text(&key.name), self.text(&key.definition)),
        };
        let foreign = |key: &ForeignKey| {
            let name = self.text(&key.name);
            format!("{name} {} to {}", self.names(&key.columns), self.referenced(key))
        };
        let reference = |key: &ForeignKey| {
            let (table, columns) = (self.name(&key.table), self.names(&key.columns));
            format!("{table} {columns}: {}", self.text(&key.name))
        };
        let check = |check: &pgdmp::types::Check| {
            let name = self.text(check.name.as_deref().unwrap_or_default());
            format!("{name} ({})", self.text(&check.expression)).trim_start().to_owned()
        };
        let untyped = self.columns.untyped.as_ref();
        vec![
            ("Columns", self.column_lines()),
            ("Types", untyped.map(|why| format!("not all known: {why}")).into_iter().collect()),
            ("Primary key", keys.primary_key.iter().map(key).collect()),
            ("Unique", keys.unique.iter().map(key).collect()),
            ("Foreign keys", keys.foreign_keys.iter().map(foreign).collect()),
            ("Referenced by", keys.referenced_by.iter().map(reference).collect()),
            ("Checks", keys.checks.iter().map(check).collect()),
            (
                "Partitioned",
                keys.partition_by.iter().map(|key| self.text(&key.definition)).collect(),
            ),
            ("Partition of", keys.partition_of.iter().map(|name| self.name(name)).collect()),
            ("Partitions", keys.partitions.iter().map(|name| self.name(name)).collect()),
        ]
    }

    fn referenced(&self, key: &ForeignKey) -> String {
        format!("{} {}", self.name(&key.referenced), self.names(&key.referenced_columns))
    }

    /// Name, type, and what else is known, one below the other.
    fn column_lines(&self) -> Vec<String> {
        let columns = &self.columns.columns;
        let cells: Vec<[String; 3]> = columns
            .iter()
            .map(|column| [self.text(&column.name), self.spelling(column), self.rest(column)])
            .collect();
        let width = |n: usize| {
            // A long one does not push away all others.
            cells.iter().map(|cells| cells[n].width()).filter(|width| *width <= 40).max()
        };
        let widths = [width(0).unwrap_or(0), width(1).unwrap_or(0)];
        let padded = |cell: &str, width: usize| {
            format!("{cell}{}  ", " ".repeat(width.saturating_sub(cell.width())))
        };
        cells
            .iter()
            .map(|[name, spelling, rest]| {
                let line = padded(name, widths[0]) + &padded(spelling, widths[1]) + rest;
                line.trim_end().to_owned()
            })
            .collect()
    }

    fn spelling(&self, column: &Column) -> String {
        match column.spelling.is_empty() {
            true => "?".to_owned(),
            false => self.text(&column.spelling),
        }
    }

    fn rest(&self, column: &Column) -> String {
        let mut words = Vec::new();
        if column.not_null {
            words.push("not null".to_owned());
        }
        if let Some(always) = self.identity(column) {
            words.push(format!("identity ({})", if always { "always" } else { "by default" }));
        }
        match column.generated {
            Some(Generated::Stored) => words.push("generated, stored".to_owned()),
            Some(_) => words.push("generated".to_owned()),
            None => {}
        }
        if let Some(default) = &column.default {
            words.push(format!("default {}", self.text(default)));
        }
        words.join("  ")
    }

    fn identity(&self, column: &Column) -> Option<bool> {
        let identity = self.keys.identity.iter().find(|identity| identity.column == column.name);
        identity.map(|identity| identity.always)
    }

    /// Adds all of it to the JSON of an entry.
    pub(crate) fn put_json(&self, map: &mut Map<String, Value>) {
        let keys = &self.keys;
        let encoding = self.toc.text_encoding();
        let text = |bytes: &[u8]| json::text(bytes, encoding);
        let texts = |all: &[Vec<u8>]| -> Value { all.iter().map(|one| text(one)).collect() };
        let name = |name: &QualifiedName| {
            let mut map = Map::new();
            json::put_text(&mut map, "schema", name.schema.as_deref(), encoding);
            json::put_text(&mut map, "name", Some(&name.name), encoding);
            Value::Object(map)
        };
        let column = |column: &Column| {
            let mut map = Map::new();
            json::put_text(&mut map, "name", Some(&column.name), encoding);
            let spelling = Some(&column.spelling[..]).filter(|spelling| !spelling.is_empty());
            json::put_text(&mut map, "type", spelling, encoding);
            map.insert("not_null".into(), column.not_null.into());
            json::put_text(&mut map, "default", column.default.as_deref(), encoding);
            map.insert("generated".into(), column.generated.is_some().into());
            let identity = self.identity(column);
            let identity = identity.map(|always| if always { "always" } else { "by default" });
            map.insert("identity".into(), identity.into());
            map.insert("domain".into(), column.domain.as_ref().map(name).into());
            json::put_text(&mut map, "comment", keys.comment_on(&column.name), encoding);
            Value::Object(map)
        };
        let key = |key: &Key| {
            let mut map = Map::new();
            json::put_text(&mut map, "name", Some(&key.name), encoding);
            map.insert("columns".into(), texts(&key.columns));
            json::put_text(&mut map, "definition", Some(&key.definition), encoding);
            Value::Object(map)
        };
        let foreign = |key: &ForeignKey| {
            let mut map = Map::new();
            json::put_text(&mut map, "name", Some(&key.name), encoding);
            map.insert("table".into(), name(&key.table));
            map.insert("columns".into(), texts(&key.columns));
            map.insert("referenced".into(), name(&key.referenced));
            map.insert("referenced_columns".into(), texts(&key.referenced_columns));
            Value::Object(map)
        };
        let check = |check: &pgdmp::types::Check| {
            let mut map = Map::new();
            json::put_text(&mut map, "name", check.name.as_deref(), encoding);
            json::put_text(&mut map, "expression", Some(&check.expression), encoding);
            Value::Object(map)
        };
        let partition_by = keys.partition_by.as_ref().map(|key| text(&key.definition));
        let untyped = self.columns.untyped.as_ref().map(ToString::to_string);
        map.insert("columns".into(), self.columns.columns.iter().map(column).collect());
        map.insert("untyped".into(), untyped.into());
        map.insert("primary_key".into(), keys.primary_key.as_ref().map(key).into());
        map.insert("unique".into(), keys.unique.iter().map(key).collect());
        map.insert("foreign_keys".into(), keys.foreign_keys.iter().map(foreign).collect());
        map.insert("referenced_by".into(), keys.referenced_by.iter().map(foreign).collect());
        map.insert("checks".into(), keys.checks.iter().map(check).collect());
        map.insert("partition_by".into(), partition_by.into());
        map.insert("partition_of".into(), keys.partition_of.iter().map(name).collect());
        map.insert("partitions".into(), keys.partitions.iter().map(name).collect());
    }
}
