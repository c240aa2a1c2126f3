//! `--transaction-size`: how many objects one transaction makes.

use super::{Run, Step};
use crate::error::Result;

impl Run<'_> {
    pub(super) fn in_transactions(&self) -> bool {
        self.options.transaction_size > 0
    }

    /// A transaction of so many objects begins.
    pub(super) fn begin(&mut self) -> Result<()> {
        self.transaction_count = 0;
        self.step(&Step::Begin)
    }

    /// Something was done; when that is enough for one transaction, the next begins. Says
    /// whether it did.
    pub(super) fn count(&mut self) -> Result<bool> {
        if !self.in_transactions() {
            return Ok(false);
        }
        self.transaction_count = self.transaction_count.saturating_add(1);
        if self.transaction_count < self.options.transaction_size {
            return Ok(false);
        }
        self.step(&Step::Commit)?;
        self.begin()?;
        Ok(true)
    }

    /// As [`count`](Self::count), with an empty line before what follows.
    pub(super) fn count_apart(&mut self) -> Result<()> {
        if self.count()? { self.step(&Step::EmptyLine) } else { Ok(()) }
    }

    /// A definition with several statements counts as so many objects.
    pub(super) fn count_statements(&mut self, defn: &[u8]) {
        if !self.in_transactions() {
            return;
        }
        let statements = defn.iter().filter(|byte| **byte == b';').count();
        let more = u32::try_from(statements).unwrap_or(u32::MAX).saturating_sub(1);
        self.transaction_count = self.transaction_count.saturating_add(more);
    }
}
