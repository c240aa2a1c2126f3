//! What is wrong with data is found when it is moved into another archive, and told when it is read.

use std::io::Cursor;

use pgdmp::edit::{Merge, Note, SplitBy};
use pgdmp::toc::{ArchiveVersion, DataOffset, EntryFields, Section};
use pgdmp::{
    Algorithm, Archive, ArchiveStream, Conversion, Desc, DumpId, Format, OpenOptions, RestrictKey,
    Script, Selection, Target,
};

use pgdmp::script::{Outcome, Restore, Sink, Step};
use pgdmp_testkit::build::{self, Block, full_entry};
use pgdmp_testkit::contents::{Content, Contents, read_all, stream_all};
use pgdmp_testkit::fixtures;

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
        let target = Target::new().format(format);
        targets.push(target.clone());
        if format == Format::Custom {
            targets.push(target.compression(Algorithm::Gzip, Some(1)));
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
    let conversion = Conversion::of_pass(stream.pass(), target, None)?;
    Archive::read(conversion.write(Cursor::new(Vec::new()))?.into_inner())
}

fn script(archive: &Archive) -> pgdmp::Result<Vec<u8>> {
    let selected = Selection::new().apply(archive.toc())?;
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
    let selected = Selection::new().apply(archive.toc()).unwrap();
    let mut heard = Heard::default();
    Restore::new().run(archive, &selected, &mut heard).unwrap();
    heard.0
}

fn script_of_stream(bytes: &[u8]) -> pgdmp::Result<Vec<u8>> {
    let mut stream = ArchiveStream::new(bytes)?;
    let toc = stream.shared_toc();
    let selected = Selection::new().apply(&toc)?;
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
    for part in pgdmp::edit::parts(archive.toc(), SplitBy::Table) {
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
    assert_eq!(pgdmp::edit::reindex(&path).unwrap().written, 2);
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
    assert_eq!(pgdmp::edit::reindex(&path).unwrap().written, 1);
    for cut in [starts[0] + 1, starts[0] + 12, starts[1] + 1, starts[1] + 12] {
        let archive = Archive::read(bytes[..cut].to_vec()).unwrap();
        for target in targets() {
            let error = converted(&archive, &target).unwrap_err();
            assert!(error.is_truncated(), "{cut}: {error}");
            assert!(streamed(&bytes[..cut], &target).is_err());
        }
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(pgdmp::edit::reindex(&path).is_err());
        assert!(std::fs::read(&path).unwrap() == bytes[..cut]);
    }
}

/// The same of an entry that says it had no dumper: its data comes through a pipe, and is not left
/// out.
#[test]
fn data_of_an_entry_that_says_it_has_none() {
    let data = full_entry().tag(b"t").had_dumper(false);
    let rows = Block::Data(&[b"1\n\\.\n\n\n"]);
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let bytes = build::custom(header, &[(data, Some(rows))], false);
    let error = streamed(&bytes, &Target::new()).unwrap_err();
    assert_eq!(error.entry().unwrap().dump_id, 3, "{error}");
}

/// An entry of a directory or tar that names no file for its data.
#[test]
fn data_in_a_file_that_is_not_named() {
    let data = full_entry().tag(b"t").file_name(b"");
    let objects =
        EntryFields::new(DumpId(4), Desc::BLOBS, Section::Data).had_dumper(true).tag(b"17");
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
    let first = full_entry().tag(b"first");
    let second = full_entry().tag(b"second");
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
    let selection = Selection::new().table(pgdmp::select::NamePattern::exact("first"));
    let selected = selection.apply(archive.toc()).unwrap();
    let part = Conversion::new(&archive, &Target::new(), Some(&selected)).unwrap();
    assert!(part.write(Cursor::new(Vec::new())).is_err());
}

/// A folder's files.
type Members = Vec<(String, Vec<u8>)>;

fn folder(name: &str) -> Members {
    fixtures::members(&fixtures::root().join(name))
}

fn opened(members: &Members) -> Archive {
    OpenOptions::new().read_members(members.clone()).unwrap()
}

/// Every way in which the data of an archive gets into another one, in the same compression.
fn moves(archive: &Archive) -> Vec<(&'static str, pgdmp::Result<()>)> {
    let disk = tempfile::tempdir().unwrap();
    let to = |name: &str| disk.path().join(name);
    let folder_target = Target::new().format(Format::Directory);
    let convert = |target: &Target| Conversion::new(archive, target, None);
    let mut results = vec![
        ("copy", convert(&Target::new()).and_then(|all| all.create(to("copy")))),
        ("to a folder", convert(&folder_target).and_then(|all| all.create(to("folder")))),
        ("to custom", converted(archive, &targets()[1]).map(drop)),
        ("split", {
            let parts = pgdmp::edit::parts(archive.toc(), SplitBy::Table);
            parts.iter().enumerate().try_for_each(|(n, part)| {
                let part = Conversion::of_part(archive, &Target::new(), part)?;
                part.create(to(&format!("part {n}")))
            })
        }),
        ("merge", {
            let other = build::header(ArchiveVersion::NEWEST, Format::Custom);
            let other = Archive::read(build::custom(other, &[], true)).unwrap();
            Merge::new(&[archive, &other], &Target::new())
                .and_then(|merge| merge.create(to("merge")))
        }),
    ];
    if archive.format() != Format::Directory {
        let bytes = convert(&Target::new()).and_then(|all| all.write_pipe(Vec::new()));
        results.push(("pipe", bytes.map(drop)));
    }
    results
}

/// Nothing of it is moved without an error.
fn assert_refused(what: &str, archive: &Archive, expected: &str) {
    for (how, result) in moves(archive) {
        match result {
            Ok(()) => panic!("{what}: {how}"),
            Err(error) => assert!(error.to_string().contains(expected), "{what}, {how}: {error}"),
        }
    }
}

fn assert_moved(what: &str, archive: &Archive) {
    for (how, result) in moves(archive) {
        assert!(result.is_ok(), "{what}, {how}: {}", result.unwrap_err());
    }
}

/// Where nothing changes a file was copied without a look at it, cut or not.
#[test]
fn a_cut_archive_is_no_whole_one() {
    for name in [
        "pg18/small-custom.dump",
        "pg18/small-none.dump",
        "pg18/small-zstd.dump",
        "pg17/small-redirected.dump",
        "pg15/mini-pipe.dump",
        "pg18/small-tar.tar",
    ] {
        let bytes = fixtures::bytes(&fixtures::root().join(name));
        let whole = Archive::read(bytes.clone()).unwrap();
        whole.check_length().unwrap();
        let read = read_all(&whole).unwrap();
        // A second table of contents at the end is no data.
        let last = bytes.len().saturating_sub(20)..bytes.len();
        for cut in (bytes.len() / 3..bytes.len()).step_by(bytes.len() / 90).chain(last) {
            let Ok(archive) = Archive::read(bytes[..cut].to_vec()) else { continue };
            let is_whole = read_all(&archive).is_ok_and(|found| found == read);
            let length = archive.check_length();
            let copy = converted(&archive, &Target::new());
            let target = Target::new().format(archive.format());
            assert_eq!(converted(&archive, &target).is_ok(), copy.is_ok());
            if name.ends_with(".tar") {
                // What pg_restore does not read may not be missing, but some of the zeros at the
                // end.
                let is_whole = cut + 512 >= bytes.len();
                assert_eq!(length.is_ok(), is_whole, "{name} {cut}: {length:?}");
                assert_eq!(copy.is_ok(), is_whole, "{name} {cut}");
            } else {
                assert_eq!(copy.is_ok(), is_whole, "{name} {cut}");
                assert_eq!(length.is_ok(), is_whole, "{name} {cut}: {length:?}");
            }
            // Sizes are of what is there.
            let sizes = archive.stored_sizes().unwrap();
            assert!(sizes.iter().flatten().sum::<u64>() <= cut as u64, "{name} {cut}");
            let path = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(path.path(), &bytes[..cut]).unwrap();
            if archive.format() == Format::Custom {
                assert_eq!(pgdmp::edit::reindex(path.path()).is_ok(), is_whole, "{name} {cut}");
            }
        }
    }
}

/// Blocks that are in the way of those that the offsets lead to, or behind them, are no matter; but
/// data must be there once.
#[test]
fn copies_have_each_entrys_data_once() {
    let version = ArchiveVersion::NEWEST;
    let rows = [&b"1\n\\.\n\n\n"[..]];
    let data = full_entry().tag(b"t");
    let header = || build::header(version, Format::Custom);
    let made = |offsets| build::custom(header(), &[(data, Some(Block::Data(&rows)))], offsets);
    let unknown = build::block(version, 77, &Block::Data(&rows));
    let block = build::block(version, 3, &Block::Data(&rows));
    for offsets in [true, false] {
        let bytes = made(offsets);
        let at = bytes.len() - block.len();
        let copied = |bytes: &[u8]| {
            let archive = Archive::read(bytes.to_vec()).unwrap();
            let conversion = Conversion::new(&archive, &Target::new(), None).unwrap();
            let copy = conversion.write(Cursor::new(Vec::new()));
            assert!(copy.as_ref().map_or(true, |copy| copy.get_ref() == bytes));
            copy.map(drop)
        };
        copied(&bytes).unwrap();
        for behind in [&b"junk"[..], &[0; 700], &unknown, &block] {
            copied(&[&bytes[..], behind].concat()).unwrap();
        }
        if !offsets {
            let before = [&bytes[..at], &unknown, &bytes[at..]].concat();
            copied(&before).unwrap();
        }
        // The first block of an entry is not the one that its offset leads to.
        if offsets {
            let old = [&[2][..], &(at as u64).to_le_bytes()].concat();
            let new = [&[2][..], &((at + block.len()) as u64).to_le_bytes()].concat();
            let place = bytes.windows(9).position(|window| window == old).unwrap();
            let mut twice = [&bytes[..], &block].concat();
            twice[place..place + 9].copy_from_slice(&new);
            assert!(copied(&twice).is_err());
        }
    }
    let objects = EntryFields::new(DumpId(3), Desc::BLOBS, Section::Data).had_dumper(true).tag(b"");
    let wrong = build::custom(header(), &[(objects, Some(Block::Objects(&[])))], false);
    let at = wrong.len() - build::block(version, 3, &Block::Objects(&[])).len();
    let wrong = [&wrong[..at], &block].concat();
    assert_refused("another kind", &Archive::read(wrong).unwrap(), "the data of a table");
}

/// A member that was cut off was moved as it is, and so was one of which nothing is left, which
/// became a good empty one.
#[test]
fn cut_members_are_not_moved() {
    for (name, suffix) in [
        ("pg18/small-dir", ".gz"),
        ("pg18/small-dir-lz4", ".lz4"),
        ("pg18/small-dir-zstd", ".zst"),
        ("pg18/small-dir-none", ".dat"),
    ] {
        let members = folder(name);
        assert_moved(name, &opened(&members));
        for (n, (file, bytes)) in members.iter().enumerate() {
            let data = file.ends_with(suffix) && file != "toc.dat";
            let object = file.starts_with("blob_");
            // Of an uncompressed large object nothing shows where it ends.
            if !data || (object && suffix == ".dat") {
                continue;
            }
            for cut in [0, 1, bytes.len() / 3, bytes.len() / 2, bytes.len().max(1) - 1] {
                // Of the empty lines behind rows some may be missing.
                if suffix == ".dat" && cut + 4 > bytes.len() {
                    continue;
                }
                // An empty large object is stored so.
                if cut >= bytes.len() || (cut == 0 && object && suffix != ".gz") {
                    continue;
                }
                let mut members = members.clone();
                members[n].1.truncate(cut);
                let what = format!("{name}/{file}, cut to {cut}");
                let expected = if suffix == ".dat" { "end marker" } else { "unexpected end" };
                assert_refused(&what, &opened(&members), expected);
            }
        }
    }
}

/// What does not show from outside: only decompressing finds it.
#[test]
fn checks_find_damage_inside() {
    let mut rows: Vec<u8> = (0..20_000_u64)
        .flat_map(|n| format!("{n}\t{}\n", n * n * n % 99_991).into_bytes())
        .collect();
    rows.extend_from_slice(b"\\.\n\n\n");
    let data = full_entry().tag(b"t");
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let plain = build::custom(header, &[(data, Some(Block::Data(&[&rows])))], true);
    let plain = Archive::read(plain).unwrap();
    let disk = tempfile::tempdir().unwrap();
    for algorithm in [Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd] {
        let to = |name: &str| disk.path().join(format!("{algorithm} {name}"));
        let target =
            |format, check| Target::new().format(format).compression(algorithm, None).check(check);
        let convert = |archive: &Archive, format, check, name: &str| {
            let _ = std::fs::remove_dir_all(to(name)).or_else(|_| std::fs::remove_file(to(name)));
            let conversion = Conversion::new(archive, &target(format, check), None)?;
            conversion.create(to(name))?;
            Archive::open(to(name))
        };
        for format in [Format::Directory, Format::Custom] {
            let good = convert(&plain, format, false, "good").unwrap();
            let copy = convert(&good, format, true, "copy").unwrap();
            assert_eq!(read_all(&copy).unwrap(), read_all(&plain).unwrap());
            // Where it is damaged in the middle, and moved all the same.
            let path = match format {
                Format::Directory => {
                    let mut files = std::fs::read_dir(to("good")).unwrap();
                    let data = files.find(|file| {
                        file.as_ref().unwrap().file_name().to_str().unwrap().starts_with("3.dat")
                    });
                    data.unwrap().unwrap().path()
                }
                _ => to("good"),
            };
            let bytes = std::fs::read(&path).unwrap();
            let damaged = (bytes.len() / 2..bytes.len() - 100).step_by(997).find_map(|at| {
                let mut bytes = bytes.clone();
                bytes[at..at + 40].fill(0xff);
                std::fs::write(&path, &bytes).unwrap();
                let archive = Archive::open(to("good")).unwrap();
                let moved = convert(&archive, format, false, "moved").is_ok();
                (moved && read_all(&archive).is_err()).then_some(archive)
            });
            let damaged = damaged.unwrap_or_else(|| panic!("{algorithm} {format}"));
            for to_format in [Format::Directory, Format::Custom] {
                let error = convert(&damaged, to_format, true, "checked").unwrap_err();
                assert_eq!(error.entry().unwrap().dump_id, 3, "{error}");
                assert_eq!(error.member().is_some(), format == Format::Directory, "{error}");
            }
            if format == Format::Custom {
                let bytes = std::fs::read(&path).unwrap();
                assert!(streamed(&bytes, &target(format, false)).is_ok());
                assert!(streamed(&bytes, &target(format, true)).is_err());
                let conversion = Conversion::new(&damaged, &target(format, true), None).unwrap();
                assert!(conversion.write_pipe(Vec::new()).is_err());
            }
        }
    }
}

/// Rows without the line that ends them are half of the rows, as far as anybody knows.
#[test]
fn rows_without_their_end() {
    let rows = [&b"1\tone\n"[..], b"2\ttwo\n"];
    let data = full_entry().tag(b"t");
    let header = || build::header(ArchiveVersion::NEWEST, Format::Custom);
    for offsets in [true, false] {
        let bytes = build::custom(header(), &[(data, Some(Block::Data(&rows)))], offsets);
        let archive = Archive::read(bytes.clone()).unwrap();
        assert_refused("no end", &archive, "without its end marker");
        for target in targets() {
            let error = streamed(&bytes, &target).unwrap_err();
            assert!(error.to_string().contains("without its end marker"), "{error}");
        }
        // pg_restore takes them for all.
        let warnings = warnings(&archive);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("the data ends without its end marker \\., in entry 3"));
        let text = String::from_utf8(script(&archive).unwrap()).unwrap();
        assert!(text.contains("FROM stdin;\n1\tone\n2\ttwo\n"));
        assert_eq!(script_of_stream(&bytes).unwrap(), text.as_bytes());
    }
    // INSERT commands end as they like.
    let mut inserts = data;
    inserts.copy_stmt = None;
    let commands = [&b"INSERT INTO t VALUES (1);\n"[..]];
    let bytes = build::custom(header(), &[(inserts, Some(Block::Data(&commands)))], true);
    assert_moved("inserts", &Archive::read(bytes).unwrap());
}

/// Large objects that the table of contents has and the data has not became empty ones.
#[test]
fn missing_large_objects() {
    // From 1.16 on groups list them; before each has an entry.
    for name in ["pg18/small-dir-none", "pg15/small-dir", "pg18/small-dir-zstd"] {
        let members = folder(name);
        for (n, (file, bytes)) in members.iter().enumerate() {
            if !file.starts_with("blobs") {
                continue;
            }
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
            for kept in 0..lines {
                let mut members = members.clone();
                let kept: Vec<_> =
                    bytes.split_inclusive(|byte| *byte == b'\n').take(kept).collect();
                members[n].1 = kept.concat();
                let archive = opened(&members);
                let expected = "in the table of contents, but not in the data";
                assert_refused(&format!("{name}/{file}"), &archive, expected);
                assert!(read_all(&archive).is_err());
                let warnings = warnings(&archive);
                assert!(warnings.len() == 1 && warnings[0].contains(expected), "{warnings:?}");
            }
        }
    }
    let version = ArchiveVersion::NEWEST;
    let group = EntryFields::new(DumpId(2), Desc::BLOB_METADATA, Section::Data)
        .tag(b"17..19")
        .defn(b"17\n18\n19\n");
    let objects = EntryFields::new(DumpId(3), Desc::BLOBS, Section::Data)
        .had_dumper(true)
        .tag(b"17..19")
        .dependencies(&[DumpId(2)]);
    let x = &b"x"[..];
    for (oids, good) in [
        (&[17, 18, 19][..], true),
        (&[17, 18, 19, 20], false),
        (&[17, 19], false),
        (&[], false),
        (&[17, 18, 19, 18], false),
    ] {
        let data: Vec<(u32, &[u8])> = oids.iter().map(|oid| (*oid, x)).collect();
        let header = build::header(version, Format::Custom);
        let entries = [(group, None), (objects, Some(Block::Objects(&data)))];
        let bytes = build::custom(header, &entries, true);
        let archive = Archive::read(bytes.clone()).unwrap();
        match good {
            true => assert_moved("good", &archive),
            // One that comes twice is no file of a folder, either.
            false => assert!(moves(&archive).iter().all(|(_, result)| result.is_err())),
        }
        assert_eq!(streamed(&bytes, &Target::new()).is_ok(), good);
        assert_eq!(read_all(&archive).is_ok() && stream_all(&bytes[..]).is_ok(), good);
        // pg_restore does not look.
        assert_eq!(warnings(&archive).len(), usize::from(!good));
        assert_eq!(script(&archive).unwrap(), script_of_stream(&bytes).unwrap());
    }
}

/// A zstd frame, with each of some thousand rows as it is.
fn frame(rows: std::ops::Range<u32>, last: bool) -> (Vec<u8>, Vec<u8>) {
    let mut plain: Vec<u8> = rows.flat_map(|n| format!("{n}\trow\n").into_bytes()).collect();
    if last {
        plain.extend_from_slice(b"\\.\n\n\n");
    }
    (build::zstd_frame(&plain), plain)
}

/// The chunks of the one block of an archive.
fn chunks(archive: &[u8]) -> Vec<Vec<u8>> {
    let block = Archive::read(archive.to_vec()).unwrap().blocks().unwrap().next().unwrap();
    let mut rest = &archive[block.unwrap().offset.unwrap() as usize + 6..];
    let mut chunks = Vec::new();
    loop {
        let len = u32::from_le_bytes(rest[1..5].try_into().unwrap()) as usize;
        if len == 0 {
            return chunks;
        }
        chunks.push(rest[5..5 + len].to_vec());
        rest = &rest[5 + len..];
    }
}

/// Whether a chunk has a frame that does not begin it, where all frames are as `frame` makes them.
fn has_frame_within(chunk: &[u8]) -> bool {
    chunk.windows(4).skip(1).any(|window| window == [0x28, 0xb5, 0x2f, 0xfd])
}

fn zstd_header() -> pgdmp::toc::Header {
    let mut header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    header.compression.algorithm = Algorithm::Zstd;
    header
}

/// pg_restore drops what follows the first zstd frame in a chunk. Files of several frames, as pzstd
/// and cat make them, were cut into chunks without regard to that.
#[test]
fn zstd_frames_begin_chunks() {
    let toc = build::toc_dat(ArchiveVersion::NEWEST, &[full_entry().tag(b"t")]);
    let frames = [frame(0..40, false), frame(40..6000, false), frame(6000..6001, true)];
    let plain: Vec<u8> = frames.iter().flat_map(|(_, plain)| plain.clone()).collect();
    let stored: Vec<Vec<u8>> = frames.iter().map(|(stored, _)| stored.clone()).collect();
    for (what, stored) in [
        ("frames", stored.concat()),
        ("a skippable frame first", [build::zstd_skippable(b"pzstd"), stored.concat()].concat()),
        (
            "skippable frames",
            [
                &stored[0][..],
                &build::zstd_skippable(&[7; 200_000]),
                &stored[1],
                &stored[2],
                &build::zstd_skippable(b""),
            ]
            .concat(),
        ),
        ("padded", [&stored.concat()[..], &[0; 512]].concat()),
    ] {
        let members =
            vec![("toc.dat".to_owned(), toc.clone()), ("3.dat.zst".to_owned(), stored.clone())];
        let archive = opened(&members);
        let target = Target::new().compression(Algorithm::Zstd, None);
        for check in [false, true] {
            let target = target.clone().format(Format::Custom).check(check).clone();
            let conversion = Conversion::new(&archive, &target, None).unwrap();
            let bytes = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
            assert!(!chunks(&bytes).iter().any(|chunk| has_frame_within(chunk)), "{what}");
            let custom = Archive::read(bytes.clone()).unwrap();
            let expected = Contents::from([(3, Content::Data(plain.clone()))]);
            assert_eq!(read_all(&custom).unwrap(), expected, "{what}");
            assert!(warnings(&custom).is_empty());
            // Moved on, chunks stay as they are, or are made anew by the same rule.
            for again in [converted(&custom, &Target::new()), streamed(&bytes, &Target::new())] {
                assert_eq!(read_all(&again.unwrap()).unwrap(), expected, "{what}");
            }
        }
    }
}

/// An archive that has two frames in a chunk loses the second in pg_restore, which is told; from
/// here on it does not.
#[test]
fn zstd_frames_within_chunks_are_told() {
    let frames = [frame(0..40, false), frame(40..90, true)];
    let stored = [&frames[0].0[..], &frames[1].0].concat();
    let data = full_entry().tag(b"t");
    let other = full_entry().dump_id(DumpId(5)).tag(b"other");
    let marker = frame(0..1, true).0;
    let marker = [&marker[..]];
    let half = &stored[..frames[0].0.len() + 20];
    for (what, cut, told) in [
        ("two in one", vec![&stored[..]], true),
        ("one within", vec![half, &stored[half.len()..]], true),
        ("each its own", vec![&frames[0].0[..], &frames[1].0], false),
    ] {
        let entries = [(data, Some(Block::Data(&cut))), (other, Some(Block::Data(&marker)))];
        let bytes = build::custom(zstd_header(), &entries, true);
        let archive = Archive::read(bytes.clone()).unwrap();
        let heard = warnings(&archive);
        assert_eq!(heard.len(), usize::from(told), "{what}: {heard:?}");
        let expected = "a zstd frame begins within a chunk; pg_restore loses it";
        assert!(heard.iter().all(|warning| warning.starts_with(expected)));
        let selection = Selection::new().table(pgdmp::select::NamePattern::exact("t"));
        let selected = selection.apply(archive.toc()).unwrap();
        let other_compression = Target::new().compression(Algorithm::Gzip, None);
        let check = Target::new().check(true);
        for target in [&Target::new(), &check, &other_compression] {
            for selected in [None, Some(&selected)] {
                let mut heard = Vec::new();
                let mut conversion = Conversion::new(&archive, target, selected).unwrap();
                conversion.on_warning(|warning| heard.push(warning.to_string()));
                let new = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
                assert_eq!(heard.len(), usize::from(told), "{what}: {heard:?}");
                let read = read_all(&Archive::read(new.clone()).unwrap()).unwrap();
                let plain = frames.iter().flat_map(|(_, plain)| plain.clone()).collect();
                assert_eq!(read[&3], Content::Data(plain));
                if selected.is_some() && !std::ptr::eq(target, &other_compression) {
                    assert!(!chunks(&new).iter().any(|chunk| has_frame_within(chunk)), "{what}");
                }
                if !told && selected.is_some() && std::ptr::eq(target, &check) {
                    assert_eq!(chunks(&new), cut);
                }
            }
        }
        let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
        let mut heard = 0;
        let mut conversion = Conversion::of_pass(stream.pass(), &Target::new(), None).unwrap();
        conversion.on_warning(|_| heard += 1);
        let new = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
        assert_eq!(heard, usize::from(told));
        assert!(!chunks(&new).iter().any(|chunk| has_frame_within(chunk)), "{what}");
    }
}

/// Zeros behind a compressed member, as tapes and block copies leave, are nothing.
#[test]
fn padded_members() {
    for (name, suffix) in
        [("pg18/small-dir", ".gz"), ("pg18/small-dir-lz4", ".lz4"), ("pg18/small-dir-zstd", ".zst")]
    {
        let members = folder(name);
        let good = opened(&members);
        let expected = read_all(&good).unwrap();
        for padding in [1, 8, 512, 10_000] {
            let mut padded = members.clone();
            for (_, bytes) in padded.iter_mut().filter(|(file, _)| file.ends_with(suffix)) {
                // Nothing is padded to nothing.
                if !bytes.is_empty() {
                    bytes.resize(bytes.len() + padding, 0);
                }
            }
            let archive = opened(&padded);
            assert_eq!(read_all(&archive).unwrap(), expected, "{name}");
            assert_eq!(script(&archive).unwrap(), script(&good).unwrap());
            assert!(warnings(&archive).is_empty());
            assert_moved(name, &archive);
            for target in targets() {
                let new = Conversion::new(&archive, &target, None).unwrap();
                if let Ok(new) = new.write(Cursor::new(Vec::new())) {
                    let new = Archive::read(new.into_inner()).unwrap();
                    assert_eq!(read_all(&new).unwrap(), expected, "{name}");
                }
            }
        }
        // Anything else is no padding: the data comes first, then the complaint, as with gzip.
        let mut junk = members.clone();
        let table = junk.iter_mut().filter(|(file, _)| file.ends_with(suffix));
        let (file, bytes) = table.filter(|(file, _)| !file.starts_with("blob")).last().unwrap();
        let file = file.clone();
        bytes.extend_from_slice(b"\0junk");
        let archive = opened(&junk);
        assert!(read_all(&archive).is_err());
        let moved = moves(&archive);
        let custom = moved.iter().find(|(how, _)| *how == "to custom").unwrap();
        assert!(custom.1.is_err(), "{name}");
        if suffix == ".gz" {
            let heard = warnings(&archive);
            assert_eq!(heard.len(), 1, "{heard:?}");
            assert!(heard[0].contains("bytes follow") && heard[0].contains(&file));
            assert_eq!(script(&archive).unwrap(), script(&good).unwrap());
        } else {
            assert!(script(&archive).is_err());
        }
    }
}

/// The last few bytes of a block are zeros; those that were cut off are missed nevertheless.
#[test]
fn archives_cut_by_a_few_bytes() {
    let mut seen = 0;
    let mut all = fixtures::real();
    all.extend(fixtures::synthetic());
    for fixture in all.iter().filter(|fixture| fixture.format == "custom" && fixture.data > 0) {
        let bytes = fixture.bytes();
        if fixture.name.contains("redirected") {
            continue;
        }
        Archive::read(bytes.clone()).unwrap().check_length().unwrap();
        for cut in 1..=16 {
            let short = bytes[..bytes.len() - cut].to_vec();
            let checked = Archive::read(short).and_then(|archive| archive.check_length());
            assert!(checked.is_err(), "{} without its last {cut} bytes", fixture.name);
            seen += 1;
        }
    }
    assert!(seen > 500, "{seen}");
}

/// Two groups that have a large object both restore it twice, each for itself; one entry may not.
#[test]
fn groups_that_share_a_large_object() {
    let group = |id| {
        EntryFields::new(DumpId(id), Desc::BLOB_METADATA, Section::Data).tag(b"17").defn(b"17\n")
    };
    let objects = |id, dependencies| {
        EntryFields::new(DumpId(id), Desc::BLOBS, Section::Data)
            .had_dumper(true)
            .tag(b"17")
            .dependencies(dependencies)
    };
    let data = &[(17, &b"x"[..])];
    let entries = [
        (group(2), None),
        (group(3), None),
        (objects(4, &[DumpId(2)]), Some(Block::Objects(data))),
        (objects(5, &[DumpId(3)]), Some(Block::Objects(data))),
    ];
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let archive = Archive::read(build::custom(header, &entries, true)).unwrap();
    assert!(script(&archive).is_ok());
    let error = converted(&archive, &Target::new().version(ArchiveVersion::new(1, 14)));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("large object 17 is in another group, too"), "{error}");
}

/// A section that is none is kept where entries keep their order; elsewhere it would leave out more.
#[test]
fn sections_that_are_none() {
    let bytes = fixtures::bytes(&fixtures::root().join("pg18/small-custom.dump"));
    let archive = Archive::read(bytes).unwrap();
    let mut builder =
        pgdmp::ArchiveBuilder::new(Format::Custom, &pgdmp::write::WriteOptions::new()).unwrap();
    for entry in archive.entries() {
        let fields = entry.fields().had_dumper(false);
        let section = match entry.desc() {
            Desc::BLOB_METADATA => Section::Other(-3),
            _ => fields.section,
        };
        builder.entry(&fields.section(section)).unwrap();
    }
    let bytes = builder.start(Cursor::new(Vec::new())).unwrap().finish().unwrap().into_inner();
    let odd = Archive::read(bytes).unwrap();
    let copy = converted(&odd, &Target::new().format(Format::Tar)).unwrap();
    assert_eq!(script(&copy).unwrap(), script(&odd).unwrap());
    let older = converted(&odd, &Target::new().version(ArchiveVersion::new(1, 14)));
    let merged = Merge::new(&[&odd], &Target::new());
    for error in [older.map(drop).unwrap_err(), merged.map(drop).unwrap_err()] {
        assert!(error.to_string().contains("section -3"), "{error}");
    }
}
