//! How the rules send statements: as they are in the archive, or put together here.

use super::Run;
use super::sink::{Outcome, Purpose, Statement, Step};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::sql;
use crate::toc::TocEntry;

/// The text of a statement that is put together.
pub(super) struct Sql {
    pub(super) text: Vec<u8>,
    encoding: Encoding,
}

impl Sql {
    pub(super) fn put(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.text.extend_from_slice(text.as_ref());
        self
    }

    pub(super) fn identifier(&mut self, name: &[u8]) -> &mut Self {
        sql::identifier(name, self.encoding, &mut self.text);
        self
    }

    /// An entry's tag, behind its schema if it has one.
    pub(super) fn qualified(&mut self, entry: &TocEntry<'_>) -> &mut Self {
        if let Some(schema) = entry.namespace().filter(|schema| !schema.is_empty()) {
            self.identifier(schema).put(".");
        }
        self.identifier(entry.tag().unwrap_or_default())
    }
}

impl Run<'_> {
    /// Takes a step. Failures are counted.
    pub(super) fn step(&mut self, step: &Step<'_>) -> Result<()> {
        self.try_step(step).map(|_| ())
    }

    /// Takes a step, and says whether it succeeded.
    pub(super) fn try_step(&mut self, step: &Step<'_>) -> Result<bool> {
        match self.sink.step(step)? {
            Outcome::Done => Ok(true),
            // Going on would lose rows.
            Outcome::Again => Err(Error::usage("a sink wants rows again that did not end")),
            Outcome::Failed(errors) => {
                self.report.errors += errors;
                Ok(false)
            }
        }
    }

    /// Begins the text of a statement, in memory that is used again.
    pub(super) fn sql(&mut self) -> Sql {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        Sql { text, encoding: self.session.quote_encoding }
    }

    /// Sends a statement that was put together.
    pub(super) fn send(
        &mut self,
        entry: Option<&TocEntry<'_>>,
        purpose: Purpose<'_>,
        sql: Sql,
        empty_lines: u8,
    ) -> Result<()> {
        self.statement(entry, purpose, &sql.text, empty_lines)?;
        self.scratch = sql.text;
        Ok(())
    }

    /// Sends a statement.
    pub(super) fn statement(
        &mut self,
        entry: Option<&TocEntry<'_>>,
        purpose: Purpose<'_>,
        text: &[u8],
        empty_lines: u8,
    ) -> Result<()> {
        self.step(&Step::Statement(Statement { entry: entry.copied(), purpose, text, empty_lines }))
    }
}
