//! The part of a table's rows that a session helps with, from both sides.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::LOCKED;
use super::turns::Turns;
use crate::session::{Copied, Message, Reply, Session};
use crate::sink::SessionSink;

/// So many pieces wait for a session.
const WAITING: usize = 4;

/// The part of a table's rows that a session helps with: the dealer's side.
#[derive(Debug)]
pub(crate) struct Part {
    pub(super) data: Option<SyncSender<Vec<u8>>>,
    told: Receiver<Result<(), Failure>>,
    pub(super) end: Sender<End>,
    pub(super) turns: Turns,
    /// Whether it was given rows, so that it has a transaction.
    pub(super) has_rows: bool,
}

/// The same: the side of the session that helps.
#[derive(Debug)]
pub(crate) struct Help {
    copy: Vec<u8>,
    pub(super) data: Receiver<Vec<u8>>,
    tell: Sender<Result<(), Failure>>,
    pub(super) end: Receiver<End>,
}

/// How a part ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
}

/// Why a part is not loaded.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: Message,
    pub(super) is_lost: bool,
    /// Whether a lock could not be had.
    pub(super) is_locked: bool,
}

/// Both sides of a part; `copy`: the statement.
pub(crate) fn part(copy: &[u8]) -> (Part, Help) {
    let (data, pieces) = sync_channel(WAITING);
    let (tell, told) = channel();
    let (end, ended) = channel();
    let part = Part { data: Some(data), told, end, turns: Turns::default(), has_rows: false };
    (part, Help { copy: copy.to_vec(), data: pieces, tell, end: ended })
}

impl Part {
    /// Hands a piece on; says whether it was wanted.
    pub(super) fn send(&mut self, piece: Vec<u8>) -> bool {
        self.has_rows = true;
        self.data.as_ref().is_some_and(|data| data.send(piece).is_ok())
    }

    pub(super) fn told(&self) -> Result<(), Failure> {
        self.told.recv().unwrap_or_else(|_| {
            let message = b"a session that helped has ended".to_vec();
            Err(Failure { message, is_lost: true, is_locked: false })
        })
    }
}

impl SessionSink<'_> {
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

/// Begins the COPY of a part, or of what the dealer keeps, in a transaction.
pub(super) fn begin(session: &mut dyn Session, copy: &[u8]) -> Result<(), Message> {
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
