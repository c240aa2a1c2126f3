//! What a chosen object needs, and what its restore would be broken without.

use pgdmp::select::UseList;
use pgdmp::{Archive, Selection};

use pgdmp_testkit::fixtures;

fn case(name: &str) -> Archive {
    Archive::open(fixtures::root().join("cases").join(name)).unwrap()
}

/// The entries that a choice of one table takes, as `DESC namespace.tag`, in the order of a
/// restore.
fn taken(archive: &Archive, table: &str, selection: &Selection) -> Vec<String> {
    let selection = selection.clone().table(table).no_privileges(true);
    let selected = selection.apply(archive.toc()).unwrap();
    selected.entries().map(|entry| entry.name().name).collect()
}

fn needs(archive: &Archive, table: &str) -> Vec<String> {
    taken(archive, table, &Selection::new().with_dependencies(true))
}

fn has(taken: &[String], names: &[&str]) {
    for name in names {
        assert!(taken.iter().any(|entry| entry == name), "{name} is not among {taken:#?}");
    }
}

#[test]
fn a_serial_column() {
    let taken = needs(&case("shop.dump"), "users");
    has(
        &taken,
        &[
            "TABLE public.users",
            "SEQUENCE public.users_id_seq",
            "SEQUENCE OWNED BY public.users_id_seq",
            "DEFAULT public.users id",
            "TABLE DATA public.users",
            "SEQUENCE SET public.users_id_seq",
            "EXTENSION citext",
        ],
    );
    // These belong to it, but it does without.
    let kinds = ["INDEX ", "CONSTRAINT ", "TRIGGER ", "VIEW "];
    assert!(!taken.iter().any(|name| kinds.iter().any(|kind| name.starts_with(kind))));
}

#[test]
fn in_every_release() {
    let mut tried = 0;
    for fixture in fixtures::real().iter().filter(|fixture| fixture.name.contains("/mini-")) {
        let archive = Archive::open(&fixture.path).unwrap();
        let selection = Selection::new().with_dependencies(true);
        let names = taken(&archive, "mini.child", &selection);
        if !names.iter().any(|name| name == "TABLE mini.child") {
            continue;
        }
        assert!(names.iter().any(|name| name.starts_with("DEFAULT mini.")), "{names:?}");
        has(&names, &["SEQUENCE mini.child_id_seq", "SEQUENCE OWNED BY mini.child_id_seq"]);
        let value = "SEQUENCE SET mini.child_id_seq";
        if archive.entries().any(|entry| entry.name().name == value) {
            has(&names, &[value]);
        }
        // Before PostgreSQL 9.6 a tag says nothing of the table.
        let selection = Selection::new().with_dependents(true);
        let names = taken(&archive, "mini.child", &selection);
        for part in ["child_pkey", "child_parent_id_fkey", "child_touch", "child_v_idx"] {
            let whole = archive.entries().any(|entry| entry.name().name.ends_with(part));
            let there = names.iter().any(|name| name.ends_with(part));
            assert_eq!(there, whole, "{}: {part}: {names:?}", fixture.name);
        }
        assert!(!names.iter().any(|name| name.ends_with("parent_pkey")), "{names:?}");
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn what_a_relation_is_not_whole_without() {
    let archive = case("needs.dump");
    has(&needs(&archive, "shop.identities"), &["SEQUENCE SET shop.identities_id_seq"]);
    has(&needs(&archive, "shop.owned"), &["SEQUENCE OWNED BY shop.owned_by_hand"]);
    has(&needs(&archive, "shop.shares"), &["SEQUENCE SET lib.shared"]);
    has(
        &needs(&archive, "shop.typed"),
        &[
            "CHECK CONSTRAINT lib.code2 later",
            "CAST CAST (character varying AS lib.mood)",
            "CAST CAST (integer AS lib.pair)",
            "FUNCTION lib.to_pair(integer)",
            "COLLATION lib.c",
        ],
    );
    has(
        &needs(&archive, "shop.looped"),
        &["CHECK CONSTRAINT shop.looped sound", "DEFAULT shop.looped w"],
    );
    has(
        &needs(&archive, "shop.secret"),
        &["ROW SECURITY shop.secret", "POLICY shop.secret own", "FUNCTION lib.may(text)"],
    );
    has(&needs(&archive, "shop.v"), &["DEFAULT shop.v v", "DEFAULT shop.serials id"]);
    has(&needs(&archive, "shop.vmv"), &["MATERIALIZED VIEW DATA shop.mv"]);
    // Rows are where the partitions are, and partitions are nothing alone.
    for table in ["shop.parts", "lib.parts_2024", "shop.parts_2024_1"] {
        has(
            &needs(&archive, table),
            &[
                "TABLE shop.parts",
                "SEQUENCE shop.parts_id_seq",
                "TABLE ATTACH lib.parts_2024",
                "TABLE ATTACH shop.parts_2024_1",
                "TABLE DATA shop.parts_2024_1",
            ],
        );
    }
}

/// An unlisted entry never stands before what it depends on.
#[test]
fn in_the_order_of_a_list() {
    let archive = case("needs.dump");
    for entry in archive.entries().filter(|entry| entry.dependencies().len() > 1) {
        let list = format!("{}\n", entry.dump_id());
        let selection = Selection::new()
            .use_list(UseList::read(list.as_bytes(), archive.toc()).unwrap())
            .with_dependencies(true);
        let selected = selection.apply(archive.toc()).unwrap();
        let mut before = Vec::new();
        for entry in selected.entries() {
            for id in entry.dependencies() {
                let needed = archive.toc().entry(*id);
                let later = needed.filter(|needed| {
                    selected.decision(needed).wanted.is_listed() && !before.contains(id)
                });
                assert!(later.is_none(), "{} is before {}", entry.name(), later.unwrap().name());
            }
            before.push(entry.dump_id());
        }
        assert!(before.contains(&entry.dump_id()));
        assert!(selected.all().count() == archive.toc().len());
    }
}

/// Without its table, nothing owns a sequence.
#[test]
fn an_owner_that_is_not_there() {
    let archive = case("needs.dump");
    let selection = Selection::new().with_dependents(true);
    let names = taken(&archive, "shop.owned_by_hand", &selection);
    assert_eq!(names, ["SEQUENCE shop.owned_by_hand", "SEQUENCE SET shop.owned_by_hand"]);
}

/// What is needed first and turns out to belong to a chosen table, too, has its own things.
#[test]
fn needed_and_belonging() {
    let archive = case("needs.dump");
    let selection = Selection::new().with_dependencies(true).with_dependents(true);
    let names = taken(&archive, "shop.serials", &selection);
    has(&names, &["INDEX shop.serials_v", "CONSTRAINT shop.serials serials_pkey"]);
}
