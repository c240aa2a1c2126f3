//! The tables of an archive, and how they hang together.

use std::collections::HashMap;

use pgdmp::text::Encoding;
use pgdmp::types::{Column, CopyStatement, Definitions, Keys, QualifiedName};
use pgdmp::{Desc, Toc, TocEntry};

/// The tables of an archive.
pub(crate) struct Tables<'t> {
    pub(crate) all: Vec<Table<'t>>,
    by_name: HashMap<QualifiedName, usize>,
    pub(crate) encoding: Encoding,
}

/// A table, or the data of one whose definition the archive does not have.
pub(crate) struct Table<'t> {
    pub(crate) name: QualifiedName,
    /// All columns, generated ones too.
    pub(crate) columns: Vec<Column>,
    /// Its entries with rows, and the columns of these.
    pub(crate) data: Vec<(TocEntry<'t>, Vec<Column>)>,
    pub(crate) keys: Option<Keys>,
    /// Whether its rows are loaded into the root of its partition.
    pub(crate) via_root: bool,
    /// The tables it is a partition of, the nearest first.
    pub(crate) partition_of: Vec<usize>,
    /// The tables from which it inherits, all levels.
    pub(crate) inherits: Vec<usize>,
    /// Why not all types are known.
    pub(crate) untyped: Option<String>,
    /// Whether nothing says which columns some of its rows have.
    pub(crate) is_nameless: bool,
}

impl<'t> Tables<'t> {
    /// The tables of an archive, and of another one those that it does not define itself.
    pub(crate) fn new(toc: &'t Toc, other: Option<&'t Toc>) -> pgdmp::Result<Self> {
        let encoding = toc.text_encoding();
        let mut tables = Tables { all: Vec::new(), by_name: HashMap::new(), encoding };
        let mut parents: Vec<(usize, Vec<QualifiedName>)> = Vec::new();
        tables.define(toc, &mut parents)?;
        let mut definitions = Definitions::new(toc);
        if let Some(other) = other {
            definitions = definitions.with(other);
            // Names in another encoding are other bytes.
            if other.text_encoding() == encoding {
                tables.define(other, &mut parents)?;
            }
        }
        for entry in toc.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
            let columns = definitions.columns(entry)?;
            let at = tables.place(columns.table);
            let table = &mut tables.all[at];
            table.via_root |= columns.root.is_some();
            // Of a definition that is missing or not understood, the data still has its columns.
            for column in &columns.columns {
                if !table.columns.iter().any(|own| own.name == column.name) {
                    table.columns.push(column.clone());
                }
            }
            if table.untyped.is_none() {
                table.untyped = columns.untyped.map(|why| why.to_string());
            }
            table.is_nameless |= columns.columns.is_empty() && !says_columns(entry);
            table.data.push((entry, columns.columns));
        }
        for (at, direct) in &parents {
            let partition_of = tables.all[*at].keys.iter().flat_map(|keys| &keys.partition_of);
            let of: Vec<usize> = partition_of.filter_map(|name| tables.find(name)).collect();
            let direct = direct.iter().filter_map(|name| tables.find(name)).collect();
            let table = &mut tables.all[*at];
            table.partition_of = of;
            table.inherits = direct;
        }
        for at in 0..tables.all.len() {
            let mut all = tables.all[at].inherits.clone();
            let mut n = 0;
            while let Some(parent) = all.get(n).copied() {
                for more in tables.all[parent].inherits.clone() {
                    if more != at && !all.contains(&more) {
                        all.push(more);
                    }
                }
                n += 1;
            }
            tables.all[at].inherits = all;
        }
        Ok(tables)
    }

    /// Adds the tables that an archive defines and that are not there yet.
    fn define(
        &mut self,
        toc: &'t Toc,
        parents: &mut Vec<(usize, Vec<QualifiedName>)>,
    ) -> pgdmp::Result<()> {
        let definitions = Definitions::new(toc);
        let known = self.all.len();
        for entry in toc.entries() {
            if !matches!(entry.desc(), Desc::TABLE | Desc::FOREIGN_TABLE) {
                continue;
            }
            let columns = definitions.columns(entry)?;
            let at = self.place(columns.table);
            if at < known {
                continue;
            }
            let table = &mut self.all[at];
            table.columns = columns.columns;
            table.untyped = columns.untyped.map(|why| why.to_string());
            table.keys = Some(definitions.keys(entry)?);
            parents.push((at, inherited(entry, toc)));
        }
        Ok(())
    }

    fn place(&mut self, name: QualifiedName) -> usize {
        if let Some(at) = self.find(&name) {
            return at;
        }
        self.by_name.insert(name.clone(), self.all.len());
        self.all.push(Table {
            name,
            columns: Vec::new(),
            data: Vec::new(),
            keys: None,
            via_root: false,
            partition_of: Vec::new(),
            inherits: Vec::new(),
            untyped: None,
            is_nameless: false,
        });
        self.all.len() - 1
    }

    pub(crate) fn find(&self, name: &QualifiedName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The tables that a rule means: by name, by schema and name, or both quoted as in SQL.
    pub(crate) fn named(&self, rule: &str) -> Vec<usize> {
        let text = |name: &[u8]| String::from_utf8_lossy(&self.decoded(name)).into_owned();
        let quoted = unquoted(rule);
        let is_meant = |table: &Table<'_>| {
            let name = text(&table.name.name);
            let schema = table.name.schema.as_deref().map(text);
            match &quoted {
                Some(parts) => match &parts[..] {
                    [only] => *only == name,
                    [first, second] => Some(first) == schema.as_ref() && *second == name,
                    _ => false,
                },
                None => {
                    name == rule
                        || schema.is_some_and(|schema| {
                            rule.strip_prefix(&schema[..]).and_then(|rest| rest.strip_prefix('.'))
                                == Some(&name[..])
                        })
                }
            }
        };
        (0..self.all.len()).filter(|at| is_meant(&self.all[*at])).collect()
    }

    /// A name in UTF-8.
    pub(crate) fn decoded(&self, name: &[u8]) -> Vec<u8> {
        self.encoding.decode(name).map_or_else(|| name.to_vec(), |name| name.as_bytes().to_vec())
    }

    /// A table for people.
    pub(crate) fn shown(&self, at: usize) -> String {
        self.all.get(at).map(|table| self.shown_name(&table.name)).unwrap_or_default()
    }

    pub(crate) fn shown_name(&self, name: &QualifiedName) -> String {
        match &name.schema {
            Some(schema) => format!("{}.{}", self.text(schema), self.text(&name.name)),
            None => self.text(&name.name),
        }
    }

    /// A name for people.
    pub(crate) fn text(&self, name: &[u8]) -> String {
        pgdmp::text::Printable::new(name, self.encoding).to_string()
    }
}

/// Whether a COPY statement says that the rows of an entry have no columns.
fn says_columns(entry: TocEntry<'_>) -> bool {
    let copy = entry.copy_stmt().filter(|copy| !copy.is_empty());
    copy.and_then(|copy| CopyStatement::parse(copy).ok()).is_some_and(|copy| copy.columns.is_some())
}

/// The tables from which a table inherits directly. Its entry depends on them, and its definition
/// names them behind `INHERITS`.
fn inherited(entry: TocEntry<'_>, toc: &Toc) -> Vec<QualifiedName> {
    const WORD: &[u8] = b"\nINHERITS (";
    let defn = entry.defn().unwrap_or_default();
    let Some(at) = defn.windows(WORD.len()).position(|window| window == WORD) else {
        return Vec::new();
    };
    let names = &defn[at + WORD.len()..];
    let needed = entry.dependencies().iter().filter_map(|id| toc.entry(*id));
    let tables = needed.filter(|entry| matches!(entry.desc(), Desc::TABLE | Desc::FOREIGN_TABLE));
    tables
        .filter(|table| {
            let name = table.tag().unwrap_or_default();
            !name.is_empty() && names.windows(name.len()).any(|window| window == name)
        })
        .map(|table| QualifiedName::new(table.namespace(), table.tag().unwrap_or_default()))
        .collect()
}

/// The parts of a name that is quoted as in SQL; `None` if it has no quotes.
fn unquoted(name: &str) -> Option<Vec<String>> {
    if !name.starts_with('"') && !name.contains(".\"") {
        return None;
    }
    let (mut parts, mut rest) = (Vec::new(), name);
    loop {
        let mut part = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            loop {
                let end = rest.find('"')?;
                part.push_str(&rest[..end]);
                rest = &rest[end + 1..];
                match rest.strip_prefix('"') {
                    Some(more) => {
                        part.push('"');
                        rest = more;
                    }
                    None => break,
                }
            }
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            part.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        parts.push(part);
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Some(parts),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn quoted_names() {
        assert_eq!(unquoted("a.b"), None);
        let parts = |name| unquoted(name).unwrap();
        assert_eq!(parts("\"a.b\".c"), ["a.b", "c"]);
        assert_eq!(parts("a.\"b\"\"c\""), ["a", "b\"c"]);
        assert_eq!(parts("\"a.b\""), ["a.b"]);
        assert_eq!(unquoted("\"a"), None);
    }
}
