//! Making an archive: first all entries, then the data of each.
//!
//! An entry's place and length in the file depend on all others, so the table of contents is
//! complete before the first byte is written: [`ArchiveBuilder`] collects entries,
//! [`ArchiveWriter`] takes data (`writer.rs`, `pieces.rs`). `WriteHead`, `WriteToc` and `WriteDataChunks` of
//! `pg_backup_archiver.c`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use super::storage::{Storage, storage_setters};
use super::writer::ArchiveWriter;
use crate::compress::{Algorithm, EncoderPool, Encoding};
use crate::error::{Error, Result};
use crate::format::custom::CustomSink;
use crate::format::directory::{self, DirectorySink};
use crate::format::names;
use crate::format::output::Output;
use crate::format::sink::Sink;
use crate::format::tar::TarSink;
use crate::toc::{
    BlockKind, Compression, CreationTime, DataOffset, Desc, DumpId, EntryFields, Format, Header,
    Section, Toc,
};
use crate::version::{ArchiveVersion, Gate};

/// Settings for a new archive: its header, and the compression of its data.
///
/// The defaults are the newest archive version, gzip at its default level (in a tar, no
/// compression), one thread, and the present time as the time of the dump.
///
/// ```
/// use pgdmp::Algorithm;
/// use pgdmp::toc::ArchiveVersion;
/// use pgdmp::write::WriteOptions;
///
/// let options = WriteOptions::new()
///     .version(ArchiveVersion::new(1, 14))
///     .compression(Algorithm::Gzip, Some(9))
///     .dbname("app");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct WriteOptions {
    storage: Storage,
    created: Option<CreationTime>,
    dbname: Option<Box<[u8]>>,
    server_version: Option<Box<[u8]>>,
    dump_version: Option<Box<[u8]>>,
}

impl WriteOptions {
    /// The oldest version that can be written, PostgreSQL 9.0's.
    pub const OLDEST: ArchiveVersion = ArchiveVersion::new(1, 12);

    /// The defaults.
    pub fn new() -> Self {
        WriteOptions::default()
    }

    storage_setters!();

    /// The time of the dump.
    pub fn created(mut self, created: CreationTime) -> Self {
        self.created = Some(created);
        self
    }

    /// Name of the database.
    pub fn dbname(mut self, name: impl AsRef<[u8]>) -> Self {
        self.dbname = Some(name.as_ref().into());
        self
    }

    /// Version of the dumped server, as text.
    pub fn server_version(mut self, version: impl AsRef<[u8]>) -> Self {
        self.server_version = Some(version.as_ref().into());
        self
    }

    /// Version of the program that made the dump, as text.
    pub fn dump_version(mut self, version: impl AsRef<[u8]>) -> Self {
        self.dump_version = Some(version.as_ref().into());
        self
    }

    /// The time, the database and both releases that another archive's header has. What it does not
    /// have stays as it is here.
    pub fn describe_as(mut self, header: &Header) -> Self {
        let given = |new: &Option<Box<[u8]>>, old| new.clone().or(old);
        self.created = header.created.or(self.created);
        self.dbname = given(&header.dbname, self.dbname);
        self.server_version = given(&header.server_version, self.server_version);
        self.dump_version = given(&header.dump_version, self.dump_version);
        self
    }
}

/// Builds a new archive: takes its entries, then becomes an [`ArchiveWriter`] for the data.
///
/// ```
/// use std::io::{Cursor, Write};
/// use pgdmp::toc::Section;
/// use pgdmp::write::{EntryFields, WriteOptions};
/// use pgdmp::{Archive, ArchiveBuilder, Desc, Format};
///
/// let mut archive = ArchiveBuilder::new(Format::Custom, &WriteOptions::new())?;
/// archive.session("UTF8", true)?;
/// let table = archive.entry(
///     &EntryFields::new(archive.next_id(), Desc::TABLE, Section::PreData)
///         .namespace("public")
///         .tag("t")
///         .defn("CREATE TABLE public.t (a integer);\n"),
/// )?;
/// let data = archive.entry(
///     &EntryFields::new(archive.next_id(), Desc::TABLE_DATA, Section::Data)
///         .namespace("public")
///         .tag("t")
///         .copy_stmt("COPY public.t (a) FROM stdin;\n")
///         .had_dumper(true)
///         .dependencies(&[table]),
/// )?;
///
/// let mut archive = archive.start(Cursor::new(Vec::new()))?;
/// let mut rows = archive.data(data)?;
/// rows.write_all(b"1\n2\n\\.\n\n\n")?;
/// rows.finish()?;
/// let bytes = archive.finish()?.into_inner();
///
/// assert_eq!(Archive::read(bytes)?.entries().count(), 5);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct ArchiveBuilder {
    pub(super) format: Format,
    pub(super) encoding: Encoding,
    toc: Toc,
    ids: HashSet<DumpId>,
    last_id: i32,
    has_objects: bool,
    threads: u32,
    expected: Expected,
}

/// How much of entries will come.
#[derive(Debug, Default)]
struct Expected {
    entries: usize,
    text: usize,
    dependencies: usize,
}

impl ArchiveBuilder {
    /// An archive without entries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a version that cannot be written, a
    /// level that the compression does not have, a compression that the version does not have,
    /// and a compressed tar.
    pub fn new(format: Format, options: &WriteOptions) -> Result<Self> {
        let storage = &options.storage;
        let (algorithm, level) = storage.compression.unwrap_or(match format {
            Format::Tar => (Algorithm::None, None),
            _ => (Algorithm::Gzip, None),
        });
        let header = Header {
            version: storage.version.unwrap_or(ArchiveVersion::NEWEST),
            int_size: 4,
            off_size: 8,
            format_code: format.code_in_header(),
            compression: Compression { algorithm, level },
            created: Some(options.created.unwrap_or_else(CreationTime::now_utc)),
            dbname: options.dbname.clone(),
            server_version: options.server_version.clone(),
            dump_version: options.dump_version.clone(),
        };
        let builder = ArchiveBuilder::with_header(format, header, storage)?;
        Ok(builder.with_threads(storage.threads.max(1)))
    }

    /// An archive with this header, whose format code and widths must be right. Of `storage` only
    /// what no header says matters.
    pub(crate) fn with_header(format: Format, header: Header, storage: &Storage) -> Result<Self> {
        let Header { version, compression: Compression { algorithm, level }, .. } = header;
        if version < WriteOptions::OLDEST || version > ArchiveVersion::NEWEST {
            return Err(Error::usage(format!(
                "archive version {}.{} cannot be written, only {}.{} to {}.{}",
                version.major,
                version.minor,
                WriteOptions::OLDEST.major,
                WriteOptions::OLDEST.minor,
                ArchiveVersion::NEWEST.major,
                ArchiveVersion::NEWEST.minor,
            )));
        }
        if format == Format::Tar && algorithm != Algorithm::None {
            return Err(Error::usage("the data in a tar archive is never compressed"));
        }
        if Algorithm::KNOWN.contains(&algorithm) && !algorithm.fits(version) {
            let needed = algorithm.oldest_version();
            return Err(Error::usage(format!(
                "archive version {}.{} has no compression {algorithm}: choose gzip or none, or \
                 archive version {}.{}, which pg_restore {} and newer read",
                version.major,
                version.minor,
                needed.major,
                needed.minor,
                needed.first_reader()
            )));
        }
        Ok(ArchiveBuilder {
            format,
            encoding: Encoding::new(algorithm, level, storage.long)?.with_plain(storage.plain),
            toc: Toc::new(header, format),
            ids: HashSet::new(),
            last_id: 0,
            has_objects: false,
            threads: 1,
            expected: Expected::default(),
        })
    }

    pub(crate) fn with_threads(mut self, threads: u32) -> Self {
        self.threads = threads;
        self
    }

    /// A free dump id, greater than those of all entries so far.
    pub fn next_id(&self) -> DumpId {
        DumpId(self.last_id.saturating_add(1))
    }

    /// Counts an entry that will come, with the bytes of its own texts. Then memory is taken once,
    /// and no more than is needed.
    pub(crate) fn expect(&mut self, text: usize, dependencies: usize, had_dumper: bool) {
        self.expected.entries += 1;
        self.expected.text += text;
        // The name of its file.
        self.expected.text += if had_dumper { 16 } else { 0 };
        self.expected.dependencies += dependencies;
    }

    /// Adds an entry at the end. Entries are restored in the order in which they were added.
    ///
    /// An entry has data if [`had_dumper`](EntryFields::had_dumper) is set; the data must then be
    /// written. [`data_offset`](EntryFields::data_offset) and [`file_name`](EntryFields::file_name)
    /// are ignored and set by the writer. Fields that the archive's version does not have are left
    /// out.
    ///
    /// # Errors
    ///
    /// A dump id that is not positive or not unique, and kinds of large objects' entries that the
    /// version does not have.
    pub fn entry(&mut self, fields: &EntryFields<'_>) -> Result<DumpId> {
        let id = fields.dump_id;
        let version = self.toc.header().version;
        let grouped = version.has(Gate::LargeObjectGroups);
        let named = |error: Error| {
            error.in_entry(|| crate::error::EntryName {
                dump_id: id.0,
                name: fields.desc.to_string(),
            })
        };
        let Expected { entries, text, dependencies } = std::mem::take(&mut self.expected);
        self.ids.reserve(entries);
        self.toc.reserve(entries, text, dependencies);
        if self.ids.contains(&id) {
            return Err(named(Error::usage(format!("another entry has dump id {id}"))));
        }
        let has_objects = fields.had_dumper && fields.desc.data_kind() == BlockKind::LargeObjects;
        if !grouped && fields.desc == Desc::BLOB_METADATA {
            return Err(named(Error::usage(
                "archive versions before 1.16 have a BLOB entry for each large object instead",
            )));
        }
        if !grouped && has_objects && self.has_objects {
            return Err(named(Error::usage(
                "archive versions before 1.16 have one BLOBS entry for all large objects",
            )));
        }
        let (file_name, data_offset) = match (self.format, fields.had_dumper) {
            (_, false) => (String::new(), DataOffset::NoData),
            (Format::Custom, true) => (String::new(), DataOffset::NotSet),
            // In a tar it is the name of no member; pg_dump writes it all the same.
            (Format::Directory, true) if has_objects => {
                (names::new_list_name(version, id), DataOffset::NotSet)
            }
            (_, true) => (names::data_name(id), DataOffset::NotSet),
        };
        let fields = EntryFields { file_name: file_name.as_bytes(), data_offset, ..*fields };
        self.toc.push(&fields).map_err(named)?;
        self.ids.insert(id);
        self.last_id = self.last_id.max(id.0);
        self.has_objects |= has_objects;
        Ok(id)
    }

    /// Adds the entries that set up the session of a restore, which pg_dump writes first. They hold
    /// the encoding of names, SQL and data, the setting `standard_conforming_strings`, and an empty
    /// search path.
    ///
    /// # Errors
    ///
    /// As [`entry`](Self::entry), and an encoding with a quote in its name.
    pub fn session(&mut self, encoding: &str, std_strings: bool) -> Result<()> {
        if encoding.contains('\'') {
            return Err(Error::usage("the name of an encoding has no quotes"));
        }
        let encoding = format!("SET client_encoding = '{encoding}';\n");
        let on = if std_strings { "on" } else { "off" };
        let strings = format!("SET standard_conforming_strings = '{on}';\n");
        let path = "SELECT pg_catalog.set_config('search_path', '', false);\n";
        for (desc, defn) in
            [(Desc::ENCODING, &*encoding), (Desc::STDSTRINGS, &*strings), (Desc::SEARCHPATH, path)]
        {
            self.entry(&EntryFields {
                tag: Some(desc.as_bytes()),
                defn: Some(defn.as_bytes()),
                ..EntryFields::new(self.next_id(), desc, Section::PreData)
            })?;
        }
        Ok(())
    }

    /// Begins to write a custom or tar archive into anything that can seek.
    ///
    /// # Errors
    ///
    /// Errors of `sink`, and a directory archive, which needs a [path](Self::create).
    pub fn start<W: Write + Seek>(self, sink: W) -> Result<ArchiveWriter<W>> {
        self.begin(Output::seekable(sink)?)
    }

    /// Begins to write a custom or tar archive into a pipe, from front to back.
    ///
    /// A custom archive then has no data offsets, like one that pg_dump writes to a pipe. Data must
    /// be written in the order of the entries. Members of a tar that are larger than 1 MiB are kept
    /// in a temporary file until their size is known.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_pipe<W: Write>(self, sink: W) -> Result<ArchiveWriter<W>> {
        self.begin(Output::pipe(sink))
    }

    /// Begins to write an archive into a new file, or a directory archive into a directory that is
    /// new or empty. As with pg_dump, only the owner can read the files.
    ///
    /// # Errors
    ///
    /// Errors of the file system, including that the file exists.
    pub fn create(self, path: impl AsRef<Path>) -> Result<ArchiveWriter<File>> {
        let path = path.as_ref();
        if self.format == Format::Directory {
            let folder = DirectorySink::new(path, self.toc.header().version)?;
            return self.writer(Sink::Directory(folder, |file| file));
        }
        let file = directory::create_file(path).map_err(Error::from);
        file.and_then(|file| self.begin(file)).map_err(|error| error.in_path(path))
    }

    fn begin<W: Write>(self, output: Output<W>) -> Result<ArchiveWriter<W>> {
        let sink = match self.format {
            Format::Custom => Sink::Custom(CustomSink::new(output, &self.toc)?),
            Format::Tar => Sink::Tar(TarSink::new(output, &self.toc)?),
            Format::Directory => {
                return Err(Error::usage("a directory archive is written to a directory"));
            }
        };
        self.writer(sink)
    }

    fn writer<W>(self, sink: Sink<W>) -> Result<ArchiveWriter<W>> {
        let pool = EncoderPool::with_threads(self.threads)?;
        Ok(ArchiveWriter::new(self.toc, sink, self.encoding, pool))
    }
}
