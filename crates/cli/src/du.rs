//! `pgdmp du`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::input;
use crate::json::{self, put_text};
use crate::output::{Output, human_size};
use crate::progress::Progress;
use crate::selection::{SelectionArgs, check_any};
use crate::table::{Align, Table};
use crate::{Context, Exit, Failure, message};
use pgdmp::{Archive, ArchiveStream, BlockKind, Desc, Input, Selected, StreamBlock, TocEntry};

/// Show how much space each table and schema takes
///
/// Stored sizes are what the archive has, compressed and with its framing. They are taken from
/// the table of contents and from file sizes; only archives without offsets (written through a
/// pipe) are walked over once. --raw decompresses everything to know the raw sizes, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp du backup.dump              the largest tables first
  pgdmp du --raw backup.dump        with sizes before compression
  pgdmp du --schemas backup.dump    one line for each schema
  pg_dump -Fc app | pgdmp du -      of a dump that is not even stored")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// Decompress everything, to know the raw sizes
    #[arg(short, long)]
    raw: bool,
    /// One line for each schema, instead of each table
    #[arg(short = 'S', long = "schemas")]
    by_schema: bool,
    /// Sizes in bytes, without units
    #[arg(short, long)]
    bytes: bool,
    /// As JSON: {"tables": […], "schemas": […], "total": {…}}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// Sizes of something.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    stored: u64,
    raw: Option<u64>,
}

impl Size {
    fn add(&mut self, other: Size) {
        self.stored += other.stored;
        self.raw = match (self.raw, other.raw) {
            (None, raw) | (raw, None) => raw,
            (Some(a), Some(b)) => Some(a + b),
        };
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, progress) = input::open(&args.archive, context)?;
    let sizes = match (&mut input, args.raw) {
        (Input::Archive(archive), true) => {
            let sizes = drain_archive(archive, &progress)?;
            warn_if_cut(archive);
            sizes
        }
        (Input::Stream(stream), raw) => walk_stream(stream, raw)?,
        (Input::Archive(archive), false) => {
            let sizes = without_raw(archive.stored_sizes()?);
            warn_if_cut(archive);
            sizes
        }
    };
    let toc = input.toc();
    let selection = args.selection.selection(toc)?;
    let selected = selection.apply(toc)?;
    args.selection.check_names(&selected)?;
    check_any(&selected)?;
    let mut out = Output::new();
    let written = match args.json {
        true => write_json(&selected, &sizes, &mut out),
        false => write_tables(args, &selected, &sizes, &mut out),
    };
    written.map_err(Failure::Output)?;
    out.finish()?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

/// The stored size of each entry's data, by its place.
pub(crate) fn stored_sizes(input: &mut Input) -> Result<Vec<Option<u64>>, Failure> {
    match input {
        Input::Archive(archive) => {
            let sizes = archive.stored_sizes()?;
            warn_if_cut(archive);
            Ok(sizes)
        }
        Input::Stream(stream) => {
            let sizes = walk_stream(stream, false)?;
            Ok(sizes.into_iter().map(|size| size.map(|size| size.stored)).collect())
        }
    }
}

/// Says that sizes are not all there is to say of an archive that was cut off.
pub(crate) fn warn_if_cut(archive: &Archive) {
    if let Err(error) = archive.check_length() {
        message::warning(error);
    }
}

fn without_raw(sizes: Vec<Option<u64>>) -> Vec<Option<Size>> {
    sizes.into_iter().map(|size| size.map(|stored| Size { stored, raw: None })).collect()
}

fn drain_archive(archive: &Archive, progress: &Progress) -> Result<Vec<Option<Size>>, Failure> {
    let mut sizes = without_raw(archive.stored_sizes()?);
    progress.expect(Some(sizes.iter().flatten().map(|size| size.stored).sum()));
    for entry in archive.entries().filter(TocEntry::has_data) {
        if !archive.has_data(entry)? {
            continue;
        }
        let Some(size) = sizes.get_mut(entry.index()) else { continue };
        let mut raw = 0;
        if entry.desc() == Desc::BLOBS {
            let mut objects = archive.large_objects(entry.dump_id())?;
            while let Some(mut object) = objects.next_object()? {
                raw += object.copy_to(io::sink())?;
            }
        } else {
            raw = archive.data(entry.dump_id())?.copy_to(io::sink())?;
        }
        size.get_or_insert_default().raw = Some(raw);
    }
    Ok(sizes)
}

fn walk_stream(
    stream: &mut ArchiveStream<Box<dyn io::Read + Send>>,
    raw: bool,
) -> Result<Vec<Option<Size>>, Failure> {
    let mut sizes: Vec<Option<Size>> = vec![None; stream.toc().len()];
    // How long a block was is known when the next one is reached.
    let mut last: Option<usize> = None;
    loop {
        let found = match stream.next_block()? {
            None => None,
            Some(mut block) => {
                let bytes = if raw { Some(drain(&mut block)?) } else { None };
                Some((block.entry().map(|entry| entry.index()), bytes))
            }
        };
        if let Some(size) = last.and_then(|place| sizes.get_mut(place)) {
            size.get_or_insert_default().stored = stream.last_block_len().unwrap_or_default();
        }
        let Some((place, raw)) = found else { return Ok(sizes) };
        if let Some(size) = place.and_then(|place| sizes.get_mut(place)) {
            size.get_or_insert_default().raw = raw;
        }
        last = place;
    }
}

/// Decompresses a block, and says how many bytes that were.
fn drain<R: io::Read + Send>(block: &mut StreamBlock<'_, R>) -> Result<u64, Failure> {
    if block.kind() == BlockKind::Data {
        return Ok(block.data()?.copy_to(io::sink())?);
    }
    let mut bytes = 0;
    while let Some(mut object) = block.next_object()? {
        bytes += object.copy_to(io::sink())?;
    }
    Ok(bytes)
}

/// What a line is about: the table, view or group of large objects whose data it is.
fn label(entry: TocEntry<'_>) -> String {
    let toc = entry.toc();
    let tag = toc.printable(entry.tag().unwrap_or_default());
    match (entry.desc(), entry.namespace()) {
        (Desc::BLOBS, _) => format!("large objects {tag}"),
        (_, Some(namespace)) => format!("{}.{tag}", toc.printable(namespace)),
        (desc, None) => format!("{desc} {tag}"),
    }
}

fn rows<'a>(
    selected: &'a Selected<'a>,
    sizes: &'a [Option<Size>],
) -> impl Iterator<Item = (TocEntry<'a>, Size)> {
    selected.entries().filter_map(|entry| Some((entry, (*sizes.get(entry.index())?)?)))
}

fn by_schema(selected: &Selected<'_>, sizes: &[Option<Size>]) -> Vec<(Option<Vec<u8>>, Size)> {
    let mut schemas: BTreeMap<Option<Vec<u8>>, Size> = BTreeMap::new();
    for (entry, size) in rows(selected, sizes) {
        schemas.entry(entry.namespace().map(<[u8]>::to_vec)).or_default().add(size);
    }
    let mut schemas: Vec<_> = schemas.into_iter().collect();
    schemas.sort_by_key(|(_, size)| std::cmp::Reverse((size.stored, size.raw)));
    schemas
}

fn write_tables(
    args: &Args,
    selected: &Selected<'_>,
    sizes: &[Option<Size>],
    out: &mut Output,
) -> io::Result<()> {
    let mut columns = vec![("STORED", Align::Right)];
    if args.raw {
        columns.extend([("RAW", Align::Right), ("RATIO", Align::Right)]);
    }
    columns.push((if args.by_schema { "SCHEMA" } else { "NAME" }, Align::Left));
    let mut table = Table::new(&columns);
    let show = |bytes: u64| if args.bytes { bytes.to_string() } else { human_size(bytes) };
    let mut row = |size: Size, name: String| {
        let mut cells = vec![show(size.stored)];
        if args.raw {
            cells.push(size.raw.map(show).unwrap_or_default());
            cells.push(ratio(size));
        }
        cells.push(name);
        table.row(cells);
    };
    let mut total = Size::default();
    if args.by_schema {
        for (schema, size) in by_schema(selected, sizes) {
            total.add(size);
            let name = schema.map(|schema| selected.toc().printable(&schema).to_string());
            row(size, name.unwrap_or_else(|| "(none)".to_owned()));
        }
    } else {
        let mut tables: Vec<_> = rows(selected, sizes).collect();
        tables.sort_by_key(|(_, size)| std::cmp::Reverse((size.stored, size.raw)));
        for (entry, size) in tables {
            total.add(size);
            row(size, label(entry));
        }
    }
    row(total, "(total)".to_owned());
    table.print(out)
}

fn ratio(size: Size) -> String {
    match size.raw {
        Some(raw) if size.stored > 0 => format!("{:.1}", raw as f64 / size.stored as f64),
        _ => String::new(),
    }
}

fn write_json(selected: &Selected<'_>, sizes: &[Option<Size>], out: &mut Output) -> io::Result<()> {
    let with_size = |mut map: Map<String, Value>, size: Size| {
        map.insert("stored_bytes".into(), size.stored.into());
        map.insert("raw_bytes".into(), size.raw.into());
        Value::Object(map)
    };
    let encoding = selected.toc().text_encoding();
    let mut total = Size::default();
    let mut tables = Vec::new();
    for (entry, size) in rows(selected, sizes) {
        total.add(size);
        let mut map = Map::new();
        map.insert("dump_id".into(), entry.dump_id().0.into());
        put_text(&mut map, "desc", Some(entry.desc().as_bytes()), encoding);
        put_text(&mut map, "namespace", entry.namespace(), encoding);
        put_text(&mut map, "tag", entry.tag(), encoding);
        tables.push(with_size(map, size));
    }
    let mut schemas = Vec::new();
    for (schema, size) in by_schema(selected, sizes) {
        let mut map = Map::new();
        put_text(&mut map, "namespace", schema.as_deref(), encoding);
        schemas.push(with_size(map, size));
    }
    let total = with_size(Map::new(), total);
    let all = serde_json::json!({ "tables": tables, "schemas": schemas, "total": total });
    json::write_pretty(&all, out)?;
    out.write_all(b"\n")
}
