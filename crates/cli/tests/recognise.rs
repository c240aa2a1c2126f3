//! What is no archive, or surrounds one: what the program says of it, and what it advises.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pgdmp_testkit::foreign;

use crate::support::pgdmp;

fn run(args: &[&str]) -> Output {
    pgdmp().args(args).stdin(Stdio::null()).output().unwrap()
}

/// With these bytes in a pipe.
fn piped(args: &[&str], bytes: &[u8]) -> Output {
    let mut child = pgdmp()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    // Who has seen enough closes the pipe; that is no failure.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Standard error of a run that failed and wrote nothing.
fn failed(output: Output, code: i32, what: &str) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
    assert!(output.stdout.is_empty(), "{what}");
    stderr
}

#[test]
fn other_files_are_named_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a file");
    let name = path.to_str().unwrap();
    // An archive that was compressed as a whole is read.
    let is_read = |case: &foreign::Foreign| case.advice == "| pgdmp list -";
    for case in foreign::all().into_iter().filter(|case| !is_read(case)) {
        fs::write(&path, &case.bytes).unwrap();
        let redirected = pgdmp().args(["list", "-"]).stdin(File::open(&path).unwrap()).output();
        for (how, output) in [
            ("file", run(&["list", name])),
            ("redirected", redirected.unwrap()),
            ("pipe", piped(&["list", "-"], &case.bytes)),
            ("convert", run(&["convert", name, folder.path().join("new").to_str().unwrap()])),
        ] {
            let what = format!("{}, {how}", case.name);
            let stderr = failed(output, 2, &what);
            let (error, hint) = stderr.split_once("pgdmp: hint: ").expect(&what);
            assert!(error.contains(case.message), "{what}: {error}");
            assert!(hint.contains(case.advice), "{what}: {hint}");
            if how == "file" && case.advice.ends_with(' ') {
                assert!(hint.contains(&format!("'{name}'")), "{what}: {hint}");
            }
        }
        // pg_restore's line comes first, and under its name there is no other.
        for (how, output) in [
            ("restore", run(&["restore", "-f", "-", name])),
            ("restore of a pipe", piped(&["restore", "-l"], &case.bytes)),
        ] {
            let what = format!("{}, {how}", case.name);
            let stderr = failed(output, 1, &what);
            assert!(stderr.starts_with("pgdmp: error: "), "{what}: {stderr}");
            let (_, hint) = stderr.split_once("\npgdmp: hint: ").expect(&what);
            assert!(hint.contains(case.advice), "{what}: {hint}");
        }
        let stderr = failed(as_pg_restore(&["-l", name]), 1, case.name);
        assert_eq!(stderr.lines().count(), 1, "{}: {stderr}", case.name);
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

fn as_pg_restore(args: &[&str]) -> Output {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.arg0("pg_restore").args(args).output().unwrap()
}

/// A command that is advised does what it promises.
#[test]
fn what_stands_before_an_archive_is_cut_off_as_advised() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = pgdmp_testkit::fixtures::root().join("pg18/small-custom.dump");
    let archive = pgdmp_testkit::fixtures::bytes(&fixture);
    let path = folder.path().join("with-greeting.dump");
    fs::write(&path, [&b"Welcome!\n\n"[..], &archive].concat()).unwrap();
    let stderr = failed(run(&["list", path.to_str().unwrap()]), 2, "list");
    let (_, command) = stderr.trim_end().split_once("cut that off: ").unwrap();
    let new = folder.path().join("NEW");
    let status = Command::new("sh")
        .args(["-e", "-c", command])
        .current_dir(folder.path())
        .env("PATH", path_with_program())
        .status()
        .unwrap();
    assert!(status.success(), "{command}");
    let script = |path: &Path| {
        let restore = ["restore", "-f", "-", "--restrict-key=x", path.to_str().unwrap()];
        let output = run(&restore);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_eq!(script(&new), script(&fixture));
}

/// Where commands are looked for, this program's first.
fn path_with_program() -> std::ffi::OsString {
    let own = Path::new(env!("CARGO_BIN_EXE_pgdmp")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([own].into_iter().chain(std::env::split_paths(&others))).unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Standard output of a run that ended well, and what it said.
fn done(output: Output, what: &str) -> (Vec<u8>, String) {
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(0), "{what}: {stderr}");
    (output.stdout, stderr)
}

/// A directory archive in a tar, as each program and dialect packs it.
#[test]
fn a_directory_in_a_tar_of_every_dialect() {
    let version = Command::new("tar").arg("--version").output();
    if !version.is_ok_and(|output| text(output.stdout).contains("GNU tar")) {
        pgdmp_testkit::effort::skipped("there is no GNU tar here");
        return;
    }
    let fixture = pgdmp_testkit::fixtures::root().join("pg18/small-dir");
    let fixture = fixture.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Longer than the name in a header.
    let long = "backups of the night/".repeat(5) + "shop";
    for (name, formats) in [
        ("shop", &["v7", "oldgnu", "gnu", "ustar", "pax"][..]),
        (&*long, &["oldgnu", "gnu", "ustar", "pax"]),
    ] {
        let place = folder.path().join(name);
        fs::create_dir_all(&place).unwrap();
        for member in fs::read_dir(fixture).unwrap() {
            let path = member.unwrap().path();
            fs::copy(&path, place.join(path.file_name().unwrap())).unwrap();
        }
        for format in formats {
            let what = format!("{format} {name}");
            let tar = folder.path().join("packed.tar");
            // toc.dat comes last.
            let mut pack = Command::new("tar");
            pack.args(["--sort=name", &format!("--format={format}"), "-cf"]).arg(&tar);
            assert!(pack.arg(name).current_dir(folder.path()).status().unwrap().success());
            let (bytes, tar) = (fs::read(&tar).unwrap(), tar.to_str().unwrap());
            for (args, is_tar) in [
                (&["show", "--json"][..], true),
                (&["list"], true),
                (&["deps"], false),
                (&["cat", "town"], false),
                (&["restore", "--restrict-key=x", "-f", "-"], false),
            ] {
                let expected = run(&with_archive(args, fixture));
                let found = run(&with_archive(args, tar));
                let what = format!("{what} {args:?}");
                let (found, said) = done(found, &what);
                assert_eq!(said, "", "{what}");
                let expected = String::from_utf8(done(expected, &what).0).unwrap();
                let expected = match is_tar {
                    true => expected
                        .replace("Format: DIRECTORY", "Format: TAR")
                        .replace("\"directory\"", "\"tar\""),
                    false => expected,
                };
                let found = text(found);
                if args[0] != "show" {
                    assert_eq!(found, expected, "{what}");
                }
                let output = piped(&with_archive(args, "-"), &bytes);
                if ["show", "list", "deps"].contains(&args[0]) {
                    let (piped, said) = done(output, &what);
                    // Of a pipe, sizes are not known.
                    let shown = |text: String| match args[0] {
                        "show" => {
                            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
                            json["header"].to_string()
                        }
                        _ => text,
                    };
                    assert_eq!((&*said, shown(text(piped))), ("", shown(found)), "{what}, piped");
                } else {
                    let stderr = text(output.stderr);
                    assert!(!output.status.success(), "{what}");
                    assert!(stderr.contains("toc.dat comes behind the data"), "{what}: {stderr}");
                    assert!(stderr.contains("save it in a file first"), "{what}: {stderr}");
                }
            }
        }
    }
    // The file that a member is another name of, and one with a hole.
    let place = folder.path().join("shop");
    fs::remove_file(place.join("toc.dat")).unwrap();
    fs::copy(Path::new(fixture).join("toc.dat"), place.join("a-name-before")).unwrap();
    fs::hard_link(place.join("a-name-before"), place.join("toc.dat")).unwrap();
    let tar = folder.path().join("linked.tar");
    let pack = |options: &[&str]| {
        let status = Command::new("tar")
            .args(options)
            .arg(&tar)
            .arg("shop")
            .current_dir(folder.path())
            .status();
        assert!(status.unwrap().success());
    };
    pack(&["--sort=name", "-cf"]);
    let list = |path: &Path| run(&["list", path.to_str().unwrap()]);
    let (listed, _) = done(list(&tar), "a hard link");
    let (expected, _) = done(list(Path::new(fixture)), "the directory");
    let expected = text(expected).replace("Format: DIRECTORY", "Format: TAR");
    assert_eq!(text(listed), expected);

    let toc = fs::read(place.join("toc.dat")).unwrap();
    fs::remove_file(place.join("toc.dat")).unwrap();
    let mut file = File::create(place.join("toc.dat")).unwrap();
    file.write_all(&toc).unwrap();
    file.set_len(1 << 20).unwrap();
    for format in ["gnu", "pax"] {
        pack(&["-S", &format!("--format={format}"), "-cf"]);
        let stderr = failed(list(&tar), 2, "a sparse file");
        assert!(
            stderr.contains("without its zeros; pack the archive again without -S"),
            "{stderr}"
        );
    }
}

fn with_archive<'a>(args: &[&'a str], archive: &'a str) -> Vec<&'a str> {
    let mut all = vec![args[0]];
    match args[0] {
        "restore" => all.extend(args[1..].iter().copied().chain([archive])),
        _ => all.extend([archive].into_iter().chain(args[1..].iter().copied())),
    }
    all
}

/// Two archives in one input: who looks is warned, who writes is refused.
#[test]
fn another_archive_is_never_lost_without_a_word() {
    let root = pgdmp_testkit::fixtures::root();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all nights");
    let name = path.to_str().unwrap();
    for fixture in ["pg18/small-custom.dump", "pg17/small-redirected.dump", "pg18/small-tar.tar"] {
        let one = pgdmp_testkit::fixtures::bytes(&root.join(fixture));
        let both = [&one[..], &one].concat();
        fs::write(&path, &both).unwrap();
        let at = format!("another archive begins behind this one, at offset {}", one.len());
        for args in [
            &["list"][..],
            &["show"],
            &["deps"],
            &["du", "--bytes"],
            &["cat", "town"],
            &["restore", "--restrict-key=x", "-f", "-"],
        ] {
            let what = format!("{fixture} {args:?}");
            let one = root.join(fixture);
            let (expected, silent) = done(run(&with_archive(args, one.to_str().unwrap())), &what);
            assert_eq!(silent, "", "{what}");
            let (found, warning) = done(run(&with_archive(args, name)), &what);
            // Sizes are those of the file.
            assert!(found == expected || ["du", "show"].contains(&args[0]), "{what}");
            assert!(warning.starts_with(&format!("pgdmp: warning: {at}")), "{what}: {warning}");
            let tail = format!("tail -c +{} '{name}'", both.len() / 2 + 1);
            assert!(warning.contains(&tail), "{what}: {warning}");
            assert_eq!(warning.lines().count(), 1, "{what}: {warning}");
            // Who reads a stream to its end is warned, too.
            if ["du", "restore"].contains(&args[0]) {
                let (_, warning) = done(piped(&with_archive(args, "-"), &both), &what);
                assert!(warning.contains(&at), "{what}, piped: {warning}");
            }
        }
        let (_, silent) = done(as_pg_restore(&["-f", "-", name]), fixture);
        assert_eq!(silent, "", "{fixture}");

        let new = folder.path().join("new");
        let new = new.to_str().unwrap();
        for args in [
            &["convert", name, new][..],
            &["convert", name, new, "-F", "d"],
            &["convert", name, new, "-t", "town"],
            &["split", name, new],
            &["merge", new, name],
        ] {
            let stderr = failed(run(args), 2, &format!("{fixture} {args:?}"));
            assert!(stderr.contains(&at) && stderr.contains("would be lost"), "{stderr}");
        }
        let stderr = failed(piped(&["convert", "-", new], &both), 2, fixture);
        assert!(stderr.contains(&at), "{stderr}");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{fixture}: {left:?}");
        assert_eq!(fs::read(&path).unwrap(), both);
    }
}

/// Two directory archives in one tar, from a file and through a pipe.
#[test]
fn two_dumps_in_one_tar() {
    let members =
        pgdmp_testkit::fixtures::members(&pgdmp_testkit::fixtures::root().join("pg18/small-dir"));
    let named: Vec<(String, &[u8])> = ["shop", "stock"]
        .iter()
        .flat_map(|folder| {
            members.iter().map(move |(name, bytes)| (format!("{folder}/{name}"), &**bytes))
        })
        .collect();
    let tar = pgdmp_testkit::build::tar(named.iter().map(|(name, bytes)| (&**name, *bytes)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.tar");
    fs::write(&path, &tar).unwrap();
    let name = path.to_str().unwrap();
    for (code, args) in
        [(2, &["list", name][..]), (2, &["cat", name, "town"]), (1, &["restore", "-l", name])]
    {
        let stderr = failed(run(args), code, &format!("{args:?}"));
        assert!(stderr.contains("this tar file holds several archives: shop/, stock/"), "{stderr}");
        assert!(stderr.contains(&format!("tar -xf {name} -- shop")), "{stderr}");
    }
    for args in [&["list", "-"][..], &["show", "-"], &["restore", "-l"]] {
        let (_, warning) = done(piped(args, &tar), &format!("{args:?}"));
        assert!(
            warning.contains("another archive is in this tar, in the folder stock/"),
            "{warning}"
        );
    }
}

/// Directories: what is missing, what was given instead, and links.
#[test]
fn directories_that_are_not_whole() {
    let fixture = pgdmp_testkit::fixtures::root().join("pg18/small-dir");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("dump");
    let members = pgdmp_testkit::fixtures::members(&fixture);
    let write = || {
        fs::create_dir(&place).unwrap();
        for (name, bytes) in &members {
            fs::write(place.join(name), bytes).unwrap();
        }
    };
    let name = place.to_str().unwrap();
    let said = |path: &Path, message: &str, advice: &str| {
        let path = path.to_str().unwrap();
        let stderr = failed(run(&["show", path]), 2, message);
        assert!(stderr.contains(message) && stderr.contains(advice), "{stderr}");
        let stderr = failed(run(&["restore", "-l", path]), 1, message);
        let (_, hint) = stderr.split_once("\npgdmp: hint: ").expect(&stderr);
        assert!(hint.contains(advice), "{stderr}");
        let stderr = failed(as_pg_restore(&["-l", path]), 1, message);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    };
    fs::create_dir(&place).unwrap();
    said(&place, "this directory is empty", "the dump failed before");
    fs::remove_dir(&place).unwrap();
    write();
    for (member, _) in &members {
        let what = if member == "toc.dat" { "toc.dat" } else { "data file" };
        let message = format!(
            "this is {} {what} of a directory archive",
            if member == "toc.dat" { "the" } else { "a" }
        );
        said(
            &place.join(member),
            &message,
            &format!("give the directory that holds it instead: {name}"),
        );
    }
    let data = members.iter().map(|(name, _)| name).find(|name| name.ends_with(".dat.gz")).unwrap();
    fs::remove_file(place.join(data)).unwrap();
    for args in [
        &["convert", name, folder.path().join("new").to_str().unwrap()][..],
        &["du", "--raw", name],
    ] {
        let stderr = failed(run(args), 2, "a missing file");
        assert!(stderr.contains("was interrupted"), "{stderr}");
    }
    fs::write(place.join("toc.dat"), "").unwrap();
    said(&place, "toc.dat is empty", "interrupted");
    fs::remove_file(place.join("toc.dat")).unwrap();
    said(&place, "data files of an archive, but no toc.dat", "copy toc.dat, too");

    // Links.
    fs::remove_dir_all(&place).unwrap();
    fs::create_dir(&place).unwrap();
    for (member, _) in &members {
        std::os::unix::fs::symlink(fixture.join(member), place.join(member)).unwrap();
    }
    let fixture = fixture.to_str().unwrap();
    let new = folder.path().join("new.dump");
    let (new, town) = (new.to_str().unwrap(), "town");
    for args in [
        &["list"][..],
        &["show", town],
        &["deps"],
        &["du", "--raw", "--bytes"],
        &["cat", town],
        &["restore", "--restrict-key=x", "-f", "-"],
    ] {
        let what = format!("{args:?}");
        let output = run(&with_archive(args, name));
        let code = if args[0] == "restore" { 1 } else { 2 };
        let stderr = failed(output, code, &what);
        assert!(stderr.contains("a link leads out of the archive"), "{what}: {stderr}");
        assert!(
            stderr.contains("pgdmp: hint: ") && stderr.contains("--follow-links"),
            "{what}: {stderr}"
        );
        let (expected, _) = done(run(&with_archive(args, fixture)), &what);
        let mut allowed = with_archive(args, name);
        allowed.insert(1, "--follow-links");
        let (found, said) = done(run(&allowed), &what);
        assert_eq!((found, &*said), (expected, ""), "{what}");
    }
    // Before the command, too.
    done(run(&["--follow-links", "restore", "-l", name]), "restore");
    for args in [&["convert", name, new][..], &["merge", new, name], &["split", name, new]] {
        let what = format!("{args:?}");
        failed(run(args), 2, &what);
        let allowed = [args, &["--follow-links"]].concat();
        done(run(&allowed), &what);
        if Path::new(new).is_dir() {
            fs::remove_dir_all(new).unwrap();
        } else {
            fs::remove_file(new).unwrap();
        }
    }
}
