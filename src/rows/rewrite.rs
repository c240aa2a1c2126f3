//! Rows written again, some of them with other values or not at all.
//!
//! Each window of rows is rewritten on its own, by one thread or by several, and written in order.
//! What does not change is copied as it stands, a whole window at once where it can be.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::io::{BufRead, Write};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::{fmt, io, mem, thread};

use super::batch::Batch;
use super::insert::write_values;
use super::options::RowsOptions;
use super::reader::{Rows, count_fields};
use super::row::Row;
use super::writer::escape;
use crate::error::{Error, ErrorKind, Result};

/// Bytes of windows that are with other threads, at most, beyond one.
const AHEAD: usize = 8 << 20;

/// An error of a [`RewriteRows`].
pub type RewriteError = Box<dyn StdError + Send + Sync>;

/// What becomes of a row.
///
/// [`RewriteRows::row`] says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is written, with the changes that were made.
    Keep,
    /// It is left out.
    Drop,
}

/// Rewrites the rows of a table, one after the other.
///
/// Closures implement it. A rewriter that changes nothing gives the same bytes again. Each thread
/// has its own rewriter, so a table's rows may be shared by several; they keep their order.
///
/// ```
/// use pgdmp::rows::{Keep, RewriteError, Row, RowEdit, RowsOptions};
///
/// let text = &b"1\tann@home\n2\tbob@work\n3\t\\N\n\\.\n\n\n"[..];
/// let rows = RowsOptions::new().columns(["id", "email"]).copy_text(text);
/// let mut output = Vec::new();
/// rows.rewrite(
///     &mut |row: &Row<'_>, edit: &mut RowEdit<'_>| -> Result<Keep, RewriteError> {
///         let Some(email) = row.get(1).and_then(|field| field.value()) else {
///             return Ok(Keep::Drop);
///         };
///         if email.ends_with(b"@home") {
///             edit.set(1, b"someone@home");
///         }
///         Ok(Keep::Keep)
///     },
///     &mut output,
/// )?;
/// assert_eq!(output, b"1\tsomeone@home\n2\tbob@work\n\\.\n\n\n");
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub trait RewriteRows {
    /// Is called before the first row, with the names of the columns, in the order of the fields.
    /// `None` if the data does not name them: INSERT commands without a list of columns.
    ///
    /// # Errors
    ///
    /// Those of the rewriter, which end the rewriting.
    fn begin(&mut self, columns: Option<&[Vec<u8>]>) -> Result<(), RewriteError> {
        let _ = columns;
        Ok(())
    }

    /// Looks at a row and may change it.
    ///
    /// # Errors
    ///
    /// Those of the rewriter, which end the rewriting.
    fn row(&mut self, row: &Row<'_>, edit: &mut RowEdit<'_>) -> Result<Keep, RewriteError>;
}

impl<F> RewriteRows for F
where
    F: FnMut(&Row<'_>, &mut RowEdit<'_>) -> Result<Keep, RewriteError>,
{
    fn row(&mut self, row: &Row<'_>, edit: &mut RowEdit<'_>) -> Result<Keep, RewriteError> {
        self(row, edit)
    }
}

/// The changes of one row.
///
/// See the example of [`RewriteRows`].
#[derive(Debug)]
pub struct RowEdit<'e>(&'e mut Edits);

/// The changes of a row, in memory that the next one uses again.
#[derive(Debug, Default)]
struct Edits {
    changes: Vec<Change>,
    values: Vec<u8>,
    any: bool,
    fault: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Change {
    Same,
    Null,
    Value(Range<usize>),
}

impl RowEdit<'_> {
    /// Gives the field of a column, counted from 0, another value. It is the text of the value in
    /// the encoding of the data, without escapes, and has no NUL byte.
    pub fn set(&mut self, column: usize, value: &[u8]) {
        let edits = &mut *self.0;
        if value.contains(&0) {
            edits.fault = Some("a value with the byte 0, which no text has");
            return;
        }
        let start = edits.values.len();
        edits.values.extend_from_slice(value);
        edits.change(column, Change::Value(start..edits.values.len()));
    }

    /// Makes the field of a column, counted from 0, NULL.
    pub fn set_null(&mut self, column: usize) {
        self.0.change(column, Change::Null);
    }
}

impl Edits {
    fn begin(&mut self, fields: usize) {
        if self.any || self.changes.len() != fields {
            self.changes.clear();
            self.changes.resize(fields, Change::Same);
        }
        self.values.clear();
        self.any = false;
        self.fault = None;
    }

    fn change(&mut self, column: usize, change: Change) {
        match self.changes.get_mut(column) {
            Some(place) => *place = change,
            None => self.fault = Some("a column that the row does not have"),
        }
        self.any = true;
    }

    /// The new value of a field, if it has one: `None` within for NULL.
    fn get(&self, field: usize) -> Option<Option<&[u8]>> {
        match self.changes.get(field)? {
            Change::Same => None,
            Change::Null => Some(None),
            Change::Value(range) => Some(self.values.get(range.clone())),
        }
    }
}

/// Makes a rewriter for each thread.
pub(crate) trait MakeRewriter: Send + Sync {
    fn make(&self) -> Box<dyn RewriteRows + Send + '_>;
}

/// A function that makes rewriters.
pub(crate) struct Maker<F, R>(F, PhantomData<fn() -> R>);

impl<F: Fn() -> R, R> Maker<F, R> {
    pub(crate) fn new(make: F) -> Self {
        Maker(make, PhantomData)
    }
}

impl<F: Fn() -> R + Send + Sync, R: RewriteRows + Send> MakeRewriter for Maker<F, R> {
    fn make(&self) -> Box<dyn RewriteRows + Send + '_> {
        Box::new(self.0())
    }
}

impl<R: BufRead> Rows<R> {
    /// Writes the rows to `output` as the rewriter leaves them, and the end of the data. COPY text
    /// stays COPY text, and INSERT commands stay INSERT commands with as many rows each, unless
    /// these are dropped. `output` gets whole windows.
    ///
    /// Call it before any row was read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Rewrite`](crate::ErrorKind::Rewrite) with the rewriter's error, those of
    /// [`next_row`](Self::next_row), and those of the output.
    pub fn rewrite(self, rewriter: &mut dyn RewriteRows, mut output: impl Write) -> Result<()> {
        let mut rewriting = Rewriting::new(self, &mut output);
        rewriting.alone(rewriter, u64::MAX)?;
        rewriting.finish()
    }

    /// The same, on several threads if there are many rows.
    pub(crate) fn rewrite_with(
        self,
        make: &dyn MakeRewriter,
        threads: usize,
        output: &mut impl Write,
    ) -> Result<()> {
        let mut rewriting = Rewriting::new(self, output);
        let alone = if threads < 2 { u64::MAX } else { 2 };
        if rewriting.alone(&mut *make.make(), alone)? {
            rewriting.together(make, threads)?;
        }
        rewriting.finish()
    }
}

/// Rows on their way to an output.
struct Rewriting<'w, R, W> {
    rows: Rows<R>,
    joiner: Joiner,
    output: &'w mut W,
    spare: Vec<Batch>,
}

impl<'w, R: BufRead, W: Write> Rewriting<'w, R, W> {
    fn new(mut rows: Rows<R>, output: &'w mut W) -> Self {
        rows.keep_commands();
        Rewriting { rows, joiner: Joiner::default(), output, spare: Vec::new() }
    }

    fn next(&mut self) -> Result<Option<(Batch, u64)>> {
        self.rows.next_batch(self.spare.pop().unwrap_or_default())
    }

    /// Rewrites at most `most` windows. Says whether there may be more.
    fn alone(&mut self, rewriter: &mut dyn RewriteRows, most: u64) -> Result<bool> {
        let Some((mut batch, mut first)) = self.next()? else { return Ok(false) };
        let mut worker = Worker::new(self.rows.shape(), rewriter)?;
        let mut left = most;
        loop {
            let outcome = worker.rewrite(&batch, first)?;
            self.joiner.write(&batch, &outcome, self.output)?;
            worker.give_back(outcome);
            self.spare.push(batch);
            left -= 1;
            if left == 0 {
                return Ok(true);
            }
            match self.next()? {
                Some(next) => (batch, first) = next,
                None => return Ok(false),
            }
        }
    }

    /// Rewrites the other windows on several threads.
    fn together(&mut self, make: &dyn MakeRewriter, threads: usize) -> Result<()> {
        let shape = &self.rows.shape();
        let (give, waiting) = mpsc::channel();
        let waiting = &Mutex::new(waiting);
        thread::scope(|scope| {
            // Dropped with this closure, however it ends, which ends the threads.
            let give = give;
            for n in 0..threads {
                let thread = thread::Builder::new().name(format!("rewrite {n}"));
                thread.spawn_scoped(scope, move || work(waiting, shape, make))?;
            }
            self.hand_out(&give, 2 * threads)
        })
    }

    fn hand_out(&mut self, give: &Sender<Order>, most: usize) -> Result<()> {
        let ended = || io::Error::other("a thread that rewrites has ended");
        let mut begun: VecDeque<(usize, Receiver<_>)> = VecDeque::new();
        let (mut bytes, mut more) = (0, true);
        loop {
            while more && begun.len() < most && (begun.is_empty() || bytes < AHEAD) {
                match self.next()? {
                    Some((batch, first)) => {
                        let len = batch.bytes.len();
                        let (reply, done) = mpsc::channel();
                        give.send(Order { batch, first, reply }).map_err(|_| ended())?;
                        begun.push_back((len, done));
                        bytes += len;
                    }
                    None => more = false,
                }
            }
            let Some((len, done)) = begun.pop_front() else { return Ok(()) };
            let (batch, outcome) = done.recv().map_err(|_| ended())??;
            self.joiner.write(&batch, &outcome, self.output)?;
            bytes -= len;
            self.spare.push(batch);
        }
    }

    fn finish(self) -> Result<()> {
        Ok(self.output.write_all(self.rows.ending())?)
    }
}

/// A window of rows, and whom to tell when it is rewritten.
struct Order {
    batch: Batch,
    first: u64,
    reply: Sender<Result<(Batch, Outcome)>>,
}

/// What a thread does until there is nothing more to do.
fn work(waiting: &Mutex<Receiver<Order>>, shape: &RowsOptions, make: &dyn MakeRewriter) {
    let mut rewriter = make.make();
    let mut worker = Worker::new(shape.clone(), &mut *rewriter);
    loop {
        let order = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Order { batch, first, reply }) = order else { return };
        let outcome = match &mut worker {
            Ok(worker) => worker.rewrite(&batch, first),
            Err(_) => match mem::replace(&mut worker, Err(Error::usage("it failed before"))) {
                Ok(_) => continue,
                Err(error) => Err(error),
            },
        };
        // Whoever waited may have given up.
        if reply.send(outcome.map(|outcome| (batch, outcome))).is_err() {
            return;
        }
    }
}

/// One rewriter, and the memory it needs.
struct Worker<'r> {
    shape: RowsOptions,
    rewriter: &'r mut dyn RewriteRows,
    edits: Edits,
    text: Vec<u8>,
    rows: Vec<Written>,
}

/// What a window of rows became.
#[derive(Debug, Default)]
struct Outcome {
    /// New text: of COPY text all of it, of INSERT commands the values of changed rows.
    text: Vec<u8>,
    /// The rows of INSERT commands.
    rows: Vec<Written>,
    /// Whether nothing changed.
    same: bool,
}

/// A row of an INSERT command.
#[derive(Debug, Clone)]
enum Written {
    Same,
    Changed(Range<usize>),
    Dropped,
}

impl<'r> Worker<'r> {
    fn new(shape: RowsOptions, rewriter: &'r mut dyn RewriteRows) -> Result<Self> {
        if let Err(error) = rewriter.begin(shape.columns.as_deref()) {
            return Err(shape.in_entry(Error::new(ErrorKind::Rewrite { row: 0, error })));
        }
        let (edits, text, rows) = Default::default();
        Ok(Worker { shape, rewriter, edits, text, rows })
    }

    fn give_back(&mut self, outcome: Outcome) {
        self.text = outcome.text;
        self.rows = outcome.rows;
    }

    fn rewrite(&mut self, batch: &Batch, first: u64) -> Result<Outcome> {
        let (mut text, mut rows) = (mem::take(&mut self.text), mem::take(&mut self.rows));
        text.clear();
        rows.clear();
        let mut same = true;
        // Of COPY text: the first row that was not copied yet.
        let mut copied = 0;
        for at in 0..batch.len() {
            let Some(found) = batch.get(at) else { break };
            let (number, offset) = (first + at as u64, found.offset);
            let invalid = |what: String| {
                let kind = ErrorKind::Row { row: number, byte: offset, what: what.into() };
                self.shape.in_entry(Error::new(kind))
            };
            let fields = count_fields(&found, self.shape.columns.as_deref()).map_err(invalid)?;
            let RowsOptions { encoding, entry, .. } = &self.shape;
            let row = Row::new(found, number, fields, *encoding, entry.as_ref());
            self.edits.begin(fields);
            let mut kept = self.rewriter.row(&row, &mut RowEdit(&mut self.edits));
            if let Some(fault) = self.edits.fault {
                kept = Err(fault.into());
            }
            let keep = kept.map_err(|error| {
                let kind = ErrorKind::Rewrite { row: number, error };
                self.shape.in_entry(Error::new(kind))
            })?;
            let changed = self.edits.any;
            same &= keep == Keep::Keep && !changed;
            let Some(commands) = &batch.commands else {
                if keep == Keep::Drop || changed {
                    text.extend_from_slice(batch.lines(copied, at));
                    copied = at + 1;
                }
                if keep == Keep::Keep && changed {
                    self.write_line(&row, batch.lines(at, at + 1), &mut text);
                }
                continue;
            };
            rows.push(match (keep, changed) {
                (Keep::Drop, _) => Written::Dropped,
                (Keep::Keep, false) => Written::Same,
                (Keep::Keep, true) => {
                    let start = text.len();
                    let values = commands.get(at).map_or(&b""[..], |command| command.values);
                    let RowsOptions { std_strings, encoding, .. } = self.shape;
                    let other = |field| self.edits.get(field);
                    if write_values(values, std_strings, encoding, other, &mut text).is_none() {
                        return Err(invalid("its command cannot be written again".to_owned()));
                    }
                    Written::Changed(start..text.len())
                }
            });
        }
        if !same && batch.commands.is_none() {
            text.extend_from_slice(batch.lines(copied, batch.len()));
        }
        Ok(Outcome { text, rows, same })
    }

    /// Writes a row of COPY text. `line` is the old one, with its end.
    fn write_line(&self, row: &Row<'_>, line: &[u8], out: &mut Vec<u8>) {
        for (n, field) in row.fields().enumerate() {
            if n > 0 {
                out.push(b'\t');
            }
            match self.edits.get(n) {
                None => out.extend_from_slice(field.raw()),
                Some(value) => escape(value, self.shape.encoding, out),
            }
        }
        out.extend_from_slice(line.get(row.as_bytes().len()..).unwrap_or_default());
    }
}

/// Writes what windows became, one after the other. A command of INSERT may go on from one window to
/// the next.
#[derive(Debug, Default)]
struct Joiner {
    /// The head of the command that was begun, while no row of it was written.
    head: Option<Vec<u8>>,
}

impl Joiner {
    fn write(&mut self, batch: &Batch, outcome: &Outcome, output: &mut impl Write) -> Result<()> {
        let Some(commands) = &batch.commands else {
            let text = match outcome.same {
                true => batch.lines(0, batch.len()),
                false => &outcome.text,
            };
            return Ok(output.write_all(text)?);
        };
        let mut text = Vec::new();
        for (n, row) in outcome.rows.iter().enumerate() {
            let Some(command) = commands.get(n) else { break };
            if command.begins {
                self.head = Some(command.lead.to_vec());
            }
            let values = match row {
                Written::Dropped => None,
                Written::Same => Some(command.values),
                Written::Changed(range) => outcome.text.get(range.clone()),
            };
            if let Some(values) = values {
                match self.head.take() {
                    Some(head) => text.extend_from_slice(&head),
                    None => {
                        text.push(b',');
                        text.extend_from_slice(command.lead);
                    }
                }
                text.extend_from_slice(values);
            }
            // The end of a command is written if any row of it was.
            if if command.ends { self.head.is_none() } else { values.is_some() } {
                text.extend_from_slice(command.tail);
            }
        }
        Ok(output.write_all(&text)?)
    }
}

impl fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("shape", &self.shape).finish_non_exhaustive()
    }
}
