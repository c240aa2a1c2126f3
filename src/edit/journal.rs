//! The journal of [`reindex`](super::reindex()): which offsets it is about to write.
//!
//! It is a text for the person who finds it, and says that a run was ended. What stands in it is not
//! read: it may be cut, of another archive that had the name before, or forged by somebody who
//! may write to the folder. The offsets are found anew.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::toc::DumpId;

const HEAD: &str = "\
# pgdmp is writing these data offsets into the archive beside this file, or was ended while it did.
# The archive can be read as it is. \"pgdmp reindex\" completes it, and removes this file.
";

/// How every journal begins, of whatever release.
const MARK: &[u8] = b"# pgdmp ";

/// Where the journal of an archive is.
pub(super) fn path(archive: &Path) -> PathBuf {
    let mut name = OsString::from(archive);
    name.push(".pgdmp-journal");
    name.into()
}

/// Dump ids and offsets, a line for each.
pub(super) fn text(offsets: impl IntoIterator<Item = (DumpId, u64)>) -> Vec<u8> {
    let mut text = HEAD.to_owned();
    for (id, offset) in offsets {
        text.push_str(&format!("{id} {offset}\n"));
    }
    text.into_bytes()
}

/// Whether there is a journal. One that is cut counts, and one that has its length but not its
/// text, as a file may after a power failure.
///
/// # Errors
///
/// Anything else of that name: it is not ours to remove.
pub(super) fn is_there(path: &Path) -> Result<bool> {
    let not_ours = || {
        let what = format!("{} is no journal of pgdmp; move it away", path.display());
        Err(Error::usage(what))
    };
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // A link, a socket.
        Err(_) => return not_ours(),
        Ok(file) => file,
    };
    if !file.metadata()?.is_file() {
        return not_ours();
    }
    let mut start = Vec::new();
    file.take(MARK.len() as u64).read_to_end(&mut start)?;
    match MARK.starts_with(&start) || start.iter().all(|byte| *byte == 0) {
        true => Ok(true),
        false => not_ours(),
    }
}

/// Opens a file, but no link to one, and does not wait for the other end of a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    match std::fs::symlink_metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}
