//! Where the pieces of stored data begin and end that can be decompressed on their own, and how one is
//! decompressed.

#![cfg_attr(
    not(all(feature = "gzip", feature = "lz4", feature = "zstd")),
    allow(dead_code, unused_variables)
)]

use std::io::{self, BufRead, Read};
use std::sync::Arc;

#[cfg(feature = "gzip")]
use super::gzip;
use super::input::{fill, trailing};
#[cfg(feature = "lz4")]
use super::lz4;
use super::part::MARK;
use super::ring::{Piece, Plain};
#[cfg(feature = "zstd")]
use super::zstd;
use super::{Algorithm, Contexts, Decoder, Frames, Framing};
use crate::Limits;

/// The longest piece: what this crate writes, and a little more.
const LONGEST: usize = 8 << 20;

/// A deflate part does not say what it becomes.
const PART: usize = 1 << 20;

/// Stored bytes, of which it is known where chunks begin.
pub(crate) trait PieceSource: BufRead {
    /// How much of the chunk that the next byte is in was read, and how much was not: neither, if
    /// that byte begins one. `None` where there are no chunks, or at the end.
    fn chunk(&mut self) -> io::Result<Option<(usize, usize)>>;

    /// Where the next byte stands.
    fn position(&self) -> u64;

    /// Whether, in what was read, a zstd frame began within a chunk.
    fn frame_within_chunk(&self) -> bool;

    /// The same bytes for another thread; itself, if they are lent.
    fn detach(self) -> Result<Box<dyn PieceSource + Send>, Self>
    where
        Self: Sized;
}

impl PieceSource for Box<dyn PieceSource + Send> {
    fn chunk(&mut self) -> io::Result<Option<(usize, usize)>> {
        (**self).chunk()
    }

    fn position(&self) -> u64 {
        (**self).position()
    }

    fn frame_within_chunk(&self) -> bool {
        (**self).frame_within_chunk()
    }

    fn detach(self) -> Result<Box<dyn PieceSource + Send>, Self> {
        Ok(self)
    }
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Frame(Algorithm),
    /// A member of a gzip file.
    Member,
    /// Part of a zlib stream.
    Part {
        first: bool,
        last: bool,
    },
}

/// What comes next.
pub(super) enum Cut {
    Piece(Piece),
    End,
    /// No piece. It begins with `bytes`, which stand there, and then come those of the reader or an
    /// error.
    Stream {
        bytes: Vec<u8>,
        at: u64,
        failed: Option<io::Error>,
    },
}

/// Takes pieces from stored data.
pub(super) struct Cutter {
    algorithm: Algorithm,
    framing: Framing,
    /// Plain bytes of the longest frame.
    longest: u64,
    first: bool,
    /// Whether the last part of a zlib stream came.
    last: bool,
}

/// What has to end with a part that is the last.
const UNENDED: (Algorithm, Framing, bool) = (Algorithm::Gzip, Framing::Stream, false);

/// Why what comes is no piece.
enum Not {
    Short,
    Failed(io::Error),
}

impl From<io::Error> for Not {
    fn from(error: io::Error) -> Self {
        Not::Failed(error)
    }
}

impl Cutter {
    /// `None` for data that has no pieces.
    pub(super) fn new(algorithm: Algorithm, framing: Framing, limits: &Limits) -> Option<Self> {
        let has_pieces = algorithm.is_enabled()
            && matches!(algorithm, Algorithm::Gzip | Algorithm::Lz4 | Algorithm::Zstd);
        let longest = match algorithm {
            Algorithm::Zstd => 1_u64.checked_shl(limits.zstd_window_log).unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        let longest = longest.min(LONGEST as u64);
        has_pieces.then_some(Cutter { algorithm, framing, longest, first: true, last: false })
    }

    /// Whether the data may begin with a piece, by what is at hand. Nothing is taken.
    pub(super) fn may_begin(&self, input: &mut impl PieceSource) -> bool {
        let chunk = input.chunk().ok().flatten();
        let Ok(bytes) = input.fill_buf() else { return false };
        match (self.algorithm, self.framing) {
            (Algorithm::Gzip, Framing::File) => member_sizes(bytes).is_some(),
            // The mark stands at the end of the first chunk, which may not be at hand.
            (Algorithm::Gzip, Framing::Stream) => match chunk {
                Some((0, left)) if left <= LONGEST => match bytes.get(..left) {
                    Some(bytes) => bytes.ends_with(&MARK),
                    None => true,
                },
                _ => false,
            },
            _ => {
                let Some(mut frames) = Frames::new(self.algorithm) else { return false };
                frames.take(&bytes[..bytes.len().min(HEADER)], false).is_ok()
                    && self.is_short(&frames)
            }
        }
    }

    fn is_short(&self, frames: &Frames) -> bool {
        frames.content().is_some_and(|content| content <= self.longest)
    }

    /// Takes the next piece into the memory of `stored`.
    pub(super) fn next(&mut self, input: &mut impl PieceSource, mut stored: Vec<u8>) -> Cut {
        stored.clear();
        // A chunk's length is read with its first byte.
        if let Err(error) = input.fill_buf() {
            return Cut::Stream { bytes: stored, at: input.position(), failed: Some(error) };
        }
        let at = input.position();
        let taken = match (self.algorithm, self.framing) {
            (Algorithm::Gzip, Framing::File) => take_member(input, &mut stored),
            (Algorithm::Gzip, Framing::Stream) => take_part(input, &mut stored, self.first),
            _ => self.take_frame(input, &mut stored),
        };
        self.first = false;
        self.last |= matches!(taken, Ok(Some((Kind::Part { last: true, .. }, _))));
        match taken {
            Ok(Some((kind, len))) => Cut::Piece(Piece { kind, stored, at, len }),
            // That the end of a zlib stream is missing is said by its decoder.
            Ok(None) if (self.algorithm, self.framing, self.last) == UNENDED => {
                Cut::Stream { bytes: stored, at, failed: None }
            }
            Ok(None) => Cut::End,
            Err(Not::Short) => Cut::Stream { bytes: stored, at, failed: None },
            Err(Not::Failed(error)) => Cut::Stream { bytes: stored, at, failed: Some(error) },
        }
    }

    fn take_frame(
        &self,
        input: &mut impl PieceSource,
        stored: &mut Vec<u8>,
    ) -> Result<Option<(Kind, usize)>, Not> {
        let Some(mut frames) = Frames::new(self.algorithm) else { return Err(Not::Short) };
        loop {
            let bytes = fill(input)?;
            if bytes.is_empty() {
                // Within a frame, the decoder says so.
                return if stored.is_empty() { Ok(None) } else { Err(Not::Short) };
            }
            // No further than to where it is known what it is.
            let room = HEADER.saturating_sub(stored.len());
            let most = if room > 0 { bytes.len().min(room) } else { bytes.len() };
            let Ok(n) = frames.take(&bytes[..most], false) else { return Err(Not::Short) };
            stored.extend_from_slice(&bytes[..n]);
            input.consume(n);
            let between = frames.is_between();
            if (between || stored.len() >= HEADER) && !self.is_short(&frames) {
                return Err(Not::Short);
            }
            let len = frames.content().unwrap_or(0) as usize;
            if between {
                return Ok(Some((Kind::Frame(self.algorithm), len)));
            }
            // What cannot be compressed becomes little longer; a skippable frame may be a table.
            if stored.len() > len + len / 64 + PART {
                return Err(Not::Short);
            }
        }
    }
}

/// Bytes in which the header of a frame ends: magic number, descriptor, window, dictionary, size.
const HEADER: usize = 4 + 1 + 1 + 4 + 8;

/// Stored and plain length of a gzip member that says them in the header that these bytes begin with.
pub(super) fn member_sizes(bytes: &[u8]) -> Option<(usize, usize)> {
    #[cfg(feature = "gzip")]
    {
        use gzip::encode::{HAS_EXTRA, SIZES, SIZES_FIELD};
        let [0x1f, 0x8b, 8, HAS_EXTRA, _, _, _, _, _, _, rest @ ..] = bytes else { return None };
        let rest = rest.strip_prefix(&(SIZES as u16).to_le_bytes()[..])?;
        let rest = rest.strip_prefix(&SIZES_FIELD[..])?;
        let (stored, rest) = rest.split_first_chunk()?;
        let (plain, _) = rest.split_first_chunk()?;
        let (stored, plain) = (u32::from_le_bytes(*stored), u32::from_le_bytes(*plain));
        let (stored, plain) = (stored as usize, plain as usize);
        (plain <= LONGEST && (MEMBER..=plain + plain / 64 + PART).contains(&stored))
            .then_some((stored, plain))
    }
    #[cfg(not(feature = "gzip"))]
    None
}

/// Bytes of the header of a gzip member with its sizes.
pub(super) const MEMBER: usize = 10 + 2 + 12;

fn take_member(
    input: &mut impl PieceSource,
    stored: &mut Vec<u8>,
) -> Result<Option<(Kind, usize)>, Not> {
    take(input, stored, MEMBER)?;
    if stored.is_empty() {
        return Ok(None);
    }
    let Some((len, plain)) = member_sizes(stored) else { return Err(Not::Short) };
    take(input, stored, len)?;
    match stored.len() == len {
        true => Ok(Some((Kind::Member, plain))),
        false => Err(Not::Short),
    }
}

/// Takes a chunk, if it is a part of a zlib stream.
fn take_part(
    input: &mut impl PieceSource,
    stored: &mut Vec<u8>,
    first: bool,
) -> Result<Option<(Kind, usize)>, Not> {
    if fill(input)?.is_empty() {
        return Ok(None);
    }
    let Some((0, left)) = input.chunk()?.filter(|(_, left)| *left <= LONGEST) else {
        return Err(Not::Short);
    };
    take(input, stored, left)?;
    if stored.len() < left {
        return Err(Not::Short);
    }
    let last = !stored.ends_with(&MARK);
    if last && !fill(input)?.is_empty() {
        return Err(Not::Short);
    }
    Ok(Some((Kind::Part { first, last }, PART)))
}

/// Takes bytes until `stored` has so many, or there are no more.
pub(super) fn take(input: &mut impl BufRead, stored: &mut Vec<u8>, len: usize) -> io::Result<()> {
    while stored.len() < len {
        let bytes = fill(input)?;
        let n = bytes.len().min(len - stored.len());
        if n == 0 {
            break;
        }
        stored.extend_from_slice(&bytes[..n]);
        input.consume(n);
    }
    Ok(())
}

impl Kind {
    /// Decompresses a piece.
    ///
    /// # Errors
    ///
    /// What is not exactly one piece, of `len` bytes if it says how many. Its words do not matter.
    pub(super) fn decode(
        self,
        stored: &[u8],
        len: usize,
        contexts: &Arc<Contexts>,
        limits: &Limits,
    ) -> io::Result<Plain> {
        let mut bytes = contexts.take_plain();
        match self {
            #[cfg(feature = "gzip")]
            Kind::Part { first, last } => {
                return gzip::part::decode(stored, first, last, bytes, contexts);
            }
            #[cfg(feature = "zstd")]
            Kind::Frame(Algorithm::Zstd) => {
                zstd::decode::frame(stored, len, &mut bytes, contexts)?;
            }
            #[cfg(feature = "lz4")]
            Kind::Frame(Algorithm::Lz4) if lz4::decode::frame(stored, len, &mut bytes)? => {}
            Kind::Frame(algorithm) => {
                let decoder = Decoder::new(stored, algorithm, Framing::Stream, limits, contexts)?;
                read_exactly(decoder, len, &mut bytes)?;
            }
            _ => {
                let decoder =
                    Decoder::new(stored, Algorithm::Gzip, Framing::File, limits, contexts)?;
                read_exactly(decoder, len, &mut bytes)?;
            }
        }
        Ok(Plain { bytes, checksum: 1, trailer: None })
    }
}

/// Reads all there is, which is to be so much.
fn read_exactly(mut decoder: Decoder<&[u8]>, len: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.resize(len, 0);
    decoder.read_exact(bytes)?;
    match decoder.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(trailing()),
    }
}
