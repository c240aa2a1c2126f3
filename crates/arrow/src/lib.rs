//! The rows of PostgreSQL's dump archives as Apache Arrow, Arrow IPC and Parquet.
//!
//! [`ArrowTable`] maps the columns of a table to Arrow types. [`ArrowRows`] reads its rows as record
//! batches, [`ParquetFile`] and [`IpcOutput`] write them to files. No value is ever rounded, cut or
//! replaced by another: what a type cannot hold exactly is an error, or NULL, or makes its column
//! text, as [`OnUnrepresentable`] says.
//!
//! | PostgreSQL | Arrow | Parquet, where it differs |
//! |---|---|---|
//! | `smallint`, `integer`, `bigint` | `Int16`, `Int32`, `Int64` | |
//! | `oid`, `xid`, `cid`; `xid8` | `UInt32`; `UInt64` | |
//! | `real`, `double precision` | `Float32`, `Float64` | |
//! | `numeric(p,s)` up to 38 digits | `Decimal128` | |
//! | … up to 76 digits | `Decimal256` | text, see [`ArrowOptions::decimal256`] |
//! | `numeric` | text, see [`NumericAs`] | |
//! | `boolean` | `Boolean` | |
//! | `date`, `time` | `Date32`, `Time64` of microseconds | |
//! | `timestamp`, `timestamptz` | `Timestamp` of microseconds, without zone and in UTC | |
//! | `interval` | `Interval` of months, days and nanoseconds | group of `months`, `days`, `microseconds` |
//! | `bytea` | `Binary` | |
//! | `uuid` | `FixedSizeBinary(16)`, `arrow.uuid` | `UUID` |
//! | `json`, `jsonb` | `Utf8`, `arrow.json` | `JSON` |
//! | enums | `Dictionary` of all labels in their order | text |
//! | arrays of one dimension | `List` | |
//! | composite types | `Struct` | |
//! | ranges, multiranges | text, see [`ArrowOptions::range_struct`] | |
//! | `hstore` | `Map` | |
//! | `vector`, `halfvec` | `FixedSizeList` of `Float32` | list |
//! | `geometry` and `geography` with an SRID | `Binary`: ISO WKB | with GeoParquet's metadata |
//! | … without, or inside of others | `Binary`: EWKB | |
//! | all others | text | |
//!
//! Domains are what their base type is. Text is UTF-8, whatever the encoding of the archive is.
//!
//! The types of the crates `arrow-array` and `arrow-schema` are in the interface of this crate, in
//! their version 59.
//!
//! ```text
//! error.rs              `Error`
//! options.rs            `ArrowOptions`
//! texts.rs              text in UTF-8
//! geometry.rs           PostGIS's texts
//! geometry_metadata.rs  what GeoParquet says of them
//! kind.rs               what the values of a type become
//! scalar.rs             numbers and bytes
//! nested.rs             lists, structs and maps
//! column.rs             the values of a column
//! table.rs              `ArrowTable`
//! batch.rs              `BatchBuilder`
//! scan.rs               `Scan`
//! reader.rs             `ArrowRows`
//! ipc.rs                `IpcOutput`
//! encoding.rs           how Parquet has values: `ParquetEncoding`
//! row_group.rs          rows that Parquet encodes together
//! parquet.rs            `ParquetFile`
//! ```

mod batch;
mod column;
mod encoding;
mod error;
mod geometry;
mod geometry_metadata;
mod ipc;
mod kind;
mod nested;
mod options;
mod parquet;
mod reader;
mod row_group;
mod scalar;
mod scan;
mod table;
mod texts;

#[cfg(test)]
mod tests;

pub use batch::BatchBuilder;
pub use encoding::ParquetEncoding;
pub use error::{Error, Result};
pub use ipc::{IpcFormat, IpcOutput};
pub use options::{ArrowOptions, NumericAs, OnUnrepresentable, Target};
pub use parquet::{ParquetCompression, ParquetFile, ParquetOptions};
pub use reader::ArrowRows;
pub use scan::Scan;
pub use table::ArrowTable;
