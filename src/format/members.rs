//! Named streams of bytes: the files of a directory archive, the members of a tar, or memory.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::names::algorithm_of;
use super::tar::TarIndex;
use crate::compression::Algorithm;
use crate::error::{Error, Result};
use crate::source::{FileSource, Members, OnRead, Source, SourceReader};
use crate::text::shown;

/// Where the members of a directory or tar archive are.
#[derive(Debug)]
pub(crate) enum MemberStore {
    /// Files, each of its own.
    Files { members: Box<dyn Members>, on_read: Option<OnRead> },
    /// Stretches of one file, of whose reads is told where it was opened.
    Tar(TarIndex),
}

/// The files of a directory.
#[derive(Debug)]
struct Folder(PathBuf);

/// Where a member's bytes are.
type Stretch = (Arc<dyn Source>, Range<u64>);

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    source: Arc<dyn Source>,
    range: Range<u64>,
}

impl Member {
    pub(crate) fn reader(&self) -> SourceReader {
        SourceReader::new(Arc::clone(&self.source), self.range.clone())
    }

    /// Reads the last bytes, at most so many.
    pub(crate) fn tail(&self, bytes: u64) -> SourceReader {
        let start = self.range.end.saturating_sub(bytes).max(self.range.start);
        SourceReader::new(Arc::clone(&self.source), start..self.range.end)
    }

    /// Bytes as stored.
    pub(crate) fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Where it begins in the archive file; 0 for a file of its own.
    pub(crate) fn start(&self) -> u64 {
        self.range.start
    }
}

impl MemberStore {
    /// The files of a directory.
    pub(crate) fn folder(path: &Path, on_read: Option<OnRead>) -> Self {
        MemberStore::Files { members: Box::new(Folder(path.to_owned())), on_read }
    }

    /// The member with this name, or with the suffix of a compression behind it.
    ///
    /// Names come from the archive. Here, and only here, they are checked.
    pub(crate) fn open(&self, name: &[u8]) -> Result<Member> {
        let name = check_name(name)?;
        for algorithm in Algorithm::KNOWN {
            let full = format!("{name}{}", algorithm.suffix());
            if let Some((source, range)) = self.get(&full)? {
                // A name may be given with its suffix.
                let algorithm = match algorithm {
                    Algorithm::None => algorithm_of(name),
                    algorithm => algorithm,
                };
                return Ok(Member { name: full, algorithm, source, range });
            }
        }
        Err(match self {
            MemberStore::Tar(index) => index.missing(name),
            MemberStore::Files { members, .. } => members.missing(name),
        })
    }

    fn get(&self, name: &str) -> Result<Option<Stretch>> {
        match self {
            MemberStore::Files { members, on_read } => Ok(members.get(name)?.map(|source| {
                let range = 0..source.len();
                (OnRead::watch(on_read.as_ref(), source), range)
            })),
            MemberStore::Tar(index) => {
                let range = index.get(name).map_err(|error| error.in_member(name))?;
                Ok(range.map(|range| (Arc::clone(index.source()), range)))
            }
        }
    }
}

impl Members for Folder {
    fn get(&self, name: &str) -> Result<Option<Arc<dyn Source>>> {
        let path = self.0.join(name);
        let source = open_file(&self.0, &path).map_err(|error| error.in_path(&path))?;
        Ok(source.map(|source| Arc::new(source) as Arc<dyn Source>))
    }

    fn missing(&self, name: &str) -> Error {
        Error::not_found(format!("file {name}")).in_path(&self.0.join(name))
    }
}

/// No file system takes a longer name.
const LONGEST: usize = 255;

/// Refuses names that lead out of the archive, or to something else than a file in it.
fn check_name(name: &[u8]) -> Result<&str> {
    match std::str::from_utf8(name) {
        Ok(text)
            if !text.is_empty()
                && text.len() <= LONGEST
                && text != "."
                && text != ".."
                && !text.chars().any(|c| matches!(c, '/' | '\\' | ':') || c.is_control()) =>
        {
            Ok(text)
        }
        _ => Err(Error::malformed(format!(
            "\"{}\" is not the name of a file in an archive",
            shown(name)
        ))),
    }
}

/// Opens a regular file in `folder`; `None` if there is none. A link must stay in the folder.
fn open_file(folder: &Path, path: &Path) -> Result<Option<FileSource>> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if metadata.is_symlink() {
        let target = fs::canonicalize(path)?;
        if target.parent() != Some(&fs::canonicalize(folder)?) {
            return Err(Error::malformed("a link leads out of the archive"));
        }
    }
    // Opening a pipe or a device could block for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(Error::malformed("not a regular file"));
    }
    Ok(Some(FileSource::open(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        let long = "x".repeat(256);
        for name in [&long, "", ".", "..", "a/b", "../x", "/etc/passwd", "a\\b", "c:x", "a\nb"] {
            assert!(check_name(name.as_bytes()).is_err(), "{name:?}");
        }
        assert!(check_name(b"\xff.dat").is_err());
        for name in ["toc.dat", "3456.dat", "blob_3000000000.dat", "..dat", "my file.dat"] {
            assert_eq!(check_name(name.as_bytes()).unwrap(), name);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("1.dat")).unwrap();
        fs::write(folder.path().join("3.dat"), "data").unwrap();
        std::os::unix::fs::symlink("3.dat", folder.path().join("2.dat")).unwrap();
        fs::create_dir(folder.path().join("4.dat")).unwrap();
        let store = MemberStore::folder(folder.path(), None);
        assert!(store.open(b"1.dat").is_err());
        assert_eq!(store.open(b"2.dat").unwrap().len(), 4);
        assert!(store.open(b"4.dat").is_err());
        assert!(store.open(b"5.dat").is_err());
    }
}
