//! Row groups of a Parquet file: rows that are gathered, and encoded column by column.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{FieldRef, Schema};
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::encoding::{Dictionaries, ParquetEncoding};
use crate::error::Result;

/// The rows of one row group, which are encoded when there are enough.
///
/// One column is encoded at a time. An encoder holds dictionaries, a page, and what its compression
/// needs: up to some MiB for each column, which would be gigabytes for a table with hundreds of them.
/// The rows themselves have a size that is known.
pub(crate) struct RowGroup {
    columns: Vec<Pending>,
    encoding: ParquetEncoding,
    rows: usize,
    bytes: usize,
}

/// The values of a column.
struct Pending {
    field: FieldRef,
    /// The schema of a file with this column alone.
    alone: TypePtr,
    dictionaries: Dictionaries,
    /// Makes the encoders of the column, one for each leaf of its type.
    encoders: ArrowRowGroupWriterFactory,
    values: Vec<ArrayRef>,
}

impl RowGroup {
    /// No rows yet, of a file that was begun with this schema.
    pub(crate) fn new<W: Write + Send>(
        schema: &Schema,
        encoding: ParquetEncoding,
        file: &SerializedFileWriter<W>,
    ) -> Result<RowGroup> {
        let root = file.schema_descr().root_schema();
        let columns = schema.fields().iter().zip(root.get_fields());
        let columns = columns.map(|(field, own)| {
            let alone = Type::group_type_builder(root.name()).with_fields(vec![Arc::clone(own)]);
            let alone = Arc::new(alone.build()?);
            let dictionaries = Dictionaries::new(&alone);
            let properties = dictionaries.properties(&alone, encoding, file.properties());
            let encoders = of_column(field, &alone, properties)?;
            let field = Arc::clone(field);
            Ok(Pending { field, alone, dictionaries, encoders, values: Vec::new() })
        });
        Ok(RowGroup { columns: columns.collect::<Result<_>>()?, encoding, rows: 0, bytes: 0 })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How much memory the rows take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for (column, values) in self.columns.iter_mut().zip(batch.columns()) {
            self.bytes += values.get_array_memory_size();
            column.values.push(Arc::clone(values));
        }
    }

    /// Writes the rows as a row group. Then there are none.
    pub(crate) fn write<W: Write + Send>(
        &mut self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let number = file.flushed_row_groups().len();
        let properties = WriterPropertiesPtr::clone(file.properties());
        let mut group = file.next_row_group()?;
        for column in &mut self.columns {
            let mut encoders = column.encoders.create_column_writers(number)?;
            // What is encoded is not needed any more.
            for values in column.values.drain(..) {
                for (leaf, encoder) in
                    compute_leaves(&column.field, &values)?.iter().zip(&mut encoders)
                {
                    encoder.write(leaf)?;
                }
            }
            let mut changed = false;
            for (leaf, encoder) in encoders.into_iter().enumerate() {
                let chunk = encoder.close()?;
                changed |= column.dictionaries.learn(leaf, &chunk.close().metadata);
                chunk.append_to_row_group(&mut group)?;
            }
            if changed {
                let next =
                    column.dictionaries.properties(&column.alone, self.encoding, &properties);
                column.encoders = of_column(&column.field, &column.alone, next)?;
            }
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

/// What makes the encoders of one column: as if it were the only one of a file.
fn of_column(
    field: &FieldRef,
    alone: &TypePtr,
    properties: WriterProperties,
) -> Result<ArrowRowGroupWriterFactory> {
    let file = SerializedFileWriter::new(io::sink(), Arc::clone(alone), Arc::new(properties))?;
    Ok(ArrowRowGroupWriterFactory::new(&file, Arc::new(Schema::new(vec![Arc::clone(field)]))))
}
