//! Opening the archive, with pg_restore's answers to what is none.

use std::fs;
use std::io;
use std::path::Path;

use super::messages::{Fatal, Program, os};
use super::options::{Options, to_path};
use pgdmp::error::NotAnArchive;
use pgdmp::read::Candidate;
use pgdmp::{ErrorKind, Format, Input, OpenOptions};

/// A tar is recognised by its first header.
const HEADER: usize = 512;
const MAGIC: &[u8] = pgdmp::toc::MAGIC;

/// What is looked at to tell what a file is that is no archive.
const WINDOW: usize = 64 << 10;

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
    let mut open = crate::options().follow_links(options.extras.follow_links);
    if let Some(progress) = &options.extras.watcher {
        open = open.on_read(progress.on_read());
    }
    let opening = Opening {
        program,
        path: path.as_deref(),
        format: options.format,
        list: options.list,
        options: open,
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
        self.read(Candidate::stdin())
    }

    fn named(&self, name: &[u8]) -> Result<Input, Fatal> {
        let path = self.path.unwrap_or(Path::new(""));
        let could_not_open = |what: &str, suffix: &str, error: &io::Error| {
            let start = format!("could not open {what} \"");
            Fatal::new([start.as_bytes(), name, suffix.as_bytes(), os(error).as_bytes()].concat())
        };
        if self.format == Some(Format::Directory) {
            if name.is_empty() {
                return Err(no_directory());
            }
            // In a directory it may be compressed.
            let toc = fs::metadata(path.join("toc.dat"));
            if let (Err(error), false) = (toc, path.is_dir()) {
                return Err(could_not_open("input file", "/toc.dat\": ", &error));
            }
            return Ok(Input::Archive(Box::new(self.options.open(path)?)));
        }
        let candidate = Candidate::at(path).map_err(|error| match self.format {
            Some(Format::Tar) => could_not_open("TOC file", "\" for input: ", &error),
            _ => could_not_open("input file", "\": ", &error),
        })?;
        match candidate.is_directory() && self.format.is_none() {
            true => self.directory(name, path),
            false => self.read(candidate),
        }
    }

    /// What was given is a directory, and nobody said so.
    fn directory(&self, name: &[u8], path: &Path) -> Result<Input, Fatal> {
        let error = match self.options.open(path) {
            Ok(archive) => return Ok(Input::Archive(Box::new(archive))),
            Err(error) => error,
        };
        let end = b"\" does not appear to be a valid archive (\"toc.dat\" does not exist)";
        let fatal = || Fatal::new([b"directory \"", name, end].concat());
        match error.kind() {
            ErrorKind::NotAnArchive(what) if what.lacks_toc() => Err(advised(fatal(), what)),
            ErrorKind::NotFound { .. } => Err(fatal()),
            ErrorKind::Io(io) if io.kind() == io::ErrorKind::NotFound => Err(fatal()),
            _ => Err(error.into()),
        }
    }

    fn read(&self, mut candidate: Candidate) -> Result<Input, Fatal> {
        let start = candidate.start(HEADER).map_err(|error| {
            let from = if self.format.is_some() { "from " } else { "" };
            Fatal::new(format!("could not read {from}input file: {}", os(&error)))
        })?;
        let is_tar = !start.starts_with(MAGIC);
        self.check(&mut candidate)?;
        // pg_restore reads a tar from front to back, and refuses lists that this is not enough for.
        match self.program.is_pg_restore && !self.list && is_tar {
            true => Ok(candidate.stream(&self.options)?),
            false => {
                let input = candidate.open(&self.options)?;
                // Of what was compressed as a whole it shows only now.
                match self.format.filter(|format| *format != input.format()) {
                    Some(Format::Custom) => {
                        Err(Fatal::new("did not find magic string in file header"))
                    }
                    Some(_) => {
                        Err(Fatal::new("input file does not appear to be a valid tar archive"))
                    }
                    None => Ok(input),
                }
            }
        }
    }

    /// Refuses what is no archive, or none of the wanted format, in pg_restore's words, and says
    /// what it is instead.
    fn check(&self, candidate: &mut Candidate) -> Result<(), Fatal> {
        let position = match candidate.is_pipe() {
            // What an error of ftell is when it is printed.
            true => u64::MAX,
            false => HEADER as u64,
        };
        // Both were read before.
        let start = candidate.start(HEADER).unwrap_or_default();
        let Err(fatal) = recognise(start, self.format, position) else { return Ok(()) };
        // What was read before an error suffices.
        let start = candidate.start_so_far(WINDOW);
        match NotAnArchive::recognise(start) {
            // Which is read through.
            Some(what) if what.is_compressed_archive() && !self.program.is_pg_restore => Ok(()),
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
