use super::*;
use crate::adapt::Adaptation;
use crate::toc::ArchiveVersion;
use crate::toc::{DumpId, EntryFields, Format, Section};
use crate::{Archive, Selection};

fn mapping(owner: &str, schema: &str) -> Mapping {
    let pair = |text: &str| -> BTreeMap<Vec<u8>, Vec<u8>> {
        let pair = text.split_once('=').map(|(a, b)| (a.into(), b.into()));
        pair.into_iter().collect()
    };
    Mapping {
        owners: pair(owner),
        schemas: pair(schema),
        tablespaces: pair("fast=slow"),
        database: Database {
            old: b"Shop".to_vec(),
            new: Some(b"New \"x".to_vec()),
            ..Database::default()
        },
    }
}

/// One entry with this definition, mapped: the definition and the doubts.
fn map(desc: &'static str, defn: &str) -> (String, Vec<String>) {
    let header = Archive::open("fixtures/pg18/empty-custom.dump").unwrap().header().clone();
    assert!(header.version > ArchiveVersion::new(1, 12));
    let mut toc = Toc::new(header, Format::Custom);
    let mut fields = EntryFields::new(DumpId(1), Desc(b"STDSTRINGS"), Section::PreData);
    fields.defn = Some(b"SET standard_conforming_strings = 'on';\n");
    toc.push(&fields).unwrap();
    let mut fields = EntryFields::new(DumpId(2), Desc(desc.as_bytes()), Section::PreData);
    let defn = defn.as_bytes().to_vec();
    fields.tag = Some(b"x");
    toc.push(&fields.defn(&defn)).unwrap();
    let mut draft = Draft::new(toc.entry(DumpId(2)).unwrap());
    let doubts = mapping("ann=Bob", "a=b c").rename(&mut draft, true);
    (String::from_utf8(draft.defn.unwrap().to_vec()).unwrap(), doubts)
}

#[test]
fn what_is_proved() {
    for (desc, before, after) in [
        (
            "ACL",
            "GRANT SELECT ON TABLE a.ann TO ann;",
            "GRANT SELECT ON TABLE \"b c\".ann TO \"Bob\";",
        ),
        (
            "ACL",
            "SET SESSION AUTHORIZATION ann;\nREVOKE ALL ON SCHEMA a FROM PUBLIC, ann;\nRESET SESSION AUTHORIZATION;",
            "SET SESSION AUTHORIZATION \"Bob\";\nREVOKE ALL ON SCHEMA \"b c\" FROM PUBLIC, \"Bob\";\nRESET SESSION AUTHORIZATION;",
        ),
        (
            "DEFAULT ACL",
            "ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA a GRANT SELECT ON TABLES TO x, ann;",
            "ALTER DEFAULT PRIVILEGES FOR ROLE \"Bob\" IN SCHEMA \"b c\" GRANT SELECT ON TABLES TO x, \"Bob\";",
        ),
        (
            "POLICY",
            "CREATE POLICY p ON a.t TO ann USING (true);",
            "CREATE POLICY p ON \"b c\".t TO \"Bob\" USING (true);",
        ),
        (
            "TABLE",
            "CREATE TABLE a.a (a a.t, \"A\" \"A\".a);",
            "CREATE TABLE \"b c\".a (a \"b c\".t, \"A\" \"A\".a);",
        ),
        (
            "DEFAULT",
            "SET DEFAULT nextval('a.s'::regclass);",
            "SET DEFAULT nextval('\"b c\".s'::regclass);",
        ),
        (
            "DEFAULT",
            "SET DEFAULT f('a.f(a.t, x.a)'::regprocedure);",
            "SET DEFAULT f('\"b c\".f(\"b c\".t, x.a)'::regprocedure);",
        ),
        (
            "SEQUENCE SET",
            "SELECT pg_catalog.setval('a.s', 1, true);",
            "SELECT pg_catalog.setval('\"b c\".s', 1, true);",
        ),
        (
            "COMMENT",
            "COMMENT ON TABLE a.t IS 'as in a.t';",
            "COMMENT ON TABLE \"b c\".t IS 'as in a.t';",
        ),
        (
            "EXTENSION",
            "CREATE EXTENSION x WITH SCHEMA a;",
            "CREATE EXTENSION x WITH SCHEMA \"b c\";",
        ),
        (
            "VIEW",
            "CREATE VIEW a.v AS SELECT t.x FROM a.t -- a.t",
            "CREATE VIEW \"b c\".v AS SELECT t.x FROM \"b c\".t -- a.t",
        ),
        (
            "FUNCTION",
            "CREATE FUNCTION a.f() SET search_path TO 'a', 'pg_temp' AS $$select 1$$;",
            "CREATE FUNCTION \"b c\".f() SET search_path TO 'b c', 'pg_temp' AS $$select 1$$;",
        ),
        (
            "DATABASE",
            "CREATE DATABASE \"Shop\" WITH TEMPLATE = template0 OWNER = ann TABLESPACE = fast;",
            "CREATE DATABASE \"New \"\"x\" WITH TEMPLATE = template0 OWNER = \"Bob\" TABLESPACE = \"slow\";",
        ),
        (
            "DATABASE PROPERTIES",
            "ALTER DATABASE \"Shop\" SET c.d TO 'Shop'; ALTER ROLE ann IN DATABASE \"Shop\" SET x = 1;\nUPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = 'Shop';",
            "ALTER DATABASE \"New \"\"x\" SET c.d TO 'Shop'; ALTER ROLE \"Bob\" IN DATABASE \"New \"\"x\" SET x = 1;\nUPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = 'New \"x';",
        ),
        // Settings and options are of a class, which is no schema.
        (
            "DATABASE PROPERTIES",
            "ALTER DATABASE x SET a.d TO 'e'; ALTER ROLE y IN DATABASE x SET a.b.c TO 'e';\n",
            "ALTER DATABASE x SET a.d TO 'e'; ALTER ROLE y IN DATABASE x SET a.b.c TO 'e';\n",
        ),
        (
            "PROCEDURE",
            "CREATE PROCEDURE a.f() SET a.d TO 'e' SET search_path TO 'a' AS $$$$;",
            "CREATE PROCEDURE \"b c\".f() SET a.d TO 'e' SET search_path TO 'b c' AS $$$$;",
        ),
        (
            "TABLE",
            "CREATE TABLE a.t (x a.d DEFAULT a.f(1, a.g())) WITH (fillfactor='5', a.enabled='x');",
            "CREATE TABLE \"b c\".t (x \"b c\".d DEFAULT \"b c\".f(1, \"b c\".g())) WITH (fillfactor='5', a.enabled='x');",
        ),
        (
            "COMMENT",
            "COMMENT ON DATABASE \"Shop\" IS 'DATABASE \"Shop\"';",
            "COMMENT ON DATABASE \"New \"\"x\" IS 'DATABASE \"Shop\"';",
        ),
        (
            "ACL",
            "GRANT ALL ON DATABASE \"Shop\" TO x;",
            "GRANT ALL ON DATABASE \"New \"\"x\" TO x;",
        ),
        (
            "VIEW",
            "CREATE VIEW x.v AS SELECT database \"Shop\";",
            "CREATE VIEW x.v AS SELECT database \"Shop\";",
        ),
        (
            "INDEX",
            "CREATE INDEX i ON a.t TABLESPACE fast;",
            "CREATE INDEX i ON \"b c\".t TABLESPACE \"slow\";",
        ),
    ] {
        assert_eq!(map(desc, before), (after.to_owned(), vec![]), "{before}");
    }
}

#[test]
fn what_is_not() {
    for (desc, defn, doubt) in [
        ("DEFAULT", "SET DEFAULT nextval(E'a.s'::regclass);", "a string in it says a"),
        ("FUNCTION", "CREATE FUNCTION a.f() AS $_$select a.g()$_$;", "its body says a"),
        ("FUNCTION", "CREATE FUNCTION a.f() AS 'select a.g()';", "a string in it says a"),
        ("VIEW", "CREATE VIEW x.v AS SELECT a.c FROM x.a;", "a may be a schema or a table"),
        ("TABLE", "CREATE TABLE x.t (c text DEFAULT 'a.t'::text);", "a string in it says a"),
        ("TABLE", "CREATE TABLE x.t (c regclass);", "it has a column with names of objects"),
    ] {
        assert_eq!(map(desc, defn).1, [doubt], "{defn}");
    }
}

/// What is left of an archive whose schemas become one, or why they cannot.
fn united(archive: &str, schemas: &[&str]) -> Result<Vec<String>, String> {
    let archive = Archive::open(archive).unwrap();
    let mut selected = Selection::new().apply(archive.toc()).unwrap();
    let mut mapping = Mapping::new();
    for schema in schemas {
        mapping.schemas.append(&mut self::mapping("", schema).schemas);
    }
    let adaptation = Adaptation::new().mapping(mapping);
    let adapted = adaptation.apply(&mut selected).map_err(|error| error.to_string())?;
    let selected = adapted.selected(&selected);
    Ok(selected.entries().map(|entry| entry.name().name).collect())
}

#[test]
fn two_schemas_become_one_if_nothing_clashes() {
    let core = "fixtures/pg18/core-custom.dump";
    let error = united(core, &["harbour=Second Schema"]).unwrap_err();
    assert!(error.contains("both have a \"ports\""), "{error}");
    assert!(united(core, &["harbour=port"]).is_ok());
    // Nothing is in heroku_ext but what extensions put there.
    let shop = united("fixtures/cases/shop.dump", &["heroku_ext=public"]).unwrap();
    assert!(shop.contains(&"FUNCTION public.f(\"public\".citext)".to_owned()), "{shop:?}");
    // Two that have nothing of one name. The definition that stays is the one whose name does.
    let needs = united("fixtures/cases/needs.dump", &["lib=shop"]).unwrap();
    let schemas: Vec<&String> = needs.iter().filter(|name| name.starts_with("SCHEMA ")).collect();
    assert_eq!(schemas, ["SCHEMA shop"]);
    assert!(needs.contains(&"TABLE shop.parts_2024".to_owned()), "{needs:?}");
    // Every database has a schema public.
    for (pairs, left) in
        [(&["lib=public"][..], 1), (&["lib=public", "shop=public"], 0), (&["lib=x", "shop=x"], 1)]
    {
        let needs = united("fixtures/cases/needs.dump", pairs).unwrap();
        let schemas = needs.iter().filter(|name| name.starts_with("SCHEMA ")).count();
        assert_eq!(schemas, left, "{pairs:?}");
    }
}

/// Each in the place of what the archive says, or behind all.
#[test]
fn template_and_tablespace_of_the_database() {
    for (before, after) in [
        (
            "CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' TABLESPACE = fast;",
            "CREATE DATABASE shop WITH TEMPLATE = \"My t\" ENCODING = 'UTF8' TABLESPACE = \"d\"\"s\";",
        ),
        (
            "CREATE DATABASE shop WITH TEMPLATE template0 LOCALE = 'C';\n\n",
            "CREATE DATABASE shop WITH TEMPLATE \"My t\" LOCALE = 'C' TABLESPACE = \"d\"\"s\";\n\n",
        ),
        (
            "CREATE DATABASE shop;\nCREATE x TEMPLATE = y;",
            "CREATE DATABASE shop TEMPLATE = \"My t\" TABLESPACE = \"d\"\"s\";\nCREATE x TEMPLATE = y;",
        ),
        (
            "CREATE DATABASE template TABLESPACE",
            "CREATE DATABASE template TABLESPACE TEMPLATE = \"My t\"",
        ),
        ("DROP DATABASE shop;", "DROP DATABASE shop;"),
    ] {
        let header = Archive::open("fixtures/pg18/empty-custom.dump").unwrap().header().clone();
        let mut toc = Toc::new(header, Format::Custom);
        let fields = EntryFields::new(DumpId(2), Desc::DATABASE, Section::PreData).tag("shop");
        toc.push(&fields.defn(before)).unwrap();
        let mapping = Mapping::new().tablespace("fast", "slow");
        let mapping = mapping.database_template("My t").database_tablespace("d\"s");
        let mut draft = Draft::new(toc.entry(DumpId(2)).unwrap());
        mapping.in_encoding_of(&toc).unwrap().rename(&mut draft, true);
        assert_eq!(String::from_utf8(draft.defn.unwrap().to_vec()).unwrap(), after);
        assert_eq!(draft.tag.as_deref(), Some(&b"shop"[..]));
    }
}
