//! The rows of a part of a table.

use std::io::{self, BufRead, Read};
use std::ops::Range;

use super::of_archive::Way;
use super::reader::Rows;
use crate::archive::{Archive, DataRange};
use crate::error::{Error, Result};
use crate::toc::DumpId;

/// The last bytes of COPY text are the end marker and empty lines, 5 in all. Whoever begins in them
/// must see that, and so looks at some bytes before.
const LOOK_BACK: u64 = 8;

impl Archive {
    /// Opens the rows of a table that begin in the bytes `range` of its decompressed data. Ranges that
    /// follow one another give each row once, wherever they are cut, so that several threads or
    /// machines can share a table.
    ///
    /// No more of the archive is read than of a [`data_range`](Self::data_range), up to the end of the
    /// last row. Numbers of rows, and positions in errors, count from the first row that is given.
    ///
    /// ```
    /// use pgdmp::{Archive, Desc};
    ///
    /// let archive = Archive::open("fixtures/pg18/small-dir")?;
    /// let town = archive.toc().find(Desc::TABLE_DATA, Some(b"public"), b"town").unwrap();
    /// let all = archive.rows(town.dump_id())?.count()?;
    /// let mut parts = 0;
    /// for range in [0..20, 20..40, 40..u64::MAX] {
    ///     parts += archive.rows_range(town.dump_id(), range)?.count()?;
    /// }
    /// assert_eq!(parts, all);
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows), and [`ErrorKind::Usage`](crate::ErrorKind::Usage) for INSERT commands:
    /// where they begin cannot be told from the middle of them.
    pub fn rows_range(&self, id: DumpId, range: Range<u64>) -> Result<Rows<RowsRange>> {
        let entry = self.entry(id).ok_or_else(|| Error::not_found(format!("entry {id}")))?;
        let way = Way::of(entry)?.limits(*self.limits()).partial();
        let way = way.ok_or_else(|| {
            let error =
                Error::usage("a range of rows needs COPY text, and these are INSERT commands");
            error.in_entry(|| entry.name())
        })?;
        let from = range.start.saturating_sub(LOOK_BACK);
        let data = self.data_range(id, from..u64::MAX)?;
        Ok(way.read(RowsRange { data, range, begun: false, end: None }))
    }
}

/// The COPY text of rows that begin in a range: what [`Archive::rows_range`] reads.
#[derive(Debug)]
pub struct RowsRange {
    data: DataRange,
    range: Range<u64>,
    begun: bool,
    /// Where the rows end, once that is known.
    end: Option<u64>,
}

impl RowsRange {
    /// Moves to the first row that begins in the range.
    fn begin(&mut self) -> io::Result<()> {
        // What is seen before it. The text itself begins as behind a line end.
        let mut seen = if self.data.position() == 0 { vec![b'\n'] } else { Vec::new() };
        let before = self.range.start.saturating_sub(self.data.position());
        Read::take(&mut self.data, before).read_to_end(&mut seen)?;
        if !seen.ends_with(b"\n") {
            // The rest of an end marker, or some of a row.
            Read::take(&mut self.data, 3).read_until(b'\n', &mut seen)?;
        }
        if !seen.ends_with(b"\n") {
            self.data.skip_until(b'\n')?;
        }
        if seen.windows(4).any(|line| line == b"\n\\.\n") {
            self.end = Some(self.data.position());
        }
        Ok(())
    }
}

impl BufRead for RowsRange {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.range.is_empty() {
            return Ok(&[]);
        }
        if !self.begun {
            self.begin()?;
            self.begun = true;
            if self.data.position() >= self.range.end {
                self.end = Some(self.data.position());
            }
        }
        let position = self.data.position();
        if self.end.is_none() {
            // The first line end behind which no row begins in the range.
            let bytes = self.data.fill_buf()?;
            let over = usize::try_from((self.range.end - 1).saturating_sub(position));
            let rest = bytes.get(over.unwrap_or(usize::MAX)..).unwrap_or_default();
            if let Some(n) = rest.iter().position(|byte| *byte == b'\n') {
                self.end = Some(position + (bytes.len() - rest.len() + n + 1) as u64);
            }
        }
        let left = self.end.map_or(u64::MAX, |end| end.saturating_sub(position));
        if left == 0 {
            return Ok(&[]);
        }
        let bytes = self.data.fill_buf()?;
        Ok(&bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, count: usize) {
        self.data.consume(count);
    }
}

impl Read for RowsRange {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}
