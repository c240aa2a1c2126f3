//! What pg_restore cannot do, as users run it.

use std::process::{Command, Output};

use pgdmp_testkit::fixtures;

fn restore(args: &[&str]) -> Output {
    let archive = fixtures::root().join("pg18/core-custom.dump");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgdmp"));
    command.arg("restore").args(args).arg(archive).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn explains() {
    let output = restore(&["--explain", "-t", "harbour.mv_a", "--with-dependencies"]);
    assert!(output.status.success());
    let view = text(&output.stdout);
    let view = view.lines().find(|line| line.contains("VIEW harbour.z_used_by")).unwrap();
    assert!(view.contains("needed by entry"), "{view}");
    let output = restore(&["--explain-json", "-t", "harbour.mv_a"]);
    for line in text(&output.stdout).lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry["rule"].is_string() && entry["taken"].is_string(), "{line}");
    }
}

#[test]
fn refuses_what_it_cannot_prove() {
    let args = ["-f", "-", "--map-schema", "ext=other", "-t", "nosuch"];
    assert!(restore(&args).status.success(), "what is not wanted is no matter");
    for args in [
        &["-f", "-", "--map-owner", "postgres"][..],
        &["-f", "-", "--map-owner", "a=b", "--map-owner", "a=c"],
        &["-f", "-", "--target-version", "8.4"],
        &["-f", "-", "--for", "nobody"],
        &["-f", "-", "--map-schema", "harbour=Second Schema"],
    ] {
        let output = restore(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains("pgdmp: error: "), "{args:?}");
    }
}

#[test]
fn says_what_a_service_refuses() {
    let output = restore(&["-f", "-", "--for", "rds"]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("ACCESS METHOD heap2: left out: "));
    let script = text(&output.stdout);
    for statement in ["OWNER TO postgres;", "ACCESS METHOD", "default_table_access_method"] {
        assert!(!script.contains(statement), "{statement}");
    }
    // Its rows matter more than its access method.
    assert!(script.contains("CREATE TABLE harbour.other_am"));
}
