//! Restores over several sessions.

use std::collections::{HashMap, HashSet};

use pgdmp::script::Report;
use pgdmp::toc::Section;
use pgdmp::{Archive, Desc, Selection};
use pgdmp_live::{Fatal, Restorer};
use pgdmp_testkit::fixtures;

use crate::played::{Fate, Happened, Played};

fn restore(name: &str, jobs: usize, played: &Played) -> (Archive, Result<Report, Fatal>) {
    let archive = Archive::open(fixtures::root().join(name)).unwrap();
    let selected = Selection::default().apply(archive.toc()).unwrap();
    let report = Restorer::new().jobs(jobs).archive(&archive, &selected, played, played);
    (archive, report)
}

/// When each query began and ended, by its text; those alone that were sent once.
fn times(happened: &[Happened]) -> HashMap<String, (usize, usize)> {
    let mut times = HashMap::new();
    let mut often = HashSet::new();
    for (time, happened) in happened.iter().enumerate() {
        match happened {
            Happened::Began { what, .. } => {
                let before = times.insert(what.clone(), (time, time));
                often.extend(before.map(|_| what.clone()));
            }
            Happened::Ended { what, .. } => {
                if let Some((_, end)) = times.get_mut(what) {
                    *end = time;
                }
            }
            _ => {}
        }
    }
    times.retain(|what, _| !often.contains(what));
    times
}

#[test]
fn what_needs_something_waits_for_it() {
    for (name, jobs) in
        [("pg18/core-custom.dump", 4), ("pg18/mini-custom.dump", 8), ("pg18/small-dir", 2)]
    {
        let played = Played { slow: true, ..Played::default() };
        let (archive, report) = restore(name, jobs, &played);
        assert_eq!(report.unwrap().errors, 0);
        let happened = played.happened();
        let times = times(&happened);
        // The query of an entry, as it is sent.
        let query = |entry: &pgdmp::TocEntry<'_>| match entry.desc() {
            Desc::TABLE_DATA => {
                entry.copy_stmt().map(|copy| String::from_utf8_lossy(copy).into_owned())
            }
            _ => {
                let defn = String::from_utf8_lossy(entry.defn().unwrap_or_default()).into_owned();
                (!defn.is_empty()).then(|| format!("{defn}\n\n"))
            }
        };
        let mut checked = 0;
        let data: HashMap<_, _> = archive
            .entries()
            .filter(|entry| entry.desc() == Desc::TABLE_DATA)
            .filter_map(|entry| Some((*entry.dependencies().first()?, entry)))
            .collect();
        for entry in archive.entries() {
            let Some((began, _)) = query(&entry).and_then(|query| times.get(&query)) else {
                continue;
            };
            for need in entry.dependencies() {
                let Some(mut needed) = archive.entry(*need) else { continue };
                if entry.section() == Section::PostData
                    && let Some(data) = data.get(need)
                {
                    needed = *data;
                }
                let Some((_, ended)) = query(&needed).and_then(|query| times.get(&query)) else {
                    continue;
                };
                assert!(ended < began, "{} before {}", entry.name(), needed.name());
                checked += 1;
            }
        }
        assert!(checked > 5, "{name}: {checked}");
    }
}

#[test]
fn there_are_never_more_sessions_than_jobs() {
    for jobs in [2, 3, 8] {
        let played = Played { slow: true, ..Played::default() };
        restore("pg18/mini-custom.dump", jobs, &played).1.unwrap();
        let (mut open, mut most, mut all) = (0_usize, 0, 0);
        for happened in played.happened() {
            match happened {
                Happened::Opened { .. } => {
                    open += 1;
                    all += 1;
                    most = most.max(open);
                }
                Happened::Closed { .. } => open -= 1,
                _ => {}
            }
        }
        assert_eq!((open, most, all), (0, jobs, jobs + 2));
    }
}

/// Each entry is restored once, whoever does it.
#[test]
fn nothing_is_left_out_and_nothing_comes_twice() {
    let sent = |jobs| {
        let played = Played { slow: jobs > 1, ..Played::default() };
        let (_, report) = restore("pg18/core-custom.dump", jobs, &played);
        let only = |sql: &String| {
            // What several sessions do besides.
            !sql.starts_with("TRUNCATE ")
                && !["BEGIN", "COMMIT"].contains(&&**sql)
                && !sql.starts_with("SELECT pg_catalog.set_config('search_path'")
        };
        let mut sent: Vec<_> = played.sent().into_iter().filter(only).collect();
        sent.sort();
        (sent, report.unwrap().entries)
    };
    assert_eq!(sent(1), sent(2));
    assert_eq!(sent(1), sent(8));
}

/// Rows come into a table that is new in the transaction that empties it.
#[test]
fn new_tables_are_emptied_in_the_transaction_of_their_rows() {
    let played = Played::default();
    restore("pg18/small-custom.dump", 2, &played).1.unwrap();
    let mut sessions: HashMap<usize, Vec<String>> = HashMap::new();
    for happened in played.happened() {
        if let Happened::Began { session, what } = happened {
            sessions.entry(session).or_default().push(what);
        }
    }
    let mut emptied = 0;
    for sent in sessions.values() {
        for at in (0..sent.len()).filter(|at| sent[*at].starts_with("TRUNCATE TABLE ONLY ")) {
            let table = sent[at]
                .trim_end()
                .trim_start_matches("TRUNCATE TABLE ONLY ")
                .trim_end_matches(';');
            assert_eq!(sent[at - 1], "BEGIN");
            assert!(sent[at + 1].starts_with(&format!("COPY {table} ")), "{}", sent[at + 1]);
            let end = sent[at..].iter().position(|sql| sql == "end of data").unwrap();
            assert_eq!(sent[at + end + 1], "COMMIT");
            emptied += 1;
        }
    }
    assert_eq!(emptied, 4);
}

/// Two constraints of one table would wait for each other.
#[test]
fn what_locks_a_table_has_it_alone() {
    let played = Played { slow: true, ..Played::default() };
    restore("pg18/core-custom.dump", 8, &played).1.unwrap();
    let mut running: HashMap<usize, String> = HashMap::new();
    let mut seen = 0;
    for happened in played.happened() {
        match happened {
            Happened::Began { session, what } => {
                if let Some(table) = constrained(&what) {
                    assert!(!running.values().any(|other| *other == table), "{what}");
                    running.insert(session, table);
                    seen += 1;
                }
            }
            Happened::Ended { session, .. } => drop(running.remove(&session)),
            _ => {}
        }
    }
    assert!(seen > 5);
}

/// The table that a statement adds a constraint to.
fn constrained(sql: &str) -> Option<String> {
    let rest = sql.strip_prefix("ALTER TABLE ONLY ")?;
    let (table, rest) = rest.split_once('\n')?;
    rest.trim_start().starts_with("ADD CONSTRAINT").then(|| table.to_owned())
}

#[test]
fn an_end_in_one_session_is_the_end_of_all() {
    let fates = vec![("COPY public.town", Fate::Refused), ("COPY public.parcel", Fate::Endless)];
    let played = Played { fates, ..Played::default() };
    let archive = Archive::open(fixtures::root().join("pg18/small-custom.dump")).unwrap();
    let selected = Selection::default().apply(archive.toc()).unwrap();
    let restorer = Restorer::new().jobs(3).exit_on_error(true);
    let end = restorer.archive(&archive, &selected, &played, &played);
    let Err(Fatal::Worker(reason)) = end else { panic!("{end:?}") };
    assert!(matches!(*reason, Fatal::Told));
    let errors = played.said().iter().filter(|line| line.starts_with("error: ")).count();
    // What was cancelled is nothing to tell of.
    assert_eq!(errors, 1, "{:?}", played.said());
    assert!(played.happened().iter().filter(|h| matches!(h, Happened::Closed { .. })).count() == 4);
}

/// pg_restore counts an entry with errors once more.
#[test]
fn errors_of_workers_are_counted_as_by_pg_restore() {
    let played = Played { fates: vec![("COPY public.town", Fate::Refused)], ..Played::default() };
    assert_eq!(restore("pg18/small-custom.dump", 2, &played).1.unwrap().errors, 2);
    let played =
        Played { fates: vec![("CREATE TABLE public.town", Fate::Refused)], ..Played::default() };
    assert_eq!(restore("pg18/small-custom.dump", 2, &played).1.unwrap().errors, 1);
    let all = played.sent();
    // It may hold what somebody else has put there.
    assert!(!all.iter().any(|sql| sql.starts_with("TRUNCATE TABLE ONLY public.town;")));
}
