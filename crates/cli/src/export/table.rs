//! The rows of one table.

use std::io::{BufRead, Write};

use super::output::{self, About, FormatOptions, RowOutput, Scan, Scanned};
use super::tables::{self, Layout, Table};
use crate::{Failure, message};
use pgdmp::rows::Rows;
use pgdmp::text::Printable;
use pgdmp::types::{Columns, Definitions, Keys};
use pgdmp::{Archive, Desc, TocEntry};

/// What is the same for all tables.
#[derive(Debug)]
pub(super) struct Export<'t> {
    pub(super) definitions: &'t Definitions<'t>,
    /// The columns that are written, by their names in the archive.
    pub(super) columns: Option<Vec<Vec<u8>>>,
    pub(super) conditions: &'t [String],
    pub(super) limit: Option<u64>,
    pub(super) tagged: bool,
    pub(super) options: FormatOptions,
}

/// What was written of a table.
pub(super) struct Written<'o> {
    file: Option<File<'o>>,
    pub(super) rows: u64,
    scanned: Option<Scanned>,
}

struct File<'o> {
    output: Box<dyn RowOutput + 'o>,
    columns: Columns,
}

impl<'o> Written<'o> {
    pub(super) fn nothing() -> Self {
        Written::after(0)
    }

    /// Nothing yet of this output, but rows elsewhere.
    pub(super) fn after(rows: u64) -> Self {
        Written { file: None, rows, scanned: None }
    }
}

impl Export<'_> {
    /// Finds what is wrong before any data is read.
    pub(super) fn check(&self, table: &Table, entry: TocEntry<'_>) -> Result<(), Failure> {
        let columns = self.definitions.columns(entry)?;
        // Only the data says what it has.
        if columns.columns.is_empty() || entry.copy_stmt().is_none_or(<[u8]>::is_empty) {
            return Ok(());
        }
        tables::filter(self.conditions, &columns, self.options.encoding)?;
        self.layout(table, columns, None).map(drop)
    }

    fn layout(
        &self,
        table: &Table,
        columns: Columns,
        begun: Option<&Columns>,
    ) -> Result<Layout, Failure> {
        let begun: Option<Vec<Vec<u8>>> =
            begun.map(|begun| begun.columns.iter().map(|column| column.name.clone()).collect());
        let names = begun.as_deref().or(self.columns.as_deref());
        Layout::new(columns, names).map_err(|name| {
            let name = Printable::new(&name, self.options.encoding);
            Failure::Usage(format!("table {} has no column {name}", table.shown))
        })
    }

    /// The columns of an entry's rows; those that were begun with come first.
    fn arranged<R: BufRead>(
        &self,
        table: &Table,
        entry: TocEntry<'_>,
        rows: &mut Rows<R>,
        begun: Option<&Columns>,
    ) -> Result<Layout, Failure> {
        let fields = rows.peek_len()?;
        let columns = tables::columns(self.definitions, entry, rows.columns(), fields)?;
        self.layout(table, columns, begun)
    }

    /// The keys of a table, if the format has a place for them.
    fn keys(&self, entry: TocEntry<'_>) -> Result<Option<Keys>, Failure> {
        let is_wanted = self.options.format.is_binary();
        Ok(is_wanted.then(|| self.definitions.keys(entry)).transpose()?)
    }

    fn about<'a>(&'a self, columns: &'a Columns, keys: &'a Option<Keys>) -> About<'a> {
        About { columns, keys: keys.as_ref(), toc: self.definitions.toc() }
    }

    /// Looks at all rows of a table, if what is written of each depends on the others.
    pub(super) fn scanned<'o>(
        &self,
        archive: &Archive,
        table: &Table,
    ) -> Result<Written<'o>, Failure> {
        let mut begun: Option<(Scan, Columns)> = None;
        let mut count = 0;
        for id in &table.entries {
            let Some(entry) = archive.entry(*id) else { continue };
            let rows = &mut archive.rows(*id)?;
            let columns = begun.as_ref().map(|(_, columns)| columns);
            let Layout { all, written, places } = self.arranged(table, entry, rows, columns)?;
            let mut filter = tables::filter(self.conditions, &all, self.options.encoding)?;
            let scan = match &mut begun {
                Some((scan, _)) => scan,
                none => match self.options.scan(self.about(&written, &self.keys(entry)?))? {
                    None => return Ok(Written::nothing()),
                    Some(scan) => &mut none.insert((scan, written)).0,
                },
            };
            while self.limit.is_none_or(|limit| count < limit)
                && let Some(row) = rows.next_row()?
            {
                if !filter.is_empty() && !filter.accepts(&row)? {
                    continue;
                }
                scan.row(&row, places.as_deref())?;
                count += 1;
            }
        }
        let scanned = begun.map(|(scan, _)| scan.finish());
        Ok(Written { scanned, ..Written::nothing() })
    }

    /// Writes the rows of an entry behind those that were written of the table. `open` opens the
    /// output, at the first entry.
    pub(super) fn rows<'o, R: BufRead>(
        &self,
        table: &Table,
        entry: TocEntry<'_>,
        rows: &mut Rows<R>,
        written: &mut Written<'o>,
        open: impl FnOnce() -> Result<Box<dyn Write + Send + 'o>, Failure>,
    ) -> Result<(), Failure> {
        let begun = written.file.as_ref().map(|file| &file.columns);
        let Layout { all, written: columns, places } = self.arranged(table, entry, rows, begun)?;
        let mut filter = tables::filter(self.conditions, &all, self.options.encoding)?;
        if rows.columns().is_none() && has_parents(self.definitions, entry) {
            message::warning(format_args!(
                "{}: the data does not name its columns, and the table inherits some, so their order \
                 may be another",
                table.shown
            ));
        }
        let file = match &mut written.file {
            Some(file) => file,
            none => {
                if self.options.format.has_types()
                    && let Some(why) = &columns.untyped
                {
                    message::warning(format_args!(
                        "{}: columns of an unknown type are text: {why}",
                        table.shown
                    ));
                }
                let tag = self.tagged.then_some(&*table.shown);
                let scanned = written.scanned.take();
                let keys = self.keys(entry)?;
                let about = self.about(&columns, &keys);
                if scanned.is_none() && self.options.scan(about)?.is_some() {
                    let what = "is written only after all rows were read, and a pipe has them once";
                    return Err(Failure::Usage(format!("{}: it {what}", table.shown)));
                }
                let output = output::begin(&self.options, open()?, about, tag, scanned)?;
                none.insert(File { output, columns })
            }
        };
        while self.limit.is_none_or(|limit| written.rows < limit)
            && let Some(row) = rows.next_row()?
        {
            if !filter.is_empty() && !filter.accepts(&row)? {
                continue;
            }
            file.output.row(&row, places.as_deref())?;
            written.rows += 1;
        }
        Ok(())
    }

    /// Ends what was written of a table.
    pub(super) fn finish(&self, table: &Table, written: Written<'_>) -> Result<u64, Failure> {
        let Some(File { output, columns }) = written.file else { return Ok(written.rows) };
        let replaced = output.finish()?;
        if replaced.left_out > 0 {
            let rows = if replaced.left_out == 1 { "row" } else { "rows" };
            message::note(format_args!(
                "{}: {} {rows} without columns left out (--on-unrepresentable)",
                table.shown, replaced.left_out
            ));
        }
        for (counts, how) in [
            (replaced.invalid, "(--on-invalid)"),
            (replaced.unrepresentable, "by NULL (--on-unrepresentable)"),
        ] {
            let counts = columns.columns.iter().zip(counts).filter(|(_, count)| *count > 0);
            for (column, count) in counts {
                let values = if count == 1 { "value" } else { "values" };
                message::note(format_args!(
                    "{}: {count} {values} of column {} replaced {how}",
                    table.shown,
                    Printable::new(&column.name, self.options.encoding),
                ));
            }
        }
        Ok(written.rows - replaced.left_out)
    }
}

/// Whether the order of a table's columns may be another than its definition says: a parent's new
/// column is the last one of its children, too.
fn has_parents(definitions: &Definitions<'_>, data: TocEntry<'_>) -> bool {
    let tag = data.tag().unwrap_or_default();
    let table = definitions.toc().find(Desc::TABLE, data.namespace(), tag);
    let defn = table.and_then(|table| table.defn()).unwrap_or_default();
    defn.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"INHERITS ("))
}
