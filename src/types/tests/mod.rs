//! Columns, types and keys of definitions.

mod columns;
mod keys;

use super::*;
use crate::toc::{ArchiveVersion, Desc, DumpId, EntryFields, Format, Header, Section, Toc};

/// An entry: kind, schema, tag, definition.
type Entry<'a> = (&'static str, &'a str, &'a str, &'a str);

/// A table of contents. Dump ids are the places of the entries, from 1.
fn toc_of(version: ArchiveVersion, std_strings: bool, entries: &[Entry<'_>]) -> Toc {
    let mut toc = Toc::new(Header::new(version, Format::Custom), Format::Custom);
    let setting = if std_strings { "'on'" } else { "'off'" };
    let setting = format!("SET standard_conforming_strings = {setting};\n");
    let all = entries.iter().copied().chain([("STDSTRINGS", "", "STDSTRINGS", &setting[..])]);
    for (n, (desc, schema, tag, text)) in all.enumerate() {
        let desc = Desc(desc.as_bytes());
        let fields = EntryFields::new(DumpId(n as i32 + 1), Desc::TABLE, Section::PreData);
        let fields = fields.desc(desc).namespace(schema).tag(tag);
        let fields = if desc == Desc::TABLE_DATA {
            fields.had_dumper(true).section(Section::Data).copy_stmt(text)
        } else {
            fields.defn(text)
        };
        toc.push(&fields).unwrap();
    }
    toc
}

fn toc(entries: &[Entry<'_>]) -> Toc {
    toc_of(ArchiveVersion::NEWEST, true, entries)
}

/// The columns of the last table.
fn columns(toc: &Toc) -> Columns {
    let of = [Desc::TABLE, Desc::TABLE_DATA, Desc::FOREIGN_TABLE];
    let entry = toc.entries().rfind(|entry| of.contains(&entry.desc())).unwrap();
    Definitions::new(toc).columns(entry).unwrap()
}

fn table(text: &str) -> Columns {
    columns(&toc(&[("TABLE", "s", "t", text)]))
}

/// `name type` of each column, with what else is known of it.
fn shown(columns: &Columns) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let one = |column: &Column| {
        let mut shown = format!("{} {}", text(&column.name), text(&column.spelling));
        if column.not_null {
            shown += " not null";
        }
        if let Some(default) = &column.default {
            shown += &format!(" default {}", text(default));
        }
        match column.generated {
            Some(Generated::Stored) => shown += " stored",
            Some(Generated::Virtual) => shown += " virtual",
            None => {}
        }
        shown
    };
    columns.columns.iter().map(one).collect()
}

/// The type of a spelling.
fn of(spelling: &str) -> Column {
    let found = table(&format!("CREATE TABLE s.t (\n    a {spelling} NOT NULL\n);\n"));
    assert_eq!(found.untyped, None, "{spelling}");
    let [column] = &found.columns[..] else { panic!("{spelling}: {found:?}") };
    assert_eq!(column.spelling, spelling.as_bytes());
    assert!(column.not_null, "{spelling}");
    column.clone()
}

fn numeric(precision: u16, scale: i16) -> DataType {
    DataType::Numeric(Some(NumericSize { precision, scale }))
}

fn array(element: DataType) -> DataType {
    DataType::array_of(element, b',')
}
