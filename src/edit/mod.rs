//! Making archives out of archives.
//!
//! ```text
//! convert.rs   Conversion: the whole job, from an opened archive or a pipe
//! target.rs    Target: what the new archive is to be
//! plan.rs      which entries the new archive has, and what its version cannot express
//! merge.rs     several archives as one
//! split.rs     the entries of each table or schema
//! part_name.rs its name as that of a file, and back
//! groups.rs    large objects: the entries of each era
//! reindex.rs   missing offsets, written in place
//! jobs.rs      the data of all entries, by one thread or several
//! blocks.rs    blocks of custom archives, copied with their framing
//! unchanged.rs archives in which nothing changes
//! moving.rs    the data of one: moved as it is stored where it can be, else decompressed and compressed
//! journal.rs   what reindex is about to write
//! ```

mod blocks;
mod convert;
mod groups;
mod jobs;
mod journal;
mod merge;
mod moving;
mod part_name;
mod plan;
mod reindex;
mod split;
mod target;
mod unchanged;

pub use convert::{Conversion, StreamConversion};
pub use merge::Merge;
pub use part_name::PartName;
pub use plan::Note;
pub use reindex::{Reindexed, reindex};
pub use split::{Part, SplitBy, split};
pub use target::Target;
