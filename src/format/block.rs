//! Blocks of a custom archive: a header, then chunks with their lengths.
//!
//! `_StartData`, `_CustomWriteFunc`, `_PrintTocData` and `_skipData` of `pg_backup_custom.c`.
//! Chunk boundaries mean nothing: what matters is the bytes one after the other. But pg_restore 16
//! to 18 drop what follows the end of a zstd frame in its chunk (`ReadDataFromArchiveZstd`), so a
//! frame begins a chunk.

use std::io::{self, BufRead, Read, Write};

use super::ends::NoteEnd;
use crate::compress::{Algorithm, Frames};
use crate::error::{Error, Fault, Result};
use crate::limits::Limits;
use crate::source::{Positioned, SourceReader};
use crate::toc::{BlockKind, DumpId};
use crate::version::Gate;
use crate::wire::{Decoder, Dialect, Encoder};

/// What stands at a place where a block may begin.
pub(crate) enum BlockStart {
    Block(BlockHeader),
    /// No block: its first byte. 0 is that of a second table of contents, which PostgreSQL 16 and
    /// newer append when their output was redirected.
    Other(u8),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) kind: BlockKind,
    pub(crate) dump_id: DumpId,
}

impl BlockKind {
    /// Of a block that is not of the kind that its entry needs.
    pub(crate) fn of_wrong_kind(self) -> Error {
        let what = match self {
            BlockKind::Data => "a table",
            BlockKind::LargeObjects => "large objects",
        };
        let error = Error::malformed(format!("the entry's block holds the data of {what}"));
        error.with_fault(Fault::Framing)
    }
}

impl BlockHeader {
    pub(crate) fn decode<I: Positioned + ?Sized>(
        input: &mut I,
        dialect: Dialect,
    ) -> Result<BlockStart> {
        let mut d = Decoder::new(input, dialect, "the header of a block", &Limits::new());
        if d.at_end()? {
            return Ok(BlockStart::End);
        }
        let kind = if dialect.has(Gate::BlockType) {
            match d.byte()? {
                1 => BlockKind::Data,
                3 => BlockKind::LargeObjects,
                other => return Ok(BlockStart::Other(other)),
            }
        } else {
            BlockKind::Data
        };
        Ok(BlockStart::Block(BlockHeader { kind, dump_id: DumpId(d.int()?) }))
    }

    /// Writes the header; the mirror of `decode`.
    pub(crate) fn encode(self, output: &mut impl Write, dialect: Dialect) -> io::Result<()> {
        let mut e = Encoder::new(output, dialect);
        if dialect.has(Gate::BlockType) {
            e.byte(match self.kind {
                BlockKind::Data => 1,
                BlockKind::LargeObjects => 3,
            })?;
        }
        e.int(self.dump_id.0)
    }
}

/// The OID before the chunks of a large object; `None` at the end of the block.
pub(crate) fn decode_oid<I: Positioned + ?Sized>(
    input: &mut I,
    dialect: Dialect,
) -> Result<Option<u32>> {
    let oid = Decoder::new(input, dialect, "a block of large objects", &Limits::new()).oid()?;
    Ok((oid != 0).then_some(oid))
}

/// Moves to the next large object of a block, and gives its OID.
pub(crate) fn begin_object<I: Positioned>(chunks: &mut ChunkReader<I>) -> Result<Option<u32>> {
    chunks.skip_rest()?;
    let dialect = chunks.dialect();
    let oid = decode_oid(chunks.input(), dialect)?;
    if oid.is_some() {
        chunks.restart();
    }
    Ok(oid)
}

/// Writes the OID before the chunks of a large object, or 0 at the end of the block; the mirror
/// of `decode_oid`.
pub(crate) fn encode_oid(output: &mut impl Write, dialect: Dialect, oid: u32) -> io::Result<()> {
    Encoder::new(output, dialect).oid(oid)
}

/// Cuts a stream into chunks; the mirror of `ChunkReader`.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    dialect: Dialect,
    /// Bytes of a chunk, at most.
    most: usize,
    /// The same of the chunk that is begun.
    room: usize,
    /// Room for the length, then what the next chunk is going to hold.
    buffer: Vec<u8>,
}

/// Bytes of a chunk: those of PostgreSQL 19. Larger ones would only cost readers memory.
const CHUNK: usize = 128 << 10;

/// Bytes of the longest chunk, which holds a whole frame. Readers need memory for it.
pub(crate) const LONGEST_CHUNK: usize = 4 << 20;

impl ChunkWriter {
    pub(crate) fn new(dialect: Dialect) -> Self {
        ChunkWriter::with_most(dialect, CHUNK)
    }

    /// Makes chunks of at most so many bytes.
    pub(crate) fn with_most(dialect: Dialect, most: usize) -> Self {
        ChunkWriter { dialect, most, room: most, buffer: Vec::new() }
    }

    /// The chunk that is begun takes more bytes than others, [`LONGEST_CHUNK`].
    pub(crate) fn keep_whole(&mut self) {
        self.room = LONGEST_CHUNK;
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8], output: &mut impl Write) -> io::Result<()> {
        let len = self.dialect.int_len();
        while !bytes.is_empty() {
            if self.buffer.is_empty() {
                self.buffer.resize(len, 0);
            }
            let n = bytes.len().min(len + self.room - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            if self.buffer.len() == len + self.room {
                self.flush(output)?;
            }
        }
        Ok(())
    }

    /// Ends the chunk, so that the next byte begins one.
    pub(crate) fn flush(&mut self, output: &mut impl Write) -> io::Result<()> {
        let len = self.dialect.int_len();
        // The buffer is empty, or holds more than the room for its length.
        let held = self.buffer.len().saturating_sub(len);
        if held > 0 {
            Encoder::new(&mut self.buffer[..len], self.dialect).int(held as i32)?;
            output.write_all(&self.buffer)?;
        }
        self.buffer.clear();
        self.room = self.most;
        Ok(())
    }

    /// Ends the stream with a length of 0.
    pub(crate) fn finish(&mut self, output: &mut impl Write) -> io::Result<()> {
        self.flush(output)?;
        Encoder::new(output, self.dialect).int(0)
    }
}

/// Reads what the chunks of one stream hold, up to the length of 0 that ends them.
#[derive(Debug)]
pub(crate) struct ChunkReader<I> {
    input: I,
    dialect: Dialect,
    /// Bytes of the current chunk that are consumed, and that are not.
    used: u32,
    remaining: u32,
    state: State,
    watch: Option<FrameWatch>,
    /// Who is told where the stream ends.
    on_end: Option<NoteEnd>,
}

/// Looks for zstd frames that begin within a chunk.
#[derive(Debug)]
struct FrameWatch {
    /// Until something is no frame: the decoder says what that is.
    frames: Option<Frames>,
    /// Whether such a frame was met.
    met: bool,
}

impl FrameWatch {
    fn new(algorithm: Algorithm) -> Option<Self> {
        let frames = Frames::new(algorithm).filter(|_| algorithm == Algorithm::Zstd)?;
        Some(FrameWatch { frames: Some(frames), met: false })
    }

    /// `used`: how much of the chunk stands before these bytes.
    fn pass(&mut self, mut bytes: &[u8], mut used: u32) {
        while let Some(frames) = self.frames.as_mut().filter(|_| !bytes.is_empty()) {
            let begins = frames.is_between();
            let Ok(n) = frames.take(bytes, false) else {
                self.frames = None;
                return;
            };
            // Nothing is lost with a frame that decoders skip.
            self.met |= begins && used > 0 && bytes[0] == Frames::ZSTD_START;
            used += n as u32;
            bytes = &bytes[n..];
        }
    }
}

#[derive(Debug)]
enum State {
    Reading,
    Done,
    /// An error that was met after bytes which had to be delivered first.
    Pending(Error),
    Failed,
}

impl<I: Positioned> ChunkReader<I> {
    /// `input` stands before the length of the first chunk.
    pub(crate) fn new(input: I, dialect: Dialect) -> Self {
        ChunkReader {
            input,
            dialect,
            used: 0,
            remaining: 0,
            state: State::Reading,
            watch: None,
            on_end: None,
        }
    }

    /// A reader between two streams.
    pub(crate) fn idle(input: I, dialect: Dialect) -> Self {
        ChunkReader { state: State::Done, ..ChunkReader::new(input, dialect) }
    }

    /// The same place, but between two streams.
    pub(crate) fn into_idle(self) -> Self {
        ChunkReader { state: State::Done, ..self }
    }

    /// Has it noted where the stream ends, if that is met.
    pub(super) fn noting_end(self, note: Option<NoteEnd>) -> Self {
        ChunkReader { on_end: note, ..self }
    }

    /// Says afterwards whether [a frame began within a chunk](Self::frame_within_chunk).
    pub(crate) fn watching(self, algorithm: Algorithm) -> Self {
        ChunkReader { watch: FrameWatch::new(algorithm), ..self }
    }

    /// Whether a zstd frame began within a chunk, in what was read of the stream. pg_restore drops
    /// it.
    pub(crate) fn frame_within_chunk(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.met)
    }

    /// The input, where it stands.
    pub(crate) fn into_input(self) -> I {
        self.input
    }

    /// Begins the next stream. The one before must have been read or skipped.
    pub(crate) fn restart(&mut self) {
        self.remaining = 0;
        self.state = State::Reading;
        if self.watch.is_some() {
            self.watch = FrameWatch::new(Algorithm::Zstd);
        }
    }

    pub(crate) fn input(&mut self) -> &mut I {
        &mut self.input
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn position(&self) -> u64 {
        self.input.position()
    }

    /// Makes sure that there are bytes of a chunk to read; `false` at the end of the stream.
    fn advance(&mut self) -> Result<bool> {
        match &mut self.state {
            State::Reading if self.remaining > 0 => return Ok(true),
            State::Reading => {}
            State::Done => return Ok(false),
            state => {
                return Err(match std::mem::replace(state, State::Failed) {
                    State::Pending(error) => error,
                    _ => Error::usage("reading went on after an error").at(self.position()),
                });
            }
        }
        let result = self.next_len();
        match result {
            Ok(0) => {
                self.state = State::Done;
                if let Some(note) = self.on_end.take() {
                    note.note(self.input.position());
                }
            }
            Ok(len) => (self.used, self.remaining) = (0, len),
            Err(_) => self.state = State::Failed,
        }
        result.map(|len| len > 0)
    }

    fn next_len(&mut self) -> Result<u32> {
        let at = self.input.position();
        let mut d = Decoder::new(&mut self.input, self.dialect, "a block of data", &LIMITS);
        let len = d.int()?;
        u32::try_from(len).map_err(|_| {
            let error = Error::malformed(format!("a chunk's length is negative ({len})"));
            error.with_fault(Fault::Framing).at(at)
        })
    }

    fn fail(&mut self, error: impl Into<Error>) -> Error {
        self.state = State::Failed;
        error.into().at(self.input.position())
    }

    /// The rest of the current chunk, as far as it is at hand.
    fn chunk(&mut self) -> Result<&[u8]> {
        let position = self.input.position();
        let remaining = self.remaining as usize;
        match self.input.fill_buf() {
            Ok([]) => {
                self.state = State::Failed;
                Err(Error::truncated("a chunk of data").at(position))
            }
            Ok(data) => Ok(&data[..data.len().min(remaining)]),
            Err(error) => {
                self.state = State::Failed;
                Err(Error::from(error).at(position))
            }
        }
    }

    /// The next bytes, as far as they are at hand, and whether they begin a chunk; `None` at the end
    /// of the stream.
    pub(crate) fn peek(&mut self) -> Result<Option<(&[u8], bool)>> {
        if !self.advance()? {
            return Ok(None);
        }
        let begins = self.used == 0;
        Ok(Some((self.chunk()?, begins)))
    }

    /// How much of the chunk that the next byte is in was read, and how much was not; `None` at the
    /// end of the stream.
    pub(crate) fn chunk_parts(&mut self) -> Result<Option<(usize, usize)>> {
        let more = self.advance()?;
        Ok(more.then_some((self.used as usize, self.remaining as usize)))
    }

    /// Moves to the end of the stream, looking at lengths alone.
    pub(crate) fn skip_rest(&mut self) -> Result<()> {
        while self.advance()? {
            self.skip_chunk()?;
        }
        Ok(())
    }

    /// Moves over chunks until they make up `most` bytes, and says how many they were; `None` at
    /// the end of the stream.
    pub(crate) fn skip_some(&mut self, most: u64) -> Result<Option<u64>> {
        let (mut chunks, mut bytes) = (0, 0);
        while bytes < most {
            if !self.advance()? {
                return Ok(None);
            }
            bytes += self.skip_chunk()?;
            chunks += 1;
        }
        Ok(Some(chunks))
    }

    /// Moves over so many bytes, or to the end of the stream, looking at lengths alone. Says how many
    /// they were.
    pub(crate) fn pass(&mut self, most: u64) -> Result<u64> {
        let mut passed = 0;
        if let Some(watch) = &mut self.watch {
            watch.frames = None;
        }
        while passed < most && self.advance()? {
            passed += self.skip_in_chunk(most - passed)?;
        }
        Ok(passed)
    }

    fn skip_chunk(&mut self) -> Result<u64> {
        self.skip_in_chunk(u64::MAX)
    }

    fn skip_in_chunk(&mut self, most: u64) -> Result<u64> {
        let len = u64::from(self.remaining).min(most);
        let result = self.input.skip(len);
        if let Err(error) = result {
            return Err(match error.kind() {
                io::ErrorKind::UnexpectedEof => self.fail(Error::truncated("a chunk of data")),
                _ => self.fail(error),
            });
        }
        // No longer than what is left of the chunk.
        self.used = self.used.saturating_add(len as u32);
        self.remaining -= len as u32;
        Ok(len)
    }
}

impl ChunkReader<SourceReader> {
    /// Another reader that stands at the same place, where for one that watches a frame begins.
    pub(crate) fn again(&self) -> Self {
        let state = match self.state {
            State::Done => State::Done,
            _ => State::Reading,
        };
        let watch = self.watch.as_ref().and_then(|_| FrameWatch::new(Algorithm::Zstd));
        let (used, remaining) = (self.used, self.remaining);
        ChunkReader {
            input: self.input.again(),
            dialect: self.dialect,
            used,
            remaining,
            state,
            watch,
            on_end: self.on_end.clone(),
        }
    }

    /// Reads hardly more than what it does not move over.
    pub(crate) fn for_lengths(self) -> Self {
        ChunkReader { input: self.input.for_lengths(), ..self }
    }
}

static LIMITS: Limits = Limits::new();

impl<I: Positioned> BufRead for ChunkReader<I> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.advance()? {
            return Ok(&[]);
        }
        Ok(self.chunk()?)
    }

    fn consume(&mut self, n: usize) {
        let n = n.min(self.remaining as usize);
        if let Some(watch) = &mut self.watch
            && let Ok(bytes) = self.input.fill_buf()
        {
            watch.pass(&bytes[..n.min(bytes.len())], self.used);
        }
        self.used += n as u32;
        self.remaining -= n as u32;
        self.input.consume(n);
    }
}

impl<I: Positioned> Read for ChunkReader<I> {
    /// Fills `buf` from as many chunks as it takes. Before PostgreSQL 16 each row of an
    /// uncompressed table is a chunk.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            let step = self.advance().and_then(|more| {
                if !more {
                    return Ok(0);
                }
                let data = self.chunk()?;
                let n = data.len().min(buf.len() - filled);
                buf[filled..filled + n].copy_from_slice(&data[..n]);
                Ok(n)
            });
            match step {
                Ok(0) => break,
                Ok(n) => {
                    self.consume(n);
                    filled += n;
                }
                Err(error) if filled > 0 => {
                    self.state = State::Pending(error);
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(filled)
    }
}
