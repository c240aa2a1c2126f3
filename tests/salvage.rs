//! What is left of a damaged archive becomes a new one, which is good.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Cursor;
use std::path::Path;

use pgdmp::finding::Severity;
use pgdmp::salvage::{How, Report, Salvage};
use pgdmp::verify::{Event, Verification};
use pgdmp::{Algorithm, Archive, Desc, Format, Input, OpenOptions, TocEntry};
use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::effort::{is_endless, is_exhaustive};
use pgdmp_testkit::fixtures;
use pgdmp_testkit::watchdog::Watchdog;

use crate::made::{MORE_ROWS, Made, OBJECTS, ROWS, block};

fn fixture(name: &str) -> Vec<u8> {
    fixtures::bytes(&fixtures::root().join(name))
}

/// The new archive of damaged bytes, and what is said of it.
fn salvage(bytes: Vec<u8>, trusted: bool) -> Option<(Vec<u8>, Report)> {
    let archive = OpenOptions::new().damaged(true).read(bytes).ok()?;
    let salvage = Salvage::new(&archive).unwrap().trusted(trusted);
    if salvage.report().is_empty() {
        return None;
    }
    let (output, report) = salvage.write_to(Cursor::new(Vec::new())).unwrap();
    Some((output.into_inner(), report))
}

/// Fails if an archive has errors that a restore would suffer from.
fn check(bytes: &[u8], label: &str) {
    check_archive(Archive::read(bytes.to_vec()), label);
}

pub(crate) fn check_archive(archive: pgdmp::Result<Archive>, label: &str) {
    let archive = archive.unwrap_or_else(|error| panic!("{label}: {error}"));
    let mut input = Input::Archive(Box::new(archive));
    Verification::new()
        .run(&mut input, |event| {
            if let Event::Found(found) = event {
                let severe = found.finding.severity == Severity::Error;
                // A large object that is lost stays in the list.
                assert!(!severe || found.code.id() == "R4", "{label}: {found}");
            }
        })
        .unwrap();
}

/// The rows of each table by its name.
fn rows(bytes: &[u8]) -> HashMap<Vec<u8>, Vec<Vec<u8>>> {
    let archive = Archive::read(bytes.to_vec()).unwrap();
    let mut rows = HashMap::new();
    let tables = archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA);
    for entry in tables.filter(TocEntry::has_data) {
        let mut data = Vec::new();
        archive.data(entry.dump_id()).unwrap().copy_to(&mut data).unwrap();
        let lines = data.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec);
        rows.insert(entry.tag().unwrap_or_default().to_vec(), lines.collect());
    }
    rows
}

#[test]
fn what_is_whole_stays_whole() {
    for name in ["pg17/small-custom.dump", "pg18/small-tar.tar", "pg15/latin1-custom.dump"] {
        let good = fixture(name);
        let (new, report) = salvage(good.clone(), false).unwrap();
        assert!(report.is_whole(), "{name}: {report:?}");
        check(&new, name);
        let [old, new] = [good, new].map(|bytes| Archive::read(bytes).unwrap());
        assert_eq!(old.entries().len(), new.entries().len(), "{name}");
        assert_eq!(read_all(&old).unwrap(), read_all(&new).unwrap(), "{name}");
    }
}

/// Entries with a section or a kind of another spelling stay, and data that is claimed for a definition
/// is not looked for.
#[test]
fn entries_that_are_odd() {
    let good = fixture("pg17/small-custom.dump");
    let archive = Archive::read(good.clone()).unwrap();
    let town = archive.toc().find(Desc::TABLE, Some(b"public"), b"town").unwrap();
    let start =
        [&[0][..], &town.dump_id().0.to_le_bytes(), b"\0\0\0\0\0\0\x04\0\0\x001259"].concat();
    let at = good.windows(start.len()).position(|bytes| bytes == start).unwrap();
    let kind = b"\0\x05\0\0\0TABLE\0\x02\0\0\0";
    let kind_at = at + good[at..].windows(kind.len()).position(|bytes| bytes == kind).unwrap();
    for (what, place, to) in [
        ("data", at + 6, &b"\x01"[..]),
        ("kind", kind_at + 5, b"t"),
        ("section", kind_at + 11, b"\x77"),
    ] {
        let mut bytes = good.clone();
        bytes[place..place + to.len()].copy_from_slice(to);
        let (new, report) = salvage(bytes, false).unwrap();
        check(&new, what);
        assert_eq!(report.is_whole(), what == "kind", "{what}: {report:?}");
        let new = Archive::read(new).unwrap();
        assert_eq!(new.entries().len(), archive.entries().len(), "{what}");
        let kept = new.toc().entry(town.dump_id()).unwrap();
        assert_eq!(kept.defn(), town.defn(), "{what}");
        assert!(!kept.had_dumper(), "{what}");
    }
}

/// Whatever is cut off: what stands before is there.
#[test]
fn cut_archives() {
    let good = fixture("pg17/small-custom.dump");
    let all = rows(&good);
    let step = if is_exhaustive() { 1 } else { 37 };
    let mut kept = 0;
    for len in (200..good.len()).step_by(step) {
        let Some((new, report)) = salvage(good[..len].to_vec(), false) else { continue };
        let label = format!("cut to {len}");
        check(&new, &label);
        assert!(!report.is_whole(), "{label}");
        for (table, rows) in rows(&new) {
            assert!(rows.iter().all(|row| all[&table].contains(row)), "{label}");
            kept += rows.len();
        }
    }
    assert!(kept > 0);
}

/// Any damage: the new archive is good, and with `trusted` nothing is in it that was not before.
#[test]
fn damaged_archives() {
    let names = ["pg17/small-custom.dump", "pg15/latin1-custom.dump", "pg14/mini-child.dump"];
    let mut random = fastrand::Rng::with_seed(19);
    let rounds = match (is_endless(), is_exhaustive()) {
        (true, _) => 10_000,
        (_, true) => 600,
        _ => 200,
    };
    let mut opened = 0;
    for round in 0..rounds {
        let name = names[random.usize(..names.len())];
        let good = fixture(name);
        let mut bytes = good.clone();
        let at = random.usize(100..bytes.len());
        let len = random.usize(1..600).min(bytes.len() - at);
        match random.u8(..6) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at..at + len].fill(0),
            2 => drop(bytes.drain(at..at + len)),
            3 => drop(bytes.splice(at..at, (0..len).map(|n| n as u8))),
            4 => bytes.truncate(at),
            _ => bytes.copy_within(100..100 + len, at),
        }
        let label = format!("{name}, round {round}");
        let _watchdog = Watchdog::new(&label);
        if let Some((new, _)) = salvage(bytes.clone(), false) {
            opened += 1;
            check(&new, &label);
        }
        let Some((new, _)) = salvage(bytes, true) else { continue };
        check(&new, &label);
        let all: Vec<Vec<u8>> = rows(&good).into_values().flatten().collect();
        for (table, rows) in rows(&new) {
            // Data of a lost entry is under another name.
            assert!(rows.iter().all(|row| all.contains(row)), "{label}: {table:?}");
        }
    }
    assert!(opened > rounds / 2);
}

/// Entries behind damage of the table of contents are found again, and the blocks behind it.
#[test]
fn a_damaged_table_of_contents() {
    let good = fixture("pg17/small-custom.dump");
    let archive = Archive::read(good.clone()).unwrap();
    let entries = archive.entries().len() as u64;
    let mut bytes = good;
    // In the first quarter of the table of contents.
    bytes[700..900].fill(0xff);
    let (new, report) = salvage(bytes, false).unwrap();
    check(&new, "toc");
    assert!(report.toc_damage.is_some());
    assert!(report.toc_entries + 4 >= entries, "{} of {entries}", report.toc_entries);
    assert!(report.entries.iter().all(|saved| saved.how != How::Lost), "{report:?}");
}

/// A block whose entry is lost becomes a table of texts.
#[test]
fn rows_without_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged");
    copy(&fixtures::root().join("pg18/small-dir"), &damaged);
    fs::remove_file(damaged.join("toc.dat")).unwrap();
    let archive = Salvage::open(&damaged, &OpenOptions::new()).unwrap();
    let salvage = Salvage::new(&archive).unwrap().format(Format::Custom);
    let (new, report) = salvage.write_to(Cursor::new(Vec::new())).unwrap();
    let new = new.into_inner();
    check(&new, "without toc.dat");
    assert!(report.entries.iter().map(|saved| saved.rows).sum::<u64>() >= 12);
    assert_eq!(report.entries.iter().map(|saved| saved.large_objects).sum::<u64>(), 4);
    assert!(!report.is_whole());
    // Readers of the time read it.
    let old = fixtures::root().join("pg15/small-dir");
    let damaged = folder.path().join("old");
    copy(&old, &damaged);
    fs::remove_file(damaged.join("toc.dat")).unwrap();
    let archive = Salvage::open(&damaged, &OpenOptions::new()).unwrap();
    let salvage = Salvage::new(&archive).unwrap().format(Format::Custom);
    let (older, report) = salvage.write_to(Cursor::new(Vec::new())).unwrap();
    assert_eq!(report.entries.iter().map(|saved| saved.large_objects).sum::<u64>(), 4);
    let older = older.into_inner();
    check(&older, "pg15, without toc.dat");
    assert_eq!(Archive::read(older).unwrap().header().version.minor, 14);

    let new = Archive::read(new).unwrap();
    let table = new.entries().find(|entry| entry.desc() == Desc::TABLE).unwrap();
    assert_eq!(table.namespace(), Some(&b"pgdmp_salvage"[..]));
}

#[test]
fn files_of_large_objects() {
    let folder = tempfile::tempdir().unwrap();
    let original = fixtures::root().join("pg18/small-dir");
    let names: Vec<String> = fs::read_dir(&original)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let objects = names.iter().filter(|name| name.starts_with("blob_")).count() as u64;
    for (n, lost) in names.iter().filter(|name| name.starts_with("blob")).enumerate() {
        let damaged = folder.path().join(n.to_string());
        copy(&original, &damaged);
        fs::remove_file(damaged.join(lost)).unwrap();
        let archive = Salvage::open(&damaged, &OpenOptions::new()).unwrap();
        let report = Salvage::new(&archive).unwrap().report().clone();
        let kept: u64 = report.entries.iter().map(|saved| saved.large_objects).sum();
        let expected = if lost.starts_with("blob_") { objects - 1 } else { objects };
        assert_eq!(kept, expected, "{lost}");
        assert!(!report.is_whole(), "{lost}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// A header that is lost in part or as a whole: the table of contents says enough.
#[test]
fn without_a_header() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "pg17/small-custom.dump",
        "pg18/small-zstd.dump",
        "pg18/small-lz4.dump",
        "pg18/small-none.dump",
        "pg14/mini-child.dump",
        "pg10/mini-child.dump",
    ] {
        let good = fixture(name);
        let expected = rows(&good);
        for (from, to) in [(0, 5), (5, 6), (6, 7), (7, 8), (10, 11), (11, 12), (11, 30), (0, 60)] {
            let damaged = folder.path().join("damaged");
            let mut bytes = good.clone();
            bytes[from..to].fill(0xee);
            fs::write(&damaged, bytes).unwrap();
            let archive = Salvage::open(&damaged, &OpenOptions::new());
            let archive = archive.unwrap_or_else(|error| panic!("{name}, {from}..{to}: {error}"));
            let salvage = Salvage::new(&archive).unwrap();
            let (new, report) = salvage.write_to(Cursor::new(Vec::new())).unwrap();
            assert_eq!(rows(&new.into_inner()), expected, "{name}, {from}..{to}: {report:?}");
        }
        // Bytes before it, and nothing left of it.
        let damaged = folder.path().join("damaged");
        fs::write(&damaged, [&b"some other bytes"[..], &good[70..]].concat()).unwrap();
        if let Ok(archive) = Salvage::open(&damaged, &OpenOptions::new()) {
            assert!(!Salvage::new(&archive).unwrap().report().is_whole(), "{name}");
        }
    }
    let other = folder.path().join("other");
    fs::write(&other, "PGDUMP and no archive").unwrap();
    assert!(Salvage::open(&other, &OpenOptions::new()).is_err());
}

/// The positions of the headers of a tar, with the names of the members.
fn tar_headers(tar: &[u8]) -> Vec<(usize, String)> {
    let mut headers = Vec::new();
    let mut at = 0;
    while at + 512 <= tar.len() && tar[at] != 0 {
        let text = |range: std::ops::Range<usize>| {
            let field = &tar[at + range.start..at + range.end];
            let field = field.split(|byte| *byte == 0 || *byte == b' ').next().unwrap();
            String::from_utf8(field.to_vec()).unwrap()
        };
        headers.push((at, text(0..100)));
        let size = usize::from_str_radix(&text(124..136), 8).unwrap();
        at += 512 + size.next_multiple_of(512);
    }
    headers
}

/// Members behind a damaged header are found, and the one that had it by its place.
#[test]
fn a_tar_behind_a_damaged_header() {
    for name in ["pg18/small-tar.tar", "pg15/small-tar-pipe.tar"] {
        let good = fixture(name);
        let expected = rows(&good);
        assert!(expected.len() > 1);
        for (at, member) in tar_headers(&good) {
            if member == "toc.dat" {
                continue;
            }
            // Zeros, another byte, and bytes that are lost or new.
            for kind in 0..4 {
                let mut bytes = good.clone();
                match kind {
                    0 => bytes[at..at + 512].fill(0),
                    1 => bytes[at + 130] ^= 0x11,
                    2 => drop(bytes.drain(at + 700..at + 711)),
                    _ => drop(bytes.splice(at + 100..at + 100, *b"something")),
                }
                let label = format!("{name}, {member}, kind {kind}");
                let (new, report) = salvage(bytes, false).unwrap_or_else(|| panic!("{label}"));
                check(&new, &label);
                let kept = rows(&new);
                for (table, rows) in &expected {
                    let kept = kept.get(table).map_or(0, Vec::len);
                    // Of what is damaged itself, a row or the whole may be lost.
                    let all = kind < 2 || !member.ends_with(".dat") || member.starts_with("blob");
                    if all {
                        assert_eq!(kept, rows.len(), "{label}: {report:?}");
                    }
                }
            }
        }
    }
}

/// A tar that lost its table of contents: the script in it says what the data is.
#[test]
fn a_tar_without_its_table_of_contents() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged");
    for name in ["pg18/small-tar.tar", "pg15/small-tar-pipe.tar"] {
        let good = fixture(name);
        let expected = rows(&good);
        let headers = tar_headers(&good);
        let without = |member: &str| {
            let n = headers.iter().position(|(_, name)| name == member).unwrap();
            let to = headers.get(n + 1).map_or(good.len() - 1024, |(at, _)| *at);
            [&good[..headers[n].0], &good[to..]].concat()
        };
        let mut header_lost = good.clone();
        header_lost[..512].fill(0);
        let mut content_lost = good.clone();
        content_lost[512..700].fill(0xee);
        for (what, bytes) in [
            ("no member", without("toc.dat")),
            ("no header", header_lost),
            ("no start", content_lost),
        ] {
            let label = format!("{name}, {what}");
            fs::write(&damaged, bytes).unwrap();
            let archive = Salvage::open(&damaged, &OpenOptions::new());
            let archive = archive.unwrap_or_else(|error| panic!("{label}: {error}"));
            let salvage = Salvage::new(&archive).unwrap();
            let (new, report) = salvage.write_to(Cursor::new(Vec::new())).unwrap();
            let new = new.into_inner();
            check(&new, &label);
            assert_eq!(rows(&new), expected, "{label}: {report:?}");
            let new = Archive::read(new).unwrap();
            let town = new.toc().find(Desc::TABLE, Some(b"public"), b"town").unwrap();
            let defn = String::from_utf8(town.defn().unwrap().to_vec()).unwrap();
            assert!(defn.starts_with("CREATE TABLE public.town ("), "{label}: {defn}");
            assert!(new.toc().find(Desc::CONSTRAINT, Some(b"public"), b"town town_pkey").is_some());
            let objects: u64 = report.entries.iter().map(|saved| saved.large_objects).sum();
            assert_eq!(objects, 4, "{label}: {report:?}");
        }
        // Without the script, the rows and large objects are there all the same.
        let mut bytes = without("toc.dat");
        let script = tar_headers(&bytes).into_iter().find(|(_, name)| name == "restore.sql");
        bytes.truncate(script.unwrap().0);
        fs::write(&damaged, bytes).unwrap();
        let archive = Salvage::open(&damaged, &OpenOptions::new()).unwrap();
        let report = Salvage::new(&archive).unwrap().report().clone();
        assert_eq!(report.entries.iter().map(|saved| saved.rows).sum::<u64>(), 12, "{name}");
        assert!(!report.is_whole());
    }
}

/// Data in pieces: a hit loses its piece of 1 MiB, and at most a row on each side.
#[test]
fn pieces_behind_a_damaged_one() {
    let mut random = fastrand::Rng::with_seed(8);
    let row = |n: usize, random: &mut fastrand::Rng| format!("{n}\t{:x}{:x}\n", random.u128(..), n);
    let lines: Vec<String> = (0..84_000).map(|n| row(n, &mut random)).collect();
    let longest = lines.iter().map(String::len).max().unwrap();
    let text: Vec<u8> = lines.iter().flat_map(|line| line.bytes()).chain(*b"\\.\n\n\n").collect();
    assert!(text.len() > 3 << 20);
    let original: HashSet<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let folder = tempfile::tempdir().unwrap();
    for (format, algorithm) in [
        (Format::Custom, Algorithm::Zstd),
        (Format::Custom, Algorithm::Lz4),
        (Format::Directory, Algorithm::Zstd),
        (Format::Directory, Algorithm::Gzip),
    ] {
        let made = Made { format, plain: false, rows: text.clone(), ..Made::new(algorithm) };
        let place = folder.path().join(format!("{format} {algorithm}"));
        made.create(&place);
        let file = match format {
            Format::Directory => fs::read_dir(&place)
                .unwrap()
                .map(|file| file.unwrap().path())
                .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("22.dat"))
                .unwrap(),
            _ => place.clone(),
        };
        let good = fs::read(&file).unwrap();
        // In the middle of the data, and twice.
        for hits in if is_exhaustive() { 1..=3 } else { 2..=2 } {
            let mut bytes = good.clone();
            for hit in 1..=hits {
                let at = bytes.len() * hit / (hits + 2);
                bytes[at] ^= 0x20;
            }
            fs::write(&file, bytes).unwrap();
            let archive = Salvage::open(&place, &OpenOptions::new()).unwrap();
            let salvage = Salvage::new(&archive).unwrap().trusted(true);
            let salvage = salvage.format(Format::Custom);
            let (new, report) = salvage.write_to(Cursor::new(Vec::new())).unwrap();
            let new = new.into_inner();
            let label = format!("{format} {algorithm}, {hits} hits");
            check(&new, &label);
            assert!(!report.is_whole(), "{label}");
            let new = Archive::read(new).unwrap();
            let mut data = Vec::new();
            new.data(ROWS).unwrap().copy_to(&mut data).unwrap();
            let kept: Vec<&[u8]> =
                data.split_inclusive(|byte| *byte == b'\n').filter(|line| line.len() > 3).collect();
            assert!(kept.iter().all(|row| original.contains(row)), "{label}");
            let lost = text.len() - data.len();
            assert!(lost > 0 && lost <= hits * ((1 << 20) + 2 * longest), "{label}: {lost}");
        }
        fs::write(&file, good).unwrap();
    }
}

/// A length of a chunk that is lost hides no chunk behind it.
#[test]
fn chunks_behind_a_lost_length() {
    let mut random = fastrand::Rng::with_seed(9);
    let lines: Vec<String> = (0..64_000).map(|n| format!("{n}\t{:x}\n", random.u128(..))).collect();
    let text: Vec<u8> = lines.iter().flat_map(|line| line.bytes()).chain(*b"\\.\n\n\n").collect();
    assert!(text.len() > 2 << 20);
    let original: HashSet<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let folder = tempfile::tempdir().unwrap();
    for (algorithm, magic, most) in [
        (Algorithm::None, b"\n".as_slice(), 128 << 10),
        (Algorithm::Zstd, b"\x28\xb5\x2f\xfd", 1 << 20),
        (Algorithm::Lz4, b"\x04\x22\x4d\x18", 1 << 20),
        (Algorithm::Gzip, b"", 1 << 20),
    ] {
        let place = folder.path().join(algorithm.to_string());
        Made { plain: false, rows: text.clone(), ..Made::new(algorithm) }.create(&place);
        let mut bytes = fs::read(&place).unwrap();
        // A chunk in the middle: an int, and what it begins with. Without compression a row ends
        // before the int.
        let middle = bytes.len() / 3;
        let is_start = |at: &usize| match bytes[*at..*at + 5] {
            [0, _, _, 0..=31, 0] if algorithm == Algorithm::None => bytes[*at - 1] == b'\n',
            [0, _, _, 0..=31, 0] if algorithm == Algorithm::Gzip => {
                bytes[..*at].ends_with(b"\0\0\xff\xff")
            }
            [0, _, _, 0..=31, 0] => bytes[*at + 5..].starts_with(magic),
            _ => false,
        };
        let length = (middle..bytes.len() - 16).find(is_start).unwrap();
        bytes[length..length + 5].fill(0);
        fs::write(&place, bytes).unwrap();
        let archive = Salvage::open(&place, &OpenOptions::new()).unwrap();
        let (new, report) =
            Salvage::new(&archive).unwrap().write_to(Cursor::new(Vec::new())).unwrap();
        let new = new.into_inner();
        check(&new, algorithm.name());
        assert!(!report.is_whole());
        let mut data = Vec::new();
        Archive::read(new).unwrap().data(ROWS).unwrap().copy_to(&mut data).unwrap();
        let mut kept = data.split_inclusive(|byte| *byte == b'\n').filter(|line| line.len() > 3);
        assert!(kept.all(|row| original.contains(row)), "{algorithm}");
        let lost = text.len() - data.len();
        assert!(lost > 0 && lost <= most + 200, "{algorithm}: {lost}");
    }
}

/// lz4 data as pg_dump writes it, in one frame of blocks that refer to each other, and as others do:
/// rows that are stored anew behind the damage are kept, and nothing that refers to what is lost.
#[test]
fn linked_blocks_behind_a_damaged_one() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let mut random = fastrand::Rng::with_seed(12);
    let hex = |random: &mut fastrand::Rng| format!("{:032x}", random.u128(..));
    // What comes again and again refers back until the data's end.
    let line = |n: usize, random: &mut fastrand::Rng| match n % 4 {
        0 => format!("{n}\tthe same text, over and over, again\n"),
        _ => format!("{n}\t{}{}{}\n", hex(random), hex(random), hex(random)),
    };
    let lines: Vec<String> = (0..12_000).map(|n| line(n, &mut random)).collect();
    let text: Vec<u8> = lines.iter().flat_map(|line| line.bytes()).chain(*b"\\.\n\n\n").collect();
    let original: HashSet<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("damaged");
    let format = Format::Directory;
    Made { format, rows: text.clone(), ..Made::new(Algorithm::Lz4) }.create(&place);
    let file = place.join("22.dat.lz4");
    assert!(file.exists());
    for (size, mode, checks) in [
        (BlockSize::Max64KB, BlockMode::Linked, false),
        (BlockSize::Max256KB, BlockMode::Linked, true),
        (BlockSize::Max64KB, BlockMode::Independent, true),
    ] {
        let info = FrameInfo::new().block_size(size).block_mode(mode);
        let info = info.block_checksums(checks).content_checksum(checks);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        std::io::Write::write_all(&mut encoder, &text).unwrap();
        let good = encoder.finish().unwrap();
        let most = if size == BlockSize::Max64KB { 64 << 10 } else { 256 << 10 };
        let mut starts = vec![7];
        while let Some(&word) = good[*starts.last().unwrap()..].first_chunk::<4>() {
            let len = (u32::from_le_bytes(word) & !(1 << 31)) as usize;
            if len == 0 {
                break;
            }
            starts.push(starts.last().unwrap() + 4 + len + if checks { 4 } else { 0 });
        }
        let third = starts[2];
        assert!(starts.len() > 4);
        // In a block, over the lengths of two, and the header.
        for (from, to) in [(third + 900, third + 1800), (third - 20, starts[3] + 9), (0, 7)] {
            let mut bytes = good.clone();
            bytes[from..to].fill(0);
            fs::write(&file, bytes).unwrap();
            let label = format!("{size:?} {mode:?} {from}..{to}");
            let archive = Salvage::open(&place, &OpenOptions::new()).unwrap();
            let [all, right] = [false, true].map(|trusted| {
                let salvage = Salvage::new(&archive).unwrap().trusted(trusted);
                let (new, report) =
                    salvage.format(Format::Custom).write_to(Cursor::new(Vec::new())).unwrap();
                let new = new.into_inner();
                check(&new, &label);
                assert!(!report.is_whole(), "{label}");
                let saved = report.entries.iter().find(|saved| saved.dump_id == ROWS).unwrap();
                let mut data = Vec::new();
                if saved.is_kept {
                    Archive::read(new).unwrap().data(ROWS).unwrap().copy_to(&mut data).unwrap();
                }
                let kept = data.split_inclusive(|byte| *byte == b'\n');
                let kept: Vec<&[u8]> = kept.filter(|line| line.len() > 3).collect();
                assert!(kept.iter().all(|row| original.contains(row)), "{label}");
                (kept.len(), saved.suspect_from)
            });
            if from == 0 && (checks || size != BlockSize::Max64KB) {
                // Nothing says how blocks are stored, and it is not as pg_dump does.
                continue;
            }
            // Those with text of their own are back when what is lost is out of reach.
            let lost = (2 * most + (64 << 10)) / 80;
            let fewest = lines.len() * 3 / 4 - lost;
            assert!(all.0 > fewest && all.0 < lines.len(), "{label}: {all:?}");
            assert!(all.1.is_some() && right.0 < all.0, "{label}: {right:?}");
        }
    }
}

/// Each place claims to begin several blocks, and none can be decompressed.
#[test]
fn blocks_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("damaged");
    let rows = b"1\tx\n\\.\n\n\n".to_vec();
    Made { format: Format::Directory, rows, ..Made::new(Algorithm::Lz4) }.create(&place);
    let file = place.join("22.dat.lz4");
    let mut bytes = fs::read(&file).unwrap()[..7].to_vec();
    bytes.extend(b"\x01\0\0\0\xf0".repeat(2_000_000));
    fs::write(&file, bytes).unwrap();
    let archive = Salvage::open(&place, &OpenOptions::new()).unwrap();
    let salvage = Salvage::new(&archive).unwrap();
    let saved = salvage.report().entries.iter().find(|saved| saved.dump_id == ROWS).unwrap();
    assert!(saved.rows == 0 && !saved.is_kept, "{saved:?}");
}

/// A zlib stream in parts: behind a damaged one the others are read, but nothing proves them.
#[test]
fn parts_behind_a_damaged_one() {
    let mut random = fastrand::Rng::with_seed(10);
    let lines: Vec<String> = (0..84_000).map(|n| format!("{n}\t{:x}\n", random.u128(..))).collect();
    let text: Vec<u8> = lines.iter().flat_map(|line| line.bytes()).chain(*b"\\.\n\n\n").collect();
    assert!(text.len() > 3 << 20);
    let original: HashSet<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let made = Made { plain: false, rows: text.clone(), ..Made::new(Algorithm::Gzip) };
    let good = made.bytes();
    for hits in 1..=2 {
        let mut bytes = good.clone();
        for hit in 1..=hits {
            let at = bytes.len() * hit / (hits + 2);
            bytes[at..at + 50].fill(0xff);
        }
        let label = format!("{hits} hits");
        let (new, report) = salvage(bytes.clone(), false).unwrap();
        check(&new, &label);
        let mut data = Vec::new();
        Archive::read(new).unwrap().data(ROWS).unwrap().copy_to(&mut data).unwrap();
        let kept = data.split_inclusive(|byte| *byte == b'\n').filter(|line| line.len() > 3);
        let right = kept.filter(|row| original.contains(row)).map(<[u8]>::len).sum::<usize>();
        let lost = text.len() - right;
        assert!(lost > 0 && lost <= hits * ((1 << 20) + 100), "{label}: {lost}");
        let saved = report.entries.iter().find(|saved| saved.dump_id == ROWS).unwrap();
        assert!(saved.suspect_from == Some(1) && !saved.is_whole(), "{label}: {saved:?}");

        let (new, report) = salvage(bytes, true).unwrap();
        check(&new, &label);
        let saved = report.entries.iter().find(|saved| saved.dump_id == ROWS).unwrap();
        assert!(!saved.is_kept, "{label}: {saved:?}");
    }
}

/// The table of contents that PostgreSQL 16 and newer write behind the data has texts with lengths, as
/// chunks have. None of it is taken for rows.
#[test]
fn no_rows_of_the_second_table_of_contents() {
    let tag = "t\n1\tno row\n";
    let good = Made { tag, objects: Vec::new(), ..Made::new(Algorithm::None) }.piped();
    let [rows, more, objects] = [ROWS, MORE_ROWS, OBJECTS].map(|id| block(&good, id));
    let first = b"\0\x08\0\0\0ENCODING";
    // The count, an id, whether it had a dumper, and twice "0" come before it.
    let toc = good.windows(first.len()).position(|bytes| bytes == first).unwrap() - 27;
    let mut bytes = [&good, &good[toc..rows]].concat();
    // The length of the last chunk with rows, and all that stands between them and the second table
    // of contents.
    bytes[more + 6..more + 11].fill(0xff);
    bytes[objects - 5..good.len()].fill(0xff);
    let is_taken = |bytes: Vec<u8>| {
        let (new, report) = salvage(bytes, false).unwrap();
        check(&new, "second table of contents");
        let saved = report.entries.iter().find(|saved| saved.dump_id == MORE_ROWS).unwrap();
        assert!(!saved.is_whole(), "{saved:?}");
        let new = Archive::read(new).unwrap();
        let mut data = Vec::new();
        if new.toc().entry(MORE_ROWS).is_some() {
            new.data(MORE_ROWS).unwrap().copy_to(&mut data).unwrap();
        }
        data.windows(6).any(|bytes| bytes == b"no row")
    };
    // Where it is not recognised, that happens.
    let copy = bytes.windows(first.len()).rposition(|bytes| bytes == first).unwrap();
    let mut other = bytes.clone();
    other[copy + 5] = b'X';
    assert!(is_taken(other));
    assert!(!is_taken(bytes));
}

/// Data whose entry is lost goes into the table that it fits, if that is one alone.
#[test]
fn the_table_of_data_without_its_entry() {
    let good = Made::new(Algorithm::Gzip).bytes();
    let entry = |bytes: &[u8], id: pgdmp::DumpId| {
        let mark = [&[0][..], &id.0.to_le_bytes(), b"\0\x01\0\0\0\0\x01\0\0\0"].concat();
        bytes.windows(mark.len()).position(|bytes| bytes == mark).unwrap()
    };
    // Both entries with rows of the table.
    let mut bytes = good.clone();
    for id in [ROWS, MORE_ROWS] {
        let at = entry(&good, id);
        bytes[at..at + 30].fill(0xff);
    }
    let (new, _) = salvage(bytes, false).unwrap();
    check(&new, "two of one table");
    let new = Archive::read(new).unwrap();
    let recovered = new.entries().filter(|entry| entry.namespace() == Some(b"pgdmp_salvage"));
    assert_eq!(recovered.filter(|entry| entry.desc() == Desc::TABLE_DATA).count(), 2);
    // One, of a table that has no other.
    let name = "pg18/small-custom.dump";
    let good = fixture(name);
    let archive = Archive::read(good.clone()).unwrap();
    let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
    let mut bytes = good.clone();
    let at = entry(&good, town.dump_id());
    bytes[at..at + 60].fill(0xff);
    let (new, report) = salvage(bytes.clone(), false).unwrap();
    check(&new, name);
    let again = Archive::read(new.clone()).unwrap();
    let found = again.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town");
    let found = found.unwrap_or_else(|| panic!("{report:?}"));
    assert_eq!(found.copy_stmt(), town.copy_stmt());
    assert_eq!(rows(&new)[b"town".as_slice()], rows(&good)[b"town".as_slice()]);
    assert!(
        report.entries.iter().any(|saved| saved.dump_id == found.dump_id() && !saved.is_whole())
    );
    // It is a guess all the same.
    let (new, _) = salvage(bytes, true).unwrap();
    let trusted = Archive::read(new).unwrap();
    assert!(trusted.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").is_none());
}

/// A restore ends at a large object that is not there, so those whose entries are lost are created.
#[test]
fn large_objects_that_no_entry_creates() {
    for (name, desc) in [
        ("pg18/small-custom.dump", &b"\x0d\0\0\0BLOB METADATA"[..]),
        ("pg15/small-custom.dump", b"\x04\0\0\0BLOB\0"),
    ] {
        let good = fixture(name);
        let mut bytes = good.clone();
        // Of each entry that creates some, the lengths of tag and kind.
        let places: Vec<usize> =
            (0..good.len() - desc.len()).filter(|at| good[*at..].starts_with(desc)).collect();
        assert!(!places.is_empty(), "{name}");
        for at in places {
            bytes[at - 4..at + 4].fill(0xff);
        }
        let (new, report) = salvage(bytes, false).unwrap();
        check(&new, name);
        let objects: u64 = report.entries.iter().map(|saved| saved.large_objects).sum();
        assert_eq!(objects, 4, "{name}: {report:?}");
        let new = Archive::read(new).unwrap();
        let creates =
            |entry: &TocEntry<'_>| [Desc::BLOB, Desc::BLOB_METADATA].contains(&entry.desc());
        let created: Vec<u8> = new
            .entries()
            .filter(creates)
            .flat_map(|entry| entry.defn().unwrap_or_default().to_vec())
            .collect();
        let created = String::from_utf8(created).unwrap();
        let created: Vec<&str> = created.split(|c: char| !c.is_ascii_digit()).collect();
        for entry in new.entries().filter(|entry| entry.desc() == Desc::BLOBS) {
            let mut objects = new.large_objects(entry.dump_id()).unwrap();
            while let Some(object) = objects.next_object().unwrap() {
                assert!(created.contains(&&*object.oid().to_string()), "{name}: {}", object.oid());
            }
        }
    }
}
