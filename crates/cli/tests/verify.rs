//! `pgdmp verify`: exit status, text, JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

fn verify(args: &[&str], archives: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.arg("verify").args(args).args(archives).stdin(Stdio::null()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn good_damaged_and_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let good = fixture("pg17/small-custom.dump");
    let cut = folder.path().join("cut.dump");
    let bytes = fs::read(&good).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 40]).unwrap();

    let output = verify(&[], &[&good]);
    assert_eq!(output.status.code(), Some(0));
    let end = "good: 25 entries, 4 tables, 12 rows, 4 large objects, 19.7 KiB; read: all rows;";
    assert!(text(&output).contains(end), "{}", text(&output));

    let output = verify(&["-j1"], &[&good, &cut]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("error F3: ") && said.contains("\n  a restore stops here"), "{said}");
    assert!(said.contains("\ndamaged: 1 error, "), "{said}");

    let output = verify(&[], &[&fixture("README.md"), &cut]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("\ndamaged: "), "the others are read all the same");

    // Bytes behind an archive are a warning.
    let longer = folder.path().join("longer.dump");
    fs::write(&longer, [&bytes[..], b"more"].concat()).unwrap();
    assert_eq!(verify(&[], &[&longer]).status.code(), Some(0));
    assert_eq!(verify(&["--strict"], &[&longer]).status.code(), Some(1));

    // Nothing is cut in the table of contents.
    assert_eq!(verify(&["--level", "toc"], &[&cut]).status.code(), Some(0));
    assert_eq!(verify(&["--level", "framing"], &[&cut]).status.code(), Some(1));
}

#[test]
fn json_has_findings_entries_and_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.dump");
    let bytes = fs::read(fixture("pg17/small-custom.dump")).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 40]).unwrap();
    let output = verify(&["--json"], &[&cut]);
    let lines: Vec<Value> =
        text(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |kind: &str| -> Vec<&Value> { lines.iter().filter(|line| line["type"] == kind).collect() };
    assert!(of("finding").iter().any(|found| found["code"] == "F3"
        && found["severity"] == "error"
        && found["offset"].is_u64()
        && found["entry"]["desc"] == "BLOBS"));
    let statuses: Vec<&str> =
        of("entry").iter().map(|entry| entry["status"].as_str().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == "cut").count(), 1, "{statuses:?}");
    let [end] = of("archive")[..] else { panic!("{lines:?}") };
    assert_eq!((end["good"].as_bool(), end["errors"].as_u64()), (Some(false), Some(1)));
}

/// Together the parts of a week read everything.
#[test]
fn parts_make_up_the_whole() {
    let good = fixture("pg17/small-custom.dump");
    let rows = |args: &[&str]| {
        let output = verify(&[args, &["--json"]].concat(), &[&good]);
        let said = text(&output);
        let end: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        end["rows"].as_u64().unwrap()
    };
    let parts: Vec<String> = (1..=7).map(|part| format!("--part={part}/7")).collect();
    let sum: u64 = parts.iter().map(|part| rows(&[part])).sum();
    assert_eq!(sum, rows(&[]));
    assert_eq!(verify(&["--part", "8/7"], &[&good]).status.code(), Some(2));
}

/// Through a pipe the same is found, and the writer of the pipe is heard out.
#[cfg(unix)]
#[test]
fn a_pipe_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(fixture("pg17/small-custom.dump")).unwrap();
    let redirected = fs::read(fixture("pg17/small-redirected.dump")).unwrap();
    let mut damaged = good.clone();
    let middle = damaged.len() - 300;
    damaged[middle] ^= 0x10;
    let cases = [
        ("good", good.clone(), 0),
        ("redirected", redirected, 0),
        ("longer", [&good[..], &vec![7; 2 << 20]].concat(), 0),
        ("twice", [&good[..], &good].concat(), 0),
        ("damaged", [&damaged[..], &vec![7; 2 << 20]].concat(), 1),
        ("cut", good[..good.len() - 40].to_vec(), 1),
    ];
    for (name, bytes, code) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let script = "set -o pipefail; cat \"$1\" | \"$2\" verify --json -";
        let output = Command::new("bash")
            .args(["-c", script, "bash"])
            .args([path.as_os_str(), env!("CARGO_BIN_EXE_pgdmp").as_ref()])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {output:?}");
        let found = |output: &Output| -> Vec<String> {
            let lines = text(output);
            let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let found = lines.filter(|line| line["type"] == "finding");
            let mut codes: Vec<String> =
                found.map(|found| format!("{} {}", found["code"], found["severity"])).collect();
            codes.sort();
            codes.dedup();
            codes
        };
        // Only a file shows all that is behind damage.
        if name != "damaged" {
            assert_eq!(found(&output), found(&verify(&["--json"], &[&path])), "{name}");
        }
    }
}
