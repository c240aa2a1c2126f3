//! `pgdmp find`.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use crate::export::output::{self, About, Format, FormatArgs};
use crate::export::read::{self, Next};
use crate::output::Output;
use crate::{Context, Exit, Failure, input};
use pgdmp::text::{Encoding, Printable};
use pgdmp::types::{Columns, Definitions};

/// Find the rows of a table that meet conditions
///
/// Prints the first such row, one column on each line, and stops reading there; --all goes on. All
/// conditions must be met. A condition is COLUMN OP VALUE with OP one of = != < <= > >= ~ (a regular
/// expression), or COLUMN IS [NOT] NULL, as in export --where.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp find backup.dump orders id=2
  pgdmp find backup.dump public.orders 'total >= 100' 'a IS NOT NULL' --all
  pgdmp find backup.dump orders 'total < 100' --count

Exit status: 0 found, 1 there is no such row, 2 failure.")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// A table: a name (orders, public.orders) or a dump id
    table: OsString,
    /// Conditions
    #[arg(required = true, value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Print all such rows
    #[arg(short, long)]
    all: bool,
    /// Print how many there are
    #[arg(short, long, conflicts_with_all = ["all", "json"])]
    count: bool,
    /// Print rows as JSON, one on each line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, progress) = input::open(&args.archive, context)?;
    let toc = input.shared_toc();
    let definitions = Definitions::new(&toc);
    let table =
        read::table(&input, &definitions, &args.table).map_err(|failure| match failure {
            // That no table has this name is not the answer that there is no such row.
            Failure::Nothing(what) => Failure::Usage(what),
            failure => failure,
        })?;
    let encoding = toc.text_encoding();
    let mut out = Output::new();
    if out.is_terminal() {
        progress.stay_silent();
    }
    let mut found = 0_u64;
    read::rows(&mut input, &table, &args.conditions, |columns, row| {
        let Some(row) = row else { return Ok(Next::Row) };
        found += 1;
        if args.count {
            return Ok(Next::Row);
        }
        if args.json {
            let options = FormatArgs::default().options(Format::Jsonl, encoding)?;
            let about = About { columns, keys: None, toc: &toc };
            let mut json = output::begin(&options, Box::new(&mut out), about, None, None)?;
            json.row(row, None)?;
            json.finish()?;
        } else {
            if found > 1 {
                writeln!(out).map_err(Failure::Output)?;
            }
            let values = row.fields().map(|field| field.value().map(|value| value.into_owned()));
            lines(columns, values, encoding, &mut out).map_err(Failure::Output)?;
        }
        Ok(if args.all { Next::Row } else { Next::Stop })
    })?;
    if args.count {
        writeln!(out, "{found}").map_err(Failure::Output)?;
    }
    out.finish()?;
    Ok(if found > 0 { Exit::Done } else { Exit::Negative })
}

/// A column and its value on each line.
fn lines(
    columns: &Columns,
    values: impl Iterator<Item = Option<Vec<u8>>>,
    encoding: Encoding,
    out: &mut impl Write,
) -> std::io::Result<()> {
    use unicode_width::UnicodeWidthStr;
    let shown = |text: &[u8]| Printable::new(text, encoding).to_string();
    let names: Vec<String> = columns.columns.iter().map(|column| shown(&column.name)).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (name, value) in names.iter().zip(values) {
        let padding = " ".repeat(width - name.width());
        let value = value.map_or_else(|| "∅".to_owned(), |value| shown(&value));
        writeln!(out, "{}", format!("{name}{padding} │ {value}").trim_end())?;
    }
    Ok(())
}
