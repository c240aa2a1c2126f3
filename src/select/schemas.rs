//! Schemas that a restore needs and does not make.

use std::collections::BTreeMap;

use super::Selected;
use crate::sql::tokens;
use crate::toc::{Desc, TocEntry};

impl<'a> Selected<'a> {
    /// The schemas that must exist before the restore: selected entries go into them, and no
    /// selected entry creates them. Each comes with the first entry that goes into it.
    ///
    /// Extensions also go into schemas. `public` and the system's schemas always exist and are not
    /// included.
    ///
    /// ```
    /// let archive = pgdmp::Archive::open("fixtures/cases/shop.dump")?;
    /// let selected = pgdmp::Selection::new().apply(archive.toc())?;
    /// let missing = selected.schemas_not_made();
    /// assert_eq!(missing.keys().map(Vec::as_slice).collect::<Vec<_>>(), [b"heroku_ext"]);
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    pub fn schemas_not_made(&self) -> BTreeMap<Vec<u8>, TocEntry<'a>> {
        let mut needed = BTreeMap::new();
        for entry in self.entries() {
            if let Some(schema) = schema_of(entry) {
                needed.entry(schema).or_insert(entry);
            }
        }
        for schema in self.entries().filter(|entry| entry.desc() == Desc::SCHEMA) {
            if self.decision(&schema).wanted.schema {
                needed.remove(schema.tag().unwrap_or_default());
            }
        }
        needed.retain(|schema, _| {
            !schema.starts_with(b"pg_")
                && !matches!(&schema[..], b"" | b"public" | b"information_schema")
        });
        needed
    }
}

/// The schema that the restore of an entry needs.
fn schema_of(entry: TocEntry<'_>) -> Option<Vec<u8>> {
    if entry.desc() != *"EXTENSION" {
        return entry.namespace().map(<[u8]>::to_vec);
    }
    // CREATE EXTENSION IF NOT EXISTS x WITH SCHEMA y;
    let tokens = tokens(entry.defn()?, true);
    let word = tokens.iter().position(|token| token.is("SCHEMA"))?;
    tokens.get(word + 1)?.name()
}
