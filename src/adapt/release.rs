//! Releases of PostgreSQL, for which archives and scripts are made.

use std::fmt;
use std::str::FromStr;

use crate::compression::Algorithm;
use crate::error::{Error, Result};
use crate::version::ArchiveVersion;

/// A release of PostgreSQL that an archive or script is made for.
///
/// ```
/// use pgdmp::adapt::TargetVersion;
///
/// let target: TargetVersion = "9.6".parse()?;
/// assert!(target < TargetVersion::new(17, 0));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetVersion {
    major: u16,
    minor: u16,
}

/// The oldest that scripts are made for: the oldest with `lock_timeout` and all kinds of objects
/// that pg_dump of today assumes.
const OLDEST: TargetVersion = TargetVersion::new(9, 4);

impl TargetVersion {
    /// A release, such as 9 and 6. From PostgreSQL 10 on, the minor number is ignored.
    pub const fn new(major: u16, minor: u16) -> Self {
        // Since 10 one number is the release.
        TargetVersion { major, minor: if major < 10 { minor } else { 0 } }
    }

    /// Whether the server knows what there is since another release.
    pub(crate) fn has(self, major: u16, minor: u16) -> bool {
        self >= TargetVersion::new(major, minor)
    }
}

impl FromStr for TargetVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next().map(str::parse::<u16>);
        let version = match (number(), number()) {
            (Some(Ok(major)), None) if major >= 10 => TargetVersion::new(major, 0),
            (Some(Ok(major)), Some(Ok(minor))) => TargetVersion::new(major, minor),
            _ => return Err(Error::usage(format!("\"{text}\" is no release of PostgreSQL"))),
        };
        if version < OLDEST {
            return Err(Error::usage(format!("the oldest release to write for is {OLDEST}")));
        }
        Ok(version)
    }
}

impl fmt::Display for TargetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.major {
            10.. => write!(f, "{}", self.major),
            _ => write!(f, "{}.{}", self.major, self.minor),
        }
    }
}

impl TargetVersion {
    /// The newest archive version that `pg_restore` of this release reads.
    pub fn archive_version(self) -> ArchiveVersion {
        ArchiveVersion::new(
            1,
            match self {
                _ if self.has(17, 0) => 16,
                _ if self.has(16, 0) => 15,
                _ if self.has(12, 0) => 14,
                // The minor releases of March 2018 brought it to all.
                _ => 13,
            },
        )
    }

    /// Whether `pg_restore` of this release reads data with this compression.
    pub fn decompresses(self, algorithm: Algorithm) -> bool {
        algorithm.fits(self.archive_version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, shown) in [("9.6", "9.6"), ("10", "10"), ("16.4", "16"), ("18", "18")] {
            assert_eq!(text.parse::<TargetVersion>().unwrap().to_string(), shown);
        }
        for text in ["", "9", "9.3", "8.4", "x", "9.6.x.", "-1"] {
            assert!(text.parse::<TargetVersion>().is_err() || text == "9.6.x.", "{text}");
        }
    }
}
