//! What can be had of each entry.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use super::blocks::{self, Places};
use super::contents::{self, Contents};
use super::frames::{self, Input, OfDamaged};
use super::header;
use super::linked::Linked;
use super::objects::{self, Choice};
use super::recovered;
use super::report::{How, Report, Saved};
use super::rows::{self, Form, Outcome};
use super::script;
use crate::archive::{Archive, LargeObjectsWriter, OpenOptions};
use crate::compression::Algorithm;
use crate::error::{Fault, Result};
use crate::finding::{Finding, Severity};
use crate::toc::{BlockKind, DataOffset, Desc, DumpId, Format, Toc, TocEntry};
use crate::version::Gate;

/// Takes what is left of an archive; see the [module](crate::salvage).
///
/// Making one reads all data once, to find out what can be had. Writing reads it again.
#[derive(Debug)]
pub struct Salvage {
    pub(super) archive: Archive,
    pub(super) report: Report,
    /// By place of the entry: its place in the report.
    pub(super) saved: HashMap<usize, usize>,
    pub(super) trusted: bool,
    pub(super) comments: bool,
    pub(super) format: Format,
    pub(super) compression: Algorithm,
    /// By place of the entry: those whose data is taken piece by piece, as some are damaged.
    pub(super) mended: HashSet<usize>,
    /// By place of the entry: those of which rows are taken that are stored anew behind the damage, and
    /// what there is without these.
    pub(super) linked: HashMap<usize, Saved>,
    /// By place of the entry: the rows of whole pieces, if they are others than what is reported.
    proved: HashMap<usize, Saved>,
    /// Where the blocks of a custom archive begin, sorted.
    starts: Vec<u64>,
    /// Data whose entry is lost, and whose table was guessed.
    guessed: HashSet<DumpId>,
    /// Large objects that no entry creates any more, sorted.
    pub(super) uncreated: Vec<u32>,
    /// Which large objects are taken, for the pass that writes.
    pub(super) choice: Choice,
    /// The OIDs of the large objects that have a file, once they were asked for.
    oids_of_files: OnceLock<Vec<u32>>,
}

impl Salvage {
    /// Opens an archive of which any part may be damaged: also a directory or tar whose `toc.dat` is
    /// lost, and a custom archive whose header is.
    ///
    /// # Errors
    ///
    /// Those of the operating system, and a file in which nothing is recognised.
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Archive> {
        let path = path.as_ref();
        let options = options.clone().damaged(true);
        match options.open(path) {
            Err(error) if path.is_dir() && !error.is_io() => {
                let archive = options.without_toc(path)?;
                match recovered::is_there_any(&archive)? {
                    false => Err(error),
                    true => Ok(archive),
                }
            }
            Err(error) if path.is_file() && !error.is_io() => {
                // A custom archive in a tar is none of its own.
                match options.damaged_tar(path)? {
                    Some(tar) => Ok(tar),
                    None => header::open(path, &options)?.ok_or(error),
                }
            }
            opened => opened,
        }
    }

    /// Looks at all data of an archive, which should be opened with
    /// [`OpenOptions::damaged`](crate::OpenOptions::damaged).
    ///
    /// # Errors
    ///
    /// Those of the operating system. Damage is part of the report.
    pub fn new(archive: &Archive) -> Result<Salvage> {
        let found = match archive.entries().len() {
            0 if archive.format() == Format::Tar => script::contents(archive)?,
            _ => None,
        };
        let Contents { toc, end, is_mended } = match found {
            Some(toc) => Contents { toc, end: 0, is_mended: false },
            None => contents::collect(archive)?,
        };
        let (toc, places, lost) = match archive.custom() {
            None => {
                let toc = recovered::with_objects(archive, toc)?;
                let lost = recovered::files(archive, &toc)?;
                (toc, Places::new(), lost)
            }
            Some(custom) => {
                let places = blocks::find(archive, custom, &toc, end);
                let start = |entry: TocEntry<'_>| places.get(&entry.dump_id()).map(|p| p.start);
                let lost = unknown(&toc, &places);
                (contents::with_offsets(&toc, start)?, places, lost)
            }
        };
        let mut placed = archive.with_toc(recovered::with_entries(toc, &lost)?);
        let mut toc_damage = archive.damage().map(Finding::from);
        if is_mended {
            let what = "some entries make no sense; they are mended, or left out";
            toc_damage.get_or_insert(Finding::new(Severity::Error, what));
        }
        if let Some(renewed) = header::as_compressed(&placed)? {
            let told = placed.header().compression.algorithm;
            let what = format!("the header says compression {told}, which the data has not");
            toc_damage.get_or_insert(Finding::new(Severity::Error, what));
            placed = renewed;
        }
        // Where a tar was cut, what is missing is told with its entry.
        if let (Format::Tar, Err(error)) = (archive.format(), archive.check_length())
            && !error.is_truncated()
        {
            toc_damage.get_or_insert((&error).into());
        }
        let (toc, guessed) = recovered::define(&placed, &lost)?;
        let toc_entries = toc.len() as u64;
        let mut starts: Vec<u64> = places.values().map(|place| place.start).collect();
        starts.sort_unstable();
        let mut salvage = Salvage {
            compression: placed.header().compression.algorithm,
            archive: placed.with_toc(toc),
            report: Report { entries: Vec::new(), toc_entries, toc_damage },
            saved: HashMap::new(),
            trusted: false,
            comments: true,
            format: archive.format(),
            mended: HashSet::new(),
            linked: HashMap::new(),
            proved: HashMap::new(),
            starts,
            guessed,
            uncreated: Vec::new(),
            choice: Choice::default(),
            oids_of_files: OnceLock::new(),
        };
        salvage.look(&places)?;
        Ok(salvage)
    }

    /// Whether only data is taken that is right for sure, as far as its compression can show that.
    /// Default false.
    #[must_use]
    pub fn trusted(mut self, trusted: bool) -> Self {
        self.trusted = trusted;
        for (index, at) in &self.saved {
            let saved = &mut self.report.entries[*at];
            if trusted && let Some(before) = self.linked.remove(index) {
                *saved = before;
            }
            if trusted && let Some(proved) = self.proved.remove(index) {
                *saved = proved;
                self.mended.insert(*index);
            }
            // Only the checksum at its end proves any row of gzip data in one piece.
            let unproved = self.compression == Algorithm::Gzip
                && saved.damage.is_some()
                && !self.mended.contains(index);
            let unknown = unproved || self.guessed.contains(&saved.dump_id);
            if trusted && (saved.suspect_from.is_some() || unknown) {
                (saved.is_kept, saved.rows, saved.large_objects) = (false, 0, 0);
            }
        }
        self
    }

    /// Whether tables that lost rows get a comment that says so. Default true.
    #[must_use]
    pub fn comments(mut self, comments: bool) -> Self {
        self.comments = comments;
        self
    }

    /// Sets the format of the new archive. The default is that of the damaged one.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// What can be had.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Finds out what can be had of each entry.
    fn look(&mut self, places: &Places) -> Result<()> {
        let gzip = self.compression == Algorithm::Gzip;
        let mut choice = Choice::default();
        for entry in self.archive.entries().filter(TocEntry::had_dumper) {
            let mut saved = Saved {
                dump_id: entry.dump_id(),
                name: entry.name(),
                how: How::Offset,
                rows: 0,
                left_out: 0,
                large_objects: 0,
                first_object: None,
                passed_over: 0,
                cut_objects: Vec::new(),
                damage: None,
                suspect_from: None,
                is_kept: true,
            };
            if self.archive.custom().is_some() {
                saved.how = places.get(&entry.dump_id()).map_or(How::Lost, |place| place.how);
            }
            if saved.how == How::Lost {
                if entry.data_kind() == BlockKind::LargeObjects || has_rows(entry) {
                    let what = "the data is not in the archive";
                    saved.damage = Some(Finding::new(Severity::Error, what));
                }
                saved.is_kept = false;
            } else {
                match entry.data_kind() {
                    BlockKind::Data => {
                        let outcome = self.rows_of(entry, |_| Ok(()))?;
                        let error = outcome.error.as_ref().map(Finding::from);
                        let rows = outcome.rows;
                        let lost = saved.clone();
                        judge(&mut saved, entry, outcome, gzip);
                        if error.is_some() {
                            let of_pieces = |outcome: Outcome, suspect_from| Saved {
                                rows: outcome.rows,
                                left_out: outcome.left_out,
                                damage: error.clone(),
                                is_kept: outcome.rows > 0,
                                suspect_from,
                                ..lost.clone()
                            };
                            let looked = self.look_at_pieces(entry, rows, of_pieces)?;
                            if let Some((mended, proved, proves)) = looked {
                                let is_more = mended.is_some();
                                self.mended.extend(is_more.then_some(entry.index()));
                                saved = mended.unwrap_or(saved);
                                // What a damaged piece gave before its end was not checked.
                                if is_more || proves || saved.suspect_from.is_some() {
                                    self.proved.insert(entry.index(), proved);
                                }
                            }
                            if let Some((outcome, suspect_from)) =
                                self.linked_rows_of(entry, |_| Ok(()))?
                                && outcome.rows > saved.rows
                            {
                                let before =
                                    std::mem::replace(&mut saved, of_pieces(outcome, suspect_from));
                                self.linked.insert(entry.index(), before);
                            }
                        }
                    }
                    BlockKind::LargeObjects => {
                        self.look_at_objects(entry, &mut saved, &mut choice)?;
                    }
                }
            }
            if self.guessed.contains(&entry.dump_id()) {
                let what = "the entry of the data is lost; its rows fit no other table";
                saved.damage.get_or_insert(Finding::new(Severity::Error, what));
            }
            self.saved.insert(entry.index(), self.report.entries.len());
            self.report.entries.push(saved);
        }
        self.choice = choice.next_pass();
        if choice.is_needed() {
            self.count_objects()?;
        }
        // A dump of data alone creates none.
        let uncreated = objects::uncreated(self.archive.toc(), &choice);
        let is_part = !uncreated.is_empty() && uncreated.len() < choice.met();
        let has_entries = self.archive.header().version.has(Gate::LargeObjectEntries);
        if is_part && has_entries {
            let what = "the entries of some large objects are missing";
            self.report.toc_damage.get_or_insert(Finding::new(Severity::Error, what));
        }
        if is_part || !has_entries || !self.report.is_whole() {
            self.uncreated = uncreated;
        }
        Ok(())
    }

    /// Finds out which large objects of an entry can be had.
    fn look_at_objects(
        &self,
        entry: TocEntry<'_>,
        saved: &mut Saved,
        choice: &mut Choice,
    ) -> Result<()> {
        self.objects_of(entry, saved, choice, None::<&mut LargeObjectsWriter<'_, io::Sink>>)?;
        // A tar has no place for no objects, and none can be told from a group that had none.
        let lacks_some = saved.damage.is_some() || saved.passed_over > 0;
        saved.is_kept = saved.large_objects > 0 || !lacks_some;
        Ok(())
    }

    /// Counts once more which large objects are taken, of those with one OID the chosen ones.
    fn count_objects(&mut self) -> Result<()> {
        let mut choice = self.choice.clone();
        for entry in self.archive.entries().filter(TocEntry::had_dumper) {
            let at = self.saved.get(&entry.index()).copied();
            let Some(saved) = at.and_then(|at| self.report.entries.get(at)) else { continue };
            if entry.data_kind() != BlockKind::LargeObjects || saved.how == How::Lost {
                continue;
            }
            let mut again = Saved {
                large_objects: 0,
                first_object: None,
                passed_over: 0,
                cut_objects: Vec::new(),
                damage: None,
                suspect_from: None,
                ..saved.clone()
            };
            self.look_at_objects(entry, &mut again, &mut choice)?;
            if again.passed_over > 0 {
                let what = "some large objects come more than once";
                again.damage.get_or_insert(Finding::new(Severity::Error, what));
            }
            if let Some(saved) = at.and_then(|at| self.report.entries.get_mut(at)) {
                *saved = again;
            }
        }
        self.choice = choice.next_pass();
        Ok(())
    }

    /// What can be had of damaged data piece by piece: if that is more than `rows`, which can be had
    /// otherwise; of whole pieces alone; and whether those have checksums.
    fn look_at_pieces(
        &self,
        entry: TocEntry<'_>,
        rows: u64,
        of_pieces: impl Fn(Outcome, Option<u64>) -> Saved,
    ) -> Result<Option<(Option<Saved>, Saved, bool)>> {
        let pieces = |of_damaged| self.mended_rows_of(entry, of_damaged, |_| Ok(()));
        let Some(all) = pieces(OfDamaged::Beginning)? else { return Ok(None) };
        let is_more = all.outcome.rows > rows;
        let mended = is_more.then(|| of_pieces(all.outcome, all.suspect_from));
        if all.has_parts {
            return Ok(Some((mended, of_pieces(Outcome::default(), None), false)));
        }
        let Some(whole) = pieces(OfDamaged::Nothing)? else { return Ok(None) };
        Ok(Some((mended, of_pieces(whole.outcome, None), whole.has_checksums)))
    }

    /// Gives the rows of an entry that can be had.
    pub(super) fn rows_of(
        &self,
        entry: TocEntry<'_>,
        keep: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Outcome> {
        let mut block = self.archive.block_of(entry)?;
        let mut data = match block.data() {
            Ok(data) => data,
            Err(error) => return Ok(Outcome { error: Some(error), ..Outcome::default() }),
        };
        data.be_lenient();
        let mut outcome = rows::rows(&mut data, &rows::form(entry), keep)?;
        if outcome.error.is_none() {
            outcome.error = data.complaints().into_iter().next();
        }
        Ok(outcome)
    }

    /// The same of data in pieces; `None` of other data.
    pub(super) fn mended_rows_of(
        &self,
        entry: TocEntry<'_>,
        of_damaged: OfDamaged,
        keep: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Option<OfPieces>> {
        let form = rows::form(entry);
        if !matches!(form, Form::Copy { .. }) {
            return Ok(None);
        }
        let data = frames::open(&self.archive, entry, of_damaged, self.end_of(entry));
        let Some(mut data) = data else { return Ok(None) };
        let outcome = rows::rows(&mut data, &form, keep)?;
        let (has_checksums, has_parts) = (data.has_checksums(), data.has_parts());
        let suspect_from = data.suspect_from();
        Ok(Some(OfPieces { outcome, has_checksums, has_parts, suspect_from }))
    }

    /// The same of lz4 data, behind damage, too; and the first row behind it. `None` of other data.
    pub(super) fn linked_rows_of(
        &self,
        entry: TocEntry<'_>,
        keep: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Option<(Outcome, Option<u64>)>> {
        let form = rows::form(entry);
        let input = Input::of(&self.archive, entry, self.end_of(entry));
        let (Form::Copy { .. }, Some((input, Algorithm::Lz4, _))) = (&form, input) else {
            return Ok(None);
        };
        let mut data = Linked::new(input);
        let outcome = rows::rows(&mut data, &form, keep)?;
        Ok(Some((outcome, data.suspect_from())))
    }

    /// Where the block of an entry ends at the latest, in a custom archive.
    fn end_of(&self, entry: TocEntry<'_>) -> u64 {
        let len = self.archive.custom().map_or(0, |custom| custom.source().len());
        let start = match entry.data_offset() {
            Some(DataOffset::At(start)) => start,
            _ => 0,
        };
        let next = self.starts.partition_point(|other| *other <= start);
        self.starts.get(next).copied().unwrap_or(len)
    }

    /// Reads the large objects of an entry, as far as they can be read, and writes them. Of those with
    /// one OID all but the chosen one are passed over: lists of several groups may claim the same.
    pub(super) fn objects_of<W: Write>(
        &self,
        entry: TocEntry<'_>,
        saved: &mut Saved,
        choice: &mut Choice,
        mut to: Option<&mut LargeObjectsWriter<'_, W>>,
    ) -> Result<()> {
        match self.archive.large_objects_of(entry) {
            Err(error) => saved.damage = Some((&error).into()),
            Ok(objects) => objects::take(objects, entry.index(), saved, choice, &mut to)?,
        }
        // There may be files that no list names any more.
        if saved.damage.is_some() || self.report.toc_damage.is_some() {
            let oids = self.loose_oids(entry, choice)?;
            if let Some(objects) = self.archive.loose_objects(entry, oids) {
                objects::take(objects, entry.index(), saved, choice, &mut to)?;
            }
        }
        Ok(())
    }

    /// The large objects of a directory that may be of an entry and are not among those seen.
    fn loose_oids(&self, entry: TocEntry<'_>, choice: &Choice) -> Result<Vec<u32>> {
        let tag = entry.tag().and_then(|tag| std::str::from_utf8(tag).ok()).unwrap_or_default();
        let (first, last) = tag.split_once("..").unwrap_or((tag, tag));
        let range = match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) => first..=last,
            _ => 1..=u32::MAX,
        };
        let all = match self.oids_of_files.get() {
            Some(all) => all,
            None => {
                let all = recovered::oids_of_files(&self.archive)?;
                self.oids_of_files.get_or_init(|| all)
            }
        };
        let from = all.partition_point(|oid| oid < range.start());
        let in_range = all[from..].iter().copied().take_while(|oid| range.contains(oid));
        Ok(in_range.filter(|oid| !choice.has_met(*oid)).collect())
    }
}

/// What came of data in pieces.
pub(super) struct OfPieces {
    outcome: Outcome,
    has_checksums: bool,
    has_parts: bool,
    suspect_from: Option<u64>,
}

/// Whether an entry must have data.
fn has_rows(entry: TocEntry<'_>) -> bool {
    entry.desc() == Desc::TABLE_DATA
}

/// What an outcome means for an entry.
fn judge(saved: &mut Saved, entry: TocEntry<'_>, outcome: Outcome, gzip: bool) {
    let Outcome { rows, left_out, first_left_out, error, is_marked } = outcome;
    (saved.rows, saved.left_out) = (rows, left_out);
    saved.damage = error.as_ref().map(Finding::from);
    if saved.damage.is_none() && left_out > 0 {
        let what = format!("{left_out} rows are damaged");
        saved.damage = Some(Finding::new(Severity::Error, what).in_entry(entry.name()));
    }
    let is_decoded = error.as_ref().is_some_and(|error| {
        // That bytes are missing, or follow, makes no row wrong.
        !error.is_truncated() && error.fault() != Some(Fault::EndMarker)
    });
    // What its checksum or length denies is wrong somewhere.
    let is_denied = error
        .as_ref()
        .is_some_and(|error| matches!(error.fault(), Some(Fault::Checksum | Fault::Length)));
    if (gzip && is_decoded) || is_denied {
        saved.suspect_from = Some(first_left_out.unwrap_or(1));
    } else if left_out > 0 {
        saved.suspect_from = first_left_out;
    }
    // A table that was empty stays one; of one that lost all rows it must not look like that.
    saved.is_kept = rows > 0 || (is_marked && left_out == 0) || saved.damage.is_none();
}

/// The blocks with rows that no entry has.
fn unknown(toc: &Toc, places: &Places) -> Vec<(DumpId, Option<u64>)> {
    let lost = places
        .iter()
        .filter(|(id, place)| place.kind == BlockKind::Data && toc.entry(**id).is_none());
    let mut lost: Vec<_> = lost.map(|(id, place)| (*id, Some(place.start))).collect();
    lost.sort_unstable();
    lost
}
