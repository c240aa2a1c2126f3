//! What decoders leave for the next one.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Memory that decoders reuse: an archive of 10,000 tiny tables makes 10,000 decoders.
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

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool(Mutex::new(Vec::new()))
    }
}
