//! `--transaction-size`: how many objects one transaction makes.

use super::Writer;

impl Writer<'_> {
    pub(super) fn in_transactions(&self) -> bool {
        self.options.transaction_size > 0
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self, text: &str) {
        self.out.put(text);
        self.transaction_count = 0;
    }

    /// Something was done; when that is enough for one transaction, `next` ends it and begins
    /// another one.
    pub(super) fn count(&mut self, next: &str) {
        if !self.in_transactions() {
            return;
        }
        self.transaction_count = self.transaction_count.saturating_add(1);
        if self.transaction_count >= self.options.transaction_size {
            self.begin(next);
        }
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
