//! Opening an archive and streaming what is in it: composes the layers below.

mod data;
mod large_objects;
mod open;
mod stored;
mod stream;

pub use data::EntryData;
pub use large_objects::{LargeObject, LargeObjects};
pub use open::{Archive, Block, OpenOptions};
pub use stored::StoredData;
pub use stream::{ArchiveStream, StreamBlock};
