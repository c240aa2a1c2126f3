//! A header of any version, and anything behind it. The first byte chooses version and format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgdmp::{Algorithm, Format};

fuzz_target!(|input: &[u8]| {
    let Some((choice, tail)) = input.split_first() else { return };
    let format = if choice & 0x80 == 0 { Format::Custom } else { Format::Directory };
    let header = pgdmp_fuzz::header(choice % 17, format, Algorithm::None);
    let mut bytes = pgdmp_fuzz::encoded(&pgdmp::Toc::new(header, format));
    // Without the number of entries, which is 0.
    let int = if choice % 17 == 0 { 4 } else { 5 };
    bytes.truncate(bytes.len() - int);
    bytes.extend_from_slice(tail);
    let archive = match format {
        Format::Custom => pgdmp::Archive::read(bytes),
        _ => pgdmp::OpenOptions::new().read_members([("toc.dat".to_owned(), bytes)]),
    };
    if let Ok(archive) = archive {
        pgdmp_fuzz::read_archive(&archive);
    }
});
