//! `pgdmp salvage`: exit status, report, and what it does not touch.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn salvage(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.arg("salvage").args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn reports_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let good = fs::read(fixtures.join("pg17/small-custom.dump")).unwrap();
    fs::write(path("good.dump"), &good).unwrap();
    fs::write(path("cut.dump"), &good[..good.len() - 200]).unwrap();
    fs::write(path("none.dump"), &good[..20]).unwrap();

    let output = salvage(folder.path(), &["good.dump", "whole.dump"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    let output = salvage(folder.path(), &["cut.dump", "rest.dump"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("warning: entry ") && said.contains("BLOBS"), "{said}");
    let report: Value =
        serde_json::from_slice(&fs::read(path("rest.dump.salvage.json")).unwrap()).unwrap();
    assert_eq!(report["whole"], false);
    let entries = report["entries"].as_array().unwrap();
    assert!(
        entries.iter().any(|entry| entry["whole"] == false && entry["damage"]["text"].is_string())
    );
    assert!(pgdmp::Archive::open(path("rest.dump")).is_ok());
    assert_eq!(fs::read(path("cut.dump")).unwrap(), good[..good.len() - 200]);

    // Neither the output nor the report is replaced unasked.
    let output = salvage(folder.path(), &["cut.dump", "rest.dump"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        salvage(folder.path(), &["--force", "cut.dump", "rest.dump"]).status.code(),
        Some(1)
    );

    let output = salvage(folder.path(), &["none.dump", "nothing.dump"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!path("nothing.dump").exists() && !path("nothing.dump.salvage.json").exists());
    assert_eq!(salvage(folder.path(), &["cut.dump", "cut.dump"]).status.code(), Some(2));
    assert_eq!(salvage(folder.path(), &["-", "x.dump"]).status.code(), Some(2));
}
