//! Rows of two tables, compared by their key.
//!
//! Rows go into records (`record.rs`) in memory or in temporary files (`spool.rs`), and are brought
//! together by their key (`join.rs`).

mod join;
mod record;
mod spool;

use std::io::BufRead;

use super::buckets::{Buckets, Parts};
use super::columns::Common;
use super::comparison::Comparison;
use super::content::{Content, each_row, hash};
use super::plan::Plan;
use crate::error::Result;
use crate::rows::Rows;
use join::Join;
use record::{Record, put_texts};
use spool::Spool;

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowChangeKind {
    /// The second archive alone has it.
    Added,
    /// The first archive alone has it.
    Removed,
    /// Both have a row with this key, and other columns differ.
    Changed,
}

/// The text of a value; `None` is NULL. It is in UTF-8, unless it cannot be brought into it.
pub type Value<'r> = Option<&'r [u8]>;

/// A row that differs.
///
/// See the example of [`Comparison::rows`].
#[derive(Debug, Clone, Copy)]
pub struct RowChange<'r> {
    kind: RowChangeKind,
    common: &'r Common,
    key: &'r [usize],
    before: Option<&'r [Value<'r>]>,
    after: Option<&'r [Value<'r>]>,
    changed: &'r [usize],
    times: u64,
    duplicate_key: bool,
}

impl<'r> RowChange<'r> {
    /// What happened to it.
    pub fn kind(&self) -> RowChangeKind {
        self.kind
    }

    /// The name of a column, by its place in [`before`](Self::before) and [`after`](Self::after).
    pub fn column(&self, place: usize) -> &'r [u8] {
        self.common.columns.get(place).map_or(&[], |column| &column.name)
    }

    /// The places of the columns that tell rows apart. Empty if the table has no key.
    pub fn key(&self) -> &'r [usize] {
        self.key
    }

    /// The values in the first archive, of all columns that both archives have, sorted by name.
    pub fn before(&self) -> Option<&'r [Value<'r>]> {
        self.before
    }

    /// The values in the second archive.
    pub fn after(&self) -> Option<&'r [Value<'r>]> {
        self.after
    }

    /// The places of the columns that differ, of a changed row.
    pub fn changed(&self) -> &'r [usize] {
        self.changed
    }

    /// How many such rows there are, one like the other: always 1 if rows have a key of their own.
    pub fn times(&self) -> u64 {
        self.times
    }

    /// Whether an archive has several rows with this key, which no server lets happen: the archive
    /// is damaged, or the key is none.
    pub fn has_duplicate_key(&self) -> bool {
        self.duplicate_key
    }
}

/// What a row is, besides its texts, and where it goes.
struct Pushing<'p> {
    side: usize,
    plan: &'p Plan,
    seed: u64,
    scratch: Vec<u8>,
    whole: Vec<u8>,
    key: Vec<u8>,
    texts: Vec<u8>,
    record: Vec<u8>,
}

impl Comparison {
    pub(super) fn spool(&self) -> Spool<'_> {
        Spool::new(self.options.memory, self.options.temp_dir.as_deref(), 0)
    }

    /// Puts the rows of some parts of a table into a spool. `count`: the content of all of them, too.
    pub(super) fn push_rows<R: BufRead>(
        &self,
        side: usize,
        plan: &Plan,
        rows: &mut Rows<R>,
        parts: Option<&Parts>,
        spool: &mut Spool<'_>,
    ) -> Result<(Content, Buckets)> {
        let (mut content, mut buckets) = (Content::default(), Buckets::new());
        let mut p = Pushing {
            side,
            plan,
            seed: self.seed,
            scratch: Vec::new(),
            whole: Vec::new(),
            key: Vec::new(),
            texts: Vec::new(),
            record: Vec::new(),
        };
        let bind =
            |names: Option<&[Vec<u8>]>, fields| plan.binding(side, names, fields, self.texts);
        each_row(rows, bind, |row, binding| {
            p.whole.clear();
            for column in 0..binding.len() {
                binding.put(row, column, &mut p.scratch, &mut p.whole);
            }
            let hash_of_row = hash(p.seed, &p.whole);
            p.key.clear();
            for column in &p.plan.key_columns {
                binding.put(row, *column, &mut p.scratch, &mut p.key);
            }
            let (key, hash_of_key) = match p.plan.key_columns.is_empty() {
                true => (&p.whole, hash_of_row),
                false => (&p.key, hash(p.seed, &p.key)),
            };
            let hash = hash_of_key as u64;
            content.add(hash_of_row);
            buckets.add(hash, hash_of_row);
            if parts.is_some_and(|parts| !parts.has(hash)) {
                return Ok(());
            }
            p.texts.clear();
            put_texts(row, binding, &mut p.scratch, &mut p.texts);
            p.record.clear();
            Record { side: p.side, hash, key, texts: &p.texts }.put(&mut p.record);
            spool.push(hash, &p.record)
        })?;
        Ok((content, buckets))
    }

    /// Finds what differs in the rows of a spool.
    pub(super) fn join(
        &self,
        plan: &Plan,
        parts: &Parts,
        spool: Spool<'_>,
        sink: &mut dyn FnMut(&RowChange<'_>) -> Result<()>,
    ) -> Result<()> {
        let (memory, folder, level) = (spool.memory, spool.folder, spool.level);
        let stored = spool.finish()?;
        let empty = Spool::new(memory, folder, level);
        let (common, key) = (&plan.common, &plan.key_columns[..]);
        Join { common, key, seed: self.seed, parts, sink }.join(stored, &empty)
    }
}
