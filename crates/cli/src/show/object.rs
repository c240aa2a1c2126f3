//! What `show` says of one object.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::columns::TableShape;
use crate::data_entry::DataEntries;
use crate::json;
use crate::output::{Output, human_size};
use pgdmp::toc::{Dependents, Section};
use pgdmp::types::Definitions;
use pgdmp::{Desc, Input, Toc, TocEntry};

/// What belongs to an entry without being needed by anything: its ACL, comment and labels.
fn attached<'a>(dependents: &'a Dependents, entry: TocEntry<'a>) -> Vec<TocEntry<'a>> {
    let attached =
        |e: &TocEntry<'_>| matches!(e.desc(), Desc::ACL | Desc::COMMENT | Desc::SECURITY_LABEL);
    dependents.of(entry).filter(attached).collect()
}

/// What belongs to a table, as `\\d` of psql has it: its indexes but those of keys, triggers, rules, policies and
/// statistics, each with its definition on one line.
fn belongings<'a>(
    dependents: &'a Dependents,
    entry: TocEntry<'a>,
) -> Vec<(&'static str, Vec<(TocEntry<'a>, String)>)> {
    if !matches!(
        entry.desc(),
        Desc::TABLE | Desc::FOREIGN_TABLE | Desc::VIEW | Desc::MATERIALIZED_VIEW
    ) {
        return Vec::new();
    }
    let of_kind = |desc: &str, skip: &[u8]| {
        let entries = dependents.of(entry).filter(|found| found.desc() == *desc);
        entries.map(|found| (found, definition(found, skip))).collect()
    };
    vec![
        ("Indexes", of_kind("INDEX", b"CREATE INDEX ")),
        ("Triggers", of_kind("TRIGGER", b"CREATE TRIGGER ")),
        ("Rules", of_kind("RULE", b"CREATE RULE ")),
        ("Policies", of_kind("POLICY", b"CREATE POLICY ")),
        ("Statistics", of_kind("STATISTICS", b"CREATE STATISTICS ")),
    ]
}

/// The first statement of a definition, on one line and without its first words.
fn definition(entry: TocEntry<'_>, skip: &[u8]) -> String {
    let defn = entry.defn().unwrap_or_default().trim_ascii();
    let defn = defn.strip_prefix(skip).unwrap_or(defn);
    let end = defn.windows(2).position(|window| window == b";\n").unwrap_or(defn.len());
    let words = defn[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(&b' ');
    entry.toc().printable(line.strip_suffix(b";").unwrap_or(&line)).to_string()
}

fn data_size(input: &Input, entry: TocEntry<'_>) -> Option<u64> {
    match input {
        Input::Archive(archive) => archive.stored_size_hint(entry),
        Input::Stream(_) => None,
    }
}

pub(super) fn text(input: &Input, entries: &[TocEntry<'_>], out: &mut Output) -> io::Result<()> {
    let toc = input.toc();
    let dependents = Dependents::new(toc);
    let data = DataEntries::new(toc);
    let definitions = Definitions::new(toc);
    for (n, &entry) in entries.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        let shape = TableShape::of(&definitions, entry);
        entry_text(input, &dependents, data.of(entry), entry, shape, out)?;
    }
    Ok(())
}

fn entry_text(
    input: &Input,
    dependents: &Dependents,
    data: Option<TocEntry<'_>>,
    entry: TocEntry<'_>,
    shape: Option<TableShape<'_>>,
    out: &mut Output,
) -> io::Result<()> {
    let text = |bytes: Option<&[u8]>| {
        let bytes = bytes.filter(|bytes| !bytes.is_empty())?;
        Some(entry.toc().printable(bytes).to_string())
    };
    let ids = entry.catalog_id();
    let data = data.map(|data| match data_size(input, data) {
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
    let mut seen = HashSet::new();
    let needs = entry.dependencies().iter().filter(|id| seen.insert(id.0));
    let needs: Vec<String> = needs.map(|id| reference(entry.toc(), *id)).collect();
    names(out, "Needs", &needs)?;
    let needed: Vec<String> =
        dependents.of(entry).map(|e| format!("{:>6}  {}", e.dump_id(), e.name().name)).collect();
    names(out, "Needed by", &needed)?;
    for (label, lines) in shape.iter().flat_map(TableShape::lines) {
        names(out, label, &lines)?;
    }
    for (label, lines) in belongings(dependents, entry) {
        let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
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

pub(super) fn json(input: &Input, entries: &[TocEntry<'_>], out: &mut Output) -> io::Result<()> {
    let dependents = Dependents::new(input.toc());
    let definitions = Definitions::new(input.toc());
    let objects = json::Entries::of(input);
    let entries: Vec<Value> = entries
        .iter()
        .map(|&entry| {
            let mut map = objects.entry(entry);
            json::details(&mut map, entry);
            let needed: Vec<i32> = dependents.of(entry).map(|e| e.dump_id().0).collect();
            map.insert("dependents".into(), json!(needed));
            if let Some(shape) = TableShape::of(&definitions, entry) {
                shape.put_json(&mut map);
            }
            for (label, entries) in belongings(&dependents, entry) {
                let entries = entries.into_iter().map(|(entry, _)| {
                    let mut map = json::entry_name(entry);
                    json::put_text(&mut map, "defn", entry.defn(), entry.toc().text_encoding());
                    Value::Object(map)
                });
                map.insert(label.to_lowercase(), entries.collect());
            }
            Value::Object(map)
        })
        .collect();
    let mut all = json::document();
    all.insert("entries".into(), entries.into());
    json::write_pretty(&all.into(), out)?;
    out.write_all(b"\n")
}
