//! The rows in the data of a table, one field at a time.
//!
//! `pg_dump` writes the rows of a table as COPY text, or with `--inserts` as INSERT commands.
//! [`Rows`] reads both in the same way: each [`Row`] is lent from a window over the data, and its
//! [`Field`]s are bytes in the encoding of the archive. Nothing is allocated for a row, and escapes
//! are undone only on demand. [`RowWriter`] writes COPY text, so that an unchanged row becomes the
//! same bytes again. [`CopyStatement`] names the table and its columns.
//!
//! ```
//! use pgdmp::{Archive, Desc};
//!
//! let archive = Archive::open("fixtures/pg18/small-dir")?;
//! let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town");
//! let mut rows = archive.rows(entry.unwrap().dump_id())?;
//! let mut count = 0;
//! while let Some(row) = rows.next_row()? {
//!     for field in row {
//!         match field.value() {
//!             None => print!("NULL "),
//!             Some(value) => print!("{} ", String::from_utf8_lossy(&value)),
//!         }
//!     }
//!     println!();
//!     count += 1;
//! }
//! assert!(count > 0);
//! # Ok::<(), pgdmp::Error>(())
//! ```
//!
//! ```text
//! batch.rs       rows that lie in memory: where each field ends
//! csv.rs         rows as CSV
//! copy.rs        COPY text into batches, one window of data at a time
//! filter.rs      conditions on rows
//! index.rs       where in a window rows and fields end
//! insert.rs      INSERT commands into batches of COPY text
//! of_archive.rs  `Archive::rows` and `Block::rows`
//! json/          rows as JSON lines
//! options.rs     `RowsOptions`
//! range.rs       `Archive::rows_range`: the rows of a part of a table
//! reader.rs      `Rows`: the rows of the batches, one after the other
//! rewrite.rs     rows written again with other values, or left out
//! row.rs         `Row` and `Field`; escapes undone
//! text.rs        values in UTF-8, whatever the encoding of the archive
//! writer.rs      `RowWriter`; escapes made
//! ```

mod batch;
mod copy;
mod csv;
mod filter;
mod index;
mod insert;
mod json;
mod of_archive;
mod options;
mod range;
mod reader;
mod rewrite;
mod row;
mod text;
mod writer;

#[cfg(test)]
mod tests;

pub use csv::{CsvOptions, CsvWriter};
pub use filter::{Filter, Matcher};
pub use json::{JsonOptions, JsonWriter, is_json};
pub(crate) use of_archive::Way;
pub use options::RowsOptions;
pub use range::RowsRange;
pub use reader::Rows;
pub use rewrite::{Keep, RewriteError, RewriteRows, RowEdit};
pub(crate) use rewrite::{MakeRewriter, Maker};
pub use row::{Field, Fields, Row};
pub use text::OnInvalid;
pub use writer::RowWriter;

#[doc(no_inline)]
pub use crate::types::CopyStatement;
