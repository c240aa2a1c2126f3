//! Data that comes through a pipe, for sessions that restore it side by side.
//!
//! A thread reads the pipe from front to back. The data of an entry that has few bytes is read whole
//! and waits in memory for a session. Of an entry that has more, the session gets the rest while it
//! is read. What waits is bounded: when memory is used up, the thread reads on when a session is done
//! with some of it.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pgdmp::script::{Piece, Supply, Taker};
use pgdmp::{DumpId, Error, ErrorKind};

use crate::worker::News;

/// Bytes that wait in memory, unless the caller wants another number.
pub(crate) const BUFFER: usize = 128 << 20;
/// With less the thread would wait for sessions all the time.
const LEAST: usize = 4 << 20;
/// The data of an entry with no more bytes waits as a whole.
const SMALL: usize = 32 << 20;
/// So many bytes are handed on at once.
const PIECE: usize = 256 << 10;
/// So many pieces are read ahead of a session that has begun.
const AHEAD: usize = 4;
/// What a piece takes besides its bytes.
const OVERHEAD: usize = 256;

/// The memory for what waits.
pub(crate) struct Buffer {
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    /// What the reading thread waits for.
    wanted: Option<usize>,
    /// Whether nobody wants anything any more.
    closed: bool,
}

impl Buffer {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let most = most.max(LEAST);
        Arc::new(Buffer { most, state: Mutex::default(), freed: Condvar::new() })
    }

    /// Whether the reading thread can go on only when something that waits is restored.
    pub(crate) fn is_stuck(&self) -> bool {
        let state = self.state();
        state.wanted.is_some_and(|bytes| !self.has_room(&state, bytes))
    }

    /// Nobody wants anything any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
    }

    fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn has_room(&self, state: &State, bytes: usize) -> bool {
        state.used == 0 || state.used.saturating_add(bytes) <= self.most
    }

    /// Waits for room; `waits`: says that it does. `None` if nobody wants anything any more.
    fn take(self: &Arc<Self>, bytes: usize, waits: impl FnOnce()) -> Option<Held> {
        let mut state = self.state();
        if !self.has_room(&state, bytes) {
            state.wanted = Some(bytes);
            drop(state);
            waits();
            state = self.state();
            while !state.closed && !self.has_room(&state, bytes) {
                state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.wanted = None;
        }
        if state.closed {
            return None;
        }
        state.used = state.used.saturating_add(bytes);
        Some(Held { buffer: Arc::clone(self), bytes })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the memory that is used.
struct Held {
    buffer: Arc<Buffer>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.buffer.state();
        state.used = state.used.saturating_sub(self.bytes);
        drop(state);
        self.buffer.freed.notify_all();
    }
}

/// A piece of data, and the memory that it uses.
struct Chunk {
    piece: Piece<Arc<Vec<u8>>>,
    _held: Option<Held>,
}

/// What a session gets that restores an entry while it is read.
enum Coming {
    Chunk(Chunk),
    /// The end, and what is wrong with the data.
    End(Vec<Error>),
}

/// The data of an entry.
pub(crate) struct Source {
    chunks: VecDeque<Chunk>,
    /// The next of them, of data that is kept.
    at: usize,
    /// What comes behind them; `None`: they are all.
    rest: Option<Receiver<Coming>>,
    /// Whether there is no more to come, and some of it is gone.
    ended: bool,
    begun: bool,
    complaints: Vec<Error>,
    /// Whether the pipe ended without it.
    absent: bool,
    bytes: u64,
}

impl Source {
    fn new(chunks: VecDeque<Chunk>, rest: Option<Receiver<Coming>>) -> Self {
        Source {
            chunks,
            at: 0,
            rest,
            ended: false,
            begun: false,
            complaints: Vec::new(),
            absent: false,
            bytes: 0,
        }
    }

    /// The data of an entry that did not come.
    pub(crate) fn absent() -> Self {
        Source { absent: true, ..Source::new(VecDeque::new(), None) }
    }

    /// Whether all of it is there, so that it can be had again and again.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest.is_none()
    }

    /// Whether it can be had from its beginning.
    pub(crate) fn can_come_again(&self) -> bool {
        self.is_whole() || !self.begun
    }

    /// Bytes that were had of it the last time.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn begin(&mut self, entry: DumpId) -> pgdmp::Result<bool> {
        if !self.can_come_again() {
            return Err(usage(format!(
                "the data of entry {entry} has gone by in the pipe, and cannot be read again"
            )));
        }
        (self.begun, self.at, self.bytes) = (true, 0, 0);
        Ok(!self.absent)
    }

    fn next(&mut self) -> pgdmp::Result<Option<Piece<Arc<Vec<u8>>>>> {
        let piece = self.next_piece()?;
        if let Some(Piece::Data(bytes)) = &piece {
            self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        }
        Ok(piece)
    }

    fn next_piece(&mut self) -> pgdmp::Result<Option<Piece<Arc<Vec<u8>>>>> {
        let Some(rest) = &self.rest else {
            let piece = self.chunks.get(self.at).map(|chunk| chunk.piece.clone());
            self.at += 1;
            return Ok(piece);
        };
        if let Some(chunk) = self.chunks.pop_front() {
            return Ok(Some(chunk.piece));
        }
        if self.ended {
            return Ok(None);
        }
        match rest.recv() {
            Ok(Coming::Chunk(chunk)) => Ok(Some(chunk.piece)),
            Ok(Coming::End(complaints)) => {
                (self.complaints, self.ended) = (complaints, true);
                Ok(None)
            }
            // Why, the leader has heard.
            Err(_) => Err(usage("the pipe ended before the data".to_owned())),
        }
    }
}

fn usage(what: String) -> Error {
    Error::new(ErrorKind::Usage { what: what.into() })
}

/// Where a session finds the data of the entry that it restores.
pub(crate) struct Hand<'s>(pub(crate) &'s std::cell::RefCell<Option<Source>>);

impl Supply for Hand<'_> {
    fn begin(&mut self, entry: DumpId) -> pgdmp::Result<bool> {
        match &mut *self.0.borrow_mut() {
            Some(source) => source.begin(entry),
            None => Err(usage(format!("the data of entry {entry} was not handed on"))),
        }
    }

    fn next(&mut self) -> pgdmp::Result<Option<Piece<Arc<Vec<u8>>>>> {
        self.0.borrow_mut().as_mut().map_or(Ok(None), Source::next)
    }

    fn complaints(&mut self) -> Vec<Error> {
        let mut source = self.0.borrow_mut();
        source.as_mut().map_or_else(Vec::new, |source| std::mem::take(&mut source.complaints))
    }
}

/// Takes what is read, and tells the leader of it.
pub(crate) struct Intake {
    /// The places of the entries whose data is wanted and did not come yet.
    awaited: HashMap<DumpId, usize>,
    news: Sender<News>,
    buffer: Arc<Buffer>,
    small: usize,
    block: Option<Block>,
}

/// The data of an entry that is being read.
struct Block {
    place: usize,
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// What is not handed on yet.
    piece: Vec<u8>,
    /// Where it goes, once a session may have begun with it.
    rest: Option<SyncSender<Coming>>,
}

impl Intake {
    /// Takes the data of these entries, named with their places.
    pub(crate) fn new(
        awaited: HashMap<DumpId, usize>,
        news: Sender<News>,
        buffer: Arc<Buffer>,
    ) -> Self {
        let small = SMALL.min(buffer.most / 4);
        Intake { awaited, news, buffer, small, block: None }
    }

    /// All is read, or nothing more can be.
    pub(crate) fn finish(self, result: pgdmp::Result<()>) {
        let absent = self.awaited.into_values().collect();
        // The leader hears of it before the session that restores the last block does.
        let _ = self.news.send(News::Read { broken: result.err(), absent });
    }

    /// Hands on what was read of the present block; says whether it is wanted.
    fn hand_on(&mut self) -> bool {
        let Some(block) = &mut self.block else { return false };
        if block.piece.is_empty() {
            return true;
        }
        let mut bytes = std::mem::take(&mut block.piece);
        let len = bytes.len();
        bytes.shrink_to_fit();
        block.bytes = block.bytes.saturating_add(len);
        let piece = Piece::Data(Arc::new(bytes));
        self.add(piece, len)
    }

    fn add(&mut self, piece: Piece<Arc<Vec<u8>>>, len: usize) -> bool {
        let Some(block) = &mut self.block else { return false };
        if let Some(rest) = &block.rest {
            return rest.send(Coming::Chunk(Chunk { piece, _held: None })).is_ok();
        }
        let news = &self.news;
        let waits = || drop(news.send(News::Waits));
        let Some(held) = self.buffer.take(len.saturating_add(OVERHEAD), waits) else {
            return false;
        };
        block.chunks.push_back(Chunk { piece, _held: Some(held) });
        if block.bytes <= self.small {
            return true;
        }
        let (rest, coming) = sync_channel(AHEAD);
        block.rest = Some(rest);
        let source = Source::new(std::mem::take(&mut block.chunks), Some(coming));
        self.news.send(News::Came { place: block.place, source }).is_ok()
    }
}

impl Taker for Intake {
    fn has_all(&self) -> bool {
        self.awaited.is_empty() || self.buffer.is_closed()
    }

    fn begin(&mut self, entry: DumpId) -> bool {
        self.block = self.awaited.remove(&entry).map(|place| Block {
            place,
            chunks: VecDeque::new(),
            bytes: 0,
            piece: Vec::new(),
            rest: None,
        });
        self.block.is_some()
    }

    fn piece(&mut self, piece: Piece<&[u8]>) -> bool {
        let mut bytes = match piece {
            Piece::Data(bytes) => bytes,
            Piece::Object(oid) => return self.hand_on() && self.add(Piece::Object(oid), 0),
        };
        while let Some(block) = &mut self.block {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - block.piece.len()));
            block.piece.extend_from_slice(now);
            bytes = later;
            if block.piece.len() < PIECE {
                return true;
            }
            if !self.hand_on() {
                return false;
            }
        }
        false
    }

    fn end(&mut self, complaints: Vec<Error>) {
        if !self.hand_on() {
            return;
        }
        let Some(block) = self.block.take() else { return };
        // If nobody hears it, nobody wants it.
        match block.rest {
            Some(rest) => drop(rest.send(Coming::End(complaints))),
            None => {
                let source = Source { complaints, ..Source::new(block.chunks, None) };
                let _ = self.news.send(News::Came { place: block.place, source });
            }
        }
    }
}
