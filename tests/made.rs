//! A small archive, made to be damaged.

use std::io::{Cursor, Write};
use std::path::Path;

use pgdmp::toc::{ArchiveVersion, EntryFields, Oid, Section};
use pgdmp::write::{ArchiveWriter, WriteOptions};
use pgdmp::{Algorithm, Archive, ArchiveBuilder, Desc, DumpId, Format};

pub(crate) const TABLE: DumpId = DumpId(21);
pub(crate) const ROWS: DumpId = DumpId(22);
pub(crate) const OBJECTS: DumpId = DumpId(23);
pub(crate) const MORE_ROWS: DumpId = DumpId(24);

/// An archive of a table of two columns, of two entries with rows and one with large objects.
pub(crate) struct Made {
    pub(crate) format: Format,
    pub(crate) algorithm: Algorithm,
    /// Whether it is stored as pg_dump does it, without checksums for each piece.
    pub(crate) plain: bool,
    /// Of the table.
    pub(crate) tag: &'static str,
    pub(crate) defn: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) rows: Vec<u8>,
    pub(crate) more: Vec<u8>,
    pub(crate) objects: Vec<u32>,
    /// What the entries with rows depend on.
    pub(crate) needed: Vec<DumpId>,
    /// What the table depends on.
    pub(crate) table_needs: Vec<DumpId>,
}

impl Made {
    pub(crate) fn new(algorithm: Algorithm) -> Made {
        let mut rows: Vec<u8> =
            (0..2000).flat_map(|n| format!("{n}\tgrößer {n}\n").into_bytes()).collect();
        rows.extend_from_slice(b"\\.\n\n\n");
        Made {
            format: Format::Custom,
            algorithm,
            plain: true,
            tag: "t",
            defn: "CREATE TABLE public.t (\n    a integer NOT NULL,\n    b text\n);\n",
            copy: "COPY public.t (a, b) FROM stdin;\n",
            more: rows.clone(),
            rows,
            objects: vec![17, 18],
            needed: vec![TABLE],
            table_needs: Vec::new(),
        }
    }

    pub(crate) fn rows(rows: &[u8]) -> Vec<u8> {
        Made { rows: rows.to_vec(), ..Made::new(Algorithm::None) }.bytes()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let writer = self.builder().start(Cursor::new(Vec::new())).unwrap();
        self.fill(writer).into_inner()
    }

    /// Without data offsets.
    pub(crate) fn piped(&self) -> Vec<u8> {
        self.fill(self.builder().start_pipe(Vec::new()).unwrap())
    }

    pub(crate) fn create(&self, path: &Path) {
        self.fill(self.builder().create(path).unwrap());
    }

    fn builder(&self) -> ArchiveBuilder {
        let options =
            WriteOptions::new().version(ArchiveVersion::NEWEST).compression(self.algorithm, None);
        let options = options.plain(self.plain);
        let mut builder = ArchiveBuilder::new(self.format, &options).unwrap();
        builder.session("UTF8", true).unwrap();
        let table = EntryFields::new(TABLE, Desc::TABLE, Section::PreData);
        let table =
            table.dependencies(&self.table_needs).namespace("public").tag(self.tag).owner("o");
        builder.entry(&table.defn(self.defn)).unwrap();
        for id in [ROWS, MORE_ROWS] {
            let rows = EntryFields::new(id, Desc::TABLE_DATA, Section::Data);
            let rows = rows.namespace("public").tag("t").copy_stmt(self.copy);
            builder.entry(&rows.had_dumper(true).dependencies(&self.needed)).unwrap();
        }
        let list = EntryFields::new(DumpId(29), Desc::BLOB_METADATA, Section::PreData);
        builder.entry(&list.tag("17..18").defn("17\n18\n")).unwrap();
        let objects = EntryFields::new(OBJECTS, Desc::BLOBS, Section::Data).tag("17..18");
        builder.entry(&objects.had_dumper(true).dependencies(&[DumpId(29)])).unwrap();
        builder
    }

    fn fill<W: Write>(&self, mut writer: ArchiveWriter<W>) -> W {
        for (id, rows) in [(ROWS, &self.rows), (MORE_ROWS, &self.more)] {
            let mut data = writer.data(id).unwrap();
            data.write_all(rows).unwrap();
            data.finish().unwrap();
        }
        let mut objects = writer.large_objects(OBJECTS).unwrap();
        for oid in &self.objects {
            let mut object = objects.object(Oid(*oid)).unwrap();
            // What no compression makes shorter.
            let mut random = fastrand::Rng::with_seed(u64::from(*oid));
            let content: Vec<u8> = (0..5000).map(|_| random.u8(..)).collect();
            object.write_all(&content).unwrap();
            object.finish().unwrap();
        }
        objects.finish().unwrap();
        writer.finish().unwrap()
    }
}

/// The position of the first byte of an entry's block.
pub(crate) fn block(bytes: &[u8], id: DumpId) -> usize {
    let archive = Archive::read(bytes.to_vec()).unwrap();
    let blocks = archive.blocks().unwrap().map(Result::unwrap);
    let found = blocks.into_iter().find(|block| block.dump_id == id).unwrap();
    usize::try_from(found.offset.unwrap()).unwrap()
}

pub(crate) fn changed(bytes: &[u8], at: usize, to: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = to;
    bytes
}
