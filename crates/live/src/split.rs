//! Which tables' rows go through several sessions.

use std::collections::HashSet;

use pgdmp::{Desc, DumpId, Toc, TocEntry};

use crate::constraint::Tables;
use crate::means::{Means, Split};
use crate::text::{Text, bare};

/// Tables are split whose data takes so many bytes of the archive.
const LARGE: u64 = 64 << 20;

/// How much there is to do for the rows of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// `size`: bytes of its data; `weight`: of that and all that waits for it; `remaining`: of all
    /// that is not done.
    Known { size: u64, weight: u64, remaining: u64 },
    /// They come through a pipe, and they are many. Nothing else can come before their end.
    Unknown,
}

/// What has to be known of an archive.
pub(crate) struct Splits<'a> {
    split: Split,
    tables: Tables<'a>,
    /// Tables whose rows are wanted in their order: by the ids of what depends on it.
    ordered: HashSet<DumpId>,
    jobs: usize,
}

impl<'a> Splits<'a> {
    /// `None` if no table can be split. `is_plain`: all sessions are the same user's, and it costs
    /// the server nothing more if a table is not emptied in the transaction of its rows.
    pub(crate) fn new(toc: &'a Toc, split: Split, jobs: usize, is_plain: bool) -> Option<Self> {
        if split == Split::Never || jobs < 2 || !is_plain || !has_plain_bytes(toc) {
            return None;
        }
        let mut ordered = HashSet::new();
        for entry in toc.entries() {
            let defn = entry.defn().unwrap_or_default();
            let is_ordered = match entry.desc() {
                Desc::INDEX => contains(defn, b" USING brin ") || contains(defn, b" CLUSTER ON "),
                Desc::CONSTRAINT => contains(defn, b" CLUSTER ON "),
                _ => false,
            };
            if is_ordered {
                ordered.extend(entry.dependencies());
            }
        }
        Some(Splits { split, tables: Tables::new(toc, Means::fast(), 0), ordered, jobs })
    }

    /// Over how many sessions the rows of a table may go; `None`: over one.
    pub(crate) fn most(&self, entry: &TocEntry<'_>, work: Work) -> Option<usize> {
        let copy = entry.copy_stmt()?;
        if entry.desc() != Desc::TABLE_DATA || !entry.had_dumper() {
            return None;
        }
        let mut text = Text::new(copy);
        text.skip("COPY ")?;
        let name = text.name()?;
        let is_own = bare(name.schema?) == entry.namespace()? && bare(name.name) == entry.tag()?;
        let table = self.tables.plain(name).filter(|_| is_own)?;
        text.skip(" ")?;
        if !text.skips("()") {
            text.columns()?;
        }
        text.skip(" FROM stdin;\n")?;
        if !text.rest.is_empty() || entry.dependencies().first() != Some(&table.dump_id()) {
            return None;
        }
        // What is done with the partitioned table meanwhile would be in the way of each session.
        if self.tables.is_partition(&table) {
            return None;
        }
        // Sessions could wait for each other at an index.
        let defn = table.defn().unwrap_or_default();
        if [&b"PRIMARY KEY"[..], b"UNIQUE", b"EXCLUDE"].iter().any(|word| contains(defn, word)) {
            return None;
        }
        if self.split == Split::Always {
            return Some(self.jobs);
        }
        let is_long = match work {
            Work::Unknown => true,
            Work::Known { size, weight, remaining } => {
                let jobs = u64::try_from(self.jobs).unwrap_or(u64::MAX);
                // By a fifth more than its share.
                size >= LARGE && weight > (remaining / jobs).saturating_mul(6) / 5
            }
        };
        if !is_long || self.ordered.contains(&table.dump_id()) {
            return None;
        }
        match self.split {
            Split::Over(most) => Some(most.min(self.jobs)).filter(|most| *most > 1),
            _ => Some(self.jobs),
        }
    }
}

/// Whether no character of the archive's encoding has bytes that mean something else in rows. Those
/// of SJIS and its like do.
fn has_plain_bytes(toc: &Toc) -> bool {
    const PLAIN: &[&str] =
        &["UTF8", "SQL_ASCII", "LATIN", "WIN12", "WIN866", "WIN874", "KOI8", "ISO_8859_", "EUC_"];
    let Ok(Some(name)) = toc.encoding() else { return false };
    PLAIN.iter().any(|plain| name.starts_with(plain.as_bytes()))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
