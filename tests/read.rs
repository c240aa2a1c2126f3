//! Every fixture is read as `pg_restore` reads it, through every kind of source.

use std::fs;
use std::io::{BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgdmp::source::{FileSource, MappedFile};
use pgdmp::toc::{ArchiveVersion, DataOffset, EntryFields, Section};
use pgdmp::{Archive, ArchiveStream, Desc, DumpId, Format, OpenOptions, Selection, TocEntry};

use pgdmp_testkit::build;
use pgdmp_testkit::contents::{self, Content, Contents, read_all, stream_all};
use pgdmp_testkit::fixtures::{self, Fixture};
use pgdmp_testkit::sources::{OneByte, Trickle};
use pgdmp_testkit::watchdog::Watchdog;
use pgdmp_testkit::{listing, script};

/// All fixtures, with a name for messages.
fn all() -> Vec<Fixture> {
    fixtures::real().into_iter().chain(fixtures::synthetic()).collect()
}

fn open(fixture: &Fixture) -> Archive {
    Archive::open(&fixture.path).unwrap_or_else(|error| panic!("{error}"))
}

/// What the data of a fixture is, by others than this crate; `None` if nothing is recorded.
fn check_contents(fixture: &Fixture, archive: &Archive, contents: &Contents) {
    assert_eq!(contents.len(), fixture.data, "{}", fixture.name);
    if let Some(path) = &fixture.expected {
        let expected = contents::parse_expected(&fixtures::bytes(path));
        assert_eq!(*contents, expected, "{}", fixture.name);
    }
    if let Some(path) = &fixture.script {
        let script = fixtures::bytes(path);
        let checked = script::check(archive.toc(), contents, &script);
        assert_eq!(checked, Ok(fixture.data), "{}", fixture.name);
    }
}

#[test]
fn headers_and_counts() {
    for fixture in all() {
        let archive = open(&fixture);
        let header = archive.header();
        let name = &fixture.name;
        assert_eq!(archive.format().to_string(), fixture.format, "{name}");
        let version = header.version;
        assert_eq!(format!("{}.{}", version.major, version.minor), fixture.version, "{name}");
        // The table of the synthetic ones has no levels.
        let level = match header.compression.level {
            Some(level @ 1..=9) if fixture.expected.is_none() => format!(":{level}"),
            _ => String::new(),
        };
        let compression = format!("{}{level}", header.compression.algorithm.name());
        assert_eq!(compression, fixture.compression, "{name}");
        assert_eq!(archive.entries().len(), fixture.entries, "{name}");
        assert_eq!(archive.toc().len(), fixture.entries, "{name}");
        assert_eq!(archive.entries().filter(TocEntry::has_data).count(), fixture.data, "{name}");
        for entry in archive.entries().filter(TocEntry::has_data) {
            let offset = entry.data_offset();
            match archive.format() {
                Format::Custom if fixture.offsets => {
                    assert!(matches!(offset, Some(DataOffset::At(_))), "{name}: {offset:?}");
                }
                Format::Custom => assert_eq!(offset, Some(DataOffset::NotSet), "{name}"),
                _ => {
                    assert_eq!(offset, None, "{name}");
                    assert!(entry.file_name().is_some_and(|name| !name.is_empty()), "{name}");
                }
            }
        }
        assert!(archive.toc().encoding().is_ok(), "{name}");
        assert!(archive.toc().std_strings().is_ok(), "{name}");
    }
}

#[test]
fn listings_are_those_of_pg_restore() {
    let mut compared = 0;
    for fixture in all() {
        let archive = open(&fixture);
        for (path, verbose) in [(&fixture.list, false), (&fixture.verbose, true)] {
            let Some(path) = path else { continue };
            let text = listing::text(archive.toc(), archive.format(), &Selection::new(), verbose);
            let expected = fixtures::bytes(path);
            assert!(
                text == expected,
                "{}:\n{}\ninstead of\n{}",
                fixture.name,
                String::from_utf8_lossy(&text),
                String::from_utf8_lossy(&expected)
            );
            compared += 1;
        }
    }
    assert!(compared > 80, "{compared}");
}

#[test]
fn tables_of_contents_are_written_as_they_were_read() {
    for fixture in all() {
        let archive = open(&fixture);
        let mut written = Vec::new();
        archive.toc().write_to(&mut written).unwrap();
        let original = match archive.format() {
            Format::Custom => fixture.bytes(),
            Format::Directory => fixtures::bytes(&fixture.path.join("toc.dat")),
            // The first member is toc.dat; its size is behind its name.
            _ => {
                let tar = fixture.bytes();
                let size = std::str::from_utf8(&tar[124..135]).unwrap();
                let size = usize::from_str_radix(size, 8).unwrap();
                assert_eq!(written.len(), size, "{}", fixture.name);
                tar[512..].to_vec()
            }
        };
        assert!(original.starts_with(&written), "{}", fixture.name);
        if archive.format() == Format::Directory {
            assert_eq!(written.len(), original.len(), "{}", fixture.name);
        }
    }
}

#[test]
fn data_is_what_pg_restore_prints() {
    let watchdog = Watchdog::new("data");
    for fixture in all() {
        watchdog.label(&fixture.name);
        let archive = open(&fixture);
        let contents = read_all(&archive).unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
        check_contents(&fixture, &archive, &contents);
    }
}

#[test]
fn every_source_gives_the_same() {
    let watchdog = Watchdog::new("sources");
    for fixture in all() {
        watchdog.label(&fixture.name);
        let expected = read_all(&open(&fixture)).unwrap();
        let same = |archive: pgdmp::Result<Archive>, how: &str| {
            let archive = archive.unwrap_or_else(|e| panic!("{}, {how}: {e}", fixture.name));
            let found =
                read_all(&archive).unwrap_or_else(|e| panic!("{}, {how}: {e}", fixture.name));
            assert!(found == expected, "{}, {how}", fixture.name);
        };
        if fixture.is_directory() {
            let members = fixture.members();
            same(OpenOptions::new().read_members(members.clone()), "members in memory");
            let one_byte = members.into_iter().map(|(name, bytes)| (name, OneByte::new(bytes)));
            same(OpenOptions::new().read_members(one_byte), "members byte by byte");
            continue;
        }
        let bytes = fixture.bytes();
        same(Archive::read(FileSource::open(&fixture.path).unwrap()), "file");
        same(Archive::read(MappedFile::open(&fixture.path).unwrap()), "mapped");
        same(Archive::read(bytes.clone()), "vec");
        same(Archive::read(Arc::<[u8]>::from(bytes.clone())), "shared memory");
        same(Archive::read(OneByte::new(bytes.clone())), "byte by byte");
        assert!(stream_all(&bytes[..]).unwrap() == expected, "{}, stream", fixture.name);
        let trickle = stream_all(Trickle::new(&bytes[..])).unwrap();
        assert!(trickle == expected, "{}, stream byte by byte", fixture.name);
    }
}

#[test]
fn streams_know_what_archives_know() {
    for fixture in all().into_iter().filter(|fixture| !fixture.is_directory()) {
        let archive = open(&fixture);
        let bytes = fixture.bytes();
        let stream = ArchiveStream::new(&bytes[..]).unwrap();
        assert_eq!(stream.format(), archive.format());
        let text = |toc, format| listing::text(toc, format, &Selection::new(), true);
        assert_eq!(
            text(stream.toc(), stream.format()),
            text(archive.toc(), archive.format()),
            "{}",
            fixture.name
        );
    }
}

/// Blocks of a stream may be left unread, or read in part.
#[test]
fn streams_skip_what_is_not_read() {
    for fixture in all().into_iter().filter(|fixture| !fixture.is_directory()) {
        let expected = read_all(&open(&fixture)).unwrap();
        let bytes = fixture.bytes();
        for bytes_read in [None, Some(0), Some(1), Some(5)] {
            let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
            let mut met = Vec::new();
            while let Some(mut block) = stream.next_block().unwrap() {
                met.push(block.dump_id().0);
                let content = &expected[&block.dump_id().0];
                let Some(n) = bytes_read else { continue };
                let mut start = vec![0; n];
                match content {
                    Content::Data(data) => {
                        let n = n.min(data.len());
                        block.data().unwrap().read_exact(&mut start[..n]).unwrap();
                        assert_eq!(start[..n], data[..n], "{}", fixture.name);
                    }
                    Content::Objects(objects) => {
                        // All but the last object, each in part.
                        for (oid, data) in &objects[..objects.len() - 1] {
                            let mut object = block.next_object().unwrap().unwrap();
                            assert_eq!(object.oid().0, *oid, "{}", fixture.name);
                            let n = n.min(data.len());
                            object.read_exact(&mut start[..n]).unwrap();
                            assert_eq!(start[..n], data[..n], "{}", fixture.name);
                        }
                    }
                }
            }
            met.sort_unstable();
            assert!(met.iter().eq(expected.keys()), "{}: {met:?}", fixture.name);
        }
    }
}

/// A custom archive: a little, much in short chunks, and a little again.
fn long(offsets: bool) -> Vec<u8> {
    let rows = vec![b'x'; 6_000];
    let chunks: Vec<&[u8]> = (0..4_000).map(|n| &rows[..1 + n * 37 % 6_000]).collect();
    let data = |id| EntryFields::new(DumpId(id), Desc::TABLE_DATA, Section::Data).had_dumper(true);
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let entries = [
        (data(1), Some(build::Block::Data(&[b"first\n"]))),
        (data(2), Some(build::Block::Data(&chunks))),
        (data(3), Some(build::Block::Data(&[b"last\n"]))),
    ];
    build::custom(header, &entries, offsets)
}

/// The data of an entry as far as it can be read, and what is wrong, if anything.
fn as_far_as_possible(archive: &Archive, id: i32) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let copied = archive.data(DumpId(id)).and_then(|mut data| data.copy_to(&mut bytes));
    (bytes, copied.err().map(|error| error.to_string()))
}

/// What lies before a block without offset is walked over: by several threads in a file, where it
/// is long and its chunks are short, and by one in memory.
#[test]
fn what_lies_behind_a_long_block_is_found() {
    let whole = long(false);
    assert!(whole.len() > 11 << 20, "{}", whole.len());
    let file = tempfile::NamedTempFile::new().unwrap();
    for (cut, last) in [(0, "last\n"), (3, "last\n"), (7, "las"), (20, ""), (4_000_000, "")] {
        let bytes = &whole[..whole.len() - cut];
        fs::write(file.path(), bytes).unwrap();
        let shared = as_far_as_possible(&Archive::open(file.path()).unwrap(), 3);
        let alone = as_far_as_possible(&Archive::read(bytes.to_vec()).unwrap(), 3);
        assert_eq!(shared, alone);
        assert_eq!(shared.1.is_none(), cut == 0, "{:?}", shared.1);
        assert_eq!(shared.0, last.as_bytes());
    }
}

/// Who reads one entry after the other reads each byte once: what was read is not walked over.
#[test]
fn a_file_without_offsets_is_read_once() {
    let bytes = long(false);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &bytes).unwrap();
    for (ids, most) in [(&[1, 2, 3][..], 110), (&[1, 2, 3, 2], 210), (&[3, 1, 2], 210)] {
        let count = Arc::new(AtomicU64::new(0));
        let sum = Arc::clone(&count);
        let options = OpenOptions::new().on_read(move |bytes| {
            sum.fetch_add(bytes, Ordering::Relaxed);
        });
        let archive = options.open(file.path()).unwrap();
        for id in ids {
            assert_eq!(as_far_as_possible(&archive, *id).1, None);
        }
        let percent = count.load(Ordering::Relaxed) * 100 / bytes.len() as u64;
        assert!(percent <= most, "{ids:?}: {percent} %");
    }
}

/// Of a block that is cut off, what there is can be read, with offsets and without.
#[test]
fn what_a_cut_block_holds_is_read() {
    let whole = long(false);
    let data = as_far_as_possible(&Archive::read(whole.clone()).unwrap(), 2).0;
    // First of all, and when the search for what follows it has failed.
    for (offsets, asked) in [(true, &[2][..]), (false, &[2]), (false, &[3, 2]), (false, &[1, 3, 2])]
    {
        let mut cut = long(offsets);
        cut.truncate(cut.len() - 4_000_000);
        let at = format!("in entry 2 TABLE DATA, at offset {}", cut.len());
        let archive = Archive::read(cut).unwrap();
        let answer = |id: &i32| as_far_as_possible(&archive, *id);
        let mut answers: Vec<_> = asked.iter().map(answer).collect();
        let (read, error) = answers.pop().unwrap();
        assert!(read.len() > 7_000_000 && data.starts_with(&read), "{}", read.len());
        let error = error.unwrap();
        assert!(error.ends_with(&at), "{error}");
        let mut blocks = archive.blocks().unwrap();
        assert_eq!(blocks.next().unwrap().unwrap().dump_id, DumpId(1));
        assert!(blocks.next().unwrap().is_err() && blocks.next().is_none());
    }
}

#[test]
fn large_objects_may_be_read_in_part() {
    for fixture in all() {
        let archive = open(&fixture);
        for entry in archive.entries().filter(TocEntry::has_data) {
            if !contents::has_objects(entry) {
                continue;
            }
            let Content::Objects(expected) = contents::content(&archive, entry).unwrap() else {
                panic!()
            };
            let mut objects = archive.large_objects(entry.dump_id()).unwrap();
            for (oid, data) in &expected {
                let mut object = objects.next_object().unwrap().unwrap();
                assert_eq!(object.oid().0, *oid);
                let mut start = vec![0; data.len().min(3)];
                object.read_exact(&mut start).unwrap();
                assert!(data.starts_with(&start));
            }
            assert!(objects.next_object().unwrap().is_none());
            assert!(objects.next_object().unwrap().is_none());
        }
    }
}

#[test]
fn threads_read_one_archive_at_once() {
    const THREADS: usize = 4;
    let watchdog = Watchdog::new("threads");
    for fixture in all() {
        watchdog.label(&fixture.name);
        let expected = read_all(&open(&fixture)).unwrap();
        let mut sources = vec![open(&fixture)];
        if !fixture.is_directory() {
            sources.push(Archive::read(fixture.bytes()).unwrap());
        }
        for archive in &sources {
            std::thread::scope(|scope| {
                for thread in 0..THREADS {
                    let expected = &expected;
                    scope.spawn(move || {
                        let entries: Vec<_> =
                            archive.entries().filter(TocEntry::has_data).collect();
                        // Each begins elsewhere, so that all are at different entries.
                        for n in 0..entries.len() {
                            let entry = entries[(n + thread * 3) % entries.len()];
                            let content = contents::content(archive, entry).unwrap();
                            assert!(content == expected[&entry.dump_id().0], "{}", entry.name());
                        }
                    });
                }
            });
        }
    }
}

/// A reader of one entry may be read in any steps, by `Read` and by `BufRead`.
#[test]
fn data_is_the_same_in_any_steps() {
    for fixture in all() {
        let archive = open(&fixture);
        for (id, content) in read_all(&archive).unwrap() {
            let Content::Data(expected) = content else { continue };
            let id = pgdmp::DumpId(id);
            for step in [1, 7, 4096, 1 << 20] {
                let mut data = archive.data(id).unwrap();
                let mut found = Vec::new();
                let mut buf = vec![0; step];
                loop {
                    match data.read(&mut buf).unwrap() {
                        0 => break,
                        n => found.extend_from_slice(&buf[..n]),
                    }
                }
                assert!(found == expected, "{} in steps of {step}", fixture.name);
                assert_eq!(data.read(&mut buf).unwrap(), 0, "{}: no end", fixture.name);
            }
            let mut data = archive.data(id).unwrap();
            let mut lines = Vec::new();
            while data.read_until(b'\n', &mut lines).unwrap() > 0 {}
            assert!(lines == expected, "{} by lines", fixture.name);
        }
    }
}

#[test]
fn blocks_and_sizes_agree() {
    for fixture in all() {
        let archive = open(&fixture);
        let name = &fixture.name;
        let blocks: Vec<_> = archive.blocks().unwrap().map(Result::unwrap).collect();
        assert_eq!(blocks.len(), fixture.data, "{name}");
        let sizes = archive.stored_sizes().unwrap();
        for entry in archive.entries() {
            assert_eq!(archive.stored_size(entry).unwrap(), sizes[entry.index()]);
        }
        for table in archive.tables() {
            let data = table.data().and_then(|data| sizes[data.index()]);
            assert_eq!(table.stored_size().unwrap(), data);
        }
        assert_eq!(sizes.len(), fixture.entries, "{name}");
        for block in &blocks {
            let entry = archive.entry(block.dump_id).unwrap();
            let is_objects = block.kind == pgdmp::BlockKind::LargeObjects;
            assert_eq!(is_objects, contents::has_objects(entry), "{name}");
            if archive.format() == Format::Custom {
                assert_eq!(sizes[entry.index()], Some(block.stored_len), "{name}");
                if let Some(DataOffset::At(offset)) = entry.data_offset() {
                    assert_eq!(block.offset, Some(offset), "{name}");
                }
            } else if !is_objects {
                assert_eq!(sizes[entry.index()], Some(block.stored_len), "{name}");
            }
        }
        for entry in archive.entries() {
            assert_eq!(sizes[entry.index()].is_some(), entry.has_data(), "{name}");
        }
        assert_eq!(
            archive.format() != Format::Directory,
            blocks.iter().all(|b| b.offset.is_some())
        );
        assert!(blocks.windows(2).all(|pair| pair[0].offset <= pair[1].offset), "{name}");
    }
}

/// What is stored is what other programs decompress to the data.
#[test]
fn stored_bytes_are_the_data_compressed() {
    use pgdmp::Algorithm;
    for fixture in all() {
        let archive = open(&fixture);
        let name = &fixture.name;
        for (id, content) in read_all(&archive).unwrap() {
            let id = pgdmp::DumpId(id);
            let Content::Data(expected) = content else {
                assert!(archive.stored(id).is_err(), "{name}: large objects have no one stream");
                continue;
            };
            let mut stored = archive.stored(id).unwrap();
            let algorithm = stored.algorithm();
            let mut bytes = Vec::new();
            stored.read_to_end(&mut bytes).unwrap();
            let mut data = Vec::new();
            match algorithm {
                Algorithm::None => data.clone_from(&bytes),
                Algorithm::Gzip if archive.format() == Format::Custom => {
                    flate2::bufread::ZlibDecoder::new(&bytes[..]).read_to_end(&mut data).unwrap();
                }
                Algorithm::Gzip => {
                    flate2::bufread::GzDecoder::new(&bytes[..]).read_to_end(&mut data).unwrap();
                }
                Algorithm::Lz4 => {
                    lz4_flex::frame::FrameDecoder::new(&bytes[..]).read_to_end(&mut data).unwrap();
                }
                Algorithm::Zstd => {
                    data.reserve(expected.len() + 1);
                    zstd_safe::decompress(&mut data, &bytes).unwrap();
                }
                other => panic!("{name}: {other}"),
            }
            assert!(data == expected, "{name}: {id}");
        }
    }
}

#[test]
fn asking_for_the_wrong_thing_is_an_error() {
    let archive = Archive::open(fixtures::root().join("pg18/mini-custom.dump")).unwrap();
    let table = archive.entries().find(|entry| entry.desc() == pgdmp::Desc::TABLE).unwrap();
    let blobs = archive.entries().find(|entry| entry.desc() == pgdmp::Desc::BLOBS).unwrap();
    let data = archive.entries().find(|entry| entry.desc() == pgdmp::Desc::TABLE_DATA).unwrap();
    for (error, text) in [
        (archive.data(table.dump_id()).unwrap_err(), "the entry has no data"),
        (archive.data(blobs.dump_id()).unwrap_err(), "large objects"),
        (archive.large_objects(data.dump_id()).unwrap_err(), "no large objects"),
        (archive.data(pgdmp::DumpId(123_456)).unwrap_err(), "entry 123456 not found"),
        (archive.data(pgdmp::DumpId(-1)).unwrap_err(), "entry -1 not found"),
    ] {
        assert!(error.to_string().contains(text), "{error}");
    }
    let error = Archive::open(fixtures::root().join("no such file")).unwrap_err();
    assert!(error.is_io() && error.path().is_some(), "{error}");
}

#[test]
fn public_types_cross_threads() {
    fn check<T: Send + Sync>() {}
    fn send<T: Send>() {}
    check::<Archive>();
    check::<pgdmp::Toc>();
    check::<pgdmp::Error>();
    check::<pgdmp::Selection>();
    send::<pgdmp::read::EntryData<'static>>();
    send::<pgdmp::read::LargeObjects>();
    send::<pgdmp::read::StoredData>();
    send::<ArchiveStream<std::fs::File>>();
}

/// One loop reads a file and a pipe: the same blocks in the same order, with the same data.
#[test]
fn a_pass_is_the_same_over_a_file_and_a_pipe() {
    for fixture in all() {
        let (name, archive) = (&fixture.name, open(&fixture));
        let blocks = contents::blocks(archive.pass()).unwrap();
        let all: Contents = blocks.iter().cloned().collect();
        assert_eq!(all, read_all(&archive).unwrap(), "{name}");
        assert_eq!(all.len(), blocks.len(), "{name}: a block came twice");
        let mut pass = archive.pass();
        while let Some(block) = pass.next_block().unwrap() {
            let entry = block.entry().unwrap();
            let objects = entry.desc() == Desc::BLOBS;
            assert_eq!(objects, block.kind() == pgdmp::BlockKind::LargeObjects, "{name}");
            assert_eq!(entry.dump_id(), block.dump_id(), "{name}");
        }
        if !fixture.is_directory() {
            let mut stream = ArchiveStream::new(std::io::Cursor::new(fixture.bytes())).unwrap();
            assert!(contents::blocks(stream.pass()).unwrap() == blocks, "{name}");
        }
    }
}

/// A reader is moved to a thread of its own, and read when the archive is gone.
#[test]
fn readers_own_what_they_need() {
    use std::io::Read;
    let mut moved = 0;
    for fixture in all() {
        let archive = std::sync::Arc::new(open(&fixture));
        let mut readers = Vec::new();
        for entry in archive.entries().filter(TocEntry::has_data) {
            let (id, name) = (entry.dump_id(), format!("{}: {}", fixture.name, entry.name()));
            if entry.desc() == Desc::BLOBS {
                let mut expected = Vec::new();
                let mut objects = archive.large_objects(id).unwrap();
                while let Some(mut object) = objects.next_object().unwrap() {
                    object.read_to_end(&mut expected).unwrap();
                }
                let mut objects = archive.large_objects(id).unwrap();
                let read = std::thread::Builder::new().spawn(move || {
                    let mut bytes = Vec::new();
                    while let Some(mut object) = objects.next_object().unwrap() {
                        object.read_to_end(&mut bytes).unwrap();
                    }
                    bytes
                });
                readers.push((name, expected, read.unwrap()));
            } else {
                let mut expected = Vec::new();
                archive.data(id).unwrap().read_to_end(&mut expected).unwrap();
                let (mut data, stored) = (archive.data(id).unwrap(), archive.stored(id).unwrap());
                let read = std::thread::Builder::new().spawn(move || {
                    drop(stored);
                    let mut bytes = Vec::new();
                    data.read_to_end(&mut bytes).unwrap();
                    bytes
                });
                readers.push((name, expected, read.unwrap()));
            }
        }
        drop(archive);
        for (name, expected, thread) in readers {
            assert!(thread.join().unwrap() == expected, "{name}");
            moved += 1;
        }
    }
    assert!(moved > 0);
}

/// Without statements everything but them is there, the selection is the same, and nothing that
/// needs them goes on without.
#[test]
fn names_alone() {
    let selections = [
        Selection::new(),
        Selection::new().schema_only(true),
        Selection::new().data_only(true).with_dependents(true),
    ];
    for fixture in all() {
        let name = &fixture.name;
        let whole = open(&fixture);
        let names = OpenOptions::new().statements(false).open(&fixture.path).unwrap();
        assert!(whole.toc().has_statements() && !names.toc().has_statements(), "{name}");
        assert_eq!(whole.entries().len(), names.entries().len(), "{name}");
        for (with, without) in whole.entries().zip(names.entries()) {
            let mut fields = with.fields();
            (fields.drop_stmt, fields.copy_stmt) = (None, None);
            // The entries about the session keep theirs: names are shown by it.
            if !with.desc().is_special() {
                fields.defn = None;
            }
            assert_eq!(without.fields(), fields, "{name}: {}", with.name());
        }
        for selection in &selections {
            let Ok(selected) = selection.apply(whole.toc()) else { continue };
            let without = selection.apply(names.toc()).unwrap();
            let decisions = |selected: &pgdmp::select::Selected<'_>| -> Vec<_> {
                selected.all().map(|(entry, decision)| (entry.dump_id(), decision)).collect()
            };
            assert_eq!(decisions(&selected), decisions(&without), "{name}");
        }
        assert!(names.toc().write_to(Vec::new()).is_err(), "{name}");
        assert!(pgdmp::Script::check(names.toc()).is_err(), "{name}");
        let target = pgdmp::Target::new();
        assert!(pgdmp::Conversion::new(&names, &target, None).is_err(), "{name}");
    }
}

/// Every cut of a table of contents leaves the entries before it, and says where it ends; what is
/// read of them is as in the whole archive.
#[test]
fn a_damaged_table_of_contents_gives_what_it_has() {
    use pgdmp::edit::Note;
    use pgdmp::finding::Severity;
    use pgdmp::{Conversion, OpenOptions, Target};
    let options = OpenOptions::new().damaged(true);
    for name in ["pg18/small-custom.dump", "pg17/small-custom.dump", "pg18/small-tar.tar"] {
        let bytes = std::fs::read(fixtures::root().join(name)).unwrap();
        let whole = options.read(bytes.clone()).unwrap();
        assert!(whole.damage().is_none(), "{name}");
        let mut toc = Vec::new();
        whole.toc().write_to(&mut toc).unwrap();
        let (mut most, mut start) = (0, 0);
        // Of a tar its own bytes are overwritten, of which the last names a file.
        if name.ends_with("tar") {
            start = bytes.windows(5).position(|window| window == pgdmp::toc::MAGIC).unwrap();
        }
        for at in (64..toc.len()).step_by(97) {
            let mut damaged = bytes.clone();
            let len = 40.min(toc.len() - at);
            damaged[start + at..][..len].fill(0xff);
            if Archive::read(damaged.clone()).is_ok() {
                // Within a text.
                continue;
            }
            let Ok(archive) = options.read(damaged.clone()) else {
                assert!(at < 300, "{name}, {at}");
                continue;
            };
            let damage = archive.damage().unwrap();
            let finding = pgdmp::finding::Finding::from(damage);
            assert_eq!(finding.severity, Severity::Error);
            assert!(finding.offset.is_some(), "{name}, {at}: {finding}");
            most = most.max(archive.entries().len());
            for (entry, original) in archive.entries().zip(whole.entries()) {
                if entry.fields() == original.fields() && entry.has_data() {
                    let read = |archive: &Archive| {
                        let mut block = archive.pass();
                        let mut found = Vec::new();
                        while let Ok(Some(mut block)) = block.next_block() {
                            if block.dump_id() == entry.dump_id()
                                && block.kind() == pgdmp::BlockKind::Data
                            {
                                block.data().unwrap().read_to_end(&mut found).unwrap();
                            }
                        }
                        found
                    };
                    assert!(read(&archive) == read(&whole), "{name}, {at}: {}", entry.name());
                }
            }
            // What is made of it is whole, and says what it is not.
            if let Ok(conversion) = Conversion::new(&archive, &Target::new(), None) {
                let told = |note: &Note| matches!(note, Note::Damaged { .. });
                assert!(conversion.notes().iter().any(told), "{name}, {at}");
            }
            let mut stream = options.stream(&damaged[..]).unwrap();
            assert!(archive.format() == Format::Tar || stream.next_block().is_err(), "{name}");
            assert_eq!(stream.damage().unwrap().to_string(), damage.to_string());
            assert_eq!(stream.toc().len(), archive.toc().len());
        }
        assert!(most > whole.entries().len() / 2, "{name}: {most}");
    }
}

/// What was looked at is read again: of a file, a directory, and a pipe.
#[test]
fn a_candidate_is_read_from_its_start() {
    use pgdmp::read::Candidate;
    for (name, directory) in
        [("pg18/small-custom.dump", false), ("pg18/small-tar.tar", false), ("pg18/small-dir", true)]
    {
        let path = fixtures::root().join(name);
        let expected = Archive::open(&path).unwrap().toc().len();
        for looked in [0, 5, 512, 100_000] {
            let mut candidate = Candidate::at(&path).unwrap();
            assert_eq!((candidate.is_directory(), candidate.is_pipe()), (directory, false));
            assert_eq!(candidate.start(looked).is_err(), directory && looked > 0, "{name}");
            if !directory {
                let len = std::fs::read(&path).unwrap().len();
                assert_eq!(candidate.start(looked).unwrap().len(), looked.min(len), "{name}");
                let mut again = Candidate::at(&path).unwrap();
                again.start(looked).unwrap();
                let input = again.stream(&OpenOptions::new()).unwrap();
                assert!(matches!(input, pgdmp::Input::Stream(_)), "{name}");
                assert_eq!(input.toc().len(), expected, "{name}");
            }
            let input = candidate.open(&OpenOptions::new()).unwrap();
            assert_eq!(input.toc().len(), expected, "{name}");
        }
    }
    assert!(Candidate::at("no such file").is_err());
}
