//! `pgdmp cat`.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use crate::output::Output;
use crate::{Context, Exit, Failure, export, head, input, object};
use pgdmp::read::Pass;
use pgdmp::toc::Oid;
use pgdmp::{Archive, BlockKind, Desc, DumpId, Error, Input, TocEntry};

/// Print the data of a table or large object
///
/// The data is decompressed and printed as pg_dump wrote it, in the encoding of the archive. A
/// table gives COPY text that ends with the line \. or INSERT statements. A large object gives its
/// bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp cat backup.dump public.orders > orders.copy
  pgdmp cat backup.dump orders | head
  pgdmp cat backup.dump orders --csv > orders.csv
  pgdmp cat backup.dump orders --rows 3
  pgdmp cat backup.dump 'LARGE OBJECT 16404' > logo.png
  ssh db cat backup.dump | pgdmp cat - public.orders | psql -c '\\copy orders from stdin'")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// A name (orders, public.orders), a dump id, or 'LARGE OBJECT oid'
    object: OsString,
    /// Print the rows of a table as CSV, like export
    #[arg(long)]
    csv: bool,
    /// Show so many rows of a table, aligned, like head
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10", conflicts_with = "csv")]
    rows: Option<usize>,
}

/// What is wanted.
enum Target {
    Entry(DumpId),
    LargeObject(Oid),
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.csv {
        return export::csv(&args.archive, &args.object, context);
    }
    let (mut input, progress) = input::open(&args.archive, context)?;
    if let Some(count) = args.rows {
        head::show(&mut input, &args.object, count, Output::new())?;
        return Ok(Exit::Done);
    }
    let target = target(&input, &args.object)?;
    let mut out = match target {
        Target::Entry(_) => Output::of(input.toc().text_encoding()),
        Target::LargeObject(_) => Output::new(),
    };
    if out.is_terminal() {
        progress.stay_silent();
    }
    match (&mut input, target) {
        // A file says where the data of an entry is.
        (Input::Archive(archive), Target::Entry(id)) => {
            if let Some(total) = entry_size(archive, id) {
                progress.expect(Some(total));
            }
            write_all(&mut archive.data(id)?, &mut out)?;
        }
        (input, target) => cat(input.pass(), &target, &mut out)?,
    }
    out.finish()?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

/// The bytes an entry takes, as far as that costs nothing to know.
fn entry_size(archive: &Archive, id: DumpId) -> Option<u64> {
    archive.stored_size_hint(archive.entry(id)?)
}

fn target(input: &Input, text: &OsStr) -> Result<Target, Failure> {
    if let Some(oid) = large_object(text.to_str().unwrap_or_default()) {
        return Ok(Target::LargeObject(oid));
    }
    let entry = object::find(input.toc(), text.as_encoded_bytes(), "has no data", |entry| {
        entry.has_data()
    })?;
    if entry.data_kind() == BlockKind::LargeObjects {
        return Err(Failure::Usage(format!(
            "{} has many large objects; give the OID of one: 'LARGE OBJECT {}'",
            entry.name(),
            first_oid(entry).unwrap_or_else(|| "16404".to_owned()),
        )));
    }
    if !entry.has_data() {
        // By its number a table may have been meant that has its data in another entry.
        let data =
            entry.toc().find(Desc::TABLE_DATA, entry.namespace(), entry.tag().unwrap_or_default());
        return match data.filter(|data| entry.desc() == Desc::TABLE && data.has_data()) {
            Some(data) => Ok(Target::Entry(data.dump_id())),
            None if entry.desc() == Desc::BLOB => Ok(Target::LargeObject(entry.catalog_id().oid)),
            None => Err(Failure::Usage(format!("{} has no data", entry.name()))),
        };
    }
    Ok(Target::Entry(entry.dump_id()))
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

/// Goes through the archive up to what is wanted.
fn cat(mut pass: Pass<'_>, target: &Target, out: &mut Output) -> Result<(), Failure> {
    while let Some(mut block) = pass.next_block()? {
        match *target {
            Target::Entry(id) if block.dump_id() == id => {
                return write_all(&mut block.data()?, out);
            }
            Target::LargeObject(oid) if block.kind() == BlockKind::LargeObjects => {
                while let Some(mut object) = block.next_object()? {
                    if object.oid() == oid {
                        return write_all(&mut object, out);
                    }
                }
            }
            _ => {}
        }
    }
    Err(match *target {
        Target::LargeObject(oid) => no_object(oid),
        Target::Entry(id) => {
            let name = pass.toc().entry(id).map(|entry| entry.name().to_string());
            let name = name.unwrap_or_default();
            Failure::Usage(format!("the archive ends before the data of {name}"))
        }
    })
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
