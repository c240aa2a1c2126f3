//! The integration tests, one module for each thing that is proved.
#![allow(missing_docs)]

#[cfg(feature = "cli")]
mod cli;
mod live;
