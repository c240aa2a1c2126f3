//! `pgdmp export`.
//!
//! ```text
//! tables.rs  which tables, and their columns
//! output.rs  what rows are written as: the formats
//! arrow.rs   Arrow IPC and Parquet
//! folder.rs  a folder of files
//! table.rs   the rows of one table
//! read.rs    the rows of one table, for commands that show them
//! run.rs     all tables: one after the other, or several at once
//! ```

#[cfg(feature = "arrow")]
mod arrow;
pub(crate) mod folder;
pub(crate) mod output;
pub(crate) mod read;
pub(crate) mod run;
mod table;
pub(crate) mod tables;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::{Context, Exit, Failure};
use output::{Format, FormatArgs};

/// Write the rows of tables as CSV, JSON lines, Arrow or Parquet
///
/// Values are what the server's COPY and row_to_json give, in UTF-8. Types are taken from the
/// archive's own definitions. One table goes to a file or to standard output; several go into a new
/// directory, with one file for each. With --all the directory has all tables with data.
///
/// The output is first written into a folder .pgdmp-... beside it, and gets its name when it is
/// complete and on disk. If a table fails, as by a value that is not of its type, the directory has
/// the others alone, and the exit status is 2; then no directory is replaced. Output to a pipe or a
/// device is written directly.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp export backup.dump orders                        CSV to standard output
  pgdmp export backup.dump orders -o orders.jsonl        JSON lines
  pgdmp export backup.dump orders -o orders.parquet      Parquet; also .arrow
  pgdmp export backup.dump orders --columns id,total --where 'total >= 100'
  pgdmp export backup.dump --all -o lake/ --format jsonl -j 4
  pgdmp export backup.dump --all --format jsonl --tag-table | jq .row
  ssh db pg_dump -Fc app | pgdmp export - --all -o lake  from a pipe, in one pass")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// Tables: names (orders, public.orders) or dump ids; of a partitioned table all partitions
    #[arg(value_name = "OBJECT")]
    objects: Vec<OsString>,
    /// All tables that have data
    #[arg(long, conflicts_with = "objects")]
    all: bool,
    /// With --all: only tables in this schema
    #[arg(short = 'n', long = "schema", value_name = "NAME", requires = "all")]
    schemas: Vec<OsString>,
    /// With --all: leave out the tables in this schema
    #[arg(short = 'N', long = "exclude-schema", value_name = "NAME", requires = "all")]
    excluded_schemas: Vec<OsString>,
    /// New file, new directory (for several tables, or with a / at its end), or - for standard output
    #[arg(short, long, value_name = "OUTPUT", default_value = "-")]
    output: PathBuf,
    /// Format of the output [default: what the name of the file says, else csv]
    #[arg(short = 'F', long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write only these columns, in this order
    #[arg(long, value_name = "NAME,...")]
    columns: Vec<OsString>,
    /// Write only rows that meet this condition; of several conditions, all of them
    ///
    /// COLUMN OP VALUE with OP one of = != < <= > >= ~ (a regular expression), or COLUMN IS [NOT] NULL.
    /// Values are compared as the column's type does. Text is compared by its bytes in UTF-8, not by
    /// the database's collation.
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Write no more than so many rows of each table
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Number of tables that are exported at the same time
    #[arg(short = 'j', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: u32,
    /// Whether the partitions of a table are files of their own, or one
    #[arg(long, value_name = "HOW", default_value = "apart")]
    partitions: Partitions,
    /// Take the types of columns from this archive, where the first has no definitions
    #[arg(long, value_name = "ARCHIVE")]
    types: Option<PathBuf>,
    /// JSON lines: say the table in each line; then several tables go to one output
    #[arg(long)]
    tag_table: bool,
    #[command(flatten)]
    values: FormatArgs,
    /// Replace an existing file, or a directory that export made
    #[arg(long)]
    force: bool,
    /// Do not wait until the output is safely on disk
    #[arg(long)]
    no_sync: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Partitions {
    Apart,
    Together,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    run::run(args, context)
}

/// Writes the rows of one table as CSV to standard output.
pub(crate) fn csv(archive: &Path, object: &OsString, context: &Context) -> Result<Exit, Failure> {
    let args = Args {
        archive: archive.to_owned(),
        objects: vec![object.clone()],
        all: false,
        schemas: Vec::new(),
        excluded_schemas: Vec::new(),
        output: "-".into(),
        format: Some(Format::Csv),
        columns: Vec::new(),
        conditions: Vec::new(),
        limit: None,
        jobs: 1,
        partitions: Partitions::Together,
        types: None,
        tag_table: false,
        values: FormatArgs::default(),
        force: false,
        no_sync: false,
    };
    run::run(&args, context)
}
