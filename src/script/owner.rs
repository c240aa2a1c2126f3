//! `ALTER … OWNER TO`.

use super::{Purpose, Run};
use crate::error::{Error, Result};
use crate::toc::{Desc, TocEntry};

/// How objects of a kind are named in `ALTER … OWNER TO`.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    /// By kind, schema and name.
    ByName,
    /// As in the statement that drops it, which knows its arguments.
    AsDropped,
    LargeObject,
    LargeObjects,
    /// It has no owner of its own.
    Never,
    Unknown,
}

fn named(desc: Desc<'_>) -> Named {
    match desc.as_bytes() {
        b"COLLATION"
        | b"CONVERSION"
        | b"DATABASE"
        | b"DOMAIN"
        | b"EVENT TRIGGER"
        | b"FOREIGN DATA WRAPPER"
        | b"FOREIGN TABLE"
        | b"MATERIALIZED VIEW"
        | b"PROCEDURAL LANGUAGE"
        | b"PUBLICATION"
        | b"SCHEMA"
        | b"SEQUENCE"
        | b"SERVER"
        | b"STATISTICS"
        | b"SUBSCRIPTION"
        | b"TABLE"
        | b"TEXT SEARCH CONFIGURATION"
        | b"TEXT SEARCH DICTIONARY"
        | b"TYPE"
        | b"VIEW" => Named::ByName,
        b"AGGREGATE" | b"FUNCTION" | b"OPERATOR" | b"OPERATOR CLASS" | b"OPERATOR FAMILY"
        | b"PROCEDURE" => Named::AsDropped,
        b"BLOB" => Named::LargeObject,
        b"BLOB METADATA" => Named::LargeObjects,
        b"CAST"
        | b"CHECK CONSTRAINT"
        | b"CONSTRAINT"
        | b"DATABASE PROPERTIES"
        | b"DEFAULT"
        | b"FK CONSTRAINT"
        | b"INDEX"
        | b"POLICY"
        | b"ROW SECURITY"
        | b"RULE"
        | b"TRIGGER"
        | b"USER MAPPING" => Named::Never,
        _ => Named::Unknown,
    }
}

/// Whether pg_restore knows what to do with the owner of such an entry that can be dropped.
pub(crate) fn may_have_owner(desc: Desc<'_>) -> bool {
    named(desc) != Named::Unknown
}

impl Run<'_> {
    /// Gives an object to its owner.
    pub(super) fn alter_owner(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        if self.options.no_owner {
            return Ok(());
        }
        if self.options.use_set_session_authorization {
            // Its owner made it, unless it was there and its definition is but a comment.
            let defn = entry.defn().unwrap_or_default();
            if entry.desc() != Desc::SCHEMA || !defn.starts_with(b"--") {
                return Ok(());
            }
        }
        let owner = entry.owner().unwrap_or_default();
        let drop = entry.drop_stmt().unwrap_or_default();
        // What cannot be dropped is no object.
        if owner.is_empty() || drop.is_empty() {
            return Ok(());
        }
        let desc = entry.desc();
        let named = named(desc);
        if named == Named::Never {
            return Ok(());
        }
        let mut sql = self.sql();
        sql.put("ALTER ");
        match named {
            Named::Never => {}
            Named::Unknown => {
                return Err(Error::malformed(format!(
                    "don't know how to set owner for object type \"{desc}\""
                )));
            }
            Named::LargeObjects => {
                let mut end = self.sql();
                end.put(" OWNER TO ").identifier(owner);
                let begin = b"ALTER LARGE OBJECT ";
                return self.each_large_object(entry, Purpose::Owner, entry, begin, &end.text);
            }
            Named::ByName => {
                sql.put(desc.as_bytes()).put(" ").qualified(entry);
            }
            Named::LargeObject => {
                sql.put("LARGE OBJECT ").put(entry.tag().unwrap_or_default());
            }
            Named::AsDropped => {
                let name = drop.get("DROP ".len()..).unwrap_or_default();
                let Some(end) = name.iter().rposition(|byte| !matches!(byte, b';' | b'\n')) else {
                    return Ok(());
                };
                sql.put(&name[..=end]);
            }
        }
        sql.put(" OWNER TO ").identifier(owner).put(";\n");
        self.send(Some(entry), Purpose::Owner, sql, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        assert_eq!(named(Desc::TABLE), Named::ByName);
        assert_eq!(named(Desc::FUNCTION), Named::AsDropped);
        assert_eq!(named(Desc(b"TRANSFORM")), Named::Unknown);
    }
}
