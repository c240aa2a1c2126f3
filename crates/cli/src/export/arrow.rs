//! Rows as Arrow IPC and Parquet.

use std::error::Error as _;
use std::io::{self, Write};

use clap::{Args, ValueEnum};

use super::output::{About, Format, FormatOptions, Replaced, RowOutput};
use crate::Failure;
use pgdmp::rows::Row;
use pgdmp_arrow::{
    ArrowOptions, ArrowTable, BatchBuilder, Error, IpcFormat, IpcOutput, NumericAs,
    OnUnrepresentable, ParquetCompression, ParquetEncoding, ParquetFile, ParquetOptions, Target,
};

/// The options about Arrow and Parquet.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Arrow and Parquet")]
pub(crate) struct ArrowArgs {
    /// What becomes of a value that Arrow or Parquet cannot hold exactly, such as 'infinity'
    #[arg(long, value_name = "HOW", default_value = "error")]
    on_unrepresentable: Policy,
    /// What a numeric without precision becomes: text, decimal:P,S, double, or scan: the smallest
    /// decimal that holds all values
    #[arg(long, value_name = "AS", default_value = "text", value_parser = numeric)]
    numeric: NumericAs,
    /// Parquet: write a numeric of 39 to 76 digits as a decimal, which DuckDB reads as a double
    #[arg(long)]
    decimal256: bool,
    /// Read money as a decimal: decimal:SIGN,DIGITS, as decimal:.,2
    #[arg(long, value_name = "AS", value_parser = money)]
    money: Option<(u8, u8)>,
    /// Write intervals as text
    #[arg(long, value_name = "AS", value_parser = ["text"])]
    interval: Option<String>,
    /// Write ranges as structs of their bounds
    #[arg(long, value_name = "AS", value_parser = ["struct"])]
    ranges: Option<String>,
    /// Arrays of a column have N dimensions: a list of lists
    #[arg(long, value_name = "COLUMN=N", value_parser = dimensions)]
    array_dims: Vec<(String, usize)>,
    /// Allow NULL in all columns, those that are NOT NULL too
    #[arg(long)]
    nullable: bool,
    /// Parquet: rows in a row group
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    row_group_rows: u32,
    /// Parquet: memory that the rows of a row group take before they are encoded, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    row_group_size: u32,
    /// Parquet: memory for the row groups of all tables that are exported at the same time, in MiB:
    /// row groups become smaller for it, and then there are fewer such tables [default: as much as
    /// --row-group-size for each]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    memory: Option<u32>,
    /// Parquet: zstd, zstd:LEVEL, snappy or none. Level 3 makes prose 5 to 15 % smaller, and takes
    /// twice as long
    #[arg(long, value_name = "HOW", default_value = "zstd:1", value_parser = compression)]
    parquet_compression: ParquetCompression,
    /// Parquet: how values are written that have too many different ones for a dictionary
    #[arg(long, value_name = "HOW", default_value = "plain")]
    parquet_encoding: Encoding,
}

/// How values are written that no dictionary fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Encoding {
    /// As they are, which all readers know
    Plain,
    /// Numbers and times as differences, texts apart from their lengths: smaller, and faster to write.
    /// Some readers refuse such a file, as Spark before 3.4
    Delta,
}

impl Default for ArrowArgs {
    fn default() -> Self {
        ArrowArgs {
            on_unrepresentable: Policy::Error,
            numeric: NumericAs::Text,
            decimal256: false,
            money: None,
            interval: None,
            ranges: None,
            array_dims: Vec::new(),
            nullable: false,
            row_group_rows: 1_000_000,
            row_group_size: 32,
            memory: None,
            parquet_compression: ParquetCompression::Zstd(1),
            parquet_encoding: Encoding::Plain,
        }
    }
}

/// What becomes of a value that cannot be represented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// The table fails
    Error,
    /// It becomes NULL
    Null,
    /// Its whole column becomes text: the rows are read twice
    Text,
}

fn numeric(text: &str) -> Result<NumericAs, String> {
    Ok(match text {
        "text" => NumericAs::Text,
        "double" => NumericAs::Double,
        "scan" => NumericAs::Scan,
        _ => {
            let sizes = text.strip_prefix("decimal:").and_then(|sizes| sizes.split_once(','));
            let sizes = sizes.and_then(|(p, s)| Some((p.parse().ok()?, s.parse().ok()?)));
            match sizes {
                Some((precision @ 1..=38, scale @ 0..))
                    if i32::from(scale) <= i32::from(precision) =>
                {
                    NumericAs::Decimal(precision, scale)
                }
                _ => {
                    let what =
                        "it is text, double, scan, or decimal:P,S with P up to 38 and S up to P";
                    return Err(what.to_owned());
                }
            }
        }
    })
}

fn money(text: &str) -> Result<(u8, u8), String> {
    let parts = text.strip_prefix("decimal:").and_then(|parts| parts.rsplit_once(','));
    match parts.map(|(sign, digits)| (sign.as_bytes(), digits.parse())) {
        Some(([sign], Ok(digits @ 0..=18))) if sign.is_ascii_punctuation() => Ok((*sign, digits)),
        _ => Err("it is decimal:SIGN,DIGITS, as decimal:.,2".to_owned()),
    }
}

fn dimensions(text: &str) -> Result<(String, usize), String> {
    match text.rsplit_once('=').map(|(name, count)| (name, count.parse())) {
        Some((name, Ok(count @ 1..=6))) => Ok((name.to_owned(), count)),
        _ => Err("it is COLUMN=N, with N from 1 to 6".to_owned()),
    }
}

fn compression(text: &str) -> Result<ParquetCompression, String> {
    Ok(match text {
        "none" => ParquetCompression::None,
        "snappy" => ParquetCompression::Snappy,
        "zstd" => ParquetCompression::Zstd(1),
        _ => match text.strip_prefix("zstd:").map(str::parse) {
            Some(Ok(level @ 1..=22)) => ParquetCompression::Zstd(level),
            _ => return Err("it is zstd, zstd:1 to zstd:22, snappy, or none".to_owned()),
        },
    })
}

impl ArrowArgs {
    /// Finds options that the format does not have.
    pub(crate) fn check(&self, format: Format) -> Result<(), Failure> {
        if format.is_arrow() || *self == ArrowArgs::default() {
            return Ok(());
        }
        Err(Failure::Usage(
            "the options about Arrow and Parquet need --format parquet, arrow or arrows".to_owned(),
        ))
    }

    /// Makes row groups fit into the memory that there is for them. Says how many tables may be
    /// exported at the same time.
    pub(crate) fn fit(&mut self, format: Format, jobs: u32) -> u32 {
        // Smaller ones are of little use to readers.
        const LEAST: u32 = 4;
        let Some(memory) = self.memory.filter(|_| format == Format::Parquet) else { return jobs };
        let jobs = jobs.min(memory / LEAST).max(1);
        self.row_group_size = self.row_group_size.min(memory / jobs);
        jobs
    }

    /// The table as Arrow has it, before any of its rows was looked at.
    pub(crate) fn table(
        &self,
        options: &FormatOptions,
        about: About<'_>,
    ) -> Result<ArrowTable, Failure> {
        let mut arrow = ArrowOptions::new()
            .target(match options.format {
                Format::Parquet => Target::Parquet,
                _ => Target::Arrow,
            })
            .on_unrepresentable(match self.on_unrepresentable {
                Policy::Error => OnUnrepresentable::Error,
                Policy::Null => OnUnrepresentable::Null,
                Policy::Text => OnUnrepresentable::Text,
            })
            .on_invalid(options.on_invalid)
            .raw(options.raw)
            .numeric(self.numeric)
            .decimal256(self.decimal256)
            .interval_text(self.interval.is_some())
            .range_struct(self.ranges.is_some())
            .nullable(self.nullable);
        if let Some((sign, digits)) = self.money {
            arrow = arrow.money(sign, digits);
        }
        for (name, count) in &self.array_dims {
            let name =
                options.encoding.translate(name.as_bytes()).unwrap_or(name.as_bytes().to_vec());
            arrow = arrow.array_dimensions(&name, *count);
        }
        let table = ArrowTable::new(about.columns, options.encoding, &arrow)?;
        Ok(match about.keys {
            Some(keys) => table.describe(about.toc, keys),
            None => table,
        })
    }

    pub(crate) fn begin<'o>(
        &self,
        format: Format,
        table: ArrowTable,
        output: Box<dyn Write + Send + 'o>,
    ) -> Result<Box<dyn RowOutput + 'o>, Failure> {
        Ok(match format {
            Format::Parquet => {
                let options = ParquetOptions::new()
                    .compression(self.parquet_compression)
                    .encoding(match self.parquet_encoding {
                        Encoding::Delta => ParquetEncoding::Delta,
                        Encoding::Plain => ParquetEncoding::Plain,
                    })
                    .row_group_rows(usize::try_from(self.row_group_rows).unwrap_or(usize::MAX))
                    .row_group_bytes((self.row_group_size as usize) << 20);
                Box::new(ParquetFile::new(table, &options, output)?)
            }
            Format::Arrows => Box::new(IpcOutput::new(table, IpcFormat::Stream, output)?),
            _ => Box::new(IpcOutput::new(table, IpcFormat::File, output)?),
        })
    }
}

impl<W: Write + Send> RowOutput for ParquetFile<W> {
    fn row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<(), Failure> {
        Ok(self.write_row(row, places)?)
    }

    fn finish(self: Box<Self>) -> Result<Replaced, Failure> {
        let left_out = self.left_out();
        let (mut output, builder) = ParquetFile::finish(*self)?;
        output.flush().map_err(Failure::Output)?;
        Ok(Replaced { left_out, ..replaced(&builder) })
    }
}

impl<W: Write> RowOutput for IpcOutput<W> {
    fn row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<(), Failure> {
        Ok(self.write_row(row, places)?)
    }

    fn finish(self: Box<Self>) -> Result<Replaced, Failure> {
        let (mut output, builder) = IpcOutput::finish(*self)?;
        output.flush().map_err(Failure::Output)?;
        Ok(replaced(&builder))
    }
}

fn replaced(builder: &BatchBuilder) -> Replaced {
    Replaced {
        invalid: builder.replaced().to_vec(),
        unrepresentable: builder.nulled().to_vec(),
        left_out: 0,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Archive(error) => Failure::Archive(error),
            Error::Usage(what) => Failure::Usage(what),
            // It says what could not be written.
            error => Failure::Archive(io_error(error).into()),
        }
    }
}

/// The error of the output itself, if that is what it is.
fn io_error(error: Error) -> io::Error {
    let mut inner = error.source();
    while let Some(source) = inner {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return io::Error::new(io.kind(), io.to_string());
        }
        inner = source.source();
    }
    io::Error::other(error)
}
