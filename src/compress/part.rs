//! Parts of a zlib stream that is damaged, each for itself.

use std::sync::Arc;

use super::Contexts;
#[cfg(feature = "gzip")]
use super::gzip;

/// What each part but the last ends with: an empty block, behind which a deflate stream is at a whole
/// byte.
pub(crate) const MARK: [u8; 4] = [0, 0, 0xff, 0xff];

/// What becomes of a part; `None` if it is damaged. The checksum behind the last one is of all, and is
/// not looked at.
#[cfg_attr(not(feature = "gzip"), allow(unused_variables))]
pub(crate) fn whole_part(
    stored: &[u8],
    first: bool,
    last: bool,
    contexts: &Arc<Contexts>,
) -> Option<Vec<u8>> {
    #[cfg(feature = "gzip")]
    {
        let decoded = gzip::part::decode(stored, first, last, Vec::new(), contexts);
        decoded.ok().map(|plain| plain.bytes)
    }
    #[cfg(not(feature = "gzip"))]
    None
}

/// What becomes of a damaged part before the damage shows. Before that, bytes may be wrong.
#[cfg_attr(not(feature = "gzip"), allow(unused_variables))]
pub(crate) fn beginning_of_part(stored: &[u8], first: bool, contexts: &Arc<Contexts>) -> Vec<u8> {
    #[cfg(feature = "gzip")]
    return gzip::part::beginning(stored, first, contexts);
    #[cfg(not(feature = "gzip"))]
    Vec::new()
}
