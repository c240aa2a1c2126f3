//! Archives divided and joined.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};

use pgdmp::edit::{Merge, PartName, SplitBy};
use pgdmp::toc::{ArchiveVersion, CreationTime, EntryFields, Section};
use pgdmp::write::WriteOptions;
use pgdmp::{
    Algorithm, Archive, ArchiveBuilder, Conversion, Desc, DumpId, ErrorKind, Format, Target,
};

use pgdmp_testkit::contents::read_all;
use pgdmp_testkit::fixtures;

fn part(archive: &Archive, part: &pgdmp::edit::Part) -> Archive {
    let target = Target::new().format(Format::Custom);
    let conversion = Conversion::of_part(archive, &target, part).unwrap();
    Archive::read(conversion.write(Cursor::new(Vec::new())).unwrap().into_inner()).unwrap()
}

fn names(archive: &Archive) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for entry in archive.entries() {
        *names.entry(entry.name().name).or_default() += 1;
    }
    names
}

#[test]
fn what_is_divided_is_joined_again() {
    let mut seen = 0;
    for fixture in fixtures::real() {
        let archive = Archive::open(&fixture.path).unwrap();
        if archive.header().version < ArchiveVersion::new(1, 12) {
            continue;
        }
        for by in [SplitBy::Table, SplitBy::Schema] {
            let parts = pgdmp::edit::parts(archive.toc(), by);
            let divided: usize = parts.iter().map(|part| part.entries.len()).sum();
            assert!(divided >= archive.entries().count(), "{}", fixture.name);
            let parts: Vec<Archive> = parts.iter().map(|p| part(&archive, p)).collect();
            // The order in which they are given does not matter.
            for parts in [parts.iter().collect::<Vec<_>>(), parts.iter().rev().collect()] {
                let merge = Merge::new(&parts, &Target::new()).unwrap();
                let joined = merge.write(Cursor::new(Vec::new())).unwrap().into_inner();
                let joined = Archive::read(joined).unwrap();
                assert_eq!(names(&joined), names(&archive), "{}", fixture.name);
                assert!(read_all(&joined).unwrap() == read_all(&archive).unwrap());
                for entry in joined.entries() {
                    let before = archive.entry(entry.dump_id()).unwrap();
                    assert_eq!(before.name(), entry.name(), "{}: ids stay", fixture.name);
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}

/// A table with data, in an archive of its own, as a nightly script makes them.
fn table(name: &str, defn: &str, second: i32) -> Archive {
    let mut options = WriteOptions::new();
    let time = CreationTime::from_fields([second, 0, 0, 1, 0, 100, 0]);
    options = options.created(time).dbname("app").compression(Algorithm::None, None);
    let mut builder = ArchiveBuilder::new(Format::Custom, &options).unwrap();
    builder.session("UTF8", true).unwrap();
    let named = |id, desc, section| {
        EntryFields::new(id, desc, section).tag(name.as_bytes()).namespace(b"public")
    };
    let domain = EntryFields::new(DumpId(90), Desc(b"DOMAIN"), Section::PreData)
        .tag(b"short")
        .namespace(b"public")
        .defn(b"CREATE DOMAIN public.short AS text;\n");
    builder.entry(&domain).unwrap();
    builder
        .entry(
            &named(DumpId(100), Desc::TABLE, Section::PreData)
                .defn(defn.as_bytes())
                .dependencies(&[DumpId(90)]),
        )
        .unwrap();
    builder
        .entry(
            &named(DumpId(101), Desc::TABLE_DATA, Section::Data)
                .had_dumper(true)
                .dependencies(&[DumpId(100)]),
        )
        .unwrap();
    let mut writer = builder.start(Cursor::new(Vec::new())).unwrap();
    let mut out = writer.data(DumpId(101)).unwrap();
    writeln!(out, "row of {name}").unwrap();
    out.finish().unwrap();
    Archive::read(writer.finish().unwrap().into_inner()).unwrap()
}

#[test]
fn archives_of_several_dumps() {
    // Whether they were made in one second or not.
    for second in [0, 1] {
        let a = table("a", "CREATE TABLE public.a (x public.short);\n", 0);
        let b = table("b", "CREATE TABLE public.b (x public.short);\n", second);
        let merge = Merge::new(&[&a, &b], &Target::new()).unwrap();
        assert_eq!(merge.unified(), 4, "the session's three entries, and the domain");
        let joined = merge.write(Cursor::new(Vec::new())).unwrap().into_inner();
        let joined = Archive::read(joined).unwrap();
        assert_eq!(joined.entries().count(), 8);
        let domain = joined.toc().find(Desc(b"DOMAIN"), Some(b"public"), b"short").unwrap();
        for name in [&b"a"[..], b"b"] {
            let find = |desc| joined.toc().find(desc, Some(b"public"), name).unwrap();
            let (table, data) = (find(Desc::TABLE), find(Desc::TABLE_DATA));
            assert_eq!(table.dependencies(), [domain.dump_id()]);
            assert_eq!(data.dependencies(), [table.dump_id()]);
            assert!(domain.index() < table.index() && table.index() < data.index());
            let mut rows = Vec::new();
            joined.data(data.dump_id()).unwrap().copy_to(&mut rows).unwrap();
            assert_eq!(rows, [b"row of ", name, b"\n"].concat());
        }
    }
}

#[test]
fn conflicts_are_named() {
    let a = table("a", "CREATE TABLE public.a (x integer);\n", 0);
    let other = table("a", "CREATE TABLE public.a (y integer);\n", 1);
    for (archives, text) in [
        (vec![&a, &a], "TABLE DATA public.a"),
        (vec![&a, &other], "TABLE public.a, TABLE DATA public.a"),
        (vec![], "nothing to merge"),
    ] {
        let error = Merge::new(&archives, &Target::new()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Usage { .. }), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// A table after entries that set up the session.
fn with_session(table: &str, session: &[(Desc<'static>, &str)]) -> Archive {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    for (desc, defn) in session {
        let fields = EntryFields::new(builder.next_id(), *desc, Section::PreData);
        builder.entry(&fields.tag(desc.as_bytes()).defn(defn)).unwrap();
    }
    let fields = EntryFields::new(builder.next_id(), Desc::TABLE, Section::PreData);
    builder.entry(&fields.tag(table)).unwrap();
    let made = builder.start(Cursor::new(Vec::new())).unwrap().finish().unwrap();
    Archive::read(made.into_inner()).unwrap()
}

/// What one archive says of the session, and another does not, would be said of both.
#[test]
fn archives_for_different_sessions() {
    let encoding = (Desc::ENCODING, "SET client_encoding = 'UTF8';\n");
    let ascii = (Desc::ENCODING, "SET client_encoding = 'SQL_ASCII';\n");
    let on = (Desc::STDSTRINGS, "SET standard_conforming_strings = 'on';\n");
    let off = (Desc::STDSTRINGS, "SET standard_conforming_strings = 'off';\n");
    let path = (Desc::SEARCHPATH, "SELECT pg_catalog.set_config('search_path', '', false);\n");
    let usual = &[encoding, on, path][..];
    for (one, other, expected) in [
        (usual, usual, None),
        (&[off], &[], None),
        (&[ascii], &[], None),
        (
            usual,
            &[encoding, path],
            Some("standard_conforming_strings is on in archive 1, and off in"),
        ),
        (&[], &[on], Some("standard_conforming_strings is off in archive 1, and on in archive 2")),
        (usual, &[on, path], Some("encoding is UTF8 in archive 1, and SQL_ASCII in archive 2")),
        (
            &[encoding, on],
            usual,
            Some("search path is that of each entry in archive 1, and one for"),
        ),
        (
            &[on],
            &[off],
            Some("standard_conforming_strings is on in archive 1, and off in archive 2"),
        ),
    ] {
        let (a, b) = (with_session("a", one), with_session("b", other));
        match (Merge::new(&[&a, &b], &Target::new()), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (result, expected) => panic!("{result:?} and not {expected:?}"),
        }
    }
    // What has nothing to restore is of any session.
    let empty = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    let empty = empty.start(Cursor::new(Vec::new())).unwrap().finish().unwrap().into_inner();
    let (full, empty) = (with_session("a", usual), Archive::read(empty).unwrap());
    assert!(Merge::new(&[&empty, &full], &Target::new()).is_ok());
}

/// Names that a dot, a letter's case or a device of another system would make one.
#[test]
fn every_part_has_a_name_of_its_own() {
    for (case, tables) in [("clash.dump", 6), ("split-cyrillic.dump", 2)] {
        let archive = Archive::open(fixtures::root().join("cases").join(case)).unwrap();
        let parts = pgdmp::edit::parts(archive.toc(), SplitBy::Table);
        let stems: BTreeSet<String> = parts.iter().map(pgdmp::edit::Part::file_stem).collect();
        assert_eq!(stems.len(), parts.len(), "{stems:?}");
        for part in &parts {
            assert!(part.file_stem().len() <= 200);
            let Some(name) = &part.name else { continue };
            let table = archive.toc().find(Desc::TABLE, name.schema(), name.table_name().unwrap());
            assert!(part.entries.contains(&table.unwrap().index()));
        }
        assert_eq!(parts.iter().filter(|part| part.name.is_some()).count(), tables);
    }
    let clash = Archive::open(fixtures::root().join("cases/clash.dump")).unwrap();
    let parts = pgdmp::edit::parts(clash.toc(), SplitBy::Table);
    for stem in ["a.b%2Ec", "a%2Eb.c", "everything%2Delse.t", "public.everything%2Delse"] {
        let part = parts.iter().find(|part| part.file_stem() == stem).unwrap();
        assert_eq!(PartName::from_file_stem(stem, SplitBy::Table), part.name);
    }
}

/// What sets up a session is in every part, but not any number of times.
#[test]
fn many_entries_that_set_up_a_session() {
    let mut builder = ArchiveBuilder::new(Format::Custom, &WriteOptions::new()).unwrap();
    for n in 1..=1000 {
        let (desc, section) = match n % 2 {
            0 => (Desc::ENCODING, Section::None),
            _ => (Desc::TABLE, Section::PreData),
        };
        let tag = format!("t{n}");
        let fields = EntryFields::new(DumpId(n), desc, section);
        let defn = Some(&b"SET client_encoding = 'UTF8';\n"[..]);
        let mut fields = fields.tag(&tag);
        fields.defn = defn;
        builder.entry(&fields).unwrap();
    }
    let made = builder.start(Cursor::new(Vec::new())).unwrap().finish().unwrap().into_inner();
    let archive = Archive::read(made).unwrap();
    let parts = pgdmp::edit::parts(archive.toc(), SplitBy::Table);
    assert_eq!(parts.len(), 501);
    assert_eq!(parts.iter().map(|part| part.entries.len()).sum::<usize>(), 500 + 500 + 500);
    assert!(parts.iter().all(|part| part.entries.contains(&999)));
}
