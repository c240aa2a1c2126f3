//! convert, reindex, split and merge as their users run them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pgdmp::toc::{ArchiveVersion, DataOffset};
use pgdmp::{Archive, Format};

use crate::support::pgdmp;
use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::fixtures;

/// A folder with copies of fixtures.
struct Place(tempfile::TempDir);

const CUSTOM: &str = "backup.dump";
const FOLDER: &str = "backup";
const PIPED: &str = "piped.dump";

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let root = fixtures::root();
        fs::copy(root.join("pg17/small-custom.dump"), place.path(CUSTOM)).unwrap();
        fs::copy(root.join("pg15/mini-pipe.dump"), place.path(PIPED)).unwrap();
        fs::create_dir(place.path(FOLDER)).unwrap();
        for (name, bytes) in fixtures::members(&root.join("pg15/small-dir")) {
            fs::write(place.path(FOLDER).join(name), bytes).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = pgdmp();
        command.args(args).current_dir(self.0.path()).env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a run that ended well said.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        stderr
    }

    /// What a run that failed said.
    fn fails(&self, args: &[&str]) -> String {
        let before = self.names();
        let output = self.output(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert_eq!(self.names(), before, "{args:?}: something came into being");
        stderr
    }

    fn names(&self) -> BTreeSet<PathBuf> {
        fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn open(&self, name: &str) -> Archive {
        Archive::open(self.path(name)).unwrap()
    }

    fn listing(&self, name: &str) -> Vec<String> {
        let output = self.output(&["list", name]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect()
    }
}

#[test]
fn convert_as_in_its_help() {
    let place = Place::new();
    assert_eq!(place.ok(&["convert", CUSTOM, "backup.dir", "--format", "d"]), "");
    let (old, new) = (place.open(CUSTOM), place.open("backup.dir"));
    assert_eq!(new.format(), Format::Directory);
    assert!(read_all(&old).unwrap() == read_all(&new).unwrap());

    place.ok(&["convert", CUSTOM, "small.dump", "-t", "town"]);
    let small = place.listing("small.dump");
    assert!(small.iter().any(|line| line.contains("TABLE DATA public town")));
    assert!(small.iter().all(|line| !line.contains("vacant")));

    // A list whose lines were moved, and one of which was commented out.
    let list = place.listing(CUSTOM);
    let mut edited: Vec<String> = list.iter().rev().cloned().collect();
    let out = edited.iter_mut().find(|line| line.contains("SEQUENCE SET")).unwrap();
    out.insert(0, ';');
    let expected: Vec<&String> = edited.iter().filter(|line| !line.starts_with(';')).collect();
    fs::write(place.path("list"), edited.join("\n")).unwrap();
    place.ok(&["convert", CUSTOM, "new.dump", "-L", "list"]);
    assert_eq!(place.listing("new.dump").iter().collect::<Vec<_>>(), expected);

    place.ok(&["convert", "backup.dir", "new2.dump", "--format", "c", "--compress", "zstd:9"]);
    assert!(read_all(&place.open("new2.dump")).unwrap() == read_all(&old).unwrap());

    let args =
        ["convert", "new2.dump", "old.dump", "--archive-version", "1.14", "--compress", "gzip"];
    let said = place.ok(&args);
    assert_eq!(
        said,
        "pgdmp: note: large objects got entries of their own, 4 in all, and one for their data, \
         instead of groups, 2 in all\n"
    );
    assert_eq!(place.open("old.dump").header().version, ArchiveVersion::new(1, 14));
}

#[test]
fn pipes() {
    let place = Place::new();
    for (from, format) in [(CUSTOM, "c"), (CUSTOM, "t"), (PIPED, "c"), (PIPED, "t")] {
        // A file, from and to a pipe.
        let mut first = place
            .command(&["convert", from, "-", "--format", format, "--compress", "none"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let second = place
            .command(&["convert", "-", "arrived", "--force"])
            .stdin(first.stdout.take().unwrap())
            .output()
            .unwrap();
        assert!(first.wait().unwrap().success());
        assert_eq!(second.status.code(), Some(0), "{}", String::from_utf8_lossy(&second.stderr));
        let arrived = place.open("arrived");
        assert!(read_all(&arrived).unwrap() == read_all(&place.open(from)).unwrap());
        assert!(arrived.entries().all(|e| e.data_offset() != Some(DataOffset::NotSet)));
    }
    // A pipe that ends too soon.
    let bytes = fs::read(place.path(PIPED)).unwrap();
    let mut child = place
        .command(&["convert", "-", "cut", "--format", "c", "--compress", "none"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes[..bytes.len() - 100]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("hint: the archive was cut off"));
    assert!(!place.path("cut").exists());
}

#[test]
fn what_exists_is_replaced_with_force_alone() {
    let place = Place::new();
    let forms: [&[&str]; 3] = [&["--format", "c"], &["--format", "d"], &["--format", "t"]];
    place.ok(&["convert", FOLDER, "out"]);
    for from in forms {
        for to in forms {
            let args = [&["convert", CUSTOM, "out", "--force"], from].concat();
            place.ok(&args);
            let before = place.open("out").format();
            let args = [&["convert", PIPED, "out"], to].concat();
            assert_eq!(place.fails(&args), "pgdmp: error: out exists; --force replaces it\n");
            assert_eq!(place.open("out").format(), before);
            place.ok(&[&args[..], &["--force"]].concat());
            assert_eq!(place.listing("out").len(), place.listing(PIPED).len());
        }
    }
    // Neither is it what is read, however it is called.
    for name in [CUSTOM, "./backup.dump", "backup/../backup.dump"] {
        let error = place.fails(&["convert", CUSTOM, name, "--force"]);
        assert!(error.ends_with("is the archive that is read\n"), "{error}");
    }
    let error = place.fails(&["merge", CUSTOM, CUSTOM, "--force"]);
    assert!(error.contains("is the archive that is read"), "{error}");
    let error = place.fails(&["split", CUSTOM, FOLDER]);
    assert_eq!(error, "pgdmp: error: backup exists; --force replaces it\n");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(CUSTOM, place.path("link")).unwrap();
        let error = place.fails(&["convert", CUSTOM, "link", "--force"]);
        assert!(error.contains("is the archive that is read"), "{error}");
        // A link elsewhere is replaced, not followed.
        std::os::unix::fs::symlink(PIPED, place.path("other")).unwrap();
        let before = fs::read(place.path(PIPED)).unwrap();
        place.ok(&["convert", CUSTOM, "other", "--force"]);
        assert!(fs::read(place.path(PIPED)).unwrap() == before);
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let place = Place::new();
    fs::write(place.path("text"), "just some text\n").unwrap();
    for (args, expected) in [
        (&["convert", "nothing", "out"][..], "pgdmp: error: nothing: No such file or directory"),
        (&["convert", "text", "out"], "pgdmp: error: text: this is a text file, not an archive"),
        (&["convert", CUSTOM, "no/folder/out"], "pgdmp: error: no/folder: No such file or direct"),
        (&["convert", CUSTOM, "..", "--force"], "pgdmp: error: .. is no name of a file"),
        (&["convert", CUSTOM, "-", "--format", "d"], "does not go to standard output"),
        (
            &["convert", CUSTOM, "out", "--format", "x"],
            "it is c (custom), d (directory) or t (tar)",
        ),
        (&["convert", CUSTOM, "out", "--compress", "xz"], "it is none, gzip, lz4 or zstd"),
        (&["convert", CUSTOM, "out", "--compress", "gzip:99"], "gzip has levels -1 to 9, not 99"),
        (
            &["convert", CUSTOM, "out", "--format=t", "--compress=gzip"],
            "tar archive is never compr",
        ),
        (&["convert", CUSTOM, "out", "--archive-version", "1.11"], "only 1.12 to 1.16"),
        (&["convert", CUSTOM, "out", "--archive-version", "1.17"], "only 1.12 to 1.16"),
        (
            &["convert", CUSTOM, "out", "--archive-version=1.14", "--compress=zstd"],
            "archive version 1.14 has no compression zstd: choose gzip or none, or archive version 1.15",
        ),
        (&["convert", CUSTOM, "out", "-L", "no list"], "could not open list no list: No such file"),
        (&["reindex", FOLDER], "pgdmp: error: backup: a directory archive has no data offsets"),
        (&["reindex", "-"], "offsets are written into a file"),
        (&["reindex", "nothing"], "pgdmp: error: nothing: No such file or directory"),
        (&["split", CUSTOM, "-"], "several archives do not go to standard output"),
        (&["split", "nothing", "out"], "pgdmp: error: nothing: No such file or directory"),
        (&["merge", "out"], "required arguments were not provided"),
        (&["merge", "out", "nothing"], "pgdmp: error: nothing: No such file or directory"),
        (&["merge", "-", FOLDER], "does not go to standard output; --format c or t does"),
        (
            &["merge", "out", CUSTOM, CUSTOM],
            "backup.dump and backup.dump both have the data of large object 30001, in entry 3443 BLOBS",
        ),
    ] {
        let error = place.fails(args);
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

#[test]
fn reindex_says_what_it_did() {
    let place = Place::new();
    let missing = place.open(PIPED).entries().filter(|entry| entry.has_data()).count();
    let all = format!("pgdmp: all {missing} entries with data have their offset\n");
    fs::copy(place.path(PIPED), place.path("copy")).unwrap();
    let written = format!("pgdmp: {missing} offsets written\n");
    assert_eq!(place.ok(&["reindex", PIPED]), written);
    assert_eq!(place.ok(&["reindex", PIPED]), all);
    assert_eq!(place.ok(&["reindex", "--quiet", PIPED]), "");
    // After a run that was killed.
    fs::write(place.path("copy.pgdmp-journal"), "").unwrap();
    assert_eq!(
        place.ok(&["reindex", "copy"]),
        format!("pgdmp: an earlier run had been ended; this one completed it\n{written}")
    );
    assert!(!place.path("copy.pgdmp-journal").exists());
}

#[test]
fn split_and_merge_again() {
    let place = Place::new();
    for (archive, extension) in [(CUSTOM, ".dump"), (FOLDER, "")] {
        for by in ["table", "schema"] {
            let said = place.ok(&["split", archive, "parts", "--by", by, "--force"]);
            let parts = fs::read_dir(place.path("parts")).unwrap().map(|e| e.unwrap().path());
            let mut parts: Vec<String> = parts.map(|p| p.to_str().unwrap().to_owned()).collect();
            parts.sort();
            assert_eq!(said, format!("pgdmp: {} archives written\n", parts.len()));
            let name = match by {
                "table" => "public.town",
                _ => "public",
            };
            assert!(place.path("parts").join(format!("{name}{extension}")).exists());
            let mut args = vec!["merge", "merged", "--force"];
            args.extend(parts.iter().map(String::as_str));
            assert_eq!(place.ok(&args), "");
            let sorted = |name| {
                let mut lines = place.listing(name);
                lines.sort();
                lines
            };
            assert_eq!(sorted("merged"), sorted(archive), "{archive} {by}");
            assert!(
                read_all(&place.open("merged")).unwrap() == read_all(&place.open(archive)).unwrap()
            );
        }
    }
}

/// Names that are one in other programs, or on other systems.
#[test]
fn every_part_has_a_file() {
    let place = Place::new();
    for (case, files) in [
        (
            "clash",
            &[
                "a%2Eb.c.dump",
                "a.b%2Ec.dump",
                "everything%2Delse.t.dump",
                "everything-else.dump",
                "public.everything%2Delse.dump",
            ][..],
        ),
        ("split-cyrillic", &[]),
    ] {
        let archive = fixtures::root().join(format!("cases/{case}.dump"));
        let archive = archive.to_str().unwrap();
        place.ok(&["split", archive, case]);
        let names = fs::read_dir(place.path(case)).unwrap();
        let names: BTreeSet<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let tables = Archive::open(archive).unwrap();
        let tables = tables.entries().filter(|entry| entry.desc() == *"TABLE").count();
        let rest = usize::from(names.contains("everything-else.dump"));
        assert_eq!(names.len(), tables + rest, "{names:?}");
        for file in files {
            assert!(names.contains(*file), "{file}: {names:?}");
        }
        let mut args = ["merge", "--force", "-o", "merged"].map(str::to_owned).to_vec();
        args.extend(names.iter().map(|name| format!("{case}/{name}")));
        place.ok(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(
            read_all(&place.open("merged")).unwrap()
                == read_all(&Archive::open(archive).unwrap()).unwrap()
        );
    }
}

#[cfg(unix)]
#[test]
fn permissions() {
    use crate::support::Nobody;
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // Whatever the umask, as pg_dump's.
    for args in [
        &["convert", CUSTOM, "out"][..],
        &["convert", CUSTOM, "out", "--format", "t"],
        &["convert", CUSTOM, "out", "--format", "d"],
        &["convert", FOLDER, "out"],
        &["convert", CUSTOM, "out", "--compress", "zstd"],
        &["merge", "-o", "out", CUSTOM],
        &["split", CUSTOM, "out"],
        &["split", CUSTOM, "out", "--format", "d"],
    ] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_pgdmp")]);
        shell.args(args).arg("--force").current_dir(place.path(""));
        assert!(shell.output().unwrap().status.success(), "{args:?}");
        let mut todo = vec![place.path("out")];
        while let Some(path) = todo.pop() {
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), expected, "{args:?}: {}", path.display());
            if path.is_dir() {
                todo.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
    }
    let Some(nobody) = Nobody::new() else { return };
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(place.path(""), open).unwrap();
    for args in [["convert", CUSTOM, "new"], ["merge", "new", CUSTOM], ["split", CUSTOM, "new"]] {
        let paths = args[1..].iter().map(|name| place.path(name));
        let output = nobody.pgdmp().arg(args[0]).args(paths).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr.ends_with("Permission denied\n"), "{args:?}: {stderr}");
        assert!(!stderr.contains(".pgdmp-"), "{stderr}");
    }
    // One that may not be read.
    fs::set_permissions(place.path(CUSTOM), fs::Permissions::from_mode(0o000)).unwrap();
    let output =
        nobody.pgdmp().args(["convert"]).args([place.path(CUSTOM), place.path("x")]).output();
    let stderr = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(stderr.contains("backup.dump: Permission denied"), "{stderr}");
}

#[test]
fn standard_input_that_is_a_file() {
    let place = Place::new();
    let file = File::open(place.path(CUSTOM)).unwrap();
    let output = place
        .command(&["convert", "-", "out", "--archive-version", "1.14"])
        .stdin(file)
        .output()
        .unwrap();
    // Unlike a pipe it can be read twice, which large objects of 1.16 need here.
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(place.open("out").header().version, ArchiveVersion::new(1, 14));
}

/// Rows that do not meet a condition do not go into the new archive; all else does.
#[test]
fn convert_where() {
    let place = Place::new();
    let condition = "town=id >= 2";
    let said = place.ok(&["convert", CUSTOM, "few.dump", "--where", condition]);
    let rows = |archive: &str, more: &[&str]| {
        let output = place.output(&[&["export", archive, "town"], more].concat());
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let (all, kept) = (rows(CUSTOM, &[]), rows("few.dump", &[]));
    assert_eq!(kept, rows(CUSTOM, &["--where", "id >= 2"]));
    assert!(kept.len() < all.len() && kept.lines().count() > 1, "{kept}");
    assert!(said.contains(" rows of public.town kept"), "{said}");
    let diff = place.output(&["diff", "--brief", CUSTOM, "few.dump"]);
    let diff = String::from_utf8(diff.stdout).unwrap();
    assert_eq!(diff.lines().count(), 2, "{diff}");
    assert!(diff.starts_with("~ data of public.town: "), "{diff}");
    for (condition, why) in
        [("town=nothing = 1", "nothing"), ("town=id = x", "integer"), ("town", "TABLE=CONDITION")]
    {
        let said = place.fails(&["convert", CUSTOM, "none.dump", "--where", condition]);
        assert!(said.contains(why), "{condition}: {said}");
    }
    let nowhere = place.output(&["convert", CUSTOM, "none.dump", "--where", "nowhere=id = 1"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(!place.path("none.dump").exists());
}
