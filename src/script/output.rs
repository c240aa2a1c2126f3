//! Where the script goes: text is collected, data passes by.

use std::io::Write;

use crate::error::Result;

/// Collected text is handed on when it is this long.
const FULL: usize = 64 << 10;

pub(super) struct Output<'a> {
    inner: &'a mut dyn Write,
    pub(super) text: Vec<u8>,
}

impl<'a> Output<'a> {
    pub(super) fn new(inner: &'a mut dyn Write) -> Self {
        Output { inner, text: Vec::with_capacity(FULL) }
    }

    /// Adds text.
    pub(super) fn put(&mut self, text: impl AsRef<[u8]>) {
        self.text.extend_from_slice(text.as_ref());
    }

    /// Hands text on, if there is much.
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.text.len() >= FULL { self.hand_on() } else { Ok(()) }
    }

    /// Adds data, of any length.
    pub(super) fn data(&mut self, data: &[u8]) -> Result<()> {
        if data.len() < FULL / 4 {
            self.put(data);
            return self.settle();
        }
        self.hand_on()?;
        Ok(self.inner.write_all(data)?)
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.hand_on()?;
        Ok(self.inner.flush()?)
    }

    /// Hands on all text, for a reader who waits for it, or before an error.
    pub(super) fn hand_on(&mut self) -> Result<()> {
        self.inner.write_all(&self.text)?;
        self.text.clear();
        // One long definition is no reason to keep its memory.
        self.text.shrink_to(2 * FULL);
        Ok(())
    }
}
