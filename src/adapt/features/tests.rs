use super::*;
use crate::sql::{replaced, tokens};

#[test]
fn signs() {
    let shows = |look: fn(&[Token<'_>]) -> bool, sql: &str| look(&tokens(sql.as_bytes(), true));
    let stored = "CREATE TABLE t (a int GENERATED ALWAYS AS (lower(b)) STORED)";
    let virt = "CREATE TABLE t (a int GENERATED ALWAYS AS (lower(b)), c int)";
    let identity = "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY (START 1)";
    assert!(shows(is_generated, stored) && !shows(is_virtual, stored));
    assert!(shows(is_generated, virt) && shows(is_virtual, virt));
    assert!(!shows(is_generated, identity));
    assert!(shows(names_not_null, "CREATE TABLE t (a int, CONSTRAINT x NOT NULL a)"));
    assert!(!shows(names_not_null, "CREATE TABLE t (a int CONSTRAINT x NOT NULL)"));
    assert!(shows(has_type, "CREATE SEQUENCE s.q\n    AS integer\n    START WITH 1"));
    assert!(!shows(has_type, "CREATE SEQUENCE s.q START WITH 1"));
    assert!(shows(has_expressions, "CREATE STATISTICS s.x ON lower((a)) FROM s.t"));
    assert!(!shows(has_expressions, "CREATE STATISTICS s.x (ndistinct) ON a, b FROM s.t"));
    let window = "CREATE VIEW v AS SELECT row_number() OVER (PARTITION BY a) FROM t";
    assert!(!Top(&["PARTITION", "BY"]).shows(&tokens(window.as_bytes(), true)));
    assert!(!Words(&["NULLS", "NOT", "DISTINCT"]).shows(&tokens(b"'NULLS NOT DISTINCT'", true)));
}

/// A definition as servers of a release get it.
fn changed(release: (u16, u16), desc: &str, defn: &str) -> String {
    let mut defn = defn.as_bytes().to_vec();
    for feature in FEATURES {
        if feature.since <= release || !feature.descs.contains(&desc) {
            continue;
        }
        let words = tokens(&defn, true);
        if !feature.shows(|| &words) {
            continue;
        }
        let mut edits = Edits::new();
        match feature.answer {
            LeaveOut => return String::new(),
            Reword(change) | Say(change, _) => change(&words, &mut edits),
        }
        drop(words);
        defn = replaced(&defn, edits);
    }
    String::from_utf8(defn).unwrap()
}

#[test]
fn other_words() {
    for (release, desc, before, after) in [
        (
            (15, 0),
            "TABLE",
            "CREATE TABLE s.t (\n    a int,\n    b int GENERATED ALWAYS AS ((a * 2)),\n    \
             CONSTRAINT c CHECK ((a > 0)) NOT ENFORCED\n);\n",
            "CREATE TABLE s.t (\n    a int,\n    b int GENERATED ALWAYS AS ((a * 2)) STORED\n);\n",
        ),
        (
            (17, 0),
            "TABLE",
            "CREATE TABLE s.t (\n    CONSTRAINT n NOT NULL \"A b\",\n    x int NOT NULL NO INHERIT\n)\n\
             INHERITS (s.p);\n",
            "CREATE TABLE s.t (\n    x int NOT NULL\n)\nINHERITS (s.p);\n\n\
             ALTER TABLE ONLY s.t ALTER COLUMN \"A b\" SET NOT NULL;\n",
        ),
        (
            (17, 0),
            "TABLE",
            "CREATE TABLE t (\n    NOT NULL a,\n    NOT NULL b\n)\nINHERITS (p);",
            "CREATE TABLE t (\n    \n)\nINHERITS (p);\n\n\
             ALTER TABLE ONLY t ALTER COLUMN a SET NOT NULL,\n    \
             ALTER COLUMN b SET NOT NULL;",
        ),
        ((17, 0), "CONSTRAINT", "ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID;", ""),
        (
            (17, 0),
            "FK CONSTRAINT",
            "ALTER TABLE t ADD FOREIGN KEY (period) REFERENCES p(period);",
            "ALTER TABLE t ADD FOREIGN KEY (period) REFERENCES p(period);",
        ),
        ((17, 0), "FK CONSTRAINT", "ALTER TABLE t ADD FOREIGN KEY (a, PERIOD b) REFERENCES p;", ""),
        (
            (16, 0),
            "ACL",
            "GRANT SELECT,MAINTAIN,INSERT ON TABLE t TO a;\nGRANT MAINTAIN ON TABLE t TO b;\n",
            "GRANT SELECT,INSERT ON TABLE t TO a;\n\n",
        ),
        (
            (16, 0),
            "ACL",
            "GRANT SELECT ON TABLE t TO maintain;",
            "GRANT SELECT ON TABLE t TO maintain;",
        ),
        (
            (13, 0),
            "SUBSCRIPTION",
            "CREATE SUBSCRIPTION s PUBLICATION p WITH (connect = false, streaming = parallel, \
             failover = true, slot_name = 'x');",
            "CREATE SUBSCRIPTION s PUBLICATION p WITH (connect = false, slot_name = 'x');",
        ),
        (
            (12, 0),
            "DATABASE",
            "CREATE DATABASE d WITH TEMPLATE = template0 ENCODING = 'UTF8' \
             LOCALE_PROVIDER = builtin LOCALE = 'C' BUILTIN_LOCALE = 'C.UTF-8';",
            "CREATE DATABASE d WITH TEMPLATE = template0 ENCODING = 'UTF8' \
             LC_COLLATE = 'C' LC_CTYPE = 'C';",
        ),
        (
            (13, 0),
            "TABLE",
            "CREATE TABLE t (\n    a text\n);\nALTER TABLE ONLY t ALTER COLUMN a SET COMPRESSION lz4;\n",
            "CREATE TABLE t (\n    a text\n);\n\n",
        ),
        (
            (13, 0),
            "TYPE",
            "CREATE TYPE r AS RANGE (\n    subtype = int,\n    multirange_type_name = m\n);\n",
            "CREATE TYPE r AS RANGE (\n    subtype = int\n);\n",
        ),
        (
            (11, 0),
            "VIEW",
            "CREATE VIEW v AS WITH a AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED ( SELECT 2) SELECT;",
            "CREATE VIEW v AS WITH a AS (SELECT 1), b AS ( SELECT 2) SELECT;",
        ),
        (
            (10, 0),
            "CONSTRAINT",
            "ALTER TABLE ONLY t ADD CONSTRAINT c UNIQUE (a) INCLUDE (b, c);",
            "ALTER TABLE ONLY t ADD CONSTRAINT c UNIQUE (a);",
        ),
        (
            (9, 5),
            "COLLATION",
            "CREATE COLLATION c (provider = libc, locale = 'C');",
            "CREATE COLLATION c (locale = 'C');",
        ),
        (
            (9, 5),
            "FUNCTION",
            "CREATE FUNCTION f(parallel int) RETURNS int LANGUAGE sql PARALLEL SAFE AS $$PARALLEL SAFE$$;",
            "CREATE FUNCTION f(parallel int) RETURNS int LANGUAGE sql AS $$PARALLEL SAFE$$;",
        ),
        (
            (9, 5),
            "SEQUENCE",
            "CREATE SEQUENCE s\n    AS integer\n    START WITH 1;",
            "CREATE SEQUENCE s\n    START WITH 1;",
        ),
    ] {
        assert_eq!(changed(release, desc, before), after, "{release:?}: {before}");
    }
}

#[test]
fn no_damage_makes_it_panic() {
    let archive = crate::Archive::open("fixtures/pg18/core-custom.dump").unwrap();
    let texts = archive.entries().filter_map(|entry| entry.defn()).map(<[u8]>::to_vec);
    let odd = [
        "CREATE TABLE (,NOT NULL a,,NOT NULL)",
        "GRANT MAINTAIN",
        "GRANT GRANT OPTION FOR",
        "FAILOVER =",
        "(FAILOVER = ,",
        "INCLUDE (",
        "TABLE GENERATED ALWAYS AS (",
        "SET COMPRESSION;;SET COMPRESSION",
        "XMLSERIALIZE(INDENT)",
        "XMLSERIALIZE(",
        "(XMLSERIALIZE(NO INDENT)",
        "numeric(1,-2),numeric(1,2),numeric(,",
        "(LOGGED",
    ];
    for text in texts.chain(odd.map(|text| text.as_bytes().to_vec())) {
        for end in (0..=text.len().min(400)).rev().step_by(7) {
            let words = tokens(&text[..end], false);
            for feature in FEATURES {
                let _ = feature.shows(|| &words);
                if let Reword(change) | Say(change, _) = feature.answer {
                    let mut edits = Edits::new();
                    change(&words, &mut edits);
                    let _ = replaced(&text[..end], edits);
                }
            }
        }
    }
}
