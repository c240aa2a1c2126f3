//! What is wrong with data is found when it is moved into another archive, and told when it is read.

use std::io::Cursor;

use pgdmp::{
    Algorithm, Archive, ArchiveStream, ArchiveVersion, Conversion, DataOffset, Desc, DumpId,
    EntryFields, Format, Merge, Note, RestrictKey, Script, Section, Selection, SplitBy,
    StreamConversion, Target,
};

use pgdmp::script::{Outcome, Restore, Sink, Step};
use pgdmp_testkit::build::{self, Block, full_entry};
use pgdmp_testkit::contents::{Content, Contents, read_all, stream_all};

/// `build::small()`, whose offsets of two entries with data say that there is none.
fn denied() -> Vec<u8> {
    let mut bytes = build::small();
    let archive = Archive::read(bytes.clone()).unwrap();
    for entry in archive.entries().filter(|entry| entry.has_data()) {
        let Some(DataOffset::At(at)) = entry.data_offset() else { panic!("no offset") };
        let old = [&[2][..], &at.to_le_bytes()].concat();
        let place = bytes.windows(9).position(|window| window == old).unwrap();
        bytes[place..place + 9].copy_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    bytes
}

/// Everywhere it can go: other formats and compressions, a part of it, and as it is.
fn targets() -> Vec<Target> {
    let mut targets = vec![Target::new()];
    for format in [Format::Custom, Format::Tar] {
        let mut target = Target::new();
        target.format(format);
        targets.push(target.clone());
        if format == Format::Custom {
            targets.push(target.compression(Algorithm::Gzip, Some(1)).clone());
        }
    }
    targets
}

fn converted(archive: &Archive, target: &Target) -> pgdmp::Result<Archive> {
    let conversion = Conversion::new(archive, target, None)?;
    Archive::read(conversion.write(Cursor::new(Vec::new()))?.into_inner())
}

fn streamed(bytes: &[u8], target: &Target) -> pgdmp::Result<Archive> {
    let mut stream = ArchiveStream::new(bytes)?;
    let conversion = StreamConversion::new(&stream, target, None)?;
    Archive::read(conversion.write(&mut stream, Cursor::new(Vec::new()))?.into_inner())
}

fn script(archive: &Archive) -> pgdmp::Result<Vec<u8>> {
    let selected = Selection::default().apply(archive.toc())?;
    let mut out = Vec::new();
    Script::new(RestrictKey::new("key")?).write(archive, &selected, &mut out)?;
    Ok(out)
}

/// The warnings of a restore.
#[derive(Default)]
struct Heard(Vec<String>);

impl Sink for Heard {
    fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
        match step {
            Step::Event(event) if event.is_warning() => {
                self.0.push(String::from_utf8(event.message()).unwrap());
            }
            _ => {}
        }
        Ok(Outcome::Done)
    }
}

fn warnings(archive: &Archive) -> Vec<String> {
    let selected = Selection::default().apply(archive.toc()).unwrap();
    let mut heard = Heard::default();
    Restore::new().run(archive, &selected, &mut heard).unwrap();
    heard.0
}

fn script_of_stream(bytes: &[u8]) -> pgdmp::Result<Vec<u8>> {
    let mut stream = ArchiveStream::new(bytes)?;
    let toc = stream.shared_toc();
    let selected = Selection::default().apply(&toc)?;
    let mut out = Vec::new();
    Script::new(RestrictKey::new("key")?).write_stream(&mut stream, &selected, &mut out)?;
    Ok(out)
}

/// Rows were left out by convert, split and merge, and in restores from a pipe.
#[test]
fn an_offset_that_denies_data_is_not_believed() {
    let (bytes, honest) = (denied(), build::small());
    let expected = read_all(&Archive::read(honest.clone()).unwrap()).unwrap();
    assert_eq!(expected.len(), 2);
    let archive = Archive::read(bytes.clone()).unwrap();
    assert_eq!(read_all(&archive).unwrap(), expected);
    assert_eq!(stream_all(&bytes[..]).unwrap(), expected);
    let sizes = archive.stored_sizes().unwrap();
    assert_eq!(sizes, Archive::read(honest.clone()).unwrap().stored_sizes().unwrap());
    let honest = Archive::read(honest).unwrap();
    assert_eq!(script(&archive).unwrap(), script(&honest).unwrap());
    for target in targets() {
        for new in [converted(&archive, &target), streamed(&bytes, &target)] {
            let new = new.unwrap();
            assert_eq!(read_all(&new).unwrap(), expected);
            // The new archive says where its data is.
            let denies =
                |entry: pgdmp::TocEntry<'_>| entry.data_offset() == Some(DataOffset::NoData);
            assert!(!new.entries().any(|entry| entry.has_data() && denies(entry)));
        }
    }
    let mut parts = Contents::new();
    for part in pgdmp::split(archive.toc(), SplitBy::Table) {
        let part = Conversion::of_part(&archive, &Target::new(), &part).unwrap();
        let part = part.write(Cursor::new(Vec::new())).unwrap().into_inner();
        parts.extend(read_all(&Archive::read(part).unwrap()).unwrap());
    }
    assert_eq!(parts, expected);
    let other = build::custom(build::header(ArchiveVersion::NEWEST, Format::Custom), &[], true);
    let other = Archive::read(other).unwrap();
    let merge = Merge::new(&[&archive, &other], &Target::new()).unwrap();
    let merged = merge.write(Cursor::new(Vec::new())).unwrap().into_inner();
    let merged = read_all(&Archive::read(merged).unwrap()).unwrap();
    assert!(merged.values().eq(expected.values()));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(pgdmp::reindex(&path).unwrap().written, 2);
    assert!(std::fs::read(&path).unwrap() == build::small());
}

/// Where there is no block, the entry has no data, which is said; a cut archive is not taken for
/// one that has none.
#[test]
fn denied_data_that_is_not_there() {
    let bytes = denied();
    let archive = Archive::read(bytes.clone()).unwrap();
    let starts: Vec<usize> =
        archive.blocks().unwrap().map(|block| block.unwrap().offset.unwrap() as usize).collect();
    let without = &bytes[..starts[1]];
    let archive = Archive::read(without.to_vec()).unwrap();
    // As pg_restore, but that is told.
    assert!(script_of_stream(without).unwrap() == script(&archive).unwrap());
    let lost = "the data is not in the archive, in entry 4 BLOBS 17..3000000000";
    assert_eq!(warnings(&archive), [lost]);
    for target in &targets()[..3] {
        let conversion = Conversion::new(&archive, target, None).unwrap();
        let [Note::LostData { entry }] = conversion.notes() else {
            panic!("{:?}", conversion.notes())
        };
        assert_eq!(entry.dump_id, 4);
        let new = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
        let new = Archive::read(new).unwrap();
        assert_eq!(read_all(&new).unwrap().len(), 1);
        let error = streamed(without, target).unwrap_err();
        assert_eq!(error.entry().unwrap().dump_id, 4, "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    std::fs::write(&path, without).unwrap();
    assert_eq!(pgdmp::reindex(&path).unwrap().written, 1);
    for cut in [starts[0] + 1, starts[0] + 12, starts[1] + 1, starts[1] + 12] {
        let archive = Archive::read(bytes[..cut].to_vec()).unwrap();
        for target in targets() {
            let error = converted(&archive, &target).unwrap_err();
            assert!(error.is_truncated(), "{cut}: {error}");
            assert!(streamed(&bytes[..cut], &target).is_err());
        }
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(pgdmp::reindex(&path).is_err());
        assert!(std::fs::read(&path).unwrap() == bytes[..cut]);
    }
}

/// The same of an entry that says it had no dumper: its data comes through a pipe, and is not left
/// out.
#[test]
fn data_of_an_entry_that_says_it_has_none() {
    let data = EntryFields { tag: Some(b"t"), had_dumper: false, ..full_entry() };
    let rows = Block::Data(&[b"1\n\\.\n\n\n"]);
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let bytes = build::custom(header, &[(data, Some(rows))], false);
    let error = streamed(&bytes, &Target::new()).unwrap_err();
    assert_eq!(error.entry().unwrap().dump_id, 3, "{error}");
}

/// An entry of a directory or tar that names no file for its data.
#[test]
fn data_in_a_file_that_is_not_named() {
    let data = EntryFields { tag: Some(b"t"), file_name: b"", ..full_entry() };
    let objects = EntryFields {
        had_dumper: true,
        tag: Some(b"17"),
        ..EntryFields::new(DumpId(4), Desc::BLOBS, Section::Data)
    };
    let toc = build::toc_dat(ArchiveVersion::NEWEST, &[data, objects]);
    let rows = b"1\n\\.\n\n\n";
    let members = [
        ("toc.dat", &toc[..]),
        ("3.dat", rows),
        ("blob_17.dat", b"seventeen"),
        ("blobs_4.toc", b"17 blob_17.dat\n"),
    ];
    let expected = Contents::from([
        (3, Content::Data(rows.to_vec())),
        (4, Content::Objects(vec![(17, b"seventeen".to_vec())])),
    ]);
    let owned =
        |n: usize| members[..n].iter().map(|(name, data)| ((*name).to_owned(), data.to_vec()));
    let folder = pgdmp::OpenOptions::new().read_members(owned(4)).unwrap();
    assert_eq!(read_all(&folder).unwrap(), expected);
    assert_eq!(read_all(&converted(&folder, &targets()[1]).unwrap()).unwrap(), expected);
    let tar = build::tar(members);
    assert_eq!(read_all(&Archive::read(tar.clone()).unwrap()).unwrap(), expected);
    assert_eq!(stream_all(&tar[..]).unwrap(), expected);
    for n in [1, 2, 3] {
        let folder = pgdmp::OpenOptions::new().read_members(owned(n)).unwrap();
        assert!(converted(&folder, &targets()[1]).is_err());
    }
}

/// Each entry's data was that of the last entry with its dump id.
#[test]
fn entries_with_one_dump_id_have_their_own_data() {
    let first = EntryFields { tag: Some(b"first"), ..full_entry() };
    let second = EntryFields { tag: Some(b"second"), ..full_entry() };
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let rows = [&b"1\n\\.\n\n\n"[..], b"2\n\\.\n\n\n"];
    let bytes = build::custom(
        header,
        &[(first, Some(Block::Data(&[rows[0]]))), (second, Some(Block::Data(&[rows[1]])))],
        true,
    );
    let archive = Archive::read(bytes).unwrap();
    let text = String::from_utf8(script(&archive).unwrap()).unwrap();
    let mut places = rows.iter().map(|rows| text.find(std::str::from_utf8(rows).unwrap()));
    assert!(places.next().unwrap().unwrap() < places.next().unwrap().unwrap(), "{text}");
    // No new archive can have both, and a part may not have the other one's.
    assert!(archive.data(DumpId(3)).is_err());
    for target in &targets()[2..] {
        assert!(converted(&archive, target).is_err());
    }
    let tables = vec![pgdmp::NamePattern::exact("first")];
    let selected = Selection { tables, ..Selection::default() }.apply(archive.toc()).unwrap();
    let part = Conversion::new(&archive, &Target::new(), Some(&selected)).unwrap();
    assert!(part.write(Cursor::new(Vec::new())).is_err());
}
