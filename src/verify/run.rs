//! A verification from its beginning to its end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use super::code::Code;
use super::compare::{Against, Book};
use super::entry::{self, Seen, found_of};
use super::report::{EntryState, Event, Found, Status, Summary};
use super::{Level, Verification, checksums, contents, needed, places, relations};
use crate::archive::{Archive, ArchiveStream, Input, Pass, Walked};
use crate::error::Result;
use crate::manifest::{Manifest, ObjectsRecord};
use crate::toc::{DumpId, Format, Toc, TocEntry};
use crate::types::Definitions;

/// Findings that are told, and of one code; more are counted. So many of one kind hide no others.
const TOLD: u64 = 10_000;
const TOLD_OF_CODE: u64 = 1000;

impl Verification {
    /// Reads an archive, and tells each finding and the state of each entry with data, in the order
    /// of the file. Open the input with [`OpenOptions::damaged`](crate::OpenOptions::damaged), so
    /// that damage of its table of contents is a finding, too.
    ///
    /// Memory does not grow with the data. It takes some dozen bytes for each entry, and the window
    /// of a decompressor for each thread.
    ///
    /// # Errors
    ///
    /// Those of the operating system that keep it from going on. Damage is no error: it is told.
    pub fn run(&self, input: &mut Input, tell: impl FnMut(Event)) -> Result<Summary> {
        Ok(self.read(input, tell, false)?.0)
    }

    /// The same, and makes the manifest of the archive if it is good. `archive` is the name of its
    /// file or directory. Memory grows by some hundred bytes for each entry, and by 44 bytes for
    /// each large object. A file or directory is read a second time.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn record(
        &self,
        input: &mut Input,
        archive: &str,
        tell: impl FnMut(Event),
    ) -> Result<(Summary, Option<Manifest>)> {
        let (summary, book, objects) = self.read(input, tell, true)?;
        if !summary.is_good() {
            return Ok((summary, None));
        }
        let mut manifest = Manifest::describe(input.toc(), input.format(), archive);
        book.record(&mut manifest);
        manifest.large_objects = objects.filter(|objects| objects.count > 0);
        self.level.name().clone_into(&mut manifest.level);
        if let Input::Archive(archive) = input {
            manifest.measure(archive)?;
        }
        Ok((summary, Some(manifest)))
    }

    fn read(
        &self,
        input: &mut Input,
        tell: impl FnMut(Event),
        records: bool,
    ) -> Result<(Summary, Book, Option<ObjectsRecord>)> {
        let toc = input.shared_toc();
        let (summary, codes) = (Summary::default(), HashMap::new());
        let mut report = Report { tell, summary, told: 0, codes, book: Book::default() };
        report.summary.entries = toc.len() as u64;
        report.summary.tables =
            toc.entries().filter(TocEntry::has_data).filter(is_table).count() as u64;
        let without = toc.entries().filter(|entry| !entry.has_data()).count() as u64;
        report.summary.add_without_data(without);
        if let Some(error) = input.damage() {
            let mut found = found_of(error);
            (found.code, found.finding.severity) = (Code::TocDamaged, Code::TocDamaged.severity());
            report.found(found);
        }
        contents::check(&toc, &mut |found| report.found(found));
        relations::check(&toc, &mut |found| report.found(found));
        if let Some(found) = needed::found(&toc) {
            report.found(found);
        }
        let mut against = self
            .manifest
            .as_ref()
            .map(|manifest| Against::new(manifest, &toc, input.format(), self.subset));
        if let Some(against) = &mut against {
            against.definitions(&toc, &mut |found| report.found(found));
            if let Input::Archive(archive) = input
                && self.level >= Level::Framing
            {
                against.files(archive, &mut |found| report.found(found))?;
            }
        }
        let hashes = records || against.as_ref().is_some_and(|a| a.wants_hashes(self.level));
        let reading = Reading { against: against.as_ref(), hashes };
        match input {
            _ if self.level == Level::Toc => report.unchecked(toc.entries()),
            Input::Archive(archive) => self.archive(archive, reading, &mut report)?,
            Input::Stream(stream) => {
                if stream.format() == Format::Custom {
                    places::without_offsets(&toc, &mut |found| report.found(found));
                }
                let whole = self.stream(&toc, stream.pass(), reading, &mut report);
                behind(stream, whole, &mut report);
            }
        }
        report.checksums();
        let all = hashes && self.level >= Level::Data && self.part.is_none();
        let objects = all.then(|| report.book.objects());
        if let (Some(against), Some(objects)) = (&against, objects) {
            against.objects(objects, &mut |found| report.found(found));
        }
        Ok((report.summary, report.book, objects))
    }

    /// Whether the data of an entry is to be read.
    fn takes(&self, entry: TocEntry<'_>) -> bool {
        let id = entry.dump_id().0.unsigned_abs();
        self.level >= Level::Data
            && self.part.is_none_or(|(part, of)| id % of == part.wrapping_sub(1))
    }

    fn archive<T: FnMut(Event)>(
        &self,
        archive: &Archive,
        reading: Reading<'_>,
        report: &mut Report<T>,
    ) -> Result<()> {
        let walked = archive.walked()?;
        places::check(archive, &walked, &mut |found| report.found(found));
        let places = Places::new(archive, &walked);
        if self.level == Level::Framing {
            places::empty(&walked, archive, &mut |found| report.found(found));
        }
        let mut units: Vec<TocEntry<'_>> = archive
            .entries()
            .filter(TocEntry::has_data)
            .filter(|entry| !entry.denies_data())
            .collect();
        units.sort_by_key(|entry| (places.start(*entry), entry.index()));
        self.units(archive, &units, &places, reading, report);
        for (entry, found) in places::denied(archive, &walked) {
            report.denied(entry, found);
        }
        let told =
            [Code::Cut, Code::Framing, Code::NoBlock, Code::Unreadable, Code::Member, Code::Tar];
        for found in places::unwalked(&walked.errors) {
            // The data of the entry told it better.
            let better = self.level >= Level::Data && self.part.is_none();
            let tells = |code: &Code| report.codes.contains_key(code);
            if !(better && told.contains(&found.code) && told.iter().any(tells))
                || found.code == Code::Tar
            {
                report.found(found);
            }
        }
        Ok(())
    }

    /// Reads the data of entries with several threads, and tells of them in their order.
    fn units<T: FnMut(Event)>(
        &self,
        archive: &Archive,
        units: &[TocEntry<'_>],
        places: &Places,
        reading: Reading<'_>,
        report: &mut Report<T>,
    ) {
        // The largest first, so that none of them is begun when all others are done.
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.sort_by_key(|unit| Reverse(places.stored(units[*unit])));
        let next = AtomicUsize::new(0);
        let definitions = Definitions::new(archive.toc());
        let work = |unit: usize| {
            let entry = units[unit];
            let mut seen = match self.takes(entry) {
                false => Seen::new(entry, Status::Unchecked),
                true => match archive.block_of(entry) {
                    Ok(mut block) => {
                        let hashes = reading.hashes;
                        entry::check(&mut block, entry, &definitions, self.level, hashes)
                    }
                    Err(error) => {
                        let mut seen = Seen::new(entry, Status::Ok);
                        seen.fail(entry, &error, 0);
                        seen
                    }
                },
            };
            if self.level == Level::Framing && places.is_lost(entry) {
                let error = archive.locate(entry).err();
                let found = error.as_ref().map(found_of);
                seen.add(entry, found.unwrap_or_else(|| Found::new(Code::NoBlock, "no data")));
            }
            seen.state.stored = places.stored(entry).or_else(|| archive.stored_size_hint(entry));
            places.amend(entry, &mut seen);
            seen.state.checksums = checksums::of(archive, entry);
            if let Some(against) = reading.against {
                against.data(entry, &mut seen);
                if self.level == Level::Framing {
                    against.stored(archive, entry, &mut seen);
                }
            }
            seen
        };
        let threads = self.threads.min(units.len());
        if threads <= 1 {
            for unit in 0..units.len() {
                report.seen(work(unit));
            }
            return;
        }
        let (sender, receiver) = mpsc::channel();
        let receiver = Mutex::new(receiver);
        thread::scope(|scope| {
            for _ in 0..threads {
                let (sender, next, order, work) = (sender.clone(), &next, &order, &work);
                scope.spawn(move || {
                    while let Some(unit) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if sender.send((*unit, work(*unit))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut waiting: BTreeMap<usize, Seen> = BTreeMap::new();
            let mut turn = 0;
            let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            for (unit, seen) in receiver.iter() {
                waiting.insert(unit, seen);
                while let Some(seen) = waiting.remove(&turn) {
                    report.seen(seen);
                    turn += 1;
                }
            }
        });
    }

    fn stream<T: FnMut(Event)>(
        &self,
        toc: &Toc,
        mut pass: Pass<'_>,
        reading: Reading<'_>,
        report: &mut Report<T>,
    ) -> bool {
        let mut came = HashSet::new();
        let definitions = Definitions::new(toc);
        let mut whole = true;
        loop {
            let mut block = match pass.next_block() {
                Ok(Some(block)) => block,
                Ok(None) => break,
                Err(error) => {
                    report.found(found_of(&error));
                    whole = false;
                    break;
                }
            };
            let Some(entry) = toc.entry(block.dump_id()) else {
                let what = format!("a block with dump id {}, which no entry has", block.dump_id());
                report.found(Found::new(Code::UnknownBlock, what));
                continue;
            };
            if !came.insert(entry.index()) {
                let what = "the data is there twice";
                report.found(Found::new(Code::BlockTwice, what).in_entry(entry));
                continue;
            }
            if !entry.has_data() || entry.denies_data() {
                let what = "the entry is said to have no data, but data with its dump id is there";
                report.found(Found::new(Code::DeniedData, what).in_entry(entry));
            }
            let hashes = reading.hashes;
            let mut seen = match self.takes(entry) {
                true => entry::check(&mut block, entry, &definitions, self.level, hashes),
                false => Seen::new(entry, Status::Unchecked),
            };
            if let Some(against) = reading.against {
                against.data(entry, &mut seen);
            }
            report.seen(seen);
        }
        let missing = toc.entries().filter(TocEntry::has_data).filter(|entry| !entry.denies_data());
        for entry in missing.filter(|entry| !came.contains(&entry.index())) {
            report.seen(Seen::new(entry, Status::Missing));
        }
        let denies = |entry: &TocEntry<'_>| !entry.has_data() || entry.denies_data();
        for entry in toc.entries().filter(denies).filter(|entry| !came.contains(&entry.index())) {
            if let Some(found) = places::not_there(entry) {
                report.denied(entry, found);
            }
        }
        whole
    }
}

/// Reads a pipe to its end, and tells of what follows the archive; behind damage that is no more
/// than its rest.
fn behind<T: FnMut(Event)>(
    stream: &mut ArchiveStream<Box<dyn Read + Send>>,
    whole: bool,
    report: &mut Report<T>,
) {
    match stream.drain() {
        // What a damaged archive ends with was told.
        Err(error) if whole => report.found(found_of(&error)),
        Ok(Some((at, len, is_toc))) if whole && len > 0 => {
            let (code, what) = match (stream.surplus(), is_toc) {
                (Some(_), _) => {
                    (Code::Behind, format!("another archive in the {len} bytes behind this one"))
                }
                (None, true) => {
                    let what = format!("a second table of contents of {len} bytes behind the data");
                    (Code::SecondToc, what)
                }
                (None, false) => (Code::Behind, format!("{len} bytes behind the archive")),
            };
            report.found(Found::new(code, what).at(at));
        }
        _ => {}
    }
}

fn is_table(entry: &TocEntry<'_>) -> bool {
    entry.desc() == crate::toc::Desc::TABLE_DATA
}

/// What is done with the data that is read, besides looking at it.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    /// It is compared with a manifest.
    against: Option<&'a Against<'a>>,
    /// Checksums are made of it.
    hashes: bool,
}

/// Where the blocks of entries are.
struct Places {
    blocks: HashMap<DumpId, (Option<u64>, u64)>,
    /// Whether all blocks are known.
    complete: bool,
}

impl Places {
    fn new(archive: &Archive, walked: &Walked) -> Places {
        let mut blocks = HashMap::new();
        for block in &walked.blocks {
            blocks.entry(block.dump_id).or_insert((block.offset, block.stored_len));
        }
        let complete = walked.errors.is_empty() && archive.damage().is_none();
        Places { blocks, complete }
    }

    fn start(&self, entry: TocEntry<'_>) -> Option<u64> {
        use crate::toc::DataOffset;
        let walked = self.blocks.get(&entry.dump_id()).and_then(|(start, _)| *start);
        walked.or(match entry.data_offset() {
            Some(DataOffset::At(offset)) => Some(offset),
            _ => None,
        })
    }

    fn stored(&self, entry: TocEntry<'_>) -> Option<u64> {
        self.blocks.get(&entry.dump_id()).map(|(_, len)| *len)
    }

    /// Whether there is no data of an entry, for all that the walk shows.
    fn is_lost(&self, entry: TocEntry<'_>) -> bool {
        self.complete && !self.blocks.contains_key(&entry.dump_id())
    }

    /// Adds to a wrong offset where the data is.
    fn amend(&self, entry: TocEntry<'_>, seen: &mut Seen) {
        let Some((Some(start), _)) = self.blocks.get(&entry.dump_id()) else { return };
        for found in seen.found.iter_mut().filter(|found| found.code == Code::WrongOffset) {
            found.finding.what +=
                &format!("; its data is at offset {start}, and reindex can mend it");
        }
    }
}

/// What was told so far.
struct Report<T> {
    tell: T,
    summary: Summary,
    told: u64,
    /// How many there were of each code.
    codes: HashMap<Code, u64>,
    book: Book,
}

impl<T: FnMut(Event)> Report<T> {
    fn found(&mut self, found: Found) {
        self.summary.count(&found);
        let of_code = self.codes.entry(found.code).or_default();
        *of_code += 1;
        if self.told < TOLD && *of_code <= TOLD_OF_CODE {
            self.told += 1;
            (self.tell)(Event::Found(found));
        }
    }

    fn seen(&mut self, mut seen: Seen) {
        self.book.take(&mut seen);
        for found in seen.found {
            self.found(found);
        }
        self.state(seen.state);
    }

    /// Takes a finding of an entry that says that it has no data.
    fn denied(&mut self, entry: TocEntry<'_>, found: Found) {
        if !entry.denies_data() {
            return self.found(found.in_entry(entry));
        }
        let mut seen = Seen::new(entry, Status::Ok);
        seen.add(entry, found);
        self.seen(seen);
    }

    fn state(&mut self, state: EntryState) {
        self.summary.add(&state);
        (self.tell)(Event::Entry(state));
    }

    /// Tells of how much data nothing shows a change.
    fn checksums(&mut self) {
        let Summary { raw, without_checksum, .. } = self.summary;
        if without_checksum > 0 {
            let what = format!("{without_checksum} of {raw} bytes of data have no checksum");
            self.found(Found::new(Code::NoChecksums, what));
        }
    }

    fn unchecked<'t>(&mut self, entries: impl Iterator<Item = TocEntry<'t>>) {
        for entry in entries.filter(TocEntry::has_data) {
            self.state(Seen::new(entry, Status::Unchecked).state);
        }
    }
}
