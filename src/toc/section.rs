//! The parts of a restore.

use super::Desc;

/// The part of a restore that an entry belongs to.
///
/// ```
/// use pgdmp::toc::Section;
/// use pgdmp::{Archive, Desc};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let town = archive.toc().find(Desc::TABLE, Some(b"public"), b"town").unwrap();
/// assert_eq!(town.section(), Section::PreData);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// No section of its own, as for comments and ACLs: the entry is restored with the one before
    /// it (code 1).
    None,
    /// Definitions that are restored before data (code 2).
    PreData,
    /// Data (code 3).
    Data,
    /// Definitions that are restored after data, such as indexes and constraints (code 4).
    PostData,
    /// An unknown code.
    Other(i32),
}

impl Section {
    /// The section with this code.
    pub const fn from_code(code: i32) -> Self {
        match code {
            1 => Self::None,
            2 => Self::PreData,
            3 => Self::Data,
            4 => Self::PostData,
            other => Self::Other(other),
        }
    }

    /// The code of the section.
    pub const fn code(self) -> i32 {
        match self {
            Self::None => 1,
            Self::PreData => 2,
            Self::Data => 3,
            Self::PostData => 4,
            Self::Other(code) => code,
        }
    }

    /// The section of an entry of an archive that does not store it, as `ReadToc` derives it.
    pub(crate) fn derive(desc: Desc<'_>) -> Self {
        match desc {
            Desc::COMMENT | Desc::ACL | Desc::ACL_LANGUAGE => Self::None,
            Desc::TABLE_DATA | Desc::BLOBS | Desc::BLOB_COMMENTS => Self::Data,
            Desc::CONSTRAINT
            | Desc::CHECK_CONSTRAINT
            | Desc::FK_CONSTRAINT
            | Desc::INDEX
            | Desc::RULE
            | Desc::TRIGGER => Self::PostData,
            _ => Self::PreData,
        }
    }
}
