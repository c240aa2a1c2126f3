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

/// `--plan`: what is selected, each after what it needs.
#[test]
fn a_plan_has_everything_in_its_order() {
    let core = fixtures::root().join("pg18/core-custom.dump");
    let archive = pgdmp::Archive::open(&core).unwrap();
    let mut parts = 0;
    for options in [&["-j4"][..], &["-j1"], &["-1"], &["--exact"], &["-a"], &["-C", "-j2"]] {
        let run = |more: &[&str]| {
            let mut command = crate::support::pgdmp();
            command.args(["restore", "--plan"]).args(options).args(more).arg(&core);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let plan: serde_json::Value = serde_json::from_str(&run(&["--json"])).unwrap();
        let items = plan["items"].as_array().unwrap();
        assert_eq!(run(&[]).lines().count(), items.len() + 1);
        let jobs = plan["jobs"].as_u64().unwrap();
        assert_eq!(
            jobs,
            match options {
                ["-j4"] => 4,
                ["-C", "-j2"] => 2,
                _ => 1,
            }
        );
        let id = |item: &serde_json::Value| item["dump_id"].as_i64().unwrap();
        let mut explained = crate::support::pgdmp();
        let explained = explained.args(["restore", "--explain-json"]).args(options).arg(&core);
        let explained = String::from_utf8(explained.output().unwrap().stdout).unwrap();
        let taken: std::collections::BTreeSet<i64> = explained
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|entry| !["-", "session"].contains(&entry["taken"].as_str().unwrap()))
            .map(|entry| id(&entry))
            .collect();
        let planned: std::collections::BTreeSet<i64> = items.iter().map(id).collect();
        assert_eq!(planned, taken, "{options:?}");
        for (n, item) in items.iter().enumerate() {
            assert!(item["session"].as_u64().is_none_or(|session| session <= jobs));
            parts += u32::from(item["statement"].is_string());
            let entry = archive.entry(pgdmp::DumpId(i32::try_from(id(item)).unwrap())).unwrap();
            for need in entry.dependencies() {
                let need = i64::from(need.0);
                let late = items[n + 1..].iter().any(|item| id(item) == need);
                assert!(!late || need == id(item), "{options:?}: {} before {need}", entry.name());
            }
        }
    }
    assert!(parts > 4, "{parts}");
    let refused = crate::support::pgdmp().args(["restore", "--check"]).arg(&core).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--check requires option -d"));
}
