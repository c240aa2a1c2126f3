//! Tables are analyzed when their rows and indexes are there.

use std::io::Write;
use std::path::Path;

use pgdmp::toc::{EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{Archive, ArchiveBuilder, Desc, DumpId, Format, Selection};
use pgdmp_live::{Means, Restorer};

use crate::played::{Fate, Happened, Played};

/// Tables a, b and c with an index each; b has statistics.
fn archive(folder: &Path) -> Archive {
    let path = folder.join("tables.dump");
    let options = WriteOptions::new().server_version("18.0").dump_version("18.0");
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    for (n, table) in ["a", "b", "c"].into_iter().enumerate() {
        let id = |part: i32| DumpId(i32::try_from(n).unwrap() * 10 + part);
        let fields = |part, desc, section| {
            EntryFields::new(id(part), desc, section).tag(table).namespace("s").owner("postgres")
        };
        let definition = format!("CREATE TABLE s.{table} (x int);\n");
        builder.entry(&fields(1, Desc::TABLE, Section::PreData).defn(&definition)).unwrap();
        let copy = format!("COPY s.{table} (x) FROM stdin;\n");
        let rows = fields(2, Desc::TABLE_DATA, Section::Data).had_dumper(true).copy_stmt(&copy);
        builder.entry(&rows.dependencies(&[id(1)])).unwrap();
        if table == "b" {
            let defn = "SELECT * FROM pg_catalog.pg_restore_relation_stats('x');\n";
            let statistics = fields(3, Desc::STATISTICS_DATA, Section::Data).defn(defn);
            builder.entry(&statistics.dependencies(&[id(1)])).unwrap();
        }
        let defn = format!("CREATE INDEX {table}_x ON s.{table} USING btree (x);\n");
        let index = fields(4, Desc::INDEX, Section::PostData).defn(&defn);
        builder.entry(&index.dependencies(&[id(1)])).unwrap();
    }
    builder.session("UTF8", true).unwrap();
    let mut writer = builder.create(&path).unwrap();
    for n in [2, 12, 22] {
        let mut output = writer.data(DumpId(n)).unwrap();
        output.write_all(b"1\n\\.\n\n\n").unwrap();
        output.finish().unwrap();
    }
    writer.finish().unwrap();
    Archive::open(&path).unwrap()
}

/// A partition as it was before PostgreSQL 14: attached by the entry of the table itself.
#[test]
fn old_partitions_are_analyzed_with_their_root() {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    let fields = |id, desc, section, tag| {
        EntryFields::new(DumpId(id), desc, section).tag(tag).namespace("s").owner("postgres")
    };
    let root = fields(1, Desc::TABLE, Section::PreData, "root");
    builder.entry(&root.defn("CREATE TABLE s.root (x int)\nPARTITION BY LIST (x);\n")).unwrap();
    let part = fields(2, Desc::TABLE, Section::PreData, "part").dependencies(&[DumpId(1)]);
    let defn = "CREATE TABLE s.part (x int);\n\
                ALTER TABLE ONLY s.root ATTACH PARTITION s.part FOR VALUES IN (1);\n";
    builder.entry(&part.defn(defn)).unwrap();
    let rows = fields(3, Desc::TABLE_DATA, Section::Data, "part").dependencies(&[DumpId(2)]);
    let rows = rows.had_dumper(true).copy_stmt("COPY s.part (x) FROM stdin;\n");
    builder.entry(&rows).unwrap();
    builder.session("UTF8", true).unwrap();
    let mut writer = builder.start_pipe(Vec::new()).unwrap();
    let mut output = writer.data(DumpId(3)).unwrap();
    output.write_all(b"1\n\\.\n\n\n").unwrap();
    output.finish().unwrap();
    let archive = Archive::read(writer.finish().unwrap()).unwrap();
    let selected = Selection::new().apply(archive.toc()).unwrap();
    let played = Played::default();
    let restorer = Restorer::new().jobs(2).analyze(true);
    restorer.archive(&archive, &selected, &played, &played).unwrap();
    let analyzed: Vec<_> =
        played.sent().into_iter().filter(|sql| sql.starts_with("ANALYZE")).collect();
    assert_eq!(analyzed.len(), 1, "{analyzed:?}");
    assert!(analyzed[0].contains("\"root\""), "{analyzed:?}");
}

/// When something with this text began, and when it ended.
fn times(happened: &[Happened], text: &str) -> Option<(usize, usize)> {
    let began = |h: &Happened| matches!(h, Happened::Began { what, .. } if what.contains(text));
    let ended = |h: &Happened| matches!(h, Happened::Ended { what, .. } if what.contains(text));
    Some((happened.iter().position(began)?, happened.iter().rposition(ended)?))
}

#[test]
fn tables_without_statistics_are_analyzed_behind_their_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    for (jobs, means) in [(1, Means::fast()), (3, Means::fast()), (3, Means::exact())] {
        for statistics in [true, false] {
            let selection = Selection::new().no_statistics(!statistics);
            let selected = selection.apply(archive.toc()).unwrap();
            let played = Played { slow: true, ..Played::default() };
            let restorer = Restorer::new().jobs(jobs).means(means).analyze(true);
            let report = restorer.archive(&archive, &selected, &played, &played).unwrap();
            assert_eq!(report.errors, 0);
            let happened = played.happened();
            for table in ["a", "b", "c"] {
                let analyzed = times(&happened, &format!("ANALYZE \"s\".\"{table}\""));
                assert_eq!(analyzed.is_some(), table != "b" || !statistics, "{happened:?}");
                let index = times(&happened, &format!("CREATE INDEX {table}_x")).unwrap();
                assert!(analyzed.is_none_or(|(began, _)| index.1 < began), "{happened:?}");
            }
            let all = played.sent().iter().filter(|sql| sql.contains("ANALYZE")).count();
            assert_eq!(all, if statistics { 2 } else { 3 });
            let plan = restorer.plan(Some(&archive), &selected, 0);
            let planned = plan.items.iter().filter_map(|item| item.instead.as_deref());
            assert_eq!(planned.filter(|sql| sql.starts_with(b"ANALYZE ")).count(), all);
        }
    }
    // In one transaction, and in the order of the archive: behind all.
    let selected = Selection::new().apply(archive.toc()).unwrap();
    for options in [
        pgdmp::script::ScriptOptions::new().single_transaction(true),
        pgdmp::script::ScriptOptions::new(),
    ] {
        let played = Played::default();
        let restorer = Restorer::new().options(options).analyze(true);
        restorer.archive(&archive, &selected, &played, &played).unwrap();
        let sent = played.sent();
        assert_eq!(sent[sent.len() - 2..], ["ANALYZE \"s\".\"a\"", "ANALYZE \"s\".\"c\""]);
    }
    // Without rows there is nothing to analyze.
    let selected = Selection::new().schema_only(true).apply(archive.toc()).unwrap();
    let played = Played::default();
    let restorer = Restorer::new().means(Means::fast()).analyze(true);
    restorer.archive(&archive, &selected, &played, &played).unwrap();
    assert!(!format!("{:?}", played.happened()).contains("ANALYZE"));
}

#[test]
fn what_cannot_be_analyzed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    let selected = Selection::new().apply(archive.toc()).unwrap();
    for means in [Means::exact(), Means::fast()] {
        let fates = vec![("ANALYZE \"s\".\"a\"", Fate::Refused)];
        let played = Played { fates, ..Played::default() };
        let restorer = Restorer::new().means(means).analyze(true);
        let report = restorer.archive(&archive, &selected, &played, &played).unwrap();
        assert_eq!(report.errors, 1);
        let said = played.said();
        let text = "error: could not analyze table \"s\".\"a\": ERROR:  no ANALYZE \"s\".\"a\"";
        assert!(said.iter().any(|line| line == text), "{said:?}");
        let restorer = restorer.exit_on_error(true);
        assert!(restorer.archive(&archive, &selected, &played, &played).is_err());
    }
}
