//! One entry: heading, definition, owner.

use super::heading::{Heading, Part, one_line};
use super::{Purpose, Run, Step, large_objects};
use crate::error::Result;
use crate::toc::{Definition, Desc, TocEntry};

impl Run<'_> {
    /// Restores an entry, without its data.
    pub(super) fn print(&mut self, entry: &TocEntry<'_>, part: Part) -> Result<()> {
        self.become_owner(entry)?;
        self.select_schema(entry, entry.namespace())?;
        self.select_tablespace(entry)?;
        self.select_access_method(entry)?;
        self.step(&Step::Heading(Heading {
            entry: *entry,
            part,
            verbose: self.options.verbose.is_some(),
            no_owner: self.options.no_owner,
            no_tablespaces: self.options.no_tablespaces,
        }))?;
        self.define(entry)?;
        self.alter_owner(entry)?;
        self.alter_access_method(entry)?;
        if entry.desc().is_acl() {
            self.state.forget_user();
        }
        Ok(())
    }

    fn define(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let desc = entry.desc();
        let defn = entry.defn().unwrap_or_default();
        if self.options.no_owner && desc == Desc::SCHEMA && !defn.starts_with(b"--") {
            // The definition would name the owner.
            let mut sql = self.sql();
            sql.put("CREATE SCHEMA ").identifier(entry.tag().unwrap_or_default()).put(";\n");
            return self.send(Some(entry), Purpose::Definition, sql, 2);
        }
        if desc == Desc::BLOB_METADATA {
            let (begin, end) = (b"SELECT pg_catalog.lo_create('", b"')");
            return self.each_large_object(entry, Purpose::Definition, entry, begin, end);
        }
        if desc == Desc::ACL && large_objects::is_grouped_acl(entry) {
            return self.grouped_acl(entry);
        }
        if defn.is_empty() {
            return Ok(());
        }
        if entry.definition() == Definition::ViaPartitionRoot {
            // A comment with the name of a table. An old pg_dump put it there as it was, and
            // what is behind a line end in it would be a command.
            let (text, end) = match defn {
                [text @ .., b'\n'] => (text, b"\n\n\n".as_slice()),
                text => (text, b"\n\n".as_slice()),
            };
            let mut comment = text.to_vec();
            one_line(&mut comment);
            comment.extend_from_slice(end);
            self.step(&Step::Comment(&comment))?;
        } else {
            let purpose = if desc.is_acl() { Purpose::Privileges } else { Purpose::Definition };
            self.statement(Some(entry), purpose, defn, 2)?;
        }
        if !matches!(desc, Desc::FUNCTION | Desc::PROCEDURE) {
            self.count_statements(defn);
        }
        Ok(())
    }
}
