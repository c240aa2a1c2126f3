//! A restore over several sessions.
//!
//! One session restores the definitions that come before all data, and leaves. Then each of `jobs`
//! threads has a [session](crate::worker); the [leader](crate::leader), which has none, hands out
//! entries as the [graph](crate::graph) lets them go. In the end one session restores what was never
//! begun, which nothing should be.
//!
//! Data that comes through a pipe is read by a thread of its own, and handed out [as it
//! comes](crate::pipe).

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use pgdmp::script::{Report, Restore, Share, Sink, read_pipe};
use pgdmp::select::Selected;
use pgdmp::toc::Format;
use pgdmp::{Archive, ArchiveStream, Error, ErrorKind};

use crate::batch::LOCK_TIMEOUT;
use crate::context::Context;
use crate::fatal::Fatal;
use crate::graph::Graph;
use crate::journal::Journal;
use crate::leader::{FromPipe, Leader};
use crate::pipe::{Buffer, Intake};
use crate::restore::Restorer;
use crate::retry::{Losses, Retry};
use crate::session::{Server, Session};
use crate::sink::{SessionSink, Surroundings};
use crate::split::Splits;
use crate::tune::Settings;
use crate::voice::Voice;
use crate::worker::{Work, Worker};

/// Restores an archive that can be read anywhere.
pub(crate) fn restore(
    restorer: &Restorer,
    archive: &Archive,
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
) -> Result<Report, Fatal> {
    all(restorer, Data::Anywhere(archive), None, selected, server, voice)
}

/// Restores an archive that comes through a pipe.
pub(crate) fn restore_stream<R: Read + Send>(
    restorer: &Restorer,
    archive: &mut ArchiveStream<R>,
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
) -> Result<Report, Fatal> {
    let data = Data::Pipe(archive.format());
    let reads = move |taker: &mut Intake| read_pipe(archive, taker);
    all(restorer, data, Some(Box::new(reads)), selected, server, voice)
}

/// Reads a pipe to its end.
type Reads<'r> = Box<dyn FnOnce(&mut Intake) -> pgdmp::Result<()> + Send + 'r>;

fn all(
    restorer: &Restorer,
    data: Data<'_>,
    reads: Option<Reads<'_>>,
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
) -> Result<Report, Fatal> {
    if restorer.options.is_single_transaction() {
        let what = "cannot specify both --single-transaction and multiple jobs".into();
        return Err(Error::new(ErrorKind::Usage { what }).into());
    }
    let journal = match &restorer.journal {
        Some(_) if restorer.options.uses_transactions() => {
            let what = "a journal does not go together with transactions of several objects".into();
            return Err(Error::new(ErrorKind::Usage { what }).into());
        }
        Some(options) => {
            Some(Journal::open(options, selected, &restorer.options, restorer.used_means())?)
        }
        None => None,
    };
    let report = over_sessions(restorer, data, reads, selected, server, voice, journal.as_ref())?;
    if let Some(journal) = journal
        && report.errors == 0
    {
        journal.complete()?;
    }
    Ok(report)
}

fn over_sessions(
    restorer: &Restorer,
    data: Data<'_>,
    reads: Option<Reads<'_>>,
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
    journal: Option<&Journal>,
) -> Result<Report, Fatal> {
    let known = journal.and_then(Journal::database);
    let mut attempts = 0;
    let (mut session, retry) = loop {
        let mut session = restorer.connect(known, selected, server, voice)?;
        if let Some(journal) = journal {
            journal.meet(&mut *session, true)?;
        }
        let tries = restorer.tries();
        let retry = Retry::new(restorer, journal.is_some(), selected, &mut *session);
        // Nothing is done yet, but what a server says at first is needed later.
        if !session.is_lost() || attempts >= tries {
            break (session, retry);
        }
        attempts += 1;
    };
    if let Some(n @ 1..) = journal.map(Journal::losses) {
        let what = format!("the server has crashed, and lost rows of unlogged tables: {n} ");
        let what =
            what + if n == 1 { "object is restored again" } else { "objects are restored again" };
        voice.warning(what.as_bytes());
    }
    let rules = restorer.rules(&*session);
    let jobs = restorer.jobs.max(1);
    let settings = Settings::of(restorer.used_means(), &restorer.settings, jobs, &mut *session);
    let mut around = restorer.around(selected.toc(), server, voice, &settings, journal)?;
    around.data_comes_again = data.archive().is_some();
    around.retry = Some(&retry).filter(|retry| retry.tries() > 0);
    if around.means.small_tables && logs_rows(&mut *session) {
        around.means = around.means.small_tables(false);
    }
    let splits = splits(selected, around, &rules, jobs, &mut *session);
    let mut graph = Graph::new(data.archive(), selected, around.means, session.server_version());
    if restorer.analyze {
        graph.analyze();
    }
    let pipe = reads.map(|reads| (reads, Buffer::new(restorer.pipe_buffer)));
    let from_pipe = pipe.as_ref().map(|(_, buffer)| FromPipe::new(Arc::clone(buffer)));
    let mut leader = Leader::new(around, graph, &restorer.options, from_pipe);
    let mut alone = Alone {
        around,
        database: known.map(<[u8]>::to_vec),
        context: Context::default(),
        losses: Losses::default(),
    };
    // When this ends the session does, so that there are never more than were asked for.
    alone.restore(session, &mut leader, |leader, sink| {
        data.share(&rules, selected, sink).and_then(|mut share| leader.first(&mut share))
    })?;

    let of_workers = Restore::new().options(rules.script_options().clone().transaction_size(0));
    let work = Work {
        rules: &of_workers,
        data,
        selected,
        around,
        context: alone.context.clone(),
        database: alone.database.as_deref(),
        splits,
    };
    side_by_side(&mut leader, &work, jobs, pipe)?;

    let mut session = retry.connect(&around, alone.database.as_deref())?;
    retry.check(&mut *session, false)?;
    leader.begin_last();
    alone.losses = Losses::default();
    alone.restore(session, &mut leader, |leader, sink| {
        data.share(&rules, selected, sink).and_then(|mut share| leader.last(&mut share))?;
        leader.report.errors += sink.flush_log()?;
        Ok(())
    })?;
    Ok(leader.report)
}

/// What sessions need that restore alone, one in the place of the other when it is lost.
struct Alone<'a> {
    around: Surroundings<'a>,
    database: Option<Vec<u8>>,
    context: Context,
    losses: Losses,
}

impl<'a> Alone<'a> {
    fn restore(
        &mut self,
        session: Box<dyn Session + 'a>,
        leader: &mut Leader<'_>,
        mut restore: impl FnMut(&mut Leader<'_>, &mut SessionSink<'a>) -> pgdmp::Result<()>,
    ) -> Result<(), Fatal> {
        let mut sink = SessionSink::new(self.around, session).with_context(self.context.clone());
        loop {
            let restored = restore(leader, &mut sink);
            self.context = sink.context();
            if let Some(database) = sink.database() {
                self.database = Some(database.to_vec());
            }
            let Err(error) = restored else { return Ok(()) };
            let (doubts, drops) = leader.go_back();
            let progress = leader.at();
            let database = self.database.as_deref();
            let session = self
                .losses
                .again(sink, error, database, progress)
                .map_err(|fatal| leader.why(fatal))?;
            sink = SessionSink::new(self.around, session).with_context(self.context.clone());
            sink.doubt(doubts, drops);
        }
    }
}

/// Which rows are dealt, if that is of use on this server.
fn splits<'a>(
    selected: &Selected<'a>,
    around: Surroundings<'_>,
    rules: &Restore,
    jobs: usize,
    session: &mut dyn Session,
) -> Option<Splits<'a>> {
    let version = session.server_version();
    let is_plain = !rules.script_options().sets_session_authorization()
        // For `lock_timeout`.
        && (version == 0 || version >= LOCK_TIMEOUT);
    let splits = Splits::new(selected.toc(), around.means.split, jobs, is_plain)?;
    // With the least log, rows go unlogged into a table that their transaction empties.
    let rows = session.rows(b"SHOW wal_level").ok()?;
    let minimal = rows.iter().flatten().flatten().any(|level| level == b"minimal");
    (!minimal).then_some(splits)
}

/// Whether the server logs commands with the rows in them.
fn logs_rows(session: &mut dyn Session) -> bool {
    let logged = |level: &Vec<u8>| level == b"mod" || level == b"all";
    let rows = session.rows(b"SHOW log_statement");
    rows.is_ok_and(|rows| rows.iter().flatten().flatten().any(logged))
}

/// Where the data is.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    Anywhere(&'a Archive),
    /// It is handed to sessions with their entries.
    Pipe(Format),
}

impl<'a> Data<'a> {
    fn archive(self) -> Option<&'a Archive> {
        match self {
            Data::Anywhere(archive) => Some(archive),
            Data::Pipe(_) => None,
        }
    }

    /// The share of a session that restores alone.
    fn share<'s>(
        self,
        rules: &'s Restore,
        selected: &'s Selected<'s>,
        sink: &'s mut dyn Sink,
    ) -> pgdmp::Result<Share<'s>>
    where
        'a: 's,
    {
        match self {
            Data::Anywhere(archive) => rules.share(archive, selected, sink),
            Data::Pipe(format) => rules.share_without_data(format, selected, sink),
        }
    }
}

/// What all sessions restore.
fn side_by_side(
    leader: &mut Leader<'_>,
    work: &Work<'_>,
    jobs: usize,
    pipe: Option<(Reads<'_>, Arc<Buffer>)>,
) -> Result<(), Fatal> {
    leader.debug("entering restore_toc_entries_parallel");
    thread::scope(|scope| {
        let (news, heard) = channel();
        let mut items = Vec::with_capacity(jobs);
        let mut workers = Vec::with_capacity(jobs);
        let mut result = Ok(());
        let thread = |name: String| thread::Builder::new().name(name);
        let no_thread = |error: std::io::Error| {
            Fatal::server(format!("could not create worker process: {error}"))
        };
        for number in 0..jobs {
            let (item, next) = channel();
            let news = news.clone();
            let worker = Worker { number, next, news };
            match thread(format!("restore {number}")).spawn_scoped(scope, || worker.run(work)) {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    result = Err(no_thread(error));
                    break;
                }
            }
            items.push(item);
        }
        let buffer = pipe.as_ref().map(|(_, buffer)| Arc::clone(buffer));
        if let Some((reads, buffer)) = pipe
            && result.is_ok()
        {
            let mut intake = Intake::new(leader.awaited(), news.clone(), buffer);
            let read = move || {
                let result = reads(&mut intake);
                intake.finish(result);
            };
            if let Err(error) = thread("pipe".to_owned()).spawn_scoped(scope, read) {
                result = Err(no_thread(error));
            }
        }
        drop(news);
        let result = result
            .and_then(|()| leader.hand_out(&items, &heard, work.splits.as_ref()))
            .map_err(|fatal| leader.why(fatal));
        // There is nothing more to do for them.
        drop(items);
        if result.is_err() {
            stop(work.around.server, &workers);
        }
        // Nor to read.
        leader.forget_data();
        drop(heard);
        if let Some(buffer) = buffer {
            buffer.close();
        }
        result
    })
}

/// Has workers end, whatever they do.
fn stop(server: &dyn Server, workers: &[ScopedJoinHandle<'_, ()>]) {
    const PAUSE: Duration = Duration::from_millis(50);
    while workers.iter().any(|worker| !worker.is_finished()) {
        // Again and again: a query may have been on its way.
        server.stop();
        thread::sleep(PAUSE);
    }
}
