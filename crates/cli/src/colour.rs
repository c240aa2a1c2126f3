//! Colours of what is said, where people look.

use std::sync::atomic::{AtomicU8, Ordering};

use clap::ValueEnum;

use crate::stdio;

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also in files and pipes
    Always,
    /// Not at all
    Never,
}

static WHEN: AtomicU8 = AtomicU8::new(0);

/// Says when there are colours, for all that follows.
pub(crate) fn set(when: When) {
    WHEN.store(when as u8, Ordering::Relaxed);
}

/// Whether what is said has colours.
pub(crate) fn of_messages() -> bool {
    const ALWAYS: u8 = When::Always as u8;
    const NEVER: u8 = When::Never as u8;
    match WHEN.load(Ordering::Relaxed) {
        ALWAYS => true,
        NEVER => false,
        _ => stdio::says_to_terminal() && terminal_has_them(),
    }
}

/// <https://no-color.org>, and terminals that know none.
fn terminal_has_them() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !refused && !dumb
}

/// A level of messages (`error: `) in its colour.
pub(crate) fn level(level: &str) -> String {
    let code = match level.trim_end_matches([':', ' ']) {
        "error" => "1;31",
        "warning" => "1;33",
        "hint" => "36",
        "note" | "detail" => "1",
        _ => return level.to_owned(),
    };
    match (of_messages(), level.strip_suffix(' ')) {
        (true, Some(name)) => format!("\x1b[{code}m{name}\x1b[0m "),
        _ => level.to_owned(),
    }
}
