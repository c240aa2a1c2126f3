//! The folder `.pgdmp-…` in which an output is made, beside the name that it is going to have.
//!
//! A run that is killed leaves it behind; [`leftovers`](super::leftovers) says how the next one
//! knows it. As long as it is in use, its file `lock` is locked.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use crate::folder::Folder;

/// What the names begin with; sixteen hexadecimal digits follow.
const PREFIX: &str = ".pgdmp-";
/// The file in it that is locked, and says which folder it was made for.
pub(crate) const LOCK: &str = "lock";
/// The folder in it for what is to be replaced, where two names cannot be swapped.
pub(crate) const REPLACED: &str = "replaced";
/// The new output, and once it has its name, what had it before.
pub(crate) const ARCHIVE: &str = "archive";
/// The same in a run that is being ended.
const ENDED: &str = "ended";

/// A folder that this run made. It stays until [`remove`](Self::remove).
#[derive(Debug)]
pub(crate) struct Aside {
    /// The folder that it is in.
    pub(crate) parent: Folder,
    pub(crate) folder: Folder,
    name: OsString,
    path: PathBuf,
    /// Without, the file system has no locks; then nobody removes it but this run.
    lock: Mutex<Option<File>>,
}

impl Aside {
    /// Makes one in a folder, which `path` leads to.
    pub(crate) fn new(parent: Folder, path: &Path) -> io::Result<Aside> {
        loop {
            let name = OsString::from(format!("{PREFIX}{:016x}", RandomState::new().hash_one(0)));
            let folder = match parent.make_folder(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                folder => folder?,
            };
            let lock = folder.make_file(OsStr::new(LOCK)).and_then(|lock| mark(&folder, lock));
            match lock {
                Ok(Marked::InUse(lock)) => {
                    let path = path.join(&name);
                    return Ok(Aside { parent, folder, name, path, lock: Mutex::new(lock) });
                }
                Ok(Marked::Taken) => {}
                // Another run took it for one that was left behind, before it was locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let _ = folder.clear();
                    let _ = parent.remove_folder(&name);
                    return Err(error);
                }
            }
        }
    }

    /// Where the output is to be written. On Linux this is the folder itself, whatever others put
    /// in the place of its name.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().unwrap_or_else(|| self.path.clone()).join(ARCHIVE)
    }

    /// Removes it with all that is in it. That it cannot is no reason to fail: the next run tries
    /// again.
    pub(crate) fn remove(&self) {
        // Its mark goes last: killed before, the next run knows it.
        if self.folder.clear_but(OsStr::new(LOCK)).is_err() {
            return;
        }
        let _ = self.folder.remove_file(OsStr::new(LOCK));
        // Over NFS a file that is open stays in its folder.
        drop(self.lock().take());
        let _ = self.parent.remove_folder(&self.name);
    }

    /// Removes it while another thread may still write into it.
    pub(crate) fn remove_in_use(&self) {
        // The writer finds its folder no longer, and makes no new files behind our back.
        let _ = self.folder.rename(OsStr::new(ARCHIVE), &self.folder, OsStr::new(ENDED));
        self.remove();
    }

    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves it as a run does that is killed.
    #[cfg(test)]
    pub(crate) fn kill(&self) -> PathBuf {
        drop(self.lock().take());
        self.path.clone()
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> OsString {
        self.name.clone()
    }
}

enum Marked {
    InUse(Option<File>),
    /// Another run is removing it.
    Taken,
}

/// Locks the file of a new folder, and writes into it which folder that is.
fn mark(folder: &Folder, mut lock: File) -> io::Result<Marked> {
    let locked = match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => return Ok(Marked::Taken),
        Err(TryLockError::Error(_)) => false,
    };
    lock.write_all(marker(&folder.metadata()?).as_bytes())?;
    if is_gone(&lock.metadata()?) {
        return Ok(Marked::Taken);
    }
    Ok(Marked::InUse(locked.then_some(lock)))
}

#[cfg(unix)]
fn is_gone(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 0
}

#[cfg(not(unix))]
fn is_gone(_: &Metadata) -> bool {
    // There nobody removes what is left behind.
    false
}

/// What stands in the file of a folder. A folder that somebody packed, copied or made by hand has
/// another number, and came into being at another time.
pub(crate) fn marker(folder: &Metadata) -> String {
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(folder);
    #[cfg(not(unix))]
    let number = 0;
    let since = folder.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let since = since.map_or_else(|| "unknown".to_owned(), |since| since.as_nanos().to_string());
    format!(
        "pgdmp is writing beside this folder, or was ended while it did. When it writes there\n\
         again it removes this folder, which is number {number} and came into being at {since}.\n"
    )
}

/// Whether a name is one that [`Aside::new`] gives.
#[cfg(unix)]
pub(crate) fn is_name(name: &OsStr) -> bool {
    let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    digits.is_some_and(|digits| {
        digits.len() == 16 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}
