//! What the script has set so far, and the `SET` that an entry needs before it.

use super::Writer;
use crate::sql;
use crate::toc::TocEntry;

/// Settings that the script made. `None`: whatever the session had.
///
/// Nothing is ever set back: an entry that does not care gets what the one before it needed.
#[derive(Debug, Default)]
pub(super) struct State {
    user: Option<Vec<u8>>,
    schema: Option<Vec<u8>>,
    tablespace: Option<Vec<u8>>,
    access_method: Option<Vec<u8>>,
}

impl State {
    /// After privileges were granted, as whoever had to.
    pub(super) fn forget_user(&mut self) {
        self.user = None;
    }

    /// After schemas were dropped.
    pub(super) fn forget_schema(&mut self) {
        self.schema = None;
    }
}

/// Notes a setting; says whether it is a new one.
fn changed(setting: &mut Option<Vec<u8>>, value: &[u8]) -> bool {
    if setting.as_deref() == Some(value) {
        return false;
    }
    *setting = Some(value.to_vec());
    true
}

/// `pg_class.relkind` of a partitioned table.
const PARTITIONED_TABLE: i32 = b'p' as i32;

impl Writer<'_> {
    /// Lets the owner of an entry make what follows, if that is how owners are set.
    pub(super) fn become_owner(&mut self, entry: &TocEntry<'_>) {
        if self.options.use_set_session_authorization && !self.options.no_owner {
            self.become_user(entry.owner().unwrap_or_default());
        }
    }

    /// Lets a role do what follows; an empty name stands for whoever runs the script.
    pub(super) fn become_user(&mut self, user: &[u8]) {
        if !changed(&mut self.state.user, user) {
            return;
        }
        self.out.put("SET SESSION AUTHORIZATION ");
        if user.is_empty() {
            self.out.put("DEFAULT");
        } else {
            sql::literal(
                user,
                self.session.literal_encoding,
                self.session.std_strings,
                &mut self.out.text,
            );
        }
        self.out.put(";\n\n");
    }

    /// Makes a schema the current one, in archives that do not set an empty search path.
    pub(super) fn select_schema(&mut self, schema: Option<&[u8]>) {
        let schema = schema.unwrap_or_default();
        if self.session.search_path.is_some()
            || schema.is_empty()
            || !changed(&mut self.state.schema, schema)
        {
            return;
        }
        self.out.put("SET search_path = ");
        self.put_identifier(schema);
        if schema != b"pg_catalog" {
            self.out.put(", pg_catalog");
        }
        self.out.put(";\n\n");
    }

    /// Lets the next table or index go to a tablespace.
    pub(super) fn select_tablespace(&mut self, entry: &TocEntry<'_>) {
        let Some(tablespace) = entry.tablespace() else { return };
        if self.options.no_tablespaces || !changed(&mut self.state.tablespace, tablespace) {
            return;
        }
        self.out.put("SET default_tablespace = ");
        if tablespace.is_empty() {
            self.out.put("''");
        } else {
            self.put_identifier(tablespace);
        }
        self.out.put(";\n\n");
    }

    /// Lets the next table have an access method. A partitioned table has no storage that could;
    /// what its partitions shall have is said behind its definition.
    pub(super) fn select_access_method(&mut self, entry: &TocEntry<'_>) {
        let Some(method) = entry.table_am() else { return };
        if self.options.no_table_access_method
            || entry.relkind() == PARTITIONED_TABLE
            || !changed(&mut self.state.access_method, method)
        {
            return;
        }
        self.out.put("SET default_table_access_method = ");
        self.put_identifier(method);
        self.out.put(";\n\n");
    }

    /// Says which access method the partitions of a table shall have.
    pub(super) fn alter_access_method(&mut self, entry: &TocEntry<'_>) {
        let Some(method) = entry.table_am() else { return };
        if self.options.no_table_access_method || entry.relkind() != PARTITIONED_TABLE {
            return;
        }
        self.out.put("ALTER TABLE ");
        self.put_qualified(entry);
        self.out.put(" SET ACCESS METHOD ");
        self.put_identifier(method);
        self.out.put(";\n\n");
    }

    pub(super) fn put_identifier(&mut self, name: &[u8]) {
        sql::identifier(name, self.session.quote_encoding, &mut self.out.text);
    }

    /// An entry's tag, behind its schema if it has one.
    pub(super) fn put_qualified(&mut self, entry: &TocEntry<'_>) {
        if let Some(schema) = entry.namespace().filter(|schema| !schema.is_empty()) {
            self.put_identifier(schema);
            self.out.put(".");
        }
        self.put_identifier(entry.tag().unwrap_or_default());
    }
}
