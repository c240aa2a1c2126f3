//! What an input holds besides the archive that is read.

use std::fmt;

use crate::not_an_archive::quoted;

/// Another archive in the same input, which was not read.
///
/// [`Display`](fmt::Display) describes it, and [`advice`](Self::advice) says how to read it.
///
/// ```
/// let bytes = std::fs::read("fixtures/pg17/small-custom.dump")?;
/// let archive = pgdmp::Archive::read([&bytes[..], &bytes[..]].concat())?;
/// println!("{}", archive.surplus()?.unwrap());
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Surplus {
    /// It follows the archive that was read, as after `>>`.
    Behind {
        /// Where it begins, in bytes from the start of the input.
        offset: u64,
    },
    /// It is in the same tar.
    InFolder {
        /// Its folder in the tar, made printable.
        name: String,
    },
}

impl Surplus {
    /// Commands that extract it. `FILE` in them stands for the input.
    pub fn advice(&self) -> String {
        match self {
            Surplus::Behind { offset } => format!(
                "head -c {offset} FILE is the first, tail -c +{} FILE what is behind it",
                offset.saturating_add(1)
            ),
            Surplus::InFolder { name } => {
                format!("tar -xf FILE -- {} unpacks it", quoted(name.trim_end_matches('/')))
            }
        }
    }
}

impl fmt::Display for Surplus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Surplus::Behind { offset } => {
                write!(f, "another archive begins behind this one, at offset {offset}")
            }
            Surplus::InFolder { name } => {
                write!(f, "another archive is in this tar, in the folder {name}")
            }
        }
    }
}
