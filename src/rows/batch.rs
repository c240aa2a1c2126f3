//! Rows that lie in memory, and where each of their fields ends.

/// Some rows as COPY text.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The rows, and behind them what is not yet known to be one.
    pub(super) bytes: Vec<u8>,
    ends: Vec<End>,
    rows: Vec<Place>,
    /// How many of the ends belong to a row.
    taken: usize,
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    /// Its ends.
    first: usize,
    last: usize,
    /// Bytes of the data before it.
    offset: u64,
}

/// The end of a field: its place in the bytes, and in the highest bit whether there is a backslash
/// in the field. A window has less than 2³¹ bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct End(u32);

impl End {
    const ESCAPED: u32 = 1 << 31;

    pub(super) fn at(self) -> usize {
        (self.0 & !End::ESCAPED) as usize
    }

    pub(super) fn is_escaped(self) -> bool {
        self.0 & End::ESCAPED != 0
    }
}

/// A row of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) start: usize,
    pub(super) ends: &'b [End],
    /// Bytes of the data before it.
    pub(super) offset: u64,
}

impl Batch {
    /// No window may be longer.
    pub(super) const LONGEST: usize = (1 << 31) - 1;

    /// Forgets the rows. The bytes stay.
    pub(super) fn clear(&mut self) {
        self.ends.clear();
        self.rows.clear();
        self.taken = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn get(&self, row: usize) -> Option<Found<'_>> {
        let Place { start, first, last, offset } = *self.rows.get(row)?;
        Some(Found { bytes: &self.bytes, start, ends: &self.ends[first..last], offset })
    }

    /// A field of the next row ends before `at`.
    pub(super) fn end_field(&mut self, at: usize, escaped: bool) {
        self.ends.push(End(at as u32 | if escaped { End::ESCAPED } else { 0 }));
    }

    /// The next row has the fields that ended since the last one.
    pub(super) fn end_row(&mut self, start: usize, offset: u64) {
        self.rows.push(Place { start, first: self.taken, last: self.ends.len(), offset });
        self.taken = self.ends.len();
    }

    /// The last row is not one after all.
    pub(super) fn forget_fields(&mut self) {
        self.ends.truncate(self.taken);
    }
}
