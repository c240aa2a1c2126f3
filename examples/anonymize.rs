//! Writes an archive anew in which one column of one table is replaced by a number for each row.
//!
//! The crate `pgdmp-mask` has masks that keep foreign keys and formats.
//!
//! ```sh
//! cargo run --example anonymize -- fixtures/pg17/small-custom.dump /tmp/new.dump public town name
//! ```

use std::env;

use pgdmp::edit::Rewrites;
use pgdmp::rows::{CopyStatement, Keep, RewriteError, Row, RowEdit};
use pgdmp::{Archive, Conversion, Desc, Target};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [input, output, schema, table, column] = &args[..] else {
        return Err("usage: anonymize INPUT OUTPUT SCHEMA TABLE COLUMN".into());
    };
    let archive = Archive::open(input)?;
    let toc = archive.toc();
    let entry = toc
        .find(Desc::TABLE_DATA, Some(schema.as_bytes()), table.as_bytes())
        .ok_or("there is no data of this table")?;
    let statement = entry.copy_stmt().ok_or("the rows are not COPY text")?;
    let columns = CopyStatement::parse(statement)?.field_names().unwrap_or_default();
    let place = columns
        .iter()
        .position(|name| name == column.as_bytes())
        .ok_or("the table has no such column")?;

    // Each thread that rewrites gets a closure of its own.
    let rewrites = Rewrites::new().table(entry.dump_id(), || {
        move |row: &Row<'_>, edit: &mut RowEdit<'_>| -> Result<Keep, RewriteError> {
            if row.get(place).is_some_and(|field| !field.is_null()) {
                edit.set(place, format!("{}", row.number()).as_bytes());
            }
            Ok(Keep::Keep)
        }
    });
    let conversion = Conversion::rewriting(archive.pass(), &Target::new(), None, rewrites)?;
    for note in conversion.notes() {
        eprintln!("{note}");
    }
    conversion.create(output)?;
    Ok(())
}
