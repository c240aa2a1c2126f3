//! Making archives out of archives.
//!
//! ```text
//! convert.rs   Conversion: the whole job, from an opened archive or a pipe
//! target.rs    Target: what the new archive is to be
//! version.rs   which archive version it gets
//! plan.rs      a new archive, up to its first byte
//! choice.rs    which entries it has
//! settle.rs    what becomes of them in another version
//! draft.rs     an entry on its way into a new archive
//! note.rs      what else changes
//! contents.rs  what only the data of an archive tells
//! merge/       several archives as one
//! split.rs     the entries of each table or schema
//! part_name.rs its name as that of a file, and back
//! groups.rs    large objects: the entries of each era
//! reindex.rs   missing offsets, written in place
//! job.rs       which data goes where
//! jobs.rs      the data of all entries, by one thread or several
//! journal.rs   what reindex is about to write
//! ```

mod choice;
mod contents;
mod convert;
mod draft;
mod groups;
mod job;
mod jobs;
mod journal;
mod merge;
mod note;
mod part_name;
mod plan;
mod reindex;
mod settle;
mod split;
mod target;
mod version;

pub use convert::Conversion;
pub use merge::Merge;
pub use note::Note;
pub use part_name::PartName;
pub use reindex::{Reindexed, reindex};
pub use split::{Part, SplitBy, split};
pub use target::Target;
pub use version::VersionNeed;
