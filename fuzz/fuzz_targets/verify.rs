//! Any bytes verified: nothing panics, and an archive without errors can be read to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgdmp::verify::Verification;
use pgdmp::{Input, OpenOptions};

fuzz_target!(|input: &[u8]| {
    let Ok(archive) = OpenOptions::new().damaged(true).read(input.to_vec()) else { return };
    let mut archive = Input::Archive(Box::new(archive));
    let summary = Verification::new().run(&mut archive, |_| {}).expect("bytes in memory");
    if summary.is_good() && summary.warnings == 0 {
        let archive = pgdmp::Archive::read(input.to_vec()).expect("verified");
        for entry in archive.entries().filter(|entry| entry.has_data()) {
            let is_there = archive.has_data(entry).unwrap_or(false);
            if is_there && entry.data_kind() == pgdmp::BlockKind::Data {
                let mut data = archive.data(entry.dump_id()).expect("verified");
                data.copy_to(std::io::sink()).expect("verified");
            }
        }
    }
});
