//! Columns of tables, their types, and keys.
//!
//! An archive has rows as text. What a text means is said by the definitions of its tables and
//! types, which are SQL. [`Definitions`] reads that SQL, and gives the [`Columns`] of a table with
//! their [`DataType`]s.
//!
//! See the example of [`Definitions`].
//!
//! ```text
//! data_type.rs       `DataType` and its parts
//! column.rs          `Column` and `Columns`
//! keys.rs            `Keys`
//! copy_statement.rs  the COPY statement: table and columns
//! cursor.rs          a place in SQL, and what is taken from there
//! spelling.rs        types as they are spelled
//! create_table.rs    CREATE TABLE
//! create_type.rs     CREATE TYPE and CREATE DOMAIN
//! named.rs           which entry defines a table or type of a name
//! tables.rs          columns as they are spelled, with those that are inherited
//! resolve.rs         names of types looked up
//! constraint.rs      constraints and unique indexes
//! parts.rs           which entries belong to a table
//! keys_of.rs         the keys of one table
//! recode.rs          what another archive says, in the encoding of this one
//! definitions.rs     `Definitions`
//! ```

mod column;
mod constraint;
mod copy_statement;
mod create_table;
mod create_type;
mod cursor;
mod data_type;
mod definitions;
mod keys;
mod keys_of;
mod named;
mod parts;
mod recode;
mod resolve;
mod spelling;
mod tables;

#[cfg(test)]
mod tests;

pub use column::{Column, Columns, Generated, Untyped};
pub use copy_statement::CopyStatement;
pub(crate) use copy_statement::MOST_COLUMNS;
pub use data_type::{
    ArrayType, Attribute, CompositeType, DataType, EnumType, NumericSize, QualifiedName,
};
pub use definitions::Definitions;
pub use keys::{Check, ForeignKey, Identity, Key, KeyKind, Keys, PartitionKey};
