//! A stream that one thread decompresses while another uses what came out.
//!
//! A few buffers are filled ahead. A thread that has filled them goes to other work, and none waits:
//! whoever needs a buffer that nobody is about to fill does it. So threads are never held up by
//! readers that nobody reads.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::cutter::PieceSource;
use super::replay::{Detached, Replay};
use super::workers::ended;
use super::{Contexts, Decoder};
use crate::error::Error;

/// Plain bytes of a buffer.
const BUFFER: usize = 256 << 10;

/// Buffers that are filled ahead.
const READY: usize = 4;

pub(super) struct Ahead {
    shared: Arc<Shared>,
    contexts: Arc<Contexts>,
    current: Vec<u8>,
    used: usize,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    ready: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    /// `None` while a thread has it.
    decoder: Option<Decoder<Detached>>,
    /// How decompressing ended.
    end: Option<io::Result<()>>,
    /// Whether a thread has it, or is told to take it.
    ordered: bool,
    /// Whether nobody is going to read on.
    given_up: bool,
}

impl Ahead {
    pub(super) fn new(decoder: Decoder<Detached>, contexts: &Arc<Contexts>) -> Self {
        let state = State {
            ready: VecDeque::new(),
            spare: Vec::new(),
            decoder: Some(decoder),
            end: None,
            ordered: false,
            given_up: false,
        };
        Ahead {
            shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }),
            contexts: Arc::clone(contexts),
            current: Vec::new(),
            used: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.current[self.used..]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.used = self.current.len().min(self.used + count);
    }

    /// Makes the next buffer the current one. At the end it gives the decoder back, if there is one,
    /// and says how decompressing ended.
    pub(super) fn next(&mut self) -> Option<(Option<Decoder<Detached>>, io::Result<()>)> {
        let mut state = self.shared.lock();
        state.spare.push(std::mem::take(&mut self.current));
        self.used = 0;
        loop {
            if let Some(buffer) = state.ready.pop_front() {
                self.current = buffer;
                let more = state.end.is_none() && state.ready.len() < READY;
                if more && !std::mem::replace(&mut state.ordered, true) {
                    let shared = Arc::clone(&self.shared);
                    self.contexts.submit(move || shared.fill_all());
                }
                return None;
            }
            if let Some(end) = state.end.take() {
                return Some((state.decoder.take(), end));
            }
            state = match state.decoder.take() {
                Some(decoder) => {
                    drop(state);
                    self.shared.fill(decoder)
                }
                None => self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.lock().given_up = true;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills all buffers, or as many as there is data for.
    fn fill_all(&self) {
        let mut state = self.lock();
        while !state.given_up && state.end.is_none() && state.ready.len() < READY {
            // Whoever reads is at it.
            let Some(decoder) = state.decoder.take() else { break };
            drop(state);
            state = self.fill(decoder);
        }
        state.ordered = false;
    }

    /// Fills one buffer.
    fn fill(&self, decoder: Decoder<Detached>) -> MutexGuard<'_, State> {
        let mut filling = Filling { shared: self, decoder: Some(decoder), filled: None };
        let mut buffer = self.lock().spare.pop().unwrap_or_default();
        if let Some(decoder) = &mut filling.decoder {
            let end = decode(decoder, &mut buffer);
            filling.filled = Some((buffer, end));
        }
        drop(filling);
        self.lock()
    }
}

/// Tells whoever waits, even if decompressing panics.
struct Filling<'a> {
    shared: &'a Shared,
    decoder: Option<Decoder<Detached>>,
    filled: Option<(Vec<u8>, Option<io::Result<()>>)>,
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        let filled = self.filled.take();
        let (buffer, end) = filled.unwrap_or_else(|| (Vec::new(), Some(Err(ended()))));
        let mut state = self.shared.lock();
        if !buffer.is_empty() {
            state.ready.push_back(buffer);
        }
        state.end = end;
        state.decoder = self.decoder.take();
        self.shared.changed.notify_all();
    }
}

/// Where decoding has come to, not counting what lies between chunks.
pub(super) fn position<R: PieceSource>(decoder: &Decoder<Replay<R>>) -> u64 {
    decoder.get_ref().position() - decoder.ahead() as u64
}

/// Decompresses until the buffer is full, and says whether that was all.
fn decode(decoder: &mut Decoder<Detached>, buffer: &mut Vec<u8>) -> Option<io::Result<()>> {
    buffer.resize(BUFFER, 0);
    let mut len = 0;
    let end = loop {
        if len == BUFFER {
            break None;
        }
        match decoder.read(&mut buffer[len..]) {
            Ok(0) => break Some(Ok(())),
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Reading goes on meanwhile, so the place is known here alone.
            Err(error) => break Some(Err(Error::from(error).at(position(decoder)).into())),
        }
    };
    buffer.truncate(len);
    end
}
