//! New tables and large objects by faster means: what is sent.

use std::io::Write;

use pgdmp::script::Report;
use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Archive, ArchiveBuilder, Desc, DumpId, Format, Selection};
use pgdmp_live::{Means, Restorer};
use pgdmp_testkit::fixtures;

use crate::played::{Fate, Happened, Played};

const FREEZE: Means = Means::exact().freeze(true);

/// An archive of one table with so many rows.
pub(crate) fn table(rows: usize) -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    let make = EntryFields::new(DumpId(1), Desc::TABLE, Section::PreData)
        .tag("t")
        .namespace("public")
        .owner("o")
        .defn("CREATE TABLE public.t (n int);\n");
    let load = EntryFields::new(DumpId(2), Desc::TABLE_DATA, Section::Data)
        .tag("t")
        .namespace("public")
        .owner("o")
        .copy_stmt("COPY public.t (n) FROM stdin;\n")
        .had_dumper(true)
        .dependencies(&[DumpId(1)]);
    builder.entry(&make).unwrap();
    builder.entry(&load).unwrap();
    builder.session("UTF8", true).unwrap();
    let mut writer = builder.create(&path).unwrap();
    let mut data = writer.data(DumpId(2)).unwrap();
    for row in 0..rows {
        writeln!(data, "{row}").unwrap();
    }
    data.write_all(b"\\.\n\n\n").unwrap();
    data.finish().unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    (folder, archive)
}

fn restore(archive: &Archive, restorer: &Restorer, played: &Played) -> Report {
    let selected = Selection::default().apply(archive.toc()).unwrap();
    restorer.archive(archive, &selected, played, played).unwrap()
}

#[test]
fn rows_behind_one_that_is_refused_are_not_sent() {
    let (_folder, many) = table(1_000_000);
    for (means, state, again) in [
        (Means::exact(), *b"22P02", false),
        (Means::fast(), *b"22P02", false),
        // Rows that may come once more do so at their end.
        (Means::fast(), *b"55000", true),
    ] {
        let fates = vec![("end of data", Fate::RefusedOnce(state))];
        let played = Played { fates, early: true, ..Played::default() };
        let report = restore(&many, &Restorer::new().means(means), &played);
        assert_eq!(report.errors, u64::from(!again));
        let sent = loading(&played);
        let bytes = |text: &String| text.strip_suffix(" bytes").unwrap().parse::<u64>().unwrap();
        let copy = sent.iter().position(|sql| sql.contains("COPY")).unwrap();
        assert!(bytes(&sent[copy + 1]) < 3_000_000, "{sent:?}");
        assert_eq!(sent[copy + 2], "end of data");
        let more = sent.get(copy + 3).is_some_and(|sql| sql == COPY);
        assert_eq!(more, again);
        if again {
            assert_eq!(bytes(&sent[copy + 4]), 6_888_895);
        }
    }
}

/// What was sent for the data: pieces of it as one, by their length.
pub(crate) fn loading(played: &Played) -> Vec<String> {
    let mut sent: Vec<String> = Vec::new();
    let mut bytes = 0;
    for sql in played.sent() {
        if let Some(data) = sql.strip_prefix("data ") {
            bytes += data.len();
            continue;
        }
        if bytes > 0 {
            sent.push(format!("{bytes} bytes"));
            bytes = 0;
        }
        let wanted = ["BEGIN", "COMMIT", "TRUNCATE", "COPY", "end of data"];
        if wanted.iter().any(|start| sql.starts_with(start)) {
            sent.push(sql);
        }
    }
    sent
}

const TRUNCATE: &str = "TRUNCATE TABLE ONLY public.t;\n";
pub(crate) const COPY: &str = "COPY public.t (n) FROM stdin;\n";
pub(crate) const FROZEN: &str =
    "TRUNCATE TABLE ONLY public.t;\nCOPY public.t (n) FROM stdin WITH (FREEZE);\n";

#[test]
fn many_rows_are_frozen_in_one_query_and_few_are_not() {
    let played = Played::default();
    let (_folder, many) = table(100_000);
    restore(&many, &Restorer::new().means(FREEZE), &played);
    assert_eq!(loading(&played), [FROZEN, "588895 bytes", "end of data"]);
    let played = Played::default();
    let (_folder, few) = table(10_000);
    restore(&few, &Restorer::new().means(FREEZE), &played);
    assert_eq!(loading(&played), [COPY, "48895 bytes", "end of data"]);
    // Nothing goes into a table that is new and stays empty.
    let played = Played::default();
    let (_folder, none) = table(0);
    restore(&none, &Restorer::new().means(FREEZE), &played);
    assert_eq!(loading(&played), Vec::<String>::new());
    let fates = vec![("CREATE TABLE", Fate::Refused)];
    let played = Played { fates, ..Played::default() };
    assert_eq!(restore(&none, &Restorer::new().means(Means::fast()), &played).errors, 1);
    assert_eq!(loading(&played), [COPY, "5 bytes", "end of data"]);
    // Without it, and on a server that has it not.
    let usual = ["BEGIN", &format!("{TRUNCATE}\n"), COPY, "588895 bytes", "end of data", "COMMIT"];
    for (means, version) in [(Means::exact().objects(true), 0), (FREEZE, 90_224)] {
        let played = Played { version, ..Played::default() };
        restore(&many, &Restorer::new().means(means), &played);
        assert_eq!(loading(&played), usual);
    }
    // A table that was there before.
    let fates = vec![("CREATE TABLE", Fate::Refused)];
    let played = Played { fates, ..Played::default() };
    restore(&many, &Restorer::new().means(Means::fast()), &played);
    assert_eq!(loading(&played), [COPY, "588895 bytes", "end of data"]);
}

#[test]
fn rows_that_cannot_be_frozen_are_loaded_all_the_same() {
    let (_folder, many) = table(100_000);
    // At once: whatever the reason is.
    let played = Played { fates: vec![("FREEZE", Fate::Refused)], ..Played::default() };
    let report = restore(&many, &Restorer::new().means(FREEZE), &played);
    assert_eq!(report.errors, 0);
    assert_eq!(loading(&played), [FROZEN, COPY, "588895 bytes", "end of data"]);
    // In the end: the rows come again.
    for (state, again) in
        [(*b"0A000", true), (*b"25000", true), (*b"55000", true), (*b"22P02", false)]
    {
        let fates = vec![("end of data", Fate::RefusedOnce(state))];
        let played = Played { fates, ..Played::default() };
        let report = restore(&many, &Restorer::new().means(FREEZE), &played);
        let mut expected = vec![FROZEN, "588895 bytes", "end of data"];
        if again {
            expected.extend([COPY, "588895 bytes", "end of data"]);
        }
        assert_eq!(loading(&played), expected);
        assert_eq!(played.said().iter().any(|line| line.starts_with("error")), !again);
        assert_eq!(report.errors > 0, !again);
    }
    // Nothing of a table that cannot be loaded at all is told twice.
    let fates = vec![("end of data", Fate::RefusedWith(*b"55000"))];
    let played = Played { fates, ..Played::default() };
    restore(&many, &Restorer::new().means(FREEZE), &played);
    let errors: Vec<_> =
        played.said().into_iter().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors, ["error: COPY failed for table \"t\": ERROR:  no end of data"]);
    let fates = vec![("COPY public.t", Fate::Refused)];
    let played = Played { fates, ..Played::default() };
    restore(&many, &Restorer::new().means(FREEZE), &played);
    let said = played.said();
    let errors: Vec<_> = said.iter().filter(|line| line.starts_with("error")).collect();
    let command = "Command was: COPY public.t (n) FROM stdin;";
    assert_eq!(
        errors,
        [&format!("error: could not execute query: ERROR:  no COPY public.t\n{command}")]
    );
}

const OBJECTS: Means = Means::exact().objects(true);

/// What was sent for large objects.
fn writing(played: &Played) -> Vec<String> {
    let of_objects = |sql: &String| {
        let starts = ["BEGIN", "COMMIT", "open ", "write ", "create "];
        starts.iter().any(|start| sql.starts_with(start)) || sql.contains("lo_put")
    };
    played.sent().into_iter().filter(of_objects).collect()
}

#[test]
fn large_objects_are_written_many_at_a_time() {
    for name in ["pg18/small-custom.dump", "pg15/mini-pipe.dump", "pg18/small-dir"] {
        let archive = Archive::open(fixtures::root().join(name)).unwrap();
        let sent = |means, version, fates| {
            let played = Played { version, fates, ..Played::default() };
            let options = pgdmp::script::ScriptOptions::new();
            let restorer = Restorer::new().means(means).options(options);
            restore(&archive, &restorer, &played);
            let errors = played.said().into_iter().filter(|line| line.starts_with("error"));
            (writing(&played), errors.collect::<Vec<_>>())
        };
        let tables = |sql: &String| sql.starts_with("open ") || sql.starts_with("write ");
        let (one, _) = sent(Means::exact().longest_path(true), 0, vec![]);
        let (many, _) = sent(OBJECTS, 0, vec![]);
        let objects = one.iter().filter(|sql| tables(sql)).count();
        assert!(objects > 0, "{name}");
        assert!(!many.iter().any(tables), "{many:?}");
        let puts = many.iter().filter(|sql| sql.contains("lo_put")).count();
        assert!((1..=objects).contains(&puts), "{name}: {many:?}");
        // As before, where it cannot be, and where it fails.
        let (old, _) = sent(OBJECTS, 90_300, vec![]);
        assert_eq!(
            old.iter().filter(|sql| tables(sql)).collect::<Vec<_>>(),
            one.iter().filter(|sql| tables(sql)).collect::<Vec<_>>()
        );
        let (failed, errors) = sent(OBJECTS, 0, vec![("lo_put", Fate::Refused)]);
        let again: Vec<_> = failed.iter().filter(|sql| tables(sql)).collect();
        assert_eq!(again, one.iter().filter(|sql| tables(sql)).collect::<Vec<_>>(), "{name}");
        assert_eq!(errors, [""; 0]);
    }
}

#[test]
fn what_fails_with_a_large_object_is_told_as_of_one() {
    let archive = Archive::open(fixtures::root().join("pg18/small-custom.dump")).unwrap();
    let fates = vec![("lo_put", Fate::Refused), ("write ", Fate::Refused)];
    let answers = [Means::exact().longest_path(true), OBJECTS].map(|means| {
        let played = Played { fates: fates.clone(), ..Played::default() };
        let report = restore(&archive, &Restorer::new().means(means), &played);
        let errors = played.said().into_iter().filter(|line| line.starts_with("error"));
        (errors.collect::<Vec<_>>(), report.errors)
    });
    assert_eq!(answers[0], answers[1]);
    let [.., open] = [("lo_put", Fate::Refused), ("open ", Fate::Refused)];
    for means in [Means::exact().longest_path(true), OBJECTS] {
        let played = Played { fates: vec![("lo_put", Fate::Refused), open], ..Played::default() };
        let selected = Selection::default().apply(archive.toc()).unwrap();
        let end = Restorer::new().means(means).archive(&archive, &selected, &played, &played);
        let text = end.unwrap_err().to_string();
        assert!(text.starts_with("could not open large object "), "{text}");
        let ended = |happened: &Happened| matches!(happened, Happened::Ended { what, .. } if what == "COMMIT");
        assert!(
            !played
                .happened()
                .iter()
                .skip_while(
                    |h| !matches!(h, Happened::Began { what, .. } if what.starts_with("open "))
                )
                .any(ended)
        );
    }
}
