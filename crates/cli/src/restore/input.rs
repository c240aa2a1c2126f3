//! Opening the archive, with pg_restore's answers to what is none.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;

use super::messages::{Fatal, Program, os};
use super::options::to_path;
use pgdmp::{Archive, ArchiveStream, Error, ErrorKind, FileSource, Format, Input, NotAnArchive};

/// A tar is recognised by its first header.
const HEADER: usize = 512;
const MAGIC: &[u8] = pgdmp::MAGIC;

/// What is looked at to tell what a file is that is no archive.
const WINDOW: u64 = 64 << 10;

/// Opens a file, a directory, or standard input; `-`, too, unless that is a file's name to
/// whoever calls pg_restore.
pub(super) fn open(
    program: &Program,
    name: Option<&[u8]>,
    format: Option<Format>,
    list: bool,
) -> Result<Input, Fatal> {
    open_named(program, name, format, list).map_err(|fatal| match name {
        Some(name) => fatal.about(&to_path(name)),
        None => fatal,
    })
}

fn open_named(
    program: &Program,
    name: Option<&[u8]>,
    format: Option<Format>,
    list: bool,
) -> Result<Input, Fatal> {
    // pg_restore reads a tar from front to back, and refuses lists that this is not enough for.
    let in_order = program.is_pg_restore && !list;
    let name = name.filter(|name| program.is_pg_restore || *name != b"-");
    if format == Some(Format::Directory) && name.is_none_or(<[u8]>::is_empty) {
        // Its own words, though nothing is put out there.
        return Err(Fatal::new("no output directory specified"));
    }
    let Some(name) = name else {
        return match Input::seekable_stdin() {
            Some(file) => open_file(program, in_order, file, format),
            None => open_pipe(program, Box::new(io::stdin()), format),
        };
    };
    let path = to_path(name);
    let could_not_open = |suffix: &str, error: &io::Error| {
        let end = format!("{suffix}\": {}", os(error));
        Fatal::new([b"could not open input file \"", name, end.as_bytes()].concat())
    };
    let is_directory = fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir());
    if is_directory && format.is_none() {
        let has_toc = ["toc.dat", "toc.dat.gz", "toc.dat.lz4", "toc.dat.zst"]
            .iter()
            .any(|toc| path.join(toc).exists());
        if !has_toc {
            let fatal = Fatal::new(
                [
                    b"directory \"",
                    name,
                    b"\" does not appear to be a valid archive (\"toc.dat\" does not exist)",
                ]
                .concat(),
            );
            // Nor is it one to the library, which knows more of what it is.
            return Err(match Archive::open(&path).map_err(Error::into_kind) {
                Err(ErrorKind::NotAnArchive(what)) => {
                    fatal.advise(format!("{what}; {}", what.advice()))
                }
                _ => fatal,
            });
        }
    }
    if format == Some(Format::Directory) || (is_directory && format.is_none()) {
        if let Err(error) = fs::metadata(path.join("toc.dat")) {
            // It may be compressed.
            if !is_directory {
                return Err(could_not_open("/toc.dat", &error));
            }
        }
        return Ok(Input::Archive(Box::new(Archive::open(&path)?)));
    }
    let file = File::open(&path).map_err(|error| match format {
        Some(Format::Tar) => {
            let end = format!("\" for input: {}", os(&error));
            Fatal::new([b"could not open TOC file \"", name, end.as_bytes()].concat())
        }
        _ => could_not_open("", &error),
    })?;
    if is_pipe(&path) {
        return open_pipe(program, Box::new(file), format);
    }
    open_file(program, in_order, file, format)
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

fn open_file(
    program: &Program,
    in_order: bool,
    mut file: File,
    format: Option<Format>,
) -> Result<Input, Fatal> {
    let mut start = look_ahead(&mut file, format)?;
    check(program, &mut start, &mut file, format, HEADER as u64)?;
    file.rewind().map_err(|error| Fatal::from(Error::from(error)))?;
    if in_order && !start.starts_with(MAGIC) {
        return stream(Box::new(file));
    }
    let source = FileSource::new(file).map_err(Error::from)?;
    Ok(Input::Archive(Box::new(Archive::read(source)?)))
}

fn open_pipe(
    program: &Program,
    mut pipe: Box<dyn Read + Send>,
    format: Option<Format>,
) -> Result<Input, Fatal> {
    let mut start = look_ahead(&mut pipe, format)?;
    // Its position is what an error of ftell is when it is printed.
    check(program, &mut start, &mut pipe, format, u64::MAX)?;
    stream(Box::new(Cursor::new(start).chain(pipe)))
}

/// Refuses what is no archive, or none of the wanted format, in pg_restore's words, and says what
/// it is instead. `rest`: what follows `start`, and for that is read into it.
fn check(
    program: &Program,
    start: &mut Vec<u8>,
    rest: &mut dyn Read,
    format: Option<Format>,
    position: u64,
) -> Result<(), Fatal> {
    let Err(fatal) = recognise(start, format, position) else { return Ok(()) };
    // What was read before an error suffices.
    let _ = rest.take(WINDOW).read_to_end(start);
    match NotAnArchive::recognise(start) {
        Some(what) => Err(fatal.advise(format!("{what}; {}", what.advice()))),
        // A tar from before there was a magic.
        None if format.is_none() && !program.is_pg_restore => Ok(()),
        None => Err(fatal),
    }
}

fn stream(reader: Box<dyn Read + Send>) -> Result<Input, Fatal> {
    Ok(Input::Stream(Box::new(ArchiveStream::new(reader)?)))
}

fn look_ahead(input: &mut impl Read, format: Option<Format>) -> Result<Vec<u8>, Fatal> {
    let mut start = Vec::with_capacity(HEADER);
    match input.take(HEADER as u64).read_to_end(&mut start) {
        Ok(_) => Ok(start),
        Err(error) => {
            let from = if format.is_some() { "from " } else { "" };
            Err(Fatal::new(format!("could not read {from}input file: {}", os(&error))))
        }
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
