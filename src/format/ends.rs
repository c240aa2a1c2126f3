//! Where blocks end whose data was read, so that a walk over the archive need not read them again.
//!
//! Before PostgreSQL 16 each row of an uncompressed table is a chunk, and a walk over such short ones
//! reads them. A restore of one entry after the other would read all of the file twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The ends of blocks that were read, by their starts.
#[derive(Debug, Default)]
pub(super) struct Ends(Mutex<HashMap<u64, u64>>);

impl Ends {
    pub(super) fn of(&self, start: u64) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&start).copied()
    }

    /// What a reader of the block that begins at `start` tells when it comes to its end.
    pub(super) fn to_note(self: &Arc<Self>, start: u64) -> NoteEnd {
        NoteEnd { ends: Arc::clone(self), start }
    }
}

/// Notes where a block ends.
#[derive(Debug, Clone)]
pub(super) struct NoteEnd {
    ends: Arc<Ends>,
    start: u64,
}

impl NoteEnd {
    pub(super) fn note(self, end: u64) {
        self.ends.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.start, end);
    }
}
