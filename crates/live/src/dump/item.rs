//! The data of an entry, in units of work: what is asked of the server for each.

use pgdmp::Toc;
use pgdmp::toc::{DumpId, TocEntry};

/// Bytes of a table that are one unit, where it has several: rows of so much wait in memory for
/// their turn.
const UNIT: u64 = 2 << 20;

/// Large objects of one unit.
pub(super) const OBJECTS: usize = 500;

/// The data of an entry.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: DumpId,
    /// Its place in the table of contents.
    pub(super) place: usize,
    pub(super) what: What,
    /// Bytes on the server's disk.
    pub(super) bytes: u64,
}

#[derive(Debug)]
pub(super) enum What {
    Table(Table),
    /// Large objects, in this order.
    Objects(Vec<u32>),
}

/// The rows of a table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// As SQL.
    pub(super) name: Vec<u8>,
    /// As SQL, with commas; nothing without columns.
    pub(super) columns: Vec<u8>,
    /// A condition of an extension, `WHERE` included.
    pub(super) condition: Option<Vec<u8>>,
    pub(super) is_foreign: bool,
    /// Pages of each unit; 0 if all of it is one.
    pub(super) pages: u64,
    pub(super) units: u64,
}

impl Table {
    /// Divides a table of so many pages, and bytes with what it keeps elsewhere.
    pub(super) fn divide(&mut self, pages: u64, bytes: u64) {
        let per_page = (bytes / pages.max(1)).max(1);
        self.pages = (UNIT / per_page).max(1);
        self.units = pages.div_ceil(self.pages).max(1);
    }

    /// What gives the rows of a unit.
    pub(super) fn copy(&self, unit: u64) -> Vec<u8> {
        let Table { name, columns, .. } = self;
        let rows: Vec<u8> = if self.units > 1 {
            let from = unit * self.pages;
            let mut rows = [b"SELECT ", &columns[..], b" FROM ONLY ", name, b" WHERE "].concat();
            rows.extend_from_slice(format!("ctid >= '({from},0)'").as_bytes());
            // Whatever is behind the end that it had belongs to the last one.
            if unit + 1 < self.units {
                let to = from + self.pages;
                rows.extend_from_slice(format!(" AND ctid < '({to},0)'").as_bytes());
            }
            rows
        } else if self.is_foreign || self.condition.is_some() {
            let condition = self.condition.as_deref().unwrap_or_default();
            [b"SELECT ", &columns[..], b" FROM ", name, b" ", condition].concat()
        } else {
            let columns = match columns.is_empty() {
                true => Vec::new(),
                false => [b"(", &columns[..], b") "].concat(),
            };
            return [b"COPY ", &name[..], b" ", &columns, b"TO stdout"].concat();
        };
        [b"COPY (", &rows[..], b") TO stdout"].concat()
    }
}

impl Item {
    pub(super) fn units(&self) -> u64 {
        match &self.what {
            What::Table(table) => table.units.max(1),
            What::Objects(oids) => oids.len().div_ceil(OBJECTS).max(1) as u64,
        }
    }

    /// Whether a session compresses it before its turn comes.
    pub(super) fn is_apart(&self) -> bool {
        matches!(&self.what, What::Table(table) if table.units <= 1)
    }
}

/// What a dump is going to read for an entry.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DumpItem<'a> {
    /// The entry.
    pub entry: TocEntry<'a>,
    /// What it takes on the server's disk, in bytes; 0 if that is not known.
    pub bytes: u64,
    /// In how many parts it is read.
    pub parts: u64,
}

impl<'a> DumpItem<'a> {
    pub(super) fn new(toc: &'a Toc, item: &Item) -> Option<Self> {
        let entry = toc.get(item.place)?;
        Some(DumpItem { entry, bytes: item.bytes, parts: item.units() })
    }
}

/// A name in quotes.
pub(super) fn quote(name: &[u8]) -> Vec<u8> {
    quoted(name, b'"')
}

/// A text as SQL. It has no backslashes.
pub(super) fn literal(text: &[u8]) -> Vec<u8> {
    quoted(text, b'\'')
}

fn quoted(text: &[u8], mark: u8) -> Vec<u8> {
    let mut out = vec![mark];
    for byte in text {
        if *byte == mark {
            out.push(mark);
        }
        out.push(*byte);
    }
    out.push(mark);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table { name: b"s.t".to_vec(), columns: b"a, b".to_vec(), ..Table::default() }
    }

    #[test]
    fn a_table_in_ranges() {
        let mut table = table();
        table.divide(1000, 1000 * 8192);
        assert_eq!((table.pages, table.units), (256, 4));
        assert_eq!(
            table.copy(0).escape_ascii().to_string(),
            "COPY (SELECT a, b FROM ONLY s.t WHERE ctid >= \\'(0,0)\\' AND ctid < \\'(256,0)\\') TO stdout"
        );
        assert!(table.copy(3).ends_with(b"WHERE ctid >= '(768,0)') TO stdout"));
        // What is kept elsewhere makes the ranges shorter, down to a page.
        table.divide(10, 10 << 30);
        assert_eq!((table.pages, table.units), (1, 10));
        table.divide(0, 0);
        assert_eq!(table.units, 1);
    }

    #[test]
    fn a_table_at_once() {
        assert_eq!(table().copy(0), b"COPY s.t (a, b) TO stdout");
        let none = Table { columns: Vec::new(), ..table() };
        assert_eq!(none.copy(0), b"COPY s.t TO stdout");
        let config = Table { condition: Some(b"WHERE a > 1".to_vec()), ..table() };
        assert_eq!(config.copy(0), b"COPY (SELECT a, b FROM s.t WHERE a > 1) TO stdout");
    }
}
