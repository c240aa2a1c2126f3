//! `convert --where`: rows that do not go into the new archive.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::export::tables::{self, Table, Wanted};
use crate::{Failure, message};
use pgdmp::edit::Rewrites;
use pgdmp::rows::{Filter, Keep, RewriteError, RewriteRows, Row, RowEdit};
use pgdmp::types::Definitions;
use pgdmp::{DumpId, Toc, TocEntry};

/// The options about rows.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rows")]
pub(crate) struct RowFilterArgs {
    /// Keep only the rows of a table that meet this condition; of several conditions, all of them
    ///
    /// TABLE is a name, a name with its schema, or a dump id; of a partitioned table all partitions are
    /// meant. CONDITION is COLUMN OP VALUE or COLUMN IS [NOT] NULL, as export --where has it. Foreign
    /// keys that may break are told. Statistics of the planner are left out.
    #[arg(long = "where", value_name = "TABLE=CONDITION", value_parser = condition)]
    conditions: Vec<(String, String)>,
}

fn condition(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((table, condition)) if !table.is_empty() && !condition.is_empty() => {
            Ok((table.to_owned(), condition.to_owned()))
        }
        _ => Err("expected TABLE=CONDITION, as orders='state = paid'".to_owned()),
    }
}

/// The rows that are kept of some tables.
pub(crate) struct RowFilter<'t> {
    definitions: Definitions<'t>,
    tables: Vec<Filtered>,
    entries: BTreeMap<DumpId, Of<'t>>,
}

struct Filtered {
    table: Table,
    conditions: Vec<String>,
}

/// The conditions on the rows of an entry, and what became of them.
struct Of<'t> {
    entry: TocEntry<'t>,
    conditions: Vec<String>,
    rows: AtomicU64,
    kept: AtomicU64,
}

impl<'t> RowFilter<'t> {
    /// Checks the conditions, as far as that can be done without the data, and tells which foreign
    /// keys may break.
    pub(crate) fn new(args: &RowFilterArgs, toc: &'t Toc) -> Result<Self, Failure> {
        let definitions = Definitions::new(toc);
        let mut all: Vec<Filtered> = Vec::new();
        let mut entries: BTreeMap<DumpId, Of<'t>> = BTreeMap::new();
        for (object, condition) in &args.conditions {
            let objects = &[OsString::from(object)];
            let wanted = Wanted { objects, schemas: &[], excluded_schemas: &[], together: true };
            for table in tables::chosen(toc, &definitions, &wanted)? {
                for entry in table.entries.iter().filter_map(|id| toc.entry(*id)) {
                    let of = entries.entry(entry.dump_id()).or_insert_with(|| Of {
                        entry,
                        conditions: Vec::new(),
                        rows: AtomicU64::new(0),
                        kept: AtomicU64::new(0),
                    });
                    of.conditions.push(condition.clone());
                }
                match all.iter_mut().find(|known| known.table.shown == table.shown) {
                    Some(known) => known.conditions.push(condition.clone()),
                    None => all.push(Filtered { table, conditions: vec![condition.clone()] }),
                }
            }
        }
        let filter = RowFilter { definitions, tables: all, entries };
        for of in filter.entries.values() {
            // Of INSERT commands the columns may be known with their data alone.
            if of.entry.copy_stmt().is_some_and(|copy| !copy.is_empty()) {
                filter.of(of, None)?;
            }
        }
        filter.warn()?;
        Ok(filter)
    }

    /// Tells of foreign keys to rows that are left out.
    fn warn(&self) -> Result<(), Failure> {
        let mut told = BTreeSet::new();
        for of in self.entries.values() {
            for key in self.definitions.keys(of.entry)?.referenced_by {
                let toc = of.entry.toc();
                let [name, from, to] = [
                    crate::json::text(&key.name, toc.text_encoding()),
                    tables::shown(toc, &key.table),
                    tables::shown(toc, &key.referenced),
                ];
                let text = format!(
                    "rows of {to} are left out that {from} may reference: the foreign key {name}"
                );
                if told.insert(text.clone()) {
                    message::warning(text);
                }
            }
        }
        Ok(())
    }

    fn of(&self, of: &Of<'_>, names: Option<&[Vec<u8>]>) -> Result<Filter, Failure> {
        let columns = tables::columns(&self.definitions, of.entry, names, None)?;
        tables::filter(&of.conditions, &columns, of.entry.toc().text_encoding())
    }

    /// What a conversion does with the rows.
    pub(crate) fn rewrites(&self) -> Rewrites<'_> {
        let mut rewrites = Rewrites::new();
        for (id, of) in &self.entries {
            let keeper = move || Keeper { all: self, of, filter: None, rows: 0, kept: 0 };
            rewrites = rewrites.table(*id, keeper);
        }
        rewrites
    }

    /// Says how many rows were kept.
    pub(crate) fn report(&self) {
        for Filtered { table, .. } in &self.tables {
            let all = || table.entries.iter().filter_map(|id| self.entries.get(id));
            let rows: u64 = all().map(|of| of.rows.load(Ordering::Relaxed)).sum();
            let kept: u64 = all().map(|of| of.kept.load(Ordering::Relaxed)).sum();
            message::info(format_args!("{kept} of {rows} rows of {} kept", table.shown));
        }
    }
}

/// Keeps some rows of an entry.
struct Keeper<'f, 't> {
    all: &'f RowFilter<'t>,
    of: &'f Of<'t>,
    filter: Option<Filter>,
    rows: u64,
    kept: u64,
}

impl RewriteRows for Keeper<'_, '_> {
    fn begin(&mut self, columns: Option<&[Vec<u8>]>) -> Result<(), RewriteError> {
        let filter = self.all.of(self.of, columns).map_err(|failure| failure.to_string())?;
        self.filter = Some(filter);
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>, _: &mut RowEdit<'_>) -> Result<Keep, RewriteError> {
        let Some(filter) = &mut self.filter else { return Err("rows before their columns".into()) };
        self.rows += 1;
        if !filter.accepts(row)? {
            return Ok(Keep::Drop);
        }
        self.kept += 1;
        Ok(Keep::Keep)
    }
}

impl Drop for Keeper<'_, '_> {
    fn drop(&mut self) {
        self.of.rows.fetch_add(self.rows, Ordering::Relaxed);
        self.of.kept.fetch_add(self.kept, Ordering::Relaxed);
    }
}
