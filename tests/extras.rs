//! What pg_restore cannot do: patterns, closures, older servers, other names, managed services.

use pgdmp::adapt::{Adaptation, Adapted, Mapping};
use pgdmp::finding::Finding;
use pgdmp::script::ScriptOptions;
use pgdmp::select::{NamePattern, Rule};
use pgdmp::{Archive, Desc, RestrictKey, Script, Selection};

use pgdmp_testkit::fixtures;

/// Whether a finding is about an entry whose name begins so.
fn is_of(finding: &Finding, name: &str) -> bool {
    finding.entry.as_ref().is_some_and(|entry| entry.name.starts_with(name))
}

fn core() -> Archive {
    Archive::open(fixtures::root().join("pg18/core-custom.dump")).unwrap()
}

/// What a selection takes, as `DESC namespace.tag`.
fn taken(archive: &Archive, selection: &Selection) -> Vec<String> {
    let selected = selection.apply(archive.toc()).unwrap();
    selected.entries().map(|entry| entry.name().name).collect()
}

fn tables(names: &[&str]) -> Selection {
    let selection = names.iter().fold(Selection::new(), |all, name| all.table(*name));
    selection.no_statistics(true).no_comments(true).no_privileges(true)
}

#[test]
fn a_name_with_its_schema() {
    let core = core();
    // There are two tables of this name.
    assert_eq!(taken(&core, &tables(&["ports"])).len(), 4);
    let one = ["TABLE harbour.ports", "TABLE DATA harbour.ports"];
    assert_eq!(taken(&core, &tables(&["harbour.ports"])), one);
    assert_eq!(taken(&core, &tables(&["HARBOUR.p?rts"])), one);
    let odd = ["TABLE Second Schema.Table 2", "TABLE DATA Second Schema.Table 2"];
    assert_eq!(taken(&core, &tables(&["Second Schema.Table 2"])), odd);
    assert_eq!(taken(&core, &tables(&["\"Second Schema\".\"Table\"*"])), odd);
    // Without a dot, a wildcard or quotes a name is a tag and nothing else.
    assert!(taken(&core, &tables(&["Ports"])).is_empty());
    assert_eq!(taken(&core, &tables(&["\"ports\""])).len(), 4);
    assert!(taken(&core, &tables(&["\"Ports\""])).is_empty());
    let exact = tables(&[]).table(NamePattern::exact("harbour.ports"));
    assert!(taken(&core, &exact).is_empty());
}

#[test]
fn patterns_of_all_options() {
    let core = core();
    let nothing = tables(&[]);
    let functions = nothing.clone().function("harbour.coord_*");
    assert_eq!(
        taken(&core, &functions),
        [
            "FUNCTION harbour.coord_text(harbour.coord)",
            "FUNCTION harbour.coord_same(harbour.coord, harbour.coord)",
        ]
    );
    // A tag with a dot in it is a tag first.
    let tag = nothing.clone().function("coord_text(harbour.coord)");
    assert_eq!(taken(&core, &tag).len(), 1);
    let schemas = nothing.clone().schema("Second*");
    assert!(taken(&core, &schemas).is_empty(), "folded");
    let schemas = nothing.clone().schema("?econd?chema");
    assert!(taken(&core, &schemas).is_empty(), "quotes keep capitals: {schemas:?}");
    let schemas = nothing.clone().schema("\"S\"econd*");
    assert!(!taken(&core, &schemas).is_empty());
    let without = nothing.clone().exclude_schema("\"S\"*");
    assert!(taken(&core, &without).iter().all(|name| !name.contains("Second Schema.")));
    let selected = tables(&["harbour.nosuch*"]);
    let unmatched = selected.apply(core.toc()).unwrap().unmatched().cloned().unwrap();
    assert_eq!((unmatched.what, &*unmatched.name), ("table", &b"harbour.nosuch*"[..]));
}

fn closure(name: &str, dependencies: bool, dependents: bool) -> Selection {
    tables(&[name]).with_dependencies(dependencies).with_dependents(dependents)
}

#[test]
fn dependencies_to_any_depth() {
    let core = core();
    let all = taken(&core, &closure("harbour.mv_0_on_mv_a", true, false));
    for name in [
        "SCHEMA - harbour",
        "SCHEMA harbour",
        "VIEW harbour.z_used_by_matview",
        "MATERIALIZED VIEW harbour.mv_a",
        "MATERIALIZED VIEW harbour.mv_0_on_mv_a",
    ] {
        let there = all.iter().any(|entry| entry == name);
        assert_eq!(there, name != "SCHEMA - harbour", "{name}: {all:?}");
    }
    // A type needs functions, which need the shell of the type.
    let function =
        tables(&[]).function(NamePattern::new("hull_in(cstring)")).with_dependencies(true);
    let all = taken(&core, &function);
    assert!(all.contains(&"SHELL TYPE harbour.hull".to_owned()), "{all:?}");
    // What an option forbids stays away.
    let without =
        closure("Second Schema.ports", true, false).exclude_schema(NamePattern::new("harbour"));
    let selected = without.apply(core.toc()).unwrap();
    assert!(selected.entries().all(|entry| entry.namespace() != Some(b"harbour")));
}

/// No archive says what server a user mapping is of.
#[test]
fn user_mappings_go_with_their_server() {
    let core = core();
    let all = taken(&core, &closure("harbour.remote_t", true, false));
    let mappings = all.iter().filter(|name| name.starts_with("USER MAPPING "));
    assert_eq!(mappings.count(), 2, "{all:?}");
    let mut selected = Selection::new().apply(core.toc()).unwrap();
    let adaptation = Adaptation::new().service("rds".parse().unwrap());
    adaptation.apply(&mut selected).unwrap();
    for mapping in selected.entries().filter(|entry| entry.desc() == Desc::USER_MAPPING) {
        let tag = String::from_utf8_lossy(mapping.tag().unwrap()).into_owned();
        let server = tag.rsplit(' ').next().unwrap();
        let server = core.toc().find(Desc::SERVER, None, server.as_bytes()).unwrap();
        assert!(selected.decision(&server).wanted.is_listed(), "{tag}");
    }
}

#[test]
fn what_belongs_to_a_table() {
    let core = core();
    let own = taken(&core, &closure("harbour.staff", false, true));
    assert!(own.iter().all(|name| !name.contains("VIEW")), "{own:?}");
    for kind in ["TABLE ", "TABLE DATA ", "INDEX ", "CONSTRAINT ", "FK CONSTRAINT ", "POLICY "] {
        assert!(own.iter().any(|name| name.starts_with(kind)), "{kind}: {own:?}");
    }
    let owned = taken(&core, &closure("harbour.piers", false, true));
    for name in ["SEQUENCE harbour.piers_id_seq", "SEQUENCE SET harbour.piers_no_seq"] {
        assert!(owned.contains(&name.to_owned()), "{name}: {owned:?}");
    }
    // Its exclusion constraint compares numbers by GiST.
    let needing = taken(&core, &closure("harbour.piers", true, true));
    assert!(needing.contains(&"EXTENSION btree_gist".to_owned()), "{needing:?}");
    let partitioned = taken(&core, &closure("harbour.parcels", false, true));
    for name in ["TABLE harbour.parcels_0", "TABLE DATA harbour.parcels_1"] {
        assert!(partitioned.contains(&name.to_owned()), "{name}: {partitioned:?}");
    }
}

#[test]
fn every_reason_is_named() {
    let core = core();
    let selected = closure("harbour.piers", true, true).apply(core.toc()).unwrap();
    for (entry, decision) in selected.all() {
        let text = decision.rule.to_string();
        if let Some(other) = decision.rule.entry() {
            assert!(text.contains(&other.to_string()));
            let other = core.toc().entry(other).unwrap();
            assert!(selected.decision(&other).wanted.is_listed(), "{}", entry.name());
        }
    }
}

/// The script of a whole archive, adapted, and what was said.
fn adapted(archive: &Archive, adaptation: &Adaptation) -> (String, Adapted) {
    adapted_as(archive, adaptation, ScriptOptions::new())
}

fn adapted_as(
    archive: &Archive,
    adaptation: &Adaptation,
    options: ScriptOptions,
) -> (String, Adapted) {
    let mut selected = Selection::new().apply(archive.toc()).unwrap();
    let adapted = adaptation.apply(&mut selected).unwrap();
    let mut script = Vec::new();
    let writer = Script::new(RestrictKey::new("key").unwrap()).options(options);
    let selected = adapted.selected(&selected);
    writer.write(archive, &selected, &mut script).unwrap();
    (String::from_utf8_lossy(&script).into_owned(), adapted)
}

fn adapted_for(archive: &Archive, release: &str) -> (String, Adapted) {
    let options = ScriptOptions::new().target(release.parse().unwrap());
    adapted_as(archive, &for_release(release), options)
}

fn for_release(release: &str) -> Adaptation {
    Adaptation::new().target(release.parse().unwrap())
}

#[test]
fn an_older_server() {
    let core = core();
    let (script, adapted) = adapted_for(&core, "9.6");
    for (entry, what) in [
        ("PROCEDURE harbour.log_it", "left out: procedures"),
        ("TABLE harbour.virt", "left out: generated columns"),
        ("TABLE DATA harbour.virt", "left out: it depends on entry"),
        ("TABLE harbour.parcels", "left out: partitioned"),
        ("INDEX ATTACH", "left out: indexes of partitioned"),
        ("SEQUENCE harbour.tiny_seq", "of bigint"),
    ] {
        let found = adapted
            .findings
            .iter()
            .any(|finding| is_of(finding, entry) && finding.what.contains(what));
        assert!(found, "{entry}: {:#?}", adapted.findings);
    }
    for setting in ["transaction_timeout", "default_table_access_method"] {
        assert!(!script.contains(&format!("\nSET {setting} =")), "{setting}");
    }
    assert!(script.contains("\nSET idle_in_transaction_session_timeout = 0;\n"));
    assert!(script.contains(" EXECUTE PROCEDURE ") && !script.contains(" EXECUTE FUNCTION "));

    let none = adapted_for(&core, "18").1;
    assert!(none.findings.is_empty() && none.notes.is_empty(), "{none:?}");
}

#[test]
fn what_can_be_said_otherwise() {
    let (script, adapted) = adapted_for(&core(), "15");
    let virt = script.find("CREATE TABLE harbour.virt (").unwrap();
    let virt = &script[virt..][..script[virt..].find(");\n").unwrap()];
    assert!(virt.contains(") STORED"), "{virt}");
    assert!(script.contains("streaming = on") && !script.contains("streaming = parallel"));
    assert!(!script.contains(" NOT ENFORCED"));
    let said = |what: &str| adapted.findings.iter().any(|f| f.to_string().contains(what));
    assert!(said("virtual generated columns") && said("they stream"));
}

#[test]
fn a_service_and_what_it_refuses() {
    let core = core();
    let mut selected = Selection::new().apply(core.toc()).unwrap();
    let adaptation = Adaptation::new().service("cloudsql".parse().unwrap());
    let findings = adaptation.apply(&mut selected).unwrap().findings;
    assert!(findings.iter().any(|f| is_of(f, "EVENT TRIGGER")), "{findings:#?}");
    let left: Vec<_> = selected.entries().map(|entry| entry.name().name).collect();
    assert!(left.iter().all(|name| !name.starts_with("ACCESS METHOD")), "{left:?}");
    for entry in selected.entries() {
        for id in entry.dependencies() {
            let Some(needed) = core.toc().entry(*id) else { continue };
            let rule = selected.decision(&needed).rule;
            // A table can have another one.
            if needed.desc() == *"ACCESS METHOD" {
                continue;
            }
            assert!(!matches!(rule, Rule::Service | Rule::WithoutEntry(_)), "{}", entry.name());
        }
    }
}

/// Releases before 11 create the schema public, which every database has.
#[test]
fn what_is_there_already() {
    let old = Archive::open(fixtures::root().join("pg9.5/mini-custom.dump")).unwrap();
    let created = |script: &str| script.contains("\nCREATE SCHEMA public;\n");
    assert!(created(&adapted(&old, &Adaptation::new()).0));
    let (script, _) = adapted_for(&old, "15");
    assert!(!created(&script) && script.contains("\nALTER SCHEMA public OWNER TO postgres;\n"));
    // Under another name it is not.
    let moved = for_release("15").mapping(Mapping::new().schema("public", "app"));
    assert!(adapted(&old, &moved).0.contains("\nCREATE SCHEMA \"app\";\n"));
}

#[test]
fn what_a_service_takes_in_other_words() {
    let adaptation = Adaptation::new().service("rds".parse().unwrap());
    let (script, adapted) = adapted(&core(), &adaptation);
    assert!(script.contains("\nSET ROLE harbour_owner;\n") && script.contains("\nRESET ROLE;\n"));
    assert!(!script.contains("SESSION AUTHORIZATION") && !script.contains(" LEAKPROOF"));
    let said = |what: &str| adapted.findings.iter().any(|finding| finding.what.contains(what));
    assert!(said("leakproof") && said("no service lets read files") && said("transforms need"));
    assert!(!script.contains("only_a_shell"));
}

#[test]
fn other_names() {
    let core = core();
    let mapping = Mapping::new().owner("postgres", "New Owner").schema("harbour", "port");
    let (script, adapted) = adapted(&core, &Adaptation::new().mapping(mapping));
    let toc = adapted.toc.unwrap();
    assert_eq!(toc.len(), core.toc().len());
    assert!(toc.find(Desc::TABLE, Some(b"port"), b"ports").is_some());
    // Data is found by dump id.
    assert!(script.contains("\nCOPY \"port\".ports ("));
    assert!(script.contains(" OWNER TO \"New Owner\";"));
    assert!(!script.contains(" OWNER TO postgres;"));
    // In comments, too.
    assert!(script.contains("-- Name: hull_out(\"port\".hull); Type: FUNCTION; Schema: port;"));
    assert!(script.contains("-- Name: SCHEMA port; Type: COMMENT;"));
    let views = adapted.unproved.iter().filter(|finding| is_of(finding, "VIEW"));
    assert_eq!(views.count(), 0, "{:#?}", adapted.unproved);
}

/// What older servers refuse because of what another entry says. That they take the rest is tried in a
/// server: `live_older`.
#[test]
fn what_several_entries_show() {
    let archive = Archive::open(fixtures::root().join("cases/older-servers.dump")).unwrap();
    for (release, expected) in [
        ("17", &["id_given", "noted_n_not_null", "n_small", "given_given", "frozen", "fast"][..]),
        ("16", &["divided divided_excl", "INDEX ATTACH public.divided_1_r_s_excl"]),
        (
            "15",
            &["TABLE public.both_of", "TABLE ATTACH public.divided_2", "public.divided_2_a_idx"],
        ),
        ("13", &["PROCEDURE public.tell", "TABLE public.numbered", "INDEX public.blooms"]),
    ] {
        let (script, adapted) = adapted_for(&archive, release);
        let out = |name: &str| {
            adapted.findings.iter().any(|finding| {
                finding.to_string().contains(name) && finding.what.starts_with("left out: ")
            })
        };
        for name in expected {
            assert!(out(name), "{release} {name}: {:#?}", adapted.findings);
        }
        let older: u16 = release.parse().unwrap();
        for (name, lasts) in [("both_of", 16), ("divided_excl", 17), ("id_given", 18)] {
            assert_eq!(out(name), older < lasts, "{release} {name}");
        }
        // What is not concerned stays.
        for stays in [
            "COMMENT ON CONSTRAINT n_positive",
            "COMMENT ON CONSTRAINT noted_pk",
            "COMMENT ON CONSTRAINT given_positive",
            "ADD CONSTRAINT divided_1_r_s_excl EXCLUDE",
            "COPY public.child (a, x) FROM stdin;",
        ] {
            assert!(script.contains(stays), "{release}: {stays}");
        }
        let said = |what: &str| adapted.findings.iter().any(|f| f.what.contains(what));
        assert_eq!(script.contains(" INDENT)"), older >= 16, "{release}");
        assert_eq!(said("its result has no line ends"), older < 16);
        assert_eq!(script.contains("((a * 22)) STORED"), older >= 16, "{release}");
        assert_eq!(said("it has its parent's"), older < 16);
        assert_eq!(said("if column i, each has it"), older < 17);
        assert_eq!(!adapted.notes.iter().any(|n| n.contains("of type numeric")), older >= 14);
        assert_eq!(script.contains("numeric(3,-2)"), older >= 15);
        assert!(script.contains("o numeric(4,2)"));
        assert_eq!(script.contains("pg_database_owner"), older >= 14, "{release}");
        assert_eq!(script.contains("pg_read_all_data"), older >= 14);
        assert!(script.contains("TO pg_monitor"));
    }
    let none = adapted_for(&archive, "18").1;
    assert!(none.findings.is_empty() && none.notes.is_empty(), "{none:?}");
}
