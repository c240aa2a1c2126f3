//! Members behind damage, and those whose header is lost.

use std::ops::Range;
use std::sync::Arc;

use super::super::names;
use super::header::{BLOCK, TarHeader};
use super::index::TarIndex;
use super::without_toc::base_name;
use crate::error::Result;
use crate::source::{Peek, Positioned, Source, SourceReader};
use crate::toc::{BlockKind, MAGIC as MAGIC_OF_TOC, Toc, TocEntry};

/// Where the magic of a header is.
const MAGIC: (usize, &[u8]) = (257, b"ustar");

/// How far back the search begins: bytes that are lost bring the next header nearer.
const BACK: u64 = 64 << 10;

/// The position of the next header of a member of an archive, from a damaged one on. It may be at
/// any byte: bytes before it may be lost or new. `least`: where it begins at the earliest.
pub(super) fn next_header(source: &Arc<dyn Source>, at: u64, least: u64) -> Result<Option<u64>> {
    const WINDOW: usize = 64 << 10;
    let mut from = at.saturating_sub(BACK).max(least);
    let mut reader = SourceReader::from(Arc::clone(source), from);
    loop {
        let bytes = reader.peek(WINDOW)?;
        if bytes.len() < BLOCK {
            return Ok(None);
        }
        let last = bytes.len() - BLOCK;
        let is_header = |start: &usize| {
            bytes[start + MAGIC.0..].starts_with(MAGIC.1)
                && bytes[*start..]
                    .first_chunk()
                    .and_then(TarHeader::decode)
                    .is_some_and(|header| is_of_archive(&header.name))
        };
        if let Some(found) = (0..=last).find(is_header) {
            return Ok(Some(from + found as u64));
        }
        from += last as u64 + 1;
        reader.skip(last as u64 + 1)?;
    }
}

fn is_of_archive(name: &[u8]) -> bool {
    let base = base_name(name);
    names::is_toc(base) || names::is_of_data(base) || base == b"restore.sql"
}

impl TarIndex {
    /// Gives the data in holes its name, where only one table's can be it: in a tar it has the order
    /// of the table of contents.
    pub(crate) fn name_holes(&mut self, toc: &Toc) {
        let holes = std::mem::take(&mut self.holes);
        if holes.is_empty() {
            return;
        }
        let is_table = |entry: &TocEntry<'_>| entry.data_kind() == BlockKind::Data;
        let expected: Vec<(Vec<u8>, Option<u64>)> = toc
            .entries()
            .filter(TocEntry::has_data)
            .filter(is_table)
            .map(|entry| {
                let name = names::file_name(&entry);
                let place = std::str::from_utf8(&name).ok().and_then(|name| self.get(name).ok()?);
                (name.into_owned(), place.map(|data| data.start))
            })
            .collect();
        for hole in holes {
            let placed =
                || expected.iter().enumerate().filter_map(|(n, (_, at))| Some((n, (*at)?)));
            let before = placed().filter(|(_, at)| *at <= hole.start).max_by_key(|(_, at)| *at);
            let behind = placed().filter(|(_, at)| *at >= hole.end).min_by_key(|(_, at)| *at);
            let from = before.map_or(0, |(n, _)| n + 1);
            let to = behind.map_or(expected.len(), |(n, _)| n);
            let between = expected.get(from..to).unwrap_or_default();
            let mut lost = between.iter().filter(|(_, at)| at.is_none());
            if let (Some((name, _)), None) = (lost.next(), lost.next()) {
                self.add_found(name, self.data_in(&hole));
            }
        }
    }

    /// Gives the table of contents its name, if the first header of the tar is damaged.
    pub(crate) fn find_toc(&mut self) {
        let Some(hole) = self.holes.first().filter(|hole| hole.start == 0).cloned() else { return };
        let data = BLOCK as u64..hole.end;
        let mut reader = SourceReader::new(Arc::clone(self.source()), data.clone());
        if reader.peek(MAGIC_OF_TOC.len()).is_ok_and(|bytes| bytes.starts_with(MAGIC_OF_TOC)) {
            self.holes.remove(0);
            self.add_found(names::TOC.as_bytes(), data);
        }
    }

    /// What stands behind a header in a hole, without the zeros that fill its last block.
    fn data_in(&self, hole: &Range<u64>) -> Range<u64> {
        let start = (hole.start + BLOCK as u64).min(hole.end);
        let mut tail = [0; 2 * BLOCK];
        let from = hole.end.saturating_sub(tail.len() as u64).max(start);
        let mut reader = SourceReader::new(Arc::clone(self.source()), from..hole.end);
        let len = (hole.end - from) as usize;
        let read = std::io::Read::read_exact(&mut reader, &mut tail[..len]);
        let zeros = match read {
            Ok(()) => tail[..len].iter().rev().take_while(|byte| **byte == 0).count(),
            Err(_) => 0,
        };
        start..hole.end - zeros as u64
    }
}
