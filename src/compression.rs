//! The compressions that an archive's data may have: one table of what is known about each.

use std::fmt;
use std::ops::RangeInclusive;

use crate::version::{ArchiveVersion, Gate};

/// A compression algorithm of archives: none, gzip, LZ4 or Zstandard.
///
/// The codes are those of the header since archive version 1.15
/// (`pg_compress_algorithm` in PostgreSQL's `src/include/common/compression.h`).
///
/// ```
/// use pgdmp::Algorithm;
///
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// assert_eq!(archive.header().compression.algorithm, Algorithm::Gzip);
/// assert_eq!(Algorithm::from_name("zstd"), Some(Algorithm::Zstd));
/// assert_eq!(Algorithm::Zstd.suffix(), ".zst");
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// No compression (code 0).
    None,
    /// Deflate (code 1): a zlib stream in a custom archive, a gzip file in a directory.
    Gzip,
    /// LZ4 frames (code 2).
    Lz4,
    /// Zstandard frames (code 3).
    Zstd,
    /// An unknown code.
    Unknown(u8),
}

/// What is known about an algorithm.
struct Facts {
    algorithm: Algorithm,
    code: u8,
    /// As `pg_restore -l` and `pg_dump --compress` write it.
    name: &'static str,
    /// Of the files of a directory archive.
    suffix: &'static str,
    /// What archives need to have to hold such data; `None` if all can.
    since: Option<Gate>,
    /// That this crate's encoder takes.
    levels: RangeInclusive<i32>,
    /// Whether this build has encoder and decoder.
    enabled: bool,
}

/// One row for each. The order is that in which `pg_restore` looks for a file's suffix.
const TABLE: [Facts; 4] = [
    Facts {
        algorithm: Algorithm::None,
        code: 0,
        name: "none",
        suffix: "",
        since: None,
        levels: 0..=0,
        enabled: true,
    },
    Facts {
        algorithm: Algorithm::Gzip,
        code: 1,
        name: "gzip",
        suffix: ".gz",
        since: None,
        levels: -1..=9,
        enabled: cfg!(feature = "gzip"),
    },
    // The encoder has the fast way alone. PostgreSQL's levels from 3 on are another algorithm.
    Facts {
        algorithm: Algorithm::Lz4,
        code: 2,
        name: "lz4",
        suffix: ".lz4",
        since: Some(Gate::CompressionAlgorithm),
        levels: 0..=2,
        enabled: cfg!(feature = "lz4"),
    },
    // The levels of zstd 1.4 and newer.
    Facts {
        algorithm: Algorithm::Zstd,
        code: 3,
        name: "zstd",
        suffix: ".zst",
        since: Some(Gate::CompressionAlgorithm),
        levels: -131_072..=22,
        enabled: cfg!(feature = "zstd"),
    },
];

impl Algorithm {
    /// All known algorithms, in the order in which `pg_restore` looks for their suffixes.
    pub const KNOWN: [Algorithm; TABLE.len()] = {
        let mut known = [Algorithm::None; TABLE.len()];
        let mut row = 0;
        while row < TABLE.len() {
            known[row] = TABLE[row].algorithm;
            row += 1;
        }
        known
    };

    fn facts(self) -> Option<&'static Facts> {
        static ROWS: [Facts; TABLE.len()] = TABLE;
        ROWS.iter().find(|row| row.algorithm == self)
    }

    /// The algorithm with this code.
    pub const fn from_code(code: u8) -> Self {
        let mut row = 0;
        while row < TABLE.len() {
            if TABLE[row].code == code {
                return TABLE[row].algorithm;
            }
            row += 1;
        }
        Self::Unknown(code)
    }

    /// The algorithm with this [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The code of the algorithm in a header.
    pub fn code(self) -> u8 {
        match self {
            Self::Unknown(code) => code,
            known => known.facts().map_or(0, |facts| facts.code),
        }
    }

    /// The name that `pg_restore -l` prints; `???` for an unknown code, as there.
    pub fn name(self) -> &'static str {
        self.facts().map_or("???", |facts| facts.name)
    }

    /// The suffix of compressed files in a directory archive, for example `.gz`. Empty for
    /// [`None`](Self::None) and unknown algorithms.
    pub fn suffix(self) -> &'static str {
        self.facts().map_or("", |facts| facts.suffix)
    }

    /// Whether an archive of this version can have data with this compression. lz4 and zstd need
    /// version 1.15.
    pub fn fits(self, version: ArchiveVersion) -> bool {
        self.facts().is_some_and(|facts| facts.since.is_none_or(|gate| version.has(gate)))
    }

    /// The oldest archive version that can hold data that is compressed so, as far as that is known.
    pub(crate) fn oldest_version(self) -> ArchiveVersion {
        match self.facts().and_then(|facts| facts.since) {
            Some(gate) => {
                let (major, minor) = gate.since();
                ArchiveVersion::new(major, minor)
            }
            None => ArchiveVersion::OLDEST,
        }
    }

    /// The levels that this crate compresses with; `None` for an unknown algorithm.
    pub fn levels(self) -> Option<RangeInclusive<i32>> {
        self.facts().map(|facts| facts.levels.clone())
    }

    /// Whether this build of the crate can compress and decompress it: see the crate's features.
    pub fn is_enabled(self) -> bool {
        self.facts().is_some_and(|facts| facts.enabled)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "code {code}"),
            known => f.write_str(known.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back() {
        for algorithm in Algorithm::KNOWN {
            assert_eq!(Algorithm::from_code(algorithm.code()), algorithm);
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_code(200), Algorithm::Unknown(200));
        assert_eq!(Algorithm::Unknown(200).code(), 200);
        assert_eq!(Algorithm::Unknown(200).name(), "???");
        assert_eq!(Algorithm::from_name("???"), None);
    }

    #[test]
    #[cfg(feature = "zstd")]
    fn levels_of_the_library() {
        let levels = zstd_safe::min_c_level()..=zstd_safe::max_c_level();
        assert_eq!(Algorithm::Zstd.levels(), Some(levels));
    }
}
