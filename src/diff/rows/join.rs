//! Records of both archives brought together by their key.

use std::collections::HashMap;

use super::record::{Record, put_form};
use super::spool::{LEVELS, Spool, Stored, each_record, next_record};
use super::{RowChange, RowChangeKind, Value};
use crate::diff::buckets::Parts;
use crate::diff::columns::Common;
use crate::diff::content::hash;
use crate::diff::form::Form;
use crate::error::{Error, Result};

/// After so many divisions, records that still do not fit have one key, so that they are divided by
/// their whole row.
const BY_ROW: u32 = 4;

/// What is known when records are brought together.
pub(super) struct Join<'j, 's> {
    pub(super) common: &'j Common,
    /// The places of the key's columns. Empty if the whole row is the key.
    pub(super) key: &'j [usize],
    pub(super) seed: u64,
    /// Records of other parts are passed over.
    pub(super) parts: &'j Parts,
    pub(super) sink: &'s mut dyn FnMut(&RowChange<'_>) -> Result<()>,
}

impl Join<'_, '_> {
    /// Finds what differs, and gives it to the sink.
    pub(super) fn join(&mut self, stored: Stored, spool: &Spool<'_>) -> Result<()> {
        self.join_at(stored, spool.level, spool.memory, spool.folder, false)
    }

    fn join_at(
        &mut self,
        stored: Stored,
        level: u32,
        memory: usize,
        folder: Option<&std::path::Path>,
        by_row: bool,
    ) -> Result<()> {
        let files = match stored {
            Stored::Memory(pieces) => return self.sorted(&pieces, by_row),
            Stored::Files(files) => files,
        };
        let level = level + 1;
        let by_row = by_row || (level >= BY_ROW && !self.key.is_empty());
        for file in files {
            if level == LEVELS {
                self.counted(file)?;
                continue;
            }
            let mut spool = Spool::new(memory, folder, level);
            let (mut whole, mut again) = (Vec::new(), Vec::new());
            each_record(file, |bytes| {
                let record = Record::parse(bytes).ok_or_else(damaged)?;
                if !self.parts.has(record.hash) && level <= BY_ROW {
                    return Ok(());
                }
                if level != BY_ROW || self.key.is_empty() {
                    return spool.push(record.hash, bytes);
                }
                whole.clear();
                record.put_whole(self.forms(), &mut whole);
                let hash = hash(self.seed, &whole) as u64;
                again.clear();
                Record { hash, key: &whole, ..record }.put(&mut again);
                spool.push(hash, &again)
            })?;
            self.join_at(spool.finish()?, level, memory, folder, by_row)?;
        }
        Ok(())
    }

    fn forms(&self) -> impl Iterator<Item = &Form> {
        self.common.columns.iter().map(|column| &column.form)
    }

    /// Records in memory: sorted, and compared key by key.
    fn sorted(&mut self, pieces: &[Vec<u8>], by_row: bool) -> Result<()> {
        let mut records = Vec::new();
        for piece in pieces {
            let mut rest = &piece[..];
            while let Some(bytes) = next_record(&mut rest) {
                let record = Record::parse(bytes).ok_or_else(damaged)?;
                // By row, the hash is another one.
                if by_row || self.parts.has(record.hash) {
                    records.push(bytes);
                }
            }
        }
        records.sort_by(|a, b| match (Record::parse(a), Record::parse(b)) {
            (Some(a), Some(b)) => a.order(&b).then(a.side.cmp(&b.side)),
            _ => a.cmp(b),
        });
        let is_same = |a: &&[u8], b: &&[u8]| key_of(a) == key_of(b);
        for group in records.chunk_by(is_same) {
            let group: Vec<Record<'_>> = group.iter().filter_map(|b| Record::parse(b)).collect();
            let (a, b) = group.split_at(group.partition_point(|record| record.side == 0));
            self.group(a, b, by_row)?;
        }
        Ok(())
    }

    /// The records of both archives with one key.
    fn group(&mut self, a: &[Record<'_>], b: &[Record<'_>], by_row: bool) -> Result<()> {
        if let ([a], [b]) = (a, b) {
            return self.pair(a, b, false);
        }
        let is_key = !self.key.is_empty();
        let duplicate = is_key && (by_row || a.len() > 1 || b.len() > 1);
        // Equal rows are paired first, whatever their order.
        let counted = |records: &[Record<'_>]| {
            let mut whole = Vec::new();
            let hashes = records.iter().map(|record| {
                whole.clear();
                record.put_whole(self.forms(), &mut whole);
                hash(self.seed, &whole)
            });
            let mut all: Vec<(u128, usize)> = hashes.zip(0..).collect();
            all.sort_unstable();
            all
        };
        let (a_all, b_all) = (counted(a), counted(b));
        let mut left: [Vec<(u128, usize)>; 2] = Default::default();
        let (mut n, mut m) = (0, 0);
        while n < a_all.len() || m < b_all.len() {
            match (a_all.get(n), b_all.get(m)) {
                (Some(a), Some(b)) if a.0 == b.0 => (n, m) = (n + 1, m + 1),
                (Some(a), b) if b.is_none_or(|b| a.0 < b.0) => {
                    left[0].push(*a);
                    n += 1;
                }
                (_, Some(b)) => {
                    left[1].push(*b);
                    m += 1;
                }
                _ => break,
            }
        }
        if let ([a_left], [b_left]) = (&left[0][..], &left[1][..])
            && !by_row
            && is_key
        {
            return self.pair(&a[a_left.1], &b[b_left.1], duplicate);
        }
        for (kind, records, left) in
            [(RowChangeKind::Removed, a, &left[0]), (RowChangeKind::Added, b, &left[1])]
        {
            for same in left.chunk_by(|a, b| a.0 == b.0) {
                self.alone(kind, &records[same[0].1], same.len() as u64, duplicate)?;
            }
        }
        Ok(())
    }

    /// Two rows with one key.
    fn pair(&mut self, a: &Record<'_>, b: &Record<'_>, duplicate_key: bool) -> Result<()> {
        let mut changed = Vec::new();
        let (mut a_form, mut b_form) = (Vec::new(), Vec::new());
        for (n, ((a, b), form)) in a.columns().zip(b.columns()).zip(self.forms()).enumerate() {
            if a == b {
                continue;
            }
            a_form.clear();
            put_form(a, form, &mut a_form);
            b_form.clear();
            put_form(b, form, &mut b_form);
            if a_form != b_form {
                changed.push(n);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let (before, after) = (values(a), values(b));
        (self.sink)(&RowChange {
            kind: RowChangeKind::Changed,
            common: self.common,
            key: self.key,
            before: Some(&before),
            after: Some(&after),
            changed: &changed,
            times: 1,
            duplicate_key,
        })
    }

    /// A row that one archive alone has, so many times.
    fn alone(
        &mut self,
        kind: RowChangeKind,
        record: &Record<'_>,
        times: u64,
        duplicate_key: bool,
    ) -> Result<()> {
        let values = values(record);
        let [before, after] = match kind {
            RowChangeKind::Removed => [Some(&values[..]), None],
            _ => [None, Some(&values[..])],
        };
        let (common, key) = (self.common, self.key);
        let change =
            RowChange { kind, common, key, before, after, changed: &[], times, duplicate_key };
        (self.sink)(&change)
    }

    /// Records that no division makes fewer: most of them are equal, and counted.
    fn counted(&mut self, file: std::fs::File) -> Result<()> {
        let mut counts: HashMap<Vec<u8>, ([u64; 2], Vec<u8>)> = HashMap::new();
        each_record(file, |bytes| {
            let record = Record::parse(bytes).ok_or_else(damaged)?;
            if let Some((count, _)) = counts.get_mut(record.key) {
                count[record.side] += 1;
            } else {
                let mut count = [0; 2];
                count[record.side] = 1;
                counts.insert(record.key.to_vec(), (count, bytes.to_vec()));
            }
            Ok(())
        })?;
        for ([a, b], bytes) in counts.into_values() {
            let record = Record::parse(&bytes).ok_or_else(damaged)?;
            let kind = if a > b { RowChangeKind::Removed } else { RowChangeKind::Added };
            if a != b {
                self.alone(kind, &record, a.abs_diff(b), !self.key.is_empty())?;
            }
        }
        Ok(())
    }
}

fn key_of(bytes: &[u8]) -> Option<&[u8]> {
    Record::parse(bytes).map(|record| record.key)
}

fn values<'r>(record: &Record<'r>) -> Vec<Value<'r>> {
    record.columns().map(|text| text.map(|(text, _)| text)).collect()
}

fn damaged() -> Error {
    Error::malformed("a temporary file changed while it was in use")
}
