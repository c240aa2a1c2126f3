//! `BatchBuilder`: rows into record batches.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use pgdmp::rows::{OnInvalid, Row};
use pgdmp::text::Printable;

use crate::column::{Column, Refused};
use crate::error::Result;
use crate::options::OnUnrepresentable;
use crate::table::ArrowTable;

/// Builds record batches of rows.
///
/// ```
/// use pgdmp::types::Definitions;
/// use pgdmp::{Archive, Desc};
/// use pgdmp_arrow::{ArrowOptions, ArrowTable, BatchBuilder};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/pg18/small-dir");
/// # /*
/// let path = "fixtures/pg18/small-dir";
/// # */
/// let archive = Archive::open(path)?;
/// let entry = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
/// let columns = Definitions::new(archive.toc()).columns(entry)?;
/// let table = ArrowTable::new(&columns, archive.toc().text_encoding(), &ArrowOptions::new())?;
/// let mut builder = BatchBuilder::new(table);
/// let mut rows = archive.rows(entry.dump_id())?;
/// while let Some(row) = rows.next_row()? {
///     builder.push(&row, None)?;
/// }
/// let batch = builder.finish()?;
/// assert_eq!(batch.schema().field(0).name(), "id");
/// assert!(batch.num_rows() > 0);
/// # Ok::<(), pgdmp_arrow::Error>(())
/// ```
#[derive(Debug)]
pub struct BatchBuilder {
    table: ArrowTable,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    /// What each row takes beside its text.
    row_bytes: usize,
    /// Columns with arrays whose elements take more than their text.
    large: Vec<usize>,
    scratch: Vec<u8>,
    nulled: Vec<u64>,
    replaced: Vec<u64>,
}

/// A value of a row that its column does not have.
pub(crate) struct RefusedValue {
    pub(crate) column: usize,
    pub(crate) refused: Refused,
    /// `None`: NULL.
    value: Option<Vec<u8>>,
}

impl BatchBuilder {
    /// Batches of this table.
    pub fn new(table: ArrowTable) -> Self {
        let columns = table.columns.iter().map(|column| Column::new(&column.kind)).collect();
        let counts = vec![0; table.columns.len()];
        let null_bytes = table.columns.iter().map(|column| column.kind.null_bytes());
        let kinds = table.columns.iter().map(|column| &column.kind).enumerate();
        let large = kinds.filter(|(_, kind)| kind.has_large_elements()).map(|(n, _)| n);
        BatchBuilder {
            columns,
            rows: 0,
            bytes: 0,
            row_bytes: null_bytes.fold(0, usize::saturating_add),
            large: large.collect(),
            scratch: Vec::new(),
            nulled: counts.clone(),
            replaced: counts,
            table,
        }
    }

    /// The table.
    pub fn table(&self) -> &ArrowTable {
        &self.table
    }

    /// Adds a row. `places` are the fields for the columns, from 0, if they are not those of the row
    /// in their order.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`](crate::Error::Archive) for a value that the options do not allow; then the
    /// batch is of no use.
    pub fn push(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<()> {
        let width = places.map_or(row.len(), <[usize]>::len);
        if width != self.columns.len() {
            let wanted = self.columns.len();
            return Err(row.error(format!("it has {width} fields instead of {wanted}")).into());
        }
        for column in 0..width {
            if let Some(refused) = self.append(row, places, column)? {
                self.decide(row, &refused)?;
            }
        }
        self.rows += 1;
        self.bytes += row.as_bytes().len() + self.row_bytes;
        Ok(())
    }

    /// Adds the value of one column. If it is refused, NULL is there.
    pub(crate) fn append(
        &mut self,
        row: &Row<'_>,
        places: Option<&[usize]>,
        column: usize,
    ) -> Result<Option<RefusedValue>> {
        let place = places.map_or(Some(column), |places| places.get(column).copied());
        let Some(field) = place.and_then(|place| row.get(place)) else {
            return Err(row.error("it has no such field").into());
        };
        let text = field.value_in(&mut self.scratch);
        let (Some(values), Some(planned)) =
            (self.columns.get_mut(column), self.table.columns.get(column))
        else {
            return Ok(None);
        };
        let done = match text {
            None if !planned.nullable => {
                values.append_null();
                Err(Refused::Invalid("is NULL, and the column is NOT NULL".into()))
            }
            text => values.append(text, &self.table.texts),
        };
        Ok(match done {
            Ok(()) => None,
            Err(refused) => {
                let value = text.map(|text| text.get(..SHOWN + 1).unwrap_or(text).to_vec());
                Some(RefusedValue { column, refused, value })
            }
        })
    }

    /// What becomes of a row with this value.
    fn decide(&mut self, row: &Row<'_>, refused: &RefusedValue) -> Result<()> {
        let options = &self.table.options;
        let counts = match refused.refused {
            Refused::Unrepresentable(_) => match options.on_unrepresentable {
                OnUnrepresentable::Null => &mut self.nulled,
                _ => return Err(self.error(row, refused).into()),
            },
            Refused::Invalid(_) => match options.on_invalid {
                OnInvalid::Null => &mut self.replaced,
                _ => return Err(self.error(row, refused).into()),
            },
        };
        if let Some(count) = counts.get_mut(refused.column) {
            *count += 1;
        }
        Ok(())
    }

    pub(crate) fn error(&self, row: &Row<'_>, refused: &RefusedValue) -> pgdmp::Error {
        let encoding = self.table.texts.encoding();
        let name = self.table.columns.get(refused.column).map_or(&[][..], |column| &column.name);
        let name = Printable::new(name, encoding);
        let value = match &refused.value {
            None => String::new(),
            Some(value) if value.len() > SHOWN => {
                format!(" \"{}...\"", Printable::new(&value[..SHOWN], encoding))
            }
            Some(value) => format!(" \"{}\"", Printable::new(value, encoding)),
        };
        row.error(match &refused.refused {
            Refused::Invalid(what) => format!("column \"{name}\":{value} {what}"),
            Refused::Unrepresentable(why) => format!(
                "column \"{name}\":{value} has no exact value of the column's type: {why} \
                 (on-unrepresentable: null makes it NULL, text makes the whole column text)"
            ),
        })
    }

    /// Whether the batch has as many rows or bytes as [`ArrowOptions`](crate::ArrowOptions) says.
    pub fn is_full(&self) -> bool {
        let extra = self.large.iter().filter_map(|n| self.columns.get(*n)).map(Column::extra);
        let bytes = extra.fold(self.bytes, usize::saturating_add);
        self.rows >= self.table.options.batch_rows || bytes >= self.table.options.batch_bytes
    }

    /// The number of rows in the batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The batch of the rows so far. The next row is the first of another.
    ///
    /// # Errors
    ///
    /// [`Error::Arrow`](crate::Error::Arrow) if Arrow refuses it, which does not happen.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let columns = self.columns.iter_mut().map(Column::finish);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let schema = Arc::clone(&self.table.schema);
        (self.rows, self.bytes) = (0, 0);
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }

    /// How many unrepresentable values became NULL, for each column
    /// ([`OnUnrepresentable::Null`]).
    pub fn nulled(&self) -> &[u64] {
        &self.nulled
    }

    /// How many values that are not valid became NULL, for each column
    /// ([`OnInvalid::Null`](pgdmp::rows::OnInvalid::Null)).
    pub fn replaced(&self) -> &[u64] {
        &self.replaced
    }

    /// The names of the columns with unrepresentable values that became NULL, and how many.
    pub(crate) fn nulled_columns(&self) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.nulled.iter().copied().enumerate().filter(|(_, count)| *count > 0);
        counts.map(|(column, count)| (self.table.shown(column), count))
    }
}

/// Bytes of a value that an error shows.
const SHOWN: usize = 80;

impl BatchBuilder {
    /// A row was looked at, and its values are not wanted.
    pub(crate) fn seen(&mut self, row: &Row<'_>) {
        self.rows += 1;
        self.bytes += row.as_bytes().len() + self.row_bytes;
        if self.is_full() {
            (self.rows, self.bytes) = (0, 0);
            let columns = self.table.columns.iter();
            self.columns = columns.map(|column| Column::new(&column.kind)).collect();
        }
    }
}
