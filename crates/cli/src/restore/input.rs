//! Opening the archive, with pg_restore's answers to what is none.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;

use super::messages::{Fatal, Program, os};
use super::options::{Options, to_path};
use pgdmp::error::NotAnArchive;
use pgdmp::source::FileSource;
use pgdmp::{Error, ErrorKind, Format, Input, OpenOptions};

/// A tar is recognised by its first header.
const HEADER: usize = 512;
const MAGIC: &[u8] = pgdmp::toc::MAGIC;

/// What is looked at to tell what a file is that is no archive.
const WINDOW: u64 = 64 << 10;

/// How an archive is opened.
struct Opening<'a> {
    program: &'a Program,
    /// The file or directory; none is standard input.
    path: Option<&'a Path>,
    format: Option<Format>,
    list: bool,
    options: OpenOptions,
}

/// Opens a file, a directory, or standard input; `-`, too, unless that is a file's name to
/// whoever calls pg_restore.
pub(super) fn open(program: &Program, options: &Options) -> Result<Input, Fatal> {
    let name = options.input.as_deref().filter(|name| program.is_pg_restore || *name != b"-");
    let path = name.map(to_path);
    let opening = Opening {
        program,
        path: path.as_deref(),
        format: options.format,
        list: options.list,
        options: OpenOptions::new().follow_links(options.extras.follow_links),
    };
    let opened = match name {
        None => opening.stdin(),
        Some(name) => opening.named(name),
    };
    opened.map_err(|fatal| match &path {
        Some(path) => fatal.about(path),
        None => fatal,
    })
}

impl Opening<'_> {
    fn stdin(&self) -> Result<Input, Fatal> {
        if self.format == Some(Format::Directory) {
            return Err(no_directory());
        }
        match Input::seekable_stdin() {
            Some(file) => self.file(file),
            None => self.pipe(Box::new(io::stdin())),
        }
    }

    fn named(&self, name: &[u8]) -> Result<Input, Fatal> {
        if self.format == Some(Format::Directory) && name.is_empty() {
            return Err(no_directory());
        }
        let path = self.path.unwrap_or(Path::new(""));
        let could_not_open = |suffix: &str, error: &io::Error| {
            let end = format!("{suffix}\": {}", os(error));
            Fatal::new([b"could not open input file \"", name, end.as_bytes()].concat())
        };
        let is_directory = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
        if is_directory && self.format.is_none() {
            let has_toc = ["toc.dat", "toc.dat.gz", "toc.dat.lz4", "toc.dat.zst"]
                .iter()
                .any(|toc| path.join(toc).exists());
            if !has_toc {
                let end = b"\" does not appear to be a valid archive (\"toc.dat\" does not exist)";
                let fatal = Fatal::new([b"directory \"", name, end].concat());
                // Nor is it one to the library, which knows more of what it is.
                return Err(match self.options.open(path).map_err(Error::into_kind) {
                    Err(ErrorKind::NotAnArchive(what)) => advised(fatal, &what),
                    _ => fatal,
                });
            }
        }
        if self.format == Some(Format::Directory) || (is_directory && self.format.is_none()) {
            if let Err(error) = fs::metadata(path.join("toc.dat")) {
                // It may be compressed.
                if !is_directory {
                    return Err(could_not_open("/toc.dat", &error));
                }
            }
            return Ok(Input::Archive(Box::new(self.options.open(path)?)));
        }
        let file = File::open(path).map_err(|error| match self.format {
            Some(Format::Tar) => {
                let end = format!("\" for input: {}", os(&error));
                Fatal::new([b"could not open TOC file \"", name, end.as_bytes()].concat())
            }
            _ => could_not_open("", &error),
        })?;
        match is_pipe(path) {
            true => self.pipe(Box::new(file)),
            false => self.file(file),
        }
    }

    fn file(&self, mut file: File) -> Result<Input, Fatal> {
        let mut start = self.look_ahead(&mut file)?;
        self.check(&mut start, &mut file, HEADER as u64)?;
        file.rewind().map_err(|error| Fatal::from(Error::from(error)))?;
        // pg_restore reads a tar from front to back, and refuses lists that this is not enough for.
        if self.program.is_pg_restore && !self.list && !start.starts_with(MAGIC) {
            return self.stream(Box::new(file));
        }
        let source = FileSource::new(file).map_err(Error::from)?;
        Ok(Input::Archive(Box::new(self.options.read(source)?)))
    }

    fn pipe(&self, mut pipe: Box<dyn Read + Send>) -> Result<Input, Fatal> {
        let mut start = self.look_ahead(&mut pipe)?;
        // Its position is what an error of ftell is when it is printed.
        self.check(&mut start, &mut pipe, u64::MAX)?;
        self.stream(Box::new(Cursor::new(start).chain(pipe)))
    }

    fn stream(&self, reader: Box<dyn Read + Send>) -> Result<Input, Fatal> {
        Ok(Input::Stream(Box::new(self.options.stream(reader)?)))
    }

    fn look_ahead(&self, input: &mut impl Read) -> Result<Vec<u8>, Fatal> {
        let mut start = Vec::with_capacity(HEADER);
        match input.take(HEADER as u64).read_to_end(&mut start) {
            Ok(_) => Ok(start),
            Err(error) => {
                let from = if self.format.is_some() { "from " } else { "" };
                Err(Fatal::new(format!("could not read {from}input file: {}", os(&error))))
            }
        }
    }

    /// Refuses what is no archive, or none of the wanted format, in pg_restore's words, and says
    /// what it is instead. `rest`: what follows `start`, and for that is read into it.
    fn check(&self, start: &mut Vec<u8>, rest: &mut dyn Read, position: u64) -> Result<(), Fatal> {
        let Err(fatal) = recognise(start, self.format, position) else { return Ok(()) };
        // What was read before an error suffices.
        let _ = rest.take(WINDOW).read_to_end(start);
        match NotAnArchive::recognise(start) {
            Some(what) => Err(advised(
                fatal,
                &match self.path {
                    Some(path) => what.of_file(path),
                    None => what,
                },
            )),
            // A tar from before there was a magic.
            None if self.format.is_none() && !self.program.is_pg_restore => Ok(()),
            None => Err(fatal),
        }
    }
}

/// Its own words, though nothing is put out there.
fn no_directory() -> Fatal {
    Fatal::new("no output directory specified")
}

fn advised(fatal: Fatal, what: &NotAnArchive) -> Fatal {
    fatal.advise(format!("{what}; {}", what.advice()))
}

fn is_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        fs::metadata(path).is_ok_and(|metadata| {
            metadata.file_type().is_fifo() || metadata.file_type().is_char_device()
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Refuses what is no archive, or none of the wanted format.
fn recognise(start: &[u8], format: Option<Format>, position: u64) -> Result<(), Fatal> {
    match format {
        Some(Format::Tar) => return check_tar(start, position),
        Some(_) if start.len() < MAGIC.len() => {
            return Err(Fatal::new("could not read from input file: end of file"));
        }
        Some(_) if !start.starts_with(MAGIC) => {
            return Err(Fatal::new("did not find magic string in file header"));
        }
        _ => {}
    }
    if start.len() < MAGIC.len() {
        let n = start.len();
        return Err(Fatal::new(format!("input file is too short (read {n}, expected 5)")));
    }
    if start.starts_with(MAGIC) {
        return Ok(());
    }
    let plain: [&[u8]; 2] = [
        b"--\n-- PostgreSQL database dump\n--\n\n",
        b"--\n-- PostgreSQL database cluster dump\n--\n\n",
    ];
    if plain.iter().any(|head| start.starts_with(head)) {
        return Err(Fatal::new("input file appears to be a text format dump. Please use psql."));
    }
    if start.len() < HEADER {
        return Err(Fatal::new("input file does not appear to be a valid archive (too short?)"));
    }
    let known: [&[u8]; 3] = [b"ustar\x0000", b"ustar  \0", b"ustar00\0"];
    let is_tar = octal(&start[148..156]) == checksum(start)
        && known.iter().any(|magic| start[257..].starts_with(magic));
    if is_tar {
        Ok(())
    } else {
        Err(Fatal::new("input file does not appear to be a valid tar archive"))
    }
}

/// What reading it as a tar would stumble over.
fn check_tar(start: &[u8], position: u64) -> Result<(), Fatal> {
    if start.len() < HEADER {
        return Err(Fatal::new(match start.len() {
            0 => "could not find header for file \"toc.dat\" in tar archive".to_owned(),
            n => format!("incomplete tar header found ({n} bytes)"),
        }));
    }
    let (expected, computed) = (octal(&start[148..156]), checksum(start));
    if expected == computed {
        return Ok(());
    }
    let name = start[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    let rest = format!(
        " (expected {}, computed {computed}) file position {position}",
        // It prints the number as an int.
        expected as i32,
    );
    Err(Fatal::new([b"corrupt tar header found in ", name, rest.as_bytes()].concat()))
}

/// The sum of a header's bytes, with blanks for the sum itself.
fn checksum(header: &[u8]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    sum(&header[..148]) + 8 * u64::from(b' ') + sum(&header[156..HEADER])
}

fn octal(field: &[u8]) -> u64 {
    let digits = field.iter().take_while(|byte| matches!(byte, b'0'..=b'7'));
    digits.fold(0, |value, digit| value << 3 | u64::from(digit - b'0'))
}
