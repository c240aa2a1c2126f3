//! Any bytes as the definitions of tables, types and what belongs to them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgdmp::toc::{ArchiveVersion, EntryFields, Format, Header, Section};
use pgdmp::types::{DataType, Definitions};
use pgdmp::{Desc, DumpId, Toc};

const KINDS: [Desc<'static>; 10] = [
    Desc::TABLE,
    Desc::TYPE,
    Desc::DOMAIN,
    Desc::FOREIGN_TABLE,
    Desc::TABLE_DATA,
    Desc::CONSTRAINT,
    Desc::INDEX,
    Desc::SEQUENCE,
    Desc::TABLE_ATTACH,
    Desc::COMMENT,
];

const NAMES: [&[u8]; 8] = [b"t", b"u", b"v", b"w", b"x", b"\"", b"A", b"\x95\x5c"];

// The first byte says how strings are written; then come entries with zeros between them. The first
// byte of an entry says its kind, and the second its name.
fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let version = if choice & 1 == 0 { ArchiveVersion::NEWEST } else { ArchiveVersion::new(1, 12) };
    let mut toc = Toc::new(Header::new(version, Format::Custom), Format::Custom);
    let encoding = ["UTF8", "SJIS", "SQL_ASCII", "GB18030"][usize::from(choice >> 1 & 3)];
    let encoding = format!("SET client_encoding = '{encoding}';");
    let strings = if choice & 8 == 0 { &b"SET x = 'on';"[..] } else { b"SET x = 'off';" };
    push(&mut toc, Desc::ENCODING, b"ENCODING", encoding.as_bytes());
    push(&mut toc, Desc::STDSTRINGS, b"STDSTRINGS", strings);
    for entry in text.split(|byte| *byte == 0) {
        let [kind, name, text @ ..] = entry else { continue };
        let kind = KINDS[usize::from(*kind) % KINDS.len()];
        push(&mut toc, kind, NAMES[usize::from(*name) % NAMES.len()], text);
    }
    let definitions = Definitions::new(&toc);
    let with_other = Definitions::new(&toc).with(&toc);
    for entry in &toc {
        let of_table =
            [Desc::TABLE, Desc::FOREIGN_TABLE, Desc::TABLE_DATA].contains(&entry.desc());
        if !of_table {
            assert!(definitions.columns(entry).is_err());
            continue;
        }
        if let Ok(columns) = definitions.columns(entry) {
            if entry.desc() != Desc::TABLE_DATA {
                assert!(columns.columns.len() <= 1600);
            }
            for column in &columns.columns {
                let mut attributes = 0;
                walk(&column.data_type, 0, &mut attributes);
                assert!(attributes <= DataType::MAX_ATTRIBUTES);
            }
            // What is asked for does not change what is found.
            assert_eq!(columns, Definitions::new(&toc).columns(entry).unwrap());
            let names: Vec<_> = columns.columns.iter().map(|column| column.name.clone()).collect();
            if entry.desc() == Desc::TABLE_DATA {
                let named = definitions.columns_named(entry, &names).unwrap();
                assert_eq!(named.columns.len(), columns.columns.len());
            }
        }
        let keys = definitions.keys(entry).unwrap();
        assert_eq!(keys, with_other.keys(entry).unwrap());
    }
});

fn push(toc: &mut Toc, desc: Desc<'_>, name: &[u8], text: &[u8]) {
    let id = DumpId(toc.len() as i32 + 1);
    let fields = EntryFields::new(id, Desc::TABLE, Section::PreData).desc(desc);
    let fields = fields.namespace("s").tag(name);
    let fields = match desc {
        Desc::TABLE_DATA => fields.had_dumper(true).section(Section::Data).copy_stmt(text),
        _ => fields.defn(text),
    };
    toc.push(&fields).unwrap();
}

/// Types can be walked recursively.
fn walk(of: &DataType, depth: usize, attributes: &mut usize) {
    assert!(depth <= DataType::MAX_DEPTH);
    match of {
        DataType::Array(array) => walk(&array.element, depth + 1, attributes),
        DataType::Composite(composite) => {
            *attributes += composite.fields.len();
            composite.fields.iter().for_each(|field| walk(&field.data_type, depth + 1, attributes));
        }
        DataType::Range(of) | DataType::Multirange(of) => walk(of, depth + 1, attributes),
        _ => {}
    }
}
