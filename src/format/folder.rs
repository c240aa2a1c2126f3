//! The files of a directory archive, opened so that nobody can put something else in their place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Fault, Result};
use crate::source::{FileSource, Members, Source};

/// A directory with the files of an archive.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Whether links may lead out of it.
    follow_links: bool,
}

impl Folder {
    pub(crate) fn new(path: &Path, follow_links: bool) -> Self {
        Folder { path: path.to_owned(), follow_links }
    }

    /// Opens a regular file; `None` if there is none.
    fn open(&self, path: &Path) -> Result<Option<FileSource>> {
        let file = match self.follow_links {
            true => open(path, Links::Follow),
            false => open(path, Links::Refuse),
        };
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Not every system says so of a link.
            Err(_) if !self.follow_links && is_link(path) => {
                open(&self.inside(path)?, Links::Refuse)?
            }
            Err(error) => return Err(error.into()),
        };
        if !file.metadata()?.is_file() {
            return Err(Error::malformed("not a regular file").with_fault(Fault::Member));
        }
        Ok(Some(FileSource::new(file)?))
    }

    /// What a link leads to, which must be in the folder.
    fn inside(&self, path: &Path) -> Result<PathBuf> {
        let target = fs::canonicalize(path)?;
        match target.parent() == Some(&fs::canonicalize(&self.path)?) {
            true => Ok(target),
            false => Err(Error::new(ErrorKind::NotAllowed {
                what: "a link leads out of the archive",
                knob: "follow_links",
            })),
        }
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Follow,
    Refuse,
}

/// Opens a file without waiting for the other end of a pipe. What is a link, or becomes one in
/// between, is not opened where it is refused.
#[cfg(unix)]
fn open(path: &Path, links: Links) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path, links: Links) -> io::Result<File> {
    if links == Links::Refuse && is_link(path) {
        return Err(io::Error::other("a link"));
    }
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    File::open(path)
}

impl Members for Folder {
    fn get(&self, name: &str) -> Result<Option<Arc<dyn Source>>> {
        let path = self.path.join(name);
        let source = self.open(&path).map_err(|error| error.in_path(&path))?;
        Ok(source.map(|source| Arc::new(source) as Arc<dyn Source>))
    }

    fn names(&self) -> Result<Option<Vec<String>>> {
        let mut names = Vec::new();
        for file in fs::read_dir(&self.path)? {
            names.push(file?.file_name().to_string_lossy().into_owned());
        }
        Ok(Some(names))
    }

    fn missing(&self, name: &str) -> Error {
        Error::not_found(format!("file {name}")).in_path(&self.path.join(name))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The length of a file, or why it is not opened.
    fn len(folder: &Folder, name: &str) -> Result<Option<u64>, String> {
        let found = folder.get(name).map_err(|error| error.to_string())?;
        Ok(found.map(|source| source.len()))
    }

    #[test]
    fn links_stay_inside_unless_they_are_followed() {
        let place = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), "outside").unwrap();
        symlink(outside.path(), place.path().join("1.dat")).unwrap();
        fs::write(place.path().join("3.dat"), "data").unwrap();
        symlink("3.dat", place.path().join("2.dat")).unwrap();
        fs::create_dir(place.path().join("4.dat")).unwrap();
        symlink("nowhere", place.path().join("6.dat")).unwrap();
        symlink("7.dat", place.path().join("7.dat")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            place.path().join("8.dat"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        symlink("8.dat", place.path().join("9.dat")).unwrap();
        symlink(place.path(), place.path().join("10.dat")).unwrap();
        for follow_links in [false, true] {
            let folder = Folder::new(place.path(), follow_links);
            match len(&folder, "1.dat") {
                Ok(len) => assert!(follow_links && len == Some(7)),
                Err(error) => {
                    assert!(!follow_links);
                    let expected = "a link leads out of the archive \
                                    (OpenOptions::follow_links allows it)";
                    assert!(error.contains(expected), "{error}");
                }
            }
            assert_eq!(len(&folder, "2.dat"), Ok(Some(4)));
            assert_eq!(len(&folder, "3.dat"), Ok(Some(4)));
            for name in ["4.dat", "7.dat", "8.dat", "9.dat", "10.dat"] {
                assert!(len(&folder, name).is_err(), "{name}");
            }
            assert_eq!(len(&folder, "5.dat"), Ok(None));
            assert_eq!(len(&folder, "6.dat").is_ok(), follow_links);
        }
    }
}
