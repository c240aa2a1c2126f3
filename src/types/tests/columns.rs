//! Columns of tables, and their types.

use super::super::*;
use super::{Entry, array, columns, numeric, of, shown, table, toc, toc_of};
use crate::toc::ArchiveVersion;

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
