//! Objects that are there before a restore makes them.

use std::collections::HashMap;

use pgdmp::script::ScriptOptions;
use pgdmp::select::Selected;
use pgdmp::{Desc, DumpId, TocEntry};

use crate::backend::rows;
use crate::fatal::Fatal;
use crate::session::Session;

/// What has a name of its own: tables and whatever else has no name of a table, functions, types,
/// schemas, databases.
const KINDS: &[(&str, &[Desc])] = &[
    (
        "r",
        &[
            Desc::TABLE,
            Desc::VIEW,
            Desc::MATERIALIZED_VIEW,
            Desc::FOREIGN_TABLE,
            Desc::SEQUENCE,
            Desc::INDEX,
        ],
    ),
    ("f", &[Desc::FUNCTION, Desc::PROCEDURE, Desc::AGGREGATE]),
    ("t", &[Desc::TYPE, Desc::DOMAIN]),
    ("n", &[Desc::SCHEMA]),
    ("d", &[Desc::DATABASE]),
];

/// What belongs to a table, and has no name outside of it.
const OF_TABLES: &[Desc] = &[
    Desc::CONSTRAINT,
    Desc::CHECK_CONSTRAINT,
    Desc::FK_CONSTRAINT,
    Desc::TRIGGER,
    Desc::RULE,
    Desc::POLICY,
];

/// Kind, schema and name.
type Name = (&'static str, Vec<u8>, Vec<u8>);

/// The objects that a restore makes, by kind, schema and name.
#[derive(Debug)]
pub(crate) struct Objects {
    objects: HashMap<Name, DumpId>,
    /// What belongs to tables.
    of_tables: HashMap<DumpId, Vec<DumpId>>,
    /// The encoding of their names.
    encoding: String,
}

impl Objects {
    pub(crate) fn new(selected: &Selected<'_>, script: &ScriptOptions) -> Self {
        // What is dropped first is not there when its turn comes.
        let drops = script.is_clean();
        let made = || {
            let all = selected.all().filter(|(_, decision)| !drops && decision.wanted.schema);
            all.map(|(entry, _)| entry)
        };
        let objects = made().filter_map(|entry| Some((name(&entry)?, entry.dump_id()))).collect();
        let mut of_tables: HashMap<DumpId, Vec<DumpId>> = HashMap::new();
        for entry in made().filter(|entry| OF_TABLES.contains(&entry.desc())) {
            for need in entry.dependencies() {
                of_tables.entry(*need).or_default().push(entry.dump_id());
            }
        }
        let encoding = selected.toc().encoding().ok().flatten().unwrap_or(b"SQL_ASCII");
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
        let encoding =
            encoding.iter().filter(|byte| is_name(byte)).map(|b| char::from(*b)).collect();
        Objects { objects, of_tables, encoding }
    }

    pub(crate) fn all(&self) -> Vec<DumpId> {
        self.with_what_belongs(self.objects.values().copied().collect())
    }

    /// Has a session take names in their encoding.
    pub(crate) fn set_encoding(&self) -> String {
        format!("SET client_encoding = '{}';", self.encoding)
    }

    /// Those that are there now: something has their names. They are never taken for what the
    /// restore has made; so tables are never emptied. `databases`: whether that holds for databases,
    /// too.
    pub(crate) fn existing(
        &self,
        session: &mut dyn Session,
        databases: bool,
    ) -> Result<Vec<DumpId>, Fatal> {
        if self.objects.is_empty() {
            return Ok(Vec::new());
        }
        let named = |kind: &str, name: &str, from: &str| {
            format!(
                "SELECT '{kind}'::pg_catalog.text, n.nspname, o.{name} FROM pg_catalog.{from} \
                 AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
            )
        };
        let join = "JOIN pg_catalog.pg_namespace n ON n.oid =";
        let mut queries = vec![
            named(
                "r",
                "relname",
                &format!("pg_class o {join} o.relnamespace AND o.relkind <> 't'"),
            ),
            named("f", "proname", &format!("pg_proc o {join} o.pronamespace")),
            named("t", "typname", &format!("pg_type o {join} o.typnamespace")),
            "SELECT 'n', '', nspname FROM pg_catalog.pg_namespace".to_owned(),
        ];
        if databases {
            queries.push("SELECT 'd', '', datname FROM pg_catalog.pg_database".to_owned());
        }
        let sql = format!("{} {}", self.set_encoding(), queries.join(" UNION ALL "));
        let mut existing = Vec::new();
        for row in rows(session, &sql)? {
            let [Some(kind), Some(schema), Some(name)] = &row[..] else { continue };
            let Some((kind, _)) = KINDS.iter().find(|(of, _)| of.as_bytes() == kind) else {
                continue;
            };
            existing.extend(self.objects.get(&(*kind, schema.clone(), name.clone())));
        }
        Ok(self.with_what_belongs(existing))
    }

    fn with_what_belongs(&self, mut objects: Vec<DumpId>) -> Vec<DumpId> {
        let of_tables = objects.iter().filter_map(|object| self.of_tables.get(object));
        let more: Vec<DumpId> = of_tables.flatten().copied().collect();
        objects.extend(more);
        objects.sort_unstable();
        objects.dedup();
        objects
    }
}

/// The name of what an entry makes, if it has one of its own.
fn name(entry: &TocEntry<'_>) -> Option<Name> {
    let (kind, _) = KINDS.iter().find(|(_, descs)| descs.contains(&entry.desc()))?;
    let mut name = entry.tag().unwrap_or_default();
    if *kind == "f" {
        // The types of its parameters follow.
        name = name.split(|byte| *byte == b'(').next().unwrap_or(name);
    }
    let schema = match *kind {
        "n" | "d" => b"",
        _ => entry.namespace().unwrap_or_default(),
    };
    Some((kind, schema.to_vec(), name.to_vec()))
}
