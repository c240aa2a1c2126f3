//! The parts of a restore.

use super::Desc;

/// The part of a restore that an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Comments, ACLs and the like, which go with what they stand behind: code 1.
    None,
    /// What data needs: code 2.
    PreData,
    /// Data: code 3.
    Data,
    /// What needs data: code 4.
    PostData,
    /// A code this crate does not know.
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

    /// Its code.
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
