//! The rows of one table, dealt to several sessions.
//!
//! The session that has the entry reads and decodes the data, cuts it where rows end, and deals the
//! pieces in turn to itself and to the sessions that help it. Each has a `COPY` of its own, in a
//! transaction. When all have loaded their rows, all commit; if one cannot, nobody does, and what is
//! told is the error of the row that comes first in the archive, with its line there.
//!
//! What is on its way is bounded: so many pieces wait for each session. A row of any length is
//! handed on in pieces.
//!
//! ```text
//! cutter.rs  where rows end, and turns
//! turns.rs   which rows a session has had, and the lines of errors
//! part.rs    the part of a session that helps
//! ```

mod cutter;
mod part;
mod turns;

use std::sync::mpsc::Receiver;

use pgdmp::TocEntry;
use pgdmp::script::Outcome;

use crate::fatal::Fatal;
use crate::session::{Copied, Message, SqlState};
use crate::sink::{QUERY, SessionSink};
use cutter::Cutter;
use part::{End, Failure, begin};
use turns::{Turn, Turns, in_stream};

pub(crate) use part::{Help, Part, part};

/// So many bytes are handed on at once.
const PIECE: usize = 256 << 10;

/// A lock could not be had in time.
const LOCKED: SqlState = *b"55P03";

/// Rows that are being dealt.
#[derive(Debug)]
pub(crate) struct Deal {
    /// Sessions that come to help.
    joins: Option<Receiver<Part>>,
    parts: Vec<Part>,
    /// The turns of the dealer's own session.
    turns: Turns,
    /// Whether no more rows are wanted.
    is_over: bool,
    /// The name of the table, and its name in SQL.
    table: Vec<u8>,
    qualified: Vec<u8>,
    /// Whose turn it is: the dealer's is 0.
    at: usize,
    /// What is not handed on yet.
    piece: Vec<u8>,
    cutter: Cutter,
}

impl Deal {
    pub(crate) fn new(entry: &TocEntry<'_>, joins: Receiver<Part>) -> Self {
        let first = Turn { had: 0, before: 0 };
        Deal {
            joins: Some(joins),
            parts: Vec::new(),
            turns: Turns { all: vec![first], rows: 0 },
            table: entry.tag().unwrap_or_default().to_vec(),
            qualified: entry.sql_name(),
            is_over: false,
            at: 0,
            piece: Vec::new(),
            cutter: Cutter::default(),
        }
    }

    fn next_turn(&mut self) {
        if let Some(joins) = &self.joins {
            self.parts.extend(joins.try_iter());
        }
        let before = self.cutter.rows;
        let had = before - self.cutter.turn;
        self.turns().rows += had;
        self.at = (self.at + 1) % (self.parts.len() + 1);
        let turns = self.turns();
        let had = turns.rows;
        turns.all.push(Turn { had, before });
        self.cutter.begin_turn(had);
    }

    /// The turns of the session whose turn it is.
    fn turns(&mut self) -> &mut Turns {
        match self.at.checked_sub(1) {
            None => &mut self.turns,
            Some(part) => &mut self.parts[part].turns,
        }
    }
}

impl Deal {
    fn truncate(&self) -> Vec<u8> {
        [b"TRUNCATE TABLE ONLY ", &self.qualified[..]].concat()
    }

    /// Ends all transactions of others; gives the first failure to do so.
    fn end(&self, end: End) -> Option<Failure> {
        for part in &self.parts {
            // One that is gone says so.
            let _ = part.end.send(end);
        }
        let mut first = None;
        for part in &self.parts {
            if let Err(failure) = part.told() {
                first.get_or_insert(failure);
            }
        }
        first
    }
}

impl SessionSink<'_> {
    /// Begins to load rows, which are dealt.
    pub(crate) fn begin_deal(&mut self, statement: &[u8]) -> pgdmp::Result<Outcome> {
        if let Some(deal) = self.deal.as_ref().filter(|_| self.may_have_rows()) {
            // An earlier run may have loaded some.
            if let Err(message) = self.session.query(&deal.truncate()) {
                let text = [b"could not empty table ", &deal.qualified[..], b": ", &message];
                return self.die(Fatal::server(text.concat()));
            }
        }
        match begin(&mut *self.session, statement) {
            Ok(()) => Ok(Outcome::Done),
            Err(message) => {
                self.deal = None;
                let is_locked = self.session.last_state() == Some(LOCKED);
                let _ = self.session.query(b"ROLLBACK");
                if is_locked {
                    return self.copy_begin(statement);
                }
                self.query_failed(QUERY, &message, statement)
            }
        }
    }

    /// Deals a piece of the data.
    pub(crate) fn deal_data(&mut self, mut data: &[u8]) -> pgdmp::Result<Outcome> {
        while let Some(deal) = &mut self.deal {
            let (n, ends) = deal.cutter.cut(data);
            let (now, rest) = data.split_at(n);
            data = rest;
            match deal.at.checked_sub(1) {
                None => {
                    if let Err(message) = self.session.copy_data(now) {
                        return self.data_failed("PQputCopyData", message);
                    }
                    if self.session.copy_has_failed() {
                        return self.end_deal_early();
                    }
                }
                Some(at) => {
                    deal.piece.extend_from_slice(now);
                    if (ends || deal.piece.len() >= PIECE)
                        && !deal.parts[at].send(std::mem::take(&mut deal.piece))
                    {
                        return self.end_deal_early();
                    }
                }
            }
            if ends {
                deal.next_turn();
            }
            if data.is_empty() {
                break;
            }
        }
        Ok(Outcome::Done)
    }

    /// A session wants no more rows, and says why.
    fn end_deal_early(&mut self) -> pgdmp::Result<Outcome> {
        if let Some(deal) = &mut self.deal {
            deal.is_over = true;
        }
        let ended = self.end_deal()?;
        Ok(self.before_its_end(ended))
    }

    /// All rows were dealt, or no more were wanted.
    pub(crate) fn end_deal(&mut self) -> pgdmp::Result<Outcome> {
        let Some(mut deal) = self.deal.take() else { return Ok(Outcome::Done) };

        // Whoever comes now is not needed.
        deal.joins = None;
        if let Some(at) = deal.at.checked_sub(1)
            && !deal.piece.is_empty()
        {
            deal.parts[at].send(std::mem::take(&mut deal.piece));
        }
        deal.parts.retain(|part| part.has_rows);
        deal.parts.iter_mut().for_each(|part| drop(part.data.take()));
        let table = &deal.table[..];
        let copied = self.session.copy_end();
        // Line by line of the archive, where that is known.
        let mut failures: Vec<(u64, Message)> = Vec::new();
        let mut surplus = false;
        let mut lost = None;
        let mut again = deal.cutter.again;
        match copied {
            Ok(Copied { failure, surplus: more }) => {
                surplus = more;
                again |= failure.is_some() && self.session.last_state() == Some(LOCKED);
                failures.extend(failure.map(|message| in_stream(message, table, &deal.turns.all)));
            }
            Err(message) => lost = Some(self.session.last_words().unwrap_or(message)),
        }
        for part in &deal.parts {
            match part.told() {
                Ok(()) => {}
                Err(Failure { message, is_lost: true, .. }) => drop(lost.get_or_insert(message)),
                Err(Failure { message, is_locked, .. }) => {
                    again |= is_locked;
                    failures.push(in_stream(message, table, &part.turns.all));
                }
            }
        }
        // A session that helped is lost: the rows can come again, to this one.
        let can_come_again = self.around.retry.is_some() && self.around.data_comes_again;
        if lost.is_some() && !self.session.is_lost() && can_come_again {
            (lost, again) = (None, true);
        }
        if let Some(message) = lost {
            let text = [b"error returned by PQputCopyEnd: ", &message[..]].concat();
            return self.die(Fatal::server(text));
        }
        let all_there = failures.is_empty() && !again && !deal.is_over;
        if all_there {
            let uncommitted = match deal.end(End::Commit) {
                None => self.session.query(b"COMMIT").err().map(|message| (message, false)),
                Some(Failure { message, is_lost, .. }) => Some((message, is_lost)),
            };
            let Some((message, helper_is_lost)) = uncommitted else {
                if surplus {
                    let what = b"unexpected extra results during COPY of table \"";
                    self.around.voice.warning(&[what, table, b"\""].concat());
                }
                return Ok(Outcome::Done);
            };
            // Some may have committed.
            let _ = self.session.query(b"ROLLBACK");
            if !self.session.is_lost() {
                self.empty(&deal)?;
                if helper_is_lost && can_come_again {
                    return Ok(Outcome::Again);
                }
            }
            return self.query_failed("could not commit database transaction", &message, b"COMMIT");
        }
        deal.end(End::Rollback);
        if !self.session.is_lost() {
            // The table is empty; now its file is, too.
            let _ = self.session.query(b"ROLLBACK");
            self.empty(&deal)?;
        }
        if again && self.around.data_comes_again {
            return Ok(Outcome::Again);
        }
        let first = failures.into_iter().min_by_key(|(line, _)| *line);
        let message = first.map_or_else(Vec::new, |(_, message)| message);
        self.failed(&[b"COPY failed for table \"", table, b"\": ", &message].concat())
    }

    fn empty(&mut self, deal: &Deal) -> pgdmp::Result<()> {
        match self.session.query(&deal.truncate()) {
            Ok(_) => Ok(()),
            Err(_) if self.around.server.is_stopped() => self.die(Fatal::Told),
            Err(message) => {
                let text = [b"could not empty table ", &deal.qualified[..], b": ", &message];
                self.die(Fatal::server(text.concat()))
            }
        }
    }
}
