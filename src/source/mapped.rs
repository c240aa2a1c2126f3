//! A file mapped into memory; the only `unsafe` of this crate.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

use super::{Source, read_slice};

/// A file mapped into memory, as a [`Source`](super::Source) from which data is borrowed instead of
/// copied.
///
/// It pays for many small reads of one file. Pages that were read count as memory of the process
/// until the system takes them back.
///
/// ```
/// use pgdmp::Archive;
/// use pgdmp::source::MappedFile;
///
/// let archive = Archive::read(MappedFile::open("fixtures/pg17/small-custom.dump")?)?;
/// assert!(archive.entries().count() > 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps a regular file.
    ///
    /// The file must not be shortened while it is mapped: the system ends a process that reads past
    /// the new end. Where that can happen, use [`FileSource`](super::FileSource).
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        MappedFile::new(&File::open(path)?)
    }

    /// Maps an opened file; see [`open`](Self::open).
    pub fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the map is read-only and private to this type, and bytes are all this crate
        // takes from it: another process writing to the file changes what is read, which every
        // reader here has to withstand anyway. Truncation is documented above.
        unsafe { Mmap::map(file) }.map(MappedFile)
    }
}

impl Source for MappedFile {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(read_slice(&self.0, buf, offset))
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}
