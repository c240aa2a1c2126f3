//! Large objects read to their end.

use super::entry::{Counted, Seen};
use super::report::Found;
use crate::archive::Block;
use crate::toc::TocEntry;

/// Reads all large objects of a block. One that is damaged does not end the block, as long as the
/// next one can be found.
pub(super) fn check(block: &mut Block<'_>, entry: TocEntry<'_>, hashes: bool, seen: &mut Seen) {
    block.be_lenient();
    let (mut objects, mut raw) = (0_u64, 0_u64);
    loop {
        match block.next_object() {
            Ok(None) => break,
            Err(error) => {
                seen.fail(entry, &error, raw);
                break;
            }
            Ok(Some(object)) => {
                objects += 1;
                let oid = object.oid();
                let named = |mut found: Found| {
                    found.finding.what = format!("large object {oid}: {}", found.finding.what);
                    found
                };
                let mut object = Counted::new(object, hashes);
                let result = object.drain();
                let (object, count, hash) = object.into_inner();
                if let Some(hash) = hash {
                    seen.objects.push(oid, hash.finish());
                }
                raw += count;
                let errors = match result {
                    Err(error) => vec![error.into()],
                    Ok(()) => object.complaints(),
                };
                for error in errors {
                    let mut found = named(super::entry::found_of(&error));
                    found.decoded_offset = Some(count);
                    seen.add(entry, found);
                }
            }
        }
    }
    for complaint in block.complaints() {
        seen.add(entry, super::entry::found_of(&complaint));
    }
    (seen.state.large_objects, seen.state.raw) = (Some(objects), Some(raw));
}
