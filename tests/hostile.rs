//! Broken and hostile input gives an error or what is right: no panic, no hang, no unbounded
//! memory.

use std::io::{Cursor, Read};

use pgdmp::toc::{ArchiveVersion, DataOffset, EntryFields, Section};
use pgdmp::{
    Archive, ArchiveStream, Conversion, Desc, DumpId, Error, ErrorKind, Format, OpenOptions,
    Target, Toc,
};

use pgdmp_testkit::alloc::peak_of;
use pgdmp_testkit::build::{self, Block, full_entry, int};
use pgdmp_testkit::contents::{
    Contents, content, drain_up_to, is_too_much, read_all, read_up_to, stream_all,
};
use pgdmp_testkit::effort::some_of;
use pgdmp_testkit::fixtures::{self, Fixture};
use pgdmp_testkit::sources::{BAD_SPOT, Failing, Shrunk};
use pgdmp_testkit::watchdog::Watchdog;

/// Nothing hostile here has more data than this; if it seems so, that is not read to its end.
const MOST: usize = 4 << 20;

/// What reading a hostile input may take: its data, and buffers.
const MEMORY: usize = 64 << 20;

/// Where reading failed.
#[derive(Debug)]
enum Failure {
    Open(Error),
    Data(Error),
}

impl Failure {
    fn error(&self) -> &Error {
        match self {
            Failure::Open(error) | Failure::Data(error) => error,
        }
    }
}

type Outcome = Result<Contents, Failure>;

/// Opens and drains an archive: all that a restore would look at.
fn archive_outcome(archive: Result<Archive, Error>) -> Outcome {
    let archive = archive.map_err(Failure::Open)?;
    archive.toc().encoding().map_err(Failure::Open)?;
    archive.toc().std_strings().map_err(Failure::Open)?;
    // These look at everything, too; what they find is no matter here.
    let _ = archive.stored_sizes();
    if let Ok(blocks) = archive.blocks() {
        blocks.for_each(drop);
    }
    bounded(read_up_to(&archive, MOST))
}

fn stream_outcome(reader: impl Read + Send) -> Outcome {
    let stream = ArchiveStream::new(reader).map_err(Failure::Open)?;
    stream.toc().encoding().map_err(Failure::Open)?;
    stream.toc().std_strings().map_err(Failure::Open)?;
    bounded(drain_up_to(stream, MOST))
}

fn bounded(result: Result<Contents, Error>) -> Outcome {
    match result {
        Err(error) if is_too_much(&error) => Ok(Contents::new()),
        result => result.map_err(Failure::Data),
    }
}

/// Runs within the memory allowed, and looks at the message of an error.
fn checked(what: &str, read: impl FnOnce() -> Outcome) -> Outcome {
    let (outcome, peak) = peak_of(read);
    assert!(peak < MEMORY, "{what}: {peak} bytes of memory");
    if let Err(failure) = &outcome {
        check_message(what, failure);
    }
    outcome
}

fn check_message(what: &str, failure: &Failure) {
    let error = failure.error();
    let text = error.to_string();
    assert!(!text.is_empty() && text.len() < 1500, "{what}: {text}");
    assert!(!text.chars().any(char::is_control), "{what}: {text:?}");
    assert!(!text.ends_with('.') && !text.starts_with("error"), "{what}: {text}");
    let placed = error.offset().is_some() || error.member().is_some();
    match failure {
        Failure::Data(_) => {
            assert!(placed || error.entry().is_some(), "{what}: no place: {text}");
        }
        Failure::Open(_) => {
            let placeless = matches!(error.kind(), ErrorKind::NotAnArchive(_));
            assert!(placed || placeless || error.entry().is_some(), "{what}: no place: {text}");
        }
    }
}

#[test]
fn each_kind_of_damage() {
    let watchdog = Watchdog::new("hostile fixtures");
    for hostile in fixtures::hostile() {
        let name = &hostile.name;
        watchdog.label(name);
        // In these a stream is not led astray, because it does not look at offsets, or pays no
        // heed to lists of large objects.
        let harmless_to_streams = [
            "custom/offset-past-end.dump",
            "custom/offset-in-toc.dump",
            "custom/offset-top-bit.dump",
        ];
        let mut outcomes =
            vec![("archive", checked(name, || archive_outcome(Archive::open(&hostile.path))))];
        if hostile.path.is_file() {
            let bytes = fixtures::bytes(&hostile.path);
            outcomes
                .push(("memory", checked(name, || archive_outcome(Archive::read(bytes.clone())))));
            if !harmless_to_streams.contains(&name.as_str()) {
                outcomes.push(("stream", checked(name, || stream_outcome(&bytes[..]))));
            }
        }
        for (how, outcome) in outcomes {
            let fits = match (hostile.class.as_str(), &outcome) {
                // The members of a tar are never compressed, whatever its header says.
                (_, Ok(contents)) if name == "tar/toc-compressed.tar" => contents.len() == 2,
                ("open-error", Err(Failure::Open(_)))
                | ("data-error", Err(Failure::Data(_)))
                | ("error", Err(_))
                | ("valid", Ok(_)) => true,
                _ => false,
            };
            assert!(fits, "{name}, {how}: {} but {outcome:?}", hostile.class);
        }
    }
}

/// Archives small enough to be read some ten thousand times.
fn small() -> Vec<Fixture> {
    let mut all = fixtures::synthetic();
    all.extend(fixtures::real());
    all.retain(|fixture| !fixture.is_directory() && fixture.bytes().len() <= 12_000);
    assert!(all.len() > 60);
    all
}

/// Where the data of all entries ends: what is behind it may be cut off.
fn end_of_data(bytes: &[u8]) -> usize {
    let archive = Archive::read(bytes.to_vec()).unwrap();
    if archive.format() == Format::Custom {
        let end = match archive.blocks().unwrap().last() {
            Some(block) => {
                let block = block.unwrap();
                block.offset.unwrap() + block.stored_len
            }
            None => {
                let mut toc = Vec::new();
                archive.toc().write_to(&mut toc).unwrap();
                toc.len() as u64
            }
        };
        return end as usize;
    }
    let mut end = 0;
    for member in tar::Archive::new(bytes).entries().unwrap() {
        let member = member.unwrap();
        if &*member.path_bytes() != b"restore.sql" {
            end = end.max(member.raw_file_position() + member.size());
        }
    }
    end as usize
}

#[test]
fn cut_anywhere() {
    let watchdog = Watchdog::new("cut");
    for fixture in small() {
        watchdog.label(&fixture.name);
        let bytes = fixture.bytes();
        let whole = read_all(&Archive::read(bytes.clone()).unwrap()).unwrap();
        let end = end_of_data(&bytes);
        for len in some_of(0..bytes.len(), 23) {
            watchdog.next();
            let what = format!("{}, cut to {len} bytes", fixture.name);
            let cut = bytes[..len].to_vec();
            let archive = checked(&what, || archive_outcome(Archive::read(cut.clone())));
            let stream = checked(&what, || stream_outcome(&cut[..]));
            for outcome in [archive, stream] {
                match outcome {
                    Ok(contents) => assert!(len >= end && contents == whole, "{what}: {end}"),
                    Err(failure) => assert!(len < end, "{what}: {}", failure.error()),
                }
            }
        }
    }
}

#[test]
fn members_cut_anywhere() {
    let watchdog = Watchdog::new("cut members");
    for fixture in fixtures::real() {
        if !fixture.is_directory() || !fixture.name.contains("small") {
            continue;
        }
        let members = fixture.members();
        let whole = read_all(&Archive::open(&fixture.path).unwrap()).unwrap();
        for (n, (name, bytes)) in members.iter().enumerate() {
            watchdog.label(format!("{}/{name}", fixture.name));
            // Nothing shows that the end of a text is missing, nor of a list at a line's end; the
            // last line end of a list may be missing.
            let plain = name.ends_with(".dat") && name != "toc.dat";
            let list = name.starts_with("blobs");
            // Every length would take long for the large object of 68,000 bytes.
            let step = if bytes.len() > 10_000 { 997 } else { 1 };
            for len in (0..bytes.len()).step_by(step) {
                watchdog.next();
                let mut cut = members.clone();
                cut[n].1.truncate(len);
                let what = format!("{}/{name}, cut to {len} bytes", fixture.name);
                let outcome =
                    checked(&what, || archive_outcome(OpenOptions::new().read_members(cut)));
                match outcome {
                    Ok(_) if plain => {}
                    Ok(_) if list => {
                        let kept = &bytes[..len];
                        let at_line_end = kept.is_empty() || kept.ends_with(b"\n");
                        assert!(at_line_end || bytes[len] == b'\n', "{what}");
                    }
                    // As pg_dump writes an empty large object.
                    Ok(_) if len == 0 && name.starts_with("blob_") => {}
                    Ok(contents) => assert!(contents == whole, "{what}: not seen"),
                    Err(_) => {}
                }
            }
        }
    }
}

/// A byte more before a member's header, and large objects whose list is missing: in a tar that is
/// read front to back, too, that is no end.
#[test]
fn tars_that_end_too_early() {
    for name in ["synthetic/lo1.10.tar", "pg15/small-tar-pipe.tar", "pg18/small-tar.tar"] {
        let bytes = fixtures::bytes(&fixtures::root().join(name));
        let mut members = Vec::new();
        for member in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let member = member.unwrap();
            let start = member.raw_header_position() as usize;
            let end = (member.raw_file_position() + member.size()).next_multiple_of(512) as usize;
            let name = String::from_utf8(member.path_bytes().to_vec()).unwrap();
            members.push((name, start..end));
        }
        for (member, at) in members {
            let shifted = [&bytes[..at.start], b"\0", &bytes[at.start..]].concat();
            let without = [&bytes[..at.start], &bytes[at.end..]].concat();
            for (what, bytes) in [("shifted", shifted), ("missing", without)] {
                let [archive, stream] = both(&format!("{name} {member} {what}"), &bytes);
                if member == "restore.sql" {
                    continue;
                }
                assert!(archive.is_err(), "{name}: {member} is {what}");
                let is_object = member.starts_with("blob_");
                // Of large objects the list alone knows how many there are, and pg_restore does
                // not look at it.
                assert!(
                    stream.is_err() || (is_object && what == "missing"),
                    "{name}: {member} is {what}"
                );
            }
        }
    }
}

/// One archive of each version and of each compression, and two tars.
fn to_flip() -> Vec<Fixture> {
    let mut seen = Vec::new();
    let mut all = fixtures::synthetic();
    all.retain(|fixture| {
        let kind = (
            fixture.version.clone(),
            fixture.format.clone(),
            fixture.compression.clone(),
            fixture.name.contains("/lo"),
        );
        let first = !seen.contains(&kind);
        seen.push(kind);
        first
    });
    all
}

#[test]
fn every_byte_changed() {
    let watchdog = Watchdog::new("changed");
    for fixture in to_flip() {
        watchdog.label(&fixture.name);
        let original = fixture.bytes();
        // The trailer of a tar and the padding of its members are zeros without a meaning.
        let end = end_of_data(&original);
        for at in some_of(0..end, 29) {
            for change in [0x01, 0x80, 0xff] {
                watchdog.next();
                let mut bytes = original.clone();
                bytes[at] ^= change;
                let what = format!("{}, byte {at} ^ {change:#x}", fixture.name);
                let _ = checked(&what, || stream_outcome(&bytes[..]));
                let _ = checked(&what, || archive_outcome(Archive::read(bytes)));
            }
        }
    }
}

/// Reading errors are reported as they are, whatever is read when they come.
#[test]
fn bad_spots() {
    let watchdog = Watchdog::new("bad spots");
    for name in ["pg18/small-custom.dump", "pg18/small-lz4.dump", "pg18/sqlascii-tar.tar"] {
        watchdog.label(name);
        let bytes = fixtures::bytes(&fixtures::root().join(name));
        let whole = read_all(&Archive::read(bytes.clone()).unwrap()).unwrap();
        for bad in (0..bytes.len()).step_by(7) {
            watchdog.next();
            let source = Failing { bytes: bytes.clone(), bad };
            let streamed = stream_all(source.reader());
            let opened = Archive::read(source).and_then(|archive| read_all(&archive));
            for (how, outcome) in [("archive", opened), ("stream", streamed)] {
                match outcome {
                    Ok(contents) => assert!(contents == whole, "{name} {bad} {how}"),
                    Err(error) => {
                        assert!(error.is_io(), "{name} {bad} {how}: {error}");
                        assert!(
                            error.to_string().contains(BAD_SPOT),
                            "{name} {bad} {how}: {error}"
                        );
                    }
                }
            }
        }
    }
}

/// A file that became shorter after it was opened.
#[test]
fn shrunk_files() {
    for name in ["pg18/small-custom.dump", "pg17/small-redirected.dump", "pg18/sqlascii-tar.tar"] {
        let bytes = fixtures::bytes(&fixtures::root().join(name));
        for len in (0..bytes.len()).step_by(61) {
            let claimed = bytes.len() as u64;
            let source = Shrunk { bytes: bytes[..len].to_vec(), claimed };
            if let Ok(archive) = Archive::read(source) {
                let _ = read_all(&archive).map_err(|error| {
                    assert!(error.is_truncated() || !error.is_io(), "{name} {len}: {error}");
                });
            }
            let source = Shrunk { bytes: bytes[..len].to_vec(), claimed: u64::MAX };
            if let Ok(archive) = Archive::read(source) {
                let _ = read_all(&archive);
            }
        }
    }
}

/// Puts `new` where `old` is, which must be there.
fn patched(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = memchr::memmem::find(bytes, old).expect("what is to be changed");
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

fn both(what: &str, bytes: &[u8]) -> [Outcome; 2] {
    [
        checked(what, || archive_outcome(Archive::read(bytes.to_vec()))),
        checked(what, || stream_outcome(bytes)),
    ]
}

/// Position of the number of entries.
fn count_at(bytes: &[u8]) -> usize {
    let archive = Archive::read(bytes.to_vec()).unwrap();
    let mut empty = Vec::new();
    Toc::new(archive.header().clone(), Format::Custom).write_to(&mut empty).unwrap();
    empty.len() - 5
}

#[test]
fn counts() {
    let bytes = build::small();
    let at = count_at(&bytes);
    for count in [4, 5, 1000, 1 << 24, i64::from(i32::MAX)] {
        let mut bytes = bytes.clone();
        bytes[at..at + 5].copy_from_slice(&int(count));
        for outcome in both(&format!("{count} entries"), &bytes) {
            assert!(matches!(outcome, Err(Failure::Open(_))), "{count}: {outcome:?}");
        }
    }
    // Fewer than there are lose the rest.
    for count in [0, 1, 2, -1] {
        let mut bytes = bytes.clone();
        bytes[at..at + 5].copy_from_slice(&int(count));
        for outcome in both(&format!("{count} entries"), &bytes) {
            assert!(matches!(outcome, Err(Failure::Open(_))), "{count}: {outcome:?}");
        }
    }
}

#[test]
fn lengths() {
    let bytes = build::small();
    let tag = build::string(Some(b"CREATE TABLE t ();\n"));
    for len in [20, 1 << 20, 1 << 30, (1 << 30) + 1, i64::from(i32::MAX)] {
        let mut claimed = tag.clone();
        claimed[..5].copy_from_slice(&int(len));
        let outcomes = both(&format!("a string of {len}"), &patched(&bytes, &tag, &claimed));
        for outcome in outcomes {
            assert!(matches!(outcome, Err(Failure::Open(_))), "{len}: {outcome:?}");
        }
    }
}

#[test]
fn widths() {
    for (int_size, off_size) in [(0, 8), (9, 8), (32, 8), (255, 8), (4, 0), (4, 9), (4, 255)] {
        let mut bytes = build::small();
        bytes[8] = int_size;
        bytes[9] = off_size;
        for outcome in both("widths", &bytes) {
            let Err(Failure::Open(error)) = outcome else { panic!("{int_size} {off_size}") };
            assert!(error.to_string().contains("1 to 8"), "{error}");
        }
    }
}

/// Entries of directories have no offsets: pg_restore reads the width, and does not look at it.
#[test]
fn width_of_offsets_that_are_not_there() {
    let fixture = fixtures::real().into_iter().find(|fixture| fixture.is_directory()).unwrap();
    let whole = Archive::open(&fixture.path).unwrap();
    let mut members = fixture.members();
    let (_, toc) = members.iter_mut().find(|(name, _)| name == "toc.dat").unwrap();
    toc[9] = 255;
    let archive = OpenOptions::new().read_members(members).unwrap();
    assert!(read_all(&archive).unwrap() == read_all(&whole).unwrap());
    let target = Target::new().format(Format::Custom);
    let custom = Conversion::new(&archive, &target, None).unwrap().write(Cursor::new(Vec::new()));
    let custom = Archive::read(custom.unwrap().into_inner()).unwrap();
    assert!(read_all(&custom).unwrap() == read_all(&whole).unwrap());
}

#[test]
fn dump_ids() {
    // Through the bytes: `Toc` refuses to make such entries.
    let bytes = build::small();
    let entry = [int(3), int(1), build::string(Some(b"1259"))].concat();
    for id in [0, -1, i64::from(i32::MIN)] {
        let bad = [int(id), int(1), build::string(Some(b"1259"))].concat();
        for outcome in both("a dump id", &patched(&bytes, &entry, &bad)) {
            let Err(Failure::Open(error)) = outcome else { panic!("{id}") };
            assert!(error.to_string().contains(&id.to_string()), "{error}");
        }
    }
    for id in [2, 1000, i64::from(i32::MAX)] {
        let other = [int(id), int(1), build::string(Some(b"1259"))].concat();
        let toc = patched(&bytes, &entry, &other);
        let block = [&[1][..], &int(3), &int(6)].concat();
        let renamed = [&[1][..], &int(id), &int(6)].concat();
        for outcome in both("a dump id", &patched(&toc, &block, &renamed)) {
            assert_eq!(outcome.unwrap().len(), 2, "{id}");
        }
    }
    // Twice the same: the last counts, and nothing goes wrong.
    let twice = patched(&bytes, &[int(1), int(0)].concat(), &[int(3), int(0)].concat());
    for outcome in both("a dump id twice", &twice) {
        assert_eq!(outcome.unwrap().len(), 2);
    }
    let archive = Archive::read(twice).unwrap();
    assert_eq!(archive.entry(DumpId(3)).unwrap().desc(), Desc::TABLE_DATA);
    assert!(
        pgdmp::Toc::new(archive.header().clone(), Format::Custom)
            .push(&full_entry().dump_id(DumpId(0)))
            .is_err()
    );
}

#[test]
fn dependencies() {
    let cases: [&[DumpId]; 5] = [
        &[DumpId(-1), DumpId(0), DumpId(i32::MIN)],
        &[DumpId(i32::MAX), DumpId(77)],
        &[DumpId(3), DumpId(3)],
        &[DumpId(1)],
        &[DumpId(3), DumpId(1), DumpId(3), DumpId(1)],
    ];
    for dependencies in cases {
        let mut toc =
            Toc::new(build::header(ArchiveVersion::NEWEST, Format::Custom), Format::Custom);
        let table = EntryFields::new(DumpId(1), Desc::TABLE, Section::PreData).tag(b"t").defn(b"x").// A cycle.
            dependencies(&[DumpId(3)]);
        toc.push(&table).unwrap();
        let data_offset = DataOffset::NoData;
        toc.push(&full_entry().dependencies(dependencies).data_offset(data_offset)).unwrap();
        let mut bytes = Vec::new();
        toc.write_to(&mut bytes).unwrap();
        let archive = Archive::read(bytes).unwrap();
        let entry = archive.entry(DumpId(3)).unwrap();
        assert_eq!(entry.dependencies(), dependencies);
        let dependents = pgdmp::toc::Dependents::new(archive.toc());
        let of_table = dependents.of(archive.entry(DumpId(1)).unwrap()).count();
        assert_eq!(of_table, usize::from(dependencies.contains(&DumpId(1))));
        let all = pgdmp::Selection::new;
        for selection in [all(), all().table(pgdmp::select::NamePattern::exact("t"))] {
            assert_eq!(selection.apply(archive.toc()).unwrap().all().count(), 2);
        }
    }
}

#[test]
fn offsets() {
    let bytes = build::small();
    let archive = Archive::read(bytes.clone()).unwrap();
    let Some(DataOffset::At(at)) = archive.entry(DumpId(3)).unwrap().data_offset() else {
        panic!()
    };
    let len = bytes.len() as u64;
    let old = [&[2][..], &at.to_le_bytes()].concat();
    for offset in [
        0,
        1,
        100,
        at - 1,
        at + 1,
        len - 1,
        len,
        len + 1,
        1 << 31,
        1 << 32,
        1 << 62,
        1 << 63,
        u64::MAX - 1,
        u64::MAX,
    ] {
        let bytes = patched(&bytes, &old, &[&[2][..], &offset.to_le_bytes()].concat());
        let what = format!("offset {offset}");
        let [archive, stream] = both(&what, &bytes);
        assert!(matches!(archive, Err(Failure::Data(_))), "{what}: {archive:?}");
        assert_eq!(stream.unwrap().len(), 2, "{what}");
    }
    for flag in [0, 4, 255] {
        let bytes = patched(&bytes, &old, &[&[flag][..], &at.to_le_bytes()].concat());
        for outcome in both("a flag", &bytes) {
            assert!(matches!(outcome, Err(Failure::Open(_))), "{flag}");
        }
    }
}

/// A custom archive with the data of one entry, and this in its place.
fn with_block(block: &[u8], desc: Desc<'static>, offsets: bool) -> Vec<u8> {
    let fields = full_entry().desc(desc);
    let empty = Block::Data(&[]);
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let mut bytes = build::custom(header, &[(fields, Some(empty))], offsets);
    let end = bytes.len() - build::block(ArchiveVersion::NEWEST, 3, &Block::Data(&[])).len();
    bytes.truncate(end);
    bytes.extend_from_slice(block);
    bytes
}

#[test]
fn blocks() {
    let data = |parts: &[&[u8]]| [&[1][..], &int(3), &parts.concat()].concat();
    let objects = |parts: &[&[u8]]| [&[3][..], &int(3), &parts.concat()].concat();
    let (table, blobs) = (Desc::TABLE_DATA, Desc::BLOBS);
    let good = data(&[&int(3), b"\\.\n", &int(0)]);
    let one_object = [&int(7)[..], &int(1), b"x", &int(0)].concat();
    let cases: [(&str, Vec<u8>, Desc<'static>, bool); 23] = [
        ("good", good.clone(), table, true),
        ("good, then junk", [&good[..], b"junk"].concat(), table, true),
        ("good, then half a block", [&good[..], &[1, 0]].concat(), table, true),
        ("no end marker", data(&[&int(1), b"x", &int(0)]), table, false),
        ("nothing", Vec::new(), table, false),
        ("a type", vec![1], table, false),
        ("another type", [&[2][..], &good[1..]].concat(), table, false),
        ("type 0", [&[0][..], &good[1..]].concat(), table, false),
        ("type 255", [&[255][..], &good[1..]].concat(), table, false),
        ("another id", [&[1][..], &int(4), &good[6..]].concat(), table, false),
        ("a negative id", [&[1][..], &int(-3), &good[6..]].concat(), table, false),
        ("a negative chunk", data(&[&int(-1), b"x", &int(0)]), table, false),
        ("the most negative chunk", data(&[&int(i64::from(i32::MIN)), b"x"]), table, false),
        ("a huge chunk", data(&[&int(i64::from(i32::MAX)), b"x"]), table, false),
        ("no end", data(&[&int(1), b"x"]), table, false),
        ("half an end", data(&[&int(1), b"x", &[0, 0]]), table, false),
        ("large objects for data", objects(&[&one_object, &int(0)]), table, false),
        ("good objects", objects(&[&one_object, &int(0)]), blobs, true),
        ("no objects", objects(&[&int(0)]), blobs, true),
        ("data for large objects", good.clone(), blobs, false),
        ("objects without an end", objects(&[&one_object]), blobs, false),
        ("an object without an end", objects(&[&int(7), &int(1), b"x"]), blobs, false),
        ("an OID alone", objects(&[&int(7)]), blobs, false),
    ];
    for (what, block, desc, good) in cases {
        for offsets in [true, false] {
            let bytes = with_block(&block, desc, offsets);
            for (how, outcome) in ["archive", "stream"].into_iter().zip(both(what, &bytes)) {
                // A stream gives what a block holds, whatever its entry is.
                if how == "stream" && (what.contains(" for ")) {
                    continue;
                }
                match outcome {
                    Ok(_) => assert!(good, "{what}, {how}, {offsets}"),
                    Err(Failure::Data(_)) => assert!(!good, "{what}, {how}, {offsets}"),
                    Err(Failure::Open(error)) => panic!("{what}, {how}: {error}"),
                }
            }
        }
    }
}

/// Many headers of large objects in a small block: nothing is kept of them.
#[test]
fn many_empty_objects() {
    let mut block = [&[3][..], &int(3)].concat();
    for _ in 0..200_000 {
        block.extend(int(7));
        block.extend(int(0));
    }
    block.extend(int(0));
    let bytes = with_block(&block, Desc::BLOBS, false);
    let len = bytes.len();
    let source = build_source(bytes);
    let (count, peak) = peak_of(|| {
        let archive = Archive::read(source).unwrap();
        let mut objects = archive.large_objects(DumpId(3)).unwrap();
        let mut count = 0;
        while objects.next_object().unwrap().is_some() {
            count += 1;
        }
        count
    });
    assert_eq!(count, 200_000);
    assert!(peak < 1 << 20, "{peak} for {len}");
}

fn build_source(bytes: Vec<u8>) -> std::sync::Arc<[u8]> {
    bytes.into()
}

#[test]
fn names_that_lead_elsewhere() {
    let names: [&[u8]; 14] = [
        b"../3.dat",
        b"..",
        b".",
        b"/etc/passwd",
        b"a/../3.dat",
        b"./3.dat",
        b"sub/3.dat",
        b"C:3.dat",
        b"..\\3.dat",
        b"3.dat\n",
        b"3\x1b[2J.dat",
        b"",
        b"toc.dat/",
        b"\xff.dat",
    ];
    let version = ArchiveVersion::NEWEST;
    for name in names {
        let what = name.escape_ascii().to_string();
        let toc = build::toc_dat(version, &[full_entry().file_name(name)]);
        let text = String::from_utf8_lossy(name).into_owned();
        let members = [("toc.dat".to_owned(), toc.clone()), (text.clone(), b"data".to_vec())];
        let outcome =
            checked(&what, || archive_outcome(OpenOptions::new().read_members(members.clone())));
        assert!(matches!(outcome, Err(Failure::Data(_))), "{what}: {outcome:?}");
        // In a folder, with the file there as far as it can be.
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("archive");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        for file in ["archive/toc.dat", "archive/sub/3.dat", "3.dat"] {
            std::fs::write(outer.path().join(file), &toc).unwrap();
        }
        let outcome = checked(&what, || archive_outcome(Archive::open(&folder)));
        assert!(matches!(outcome, Err(Failure::Data(_))), "{what}: {outcome:?}");
        // And in the list of large objects.
        if name.is_empty() || name.ends_with(b"\n") {
            continue;
        }
        let blobs = full_entry().file_name(b"blobs_3.toc").desc(Desc::BLOBS);
        let members = [
            ("toc.dat".to_owned(), build::toc_dat(version, &[blobs])),
            ("blobs_3.toc".to_owned(), [b"17 ", name, b"\n"].concat()),
            (text, b"data".to_vec()),
        ];
        let outcome = checked(&what, || archive_outcome(OpenOptions::new().read_members(members)));
        assert!(matches!(outcome, Err(Failure::Data(_))), "{what}: {outcome:?}");
    }
}

/// A tar that names one member many times, each with a size that cannot be.
#[test]
fn sizes_that_cannot_be() {
    let mut huge = build::tar_header("blob_7.dat", 0);
    huge[124..136].fill(0);
    huge[124] = 0x80;
    huge[128..136].copy_from_slice(&(u64::MAX - 1023).to_be_bytes());
    huge[148..156].fill(b' ');
    let sum: u32 = huge.iter().map(|byte| u32::from(*byte)).sum();
    huge[148..156].copy_from_slice(format!("{sum:07o} ").as_bytes());
    let blobs = full_entry().desc(Desc::BLOBS).tag(b"7");
    let toc = build::toc_dat(ArchiveVersion::NEWEST, &[blobs]);
    let mut bytes = build::tar([
        ("toc.dat", &toc[..]),
        ("blobs_3.toc", b"7 blob_7.dat\n7 blob_7.dat\n7 blob_7.dat\n"),
    ]);
    bytes.truncate(bytes.len() - 1024);
    bytes.extend_from_slice(&huge);
    bytes.extend_from_slice(b"data");
    for outcome in both("a huge member", &bytes) {
        assert!(outcome.is_err(), "{outcome:?}");
    }
}

/// A small file that claims much never takes much: every length and count at its largest.
#[test]
fn memory_follows_bytes_not_claims() {
    let bytes = build::small();
    for at in 0..bytes.len() - 4 {
        let mut claimed = bytes.clone();
        claimed[at..at + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x3f]);
        for outcome in both("a claim", &claimed) {
            drop(outcome);
        }
        let (_, peak) = peak_of(|| archive_outcome(Archive::read(claimed)));
        assert!(peak < 2 << 20, "{at}: {peak}");
    }
}

/// Errors stay errors: nothing comes out of a reader after one.
#[test]
fn errors_are_final() {
    let bytes = with_block(
        &[&[1][..], &int(3), &int(5), b"12345", &int(-5), b"12345", &int(0)].concat(),
        Desc::TABLE_DATA,
        true,
    );
    let archive = Archive::read(bytes.clone()).unwrap();
    let entry = archive.entry(DumpId(3)).unwrap();
    assert!(content(&archive, entry).is_err());
    let mut data = archive.data(DumpId(3)).unwrap();
    let mut out = Vec::new();
    assert!(data.read_to_end(&mut out).is_err());
    for _ in 0..3 {
        assert!(data.read(&mut [0; 16]).is_err(), "data after an error");
    }
    let mut stream = ArchiveStream::new(&bytes[..]).unwrap();
    assert!(stream.next_block().unwrap().unwrap().data().unwrap().read_to_end(&mut out).is_err());
    assert!(stream.next_block().is_err());
    assert!(stream.next_block().unwrap().is_none());
}

/// What is held in memory is a multiple of the input, however it is made.
#[test]
fn memory_is_a_multiple_of_the_input() {
    // As many entries as can be, each with the least.
    let mut least = EntryFields::new(DumpId(1), Desc(b""), Section::None);
    least.with_oids = None;
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let toc = |entries: &[EntryFields<'_>]| {
        let mut toc = Toc::new(header.clone(), Format::Custom);
        entries.iter().for_each(|fields| toc.push(fields).unwrap());
        let mut bytes = Vec::new();
        toc.write_to(&mut bytes).unwrap();
        bytes
    };
    let entries = toc(&vec![least; 20_000]);
    // As many dependencies as can be, none of them a number.
    let number = build::string(Some(b"7"));
    let one = toc(&[least.dependencies(&[DumpId(7)])]);
    let at = memchr::memmem::rfind(&one, &number).unwrap();
    let odd =
        [&one[..at], &build::string(Some(b"")).repeat(100_000), &one[at + number.len()..]].concat();
    // As many blocks as can be.
    let mut blocks = build::small_of(ArchiveVersion::NEWEST, false);
    let empty = [&[1][..], &int(99), &int(0)].concat();
    let start = Archive::read(blocks.clone()).unwrap().blocks().unwrap().next().unwrap().unwrap();
    blocks.truncate(start.offset.unwrap() as usize);
    blocks.extend(empty.repeat(100_000));
    let members = build::tar(std::iter::repeat_n(("toc.dat", &b""[..]), 5000));
    for (what, bytes) in
        [("entries", entries), ("odd", odd), ("blocks", blocks), ("members", members)]
    {
        let len = bytes.len();
        let source = build_source(bytes);
        let (_, peak) = peak_of(|| archive_outcome(Archive::read(source)));
        let times = peak as f64 / len as f64;
        eprintln!("{what}: {peak} bytes for {len}: {times:.1}");
        assert!(times < 24.0, "{what}: {peak} bytes for {len}");
    }
}
