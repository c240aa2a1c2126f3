//! Writes an archive of many entries: `many SHAPE ENTRIES PATH`, to try programs with.

#![allow(clippy::unwrap_used, clippy::panic)]

use pgdmp_testkit::many::{Shape, archive};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [shape, entries, path] = &args[..] else { panic!("many SHAPE ENTRIES PATH") };
    let shape = Shape::ALL.into_iter().find(|known| format!("{known:?}") == *shape).unwrap();
    std::fs::write(path, archive(shape, entries.parse().unwrap())).unwrap();
}
