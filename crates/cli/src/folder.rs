//! A folder that is held open: what is done in it is done there, whatever others put in the place
//! of its path meanwhile. No name in it is followed if it is a link.

#[cfg(unix)]
mod by_handle;
#[cfg(any(not(unix), test))]
mod by_path;

#[cfg(unix)]
pub(crate) use by_handle::Folder;
#[cfg(not(unix))]
pub(crate) use by_path::Folder;

/// How deep an archive's folder goes: a split's folder has folders of archives, which have files.
/// One more is what was to be replaced.
const DEEPEST: usize = 4;

/// So many files are written through to the disk one by one.
#[cfg(target_os = "linux")]
const FEW: usize = 64;

#[cfg(test)]
mod tests;
