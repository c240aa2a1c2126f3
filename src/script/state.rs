//! What the session has been set to so far, and the `SET` that an entry needs before it.

use super::{Purpose, Run};
use crate::error::Result;
use crate::sql::literal;
use crate::toc::TocEntry;

/// Settings that the restore made. `None`: whatever the session had.
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
    /// After privileges were granted, as the role that had to grant them.
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

impl Run<'_> {
    /// Lets the owner of an entry make what follows, if that is how owners are set.
    pub(super) fn become_owner(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        if !self.options.use_set_session_authorization || self.options.no_owner {
            return Ok(());
        }
        self.become_user(entry, entry.owner().unwrap_or_default())
    }

    /// Lets a role do what follows; an empty name stands for the user that runs the restore.
    pub(super) fn become_user(&mut self, entry: &TocEntry<'_>, user: &[u8]) -> Result<()> {
        if !changed(&mut self.state.user, user) {
            return Ok(());
        }
        let mut sql = self.sql();
        sql.put("SET SESSION AUTHORIZATION ");
        if user.is_empty() {
            sql.put("DEFAULT");
        } else {
            let session = &self.session;
            literal(user, session.literal_encoding, session.std_strings, &mut sql.text);
        }
        sql.put(";\n");
        let value = Some(user);
        self.send(Some(entry), Purpose::Setting { name: "session_authorization", value }, sql, 1)
    }

    /// Makes a schema the current one, in archives that do not set an empty search path.
    pub(super) fn select_schema(
        &mut self,
        entry: &TocEntry<'_>,
        schema: Option<&[u8]>,
    ) -> Result<()> {
        let schema = schema.unwrap_or_default();
        if self.session.search_path.is_some()
            || schema.is_empty()
            || !changed(&mut self.state.schema, schema)
        {
            return Ok(());
        }
        let mut sql = self.sql();
        sql.put("SET search_path = ").identifier(schema);
        sql.put(if schema == b"pg_catalog" { ";\n" } else { ", pg_catalog;\n" });
        let value = Some(schema);
        self.send(Some(entry), Purpose::Setting { name: "search_path", value }, sql, 1)
    }

    /// Lets the next table or index go to a tablespace.
    pub(super) fn select_tablespace(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let Some(tablespace) = entry.tablespace() else { return Ok(()) };
        if self.options.no_tablespaces || !changed(&mut self.state.tablespace, tablespace) {
            return Ok(());
        }
        let mut sql = self.sql();
        sql.put("SET default_tablespace = ");
        if tablespace.is_empty() {
            sql.put("''");
        } else {
            sql.identifier(tablespace);
        }
        sql.put(";\n");
        let value = Some(tablespace);
        self.send(Some(entry), Purpose::Setting { name: "default_tablespace", value }, sql, 1)
    }

    /// Lets the next table have an access method. A partitioned table has no storage that could;
    /// what its partitions shall have is said behind its definition.
    pub(super) fn select_access_method(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let Some(method) = entry.table_am() else { return Ok(()) };
        if self.options.no_table_access_method
            || entry.relkind() == PARTITIONED_TABLE
            || !changed(&mut self.state.access_method, method)
        {
            return Ok(());
        }
        let mut sql = self.sql();
        sql.put("SET default_table_access_method = ").identifier(method).put(";\n");
        let (name, value) = ("default_table_access_method", Some(method));
        self.send(Some(entry), Purpose::Setting { name, value }, sql, 1)
    }

    /// Says which access method the partitions of a table shall have.
    pub(super) fn alter_access_method(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let Some(method) = entry.table_am() else { return Ok(()) };
        if self.options.no_table_access_method || entry.relkind() != PARTITIONED_TABLE {
            return Ok(());
        }
        let mut sql = self.sql();
        sql.put("ALTER TABLE ").qualified(entry);
        sql.put(" SET ACCESS METHOD ").identifier(method).put(";\n");
        self.send(Some(entry), Purpose::AccessMethod, sql, 1)
    }
}
