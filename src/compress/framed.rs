//! The form for speed and safety: data in pieces of 1 MiB, each of which can be decompressed on its
//! own, by as many threads as there are, and shows by a checksum that it is whole.
//!
//! | | in a custom archive | in a file |
//! |---|---|---|
//! | zstd | frames with the size of their content and a checksum | the same, and the table of zstd's seekable format |
//! | lz4 | frames of one block, with size and checksum | the same |
//! | gzip | one zlib stream, in which no piece refers to another | a member for each piece, which says how long it is |
//! | none | chunks of whole rows | as it is |
//!
//! In a custom archive each piece is one chunk, so the lengths of the chunks are an index. Every
//! pg_restore reads it: that of PostgreSQL 16 to 18 needs a zstd frame to begin a chunk, and drops what
//! follows its end in that chunk. Pieces of tables end with a row where that is possible.

// Idle in a build that lacks algorithms.
#![cfg_attr(
    not(all(feature = "gzip", feature = "lz4", feature = "zstd")),
    allow(dead_code, unused_imports, unused_variables, unused_mut)
)]

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use super::Framing;
use super::encoder::{Content, EncoderPool, Encoding, PieceSink, States};
#[cfg(feature = "gzip")]
use super::gzip;
#[cfg(feature = "lz4")]
use super::lz4;
use super::workers::{Workers, ended};
#[cfg(feature = "zstd")]
use super::zstd;
use crate::compression::Algorithm;

/// Plain bytes of a piece.
const PIECE: usize = 1 << 20;

/// Bytes of a chunk that is not compressed.
const PLAIN: usize = 128 << 10;

/// How far before the end of a piece a row may end for it to end there.
const BORDER: usize = 64 << 10;

/// Compresses what is written to it, piece after piece.
pub(super) struct Encoder {
    way: Way,
    content: Content,
    /// Plain bytes of a piece, at most.
    most: usize,
    input: Vec<u8>,
    /// Used memory.
    spare: Vec<Vec<u8>>,
    states: Arc<States>,
    workers: Option<Arc<Workers>>,
    /// With the length of the plain piece.
    pending: VecDeque<(usize, Receiver<Reply>)>,
    /// Whether a piece was cut off.
    cut: bool,
    begun: bool,
    end: End,
}

/// A compressed piece, and the memory of the plain one.
type Reply = (io::Result<Vec<u8>>, Vec<u8>);

/// What a piece becomes.
#[derive(Clone, Copy)]
enum Way {
    Chunk,
    #[cfg(feature = "gzip")]
    Part(Option<i32>),
    #[cfg(feature = "gzip")]
    Member(Option<i32>),
    #[cfg(feature = "lz4")]
    Lz4,
    #[cfg(feature = "zstd")]
    Zstd(Encoding),
}

/// What stands around all pieces.
enum End {
    Nothing,
    #[cfg(feature = "gzip")]
    Zlib(gzip::Wrapper),
    /// The lengths of all frames.
    #[cfg(feature = "zstd")]
    SeekTable(Vec<(u32, u32)>),
}

impl Way {
    /// `alone`: there is no other piece.
    fn compress(
        self,
        plain: &[u8],
        last: bool,
        alone: bool,
        states: &States,
    ) -> io::Result<Vec<u8>> {
        match self {
            Way::Chunk => Ok(plain.to_vec()),
            #[cfg(feature = "gzip")]
            Way::Part(level) => gzip::encode::part(level, plain, last, states),
            #[cfg(feature = "gzip")]
            Way::Member(level) => gzip::encode::member(level, plain, !alone, states),
            #[cfg(feature = "lz4")]
            Way::Lz4 => lz4::encode::frame(plain, states),
            #[cfg(feature = "zstd")]
            Way::Zstd(encoding) => zstd::encode::frame(encoding, plain, states),
        }
    }
}

impl Encoder {
    pub(super) fn new(
        encoding: Encoding,
        framing: Framing,
        content: Content,
        pool: &EncoderPool,
    ) -> Self {
        let (way, most, end) = match (encoding.algorithm(), framing) {
            #[cfg(feature = "gzip")]
            (Algorithm::Gzip, Framing::Stream) => {
                (Way::Part(encoding.level), PIECE, End::Zlib(gzip::Wrapper::new(framing)))
            }
            #[cfg(feature = "gzip")]
            (Algorithm::Gzip, Framing::File) => (Way::Member(encoding.level), PIECE, End::Nothing),
            #[cfg(feature = "lz4")]
            (Algorithm::Lz4, _) => (Way::Lz4, PIECE, End::Nothing),
            #[cfg(feature = "zstd")]
            (Algorithm::Zstd, framing) => {
                let end = match framing {
                    Framing::Stream => End::Nothing,
                    Framing::File => End::SeekTable(Vec::new()),
                };
                (Way::Zstd(encoding), zstd::encode::piece_len(encoding, PIECE), end)
            }
            _ => (Way::Chunk, PLAIN, End::Nothing),
        };
        // To copy it is no work to share.
        let workers = pool.workers.clone().filter(|_| !matches!(way, Way::Chunk));
        Encoder {
            way,
            content,
            most,
            input: Vec::new(),
            spare: Vec::new(),
            states: Arc::clone(&pool.states),
            workers,
            pending: VecDeque::new(),
            cut: false,
            begun: false,
            end,
        }
    }

    pub(super) fn write(&mut self, writer: &mut impl PieceSink, mut buf: &[u8]) -> io::Result<()> {
        #[cfg(feature = "gzip")]
        if let End::Zlib(wrapper) = &mut self.end {
            wrapper.update(buf);
        }
        while !buf.is_empty() {
            // Only when there are more bytes is a full piece known not to be the last.
            if self.input.len() == self.most {
                self.cut(writer)?;
            }
            let n = buf.len().min(self.most - self.input.len());
            self.input.extend_from_slice(&buf[..n]);
            buf = &buf[n..];
        }
        Ok(())
    }

    /// Cuts a piece off, behind a row if one ends where it may.
    fn cut(&mut self, writer: &mut impl PieceSink) -> io::Result<()> {
        self.cut = true;
        let at = match self.content {
            Content::Rows => row_border(&self.input),
            Content::Bytes => self.input.len(),
        };
        let mut next = self.spare.pop().unwrap_or_default();
        next.clear();
        next.extend_from_slice(&self.input[at..]);
        let mut piece = std::mem::replace(&mut self.input, next);
        piece.truncate(at);
        let Some(workers) = self.workers.clone() else {
            let made = self.way.compress(&piece, false, false, &self.states)?;
            self.put(&made, piece.len(), writer)?;
            self.spare.push(piece);
            return Ok(());
        };
        if self.pending.len() >= 2 * workers.count() {
            self.put_first(writer)?;
        }
        let len = piece.len();
        let (reply, result) = mpsc::sync_channel(1);
        let (way, states) = (self.way, Arc::clone(&self.states));
        workers.submit(Box::new(move || {
            let made = way.compress(&piece, false, false, &states);
            // Whoever waited may have given up.
            let _ = reply.send((made, piece));
        }))?;
        self.pending.push_back((len, result));
        Ok(())
    }

    fn put_first(&mut self, writer: &mut impl PieceSink) -> io::Result<()> {
        let Some((len, result)) = self.pending.pop_front() else { return Ok(()) };
        let (made, used) = result.recv().map_err(|_| ended())?;
        self.spare.push(used);
        self.put(&made?, len, writer)
    }

    /// Writes a compressed piece, which is a chunk.
    fn put(&mut self, made: &[u8], plain: usize, writer: &mut impl PieceSink) -> io::Result<()> {
        writer.begin_chunk()?;
        writer.keep_whole()?;
        let begun = std::mem::replace(&mut self.begun, true);
        match &mut self.end {
            End::Nothing => {}
            #[cfg(feature = "gzip")]
            End::Zlib(wrapper) => {
                if let (false, Way::Part(level)) = (begun, self.way) {
                    writer.write_all(wrapper.header(level.unwrap_or(-1)))?;
                }
            }
            #[cfg(feature = "zstd")]
            End::SeekTable(frames) => frames.push((made.len() as u32, plain as u32)),
        }
        writer.write_all(made)
    }

    /// Writes what is held back and the end of the data. Data without a byte is a piece, too, unless
    /// it is not compressed.
    pub(super) fn finish(&mut self, writer: &mut impl PieceSink) -> io::Result<()> {
        let piece = std::mem::take(&mut self.input);
        let made = self.way.compress(&piece, true, !self.cut, &self.states)?;
        while !self.pending.is_empty() {
            self.put_first(writer)?;
        }
        self.put(&made, piece.len(), writer)?;
        match &self.end {
            End::Nothing => Ok(()),
            #[cfg(feature = "gzip")]
            End::Zlib(wrapper) => {
                let (trailer, len) = wrapper.trailer();
                writer.write_all(&trailer[..len])
            }
            #[cfg(feature = "zstd")]
            End::SeekTable(frames) => match frames.len() {
                0 | 1 => Ok(()),
                _ => writer.write_all(&zstd::encode::seek_table(frames)),
            },
        }
    }
}

/// Where the last row ends, near the end; the end if none does.
fn row_border(piece: &[u8]) -> usize {
    let from = piece.len().saturating_sub(BORDER);
    let end = piece[from..].iter().rposition(|byte| *byte == b'\n');
    end.map_or(piece.len(), |end| from + end + 1)
}
