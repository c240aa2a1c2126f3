//! Where the bytes of an archive come from.
//!
//! A [`Source`] is read at any position, by any number of threads: a file, memory, or your own type,
//! for example one that reads from object storage. [`Members`] are the files of a directory archive in
//! another place than a directory. A pipe has no positions: [`ArchiveStream`](crate::ArchiveStream)
//! reads it in one pass.

mod file;
#[cfg(feature = "mmap")]
mod mapped;
mod members;
mod pipe;
mod reader;
mod watched;

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

pub use file::FileSource;
#[cfg(feature = "mmap")]
pub use mapped::MappedFile;
pub use members::Members;
pub(crate) use pipe::{Pipe, is_pipe};
pub(crate) use reader::{AtHand, SourceReader, read_some};
pub(crate) use watched::OnRead;

/// Bytes that can be read at any position, by several threads at once.
///
/// Implemented for files ([`FileSource`]), mapped files (`MappedFile`, feature `mmap`) and memory
/// (`Vec<u8>`, `&'static [u8]`, `Arc<[u8]>`). Implement it for anything else that holds archives:
/// [`len`](Self::len) and [`read_at`](Self::read_at) suffice.
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

    /// How many bytes to read at once. A reader begins with the start of the range, because most
    /// tables are small, and doubles the size with each read up to the end of the range.
    ///
    /// The default, 8 KiB to 128 KiB, suits local files. A source that takes long to answer, as
    /// object storage does, should give more, for example 1 MiB to 8 MiB. Each reader has a buffer
    /// of the largest size that it came to.
    fn read_size(&self) -> Range<usize> {
        8 << 10..128 << 10
    }

    // Not for other crates to implement: they are how readers use what only a file can do, and tell
    // of bytes that they borrowed.

    /// Copies some bytes at `offset`, at most `len`, to where `file` stands, and says how many, if
    /// the operating system can do that without handing them out. 0 only at or after the end.
    #[doc(hidden)]
    fn copy_to(&self, file: &File, offset: u64, len: u64) -> Option<io::Result<u64>> {
        let _ = (file, offset, len);
        None
    }

    /// Whether [`lent`](Self::lent) is to be called.
    #[doc(hidden)]
    fn is_watched(&self) -> bool {
        false
    }

    /// So many of the bytes in memory were read.
    #[doc(hidden)]
    fn lent(&self, bytes: u64) {
        let _ = bytes;
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

    fn read_size(&self) -> Range<usize> {
        (**self).read_size()
    }

    fn copy_to(&self, file: &File, offset: u64, len: u64) -> Option<io::Result<u64>> {
        (**self).copy_to(file, offset, len)
    }

    fn is_watched(&self) -> bool {
        (**self).is_watched()
    }

    fn lent(&self, bytes: u64) {
        (**self).lent(bytes);
    }
}

/// A buffered reader that knows where it is: over a [`Source`] or over a pipe.
pub(crate) trait Positioned: io::BufRead {
    /// Position of the next byte, from the start of the archive or member.
    fn position(&self) -> u64;

    /// Moves forward. Past the end it fails with [`io::ErrorKind::UnexpectedEof`].
    fn skip(&mut self, n: u64) -> io::Result<()>;

    /// Bytes until the end, if that is known. What claims to be longer is cut off.
    fn remaining(&self) -> Option<u64>;
}

/// An input that can be looked at without moving.
pub(crate) trait Peek: Positioned {
    /// The next bytes: at least `n` of them, which may be up to 64 Ki; fewer only at the
    /// end.
    fn peek(&mut self, n: usize) -> io::Result<&[u8]>;
}

impl<I: Positioned + ?Sized> Positioned for &mut I {
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
