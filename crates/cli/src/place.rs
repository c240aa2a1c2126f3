//! Where a new archive is written: aside first, and under its name when it is complete.
//!
//! Aside is a folder `.pgdmp-…` beside it. A run that is killed leaves it there, and the next one
//! that writes into the same folder removes it; a lock says which are in use.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Failure;

/// A new archive that has not got its name yet. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct NewArchive {
    name: PathBuf,
    /// A folder beside it, so that a rename is all that is left to do.
    aside: TempDir,
    /// Held as long as the folder is in use.
    _lock: Option<File>,
    force: bool,
}

/// What the folders begin with.
const PREFIX: &str = ".pgdmp-";
/// The file in them that is locked.
const LOCK: &str = "lock";
/// The folder in them for what is to be replaced.
const REPLACED: &str = "replaced";
/// So many files are written through to the disk one by one.
#[cfg(target_os = "linux")]
const FEW: usize = 64;

fn failure(path: &Path, error: &io::Error) -> Failure {
    let text = error.to_string();
    // The name of a temporary folder says nothing to anybody.
    let text = text.split(" at path ").next().unwrap_or_default();
    Failure::Usage(format!("{}: {text}", path.display()))
}

impl NewArchive {
    /// # Errors
    ///
    /// An output that exists, unless `force`; the input itself, in any case.
    pub(crate) fn new(name: &Path, inputs: &[&Path], force: bool) -> Result<Self, Failure> {
        let folder = match name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // First, for what was to be replaced may come back.
        remove_leftovers(folder);
        if let Ok(existing) = fs::canonicalize(name) {
            let is_input =
                |input: &&Path| fs::canonicalize(input).is_ok_and(|input| input == existing);
            if inputs.iter().any(is_input) {
                return Err(Failure::Usage(format!(
                    "{} is the archive that is read",
                    name.display()
                )));
            }
            if !force {
                return Err(Failure::Usage(format!(
                    "{} exists; --force replaces it",
                    name.display()
                )));
            }
        }
        if name.file_name().is_none() {
            return Err(Failure::Usage(format!("{} is no name of a file", name.display())));
        }
        let (aside, lock) = aside(folder).map_err(|error| failure(folder, &error))?;
        Ok(NewArchive { name: name.to_owned(), aside, _lock: lock, force })
    }

    /// Where to write it.
    pub(crate) fn path(&self) -> PathBuf {
        self.aside.path().join("archive")
    }

    /// Makes sure that it is on disk, and gives it its name.
    pub(crate) fn publish(&self) -> Result<(), Failure> {
        self.try_publish().map_err(|error| failure(&self.name, &error))
    }

    fn try_publish(&self) -> io::Result<()> {
        let path = self.path();
        sync(&path)?;
        if path.is_dir() {
            self.publish_folder(&path)?;
        } else if self.force && !self.name.is_dir() {
            fs::rename(&path, &self.name)?;
        } else {
            self.make_room()?;
            // Unlike a rename this does not replace what came into being meanwhile.
            match fs::hard_link(&path, &self.name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) if fs::symlink_metadata(&self.name).is_err() => {
                    fs::rename(&path, &self.name)?;
                }
                result => result?,
            }
        }
        if let Some(folder) = self.aside.path().parent() {
            sync_folder(folder)?;
        }
        Ok(())
    }

    fn publish_folder(&self, path: &Path) -> io::Result<()> {
        self.make_room()?;
        fs::rename(path, &self.name)
    }

    /// Moves what is to be replaced into the folder that is going to be removed.
    fn make_room(&self) -> io::Result<()> {
        if self.force && fs::symlink_metadata(&self.name).is_ok() {
            let folder = self.aside.path().join(REPLACED);
            fs::create_dir(&folder)?;
            // Under its name, so that it gets it back should this run be killed now.
            fs::rename(&self.name, folder.join(self.name.file_name().unwrap_or_default()))?;
        }
        Ok(())
    }
}

/// A new folder in `folder` and its lock, where the file system has such.
fn aside(folder: &Path) -> io::Result<(TempDir, Option<File>)> {
    loop {
        let aside = tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder)?;
        let path = aside.path().join(LOCK);
        // Until it is locked, another run may take it for one that was left behind.
        let lock = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            lock => lock?,
        };
        match lock.try_lock() {
            Ok(()) if path.exists() => return Ok((aside, Some(lock))),
            Ok(()) | Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(_)) => return Ok((aside, None)),
        }
    }
}

/// Removes what runs that were killed left in a folder. That it cannot is no reason to stop.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            // Killed before it had a lock; nothing else is in it then.
            let _ = fs::remove_dir(entry.path());
            continue;
        };
        if lock.try_lock().is_err() {
            continue;
        }
        // What was to be replaced and was not.
        let replaced = fs::read_dir(entry.path().join(REPLACED)).into_iter().flatten().flatten();
        let restored = replaced.map(|old| restore(&old.path(), &folder.join(old.file_name())));
        if restored.collect::<io::Result<()>>().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Gives an archive its name back, unless another one has it.
fn restore(old: &Path, name: &Path) -> io::Result<()> {
    match fs::symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(old, name),
        result => result.map(drop),
    }
}

/// Writes a file, or a folder with all in it, through to the disk.
fn sync(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return File::open(path)?.sync_all();
    }
    // The whole file system at once takes a small part of the time of ten thousand files one by
    // one, whatever else there is to write. PostgreSQL's --sync-method=syncfs.
    #[cfg(target_os = "linux")]
    if fs::read_dir(path)?.count() > FEW {
        return Ok(rustix::fs::syncfs(File::open(path)?)?);
    }
    for entry in fs::read_dir(path)? {
        sync(&entry?.path())?;
    }
    sync_folder(path)
}

/// Writes the names in a folder through to the disk, where that is possible.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| NewArchive::new(&folder.path().join(name), &[], true).unwrap();
        let killed = |place: NewArchive| {
            let NewArchive { aside, _lock: lock, .. } = place;
            let path = aside.keep();
            drop(lock);
            path
        };
        let running = place("running");
        let left = killed(place("left"));
        fs::write(left.join("archive"), "a part").unwrap();
        // Others' folders, and files, stay.
        fs::create_dir_all(folder.path().join(".pgdmp-theirs/folder")).unwrap();
        fs::create_dir(folder.path().join(".pgdmp-killed-at-once")).unwrap();
        fs::write(folder.path().join(".pgdmp-file"), "").unwrap();

        drop(place("next"));
        assert!(!left.exists() && running.aside.path().exists());
        drop(running);
        assert_eq!(names(folder.path()), [".pgdmp-file", ".pgdmp-theirs"]);
    }

    /// A directory is replaced in two steps; killed between them, there is but the old one, aside.
    #[test]
    fn what_was_to_be_replaced_comes_back() {
        for done in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let name = folder.path().join("archive");
            fs::create_dir(&name).unwrap();
            fs::write(name.join("toc.dat"), "old").unwrap();
            let place = NewArchive::new(&name, &[], true).unwrap();
            fs::create_dir(place.path()).unwrap();
            fs::write(place.path().join("toc.dat"), "new").unwrap();
            place.make_room().unwrap();
            assert!(!name.exists());
            if done {
                fs::rename(place.path(), &name).unwrap();
            }
            let NewArchive { aside, _lock: lock, .. } = place;
            let _ = aside.keep();
            drop(lock);
            drop(NewArchive::new(&folder.path().join("another"), &[], false).unwrap());
            let expected = if done { "new" } else { "old" };
            assert_eq!(fs::read_to_string(name.join("toc.dat")).unwrap(), expected);
            assert_eq!(names(folder.path()), ["archive"]);
        }
    }
}
