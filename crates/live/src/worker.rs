//! A thread with a session, which restores what the leader hands it.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use pgdmp::script::{Late, Outcome, Restore, Restored, Share, Sink, Step};
use pgdmp::select::{Selected, Wanted};
use pgdmp::{DumpId, Error, TocEntry};

use crate::constraint::{Part, TwoParts};
use crate::context::Context;
use crate::deal::{self, Deal, Help};
use crate::fatal::Fatal;
use crate::parallel::Data;
use crate::pipe::{Hand, Source};
use crate::retry::{Losses, Lost};
use crate::sink::{SessionSink, Surroundings};
use crate::split::Splits;
use crate::watch::{self, Seen};

/// What each worker has to know.
pub(crate) struct Work<'a> {
    pub(crate) rules: &'a Restore,
    pub(crate) data: Data<'a>,
    pub(crate) selected: &'a Selected<'a>,
    pub(crate) around: Surroundings<'a>,
    pub(crate) context: Context,
    pub(crate) database: Option<&'a [u8]>,
    /// `None` if no rows are dealt.
    pub(crate) splits: Option<Splits<'a>>,
}

/// An entry for a worker.
pub(crate) struct Item {
    pub(crate) place: usize,
    pub(crate) wanted: Wanted,
    pub(crate) made: bool,
    /// If the table is analyzed and nothing restored: the place of its rows.
    pub(crate) analyzes: Option<usize>,
    /// What of its definition, if that has two parts.
    pub(crate) part: Option<(Part, Arc<TwoParts>)>,
    /// Sessions that come to help with its rows, if they are dealt.
    pub(crate) joins: Option<Receiver<deal::Part>>,
    /// Whether there were such sessions.
    pub(crate) was_dealt: bool,
    /// Its data, if that comes through a pipe.
    pub(crate) source: Option<Source>,
    /// Whether it does, and how many bytes it was, once it is restored.
    pub(crate) is_of_pipe: bool,
    pub(crate) bytes: u64,
}

impl Item {
    /// An entry as a whole, without data from elsewhere.
    pub(crate) fn new(place: usize, wanted: Wanted) -> Self {
        Item {
            place,
            wanted,
            made: false,
            analyzes: None,
            part: None,
            joins: None,
            was_dealt: false,
            source: None,
            is_of_pipe: false,
            bytes: 0,
        }
    }
}

/// What a worker is to do.
pub(crate) enum Task {
    /// One entry, or several whose statements are sent together.
    Restore(Vec<Item>),
    Help(Help),
    /// To ask how far the indexes are that these processes build.
    Watch(Vec<i32>),
}

/// What the leader hears of workers, and of the thread that reads a pipe.
pub(crate) enum News {
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
    /// The data of an entry has come through the pipe, or its beginning.
    Came {
        place: usize,
        source: Source,
    },
    /// No more fits into memory.
    Waits,
    /// The pipe is read, or cannot be read any further. `absent`: the entries whose data did not
    /// come.
    Read {
        broken: Option<Error>,
        absent: Vec<usize>,
    },
}

/// What came of an entry.
pub(crate) struct Done {
    pub(crate) item: Item,
    pub(crate) restored: Restored,
    /// The part of the definition that is to follow.
    pub(crate) next: Option<Part>,
}

/// A thread with a session.
pub(crate) struct Worker {
    pub(crate) number: usize,
    pub(crate) next: Receiver<Task>,
    pub(crate) news: Sender<News>,
}

impl Worker {
    pub(crate) fn run(self, work: &Work<'_>) {
        // Whatever happens, the leader hears of it.
        let mut last = LastWords { news: &self.news, reason: Some(Fatal::Told) };
        last.reason = self.work(work).err();
    }

    fn work(&self, work: &Work<'_>) -> Result<(), Fatal> {
        let mut session = match work.around.retry {
            Some(retry) => retry.connect(&work.around, work.database)?,
            None => work.around.server.connect(work.database, work.around.voice)?,
        };
        if let Some(journal) = work.around.journal {
            journal.meet(&mut *session, false)?;
        }
        let mut context = work.context.clone();
        let mut losses = Losses::default();
        let mut turn = Turn::default();
        loop {
            if work.around.means.is_fast() && work.around.voice.wants_progress() {
                let pid = watch::process(&mut *session);
                // If nobody hears it, that is the end anyway.
                let _ = self.news.send(News::Process { worker: self.number, pid });
            }
            let sink = SessionSink::new(work.around, session).with_context(context);
            let sink = RefCell::new(sink.beside_others());
            let Err(error) = self.tasks(work, &sink, &mut turn) else { return Ok(()) };
            let sink = sink.into_inner();
            context = sink.context();
            if let Some(lost) = sink.is_lost_by() {
                turn.is_lost(lost)?;
            }
            session = losses.again(sink, error, work.database, turn.done)?;
        }
    }

    fn tasks(
        &self,
        work: &Work<'_>,
        sink: &RefCell<SessionSink<'_>>,
        turn: &mut Turn,
    ) -> pgdmp::Result<()> {
        let mut through = Through(sink);
        let source = RefCell::new(None);
        let mut hand = Hand(&source);
        let mut share = match work.data {
            Data::Anywhere(archive) => work.rules.share(archive, work.selected, &mut through)?,
            Data::Pipe(format) => {
                work.rules.share_of_supply(format, work.selected, &mut through, &mut hand)?
            }
        };
        share.set_up()?;
        share.wait()?;
        let entries: Vec<TocEntry<'_>> = work.selected.all().map(|(entry, _)| entry).collect();
        loop {
            let worker = self.number;
            if turn.items.is_empty() {
                let Ok(task) = self.next.recv() else { break };
                let news = match task {
                    Task::Restore(items) => {
                        (turn.items, turn.in_doubt) = (items, false);
                        continue;
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
                sink.borrow_mut().check_lost()?;
                continue;
            }
            let in_doubt = turn.items.iter().filter(|_| turn.in_doubt);
            let in_doubt = in_doubt.map(|item| entries[item.place].dump_id()).collect();
            sink.borrow_mut().doubt(in_doubt, false);
            sink.borrow_mut().doubt_transaction(turn.transaction.take());
            let before = share.report().errors;
            let restored = match &mut turn.items[..] {
                [item] => one(item, &entries, &mut share, sink, &source),
                items => several(items, &entries, &mut share),
            };
            if restored.is_err() {
                turn.errors += share.report().errors.saturating_sub(before);
            }
            let restored = restored?;
            let mut done: Vec<Done> = std::mem::take(&mut turn.items)
                .into_iter()
                .zip(restored)
                .map(|(item, (restored, next))| Done { item, restored, next })
                .collect();
            if let Some(done) = done.first_mut() {
                // Of the session that was lost.
                done.restored.errors += std::mem::take(&mut turn.errors);
            }
            turn.done += 1;
            if self.news.send(News::Done { worker, done }).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// What a worker is at, whichever session it has.
#[derive(Default)]
struct Turn {
    /// What it was given to restore, and did not restore yet.
    items: Vec<Item>,
    /// Whether some of that may be restored, in a session that was lost.
    in_doubt: bool,
    /// The transaction in which that session sent its rows.
    transaction: Option<(DumpId, u64)>,
    /// Errors of it in a session that was lost.
    errors: u64,
    /// How much it has restored.
    done: usize,
}

impl Turn {
    /// The session is lost, and another one is to go on.
    ///
    /// # Errors
    ///
    /// It cannot, because data is gone.
    fn is_lost(&mut self, lost: &Lost) -> Result<(), Fatal> {
        for item in &mut self.items {
            if item.source.as_ref().is_some_and(|source| !source.can_come_again()) {
                let message = lost.message.strip_suffix(b"\n").unwrap_or(&lost.message);
                let what = b"\nThe rows that were on their way came through a pipe, and cannot be \
                             read again.";
                return Err(Fatal::server([message, what].concat()));
            }
            // Sessions that helped with its rows may have committed some.
            item.made |= item.was_dealt;
        }
        // Of several, others may be restored.
        self.in_doubt |= !lost.within_rows || self.items.len() > 1;
        self.transaction = lost.transaction.or(self.transaction);
        Ok(())
    }
}

/// What came of an entry, and the part of its definition that is to follow.
type Restoration = (Restored, Option<Part>);

/// Restores an entry, or a part of it.
fn one(
    item: &mut Item,
    entries: &[TocEntry<'_>],
    share: &mut Share<'_>,
    sink: &RefCell<SessionSink<'_>>,
    source: &RefCell<Option<Source>>,
) -> pgdmp::Result<Vec<Restoration>> {
    if let Some(rows) = item.analyzes {
        let mut restored = Restored::default();
        restored.errors = sink.borrow_mut().analyze(&entries[rows])?;
        return Ok(vec![(restored, None)]);
    }
    let entry = entries[item.place];
    let joins = item.joins.take();
    item.was_dealt |= joins.is_some();
    sink.borrow_mut().deal = joins.map(|joins| Box::new(Deal::new(&entry, joins)));
    if let Some(source) = &item.source {
        sink.borrow_mut().around.data_comes_again = source.is_whole();
    }
    source.replace(item.source.take());
    let restored = part(item, entry, share, sink);
    sink.borrow_mut().deal = None;
    let source = source.take();
    item.bytes = source.as_ref().map_or(0, Source::bytes);
    // What it keeps in memory makes room for more, unless it may be needed once more.
    item.source = source.filter(|_| restored.is_err());
    restored.map(|restored| vec![restored])
}

/// Restores entries whose statements are sent together.
fn several(
    items: &[Item],
    entries: &[TocEntry<'_>],
    share: &mut Share<'_>,
) -> pgdmp::Result<Vec<Restoration>> {
    let mut done = Vec::with_capacity(items.len());
    for item in items {
        let restored = share.entry(entries[item.place], item.wanted, item.made)?;
        done.push((restored, None));
    }
    let Late { errors: mut more, entries: failed, .. } = share.wait()?;
    for (item, (restored, _)) in items.iter().zip(&mut done) {
        if failed.contains(&entries[item.place].index()) {
            restored.errors += 1;
            restored.definition_failed = true;
            more = more.saturating_sub(1);
        }
    }
    // An entry can have several; the sum counts.
    let one = done.iter().rposition(|(restored, _)| restored.definition_failed);
    if let Some((restored, _)) = done.get_mut(one.unwrap_or_default()) {
        restored.errors += more;
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
