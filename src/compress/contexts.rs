//! What decoders leave for the next one.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::workers::Workers;

/// Memory that decoders reuse, and threads that decompress: an archive of 10,000 tiny tables makes
/// 10,000 decoders.
///
/// Share one (in an [`Arc`](std::sync::Arc)) among all decoders of an archive, in all threads.
#[derive(Default)]
pub(crate) struct Contexts {
    pub(super) buffers: Pool<Vec<u8>>,
    #[cfg(feature = "gzip")]
    pub(super) gathered: Pool<Vec<u8>>,
    #[cfg(feature = "gzip")]
    pub(super) gzip: Pool<super::gzip::Context>,
    #[cfg(feature = "lz4")]
    pub(super) lz4: Pool<super::lz4::Context>,
    #[cfg(feature = "zstd")]
    pub(super) zstd: Pool<super::zstd::Context>,
    /// Memory of pieces: of what is stored, and of what that becomes. Apart, for memory that was filled
    /// further last time need not be cleared.
    stored: Pool<Vec<u8>>,
    plain: Pool<Vec<u8>>,
    threads: usize,
    /// Made when there is something to do; `None` if they cannot be made.
    workers: OnceLock<Option<Workers>>,
    /// How many pieces wait to be decompressed or handed out, beyond one for each reader.
    waiting: AtomicUsize,
}

impl Contexts {
    /// For data that `threads` threads decompress together, of which one is the reader's.
    pub(crate) fn with_threads(threads: u32) -> Self {
        Contexts { threads: threads as usize, ..Contexts::default() }
    }

    /// Threads that decompress together.
    pub(super) fn threads(&self) -> usize {
        self.threads.max(1)
    }

    /// Whether another piece may wait; if so, [`release`](Self::release) follows.
    pub(super) fn acquire(&self) -> bool {
        let most = match self.threads() {
            1 => 0,
            // Those that work have each one, and some are ready.
            threads => threads + 2,
        };
        let more = |waiting| (waiting < most).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(super) fn release(&self, count: usize) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    /// Lets another thread do something, or nobody.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) {
        let others = self.threads() - 1;
        let workers = self.workers.get_or_init(|| Workers::new("decompress", others).ok());
        if let Some(workers) = workers {
            // If they have ended, whoever needs the result does it.
            let _ = workers.submit(Box::new(job));
        }
    }

    /// Memory for the stored bytes of a piece.
    pub(super) fn take_stored(&self) -> Vec<u8> {
        self.stored.take().unwrap_or_default()
    }

    pub(super) fn give_stored(&self, memory: Vec<u8>) {
        self.stored.give_piece(memory);
    }

    /// Memory for what a piece becomes.
    pub(super) fn take_plain(&self) -> Vec<u8> {
        self.plain.take().unwrap_or_default()
    }

    pub(super) fn give_plain(&self, memory: Vec<u8>) {
        self.plain.give_piece(memory);
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").finish_non_exhaustive()
    }
}

pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    /// As many as threads that profit; more would only hold memory.
    const KEPT: usize = 8;

    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(super) fn give(&self, item: T) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::KEPT {
            kept.push(item);
        }
    }
}

impl Pool<Vec<u8>> {
    fn give_piece(&self, memory: Vec<u8>) {
        /// Most pieces are of 1 MiB.
        const KEPT_BYTES: usize = 2 << 20;
        if (1..=KEPT_BYTES).contains(&memory.capacity()) {
            self.give(memory);
        }
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool(Mutex::new(Vec::new()))
    }
}
