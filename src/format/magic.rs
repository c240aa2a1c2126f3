//! Archives told by their first bytes.

use crate::toc::MAGIC;

/// Whether these bytes begin an archive in custom format, or a `toc.dat`.
pub(crate) fn is_archive(start: &[u8]) -> bool {
    let version = start.strip_prefix(MAGIC).and_then(|rest| rest.first_chunk());
    matches!(version, Some([1, 0..=32]))
}

/// Whether these bytes begin a `toc.dat`, and no archive in custom format.
pub(crate) fn is_toc_file(start: &[u8]) -> bool {
    // The format stands behind version, revision and two widths.
    is_archive(start) && start.get(10) == Some(&3)
}
