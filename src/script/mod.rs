//! A restore as steps: what `pg_restore` of PostgreSQL 18 would do with an archive, in its order.
//!
//! Rules and their effects are apart. The rules ([`Restore`]) know what a restore of an archive
//! consists of: which session settings an entry needs, what is dropped, how an owner is set. Each
//! thing to be done is one [`Step`]: a statement and its purpose, the beginning of a COPY, a piece
//! of data, a large object, a connection to another database, an empty line. A [`Sink`] carries
//! the steps out. The rules do not know whether that is text or a server.
//!
//! ```text
//!  Archive ──────► DataFeed ──┐
//!  ArchiveStream              ▼            Step            ┌► TextSink: a script, byte for byte
//!  Selected ──────────────► Run (rules) ──────────► Sink ──┼► your own: record, show, send
//!  ScriptOptions                       ◄──────────         └► (a live restore)
//!                                   Result<Outcome>
//! ```
//!
//! - [`Script`] is the usual way to SQL for `psql`: rules and [`TextSink`] together.
//! - [`Restore`] runs the rules for any sink; for several at once each gets its [`Share`]. Data that
//!   comes through a pipe is read by one thread for all ([`read_pipe`], [`Supply`]).
//! - What a restore tells of, `pg_restore -v` and warnings, goes the same way: [`Step::Event`]. A
//!   sink that listens wraps another one; see [`Sink`].
//! - A sink answers each step with an [`Outcome`]. An error ends the restore at once. A failure
//!   that `pg_restore` would go on after is counted, and the rules decide about the rest: no
//!   data after a COPY that the server refused, none for a table that could not be made.

// The rules: `RestoreArchive` and what it calls in `pg_backup_archiver.c`. One file for each family:
// `prelude` begins and ends a restore and sets up its sessions, `passes` says in which order entries
// come, `state` holds what the session has been set to so far, `print` restores one entry with its
// `owner`, `data` and `large_objects` what is in it, `drop` is `--clean`, `connect` is `--create`,
// `transaction` is `--transaction-size`, `share` is `--jobs`. `statement` puts statements together (`sql/` makes
// names safe), `feed` gets data out of an archive or a pipe, `supply` out of a pipe that another
// thread reads, and `rows` finds its end.

mod connect;
mod data;
mod drop;
mod event;
mod feed;
mod heading;
mod key;
mod large_objects;
mod options;
mod owner;
mod passes;
mod prelude;
mod print;
mod rows;
mod share;
mod sink;
mod state;
mod statement;
mod supply;
mod text;
mod transaction;

use std::collections::HashSet;
use std::io::{Read, Write};

pub use event::Event;
pub use heading::Heading;
pub use key::RestrictKey;
pub use options::ScriptOptions;
pub(crate) use owner::may_have_owner;
pub use share::{RestorePass, Restored, Share};
pub use sink::{Late, Outcome, Purpose, Sink, Stage, Statement, Step};
pub use supply::{Piece, Supply, Taker, read_pipe};
pub use text::TextSink;

use crate::archive::{Archive, ArchiveStream};
use crate::error::Result;
use crate::select::Selected;
use crate::toc::{Desc, DumpId, Format, Toc, TocEntry};
use feed::{AtOnce, DataFeed, OnePass};
use prelude::Session;
use state::State;

/// Writes archives as SQL scripts.
///
/// ```
/// use pgdmp::{Archive, RestrictKey, Script, Selection};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::new().apply(archive.toc())?;
/// let mut script = Vec::new();
/// Script::new(RestrictKey::new("0123456789abcdef")?).write(&archive, &selected, &mut script)?;
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Script {
    options: ScriptOptions,
    key: RestrictKey,
}

/// The counts of a restore.
///
/// It is the result of [`Restore::run`]; see its example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Number of entries that were restored, at least in part.
    pub entries: u64,
    /// Number of [warnings](Event::is_warning) that the sink got.
    pub warnings: u64,
    /// Number of [failures](Outcome::Failed) that the sink reported, which `pg_restore` calls
    /// `errors ignored on restore`.
    pub errors: u64,
}

impl Script {
    /// Scripts with the default options. The key keeps the content of an archive from giving
    /// backslash commands to psql. It should be [random](RestrictKey::random) and must never be
    /// taken from the archive.
    pub fn new(key: RestrictKey) -> Self {
        Script { options: ScriptOptions::new(), key }
    }

    /// Sets the options.
    #[must_use]
    pub fn options(mut self, options: ScriptOptions) -> Self {
        self.options = options;
        self
    }

    /// Writes the selected entries of an archive as SQL.
    ///
    /// # Errors
    ///
    /// Errors of the archive and of `output`. The script is then incomplete.
    pub fn write(
        &self,
        archive: &Archive,
        selected: &Selected<'_>,
        output: impl Write,
    ) -> Result<Report> {
        let feed = &mut AtOnce::new(archive);
        self.text(output, |sink| run(&self.options, archive.format(), selected, feed, sink))
    }

    /// Writes the selected entries of an archive from a pipe as SQL.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and an order of the selection that needs data which has gone by.
    pub fn write_stream<R: Read + Send>(
        &self,
        archive: &mut ArchiveStream<R>,
        selected: &Selected<'_>,
        output: impl Write,
    ) -> Result<Report> {
        let format = archive.format();
        let feed = &mut OnePass::new(archive, selected);
        self.text(output, |sink| run(&self.options, format, selected, feed, sink))
    }

    /// Checks the entries that set up the session (encoding and string literals).
    ///
    /// # Errors
    ///
    /// An unknown encoding, and entries with unexpected content.
    pub fn check(toc: &Toc) -> Result<()> {
        Session::new(toc).map(|_| ())
    }

    fn text(
        &self,
        output: impl Write,
        run: impl FnOnce(&mut dyn Sink) -> Result<Report>,
    ) -> Result<Report> {
        let mut sink = TextSink::new(output, self.key.clone());
        let report = run(&mut sink);
        // What was written before an error is worth seeing.
        let end = sink.finish();
        report.and_then(|report| end.map(|()| report))
    }
}

/// Restores archives into a [`Sink`], step by step.
///
/// ```
/// use pgdmp::script::{Outcome, Restore, Sink, Step};
/// use pgdmp::{Archive, Selection};
///
/// /// Counts the tables whose rows are restored.
/// struct Tables(u64);
///
/// impl Sink for Tables {
///     fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
///         self.0 += u64::from(matches!(step, Step::CopyEnd { .. }));
///         Ok(Outcome::Done)
///     }
/// }
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::new().apply(archive.toc())?;
/// let mut tables = Tables(0);
/// Restore::new().run(&archive, &selected, &mut tables)?;
/// assert_eq!(tables.0, 4);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Restore {
    options: ScriptOptions,
}

impl Restore {
    /// Restores with the default options.
    pub fn new() -> Self {
        Restore::default()
    }

    /// Sets the options.
    #[must_use]
    pub fn options(mut self, options: ScriptOptions) -> Self {
        self.options = options;
        self
    }

    /// Restores the selected entries of an archive.
    ///
    /// # Errors
    ///
    /// Errors of the archive and of the sink. No step follows an error, so a sink may be left
    /// inside a COPY or a transaction.
    pub fn run(
        &self,
        archive: &Archive,
        selected: &Selected<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Report> {
        run(&self.options, archive.format(), selected, &mut AtOnce::new(archive), sink)
    }

    /// Restores the selected entries of an archive from a pipe.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and an order of the selection that needs data which has gone by.
    pub fn run_stream<R: Read + Send>(
        &self,
        archive: &mut ArchiveStream<R>,
        selected: &Selected<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Report> {
        let format = archive.format();
        run(&self.options, format, selected, &mut OnePass::new(archive, selected), sink)
    }
}

fn run(
    options: &ScriptOptions,
    format: Format,
    selected: &Selected<'_>,
    feed: &mut dyn DataFeed,
    sink: &mut dyn Sink,
) -> Result<Report> {
    let mut run = Run::new(options, format, selected, sink)?;
    run.all(feed)?;
    Ok(run.report)
}

/// A restore on its way: the rules.
struct Run<'a> {
    options: &'a ScriptOptions,
    format: Format,
    session: Session<'a>,
    selected: &'a Selected<'a>,
    /// Whether definitions are wanted, and there are some.
    wants_schema: bool,
    sink: &'a mut dyn Sink,
    /// Memory for the next statement that is put together.
    scratch: Vec<u8>,
    state: State,
    /// Objects in the transaction that is open.
    transaction_count: u32,
    /// Tables that get no data.
    failed_tables: HashSet<DumpId>,
    /// Whether something failed in the last definition.
    definition_failed: bool,
    /// Whether the table that gets data is new, and may be emptied before.
    empties: bool,
    report: Report,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a ScriptOptions,
        format: Format,
        selected: &'a Selected<'a>,
        sink: &'a mut dyn Sink,
    ) -> Result<Self> {
        Ok(Run {
            options,
            format,
            session: Session::new(selected.toc())?,
            selected,
            wants_schema: selected.wants_schema() && !selected.implied_no_schema(),
            sink,
            scratch: Vec::new(),
            state: State::default(),
            transaction_count: 0,
            failed_tables: HashSet::new(),
            definition_failed: false,
            empties: false,
            report: Report::default(),
        })
    }

    /// Whether the server that is restored into knows what there is since a release.
    fn server_has(&self, major: u16, minor: u16) -> bool {
        self.options.target.is_none_or(|target| target.has(major, minor))
    }

    fn tell(&mut self, event: Event<'_>) -> Result<()> {
        self.report.warnings += u64::from(event.is_warning());
        self.step(&Step::Event(event))
    }
}

/// Whether the entry is `DATABASE` or `DATABASE PROPERTIES`.
fn is_database(entry: &TocEntry<'_>) -> bool {
    matches!(entry.desc(), Desc::DATABASE | Desc::DATABASE_PROPERTIES)
}

/// Whether the data of an entry is large objects, or comments on them.
fn is_large_objects(entry: &TocEntry<'_>) -> bool {
    matches!(entry.desc(), Desc::BLOBS | Desc::BLOB_COMMENTS)
}
