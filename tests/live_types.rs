//! Columns, types and keys of archives, beside the catalogs of a server that has the same tables.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};

use pgdmp::adapt::Adaptation;
use pgdmp::script::ScriptOptions;
use pgdmp::text::Encoding;
use pgdmp::types::{Column, DataType, Definitions, ForeignKey, Key, KeyKind, QualifiedName};
use pgdmp::{Archive, Desc, RestrictKey, Script, Selection, TocEntry};
use serde_json::Value;

use pgdmp_testkit::server::Server;
use pgdmp_testkit::{corpus, effort};

/// What is found, beside what the server says. Names are hex digits there, so that any of them gets
/// through.
struct Comparison<'a> {
    archive: &'a Archive,
    definitions: Definitions<'a>,
    /// By OID.
    types: HashMap<String, Value>,
    tables: BTreeMap<(String, String), Value>,
    /// Whether the tables have the constraints of the archive.
    whole: bool,
    compared: usize,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}

/// A database's tables and types as JSON.
fn catalogs(
    server: &Server,
    database: &str,
) -> (HashMap<String, Value>, BTreeMap<(String, String), Value>) {
    let sql = "
SET search_path = '';
CREATE FUNCTION pg_temp.h(t text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_catalog.encode(pg_catalog.convert_to(t, CASE WHEN pg_catalog.getdatabaseencoding() = 'SQL_ASCII'
         THEN 'SQL_ASCII' ELSE 'UTF8' END), 'hex') $$;
CREATE FUNCTION pg_temp.names(rel oid, keys int2[]) RETURNS json LANGUAGE sql AS $$
  SELECT coalesce(json_agg(pg_temp.h(attname::text) ORDER BY o), '[]') FROM unnest(keys) WITH ORDINALITY AS u(k, o)
  JOIN pg_catalog.pg_attribute ON attrelid = rel AND attnum = k $$;
SELECT json_object_agg(t.oid, json_build_object('kind', typtype, 'schema', pg_temp.h(nspname::text), 'name',
  pg_temp.h(typname::text), 'base', typbasetype::int8, 'modifier', typtypmod, 'delimiter', typdelim::text,
  'element', CASE WHEN typcategory = 'A' AND typlen = -1 AND typname NOT IN ('int2vector', 'oidvector') THEN typelem::int8 ELSE 0 END,
  'own', NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_type'::regclass AND objid = t.oid
    AND deptype = 'e'),
  'labels', (SELECT coalesce(json_agg(pg_temp.h(enumlabel::text) ORDER BY enumsortorder), '[]') FROM
    pg_catalog.pg_enum WHERE enumtypid = t.oid),
  'fields', (SELECT coalesce(json_agg(json_build_array(pg_temp.h(attname::text), atttypid::int8, atttypmod) ORDER BY
    attnum), '[]') FROM pg_catalog.pg_attribute WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped),
  'relation', (SELECT relkind FROM pg_catalog.pg_class c WHERE c.oid = typrelid),
  'subtype', (SELECT rngsubtype::int8 FROM pg_catalog.pg_range WHERE rngtypid = t.oid OR rngmultitypid = t.oid)))
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = typnamespace;
SELECT coalesce(json_agg(json_build_object('schema', pg_temp.h(nspname::text), 'name', pg_temp.h(relname::text),
  'inherits', (SELECT count(*) FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid AND NOT c.relispartition),
  'columns', (SELECT coalesce(json_agg(json_build_array(pg_temp.h(attname::text),
    pg_temp.h(pg_catalog.format_type(atttypid, atttypmod)), atttypid::int8, atttypmod, attnotnull, attgenerated::text,
    attidentity::text, pg_temp.h(pg_catalog.col_description(c.oid, attnum))) ORDER BY attnum), '[]')
    FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
  'keys', (SELECT coalesce(json_agg(json_build_array(pg_temp.h(conname::text), contype, pg_temp.names(c.oid, conkey),
    NOT EXISTS (SELECT FROM unnest(conkey) k WHERE k = 0))), '[]') FROM pg_catalog.pg_constraint
    WHERE conrelid = c.oid AND contype IN ('p', 'u', 'x')),
  'indexes', (SELECT coalesce(json_agg(json_build_array(pg_temp.h(i.relname::text),
    pg_temp.names(c.oid, indkey[0:indnkeyatts - 1]), indexprs IS NULL AND indpred IS NULL)), '[]')
    FROM pg_catalog.pg_index JOIN pg_catalog.pg_class i ON i.oid = indexrelid
    WHERE indrelid = c.oid AND indisunique AND NOT EXISTS
    (SELECT FROM pg_catalog.pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))),
  'foreign', (SELECT coalesce(json_agg(json_build_array(pg_temp.h(conname::text), pg_temp.names(c.oid, conkey),
    pg_temp.h(tn.nspname::text), pg_temp.h(t.relname::text), pg_temp.names(confrelid, confkey))), '[]')
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class t ON t.oid = confrelid
    JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    WHERE conrelid = c.oid AND contype = 'f' AND conparentid = 0),
  'references', (SELECT coalesce(json_agg(pg_temp.h(conname::text)), '[]') FROM pg_catalog.pg_constraint
    WHERE confrelid = c.oid AND contype = 'f' AND conparentid = 0),
  'checks', (SELECT coalesce(json_agg(json_build_array(pg_temp.h(conname::text), pg_temp.names(c.oid,
    (SELECT array_agg(k ORDER BY k) FROM unnest(conkey) k)))), '[]')
    FROM pg_catalog.pg_constraint WHERE conrelid = c.oid AND contype = 'c'),
  'parent', (SELECT json_build_array(pg_temp.h(pn.nspname::text), pg_temp.h(p.relname::text)) FROM pg_catalog.pg_inherits
    JOIN pg_catalog.pg_class p ON p.oid = inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
    WHERE inhrelid = c.oid AND c.relispartition),
  'partitions', (SELECT count(*) FROM pg_catalog.pg_inherits WHERE inhparent = c.oid AND relkind = 'p'),
  'partitioned', (SELECT json_build_array(pg_temp.h(pg_catalog.pg_get_partkeydef(c.oid)),
    pg_temp.names(c.oid, partattrs)) FROM pg_catalog.pg_partitioned_table WHERE partrelid = c.oid),
  'comment', pg_temp.h(pg_catalog.obj_description(c.oid, 'pg_class')))), '[]')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p', 'f') AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_temp';
";
    let file = server.path(&format!("{database}-catalogs.sql"));
    fs::write(&file, sql).unwrap();
    let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-At", "-f", &file, "-d", database];
    let answer = server.client("psql", &args);
    // Each of the two is JSON of one or more lines.
    let mut values = serde_json::Deserializer::from_str(&answer).into_iter::<Value>();
    let types = values.next().unwrap().unwrap();
    let tables = values.next().unwrap().unwrap();
    let types = types.as_object().unwrap().clone().into_iter().collect();
    let tables = tables.as_array().unwrap().iter();
    let name = |table: &Value, of: &str| table[of].as_str().unwrap().to_owned();
    let tables = tables.map(|table| ((name(table, "schema"), name(table, "name")), table.clone()));
    (types, tables.collect())
}

/// The names in JSON, sorted where the order means nothing.
fn set(values: &Value) -> Vec<String> {
    let mut all: Vec<String> = values.as_array().unwrap().iter().map(Value::to_string).collect();
    all.sort();
    all
}

fn sorted(values: impl Iterator<Item = Value>) -> Vec<String> {
    let mut all: Vec<String> = values.map(|value| value.to_string()).collect();
    all.sort();
    all
}

impl Comparison<'_> {
    fn new<'a>(
        server: &Server,
        database: &str,
        archive: &'a Archive,
        whole: bool,
    ) -> Comparison<'a> {
        let (types, tables) = catalogs(server, database);
        let definitions = Definitions::new(archive.toc());
        Comparison { archive, definitions, types, tables, whole, compared: 0 }
    }

    /// A text of the archive as the server says it.
    fn text(&self, bytes: &[u8]) -> String {
        let encoding = self.archive.toc().text_encoding();
        if encoding == Encoding::SQL_ASCII {
            return hex(bytes);
        }
        hex(encoding.decode(bytes).unwrap().as_bytes())
    }

    fn names(&self, names: &[Vec<u8>]) -> Value {
        names.iter().map(|name| self.text(name)).collect::<Vec<_>>().into()
    }

    fn check(mut self) -> Result<usize, String> {
        for entry in self.archive.entries() {
            if !matches!(entry.desc(), Desc::TABLE | Desc::FOREIGN_TABLE) {
                continue;
            }
            let name = (
                self.text(entry.namespace().unwrap_or_default()),
                self.text(entry.tag().unwrap_or_default()),
            );
            let Some(table) = self.tables.get(&name).cloned() else { continue };
            self.compared += 1;
            self.columns(entry, &table)
                .and_then(|()| if self.whole { self.keys(entry, &table) } else { Ok(()) })
                .map_err(|error| format!("{}: {error}", entry.qualified_name()))?;
        }
        for entry in self.archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
            self.data(entry).map_err(|error| format!("{}: {error}", entry.name()))?;
        }
        Ok(self.compared)
    }

    fn columns(&self, entry: TocEntry<'_>, table: &Value) -> Result<(), String> {
        let found = self.definitions.columns(entry).unwrap();
        let keys = self.definitions.keys(entry).unwrap();
        if let Some(untyped) = &found.untyped {
            return Err(untyped.to_string());
        }
        let theirs = table["columns"].as_array().unwrap();
        if found.columns.len() != theirs.len() {
            return Err(format!("{} columns instead of {}", found.columns.len(), theirs.len()));
        }
        let inherits = table["inherits"] != 0;
        let by_name: HashMap<&str, &Value> =
            theirs.iter().map(|column| (column[0].as_str().unwrap(), column)).collect();
        for (n, column) in found.columns.iter().enumerate() {
            let name = self.text(&column.name);
            // A child that got a column later has it at another place, but in a restored database.
            let theirs = if inherits { by_name.get(&name[..]).copied() } else { Some(&theirs[n]) };
            let theirs = theirs.ok_or("a column that is not there")?;
            self.column(column, theirs, keys.primary_key.as_ref())
                .map_err(|error| format!("{}: {error}", String::from_utf8_lossy(&column.name)))?;
            let identity = keys.identity.iter().find(|identity| identity.column == column.name);
            let identity = identity.map_or("", |identity| if identity.always { "a" } else { "d" });
            if theirs[6] != identity {
                return Err(format!("identity {identity:?} instead of {}", theirs[6]));
            }
            let comment = keys.comment_on(&column.name).map(|comment| self.text(comment));
            if self.whole && comment.as_deref() != theirs[7].as_str() {
                return Err(format!("comment {comment:?} instead of {}", theirs[7]));
            }
        }
        Ok(())
    }

    fn column(&self, column: &Column, theirs: &Value, key: Option<&Key>) -> Result<(), String> {
        let name = self.text(&column.name);
        if theirs[0] != name {
            return Err(format!("{name} instead of {}", theirs[0]));
        }
        let (spelling, expected) = (self.text(&column.spelling), theirs[1].as_str().unwrap());
        if !alike(&unhex(&spelling), &unhex(expected)) {
            let expected = String::from_utf8_lossy(&unhex(expected)).into_owned();
            return Err(format!(
                "{} instead of {expected}",
                String::from_utf8_lossy(&column.spelling)
            ));
        }
        let modifier = theirs[3].as_i64().unwrap();
        self.agrees(&column.data_type, &theirs[2], modifier)?;
        let not_null = column.not_null || key.is_some_and(|key| key.columns.contains(&column.name));
        if theirs[4] != not_null && (self.whole || not_null) {
            return Err(format!("not null: {not_null} instead of {}", theirs[4]));
        }
        if (theirs[5] != "") != column.generated.is_some() {
            return Err(format!("generated: {:?} instead of {}", column.generated, theirs[5]));
        }
        // The length, and the domain.
        let mut oid = theirs[2].to_string();
        let mut modifier = modifier;
        let mut domain = None;
        while self.types[&oid]["kind"] == "d" {
            let found = &self.types[&oid];
            domain = domain.or(Some((found["schema"].clone(), found["name"].clone())));
            modifier = found["modifier"].as_i64().unwrap();
            oid = found["base"].to_string();
        }
        let has_length = ["1042", "1043"].contains(&&oid[..]) && modifier > 4;
        let length = has_length.then(|| u32::try_from(modifier - 4).unwrap());
        if column.max_length != length {
            return Err(format!("length {:?} instead of {length:?}", column.max_length));
        }
        let ours = column.domain.as_ref().map(|domain| self.qualified(domain));
        let theirs = domain.filter(|_| self.types[&theirs[2].to_string()]["own"] == true);
        let theirs = theirs.map(|(schema, name)| Value::from(vec![schema, name]));
        if ours != theirs {
            return Err(format!("domain {ours:?} instead of {theirs:?}"));
        }
        Ok(())
    }

    fn qualified(&self, name: &QualifiedName) -> Value {
        let schema = self.text(name.schema.as_deref().unwrap_or_default());
        Value::from(vec![schema, self.text(&name.name)])
    }

    /// Whether a type is that of the catalogs.
    fn agrees(&self, ours: &DataType, oid: &Value, modifier: i64) -> Result<(), String> {
        let theirs = &self.types[&oid.to_string()];
        let name = unhex(theirs["name"].as_str().unwrap());
        let name = String::from_utf8_lossy(&name).into_owned();
        let schema = unhex(theirs["schema"].as_str().unwrap());
        let wrong = || Err(format!("{ours:?} for {name}"));
        if theirs["element"] != 0 {
            let DataType::Array(array) = ours else { return wrong() };
            let element = &self.types[&theirs["element"].to_string()];
            if element["delimiter"] != String::from(char::from(array.delimiter)) {
                return Err(format!("delimiter {}", array.delimiter));
            }
            return self.agrees(&array.element, &theirs["element"], modifier);
        }
        if theirs["own"] == false {
            // A dump for an upgrade has the types of extensions.
            let toc = self.archive.toc();
            let is_here = toc.find(Desc::TYPE, Some(&schema), name.as_bytes()).is_some();
            let expected = match &name[..] {
                "hstore" if !is_here => DataType::Hstore,
                "citext" if !is_here => DataType::Text,
                _ => DataType::Other,
            };
            return if *ours == expected { Ok(()) } else { wrong() };
        }
        let named = |name: &QualifiedName| self.qualified(name)[1] == theirs["name"];
        match (theirs["kind"].as_str().unwrap(), ours) {
            ("d", _) => {
                let modifier = theirs["modifier"].as_i64().unwrap();
                self.agrees(ours, &theirs["base"], modifier)
            }
            ("e", DataType::Enum(found)) => {
                let labels = self.names(&found.labels);
                if named(&found.name) && labels == theirs["labels"] { Ok(()) } else { wrong() }
            }
            ("c", DataType::Composite(found)) => {
                let fields = theirs["fields"].as_array().unwrap();
                if !named(&found.name) || fields.len() != found.fields.len() {
                    return wrong();
                }
                for (ours, theirs) in found.fields.iter().zip(fields) {
                    if theirs[0] != self.text(&ours.name) {
                        return Err(format!("attribute {} of {name}", theirs[0]));
                    }
                    self.agrees(&ours.data_type, &theirs[1], theirs[2].as_i64().unwrap())?;
                }
                Ok(())
            }
            ("c", DataType::Other) if theirs["relation"] == "v" || theirs["relation"] == "m" => {
                Ok(())
            }
            ("c", DataType::Other) if schema == b"pg_catalog" => Ok(()),
            ("r", DataType::Range(of)) | ("m", DataType::Multirange(of)) => {
                self.agrees(of, &theirs["subtype"], -1)
            }
            ("b", _) if schema != b"pg_catalog" => {
                if *ours == DataType::Other {
                    Ok(())
                } else {
                    wrong()
                }
            }
            ("b", _) if of_catalog(ours, &name, modifier) => Ok(()),
            _ => wrong(),
        }
    }

    fn keys(&self, entry: TocEntry<'_>, table: &Value) -> Result<(), String> {
        let found = self.definitions.keys(entry).unwrap();
        let differ = |what: &str, ours: Vec<String>, theirs: Vec<String>| {
            if ours == theirs {
                Ok(())
            } else {
                Err(format!("{what}: {ours:?} instead of {theirs:?}"))
            }
        };
        let kind = |key: &Key| match key.kind {
            KeyKind::PrimaryKey => "p",
            KeyKind::Unique => "u",
            KeyKind::Exclude => "x",
            _ => "",
        };
        let all = || found.primary_key.iter().chain(&found.unique);
        let constraints = all().filter(|key| key.kind != KeyKind::UniqueIndex).map(|key| {
            let plain = key.kind != KeyKind::Exclude || key.mentioned.is_empty();
            (self.text(&key.name), kind(key), self.names(&key.columns), plain)
        });
        let constraints = constraints.map(|key| serde_json::json!([key.0, key.1, key.2, key.3]));
        differ("keys", sorted(constraints), set(&table["keys"]))?;
        let indexes = all().filter(|key| key.kind == KeyKind::UniqueIndex);
        let indexes = indexes.map(|key| {
            serde_json::json!([self.text(&key.name), self.names(&key.columns), key.is_plain])
        });
        differ("unique indexes", sorted(indexes), set(&table["indexes"]))?;
        let own = |key: &&ForeignKey| key.table == found.table;
        let foreign = found.foreign_keys.iter().filter(own).map(|key| {
            let to = self.qualified(&key.referenced);
            serde_json::json!([
                self.text(&key.name),
                self.names(&key.columns),
                to[0],
                to[1],
                self.names(&key.referenced_columns)
            ])
        });
        differ("foreign keys", sorted(foreign), set(&table["foreign"]))?;
        let to_this = found.referenced_by.iter().filter(|key| key.referenced == found.table);
        let references = sorted(to_this.map(|key| self.text(&key.name).into()));
        differ("references", references, set(&table["references"]))?;
        let checks =
            found.checks.iter().map(|check| self.text(check.name.as_deref().unwrap_or_default()));
        let mut checks: Vec<String> = checks.collect();
        let theirs = table["checks"].as_array().unwrap();
        let mut names: Vec<String> =
            theirs.iter().map(|check| check[0].as_str().unwrap().to_owned()).collect();
        checks.sort();
        names.sort();
        differ("checks", checks, names)?;
        for check in &found.checks {
            let name = self.text(check.name.as_deref().unwrap_or_default());
            let Some(theirs) = theirs.iter().find(|check| check[0] == name) else { continue };
            let mut theirs = set(&theirs[1]);
            // The whole row.
            theirs.retain(|column| !column.is_empty());
            let ours = sorted(check.columns.iter().map(|column| self.text(column).into()));
            // A name in an expression may be that of something else.
            if !theirs.iter().all(|column| ours.contains(column)) {
                return Err(format!("check {name}: {ours:?} instead of {theirs:?}"));
            }
        }
        let parent = found.partition_of.first().map(|parent| self.qualified(parent));
        if parent.unwrap_or(Value::Null) != table["parent"] {
            return Err(format!("partition of {:?}", found.partition_of));
        }
        if table["partitions"] != found.partitions.len() {
            return Err(format!("{} partitions", found.partitions.len()));
        }
        match (&found.partition_by, &table["partitioned"]) {
            (None, Value::Null) => {}
            (Some(ours), theirs) if !theirs.is_null() => {
                let definition = self.text(&ours.definition);
                if !alike(&unhex(&definition), &unhex(theirs[0].as_str().unwrap())) {
                    return Err(format!("partition key {ours:?}"));
                }
                let ours = set(&self.names(&ours.columns));
                if !set(&theirs[1]).iter().all(|column| ours.contains(column)) {
                    return Err(format!("partition key {ours:?} instead of {theirs}"));
                }
            }
            (ours, theirs) => return Err(format!("partitioned {ours:?} {theirs}")),
        }
        let comment = found.comment.as_ref().map(|comment| self.text(comment));
        if comment.as_deref() != table["comment"].as_str() {
            return Err(format!("comment {comment:?}"));
        }
        Ok(())
    }

    /// The columns of data are those that the table stores.
    fn data(&self, entry: TocEntry<'_>) -> Result<(), String> {
        let found = self.definitions.columns(entry).map_err(|error| error.to_string())?;
        let name = (
            self.text(entry.namespace().unwrap_or_default()),
            self.text(entry.tag().unwrap_or_default()),
        );
        let Some(table) = self.tables.get(&name) else { return Ok(()) };
        if found.untyped.is_some() && found.untyped != Some(pgdmp::types::Untyped::NoDefinition) {
            return Err(format!("{:?}", found.untyped));
        }
        let theirs = table["columns"].as_array().unwrap().iter().filter(|column| column[5] == "");
        let theirs = sorted(theirs.map(|column| column[0].clone()));
        let ours = found.columns.iter().filter(|column| column.name != b"oid");
        let ours = sorted(ours.map(|column| self.text(&column.name).into()));
        if ours == theirs { Ok(()) } else { Err(format!("{ours:?} instead of {theirs:?}")) }
    }
}

/// Whether two spellings differ in quotes, and in a schema that an old archive does not say, alone.
fn alike(ours: &[u8], theirs: &[u8]) -> bool {
    if ours == theirs {
        return true;
    }
    let bare = |text: &[u8]| -> Vec<u8> { text.iter().copied().filter(|b| *b != b'"').collect() };
    let (ours, theirs) = (bare(ours), bare(theirs));
    let without = theirs.iter().position(|byte| *byte == b'.').map(|at| &theirs[at + 1..]);
    ours == theirs || !ours.contains(&b'.') && without == Some(&ours[..])
}

/// Whether it is the type of this name in `pg_catalog`.
fn of_catalog(ours: &DataType, name: &str, modifier: i64) -> bool {
    use DataType::*;
    let expected = match name {
        "bool" => Boolean,
        "int2" => SmallInt,
        "int4" => Integer,
        "int8" => BigInt,
        "oid" => Oid,
        "xid" => Xid,
        "cid" => Cid,
        "xid8" => Xid8,
        "float4" => Real,
        "float8" => DoublePrecision,
        "numeric" => {
            let Numeric(size) = ours else { return false };
            let Some(size) = size else { return modifier < 4 };
            let bits = modifier - 4;
            // `numeric_typmod_scale` of PostgreSQL 15.
            let scale = ((bits & 0x7FF) ^ 1024) - 1024;
            return i64::from(size.precision) == (bits >> 16) & 0xFFFF
                && i64::from(size.scale) == scale;
        }
        "money" => Money,
        "text" | "varchar" | "bpchar" | "name" | "xml" => Text,
        "char" => Char,
        "bytea" => Bytea,
        "date" => Date,
        "time" => Time,
        "timetz" => TimeTz,
        "timestamp" => Timestamp,
        "timestamptz" => TimestampTz,
        "interval" => Interval,
        "uuid" => Uuid,
        "json" => Json,
        "jsonb" => Jsonb,
        "bit" | "varbit" => Bit,
        "int2vector" => Int2Vector,
        "oidvector" => OidVector,
        _ => Other,
    };
    *ours == expected
}

/// The archives of the corpus, each restored without its rows: the columns and types of all tables
/// that the server takes, and if it takes all, the keys.
#[test]
fn restored_tables() {
    let Some(folder) = corpus::folder() else { return };
    let Some(server) = Server::start("restored_tables") else { return };
    server.prepare();
    let mut seen = HashSet::new();
    let mut archives = Vec::new();
    for recorded in corpus::archives(&folder) {
        let Ok(archive) = Archive::open(&recorded.path) else { continue };
        let mut hasher = DefaultHasher::new();
        for entry in archive.entries() {
            (entry.desc().as_bytes(), entry.tag(), entry.defn(), entry.copy_stmt())
                .hash(&mut hasher);
        }
        let has_tables = archive.entries().any(|entry| entry.desc() == Desc::TABLE);
        if has_tables && seen.insert(hasher.finish()) {
            archives.push((recorded.name, archive));
        }
    }
    // A few of each release.
    let stride = if effort::is_endless() { 1 } else { 9 };
    let (mut count, mut tables, mut whole) = (0, 0, 0);
    let mut failures = Vec::new();
    for (name, archive) in archives.iter().step_by(stride) {
        count += 1;
        let database = format!("types{count}");
        let is_whole = restore(&server, archive, &database);
        match Comparison::new(&server, &database, archive, is_whole).check() {
            Ok(compared) => {
                tables += compared;
                whole += usize::from(is_whole);
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
        server.sql(&format!("DROP DATABASE {database} WITH (FORCE)"));
    }
    eprintln!("{count} archives, {whole} of them whole, {tables} tables");
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    assert!(count > 10 && tables > 10 * count && whole * 3 > count, "{count} {tables} {whole}");
}

/// Restores all but the rows; whether all of it was taken.
fn restore(server: &Server, archive: &Archive, database: &str) -> bool {
    let toc = archive.toc();
    let encoding = toc.encoding().unwrap().map_or("SQL_ASCII".into(), String::from_utf8_lossy);
    let is_ascii = encoding == "SQL_ASCII";
    server.create(database, if is_ascii { "SQL_ASCII" } else { "UTF8" });
    let selection = Selection::new().schema_only(true).no_privileges(true).no_policies(true);
    let selection = selection.no_publications(true).no_subscriptions(true).no_security_labels(true);
    let mut selected = selection.apply(toc).unwrap();
    let release = server.release().to_string().parse().unwrap();
    let adapted = Adaptation::new().target(release).apply(&mut selected).unwrap();
    let options = ScriptOptions::new().target(release).no_owner(true).no_tablespaces(true);
    let script = Script::new(RestrictKey::new("key").unwrap()).options(options);
    let file = server.path(&format!("{database}.sql"));
    let out = fs::File::create(&file).unwrap();
    script.write(archive, &adapted.selected(&selected), out).unwrap();
    let loaded = server.output("psql", &["-X", "-q", "-f", &file, "-d", database]);
    let stderr = String::from_utf8_lossy(&loaded.stderr).into_owned();
    let harmless = ["schema \"public\" already exists", "language \"plpgsql\" already exists"];
    stderr
        .lines()
        .filter(|line| line.contains("ERROR:"))
        .all(|line| harmless.iter().any(|harmless| line.contains(harmless)))
}

/// Every type of the server as a column, its array, domains and a composite of all; every modifier;
/// names and defaults that are hard to read; keys and partitions of all kinds.
const MADE: &str = r#"
CREATE SCHEMA s;
CREATE SCHEMA "S. "" x";
CREATE EXTENSION IF NOT EXISTS hstore SCHEMA s;
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;

DO $do$
DECLARE t record; all_types text := ''; domains text := ''; fields text := '';
BEGIN
  FOR t IN SELECT oid, typarray, format_type(oid, -1) AS name FROM pg_type
    WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typcategory <> 'A'
    ORDER BY oid
  LOOP
    all_types := all_types || format(', c%s %s', t.oid, t.name);
    fields := fields || format(', f%s %s', t.oid, t.name);
    IF t.typarray <> 0 THEN
      all_types := all_types || format(', a%s %s', t.oid, format_type(t.typarray, -1));
      fields := fields || format(', g%s %s', t.oid, format_type(t.typarray, -1));
    END IF;
    EXECUTE format('CREATE DOMAIN s.d%s AS %s', t.oid, t.name);
    domains := domains || format(', d%s s.d%s, e%s s.d%s[]', t.oid, t.oid, t.oid, t.oid);
  END LOOP;
  EXECUTE format('CREATE TABLE s.every_type (%s)', substr(all_types, 3));
  EXECUTE format('CREATE TABLE s.every_domain (%s)', substr(domains, 3));
  EXECUTE format('CREATE TYPE s.every_field AS (%s)', substr(fields, 3));
  EXECUTE 'CREATE TABLE s.wide (' || (SELECT string_agg(format('w%s int', n), ', ') FROM generate_series(1, 1600) n) || ')';
  EXECUTE 'CREATE TABLE s.modifiers (' || (
    SELECT string_agg(format('m%s %s, n%s %s[]', n, m, n, m), ', ') FROM unnest(ARRAY[
      'numeric(10,2)', 'numeric(5,-2)', 'numeric(2,5)', 'numeric(1000,0)', 'numeric(38,0)', 'numeric(1000,-1000)',
      'numeric(1,1000)', 'varchar(1)', 'varchar(10485760)', 'char(3)', 'bpchar', 'bit(3)', '"bit"', 'bit varying(5)',
      'timestamp(0)', 'timestamp(6)', 'timestamp(3) with time zone', 'time(2)', 'time(4) with time zone', 'interval(2)',
      'interval year', 'interval month', 'interval day', 'interval hour', 'interval minute', 'interval second',
      'interval second(0)', 'interval year to month', 'interval day to hour', 'interval day to minute',
      'interval day to second(3)', 'interval hour to minute', 'interval hour to second', 'interval minute to second(6)',
      'float(3)', 'float(53)', 's.hstore', 'public.citext', '"char"', 'information_schema.yes_or_no']) WITH ORDINALITY AS u(m, n)) || ')';
END $do$;

CREATE TYPE s.mood AS ENUM ('sad', 'it''s', 'a,b', 'x\y', '"', '', 'größe');
CREATE TYPE s.nothing AS ENUM ();
CREATE TYPE "S. "" x"."In ( valid" AS (a s.mood, "b ""c" s.mood[], "größe" numeric(10,2), d "char");
CREATE TYPE s.empty AS ();
CREATE TYPE s.deep AS (a "S. "" x"."In ( valid", b "S. "" x"."In ( valid"[]);
CREATE TYPE s.fr AS RANGE (subtype = float8, multirange_type_name = s.several);
CREATE TYPE "S. "" x"."text" AS RANGE (subtype = text, collation = "C");
CREATE DOMAIN s.short AS varchar(5) COLLATE "C" DEFAULT 'x' NOT NULL CHECK (VALUE <> 'y');
CREATE DOMAIN s.shorts AS s.short[];
CREATE DOMAIN s.again AS s.shorts;
CREATE DOMAIN s.moody AS s.mood;
CREATE DOMAIN s.boxes AS box[];
CREATE DOMAIN "S. "" x"."integer" AS numeric(7,3);
CREATE TYPE s.base;
CREATE FUNCTION s.base_in(cstring) RETURNS s.base LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION s.base_out(s.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE s.base (INPUT = s.base_in, OUTPUT = s.base_out, LIKE = int4, DELIMITER = '|');
CREATE TABLE s.rows_of (x s.short, y s.deep);
CREATE VIEW s.view_of AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW s.mat_of AS SELECT 1 AS a;
CREATE TABLE s.made (
  a s.mood, b s.mood[], c s.nothing, d "S. "" x"."In ( valid", e s.deep[], f s.empty, g s.fr, h s.several, i s.fr[],
  j "S. "" x"."text", k s.short, l s.shorts, m s.again[], n s.moody[], o s.boxes, p s.boxes[], q s.base, r s.base[],
  s s.rows_of, t s.rows_of[], u s.view_of, v s.mat_of, w "S. "" x"."integer", x box[], y s.every_field, z int4multirange
);
CREATE TABLE s.zero ();
CREATE TABLE "S. "" x"."a,b (
new" (
  "COLLATE" int, "NOT NULL" text DEFAULT ');,'' NOT NULL'::text NOT NULL, "new
line" text COLLATE "C" DEFAULT CASE WHEN random() > 0 THEN 'a' ELSE NULL END, "größe" text[] DEFAULT ARRAY['a,b', ')'],
  "a.b" int DEFAULT (1 + 2) CHECK ("a.b" > 0), """" text DEFAULT $$it's "q" \$$, ",)" int NOT NULL, "default" text DEFAULT NULL,
  "CHECK" date DEFAULT now(), exclude int, "like" int, generated int, options int, "with" int, period tsrange, storage int,
  compression int, dropped int, last int
);
ALTER TABLE "S. "" x"."a,b (
new" DROP COLUMN dropped;
COMMENT ON TABLE "S. "" x"."a,b (
new" IS 'it''s; \ "all"';
COMMENT ON COLUMN "S. "" x"."a,b (
new"."a.b" IS 'a column';

CREATE TABLE s.parent (id int NOT NULL, b text, CONSTRAINT positive CHECK (id > 0));
CREATE TABLE s.other_parent (z int DEFAULT 5, b text);
CREATE TABLE s.child (c date, b text DEFAULT 'own') INHERITS (s.parent, s.other_parent);
CREATE TABLE s.grandchild () INHERITS (s.child);
ALTER TABLE s.parent ADD COLUMN later numeric(4,1);
ALTER TABLE s.grandchild ALTER COLUMN c SET NOT NULL;
CREATE TYPE s.of AS (a int, "B" text, c s.short);
CREATE TABLE s.typed OF s.of (a WITH OPTIONS PRIMARY KEY, "B" DEFAULT 'x' NOT NULL);
CREATE TABLE s.typed_plainly OF s.of;
CREATE TABLE s.generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED NOT NULL, c int GENERATED ALWAYS AS IDENTITY,
  d bigint GENERATED BY DEFAULT AS IDENTITY (START 7), e serial);
CREATE UNLOGGED TABLE s.unlogged (a int) WITH (fillfactor = 70);

CREATE TABLE s.keyed (a int, b text, c int, during tsrange, PRIMARY KEY (b, a) INCLUDE (c), UNIQUE (c), UNIQUE (a) DEFERRABLE,
  CONSTRAINT "un,ique" UNIQUE NULLS NOT DISTINCT (a, c), EXCLUDE USING gist (during WITH &&),
  CONSTRAINT ex EXCLUDE (c WITH =, lower(b) WITH =) WHERE (a > 0), me int, mine text,
  CONSTRAINT self FOREIGN KEY (mine, me) REFERENCES s.keyed);
CREATE UNIQUE INDEX ix ON s.keyed (a, lower(b)) WHERE c IS NOT NULL;
CREATE UNIQUE INDEX iy ON s.keyed (b COLLATE "C" text_pattern_ops DESC NULLS LAST, a) INCLUDE (c);
CREATE UNIQUE INDEX iz ON s.keyed ((a + c), b);
CREATE INDEX plain ON s.keyed (c);
CREATE TABLE s.referring (k int, l text, FOREIGN KEY (l, k) REFERENCES s.keyed MATCH FULL ON DELETE CASCADE,
  x int CONSTRAINT "x,fk" REFERENCES s.keyed (c) DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE s.referring ADD CHECK (k > 0) NOT VALID;
ALTER TABLE s.referring ADD CONSTRAINT whole CHECK (referring IS NOT NULL) NO INHERIT;

CREATE TABLE s.root (a int, b date, "K k" text, CONSTRAINT c CHECK (a > 0), PRIMARY KEY (b, a)) PARTITION BY RANGE (b, a);
CREATE TABLE s.middle PARTITION OF s.root FOR VALUES FROM ('2020-01-01', 0) TO ('2021-01-01', 0) PARTITION BY LIST (a);
CREATE TABLE s.leaf ("K k" text DEFAULT 'x', extra int, a int NOT NULL, b date NOT NULL, CONSTRAINT c CHECK (a > 0), CHECK (a < 9));
ALTER TABLE s.leaf DROP COLUMN extra;
ALTER TABLE s.middle ATTACH PARTITION s.leaf FOR VALUES IN (1);
CREATE TABLE s.rest PARTITION OF s.root DEFAULT;
CREATE TABLE s.by_expression (a int, b text) PARTITION BY HASH (lower(b), a);
CREATE TABLE s.hashed PARTITION OF s.by_expression FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE s.to_root (a int, b date, FOREIGN KEY (b, a) REFERENCES s.root);
ALTER TABLE s.root ADD CONSTRAINT up FOREIGN KEY (a) REFERENCES s.keyed (c);

CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE s.far (a int OPTIONS (column_name 'NOT NULL, x'), b s.mood NOT NULL, CONSTRAINT f CHECK (a > 0)) SERVER nowhere OPTIONS (x 'y, ()');
"#;

/// Options of pg_dump, and of the session.
const DUMPS: &[(&str, &str)] = &[
    ("-Fc", ""),
    ("-Fc --quote-all-identifiers", ""),
    ("-Fc --inserts", ""),
    ("-Fc --load-via-partition-root", ""),
    ("-Fc", "-c standard_conforming_strings=off"),
    ("-Fc --schema-only --binary-upgrade", ""),
    ("-Fc -E LATIN1", ""),
];

#[test]
fn every_type() {
    let Some(server) = Server::start("every_type") else { return };
    if server.release() < 15 {
        effort::skipped("older servers than 15 do not have all that is made here");
        return;
    }
    server.create("made", "UTF8");
    let file = server.path("made.sql");
    fs::write(&file, MADE).unwrap();
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &file, "-d", "made"]);
    // Characters of two bytes, the second of which is a backslash.
    server.create("japan", "UTF8");
    server.client("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "japan", "-c",
        "CREATE TYPE \"ソ\" AS ENUM ('表', 'ソ''\\', 'x'); CREATE TABLE \"予\" (\"能表\" \"ソ\"[] DEFAULT '{表}',
         b text DEFAULT '表' NOT NULL, c \"ソ\" CHECK (c <> 'x')); COMMENT ON TABLE \"予\" IS '表'"]);
    let japan = ["SJIS", "GB18030"].map(|encoding| (format!("-Fc -E {encoding}"), "japan"));
    let settings = ["", "-c standard_conforming_strings=off"];
    let made = DUMPS.iter().map(|(options, setting)| (options.to_string(), *setting, "made"));
    let japan = japan.iter().flat_map(|(options, database)| {
        settings.iter().map(|setting| (options.clone(), *setting, *database))
    });
    let mut failures = Vec::new();
    for (n, (options, setting, database)) in made.chain(japan).enumerate() {
        let path = server.path(&format!("{n}.dump"));
        let mut dump = server.command("pg_dump");
        dump.env("PGOPTIONS", setting).args([
            "-h",
            &server.path(""),
            "-U",
            "postgres",
            "-f",
            &path,
        ]);
        let dump = dump.args(options.split(' ')).arg(database).output().unwrap();
        let stderr = String::from_utf8_lossy(&dump.stderr);
        assert!(dump.status.success(), "{options}: {stderr}");
        if server.root {
            pgdmp_testkit::server::run(&mut std::process::Command::new("chmod"), &["a+r", &path]);
        }
        let archive = Archive::open(&path).unwrap();
        let is_made = database == "made";
        match Comparison::new(&server, database, &archive, true).check() {
            Ok(count) => assert!(count >= if is_made { 25 } else { 1 }, "{count}"),
            Err(error) => failures.push(format!("{options} {setting} {database}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));

    // What has data only has the columns of another archive.
    let (data, all) = (server.path("data.dump"), server.path("0.dump"));
    server.client("pg_dump", &["-Fc", "-a", "-f", &data, "-d", "made"]);
    if server.root {
        pgdmp_testkit::server::run(&mut std::process::Command::new("chmod"), &["a+r", &data]);
    }
    let (data, all) = (Archive::open(&data).unwrap(), Archive::open(&all).unwrap());
    let (alone, whole) = (Definitions::new(data.toc()), Definitions::new(all.toc()));
    let with_other = Definitions::new(data.toc()).with(all.toc());
    let mut count = 0;
    for entry in data.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
        let name = entry.tag().unwrap();
        let same = all.toc().find(Desc::TABLE_DATA, entry.namespace(), name).unwrap();
        assert_eq!(with_other.columns(entry).unwrap(), whole.columns(same).unwrap());
        assert_eq!(with_other.keys(entry).unwrap(), whole.keys(same).unwrap());
        assert!(alone.columns(entry).unwrap().untyped.is_some());
        count += 1;
    }
    assert!(count > 20, "{count}");
}
