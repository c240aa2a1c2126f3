//! A transaction that is put off until it is clear how its work is best done.
//!
//! The rules begin a transaction to empty a table that is new and load its rows, and one for the
//! large objects of an entry. Both can be done in fewer queries:
//!
//! - `TRUNCATE` and `COPY … WITH (FREEZE)` as one query, which is a transaction. Where there are few
//!   rows, the `COPY` alone, or as an [INSERT](crate::small) together with others; where there are none,
//!   nothing.
//! - Large objects many at a time, each query a transaction.

use pgdmp::TocEntry;
use pgdmp::script::{Outcome, Purpose, Statement};

use super::{Alone, QUERY, SessionSink};
use crate::fatal::Fatal;
use crate::objects::Objects;
use crate::session::{Message, Reply};

/// What is put off.
#[derive(Debug, Default)]
pub(super) enum Held {
    #[default]
    Nothing,
    /// `BEGIN`.
    Begin,
    /// `BEGIN` and `TRUNCATE`.
    Truncate(Vec<u8>),
    /// `BEGIN`, `TRUNCATE`, `COPY` and rows.
    Copy { truncate: Vec<u8>, copy: Vec<u8>, rows: Vec<u8> },
    /// Rows are on their way.
    Rows { truncate: Vec<u8>, frozen: bool },
    /// The rows come once more.
    Again(Vec<u8>),
    /// Large objects.
    Objects(Objects),
    /// The transaction has ended with its query, and its `COMMIT` is nothing to send.
    Ended,
}

/// So few bytes of rows are not worth the new files of a `TRUNCATE`.
const FEW: usize = 64 << 10;

/// How rows get into a table that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Frozen,
    /// The table is emptied before.
    Emptied,
    Plain,
}

impl SessionSink<'_> {
    /// Puts a `BEGIN` off, if that may be of use.
    pub(super) fn hold_begin(&mut self) -> bool {
        let means = self.around.means;
        let holds = means.is_fast();
        if holds {
            self.held = Held::Begin;
        }
        holds
    }

    /// Whether nothing of a transaction of rows has been sent that is not over.
    pub(super) fn holds_rows(&self) -> bool {
        matches!(self.held, Held::Truncate(_) | Held::Copy { .. } | Held::Ended)
    }

    /// Puts a `TRUNCATE` off, behind its `BEGIN`.
    pub(super) fn hold_truncate(&mut self, statement: &Statement<'_>) -> bool {
        let may_join = self.around.means.small_tables;
        let inserts =
            statement.entry.is_some_and(|entry| entry.copy_stmt().is_none_or(<[u8]>::is_empty));
        let holds = statement.purpose == Purpose::Truncate
            && matches!(self.held, Held::Begin)
            && (self.freezes() || may_join || inserts);
        if holds {
            self.held = Held::Truncate(statement.text.to_vec());
        }
        holds
    }

    /// Whether rows are frozen, if they are many.
    fn freezes(&self) -> bool {
        self.around.means.freeze && !self.refuses_freeze && self.has_since(90_300)
    }

    /// Puts a `COPY` off, behind its `TRUNCATE`.
    pub(super) fn hold_copy(&mut self, statement: &[u8]) -> pgdmp::Result<Option<Outcome>> {
        match std::mem::take(&mut self.held) {
            Held::Truncate(truncate) if frozen(statement).is_some() => {
                let copy = statement.to_vec();
                self.held = Held::Copy { truncate, copy, rows: Vec::new() };
                self.copying = true;
                Ok(Some(Outcome::Done))
            }
            Held::Again(truncate) => self.load(truncate, statement, self.plain()).map(Some),
            held => {
                self.held = held;
                Ok(None)
            }
        }
    }

    /// INSERT statements are not for a transaction around all of them: one that fails takes no
    /// other with it.
    pub(super) fn hold_no_inserts(&mut self) -> pgdmp::Result<()> {
        match std::mem::take(&mut self.held) {
            Held::Truncate(truncate) => {
                self.held = Held::Ended;
                self.send_waiting()?;
                if self.plain() == How::Emptied
                    && let Err(message) = self.session.query(&truncate)
                {
                    let what = b"could not empty a table: ";
                    return self.die(Fatal::server([what, &message[..]].concat()));
                }
            }
            held => self.held = held,
        }
        Ok(())
    }

    /// How rows get into a table without being frozen. An earlier run may have loaded them, too.
    pub(super) fn plain(&self) -> How {
        if self.may_have_rows() { How::Emptied } else { How::Plain }
    }

    /// Takes rows while there are few of them.
    pub(super) fn hold_rows(&mut self, data: &[u8]) -> pgdmp::Result<Option<Outcome>> {
        let Held::Copy { rows, .. } = &mut self.held else { return Ok(None) };
        rows.extend_from_slice(data);
        if rows.len() < FEW {
            return Ok(Some(Outcome::Done));
        }
        self.send_rows(if self.freezes() { How::Frozen } else { How::Emptied }).map(Some)
    }

    /// All rows were there; sends them, if they were few. A new table without rows is complete.
    pub(super) fn end_rows(&mut self) -> pgdmp::Result<Outcome> {
        match &self.held {
            Held::Copy { rows, .. } if is_empty(rows) && self.plain() == How::Plain => {
                (self.held, self.copying) = (Held::Ended, false);
                Ok(Outcome::Done)
            }
            Held::Copy { .. } => match self.join_rows()? {
                true => Ok(Outcome::Done),
                false => self.send_rows(self.plain()),
            },
            _ => Ok(Outcome::Done),
        }
    }

    fn send_rows(&mut self, how: How) -> pgdmp::Result<Outcome> {
        let Held::Copy { truncate, copy, rows } = std::mem::take(&mut self.held) else {
            return Ok(Outcome::Done);
        };
        match self.load(truncate, &copy, how)? {
            Outcome::Done => self.copy_data(&rows),
            failed => Ok(failed),
        }
    }

    /// Begins to load rows into a table that is new, in one query. If that is refused, the usual
    /// statement says why.
    pub(super) fn load(
        &mut self,
        truncate: Vec<u8>,
        copy: &[u8],
        how: How,
    ) -> pgdmp::Result<Outcome> {
        self.send_waiting()?;
        let mut result = self.try_load(&truncate, copy, how);
        let mut frozen = how == How::Frozen;
        if frozen && result.is_err() && !self.session.is_lost() {
            let plain = self.try_load(&truncate, copy, self.plain());
            frozen = false;
            self.refuses_freeze |= plain.is_ok();
            // A session that was at its end has said why at first.
            if plain.is_ok() || !self.session.is_lost() {
                result = plain;
            }
        }
        match result {
            Ok(reply) => {
                self.copying = reply == Reply::CopyIn;
                self.held = Held::Rows { truncate, frozen };
                Ok(Outcome::Done)
            }
            Err(message) => {
                self.copying = false;
                self.held = Held::Ended;
                self.query_failed(QUERY, &message, copy)
            }
        }
    }

    fn try_load(&mut self, truncate: &[u8], copy: &[u8], how: How) -> Result<Reply, Message> {
        let sql = match (how, frozen(copy)) {
            (How::Frozen, Some(frozen)) => [truncate, &frozen].concat(),
            (How::Emptied, _) => [truncate, copy].concat(),
            _ => copy.to_vec(),
        };
        self.session.query(&sql)
    }

    /// Rows could not be loaded: whether they shall come again, to be loaded in the usual way.
    pub(super) fn loads_again(&mut self) -> bool {
        /// Refusals of FREEZE: by the kind of table, within a transaction, by what it has seen.
        const REFUSALS: &[[u8; 5]] = &[*b"0A000", *b"25000", *b"55000"];
        let refused = self.session.last_state().is_some_and(|state| REFUSALS.contains(&state));
        match std::mem::take(&mut self.held) {
            Held::Rows { truncate, frozen: true } if refused && self.around.data_comes_again => {
                self.refuses_freeze = true;
                self.held = Held::Again(truncate);
                true
            }
            held => {
                self.held = held;
                false
            }
        }
    }

    /// Ends a transaction that was put off, if it was; `None`: it was begun.
    pub(super) fn end_held(&mut self) -> pgdmp::Result<Option<Outcome>> {
        match std::mem::take(&mut self.held) {
            Held::Nothing => Ok(None),
            Held::Objects(objects) => {
                self.held = Held::Objects(objects);
                let failures = self.send_objects()?;
                self.held = Held::Nothing;
                Ok(Some(failed(failures)))
            }
            _ => Ok(Some(Outcome::Done)),
        }
    }

    /// Sends what was put off and turns out to be needed.
    pub(super) fn send_held(&mut self, entry: Option<TocEntry<'_>>) -> pgdmp::Result<u64> {
        let mut failures = 0;
        let mut count = |outcome: Outcome| {
            if let Outcome::Failed(n) = outcome {
                failures += n;
            }
        };
        if matches!(self.held, Held::Begin | Held::Truncate(_)) {
            self.send_waiting()?;
        }
        match std::mem::take(&mut self.held) {
            Held::Begin => count(self.begin()?),
            Held::Truncate(text) => {
                count(self.begin()?);
                let of_entry = entry.is_some();
                let alone = Alone { of_entry, purpose: Purpose::Truncate, empty_lines: 1 };
                count(self.send_alone(alone, &text, None)?);
            }
            held => self.held = held,
        }
        Ok(failures)
    }
}

pub(super) fn failed(failures: u64) -> Outcome {
    if failures == 0 { Outcome::Done } else { Outcome::Failed(failures) }
}

/// Whether there is no row before the end of the rows.
pub(super) fn is_empty(rows: &[u8]) -> bool {
    rows.is_empty() || rows.starts_with(b"\\.\n")
}

/// The statement with FREEZE, if it is one that pg_dump writes.
fn frozen(copy: &[u8]) -> Option<Vec<u8>> {
    let start = copy.strip_suffix(b" FROM stdin;\n")?;
    let is_plain = start.starts_with(b"COPY ") && !start.ends_with(b" WITH OIDS");
    is_plain.then(|| [start, b" FROM stdin WITH (FREEZE);\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_pg_dump_can_freeze() {
        assert_eq!(
            frozen(b"COPY public.t (a, \" FROM stdin;\") FROM stdin;\n").unwrap(),
            b"COPY public.t (a, \" FROM stdin;\") FROM stdin WITH (FREEZE);\n"
        );
        for other in [
            &b"COPY t WITH OIDS FROM stdin;\n"[..],
            b"COPY t FROM stdin WITH (FORMAT csv);\n",
            b"COPY t FROM stdin",
            b"",
        ] {
            assert_eq!(frozen(other), None);
        }
    }
}
