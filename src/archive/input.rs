//! An archive, wherever it is.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::open::Archive;
use super::options::OpenOptions;
use super::stream::ArchiveStream;
use crate::error::{Error, Result};
use crate::toc::{Format, Toc};

/// An archive in a file, a directory or a pipe, for programs that accept all of them.
///
/// ```
/// let input = pgdmp::Input::open("fixtures/pg18/small-dir")?;
/// println!("{}: {} entries", input.format(), input.toc().len());
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub enum Input {
    /// A file or directory, whose data can be read in any order.
    Archive(Box<Archive>),
    /// A pipe, whose data comes once and in the order of the archive.
    Stream(Box<ArchiveStream<Box<dyn Read + Send>>>),
}

impl Input {
    /// Opens an archive with the default options; see [`OpenOptions::input`].
    pub fn open(path: impl AsRef<Path>) -> Result<Input> {
        OpenOptions::new().input(path)
    }

    /// The damage of the table of contents, if there is any; see [`OpenOptions::damaged`].
    pub fn damage(&self) -> Option<&Error> {
        match self {
            Input::Archive(archive) => archive.damage(),
            Input::Stream(stream) => stream.damage(),
        }
    }

    /// Header and table of contents.
    pub fn toc(&self) -> &Toc {
        match self {
            Input::Archive(archive) => archive.toc(),
            Input::Stream(stream) => stream.toc(),
        }
    }

    /// The table of contents, shared, so that it can be used while data is read.
    pub fn shared_toc(&self) -> Arc<Toc> {
        match self {
            Input::Archive(archive) => archive.shared_toc(),
            Input::Stream(stream) => stream.shared_toc(),
        }
    }

    /// The format of the archive.
    pub fn format(&self) -> Format {
        match self {
            Input::Archive(archive) => archive.format(),
            Input::Stream(stream) => stream.format(),
        }
    }

    /// Standard input as a file, if it is one (`< file`) and nothing was read from it yet.
    pub fn seekable_stdin() -> Option<File> {
        seekable_stdin()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Archive(archive) => archive.fmt(f),
            Input::Stream(stream) => stream.fmt(f),
        }
    }
}

#[cfg(unix)]
fn seekable_stdin() -> Option<File> {
    use std::io::Seek;
    use std::os::fd::AsFd;
    let mut file = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
    let fresh = file.metadata().ok()?.is_file() && file.stream_position().ok()? == 0;
    fresh.then_some(file)
}

#[cfg(not(unix))]
fn seekable_stdin() -> Option<File> {
    None
}
