//! Two archives compared: dumps of one database are equal, however they were made.

use std::collections::BTreeMap;

use pgdmp::diff::{Comparison, DiffOptions, LineKind};
use pgdmp::{Archive, Selection};

use pgdmp_testkit::corpus;
use serde_json::Value;

/// The differences of the objects of two archives, for a message.
fn objects(a: &Archive, b: &Archive) -> String {
    let all = Selection::new().create(true);
    let (a, b) = (all.apply(a.toc()).unwrap(), all.apply(b.toc()).unwrap());
    let comparison = Comparison::new(&a, &b, &DiffOptions::new()).unwrap();
    assert!(comparison.compared() > 0 || a.entries().count() == 0);
    let mut out = String::new();
    for change in comparison.objects() {
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let (desc, tag) = (text(&change.desc), text(&change.tag));
        out += &format!("{:?} {desc} {tag}\n", change.kind);
        for part in &change.parts {
            out += &format!("  {}\n", part.part.name());
            for line in part.lines.iter().filter(|line| line.kind != LineKind::Same) {
                out += &format!("    {:?} {}\n", line.kind, text(&line.text));
            }
        }
    }
    out
}

/// Dumps of one database, of all that is in it, by one release.
#[test]
fn corpus_dumps_of_one_database_are_equal() {
    let Some(folder) = corpus::folder() else { return };
    let text = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    let mut groups: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for archive in manifest["archives"].as_array().unwrap() {
        let all = |arg: &Value| {
            let arg = arg.as_str().unwrap();
            [
                "-F",
                "-Z",
                "-j",
                "--compress",
                "--inserts",
                "--column",
                "--rows",
                "--quote",
                "-E",
                "UTF8",
            ]
            .iter()
            .any(|form| arg.starts_with(form))
                || ["-B", "--on-conflict-do-nothing", "-C"].contains(&arg)
        };
        if archive["dump_args"].as_array().unwrap().iter().all(all) {
            let text = |key: &str| archive[key].as_str().unwrap().to_owned();
            groups.entry((text("pg_version"), text("db"))).or_default().push(text("path"));
        }
    }
    let (mut pairs, mut failures) = (0, String::new());
    for (_, paths) in groups {
        let open = |path: &str| Archive::open(folder.join(path)).unwrap();
        let first = open(&paths[0]);
        for other in &paths[1..] {
            pairs += 1;
            let found = objects(&first, &open(other));
            let is_without =
                |path: &str| path.contains("noblobs") || path.contains("column-inserts");
            let found: String = match is_without(other) != is_without(&paths[0]) {
                true => found.lines().filter(|l| !l.contains("LARGE OBJECT")).collect(),
                false => found,
            };
            if !found.is_empty() {
                failures += &format!("{} and {other}:\n{found}\n", paths[0]);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(pairs > 60, "{pairs}");
}
