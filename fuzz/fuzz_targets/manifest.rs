//! Any bytes read as a manifest: nothing panics, and what is read is the same when it was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgdmp::manifest::Manifest;

fuzz_target!(|input: &[u8]| {
    let Ok(manifest) = Manifest::read(input) else { return };
    let mut written = Vec::new();
    let digest = manifest.write(&mut written).expect("memory");
    let mut again = Manifest::read(&written[..]).expect("written");
    assert_eq!(again.digest.take(), Some(digest));
    let mut manifest = manifest;
    manifest.digest = None;
    assert_eq!(again, manifest);
});
