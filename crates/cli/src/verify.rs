//! `pgdmp verify`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::input::{self, file_len};
use crate::inputs::Inputs;
use crate::json as text;
use crate::output::{Output, counted, human_size};
use crate::{Context, Exit, Failure, manifest, message};
use pgdmp::finding::Severity;
use pgdmp::manifest::{Digest, Manifest};
use pgdmp::verify::{Code, EntryState, Event, Found, Level, Status, Summary, Verification};
use pgdmp::{DumpId, Input, Toc};

/// Find out whether archives are good
///
/// All data of each archive is read, and everything that is wrong is told: with a code, its place,
/// and what it means for a restore. A finding never ends the run. The archive can be a file, a
/// directory, or a pipe.
///
/// What can be found depends on how the archive is stored. gzip data has a checksum. Data that
/// pg_dump stored with zstd, lz4 or without compression has none, so a changed byte is found only
/// if the data cannot be decompressed any more, or a row is no row. The last line says of how much
/// data that is true. A manifest shows every change: write one while the archive is good.
///
/// With --verbose it is also said what a restore needs of its server: roles, extensions,
/// tablespaces, languages.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp verify backup.dump                   everything, up to each row
  pgdmp verify --level framing *.dump        fast: only where data lies
  pgdmp verify --part 3/7 backup.dump        a seventh of the data each night
  pg_dump -Fc app | tee app.dump | pgdmp verify -
  pgdmp verify --write-manifest backup.dump  if it is good: checksums of everything, beside it
  pgdmp verify --json backup.dump | jq 'select(.type == \"finding\")'

Levels: toc reads the table of contents; framing also where the data lies;
data also all data with its checksums; rows also each row.

Exit status: 0 good, 1 errors were found (with --strict: or warnings),
2 not an archive, or it could not be opened.")]
pub(crate) struct Args {
    /// Files, directories, or - for standard input
    #[arg(required = true)]
    archives: Vec<PathBuf>,
    /// How much to read: toc, framing, data or rows
    #[arg(long, value_name = "LEVEL", default_value = "rows", value_parser = level)]
    level: Level,
    /// Number of threads; by default one for each core
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Read the data of one part of the entries, for example 3/7
    #[arg(long, value_name = "N/OF")]
    part: Option<Part>,
    /// Compare the archive with this manifest
    ///
    /// The manifest may be that of an archive of which this is a copy in another format or
    /// compression. A manifest that lies beside the archive, as ARCHIVE.pgdmp-manifest or
    /// manifest.pgdmp in a directory, is used by itself.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Do not look for a manifest beside the archive
    #[arg(long, conflicts_with = "manifest")]
    no_manifest: bool,
    /// The archive has only a part of what the manifest has
    #[arg(long)]
    subset: bool,
    /// The SHA-256 that the manifest must have; --verbose prints it
    #[arg(long, value_name = "SHA256", value_parser = Digest::from_str)]
    expect: Option<Digest>,
    /// If the archive is good, write its manifest, by default beside it
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    write_manifest: Option<Option<PathBuf>>,
    /// Replace an existing manifest
    #[arg(long, requires = "write_manifest")]
    force: bool,
    /// Count warnings as errors for the exit status
    #[arg(long)]
    strict: bool,
    /// Print each entry with data, not only findings, and what a restore needs
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON: one object on a line for each finding, entry and archive
    ///
    /// Its "type" is finding (with code, severity, text, meaning, entry, member, offset,
    /// decoded_offset, row, count), entry (status, stored, raw, rows, large_objects, checksums) or
    /// archive, the last (good, format, version, compression, read, manifest, counts of all that was
    /// read and found, statuses, seconds). Positions and sizes are in bytes.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    part: u32,
    of: u32,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .and_then(|(part, of)| Some(Part { part: part.parse().ok()?, of: of.parse().ok()? }));
        numbers
            .filter(|part| part.part >= 1 && part.part <= part.of)
            .ok_or_else(|| "a part is written as 3/7: the third of seven".to_owned())
    }
}

fn level(text: &str) -> Result<Level, String> {
    Ok(match text {
        "toc" => Level::Toc,
        "framing" => Level::Framing,
        "data" => Level::Data,
        "rows" => Level::Rows,
        _ => return Err("a level is one of toc, framing, data, rows".to_owned()),
    })
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Toc => "table of contents",
        Level::Framing => "places of data",
        Level::Data => "all data",
        _ => "all rows",
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    args.check()?;
    let mut out = Output::new();
    let mut exit = Exit::Done;
    let mut failed = None;
    for path in &args.archives {
        match verify(args, path, context, &mut out) {
            Ok(summary) => {
                if !summary.is_good() || (args.strict && summary.warnings > 0) {
                    exit = Exit::Negative;
                }
            }
            // The others are read all the same.
            Err(failure @ Failure::Archive(_)) if args.archives.len() > 1 => {
                if let Some(failure) = failed.replace(failure) {
                    message::error(failure);
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    if let Err(Failure::Output(error)) = out.finish() {
        unless_closed(Err(error))?;
    }
    failed.map_or(Ok(exit), Err)
}

/// Whoever closed the pipe has seen enough. The exit status still says whether the archive is good.
fn unless_closed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

impl Args {
    /// Refuses what makes no sense together.
    fn check(&self) -> Result<(), Failure> {
        let refuse = |what: &str| Err(Failure::Usage(what.to_owned()));
        let named = matches!(self.write_manifest, Some(Some(_)));
        if self.archives.len() > 1 && (self.manifest.is_some() || self.expect.is_some() || named) {
            return refuse("one manifest is of one archive");
        }
        if self.write_manifest.is_none() {
            return Ok(());
        }
        if self.part.is_some() || self.subset {
            return refuse("a manifest is made of the whole archive, not of a part of it");
        }
        for path in &self.archives {
            if path.as_os_str() == "-" && !named {
                return refuse("the manifest of a pipe needs a name: --write-manifest=FILE");
            }
            let file = self.new_manifest(path);
            if !self.force && file.is_some_and(|file| fs::symlink_metadata(file).is_ok()) {
                return Err(Failure::Usage(format!(
                    "{} has a manifest; --force writes another one, if the archive is as that one says",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    /// Where the manifest of an archive is to be written.
    fn new_manifest(&self, archive: &Path) -> Option<PathBuf> {
        let file = self.write_manifest.as_ref()?;
        Some(file.clone().unwrap_or_else(|| manifest::default_place(archive)))
    }

    /// The manifest that an archive is compared with.
    fn manifest_of(&self, archive: &Path) -> Result<Option<Arc<Manifest>>, Failure> {
        let found = match &self.manifest {
            Some(file) => Some(manifest::read(file)?),
            None if self.no_manifest => None,
            None => manifest::find(archive)?,
        };
        match (self.expect, &found) {
            (None, _) => {}
            (Some(expected), Some(found)) if found.digest == Some(expected) => {}
            (Some(_), Some(_)) => {
                return Err(Failure::Usage("the manifest's SHA-256 is another one".to_owned()));
            }
            (Some(_), None) => {
                return Err(Failure::Usage(format!("{} has no manifest", archive.display())));
            }
        }
        Ok(found.map(Arc::new))
    }
}

fn verify(
    args: &Args,
    path: &Path,
    context: &Context,
    out: &mut Output,
) -> Result<Summary, Failure> {
    let started = Instant::now();
    let against = args.manifest_of(path)?;
    let threads =
        args.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, |n| n.get()));
    // One table is decompressed by no more of them.
    let options = context.options().damaged(true).threads(threads.min(16) as u32);
    let (mut input, progress) = input::open_with(path, options, context)?;
    let toc = input.shared_toc();
    let name = message::shown(path.as_os_str().as_encoded_bytes());
    let mut written = match args.json {
        false => head(&input, &name, file_len(path), out),
        true => Ok(()),
    };
    if let Some(digest) = against.as_ref().and_then(|manifest| manifest.digest)
        && args.verbose
        && !args.json
    {
        written = written.and_then(|()| writeln!(out, "manifest: SHA-256 {digest}"));
    }
    let mut verification =
        Verification::new().level(args.level).threads(threads).subset(args.subset);
    if let Some(Part { part, of }) = args.part {
        verification = verification.part(part, of);
    }
    if let Some(manifest) = &against {
        verification = verification.manifest(Arc::clone(manifest));
    }
    let mut tell = |event: Event| {
        if written.is_err() {
            return;
        }
        written = match event {
            Event::Found(found) if args.json => finding(&found, &toc, &name, out),
            Event::Found(found) if is_usual(found.code) && !args.verbose => Ok(()),
            Event::Found(found) => say(&found, out),
            Event::Entry(state) if args.json => entry_json(&state, &toc, &name, out),
            Event::Entry(state) if args.verbose => entry(&state, &toc, out),
            _ => Ok(()),
        };
    };
    let (summary, new) = match args.new_manifest(path) {
        None => (verification.run(&mut input, &mut tell)?, None),
        Some(file) => {
            let name = manifest::name(path);
            let (summary, new) = verification.record(&mut input, &name, &mut tell)?;
            (summary, new.map(|new| (file, new)))
        }
    };
    progress.finish();
    if let Some((file, new)) = new {
        let inputs = match path.is_dir() {
            // It is in the folder of the input, and no part of it.
            true => Inputs::default(),
            false => Inputs::archives([path]),
        };
        manifest::write(&file, inputs, args.force, &manifest::text(&new)?)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let written = written.and_then(|()| match args.json {
        true => end_json(&summary, args, against.as_deref(), &input, &name, seconds, out),
        false => end(&summary, args, against.as_deref(), seconds, out),
    });
    unless_closed(written.and_then(|()| out.flush()))?;
    Ok(summary)
}

fn head(input: &Input, name: &str, size: Option<u64>, out: &mut Output) -> io::Result<()> {
    let toc = input.toc();
    let header = toc.header();
    let (format, version) = (input.format(), header.version);
    let compression = header.compression.algorithm;
    let size = size.map(|size| format!(", {}", human_size(size))).unwrap_or_default();
    writeln!(out, "{name}: {format} {version}, {compression}, {} entries{size}", toc.len())
}

fn severity(found: &Found) -> &'static str {
    match found.finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        _ => "note",
    }
}

/// Whether it is true of nearly every archive. The last line has the other thing that matters of it.
fn is_usual(code: Code) -> bool {
    matches!(code, Code::Needs | Code::NoChecksums)
}

fn say(found: &Found, out: &mut Output) -> io::Result<()> {
    writeln!(out, "{} {found}", severity(found))?;
    writeln!(out, "  {}", found.code.meaning())
}

fn entry(state: &EntryState, toc: &Toc, out: &mut Output) -> io::Result<()> {
    let Some(entry) = toc.get(state.index) else { return Ok(()) };
    write!(out, "{:<9} {}", state.status, entry.name())?;
    if let Some(rows) = state.rows {
        write!(out, ": {}", counted(rows, "row", "rows"))?;
    } else if let Some(objects) = state.large_objects {
        write!(out, ": {}", counted(objects, "large object", "large objects"))?;
    }
    match state.raw {
        Some(raw) => writeln!(out, ", {}", human_size(raw)),
        None => writeln!(out),
    }
}

fn end(
    summary: &Summary,
    args: &Args,
    manifest: Option<&Manifest>,
    seconds: f64,
    out: &mut Output,
) -> io::Result<()> {
    let mut parts = Vec::new();
    if summary.is_good() {
        parts.push(counted(summary.entries, "entry", "entries"));
        parts.push(counted(summary.tables, "table", "tables"));
        if args.level == Level::Rows {
            parts.push(counted(summary.rows, "row", "rows"));
            if summary.large_objects > 0 {
                parts.push(counted(summary.large_objects, "large object", "large objects"));
            }
        }
        if args.level >= Level::Data {
            parts.push(human_size(summary.raw));
        }
    } else {
        parts.push(counted(summary.errors, "error", "errors"));
        for status in [
            Status::Ok,
            Status::Suspect,
            Status::Damaged,
            Status::Cut,
            Status::Missing,
            Status::Unchecked,
        ] {
            let count = summary.with_status(status);
            if count > 0 {
                parts.push(format!("{count} {status}"));
            }
        }
    }
    if summary.warnings > 0 {
        parts.push(counted(summary.warnings, "warning", "warnings"));
    }
    let word = if summary.is_good() { "good" } else { "damaged" };
    write!(out, "{word}: {}; read: {}", parts.join(", "), level_name(args.level))?;
    if let Some(Part { part, of }) = args.part {
        write!(out, ", part {part} of {of}")?;
    }
    if args.level >= Level::Data && summary.without_checksum > 0 {
        write!(out, "; {} without a checksum", human_size(summary.without_checksum))?;
    }
    if let Some(manifest) = manifest.filter(|_| summary.is_good()) {
        let written = message::shown(manifest.written.as_bytes());
        write!(out, "; as the manifest of {written} says")?;
    }
    writeln!(out, "; {seconds:.1} s")
}

fn line(map: Map<String, Value>, out: &mut Output) -> io::Result<()> {
    text::write(&Value::Object(map), out)?;
    out.write_all(b"\n")
}

fn object(kind: &str, archive: &str) -> Map<String, Value> {
    let mut map = text::document();
    map.insert("type".into(), kind.into());
    map.insert("archive".into(), archive.into());
    map
}

fn entry_name(index: Option<usize>, toc: &Toc) -> Value {
    let Some(entry) = index.and_then(|index| toc.get(index)) else { return Value::Null };
    text::entry_name(entry).into()
}

fn finding(found: &Found, toc: &Toc, archive: &str, out: &mut Output) -> io::Result<()> {
    let mut map = object("finding", archive);
    let place = &found.finding;
    map.insert("code".into(), found.code.id().into());
    map.insert("severity".into(), severity(found).into());
    map.insert("text".into(), place.what.as_str().into());
    map.insert("meaning".into(), found.code.meaning().into());
    let id = place.entry.as_ref().map(|entry| DumpId(entry.dump_id));
    let index = id.and_then(|id| toc.entry(id)).map(|entry| entry.index());
    map.insert("entry".into(), entry_name(index, toc));
    map.insert("member".into(), place.member.as_deref().into());
    map.insert("offset".into(), place.offset.into());
    map.insert("decoded_offset".into(), found.decoded_offset.into());
    map.insert("row".into(), found.row.into());
    map.insert("count".into(), (found.more + 1).into());
    line(map, out)
}

fn entry_json(state: &EntryState, toc: &Toc, archive: &str, out: &mut Output) -> io::Result<()> {
    let mut map = object("entry", archive);
    map.insert("entry".into(), entry_name(Some(state.index), toc));
    map.insert("status".into(), state.status.name().into());
    map.insert("stored_bytes".into(), state.stored.into());
    map.insert("raw_bytes".into(), state.raw.into());
    map.insert("rows".into(), state.rows.into());
    map.insert("large_objects".into(), state.large_objects.into());
    map.insert("checksums".into(), state.checksums.name().into());
    line(map, out)
}

fn end_json(
    summary: &Summary,
    args: &Args,
    manifest: Option<&Manifest>,
    input: &Input,
    archive: &str,
    seconds: f64,
    out: &mut Output,
) -> io::Result<()> {
    let mut map = object("archive", archive);
    let header = input.toc().header();
    map.insert("good".into(), summary.is_good().into());
    map.insert("format".into(), input.format().to_string().into());
    map.insert("archive_version".into(), header.version.to_string().into());
    map.insert("compression".into(), header.compression.algorithm.name().into());
    map.insert("read".into(), level_name(args.level).into());
    map.insert("manifest".into(), manifest.map(|manifest| manifest.written.as_str()).into());
    for (key, count) in [
        ("entries", summary.entries),
        ("tables", summary.tables),
        ("rows", summary.rows),
        ("large_objects", summary.large_objects),
        ("raw_bytes", summary.raw),
        ("bytes_without_checksum", summary.without_checksum),
        ("errors", summary.errors),
        ("warnings", summary.warnings),
        ("notes", summary.notes),
    ] {
        map.insert(key.into(), count.into());
    }
    let statuses = [
        Status::NoData,
        Status::Ok,
        Status::Unchecked,
        Status::Suspect,
        Status::Damaged,
        Status::Cut,
        Status::Missing,
    ];
    let statuses: Map<String, Value> = statuses
        .into_iter()
        .map(|status| (status.name().to_owned(), summary.with_status(status).into()))
        .collect();
    map.insert("statuses".into(), Value::Object(statuses));
    map.insert("seconds".into(), json!((seconds * 1000.0).round() / 1000.0));
    line(map, out)
}
