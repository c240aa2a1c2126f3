//! A file, read at positions.

use std::fs::File;
use std::io;
use std::path::Path;

use super::Source;

/// A file as a [`Source`](super::Source), read at positions without a shared cursor.
///
/// This is the usual source. Memory stays small however large the file is. A file that shrinks
/// while it is read gives an error, whereas a mapped one would end the process.
///
/// ```
/// use pgdmp::Archive;
/// use pgdmp::source::FileSource;
///
/// let archive = Archive::read(FileSource::open("fixtures/pg17/small-custom.dump")?)?;
/// assert!(archive.entries().count() > 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens a regular file or a block device.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        FileSource::new(File::open(path)?)
    }

    /// Uses an open file. It is read from its start, wherever its cursor is.
    pub fn new(mut file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let len = if metadata.is_file() {
            metadata.len()
        } else {
            // A block device says its length only to a seek; a pipe fails here.
            io::Seek::seek(&mut file, io::SeekFrom::End(0))?
        };
        Ok(FileSource { file, len })
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    #[cfg(unix)]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buf, offset)
    }
    #[cfg(target_os = "linux")]
    fn copy_to(&self, file: &File, mut offset: u64, len: u64) -> Option<io::Result<u64>> {
        use rustix::io::Errno;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(&self.file, Some(&mut offset), file, None, len) {
            Ok(n) => Some(Ok(n as u64)),
            // From one file system to another, to or from what is no regular file, where it is not
            // allowed.
            Err(
                Errno::XDEV
                | Errno::INVAL
                | Errno::NOSYS
                | Errno::OPNOTSUPP
                | Errno::BADF
                | Errno::PERM,
            ) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}
