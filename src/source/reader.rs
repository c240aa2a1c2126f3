//! Reading a stretch of a source from front to back.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::Arc;

use super::{Peek, Positioned, Source};
use crate::error::Error;

/// After a skip this long the bytes that follow are read anew, and little of them: what is being
/// walked is then a chain of long chunks of which only the lengths matter.
const LONG_SKIP: u64 = 64 << 10;

/// The same for who wants lengths alone, how much such a one reads first, and of which sources: those
/// that like to be read in larger pieces are slow to answer.
const LONG_FOR_LENGTHS: u64 = 2 << 10;
const OF_LENGTHS: usize = 64;
const QUICK: usize = 8 << 10;

/// Reads `range` of a source. Borrows where the source is in memory, else buffers.
#[derive(Debug)]
pub(crate) struct SourceReader {
    source: Arc<dyn Source>,
    /// Whether the source is in memory, and the buffer unused.
    in_memory: bool,
    /// Where positions are counted from.
    start: u64,
    /// Position of the byte after the buffered ones.
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    /// The part of the buffer that is filled and not yet consumed.
    filled: Range<usize>,
    /// Size of the next read: small at first, because most tables are; each further one doubles.
    size: usize,
    /// Sizes of the first and of the largest read.
    first: usize,
    most: usize,
    long_skip: u64,
    /// Whether the source wants to know what is read of its memory.
    watched: bool,
}

impl SourceReader {
    /// Reads `range`, all of it: where the source ends earlier, that is an error.
    pub(crate) fn new(source: Arc<dyn Source>, range: Range<u64>) -> Self {
        let start = range.start.min(range.end);
        let in_memory = source.bytes().is_some();
        let watched = in_memory && source.is_watched();
        let Range { start: first, end: most } = source.read_size();
        let first = first.max(1);
        SourceReader {
            source,
            in_memory,
            watched,
            first,
            most: most.max(first),
            long_skip: LONG_SKIP,
            start,
            next: start,
            end: range.end,
            buffer: Vec::new(),
            filled: 0..0,
            size: first,
        }
    }

    /// From `start` to the end of the source.
    pub(crate) fn from(source: Arc<dyn Source>, start: u64) -> Self {
        let end = source.len();
        let mut reader = SourceReader::new(source, 0..end);
        reader.next = start.min(end);
        reader
    }

    /// Another reader that stands at the same place.
    pub(crate) fn again(&self) -> Self {
        let reader = SourceReader::new(Arc::clone(&self.source), self.start..self.end);
        SourceReader { next: self.next - self.filled.len() as u64, ..reader }
    }

    /// Reads for the lengths of chunks: hardly more than them, if the chunks are not short.
    pub(crate) fn for_lengths(self) -> Self {
        if self.first > QUICK {
            return self;
        }
        let (first, long_skip) = (OF_LENGTHS, LONG_FOR_LENGTHS);
        SourceReader { first, size: first, long_skip, ..self }
    }

    /// After a skip this long little is read.
    pub(crate) fn long_skip(&self) -> u64 {
        self.long_skip
    }

    pub(crate) fn source(&self) -> Arc<dyn Source> {
        Arc::clone(&self.source)
    }

    /// Copies some of what is left, at most `most` bytes, to where `file` stands, if that can be
    /// done; see [`Source::copy_to`]. 0 is the end.
    pub(crate) fn copy_to(&mut self, file: &File, most: u64) -> Option<io::Result<u64>> {
        let here = self.next - self.filled.len() as u64;
        let len = (self.end - here).min(most);
        if len == 0 {
            return Some(Ok(0));
        }
        match self.source.copy_to(file, here, len)?.map(|n| n.min(len)) {
            // Some file systems say this when they cannot; if it is the end, reading says so.
            Ok(0) => None,
            Ok(n) => {
                self.next = here + n;
                self.filled = 0..0;
                Some(Ok(n))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.copy_to(file, most),
            Err(error) => Some(Err(error)),
        }
    }

    fn too_short(&self) -> io::Error {
        Error::truncated("a file or member that should be longer").at(self.next - self.start).into()
    }

    fn refill(&mut self) -> io::Result<()> {
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let size = self.size.min(left);
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
        let n = read_some(&*self.source, &mut self.buffer[..size], self.next)?;
        if n == 0 {
            return Err(self.too_short());
        }
        self.filled = 0..n;
        self.next += n as u64;
        self.size = self.size.saturating_mul(2).min(self.most);
        Ok(())
    }
}

/// One read, again when a signal came in between.
pub(crate) fn read_some(source: &dyn Source, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match source.read_at(buf, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A source may not claim more than it was given room for.
            result => return result.map(|n| n.min(buf.len())),
        }
    }
}

impl BufRead for SourceReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.in_memory {
            let bytes = self.source.bytes().unwrap_or_default();
            let end = usize::try_from(self.end).unwrap_or(usize::MAX).min(bytes.len());
            let start = usize::try_from(self.next).unwrap_or(usize::MAX).min(end);
            if start == end && self.next < self.end {
                return Err(self.too_short());
            }
            return Ok(&bytes[start..end]);
        }
        if self.filled.is_empty() && self.next < self.end {
            self.refill()?;
        }
        Ok(&self.buffer[self.filled.clone()])
    }

    fn consume(&mut self, n: usize) {
        if self.in_memory {
            if self.watched {
                self.source.lent(n as u64);
            }
            self.next = self.next.saturating_add(n as u64).min(self.end);
        } else {
            self.filled.start = (self.filled.start + n).min(self.filled.end);
        }
    }
}

impl Read for SourceReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // A large read into an empty buffer needs no detour.
        if self.filled.is_empty() && buf.len() >= self.most && !self.in_memory {
            let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
            let size = buf.len().min(left);
            let n = read_some(&*self.source, &mut buf[..size], self.next)?;
            if n == 0 && size > 0 {
                return Err(self.too_short());
            }
            self.next += n as u64;
            return Ok(n);
        }
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl Positioned for SourceReader {
    fn position(&self) -> u64 {
        self.next - self.filled.len() as u64 - self.start
    }

    fn skip(&mut self, n: u64) -> io::Result<()> {
        if n <= self.filled.len() as u64 {
            self.filled.start += n as usize;
            return Ok(());
        }
        let here = self.next - self.filled.len() as u64;
        let target = here.checked_add(n).filter(|target| *target <= self.end);
        let Some(target) = target else {
            self.next = self.end;
            self.filled = 0..0;
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        if n >= self.long_skip {
            self.size = self.first;
        }
        self.next = target;
        self.filled = 0..0;
        Ok(())
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.end - self.start - self.position())
    }
}

impl Peek for SourceReader {
    fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        if !self.in_memory && self.filled.len() < n && left > 0 {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
            let most = n.min(self.filled.len().saturating_add(left));
            if self.buffer.len() < most {
                self.buffer.resize(most, 0);
            }
            while self.filled.end < most {
                let room = &mut self.buffer[self.filled.end..most];
                let n = read_some(&*self.source, room, self.next)?;
                if n == 0 {
                    return Err(self.too_short());
                }
                self.filled.end += n;
                self.next += n as u64;
            }
            return Ok(&self.buffer[self.filled.clone()]);
        }
        self.fill_buf()
    }
}

/// Bytes that lie in the buffer of another input, as one that ends with them.
#[derive(Debug)]
pub(crate) struct AtHand<'a> {
    bytes: &'a [u8],
    /// Position behind them.
    end: u64,
}

impl<'a> AtHand<'a> {
    /// `position`: of the first of them.
    pub(crate) fn new(bytes: &'a [u8], position: u64) -> Self {
        AtHand { bytes, end: position + bytes.len() as u64 }
    }
}

impl BufRead for AtHand<'_> {
    #[inline(always)]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.bytes)
    }

    #[inline(always)]
    fn consume(&mut self, n: usize) {
        self.bytes = self.bytes.get(n..).unwrap_or_default();
    }
}

impl Read for AtHand<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buf)
    }
}

impl Positioned for AtHand<'_> {
    #[inline]
    fn position(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    fn skip(&mut self, n: u64) -> io::Result<()> {
        if n > self.bytes.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.bytes.consume(n as usize);
        Ok(())
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileSource;

    /// From the middle of a file, after reading ahead, and from what is no file.
    #[test]
    fn copies_what_is_left() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("source");
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&path, &bytes)?;
        let file: Arc<dyn Source> = Arc::new(FileSource::open(&path)?);
        let memory: Arc<dyn Source> = Arc::new(bytes.clone());
        for source in [file, memory] {
            let mut reader = SourceReader::new(Arc::clone(&source), 10..300_000);
            let mut first = [0; 5];
            reader.read_exact(&mut first)?;
            let target = folder.path().join("target");
            let to = File::create(&target)?;
            let mut copied = 0;
            while let Some(n) = reader.copy_to(&to, 70_000).transpose()?.filter(|n| *n > 0) {
                copied += n;
                assert_eq!(reader.position(), 5 + copied);
            }
            assert_eq!(std::fs::read(&target)?, &bytes[15..15 + copied as usize]);
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest)?;
            assert_eq!(rest, &bytes[15 + copied as usize..300_000]);
            assert!(source.bytes().is_some() == (copied == 0) || cfg!(not(target_os = "linux")));
        }
        Ok(())
    }
}
