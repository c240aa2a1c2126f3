//! `pgdmp cat`.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use super::input::{Input, Stream};
use super::output::Output;
use super::progress::Progress;
use super::{Context, Exit, Failure, object};
use crate::{Archive, BlockKind, Desc, DumpId, EntryData, Error, LargeObject, Oid, TocEntry};

/// Write the data of a table or large object
///
/// The data comes decompressed, as pg_dump wrote it: COPY text that ends with a line of \. , or
/// INSERT statements, in the encoding of the archive; of a large object its bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp cat backup.dump public.orders > orders.copy
  pgdmp cat backup.dump orders | head
  pgdmp cat backup.dump 'LARGE OBJECT 16404' > logo.png
  ssh db cat backup.dump | pgdmp cat - public.orders | psql -c '\\copy orders from stdin'")]
pub(super) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// A name (orders, public.orders), a dump id, or 'LARGE OBJECT oid'
    object: String,
}

/// What is wanted.
enum Target {
    Entry(DumpId),
    LargeObject(Oid),
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut input = Input::open(&args.archive)?;
    let target = target(&input, &args.object)?;
    let mut out = Output::new();
    match (&mut input, target) {
        (Input::Archive(archive), Target::Entry(id)) => {
            let total = entry_size(archive, id);
            let mut progress = progress(context, total, &out);
            copy(&mut archive.data(id)?, &mut progress, &mut out)?;
        }
        (Input::Archive(archive), Target::LargeObject(oid)) => {
            let mut progress = progress(context, None, &out);
            let found = with_object(archive, oid, |mut object| {
                copy_object(&mut object, &mut progress, &mut out)
            })?;
            found.ok_or_else(|| no_object(oid))?;
        }
        (Input::Stream(stream), target) => {
            let mut progress = progress(context, None, &out);
            cat_stream(stream, &target, &mut progress, &mut out)?;
        }
    }
    out.finish()?;
    Ok(Exit::Done)
}

fn progress(context: &Context, total: Option<u64>, out: &Output) -> Progress {
    Progress::new(context, "reading", total, out.is_terminal())
}

/// The bytes an entry takes, as far as that costs nothing to know.
fn entry_size(archive: &Archive, id: DumpId) -> Option<u64> {
    archive.stored_size_hint(archive.entry(id)?)
}

fn target(input: &Input, text: &str) -> Result<Target, Failure> {
    if let Some(oid) = large_object(text) {
        return Ok(Target::LargeObject(oid));
    }
    let entry = object::find(input.toc(), text, "has no data", |entry| entry.has_data())?;
    if entry.desc() == Desc::BLOBS {
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
    Failure::Usage(format!("large object {oid} is not in the archive"))
}

/// Finds a large object and works on it; `None` if the archive does not have it.
fn with_object<T>(
    archive: &Archive,
    oid: Oid,
    work: impl FnOnce(LargeObject<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    for entry in archive.entries().filter(|e| e.desc() == Desc::BLOBS && e.has_data()) {
        let mut objects = archive.large_objects(entry.dump_id())?;
        while let Some(object) = objects.next_object()? {
            if object.oid() == oid {
                return work(object).map(Some);
            }
        }
    }
    Ok(None)
}

fn cat_stream(
    stream: &mut Stream,
    target: &Target,
    progress: &mut Progress,
    out: &mut Output,
) -> Result<(), Failure> {
    while let Some(mut block) = stream.next_block()? {
        match *target {
            Target::Entry(id) if block.dump_id() == id => {
                return copy(&mut block.data()?, progress, out);
            }
            Target::LargeObject(oid) if block.kind() == BlockKind::LargeObjects => {
                while let Some(mut object) = block.next_object()? {
                    if object.oid() == oid {
                        return copy_object(&mut object, progress, out);
                    }
                }
            }
            _ => {}
        }
    }
    Err(match *target {
        Target::LargeObject(oid) => no_object(oid),
        Target::Entry(id) => {
            let name = stream.toc().entry(id).map(|entry| entry.name().to_string());
            let name = name.unwrap_or_default();
            Failure::Usage(format!("the archive ends before the data of {name}"))
        }
    })
}

fn copy(
    data: &mut EntryData<'_>,
    progress: &mut Progress,
    out: &mut Output,
) -> Result<(), Failure> {
    loop {
        let n = write_some(data, out)?;
        if n == 0 {
            return Ok(());
        }
        progress.at(data.stored_position());
    }
}

fn copy_object(
    object: &mut LargeObject<'_>,
    progress: &mut Progress,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut bytes = 0;
    loop {
        let n = write_some(object, out)?;
        if n == 0 {
            return Ok(());
        }
        bytes += n as u64;
        progress.at(bytes);
    }
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
