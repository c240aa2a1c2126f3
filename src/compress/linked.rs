//! Blocks of a damaged lz4 frame, each for itself.

#[cfg(feature = "lz4")]
use super::lz4;

/// How far back a block may refer.
pub(crate) const REACH: usize = 64 << 10;

/// How the blocks of a frame are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkedBlocks {
    /// Bytes of a block at most, before and after compression.
    pub(crate) most: usize,
    /// Whether a checksum follows each block, and the last one.
    pub(crate) have_checksums: bool,
    pub(crate) has_checksum: bool,
}

impl LinkedBlocks {
    /// As pg_dump writes them (`compress_lz4.c`, with what liblz4 does unasked).
    pub(crate) const OF_PG_DUMP: LinkedBlocks =
        LinkedBlocks { most: 64 << 10, have_checksums: false, has_checksum: false };

    /// Those of the frame that begins here, and where the first of them is; `None` if none begins.
    #[cfg_attr(not(feature = "lz4"), allow(unused_variables))]
    pub(crate) fn of_frame(stored: &[u8]) -> Option<(LinkedBlocks, usize)> {
        #[cfg(feature = "lz4")]
        return lz4::decode::blocks(stored);
        #[cfg(not(feature = "lz4"))]
        None
    }

    /// What becomes of a compressed block, after the bytes `before`; `None` if it is damaged.
    #[cfg_attr(not(feature = "lz4"), allow(unused_variables))]
    pub(crate) fn decode(&self, block: &[u8], before: &[u8]) -> Option<Vec<u8>> {
        #[cfg(feature = "lz4")]
        {
            let mut plain = vec![0; self.most];
            let len = lz4_flex::block::decompress_into_with_dict(block, &mut plain, before).ok()?;
            plain.truncate(len);
            Some(plain)
        }
        #[cfg(not(feature = "lz4"))]
        None
    }
}
