//! The frames of lz4 and zstd data, found without decompressing: by the lengths in their headers.
//!
//! Zstandard: RFC 8878, 3.1. LZ4: `lz4_Frame_format.md` of its sources. That all of a frame is there
//! shows, and where the next one begins; what is in its blocks is not looked at.

use std::io;

use super::Algorithm;
use super::input::{malformed, trailing, truncated};

const ZSTD_MAGIC: u32 = 0xfd2f_b528;
const LZ4_MAGIC: u32 = 0x184d_2204;
/// The first of 16, in both.
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;

/// No zstd block is larger, compressed or not.
const ZSTD_BLOCK: u32 = 128 << 10;

/// The longest of the headers that are looked at: magic number, descriptor and fields.
const LONGEST: usize = 19;

/// A walk over frames. It is given the data in pieces of any length.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    algorithm: Algorithm,
    stage: Stage,
    /// The beginning of a header.
    header: [u8; LONGEST],
    held: usize,
    /// Bytes of a header that are needed to go on.
    needed: usize,
    /// Bytes to pass over before the next header.
    over: u64,
    /// The first byte of the frame's descriptor.
    flags: u8,
    /// Whether the frame has checksums.
    block_checksums: bool,
    checksum: bool,
    /// How long the plain data of the frame is, if it says so.
    content: Option<u64>,
    /// Whether a frame has ended.
    framed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before, between or behind frames.
    Between,
    /// In the size of a skippable frame.
    Skippable,
    /// In what follows the magic number.
    Descriptor,
    /// In the rest of the header.
    Fields,
    Block,
    /// In the last bytes of a frame.
    End,
    /// In zeros behind the last frame.
    Padding,
}

impl Frames {
    /// The first byte of a zstd frame that holds data.
    pub(crate) const ZSTD_START: u8 = ZSTD_MAGIC.to_le_bytes()[0];

    /// `None` for data that has no frames.
    pub(crate) fn new(algorithm: Algorithm) -> Option<Frames> {
        matches!(algorithm, Algorithm::Lz4 | Algorithm::Zstd).then_some(Frames {
            algorithm,
            stage: Stage::Between,
            header: [0; LONGEST],
            held: 0,
            needed: 4,
            over: 0,
            flags: 0,
            block_checksums: false,
            checksum: false,
            content: None,
            framed: false,
        })
    }

    /// Whether the next byte, if there is one, begins a frame.
    pub(crate) fn is_between(&self) -> bool {
        self.stage == Stage::Between && self.held == 0
    }

    /// Whether nothing but zeros has come since the last frame.
    pub(crate) fn is_padding(&self) -> bool {
        self.stage == Stage::Padding
    }

    /// How many bytes the frame becomes, by the header that was met last: none, if it is skippable.
    /// `None` if it does not say so.
    pub(crate) fn content(&self) -> Option<u64> {
        self.content
    }

    /// Whether all is known that the frame says of itself at its beginning.
    pub(crate) fn has_header(&self) -> bool {
        self.content.is_some() || matches!(self.stage, Stage::Block | Stage::End)
    }

    /// Whether the last frame of data of which a header was met has a checksum of its content.
    pub(crate) fn has_checksum(&self) -> bool {
        self.checksum
    }

    /// Bytes that are to be looked at next.
    pub(crate) fn needed(&self) -> usize {
        self.needed - self.held
    }

    /// Bytes that come before them, and need not be read.
    pub(crate) fn over(&self) -> u64 {
        self.over
    }

    /// So many of those were passed over.
    pub(crate) fn passed(&mut self, bytes: u64) {
        self.over = self.over.saturating_sub(bytes);
        self.end_frame();
    }

    /// Whether a frame ends here.
    fn end_frame(&mut self) -> bool {
        let ends = self.over == 0 && self.stage == Stage::End;
        if ends {
            self.expect(Stage::Between, 4);
            self.framed = true;
        }
        ends
    }

    /// Takes the next bytes, up to the end of a frame, and says how many it took: at least one.
    /// `padding`: whether zeros may stand behind the last frame.
    ///
    /// # Errors
    ///
    /// What is no frame, or one of an unknown kind.
    pub(crate) fn take(&mut self, bytes: &[u8], padding: bool) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            if self.stage == Stage::Padding {
                return match rest.iter().all(|byte| *byte == 0) {
                    true => Ok(bytes.len()),
                    false => Err(trailing()),
                };
            }
            if self.over > 0 {
                let n = rest.len().min(usize::try_from(self.over).unwrap_or(usize::MAX));
                self.over -= n as u64;
                taken += n;
            } else if padding && self.framed && self.is_between() && rest[0] == 0 {
                self.stage = Stage::Padding;
                continue;
            } else {
                let n = rest.len().min(self.needed - self.held);
                self.header[self.held..self.held + n].copy_from_slice(&rest[..n]);
                self.held += n;
                taken += n;
                if self.held < self.needed {
                    break;
                }
                self.advance()?;
            }
            if self.end_frame() {
                break;
            }
        }
        Ok(taken)
    }

    /// At the end of the data: whether it may end here.
    ///
    /// # Errors
    ///
    /// Data that ends within a frame, or has none.
    pub(crate) fn finish(&self) -> io::Result<()> {
        match self.framed && (self.is_between() || self.is_padding()) {
            true => Ok(()),
            false => Err(truncated()),
        }
    }

    fn expect(&mut self, stage: Stage, needed: usize) {
        (self.stage, self.held, self.needed) = (stage, 0, needed);
    }

    fn word(&self) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.header[..4]);
        u32::from_le_bytes(word)
    }

    /// Goes on behind a header that is complete.
    fn advance(&mut self) -> io::Result<()> {
        match self.stage {
            Stage::Between => self.begin()?,
            Stage::Skippable => {
                self.over = self.word().into();
                self.content = Some(0);
                self.expect(Stage::End, 0);
            }
            Stage::Descriptor => match self.algorithm {
                Algorithm::Zstd => self.zstd_header()?,
                _ => self.lz4_header()?,
            },
            Stage::Fields => {
                self.content = match self.algorithm {
                    Algorithm::Zstd => self.zstd_content(),
                    _ => self.lz4_content(),
                };
                let header = if self.algorithm == Algorithm::Zstd { 3 } else { 4 };
                self.expect(Stage::Block, header);
            }
            Stage::Block => match self.algorithm {
                Algorithm::Zstd => self.zstd_block()?,
                _ => self.lz4_block(),
            },
            Stage::End | Stage::Padding => {}
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        self.content = None;
        match (self.word(), self.algorithm) {
            (ZSTD_MAGIC, Algorithm::Zstd) => self.expect(Stage::Descriptor, 1),
            (LZ4_MAGIC, Algorithm::Lz4) => self.expect(Stage::Descriptor, 2),
            (magic, _) if magic & !15 == SKIPPABLE_MAGIC => self.expect(Stage::Skippable, 4),
            _ if self.framed => return Err(trailing()),
            _ => return Err(malformed(format!("{} data: no frame begins here", self.algorithm))),
        }
        Ok(())
    }

    fn unknown_kind(&self) -> io::Error {
        malformed(format!("{} data: a frame of an unknown kind", self.algorithm))
    }

    fn zstd_header(&mut self) -> io::Result<()> {
        let flags = self.header[0];
        if flags >> 3 & 1 == 1 {
            return Err(self.unknown_kind());
        }
        self.flags = flags;
        self.checksum = flags >> 2 & 1 == 1;
        let (before, size) = zstd_fields(flags);
        self.expect(Stage::Fields, before + size);
        Ok(())
    }

    fn zstd_content(&self) -> Option<u64> {
        let (before, size) = zstd_fields(self.flags);
        match self.number(before, size) {
            _ if size == 0 => None,
            // Shorter ones have a field of one byte.
            content if size == 2 => Some(content + 256),
            content => Some(content),
        }
    }

    /// A number in the header.
    fn number(&self, from: usize, len: usize) -> u64 {
        let bytes = self.header[from..from + len].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn zstd_block(&mut self) -> io::Result<()> {
        let [a, b, c, ..] = self.header;
        let header = u32::from_le_bytes([a, b, c, 0]);
        let (last, kind, size) = (header & 1 == 1, header >> 1 & 3, header >> 3);
        if kind == 3 || size > ZSTD_BLOCK {
            return Err(malformed("zstd data: a block that cannot be"));
        }
        // One byte, repeated.
        self.over = if kind == 1 { 1 } else { size.into() };
        if last {
            self.over += if self.checksum { 4 } else { 0 };
            self.expect(Stage::End, 0);
        } else {
            self.expect(Stage::Block, 3);
        }
        Ok(())
    }

    fn lz4_header(&mut self) -> io::Result<()> {
        let [flags, sizes, ..] = self.header;
        let has = |bit: u8| flags >> bit & 1 == 1;
        if flags >> 6 != 1 || has(1) || sizes & 0x8f != 0 || sizes >> 4 < 4 {
            return Err(self.unknown_kind());
        }
        self.block_checksums = has(4);
        self.checksum = has(2);
        self.flags = flags;
        // Size of the data, dictionary, checksum of the header.
        let fields = if has(3) { 8 } else { 0 } + if has(0) { 4 } else { 0 } + 1;
        self.expect(Stage::Fields, fields);
        Ok(())
    }

    fn lz4_content(&self) -> Option<u64> {
        (self.flags >> 3 & 1 == 1).then(|| self.number(0, 8))
    }

    fn lz4_block(&mut self) {
        // The highest bit says that the block is stored as it is.
        match u64::from(self.word() & !(1 << 31)) {
            0 if self.word() == 0 => {
                self.over = if self.checksum { 4 } else { 0 };
                self.expect(Stage::End, 0);
            }
            size => {
                self.over = size + if self.block_checksums { 4 } else { 0 };
                self.expect(Stage::Block, 4);
            }
        }
    }
}

/// Bytes of window and dictionary in the header of a zstd frame, and of the size of its content.
fn zstd_fields(flags: u8) -> (usize, usize) {
    let single_segment = flags >> 5 & 1 == 1;
    let dictionary = [0, 1, 2, 4][usize::from(flags & 3)];
    let size = match flags >> 6 {
        0 => usize::from(single_segment),
        n => 1 << n,
    };
    // A window, unless it is the size of the data.
    (usize::from(!single_segment) + dictionary, size)
}

#[cfg(test)]
#[cfg(all(feature = "lz4", feature = "zstd"))]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::super::{Content, Encoder, EncoderPool, Encoding, Framing};
    use super::*;

    fn frame(algorithm: Algorithm, plain: &[u8]) -> Vec<u8> {
        let encoding = Encoding::new(algorithm, None, false).unwrap();
        let pool = Arc::new(EncoderPool::default());
        let encoding = encoding.with_plain(true);
        let mut encoder =
            Encoder::new(Vec::new(), encoding, Framing::File, Content::Bytes, &pool).unwrap();
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn skippable(content: &[u8]) -> Vec<u8> {
        let size = (content.len() as u32).to_le_bytes();
        [&0x184d_2a5e_u32.to_le_bytes()[..], &size, content].concat()
    }

    /// Where frames end, given pieces of this length.
    fn ends(algorithm: Algorithm, data: &[u8], piece: usize) -> io::Result<Vec<usize>> {
        let mut frames = Frames::new(algorithm).unwrap();
        let (mut at, mut ends) = (0, Vec::new());
        while at < data.len() {
            let end = data.len().min(at + piece);
            let n = frames.take(&data[at..end], true)?;
            assert!((1..=piece).contains(&n));
            at += n;
            if frames.is_between() {
                ends.push(at);
            }
        }
        frames.finish()?;
        Ok(ends)
    }

    #[test]
    fn frames_end_where_they_end() {
        let noise: Vec<u8> = (0..300_000_u64).map(|n| ((n * n * 31) >> 7) as u8).collect();
        let text = b"1\tone\n".repeat(50_000);
        for algorithm in [Algorithm::Lz4, Algorithm::Zstd] {
            let mut parts: Vec<Vec<u8>> =
                [&b""[..], b"x", &noise, &text].map(|plain| frame(algorithm, plain)).into();
            parts.insert(1, skippable(&noise[..70_000]));
            parts.insert(0, skippable(b""));
            let mut expected = Vec::new();
            for part in &parts {
                expected.push(expected.last().unwrap_or(&0) + part.len());
            }
            let data = parts.concat();
            for piece in [1, 7, 4096, usize::MAX >> 1] {
                assert_eq!(ends(algorithm, &data, piece).unwrap(), expected);
                // Zeros may stand behind them, but nothing else.
                let padded = [&data[..], &[0; 700]].concat();
                assert_eq!(ends(algorithm, &padded, piece).unwrap(), expected);
                for more in [&b"x"[..], b"xxxx", &[0, 0, 1]] {
                    let more = [&data[..], more].concat();
                    assert!(ends(algorithm, &more, piece).is_err());
                }
            }
            // Only between frames may it be cut.
            let first = skippable(b"ten bytes.");
            let short = [&first[..], &frame(algorithm, &text[..3000])].concat();
            for len in 0..short.len() {
                let whole = len == first.len();
                assert_eq!(ends(algorithm, &short[..len], 5).is_ok(), whole, "{algorithm} {len}");
            }
        }
        assert!(Frames::new(Algorithm::Gzip).is_none());
    }

    #[test]
    fn what_is_no_frame() {
        for algorithm in [Algorithm::Lz4, Algorithm::Zstd] {
            for bad in [&b"1\tone\n"[..], &[0; 40], b"\x1f\x8b\x08\0\0\0"] {
                assert!(ends(algorithm, bad, 3).is_err());
            }
        }
        assert!(ends(Algorithm::Zstd, &frame(Algorithm::Lz4, b"x"), 9).is_err());
        // Flags and kinds of blocks that there are not.
        let mut reserved = frame(Algorithm::Zstd, b"x");
        reserved[4] |= 8;
        assert!(ends(Algorithm::Zstd, &reserved, 9).is_err());
        let mut version = frame(Algorithm::Lz4, b"x");
        version[4] = 0x80;
        assert!(ends(Algorithm::Lz4, &version, 9).is_err());
    }
}
