//! Stopped at each step, and in the middle of each.

use std::collections::BTreeMap;
use std::io::Cursor;

use super::*;
use crate::archive::{ArchiveBuilder, WriteOptions};
use crate::toc::{Desc, DumpId, EntryFields, Section};

const ENTRIES: i32 = 5;

/// An archive with or without offsets.
fn archive(offsets: bool) -> Vec<u8> {
    let options =
        WriteOptions::new().created(crate::toc::CreationTime::from_fields([0, 0, 0, 1, 0, 100, 0]));
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    for id in 1..=ENTRIES {
        let fields = EntryFields::new(DumpId(id), Desc::TABLE_DATA, Section::Data);
        builder.entry(&fields.had_dumper(true)).unwrap();
    }
    fn fill<W: Write>(mut writer: crate::write::ArchiveWriter<W>) -> W {
        for id in 1..=ENTRIES {
            let mut out = writer.data(DumpId(id)).unwrap();
            write!(out, "row of {id}\n\\.\n\n\n").unwrap();
            out.finish().unwrap();
        }
        writer.finish().unwrap()
    }
    match offsets {
        true => fill(builder.start(Cursor::new(Vec::new())).unwrap()).into_inner(),
        false => fill(builder.start_pipe(Vec::new()).unwrap()),
    }
}

/// A disk that fails in the middle of a step, and from then on.
#[derive(Debug, Clone)]
struct Fake {
    /// As a reader sees it.
    archive: Vec<u8>,
    journal: Option<Vec<u8>>,
    /// What the disk need not have yet: place and former bytes.
    pending: Vec<(usize, Vec<u8>)>,
    steps: usize,
    /// The step that fails, and how many of its bytes are written.
    stop: (usize, usize),
}

impl Fake {
    fn step(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        self.steps += 1;
        match self.steps > self.stop.0 {
            true => (self.stop.1.min(bytes.len()), Err(io::Error::other("stopped"))),
            false => (bytes.len(), Ok(())),
        }
    }
}

impl Disk for Fake {
    fn write_journal(&mut self, text: &[u8]) -> io::Result<()> {
        let (len, result) = self.step(text);
        if len > 0 {
            self.journal = Some(text[..len].to_vec());
        }
        result
    }

    fn remove_journal(&mut self) -> io::Result<()> {
        self.step(&[]).1.map(|()| self.journal = None)
    }

    fn write_at(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        let (len, result) = self.step(bytes);
        let place = usize::try_from(place).unwrap();
        let target = &mut self.archive[place..place + len];
        self.pending.push((place, target.to_vec()));
        target.copy_from_slice(&bytes[..len]);
        result
    }

    fn sync(&mut self) -> io::Result<()> {
        let (_, result) = self.step(&[]);
        result.map(|()| self.pending.clear())
    }
}

struct Scene {
    folder: tempfile::TempDir,
    piped: Vec<u8>,
    whole: Vec<u8>,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        Scene { folder, piped: archive(false), whole: archive(true) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    /// Runs up to the step, and says whether that was the end.
    fn run(&self, stop: (usize, usize)) -> (Fake, bool) {
        fs::write(self.path(), &self.piped).unwrap();
        let archive = Archive::open(self.path()).unwrap();
        let offsets: Vec<(usize, u64)> =
            archive.entries().map(|e| (e.index(), archive.locate(e).unwrap())).collect();
        let patches = patches(&File::open(self.path()).unwrap(), archive.toc(), &offsets).unwrap();
        let lines = offsets.iter().map(|(n, at)| (archive.toc().get(*n).unwrap().dump_id(), *at));
        let journal = journal::text(lines);
        let mut disk = Fake {
            archive: self.piped.clone(),
            journal: None,
            pending: Vec::new(),
            steps: 0,
            stop,
        };
        let done = commit(&mut disk, &journal, &patches).is_ok();
        (disk, done)
    }

    /// Checks what a run left behind, and that the next one completes it.
    fn check(&self, left: &[u8], journal: Option<&[u8]>) {
        let archive = Archive::read(left.to_vec()).unwrap();
        let right = Archive::read(self.whole.clone()).unwrap();
        for (entry, right) in archive.entries().zip(right.entries()) {
            let offset = entry.data_offset();
            assert!(offset == Some(DataOffset::NotSet) || offset == right.data_offset());
            let mut data = Vec::new();
            archive.data(entry.dump_id()).unwrap().copy_to(&mut data).unwrap();
            assert!(data.starts_with(format!("row of {}\n", entry.dump_id()).as_bytes()));
        }
        let set = archive.entries().filter(|e| !is_missing(*e)).count();
        let path = self.path();
        fs::write(&path, left).unwrap();
        let beside = journal::path(&path.canonicalize().unwrap());
        match journal {
            None => assert!(set == 0 || left == self.whole, "neither old nor new, and no journal"),
            Some(journal) => fs::write(&beside, journal).unwrap(),
        }
        let done = reindex(&path).unwrap();
        assert_eq!((done.resumed, done.written), (journal.is_some(), ENTRIES as usize - set));
        assert!(fs::read(&path).unwrap() == self.whole);
        assert!(!beside.exists());
        assert_eq!(fs::read_dir(&self.folder).unwrap().count(), 1);
    }
}

#[test]
fn stopped_at_any_step_it_is_the_old_or_the_new() {
    let scene = Scene::new();
    let (steps, done) = scene.run((usize::MAX, 0));
    assert!(done && steps.archive == scene.whole && steps.journal.is_none());
    assert_eq!(steps.steps, 2 * ENTRIES as usize + 4);
    for step in 0..steps.steps {
        for bytes in [0, 1, 4, 8, 100] {
            let (disk, done) = scene.run((step, bytes));
            assert!(!done);
            scene.check(&disk.archive, disk.journal.as_deref());
        }
    }
}

/// The power fails: of what was written since the last `sync`, the disk has anything.
#[test]
fn whatever_the_disk_has_of_it() {
    let scene = Scene::new();
    let mut random = 1_u64;
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    for step in 0..2 * ENTRIES as usize + 4 {
        for _ in 0..20 {
            let (mut disk, _) = scene.run((step, 8));
            for (place, former) in disk.pending.iter().rev() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if random >> 63 == 0 {
                    disk.archive[*place..place + former.len()].copy_from_slice(former);
                }
            }
            scene.check(&disk.archive, disk.journal.as_deref());
            let set = Archive::read(disk.archive).unwrap();
            *seen.entry(set.entries().filter(|e| !is_missing(*e)).count()).or_default() += 1;
        }
    }
    assert!(seen.len() == ENTRIES as usize + 1, "all mixtures: {seen:?}");
}

#[test]
fn a_journal_is_not_believed() {
    let scene = Scene::new();
    let forged = |lines: &str| [&journal::text([])[..], lines.as_bytes()].concat();
    for journal in [
        &b""[..],
        b"# pg",
        &[0; 4096],
        &forged("1 20\n2 20\n3 20\n4 20\n5 20\n"),
        &forged("1 5\n2 18446744073709551615\n3 99999999999999999999999\n-1 -1\n7 7\n"),
        &forged(&"1".repeat(100_000)),
    ] {
        scene.check(&scene.piped, Some(journal));
        // One that is of no use, beside an archive that needs none.
        scene.check(&scene.whole, Some(journal));
    }
}

/// A row may look like a block of another table; a journal does not make it one.
#[test]
fn a_journal_does_not_lead_into_data() {
    let header = |id: i32| [&[1, 0][..], &id.to_le_bytes()].concat();
    let mut builder = ArchiveBuilder::new(
        Format::Custom,
        &WriteOptions::new().compression(crate::Algorithm::None, None),
    )
    .unwrap();
    for id in 1..=2 {
        let fields = EntryFields::new(DumpId(id), Desc::TABLE_DATA, Section::Data);
        builder.entry(&fields.had_dumper(true)).unwrap();
    }
    let mut writer = builder.start_pipe(Vec::new()).unwrap();
    for id in 1..=2 {
        let mut out = writer.data(DumpId(id)).unwrap();
        let text = if id == 1 { header(2) } else { b"a row".to_vec() };
        out.write_all(&text).unwrap();
        out.finish().unwrap();
    }
    let archive = writer.finish().unwrap();
    let found = memchr::memmem::find_iter(&archive, &header(2)).collect::<Vec<_>>();
    assert_eq!(found.len(), 2);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    fs::write(&path, &archive).unwrap();
    let journal = journal::path(&path.canonicalize().unwrap());
    fs::write(&journal, journal::text([(DumpId(2), found[0] as u64)])).unwrap();
    assert!(reindex(&path).unwrap().resumed);
    let archive = Archive::open(&path).unwrap();
    let entry = archive.entry(DumpId(2)).unwrap();
    assert_eq!(entry.data_offset(), Some(DataOffset::At(found[1] as u64)));
}

#[test]
fn what_is_no_journal_stays() {
    let scene = Scene::new();
    let path = scene.path();
    type Make = fn(&Path);
    let mut cases: Vec<Make> = vec![
        |beside| fs::write(beside, "notes").unwrap(),
        |beside| fs::write(beside, "\0\0\0# pgdmp ").unwrap(),
        |beside| fs::create_dir(beside).unwrap(),
    ];
    #[cfg(unix)]
    cases.extend::<[Make; 3]>([
        |beside| {
            let target = beside.with_extension("target");
            fs::write(&target, journal::text([])).unwrap();
            std::os::unix::fs::symlink(target, beside).unwrap();
        },
        |beside| {
            let made = std::process::Command::new("mkfifo").arg(beside).status().unwrap();
            assert!(made.success());
        },
        |beside| drop(std::os::unix::net::UnixListener::bind(beside).unwrap()),
    ]);
    for make in cases {
        for archive in [&scene.piped, &scene.whole] {
            fs::write(&path, archive).unwrap();
            let beside = journal::path(&path.canonicalize().unwrap());
            make(&beside);
            let before = fs::symlink_metadata(&beside).unwrap();
            let error = reindex(&path).unwrap_err().to_string();
            assert!(error.ends_with("archive.pgdmp-journal is no journal of pgdmp; move it away"));
            let after = fs::symlink_metadata(&beside).unwrap();
            assert_eq!(before.file_type(), after.file_type());
            assert_eq!(before.len(), after.len());
            assert!(fs::read(&path).unwrap() == *archive);
            let _ = fs::remove_dir(&beside).or_else(|_| fs::remove_file(&beside));
        }
    }
}
