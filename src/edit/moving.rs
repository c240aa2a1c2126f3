//! The data of one table or large object, from one archive into another.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use crate::archive::{ArchiveWriter, StoredPiece};
use crate::compress::{Algorithm, Contexts, Encoder, EncoderPool, Encoding, Framing};
use crate::error::{Error, Result};
use crate::format::output::Output;
use crate::limits::Limits;
use crate::source::SourceReader;

/// Tells how many stored bytes went by.
pub(super) type Progress<'a> = dyn FnMut(u64) + 'a;

/// How pieces are to be stored.
#[derive(Debug, Clone)]
pub(super) struct Moving {
    pub(super) encoding: Encoding,
    pub(super) framing: Framing,
    /// Whether what is in the right compression is compressed anew.
    pub(super) recompress: bool,
    pub(super) pool: Arc<EncoderPool>,
    pub(super) contexts: Arc<Contexts>,
    pub(super) limits: Limits,
}

impl Moving {
    pub(super) fn to<W: Write>(
        writer: &ArchiveWriter<W>,
        recompress: bool,
        contexts: &Arc<Contexts>,
        limits: &Limits,
    ) -> Moving {
        Moving {
            encoding: writer.encoding(),
            framing: writer.sink().framing(),
            recompress,
            pool: Arc::clone(writer.pool()),
            contexts: Arc::clone(contexts),
            limits: *limits,
        }
    }

    /// Whether data that is stored so stays as it is.
    pub(super) fn keeps(&self, algorithm: Algorithm, framing: Framing) -> bool {
        algorithm == self.encoding.algorithm()
            && !self.recompress
            && (algorithm != Algorithm::Gzip || framing == self.framing)
    }

    /// Moves a piece, as it is stored where that is possible, to where `open` says when it is
    /// known how it is compressed there and, perhaps, how long it becomes.
    pub(super) fn piece<O: Write>(
        &self,
        mut piece: StoredPiece<'_>,
        open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
        progress: &mut Progress<'_>,
    ) -> Result<O> {
        let algorithm = self.encoding.algorithm();
        if piece.algorithm != algorithm || self.recompress {
            return self.recode(piece, open, progress);
        }
        if self.keeps(piece.algorithm, piece.framing) {
            let mut out = open(algorithm, piece.len().filter(|len| *len > 0))?;
            let n = copy(&mut piece, &mut out, progress).map_err(|error| piece.placed(error))?;
            if n == 0 && algorithm != Algorithm::None {
                // pg_dump stores an empty large object as an empty file. PostgreSQL 19 does
                // not read that; all read a frame with nothing in it.
                let nothing = Encoder::new(out, self.encoding, self.framing, &self.pool)?;
                out = nothing.finish()?;
            }
            return Ok(out);
        }
        #[cfg(feature = "gzip")]
        return self.rewrap(piece, open, progress);
        #[cfg(not(feature = "gzip"))]
        return self.recode(piece, open, progress);
    }

    /// Decompresses and compresses.
    fn recode<O: Write>(
        &self,
        piece: StoredPiece<'_>,
        open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
        progress: &mut Progress<'_>,
    ) -> Result<O> {
        let mut data = piece.decode(&self.contexts, &self.limits)?;
        let out = open(self.encoding.algorithm(), None)?;
        let mut encoder = Encoder::new(out, self.encoding, self.framing, &self.pool)?;
        let mut before = 0;
        loop {
            let plain = fill(&mut data)?;
            if plain.is_empty() {
                break;
            }
            encoder.write_all(plain)?;
            let n = plain.len();
            data.consume(n);
            let position = data.stored_position();
            progress(position - before);
            before = position;
        }
        Ok(encoder.finish()?)
    }

    /// Exchanges the wrapper around deflate data.
    #[cfg(feature = "gzip")]
    fn rewrap<O: Write>(
        &self,
        mut piece: StoredPiece<'_>,
        open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
        progress: &mut Progress<'_>,
    ) -> Result<O> {
        use crate::compress::rewrap::{examine_gzip, gzip_to_zlib, zlib_to_gzip};

        let Some(member) = piece.member.clone().filter(|_| piece.framing == Framing::File) else {
            let mut out = open(Algorithm::Gzip, None)?;
            let mut counted = Counted { inner: &mut piece, progress };
            let result = zlib_to_gzip(&mut counted, &mut out);
            result.map_err(|error| piece.placed(error))?;
            return Ok(out);
        };
        // What is wrong with a file is found out before anything of it is written.
        let examined = examine_gzip(&mut piece).map_err(|error| piece.placed(error))?;
        let Some(deflated) = examined else {
            // Several members, or plain text.
            let again = StoredPiece::member(member, piece.entry.clone());
            return self.recode(again, open, progress);
        };
        let mut out = open(Algorithm::Gzip, None)?;
        let mut reader = member.reader();
        let mut counted = Counted { inner: &mut reader, progress };
        gzip_to_zlib(&mut counted, &deflated, &mut out).map_err(|error| piece.placed(error))?;
        Ok(out)
    }
}

/// Reads on, and tells how much.
#[cfg(feature = "gzip")]
struct Counted<'a, 'p, R> {
    inner: &'a mut R,
    progress: &'a mut Progress<'p>,
}

#[cfg(feature = "gzip")]
impl<R: BufRead> BufRead for Counted<'_, '_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        (self.progress)(n as u64);
        self.inner.consume(n);
    }
}

#[cfg(feature = "gzip")]
impl<R: BufRead> io::Read for Counted<'_, '_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        (self.progress)(n as u64);
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

/// Copies all that is left, and says how much that was.
pub(super) fn copy(
    input: &mut impl BufRead,
    output: &mut impl Write,
    progress: &mut Progress<'_>,
) -> Result<u64> {
    let mut bytes = 0;
    loop {
        let data = fill(input)?;
        if data.is_empty() {
            return Ok(bytes);
        }
        output.write_all(data)?;
        let n = data.len();
        input.consume(n);
        bytes += n as u64;
        progress(n as u64);
    }
}

/// What is copied at once before the progress is told.
const STRETCH: u64 = 8 << 20;

/// As [`copy`] into a new file, within the operating system where it can do that.
pub(super) fn copy_to_file(
    input: &mut SourceReader,
    output: &mut Output<File>,
    progress: &mut Progress<'_>,
) -> Result<()> {
    while let Some(copied) = output.direct(|file| input.copy_to(file, STRETCH)) {
        match copied? {
            0 => return Ok(()),
            n => progress(n),
        }
    }
    copy(input, output, progress).map(drop)
}
