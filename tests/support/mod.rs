//! What the tests share.

pub(crate) mod alloc;
pub(crate) mod build;
pub(crate) mod contents;
pub(crate) mod fixtures;
pub(crate) mod listing;
#[cfg(feature = "cli")]
pub(crate) mod program;
pub(crate) mod script;
// Each kind of live test needs a part of it.
#[allow(dead_code)]
pub(crate) mod server;
pub(crate) mod sha256;
pub(crate) mod sources;
pub(crate) mod watchdog;
