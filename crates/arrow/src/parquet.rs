//! Rows into a Parquet file.

use std::fmt;
use std::io::Write;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use pgdmp::rows::Row;

use crate::batch::BatchBuilder;
use crate::encoding::ParquetEncoding;
use crate::error::Result;
use crate::options::OnUnrepresentable;
use crate::row_group::RowGroup;
use crate::table::ArrowTable;

/// How Parquet files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParquetCompression {
    /// Not at all.
    None,
    /// Snappy: fast.
    Snappy,
    /// zstd at this level, 1 to 22.
    Zstd(i32),
}

/// Options for Parquet files.
#[derive(Debug, Clone)]
pub struct ParquetOptions {
    compression: ParquetCompression,
    encoding: ParquetEncoding,
    row_group_rows: usize,
    row_group_bytes: usize,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        ParquetOptions::new()
    }
}

impl ParquetOptions {
    /// The defaults: zstd at level 1, [`ParquetEncoding::Plain`], and row groups of up to 1,000,000
    /// rows or 32 MiB. Level 3 makes prose 5 to 10 % smaller, and takes twice as long.
    pub fn new() -> Self {
        ParquetOptions {
            compression: ParquetCompression::Zstd(1),
            encoding: ParquetEncoding::Plain,
            row_group_rows: 1_000_000,
            row_group_bytes: 32 << 20,
        }
    }

    /// Sets the compression.
    #[must_use]
    pub fn compression(mut self, compression: ParquetCompression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets how values are written that no dictionary fits.
    #[must_use]
    pub fn encoding(mut self, encoding: ParquetEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets how many rows a row group has at most.
    #[must_use]
    pub fn row_group_rows(mut self, rows: usize) -> Self {
        self.row_group_rows = rows.max(1);
        self
    }

    /// Sets how many bytes of memory the rows of a row group take at most before they are encoded,
    /// short of one batch (2 MiB of rows, or 8,192). That is what writing needs, beside some MiB for
    /// the column that is encoded.
    #[must_use]
    pub fn row_group_bytes(mut self, bytes: usize) -> Self {
        self.row_group_bytes = bytes.max(1);
        self
    }
}

/// Rows are gathered until they have so many bytes.
const BATCH_ROWS: usize = 8 << 10;
const BATCH_BYTES: usize = 2 << 20;

/// A column whose different values are more than this in a row group is written without a dictionary,
/// which would be as long as the values.
const DICTIONARY_BYTES: usize = 256 << 10;

/// Writes rows into a Parquet file.
///
/// The file is whole after [`finish`](Self::finish) alone. Its metadata says how many values of a
/// column became NULL because Parquet does not have them: `pgdmp.nulled.` and the column's name.
/// Columns of geometry with an SRID are described as GeoParquet 1.1 wants it.
pub struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    group: RowGroup,
    builder: BatchBuilder,
    options: ParquetOptions,
    left_out: u64,
}

impl<W: Write + Send> fmt::Debug for ParquetFile<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetFile").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<W: Write + Send> ParquetFile<W> {
    /// Begins a file. The table must be made with [`Target::Parquet`](crate::Target::Parquet).
    ///
    /// # Errors
    ///
    /// [`Error::Parquet`](crate::Error::Parquet) if the schema cannot be written, as that of a table
    /// without columns, or the output fails.
    pub fn new(table: ArrowTable, options: &ParquetOptions, output: W) -> Result<Self> {
        let compression = match options.compression {
            ParquetCompression::None => Compression::UNCOMPRESSED,
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_created_by(concat!("pgdmp ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let mut table = table;
        table.options.batch_rows = table.options.batch_rows.min(BATCH_ROWS);
        table.options.batch_bytes = table.options.batch_bytes.min(BATCH_BYTES);
        // It knows how Arrow's schema becomes Parquet's, and writes it into the metadata.
        let writer = ArrowWriter::try_new(output, table.schema(), Some(properties))?;
        let (mut writer, _) = writer.into_serialized_writer()?;
        let group = RowGroup::new(&table.schema(), options.encoding, &writer)?;
        if let Some(geo) = table.geo() {
            writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), geo));
        }
        let builder = BatchBuilder::new(table);
        Ok(ParquetFile { writer, group, builder, options: options.clone(), left_out: 0 })
    }

    /// Writes a row, as [`BatchBuilder::push`] takes it.
    ///
    /// # Errors
    ///
    /// As [`BatchBuilder::push`], and if the output fails. Then the file is of no use. A row of a table
    /// without columns is unrepresentable, too: a Parquet file has as many rows as its columns. With
    /// another policy than [`OnUnrepresentable::Error`] it is left out, and counted
    /// ([`left_out`](Self::left_out)).
    pub fn write_row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<()> {
        let table = self.builder.table();
        if table.columns.is_empty() {
            if table.options.on_unrepresentable == OnUnrepresentable::Error {
                let what = "Parquet has no rows without columns (on-unrepresentable: null and text \
                            leave them out)";
                return Err(row.error(what).into());
            }
            self.left_out += 1;
            return Ok(());
        }
        self.builder.push(row, places)?;
        if self.builder.is_full() {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<()> {
        let mut batch = self.builder.finish()?;
        let most = self.options.row_group_rows;
        while self.group.rows() + batch.num_rows() >= most {
            let rest = most - self.group.rows();
            self.group.push(&batch.slice(0, rest));
            self.group.write(&mut self.writer)?;
            batch = batch.slice(rest, batch.num_rows() - rest);
        }
        if batch.num_rows() > 0 {
            self.group.push(&batch);
        }
        // Another batch like this one has to fit.
        if self.group.bytes() + batch.get_array_memory_size() > self.options.row_group_bytes {
            self.group.write(&mut self.writer)?;
        }
        Ok(())
    }

    /// How many rows were left out because their table has no columns.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// What builds the batches, with its counts.
    pub fn builder(&self) -> &BatchBuilder {
        &self.builder
    }

    /// Writes the end of the file. Gives the output and the counts.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn finish(mut self) -> Result<(W, BatchBuilder)> {
        if self.builder.rows() > 0 {
            self.write_batch()?;
        }
        self.group.write(&mut self.writer)?;
        for (column, count) in self.builder.nulled_columns() {
            let key = format!("pgdmp.nulled.{column}");
            self.writer.append_key_value_metadata(KeyValue::new(key, count.to_string()));
        }
        Ok((self.writer.into_inner()?, self.builder))
    }
}
