//! Connections that are lost, and made again.
//!
//! What a session was about to do when its connection was lost is then in doubt: it may be done, or
//! not. A session that takes its place does it again, by the rules that a restore with a
//! [journal](crate::journal) goes on by: what exists already is done, a table that this restore made
//! is emptied before its rows come again, and any other must be empty.
//!
//! A server that crashed has forgotten commits that did not wait for its log, and the rows of
//! unlogged tables. Nobody knows which, so that ends the restore.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pgdmp::DumpId;
use pgdmp::select::Selected;

use crate::backend;
use crate::epoch::Epoch;
use crate::existing::Objects;
use crate::fatal::Fatal;
use crate::restore::Restorer;
use crate::session::{Message, Server, Session};
use crate::sink::{SessionSink, Surroundings};
use crate::unlogged::has_unlogged;

/// How a connection was lost.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    pub(crate) message: Message,
    /// The session on the server, which may not have heard of it.
    pub(crate) who: Option<String>,
    /// Whether it was while rows were sent: none of them is in the table.
    pub(crate) within_rows: bool,
    /// The transaction of the rows that were sent, where only that tells what came of them.
    pub(crate) transaction: Option<(DumpId, u64)>,
}

/// What is known of a server, so that connections to it can be made again.
#[derive(Debug)]
pub(crate) struct Retry {
    tries: usize,
    /// What a crash takes away, of what this restore does.
    forgets: Option<&'static str>,
    epoch: Option<Epoch>,
    /// What the restore makes, if that matters.
    objects: Option<Objects>,
    /// What was there before.
    existing: Mutex<HashSet<DumpId>>,
}

impl Retry {
    /// `session`: the first one, which has done nothing yet.
    pub(crate) fn new(
        restorer: &Restorer,
        has_journal: bool,
        selected: &Selected<'_>,
        session: &mut dyn Session,
    ) -> Self {
        let (tries, means) = (restorer.tries(), restorer.used_means());
        let watches = tries > 0 || has_journal || means.is_fast();
        let forgets = if means.async_commit {
            Some(
                "what was restored last may be lost: restore into a new database, or with a journal",
            )
        } else if watches && has_unlogged(selected) {
            Some(match has_journal {
                true => "the rows of unlogged tables are lost: resume the restore",
                false => {
                    "the rows of unlogged tables are lost: restore into a new database, or with a \
                     journal"
                }
            })
        } else {
            None
        };
        let is_of_use = tries > 0 || forgets.is_some();
        let retry = Retry {
            tries,
            forgets,
            epoch: if is_of_use { Epoch::of(session) } else { None },
            objects: (tries > 0).then(|| Objects::new(selected, &restorer.options)),
            existing: Mutex::default(),
        };
        retry.look(session, true);
        retry
    }

    /// How often a connection is tried.
    pub(crate) fn tries(&self) -> usize {
        self.tries
    }

    /// Looks at what is in a database before anything is made in it.
    pub(crate) fn look(&self, session: &mut dyn Session, databases: bool) {
        if let Some(objects) = &self.objects {
            // If the server does not say, all may be there.
            let there = objects.existing(session, databases);
            let there = there.unwrap_or_else(|_| objects.all());
            self.existing.lock().unwrap_or_else(PoisonError::into_inner).extend(there);
        }
    }

    /// Whether something had the name of the object before the restore.
    pub(crate) fn existed(&self, object: DumpId) -> bool {
        self.existing.lock().unwrap_or_else(PoisonError::into_inner).contains(&object)
    }

    /// Whether the server still has all that it said was done.
    pub(crate) fn check(&self, session: &mut dyn Session, after_loss: bool) -> Result<(), Fatal> {
        let Some(forgets) = self.forgets else {
            return self.check_timeline(session, after_loss);
        };
        let why = match (&self.epoch, Epoch::of(session)) {
            (Some(then), Some(now)) if *then == now => return Ok(()),
            (None, None) if !after_loss => return Ok(()),
            (Some(_), Some(_)) => "the server has crashed meanwhile",
            _ => "the server may have crashed meanwhile",
        };
        Err(Fatal::server(format!("{why}, and {forgets}")))
    }

    /// Another server may lack what this one has written.
    fn check_timeline(&self, session: &mut dyn Session, after_loss: bool) -> Result<(), Fatal> {
        let Some(then) = self.epoch.as_ref().filter(|_| after_loss) else { return Ok(()) };
        match Epoch::of(session) {
            Some(now) if now.is_of_another_server(then) => Err(Fatal::server(
                "another server has taken the place of the one that was restored into",
            )),
            _ => Ok(()),
        }
    }

    /// Makes a connection that is not the first.
    pub(crate) fn connect<'a>(
        &self,
        around: &Surroundings<'a>,
        database: Option<&[u8]>,
    ) -> Result<Box<dyn Session + 'a>, Fatal> {
        match around.server.connect(database, around.voice) {
            Err(fatal) if self.tries > 0 && !around.server.is_stopped() => {
                let message = fatal.to_string().into_bytes();
                self.again(around, database, &Lost { message, ..Lost::default() })
            }
            connected => connected,
        }
    }

    /// Makes a connection again.
    ///
    /// # Errors
    ///
    /// It cannot be had, or the server has forgotten something; or the restore is told to end.
    pub(crate) fn again<'a>(
        &self,
        around: &Surroundings<'a>,
        database: Option<&[u8]>,
        lost: &Lost,
    ) -> Result<Box<dyn Session + 'a>, Fatal> {
        const LONGEST: Duration = Duration::from_secs(30);
        let message = lost.message.strip_suffix(b"\n").unwrap_or(&lost.message);
        let text = [b"a connection is lost, and is made again: ", message].concat();
        around.voice.warning(&text);
        let mut pause = Duration::from_secs(1);
        let mut last = Vec::new();
        for _ in 0..self.tries {
            wait(around.server, pause)?;
            let mut session = match around.server.connect(database, around.voice) {
                Ok(session) => session,
                Err(_) if around.server.is_stopped() => return Err(Fatal::Told),
                Err(fatal) => {
                    last = fatal.to_string().into_bytes();
                    pause = (pause * 2).min(LONGEST);
                    continue;
                }
            };
            match self.take_over(around, &mut *session, lost) {
                Err(fatal) if session.is_lost() => last = fatal.to_string().into_bytes(),
                taken => return taken.map(|()| session),
            }
        }
        let tries = format!("could not connect again, {} times: ", self.tries);
        Err(Fatal::server([tries.as_bytes(), &last].concat()))
    }
}

impl Retry {
    /// Lets a session take the place of one that was lost.
    fn take_over(
        &self,
        around: &Surroundings<'_>,
        session: &mut dyn Session,
        lost: &Lost,
    ) -> Result<(), Fatal> {
        backend::end(session, lost.who.as_slice())?;
        self.check(session, true)?;
        match around.journal {
            Some(journal) => journal.meet(session, false),
            None => Ok(()),
        }
    }
}

/// The losses of connections of one session after the other.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    in_a_row: usize,
    progress: usize,
}

impl Losses {
    /// Makes a connection in the place of one that was lost. `progress`: what grows when something
    /// was done meanwhile.
    ///
    /// # Errors
    ///
    /// The session ended for another reason; it was lost too often while nothing was done; the
    /// connection cannot be made.
    pub(crate) fn again<'a>(
        &mut self,
        mut sink: SessionSink<'a>,
        error: pgdmp::Error,
        database: Option<&[u8]>,
        progress: usize,
    ) -> Result<Box<dyn Session + 'a>, Fatal> {
        let around = sink.around;
        let (Some(lost), Some(retry)) = (sink.lost(), around.retry) else {
            return Err(sink.fatal(error));
        };
        self.in_a_row = if progress > self.progress { 1 } else { self.in_a_row + 1 };
        self.progress = progress;
        if self.in_a_row > retry.tries() {
            return Err(Fatal::server(lost.message));
        }
        drop(sink);
        retry.again(&around, database, &lost)
    }
}

/// Waits, unless the restore is told to end.
fn wait(server: &dyn Server, pause: Duration) -> Result<(), Fatal> {
    let begun = Instant::now();
    while begun.elapsed() < pause {
        if server.is_stopped() {
            return Err(Fatal::Told);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
