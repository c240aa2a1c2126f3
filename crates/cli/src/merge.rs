//! `pgdmp merge`.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::convert::tell;
use crate::place::NewArchive;
use crate::progress::Progress;
use crate::target::TargetArgs;
use crate::{Context, Exit, Failure};
use pgdmp::{Archive, Format, Merge};

/// Join several archives into one
///
/// For a backup script that dumps each table into a file of its own: the new archive restores
/// all of them in one go. Dump ids are given anew, and what several archives define alike is
/// taken once. What they define differently, or data that two of them have, is refused by name.
///
/// Format and compression are those of the first archive unless they are asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp merge all.dump tables/*.dump
  pgdmp merge app.dir schema.dump data.dump --format d")]
pub(crate) struct Args {
    /// New file or directory, or - for standard output
    output: PathBuf,
    /// Archives: files or directories
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    /// Replace an output that exists
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let archives: Vec<Archive> = args.inputs.iter().map(Archive::open).collect::<Result<_, _>>()?;
    let archives: Vec<&Archive> = archives.iter().collect();
    let mut merge = Merge::new(&archives, &args.target.target())?;
    tell(merge.notes());
    let total = args.inputs.iter().filter_map(|path| fs::metadata(path).ok()).map(|m| m.len());
    let progress = Progress::new(context);
    progress.expect(Some(total.sum()));
    merge.on_progress(move |bytes| progress.add(bytes));
    if args.output.as_os_str() == "-" {
        let format = args.target.format.or(archives.first().map(|archive| archive.format()));
        if format == Some(Format::Directory) || io::stdout().is_terminal() {
            return Err(Failure::Usage(
                "only a custom or tar archive goes to standard output, and to no terminal"
                    .to_owned(),
            ));
        }
        merge.write_pipe(io::stdout().lock()).map(drop)?;
        return Ok(Exit::Done);
    }
    let inputs: Vec<&Path> = args.inputs.iter().map(PathBuf::as_path).collect();
    let place = NewArchive::new(&args.output, &inputs, args.force)?;
    merge.create(place.path())?;
    place.publish()?;
    Ok(Exit::Done)
}
