//! Opening an archive and streaming what is in it: composes the layers below.

mod apart;
mod block;
mod builder;
mod candidate;
mod copy;
mod data;
mod expected;
mod input;
mod large_objects;
mod length;
mod open;
mod options;
mod pass;
mod piece;
mod pieces;
mod read_toc;
mod sizes;
mod storage;
mod stored;
mod stored_check;
mod stream;
mod surplus;
mod tables;
mod walked;
mod writer;

pub use apart::{CompressedData, CompressedSink, CompressedWriter, Compressing, Compressor};
pub use block::Block;
pub use builder::{ArchiveBuilder, WriteOptions};
pub use candidate::Candidate;
pub use data::EntryData;
pub use input::Input;
pub use large_objects::{LargeObject, LargeObjects};
pub use open::{Archive, BlockInfo};
pub use options::OpenOptions;
pub use pass::Pass;
pub use pieces::{DataWriter, LargeObjectWriter, LargeObjectsWriter};
pub use stored::StoredData;
pub use stream::ArchiveStream;
pub use tables::Table;
pub use writer::ArchiveWriter;

pub(crate) use copy::{Moving, OnWarning, Warn, Ways, tell};
pub(crate) use piece::StoredPiece;
pub(crate) use storage::{Storage, storage_setters};
pub(crate) use walked::Walked;
pub(crate) use writer::OnEntry;
