//! Disks that fail and processes that are killed, at every place that can be tried: the input stays
//! as it is, and nothing that is not complete has the name of the output.

use std::fs;
use std::io::{self, Cursor, Seek, SeekFrom, Write};

use pgdmp::edit::{Merge, SplitBy};
use pgdmp::{Algorithm, Archive, ArchiveStream, Conversion, Format, OpenOptions, Target};

use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::fixtures;
use pgdmp_testkit::sources::{BAD_SPOT, Failing};

/// An output on which there is room for so many bytes.
#[derive(Debug)]
struct Full {
    inner: Cursor<Vec<u8>>,
    room: usize,
}

const FULL: &str = "no room";

impl Full {
    fn new(room: usize) -> Full {
        Full { inner: Cursor::new(Vec::new()), room }
    }
}

impl Write for &mut Full {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.room == 0 && !buf.is_empty() {
            return Err(io::Error::other(FULL));
        }
        let n = buf.len().min(self.room);
        self.room -= n;
        self.inner.write(&buf[..n])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &mut Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

fn small() -> Archive {
    Archive::open(fixtures::root().join("pg17/small-custom.dump")).unwrap()
}

fn target(format: Format, algorithm: Algorithm) -> Target {
    Target::new().format(format).compression(algorithm, None)
}

/// Tries an output with room for each number of bytes up to the one that is enough, in steps.
fn run_out_of_room(what: &str, write: &dyn Fn(&mut Full) -> pgdmp::Result<()>, seekable: bool) {
    let mut enough = Full::new(usize::MAX);
    write(&mut enough).unwrap();
    // What is written twice counts twice.
    let written = usize::MAX - enough.room;
    let whole = enough.inner.into_inner();
    let contents = read_all(&Archive::read(whole.clone()).unwrap()).unwrap();
    let ends = written.saturating_sub(60)..written;
    for room in (0..written).step_by(written / 150 + 1).chain(ends) {
        let mut disk = Full::new(room);
        let error = write(&mut disk).unwrap_err();
        assert!(error.is_io() && error.to_string().contains(FULL), "{what} {room}: {error}");
        let left = disk.inner.into_inner();
        let opened = Archive::read(left.clone());
        if seekable {
            assert!(opened.is_err(), "{what}: it looks complete with room for {room}");
            continue;
        }
        // A pipe cannot be called back; but whoever reads it to the end notices.
        let stream = ArchiveStream::new(&left[..]);
        let read = stream.and_then(pgdmp_testkit::contents::drain);
        assert!(read.is_err() || read.unwrap() == contents, "{what} {room}");
    }
}

#[test]
fn a_full_disk_at_every_place() {
    let archive = small();
    for (format, algorithm) in [
        (Format::Custom, Algorithm::None),
        (Format::Custom, Algorithm::Gzip),
        (Format::Custom, Algorithm::Lz4),
        (Format::Custom, Algorithm::Zstd),
        (Format::Tar, Algorithm::None),
    ] {
        let target = target(format, algorithm);
        let what = format!("{format} {algorithm}");
        let conversion = || Conversion::new(&archive, &target, None).unwrap();
        let seekable = format == Format::Custom;
        run_out_of_room(&what, &|disk| conversion().write(disk).map(drop), seekable);
        run_out_of_room(&what, &|disk| conversion().write_pipe(disk).map(drop), false);
        let bytes = fs::read(fixtures::root().join("pg17/small-custom.dump")).unwrap();
        let stream = |disk: &mut Full| {
            let mut stream = ArchiveStream::new(&bytes[..])?;
            let conversion = Conversion::of_pass(stream.pass(), &target, None)?;
            conversion.write(disk).map(drop)
        };
        run_out_of_room(&what, &stream, format == Format::Custom);
    }
    let parts = parts(&archive);
    let parts: Vec<&Archive> = parts.iter().collect();
    let merge = |disk: &mut Full| Merge::new(&parts, &Target::new())?.write(disk).map(drop);
    run_out_of_room("merge", &merge, true);
}

fn parts(archive: &Archive) -> Vec<Archive> {
    let parts = pgdmp::edit::parts(archive.toc(), SplitBy::Table);
    let write = |part: &pgdmp::edit::Part| {
        let conversion = Conversion::of_part(archive, &Target::new(), part).unwrap();
        Archive::read(conversion.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap()
    };
    parts.iter().map(write).collect()
}

/// Converts an archive with a bad spot, and says whether that was noticed.
fn convert_all(archive: &Archive, good: &Archive) -> bool {
    let expected = read_all(good).unwrap();
    let mut noticed = 0;
    let folder = tempfile::tempdir().unwrap();
    let kinds = [
        (Format::Custom, Algorithm::None),
        (Format::Directory, Algorithm::Gzip),
        (Format::Tar, Algorithm::None),
    ];
    for (format, algorithm) in kinds {
        let path = folder.path().join("new");
        let conversion = Conversion::new(archive, &target(format, algorithm), None);
        match conversion.and_then(|conversion| conversion.create(&path)) {
            // What was not read need not be readable.
            Ok(()) => {
                assert!(read_all(&Archive::open(&path).unwrap()).unwrap() == expected);
            }
            Err(error) => {
                assert!(error.to_string().contains(BAD_SPOT), "{error}");
                // A tar is written from front to back; its end is missing.
                let left = Archive::open(&path).and_then(|archive| read_all(&archive));
                assert!(left.is_err(), "{format}");
                noticed += 1;
            }
        }
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
    noticed == kinds.len()
}

#[test]
fn a_bad_spot_at_every_place() {
    let root = fixtures::root();
    for name in ["pg17/small-custom.dump", "pg18/small-tar.tar"] {
        let bytes = fs::read(root.join(name)).unwrap();
        let good = Archive::open(root.join(name)).unwrap();
        let mut noticed = 0;
        for bad in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let source = Failing { bytes: bytes.clone(), bad };
            match Archive::read(source) {
                Err(error) => {
                    assert!(error.to_string().contains(BAD_SPOT), "{name} {bad}: {error}")
                }
                Ok(archive) => noticed += usize::from(convert_all(&archive, &good)),
            }
        }
        // Of a tar, what is behind its bad spot is missed when it is opened.
        assert_eq!(noticed > 0, name.ends_with(".dump"), "{name}");
    }
    let folder = root.join("pg15/small-dir");
    let good = Archive::open(&folder).unwrap();
    let members = fixtures::members(&folder);
    for (bad, (name, bytes)) in members.iter().enumerate() {
        for at in [0, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            let sources = members.iter().enumerate().map(|(n, (name, bytes))| {
                let bad = if n == bad { at } else { usize::MAX };
                (name.clone(), Failing { bytes: bytes.clone(), bad })
            });
            match OpenOptions::new().read_members(sources) {
                Err(error) => {
                    assert!(name == "toc.dat" && error.to_string().contains(BAD_SPOT), "{error}");
                }
                Ok(archive) => assert!(convert_all(&archive, &good), "{name} {at}"),
            }
        }
    }
}
