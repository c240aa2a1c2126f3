//! Rows: what is read and written again is the same; INSERT commands have the rows of COPY text.

use std::io::Read;
use std::path::Path;

use pgdmp::rows::{CopyStatement, RowWriter};
use pgdmp::{Archive, Desc, Input, TocEntry};

use pgdmp_testkit::corpus;
use pgdmp_testkit::fixtures;
use pgdmp_testkit::watchdog::Watchdog;

/// Reads every table of an archive as rows and writes it again; says how many rows there were.
fn round_trip(path: &Path) -> u64 {
    let archive = Archive::open(path).unwrap_or_else(|error| panic!("{error}"));
    let mut count = 0;
    for entry in archive.entries().filter(is_table) {
        let what = format!("{}: {}", path.display(), entry.name());
        if !archive.has_data(entry).unwrap() {
            continue;
        }
        let mut rows = archive.rows(entry.dump_id()).unwrap_or_else(|error| panic!("{error}"));
        let mut fields = RowWriter::new(Vec::new()).encoding(archive.toc().text_encoding());
        let mut lines = RowWriter::new(Vec::new());
        while let Some(row) = rows.next_row().unwrap_or_else(|error| panic!("{what}: {error}")) {
            let values: Vec<_> = row.fields().map(|field| field.value()).collect();
            fields.write(values.iter().map(|value| value.as_deref())).unwrap();
            lines.write_row(&row).unwrap();
            count += 1;
        }
        if entry.copy_stmt().is_some_and(|copy| !copy.is_empty()) {
            let mut data = Vec::new();
            archive.data(entry.dump_id()).unwrap().read_to_end(&mut data).unwrap();
            assert!(fields.finish().unwrap() == data, "{what}: fields");
            assert!(lines.finish().unwrap() == data, "{what}: lines");
        } else {
            assert_eq!(fields.finish().unwrap(), lines.finish().unwrap(), "{what}");
        }
    }
    count
}

fn is_table(entry: &TocEntry<'_>) -> bool {
    entry.desc() == Desc::TABLE_DATA
}

#[test]
fn written_again() {
    let watchdog = Watchdog::new("rows");
    let mut count = 0;
    for fixture in fixtures::real() {
        let path = fixture.path;
        watchdog.label(path.display().to_string());
        count += round_trip(&path);
    }
    assert!(count > 1000, "{count}");
}

#[test]
fn written_again_corpus() {
    let Some(folder) = corpus::folder() else { return };
    let watchdog = Watchdog::new("rows");
    let (mut count, mut archives) = (0, 0);
    for recorded in corpus::archives(&folder) {
        watchdog.label(&recorded.name);
        count += round_trip(&recorded.path);
        archives += 1;
    }
    assert!(archives > 200 && count > 10_000, "{archives} {count}");
}

#[test]
fn commands_have_the_same_rows() {
    let rows = |name: &str| {
        let archive = Archive::open(fixtures::root().join(name)).unwrap();
        let mut tables = Vec::new();
        for entry in archive.entries().filter(is_table) {
            let mut rows = archive.rows(entry.dump_id()).unwrap();
            let mut lines = Vec::new();
            while let Some(row) = rows.next_row().unwrap() {
                lines.push(row.as_bytes().to_vec());
            }
            tables.push((entry.tag().unwrap().to_vec(), lines));
        }
        tables
    };
    let copy = rows("pg18/mini-custom.dump");
    assert!(copy.iter().any(|(_, lines)| lines.len() > 1));
    assert_eq!(rows("pg18/mini-inserts.dump"), copy);
}

/// A file and a pipe give the same rows.
#[test]
fn of_a_pass() {
    for name in ["pg18/small-custom.dump", "pg18/small-dir", "pg18/small-tar.tar"] {
        let path = fixtures::root().join(name);
        let archive = Archive::open(&path).unwrap();
        let mut input = Input::open(&path).unwrap();
        let mut pass = input.pass();
        let mut tables = 0;
        while let Some(mut block) = pass.next_block().unwrap() {
            if !block.entry().is_some_and(|entry| is_table(&entry)) {
                assert!(block.rows().is_err());
                continue;
            }
            let id = block.dump_id();
            let mut expected = archive.rows(id).unwrap();
            let mut rows = block.rows().unwrap();
            while let Some(row) = expected.next_row().unwrap() {
                assert_eq!(rows.next_row().unwrap().unwrap().as_bytes(), row.as_bytes());
            }
            assert!(rows.next_row().unwrap().is_none());
            tables += 1;
        }
        assert!(tables > 2, "{name}");
    }
}

#[test]
fn what_has_no_rows() {
    let archive = Archive::open(fixtures::root().join("pg18/small-custom.dump")).unwrap();
    for entry in archive.entries().filter(|entry| !is_table(entry)) {
        let error = archive.rows(entry.dump_id()).unwrap_err();
        assert!(error.entry().is_some(), "{error}");
    }
}

/// Every COPY statement of the fixtures names the columns that its table has.
#[test]
fn statements() {
    for fixture in fixtures::real() {
        let path = fixture.path;
        let archive = Archive::open(&path).unwrap();
        for entry in archive.entries().filter(is_table) {
            let Some(text) = entry.copy_stmt().filter(|text| !text.is_empty()) else { continue };
            let copy = CopyStatement::parse(text).unwrap();
            assert!(copy.schema.is_none() || copy.schema.as_deref() == entry.namespace());
        }
    }
}
