//! The data of tables.

use super::feed::DataFeed;
use super::rows::Rows;
use super::{Event, Outcome, Purpose, Run, Step};
use crate::error::{Error, Result};
use crate::toc::{Definition, TocEntry};

impl Run<'_> {
    /// Restores the data of a table: COPY and rows, or INSERT statements, as pg_dump wrote them.
    pub(super) fn table_data(
        &mut self,
        entry: &TocEntry<'_>,
        feed: &mut dyn DataFeed,
    ) -> Result<()> {
        let triggers = self.options.disable_triggers && !self.wants_schema;
        if triggers {
            self.tell(Event::DisablingTriggers(*entry))?;
            self.triggers(entry, " DISABLE TRIGGER ALL;\n")?;
        }
        self.become_owner(entry)?;
        self.select_schema(entry, entry.namespace())?;
        self.tell(Event::ProcessingData(*entry))?;
        let copy = entry.copy_stmt().filter(|copy| !copy.is_empty());
        let empties = self.empties && !self.is_via_root(entry, copy);
        if empties {
            self.step(&Step::Begin)?;
            let mut sql = self.sql();
            sql.put("TRUNCATE TABLE ONLY ").qualified(entry).put(";\n");
            self.send(Some(entry), Purpose::Truncate, sql, 1)?;
        }
        match copy {
            Some(copy) => self.copy(entry, copy, feed)?,
            None => self.inserts(entry, feed)?,
        }
        if empties {
            self.step(&Step::Commit)?;
        }
        if triggers {
            self.tell(Event::EnablingTriggers(*entry))?;
            self.triggers(entry, " ENABLE TRIGGER ALL;\n")?;
        }
        Ok(())
    }

    /// Whether the rows go to another table, which finds out where they belong.
    fn is_via_root(&mut self, entry: &TocEntry<'_>, copy: Option<&[u8]>) -> bool {
        if entry.definition() == Definition::ViaPartitionRoot {
            return true;
        }
        let Some(copy) = copy else { return false };
        let mut sql = self.sql();
        sql.put("COPY ").qualified(entry).put(" ");
        let other = !copy.starts_with(&sql.text);
        self.scratch = sql.text;
        other
    }

    /// COPY, unless the server refuses it.
    fn copy(
        &mut self,
        entry: &TocEntry<'_>,
        statement: &[u8],
        feed: &mut dyn DataFeed,
    ) -> Result<()> {
        if self.copy_once(entry, statement, feed)? && self.copy_once(entry, statement, feed)? {
            return Err(Error::usage("the sink wants the rows a third time"));
        }
        Ok(())
    }

    /// Says whether the sink wants the rows again.
    fn copy_once(
        &mut self,
        entry: &TocEntry<'_>,
        statement: &[u8],
        feed: &mut dyn DataFeed,
    ) -> Result<bool> {
        if !self.try_step(&Step::CopyBegin { entry: *entry, statement })? {
            feed.skip(*entry);
            return Ok(false);
        }
        let errors = self.report.errors;
        let mut rows = self.sink.rows_alone().then(Rows::new);
        let complaints = feed.data(*entry, &mut |piece| match &mut rows {
            None => self.try_step(&Step::CopyData(piece)),
            Some(rows) => rows.piece(piece, &mut |piece| self.try_step(&Step::CopyData(piece))),
        })?;
        if let Some(rows) = rows.filter(|_| self.report.errors == errors) {
            rows.finish(&mut |piece| self.try_step(&Step::CopyData(piece)))?;
        }
        if self.report.errors == errors {
            match self.sink.step(&Step::CopyEnd { entry: *entry })? {
                Outcome::Done => {}
                Outcome::Failed(errors) => self.report.errors += errors,
                Outcome::Again => return Ok(true),
            }
        }
        self.complain(&complaints)?;
        Ok(false)
    }

    /// Statements that are stored as data. If one fails, the others do not.
    pub(super) fn inserts(&mut self, entry: &TocEntry<'_>, feed: &mut dyn DataFeed) -> Result<()> {
        self.step(&Step::InsertBegin { entry: *entry })?;
        let complaints = feed.data(*entry, &mut |piece| {
            self.step(&Step::InsertData(piece))?;
            Ok(true)
        })?;
        self.step(&Step::InsertEnd { entry: *entry })?;
        self.complain(&complaints)
    }

    /// Warns of what is wrong with data.
    pub(super) fn complain(&mut self, complaints: &[Error]) -> Result<()> {
        complaints.iter().try_for_each(|complaint| self.tell(Event::DamagedData(complaint)))
    }

    /// Only a superuser may do that with the triggers of foreign keys.
    fn triggers(&mut self, entry: &TocEntry<'_>, what: &str) -> Result<()> {
        self.become_user(entry, self.options.superuser.as_deref().unwrap_or_default())?;
        let mut sql = self.sql();
        sql.put("ALTER TABLE ").qualified(entry).put(what);
        self.send(Some(entry), Purpose::Triggers, sql, 1)
    }
}
