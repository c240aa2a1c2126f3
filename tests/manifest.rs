//! A manifest proves an archive and its copies, and shows every change.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use pgdmp::finding::Severity;
use pgdmp::manifest::{DataHash, Digest, Manifest};
use pgdmp::verify::{Code, Event, Found, Level, Verification};
use pgdmp::{Algorithm, Archive, Conversion, Format, Input, OpenOptions, Target, TocEntry};
use pgdmp_testkit::effort::is_exhaustive;
use pgdmp_testkit::fixtures;

fn open(path: &Path) -> Input {
    OpenOptions::new().damaged(true).input(path).unwrap()
}

fn in_memory(bytes: Vec<u8>) -> Option<Input> {
    let archive = OpenOptions::new().damaged(true).read(bytes).ok()?;
    Some(Input::Archive(Box::new(archive)))
}

fn manifest(input: &mut Input) -> Manifest {
    let (summary, manifest) = Verification::new().record(input, "archive", |_| {}).unwrap();
    assert!(summary.is_good());
    manifest.unwrap()
}

/// The errors of a comparison.
fn errors(input: &mut Input, manifest: &Manifest, level: Level) -> Vec<Found> {
    let mut errors = Vec::new();
    let verification = Verification::new().level(level).manifest(manifest.clone()).threads(2);
    let tell = |event| match event {
        // A dump of one table refers to another one.
        Event::Found(found) if found.code == Code::NamesMissingTable => {}
        Event::Found(found) if found.finding.severity > Severity::Note => errors.push(found),
        _ => {}
    };
    verification.run(input, tell).unwrap();
    errors
}

#[test]
fn every_archive_is_as_its_manifest_says() {
    let all: Vec<_> = fixtures::real().into_iter().chain(fixtures::synthetic()).collect();
    for fixture in all {
        let mut input = open(&fixture.path);
        let manifest = manifest(&mut input);
        assert_eq!(manifest.entries.len(), fixture.entries, "{}", fixture.name);
        assert_eq!(manifest.sha256.is_none(), fixture.is_directory());
        assert_eq!(manifest.members.is_empty(), !fixture.is_directory());
        for level in [Level::Toc, Level::Framing, Level::Data, Level::Rows] {
            let errors = errors(&mut input, &manifest, level);
            assert!(errors.is_empty(), "{} at {level:?}: {errors:?}", fixture.name);
        }
        if let Some(sha256) = manifest.sha256 {
            assert_eq!(sha256, Digest::of(&fixture.bytes()));
        }
    }
}

/// A program that writes an archive has the same manifest without reading it.
#[test]
fn a_writer_knows_what_a_reader_finds() {
    let path = fixtures::root().join("pg17/small-custom.dump");
    let mut input = open(&path);
    let read = manifest(&mut input);
    let archive = Archive::open(&path).unwrap();
    let mut written = Manifest::describe(archive.toc(), archive.format(), "archive");
    for entry in archive.entries().filter(TocEntry::has_data) {
        if let Ok(mut data) = archive.data(entry.dump_id()) {
            let mut hash = DataHash::new();
            data.copy_to(&mut hash).unwrap();
            written.entries[entry.index()].raw = Some(hash.finish());
        }
    }
    written.measure(&archive).unwrap();
    for (read, written) in read.entries.iter().zip(&written.entries) {
        assert_eq!((read.raw, read.stored, read.def), (written.raw, written.stored, written.def));
    }
    assert_eq!((read.size, read.sha256), (written.size, written.sha256));
}

/// Any flipped bit of the file: at a level that reads no data.
#[test]
fn each_flipped_bit_is_found() {
    for name in ["pg17/small-custom.dump", "pg18/small-tar.tar"] {
        let good = fixtures::bytes(&fixtures::root().join(name));
        let manifest = manifest(&mut in_memory(good.clone()).unwrap());
        let step = if is_exhaustive() { 13 } else { 331 };
        for (n, at) in (0..good.len()).step_by(step).enumerate() {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << (n % 8);
            let Some(mut input) = in_memory(flipped) else { continue };
            let found = errors(&mut input, &manifest, Level::Framing);
            assert!(found.iter().any(|found| found.code == Code::Manifest), "{name}, byte {at}");
        }
    }
}

#[test]
fn files_of_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("d");
    fs::create_dir(&place).unwrap();
    let files = fixtures::members(&fixtures::root().join("pg18/small-dir"));
    let restore = || {
        for (name, bytes) in &files {
            fs::write(place.join(name), bytes).unwrap();
        }
    };
    restore();
    let manifest = manifest(&mut open(&place));
    assert_eq!(manifest.members.len(), files.len());
    let is_found = |what: &str| {
        let Ok(mut input) = OpenOptions::new().damaged(true).input(&place) else { return };
        let found = errors(&mut input, &manifest, Level::Framing);
        let is = |found: &Found| found.code == Code::Manifest && found.finding.member.is_some();
        assert!(found.iter().any(is), "{what}: {found:?}");
    };
    for (n, (name, bytes)) in files.iter().enumerate() {
        let mut flipped = bytes.clone();
        let at = (n * 7919) % bytes.len();
        flipped[at] ^= 1 << (n % 8);
        fs::write(place.join(name), flipped).unwrap();
        is_found(name);
        fs::remove_file(place.join(name)).unwrap();
        is_found(name);
        restore();
    }
    fs::write(place.join("99999.dat"), b"\\.\n\n\n").unwrap();
    is_found("one more");
    fs::remove_file(place.join("99999.dat")).unwrap();
    // What is beside the archive's files is not its own.
    fs::write(place.join("manifest.pgdmp"), b"{}").unwrap();
    fs::write(place.join("notes.txt"), b"{}").unwrap();
    assert_eq!(errors(&mut open(&place), &manifest, Level::Rows), []);
}

/// In another format, compression and version it is still the same, and a changed row is found.
#[test]
fn copies_are_proved() {
    let good = fixtures::bytes(&fixtures::root().join("pg17/small-custom.dump"));
    let archive = Archive::read(good.clone()).unwrap();
    let manifest = manifest(&mut in_memory(good).unwrap());
    for target in [
        Target::new().format(Format::Tar),
        Target::new().compression(Algorithm::Zstd, None),
        Target::new().compression(Algorithm::None, None),
        Target::new().version(pgdmp::toc::ArchiveVersion::new(1, 14)),
    ] {
        let conversion = Conversion::new(&archive, &target, None).unwrap();
        let copy = conversion.write(Cursor::new(Vec::new())).unwrap().into_inner();
        for level in [Level::Toc, Level::Framing, Level::Rows] {
            let found = errors(&mut in_memory(copy.clone()).unwrap(), &manifest, level);
            assert_eq!(found, [], "{target:?}");
        }
        let reader: Box<dyn std::io::Read + Send> = Box::new(Cursor::new(copy.clone()));
        let stream = OpenOptions::new().damaged(true).stream(reader).unwrap();
        let found = errors(&mut Input::Stream(Box::new(stream)), &manifest, Level::Rows);
        assert_eq!(found, [], "{target:?} through a pipe");
        // A letter of a row, and one of a definition.
        for text in [&b"newline"[..], b"CREATE TABLE public.town"] {
            let Some(at) = copy.windows(text.len()).position(|bytes| bytes == text) else {
                continue;
            };
            let mut changed = copy.clone();
            changed[at + text.len() - 1] ^= 1;
            let found = errors(&mut in_memory(changed).unwrap(), &manifest, Level::Data);
            assert!(
                found.iter().any(|found| matches!(found.code, Code::Manifest | Code::Checksum)),
                "{target:?}"
            );
        }
    }
}

#[test]
fn entries_that_are_gone_or_new() {
    let path = fixtures::root().join("pg17/small-custom.dump");
    let mut input = open(&path);
    let whole = manifest(&mut input);
    let archive = Archive::open(&path).unwrap();
    let dropped = |entry: TocEntry<'_>| entry.desc() != pgdmp::Desc::COMMENT;
    let edited = |entry, _: &mut pgdmp::toc::EntryFields<'_>| dropped(entry);
    let part = Conversion::edited(&archive, &Target::new(), None, edited).unwrap();
    let part = part.write(Cursor::new(Vec::new())).unwrap().into_inner();
    let count = archive.entries().filter(|entry| !dropped(*entry)).count();
    assert!(count > 0);
    let is_gone = |found: &Found| found.finding.what.contains("is not in the archive");
    let found = errors(&mut in_memory(part.clone()).unwrap(), &whole, Level::Rows);
    assert_eq!(found.iter().filter(|found| is_gone(found)).count(), count, "{found:?}");
    let mut input = in_memory(part).unwrap();
    let subset = Verification::new().manifest(whole).subset(true).level(Level::Toc);
    assert!(subset.run(&mut input, |_| {}).unwrap().is_good());
    let part = manifest(&mut input);
    let found = errors(&mut open(&path), &part, Level::Toc);
    assert_eq!(found.len(), count, "{found:?}");
}

/// Members in memory, whose names cannot be listed, are compared entry by entry.
#[test]
fn members_without_a_list() {
    let members = fixtures::members(&fixtures::root().join("pg18/small-dir"));
    let archive = |members: BTreeMap<String, Vec<u8>>| {
        Input::Archive(Box::new(OpenOptions::new().read_members(members).unwrap()))
    };
    let mut members: BTreeMap<String, Vec<u8>> = members.into_iter().collect();
    let manifest = manifest(&mut archive(members.clone()));
    assert!(manifest.members.is_empty());
    assert_eq!(errors(&mut archive(members.clone()), &manifest, Level::Rows), []);
    let object = members.keys().find(|name| name.starts_with("blob_")).unwrap().clone();
    let first = members.keys().find(|name| name.ends_with(".dat.gz") && *name > &object).cloned();
    assert!(first.is_some());
    members.insert(object.replace(".gz", ""), b"another one".to_vec());
    let found = errors(&mut archive(members), &manifest, Level::Data);
    assert!(found.iter().any(|found| found.code == Code::Manifest), "{found:?}");
}
