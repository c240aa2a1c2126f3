//! Restores over one session.

use std::io::Read;

use pgdmp::script::{Report, ScriptOptions};
use pgdmp::{Archive, Desc, Selection};
use pgdmp_live::{Fatal, Restorer};
use pgdmp_testkit::fixtures;

use crate::played::{Fate, Happened, Played};

fn restore(name: &str, restorer: &Restorer, played: &Played) -> Result<Report, Fatal> {
    restore_some(name, Selection::default(), restorer, played)
}

fn restore_some(
    name: &str,
    selection: Selection,
    restorer: &Restorer,
    played: &Played,
) -> Result<Report, Fatal> {
    let archive = Archive::open(fixtures::root().join(name)).unwrap();
    let selected = selection.apply(archive.toc()).unwrap();
    restorer.archive(&archive, &selected, played, played)
}

#[test]
fn statements_are_sent_and_comments_are_not() {
    let played = Played::default();
    let report = restore("pg18/small-custom.dump", &Restorer::new(), &played).unwrap();
    assert_eq!(report.errors, 0);
    let sent = played.sent();
    assert!(sent.iter().all(|sql| !sql.starts_with("--") && !sql.trim().is_empty()), "{sent:?}");
    assert!(sent.contains(&"SELECT pg_catalog.set_config('search_path', '', false);\n".to_owned()));
    let at = |text: &str| sent.iter().position(|sql| sql.starts_with(text)).expect(text);
    let copy = at("COPY public.town (id, name, note) FROM stdin;\n");
    assert!(at("CREATE TABLE public.town") < copy);
    // As it is stored, with its end.
    assert!(sent[copy + 1].starts_with("data 1\t") && sent[copy + 1].ends_with("\n\\.\n\n\n"));
    assert_eq!(sent[copy + 2], "end of data");
    let begin = at("BEGIN");
    assert!(sent[begin + 1].starts_with("open "));
    let archive = Archive::open(fixtures::root().join("pg18/small-custom.dump")).unwrap();
    let mut written: Vec<String> = Vec::new();
    for entry in archive.entries().filter(|entry| entry.desc() == Desc::BLOBS) {
        let mut objects = archive.large_objects(entry.dump_id()).unwrap();
        while let Some(mut object) = objects.next_object().unwrap() {
            let mut bytes = Vec::new();
            object.read_to_end(&mut bytes).unwrap();
            written.extend(bytes.chunks(16384).map(|piece| format!("write {}", piece.len())));
        }
    }
    let writes: Vec<_> = sent.iter().filter(|sql| sql.starts_with("write ")).cloned().collect();
    assert!(writes == written && writes.len() > 2, "{writes:?}");
    assert!(at("COMMIT") > begin);
}

#[test]
fn errors_are_counted_and_told_with_their_context_once() {
    let fates =
        vec![("CREATE TABLE public.town", Fate::Refused), ("COPY public.town", Fate::Refused)];
    let played = Played { fates, ..Played::default() };
    let report = restore("pg18/small-custom.dump", &Restorer::new(), &played).unwrap();
    assert_eq!(report.errors, 2);
    let said = played.said();
    let told: Vec<_> = said
        .iter()
        .filter(|line| ["while", "from TOC", "error"].iter().any(|start| line.starts_with(start)))
        .map(|line| line.split('\n').next().unwrap())
        .collect();
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(told[0], "while PROCESSING TOC:");
    assert!(told[1].ends_with(" TABLE town postgres"), "{told:?}");
    assert_eq!(told[2], "error: could not execute query: ERROR:  no CREATE TABLE public.town");
    assert!(told[3].ends_with(" TABLE DATA town postgres"), "{told:?}");
    assert_eq!(told[4], "error: could not execute query: ERROR:  no COPY public.town");
    // Its data was not sent.
    assert!(!played.sent().iter().any(|sql| sql.contains("tab\\there")));
}

#[test]
fn a_failed_copy_is_one_error() {
    let played = Played { fates: vec![("end of data", Fate::Refused)], ..Played::default() };
    let report = restore("pg18/small-custom.dump", &Restorer::new(), &played).unwrap();
    assert_eq!(report.errors, 4);
    let expected = "error: COPY failed for table \"town\": ERROR:  no end of data";
    assert!(played.said().contains(&expected.to_owned()), "{:?}", played.said());
}

#[test]
fn settings_are_told_in_their_own_words() {
    for (text, expected) in [
        ("SET default_tablespace", "could not set \"default_tablespace\" to \"\": "),
        ("SET default_table_access_method", "could not set \"default_table_access_method\": "),
    ] {
        let played = Played { fates: vec![(text, Fate::Refused)], ..Played::default() };
        let report = restore("pg18/small-custom.dump", &Restorer::new(), &played).unwrap();
        assert_eq!(report.errors, 1);
        let expected = format!("error: {expected}ERROR:  no {text}");
        assert!(played.said().contains(&expected), "{:?}", played.said());
    }
    let fates = vec![("SET SESSION AUTHORIZATION", Fate::Refused)];
    let played = Played { fates, ..Played::default() };
    let options = ScriptOptions::new().use_set_session_authorization(true);
    let restorer = Restorer::new().options(options);
    let Err(Fatal::Server { text, .. }) = restore("pg18/small-custom.dump", &restorer, &played)
    else {
        panic!("it went on")
    };
    let expected =
        "could not set session user to \"postgres\": ERROR:  no SET SESSION AUTHORIZATION\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

#[test]
fn the_first_error_can_be_the_end() {
    let at_once = [
        Restorer::new().exit_on_error(true),
        Restorer::new().options(ScriptOptions::new().single_transaction(true)),
        Restorer::new().options(ScriptOptions::new().transaction_size(10)),
    ];
    for restorer in at_once {
        let fates = vec![("CREATE TABLE public.town", Fate::Refused)];
        let played = Played { fates, ..Played::default() };
        let end = restore("pg18/small-custom.dump", &restorer, &played);
        assert!(matches!(end, Err(Fatal::Told)), "{end:?}");
        let happened = played.happened();
        let [.., Happened::Ended { what, .. }, Happened::Closed { .. }] = &happened[..] else {
            panic!("{happened:?}")
        };
        assert!(what.starts_with("CREATE TABLE public.town"), "{what}");
    }
}

#[test]
fn a_lost_connection_is_an_error_for_each_query() {
    let fates = vec![("CREATE TABLE public.vacant", Fate::Lost)];
    let played = Played { fates, ..Played::default() };
    let selection = Selection::default().schema_only(true);
    let report =
        restore_some("pg18/small-custom.dump", selection, &Restorer::new(), &played).unwrap();
    let told = played.said().iter().filter(|line| line.contains("no connection")).count();
    assert!(told > 3);
    assert_eq!(report.errors, told as u64 + 1);
    // Even for what is no statement.
    let last = played.said().pop().unwrap();
    assert!(last.ends_with("Command was: --\n-- PostgreSQL database dump complete\n--"), "{last}");
}

#[test]
fn settings_fit_the_server() {
    let sets = |version, fit| {
        let played = Played { version, ..Played::default() };
        let restorer = Restorer::new().fit_to_server(fit);
        restore("pg18/small-custom.dump", &restorer, &played).unwrap();
        played.happened().iter().any(|happened| {
            matches!(happened, Happened::Began { what, .. } if what.starts_with("SET transaction_timeout"))
        })
    };
    // What the server does not have is never set, whatever else is to fit.
    for fit in [true, false] {
        assert!(sets(180_006, fit) && sets(170_000, fit) && sets(0, fit));
        assert!(!sets(160_004, fit) && !sets(150_018, fit) && !sets(90_624, fit));
    }
}

#[test]
fn a_database_that_is_made_is_connected_to() {
    let played = Played::default();
    let selection = Selection::default().create(true);
    restore_some("pg18/small-create.dump", selection, &Restorer::new(), &played).unwrap();
    let opened: Vec<_> = played
        .happened()
        .into_iter()
        .filter_map(|happened| match happened {
            Happened::Opened { database, .. } => Some(database),
            _ => None,
        })
        .collect();
    assert_eq!(opened[0], None);
    assert_eq!(opened[1], Some("small".to_owned()));
}
