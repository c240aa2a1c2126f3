//! Disks that fail and processes that are killed, at every place that can be tried: the input stays
//! as it is, and nothing that is not complete has the name of the output.

use std::fs;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::path::Path;

use pgdmp::{
    Algorithm, Archive, ArchiveStream, Conversion, Format, Merge, OpenOptions, SplitBy,
    StreamConversion, Target,
};

use crate::support::contents::read_all;
use crate::support::fixtures;
use crate::support::sources::{BAD_SPOT, Failing};

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
    let mut target = Target::new();
    target.format(format).compression(algorithm, None);
    target
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
        let read = stream.and_then(crate::support::contents::drain);
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
        // What is copied unchanged begins with its magic.
        let seekable = what != "custom gzip" && format == Format::Custom;
        run_out_of_room(&what, &|disk| conversion().write(disk).map(drop), seekable);
        run_out_of_room(&what, &|disk| conversion().write_pipe(disk).map(drop), false);
        let bytes = fs::read(fixtures::root().join("pg17/small-custom.dump")).unwrap();
        let stream = |disk: &mut Full| {
            let mut stream = ArchiveStream::new(&bytes[..])?;
            let conversion = StreamConversion::new(&stream, &target, None)?;
            conversion.write(&mut stream, disk).map(drop)
        };
        run_out_of_room(&what, &stream, format == Format::Custom);
    }
    let parts = parts(&archive);
    let parts: Vec<&Archive> = parts.iter().collect();
    let merge = |disk: &mut Full| Merge::new(&parts, &Target::new())?.write(disk).map(drop);
    run_out_of_room("merge", &merge, true);
}

fn parts(archive: &Archive) -> Vec<Archive> {
    let parts = pgdmp::split(archive.toc(), SplitBy::Table);
    let write = |part: &pgdmp::Part| {
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

#[cfg(all(unix, feature = "cli"))]
mod processes {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::process::{Command, Output, Stdio};
    use std::time::{Duration, Instant};

    use pgdmp::{ArchiveBuilder, Desc, DumpId, EntryFields, Section, WriteOptions};

    use super::*;
    use crate::support::program::pgdmp;

    /// Tables of 512 kB, uncompressed.
    fn large(first: i32, tables: i32) -> Vec<u8> {
        let mut options = WriteOptions::new();
        options.compression(Algorithm::None, None).dbname("app");
        let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
        builder.session("UTF8", true).unwrap();
        for id in first..first + tables {
            let tag = format!("table_{id}");
            let defn = format!("CREATE TABLE public.{tag} ();\n");
            let fields = |id, desc, section| EntryFields {
                tag: Some(tag.as_bytes()),
                namespace: Some(b"public"),
                ..EntryFields::new(DumpId(id), desc, section)
            };
            let table = fields(1000 + id, Desc::TABLE, Section::PreData);
            builder.entry(&EntryFields { defn: Some(defn.as_bytes()), ..table }).unwrap();
            let data = fields(2000 + id, Desc::TABLE_DATA, Section::Data);
            let dependencies = &[DumpId(1000 + id)];
            builder.entry(&EntryFields { had_dumper: true, dependencies, ..data }).unwrap();
        }
        let mut writer = builder.start(Cursor::new(Vec::new())).unwrap();
        let mut number = 1_u64;
        for id in first..first + tables {
            let mut out = writer.data(DumpId(2000 + id)).unwrap();
            for row in 0..16_000 {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                writeln!(out, "{row}\tsome text {number}").unwrap();
            }
            out.write_all(b"\\.\n\n\n").unwrap();
            out.finish().unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// All files below a folder.
    fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => all.extend(files(&path)),
                false => drop(all.insert(path.clone(), fs::read(&path).unwrap())),
            }
        }
        all
    }

    struct Scene {
        folder: tempfile::TempDir,
        inputs: BTreeMap<PathBuf, Vec<u8>>,
    }

    impl Scene {
        fn new() -> Scene {
            let folder = tempfile::tempdir().unwrap();
            let input = folder.path().join("in");
            fs::create_dir(&input).unwrap();
            fs::create_dir(folder.path().join("out")).unwrap();
            fs::write(input.join("a.dump"), large(1, 4)).unwrap();
            fs::write(input.join("b.dump"), large(101, 4)).unwrap();
            let inputs = files(&input);
            Scene { folder, inputs }
        }

        fn program(&self, args: &[&str]) -> Command {
            let mut command = pgdmp();
            command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
            command
        }

        fn out(&self) -> PathBuf {
            self.folder.path().join("out/new")
        }

        /// The output's files without its name; empty if there is none.
        fn output(&self) -> BTreeMap<PathBuf, Vec<u8>> {
            let out = self.out();
            match fs::metadata(&out) {
                Err(_) => BTreeMap::new(),
                Ok(metadata) if metadata.is_dir() => files(&out),
                Ok(_) => BTreeMap::from([(out.clone(), fs::read(&out).unwrap())]),
            }
        }

        fn remove_output(&self) {
            let out = self.out();
            let _ = fs::remove_dir_all(&out).or_else(|_| fs::remove_file(&out));
        }

        fn check_inputs(&self) {
            assert!(files(&self.folder.path().join("in")) == self.inputs, "the input has changed");
        }
    }

    const JOBS: [&[&str]; 6] = [
        &["convert", "in/a.dump", "out/new", "--compress", "gzip"],
        &["convert", "in/a.dump", "out/new", "--format", "d", "--compress", "gzip:1"],
        &["convert", "in/a.dump", "out/new", "--format", "t"],
        &["convert", "in/a.dump", "out/new"],
        &["merge", "out/new", "in/a.dump", "in/b.dump", "--compress", "lz4"],
        &["split", "in/a.dump", "out/new", "--compress", "zstd"],
    ];

    #[test]
    fn killed_at_any_instant() {
        const STEPS: u32 = 12;
        let scene = Scene::new();
        let (mut without, mut with, mut left) = (0, 0, 0);
        for job in JOBS {
            for force in [false, true] {
                let mut args = job.to_vec();
                args.extend(force.then_some("--force"));
                let run = || scene.program(&args).stderr(Stdio::null()).spawn().unwrap();
                // Also what the last kill left aside, which may be what it was to replace.
                fs::remove_dir_all(scene.folder.path().join("out")).unwrap();
                fs::create_dir(scene.folder.path().join("out")).unwrap();
                let start = Instant::now();
                assert!(run().wait().unwrap().success(), "{args:?}");
                let took = start.elapsed();
                let whole = scene.output();
                for step in 0..STEPS {
                    let old = match force {
                        false => BTreeMap::new(),
                        // Something else that is there, and is to be replaced.
                        true => {
                            scene.remove_output();
                            scene.program(&["convert", "in/b.dump", "out/new"]).status().unwrap();
                            scene.output()
                        }
                    };
                    let mut child = run();
                    let part = f64::from(step) / f64::from(STEPS - 2);
                    std::thread::sleep(took.mul_f64(part).max(Duration::from_micros(100)));
                    child.kill().unwrap();
                    child.wait().unwrap();
                    scene.check_inputs();
                    let found = scene.output();
                    // A folder that takes the place of something has two instants.
                    assert!(
                        found == old || found == whole || found.is_empty(),
                        "{args:?}: neither as before nor complete"
                    );
                    let beside = fs::read_dir(scene.folder.path().join("out")).unwrap().count();
                    left += beside - usize::from(scene.out().exists());
                    if found == whole {
                        with += 1
                    } else {
                        without += 1
                    }
                    // The next run finds nothing in its way, and tidies up.
                    if !force {
                        scene.remove_output();
                    }
                    if step % 4 == 0 {
                        assert!(run().wait().unwrap().success());
                        assert!(scene.output() == whole, "{args:?}");
                        let folder = scene.folder.path().join("out");
                        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "{args:?}");
                        if !force {
                            scene.remove_output();
                        }
                    }
                }
            }
        }
        eprintln!("killed: {with} complete, {without} not; left beside: {left}");
        assert!(with > 0 && without > with && left > 0);
    }

    fn limited(scene: &Scene, kilobytes: usize, args: &[&str]) -> Output {
        // Without the signal, writing fails with an error, as on a full disk.
        let script = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
        let blocks = (kilobytes * 2).to_string();
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", &blocks, env!("CARGO_BIN_EXE_pgdmp")]).args(args);
        command.current_dir(scene.folder.path()).output().unwrap()
    }

    #[test]
    fn files_that_may_not_grow() {
        let scene = Scene::new();
        for job in JOBS {
            for kilobytes in [0, 1, 64, 100] {
                let output = limited(&scene, kilobytes, job);
                let stderr = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(2), "{job:?} {kilobytes}: {stderr}");
                assert!(stderr.contains("File too large"), "{job:?}: {stderr}");
                scene.check_inputs();
                let left = fs::read_dir(scene.folder.path().join("out")).unwrap().count();
                assert_eq!(left, 0, "{job:?}");
            }
        }
        // reindex changes nothing before its journal is complete.
        let path = scene.folder.path().join("out/piped");
        let file = fs::File::create(&path).unwrap();
        let args = ["convert", "in/a.dump", "-", "--compress", "lz4"];
        assert!(scene.program(&args).stdout(file).status().unwrap().success());
        let before = fs::read(&path).unwrap();
        let output = limited(&scene, 0, &["reindex", "out/piped"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("journal beside it: File too large"), "{stderr}");
        assert!(fs::read(&path).unwrap() == before);
        assert_eq!(fs::read_dir(scene.folder.path().join("out")).unwrap().count(), 1);
        assert!(scene.program(&["reindex", "out/piped"]).status().unwrap().success());
    }

    #[test]
    fn a_full_disk() {
        let scene = Scene::new();
        let Ok(full) = fs::File::create("/dev/full") else {
            eprintln!("skipped: there is no /dev/full here");
            return;
        };
        for args in [
            &["convert", "in/a.dump", "-"][..],
            &["convert", "in/a.dump", "-", "--compress", "gzip"],
            &["convert", "in/a.dump", "-", "--format", "t"],
            &["merge", "-", "in/a.dump", "in/b.dump"],
        ] {
            let output = scene.program(args).stdout(full.try_clone().unwrap()).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
            assert!(stderr.contains("No space left on device"), "{args:?}: {stderr}");
            scene.check_inputs();
        }
    }
}
