//! A pipe, read once from front to back.

use std::fs::Metadata;
use std::io::{self, BufRead, Read};
use std::ops::Range;

use super::{OnRead, Peek, Positioned};

const SIZE: usize = 128 << 10;

/// A buffered reader over anything that can be read, which counts its position.
#[derive(Debug)]
pub(crate) struct Pipe<R> {
    inner: R,
    buffer: Box<[u8]>,
    filled: Range<usize>,
    /// Position of the byte after the buffered ones.
    next: u64,
    on_read: Option<OnRead>,
}

impl<R: Read> Pipe<R> {
    pub(crate) fn new(inner: R) -> Self {
        Pipe::watched(inner, None)
    }

    /// Tells of what is read.
    pub(crate) fn watched(inner: R, on_read: Option<OnRead>) -> Self {
        Pipe { inner, buffer: vec![0; SIZE].into_boxed_slice(), filled: 0..0, next: 0, on_read }
    }

    /// Reads to the end.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        loop {
            match self.fill_buf()?.len() {
                0 => return Ok(()),
                n => self.consume(n),
            }
        }
    }

    /// `n` more bytes are in the buffer.
    fn count(&mut self, n: usize) {
        self.next += n as u64;
        if let Some(on_read) = &self.on_read {
            on_read.tell(n as u64);
        }
    }
}

impl<R: Read> Peek for Pipe<R> {
    fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        let n = n.min(SIZE);
        if self.filled.len() < n {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
            while self.filled.len() < n {
                let got = read_some(&mut self.inner, &mut self.buffer[self.filled.end..])?;
                if got == 0 {
                    break;
                }
                self.filled.end += got;
                self.count(got);
            }
        }
        Ok(&self.buffer[self.filled.clone()])
    }
}

/// One read, again when a signal came in between.
fn read_some(inner: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match inner.read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(|n| n.min(buf.len())),
        }
    }
}

impl<R: Read> BufRead for Pipe<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.filled.is_empty() {
            let n = read_some(&mut self.inner, &mut self.buffer)?;
            self.filled = 0..n;
            self.count(n);
        }
        Ok(&self.buffer[self.filled.clone()])
    }

    fn consume(&mut self, n: usize) {
        self.filled.start = (self.filled.start + n).min(self.filled.end);
    }
}

impl<R: Read> Read for Pipe<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> Positioned for Pipe<R> {
    fn position(&self) -> u64 {
        self.next - self.filled.len() as u64
    }

    fn remaining(&self) -> Option<u64> {
        None
    }
}

/// Whether a file can only be read front to back.
pub(crate) fn is_pipe(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        kind.is_fifo() || kind.is_char_device() || kind.is_socket()
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}
