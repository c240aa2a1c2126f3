//! How much a run of the tests tries, and what it leaves out.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Mutex;

/// Whether everything is tried: every byte, every archive. CI sets `PGDMP_EXHAUSTIVE=1`.
pub fn is_exhaustive() -> bool {
    std::env::var_os("PGDMP_EXHAUSTIVE").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether even that is tried that takes longer than CI has: `PGDMP_EXHAUSTIVE=all`.
pub fn is_endless() -> bool {
    std::env::var_os("PGDMP_EXHAUSTIVE").is_some_and(|value| value == "all")
}

/// The numbers of a range that are tried: all in an exhaustive run; otherwise both ends, and between
/// them one in so many.
pub fn some_of(range: Range<usize>, one_in: usize) -> impl Iterator<Item = usize> {
    const END: usize = 32;
    let Range { start, end } = range;
    let all = is_exhaustive();
    range.filter(move |n| {
        all || *n < start.saturating_add(END) || n.saturating_add(END) >= end || n % one_in == 0
    })
}

/// Says that something is not tested here, once. `cargo test` shows it even if the test passes,
/// unlike the output of `eprintln!`.
pub fn skipped(why: impl Display) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let why = why.to_string();
    let Ok(mut said) = SAID.lock() else { return };
    if said.insert(why.clone()) {
        let _ = writeln!(io::stderr(), "skipped: {why}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_some_between() {
        let tried: Vec<usize> = some_of(0..1000, 100).collect();
        if is_exhaustive() {
            assert_eq!(tried.len(), 1000);
        } else {
            assert_eq!(tried.len(), 32 + 9 + 32);
            assert!(tried.contains(&0) && tried.contains(&500) && tried.contains(&999));
        }
    }
}
