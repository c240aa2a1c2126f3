//! COPY text into batches of rows, one window of data at a time.

use std::borrow::Cow;
use std::io::{self, BufRead};

use super::batch::Batch;
use super::index::{Index, Stop};
use super::options::RowsOptions;
use crate::error::{Error, ErrorKind, Fault};

/// How long a window is at first, and after some.
const FIRST: usize = 16 << 10;
const USUAL: usize = 256 << 10;

/// Why there are no more rows.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Their end marker was met.
    Marker,
    /// Reading failed, or a limit was met.
    Failed(Error),
    /// At a byte of the data there is something that is no row.
    Fault { at: u64, what: Cow<'static, str> },
}

/// COPY text that is read.
#[derive(Debug)]
pub(super) struct CopyText<R> {
    window: Window<R>,
    index: Index,
    /// Whether the data must end with the line `\.`.
    marked: bool,
    /// Why there are no rows behind those of the last batch.
    stopped: Option<Stopped>,
    /// The end marker and the line ends behind it, once it was met.
    ending: Vec<u8>,
}

/// Bytes of an ending that are kept: in every archive there are 5.
const ENDING: usize = 4 << 10;

impl<R: BufRead> CopyText<R> {
    pub(super) fn new(source: R, options: &RowsOptions) -> Self {
        CopyText {
            window: Window::new(source, options),
            index: Index::new(options.encoding, options.end_marker),
            marked: options.end_marker && !options.partial,
            stopped: None,
            ending: Vec::new(),
        }
    }

    /// The end marker and the line ends behind it, after the last row.
    pub(super) fn ending(&self) -> &[u8] {
        &self.ending
    }

    /// Moves what is not done with to the front of another window, so that the rows of this one can
    /// be given away.
    pub(super) fn hand_over(&mut self, bytes: &[u8], other: &mut Vec<u8>) {
        let window = &mut self.window;
        other.resize(bytes.len(), 0);
        let rest = &bytes[window.used..window.filled];
        other[..rest.len()].copy_from_slice(rest);
        window.offset += window.used as u64;
        window.filled -= window.used;
        window.used = 0;
    }

    /// Puts the next rows into the batch: none at the end. Passes over stretches of whole rows that
    /// are not wanted, and counts the rows in them.
    pub(super) fn refill(
        &mut self,
        batch: &mut Batch,
        wanted: &mut dyn FnMut(&[u8]) -> bool,
        passed: &mut u64,
    ) -> Result<(), Stopped> {
        loop {
            let window = &mut self.window;
            batch.clear();
            match self.stopped.take() {
                None => {}
                Some(Stopped::Marker) => {
                    return window.only_line_ends(&batch.bytes, &mut self.ending);
                }
                Some(stopped) => return Err(stopped),
            }
            // The rows that came before an error are given out first.
            let failed = window.refill(&mut batch.bytes).err();
            let last = window.at_end;
            if failed.is_none()
                && !last
                && let Some((len, rows)) = self.unwanted(&batch.bytes[..self.window.filled], wanted)
            {
                self.window.used = len;
                *passed += rows;
                continue;
            }
            let window = &mut self.window;
            let (used, stop) = self.index.rows(batch, window.filled, window.offset, last);
            window.used = used;
            batch.end = used;
            self.stopped = match stop {
                Stop::Fault { at, what } => Some(Stopped::Fault { at: window.place(at), what }),
                Stop::Marker(next) => {
                    window.used = next;
                    self.ending.extend_from_slice(&batch.bytes[used..next]);
                    Some(failed.map_or(Stopped::Marker, Stopped::Failed))
                }
                Stop::Rest if failed.is_some() => failed.map(Stopped::Failed),
                Stop::Rest if last && self.marked => {
                    let what = "the rows of a table, before their end marker";
                    let error = Error::truncated(what).with_fault(Fault::EndMarker);
                    Some(Stopped::Failed(error))
                }
                Stop::Rest if last && batch.is_empty() => return Ok(()),
                Stop::Rest => None,
            };
            if !batch.is_empty() {
                return Ok(());
            }
        }
    }

    /// The length of the whole rows of a window, and their number, if none of them is wanted.
    fn unwanted(
        &self,
        window: &[u8],
        wanted: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Option<(usize, u64)> {
        let len = window.iter().rposition(|byte| *byte == b'\n')? + 1;
        let rows = &window[..len];
        if wanted(rows) { None } else { Some((len, self.index.plain_rows(rows)?)) }
    }

    pub(super) fn into_inner(self) -> R {
        self.window.source
    }

    /// The source, what was read of it and not given out, and where that begins.
    pub(super) fn into_rest(self, mut bytes: Vec<u8>) -> (R, Vec<u8>, u64) {
        let Window { source, offset, used, filled, .. } = self.window;
        bytes.truncate(filled);
        bytes.drain(..used);
        (source, bytes, offset + used as u64)
    }
}

/// A part of the data, in memory.
#[derive(Debug)]
pub(super) struct Window<R> {
    pub(super) source: R,
    /// Bytes that a row may have, and so a window.
    longest: usize,
    /// Bytes of the data before it.
    offset: u64,
    /// Its bytes, and how many of them are done with.
    pub(super) filled: usize,
    pub(super) used: usize,
    /// Whether the source has no more.
    pub(super) at_end: bool,
}

impl<R: BufRead> Window<R> {
    pub(super) fn new(source: R, options: &RowsOptions) -> Self {
        let longest = usize::try_from(options.limits.row_bytes).unwrap_or(usize::MAX);
        let longest = longest.clamp(FIRST, Batch::LONGEST);
        Window { source, longest, offset: 0, filled: 0, used: 0, at_end: false }
    }

    /// The place in the data of a byte of the window.
    pub(super) fn place(&self, at: usize) -> u64 {
        self.offset + at as u64
    }

    /// Moves what is not done with to the front, and reads on behind it. The window becomes longer
    /// if that is all of it.
    pub(super) fn refill(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.copy_within(self.used..self.filled, 0);
        self.offset += self.used as u64;
        self.filled -= self.used;
        self.used = 0;
        if self.filled == bytes.len() || bytes.len() < USUAL {
            let longer = (bytes.len() * 2).max(FIRST).min(self.longest);
            if self.filled >= longer {
                let limit = self.longest as u64;
                let what = "bytes of a row";
                return Err(Error::new(ErrorKind::Limit { what, limit, knob: "row_bytes" }));
            }
            bytes.resize(longer, 0);
        }
        while self.filled < bytes.len() && !self.at_end {
            match self.source.read(&mut bytes[self.filled..]) {
                Ok(0) => self.at_end = true,
                Ok(n) => self.filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads on to the end, where nothing but line ends may stand.
    fn only_line_ends(&mut self, bytes: &[u8], ending: &mut Vec<u8>) -> Result<(), Stopped> {
        let mut keep = |bytes: &[u8]| {
            let room = ENDING.saturating_sub(ending.len());
            ending.extend_from_slice(&bytes[..bytes.len().min(room)]);
        };
        let other = |bytes: &[u8]| bytes.iter().position(|byte| !matches!(byte, b'\n' | b'\r'));
        let fault = |at: u64| Stopped::Fault { at, what: "data follows the end marker".into() };
        if let Some(n) = other(&bytes[self.used..self.filled]) {
            return Err(fault(self.place(self.used + n)));
        }
        keep(&bytes[self.used..self.filled]);
        self.used = self.filled;
        let mut at = self.place(self.filled);
        loop {
            match self.source.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(more) => {
                    if let Some(n) = other(more) {
                        return Err(fault(at + n as u64));
                    }
                    keep(more);
                    let n = more.len();
                    at += n as u64;
                    self.source.consume(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Stopped::Failed(error.into())),
            }
        }
    }
}
