//! With handles: `openat` and its kin.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::DEEPEST;

/// See the module.
#[derive(Debug)]
pub(crate) struct Folder(File);

/// Opens nothing that is a link, and does not wait for the other end of a pipe.
const PLAIN: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK);

impl Folder {
    /// Opens a folder by its path, which may lead over links.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Folder(File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?)))
    }

    /// Opens a folder in this one.
    pub(crate) fn folder(&self, name: &OsStr) -> io::Result<Folder> {
        let flags = PLAIN | OFlags::RDONLY | OFlags::DIRECTORY;
        Ok(Folder(File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?)))
    }

    /// Makes a folder in this one, for its owner alone.
    pub(crate) fn make_folder(&self, name: &OsStr) -> io::Result<Folder> {
        rustix::fs::mkdirat(&self.0, name, Mode::RWXU)?;
        self.folder(name)
    }

    /// Opens a file in this folder to read and to lock it. What it is remains to be seen.
    pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
        let flags = PLAIN | OFlags::RDWR;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Makes a file in this folder, for its owner alone.
    pub(crate) fn make_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = PLAIN | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?))
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }

    /// The names of what is in it.
    pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        let entries = Dir::read_from(&self.0)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => match OsStr::from_bytes(entry.file_name().to_bytes()) {
                name if name == "." || name == ".." => None,
                name => Some(Ok(name.to_owned())),
            },
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Whether there is anything of this name: `None` if not, else whether it is a folder.
    pub(crate) fn is_folder(&self, name: &OsStr) -> io::Result<Option<bool>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
                Ok(Some(kind == rustix::fs::FileType::Directory))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Removes a folder that is empty.
    pub(crate) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes all that is in it. Links go, and what they lead to stays; another file system that
    /// is mounted in it stays, too.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.clear_to(DEEPEST, None)
    }

    /// The same, but for one name.
    pub(crate) fn clear_but(&self, keep: &OsStr) -> io::Result<()> {
        self.clear_to(DEEPEST, Some(keep))
    }

    fn clear_to(&self, depth: usize, keep: Option<&OsStr>) -> io::Result<()> {
        let device = self.metadata()?.dev();
        // Where a file system skips names while others are removed, the next look finds them.
        let mut result = Ok(());
        for _ in 0..10 {
            let mut found = false;
            result = Ok(());
            for name in self.names()? {
                let name = name?;
                if keep == Some(&*name) {
                    continue;
                }
                found = true;
                let removed = match self.is_folder(&name) {
                    Ok(Some(true)) if depth > 0 => self.folder(&name).and_then(|folder| {
                        if folder.metadata()?.dev() != device {
                            return Err(io::ErrorKind::CrossesDevices.into());
                        }
                        folder.clear_to(depth - 1, None)?;
                        self.remove_folder(&name)
                    }),
                    Ok(Some(true)) => Err(io::ErrorKind::DirectoryNotEmpty.into()),
                    Ok(Some(false)) => self.remove_file(&name),
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                result = result.and(removed);
            }
            if !found {
                break;
            }
        }
        result
    }

    /// Moves what has a name in this folder to another folder, in the place of what has the name
    /// there.
    pub(crate) fn rename(&self, name: &OsStr, to: &Folder, new: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, new)?)
    }

    /// Moves it only if nothing has the name there.
    pub(crate) fn rename_new(&self, name: &OsStr, to: &Folder, new: &OsStr) -> io::Result<()> {
        match self.rename_with(name, to, new, Special::New) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            result => return result,
        }
        if self.is_folder(name)? == Some(false) {
            // Unlike a rename this does not replace what came into being meanwhile.
            match rustix::fs::linkat(&self.0, name, &to.0, new, AtFlags::empty()) {
                Ok(()) => return self.remove_file(name),
                Err(Errno::EXIST) => return Err(Errno::EXIST.into()),
                Err(_) => {}
            }
        }
        match to.is_folder(new)? {
            Some(_) => Err(Errno::EXIST.into()),
            None => self.rename(name, to, new),
        }
    }

    /// Swaps two names in one step: an error of kind `Unsupported` where that cannot be.
    pub(crate) fn exchange(&self, name: &OsStr, other: &Folder, new: &OsStr) -> io::Result<()> {
        self.rename_with(name, other, new, Special::Exchange)
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn rename_with(
        &self,
        name: &OsStr,
        to: &Folder,
        new: &OsStr,
        special: Special,
    ) -> io::Result<()> {
        use rustix::fs::RenameFlags;
        let flags = match special {
            Special::New => RenameFlags::NOREPLACE,
            Special::Exchange => RenameFlags::EXCHANGE,
        };
        match rustix::fs::renameat_with(&self.0, name, &to.0, new, flags) {
            // What file systems say, and kernels, that do not know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            result => Ok(result?),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn rename_with(&self, _: &OsStr, _: &Folder, _: &OsStr, _: Special) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Writes the names in it through to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    /// Writes a file in it through to the disk, or a folder with all in it.
    pub(crate) fn sync_all(&self, name: &OsStr) -> io::Result<()> {
        let flags = PLAIN | OFlags::RDONLY;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
        if !file.metadata()?.is_dir() {
            return file.sync_all();
        }
        let folder = Folder(file);
        // The whole file system at once takes a small part of the time of ten thousand files one
        // by one, whatever else there is to write. PostgreSQL's --sync-method=syncfs.
        #[cfg(target_os = "linux")]
        if folder.names()?.nth(super::FEW).is_some() {
            return Ok(rustix::fs::syncfs(&folder.0)?);
        }
        for name in folder.names()? {
            folder.sync_all(&name?)?;
        }
        folder.sync()
    }
}

#[derive(Debug, Clone, Copy)]
enum Special {
    New,
    Exchange,
}

#[cfg(target_os = "linux")]
impl Folder {
    /// A path that leads to this very folder, as long as it is open.
    pub(crate) fn path(&self) -> Option<std::path::PathBuf> {
        use std::os::fd::AsRawFd;
        let path = std::path::PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()));
        let (ours, there) = (self.metadata().ok()?, std::fs::metadata(&path).ok()?);
        let same = (ours.dev(), ours.ino()) == (there.dev(), there.ino());
        same.then_some(path)
    }
}

#[cfg(not(target_os = "linux"))]
impl Folder {
    pub(crate) fn path(&self) -> Option<std::path::PathBuf> {
        None
    }
}
