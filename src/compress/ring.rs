//! Pieces that were read and wait for their turn, while threads decompress them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Contexts;
use super::cutter::Kind;
use super::workers::ended;
use crate::Limits;

/// Plain bytes that wait for their turn, at most: of 2 pieces or more.
const AHEAD: usize = 16 << 20;

/// The pieces of one reader, in order.
///
/// All readers of an archive share a number of pieces that wait, beyond one for each of them.
pub(super) struct Ring {
    slots: VecDeque<Arc<Slot>>,
    /// Plain bytes that they become, as far as that is known.
    ahead: usize,
    contexts: Arc<Contexts>,
    limits: Limits,
}

/// A piece that is not decompressed yet.
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) stored: Vec<u8>,
    /// Where its stored bytes stand.
    pub(super) at: u64,
    /// Plain bytes, as far as it says so.
    pub(super) len: usize,
}

/// A piece whose turn it is.
pub(super) struct Done {
    pub(super) stored: Vec<u8>,
    pub(super) at: u64,
    pub(super) plain: io::Result<Plain>,
}

impl Ring {
    pub(super) fn new(contexts: &Arc<Contexts>, limits: &Limits) -> Self {
        let contexts = Arc::clone(contexts);
        Ring { slots: VecDeque::new(), ahead: 0, contexts, limits: *limits }
    }

    /// Where the stored bytes of the first stand.
    pub(super) fn position(&self) -> Option<u64> {
        self.slots.front().map(|slot| slot.at)
    }

    /// Whether another one may wait here. If so, [`push`](Self::push) follows or
    /// [`give_up_room`](Self::give_up_room).
    pub(super) fn has_room(&self) -> bool {
        self.slots.is_empty() || (self.ahead < AHEAD && self.contexts.acquire())
    }

    pub(super) fn give_up_room(&self) {
        if !self.slots.is_empty() {
            self.contexts.release(1);
        }
    }

    pub(super) fn push(&mut self, piece: Piece) {
        let Piece { kind, stored, at, len } = piece;
        let state = Mutex::new(State::Waiting(stored));
        let slot = Arc::new(Slot { state, done: Condvar::new(), kind, at, len });
        self.ahead += len;
        // The first one is decompressed by whoever needs it.
        if !self.slots.is_empty() {
            let (slot, limits) = (Arc::clone(&slot), self.limits);
            let contexts = Arc::clone(&self.contexts);
            self.contexts.submit(move || slot.run(&contexts, &limits));
        }
        self.slots.push_back(slot);
    }

    /// The next piece, decompressed.
    pub(super) fn pop(&mut self) -> Option<Done> {
        let slot = self.slots.pop_front()?;
        if !self.slots.is_empty() {
            self.contexts.release(1);
        }
        self.ahead -= slot.len;
        slot.run(&self.contexts, &self.limits);
        // While another thread is at it, there may be others to do.
        while slot.is_running()
            && let Some(waiting) = self.slots.iter().find(|slot| slot.is_waiting())
        {
            waiting.run(&self.contexts, &self.limits);
        }
        let (stored, plain) = slot.take();
        Some(Done { stored, at: slot.at, plain })
    }

    /// The stored bytes of the next piece, and where they stand.
    pub(super) fn pop_stored(&mut self) -> Option<(Vec<u8>, u64)> {
        let slot = self.slots.pop_front()?;
        if !self.slots.is_empty() {
            self.contexts.release(1);
        }
        self.ahead -= slot.len;
        slot.cancel();
        Some((slot.take().0, slot.at))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.slots.iter().for_each(|slot| slot.cancel());
        self.contexts.release(self.slots.len().saturating_sub(1));
    }
}

/// A piece, from when it was read to when it is handed out.
struct Slot {
    state: Mutex<State>,
    done: Condvar,
    kind: Kind,
    /// Where its stored bytes stand.
    at: u64,
    /// Plain bytes, as far as it says so.
    len: usize,
}

enum State {
    Waiting(Vec<u8>),
    Running,
    /// The stored bytes, and what they became.
    Done(Vec<u8>, io::Result<Plain>),
    Taken,
}

/// What a piece became.
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    /// Of a zlib stream: the checksum of this piece, and at its end that of all.
    pub(super) checksum: u32,
    pub(super) trailer: Option<u32>,
}

impl Plain {
    /// The checksum of what came before and of this.
    pub(super) fn append_to(&self, before: u32) -> u32 {
        #[cfg(feature = "gzip")]
        return zlib_rs::adler32::adler32_combine(before, self.checksum, self.bytes.len() as u64);
        #[cfg(not(feature = "gzip"))]
        return before.max(self.checksum);
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decompresses the piece, unless that was begun.
    fn run(&self, contexts: &Arc<Contexts>, limits: &Limits) {
        let stored = {
            let mut state = self.lock();
            match std::mem::replace(&mut *state, State::Running) {
                State::Waiting(stored) => stored,
                other => {
                    *state = other;
                    return;
                }
            }
        };
        let mut running = Running { slot: self, outcome: None };
        let plain = self.kind.decode(&stored, self.len, contexts, limits);
        running.outcome = Some((stored, plain));
    }

    fn is_running(&self) -> bool {
        matches!(*self.lock(), State::Running)
    }

    fn is_waiting(&self) -> bool {
        matches!(*self.lock(), State::Waiting(_))
    }

    /// Lets nobody begin with it.
    fn cancel(&self) {
        let mut state = self.lock();
        if let State::Waiting(stored) = &mut *state {
            let stored = std::mem::take(stored);
            *state = State::Done(stored, Err(ended()));
        }
    }

    /// The stored bytes, and what they became: after someone has begun.
    fn take(&self) -> (Vec<u8>, io::Result<Plain>) {
        let mut state = self.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Done(stored, plain) => return (stored, plain),
                State::Running => {
                    *state = State::Running;
                    state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                State::Waiting(_) | State::Taken => return (Vec::new(), Err(ended())),
            }
        }
    }
}

/// Tells whoever waits, even if decompressing panics.
struct Running<'a> {
    slot: &'a Slot,
    outcome: Option<(Vec<u8>, io::Result<Plain>)>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let (stored, plain) = self.outcome.take().unwrap_or_else(|| (Vec::new(), Err(ended())));
        *self.slot.lock() = State::Done(stored, plain);
        self.slot.done.notify_all();
    }
}
