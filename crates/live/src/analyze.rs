//! A table is analyzed.

use pgdmp::TocEntry;
use pgdmp::script::Outcome;

use crate::sink::SessionSink;

/// The statement for the table of these rows.
pub(crate) fn statement(rows: &TocEntry<'_>) -> Vec<u8> {
    [b"ANALYZE ", &rows.sql_name()[..]].concat()
}

impl SessionSink<'_> {
    /// Analyzes the table of these rows; gives the number of errors.
    pub(crate) fn analyze(&mut self, rows: &TocEntry<'_>) -> pgdmp::Result<u64> {
        self.context.entry(rows);
        let table = rows.sql_name();
        if self.around.voice.is_verbose() {
            self.around.voice.info(&[b"analyzing table ", &table[..]].concat());
        }
        let Err(message) = self.session.query(&statement(rows)) else { return Ok(0) };
        let text = [b"could not analyze table ", &table[..], b": ", &message];
        match self.failed(&text.concat())? {
            Outcome::Failed(errors) => Ok(errors),
            _ => Ok(0),
        }
    }
}
