//! The kinds of damage of which pg_restore says nothing, or never ends: all are found, with a code
//! that says what is wrong, in files and through pipes, in little time.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

use pgdmp::finding::Severity;
use pgdmp::toc::{DataOffset, EntryFields};
use pgdmp::verify::{Code, Event, Verification};
use pgdmp::{Algorithm, Archive, DumpId, Format, Input, OpenOptions, Toc};

use crate::made::{MORE_ROWS, Made, OBJECTS, ROWS, TABLE, block, changed};

type Files = BTreeMap<String, Vec<u8>>;

/// A damaged archive, and the codes of which one must be found.
struct Case {
    name: String,
    damaged: Damaged,
    expected: Vec<Code>,
}

enum Damaged {
    File(Vec<u8>),
    Folder(Files),
}

const ALL: [Algorithm; 4] = [Algorithm::None, Algorithm::Gzip, Algorithm::Lz4, Algorithm::Zstd];

fn small(algorithm: Algorithm) -> Made {
    let mut random = fastrand::Rng::with_seed(5);
    let row = |n: usize, random: &mut fastrand::Rng| format!("{n}\tgrößer {:x}\n", random.u64(..));
    let mut rows = |count| -> Vec<u8> {
        let rows = (0..count).flat_map(|n| row(n, &mut random).into_bytes());
        rows.chain(*b"\\.\n\n\n").collect()
    };
    Made { rows: rows(1500), more: rows(300), ..Made::new(algorithm) }
}

/// The same archive with other entries, which take as many bytes.
fn with_entry(
    bytes: &[u8],
    id: DumpId,
    change: impl Fn(EntryFields<'_>) -> EntryFields<'_>,
) -> Vec<u8> {
    let archive = Archive::read(bytes.to_vec()).unwrap();
    let mut toc = Toc::new(archive.header().clone(), Format::Custom);
    for entry in archive.entries() {
        let fields = entry.fields();
        let is_it = entry.dump_id() == id;
        toc.push(&if is_it { change(fields) } else { fields }).unwrap();
    }
    let mut out = Vec::new();
    toc.write_to(&mut out).unwrap();
    out.extend_from_slice(&bytes[out.len()..]);
    out
}

fn custom(add: &mut impl FnMut(String, Vec<u8>, &[Code])) {
    for algorithm in ALL {
        let made = small(algorithm);
        for (way, good) in [("", made.bytes()), (" without offsets", made.piped())] {
            let name = |what: &str| format!("custom {algorithm}{way}: {what}");
            let last = block(&good, OBJECTS);
            let cuts = [
                (good.len() * 6 / 10, "cut"),
                (last + 3000, "cut in the last block"),
                (last, "cut before it"),
            ];
            for (len, what) in cuts {
                add(name(what), good[..len].to_vec(), &[Code::Cut, Code::NoBlock]);
            }
            let middle = block(&good, ROWS) + 9000;
            let mut zeroed = good.clone();
            zeroed[middle..middle + 4096].fill(0);
            let any = [
                Code::Framing,
                Code::Data,
                Code::InvalidRow,
                Code::Cut,
                Code::Checksum,
                Code::BytesBehindData,
                Code::DataCut,
                Code::FieldCount,
            ];
            add(name("4 KiB zeroed"), zeroed, &any);
            // The end of the chunks: its length is 1.
            let end = block(&good, MORE_ROWS) - 4;
            add(
                name("no end of the chunks"),
                changed(&good, end, 1),
                &[
                    Code::Framing,
                    Code::BytesBehindData,
                    Code::Data,
                    Code::FieldCount,
                    Code::EndMarker,
                ],
            );
            let rows = block(&good, ROWS);
            let twice = [&good[..], &good[rows..block(&good, MORE_ROWS)]].concat();
            add(name("a block twice"), twice, &[Code::BlockTwice]);
        }
        for (objects, what) in [
            (vec![17], "one is missing"),
            (vec![17, 18, 18], "one twice"),
            (vec![], "none"),
            (vec![17, 18, 19], "one too many"),
        ] {
            let bytes = Made { objects, ..small(algorithm) }.bytes();
            add(format!("custom {algorithm}: large objects: {what}"), bytes, &[Code::LargeObjects]);
        }
    }
    let made = || small(Algorithm::Gzip);
    let good = made().bytes();
    let (rows, more) = (block(&good, ROWS), block(&good, MORE_ROWS));
    add("another's block".into(), changed(&good, rows + 2, 24), &[Code::WrongOffset]);
    add(
        "rows that are large objects".into(),
        changed(&good, rows, 3),
        &[Code::Framing, Code::WrongOffset],
    );
    let offset = |at: usize| DataOffset::At(at as u64);
    let leads = with_entry(&good, ROWS, |entry| entry.data_offset(offset(more)));
    add("an offset to another block".into(), leads, &[Code::WrongOffset]);
    let denied = with_entry(&good, ROWS, |entry| entry.had_dumper(false));
    add("no dumper".into(), denied, &[Code::DeniedData]);
    let denied = with_entry(&good, ROWS, |entry| entry.data_offset(DataOffset::NoData));
    add("an offset that denies data".into(), denied, &[Code::DeniedData]);
    let needs = |needed| Made { needed, ..made() }.bytes();
    add("an impossible table".into(), needs(vec![DumpId(99_999)]), &[Code::ImpossibleDependency]);
    add("a table that is none".into(), needs(vec![DumpId(0)]), &[Code::ImpossibleDependency]);
    let circle = |table_needs| Made { table_needs, ..made() }.bytes();
    add("a circle".into(), circle(vec![ROWS]), &[Code::Circle]);
    add("of itself".into(), circle(vec![TABLE]), &[Code::DependsOnItself]);
    let lacks = Made { copy: "COPY public.t (a) FROM stdin;\n", ..made() };
    add("COPY lacks a column".into(), lacks.bytes(), &[Code::FieldCount]);
    let other = Made { copy: "COPY public.t (a, c) FROM stdin;\n", ..made() };
    add("COPY names another column".into(), other.bytes(), &[Code::Columns]);
    for (rows, what, code) in [
        (&b"1\tx\ty\n\\.\n\n\n"[..], "a field too many", Code::FieldCount),
        (b"1\t\xff\n\\.\n\n\n", "no UTF-8", Code::InvalidRow),
        (b"1\t\0\n\\.\n\n\n", "a zero byte", Code::InvalidRow),
        (b"1\tx\n", "no end marker", Code::EndMarker),
        (b"1\tx\n2\t", "half a row", Code::EndMarker),
        (b"1\tx\n\\.\n2\ty\n", "rows behind the end marker", Code::EndMarker),
        (b"x\tx\n\\.\n\n\n", "no integer", Code::Value),
    ] {
        add(what.into(), Made { rows: rows.to_vec(), ..made() }.bytes(), &[code]);
    }
}

fn directory(add: &mut impl FnMut(String, Files, &[Code])) {
    let folder = tempfile::tempdir().unwrap();
    for algorithm in ALL {
        let place = folder.path().join(algorithm.name());
        let made = Made { format: Format::Directory, ..small(algorithm) };
        made.create(&place);
        let files: Files = fs::read_dir(&place)
            .unwrap()
            .map(|file| file.unwrap())
            .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
            .collect();
        let find = |start: &str| files.keys().find(|name| name.starts_with(start)).unwrap().clone();
        let (rows, more, object, list) =
            (find("22.dat"), find("24.dat"), find("blob_17"), find("blobs"));
        let mut change = |what: &str, file: &str, to: Option<Vec<u8>>, codes: &[Code]| {
            let mut files = files.clone();
            match to {
                Some(bytes) => drop(files.insert(file.to_owned(), bytes)),
                None => drop(files.remove(file)),
            }
            add(format!("directory {algorithm}: {what}"), files, codes);
        };
        change("rows are missing", &rows, None, &[Code::Member]);
        change("an object is missing", &object, None, &[Code::Member]);
        change("the list is missing", &list, None, &[Code::Member]);
        let cut = |file: &str| Some(files[file][..files[file].len() * 6 / 10].to_vec());
        let line = files[&list].iter().rposition(|byte| *byte == b'_').unwrap();
        let cut_list = Some(files[&list][..line].to_vec());
        change(
            "the list is cut",
            &list,
            cut_list,
            &[Code::ObjectList, Code::LargeObjects, Code::Member],
        );
        change(
            "the list is empty",
            &list,
            Some(Vec::new()),
            &[Code::LargeObjects, Code::ObjectList],
        );
        change("rows are cut", &rows, cut(&rows), &[Code::DataCut, Code::EndMarker]);
        change("there is no row", &rows, Some(Vec::new()), &[Code::EmptyMember, Code::EndMarker]);
        // Nothing shows how long a large object was that is not compressed.
        if algorithm != Algorithm::None {
            change("an object is cut", &object, cut(&object), &[Code::DataCut]);
        }
        change("the table of contents is cut", "toc.dat", cut("toc.dat"), &[Code::TocDamaged]);
        let other = Made { more: b"x\ty\tz\n\\.\n\n\n".to_vec(), ..made };
        let place = folder.path().join(format!("{algorithm} exchanged"));
        other.create(&place);
        let [a, b] = [&rows, &more].map(|name| fs::read(place.join(name)).unwrap());
        let mut files = files.clone();
        files.insert(rows, b);
        files.insert(more, a);
        add(format!("directory {algorithm}: files are exchanged"), files, &[Code::FieldCount]);
    }
}

fn tar(add: &mut impl FnMut(String, Vec<u8>, &[Code])) {
    let made = Made { format: Format::Tar, ..small(Algorithm::None) };
    let good = made.bytes();
    let header = |name: &str| {
        (0..good.len()).step_by(512).find(|at| good[*at..].starts_with(name.as_bytes())).unwrap()
    };
    let (rows, more, object) = (header("22.dat"), header("24.dat"), header("blob_17.dat"));
    for (what, len) in
        [("in rows", rows + 5000), ("before rows", more), ("in an object", object + 2000)]
    {
        add(
            format!("tar cut {what}"),
            good[..len].to_vec(),
            &[Code::Tar, Code::Cut, Code::DataCut, Code::Member],
        );
    }
    let mut zeroed = good.clone();
    zeroed[more..more + 512].fill(0);
    add("tar: a header is zeroed".into(), zeroed, &[Code::Tar]);
    add("tar: a size is wrong".into(), changed(&good, more + 130, b'7'), &[Code::Tar]);
    let missing = [&good[..more], &good[object..]].concat();
    add("tar: a member is missing".into(), missing, &[Code::Member, Code::Tar, Code::NoBlock]);
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut file = |name: String, bytes: Vec<u8>, expected: &[Code]| {
        cases.push(Case { name, damaged: Damaged::File(bytes), expected: expected.to_vec() });
    };
    custom(&mut file);
    tar(&mut file);
    directory(&mut |name, files, expected: &[Code]| {
        cases.push(Case { name, damaged: Damaged::Folder(files), expected: expected.to_vec() });
    });
    cases
}

/// The codes of errors and warnings.
fn codes(input: &mut Input) -> Vec<Code> {
    let mut codes = Vec::new();
    let tell = |event| match event {
        Event::Found(found) if found.finding.severity > Severity::Note => codes.push(found.code),
        _ => {}
    };
    Verification::new().threads(2).run(input, tell).unwrap();
    codes
}

#[test]
fn each_is_found() {
    let options = OpenOptions::new().damaged(true);
    let cases = cases();
    assert!(cases.len() >= 93, "{}", cases.len());
    let mut wrong = Vec::new();
    for Case { name, damaged, expected } in cases {
        let started = Instant::now();
        let mut inputs = Vec::new();
        match damaged {
            Damaged::File(bytes) => {
                let archive = options.read(bytes.clone()).unwrap();
                inputs.push(("", Input::Archive(Box::new(archive))));
                let pipe: Box<dyn Read + Send> = Box::new(Cursor::new(bytes));
                let stream = options.stream(pipe).unwrap();
                inputs.push((" through a pipe", Input::Stream(Box::new(stream))));
            }
            Damaged::Folder(files) => {
                let archive = options.read_members(files).unwrap();
                inputs.push(("", Input::Archive(Box::new(archive))));
            }
        }
        for (way, mut input) in inputs {
            let found = codes(&mut input);
            // Only a seek shows where an offset leads, and what comes first in a pipe is the block.
            let is_offset = expected == [Code::WrongOffset];
            let is_found = match way.is_empty() {
                true => expected.iter().any(|code| found.contains(code)),
                false => !found.is_empty() || is_offset,
            };
            if !is_found {
                wrong.push(format!("{name}{way}: {found:?}, and none of {expected:?}"));
            }
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{name}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
