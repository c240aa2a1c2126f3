//! Any bytes salvaged: nothing panics, and what comes of them opens.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use pgdmp::OpenOptions;
use pgdmp::salvage::Salvage;

fuzz_target!(|input: &[u8]| {
    let Ok(archive) = OpenOptions::new().damaged(true).read(input.to_vec()) else { return };
    let Ok(salvage) = Salvage::new(&archive) else { return };
    if !salvage.report().is_empty()
        && let Ok((new, _)) = salvage.write_to(Cursor::new(Vec::new()))
    {
        pgdmp::Archive::read(new.into_inner()).expect("a good archive");
    }
});
