//! Progress on a terminal, for work that takes longer than a second.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Context;

/// Nothing is shown for work that is done sooner.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how many bytes are done, and with a known total how long the rest will take.
#[derive(Debug)]
pub(super) struct Progress {
    enabled: bool,
    started: Instant,
    total: Option<u64>,
    what: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `total`: the bytes that there are to do. Nothing is shown with `--quiet`, when standard
    /// error is no terminal, or when the data itself goes to one.
    pub(super) fn new(
        context: &Context,
        what: &str,
        total: Option<u64>,
        to_terminal: bool,
    ) -> Self {
        let enabled = !context.quiet && !to_terminal && io::stderr().is_terminal();
        Progress { enabled, started: Instant::now(), total, what: what.to_owned(), bar: None }
    }

    /// Says how many bytes are done.
    pub(super) fn at(&mut self, bytes: u64) {
        if !self.enabled {
            return;
        }
        if self.bar.is_none() && self.started.elapsed() > PATIENCE {
            self.bar = Some(self.make());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }

    fn make(&self) -> ProgressBar {
        let (bar, template) = match self.total {
            Some(total) => (
                ProgressBar::new(total),
                "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            ),
            None => (ProgressBar::no_length(), "{msg} {spinner} {bytes} {bytes_per_sec}"),
        };
        // The rate counts from the beginning, not from when the bar first shows.
        let bar = bar.with_message(self.what.clone()).with_elapsed(self.started.elapsed());
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Counts what went by, and shows it.
#[derive(Debug)]
pub(super) struct Meter {
    progress: Progress,
    bytes: u64,
}

impl Meter {
    pub(super) fn new(context: &Context, what: &str, total: Option<u64>) -> Self {
        Meter { progress: Progress::new(context, what, total, false), bytes: 0 }
    }

    pub(super) fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.progress.at(self.bytes);
    }
}
