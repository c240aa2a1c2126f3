//! Sources of the bytes of an archive: files, memory, or your own storage.
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
///
/// ```
/// use std::io;
/// use std::ops::Range;
/// use pgdmp::Archive;
/// use pgdmp::source::Source;
///
/// /// An object in object storage.
/// #[derive(Debug)]
/// struct Object {
///     // An HTTP client and a URL in a real program.
///     bytes: Vec<u8>,
/// }
///
/// impl Source for Object {
///     fn len(&self) -> u64 {
///         self.bytes.len() as u64
///     }
///
///     fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
///         // A request for a range of bytes in a real program.
///         let rest = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..));
///         io::Read::read(&mut rest.unwrap_or_default(), buf)
///     }
///
///     fn read_size(&self) -> Range<usize> {
///         1 << 20..8 << 20
///     }
/// }
///
/// let bytes = std::fs::read("fixtures/pg17/small-custom.dump")?;
/// let archive = Archive::read(Object { bytes })?;
/// assert!(archive.entries().count() > 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub trait Source: Send + Sync + fmt::Debug {
    /// The length in bytes. It must not change while the source is in use. If it does, reads fail
    /// or return other bytes.
    fn len(&self) -> u64;

    /// Reads some bytes at `offset` into `buf`, and returns their number. It returns 0 only at or
    /// after the end, or if `buf` is empty.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// All bytes, if they are in memory. Readers then borrow them instead of copying.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// The range of read sizes in bytes. A reader begins with the start of the range, because most
    /// tables are small, and doubles the size with each read up to the end of the range.
    ///
    /// The default, 8 KiB to 128 KiB, suits local files. A slow source, such as object storage,
    /// should return larger sizes, for example 1 MiB to 8 MiB. Each reader keeps a buffer of the
    /// largest size that it reached.
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

    /// Whether the source has no bytes.
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

    /// Moves forward, here by reading. Past the end it fails with [`io::ErrorKind::UnexpectedEof`].
    fn skip(&mut self, mut n: u64) -> io::Result<()> {
        while n > 0 {
            let have = self.fill_buf()?.len();
            if have == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let step = usize::try_from(n).unwrap_or(usize::MAX).min(have);
            self.consume(step);
            n -= step as u64;
        }
        Ok(())
    }

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
