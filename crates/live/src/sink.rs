//! The steps of a restore, carried out in a session.

mod doubt;
mod failure;
mod held;
mod objects;
mod rows;
mod small;
mod statements;
mod via_root;

use std::collections::HashSet;
use std::sync::Arc;

use pgdmp::script::{Late, Outcome, Sink, Step};
use pgdmp::{DumpId, TocEntry};

use crate::backend;
use crate::batch::{Batch, LOCK_TIMEOUT};
use crate::constraint::{Part, TwoParts};
use crate::context::Context;
use crate::deal::Deal;
use crate::fatal::Fatal;
use crate::flush::flush;
use crate::insert::{Statements, Waiting};
use crate::journal::Journal;
use crate::means::Means;
use crate::retry::{Lost, Retry};
use crate::session::{Server, Session};
use crate::tune::Settings;
use crate::voice::Voice;

pub(crate) use doubt::is_gone;
use failure::end;
use held::Held;
use statements::Alone;

/// What a session is told for all of its life.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) server: &'a dyn Server,
    pub(crate) voice: &'a dyn Voice,
    /// `-e`, and what implies it.
    pub(crate) exit_on_error: bool,
    pub(crate) means: Means,
    pub(crate) settings: &'a Settings,
    pub(crate) journal: Option<&'a Journal>,
    /// Whether a database that is there is dropped whoever uses it.
    pub(crate) forces_drop: bool,
    /// Lost connections are made again.
    pub(crate) retry: Option<&'a Retry>,
    /// Whether the data of a table can be had again.
    pub(crate) data_comes_again: bool,
    /// Whether backslashes in string literals of the archive stand for themselves.
    pub(crate) std_strings: bool,
}

/// Carries out steps in a session.
pub(crate) struct SessionSink<'a> {
    pub(crate) around: Surroundings<'a>,
    pub(crate) session: Box<dyn Session + 'a>,
    /// The database that a step connected to.
    database: Option<Vec<u8>>,
    is_set: IsSet,
    pub(crate) context: Context,
    /// What is sent first of the next definition, and which part follows.
    pub(crate) first: Option<Arc<TwoParts>>,
    pub(crate) next_part: Option<Part>,
    /// The rows of the next entry, which are dealt to several sessions.
    pub(crate) deal: Option<Box<Deal>>,
    /// Statements that were not sent yet, and what failed of those that were.
    batch: Batch,
    late: Late,
    /// A transaction that is put off.
    held: Held,
    /// Whether the server would not freeze rows.
    refuses_freeze: bool,
    /// The statements of the entry whose data they are.
    statements: Statements,
    /// Those that were not sent yet.
    inserts: Waiting,
    /// Whether the server takes COPY data, and the name of the table.
    copying: bool,
    table: Vec<u8>,
    /// Whether the COPY ended before its data, which is to come once more.
    comes_again: bool,
    /// The large object that is open.
    descriptor: i32,
    /// A query that is put together, in memory that is used again.
    query: Vec<u8>,
    /// The entry whose table was emptied last.
    emptied: Option<DumpId>,
    /// The last transaction of rows that only it tells of, and whether it is open; that of a session
    /// that was lost.
    transaction: Option<(DumpId, u64)>,
    is_via_root: bool,
    lost_transaction: Option<(DumpId, u64)>,
    /// Why the restore ends.
    fatal: Option<Fatal>,
    /// The session on the server, if it may have to be ended from another one.
    who: Option<String>,
    /// How the connection was lost, if it can be made again.
    lost: Option<Lost>,
    /// What was begun in a connection that was lost: these entries, and whether objects were being
    /// dropped before all.
    in_doubt: HashSet<DumpId>,
    drops_in_doubt: bool,
}

/// Whether a session has its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IsSet {
    /// It is new.
    NotYet,
    /// What every restore sets is being sent.
    Begun,
    Done,
}

impl<'a> SessionSink<'a> {
    pub(crate) fn new(around: Surroundings<'a>, session: Box<dyn Session + 'a>) -> Self {
        let mut session = session;
        let who = around.retry.and_then(|_| backend::who(&mut *session).ok());
        SessionSink {
            around,
            session,
            database: None,
            is_set: IsSet::NotYet,
            context: Context::default(),
            first: None,
            next_part: None,
            deal: None,
            batch: Batch::default(),
            late: Late::default(),
            held: Held::Nothing,
            refuses_freeze: false,
            statements: Statements::new(around.std_strings),
            inserts: Waiting::default(),
            copying: false,
            table: Vec::new(),
            comes_again: false,
            descriptor: -1,
            query: Vec::new(),
            emptied: None,
            transaction: None,
            is_via_root: false,
            lost_transaction: None,
            fatal: None,
            who,
            lost: None,
            in_doubt: HashSet::new(),
            drops_in_doubt: false,
        }
    }

    /// Where the restore is, for other sessions that go on with it.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    pub(crate) fn with_context(self, context: Context) -> Self {
        SessionSink { context, ..self }
    }

    /// Of a session that restores beside others.
    pub(crate) fn beside_others(mut self) -> Self {
        if self.has_since(LOCK_TIMEOUT) {
            self.batch = Batch::beside_others();
        }
        self
    }

    /// What follows was begun before in a connection that was lost: these entries, and perhaps the
    /// drops before all.
    pub(crate) fn doubt(&mut self, entries: HashSet<DumpId>, drops: bool) {
        (self.in_doubt, self.drops_in_doubt) = (entries, drops);
    }

    /// The transaction of the rows that were sent in a connection that was lost.
    pub(crate) fn doubt_transaction(&mut self, transaction: Option<(DumpId, u64)>) {
        self.lost_transaction = transaction;
    }

    /// The database that a step connected to.
    pub(crate) fn database(&self) -> Option<&[u8]> {
        self.database.as_deref()
    }

    /// Sends a query as it is.
    fn send(&mut self, what: &str, query: &[u8]) -> pgdmp::Result<Outcome> {
        match self.session.query(query) {
            Ok(_) => Ok(Outcome::Done),
            Err(message) if self.is_done_already(query)? => {
                self.tell_done_already(&message);
                Ok(Outcome::Done)
            }
            Err(message) => self.query_failed(what, &message, query),
        }
    }

    /// Ends a restore whose transactions did not wait for their log: waits for all of it. Gives
    /// the number of errors.
    pub(crate) fn flush_log(&mut self) -> pgdmp::Result<u64> {
        if !self.around.means.async_commit {
            return Ok(0);
        }
        let Err(message) = flush(&mut *self.session) else { return Ok(0) };
        if self.around.server.is_stopped() {
            return self.die(Fatal::Told);
        }
        if self.is_lost_for_now(&message) {
            return Err(end());
        }
        let what = b"could not make sure that the restored data is on disk: ";
        self.around.voice.error(&[what, &message[..]].concat());
        if self.around.exit_on_error { self.die(Fatal::Told) } else { Ok(1) }
    }

    /// Behind what every restore sets comes what this one sets.
    fn set_up(&mut self) -> pgdmp::Result<Outcome> {
        if self.is_set == IsSet::Begun {
            self.send_waiting()?;
            self.is_set = IsSet::Done;
            if let Err(fatal) = self.around.settings.set(&mut *self.session) {
                return self.die(fatal);
            }
        }
        Ok(Outcome::Done)
    }

    /// Text that is no statement. A server has nothing to say to it, but one that is gone has.
    fn text(&mut self, text: &[u8]) -> pgdmp::Result<Outcome> {
        if !self.session.is_lost() {
            return Ok(Outcome::Done);
        }
        self.send_waiting()?;
        self.send(QUERY, text)
    }

    /// Whether the server has what came with a release; one that does not say has all.
    fn has_since(&self, release: u32) -> bool {
        let version = self.session.server_version();
        version == 0 || version >= release
    }

    /// Whether statements before a step need not be sent before it. Where something is put off, they
    /// are sent before that is.
    fn may_wait(&self, step: &Step<'_>) -> bool {
        match step {
            Step::Statement(_)
            | Step::Heading(_)
            | Step::Comment(_)
            | Step::EmptyLine
            | Step::Restrict
            | Step::Unrestrict
            | Step::Event(_) => true,
            Step::Begin => self.around.means.is_fast(),
            Step::CopyBegin { .. } | Step::CopyData(_) | Step::CopyEnd { .. } | Step::Commit => {
                self.deal.is_none() && self.holds_rows()
            }
            _ => false,
        }
    }

    fn begin(&mut self) -> pgdmp::Result<Outcome> {
        self.send("could not start database transaction", b"BEGIN")
    }

    fn commit(&mut self) -> pgdmp::Result<Outcome> {
        self.send("could not commit database transaction", b"COMMIT")
    }

    /// Sends what was put off, of which failures are told late.
    fn release(&mut self, entry: Option<TocEntry<'_>>) -> pgdmp::Result<()> {
        self.late.errors += self.send_held(entry)?;
        Ok(())
    }

    fn connect(&mut self, database: &[u8]) -> pgdmp::Result<Outcome> {
        let connected = match self.around.retry {
            Some(retry) => retry.connect(&self.around, Some(database)),
            None => self.around.server.connect(Some(database), self.around.voice),
        };
        match connected {
            Ok(session) => {
                self.session = session;
                self.is_set = IsSet::NotYet;
                self.database = Some(database.to_vec());
                if let Some(journal) = self.around.journal {
                    let noted = journal.connected(&mut *self.session, database);
                    self.noted(noted)?;
                }
                if let Some(retry) = self.around.retry {
                    retry.look(&mut *self.session, false);
                    self.who = backend::who(&mut *self.session).ok();
                }
                Ok(Outcome::Done)
            }
            Err(fatal) => self.die(fatal),
        }
    }
}

/// What failed, of a query that has no other name.
pub(crate) const QUERY: &str = "could not execute query";

/// The entry that a step is about.
pub(crate) fn entry_of<'t>(step: &Step<'t>) -> Option<TocEntry<'t>> {
    match step {
        Step::Statement(statement) => statement.entry,
        Step::Heading(heading) => Some(heading.entry()),
        Step::CopyBegin { entry, .. }
        | Step::InsertBegin { entry }
        | Step::LargeObjectOpen { entry, .. } => Some(*entry),
        _ => None,
    }
}

impl Sink for SessionSink<'_> {
    fn wait(&mut self) -> pgdmp::Result<Late> {
        self.send_waiting()?;
        Ok(std::mem::take(&mut self.late))
    }

    fn rows_alone(&self) -> bool {
        self.deal.is_some()
    }

    fn now(&mut self) -> String {
        self.around.voice.now()
    }

    fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
        if let Some(entry) = entry_of(step) {
            self.context.entry(&entry);
        }
        if !self.may_wait(step) {
            self.send_waiting()?;
        }
        match step {
            Step::Stage(stage) => self.context.stage(*stage),
            Step::Statement(statement) => return self.statement(statement),
            Step::Begin if self.hold_begin() => {}
            Step::Begin => return self.begin(),
            Step::Commit => {
                return match self.end_held()? {
                    Some(outcome) => Ok(outcome),
                    None => self.commit(),
                };
            }
            Step::Connect { database, .. } => return self.connect(database),
            Step::CopyBegin { statement, .. } if self.deal.is_some() => {
                return self.begin_deal(statement);
            }
            Step::CopyData(data) if self.deal.is_some() => return self.deal_data(data),
            Step::CopyEnd { .. } if self.deal.is_some() => return self.end_deal(),
            Step::CopyBegin { entry, statement } => {
                self.table = entry.tag().unwrap_or_default().to_vec();
                if self.check_rows(entry)? {
                    self.copying = false;
                    return Ok(Outcome::Done);
                }
                if let Some(outcome) = self.hold_copy(statement)? {
                    return Ok(outcome);
                }
                self.release(Some(*entry))?;
                self.begin_via_root(entry)?;
                return self.copy_begin(statement);
            }
            Step::CopyData(data) => return self.copy_data(data),
            Step::CopyEnd { .. } => return self.copy_end(),
            Step::InsertBegin { entry } => {
                self.check_empty(entry)?;
                self.hold_no_inserts()?;
                self.release(Some(*entry))?;
                self.statements = Statements::new(self.around.std_strings);
            }
            Step::InsertData(data) => return self.insert_data(data),
            Step::InsertEnd { entry } => return self.insert_end(entry),
            Step::LargeObjectOpen { entry, oid, create } => {
                if let Some(outcome) = self.hold_object(oid.0, *create)? {
                    return Ok(outcome);
                }
                self.release(Some(*entry))?;
                return self.large_object(oid.0, *create);
            }
            Step::LargeObjectWrite { data, .. } => {
                return match self.hold_object_data(data)? {
                    Some(outcome) => Ok(outcome),
                    None => self.large_object_data(data),
                };
            }
            Step::LargeObjectClose if self.end_object() => {}
            Step::LargeObjectClose => self.session.lo_close(self.descriptor),
            Step::Comment(text) => return self.text(text),
            Step::EmptyLine => return self.set_up(),
            Step::Event(event) if event.is_warning() => {
                self.around.voice.warning(&event.message());
            }
            Step::Event(event) if self.around.voice.is_verbose() => {
                self.around.voice.info(&event.message());
            }
            _ => {}
        }
        Ok(Outcome::Done)
    }
}
