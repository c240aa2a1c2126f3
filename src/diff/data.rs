//! The data of two archives, compared.

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use super::buckets::Buckets;
use super::comparison::Comparison;
use super::content::{Content, each_row, hash, of_bytes};
use super::found::{DataComparison, Found, Gathered, Read, Slot, TableComparison};
use super::plan::Plan;
use super::rows::RowChange;
use crate::archive::{Archive, Block, Input};
use crate::error::{Error, Result};
use crate::rows::Rows;
use crate::toc::{BlockKind, DumpId};

/// What is to be read.
#[derive(Debug, Clone, Copy)]
enum Job {
    Table { side: usize, plan: usize },
    Objects { side: usize, id: DumpId },
}

impl Comparison {
    /// Compares the data of the two archives, which one reads once, as far as it was selected. One of
    /// the two may be a pipe.
    ///
    /// ```
    /// use pgdmp::diff::{Comparison, DiffOptions};
    /// use pgdmp::{Input, Selection};
    ///
    /// let mut old = Input::open("fixtures/pg18/small-dir")?;
    /// let mut new = Input::open("fixtures/pg18/small-tar.tar")?;
    /// let (a, b) = (old.shared_toc(), new.shared_toc());
    /// let all = Selection::new();
    /// let comparison = Comparison::new(&all.apply(&a)?, &all.apply(&b)?, &DiffOptions::new())?;
    /// let data = comparison.data(&mut old, &mut new)?;
    /// assert!(data.tables.len() > 1);
    /// for table in data.tables.iter().filter(|table| !table.is_equal()) {
    ///     println!("{}: {:?}", String::from_utf8_lossy(&table.table), table.rows);
    /// }
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Two pipes; errors of a pipe, and of large objects. Errors of a table are in its
    /// [`state`](TableComparison::state).
    pub fn data(&self, a: &mut Input, b: &mut Input) -> Result<DataComparison> {
        let mut gathered = self.nothing();
        self.gather([a, b], false, &mut gathered)?;
        Ok(self.finish(gathered))
    }

    /// As [`data`](Self::data), and gives each row that differs to `sink`, table after table. The
    /// data of a table that differs is read twice. All rows that come through a pipe are kept, in
    /// memory or in temporary files, until their table was compared.
    ///
    /// ```
    /// use pgdmp::diff::{Comparison, DiffOptions, RowChangeKind};
    /// use pgdmp::{Input, Selection};
    ///
    /// let mut old = Input::open("fixtures/pg17/small-custom.dump")?;
    /// let mut new = Input::open("fixtures/pg18/small-tar.tar")?;
    /// let (a, b) = (old.shared_toc(), new.shared_toc());
    /// let all = Selection::new();
    /// let comparison = Comparison::new(&all.apply(&a)?, &all.apply(&b)?, &DiffOptions::new())?;
    /// comparison.rows(&mut old, &mut new, |table, row| {
    ///     if row.kind() == RowChangeKind::Changed {
    ///         let columns: Vec<_> = row.changed().iter().map(|n| row.column(*n)).collect();
    ///         println!("{:?}: {columns:?}", table.table);
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data), those of temporary files, and those of `sink`.
    pub fn rows(
        &self,
        a: &mut Input,
        b: &mut Input,
        mut sink: impl FnMut(&TableComparison, &RowChange<'_>) -> Result<()>,
    ) -> Result<DataComparison> {
        let mut gathered = self.nothing();
        match (&mut *a, &mut *b) {
            (Input::Archive(archive), stream @ Input::Stream(_)) => {
                self.rows_of_pipe(1, stream, archive, &mut gathered, &mut sink)?;
            }
            (stream @ Input::Stream(_), Input::Archive(archive)) => {
                self.rows_of_pipe(0, stream, archive, &mut gathered, &mut sink)?;
            }
            (a, b) => {
                self.gather([&mut *a, &mut *b], true, &mut gathered)?;
                let (Input::Archive(a), Input::Archive(b)) = (a, b) else { return Err(gone()) };
                for (plan, slot) in self.plans.iter().zip(&mut gathered.tables) {
                    let Some(parts) = slot.parts.take() else { continue };
                    let mut spool = self.spool();
                    for (side, archive) in [&*a, &*b].into_iter().enumerate() {
                        let rows = &mut archive.rows(plan.places[side].ok_or_else(gone)?.id)?;
                        self.push_rows(side, plan, rows, Some(&parts), &mut spool)?;
                    }
                    let table = self.table(plan, slot);
                    self.join(plan, &parts, spool, &mut |row| sink(&table, row))?;
                }
            }
        }
        Ok(self.finish(gathered))
    }

    /// Compares a pipe, table after table: the data of a table comes once.
    fn rows_of_pipe(
        &self,
        side: usize,
        stream: &mut Input,
        archive: &Archive,
        gathered: &mut Gathered,
        sink: &mut dyn FnMut(&TableComparison, &RowChange<'_>) -> Result<()>,
    ) -> Result<()> {
        let other = 1 - side;
        let archives = if side == 0 { [None, Some(archive)] } else { [Some(archive), None] };
        let plans = self.by_index(side);
        let mut pass = stream.pass();
        while let Some(mut block) = pass.next_block()? {
            let index = block.entry().map(|entry| entry.index());
            let plan = index.and_then(|index| plans.get(&index)).copied();
            let is_both = |n: usize| self.plans[n].places.iter().flatten().all(|p| p.is_table);
            let (Some(n), BlockKind::Data) = (plan.filter(|n| is_both(*n)), block.kind()) else {
                if let Some(found) = self.met(side, &plans, &mut block, false) {
                    gathered.add(found)?;
                }
                continue;
            };
            let (plan, slot) = (&self.plans[n], &mut gathered.tables[n]);
            if plan.places[other].is_some() {
                let job = Job::Table { side: other, plan: n };
                if let Found::Table { read, .. } = self.read(archives, job, true) {
                    slot.add(other, read);
                }
            }
            let mut spool = self.spool();
            let read = match block.rows() {
                Ok(mut rows) => self.push_rows(side, plan, &mut rows, None, &mut spool),
                Err(error) => Err(error),
            };
            slot.add(side, read.map(|(content, buckets)| (content, Some(buckets))));
            let Some(parts) = slot.parts.take() else { continue };
            let rows = &mut archive.rows(plan.places[other].ok_or_else(gone)?.id)?;
            self.push_rows(other, plan, rows, Some(&parts), &mut spool)?;
            let table = self.table(plan, slot);
            self.join(plan, &parts, spool, &mut |row| sink(&table, row))?;
        }
        let mut jobs = self.jobs([side != 0, side != 1]);
        let is_read = |plan: usize| gathered.tables[plan].contents[other].is_some();
        jobs.retain(|job| !matches!(job, Job::Table { plan, .. } if is_read(*plan)));
        self.work(archives, &jobs, false, |_| Ok(()), gathered)
    }

    fn nothing(&self) -> Gathered {
        let tables = self.plans.iter().map(|_| Slot::default()).collect();
        Gathered { tables, objects: Default::default() }
    }

    /// Reads all that is compared.
    fn gather(
        &self,
        [a, b]: [&mut Input; 2],
        with_buckets: bool,
        gathered: &mut Gathered,
    ) -> Result<()> {
        match (a, b) {
            (Input::Archive(a), Input::Archive(b)) => {
                let jobs = self.jobs([true, true]);
                self.work([Some(a), Some(b)], &jobs, with_buckets, |_| Ok(()), gathered)
            }
            (Input::Archive(a), stream @ Input::Stream(_)) => {
                let jobs = self.jobs([true, false]);
                let pass = |give: &Sender<Found>| self.pass(1, stream, give);
                self.work([Some(a), None], &jobs, with_buckets, pass, gathered)
            }
            (stream @ Input::Stream(_), Input::Archive(b)) => {
                let jobs = self.jobs([false, true]);
                let pass = |give: &Sender<Found>| self.pass(0, stream, give);
                self.work([None, Some(b)], &jobs, with_buckets, pass, gathered)
            }
            (Input::Stream(_), Input::Stream(_)) => {
                Err(Error::usage("one of the two archives has to be a file or a directory"))
            }
        }
    }

    /// What is to be read of archives that can be read anywhere.
    fn jobs(&self, sides: [bool; 2]) -> Vec<Job> {
        let mut jobs = Vec::new();
        for (n, plan) in self.plans.iter().enumerate().filter(|(_, plan)| self.is_read(plan)) {
            for side in (0..2).filter(|side| sides[*side] && plan.places[*side].is_some()) {
                jobs.push(Job::Table { side, plan: n });
            }
        }
        for side in (0..2).filter(|side| sides[*side]) {
            let entries = self.object_places[side].iter();
            jobs.extend(entries.map(|place| Job::Objects { side, id: place.id }));
        }
        jobs
    }

    /// Whether its data is read: both archives have it, or it is a part of a table that they may
    /// have divided otherwise.
    fn is_read(&self, plan: &Plan) -> bool {
        plan.places.iter().all(Option::is_some) || plan.root.is_some()
    }

    /// Does jobs with several threads, and `meanwhile` on this one.
    fn work(
        &self,
        archives: [Option<&Archive>; 2],
        jobs: &[Job],
        with_buckets: bool,
        meanwhile: impl FnOnce(&Sender<Found>) -> Result<()>,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let (give, take) = mpsc::channel();
        let worker = |give: Sender<Found>| {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stop.load(Ordering::Relaxed)
                    || give.send(self.read(archives, *job, with_buckets)).is_err()
                {
                    return;
                }
            }
        };
        thread::scope(|scope| {
            for n in 0..self.options.threads.min(jobs.len()) {
                let give = give.clone();
                let thread = thread::Builder::new().name(format!("diff {n}"));
                thread.spawn_scoped(scope, || worker(give))?;
            }
            let passed = meanwhile(&give);
            drop(give);
            if passed.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            let added = take.iter().try_for_each(|found| gathered.add(found));
            if added.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            passed.and(added)
        })
    }

    fn read(&self, archives: [Option<&Archive>; 2], job: Job, with_buckets: bool) -> Found {
        match job {
            Job::Table { side, plan: n } => {
                let read = || {
                    let (plan, archive) = (&self.plans[n], archives[side].ok_or_else(gone)?);
                    let place = plan.places[side].ok_or_else(gone)?;
                    match place.is_table {
                        true => {
                            self.content(side, plan, &mut archive.rows(place.id)?, with_buckets)
                        }
                        false => Ok((of_bytes(self.seed, archive.data(place.id)?)?, None)),
                    }
                };
                Found::Table { side, plan: n, read: read() }
            }
            Job::Objects { side, id } => {
                let objects = || {
                    let mut objects = archives[side].ok_or_else(gone)?.large_objects(id)?;
                    let mut found = Vec::new();
                    while let Some(object) = objects.next_object()? {
                        found.push((object.oid().0, of_bytes(self.seed, object)?));
                    }
                    Ok(found)
                };
                Found::Objects { side, objects: objects() }
            }
        }
    }

    /// Reads a pipe to its end.
    fn pass(&self, side: usize, stream: &mut Input, give: &Sender<Found>) -> Result<()> {
        let plans = self.by_index(side);
        let mut pass = stream.pass();
        while let Some(mut block) = pass.next_block()? {
            if let Some(found) = self.met(side, &plans, &mut block, false) {
                // Who takes it is there while this is running.
                let _ = give.send(found);
            }
        }
        Ok(())
    }

    /// Reads a block of a pipe, if it is compared.
    fn met(
        &self,
        side: usize,
        plans: &HashMap<usize, usize>,
        block: &mut Block<'_>,
        with_buckets: bool,
    ) -> Option<Found> {
        let index = block.entry()?.index();
        if block.kind() == BlockKind::LargeObjects {
            self.object_places[side].iter().find(|place| place.index == index)?;
            let mut objects = || {
                let mut found = Vec::new();
                while let Some(object) = block.next_object()? {
                    found.push((object.oid().0, of_bytes(self.seed, object)?));
                }
                Ok(found)
            };
            return Some(Found::Objects { side, objects: objects() });
        }
        let n = *plans.get(&index)?;
        let mut read = || {
            let plan = &self.plans[n];
            match plan.places[side].is_some_and(|place| place.is_table) {
                true => self.content(side, plan, &mut block.rows()?, with_buckets),
                false => Ok((of_bytes(self.seed, block.data()?)?, None)),
            }
        };
        Some(Found::Table { side, plan: n, read: read() })
    }

    /// The plans that are read of an archive, by the place of its entry.
    fn by_index(&self, side: usize) -> HashMap<usize, usize> {
        let read = self.plans.iter().enumerate().filter(|(_, plan)| self.is_read(plan));
        read.filter_map(|(n, plan)| Some((plan.places[side]?.index, n))).collect()
    }

    /// The content of a table, and that of parts of it by the hash of its key.
    fn content<R: BufRead>(
        &self,
        side: usize,
        plan: &Plan,
        rows: &mut Rows<R>,
        with_buckets: bool,
    ) -> Result<Read> {
        let mut content = Content::default();
        let mut buckets = with_buckets.then(Buckets::new);
        let (mut scratch, mut key, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        let bind =
            |names: Option<&[Vec<u8>]>, fields| plan.binding(side, names, fields, self.texts);
        each_row(rows, bind, |row, binding| {
            bytes.clear();
            for column in 0..binding.len() {
                binding.put(row, column, &mut scratch, &mut bytes);
            }
            let hash_of_row = hash(self.seed, &bytes);
            content.add(hash_of_row);
            if let Some(buckets) = &mut buckets {
                key.clear();
                for column in &plan.key_columns {
                    binding.put(row, *column, &mut scratch, &mut key);
                }
                let key =
                    if plan.key_columns.is_empty() { hash_of_row } else { hash(self.seed, &key) };
                buckets.add(key as u64, hash_of_row);
            }
            Ok(())
        })?;
        Ok((content, buckets))
    }
}

pub(super) fn gone() -> Error {
    Error::malformed("the archive does not have the data")
}
