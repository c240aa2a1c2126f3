//! The directory format: which member holds what. Tar uses the same names.
//!
//! `pg_backup_directory.c`.

use std::io::BufRead;
use std::path::Path;

use super::members::MemberStore;
use crate::error::{Error, ErrorKind, NotAnArchive, Result, shown};
use crate::toc::{Format, Toc, TocEntry};
use crate::version::Gate;

/// The member with header and table of contents.
pub(crate) const TOC: &str = "toc.dat";

/// Longest line of a list of large objects; pg_restore takes no longer one either.
const LINE: usize = 1024;

/// A directory that holds an archive, or why it does not.
pub(crate) fn open(path: &Path) -> Result<MemberStore> {
    let store = MemberStore::Folder(path.to_owned());
    match store.open(TOC.as_bytes()) {
        Ok(_) => Ok(store),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound { .. }) => {
            let what = if path.join("PG_VERSION").exists() || path.join("base.tar.gz").exists() {
                NotAnArchive::DataDirectory
            } else if path.join("toc.glo").exists() || path.join("map.dat").exists() {
                NotAnArchive::ClusterDirectory
            } else {
                NotAnArchive::DirectoryWithoutToc
            };
            Err(Error::new(ErrorKind::NotAnArchive(what)))
        }
        Err(error) => Err(error),
    }
}

/// The name of the member with the list of an entry's large objects.
///
/// Before 1.16 there was one list, and what the entry says is not always its name. A tar's
/// entry never says it.
pub(crate) fn list_name(toc: &Toc, format: Format, entry: &TocEntry<'_>) -> Vec<u8> {
    if !toc.header().version.has(Gate::LargeObjectGroups) {
        return b"blobs.toc".to_vec();
    }
    match format {
        Format::Tar => format!("blobs_{}.toc", entry.dump_id()).into_bytes(),
        _ => entry.file_name().unwrap_or_default().to_vec(),
    }
}

/// The OID and the file name on the next line of a list of large objects; `None` at its end.
pub(crate) fn next_large_object(
    list: &mut impl BufRead,
    line: &mut Vec<u8>,
) -> Result<Option<u32>> {
    line.clear();
    while line.len() <= LINE {
        let data = list.fill_buf()?;
        if data.is_empty() {
            break;
        }
        let (n, last) = match data.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (data.len(), false),
        };
        // One more than allowed is enough to see that it is too much.
        line.extend_from_slice(&data[..n.min(LINE + 1)]);
        list.consume(n);
        if last {
            break;
        }
    }
    if line.is_empty() {
        return Ok(None);
    }
    let invalid = |line: &[u8]| {
        let line = shown(line.trim_ascii_end());
        Error::malformed(format!("invalid line in the list of large objects: \"{line}\""))
    };
    if line.len() > LINE {
        return Err(invalid(line));
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let oid = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse::<u32>().ok());
    let (Some(oid), Some(name)) = (oid, words.next()) else {
        return Err(invalid(line));
    };
    // What is behind the name means nothing to pg_restore either.
    let start = name.as_ptr().addr() - line.as_ptr().addr();
    let end = start + name.len();
    line.truncate(end);
    line.drain(..start);
    Ok(Some(oid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut list = &b"17 blob_17.dat\n3000000000  blob_3000000000.dat\n5 x"[..];
        let mut line = Vec::new();
        for (oid, name) in [(17, "blob_17.dat"), (3_000_000_000, "blob_3000000000.dat"), (5, "x")] {
            assert_eq!(next_large_object(&mut list, &mut line).unwrap(), Some(oid));
            assert_eq!(line, name.as_bytes());
        }
        assert_eq!(next_large_object(&mut list, &mut line).unwrap(), None);
        for bad in ["x y\n", "5\n", "\n", "-1 blob\n", "4294967296 blob\n"] {
            assert!(next_large_object(&mut bad.as_bytes(), &mut line).is_err(), "{bad:?}");
        }
        let long = vec![b'1'; 1 << 20];
        assert!(next_large_object(&mut &long[..], &mut line).is_err());
        assert!(line.len() < 4096);
    }
}
