//! `pgdmp count`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::export::run::pass;
use crate::export::tables::{self, Table, Wanted};
use crate::output::Output;
use crate::progress::Progress;
use crate::table::{Align, Table as Lines};
use crate::{Context, Exit, Failure, input, json};
use pgdmp::text::{Encoding, Printable};
use pgdmp::types::Definitions;
use pgdmp::{Archive, Input, Toc};

/// Count the rows of tables
///
/// Reads the data of the tables, but does not divide rows into fields. Partitions are counted
/// together, under the name of the table that they belong to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp count backup.dump orders
  pgdmp count -j 4 backup.dump                of all tables with data
  ssh db pg_dump -Fc app | pgdmp count --json -")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// Tables: names (orders, public.orders) or dump ids; all, if there are none
    #[arg(value_name = "TABLE")]
    objects: Vec<OsString>,
    /// Number of tables that are read at the same time
    #[arg(short = 'j', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: u32,
    /// Print JSON: {"tables": [{"table": …, "rows": …}], "total": …}
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, progress) = input::open(&args.archive, context)?;
    let toc = input.shared_toc();
    let definitions = Definitions::new(&toc);
    let wanted =
        Wanted { objects: &args.objects, schemas: &[], excluded_schemas: &[], together: true };
    let tables = tables::chosen(&toc, &definitions, &wanted)?;
    let counts = match &mut input {
        Input::Archive(archive) => {
            let ids = tables.iter().flat_map(|table| &table.entries);
            let sizes = ids.filter_map(|id| archive.stored_size_hint(archive.entry(*id)?));
            progress.expect(Some(sizes.fold(0, u64::saturating_add)));
            several(archive, &tables, args.jobs, &progress)?
        }
        Input::Stream(_) => {
            let mut counts = vec![0; tables.len()];
            pass(&mut input, &tables, |n, _, block| {
                counts[n] += block.rows()?.count()?;
                Ok(())
            })?;
            counts
        }
    };
    let mut out = Output::new();
    let written = match args.json {
        true => write_json(&toc, &json::Entries::of(&input), &tables, &counts, &mut out),
        false => write_lines(&tables, &counts, &mut out),
    };
    written.map_err(Failure::Output)?;
    out.finish()?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(Exit::Done)
}

/// The rows of each table, counted by several threads.
fn several(
    archive: &Archive,
    tables: &[Table],
    jobs: u32,
    progress: &Progress,
) -> Result<Vec<u64>, Failure> {
    let entries: Vec<(usize, pgdmp::DumpId)> = tables
        .iter()
        .enumerate()
        .flat_map(|(n, table)| table.entries.iter().map(move |id| (n, *id)))
        .collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new((vec![0; tables.len()], None));
    let work = || {
        while let Some((n, id)) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            progress.entry(|| tables[*n].shown.clone());
            let count = archive.rows(*id).and_then(|mut rows| rows.count());
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            match count {
                Ok(count) => done.0[*n] += count,
                Err(error) => {
                    next.store(entries.len(), Ordering::Relaxed);
                    done.1 = Some(error);
                }
            }
        }
    };
    let threads = usize::try_from(jobs).unwrap_or(1).min(entries.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    match done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (counts, None) => Ok(counts),
        (_, Some(error)) => Err(error.into()),
    }
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().copied().fold(0, u64::saturating_add)
}

fn write_lines(tables: &[Table], counts: &[u64], out: &mut Output) -> io::Result<()> {
    let mut lines = Lines::new(&[("ROWS", Align::Right), ("NAME", Align::Left)]);
    for (table, count) in tables.iter().zip(counts) {
        let name = Printable::new(table.shown.as_bytes(), Encoding::UTF8).to_string();
        lines.row(vec![count.to_string(), name]);
    }
    if tables.len() != 1 {
        lines.row(vec![total(counts).to_string(), "(total)".to_owned()]);
    }
    lines.print(out)
}

fn write_json(
    toc: &Toc,
    objects: &json::Entries,
    tables: &[Table],
    counts: &[u64],
    out: &mut Output,
) -> io::Result<()> {
    let each = tables.iter().zip(counts).map(|(table, count)| {
        let entries = table.entries.iter().filter_map(|id| toc.entry(*id));
        let entries: Vec<Value> = entries.map(|entry| objects.entry(entry).into()).collect();
        json!({ "table": table.shown, "rows": count, "entries": entries })
    });
    let each: Vec<Value> = each.collect();
    let all = json!({ "tables": each, "total": total(counts) });
    json::write(&json::numbered(all), out)?;
    writeln!(out)
}
