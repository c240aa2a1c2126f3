//! JSON for machines: `docs/json.md` has all keys.

use std::collections::HashSet;
use std::io::{self, Write};
use std::str;

use serde_json::{Map, Value, json};

use crate::data_entry::DataEntries;
use pgdmp::text::{Encoding, Printable};
use pgdmp::toc::Section;
use pgdmp::{Archive, Format, Input, Toc, TocEntry};

/// Writes a value on one line.
pub(crate) fn write<W: Write>(value: &Value, out: &mut W) -> io::Result<()> {
    Ok(serde_json::to_writer(Escaping(out), value)?)
}

/// Writes a value on many lines.
pub(crate) fn write_pretty<W: Write>(value: &Value, out: &mut W) -> io::Result<()> {
    Ok(serde_json::to_writer_pretty(Escaping(out), value)?)
}

/// Spells what a terminal would obey, or nobody would see, as `\u202e`: to a reader of JSON that
/// is the same.
struct Escaping<'a, W>(&'a mut W);

impl<W: Write> Write for Escaping<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        // The writer of JSON cuts no characters apart. Line ends are its own.
        let Ok(text) = str::from_utf8(buf) else { return self.0.write(buf) };
        for piece in text.split_inclusive(|c| c != '\n' && !Printable::shows(c)) {
            match piece.chars().next_back().filter(|c| *c != '\n' && !Printable::shows(*c)) {
                None => self.0.write_all(piece.as_bytes())?,
                Some(c) => {
                    self.0.write_all(&piece.as_bytes()[..piece.len() - c.len_utf8()])?;
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(self.0, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text in Unicode, with replacement characters where it cannot be that.
pub(crate) fn text(bytes: &[u8], encoding: Encoding) -> String {
    match encoding.decode(bytes) {
        Some(text) => text.into_owned(),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Adds a text. JSON has only Unicode: where that is not the bytes of the archive in UTF-8, a second
/// member `<key>_hex` has them.
pub(crate) fn put_text(
    map: &mut Map<String, Value>,
    key: &str,
    bytes: Option<&[u8]>,
    encoding: Encoding,
) {
    let text = bytes.map(|bytes| text(bytes, encoding));
    let other = bytes.filter(|bytes| text.as_ref().map(String::as_bytes) != Some(*bytes));
    map.insert(key.to_owned(), text.into());
    if let Some(bytes) = other {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        map.insert(format!("{key}_hex"), hex.into());
    }
}

/// The encoding of a text of the header. The name of the database is what the user of pg_dump
/// typed: in the encoding of a terminal more often than in that of the archive.
pub(crate) fn header_encoding(toc: &Toc, text: &[u8]) -> Encoding {
    if str::from_utf8(text).is_ok() { Encoding::UTF8 } else { toc.text_encoding() }
}

/// The number of the schema that `docs/json.md` describes. It changes when a key goes, or means something
/// else; keys can be added at any time.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The beginning of what is written: the number of its schema.
pub(crate) fn document() -> Map<String, Value> {
    Map::from_iter([("schema_version".to_owned(), SCHEMA_VERSION.into())])
}

/// An object with the number of its schema in front.
pub(crate) fn numbered(value: Value) -> Value {
    let mut map = document();
    match value {
        Value::Object(rest) => map.extend(rest),
        other => return other,
    }
    Value::Object(map)
}

/// A header.
pub(crate) fn header(toc: &Toc, format: Format) -> Value {
    let header = toc.header();
    let put = |map: &mut Map<String, Value>, key: &str, bytes: &Option<Box<[u8]>>| {
        let bytes = bytes.as_deref();
        put_text(map, key, bytes, header_encoding(toc, bytes.unwrap_or_default()));
    };
    let created = header.created.map(|created| pgdmp_local_time::creation_time(created.fields()));
    let mut map = Map::new();
    put(&mut map, "dbname", &header.dbname);
    map.insert("created".into(), created.and_then(|created| created.utc).into());
    put(&mut map, "server_version", &header.server_version);
    put(&mut map, "dump_version", &header.dump_version);
    map.insert("format".into(), format.to_string().into());
    map.insert("archive_version".into(), header.version.to_string().into());
    map.insert("compression".into(), header.compression.algorithm.name().into());
    map.insert("compression_level".into(), header.compression.level.into());
    map.insert("int_size".into(), header.int_size.into());
    map.insert("off_size".into(), header.off_size.into());
    put_text(&mut map, "encoding", toc.encoding().ok().flatten(), toc.text_encoding());
    map.insert("std_strings".into(), toc.std_strings().ok().into());
    map.insert("entries".into(), toc.len().into());
    Value::Object(map)
}

/// What names an entry, with the keys that it has in all commands.
pub(crate) fn entry_name(entry: TocEntry<'_>) -> Map<String, Value> {
    let encoding = entry.toc().text_encoding();
    let mut map = Map::new();
    map.insert("dump_id".into(), entry.dump_id().0.into());
    put_text(&mut map, "desc", Some(entry.desc().as_bytes()), encoding);
    put_text(&mut map, "namespace", entry.namespace(), encoding);
    put_text(&mut map, "tag", entry.tag(), encoding);
    map
}

/// Entries as JSON: the same keys in all commands.
pub(crate) struct Entries {
    data: DataEntries,
    /// By place, as far as it is known.
    stored: Vec<Option<u64>>,
}

impl Entries {
    /// Sizes as far as they are known without a walk over data.
    pub(crate) fn of(input: &Input) -> Self {
        match input {
            Input::Archive(archive) => Entries::of_archive(archive.toc(), Some(archive)),
            Input::Stream(stream) => Entries::of_archive(stream.toc(), None),
        }
    }

    /// The same of a table of contents, and of the archive if it is a file.
    pub(crate) fn of_archive(toc: &Toc, archive: Option<&Archive>) -> Self {
        let stored = archive.map_or_else(Vec::new, |archive| {
            archive.entries().map(|entry| archive.stored_size_hint(entry)).collect()
        });
        Entries::with_sizes(toc, stored)
    }

    /// Sizes that were found by reading.
    pub(crate) fn with_sizes(toc: &Toc, stored: Vec<Option<u64>>) -> Self {
        Entries { data: DataEntries::new(toc), stored }
    }

    /// The entry with the data of an entry, which may be this one itself.
    pub(crate) fn data_entry<'t>(&self, entry: TocEntry<'t>) -> Option<TocEntry<'t>> {
        self.data.of(entry)
    }

    /// The stored size of an entry's data.
    pub(crate) fn stored_size(&self, entry: TocEntry<'_>) -> Option<u64> {
        let data = self.data_entry(entry)?;
        self.stored.get(data.index()).copied().flatten()
    }

    /// An entry.
    pub(crate) fn entry(&self, entry: TocEntry<'_>) -> Map<String, Value> {
        let encoding = entry.toc().text_encoding();
        let mut map = entry_name(entry);
        put_text(&mut map, "owner", entry.owner(), encoding);
        map.insert("section".into(), section(entry.section()));
        map.insert("table_oid".into(), entry.catalog_id().table_oid.0.into());
        map.insert("oid".into(), entry.catalog_id().oid.0.into());
        let data = self.data_entry(entry).map(|data| data.dump_id().0);
        map.insert("has_data".into(), entry.has_data().into());
        map.insert("data_entry".into(), data.into());
        map.insert("stored_bytes".into(), self.stored_size(entry).into());
        let mut seen = HashSet::new();
        let dependencies = entry.dependencies().iter().map(|id| id.0);
        let dependencies: Vec<i32> = dependencies.filter(|id| seen.insert(*id)).collect();
        map.insert("dependencies".into(), json!(dependencies));
        map
    }
}

/// The rest of an entry.
pub(crate) fn details(map: &mut Map<String, Value>, entry: TocEntry<'_>) {
    let encoding = entry.toc().text_encoding();
    put_text(map, "tablespace", entry.tablespace(), encoding);
    put_text(map, "table_am", entry.table_am(), encoding);
    let relkind = u32::try_from(entry.relkind()).ok().filter(|code| *code != 0);
    let relkind = relkind.and_then(char::from_u32).map(String::from);
    map.insert("relkind".into(), relkind.into());
    put_text(map, "defn", entry.defn(), encoding);
    put_text(map, "drop_stmt", entry.drop_stmt(), encoding);
    put_text(map, "copy_stmt", entry.copy_stmt(), encoding);
}

fn section(section: Section) -> Value {
    match section {
        Section::None => "none".into(),
        Section::PreData => "pre-data".into(),
        Section::Data => "data".into(),
        Section::PostData => "post-data".into(),
        Section::Other(code) => code.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_the_same_to_a_reader_and_nothing_to_a_terminal() {
        let value = json!({ "a\u{202e}": "\u{9b}31m\u{7f}\u{1b}[2J größe \n\u{e0041}" });
        for writes in [write::<Vec<u8>>, write_pretty::<Vec<u8>>] {
            let mut out = Vec::new();
            writes(&value, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.chars().all(|c| c == '\n' || Printable::shows(c)), "{text:?}");
            assert!(text.contains("größe"));
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
