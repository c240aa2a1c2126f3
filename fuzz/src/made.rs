//! Archives made of an input: what they are to hold, how they are written, what is read of them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use arbitrary::{Arbitrary, Result as Choice, Unstructured};
use pgdmp::toc::{ArchiveVersion, CatalogId, EntryFields, Oid, Section};
use pgdmp::write::{ArchiveWriter, WriteOptions};
use pgdmp::{Algorithm, Archive, ArchiveBuilder, Desc, DumpId, Format};

/// The data of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Data(Vec<u8>),
    Objects(Vec<(u32, Vec<u8>)>),
}

/// By dump id.
pub type Contents = BTreeMap<i32, Content>;

/// An entry to be written.
#[derive(Debug)]
pub struct Entry {
    pub id: i32,
    kind: usize,
    texts: [Option<Vec<u8>>; 7],
    numbers: [u32; 3],
    dependencies: Vec<DumpId>,
    content: Option<Content>,
}

const KINDS: [(Desc<'static>, Section); 6] = [
    (Desc::TABLE_DATA, Section::Data),
    (Desc::BLOBS, Section::Data),
    (Desc::TABLE, Section::PreData),
    (Desc::INDEX, Section::PostData),
    (Desc::ACL, Section::None),
    (Desc::COMMENT, Section::None),
];

/// An archive to be written.
#[derive(Debug)]
pub struct Made {
    pub format: Format,
    algorithm: Algorithm,
    minor: u8,
    level: Option<i32>,
    threads: u32,
    pipe: bool,
    entries: Vec<Entry>,
}

impl Arbitrary<'_> for Made {
    fn arbitrary(u: &mut Unstructured<'_>) -> Choice<Self> {
        let (format, algorithm, minor) = form(u)?;
        let level = match algorithm {
            Algorithm::Gzip => u.arbitrary::<bool>()?.then_some(1),
            _ => None,
        };
        let mut made = Made {
            format,
            algorithm,
            minor,
            level,
            threads: if u.ratio(1, 8)? { 2 } else { 1 },
            pipe: format != Format::Directory && u.arbitrary()?,
            entries: Vec::new(),
        };
        let mut oid = 0;
        for n in 0..u.int_in_range(0..=6)? {
            let entry = entry(u, n, &made, &mut oid)?;
            made.entries.push(entry);
        }
        Ok(made)
    }
}

/// A format, and a compression and version that it can have.
pub fn form(u: &mut Unstructured<'_>) -> Choice<(Format, Algorithm, u8)> {
    let format = *u.choose(&[Format::Custom, Format::Custom, Format::Tar, Format::Directory])?;
    let minor = u.int_in_range(12..=16)?;
    let algorithms: &[Algorithm] = match (format, minor) {
        (Format::Tar, _) => &[Algorithm::None],
        (_, 15..) => &[Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd],
        _ => &[Algorithm::None, Algorithm::Gzip],
    };
    Ok((format, *u.choose(algorithms)?, minor))
}

fn entry(u: &mut Unstructured<'_>, n: i32, made: &Made, oid: &mut u32) -> Choice<Entry> {
    let mut kind = u.choose_index(KINDS.len())?;
    // Before 1.16 all large objects are of one entry.
    let has_objects = made.entries.iter().any(|entry| KINDS[entry.kind].0 == Desc::BLOBS);
    if KINDS[kind].0 == Desc::BLOBS && has_objects && made.minor < 16 {
        kind = 0;
    }
    let mut texts = [const { None }; 7];
    for text in &mut texts {
        if u.arbitrary()? {
            let len = u.int_in_range(0..=20)?;
            *text = Some(u.bytes(len)?.to_vec());
        }
    }
    let content = match KINDS[kind].0 {
        Desc::TABLE_DATA => Some(Content::Data(data(u)?)),
        Desc::BLOBS => {
            let mut objects = Vec::new();
            for _ in 0..u.int_in_range(0..=3)? {
                *oid = oid.saturating_add(u.int_in_range(1..=1_500_000_000)?);
                objects.push((*oid, data(u)?));
            }
            // A group's tag says which, of which a tar has its first file.
            let tag = objects.first().map_or("BLOBS".to_owned(), |(first, _)| format!("{first}.."));
            texts[0] = Some(tag.into_bytes());
            Some(Content::Objects(objects))
        }
        _ => None,
    };
    let mut dependencies = Vec::new();
    for _ in 0..u.int_in_range(0..=2)? {
        dependencies.push(DumpId(u.int_in_range(1..=100)?));
    }
    // In any order, but unique.
    let id = 10 * u.int_in_range(1..=9)? + n;
    Ok(Entry { id, kind, texts, numbers: u.arbitrary()?, dependencies, content })
}

/// Some bytes, few of them or many times the same.
fn data(u: &mut Unstructured<'_>) -> Choice<Vec<u8>> {
    let len = u.int_in_range(0..=40)?;
    let bytes = u.bytes(len)?;
    let times = *u.choose(&[1, 1, 1, 3, 500, 8000])?;
    Ok(bytes.repeat(times))
}

impl Made {
    /// Whether an entry's field is there in archives of this version.
    fn has(&self, minor: u8) -> bool {
        self.minor >= minor
    }

    fn builder(&self) -> pgdmp::Result<ArchiveBuilder> {
        let options = WriteOptions::new()
            .version(ArchiveVersion::new(1, self.minor))
            .compression(self.algorithm, self.level)
            .threads(self.threads)
            .dbname("d");
        let mut builder = ArchiveBuilder::new(self.format, &options)?;
        for entry in &self.entries {
            builder.entry(&self.fields(entry))?;
        }
        Ok(builder)
    }

    fn fields<'e>(&self, entry: &'e Entry) -> EntryFields<'e> {
        let (desc, section) = KINDS[entry.kind];
        let text = |n: usize| entry.texts[n].as_deref();
        let mut fields = EntryFields::new(DumpId(entry.id), desc, section)
            .had_dumper(entry.content.is_some())
            .catalog_id(CatalogId { table_oid: Oid(entry.numbers[0]), oid: Oid(entry.numbers[1]) })
            .relkind(if self.has(16) { entry.numbers[2] as i32 % 128 } else { 0 })
            .dependencies(&entry.dependencies);
        fields.tag = text(0);
        fields.defn = text(1);
        fields.drop_stmt = text(2);
        fields.copy_stmt = text(3);
        fields.namespace = text(4);
        fields.owner = text(5);
        fields.tablespace = text(6);
        fields.table_am = if self.has(14) { text(4) } else { None };
        fields
    }

    fn fill<W: Write>(&self, mut writer: ArchiveWriter<W>) -> pgdmp::Result<W> {
        for entry in &self.entries {
            match &entry.content {
                None => {}
                Some(Content::Data(data)) => {
                    let mut out = writer.data(DumpId(entry.id))?;
                    data.chunks(77_777).try_for_each(|part| out.write_all(part))?;
                    out.finish()?;
                }
                Some(Content::Objects(objects)) => {
                    let mut out = writer.large_objects(DumpId(entry.id))?;
                    for (oid, data) in objects {
                        let mut object = out.object(Oid(*oid))?;
                        object.write_all(data)?;
                        object.finish()?;
                    }
                    out.finish()?;
                }
            }
        }
        writer.finish()
    }

    /// Writes the archive, and opens it. `folder` is for a directory.
    pub fn write(&self, folder: &tempfile::TempDir) -> pgdmp::Result<Archive> {
        let builder = self.builder()?;
        if self.format == Format::Directory {
            let path = folder.path().join("made");
            self.fill(builder.create(&path)?)?;
            return Archive::open(path);
        }
        let bytes = match self.pipe {
            true => self.fill(builder.start_pipe(Vec::new())?)?,
            false => self.fill(builder.start(Cursor::new(Vec::new()))?)?.into_inner(),
        };
        Archive::read(bytes)
    }

    /// What has to be in it.
    pub fn contents(&self) -> Contents {
        let with_data =
            self.entries.iter().filter_map(|entry| Some((entry.id, entry.content.clone()?)));
        with_data.collect()
    }

    /// That the table of contents is what it was to be.
    pub fn check_entries(&self, archive: &Archive) {
        assert_eq!(archive.entries().count(), self.entries.len());
        for (entry, found) in self.entries.iter().zip(archive.entries()) {
            let expected = self.fields(entry);
            // Where its data is has been found out meanwhile.
            let mut found =
                found.fields().data_offset(expected.data_offset).file_name(expected.file_name);
            found.with_oids = expected.with_oids;
            assert_eq!(found, expected);
        }
    }
}

/// All data of an archive.
pub fn contents(archive: &Archive) -> pgdmp::Result<Contents> {
    let mut all = Contents::new();
    for entry in archive.entries().filter(pgdmp::TocEntry::has_data) {
        let id = entry.dump_id();
        let content = if entry.desc() == Desc::BLOBS {
            let mut found = Vec::new();
            let mut objects = archive.large_objects(id)?;
            while let Some(mut object) = objects.next_object()? {
                let mut bytes = Vec::new();
                object.read_to_end(&mut bytes)?;
                found.push((object.oid().0, bytes));
            }
            Content::Objects(found)
        } else {
            let mut bytes = Vec::new();
            archive.data(id)?.read_to_end(&mut bytes)?;
            Content::Data(bytes)
        };
        all.insert(id.0, content);
    }
    Ok(all)
}
