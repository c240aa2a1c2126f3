//! Each kind of damage is found, with its code; nothing is found in what is good.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use pgdmp::finding::Severity;
use pgdmp::toc::{ArchiveVersion, EntryFields, Section};
use pgdmp::verify::{Code, Event, Found, Level, Status, Summary, Verification};
use pgdmp::{Algorithm, ArchiveStream, Desc, DumpId, Format, Input, OpenOptions};
use pgdmp_testkit::build;
use pgdmp_testkit::effort::{is_exhaustive, skipped};
use pgdmp_testkit::fixtures;
use pgdmp_testkit::watchdog::Watchdog;

use crate::made::{MORE_ROWS, Made, OBJECTS, ROWS, block, changed};

fn events_of(verification: &Verification, input: &mut Input) -> (Vec<Event>, Summary) {
    let mut events = Vec::new();
    let summary = verification.run(input, |event| events.push(event)).unwrap();
    (events, summary)
}

fn found(events: &[Event]) -> Vec<&Found> {
    let found = events.iter().filter_map(|event| match event {
        Event::Found(found) => Some(found),
        _ => None,
    });
    // These are true of all of them.
    found.filter(|found| ![Code::Needs, Code::NoChecksums].contains(&found.code)).collect()
}

fn damaged() -> OpenOptions {
    OpenOptions::new().damaged(true)
}

/// The codes of all errors and warnings of bytes.
fn codes(bytes: &[u8]) -> Vec<Code> {
    let archive = damaged().read(bytes.to_vec()).unwrap();
    let mut input = Input::Archive(Box::new(archive));
    let (events, summary) = events_of(&Verification::new(), &mut input);
    let bad = found(&events).into_iter().filter(|found| found.finding.severity > Severity::Note);
    let codes: Vec<Code> = bad.map(|found| found.code).collect();
    let errors = events.iter().filter(|event| {
        matches!(event, Event::Found(found)
        if found.finding.severity == Severity::Error)
    });
    assert_eq!(errors.count() > 0, !summary.is_good());
    codes
}

#[test]
fn nothing_is_wrong_with_what_is_good() {
    let all = fixtures::real().into_iter().chain(fixtures::synthetic());
    for fixture in all {
        for level in [Level::Toc, Level::Framing, Level::Data, Level::Rows] {
            let verification = Verification::new().level(level).threads(3);
            let mut input = damaged().input(&fixture.path).unwrap();
            let (events, summary) = events_of(&verification, &mut input);
            let bad: Vec<String> = found(&events)
                .into_iter()
                .filter(|found| found.finding.severity > Severity::Note)
                // A dump of one table, whose foreign key refers to another one.
                .filter(|found| {
                    !fixture.name.ends_with("/mini-child.dump")
                        || found.code != Code::NamesMissingTable
                })
                .map(ToString::to_string)
                .collect();
            assert!(bad.is_empty() && summary.is_good(), "{}: {bad:?}", fixture.name);
            let entries: u64 = events.iter().map(|e| u64::from(matches!(e, Event::Entry(_)))).sum();
            assert_eq!(entries + summary.with_status(Status::NoData), summary.entries);
            let checked = summary.with_status(Status::Ok);
            let expected = if level >= Level::Data { entries } else { 0 };
            assert_eq!(checked, expected, "{}", fixture.name);
        }
    }
}

/// A pipe, and any number of threads, show what one thread in a file shows.
#[test]
fn the_same_is_found_on_every_way() {
    let mut bytes = Made::new(Algorithm::Gzip).bytes();
    let at = block(&bytes, MORE_ROWS) + 200;
    bytes[at] ^= 0x10;
    let told = |input: &mut Input, threads| {
        let (events, summary) = events_of(&Verification::new().threads(threads), input);
        let found: Vec<String> = found(&events).iter().map(ToString::to_string).collect();
        (found, summary)
    };
    let mut file = Input::Archive(Box::new(damaged().read(bytes.clone()).unwrap()));
    let one = told(&mut file, 1);
    assert!(!one.0.is_empty());
    assert_eq!(told(&mut file, 4), one);
    let reader: Box<dyn std::io::Read + Send> = Box::new(Cursor::new(bytes));
    let stream: ArchiveStream<Box<dyn std::io::Read + Send>> = damaged().stream(reader).unwrap();
    let piped = told(&mut Input::Stream(Box::new(stream)), 1);
    assert_eq!((piped.1.errors, piped.1.rows), (one.1.errors, one.1.rows));
}

#[test]
fn rows_that_are_none() {
    let end = "\\.\n\n\n";
    for (rows, code) in [
        (format!("1\ta\n2\n{end}"), Code::FieldCount),
        (format!("1\ta\tb\n{end}"), Code::FieldCount),
        ("1\ta\n".to_owned(), Code::EndMarker),
        (format!("1\ta\n{end}2\tb\n"), Code::EndMarker),
        (format!("1\ta\0\n{end}"), Code::InvalidRow),
        (format!("1\t\\000\n{end}"), Code::InvalidRow),
    ] {
        assert_eq!(codes(&Made::rows(rows.as_bytes())), [code], "{rows:?}");
    }
    assert_eq!(codes(&Made::rows(b"1\t\xff\n\\.\n\n\n")), [Code::InvalidRow]);
    assert_eq!(codes(&Made::rows(b"")), [Code::EndMarker]);
    // Values that the types of their columns do not have.
    for (rows, code) in [
        ("1x\ta\n\\.\n\n\n", Code::Value),
        ("\\N\ta\n\\.\n\n\n", Code::Value),
        ("2147483648\ta\n\\.\n\n\n", Code::Value),
        ("1\ta\nx\tb\n\\.\n\n\n", Code::Value),
    ] {
        assert_eq!(codes(&Made::rows(rows.as_bytes())), [code], "{rows:?}");
    }
    // It is another table's data.
    assert_eq!(
        codes(&Made::rows(b"a\t1\nb\t2\n\\.\n\n\n")),
        [Code::Value, Code::Value, Code::Columns]
    );
    let other = Made { copy: "COPY public.t (a, c) FROM stdin;\n", ..Made::new(Algorithm::None) };
    assert_eq!(codes(&other.bytes()), [Code::Columns, Code::Columns]);
    // Each wrong row is found, and they are not all told.
    let many: String = (0..100).map(|n| format!("{n}\n")).collect();
    let archive = damaged().read(Made::rows(format!("{many}{end}").as_bytes())).unwrap();
    let (events, summary) = events_of(&Verification::new(), &mut Input::Archive(Box::new(archive)));
    assert_eq!(summary.errors, 101);
    assert_eq!(found(&events).len(), 21);
    let rows: Vec<Option<u64>> = found(&events).iter().map(|found| found.row).collect();
    assert_eq!(rows[..2], [Some(1), Some(2)]);
}

/// Rows that are too long to be held are looked at in pieces.
#[test]
fn long_rows() {
    let long = "größe ".repeat(700_000);
    let end = "\\.\n\n\n";
    let good = format!("1\ta\n2\t{long}\n3\t{long}\n4\tb\n{end}").into_bytes();
    let told = |rows: Vec<u8>| {
        let made = Made { rows, more: end.into(), ..Made::new(Algorithm::Gzip) };
        let archive = damaged().read(made.bytes()).unwrap();
        let mut input = Input::Archive(Box::new(archive));
        let (events, summary) = events_of(&Verification::new(), &mut input);
        let places = found(&events).into_iter().map(|found| (found.code, found.row));
        (places.collect::<Vec<_>>(), summary.rows)
    };
    assert_eq!(told(good.clone()), (vec![], 4));
    let third = 4 + 2 + long.len() + 1;
    let fourth = good.len() - end.len() - 4;
    for (at, byte, expected) in [
        (third + 1_000_001, 0, (Code::InvalidRow, Some(3))),
        (third + 3_000_000, 0xff, (Code::InvalidRow, Some(3))),
        (third + 4_000_000, b'\t', (Code::FieldCount, Some(3))),
        (third + 1, b' ', (Code::FieldCount, Some(3))),
        (fourth + 1, b' ', (Code::FieldCount, Some(4))),
        (fourth, b'x', (Code::Value, Some(4))),
    ] {
        let mut rows = good.clone();
        rows[at] = byte;
        let (found, count) = told(rows);
        assert_eq!((found[0], count), (expected, 4), "{at}");
    }
    let cut = good[..third + 3_000_000].to_vec();
    assert_eq!(told(cut), (vec![(Code::EndMarker, None)], 2));
}

#[test]
fn large_objects_that_are_not_those_of_the_list() {
    for objects in [vec![17], vec![17, 18, 19], vec![17, 18, 18], vec![]] {
        let made = Made { objects, ..Made::new(Algorithm::Gzip) };
        assert_eq!(codes(&made.bytes()), [Code::LargeObjects], "{:?}", made.objects);
    }
}

#[test]
fn places_that_are_wrong() {
    let good = Made::new(Algorithm::None).bytes();
    assert_eq!(codes(&good), []);
    let rows = block(&good, ROWS);
    let more = block(&good, MORE_ROWS);
    let objects = block(&good, OBJECTS);
    // Cut within the last block, and before it.
    assert_eq!(codes(&good[..good.len() - 3]), [Code::Cut]);
    assert_eq!(codes(&good[..more + 100]), [Code::Cut, Code::Cut]);
    // Of the entries behind the damage, those with offsets are read.
    assert_eq!(codes(&changed(&good, rows + 1, 9)), [Code::WrongOffset]);
    assert_eq!(codes(&changed(&good, rows, 7)), [Code::WrongOffset, Code::Framing]);
    assert_eq!(codes(&changed(&good, objects, 1)), [Code::Framing]);
    // The length of a chunk: it goes on within the data.
    let long = codes(&changed(&good, rows + 6, 0x7f));
    assert!(!long.is_empty(), "{long:?}");
    // Behind the archive.
    let behind = [&good[..], b"something"].concat();
    assert_eq!(codes(&behind), [Code::Behind]);
    assert_eq!(codes(&[&good[..], &good[..]].concat()), [Code::Behind]);
    // A block twice.
    let twice = [&good[..], &good[rows..more]].concat();
    assert_eq!(codes(&twice), [Code::BlockTwice]);
}

#[test]
fn the_table_of_contents() {
    let good = Made::new(Algorithm::None).bytes();
    assert!(codes(&good[..300]).contains(&Code::TocDamaged));
    let entry = |id, dependencies: &[DumpId], desc| {
        let entry = EntryFields::new(DumpId(id), desc, Section::PreData).namespace("s").tag("t");
        (entry, dependencies.to_vec())
    };
    let cases = [
        (vec![entry(5, &[DumpId(5)], Desc::VIEW)], vec![Code::DependsOnItself]),
        (
            vec![
                entry(5, &[DumpId(6)], Desc::VIEW),
                entry(6, &[DumpId(7)], Desc::RULE),
                entry(7, &[DumpId(5)], Desc::RULE),
            ],
            vec![Code::Circle],
        ),
        (vec![entry(5, &[DumpId(77)], Desc::VIEW)], vec![]),
        (
            vec![entry(5, &[DumpId(6)], Desc::INDEX), entry(6, &[], Desc::TABLE)],
            vec![Code::WrongOrder],
        ),
        (vec![entry(5, &[], Desc::VIEW), entry(5, &[], Desc::RULE)], vec![Code::SameDumpId]),
        (
            vec![
                entry(5, &[], Desc::SEQUENCE),
                (
                    EntryFields::new(DumpId(6), Desc::SEQUENCE_SET, Section::Data)
                        .tag("other")
                        .defn("SELECT pg_catalog.setval('other', 1);\n"),
                    vec![],
                ),
            ],
            vec![Code::SequenceWithoutValue],
        ),
        (
            vec![(EntryFields::new(DumpId(5), Desc::VIEW, Section::PreData).tag(b"\xff"), vec![])],
            vec![Code::InvalidText],
        ),
        (
            vec![(EntryFields::new(DumpId(5), Desc::VIEW, Section::Other(7)).tag("t"), vec![])],
            vec![Code::UnknownSection],
        ),
    ];
    for (entries, expected) in cases {
        let session = EntryFields::new(DumpId(1), Desc::ENCODING, Section::PreData);
        let session = session.tag("ENCODING").defn("SET client_encoding = 'UTF8';\n");
        let entries = entries.iter().map(|(entry, needed)| (entry.dependencies(needed), None));
        let entries: Vec<_> = std::iter::once((session, None)).chain(entries).collect();
        let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
        let bytes = build::custom(header, &entries, true);
        assert_eq!(codes(&bytes), expected);
    }
}

/// Data with a checksum: each flipped bit is found. Without one it is found only where it makes a
/// row impossible, so those of which nothing shows are many.
#[test]
fn flipped_bits() {
    for (algorithm, least) in
        [(Algorithm::Gzip, 100), (Algorithm::Zstd, 30), (Algorithm::Lz4, 20), (Algorithm::None, 5)]
    {
        let bytes = Made::new(algorithm).bytes();
        let (start, end) = (block(&bytes, ROWS) + 9, block(&bytes, MORE_ROWS) - 4);
        let mut random = fastrand::Rng::with_seed(7);
        let flips = if is_exhaustive() { 400 } else { 100 };
        let mut caught = 0;
        for _ in 0..flips {
            let (at, bit) = (random.usize(start..end), random.u8(0..8));
            let flipped = changed(&bytes, at, bytes[at] ^ (1 << bit));
            caught += usize::from(
                codes(&flipped).into_iter().any(|code| code.severity() == Severity::Error),
            );
        }
        let percent = caught * 100 / flips;
        println!("{algorithm}: {percent} % of {flips} flipped bits found");
        assert!(percent >= least, "{algorithm}: {percent} %");
    }
}

#[test]
fn files_of_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let check = |damage: &dyn Fn(&Path), expected: &[Code]| {
        let place = folder.path().join("d");
        fs::create_dir(&place).unwrap();
        let from = fixtures::root().join("pg18/small-dir");
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), place.join(file.file_name())).unwrap();
        }
        damage(&place);
        let mut input = damaged().input(&place).unwrap();
        let (events, _) = events_of(&Verification::new().threads(2), &mut input);
        let codes: Vec<Code> = found(&events).iter().map(|found| found.code).collect();
        let codes: Vec<Code> =
            codes.into_iter().filter(|code| *code != Code::MissingDependency).collect();
        assert_eq!(codes, expected);
        fs::remove_dir_all(&place).unwrap();
    };
    let data = |place: &Path| {
        let files = fs::read_dir(place).unwrap().map(|file| file.unwrap().path());
        let is_data = |file: &std::path::PathBuf| {
            let name = file.file_name().unwrap().to_str().unwrap();
            name.ends_with(".dat.gz") && !name.starts_with("blob")
        };
        files
            .into_iter()
            .filter(is_data)
            .max_by_key(|file| fs::metadata(file).unwrap().len())
            .unwrap()
    };
    check(&|_| {}, &[]);
    check(&|place| fs::remove_file(data(place)).unwrap(), &[Code::Member]);
    check(&|place| fs::write(data(place), b"").unwrap(), &[Code::EmptyMember]);
    check(&|place| fs::write(place.join("notes.txt"), b"x").unwrap(), &[Code::UnknownMember]);
    check(
        &|place| {
            let bytes = fs::read(data(place)).unwrap();
            fs::write(data(place), &bytes[..bytes.len() - 9]).unwrap();
        },
        &[Code::DataCut],
    );
    check(
        &|place| {
            let mut bytes = fs::read(data(place)).unwrap();
            bytes.extend_from_slice(b"more");
            fs::write(data(place), bytes).unwrap();
        },
        &[Code::BytesBehindData],
    );
    check(
        &|place| {
            let plain = data(place).with_extension("");
            fs::write(plain, b"\\.\n\n\n").unwrap();
        },
        &[Code::MemberTwice],
    );
}

/// No bytes make it panic, hang or take much memory.
#[test]
fn hostile_archives() {
    for hostile in fixtures::hostile() {
        let _watchdog = Watchdog::new(&hostile.name);
        if let Ok(mut input) = damaged().input(&hostile.path) {
            let (events, summary) = events_of(&Verification::new().threads(2), &mut input);
            let errors =
                found(&events).iter().any(|found| found.finding.severity == Severity::Error);
            assert_eq!(errors, summary.errors > 0);
        }
    }
}

/// No alarm is false: archives of all releases, and of strangers.
#[test]
fn the_corpus() {
    let Some(folder) = pgdmp_testkit::corpus::folder() else {
        return skipped("no corpus of archives here");
    };
    for recorded in pgdmp_testkit::corpus::archives(&folder) {
        let mut input = damaged().input(&recorded.path).unwrap();
        let (events, _) = events_of(&Verification::new().threads(2), &mut input);
        for found in found(&events) {
            let severity = found.finding.severity;
            assert!(severity < Severity::Error, "{}: {found}", recorded.path.display());
        }
    }
}
