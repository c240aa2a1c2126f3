//! `pgdmp split`.

use std::fs;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::place::NewArchive;
use crate::progress::Progress;
use crate::target::TargetArgs;
use crate::{Context, Exit, Failure};
use pgdmp::{Archive, Conversion, Format, SplitBy};

/// Divide an archive into one for each table or schema
///
/// Each table's archive has its data, indexes, constraints, triggers, sequences and privileges.
/// What belongs to no table (or schema) goes into everything-else. Merge makes one archive of
/// them again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp split backup.dump tables
  pgdmp split backup.dump schemas --by schema --format t")]
pub(crate) struct Args {
    /// File or directory
    archive: PathBuf,
    /// New directory for the archives
    output: PathBuf,
    /// What each archive is to have
    #[arg(long, value_name = "WHAT", default_value = "table")]
    by: By,
    #[command(flatten)]
    target: TargetArgs,
    /// Replace an output that exists
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Table,
    Schema,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.output.as_os_str() == "-" {
        return Err(Failure::Usage("several archives do not go to standard output".to_owned()));
    }
    let archive = Archive::open(&args.archive)?;
    let format = args.target.format.unwrap_or(archive.format());
    let place = NewArchive::new(&args.output, &[&args.archive], args.force)?;
    let folder = place.path();
    let made = match private_folder(&folder) {
        Ok(()) => pgdmp::split(
            archive.toc(),
            match args.by {
                By::Table => SplitBy::Table,
                By::Schema => SplitBy::Schema,
            },
        ),
        Err(error) => return Err(Failure::Output(error)),
    };
    let progress = Progress::new(context);
    for part in &made {
        let mut name = match &part.name {
            Some(name) => file_name(name),
            // Escaped names have no hyphen.
            None => "everything-else".to_owned(),
        };
        name.push_str(match format {
            Format::Custom => ".dump",
            Format::Tar => ".tar",
            _ => "",
        });
        let mut conversion = Conversion::of_part(&archive, &args.target.target(), part)?;
        conversion.on_progress(|bytes| progress.add(bytes));
        conversion.create(folder.join(name))?;
    }
    place.publish()?;
    if !context.quiet {
        eprintln!("pgdmp: {} archives written", made.len());
    }
    Ok(Exit::Done)
}

fn private_folder(path: &std::path::Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A name of a table or schema as that of a file: what may mean something to a file system or a
/// shell is escaped, as in a URL.
fn file_name(name: &[u8]) -> String {
    let mut out = String::new();
    for (n, &byte) in name.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => out.push(byte as char),
            b'.' if n > 0 => out.push('.'),
            byte if out.len() < 200 => out.push_str(&format!("%{byte:02X}")),
            _ => {}
        }
    }
    out
}
