//! Where the blocks of a custom archive are: by offset, or by looking.
//!
//! `_PrintTocData`, `_readBlockHeader` and the search of `pg_backup_custom.c`.

mod behind;
mod copying;
mod sink;
mod stream;

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub(crate) use copying::Copying;
pub(crate) use sink::CustomSink;
pub(crate) use stream::BlockStream;

use super::block::{self, BlockHeader, BlockStart, ChunkReader};
use super::ends::Ends;
use super::relay;
use crate::compress::Algorithm;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::limits::Limits;
use crate::source::{Positioned, Source, SourceReader};
use crate::toc::{BlockKind, DataOffset, DumpId, Format, Statements, Toc, TocEntry};
use crate::wire::Dialect;

/// A custom archive in a source, behind its table of contents.
#[derive(Debug)]
pub(crate) struct Custom {
    source: Arc<dyn Source>,
    dialect: Dialect,
    /// Where the table of contents begins and where it ends, and the blocks begin.
    toc_start: u64,
    toc_end: u64,
    /// Blocks that were found by looking.
    scan: Mutex<Scan>,
    /// Where those end that were read.
    ends: Arc<Ends>,
    /// Offsets of the second table of contents of a redirected dump, if there is one.
    appended: OnceLock<Option<Appended>>,
    /// The offsets of all entries, sorted; made when a size is asked for.
    offsets: OnceLock<Vec<u64>>,
    /// Where another archive begins behind this one; at a glance, and for sure.
    behind: [OnceLock<Option<u64>>; 2],
    limits: Limits,
}

/// Of a block that is longer its end is looked at alone, by who only looks.
const LONG: u64 = 64 << 20;

/// Why blocks are not searched for.
pub(crate) const UNKNOWN_START: &str =
    "the table of contents is damaged, so where the blocks begin is not known";

/// A block and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) header: BlockHeader,
    /// Of its first byte.
    pub(crate) start: u64,
    /// Of the byte after its last.
    pub(crate) end: u64,
}

/// The second table of contents that PostgreSQL 16 and newer append to redirected output.
#[derive(Debug)]
struct Appended {
    start: u64,
    offsets: HashMap<DumpId, u64>,
}

/// How far the blocks were walked. Each is walked once, whatever is asked for how often.
#[derive(Debug)]
struct Scan {
    /// Stands before the next block, or behind the header of the one that was entered. Kept, so
    /// that reads never go back.
    reader: SourceReader,
    /// The block, and its start, whose header was read but whose end was not reached: its data may
    /// be read, as far as there is any.
    entered: Option<(BlockHeader, u64)>,
    blocks: Vec<Block>,
    /// Place in `blocks`; the first, should several have an id.
    by_id: HashMap<DumpId, usize>,
    stop: Option<(Stop, u64)>,
}

/// Why the walk ended.
#[derive(Debug, Clone)]
enum Stop {
    End,
    /// A byte that begins no block.
    Other(u8),
    Truncated,
    Malformed(String),
}

impl Custom {
    /// `toc_start` and `toc_end`: where the table of contents was.
    pub(crate) fn new(
        source: Arc<dyn Source>,
        dialect: Dialect,
        toc_start: u64,
        toc_end: u64,
        limits: Limits,
    ) -> Self {
        let reader = SourceReader::from(Arc::clone(&source), toc_end).for_lengths();
        let scan =
            Scan { reader, entered: None, blocks: Vec::new(), by_id: HashMap::new(), stop: None };
        Custom {
            source,
            dialect,
            toc_start,
            toc_end,
            scan: Mutex::new(scan),
            ends: Arc::default(),
            appended: OnceLock::new(),
            offsets: OnceLock::new(),
            behind: Default::default(),
            limits,
        }
    }

    /// Where the blocks begin is not known, so only those with offsets are found.
    pub(crate) fn do_not_walk(&mut self) {
        let scan = self.scan.get_mut().unwrap_or_else(PoisonError::into_inner);
        scan.stop = Some((Stop::Malformed(UNKNOWN_START.to_owned()), self.toc_end));
        self.appended = OnceLock::from(None);
    }

    fn reader(&self, start: u64) -> SourceReader {
        SourceReader::from(Arc::clone(&self.source), start)
    }

    /// A reader of the chunks of an entry's block, or for large objects of what follows the
    /// block's header.
    pub(crate) fn open(
        &self,
        toc: &Toc,
        entry: TocEntry<'_>,
        kind: BlockKind,
    ) -> Result<ChunkReader<SourceReader>> {
        let start = self.locate(toc, entry)?;
        let mut reader = self.reader(start);
        let found = match BlockHeader::decode(&mut reader, self.dialect)? {
            BlockStart::Block(header) => header,
            BlockStart::Other(code) => {
                return Err(elsewhere(format!(
                    "the data offset leads to a block of unknown type {code}"
                ))
                .at(start));
            }
            BlockStart::End => {
                return Err(Error::truncated("the blocks of data; the data offset lies behind it")
                    .at(start));
            }
        };
        if found.dump_id != entry.dump_id() {
            return Err(elsewhere(format!(
                "the data offset leads to the data of entry {}",
                found.dump_id
            ))
            .at(start));
        }
        if found.kind != kind {
            return Err(found.kind.of_wrong_kind().at(start));
        }
        let algorithm = toc.header().compression.algorithm;
        let chunks = ChunkReader::new(reader, self.dialect).watching(algorithm);
        let is_walked_to = !matches!(entry.data_offset(), Some(DataOffset::At(_)));
        let notes = is_walked_to && kind == BlockKind::Data;
        Ok(chunks.noting_end(notes.then(|| self.ends.to_note(start))))
    }

    /// Where the blocks begin.
    pub(crate) fn start(&self) -> u64 {
        self.toc_end
    }

    /// The same file, for another table of contents of it.
    pub(crate) fn again(&self) -> Custom {
        self.beginning_at(self.toc_end)
    }

    /// The same file as if its blocks began at `start`, to walk on behind damage.
    pub(crate) fn beginning_at(&self, start: u64) -> Custom {
        let source = Arc::clone(&self.source);
        Custom::new(source, self.dialect, self.toc_start, start, self.limits)
    }

    /// Where the table of contents begins.
    pub(crate) fn toc_start(&self) -> u64 {
        self.toc_start
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The whole file.
    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Where the block of an entry begins. That it ends is not known.
    pub(crate) fn locate(&self, toc: &Toc, entry: TocEntry<'_>) -> Result<u64> {
        self.find(toc, entry, Scan::start_of)?.map_err(|(stop, at)| stop.missing(at))
    }

    /// Where the block of an entry begins, which if it had to be searched for is whole.
    pub(crate) fn locate_whole(&self, toc: &Toc, entry: TocEntry<'_>) -> Result<u64> {
        self.find(toc, entry, Scan::start_of_whole)?.map_err(|(stop, at)| stop.missing(at))
    }

    /// Whether the whole archive was looked through for the block of an entry, and has none.
    pub(crate) fn is_absent(&self, toc: &Toc, entry: TocEntry<'_>) -> Result<bool> {
        match self.find(toc, entry, Scan::start_of)? {
            Ok(_) => Ok(false),
            Err((Stop::End | Stop::Other(0), _)) => Ok(true),
            Err((stop, at)) => Err(stop.missing(at)),
        }
    }

    /// Where the block of an entry begins, or why and where the search for it ended.
    fn find(
        &self,
        toc: &Toc,
        entry: TocEntry<'_>,
        found: impl Fn(&Scan, DumpId) -> Option<u64>,
    ) -> Result<std::result::Result<u64, (Stop, u64)>> {
        if let Some(DataOffset::At(offset)) = entry.data_offset() {
            return Ok(Ok(offset));
        }
        if let Some(appended) = self.appended(toc)
            && let Some(&offset) = appended.offsets.get(&entry.dump_id())
            && self.is_block_of(offset, entry.dump_id())
        {
            return Ok(Ok(offset));
        }
        let mut scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(start) = found(&scan, entry.dump_id()) {
                return Ok(Ok(start));
            }
            if let Some(stop) = &scan.stop {
                return Ok(Err(stop.clone()));
            }
            self.step(&mut scan)?;
        }
    }

    /// Whether the block of this entry begins at an offset.
    pub(crate) fn is_block_of(&self, offset: u64, id: DumpId) -> bool {
        let start = BlockHeader::decode(&mut self.reader(offset), self.dialect);
        matches!(start, Ok(BlockStart::Block(header)) if header.dump_id == id)
    }

    /// One step of the walk. What stops it for good is remembered, and is no error here.
    fn step(&self, scan: &mut Scan) -> Result<()> {
        let start = scan.entered.map_or_else(|| scan.reader.position(), |(_, start)| start);
        let Err(error) = scan.step(self.dialect, &self.ends) else { return Ok(()) };
        if error.is_io() {
            scan.reader = self.reader(start).for_lengths();
            scan.entered = None;
            return Err(error);
        }
        let at = error.offset().unwrap_or(start);
        scan.stop = Some(match error.into_kind() {
            ErrorKind::Truncated { .. } => (Stop::Truncated, at),
            kind => (Stop::Malformed(Error::new(kind).to_string()), at),
        });
        Ok(())
    }

    /// The position behind the last block that was walked over.
    fn walked_to(&self) -> u64 {
        let scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        scan.blocks.last().map_or(self.toc_end, |block| block.end)
    }

    /// All blocks in the order of the file, as far as they can be walked, and why not further.
    pub(crate) fn blocks(&self) -> Result<(Vec<Block>, Option<Error>)> {
        let mut scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        while scan.stop.is_none() {
            self.step(&mut scan)?;
        }
        let error = match &scan.stop {
            None | Some((Stop::End | Stop::Other(0), _)) => None,
            Some((stop, at)) => Some(stop.missing(*at)),
        };
        Ok((scan.blocks.clone(), error))
    }

    /// Bytes that each entry's block takes, framing included, by place of the entry. Where the
    /// archive has offsets that is the distance to the next one, and nothing is read.
    pub(crate) fn stored_sizes(&self, toc: &Toc) -> Result<Vec<Option<u64>>> {
        let mut sizes = vec![None; toc.len()];
        let mut starts = Vec::new();
        let mut end = self.source.len();
        for entry in toc.entries().filter(TocEntry::has_data) {
            let start = match entry.data_offset() {
                Some(DataOffset::At(offset)) => Some(offset),
                _ => self.appended(toc).and_then(|appended| {
                    end = appended.start;
                    appended.offsets.get(&entry.dump_id()).copied()
                }),
            };
            let Some(start) = start else {
                return self.scanned_sizes(toc);
            };
            starts.push((start, entry.index()));
        }
        starts.sort_unstable();
        // A block that should begin behind the end of the file is not there.
        starts.retain(|(start, _)| *start < end);
        for (n, (start, index)) in starts.iter().enumerate() {
            let next = starts.get(n + 1).map_or(end, |(next, _)| *next);
            sizes[*index] = Some(next - *start);
        }
        Ok(sizes)
    }

    /// The distance from an entry's offset to the next one.
    pub(crate) fn stored_size_hint(&self, toc: &Toc, entry: TocEntry<'_>) -> Option<u64> {
        let offset = |entry: TocEntry<'_>| match entry.data_offset() {
            Some(DataOffset::At(offset)) => Some(offset),
            _ => None,
        };
        let end = self.source.len();
        let start = offset(entry).filter(|start| *start < end)?;
        let offsets = self.offsets.get_or_init(|| {
            let mut offsets: Vec<u64> = toc.entries().filter_map(offset).collect();
            offsets.sort_unstable();
            offsets
        });
        let next = offsets.get(offsets.partition_point(|other| *other <= start));
        Some(next.copied().unwrap_or(end).min(end) - start)
    }

    /// Checks that the file does not end before the last block does. `whole`: of a long one, too, the
    /// chunks are walked over; else it is enough that the file ends as a block does.
    pub(crate) fn check_length<'t>(
        &self,
        toc: &'t Toc,
        whole: bool,
    ) -> std::result::Result<(), (TocEntry<'t>, Error)> {
        let mut last: Option<(u64, TocEntry<'_>)> = None;
        for entry in toc.entries().filter(TocEntry::has_data) {
            match entry.data_offset() {
                Some(DataOffset::At(at)) if last.is_none_or(|(last, _)| at > last) => {
                    last = Some((at, entry));
                }
                Some(DataOffset::At(_)) => {}
                // A second table of contents stands behind all blocks.
                _ if self.appended(toc).is_some() => return Ok(()),
                // Behind it there may be anything.
                _ if !entry.denies_data() => {
                    self.locate_whole(toc, entry).map_err(|error| (entry, error))?;
                }
                _ => {}
            }
        }
        let Some((at, entry)) = last else { return Ok(()) };
        let kind = entry.data_kind();
        let ints = match kind {
            // The length of the last one's next chunk, and the OID of the next one.
            BlockKind::LargeObjects => 2,
            BlockKind::Data => 1,
        };
        // Before them stands the end of a frame of lz4, and before that its length as a chunk of its
        // own, as pg_dump mostly writes it.
        let mark = match toc.header().compression.algorithm {
            Algorithm::Lz4 => 3 + 4,
            _ => 0,
        };
        let zeros = ints * self.dialect.int_len() + mark;
        let is_long = self.source.len().saturating_sub(at) > LONG;
        if is_long && !whole && self.ends_with_zeros(zeros).map_err(|error| (entry, error))? {
            return Ok(());
        }
        let passed = self
            .open(toc, entry, kind)
            .and_then(|chunks| skip_block(&mut chunks.into_idle(), kind, ChunkReader::skip_rest));
        passed.map_err(|error| (entry, error))
    }

    /// Whether the file ends as a block does, with so many zeros: what was cut off seldom does.
    fn ends_with_zeros(&self, zeros: usize) -> Result<bool> {
        let mut bytes = [0xff; 32];
        let len = zeros.min(bytes.len());
        let Some(start) = self.source.len().checked_sub(len as u64) else { return Ok(false) };
        self.reader(start).read_exact(&mut bytes[..len])?;
        Ok(bytes[..len].iter().all(|byte| *byte == 0))
    }

    fn scanned_sizes(&self, toc: &Toc) -> Result<Vec<Option<u64>>> {
        let mut sizes = vec![None; toc.len()];
        for block in self.blocks()?.0 {
            if let Some(entry) = toc.entry(block.header.dump_id) {
                sizes[entry.index()] = Some(block.end - block.start);
            }
        }
        Ok(sizes)
    }

    /// The table of contents that begins behind the blocks, if there is one: PostgreSQL 16 and newer
    /// write it to redirected output.
    pub(crate) fn toc_behind(&self, toc: &Toc, at: u64) -> Option<Toc> {
        let mut reader = self.reader(at);
        let header = toc.header().clone();
        Toc::decode(&mut reader, header, Format::Custom, Statements::Kept, &self.limits).ok()
    }

    /// Looks for a second table of contents at the end of the file. It is as long as the first,
    /// and equal to it but for the offsets.
    fn appended(&self, toc: &Toc) -> Option<&Appended> {
        self.appended.get_or_init(|| self.find_appended(toc)).as_ref()
    }

    fn find_appended(&self, toc: &Toc) -> Option<Appended> {
        let len = self.toc_end - self.toc_start;
        let start = self.source.len().checked_sub(len).filter(|start| *start >= self.toc_end)?;
        // Cheap, and enough to tell nearly all other archives.
        let (mut first, mut original) = ([0; 16], [0; 16]);
        self.reader(start).read_exact(&mut first).ok()?;
        self.reader(self.toc_start).read_exact(&mut original).ok()?;
        if first != original {
            return None;
        }
        let mut reader = self.reader(start);
        let header = toc.header().clone();
        let names = Statements::LeftOut;
        let copy = Toc::decode(&mut reader, header, Format::Custom, names, &self.limits).ok()?;
        if copy.len() != toc.len() || reader.position() != self.source.len() {
            return None;
        }
        let mut offsets = HashMap::new();
        for (entry, copied) in toc.entries().zip(copy.entries()) {
            if entry.dump_id() != copied.dump_id()
                || entry.desc() != copied.desc()
                || entry.tag() != copied.tag()
            {
                return None;
            }
            match copied.data_offset() {
                Some(DataOffset::At(offset)) if (self.toc_end..start).contains(&offset) => {
                    offsets.insert(copied.dump_id(), offset);
                }
                Some(DataOffset::NoData) => {}
                _ => return None,
            }
        }
        // The blocks stand between the two. Had another archive been written behind this one, the
        // copy would be of that one's.
        let first = offsets.values().min().copied().unwrap_or(start);
        (first == self.toc_end).then_some(Appended { start, offsets })
    }
}

impl Scan {
    fn start_of(&self, id: DumpId) -> Option<u64> {
        let entered = self.entered.filter(|(header, _)| header.dump_id == id);
        self.start_of_whole(id).or(entered.map(|(_, start)| start))
    }

    fn start_of_whole(&self, id: DumpId) -> Option<u64> {
        self.by_id.get(&id).map(|place| self.blocks[*place].start)
    }

    /// Enters the next block, or walks over the one that was entered.
    fn step(&mut self, dialect: Dialect, ends: &Ends) -> Result<()> {
        match self.entered {
            None => self.enter(dialect),
            Some((header, start)) => self.pass(header, start, dialect, ends),
        }
    }

    fn enter(&mut self, dialect: Dialect) -> Result<()> {
        let start = self.reader.position();
        match BlockHeader::decode(&mut self.reader, dialect)? {
            BlockStart::Block(header) => self.entered = Some((header, start)),
            BlockStart::Other(code) => self.stop = Some((Stop::Other(code), start)),
            BlockStart::End => self.stop = Some((Stop::End, start)),
        }
        Ok(())
    }

    fn pass(
        &mut self,
        header: BlockHeader,
        start: u64,
        dialect: Dialect,
        ends: &Ends,
    ) -> Result<()> {
        if let Some(end) = ends.of(start) {
            let at = self.reader.position();
            self.reader.skip(end.saturating_sub(at))?;
        } else {
            let mut chunks = ChunkReader::idle(&mut self.reader, dialect);
            skip_block(&mut chunks, header.kind, relay::skip_rest)?;
        }
        let end = self.reader.position();
        self.by_id.entry(header.dump_id).or_insert(self.blocks.len());
        self.blocks.push(Block { header, start, end });
        self.entered = None;
        Ok(())
    }
}

impl Stop {
    /// Why a block was not found. `at`: where the walk ended.
    fn missing(&self, at: u64) -> Error {
        match self {
            Stop::End | Stop::Other(0) => {
                let error = Error::malformed("the archive has no block with the entry's data");
                error.with_fault(Fault::NoBlock)
            }
            Stop::Other(code) => {
                let error = Error::malformed(format!("unknown type {code} of a block"));
                error.with_fault(Fault::Framing)
            }
            Stop::Truncated => Error::truncated("the blocks of data"),
            Stop::Malformed(what) => Error::malformed(what.clone()).with_fault(Fault::Framing),
        }
        .at(at)
    }
}

/// What an offset leads to, that is not the entry's block.
fn elsewhere(what: String) -> Error {
    Error::malformed(what).with_fault(Fault::Offset)
}

/// Moves over the body of a block. `skip_rest` moves over the chunks of one stream.
pub(crate) fn skip_block<I: Positioned>(
    chunks: &mut ChunkReader<I>,
    kind: BlockKind,
    skip_rest: impl Fn(&mut ChunkReader<I>) -> Result<()>,
) -> Result<()> {
    let dialect = chunks.dialect();
    match kind {
        BlockKind::Data => {
            chunks.restart();
            skip_rest(chunks)?;
        }
        BlockKind::LargeObjects => {
            while block::decode_oid(chunks.input(), dialect)?.is_some() {
                chunks.restart();
                skip_rest(chunks)?;
            }
        }
    }
    Ok(())
}
