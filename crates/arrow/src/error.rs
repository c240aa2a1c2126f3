//! What can go wrong.

use std::fmt;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

/// An error of this crate.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The archive, one of its rows, or a value. [`ErrorKind::Row`](pgdmp::ErrorKind::Row) names
    /// entry, row and position; its text has the column and the value.
    Archive(pgdmp::Error),
    /// Arrow, or writing Arrow IPC.
    Arrow(ArrowError),
    /// Writing Parquet.
    Parquet(ParquetError),
    /// Options that do not fit the table.
    Usage(String),
}

/// A result with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Archive(error) => error.fmt(f),
            Error::Arrow(error) => error.fmt(f),
            Error::Parquet(error) => error.fmt(f),
            Error::Usage(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Archive(error) => error.source(),
            Error::Arrow(error) => error.source(),
            Error::Parquet(error) => error.source(),
            Error::Usage(_) => None,
        }
    }
}

impl From<pgdmp::Error> for Error {
    fn from(error: pgdmp::Error) -> Self {
        Error::Archive(error)
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        Error::Arrow(error)
    }
}

impl From<ParquetError> for Error {
    fn from(error: ParquetError) -> Self {
        Error::Parquet(error)
    }
}
