//! `pgdmp head`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::export::read::{self, Next};
use crate::output::Output;
use crate::table::terminal_width;
use crate::{Context, Exit, Failure, input};
use pgdmp::Input;
use pgdmp::text::{Encoding, Printable};
use pgdmp::types::{Columns, DataType, Definitions};

/// Show the first rows of a table, with the types of its columns
///
/// No more is read than these rows need. NULL is shown as ∅, and characters that a terminal would
/// obey by their number. On a terminal, long values are cut, and columns that do not fit are left
/// out; elsewhere all is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp head backup.dump orders
  pgdmp head backup.dump public.orders -n 3
  ssh db cat backup.dump | pgdmp head - orders")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// A table: a name (orders, public.orders) or a dump id
    table: OsString,
    /// Number of rows
    #[arg(short = 'n', long = "rows", value_name = "N", default_value_t = 10)]
    rows: u64,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, progress) = input::open(&args.archive, context)?;
    let out = Output::new();
    if out.is_terminal() {
        progress.stay_silent();
    }
    show(&mut input, &args.table, 1..=args.rows, out)?;
    Ok(Exit::Done)
}

/// Shows the rows of a table that have these numbers.
pub(crate) fn show(
    input: &mut Input,
    object: &OsString,
    numbers: RangeInclusive<u64>,
    mut out: Output,
) -> Result<(), Failure> {
    let toc = input.shared_toc();
    let definitions = Definitions::new(&toc);
    let table = read::table(input, &definitions, object)?;
    let mut shown = Grid::new(toc.text_encoding());
    let mut met = 0;
    read::rows(input, &table, &[], |columns, row| {
        match row {
            None => shown.columns(columns),
            Some(row) => {
                met += 1;
                if numbers.contains(&met) {
                    let cells = row.fields().map(|field| shown.cell(field.value().as_deref()));
                    shown.rows.push(cells.collect());
                }
            }
        }
        Ok(if met < *numbers.end() { Next::Row } else { Next::Stop })
    })?;
    let width = out.is_terminal().then(terminal_width).flatten();
    shown.print(&mut out, width).map_err(Failure::Output)?;
    out.finish()
}

/// A table with lines between its columns.
#[derive(Debug)]
struct Grid {
    encoding: Encoding,
    names: Vec<String>,
    types: Vec<String>,
    /// Whether the values are numbers.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

/// On a terminal, no cell is wider, unless there is room.
const WIDEST: usize = 40;
const NARROWEST: usize = 8;
/// Stands for columns that are left out.
const MARK: &str = " │ …";

impl Grid {
    fn new(encoding: Encoding) -> Self {
        Grid { encoding, names: vec![], types: vec![], right: vec![], rows: vec![] }
    }

    fn columns(&mut self, columns: &Columns) {
        if !self.names.is_empty() {
            return;
        }
        for column in &columns.columns {
            let shown = |text: &[u8]| Printable::new(text, self.encoding).to_string();
            self.names.push(shown(&column.name));
            self.types.push(match column.spelling.is_empty() {
                true => "?".to_owned(),
                false => shown(&column.spelling),
            });
            self.right.push(is_number(&column.data_type));
        }
    }

    fn cell(&self, value: Option<&[u8]>) -> String {
        match value {
            None => "∅".to_owned(),
            Some(value) => {
                // No more than a terminal could show.
                const MOST: usize = 64 << 10;
                let more = if value.len() > MOST { "…" } else { "" };
                let value = &value[..value.len().min(MOST)];
                format!("{}{more}", Printable::new(value, self.encoding))
            }
        }
    }

    /// Prints it, in a width that may be given.
    fn print(&self, out: &mut impl Write, width: Option<usize>) -> io::Result<()> {
        let cells = |n: usize| {
            let rows = self.rows.iter().filter_map(move |row| row.get(n));
            [&self.names, &self.types].into_iter().filter_map(move |head| head.get(n)).chain(rows)
        };
        let mut widths: Vec<usize> = (0..self.names.len())
            .map(|n| cells(n).map(|cell| cell.width()).max().unwrap_or(0))
            .collect();
        let mut left_out = 0;
        if let Some(width) = width {
            left_out = fit(&mut widths, width);
        }
        self.line(out, &self.names, &widths, left_out > 0)?;
        self.line(out, &self.types, &widths, left_out > 0)?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        writeln!(out, "{}", rules.join("┼"))?;
        for row in &self.rows {
            self.line(out, row, &widths, left_out > 0)?;
        }
        if left_out > 0 {
            let more = format!("… and {left_out} more columns");
            writeln!(out, "{}", cut(&more, width.unwrap_or(usize::MAX)))?;
        }
        Ok(())
    }

    fn line(
        &self,
        out: &mut impl Write,
        cells: &[String],
        widths: &[usize],
        more: bool,
    ) -> io::Result<()> {
        let mut line = String::new();
        for (n, (cell, width)) in cells.iter().zip(widths).enumerate() {
            line.push_str(if n > 0 { " │ " } else { " " });
            let cell = cut(cell, *width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            match self.right.get(n) {
                Some(true) => line.extend([&*padding, &*cell]),
                _ => line.extend([&*cell, &*padding]),
            }
        }
        if more {
            line.push_str(MARK);
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// Makes columns narrower until they fit, and leaves out the last ones that do not: says how many.
fn fit(widths: &mut Vec<usize>, room: usize) -> usize {
    let needed = |widths: &[usize]| widths.iter().map(|width| width + 3).sum::<usize>();
    let all = widths.len();
    for most in [WIDEST, 30, 20, 15, 12, 10, NARROWEST] {
        if needed(widths) <= room {
            return 0;
        }
        for width in widths.iter_mut() {
            *width = (*width).min(most);
        }
    }
    if needed(widths) <= room {
        return 0;
    }
    // The mark for the others needs room, too.
    while widths.len() > 1 && needed(widths) + MARK.width() > room + 2 {
        widths.pop();
    }
    all - widths.len()
}

/// As much of a cell as fits, with a mark where it was cut.
fn cut(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut used = 1;
    let fitting = cell.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    let mut text: String = fitting.collect();
    text.push('…');
    text
}

fn is_number(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::SmallInt
            | DataType::Integer
            | DataType::BigInt
            | DataType::Oid
            | DataType::Real
            | DataType::DoublePrecision
            | DataType::Numeric(_)
            | DataType::Money
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: Option<usize>) -> String {
        let mut shown = Grid::new(Encoding::UTF8);
        shown.names = vec!["id".into(), "text".into(), "other".into()];
        shown.types = vec!["integer".into(), "text".into(), "boolean".into()];
        shown.right = vec![true, false, false];
        let long = "long ".repeat(10);
        shown.rows = vec![
            vec!["1".into(), shown.cell(Some(long.as_bytes())), "t".into()],
            vec!["20".into(), shown.cell(None), shown.cell(Some(b"\x1b[2J"))],
        ];
        let mut out = Vec::new();
        shown.print(&mut out, width).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tables_fit_the_terminal() {
        let all = shown(None);
        assert_eq!(all.lines().count(), 5);
        assert!(all.contains("\n      20 │ ∅ "), "{all}");
        assert!(all.contains("│ \\u{1b}[2J"), "{all}");
        for width in [60, 40, 30, 20, 12] {
            let text = shown(Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{width}: {text}");
        }
        assert!(shown(Some(40)).contains("long long…") || shown(Some(40)).contains('…'));
        assert!(shown(Some(24)).contains("more columns"));
    }
}
