//! Where a new archive is written: aside first, and under its name when it is complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Failure;

/// A new archive that has not got its name yet. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct NewArchive {
    name: PathBuf,
    /// A folder beside it, so that a rename is all that is left to do.
    aside: TempDir,
    force: bool,
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("{}: {error}", path.display()))
}

impl NewArchive {
    /// # Errors
    ///
    /// An output that exists, unless `force`; the input itself, in any case.
    pub(super) fn new(name: &Path, inputs: &[&Path], force: bool) -> Result<Self, Failure> {
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
        let folder = match name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if name.file_name().is_none() {
            return Err(Failure::Usage(format!("{} is no name of a file", name.display())));
        }
        let aside = tempfile::Builder::new().prefix(".pgdmp-").tempdir_in(folder);
        let aside = aside.map_err(|error| failure(folder, &error))?;
        Ok(NewArchive { name: name.to_owned(), aside, force })
    }

    /// Where to write it.
    pub(super) fn path(&self) -> PathBuf {
        self.aside.path().join("archive")
    }

    /// Makes sure that it is on disk, and gives it its name.
    pub(super) fn publish(&self) -> Result<(), Failure> {
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
            fs::rename(&self.name, self.aside.path().join("replaced"))?;
        }
        Ok(())
    }
}

/// Writes a file, or a folder with all in it, through to the disk.
fn sync(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync(&entry?.path())?;
        }
        return sync_folder(path);
    }
    File::open(path)?.sync_all()
}

/// Writes the names in a folder through to the disk, where that is possible.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
