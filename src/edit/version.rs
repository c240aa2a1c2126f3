//! Which archive version a new archive gets.

use std::fmt;

use super::note::Note;
use super::target::Target;
use crate::archive::WriteOptions;
use crate::compress::Algorithm;
use crate::version::{ArchiveVersion, Gate};

/// What an archive has that its version must be newer than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionNeed {
    /// Older versions are not written.
    Oldest,
    /// The compression of its data.
    Compression(Algorithm),
    /// Large objects of several archives, each with its entries.
    LargeObjects,
}

impl VersionNeed {
    /// The oldest version that will do.
    pub(super) fn version(self) -> ArchiveVersion {
        match self {
            VersionNeed::Oldest => WriteOptions::OLDEST,
            VersionNeed::Compression(algorithm) => algorithm.oldest_version(),
            VersionNeed::LargeObjects => {
                let (major, minor) = Gate::LargeObjectGroups.since();
                ArchiveVersion::new(major, minor)
            }
        }
    }
}

impl fmt::Display for VersionNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VersionNeed::Oldest => f.write_str("older ones are not written"),
            VersionNeed::Compression(algorithm) => write!(f, "{algorithm} needs it"),
            VersionNeed::LargeObjects => {
                f.write_str("it keeps the large objects of several archives apart")
            }
        }
    }
}

/// The version that is asked for; or else that of the old archive, unless something needs a newer
/// one, which is told.
pub(super) fn choose(
    old: ArchiveVersion,
    target: &Target,
    needs: &[VersionNeed],
) -> (ArchiveVersion, Option<Note>) {
    if let Some(version) = target.storage.version {
        return (version, None);
    }
    let needs = [VersionNeed::Oldest].into_iter().chain(needs.iter().copied());
    match needs.max_by_key(|need| need.version()) {
        Some(need) if need.version() > old => {
            let new = need.version();
            (new, Some(Note::NewerVersion { old, new, need }))
        }
        _ => (old, None),
    }
}
