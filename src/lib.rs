//! Skeleton.
pub mod compress;
mod error;
mod limits;
mod source;
mod toc;
mod version;
mod wire;
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use version::{ArchiveVersion, Gate};
pub use toc::*;
pub use source::*;
pub use wire::{Dialect,LastField};
