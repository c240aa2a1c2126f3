//! Rows: the data of a `COPY`, and INSERT statements.

use pgdmp::TocEntry;
use pgdmp::script::Outcome;

use super::{QUERY, SessionSink};
use crate::fatal::Fatal;
use crate::insert::{Statements, TooLong, Waiting};
use crate::session::{Copied, Message, Reply};

impl SessionSink<'_> {
    pub(crate) fn copy_begin(&mut self, statement: &[u8]) -> pgdmp::Result<Outcome> {
        self.copying = false;
        match self.session.query(statement) {
            Ok(reply) => {
                self.copying = reply == Reply::CopyIn;
                Ok(Outcome::Done)
            }
            Err(message) => {
                let outcome = self.query_failed(QUERY, &message, statement)?;
                self.end_via_root(false);
                Ok(outcome)
            }
        }
    }

    pub(super) fn copy_data(&mut self, data: &[u8]) -> pgdmp::Result<Outcome> {
        if let Some(outcome) = self.hold_rows(data)? {
            return Ok(outcome);
        }
        if !self.copying {
            return Ok(Outcome::Done);
        }
        match self.session.copy_data(data) {
            Ok(()) if self.session.copy_has_failed() => {
                self.copying = false;
                let ended = self.end_copy()?;
                Ok(self.before_its_end(ended))
            }
            Ok(()) => Ok(Outcome::Done),
            Err(message) => self.data_failed("PQputCopyData", message),
        }
    }

    /// Rows, or their end, could not be sent by a function of libpq.
    pub(crate) fn data_failed(
        &mut self,
        function: &str,
        mut message: Message,
    ) -> pgdmp::Result<Outcome> {
        // pg_restore does not ask for them.
        if self.around.means.is_fast()
            && let Some(said) = self.session.last_words()
        {
            message = said;
        }
        let what = format!("error returned by {function}: ");
        self.die(Fatal::server([what.as_bytes(), &message].concat()))
    }

    /// What came of a COPY whose data has not ended. Only at its end may it be asked for once more.
    pub(crate) fn before_its_end(&mut self, outcome: Outcome) -> Outcome {
        self.comes_again = outcome == Outcome::Again;
        if self.comes_again { Outcome::Done } else { outcome }
    }

    pub(super) fn copy_end(&mut self) -> pgdmp::Result<Outcome> {
        if let failed @ Outcome::Failed(_) = self.end_rows()? {
            return Ok(failed);
        }
        if std::mem::take(&mut self.comes_again) {
            return Ok(Outcome::Again);
        }
        match std::mem::take(&mut self.copying) {
            true => self.end_copy(),
            false => Ok(Outcome::Done),
        }
    }

    pub(super) fn end_copy(&mut self) -> pgdmp::Result<Outcome> {
        let table = &self.table.clone()[..];
        match self.session.copy_end() {
            Ok(Copied { failure, surplus }) => {
                let outcome = match failure {
                    Some(_) if self.loads_again() => return Ok(Outcome::Again),
                    Some(message) => {
                        let outcome = self.copy_failed(table, &message)?;
                        self.end_via_root(false);
                        outcome
                    }
                    None => match self.end_via_root(true) {
                        Some(message) => self.copy_failed(table, &message)?,
                        None => Outcome::Done,
                    },
                };
                if surplus {
                    let what = b"unexpected extra results during COPY of table \"";
                    self.around.voice.warning(&[what, table, b"\""].concat());
                }
                Ok(outcome)
            }
            Err(message) => self.data_failed("PQputCopyEnd", message),
        }
    }

    pub(super) fn copy_failed(&mut self, table: &[u8], message: &[u8]) -> pgdmp::Result<Outcome> {
        self.failed(&[b"COPY failed for table \"", table, b"\": ", message].concat())
    }

    pub(super) fn insert_data(&mut self, data: &[u8]) -> pgdmp::Result<Outcome> {
        let mut statements =
            std::mem::replace(&mut self.statements, Statements::new(self.around.std_strings));
        let mut failures = 0;
        let joins = self.around.means.batches && !self.session.in_transaction();
        let result = statements.piece(data, |statement, is_plain| {
            if joins && Waiting::takes(statement, is_plain) {
                self.inserts.push(statement);
                if self.inserts.is_full() {
                    failures += self.send_inserts()?;
                }
                return Ok(());
            }
            failures += self.send_inserts()?;
            if let Outcome::Failed(n) = self.send(QUERY, statement)? {
                failures += n;
            }
            Ok::<(), Stopped>(())
        });
        self.statements = statements;
        match result {
            Ok(()) if failures == 0 => Ok(Outcome::Done),
            Ok(()) => Ok(Outcome::Failed(failures)),
            Err(Stopped::By(error)) => Err(error),
            Err(Stopped::TooLong) => {
                self.die(Fatal::server("a statement in the data is longer than a server takes"))
            }
        }
    }

    /// Sends the INSERT statements that wait; gives the number of failures.
    pub(super) fn send_inserts(&mut self) -> pgdmp::Result<u64> {
        if self.inserts.is_empty() {
            return Ok(0);
        }
        let mut inserts = std::mem::take(&mut self.inserts);
        let mut failures = 0;
        let mut failure = self.session.query(inserts.query()).err();
        if failure.is_some() {
            if self.around.server.is_stopped() {
                return self.die(Fatal::Told);
            }
            // None of them is done.
            failure = failure.filter(|_| self.session.is_lost());
            for statement in inserts.each() {
                let outcome = match failure.take() {
                    Some(message) => self.query_failed(QUERY, &message, statement)?,
                    None => self.send(QUERY, statement)?,
                };
                if let Outcome::Failed(n) = outcome {
                    failures += n;
                }
            }
        }
        inserts.clear();
        self.inserts = inserts;
        Ok(failures)
    }

    pub(super) fn insert_end(&mut self, entry: &TocEntry<'_>) -> pgdmp::Result<Outcome> {
        let failures = self.send_inserts()?;
        let rest = self.statements.rest();
        if rest.iter().any(|byte| !byte.is_ascii_whitespace()) {
            // pg_restore would put it before the next table's.
            let table = entry.tag().unwrap_or_default();
            let what = b"the last statement in the data of table \"";
            self.around.voice.warning(&[what, table, b"\" has no end, and is left out"].concat());
        }
        Ok(if failures == 0 { Outcome::Done } else { Outcome::Failed(failures) })
    }
}

enum Stopped {
    By(pgdmp::Error),
    TooLong,
}

impl From<pgdmp::Error> for Stopped {
    fn from(error: pgdmp::Error) -> Self {
        Stopped::By(error)
    }
}

impl From<TooLong> for Stopped {
    fn from(_: TooLong) -> Self {
        Stopped::TooLong
    }
}
