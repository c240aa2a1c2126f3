//! How far a dump is: on a terminal, or for machines.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::event::{event, seconds, tell, tell_message};
use crate::progress::Progress as Bytes;
use crate::{json, message};
use pgdmp::TocEntry;
use pgdmp::text::Encoding;
use pgdmp_live::Voice;
use pgdmp_live::dump::{DumpEvent, DumpVoice};

/// How often what is below the bar is made again, and how often there is a summary.
const TICK: Duration = Duration::from_secs(1);

/// So many entries are shown below the bar.
const SHOWN: usize = 8;

/// Says what a dump has to say.
pub(super) struct Speaker {
    bytes: Bytes,
    count: Box<dyn Fn(u64) + Send + Sync>,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    started: Instant,
    read: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<i32, (String, Instant)>,
    entries: usize,
    done: usize,
    total: u64,
    ticked: Option<Instant>,
}

impl Speaker {
    pub(super) fn new(quiet: bool, verbose: bool, as_json: bool) -> Self {
        let bytes = Bytes::unless(quiet || verbose || as_json);
        let count = Box::new(bytes.on_read());
        Speaker {
            bytes,
            count,
            as_json,
            verbose,
            quiet,
            started: Instant::now(),
            read: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The dump is over.
    pub(super) fn finish(&self, complete: bool) {
        self.bytes.finish();
        if self.as_json {
            let mut end = self.summary(&self.state(), "end");
            end.insert("complete".into(), complete.into());
            tell(end);
        }
    }

    fn summary(&self, state: &State, name: &str) -> Map<String, Value> {
        let mut map = event(name);
        map.insert("seconds".into(), seconds(self.started.elapsed()));
        map.insert("entries".into(), state.entries.into());
        map.insert("entries_done".into(), state.done.into());
        map.insert("bytes".into(), self.read.load(Ordering::Relaxed).into());
        map.insert("bytes_on_server".into(), state.total.into());
        map
    }

    fn entry(&self, name: &str, entry: TocEntry<'_>) {
        let mut map = event(name);
        map.extend(json::entry_name(entry));
        tell(map);
    }

    fn line(&self, level: &str, text: &[u8]) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        if self.as_json {
            return tell_message(level, text, Encoding::UTF8);
        }
        self.bytes.aside(|| match level {
            "warning" => message::warning(String::from_utf8_lossy(text)),
            "error" => message::error(String::from_utf8_lossy(text)),
            "pg_dump" => message::line(text, Encoding::UTF8),
            _ => message::info(String::from_utf8_lossy(text)),
        });
    }
}

impl Voice for Speaker {
    fn error(&self, text: &[u8]) {
        self.line("error", text);
    }

    fn warning(&self, text: &[u8]) {
        self.line("warning", text);
    }

    fn info(&self, text: &[u8]) {
        if !self.quiet {
            self.line("info", text);
        }
    }

    fn is_verbose(&self) -> bool {
        self.verbose
    }
}

impl DumpVoice for Speaker {
    fn pg_dump(&self, line: &[u8]) {
        self.line("pg_dump", line);
    }

    fn event(&self, told: &DumpEvent<'_>) {
        match *told {
            DumpEvent::Planned { entries, bytes, sessions } => {
                let mut state = self.state();
                (state.entries, state.total) = (entries, bytes);
                if self.as_json {
                    let mut map = event("plan");
                    map.insert("entries".into(), entries.into());
                    map.insert("bytes_on_server".into(), bytes.into());
                    map.insert("sessions".into(), sessions.into());
                    tell(map);
                }
            }
            DumpEvent::Began { entry } => {
                let name = entry.name().name;
                if self.verbose {
                    self.line("info", format!("reading {name}").as_bytes());
                }
                self.state().running.insert(entry.dump_id().0, (name, Instant::now()));
                if self.as_json {
                    self.entry("start", entry);
                }
            }
            DumpEvent::Read { bytes } => {
                self.read.fetch_add(bytes, Ordering::Relaxed);
                (self.count)(bytes);
                self.tick();
            }
            DumpEvent::Ended { entry } => {
                let mut state = self.state();
                state.running.remove(&entry.dump_id().0);
                state.done += 1;
                drop(state);
                if self.as_json {
                    self.entry("finish", entry);
                }
            }
            _ => {}
        }
    }
}

impl Speaker {
    fn tick(&self) {
        let mut state = self.state();
        if state.ticked.is_some_and(|ticked| ticked.elapsed() < TICK) {
            return;
        }
        state.ticked = Some(Instant::now());
        match self.as_json {
            true => tell(self.summary(&state, "summary")),
            false => self.bytes.explain(|| state.below_the_bar()),
        }
    }
}

impl State {
    fn below_the_bar(&self) -> String {
        let mut text = format!(", {} of {} entries", self.done, self.entries);
        let mut running: Vec<_> = self.running.values().collect();
        running.sort_by_key(|(_, since)| *since);
        for (name, since) in running.iter().take(SHOWN) {
            let name: String = name.chars().take(60).collect();
            text += &format!("\n  {name}, {}s", since.elapsed().as_secs());
        }
        text
    }
}
