//! Lists the tables of an archive with their columns and types.
//!
//! ```sh
//! cargo run --example columns -- fixtures/pg18/small-dir
//! ```

use std::io::{self, Write};

use pgdmp::types::Definitions;
use pgdmp::{Archive, Desc};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: columns ARCHIVE")?;
    let archive = Archive::open(path)?;
    let toc = archive.toc();
    let definitions = Definitions::new(toc);
    let mut out = io::stdout().lock();
    for table in toc.entries().filter(|entry| entry.desc() == Desc::TABLE) {
        let columns = definitions.columns(table)?;
        writeln!(out, "{}", table.qualified_name())?;
        for column in &columns.columns {
            let not_null = if column.not_null { " NOT NULL" } else { "" };
            let (name, spelling) = (toc.printable(&column.name), toc.printable(&column.spelling));
            writeln!(out, "    {name} {spelling}{not_null}")?;
        }
        if let Some(why) = &columns.untyped {
            writeln!(out, "    types are not known: {why}")?;
        }
    }
    Ok(())
}
