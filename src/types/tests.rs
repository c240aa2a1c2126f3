use super::*;
use crate::toc::{ArchiveVersion, Desc, DumpId, EntryFields, Format, Header, Section, Toc};

/// An entry: kind, schema, tag, definition.
type Entry<'a> = (&'static str, &'a str, &'a str, &'a str);

/// A table of contents. Dump ids are the places of the entries, from 1.
fn toc_of(version: ArchiveVersion, std_strings: bool, entries: &[Entry<'_>]) -> Toc {
    let mut toc = Toc::new(Header::new(version, Format::Custom), Format::Custom);
    let setting = if std_strings { "'on'" } else { "'off'" };
    let setting = format!("SET standard_conforming_strings = {setting};\n");
    let all = entries.iter().copied().chain([("STDSTRINGS", "", "STDSTRINGS", &setting[..])]);
    for (n, (desc, schema, tag, text)) in all.enumerate() {
        let desc = Desc(desc.as_bytes());
        let fields = EntryFields::new(DumpId(n as i32 + 1), Desc::TABLE, Section::PreData);
        let fields = fields.desc(desc).namespace(schema).tag(tag);
        let fields = if desc == Desc::TABLE_DATA {
            fields.had_dumper(true).section(Section::Data).copy_stmt(text)
        } else {
            fields.defn(text)
        };
        toc.push(&fields).unwrap();
    }
    toc
}

fn toc(entries: &[Entry<'_>]) -> Toc {
    toc_of(ArchiveVersion::NEWEST, true, entries)
}

/// The columns of the last table.
fn columns(toc: &Toc) -> Columns {
    let of = [Desc::TABLE, Desc::TABLE_DATA, Desc::FOREIGN_TABLE];
    let entry = toc.entries().rfind(|entry| of.contains(&entry.desc())).unwrap();
    Definitions::new(toc).columns(entry).unwrap()
}

fn table(text: &str) -> Columns {
    columns(&toc(&[("TABLE", "s", "t", text)]))
}

/// `name type` of each column, with what else is known of it.
fn shown(columns: &Columns) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let one = |column: &Column| {
        let mut shown = format!("{} {}", text(&column.name), text(&column.spelling));
        if column.not_null {
            shown += " not null";
        }
        if let Some(default) = &column.default {
            shown += &format!(" default {}", text(default));
        }
        match column.generated {
            Some(Generated::Stored) => shown += " stored",
            Some(Generated::Virtual) => shown += " virtual",
            None => {}
        }
        shown
    };
    columns.columns.iter().map(one).collect()
}

/// The type of a spelling.
fn of(spelling: &str) -> Column {
    let found = table(&format!("CREATE TABLE s.t (\n    a {spelling} NOT NULL\n);\n"));
    assert_eq!(found.untyped, None, "{spelling}");
    let [column] = &found.columns[..] else { panic!("{spelling}: {found:?}") };
    assert_eq!(column.spelling, spelling.as_bytes());
    assert!(column.not_null, "{spelling}");
    column.clone()
}

fn numeric(precision: u16, scale: i16) -> DataType {
    DataType::Numeric(Some(NumericSize { precision, scale }))
}

fn array(element: DataType) -> DataType {
    DataType::array_of(element, b',')
}

#[test]
fn spellings() {
    use DataType::*;
    let range = |of: DataType| Range(of.into());
    let multirange = |of: DataType| Multirange(of.into());
    for (spelling, data_type) in [
        ("boolean", Boolean),
        ("bool", Boolean),
        ("smallint", SmallInt),
        ("integer", Integer),
        ("int", Integer),
        ("int2", SmallInt),
        ("int4", Integer),
        ("int8", BigInt),
        ("bigint", BigInt),
        ("pg_catalog.int4", Integer),
        ("serial", Integer),
        ("bigserial", BigInt),
        ("oid", Oid),
        ("xid", Xid),
        ("cid", Cid),
        ("xid8", Xid8),
        ("real", Real),
        ("float4", Real),
        ("float(24)", Real),
        ("float(25)", DoublePrecision),
        ("float", DoublePrecision),
        ("double precision", DoublePrecision),
        ("float8", DoublePrecision),
        ("numeric", Numeric(None)),
        ("numeric(10,2)", numeric(10, 2)),
        ("numeric(5,-2)", numeric(5, -2)),
        ("numeric(2,5)", numeric(2, 5)),
        ("numeric(7)", numeric(7, 0)),
        ("decimal(10, 2)", numeric(10, 2)),
        ("money", Money),
        ("text", Text),
        ("\"text\"", Text),
        ("name", Text),
        ("xml", Text),
        ("public.citext", Text),
        ("\"char\"", Char),
        ("bytea", Bytea),
        ("\"bytea\"", Bytea),
        ("date", Date),
        ("time without time zone", Time),
        ("time(3) without time zone", Time),
        ("time with time zone", TimeTz),
        ("timetz", TimeTz),
        ("time", Time),
        ("timestamp without time zone", Timestamp),
        ("timestamp(0) without time zone", Timestamp),
        ("timestamp with time zone", TimestampTz),
        ("timestamp(6) with time zone", TimestampTz),
        ("timestamptz", TimestampTz),
        ("timestamp", Timestamp),
        ("interval", Interval),
        ("interval(2)", Interval),
        ("interval year", Interval),
        ("interval year to month", Interval),
        ("interval day to hour", Interval),
        ("interval day to minute", Interval),
        ("interval day to second(3)", Interval),
        ("interval hour to minute", Interval),
        ("interval minute to second", Interval),
        ("interval second(0)", Interval),
        ("uuid", Uuid),
        ("\"uuid\"", Uuid),
        ("json", Json),
        ("\"jsonb\"", Jsonb),
        ("bit(3)", Bit),
        ("\"bit\"", Bit),
        ("bit varying(5)", Bit),
        ("bit varying", Bit),
        ("varbit", Bit),
        ("int2vector", Int2Vector),
        ("oidvector", OidVector),
        ("int4range", range(Integer)),
        ("numrange", range(Numeric(None))),
        ("tstzmultirange", multirange(TimestampTz)),
        ("integer[]", array(Integer)),
        ("integer[3][3]", array(Integer)),
        ("integer ARRAY", array(Integer)),
        ("integer ARRAY[4]", array(Integer)),
        ("text[]", array(Text)),
        ("timestamp(3) without time zone[]", array(Timestamp)),
        ("numeric(10,2)[]", array(numeric(10, 2))),
        ("interval day to second(3)[]", array(Interval)),
        ("_int4", array(Integer)),
        ("box", Other),
        ("box[]", DataType::array_of(Other, b';')),
        ("int2vector[]", array(Int2Vector)),
        ("inet", Other),
        ("ext.hstore", Hstore),
        ("public.vector(3)", Vector(Some(3))),
        ("public.vector", Vector(None)),
        ("public.halfvec(4)", HalfVec(Some(4))),
        ("public.geometry", Geometry(None)),
        ("public.geometry(Point,4326)", Geometry(Some(4326))),
        ("public.geometry(PointZ)", Geometry(None)),
        ("gis.geography(LineString,4326)", Geography(Some(4326))),
        ("public.geometry[]", DataType::array_of(Geometry(None), b':')),
        ("s.unknown(1,'x)')", Other),
        ("\"Weird \"\"type\".\"(\"", Other),
        ("hstore", Hstore),
    ] {
        assert_eq!(of(spelling).data_type, data_type, "{spelling}");
    }
}

#[test]
fn lengths() {
    for (spelling, length) in [
        ("character varying(30)", Some(30)),
        ("character varying", None),
        ("varchar(5)", Some(5)),
        ("character(3)", Some(3)),
        ("character", Some(1)),
        ("char", Some(1)),
        ("national character varying(7)", Some(7)),
        ("bpchar", None),
        ("character varying(30)[]", None),
        ("text", None),
        ("information_schema.yes_or_no", Some(3)),
    ] {
        let column = of(spelling);
        assert_eq!(column.max_length, length, "{spelling}");
        let data_type = column.data_type.element().unwrap_or(&column.data_type);
        assert_eq!(*data_type, DataType::Text, "{spelling}");
    }
}

#[test]
fn tables() {
    for (text, columns) in [
        ("CREATE TABLE s.t (\n);\n", &[][..]),
        ("CREATE TABLE s.t ();", &[]),
        (
            "CREATE TABLE s.t (\n    a integer DEFAULT 7 NOT NULL,\n    \"b \"\"c,\" text COLLATE \"C\" \
             DEFAULT ');,'::text,\n    CONSTRAINT c CHECK ((a > 0)),\n    c integer[] DEFAULT \
             ARRAY[1, 2],\n    d text DEFAULT NULL::text NOT NULL COLLATE \"C\"\n)\nWITH (x='1');",
            &[
                "a integer not null default 7",
                "b \"c, text default ');,'::text",
                "c integer[] default ARRAY[1, 2]",
                "d text not null default NULL::text",
            ],
        ),
        (
            "CREATE UNLOGGED TABLE s.t (\n    CONSTRAINT pn NOT NULL a,\n    a integer,\n    NOT NULL b NO \
             INHERIT,\n    b text CONSTRAINT bn NOT NULL NO INHERIT\n) PARTITION BY RANGE (a);",
            &["a integer not null", "b text not null"],
        ),
        (
            "CREATE TABLE s.t (\n    a integer,\n    v integer GENERATED ALWAYS AS ((a * 2)),\n    w \
             integer GENERATED ALWAYS AS (CASE WHEN (a IS NULL) THEN 1 ELSE 2 END) STORED NOT NULL\n);",
            &["a integer", "v integer virtual", "w integer not null stored"],
        ),
        (
            "CREATE FOREIGN TABLE s.t (\n    a integer OPTIONS (column_name 'x', y 'NOT NULL') NOT \
             NULL,\n    options text,\n    exclude text,\n    generated integer\n)\nSERVER x\nOPTIONS (\n  \
             a 'b'\n);",
            &["a integer not null", "options text", "exclude text", "generated integer"],
        ),
        (
            "-- For binary upgrade, must preserve pg_type oid\nSELECT pg_catalog.binary_upgrade_x('1'\
             ::pg_catalog.oid);\n\nCREATE TABLE s.t (\n    a integer,\n    \
             \"........pg.dropped.2........\" INTEGER /* dummy */,\n    b \"char\"\n);\n\n-- x\nUPDATE \
             pg_catalog.pg_attribute\nSET attlen = -1\nWHERE attname = \
             '........pg.dropped.2........';\n",
            &["a integer", "b \"char\""],
        ),
        (
            "CREATE TABLE t (\n    a integer,\n    exclude integer,\n    EXCLUDE USING gist (a WITH =),\n    \
             PRIMARY KEY (a, b),\n    UNIQUE (a),\n    FOREIGN KEY (a) REFERENCES x(y),\n    b text\n);\n\
             ALTER TABLE ONLY t ALTER COLUMN b SET NOT NULL;\nALTER TABLE ONLY other ALTER COLUMN a SET \
             NOT NULL;",
            &["a integer", "exclude integer", "b text not null"],
        ),
        (
            "CREATE TABLE s.t (\n    a interval day to second(3) STORAGE main COMPRESSION lz4 NOT NULL,\n    \
             \"CONSTRAINT\" s.\"NOT\",\n    \"größe\" numeric(5,-2)\n);",
            &[
                "a interval day to second(3) not null",
                "CONSTRAINT s.\"NOT\"",
                "größe numeric(5,-2)",
            ],
        ),
    ] {
        let found = table(text);
        assert_eq!(found.untyped, None, "{text}");
        assert_eq!(shown(&found), columns, "{text}");
    }
}

#[test]
fn inherited_columns() {
    let parents = [
        (
            "TABLE",
            "s",
            "p",
            "CREATE TABLE s.p (\n    a integer NOT NULL,\n    b text,\n    CONSTRAINT n NOT NULL b NO INHERIT\n);\n",
        ),
        ("TABLE", "s", "q", "CREATE TABLE s.q (\n    b text,\n    c date\n)\nINHERITS (s.p);\n"),
        ("TABLE", "s", "r", "CREATE TABLE s.r (\n    z integer\n);\n"),
    ];
    let child = "CREATE TABLE s.t (\n    b text DEFAULT 'x'::text,\n    y boolean\n)\nINHERITS (s.q, s.r, s.p);\nALTER TABLE ONLY s.t ALTER COLUMN c SET NOT NULL;\n";
    let mut entries = parents.to_vec();
    entries.push(("TABLE", "s", "t", child));
    let found = columns(&toc(&entries));
    assert_eq!(found.untyped, None);
    let expected = [
        "a integer not null",
        "b text default 'x'::text",
        "c date not null",
        "z integer",
        "y boolean",
    ];
    assert_eq!(shown(&found), expected);
    // The data says which fields there are, and in which order.
    entries.push(("TABLE DATA", "s", "t", "COPY s.t (y, a, gone) FROM stdin;\n"));
    let found = columns(&toc(&entries));
    assert_eq!(shown(&found), ["y boolean", "a integer not null", "gone "]);
    assert_eq!(found.untyped, Some(Untyped::NoColumn(b"gone".to_vec())));
    assert_eq!(found.columns[2].data_type, DataType::Other);
    // Without the parents what stands in the child is known.
    let child = toc(&[("TABLE", "s", "t", child), *entries.last().unwrap()]);
    let found = columns(&child);
    assert_eq!(shown(&found)[0], "y boolean");
    let missing = QualifiedName::new(Some(b"s"), b"q");
    assert_eq!(found.untyped, Some(Untyped::ParentMissing(missing)));
}

#[test]
fn circles_and_depth() {
    let circle = toc(&[
        ("TABLE", "s", "p", "CREATE TABLE s.p (\n    a integer\n)\nINHERITS (s.t);\n"),
        ("TABLE", "s", "t", "CREATE TABLE s.t (\n    b integer\n)\nINHERITS (s.p);\n"),
    ]);
    assert_eq!(columns(&circle).untyped, Some(Untyped::TooComplex));

    let chain = |length: usize| {
        let names: Vec<String> = (0..=length).map(|n| format!("t{n}")).collect();
        let texts: Vec<String> = (0..=length)
            .map(|n| match n {
                0 => "CREATE TABLE s.t0 (a integer);".to_owned(),
                n => format!("CREATE TABLE s.t{n} () INHERITS (s.t{});", n - 1),
            })
            .collect();
        let entries: Vec<Entry<'_>> = names
            .iter()
            .zip(&texts)
            .map(|(name, text)| ("TABLE", "s", &name[..], &text[..]))
            .collect();
        columns(&toc(&entries))
    };
    assert_eq!(shown(&chain(63)), ["a integer"]);
    assert_eq!(chain(64).untyped, Some(Untyped::TooComplex));

    // Types of types, asked for from below and from above.
    for backwards in [false, true] {
        let mut names: Vec<(String, String)> = (0..200)
            .map(|n| match n {
                0 => ("c0".to_owned(), "CREATE TYPE s.c0 AS (a integer);".to_owned()),
                n => (format!("c{n}"), format!("CREATE TYPE s.c{n} AS (a s.c{});", n - 1)),
            })
            .collect();
        names.push(("e".into(), "CREATE TYPE s.e AS (x s.f, y s.f);".into()));
        names.push(("f".into(), "CREATE TYPE s.f AS (x s.e[]);".into()));
        let mut wanted: Vec<String> = (0..200).map(|n| format!("a{n} s.c{n}")).collect();
        if backwards {
            wanted.reverse();
        }
        let table = format!("CREATE TABLE s.t (e s.e, f s.f, {});", wanted.join(", "));
        let mut entries: Vec<Entry<'_>> =
            names.iter().map(|(name, text)| ("TYPE", "s", &name[..], &text[..])).collect();
        entries.push(("TABLE", "s", "t", &table));
        let found = columns(&toc(&entries));
        for column in &found.columns {
            let number = String::from_utf8_lossy(&column.name[1..]).parse().unwrap_or(usize::MAX);
            let known = column.data_type != DataType::Other;
            assert_eq!(known, number < 63, "{column:?}");
        }
    }

    // Twice as many attributes at each level.
    let names: Vec<(String, String)> = (0..50)
        .map(|n| match n {
            0 => ("c0".to_owned(), "CREATE TYPE s.c0 AS (a integer);".to_owned()),
            n => (format!("c{n}"), format!("CREATE TYPE s.c{n} AS (a s.c{0}, b s.c{0});", n - 1)),
        })
        .collect();
    let mut entries: Vec<Entry<'_>> =
        names.iter().map(|(name, text)| ("TYPE", "s", &name[..], &text[..])).collect();
    entries.push(("TABLE", "s", "t", "CREATE TABLE s.t (a s.c3, b s.c49);"));
    let found = columns(&toc(&entries));
    assert!(matches!(found.columns[0].data_type, DataType::Composite(_)));
}

#[test]
fn user_types() {
    let entries = [
        (
            "TYPE",
            "s",
            "mood",
            "CREATE TYPE s.mood AS ENUM (\n    'sad',\n    'it''s ok',\n    'a\\b'\n);\n\nALTER TYPE s.mood ADD VALUE 'new';\n",
        ),
        ("TYPE", "s", "none", "CREATE TYPE s.none AS ENUM (\n);\n"),
        (
            "TYPE",
            "s",
            "comp",
            "CREATE TYPE s.comp AS (\n\ta integer,\n\t\"C d\" s.mood COLLATE \"C\",\n\t\"........pg.dropped.3........\" INTEGER /* dummy */,\n\te numeric(10,2)[]\n);\n",
        ),
        (
            "TYPE",
            "s",
            "fr",
            "CREATE TYPE s.fr AS RANGE (\n    subtype = double precision,\n    multirange_type_name = s.fmr,\n    subtype_diff = float8mi\n);\n",
        ),
        (
            "TYPE",
            "s",
            "b",
            "CREATE TYPE s.b (\n    INTERNALLENGTH = 16,\n    INPUT = s.b_in,\n    DELIMITER = '|',\n    ALIGNMENT = int4\n);\n",
        ),
        (
            "DOMAIN",
            "s",
            "d1",
            "CREATE DOMAIN s.d1 AS character varying(5) NOT NULL DEFAULT 'x'::character varying\n\tCONSTRAINT c CHECK ((VALUE <> ''::text));\n",
        ),
        ("DOMAIN", "s", "d2", "CREATE DOMAIN s.d2 AS s.d1[];\n"),
        ("DOMAIN", "s", "d3", "CREATE DOMAIN s.d3 AS s.mood;\n"),
        ("TABLE", "s", "row", "CREATE TABLE s.row (\n    x s.d1,\n    y s.comp\n);\n"),
        ("VIEW", "s", "v", "CREATE VIEW s.v AS\n SELECT 1;\n"),
        ("TYPE", "s", "twice", "CREATE TYPE s.twice AS ENUM (\n    'a'\n);\n"),
        ("TYPE", "s", "twice", "CREATE TYPE s.twice AS ENUM (\n    'b'\n);\n"),
        (
            "TABLE",
            "s",
            "t",
            "CREATE TABLE s.t (\n    a s.mood,\n    b s.none[],\n    c s.comp,\n    d s.fr,\n    e s.fmr,\n    f s.b[],\n    g s.d1,\n    h s.d2,\n    i s.d3,\n    j s.d2[],\n    k s.\"row\",\n    l s.v,\n    m s.twice\n);\n",
        ),
    ];
    let found = columns(&toc(&entries));
    let name = |name: &str| QualifiedName::new(Some(b"s"), name.as_bytes());
    let by = |letter: u8| &found.columns[usize::from(letter - b'a')];
    let DataType::Enum(mood) = &by(b'a').data_type else { panic!() };
    assert_eq!(mood.name, name("mood"));
    assert_eq!(mood.labels, [&b"sad"[..], b"it's ok", b"a\\b", b"new"]);
    assert!(
        matches!(by(b'b').data_type.element(), Some(DataType::Enum(none)) if none.labels.is_empty())
    );
    let DataType::Composite(comp) = &by(b'c').data_type else { panic!() };
    let fields: Vec<_> =
        comp.fields.iter().map(|field| (&field.name[..], &field.spelling[..])).collect();
    assert_eq!(
        fields,
        [(&b"a"[..], &b"integer"[..]), (b"C d", b"s.mood"), (b"e", b"numeric(10,2)[]")]
    );
    assert_eq!(comp.fields[1].data_type, by(b'a').data_type);
    assert_eq!(by(b'd').data_type, DataType::Range(DataType::DoublePrecision.into()));
    assert_eq!(by(b'e').data_type, DataType::Multirange(DataType::DoublePrecision.into()));
    assert_eq!(by(b'f').data_type, DataType::array_of(DataType::Other, b'|'));
    assert_eq!(by(b'g').data_type, DataType::Text);
    assert_eq!((by(b'g').max_length, by(b'g').domain.as_ref()), (Some(5), Some(&name("d1"))));
    assert_eq!(by(b'h').data_type, array(DataType::Text));
    assert_eq!((by(b'h').max_length, by(b'h').domain.as_ref()), (None, Some(&name("d2"))));
    assert_eq!(by(b'i').data_type, by(b'a').data_type);
    assert_eq!(by(b'j').data_type, array(array(DataType::Text)));
    let DataType::Composite(row) = &by(b'k').data_type else { panic!() };
    assert_eq!(row.name, name("row"));
    assert_eq!(row.fields[1].data_type, by(b'c').data_type);
    assert_eq!(by(b'l').data_type, DataType::Other);
    assert_eq!(by(b'm').data_type, DataType::Other);

    // A typed table.
    let typed = "CREATE TABLE s.t OF s.comp (\n    a WITH OPTIONS DEFAULT 1 NOT NULL,\n    CONSTRAINT k PRIMARY KEY (a)\n);\n";
    let mut entries = entries.to_vec();
    entries.push(("TABLE", "s", "typed", typed));
    let found = columns(&toc(&entries));
    assert_eq!(shown(&found), ["a integer not null default 1", "C d s.mood", "e numeric(10,2)[]"]);
}

#[test]
fn names_without_schema() {
    let entries = [
        ("TYPE", "s", "text", "CREATE TYPE text AS ENUM (\n    'a'\n);\n"),
        ("TABLE", "s", "t", "CREATE TABLE t (\n    a text,\n    b integer,\n    c uuid\n);\n"),
    ];
    let old = columns(&toc_of(ArchiveVersion::new(1, 12), true, &entries));
    assert!(matches!(old.columns[0].data_type, DataType::Enum(_)));
    assert_eq!(old.columns[2].data_type, DataType::Uuid);
    let new = columns(&toc(&entries));
    assert_eq!(new.columns[0].data_type, DataType::Text);
}

#[test]
fn strings_of_old() {
    let entries = [
        ("TYPE", "s", "e", "CREATE TYPE s.e AS ENUM (\n    'a\\\\b''c\\'',\n    'd'\n);\n"),
        (
            "TABLE",
            "s",
            "t",
            "CREATE TABLE s.t (\n    a text DEFAULT 'x\\', y text'::text,\n    b s.e\n);\n",
        ),
    ];
    let found = columns(&toc_of(ArchiveVersion::NEWEST, false, &entries));
    assert_eq!(shown(&found), ["a text default 'x\\', y text'::text", "b s.e"]);
    let DataType::Enum(labels) = &found.columns[1].data_type else { panic!() };
    assert_eq!(labels.labels, [&b"a\\b'c'"[..], b"d"]);
}

#[test]
fn data() {
    let table = (
        "TABLE",
        "s",
        "leaf",
        "CREATE TABLE s.leaf (\n    a integer,\n    g integer GENERATED ALWAYS AS ((a + 1)) STORED,\n    b date\n);\n",
    );
    for (copy, root, columns_of) in [
        ("COPY s.leaf (b, a) FROM stdin;\n", None, &["b date", "a integer"][..]),
        ("COPY s.root (a, b) FROM stdin;\n", Some("root"), &["a integer", "b date"]),
        ("COPY leaf (a) WITH OIDS FROM stdin;\n", None, &["oid oid not null", "a integer"]),
        ("", None, &["a integer", "b date"]),
        ("COPY leaf FROM stdin;\n", None, &["a integer", "b date"]),
    ] {
        let found = columns(&toc(&[table, ("TABLE DATA", "s", "leaf", copy)]));
        assert_eq!(shown(&found), columns_of, "{copy}");
        assert_eq!(found.untyped, None);
        let root = root.map(|root: &str| QualifiedName::new(Some(b"s"), root.as_bytes()));
        assert_eq!(found.root, root);
    }
    let alone = columns(&toc(&[("TABLE DATA", "s", "leaf", "COPY s.leaf (a) FROM stdin;\n")]));
    assert_eq!(alone.untyped, Some(Untyped::NoDefinition));
    assert_eq!(alone.columns, [Column::unknown(b"a")]);
    let broken = ("TABLE", "s", "leaf", "CREATE TABLE s.leaf (a integer, b");
    let found =
        columns(&toc(&[broken, ("TABLE DATA", "s", "leaf", "COPY s.leaf (a) FROM stdin;\n")]));
    assert_eq!(found.untyped, Some(Untyped::NotUnderstood));
    assert_eq!(found.columns, [Column::unknown(b"a")]);
}

/// The keys of a table with these entries, which come after one for it.
fn keys(table: &str, others: &[Entry<'_>]) -> Keys {
    let mut entries = vec![("TABLE", "s", "t", table)];
    entries.extend(others);
    let toc = toc(&entries);
    Definitions::new(&toc).keys(toc.get(0).unwrap()).unwrap()
}

fn texts(names: &[Vec<u8>]) -> Vec<&str> {
    names.iter().map(|name| std::str::from_utf8(name).unwrap()).collect()
}

#[test]
fn keys_and_constraints() {
    let table = "CREATE TABLE s.t (\n    a integer NOT NULL,\n    \"b,\" text,\n    period daterange,\n    c integer,\n    CONSTRAINT ck CHECK (((a > 0) AND (\"b,\" <> 'c'::text)))\n);\n";
    let found = keys(
        table,
        &[
            (
                "CONSTRAINT",
                "s",
                "t pk",
                "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT pk PRIMARY KEY (a, \"b,\") INCLUDE (c);\n",
            ),
            (
                "CONSTRAINT",
                "s",
                "t u",
                "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (\"b,\") DEFERRABLE;\n",
            ),
            (
                "CONSTRAINT",
                "s",
                "t o",
                "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT o UNIQUE (a, period WITHOUT OVERLAPS);\n",
            ),
            (
                "CONSTRAINT",
                "s",
                "t x",
                "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT x EXCLUDE USING gist (a WITH =, lower(\"b,\") WITH <>, period WITH &&) WHERE ((c > 0));\n",
            ),
            (
                "CONSTRAINT",
                "s",
                "t n",
                "ALTER TABLE s.t\n    ADD CONSTRAINT n NOT NULL c NOT VALID;\n",
            ),
            (
                "CHECK CONSTRAINT",
                "s",
                "t late",
                "ALTER TABLE s.t\n    ADD CONSTRAINT late CHECK ((c > a)) NOT VALID;\n",
            ),
            (
                "INDEX",
                "s",
                "i",
                "CREATE UNIQUE INDEX i ON s.t USING btree (a, lower(\"b,\"), ((c + 1)) DESC) INCLUDE (period) NULLS NOT DISTINCT WITH (fillfactor='70') WHERE (period IS NOT NULL);\n",
            ),
            (
                "INDEX",
                "s",
                "j",
                "CREATE UNIQUE INDEX j ON ONLY s.t USING btree (\"b,\" COLLATE \"C\" text_pattern_ops, a);\n",
            ),
            ("INDEX", "s", "k", "CREATE INDEX k ON s.t USING btree (c);\n"),
            (
                "FK CONSTRAINT",
                "s",
                "t fk",
                "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT fk FOREIGN KEY (a, PERIOD period) REFERENCES \"O\".u(x, PERIOD y) MATCH FULL ON DELETE CASCADE;\n",
            ),
            (
                "FK CONSTRAINT",
                "O",
                "u back",
                "ALTER TABLE ONLY \"O\".u\n    ADD CONSTRAINT back FOREIGN KEY (period) REFERENCES s.t(c) NOT VALID;\n",
            ),
            (
                "FK CONSTRAINT",
                "s",
                "t me",
                "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT me FOREIGN KEY (c, a) REFERENCES s.t;\n",
            ),
            (
                "SEQUENCE",
                "s",
                "t_a_seq",
                "ALTER TABLE s.t ALTER COLUMN a ADD GENERATED BY DEFAULT AS IDENTITY (\n    SEQUENCE NAME s.t_a_seq\n);\n",
            ),
            ("COMMENT", "s", "TABLE t", "COMMENT ON TABLE s.t IS 'it''s';\n"),
            ("COMMENT", "s", "COLUMN t.b", "COMMENT ON COLUMN s.t.\"b,\" IS 'x';\n"),
        ],
    );
    let key = found.primary_key.as_ref().unwrap();
    assert_eq!(
        (&key.name[..], texts(&key.columns), key.is_plain),
        (&b"pk"[..], vec!["a", "b,"], true)
    );
    let unique: Vec<_> = found
        .unique
        .iter()
        .map(|key| {
            let name = std::str::from_utf8(&key.name).unwrap();
            let flags = (key.is_plain, key.nulls_not_distinct);
            (name, key.kind, texts(&key.columns), texts(&key.mentioned), flags)
        })
        .collect();
    assert_eq!(
        unique,
        [
            ("u", KeyKind::Unique, vec!["b,"], vec![], (true, true)),
            ("o", KeyKind::Unique, vec!["a", "period"], vec![], (false, false)),
            ("x", KeyKind::Exclude, vec!["a", "period"], vec!["b,", "c"], (false, false)),
            ("i", KeyKind::UniqueIndex, vec!["a"], vec!["b,", "c", "period"], (false, true)),
            ("j", KeyKind::UniqueIndex, vec!["b,", "a"], vec![], (true, false)),
        ]
    );
    let definitions: Vec<_> =
        found.unique.iter().map(|key| std::str::from_utf8(&key.definition).unwrap()).collect();
    assert_eq!(key.definition, b"PRIMARY KEY (a, \"b,\") INCLUDE (c)");
    assert_eq!(definitions[0], "UNIQUE NULLS NOT DISTINCT (\"b,\") DEFERRABLE");
    assert!(definitions[2].starts_with("EXCLUDE USING gist (a WITH =,"));
    assert!(definitions[2].ends_with("WHERE ((c > 0))"));
    assert!(definitions[3].starts_with("USING btree (a, lower("));
    assert!(definitions[3].ends_with("WHERE (period IS NOT NULL)"));
    let checks: Vec<_> = found.checks.iter().map(|check| texts(&check.columns)).collect();
    assert_eq!(checks, [vec!["a", "b,"], vec!["a", "c"]]);
    assert_eq!(found.checks[0].expression, b"((a > 0) AND (\"b,\" <> 'c'::text))");
    let foreign: Vec<_> = found
        .foreign_keys
        .iter()
        .map(|key| (texts(&key.columns), &key.referenced.name[..], texts(&key.referenced_columns)))
        .collect();
    assert_eq!(
        foreign,
        [(vec!["a", "period"], &b"u"[..], vec!["x", "y"]), (vec!["c", "a"], b"t", vec!["a", "b,"]),]
    );
    assert!(found.foreign_keys[0].definition.ends_with(b"MATCH FULL ON DELETE CASCADE"));
    let names: Vec<_> = found.referenced_by.iter().map(|key| &key.name[..]).collect();
    assert_eq!(names, [&b"back"[..], b"me"]);
    assert_eq!(texts(&found.referenced_by[0].columns), ["period"]);
    assert_eq!(found.identity, [Identity { column: b"a".to_vec(), always: false }]);
    assert_eq!(found.comment.as_deref(), Some(&b"it's"[..]));
    assert_eq!(found.comment_on(b"b,"), Some(&b"x"[..]));
}

#[test]
fn constraints_within_a_table() {
    let found = keys(
        "CREATE TABLE s.t (\n    a integer CONSTRAINT k PRIMARY KEY,\n    b integer REFERENCES u(x) ON DELETE CASCADE NOT NULL UNIQUE,\n    c integer CHECK (c > 0),\n    CONSTRAINT two UNIQUE (a, c)\n);\n",
        &[],
    );
    let key = found.primary_key.unwrap();
    assert_eq!((&key.name[..], texts(&key.columns)), (&b"k"[..], vec!["a"]));
    let unique: Vec<_> = found.unique.iter().map(|key| texts(&key.columns)).collect();
    assert_eq!(unique, [vec!["b"], vec!["a", "c"]]);
    assert_eq!(texts(&found.checks[0].columns), ["c"]);
    // In a dump for an upgrade, what is inherited stands behind the table.
    let upgrade = keys(
        "CREATE TABLE s.t (\n    a integer\n);\n\n-- x\nALTER TABLE ONLY s.t ADD CONSTRAINT c CHECK ((a > 0));\nUPDATE \
         pg_catalog.pg_constraint\nSET conislocal = false;\nALTER TABLE ONLY s.t INHERIT s.p;\n",
        &[],
    );
    assert_eq!(texts(&upgrade.checks[0].columns), ["a"]);
    assert_eq!(found.foreign_keys[0].referenced, QualifiedName::new(Some(b"s"), b"u"));
    assert_eq!(
        found.foreign_keys[0].definition,
        b"REFERENCES u(x) ON DELETE CASCADE NOT NULL UNIQUE"
    );
}

#[test]
fn partitions() {
    let root = (
        "TABLE",
        "s",
        "root",
        "CREATE TABLE s.root (\n    a integer,\n    b date,\n    CONSTRAINT c CHECK ((a > 0))\n)\nPARTITION BY RANGE (date_part('year'::text, b), a);\n",
    );
    let middle = "CREATE TABLE s.middle (\n    a integer,\n    b date\n)\nPARTITION BY LIST (b);\n";
    let leaf = "CREATE TABLE s.t (\n    b date,\n    a integer\n);\n";
    let fk = (
        "FK CONSTRAINT",
        "s",
        "root fk",
        "ALTER TABLE s.root\n    ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES s.u(x);\n",
    );
    let to_root = (
        "FK CONSTRAINT",
        "s",
        "u fk",
        "ALTER TABLE ONLY s.u\n    ADD CONSTRAINT fk FOREIGN KEY (x) REFERENCES s.root(a);\n",
    );
    let attach = [
        (
            "TABLE ATTACH",
            "s",
            "middle",
            "ALTER TABLE ONLY s.root ATTACH PARTITION s.middle FOR VALUES FROM (1) TO (2);\n",
        ),
        ("TABLE ATTACH", "s", "t", "ALTER TABLE ONLY s.middle ATTACH PARTITION s.t DEFAULT;\n"),
    ];
    let new = [root, ("TABLE", "s", "middle", middle), fk, to_root, attach[0], attach[1]];
    // Up to 13 it stands behind the table.
    let middle = [middle, attach[0].3].concat();
    let leaf_of_old = [leaf, attach[1].3].concat();
    let old = [root, ("TABLE", "s", "middle", &middle[..]), fk, to_root];
    for (leaf, others) in [(leaf, &new[..]), (&leaf_of_old, &old)] {
        let found = keys(leaf, others);
        let name = |name: &str| QualifiedName::new(Some(b"s"), name.as_bytes());
        assert_eq!(found.partition_of, [name("middle"), name("root")]);
        assert_eq!(texts(&found.partition_columns), ["b", "a", "b"]);
        assert_eq!(found.partition_by, None);
        assert_eq!(
            (found.checks.len(), found.foreign_keys.len(), found.referenced_by.len()),
            (1, 1, 1)
        );
        assert_eq!(found.foreign_keys[0].table, name("root"));
    }
    let found = keys(root.3, &new[1..]);
    assert_eq!(found.partition_by.unwrap().definition, b"RANGE (date_part('year'::text, b), a)");
    let of = keys(
        "CREATE TABLE s.t PARTITION OF s.root (\n    a DEFAULT 3\n)\nFOR VALUES IN (1);\n",
        &[root],
    );
    assert_eq!(of.partition_of.len(), 1);
    let toc = toc(&[
        root,
        (
            "TABLE",
            "s",
            "t",
            "CREATE TABLE s.t PARTITION OF s.root (\n    a DEFAULT 3\n)\nFOR VALUES IN (1);\n",
        ),
    ]);
    assert_eq!(shown(&columns(&toc)), ["a integer default 3", "b date"]);
}

#[test]
fn definitions_of_another_archive() {
    let defined = |encoding: &str, label: &[u8]| {
        let mut toc = Toc::new(Header::new(ArchiveVersion::NEWEST, Format::Custom), Format::Custom);
        let encoding = format!("SET client_encoding = '{encoding}';\n");
        let label = [b"CREATE TYPE s.e AS ENUM ('", label, b"');"].concat();
        let table =
            b"CREATE TABLE s.t (a integer, b s.e, c integer GENERATED ALWAYS AS ((a + 1)) STORED);";
        let key = b"ALTER TABLE ONLY s.t ADD CONSTRAINT k PRIMARY KEY (a);";
        for (n, (desc, tag, text)) in [
            (Desc::ENCODING, "ENCODING", encoding.as_bytes()),
            (Desc::TYPE, "e", &label),
            (Desc::TABLE, "t", table),
            (Desc::CONSTRAINT, "t k", key),
        ]
        .into_iter()
        .enumerate()
        {
            let fields = EntryFields::new(DumpId(n as i32 + 1), desc, Section::PreData);
            toc.push(&fields.namespace("s").tag(tag).defn(text)).unwrap();
        }
        toc
    };
    let data = |copy: &str| {
        let mut toc = toc(&[("TABLE DATA", "s", "t", copy)]);
        let encoding = EntryFields::new(DumpId(9), Desc::ENCODING, Section::PreData);
        toc.push(&encoding.defn("SET client_encoding = 'UTF8';\n")).unwrap();
        toc
    };
    for (encoding, label) in [("UTF8", "größe".as_bytes()), ("LATIN1", b"gr\xf6\xdfe")] {
        let (other, data) = (defined(encoding, label), data("COPY s.t (b, a) FROM stdin;\n"));
        let definitions = Definitions::new(&data).with(&other);
        let found = definitions.columns(data.get(0).unwrap()).unwrap();
        assert_eq!(found.untyped, None);
        assert_eq!(shown(&found), ["b s.e", "a integer"]);
        let DataType::Enum(labels) = &found.columns[0].data_type else { panic!() };
        assert_eq!(labels.labels, ["größe".as_bytes()]);
        let keys = definitions.keys(data.get(0).unwrap()).unwrap();
        assert_eq!(keys.primary_key.is_some(), encoding == "UTF8");
    }
    let other = defined("UTF8", b"x");
    for copy in ["COPY s.t (a) FROM stdin;\n", "COPY s.t (a, b, d) FROM stdin;\n"] {
        let data = data(copy);
        let found = Definitions::new(&data).with(&other).columns(data.get(0).unwrap()).unwrap();
        assert_eq!(found.untyped, Some(Untyped::OtherColumns), "{copy}");
        assert_eq!(found.columns[0], Column::unknown(b"a"));
    }
    // A table without its types.
    let alone = toc(&[("TABLE", "s", "t", "CREATE TABLE s.t (a s.e[]);")]);
    let found = Definitions::new(&alone).with(&other).columns(alone.get(0).unwrap()).unwrap();
    assert!(matches!(found.columns[0].data_type, DataType::Array(_)));
}

#[test]
fn encodings_with_backslashes() {
    let mut toc = Toc::new(Header::new(ArchiveVersion::NEWEST, Format::Custom), Format::Custom);
    let table = b"CREATE TABLE s.t (\n    a text DEFAULT '\x95\x5c'::text,\n    \"\x95\x5c\" s.\"\x83\x5c\"\n);\n";
    let label = b"CREATE TYPE s.\"\x83\x5c\" AS ENUM (\n    '\x95\x5c',\n    'b'\n);\n";
    for (n, (desc, tag, text)) in [
        (Desc::ENCODING, &b"ENCODING"[..], &b"SET client_encoding = 'SJIS';\n"[..]),
        (Desc::TYPE, b"\x83\x5c", label),
        (Desc::TABLE, b"t", table),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = EntryFields::new(DumpId(n as i32 + 1), desc, Section::PreData);
        toc.push(&fields.namespace("s").tag(tag).defn(text)).unwrap();
    }
    // Without an entry that says it, a backslash in a string is an escape.
    let found = columns(&toc);
    assert_eq!(found.columns[0].default.as_deref(), Some(&b"'\x95\x5c'::text"[..]));
    assert_eq!(found.columns[1].name, b"\x95\x5c");
    let DataType::Enum(labels) = &found.columns[1].data_type else { panic!("{found:?}") };
    assert_eq!(labels.labels, [&b"\x95\x5c"[..], b"b"]);
}
