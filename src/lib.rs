//! Skeleton.
mod archive;
pub mod compress;
mod error;
mod format;
mod limits;
mod list;
mod script;
mod select;
mod source;
mod toc;
mod version;
mod wire;
pub use archive::*;
pub use error::{EntryName, Error, ErrorKind, NotAnArchive, Result};
pub use format::block::BlockKind;
pub use limits::Limits;
pub use list::Listing;
pub use script::{Event, Observer, Report, RestrictKey, Script, ScriptOptions};
pub use select::{Decision, Rule, Selected, Selection, Unmatched, UseList, Wanted};
pub use source::*;
pub use toc::*;
pub use version::{ArchiveVersion, Gate};
pub use wire::{Dialect, LastField};

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
