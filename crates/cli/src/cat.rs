//! `pgdmp cat`.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Read, Write};
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;

use crate::output::Output;
use crate::{Context, Exit, Failure, export, head, input, object};
use pgdmp::read::Pass;
use pgdmp::toc::Oid;
use pgdmp::{Archive, BlockKind, Desc, DumpId, Error, Input, Toc, TocEntry};

/// Print the data of tables and large objects
///
/// The data is decompressed and printed as pg_dump wrote it, in the encoding of the archive. A
/// table gives COPY text that ends with the line \. or INSERT statements. A large object gives its
/// bytes. Several objects follow one another in the order of the command line, each of them once;
/// from a pipe, in the order of the archive.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp cat backup.dump public.orders > orders.copy
  pgdmp cat backup.dump orders | head
  pgdmp cat backup.dump orders --csv > orders.csv
  pgdmp cat backup.dump orders --rows 3
  pgdmp cat backup.dump orders --rows 1000..1009
  pgdmp cat backup.dump orders --bytes 500000000..500001000
  pgdmp cat backup.dump 16404 > logo.png          a large object, by its OID
  ssh db cat backup.dump | pgdmp cat - public.orders | psql -c '\\copy orders from stdin'")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// Names (orders, public.orders, sales.*), dump ids, or OIDs of large objects
    #[arg(required = true, value_name = "OBJECT")]
    objects: Vec<OsString>,
    /// Print the rows of a table as CSV, like export
    #[arg(long)]
    csv: bool,
    /// Show so many rows of a table, aligned, like head, or those from one number to another
    #[arg(
        long,
        value_name = "N|FROM..TO",
        num_args = 0..=1,
        default_missing_value = "10",
        value_parser = rows,
        conflicts_with = "csv"
    )]
    rows: Option<RangeInclusive<u64>>,
    /// Print a part of the data: the bytes from FROM (0 is the first) up to TO, not with it
    ///
    /// Either may be left out. Of a file no more is read than the part needs, if the archive is not
    /// compressed, or compressed by pgdmp (with gzip, in a directory).
    #[arg(long, value_name = "FROM..TO", value_parser = bytes, conflicts_with_all = ["csv", "rows"])]
    bytes: Option<Range<u64>>,
}

/// Numbers of rows: `7` are the first seven, `5..7` the fifth to the seventh.
fn rows(text: &str) -> Result<RangeInclusive<u64>, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Ok(1..=text.parse().map_err(|_| "neither a number nor FROM..TO".to_owned())?);
    };
    let from = if from.is_empty() { 1 } else { number(from)? };
    let to = if to.is_empty() { u64::MAX } else { number(to)? };
    match from {
        0 => Err("rows are counted from 1".to_owned()),
        _ if from > to => Err("it ends before it begins".to_owned()),
        _ => Ok(from..=to),
    }
}

fn bytes(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("not FROM..TO")?;
    let from = if from.is_empty() { 0 } else { number(from)? };
    let to = if to.is_empty() { u64::MAX } else { number(to)? };
    if from > to { Err("it ends before it begins".to_owned()) } else { Ok(from..to) }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Entry(DumpId),
    LargeObject(Oid),
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.csv {
        return export::csv(&args.archive, args.only("--csv")?, context);
    }
    let (mut input, progress) = input::open(&args.archive, context)?;
    if let Some(rows) = &args.rows {
        head::show(&mut input, args.only("--rows")?, rows.clone(), Output::new())?;
        return Ok(Exit::Done);
    }
    let mut targets: Vec<Target> = Vec::new();
    for object in &args.objects {
        for target in targets_of(input.toc(), object)? {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    if let Some(range) = &args.bytes {
        args.only("--bytes")?;
        let [Target::Entry(id)] = targets[..] else {
            return Err(Failure::Usage("--bytes takes one table".to_owned()));
        };
        let mut out = Output::of(input.toc().text_encoding());
        part(&mut input, id, range.clone(), &mut out)?;
        out.finish()?;
        return Ok(Exit::Done);
    }
    // Bytes of large objects are text of no encoding.
    let mut out = match targets.iter().all(|target| matches!(target, Target::Entry(_))) {
        true => Output::of(input.toc().text_encoding()),
        false => Output::new(),
    };
    if out.is_terminal() {
        progress.stay_silent();
    }
    match &mut input {
        // A file says where the data of an entry is.
        Input::Archive(archive) => {
            let size = |target: &Target| match target {
                Target::Entry(id) => entry_size(archive, *id),
                Target::LargeObject(_) => None,
            };
            if let Some(total) = targets.iter().map(size).sum() {
                progress.expect(Some(total));
            }
            for target in targets {
                match target {
                    Target::Entry(id) => write_all(&mut archive.data(id)?, &mut out)?,
                    Target::LargeObject(_) => cat(archive.pass(), vec![target], &mut out)?,
                }
            }
        }
        Input::Stream(stream) => cat(stream.pass(), targets, &mut out)?,
    }
    out.finish()?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

impl Args {
    /// The object of an option that takes one alone.
    fn only(&self, option: &str) -> Result<&OsString, Failure> {
        match &self.objects[..] {
            [object] => Ok(object),
            _ => Err(Failure::Usage(format!(
                "{option} takes one table; pgdmp export writes several"
            ))),
        }
    }
}

/// The bytes an entry takes, as far as that costs nothing to know.
fn entry_size(archive: &Archive, id: DumpId) -> Option<u64> {
    archive.stored_size_hint(archive.entry(id)?)
}

/// What an argument stands for: a pattern may stand for several.
fn targets_of(toc: &Toc, text: &OsStr) -> Result<Vec<Target>, Failure> {
    let as_text = text.to_str().unwrap_or_default();
    if let Some(oid) = large_object(as_text) {
        return Ok(vec![Target::LargeObject(oid)]);
    }
    let oid: Option<Oid> = as_text.parse().ok().map(Oid);
    let fits = |entry: &TocEntry<'_>| {
        entry.has_data() || matches!(entry.desc(), Desc::BLOB | Desc::BLOB_METADATA)
    };
    match (object::find_all(toc, text.as_encoded_bytes(), "has no data", fits), oid) {
        (Ok(entries), _) => entries.into_iter().map(|entry| target(entry, oid)).collect(),
        // Before 1.12, and in archives that were edited, nothing but the data has its OID.
        (Err(Failure::Nothing(_)), Some(oid)) if has_large_objects(toc) => {
            Ok(vec![Target::LargeObject(oid)])
        }
        (Err(failure), _) => Err(failure),
    }
}

fn has_large_objects(toc: &Toc) -> bool {
    toc.entries().any(|entry| entry.data_kind() == BlockKind::LargeObjects)
}

/// `oid`: what the user wrote, if it is a number.
fn target(entry: TocEntry<'_>, oid: Option<Oid>) -> Result<Target, Failure> {
    let is_group = entry.desc() == Desc::BLOB_METADATA && oid.is_none();
    if entry.data_kind() == BlockKind::LargeObjects || is_group {
        return Err(Failure::Usage(format!(
            "{} has many large objects; give the OID of one: 'LARGE OBJECT {}'",
            entry.name(),
            first_oid(entry).unwrap_or_else(|| "16404".to_owned()),
        )));
    }
    if entry.has_data() {
        return Ok(Target::Entry(entry.dump_id()));
    }
    // By its number a table may have been meant that has its data in another entry.
    let data =
        entry.toc().find(Desc::TABLE_DATA, entry.namespace(), entry.tag().unwrap_or_default());
    match data.filter(|data| entry.desc() == Desc::TABLE && data.has_data()) {
        Some(data) => Ok(Target::Entry(data.dump_id())),
        None if entry.desc() == Desc::BLOB => Ok(Target::LargeObject(entry.catalog_id().oid)),
        None => match oid.filter(|_| entry.desc() == Desc::BLOB_METADATA) {
            Some(oid) if DumpId(oid.0.cast_signed()) != entry.dump_id() => {
                Ok(Target::LargeObject(oid))
            }
            _ => Err(Failure::Usage(object::lacks(entry, "has no data"))),
        },
    }
}

fn first_oid(entry: TocEntry<'_>) -> Option<String> {
    let tag = std::str::from_utf8(entry.tag()?).ok()?;
    let digits: String = tag.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

/// The OID in `LARGE OBJECT 16404` or `BLOB 16404`.
fn large_object(text: &str) -> Option<Oid> {
    let (kind, oid) = text.trim().rsplit_once(' ')?;
    let known = ["LARGE OBJECT", "BLOB"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    if known { oid.parse().ok().map(Oid) } else { None }
}

fn no_object(oid: Oid) -> Failure {
    Failure::Nothing(format!("large object {oid} is not in the archive"))
}

/// Prints a part of the data of an entry.
fn part(input: &mut Input, id: DumpId, range: Range<u64>, out: &mut Output) -> Result<(), Failure> {
    let stream = match input {
        Input::Archive(archive) => return write_all(&mut archive.data_range(id, range)?, out),
        Input::Stream(stream) => stream,
    };
    let name = stream.toc().entry(id).map(|entry| entry.name().to_string()).unwrap_or_default();
    let mut pass = stream.pass();
    while let Some(mut block) = pass.next_block()? {
        if block.dump_id() != id {
            continue;
        }
        let mut data = block.data()?;
        io::copy(&mut Read::take(&mut data, range.start), &mut io::sink()).map_err(Error::from)?;
        return write_all(&mut Read::take(&mut data, range.end - range.start), out);
    }
    Err(Failure::Usage(format!("the archive ends before the data of {name}")))
}

/// Goes through the archive up to the last that is wanted.
fn cat(mut pass: Pass<'_>, mut targets: Vec<Target>, out: &mut Output) -> Result<(), Failure> {
    while !targets.is_empty() {
        let Some(mut block) = pass.next_block()? else { break };
        let entry = Target::Entry(block.dump_id());
        if let Some(at) = targets.iter().position(|target| *target == entry) {
            targets.swap_remove(at);
            write_all(&mut block.data()?, out)?;
        } else if block.kind() == BlockKind::LargeObjects {
            let is_object = |target: &Target| matches!(target, Target::LargeObject(_));
            while targets.iter().any(is_object) {
                let Some(mut object) = block.next_object()? else { break };
                let found = Target::LargeObject(object.oid());
                if let Some(at) = targets.iter().position(|target| *target == found) {
                    targets.swap_remove(at);
                    write_all(&mut object, out)?;
                }
            }
        }
    }
    match targets.first() {
        None => Ok(()),
        Some(Target::LargeObject(oid)) => Err(no_object(*oid)),
        Some(Target::Entry(id)) => {
            let name = pass.toc().entry(*id).map(|entry| entry.name().to_string());
            let name = name.unwrap_or_default();
            Err(Failure::Usage(format!("the archive ends before the data of {name}")))
        }
    }
}

fn write_all(data: &mut impl BufRead, out: &mut Output) -> Result<(), Failure> {
    while write_some(data, out)? > 0 {}
    Ok(())
}

fn write_some(data: &mut impl BufRead, out: &mut Output) -> Result<usize, Failure> {
    let bytes = match data.fill_buf() {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return write_some(data, out),
        Err(error) => {
            // What was good is shown, up to the place that is not.
            let _ = out.flush();
            return Err(Error::from(error).into());
        }
    };
    out.write_all(bytes).map_err(Failure::Output)?;
    let n = bytes.len();
    data.consume(n);
    Ok(n)
}
