//! The crate's integration tests, as one program. The server is played: no libpq and no PostgreSQL
//! are needed. What a real one does is tested with the program (`crates/cli/tests/live_*.rs`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod analyze;
mod check;
mod fast;
mod further;
mod held;
mod order;
mod parallel;
mod pipe;
mod played;
mod serial;
mod small;
