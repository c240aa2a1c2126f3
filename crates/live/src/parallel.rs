//! A restore over several sessions.
//!
//! One session restores the definitions that come before all data, and leaves. Then each of `jobs`
//! threads has a session; the leader, which has none, hands out entries as the [graph](crate::graph)
//! lets them go. In the end one session restores what was never begun, which nothing should be.
//!
//! Data that comes through a pipe cannot be handed out: the first session restores it as it comes,
//! and the others have what comes after the data, which is most of the work of a server.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use pgdmp::script::{
    Event, Late, Outcome, Report, Restore, RestorePass, Restored, Share, Sink, Step,
};
use pgdmp::select::{Selected, Wanted};
use pgdmp::toc::Format;
use pgdmp::{Archive, ArchiveStream, Desc, DumpId, Error, ErrorKind, TocEntry};

use crate::batch::LOCK_TIMEOUT;
use crate::constraint::{Part, TwoParts};
use crate::context::Context;
use crate::deal::{self, Deal, Help};
use crate::fatal::Fatal;
use crate::graph::Graph;
use crate::journal::Journal;
use crate::progress::Progress;
use crate::restore::Restorer;
use crate::session::{Server, Session};
use crate::sink::{SessionSink, Surroundings};
use crate::split::Splits;
use crate::tune::Settings;
use crate::voice::Voice;
use crate::watch::{self, Seen, Watch};

/// Restores an archive that can be read anywhere.
pub(crate) fn restore(
    restorer: &Restorer,
    archive: &Archive,
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
) -> Result<Report, Fatal> {
    let data = Data::Anywhere(archive);
    all(restorer, data, selected, server, voice, |leader, rules, sink| {
        leader.first(&mut rules.share(archive, selected, sink)?)
    })
}

/// Restores an archive that goes by. The session that begins also restores the data, as it comes.
pub(crate) fn restore_stream<R: Read + Send>(
    restorer: &Restorer,
    archive: &mut ArchiveStream<R>,
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
) -> Result<Report, Fatal> {
    let data = Data::GoneBy(archive.format());
    all(restorer, data, selected, server, voice, |leader, rules, sink| {
        leader.first(&mut rules.share_of_stream(archive, selected, sink)?)
    })
}

fn all(
    restorer: &Restorer,
    data: Data<'_>,
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
    first: impl FnOnce(&mut Leader<'_>, &Restore, &mut SessionSink<'_>) -> pgdmp::Result<()>,
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
    let report = over_sessions(restorer, data, selected, server, voice, journal.as_ref(), first)?;
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
    selected: &Selected<'_>,
    server: &dyn Server,
    voice: &dyn Voice,
    journal: Option<&Journal>,
    first: impl FnOnce(&mut Leader<'_>, &Restore, &mut SessionSink<'_>) -> pgdmp::Result<()>,
) -> Result<Report, Fatal> {
    let known = journal.and_then(Journal::database);
    let mut session = restorer.connect(known, selected, server, voice)?;
    if let Some(journal) = journal {
        journal.meet(&mut *session, true)?;
    }
    let rules = restorer.rules(&*session);
    let jobs = restorer.jobs.max(1);
    let settings = Settings::of(restorer.used_means(), &restorer.settings, jobs, &mut *session);
    let mut around = restorer.around(selected.toc(), server, voice, &settings, journal)?;
    around.data_comes_again = data.archive().is_some();
    let splits = splits(selected, around, &rules, data, jobs, &mut *session);
    let mut graph = Graph::new(data.archive(), selected, around.means, session.server_version());
    if restorer.analyze {
        graph.analyze();
    }
    let mut leader = Leader {
        data,
        around,
        graph,
        inhibits: restorer.options.holds_back_data(),
        transactions: restorer.options.uses_transactions(),
        remade: HashSet::new(),
        unconfirmed: Vec::new(),
        report: Report::default(),
    };
    let mut sink = SessionSink::new(around, session);
    first(&mut leader, &rules, &mut sink).map_err(|error| sink.fatal(error))?;
    let context = sink.context();
    let database = sink.database().or(known).map(<[u8]>::to_vec);
    // So that there are never more sessions than were asked for.
    drop(sink);

    let of_workers = Restore::new().options(rules.script_options().clone().transaction_size(0));
    let work = Work {
        rules: &of_workers,
        data,
        selected,
        around,
        context: context.clone(),
        database: database.as_deref(),
        splits,
    };
    leader.side_by_side(&work, jobs)?;

    let session = server.connect(database.as_deref(), voice)?;
    let mut sink = SessionSink::new(around, session).with_context(context);
    let last =
        data.share(&rules, selected, &mut sink).and_then(|mut share| leader.last(&mut share));
    last.map_err(|error| sink.fatal(error))?;
    leader.report.errors += sink.flush_log().map_err(|error| sink.fatal(error))?;
    Ok(leader.report)
}

/// Which rows are dealt, if that is of use on this server.
fn splits<'a>(
    selected: &Selected<'a>,
    around: Surroundings<'_>,
    rules: &Restore,
    data: Data<'_>,
    jobs: usize,
    session: &mut dyn Session,
) -> Option<Splits<'a>> {
    let version = session.server_version();
    let is_plain = data.archive().is_some()
        && !rules.script_options().sets_session_authorization()
        // For `lock_timeout`.
        && (version == 0 || version >= LOCK_TIMEOUT);
    let splits = Splits::new(selected.toc(), around.means.split, jobs, is_plain)?;
    // With the least log, rows go unlogged into a table that their transaction empties.
    let rows = session.rows(b"SHOW wal_level").ok()?;
    let minimal = rows.iter().flatten().flatten().any(|level| level == b"minimal");
    (!minimal).then_some(splits)
}

/// Where the data is, for sessions that come after the first.
#[derive(Clone, Copy)]
enum Data<'a> {
    Anywhere(&'a Archive),
    /// The first session had it all.
    GoneBy(Format),
}

impl<'a> Data<'a> {
    fn archive(self) -> Option<&'a Archive> {
        match self {
            Data::Anywhere(archive) => Some(archive),
            Data::GoneBy(_) => None,
        }
    }

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
            Data::GoneBy(format) => rules.share_without_data(format, selected, sink),
        }
    }
}

/// What each worker has to know.
struct Work<'a> {
    rules: &'a Restore,
    data: Data<'a>,
    selected: &'a Selected<'a>,
    around: Surroundings<'a>,
    context: Context,
    database: Option<&'a [u8]>,
    /// `None` if no rows are dealt.
    splits: Option<Splits<'a>>,
}

/// An entry for a worker.
#[derive(Debug)]
struct Item {
    place: usize,
    wanted: Wanted,
    made: bool,
    /// If the table is analyzed and nothing restored: the place of its rows.
    analyzes: Option<usize>,
    /// What of its definition, if that has two parts.
    part: Option<(Part, Arc<TwoParts>)>,
    /// Sessions that come to help with its rows, if they are dealt.
    joins: Option<Receiver<deal::Part>>,
}

/// What a worker is to do.
enum Task {
    /// One entry, or several whose statements are sent together.
    Restore(Vec<Item>),
    Help(Help),
    /// To ask how far the indexes are that these processes build.
    Watch(Vec<i32>),
}

/// Rows that are being dealt.
struct Dealing {
    place: usize,
    copy: Vec<u8>,
    join: Sender<deal::Part>,
    /// Sessions that it has, and that it may have.
    sessions: usize,
    most: usize,
}

/// What a worker has to say.
enum News {
    Done {
        worker: usize,
        done: Vec<Done>,
    },
    /// Its help is over.
    Helped {
        worker: usize,
    },
    /// The process on the server, if that is of use.
    Process {
        worker: usize,
        pid: Option<i32>,
    },
    Watched {
        worker: usize,
        seen: Vec<Seen>,
    },
    Died(Fatal),
}

/// What came of an entry.
struct Done {
    item: Item,
    restored: Restored,
    /// The part of the definition that is to follow.
    next: Option<Part>,
}

struct Leader<'a> {
    data: Data<'a>,
    around: Surroundings<'a>,
    graph: Graph<'a>,
    /// `--no-data-for-failed-tables`.
    inhibits: bool,
    /// Whether the first session's statements are in transactions of several.
    transactions: bool,
    /// What could only be made by this run, of what earlier ones tried.
    remade: HashSet<DumpId>,
    /// Restored entries whose statements may not have been sent yet; with a journal.
    unconfirmed: Vec<(TocEntry<'a>, Restored)>,
    report: Report,
}

impl<'a> Leader<'a> {
    /// What one session restores before the others.
    fn first(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let (entries, work) = (self.graph.entries(), self.graph.remaining());
        self.tell(Progress::Planned { entries, work });
        self.debug("entering restore_toc_entries_prefork");
        match self.around.journal {
            Some(journal) if journal.is_cleaned() => share.set_up()?,
            _ => share.begin()?,
        }
        let first = self.graph.first();
        for place in &first {
            self.now("processing item", *place, share)?;
        }
        self.wait(share)?;
        if let Data::GoneBy(_) = self.data {
            for place in self.graph.with_data() {
                let node = &self.graph.nodes[place];
                match node.wanted.data {
                    true => self.now("processing item", place, share)?,
                    false => share.hold_back(node.entry),
                }
            }
        }
        share.leave()?;
        self.wait(share)?;
        self.add(share.report());
        Ok(())
    }

    /// Waits for what was sent, and hears of definitions that failed after all.
    fn wait(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let late = share.wait()?;
        for (entry, mut restored) in std::mem::take(&mut self.unconfirmed) {
            restored.errors += u64::from(late.entries.contains(&entry.index()));
            self.note_done(entry, restored)?;
        }
        if late.entries.is_empty() {
            return Ok(());
        }
        for place in 0..self.graph.nodes.len() {
            let entry = self.graph.nodes[place].entry;
            if !late.entries.contains(&entry.index()) || !self.is_table(place) {
                continue;
            }
            let mut failed = Restored::default();
            failed.definition_failed = true;
            self.table(place, failed);
            if self.inhibits && self.around.voice.is_verbose() {
                self.around.voice.info(&Event::NoDataForFailedTable(entry).message());
            }
        }
        Ok(())
    }

    /// Restores an entry in the session of the leader.
    fn now(&mut self, what: &str, place: usize, share: &mut Share<'_>) -> pgdmp::Result<()> {
        self.say(what, place);
        let node = &self.graph.nodes[place];
        let (entry, wanted) = (node.entry, node.wanted);
        let made = node.made && !self.transactions;
        if self.is_done_before(place) {
            share.hold_back(entry);
        } else if wanted.is_listed() {
            self.note(entry, Journal::begin)?;
            self.tell_begin(place);
            let restored = share.entry(entry, wanted, made)?;
            self.table(place, restored);
            self.confirm(entry, restored, share)?;
            self.graph.done(place);
            self.tell_end(place, restored, false);
            return Ok(());
        }
        self.graph.done(place);
        Ok(())
    }

    /// Whether an earlier run has restored an entry, and it is still there. What it made of a table
    /// is as if it were made by this one.
    fn is_done_before(&mut self, place: usize) -> bool {
        let Some(journal) = self.around.journal else { return false };
        let entry = self.graph.nodes[place].entry;
        if !journal.is_done(entry.dump_id()) {
            return false;
        }
        if entry.dependencies().iter().any(|need| self.remade.contains(need)) {
            self.remade.insert(entry.dump_id());
            return false;
        }
        if self.is_table(place) {
            self.graph.made(place, true);
        }
        true
    }

    /// Notes in the journal that an entry is restored, when it is known to be: some statements may
    /// not have been sent yet.
    fn confirm(
        &mut self,
        entry: TocEntry<'a>,
        restored: Restored,
        share: &mut Share<'_>,
    ) -> pgdmp::Result<()> {
        /// So many entries are in doubt at most if the process ends here.
        const MOST: usize = 32;
        let Some(journal) = self.around.journal else { return Ok(()) };
        self.unconfirmed.push((entry, restored));
        // Whether what follows is to be done again may depend on this one.
        if self.unconfirmed.len() >= MOST || journal.was_in_the_way(entry.dump_id()) {
            self.wait(share)?;
        }
        Ok(())
    }

    /// Notes in the journal that an entry is restored, unless there were errors.
    fn note_done(&mut self, entry: TocEntry<'_>, restored: Restored) -> pgdmp::Result<()> {
        if restored.errors > 0 {
            return Ok(());
        }
        let id = entry.dump_id();
        if self.around.journal.is_some_and(|journal| journal.was_in_the_way(id)) {
            // What belongs to it went to what was in its place.
            self.remade.insert(id);
        }
        self.note(entry, Journal::done)
    }

    /// Notes something in the journal, if there is one.
    fn note(
        &mut self,
        entry: TocEntry<'_>,
        what: impl FnOnce(&Journal, DumpId) -> Result<(), Fatal>,
    ) -> pgdmp::Result<()> {
        let Some(journal) = self.around.journal else { return Ok(()) };
        what(journal, entry.dump_id())
            .map_err(|fatal| std::io::Error::other(fatal.to_string()).into())
    }

    /// What one session restores after the others.
    fn last(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        self.debug("entering restore_toc_entries_postfork");
        share.set_up()?;
        for place in self.graph.missed() {
            self.now("processing missed item", place, share)?;
        }
        share.finish()?;
        self.wait(share)?;
        self.add(share.report());
        Ok(())
    }

    /// What all sessions restore.
    fn side_by_side(&mut self, work: &Work<'_>, jobs: usize) -> Result<(), Fatal> {
        self.debug("entering restore_toc_entries_parallel");
        thread::scope(|scope| {
            let (news, heard) = channel();
            let mut items = Vec::with_capacity(jobs);
            let mut workers = Vec::with_capacity(jobs);
            let mut result = Ok(());
            for number in 0..jobs {
                let (item, next) = channel();
                let news = news.clone();
                let thread = thread::Builder::new().name(format!("restore {number}"));
                match thread.spawn_scoped(scope, move || Worker { number, next, news }.run(work)) {
                    Ok(worker) => workers.push(worker),
                    Err(error) => {
                        let text = format!("could not create worker process: {error}");
                        result = Err(Fatal::server(text));
                        break;
                    }
                }
                items.push(item);
            }
            drop(news);
            let result = result.and_then(|()| self.hand_out(&items, &heard, work.splits.as_ref()));
            // There is nothing more to do for them.
            drop(items);
            if result.is_err() {
                stop(self.around.server, &workers);
            }
            result
        })
    }

    /// Hands out entries until all is done.
    fn hand_out(
        &mut self,
        items: &[Sender<Task>],
        heard: &Receiver<News>,
        splits: Option<&Splits<'_>>,
    ) -> Result<(), Fatal> {
        self.info("entering main parallel loop");
        let mut idle: Vec<usize> = (0..items.len()).rev().collect();
        let mut dealings = Vec::new();
        let mut watch = Watch::new(self.watches(), items.len());
        for pass in RestorePass::ALL {
            self.graph.begin(pass);
            loop {
                while !idle.is_empty() {
                    let places = self.graph.next();
                    if places.is_empty() {
                        break;
                    }
                    let mut begun = Vec::with_capacity(places.len());
                    for place in places {
                        begun.extend(self.begin(place, splits, &mut dealings)?);
                    }
                    if begun.is_empty() {
                        continue;
                    }
                    let Some(worker) = idle.pop() else { break };
                    if let [Item { place, analyzes: None, .. }] = &begun[..] {
                        let desc = self.graph.nodes[*place].entry.desc();
                        watch.session(worker, Some((*place, desc)));
                    }
                    let task = Task::Restore(begun);
                    let sent = items.get(worker).and_then(|items| items.send(task).ok());
                    if sent.is_none() {
                        // It has said why, or will.
                        break;
                    }
                }
                lend(&mut dealings, &mut idle, items);
                if idle.len() == items.len() {
                    break;
                }
                if !idle.is_empty()
                    && let Some(pids) = watch.due()
                    && let Some(worker) = idle.pop()
                {
                    let asked = items.get(worker).map(|items| items.send(Task::Watch(pids)));
                    if !matches!(asked, Some(Ok(()))) {
                        break;
                    }
                }
                match heard.recv_timeout(watch.pause()) {
                    Ok(News::Done { worker, done }) => {
                        idle.push(worker);
                        watch.session(worker, None);
                        for Done { item, restored, next } in done {
                            dealings.retain(|dealing| dealing.place != item.place);
                            self.done(&item, restored, next)?;
                        }
                    }
                    Ok(News::Helped { worker }) => idle.push(worker),
                    Ok(News::Process { worker, pid }) => watch.process(worker, pid),
                    Ok(News::Watched { worker, seen }) => {
                        idle.push(worker);
                        for (item, done) in watch.seen(&seen) {
                            self.tell(Progress::Goes { item, done });
                        }
                    }
                    Ok(News::Died(reason)) => return Err(Fatal::Worker(Box::new(reason))),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(Fatal::Worker(Box::new(Fatal::Told)));
                    }
                }
            }
        }
        self.info("finished main parallel loop");
        Ok(())
    }

    /// Whether the server is asked how far indexes are.
    fn watches(&self) -> bool {
        self.around.means.is_fast() && self.around.voice.wants_progress()
    }

    /// Begins an entry, if there is something to restore of it.
    fn begin(
        &mut self,
        place: usize,
        splits: Option<&Splits<'_>>,
        dealings: &mut Vec<Dealing>,
    ) -> pgdmp::Result<Option<Item>> {
        let node = &self.graph.nodes[place];
        let (entry, wanted, made) = (node.entry, node.wanted, node.made);
        let part = node.part();
        let analyzes = node.analyzes;
        if analyzes.is_some() {
            let id = entry.dump_id();
            let journal = self.around.journal.filter(|_| !self.remade.contains(&id));
            if !wanted.is_listed() || journal.is_some_and(|journal| journal.is_analyzed(id)) {
                self.graph.done(place);
                return Ok(None);
            }
            self.tell_begin(place);
            return Ok(Some(Item { place, wanted, made, analyzes, part, joins: None }));
        }
        if !wanted.is_listed() || self.is_done_before(place) {
            self.say("skipping item", place);
            self.graph.done(place);
            return Ok(None);
        }
        self.note(entry, Journal::begin)?;
        self.say("launching item", place);
        let joins = self.dealing(place, splits).map(|(dealing, joins)| {
            dealings.push(dealing);
            joins
        });
        // Rows that are dealt are not in the transaction that empties the table.
        let made = made && joins.is_none();
        self.tell_begin(place);
        Ok(Some(Item { place, wanted, made, analyzes, part, joins }))
    }

    /// Whether the rows of an entry are dealt, if sessions come to help.
    fn dealing(
        &self,
        place: usize,
        splits: Option<&Splits<'_>>,
    ) -> Option<(Dealing, Receiver<deal::Part>)> {
        let most = self.graph.sessions(place, splits?)?;
        let copy = self.graph.nodes[place].entry.copy_stmt()?.to_vec();
        let (join, joins) = channel();
        Some((Dealing { place, copy, join, sessions: 1, most }, joins))
    }

    fn done(&mut self, item: &Item, restored: Restored, next: Option<Part>) -> pgdmp::Result<()> {
        self.report.errors += restored.errors;
        self.report.warnings += restored.warnings;
        if item.analyzes.is_some() {
            if restored.errors == 0 {
                self.note(self.graph.nodes[item.place].entry, Journal::analyzed)?;
            }
            self.graph.done(item.place);
            self.tell_end(item.place, restored, false);
            return Ok(());
        }
        let node = &mut self.graph.nodes[item.place];
        node.had_errors |= restored.errors > 0;
        if let Some(part) = next {
            self.graph.goes_on(item.place, part);
            self.tell_end(item.place, restored, true);
            return Ok(());
        }
        if !node.had_errors {
            let entry = node.entry;
            self.note_done(entry, restored)?;
        }
        self.say("finished item", item.place);
        self.report.entries += 1;
        let made = self.is_table(item.place) && !restored.definition_failed;
        // An entry with errors is one more to pg_restore.
        let is_more = restored.errors > 0 && !made && !self.around.means.is_fast();
        self.report.errors += u64::from(is_more);
        self.table(item.place, restored);
        self.graph.done(item.place);
        self.tell_end(item.place, restored, false);
        Ok(())
    }

    fn tell(&self, progress: Progress<'_>) {
        if self.around.voice.wants_progress() {
            self.around.voice.progress(&progress);
        }
    }

    fn tell_begin(&self, item: usize) {
        let node = &self.graph.nodes[item];
        let (entry, analyzes) = (node.entry, node.analyzes.is_some());
        self.tell(Progress::Began { item, entry, analyzes, work: self.graph.cost(item) });
    }

    fn tell_end(&self, item: usize, restored: Restored, goes_on: bool) {
        let Restored { errors, warnings, .. } = restored;
        let remaining = self.graph.remaining();
        self.tell(Progress::Ended { item, errors, warnings, goes_on, remaining });
    }

    fn is_table(&self, place: usize) -> bool {
        let node = &self.graph.nodes[place];
        node.entry.desc() == Desc::TABLE && node.wanted.schema
    }

    /// A table that was made may be emptied before its data comes, and one that was not may be left
    /// without.
    fn table(&mut self, place: usize, restored: Restored) {
        if !self.is_table(place) {
            return;
        }
        self.graph.made(place, !restored.definition_failed);
        if restored.definition_failed && self.inhibits {
            self.graph.inhibit(place);
        }
    }

    fn add(&mut self, report: Report) {
        self.report.entries += report.entries;
        self.report.warnings += report.warnings;
        self.report.errors += report.errors;
    }

    fn info(&self, text: &str) {
        if self.around.voice.is_verbose() {
            self.around.voice.info(text.as_bytes());
        }
    }

    fn debug(&self, text: &str) {
        if self.around.voice.is_debug() {
            self.around.voice.debug(text.as_bytes());
        }
    }

    fn say(&self, what: &str, place: usize) {
        if self.around.voice.is_verbose() {
            let entry: TocEntry<'_> = self.graph.nodes[place].entry;
            let start = format!("{what} {} ", entry.dump_id());
            let (desc, tag) = (entry.desc(), entry.tag().unwrap_or_default());
            let text = [start.as_bytes(), desc.as_bytes(), b" ", tag];
            self.around.voice.info(&text.concat());
        }
    }
}

/// Has sessions that are idle help those that have rows to deal.
fn lend(dealings: &mut Vec<Dealing>, idle: &mut Vec<usize>, items: &[Sender<Task>]) {
    while let Some(worker) = idle.last().copied() {
        let may = |dealing: &&mut Dealing| dealing.sessions < dealing.most;
        let Some(dealing) = dealings.iter_mut().filter(may).min_by_key(|dealing| dealing.sessions)
        else {
            break;
        };
        let (part, help) = deal::part(&dealing.copy);
        if dealing.join.send(part).is_err() {
            // All rows are dealt.
            let place = dealing.place;
            dealings.retain(|dealing| dealing.place != place);
            continue;
        }
        dealing.sessions += 1;
        idle.pop();
        if items.get(worker).is_none_or(|items| items.send(Task::Help(help)).is_err()) {
            break;
        }
    }
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

/// A thread with a session.
struct Worker {
    number: usize,
    next: Receiver<Task>,
    news: Sender<News>,
}

impl Worker {
    fn run(self, work: &Work<'_>) {
        // Whatever happens, the leader hears of it.
        let mut last = LastWords { news: &self.news, reason: Some(Fatal::Told) };
        last.reason = self.work(work).err();
    }

    fn work(&self, work: &Work<'_>) -> Result<(), Fatal> {
        let mut session = work.around.server.connect(work.database, work.around.voice)?;
        if let Some(journal) = work.around.journal {
            journal.meet(&mut *session, false)?;
        }
        if work.around.means.is_fast() && work.around.voice.wants_progress() {
            let pid = watch::process(&mut *session);
            // If nobody hears it, that is the end anyway.
            let _ = self.news.send(News::Process { worker: self.number, pid });
        }
        let sink = SessionSink::new(work.around, session);
        let sink = RefCell::new(sink.with_context(work.context.clone()).beside_others());
        self.items(work, &sink).map_err(|error| sink.borrow_mut().fatal(error))
    }

    fn items(&self, work: &Work<'_>, sink: &RefCell<SessionSink<'_>>) -> pgdmp::Result<()> {
        let mut through = Through(sink);
        let mut share = work.data.share(work.rules, work.selected, &mut through)?;
        share.set_up()?;
        share.wait()?;
        let entries: Vec<TocEntry<'_>> = work.selected.all().map(|(entry, _)| entry).collect();
        while let Ok(task) = self.next.recv() {
            let worker = self.number;
            let news = match task {
                Task::Restore(items) => {
                    let done = match items.len() {
                        1 => one(items, &entries, &mut share, sink)?,
                        _ => several(items, &entries, &mut share)?,
                    };
                    News::Done { worker, done }
                }
                Task::Help(help) => {
                    sink.borrow_mut().help(help);
                    News::Helped { worker }
                }
                Task::Watch(pids) => {
                    let seen = watch::ask(&mut *sink.borrow_mut().session, &pids);
                    News::Watched { worker, seen }
                }
            };
            if self.news.send(news).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Restores an entry, or a part of it.
fn one(
    items: Vec<Item>,
    entries: &[TocEntry<'_>],
    share: &mut Share<'_>,
    sink: &RefCell<SessionSink<'_>>,
) -> pgdmp::Result<Vec<Done>> {
    let mut done = Vec::with_capacity(1);
    for mut item in items {
        if let Some(rows) = item.analyzes {
            let mut restored = Restored::default();
            restored.errors = sink.borrow_mut().analyze(&entries[rows])?;
            done.push(Done { item, restored, next: None });
            continue;
        }
        let entry = entries[item.place];
        let joins = item.joins.take();
        sink.borrow_mut().deal = joins.map(|joins| Box::new(Deal::new(&entry, joins)));
        let (restored, next) = part(&item, entry, share, sink)?;
        sink.borrow_mut().deal = None;
        done.push(Done { item, restored, next });
    }
    Ok(done)
}

/// Restores entries whose statements are sent together.
fn several(
    items: Vec<Item>,
    entries: &[TocEntry<'_>],
    share: &mut Share<'_>,
) -> pgdmp::Result<Vec<Done>> {
    let mut done = Vec::with_capacity(items.len());
    for item in items {
        let restored = share.entry(entries[item.place], item.wanted, item.made)?;
        done.push(Done { item, restored, next: None });
    }
    let Late { errors: mut more, entries: failed, .. } = share.wait()?;
    for Done { item, restored, .. } in &mut done {
        if failed.contains(&entries[item.place].index()) {
            restored.errors += 1;
            restored.definition_failed = true;
            more = more.saturating_sub(1);
        }
    }
    // An entry can have several; the sum counts.
    let one = done.iter().rposition(|done| done.restored.definition_failed);
    if let Some(done) = done.get_mut(one.unwrap_or_default()) {
        done.restored.errors += more;
    }
    Ok(done)
}

/// Restores an entry, or a part of it; says which part is to follow.
fn part(
    item: &Item,
    entry: TocEntry<'_>,
    share: &mut Share<'_>,
    sink: &RefCell<SessionSink<'_>>,
) -> pgdmp::Result<(Restored, Option<Part>)> {
    match &item.part {
        Some((Part::First, parts)) => sink.borrow_mut().send_first(Arc::clone(parts)),
        Some((Part::Second, parts)) => {
            let mut sink = sink.borrow_mut();
            let restored = sink.second_part(&entry, parts)?;
            return Ok((restored, sink.next_part()));
        }
        Some((Part::Instead, parts)) => {
            let restored = sink.borrow_mut().undo_part(&entry, parts)?;
            if restored.errors > 0 {
                return Ok((restored, None));
            }
        }
        Some((Part::Whole, _)) | None => {}
    }
    let mut restored = share.entry(entry, item.wanted, item.made)?;
    let late = share.wait()?;
    restored.errors += late.errors;
    restored.definition_failed |= !late.entries.is_empty();
    Ok((restored, sink.borrow_mut().next_part()))
}

/// The rules reach a session through this; what they do not know of happens between their entries.
struct Through<'s, 'a>(&'s RefCell<SessionSink<'a>>);

impl Sink for Through<'_, '_> {
    fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
        self.0.borrow_mut().step(step)
    }

    fn wait(&mut self) -> pgdmp::Result<Late> {
        self.0.borrow_mut().wait()
    }

    fn rows_alone(&self) -> bool {
        self.0.borrow().rows_alone()
    }

    fn now(&mut self) -> String {
        self.0.borrow_mut().now()
    }
}

/// Tells the leader why a worker ends before its end; even of a panic.
struct LastWords<'a> {
    news: &'a Sender<News>,
    reason: Option<Fatal>,
}

impl Drop for LastWords<'_> {
    fn drop(&mut self) {
        if let Some(reason) = self.reason.take() {
            let _ = self.news.send(News::Died(reason));
        }
    }
}
