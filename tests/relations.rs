//! What an archive names and does not have: data of entries, tables, sequences, and what must be on
//! the server.

use pgdmp::finding::Severity;
use pgdmp::toc::{ArchiveVersion, DataOffset, EntryFields, Section};
use pgdmp::verify::{Code, Event, Found, Level, Status, Summary, Verification};
use pgdmp::{Algorithm, Archive, ArchiveStream, Desc, DumpId, Format, Input, OpenOptions};
use pgdmp_testkit::build::{self, Block};

use crate::made::{MORE_ROWS, Made, ROWS, block};

fn verified(mut input: Input) -> (Vec<Found>, Summary) {
    let mut all = Vec::new();
    let tell = |event| {
        if let Event::Found(found) = event {
            all.push(found);
        }
    };
    let summary = Verification::new().run(&mut input, tell).unwrap();
    (all, summary)
}

fn file(bytes: &[u8]) -> Input {
    let archive = OpenOptions::new().damaged(true).read(bytes.to_vec()).unwrap();
    Input::Archive(Box::new(archive))
}

fn pipe(bytes: &[u8]) -> Input {
    let reader: Box<dyn std::io::Read + Send> = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let stream: ArchiveStream<_> = OpenOptions::new().damaged(true).stream(reader).unwrap();
    Input::Stream(Box::new(stream))
}

/// The findings of some entries: `error T10: the entry must have data, …`.
fn told(entries: &[(EntryFields<'_>, Option<Block<'_>>)]) -> Vec<String> {
    let session = EntryFields::new(DumpId(1), Desc::ENCODING, Section::PreData).tag("ENCODING");
    let session = session.defn("SET client_encoding = 'UTF8';\n");
    let mut all = vec![(session, None)];
    all.extend(entries.iter().map(|(entry, data)| {
        let data = data.as_ref().map(|data| match data {
            Block::Data(chunks) => Block::Data(chunks),
            Block::Objects(objects) => Block::Objects(objects),
        });
        (*entry, data)
    }));
    let header = build::header(ArchiveVersion::NEWEST, Format::Custom);
    let (found, _) = verified(file(&build::custom(header, &all, true)));
    let line = |found: &Found| {
        let severity = match found.finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            _ => "note",
        };
        let (id, what) = (found.code.id(), &found.finding.what);
        format!("{severity} {id} {}: {what}", found.more + 1)
    };
    let said = |found: &&Found| found.code != Code::NoChecksums;
    found.iter().filter(said).map(line).collect()
}

fn entry(id: i32, desc: Desc<'static>, section: Section) -> EntryFields<'static> {
    EntryFields::new(DumpId(id), desc, section).namespace("s").tag("t")
}

fn table(id: i32) -> EntryFields<'static> {
    entry(id, Desc::TABLE, Section::PreData).defn("CREATE TABLE s.t (\n    a integer\n);\n")
}

#[test]
fn data_that_must_be_there() {
    let rows = entry(5, Desc::TABLE_DATA, Section::Data).dependencies(&[DumpId(4)]);
    let rows = rows.copy_stmt("COPY s.t (a) FROM stdin;\n");
    let denies = rows.had_dumper(true).data_offset(DataOffset::NoData);
    let none = "error T10 1: the entry must have data, and there is none";
    for rows in [rows, denies] {
        assert_eq!(told(&[(table(4), None), (rows, None)]), [none]);
    }
    let objects = entry(5, Desc::BLOBS, Section::Data);
    assert_eq!(told(&[(table(4), None), (objects, None)]), [none]);
    // What never has any.
    let view = entry(5, Desc::MATERIALIZED_VIEW_DATA, Section::Data);
    assert_eq!(told(&[(table(4), None), (view, None)]), [""; 0]);
}

/// As an offset that denies data: also the status, and through a pipe.
#[test]
fn data_that_is_denied_has_a_status() {
    let bytes = Made::new(Algorithm::Gzip).bytes();
    let archive = Archive::read(bytes.clone()).unwrap();
    let mut toc = pgdmp::Toc::new(archive.header().clone(), Format::Custom);
    for entry in archive.entries() {
        let fields = entry.fields();
        let denies = entry.dump_id() == MORE_ROWS;
        let changed = fields.data_offset(DataOffset::NoData);
        toc.push(&if denies { changed } else { fields }).unwrap();
    }
    let mut denied = Vec::new();
    toc.write_to(&mut denied).unwrap();
    denied.extend_from_slice(&bytes[denied.len()..]);
    let (found, summary) = verified(file(&denied));
    let codes: Vec<Code> = found.iter().map(|found| found.code).collect();
    assert!(codes.contains(&Code::DeniedData) && !codes.contains(&Code::NoData), "{codes:?}");
    assert_eq!(summary.with_status(Status::Damaged), 1);
    // The same without the block.
    let (start, end) = (block(&bytes, MORE_ROWS), block(&bytes, crate::made::OBJECTS));
    denied.drain(start..end);
    for (way, input) in [("file", file(&denied)), ("pipe", pipe(&denied))] {
        let (found, summary) = verified(input);
        let codes: Vec<Code> = found.iter().map(|found| found.code).collect();
        assert!(codes.contains(&Code::NoData), "{way}: {codes:?}");
        assert_eq!(summary.with_status(Status::Missing), 1, "{way}");
    }
}

#[test]
fn tables_that_are_not_there() {
    let part = |id, desc, defn| (entry(id, desc, Section::PostData).defn(defn), None);
    let lines = |defn: &'static str, desc| told(&[(table(4), None), part(5, desc, defn)]);
    for (desc, defn) in [
        (Desc::INDEX, "CREATE INDEX i ON s.other USING btree (a);\n"),
        (Desc::INDEX, "CREATE UNIQUE INDEX \"on\" ON ONLY s.other USING btree (a);\n"),
        (Desc::CONSTRAINT, "ALTER TABLE ONLY s.other\n    ADD CONSTRAINT k PRIMARY KEY (a);\n"),
        (
            Desc::FK_CONSTRAINT,
            "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.other(a);\n",
        ),
        (Desc::FK_CONSTRAINT, "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES other;\n"),
        (
            Desc::TRIGGER,
            "CREATE TRIGGER g BEFORE UPDATE OF a ON s.other FOR EACH ROW EXECUTE FUNCTION s.f();\n",
        ),
        (Desc::RULE, "CREATE RULE r AS\n    ON INSERT TO s.other DO INSTEAD NOTHING;\n"),
        (Desc::POLICY, "CREATE POLICY p ON s.other USING (true);\n"),
        (Desc::ROW_SECURITY, "ALTER TABLE s.other ENABLE ROW LEVEL SECURITY;\n"),
        (Desc::DEFAULT, "ALTER TABLE ONLY s.other ALTER COLUMN a SET DEFAULT 1;\n"),
        (Desc::TABLE_ATTACH, "ALTER TABLE ONLY s.other ATTACH PARTITION s.t DEFAULT;\n"),
    ] {
        let expected = ["warning T17 1: the table s.other is not in the archive"];
        assert_eq!(lines(defn, desc), expected, "{defn}");
        let leaked: &'static str = Box::leak(defn.replace("other", "t").into_boxed_str());
        assert_eq!(lines(leaked, desc), [""; 0], "{leaked}");
    }
    // What is no part of a table, and what is not understood.
    for (desc, defn) in [
        (Desc::CHECK_CONSTRAINT, "ALTER DOMAIN s.d ADD CONSTRAINT c CHECK (true);\n"),
        (Desc::INDEX, "something else;\n"),
        (Desc::TRIGGER, ""),
    ] {
        assert_eq!(lines(defn, desc), [""; 0], "{defn}");
    }
    // One finding for each table; in an archive of a section, one.
    let keys = |table: &str, id| {
        let defn = format!("ALTER TABLE {table} ADD CONSTRAINT k CHECK ((a > 0));\n");
        part(id, Desc::CHECK_CONSTRAINT, Box::leak(defn.into_boxed_str()))
    };
    let parts = [keys("s.x", 5), keys("s.x", 6), keys("s.y", 7)];
    assert_eq!(
        told(&parts),
        ["note T17 1: 2 tables that entries belong to are not in the archive"]
    );
    let [a, b, c] = parts;
    let expected = [
        "warning T17 2: the table s.x is not in the archive",
        "warning T17 1: the table s.y is not in the archive",
    ];
    assert_eq!(told(&[(table(4), None), a, b, c]), expected);
}

#[test]
fn sequences_that_get_no_value() {
    let lines = |defn| {
        let sequence = EntryFields::new(DumpId(4), Desc::SEQUENCE, Section::PreData);
        let sequence = sequence.namespace("s").tag("Q").defn("CREATE SEQUENCE s.\"Q\";\n");
        let set = EntryFields::new(DumpId(5), Desc::SEQUENCE_SET, Section::Data);
        told(&[(sequence, None), (set.namespace("s").tag("Q").defn(defn), None)])
    };
    for good in [
        "SELECT pg_catalog.setval('s.\"Q\"', 1, true);\n",
        "SELECT pg_catalog.setval('\"Q\"', 1, false);\n",
        "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('t', 'a'), 1, true);\n",
    ] {
        assert_eq!(lines(good), [""; 0], "{good}");
    }
    assert_eq!(
        lines("SELECT pg_catalog.setval('s.q', 1, true);\n"),
        ["warning R8 1: the entry sets the value of s.q"]
    );
    assert_eq!(lines("SELECT 1;\n"), ["warning R8 1: the entry calls no setval"]);
}

#[test]
fn what_the_server_must_have() {
    let owned = |id, desc, tag: &'static str, owner| {
        EntryFields::new(DumpId(id), desc, Section::PreData).tag(tag).owner(owner)
    };
    let extension = owned(4, Desc(b"EXTENSION"), "postgis", "");
    let extension = extension.defn("CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\n");
    let table = owned(5, Desc::TABLE, "t", "ann")
        .namespace("public")
        .tablespace("fast")
        .drop_stmt("DROP TABLE public.t;\n");
    let table = table.defn("CREATE TABLE public.t (\n);\n");
    let acl = owned(6, Desc::ACL, "TABLE t", "ann").namespace("public");
    let acl = acl.defn("GRANT SELECT ON TABLE public.t TO \"b\u{7}\";\n");
    let function = owned(7, Desc::FUNCTION, "f()", "ann").namespace("public");
    let function =
        function.defn("CREATE FUNCTION public.f() RETURNS void\n LANGUAGE plperl AS '';\n");
    let all = [(extension, None), (table, None), (acl, None), (function, None)];
    let expected = "note T15 1: a restore needs roles ann, b\\u{7}; extension postgis; \
                    tablespace fast; language plperl";
    assert_eq!(told(&all), [expected]);
}

#[test]
fn bytes_between_blocks() {
    let good = Made::new(Algorithm::Gzip).bytes();
    let more = block(&good, MORE_ROWS);
    for gap in [&[0_u8; 700][..], b"no block"] {
        // The offsets of the blocks behind it are set anew.
        let mut bytes = good.clone();
        bytes.splice(more..more, gap.iter().copied());
        let archive = Archive::read(good.clone()).unwrap();
        let mut toc = pgdmp::Toc::new(archive.header().clone(), Format::Custom);
        for entry in archive.entries() {
            let fields = entry.fields();
            let moved = match entry.data_offset() {
                Some(DataOffset::At(at)) if at >= more as u64 => at + gap.len() as u64,
                Some(DataOffset::At(at)) => at,
                _ => {
                    toc.push(&fields).unwrap();
                    continue;
                }
            };
            toc.push(&fields.data_offset(DataOffset::At(moved))).unwrap();
        }
        let mut start = Vec::new();
        toc.write_to(&mut start).unwrap();
        bytes.splice(..start.len(), start);
        let (found, summary) = verified(file(&bytes));
        let bad: Vec<_> =
            found.iter().filter(|found| found.finding.severity > Severity::Note).collect();
        assert_eq!(bad.len(), 1, "{bad:?}");
        assert_eq!((bad[0].code, bad[0].finding.offset), (Code::Gap, Some(more as u64)));
        assert!(bad[0].finding.what.starts_with(&format!("{} bytes", gap.len())));
        assert_eq!(summary.with_status(Status::Ok), 3);
    }
    // Behind a block that cannot be walked over, the walk goes on: a cut of the last is seen.
    let rows = block(&good, ROWS);
    let mut bytes = crate::made::changed(&good, rows + 6, 0x7f);
    bytes.truncate(good.len() - 3);
    let mut input = file(&bytes);
    let mut codes = Vec::new();
    let tell = |event| {
        if let Event::Found(found) = event {
            codes.push(found.code);
        }
    };
    Verification::new().level(Level::Framing).run(&mut input, tell).unwrap();
    assert!(codes.contains(&Code::Cut), "{codes:?}");
}

/// The table of codes in the documentation has each of them.
#[test]
fn the_codes_are_documented() {
    let page = include_str!("../docs/verify.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let documented: Vec<(String, String)> =
        rows.iter().map(|row| (row[0].replace('`', ""), row[1].to_owned())).collect();
    let known: Vec<(String, String)> = Code::ALL
        .iter()
        .map(|code| {
            let severity = match code.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
                _ => "note",
            };
            (code.id().to_owned(), severity.to_owned())
        })
        .collect();
    let mut sorted = (documented.clone(), known.clone());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    let meaning = |id: &str| Code::ALL.iter().find(|code| code.id() == id).unwrap().meaning();
    for row in rows {
        let id = row[0].replace('`', "");
        assert_eq!(row[3], meaning(&id), "{id}");
    }
}
