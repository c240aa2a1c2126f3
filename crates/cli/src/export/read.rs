//! The rows of one table, for commands that show them.

use std::ffi::OsString;
use std::io::BufRead;

use super::run::pass;
use super::tables::{self, Table, Wanted};
use crate::Failure;
use crate::selection::argument;
use pgdmp::rows::{Row, Rows};
use pgdmp::text::Encoding;
use pgdmp::types::{Columns, Definitions};
use pgdmp::{Input, TocEntry};

/// What to do after a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Row,
    Stop,
}

/// The table that is named, or the partitions of one together.
pub(crate) fn table(
    input: &Input,
    definitions: &Definitions<'_>,
    object: &OsString,
) -> Result<Table, Failure> {
    let objects = std::slice::from_ref(object);
    let wanted = Wanted { objects, schemas: &[], excluded_schemas: &[], together: true };
    let toc = input.toc();
    let mut tables = tables::chosen(toc, definitions, &wanted)?;
    match (tables.len(), tables.pop()) {
        (1, Some(table)) => Ok(table),
        (_, None) => Err(Failure::Usage("it has no rows".to_owned())),
        (several, Some(_)) => Err(Failure::Usage(format!(
            "\"{}\" names {several} tables; give one",
            argument(object.as_encoded_bytes(), toc)
        ))),
    }
}

/// Gives the rows that meet the conditions to `take`, with their columns, until it has enough. Before
/// the first row of an entry it gets the columns alone.
pub(crate) fn rows(
    input: &mut Input,
    table: &Table,
    conditions: &[String],
    mut take: impl FnMut(&Columns, Option<&Row<'_>>) -> Result<Next, Failure>,
) -> Result<(), Failure> {
    let toc = input.shared_toc();
    let definitions = Definitions::new(&toc);
    let encoding = toc.text_encoding();
    for id in &table.entries {
        if let Some(entry) = toc.entry(*id).filter(has_names) {
            tables::filter(conditions, &definitions.columns(entry)?, encoding)?;
        }
    }
    let reader = Reader { definitions: &definitions, conditions, encoding };
    if let Input::Archive(archive) = input {
        for id in &table.entries {
            let Some(entry) = toc.entry(*id) else { continue };
            if reader.entry(entry, &mut archive.rows(*id)?, &mut take)? == Next::Stop {
                break;
            }
        }
        return Ok(());
    }
    let mut next = Next::Row;
    pass(input, std::slice::from_ref(table), |_, entry, block| {
        if next == Next::Row {
            next = reader.entry(entry, &mut block.rows()?, &mut take)?;
        }
        Ok(())
    })
}

fn has_names(entry: &TocEntry<'_>) -> bool {
    entry.copy_stmt().is_some_and(|copy| !copy.is_empty())
}

struct Reader<'a> {
    definitions: &'a Definitions<'a>,
    conditions: &'a [String],
    encoding: Encoding,
}

impl Reader<'_> {
    fn entry<R: BufRead>(
        &self,
        entry: TocEntry<'_>,
        rows: &mut Rows<R>,
        take: &mut impl FnMut(&Columns, Option<&Row<'_>>) -> Result<Next, Failure>,
    ) -> Result<Next, Failure> {
        let fields = rows.peek_len()?;
        let names = rows.columns();
        let columns = tables::columns(self.definitions, entry, names, fields)?;
        let mut filter = tables::filter(self.conditions, &columns, self.encoding)?;
        let mut next = take(&columns, None)?;
        while next == Next::Row
            && let Some(row) = rows.next_row()?
        {
            if filter.is_empty() || filter.accepts(&row)? {
                next = take(&columns, Some(&row))?;
            }
        }
        Ok(next)
    }
}
