//! Opening an archive and streaming what is in it: composes the layers below.

mod block;
mod data;
mod expected;
mod input;
mod large_objects;
mod length;
mod open;
mod options;
mod pass;
mod read_toc;
mod stored;
mod stored_check;
mod stream;
mod surplus;
mod write;

pub use block::Block;
pub use data::EntryData;
pub use input::Input;
pub use large_objects::{LargeObject, LargeObjects};
pub use open::{Archive, BlockInfo};
pub use options::OpenOptions;
pub use pass::Pass;
pub use stored::StoredData;
pub use stream::ArchiveStream;
pub use write::{
    ArchiveBuilder, ArchiveWriter, DataWriter, LargeObjectWriter, LargeObjectsWriter, WriteOptions,
};

pub(crate) use expected::Expected;
pub(crate) use open::kind_of;
pub(crate) use stored::{FRAME_WITHIN_CHUNK, StoredPiece};
pub(crate) use stored_check::{StoredCheck, Tail, has_end_marker};
pub(crate) use write::StoredWriter;
