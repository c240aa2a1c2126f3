//! A directory archive of any files. The first byte chooses the version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgdmp::{Algorithm, Format, OpenOptions};

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let mut members = pgdmp_fuzz::members(rest);
    if choice & 0x80 == 0 {
        let header = pgdmp_fuzz::header(choice % 17, Format::Directory, Algorithm::Gzip);
        let toc = pgdmp_fuzz::toc(header, Format::Directory, None);
        members.push(("toc.dat".to_owned(), pgdmp_fuzz::encoded(&toc)));
    }
    if let Ok(archive) = OpenOptions::new().read_members(members) {
        pgdmp_fuzz::read_archive(&archive);
    }
});
