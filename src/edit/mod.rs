//! Making archives out of archives.
//!
//! ```text
//! convert.rs   Conversion: the whole job, from an opened archive or a pipe
//! plan.rs      which entries the new archive has, and what its version cannot express
//! groups.rs    large objects: the entries of each era
//! reindex.rs   missing offsets, written in place
//! moving.rs    the data: moved as it is stored where it can be, else decompressed and compressed
//! ```

mod convert;
mod groups;
mod moving;
mod plan;
mod reindex;

pub use convert::{Conversion, StreamConversion, Target};
pub use plan::Note;
pub use reindex::{Reindexed, reindex};
