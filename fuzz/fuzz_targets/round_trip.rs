//! What is written is read again, whatever it is: every format, version and compression.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgdmp_fuzz::made::{Made, contents};

fuzz_target!(|made: Made| {
    let folder = tempfile::tempdir().unwrap();
    let archive = made.write(&folder).unwrap();
    made.check_entries(&archive);
    assert_eq!(contents(&archive).unwrap(), made.contents());
    // And read on, it holds all that any archive has to.
    pgdmp_fuzz::read_archive(&archive);
});
