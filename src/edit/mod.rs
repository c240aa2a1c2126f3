//! Archives made of other archives: convert, merge, split and reindex.
//!
//! - [`Conversion`] writes an archive anew: in another format, compression or archive version, or
//!   only a part of it. [`Target`] has its settings.
//! - [`Conversion::rewriting`] changes rows of tables on the way: [`Rewrites`].
//! - [`Merge`] makes one archive of several.
//! - [`parts`] divides the entries of an archive by table or schema; [`Conversion::of_part`] writes one
//!   [`Part`].
//! - [`reindex`] adds the data offsets that an archive written to a pipe does not have.
//!
//! Stored data is moved as it is wherever the compression stays the same. Each job lists what else
//! changes as [`Note`]s, before the first byte is written.
//!
//! ```
//! use pgdmp::edit::{SplitBy, parts};
//! use pgdmp::{Archive, Conversion, Format, Target};
//!
//! let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
//! let target = Target::new().format(Format::Tar);
//! for part in parts(archive.toc(), SplitBy::Schema) {
//!     let tar = Conversion::of_part(&archive, &target, &part)?.write_pipe(Vec::new())?;
//!     println!("{}: {} bytes", part.file_stem(), tar.len());
//! }
//! # Ok::<(), pgdmp::Error>(())
//! ```

// convert.rs   Conversion: the whole job, from an opened archive or a pipe
// target.rs    Target: settings of the new archive
// version.rs   which archive version it gets
// plan.rs      a new archive, up to its first byte
// choice.rs    which entries it has
// settle.rs    what becomes of them in another version
// draft.rs     an entry on its way into a new archive
// note.rs      what else changes
// contents.rs  what only the data of an archive tells
// merge/       several archives as one
// split.rs     the entries of each table or schema
// part_name.rs its name as that of a file, and back
// groups.rs    large objects: the entries of each era
// reindex.rs   missing offsets, written in place
// job.rs       which data goes where
// rewrites.rs  tables whose rows are rewritten
// jobs.rs      the data of all entries, by one thread or several
// journal.rs   what reindex is about to write

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
mod rewrites;
mod settle;
mod split;
mod target;
mod version;

pub use convert::Conversion;
pub use merge::Merge;
pub use note::{Note, VersionNeed};
pub use part_name::{PartName, SplitBy};
pub use reindex::{Reindexed, reindex};
pub use rewrites::Rewrites;
pub use split::{Part, parts};
pub use target::Target;
