//! What rows are written as.

use std::io::{self, Write};
use std::path::Path;

use clap::{Args, ValueEnum};

#[cfg(feature = "arrow")]
use super::arrow::ArrowArgs;
use crate::Failure;
use pgdmp::Toc;
use pgdmp::rows::{CsvOptions, CsvWriter, JsonOptions, JsonWriter, OnInvalid, Row};
use pgdmp::text::Encoding;
use pgdmp::types::{Columns, Keys};
#[cfg(feature = "arrow")]
use pgdmp_arrow::ArrowTable;

/// A file of rows that is being written. [`begin`] makes one.
pub(crate) trait RowOutput {
    /// Writes a row. `places` are the fields that are written, from 0, one for each column; without,
    /// these are all fields of the row.
    fn row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<(), Failure>;

    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<Replaced, Failure>;
}

/// What is not in the output as it is in the archive. Values are counted for each column; columns
/// behind the last such one may be missing.
#[derive(Debug, Default)]
pub(crate) struct Replaced {
    /// Because they were not valid.
    pub(crate) invalid: Vec<u64>,
    /// Because the format does not have them.
    pub(crate) unrepresentable: Vec<u64>,
    /// Rows that are not written, because the format does not have any without columns.
    pub(crate) left_out: u64,
}

/// What rows are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values, as COPY ... (FORMAT csv, HEADER) writes them
    Csv,
    /// The same with tabs
    Tsv,
    /// JSON lines: an object for each row, as row_to_json makes it
    #[value(alias = "json", alias = "ndjson")]
    Jsonl,
    /// Parquet
    #[cfg(feature = "arrow")]
    Parquet,
    /// Arrow IPC, a file
    #[cfg(feature = "arrow")]
    #[value(alias = "feather")]
    Arrow,
    /// Arrow IPC, a stream
    #[cfg(feature = "arrow")]
    Arrows,
}

impl Format {
    const ALL: &'static [(Format, &'static str, &'static [&'static str])] = &[
        (Format::Csv, "csv", &[]),
        (Format::Tsv, "tsv", &["tab"]),
        (Format::Jsonl, "jsonl", &["ndjson", "json"]),
        #[cfg(feature = "arrow")]
        (Format::Parquet, "parquet", &[]),
        #[cfg(feature = "arrow")]
        (Format::Arrow, "arrow", &["feather"]),
        #[cfg(feature = "arrow")]
        (Format::Arrows, "arrows", &[]),
    ];

    /// What the name of a file says.
    pub(crate) fn of_name(name: &Path) -> Option<Format> {
        let suffix = name.extension()?.to_str()?.to_ascii_lowercase();
        let is =
            |(_, own, others): &&(_, &str, &[&str])| *own == suffix || others.contains(&&*suffix);
        Format::ALL.iter().find(is).map(|(format, ..)| *format)
    }

    /// What the name of an output says; CSV, if it says nothing.
    pub(crate) fn of_output(name: &Path) -> Result<Format, Failure> {
        #[cfg(not(feature = "arrow"))]
        if let Some(suffix) = name.extension().and_then(|suffix| suffix.to_str())
            && ["parquet", "arrow", "arrows", "feather"].contains(&&*suffix.to_ascii_lowercase())
        {
            let what = "this build of pgdmp does not write Arrow and Parquet (feature arrow)";
            return Err(Failure::Usage(what.to_owned()));
        }
        Ok(Format::of_name(name).unwrap_or(Format::Csv))
    }

    /// Whether it is no text.
    pub(crate) fn is_binary(self) -> bool {
        !matches!(self, Format::Csv | Format::Tsv | Format::Jsonl)
    }

    /// What the name of a file in it ends with, behind a dot.
    pub(crate) fn suffix(self) -> &'static str {
        Format::ALL.iter().find(|(format, ..)| *format == self).map_or("", |(_, suffix, _)| suffix)
    }

    /// Whether the rows of several tables can follow each other.
    pub(crate) fn takes_tags(self) -> bool {
        self == Format::Jsonl
    }

    #[cfg(feature = "arrow")]
    pub(crate) fn is_arrow(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow | Format::Arrows)
    }

    /// Whether it depends on the types of columns how a value is written.
    pub(crate) fn has_types(self) -> bool {
        !matches!(self, Format::Csv | Format::Tsv)
    }
}

/// The options about formats.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FormatArgs {
    /// Encoding that the values are in, if the archive is mistaken about it; raw: bytes are kept, which
    /// JSON lines cannot
    #[arg(long, value_name = "NAME|raw", help_heading = "Values")]
    encoding: Option<String>,
    /// What becomes of a value that is not text in its encoding, or not of its type
    #[arg(long, value_name = "HOW", default_value = "error", help_heading = "Values")]
    on_invalid: Policy,
    /// CSV: no line with the names of the columns
    #[arg(long, help_heading = "CSV and TSV")]
    no_header: bool,
    /// CSV: what is between values
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter, help_heading = "CSV and TSV")]
    delimiter: Option<u8>,
    /// CSV: what stands for NULL [default: nothing]
    #[arg(long, value_name = "TEXT", help_heading = "CSV and TSV")]
    null: Option<String>,
    /// CSV: put all values into quotes
    #[arg(long, help_heading = "CSV and TSV")]
    quote_all: bool,
    /// JSON lines: leave out columns that are NULL
    #[arg(long, help_heading = "JSON lines")]
    skip_nulls: bool,
    /// JSON lines: write integers beyond 2^53 and each numeric as a string
    #[arg(long, value_name = "AS", value_parser = ["string"], help_heading = "JSON lines")]
    big_numbers: Option<String>,
    #[cfg(feature = "arrow")]
    #[command(flatten)]
    arrow: ArrowArgs,
}

/// What becomes of a value that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Policy {
    /// The table fails
    #[default]
    Error,
    /// It becomes NULL
    Null,
    /// It becomes text, with U+FFFD for what is no character
    Text,
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text {
        "\\t" | "tab" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() => Ok(*byte),
            _ => Err("it is one ASCII character, or tab".to_owned()),
        },
    }
}

/// The options, as far as they are known to fit.
#[derive(Debug, Clone)]
pub(crate) struct FormatOptions {
    pub(crate) format: Format,
    /// What the values are in.
    pub(crate) encoding: Encoding,
    pub(crate) on_invalid: OnInvalid,
    pub(crate) raw: bool,
    args: FormatArgs,
}

impl FormatArgs {
    /// For an archive in this encoding.
    pub(crate) fn options(&self, format: Format, of: Encoding) -> Result<FormatOptions, Failure> {
        let usage = |what: &str| Err(Failure::Usage(what.to_owned()));
        let is_csv = matches!(format, Format::Csv | Format::Tsv);
        let of_csv = self.no_header || self.delimiter.is_some() || self.null.is_some();
        if !is_csv && (of_csv || self.quote_all) {
            return usage("--no-header, --delimiter, --null and --quote-all are about CSV and TSV");
        }
        if format != Format::Jsonl && (self.skip_nulls || self.big_numbers.is_some()) {
            return usage("--skip-nulls and --big-numbers are about JSON lines");
        }
        #[cfg(feature = "arrow")]
        self.arrow.check(format)?;
        let raw = self.encoding.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("raw"));
        if raw && format == Format::Jsonl {
            return usage("--encoding raw is not for JSON lines, which are UTF-8 by definition");
        }
        let encoding = match &self.encoding {
            Some(name) if !raw => match Encoding::find(name.as_bytes()) {
                Some(encoding) if encoding.has_characters() => encoding,
                Some(encoding) => {
                    let what = format!("text in {encoding} cannot be converted");
                    return Err(Failure::Usage(what));
                }
                None => return Err(Failure::Usage(format!("there is no encoding {name}"))),
            },
            _ => of,
        };
        let on_invalid = match self.on_invalid {
            Policy::Error => OnInvalid::Error,
            Policy::Null => OnInvalid::Null,
            Policy::Text => OnInvalid::Text,
        };
        Ok(FormatOptions { format, encoding, on_invalid, raw, args: self.clone() })
    }
}

/// A table whose rows are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The columns that are written.
    pub(crate) columns: &'a Columns,
    pub(crate) keys: Option<&'a Keys>,
    pub(crate) toc: &'a Toc,
}

/// What was found of all rows of a table before the first is written.
#[derive(Debug)]
pub(crate) struct Scanned {
    #[cfg(feature = "arrow")]
    table: ArrowTable,
}

/// Looks at all rows of a table, for a format that depends on them.
#[derive(Debug)]
pub(crate) struct Scan {
    #[cfg(feature = "arrow")]
    scan: pgdmp_arrow::Scan,
}

impl Scan {
    pub(crate) fn row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<(), Failure> {
        #[cfg(feature = "arrow")]
        self.scan.push(row, places)?;
        #[cfg(not(feature = "arrow"))]
        let _ = (row, places);
        Ok(())
    }

    pub(crate) fn finish(self) -> Scanned {
        Scanned {
            #[cfg(feature = "arrow")]
            table: self.scan.finish(),
        }
    }
}

impl FormatOptions {
    /// Adapts the options to the memory that was allowed. Says how many tables may be exported at
    /// the same time.
    pub(crate) fn fit(&mut self, jobs: u32) -> u32 {
        #[cfg(feature = "arrow")]
        return self.args.arrow.fit(self.format, jobs);
        #[cfg(not(feature = "arrow"))]
        jobs
    }

    /// What looks at all rows, if that is needed before the first can be written.
    pub(crate) fn scan(&self, about: About<'_>) -> Result<Option<Scan>, Failure> {
        #[cfg(feature = "arrow")]
        if self.format.is_arrow() {
            let table = self.args.arrow.table(self, about)?;
            let scan = table.needs_scan().then(|| Scan { scan: pgdmp_arrow::Scan::new(&table) });
            return Ok(scan);
        }
        let _ = about;
        Ok(None)
    }
}

/// Begins a file of rows. With `tag` each row says its table.
pub(crate) fn begin<'o>(
    options: &FormatOptions,
    output: Box<dyn Write + Send + 'o>,
    about: About<'_>,
    tag: Option<&str>,
    scanned: Option<Scanned>,
) -> Result<Box<dyn RowOutput + 'o>, Failure> {
    let FormatOptions { format, encoding, on_invalid, raw, args } = options;
    #[cfg(feature = "arrow")]
    if format.is_arrow() {
        let table = match scanned {
            Some(Scanned { table }) => table,
            None => args.arrow.table(options, about)?,
        };
        return args.arrow.begin(*format, table, output);
    }
    let _ = (scanned, about.keys, about.toc);
    let columns = about.columns;
    Ok(match format {
        Format::Csv | Format::Tsv => {
            let mut csv =
                if *format == Format::Csv { CsvOptions::new() } else { CsvOptions::tsv() };
            csv = csv.encoding(*encoding).on_invalid(*on_invalid).raw(*raw);
            csv = csv.header(!args.no_header).quote_all(args.quote_all);
            if let Some(delimiter) = args.delimiter {
                csv = csv.delimiter(delimiter);
            }
            if let Some(null) = &args.null {
                csv = csv.null(null.as_bytes());
            }
            Box::new(csv.write(output, columns.columns.iter().map(|column| &*column.name))?)
        }
        Format::Jsonl => {
            let mut json = JsonOptions::new().encoding(*encoding).on_invalid(*on_invalid);
            json = json.skip_nulls(args.skip_nulls);
            json = json.big_numbers_as_strings(args.big_numbers.is_some());
            if let Some(tag) = tag {
                json = json.tag(tag);
            }
            Box::new(json.write(output, columns)?)
        }
        #[cfg(feature = "arrow")]
        Format::Parquet | Format::Arrow | Format::Arrows => {
            return Err(Failure::Usage("the format is another".to_owned()));
        }
    })
}

impl<W: Write> RowOutput for CsvWriter<W> {
    fn row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<(), Failure> {
        Ok(match places {
            None => self.write_row(row),
            Some(places) => self.write_fields(row, places),
        }?)
    }

    fn finish(self: Box<Self>) -> Result<Replaced, Failure> {
        let invalid = self.replaced().to_vec();
        CsvWriter::finish(*self)?.flush().map_err(Failure::Output)?;
        Ok(Replaced { invalid, ..Replaced::default() })
    }
}

impl<W: Write> RowOutput for JsonWriter<W> {
    fn row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<(), Failure> {
        Ok(match places {
            None => self.write_row(row),
            Some(places) => self.write_fields(row, places),
        }?)
    }

    fn finish(self: Box<Self>) -> Result<Replaced, Failure> {
        let invalid = self.replaced().to_vec();
        JsonWriter::finish(*self)?.flush().map_err(Failure::Output)?;
        Ok(Replaced { invalid, ..Replaced::default() })
    }
}

/// An output whose errors say which it is.
pub(crate) struct Named<W> {
    pub(crate) inner: W,
    pub(crate) name: String,
}

impl<W: Write> Named<W> {
    fn named(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::Interrupted | io::ErrorKind::BrokenPipe => error,
            kind => io::Error::new(kind, format!("could not write to {}: {error}", self.name)),
        }
    }
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.inner.write(buf).map_err(|error| self.named(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(|error| self.named(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        for (name, format) in [
            ("a.csv", Some(Format::Csv)),
            ("a.b.TSV", Some(Format::Tsv)),
            ("x/a.ndjson", Some(Format::Jsonl)),
            ("a.csv.gz", None),
            ("csv", None),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        }
        for format in Format::value_variants() {
            let name = format!("a.{}", format.suffix());
            assert_eq!(Format::of_name(Path::new(&name)), Some(*format));
        }
    }
}
