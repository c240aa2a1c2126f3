//! Large objects, as far as they can be read.

use std::collections::HashSet;
use std::io::{self, BufRead, Write};

use super::report::Saved;
use crate::archive::{LargeObject, LargeObjects, LargeObjectsWriter};
use crate::error::{Error, Result};

/// Of a large object that was cut, so many are told.
const TOLD: usize = 100;

/// Takes large objects. Those that were seen are passed over.
pub(super) fn take<W: Write>(
    mut objects: LargeObjects,
    saved: &mut Saved,
    seen: &mut HashSet<u32>,
    to: &mut Option<&mut LargeObjectsWriter<'_, W>>,
) -> Result<()> {
    objects.go_on();
    loop {
        let object = match objects.next_object() {
            Ok(None) => break,
            Ok(Some(object)) => object,
            Err(error) => {
                saved.damage.get_or_insert((&error).into());
                break;
            }
        };
        let oid = object.oid();
        if oid.0 == 0 || !seen.insert(oid.0) {
            continue;
        }
        saved.large_objects += 1;
        saved.first_object.get_or_insert(oid.0);
        let failed = match to {
            None => copy(object, &mut io::sink())?,
            Some(to) => {
                let mut writer = to.object(oid)?;
                let failed = copy(object, &mut writer)?;
                writer.finish()?;
                failed
            }
        };
        if let Some(error) = failed {
            saved.damage.get_or_insert((&error).into());
            saved.suspect_from.get_or_insert(saved.large_objects);
            if saved.cut_objects.len() < TOLD {
                saved.cut_objects.push(oid.0);
            }
        }
    }
    for complaint in objects.complaints() {
        saved.damage.get_or_insert((&complaint).into());
    }
    Ok(())
}

/// Copies a large object as far as it can be read; why not to its end.
///
/// # Errors
///
/// Those of `to`.
fn copy(mut object: LargeObject<'_>, to: &mut impl Write) -> io::Result<Option<Error>> {
    loop {
        let bytes = match object.fill_buf() {
            Ok([]) => return Ok(None),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Some(error.into())),
        };
        to.write_all(bytes)?;
        let n = bytes.len();
        object.consume(n);
    }
}
