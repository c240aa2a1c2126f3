//! Data whose entry is lost becomes a table of texts.

use std::collections::HashSet;
use std::io::{BufRead, Read};

use super::contents;
use super::guess;
use super::objects::Creation;
use crate::archive::Archive;
use crate::error::Result;
use crate::format::names;
use crate::text::Encoding;
use crate::toc::{BlockKind, DataOffset, Desc, DumpId, EntryFields, Section, Toc};
use crate::version::Gate;

/// The schema of such tables.
pub(super) const SCHEMA: &str = "pgdmp_salvage";

/// Rows that are looked at to find out how many columns there are.
const SAMPLE: usize = 1000;
/// No table has more columns.
const MOST: usize = 1600;

/// Adds an entry for each piece of data that has none, without its definition. `lost`: dump ids, and
/// where the data begins in a custom archive.
pub(super) fn with_entries(mut toc: Toc, lost: &[(DumpId, Option<u64>)]) -> Result<Toc> {
    for (id, start) in lost {
        let tag = tag(*id);
        let file = names::data_name(*id);
        let entry = EntryFields::new(*id, Desc::TABLE_DATA, Section::Data);
        let entry = entry.namespace(SCHEMA).tag(&tag).owner("").had_dumper(true);
        let offset = start.map_or(DataOffset::NotSet, DataOffset::At);
        toc.push(&entry.file_name(file.as_bytes()).data_offset(offset))?;
    }
    Ok(toc)
}

fn tag(id: DumpId) -> String {
    format!("recovered_{id}")
}

/// Whether there is data in the files of an archive that lost its table of contents.
pub(super) fn is_there_any(archive: &Archive) -> Result<bool> {
    let files = archive.walked()?.files.unwrap_or_default();
    Ok(files.iter().any(|file| names::is_of_data(file.as_bytes())))
}

/// Adds the large objects in files, if the table of contents knows of no large objects at all.
pub(super) fn with_objects(archive: &Archive, mut toc: Toc) -> Result<Toc> {
    let known = [Desc::BLOBS, Desc::BLOB_METADATA, Desc::BLOB];
    let is_whole = archive.damage().is_none() && !toc.is_empty();
    if is_whole || known.iter().any(|desc| toc.has_desc(*desc)) {
        return Ok(toc);
    }
    let oids = oids_of_files(archive)?;
    let files = archive.walked()?.files.unwrap_or_default();
    if oids.is_empty() {
        return Ok(toc);
    }
    let number = |file: &String| {
        let name = names::without_suffix(file.as_bytes()).0;
        names::list_owner(name).or_else(|| data_id(name)).map(|id| id.0)
    };
    let in_files = files.iter().filter_map(number);
    let next = toc.entries().map(|entry| entry.dump_id().0).chain(in_files).max().unwrap_or(0);
    let mut next = next;
    let mut id = || {
        next = next.saturating_add(1);
        DumpId(next)
    };
    if !toc.header().version.has(Gate::LargeObjectGroups) {
        for oid in &oids {
            toc.push(&Creation::of_one(*oid).entry(id()))?;
        }
        let fields = EntryFields::new(id(), Desc::BLOBS, Section::Data).owner("");
        toc.push(&fields.tag("BLOBS").had_dumper(true))?;
        return Ok(toc);
    }
    let [metadata, data] = [id(), id()];
    let creation = Creation::of_group(&oids);
    toc.push(&creation.entry(metadata))?;
    let (needed, fields) = ([metadata], EntryFields::new(data, Desc::BLOBS, Section::Data));
    toc.push(&fields.tag(creation.tag()).owner("").had_dumper(true).dependencies(&needed))?;
    Ok(toc)
}

/// The OIDs of the large objects that have a file, sorted.
pub(super) fn oids_of_files(archive: &Archive) -> Result<Vec<u32>> {
    let files = archive.walked()?.files.unwrap_or_default();
    let oid = |file: &String| names::object_oid(names::without_suffix(file.as_bytes()).0);
    let mut oids: Vec<u32> = files.iter().filter_map(oid).filter(|oid| *oid > 0).collect();
    oids.sort_unstable();
    oids.dedup();
    Ok(oids)
}

/// The dump id in the name of a file with data.
fn data_id(name: &[u8]) -> Option<DumpId> {
    let digits = std::str::from_utf8(name.strip_suffix(b".dat")?).ok()?;
    digits.parse().ok().map(DumpId).filter(|id| id.0 > 0)
}

/// The dump ids of files with rows of which the table of contents knows nothing.
pub(super) fn files(archive: &Archive, toc: &Toc) -> Result<Vec<(DumpId, Option<u64>)>> {
    let mut lost = Vec::new();
    for file in archive.walked()?.files.unwrap_or_default() {
        let (name, _) = names::without_suffix(file.as_bytes());
        lost.extend(data_id(name).filter(|id| toc.entry(*id).is_none()).map(|id| (id, None)));
    }
    lost.sort_unstable();
    lost.dedup();
    Ok(lost)
}

/// Defines the tables, by a look at their rows, and says which data is now that of a table that was
/// there.
pub(super) fn define(
    archive: &Archive,
    lost: &[(DumpId, Option<u64>)],
) -> Result<(Toc, HashSet<DumpId>)> {
    let toc = archive.toc();
    if lost.is_empty() {
        return Ok((toc.clone(), HashSet::new()));
    }
    let samples: Vec<(DumpId, Vec<u8>)> =
        lost.iter().map(|(id, _)| (*id, sample(archive, *id))).collect();
    let guesses = guess::tables(toc, &samples);
    let guessed: HashSet<DumpId> = guesses.keys().copied().collect();
    let mut next = toc.entries().map(|entry| entry.dump_id().0).max().unwrap_or(0);
    let mut id = || {
        next += 1;
        DumpId(next)
    };
    let mut defined = Toc::new(toc.header().clone(), archive.format());
    let all: HashSet<DumpId> = lost.iter().map(|(id, _)| *id).collect();
    let is_lost = |id: DumpId| all.contains(&id);
    for entry in toc.entries().filter(|entry| entry.desc().is_special()) {
        defined.push(&entry.fields())?;
    }
    if !contents::has_session(toc) {
        let session = EntryFields::new(id(), Desc::ENCODING, Section::PreData).tag("ENCODING");
        let name = if is_unicode(&samples) { "UTF8" } else { "SQL_ASCII" };
        defined.push(&session.defn(&format!("SET client_encoding = '{name}';\n")))?;
    }
    let schema = id();
    if guesses.len() < lost.len() {
        let fields = EntryFields::new(schema, Desc::SCHEMA, Section::PreData).tag(SCHEMA).owner("");
        defined.push(&fields.namespace("").defn(&format!("CREATE SCHEMA {SCHEMA};\n")))?;
    }
    let mut rows = Vec::new();
    for (lost, sample) in &samples {
        let Some(entry) = toc.entry(*lost) else { continue };
        if guesses.contains_key(lost) {
            continue;
        }
        let Some(columns) = columns(sample) else {
            // INSERT commands name their table.
            rows.push((entry, None));
            continue;
        };
        let names: Vec<String> = (1..=columns).map(|n| format!("c{n}")).collect();
        let of = |suffix: &str| -> String {
            let columns: Vec<String> = names.iter().map(|name| format!("{name}{suffix}")).collect();
            columns.join(", ")
        };
        let (table, tag) = (id(), tag(*lost));
        let defn = format!("CREATE TABLE {SCHEMA}.{tag} ({});\n", of(" text"));
        let fields = EntryFields::new(table, Desc::TABLE, Section::PreData).namespace(SCHEMA);
        let drop = format!("DROP TABLE {SCHEMA}.{tag};\n");
        let fields = fields.tag(&tag).owner("").defn(&defn).drop_stmt(&drop);
        defined.push(&fields.dependencies(&[schema]))?;
        let copy = format!("COPY {SCHEMA}.{tag} ({}) FROM stdin;\n", of(""));
        rows.push((entry, Some((copy, table))));
    }
    for entry in toc.entries() {
        if !entry.desc().is_special() && !is_lost(entry.dump_id()) {
            defined.push(&entry.fields())?;
        }
    }
    for (entry, of) in rows {
        match of {
            None => defined.push(&entry.fields())?,
            Some((copy, table)) => {
                let needed = [table];
                defined.push(&entry.fields().copy_stmt(&copy).dependencies(&needed))?;
            }
        }
    }
    for (lost, guess) in &guesses {
        let (Some(entry), Some(table)) = (toc.entry(*lost), toc.entry(guess.table)) else {
            continue;
        };
        let needed = [guess.table];
        let mut fields = entry.fields().copy_stmt(&guess.copy).dependencies(&needed);
        (fields.tag, fields.namespace) = (table.tag(), table.namespace());
        fields.owner = table.owner();
        defined.push(&fields)?;
    }
    Ok((defined, guessed))
}

/// The first rows of some data, as far as they can be read.
fn sample(archive: &Archive, id: DumpId) -> Vec<u8> {
    let mut sample = Vec::new();
    if let Ok(mut block) = archive.block(id, BlockKind::Data)
        && let Ok(mut data) = block.data()
    {
        data.be_lenient();
        // What can be read before the damage is enough.
        let mut limited = (&mut data).take(4 << 20);
        for _ in 0..SAMPLE {
            if !limited.read_until(b'\n', &mut sample).is_ok_and(|n| n > 0) {
                break;
            }
        }
    }
    sample
}

/// The number of fields that most rows have; `None` for INSERT commands.
fn columns(sample: &[u8]) -> Option<usize> {
    if sample.starts_with(b"INSERT INTO ") {
        return None;
    }
    let mut counts: Vec<usize> = Vec::new();
    for row in sample.split(|byte| *byte == b'\n').filter(|row| *row != b"\\." && !row.is_empty()) {
        counts.push((row.iter().filter(|byte| **byte == b'\t').count() + 1).min(MOST));
    }
    let often = |count: &usize| counts.iter().filter(|other| *other == count).count();
    Some(counts.iter().copied().max_by_key(often).unwrap_or(1))
}

fn is_unicode(samples: &[(DumpId, Vec<u8>)]) -> bool {
    samples.iter().all(|(_, sample)| {
        let whole = sample.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Encoding::UTF8.is_valid(&sample[..whole])
    })
}
