//! Progress on a terminal, for work that takes longer than a second.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{Context, stdio};

/// Nothing is shown for work that is done sooner.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows how many bytes were read, and with a known total how long the rest will take.
///
/// Bytes are counted where they are read, so that it moves whatever is done with them.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    enabled: AtomicBool,
    started: Instant,
    bytes: AtomicU64,
    bar: Mutex<Bar>,
}

#[derive(Debug, Default)]
struct Bar {
    total: Option<u64>,
    /// Whether something else says how long the rest will take.
    explained: bool,
    shown: Option<ProgressBar>,
}

impl Bar {
    fn show(&mut self, started: Instant, bytes: u64) -> &ProgressBar {
        let (total, explained) = (self.total, self.explained);
        let shown = self.shown.get_or_insert_with(|| make(total, explained, started));
        // What is read twice is not more than there is.
        shown.set_position(total.map_or(bytes, |total| bytes.min(total)));
        shown
    }
}

impl Progress {
    /// Nothing is shown with `--quiet`, nor when standard error is no terminal.
    pub(crate) fn new(context: &Context) -> Self {
        Progress::unless(context.quiet)
    }

    /// Nothing is shown to who wants it `quiet`, nor when standard error is no terminal. Bytes are
    /// counted in any case.
    pub(crate) fn unless(quiet: bool) -> Self {
        Progress(Arc::new(Inner {
            enabled: AtomicBool::new(!quiet && stdio::says_to_terminal()),
            started: Instant::now(),
            bytes: AtomicU64::new(0),
            bar: Mutex::default(),
        }))
    }

    /// Says how many bytes there are to read, counted from now.
    pub(crate) fn expect(&self, total: Option<u64>) {
        let mut bar = self.0.bar.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.bytes.store(0, Ordering::Relaxed);
        bar.total = total;
    }

    /// Shows nothing from now on: what is read goes to the terminal itself.
    pub(crate) fn stay_silent(&self) {
        self.0.enabled.store(false, Ordering::Relaxed);
    }

    /// How many bytes were read, and how many there are. What is read besides, as between the data of
    /// tables, does not count.
    pub(crate) fn bytes(&self) -> (u64, Option<u64>) {
        let bar = self.0.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let read = self.0.bytes.load(Ordering::Relaxed);
        (read.min(bar.total.unwrap_or(u64::MAX)), bar.total)
    }

    /// Shows more than the bytes: what comes behind them, which says how long the rest will take, and
    /// lines below. Also while nothing is read.
    pub(crate) fn explain(&self, text: impl FnOnce() -> String) {
        let inner = &*self.0;
        if !inner.enabled.load(Ordering::Relaxed) || inner.started.elapsed() < PATIENCE {
            return;
        }
        let text = text();
        let mut bar = inner.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut bar.explained, true)
            && let Some(plain) = bar.shown.take()
        {
            plain.finish_and_clear();
        }
        let bytes = inner.bytes.load(Ordering::Relaxed);
        bar.show(inner.started, bytes).set_message(text);
    }

    /// Says something while the bar is out of the way.
    pub(crate) fn aside(&self, say: impl FnOnce()) {
        let bar = self.0.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match &bar.shown {
            Some(shown) => shown.suspend(say),
            None => say(),
        }
    }

    /// Takes the bar away; nothing is shown from now on.
    pub(crate) fn finish(&self) {
        self.stay_silent();
        let mut bar = self.0.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = bar.shown.take() {
            shown.finish_and_clear();
        }
    }

    /// Counts what the library reads.
    pub(crate) fn on_read(&self) -> impl Fn(u64) + Send + Sync + 'static {
        let progress = self.clone();
        move |bytes| progress.add(bytes)
    }

    /// Counts bytes.
    fn add(&self, bytes: u64) {
        let inner = &*self.0;
        let bytes = inner.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !inner.enabled.load(Ordering::Relaxed) || inner.started.elapsed() < PATIENCE {
            return;
        }
        let mut bar = inner.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.show(inner.started, bytes);
    }
}

fn make(total: Option<u64>, explained: bool, started: Instant) -> ProgressBar {
    let (bar, template) = match (total, explained) {
        (Some(total), false) => (
            ProgressBar::new(total),
            "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
        ),
        (Some(total), true) => {
            (ProgressBar::new(total), "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec}{msg}")
        }
        (None, _) => (ProgressBar::no_length(), "{spinner} {bytes} read, {bytes_per_sec}{msg}"),
    };
    // The rate counts from the beginning, not from when the bar first shows.
    let bar = bar.with_elapsed(started.elapsed());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
