//! `ArrowRows`: the rows of a table as record batches.

use std::fmt;
use std::io::BufRead;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pgdmp::rows::Rows;

use crate::batch::BatchBuilder;
use crate::error::{Error, Result};
use crate::table::ArrowTable;

/// The rows of a table as record batches: a [`RecordBatchReader`].
///
/// ```
/// use arrow_array::RecordBatchReader;
/// use pgdmp::types::Definitions;
/// use pgdmp::{Archive, Desc};
/// use pgdmp_arrow::{ArrowOptions, ArrowRows, ArrowTable};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/pg18/small-dir");
/// # /*
/// let path = "fixtures/pg18/small-dir";
/// # */
/// let archive = Archive::open(path)?;
/// let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let columns = Definitions::new(archive.toc()).columns(entry)?;
/// let table = ArrowTable::new(&columns, archive.toc().text_encoding(), &ArrowOptions::new())?;
/// let batches = ArrowRows::new(archive.rows(entry.dump_id())?, table);
/// println!("{:?}", batches.schema());
/// for batch in batches {
///     println!("{} rows", batch?.num_rows());
/// }
/// # Ok::<(), pgdmp_arrow::Error>(())
/// ```
pub struct ArrowRows<R> {
    rows: Rows<R>,
    builder: BatchBuilder,
    ended: bool,
}

impl<R: BufRead> ArrowRows<R> {
    /// The rows of a table, whose columns are theirs in the same order.
    pub fn new(rows: Rows<R>, table: ArrowTable) -> Self {
        ArrowRows { rows, builder: BatchBuilder::new(table), ended: false }
    }

    /// What builds the batches, with its counts.
    pub fn builder(&self) -> &BatchBuilder {
        &self.builder
    }

    /// The next batch; `None` after the last. A table without rows has none.
    ///
    /// # Errors
    ///
    /// As [`Rows::next_row`] and [`BatchBuilder::push`]. After an error there are no batches.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.ended {
            return Ok(None);
        }
        // Rows before an error that are not a whole batch are not given out.
        self.ended = true;
        while let Some(row) = self.rows.next_row()? {
            self.builder.push(&row, None)?;
            if self.builder.is_full() {
                self.ended = false;
                break;
            }
        }
        match self.builder.rows() {
            0 => Ok(None),
            _ => self.builder.finish().map(Some),
        }
    }
}

impl<R> fmt::Debug for ArrowRows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrowRows").field("table", self.builder.table()).finish_non_exhaustive()
    }
}

impl<R: BufRead> Iterator for ArrowRows<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(ArrowError::from).transpose()
    }
}

impl<R: BufRead> RecordBatchReader for ArrowRows<R> {
    fn schema(&self) -> SchemaRef {
        self.builder.table().schema()
    }
}

impl From<Error> for ArrowError {
    fn from(error: Error) -> Self {
        match error {
            Error::Arrow(error) => error,
            error => ArrowError::ExternalError(Box::new(error)),
        }
    }
}
