//! Archive versions, and the one table of what each of them added.

use std::fmt;

/// The version of the archive format, `1.0` to `1.16`; not the version of PostgreSQL.
///
/// | archive version | written by PostgreSQL |
/// |---|---|
/// | 1.5 | 7.1, 7.2 |
/// | 1.7 | 7.3, 7.4 |
/// | 1.10 | 8.0 to 8.3 |
/// | 1.11 | 8.4 |
/// | 1.12 | 9.0 to 10 |
/// | 1.13 | 11, and minor releases of 9.3 to 10 since March 2018 |
/// | 1.14 | 12 to 15 |
/// | 1.15 | 16 |
/// | 1.16 | 17, 18, 19 |
///
/// Other numbers were only written by development versions. All of them can be read.
///
/// ```
/// use pgdmp::toc::{ArchiveVersion, Gate};
///
/// let version = ArchiveVersion::new(1, 14);
/// assert!(version < ArchiveVersion::NEWEST);
/// assert!(!version.has(Gate::CompressionAlgorithm));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveVersion {
    /// The major number, which is always 1 so far.
    pub major: u8,
    /// The minor number, which counts changes of the layout.
    pub minor: u8,
    /// The revision, which is 0 in every release since PostgreSQL 7.3.
    pub revision: u8,
}

impl ArchiveVersion {
    /// The oldest version that can be read.
    pub const OLDEST: Self = Self::new(1, 0);
    /// The newest version that can be read, PostgreSQL 17's.
    pub const NEWEST: Self = Self::new(1, 16);

    /// A version with revision 0.
    pub const fn new(major: u8, minor: u8) -> Self {
        ArchiveVersion { major, minor, revision: 0 }
    }

    /// Whether archives of this version can be read. There is no forward compatibility: a newer
    /// minor version may have fields anywhere. The revision never changes the layout.
    pub const fn is_supported(self) -> bool {
        self.major == 1 && self.minor <= Self::NEWEST.minor
    }

    /// The oldest release of PostgreSQL whose pg_restore reads archives of this version.
    pub(crate) const fn first_reader(self) -> &'static str {
        match self.minor {
            0..=5 => "7.1",
            6 | 7 => "7.3",
            8..=10 => "8.0",
            11 => "8.4",
            12 => "9.0",
            13 => "11",
            14 => "12",
            15 => "16",
            _ => "17",
        }
    }

    /// Whether archives of this version have the feature `gate`.
    #[inline]
    pub const fn has(self, gate: Gate) -> bool {
        // One comparison: a table of contents is asked this for each field of each entry.
        let (major, minor) = gate.since();
        u16::from_be_bytes([self.major, self.minor]) >= u16::from_be_bytes([major, minor])
    }
}

impl fmt::Display for ArchiveVersion {
    /// As `pg_restore -l` prints it, for example `1.16-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}-{}", self.major, self.minor, self.revision)
    }
}

macro_rules! gates {
    ($($(#[$doc:meta])* $name:ident since $major:literal $minor:literal,)*) => {
        /// A feature of the archive format, with the archive version that introduced it.
        ///
        /// The names and numbers follow the `K_VERS_*` tests in PostgreSQL's
        /// `pg_backup_archiver.c` and `pg_backup_custom.c`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Gate { $($(#[$doc])* $name,)* }

        impl Gate {
            /// Every gate, oldest first.
            pub const ALL: &'static [Gate] = &[$(Gate::$name,)*];

            /// The major and minor number of the first version with the feature.
            pub const fn since(self) -> (u8, u8) {
                match self { $(Gate::$name => ($major, $minor),)* }
            }
        }
    };
}

gates! {
    /// A sign byte before the magnitude of each int.
    SignByte since 1 1,
    /// A revision byte after major and minor version.
    Revision since 1 1,
    /// The compression level in the header, as a byte.
    CompressionLevel since 1 2,
    /// The COPY statement of an entry.
    CopyStmt since 1 3,
    /// A type byte before each block of a custom archive.
    BlockType since 1 3,
    /// Creation time and database name; the compression level is an int.
    CreationTime since 1 4,
    /// Dependencies.
    Dependencies since 1 5,
    /// The schema of an entry.
    Namespace since 1 6,
    /// The width of offsets; a flag byte before each of them.
    OffsetFlag since 1 7,
    /// The catalog of an entry; dump ids independent of OIDs.
    TableOid since 1 8,
    /// The WITH OIDS flag.
    WithOids since 1 9,
    /// The tablespace of an entry.
    Tablespace since 1 10,
    /// The versions of the server and of pg_dump, as text.
    ProgramVersions since 1 10,
    /// The section of an entry.
    Section since 1 11,
    /// One `BLOB` entry for each large object, beside one `BLOBS` entry for all data.
    LargeObjectEntries since 1 12,
    /// The table access method of an entry.
    TableAm since 1 14,
    /// The compression algorithm in the header, as a byte, instead of a level.
    CompressionAlgorithm since 1 15,
    /// The `pg_class.relkind` of an entry.
    Relkind since 1 16,
    /// `BLOB METADATA` entries, and one `BLOBS` entry for each group of large objects.
    LargeObjectGroups since 1 16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_in_order() {
        assert!(Gate::ALL.windows(2).all(|w| w[0].since() <= w[1].since()));
        assert!(ArchiveVersion::new(1, 10).has(Gate::Tablespace));
        assert!(!ArchiveVersion::new(1, 9).has(Gate::Tablespace));
        assert!(!ArchiveVersion { major: 1, minor: 0, revision: 9 }.has(Gate::SignByte));
    }
}
