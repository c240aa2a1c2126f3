//! Rows behind damage, where data is stored in pieces that stand alone: frames of zstd and lz4,
//! members of gzip that say how long they are, parts of a zlib stream of which none refers to another,
//! and chunks that are not compressed.

use std::io::{self, BufRead, Read};

use super::chunks::{Chunks, Got};
use crate::archive::{Archive, StoredPiece};
use crate::compress::{Algorithm, Decoder, Frames, Framing, MARK, beginning_of_part, whole_part};
use crate::toc::{DataOffset, TocEntry};

/// Stored bytes of a piece, at most. Those that pgdmp writes have 1 MiB or 8 MiB before they are
/// compressed.
const LONGEST: usize = 16 << 20;

/// Bytes that a piece may become.
const MOST: u64 = 64 << 20;

/// Bytes that are looked at in vain, at most.
pub(super) const IN_VAIN: u64 = 4 << 30;

/// Bytes that are read at once.
const STEP: usize = 128 << 10;

/// Marks within a part that may end it: data can look like one.
const MARKS: usize = 4;

/// What stands in the place of what is lost: a row that has it is none.
pub(super) const LOST: u8 = 0;

/// What is given of a damaged piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfDamaged {
    /// Nothing: all that is given is right, if there are checksums.
    Nothing,
    /// What it became before the error, as pg_restore gives it.
    Beginning,
}

/// Where stored bytes come from.
pub(super) enum Input<'a> {
    Piece(Box<StoredPiece<'a>>),
    /// Of a custom archive, with those behind a length that is wrong.
    Chunks(Chunks),
}

/// The data of an entry in pieces, of which some are damaged. Where something is lost stands one zero
/// byte, so that of the rows before and behind nothing is joined.
pub(super) struct Mended<'a> {
    archive: &'a Archive,
    input: Input<'a>,
    algorithm: Algorithm,
    framing: Framing,
    /// Stored bytes that were read, from the beginning of a piece on.
    stored: Vec<u8>,
    at_end: bool,
    plain: Vec<u8>,
    given: usize,
    /// Whether something was lost since the last piece that was whole.
    lost: bool,
    /// Of the stored bytes, those behind which something is lost.
    hole: Option<usize>,
    /// Whether the stored bytes begin a zlib stream.
    is_first: bool,
    /// Bytes that were looked at in vain: each place may claim to begin a piece.
    in_vain: u64,
    /// Whether a frame says that it has a checksum.
    checksums: bool,
    of_damaged: OfDamaged,
    /// Line ends before the first damaged piece.
    lines: u64,
    is_damaged: bool,
}

impl<'a> Input<'a> {
    /// Of an entry, and how they are compressed. `end`: where its block ends at the latest, in a custom
    /// archive.
    pub(super) fn of(
        archive: &'a Archive,
        entry: TocEntry<'_>,
        end: u64,
    ) -> Option<(Input<'a>, Algorithm, Framing)> {
        let piece = archive.piece_of(entry).ok()?;
        let (algorithm, framing) = (piece.algorithm, piece.framing);
        let chunks = match (archive.custom(), entry.data_offset()) {
            (Some(custom), Some(DataOffset::At(start))) => Chunks::new(custom, start, end),
            _ => None,
        };
        let input = chunks.map_or_else(|| Input::Piece(Box::new(piece)), Input::Chunks);
        Some((input, algorithm, framing))
    }

    /// Adds some of them. What cannot be read is the end.
    pub(super) fn read(&mut self, to: &mut Vec<u8>) -> Got {
        let piece = match self {
            Input::Piece(piece) => piece,
            Input::Chunks(chunks) => return chunks.read(to),
        };
        loop {
            match piece.fill_buf() {
                Ok([]) => return Got::End,
                Ok(bytes) => {
                    let n = bytes.len().min(STEP);
                    to.extend_from_slice(&bytes[..n]);
                    piece.consume(n);
                    return Got::Bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Got::End,
            }
        }
    }
}

/// Opens the data of an entry so, if it may be stored in pieces. `end`: where its block ends at the
/// latest, in a custom archive.
pub(super) fn open<'a>(
    archive: &'a Archive,
    entry: TocEntry<'_>,
    of_damaged: OfDamaged,
    end: u64,
) -> Option<Mended<'a>> {
    let (input, algorithm, framing) = Input::of(archive, entry, end)?;
    match (algorithm, framing) {
        // What is not compressed goes on behind chunks that are lost, and there alone.
        (Algorithm::None, Framing::File) => None,
        (Algorithm::Unknown(_), _) => None,
        _ => Some(Mended {
            archive,
            input,
            algorithm,
            framing,
            stored: Vec::new(),
            at_end: false,
            plain: Vec::new(),
            given: 0,
            lost: false,
            hole: None,
            is_first: true,
            in_vain: 0,
            checksums: false,
            of_damaged,
            lines: 0,
            is_damaged: false,
        }),
    }
}

impl Mended<'_> {
    /// Whether the pieces that were met have checksums, the damaged ones among them.
    pub(super) fn has_checksums(&self) -> bool {
        match self.algorithm {
            Algorithm::Gzip => !self.has_parts(),
            _ => self.checksums,
        }
    }

    /// Whether the pieces are parts of one zlib stream. Its checksum is of all of them, so none of them
    /// is right for sure.
    pub(super) fn has_parts(&self) -> bool {
        (self.algorithm, self.framing) == (Algorithm::Gzip, Framing::Stream)
    }

    /// The first row that a damaged piece may have made wrong, from 1.
    pub(super) fn suspect_from(&self) -> Option<u64> {
        if self.has_parts() {
            return self.is_damaged.then_some(1);
        }
        // Where nothing is compressed, no damage reaches further than it is long.
        let spreads = self.algorithm != Algorithm::None;
        (self.is_damaged && spreads).then_some(self.lines + 1)
    }

    /// Reads more stored bytes.
    fn read(&mut self) {
        match self.input.read(&mut self.stored) {
            Got::Bytes => {}
            // Behind the piece that is being read.
            Got::Hole if !self.stored.is_empty() => {
                self.hole.get_or_insert(self.stored.len());
            }
            Got::Hole => (self.is_damaged, self.lost, self.is_first) = (true, true, false),
            Got::End => self.at_end = true,
        }
    }

    /// Moves to the next piece of which something is given; `false` at the end.
    fn advance(&mut self) -> bool {
        self.plain.clear();
        self.given = 0;
        loop {
            if self.stored.is_empty() && !self.at_end {
                self.read();
                continue;
            }
            if self.stored.is_empty() {
                return false;
            }
            if self.algorithm == Algorithm::None {
                if std::mem::take(&mut self.lost) {
                    self.plain.push(LOST);
                }
                self.plain.append(&mut self.stored);
                return true;
            }
            let len = self.piece_len();
            let decoded = match len {
                Some(len) if self.has_parts() => self.decode_part(len),
                Some(len) => self.decode(len).then_some(len),
                None => None,
            };
            if let Some(len) = decoded {
                self.stored.drain(..len);
                self.is_first = false;
                if !self.is_damaged {
                    self.lines += self.plain.iter().filter(|byte| **byte == b'\n').count() as u64;
                }
                if let Some(hole) = self.hole.take() {
                    // The beginning of another part may stand before it.
                    self.hole =
                        Some(hole.saturating_sub(len)).filter(|left| *left > 0 && self.has_parts());
                    self.is_damaged = true;
                    self.lost = self.hole.is_none();
                }
                return true;
            }
            self.is_damaged = true;
            let any = match self.of_damaged {
                OfDamaged::Beginning => self.decode_beginning(len),
                OfDamaged::Nothing => false,
            };
            self.lost = true;
            self.in_vain += self.stored.len() as u64;
            if self.in_vain > IN_VAIN {
                (self.at_end, self.stored) = (true, Vec::new());
            }
            self.is_first = false;
            match self.has_parts() {
                true => self.find_next_part(),
                false => self.find_next(),
            }
            if any {
                return true;
            }
        }
    }

    /// The stored bytes of the piece that begins here, which are read; `None` if none does.
    fn piece_len(&mut self) -> Option<usize> {
        if self.has_parts() {
            return self.part_len(0);
        }
        if self.algorithm == Algorithm::Gzip {
            return self.member_len();
        }
        let mut frames = Frames::new(self.algorithm)?;
        let mut walked = 0;
        loop {
            while walked < self.stored.len() {
                walked += frames.take(&self.stored[walked..], true).ok()?;
                self.checksums |= frames.has_checksum();
                if frames.is_between() || frames.is_padding() {
                    return Some(walked);
                }
            }
            if self.at_end || self.stored.len() > LONGEST {
                return None;
            }
            self.read();
        }
    }

    /// The length of a gzip member that says it, in the subfield `PD` of its header.
    fn member_len(&mut self) -> Option<usize> {
        const HEADER: usize = 24;
        let mut need = HEADER;
        loop {
            if self.stored.len() >= need && need > HEADER {
                return Some(need);
            }
            if self.stored.len() >= HEADER {
                let header = self.stored.first_chunk::<HEADER>()?;
                let [0x1f, 0x8b, 8, 4, _, _, _, _, _, _, _, _, b'P', b'D', _, _, a, b, c, d, ..] =
                    *header
                else {
                    return None;
                };
                need = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
                if need <= HEADER || need > LONGEST {
                    return None;
                }
                if self.stored.len() >= need {
                    return Some(need);
                }
            }
            if self.at_end {
                return None;
            }
            self.read();
        }
    }

    /// The length of a part of a zlib stream: up to a mark behind `from`, or where it is cut off. `None`
    /// if it has no end.
    fn part_len(&mut self, from: usize) -> Option<usize> {
        let mut from = from;
        loop {
            if let Some(found) = find(&self.stored[from..], &MARK) {
                return Some(from + found + MARK.len());
            }
            if self.hole.is_some() {
                return self.hole;
            }
            if self.at_end {
                return Some(self.stored.len());
            }
            if self.stored.len() > LONGEST {
                return None;
            }
            // The mark may be cut at the end of what was read.
            from = from.max(self.stored.len().saturating_sub(MARK.len() - 1));
            self.read();
        }
    }

    /// Decompresses the part that ends there, or at one of the next marks; where it ended.
    fn decode_part(&mut self, len: usize) -> Option<usize> {
        let mut len = len;
        for _ in 0..MARKS {
            let stored = &self.stored[..len];
            let is_last = !stored.ends_with(&MARK);
            let contexts = self.archive.contexts();
            if let Some(mut plain) = whole_part(stored, self.is_first, is_last, contexts) {
                if std::mem::take(&mut self.lost) {
                    plain.insert(0, LOST);
                }
                self.plain = plain;
                return Some(len);
            }
            if is_last {
                break;
            }
            len = self.part_len(len)?;
        }
        None
    }

    /// Decompresses a piece; `false` if it is damaged.
    fn decode(&mut self, len: usize) -> bool {
        let is_whole = self.decompress(len) && self.plain.len() as u64 <= MOST;
        match is_whole {
            true => self.lost = false,
            false => self.plain.clear(),
        }
        is_whole
    }

    /// Decompresses a damaged piece up to the damage; `false` if that gives nothing. `len`: of the
    /// piece, if that is known.
    fn decode_beginning(&mut self, len: Option<usize>) -> bool {
        if self.has_parts() {
            let stored = &self.stored[..len.unwrap_or(self.stored.len())];
            self.plain = vec![LOST; usize::from(self.lost)];
            let contexts = self.archive.contexts();
            self.plain.append(&mut beginning_of_part(stored, self.is_first, contexts));
            return self.plain.iter().any(|byte| *byte != LOST);
        }
        if self.algorithm == Algorithm::Gzip {
            return self.decode_damaged_member(len);
        }
        let len = len.unwrap_or_else(|| {
            let next = self.stored.get(1..).unwrap_or_default();
            find(next, self.magic()).map_or(self.stored.len(), |found| 1 + found)
        });
        // Without an error this was no damaged piece, but several whole ones, which will come.
        let any = !self.decompress(len) && self.plain.len() as u64 <= MOST;
        if !any {
            self.plain.clear();
        }
        any && self.plain.iter().any(|byte| *byte != LOST)
    }

    /// The same of a gzip member. It may be longer than it says, or than the next magic number: only its
    /// deflate data shows where it ends.
    fn decode_damaged_member(&mut self, len: Option<usize>) -> bool {
        /// More than what one spot of damage adds.
        const MORE: usize = 128 << 10;
        while self.stored.len() < len.unwrap_or(0) + MORE && !self.at_end && self.hole.is_none() {
            self.read();
        }
        let Some([0x1f, 0x8b, 8, 4, _, _, _, _, _, _, a, b]) = self.stored.first_chunk() else {
            return false;
        };
        let header = 12 + usize::from(u16::from_le_bytes([*a, *b]));
        let stored = self.stored.get(header..).unwrap_or_default();
        self.plain = vec![LOST; usize::from(self.lost)];
        self.plain.append(&mut beginning_of_part(stored, false, self.archive.contexts()));
        self.plain.iter().any(|byte| *byte != LOST)
    }

    /// Puts what stored bytes become behind the mark of what was lost, as far as there is no error;
    /// `false` if there is one.
    fn decompress(&mut self, len: usize) -> bool {
        let (algorithm, framing) = (self.algorithm, self.framing);
        let (limits, contexts) = (self.archive.limits(), self.archive.contexts());
        self.plain.clear();
        let stored = &self.stored[..len];
        let Ok(decoder) = Decoder::new(stored, algorithm, framing, limits, contexts) else {
            return false;
        };
        if self.lost {
            self.plain.push(LOST);
        }
        decoder.take(MOST + 1).read_to_end(&mut self.plain).is_ok()
    }

    /// What a piece begins with.
    fn magic(&self) -> &'static [u8] {
        match self.algorithm {
            Algorithm::Zstd => b"\x28\xb5\x2f\xfd",
            Algorithm::Lz4 => b"\x04\x22\x4d\x18",
            _ => b"\x1f\x8b\x08\x04",
        }
    }

    /// Moves to the next place where a part may begin: behind a mark, or behind a hole.
    fn find_next_part(&mut self) {
        loop {
            let mark = find(&self.stored, &MARK).map(|mark| mark + MARK.len());
            let next = match (mark, self.hole.take()) {
                (Some(mark), Some(hole)) if mark < hole => {
                    self.hole = Some(hole - mark);
                    Some(mark)
                }
                (mark, hole) => hole.or(mark),
            };
            // The mark may be cut at the end of what was read.
            let passed = self.stored.len().saturating_sub(MARK.len() - 1);
            self.stored.drain(..next.unwrap_or(passed));
            if next.is_some() {
                return;
            }
            if self.at_end {
                self.stored.clear();
                return;
            }
            self.read();
        }
    }

    /// Moves to the next place where a piece may begin.
    fn find_next(&mut self) {
        self.hole = None;
        let magic = self.magic();
        let mut from = 1.min(self.stored.len());
        loop {
            let found = find(&self.stored[from..], magic);
            if let Some(found) = found {
                self.stored.drain(..from + found);
                return;
            }
            // The magic may be cut at the end of what was read.
            let keep = self.stored.len().saturating_sub(magic.len() - 1).max(from);
            self.stored.drain(..keep);
            from = 0;
            if self.at_end {
                self.stored.clear();
                return;
            }
            self.read();
        }
    }
}

fn find(bytes: &[u8], magic: &[u8]) -> Option<usize> {
    bytes.windows(magic.len()).position(|bytes| bytes == magic)
}

impl Read for Mended<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let n = bytes.len().min(buf.len());
        buf[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Mended<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // An empty piece is not the end.
        while self.given == self.plain.len() && self.advance() {}
        Ok(&self.plain[self.given..])
    }

    fn consume(&mut self, n: usize) {
        self.given = (self.given + n).min(self.plain.len());
    }
}
