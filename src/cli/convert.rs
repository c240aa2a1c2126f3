//! `pgdmp convert`.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use super::input::Input;
use super::output::printable;
use super::place::NewArchive;
use super::progress::Progress;
use super::selection::SelectionArgs;
use super::target::TargetArgs;
use super::{Context, Exit, Failure};
use crate::{Archive, Conversion, Format, Note, Selected, Selection, StreamConversion, Target};

/// Write an archive as another: format, compression, version, or only a part of it
///
/// What is not asked for stays as it is: data keeps its compression, and is then moved without
/// being decompressed. Where nothing changes at all, the new archive is the same byte for byte.
///
/// The new archive is written aside, in a folder .pgdmp-..., and takes its name when it is complete
/// and on disk. What a killed run leaves there, the next one that writes beside it removes.
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
    #[command(flatten)]
    target: TargetArgs,
    /// Replace an output that exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let to_stdout = args.output.as_os_str() == "-";
    let (mut input, progress) = Input::open(&args.input, context)?;
    let format = args.target.format.unwrap_or(input.format());
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
        false => Some(NewArchive::new(&args.output, &[&args.input], args.force)?),
    };
    let target = args.target.target();
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

pub(super) fn tell(notes: &[Note]) {
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
