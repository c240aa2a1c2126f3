//! Custom archives made from nothing.

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{ArchiveBuilder, Desc, DumpId, Format};

/// Of so many entries with data, not written yet.
pub fn small(entries: i32) -> ArchiveBuilder {
    let options =
        WriteOptions::new().created(pgdmp::toc::CreationTime::from_fields([0, 0, 0, 1, 0, 100, 0]));
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    for id in 1..=entries {
        let tag = format!("table {id}");
        builder
            .entry(
                &EntryFields::new(DumpId(id), Desc::TABLE_DATA, Section::Data)
                    .tag(tag.as_bytes())
                    .had_dumper(true),
            )
            .unwrap();
    }
    builder
}

/// Writes a line of data into each entry.
pub fn fill<W: std::io::Write>(mut writer: pgdmp::write::ArchiveWriter<W>, entries: i32) -> W {
    for id in 1..=entries {
        let mut out = writer.data(DumpId(id)).unwrap();
        std::io::Write::write_all(&mut out, format!("{id}\n").as_bytes()).unwrap();
        out.finish().unwrap();
    }
    writer.finish().unwrap()
}
