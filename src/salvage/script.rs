//! The table of contents of a tar that lost it, from the script that pg_dump adds to every tar.
//!
//! `restore.sql` has the SQL of all entries in their order, each behind a comment with its name and
//! kind, and for the data of a table the name of its file (`_PrintTocData` of `pg_backup_tar.c`).

use crate::archive::Archive;
use crate::error::Result;
use crate::format::names;
use crate::source::Positioned;
use crate::toc::{Desc, DumpId, EntryFields, Format, Header, Section, Toc};
use crate::version::ArchiveVersion;

/// The script of the largest schemas is hardly longer.
const LONGEST: u64 = 256 << 20;

/// What begins the path of a file.
const PATH: &str = "$$PATH$$/";

/// An entry of the script.
#[derive(Debug, Default)]
struct Item<'s> {
    tag: &'s str,
    desc: &'s str,
    schema: &'s str,
    sql: String,
    /// The number of its file; 0 if there is none in its name.
    data: Option<i32>,
    copy: Option<String>,
}

/// The table of contents that the script shows; `None` without a script.
///
/// # Errors
///
/// Those of making it.
pub(super) fn contents(archive: &Archive) -> Result<Option<Toc>> {
    let Some(script) = read(archive) else { return Ok(None) };
    // Names and texts in another encoding stay bytes only if nothing is made of them here.
    let Ok(script) = String::from_utf8(script) else { return Ok(None) };
    let items = items(&script);
    if !items.iter().any(|item| item.data.is_some()) {
        return Ok(None);
    }
    let header = Header::new(version(&script), Format::Tar);
    let mut toc = Toc::new(header, Format::Tar);
    let highest = items.iter().filter_map(|item| item.data).max().unwrap_or(0);
    let mut next = highest;
    let mut id = || {
        next += 1;
        DumpId(next)
    };
    for (tag, desc, setting) in [
        ("ENCODING", Desc::ENCODING, "client_encoding"),
        ("STDSTRINGS", Desc::STDSTRINGS, "standard_conforming_strings"),
    ] {
        if let Some(value) = setting_of(&script, setting) {
            let defn = format!("SET {setting} = '{value}';\n");
            toc.push(&EntryFields::new(id(), desc, Section::PreData).tag(tag).defn(&defn))?;
        }
    }
    if script.contains("set_config('search_path', '', false)") {
        let fields = EntryFields::new(id(), Desc::SEARCHPATH, Section::PreData).tag("SEARCHPATH");
        let defn = "SELECT pg_catalog.set_config('search_path', '', false);\n";
        toc.push(&fields.defn(defn))?;
    }
    let (mut section, mut metadata) = (Section::PreData, None);
    for item in &items {
        let desc = Desc(item.desc.as_bytes());
        let is_data = item.data.is_some() || desc == Desc::SEQUENCE_SET;
        if is_data {
            section = Section::Data;
        } else if section == Section::Data && !item.desc.starts_with("BLOB") {
            section = Section::PostData;
        }
        let number = item.data.filter(|number| *number > 0).map_or_else(&mut id, DumpId);
        let section = if is_data { Section::Data } else { section };
        let fields = EntryFields::new(number, Desc::TABLE, section).desc(desc);
        let fields = fields.tag(item.tag).owner("").namespace(item.schema);
        let needed = metadata.into_iter().collect::<Vec<_>>();
        match item.data {
            None if desc == Desc::BLOB_METADATA => {
                let oids: String =
                    item.sql.split('\'').skip(1).step_by(2).map(|oid| format!("{oid}\n")).collect();
                metadata = Some(fields.dump_id);
                toc.push(&fields.defn(&oids))?;
            }
            None => toc.push(&fields.defn(&item.sql))?,
            Some(number) => {
                let file = names::data_name(DumpId(number));
                let mut fields = fields.had_dumper(true);
                if let Some(copy) = &item.copy {
                    fields = fields.copy_stmt(copy).file_name(file.as_bytes());
                } else {
                    fields = fields.dependencies(&needed);
                }
                toc.push(&fields)?;
            }
        }
    }
    Ok(Some(toc))
}

fn read(archive: &Archive) -> Option<Vec<u8>> {
    let mut reader = archive.member(b"restore.sql").ok()?.reader();
    if reader.remaining().is_none_or(|len| len > LONGEST) {
        return None;
    }
    let mut script = Vec::new();
    // What there is of it is better than nothing.
    let _ = std::io::Read::read_to_end(&mut reader, &mut script);
    Some(script)
}

/// Takes the script apart at the comments that name entries.
fn items(script: &str) -> Vec<Item<'_>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    for line in script.split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        let named = text.strip_prefix("-- Name: ").or(text.strip_prefix("-- Data for Name: "));
        if let Some(item) = named.and_then(heading) {
            items.push(item);
            continue;
        }
        let Some(item) = items.last_mut() else { continue };
        if let Some((copy, path)) = text.split_once(&format!(" FROM '{PATH}")) {
            let number = path.split_once(".dat'").and_then(|(number, _)| number.parse().ok());
            (item.data, item.copy) = (number, Some(format!("{copy} FROM stdin;\n")));
        } else if let Some(path) = text.strip_prefix(&format!("\\i {PATH}")) {
            // Before PostgreSQL 17 all large objects are in one list, without a number.
            let number = path.split('.').next().and_then(|number| number.parse().ok());
            item.data = Some(number.unwrap_or(0));
        } else if text.starts_with('\\') || (text == "--" && item.sql.trim().is_empty()) {
            // A command of psql, or the last line of the heading.
        } else {
            item.sql.push_str(line);
        }
    }
    for item in &mut items {
        // The first line of the next heading, and the empty lines before it.
        let sql = item.sql.trim_end_matches('\n');
        let sql =
            sql.strip_suffix("\n--").unwrap_or(sql).trim_end_matches('\n').trim_start_matches('\n');
        item.sql = format!("{sql}\n");
    }
    items.retain(|item| item.data.is_some() || !item.sql.trim().is_empty());
    // No text of an entry has a zero byte.
    let has_zero = |text: &str| text.contains('\0');
    items.retain(|item| {
        !has_zero(item.tag)
            && !has_zero(item.schema)
            && !has_zero(&item.sql)
            && !item.copy.as_deref().is_some_and(has_zero)
    });
    items
}

/// `NAME; Type: KIND; Schema: SCHEMA; Owner: OWNER`.
fn heading(text: &str) -> Option<Item<'_>> {
    let (tag, rest) = text.split_once("; Type: ")?;
    let (desc, rest) = rest.split_once("; Schema: ")?;
    let (schema, _) = rest.split_once("; Owner: ")?;
    let is_kind = !desc.is_empty() && desc.bytes().all(|b| b.is_ascii_uppercase() || b == b' ');
    let schema = if schema == "-" { "" } else { schema };
    is_kind.then(|| Item { tag, desc, schema, ..Item::default() })
}

/// The value of a `SET` command.
fn setting_of<'s>(script: &'s str, name: &str) -> Option<&'s str> {
    let start = format!("SET {name} = ");
    let line = script.lines().find_map(|line| line.strip_prefix(&start))?;
    let value = line.trim_end_matches(';').trim_matches('\'');
    value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-').then_some(value)
}

/// The archive version of the pg_dump that the script names.
fn version(script: &str) -> ArchiveVersion {
    let line = script.lines().find_map(|line| line.strip_prefix("-- Dumped by pg_dump version "));
    let major =
        line.and_then(|line| line.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    match major {
        Some(17..) | None => ArchiveVersion::NEWEST,
        Some(16) => ArchiveVersion::new(1, 15),
        Some(12..=15) => ArchiveVersion::new(1, 14),
        Some(11) => ArchiveVersion::new(1, 13),
        Some(_) => ArchiveVersion::new(1, 12),
    }
}
