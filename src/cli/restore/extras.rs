//! The options that pg_restore does not have.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::json;
use super::super::output::{Output, printable};
use super::super::table::{Align, Table};
use super::messages::{Fatal, Program};
use super::options::Own;
use crate::{
    Decision, Finding, Mapping, Rule, ScriptOptions, Selected, Selection, Service, TargetVersion,
    Toc, TocEntry,
};

/// What they ask for, but for what is part of the selection.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) explain: Option<Form>,
    target: Option<TargetVersion>,
    mapping: Mapping,
    force: bool,
    service: Option<Service>,
}

/// How decisions are explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Json,
}

impl Extras {
    pub(super) fn take(
        &mut self,
        option: Own,
        value: &[u8],
        selection: &mut Selection,
    ) -> Result<(), Fatal> {
        let text = || String::from_utf8_lossy(value).into_owned();
        match option {
            Own::WithDependencies => selection.with_dependencies = true,
            Own::WithDependents => selection.with_dependents = true,
            Own::Explain => self.explain = Some(Form::Table),
            Own::ExplainJson => self.explain = Some(Form::Json),
            Own::TargetVersion => self.target = Some(text().parse()?),
            Own::MapOwner => pair("--map-owner", value, &mut self.mapping.owners)?,
            Own::MapTablespace => pair("--map-tablespace", value, &mut self.mapping.tablespaces)?,
            Own::MapSchema => pair("--map-schema", value, &mut self.mapping.schemas)?,
            Own::Force => self.force = true,
            Own::For => self.service = Some(text().parse()?),
        }
        Ok(())
    }

    /// Fits a selection to the server that it is for. Gives the entries under their new names, if
    /// some have one.
    pub(super) fn adapt(
        &self,
        program: &Program,
        selected: &mut Selected<'_>,
        script: &mut ScriptOptions,
    ) -> Result<Option<Toc>, Fatal> {
        if let Some(service) = self.service {
            warn(program, &service.leave_out(selected));
            script.no_tablespaces = true;
            script.no_table_access_method |= selected.all().any(|(entry, decision)| {
                entry.desc() == *"ACCESS METHOD" && decision.rule == Rule::Service
            });
        }
        if let Some(target) = self.target {
            script.target = Some(target);
            match target.leave_out(selected) {
                0 => {}
                count => program.warning(format!(
                    "left out the statistics of {count} relations, which a server of PostgreSQL \
                     {target} does not take"
                )),
            }
            warn(program, &target.findings(selected));
        }
        if self.mapping.is_empty() && self.service.is_none() {
            return Ok(None);
        }
        let toc = selected.toc();
        let mapped = match self.service {
            Some(service) => self.mapping.apply_for(toc, service)?,
            None => self.mapping.apply(toc)?,
        };
        for note in &mapped.notes {
            program.warning(note);
        }
        // What is not wanted may say what it will.
        let unproved: Vec<Finding> = mapped
            .unproved
            .into_iter()
            .filter(|finding| {
                toc.entry(crate::DumpId(finding.entry.dump_id))
                    .is_some_and(|entry| selected.decision(&entry).wanted.is_listed())
            })
            .collect();
        warn(program, &unproved);
        if !unproved.is_empty() && !self.force {
            return Err(Fatal::new(format!(
                "{} entries may name a schema in a way that cannot be changed safely; look at \
                 them, and use --force to leave them as they are",
                unproved.len()
            )));
        }
        Ok(Some(mapped.toc))
    }
}

fn warn(program: &Program, findings: &[Finding]) {
    for finding in findings {
        program.warning(finding.to_string());
    }
}

/// `old=new`.
fn pair(option: &str, value: &[u8], names: &mut BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), Fatal> {
    let at = value.iter().position(|byte| *byte == b'=');
    let (old, new) = match at {
        Some(at) if at > 0 && at + 1 < value.len() => (&value[..at], &value[at + 1..]),
        _ => {
            return Err(Fatal::with_hint(format!("{option} needs an old and a new name: OLD=NEW")));
        }
    };
    if names.insert(old.to_vec(), new.to_vec()).is_some_and(|other| other != new) {
        return Err(Fatal::new(format!("{option} gives two names to \"{}\"", printable(old))));
    }
    Ok(())
}

/// Prints what was decided about each entry.
pub(super) fn explain(selected: &Selected<'_>, form: Form) -> Result<(), Fatal> {
    let mut out = Output::new();
    match form {
        Form::Table => print(selected, &mut out),
        Form::Json => print_json(selected, &mut out),
    }
    .and_then(|()| out.flush())
    .map_err(|error| Fatal::output(&error))
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
            printable(entry.name().name.as_bytes()),
            why(entry, decision, selected.toc()),
        ]);
    }
    table.print(out)
}

/// The rule, with the name of the entry that it speaks of.
fn why(entry: TocEntry<'_>, decision: Decision, toc: &Toc) -> String {
    let mut text = decision.rule.to_string();
    let other = decision.rule.entry().and_then(|id| toc.entry(id));
    if let Some(other) = other.filter(|other| other.dump_id() != entry.dump_id()) {
        text.push_str(&format!(" ({})", printable(other.name().name.as_bytes())));
    }
    text
}

fn print_json(selected: &Selected<'_>, out: &mut Output) -> io::Result<()> {
    for (entry, decision) in selected.all() {
        let mut map = json::entry(entry);
        map.insert("taken".into(), taken(decision).into());
        map.insert("rule".into(), decision.rule.to_string().into());
        map.insert("because_of".into(), decision.rule.entry().map(|id| id.0).into());
        serde_json::to_writer(&mut *out, &map)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
