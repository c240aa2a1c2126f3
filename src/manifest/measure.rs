//! The checksums of an archive.

use std::io::{self, BufRead};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{DataHash, Digest, EntryRecord, Manifest, MemberRecord};
use crate::archive::Archive;
use crate::error::Result;
use crate::format::names;
use crate::toc::{BlockKind, Format, Toc, TocEntry};
use crate::value::Date;
use crate::version::ArchiveVersion;

impl Manifest {
    /// The definitions of all entries of a table of contents. What is known of the data is to be
    /// added: to [`entries`](Self::entries), which have the order of the table of contents, and to
    /// [`large_objects`](Self::large_objects). `archive` is the name of the file or directory.
    pub fn describe(toc: &Toc, format: Format, archive: &str) -> Manifest {
        let header = toc.header();
        let entries = toc.entries().map(|entry| EntryRecord {
            id: entry.dump_id().0,
            desc: entry.desc().as_bytes().to_vec(),
            schema: entry.namespace().map(<[u8]>::to_vec),
            tag: entry.tag().map(<[u8]>::to_vec),
            def: definition(entry),
            stored: None,
            raw: None,
            rows: None,
        });
        Manifest {
            archive: archive.to_owned(),
            format: format.to_string(),
            version: version(header.version),
            compression: header.compression.algorithm.name().to_owned(),
            size: None,
            sha256: None,
            level: String::new(),
            written: utc(SystemTime::now()),
            by: concat!("pgdmp ", env!("CARGO_PKG_VERSION")).to_owned(),
            entries: entries.collect(),
            large_objects: None,
            members: Vec::new(),
            digest: None,
        }
    }

    /// Adds the checksums of the stored bytes: of the file or the files, and of each table's data.
    /// All of them are read.
    ///
    /// # Errors
    ///
    /// Errors of reading, and data that is not there.
    pub fn measure(&mut self, archive: &Archive) -> Result<()> {
        match file(archive)? {
            Some((size, sha256)) => (self.size, self.sha256) = (Some(size), Some(sha256)),
            None => self.members = members(archive)?,
        }
        for (entry, record) in archive.entries().zip(&mut self.entries) {
            if has_stored(entry) && archive.has_data(entry)? {
                record.stored = Some(stored(archive, entry)?);
            }
        }
        Ok(())
    }
}

/// The checksum of what an entry defines; see [`EntryRecord::def`].
pub(crate) fn definition(entry: TocEntry<'_>) -> Digest {
    let mut hash = DataHash::new();
    for text in [
        Some(entry.desc().as_bytes()),
        entry.namespace(),
        entry.tag(),
        entry.owner(),
        entry.defn(),
        entry.drop_stmt(),
        entry.copy_stmt(),
    ] {
        // A text is at most 2 GiB long.
        let len = text.map_or(u32::MAX, |text| u32::try_from(text.len()).unwrap_or(u32::MAX - 1));
        hash.update(&len.to_le_bytes());
        hash.update(text.unwrap_or_default());
    }
    hash.finish().1
}

/// Whether the stored data of an entry is in one piece. Large objects have one each.
fn has_stored(entry: TocEntry<'_>) -> bool {
    entry.has_data() && entry.data_kind() == BlockKind::Data
}

/// The checksum of an entry's stored data.
pub(crate) fn stored(archive: &Archive, entry: TocEntry<'_>) -> Result<(u64, Digest)> {
    let named = |error: io::Error| crate::error::Error::from(error).in_entry(|| entry.name());
    hash(archive.stored(entry.dump_id())?).map_err(named)
}

/// The checksum of the file; `None` of a directory.
pub(crate) fn file(archive: &Archive) -> Result<Option<(u64, Digest)>> {
    Ok(archive.whole_file().map(hash).transpose()?)
}

/// The checksums of the files of a directory, sorted by name.
fn members(archive: &Archive) -> Result<Vec<MemberRecord>> {
    let mut files = archive.walked()?.files.unwrap_or_default();
    files.retain(|name| is_of_archive(name));
    files.sort_unstable();
    let mut members = Vec::with_capacity(files.len());
    for name in files {
        let (size, sha256) = member(archive, &name)?;
        members.push(MemberRecord { name, size, sha256 });
    }
    Ok(members)
}

/// Whether a file of a directory is one of the archive's.
pub(crate) fn is_of_archive(name: &str) -> bool {
    names::is_toc(name.as_bytes()) || names::is_of_data(name.as_bytes())
}

/// An archive version without its revision, which says nothing.
pub(crate) fn version(version: ArchiveVersion) -> String {
    format!("{}.{}", version.major, version.minor)
}

/// The checksum of a file of a directory archive. The name may be anybody's.
pub(crate) fn member(archive: &Archive, name: &str) -> Result<(u64, Digest)> {
    Ok(hash(archive.member(name.as_bytes())?.reader())?)
}

fn hash(mut reader: impl BufRead) -> io::Result<(u64, Digest)> {
    let mut hash = DataHash::new();
    loop {
        let bytes = match reader.fill_buf() {
            Ok([]) => return Ok(hash.finish()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(bytes);
        let n = bytes.len();
        reader.consume(n);
    }
}

/// A time in UTC, as RFC 3339 writes it.
fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let date = Date::Finite(i32::try_from(days).unwrap_or(0));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_795_848_062), "2026-11-28T06:41:02Z");
    }
}
