//! What decides which session restores which entry, and when.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use pgdmp::script::{Event, Report, RestorePass, Restored, ScriptOptions, Share};
use pgdmp::{Desc, DumpId, Error, TocEntry};

use crate::constraint::Part;
use crate::deal;
use crate::fatal::Fatal;
use crate::graph::Graph;
use crate::journal::Journal;
use crate::pipe::{Buffer, Source};
use crate::progress::Progress;
use crate::sink::Surroundings;
use crate::split::Splits;
use crate::watch::Watch;
use crate::worker::{Done, Item, News, Task};

/// Rows that are being dealt.
struct Dealing {
    place: usize,
    copy: Vec<u8>,
    join: Sender<deal::Part>,
    /// Sessions that it has, and that it may have.
    sessions: usize,
    most: usize,
}

pub(crate) struct Leader<'a> {
    around: Surroundings<'a>,
    graph: Graph<'a>,
    /// `--no-data-for-failed-tables`.
    inhibits: bool,
    /// Whether the first session's statements are in transactions of several.
    transactions: bool,
    /// What could only be made by this run, of what earlier ones tried.
    remade: HashSet<DumpId>,
    /// Restored entries whose statements may not have been sent yet, where that matters.
    unconfirmed: Vec<Unconfirmed<'a>>,
    /// What a session restores alone, and which of that is next.
    alone: Vec<usize>,
    at: usize,
    /// What was begun in a session that was lost. One more may be lost before all of it is done again.
    doubts: HashSet<DumpId>,
    /// Whether the restore has begun, with what comes before the first entry.
    begun: bool,
    pub(crate) report: Report,
    /// The pipe that data comes through.
    pipe: Option<FromPipe>,
}

/// An entry whose statements may not have been sent yet.
struct Unconfirmed<'a> {
    /// Where it is in what a session restores alone.
    at: usize,
    entry: TocEntry<'a>,
    restored: Restored,
}

/// What came through a pipe.
pub(crate) struct FromPipe {
    /// Data that waits for a session, by the place of its entry.
    came: HashMap<usize, Source>,
    /// How many sessions restore some.
    running: usize,
    /// Whether there is more to come.
    is_open: bool,
    /// Why there is no more.
    broken: Option<Error>,
    buffer: Arc<Buffer>,
}

impl FromPipe {
    pub(crate) fn new(buffer: Arc<Buffer>) -> Self {
        FromPipe { came: HashMap::new(), running: 0, is_open: true, broken: None, buffer }
    }
}

impl<'a> Leader<'a> {
    pub(crate) fn new(
        around: Surroundings<'a>,
        graph: Graph<'a>,
        options: &ScriptOptions,
        pipe: Option<FromPipe>,
    ) -> Self {
        Leader {
            around,
            graph,
            inhibits: options.holds_back_data(),
            transactions: options.uses_transactions(),
            remade: HashSet::new(),
            unconfirmed: Vec::new(),
            alone: Vec::new(),
            at: 0,
            doubts: HashSet::new(),
            begun: false,
            report: Report::default(),
            pipe,
        }
    }

    /// The entries whose data comes through the pipe, with their places.
    pub(crate) fn awaited(&mut self) -> HashMap<DumpId, usize> {
        let mut awaited = HashMap::new();
        for place in self.graph.awaited() {
            awaited.entry(self.graph.nodes[place].entry.dump_id()).or_insert(place);
        }
        awaited
    }

    /// Nobody is going to restore what came through the pipe.
    pub(crate) fn forget_data(&mut self) {
        if let Some(pipe) = &mut self.pipe {
            pipe.came.clear();
        }
    }

    /// What one session restores before the others. After a loss another one goes on.
    pub(crate) fn first(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let result = self.begin_and_first(share);
        self.add(share.report());
        result
    }

    fn begin_and_first(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        if self.alone.is_empty() {
            let (entries, work) = (self.graph.entries(), self.graph.remaining());
            self.tell(Progress::Planned { entries, work });
            self.debug("entering restore_toc_entries_prefork");
            self.alone = self.graph.first();
        }
        match self.around.journal {
            _ if self.begun => share.set_up()?,
            Some(journal) if journal.is_cleaned() => share.set_up()?,
            _ => share.begin()?,
        }
        if self.around.retry.is_some() {
            self.wait(share)?;
        }
        self.begun = true;
        self.all_alone("processing item", share)?;
        share.leave()?;
        self.wait(share)
    }

    fn all_alone(&mut self, what: &str, share: &mut Share<'_>) -> pgdmp::Result<()> {
        while let Some(place) = self.alone.get(self.at) {
            self.now(what, *place, share)?;
            self.at += 1;
        }
        Ok(())
    }

    /// The session that restores alone is lost: goes back to what is not known to be restored, and
    /// gives what of that is in doubt, and whether the drops before all are.
    pub(crate) fn go_back(&mut self) -> (HashSet<DumpId>, bool) {
        let unconfirmed = std::mem::take(&mut self.unconfirmed);
        self.doubts.extend(unconfirmed.iter().map(|unconfirmed| unconfirmed.entry.dump_id()));
        let now = self.alone.get(self.at);
        self.doubts.extend(now.map(|place| self.graph.nodes[*place].entry.dump_id()));
        if let Some(first) = unconfirmed.first() {
            self.at = first.at;
        }
        (self.doubts.clone(), !self.begun)
    }

    /// How far a session that restores alone has come.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Waits for what was sent, and hears of definitions that failed after all.
    fn wait(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let late = share.wait()?;
        for Unconfirmed { entry, mut restored, .. } in std::mem::take(&mut self.unconfirmed) {
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
        if !self.is_done_before(place) && wanted.is_listed() {
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
        /// So many entries are in doubt at most if the process ends here, or the connection.
        const MOST: usize = 32;
        const MOST_OF_CONNECTION: usize = 256;
        let Surroundings { journal, retry, means, .. } = self.around;
        if journal.is_none() && retry.is_none() {
            return Ok(());
        }
        self.unconfirmed.push(Unconfirmed { at: self.at, entry, restored });
        let most = match journal {
            _ if !means.batches => 1,
            Some(_) => MOST,
            None => MOST_OF_CONNECTION,
        };
        // Whether what follows is to be done again may depend on this one.
        let was_there = journal.is_some_and(|journal| journal.was_in_the_way(entry.dump_id()));
        if self.unconfirmed.len() >= most || was_there {
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

    /// All sessions have ended that restored side by side.
    pub(crate) fn begin_last(&mut self) {
        self.debug("entering restore_toc_entries_postfork");
        (self.alone, self.at) = (self.graph.missed(), 0);
    }

    /// What one session restores after the others. After a loss another one goes on.
    pub(crate) fn last(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        let result = self.missed_and_end(share);
        self.add(share.report());
        result
    }

    fn missed_and_end(&mut self, share: &mut Share<'_>) -> pgdmp::Result<()> {
        share.set_up()?;
        self.all_alone("processing missed item", share)?;
        share.finish()?;
        self.wait(share)
    }

    /// Hands out entries until all is done.
    pub(crate) fn hand_out(
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
                    let places = self.next(idle.len());
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
                let all_idle = idle.len() == items.len();
                if all_idle && self.force() {
                    continue;
                }
                if all_idle && !self.pipe.as_ref().is_some_and(|pipe| pipe.is_open) {
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
                    Ok(News::Died(reason)) => return Err(self.died(reason)),
                    Ok(News::Came { place, source }) => self.came(place, source),
                    Ok(News::Waits) => {}
                    Ok(News::Read { broken, absent }) => self.is_read(broken, absent),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(Fatal::Worker(Box::new(Fatal::Told)));
                    }
                }
            }
            if let Some(broken) = self.broken() {
                return Err(broken);
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
            return Ok(Some(Item { analyzes, ..Item::new(place, wanted) }));
        }
        let source = self.pipe.as_mut().and_then(|pipe| pipe.came.remove(&place));
        if !wanted.is_listed() || self.is_done_before(place) {
            self.say("skipping item", place);
            self.graph.done(place);
            return Ok(None);
        }
        self.note(entry, Journal::begin)?;
        self.say("launching item", place);
        let streams = source.as_ref().is_some_and(|source| !source.is_whole());
        let joins = self.dealing(place, splits, streams).map(|(dealing, joins)| {
            dealings.push(dealing);
            joins
        });
        // Rows that are dealt are not in the transaction that empties the table.
        let made = made && joins.is_none();
        self.tell_begin(place);
        let is_of_pipe = source.is_some();
        if let Some(pipe) = &mut self.pipe {
            pipe.running += usize::from(is_of_pipe);
        }
        Ok(Some(Item { made, part, joins, source, is_of_pipe, ..Item::new(place, wanted) }))
    }

    /// What is to begin next. While a pipe is read, a session is kept for what comes through it: it
    /// would wait otherwise, and with it whoever writes to it. Behind what is broken nothing begins
    /// but what came before.
    fn next(&mut self, idle: usize) -> Vec<usize> {
        let data_alone = self.pipe.as_ref().is_some_and(|pipe| {
            pipe.broken.is_some() || pipe.is_open && pipe.running == 0 && idle == 1
        });
        if data_alone { self.graph.next_data() } else { self.graph.next() }
    }

    /// The data of an entry has come through the pipe.
    fn came(&mut self, place: usize, source: Source) {
        if let Some(pipe) = &mut self.pipe {
            pipe.came.insert(place, source);
        }
        self.graph.came(place);
    }

    /// The pipe is read.
    fn is_read(&mut self, broken: Option<Error>, absent: Vec<usize>) {
        if broken.is_none() {
            for place in absent {
                self.came(place, Source::absent());
            }
        }
        if let Some(pipe) = &mut self.pipe {
            (pipe.is_open, pipe.broken) = (false, broken);
        }
    }

    /// Why the pipe could not be read to its end.
    fn broken(&mut self) -> Option<Fatal> {
        self.pipe.as_mut()?.broken.take().map(Fatal::Archive)
    }

    /// Why a session that ended ends all.
    fn died(&mut self, reason: Fatal) -> Fatal {
        // That the data came no further was no fault of the session that restored it.
        self.broken().unwrap_or_else(|| Fatal::Worker(Box::new(reason)))
    }

    /// While nothing runs: makes data that has come go first, if nothing else could come before it
    /// does. That is so in archives whose data has another order than what depends on what.
    fn force(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let waits = !pipe.is_open
            || pipe.buffer.is_stuck()
            || pipe.came.values().any(|source| !source.is_whole());
        match pipe.came.keys().min() {
            Some(place) if waits => {
                self.graph.force(*place);
                true
            }
            _ => false,
        }
    }

    /// Whether the rows of an entry are dealt, if sessions come to help.
    fn dealing(
        &self,
        place: usize,
        splits: Option<&Splits<'_>>,
        streams: bool,
    ) -> Option<(Dealing, Receiver<deal::Part>)> {
        let most = self.graph.sessions(place, splits?, streams)?;
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
        if let Some(pipe) = &mut self.pipe
            && item.is_of_pipe
        {
            pipe.running -= 1;
            self.graph.weigh(item.place, item.bytes);
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

    pub(crate) fn debug(&self, text: &str) {
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
