//! The stored bytes of an entry or large object: compressed, without framing.

use std::fmt;
use std::io::{self, BufRead, Read};

use crate::compress::{Passing, PieceSource};
use crate::format::block::ChunkReader;
use crate::format::tar::MemberReader;
use crate::source::{Positioned, SourceReader};

/// Bytes as stored, wherever they come from.
pub(super) enum Stored<'a> {
    Chunks(ChunkReader<SourceReader>),
    Member(SourceReader),
    /// Lent by a reader that goes on behind them.
    Lent(&'a mut (dyn StoredBytes + Send + 'a)),
}

/// A reader that knows where it is, for messages.
pub(super) trait StoredBytes: BufRead {
    fn at(&self) -> u64;

    /// Whether a zstd frame began within a chunk so far.
    fn frame_within_chunk(&self) -> bool {
        false
    }

    /// See [`PieceSource::chunk`].
    fn chunk(&mut self) -> io::Result<Option<(usize, usize)>> {
        Ok(None)
    }
}

impl<I: Positioned> StoredBytes for ChunkReader<I> {
    fn at(&self) -> u64 {
        self.position()
    }

    fn frame_within_chunk(&self) -> bool {
        ChunkReader::frame_within_chunk(self)
    }

    fn chunk(&mut self) -> io::Result<Option<(usize, usize)>> {
        Ok(ChunkReader::chunk_parts(self)?)
    }
}

impl StoredBytes for SourceReader {
    fn at(&self) -> u64 {
        self.position()
    }
}

impl<R: Read> StoredBytes for MemberReader<R> {
    fn at(&self) -> u64 {
        self.pipe_position()
    }
}

impl Stored<'_> {
    fn inner(&mut self) -> &mut dyn StoredBytes {
        match self {
            Stored::Chunks(chunks) => chunks,
            Stored::Member(reader) => reader,
            Stored::Lent(reader) => *reader,
        }
    }

    fn positioned(&self) -> &dyn StoredBytes {
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

impl PieceSource for Stored<'_> {
    fn chunk(&mut self) -> io::Result<Option<(usize, usize)>> {
        self.inner().chunk()
    }

    fn position(&self) -> u64 {
        Stored::position(self)
    }

    fn frame_within_chunk(&self) -> bool {
        Stored::frame_within_chunk(self)
    }

    fn detach(self) -> std::result::Result<Box<dyn PieceSource + Send>, Self> {
        match self {
            Stored::Chunks(chunks) => Ok(Box::new(Stored::Chunks(chunks))),
            Stored::Member(reader) => Ok(Box::new(Stored::Member(reader))),
            lent @ Stored::Lent(_) => Err(lent),
        }
    }
}

impl Passing for Stored<'_> {
    fn pass(&mut self, most: u64) -> io::Result<u64> {
        match self {
            Stored::Chunks(chunks) => Ok(chunks.pass(most)?),
            Stored::Member(reader) => {
                let most = most.min(reader.remaining().unwrap_or(0));
                reader.skip(most)?;
                Ok(most)
            }
            Stored::Lent(_) => Ok(0),
        }
    }

    fn again(&self) -> Option<Self> {
        match self {
            Stored::Chunks(chunks) => Some(Stored::Chunks(chunks.again())),
            Stored::Member(reader) => Some(Stored::Member(reader.again())),
            Stored::Lent(_) => None,
        }
    }

    fn for_lengths(self) -> Self {
        match self {
            Stored::Chunks(chunks) => Stored::Chunks(chunks.for_lengths()),
            Stored::Member(reader) => Stored::Member(reader.for_lengths()),
            lent @ Stored::Lent(_) => lent,
        }
    }
}

impl fmt::Debug for Stored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored(at {})", self.position())
    }
}

/// A reader of the stored bytes of an entry's data, still compressed. These are the content of the
/// chunks of its block, or its file.
///
/// [`BufRead::fill_buf`] lends pieces of at most one chunk, borrowed from a source in memory or
/// mapped. The ends of pieces have no meaning.
///
/// ```
/// use std::io::Read;
/// use pgdmp::{Algorithm, Archive, Desc};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let mut stored = archive.stored(town.dump_id())?;
/// assert_eq!(stored.algorithm(), Algorithm::Gzip);
/// let mut bytes = Vec::new();
/// stored.read_to_end(&mut bytes)?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct StoredData {
    pub(super) stored: Stored<'static>,
    pub(super) algorithm: crate::compress::Algorithm,
}

impl StoredData {
    /// The compression of the bytes.
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
