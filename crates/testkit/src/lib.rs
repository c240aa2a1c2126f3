//! What tests, benches and fuzz targets share. Not published.

// Helpers, too, may fail a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(missing_docs, missing_debug_implementations)]

pub mod alloc;
pub mod archives;
pub mod build;
pub mod contents;
pub mod corpus;
pub mod damage;
pub mod effort;
pub mod fixtures;
pub mod foreign;
pub mod large;
pub mod listing;
pub mod many;
pub mod script;
pub mod server;
pub mod sha256;
pub mod sources;
pub mod watchdog;
