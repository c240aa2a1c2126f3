//! A custom archive whose header is lost: the table of contents is found, and says the rest.

use std::path::Path;
use std::sync::Arc;

use super::rows;
use crate::archive::{Archive, OpenOptions, check_blocks};
use crate::compression::Algorithm;
use crate::error::Result;
use crate::source::{FileSource, Peek, Positioned, Source, SourceReader};
use crate::toc::{Compression, DataOffset, Desc, Format, Header, Statements, Toc};
use crate::version::ArchiveVersion;

/// How far the table of contents is looked for, in bytes. A header is hardly longer than 200.
const REACH: u64 = 1 << 20;

/// The tag and the kind of the first entry, each with its length.
pub(super) const FIRST: &[u8] = b"\x00\x08\x00\x00\x00ENCODING\x00\x08\x00\x00\x00ENCODING";

/// What stands before them: the number of entries, an id, whether it had a dumper, and twice "0".
pub(super) const BEFORE: u64 = 5 + 5 + 5 + 6 + 6;

/// Opens such an archive; `None` if there is no table of contents. What only the header has is lost:
/// the time, and the names of database and releases.
///
/// # Errors
///
/// Those of the operating system.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Option<Archive>> {
    let source: Arc<dyn Source> = Arc::new(FileSource::open(path)?);
    let Some(start) = find(&source)? else { return Ok(None) };
    // The layouts of entries that differ, the usual ones first.
    let mut best: Option<(Toc, _, u64)> = None;
    for minor in [16, 14, 13, 11, 10] {
        let mut reader = SourceReader::from(Arc::clone(&source), start);
        let header = Header::new(ArchiveVersion::new(1, minor), Format::Custom);
        let (toc, damage) = Toc::decode_damaged(
            &mut reader,
            header,
            Format::Custom,
            Statements::Kept,
            options.limits_of_toc(),
        );
        if best.as_ref().is_none_or(|(best, _, _)| best.len() < toc.len()) {
            best = Some((toc, damage, reader.position()));
        }
    }
    let Some((toc, damage, end)) = best.filter(|(toc, _, _)| !toc.is_empty()) else {
        return Ok(None);
    };
    // The count of entries may be wrong, too.
    let behind = || check_blocks(&mut SourceReader::from(Arc::clone(&source), end), &toc).err();
    let damage = damage.or_else(behind);
    let algorithm = compression(&source, end)?.unwrap_or(Algorithm::None);
    let renewed = compressed(&toc, algorithm)?;
    Ok(Some(options.without_header(source, renewed, start..end, damage)))
}

/// The same entries under a header that says another compression.
fn compressed(toc: &Toc, algorithm: Algorithm) -> Result<Toc> {
    let mut header = toc.header().clone();
    header.compression = Compression::new(algorithm, None);
    if matches!(algorithm, Algorithm::Lz4 | Algorithm::Zstd) {
        header.version = header.version.max(ArchiveVersion::new(1, 15));
    }
    let mut renewed = Toc::new(header, Format::Custom);
    for entry in toc.entries() {
        renewed.push(&entry.fields())?;
    }
    Ok(renewed)
}

/// The archive as its data is compressed, if the header says otherwise or is lost; `None` if it is
/// right. Blocks of entries must have been found: before that, offsets may lead anywhere.
pub(super) fn as_compressed(archive: &Archive) -> Result<Option<Archive>> {
    /// So many tables are no accident.
    const SAMPLE: usize = 8;
    let Some(custom) = archive.custom().filter(|custom| custom.dialect().has_usual_ints()) else {
        return Ok(None);
    };
    let told = archive.header().compression.algorithm;
    let tables = || archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA);
    let places = tables().filter_map(|entry| match entry.data_offset() {
        Some(DataOffset::At(at)) => Some(at),
        _ => None,
    });
    let mut shown = Vec::new();
    for at in places.take(SAMPLE) {
        // What cannot be read shows nothing.
        shown.extend(compression(custom.source(), at).ok().flatten());
    }
    let often = |one: &Algorithm| shown.iter().filter(|other| *other == one).count();
    let Some(other) = shown.iter().copied().max_by_key(often).filter(|_| !shown.contains(&told))
    else {
        return Ok(None);
    };
    // A row may begin as compressed data does.
    let renewed = archive.with_toc(compressed(archive.toc(), other)?);
    let rows = |archive: &Archive| {
        let tables = archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA);
        tables.take(SAMPLE).map(|entry| rows::first_rows(archive, entry)).sum::<u64>()
    };
    Ok((rows(&renewed) > rows(archive)).then_some(renewed))
}

/// Where the table of contents begins.
fn find(source: &Arc<dyn Source>) -> Result<Option<u64>> {
    const WINDOW: usize = 64 << 10;
    let mut reader = SourceReader::from(Arc::clone(source), 0);
    loop {
        let at = reader.position();
        let bytes = reader.peek(WINDOW)?;
        if bytes.len() < FIRST.len() || at > REACH {
            return Ok(None);
        }
        if let Some(found) = bytes.windows(FIRST.len()).position(|bytes| bytes == FIRST) {
            return Ok((at + found as u64).checked_sub(BEFORE));
        }
        let passed = bytes.len() - FIRST.len() + 1;
        reader.skip(passed as u64)?;
    }
}

/// What a block is compressed with, as its first bytes show; `None` if they show nothing.
fn compression(source: &Arc<dyn Source>, at: u64) -> Result<Option<Algorithm>> {
    /// Skippable frames that are passed over; pzstd writes one before each frame.
    const FRAMES: usize = 4;
    let mut reader = SourceReader::from(Arc::clone(source), at);
    // The type and the id, and an OID before large objects.
    let mut at = match reader.peek(1)? {
        [3, ..] => at + 1 + 5 + 5,
        _ => at + 1 + 5,
    };
    // The bytes of the chunk that are left.
    let mut left = 0;
    for _ in 0..FRAMES {
        if left == 0 {
            reader = SourceReader::from(Arc::clone(source), at);
            let &[0, a, b, c, d, ..] = reader.peek(5)? else { break };
            (at, left) = (at + 5, u64::from(u32::from_le_bytes([a, b, c, d])));
        }
        reader = SourceReader::from(Arc::clone(source), at);
        let len = match *reader.peek(8)? {
            [0x28, 0xb5, 0x2f, 0xfd, ..] => return Ok(Some(Algorithm::Zstd)),
            [0x04, 0x22, 0x4d, 0x18, ..] => return Ok(Some(Algorithm::Lz4)),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => return Ok(Some(Algorithm::Gzip)),
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] => {
                8 + u64::from(u32::from_le_bytes([a, b, c, d]))
            }
            // Rows, and SQL, are text.
            [first, ..] if first >= b' ' => return Ok(Some(Algorithm::None)),
            _ => break,
        };
        if len > left {
            break;
        }
        (at, left) = (at + len, left - len);
    }
    Ok(None)
}
