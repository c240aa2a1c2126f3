//! The rows of one table, dealt to several sessions.
//!
//! The session that has the entry reads and decodes the data, cuts it where rows end, and deals the
//! pieces in turn to itself and to the sessions that help it. Each has a `COPY` of its own, in a
//! transaction. When all have loaded their rows, all commit; if one cannot, nobody does, and what is
//! told is the error of the row that comes first in the archive, with its line there.
//!
//! What is on its way is bounded: so many pieces wait for each session. A row of any length is
//! handed on in pieces.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use memchr::memchr3;
use pgdmp::TocEntry;
use pgdmp::script::Outcome;

use crate::fatal::Fatal;
use crate::session::{Copied, Message, Reply, Session, SqlState};
use crate::sink::{QUERY, SessionSink};

/// After so many bytes the next row goes to the next session.
const TURN: usize = 1 << 20;
/// So many bytes are handed on at once.
const PIECE: usize = 256 << 10;
/// So many pieces wait for a session.
const WAITING: usize = 4;

/// A lock could not be had in time.
const LOCKED: SqlState = *b"55P03";

/// The part of a table's rows that a session helps with: the dealer's side.
#[derive(Debug)]
pub(crate) struct Part {
    data: Option<SyncSender<Vec<u8>>>,
    told: Receiver<Result<(), Failure>>,
    end: Sender<End>,
    turns: Turns,
    /// Whether it was given rows, so that it has a transaction.
    has_rows: bool,
}

/// The same: the side of the session that helps.
#[derive(Debug)]
pub(crate) struct Help {
    copy: Vec<u8>,
    data: Receiver<Vec<u8>>,
    tell: Sender<Result<(), Failure>>,
    end: Receiver<End>,
}

/// How a part ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

/// Why a part is not loaded.
#[derive(Debug)]
struct Failure {
    message: Message,
    is_lost: bool,
    /// Whether a lock could not be had.
    is_locked: bool,
}

/// The turns of a session, and all rows that it had in those that are over.
#[derive(Debug, Default)]
struct Turns {
    all: Vec<Turn>,
    rows: u64,
}

/// Where a turn begins: rows that the session had before, and rows that the archive has before.
#[derive(Debug, Clone, Copy)]
struct Turn {
    had: u64,
    before: u64,
}

/// Both sides of a part; `copy`: the statement.
pub(crate) fn part(copy: &[u8]) -> (Part, Help) {
    let (data, pieces) = sync_channel(WAITING);
    let (tell, told) = channel();
    let (end, ended) = channel();
    let part = Part { data: Some(data), told, end, turns: Turns::default(), has_rows: false };
    (part, Help { copy: copy.to_vec(), data: pieces, tell, end: ended })
}

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

/// Finds where rows end.
#[derive(Debug, Default)]
struct Cutter {
    /// Rows that have ended.
    rows: u64,
    /// Whether the next byte stands for itself.
    escaped: bool,
    /// Rows of the archive before this turn, and of this session.
    turn: u64,
    had: u64,
    /// Bytes in this turn.
    bytes: usize,
    /// Whether there was something that no pg_dump writes, so that rows may end elsewhere: all that
    /// follows is for one session.
    odd: bool,
    /// Whether that would not mean to this session what it means to one that has all rows.
    again: bool,
}

impl Cutter {
    fn begin_turn(&mut self, had: u64) {
        (self.turn, self.had, self.bytes) = (self.rows, had, 0);
    }

    /// How much of the data belongs to this turn, and whether the turn ends there.
    fn cut(&mut self, data: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < data.len() {
            if self.escaped {
                self.escaped = false;
                if data[at] == b'.' {
                    self.is_odd();
                }
                at += 1;
                continue;
            }
            let Some(found) = memchr3(b'\n', b'\\', b'\r', &data[at..]) else { break };
            at += found + 1;
            match data[at - 1] {
                b'\\' => self.escaped = true,
                b'\r' => self.is_odd(),
                _ => {
                    self.rows += 1;
                    if self.bytes + at >= TURN && !self.odd {
                        return (at, true);
                    }
                }
            }
        }
        self.bytes += data.len();
        (data.len(), false)
    }

    fn is_odd(&mut self) {
        // A session learns from its first row how rows end.
        self.again |= self.rows > 0 && self.had + (self.rows - self.turn) == 0;
        self.odd = true;
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

    /// Helps to load the rows of a table.
    pub(crate) fn help(&mut self, help: Help) {
        let Help { copy, data, tell, end } = help;
        // Perhaps there is nothing to help with any more.
        let Ok(first) = data.recv() else { return };
        let loaded = load(&mut *self.session, &copy, first, data);
        let is_loaded = loaded.is_ok();
        let said = |result: Result<(), Message>, session: &dyn Session| {
            result.map_err(|message| Failure {
                message,
                is_lost: session.is_lost(),
                is_locked: session.last_state() == Some(LOCKED),
            })
        };
        let heard = tell.send(said(loaded, &*self.session)).is_ok();
        let end = if heard { end.recv().ok() } else { None };
        let ended = match end {
            Some(End::Commit) if is_loaded => self.session.query(b"COMMIT"),
            _ => self.session.query(b"ROLLBACK"),
        };
        // If nobody hears it, the dealer has come to an end of its own.
        let _ = tell.send(said(ended.map(drop), &*self.session));
    }
}

impl Part {
    /// Hands a piece on; says whether it was wanted.
    fn send(&mut self, piece: Vec<u8>) -> bool {
        self.has_rows = true;
        self.data.as_ref().is_some_and(|data| data.send(piece).is_ok())
    }

    fn told(&self) -> Result<(), Failure> {
        self.told.recv().unwrap_or_else(|_| {
            let message = b"a session that helped has ended".to_vec();
            Err(Failure { message, is_lost: true, is_locked: false })
        })
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

fn begin(session: &mut dyn Session, copy: &[u8]) -> Result<(), Message> {
    // Whoever wants the table alone now waits for the first session and is waited for by the next;
    // the server cannot see that these wait for each other.
    session.query(b"BEGIN; SET LOCAL lock_timeout = '3s'")?;
    match session.query(copy)? {
        Reply::CopyIn => Ok(()),
        Reply::Done => Err(b"the server takes no rows\n".to_vec()),
    }
}

/// Loads the rows of a part.
fn load(
    session: &mut dyn Session,
    copy: &[u8],
    first: Vec<u8>,
    data: Receiver<Vec<u8>>,
) -> Result<(), Message> {
    begin(session, copy)?;
    for piece in std::iter::once(first).chain(data) {
        if session.copy_has_failed() {
            break;
        }
        if let Err(message) = session.copy_data(&piece) {
            return Err(session.last_words().unwrap_or(message));
        }
    }
    match session.copy_end() {
        Ok(Copied { failure: Some(message), .. }) => Err(message),
        Ok(_) => Ok(()),
        Err(message) => Err(session.last_words().unwrap_or(message)),
    }
}

/// A failure of a part with its line in the archive, which comes first; the last of all if it has
/// none.
fn in_stream(message: Message, table: &[u8], turns: &[Turn]) -> (u64, Message) {
    // `CONTEXT:  COPY table, line 3, column x: …`, in any language.
    let copy = [b"COPY ", table, b", "].concat();
    let found = memchr::memmem::find(&message, &copy).map(|at| at + copy.len());
    let Some(start) = found else { return (u64::MAX, message) };
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let end_of_line = memchr::memchr(b'\n', &message[start..]).unwrap_or(message.len() - start);
    let Some(first) = message[start..start + end_of_line].iter().position(is_digit) else {
        return (u64::MAX, message);
    };
    let first = start + first;
    let digits = message[first..].iter().take_while(|byte| is_digit(byte)).count();
    let number = std::str::from_utf8(&message[first..first + digits]);
    let Some(line) = number.ok().and_then(|text| text.parse::<u64>().ok()) else {
        return (u64::MAX, message);
    };
    let turn = turns.iter().rev().find(|turn| turn.had < line).or(turns.first());
    let line = turn.map_or(line, |turn| turn.before + line.saturating_sub(turn.had));
    let (before, after) = (&message[..first], &message[first + digits..]);
    let text = [before, line.to_string().as_bytes(), after].concat();
    (line, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_where_they_do_for_the_server() {
        for (data, rows, odd) in [
            (&b"a\tb\nc\n"[..], 2, false),
            (b"a\\\nb\n", 1, false),
            (b"a\\\\\nb\n", 2, false),
            (b"\\N\t\\\\\\\n\\n\n", 1, false),
            (b"no end", 0, false),
            (b"a\\.\nb\n", 2, true),
            (b"a\\\\.\nb\n", 2, false),
            (b"a\r\nb\r\n", 2, true),
            (b"", 0, false),
        ] {
            for at in 0..=data.len() {
                let mut cutter = Cutter::default();
                for piece in [&data[..at], &data[at..]] {
                    assert_eq!(cutter.cut(piece), (piece.len(), false));
                }
                assert_eq!((cutter.rows, cutter.odd), (rows, odd), "{data:?}");
            }
        }
    }

    #[test]
    fn a_turn_ends_with_a_row() {
        let mut data = vec![b'x'; TURN - 10];
        data.extend_from_slice(b"\n0123456\\\nx\\\\\nnext\n");
        for at in [0, 1, TURN - 12, TURN - 9, TURN, TURN + 1] {
            let mut cutter = Cutter::default();
            assert_eq!(cutter.cut(&data[..at]), (at, false), "{at}");
            assert_eq!(cutter.cut(&data[at..]), (TURN + 4 - at, true), "{at}");
            assert_eq!(cutter.rows, 2);
        }
        // A row that is longer than a turn has one of its own.
        let mut cutter = Cutter::default();
        let long = vec![b'x'; 3 * TURN];
        assert_eq!(cutter.cut(&long), (long.len(), false));
        assert_eq!(cutter.cut(b"x\ny\n"), (2, true));
    }

    #[test]
    fn what_is_odd_stays_in_one_session() {
        let mut cutter = Cutter::default();
        cutter.cut(b"a\n\r");
        assert!(cutter.odd && !cutter.again);
        assert_eq!(cutter.cut(&[b'\n'; 3 * TURN]), (3 * TURN, false));
        // In the first row of a session it may mean something else.
        let mut cutter = Cutter::default();
        cutter.cut(b"a\nb\n");
        cutter.begin_turn(0);
        cutter.cut(b"c\\.");
        assert!(cutter.again);
    }

    #[test]
    fn errors_have_the_line_of_the_archive() {
        let turns = [(0, 0), (100, 300), (150, 450)].map(|(had, before)| Turn { had, before });
        let message = |line: u64| {
            format!("ERROR:  bad 12\nCONTEXT:  COPY a.b, line {line}, column x: \"99\"\n")
                .into_bytes()
        };
        for (line, there) in [(1, 1), (100, 100), (101, 301), (150, 350), (151, 451), (999, 1299)] {
            assert_eq!(in_stream(message(line), b"a.b", &turns), (there, message(there)));
        }
        let german = "KONTEXT:  COPY t, Zeile 101\n".as_bytes().to_vec();
        let expected = "KONTEXT:  COPY t, Zeile 301\n".as_bytes().to_vec();
        assert_eq!(in_stream(german, b"t", &turns), (301, expected));
        for other in ["ERROR:  disk full\n", "ERROR: COPY t, nothing\n9", ""] {
            let other = other.as_bytes().to_vec();
            assert_eq!(in_stream(other.clone(), b"t", &turns), (u64::MAX, other));
        }
    }
}
