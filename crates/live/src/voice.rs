//! What a restore has to say.

use crate::progress::Progress;

/// Hears what a restore has to say, in the words of `pg_restore`. All text is in the encoding of
/// the archive, may have several lines, and may end with a line end, which is not part of it.
///
/// Several sessions may speak at once.
pub trait Voice: Sync {
    /// Something could not be done; the restore goes on.
    fn error(&self, text: &[u8]);

    /// Something is not as it should be.
    fn warning(&self, text: &[u8]);

    /// What `pg_restore -v` says.
    fn info(&self, text: &[u8]);

    /// What `pg_restore -v -v` says besides.
    fn debug(&self, _: &[u8]) {}

    /// Whether [`info`](Self::info) is heard; if not, it is not called.
    fn is_verbose(&self) -> bool {
        false
    }

    /// The present time, as text. A server that is gone has it shown, at the end of a
    /// [verbose](pgdmp::script::ScriptOptions::verbose) restore.
    fn now(&self) -> String {
        "[unknown]".to_owned()
    }

    /// How far the restore is.
    fn progress(&self, _: &Progress<'_>) {}

    /// Whether [`progress`](Self::progress) is heard; if not, it is not called. A restore by faster
    /// means then has a session that is idle ask the server how far indexes are.
    fn wants_progress(&self) -> bool {
        false
    }

    /// Whether [`debug`](Self::debug) is heard; if not, it is not called.
    fn is_debug(&self) -> bool {
        false
    }
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Voice for Silent {
    fn error(&self, _: &[u8]) {}
    fn warning(&self, _: &[u8]) {}
    fn info(&self, _: &[u8]) {}
}
