//! Data that comes through a pipe, and what is restored because it has come.

use std::collections::HashMap;
use std::sync::Arc;

use pgdmp::{DumpId, Error};

use super::Leader;
use crate::fatal::Fatal;
use crate::pipe::{Buffer, Source};

/// What came through a pipe.
pub(crate) struct FromPipe {
    /// Data that waits for a session, by the place of its entry.
    pub(super) came: HashMap<usize, Source>,
    /// How many sessions restore some.
    pub(super) running: usize,
    /// Whether there is more to come.
    pub(super) is_open: bool,
    /// Why there is no more.
    pub(super) broken: Option<Error>,
    pub(super) buffer: Arc<Buffer>,
}

impl FromPipe {
    pub(crate) fn new(buffer: Arc<Buffer>) -> Self {
        FromPipe { came: HashMap::new(), running: 0, is_open: true, broken: None, buffer }
    }
}

impl Leader<'_> {
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

    /// What is to begin next. While a pipe is read, a session is kept for what comes through it: it
    /// would wait otherwise, and with it whoever writes to it. Behind what is broken nothing begins
    /// but what came before.
    pub(super) fn next(&mut self, idle: usize) -> Vec<usize> {
        let data_alone = self.pipe.as_ref().is_some_and(|pipe| {
            pipe.broken.is_some() || pipe.is_open && pipe.running == 0 && idle == 1
        });
        if data_alone { self.graph.next_data() } else { self.graph.next() }
    }

    /// The data of an entry has come through the pipe.
    pub(super) fn came(&mut self, place: usize, source: Source) {
        if let Some(pipe) = &mut self.pipe {
            pipe.came.insert(place, source);
        }
        self.graph.came(place);
    }

    /// The pipe is read.
    pub(super) fn is_read(&mut self, broken: Option<Error>, absent: Vec<usize>) {
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
    pub(super) fn broken(&mut self) -> Option<Fatal> {
        self.pipe.as_mut()?.broken.take().map(Fatal::Archive)
    }

    /// Why a session that ended ends all.
    pub(super) fn died(&mut self, reason: Fatal) -> Fatal {
        // That the data came no further was no fault of the session that restored it.
        self.broken().unwrap_or_else(|| Fatal::Worker(Box::new(reason)))
    }

    /// While nothing runs: makes data that has come go first, if nothing else could come before it
    /// does. That is so in archives whose data has another order than what depends on what.
    pub(super) fn force(&mut self) -> bool {
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
}
