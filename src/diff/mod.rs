//! Compares two archives: their objects, the data of their tables, and rows.
//!
//! Two archives of equal databases are equal, whatever else differs: dump ids, OIDs and the order of
//! entries, format and compression, the releases and dates, the settings of the sessions that
//! dumped them (`TimeZone`, `bytea_output`, `standard_conforming_strings`, client encoding, quoted
//! identifiers), and whether rows are COPY text or INSERT commands.
//!
//! See the example of [`Comparison`].
//!
//! ```text
//! spelling.rs    SQL in one spelling
//! literal.rs     literals by value
//! key.rs         which object an entry is
//! items.rs       the objects of an archive, with all that it says of them
//! lines.rs       the difference of two texts
//! objects.rs     objects compared
//! renamed.rs     objects that may have another name only
//! form.rs        values in one form
//! columns.rs     the columns in which rows are compared
//! options.rs     `DiffOptions`
//! plan.rs        which data is compared, and how
//! content.rs     the content of a table as two numbers
//! buckets.rs     the same of parts of it
//! comparison.rs  `Comparison`
//! rows/          rows brought together by their key
//! found.rs       what was found of data
//! data.rs        data compared
//! ```

mod buckets;
mod columns;
mod comparison;
mod content;
mod data;
mod form;
mod found;
mod items;
mod key;
mod lines;
mod literal;
mod objects;
mod options;
mod plan;
mod renamed;
mod rows;
mod spelling;

pub use comparison::Comparison;
pub use found::{DataComparison, DataState, LargeObjectChange, TableComparison};
pub use lines::{Line, LineKind};
pub use objects::{ChangeKind, ObjectChange, Part, PartChange};
pub use options::DiffOptions;
pub use rows::{RowChange, RowChangeKind, Value};
