//! What stored bytes show while they go by, without being decompressed: that they end where they
//! should.

use std::io;

use crate::compress::{Algorithm, Frames, Framing};
use crate::error::{Error, Fault};
use crate::toc::{Desc, TocEntry};

/// What is wrong with COPY text that does not end with `\.` and a line end. pg_restore takes it for
/// all there is.
pub(crate) fn no_end_marker() -> Error {
    Error::malformed("the data ends without its end marker \\.").with_fault(Fault::EndMarker)
}

/// What is wrong with a zstd frame that begins within a chunk: pg_restore 16 to 18 go on with the
/// next chunk when a frame has ended.
pub(crate) fn frame_within_chunk() -> Error {
    let what = "a zstd frame begins within a chunk; pg_restore loses it";
    Error::malformed(what).with_fault(Fault::FrameWithinChunk)
}

/// Whether the data of an entry ends with a line of `\.`: that of COPY does, INSERT commands do
/// not. Where the table of contents was read without its statements, nothing is known.
pub(crate) fn has_end_marker(entry: &TocEntry<'_>) -> bool {
    entry.desc() == Desc::TABLE_DATA && entry.copy_stmt().is_some_and(|copy| !copy.is_empty())
}

/// The last bytes of what goes by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail {
    bytes: [u8; Tail::LEN],
    len: u64,
}

impl Tail {
    /// Room for an end marker and the lines behind it, even if each line end became two bytes.
    pub(crate) const LEN: usize = 16;

    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        match bytes.last_chunk() {
            Some(last) => self.bytes = *last,
            None => {
                self.bytes.rotate_left(bytes.len());
                self.bytes[Self::LEN - bytes.len()..].copy_from_slice(bytes);
            }
        }
        self.len += bytes.len() as u64;
    }

    /// Whether it is an end marker, with nothing but line ends behind it.
    pub(crate) fn is_end_marker(&self) -> bool {
        let held = usize::try_from(self.len).unwrap_or(usize::MAX).min(Self::LEN);
        let bytes = &self.bytes[Self::LEN - held..];
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
        let text = &bytes[..end.map_or(0, |end| end + 1)];
        let begins_line = match text.strip_suffix(b"\\.") {
            Some([.., before]) => *before == b'\n',
            Some([]) => self.len <= Self::LEN as u64,
            None => false,
        };
        begins_line && text.len() < bytes.len()
    }
}

/// A look at the stored bytes of one table or large object while they go by.
#[derive(Debug)]
pub(crate) struct StoredCheck {
    algorithm: Algorithm,
    framing: Framing,
    /// Whether the plain data ends with an end marker.
    marked: bool,
    head: [u8; 2],
    tail: Tail,
    frames: Option<Frames>,
}

impl StoredCheck {
    pub(crate) fn new(algorithm: Algorithm, framing: Framing, marked: bool) -> Self {
        let frames = Frames::new(algorithm);
        StoredCheck { algorithm, framing, marked, head: [0; 2], tail: Tail::default(), frames }
    }

    /// Takes the next bytes, at most to the end of a frame, and says how many.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = match &mut self.frames {
            Some(frames) => frames.take(bytes, self.framing == Framing::File)?,
            None => bytes.len(),
        };
        if self.tail.len < 2 {
            let from = self.tail.len as usize;
            let n = n.min(2 - from);
            self.head[from..from + n].copy_from_slice(&bytes[..n]);
        }
        self.tail.pass(&bytes[..n]);
        Ok(n)
    }

    /// Takes all of these bytes.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = self.take(bytes)?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Whether the next byte begins a frame, before which a new chunk begins.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.frames.as_ref().is_some_and(Frames::is_between)
    }

    /// Whether what was taken last is of a frame that says that it becomes few bytes: one that is to
    /// stand in one chunk.
    pub(crate) fn is_short_frame(&self) -> bool {
        /// The longest frame that this crate writes.
        const SHORT: u64 = 8 << 20;
        let content = self.frames.as_ref().and_then(Frames::content);
        content.is_some_and(|content| content <= SHORT)
    }

    /// Whether what was taken last is no part of the data: zeros behind the last frame.
    pub(crate) fn is_padding(&self) -> bool {
        self.frames.as_ref().is_some_and(Frames::is_padding)
    }

    /// At the end: whether what came may be all there is.
    ///
    /// # Errors
    ///
    /// Data that was cut off, as far as that shows.
    pub(crate) fn finish(&self) -> io::Result<()> {
        if self.tail.len == 0 && self.algorithm != Algorithm::None {
            return if self.may_be_nothing() { Ok(()) } else { Err(nothing().into()) };
        }
        match (self.algorithm, &self.frames) {
            (Algorithm::None, _) if self.marked && !self.tail.is_end_marker() => {
                Err(no_end_marker().into())
            }
            (Algorithm::Gzip, _) if self.framing == Framing::Stream => self.check_zlib(),
            (_, Some(frames)) => frames.finish(),
            _ => Ok(()),
        }
    }

    /// Whether nothing at all may be stored: an empty large object with lz4 and zstd is a file of 0
    /// bytes since PostgreSQL 16, but a block never holds nothing, nor does a table's file.
    pub(crate) fn may_be_nothing(&self) -> bool {
        self.framing == Framing::File && self.frames.is_some() && !self.marked
    }

    fn check_zlib(&self) -> io::Result<()> {
        let [method, flags] = self.head;
        if method & 0x0f != 8
            || !u16::from_be_bytes(self.head).is_multiple_of(31)
            || flags & 0x20 != 0
        {
            return Err(Error::malformed("zlib data: incorrect header").into());
        }
        // Header, an empty block and a checksum.
        match self.tail.len < 8 {
            true => Err(Error::truncated("compressed data").with_fault(Fault::DataCut).into()),
            false => Ok(()),
        }
    }
}

/// What is wrong with compressed data that has no byte.
pub(crate) fn nothing() -> Error {
    Error::truncated("compressed data, of which there is nothing").with_fault(Fault::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_markers() {
        let is_end_marker = |text: &str| {
            let (mut whole, mut pieces) = (Tail::default(), Tail::default());
            whole.pass(text.as_bytes());
            text.as_bytes().chunks(3).for_each(|piece| pieces.pass(piece));
            assert_eq!(whole.is_end_marker(), pieces.is_end_marker(), "{text:?}");
            whole.is_end_marker()
        };
        let long = "12345678901234567890";
        for good in [
            "\\.\n\n\n",
            "\\.\n",
            "1\n\\.\n\n\n",
            "1\r\n\\.\r\n\r\n\r\n",
            &format!("{long}\n\\.\n\n\n"),
        ] {
            assert!(is_end_marker(good), "{good:?}");
        }
        for bad in [
            "",
            "\n\n\n",
            "1\n",
            "\\.",
            "1\\.\n\n\n",
            "\\\\.\n",
            "1\n\\.\n\n\nx",
            "1\n\\",
            &format!("{long}{}", "\n".repeat(20)),
            &format!("{long}\\.{}", "\n".repeat(14)),
        ] {
            assert!(!is_end_marker(bad), "{bad:?}");
        }
    }
}
