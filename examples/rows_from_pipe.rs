//! Prints the rows of one table of an archive that comes through a pipe, tab by tab.
//!
//! ```sh
//! cargo run --example rows_from_pipe -- public town <fixtures/pg17/small-custom.dump
//! ```

use std::{env, io};

use pgdmp::{ArchiveStream, Desc};

fn main() -> pgdmp::Result<()> {
    let mut args = env::args().skip(1);
    let schema = args.next().unwrap_or_else(|| "public".into());
    let table = args.next().unwrap_or_else(|| "town".into());
    let mut archive = ArchiveStream::new(io::stdin())?;
    let mut pass = archive.pass();
    while let Some(mut block) = pass.next_block()? {
        let is_wanted = block.entry().is_some_and(|entry| {
            entry.desc() == Desc::TABLE_DATA
                && entry.namespace() == Some(schema.as_bytes())
                && entry.tag() == Some(table.as_bytes())
        });
        if !is_wanted {
            continue;
        }
        let mut rows = block.rows()?;
        while let Some(row) = rows.next_row()? {
            let fields: Vec<String> = row
                .fields()
                .map(|field| match field.value() {
                    Some(value) => String::from_utf8_lossy(&value).into_owned(),
                    None => "NULL".to_owned(),
                })
                .collect();
            println!("{}", fields.join("\t"));
        }
        return Ok(());
    }
    eprintln!("there is no data of {schema}.{table}");
    Ok(())
}
