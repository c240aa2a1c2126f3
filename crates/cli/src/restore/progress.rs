//! How far a restore into a database is: on a terminal, in lines, or for machines.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::event::{event, rounded, seconds, tell, tell_message};
use crate::output::human_size;
use crate::progress::Progress as Bytes;
use crate::{json, message, stdio};
use pgdmp::TocEntry;
use pgdmp::text::Encoding;
use pgdmp_live::Progress;

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A bar on a terminal, and what is running.
    Bar,
    /// A line now and then.
    Lines,
    /// An object on each line.
    Json,
}

/// How often a bar is drawn again, and how often there are a line and a summary.
const TICK: Duration = Duration::from_secs(1);
const LINE: Duration = Duration::from_secs(10);
const SUMMARY: Duration = Duration::from_secs(2);
/// Over how long the speed is measured.
const RECENT: Duration = Duration::from_secs(60);
/// So many items are shown below the bar.
const SHOWN: usize = 8;

/// Shows how far a restore is.
#[derive(Debug, Clone)]
pub(super) struct Watcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    form: Form,
    bytes: Bytes,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    name: String,
    encoding: Encoding,
    started: Instant,
    is_over: bool,
    entries: usize,
    entries_done: usize,
    errors: u64,
    warnings: u64,
    work: u64,
    remaining: u64,
    /// What was read for data that is done.
    read_for_done: u64,
    running: BTreeMap<usize, Running>,
    /// How much was done when.
    samples: VecDeque<(Instant, u64)>,
}

#[derive(Debug)]
struct Running {
    name: String,
    json: Map<String, Value>,
    since: Instant,
    work: u64,
    has_data: bool,
    /// In thousandths.
    done: Option<u64>,
}

impl Watcher {
    pub(super) fn new(form: Form) -> Self {
        let state = State {
            name: String::new(),
            encoding: Encoding::UTF8,
            started: Instant::now(),
            is_over: false,
            entries: 0,
            entries_done: 0,
            errors: 0,
            warnings: 0,
            work: 0,
            remaining: 0,
            read_for_done: 0,
            running: BTreeMap::new(),
            samples: VecDeque::new(),
        };
        let bytes = Bytes::unless(form != Form::Bar);
        Watcher(Arc::new(Shared { form, bytes, state: Mutex::new(state) }))
    }

    /// Counts what the library reads.
    pub(super) fn on_read(&self) -> impl Fn(u64) + Send + Sync + 'static {
        self.0.bytes.on_read()
    }

    /// The restore begins. `total`: bytes of data, if that is known; `name`: of the program.
    pub(super) fn begin(&self, total: Option<u64>, name: &str, encoding: Encoding) {
        self.0.bytes.expect(total);
        {
            let mut state = self.0.state();
            state.started = Instant::now();
            state.name = name.to_owned();
            state.encoding = encoding;
        }
        let shared = Arc::downgrade(&self.0);
        let pause = match self.0.form {
            Form::Bar => TICK,
            Form::Lines => LINE,
            Form::Json => SUMMARY,
        };
        // Without it nothing is shown while nothing happens.
        let _ = thread::Builder::new().name("progress".to_owned()).spawn(move || {
            loop {
                thread::sleep(pause);
                let Some(shared) = shared.upgrade() else { break };
                if !shared.tick() {
                    break;
                }
            }
        });
    }

    /// The restore is over, with so many errors in all; `None` if it did not come to its end.
    pub(super) fn finish(&self, errors: Option<u64>) {
        let shared = &*self.0;
        let mut state = shared.state();
        state.is_over = true;
        if shared.form == Form::Json {
            if let Some(errors) = errors {
                state.errors = errors;
            }
            state.running.clear();
            let mut end = state.summary("end", shared.bytes.bytes());
            end.insert("complete".into(), errors.is_some().into());
            tell(end);
        }
        drop(state);
        shared.bytes.finish();
    }

    /// Says a message so that it does not get lost: while the bar is out of the way, or as an object.
    pub(super) fn aside(&self, level: &str, text: &[u8], say_it: impl FnOnce()) {
        if self.0.form != Form::Json {
            return self.0.bytes.aside(say_it);
        }
        let level = match level.trim_end_matches(": ") {
            "" => "info",
            level => level,
        };
        tell_message(level, text, self.0.state().encoding);
    }

    /// Hears of the restore.
    pub(super) fn hear(&self, progress: &Progress<'_>) {
        self.0.hear(progress);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows how far it is; says whether that is of use any more.
    fn tick(&self) -> bool {
        let mut state = self.state();
        if state.is_over {
            return false;
        }
        let bytes = self.bytes.bytes();
        state.sample(bytes);
        match self.form {
            Form::Bar => self.bytes.explain(|| state.below_the_bar(bytes)),
            Form::Lines => {
                let line = format!("{}: {}\n", state.name, state.line(bytes));
                stdio::say(&line);
            }
            Form::Json => tell(state.summary("summary", bytes)),
        }
        true
    }

    fn hear(&self, progress: &Progress<'_>) {
        let mut state = self.state();
        match *progress {
            Progress::Planned { entries, work } => {
                (state.entries, state.work, state.remaining) = (entries, work, work);
                if self.form == Form::Json {
                    let mut map = event("plan");
                    map.insert("entries".into(), entries.into());
                    map.insert("bytes_total".into(), self.bytes.bytes().1.into());
                    tell(map);
                }
            }
            Progress::Began { item, entry, analyzes, work } => {
                let running = Running::new(item, entry, analyzes, work);
                if self.form == Form::Json {
                    let mut map = event("start");
                    map.extend(running.json.clone());
                    tell(map);
                }
                state.running.insert(item, running);
            }
            Progress::Goes { item, done } => {
                if let Some(running) = state.running.get_mut(&item) {
                    running.done = Some(done.min(1000));
                }
            }
            Progress::Ended { item, errors, warnings, goes_on, remaining } => {
                state.remaining = remaining;
                state.errors += errors;
                state.warnings += warnings;
                let Some(running) = state.running.remove(&item) else { return };
                if running.has_data {
                    state.read_for_done = state.read_for_done.saturating_add(running.work);
                }
                if !goes_on && !running.is_analysis() {
                    state.entries_done += 1;
                }
                if self.form == Form::Json {
                    let mut map = event("finish");
                    map.extend(running.json.clone());
                    map.insert("errors".into(), errors.into());
                    map.insert("warnings".into(), warnings.into());
                    map.insert("goes_on".into(), goes_on.into());
                    map.insert("seconds".into(), seconds(running.since.elapsed()));
                    tell(map);
                }
            }
            _ => {}
        }
    }
}

impl Running {
    fn new(item: usize, entry: TocEntry<'_>, analyzes: bool, work: u64) -> Self {
        let mut json = Map::new();
        json.insert("item".into(), item.into());
        json.extend(json::entry_name(entry));
        json.insert("analyzes".into(), analyzes.into());
        let mut name = entry.name().name;
        if analyzes {
            name = format!("ANALYZE {}", entry.qualified_name());
        }
        let has_data = entry.had_dumper() && !analyzes;
        Running { name, json, since: Instant::now(), work, has_data, done: None }
    }

    fn is_analysis(&self) -> bool {
        self.json.get("analyzes") == Some(&Value::Bool(true))
    }
}

impl State {
    /// How much of the work is done, and how much there is. `bytes`: read, and all.
    fn done(&self, bytes: (u64, Option<u64>)) -> Option<(u64, u64)> {
        if self.work == 0 {
            return Some((bytes.0, bytes.1.filter(|total| *total > 0)?));
        }
        let mut done = self.work.saturating_sub(self.remaining);
        let mut data = 0_u64;
        for running in self.running.values() {
            match running.done {
                _ if running.has_data => data = data.saturating_add(running.work),
                Some(share) => done = done.saturating_add(running.work / 1000 * share),
                None => {}
            }
        }
        done = done.saturating_add(bytes.0.saturating_sub(self.read_for_done).min(data));
        Some((done.min(self.work), self.work))
    }

    fn sample(&mut self, bytes: (u64, Option<u64>)) {
        let Some((done, _)) = self.done(bytes) else { return };
        let now = Instant::now();
        self.samples.push_back((now, done));
        let old = |sample: &(Instant, u64)| now.duration_since(sample.0) > RECENT;
        while self.samples.len() > 2 && self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
    }

    /// How long the rest will take, at the speed of the last minute.
    fn left(&self, bytes: (u64, Option<u64>)) -> Option<Duration> {
        let (done, all) = self.done(bytes)?;
        let (since, before) = match self.samples.front() {
            Some(sample) if sample.0.elapsed() >= TICK * 2 => *sample,
            _ => (self.started, 0),
        };
        let speed = done.saturating_sub(before) as f64 / since.elapsed().as_secs_f64();
        let left = all.saturating_sub(done) as f64 / speed;
        // Nothing was done, or it will never end.
        (speed > 0.0 && left < 1e8).then(|| Duration::from_secs_f64(left))
    }

    fn below_the_bar(&self, bytes: (u64, Option<u64>)) -> String {
        let mut text = match self.left(bytes) {
            Some(left) => format!(", about {} left", time(left)),
            None => String::new(),
        };
        let mut running: Vec<&Running> = self.running.values().collect();
        running.sort_by_key(|running| running.since);
        for running in running.iter().take(SHOWN) {
            let name: String = running.name.chars().take(60).collect();
            text += &format!("\n  {name}, {}", time(running.since.elapsed()));
            if let Some(done) = running.done {
                text += &format!(", {}% built", done / 10);
            }
        }
        if let Some(more @ 1..) = running.len().checked_sub(SHOWN) {
            text += &format!("\n  and {more} more");
        }
        text
    }

    /// A line for people.
    fn line(&self, bytes: (u64, Option<u64>)) -> String {
        let mut text = format!("{} of {} entries", self.entries_done, self.entries);
        text += &match bytes {
            (read, Some(total)) => {
                format!(", {} of {}", human_size(read.min(total)), human_size(total))
            }
            (read, None) => format!(", {} read", human_size(read)),
        };
        if let Some(left) = self.left(bytes) {
            text += &format!(", about {} left", time(left));
        }
        if let Some(oldest) = self.running.values().min_by_key(|running| running.since) {
            let (name, age) = (message::shown(oldest.name.as_bytes()), oldest.since.elapsed());
            text += &format!(", {} running (longest: {name}, {})", self.running.len(), time(age));
        }
        text
    }

    fn summary(&self, name: &str, bytes: (u64, Option<u64>)) -> Map<String, Value> {
        let mut map = event(name);
        map.insert("seconds".into(), seconds(self.started.elapsed()));
        map.insert("entries".into(), self.entries.into());
        map.insert("entries_done".into(), self.entries_done.into());
        map.insert("errors".into(), self.errors.into());
        map.insert("warnings".into(), self.warnings.into());
        map.insert("bytes".into(), bytes.0.into());
        map.insert("bytes_total".into(), bytes.1.into());
        let share = self.done(bytes).map(|(done, all)| done as f64 / all as f64);
        map.insert("share".into(), share.map(rounded).into());
        let left = self.left(bytes).map(seconds);
        map.insert("seconds_left".into(), left.into());
        let running = self.running.values().map(|running| {
            let mut map = running.json.clone();
            map.insert("seconds".into(), seconds(running.since.elapsed()));
            let built = running.done.map(|done| rounded(done as f64 / 1000.0));
            map.insert("share".into(), built.into());
            Value::Object(map)
        });
        map.insert("running".into(), running.collect());
        map
    }
}

/// A time for people.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (61, "1m 01s"), (3660, "1h 01m")] {
            assert_eq!(time(Duration::from_secs(seconds)), text);
        }
    }

    fn began(watcher: &Watcher, item: usize, kind: &str, work: u64) {
        let toc = pgdmp_testkit::fixtures::root().join("pg18/core-custom.dump");
        let archive = pgdmp::Archive::open(toc).unwrap();
        let entry = archive.entries().find(|entry| entry.desc().as_bytes() == kind.as_bytes());
        let entry = entry.unwrap();
        watcher.hear(&Progress::Began { item, entry, analyzes: false, work });
    }

    /// Data counts as it is read, an index as the server says, other things when they are done.
    #[test]
    fn work_that_is_done() {
        let watcher = Watcher::new(Form::Lines);
        watcher.hear(&Progress::Planned { entries: 3, work: 10_000 });
        let done = |read| watcher.0.state().done((read, Some(6000))).unwrap();
        assert_eq!(done(0), (0, 10_000));
        began(&watcher, 1, "TABLE DATA", 4000);
        assert_eq!(done(1000), (1000, 10_000));
        // More was read than it is: what is read ahead is not done.
        assert_eq!(done(6000), (4000, 10_000));
        let ended = |item, remaining| Progress::Ended {
            item,
            errors: 1,
            warnings: 0,
            goes_on: false,
            remaining,
        };
        watcher.hear(&ended(1, 6000));
        assert_eq!(done(4000), (4000, 10_000));
        began(&watcher, 2, "INDEX", 2000);
        assert_eq!(done(4000), (4000, 10_000));
        watcher.hear(&Progress::Goes { item: 2, done: 500 });
        assert_eq!(done(4000), (5000, 10_000));
        watcher.hear(&ended(2, 4000));
        assert_eq!(done(4000), (6000, 10_000));
        let state = watcher.0.state();
        assert_eq!((state.entries_done, state.errors, state.running.len()), (2, 2, 0));
        let line = state.line((4000, Some(6000)));
        assert!(line.starts_with("2 of 3 entries, 3.9 KiB of 5.9 KiB, about "), "{line}");
    }

    #[test]
    fn what_is_running_is_below_the_bar() {
        let watcher = Watcher::new(Form::Bar);
        watcher.hear(&Progress::Planned { entries: 30, work: 0 });
        for item in 0..10 {
            began(&watcher, item, "INDEX", 1);
        }
        watcher.hear(&Progress::Goes { item: 0, done: 375 });
        let text = watcher.0.state().below_the_bar((0, None));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 10, "{text}");
        assert!(lines[1].starts_with("  INDEX ") && lines[1].ends_with(", 0s, 37% built"));
        assert_eq!(lines[9], "  and 2 more");
    }
}
