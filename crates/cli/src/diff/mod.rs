//! `pgdmp diff`.
//!
//! ```text
//! report.rs  what was found so far
//! text.rs    the same for people
//! json.rs    the same for programs
//! ```

mod json;
mod report;
mod text;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use self::report::Report;
use crate::input;
use crate::inputs::Inputs;
use crate::progress::Progress;
use crate::selection::{SelectionArgs, check_any};
use crate::{Context, Exit, Failure};
use pgdmp::Error;
use pgdmp::diff::{Comparison, DiffOptions};

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
    /// Compare what objects depend on, too
    #[arg(long)]
    deps: bool,
    /// Compare values as text, which is quicker: those that are only printed differently differ
    #[arg(long)]
    fast: bool,
    /// Take the types and keys of tables from this archive, where the two do not define them
    #[arg(long, value_name = "ARCHIVE")]
    types: Option<PathBuf>,
    /// Show at most so many rows of each table
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Read this many tables at the same time [default: number of processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Keep about so much of differing rows in memory; the rest goes to temporary files. With the
    /// default, a comparison takes less than 64 MiB
    #[arg(long, value_name = "SIZE", default_value = "48M", value_parser = size)]
    memory: usize,
    /// Directory of temporary files [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
    /// Make rows come in the same order in each run, even if they do not fit into memory. Tables that
    /// were made for this number can seem equal [default: a new number at random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
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
    let archives = [&*args.a, &*args.b].into_iter().chain(args.types.as_deref());
    Inputs::archives(archives).with_lists(args.selection.files()).check_stdout()?;
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
    let mut options = args.options();
    if let Some(path) = &args.types {
        options = options.types(context.options().open(path)?.shared_toc());
    }
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
            .dependencies(self.deps)
            .fast(self.fast)
            .threads(self.jobs.map_or(processors, NonZeroUsize::get))
            .memory(self.memory);
        if let Some(folder) = &self.temp_dir {
            options = options.temp_dir(folder);
        }
        if let Some(seed) = self.seed {
            options = options.seed(seed);
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
