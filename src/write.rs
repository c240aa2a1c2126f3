//! Writing archives from scratch.
//!
//! An [`ArchiveBuilder`] takes all entries, because the table of contents comes first in the file.
//! Then it becomes an [`ArchiveWriter`], which takes the data of each entry. [`EntryFields`] describe
//! an entry, [`WriteOptions`] the whole archive. A writer that is dropped before
//! [`finish`](ArchiveWriter::finish) leaves no archive that anything would read.
//!
//! To write an archive that is made of another one, use [`edit`](crate::edit).

pub use crate::archive::{
    ArchiveBuilder, ArchiveWriter, CompressedData, CompressedSink, CompressedWriter, Compressing,
    Compressor, DataWriter, LargeObjectWriter, LargeObjectsWriter, WriteOptions,
};
pub use crate::toc::EntryFields;
