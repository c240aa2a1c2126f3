//! What is left of a damaged archive becomes a new one.
//!
//! A [`Salvage`] never changes its input. It takes what `pg_restore` would get of the damaged
//! archive, and more: the entries behind damage of the table of contents, the data behind damaged
//! data, and of damaged data the rows before and behind the damage. The new archive can be restored
//! by `pg_restore`, and the [`Report`] says what is lost.
//!
//! What looks like a row may still be wrong. Of zstd and lz4 data, the rows before the damage are
//! right; of lz4 data, rows behind it are taken, too, as far as nothing of them refers to what is lost.
//! Of gzip data, any row may be wrong if the checksum at its end is wrong or lost; of a zlib
//! stream in parts, those behind a damaged part are taken, too. Of data in pieces with checksums, those
//! of a damaged piece may be wrong. Data whose entry is lost goes into the only table that its rows
//! fit, or becomes a table of texts in the schema `pgdmp_salvage`. With [`trusted`](Salvage::trusted),
//! only rows are taken that are right, in a table that is certain.
//!
//! ```
//! use pgdmp::OpenOptions;
//! use pgdmp::salvage::Salvage;
//!
//! let bytes = std::fs::read("fixtures/pg17/small-custom.dump")?;
//! // The end of the archive is lost.
//! let damaged = OpenOptions::new().damaged(true).read(bytes[..bytes.len() - 200].to_vec())?;
//! let salvage = Salvage::new(&damaged)?;
//! let (whole, report) = salvage.write_to(std::io::Cursor::new(Vec::new()))?;
//! assert!(!report.is_whole());
//! assert!(pgdmp::Archive::read(whole.into_inner()).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//! report.rs     what could be had
//! rows.rs       the rows of damaged data
//! frames.rs     the same of data in pieces that stand alone
//! linked.rs     the same of lz4 data whose blocks refer to each other
//! contents.rs   the entries of a damaged table of contents
//! header.rs     a custom archive whose header is lost
//! script.rs     a tar whose table of contents is lost
//! blocks.rs     the blocks of a damaged custom archive
//! chunks.rs     the chunks of a damaged block
//! recovered.rs  data whose entry is lost
//! guess.rs      the tables of such data
//! objects.rs    large objects that are cut
//! run.rs        what can be had of each entry
//! output.rs     the new archive
//! ```

mod blocks;
mod chunks;
mod contents;
mod frames;
mod guess;
mod header;
mod linked;
mod objects;
mod output;
mod recovered;
mod report;
mod rows;
mod run;
mod script;

pub use report::{How, Report, Saved};
pub use run::Salvage;
