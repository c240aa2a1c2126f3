//! Makes a smaller archive: without one schema, and compressed with zstd on two threads.
//!
//! ```sh
//! cargo run --example filter_and_recompress -- fixtures/pg18/core-custom.dump smaller.dump harbour
//! ```

use std::env;

use pgdmp::{Algorithm, Archive, Conversion, Selection, Target};

fn main() -> pgdmp::Result<()> {
    let mut args = env::args().skip(1);
    let input = args.next().unwrap_or_else(|| "fixtures/pg18/core-custom.dump".into());
    let output = args.next().unwrap_or_else(|| "smaller.dump".into());
    let schema = args.next().unwrap_or_else(|| "harbour".into());

    let archive = Archive::open(input)?;
    let selected = Selection::new().exclude_schema(schema).apply(archive.toc())?;
    for name in selected.unmatched_names() {
        eprintln!("no {} has this name: nothing is left out", name.what);
    }
    let target = Target::new().compression(Algorithm::Zstd, None).threads(2);
    let conversion = Conversion::new(&archive, &target, Some(&selected))?;
    for note in conversion.notes() {
        eprintln!("{note}");
    }
    conversion.create(&output)?;
    let made = Archive::open(&output)?;
    println!("{} of {} entries are in {output}", made.entries().len(), archive.entries().len());
    Ok(())
}
