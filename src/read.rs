//! Reading the data of archives.
//!
//! [`Archive::data`] and [`Archive::large_objects`] read the data of one entry; the readers own what
//! they need and can go to other threads. [`Archive::pass`] and [`ArchiveStream::pass`] go through
//! all data in the order of the file, which is the only way through a pipe. [`Archive::blocks`]
//! tells where the data lies, and [`Archive::stored`] reads it as it is stored.
//! [`Archive::data_range`] and [`Archive::rows_range`] read a part of one table.
//!
//! ```
//! use std::io;
//! use pgdmp::Archive;
//!
//! let archive = Archive::open("fixtures/pg18/small-dir")?;
//! for entry in archive.entries().filter(|entry| entry.has_data()) {
//!     if let Ok(mut data) = archive.data(entry.dump_id()) {
//!         println!("{}: {} bytes", entry.name(), data.copy_to(io::sink())?);
//!     }
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```

pub use crate::archive::{
    Archive, ArchiveStream, Block, BlockInfo, Candidate, DataRange, EntryData, Input, LargeObject,
    LargeObjects, OpenOptions, Pass, StoredData, Table,
};
pub use crate::limits::Limits;
pub use crate::surplus::Surplus;
