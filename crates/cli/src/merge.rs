//! `pgdmp merge`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::convert::{tell, total};
use crate::inputs::Inputs;
use crate::made::Started;
use crate::manifest::{self, ManifestArgs};
use crate::place::{self, Place};
use crate::progress::Progress;
use crate::target::TargetArgs;
use crate::{Context, Exit, Failure, message};
use pgdmp::edit::Merge;
use pgdmp::{Archive, Desc, ErrorKind, Format, TocEntry};

/// Merge several archives into one
///
/// merge is for backup scripts that dump each table into a file of its own: the new archive
/// restores all of them at once. Entries get new dump ids. An object that several archives define
/// alike is taken once. An object that they define differently, or data that two of them have, is
/// refused with its name.
///
/// Without -F the name of the output decides about its format. Otherwise format and compression
/// are those of the first input.
///
/// If the output is forgotten on the command line, the first input takes its place. Without -o,
/// --force therefore replaces an archive only if there are several inputs and they have all of its
/// tables.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "pgdmp merge [OPTIONS] OUTPUT ARCHIVE...\n       \
                      pgdmp merge [OPTIONS] -o OUTPUT ARCHIVE...",
    after_help = "\
Examples:
  pgdmp merge all.dump tables/*.dump
  pgdmp merge app.dir schema.dump data.dump          a directory archive, by its name
  pgdmp merge --force -o all.dump tables/*.dump      replaces the archive of the day before"
)]
pub(crate) struct Args {
    /// New file or directory, or - for standard output; with -o, the first input
    #[arg(value_name = "OUTPUT")]
    first: PathBuf,
    /// Input archives: files or directories
    #[arg(value_name = "ARCHIVE", required_unless_present = "output")]
    others: Vec<PathBuf>,
    /// The output; all other names are then inputs
    #[arg(short, long, value_name = "OUTPUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Replace an existing output, if it is a file or a directory archive
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let others = args.others.iter();
    let (output, paths): (_, Vec<&PathBuf>) = match &args.output {
        Some(output) => (output, [&args.first].into_iter().chain(others).collect()),
        None => (&args.first, others.collect()),
    };
    let inputs = Inputs::archives(paths.iter().map(|path| path.as_path()));
    place::check(output, &inputs)?;
    let started = Started::now();
    let progress = Progress::new(context);
    let options = context.options().on_read(progress.on_read());
    let archives: Vec<Archive> =
        paths.iter().map(|path| options.open(path)).collect::<Result<_, _>>()?;
    let archives: Vec<&Archive> = archives.iter().collect();
    say_what_is_odd(&inputs, &archives, &paths);
    if args.force && args.output.is_none() {
        check_forgotten(output, &archives)?;
    }
    let first = archives.first().map_or(Format::Custom, |archive| archive.format());
    let format = args.target.format_of(output, first);
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let named: Vec<(&Archive, &str)> =
        archives.iter().copied().zip(names.iter().map(String::as_str)).collect();
    let mut merge = Merge::named(&named, &args.target.target().format(format))?;
    tell(merge.notes());
    merge.on_warning(progress.warn());
    merge.on_entry(progress.on_entry());
    let total = archives.iter().zip(&paths).map(|(archive, path)| total(archive, None, path));
    progress.expect(total.sum());
    let read: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    let wanted = args.manifest.wanted(&read, output, format, args.force, context)?;
    match Place::open(output, inputs, args.force, format)?.synced(args.target.syncs()) {
        Place::New(new) => {
            manifest::create(&new, wanted, context, |path| Ok(merge.create(path)?))?;
            progress.finish();
            started.tell_of_archive(output, context);
        }
        Place::Stream(out) => merge.write_pipe(out)?.finish()?,
    }
    Ok(Exit::Done)
}

/// Says of inputs that are one file, and of those that are of several databases.
fn say_what_is_odd(inputs: &Inputs, archives: &[&Archive], paths: &[&PathBuf]) {
    if let Some((one, other)) = inputs.same() {
        message::warning(match one == other {
            true => format!("{} is given twice", one.display()),
            false => format!("{} and {} are the same archive", one.display(), other.display()),
        });
    }
    let database = |archive: &Archive| {
        let toc = archive.toc();
        toc.header().dbname.as_deref().map(|name| toc.printable(name).to_string())
    };
    let mut known: Vec<(String, String)> = Vec::new();
    for (archive, path) in archives.iter().zip(paths) {
        let Some(name) = database(archive) else { continue };
        if known.iter().all(|(other, _)| *other != name) {
            known.push((name, path.display().to_string()));
        }
    }
    if let [(first, path), (other, other_path), ..] = &known[..] {
        let more = match known.len() - 2 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        message::note(format_args!(
            "the archives are of different databases: {first} ({path}), {other} ({other_path}){more}"
        ));
    }
}

/// Refuses to replace what may be an input, because the output was forgotten.
fn check_forgotten(output: &Path, inputs: &[&Archive]) -> Result<(), Failure> {
    let exists = |metadata: fs::Metadata| metadata.is_file() || metadata.is_dir();
    if output.as_os_str() == "-" || !fs::metadata(output).is_ok_and(exists) {
        return Ok(());
    }
    let shown = output.display();
    let refuse = |why: String| {
        let question = "is it an input, and the output was forgotten?";
        Err(Failure::Usage(format!("{shown} {why}: {question} -o {shown} replaces it")))
    };
    if inputs.len() == 1 {
        return refuse("exists, and there is but one archive to join".to_owned());
    }
    let old = match Archive::open(output) {
        Ok(old) => old,
        Err(error) if matches!(error.kind(), ErrorKind::NotAnArchive(_)) => return Ok(()),
        Err(error) => return refuse(format!("exists, and cannot be looked into ({error})")),
    };
    let known: HashSet<_> =
        inputs.iter().flat_map(|input| input.entries()).filter_map(table).collect();
    let is_lost = |entry: &TocEntry<'_>| table(*entry).is_some_and(|table| !known.contains(&table));
    match old.entries().find(is_lost) {
        None => Ok(()),
        Some(entry) => refuse(format!("has {}, which no input has", entry.name())),
    }
}

/// Which table, or data of one, an entry is; all large objects are one, and the rest is none.
fn table(entry: TocEntry<'_>) -> Option<(Desc<'_>, &[u8], &[u8])> {
    match entry.desc() {
        desc @ (Desc::TABLE | Desc::TABLE_DATA) => {
            Some((desc, entry.namespace().unwrap_or_default(), entry.tag().unwrap_or_default()))
        }
        desc @ Desc::BLOBS => Some((desc, b"", b"")),
        _ => None,
    }
}
