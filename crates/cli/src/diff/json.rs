//! What is printed of differences with `--json`: an object on each line.

use serde_json::{Map, Value, json};

use crate::json::put_text;
use pgdmp::diff::{
    ChangeKind, DataState, LargeObjectChange, LineKind, ObjectChange, Part, RowChange,
    RowChangeKind, TableComparison,
};
use pgdmp::text::Encoding;

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Dropped => "dropped",
        ChangeKind::Changed => "changed",
    }
}

pub(super) fn object_json(change: &ObjectChange, spelling: bool) -> Value {
    let mut map = Map::new();
    map.insert("object".into(), kind(change.kind).into());
    put_text(&mut map, "desc", Some(&change.desc), Encoding::UTF8);
    put_text(&mut map, "namespace", change.namespace.as_deref(), Encoding::UTF8);
    put_text(&mut map, "tag", Some(&change.tag), Encoding::UTF8);
    let ids = change.ids.map(|id| id.map(|id| id.0));
    map.insert("dump_ids".into(), json!(ids));
    let parts = change.parts.iter().map(|part| {
        let lines = |other| {
            let lines = part.lines.iter().filter(move |line| line.kind != other);
            lines.map(|line| String::from_utf8_lossy(&line.text)).collect::<Vec<_>>().join("\n")
        };
        json!({
            "part": part.part.name(),
            "before": lines(LineKind::Added),
            "after": lines(LineKind::Removed),
            "spelling": spelling && part.part == Part::Definition,
        })
    });
    map.insert("parts".into(), parts.collect());
    put_text(&mut map, "maybe_renamed", change.maybe_renamed.as_deref(), Encoding::UTF8);
    Value::Object(map)
}

pub(super) fn table_json(table: &TableComparison) -> Value {
    let mut map = Map::new();
    let state = match table.state {
        DataState::Equal => "equal",
        DataState::Added => "added",
        DataState::Dropped => "dropped",
        _ => "different",
    };
    map.insert("data".into(), state.into());
    put_text(&mut map, "namespace", table.namespace.as_deref(), Encoding::UTF8);
    put_text(&mut map, "table", Some(&table.table), Encoding::UTF8);
    map.insert("rows".into(), json!(table.rows));
    map.insert("all_partitions".into(), table.is_root.into());
    let names = |names: &Vec<Vec<u8>>| -> Value {
        names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    };
    map.insert("columns_before_only".into(), names(&table.columns_alone[0]));
    map.insert("columns_after_only".into(), names(&table.columns_alone[1]));
    Value::Object(map)
}

pub(super) fn large_object_json(change: &LargeObjectChange) -> Value {
    json!({ "large_object": kind(change.kind), "oid": change.oid, "bytes": change.lens })
}

pub(super) fn row_json(table: &TableComparison, row: &RowChange<'_>) -> Value {
    let mut map = Map::new();
    map.insert(
        "row".into(),
        match row.kind() {
            RowChangeKind::Added => "added",
            RowChangeKind::Removed => "removed",
            RowChangeKind::Changed => "changed",
        }
        .into(),
    );
    put_text(&mut map, "namespace", table.namespace.as_deref(), Encoding::UTF8);
    put_text(&mut map, "table", Some(&table.table), Encoding::UTF8);
    let name = |place: usize| String::from_utf8_lossy(row.column(place)).into_owned();
    let values = |values: &[Option<&[u8]>], places: &[usize]| {
        let mut map = Map::new();
        for place in places {
            let value = values.get(*place).copied().flatten();
            put_text(&mut map, &name(*place), value, Encoding::UTF8);
        }
        Value::Object(map)
    };
    let either = row.before().or(row.after()).unwrap_or_default();
    let all: Vec<usize> = (0..either.len()).collect();
    map.insert("key".into(), values(either, row.key()));
    for (key, of) in [("before", row.before()), ("after", row.after())] {
        map.insert(key.into(), of.map(|of| values(of, &all)).into());
    }
    map.insert("columns".into(), row.changed().iter().map(|place| name(*place)).collect());
    map.insert("times".into(), row.times().into());
    map.insert("duplicate_key".into(), row.has_duplicate_key().into());
    Value::Object(map)
}
