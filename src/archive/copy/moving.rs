//! The data of one table or large object, from one archive into another.
//!
//! What is moved as it is stored is looked at while it goes by, which costs next to nothing: frames
//! and end markers must be whole. To check all of it, it is decompressed at the same time.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use super::Ways;
use crate::archive::data::EntryData;
use crate::archive::piece::StoredPiece;
use crate::archive::stored_check::{StoredCheck, Tail, frame_within_chunk};
use crate::archive::writer::ArchiveWriter;
use crate::compress::{
    Algorithm, Content, Contexts, Decoder, Encoder, EncoderPool, Encoding, Framing, PieceSink,
};
use crate::error::{Error, Result};
use crate::finding::{Finding, Severity};
use crate::format::output::Output;
use crate::limits::Limits;
use crate::source::SourceReader;

/// Is told what is not as it should be in an archive; what is written is right.
pub(crate) type Warn<'w> = dyn FnMut(Error) + 'w;

/// What a user of the crate does with it.
pub(crate) type OnWarning<'a> = Box<dyn FnMut(&Finding) + 'a>;

/// Hands a warning on to the user of the crate.
pub(crate) fn tell(on_warning: &mut OnWarning<'_>, warning: &Error) {
    on_warning(&Finding::from(warning).with_severity(Severity::Warning));
}

impl PieceSink for Output<File> {}

/// How pieces are to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Moving {
    pub(super) encoding: Encoding,
    pub(super) framing: Framing,
    /// Whether what is in the right compression is compressed anew.
    pub(super) recompress: bool,
    pub(super) pool: Arc<EncoderPool>,
    pub(super) passing: Passing,
}

/// How stored bytes are looked at that stay as they are.
#[derive(Debug, Clone)]
pub(super) struct Passing {
    /// Whether all of it is decompressed.
    pub(super) decode: bool,
    pub(super) contexts: Arc<Contexts>,
    pub(super) limits: Limits,
}

impl Moving {
    /// `contexts` and `limits`: those of the archive that data is moved from.
    pub(crate) fn to<W: Write>(
        writer: &ArchiveWriter<W>,
        ways: Ways,
        contexts: &Arc<Contexts>,
        limits: &Limits,
    ) -> Moving {
        Moving {
            encoding: writer.encoding(),
            framing: writer.sink().framing(),
            recompress: ways.recompress,
            pool: Arc::clone(writer.pool()),
            passing: Passing::new(contexts, limits, ways.decode),
        }
    }

    /// The same, which compresses with others.
    pub(crate) fn with_pool(&self, pool: &Arc<EncoderPool>) -> Moving {
        Moving { pool: Arc::clone(pool), ..self.clone() }
    }

    /// How many threads compress together.
    pub(crate) fn threads(&self) -> usize {
        self.pool.threads() as usize
    }

    /// The limits of the archive that data is moved from.
    pub(crate) fn limits(&self) -> &Limits {
        &self.passing.limits
    }

    /// How what is moved is compressed in the new archive.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.encoding.algorithm()
    }

    /// Whether data that is stored so stays as it is.
    pub(crate) fn keeps(&self, algorithm: Algorithm, framing: Framing) -> bool {
        algorithm == self.encoding.algorithm()
            && !self.recompress
            && (algorithm != Algorithm::Gzip || framing == self.framing)
    }

    /// Moves a piece, as it is stored where that is possible, to where `open` says when it is
    /// known how it is compressed there and, perhaps, how long it becomes.
    pub(crate) fn piece<O: PieceSink>(
        &self,
        piece: StoredPiece<'_>,
        content: Content,
        open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
        warn: &mut Warn<'_>,
    ) -> Result<O> {
        let algorithm = self.encoding.algorithm();
        if piece.algorithm != algorithm || self.recompress {
            return self.recode(piece, content, open, warn);
        }
        if self.keeps(piece.algorithm, piece.framing) {
            let out = open(algorithm, piece.len().filter(|len| *len > 0))?;
            let (mut out, n) = self.passing.pass(piece, out, warn)?;
            if n == 0 && algorithm != Algorithm::None {
                // pg_dump stores an empty large object as an empty file. PostgreSQL 19 does
                // not read that; all read a frame with nothing in it.
                let nothing = Encoder::new(out, self.encoding, self.framing, content, &self.pool)?;
                out = nothing.finish()?;
            }
            return Ok(out);
        }
        #[cfg(feature = "gzip")]
        return self.rewrap(piece, content, open, warn);
        #[cfg(not(feature = "gzip"))]
        return self.recode(piece, content, open, warn);
    }

    /// Decompresses and compresses.
    fn recode<O: PieceSink>(
        &self,
        piece: StoredPiece<'_>,
        content: Content,
        open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
        warn: &mut Warn<'_>,
    ) -> Result<O> {
        self.remake(piece, content, open, warn, |data, encoder| {
            loop {
                let plain = fill(data)?;
                if plain.is_empty() {
                    return Ok(());
                }
                encoder.write_all(plain)?;
                let n = plain.len();
                data.consume(n);
            }
        })
    }

    /// Decompresses a piece, and compresses what `remake` makes of it.
    pub(crate) fn remake<O: PieceSink>(
        &self,
        piece: StoredPiece<'_>,
        content: Content,
        open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
        warn: &mut Warn<'_>,
        remake: impl FnOnce(&mut EntryData<'_>, &mut Encoder<O>) -> Result<()>,
    ) -> Result<O> {
        let mut data = piece.decode(&self.passing.contexts, &self.passing.limits)?;
        let out = open(self.encoding.algorithm(), None)?;
        let mut encoder = Encoder::new(out, self.encoding, self.framing, content, &self.pool)?;
        remake(&mut data, &mut encoder)?;
        if let Some(warning) = data.frame_within_chunk() {
            warn(warning);
        }
        Ok(encoder.finish()?)
    }

    /// Exchanges the wrapper around deflate data.
    #[cfg(feature = "gzip")]
    fn rewrap<O: PieceSink>(
        &self,
        mut piece: StoredPiece<'_>,
        content: Content,
        open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
        warn: &mut Warn<'_>,
    ) -> Result<O> {
        use crate::compress::rewrap::{examine_gzip, gzip_to_zlib, zlib_to_gzip};

        let mut tail = Tail::default();
        let Some(member) = piece.member.clone().filter(|_| piece.framing == Framing::File) else {
            let mut out = open(Algorithm::Gzip, None)?;
            let result = zlib_to_gzip(&mut piece, &mut out, |plain| tail.pass(plain));
            result.map_err(|error| piece.placed(error))?;
            piece.check_tail(&tail)?;
            return Ok(out);
        };
        // What is wrong with a file is found out before anything of it is written.
        let examined = examine_gzip(&mut piece, |plain| tail.pass(plain));
        let Some(deflated) = examined.map_err(|error| piece.placed(error))? else {
            // Several members, plain text, or something behind the data.
            let again = StoredPiece::member(member, piece.entry.clone(), piece.marked);
            return self.recode(again, content, open, warn);
        };
        piece.check_tail(&tail)?;
        let mut out = open(Algorithm::Gzip, None)?;
        let result = gzip_to_zlib(&mut member.reader(), &deflated, &mut out);
        result.map_err(|error| piece.placed(error))?;
        Ok(out)
    }
}

impl Passing {
    pub(super) fn new(contexts: &Arc<Contexts>, limits: &Limits, decode: bool) -> Passing {
        Passing { decode, contexts: Arc::clone(contexts), limits: *limits }
    }

    /// Passes the stored bytes of a piece on as they are, and says how many that were. Zeros behind
    /// lz4 and zstd frames are left out.
    pub(super) fn pass<O: PieceSink>(
        &self,
        mut piece: StoredPiece<'_>,
        mut out: O,
        warn: &mut Warn<'_>,
    ) -> Result<(O, u64)> {
        let mut check = piece.check();
        if self.decode || !looks_whole(&piece)? {
            return self.pass_and_decode(piece, out, check, warn);
        }
        let mut n = 0;
        loop {
            let passed = fill(&mut piece).map(|data| pass_on(data, &mut check, &mut out));
            let (len, result) = passed.map_err(|error| piece.placed(error))?;
            piece.consume(len);
            result.map_err(|error| piece.placed(error))?;
            if len == 0 {
                break;
            }
            n += len as u64;
        }
        check.finish().map_err(|error| piece.placed(error))?;
        warn_of_frames(&piece, warn);
        Ok((out, n))
    }

    /// The same, while all of it is decompressed.
    fn pass_and_decode<O: PieceSink>(
        &self,
        piece: StoredPiece<'_>,
        out: O,
        check: StoredCheck,
        warn: &mut Warn<'_>,
    ) -> Result<(O, u64)> {
        let (algorithm, framing) = (piece.algorithm, piece.framing);
        let mut tail = Tail::default();
        let tee = Tee { piece, out, check, passed: 0, failed: None };
        if tee.check.may_be_nothing() && tee.piece.len() == Some(0) {
            return Ok((tee.out, 0));
        }
        let mut decoder = Decoder::new(tee, algorithm, framing, &self.limits, &self.contexts)?;
        loop {
            let n = match decoder.fill_buf() {
                Ok([]) => break,
                Ok(plain) => {
                    tail.pass(plain);
                    plain.len()
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(decoder.get_ref().piece.placed(error)),
            };
            decoder.consume(n);
        }
        let Tee { piece, out, check, passed, failed } = decoder.into_inner();
        let written = failed.map_or(Ok(()), Err);
        written.and_then(|()| check.finish()).map_err(|error| piece.placed(error))?;
        piece.check_tail(&tail)?;
        warn_of_frames(&piece, warn);
        Ok((out, passed))
    }
}

/// Passes bytes of a piece on, each frame in chunks of its own. Says how many were good.
fn pass_on(
    data: &[u8],
    check: &mut StoredCheck,
    out: &mut impl PieceSink,
) -> (usize, io::Result<()>) {
    let mut done = 0;
    while done < data.len() {
        let mut pass = || {
            if check.is_between_frames() {
                out.begin_chunk()?;
            }
            let n = check.take(&data[done..])?;
            if check.is_short_frame() {
                out.keep_whole()?;
            }
            if !check.is_padding() {
                out.write_all(&data[done..done + n])?;
            }
            Ok(n)
        };
        match pass() {
            Ok(n) => done += n,
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}

fn warn_of_frames(piece: &StoredPiece<'_>, warn: &mut Warn<'_>) {
    if piece.frame_within_chunk() {
        warn(piece.placed(frame_within_chunk()));
    }
}

/// Whether a gzip file may be whole, by its first and last bytes: the length of the plain data, of
/// which the last four bytes are the lower half, must be one that so much deflate data can become.
/// What does not look so may still be: of several members, or with zeros behind them.
pub(super) fn looks_whole(piece: &StoredPiece<'_>) -> Result<bool> {
    /// Bytes before and behind the deflate data, and the bytes that hold nothing.
    const WRAPPER: u64 = 18;
    /// Deflate makes at most so many bytes of one.
    const MOST: u64 = 1032;
    /// What is shorter is sooner decompressed than copied.
    const SHORT: u64 = 4 << 10;
    let Some(member) = piece.member.as_ref().filter(|_| piece.algorithm == Algorithm::Gzip) else {
        return Ok(true);
    };
    let Some(deflated) = member.len().checked_sub(WRAPPER).filter(|len| *len > SHORT) else {
        return Ok(false);
    };
    let read = |mut reader: SourceReader, bytes: &mut [u8]| {
        reader.read_exact(bytes).map_err(|error| piece.placed(error))
    };
    let mut head = [0; 4];
    read(member.reader(), &mut head)?;
    let mut len = [0; 4];
    read(member.tail(4), &mut len)?;
    // Nothing but the data follows the header.
    if head != [0x1f, 0x8b, 8, 0] {
        return Ok(false);
    }
    // What cannot be compressed becomes little longer.
    let least = deflated.saturating_sub(deflated / 1000 + 64);
    let most = deflated.saturating_mul(MOST);
    let behind = u64::from(u32::from_le_bytes(len)).wrapping_sub(least) & u64::from(u32::MAX);
    Ok(behind <= most - least)
}

/// Reads a piece, and passes on what was read.
struct Tee<'a, O> {
    piece: StoredPiece<'a>,
    out: O,
    check: StoredCheck,
    passed: u64,
    failed: Option<io::Error>,
}

impl<O: PieceSink> BufRead for Tee<'_, O> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.piece.fill_buf(),
        }
    }

    fn consume(&mut self, n: usize) {
        if let (None, Ok(bytes)) = (&self.failed, self.piece.fill_buf()) {
            let bytes = &bytes[..n.min(bytes.len())];
            self.failed = pass_on(bytes, &mut self.check, &mut self.out).1.err();
        }
        self.piece.consume(n);
        self.passed += n as u64;
    }
}

impl<O: PieceSink> Read for Tee<'_, O> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

/// The next bytes; again when a signal came in between.
fn fill(input: &mut impl BufRead) -> Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::from(error)),
        }
    }
    Ok(input.fill_buf()?)
}

/// Copies all that is left.
pub(super) fn copy(input: &mut impl BufRead, output: &mut impl Write) -> Result<()> {
    loop {
        let data = fill(input)?;
        if data.is_empty() {
            return Ok(());
        }
        output.write_all(data)?;
        let n = data.len();
        input.consume(n);
    }
}

/// How much is copied at once, so that the progress is told in between.
const STRETCH: u64 = 8 << 20;

/// As [`copy`] into a new file, within the operating system where it can do that.
pub(super) fn copy_to_file(input: &mut SourceReader, output: &mut Output<File>) -> Result<()> {
    while let Some(copied) = output.direct(|file| input.copy_to(file, STRETCH)) {
        if copied? == 0 {
            return Ok(());
        }
    }
    copy(input, output)
}
