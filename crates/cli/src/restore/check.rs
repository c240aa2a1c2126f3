//! `--check`: what a restore would stumble over, and what is done about it.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::messages::{Fatal, Program};
use crate::json;
use crate::output::Output;
use pgdmp::finding::Severity;
use pgdmp::{DumpId, Toc};
use pgdmp_live::{Checked, Concern};

/// How many entries of a concern are named.
const SHOWN: usize = 3;

fn class(concern: &Concern) -> &'static str {
    match concern.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        _ => "note",
    }
}

/// Prints all that was found, and fails if there is an error.
pub(super) fn report(checked: &Checked, toc: &Toc, as_json: bool) -> Result<(), Fatal> {
    let mut out = Output::new();
    let printed = match as_json {
        true => {
            let written = json::write(&value(checked, toc), &mut out);
            written.and_then(|()| out.write_all(b"\n"))
        }
        false => print(checked, toc, &mut out),
    };
    printed.and_then(|()| out.flush()).map_err(|error| Fatal::output(&error))?;
    match checked.count(Severity::Error) {
        0 => Ok(()),
        _ => Err(Fatal::told()),
    }
}

fn print(checked: &Checked, toc: &Toc, out: &mut Output) -> io::Result<()> {
    for concern in &checked.concerns {
        writeln!(out, "{}: {}", class(concern), concern.what)?;
        if let Some(advice) = &concern.advice {
            writeln!(out, "  {advice}")?;
        }
        for statement in &concern.statements {
            writeln!(out, "    {}", toc.printable(statement))?;
        }
        if !concern.entries.is_empty() {
            writeln!(out, "  for {}", entries(&concern.entries, toc))?;
        }
    }
    let count = |severity| checked.count(severity);
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match errors {
        0 if warnings == 0 => writeln!(out, "nothing speaks against this restore"),
        0 => writeln!(out, "no errors, warnings: {warnings}"),
        _ => writeln!(out, "errors: {errors}, warnings: {warnings}"),
    }
}

/// `TABLE public.town`, and how many more.
fn entries(entries: &[DumpId], toc: &Toc) -> String {
    let names = entries.iter().take(SHOWN).filter_map(|id| toc.entry(*id));
    let names: Vec<String> = names.map(|entry| entry.name().name).collect();
    let names = names.join(", ");
    match entries.len().saturating_sub(SHOWN) {
        0 => names,
        1 => format!("{names} and 1 more entry"),
        more => format!("{names} and {more} more entries"),
    }
}

fn value(checked: &Checked, toc: &Toc) -> Value {
    let encoding = toc.text_encoding();
    let concerns = checked.concerns.iter().map(|concern| {
        let statements = concern.statements.iter().map(|sql| json::text(sql, encoding));
        let entries = concern.entries.iter().map(|id| id.0);
        let mut map = Map::new();
        map.insert("code".into(), concern.code.into());
        map.insert("class".into(), class(concern).into());
        map.insert("text".into(), concern.what.clone().into());
        map.insert("advice".into(), concern.advice.clone().into());
        map.insert("statements".into(), statements.collect::<Vec<_>>().into());
        map.insert("dump_ids".into(), entries.collect::<Vec<_>>().into());
        Value::Object(map)
    });
    json::numbered(json!({
        "server_version": checked.server_version,
        "errors": checked.count(Severity::Error),
        "warnings": checked.count(Severity::Warning),
        "findings": concerns.collect::<Vec<_>>(),
    }))
}

/// Says before a restore what matters to it, and stops at errors, unless it is `forced`.
pub(super) fn tell(
    program: &Program,
    checked: &Checked,
    forced: bool,
    all: bool,
) -> Result<(), Fatal> {
    for concern in checked.concerns.iter().rev() {
        match concern.severity {
            Severity::Error if !forced => program.error(&concern.what),
            Severity::Error => program.warning(&concern.what),
            Severity::Warning if all || !concern.is_of_cost() => program.warning(&concern.what),
            _ => continue,
        }
        if let Some(advice) = &concern.advice {
            program.hint(advice);
        }
    }
    match checked.count(Severity::Error) {
        0 => Ok(()),
        _ if forced => Ok(()),
        _ => Err(Fatal::new("nothing was restored: the restore would fail")
            .advise("--check shows which entries are concerned; --force restores all the same")),
    }
}
