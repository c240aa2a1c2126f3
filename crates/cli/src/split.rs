//! `pgdmp split`.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::slice;

use clap::ValueEnum;

use crate::convert::tell;
use crate::inputs::Inputs;
use crate::manifest::{self, ManifestArgs};
use crate::place::{self, NewArchive};
use crate::progress::Progress;
use crate::replace::{Kind, not_an_archive};
use crate::target::TargetArgs;
use crate::{Context, Exit, Failure, message};
use pgdmp::edit::{Part, SplitBy};
use pgdmp::toc::Header;
use pgdmp::{Archive, Conversion, Error, Format};

/// Split an archive into one archive for each table or schema
///
/// Each table's archive has its data, indexes, constraints, triggers, sequences and privileges.
/// Objects that belong to no table (or schema) go into everything-else. pgdmp merge joins the
/// parts again.
///
/// Files are named schema.table, in characters that every file system tells apart. A capital letter
/// is written as + and the small letter. Other characters than a to z, digits and _ are written as
/// % and their code, as in a URL. A long name is cut and ends in - and a hash of the whole name.
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
    /// What each new archive contains
    #[arg(long, value_name = "WHAT", default_value = "table")]
    by: By,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Replace an existing output, if split made it, or it is a file or a directory archive
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
    let inputs = Inputs::archives([&*args.archive]);
    place::check(&args.output, &inputs)?;
    let progress = Progress::new(context);
    let options = context.options().on_read(progress.on_read());
    let archive = options.open(&args.archive)?;
    let format = args.target.format.unwrap_or(archive.format());
    args.manifest.refuse_name()?;
    let asked = args.manifest.asked(&[&*args.archive], context)?;
    let new = NewArchive::new(&args.output, inputs, args.force, Kind::Parts)?;
    let new = new.synced(args.target.syncs());
    let by = match args.by {
        By::Table => SplitBy::Table,
        By::Schema => SplitBy::Schema,
    };
    let made = pgdmp::edit::parts(archive.toc(), by);
    let mut told = HashSet::new();
    new.write(|folder| {
        private_folder(folder).map_err(|error| Error::from(error).in_path(folder))?;
        for part in &made {
            let mut conversion = Conversion::of_part(&archive, &args.target.target(), part)?;
            for note in conversion.notes() {
                // Most are of many parts.
                if told.insert(note.to_string()) {
                    tell(slice::from_ref(note));
                }
            }
            conversion.on_warning(progress.warn());
            conversion.on_entry(progress.on_entry());
            conversion.create(folder.join(file_name(part, format)))?;
        }
        if asked { manifest::of_parts(folder, context) } else { Ok(()) }
    })?;
    new.publish()?;
    progress.finish();
    if !context.quiet {
        message::info(format_args!("{} archives written", made.len()));
    }
    Ok(Exit::Done)
}

/// Whether a folder is what `split` made, and nothing else: archives, all of one dump, each of
/// which has the one part that it is named after.
pub(crate) fn is_made_by_it(folder: &Path) -> bool {
    let mut first = None;
    let mut is_part = |entry: io::Result<fs::DirEntry>| -> Option<bool> {
        let entry = entry.ok()?;
        let kind = entry.file_type().ok()?;
        if kind.is_file() && manifest::is_of_part(&entry.path()) {
            return Some(true);
        }
        if !kind.is_file() && (!kind.is_dir() || not_an_archive(&entry.path()).is_some()) {
            return None;
        }
        let archive = Archive::open(entry.path()).ok()?;
        let Header { created, dbname, server_version, dump_version, .. } = archive.header().clone();
        let dump = (created, dbname, server_version, dump_version);
        if *first.get_or_insert_with(|| dump.clone()) != dump {
            return None;
        }
        let names = [SplitBy::Table, SplitBy::Schema].map(|by| {
            let parts = pgdmp::edit::parts(archive.toc(), by);
            (parts.len() == 1).then(|| file_name(&parts[0], archive.format()))
        });
        let name = entry.file_name();
        Some(names.into_iter().flatten().any(|part| *part == *name))
    };
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.all(|entry| is_part(entry) == Some(true)),
        Err(_) => false,
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The name of a part's archive.
fn file_name(part: &Part, format: Format) -> String {
    let mut name = part.file_stem();
    name.push_str(match format {
        Format::Custom => ".dump",
        Format::Tar => ".tar",
        _ => "",
    });
    name
}
