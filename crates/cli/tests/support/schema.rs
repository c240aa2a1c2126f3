//! JSON beside its description: `docs/json.md`, whose tables are read here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use serde_json::{Map, Value};

/// The keys of an object: type, and whether it is in every object.
#[derive(Debug, Default)]
struct Section {
    keys: BTreeMap<String, (String, bool)>,
    /// Sections whose keys it has, too.
    all_of: Vec<String>,
}

static SECTIONS: LazyLock<BTreeMap<String, Section>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");
    read(&std::fs::read_to_string(path).unwrap())
});

/// The sections and keys that were seen.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn read(text: &str) -> BTreeMap<String, Section> {
    let mut sections = BTreeMap::new();
    for part in text.split("\n## ").skip(1) {
        let (name, rest) = part.split_once('\n').unwrap();
        let mut section = Section::default();
        for paragraph in rest.split("\n\n").filter(|paragraph| paragraph.contains("ll keys of")) {
            let names = paragraph.split('*').skip(1).step_by(2);
            section.all_of.extend(names.map(str::to_owned));
        }
        for line in rest.lines().filter(|line| line.starts_with("| `")) {
            let mut cells = line.split('|').skip(1).map(str::trim);
            let (key, kind) = (cells.next().unwrap(), cells.next().unwrap());
            let always = !key.ends_with('*');
            let key = key.trim_end_matches('*').trim_matches('`').to_owned();
            section.keys.insert(key, (kind.to_owned(), always));
        }
        sections.insert(name.trim().to_owned(), section);
    }
    sections
}

fn keys(name: &str) -> BTreeMap<String, (String, bool)> {
    let section =
        SECTIONS.get(name).unwrap_or_else(|| panic!("docs/json.md has no section {name}"));
    let mut all = BTreeMap::new();
    for other in &section.all_of {
        all.extend(keys(other));
    }
    all.extend(section.keys.iter().map(|(key, kind)| (key.clone(), kind.clone())));
    all
}

/// Checks what a command printed, which begins with the number of the schema.
#[track_caller]
pub(crate) fn check(value: &Value, section: &str) {
    let Value::Object(map) = value else { panic!("{section}: no object: {value}") };
    assert_eq!(map.iter().next().unwrap(), (&"schema_version".to_owned(), &Value::from(1)));
    let mut rest = map.clone();
    rest.remove("schema_version");
    object(&rest, section);
}

fn object(map: &Map<String, Value>, section: &str) {
    SEEN.lock().unwrap().insert(section.to_owned());
    let keys = keys(section);
    for (key, (kind, always)) in &keys {
        match map.get(key) {
            Some(value) => {
                SEEN.lock().unwrap().insert(format!("{section}.{key}"));
                fits(value, kind, &format!("{section}.{key}"));
            }
            None => assert!(!always, "{section} has no {key}: {map:?}"),
        }
    }
    for key in map.keys() {
        let is_hex = |key: &str| keys.contains_key(key);
        let known = keys.contains_key(key) || key.strip_suffix("_hex").is_some_and(is_hex);
        assert!(known, "docs/json.md does not have {section}.{key}");
    }
}

fn fits(value: &Value, kind: &str, place: &str) {
    if let Some(kind) = kind.strip_suffix('?') {
        if !value.is_null() {
            fits(value, kind, place);
        }
        return;
    }
    if let Some(kind) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        let Value::Array(values) = value else { panic!("{place} is no array: {value}") };
        values.iter().for_each(|value| fits(value, kind, place));
        return;
    }
    if let Some(section) = kind.strip_prefix('*').and_then(|kind| kind.strip_suffix('*')) {
        let Value::Object(map) = value else { panic!("{place} is no object: {value}") };
        object(map, section);
        return;
    }
    let fits = match kind {
        "text" => value.is_string(),
        "number" => value.is_number(),
        "flag" => value.is_boolean(),
        "object" => value.is_object(),
        "any" => true,
        _ => panic!("{place}: docs/json.md has the type {kind}, which is not known"),
    };
    assert!(fits, "{place} is no {kind}: {value}");
}

/// Sections and keys that nothing was seen of.
pub(crate) fn unseen() -> Vec<String> {
    let seen = SEEN.lock().unwrap();
    let all = SECTIONS.iter().flat_map(|(name, section)| {
        let keys = section.keys.keys().map(move |key| format!("{name}.{key}"));
        std::iter::once(name.clone()).chain(keys)
    });
    // Of what another section has, it is enough to be seen there.
    let parts: BTreeSet<&String> = SECTIONS.values().flat_map(|section| &section.all_of).collect();
    let is_part = |name: &String| parts.contains(&name.split('.').next().unwrap().to_owned());
    all.filter(|name| !seen.contains(name) && !is_part(name)).collect()
}
