//! Every archive version, in both directions.

use pgdmp::Algorithm;
use pgdmp::toc::{ArchiveVersion, DataOffset, EntryFields, Gate, Section};
use pgdmp::{Archive, Format, OpenOptions, Toc, TocEntry};

use pgdmp_testkit::build::{self, Block, full_entry};
use pgdmp_testkit::contents::{Content, read_all, stream_all};

fn versions() -> impl Iterator<Item = ArchiveVersion> {
    (0..=16).map(|minor| ArchiveVersion::new(1, minor))
}

/// What a reader finds of `fields` in an archive of a version.
fn stored<'a>(
    fields: &EntryFields<'a>,
    version: ArchiveVersion,
    format: Format,
) -> EntryFields<'a> {
    let has = |gate| version.has(gate);
    let mut stored = *fields;
    if !has(Gate::TableOid) {
        stored.catalog_id.table_oid = pgdmp::toc::Oid(0);
    }
    if !has(Gate::CopyStmt) {
        stored.copy_stmt = None;
    }
    if !has(Gate::Namespace) {
        stored.namespace = None;
    }
    if !has(Gate::Tablespace) {
        stored.tablespace = None;
    }
    if !has(Gate::TableAm) {
        stored.table_am = None;
    }
    if !has(Gate::Relkind) {
        stored.relkind = 0;
    }
    if !has(Gate::WithOids) {
        stored.with_oids = None;
    }
    if !has(Gate::Dependencies) {
        stored.dependencies = &[];
    }
    if !has(Gate::Section) {
        // By the kind, see `sections_of_old_archives`.
        stored.section = Section::Data;
    }
    match format {
        Format::Custom => stored.file_name = b"",
        _ => stored.data_offset = DataOffset::NoData,
    }
    stored
}

fn assert_same(found: &EntryFields<'_>, expected: &EntryFields<'_>, what: &str) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{what}");
}

#[test]
fn all_fields_in_every_version_and_format() {
    for version in versions() {
        for format in [Format::Custom, Format::Tar] {
            let mut toc = Toc::new(build::header(version, format), format);
            toc.push(&full_entry()).unwrap();
            let mut bytes = Vec::new();
            toc.write_to(&mut bytes).unwrap();
            let archive = match format {
                Format::Custom => Archive::read(bytes.clone()),
                _ => OpenOptions::new().read_members([("toc.dat".to_owned(), bytes.clone())]),
            };
            let archive = archive.unwrap_or_else(|error| panic!("{version} {format}: {error}"));
            let what = format!("{version} {format}");
            assert_eq!(archive.header(), toc.header(), "{what}");
            assert_eq!(archive.entries().len(), 1, "{what}");
            let entry = archive.entries().next().unwrap();
            assert_same(&entry.fields(), &stored(&full_entry(), version, format), &what);
            let mut again = Vec::new();
            archive.toc().write_to(&mut again).unwrap();
            assert_eq!(again, bytes, "{what}");
            // Half of it is never an archive.
            for len in 0..bytes.len() {
                assert!(Archive::read(bytes[..len].to_vec()).is_err(), "{what}: {len}");
            }
        }
    }
}

/// Each gate: the version before it is shorter by exactly the field, or has it in another form.
#[test]
fn each_gate_changes_the_bytes() {
    let bytes = |version| {
        let mut toc = Toc::new(build::header(version, Format::Custom), Format::Custom);
        toc.push(&full_entry()).unwrap();
        let mut bytes = Vec::new();
        toc.write_to(&mut bytes).unwrap();
        bytes
    };
    let len = |minor| bytes(ArchiveVersion::new(1, minor)).len();
    for gate in Gate::ALL {
        assert_eq!(gate.since().0, 1);
        let minor = gate.since().1;
        assert!(!ArchiveVersion::new(1, minor - 1).has(*gate));
        assert!(ArchiveVersion::new(1, minor).has(*gate));
    }
    let string = |text: &[u8]| 5 + text.len();
    for (minor, more) in [
        (2, 1),                                                 // the level, a byte
        (3, string(b"COPY t FROM stdin;\n")),                   // the COPY statement
        (4, 4 + 7 * 5 + string(b"data")),                       // the level an int; time; dbname
        (5, 2 * string(b"2") + string(b"999") + 5),             // dependencies
        (6, string(b"public")),                                 // the schema
        (7, 0),                // offset: 1 + 8 for 2 ints, its width 1
        (8, string(b"1259")),  // the catalog
        (9, string(b"false")), // WITH OIDS
        (10, string(b"") + string(b"17.11") + string(b"18.6")), // tablespace; program versions
        (11, 5),               // the section
        (12, 0),
        (13, 0),
        (14, string(b"heap")), // the access method
        (16, 5),               // the relkind
    ] {
        assert_eq!(len(minor) - len(minor - 1), more, "1.{minor}");
    }
    // A sign byte for each of 15 ints and string lengths, and the revision.
    assert_eq!(len(1) - len(0), 11 + 1);
    // The algorithm, a byte, instead of the level, an int.
    assert_eq!(len(14) - len(15), 4);
}

#[test]
fn data_in_every_version() {
    for version in versions() {
        for offsets in [true, false] {
            // Before 1.2 data is always compressed, before 1.3 there are no large objects.
            if !version.has(Gate::BlockType) {
                continue;
            }
            let bytes = build::small_of(version, offsets);
            let what = format!("{version} {offsets}");
            let archive = Archive::read(bytes.clone()).unwrap();
            let contents = read_all(&archive).unwrap_or_else(|error| panic!("{what}: {error}"));
            let table = Content::Data(b"1\tone\n2\ttwo\n\\.\n\n\n".to_vec());
            let objects = vec![(17, b"seventeen".to_vec()), (3_000_000_000, Vec::new())];
            assert_eq!(contents, [(3, table), (4, Content::Objects(objects))].into(), "{what}");
            assert_eq!(stream_all(&bytes[..]).unwrap(), contents, "{what}");
            let is_set =
                |entry: TocEntry<'_>| matches!(entry.data_offset(), Some(DataOffset::At(_)));
            assert_eq!(archive.entries().any(is_set), offsets, "{what}");
        }
    }
}

/// 1.2 has no block types, and everything is uncompressed only if the level says so.
#[test]
fn blocks_without_a_type() {
    let version = ArchiveVersion::new(1, 2);
    let header = build::header(version, Format::Custom);
    for offsets in [true, false] {
        let entry = |id| full_entry().dump_id(pgdmp::DumpId(id));
        let bytes = build::custom(
            header.clone(),
            &[(entry(1), Some(Block::Data(&[b"a"]))), (entry(2), Some(Block::Data(&[b"b", b"c"])))],
            offsets,
        );
        let contents = read_all(&Archive::read(bytes.clone()).unwrap()).unwrap();
        let data = |text: &[u8]| Content::Data(text.to_vec());
        assert_eq!(contents, [(1, data(b"a")), (2, data(b"bc"))].into());
        assert_eq!(stream_all(&bytes[..]).unwrap(), contents);
    }
}

#[test]
fn sections_of_old_archives() {
    let version = ArchiveVersion::new(1, 10);
    let mut toc = Toc::new(build::header(version, Format::Custom), Format::Custom);
    let cases = [
        ("COMMENT", Section::None),
        ("ACL", Section::None),
        ("ACL LANGUAGE", Section::None),
        ("DEFAULT ACL", Section::PreData),
        ("TABLE DATA", Section::Data),
        ("BLOBS", Section::Data),
        ("BLOB COMMENTS", Section::Data),
        ("CONSTRAINT", Section::PostData),
        ("CHECK CONSTRAINT", Section::PostData),
        ("FK CONSTRAINT", Section::PostData),
        ("INDEX", Section::PostData),
        ("RULE", Section::PostData),
        ("TRIGGER", Section::PostData),
        ("SEQUENCE SET", Section::PreData),
        ("DEFAULT", Section::PreData),
        ("VIEW", Section::PreData),
        ("anything", Section::PreData),
    ];
    for (n, (desc, _)) in cases.iter().enumerate() {
        let fields = full_entry()
            .dump_id(pgdmp::DumpId(n as i32 + 1))
            .desc(pgdmp::Desc(desc.as_bytes()))
            .section(Section::Other(77));
        toc.push(&fields).unwrap();
    }
    let mut bytes = Vec::new();
    toc.write_to(&mut bytes).unwrap();
    let archive = Archive::read(bytes).unwrap();
    for (entry, (desc, section)) in archive.entries().zip(cases) {
        assert_eq!(entry.section(), section, "{desc}");
    }
}

#[test]
fn other_widths() {
    for (int_size, off_size) in [(1, 1), (2, 4), (3, 5), (4, 4), (5, 8), (8, 8)] {
        for version in [1, 10, 16].map(|minor| ArchiveVersion::new(1, minor)) {
            let off_size = if version.has(Gate::OffsetFlag) { off_size } else { int_size };
            let mut header = build::header(version, Format::Custom);
            (header.int_size, header.off_size) = (int_size, off_size);
            let mut toc = Toc::new(header.clone(), Format::Custom);
            let fields = full_entry().data_offset(DataOffset::At(77));
            let fields = fields.dependencies(&[]);
            toc.push(&fields).unwrap();
            let mut bytes = Vec::new();
            toc.write_to(&mut bytes).unwrap();
            let archive = Archive::read(bytes.clone()).unwrap();
            assert_eq!(*archive.header(), header);
            let entry = archive.entries().next().unwrap();
            assert_eq!(entry.data_offset(), Some(DataOffset::At(77)));
            assert_eq!(entry.tag(), Some(&b"t\xff\n"[..]));
            let mut again = Vec::new();
            archive.toc().write_to(&mut again).unwrap();
            assert_eq!(again, bytes);
        }
    }
    // What does not fit is refused, not cut.
    for (int_size, off_size, offset) in [(4, 1, 256), (4, 4, 1 << 32), (4, 7, 1 << 56)] {
        let version = ArchiveVersion::NEWEST;
        let mut header = build::header(version, Format::Custom);
        (header.int_size, header.off_size) = (int_size, off_size);
        let mut toc = Toc::new(header, Format::Custom);
        toc.push(&full_entry().data_offset(DataOffset::At(offset))).unwrap();
        assert!(toc.write_to(Vec::new()).is_err(), "{off_size} {offset}");
    }
    // Before 1.7 an offset is an int.
    let header = build::header(ArchiveVersion::new(1, 6), Format::Custom);
    let mut toc = Toc::new(header, Format::Custom);
    toc.push(&full_entry().data_offset(DataOffset::At(1 << 31))).unwrap();
    assert!(toc.write_to(Vec::new()).is_err());
}

#[test]
fn compression_of_the_header() {
    let open = |minor, compression: &[u8]| {
        let mut toc =
            Toc::new(build::header(ArchiveVersion::new(1, minor), Format::Custom), Format::Custom);
        toc.push(&full_entry()).unwrap();
        let mut bytes = Vec::new();
        toc.write_to(&mut bytes).unwrap();
        let at = if minor >= 7 { 11 } else { 10 };
        bytes[at..at + compression.len()].copy_from_slice(compression);
        let archive = Archive::read(bytes.clone()).unwrap();
        let mut again = Vec::new();
        archive.toc().write_to(&mut again).unwrap();
        assert_eq!(again, bytes);
        archive.header().compression
    };
    for (minor, bytes, algorithm, level) in [
        (2, &[0][..], Algorithm::None, Some(0)),
        (2, &[6], Algorithm::Gzip, Some(6)),
        (3, &[255], Algorithm::Gzip, Some(255)),
        (4, &[1, 1, 0, 0, 0], Algorithm::Gzip, Some(-1)),
        (14, &[0, 0, 0, 0, 0], Algorithm::None, Some(0)),
        (14, &[0, 9, 0, 0, 0], Algorithm::Gzip, Some(9)),
        (14, &[0, 100, 0, 0, 0], Algorithm::Gzip, Some(100)),
        (15, &[0], Algorithm::None, None),
        (15, &[1], Algorithm::Gzip, None),
        (16, &[2], Algorithm::Lz4, None),
        (16, &[3], Algorithm::Zstd, None),
        (16, &[77], Algorithm::Unknown(77), None),
    ] {
        let found = open(minor, bytes);
        assert_eq!((found.algorithm, found.level), (algorithm, level), "1.{minor} {bytes:?}");
    }
}

#[test]
fn unsupported_versions_say_what_is_supported() {
    for (major, minor) in [(0, 0), (0, 255), (1, 17), (1, 255), (2, 0), (255, 0)] {
        let mut bytes = build::small();
        bytes[5..7].copy_from_slice(&[major, minor]);
        let error = Archive::read(bytes).unwrap_err();
        assert!(error.is_unsupported(), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("{major}.{minor}")), "{text}");
        assert!(text.contains("1.0 to 1.16"), "{text}");
    }
    // The revision does not matter.
    let mut bytes = build::small();
    for revision in [1, 127, 128, 255] {
        bytes[7] = revision;
        let archive = Archive::read(bytes.clone()).unwrap();
        assert_eq!(archive.header().version.to_string(), format!("1.16-{revision}"));
        assert_eq!(read_all(&archive).unwrap().len(), 2);
    }
}
