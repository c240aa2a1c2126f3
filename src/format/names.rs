//! The names of members: the files of a directory archive and the members of a tar have the same.
//!
//! `pg_backup_directory.c` and `pg_backup_tar.c`. Each name is made and read here, and the lists of
//! large objects, which are names, too.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use crate::compression::Algorithm;
use crate::error::{Error, Fault, Result};
use crate::text::shown;
use crate::toc::{DumpId, Format, Toc, TocEntry};
use crate::version::{ArchiveVersion, Gate};

/// The member with header and table of contents.
pub(crate) const TOC: &str = "toc.dat";

/// Longest line of a list of large objects; pg_restore takes no longer one either.
const LINE: usize = 1024;

/// The compression that the suffix of a name says.
pub(crate) fn algorithm_of(name: &str) -> Algorithm {
    // `None` comes first, and every name ends with its suffix.
    Algorithm::KNOWN
        .into_iter()
        .rfind(|algorithm| name.ends_with(algorithm.suffix()))
        .unwrap_or(Algorithm::None)
}

/// The name of the member with the list of an entry's large objects.
///
/// Before 1.16 there was one list, and what the entry says is not always its name. A tar's
/// entry never says it.
pub(crate) fn list_name(toc: &Toc, format: Format, entry: &TocEntry<'_>) -> Vec<u8> {
    if !toc.header().version.has(Gate::LargeObjectGroups) {
        return b"blobs.toc".to_vec();
    }
    match entry.file_name() {
        Some(name) if format != Format::Tar && !name.is_empty() => name.to_vec(),
        _ => new_list_name(toc.header().version, entry.dump_id()).into_bytes(),
    }
}

/// The name of the member with an entry's data. Of an entry with data that names none, it is the
/// name that pg_dump gives it; pg_restore takes that for no data.
pub(crate) fn file_name<'a>(entry: &TocEntry<'a>) -> Cow<'a, [u8]> {
    match entry.file_name() {
        Some(name) if !name.is_empty() => Cow::Borrowed(name),
        _ => Cow::Owned(data_name(entry.dump_id()).into_bytes()),
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
        let what = format!("invalid line in the list of large objects: \"{line}\"");
        Error::malformed(what).with_fault(Fault::ObjectList)
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

/// The name of the file with an entry's data.
pub(crate) fn data_name(id: DumpId) -> String {
    format!("{id}.dat")
}

/// The name of the file with a large object.
pub(crate) fn object_name(oid: u32) -> String {
    format!("blob_{oid}.dat")
}

/// The name of a new list of large objects; the mirror of `list_name`.
pub(crate) fn new_list_name(version: ArchiveVersion, id: DumpId) -> String {
    if version.has(Gate::LargeObjectGroups) {
        format!("blobs_{id}.toc")
    } else {
        "blobs.toc".to_owned()
    }
}

/// A line of a list of large objects; the mirror of `next_large_object`.
pub(crate) fn write_large_object(list: &mut impl Write, oid: u32) -> io::Result<()> {
    writeln!(list, "{oid} {}", object_name(oid))
}

/// The OID in the name of a large object's member.
pub(crate) fn object_oid(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"blob_")?.strip_suffix(b".dat")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A name without the suffix of a compression, and which one that is.
pub(crate) fn without_suffix(name: &[u8]) -> (&[u8], Algorithm) {
    let found = Algorithm::KNOWN
        .into_iter()
        .rev()
        .find_map(|algorithm| Some((name.strip_suffix(algorithm.suffix().as_bytes())?, algorithm)));
    found.unwrap_or((name, Algorithm::None))
}

/// The oldest archive version that has such files.
pub(crate) fn version_of_files(files: &[String]) -> ArchiveVersion {
    let any = |is: fn(&[u8], Algorithm) -> bool| {
        files.iter().map(|file| without_suffix(file.as_bytes())).any(|(name, of)| is(name, of))
    };
    if any(|name, _| list_owner(name).is_some()) {
        ArchiveVersion::new(1, 16)
    } else if any(|_, algorithm| matches!(algorithm, Algorithm::Lz4 | Algorithm::Zstd)) {
        ArchiveVersion::new(1, 15)
    } else {
        ArchiveVersion::new(1, 14)
    }
}

/// Whether a name is that of a `toc.dat`, which may be compressed.
pub(crate) fn is_toc(name: &[u8]) -> bool {
    without_suffix(name).0 == TOC.as_bytes()
}

/// Whether a name is one that pg_dump gives to a file with data, or to a list of such files.
pub(crate) fn is_of_data(name: &[u8]) -> bool {
    let name = without_suffix(name).0;
    let is_number = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    name.strip_suffix(b".dat").is_some_and(is_number)
        || object_oid(name).is_some()
        || name == b"blobs.toc"
        || list_owner(name).is_some()
}

/// Whether a member is a list of large objects.
pub(crate) fn is_list(name: &[u8]) -> bool {
    name.starts_with(b"blobs") && name.ends_with(b".toc")
}

/// The entry that a list of large objects names; the mirror of `new_list_name`. `blobs.toc` names
/// none.
pub(crate) fn list_owner(name: &[u8]) -> Option<DumpId> {
    let digits = name.strip_prefix(b"blobs_")?.strip_suffix(b".toc")?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(DumpId)
}

/// The OID that the tag of a group of large objects begins with, as pg_restore reads it: `17` or
/// `17..23`.
pub(crate) fn first_of_group(tag: &[u8]) -> Option<u32> {
    let end = tag.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(tag.len());
    std::str::from_utf8(&tag[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_members() {
        for name in ["1.dat", "3475.dat.gz", "blob_17.dat.zst", "blobs.toc", "blobs_3.toc"] {
            assert!(is_of_data(name.as_bytes()), "{name}");
        }
        for name in ["toc.dat", ".dat", "x.dat", "blob_x.dat", "1.dat.gz.gz", "restore.sql"] {
            assert!(!is_of_data(name.as_bytes()), "{name}");
        }
        assert!(is_toc(b"toc.dat") && is_toc(b"toc.dat.lz4") && !is_toc(b"toc.dat.bz2"));
        assert_eq!(without_suffix(b"1.dat.gz"), (&b"1.dat"[..], Algorithm::Gzip));
    }

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
