//! Archives for servers that are not the one they came from: of an older release, with other
//! names, or run by a service that keeps its superuser.

mod managed;
mod map;
mod sql;
mod target;

use std::fmt;

pub use managed::Service;
pub use map::{Mapped, Mapping};
pub use target::TargetVersion;

use crate::error::EntryName;
use crate::toc::TocEntry;

/// Something to say about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The entry.
    pub entry: EntryName,
    /// What is to be said.
    pub what: String,
}

impl Finding {
    fn new(entry: TocEntry<'_>, what: impl Into<String>) -> Self {
        Finding { entry: entry.name(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} {}: {}", self.entry.dump_id, self.entry.name, self.what)
    }
}
