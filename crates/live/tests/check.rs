//! A check before a restore: what it asks, and what it makes of the answers.

use pgdmp::finding::Severity;
use pgdmp::script::ScriptOptions;
use pgdmp::{Archive, Selection};
use pgdmp_live::{Checked, Fatal, Restorer};
use pgdmp_testkit::fixtures;

use crate::played::{Fate, Happened, Played};

fn check(restorer: &Restorer, selection: &Selection, played: &Played) -> Result<Checked, Fatal> {
    let archive = Archive::open(fixtures::root().join("pg18/core-custom.dump")).unwrap();
    let selected = selection.apply(archive.toc()).unwrap();
    restorer.check(Some(&archive), &selected, played, played)
}

fn codes(checked: &Checked, severity: Severity) -> Vec<&'static str> {
    let of = checked.concerns.iter().filter(|concern| concern.severity == severity);
    of.map(|concern| concern.code).collect()
}

/// `user`: name and whether a superuser. In recovery; limits of connections; sessions.
fn who(
    superuser: &'static str,
    recovery: &'static str,
    rest: [&'static str; 4],
) -> Vec<&'static str> {
    let [of_database, of_role, sessions, triggers] = rest;
    vec![
        "clerk",
        "shop",
        "UTF8",
        superuser,
        "f",
        "t",
        recovery,
        of_database,
        of_role,
        sessions,
        triggers,
    ]
}

const QUIET: [&str; 4] = ["-1", "-1", "3", "0"];

/// A server that has all that the archive needs.
fn served(who: Vec<&'static str>) -> Played {
    let roles = ["Odd Role", "harbour_audit", "harbour_clerk", "harbour_owner", "postgres"];
    let mut roles: Vec<_> = roles.iter().map(|role| vec![*role, "t"]).collect();
    roles.push(vec!["rôle \"quoted\"", "t"]);
    let things = [
        ("t", "corpus ts"),
        ("a", "brin"),
        ("a", "btree"),
        ("a", "gin"),
        ("a", "gist"),
        ("a", "heap"),
        ("l", "internal"),
        ("l", "plpgsql"),
        ("l", "sql"),
    ];
    Played {
        version: 180_000,
        answers: vec![
            ("SELECT current_user", vec![who]),
            ("pg_has_role", roles),
            ("has_tablespace_privilege", things.iter().map(|(k, n)| vec![*k, *n, "t"]).collect()),
            ("pg_available_extensions", vec![vec!["plharbour", "f", "t", "f"]]),
        ],
        settings: vec![
            ["max_connections", "100", ""],
            ["superuser_reserved_connections", "3", ""],
            ["max_locks_per_transaction", "64", ""],
            ["max_wal_size", "1024", "MB"],
            ["archive_mode", "on", ""],
        ],
        ..Played::default()
    }
}

#[test]
fn few_questions_and_nothing_but_questions() {
    for selection in [Selection::new(), Selection::new().create(true)] {
        let played = served(who("t", "f", QUIET));
        let options = ScriptOptions::new().clean(true);
        let checked = check(&Restorer::new().options(options), &selection, &played).unwrap();
        assert_eq!(codes(&checked, Severity::Error), [""; 0], "{:?}", checked.concerns);
        let happened = played.happened();
        let began = happened.iter().filter_map(|happened| match happened {
            Happened::Began { what, .. } => Some(what),
            _ => None,
        });
        let (settings, questions): (Vec<&String>, Vec<&String>) =
            began.partition(|what| what.starts_with("SET "));
        assert!(settings[0].contains("default_transaction_read_only = on"));
        assert!(settings.len() <= 2 && (5..=18).contains(&questions.len()), "{questions:?}");
        assert!(questions.iter().all(|what| what.starts_with("SELECT ")), "{questions:?}");
        assert!(matches!(happened.last(), Some(Happened::Closed { .. })));
    }
}

#[test]
fn what_the_server_is() {
    let errors = |restorer: &Restorer, played: &Played| {
        let checked = check(restorer, &Selection::new(), played).unwrap();
        codes(&checked, Severity::Error)
    };
    let restorer = Restorer::new();
    assert_eq!(errors(&restorer, &served(who("t", "f", QUIET))), [""; 0]);
    assert_eq!(errors(&restorer, &served(who("t", "t", QUIET))), ["standby"]);
    // 100 less 3 of others; three more are the superusers'.
    for (superuser, jobs, found) in [
        ("t", 97, &[][..]),
        ("t", 98, &["connections"]),
        ("f", 94, &[]),
        ("f", 95, &["connections"]),
    ] {
        let played = served(who(superuser, "f", QUIET));
        assert_eq!(errors(&restorer.clone().jobs(jobs), &played), found, "{superuser} {jobs}");
    }
    let limited = || served(who("f", "f", ["-1", "4", "3", "0"]));
    assert_eq!(errors(&restorer.clone().jobs(4), &limited()), [""; 0]);
    assert_eq!(errors(&restorer.clone().jobs(5), &limited()), ["connections"]);

    let mut played = served(who("t", "f", QUIET));
    let whole = Restorer::new().options(ScriptOptions::new().single_transaction(true));
    assert_eq!(errors(&whole, &played), [""; 0]);
    played.settings = vec![["max_connections", "2", ""], ["max_locks_per_transaction", "2", ""]];
    played.answers.remove(0);
    assert_eq!(errors(&whole, &played), ["locks"]);
    assert_eq!(errors(&restorer, &played), [""; 0]);
}

#[test]
fn what_costs_is_a_warning() {
    let mut played = served(who("t", "f", ["-1", "-1", "3", "2"]));
    played.settings.push(["synchronous_standby_names", "one", ""]);
    played.settings.push(["checkpoint_timeout", "300", "s"]);
    let checked = check(&Restorer::new(), &Selection::new(), &played).unwrap();
    let costs = [
        "cost-max-wal-size",
        "cost-checkpoint-timeout",
        "cost-archive-mode",
        "cost-synchronous-standbys",
        "cost-event-triggers",
    ];
    assert_eq!(codes(&checked, Severity::Warning), costs);
    assert_eq!(codes(&checked, Severity::Note), ["cost-size"]);
}

#[test]
fn services_and_older_servers_are_known() {
    for (role, name) in [("rds_superuser", "rds"), ("azure_pg_admin", "azure")] {
        let mut played = served(who("f", "f", QUIET));
        let asks = "WHERE rolname::pg_catalog.text = ANY (ARRAY['rds_superuser'";
        played.answers.push((asks, vec![vec![role]]));
        let checked = check(&Restorer::new(), &Selection::new(), &played).unwrap();
        let service = checked.concerns.iter().find(|concern| concern.code == "service").unwrap();
        assert!(service.advice.as_ref().unwrap().contains(&format!("--for={name}")));
        assert!(!service.entries.is_empty());
    }
    let mut played = served(who("t", "f", QUIET));
    let release = |played: &Played| {
        let checked = check(&Restorer::new(), &Selection::new(), played).unwrap();
        checked.concerns.into_iter().find(|concern| concern.code == "release")
    };
    assert_eq!(release(&played), None);
    played.version = 120_000;
    assert!(release(&played).unwrap().advice.unwrap().contains("--target-version=12"));
    played.version = 90_300;
    let checked = check(&Restorer::new(), &Selection::new(), &played).unwrap();
    assert_eq!(codes(&checked, Severity::Warning), ["not-checked"]);
}

/// What a role may not know is a warning; a connection that is lost is the end.
#[test]
fn no_answer_is_no_alarm() {
    let mut played = served(who("t", "f", QUIET));
    played.fates = vec![("pg_has_role", Fate::Refused), ("pg_class", Fate::Refused)];
    let checked = check(&Restorer::new(), &Selection::new(), &played).unwrap();
    assert_eq!(codes(&checked, Severity::Error), [""; 0]);
    let not_asked = codes(&checked, Severity::Warning);
    assert!(not_asked.iter().filter(|code| **code == "not-asked").count() >= 2, "{not_asked:?}");
    played.fates = vec![("pg_has_role", Fate::Lost)];
    let end = check(&Restorer::new(), &Selection::new(), &played);
    assert!(
        matches!(&end, Err(Fatal::Server { text, .. }) if text.starts_with(b"server closed")),
        "{end:?}"
    );
    // Who is connected is not known.
    played.fates = vec![("SELECT current_user", Fate::Refused)];
    let checked = check(&Restorer::new(), &Selection::new(), &played).unwrap();
    assert_eq!(codes(&checked, Severity::Error), [""; 0]);
}
