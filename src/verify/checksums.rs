//! What would show a changed byte of some data.

use std::io::BufRead;

use super::report::Checksums;
use crate::archive::{Archive, StoredPiece};
use crate::compression::Algorithm;
use crate::toc::{BlockKind, TocEntry};

/// What shows a changed byte of an entry's data, or of its large objects: as the first frame says,
/// for who writes frames with checksums writes all of them so.
pub(super) fn of(archive: &Archive, entry: TocEntry<'_>) -> Checksums {
    let Ok(mut block) = archive.block_of(entry) else { return Checksums::None };
    match block.kind() {
        BlockKind::Data => block.piece().map_or(Checksums::None, of_piece),
        BlockKind::LargeObjects => match block.next_piece() {
            Ok(Some((_, piece))) => of_piece(piece),
            _ => Checksums::None,
        },
    }
}

fn of_piece(mut piece: StoredPiece<'_>) -> Checksums {
    match piece.algorithm {
        Algorithm::Gzip => Checksums::Stream,
        Algorithm::Zstd | Algorithm::Lz4 => {
            // Behind the magic of both stand flags, of which the third says it.
            let first = piece.fill_buf().ok().and_then(|bytes| bytes.get(..5));
            let is_frame = |first: &&[u8]| {
                first.starts_with(b"\x28\xb5\x2f\xfd") || first.starts_with(b"\x04\x22\x4d\x18")
            };
            match first.filter(is_frame).is_some_and(|first| first[4] & 4 != 0) {
                true => Checksums::Frames,
                false => Checksums::None,
            }
        }
        _ => Checksums::None,
    }
}
