//! Data offsets for a custom archive that was written without: through a pipe, or since
//! PostgreSQL 16 to redirected output.
//!
//! They are written in place, and at no instant is the archive other than whole. An entry's
//! offset is a flag and a position; as long as the flag says "not set", every reader ignores the
//! position. So, each on disk before the next begins:
//!
//! 1. the journal, with all that is going to be written: from here on the table of contents is
//!    the new one, whatever happens;
//! 2. all positions;
//! 3. all flags, each of which is one byte;
//! 4. the journal goes.
//!
//! Whoever is killed leaves the old table of contents, the new one, or the journal. With it, the
//! next run completes the new one. Readers need not know it: for them an entry has its right
//! offset or none, at every instant.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::journal;
use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::source::FileSource;
use crate::toc::{DataOffset, Format, Toc, TocEntry};
use crate::version::Gate;

/// The result of [`reindex`].
///
/// See the example of [`reindex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reindexed {
    /// Number of entries with data.
    pub entries: usize,
    /// Number of entries that got a missing offset.
    pub written: usize,
    /// Whether the call completed the journal of an earlier run that was killed.
    pub resumed: bool,
}

/// Writes missing data offsets into a custom archive, in place. With offsets, one entry is found
/// without a walk over the others, and `pg_restore -j` knows which entries are large.
///
/// Blocks are walked over by the lengths of their chunks, without reading data. If the archive has
/// a second table of contents at its end (see [`DataOffset::NotSet`]), the offsets are taken from
/// there.
///
/// All changes are first written to a journal beside the archive, named like the archive with
/// `.pgdmp-journal` added. If the process is killed, the archive has the old table of contents, the
/// new one, or a journal with which the next call completes the new one. Meanwhile each entry has
/// its right offset or none, so every reader can read the archive.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("piped.dump");
/// std::fs::copy("fixtures/pg17/small-redirected.dump", &path)?;
/// let done = pgdmp::edit::reindex(&path)?;
/// assert_eq!(done.written, done.entries);
/// # Ok::<(), pgdmp::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for archives of other formats or of versions
/// before 1.7, if another process works on the archive, or if another file has the journal's name;
/// an entry whose block is missing; an archive or folder that cannot be written to. In these cases
/// nothing was written. If writing itself fails, the journal stays.
pub fn reindex(path: impl AsRef<Path>) -> Result<Reindexed> {
    let path = path.as_ref();
    in_path(path).map_err(|error| error.in_path(path))
}

fn in_path(path: &Path) -> Result<Reindexed> {
    let archive = Archive::open(path)?;
    if archive.format() != Format::Custom {
        return Err(Error::usage(format!("a {} archive has no data offsets", archive.format())));
    }
    if !archive.header().version.has(Gate::OffsetFlag) {
        return Err(Error::usage("archives before version 1.7 cannot be changed in place"));
    }
    // Beside the file itself, whatever link led to it.
    let journal = journal::path(&fs::canonicalize(path)?);
    let entries = archive.entries().filter(TocEntry::has_data).count();
    if fs::symlink_metadata(&journal).is_err() && !archive.entries().any(is_missing) {
        archive.check_end(true)?;
        return Ok(Reindexed { entries, written: 0, resumed: false });
    }
    let file = File::options().read(true).write(true).open(path)?;
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        return Err(Error::usage("another process is writing data offsets into it"));
    }
    let done = in_file(&file, journal);
    // Said, not left to the end of the file: a child process that another thread starts may have
    // a copy of it.
    let _ = file.unlock();
    done
}

/// Completes the locked file; what stands in it now counts.
fn in_file(file: &File, journal: PathBuf) -> Result<Reindexed> {
    let archive = Archive::read(FileSource::new(file.try_clone()?)?)?;
    let entries = archive.entries().filter(TocEntry::has_data).count();
    let resumed = journal::is_there(&journal)?;
    let mut offsets = Vec::new();
    for entry in archive.entries().filter(|entry| is_missing(*entry)) {
        if !archive.has_data(entry)? {
            continue;
        }
        offsets.push((entry.index(), archive.locate_whole(entry)?));
    }
    archive.check_end(true)?;
    let patches = patches(file, archive.toc(), &offsets)?;
    let mut disk = OnDisk { file, journal };
    if patches.is_empty() {
        disk.remove_journal()?;
    } else {
        let lines = offsets
            .iter()
            .filter_map(|(index, offset)| Some((archive.toc().get(*index)?.dump_id(), *offset)));
        commit(&mut disk, &journal::text(lines), &patches)?;
    }
    Ok(Reindexed { entries, written: offsets.len(), resumed })
}

fn is_missing(entry: TocEntry<'_>) -> bool {
    entry.has_data() && !matches!(entry.data_offset(), Some(DataOffset::At(_)))
}

/// One offset, as it is going to stand in the file.
#[derive(Debug)]
struct Patch {
    /// Of its flag; the position follows.
    place: u64,
    flag: u8,
    position: Vec<u8>,
}

/// What is to be written for these offsets, by place of the entry. The file must have the table of
/// contents just as it would be written, for the places to be right.
fn patches(file: &File, toc: &Toc, offsets: &[(usize, u64)]) -> Result<Vec<Patch>> {
    let mut new = toc.clone();
    for &(index, offset) in offsets {
        new.set_data_offset(index, DataOffset::At(offset));
    }
    let mut input: &File = file;
    input.seek(SeekFrom::Start(0))?;
    let mut compare = Compare {
        file: io::BufReader::with_capacity(1 << 20, input),
        position: 0,
        ends: Vec::new(),
    };
    let same = toc.write_noting(&mut compare, |output| output.ends.push(output.position));
    match same {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(Error::usage(
                "the table of contents has numbers or texts in an unusual form, and would change \
                 its length; convert it into a new archive instead",
            ));
        }
        result => result?,
    }
    // An entry ends with its offset.
    let len = 1 + u64::from(toc.dialect().off_size);
    let patch = |&(index, _): &(usize, u64)| -> io::Result<Option<Patch>> {
        let (Some(entry), Some(end)) = (new.get(index), compare.ends.get(index)) else {
            return Ok(None);
        };
        let (flag, position) = entry.stored_offset(toc.dialect())?;
        Ok(Some(Patch { place: end - len, flag, position }))
    };
    let patches: io::Result<Vec<_>> = offsets.iter().filter_map(|o| patch(o).transpose()).collect();
    Ok(patches?)
}

/// What is changed, step by step; in tests, what is stopped after any of them.
trait Disk {
    /// Writes the journal, in which the disk must have all of it.
    fn write_journal(&mut self, text: &[u8]) -> io::Result<()>;
    fn remove_journal(&mut self) -> io::Result<()>;
    /// Writes to the archive.
    fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()>;
    /// Waits until the disk has what was written to the archive.
    fn sync(&mut self) -> io::Result<()>;
}

fn commit(disk: &mut impl Disk, journal: &[u8], patches: &[Patch]) -> Result<()> {
    disk.write_journal(journal).map_err(|error| {
        let kind = error.kind();
        io::Error::new(kind, format!("could not write the journal beside it: {error}"))
    })?;
    for patch in patches {
        disk.write_at(patch.place + 1, &patch.position)?;
    }
    disk.sync()?;
    for patch in patches {
        disk.write_at(patch.place, &[patch.flag])?;
    }
    disk.sync()?;
    Ok(disk.remove_journal()?)
}

struct OnDisk<'a> {
    file: &'a File,
    journal: PathBuf,
}

impl OnDisk<'_> {
    /// Writes the names in the folder through to the disk, where that is possible.
    fn sync_folder(&self) -> io::Result<()> {
        match self.journal.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

impl Disk for OnDisk<'_> {
    fn write_journal(&mut self, text: &[u8]) -> io::Result<()> {
        self.remove_journal()?;
        // Never through a link that somebody else put there.
        let mut file = File::create_new(&self.journal)?;
        let written = file.write_all(text).and_then(|()| file.sync_all());
        written.and_then(|()| self.sync_folder()).inspect_err(|_| {
            let _ = fs::remove_file(&self.journal);
        })
    }

    fn remove_journal(&mut self) -> io::Result<()> {
        match fs::remove_file(&self.journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_folder(),
        }
    }

    fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(place))?;
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Takes only what the file has.
struct Compare<'a> {
    file: io::BufReader<&'a File>,
    position: u64,
    /// Where each entry ends.
    ends: Vec<u64>,
}

impl Write for Compare<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut part = [0; 4096];
        for bytes in buf.chunks(part.len()) {
            self.file.read_exact(&mut part[..bytes.len()])?;
            if part[..bytes.len()] != *bytes {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        self.position += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
