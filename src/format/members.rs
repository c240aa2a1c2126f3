//! Named streams of bytes: the files of a directory archive, the members of a tar, or memory.

use std::ops::Range;
use std::sync::Arc;

use super::detect;
use super::folder::Folder;
use super::names::algorithm_of;
use super::tar::TarIndex;
use crate::compression::Algorithm;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::source::{Members, OnRead, Peek, Source, SourceReader};
use crate::text::shown;

/// Where the members of a directory or tar archive are.
#[derive(Debug)]
pub(crate) enum MemberStore {
    /// Files, each of its own.
    Files { members: Box<dyn Members>, on_read: Option<OnRead> },
    /// Stretches of one file, of whose reads is told where it was opened.
    Tar(TarIndex),
}

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
    pub(crate) fn folder(folder: Folder, on_read: Option<OnRead>) -> Self {
        MemberStore::Files { members: Box::new(folder), on_read }
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
                let member = Member { name: full, algorithm, source, range };
                check_pointer(&member)?;
                return Ok(member);
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

/// Refuses what Git LFS keeps in the place of a compressed file until it is asked for that. As a
/// `.gz` that is none, it would be read as rows.
fn check_pointer(member: &Member) -> Result<()> {
    if member.algorithm == Algorithm::None || member.len() > detect::LONGEST_POINTER {
        return Ok(());
    }
    match detect::pointer(member.reader().peek(detect::LONGEST_POINTER as usize)?) {
        Some(what) => Err(Error::new(ErrorKind::NotAnArchive(what)).in_member(&member.name)),
        None => Ok(()),
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
        ))
        .with_fault(Fault::Member)),
    }
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
}
