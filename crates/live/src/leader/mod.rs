//! What decides which session restores which entry, and when.
//!
//! ```text
//! alone.rs      what one session restores before all others, and after them
//! dealing.rs    tables whose rows are dealt, and the sessions that help
//! from_pipe.rs  data that comes through a pipe
//! noted.rs      what the journal says, and is told
//! telling.rs    what is said of all that
//! ```

mod alone;
mod dealing;
mod from_pipe;
mod noted;
mod telling;

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};

use pgdmp::script::{Report, RestorePass, Restored, ScriptOptions};
use pgdmp::{Desc, DumpId};

use crate::constraint::Part;
use crate::fatal::Fatal;
use crate::graph::Graph;
use crate::journal::Journal;
use crate::progress::Progress;
use crate::sink::Surroundings;
use crate::split::Splits;
use crate::watch::Watch;
use crate::worker::{Done, Item, News, Task};
use alone::Unconfirmed;
use dealing::{Dealing, lend};

pub(crate) use from_pipe::FromPipe;

/// Who hands out the entries of a restore.
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
    /// Why nothing more can be noted in the journal.
    fatal: Option<Fatal>,
    /// The pipe that data comes through.
    pipe: Option<FromPipe>,
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
            fatal: None,
            pipe,
        }
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
}
