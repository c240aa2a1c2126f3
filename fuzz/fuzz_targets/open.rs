//! Any bytes, as an archive and as a stream.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(archive) = pgdmp::Archive::read(input.to_vec()) {
        pgdmp_fuzz::read_archive(&archive);
    }
    pgdmp_fuzz::read_stream(input);
});
