//! The directory format: which member holds what. Tar uses the same names.
//!
//! `pg_backup_directory.c`.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use super::members::{MemberStore, SUFFIXES};
use super::output::Output;
use crate::compress::Algorithm;
use crate::error::{Error, ErrorKind, NotAnArchive, Result, shown};
use crate::toc::{DumpId, Format, Toc, TocEntry};
use crate::version::{ArchiveVersion, Gate};

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

/// The suffix of files with this compression.
fn suffix(algorithm: Algorithm) -> &'static str {
    SUFFIXES.iter().find(|(_, known)| *known == algorithm).map_or("", |(suffix, _)| suffix)
}

/// A directory archive being written.
///
/// pg_dump writes `toc.dat` first, so that what it leaves when it fails looks like an archive.
/// Here it comes last.
#[derive(Debug)]
pub(crate) struct DirectorySink {
    folder: PathBuf,
    version: ArchiveVersion,
    piece: Option<NewFile>,
    list: Option<NewFile>,
}

/// A file being written.
#[derive(Debug)]
struct NewFile {
    path: PathBuf,
    output: Output<File>,
}

impl NewFile {
    fn create(path: PathBuf) -> Result<Self> {
        match create_file(&path) {
            Ok(output) => Ok(NewFile { path, output }),
            Err(error) => Err(Error::from(error).in_path(&path)),
        }
    }

    fn finish(self) -> Result<File> {
        self.output.finish().map_err(|error| Error::from(error).in_path(&self.path))
    }
}

/// Makes a file that was not there, which only its owner can read, as pg_dump's.
pub(crate) fn create_file(path: &Path) -> io::Result<Output<File>> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Output::file(options.open(path)?)
}

/// Makes the folder of an archive; an empty one may be there.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_dir(path)?.next().is_some() {
                return Err(io::Error::new(error.kind(), "the directory is not empty"));
            }
            Ok(())
        }
        result => result,
    }
}

impl DirectorySink {
    pub(crate) fn new(folder: &Path, version: ArchiveVersion) -> Result<Self> {
        create_folder(folder).map_err(|error| Error::from(error).in_path(folder))?;
        Ok(DirectorySink { folder: folder.to_owned(), version, piece: None, list: None })
    }

    fn begin(&mut self, name: &str, algorithm: Algorithm) -> Result<()> {
        let name = format!("{name}{}", suffix(algorithm));
        self.piece = Some(NewFile::create(self.folder.join(name))?);
        Ok(())
    }

    pub(crate) fn begin_data(&mut self, id: DumpId, algorithm: Algorithm) -> Result<()> {
        self.begin(&data_name(id), algorithm)
    }

    pub(crate) fn begin_objects(&mut self, id: DumpId) -> Result<()> {
        let path = self.folder.join(new_list_name(self.version, id));
        self.list = Some(NewFile::create(path)?);
        Ok(())
    }

    pub(crate) fn begin_object(&mut self, oid: u32, algorithm: Algorithm) -> Result<()> {
        self.begin(&object_name(oid), algorithm)?;
        if let Some(list) = &mut self.list {
            write_large_object(&mut list.output, oid)?;
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.piece {
            Some(piece) => piece
                .output
                .write_all(bytes)
                .map_err(|error| Error::from(error).in_path(&piece.path).into()),
            None => Err(io::Error::other("no file was begun")),
        }
    }

    pub(crate) fn end_piece(&mut self) -> Result<()> {
        self.piece.take().map_or(Ok(()), |piece| piece.finish().map(drop))
    }

    pub(crate) fn end_objects(&mut self) -> Result<()> {
        self.list.take().map_or(Ok(()), |list| list.finish().map(drop))
    }

    /// Writes `toc.dat`, and gives it.
    pub(crate) fn finish(self, toc: &Toc) -> Result<File> {
        let mut file = NewFile::create(self.folder.join(TOC))?;
        let written = toc.write_to(&mut file.output);
        written.map_err(|error| Error::from(error).in_path(&file.path))?;
        file.finish()
    }
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
