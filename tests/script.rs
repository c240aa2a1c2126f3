//! Archives as SQL: what pg_restore 18.6 prints, byte for byte.

use std::fs;
use std::io::Cursor;

use pgdmp::script::ScriptOptions;
use pgdmp::script::{Outcome, Restore, Sink, Step, TextSink};
use pgdmp::toc::{CatalogId, DataOffset, EntryFields, Oid, Section};
use pgdmp::{Archive, ArchiveStream, Desc, DumpId, RestrictKey, Script, Selection, Toc};

use pgdmp_testkit::fixtures;

fn key() -> RestrictKey {
    RestrictKey::new("corpus").unwrap()
}

#[test]
fn fixtures_become_scripts() {
    let mut compared = 0;
    for fixture in fixtures::real() {
        let Some(expected) = &fixture.script else { continue };
        let expected = fixtures::bytes(expected);
        let archive = Archive::open(&fixture.path).unwrap();
        let selected = Selection::new().apply(archive.toc()).unwrap();
        let mut script = Vec::new();
        Script::new(key()).write(&archive, &selected, &mut script).unwrap();
        assert!(script == expected, "{}", fixture.name);
        compared += 1;
        if fixture.is_directory() {
            continue;
        }
        let mut stream = ArchiveStream::new(Cursor::new(fixture.bytes())).unwrap();
        let toc = stream.shared_toc();
        let selected = Selection::new().apply(&toc).unwrap();
        let mut script = Vec::new();
        Script::new(key()).write_stream(&mut stream, &selected, &mut script).unwrap();
        assert!(script == expected, "{} in one pass", fixture.name);
    }
    assert!(compared > 20);
}

/// An archive of definitions alone.
struct Synthetic(Toc);

const EMPTY: EntryFields<'static> = EntryFields::new(DumpId(1), Desc(b"TABLE"), Section::PreData);

impl Synthetic {
    fn new() -> Synthetic {
        let like = fixtures::root().join("pg18/empty-custom.dump");
        let archive = Archive::open(like).unwrap();
        let mut header = archive.header().clone();
        (header.server_version, header.dump_version) = (None, None);
        Synthetic(Toc::new(header, archive.format()))
    }

    fn push(mut self, fields: EntryFields<'_>) -> Synthetic {
        let dump_id = DumpId(self.0.len() as i32 + 1);
        self.0.push(&fields.dump_id(dump_id)).unwrap();
        self
    }

    fn archive(&self) -> Archive {
        let mut bytes = Vec::new();
        self.0.write_to(&mut bytes).unwrap();
        Archive::read(bytes).unwrap()
    }

    /// What is between the prelude and the end, and the warnings.
    fn script(&self, options: ScriptOptions, selection: &Selection) -> Result<String, String> {
        let archive = self.archive();
        let selected = selection.apply(archive.toc()).unwrap();
        let mut script = Vec::new();
        let mut sink = Warnings(TextSink::new(&mut script, key()), Vec::new());
        Restore::new()
            .options(options)
            .run(&archive, &selected, &mut sink)
            .map_err(|error| error.to_string())?;
        sink.0.finish().unwrap();
        let warnings = sink.1;
        let script = String::from_utf8(script).unwrap();
        let start = script.find("SET row_security = off;\n\n").unwrap() + 25;
        let end = script.rfind("--\n-- PostgreSQL database dump complete").unwrap();
        Ok(script[start..end].to_owned() + &warnings.join("\n"))
    }
}

struct Warnings<S>(S, Vec<String>);

impl<S: Sink> Sink for Warnings<S> {
    fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
        match step {
            Step::Event(event) if event.is_warning() => {
                self.1.push(String::from_utf8(event.message()).unwrap());
            }
            _ => {}
        }
        self.0.step(step)
    }
}

fn searchpath() -> EntryFields<'static> {
    EntryFields::new(DumpId(1), Desc::SEARCHPATH, Section::PreData)
        .defn(b"SELECT pg_catalog.set_config('search_path', '', false);\n")
}

#[test]
fn names_cannot_break_out() {
    let hostile = EMPTY
        .tag(b"x\n\\! touch pwned\r")
        .namespace(b"s\ny")
        .owner(b"o\"\n;")
        .tablespace(b"t\ns")
        .defn(b"CREATE TABLE x ();\n")
        .drop_stmt(b"DROP TABLE x;\n");
    let script = Synthetic::new().push(searchpath()).push(hostile);
    let text = script.script(ScriptOptions::new(), &Selection::new()).unwrap();
    assert_eq!(
        text,
        "SET default_tablespace = \"t\ns\";\n\n--\n-- Name: x \\! touch pwned ; Type: TABLE; \
         Schema: s y; Owner: o\" ;; Tablespace: t s\n--\n\nCREATE TABLE x ();\n\n\n\
         ALTER TABLE \"s\ny\".\"x\n\\! touch pwned\r\" OWNER TO \"o\"\"\n;\";\n\n"
    );
    // An old pg_dump put a name with its line ends into this comment.
    let root = EMPTY
        .tag(b"t")
        .desc(Desc::TABLE_DATA)
        .section(Section::Data)
        .had_dumper(true)
        .defn(b"-- load via partition root x\nDROP TABLE important; --");
    let synthetic = Synthetic::new().push(root);
    let archive = synthetic.archive();
    let selected = Selection::new().apply(archive.toc()).unwrap();
    let mut script = Vec::new();
    // The data is missing, which is told; what was written before that matters here.
    let report = Script::new(key()).write(&archive, &selected, &mut script).unwrap();
    assert_eq!(report.warnings, 1);
    let script = String::from_utf8(script).unwrap();
    assert!(script.contains("\n-- load via partition root x DROP TABLE important; --\n\n"));
}

#[test]
fn a_database_with_a_line_end_in_its_name_is_refused() {
    let database =
        EMPTY.tag(b"a\n\\! touch pwned").desc(Desc::DATABASE).defn(b"CREATE DATABASE x;\n");
    let synthetic = Synthetic::new().push(database);
    let selection = Selection::new().create(true);
    let error = synthetic.script(ScriptOptions::new(), &selection).unwrap_err();
    assert!(error.contains("newline or carriage return"), "{error}");
}

#[test]
fn large_object_groups_hold_numbers_alone() {
    let group = |defn: &'static [u8]| {
        EMPTY
            .tag(b"17..18")
            .desc(Desc::BLOB_METADATA)
            .defn(defn)
            .owner(b"me")
            .drop_stmt(b" ")
            .catalog_id(CatalogId { table_oid: Oid(2613), oid: Oid(17) })
            .data_offset(DataOffset::NoData)
    };
    let acl = EMPTY
        .tag(b"LARGE OBJECTS 17..18")
        .desc(Desc::ACL)
        .section(Section::None)
        .defn(b"GRANT SELECT ON LARGE OBJECT 17 TO a;\n\n")
        .dependencies(&[DumpId(1)]);
    let options = || ScriptOptions::new().clean(true);
    let script = Synthetic::new().push(group(b"17\n18\n")).push(acl);
    let text = script.script(options(), &Selection::new()).unwrap();
    assert_eq!(
        text,
        "SELECT pg_catalog.lo_unlink('17');\nSELECT pg_catalog.lo_unlink('18');\n\n\
         --\n-- Name: 17..18; Type: BLOB METADATA; Schema: -; Owner: me\n--\n\n\
         SELECT pg_catalog.lo_create('17');\nSELECT pg_catalog.lo_create('18');\n\n\
         ALTER LARGE OBJECT 17 OWNER TO me;\nALTER LARGE OBJECT 18 OWNER TO me;\n\n\
         --\n-- Name: LARGE OBJECTS 17..18; Type: ACL; Schema: -; Owner: -\n--\n\n\
         GRANT SELECT ON LARGE OBJECT 17 TO a;\nGRANT SELECT ON LARGE OBJECT 18 TO a;\n\n"
    );
    let hostile = Synthetic::new().push(group(b"17'); DROP TABLE x; --\n"));
    assert!(hostile.script(options(), &Selection::new()).is_err());
    // The group is missing, or something else stands in its place.
    assert!(Synthetic::new().push(acl).script(options(), &Selection::new()).is_err());
}

#[test]
fn drops_that_look_odd_are_told_of() {
    let odd = EMPTY.tag(b"t").defn(b"CREATE TABLE t ();\n").drop_stmt(b"ALTER TABLE t DESTROY;\n");
    let options = ScriptOptions::new().clean(true).if_exists(true).no_owner(true);
    let script = Synthetic::new().push(searchpath()).push(odd);
    let text = script.script(options, &Selection::new()).unwrap();
    assert!(text.starts_with("ALTER TABLE IF EXISTS t DESTROY;\n--\n"), "{text}");
    assert!(text.ends_with(
        "could not find where to insert IF EXISTS in statement \"ALTER TABLE t DESTROY;\n\""
    ));
}

#[test]
fn data_that_went_by_is_missed() {
    let path = fixtures::root().join("pg18/small-custom.dump");
    let bytes = fs::read(path).unwrap();
    let mut stream = ArchiveStream::new(Cursor::new(bytes)).unwrap();
    let toc = stream.shared_toc();
    let list: String = toc.entries().rev().map(|entry| format!("{}\n", entry.dump_id())).collect();
    let use_list = pgdmp::select::UseList::read(list.as_bytes(), &toc).unwrap();
    let selection = Selection::new().use_list(use_list);
    let selected = selection.apply(&toc).unwrap();
    let error = Script::new(key())
        .write_stream(&mut stream, &selected, &mut Vec::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("could not find block ID"), "{error}");
}
