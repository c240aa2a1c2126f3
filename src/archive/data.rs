//! The data of one entry, decompressed.

use std::io::{self, BufRead, Read, Write};

use super::stored::Stored;
use crate::compress::Decoder;
use crate::error::{EntryName, Error, Result};

/// The data of an entry, decompressed: COPY text or INSERT statements as pg_dump wrote them, in
/// the encoding of the archive; or the bytes of a large object.
///
/// It is streamed through fixed buffers, about half a MiB and a decompressor's window. It is
/// itself buffered: [`BufRead::fill_buf`] lends decompressed bytes without a copy.
///
/// Errors come as [`io::Error`]; [`Error::from`] takes the [`Error`] with place and entry out of
/// it. Data that ends early, or has bytes behind its end, is an error, never just an end.
#[derive(Debug)]
pub struct EntryData<'a> {
    decoder: Decoder<Stored<'a>>,
    /// Where the stored bytes begin.
    start: u64,
    entry: EntryName,
    member: Option<String>,
}

impl<'a> EntryData<'a> {
    pub(super) fn new(
        decoder: Decoder<Stored<'a>>,
        entry: EntryName,
        member: Option<String>,
    ) -> Self {
        let start = decoder.get_ref().position();
        EntryData { decoder, start, entry, member }
    }

    /// How many of the stored bytes were consumed so far, framing included: for showing progress
    /// against [`Archive::stored_sizes`](super::Archive::stored_sizes).
    pub fn stored_position(&self) -> u64 {
        self.decoder.get_ref().position() - self.start
    }

    /// Writes all that is left to `output`, and says how many bytes that was.
    pub fn copy_to(&mut self, mut output: impl Write) -> Result<u64> {
        let mut bytes = 0;
        loop {
            let data = self.fill_buf()?;
            if data.is_empty() {
                return Ok(bytes);
            }
            output.write_all(data).map_err(Error::from)?;
            let n = data.len();
            bytes += n as u64;
            self.consume(n);
        }
    }

    fn placed(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        // Not counting what lies between chunks that were taken together.
        let at = self.decoder.get_ref().position() - self.decoder.ahead() as u64;
        let mut error = Error::from(error).at(at);
        if let Some(member) = &self.member {
            error = error.in_member(member);
        }
        error.in_entry(|| self.entry.clone()).into()
    }
}

impl Read for EntryData<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buf).map_err(|error| self.placed(error))
    }
}

impl BufRead for EntryData<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // The borrow of an early return would last too long; an empty or full buffer is the same
        // when asked for again.
        if let Err(error) = self.decoder.fill_buf() {
            return Err(self.placed(error));
        }
        self.decoder.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.decoder.consume(n);
    }
}
