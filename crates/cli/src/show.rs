//! `pgdmp show`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::columns::TableShape;
use crate::du::warn_if_cut;
use crate::input;
use crate::output::{Output, human_size};
use crate::{Context, Exit, Failure, json, list, object};
use pgdmp::text::Printable;
use pgdmp::toc::{DataOffset, Dependents, Section};
use pgdmp::types::Definitions;
use pgdmp::{Desc, Format, Input, Toc, TocEntry};

/// Show an archive's header, or everything about one object
///
/// Without OBJECT, the output says how and when the archive was made and how many objects of each
/// kind it has. With OBJECT, it has the object's definition, owner, privileges, comment,
/// dependencies in both directions, and the size of its data; of a table also its columns, keys and
/// foreign keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp show backup.dump
  pgdmp show backup.dump public.orders
  pgdmp show backup.dump 'FUNCTION public.total(integer)'
  pgdmp show --json backup.dump 3457")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// A name (orders, public.orders), a dump id, or a kind and a name
    objects: Vec<OsString>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, _) = input::open(&args.archive, context)?;
    let toc = input.toc();
    let mut entries = Vec::new();
    for object in &args.objects {
        entries.extend(object::find_all(toc, object.as_encoded_bytes(), "is not shown", |_| true)?);
    }
    // Without offsets that would be a walk over all of it, and no size is shown.
    if let Input::Archive(archive) = &input
        && matches!(offsets(&input), None | Some(OFFSETS_SET))
    {
        warn_if_cut(archive);
    }
    let mut out = Output::new();
    let written = match (entries.is_empty(), args.json) {
        (true, true) => archive_json(&input, &mut out),
        (true, false) => archive_text(&input, &mut out),
        (false, true) => entries_json(&input, &entries, &mut out),
        (false, false) => entries_text(&input, &entries, &mut out),
    };
    written.map_err(Failure::Output)?;
    out.finish()?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

/// How many entries there are of each kind, most first.
fn kinds(toc: &Toc) -> Vec<(Desc<'_>, usize)> {
    let mut kinds: BTreeMap<Desc<'_>, usize> = BTreeMap::new();
    for entry in toc.entries() {
        *kinds.entry(entry.desc()).or_default() += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds
}

const OFFSETS_SET: &str = "set";

/// How the data of a custom archive is found.
fn offsets(input: &Input) -> Option<&'static str> {
    if input.format() != Format::Custom {
        return None;
    }
    let with_data = || input.toc().entries().filter(TocEntry::has_data);
    let set = with_data().filter(|e| matches!(e.data_offset(), Some(DataOffset::At(_)))).count();
    Some(match (with_data().count(), set) {
        (0, _) => "no data",
        (_, 0) => "not set (written to a pipe or to redirected output)",
        (all, set) if all == set => OFFSETS_SET,
        _ => "set for some of the data",
    })
}

fn archive_text(input: &Input, out: &mut Output) -> io::Result<()> {
    let toc = input.toc();
    let header = toc.header();
    let text = |bytes: &Option<Box<[u8]>>| {
        let bytes = bytes.as_deref()?;
        Some(Printable::new(bytes, json::header_encoding(toc, bytes)).to_string())
    };
    let compression = match header.compression.level {
        Some(level) if level > 0 => format!("{}, level {level}", header.compression.algorithm),
        _ => header.compression.algorithm.to_string(),
    };
    let encoding = match toc.encoding() {
        Ok(Some(name)) => Some(toc.printable(name).to_string()),
        Ok(None) => None,
        Err(error) => Some(format!("unknown: {error}")),
    };
    let lines = [
        ("Database", text(&header.dbname)),
        ("Created", header.created.map(|_| list::created(header))),
        ("Server", text(&header.server_version)),
        ("pg_dump", text(&header.dump_version)),
        ("Format", Some(format!("{}, version {}", input.format(), header.version))),
        ("Compression", Some(compression)),
        ("Encoding", encoding),
        ("Data offsets", offsets(input).map(str::to_owned)),
        ("Entries", Some(toc.len().to_string())),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            writeln!(out, "{label:<13} {value}")?;
        }
    }
    for (desc, count) in kinds(toc) {
        writeln!(out, "  {count:>9}  {}", desc)?;
    }
    Ok(())
}

fn archive_json(input: &Input, out: &mut Output) -> io::Result<()> {
    let toc = input.toc();
    let created = toc.header().created.map(|_| list::created(toc.header()));
    let mut header = json::header(toc, input.format(), created.as_deref());
    if let Value::Object(map) = &mut header {
        json::put_text(map, "encoding", toc.encoding().ok().flatten(), toc.text_encoding());
        map.insert("std_strings".into(), toc.std_strings().ok().into());
        map.insert("data_offsets".into(), offsets(input).into());
        map.insert("entries".into(), toc.len().into());
        let kinds: Map<String, Value> = kinds(toc)
            .into_iter()
            .map(|(desc, count)| (json::text(desc.0, toc.text_encoding()), count.into()))
            .collect();
        map.insert("kinds".into(), Value::Object(kinds));
    }
    json::write_pretty(&header, out)?;
    out.write_all(b"\n")
}

/// What belongs to an entry without being needed by anything: its ACL, comment and labels.
fn attached<'a>(dependents: &'a Dependents, entry: TocEntry<'a>) -> Vec<TocEntry<'a>> {
    let attached =
        |e: &TocEntry<'_>| matches!(e.desc(), Desc::ACL | Desc::COMMENT | Desc::SECURITY_LABEL);
    dependents.of(entry).filter(attached).collect()
}

fn data_size(input: &Input, entry: TocEntry<'_>) -> Option<u64> {
    match input {
        Input::Archive(archive) => archive.stored_size_hint(entry),
        Input::Stream(_) => None,
    }
}

/// The entry with the data of a table, or the entry itself if it has data.
fn data_entry<'a>(dependents: &'a Dependents, entry: TocEntry<'a>) -> Option<TocEntry<'a>> {
    if entry.has_data() {
        return Some(entry);
    }
    dependents
        .of(entry)
        .find(|e| e.has_data() && e.tag() == entry.tag() && e.namespace() == entry.namespace())
}

fn entries_text(input: &Input, entries: &[TocEntry<'_>], out: &mut Output) -> io::Result<()> {
    let toc = input.toc();
    let dependents = Dependents::new(toc);
    let definitions = Definitions::new(toc);
    for (n, &entry) in entries.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        let shape = TableShape::of(&definitions, entry);
        entry_text(input, &dependents, entry, shape, out)?;
    }
    Ok(())
}

fn entry_text(
    input: &Input,
    dependents: &Dependents,
    entry: TocEntry<'_>,
    shape: Option<TableShape<'_>>,
    out: &mut Output,
) -> io::Result<()> {
    let text = |bytes: Option<&[u8]>| {
        let bytes = bytes.filter(|bytes| !bytes.is_empty())?;
        Some(entry.toc().printable(bytes).to_string())
    };
    let ids = entry.catalog_id();
    let data = data_entry(dependents, entry).map(|data| match data_size(input, data) {
        Some(size) => format!("{} stored, in entry {}", human_size(size), data.dump_id()),
        None => format!("in entry {}", data.dump_id()),
    });
    writeln!(out, "{}", entry.name().name)?;
    let lines = [
        ("Entry", Some(entry.dump_id().to_string())),
        ("Section", Some(section(entry.section()))),
        ("Owner", text(entry.owner())),
        ("Tablespace", text(entry.tablespace())),
        ("Access method", text(entry.table_am())),
        ("OID", (ids.oid.0 != 0).then(|| format!("{} in catalog {}", ids.oid, ids.table_oid))),
        ("Data", data),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            writeln!(out, "  {label:<13} {value}")?;
        }
    }
    let needs: Vec<String> =
        entry.dependencies().iter().map(|id| reference(entry.toc(), *id)).collect();
    names(out, "Needs", &needs)?;
    let needed: Vec<String> =
        dependents.of(entry).map(|e| format!("{:>6}  {}", e.dump_id(), e.name().name)).collect();
    names(out, "Needed by", &needed)?;
    for (label, lines) in shape.iter().flat_map(TableShape::lines) {
        names(out, label, &lines)?;
    }
    let mut texts: Vec<&[u8]> = [entry.defn(), entry.copy_stmt()].into_iter().flatten().collect();
    texts.extend(attached(dependents, entry).iter().filter_map(TocEntry::defn));
    for text in texts.into_iter().filter(|text| !text.is_empty()) {
        writeln!(out)?;
        let text = text.trim_ascii_end();
        match entry.toc().text_encoding().decode(text) {
            Some(text) => out.write_all(text.as_bytes())?,
            None => out.write_all(text)?,
        }
        writeln!(out)?;
    }
    Ok(())
}

fn reference(toc: &Toc, id: pgdmp::DumpId) -> String {
    match toc.entry(id) {
        Some(entry) => format!("{id:>6}  {}", entry.name().name),
        None => format!("{id:>6}  (not in the archive)"),
    }
}

fn names(out: &mut Output, label: &str, names: &[String]) -> io::Result<()> {
    for (n, name) in names.iter().enumerate() {
        writeln!(out, "  {:<13} {name}", if n == 0 { label } else { "" })?;
    }
    Ok(())
}

fn section(section: Section) -> String {
    match section {
        Section::None => "none: goes with its object".to_owned(),
        Section::PreData => "pre-data".to_owned(),
        Section::Data => "data".to_owned(),
        Section::PostData => "post-data".to_owned(),
        Section::Other(code) => format!("unknown ({code})"),
    }
}

fn entries_json(input: &Input, entries: &[TocEntry<'_>], out: &mut Output) -> io::Result<()> {
    let dependents = Dependents::new(input.toc());
    let definitions = Definitions::new(input.toc());
    let entries: Vec<Value> = entries
        .iter()
        .map(|&entry| {
            let mut map = json::entry(entry);
            json::details(&mut map, entry);
            let needed: Vec<i32> = dependents.of(entry).map(|e| e.dump_id().0).collect();
            map.insert("dependents".into(), json!(needed));
            let data = data_entry(&dependents, entry);
            map.insert("data_entry".into(), data.map(|data| data.dump_id().0).into());
            let size = data.and_then(|data| data_size(input, data));
            map.insert("stored_bytes".into(), size.into());
            if let Some(shape) = TableShape::of(&definitions, entry) {
                shape.put_json(&mut map);
            }
            Value::Object(map)
        })
        .collect();
    json::write_pretty(&entries.into(), out)?;
    out.write_all(b"\n")
}
