//! In which order entries come, and what is restored of each.

use super::feed::DataFeed;
use super::heading::Part;
use super::is_large_objects;
use super::share::RestorePass;
use super::{Event, Run, Step, is_database};
use crate::error::Result;
use crate::select::Wanted;
use crate::toc::{Desc, TocEntry};

impl Run<'_> {
    pub(super) fn passes(&mut self, feed: &mut dyn DataFeed) -> Result<()> {
        let (mut privileges, mut last) = (Vec::new(), Vec::new());
        let selected = self.selected;
        for (entry, decision) in selected.all() {
            let wanted = decision.wanted;
            if !wanted.is_listed() {
                continue;
            }
            match RestorePass::of(&entry) {
                RestorePass::Main => self.entry(&entry, wanted, feed)?,
                RestorePass::Privileges => privileges.push((entry, wanted)),
                RestorePass::Last => last.push((entry, wanted)),
            }
        }
        for (entry, wanted) in privileges.into_iter().chain(last) {
            self.entry(&entry, wanted, feed)?;
        }
        Ok(())
    }

    pub(super) fn entry(
        &mut self,
        entry: &TocEntry<'_>,
        wanted: Wanted,
        feed: &mut dyn DataFeed,
    ) -> Result<()> {
        self.report.entries += 1;
        if entry.desc() == Desc::WARNING {
            self.warn(entry)?;
        }
        if wanted.schema {
            self.definition(entry)?;
        }
        if wanted.data {
            if self.is_of_failed_table(entry) {
                feed.skip(*entry);
            } else if entry.had_dumper() {
                let seen_at = feed.seen_at(*entry);
                self.print(entry, Part::Data { seen_at })?;
                if is_large_objects(entry) {
                    self.large_objects(entry, feed)?;
                } else {
                    self.table_data(entry, feed)?;
                }
            } else if !wanted.schema {
                self.tell(Event::Executing(*entry))?;
                self.print(entry, Part::Definition)?;
            }
        }
        if wanted.statistics {
            self.print(entry, Part::Statistics)?;
        }
        self.count_apart()
    }

    fn definition(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let database = is_database(entry);
        if database && self.in_transactions() {
            // A database is not created in a transaction; connecting begins the next one.
            self.step(&Step::Commit)?;
            self.step(&Step::EmptyLine)?;
        }
        self.tell(Event::Creating(*entry))?;
        let errors = self.report.errors;
        self.print(entry, Part::Definition)?;
        if self.report.errors > errors {
            self.definition_failed = true;
            self.table_failed(entry)?;
        }
        if database {
            self.connect(entry)?;
        }
        Ok(())
    }

    /// `--no-data-for-failed-tables`.
    fn table_failed(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        if !self.options.no_data_for_failed_tables || entry.desc() != Desc::TABLE {
            return Ok(());
        }
        self.failed_tables.insert(entry.dump_id());
        self.tell(Event::NoDataForFailedTable(*entry))
    }

    fn is_of_failed_table(&self, entry: &TocEntry<'_>) -> bool {
        !self.failed_tables.is_empty()
            && entry.desc() == Desc::TABLE_DATA
            && entry.dependencies().first().is_some_and(|id| self.failed_tables.contains(id))
    }

    /// Passes on a warning that pg_dump kept in the archive.
    fn warn(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        let text = |text: Option<&[u8]>| text.is_some_and(|text| !text.is_empty());
        if self.wants_schema && text(entry.defn()) {
            self.tell(Event::WarningInArchive(entry.defn().unwrap_or_default()))
        } else if text(entry.copy_stmt()) {
            self.tell(Event::WarningInArchive(entry.copy_stmt().unwrap_or_default()))
        } else {
            Ok(())
        }
    }
}
