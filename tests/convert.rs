//! Archives made of archives.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use pgdmp::edit::Note;
use pgdmp::toc::{ArchiveVersion, DataOffset};
use pgdmp::{
    Algorithm, Archive, ArchiveStream, Conversion, Desc, DumpId, Format, Selection, Target,
};

use pgdmp_testkit::contents::{Content, Contents, read_all};
use pgdmp_testkit::fixtures::{self, Fixture, members};

fn all() -> Vec<Fixture> {
    fixtures::real().into_iter().chain(fixtures::synthetic()).collect()
}

/// Data by entry, large objects by OID: several entries of them may become one.
fn flat(contents: Contents) -> (BTreeMap<i32, Vec<u8>>, BTreeMap<u32, Vec<u8>>) {
    let (mut data, mut objects) = (BTreeMap::new(), BTreeMap::new());
    for (id, content) in contents {
        match content {
            Content::Data(bytes) => {
                data.insert(id, bytes);
            }
            Content::Objects(all) => objects.extend(all),
        }
    }
    (data, objects)
}

fn same_files(a: &Path, b: &Path) -> bool {
    match a.is_dir() {
        true => members(a) == members(b),
        false => fs::read(a).unwrap() == fs::read(b).unwrap(),
    }
}

#[test]
fn nothing_changed_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (n, fixture) in all().iter().enumerate() {
        let archive = Archive::open(&fixture.path).unwrap();
        let path = folder.path().join(n.to_string());
        Conversion::new(&archive, &Target::new(), None).unwrap().create(&path).unwrap();
        assert!(same_files(&fixture.path, &path), "{}", fixture.name);
        if !fixture.is_directory() {
            let conversion = Conversion::new(&archive, &Target::new(), None).unwrap();
            let bytes = conversion.write_pipe(Vec::new()).unwrap();
            assert!(bytes == fixture.bytes(), "{}", fixture.name);
        }
    }
}

/// Through the writer, block by block, a custom archive comes out as it was, too: with offsets
/// where the output can seek, and without through a pipe.
#[test]
fn blocks_are_moved_whole() {
    let mut compared = 0;
    for fixture in all() {
        let version = fixture.version.clone();
        let minor: u8 = version.split('.').nth(1).unwrap().parse().unwrap();
        if fixture.format != "custom" || minor < 12 {
            continue;
        }
        let bytes = fixture.bytes();
        let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
        let seekable = Conversion::of_pass(stream.pass(), &Target::new(), None).unwrap();
        seekable.write(Cursor::new(Vec::new())).unwrap();
        let archive = Archive::read(bytes.clone()).unwrap();
        // An edit that changes nothing would be found out; one and its opposite are not.
        let selection = Selection::new().create(true);
        let selected = selection.apply(archive.toc()).unwrap();
        let listed = selected.all().filter(|(_, d)| d.wanted.is_anything()).count();
        if listed != archive.entries().count() {
            continue;
        }
        let mut target = Target::new().format(Format::Custom);
        let other = ArchiveVersion::new(1, if minor == 12 { 13 } else { 12 });
        if minor <= 13 {
            // The layout of 1.12 and 1.13 is the same, but for the number.
            target = target.version(other);
            let moved = Conversion::new(&archive, &target, None).unwrap();
            let moved = match fixture.offsets {
                true => moved.write(Cursor::new(Vec::new())).unwrap().into_inner(),
                false => moved.write_pipe(Vec::new()).unwrap(),
            };
            let at = bytes.iter().zip(&moved).filter(|(a, b)| a != b).count();
            assert_eq!((moved.len(), at), (bytes.len(), 1), "{}", fixture.name);
            compared += 1;
        }
    }
    assert!(compared > 0);
}

#[test]
fn every_fixture_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    for fixture in all() {
        let archive = Archive::open(&fixture.path).unwrap();
        let expected = flat(read_all(&archive).unwrap());
        let old = archive.header().version;
        for format in [Format::Custom, Format::Directory, Format::Tar] {
            for algorithm in [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd] {
                for version in
                    [None, Some(ArchiveVersion::new(1, 14)), Some(ArchiveVersion::NEWEST)]
                {
                    let mut target = Target::new().format(format).compression(algorithm, None);
                    if let Some(version) = version {
                        target = target.version(version);
                    }
                    let what = format!("{} {format} {algorithm} {version:?}", fixture.name);
                    let needed = match algorithm {
                        Algorithm::Lz4 | Algorithm::Zstd => ArchiveVersion::new(1, 15),
                        _ => ArchiveVersion::new(1, 12),
                    };
                    let new = version.unwrap_or(old.max(needed));
                    let expressible =
                        algorithm == Algorithm::None || (format != Format::Tar && new >= needed);
                    let conversion = Conversion::new(&archive, &target, None);
                    if !expressible {
                        conversion.unwrap_err();
                        continue;
                    }
                    conversion.unwrap().create(&path).unwrap_or_else(|error| {
                        panic!("{what}: {error}");
                    });
                    let copy = Archive::open(&path).unwrap();
                    assert_eq!(copy.format(), format, "{what}");
                    let unchanged = version.is_none_or(|version| version == old)
                        && archive.format() == format
                        && archive.header().compression.algorithm == algorithm;
                    if !unchanged {
                        assert_eq!(copy.header().version.minor, new.minor, "{what}");
                    }
                    assert!(flat(read_all(&copy).unwrap()) == expected, "{what}");
                    if format == Format::Custom {
                        let set = |entry: pgdmp::TocEntry<'_>| {
                            matches!(entry.data_offset(), Some(DataOffset::At(_)))
                        };
                        let mut with_data = copy.entries().filter(|entry| entry.has_data());
                        assert!(unchanged || with_data.all(set), "{what}");
                    }
                    match format {
                        Format::Directory => fs::remove_dir_all(&path).unwrap(),
                        _ => fs::remove_file(&path).unwrap(),
                    }
                }
            }
        }
    }
}

/// What several threads make of an archive of small tables is what one makes.
#[test]
fn threads_make_the_same() {
    for fixture in all() {
        let archive = Archive::open(&fixture.path).unwrap();
        let make = |threads, recompress: bool| {
            let mut target = Target::new();
            let level = recompress.then_some(5);
            target =
                target.format(Format::Custom).compression(Algorithm::Gzip, level).threads(threads);
            let conversion = Conversion::new(&archive, &target, None).unwrap();
            let bytes = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
            // Only where chunks end may differ.
            flat(read_all(&Archive::read(bytes).unwrap()).unwrap())
        };
        for recompress in [false, true] {
            assert!(make(1, recompress) == make(3, recompress), "{}", fixture.name);
        }
    }
}

/// Deflate data goes from custom to directory and back without being made anew.
#[test]
fn deflate_data_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    let fixtures = all();
    for (n, fixture) in fixtures.iter().filter(|f| f.format == "custom" && f.offsets).enumerate() {
        let archive = Archive::open(&fixture.path).unwrap();
        if archive.header().version < ArchiveVersion::new(1, 12) {
            continue;
        }
        let directory = folder.path().join(format!("d{n}"));
        let target = Target::new().format(Format::Directory);
        Conversion::new(&archive, &target, None).unwrap().create(&directory).unwrap();
        let copy = Archive::open(&directory).unwrap();
        let back = Conversion::new(&copy, &Target::new().format(Format::Custom), None).unwrap();
        let back =
            Archive::read(back.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap();
        for entry in archive.entries().filter(|e| e.has_data() && e.desc() != Desc::BLOBS) {
            let stored = |archive: &Archive| {
                let mut bytes = Vec::new();
                let mut stored = archive.stored(entry.dump_id()).unwrap();
                std::io::Read::read_to_end(&mut stored, &mut bytes).unwrap();
                bytes
            };
            let (before, after) = (stored(&archive), stored(&back));
            // The zlib header has a remark on the level; a gzip file has none.
            let skip = if before.starts_with(b"\x78") { 2 } else { 0 };
            assert!(before[skip..] == after[skip..], "{} {}", fixture.name, entry.name());
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn a_pipe_gives_what_a_file_gives() {
    for fixture in all().iter().filter(|fixture| !fixture.is_directory()) {
        let bytes = fixture.bytes();
        let archive = Archive::read(bytes.clone()).unwrap();
        let expected = flat(read_all(&archive).unwrap());
        for format in [Format::Custom, Format::Tar] {
            let target = Target::new().format(format);
            let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
            let conversion = match Conversion::of_pass(stream.pass(), &target, None) {
                Ok(conversion) => conversion,
                Err(error) => {
                    assert!(error.to_string().contains("save"), "{}: {error}", fixture.name);
                    continue;
                }
            };
            let new = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
            let copy = Archive::read(new).unwrap();
            assert!(flat(read_all(&copy).unwrap()) == expected, "{} {format}", fixture.name);
            let offsets = copy.entries().filter(|entry| entry.has_data());
            assert!(
                offsets.into_iter().all(|entry| entry.data_offset() != Some(DataOffset::NotSet)),
                "{}",
                fixture.name
            );
        }
    }
}

#[test]
fn a_selection() {
    let root = fixtures::root();
    let archive = Archive::open(root.join("pg17/small-custom.dump")).unwrap();
    let town = archive.entries().find(|e| e.desc() == Desc::TABLE_DATA).unwrap();
    let tag = town.tag().unwrap().to_vec();
    let selection = Selection::new().table(tag.clone()).create(true);
    let selected = selection.apply(archive.toc()).unwrap();
    for format in [Format::Custom, Format::Tar] {
        let target = Target::new().format(format);
        let conversion = Conversion::new(&archive, &target, Some(&selected)).unwrap();
        let copy = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
        let copy = Archive::read(copy).unwrap();
        let names: Vec<String> = copy.entries().map(|entry| entry.name().to_string()).collect();
        let expected: Vec<String> = selected
            .all()
            .filter(|(_, decision)| decision.wanted.is_anything())
            .map(|(entry, _)| entry.name().to_string())
            .collect();
        assert_eq!(names, expected);
        assert!(names.len() < archive.entries().count());
        let content = flat(read_all(&copy).unwrap()).0;
        assert!(
            content[&town.dump_id().0] == flat(read_all(&archive).unwrap()).0[&town.dump_id().0]
        );
    }
    // Definitions alone: no data, and none is missed.
    // The database itself stays, although a restore would need -C for it.
    let database = Archive::open(fixtures::root().join("pg18/small-create.dump")).unwrap();
    let selected = Selection::new().apply(database.toc()).unwrap();
    assert_eq!(
        selected.entries().count() + 1,
        Selection::new().create(true).apply(database.toc()).unwrap().entries().count()
    );
    let copy = Conversion::new(&database, &Target::new(), Some(&selected)).unwrap();
    let copy = Archive::read(copy.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap();
    assert_eq!(copy.entries().count(), database.entries().count());
    let selection = Selection::new().schema_only(true);
    let selected = selection.apply(archive.toc()).unwrap();
    let conversion = Conversion::new(&archive, &Target::new(), Some(&selected)).unwrap();
    let copy = Archive::read(conversion.write(Cursor::new(Vec::new())).unwrap().into_inner());
    assert!(read_all(&copy.unwrap()).unwrap().is_empty());
}

#[test]
fn fields_can_be_edited() {
    let root = fixtures::root();
    let archive = Archive::open(root.join("pg17/small-custom.dump")).unwrap();
    let conversion = Conversion::edited(&archive, &Target::new(), None, |entry, fields| {
        if entry.owner().is_some_and(|owner| !owner.is_empty()) {
            fields.owner = Some(b"somebody");
        }
        entry.desc() != Desc::INDEX
    });
    let copy = conversion.unwrap().write(Cursor::new(Vec::new())).unwrap().into_inner();
    let copy = Archive::read(copy).unwrap();
    assert!(copy.entries().any(|entry| entry.owner() == Some(b"somebody")));
    assert!(copy.entries().all(|entry| entry.desc() != Desc::INDEX));
    assert!(read_all(&copy).unwrap() == read_all(&archive).unwrap());
}

/// From 1.16 back: an entry for each large object, one for their data; and what is lost is said.
#[test]
fn groups_of_large_objects_are_resolved() {
    let root = fixtures::root();
    let mut seen = 0;
    for fixture in fixtures::real().iter().filter(|fixture| fixture.version.starts_with("1.16")) {
        let archive = Archive::open(root.join(&fixture.name)).unwrap();
        let groups = archive.entries().filter(|entry| entry.desc() == Desc::BLOB_METADATA).count();
        if groups == 0 {
            continue;
        }
        seen += 1;
        let mut target =
            Target::new().version(ArchiveVersion::new(1, 14)).compression(Algorithm::Gzip, None);
        if archive.format() == Format::Tar {
            target = target.compression(Algorithm::None, None);
        }
        target =
            target.format(if fixture.is_directory() { Format::Custom } else { archive.format() });
        let conversion = Conversion::new(&archive, &target, None).unwrap();
        let objects = flat(read_all(&archive).unwrap()).1;
        assert!(
            conversion.notes().iter().any(|note| matches!(
                note,
                Note::GroupsResolved { objects: n, .. } if *n >= objects.len()
            )),
            "{}: {:?}",
            fixture.name,
            conversion.notes()
        );
        let copy = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
        let copy = Archive::read(copy).unwrap();
        let count = |desc| copy.entries().filter(|entry| entry.desc() == desc).count();
        assert_eq!(count(Desc::BLOB_METADATA), 0, "{}", fixture.name);
        assert!(count(Desc::BLOBS) <= 1, "{}", fixture.name);
        for oid in objects.keys() {
            let name = oid.to_string();
            let entry = copy.toc().find(Desc::BLOB, None, name.as_bytes()).unwrap();
            assert_eq!(entry.catalog_id().oid.0, *oid);
        }
        let ids: std::collections::BTreeSet<DumpId> =
            copy.entries().map(|entry| entry.dump_id()).collect();
        assert_eq!(ids.len(), copy.entries().count(), "{}: ids are unique", fixture.name);
    }
    assert!(seen > 0);
}

#[test]
fn damage_is_an_error_and_leaves_no_archive() {
    let root = fixtures::root();
    let folder = tempfile::tempdir().unwrap();
    let bytes = fs::read(root.join("pg17/small-custom.dump")).unwrap();
    let cut = Archive::read(bytes[..bytes.len() - 20].to_vec()).unwrap();
    for (format, algorithm) in [
        (Format::Custom, Algorithm::None),
        (Format::Directory, Algorithm::Gzip),
        (Format::Tar, Algorithm::None),
    ] {
        let path = folder.path().join(format.to_string());
        let target = Target::new().format(format).compression(algorithm, None);
        let error = Conversion::new(&cut, &target, None).unwrap().create(&path).unwrap_err();
        assert!(error.is_truncated() || error.entry().is_some(), "{error}");
        assert!(Archive::open(&path).is_err(), "{format}");
    }
}

/// Through a pipe nobody has a look at what stands where before it comes.
#[test]
fn a_block_that_comes_twice_is_not_left_out() {
    let bytes = pgdmp_testkit::build::small();
    let archive = Archive::read(bytes.clone()).unwrap();
    let first = archive.blocks().unwrap().next().unwrap().unwrap();
    let start = usize::try_from(first.offset.unwrap()).unwrap();
    let (before, behind) = bytes.split_at(start);
    let block = &behind[..usize::try_from(first.stored_len).unwrap()];
    for (bytes, expected) in
        [([before, block, behind].concat(), Some("twice")), (bytes.clone(), None)]
    {
        let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
        let conversion = Conversion::of_pass(stream.pass(), &Target::new(), None).unwrap();
        let error = conversion.write(Cursor::new(Vec::new())).err().map(|e| e.to_string());
        assert_eq!(expected.is_some(), error.is_some(), "{error:?}");
        assert!(error.unwrap_or_default().contains(expected.unwrap_or_default()));
    }
}
