//! How to open an archive, and opening it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::large_objects::Decoding;
use super::open::{Archive, Layout};
use super::read_toc::{TocOptions, TocRead, read_toc};
use super::stream::ArchiveStream;
use crate::compress::{Algorithm, Contexts};
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::format::custom::Custom;
use crate::format::detect;
use crate::format::directory;
use crate::format::folder::Folder;
use crate::format::members::{Member, MemberStore};
use crate::format::names;
use crate::format::tar::TarIndex;
use crate::limits::Limits;
use crate::not_an_archive::NotAnArchive;
use crate::source::{
    FileSource, Members, OnRead, Peek, Pipe, Positioned as _, Source, SourceReader, is_pipe,
};
use crate::toc::{Format, Header, Statements, Toc};

/// Options for opening an archive.
///
/// ```
/// let limits = pgdmp::Limits::new().toc_bytes(1 << 30);
/// let archive = pgdmp::OpenOptions::new().limits(limits).open("fixtures/pg18/small-tar.tar")?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct OpenOptions {
    pub(super) toc: TocOptions,
    pub(super) on_read: Option<OnRead>,
    pub(super) follow_links: bool,
    pub(super) threads: u32,
}

impl OpenOptions {
    /// The defaults.
    pub fn new() -> Self {
        OpenOptions::default()
    }

    /// Sets bounds on what an archive may make a reader hold in memory.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.toc.limits = limits;
        self
    }

    /// Whether to keep the SQL of the entries; the default is `true`. SQL is most of a table of
    /// contents. Without it, an archive can be listed and its data read, in less time and memory,
    /// but it cannot be converted or become a script.
    pub fn statements(mut self, kept: bool) -> Self {
        self.toc.statements = if kept { Statements::Kept } else { Statements::LeftOut };
        self
    }

    /// Whether files of a directory archive may be links that lead out of the directory; the
    /// default is `false`. An archive from a stranger may have links to your files, whose content
    /// would pass for rows.
    pub fn follow_links(mut self, allowed: bool) -> Self {
        self.follow_links = allowed;
        self
    }

    /// Sets the number of threads that decompress the data of one table or large object together; the
    /// default is 1, the thread that reads. They can do so where each MiB stands alone: in data that
    /// this crate [compressed](crate::write::WriteOptions::plain), and in lz4 and zstd frames that say
    /// how long they are. All other data is decompressed by one thread: behind the first MiB of a
    /// table by another than the one that reads, in what is no pipe.
    ///
    /// Readers of the same archive share these threads. Beyond one MiB for each reader, as many MiB as
    /// there are threads and two more wait in memory, compressed and decompressed.
    pub fn threads(mut self, threads: u32) -> Self {
        self.threads = threads;
        self
    }

    pub(super) fn contexts(&self) -> Arc<Contexts> {
        Arc::new(Contexts::with_threads(self.threads))
    }

    /// Whether to open an archive whose table of contents is damaged; the default is `false`. It
    /// then has the entries before the damage, and [`Archive::damage`] describes the damage. The
    /// data of these entries can be read in directories, tars and custom archives with offsets.
    ///
    /// ```
    /// let mut bytes = std::fs::read("fixtures/pg18/small-custom.dump")?;
    /// bytes.truncate(2000);
    /// assert!(pgdmp::Archive::read(bytes.clone()).is_err());
    /// let archive = pgdmp::OpenOptions::new().damaged(true).read(bytes)?;
    /// let damage = archive.damage().unwrap();
    /// eprintln!("{} entries can be read: {damage}", archive.entries().len());
    /// # assert!(archive.entries().len() > 0 && damage.is_truncated());
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    pub fn damaged(mut self, allowed: bool) -> Self {
        self.toc.damaged = allowed;
        self
    }

    /// Calls `on_read` with the number of bytes after each read, to show progress. This covers all
    /// formats, pipes, and the threads of a conversion. The call is made by the thread that reads.
    ///
    /// Bytes are counted as they are stored. Bytes that are read twice count twice: an archive
    /// without data offsets is walked over before its data is read.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let read = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&read);
    /// let archive = pgdmp::OpenOptions::new()
    ///     .on_read(move |bytes| drop(counter.fetch_add(bytes, Ordering::Relaxed)))
    ///     .open("fixtures/pg18/small-dir")?;
    /// assert!(read.load(Ordering::Relaxed) > 0);
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    pub fn on_read(mut self, on_read: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.on_read = Some(OnRead::new(on_read));
        self
    }

    /// Opens a file or, for a directory archive, a directory.
    ///
    /// # Errors
    ///
    /// Errors of the file system, [`ErrorKind::NotAnArchive`] with a guess at what the file is,
    /// [`ErrorKind::UnsupportedVersion`], and damage of the table of contents. A pipe has no
    /// positions to read at: use [`stream`](Self::stream), or [`input`](Self::input), which takes
    /// both.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Archive> {
        let path = path.as_ref();
        self.open_path(path).map_err(|error| error.in_path(path))
    }

    fn open_path(&self, path: &Path) -> Result<Archive> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return self.folder(path);
        }
        if is_pipe(&metadata) {
            return Err(Error::usage("a pipe can only be read in one pass"));
        }
        self.file(path, FileSource::open(path)?)
    }

    /// Opens a directory with the files of an archive whose `toc.dat` is lost. The table of contents
    /// is empty.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(crate) fn without_toc(&self, path: &Path) -> Result<Archive> {
        let folder = Folder::new(path, self.follow_links);
        let version = names::version_of_files(&folder.names()?.unwrap_or_default());
        let store = MemberStore::folder(folder, self.on_read.clone());
        let header = Header::new(version, Format::Directory);
        let toc = Toc::new(header, Format::Directory);
        let layout = Layout::Members(Arc::new(store));
        let damage = Some(Error::malformed("toc.dat is lost"));
        Ok(Archive::new(Format::Directory, toc, layout, self.toc.limits, self.contexts())
            .with_damage(damage))
    }

    /// A custom archive without its header: `toc` was found in a stretch of the source. `damage`: of
    /// that table of contents.
    pub(crate) fn without_header(
        &self,
        source: Arc<dyn Source>,
        toc: Toc,
        stretch: Range<u64>,
        damage: Option<Error>,
    ) -> Archive {
        let Range { start, end } = stretch;
        let lost = || Error::malformed("the header is damaged").with_fault(Fault::Header).at(0);
        let damage = Some(damage.unwrap_or_else(lost));
        let custom = Custom::new(source, toc.dialect(), start, end, self.toc.limits);
        let layout = Layout::Blocks(Box::new(custom));
        Archive::new(Format::Custom, toc, layout, self.toc.limits, self.contexts())
            .with_damage(damage)
    }

    /// A tar of which the first header, or the table of contents, is lost; `None` if it has no data
    /// of an archive.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(crate) fn damaged_tar(&self, path: &Path) -> Result<Option<Archive>> {
        let source: Arc<dyn Source> = Arc::new(FileSource::open(path)?);
        let index = || TarIndex::new(Arc::clone(&source), &self.toc.limits, true);
        let mut whole = index()?;
        whole.find_toc();
        if !whole.member_names().iter().any(|name| names::is_of_data(name.as_bytes())) {
            return Ok(None);
        }
        match self.store(MemberStore::Tar(whole), Format::Tar) {
            Err(error) if !error.is_io() => {
                let index = index()?;
                let version = names::version_of_files(&index.member_names());
                let toc = Toc::new(Header::new(version, Format::Tar), Format::Tar);
                let layout = Layout::Members(Arc::new(MemberStore::Tar(index)));
                Ok(Some(
                    Archive::new(Format::Tar, toc, layout, self.toc.limits, self.contexts())
                        .with_damage(Some(error)),
                ))
            }
            opened => opened.map(Some),
        }
    }

    pub(crate) fn limits_of_toc(&self) -> &Limits {
        &self.toc.limits
    }

    pub(super) fn folder(&self, path: &Path) -> Result<Archive> {
        let folder = Folder::new(path, self.follow_links);
        self.store(directory::open(folder, path, self.on_read.clone())?, Format::Directory)
    }

    /// The file at `path`, which was opened as `source`.
    pub(super) fn file(&self, path: &Path, source: FileSource) -> Result<Archive> {
        self.read(source).map_err(|error| match error.kind() {
            ErrorKind::NotAnArchive(what) => {
                Error::new(ErrorKind::NotAnArchive(what.clone().of_file(path)))
            }
            _ => error,
        })
    }

    /// Opens a custom or tar archive in any source.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn read(&self, source: impl Source + 'static) -> Result<Archive> {
        self.read_source(OnRead::watch(self.on_read.as_ref(), Arc::new(source)))
    }

    fn read_source(&self, source: Arc<dyn Source>) -> Result<Archive> {
        let mut reader = SourceReader::from(Arc::clone(&source), 0);
        match detect::format(reader.peek(detect::LEN)?) {
            Some(Format::Custom) => self.custom(source),
            Some(_) => {
                let index = TarIndex::new(source, &self.toc.limits, self.toc.damaged)?;
                self.store(MemberStore::Tar(index), Format::Tar)
            }
            None => {
                let what = detect::recognise(reader.peek(detect::WINDOW)?);
                Err(Error::new(ErrorKind::NotAnArchive(what)))
            }
        }
    }

    /// Opens a custom or tar archive from a pipe, and reads its header and table of contents.
    ///
    /// # Errors
    ///
    /// As [`ArchiveStream::new`].
    pub fn stream<R: Read + Send>(&self, reader: R) -> Result<ArchiveStream<R>> {
        ArchiveStream::open(reader, self.toc, self.on_read.clone(), self.contexts())
    }

    /// Opens a directory archive whose files are stored elsewhere than in a directory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn members(&self, members: impl Members + 'static) -> Result<Archive> {
        let (members, on_read) = (Box::new(members), self.on_read.clone());
        self.store(MemberStore::Files { members, on_read }, Format::Directory)
    }

    /// Opens a directory archive whose files are named sources, including `toc.dat`. This is
    /// [`members`](Self::members) for a map.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn read_members<S: Source + 'static>(
        &self,
        members: impl IntoIterator<Item = (String, S)>,
    ) -> Result<Archive> {
        let shared = |(name, source)| (name, Arc::new(source) as Arc<dyn Source>);
        self.members(members.into_iter().map(shared).collect::<BTreeMap<_, _>>())
    }

    fn custom(&self, source: Arc<dyn Source>) -> Result<Archive> {
        let mut reader = SourceReader::from(Arc::clone(&source), 0);
        let TocRead { toc, start, damage } = read_toc(&mut reader, Format::Custom, self.toc)?;
        let (limits, end) = (self.toc.limits, reader.position());
        let mut custom = Custom::new(source, toc.dialect(), start, end, limits);
        if damage.is_some() {
            custom.do_not_walk();
        }
        let layout = Layout::Blocks(Box::new(custom));
        let archive = Archive::new(Format::Custom, toc, layout, limits, self.contexts());
        Ok(archive.with_damage(damage))
    }

    fn store(&self, mut store: MemberStore, format: Format) -> Result<Archive> {
        let contexts = self.contexts();
        let member = store.open(names::TOC.as_bytes()).map_err(|error| match error.kind() {
            ErrorKind::NotFound { .. } => Error::new(ErrorKind::NotAnArchive(match &store {
                MemberStore::Tar(index) => index.without_toc(),
                _ => NotAnArchive::DirectoryWithoutToc,
            })),
            _ => error,
        })?;
        let in_member = |error: Error| error.in_member(&member.name);
        let read = self.toc_member(&member, format, &contexts).map_err(in_member)?;
        let damage = read.damage.map(in_member);
        if let MemberStore::Tar(index) = &mut store {
            index.name_holes(&read.toc);
        }
        let layout = Layout::Members(Arc::new(store));
        let archive = Archive::new(format, read.toc, layout, self.toc.limits, contexts);
        Ok(archive.with_damage(damage))
    }

    fn toc_member(
        &self,
        member: &Member,
        format: Format,
        contexts: &Arc<Contexts>,
    ) -> Result<TocRead> {
        if member.algorithm == Algorithm::None {
            return read_toc(&mut member.reader(), format, self.toc);
        }
        let decoding = Decoding {
            algorithm: member.algorithm,
            contexts: Arc::clone(contexts),
            limits: self.toc.limits,
        };
        // Nobody but a user who compressed it by hand stores it so.
        read_toc(&mut Pipe::new(decoding.member(member)?), format, self.toc)
    }
}

impl Archive {
    /// Opens an archive with the default options; see [`OpenOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Archive> {
        OpenOptions::new().open(path)
    }

    /// Opens a custom or tar archive in any source, with the default options.
    pub fn read(source: impl Source + 'static) -> Result<Archive> {
        OpenOptions::new().read(source)
    }
}

impl<R: Read + Send> ArchiveStream<R> {
    /// Opens a custom or tar archive from a pipe, with the default options.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    pub fn new(reader: R) -> Result<Self> {
        OpenOptions::new().stream(reader)
    }
}
