//! Tables that are there before a restore makes them.

use std::collections::HashMap;

use pgdmp::script::ScriptOptions;
use pgdmp::select::Selected;
use pgdmp::{Desc, DumpId};

use crate::backend::rows;
use crate::fatal::Fatal;
use crate::session::Session;

/// The tables that a restore makes, by schema and name.
#[derive(Debug)]
pub(crate) struct Tables {
    tables: HashMap<(Vec<u8>, Vec<u8>), DumpId>,
    /// The encoding of their names.
    encoding: String,
}

impl Tables {
    pub(crate) fn new(selected: &Selected<'_>, script: &ScriptOptions) -> Self {
        // What is dropped first is not there when its turn comes.
        let drops = script.is_clean();
        let tables = selected.all().filter(|(entry, decision)| {
            !drops && entry.desc() == Desc::TABLE && decision.wanted.schema
        });
        let tables = tables.map(|(entry, _)| {
            let [schema, name] = [entry.namespace(), entry.tag()];
            let key = (schema.unwrap_or_default().to_vec(), name.unwrap_or_default().to_vec());
            (key, entry.dump_id())
        });
        let tables = tables.collect();
        let encoding = selected.toc().encoding().ok().flatten().unwrap_or(b"SQL_ASCII");
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'-';
        let encoding =
            encoding.iter().filter(|byte| is_name(byte)).map(|b| char::from(*b)).collect();
        Tables { tables, encoding }
    }

    pub(crate) fn all(&self) -> Vec<DumpId> {
        self.tables.values().copied().collect()
    }

    /// Those that are there now: something has their names. They are never taken for tables that
    /// the restore has made, and so are never emptied.
    pub(crate) fn existing(&self, session: &mut dyn Session) -> Result<Vec<DumpId>, Fatal> {
        if self.tables.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SET client_encoding = '{}'; SELECT n.nspname, c.relname FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname <> 'pg_catalog' AND c.relkind NOT IN ('i', 'I', 't')",
            self.encoding
        );
        let mut existing = Vec::new();
        for row in rows(session, &sql)? {
            let [Some(schema), Some(name)] = &row[..] else { continue };
            existing.extend(self.tables.get(&(schema.clone(), name.clone())));
        }
        Ok(existing)
    }
}
