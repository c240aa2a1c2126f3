//! What may have been done before: by an earlier run, or in a connection that was lost.

use pgdmp::{Desc, TocEntry};

use super::SessionSink;
use crate::fatal::Fatal;
use crate::journal::Journal;
use crate::root::root_of;
use crate::session::SqlState;

impl SessionSink<'_> {
    /// Whether a statement failed because what it does was done already: by an earlier run, or in a
    /// connection that was lost.
    pub(super) fn is_done_already(&mut self, query: &[u8]) -> pgdmp::Result<bool> {
        let (Some(id), Some(state)) = (self.context.id(), self.session.last_state()) else {
            return Ok(false);
        };
        let journal = self.around.journal;
        let drops = journal.filter(|journal| !journal.is_cleaned());
        if self.drops_in_doubt || drops.is_some_and(Journal::resumes) {
            return Ok(is_gone(state));
        }
        let in_doubt = self.is_in_doubt();
        if drops.is_some() || journal.is_none() && !in_doubt {
            return Ok(false);
        }
        let has = |words: &[u8]| query.windows(words.len()).any(|part| part == words);
        let exists = match &state {
            // Of a unique constraint it would be wrong rows.
            b"23505" => query.starts_with(b"SELECT pg_catalog.lo_create("),
            b"42P16" => has(b" PRIMARY KEY"),
            b"42809" => has(b" ATTACH PARTITION "),
            state => EXISTS.contains(&state),
        };
        if exists
            && !in_doubt
            && let Some(journal) = journal
        {
            self.noted(journal.conflict(id))?;
        }
        Ok(exists && in_doubt)
    }

    /// Whether the entry was begun before: by an earlier run, or in a connection that was lost.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let Some(id) = self.context.id() else { return false };
        let existed = || self.around.retry.is_some_and(|retry| retry.existed(id));
        self.around.journal.is_some_and(|journal| journal.is_in_doubt(id))
            || self.in_doubt.contains(&id) && !existed()
    }

    /// Whether rows that come may have come before.
    pub(crate) fn may_have_rows(&self) -> bool {
        self.around.journal.is_some() || self.is_in_doubt()
    }

    /// Rows must not come twice: a table that is not new has to be empty. Says whether they are known
    /// to be there.
    pub(super) fn check_rows(&mut self, entry: &TocEntry<'_>) -> pgdmp::Result<bool> {
        if let Some(root) = root_of(entry) {
            return self.came_via_root(entry, root);
        }
        self.check_empty(entry).map(|()| false)
    }

    pub(super) fn check_empty(&mut self, entry: &TocEntry<'_>) -> pgdmp::Result<()> {
        if !self.may_have_rows()
            || entry.desc() != Desc::TABLE_DATA
            || self.emptied == Some(entry.dump_id())
        {
            return Ok(());
        }
        let table = entry.sql_name();
        let sql = [b"SELECT 1 FROM ONLY ", &table[..], b" LIMIT 1"].concat();
        // If that is refused, so is what follows.
        let Ok(rows) = self.session.rows(&sql) else { return Ok(()) };
        if rows.is_empty() {
            return Ok(());
        }
        self.has_rows(&table, b"TRUNCATE TABLE ONLY ")
    }

    /// A table has rows that are not known: empties it, if that is wanted.
    pub(super) fn has_rows(&mut self, table: &[u8], truncate: &[u8]) -> pgdmp::Result<()> {
        if self.around.journal.is_some_and(Journal::reloads) {
            return match self.session.query(&[truncate, table].concat()) {
                Ok(_) => Ok(()),
                Err(message) => {
                    let text = [b"could not empty table ", table, b": ", &message].concat();
                    self.die(Fatal::server(text))
                }
            };
        }
        let text = [
            b"table ",
            table,
            b" has rows, which may be those of an earlier restore: empty it, or have it emptied \
              (--resume-reload)",
        ];
        self.die(Fatal::server(text.concat()))
    }
}

/// Objects that there are already: duplicate database, schema, table, function, object, column.
const EXISTS: &[&SqlState] = &[b"42P04", b"42P06", b"42P07", b"42723", b"42710", b"42701"];

/// Objects that there are no more: undefined table, object, function, schema, database, column.
const IS_GONE: &[&SqlState] = &[b"42P01", b"42704", b"42883", b"3F000", b"3D000", b"42703"];

/// Whether what a statement drops is not there.
pub(crate) fn is_gone(state: SqlState) -> bool {
    IS_GONE.contains(&&state)
}
