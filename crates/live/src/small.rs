//! The rows of small tables, as INSERT commands, which go to the server many tables at a time.
//!
//! A COPY takes two round trips and a transaction, however few its rows are, and no two can share a
//! query without a round trip each. So the rows of a small table become one INSERT command, which
//! is sent in one query with others. Its values go through the same input functions. Only rows as
//! `COPY … TO` writes them are taken, and only types whose values cannot come out otherwise;
//! whatever the server refuses is loaded by COPY, a table at a time.

use pgdmp::types::{Column, DataType, Definitions};
use pgdmp::{Desc, Toc, TocEntry};

use crate::text::Text;

/// Data of so many bytes of the archive may be that of a small table.
const STORED: u64 = 8 << 10;
/// So many bytes of rows are few.
const FEW: usize = 16 << 10;

/// The release of the server that has identity columns.
pub(crate) const IDENTITY: u32 = 100_000;

/// The rows of a small table that wait, and what loads them alone.
#[derive(Debug)]
pub(crate) struct SmallTable {
    /// Its name.
    pub(crate) tag: Vec<u8>,
    pub(crate) truncate: Vec<u8>,
    pub(crate) copy: Vec<u8>,
    pub(crate) rows: Vec<u8>,
}

/// Finds the tables whose rows may be loaded by INSERT.
pub(crate) struct SmallTables<'a>(Definitions<'a>);

impl<'a> SmallTables<'a> {
    pub(crate) fn of(toc: &'a Toc) -> Self {
        SmallTables(Definitions::new(toc))
    }

    /// Whether an entry has the rows of a small table. `stored`: how many bytes of the archive they
    /// are, if that is known.
    pub(crate) fn has(&self, entry: &TocEntry<'_>, stored: Option<u64>) -> bool {
        if entry.desc() != Desc::TABLE_DATA || stored.is_none_or(|stored| stored >= STORED) {
            return false;
        }
        entry.copy_stmt().is_some_and(|copy| Target::of(copy).is_some())
            && self.0.columns(*entry).is_ok_and(|columns| {
                columns.untyped.is_none() && columns.columns.iter().all(is_as_by_copy)
            })
    }
}

/// Whether a value is the same whether COPY reads it or a string literal becomes one. COPY gives the
/// size of a type, as in `varchar(9)`, to its input function; for a literal there is a function
/// that makes a value fit, and a type of which nothing is known may not have it.
fn is_as_by_copy(column: &Column) -> bool {
    let mut inner = &column.data_type;
    while let Some(element) = inner.element() {
        inner = element;
    }
    !matches!(inner, DataType::Other)
        || column.domain.is_none()
            && !column.spelling.is_empty()
            && !column.spelling.contains(&b'(')
}

/// The table and the columns of a COPY, as they are written.
struct Target<'a> {
    table: &'a [u8],
    columns: &'a [u8],
    count: usize,
}

impl<'a> Target<'a> {
    /// Of a statement that pg_dump writes; `None` for others, and for a table without columns.
    fn of(copy: &'a [u8]) -> Option<Self> {
        let mut text = Text::new(copy);
        text.skip("COPY ")?;
        let at_table = text.rest;
        text.name()?;
        let table = &at_table[..at_table.len() - text.rest.len()];
        text.skip(" ")?;
        let at_columns = text.rest;
        let count = text.columns()?.len();
        let columns = &at_columns[..at_columns.len() - text.rest.len()];
        (text.rest == b" FROM stdin;\n").then_some(Target { table, columns, count })
    }
}

/// The INSERT command that loads what a COPY would; empty if there are no rows. `None` if there are
/// many, or what pg_dump does not write, which is left to the server. `has_identity`: whether the
/// server knows identity columns.
pub(crate) fn insert(copy: &[u8], rows: &[u8], has_identity: bool) -> Option<Vec<u8>> {
    if rows.len() > FEW {
        return None;
    }
    let Target { table, columns, count } = Target::of(copy)?;
    let mut command = Vec::with_capacity(rows.len() * 2 + copy.len() + 64);
    let mut rest = rows;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest)?;
        let (row, after) = (&rest[..end], &rest[end + 1..]);
        if row == b"\\." {
            // Line ends follow, which nobody reads.
            after.iter().all(|byte| *byte == b'\n').then_some(())?;
            break;
        }
        if command.is_empty() {
            for part in [b"INSERT INTO ", table, b" ", columns] {
                command.extend_from_slice(part);
            }
            if has_identity {
                command.extend_from_slice(b" OVERRIDING SYSTEM VALUE");
            }
            command.extend_from_slice(b" VALUES\n(");
        } else {
            command.extend_from_slice(b",\n(");
        }
        let mut fields = 0;
        for field in row.split(|byte| *byte == b'\t') {
            if fields > 0 {
                command.push(b',');
            }
            literal(field, &mut command)?;
            fields += 1;
        }
        command.push(b')');
        (fields == count).then_some(())?;
        rest = after;
    }
    if !command.is_empty() {
        command.extend_from_slice(b";\n");
    }
    Some(command)
}

/// A field as a literal. `None` if it has what `COPY … TO` never writes.
fn literal(field: &[u8], command: &mut Vec<u8>) -> Option<()> {
    if field == b"\\N" {
        command.extend_from_slice(b"NULL");
        return Some(());
    }
    if memchr::memchr2(b'\r', 0, field).is_some() {
        return None;
    }
    if field.contains(&b'\\') {
        command.push(b'E');
    }
    command.push(b'\'');
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            // Each means the same in such a literal.
            b'\\' => match bytes.next()? {
                escaped @ (b'b' | b'f' | b'n' | b'r' | b't' | b'\\') => {
                    command.extend_from_slice(&[b'\\', *escaped]);
                }
                // This one is not known there.
                b'v' => command.push(0x0b),
                _ => return None,
            },
            b'\'' => command.extend_from_slice(b"''"),
            byte => command.push(*byte),
        }
    }
    command.push(b'\'');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: &[u8] = b"COPY public.\"T\" (a, \"B (\") FROM stdin;\n";

    fn inserted(rows: &[u8]) -> Option<String> {
        insert(COPY, rows, true).map(|command| String::from_utf8(command).unwrap())
    }

    #[test]
    fn rows_become_values() {
        let start = "INSERT INTO public.\"T\" (a, \"B (\") OVERRIDING SYSTEM VALUE VALUES\n";
        for (rows, values) in [
            (&b"1\tx\n2\t\\N\n\\.\n\n\n"[..], "('1','x'),\n('2',NULL)"),
            (b"\t\n", "('','')"),
            (b"it's\t\\\\N\n", "('it''s',E'\\\\N')"),
            (b"a\\tb\\n\\r\\b\\f\t\\v\\\\'\n", "(E'a\\tb\\n\\r\\b\\f',E'\x0b\\\\''')"),
            (b"$1;--\t/*\n", "('$1;--','/*')"),
        ] {
            assert_eq!(inserted(rows).unwrap(), format!("{start}{values};\n"));
        }
        for none in [&b""[..], b"\\.\n", b"\\.\n\n\n"] {
            assert_eq!(inserted(none).unwrap(), "");
        }
        let old = insert(COPY, b"1\t2\n", false).unwrap();
        assert!(old.starts_with(b"INSERT INTO public.\"T\" (a, \"B (\") VALUES\n"));
    }

    #[test]
    fn what_pg_dump_does_not_write_is_left_to_copy() {
        for rows in [
            &b"1\t2"[..],
            b"1\n",
            b"1\t2\t3\n",
            b"\n",
            b"1\t\\x41\n",
            b"1\t\\101\n",
            b"1\t\\.\n",
            b"1\ta\\\nb\n",
            b"1\ta\\N\n",
            b"1\t2\\\n",
            b"1\t2\r\n",
            b"1\t\0\n",
            b"1\t2\n\\.\nDROP TABLE t;\n",
        ] {
            assert_eq!(inserted(rows), None, "{:?}", rows.escape_ascii().to_string());
        }
        let many = b"1\t2\n".repeat(FEW / 4 + 1);
        assert!(inserted(&many[4..]).is_some() && inserted(&many).is_none());
        for copy in [
            &b"COPY t () FROM stdin;\n"[..],
            b"COPY t  FROM stdin;\n",
            b"COPY t FROM stdin;\n",
            b"COPY t (a) FROM stdin; DROP TABLE t;\n",
            b"COPY t (a) FROM stdin WITH (FORMAT csv);\n",
            b"COPY t WITH OIDS (a) FROM stdin;\n",
            b"INSERT",
        ] {
            assert_eq!(insert(copy, b"", true), None, "{:?}", copy.escape_ascii().to_string());
        }
    }
}
