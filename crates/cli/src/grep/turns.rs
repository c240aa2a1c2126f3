//! The output of several threads in the order of their work.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::table::Give;
use crate::output::Output;
use crate::{Failure, message};

/// Bytes of output that wait for their turn, before those who make more have to wait.
const WAITING: usize = 8 << 20;

/// Hands out pieces of work in order, and prints what comes of them in the same order.
#[derive(Debug)]
pub(super) struct Turns {
    next: AtomicUsize,
    over: AtomicBool,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug)]
struct State {
    out: Output,
    /// The piece of work whose output is printed now.
    turn: usize,
    /// What came of pieces that are done and whose turn is still to come.
    done: BTreeMap<usize, Done>,
    /// Bytes of that.
    waiting: usize,
    found: bool,
    /// The last one, which nobody was told of.
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Done {
    text: Vec<u8>,
    found: Result<u64, Failure>,
}

impl Turns {
    pub(super) fn new(out: Output) -> Self {
        let state =
            State { out, turn: 0, done: BTreeMap::new(), waiting: 0, found: false, failure: None };
        Turns {
            next: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            state: Mutex::new(state),
            moved: Condvar::new(),
        }
    }

    /// Whether nothing more can be printed.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// The next of so many pieces of work.
    pub(super) fn next(&self, of: usize) -> Option<usize> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        (n < of && !self.is_over()).then_some(n)
    }

    /// Does the work with this number, each once and in order; it gives the number of matches.
    pub(super) fn take(&self, n: usize, work: impl FnOnce(Give<'_>) -> Result<u64, Failure>) {
        let _give_up = GiveUp(self);
        let mut text = Vec::new();
        let found = work(&mut |more| {
            if more.is_empty() {
                return;
            }
            text.append(more);
            let mut state = self.lock();
            if state.turn != n && state.waiting + text.len() > WAITING {
                state = self.wait(state, n);
            }
            if state.turn == n {
                self.print(&mut state, &text);
                text.clear();
            }
        });
        let mut state = self.lock();
        if state.turn != n && state.waiting + text.len() > WAITING {
            state = self.wait(state, n);
        }
        state.waiting += text.len();
        state.done.insert(n, Done { text, found });
        let turn = state.turn;
        while let Some(done) = {
            let turn = state.turn;
            state.done.remove(&turn)
        } {
            state.turn += 1;
            state.waiting -= done.text.len();
            self.print(&mut state, &done.text);
            match done.found {
                Ok(found) => state.found |= found > 0,
                // Whoever closed the output is told nothing.
                Err(_) if self.is_over() => {}
                Err(failure) => {
                    if let Some(earlier) = state.failure.replace(failure) {
                        message::error(earlier);
                    }
                }
            }
        }
        if state.turn != turn {
            self.moved.notify_all();
        }
    }

    /// Ends the output; whether something was found.
    pub(super) fn finish(self) -> Result<bool, Failure> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failure {
            // What is still to be printed comes first.
            Some(failure @ Failure::Output(_)) => Err(failure),
            Some(failure) => {
                state.out.finish()?;
                Err(failure)
            }
            None => state.out.finish().map(|()| state.found),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of a piece of work.
    fn wait<'s>(&self, state: MutexGuard<'s, State>, n: usize) -> MutexGuard<'s, State> {
        let waiting = |state: &mut State| state.turn != n && !self.is_over();
        self.moved.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, state: &mut State, text: &[u8]) {
        if self.is_over() {
            return;
        }
        if let Err(error) = state.out.write_all(text) {
            state.failure = Some(Failure::Output(error));
            self.over.store(true, Ordering::Relaxed);
            self.moved.notify_all();
        }
    }
}

/// Keeps the others from waiting for a thread that panicked.
struct GiveUp<'a>(&'a Turns);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // Nobody is between a look at this and waiting.
            let _state = self.0.lock();
            self.0.over.store(true, Ordering::Relaxed);
            self.0.moved.notify_all();
        }
    }
}
