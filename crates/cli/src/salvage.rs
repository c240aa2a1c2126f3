//! `pgdmp salvage`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Map, Value, json};

use crate::inputs::Inputs;
use crate::manifest::{self, ManifestArgs};
use crate::place::{self, Place};
use crate::progress::Progress;
use crate::target::{format_of, parse_format};
use crate::{Context, Exit, Failure, message};
use pgdmp::finding::{Finding, Severity};
use pgdmp::salvage::{Report, Salvage, Saved};
use pgdmp::verify::{Event, Verification};
use pgdmp::{Format, Input};

/// Make a new archive of what is left of a damaged one
///
/// Everything that can be read is taken: entries behind damage of the table of contents, data behind
/// damaged data, and of damaged data the rows that are still rows. Data whose entry is lost goes
/// into the table without data that its rows fit, if that is one alone, or becomes a table of texts
/// in the schema pgdmp_salvage. The damaged archive is not changed. The new one is verified before
/// it gets its name, and pg_restore restores it.
///
/// What is lost is told, and written to a report in JSON beside the new archive. A table that lost
/// rows gets a comment that says so in the database.
///
/// A row that looks right may be wrong all the same: of gzip data whose checksum, at its end, is
/// wrong or lost, any of them. --trusted leaves such tables out, and data whose table was guessed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp salvage cut.dump rest.dump
  pgdmp salvage --trusted cut.dump rest.dump    only what is right for sure
  pgdmp verify cut.dump                         what is wrong, without writing anything

Exit status: 0 everything was there, 1 something is lost, 2 nothing could be had,
or the new archive could not be written.")]
pub(crate) struct Args {
    /// The damaged archive: a file or directory
    archive: PathBuf,
    /// The new archive
    output: PathBuf,
    /// Format of the output: c (custom), d (directory) or t (tar)
    #[arg(short = 'F', long, value_name = "FORMAT", value_parser = parse_format)]
    format: Option<Format>,
    /// Leave out tables and large objects of which any part may be wrong
    #[arg(long)]
    trusted: bool,
    /// Write no comments about lost rows into the archive
    #[arg(long)]
    no_comments: bool,
    /// Where to write the report; by default OUTPUT.salvage.json
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Replace an existing output, if it is a file or a directory archive
    #[arg(long)]
    force: bool,
    /// Do not wait until the output is safely on disk
    #[arg(long)]
    no_sync: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    for path in [&args.archive, &args.output] {
        if path.as_os_str() == "-" {
            return Err(Failure::Usage(
                "salvage reads the archive several times and writes it into a file: - is none"
                    .to_owned(),
            ));
        }
    }
    let inputs = Inputs::archives([args.archive.as_path()]);
    place::check(&args.output, &inputs)?;
    let report_path = args.report.clone().unwrap_or_else(|| {
        let mut name = args.output.clone().into_os_string();
        name.push(".salvage.json");
        PathBuf::from(name)
    });
    inputs.check(&report_path, &report_path)?;
    if !args.force && fs::symlink_metadata(&report_path).is_ok() {
        return Err(Failure::Usage(format!(
            "{} exists; --force replaces it, and --report names another file",
            report_path.display()
        )));
    }
    let progress = Progress::new(context);
    let options = context.options().on_read(progress.on_read());
    let archive = Salvage::open(&args.archive, &options)?;
    let salvage = Salvage::new(&archive)?.trusted(args.trusted).comments(!args.no_comments);
    let format = format_of(&args.output, args.format, archive.format());
    let salvage = salvage.format(format);
    let report = salvage.report().clone();
    if report.is_empty() {
        progress.finish();
        tell(&report);
        return Err(Failure::Usage("nothing could be had of the archive".to_owned()));
    }
    let wanted =
        args.manifest.wanted_of_damaged(&args.archive, &args.output, format, args.force)?;
    let place = Place::open(&args.output, inputs, args.force, format)?.synced(!args.no_sync);
    let Place::New(new) = place else {
        return Err(Failure::Usage("salvage writes into a file or a new directory".to_owned()));
    };
    manifest::create(&new, wanted, context, |path| {
        salvage.create(path)?;
        check(path, context)
    })?;
    write_report(&report, args, &report_path)?;
    progress.finish();
    tell(&report);
    Ok(if report.is_whole() { Exit::Done } else { Exit::Negative })
}

/// Verifies the new archive before anybody sees it.
fn check(path: &Path, context: &Context) -> Result<(), Failure> {
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    let mut input: Input = context.options().damaged(true).input(path)?;
    let mut first = None;
    Verification::new().threads(threads).run(&mut input, |event| {
        match event {
            Event::Found(found) if found.finding.severity == Severity::Error => {
                // What the damaged archive lacks, the new one lacks, too.
                if found.code.id() == "R4" || found.code.id().starts_with('T') {
                    message::warning(format_args!("in the new archive: {found}"));
                } else {
                    first.get_or_insert(found.to_string());
                }
            }
            _ => {}
        }
    })?;
    match first {
        None => Ok(()),
        Some(found) => Err(Failure::Usage(format!("the new archive is not good: {found}"))),
    }
}

/// Says what is lost.
fn tell(report: &Report) {
    if let Some(damage) = &report.toc_damage {
        message::warning(format_args!("the table of contents is damaged: {damage}"));
    }
    let (mut rows, mut objects, mut whole) = (0, 0, 0_u64);
    for saved in &report.entries {
        (rows, objects) = (rows + saved.rows, objects + saved.large_objects);
        if saved.is_whole() {
            whole += 1;
        } else {
            message::warning(line(saved));
        }
    }
    let tables = report.entries.len();
    message::info(format_args!(
        "{whole} of {tables} entries with data are whole; {rows} rows, {objects} large objects"
    ));
}

fn line(saved: &Saved) -> String {
    let mut text = saved.name.to_string();
    text += &match (saved.is_kept, saved.rows, saved.large_objects) {
        (false, _, _) => ": left out".to_owned(),
        (true, 0, objects) if objects > 0 => format!(": {objects} large objects are kept"),
        (true, rows, _) => format!(": {rows} rows are kept"),
    };
    if saved.left_out > 0 {
        text += &format!(", {} damaged ones are not", saved.left_out);
    }
    if !saved.cut_objects.is_empty() {
        text += &format!(", {} of them only in part", saved.cut_objects.len());
    }
    if let Some(row) = saved.suspect_from.filter(|_| saved.is_kept) {
        text += &format!("; from number {row} on they may be wrong");
    }
    if let Some(damage) = &saved.damage {
        text += &format!(": {}", damage.what);
        if let Some(offset) = damage.offset {
            text += &format!(", at offset {offset}");
        }
    }
    text
}

/// Writes the report, which gets its name when it is complete.
fn write_report(report: &Report, args: &Args, path: &Path) -> Result<(), Failure> {
    let inputs = Inputs::archives([args.archive.as_path()]);
    let mut text = Vec::new();
    crate::json::write_pretty(&as_json(report), &mut text).map_err(Failure::Output)?;
    text.push(b'\n');
    Place::open(path, inputs, args.force, Format::Custom)?.fill(&text)
}

fn as_json(report: &Report) -> Value {
    let entries: Vec<Value> = report.entries.iter().map(entry).collect();
    json!({
        "schema_version": crate::json::SCHEMA_VERSION,
        "whole": report.is_whole(),
        "toc_entries": report.toc_entries,
        "toc_damage": report.toc_damage.as_ref().map(finding),
        "entries": entries,
    })
}

fn entry(saved: &Saved) -> Value {
    json!({
        "dump_id": saved.dump_id.0,
        "name": saved.name.to_string(),
        "found": saved.how.name(),
        "kept": saved.is_kept,
        "whole": saved.is_whole(),
        "rows": saved.rows,
        "rows_left_out": saved.left_out,
        "large_objects": saved.large_objects,
        "cut_large_objects": saved.cut_objects,
        "suspect_from": saved.suspect_from,
        "damage": saved.damage.as_ref().map(finding),
    })
}

fn finding(finding: &Finding) -> Value {
    let mut map = Map::new();
    map.insert("text".into(), finding.what.as_str().into());
    map.insert("offset".into(), finding.offset.into());
    map.insert("member".into(), finding.member.as_deref().into());
    Value::Object(map)
}
