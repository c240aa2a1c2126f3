//! `pgdmp convert`.

use std::path::{Path, PathBuf};

use crate::adapt::ServerArgs;
use crate::explain::{ExplainArgs, explain};
use crate::input;
use crate::inputs::Inputs;
use crate::made::Started;
use crate::manifest::{self, ManifestArgs};
use crate::place::{self, Place};
use crate::row_filter::{RowFilter, RowFilterArgs};
use crate::selection::{SelectionArgs, check_any};
use crate::target::TargetArgs;
use crate::{Context, Exit, Failure, message, rest, stdio};
use pgdmp::adapt::Adapted;
use pgdmp::edit::Note;
use pgdmp::select::Selected;
use pgdmp::toc::Header;
use pgdmp::{Algorithm, Archive, Conversion, Format, Input, Target, Toc};

/// Convert an archive to another format, compression or version, or extract a part
///
/// Settings that are not given are taken from the input. Data that keeps its compression is copied
/// without being decompressed. If nothing changes, the output is a byte-for-byte copy.
///
/// -n also takes the schema itself, which pg_restore -n leaves out. What belongs to a choice by name
/// and is left out, such as indexes and triggers of a table, is counted in a note.
///
/// The output is first written into a folder .pgdmp-... beside it, and gets its name when it is
/// complete and on disk. A signal that ends the program removes that folder. If the program is
/// killed, the next run that writes into the same directory removes it. Output to a pipe or a
/// device is written directly.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp convert backup.dump backup.dir                   a directory archive, by its name
  pgdmp convert backup.dump small.dump -n sales          one schema
  pgdmp list backup.dump > list; vi list
  pgdmp convert backup.dump new.dump -L list             the entries of an edited list
  pgdmp convert backup.dir new.dump --compress zstd:9    a custom archive, by its name
  pgdmp convert new.dump old.dump --archive-version 1.14 --compress gzip
                                                         for pg_restore 12 and newer
  pgdmp convert new.dump old.dump --target-version 15    for pg_restore and server 15
  pgdmp convert backup.dump big.dump --where 'orders=total >= 100'
                                                         with these rows of one table
  pgdmp convert app.dump test.dump --map-schema app=test --map-owner ann=bob
  ssh db pg_dump -Fc app | pgdmp convert - app.dump      adds the missing data offsets")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    input: PathBuf,
    /// New file or directory, or - for standard output
    #[arg(required_unless_present_any = ["explain", "explain_json"])]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Replace an existing output, if it is a file or a directory archive
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    explain: ExplainArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    rows: RowFilterArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let inputs = Inputs::archives([&*args.input]).with_lists(args.selection.files());
    if let Some(output) = &args.output {
        place::check(output, &inputs)?;
    }
    let started = Started::now();
    let (mut input, progress) = input::open(&args.input, context)?;
    if let Some(form) = args.explain.form() {
        let chosen = Chosen::new(args, input.toc())?;
        explain(&chosen.selected, form, || crate::json::Entries::of(&input))?;
        return Ok(Exit::Done);
    }
    // The parser asks for it.
    let output = args.output.as_deref().unwrap_or(Path::new("-"));
    let format = args.target.format_of(output, input.format());
    let wanted = args.manifest.wanted(&[&*args.input], output, format, args.force, context)?;
    let place = Place::open(output, inputs, args.force, format)?.synced(args.target.syncs());
    let target = target(args, format, input.toc().header())?;
    let toc = input.shared_toc();
    let chosen = match args.asks_for_all() {
        true => None,
        false => Some(Chosen::new(args, &toc)?),
    };
    let selected = chosen.as_ref().map(Chosen::selected);
    if let Input::Archive(archive) = &input {
        progress.expect(total(archive, selected.as_ref(), &args.input));
    }
    let filter = RowFilter::new(&args.rows, &toc)?;
    let mut conversion =
        Conversion::rewriting(input.pass(), &target, selected.as_ref(), filter.rewrites())?;
    tell(conversion.notes());
    conversion.on_warning(progress.warn());
    conversion.on_entry(progress.on_entry());
    match place {
        Place::New(new) => {
            manifest::create(&new, wanted, context, |path| Ok(conversion.create(path)?))?;
            progress.finish();
            started.tell_of_archive(output, context);
        }
        Place::Stream(out) => conversion.write_pipe(out)?.finish()?,
    }
    if !context.quiet {
        filter.report();
    }
    Ok(Exit::Done)
}

impl Args {
    fn asks_for_all(&self) -> bool {
        self.selection.is_empty() && self.server.is_empty()
    }
}

/// What is wanted, as the server wants it.
struct Chosen<'a> {
    selected: Selected<'a>,
    adapted: Adapted,
}

impl<'a> Chosen<'a> {
    fn new(args: &Args, toc: &'a Toc) -> Result<Self, Failure> {
        // The entries of the database itself do nothing unless a restore asks for them. Without its
        // schema what is in it would restore into nothing.
        let selection = args.selection.selection(toc)?.create(true).with_schemas(true);
        let mut selected = selection.apply(toc)?;
        args.selection.check_names(&selected)?;
        if args.explain.form().is_none() {
            rest::notes(&selection, &selected, toc)?.iter().for_each(message::note);
        }
        let adapted = args.server.options()?.adapt(&mut selected, |text| message::warning(text))?;
        if args.explain.form().is_none() {
            check_any(&selected)?;
        }
        Ok(Chosen { selected, adapted })
    }

    fn selected(&self) -> Selected<'_> {
        self.adapted.selected(&self.selected)
    }
}

/// What the new archive is to be. For an older server it is one that its pg_restore can read.
fn target(args: &Args, format: Format, header: &Header) -> Result<Target, Failure> {
    let mut target = args.target.target().format(format);
    let Some(release) = args.server.target_version() else { return Ok(target) };
    if let Some(asked) = args.target.algorithm()
        && !args.target.has_version()
        && !release.decompresses(asked)
    {
        return Err(Failure::Usage(format!(
            "pg_restore {release} does not read {asked}: choose --compress gzip or none, or a newer \
             --target-version"
        )));
    }
    if !args.target.has_version() && header.version > release.archive_version() {
        target = target.version(release.archive_version());
    }
    let algorithm = header.compression.algorithm;
    if args.target.algorithm().is_none()
        && format != Format::Tar
        && !release.decompresses(algorithm)
    {
        target = target.compression(Algorithm::Gzip, None);
        message::note(format_args!(
            "data is compressed with gzip, because pg_restore {release} does not read \
             {algorithm}"
        ));
    }
    Ok(target)
}

pub(crate) fn tell(notes: &[Note]) {
    notes.iter().for_each(message::note);
}

/// The bytes there are to move, where progress is shown and that is soon known.
pub(crate) fn total(
    archive: &Archive,
    selected: Option<&Selected<'_>>,
    path: &Path,
) -> Option<u64> {
    if !stdio::says_to_terminal() {
        return None;
    }
    if selected.is_none() && archive.format() != Format::Directory {
        return input::file_len(path);
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
