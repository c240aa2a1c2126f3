//! The data of one entry, decompressed.

use std::io::{self, BufRead, Read, Write};

use super::stored::Stored;
use super::stored_check::{Tail, frame_within_chunk, no_end_marker, nothing};
use crate::compress::PieceReader;
use crate::error::{EntryName, Error, Fault, Result};

/// A reader of the decompressed data of an entry, or of a large object.
///
/// The data of a table is COPY text or INSERT statements as pg_dump wrote them, in the encoding of
/// the archive.
///
/// Data is streamed through buffers of about half a MiB, plus a decompressor's window. The reader
/// is buffered itself: [`BufRead::fill_buf`] lends decompressed bytes without a copy.
///
/// Errors are [`io::Error`]s; [`Error::from`] converts them back to the [`Error`] with its place
/// and entry. Data that ends too early, or has bytes behind its end, is an error and never a normal
/// end. So is COPY text without the end marker `\.`, if the archive was opened with its
/// [statements](super::OpenOptions::statements).
///
/// ```
/// use std::io::BufRead;
/// use pgdmp::{Archive, Desc};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let data = archive.data(town.dump_id())?;
/// let lines: Vec<Vec<u8>> = data.split(b'\n').collect::<std::io::Result<_>>()?;
/// assert!(lines[0].starts_with(b"1\t"));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct EntryData<'a> {
    decoder: PieceReader<Stored<'a>>,
    entry: EntryName,
    member: Option<String>,
    /// The last bytes, of data that ends with an end marker.
    tail: Option<Tail>,
    /// What was found at the end and is no error.
    complaints: Option<Vec<Error>>,
    ended: bool,
}

impl<'a> EntryData<'a> {
    pub(super) fn new(
        decoder: PieceReader<Stored<'a>>,
        entry: EntryName,
        member: Option<String>,
        marked: bool,
    ) -> Self {
        let tail = marked.then(Tail::default);
        EntryData { decoder, entry, member, tail, complaints: None, ended: false }
    }

    /// Makes of what pg_restore passes over a [complaint](Self::complaints) instead of an error.
    pub(crate) fn be_lenient(&mut self) {
        self.decoder.be_lenient();
        self.complaints = Some(Vec::new());
    }

    /// Lets no other thread decompress data that is one stream: for who does nothing with it that takes
    /// time, handing it over costs more than it saves.
    pub(crate) fn stay_on_this_thread(&mut self) {
        self.decoder.stay_on_this_thread();
    }

    /// What is wrong with data that was read to its end.
    pub(crate) fn complaints(self) -> Vec<Error> {
        self.complaints.unwrap_or_default()
    }

    /// Whether, in what was read, a zstd frame began within a chunk.
    pub(crate) fn frame_within_chunk(&self) -> Option<Error> {
        let met = self.decoder.frame_within_chunk();
        met.then(|| self.placed(frame_within_chunk().into()).into())
    }

    /// At the end of the data: whether that is where it should be.
    fn end(&mut self) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        let mut found: Vec<Error> = Vec::new();
        if self.member.is_none() && self.decoder.has_no_frames() {
            found.push(nothing());
        } else if self.tail.as_ref().is_some_and(|tail| !tail.is_end_marker()) {
            found.push(no_end_marker());
        }
        match &mut self.complaints {
            None => {
                if let Some(error) = found.pop() {
                    return Err(self.placed(error.into()));
                }
            }
            Some(_) => {
                if self.decoder.has_ignored() {
                    let what = "bytes follow the end of the compressed data";
                    found.push(Error::malformed(what).with_fault(Fault::BytesBehind));
                }
                let placed = found.into_iter().map(|error| self.placed(error.into()).into());
                self.complaints = Some(placed.chain(self.frame_within_chunk()).collect());
            }
        }
        self.ended = true;
        Ok(())
    }

    /// Writes the rest of the data to `output`, and returns its length in bytes.
    pub fn copy_to(&mut self, output: impl Write) -> Result<u64> {
        copy_rest(self, output)
    }

    fn placed(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        let mut error = Error::from(error).at(self.decoder.position());
        if let Some(member) = &self.member {
            error = error.in_member(member);
        }
        error.in_entry(|| self.entry.clone()).into()
    }
}

/// Writes all that is left, without a copy in between.
pub(super) fn copy_rest(data: &mut impl BufRead, mut output: impl Write) -> Result<u64> {
    let mut bytes = 0;
    loop {
        let some = data.fill_buf()?;
        if some.is_empty() {
            return Ok(bytes);
        }
        output.write_all(some).map_err(Error::from)?;
        let n = some.len();
        bytes += n as u64;
        data.consume(n);
    }
}

impl Read for EntryData<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buf).map_err(|error| self.placed(error))?;
        if let Some(tail) = &mut self.tail {
            tail.pass(&buf[..n]);
        }
        if n == 0 && !buf.is_empty() {
            self.end()?;
        }
        Ok(n)
    }
}

impl BufRead for EntryData<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // The borrow of an early return would last too long; an empty or full buffer is the same
        // when asked for again.
        match self.decoder.fill_buf() {
            Err(error) => return Err(self.placed(error)),
            Ok([]) => self.end()?,
            Ok(_) => {}
        }
        self.decoder.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        if let Some(tail) = &mut self.tail
            && n > 0
            && let Ok(bytes) = self.decoder.fill_buf()
        {
            tail.pass(&bytes[..n.min(bytes.len())]);
        }
        self.decoder.consume(n);
    }
}
