//! Without handles, where the system has no such calls.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::DEEPEST;

/// See the module.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Folder(path.to_owned())),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(crate) fn folder(&self, name: &OsStr) -> io::Result<Folder> {
        match self.is_folder(name)? {
            Some(true) => Ok(Folder(self.0.join(name))),
            Some(false) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(crate) fn make_folder(&self, name: &OsStr) -> io::Result<Folder> {
        fs::create_dir(self.0.join(name))?;
        self.folder(name)
    }

    pub(crate) fn make_file(&self, name: &OsStr) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).open(self.0.join(name))
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        fs::metadata(&self.0)
    }

    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        Ok(fs::read_dir(&self.0)?.map(|entry| entry.map(|entry| entry.file_name())))
    }

    pub(crate) fn is_folder(&self, name: &OsStr) -> io::Result<Option<bool>> {
        match fs::symlink_metadata(self.0.join(name)) {
            Ok(metadata) => Ok(Some(metadata.is_dir())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    pub(crate) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.0.join(name))
    }

    pub(crate) fn clear(&self) -> io::Result<()> {
        self.clear_to(DEEPEST, None)
    }

    pub(crate) fn clear_but(&self, keep: &OsStr) -> io::Result<()> {
        self.clear_to(DEEPEST, Some(keep))
    }

    fn clear_to(&self, depth: usize, keep: Option<&OsStr>) -> io::Result<()> {
        let mut result = Ok(());
        for name in self.names()? {
            let name = name?;
            if keep == Some(&*name) {
                continue;
            }
            let removed = match self.folder(&name) {
                Ok(folder) if depth > 0 => {
                    folder.clear_to(depth - 1, None).and_then(|()| self.remove_folder(&name))
                }
                Ok(_) => Err(io::ErrorKind::DirectoryNotEmpty.into()),
                Err(_) => self.remove_file(&name),
            };
            result = result.and(removed);
        }
        result
    }

    pub(crate) fn rename(&self, name: &OsStr, to: &Folder, new: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(name), to.0.join(new))
    }

    pub(crate) fn rename_new(&self, name: &OsStr, to: &Folder, new: &OsStr) -> io::Result<()> {
        match to.is_folder(new)? {
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => self.rename(name, to, new),
        }
    }

    pub(crate) fn exchange(&self, _: &OsStr, _: &Folder, _: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        // Folders cannot be opened everywhere.
        Ok(())
    }

    pub(crate) fn sync_all(&self, name: &OsStr) -> io::Result<()> {
        match self.is_folder(name)? {
            Some(true) => {
                let folder = self.folder(name)?;
                folder.names()?.try_for_each(|name| folder.sync_all(&name?))
            }
            // Some systems write through only what was opened to be written to.
            _ => File::options().write(true).open(self.0.join(name))?.sync_all(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn path(&self) -> Option<PathBuf> {
        None
    }
}
