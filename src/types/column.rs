//! The columns of a table.

use std::fmt;

use super::data_type::{DataType, QualifiedName};
use crate::text::shown;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name, in the encoding of the archive, without quotes.
    pub name: Vec<u8>,
    /// Its type. [`DataType::Other`] if it is not known.
    pub data_type: DataType,
    /// Its type as the archive has it, which is that of PostgreSQL's function `format_type`. Empty
    /// if it is not known.
    pub spelling: Vec<u8>,
    /// Whether the definition of the table says NOT NULL. That a domain says so does not count,
    /// since the server does not always check it.
    pub not_null: bool,
    /// The domain, if its type is one.
    pub domain: Option<QualifiedName>,
    /// How many characters a value may have: `n` of `character varying(n)` and `character(n)`.
    /// `None` for arrays.
    pub max_length: Option<u32>,
    /// The default as SQL, if the definition of the table has it.
    pub default: Option<Vec<u8>>,
    /// Whether the column is generated from others. The rows of an archive do not have such
    /// columns.
    pub generated: Option<Generated>,
}

impl Column {
    /// A column of which nothing but the name is known.
    pub fn unknown(name: &[u8]) -> Self {
        Column {
            name: name.to_vec(),
            data_type: DataType::Other,
            spelling: Vec::new(),
            not_null: false,
            domain: None,
            max_length: None,
            default: None,
            generated: None,
        }
    }
}

/// How a generated column is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Generated {
    /// When a row is written.
    Stored,
    /// When a row is read (PostgreSQL 18).
    Virtual,
}

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Columns {
    /// The table. With `--load-via-partition-root` it is the partition that the entry names.
    pub table: QualifiedName,
    /// The table into which the rows are loaded, if that is another one: the root of the partition
    /// (`--load-via-partition-root`).
    pub root: Option<QualifiedName>,
    /// The columns, in the order of the fields of a row.
    pub columns: Vec<Column>,
    /// Why types are not known, or not all of them; for one message about the table.
    pub untyped: Option<Untyped>,
}

impl Columns {
    /// The place of a column, from 0.
    pub fn position(&self, name: &[u8]) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// Why types of columns are not known. Such columns are [`DataType::Other`]: their values are text.
///
/// [`Display`](fmt::Display) gives a clause for a message, which is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untyped {
    /// The archive does not have the definition of the table: it has data only, or the table
    /// belongs to an extension.
    NoDefinition,
    /// The archive was opened without its statements; see
    /// [`OpenOptions::statements`](crate::OpenOptions::statements).
    NoStatements,
    /// The definition of the table is not as `pg_dump` writes it.
    NotUnderstood,
    /// The archive does not have the definition of this table, from which columns are inherited, or
    /// of this type, of which the table is.
    ParentMissing(QualifiedName),
    /// Tables inherit from one another in a circle or more than 64 levels deep, or have more than
    /// 1,600 columns.
    TooComplex,
    /// The definition of the table does not have this column of the data.
    NoColumn(Vec<u8>),
    /// The table of another archive ([`Definitions::with`](super::Definitions::with)) does not have
    /// the same columns as the data.
    OtherColumns,
}

impl fmt::Display for Untyped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Untyped::NoDefinition => {
                f.write_str("the archive does not have the definition of the table")
            }
            Untyped::NoStatements => f.write_str("the archive was opened without its statements"),
            Untyped::NotUnderstood => {
                f.write_str("the definition of the table is not as pg_dump writes it")
            }
            Untyped::ParentMissing(parent) => {
                write!(f, "the archive does not have the definition of {}", shown(&parent.name))
            }
            Untyped::TooComplex => f.write_str("the definition of the table is too complex"),
            Untyped::NoColumn(column) => {
                write!(f, "the definition of the table has no column {}", shown(column))
            }
            Untyped::OtherColumns => {
                f.write_str("the table of the other archive does not have the same columns")
            }
        }
    }
}
