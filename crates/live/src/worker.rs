//! A thread with a session, which restores what the leader hands it.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use pgdmp::script::{Late, Outcome, Restore, Restored, Share, Sink, Step};
use pgdmp::select::{Selected, Wanted};
use pgdmp::{Error, TocEntry};

use crate::constraint::{Part, TwoParts};
use crate::context::Context;
use crate::deal::{self, Deal, Help};
use crate::fatal::Fatal;
use crate::parallel::Data;
use crate::pipe::{Hand, Source};
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
        while let Ok(task) = self.next.recv() {
            let worker = self.number;
            let news = match task {
                Task::Restore(items) => {
                    let done = match items.len() {
                        1 => one(items, &entries, &mut share, sink, &source)?,
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
    source: &RefCell<Option<Source>>,
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
        if let Some(source) = &item.source {
            sink.borrow_mut().around.data_comes_again = source.is_whole();
        }
        source.replace(item.source.take());
        let (restored, next) = part(&item, entry, share, sink)?;
        sink.borrow_mut().deal = None;
        // What it keeps in memory makes room for more.
        item.bytes = source.take().map_or(0, |source| source.bytes());
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
