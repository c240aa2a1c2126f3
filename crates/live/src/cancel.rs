//! Cancelling what runs, from another thread.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::libpq::Canceller;

/// Cancels the queries of all sessions of a restore, from any thread: for a program that is told
/// to end. Clones cancel the same sessions.
#[derive(Debug, Clone, Default)]
pub struct Cancels(Arc<Mutex<Vec<Weak<Canceller>>>>);

impl Cancels {
    /// Asks the server to cancel what the sessions do now. Waits until the server has heard it,
    /// not until the queries have ended.
    pub fn cancel_all(&self) {
        let all: Vec<_> = self.lock().iter().filter_map(Weak::upgrade).collect();
        for canceller in all {
            canceller.cancel();
        }
    }

    pub(crate) fn add(&self, canceller: &Arc<Canceller>) {
        let mut all = self.lock();
        all.retain(|canceller| canceller.strong_count() > 0);
        all.push(Arc::downgrade(canceller));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Canceller>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
