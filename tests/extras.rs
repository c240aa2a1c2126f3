//! What pg_restore cannot do: patterns, closures, older servers, other names, managed services.

use pgdmp::{Archive, NamePattern, Selection};

use crate::support::fixtures;

fn core() -> Archive {
    Archive::open(fixtures::root().join("pg18/core-custom.dump")).unwrap()
}

/// What a selection takes, as `DESC namespace.tag`.
fn taken(archive: &Archive, selection: &Selection) -> Vec<String> {
    let selected = selection.apply(archive.toc()).unwrap();
    selected.entries().map(|entry| entry.name().name).collect()
}

fn tables(names: &[&str]) -> Selection {
    Selection {
        tables: names.iter().map(|name| NamePattern::new(*name)).collect(),
        no_statistics: true,
        no_comments: true,
        no_privileges: true,
        ..Selection::default()
    }
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
    // Without a dot or a wildcard a name is a tag and nothing else.
    assert!(taken(&core, &tables(&["Ports"])).is_empty());
    assert!(taken(&core, &tables(&["\"ports\""])).is_empty());
    let exact = Selection { tables: vec![NamePattern::exact("harbour.ports")], ..tables(&[]) };
    assert!(taken(&core, &exact).is_empty());
}

#[test]
fn patterns_of_all_options() {
    let core = core();
    let names = |name: &str| vec![NamePattern::new(name)];
    let nothing = tables(&[]);
    let functions = Selection { functions: names("harbour.coord_*"), ..nothing.clone() };
    assert_eq!(
        taken(&core, &functions),
        [
            "FUNCTION harbour.coord_text(harbour.coord)",
            "FUNCTION harbour.coord_same(harbour.coord, harbour.coord)",
        ]
    );
    // A tag with a dot in it is a tag first.
    let tag = Selection { functions: names("coord_text(harbour.coord)"), ..nothing.clone() };
    assert_eq!(taken(&core, &tag).len(), 1);
    let schemas = Selection { schemas: names("Second*"), ..nothing.clone() };
    assert!(taken(&core, &schemas).is_empty(), "folded");
    let schemas = Selection { schemas: names("?econd?chema"), ..nothing.clone() };
    assert!(taken(&core, &schemas).is_empty(), "quotes keep capitals: {schemas:?}");
    let schemas = Selection { schemas: names("\"S\"econd*"), ..nothing.clone() };
    assert!(!taken(&core, &schemas).is_empty());
    let without = Selection { exclude_schemas: names("\"S\"*"), ..nothing.clone() };
    assert!(taken(&core, &without).iter().all(|name| !name.contains("Second Schema.")));
    let selected = tables(&["harbour.nosuch*"]);
    let unmatched = selected.apply(core.toc()).unwrap().unmatched().cloned().unwrap();
    assert_eq!((unmatched.what, &*unmatched.name), ("table", &b"harbour.nosuch*"[..]));
}
