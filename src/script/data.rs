//! The data of tables.

use super::source::Source;
use super::{Event, Writer};
use crate::error::Result;
use crate::toc::TocEntry;

impl Writer<'_> {
    /// Writes the data of a table: COPY and rows, or INSERT statements, as pg_dump wrote them.
    pub(super) fn table_data(
        &mut self,
        entry: &TocEntry<'_>,
        source: &mut dyn Source,
    ) -> Result<()> {
        let triggers = self.options.disable_triggers && !self.wants_schema;
        if triggers {
            self.tell(&Event::DisablingTriggers(*entry));
            self.triggers(entry, " DISABLE TRIGGER ALL;\n\n");
        }
        self.become_owner(entry);
        self.select_schema(entry.namespace());
        self.tell(&Event::ProcessingData(*entry));
        if let Some(copy) = entry.copy_stmt() {
            self.out.put(copy);
        }
        source.data(*entry, &mut self.out)?;
        if triggers {
            self.tell(&Event::EnablingTriggers(*entry));
            self.triggers(entry, " ENABLE TRIGGER ALL;\n\n");
        }
        Ok(())
    }

    /// Only a superuser may do that with the triggers of foreign keys.
    fn triggers(&mut self, entry: &TocEntry<'_>, what: &str) {
        self.become_user(self.options.superuser.as_deref().unwrap_or_default());
        self.out.put("ALTER TABLE ");
        self.put_qualified(entry);
        self.out.put(what);
    }
}
