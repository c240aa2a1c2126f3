//! `JournalOptions`: where a journal is.

use std::path::PathBuf;

/// Where a restore notes what is done, and whether it goes on from what is noted there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalOptions {
    pub(crate) path: PathBuf,
    pub(crate) resume: bool,
    pub(crate) reload: bool,
}

impl JournalOptions {
    /// A restore from the beginning. A file that exists already is refused: it may be the journal
    /// of a restore that can be resumed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        JournalOptions { path: path.into(), resume: false, reload: false }
    }

    /// Whether the restore goes on where the journal ends. If there is no journal, it begins one.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Whether a table that was there before the restore, and has rows, is emptied before its rows
    /// are loaded again. Otherwise the restore ends there: the rows may be those of an earlier run.
    #[must_use]
    pub fn reload(mut self, reload: bool) -> Self {
        self.reload = reload;
        self
    }

    /// Whether there is a journal that the restore goes on with.
    pub fn goes_on(&self) -> bool {
        self.resume && self.path.exists()
    }
}
