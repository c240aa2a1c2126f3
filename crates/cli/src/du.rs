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
use pgdmp::read::{Block, Pass};
use pgdmp::select::Selected;
use pgdmp::{Archive, BlockKind, Desc, Input, TocEntry};

/// Show how much space each table and schema takes
///
/// Stored sizes include compression and framing. They come from the table of contents and from
/// file sizes. Only an archive without data offsets, as pg_dump writes to a pipe, is walked over
/// once. --raw decompresses all data to show its raw size, too, and --rows counts the rows of tables.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp du backup.dump              the largest tables first
  pgdmp du --raw backup.dump        with sizes before compression
  pgdmp du --rows backup.dump       with the number of rows
  pgdmp du --schemas backup.dump    one line for each schema
  pg_dump -Fc app | pgdmp du -      sizes of a dump while it is made")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// Show raw sizes, too; this decompresses all data
    #[arg(short, long)]
    raw: bool,
    /// Show numbers of rows; this decompresses all data
    #[arg(long, conflicts_with = "raw")]
    rows: bool,
    /// Print one line for each schema instead of each table
    #[arg(short = 'S', long = "schemas")]
    by_schema: bool,
    /// Print sizes in bytes, without units
    #[arg(short, long)]
    bytes: bool,
    /// Print JSON: {"schema_version": 1, "tables": […], "schemas": […], "total": {…}}
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
    rows: Option<u64>,
}

/// What is learnt of data by reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Learn {
    Nothing,
    RawSize,
    Rows,
}

impl Size {
    fn add(&mut self, other: Size) {
        self.stored += other.stored;
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, other) | (other, None) => other,
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
        };
        self.raw = sum(self.raw, other.raw);
        self.rows = sum(self.rows, other.rows);
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, progress) = input::open(&args.archive, context)?;
    let learn = match (args.raw, args.rows) {
        (true, _) => Learn::RawSize,
        (false, true) => Learn::Rows,
        (false, false) => Learn::Nothing,
    };
    let sizes = sizes(&mut input, learn, &progress)?;
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
pub(crate) fn stored_sizes(
    input: &mut Input,
    progress: &Progress,
) -> Result<Vec<Option<u64>>, Failure> {
    let sizes = sizes(input, Learn::Nothing, progress)?;
    Ok(sizes.into_iter().map(|size| size.map(|size| size.stored)).collect())
}

/// Says that sizes are not all there is to say of an archive that was cut off.
pub(crate) fn warn_if_cut(archive: &Archive) {
    if let Err(error) = archive.check_length() {
        message::warning(error);
    }
}

/// The size of each entry's data, by its place. A file knows the stored sizes; of a pipe they are
/// known when all of it went by.
fn sizes(
    input: &mut Input,
    learn: Learn,
    progress: &Progress,
) -> Result<Vec<Option<Size>>, Failure> {
    match input {
        Input::Archive(archive) => {
            let stored = archive.stored_sizes()?;
            let total = stored.iter().flatten().sum();
            let known =
                |stored: Option<u64>| stored.map(|stored| Size { stored, ..Size::default() });
            let mut sizes: Vec<_> = stored.into_iter().map(known).collect();
            if learn != Learn::Nothing {
                progress.expect(Some(total));
                walk(archive.pass(), learn, &mut sizes)?;
            }
            warn_if_cut(archive);
            Ok(sizes)
        }
        Input::Stream(stream) => {
            let mut sizes = vec![None; stream.toc().len()];
            walk(stream.pass(), learn, &mut sizes)?;
            Ok(sizes)
        }
    }
}

/// Goes through all data, and adds what is learnt of its size.
fn walk(mut pass: Pass<'_>, learn: Learn, sizes: &mut [Option<Size>]) -> Result<(), Failure> {
    // How long a block of a stream was is known when the next one is reached.
    let mut last: Option<usize> = None;
    loop {
        let found = match pass.next_block()? {
            None => None,
            Some(mut block) => {
                let entry = block.entry();
                let has_rows = entry.is_some_and(|entry| entry.desc() == Desc::TABLE_DATA);
                let index = entry.map(|entry| entry.index());
                let (mut raw, mut rows) = (None, None);
                match learn {
                    Learn::RawSize => raw = Some(drain(&mut block)?),
                    Learn::Rows if has_rows => rows = Some(block.rows()?.count()?),
                    Learn::Rows | Learn::Nothing => {}
                }
                Some((index, raw, rows))
            }
        };
        if let Some(stored) = pass.last_block_len()
            && let Some(size) = last.and_then(|index| sizes.get_mut(index))
        {
            size.get_or_insert_default().stored = stored;
        }
        let Some((index, raw, rows)) = found else { return Ok(()) };
        if let Some(size) = index.and_then(|index| sizes.get_mut(index)) {
            let size = size.get_or_insert_default();
            (size.raw, size.rows) = (raw, rows);
        }
        last = index;
    }
}

/// Decompresses a block, and says how many bytes that were.
fn drain(block: &mut Block<'_>) -> Result<u64, Failure> {
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
pub(crate) fn label(entry: TocEntry<'_>) -> String {
    let name = entry.qualified_name();
    match (entry.desc(), entry.namespace()) {
        (Desc::BLOBS, _) => format!("large objects {name}"),
        (_, Some(_)) => name.to_string(),
        (desc, None) => format!("{desc} {name}"),
    }
}

fn rows<'a>(
    selected: &'a Selected<'a>,
    sizes: &'a [Option<Size>],
) -> impl Iterator<Item = (TocEntry<'a>, Size)> {
    selected.entries().filter_map(|entry| Some((entry, (*sizes.get(entry.index())?)?)))
}

/// The largest first.
fn largest<'a>(selected: &'a Selected<'a>, sizes: &'a [Option<Size>]) -> Vec<(TocEntry<'a>, Size)> {
    let mut tables: Vec<_> = rows(selected, sizes).collect();
    tables.sort_by_key(|(_, size)| std::cmp::Reverse((size.stored, size.raw)));
    tables
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
    if args.rows {
        columns.push(("ROWS", Align::Right));
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
        if args.rows {
            cells.push(size.rows.map(|rows| rows.to_string()).unwrap_or_default());
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
        for (entry, size) in largest(selected, sizes) {
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
        map.insert("rows".into(), size.rows.into());
        Value::Object(map)
    };
    let encoding = selected.toc().text_encoding();
    let stored = sizes.iter().map(|size| size.map(|size| size.stored)).collect();
    let entries = json::Entries::with_sizes(selected.toc(), stored);
    let mut total = Size::default();
    let mut tables = Vec::new();
    for (entry, size) in largest(selected, sizes) {
        total.add(size);
        tables.push(with_size(entries.entry(entry), size));
    }
    let mut schemas = Vec::new();
    for (schema, size) in by_schema(selected, sizes) {
        let mut map = Map::new();
        put_text(&mut map, "namespace", schema.as_deref(), encoding);
        schemas.push(with_size(map, size));
    }
    let total = with_size(Map::new(), total);
    let all = serde_json::json!({ "tables": tables, "schemas": schemas, "total": total });
    let all = json::numbered(all);
    json::write_pretty(&all, out)?;
    out.write_all(b"\n")
}
