//! Writes an archive from scratch, reads it again, and prints the SQL that restores it.
//!
//! ```sh
//! cargo run --example write_archive -- made.dump | psql app
//! ```
//!
//! `pg_restore -d app made.dump` does the same.

use std::env;
use std::fs::File;
use std::io::{self, BufWriter};

use pgdmp::rows::RowWriter;
use pgdmp::toc::{ArchiveVersion, Section};
use pgdmp::write::{EntryFields, WriteOptions};
use pgdmp::{Archive, ArchiveBuilder, Desc, Format, RestrictKey, Script, Selection};

fn main() -> pgdmp::Result<()> {
    let path = env::args().nth(1).unwrap_or_else(|| "made.dump".into());

    // First all entries: the table of contents comes first in the file.
    let options = WriteOptions::new().version(ArchiveVersion::new(1, 14)).dbname("app");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options)?;
    builder.session("UTF8", true)?;
    let table = builder.entry(
        &EntryFields::new(builder.next_id(), Desc::TABLE, Section::PreData)
            .namespace("public")
            .tag("greeting")
            .defn("CREATE TABLE public.greeting (language text, text text);\n")
            .drop_stmt("DROP TABLE public.greeting;\n"),
    )?;
    let data = builder.entry(
        &EntryFields::new(builder.next_id(), Desc::TABLE_DATA, Section::Data)
            .namespace("public")
            .tag("greeting")
            .copy_stmt("COPY public.greeting (language, text) FROM stdin;\n")
            .had_dumper(true)
            .dependencies(&[table]),
    )?;

    // Then the data of each.
    let mut writer = builder.start(BufWriter::new(File::create(&path)?))?;
    let mut rows = RowWriter::new(writer.data(data)?);
    for (language, text) in [("en", "hello"), ("de", "hallo"), ("mi", "kia ora")] {
        rows.write([Some(language.as_bytes()), Some(text.as_bytes())])?;
    }
    rows.write([Some(&b"none"[..]), None])?;
    rows.finish()?.finish()?;
    writer.finish()?;

    let archive = Archive::open(&path)?;
    let selected = Selection::new().apply(archive.toc())?;
    Script::new(RestrictKey::random()?).write(&archive, &selected, io::stdout())?;
    Ok(())
}
