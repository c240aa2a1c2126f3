//! Rows into an Arrow IPC file or stream.

use std::fmt;
use std::io::Write;

use arrow_ipc::writer::{FileWriter, StreamWriter};
use pgdmp::rows::Row;

use crate::batch::BatchBuilder;
use crate::error::Result;
use crate::table::ArrowTable;

/// Which form of Arrow IPC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpcFormat {
    /// A file (`.arrow`), whose batches can be read in any order.
    File,
    /// A stream (`.arrows`), which can go to a pipe.
    Stream,
}

/// Writes rows as Arrow IPC.
///
/// The output is whole after [`finish`](Self::finish) alone. The metadata in the footer of a file
/// says how many values of a column became NULL because Arrow does not have them: `pgdmp.nulled.`
/// and the column's name. A stream has no place for that.
pub struct IpcOutput<W: Write> {
    writer: Writer<W>,
    builder: BatchBuilder,
}

enum Writer<W: Write> {
    File(FileWriter<W>),
    Stream(StreamWriter<W>),
}

impl<W: Write> fmt::Debug for IpcOutput<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpcOutput").finish_non_exhaustive()
    }
}

impl<W: Write> IpcOutput<W> {
    /// Begins an output.
    ///
    /// # Errors
    ///
    /// [`Error::Arrow`](crate::Error::Arrow) if the output fails.
    pub fn new(table: ArrowTable, format: IpcFormat, output: W) -> Result<Self> {
        let schema = table.schema();
        let writer = match format {
            IpcFormat::File => Writer::File(FileWriter::try_new(output, &schema)?),
            IpcFormat::Stream => Writer::Stream(StreamWriter::try_new(output, &schema)?),
        };
        Ok(IpcOutput { writer, builder: BatchBuilder::new(table) })
    }

    /// Writes a row, as [`BatchBuilder::push`] takes it.
    ///
    /// # Errors
    ///
    /// As [`BatchBuilder::push`], and if the output fails. Then the output is of no use.
    pub fn write_row(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<()> {
        self.builder.push(row, places)?;
        if self.builder.is_full() {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<()> {
        let batch = self.builder.finish()?;
        match &mut self.writer {
            Writer::File(writer) => writer.write(&batch)?,
            Writer::Stream(writer) => writer.write(&batch)?,
        }
        Ok(())
    }

    /// What builds the batches, with its counts.
    pub fn builder(&self) -> &BatchBuilder {
        &self.builder
    }

    /// Writes the end. Gives the output and the counts.
    ///
    /// # Errors
    ///
    /// If the output fails.
    pub fn finish(mut self) -> Result<(W, BatchBuilder)> {
        if self.builder.rows() > 0 {
            self.write_batch()?;
        }
        let output = match self.writer {
            Writer::File(mut writer) => {
                for (column, count) in self.builder.nulled_columns() {
                    writer.write_metadata(format!("pgdmp.nulled.{column}"), count.to_string());
                }
                writer.finish()?;
                writer.into_inner()?
            }
            Writer::Stream(mut writer) => {
                writer.finish()?;
                writer.into_inner()?
            }
        };
        Ok((output, self.builder))
    }
}
