//! What stands around deflate data: the zlib stream of a custom archive, the gzip file of a directory.

use crate::compress::Framing;

/// The checksum behind deflate data, and the wrapper around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wrapper {
    framing: Framing,
    checksum: u32,
    length: u32,
}

impl Wrapper {
    pub(crate) fn new(framing: Framing) -> Self {
        let checksum = match framing {
            Framing::Stream => 1,
            Framing::File => 0,
        };
        Wrapper { framing, checksum, length: 0 }
    }

    /// Of a zlib stream that has come to this checksum.
    pub(crate) fn resumed(checksum: u32) -> Self {
        Wrapper { framing: Framing::Stream, checksum, length: 0 }
    }

    /// Takes plain bytes into account.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.checksum = match self.framing {
            Framing::Stream => zlib_rs::adler32::adler32(self.checksum, bytes),
            Framing::File => zlib_rs::crc32::crc32(self.checksum, bytes),
        };
        // A gzip file stores the length modulo 2^32.
        self.length = self.length.wrapping_add(bytes.len() as u32);
    }

    /// What stands before the deflate data. `level` is but a remark in it.
    pub(crate) fn header(&self, level: i32) -> &'static [u8] {
        match (self.framing, level) {
            (Framing::File, 9) => b"\x1f\x8b\x08\0\0\0\0\0\x02\x03",
            (Framing::File, 1) => b"\x1f\x8b\x08\0\0\0\0\0\x04\x03",
            (Framing::File, _) => b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            (Framing::Stream, 0 | 1) => b"\x78\x01",
            (Framing::Stream, 2..=5) => b"\x78\x5e",
            (Framing::Stream, 7..) => b"\x78\xda",
            (Framing::Stream, _) => b"\x78\x9c",
        }
    }

    /// What stands behind it.
    pub(crate) fn trailer(&self) -> ([u8; 8], usize) {
        let mut bytes = [0; 8];
        match self.framing {
            Framing::Stream => {
                bytes[..4].copy_from_slice(&self.checksum.to_be_bytes());
                (bytes, 4)
            }
            Framing::File => {
                bytes[..4].copy_from_slice(&self.checksum.to_le_bytes());
                bytes[4..].copy_from_slice(&self.length.to_le_bytes());
                (bytes, 8)
            }
        }
    }
}
