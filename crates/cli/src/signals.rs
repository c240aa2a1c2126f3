//! What ends the program from outside. A signal that asks it to end removes what is made
//! [aside](crate::aside), and ends it as if nothing had been done about the signal.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::aside::Aside;
use crate::folder::Folder;

/// What is to be removed. Who holds it is not ended.
static IN_USE: Mutex<Vec<Weak<Aside>>> = Mutex::new(Vec::new());

/// Puts off the end until what is given is dropped.
pub(crate) fn hold() -> MutexGuard<'static, Vec<Weak<Aside>>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a folder that a signal removes.
pub(crate) fn aside(parent: Folder, path: &Path) -> io::Result<Arc<Aside>> {
    #[cfg(unix)]
    handled::watch();
    let mut in_use = hold();
    let aside = Arc::new(Aside::new(parent, path)?);
    in_use.retain(|aside| aside.strong_count() > 0);
    in_use.push(Arc::downgrade(&aside));
    Ok(aside)
}

#[cfg(unix)]
pub(crate) use handled::{cancel_at_end, end_restore, ignore_file_size, wait_if_ending};

#[cfg(unix)]
mod handled {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, Once, PoisonError};
    use std::thread;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use signal_hook::{flag, low_level};

    /// Whether a signal has come.
    static ENDING: AtomicBool = AtomicBool::new(false);

    /// A file that may not grow is an error of the one who writes to it, who says so. Otherwise
    /// the signal ends the program without a word.
    pub(crate) fn ignore_file_size() {
        // Should that fail it ends as it would have without us.
        let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    }

    /// What a signal does to a restore into a database: what runs there is cancelled, and the
    /// program ends as pg_restore does.
    pub(crate) fn end_restore(cancel: impl Fn() + Send + 'static, name: &str) {
        let text = format!("{name}: terminated by user\n");
        let wanted: Vec<i32> = wanted().chain([SIGQUIT]).collect();
        // Without it a signal ends the program, and leaves the server to find that out.
        let _ = on_first(&wanted, move |_| {
            ENDING.store(true, Ordering::SeqCst);
            cancel();
            crate::stdio::say(&text);
            low_level::exit(1);
        });
    }

    /// What is to be cancelled before a signal ends the program.
    static CANCEL: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

    /// Has something cancelled before a signal ends the program: what runs on a server would go on
    /// until it sees that nobody listens.
    pub(crate) fn cancel_at_end(cancel: impl Fn() + Send + 'static) {
        *CANCEL.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(cancel));
        watch();
    }

    /// Waits for the signals, once.
    pub(super) fn watch() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // Without them the next run removes what this one leaves.
            let _ = try_watch();
        });
    }

    fn try_watch() -> std::io::Result<()> {
        on_first(&wanted().collect::<Vec<_>>(), end)
    }

    /// Does something when the first of some signals comes.
    fn on_first(wanted: &[i32], then: impl FnOnce(i32) + Send + 'static) -> std::io::Result<()> {
        // The second time it ends at once, whatever is still being done.
        let twice = Arc::new(AtomicBool::new(false));
        for signal in wanted {
            flag::register_conditional_default(*signal, Arc::clone(&twice))?;
            flag::register(*signal, Arc::clone(&twice))?;
        }
        let mut signals = Signals::new(wanted)?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                then(signal);
            }
        })?;
        Ok(())
    }

    fn end(signal: i32) {
        ENDING.store(true, Ordering::SeqCst);
        // Kept, so that nothing new is made.
        let in_use = super::hold();
        for aside in in_use.iter().filter_map(|aside| aside.upgrade()) {
            aside.remove_in_use();
        }
        // A server may be far away: another signal ends the program at once.
        if let Some(cancel) = &*CANCEL.lock().unwrap_or_else(PoisonError::into_inner) {
            cancel();
        }
        let _ = low_level::emulate_default_handler(signal);
        // It ends nobody who blocks the signal.
        std::process::exit(128 + signal);
    }

    /// The signals that are not ignored, as `nohup` has it, or a shell for a job behind its back.
    fn wanted() -> impl Iterator<Item = i32> {
        let ignored = ignored();
        [SIGHUP, SIGINT, SIGTERM]
            .into_iter()
            .filter(move |signal| ignored & (1 << (signal - 1)) == 0)
    }

    /// The set of signals that the program was started to ignore. The standard library
    /// cannot say; Linux writes it down. Elsewhere `SIGHUP` is left as it was.
    fn ignored() -> u64 {
        let Ok(status) = fs::read_to_string("/proc/self/status") else {
            return 1 << (SIGHUP - 1);
        };
        let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
    }

    /// Lets a signal that has come end the program, so that its consequences are not reported as
    /// errors.
    pub(crate) fn wait_if_ending() {
        while ENDING.load(Ordering::SeqCst) {
            thread::park();
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn wait_if_ending() {}

#[cfg(not(unix))]
pub(crate) fn ignore_file_size() {}

#[cfg(not(unix))]
pub(crate) fn cancel_at_end(_: impl Fn() + Send + 'static) {}

#[cfg(not(unix))]
pub(crate) fn end_restore(_: impl Fn() + Send + 'static, _: &str) {}
