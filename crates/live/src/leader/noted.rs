//! What the journal says of entries, and what it is told.

use pgdmp::script::Restored;
use pgdmp::{DumpId, TocEntry};

use super::Leader;
use crate::fatal::Fatal;
use crate::journal::Journal;

impl Leader<'_> {
    /// Whether an earlier run has restored an entry, and it is still there. What it made of a table
    /// is as if it were made by this one.
    pub(super) fn is_done_before(&mut self, place: usize) -> bool {
        let Some(journal) = self.around.journal else { return false };
        let entry = self.graph.nodes[place].entry;
        if !journal.is_done(entry.dump_id()) {
            return false;
        }
        if entry.dependencies().iter().any(|need| self.remade.contains(need)) {
            self.remade.insert(entry.dump_id());
            return false;
        }
        if self.is_table(place) {
            self.graph.made(place, true);
        }
        true
    }

    /// Notes in the journal that an entry is restored, unless there were errors.
    pub(super) fn note_done(
        &mut self,
        entry: TocEntry<'_>,
        restored: Restored,
    ) -> pgdmp::Result<()> {
        if restored.errors > 0 {
            return Ok(());
        }
        let id = entry.dump_id();
        if self.around.journal.is_some_and(|journal| journal.was_in_the_way(id)) {
            // What belongs to it went to what was in its place.
            self.remade.insert(id);
        }
        self.note(entry, Journal::done)
    }

    /// Notes something in the journal, if there is one.
    pub(super) fn note(
        &mut self,
        entry: TocEntry<'_>,
        what: impl FnOnce(&Journal, DumpId) -> Result<(), Fatal>,
    ) -> pgdmp::Result<()> {
        let Some(journal) = self.around.journal else { return Ok(()) };
        what(journal, entry.dump_id()).map_err(|fatal| {
            let error = std::io::Error::other(fatal.to_string()).into();
            self.fatal = Some(fatal);
            error
        })
    }

    /// Why it ended: what the rules only pass on, or else this.
    pub(crate) fn why(&mut self, error: Fatal) -> Fatal {
        self.fatal.take().unwrap_or(error)
    }
}
