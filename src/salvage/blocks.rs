//! Where the blocks of a damaged custom archive are.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::report::How;
use crate::archive::Archive;
use crate::format::block::{BlockHeader, BlockStart, ChunkReader};
use crate::format::custom::{Custom, skip_block};
use crate::source::{Positioned, Source, SourceReader};
use crate::toc::{BlockKind, DataOffset, DumpId, Toc, TocEntry};

/// A block that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) kind: BlockKind,
    pub(super) start: u64,
    pub(super) how: How,
}

/// The blocks of entries by dump id, those that no entry has among them.
pub(super) type Places = HashMap<DumpId, Place>;

/// pg_dump's chunks have 4 KiB, or a row, or 128 KiB; ours at most a few MiB.
pub(super) const LONGEST_CHUNK: u64 = 16 << 20;
/// So many chunk lengths in a row are no accident.
const CHAIN: usize = 4;
/// How far above the ids of entries one may be whose entry was lost.
const ABOVE: i32 = 100_000;

/// Finds the blocks: where offsets lead, by a walk from one to the next, and behind damage by
/// looking at every byte. `from`: where the table of contents ends, as far as it could be read.
pub(super) fn find(archive: &Archive, custom: &Custom, toc: &Toc, from: u64) -> Places {
    let mut search = Search {
        source: Arc::clone(custom.source()),
        len: custom.source().len(),
        custom,
        toc,
        highest: toc.entries().map(|entry| entry.dump_id().0).max().unwrap_or(0),
        places: Places::new(),
        is_whole: archive.damage().is_none(),
    };
    for entry in toc.entries().filter(TocEntry::has_data) {
        if let Some(DataOffset::At(at)) = entry.data_offset()
            && let Some(header) = search.header(at)
            && header.dump_id == entry.dump_id()
            && header.kind == entry.data_kind()
        {
            search.add(header, at, How::Offset);
        }
    }
    let mut known: Vec<u64> = search.places.values().map(|place| place.start).collect();
    known.sort_unstable();
    search.walk(from, &known);
    search.places
}

struct Search<'a> {
    source: Arc<dyn Source>,
    len: u64,
    custom: &'a Custom,
    toc: &'a Toc,
    highest: i32,
    places: Places,
    /// Whether the table of contents has all entries.
    is_whole: bool,
}

impl Search<'_> {
    fn reader(&self, at: u64) -> SourceReader {
        SourceReader::from(Arc::clone(&self.source), at)
    }

    /// The header of a block at a position, if there is one.
    fn header(&self, at: u64) -> Option<BlockHeader> {
        match BlockHeader::decode(&mut self.reader(at), self.custom.dialect()) {
            Ok(BlockStart::Block(header)) => Some(header),
            // A bad spot of the disk is damage like any other.
            Ok(_) | Err(_) => None,
        }
    }

    fn add(&mut self, header: BlockHeader, start: u64, how: How) {
        let place = Place { kind: header.kind, start, how };
        self.places.entry(header.dump_id).or_insert(place);
    }

    /// Walks over the blocks up to the end of the file. `known`: where blocks begin for sure.
    fn walk(&mut self, from: u64, known: &[u64]) {
        let mut at = from;
        let mut how = How::Walk;
        while at < self.len {
            // A walk that went astray comes back at the next place that is sure.
            let next_known = known[known.partition_point(|start| *start <= at)..].first().copied();
            let header = self.header(at).filter(|header| self.fits(*header));
            let end = match header {
                Some(header) => {
                    self.add(header, at, how);
                    self.end_of(header.kind, at)
                }
                None => Err(at + 1),
            };
            (at, how) = match (end, next_known) {
                // What a wrong length leads over is not lost.
                (Ok(end) | Err(end), Some(known)) if known < end => (known, How::Offset),
                (Ok(end), _) => (end, How::Walk),
                (Err(damage), known) => match self.scan(damage, known.unwrap_or(self.len)) {
                    Some(found) => (found, How::Scan),
                    None => (known.unwrap_or(self.len), How::Offset),
                },
            };
        }
    }

    /// The position behind a block, or that of the damage in it.
    fn end_of(&self, kind: BlockKind, start: u64) -> std::result::Result<u64, u64> {
        let dialect = self.custom.dialect();
        let mut reader = self.reader(start);
        let passed = BlockHeader::decode(&mut reader, dialect).and_then(|_| {
            let mut chunks = ChunkReader::idle(&mut reader, dialect);
            skip_block(&mut chunks, kind, ChunkReader::skip_rest)?;
            Ok(chunks.position())
        });
        // A length that is wrong may lead far behind the damage, so that is searched from the
        // beginning of the block.
        passed.map_err(|_| start + 1)
    }

    /// Whether the block may be one of this archive.
    fn fits(&self, header: BlockHeader) -> bool {
        match self.toc.entry(header.dump_id) {
            Some(entry) => entry.data_kind() == header.kind,
            None => header.dump_id.0 > 0 && header.dump_id.0 <= self.highest.saturating_add(ABOVE),
        }
    }

    /// Looks at every byte for the next block of an entry that has none yet.
    fn scan(&mut self, from: u64, to: u64) -> Option<u64> {
        const WINDOW: usize = 1 << 20;
        // Type, id, and an int of each more: the length of a chunk, or an OID before it.
        const HEADER: usize = 16;
        if !self.custom.dialect().has_usual_ints() {
            return None;
        }
        let mut window = vec![0; WINDOW];
        let mut at = from;
        while at < to {
            let n = fill(&*self.source, &mut window, at);
            let last = n.saturating_sub(HEADER) as u64 + 1;
            let last = last.min(to - at);
            let candidates = (0..last as usize).filter(|n| {
                matches!(window[*n], 1 | 3) && window[*n + 1] == 0 && window[*n + 6] == 0
            });
            for place in candidates {
                let start = at + place as u64;
                if self.is_block(start) {
                    return Some(start);
                }
            }
            if n < WINDOW {
                return None;
            }
            at += last;
        }
        None
    }

    /// Whether a block of an entry that has none yet begins here. What follows its header must look
    /// like chunks.
    fn is_block(&self, at: u64) -> bool {
        let Some(header) = self.header(at) else { return false };
        if self.places.contains_key(&header.dump_id) || !self.fits(header) {
            return false;
        }
        match self.toc.entry(header.dump_id) {
            Some(entry) if !entry.has_data() => return false,
            None if self.is_whole => return false,
            _ => {}
        }
        let dialect = self.custom.dialect();
        let mut reader = self.reader(at);
        if BlockHeader::decode(&mut reader, dialect).is_err() {
            return false;
        }
        let ints = match header.kind {
            BlockKind::LargeObjects => 1,
            BlockKind::Data => 0,
        };
        let mut place = reader.position();
        for _ in 0..ints {
            match self.int(place) {
                Some(oid) if oid > 0 => place += dialect.int_len() as u64,
                _ => return false,
            }
        }
        for chunk in 0..CHAIN {
            match self.int(place) {
                // The end of the chunks. A block has some.
                Some(0) => return chunk > 0,
                Some(len) if len <= LONGEST_CHUNK && place + len <= self.len => {
                    place += dialect.int_len() as u64 + len;
                }
                // The archive was cut in the first chunk.
                Some(len) if len <= LONGEST_CHUNK && chunk == 0 => return self.is_whole,
                _ => return chunk > 1,
            }
        }
        true
    }

    /// The int at a position, if it is not negative.
    fn int(&self, at: u64) -> Option<u64> {
        let mut bytes = [0; 5];
        if fill(&*self.source, &mut bytes, at) < bytes.len() || bytes[0] != 0 {
            return None;
        }
        let [_, a, b, c, d] = bytes;
        Some(u64::from(u32::from_le_bytes([a, b, c, d])))
    }
}

/// Reads as much as there is; a bad spot of the disk reads as zeros.
pub(super) fn fill(source: &dyn Source, window: &mut [u8], at: u64) -> usize {
    /// What a disk reads at once.
    const PAGE: u64 = 4 << 10;
    let mut filled = 0;
    while filled < window.len() {
        let place = at + filled as u64;
        match source.read_at(&mut window[filled..], place) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if place >= source.len() => break,
            Err(_) => {
                let bad = (PAGE - place % PAGE).min(source.len() - place) as usize;
                let bad = bad.min(window.len() - filled);
                window[filled..filled + bad].fill(0);
                filled += bad;
            }
        }
    }
    filled
}
