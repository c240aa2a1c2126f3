//! The steps of a restore, carried out in a session.

use std::io;

use pgdmp::script::{Late, Outcome, Purpose, Sink, Statement, Step};
use pgdmp::{Desc, DumpId, TocEntry};

use crate::batch::{Batch, Queued, changes_reading, joins};
use crate::context::Context;
use crate::fatal::Fatal;
use crate::flush::flush;
use crate::insert::{Statements, TooLong};
use crate::journal::Journal;
use crate::means::Means;
use crate::name::qualified;
use crate::session::{Copied, Message, Reply, Server, Session, SqlState};
use crate::tune::Settings;
use crate::voice::Voice;

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
    /// Whether backslashes in string literals of the archive stand for themselves.
    pub(crate) std_strings: bool,
}

/// Carries out steps in a session.
pub(crate) struct SessionSink<'a> {
    around: Surroundings<'a>,
    session: Box<dyn Session + 'a>,
    /// The database that a step connected to.
    database: Option<Vec<u8>>,
    is_set: IsSet,
    context: Context,
    /// Statements that were not sent yet, and what failed of those that were.
    batch: Batch,
    late: Late,
    /// The statements of the entry whose data they are.
    statements: Statements,
    /// Whether the server takes COPY data.
    copying: bool,
    /// The large object that is open.
    descriptor: i32,
    /// A query that is put together, in memory that is used again.
    query: Vec<u8>,
    /// The entry whose table was emptied last.
    emptied: Option<DumpId>,
    /// Why the restore ends.
    fatal: Option<Fatal>,
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

/// An end that the rules only pass on.
fn end() -> pgdmp::Error {
    io::Error::other("the restore cannot go on").into()
}

impl<'a> SessionSink<'a> {
    pub(crate) fn new(around: Surroundings<'a>, session: Box<dyn Session + 'a>) -> Self {
        SessionSink {
            around,
            session,
            database: None,
            is_set: IsSet::NotYet,
            context: Context::default(),
            batch: Batch::default(),
            late: Late::default(),
            statements: Statements::new(around.std_strings),
            copying: false,
            descriptor: -1,
            query: Vec::new(),
            emptied: None,
            fatal: None,
        }
    }

    /// Where the restore is, for other sessions that go on with it.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    pub(crate) fn with_context(self, context: Context) -> Self {
        SessionSink { context, ..self }
    }

    /// The database that a step connected to.
    pub(crate) fn database(&self) -> Option<&[u8]> {
        self.database.as_deref()
    }

    /// Why it ended; the error of the rules, if it was not this sink's.
    pub(crate) fn fatal(&mut self, error: pgdmp::Error) -> Fatal {
        self.fatal.take().unwrap_or(Fatal::Archive(error))
    }

    fn die<T>(&mut self, fatal: Fatal) -> pgdmp::Result<T> {
        self.fatal = Some(fatal);
        Err(end())
    }

    /// An error that need not be the end.
    fn failed(&mut self, text: &[u8]) -> pgdmp::Result<Outcome> {
        if self.around.server.is_stopped() {
            return self.die(Fatal::Told);
        }
        self.context.tell(self.around.voice);
        self.around.voice.error(text);
        if self.around.exit_on_error { self.die(Fatal::Told) } else { Ok(Outcome::Failed(1)) }
    }

    fn query_failed(
        &mut self,
        what: &str,
        message: &Message,
        query: &[u8],
    ) -> pgdmp::Result<Outcome> {
        let text = [what.as_bytes(), b": ", &message[..], b"Command was: ", query];
        self.failed(&text.concat())
    }

    /// Sends a query as it is.
    fn send(&mut self, what: &str, query: &[u8]) -> pgdmp::Result<Outcome> {
        match self.session.query(query) {
            Ok(_) => Ok(Outcome::Done),
            Err(message) if self.is_done_already()? => {
                drop(message);
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

    /// Whether a statement failed because an earlier run has done already what it does.
    fn is_done_already(&mut self) -> pgdmp::Result<bool> {
        let Some(journal) = self.around.journal else { return Ok(false) };
        let (Some(id), Some(state)) = (self.context.id(), self.session.last_state()) else {
            return Ok(false);
        };
        if !journal.is_cleaned() {
            return Ok(journal.resumes() && IS_GONE.contains(&&state));
        }
        if !EXISTS.contains(&&state) {
            return Ok(false);
        }
        if journal.is_in_doubt(id) {
            return Ok(true);
        }
        self.noted(journal.conflict(id))?;
        Ok(false)
    }

    /// Whether an earlier run has begun the entry.
    fn is_in_doubt(&self) -> bool {
        let (journal, id) = (self.around.journal, self.context.id());
        journal.zip(id).is_some_and(|(journal, id)| journal.is_in_doubt(id))
    }

    /// What cannot be noted in the journal ends the restore.
    fn noted(&mut self, noted: Result<(), Fatal>) -> pgdmp::Result<()> {
        noted.or_else(|fatal| self.die(fatal))
    }

    /// Rows must not come twice: a table that is not new has to be empty.
    fn check_rows(&mut self, entry: &TocEntry<'_>) -> pgdmp::Result<()> {
        let Some(journal) = self.around.journal else { return Ok(()) };
        if entry.desc() != Desc::TABLE_DATA || self.emptied == Some(entry.dump_id()) {
            return Ok(());
        }
        let table = qualified(entry);
        let sql = [b"SELECT 1 FROM ONLY ", &table[..], b" LIMIT 1"].concat();
        // If that is refused, so is what follows.
        let Ok(rows) = self.session.rows(&sql) else { return Ok(()) };
        if rows.is_empty() {
            return Ok(());
        }
        if journal.reloads() {
            let sql = [b"TRUNCATE TABLE ONLY ", &table[..]].concat();
            return match self.session.query(&sql) {
                Ok(_) => Ok(()),
                Err(message) => {
                    let text = [b"could not empty table ", &table[..], b": ", &message].concat();
                    self.die(Fatal::server(text))
                }
            };
        }
        let text = [
            b"table ",
            &table[..],
            b" has rows, which may be those of an earlier restore: empty it, or have it emptied \
              (--resume-reload)",
        ];
        self.die(Fatal::server(text.concat()))
    }

    fn statement(&mut self, statement: &Statement<'_>) -> pgdmp::Result<Outcome> {
        if statement.entry.is_none() && self.is_set == IsSet::NotYet {
            self.is_set = IsSet::Begun;
        }
        if let (Some(entry), Some(journal)) = (statement.entry, self.around.journal) {
            match statement.purpose {
                Purpose::Drop => {}
                Purpose::Truncate => self.emptied = Some(entry.dump_id()),
                _ => self.noted(journal.cleaned())?,
            }
        }
        if let (None, Purpose::Setting { name, .. }) = (statement.entry, statement.purpose)
            && !self.knows_setting(name)
        {
            return Ok(Outcome::Done);
        }
        if !self.around.means.batches
            || !joins(statement, self.around.std_strings)
            // What fails then is the end of more than a batch.
            || self.session.in_transaction()
        {
            self.send_waiting()?;
            return self.send_alone(statement.into(), statement.text, None);
        }
        if !self.batch.has_room(statement) {
            self.send_waiting()?;
        }
        self.batch.push(statement, self.context.place());
        if self.batch.is_full() || changes_reading(statement.purpose) {
            self.send_waiting()?;
        }
        Ok(Outcome::Done)
    }

    /// Sends the statements that wait: at once, or if that fails one after the other.
    fn send_waiting(&mut self) -> pgdmp::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.batch);
        let sent = self.send_batch(&batch);
        batch.sent(*sent.as_ref().unwrap_or(&false));
        self.batch = batch;
        sent.map(drop)
    }

    /// Says whether they could be sent at once.
    fn send_batch(&mut self, batch: &Batch) -> pgdmp::Result<bool> {
        let mut lost = None;
        if batch.each().len() > 1 {
            let Err(message) = self.session.query(batch.query()) else { return Ok(true) };
            if self.around.server.is_stopped() {
                return self.die(Fatal::Told);
            }
            // Whichever it was, none of them is done.
            lost = self.session.is_lost().then_some(message);
        }
        let here = self.context.place();
        let mut at_once = batch.each().len() == 1;
        for (alone, text) in batch.each() {
            self.context.go(alone.place.clone());
            if let Outcome::Failed(errors) = self.send_alone(alone.into(), text, lost.take())? {
                self.late.errors += errors;
                let place = alone.place.as_ref().filter(|_| alone.of_entry);
                self.late.entries.extend(place.map(|place| place.index));
                at_once = false;
            }
        }
        self.context.go(here);
        Ok(at_once)
    }

    /// Sends a statement as a query of its own; `failure`: what is known of its end.
    fn send_alone(
        &mut self,
        alone: Alone<'_>,
        text: &[u8],
        failure: Option<Message>,
    ) -> pgdmp::Result<Outcome> {
        if alone.of_entry
            && let Purpose::Setting { .. } | Purpose::AccessMethod = alone.purpose
        {
            return self.setting(alone.purpose, text, failure);
        }
        let mut query = std::mem::take(&mut self.query);
        query.clear();
        query.extend_from_slice(text);
        query.resize(query.len() + usize::from(alone.empty_lines), b'\n');
        let outcome = match failure {
            None => self.send(QUERY, &query),
            Some(message) => self.query_failed(QUERY, &message, &query),
        };
        query.shrink_to(1 << 20);
        self.query = query;
        outcome
    }

    /// Whether the server has a setting. pg_restore sets what the servers of its own release have;
    /// what others lack is no error of the archive.
    fn knows_setting(&self, name: &str) -> bool {
        let version = self.session.server_version();
        let since = match name {
            "transaction_timeout" => 170_000,
            "idle_in_transaction_session_timeout" => 90_600,
            "row_security" => 90_500,
            _ => 0,
        };
        version == 0 || version >= since
    }

    /// What an entry needs before it, which is said in other words when it fails.
    fn setting(
        &mut self,
        purpose: Purpose<'_>,
        text: &[u8],
        failure: Option<Message>,
    ) -> pgdmp::Result<Outcome> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = match purpose {
            Purpose::Setting { name: "default_tablespace", .. } => {
                text.strip_suffix(b";").unwrap_or(text)
            }
            _ => text,
        };
        let failure = failure.or_else(|| self.session.query(text).err());
        let Some(message) = failure else { return Ok(Outcome::Done) };
        let Purpose::Setting { name, value } = purpose else {
            let what = b"could not alter table access method: ";
            return self.failed(&[what, &message[..]].concat());
        };
        let value = value.unwrap_or_default();
        let (before, value, after): (_, &[u8], _) = match name {
            "session_authorization" => {
                let text = [b"could not set session user to \"", value, b"\": ", &message];
                return self.die(Fatal::server(text.concat()));
            }
            "search_path" => ("could not set \"search_path\" to \"", value, "\": "),
            "default_tablespace" => {
                // As it is quoted in the statement.
                let name = text.strip_prefix(b"SET default_tablespace = ").unwrap_or(value);
                let name = if value.is_empty() { b"\"\"" } else { name };
                ("could not set \"default_tablespace\" to ", name, ": ")
            }
            _ => ("could not set \"default_table_access_method\"", b"", ": "),
        };
        self.failed(&[before.as_bytes(), value, after.as_bytes(), &message].concat())
    }

    /// Text that is no statement. A server has nothing to say to it, but one that is gone has.
    fn text(&mut self, text: &[u8]) -> pgdmp::Result<Outcome> {
        if !self.session.is_lost() {
            return Ok(Outcome::Done);
        }
        self.send_waiting()?;
        self.send(QUERY, text)
    }

    fn copy_begin(&mut self, statement: &[u8]) -> pgdmp::Result<Outcome> {
        self.copying = false;
        match self.session.query(statement) {
            Ok(reply) => {
                self.copying = reply == Reply::CopyIn;
                Ok(Outcome::Done)
            }
            Err(message) => self.query_failed(QUERY, &message, statement),
        }
    }

    fn copy_data(&mut self, data: &[u8]) -> pgdmp::Result<Outcome> {
        if !self.copying {
            return Ok(Outcome::Done);
        }
        match self.session.copy_data(data) {
            Ok(()) => Ok(Outcome::Done),
            Err(message) => {
                let text = [b"error returned by PQputCopyData: ", &message[..]].concat();
                self.die(Fatal::server(text))
            }
        }
    }

    fn copy_end(&mut self, entry: &TocEntry<'_>) -> pgdmp::Result<Outcome> {
        if !std::mem::take(&mut self.copying) {
            return Ok(Outcome::Done);
        }
        let table = entry.tag().unwrap_or_default();
        match self.session.copy_end() {
            Ok(Copied { failure, surplus }) => {
                let outcome = match failure {
                    Some(message) => {
                        let text = [b"COPY failed for table \"", table, b"\": ", &message];
                        self.failed(&text.concat())?
                    }
                    None => Outcome::Done,
                };
                if surplus {
                    let what = b"unexpected extra results during COPY of table \"";
                    self.around.voice.warning(&[what, table, b"\""].concat());
                }
                Ok(outcome)
            }
            Err(message) => {
                let text = [b"error returned by PQputCopyEnd: ", &message[..]].concat();
                self.die(Fatal::server(text))
            }
        }
    }

    fn insert_data(&mut self, data: &[u8]) -> pgdmp::Result<Outcome> {
        let mut statements =
            std::mem::replace(&mut self.statements, Statements::new(self.around.std_strings));
        let mut failures = 0;
        let result = statements.piece(data, |statement| {
            if let Outcome::Failed(n) = self.send(QUERY, statement)? {
                failures += n;
            }
            Ok::<(), Stopped>(())
        });
        self.statements = statements;
        match result {
            Ok(()) if failures == 0 => Ok(Outcome::Done),
            Ok(()) => Ok(Outcome::Failed(failures)),
            Err(Stopped::By(error)) => Err(error),
            Err(Stopped::TooLong) => {
                self.die(Fatal::server("a statement in the data is longer than a server takes"))
            }
        }
    }

    fn insert_end(&mut self, entry: &TocEntry<'_>) {
        let rest = self.statements.rest();
        if rest.iter().any(|byte| !byte.is_ascii_whitespace()) {
            // pg_restore would put it before the next table's.
            let table = entry.tag().unwrap_or_default();
            let what = b"the last statement in the data of table \"";
            self.around.voice.warning(&[what, table, b"\" has no end, and is left out"].concat());
        }
    }

    fn connect(&mut self, database: &[u8]) -> pgdmp::Result<Outcome> {
        match self.around.server.connect(Some(database), self.around.voice) {
            Ok(session) => {
                self.session = session;
                self.is_set = IsSet::NotYet;
                self.database = Some(database.to_vec());
                if let Some(journal) = self.around.journal {
                    let noted = journal.connected(&mut *self.session, database);
                    self.noted(noted)?;
                }
                Ok(Outcome::Done)
            }
            Err(fatal) => self.die(fatal),
        }
    }

    fn large_object(&mut self, oid: u32, create: bool) -> pgdmp::Result<Outcome> {
        let failed = |what: &str, message: Message| {
            let start = format!("could not {what} large object {oid}: ");
            Fatal::server([start.as_bytes(), &message].concat())
        };
        let in_doubt = self.is_in_doubt();
        if create
            && let Err(message) = self.session.lo_create(oid)
            && !in_doubt
        {
            return self.die(failed("create", message));
        }
        match self.session.lo_open(oid) {
            Ok(descriptor) => {
                self.descriptor = descriptor;
                Ok(Outcome::Done)
            }
            Err(message) => self.die(failed("open", message)),
        }
    }

    fn large_object_data(&mut self, data: &[u8]) -> pgdmp::Result<Outcome> {
        let written = self.session.lo_write(self.descriptor, data);
        if self.around.voice.is_debug() {
            let (n, s) = (data.len(), if data.len() == 1 { "" } else { "s" });
            let text = format!("wrote {n} byte{s} of large object data (result = {written})");
            self.around.voice.debug(text.as_bytes());
        }
        if usize::try_from(written) == Ok(data.len()) {
            return Ok(Outcome::Done);
        }
        let message = self.session.last_message();
        self.failed(&[b"could not write to large object: ", &message[..]].concat())
    }
}

/// Objects that there are already: duplicate database, schema, table, function, object, column,
/// primary key; a name that another session made meanwhile; a partition that is attached.
const EXISTS: &[&SqlState] =
    &[b"42P04", b"42P06", b"42P07", b"42723", b"42710", b"42701", b"42P16", b"23505", b"42809"];

/// Objects that there are no more: undefined table, object, function, schema, database, column.
const IS_GONE: &[&SqlState] = &[b"42P01", b"42704", b"42883", b"3F000", b"3D000", b"42703"];
/// What is to know of a statement that goes to the server alone.
struct Alone<'a> {
    /// Whether an entry needs it.
    of_entry: bool,
    purpose: Purpose<'a>,
    empty_lines: u8,
}

impl<'a> From<&Statement<'a>> for Alone<'a> {
    fn from(statement: &Statement<'a>) -> Self {
        let Statement { entry, purpose, empty_lines, .. } = *statement;
        Alone { of_entry: entry.is_some(), purpose, empty_lines }
    }
}

impl<'a> From<&'a Queued> for Alone<'a> {
    fn from(queued: &'a Queued) -> Self {
        let Queued { of_entry, empty_lines, .. } = *queued;
        Alone { of_entry, purpose: queued.purpose(), empty_lines }
    }
}

/// What failed, of a query that has no other name.
const QUERY: &str = "could not execute query";

enum Stopped {
    By(pgdmp::Error),
    TooLong,
}

impl From<pgdmp::Error> for Stopped {
    fn from(error: pgdmp::Error) -> Self {
        Stopped::By(error)
    }
}

impl From<TooLong> for Stopped {
    fn from(_: TooLong) -> Self {
        Stopped::TooLong
    }
}

/// The entry that a step is about.
fn entry_of<'t>(step: &Step<'t>) -> Option<TocEntry<'t>> {
    match step {
        Step::Statement(statement) => statement.entry,
        Step::Heading(heading) => Some(heading.entry()),
        Step::CopyBegin { entry, .. }
        | Step::InsertBegin { entry }
        | Step::LargeObjectOpen { entry, .. } => Some(*entry),
        _ => None,
    }
}

/// Whether statements before a step need not be sent before it.
fn may_wait(step: &Step<'_>) -> bool {
    matches!(
        step,
        Step::Statement(_)
            | Step::Heading(_)
            | Step::Comment(_)
            | Step::EmptyLine
            | Step::Restrict
            | Step::Unrestrict
            | Step::Event(_)
    )
}

impl Sink for SessionSink<'_> {
    fn wait(&mut self) -> pgdmp::Result<Late> {
        self.send_waiting()?;
        Ok(std::mem::take(&mut self.late))
    }

    fn now(&mut self) -> String {
        self.around.voice.now()
    }

    fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
        if let Some(entry) = entry_of(step) {
            self.context.entry(&entry);
        }
        if !may_wait(step) {
            self.send_waiting()?;
        }
        match step {
            Step::Stage(stage) => self.context.stage(*stage),
            Step::Statement(statement) => return self.statement(statement),
            Step::Begin => return self.send("could not start database transaction", b"BEGIN"),
            Step::Commit => return self.send("could not commit database transaction", b"COMMIT"),
            Step::Connect { database, .. } => return self.connect(database),
            Step::CopyBegin { entry, statement } => {
                self.check_rows(entry)?;
                return self.copy_begin(statement);
            }
            Step::CopyData(data) => return self.copy_data(data),
            Step::CopyEnd { entry } => return self.copy_end(entry),
            Step::InsertBegin { entry } => {
                self.check_rows(entry)?;
                self.statements = Statements::new(self.around.std_strings);
            }
            Step::InsertData(data) => return self.insert_data(data),
            Step::InsertEnd { entry } => self.insert_end(entry),
            Step::LargeObjectOpen { oid, create, .. } => {
                return self.large_object(oid.0, *create);
            }
            Step::LargeObjectWrite { data, .. } => return self.large_object_data(data),
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
