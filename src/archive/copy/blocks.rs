//! Blocks of a custom archive, copied together with the lengths of their chunks.
//!
//! All that is copied is walked over: its chunks must chain up to the end of the block.

use std::io::{BufRead, Write};

use super::moving::{Moving, Warn};
use crate::archive::expected::Expected;
use crate::archive::open::Archive;
use crate::archive::stored_check::{StoredCheck, frame_within_chunk, has_end_marker};
use crate::archive::writer::ArchiveWriter;
use crate::compress::{Algorithm, Framing};
use crate::error::{Error, Result};
use crate::format::block::{
    self, BlockHeader, BlockStart, ChunkReader, ChunkWriter, LONGEST_CHUNK, decode_oid,
};
use crate::format::custom::Copying;
use crate::format::output::Output;
use crate::format::sink::Sink;
use crate::source::{Positioned, SourceReader};
use crate::toc::{BlockKind, DataOffset, DumpId, Format, Toc, TocEntry};

impl<W: Write> ArchiveWriter<W> {
    /// Copies the block of an entry from one custom archive to this one. `false` where something
    /// about it has to change. `id` and `kind`: of the new entry.
    pub(crate) fn copy_block(
        &mut self,
        (id, kind): (DumpId, BlockKind),
        archive: &Archive,
        source: DumpId,
        moving: &Moving,
        warn: &mut Warn<'_>,
    ) -> Result<bool> {
        let (Sink::Custom(sink), Format::Custom) = (self.sink(), archive.format()) else {
            return Ok(false);
        };
        let dialect = archive.toc().dialect();
        let algorithm = archive.header().compression.algorithm;
        // Ints are the same with a sign byte and as many bytes.
        if !moving.keeps(algorithm, Framing::Stream)
            || moving.passing.decode
            || dialect.int_len() != sink.dialect().int_len()
        {
            return Ok(false);
        }
        let Some((entry, input)) = archive.block_body(source, kind)? else { return Ok(false) };
        self.raw_block(id, kind, |output| {
            let copied = match algorithm {
                // Its frames must begin chunks.
                Algorithm::Zstd => copy_frames(entry, input, output, warn),
                _ => {
                    let copying = Copying::new(input, output);
                    let mut chunks = ChunkReader::idle(copying, dialect);
                    let body = Body { kind, entry: Some(entry), algorithm };
                    let passed = body.pass(&mut chunks);
                    passed.and_then(|_| Ok(chunks.into_input().finish().map(drop)?))
                }
            };
            copied.map_err(|error| error.in_entry(|| entry.name()))
        })?;
        Ok(true)
    }
}

/// Copies the body of a block of zstd data. Chunks stay as they are, unless a frame begins within
/// one.
fn copy_frames<W: Write>(
    entry: TocEntry<'_>,
    input: SourceReader,
    output: &mut Output<W>,
    warn: &mut Warn<'_>,
) -> Result<()> {
    let dialect = entry.toc().dialect();
    let mut chunks = ChunkReader::idle(input, dialect).watching(Algorithm::Zstd);
    let within = if entry.data_kind() == BlockKind::Data {
        copy_stream_of_frames(&mut chunks, output, has_end_marker(&entry))?
    } else {
        let mut expected = Expected::new(entry);
        let mut within = false;
        while let Some(oid) = decode_oid(chunks.input(), dialect)? {
            expected.meet(oid);
            block::encode_oid(output, dialect, oid)?;
            within |= copy_stream_of_frames(&mut chunks, output, false)?;
        }
        block::encode_oid(output, dialect, 0)?;
        expected.finish(&entry.name(), &mut None)?;
        within
    };
    if within {
        warn(frame_within_chunk().in_entry(|| entry.name()));
    }
    Ok(())
}

fn copy_stream_of_frames<W: Write>(
    chunks: &mut ChunkReader<SourceReader>,
    output: &mut Output<W>,
    marked: bool,
) -> Result<bool> {
    let mut writer = ChunkWriter::with_most(chunks.dialect(), LONGEST_CHUNK);
    let mut check = StoredCheck::new(Algorithm::Zstd, Framing::Stream, marked);
    chunks.restart();
    loop {
        let at = chunks.position();
        let Some((mut bytes, begins)) = chunks.peek()? else { break };
        let len = bytes.len();
        if begins {
            writer.flush(output)?;
        }
        while !bytes.is_empty() {
            if check.is_between_frames() {
                writer.flush(output)?;
            }
            let n = check.take(bytes).map_err(|error| Error::from(error).at(at))?;
            writer.write(&bytes[..n], output)?;
            bytes = &bytes[n..];
        }
        chunks.consume(len);
    }
    check.finish().map_err(|error| Error::from(error).at(chunks.position()))?;
    writer.finish(output)?;
    Ok(chunks.frame_within_chunk())
}

/// What a block has behind its header.
struct Body<'a> {
    kind: BlockKind,
    /// The entry whose data it is, if the archive has it.
    entry: Option<TocEntry<'a>>,
    algorithm: Algorithm,
}

impl Body<'_> {
    /// Moves over it and checks what the stored bytes show. Says whether a zstd frame begins within
    /// a chunk.
    fn pass<I: Positioned>(&self, chunks: &mut ChunkReader<I>) -> Result<bool> {
        let Body { kind, entry, .. } = *self;
        if kind == BlockKind::Data {
            return self.stream(chunks, entry.is_some_and(|entry| has_end_marker(&entry)));
        }
        let dialect = chunks.dialect();
        let mut expected = entry.map(Expected::new).unwrap_or_default();
        let mut within = false;
        while let Some(oid) = decode_oid(chunks.input(), dialect)? {
            expected.meet(oid);
            within |= self.stream(chunks, false)?;
        }
        if let Some(entry) = entry {
            expected.finish(&entry.name(), &mut None)?;
        }
        Ok(within)
    }

    fn stream<I: Positioned>(&self, chunks: &mut ChunkReader<I>, marked: bool) -> Result<bool> {
        chunks.restart();
        if self.entry.is_none() {
            // Nobody knows what it is.
            chunks.skip_rest()?;
            return Ok(false);
        }
        let mut check = StoredCheck::new(self.algorithm, Framing::Stream, marked);
        loop {
            let at = chunks.position();
            let Some((bytes, _)) = chunks.peek()? else { break };
            let len = bytes.len();
            check.pass(bytes).map_err(|error| Error::from(error).at(at))?;
            chunks.consume(len);
        }
        check.finish().map_err(|error| Error::from(error).at(chunks.position()))?;
        Ok(chunks.frame_within_chunk())
    }
}

/// Walks over all blocks of a custom archive, from where its table of contents ends up to where the
/// data of all entries was met, whole. Behind that may stand what it likes.
pub(super) fn pass_blocks<I: Positioned>(
    archive: &Archive,
    input: I,
    warn: &mut Warn<'_>,
) -> Result<I> {
    let toc = archive.toc();
    let algorithm = archive.header().compression.algorithm;
    let mut chunks = ChunkReader::idle(input, toc.dialect()).watching(algorithm);
    let mut left = Left::new(toc);
    while !left.is_empty() {
        let at = chunks.position();
        let start = BlockHeader::decode(chunks.input(), toc.dialect());
        let header = match start {
            Ok(BlockStart::Block(header)) => header,
            Err(error) if error.is_io() => return Err(error),
            other => {
                // No block; but an offset may say where the next one is.
                let from = chunks.position().max(at + 1);
                let Some(next) = left.next_offset(from) else {
                    let error = match other {
                        Err(error) => error,
                        Ok(_) => Error::malformed("the archive has no block with the entry's data"),
                    };
                    return Err(left.missing(archive, error.at(at)));
                };
                let over = next - chunks.position();
                chunks.input().skip(over).map_err(|error| left.missing(archive, error.into()))?;
                continue;
            }
        };
        let entry = left.take(header, at)?;
        let body = Body { kind: header.kind, entry, algorithm };
        let named = |error: Error| match entry {
            Some(entry) => error.in_entry(|| entry.name()),
            None => error,
        };
        if body.pass(&mut chunks).map_err(named)? {
            warn(named(frame_within_chunk().at(at)));
        }
    }
    Ok(chunks.into_input())
}

/// The entries whose data was not met yet.
struct Left<'a> {
    toc: &'a Toc,
    /// By place of the entry.
    waits: Vec<bool>,
    count: usize,
    /// Where blocks begin by the table of contents, sorted.
    offsets: Vec<u64>,
}

impl<'a> Left<'a> {
    fn new(toc: &'a Toc) -> Self {
        let waits: Vec<bool> =
            toc.entries().map(|entry| entry.has_data() && !entry.denies_data()).collect();
        let count = waits.iter().filter(|waits| **waits).count();
        let offset = |entry: TocEntry<'_>| match entry.data_offset() {
            Some(DataOffset::At(offset)) if entry.has_data() => Some(offset),
            _ => None,
        };
        let mut offsets: Vec<u64> = toc.entries().filter_map(offset).collect();
        offsets.sort_unstable();
        Left { toc, waits, count, offsets }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first of the offsets that is not before `from`.
    fn next_offset(&self, from: u64) -> Option<u64> {
        self.offsets.get(self.offsets.partition_point(|offset| *offset < from)).copied()
    }

    /// The entry whose block begins `at`; `None` for a block of an unknown entry.
    fn take(&mut self, header: BlockHeader, at: u64) -> Result<Option<TocEntry<'a>>> {
        let with_id = || self.toc.with_id(header.dump_id);
        let here = |entry: &TocEntry<'_>| {
            self.waits[entry.index()] && entry.data_offset() == Some(DataOffset::At(at))
        };
        let unset = |entry: &TocEntry<'_>| {
            self.waits[entry.index()] && entry.data_offset() == Some(DataOffset::NotSet)
        };
        let found = with_id().find(here).or_else(|| with_id().find(unset));
        let Some(entry) = found else {
            return match with_id().last() {
                None => Ok(None),
                Some(entry) => {
                    let error = match entry.has_data() {
                        true => "the archive has the data of the entry twice, or elsewhere",
                        false => "the archive has data of the entry, which says that it has none",
                    };
                    Err(Error::malformed(error).at(at).in_entry(|| entry.name()))
                }
            };
        };
        if entry.data_kind() != header.kind {
            return Err(header.kind.of_wrong_kind().at(at).in_entry(|| entry.name()));
        }
        self.waits[entry.index()] = false;
        self.count -= 1;
        Ok(Some(entry))
    }

    /// Why the walk ended before the data of all entries was met.
    fn missing(&self, archive: &Archive, error: Error) -> Error {
        let first = self.waits.iter().position(|waits| *waits);
        let Some(entry) = first.and_then(|place| self.toc.get(place)) else { return error };
        // What is wrong with its offset, if it has one.
        let opened = archive.block_body(entry.dump_id(), entry.data_kind());
        let error = opened.map_or_else(|error| error, |_| error);
        error.in_entry(|| entry.name())
    }
}
