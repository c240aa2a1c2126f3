//! Stopping what runs, from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::ffi::Canceller;

/// Stops all sessions of a server, from any thread: for a program that is told to end. Clones stop
/// the same sessions.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<Stop>);

#[derive(Debug, Default)]
struct Stop {
    stopped: AtomicBool,
    sessions: Mutex<Vec<Weak<Canceller>>>,
}

impl Stopper {
    /// Asks the server to cancel what the sessions do now, and has them begin nothing more. Waits
    /// until the server has heard it, not until the queries have ended.
    ///
    /// A query that a session was about to send may be sent all the same; who waits for the end
    /// calls this again.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
        let all: Vec<_> = self.sessions().iter().filter_map(Weak::upgrade).collect();
        for canceller in all {
            canceller.cancel();
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn add(&self, canceller: &Arc<Canceller>) {
        let mut all = self.sessions();
        all.retain(|canceller| canceller.strong_count() > 0);
        all.push(Arc::downgrade(canceller));
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Weak<Canceller>>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
