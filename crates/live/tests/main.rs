//! The crate's integration tests, as one program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
