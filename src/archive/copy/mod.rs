//! Data from one archive into another, as it is stored where that is possible.
//!
//! ```text
//! moving.rs    the data of one table or large object: moved as it is stored, else decompressed and
//!              compressed
//! blocks.rs    blocks of custom archives, copied with their framing
//! whole.rs     archives in which nothing changes
//! ```

mod blocks;
mod moving;
mod whole;

pub(crate) use moving::{Moving, OnWarning, Warn, tell};

/// What is done with data that stays in its compression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways {
    /// It is compressed anew.
    pub(crate) recompress: bool,
    /// It is decoded while it is moved.
    pub(crate) decode: bool,
}
