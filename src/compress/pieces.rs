//! Data that consists of pieces which can be decompressed each on its own: by several threads, and in
//! order.
//!
//! Pieces are found by what stands at their beginning, without decompressing: lz4 and zstd frames
//! that say how short they are, members of a gzip file that do so, and chunks of a zlib stream that
//! end with an empty block. Whoever needs the next piece decompresses it, unless another thread has
//! begun to. What is no such piece, or proves not to be one, goes to [`Decoder`] with all that
//! follows: what is wrong with data is said there alone.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::ahead::{self, Ahead};
use super::cutter::{Cut, Cutter, PieceSource};
use super::replay::{Detached, Replay};
use super::ring::{Done, Plain, Ring};
use super::workers::ended;
use super::{Algorithm, Contexts, Decoder, Framing};
use crate::Limits;
use crate::error::Result;

/// Reads the plain bytes of stored data, as [`Decoder`] does.
pub(crate) struct PieceReader<R> {
    way: Way<R>,
    lenient: bool,
    contexts: Arc<Contexts>,
    /// Plain bytes of one stream that are read before another thread decompresses the rest; `None` if
    /// none is to.
    alone: Option<usize>,
}

/// What is shorter is soon decompressed.
const ALONE: usize = 1 << 20;

#[allow(clippy::large_enum_variant)] // one per reader, never many
enum Way<R> {
    Stream(Decoder<Replay<R>>),
    /// As before, by another thread, and at the end of what that did.
    Ahead(Ahead),
    Detached(Decoder<Detached>),
    Pieces(Pieces<R>),
    /// While the one becomes the other.
    Neither,
}

struct Pieces<R> {
    input: R,
    cutter: Cutter,
    algorithm: Algorithm,
    framing: Framing,
    limits: Limits,
    contexts: Arc<Contexts>,
    /// Pieces that were read.
    ring: Ring,
    /// What comes behind them, once that is known.
    behind: Option<Behind>,
    current: Vec<u8>,
    used: usize,
    /// Whether there was a piece.
    any: bool,
    /// Of a zlib stream.
    checksum: u32,
    window: Vec<u8>,
}

enum Behind {
    End,
    /// What is no piece, beginning with these bytes, which stand there; or an error of reading.
    Stream {
        bytes: Vec<u8>,
        at: u64,
        failed: Option<io::Error>,
    },
}

impl<R: PieceSource> PieceReader<R> {
    /// # Errors
    ///
    /// Those of [`Decoder::new`].
    pub(crate) fn new(
        mut input: R,
        algorithm: Algorithm,
        framing: Framing,
        limits: &Limits,
        contexts: &Arc<Contexts>,
    ) -> Result<Self> {
        let several = contexts.threads() > 1;
        let alone = (several && algorithm != Algorithm::None).then_some(ALONE);
        let reader =
            |way| PieceReader { way, lenient: false, contexts: Arc::clone(contexts), alone };
        let helps = algorithm == Algorithm::Zstd || several;
        let cutter = Cutter::new(algorithm, framing, limits).filter(|_| helps);
        if let Some(cutter) = cutter
            && cutter.may_begin(&mut input)
        {
            let pieces = Pieces {
                input,
                cutter,
                algorithm,
                framing,
                limits: *limits,
                contexts: Arc::clone(contexts),
                ring: Ring::new(contexts, limits),
                behind: None,
                current: Vec::new(),
                used: 0,
                any: false,
                checksum: 1,
                window: Vec::new(),
            };
            return Ok(reader(Way::Pieces(pieces)));
        }
        let decoder = Decoder::new(Replay::new(input), algorithm, framing, limits, contexts)?;
        Ok(reader(Way::Stream(decoder)))
    }

    /// The data begin behind pieces that were passed over.
    pub(crate) fn resumed(mut self) -> io::Result<Self> {
        match &mut self.way {
            Way::Pieces(pieces) => pieces.any = true,
            Way::Stream(decoder) => decoder.resume(&[], 1)?,
            _ => {}
        }
        Ok(self)
    }

    /// Goes on where what was read has ended.
    fn advance(&mut self) -> io::Result<()> {
        let pieces = match &mut self.way {
            Way::Pieces(pieces) => pieces,
            Way::Stream(_) if self.alone == Some(0) => {
                self.detach();
                return self.advance();
            }
            Way::Ahead(ahead) => {
                if ahead.bytes().is_empty()
                    && let Some((decoder, end)) = ahead.next()
                {
                    self.way = decoder.map_or(Way::Neither, Way::Detached);
                    return end;
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if pieces.used < pieces.current.len() {
            return Ok(());
        }
        let Some(stream) = pieces.next() else { return Ok(()) };
        let Way::Pieces(pieces) = std::mem::replace(&mut self.way, Way::Neither) else {
            return Ok(());
        };
        let decoder = pieces.into_decoder(stream)?;
        self.way = Way::Stream(decoder);
        if self.lenient {
            self.be_lenient();
        }
        Ok(())
    }
}

impl<R> PieceReader<R> {
    /// Lets no other thread decompress one stream. Pieces are shared as before.
    pub(crate) fn stay_on_this_thread(&mut self) {
        self.alone = None;
    }

    /// See [`Decoder::be_lenient`].
    pub(crate) fn be_lenient(&mut self) {
        self.lenient = true;
        if let Way::Stream(decoder) = &mut self.way {
            decoder.be_lenient();
        }
    }

    /// See [`Decoder::has_ignored`].
    pub(crate) fn has_ignored(&self) -> bool {
        match &self.way {
            Way::Stream(decoder) => decoder.has_ignored(),
            Way::Detached(decoder) => decoder.has_ignored(),
            _ => false,
        }
    }

    /// See [`Decoder::has_no_frames`].
    pub(crate) fn has_no_frames(&self) -> bool {
        match &self.way {
            Way::Stream(decoder) => decoder.has_no_frames(),
            Way::Detached(decoder) => decoder.has_no_frames(),
            Way::Pieces(pieces) => !pieces.any,
            Way::Ahead(_) | Way::Neither => false,
        }
    }
}

impl<R: PieceSource> PieceReader<R> {
    /// Lets another thread decompress what comes, if that can be.
    fn detach(&mut self) {
        self.alone = None;
        self.way = match std::mem::replace(&mut self.way, Way::Neither) {
            Way::Stream(decoder) => match decoder.with_reader(Replay::detach) {
                Ok(decoder) => Way::Ahead(Ahead::new(decoder, &self.contexts)),
                Err(decoder) => Way::Stream(decoder),
            },
            way => way,
        };
    }

    /// Whether, in what was read, a zstd frame began within a chunk.
    pub(crate) fn frame_within_chunk(&self) -> bool {
        match &self.way {
            Way::Stream(decoder) => decoder.get_ref().get_ref().frame_within_chunk(),
            Way::Detached(decoder) => decoder.get_ref().get_ref().frame_within_chunk(),
            Way::Pieces(pieces) => pieces.input.frame_within_chunk(),
            Way::Ahead(_) | Way::Neither => false,
        }
    }

    /// Where decoding has come to, not counting what lies between chunks. While another thread
    /// decompresses, its errors alone say where they are.
    pub(crate) fn position(&self) -> u64 {
        match &self.way {
            Way::Stream(decoder) => ahead::position(decoder),
            Way::Detached(decoder) => ahead::position(decoder),
            Way::Ahead(_) => 0,
            Way::Pieces(pieces) => {
                pieces.ring.position().unwrap_or_else(|| pieces.input.position())
            }
            Way::Neither => 0,
        }
    }
}

impl<R: PieceSource> Pieces<R> {
    /// Makes the next piece the current one. `Some`: what comes is no piece. At the end there is
    /// neither.
    fn next(&mut self) -> Option<Behind> {
        loop {
            self.contexts.give_plain(std::mem::take(&mut self.current));
            self.used = 0;
            self.read_ahead();
            let Some(Done { stored, at, plain }) = self.ring.pop() else {
                return match self.behind.replace(Behind::End) {
                    Some(Behind::End) | None => None,
                    stream => stream,
                };
            };
            match plain {
                Ok(plain) if self.fits(&plain) => {
                    self.contexts.give_stored(stored);
                    self.any = true;
                    self.pass(&plain);
                    self.current = plain.bytes;
                    if !self.current.is_empty() {
                        return None;
                    }
                }
                // A thread has ended without giving it back.
                Err(failed) if stored.is_empty() => {
                    return Some(Behind::Stream { bytes: stored, at, failed: Some(failed) });
                }
                _ => return Some(Behind::Stream { bytes: stored, at, failed: None }),
            }
        }
    }

    /// Whether the checksum at the end of a zlib stream is right.
    fn fits(&self, plain: &Plain) -> bool {
        plain.trailer.is_none_or(|trailer| plain.append_to(self.checksum) == trailer)
    }

    fn pass(&mut self, plain: &Plain) {
        /// As far back as deflate reaches.
        const REACH: usize = 32 << 10;
        if (self.algorithm, self.framing) != (Algorithm::Gzip, Framing::Stream) {
            return;
        }
        self.checksum = plain.append_to(self.checksum);
        let bytes = &plain.bytes;
        let keep = REACH.saturating_sub(bytes.len()).min(self.window.len());
        self.window.drain(..self.window.len() - keep);
        self.window.extend_from_slice(&bytes[bytes.len().saturating_sub(REACH)..]);
    }

    /// Reads pieces, and lets other threads decompress them, as far as there is room.
    fn read_ahead(&mut self) {
        while self.behind.is_none() && self.ring.has_room() {
            match self.cutter.next(&mut self.input, self.contexts.take_stored()) {
                Cut::Piece(piece) => self.ring.push(piece),
                Cut::End => {
                    self.behind = Some(Behind::End);
                    self.ring.give_up_room();
                }
                Cut::Stream { bytes, at, failed } => {
                    self.behind = Some(Behind::Stream { bytes, at, failed });
                    self.ring.give_up_room();
                }
            }
        }
    }

    /// A decoder of what comes from `stream` on.
    fn into_decoder(mut self, stream: Behind) -> Result<Decoder<Replay<R>>> {
        let mut replay = Replay::new(self.input);
        let mut add = |behind| {
            if let Behind::Stream { bytes, at, failed } = behind {
                replay.add(bytes, at, failed);
            }
        };
        add(stream);
        while let Some((bytes, at)) = self.ring.pop_stored() {
            add(Behind::Stream { bytes, at, failed: None });
        }
        if let Some(last) = self.behind {
            add(last);
        }
        let mut decoder =
            Decoder::new(replay, self.algorithm, self.framing, &self.limits, &self.contexts)?;
        if self.any {
            decoder.resume(&self.window, self.checksum)?;
        }
        Ok(decoder)
    }
}

impl<R: PieceSource> Read for PieceReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.advance()?;
        match &mut self.way {
            Way::Stream(decoder) => {
                let n = decoder.read(out)?;
                if let Some(alone) = &mut self.alone {
                    *alone = alone.saturating_sub(n);
                }
                Ok(n)
            }
            Way::Detached(decoder) => decoder.read(out),
            Way::Ahead(ahead) => {
                let n = ahead.bytes().read(out)?;
                ahead.consume(n);
                Ok(n)
            }
            Way::Pieces(pieces) => {
                let n = (&pieces.current[pieces.used..]).read(out)?;
                pieces.used += n;
                Ok(n)
            }
            Way::Neither => Err(ended()),
        }
    }
}

impl<R: PieceSource> BufRead for PieceReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.advance()?;
        match &mut self.way {
            Way::Stream(decoder) => decoder.fill_buf(),
            Way::Detached(decoder) => decoder.fill_buf(),
            Way::Ahead(ahead) => Ok(ahead.bytes()),
            Way::Pieces(pieces) => Ok(&pieces.current[pieces.used..]),
            Way::Neither => Err(ended()),
        }
    }

    fn consume(&mut self, count: usize) {
        match &mut self.way {
            Way::Stream(decoder) => {
                if let Some(alone) = &mut self.alone {
                    *alone = alone.saturating_sub(count);
                }
                decoder.consume(count);
            }
            Way::Detached(decoder) => decoder.consume(count),
            Way::Ahead(ahead) => ahead.consume(count),
            Way::Pieces(pieces) => {
                pieces.used = pieces.current.len().min(pieces.used + count);
            }
            Way::Neither => {}
        }
    }
}

impl<R> fmt::Debug for PieceReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Stream(decoder) => decoder.fmt(f),
            _ => f.debug_struct("PieceReader").finish_non_exhaustive(),
        }
    }
}
