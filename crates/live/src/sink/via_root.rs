//! Rows that find their way from the root of partitioned tables: they may be in any partition, beside
//! those of other entries. What came of them when a session ended is known by their transaction.

use pgdmp::TocEntry;

use super::SessionSink;
use crate::backend::one;
use crate::fatal::Fatal;
use crate::journal::Journal;
use crate::root::root_of;

/// The release of the server that says what came of a transaction.
const TRANSACTION_STATUS: u32 = 100_000;

impl SessionSink<'_> {
    /// Whether rows of an entry, which came by way of `root`, are there already. Only where that is
    /// in doubt.
    pub(super) fn came_via_root(
        &mut self,
        entry: &TocEntry<'_>,
        root: &[u8],
    ) -> pgdmp::Result<bool> {
        let is_first = self.around.journal.is_some_and(|journal| journal.is_first_via(root));
        if is_first && self.has_any(root) {
            self.has_rows(root, b"TRUNCATE TABLE ")?;
        }
        if !self.is_in_doubt() {
            return Ok(false);
        }
        let id = entry.dump_id();
        let of_session = self.lost_transaction.filter(|(of, _)| *of == id);
        let of_journal = || self.around.journal.and_then(|journal| journal.last_transaction(id));
        match of_session.map(|(_, transaction)| transaction).or_else(of_journal) {
            Some(transaction) => self.is_committed(root, transaction),
            // No rows were sent.
            None if self.has_since(TRANSACTION_STATUS) => Ok(false),
            None if self.has_any(root) => self.unknown(root),
            None => Ok(false),
        }
    }

    /// Whether a table has rows. If that is refused, so is what follows.
    fn has_any(&mut self, root: &[u8]) -> bool {
        let sql = [b"SELECT 1 FROM ", root, b" LIMIT 1"].concat();
        self.session.rows(&sql).is_ok_and(|rows| !rows.is_empty())
    }

    fn is_committed(&mut self, root: &[u8], transaction: u64) -> pgdmp::Result<bool> {
        let sql = format!(
            "SELECT CASE pg_catalog.txid_status({transaction}) \
             WHEN 'committed' THEN 1 WHEN 'aborted' THEN 0 ELSE 2 END"
        );
        match one(&mut *self.session, &sql).as_deref() {
            Ok("1") => Ok(true),
            Ok("0") => Ok(false),
            Ok(_) => self.unknown(root),
            Err(_) => {
                let message = self.session.last_message();
                self.die(Fatal::server([b"query failed: ", &message[..]].concat()))
            }
        }
    }

    fn unknown<T>(&mut self, root: &[u8]) -> pgdmp::Result<T> {
        let text = [
            b"table ",
            root,
            b" has rows, and nobody knows which of them an earlier restore has loaded: empty it, and \
              begin anew",
        ];
        self.die(Fatal::server(text.concat()))
    }

    /// Begins a transaction for rows that only it tells of, if somebody may want to know.
    pub(super) fn begin_via_root(&mut self, entry: &TocEntry<'_>) -> pgdmp::Result<()> {
        let journal: Option<&Journal> = self.around.journal;
        if journal.is_none() && self.around.retry.is_none()
            || root_of(entry).is_none()
            || !self.has_since(TRANSACTION_STATUS)
            || self.session.in_transaction()
        {
            return Ok(());
        }
        let begun = self.session.rows(b"BEGIN; SELECT pg_catalog.txid_current()");
        let id = begun.map(|rows| rows.into_iter().flatten().flatten().next());
        let id = match id {
            Ok(id) => id.and_then(|id| std::str::from_utf8(&id).ok()?.parse().ok()),
            Err(message) => {
                let what = b"could not start database transaction: ";
                return self.die(Fatal::server([what, &message[..]].concat()));
            }
        };
        let Some(id) = id else {
            return self.die(Fatal::server("the server does not say in which transaction it is"));
        };
        (self.transaction, self.is_via_root) = (Some((entry.dump_id(), id)), true);
        match journal {
            Some(journal) => self.noted(journal.transaction(entry.dump_id(), id)),
            None => Ok(()),
        }
    }

    /// Ends that transaction, if there is one; gives what the server says if it cannot be
    /// committed.
    pub(super) fn end_via_root(&mut self, commit: bool) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.is_via_root) {
            return None;
        }
        let sql: &[u8] = if commit { b"COMMIT" } else { b"ROLLBACK" };
        self.session.query(sql).err()
    }
}
