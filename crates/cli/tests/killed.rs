//! Processes that are killed and disks that are full: the input stays as it is, and nothing that is
//! not complete has the name of the output.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Algorithm, ArchiveBuilder, Desc, DumpId, Format};

use crate::support::pgdmp_with_signals;
use pgdmp_testkit::effort::is_exhaustive;

/// Tables of 512 kB, uncompressed.
fn large(first: i32, tables: i32) -> Vec<u8> {
    let options = WriteOptions::new().compression(Algorithm::None, None).dbname("app");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    builder.session("UTF8", true).unwrap();
    for id in first..first + tables {
        let tag = format!("table_{id}");
        let defn = format!("CREATE TABLE public.{tag} ();\n");
        let fields = |id, desc, section| {
            EntryFields::new(DumpId(id), desc, section).tag(tag.as_bytes()).namespace(b"public")
        };
        let table = fields(1000 + id, Desc::TABLE, Section::PreData);
        builder.entry(&table.defn(defn.as_bytes())).unwrap();
        let data = fields(2000 + id, Desc::TABLE_DATA, Section::Data);
        let dependencies = &[DumpId(1000 + id)];
        builder.entry(&data.had_dumper(true).dependencies(dependencies)).unwrap();
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
        let mut command = pgdmp_with_signals();
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
    let steps = if is_exhaustive() { 12 } else { 8 };
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
            for step in 0..steps {
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
                let part = f64::from(step) / f64::from(steps - 2);
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

/// With a limit on the size of files. There is a signal for that, which ends who does not ignore it.
fn limited(scene: &Scene, kilobytes: usize, args: &[&str]) -> Output {
    let script = "ulimit -f \"$1\"; shift; exec \"$@\"";
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
    let output = limited(&scene, 64, &["restore", "-f", "out/sql", "in/a.dump"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr, "pgdmp: error: could not write to output file: File too large\n");
}

/// Waits until something is being written aside.
fn wait_for_aside(scene: &Scene, child: &mut Child) {
    let start = Instant::now();
    loop {
        let made = files(&scene.folder.path().join("out"));
        if made.keys().any(|path| path.components().any(|part| part.as_os_str() == "archive")) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before anything was written");
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is written");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
}

const SIGNALS: [(&str, i32); 3] = [("HUP", 1), ("INT", 2), ("TERM", 15)];

#[test]
fn signals_leave_nothing() {
    use std::os::unix::process::ExitStatusExt;
    let scene = Scene::new();
    let input = fs::read(scene.folder.path().join("in/a.dump")).unwrap();
    let jobs: [&[&str]; 8] = [
        // From a pipe that has more to come.
        &["convert", "-", "out/new"],
        &["convert", "-", "out/new", "--format", "d"],
        &["convert", "-", "out/new", "--format", "t", "--compress", "none"],
        &["convert", "-", "out/new", "--force"],
        // With a lot to do.
        &["convert", "in/a.dump", "out/new", "--compress", "zstd:19", "--archive-version", "1.16"],
        &["convert", "in/a.dump", "out/new", "--compress", "zstd:19", "-F", "d", "-j", "4"],
        &["split", "in/a.dump", "out/new", "--compress", "zstd:19"],
        &["merge", "out/new", "in/a.dump", "in/b.dump", "--compress", "zstd:19"],
    ];
    for args in jobs {
        for (name, number) in SIGNALS {
            let mut old = None;
            if args.contains(&"--force") {
                fs::write(scene.out(), "the old one").unwrap();
                old = Some(scene.out());
            }
            let mut child =
                scene.program(args).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            if args[1] == "-" {
                child.stdin.as_ref().unwrap().write_all(&input[..input.len() / 2]).unwrap();
            }
            wait_for_aside(&scene, &mut child);
            send(name, &child);
            let stdin = child.stdin.take();
            let output = child.wait_with_output().unwrap();
            drop(stdin);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.signal(), Some(number), "{args:?} {name}: {stderr}");
            assert_eq!(stderr, "", "{args:?} {name}");
            scene.check_inputs();
            let left: Vec<PathBuf> = fs::read_dir(scene.folder.path().join("out"))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            assert!(left.iter().eq(old.iter()), "{args:?} {name}: {left:?}");
            if let Some(old) = old {
                assert_eq!(fs::read_to_string(&old).unwrap(), "the old one");
                fs::remove_file(old).unwrap();
            }
        }
    }
}

/// As under `nohup`, or behind the back of a shell.
#[cfg(target_os = "linux")]
#[test]
fn signals_that_are_ignored_stay_so() {
    let scene = Scene::new();
    let input = fs::read(scene.folder.path().join("in/a.dump")).unwrap();
    for (name, _) in SIGNALS {
        let script = format!("trap '' {name}; exec \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_pgdmp"), "convert", "-", "out/new"])
            .current_dir(scene.folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let (first, second) = input.split_at(input.len() / 2);
        child.stdin.as_ref().unwrap().write_all(first).unwrap();
        wait_for_aside(&scene, &mut child);
        send(name, &child);
        child.stdin.take().unwrap().write_all(second).unwrap();
        assert!(child.wait().unwrap().success(), "{name}");
        assert!(scene.output().values().next().unwrap().starts_with(pgdmp::toc::MAGIC));
        scene.remove_output();
    }
}

#[test]
fn a_full_disk() {
    let scene = Scene::new();
    let Ok(full) = fs::File::create("/dev/full") else {
        pgdmp_testkit::effort::skipped("there is no /dev/full here");
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
