use super::*;
use crate::{Archive, Selection};

fn needs(archive: &str, selection: Selection, options: ScriptOptions) -> Needs {
    let archive = Archive::open(archive).unwrap();
    Needs::of(&selection.apply(archive.toc()).unwrap(), &options).unwrap()
}

fn names(needs: &Needs, kind: Needed) -> Vec<String> {
    needs.of_kind(kind).map(|(name, _)| String::from_utf8(name.to_vec()).unwrap()).collect()
}

const CORE: &str = "fixtures/pg18/core-custom.dump";

#[test]
fn all_kinds_of_needs() {
    let core = needs(CORE, Selection::new().create(true), ScriptOptions::new());
    for (kind, expected) in [
        (Needed::Owner, &["Odd Role", "harbour_owner", "postgres"][..]),
        (
            Needed::Role,
            &["Odd Role", "harbour_audit", "harbour_clerk", "harbour_owner", "rôle \"quoted\""],
        ),
        (
            Needed::Extension,
            &["btree_gist", "citext", "file_fdw", "hstore", "plharbour", "postgres_fdw"],
        ),
        (Needed::Tablespace, &["corpus ts"]),
        (Needed::AccessMethod, &["brin", "btree", "gin", "gist", "heap", "heap2"]),
        (Needed::Language, &["internal", "plharbour", "plpgsql", "sql"]),
        (Needed::Schema, &["Second Schema", "harbour"]),
    ] {
        assert_eq!(names(&core, kind), expected, "{kind:?}");
    }
    let database = core.database.as_ref().unwrap();
    assert_eq!(database.name, b"core");
    assert_eq!(database.encoding.as_deref(), Some(&b"UTF8"[..]));
    assert_eq!(database.locales, [b"C"]);
    assert_eq!(database.provider.as_deref(), Some(&b"libc"[..]));
    assert!(!core.rows.is_empty() && core.drops == 0);
    let made = |kind, name: &[u8]| {
        core.objects.iter().any(|object| object.kind == kind && object.name == name)
    };
    assert!(made(ObjectKind::Language, b"plharbour") && made(ObjectKind::AccessMethod, b"heap2"));
    assert!(made(ObjectKind::Relation, b"ports_pkey"));
}

#[test]
fn options_are_honoured() {
    let without = ScriptOptions::new().no_owner(true).no_tablespaces(true);
    let core = needs(CORE, Selection::new().no_privileges(true), without);
    for kind in [Needed::Owner, Needed::Tablespace] {
        assert_eq!(names(&core, kind), [""; 0]);
    }
    assert!(core.database.is_none());
    let data = needs(CORE, Selection::new().data_only(true), ScriptOptions::new());
    // Large objects are data.
    assert!(data.objects.iter().all(|object| object.kind == ObjectKind::LargeObject));
    assert!(!data.rows.is_empty());
    let clean = needs(CORE, Selection::new(), ScriptOptions::new().clean(true));
    assert!(clean.drops > 20);
    // The owners make their objects, and are needed all the same.
    let authorized = ScriptOptions::new().use_set_session_authorization(true);
    let by = names(&needs(CORE, Selection::new(), authorized), Needed::Owner);
    let owners = names(&needs(CORE, Selection::new(), ScriptOptions::new()), Needed::Owner);
    assert!(owners.iter().all(|owner| by.contains(owner)), "{by:?}");
}
