//! The archive a command works on: a file, a directory, or a pipe.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use super::Failure;
use crate::{Archive, ArchiveStream, Error, ErrorKind, FileSource, Format, Toc};

/// A pipe, whatever is at its other end.
pub(super) type Stream = ArchiveStream<Box<dyn Read + Send>>;

/// An opened archive.
#[derive(Debug)]
pub(super) enum Input {
    /// Its data can be read in any order.
    Archive(Box<Archive>),
    /// Its data comes once, in the order of the archive.
    Stream(Box<Stream>),
}

impl Input {
    /// Opens an archive; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Input, Failure> {
        if path.as_os_str() == "-" {
            return Input::stdin();
        }
        match Archive::open(path) {
            Ok(archive) => Ok(Input::Archive(Box::new(archive))),
            // A named pipe, or a shell's <(command).
            Err(error) if matches!(error.kind(), ErrorKind::Usage { .. }) => {
                let file = File::open(path).map_err(Error::from)?;
                Input::stream(Box::new(file))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn stdin() -> Result<Input, Failure> {
        if let Some(file) = seekable_stdin()
            && let Ok(source) = FileSource::new(file)
        {
            return Ok(Input::Archive(Box::new(Archive::read(source)?)));
        }
        Input::stream(Box::new(io::stdin()))
    }

    fn stream(reader: Box<dyn Read + Send>) -> Result<Input, Failure> {
        Ok(Input::Stream(Box::new(ArchiveStream::new(reader)?)))
    }

    pub(super) fn toc(&self) -> &Toc {
        match self {
            Input::Archive(archive) => archive.toc(),
            Input::Stream(stream) => stream.toc(),
        }
    }

    pub(super) fn format(&self) -> Format {
        match self {
            Input::Archive(archive) => archive.format(),
            Input::Stream(stream) => stream.format(),
        }
    }
}

/// Standard input as a file, if it is one (`< file`) and nothing of it was read yet.
#[cfg(unix)]
pub(super) fn seekable_stdin() -> Option<File> {
    use std::os::fd::AsFd;
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let fresh = file.metadata().ok()?.is_file() && file.stream_position().ok()? == 0;
    fresh.then_some(file)
}

#[cfg(not(unix))]
pub(super) fn seekable_stdin() -> Option<File> {
    None
}
