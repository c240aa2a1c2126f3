//! `--explain`: what is taken of each entry, and why.

use std::io::{self, Write};

use clap::Args;

use crate::Failure;
use crate::json;
use crate::output::Output;
use crate::table::{Align, Table};
use pgdmp::select::{Decision, Rule, Selected};
use pgdmp::{Toc, TocEntry};

/// How decisions are explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Table,
    Json,
}

/// The options, for commands that are parsed by clap.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// Only print which entries are selected, which are not, and why
    #[arg(long, conflicts_with = "explain_json")]
    explain: bool,
    /// Like --explain, as JSON: one line for each entry
    #[arg(long)]
    explain_json: bool,
}

impl ExplainArgs {
    pub(crate) fn form(&self) -> Option<Form> {
        match (self.explain, self.explain_json) {
            (true, _) => Some(Form::Table),
            (_, true) => Some(Form::Json),
            _ => None,
        }
    }
}

/// Prints what was decided about each entry.
pub(crate) fn explain(
    selected: &Selected<'_>,
    form: Form,
    entries: impl FnOnce() -> json::Entries,
) -> Result<(), Failure> {
    let mut out = Output::new();
    match form {
        Form::Table => print(selected, &mut out),
        Form::Json => print_json(selected, &entries(), &mut out),
    }
    .and_then(|()| out.flush())
    .map_err(Failure::Output)
}

/// What of an entry is taken, in a word.
fn taken(decision: Decision) -> &'static str {
    let wanted = decision.wanted;
    match (wanted.schema, wanted.data, wanted.statistics) {
        (true, true, _) => "both",
        (true, false, _) => "definition",
        (false, true, _) => "data",
        (false, false, true) => "statistics",
        _ if wanted.special => "session",
        _ => "-",
    }
}

fn print(selected: &Selected<'_>, out: &mut Output) -> io::Result<()> {
    let mut table = Table::new(&[
        ("id", Align::Right),
        ("taken", Align::Left),
        ("entry", Align::Left),
        ("why", Align::Left),
    ]);
    for (entry, decision) in selected.all() {
        table.row(vec![
            entry.dump_id().to_string(),
            taken(decision).to_owned(),
            entry.name().name,
            why(entry, decision, selected.toc()),
        ]);
    }
    table.print(out)?;
    for (schema, entry) in selected.schemas_not_made() {
        let (schema, entry) = (selected.toc().printable(&schema), entry.name().name);
        writeln!(out, "schema {schema} must be there already: {entry} goes into it")?;
    }
    Ok(())
}

/// The rule, with the name of the entry that it speaks of.
fn why(entry: TocEntry<'_>, decision: Decision, toc: &Toc) -> String {
    let mut text = match decision.rule {
        Rule::Create if decision.wanted.is_anything() => "of the database itself".to_owned(),
        rule => rule.to_string(),
    };
    let other = decision.rule.entry().and_then(|id| toc.entry(id));
    if let Some(other) = other.filter(|other| other.dump_id() != entry.dump_id()) {
        text.push_str(&format!(" ({})", other.name().name));
    }
    text
}

fn print_json(
    selected: &Selected<'_>,
    entries: &json::Entries,
    out: &mut Output,
) -> io::Result<()> {
    for (entry, decision) in selected.all() {
        let mut map = json::document();
        map.extend(entries.entry(entry));
        map.insert("taken".into(), taken(decision).into());
        map.insert("rule".into(), decision.rule.to_string().into());
        map.insert("because_of".into(), decision.rule.entry().map(|id| id.0).into());
        json::write(&map.into(), out)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
