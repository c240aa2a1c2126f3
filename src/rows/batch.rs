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
    /// Where the line of the last row ends.
    pub(super) end: usize,
    /// The INSERT commands that the rows are from, where they are wanted.
    pub(super) commands: Option<Commands>,
}

/// INSERT commands as they are written, divided among their rows.
#[derive(Debug, Default)]
pub(super) struct Commands {
    pub(super) text: Vec<u8>,
    parts: Vec<Part>,
}

/// Where the parts of a row end in the text of its command.
#[derive(Debug, Clone, Copy)]
struct Part {
    lead: usize,
    values: usize,
    tail: usize,
    begins: bool,
    ends: bool,
}

/// What is written of a row in an INSERT command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command<'c> {
    /// The head of the command, or what stands between the comma and the row.
    pub(super) lead: &'c [u8],
    /// The values, in parentheses.
    pub(super) values: &'c [u8],
    /// What follows them up to the comma or the end of the command.
    pub(super) tail: &'c [u8],
    /// Whether the row is the first of its command, and the last.
    pub(super) begins: bool,
    pub(super) ends: bool,
}

impl Commands {
    fn clear(&mut self) {
        self.text.clear();
        self.parts.clear();
    }

    /// Adds a row: `lead` and `values` say where these end in `text`.
    pub(super) fn push(
        &mut self,
        text: &[u8],
        [lead, values]: [usize; 2],
        begins: bool,
        ends: bool,
    ) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        let tail = self.text.len();
        let (lead, values) = (start + lead, start + values);
        self.parts.push(Part { lead, values, tail, begins, ends });
    }

    pub(super) fn get(&self, row: usize) -> Option<Command<'_>> {
        let Part { lead, values, tail, begins, ends } = *self.parts.get(row)?;
        let start = row.checked_sub(1).and_then(|before| self.parts.get(before));
        let start = start.map_or(0, |before| before.tail);
        Some(Command {
            lead: self.text.get(start..lead)?,
            values: self.text.get(lead..values)?,
            tail: self.text.get(values..tail)?,
            begins,
            ends,
        })
    }
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
        if let Some(commands) = &mut self.commands {
            commands.clear();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The bytes from one row to another: rows and the ends of their lines.
    pub(super) fn lines(&self, from: usize, to: usize) -> &[u8] {
        let place = |row: usize| self.rows.get(row).map_or(self.end, |place| place.start);
        self.bytes.get(place(from)..place(to)).unwrap_or_default()
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
