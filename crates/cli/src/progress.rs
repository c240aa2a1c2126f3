//! Progress on a terminal, for work that takes longer than a second.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::human_size;
use crate::table::{cut, terminal_width};
use crate::{Context, json, message, stdio};
use pgdmp::finding::Finding;
use pgdmp::{BlockKind, TocEntry};
use unicode_width::UnicodeWidthStr;

/// Nothing is shown for work that is done sooner.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it is drawn again.
const TICK: Duration = Duration::from_millis(100);

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
    /// What something else says of the time that is left, and lines below.
    explained: Option<String>,
    /// What is read.
    entry: String,
    shown: Option<ProgressBar>,
    drawn: Option<Instant>,
}

impl Bar {
    fn show(&mut self, started: Instant, read: u64) {
        if self.drawn.replace(Instant::now()).is_some_and(|drawn| drawn.elapsed() < TICK) {
            return;
        }
        let width = terminal_width().unwrap_or(80).saturating_sub(1);
        let (explained, below) = match &self.explained {
            None => (None, ""),
            Some(text) => {
                let (first, below) = text.split_once('\n').unwrap_or((text, ""));
                (Some(first), below)
            }
        };
        let line = Line {
            // What is read twice is not more than there is.
            read: read.min(self.total.unwrap_or(u64::MAX)),
            total: self.total,
            elapsed: started.elapsed(),
            explained,
            entry: &self.entry,
        };
        let mut text = line.text(width, stdio::draws_unicode());
        for line in below.lines() {
            text.push('\n');
            text += &cut(line, width);
        }
        let shown = self.shown.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}");
            let bar = ProgressBar::new_spinner();
            style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
        });
        shown.set_message(text);
    }
}

/// What there is to say in a line.
struct Line<'a> {
    read: u64,
    total: Option<u64>,
    elapsed: Duration,
    explained: Option<&'a str>,
    entry: &'a str,
}

impl Line<'_> {
    /// The line, no wider than `width`: what is left out for want of room is of little use first.
    fn text(&self, width: usize, unicode: bool) -> String {
        // Room for a name of which something is to be seen.
        const NAME: usize = 12;
        const WIDEST_BAR: usize = 50;
        let forms = self.forms();
        let fits = |name: usize| forms.iter().find(|form| form.width() + name <= width);
        let name = if self.entry.is_empty() { 0 } else { NAME.min(self.entry.width()) + 2 };
        // Where there is room, some of it is for a bar.
        let bar = if self.total.is_some() && width >= 60 { 12 } else { 0 };
        let form = fits(name + bar).or_else(|| fits(name)).or_else(|| fits(0)).or(forms.last());
        let mut text = cut(form.map_or("", String::as_str), width);
        let mut room = width - text.width();
        if !self.entry.is_empty() && room > 4 {
            let of_name = room.saturating_sub(bar).max(room.min(name)) - 2;
            text += &format!("  {}", cut(self.entry, of_name.min(40)));
            room = width - text.width();
        }
        match self.total {
            Some(total) if room > 6 => {
                let cells = (room - 1).min(WIDEST_BAR);
                let share = self.read.min(total) as f64 / total.max(1) as f64;
                let full = (share * cells as f64) as usize;
                let [done, left] = if unicode { ["█", "░"] } else { ["#", "-"] };
                format!("{}{} {text}", done.repeat(full), left.repeat(cells - full))
            }
            _ => text,
        }
    }

    /// Ways to say how far it is, the longest first.
    fn forms(&self) -> Vec<String> {
        let seconds = self.elapsed.as_secs_f64().max(0.001);
        let rate = self.read as f64 / seconds;
        let speed = format!("{}/s", human_size(rate as u64));
        let read = human_size(self.read);
        let Some(total) = self.total else {
            let left = self.explained.unwrap_or_default();
            return vec![format!("{read} read, {speed}{left}"), format!("{read} read{left}"), read];
        };
        let left = match self.explained {
            Some(left) => left.to_owned(),
            None if self.read == 0 => String::new(),
            None => {
                let left = (total - self.read.min(total)) as f64 / rate;
                format!(", {} left", time(left))
            }
        };
        let percent = format!("{:.0}%", 100.0 * self.read as f64 / total.max(1) as f64);
        let of = format!("{percent} {read} of {}", human_size(total));
        vec![
            format!("{of}, {speed}{left}"),
            format!("{of}{left}"),
            format!("{percent}{left}"),
            percent,
        ]
    }
}

/// What an entry is called beside a bar.
fn label(entry: TocEntry<'_>) -> String {
    let encoding = entry.toc().text_encoding();
    let text = |bytes: Option<&[u8]>| json::text(bytes.unwrap_or_default(), encoding);
    match (entry.data_kind(), entry.namespace()) {
        (BlockKind::LargeObjects, _) => "large objects".to_owned(),
        (_, None) => text(entry.tag()),
        (_, schema) => format!("{}.{}", text(schema), text(entry.tag())),
    }
}

/// Seconds, for people.
fn time(seconds: f64) -> String {
    match seconds.round() as u64 {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
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
        bar.explained = Some(text);
        bar.drawn = None;
        bar.show(inner.started, inner.bytes.load(Ordering::Relaxed));
    }

    /// Names each entry from where its data is read or written.
    pub(crate) fn on_entry(&self) -> impl Fn(TocEntry<'_>) + Send + Sync + 'static {
        let progress = self.clone();
        move |entry| progress.entry(|| label(entry))
    }

    /// Names what is read from now on.
    pub(crate) fn entry(&self, name: impl FnOnce() -> String) {
        let inner = &*self.0;
        if inner.enabled.load(Ordering::Relaxed) {
            let name = message::shown(name().as_bytes());
            inner.bar.lock().unwrap_or_else(PoisonError::into_inner).entry = name;
        }
    }

    /// Says something while the bar is out of the way.
    pub(crate) fn aside(&self, say: impl FnOnce()) {
        let bar = self.0.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match &bar.shown {
            Some(shown) => shown.suspend(say),
            None => say(),
        }
    }

    /// Says a warning while the bar is out of the way.
    pub(crate) fn warn(&self) -> impl FnMut(&Finding) + 'static {
        let progress = self.clone();
        move |warning| progress.aside(|| message::warning(warning))
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

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line<'_> = Line {
        read: 3 << 20,
        total: Some(35 << 20),
        elapsed: Duration::from_secs(2),
        explained: None,
        entry: "sales.orders",
    };

    #[test]
    fn lines_are_true() {
        let text = LINE.text(200, true);
        assert!(
            text.ends_with("9% 3.0 MiB of 35.0 MiB, 1.5 MiB/s, 21 s left  sales.orders"),
            "{text}"
        );
        assert!(text.starts_with("████░"), "{text}");
        let text = LINE.text(200, false);
        assert!(text.starts_with("####-"), "{text}");
        let line = Line { total: None, ..LINE };
        assert_eq!(line.text(80, true), "3.0 MiB read, 1.5 MiB/s  sales.orders");
        // More was read than there is, and nothing yet.
        let line = Line { read: 36 << 20, ..LINE };
        assert!(line.text(80, true).contains("0 s left"));
        let line = Line { read: 0, elapsed: Duration::ZERO, ..LINE };
        assert!(line.text(80, true).contains("0% 0 B of 35.0 MiB"));
    }

    #[test]
    fn lines_fit() {
        for entry in ["", "sales.orders", "日本語の長い名前のスキーマ.日本語の長い名前のテーブル"]
        {
            for explained in [None, Some(", about 3 min left")] {
                for total in [None, Some(0), Some(35 << 20)] {
                    for width in 0..250 {
                        let line = Line { entry, explained, total, ..LINE };
                        let text = line.text(width, true);
                        assert!(text.width() <= width, "{width}: {text}");
                    }
                }
            }
        }
        assert_eq!(LINE.text(39, true), "░░░░░░░░░░░ 9%, 21 s left  sales.orders");
        let line = Line { entry: "sales.a table with a very long name, longer than most", ..LINE };
        let text = line.text(79, true);
        assert!(text.starts_with("░░░") && text.contains("MiB/s"), "{text}");
        assert!(text.ends_with(['…', '~']) && text.width() <= 79, "{text}");
    }
}
