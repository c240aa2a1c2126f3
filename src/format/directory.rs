//! The directory format: a file for each table and large object.
//!
//! `pg_backup_directory.c`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::members::MemberStore;
use super::names;
use super::output::Output;
use crate::compress::Algorithm;
use crate::error::{Error, ErrorKind, Result};
use crate::not_an_archive::NotAnArchive;
use crate::source::OnRead;
use crate::toc::{DumpId, Toc};
use crate::version::ArchiveVersion;

/// A directory that holds an archive, or what it is instead.
pub(crate) fn open(folder: Folder, path: &Path, on_read: Option<OnRead>) -> Result<MemberStore> {
    let store = MemberStore::folder(folder, on_read);
    match store.open(names::TOC.as_bytes()) {
        Ok(_) => Ok(store),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound { .. }) => {
            Err(Error::new(ErrorKind::NotAnArchive(without_toc(path)?)))
        }
        Err(error) => Err(error),
    }
}

/// Files that tell what a directory without `toc.dat` is.
const SIGNS: &[(&str, NotAnArchive)] = &[
    ("PG_VERSION", NotAnArchive::DataDirectory),
    // What pg_basebackup -Ft writes.
    ("base.tar", NotAnArchive::DataDirectory),
    ("base.tar.gz", NotAnArchive::DataDirectory),
    ("backup_manifest", NotAnArchive::DataDirectory),
    ("toc.glo", NotAnArchive::ClusterDirectory),
    ("map.dat", NotAnArchive::ClusterDirectory),
];

/// What a directory without `toc.dat` is.
fn without_toc(path: &Path) -> Result<NotAnArchive> {
    if let Some((_, what)) = SIGNS.iter().find(|(name, _)| path.join(name).exists()) {
        return Ok(what.clone());
    }
    let mut what = NotAnArchive::EmptyDirectory;
    for file in fs::read_dir(path)? {
        if names::is_of_data(file?.file_name().as_encoded_bytes()) {
            return Ok(NotAnArchive::DirectoryWithoutItsToc);
        }
        what = NotAnArchive::DirectoryWithoutToc;
    }
    Ok(what)
}

impl NotAnArchive {
    /// The same, if that can be told better from the name of the file and what is beside it: files
    /// of a directory archive are known by their names alone.
    #[must_use]
    pub fn of_file(self, path: &Path) -> NotAnArchive {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let has_toc = || {
            let mut suffixes = Algorithm::KNOWN.into_iter().map(Algorithm::suffix);
            suffixes.any(|suffix| path.with_file_name(names::TOC.to_owned() + suffix).is_file())
        };
        match names::is_of_data(name) && has_toc() {
            true => NotAnArchive::DataFile,
            false => self,
        }
    }
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
        let name = format!("{name}{}", algorithm.suffix());
        self.piece = Some(NewFile::create(self.folder.join(name))?);
        Ok(())
    }

    pub(crate) fn begin_data(&mut self, id: DumpId, algorithm: Algorithm) -> Result<()> {
        self.begin(&names::data_name(id), algorithm)
    }

    pub(crate) fn begin_objects(&mut self, id: DumpId) -> Result<()> {
        let path = self.folder.join(names::new_list_name(self.version, id));
        self.list = Some(NewFile::create(path)?);
        Ok(())
    }

    pub(crate) fn begin_object(&mut self, oid: u32, algorithm: Algorithm) -> Result<()> {
        self.begin(&names::object_name(oid), algorithm)?;
        if let Some(list) = &mut self.list {
            names::write_large_object(&mut list.output, oid)?;
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
        let mut file = NewFile::create(self.folder.join(names::TOC))?;
        let written = toc.write_to(&mut file.output);
        written.map_err(|error| Error::from(error).in_path(&file.path))?;
        file.finish()
    }
}
