//! Where an archive's bytes come from.
//!
//! A [`Source`] is read at any position by any number of threads. A pipe has no positions: it is
//! read in one pass.

mod file;
#[cfg(feature = "mmap")]
mod mapped;
mod pipe;
mod reader;

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

pub use file::FileSource;
#[cfg(feature = "mmap")]
pub use mapped::MappedFile;
pub(crate) use pipe::Pipe;
pub(crate) use reader::{AtHand, SourceReader, read_some};

/// Bytes that can be read at any position, by several threads at once.
///
/// Implemented for files ([`FileSource`]), mapped files (`MappedFile`, feature `mmap`) and memory
/// (`Vec<u8>`, `&'static [u8]`, `Arc<[u8]>`). Implement it for whatever else holds archives.
pub trait Source: Send + Sync + fmt::Debug {
    /// Length in bytes. It must not change while the source is in use; if it does, reads fail or
    /// give other bytes, nothing worse.
    fn len(&self) -> u64;

    /// Reads some bytes at `offset` into `buf`, and says how many. 0 only at or after the end, or
    /// when `buf` is empty.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// All bytes, if they lie in memory. Readers then borrow them instead of copying.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// Copies some bytes at `offset`, at most `len`, to where `file` stands, and says how many, if
    /// the operating system can do that without handing them out. 0 only at or after the end.
    fn copy_to(&self, file: &File, offset: u64, len: u64) -> Option<io::Result<u64>> {
        let _ = (file, offset, len);
        None
    }

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Copies what lies at `offset`, for sources that are in memory.
fn read_slice(bytes: &[u8], buf: &mut [u8], offset: u64) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let n = rest.len().min(buf.len());
    buf[..n].copy_from_slice(&rest[..n]);
    n
}

macro_rules! in_memory {
    ($($type:ty),*) => {$(
        impl Source for $type {
            fn len(&self) -> u64 {
                <[u8]>::len(self) as u64
            }

            fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
                Ok(read_slice(self, buf, offset))
            }

            fn bytes(&self) -> Option<&[u8]> {
                Some(self)
            }
        }
    )*};
}

in_memory!(Vec<u8>, Box<[u8]>, Arc<[u8]>, &'static [u8]);

impl<S: Source + ?Sized> Source for Arc<S> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn bytes(&self) -> Option<&[u8]> {
        (**self).bytes()
    }

    fn copy_to(&self, file: &File, offset: u64, len: u64) -> Option<io::Result<u64>> {
        (**self).copy_to(file, offset, len)
    }
}

/// A buffered reader that knows where it is: over a [`Source`] or over a pipe.
pub(crate) trait Input: io::BufRead {
    /// Position of the next byte, from the start of the archive or member.
    fn position(&self) -> u64;

    /// Moves forward. Past the end it fails with [`io::ErrorKind::UnexpectedEof`].
    fn skip(&mut self, n: u64) -> io::Result<()>;

    /// Bytes until the end, if that is known. What claims to be longer is cut off.
    fn remaining(&self) -> Option<u64>;
}

/// An input that can be looked at without moving.
pub(crate) trait Peek: Input {
    /// The next bytes: at least `n` of them, which may be up to 64 Ki; fewer only at the
    /// end.
    fn peek(&mut self, n: usize) -> io::Result<&[u8]>;
}

impl<I: Input + ?Sized> Input for &mut I {
    fn position(&self) -> u64 {
        (**self).position()
    }

    fn skip(&mut self, n: u64) -> io::Result<()> {
        (**self).skip(n)
    }

    fn remaining(&self) -> Option<u64> {
        (**self).remaining()
    }
}
