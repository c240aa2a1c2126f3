//! Prints the stored size of every table, the largest first.
//!
//! ```sh
//! cargo run --example table_sizes -- fixtures/pg17/small-custom.dump
//! ```

use std::env;

use pgdmp::Archive;

fn main() -> pgdmp::Result<()> {
    let path = env::args().nth(1).unwrap_or_else(|| "fixtures/pg17/small-custom.dump".into());
    let archive = Archive::open(path)?;
    let mut tables = Vec::new();
    for table in archive.tables() {
        tables.push((table.stored_size()?.unwrap_or(0), table.entry()));
    }
    tables.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    for (bytes, entry) in tables {
        println!("{bytes:>12}  {}", entry.qualified_name());
    }
    Ok(())
}
