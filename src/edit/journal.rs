//! The journal of [`reindex`](super::reindex()): which offsets it is about to write.
//!
//! It is a text for whoever finds it. Nothing in it is believed that the archive does not confirm:
//! it may be cut, of another archive that had the name before, or forged.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::toc::DumpId;

const HEAD: &str = "\
# pgdmp is writing these data offsets into the archive beside this file, or was ended while it did.
# The archive can be read as it is. \"pgdmp reindex\" completes it, and removes this file.
";

/// The most bytes of a line: ten digits, twenty, a blank and an end.
const LINE: usize = 32;

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

/// The offsets that a journal of up to so many entries names; `None` without one.
pub(super) fn read(path: &Path, entries: usize) -> io::Result<Option<HashMap<DumpId, u64>>> {
    let mut offsets = HashMap::new();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        // None of ours.
        Ok(metadata) if !metadata.is_file() => return Ok(Some(offsets)),
        Ok(_) => {}
    }
    let most = HEAD.len() + entries.saturating_mul(LINE);
    let text = BufReader::new(File::open(path)?.take(most as u64));
    // What cannot be read is looked for in the archive.
    for line in text.lines().map_while(Result::ok) {
        let Some((id, offset)) = line.split_once(' ') else { continue };
        if let (Ok(id), Ok(offset)) = (id.parse(), offset.parse()) {
            offsets.insert(DumpId(id), offset);
        }
    }
    Ok(Some(offsets))
}
