//! A part of the data of one entry.

use std::io::{self, BufRead, Read, Write};
use std::ops::Range;

use super::data::{EntryData, copy_rest};
use super::open::Archive;
use crate::error::Result;
use crate::toc::{BlockKind, DumpId};

impl Archive {
    /// Opens a part of the decompressed data of an entry: the bytes `range` of what
    /// [`data`](Self::data) gives. What lies behind the end of the data is not there, as in a file.
    ///
    /// Data in the form that this crate writes consists of pieces of 1 MiB, and those before the range
    /// are passed over: of each no more is read than its headers, and of the range no more than its
    /// pieces. So it is with lz4 and Zstandard in every format, and with gzip in a directory. Data that
    /// is not compressed is passed over in every archive, by the lengths of its chunks. All else is
    /// decompressed from its beginning: one stream, as `pg_dump` writes it, and gzip in a custom
    /// archive.
    ///
    /// What is passed over is not checked, and neither is the end of the data.
    ///
    /// ```
    /// use std::io::Read;
    /// use pgdmp::{Archive, Desc};
    ///
    /// let archive = Archive::open("fixtures/pg18/small-dir")?;
    /// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
    /// let mut part = Vec::new();
    /// archive.data_range(town.dump_id(), 2..6)?.read_to_end(&mut part)?;
    /// assert_eq!(part.len(), 4);
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn data_range(&self, id: DumpId, range: Range<u64>) -> Result<DataRange> {
        let entry = self.entry_with_data(id, BlockKind::Data)?;
        let open =
            || self.open_piece(entry)?.decode_from(range.start, self.contexts(), self.limits());
        let (data, position) = open().map_err(|error| error.in_entry(|| entry.name()))?;
        Ok(DataRange { data, position, range })
    }
}

/// A reader of a part of the data of an entry, made by [`Archive::data_range`].
///
/// It reads and fails as [`EntryData`] does.
#[derive(Debug)]
pub struct DataRange {
    data: EntryData<'static>,
    /// Plain bytes of the entry before the next one of `data`.
    position: u64,
    range: Range<u64>,
}

impl DataRange {
    /// How many bytes of the entry's data come before the next one that is read.
    pub fn position(&self) -> u64 {
        self.position.max(self.range.start)
    }

    /// Writes the rest of the part to `output`, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// Those of the data and of the output.
    pub fn copy_to(&mut self, output: impl Write) -> Result<u64> {
        copy_rest(self, output)
    }

    /// Reads up to the beginning of the range.
    fn begin(&mut self) -> io::Result<()> {
        while self.position < self.range.start {
            let len = self.data.fill_buf()?.len();
            if len == 0 {
                // The data is shorter.
                self.range.end = self.range.start;
                break;
            }
            let over = usize::try_from(self.range.start - self.position).unwrap_or(usize::MAX);
            self.consume_data(len.min(over));
        }
        Ok(())
    }

    fn consume_data(&mut self, count: usize) {
        self.data.consume(count);
        self.position += count as u64;
    }
}

impl BufRead for DataRange {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.range.is_empty() {
            return Ok(&[]);
        }
        self.begin()?;
        let left = self.range.end.saturating_sub(self.position);
        if left == 0 {
            return Ok(&[]);
        }
        let bytes = self.data.fill_buf()?;
        Ok(&bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, count: usize) {
        self.consume_data(count);
    }
}

impl Read for DataRange {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}
