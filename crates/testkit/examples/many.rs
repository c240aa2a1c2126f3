//! Writes an archive of many entries: `many SHAPE ENTRIES FILE`.

use pgdmp_testkit::many::{Shape, archive};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [shape, entries, path] = &args[..] else { return Err("many SHAPE ENTRIES FILE".into()) };
    let shape = Shape::ALL.into_iter().find(|known| format!("{known:?}") == *shape);
    std::fs::write(path, archive(shape.ok_or("no such shape")?, entries.parse()?))?;
    Ok(())
}
