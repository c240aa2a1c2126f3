//! Large archives, written as pg_dump writes them and the same every time. pg_restore takes them.
//!
//! For the benches and `benches/compare`.

mod encode;
mod rows;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use pgdmp::toc::{
    ArchiveVersion, CatalogId, Compression, CreationTime, DataOffset, EntryFields, Header, Oid,
    Section,
};
use pgdmp::{Algorithm, Desc, DumpId, Format, Toc};

use encode::{Encoder, int};
use rows::{Rows, Table};

/// How an archive lies on disk.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Custom or directory.
    pub format: Format,
    /// Of the archive version: 14 for PostgreSQL 12 to 15, 15 for 16, 16 for 17 and newer.
    pub minor: u8,
    pub algorithm: Algorithm,
    /// Whether the offsets of data are set. They are not where pg_dump wrote to a pipe.
    pub offsets: bool,
    /// Whether chunks are as long as PostgreSQL 19 makes them. Before it each row of an
    /// uncompressed table is one.
    pub long_chunks: bool,
}

impl Layout {
    pub fn custom(minor: u8, algorithm: Algorithm) -> Self {
        Layout { format: Format::Custom, minor, algorithm, offsets: true, long_chunks: false }
    }

    pub fn directory(minor: u8, algorithm: Algorithm) -> Self {
        Layout { format: Format::Directory, ..Layout::custom(minor, algorithm) }
    }

    pub fn piped(self) -> Self {
        Layout { offsets: false, ..self }
    }

    pub fn with_long_chunks(self) -> Self {
        Layout { long_chunks: true, ..self }
    }
}

/// What is in an archive.
#[derive(Debug, Clone, Copy)]
pub enum Contents {
    /// Two wide tables with together so many bytes of COPY text, and behind them
    /// [`LAST_TABLE`], which is small.
    Wide { bytes: u64 },
    /// Tables of 20 rows. Each has 5 entries.
    Tables { count: u32 },
    /// Large objects of about 100 bytes. Before archive version 1.16 each has an entry.
    LargeObjects { count: u32 },
}

/// The last table of [`Contents::Wide`].
pub const LAST_TABLE: &str = "zip_codes";

/// Writes an archive to `path`, which must not exist.
pub fn write(path: &Path, layout: Layout, contents: Contents) -> io::Result<()> {
    let mut plan = Plan::new(layout);
    match contents {
        Contents::Wide { bytes } => plan.wide(bytes),
        Contents::Tables { count } => plan.tables(count),
        Contents::LargeObjects { count } => plan.large_objects(count),
    }
    match layout.format {
        Format::Custom => plan.write_file(path),
        _ => plan.write_directory(path),
    }
}

/// An entry before it is in a [`Toc`].
struct Entry {
    desc: Desc<'static>,
    section: Section,
    table_oid: u32,
    oid: u32,
    tag: String,
    namespace: Option<String>,
    owner: Option<&'static str>,
    defn: Option<String>,
    drop_stmt: Option<String>,
    copy_stmt: Option<String>,
    /// Tables, indexes and constraints have one, the empty string for the default.
    tablespace: bool,
    relkind: u8,
    dependencies: Vec<DumpId>,
    data: Option<Data>,
}

#[derive(Clone, Copy)]
enum Data {
    Rows { table: Table, seed: u64, bytes: u64 },
    Objects { first: u32, count: u32 },
}

impl Entry {
    fn new(desc: Desc<'static>, section: Section, tag: impl Into<String>) -> Self {
        Entry {
            desc,
            section,
            table_oid: 0,
            oid: 0,
            tag: tag.into(),
            namespace: None,
            owner: None,
            defn: None,
            drop_stmt: None,
            copy_stmt: None,
            tablespace: false,
            relkind: 0,
            dependencies: Vec::new(),
            data: None,
        }
    }
}

const OWNER: &str = "shop_owner";
const PG_CLASS: u32 = 1259;
const PG_CONSTRAINT: u32 = 2606;
const PG_LARGEOBJECT: u32 = 2613;
const PG_NAMESPACE: u32 = 2615;

struct Plan {
    layout: Layout,
    entries: Vec<Entry>,
}

impl Plan {
    fn new(layout: Layout) -> Self {
        let mut plan = Plan { layout, entries: Vec::new() };
        for (desc, defn) in [
            (Desc::ENCODING, "SET client_encoding = 'UTF8';\n"),
            (Desc::STDSTRINGS, "SET standard_conforming_strings = 'on';\n"),
            (Desc::SEARCHPATH, "SELECT pg_catalog.set_config('search_path', '', false);\n"),
        ] {
            let tag = desc.to_string();
            plan.push(Entry {
                defn: Some(defn.to_owned()),
                ..Entry::new(desc, Section::PreData, tag)
            });
        }
        plan
    }

    fn push(&mut self, entry: Entry) -> DumpId {
        self.entries.push(entry);
        DumpId(self.entries.len() as i32)
    }

    fn oid(&self) -> u32 {
        16_384 + self.entries.len() as u32
    }

    fn wide(&mut self, bytes: u64) {
        let last = Table::Last;
        let tables = [
            (Table::Orders, Table::Orders.name().to_owned(), bytes / 2),
            (Table::Events, Table::Events.name().to_owned(), bytes - bytes / 2),
            (last, LAST_TABLE.to_owned(), 0),
        ];
        self.with_tables("public", None, &tables);
    }

    fn tables(&mut self, count: u32) {
        const SCHEMAS: u32 = 10;
        for schema in 0..SCHEMAS {
            let name = format!("tenant_{schema:02}");
            let id = self.push(Entry {
                table_oid: PG_NAMESPACE,
                oid: self.oid(),
                owner: Some(OWNER),
                defn: Some(format!("CREATE SCHEMA {name};\n")),
                drop_stmt: Some(format!("DROP SCHEMA {name};\n")),
                ..Entry::new(Desc::SCHEMA, Section::PreData, name.as_str())
            });
            let tables: Vec<_> = (schema * count / SCHEMAS..(schema + 1) * count / SCHEMAS)
                .map(|n| (Table::Orders, format!("{}_{n:06}", Table::Orders.name()), 0))
                .collect();
            self.with_tables(&name, Some(id), &tables);
        }
    }

    /// The entries of tables, in pg_dump's order: all of a section before all of the next.
    fn with_tables(
        &mut self,
        schema: &str,
        parent: Option<DumpId>,
        tables: &[(Table, String, u64)],
    ) {
        let mut ids = Vec::new();
        for (table, name, _) in tables {
            let full = format!("{schema}.{name}");
            let oid = self.oid();
            let id = self.push(Entry {
                table_oid: PG_CLASS,
                oid,
                namespace: Some(schema.to_owned()),
                owner: Some(OWNER),
                defn: Some(table.create(&full)),
                drop_stmt: Some(format!("DROP TABLE {full};\n")),
                tablespace: true,
                relkind: b'r',
                dependencies: parent.into_iter().collect(),
                ..Entry::new(Desc::TABLE, Section::PreData, name.as_str())
            });
            ids.push(id);
            self.push(Entry {
                oid,
                namespace: Some(schema.to_owned()),
                owner: Some(OWNER),
                defn: Some(format!(
                    "COMMENT ON TABLE {full} IS 'One row for each of the {name} of this tenant';\n"
                )),
                dependencies: vec![id],
                ..Entry::new(Desc::COMMENT, Section::None, format!("TABLE {name}"))
            });
        }
        for ((table, name, bytes), id) in tables.iter().zip(&ids) {
            self.push(Entry {
                oid: self.entries[id.0 as usize - 1].oid,
                namespace: Some(schema.to_owned()),
                owner: Some(OWNER),
                copy_stmt: Some(format!(
                    "COPY {schema}.{name} ({}) FROM stdin;\n",
                    table.columns().join(", ")
                )),
                dependencies: vec![*id],
                data: Some(Data::Rows { table: *table, seed: id.0 as u64, bytes: *bytes }),
                ..Entry::new(Desc::TABLE_DATA, Section::Data, name.as_str())
            });
        }
        for ((_, name, _), id) in tables.iter().zip(&ids) {
            let full = format!("{schema}.{name}");
            self.push(Entry {
                table_oid: PG_CONSTRAINT,
                oid: self.oid(),
                namespace: Some(schema.to_owned()),
                owner: Some(OWNER),
                defn: Some(format!(
                    "ALTER TABLE ONLY {full}\n    ADD CONSTRAINT {name}_pkey PRIMARY KEY (id);\n"
                )),
                drop_stmt: Some(format!("ALTER TABLE ONLY {full} DROP CONSTRAINT {name}_pkey;\n")),
                tablespace: true,
                dependencies: vec![*id],
                ..Entry::new(Desc::CONSTRAINT, Section::PostData, format!("{name} {name}_pkey"))
            });
        }
        for ((table, name, _), id) in tables.iter().zip(&ids) {
            let column = table.columns()[1];
            let index = format!("{name}_{column}_idx");
            self.push(Entry {
                table_oid: PG_CLASS,
                oid: self.oid(),
                namespace: Some(schema.to_owned()),
                owner: Some(OWNER),
                defn: Some(format!(
                    "CREATE INDEX {index} ON {schema}.{name} USING btree ({column});\n"
                )),
                drop_stmt: Some(format!("DROP INDEX {schema}.{index};\n")),
                tablespace: true,
                relkind: b'i',
                dependencies: vec![*id],
                ..Entry::new(Desc::INDEX, Section::PostData, index)
            });
        }
    }

    fn large_objects(&mut self, count: u32) {
        const FIRST: u32 = 100_000;
        if self.layout.minor < 16 {
            for oid in FIRST..FIRST + count {
                self.push(Entry {
                    table_oid: PG_LARGEOBJECT,
                    oid,
                    owner: Some(OWNER),
                    defn: Some(format!("SELECT pg_catalog.lo_create('{oid}');\n")),
                    drop_stmt: Some(format!("SELECT pg_catalog.lo_unlink('{oid}');\n")),
                    ..Entry::new(Desc::BLOB, Section::PreData, oid.to_string())
                });
            }
            self.push(Entry {
                data: Some(Data::Objects { first: FIRST, count }),
                ..Entry::new(Desc::BLOBS, Section::Data, "BLOBS")
            });
            return;
        }
        // Groups of a thousand, each with an entry for what is known of them and one for data.
        for start in (0..count).step_by(1000) {
            let (first, count) = (FIRST + start, 1000.min(count - start));
            let last = first + count - 1;
            let tag = if count == 1 { first.to_string() } else { format!("{first}..{last}") };
            let id = self.push(Entry {
                table_oid: PG_LARGEOBJECT,
                oid: first,
                owner: Some(OWNER),
                defn: Some((first..=last).map(|oid| format!("{oid}\n")).collect()),
                drop_stmt: Some("-- dummy".to_owned()),
                ..Entry::new(Desc::BLOB_METADATA, Section::Data, tag.as_str())
            });
            self.push(Entry {
                owner: Some(OWNER),
                dependencies: vec![id],
                data: Some(Data::Objects { first, count }),
                ..Entry::new(Desc::BLOBS, Section::Data, tag)
            });
        }
    }

    fn header(&self) -> Header {
        let Layout { format, minor, algorithm, .. } = self.layout;
        let program: &[u8] = match minor {
            ..=14 => b"15.8 (Debian 15.8-0+deb12u1)",
            15 => b"16.4 (Debian 16.4-1.pgdg120+1)",
            _ => b"17.5 (Debian 17.5-1)",
        };
        let mut header = Header::new(ArchiveVersion::new(1, minor), format);
        header.compression = Compression::new(algorithm, None);
        header.created = Some(CreationTime::from_fields([30, 15, 3, 14, 10, 124, 0]));
        header.dbname = Some(b"shop".as_slice().into());
        header.server_version = Some(program.into());
        header.dump_version = Some(program.into());
        header
    }

    /// The table of contents. `offsets`: where blocks begin, by dump id.
    fn toc(&self, offsets: &BTreeMap<i32, u64>) -> io::Result<Toc> {
        let Layout { format, minor, .. } = self.layout;
        let mut toc = Toc::new(self.header(), format);
        for (entry, id) in self.entries.iter().zip(1..) {
            let file_name = match entry.data {
                Some(Data::Rows { .. }) => format!("{id}.dat"),
                Some(Data::Objects { .. }) => list_name(minor, id),
                None => String::new(),
            };
            let mut fields = EntryFields::new(DumpId(id), entry.desc, entry.section)
                .had_dumper(entry.data.is_some())
                .catalog_id(CatalogId { table_oid: Oid(entry.table_oid), oid: Oid(entry.oid) })
                .tag(entry.tag.as_bytes())
                .relkind(i32::from(entry.relkind))
                .dependencies(&entry.dependencies)
                .data_offset(match (entry.data, offsets.get(&id)) {
                    (None, _) => DataOffset::NoData,
                    (_, None) => DataOffset::NotSet,
                    (_, Some(offset)) => DataOffset::At(*offset),
                })
                .file_name(file_name.as_bytes());
            fields.defn = entry.defn.as_deref().map(str::as_bytes);
            fields.drop_stmt = entry.drop_stmt.as_deref().map(str::as_bytes);
            fields.copy_stmt = entry.copy_stmt.as_deref().map(str::as_bytes);
            fields.namespace = entry.namespace.as_deref().map(str::as_bytes);
            fields.tablespace = entry.tablespace.then_some(b"");
            fields.table_am = (entry.desc == Desc::TABLE).then_some(b"heap");
            fields.owner = entry.owner.map(str::as_bytes);
            toc.push(&fields).map_err(io::Error::from)?;
        }
        Ok(toc)
    }

    fn with_data(&self) -> impl Iterator<Item = (i32, Data)> {
        self.entries.iter().zip(1..).filter_map(|(entry, id)| Some((id, entry.data?)))
    }

    fn write_file(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create_new(path)?);
        let mut offsets = BTreeMap::new();
        self.toc(&offsets)?.write_to(&mut file)?;
        let mut at = file.stream_position()?;
        let mut block = Vec::new();
        for (id, data) in self.with_data() {
            offsets.insert(id, at);
            let mut flush = |block: &mut Vec<u8>| {
                at += block.len() as u64;
                file.write_all(block)?;
                block.clear();
                io::Result::Ok(())
            };
            let mut encoder = Encoder::chunks(self.layout)?;
            match data {
                Data::Rows { table, seed, bytes } => {
                    block.push(1);
                    int(id, &mut block);
                    let mut rows = Rows::new(table, seed, bytes);
                    while let Some(row) = rows.next_row() {
                        encoder.write(row, &mut block)?;
                        if block.len() > 256 << 10 {
                            flush(&mut block)?;
                        }
                    }
                    encoder.finish(&mut block)?;
                }
                Data::Objects { first, count } => {
                    block.push(3);
                    int(id, &mut block);
                    for oid in first..first + count {
                        int(oid as i32, &mut block);
                        encoder.write(&rows::large_object(oid), &mut block)?;
                        encoder.finish(&mut block)?;
                        flush(&mut block)?;
                    }
                    int(0, &mut block);
                }
            }
            flush(&mut block)?;
        }
        if self.layout.offsets {
            // As long as the first, which lacked the offsets.
            file.rewind()?;
            self.toc(&offsets)?.write_to(&mut file)?;
        }
        file.flush()
    }

    fn write_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)?;
        let create = |name: &str| {
            io::Result::Ok(BufWriter::with_capacity(256 << 10, File::create_new(path.join(name))?))
        };
        let mut toc = create("toc.dat")?;
        self.toc(&BTreeMap::new())?.write_to(&mut toc)?;
        toc.flush()?;
        let suffix = match self.layout.algorithm {
            Algorithm::None => "",
            Algorithm::Gzip => ".gz",
            Algorithm::Lz4 => ".lz4",
            _ => ".zst",
        };
        let mut bytes = Vec::new();
        for (id, data) in self.with_data() {
            let mut encoder = Encoder::file(self.layout)?;
            match data {
                Data::Rows { table, seed, bytes: size } => {
                    let mut file = create(&format!("{id}.dat{suffix}"))?;
                    let mut rows = Rows::new(table, seed, size);
                    while let Some(row) = rows.next_row() {
                        encoder.write(row, &mut bytes)?;
                        file.write_all(&bytes)?;
                        bytes.clear();
                    }
                    encoder.finish(&mut bytes)?;
                    file.write_all(&bytes)?;
                    bytes.clear();
                    file.flush()?;
                }
                Data::Objects { first, count } => {
                    let mut list = create(&list_name(self.layout.minor, id))?;
                    for oid in first..first + count {
                        encoder.write(&rows::large_object(oid), &mut bytes)?;
                        encoder.finish(&mut bytes)?;
                        fs::write(path.join(format!("blob_{oid}.dat{suffix}")), &bytes)?;
                        bytes.clear();
                        writeln!(list, "{oid} blob_{oid}.dat")?;
                    }
                    list.flush()?;
                }
            }
        }
        Ok(())
    }
}

/// The file that lists the large objects of an entry.
fn list_name(minor: u8, id: i32) -> String {
    if minor < 16 { "blobs.toc".to_owned() } else { format!("blobs_{id}.toc") }
}
