//! Which archive version a new archive gets.

use super::note::{Note, VersionNeed};
use super::target::Target;
use crate::version::ArchiveVersion;

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
