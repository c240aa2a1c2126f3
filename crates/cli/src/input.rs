//! The archive a command works on: a file, a directory, or a pipe.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::inputs::Inputs;
use crate::progress::{Progress, Watched};
use crate::{Context, Failure};
use pgdmp::{Archive, ArchiveStream, Error, FileSource, Format, OpenOptions, Source, Toc};

/// A pipe, whatever is at its other end.
pub(crate) type Stream = ArchiveStream<Box<dyn Read + Send>>;

/// An opened archive.
#[derive(Debug)]
pub(crate) enum Input {
    /// Its data can be read in any order.
    Archive(Box<Archive>),
    /// Its data comes once, in the order of the archive.
    Stream(Box<Stream>),
}

impl Input {
    /// Opens an archive; `-` is standard input. What is read of it shows in the progress, but of
    /// a directory, whose files only the library sees.
    pub(crate) fn open(path: &Path, context: &Context) -> Result<(Input, Progress), Failure> {
        Input::open_with(path, &OpenOptions::new(), context)
    }

    pub(crate) fn open_with(
        path: &Path,
        options: &OpenOptions,
        context: &Context,
    ) -> Result<(Input, Progress), Failure> {
        let progress = Progress::new(context);
        Inputs::archives([path]).check_stdout()?;
        let input = if path.as_os_str() == "-" {
            match seekable_stdin().map(FileSource::new) {
                Some(Ok(source)) => Input::file(source, options, &progress)?,
                _ => Input::pipe(Box::new(io::stdin()), options, &progress)?,
            }
        } else {
            Input::path(path, options, &progress)
                .map_err(|error| Failure::Archive(error.in_path(path)))?
        };
        Ok((input, progress))
    }

    fn path(path: &Path, options: &OpenOptions, progress: &Progress) -> Result<Input, Error> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Ok(Input::Archive(Box::new(options.open(path)?)));
        }
        let file = File::open(path)?;
        // A named pipe, or a shell's <(command), cannot be read at positions.
        if is_pipe(&metadata) {
            return Input::pipe(Box::new(file), options, progress);
        }
        Input::file(FileSource::new(file)?, options, progress)
    }

    fn file(
        source: FileSource,
        options: &OpenOptions,
        progress: &Progress,
    ) -> Result<Input, Error> {
        progress.expect(Some(source.len()));
        Ok(Input::Archive(Box::new(options.read(Watched::new(source, progress))?)))
    }

    fn pipe(
        reader: Box<dyn Read + Send>,
        options: &OpenOptions,
        progress: &Progress,
    ) -> Result<Input, Error> {
        let reader: Box<dyn Read + Send> = Box::new(Watched::new(reader, progress));
        Ok(Input::Stream(Box::new(options.stream(reader)?)))
    }

    pub(crate) fn toc(&self) -> &Toc {
        match self {
            Input::Archive(archive) => archive.toc(),
            Input::Stream(stream) => stream.toc(),
        }
    }

    pub(crate) fn format(&self) -> Format {
        match self {
            Input::Archive(archive) => archive.format(),
            Input::Stream(stream) => stream.format(),
        }
    }
}

/// Standard input as a file, if it is one (`< file`) and nothing of it was read yet.
#[cfg(unix)]
pub(crate) fn seekable_stdin() -> Option<File> {
    use std::os::fd::AsFd;
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let fresh = file.metadata().ok()?.is_file() && file.stream_position().ok()? == 0;
    fresh.then_some(file)
}

#[cfg(not(unix))]
pub(crate) fn seekable_stdin() -> Option<File> {
    None
}

/// Whether a file can only be read front to back.
#[cfg(unix)]
pub(crate) fn is_pipe(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    kind.is_fifo() || kind.is_char_device() || kind.is_socket()
}

#[cfg(not(unix))]
pub(crate) fn is_pipe(_: &fs::Metadata) -> bool {
    false
}
