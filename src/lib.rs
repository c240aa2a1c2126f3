//! Skeleton.
mod archive;
pub mod compress;
mod error;
mod format;
mod limits;
mod source;
mod toc;
mod version;
mod wire;
pub use archive::*;
pub use error::{Error, ErrorKind, Result, NotAnArchive, EntryName};
pub use format::block::BlockKind;
pub use limits::Limits;
pub use version::{ArchiveVersion, Gate};
pub use toc::*;
pub use source::*;
pub use wire::{Dialect,LastField};
