//! What is done in processes of their own: making archives, and reading them with each crate.
//!
//! A process counts as its peak memory also that of the process which started it. So the one that
//! measures must do none of the work itself.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Read, Write};
use std::path::Path;

use libpgdump::ObjectType;
use pgdmp::{Algorithm, Archive, Desc, Format, TocEntry};
use pgdmp::source::MappedFile;

use crate::Result;
use pgdmp_testkit::large::{self, Contents, LAST_TABLE, Layout};

/// The first argument of a child.
pub(crate) const COMMAND: &str = "child";

#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Print a line for each entry.
    List,
    /// Decompress all data and throw it away.
    Drain,
    /// Decompress the data of [`LAST_TABLE`].
    Table,
}

impl Work {
    const ALL: [Work; 3] = [Work::List, Work::Drain, Work::Table];

    fn name(self) -> &'static str {
        match self {
            Work::List => "list",
            Work::Drain => "drain",
            Work::Table => "table",
        }
    }
}

/// A crate that reads archives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    Pgdmp,
    /// Of a mapped file.
    Mapped,
    Libpgdump,
    Pgdumpx,
    Pgarchive,
}

impl Reader {
    pub(crate) const PEERS: [Reader; 3] = [Reader::Libpgdump, Reader::Pgdumpx, Reader::Pgarchive];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Reader::Pgdmp => "pgdmp",
            Reader::Mapped => "mapped",
            Reader::Libpgdump => "libpgdump",
            Reader::Pgdumpx => "pgdumpx",
            Reader::Pgarchive => "pgarchive",
        }
    }
}

/// The command that does `work` with a crate.
pub(crate) fn command(work: Work, reader: Reader, path: &Path) -> Result<Vec<OsString>> {
    this_program([work.name().into(), reader.name().into(), path.into()])
}

/// The command that makes an archive.
pub(crate) fn generate(path: &Path, layout: Layout, contents: Contents) -> Result<Vec<OsString>> {
    let (contents, count) = match contents {
        Contents::Wide { bytes } => ("wide", bytes),
        Contents::Tables { count } => ("tables", u64::from(count)),
        Contents::LargeObjects { count } => ("objects", u64::from(count)),
    };
    this_program([
        "generate".into(),
        path.into(),
        layout.format.to_string().into(),
        layout.minor.to_string().into(),
        layout.algorithm.name().into(),
        if layout.offsets { "offsets" } else { "piped" }.into(),
        if layout.long_chunks { "long" } else { "short" }.into(),
        contents.into(),
        count.to_string().into(),
    ])
}

fn this_program(args: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>> {
    let mut command = vec![env::current_exe()?.into(), COMMAND.into()];
    command.extend(args);
    Ok(command)
}

pub(crate) fn run(args: &[OsString]) -> Result<()> {
    let (Some(command), Some(path)) = (args.first(), args.get(1)) else {
        return Err("arguments are missing".into());
    };
    let command = command.to_string_lossy();
    if command == "generate" {
        return make(Path::new(path), &args[2..]);
    }
    let reader = path.to_string_lossy();
    let path = Path::new(args.get(2).ok_or("no file")?);
    let work = Work::ALL.into_iter().find(|work| work.name() == command).ok_or("unknown work")?;
    let bytes = match &*reader {
        "pgdmp" => pgdmp(work, &Archive::open(path)?),
        "mapped" => pgdmp(work, &Archive::read(MappedFile::open(path)?)?),
        "libpgdump" => libpgdump(work, path),
        "pgdumpx" => pgdumpx(work, path),
        _ => pgarchive(work, path),
    }?;
    if !matches!(work, Work::List) {
        println!("{bytes} bytes");
    }
    Ok(())
}

fn make(path: &Path, args: &[OsString]) -> Result<()> {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let args: Vec<_> = args.iter().map(|arg| &**arg).collect();
    let [format, minor, algorithm, offsets, chunks, contents, count] = args[..] else {
        return Err("seven words say what to generate".into());
    };
    let algorithms = [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd];
    let layout = Layout {
        format: if format == "custom" { Format::Custom } else { Format::Directory },
        minor: minor.parse()?,
        algorithm: algorithms
            .into_iter()
            .find(|known| known.name() == algorithm)
            .ok_or("unknown compression")?,
        offsets: offsets == "offsets",
        long_chunks: chunks == "long",
    };
    let contents = match contents {
        "wide" => Contents::Wide { bytes: count.parse()? },
        "tables" => Contents::Tables { count: count.parse()? },
        _ => Contents::LargeObjects { count: count.parse()? },
    };
    Ok(large::write(path, layout, contents)?)
}

fn pgdmp(work: Work, archive: &Archive) -> Result<u64> {
    match work {
        Work::List => Err("the program does it".into()),
        Work::Drain => {
            let mut bytes = 0;
            for entry in archive.entries().filter(|entry| entry.has_data()) {
                bytes += pgdmp_data(archive, entry)?;
            }
            Ok(bytes)
        }
        Work::Table => {
            let tag = LAST_TABLE.as_bytes();
            let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), tag);
            let entry = entry.ok_or("no such table")?;
            pgdmp_data(archive, entry)
        }
    }
}

fn pgdmp_data(archive: &Archive, entry: TocEntry<'_>) -> Result<u64> {
    if entry.desc() != Desc::BLOBS {
        return drop_all(archive.data(entry.dump_id())?);
    }
    let mut bytes = 0;
    let mut objects = archive.large_objects(entry.dump_id())?;
    while let Some(object) = objects.next_object()? {
        bytes += drop_all(object)?;
    }
    Ok(bytes)
}

/// Reads to the end and throws it away; says how many bytes that was.
fn drop_all(mut data: impl BufRead) -> Result<u64> {
    let mut bytes = 0;
    loop {
        let n = data.fill_buf()?.len();
        if n == 0 {
            return Ok(bytes);
        }
        data.consume(n);
        bytes += n as u64;
    }
}

fn libpgdump(work: Work, path: &Path) -> Result<u64> {
    // It loads all data, whatever is wanted.
    let dump = libpgdump::load(path)?;
    let mut bytes = 0;
    match work {
        Work::List => {
            let mut out = BufWriter::new(io::stdout().lock());
            for entry in dump.entries() {
                let (id, table_oid, oid, desc) =
                    (entry.dump_id, &entry.table_oid, &entry.oid, &entry.desc);
                let namespace = entry.namespace.as_deref().unwrap_or("-");
                let tag = entry.tag.as_deref().unwrap_or_default();
                let owner = entry.owner.as_deref().unwrap_or_default();
                writeln!(out, "{id}; {table_oid} {oid} {desc} {namespace} {tag} {owner}")?;
            }
            out.flush()?;
        }
        Work::Drain => {
            for entry in dump.entries() {
                bytes += dump.entry_data(entry.dump_id).map_or(0, |data| data.len() as u64);
            }
            for (_, data) in dump.blobs() {
                bytes += data.len() as u64;
            }
        }
        Work::Table => {
            let entry = dump.lookup_entry(&ObjectType::TableData, "public", LAST_TABLE);
            let id = entry.ok_or("no such table")?.dump_id;
            bytes = dump.entry_data(id).ok_or("no data")?.len() as u64;
        }
    }
    Ok(bytes)
}

fn pgdumpx(work: Work, path: &Path) -> Result<u64> {
    let mut archive = pgdumpx::Archive::open_path(path)?;
    let mut bytes = 0;
    match work {
        Work::List => {
            let mut out = BufWriter::new(io::stdout().lock());
            for entry in archive.entries() {
                write!(out, "{}; ", entry.id().as_i32())?;
                for part in [
                    entry.description_bytes(),
                    entry.namespace_bytes().unwrap_or(b"-"),
                    entry.name_bytes(),
                    entry.owner_bytes().unwrap_or_default(),
                ] {
                    out.write_all(part)?;
                    out.write_all(b" ")?;
                }
                out.write_all(b"\n")?;
            }
            out.flush()?;
        }
        Work::Drain | Work::Table => {
            let wanted = |entry: &&pgdumpx::TocEntry| match work {
                Work::Table => {
                    entry.description_bytes() == b"TABLE DATA"
                        && entry.name_bytes() == LAST_TABLE.as_bytes()
                }
                _ => entry.data_location() != pgdumpx::DataLocation::NoData,
            };
            let ids: Vec<_> = archive.entries().iter().filter(wanted).map(|e| e.id()).collect();
            for id in ids {
                let mut reader = archive.entry_reader(id)?.ok_or("no data")?;
                bytes += read_all(&mut reader)?;
            }
        }
    }
    Ok(bytes)
}

fn pgarchive(work: Work, path: &Path) -> Result<u64> {
    let mut file = File::open(path)?;
    let archive = pgarchive::Archive::parse(&mut io::BufReader::new(&mut file))?;
    let mut bytes = 0;
    match work {
        Work::List => {
            let mut out = BufWriter::new(io::stdout().lock());
            for entry in &archive.toc_entries {
                let (id, table_oid, oid, desc) =
                    (&entry.id, entry.table_oid, &entry.oid, &entry.desc);
                let (namespace, tag, owner) = (&entry.namespace, &entry.tag, &entry.owner);
                writeln!(out, "{id:?}; {table_oid} {oid:?} {desc} {namespace} {tag} {owner}")?;
            }
            out.flush()?;
        }
        Work::Drain | Work::Table => {
            for entry in archive.toc_entries.iter().filter(|entry| entry.had_dumper) {
                if matches!(work, Work::Table) && entry.tag != LAST_TABLE {
                    continue;
                }
                bytes += read_all(&mut archive.read_data(&mut file, entry)?)?;
            }
        }
    }
    Ok(bytes)
}

fn read_all(reader: &mut impl Read) -> Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(bytes),
            n => bytes += n as u64,
        }
    }
}
