//! `pgdmp merge`.

use std::fs;
use std::path::PathBuf;

use crate::convert::tell;
use crate::inputs::Inputs;
use crate::place::{self, Place};
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
    /// Replace an output that exists: a file or a directory archive, nothing else
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let inputs = Inputs::archives(args.inputs.iter().map(PathBuf::as_path));
    place::check(&args.output, &inputs)?;
    let archives: Vec<Archive> = args.inputs.iter().map(Archive::open).collect::<Result<_, _>>()?;
    let archives: Vec<&Archive> = archives.iter().collect();
    let mut merge = Merge::new(&archives, &args.target.target())?;
    tell(merge.notes());
    let total = args.inputs.iter().filter_map(|path| fs::metadata(path).ok()).map(|m| m.len());
    let progress = Progress::new(context);
    progress.expect(Some(total.sum()));
    merge.on_progress(move |bytes| progress.add(bytes));
    let format = args.target.format.or(archives.first().map(|archive| archive.format()));
    match Place::open(&args.output, inputs, args.force, format.unwrap_or(Format::Custom))? {
        Place::New(new) => {
            new.write(|path| Ok(merge.create(path)?))?;
            new.publish()?;
        }
        Place::Stream(out) => drop(merge.write_pipe(out)?),
    }
    Ok(Exit::Done)
}
