//! In which order entries come, and what is written of each.

use super::large_objects::is_large_objects;
use super::source::Source;
use super::{Event, Writer, is_database};
use crate::error::Result;
use crate::select::Wanted;
use crate::toc::{Desc, Section, TocEntry};

/// The table of contents is walked over three times, because some entries only work when all
/// others are done, wherever they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Main,
    /// Privileges: granting could take away what later definitions need.
    Privileges,
    /// What could run code that needs privileges, or would react to the restore itself.
    Last,
}

impl Pass {
    fn of(entry: &TocEntry<'_>) -> Pass {
        let desc = entry.desc();
        if desc.is_acl() {
            return Pass::Privileges;
        }
        let last = match desc {
            Desc::EVENT_TRIGGER | Desc::MATERIALIZED_VIEW_DATA => true,
            Desc::COMMENT | Desc::SECURITY_LABEL => {
                entry.tag().is_some_and(|tag| tag.starts_with(b"EVENT TRIGGER "))
            }
            Desc::STATISTICS_DATA => entry.section() == Section::PostData,
            _ => false,
        };
        if last { Pass::Last } else { Pass::Main }
    }
}

/// What is said before an entry's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Definition,
    Data { seen_at: Option<u64> },
    Statistics,
}

impl Part {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Part::Definition => "",
            Part::Data { .. } => "Data for ",
            Part::Statistics => "Statistics for ",
        }
    }
}

impl Writer<'_> {
    pub(super) fn passes(&mut self, source: &mut dyn Source) -> Result<()> {
        let selected = self.selected;
        for pass in [Pass::Main, Pass::Privileges, Pass::Last] {
            for (entry, decision) in selected.all() {
                if decision.wanted.is_listed() && Pass::of(&entry) == pass {
                    self.entry(&entry, decision.wanted, source)?;
                    self.out.settle()?;
                }
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        entry: &TocEntry<'_>,
        wanted: Wanted,
        source: &mut dyn Source,
    ) -> Result<()> {
        self.report.entries += 1;
        if entry.desc() == Desc::WARNING {
            self.warn(entry);
        }
        if wanted.schema {
            self.definition(entry)?;
        }
        if wanted.data {
            if entry.had_dumper() {
                let seen_at = source.seen_at(*entry);
                self.print(entry, Part::Data { seen_at })?;
                if is_large_objects(entry) {
                    self.large_objects(entry, source)?;
                } else {
                    self.table_data(entry, source)?;
                }
            } else if !wanted.schema {
                self.tell(&Event::Executing(*entry));
                self.print(entry, Part::Definition)?;
            }
        }
        if wanted.statistics {
            self.print(entry, Part::Statistics)?;
        }
        self.count("COMMIT;\nBEGIN;\n\n");
        Ok(())
    }

    fn definition(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        if is_database(entry) && self.in_transactions() {
            // A database is not created in a transaction; connecting begins the next one.
            self.out.put("COMMIT;\n\n");
        }
        self.tell(&Event::Creating(*entry));
        self.print(entry, Part::Definition)?;
        if is_database(entry) {
            self.connect(entry)?;
        }
        Ok(())
    }

    /// Passes on a warning that pg_dump kept in the archive.
    fn warn(&mut self, entry: &TocEntry<'_>) {
        let text = |text: Option<&[u8]>| text.is_some_and(|text| !text.is_empty());
        if self.wants_schema && text(entry.defn()) {
            self.tell(&Event::WarningInArchive(entry.defn().unwrap_or_default()));
        } else if text(entry.copy_stmt()) {
            self.tell(&Event::WarningInArchive(entry.copy_stmt().unwrap_or_default()));
        }
    }
}
