//! Where an output goes, what it may replace, and what is never touched.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pgdmp::Archive;
use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::fixtures;

use crate::support::pgdmp;

const DUMP: &str = "app.dump";
const FOLDER: &str = "app.dir";
const COMMANDS: [&[&str]; 4] = [
    &["convert", DUMP, "out"],
    &["convert", DUMP, "out", "--format", "d"],
    &["merge", "-o", "out", DUMP],
    &["split", DUMP, "out"],
];

struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Scene {
        let scene = Scene(tempfile::tempdir().unwrap());
        let root = fixtures::root();
        fs::copy(root.join("pg17/small-custom.dump"), scene.path(DUMP)).unwrap();
        scene.archive_folder(FOLDER);
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn archive_folder(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
        for (member, bytes) in fixtures::members(&fixtures::root().join("pg15/small-dir")) {
            fs::write(self.path(name).join(member), bytes).unwrap();
        }
    }

    /// Runs the program, which may not hang.
    fn run(&self, args: &[&str], stdin: Option<File>, stdout: Option<File>) -> Output {
        let mut command = Command::new("timeout");
        command.args(["60", env!("CARGO_BIN_EXE_pgdmp")]).args(args).current_dir(self.0.path());
        command.stdin(stdin.map_or_else(Stdio::null, Stdio::from));
        command.stdout(stdout.map_or_else(Stdio::piped, Stdio::from)).stderr(Stdio::piped());
        command.spawn().unwrap().wait_with_output().unwrap()
    }

    fn ok(&self, args: &[&str]) {
        let output = self.run(args, None, None);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
    }

    /// Runs it to see it refuse, and leave all as it is.
    fn refused(&self, args: &[&str], code: i32, expected: &str) {
        let before = self.all();
        self.check_refused(self.run(args, None, None), args, code, expected);
        assert!(self.all() == before, "{args:?}: something has changed");
    }

    fn check_refused(&self, output: Output, args: &[&str], code: i32, expected: &str) {
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }

    /// All there is, with its number and what it holds.
    fn all(&self) -> BTreeMap<PathBuf, (u64, u32, Vec<u8>)> {
        let mut all = BTreeMap::new();
        let mut todo = vec![self.0.path().to_owned()];
        while let Some(folder) = todo.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let text = match metadata.is_file() {
                    true => fs::read(&path).unwrap(),
                    false => Vec::new(),
                };
                if metadata.is_dir() {
                    todo.push(path.clone());
                }
                all.insert(path, (metadata.ino(), metadata.mode(), text));
            }
        }
        all
    }
}

fn with_force<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--force"]].concat()
}

/// A node of the system, in a folder of ours.
fn mknod(path: &Path, kind: &[&str]) -> bool {
    let made = Command::new("mknod").arg(path).args(kind).output().unwrap();
    if !made.status.success() {
        pgdmp_testkit::effort::skipped(format_args!(
            "no node can be made here: {}",
            String::from_utf8_lossy(&made.stderr)
        ));
    }
    made.status.success()
}

#[test]
fn folders_that_look_like_ours_stay() {
    type Make = fn(&Scene, &Path);
    let cases: [Make; 5] = [
        |scene, folder| {
            fs::write(folder.join("lock"), "").unwrap();
            symlink(scene.path("victim"), folder.join("replaced")).unwrap();
        },
        |scene, folder| {
            fs::write(folder.join("lock"), "").unwrap();
            fs::create_dir(folder.join("replaced")).unwrap();
            fs::rename(scene.path("victim/file"), folder.join("replaced/file")).unwrap();
        },
        |_, folder| assert!(mknod(&folder.join("lock"), &["p"])),
        |scene, folder| symlink(scene.path("victim/file"), folder.join("lock")).unwrap(),
        |_, folder| fs::write(folder.join("lock"), "notes").unwrap(),
    ];
    for name in [".pgdmp-mine", ".pgdmp-AbC123", ".pgdmp-0123456789abcdef"] {
        for make in cases {
            let scene = Scene::new();
            fs::create_dir(scene.path("victim")).unwrap();
            fs::write(scene.path("victim/file"), "precious").unwrap();
            let folder = scene.path(name);
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
            make(&scene, &folder);
            let mut expected = scene.all();
            scene.ok(&["convert", DUMP, "out"]);
            let mut found = scene.all();
            assert!(found.remove(&scene.path("out")).is_some());
            // Its name is new in the folder.
            expected.remove(scene.0.path());
            assert!(found == expected, "{name}");
        }
    }
}

#[test]
fn directories_that_are_no_archives_stay() {
    type Make = fn(&Scene);
    let cases: [(Make, &str); 7] = [
        (|scene| fs::write(scene.path("out/notes"), "mine").unwrap(), "notes"),
        (
            |scene| {
                fs::remove_dir(scene.path("out")).unwrap();
                scene.archive_folder("out");
                fs::write(scene.path("out/notes"), "mine").unwrap();
            },
            "notes",
        ),
        (
            |scene| {
                fs::remove_dir(scene.path("out")).unwrap();
                scene.archive_folder("out");
                fs::create_dir(scene.path("out/1.dat")).unwrap();
            },
            "1.dat",
        ),
        (
            |scene| {
                fs::remove_dir(scene.path("out")).unwrap();
                scene.archive_folder("out");
                symlink("/etc/hostname", scene.path("out/9.dat")).unwrap();
            },
            "9.dat",
        ),
        (|scene| fs::write(scene.path("out/toc.dat"), "no archive").unwrap(), "toc.dat"),
        (|scene| fs::write(scene.path("out/1.dat"), "an interrupted dump").unwrap(), "toc.dat"),
        // Two backups.
        (
            |scene| {
                fs::copy(scene.path(DUMP), scene.path("out/app.dump")).unwrap();
                scene.archive_folder("out/other");
            },
            "",
        ),
    ];
    for (make, named) in cases {
        let scene = Scene::new();
        fs::create_dir(scene.path("out")).unwrap();
        make(&scene);
        for command in COMMANDS {
            scene.refused(command, 2, "out exists; --force replaces it");
            let expected = match command[0] {
                "split" => "out is a directory that split did not make so",
                _ => "out is a directory, and no archive: it has ",
            };
            scene.refused(&with_force(command), 2, expected);
            if command[0] != "split" {
                scene.refused(&with_force(command), 2, named);
            }
        }
    }
}

#[test]
fn what_split_made_is_replaced_by_split_alone() {
    for format in ["c", "t", "d"] {
        for by in ["table", "schema"] {
            let scene = Scene::new();
            let split = ["split", DUMP, "out", "--by", by, "--format", format];
            scene.ok(&split);
            let before = scene.all();
            scene.refused(&with_force(&["convert", DUMP, "out"]), 2, "no archive: it has ");
            scene.ok(&with_force(&split));
            assert!(scene.all().keys().eq(before.keys()));
            assert!(scene.all() != before);
            scene.ok(&["split", DUMP, "out", "--by", "table", "--force"]);
            // With something else in it, it is not what split made.
            fs::copy(scene.path(DUMP), scene.path("out/app.dump")).unwrap();
            scene.refused(&with_force(&split), 2, "out is a directory that split did not make so");
        }
    }
    // Neither is a folder with one backup.
    let scene = Scene::new();
    fs::create_dir(scene.path("backups")).unwrap();
    let other = fixtures::root().join("pg15/small-custom.dump");
    fs::copy(other, scene.path("backups/public.dump")).unwrap();
    scene.refused(&["split", DUMP, "backups", "--force"], 2, "split did not make");
}

#[test]
fn empty_folders_and_archives_are_replaced() {
    for command in COMMANDS {
        let scene = Scene::new();
        fs::create_dir(scene.path("out")).unwrap();
        scene.ok(&with_force(command));
        fs::remove_dir_all(scene.path("out"))
            .or_else(|_| fs::remove_file(scene.path("out")))
            .unwrap();
        scene.archive_folder("out");
        scene.ok(&with_force(command));
        let names = fs::read_dir(scene.0.path()).unwrap().count();
        assert_eq!(names, 3, "{command:?}");
    }
}

#[test]
fn what_contains_an_input_stays() {
    let scene = Scene::new();
    fs::create_dir_all(scene.path("backups/old")).unwrap();
    fs::rename(scene.path(DUMP), scene.path("backups/old/app.dump")).unwrap();
    let input = "backups/old/app.dump";
    symlink("backups/old", scene.path("link")).unwrap();
    for input in [input, "link/app.dump"] {
        for out in ["backups", "backups/old", "./backups/"] {
            for command in ["convert", "split"] {
                let args = [command, input, out, "--force"];
                scene.refused(&args, 2, &format!("contains {input}, which is read"));
            }
            scene.refused(&["merge", out, input, input, "--force"], 2, "contains ");
        }
    }
    scene.refused(&["convert", input, "link", "--force"], 2, "link contains ");
    // From within.
    let mut inside = pgdmp();
    inside.args(["convert", "app.dump", "../old", "--force"]);
    let output = inside.current_dir(scene.path("backups/old")).output().unwrap();
    scene.check_refused(output, &["from within"], 2, "../old contains app.dump");

    // Parts of the archive to be replaced by the whole.
    let scene = Scene::new();
    scene.ok(&["split", DUMP, "parts", "--format", "d"]);
    let part = "parts/public.town";
    scene.refused(&["split", part, "parts", "--force"], 2, "parts contains parts/public.town");
    scene.refused(&["convert", part, "parts", "--force"], 2, "parts contains parts/public.town");
}

#[test]
fn what_is_linked_to_an_input_stays() {
    let scene = Scene::new();
    fs::hard_link(scene.path(DUMP), scene.path("hard")).unwrap();
    symlink(DUMP, scene.path("soft")).unwrap();
    symlink(FOLDER, scene.path("soft.dir")).unwrap();
    fs::create_dir(scene.path("out.dir")).unwrap();
    for entry in fs::read_dir(scene.path(FOLDER)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match name.ends_with(".toc") {
            true => fs::hard_link(&path, scene.path("out.dir").join(name)).unwrap(),
            false => drop(fs::copy(&path, scene.path("out.dir").join(name)).unwrap()),
        }
    }
    let is_read = "is the archive that is read";
    for out in [DUMP, "hard", "soft"] {
        for input in [DUMP, "hard", "soft"] {
            for command in ["convert", "split"] {
                scene.refused(&[command, input, out, "--force"], 2, is_read);
            }
            scene.refused(&["merge", out, FOLDER, input, "--force"], 2, is_read);
        }
    }
    for out in [FOLDER, "soft.dir", "app.dir/toc.dat", "soft.dir/toc.dat"] {
        scene.refused(&["convert", FOLDER, out, "--force", "--format", "c"], 2, is_read);
    }
    scene.refused(&["convert", FOLDER, "out.dir", "--force"], 2, "out.dir contains app.dir");
    // Lists and filters.
    fs::write(scene.path("list"), "").unwrap();
    fs::hard_link(scene.path("list"), scene.path("list2")).unwrap();
    for option in ["-L", "--filter"] {
        let args = ["convert", DUMP, "list2", option, "list", "--force"];
        scene.refused(&args, 2, "list2 is list, which is read");
    }
    // Standard input, and standard output.
    let before = scene.all();
    for out in [DUMP, "hard", "soft"] {
        let args = ["convert", "-", out, "--force"];
        let stdin = File::open(scene.path(DUMP)).unwrap();
        scene.check_refused(scene.run(&args, Some(stdin), None), &args, 2, is_read);
    }
    let commands: [&[&str]; 6] = [
        &["convert", DUMP, "-"],
        &["merge", "-", FOLDER, DUMP],
        &["list", "hard"],
        &["cat", DUMP, "town"],
        &["du", DUMP],
        &["restore", "-f", "-", DUMP],
    ];
    for args in commands {
        let code = if args[0] == "restore" { 1 } else { 2 };
        let stdout = File::options().append(true).open(scene.path(DUMP)).unwrap();
        let output = scene.run(args, None, Some(stdout));
        scene.check_refused(output, args, code, "standard output is the archive that is read");
    }
    assert!(scene.all() == before);
}

#[test]
fn restore_does_not_write_to_what_it_reads() {
    let scene = Scene::new();
    fs::hard_link(scene.path(DUMP), scene.path("hard")).unwrap();
    symlink(DUMP, scene.path("soft")).unwrap();
    fs::write(scene.path("list"), "").unwrap();
    symlink(env!("CARGO_BIN_EXE_pgdmp"), scene.path("pg_restore")).unwrap();
    let is_read = "is the archive that is read\n";
    for name in ["pgdmp", "pg_restore"] {
        let run = |args: &[&str], stdin: Option<File>, expected: &str| {
            let before = scene.all();
            let mut command = match name {
                "pgdmp" => pgdmp(),
                _ => Command::new(scene.path("pg_restore")),
            };
            command.args((name == "pgdmp").then_some("restore")).args(args);
            command.stdin(stdin.map_or_else(Stdio::null, Stdio::from));
            let output = command.current_dir(scene.0.path()).output().unwrap();
            scene.check_refused(output, args, 1, &format!("{name}: error: "));
            let output = command.output().unwrap();
            scene.check_refused(output, args, 1, expected);
            assert!(scene.all() == before, "{args:?}");
        };
        for out in [DUMP, "hard", "soft", "./app.dump"] {
            run(&["-f", out, DUMP], None, is_read);
            run(&["-l", "-f", out, DUMP], None, is_read);
            run(&["-f", out], Some(File::open(scene.path(DUMP)).unwrap()), is_read);
        }
        for out in ["app.dir/toc.dat", "app.dir/blobs.toc"] {
            run(&["-f", out, FOLDER], None, is_read);
            run(&["-l", "-f", out, FOLDER], None, is_read);
        }
        run(&["-L", "list", "-f", "list", DUMP], None, "list is list, which is read\n");
        run(&["--filter", "list", "-f", "./list", DUMP], None, "is list, which is read\n");
        run(&["-l", "-L", "list", "-f", "list", DUMP], None, "list is list, which is read\n");
    }
    // What is not read is written to, and cut.
    fs::write(scene.path("sql"), vec![b'x'; 1 << 20]).unwrap();
    scene.ok(&["restore", "-f", "sql", DUMP]);
    let sql = fs::read_to_string(scene.path("sql")).unwrap();
    assert!(sql.contains("-- PostgreSQL database dump complete\n") && !sql.ends_with('x'));
}

#[test]
fn pipes_are_written_to_and_stay() {
    let scene = Scene::new();
    let pipe = scene.path("pipe");
    assert!(mknod(&pipe, &["p"]));
    symlink("pipe", scene.path("link")).unwrap();
    for args in [
        &["convert", DUMP, "pipe"][..],
        &["convert", DUMP, "pipe", "--force", "--format", "t", "--compress", "none"],
        &["convert", DUMP, "link", "--force"],
        &["merge", "pipe", DUMP, "--force"],
    ] {
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut bytes = Vec::new();
                File::open(pipe).unwrap().read_to_end(&mut bytes).unwrap();
                bytes
            }
        });
        scene.ok(args);
        let archive = Archive::read(reader.join().unwrap()).unwrap();
        let original = Archive::open(scene.path(DUMP)).unwrap();
        assert!(read_all(&archive).unwrap() == read_all(&original).unwrap(), "{args:?}");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }
    scene.refused(&["convert", FOLDER, "pipe", "--force"], 2, "does not go to pipe");
    scene.refused(&["split", DUMP, "pipe", "--force"], 2, "pipe is a pipe or a device");
    scene.refused(&["convert", "pipe", "pipe"], 2, "pipe is the archive that is read");
}

#[test]
fn sockets_and_devices_stay() {
    let scene = Scene::new();
    let listener = UnixListener::bind(scene.path("out")).unwrap();
    for command in COMMANDS {
        scene.refused(command, 2, "out is a socket, to which no archive can be written");
        scene.refused(&with_force(command), 2, "out is a socket");
    }
    // Nobody has called.
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

    fs::remove_file(scene.path("out")).unwrap();
    // /dev/null and /dev/full, in a folder of ours.
    if !mknod(&scene.path("out"), &["c", "1", "3"]) {
        return;
    }
    assert!(mknod(&scene.path("full"), &["c", "1", "7"]));
    symlink("out", scene.path("link")).unwrap();
    if let Err(error) = File::options().write(true).open(scene.path("out")) {
        pgdmp_testkit::effort::skipped(format_args!(
            "devices do not work in {}: {error}",
            scene.0.path().display()
        ));
        return;
    }
    let before = scene.all();
    for args in [
        &["convert", DUMP, "out"][..],
        &["convert", DUMP, "out", "--force"],
        &["convert", DUMP, "link", "--force"],
        &["merge", "out", DUMP, "--force"],
        &["restore", "-f", "out", DUMP],
    ] {
        scene.ok(args);
    }
    assert!(scene.all() == before);
    scene.refused(&["convert", DUMP, "full", "--force"], 2, "No space left on device");
    scene.refused(&["split", DUMP, "out", "--force"], 2, "out is a pipe or a device");
    scene.refused(&["convert", FOLDER, "out", "--force"], 2, "does not go to out");
    // A device that is not there: nothing is written, the node stays.
    assert!(mknod(&scene.path("block"), &["b", "240", "250"]));
    let message = "block is a device; --force writes over what is on it";
    scene.refused(&["convert", DUMP, "block"], 2, message);
    scene.refused(&["convert", DUMP, "block", "--force"], 2, "block: ");
}

/// As `/dev/stdout` is one.
#[test]
fn links_of_the_system_stay() {
    let scene = Scene::new();
    symlink("/proc/self/fd/1", scene.path("out")).unwrap();
    let to_file = |args: &[&str]| {
        let stdout = File::create(scene.path("file")).unwrap();
        scene.run(args, None, Some(stdout))
    };
    for command in COMMANDS {
        let output = to_file(&with_force(command));
        scene.check_refused(
            output,
            command,
            2,
            "out is a link of the system; - is standard output",
        );
        assert!(fs::symlink_metadata(scene.path("out")).unwrap().is_symlink());
    }
    // A pipe is another matter.
    let output = scene.run(&["convert", DUMP, "out"], None, None);
    assert!(output.status.success() && output.stdout.starts_with(pgdmp::toc::MAGIC));
}

/// The first of several archives is not taken for the output that was forgotten.
#[test]
fn a_forgotten_output_costs_no_archive() {
    let scene = Scene::new();
    scene.ok(&["convert", DUMP, "town.dump", "-t", "town"]);
    scene.ok(&["convert", DUMP, "vacant.dump", "-t", "vacant"]);
    scene.ok(&["convert", DUMP, "schema.dump", "-s"]);
    scene.ok(&["convert", FOLDER, "town.dir", "-t", "town", "--compress", "none"]);
    scene.ok(&["split", DUMP, "parts"]);
    let bytes = fs::read(scene.path("vacant.dump")).unwrap();
    fs::write(scene.path("cut.dump"), &bytes[..bytes.len() / 4]).unwrap();
    fs::write(scene.path("notes"), "no archive at all\n").unwrap();
    for first in ["town.dump", "town.dir", DUMP, "schema.dump", "cut.dump", "notes"] {
        let expected = "exists, and there is but one archive to join: is it an input, and the \
                        output was forgotten? -o ";
        scene.refused(&["merge", "--force", first, "vacant.dump"], 2, expected);
    }
    // Even a copy: one archive has nothing to be joined with.
    fs::copy(scene.path("town.dump"), scene.path("copy.dump")).unwrap();
    scene.refused(&["merge", "--force", "copy.dump", "town.dump"], 2, "copy.dump exists, and");
    for (args, expected) in [
        (["town.dump", "vacant.dump", "schema.dump"], "TABLE DATA public.town, which no"),
        (["schema.dump", "vacant.dump", "town.dump"], "has "),
        (["cut.dump", "vacant.dump", "town.dump"], "cut.dump exists, and cannot be looked into"),
    ] {
        scene.refused(&[&["merge", "--force"], &args[..]].concat(), 2, expected);
    }
    // As a shell has it of parts/*.
    let mut parts: Vec<PathBuf> =
        fs::read_dir(scene.path("parts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    parts.sort();
    let mut parts: Vec<&str> = parts.iter().map(|path| path.to_str().unwrap()).collect();
    for _ in 0..parts.len() {
        parts.rotate_left(1);
        if parts[0].ends_with("everything-else.dump") {
            // It has the large objects.
            scene.refused(&[&["merge", "--force"], &parts[..]].concat(), 2, "BLOBS");
        } else {
            scene.refused(&[&["merge", "--force"], &parts[..]].concat(), 2, "which no input has");
        }
    }
    // What was merged before may be merged anew; and with -o, whatever it was.
    scene.ok(&[&["merge", "all.dump"], &parts[..]].concat());
    scene.ok(&[&["merge", "--force", "all.dump"], &parts[..]].concat());
    scene.ok(&[&["merge", "--force", "notes"], &parts[..]].concat());
    let everything = Archive::open(scene.path("all.dump")).unwrap().entries().count();
    assert_eq!(everything, Archive::open(scene.path(DUMP)).unwrap().entries().count());
    scene.refused(&["merge", "-o", "all.dump", "town.dump"], 2, "all.dump exists; --force");
    for output in ["all.dump", "cut.dump", "town.dir"] {
        scene.ok(&["merge", "--force", "-o", output, "vacant.dump", "town.dump"]);
        assert_eq!(tables(&scene, output), ["town", "vacant"]);
    }
    scene.ok(&["merge", "-o", "new.dump", "town.dump"]);
    assert_eq!(tables(&scene, "new.dump"), ["town"]);
    let new = ["merge", "--force", "--output=new.dump", "new.dump", "vacant.dump"];
    scene.refused(&new, 2, "new.dump is the archive that is read");
}

fn tables(scene: &Scene, name: &str) -> Vec<String> {
    let archive = Archive::open(scene.path(name)).unwrap();
    let tables = archive.entries().filter(|entry| entry.desc() == pgdmp::Desc::TABLE);
    let mut names: Vec<String> =
        tables.map(|table| String::from_utf8(table.tag().unwrap().to_vec()).unwrap()).collect();
    names.sort();
    names
}

#[test]
fn manual_pages_take_the_place_of_links() {
    let scene = Scene::new();
    fs::create_dir(scene.path("pages")).unwrap();
    fs::write(scene.path("file"), "precious").unwrap();
    symlink("../file", scene.path("pages/pgdmp-list.1")).unwrap();
    fs::write(scene.path("pages/pgdmp-cat.1"), "an old page").unwrap();
    scene.ok(&["man", "--dir", "pages"]);
    assert_eq!(fs::read_to_string(scene.path("file")).unwrap(), "precious");
    let pages: Vec<_> = fs::read_dir(scene.path("pages")).unwrap().map(Result::unwrap).collect();
    assert!(pages.len() > 10);
    for page in pages {
        assert!(page.file_type().unwrap().is_file(), "{page:?}");
        assert!(fs::read_to_string(page.path()).unwrap().contains(".TH pgdmp"), "{page:?}");
    }
    scene.refused(&["man", "--dir", "nowhere"], 2, "nowhere: No such file or directory");
}
