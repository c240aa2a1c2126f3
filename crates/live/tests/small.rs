//! The rows of small tables, many tables at a time: what is sent.

use std::io::Write;

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Archive, ArchiveBuilder, Desc, DumpId, Format, Selection};
use pgdmp_live::{Means, Restorer, Split};

use crate::played::{Fate, Happened, Played};

const SMALL: Means = Means::exact().small_tables(true);

/// An archive of so many tables, with two rows each. The columns are of these types.
fn tables(count: i32, types: &str) -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dump");
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    for n in 0..count {
        let tag = format!("t{n}");
        let defn = format!("CREATE TABLE public.t{n} (\n    n {types}\n);\n");
        let make = EntryFields::new(DumpId(1 + n), Desc::TABLE, Section::PreData);
        builder.entry(&make.tag(&tag).namespace("public").owner("o").defn(&defn)).unwrap();
    }
    for n in 0..count {
        let (tag, copy) = (format!("t{n}"), format!("COPY public.t{n} (n) FROM stdin;\n"));
        let load = EntryFields::new(DumpId(1 + count + n), Desc::TABLE_DATA, Section::Data);
        let load = load.tag(&tag).namespace("public").owner("o").copy_stmt(&copy).had_dumper(true);
        builder.entry(&load.dependencies(&[DumpId(1 + n)])).unwrap();
    }
    builder.session("UTF8", true).unwrap();
    let mut writer = builder.create(&path).unwrap();
    for n in 0..count {
        let mut data = writer.data(DumpId(1 + count + n)).unwrap();
        data.write_all(b"1\n2\n\\.\n\n\n").unwrap();
        data.finish().unwrap();
    }
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    (folder, archive)
}

/// What was sent for rows, what was told of failures, and how many errors there were.
fn restored(
    archive: &Archive,
    restorer: &Restorer,
    fates: &[(&'static str, Fate)],
) -> (Vec<String>, Vec<String>, u64) {
    let played = Played { fates: fates.to_vec(), ..Played::default() };
    let selected = Selection::default().apply(archive.toc()).unwrap();
    let report = restorer.archive(archive, &selected, &played, &played).unwrap();
    let loads =
        |sql: &String| ["INSERT ", "COPY ", "TRUNCATE "].iter().any(|word| sql.contains(word));
    // What begins a query of several statements is about their locks.
    let began = played.happened().into_iter().filter_map(|happened| match happened {
        Happened::Began { what, .. } => Some(what),
        _ => None,
    });
    let mut told = played.said();
    told.retain(|line| line.starts_with("error") || line.starts_with("from TOC"));
    told.sort();
    (began.filter(loads).collect(), told, report.errors)
}

#[test]
fn the_rows_of_small_tables_go_together() {
    let (_folder, archive) = tables(250, "integer");
    for jobs in [1, 3] {
        let (sent, _, errors) = restored(&archive, &Restorer::new().means(SMALL).jobs(jobs), &[]);
        assert_eq!((sent.len(), errors), (3, 0));
        assert_eq!(sent.concat().matches("INSERT INTO ").count(), 250);
        let start = "SET LOCAL lock_timeout = '200ms';\n\
                     INSERT INTO public.t0 (n) OVERRIDING SYSTEM VALUE VALUES\n('1'),\n('2');\n\
                     INSERT INTO public.t1 (n)";
        assert!(sent.iter().any(|sql| sql.starts_with(start)), "{sent:?}");
    }
}

#[test]
fn others_go_alone() {
    let (_folder, small) = tables(20, "integer");
    let (_folder, unknown) = tables(20, "public.odd(3)");
    let (_folder, known) = tables(20, "public.odd");
    let always = SMALL.split(Split::Always);
    for (archive, means, joins) in [
        (&small, SMALL, true),
        (&small, Means::fast(), true),
        (&small, Means::fast().freeze(false), true),
        (&known, SMALL, true),
        // What its size does to a value is known to COPY alone.
        (&unknown, SMALL, false),
        (&small, always, false),
        (&small, Means::fast().small_tables(false), false),
        (&small, Means::exact(), false),
    ] {
        let (sent, ..) = restored(archive, &Restorer::new().means(means).jobs(2), &[]);
        assert_eq!(sent.iter().any(|sql| sql.contains("INSERT INTO")), joins, "{means:?}");
    }
    // Nobody knows what is in a table that was there before.
    let fates = [("CREATE TABLE public.t5 ", Fate::Refused)];
    let (sent, ..) = restored(&small, &Restorer::new().means(SMALL), &fates);
    assert!(sent.contains(&"COPY public.t5 (n) FROM stdin;\n".to_owned()), "{sent:?}");
    assert_eq!(sent.concat().matches("INSERT INTO ").count(), 19);
}

#[test]
fn failures_are_those_of_single_tables() {
    let (_folder, archive) = tables(60, "integer");
    let cases: &[&[(&'static str, Fate)]] = &[
        // The server takes by COPY what it refused before.
        &[("INSERT INTO public.t7 ", Fate::Refused)],
        &[("INSERT INTO public.t7 ", Fate::Refused), ("COPY public.t7 ", Fate::Refused)],
        &[("INSERT INTO public.t", Fate::Refused), ("COPY public.t1", Fate::Refused)],
        &[("INSERT INTO public.t0 ", Fate::Refused), ("end of data", Fate::Refused)],
    ];
    for (n, fates) in cases.iter().enumerate() {
        for jobs in [1, 3] {
            let restorer = Restorer::new().jobs(jobs);
            // Only what does not fit the statements of either may differ.
            let (alone, expected, errors) = restored(&archive, &restorer, fates);
            let (sent, told, ours) = restored(&archive, &restorer.clone().means(SMALL), fates);
            let expected: Vec<_> =
                expected.iter().filter(|line| line.starts_with("error")).collect();
            let told: Vec<_> = told.iter().filter(|line| line.starts_with("error")).collect();
            assert_eq!(told, expected, "{n} -j{jobs}");
            // Without means, an entry that failed counts once more over several sessions.
            assert_eq!((ours, errors > 0), (told.len() as u64, n > 0), "{n} -j{jobs}");
            let copies =
                |sent: &[String]| sent.iter().filter(|sql| sql.starts_with("COPY ")).count();
            assert_eq!((copies(&sent), copies(&alone)), (60, 60));
        }
    }
}
