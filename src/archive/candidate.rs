//! A file, directory or pipe that may hold an archive, before it is read as one.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use super::input::Input;
use super::options::OpenOptions;
use super::stream::ArchiveStream;
use crate::compress::{Algorithm, Decoder, Framing};
use crate::error::{Error, Result};
use crate::format::detect;
use crate::source::{FileSource, Pipe, is_pipe};

/// A file, directory or pipe that may hold an archive, for programs that look at its first bytes
/// themselves. Other programs use [`OpenOptions::input`].
///
/// ```
/// use pgdmp::OpenOptions;
/// use pgdmp::error::NotAnArchive;
/// use pgdmp::read::Candidate;
///
/// let mut candidate = Candidate::at("fixtures/fixtures.tsv")?;
/// let start = candidate.start(64 << 10)?;
/// if let Some(what) = NotAnArchive::recognise(start) {
///     eprintln!("{what}: {}", what.advice());
/// } else {
///     let input = candidate.open(&OpenOptions::new())?;
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub struct Candidate {
    path: Option<PathBuf>,
    place: Place,
    /// The first bytes, which were read.
    start: Vec<u8>,
}

enum Place {
    Directory,
    File(File),
    Pipe(Box<dyn Read + Send>),
}

impl Candidate {
    /// Opens the file, directory or pipe at a path. A pipe is a FIFO or a shell's `<(command)`.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn at(path: impl Into<PathBuf>) -> io::Result<Candidate> {
        let path = path.into();
        let metadata = fs::metadata(&path)?;
        let place = match metadata.is_dir() {
            true => Place::Directory,
            false => {
                let file = File::open(&path)?;
                match is_pipe(&metadata) {
                    true => Place::Pipe(Box::new(file)),
                    false => Place::File(file),
                }
            }
        };
        Ok(Candidate { path: Some(path), place, start: Vec::new() })
    }

    /// Standard input, which may be a file (`< file`).
    pub fn stdin() -> Candidate {
        let place = match Input::seekable_stdin() {
            Some(file) => Place::File(file),
            None => Place::Pipe(Box::new(io::stdin())),
        };
        Candidate { path: None, place, start: Vec::new() }
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.place, Place::Directory)
    }

    /// Whether it can only be read from front to back.
    pub fn is_pipe(&self) -> bool {
        matches!(self.place, Place::Pipe(_))
    }

    /// The first `n` bytes; fewer if the input is shorter.
    ///
    /// # Errors
    ///
    /// Errors of reading, and a directory.
    pub fn start(&mut self, n: usize) -> io::Result<&[u8]> {
        let more = n.saturating_sub(self.start.len()) as u64;
        match &mut self.place {
            Place::File(file) => file.take(more).read_to_end(&mut self.start)?,
            Place::Pipe(pipe) => pipe.take(more).read_to_end(&mut self.start)?,
            // The operating system's own answer.
            Place::Directory => {
                let path = self.path.as_deref().unwrap_or(Path::new("."));
                File::open(path)?.take(more).read_to_end(&mut self.start)?
            }
        };
        Ok(&self.start[..n.min(self.start.len())])
    }

    /// The first `n` bytes; fewer if the input is shorter or reading fails.
    pub fn start_so_far(&mut self, n: usize) -> &[u8] {
        let _ = self.start(n);
        &self.start[..n.min(self.start.len())]
    }

    /// How it was compressed as a whole, if that is so and an archive is inside.
    fn compression(&mut self) -> Result<Option<Algorithm>> {
        if self.is_directory() || detect::compression(self.start(detect::COMPRESSED_LEN)?).is_none()
        {
            return Ok(None);
        }
        Ok(detect::compressed_archive(self.start(detect::WINDOW)?))
    }

    /// Reads it as an archive. An archive that was compressed as a whole with gzip, zstd or lz4 is
    /// decompressed while it is read: an [`Input::Stream`], even if it is a file.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::input`], without the [path](crate::Error::path).
    pub fn open(mut self, options: &OpenOptions) -> Result<Input> {
        if let Some(algorithm) = self.compression()? {
            return self.decompress(algorithm, options);
        }
        match (self.place, &self.path) {
            (Place::Directory, path) => {
                let path = path.as_deref().unwrap_or(Path::new("."));
                Ok(Input::Archive(Box::new(options.folder(path)?)))
            }
            (Place::File(file), path) => {
                let source = FileSource::new(file)?;
                let archive = match path {
                    Some(path) => options.file(path, source),
                    None => options.read(source),
                };
                Ok(Input::Archive(Box::new(archive?)))
            }
            (Place::Pipe(pipe), _) => read_on(self.start, pipe, options),
        }
    }

    fn decompress(self, algorithm: Algorithm, options: &OpenOptions) -> Result<Input> {
        let rest: Box<dyn Read + Send> = match self.place {
            Place::File(file) => Box::new(file),
            Place::Pipe(pipe) => pipe,
            Place::Directory => Box::new(io::empty()),
        };
        // What is read is counted as it is stored.
        let pipe = Pipe::watched(Cursor::new(self.start).chain(rest), options.on_read.clone());
        let contexts = options.contexts();
        let limits = &options.toc.limits;
        let decoder = Decoder::new(pipe, algorithm, Framing::File, limits, &contexts)?;
        let stream = ArchiveStream::open(Box::new(decoder) as _, options.toc, None, contexts)?;
        Ok(Input::Stream(Box::new(stream.proved_late())))
    }

    /// Reads it as an archive from front to back, even if it is a file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn stream(self, options: &OpenOptions) -> Result<Input> {
        match self.place {
            Place::File(file) => read_on(self.start, Box::new(file), options),
            _ => self.open(options),
        }
    }
}

impl OpenOptions {
    /// Opens a file, a directory, or a pipe: a FIFO, a shell's `<(command)`, or with the path `-`
    /// standard input. Standard input that is a file is read as a file. A file or pipe that was
    /// compressed as a whole with gzip, zstd or lz4 is decompressed while it is read, as a pipe. Its
    /// checksum is verified when the last block was read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`stream`](Self::stream).
    pub fn input(&self, path: impl AsRef<Path>) -> Result<Input> {
        let path = path.as_ref();
        if path.as_os_str() == "-" {
            return Candidate::stdin().open(self);
        }
        let candidate = Candidate::at(path).map_err(Error::from);
        let opened = candidate.and_then(|candidate| candidate.open(self));
        opened.map_err(|error| error.in_path(path))
    }
}

fn read_on(start: Vec<u8>, rest: Box<dyn Read + Send>, options: &OpenOptions) -> Result<Input> {
    let reader: Box<dyn Read + Send> = match start.is_empty() {
        true => rest,
        false => Box::new(Cursor::new(start).chain(rest)),
    };
    let stream: ArchiveStream<Box<dyn Read + Send>> = options.stream(reader)?;
    Ok(Input::Stream(Box::new(stream)))
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("path", &self.path).finish_non_exhaustive()
    }
}
