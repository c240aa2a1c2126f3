//! The decision table of pg_restore's `_tocEntryRequired`, row by row.

use super::*;
use crate::toc::{Compression, CreationTime, Desc, DumpId, EntryFields, Format, Header, Toc};
use crate::version::ArchiveVersion;

/// An entry in a few words.
struct Entry {
    desc: &'static str,
    tag: &'static str,
    namespace: Option<&'static str>,
    section: Section,
    /// Whether it has a dumper; if not, it has a definition.
    data: bool,
    defn: &'static str,
    dependencies: &'static [DumpId],
}

const PRE: Section = Section::PreData;
const DATA: Section = Section::Data;
const POST: Section = Section::PostData;
const NONE: Section = Section::None;

const fn entry(desc: &'static str, tag: &'static str, section: Section) -> Entry {
    let namespace = Some("public");
    Entry { desc, tag, namespace, section, data: false, defn: "x", dependencies: &[] }
}

const fn data(tag: &'static str) -> Entry {
    Entry { data: true, defn: "", ..entry("TABLE DATA", tag, DATA) }
}

const fn on(desc: &'static str, tag: &'static str, dependencies: &'static [DumpId]) -> Entry {
    Entry { dependencies, ..entry(desc, tag, NONE) }
}

/// Dump ids are the places of the entries, from 1.
fn toc(entries: &[Entry]) -> Toc {
    let header = Header {
        version: ArchiveVersion::NEWEST,
        int_size: 4,
        off_size: 8,
        format_code: 1,
        compression: Compression { algorithm: crate::compress::Algorithm::None, level: None },
        created: Some(CreationTime::from_fields([0; 7])),
        dbname: None,
        server_version: None,
        dump_version: None,
    };
    let mut toc = Toc::new(header, Format::Custom);
    for (n, entry) in entries.iter().enumerate() {
        let fields = EntryFields {
            dump_id: DumpId(n as i32 + 1),
            had_dumper: entry.data,
            tag: Some(entry.tag.as_bytes()),
            desc: Desc(entry.desc.as_bytes()),
            section: entry.section,
            defn: Some(entry.defn.as_bytes()),
            namespace: entry.namespace.map(str::as_bytes),
            dependencies: entry.dependencies,
            ..EntryFields::new(DumpId(1), Desc(b""), Section::None)
        };
        toc.push(&fields).unwrap();
    }
    toc
}

/// What is wanted of each entry: S schema, D data, T statistics, X special, - nothing.
fn marks(selection: &Selection, entries: &[Entry]) -> String {
    let toc = toc(entries);
    let selected = selection.apply(&toc).unwrap();
    let mark = |entry: TocEntry<'_>| {
        let Wanted { schema, data, statistics, special } = selected.decision(&entry).wanted;
        let marks = [(schema, 'S'), (data, 'D'), (statistics, 'T'), (special, 'X')];
        let mark: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        if mark.is_empty() { "-".to_owned() } else { mark }
    };
    toc.entries().map(mark).collect::<Vec<_>>().join(" ")
}

fn rule(selection: &Selection, entry: Entry) -> Rule {
    let toc = toc(&[entry]);
    let selected = selection.apply(&toc).unwrap();
    let decision = selected.decision(&toc.get(0).unwrap());
    decision.rule
}

fn names(names: &[&str]) -> Vec<NamePattern> {
    names.iter().map(|name| NamePattern::exact(*name)).collect()
}

/// A selection with one thing set.
macro_rules! with {
    ($($field:ident $(: $value:expr)?),*) => {
        Selection { $($field: with!(@ $($value)?),)* ..Selection::default() }
    };
    (@) => { true };
    (@ $value:expr) => { $value };
}

#[test]
fn by_default_all_but_the_database() {
    let all = [
        entry("ENCODING", "ENCODING", PRE),
        entry("STDSTRINGS", "STDSTRINGS", PRE),
        entry("SEARCHPATH", "SEARCHPATH", PRE),
        entry("DATABASE", "d", PRE),
        entry("DATABASE PROPERTIES", "d", PRE),
        entry("TABLE", "t", PRE),
        data("t"),
        Entry { defn: "", ..entry("TABLE", "t", PRE) },
        entry("SEQUENCE SET", "s", DATA),
        entry("INDEX", "i", POST),
        entry("STATISTICS DATA", "t", DATA),
    ];
    assert_eq!(marks(&Selection::new(), &all), "X X X - - S D - D S T");
}

#[test]
fn row_2_special_whatever_is_asked_for() {
    for selection in [
        with!(data_only),
        with!(schemas: names(&["no"])),
        with!(sections: vec![POST]),
        with!(tables: names(&["t"])),
        with!(use_list: Some(UseList::default())),
    ] {
        assert_eq!(marks(&selection, &[entry("ENCODING", "ENCODING", PRE)]), "X");
    }
    assert_eq!(rule(&Selection::new(), entry("SEARCHPATH", "x", PRE)), Rule::Special);
}

#[test]
fn row_3_statistics() {
    for desc in ["STATISTICS DATA", "EXTENDED STATISTICS DATA"] {
        let statistics = [Entry { defn: "", ..entry(desc, "t", POST) }];
        for (selection, mark) in [
            (Selection::new(), "T"),
            (with!(no_statistics), "-"),
            (with!(data_only), "-"),
            (with!(schema_only), "-"),
            (with!(statistics_only), "T"),
            (with!(data_only, statistics), "T"),
            (with!(schema_only, statistics), "T"),
            (with!(no_schema, no_data), "T"),
            (with!(sections: vec![DATA]), "-"),
            (with!(sections: vec![POST]), "T"),
            (with!(schemas: names(&["public"])), "T"),
            (with!(schemas: names(&["other"])), "-"),
            (with!(exclude_schemas: names(&["public"])), "-"),
        ] {
            assert_eq!(marks(&selection, &statistics), mark, "{selection:?}");
        }
    }
    assert_eq!(marks(&with!(statistics_only), &[entry("TABLE", "t", PRE), data("t")]), "- -");
}

#[test]
fn row_3_statistics_of_chosen_objects() {
    const ONE: &[DumpId] = &[DumpId(1)];
    for (desc, tables, indexes, mark) in [
        ("TABLE", "x", "-", "S T"),
        ("VIEW", "x", "-", "S T"),
        ("FOREIGN TABLE", "x", "-", "S T"),
        ("MATERIALIZED VIEW", "x", "-", "S T"),
        ("SEQUENCE", "x", "-", "S -"),
        ("TABLE", "-", "x", "- -"),
        ("INDEX", "-", "x", "S T"),
        ("INDEX", "x", "-", "- -"),
    ] {
        let entries = [
            entry(desc, "x", PRE),
            Entry { dependencies: ONE, ..entry("STATISTICS DATA", "x", POST) },
        ];
        let selection = with!(tables: names(&[tables]), indexes: names(&[indexes]));
        assert_eq!(marks(&selection, &entries), mark, "{desc} {tables} {indexes}");
    }
    // The object need not be wanted itself, only named.
    let entries = [
        entry("TABLE", "x", PRE),
        Entry { dependencies: ONE, ..entry("STATISTICS DATA", "x", POST) },
    ];
    let selection = with!(tables: names(&["x"]), sections: vec![POST]);
    assert_eq!(marks(&selection, &entries), "- T");
}

#[test]
fn row_4_the_database_goes_with_create_alone() {
    for desc in ["DATABASE", "DATABASE PROPERTIES"] {
        for selection in [
            with!(create),
            with!(create, data_only),
            with!(create, tables: names(&["t"])),
            with!(create, schemas: names(&["other"])),
            with!(create, sections: vec![POST]),
            with!(create, use_list: Some(UseList::default())),
        ] {
            assert_eq!(marks(&selection, &[entry(desc, "d", PRE)]), "S", "{selection:?}");
        }
        assert_eq!(marks(&Selection::new(), &[entry(desc, "d", PRE)]), "-");
        assert_eq!(rule(&Selection::new(), entry(desc, "d", PRE)), Rule::Create);
    }
}

#[test]
fn rows_5_to_10_kinds() {
    type Names<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Selection, Rule, Names<'_>, Names<'_>); 6] = [
        (
            with!(no_privileges),
            Rule::NoPrivileges,
            &[("ACL", "TABLE t"), ("ACL LANGUAGE", "l"), ("DEFAULT ACL", "d")],
            &[("COMMENT", "TABLE t"), ("TABLE", "ACL")],
        ),
        (
            with!(no_comments),
            Rule::NoComments,
            &[("COMMENT", "TABLE t")],
            &[("ACL", "TABLE t"), ("SECURITY LABEL", "TABLE t")],
        ),
        (
            with!(no_policies),
            Rule::NoPolicies,
            &[("POLICY", "t p"), ("ROW SECURITY", "t"), ("COMMENT", "POLICY p ON t")],
            &[("SECURITY LABEL", "POLICY p"), ("COMMENT", "TABLE POLICY"), ("TABLE", "POLICY")],
        ),
        (
            with!(no_publications),
            Rule::NoPublications,
            &[
                ("PUBLICATION", "p"),
                ("PUBLICATION TABLE", "p t"),
                ("PUBLICATION TABLES IN SCHEMA", "p s"),
                ("COMMENT", "PUBLICATION p"),
                ("SECURITY LABEL", "PUBLICATION p"),
                ("COMMENT", "PUBLICATIONX"),
            ],
            &[("SUBSCRIPTION", "p"), ("ACL", "PUBLICATION p")],
        ),
        (
            with!(no_security_labels),
            Rule::NoSecurityLabels,
            &[("SECURITY LABEL", "TABLE t")],
            &[("COMMENT", "TABLE t")],
        ),
        (
            with!(no_subscriptions),
            Rule::NoSubscriptions,
            &[
                ("SUBSCRIPTION", "s"),
                ("SUBSCRIPTION TABLE", "s t"),
                ("COMMENT", "SUBSCRIPTION s"),
                ("SECURITY LABEL", "SUBSCRIPTION s"),
            ],
            &[("PUBLICATION", "s"), ("ACL", "SUBSCRIPTION s")],
        ),
    ];
    for (selection, expected, out, kept) in cases {
        for (desc, tag) in out {
            assert_eq!(rule(&selection, entry(desc, tag, PRE)), expected, "{desc} {tag}");
            assert_eq!(marks(&Selection::new(), &[entry(desc, tag, PRE)]), "S");
        }
        for (desc, tag) in kept {
            assert_eq!(marks(&selection, &[entry(desc, tag, PRE)]), "S", "{desc} {tag}");
        }
    }
}

#[test]
fn row_11_sections() {
    let all = [
        on("COMMENT", "first", &[]),
        entry("TABLE", "t", PRE),
        on("COMMENT", "TABLE t", &[]),
        data("t"),
        entry("INDEX", "i", POST),
        on("COMMENT", "INDEX i", &[]),
        entry("TABLE", "odd", Section::Other(9)),
        on("COMMENT", "of an odd section", &[]),
    ];
    for (sections, expected) in [
        (vec![], "S S S D S S - -"),
        (vec![PRE], "S S S - - - - -"),
        (vec![DATA], "- - - D - - - -"),
        (vec![POST], "- - - - S S - -"),
        (vec![PRE, POST], "S S S - S S - -"),
    ] {
        assert_eq!(marks(&with!(sections: sections), &all), expected);
    }
}

#[test]
fn row_12_lists() {
    let entries = || [entry("TABLE", "a", PRE), data("a"), entry("TABLE", "b", PRE), data("b")];
    let toc = toc(&entries());
    let read = |text: &str| UseList::read(text.as_bytes(), &toc).unwrap();
    let list = read("4 ; first\n;2\n3; 1259 1 TABLE public b\n\n\t\n9 no such\n3\nx\n-1\n");
    let ignored: Vec<&[u8]> = list.ignored().iter().map(Vec::as_slice).collect();
    assert_eq!(ignored, [&b"9 no such"[..], b"3", b"x", b"-1"]);
    let selection = with!(use_list: Some(list));
    assert_eq!(marks(&selection, &entries()), "- - S D");
    let selected = selection.apply(&toc).unwrap();
    let order: Vec<i32> = selected.all().map(|(entry, _)| entry.dump_id().0).collect();
    // What is not listed comes first.
    assert_eq!(order, [1, 2, 4, 3]);
    assert!(selected.entries().map(|entry| entry.dump_id().0).eq([4, 3]));
    assert_eq!(marks(&with!(use_list: Some(read(""))), &entries()), "- - - -");
    // With the other filters: both must want it.
    let selection = with!(use_list: Some(read("1\n2\n4")), data_only, tables: names(&["a"]));
    assert_eq!(marks(&selection, &entries()), "- D - -");
    // An id between those of the archive that is none of them is an error.
    let gap = {
        let mut toc = Toc::new(toc.header().clone(), Format::Custom);
        for id in [1, 3] {
            let section = Section::PreData;
            toc.push(&EntryFields::new(DumpId(id), Desc::TABLE, section)).unwrap();
        }
        UseList::read(&b"1\n2\n"[..], &toc).unwrap_err().to_string()
    };
    assert!(gap.contains("entry 2"), "{gap}");
}

#[test]
fn row_12_lists_move_what_has_no_section() {
    let toc =
        toc(&[entry("TABLE", "t", PRE), on("COMMENT", "TABLE t", &[]), entry("INDEX", "i", POST)]);
    let list = UseList::read(&b"1\n3\n2\n"[..], &toc).unwrap();
    let selection = with!(use_list: Some(list), sections: vec![POST]);
    let selected = selection.apply(&toc).unwrap();
    // The comment now stands behind the index.
    assert!(selected.entries().map(|entry| entry.dump_id().0).eq([3, 2]));
}

#[test]
fn row_13_of_the_database() {
    for desc in ["ACL", "COMMENT", "SECURITY LABEL"] {
        let of_database = || [on(desc, "DATABASE d", &[])];
        assert_eq!(marks(&Selection::new(), &of_database()), "-");
        assert_eq!(marks(&with!(create), &of_database()), "S");
        assert_eq!(marks(&with!(create, tables: names(&["t"])), &of_database()), "S");
        assert_eq!(marks(&with!(create, data_only), &of_database()), "-");
        // The blank counts.
        assert_eq!(marks(&Selection::new(), &[on(desc, "DATABASES", &[])]), "S");
    }
    assert_eq!(marks(&Selection::new(), &[on("DEFAULT ACL", "DATABASE d", &[])]), "S");
}

#[test]
fn row_14_what_goes_with_an_object() {
    const T: &[DumpId] = &[DumpId(1)];
    const U: &[DumpId] = &[DumpId(2)];
    const ACL: &[DumpId] = &[DumpId(3)];
    const BOTH: &[DumpId] = &[DumpId(99), DumpId(2), DumpId(1)];
    const LATER: &[DumpId] = &[DumpId(10)];
    let all = || {
        [
            entry("TABLE", "t", PRE),
            Entry { namespace: Some("other"), ..entry("TABLE", "u", PRE) },
            on("ACL", "TABLE t", T),
            on("COMMENT", "TABLE t", T),
            on("SECURITY LABEL", "TABLE u", U),
            on("COMMENT", "on an ACL", ACL),
            on("COMMENT", "of both", BOTH),
            on("COMMENT", "of nothing", &[]),
            on("COMMENT", "of what comes later", LATER),
            entry("VIEW", "t", PRE),
        ]
    };
    for (selection, expected) in [
        (Selection::new(), "S S S S S S S S S S"),
        (with!(tables: names(&["t"])), "S - S S - - S - - S"),
        (with!(schemas: names(&["other"])), "- S - - S - S - - -"),
        (with!(exclude_schemas: names(&["other"])), "S - S S - - S - - S"),
        (with!(exclude_schemas: names(&["none"])), "S S S S S - S - - S"),
        // An object of which nothing is left does not count.
        (with!(tables: names(&["t"]), data_only), "- - - - - - - - - -"),
    ] {
        assert_eq!(marks(&selection, &all()), expected, "{selection:?}");
    }
}

#[test]
fn rows_16_and_17_schemas() {
    let all = || {
        [
            Entry { namespace: Some("a"), ..entry("TABLE", "t", PRE) },
            Entry { namespace: Some("b"), ..entry("TABLE", "t", PRE) },
            Entry { namespace: None, ..entry("SCHEMA", "a", PRE) },
            Entry { namespace: Some(""), ..entry("CAST", "c", PRE) },
        ]
    };
    for (schemas, excluded, expected) in [
        (&[][..], &[][..], "S S S S"),
        (&["a"], &[], "S - - -"),
        (&["a", "b"], &[], "S S - -"),
        (&["a"], &["a"], "- - - -"),
        (&[], &["a"], "- S S S"),
        (&[], &["a", "b"], "- - S S"),
        (&["A"], &[], "- - - -"),
        (&["a*"], &[], "- - - -"),
        (&[""], &[], "- - - -"),
    ] {
        let selection = with!(schemas: names(schemas), exclude_schemas: names(excluded));
        assert_eq!(marks(&selection, &all()), expected, "{schemas:?} {excluded:?}");
    }
}

#[test]
fn row_18_names() {
    let all = || {
        [
            entry("TABLE", "x", PRE),
            data("x"),
            entry("VIEW", "x", PRE),
            entry("FOREIGN TABLE", "x", PRE),
            entry("MATERIALIZED VIEW", "x", PRE),
            entry("MATERIALIZED VIEW DATA", "x", POST),
            entry("SEQUENCE", "x", PRE),
            entry("SEQUENCE SET", "x", DATA),
            entry("INDEX", "x", POST),
            entry("FUNCTION", "x", PRE),
            entry("AGGREGATE", "x", PRE),
            entry("PROCEDURE", "x", PRE),
            entry("TRIGGER", "x", POST),
            entry("CONSTRAINT", "x", POST),
            entry("DEFAULT", "x", PRE),
            entry("TABLE ATTACH", "x", PRE),
            entry("SCHEMA", "x", PRE),
            Entry { data: true, ..entry("BLOBS", "x", DATA) },
        ]
    };
    let x = || names(&["x"]);
    for (selection, expected) in [
        (with!(tables: x()), "S D S S S S S D - - - - - - - - - -"),
        (with!(indexes: x()), "- - - - - - - - S - - - - - - - - -"),
        (with!(functions: x()), "- - - - - - - - - S S S - - - - - -"),
        (with!(triggers: x()), "- - - - - - - - - - - - S - - - - -"),
        (with!(tables: names(&["y"])), "- - - - - - - - - - - - - - - - - -"),
        (with!(tables: names(&["X", "x "])), "- - - - - - - - - - - - - - - - - -"),
        (with!(tables: names(&["y", "x"])), "S D S S S S S D - - - - - - - - - -"),
        (with!(tables: names(&["y"]), indexes: x()), "- - - - - - - - S - - - - - - - - -"),
    ] {
        assert_eq!(marks(&selection, &all()), expected, "{selection:?}");
    }
}

#[test]
fn rows_20_to_24_what_is_left() {
    let no_defn = |entry: Entry| Entry { defn: "", ..entry };
    let both = || Entry { data: true, ..entry("TABLE DATA", "t", DATA) };
    let root = "-- load via partition root t\n";
    for (one, default, data_only, schema_only) in [
        (both(), "SD", "D", "S"),
        (data("t"), "D", "D", "-"),
        (Entry { defn: root, ..both() }, "D", "D", "-"),
        (entry("TABLE", "t", PRE), "S", "-", "S"),
        (no_defn(entry("TABLE", "t", PRE)), "-", "-", "-"),
        (entry("SEQUENCE SET", "s", DATA), "D", "D", "-"),
        (entry("BLOB", "17", PRE), "D", "D", "-"),
        (entry("BLOB METADATA", "17..18", DATA), "D", "D", "-"),
        (on("ACL", "LARGE OBJECT 17", &[]), "D", "D", "-"),
        (on("COMMENT", "LARGE OBJECT 17", &[]), "D", "D", "-"),
        (on("SECURITY LABEL", "LARGE OBJECT 17", &[]), "D", "D", "-"),
        (on("ACL", "LARGE OBJECTS", &[]), "D", "D", "-"),
        (on("ACL", "TABLE t", &[]), "S", "-", "S"),
        (on("DEFAULT ACL", "LARGE OBJECT 17", &[]), "S", "-", "S"),
        (entry("<Init>", "Max OID", PRE), "-", "-", "-"),
        (entry("<Init>", "other", PRE), "S", "-", "S"),
    ] {
        let what = format!("{} {}", one.desc, one.tag);
        let one = [one];
        assert_eq!(marks(&Selection::new(), &one), default, "{what}");
        for selection in [with!(data_only), with!(no_schema)] {
            assert_eq!(marks(&selection, &one), data_only, "{what}");
        }
        for selection in [with!(schema_only), with!(no_data)] {
            assert_eq!(marks(&selection, &one), schema_only, "{what}");
        }
    }
    assert_eq!(rule(&with!(data_only), entry("TABLE", "t", PRE)), Rule::NothingLeft);
}

#[test]
fn what_is_wanted_at_all() {
    for (selection, wants) in [
        (Selection::new(), (true, true, true)),
        (with!(data_only), (false, true, false)),
        (with!(schema_only), (true, false, false)),
        (with!(statistics_only), (false, false, true)),
        (with!(no_data), (true, false, true)),
        (with!(no_schema), (false, true, true)),
        (with!(no_statistics), (true, true, false)),
        (with!(data_only, statistics), (false, true, true)),
        (with!(schema_only, statistics), (true, false, true)),
    ] {
        let found =
            (selection.wants_schema(), selection.wants_data(), selection.wants_statistics());
        assert_eq!(found, wants, "{selection:?}");
    }
}

#[test]
fn strict_names() {
    let toc = toc(&[entry("TABLE", "t", PRE), data("t"), entry("INDEX", "i", POST)]);
    let unmatched = |selection: Selection| {
        let selected = selection.apply(&toc).unwrap();
        selected
            .unmatched()
            .map(|found| (found.what, String::from_utf8_lossy(&found.name).into_owned()))
    };
    let found = |what: &'static str, name: &str| Some((what, name.to_owned()));
    assert_eq!(unmatched(Selection::new()), None);
    assert_eq!(unmatched(with!(tables: names(&["t"]))), None);
    assert_eq!(unmatched(with!(tables: names(&["t", "u", "v"]))), found("table", "u"));
    // Given twice it is met once.
    assert_eq!(unmatched(with!(tables: names(&["t", "t"]))), found("table", "t"));
    assert_eq!(unmatched(with!(schemas: names(&["s"]))), found("schema", "s"));
    assert_eq!(unmatched(with!(exclude_schemas: names(&["s"]))), None);
    assert_eq!(
        unmatched(with!(indexes: names(&["i"]), triggers: names(&["g"]))),
        found("trigger", "g")
    );
    assert_eq!(unmatched(with!(functions: names(&["f"]))), found("function", "f"));
    // Schemas before tables before indexes.
    let selection = with!(schemas: names(&["s"]), tables: names(&["x"]), indexes: names(&["y"]));
    assert_eq!(unmatched(selection), found("schema", "s"));
    // A name that no entry was compared with is not matched, even if there is such an entry.
    assert_eq!(unmatched(with!(tables: names(&["t"]), sections: vec![POST])), found("table", "t"));
}

#[test]
fn a_restore_without_any_schema() {
    let implied = |selection: &Selection, entries: &[Entry]| {
        selection.apply(&toc(entries)).unwrap().implied_no_schema()
    };
    let all = [entry("TABLE", "t", PRE), data("t"), entry("SEQUENCE SET", "s", DATA)];
    assert!(!implied(&Selection::new(), &all));
    assert!(implied(&with!(sections: vec![DATA]), &all));
    assert!(implied(&Selection::new(), &all[1..]));
    // That was not wanted in the first place.
    assert!(!implied(&with!(data_only), &all));
}
