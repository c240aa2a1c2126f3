//! Ends the test program when a case does not come to an end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// No case of a loop takes longer than this, on any machine.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Watchdog(Arc<State>);

#[derive(Debug)]
struct State {
    cases: AtomicU64,
    label: Mutex<String>,
    done: AtomicBool,
}

impl Watchdog {
    pub fn new(what: impl Into<String>) -> Self {
        let state = Arc::new(State {
            cases: AtomicU64::new(0),
            label: Mutex::new(what.into()),
            done: AtomicBool::new(false),
        });
        let watched = Arc::clone(&state);
        std::thread::spawn(move || {
            let (mut seen, mut since) = (0, Instant::now());
            while !watched.done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(500));
                let cases = watched.cases.load(Ordering::Relaxed);
                if cases != seen {
                    (seen, since) = (cases, Instant::now());
                } else if since.elapsed() > LONGEST {
                    let label = watched.label.lock().unwrap();
                    eprintln!("no end in sight: {label}, case {cases}");
                    std::process::abort();
                }
            }
        });
        Watchdog(state)
    }

    /// Another case begins.
    pub fn next(&self) {
        self.0.cases.fetch_add(1, Ordering::Relaxed);
    }

    /// Another kind of cases begins.
    pub fn label(&self, what: impl Into<String>) {
        *self.0.label.lock().unwrap() = what.into();
        self.next();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::Relaxed);
    }
}
