//! The rows of small tables, which wait to be sent with those of others.

use pgdmp::script::Outcome;

use super::SessionSink;
use super::held::{Held, How, is_empty};
use crate::session::Message;
use crate::small::{self, IDENTITY, SmallTable};

impl SessionSink<'_> {
    /// Has the rows of a small table wait, to be sent with those of others; says whether they do.
    pub(super) fn join_rows(&mut self) -> pgdmp::Result<bool> {
        let Held::Copy { truncate, copy, rows } = &self.held else { return Ok(false) };
        if !self.around.means.small_tables || self.session.in_transaction() {
            return Ok(false);
        }
        let Some(insert) = small::insert(copy, rows, self.has_since(IDENTITY)) else {
            return Ok(false);
        };
        let commands = match self.plain() {
            How::Emptied => [truncate, &insert[..]].concat(),
            _ => insert,
        };
        if !self.batch.has_room(commands.len()) {
            self.send_waiting()?;
        }
        if let Held::Copy { truncate, copy, rows } = std::mem::replace(&mut self.held, Held::Ended)
        {
            let table = SmallTable { tag: std::mem::take(&mut self.table), truncate, copy, rows };
            self.batch.push_rows(&commands, self.context.place(), table);
        }
        self.copying = false;
        if self.batch.is_full() {
            self.send_waiting()?;
        }
        Ok(true)
    }

    /// Loads the rows of a small table that waited, by COPY; `failure`: what is known of its end.
    pub(super) fn load_alone(
        &mut self,
        small: &SmallTable,
        failure: Option<Message>,
    ) -> pgdmp::Result<Outcome> {
        if let Some(message) = failure {
            return self.data_failed("PQputCopyEnd", message);
        }
        let SmallTable { tag, truncate, copy, rows } = small;
        // What is put off now is not about these rows.
        let held = std::mem::take(&mut self.held);
        let table = std::mem::replace(&mut self.table, tag.clone());
        let outcome = match self.plain() {
            How::Plain if is_empty(rows) => Outcome::Done,
            how => match self.load(truncate.clone(), copy, how)? {
                Outcome::Done => match self.copy_data(rows)? {
                    Outcome::Done => self.copy_end()?,
                    failed => failed,
                },
                failed => failed,
            },
        };
        (self.held, self.table) = (held, table);
        Ok(outcome)
    }
}
