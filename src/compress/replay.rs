//! A reader of bytes that were read already, and then of those behind them.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use super::cutter::PieceSource;

pub(super) struct Replay<R> {
    parts: VecDeque<Part>,
    /// What reading on would come to.
    failed: Option<io::Error>,
    inner: R,
}

/// Stored bytes that any thread can read.
pub(super) type Detached = Replay<Box<dyn PieceSource + Send>>;

struct Part {
    bytes: Vec<u8>,
    used: usize,
    /// Where they stand.
    at: u64,
}

impl<R> Replay<R> {
    pub(super) fn new(inner: R) -> Self {
        Replay { parts: VecDeque::new(), failed: None, inner }
    }

    /// Adds bytes that come before those of the inner reader and behind those that were added, and
    /// the error, if any, that comes behind them.
    pub(super) fn add(&mut self, bytes: Vec<u8>, at: u64, failed: Option<io::Error>) {
        if !bytes.is_empty() {
            self.parts.push_back(Part { bytes, used: 0, at });
        }
        if self.failed.is_none() {
            self.failed = failed;
        }
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.inner
    }
}

impl<R: PieceSource> Replay<R> {
    /// The same, for any thread.
    pub(super) fn detach(self) -> Result<Detached, Self> {
        let Replay { parts, failed, inner } = self;
        match inner.detach() {
            Ok(inner) => Ok(Replay { parts, failed, inner }),
            Err(inner) => Err(Replay { parts, failed, inner }),
        }
    }

    pub(super) fn position(&self) -> u64 {
        match self.parts.front() {
            Some(part) => part.at + part.used as u64,
            None => self.inner.position(),
        }
    }
}

impl<R: BufRead> BufRead for Replay<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(part) = self.parts.front() {
            return Ok(&part.bytes[part.used..]);
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.inner.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        let Some(part) = self.parts.front_mut() else { return self.inner.consume(count) };
        part.used += count.min(part.bytes.len() - part.used);
        if part.used == part.bytes.len() {
            self.parts.pop_front();
        }
    }
}

impl<R: BufRead> Read for Replay<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.parts.is_empty() && self.failed.is_none() {
            return self.inner.read(out);
        }
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}
