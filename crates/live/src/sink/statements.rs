//! Statements: alone, or many at a time.

use std::borrow::Cow;

use pgdmp::script::{Outcome, Purpose, Statement};
use pgdmp::{Desc, TocEntry};

use super::{IsSet, QUERY, SessionSink};
use crate::batch::{Batch, Queued, changes_reading, joins};
use crate::fatal::Fatal;
use crate::session::Message;

/// The release of the server that drops a database that others use.
const DROP_WITH_FORCE: u32 = 130_000;

impl SessionSink<'_> {
    /// Sends a statement, or lets it wait.
    pub(super) fn statement(&mut self, statement: &Statement<'_>) -> pgdmp::Result<Outcome> {
        if statement.entry.is_none() && self.is_set == IsSet::NotYet {
            self.is_set = IsSet::Begun;
        }
        if let Some(entry) = statement.entry {
            let journal = self.around.journal.filter(|journal| !journal.is_cleaned());
            match statement.purpose {
                Purpose::Drop => {}
                Purpose::Truncate => self.emptied = Some(entry.dump_id()),
                _ if journal.is_none() && !self.drops_in_doubt => {}
                _ => {
                    self.send_waiting()?;
                    self.drops_in_doubt = false;
                    if let Some(journal) = journal {
                        self.noted(journal.cleaned())?;
                    }
                }
            }
        }
        if let (None, Purpose::Setting { name, .. }) = (statement.entry, statement.purpose)
            && !self.knows_setting(name)
        {
            return Ok(Outcome::Done);
        }
        if let Some(entry) = statement.entry.filter(|entry| entry.desc() == Desc::DATABASE) {
            return self.of_database(&entry, statement);
        }
        if self.hold_truncate(statement) {
            return Ok(Outcome::Done);
        }
        self.release(statement.entry)?;
        if statement.purpose == Purpose::Definition
            && let Some(parts) = self.first.take()
        {
            return self.first_part(&parts, statement);
        }
        if !self.around.means.batches
            || !joins(statement, self.around.std_strings)
            // What fails then is the end of more than a batch.
            || self.session.in_transaction()
        {
            self.send_waiting()?;
            return self.send_alone(statement.into(), statement.text, None);
        }
        if !self.batch.has_room(statement.text.len()) {
            self.send_waiting()?;
        }
        self.batch.push(statement, self.context.place());
        if self.batch.is_full() || changes_reading(statement.purpose) {
            self.send_waiting()?;
        }
        Ok(Outcome::Done)
    }

    /// Sends a statement about the database that is made. What should have been made is not taken for
    /// what is there already.
    fn of_database(
        &mut self,
        entry: &TocEntry<'_>,
        statement: &Statement<'_>,
    ) -> pgdmp::Result<Outcome> {
        self.release(statement.entry)?;
        self.send_waiting()?;
        let name = entry.tag().unwrap_or_default();
        let forces = self.around.forces_drop;
        let drops = statement.purpose == Purpose::Drop && forces;
        let mut text = Cow::from(statement.text);
        if drops {
            let sql = b"SELECT pg_catalog.current_database()";
            let open = self.session.rows(sql).unwrap_or_default();
            if open.iter().flatten().flatten().any(|open| open == name) {
                let what =
                    b"\" cannot be dropped by a session in it: connect to another one, such \
                             as postgres";
                return self.die(Fatal::server([b"database \"", name, what].concat()));
            }
            if self.has_since(DROP_WITH_FORCE)
                && let Some(drop) = statement.text.trim_ascii_end().strip_suffix(b";")
            {
                text = [drop, b" WITH (FORCE);\n"].concat().into();
            }
        }
        let outcome = self.send_alone(statement.into(), &text, None)?;
        let makes =
            statement.purpose == Purpose::Definition && (forces || self.around.means.is_fast());
        if matches!(outcome, Outcome::Failed(_)) && (drops || makes) {
            let what = if drops { "dropped" } else { "created" };
            let end = format!("\" could not be {what}: nothing is restored");
            return self.die(Fatal::server([b"database \"", name, end.as_bytes()].concat()));
        }
        Ok(outcome)
    }

    /// Sends the statements that wait: at once, or if that fails one after the other.
    pub(crate) fn send_waiting(&mut self) -> pgdmp::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.batch);
        // A COPY that is put off, or on its way, is none of theirs.
        let copying = std::mem::take(&mut self.copying);
        let sent = self.send_batch(&batch);
        self.copying = copying;
        batch.sent(*sent.as_ref().unwrap_or(&false));
        self.batch = batch;
        sent.map(drop)
    }

    /// Says whether they could be sent at once.
    fn send_batch(&mut self, batch: &Batch) -> pgdmp::Result<bool> {
        let mut lost = None;
        if batch.each().len() > 1 {
            let Err(message) = self.session.query(batch.query()) else { return Ok(true) };
            if self.around.server.is_stopped() {
                return self.die(Fatal::Told);
            }
            // Whichever it was, none of them is done.
            lost = self.session.is_lost().then_some(message);
        }
        let here = self.context.place();
        let mut at_once = batch.each().len() == 1;
        for (alone, text) in batch.each() {
            self.context.go(alone.place.clone());
            let sent = match &alone.table {
                Some(table) => self.load_alone(table, lost.take())?,
                None => self.send_alone(alone.into(), text, lost.take())?,
            };
            if let Outcome::Failed(errors) = sent {
                self.late.errors += errors;
                let place = alone.place.as_ref().filter(|_| alone.of_entry);
                self.late.entries.extend(place.map(|place| place.index));
                at_once = false;
            }
        }
        self.context.go(here);
        Ok(at_once)
    }

    /// Sends a statement as a query of its own; `failure`: what is known of its end.
    pub(super) fn send_alone(
        &mut self,
        alone: Alone<'_>,
        text: &[u8],
        failure: Option<Message>,
    ) -> pgdmp::Result<Outcome> {
        if alone.of_entry
            && let Purpose::Setting { .. } | Purpose::AccessMethod = alone.purpose
        {
            return self.setting(alone.purpose, text, failure);
        }
        let mut query = std::mem::take(&mut self.query);
        query.clear();
        query.extend_from_slice(text);
        query.resize(query.len() + usize::from(alone.empty_lines), b'\n');
        let outcome = match failure {
            None => self.send(QUERY, &query),
            Some(message) => self.query_failed(QUERY, &message, &query),
        };
        query.shrink_to(1 << 20);
        self.query = query;
        outcome
    }

    /// Whether the server has a setting. pg_restore sets what the servers of its own release have;
    /// what others lack is no error of the archive.
    fn knows_setting(&self, name: &str) -> bool {
        let version = self.session.server_version();
        let since = match name {
            "transaction_timeout" => 170_000,
            "idle_in_transaction_session_timeout" => 90_600,
            "row_security" => 90_500,
            _ => 0,
        };
        version == 0 || version >= since
    }

    /// What an entry needs before it, which is said in other words when it fails.
    fn setting(
        &mut self,
        purpose: Purpose<'_>,
        text: &[u8],
        failure: Option<Message>,
    ) -> pgdmp::Result<Outcome> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = match purpose {
            Purpose::Setting { name: "default_tablespace", .. } => {
                text.strip_suffix(b";").unwrap_or(text)
            }
            _ => text,
        };
        let failure = failure.or_else(|| self.session.query(text).err());
        let Some(message) = failure else { return Ok(Outcome::Done) };
        let Purpose::Setting { name, value } = purpose else {
            let what = b"could not alter table access method: ";
            return self.failed(&[what, &message[..]].concat());
        };
        let value = value.unwrap_or_default();
        let (before, value, after): (_, &[u8], _) = match name {
            "session_authorization" => {
                let text = [b"could not set session user to \"", value, b"\": ", &message];
                return self.die(Fatal::server(text.concat()));
            }
            "search_path" => ("could not set \"search_path\" to \"", value, "\": "),
            "default_tablespace" => {
                // As it is quoted in the statement.
                let name = text.strip_prefix(b"SET default_tablespace = ").unwrap_or(value);
                let name = if value.is_empty() { b"\"\"" } else { name };
                ("could not set \"default_tablespace\" to ", name, ": ")
            }
            _ => ("could not set \"default_table_access_method\"", b"", ": "),
        };
        self.failed(&[before.as_bytes(), value, after.as_bytes(), &message].concat())
    }
}

/// What is to know of a statement that goes to the server alone.
pub(super) struct Alone<'a> {
    /// Whether an entry needs it.
    pub(super) of_entry: bool,
    pub(super) purpose: Purpose<'a>,
    pub(super) empty_lines: u8,
}

impl<'a> From<&Statement<'a>> for Alone<'a> {
    fn from(statement: &Statement<'a>) -> Self {
        let Statement { entry, purpose, empty_lines, .. } = *statement;
        Alone { of_entry: entry.is_some(), purpose, empty_lines }
    }
}

impl<'a> From<&'a Queued> for Alone<'a> {
    fn from(queued: &'a Queued) -> Self {
        let Queued { of_entry, empty_lines, .. } = *queued;
        Alone { of_entry, purpose: queued.purpose(), empty_lines }
    }
}
