//! What was found so far, told as it is found.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::Args;
use super::json::{large_object_json, object_json, row_json, table_json};
use super::text::plural;
use crate::json;
use crate::message;
use crate::output::Output;
use crate::{Exit, Failure};
use pgdmp::diff::{
    ChangeKind, Comparison, DataComparison, DataState, ObjectChange, RowChange, RowChangeKind,
    TableComparison,
};

/// How much differs.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) dropped: u64,
    pub(super) changed: u64,
    pub(super) tables: u64,
    pub(super) large_objects: u64,
    pub(super) failed: u64,
    pub(super) tables_compared: u64,
    pub(super) rows_compared: u64,
    pub(super) large_objects_compared: u64,
}

/// What is printed.
pub(super) struct Report<'a> {
    pub(super) args: &'a Args,
    pub(super) out: Output,
    pub(super) counts: Counts,
    /// The kinds, schemas and names of objects that one archive alone has.
    alone: HashSet<Name>,
    /// The table whose rows are shown now.
    shown: Option<Shown>,
}

/// A table whose rows are shown.
struct Shown {
    namespace: Option<Vec<u8>>,
    table: Vec<u8>,
    /// How many of its rows were printed.
    printed: u64,
    counts: RowCounts,
}

/// The kind, schema and name of an object.
type Name = (Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// How many rows of a table differ.
#[derive(Debug, Default, Clone, Copy)]
struct RowCounts {
    added: u64,
    removed: u64,
    changed: u64,
}

impl<'a> Report<'a> {
    pub(super) fn new(args: &'a Args, comparison: &Comparison) -> Self {
        let alone = comparison.objects().iter().filter(|change| change.kind != ChangeKind::Changed);
        let name = |change: &ObjectChange| {
            (change.desc.clone(), change.namespace.clone(), change.tag.clone())
        };
        let alone = alone.map(name).collect();
        Report { args, out: Output::new(), counts: Counts::default(), alone, shown: None }
    }

    /// Whether one archive alone has a table, so that nothing is to be said of its data.
    fn is_alone(&self, table: &TableComparison) -> bool {
        let [is_table, is_foreign] = [&b"TABLE"[..], b"FOREIGN TABLE"].map(|desc| {
            let name = (desc.to_vec(), table.namespace.clone(), table.table.clone());
            self.alone.contains(&name)
        });
        is_table || is_foreign
    }

    pub(super) fn objects(&mut self, comparison: &Comparison) -> io::Result<()> {
        let spelling = comparison.has_other_release();
        for change in comparison.objects() {
            match change.kind {
                ChangeKind::Added => self.counts.added += 1,
                ChangeKind::Dropped => self.counts.dropped += 1,
                ChangeKind::Changed => self.counts.changed += 1,
            }
            match self.args.json {
                true => self.json(object_json(change, spelling))?,
                false => self.object(change, spelling)?,
            }
        }
        Ok(())
    }

    /// The heading of a table whose rows are shown.
    fn begin(&mut self, table: &TableComparison) -> io::Result<()> {
        let is_same =
            |shown: &Shown| shown.namespace == table.namespace && shown.table == table.table;
        if self.shown.as_ref().is_some_and(is_same) {
            return Ok(());
        }
        self.end()?;
        self.shown = Some(Shown {
            namespace: table.namespace.clone(),
            table: table.table.clone(),
            printed: 0,
            counts: RowCounts::default(),
        });
        if !self.args.json {
            self.table(table)?;
        }
        Ok(())
    }

    /// What is left to say of a table whose rows were shown.
    fn end(&mut self) -> io::Result<()> {
        let Some(Shown { printed, counts, .. }) = self.shown.take() else { return Ok(()) };
        let RowCounts { added, removed, changed } = counts;
        let all = added + removed + changed;
        if self.args.json || all == 0 {
            return Ok(());
        }
        let more = match all - printed.min(all) {
            0 => String::new(),
            more => format!(" ({more} not shown)"),
        };
        writeln!(self.out, "    {removed} removed, {added} added, {changed} changed{more}")
    }

    pub(super) fn row(&mut self, table: &TableComparison, row: &RowChange<'_>) -> io::Result<()> {
        self.begin(table)?;
        let limit = self.args.limit.unwrap_or(u64::MAX);
        let Some(Shown { printed, counts, .. }) = &mut self.shown else { return Ok(()) };
        match row.kind() {
            RowChangeKind::Added => counts.added += row.times(),
            RowChangeKind::Removed => counts.removed += row.times(),
            RowChangeKind::Changed => counts.changed += row.times(),
        }
        if *printed >= limit {
            return Ok(());
        }
        *printed += row.times();
        match self.args.json {
            true => self.json(row_json(table, row)),
            false => self.row_text(row),
        }
    }

    pub(super) fn data(&mut self, data: &DataComparison) -> io::Result<()> {
        self.end()?;
        for table in &data.tables {
            if !table.is_root {
                self.counts.tables_compared += 1;
                self.counts.rows_compared += table.rows[1].unwrap_or(0);
            }
            match &table.state {
                DataState::Equal => {
                    if table.columns_alone.iter().all(Vec::is_empty) && !table.is_root {
                        continue;
                    }
                }
                DataState::Failed(error) => {
                    self.counts.failed += 1;
                    message::error(error);
                    continue;
                }
                DataState::Added | DataState::Dropped if self.is_alone(table) => continue,
                _ => self.counts.tables += 1,
            }
            match self.args.json {
                true => self.json(table_json(table))?,
                // With rows, it was said in front of them.
                false
                    if self.args.rows
                        && matches!(table.state, DataState::Different)
                        && !table.is_root => {}
                false => self.table(table)?,
            }
        }
        self.counts.large_objects_compared = data.large_objects_compared;
        for change in &data.large_objects {
            let name = (b"LARGE OBJECT".to_vec(), None, change.oid.to_string().into_bytes());
            if self.alone.contains(&name) {
                continue;
            }
            self.counts.large_objects += 1;
            match self.args.json {
                true => self.json(large_object_json(change))?,
                false => self.large_object(change)?,
            }
        }
        Ok(())
    }

    fn json(&mut self, value: Value) -> io::Result<()> {
        json::write(&json::numbered(value), &mut self.out)?;
        self.out.write_all(b"\n")
    }

    /// The summary, and what the answer is.
    pub(super) fn finish(mut self, comparison: &Comparison) -> Result<Exit, Failure> {
        let c = &self.counts;
        let differs = c.added + c.dropped + c.changed + c.tables + c.large_objects > 0;
        let summary = match self.args.json {
            true => json::numbered(json!({
                "summary": {
                    "equal": !differs && c.failed == 0,
                    "objects": comparison.compared(),
                    "added": c.added, "dropped": c.dropped, "changed": c.changed,
                    "tables": c.tables_compared, "tables_different": c.tables, "tables_failed": c.failed,
                    "rows": c.rows_compared,
                    "large_objects": c.large_objects_compared, "large_objects_different": c.large_objects,
                }
            }))
            .to_string(),
            false => self.summary(comparison, differs),
        };
        writeln!(self.out, "{summary}").map_err(Failure::Output)?;
        let failed = self.counts.failed;
        self.out.finish()?;
        match (failed, differs) {
            (0, false) => Ok(Exit::Done),
            (0, true) => Ok(Exit::Negative),
            (failed, _) => Err(Failure::Usage(format!(
                "the data of {} could not be compared",
                plural(failed, "table")
            ))),
        }
    }
}
