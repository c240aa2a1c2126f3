//! The data of one entry read to its end.

use std::io::{self, BufRead, Read};

use super::Level;
use super::code::Code;
use super::objects;
use super::report::{Checksums, EntryState, Found, Status};
use super::rows;
use crate::archive::{Block, EntryData};
use crate::compression::Algorithm;
use crate::error::{Error, ErrorKind, Fault};
use crate::finding::Severity;
use crate::manifest::{DataHash, Digest, ObjectsHash};
use crate::toc::{BlockKind, TocEntry};
use crate::types::Definitions;

/// Findings of one code in one entry that are told one by one.
const TOLD: u64 = 20;

/// What was seen of an entry: its state, and the findings.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) state: EntryState,
    pub(super) found: Vec<Found>,
    /// Length and checksum of its decompressed data, if they were asked for and it was whole.
    pub(super) hash: Option<(u64, Digest)>,
    /// The checksums of its large objects, if they were asked for.
    pub(super) objects: ObjectsHash,
    /// How often each code came, with the place of the last that is told.
    counts: Vec<(Code, u64, usize)>,
}

impl Seen {
    pub(super) fn new(entry: TocEntry<'_>, status: Status) -> Seen {
        let state = EntryState {
            dump_id: entry.dump_id(),
            index: entry.index(),
            status,
            stored: None,
            raw: None,
            rows: None,
            large_objects: None,
            checksums: Checksums::None,
        };
        Seen {
            state,
            found: Vec::new(),
            hash: None,
            objects: ObjectsHash::new(),
            counts: Vec::new(),
        }
    }

    /// Takes a finding, and makes the status as bad as that says.
    pub(super) fn add(&mut self, entry: TocEntry<'_>, found: Found) {
        if found.finding.severity > Severity::Note {
            self.state.status = self.state.status.max(status_of(found.code));
        }
        let found = found.in_entry(entry);
        match self.counts.iter_mut().find(|(code, _, _)| *code == found.code) {
            Some((_, count, last)) if *count >= TOLD => {
                *count += 1;
                self.found[*last].more += 1;
            }
            Some((_, count, last)) => {
                *count += 1;
                *last = self.found.len();
                self.found.push(found);
            }
            None => {
                self.counts.push((found.code, 1, self.found.len()));
                self.found.push(found);
            }
        }
    }

    fn has(&self, code: Code) -> bool {
        self.counts.iter().any(|(counted, _, _)| *counted == code)
    }

    /// Takes an error of reading.
    pub(super) fn fail(&mut self, entry: TocEntry<'_>, error: &Error, decoded: u64) {
        let mut found = found_of(error);
        if !matches!(found.code, Code::NoBlock | Code::WrongOffset | Code::Member) {
            found.decoded_offset.get_or_insert(decoded);
        }
        self.add(entry, found);
    }
}

/// How bad a finding leaves the data of its entry.
fn status_of(code: Code) -> Status {
    match code {
        Code::NoBlock | Code::NoData | Code::Member => Status::Missing,
        Code::EmptyMember | Code::Tar => Status::Missing,
        Code::Cut | Code::DataCut => Status::Cut,
        Code::FieldCount | Code::InvalidRow | Code::Columns | Code::Value => Status::Suspect,
        Code::Insert | Code::BytesBehindData | Code::MemberTwice => Status::Suspect,
        Code::NotChecked => Status::Unchecked,
        _ => Status::Damaged,
    }
}

/// The finding that an error of reading is.
pub(super) fn found_of(error: &Error) -> Found {
    let code = match (error.fault(), error.kind()) {
        (Some(fault), _) => match fault {
            Fault::Checksum => Code::Checksum,
            Fault::Length => Code::Length,
            Fault::DataCut => Code::DataCut,
            Fault::Nothing => Code::EmptyMember,
            Fault::BytesBehind => Code::BytesBehindData,
            Fault::FrameWithinChunk => Code::FrameWithinChunk,
            Fault::EndMarker => Code::EndMarker,
            Fault::LargeObjects => Code::LargeObjects,
            Fault::ObjectList => Code::ObjectList,
            Fault::Offset => Code::WrongOffset,
            Fault::NoBlock => Code::NoBlock,
            Fault::Framing => Code::Framing,
            Fault::Tar => Code::Tar,
            Fault::Member => Code::Member,
            Fault::Header => Code::TocDamaged,
        },
        (None, ErrorKind::Io(_)) => Code::Unreadable,
        (None, ErrorKind::Truncated { .. }) => Code::Cut,
        (None, ErrorKind::NotFound { .. } | ErrorKind::NotAllowed { .. }) => Code::Member,
        (None, ErrorKind::NotAnArchive(_)) => Code::Member,
        (None, ErrorKind::Limit { knob: "zstd_window_log", .. }) => Code::ZstdWindow,
        (None, ErrorKind::Limit { .. }) => Code::NotChecked,
        (None, ErrorKind::UnsupportedCompression(_) | ErrorKind::NotEnabled(_)) => Code::NotChecked,
        (None, ErrorKind::Row { .. }) => Code::InvalidRow,
        (None, _) => Code::Data,
    };
    let mut found = Found::of(code, error.into());
    found.finding.severity = code.severity();
    if let ErrorKind::Row { row, byte, what } = error.kind() {
        (found.row, found.decoded_offset) = (Some(*row), Some(*byte));
        found.finding.what = format!("row {row}: {what}");
    }
    found
}

/// Reads the data of a block to its end, and looks at all of it. `hashes`: whether checksums are
/// made of it.
pub(super) fn check(
    block: &mut Block<'_>,
    entry: TocEntry<'_>,
    definitions: &Definitions<'_>,
    level: Level,
    hashes: bool,
) -> Seen {
    let mut seen = Seen::new(entry, Status::Ok);
    if entry.toc().header().compression.algorithm == Algorithm::Gzip {
        seen.state.checksums = Checksums::Stream;
    }
    match block.kind() {
        BlockKind::LargeObjects => objects::check(block, entry, hashes, &mut seen),
        BlockKind::Data => match block.data() {
            Err(error) => seen.fail(entry, &error, 0),
            Ok(mut data) => {
                data.be_lenient();
                if level < Level::Rows && !hashes {
                    data.stay_on_this_thread();
                }
                let mut data = Counted::new(data, hashes);
                match level {
                    Level::Rows => rows::check(data, entry, definitions, &mut seen),
                    _ => {
                        let error = data.drain().err();
                        ended(data, error, entry, &mut seen);
                    }
                }
            }
        },
    }
    seen
}

/// At the end of data, however that came: the error, or what the data itself complains of.
pub(super) fn ended(
    data: Counted<EntryData<'_>>,
    error: Option<io::Error>,
    entry: TocEntry<'_>,
    seen: &mut Seen,
) {
    let Counted { inner, count, hash } = data;
    seen.state.raw = Some(count);
    if error.is_none() {
        seen.hash = hash.map(DataHash::finish);
    }
    match error {
        Some(error) => seen.fail(entry, &error.into(), count),
        None => {
            for complaint in inner.complaints() {
                // A row may have said so.
                if complaint.fault() != Some(Fault::EndMarker) || !seen.has(Code::EndMarker) {
                    seen.fail(entry, &complaint, count);
                }
            }
        }
    }
}

/// A reader that counts what it gave, and makes a checksum of it if that is wanted.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    count: u64,
    hash: Option<DataHash>,
}

impl<R: BufRead> Counted<R> {
    pub(super) fn new(inner: R, hashes: bool) -> Self {
        Counted { inner, count: 0, hash: hashes.then(DataHash::new) }
    }

    /// Reads to the end.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        loop {
            match self.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(bytes) => {
                    let n = bytes.len();
                    self.consume(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn into_inner(self) -> (R, u64, Option<DataHash>) {
        (self.inner, self.count, self.hash)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        if let Some(hash) = &mut self.hash
            && n > 0
            && let Ok(bytes) = self.inner.fill_buf()
        {
            hash.update(&bytes[..n.min(bytes.len())]);
        }
        self.count += n as u64;
        self.inner.consume(n);
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buf[..n]);
        }
        self.count += n as u64;
        Ok(n)
    }
}
