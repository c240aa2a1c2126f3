//! The first lines of a journal: which restore it belongs to.

use std::io::{self, Write};

use pgdmp::script::ScriptOptions;
use pgdmp::select::Selected;

use crate::means::Means;

/// The first line of the file.
const FIRST: &str = "pgdmp journal 1";

/// The first lines: what is restored, and how. A journal with other ones belongs to another
/// restore.
pub(super) fn head(
    selected: &Selected<'_>,
    script: &ScriptOptions,
    means: Means,
) -> io::Result<String> {
    let mut archive = Fnv::default();
    selected.toc().write_to(&mut archive).map_err(io::Error::other)?;
    let mut options = Fnv::default();
    // What is said is no matter.
    options.add(format!("{:?}", script.clone().verbose("")).as_bytes());
    // One part of a constraint may be there.
    options.add(&[means.using_index.into(), means.not_valid.into()]);
    for (entry, decision) in selected.all() {
        options.add(&entry.dump_id().0.to_le_bytes());
        options.add(format!("{:?}", decision.wanted).as_bytes());
    }
    let [archive, options] = [archive.0, options.0];
    Ok(format!("{FIRST}\narchive {archive:016x}\noptions {options:016x}\n"))
}

/// FNV-1a, which is the same in every release of this crate.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
