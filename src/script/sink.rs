//! The steps of a restore, and the trait of those who carry them out.

use std::collections::BTreeSet;

use super::event::Event;
use super::heading::Heading;
use crate::error::Result;
use crate::toc::{Oid, TocEntry};

/// Carries out the steps of a restore: writes them as text ([`TextSink`](super::TextSink)), sends
/// them to a server, or records them.
///
/// A sink gets the [`Step`]s in order, one call for each. An error that it returns ends the restore
/// and is passed on. A failure that need not end the restore is an [`Outcome::Failed`].
///
/// To report warnings or progress, wrap another sink, look at [`Step::Event`], and hand every step
/// on:
///
/// ```
/// use pgdmp::script::{Outcome, Restore, Sink, Step, TextSink};
/// use pgdmp::{Archive, RestrictKey, Result, Selection};
///
/// struct Talking<S>(S);
///
/// impl<S: Sink> Sink for Talking<S> {
///     fn step(&mut self, step: &Step<'_>) -> Result<Outcome> {
///         if let Step::Event(event) = step {
///             eprintln!("{}", String::from_utf8_lossy(&event.message()));
///         }
///         self.0.step(step)
///     }
/// }
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::new().apply(archive.toc())?;
/// let mut script = Vec::new();
/// let text = TextSink::new(&mut script, RestrictKey::new("0123456789abcdef")?);
/// let mut sink = Talking(text);
/// Restore::new().run(&archive, &selected, &mut sink)?;
/// sink.0.finish()?;
/// assert!(script.starts_with(b"--\n-- PostgreSQL database dump\n"));
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub trait Sink {
    /// Carries out a step.
    ///
    /// # Errors
    ///
    /// Any error ends the restore: no step follows.
    fn step(&mut self, step: &Step<'_>) -> Result<Outcome>;

    /// Waits for the end of all steps before, and gives the failures that no step has told of: for
    /// a sink that puts off statements to send several at once. Called where something depends on
    /// it by who restores over several sessions ([`Share::wait`](super::Share::wait)), and nowhere
    /// else.
    ///
    /// # Errors
    ///
    /// As those of a step.
    fn wait(&mut self) -> Result<Late> {
        Ok(Late::default())
    }

    /// Whether [`Step::CopyData`] has only rows, without the line `\.` that ends them in an archive
    /// and anything behind it. This is asked for each table. By default, data comes as it is
    /// stored.
    fn rows_alone(&self) -> bool {
        false
    }

    /// The present time as text, for the end of a [verbose](super::ScriptOptions::verbose) restore.
    fn now(&mut self) -> String {
        "[unknown]".to_owned()
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn step(&mut self, step: &Step<'_>) -> Result<Outcome> {
        (**self).step(step)
    }

    fn wait(&mut self) -> Result<Late> {
        (**self).wait()
    }

    fn rows_alone(&self) -> bool {
        (**self).rows_alone()
    }

    fn now(&mut self) -> String {
        (**self).now()
    }
}

/// The result of a step.
///
/// See the example of [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub enum Outcome {
    /// The step is done, or does not concern this sink.
    Done,
    /// So many statements failed, and the sink has told of each. A sink that sends several
    /// statements at once reports such failures when it is asked to [wait](Sink::wait), and not
    /// with another step.
    ///
    /// The restore goes on, as that of `pg_restore` does without `--exit-on-error`; a sink that
    /// wants an end returns an error instead. Failures are counted in
    /// [`Report::errors`](super::Report::errors). In addition:
    ///
    /// - After a failed [`Step::CopyBegin`] or [`Step::CopyData`] the table gets no more data and
    ///   no [`Step::CopyEnd`]; what is left of its data is not read.
    /// - A table during whose definition something failed gets no data with
    ///   [`ScriptOptions::no_data_for_failed_tables`](super::ScriptOptions::no_data_for_failed_tables).
    Failed(u64),
    /// For [`Step::CopyEnd`] alone: no row is in the table, and all of them shall come once more,
    /// from [`Step::CopyBegin`] on. Only where the data of the archive can be read again.
    Again,
}

/// Failures that no step has told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Late {
    /// How many, as in [`Outcome::Failed`].
    pub errors: u64,
    /// Whose definitions they were in: places in the table of contents
    /// ([`TocEntry::index`]).
    pub entries: BTreeSet<usize>,
}

/// One step of a restore.
///
/// Steps that a server knows nothing of ([`Restrict`](Step::Restrict),
/// [`Unrestrict`](Step::Unrestrict), [`Heading`](Step::Heading), [`Comment`](Step::Comment),
/// [`EmptyLine`](Step::EmptyLine)) make a script: they are nothing for other sinks. All bytes are
/// in the encoding of the archive.
///
/// See the example of [`Sink`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Step<'a> {
    /// The restore enters its next stage.
    Stage(Stage),
    /// SQL that is sent to the server as one query.
    Statement(Statement<'a>),
    /// Begins a transaction.
    Begin,
    /// Commits the transaction.
    Commit,
    /// Connects to another database, in a new session. The steps that set up the session follow.
    Connect {
        /// The `DATABASE` or `DATABASE PROPERTIES` entry.
        entry: TocEntry<'a>,
        /// The name, not quoted.
        database: &'a [u8],
    },
    /// Begins a COPY; the rows of the table follow.
    CopyBegin {
        /// The `TABLE DATA` entry.
        entry: TocEntry<'a>,
        /// `COPY … FROM stdin;`, with its line end.
        statement: &'a [u8],
    },
    /// A piece of COPY text. Pieces have any length and end anywhere.
    CopyData(&'a [u8]),
    /// Ends a COPY. All rows were there, and their compressed data was whole. Rows without this
    /// step must not be kept.
    CopyEnd {
        /// The `TABLE DATA` entry.
        entry: TocEntry<'a>,
    },
    /// Begins statements that are stored as data: INSERT statements (`pg_dump --inserts`), or the
    /// comments on large objects of an old archive.
    InsertBegin {
        /// The `TABLE DATA` or `BLOB COMMENTS` entry.
        entry: TocEntry<'a>,
    },
    /// A piece of such statements. Pieces end anywhere. A statement ends with a `;` that is not in
    /// quotes.
    InsertData(&'a [u8]),
    /// Ends the statements. All of them were there.
    InsertEnd {
        /// The `TABLE DATA` or `BLOB COMMENTS` entry.
        entry: TocEntry<'a>,
    },
    /// Opens a large object for writing.
    LargeObjectOpen {
        /// The `BLOBS` entry.
        entry: TocEntry<'a>,
        /// Which one.
        oid: Oid,
        /// Whether it has to be made first: before archive version 1.12 no entry does that.
        create: bool,
    },
    /// Writes data to the large object, at most 16,384 bytes.
    LargeObjectWrite {
        /// The bytes.
        data: &'a [u8],
        /// The session's `standard_conforming_strings`: how a literal of them is written.
        std_strings: bool,
    },
    /// Closes the large object, which is complete.
    LargeObjectClose,
    /// psql's `\restrict`, after which psql takes no backslash commands from the script.
    Restrict,
    /// psql's `\unrestrict`, before a backslash command that the script needs.
    Unrestrict,
    /// The comment above an entry.
    Heading(Heading<'a>),
    /// Other comments and empty lines, as whole lines.
    Comment(&'a [u8]),
    /// An empty line.
    EmptyLine,
    /// A message: something is about to happen, or a warning. Nothing is to be done.
    Event(Event<'a>),
}

/// The stages of a restore, which `pg_restore` names in its error messages.
///
/// See the example of [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Setting up the session. Every restore begins with this stage, without a step.
    Initializing,
    /// Dropping and creating objects.
    Processing,
    /// Ending the restore.
    Finalizing,
}

/// A statement of a restore: SQL for the server, with its entry and purpose.
///
/// See the example of [`Sink`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Statement<'a> {
    /// The entry that the statement restores. `None` while the session is set up.
    pub entry: Option<TocEntry<'a>>,
    /// The purpose of the statement.
    pub purpose: Purpose<'a>,
    /// The SQL: one statement, or several that the archive stores together. It usually ends with
    /// `;` and a line end.
    pub text: &'a [u8],
    /// How many empty lines follow it in a script, at most 2. They belong to the query that
    /// `pg_restore` sends and shows in error messages.
    pub empty_lines: u8,
}

/// The purpose of a statement.
///
/// See the example of [`Sink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose<'a> {
    /// Changes a setting of the session.
    Setting {
        /// The name of the setting, as in `pg_settings`; for `SET ROLE` it is `role`, for `SET
        /// SESSION AUTHORIZATION` it is `session_authorization`.
        name: &'static str,
        /// The new value, not quoted; empty for the session's own user or the database's default.
        /// `None`: the statement comes from the archive as it is.
        value: Option<&'a [u8]>,
    },
    /// Drops an object (`--clean`).
    Drop,
    /// Creates an object, or runs another definition of an entry.
    Definition,
    /// Grants or revokes privileges.
    Privileges,
    /// Sets the owner of an object.
    Owner,
    /// Sets the access method for the partitions of a table.
    AccessMethod,
    /// Disables or enables the triggers of a table.
    Triggers,
    /// Empties a new table before its rows are loaded. Only restores over several sessions do that.
    Truncate,
}
