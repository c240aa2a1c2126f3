//! `--create`: the restore goes on in the database that it made.

use super::{Event, Run, Step};
use crate::error::Result;
use crate::toc::TocEntry;

impl Run<'_> {
    /// Connects to a database, with all that a new session needs.
    pub(super) fn connect(&mut self, entry: &TocEntry<'_>) -> Result<()> {
        self.tell(Event::Connecting(*entry))?;
        self.step(&Step::Unrestrict)?;
        let database = entry.tag().unwrap_or_default();
        self.step(&Step::Connect { entry: *entry, database })?;
        self.step(&Step::Restrict)?;
        self.state = super::State::default();
        self.prelude()
    }
}
