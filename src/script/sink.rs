//! The steps of a restore, and the trait of those who carry them out.

use std::collections::BTreeSet;

use super::event::Event;
use super::heading::Heading;
use crate::error::Result;
use crate::toc::{Oid, TocEntry};

/// Carries out the steps of a restore: writes them ([`TextSink`](super::TextSink)), sends them to
/// a server, records them.
///
/// A sink gets the [`Step`]s in their order, one call for each. An error that it returns ends the
/// restore, which passes the error on. A failure that need not end it is an
/// [`Outcome::Failed`].
///
/// A sink that wants to hear of warnings, or to show what happens, looks at [`Step::Event`] and
/// hands every step on to another sink:
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

    /// Whether [`Step::CopyData`] shall have rows alone: not the line `\.` that ends them in an
    /// archive, and nothing behind it. Asked for each table. By default data comes as it is
    /// stored.
    fn rows_alone(&self) -> bool {
        false
    }

    /// The present time, as text: asked for at the end of a
    /// [verbose](super::ScriptOptions::verbose) restore.
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

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub enum Outcome {
    /// The step is done, or is nothing for this sink.
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
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Step<'a> {
    /// The restore comes to its next stage.
    Stage(Stage),
    /// SQL, which goes to the server as one query.
    Statement(Statement<'a>),
    /// A transaction begins.
    Begin,
    /// The transaction ends.
    Commit,
    /// The restore goes on in another database, in a new session. What sets that up follows.
    Connect {
        /// The `DATABASE` or `DATABASE PROPERTIES` entry.
        entry: TocEntry<'a>,
        /// The name, not quoted.
        database: &'a [u8],
    },
    /// The rows of a table follow.
    CopyBegin {
        /// The `TABLE DATA` entry.
        entry: TocEntry<'a>,
        /// `COPY … FROM stdin;`, with its line end.
        statement: &'a [u8],
    },
    /// COPY text. Pieces have any length and end anywhere; how many there are means nothing.
    CopyData(&'a [u8]),
    /// All rows were there, and their compressed data was whole. Rows without this step are not
    /// to be kept.
    CopyEnd {
        /// The `TABLE DATA` entry.
        entry: TocEntry<'a>,
    },
    /// Statements that are stored as data follow: INSERT statements (`pg_dump --inserts`), or the
    /// comments on large objects of an old archive.
    InsertBegin {
        /// The `TABLE DATA` or `BLOB COMMENTS` entry.
        entry: TocEntry<'a>,
    },
    /// Any number of such statements. Pieces end anywhere; a statement ends with a `;` that is not
    /// in quotes.
    InsertData(&'a [u8]),
    /// All such statements were there.
    InsertEnd {
        /// The `TABLE DATA` or `BLOB COMMENTS` entry.
        entry: TocEntry<'a>,
    },
    /// A large object is opened for writing.
    LargeObjectOpen {
        /// The `BLOBS` entry.
        entry: TocEntry<'a>,
        /// Which one.
        oid: Oid,
        /// Whether it has to be made first: before archive version 1.12 no entry does that.
        create: bool,
    },
    /// Data for the large object, at most 16,384 bytes.
    LargeObjectWrite {
        /// The bytes.
        data: &'a [u8],
        /// The session's `standard_conforming_strings`: how a literal of them is written.
        std_strings: bool,
    },
    /// The large object is complete.
    LargeObjectClose,
    /// psql's `\restrict`: from here on it takes no commands of its own.
    Restrict,
    /// psql's `\unrestrict`, before a command of ours.
    Unrestrict,
    /// The comment above an entry.
    Heading(Heading<'a>),
    /// Another comment, and empty lines: whole lines.
    Comment(&'a [u8]),
    /// An empty line.
    EmptyLine,
    /// Nothing is to be done: something is about to happen, or is not as it should be.
    Event(Event<'a>),
}

/// The stages of a restore, which `pg_restore` names in its error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The session is set up. Every restore begins with this stage, without a step.
    Initializing,
    /// Objects are dropped and made.
    Processing,
    /// All is done.
    Finalizing,
}

/// SQL for the server.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Statement<'a> {
    /// The entry that needs it. `None` while a session is set up.
    pub entry: Option<TocEntry<'a>>,
    /// What it is for.
    pub purpose: Purpose<'a>,
    /// The SQL: one statement, or as many as an archive has in one place. It usually ends with
    /// `;` and a line end.
    pub text: &'a [u8],
    /// How many empty lines follow it in a script, at most 2. They belong to the query that
    /// `pg_restore` sends and shows in error messages.
    pub empty_lines: u8,
}

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose<'a> {
    /// It changes a setting of the session.
    Setting {
        /// The name of the setting, as in `pg_settings`; for `SET ROLE` it is `role`, for `SET
        /// SESSION AUTHORIZATION` it is `session_authorization`.
        name: &'static str,
        /// The new value, not quoted; empty for the session's own user or the database's default.
        /// `None`: the statement comes from the archive as it is.
        value: Option<&'a [u8]>,
    },
    /// It removes an object (`--clean`).
    Drop,
    /// It makes an object, or what else the entry stands for.
    Definition,
    /// It grants or revokes privileges.
    Privileges,
    /// It gives an object to its owner.
    Owner,
    /// It says which access method the partitions of a table shall have.
    AccessMethod,
    /// It disables or enables the triggers of a table.
    Triggers,
    /// It empties a table that is new, before its rows come. Restores over several sessions alone
    /// do that.
    Truncate,
}
