//! The stored bytes of an entry or large object: compressed, without framing.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::data::EntryData;
use super::stored_check::{NO_END_MARKER, StoredCheck, Tail};
use crate::compress::{Algorithm, Contexts, Decoder, Framing};
use crate::error::{EntryName, Error, Result};
use crate::format::block::ChunkReader;
use crate::format::members::Member;
use crate::format::tar::MemberReader;
use crate::limits::Limits;
use crate::source::{Input, SourceReader};

/// Bytes as stored, wherever they come from.
pub(super) enum Stored<'a> {
    Chunks(ChunkReader<SourceReader>),
    Member(SourceReader),
    /// Lent by a reader that goes on behind them.
    Lent(&'a mut (dyn Positioned + Send + 'a)),
}

/// What is wrong with a zstd frame that begins within a chunk: pg_restore 16 to 18 go on with the
/// next chunk when a frame has ended.
pub(crate) const FRAME_WITHIN_CHUNK: &str =
    "a zstd frame begins within a chunk; pg_restore loses it";

/// A reader that knows where it is, for messages.
pub(super) trait Positioned: BufRead {
    fn at(&self) -> u64;

    /// Whether a zstd frame began within a chunk so far.
    fn frame_within_chunk(&self) -> bool {
        false
    }
}

impl<I: Input> Positioned for ChunkReader<I> {
    fn at(&self) -> u64 {
        self.position()
    }

    fn frame_within_chunk(&self) -> bool {
        ChunkReader::frame_within_chunk(self)
    }
}

impl Positioned for SourceReader {
    fn at(&self) -> u64 {
        self.position()
    }
}

impl<R: Read> Positioned for MemberReader<R> {
    fn at(&self) -> u64 {
        self.pipe_position()
    }
}

impl Stored<'_> {
    fn inner(&mut self) -> &mut dyn Positioned {
        match self {
            Stored::Chunks(chunks) => chunks,
            Stored::Member(reader) => reader,
            Stored::Lent(reader) => *reader,
        }
    }

    fn positioned(&self) -> &dyn Positioned {
        match self {
            Stored::Chunks(chunks) => chunks,
            Stored::Member(reader) => reader,
            Stored::Lent(reader) => *reader,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.positioned().at()
    }

    pub(super) fn frame_within_chunk(&self) -> bool {
        self.positioned().frame_within_chunk()
    }
}

impl Read for Stored<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner().read(buf)
    }
}

impl BufRead for Stored<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner().fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.inner().consume(n);
    }
}

impl fmt::Debug for Stored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored(at {})", self.position())
    }
}

/// The stored bytes of an entry's data, still compressed: what the chunks of its block hold, or
/// its file.
///
/// [`BufRead::fill_buf`] gives them in pieces of at most one chunk, borrowed from the source
/// where it is in memory or mapped. Where pieces end means nothing.
#[derive(Debug)]
pub struct StoredData {
    pub(super) stored: Stored<'static>,
    pub(super) algorithm: crate::compress::Algorithm,
}

impl StoredData {
    /// How the bytes are compressed.
    pub fn algorithm(&self) -> crate::compress::Algorithm {
        self.algorithm
    }
}

impl Read for StoredData {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stored.read(buf)
    }
}

impl BufRead for StoredData {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stored.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.stored.consume(n);
    }
}

/// The stored bytes of one table or large object, with all that is needed to read or move them.
#[derive(Debug)]
pub(crate) struct StoredPiece<'a> {
    stored: Stored<'a>,
    pub(crate) algorithm: Algorithm,
    pub(crate) framing: Framing,
    pub(crate) member: Option<Member>,
    pub(crate) entry: EntryName,
    /// Whether the plain data ends with an end marker.
    pub(crate) marked: bool,
}

impl<'a> StoredPiece<'a> {
    /// What chunks hold.
    pub(super) fn chunks(
        stored: Stored<'a>,
        algorithm: Algorithm,
        entry: EntryName,
        marked: bool,
    ) -> Self {
        StoredPiece { stored, algorithm, framing: Framing::Stream, member: None, entry, marked }
    }

    /// A file.
    pub(crate) fn member(member: Member, entry: EntryName, marked: bool) -> Self {
        let stored = Stored::Member(member.reader());
        let (algorithm, framing) = (member.algorithm, Framing::File);
        StoredPiece { stored, algorithm, framing, member: Some(member), entry, marked }
    }

    /// A look at the bytes while they go by.
    pub(crate) fn check(&self) -> StoredCheck {
        StoredCheck::new(self.algorithm, self.framing, self.marked)
    }

    /// Checks the last plain bytes.
    ///
    /// # Errors
    ///
    /// An end marker that is missing.
    pub(crate) fn check_tail(&self, tail: &Tail) -> Result<()> {
        match self.marked && !tail.is_end_marker() {
            true => Err(self.placed(Error::malformed(NO_END_MARKER))),
            false => Ok(()),
        }
    }

    /// Whether a zstd frame began within a chunk, in what was read.
    pub(crate) fn frame_within_chunk(&self) -> bool {
        self.stored.frame_within_chunk()
    }

    /// The bytes, if that many are known to be there.
    pub(crate) fn len(&self) -> Option<u64> {
        self.member.as_ref().map(Member::len)
    }

    /// Gives an error its place: what is wrong with the data is where reading has come to.
    pub(crate) fn placed(&self, error: impl Into<Error>) -> Error {
        let mut error = error.into();
        // What the output says has another place.
        if !error.is_io() {
            error = error.at(self.stored.position());
        }
        let error = match &self.member {
            Some(member) => error.in_member(&member.name),
            None => error,
        };
        error.in_entry(|| self.entry.clone())
    }

    /// The plain bytes.
    pub(crate) fn decode(self, contexts: &Arc<Contexts>, limits: &Limits) -> Result<EntryData<'a>> {
        let StoredPiece { stored, algorithm, framing, member, entry, marked } = self;
        match Decoder::new(stored, algorithm, framing, limits, contexts) {
            Ok(decoder) => {
                Ok(EntryData::new(decoder, entry, member.map(|member| member.name), marked))
            }
            Err(error) => {
                let error = match &member {
                    Some(member) => error.in_member(&member.name),
                    None => error,
                };
                Err(error.in_entry(|| entry))
            }
        }
    }
}

impl Read for StoredPiece<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stored.read(buf)
    }
}

impl BufRead for StoredPiece<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.stored.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.stored.consume(n);
    }
}
