//! Data in pieces that stand alone: every pg_restore reads it, several threads make the same of it,
//! and it stays so when it is moved.

use std::io::Write;
use std::path::Path;

use pgdmp::toc::{ArchiveVersion, EntryFields, Oid, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{
    Algorithm, Archive, ArchiveBuilder, BlockKind, Conversion, Desc, Format, OpenOptions, Target,
};

use crate::matrix::Program;

/// Rows that end near no MiB, rows that are all the same, and few.
fn tables() -> Vec<(&'static str, Vec<u8>)> {
    let mut n = 1_u64;
    let mut next = || {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        n >> 33
    };
    let mut rows = Vec::new();
    while rows.len() < 2_600_000 {
        rows.extend_from_slice(format!("{}\t{:x}\\n\t\\N\n", next(), next()).as_bytes());
    }
    let same = b"1\tthe same in every row\t\\N\n".repeat(45_000);
    let tables =
        [("rows", rows), ("same", same), ("few", b"1\tx\t\\N\n".to_vec()), ("none", vec![])];
    let marked = |(name, rows)| (name, [rows, b"\\.\n\n\n".to_vec()].concat());
    tables.into_iter().map(marked).collect()
}

/// An archive with these tables and large objects, in one stream each and not compressed.
fn write(path: &Path) {
    let options = WriteOptions::new().version(ArchiveVersion::new(1, 14)).plain(true);
    let options = options.compression(Algorithm::None, None).dbname("d").server_version("15.1");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    builder.session("UTF8", true).unwrap();
    let tables = tables();
    let mut ids = Vec::new();
    for (name, _) in &tables {
        let table = EntryFields::new(builder.next_id(), Desc::TABLE, Section::PreData);
        let defn = format!("CREATE TABLE public.{name} (a text, b text, c text);\n");
        let table = table.namespace("public").tag(name).defn(&defn).owner("postgres");
        let table = builder.entry(&table).unwrap();
        let data = EntryFields::new(builder.next_id(), Desc::TABLE_DATA, Section::Data);
        let copy = format!("COPY public.{name} (a, b, c) FROM stdin;\n");
        let dependencies = [table];
        let data = data.namespace("public").tag(name).copy_stmt(&copy).owner("postgres");
        let data = data.had_dumper(true).dependencies(&dependencies);
        ids.push(builder.entry(&data).unwrap());
    }
    let blobs = EntryFields::new(builder.next_id(), Desc::BLOBS, Section::Data);
    let blobs = builder.entry(&blobs.tag("BLOBS").had_dumper(true)).unwrap();
    let mut archive = builder.create(path).unwrap();
    for (id, (_, rows)) in ids.into_iter().zip(&tables) {
        let mut data = archive.data(id).unwrap();
        data.write_all(rows).unwrap();
        data.finish().unwrap();
    }
    let mut objects = archive.large_objects(blobs).unwrap();
    for (oid, len) in [(11, 0), (12, 150_000), (13, 1_900_000)] {
        let mut object = objects.object(Oid(oid)).unwrap();
        object.write_all(&tables[0].1[..len]).unwrap();
        object.finish().unwrap();
    }
    objects.finish().unwrap();
    archive.finish().unwrap();
}

/// All data of an archive.
fn contents(path: &Path, threads: u32) -> Vec<(u32, Vec<u8>)> {
    let archive = OpenOptions::new().threads(threads).open(path).unwrap();
    let mut all = Vec::new();
    for entry in archive.entries().filter(|entry| entry.has_data()) {
        if entry.data_kind() == BlockKind::LargeObjects {
            let mut objects = archive.large_objects(entry.dump_id()).unwrap();
            while let Some(mut object) = objects.next_object().unwrap() {
                let (oid, mut bytes) = (object.oid().0, Vec::new());
                object.copy_to(&mut bytes).unwrap();
                all.push((oid, bytes));
            }
        } else {
            let mut bytes = Vec::new();
            archive.data(entry.dump_id()).unwrap().copy_to(&mut bytes).unwrap();
            all.push((0, bytes));
        }
    }
    all
}

/// Converts, and says whether there was a warning.
fn convert(from: &Path, to: &Path, target: &Target) -> bool {
    let archive = OpenOptions::new().threads(3).open(from).unwrap();
    let mut warned = false;
    let mut conversion = Conversion::new(&archive, target, None).unwrap();
    conversion.on_warning(|_| warned = true);
    conversion.create(to).unwrap();
    warned
}

const COMPRESSIONS: [(Algorithm, Option<i32>); 4] = [
    (Algorithm::None, None),
    (Algorithm::Gzip, Some(1)),
    (Algorithm::Lz4, None),
    (Algorithm::Zstd, Some(1)),
];

#[test]
fn every_form_is_read_and_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let source = path("source");
    write(&source);
    let expected = contents(&source, 1);
    assert_eq!(expected.len(), 7);
    let programs = Program::all();
    let scripts: Vec<Vec<u8>> =
        programs.iter().map(|program| program.script(&source).unwrap()).collect();
    let check = |path: &Path| {
        for threads in [1, 3] {
            assert!(contents(path, threads) == expected, "{path:?}");
        }
        let version = Archive::open(path).unwrap().header().version;
        for (program, script) in programs.iter().zip(&scripts) {
            if version <= program.newest {
                assert!(program.script(path).as_ref() == Ok(script), "{path:?}");
            }
        }
    };
    for (algorithm, level) in COMPRESSIONS {
        for (format, other) in
            [(Format::Custom, Format::Directory), (Format::Directory, Format::Custom)]
        {
            let name = |what: &str| path(&format!("{algorithm}-{format:?}-{what}"));
            let target = Target::new().format(format).compression(algorithm, level);
            assert!(!convert(&source, &name("made"), &target.clone().threads(3)));
            check(&name("made"));
            // Moved as it is stored, there and back.
            assert!(!convert(&name("made"), &name("moved"), &Target::new().format(other)));
            check(&name("moved"));
            let back = Target::new().format(format);
            assert!(!convert(&name("moved"), &name("back"), &back));
            check(&name("back"));
            let last = Target::new().format(format).version(ArchiveVersion::new(1, 16));
            assert!(!convert(&name("back"), &name("again"), &last), "a frame within a chunk");
            check(&name("again"));
        }
    }
}

/// `reframe` makes of one stream what `compression` makes, and `plain` the other.
#[test]
fn both_forms_from_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("source"));
    let zstd = Target::new().compression(Algorithm::Zstd, None);
    convert(&path("source"), &path("framed"), &zstd);
    convert(&path("source"), &path("stream"), &zstd.clone().plain(true));
    convert(&path("stream"), &path("reframed"), &Target::new().reframe(true).threads(2));
    convert(&path("framed"), &path("plain"), &Target::new().plain(true));
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    assert!(read("framed") != read("stream"));
    assert!(read("framed") == read("reframed"));
    assert!(read("stream") == read("plain"));
}
