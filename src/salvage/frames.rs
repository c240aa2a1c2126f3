//! Rows behind damage, where data is stored in pieces that stand alone: frames of zstd and lz4, and
//! members of gzip that say how long they are.

use std::io::{self, BufRead, Read};

use crate::archive::{Archive, StoredPiece};
use crate::compress::{Algorithm, Decoder, Frames, Framing};
use crate::toc::TocEntry;

/// Stored bytes of a piece, at most. Those that pgdmp writes have 1 MiB or 8 MiB before they are
/// compressed.
const LONGEST: usize = 16 << 20;

/// Bytes that a piece may become.
const MOST: u64 = 64 << 20;

/// Bytes that are looked at in vain, at most.
const IN_VAIN: u64 = 4 << 30;

/// Bytes that are read at once.
const STEP: usize = 128 << 10;

/// What stands in the place of what is lost: a row that has it is none.
const LOST: u8 = 0;

/// The data of an entry without its damaged pieces. In the place of those is one zero byte, so that
/// of the rows before and behind nothing is joined.
pub(super) struct Mended<'a> {
    archive: &'a Archive,
    piece: StoredPiece<'a>,
    /// Stored bytes that were read, from the beginning of a piece on.
    stored: Vec<u8>,
    at_end: bool,
    plain: Vec<u8>,
    given: usize,
    /// Whether something was lost since the last piece that was whole.
    lost: bool,
    /// Bytes that were looked at in vain: each place may claim to begin a piece.
    in_vain: u64,
}

/// Opens the data of an entry so, if it may be stored in pieces.
pub(super) fn open<'a>(archive: &'a Archive, entry: TocEntry<'_>) -> Option<Mended<'a>> {
    let piece = archive.piece_of(entry).ok()?;
    match (piece.algorithm, piece.framing) {
        (Algorithm::Zstd | Algorithm::Lz4, _) | (Algorithm::Gzip, Framing::File) => Some(Mended {
            archive,
            piece,
            stored: Vec::new(),
            at_end: false,
            plain: Vec::new(),
            given: 0,
            lost: false,
            in_vain: 0,
        }),
        _ => None,
    }
}

impl Mended<'_> {
    /// Reads more stored bytes. What cannot be read is the end of them.
    fn read(&mut self) {
        match self.piece.fill_buf() {
            Ok([]) => self.at_end = true,
            Ok(bytes) => {
                let n = bytes.len().min(STEP);
                self.stored.extend_from_slice(&bytes[..n]);
                self.piece.consume(n);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.at_end = true,
        }
    }

    /// Moves to the next piece that is whole; `false` at the end.
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
            let len = self.piece_len();
            if let Some(len) = len
                && self.decode(len)
            {
                self.stored.drain(..len);
                return true;
            }
            self.lost = true;
            self.in_vain += self.stored.len() as u64;
            if self.in_vain > IN_VAIN {
                (self.at_end, self.stored) = (true, Vec::new());
            }
            self.find_next();
        }
    }

    /// The stored bytes of the piece that begins here, which are read; `None` if none does.
    fn piece_len(&mut self) -> Option<usize> {
        if self.piece.algorithm == Algorithm::Gzip {
            return self.member_len();
        }
        let mut frames = Frames::new(self.piece.algorithm)?;
        let mut walked = 0;
        loop {
            while walked < self.stored.len() {
                walked += frames.take(&self.stored[walked..], true).ok()?;
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

    /// Decompresses a piece; `false` if it is damaged.
    fn decode(&mut self, len: usize) -> bool {
        let StoredPiece { algorithm, framing, .. } = self.piece;
        let (limits, contexts) = (self.archive.limits(), self.archive.contexts());
        let stored = &self.stored[..len];
        let Ok(decoder) = Decoder::new(stored, algorithm, framing, limits, contexts) else {
            return false;
        };
        if std::mem::take(&mut self.lost) {
            self.plain.push(LOST);
        }
        let before = self.plain.len();
        let read = decoder.take(MOST + 1).read_to_end(&mut self.plain);
        let is_whole = read.is_ok_and(|n| n as u64 <= MOST);
        if !is_whole {
            self.plain.truncate(before);
            self.lost = true;
            self.plain.clear();
        }
        is_whole
    }

    /// Moves to the next place where a piece may begin.
    fn find_next(&mut self) {
        let magic: &[u8] = match self.piece.algorithm {
            Algorithm::Zstd => b"\x28\xb5\x2f\xfd",
            Algorithm::Lz4 => b"\x04\x22\x4d\x18",
            _ => b"\x1f\x8b\x08\x04",
        };
        let mut from = 1.min(self.stored.len());
        loop {
            let found = self.stored[from..].windows(magic.len()).position(|bytes| bytes == magic);
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
