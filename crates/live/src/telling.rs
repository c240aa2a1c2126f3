//! Progress of one session that restores all, in the order of the archive.

use pgdmp::script::{Late, Outcome, Purpose, Sink, Step};

use crate::progress::Progress;
use crate::sink::{SessionSink, entry_of};

/// Tells when which entry begins and ends, as its steps show it.
pub(crate) struct Telling<'s, 'a> {
    sink: &'s mut SessionSink<'a>,
    is_heard: bool,
    /// The entry that is restored, and what there was of errors and warnings.
    now: Option<Now>,
}

#[derive(Debug, Clone, Copy)]
struct Now {
    item: usize,
    errors: u64,
    warnings: u64,
}

impl<'s, 'a> Telling<'s, 'a> {
    /// `entries`: how many there are to restore.
    pub(crate) fn new(sink: &'s mut SessionSink<'a>, entries: usize) -> Self {
        let is_heard = sink.around.voice.wants_progress();
        let telling = Telling { sink, is_heard, now: None };
        telling.tell(&Progress::Planned { entries, work: 0 });
        telling
    }

    /// All is restored.
    pub(crate) fn end(&mut self) {
        if let Some(Now { item, errors, warnings }) = self.now.take() {
            self.tell(&Progress::Ended { item, errors, warnings, goes_on: false, remaining: 0 });
        }
    }

    fn tell(&self, progress: &Progress<'_>) {
        if self.is_heard {
            self.sink.around.voice.progress(progress);
        }
    }

    fn is_at(&mut self, step: &Step<'_>) {
        let drops =
            matches!(step, Step::Statement(statement) if statement.purpose == Purpose::Drop);
        let Some(entry) = entry_of(step).filter(|_| !drops) else { return };
        if self.now.is_none_or(|now| now.item != entry.index()) {
            self.end();
            let item = entry.index();
            self.now = Some(Now { item, errors: 0, warnings: 0 });
            self.tell(&Progress::Began { item, entry, analyzes: false, work: 0 });
        }
    }
}

impl Sink for Telling<'_, '_> {
    fn step(&mut self, step: &Step<'_>) -> pgdmp::Result<Outcome> {
        self.is_at(step);
        let outcome = self.sink.step(step)?;
        if let Some(now) = &mut self.now {
            match (&outcome, step) {
                (Outcome::Failed(errors), _) => now.errors += errors,
                (_, Step::Event(event)) if event.is_warning() => now.warnings += 1,
                _ => {}
            }
        }
        Ok(outcome)
    }

    fn wait(&mut self) -> pgdmp::Result<Late> {
        self.sink.wait()
    }

    fn rows_alone(&self) -> bool {
        self.sink.rows_alone()
    }

    fn now(&mut self) -> String {
        self.sink.now()
    }
}
