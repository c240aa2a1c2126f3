//! Processes that are killed and disks that are full: the input stays as it is, and nothing that is
//! not complete has the name of the output.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use pgdmp::{Algorithm, ArchiveBuilder, Desc, DumpId, EntryFields, Format, Section, WriteOptions};

use crate::support::pgdmp;

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
