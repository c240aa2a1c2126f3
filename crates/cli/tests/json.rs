//! All JSON of the program is as `docs/json.md` says, and all that it says comes.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{pgdmp, schema};

/// What a command prints, with exit status 0 or 1.
fn printed(folder: &Path, args: &[&str]) -> String {
    let output = pgdmp().current_dir(folder).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code().is_some_and(|code| code < 2), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn everything_is_as_the_documentation_says() {
    let fixtures = pgdmp_testkit::fixtures::root();
    let folder = tempfile::tempdir().unwrap();
    let all = |section: &str, args: &[&str]| {
        for archive in ["pg18/core-custom.dump", "pg18/sqlascii-custom.dump", "pg18/small-dir"] {
            let args = [args, &[archive]].concat();
            let text = printed(&fixtures, &args);
            let value: Value = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"));
            schema::check(&value, section);
        }
    };
    let lines = |section: &str, args: &[&str]| {
        let text = printed(&fixtures, args);
        assert!(text.lines().count() > 0, "{args:?}");
        for line in text.lines() {
            schema::check(&serde_json::from_str(line).unwrap(), section);
        }
    };
    all("list", &["list", "--json", "--verbose"]);
    all("list", &["list", "--json", "--long"]);
    all("show", &["show", "--json"]);
    all("deps", &["deps", "--json"]);
    all("du", &["du", "--json", "--raw"]);
    all("du", &["du", "--json", "--rows"]);
    all("count", &["count", "--json"]);
    all("restore-plan", &["restore", "--plan", "--json", "-j2"]);
    lines("explain", &["list", "--explain-json", "pg18/core-custom.dump"]);
    lines("explain", &["convert", "--explain-json", "-t", "town", "pg18/small-dir"]);
    lines("explain", &["restore", "--explain-json", "-t", "town", "pg18/small-dir"]);
    lines("verify", &["verify", "--json", "pg18/core-custom.dump"]);
    lines("verify", &["verify", "--json", "cases/cut-15000.dump"]);
    lines("diff", &["diff", "--json", "pg18/mini-custom.dump", "pg18/small-custom.dump"]);

    let core = "pg18/core-custom.dump";
    let list: Value = serde_json::from_str(&printed(&fixtures, &["list", "--json", core])).unwrap();
    let mut args = vec!["show".to_owned(), "--json".to_owned(), core.to_owned()];
    let ids = list["entries"].as_array().unwrap().iter().map(|entry| entry["dump_id"].to_string());
    args.extend(ids);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    schema::check(&serde_json::from_str(&printed(&fixtures, &args)).unwrap(), "show-object");

    // Entries are the same in all commands.
    let one = |args: &[&str], place: &str| -> Value {
        let value: Value = serde_json::from_str(&printed(&fixtures, args)).unwrap();
        let entries = value.pointer(place).unwrap().as_array().unwrap();
        let town = |entry: &&Value| entry["tag"] == "town" && entry["desc"] == "TABLE DATA";
        entries.iter().find(town).unwrap().clone()
    };
    let small = "pg18/small-custom.dump";
    let listed = one(&["list", "--json", small], "/entries");
    assert!(listed["stored_bytes"].as_u64().unwrap() > 0);
    for (args, place) in [
        (&["show", "--json", small][..], "/tables"),
        (&["deps", "--json", small], "/entries"),
        (&["du", "--json", small], "/tables"),
        (&["count", "--json", small, "town"], "/tables/0/entries"),
        (&["restore", "--plan", "--json", small], "/items"),
    ] {
        let found = one(args, place);
        for (key, value) in listed.as_object().unwrap() {
            if (args[0], &**key) != ("restore", "stored_bytes") {
                assert_eq!(&found[key], value, "{args:?}: {key}");
            }
        }
    }
    let shown = pgdmp()
        .env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        .args(["show", "--json"])
        .arg(fixtures.join(small))
        .output()
        .unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let created = shown["header"]["created"].as_str().unwrap().to_owned();
    assert!(created.len() == 20 && &created[10..11] == "T" && created.ends_with('Z'), "{created}");

    // A report, and its damage.
    let good = fs::read(fixtures.join("pg17/small-custom.dump")).unwrap();
    fs::write(folder.path().join("cut.dump"), &good[..good.len() - 200]).unwrap();
    printed(folder.path(), &["salvage", "cut.dump", "rest.dump"]);
    let report = fs::read(folder.path().join("rest.dump.salvage.json")).unwrap();
    schema::check(&serde_json::from_slice(&report).unwrap(), "salvage");

    let rules = folder.path().join("rules.toml");
    fs::write(&rules, "").unwrap();
    let (rules, archive) = (rules.to_str().unwrap(), fixtures.join("pg18/small-dir"));
    let args = ["mask", "--check", "--json", "--rules", rules, archive.to_str().unwrap()];
    let output = pgdmp().args(args).output().unwrap();
    let value: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    schema::check(&value, "mask");

    // These need a server, rows that differ, or what no fixture has.
    let elsewhere = [
        "restore-check",
        "concern",
        "restore-progress",
        "running",
        "dump-plan",
        "dump-item",
        "dump-progress",
        "object.partition_by",
        "diff.row",
        "diff.key",
        "diff.before",
        "diff.after",
        "diff.columns",
        "diff.times",
        "diff.duplicate_key",
        "diff.large_object",
        "diff.oid",
        "diff.bytes",
        "diff.data",
        "diff.table",
        "diff.rows",
        "diff.all_partitions",
        "diff.columns_before_only",
        "diff.columns_after_only",
    ];
    let unseen = schema::unseen();
    let unexpected = unseen.iter().filter(|name| {
        !elsewhere.iter().any(|known| name == known || name.starts_with(&format!("{known}.")))
    });
    assert_eq!(unexpected.collect::<Vec<_>>(), Vec::<&String>::new());
}
