//! Constraints in two parts: what is sent, and what goes on beside what.

use std::collections::{BTreeMap, HashMap};

use pgdmp::script::Report;
use pgdmp::{Archive, Selection};
use pgdmp_live::{Fatal, Means, Restorer};
use pgdmp_testkit::fixtures;

use crate::played::{Fate, Happened, Played};

const CORE: &str = "pg18/core-custom.dump";
const PARTS: Means = Means::exact().using_index(true).not_valid(true).longest_path(true);

fn restore(name: &str, restorer: &Restorer, played: &Played) -> Result<Report, Fatal> {
    let archive = Archive::open(fixtures::root().join(name)).unwrap();
    let selected = Selection::default().apply(archive.toc()).unwrap();
    restorer.archive(&archive, &selected, played, played)
}

/// The table and the name of the constraint that a statement is about, and what it does.
fn about(sql: &str) -> Option<(String, String, &'static str)> {
    if let Some(rest) = sql.strip_prefix("CREATE UNIQUE INDEX ") {
        let (name, rest) = rest.split_once(" ON ")?;
        return Some((rest.split_once(" USING ")?.0.to_owned(), name.to_owned(), "build"));
    }
    if let Some(rest) = sql.strip_prefix("DROP INDEX ") {
        let (_, name) = rest.trim_end_matches(";\n").split_once('.')?;
        return Some((String::new(), name.to_owned(), "drop index"));
    }
    let (table, rest) = sql.strip_prefix("ALTER TABLE ONLY ")?.split_once("\n    ")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let what = match &words[..] {
        ["ADD", "CONSTRAINT", .., "NOT", "VALID;"] => "not valid",
        ["ADD", "CONSTRAINT", _, "FOREIGN", ..] => "foreign",
        ["ADD", "CONSTRAINT", _, "PRIMARY" | "UNIQUE", ..] if rest.contains(" USING INDEX ") => {
            "attach"
        }
        ["ADD", "CONSTRAINT", _, "PRIMARY" | "UNIQUE", ..] => "key",
        ["VALIDATE", ..] => "validate",
        ["DROP", "CONSTRAINT", ..] => "drop",
        _ => return None,
    };
    Some((table.to_owned(), words[2].trim_end_matches(';').to_owned(), what))
}

/// What was sent for each constraint, in its order; by table and name.
fn by_constraint(played: &Played) -> BTreeMap<String, Vec<&'static str>> {
    let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (table, name, what) in played.sent().iter().filter_map(|sql| about(sql)) {
        let mut key = format!("{table} {name}");
        if table.is_empty() {
            key = all.keys().find(|other| other.ends_with(&key)).unwrap().clone();
        }
        all.entry(key).or_default().push(what);
    }
    all
}

#[test]
fn a_constraint_has_two_parts_or_one() {
    let all = |means| {
        let played = Played { slow: true, ..Played::default() };
        let report = restore(CORE, &Restorer::new().means(means).jobs(4), &played).unwrap();
        assert_eq!(report.errors, 0);
        (by_constraint(&played), report)
    };
    let (exact, expected) = all(Means::exact());
    let (fast, report) = all(PARTS);
    assert_eq!(report, expected);
    let [mut keys, mut foreign, mut whole] = [0; 3];
    for (name, sent) in &exact {
        match (&sent[..], &fast[name][..]) {
            (["key"], ["build", "attach"]) => keys += 1,
            (["foreign"], ["not valid", "validate"]) => foreign += 1,
            (exact, fast) => {
                assert_eq!(exact, fast, "{name}");
                whole += 1;
            }
        }
    }
    assert!(keys > 3 && foreign > 0 && whole > 0, "{keys} {foreign} {whole}");
    let count = |all: &BTreeMap<String, Vec<&str>>, what: &str| {
        all.values().flatten().filter(|sent| **sent == what).count()
    };
    let (fast, _) = all(PARTS.using_index(false));
    assert_eq!((count(&fast, "attach"), count(&fast, "validate")), (0, foreign));
    let (fast, _) = all(PARTS.not_valid(false));
    assert_eq!((count(&fast, "attach"), count(&fast, "validate")), (keys, 0));
}

/// The error of a constraint is that of its definition, whichever part has it.
#[test]
fn a_part_that_fails_is_undone_and_the_whole_is_tried() {
    let key = "harbour.ports ports_pk";
    for (fates, expected, errors) in [
        (vec!["CREATE UNIQUE INDEX ports_pk ON"], &["build", "key"][..], 0),
        (vec!["PRIMARY KEY USING INDEX ports_pk;"], &["build", "attach", "drop index", "key"], 0),
        (
            vec!["CREATE UNIQUE INDEX ports_pk ON", "ADD CONSTRAINT ports_pk PRIMARY KEY ("],
            &["build", "key"],
            1,
        ),
        (
            vec!["USING INDEX ports_pk;", "ADD CONSTRAINT ports_pk PRIMARY KEY ("],
            &["build", "attach", "drop index", "key"],
            1,
        ),
        (vec!["USING INDEX ports_pk;", "DROP INDEX"], &["build", "attach", "drop index"], 1),
    ] {
        for jobs in [1, 3] {
            let refused = fates.iter().map(|fate| (*fate, Fate::Refused)).collect();
            let played = Played { fates: refused, slow: jobs > 1, ..Played::default() };
            let report = restore(CORE, &Restorer::new().means(PARTS).jobs(jobs), &played).unwrap();
            assert_eq!(by_constraint(&played)[key], expected, "{fates:?}");
            assert_eq!(report.errors, errors, "{fates:?}");
            let said = played.said();
            let told: Vec<_> = said.iter().filter(|line| line.starts_with("error: ")).collect();
            assert_eq!(told.len() as u64, errors);
            let command = "Command was: ALTER TABLE ONLY harbour.ports\n    ADD CONSTRAINT ports_pk \
                           PRIMARY KEY (code);";
            assert!(told.iter().all(|told| told.contains(command)), "{told:?}");
        }
    }
    let fates = vec![
        ("VALIDATE CONSTRAINT", Fate::Refused),
        (
            ") ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;\n\n\n",
            Fate::Refused,
        ),
    ];
    let played = Played { fates, ..Played::default() };
    let report = restore(CORE, &Restorer::new().means(PARTS).jobs(2), &played).unwrap();
    assert_eq!(
        by_constraint(&played)["harbour.piers piers_port_fk"],
        ["not valid", "validate", "drop", "foreign"]
    );
    assert_eq!(report.errors, 1);
    // A lost connection is told once for each query of pg_restore.
    let fates = vec![("CREATE UNIQUE INDEX ports_pk ON", Fate::Lost)];
    let played = Played { fates, ..Played::default() };
    // Large objects are the end then.
    restore(CORE, &Restorer::new().means(PARTS).jobs(1), &played).unwrap_err();
    let said = played.said();
    let told = said.iter().filter(|line| line.contains("ADD CONSTRAINT ports_pk PRIMARY KEY ("));
    assert_eq!(told.count(), 1);
    assert!(!said.iter().any(|line| line.contains("USING INDEX") || line.contains("NOT VALID;")));
}

/// What PostgreSQL does not let go on at the same time is not sent at the same time.
#[test]
fn parts_lock_as_the_server_does() {
    let played = Played { slow: true, ..Played::default() };
    restore(CORE, &Restorer::new().means(PARTS).jobs(8), &played).unwrap();
    let mut running: HashMap<usize, (String, &str)> = HashMap::new();
    let mut beside = 0;
    for happened in played.happened() {
        match happened {
            Happened::Began { session, what } => {
                let Some((table, name, what)) = about(&what) else { continue };
                for (other, does) in running.values().filter(|(other, _)| *other == table) {
                    assert_eq!((what, *does), ("build", "build"), "{name} {other}");
                    beside += 1;
                }
                running.insert(session, (table, what));
            }
            Happened::Ended { session, .. } => drop(running.remove(&session)),
            _ => {}
        }
    }
    assert!(beside < 1000);
}
