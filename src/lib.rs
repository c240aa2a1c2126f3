//! Skeleton.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod compress;
mod error;
mod limits;
mod version;
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use version::{ArchiveVersion, Gate};
