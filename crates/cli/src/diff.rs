//! `pgdmp diff`.

use std::collections::HashSet;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::input;
use crate::inputs::Inputs;
use crate::json::{self, put_text};
use crate::message;
use crate::output::Output;
use crate::progress::Progress;
use crate::selection::{SelectionArgs, check_any};
use crate::{Context, Exit, Failure};
use pgdmp::Error;
use pgdmp::diff::{
    ChangeKind, Comparison, DataComparison, DataState, DiffOptions, LargeObjectChange, LineKind,
    ObjectChange, Part, PartChange, RowChange, RowChangeKind, TableComparison,
};
use pgdmp::text::{Encoding, Printable};

/// Show what differs between two archives: objects, data, rows
///
/// Two archives of equal databases are equal, whatever else differs: ids and order, format and
/// compression, dates, and settings of the sessions that dumped them, such as TimeZone. Definitions
/// are compared as SQL, with names quoted only where they need it and times in UTC. Data is
/// compared by the number of rows and by a hash of their values that does not depend on their
/// order. Lines begin with - for what A alone has, + for what B alone has, ~ for what differs.
///
/// With --rows, rows are compared by the primary key, or by a unique constraint whose columns are
/// never NULL. Rows of a table without a key are added or removed as a whole.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp diff monday.dump tuesday.dump             definitions and data
  pgdmp diff -s monday.dump tuesday.dump          definitions only
  pgdmp diff --rows -t orders old.dump new.dump   which rows of a table changed
  pgdmp diff --rows --key orders=a old.dump new.dump
  pg_dump -Fc app | pgdmp diff backup.dump -      a database and its backup
  pgdmp diff --json old.dump new.dump             one JSON object on each line

Exit status: 0 if the archives are equal, 1 if they differ, 2 if the comparison failed.")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    a: PathBuf,
    /// File or directory to compare it with, or - for standard input
    b: PathBuf,
    /// Show each row that differs
    #[arg(short, long)]
    rows: bool,
    /// Print JSON, one object on each line
    #[arg(long)]
    json: bool,
    /// Print what differs in one line each, without the lines of definitions
    #[arg(long)]
    brief: bool,
    /// Tell the rows of a table apart by these columns
    #[arg(long, value_name = "TABLE=COLUMN,…", value_parser = key)]
    key: Vec<(String, Vec<String>)>,
    /// Leave these columns out of the comparison of rows
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    ignore_columns: Vec<String>,
    /// Show at most so many rows of each table
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Read this many tables at the same time [default: number of processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Keep about so much of differing rows in memory; the rest goes to temporary files
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size)]
    memory: usize,
    /// Directory of temporary files [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// `TABLE=COLUMN,…`.
fn key(text: &str) -> Result<(String, Vec<String>), String> {
    let parsed = text.split_once('=').map(|(table, columns)| {
        (table.to_owned(), columns.split(',').map(str::to_owned).collect::<Vec<_>>())
    });
    parsed
        .filter(|(table, columns)| !table.is_empty() && columns.iter().all(|c| !c.is_empty()))
        .ok_or_else(|| "expected TABLE=COLUMN or TABLE=COLUMN,COLUMN".to_owned())
}

/// A number of bytes: `64M`.
fn size(text: &str) -> Result<usize, String> {
    let (digits, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_alphabetic()).len());
    let shift = match unit.to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err("expected a number of bytes, such as 64M".to_owned()),
    };
    let number: usize = digits.parse().map_err(|_| "expected a number of bytes, such as 64M")?;
    number.checked_mul(1 << shift).ok_or_else(|| "this is too much".to_owned())
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.a.as_os_str() == "-" && args.b.as_os_str() == "-" {
        return Err(Failure::Usage("standard input cannot be both archives".to_owned()));
    }
    Inputs::archives([&*args.a, &*args.b]).with_lists(args.selection.files()).check_stdout()?;
    let progress = Progress::new(context);
    // Rows are read once more where they differ.
    let lens = input::file_len(&args.a).zip(input::file_len(&args.b)).filter(|_| !args.rows);
    progress.expect(lens.map(|(a, b)| a + b));
    let open = |path: &Path| context.options().on_read(progress.on_read()).input(path);
    let (mut a, mut b) = (open(&args.a)?, open(&args.b)?);
    let (a_toc, b_toc) = (a.shared_toc(), b.shared_toc());
    let mut selected = Vec::new();
    for toc in [&*a_toc, &*b_toc] {
        let selection = args.selection.selection(toc)?;
        selected.push((selection.wants_data(), selection.apply(toc)?));
    }
    let [(wants_data, a_selected), (_, b_selected)] = &selected[..] else {
        return Err(Failure::Usage("two archives are needed".to_owned()));
    };
    // What one archive alone has is a difference, not a mistake.
    if let (Err(failure), Err(_)) = (check_any(a_selected), check_any(b_selected)) {
        args.selection.check_names(a_selected)?;
        return Err(failure);
    }
    let options = args.options();
    let comparison = Comparison::new(a_selected, b_selected, &options)?;
    let mut report = Report::new(args, &comparison);
    if report.out.is_terminal() {
        progress.stay_silent();
    }
    report.objects(&comparison).map_err(Failure::Output)?;
    if *wants_data {
        let data = if args.rows {
            let mut failed = None;
            let done = comparison.rows(&mut a, &mut b, |table, row| {
                report.row(table, row).map_err(|error| {
                    let text = error.to_string();
                    failed = Some(error);
                    Error::from(io::Error::other(text))
                })
            });
            if let Some(error) = failed {
                return Err(Failure::Output(error));
            }
            done?
        } else {
            comparison.data(&mut a, &mut b)?
        };
        report.data(&data).map_err(Failure::Output)?;
    }
    for (input, path) in [(&mut a, &args.a), (&mut b, &args.b)] {
        input::warn_of_surplus(input, path);
    }
    report.finish(&comparison)
}

impl Args {
    fn options(&self) -> DiffOptions {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut options = DiffOptions::new()
            .statistics(self.selection.asks_for_statistics())
            .threads(self.jobs.map_or(processors, NonZeroUsize::get))
            .memory(self.memory);
        if let Some(folder) = &self.temp_dir {
            options = options.temp_dir(folder);
        }
        for name in &self.ignore_columns {
            options = options.ignore_column(name.as_bytes());
        }
        for (table, columns) in &self.key {
            let columns = columns.iter().map(|column| column.as_bytes());
            options = match table.split_once('.') {
                Some((schema, name)) => {
                    options.key(Some(schema.as_bytes()), name.as_bytes(), columns)
                }
                None => options.key(None, table.as_bytes(), columns),
            };
        }
        options
    }
}

/// How much differs.
#[derive(Debug, Default)]
struct Counts {
    added: u64,
    dropped: u64,
    changed: u64,
    tables: u64,
    large_objects: u64,
    failed: u64,
    tables_compared: u64,
    rows_compared: u64,
    large_objects_compared: u64,
}

/// What is printed.
struct Report<'a> {
    args: &'a Args,
    out: Output,
    counts: Counts,
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
    fn new(args: &'a Args, comparison: &Comparison) -> Self {
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

    fn objects(&mut self, comparison: &Comparison) -> io::Result<()> {
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

    fn object(&mut self, change: &ObjectChange, spelling: bool) -> io::Result<()> {
        let mark = match change.kind {
            ChangeKind::Added => '+',
            ChangeKind::Dropped => '-',
            ChangeKind::Changed => '~',
        };
        let name = named(&change.desc, change.namespace.as_deref(), &change.tag);
        let parts: Vec<&str> = change.parts.iter().map(|part| part.part.name()).collect();
        let parts =
            if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        writeln!(self.out, "{mark} {name}{parts}")?;
        if self.args.brief {
            return Ok(());
        }
        for part in &change.parts {
            self.part(part, spelling)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &PartChange, spelling: bool) -> io::Result<()> {
        // Lines far from what differs are of no interest.
        const AROUND: usize = 2;
        let differs = |n: usize| part.lines.get(n).is_some_and(|l| l.kind != LineKind::Same);
        let is_near = |n: usize| (n.saturating_sub(AROUND)..=n + AROUND).any(differs);
        if spelling && part.part == Part::Definition {
            writeln!(self.out, "    (of different releases: perhaps spelled differently only)")?;
        }
        let mut left_out = false;
        for (n, line) in part.lines.iter().enumerate() {
            if !is_near(n) {
                left_out = true;
                continue;
            }
            if std::mem::take(&mut left_out) && n > 0 {
                writeln!(self.out, "      …")?;
            }
            let mark = match line.kind {
                LineKind::Same => ' ',
                LineKind::Removed => '-',
                LineKind::Added => '+',
            };
            let text = line.text.split(|byte| *byte == b'\t').map(shown).collect::<Vec<_>>();
            writeln!(self.out, "    {mark} {}", text.join("    "))?;
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

    fn row(&mut self, table: &TableComparison, row: &RowChange<'_>) -> io::Result<()> {
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

    fn row_text(&mut self, row: &RowChange<'_>) -> io::Result<()> {
        let values = row.before().or(row.after()).unwrap_or_default();
        let cell = |place: &usize| {
            let value = values.get(*place).copied().flatten();
            format!("{}={}", shown(row.column(*place)), cut(value))
        };
        // Without a key, a row is all its columns.
        let all: Vec<usize> = (0..values.len()).collect();
        let places = if row.key().is_empty() { &all[..] } else { row.key() };
        let key = places.iter().map(cell).collect::<Vec<_>>().join(", ");
        let mut notes = String::new();
        if row.times() > 1 {
            notes += &format!(" ({} times)", row.times());
        }
        if row.has_duplicate_key() {
            notes += " (duplicate key)";
        }
        match row.kind() {
            RowChangeKind::Removed => writeln!(self.out, "    - {key}{notes}"),
            RowChangeKind::Added => writeln!(self.out, "    + {key}{notes}"),
            RowChangeKind::Changed => {
                let (before, after) =
                    (row.before().unwrap_or_default(), row.after().unwrap_or_default());
                for place in row.changed() {
                    let of = |values: &[Option<&[u8]>]| cut(values.get(*place).copied().flatten());
                    let column = shown(row.column(*place));
                    let (before, after) = (of(before), of(after));
                    writeln!(self.out, "    ~ {key}  {column}: {before} → {after}{notes}")?;
                }
                Ok(())
            }
        }
    }

    fn data(&mut self, data: &DataComparison) -> io::Result<()> {
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

    fn table(&mut self, table: &TableComparison) -> io::Result<()> {
        let name = named(b"data of", table.namespace.as_deref(), &table.table);
        let rows = |side: usize| table.rows[side].map_or("?".to_owned(), |n| plural(n, "row"));
        let text = match &table.state {
            DataState::Added => format!("+ {name}"),
            DataState::Dropped => format!("- {name}"),
            DataState::Equal if table.is_root => format!("= {name}: equal, in other partitions"),
            DataState::Equal => format!("= {name}: equal in the columns that both have"),
            DataState::Different if table.is_root => {
                format!("~ {name}, all partitions: {} → {}", rows(0), rows(1))
            }
            _ if table.rows[0] == table.rows[1] => format!("~ {name}: {}, not the same", rows(0)),
            _ => format!("~ {name}: {} → {}", rows(0), rows(1)),
        };
        writeln!(self.out, "{text}")?;
        for (mark, names) in ["-", "+"].into_iter().zip(&table.columns_alone) {
            for name in names {
                writeln!(self.out, "    {mark} column {}, not compared", shown(name))?;
            }
        }
        Ok(())
    }

    fn large_object(&mut self, change: &LargeObjectChange) -> io::Result<()> {
        let (oid, [a, b]) = (change.oid, change.lens.map(|len| len.unwrap_or(0)));
        match change.kind {
            ChangeKind::Added => {
                writeln!(self.out, "+ data of large object {oid}: {}", plural(b, "byte"))
            }
            ChangeKind::Dropped => {
                writeln!(self.out, "- data of large object {oid}: {}", plural(a, "byte"))
            }
            ChangeKind::Changed if a == b => {
                writeln!(
                    self.out,
                    "~ data of large object {oid}: {}, not the same",
                    plural(a, "byte")
                )
            }
            ChangeKind::Changed => {
                writeln!(
                    self.out,
                    "~ data of large object {oid}: {} → {}",
                    plural(a, "byte"),
                    plural(b, "byte")
                )
            }
        }
    }

    fn json(&mut self, value: Value) -> io::Result<()> {
        json::write(&json::numbered(value), &mut self.out)?;
        self.out.write_all(b"\n")
    }

    /// The summary, and what the answer is.
    fn finish(mut self, comparison: &Comparison) -> Result<Exit, Failure> {
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

    fn summary(&self, comparison: &Comparison, differs: bool) -> String {
        let c = &self.counts;
        let mut compared = vec![plural(comparison.compared(), "object")];
        if c.tables_compared > 0 {
            let rows = plural(c.rows_compared, "row");
            compared.push(format!("{} with {rows}", plural(c.tables_compared, "table")));
        }
        if c.large_objects_compared > 0 {
            compared.push(plural(c.large_objects_compared, "large object"));
        }
        let compared = compared.join(", ");
        if !differs {
            return match c.failed {
                0 => format!("equal: {compared}"),
                _ => format!("no difference found in what could be compared: {compared}"),
            };
        }
        let mut parts = Vec::new();
        for (count, what) in [(c.added, "added"), (c.dropped, "dropped"), (c.changed, "changed")] {
            if count > 0 {
                parts.push(format!("{} {what}", plural(count, "object")));
            }
        }
        if c.tables > 0 {
            parts.push(format!("data of {} different", plural(c.tables, "table")));
        }
        if c.large_objects > 0 {
            parts.push(format!("data of {} different", plural(c.large_objects, "large object")));
        }
        format!("different: {}; compared: {compared}", parts.join(", "))
    }
}

/// A number of things.
fn plural(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The kind and name of something.
fn named(desc: &[u8], namespace: Option<&[u8]>, tag: &[u8]) -> String {
    let schema = namespace.map(|namespace| format!("{}.", shown(namespace)));
    format!("{} {}{}", shown(desc), schema.unwrap_or_default(), shown(tag))
}

fn shown(text: &[u8]) -> String {
    Printable::new(text, Encoding::UTF8).to_string()
}

/// A value in a line of text.
fn cut(value: Option<&[u8]>) -> String {
    const LONGEST: usize = 80;
    let Some(value) = value else { return "NULL".to_owned() };
    // No character is shown with fewer characters than bytes.
    let text = shown(&value[..value.len().min(4 * LONGEST)]);
    let short: String = text.chars().take(LONGEST).collect();
    let is_cut = short.len() < text.len() || value.len() > 4 * LONGEST;
    // Quotes where it could be taken for something else.
    let quote = if value.is_empty() || value == b"NULL" { "'" } else { "" };
    format!("{quote}{short}{quote}{}", if is_cut { "…" } else { "" })
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Dropped => "dropped",
        ChangeKind::Changed => "changed",
    }
}

fn object_json(change: &ObjectChange, spelling: bool) -> Value {
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
    Value::Object(map)
}

fn table_json(table: &TableComparison) -> Value {
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

fn large_object_json(change: &LargeObjectChange) -> Value {
    json!({ "large_object": kind(change.kind), "oid": change.oid, "bytes": change.lens })
}

fn row_json(table: &TableComparison, row: &RowChange<'_>) -> Value {
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
