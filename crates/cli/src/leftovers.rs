//! What runs that were killed left beside an output, and the next run removes.
//!
//! Names prove nothing: anybody may put a `.pgdmp-…` into a folder that others write to, or into
//! an archive of files that is unpacked there. So only what is all of this is touched:
//!
//! - a folder, no link to one, that this user owns and that nobody else may enter;
//! - with a regular file `lock` in it, no link, which this user owns and which has no other name;
//! - in which stands which folder it was made for, by its number and the time when it came into
//!   being, which nobody can choose, nor keep in a copy;
//! - and which no other run has locked.
//!
//! A run that was killed before it wrote that leaves the folder empty, or `lock`: they are removed
//! as what they are, empty. All is done through handles of folders, so that what is proved of a
//! folder is true of the one that is removed.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use crate::aside::{LOCK, REPLACED, is_name, marker};
use crate::folder::Folder;

/// Removes what this user's runs left in a folder. That it cannot is no reason to stop.
pub(crate) fn remove(parent: &Folder) {
    for name in parent.names().into_iter().flatten().flatten() {
        if is_name(&name) {
            let _ = remove_one(parent, &name);
        }
    }
}

fn remove_one(parent: &Folder, name: &OsStr) -> io::Result<()> {
    let folder = parent.folder(name)?;
    let metadata = folder.metadata()?;
    if !is_ours(&metadata) || metadata.mode() & 0o777 != 0o700 {
        return Ok(());
    }
    let lock = match folder.file(OsStr::new(LOCK)) {
        // Killed before it had one; nothing else is in it then.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return parent.remove_folder(name),
        lock => lock?,
    };
    let Some(proof) = proof(&lock, &metadata)? else { return Ok(()) };
    if lock.try_lock().is_err() {
        return Ok(());
    }
    match proof {
        Proof::Marked => {
            if let Ok(replaced) = folder.folder(OsStr::new(REPLACED)) {
                give_back(&replaced, parent)?;
            }
            // The mark goes last, as long as there is something to know by it.
            folder.clear_but(OsStr::new(LOCK))?;
        }
        Proof::Empty if folder.names()?.nth(1).is_none() => {}
        Proof::Empty => return Ok(()),
    }
    folder.remove_file(OsStr::new(LOCK))?;
    // Over NFS a file that is open stays in its folder.
    drop(lock);
    parent.remove_folder(name)
}

enum Proof {
    Marked,
    /// Killed before it wrote it; nothing else is in the folder then.
    Empty,
}

fn proof(lock: &File, folder: &Metadata) -> io::Result<Option<Proof>> {
    let metadata = lock.metadata()?;
    if !metadata.is_file() || !is_ours(&metadata) || metadata.nlink() != 1 {
        return Ok(None);
    }
    let expected = marker(folder);
    let mut text = Vec::new();
    lock.take(expected.len() as u64 + 1).read_to_end(&mut text)?;
    Ok(match text {
        text if text.is_empty() => Some(Proof::Empty),
        text if text == expected.as_bytes() => Some(Proof::Marked),
        _ => None,
    })
}

fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Gives what was to be replaced, and was not, its name back, unless something else has it.
fn give_back(replaced: &Folder, parent: &Folder) -> io::Result<()> {
    for name in replaced.names()? {
        let name = name?;
        match replaced.rename_new(&name, parent, &name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
