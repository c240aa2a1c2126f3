//! Constraints in two parts, in a session.

use std::sync::Arc;

use pgdmp::TocEntry;
use pgdmp::script::{Outcome, Restored, Statement};

use crate::constraint::{Part, TwoParts};
use crate::session::SqlState;
use crate::sink::{QUERY, SessionSink};

impl SessionSink<'_> {
    /// The next definition is sent as its first part.
    pub(crate) fn send_first(&mut self, parts: Arc<TwoParts>) {
        self.first = Some(parts);
        self.next_part = None;
    }

    /// Which part comes after the one that was sent.
    pub(crate) fn next_part(&mut self) -> Option<Part> {
        self.first = None;
        self.next_part.take()
    }

    /// Sends the first part instead of the definition. A failure is not told: the definition will
    /// have the same.
    pub(crate) fn first_part(
        &mut self,
        parts: &TwoParts,
        statement: &Statement<'_>,
    ) -> pgdmp::Result<Outcome> {
        self.send_waiting()?;
        match self.session.query(&parts.first) {
            Ok(_) => self.next_part = Some(Part::Second),
            Err(message) if self.is_at_its_end() => {
                let whole = query_of(statement.text, usize::from(statement.empty_lines));
                return self.query_failed(QUERY, &message, &whole);
            }
            // An earlier run had come as far as this, or further.
            Err(message) if self.is_in_doubt() && self.failed_by(THERE) => {
                self.tell_done_already(&message);
                self.next_part = Some(Part::Second)
            }
            Err(_) => self.next_part = Some(Part::Whole),
        }
        Ok(Outcome::Done)
    }

    /// Sends the second part.
    pub(crate) fn second_part(
        &mut self,
        entry: &TocEntry<'_>,
        parts: &TwoParts,
    ) -> pgdmp::Result<Restored> {
        self.context.entry(entry);
        self.next_part = None;
        match self.session.query(&parts.second) {
            Ok(_) => Ok(Restored::default()),
            Err(message) if self.is_at_its_end() => self.part_failed(entry, &message),
            // The earlier run had come to the end: so says the server of the whole.
            Err(message) if self.is_in_doubt() && self.failed_by(COMPLETE) => {
                self.tell_done_already(&message);
                self.next_part = Some(Part::Whole);
                Ok(Restored::default())
            }
            Err(_) => {
                self.next_part = Some(Part::Instead);
                Ok(Restored::default())
            }
        }
    }

    /// Undoes the first part; says whether the whole can follow.
    pub(crate) fn undo_part(
        &mut self,
        entry: &TocEntry<'_>,
        parts: &TwoParts,
    ) -> pgdmp::Result<Restored> {
        self.context.entry(entry);
        match self.session.query(&parts.undo) {
            Ok(_) => Ok(Restored::default()),
            // It was undone in a connection that was lost.
            Err(_) if self.is_in_doubt() && self.failed_by(GONE) => Ok(Restored::default()),
            Err(message) => self.part_failed(entry, &message),
        }
    }

    /// A failure is the definition's.
    fn part_failed(&mut self, entry: &TocEntry<'_>, message: &[u8]) -> pgdmp::Result<Restored> {
        self.context.entry(entry);
        let whole = query_of(entry.defn().unwrap_or_default(), 2);
        let mut restored = Restored::default();
        if let Outcome::Failed(errors) = self.query_failed(QUERY, message, &whole)? {
            restored.errors = errors;
            restored.definition_failed = true;
        }
        Ok(restored)
    }

    /// Whether the last failure was one of these.
    fn failed_by(&self, states: &[&SqlState]) -> bool {
        self.session.last_state().is_some_and(|state| states.contains(&&state))
    }

    /// Whether nothing more can be done in this session.
    fn is_at_its_end(&self) -> bool {
        self.session.is_lost() || self.around.server.is_stopped()
    }
}

/// There is such an index, or such a constraint.
const THERE: &[&SqlState] = &[b"42P07", b"42710"];

/// There is no such index, or constraint.
const GONE: &[&SqlState] = &[b"42704", b"42P01"];

/// The index is that of a constraint already, or there is such a constraint, or a primary key.
const COMPLETE: &[&SqlState] = &[b"55000", b"42P07", b"42710", b"42P16"];

/// A definition as it is sent.
fn query_of(text: &[u8], empty_lines: usize) -> Vec<u8> {
    let mut query = text.to_vec();
    query.resize(query.len() + empty_lines, b'\n');
    query
}
