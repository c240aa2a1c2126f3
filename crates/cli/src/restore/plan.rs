//! `--plan`: what a restore would do, in its order.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::messages::Fatal;
use crate::json;
use crate::output::Output;
use crate::table::{Align, Table};
use pgdmp::{Archive, Toc, TocEntry};
use pgdmp_live::{Plan, PlanItem, PlanStage};

/// Prints a plan.
pub(super) fn report(
    plan: &Plan,
    toc: &Toc,
    archive: Option<&Archive>,
    as_json: bool,
) -> Result<(), Fatal> {
    let mut out = Output::new();
    let printed = match as_json {
        true => {
            json::write(&value(plan, toc, archive), &mut out).and_then(|()| out.write_all(b"\n"))
        }
        false => print(plan, toc, &mut out),
    };
    printed.and_then(|()| out.flush()).map_err(|error| Fatal::output(&error))
}

fn entry<'t>(item: &PlanItem, toc: &'t Toc) -> Option<TocEntry<'t>> {
    toc.entry(item.entry)
}

fn print(plan: &Plan, toc: &Toc, out: &mut Output) -> io::Result<()> {
    let mut table = Table::new(&[
        ("session", Align::Left),
        ("bytes", Align::Right),
        ("id", Align::Right),
        ("entry", Align::Left),
    ]);
    for item in &plan.items {
        let session = match item.stage {
            PlanStage::First => "first".to_owned(),
            PlanStage::Last => "last".to_owned(),
            _ => item.session.to_string(),
        };
        let name = entry(item, toc).map(|entry| entry.name().name).unwrap_or_default();
        let name = match &item.instead {
            // On one line.
            Some(sql) => {
                let words: Vec<&[u8]> = sql
                    .split(|byte| byte.is_ascii_whitespace())
                    .filter(|word| !word.is_empty())
                    .collect();
                format!("{name}: {}", toc.printable(&words.join(&b' ')))
            }
            None => name,
        };
        let bytes = item.bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        table.row(vec![session, bytes, item.entry.to_string(), name]);
    }
    table.print(out)
}

fn value(plan: &Plan, toc: &Toc, archive: Option<&Archive>) -> Value {
    let objects = json::Entries::of_archive(toc, archive);
    let items = plan.items.iter().map(|item| {
        let mut map = match entry(item, toc) {
            Some(entry) => objects.entry(entry),
            None => Map::from_iter([("dump_id".to_owned(), item.entry.0.into())]),
        };
        let stage = match item.stage {
            PlanStage::First => "first",
            PlanStage::Last => "last",
            _ => "side by side",
        };
        map.insert("stage".into(), stage.into());
        map.insert("session".into(), (item.session > 0).then_some(item.session).into());
        map.insert("bytes".into(), item.bytes.into());
        let instead = item.instead.as_deref().map(|sql| json::text(sql, toc.text_encoding()));
        map.insert("statement".into(), instead.into());
        Value::Object(map)
    });
    json::numbered(json!({ "jobs": plan.jobs, "items": items.collect::<Vec<_>>() }))
}
