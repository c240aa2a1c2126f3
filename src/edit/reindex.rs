//! Data offsets for a custom archive that was written without: through a pipe, or since
//! PostgreSQL 16 to redirected output.
//!
//! They are written in place, and at no instant is the archive other than whole. An entry's
//! offset is a flag and a position; as long as the flag says "not set", every reader ignores the
//! position. So first all positions are written and brought to disk, then all flags, each of
//! which is one byte: whenever it ends, an entry has its right offset or none. There is nothing to
//! recover afterwards, and running it again completes what is missing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::archive::Archive;
use crate::error::{Error, Result};
use crate::toc::{DataOffset, Format, Toc, TocEntry};
use crate::version::Gate;

/// What [`reindex`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reindexed {
    /// How many entries have data.
    pub entries: usize,
    /// How many of them got an offset that had none.
    pub written: usize,
}

/// Writes the data offsets that a custom archive lacks into it, so that one entry of it is found
/// without a walk over all others, and `pg_restore -j` knows which are large.
///
/// Data is not read: blocks are walked over by the lengths of their chunks. Where an archive has
/// a second table of contents at its end (see [`DataOffset::NotSet`]), the offsets are from there.
///
/// Whenever it is killed, every entry has its right offset or none.
///
/// # Errors
///
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for archives of other formats and from before
/// version 1.7; an entry whose block is not there. Then nothing was written.
pub fn reindex(path: impl AsRef<Path>) -> Result<Reindexed> {
    let path = path.as_ref();
    let archive = Archive::open(path)?;
    in_place(&archive, path).map_err(|error| error.in_path(path))
}

fn in_place(archive: &Archive, path: &Path) -> Result<Reindexed> {
    if archive.format() != Format::Custom {
        return Err(Error::usage(format!("a {} archive has no data offsets", archive.format())));
    }
    if !archive.header().version.has(Gate::OffsetFlag) {
        return Err(Error::usage("archives before version 1.7 cannot be changed in place"));
    }
    let entries = archive.entries().filter(TocEntry::has_data).count();
    let is_missing =
        |entry: &TocEntry<'_>| entry.has_data() && entry.data_offset() == Some(DataOffset::NotSet);
    let mut offsets = Vec::new();
    for entry in archive.entries().filter(is_missing) {
        offsets.push((entry.index(), archive.locate(entry)?));
    }
    let done = Reindexed { entries, written: offsets.len() };
    if offsets.is_empty() {
        return Ok(done);
    }
    let (mut pending, mut complete) = (archive.toc().clone(), archive.toc().clone());
    for &(index, offset) in &offsets {
        pending.set_position_alone(index, offset);
        complete.set_data_offset(index, DataOffset::At(offset));
    }
    let mut file = File::options().read(true).write(true).open(path)?;
    check_same(&mut file, archive.toc())?;
    for toc in [&pending, &complete] {
        overwrite(&mut file, toc)?;
        file.sync_all()?;
    }
    Ok(done)
}

/// Makes sure that the table of contents is spelled as it is going to be.
fn check_same(file: &mut File, toc: &Toc) -> Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let same = toc.write_to(Compare { file: io::BufReader::new(&*file) });
    match same {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Error::usage(
            "the table of contents has numbers in an unusual form, and would change its length; \
             convert it into a new archive instead",
        )),
        result => Ok(result?),
    }
}

fn overwrite(file: &mut File, toc: &Toc) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut output = io::BufWriter::with_capacity(1 << 20, file);
    toc.write_to(&mut output)?;
    output.flush()
}

/// Takes only what the file has.
struct Compare<'a> {
    file: io::BufReader<&'a File>,
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
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
