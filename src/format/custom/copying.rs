//! Copies a block while something walks over it.

use std::io::{self, BufRead, Read, Write};

use super::super::output::Output;
use crate::source::Positioned;

/// Passes an input on and copies all that is consumed or skipped of it, so that walking over a
/// block copies it byte for byte.
pub(crate) struct Copying<'a, I, W> {
    input: I,
    /// Bytes of what the input has at hand that were consumed here. They are written together
    /// with what follows them, when the input is to read on.
    walked: usize,
    output: &'a mut Output<W>,
}

impl<'a, I: Positioned, W: Write> Copying<'a, I, W> {
    pub(crate) fn new(input: I, output: &'a mut Output<W>) -> Self {
        Copying { input, walked: 0, output }
    }

    fn write(&mut self) -> io::Result<()> {
        let n = std::mem::take(&mut self.walked);
        if n > 0 {
            self.output.write_all(&self.input.fill_buf()?[..n])?;
            self.input.consume(n);
        }
        Ok(())
    }

    /// Writes the last of it, and gives the input, where it stands.
    pub(crate) fn finish(mut self) -> io::Result<I> {
        self.write()?;
        Ok(self.input)
    }
}

impl<I: Positioned, W: Write> BufRead for Copying<'_, I, W> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.walked == self.input.fill_buf()?.len() {
            self.write()?;
        }
        Ok(&self.input.fill_buf()?[self.walked..])
    }

    fn consume(&mut self, n: usize) {
        self.walked += n;
    }
}

impl<I: Positioned, W: Write> Read for Copying<'_, I, W> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<I: Positioned, W: Write> Positioned for Copying<'_, I, W> {
    fn position(&self) -> u64 {
        self.input.position() + self.walked as u64
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.input.remaining()? - self.walked as u64)
    }
}
