//! Manifests: written by `verify` and by what makes archives, found again, and what they prove.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// Runs the program in a folder: its exit status, and all that it says.
fn pgdmp(folder: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    let output: Output =
        command.args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Fails unless the exit status is this one, and the text is said.
#[track_caller]
fn check(folder: &Path, args: &[&str], code: i32, text: &str) {
    let (status, said) = pgdmp(folder, args);
    assert!(status == code && said.contains(text), "{args:?}: {status}: {said}");
}

/// A folder with an uncompressed archive, of whose rows a change does not show.
fn plain() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let small = fixture("pg17/small-custom.dump");
    check(folder.path(), &["convert", small.to_str().unwrap(), "a.dump", "-Z", "none"], 0, "");
    folder
}

fn flip(path: &Path, text: &str) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.windows(text.len()).position(|bytes| bytes == text.as_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn verify_writes_and_finds_one() {
    let folder = plain();
    let at = |name: &str| folder.path().join(name);
    check(folder.path(), &["verify", "--write-manifest", "a.dump"], 0, "good: ");
    let text = fs::read_to_string(at("a.dump.pgdmp-manifest")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["archive"], "a.dump");
    assert_eq!(lines[0]["level"], "rows");
    assert_eq!(lines.last().unwrap()["entries"], 25);
    let town = lines.iter().find(|line| line["tag"] == "town" && line["desc"] == "TABLE DATA");
    let (_, rows) = pgdmp(folder.path(), &["cat", "a.dump", "town"]);
    assert!(rows.len() as u64 <= town.unwrap()["raw"].as_u64().unwrap());

    // It is not replaced unasked, and found by itself.
    check(folder.path(), &["verify", "--write-manifest", "a.dump"], 2, "has a manifest");
    check(folder.path(), &["verify", "a.dump"], 0, "as the manifest of 20");
    check(folder.path(), &["verify", "--level", "framing", "a.dump"], 0, "as the manifest of 20");
    flip(&at("a.dump"), "newline");
    check(folder.path(), &["verify", "a.dump"], 1, "error D6: the decompressed data is not that");
    check(folder.path(), &["verify", "--level", "framing", "a.dump"], 1, "SHA-256 is not that");
    check(folder.path(), &["verify", "--no-manifest", "a.dump"], 0, "good: ");
    let refused = ["verify", "--write-manifest", "--force", "a.dump"];
    check(folder.path(), &refused, 1, "error D6: ");
    assert_eq!(fs::read_to_string(at("a.dump.pgdmp-manifest")).unwrap(), text);

    // A damaged manifest is no manifest, and not silently none.
    flip(&at("a.dump.pgdmp-manifest"), "TABLE");
    check(folder.path(), &["verify", "a.dump"], 2, "the manifest is damaged");
}

#[test]
fn what_makes_archives_writes_one() {
    let folder = plain();
    let at = |name: &str| folder.path().join(name);
    check(folder.path(), &["convert", "a.dump", "b.dump", "--manifest"], 0, "");
    check(folder.path(), &["verify", "b.dump"], 0, "as the manifest of 20");
    // The manifest of an input proves the input, and its copy has one, too.
    check(folder.path(), &["convert", "b.dump", "c", "-Fd", "-Zzstd"], 0, "");
    assert!(at("c/manifest.pgdmp").is_file());
    check(folder.path(), &["verify", "c"], 0, "as the manifest of 20");
    let other = ["verify", "c", "--manifest", "b.dump.pgdmp-manifest"];
    check(folder.path(), &other, 0, "note D8: ");
    check(folder.path(), &["convert", "b.dump", "d.dump", "--no-manifest"], 0, "");
    assert!(!at("d.dump.pgdmp-manifest").exists());
    // A directory with one is still an archive, to replace and to restore.
    check(folder.path(), &["convert", "a.dump", "c", "-Fd", "--force"], 0, "");
    check(folder.path(), &["verify", "c"], 0, "as the manifest of 20");
    // Several archives, each with its own; and split knows its output again.
    check(folder.path(), &["split", "a.dump", "parts", "--manifest"], 0, "");
    assert!(at("parts/public.town.dump.pgdmp-manifest").is_file());
    check(folder.path(), &["split", "a.dump", "parts", "--force"], 0, "");
    check(folder.path(), &["split", "a.dump", "more", "--manifest=x"], 2, "without a name");
    check(folder.path(), &["merge", "-o", "m.dump", "--manifest=m.txt", "a.dump"], 0, "");
    check(folder.path(), &["verify", "m.dump", "--manifest", "m.txt"], 0, "as the manifest of");
    let whole = ["salvage", "a.dump", "s.dump", "--manifest"];
    check(folder.path(), &whole, 0, "");
    check(folder.path(), &["verify", "s.dump"], 0, "as the manifest of");

    let onto_input = ["salvage", "a.dump", "r.dump", "--force", "--manifest=a.dump"];
    check(folder.path(), &onto_input, 2, "a.dump");

    // What the manifest does not prove is not copied, and no pipe has one.
    flip(&at("b.dump"), "newline");
    check(folder.path(), &["convert", "b.dump", "e.dump"], 2, "is not what its manifest says");
    assert!(!at("e.dump").exists());
    check(folder.path(), &["convert", "b.dump", "e.dump", "--no-manifest"], 0, "");
    check(folder.path(), &["convert", "a.dump", "-", "--manifest"], 2, "of a pipe");
    // Nothing is replaced unasked, and no input.
    fs::write(at("n"), "mine").unwrap();
    check(folder.path(), &["convert", "a.dump", "f.dump", "--manifest=n"], 2, "n exists");
    let onto_input = ["convert", "a.dump", "f.dump", "--manifest=a.dump", "--force"];
    check(folder.path(), &onto_input, 2, "a.dump");
    assert_eq!(fs::read(at("n")).unwrap(), b"mine");
    assert!(!at("f.dump").exists());
}

/// A new archive under an old name gets a new manifest: the old one would call it damaged.
#[test]
fn a_replaced_archive_gets_a_new_one() {
    let folder = plain();
    check(folder.path(), &["convert", "a.dump", "b.dump", "--manifest"], 0, "");
    check(folder.path(), &["convert", "a.dump", "b.dump", "-Zgzip", "--force"], 0, "");
    check(folder.path(), &["verify", "b.dump"], 0, "as the manifest of");
}

#[test]
fn the_manifest_itself_can_be_proved() {
    let folder = plain();
    check(folder.path(), &["verify", "--write-manifest=m", "a.dump"], 0, "");
    let text = fs::read_to_string(folder.path().join("m")).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let digest = last["manifest_sha256"].as_str().unwrap();
    let verbose = ["verify", "-v", "--manifest=m", "a.dump"];
    check(folder.path(), &verbose, 0, &format!("manifest: SHA-256 {digest}\n"));
    check(folder.path(), &["verify", "--manifest=m", "--expect", digest, "a.dump"], 0, "");
    let other = "0".repeat(64);
    check(folder.path(), &["verify", "--manifest=m", "--expect", &other, "a.dump"], 2, "another");
    check(folder.path(), &["verify", "--expect", digest, "a.dump"], 2, "has no manifest");
    check(folder.path(), &["verify", "--manifest=none", "a.dump"], 2, "none: ");
}

/// Whatever is put beside an archive is not waited for, and not followed elsewhere.
#[cfg(unix)]
#[test]
fn what_lies_there_may_be_anybodys() {
    let folder = plain();
    let at = |name: &str| folder.path().join(name);
    let beside = at("a.dump.pgdmp-manifest");
    assert!(Command::new("mkfifo").arg(&beside).status().unwrap().success());
    check(folder.path(), &["verify", "a.dump"], 0, "is no file, and is not used");
    fs::remove_file(&beside).unwrap();
    check(folder.path(), &["verify", "--write-manifest=m", "a.dump"], 0, "");
    std::os::unix::fs::symlink("m", &beside).unwrap();
    check(folder.path(), &["verify", "a.dump"], 0, "is a link, and is not used");
    fs::remove_file(&beside).unwrap();
    fs::create_dir(&beside).unwrap();
    check(folder.path(), &["verify", "a.dump"], 0, "is no file, and is not used");
    fs::remove_dir(&beside).unwrap();
    fs::copy(at("m"), &beside).unwrap();
    if std::os::unix::fs::chown(&beside, Some(12345), None).is_err() {
        return pgdmp_testkit::effort::skipped("only root gives files away");
    }
    check(folder.path(), &["verify", "a.dump"], 0, "belongs to another user, and is not used");
    check(folder.path(), &["verify", "--manifest=m", "a.dump"], 0, "as the manifest of");
}

/// Whoever closes the pipe has seen enough; the exit status still says what was found.
#[cfg(unix)]
#[test]
fn a_closed_pipe_makes_no_archive_good() {
    let folder = plain();
    let bytes = fs::read(folder.path().join("a.dump")).unwrap();
    fs::write(folder.path().join("cut.dump"), &bytes[..bytes.len() - 40]).unwrap();
    for (name, expected) in [("a.dump", 0), ("cut.dump", 1)] {
        for json in [&[][..], &["--json"]] {
            let mut child = Command::new(env!("CARGO_BIN_EXE_pgdmp"))
                .arg("verify")
                .args(json)
                .arg(name)
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            drop(child.stdout.take());
            assert_eq!(child.wait().unwrap().code(), Some(expected), "{name} {json:?}");
        }
    }
}
