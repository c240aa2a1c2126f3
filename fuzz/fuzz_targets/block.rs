//! Three entries with data, and any bytes as their blocks. The first byte chooses version,
//! compression and whether there is an offset.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgdmp::{Algorithm, Format};

fuzz_target!(|input: &[u8]| {
    let Some((choice, tail)) = input.split_first() else { return };
    let minor = [16, 14, 6, 2, 0, 15, 12, 3][usize::from(choice >> 3 & 7)];
    let header = pgdmp_fuzz::header(minor, Format::Custom, Algorithm::from_code(choice & 3));
    let toc =
        |offset| pgdmp_fuzz::encoded(&pgdmp_fuzz::toc(header.clone(), Format::Custom, offset));
    let mut bytes = toc(None);
    if choice & 4 != 0 {
        bytes = toc(Some(bytes.len() as u64));
    }
    bytes.extend_from_slice(tail);
    pgdmp_fuzz::read_stream(&bytes[..]);
    pgdmp_fuzz::read_stream(pgdmp_fuzz::OneByte(&bytes));
    // Refused where the bytes behind the table of contents read as one entry more than it counts.
    if let Ok(archive) = pgdmp::Archive::read(bytes) {
        pgdmp_fuzz::read_archive(&archive);
    }
});
