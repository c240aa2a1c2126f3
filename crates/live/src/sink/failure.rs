//! Failures: those that are told and counted, those that end a restore, and lost connections.

use std::io;

use pgdmp::script::Outcome;

use super::SessionSink;
use crate::fatal::Fatal;
use crate::retry::Lost;
use crate::session::SqlState;

/// An end that the rules only pass on.
pub(super) fn end() -> pgdmp::Error {
    io::Error::other("the restore cannot go on").into()
}

impl SessionSink<'_> {
    /// How the connection was lost, if it can be made again.
    pub(crate) fn lost(&mut self) -> Option<Lost> {
        self.lost.take()
    }

    /// The same, without an end of it.
    pub(crate) fn is_lost_by(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// Whether the connection is lost, and can be made again. Nothing is told of that then.
    pub(super) fn is_lost_for_now(&mut self, message: &[u8]) -> bool {
        if self.around.retry.is_none() || self.around.server.is_stopped() {
            return false;
        }
        if !self.session.is_lost() && self.session.last_state().is_none_or(ends) {
            // What could not be written says that the connection is lost; libpq finds out later.
            let _ = self.session.query(b"");
        }
        let lost = self.session.is_lost();
        if lost && self.lost.is_none() {
            self.lost = Some(Lost {
                message: message.to_vec(),
                who: self.who.take(),
                within_rows: self.copying,
                transaction: self.transaction.or(self.lost_transaction),
            });
        }
        lost
    }

    /// Between entries: whether the connection is still there.
    pub(crate) fn check_lost(&mut self) -> pgdmp::Result<()> {
        let message = self.session.last_message();
        if self.is_lost_for_now(&message) { Err(end()) } else { Ok(()) }
    }

    /// Why it ended; the error of the rules, if it was not this sink's.
    pub(crate) fn fatal(&mut self, error: pgdmp::Error) -> Fatal {
        self.fatal.take().unwrap_or(Fatal::Archive(error))
    }

    pub(crate) fn die<T>(&mut self, fatal: Fatal) -> pgdmp::Result<T> {
        if let Fatal::Server { text, .. } = &fatal
            && self.is_lost_for_now(text)
        {
            return Err(end());
        }
        self.fatal = Some(fatal);
        Err(end())
    }

    /// An error that need not be the end.
    pub(crate) fn failed(&mut self, text: &[u8]) -> pgdmp::Result<Outcome> {
        if self.around.server.is_stopped() {
            return self.die(Fatal::Told);
        }
        if self.is_lost_for_now(text) {
            return Err(end());
        }
        self.context.tell(self.around.voice);
        self.around.voice.error(text);
        if self.around.exit_on_error { self.die(Fatal::Told) } else { Ok(Outcome::Failed(1)) }
    }

    pub(crate) fn query_failed(
        &mut self,
        what: &str,
        message: &[u8],
        query: &[u8],
    ) -> pgdmp::Result<Outcome> {
        let text = [what.as_bytes(), b": ", message, b"Command was: ", query];
        self.failed(&text.concat())
    }

    /// Tells that an earlier run had done what failed now.
    pub(crate) fn tell_done_already(&mut self, message: &[u8]) {
        if self.around.voice.is_verbose() {
            self.context.tell(self.around.voice);
            let line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
            self.around.voice.info(&[b"taken for done by the earlier run: ", line].concat());
        }
    }

    /// What cannot be noted in the journal ends the restore.
    pub(super) fn noted(&mut self, noted: Result<(), Fatal>) -> pgdmp::Result<()> {
        noted.or_else(|fatal| self.die(fatal))
    }
}

/// Whether a session is at its end: an administrator, a crash, no connections yet; the connection.
fn ends(state: SqlState) -> bool {
    [*b"57P01", *b"57P02", *b"57P03"].contains(&state) || state.starts_with(b"08")
}
