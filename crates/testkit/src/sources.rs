//! Sources and readers that are as unhelpful as they may be.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU32, Ordering};

use pgdmp::source::Source;

/// Gives one byte at a time, and now and then a signal comes in between.
#[derive(Debug, Default)]
pub struct OneByte {
    bytes: Vec<u8>,
    calls: AtomicU32,
}

impl OneByte {
    pub fn new(bytes: Vec<u8>) -> Self {
        OneByte { bytes, calls: AtomicU32::new(0) }
    }
}

impl Source for OneByte {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % 7 == 3 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(slot) = buf.first_mut() else { return Ok(0) };
        match usize::try_from(offset).ok().and_then(|at| self.bytes.get(at)) {
            Some(byte) => {
                *slot = *byte;
                Ok(1)
            }
            None => Ok(0),
        }
    }
}

/// A disk with a bad spot: reading the byte at `bad`, or what is behind it, fails.
#[derive(Debug)]
pub struct Failing {
    pub bytes: Vec<u8>,
    pub bad: usize,
}

pub const BAD_SPOT: &str = "a bad spot of the disk";

impl Source for Failing {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        if at >= self.bytes.len() || buf.is_empty() {
            return Ok(0);
        }
        if at >= self.bad {
            return Err(io::Error::other(BAD_SPOT));
        }
        let n = buf.len().min(self.bad - at).min(self.bytes.len() - at);
        buf[..n].copy_from_slice(&self.bytes[at..at + n]);
        Ok(n)
    }
}

impl Failing {
    /// The same as a stream.
    pub fn reader(&self) -> impl Read + Send + '_ {
        FailingReader { source: self, at: 0 }
    }
}

struct FailingReader<'a> {
    source: &'a Failing,
    at: u64,
}

impl Read for FailingReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read_at(buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// A stream of one byte at a time, and now and then a signal.
#[derive(Debug)]
pub struct Trickle<R> {
    inner: R,
    calls: u32,
}

impl<R> Trickle<R> {
    pub fn new(inner: R) -> Self {
        Trickle { inner, calls: 0 }
    }
}

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.calls = self.calls.wrapping_add(1);
        if self.calls % 5 == 2 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = buf.len().min(1);
        self.inner.read(&mut buf[..n])
    }
}

/// A source that lies about its length: it ends before it said it would.
#[derive(Debug)]
pub struct Shrunk {
    pub bytes: Vec<u8>,
    pub claimed: u64,
}

impl Source for Shrunk {
    fn len(&self) -> u64 {
        self.claimed
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.bytes.read_at(buf, offset)
    }
}
