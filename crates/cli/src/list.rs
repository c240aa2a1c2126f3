//! `pgdmp list`.

use std::io::Write;
use std::path::PathBuf;

use crate::adapt::ServerArgs;
use crate::explain::{ExplainArgs, explain};
use crate::input;
use crate::output::{Output, human_size};
use crate::selection::{SelectionArgs, check_any};
use crate::{Context, Exit, Failure, json, message};
use pgdmp::select::Selected;
use pgdmp::toc::Header;
use pgdmp::{Input, Listing};

/// List the table of contents, as pg_restore -l does
///
/// The output is the same as that of pg_restore -l, byte for byte. It can be edited and given to
/// -L: a semicolon before a line leaves its entry out, and entries are restored in the order of
/// the lines.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp list backup.dump > backup.list     a list to edit, for -L
  pgdmp list --long backup.dump            with the size of each entry's data
  pgdmp list -v backup.dump                all entries, with their dependencies
  pgdmp list --json backup.dump | jq '.entries[] | select(.desc == \"INDEX\") | .tag'")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// List all entries, with the dependencies of each
    #[arg(short, long)]
    verbose: bool,
    /// Show the stored size of each entry's data
    ///
    /// In JSON the sizes are there without this option, as far as they are known without a walk over
    /// the data.
    #[arg(short, long)]
    long: bool,
    /// Print JSON: {"schema_version": 1, "header": {…}, "entries": […]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    explain: ExplainArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let needs_sql = args.json
        || !args.server.is_empty()
        || args.selection.follows()
        || args.explain.form().is_some();
    let options = context.options().statements(needs_sql);
    let (mut input, progress) = input::open_with(&args.archive, options, context)?;
    let sizes =
        if args.long { Some(super::du::stored_sizes(&mut input, &progress)?) } else { None };
    let toc = input.toc();
    let selection = args.selection.selection(toc)?;
    let mut selected = selection.apply(toc)?;
    args.selection.check_names(&selected)?;
    let adapted = args.server.options()?.adapt(&mut selected, |text| message::warning(text))?;
    if let Some(form) = args.explain.form() {
        explain(&selected, form, || json::Entries::of(&input))?;
        return Ok(Exit::Done);
    }
    if !args.verbose {
        check_any(&selected)?;
    }
    let selected = adapted.selected(&selected);
    let created = created(toc.header());
    let as_stored = !args.json && !args.long;
    let mut out = if as_stored { Output::of(toc.text_encoding()) } else { Output::new() };
    let written = if args.json {
        write_json(args, &input, &selected, sizes, &mut out)
    } else if let Some(sizes) = sizes {
        write_long(args, &selected, &sizes, &mut out)
    } else {
        Listing::new(selected.toc(), input.format())
            .created(created)
            .verbose(args.verbose)
            .write(&selected, &mut out)
    };
    written.map_err(Failure::Output)?;
    out.finish()?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

/// The creation time in the local time zone. Archives before 1.4 have none: pg_restore then takes
/// the present.
pub(crate) fn created(header: &Header) -> String {
    match header.created {
        Some(created) => {
            let created = pgdmp_local_time::creation_time(created.fields());
            if created.invalid {
                message::warning("invalid creation date in header");
            }
            created.text
        }
        None => pgdmp_local_time::now(),
    }
}

/// The lines of a list with a size behind the dump id; such lines, too, are good for `-L`.
fn write_long(
    args: &Args,
    selected: &Selected<'_>,
    sizes: &[Option<u64>],
    out: &mut Output,
) -> std::io::Result<()> {
    let toc = selected.toc();
    for (entry, decision) in selected.all() {
        if !args.verbose && !decision.wanted.is_listed() {
            continue;
        }
        let size = sizes.get(entry.index()).copied().flatten().map(human_size).unwrap_or_default();
        writeln!(
            out,
            "{:>6}; {size:>10}  {} {} {} {}",
            entry.dump_id(),
            entry.desc(),
            toc.printable(entry.namespace().unwrap_or(b"-")),
            toc.printable(entry.tag().unwrap_or_default()),
            toc.printable(entry.owner().unwrap_or_default()),
        )?;
    }
    Ok(())
}

/// One entry at a time: there may be millions.
fn write_json(
    args: &Args,
    input: &Input,
    selected: &Selected<'_>,
    sizes: Option<Vec<Option<u64>>>,
    out: &mut Output,
) -> std::io::Result<()> {
    let entries = match sizes {
        Some(sizes) => json::Entries::with_sizes(input.toc(), sizes),
        None => json::Entries::of(input),
    };
    write!(out, "{{\"schema_version\": {},\n\"header\": ", json::SCHEMA_VERSION)?;
    json::write(&json::header(input.toc(), input.format()), out)?;
    out.write_all(b",\n\"entries\": [")?;
    let mut separator = "\n";
    for (entry, decision) in selected.all() {
        if args.verbose || decision.wanted.is_listed() {
            out.write_all(separator.as_bytes())?;
            json::write(&entries.entry(entry).into(), out)?;
            separator = ",\n";
        }
    }
    out.write_all(b"\n]}\n")
}
