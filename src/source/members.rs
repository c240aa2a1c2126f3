//! Where the files of a directory archive are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Source;
use crate::error::{Error, Result};

/// The files of a directory archive, found by name.
///
/// It is implemented for maps from names to sources. A directory is opened with
/// [`OpenOptions::open`](crate::OpenOptions::open). Implement this trait for other storage of
/// files, such as object storage or a zip file, and open it with
/// [`OpenOptions::members`](crate::OpenOptions::members).
///
/// Several threads may call it at once. A file is asked for each time that it is needed.
///
/// ```
/// use std::sync::Arc;
/// use pgdmp::OpenOptions;
/// use pgdmp::source::{Members, Source};
///
/// #[derive(Debug)]
/// struct Prefixed(String);
///
/// impl Members for Prefixed {
///     fn get(&self, name: &str) -> pgdmp::Result<Option<Arc<dyn Source>>> {
///         match std::fs::read(format!("{}{name}", self.0)) {
///             Ok(bytes) => Ok(Some(Arc::new(bytes))),
///             Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
///             Err(error) => Err(error.into()),
///         }
///     }
/// }
///
/// let members = Prefixed("fixtures/pg18/small-dir/".to_owned());
/// let archive = OpenOptions::new().members(members)?;
/// assert!(archive.entries().len() > 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub trait Members: Send + Sync + fmt::Debug {
    /// The file with this name, or `None` if there is none. The name has no separators and no
    /// control characters, and is neither `.` nor `..`.
    ///
    /// A name is asked for as it is, then with the suffix of each compression: `.gz`, `.lz4`,
    /// `.zst`.
    ///
    /// # Errors
    ///
    /// Errors of the search. A missing file is not an error.
    fn get(&self, name: &str) -> Result<Option<Arc<dyn Source>>>;

    /// The names of all files, in any order; `None` if they cannot be listed. Verification looks
    /// for files among them that are none of the archive's.
    ///
    /// # Errors
    ///
    /// Errors of listing.
    fn names(&self) -> Result<Option<Vec<String>>> {
        Ok(None)
    }

    /// The error for a missing file.
    fn missing(&self, name: &str) -> Error {
        Error::not_found(format!("file {name}"))
    }
}

impl Members for BTreeMap<String, Arc<dyn Source>> {
    fn get(&self, name: &str) -> Result<Option<Arc<dyn Source>>> {
        Ok(BTreeMap::get(self, name).map(Arc::clone))
    }
}
