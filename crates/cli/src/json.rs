//! JSON for machines.

use serde_json::{Map, Value, json};

use pgdmp::{Header, Section, TocEntry};

/// Adds a text. JSON has only Unicode: where the bytes are none, the text has replacement
/// characters, and a second member `<key>_hex` has the bytes.
pub(crate) fn put_text(map: &mut Map<String, Value>, key: &str, bytes: Option<&[u8]>) {
    let value = match bytes {
        None => Value::Null,
        Some(bytes) => {
            if std::str::from_utf8(bytes).is_err() {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                map.insert(format!("{key}_hex"), hex.into());
            }
            String::from_utf8_lossy(bytes).into()
        }
    };
    map.insert(key.to_owned(), value);
}

/// A header.
pub(crate) fn header(header: &Header, format: pgdmp::Format, created: Option<&str>) -> Value {
    let mut map = Map::new();
    map.insert("format".into(), format.to_string().into());
    map.insert("archive_version".into(), header.version.to_string().into());
    map.insert("int_size".into(), header.int_size.into());
    map.insert("off_size".into(), header.off_size.into());
    map.insert("compression".into(), header.compression.algorithm.name().into());
    map.insert("compression_level".into(), header.compression.level.into());
    map.insert("created".into(), created.into());
    put_text(&mut map, "dbname", header.dbname.as_deref());
    put_text(&mut map, "server_version", header.server_version.as_deref());
    put_text(&mut map, "dump_version", header.dump_version.as_deref());
    Value::Object(map)
}

/// An entry as a list has it.
pub(crate) fn entry(entry: TocEntry<'_>) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("dump_id".into(), entry.dump_id().0.into());
    map.insert("table_oid".into(), entry.catalog_id().table_oid.0.into());
    map.insert("oid".into(), entry.catalog_id().oid.0.into());
    put_text(&mut map, "desc", Some(entry.desc().as_bytes()));
    put_text(&mut map, "namespace", entry.namespace());
    put_text(&mut map, "tag", entry.tag());
    put_text(&mut map, "owner", entry.owner());
    map.insert("section".into(), section(entry.section()));
    map.insert("has_data".into(), entry.has_data().into());
    let dependencies: Vec<i32> = entry.dependencies().iter().map(|id| id.0).collect();
    map.insert("dependencies".into(), json!(dependencies));
    map
}

/// The rest of an entry.
pub(crate) fn details(map: &mut Map<String, Value>, entry: TocEntry<'_>) {
    put_text(map, "tablespace", entry.tablespace());
    put_text(map, "table_am", entry.table_am());
    let relkind = u32::try_from(entry.relkind()).ok().filter(|code| *code != 0);
    let relkind = relkind.and_then(char::from_u32).map(String::from);
    map.insert("relkind".into(), relkind.into());
    put_text(map, "defn", entry.defn());
    put_text(map, "drop_stmt", entry.drop_stmt());
    put_text(map, "copy_stmt", entry.copy_stmt());
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
