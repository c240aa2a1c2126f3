//! `pgdmp convert`.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use super::input::Input;
use super::output::printable;
use super::place::NewArchive;
use super::progress::Progress;
use super::selection::SelectionArgs;
use super::{Context, Exit, Failure};
use crate::{
    Algorithm, Archive, ArchiveVersion, Conversion, Format, Note, Selected, Selection,
    StreamConversion, Target,
};

/// Write an archive as another: format, compression, version, or only a part of it
///
/// What is not asked for stays as it is: data keeps its compression, and is then moved without
/// being decompressed. Where nothing changes at all, the new archive is the same byte for byte.
///
/// The new archive is written aside and takes its name when it is complete and on disk.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp convert backup.dump backup.dir --format d        a directory, for pg_restore -j and rsync
  pgdmp convert backup.dump small.dump -n sales          one schema
  pgdmp list backup.dump > list; vi list
  pgdmp convert backup.dump new.dump -L list             the entries of an edited list
  pgdmp convert backup.dir new.dump --format c --compress zstd:9
  pgdmp convert new.dump old.dump --archive-version 1.14 --compress gzip
                                                         for pg_restore 12 to 15
  ssh db pg_dump -Fc app | pgdmp convert - app.dump      with the offsets a pipe has not")]
pub(super) struct Args {
    /// File, directory, or - for standard input
    input: PathBuf,
    /// New file or directory, or - for standard output
    output: PathBuf,
    /// Format of the new archive
    #[arg(short = 'F', long, value_name = "FORMAT", value_parser = parse_format)]
    format: Option<Format>,
    /// Compression of data: none, gzip, lz4 or zstd; gzip:9, zstd:level=5,long
    ///
    /// With a level, or long, data is compressed anew even if the algorithm stays.
    #[arg(short = 'Z', long, value_name = "ALGO[:LEVEL]", value_parser = parse_compression)]
    compress: Option<Compress>,
    /// Archive version, for older releases of pg_restore: 1.12 (9.0), 1.13 (11), 1.14 (12),
    /// 1.15 (16) or 1.16 (17)
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    archive_version: Option<ArchiveVersion>,
    /// Replace an output that exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    selection: SelectionArgs,
}

#[derive(Debug, Clone, Copy)]
struct Compress {
    algorithm: Algorithm,
    level: Option<i32>,
    long: bool,
}

fn parse_format(text: &str) -> Result<Format, String> {
    match text.to_ascii_lowercase().as_str() {
        "c" | "custom" => Ok(Format::Custom),
        "d" | "directory" => Ok(Format::Directory),
        "t" | "tar" => Ok(Format::Tar),
        _ => Err("it is c (custom), d (directory) or t (tar)".to_owned()),
    }
}

/// What pg_dump's `--compress` takes, but for a bare level.
fn parse_compression(text: &str) -> Result<Compress, String> {
    let (name, details) = match text.split_once(':') {
        Some((name, details)) => (name, Some(details)),
        None => (text, None),
    };
    let algorithm = [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd]
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
        .ok_or_else(|| "it is none, gzip, lz4 or zstd".to_owned())?;
    let mut compress = Compress { algorithm, level: None, long: false };
    for detail in details.iter().flat_map(|details| details.split(',')) {
        let (key, value) = detail.split_once('=').unwrap_or(("level", detail));
        match (key, value) {
            ("level", "long") => compress.long = true,
            ("level", value) => {
                let level = value.parse().map_err(|_| format!("{value} is no level"))?;
                compress.level = Some(level);
            }
            _ => return Err(format!("{key} is not known, only level and long")),
        }
    }
    Ok(compress)
}

fn parse_version(text: &str) -> Result<ArchiveVersion, String> {
    let parts = text.split_once('.').and_then(|(major, minor)| {
        // pg_restore -l writes 1.16-0.
        let minor = minor.strip_suffix("-0").unwrap_or(minor);
        Some(ArchiveVersion::new(major.parse().ok()?, minor.parse().ok()?))
    });
    parts.ok_or_else(|| "it is two numbers, as 1.14".to_owned())
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let to_stdout = args.output.as_os_str() == "-";
    let (mut input, progress) = Input::open(&args.input, context)?;
    let format = args.format.unwrap_or(input.format());
    if to_stdout {
        if format == Format::Directory {
            return Err(Failure::Usage(
                "a directory archive does not go to standard output; --format c or t does"
                    .to_owned(),
            ));
        }
        if io::stdout().is_terminal() {
            return Err(Failure::Usage("an archive is nothing to show on a terminal".to_owned()));
        }
    }
    let place = match to_stdout {
        true => None,
        false => Some(NewArchive::new(&args.output, &args.input, args.force)?),
    };
    let target = target(args);
    let place = place.as_ref();
    match &mut input {
        Input::Archive(archive) => from_archive(archive, args, &target, place, &progress)?,
        Input::Stream(stream) => {
            let conversion = {
                let selection = selection(args, stream.toc())?;
                let selected = selection.as_ref().map(|s| s.apply(stream.toc())).transpose()?;
                warn_unmatched(selected.as_ref());
                StreamConversion::new(stream, &target, selected.as_ref())?
            };
            tell(conversion.notes());
            match place {
                Some(place) => conversion.create(stream, place.path())?,
                None => conversion.write_pipe(stream, io::stdout().lock()).map(drop)?,
            }
        }
    }
    if let Some(place) = place {
        place.publish()?;
    }
    Ok(Exit::Done)
}

fn from_archive(
    archive: &Archive,
    args: &Args,
    target: &Target,
    place: Option<&NewArchive>,
    progress: &Progress,
) -> Result<(), Failure> {
    let selection = selection(args, archive.toc())?;
    let selected = selection.as_ref().map(|s| s.apply(archive.toc())).transpose()?;
    warn_unmatched(selected.as_ref());
    let mut conversion = Conversion::new(archive, target, selected.as_ref())?;
    tell(conversion.notes());
    progress.expect(total(archive, selected.as_ref(), &args.input));
    if archive.format() == Format::Directory {
        // What is read of a directory is not seen by the progress.
        conversion.on_progress(|bytes| progress.add(bytes));
    }
    match place {
        Some(place) => conversion.create(place.path())?,
        None => conversion.write_pipe(io::stdout().lock()).map(drop)?,
    }
    Ok(())
}

fn target(args: &Args) -> Target {
    let mut target = Target::new();
    if let Some(format) = args.format {
        target.format(format);
    }
    if let Some(Compress { algorithm, level, long }) = args.compress {
        target.compression(algorithm, level).zstd_long(long);
    }
    if let Some(version) = args.archive_version {
        target.version(version);
    }
    target
}

/// What is wanted; `None` for all.
fn selection(args: &Args, toc: &crate::Toc) -> Result<Option<Selection>, Failure> {
    if args.selection.is_empty() {
        return Ok(None);
    }
    let mut selection = args.selection.selection(toc)?;
    // The entries of the database itself do nothing unless a restore asks for them.
    selection.create = true;
    Ok(Some(selection))
}

fn warn_unmatched(selected: Option<&Selected<'_>>) {
    if let Some(unmatched) = selected.and_then(Selected::unmatched) {
        let name = printable(&unmatched.name);
        eprintln!("pgdmp: warning: no {} is named {name}", unmatched.what);
    }
}

fn tell(notes: &[Note]) {
    for note in notes {
        eprintln!("pgdmp: note: {note}");
    }
}

/// The bytes there are to move, where progress is shown and that is soon known.
fn total(archive: &Archive, selected: Option<&Selected<'_>>, input: &Path) -> Option<u64> {
    if !io::stderr().is_terminal() {
        return None;
    }
    if selected.is_none() && archive.format() != Format::Directory {
        return fs::metadata(input).ok().map(|metadata| metadata.len());
    }
    let sizes = archive.stored_sizes().ok()?;
    let wanted = |index: usize| match selected {
        None => true,
        Some(selected) => {
            archive.toc().get(index).is_some_and(|entry| selected.decision(&entry).wanted.data)
        }
    };
    Some(sizes.iter().enumerate().filter(|(n, _)| wanted(*n)).filter_map(|(_, size)| *size).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions() {
        let parsed = |text| {
            let Compress { algorithm, level, long } = parse_compression(text).unwrap();
            (algorithm, level, long)
        };
        assert_eq!(parsed("none"), (Algorithm::None, None, false));
        assert_eq!(parsed("gzip:9"), (Algorithm::Gzip, Some(9), false));
        assert_eq!(parsed("zstd:level=-5,long"), (Algorithm::Zstd, Some(-5), true));
        assert_eq!(parsed("zstd:long"), (Algorithm::Zstd, None, true));
        for bad in ["", "brotli", "gzip:x", "zstd:workers=3"] {
            assert!(parse_compression(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions() {
        assert_eq!(parse_version("1.14"), Ok(ArchiveVersion::new(1, 14)));
        assert_eq!(parse_version("1.16-0"), Ok(ArchiveVersion::new(1, 16)));
        assert!(parse_version("14").is_err());
    }
}
