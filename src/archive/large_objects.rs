//! The large objects of an entry, one after another.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use super::data::EntryData;
use super::expected::Expected;
use super::piece::StoredPiece;
use super::stored::Stored;
use crate::compress::{Algorithm, Contexts, Framing, PieceReader};
use crate::error::{EntryName, Error, ErrorKind, Fault, Result};
use crate::format::block::{self, ChunkReader};
use crate::format::members::{Member, MemberStore};
use crate::format::names;
use crate::limits::Limits;
use crate::source::SourceReader;
use crate::toc::{Oid, TocEntry};

/// What is needed to decompress.
#[derive(Debug, Clone)]
pub(super) struct Decoding {
    pub(super) algorithm: Algorithm,
    pub(super) contexts: Arc<Contexts>,
    pub(super) limits: Limits,
}

impl Decoding {
    pub(super) fn member<'a>(&self, member: &Member) -> Result<PieceReader<Stored<'a>>> {
        let stored = Stored::Member(member.reader());
        PieceReader::new(stored, member.algorithm, Framing::File, &self.limits, &self.contexts)
    }
}

/// A reader of the large objects of an entry, in the order of the archive.
///
/// [`next_object`](Self::next_object) lends one large object at a time and skips the unread rest of
/// the one before. After an error there are no more objects. The reader owns what it needs and may
/// outlive the archive.
///
/// ```
/// use std::io::Read;
/// use pgdmp::{Archive, BlockKind};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// for entry in archive.entries().filter(|entry| entry.has_data()) {
///     if entry.data_kind() == BlockKind::LargeObjects {
///         let mut objects = archive.large_objects(entry.dump_id())?;
///         while let Some(mut object) = objects.next_object()? {
///             let mut bytes = Vec::new();
///             object.read_to_end(&mut bytes)?;
///             println!("{}: {} bytes", object.oid(), bytes.len());
///         }
///     }
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct LargeObjects {
    place: Place,
    decoding: Decoding,
    entry: EntryName,
    expected: Expected,
    done: bool,
    /// What was found at the end and is no error.
    complaints: Option<Vec<Error>>,
    /// Whether large objects that cannot be opened are passed over.
    goes_on: bool,
}

/// Of large objects that cannot be opened, the first few are told.
const TOLD: usize = 20;

#[derive(Debug)]
enum Place {
    /// A block: chunks behind each OID.
    Block(ChunkReader<SourceReader>),
    /// A list of files.
    Files { store: Arc<MemberStore>, list: LargeObjectList, line: Vec<u8> },
    /// Files whose list is lost.
    Loose { store: Arc<MemberStore>, oids: std::vec::IntoIter<u32> },
}

/// A list of files.
#[derive(Debug)]
pub(super) struct LargeObjectList {
    name: String,
    data: Box<EntryData<'static>>,
    count: u32,
    limit: u32,
}

impl LargeObjectList {
    pub(super) fn new(list: Member, decoding: &Decoding, entry: EntryName) -> Result<Self> {
        let decoder = decoding.member(&list)?;
        let data = Box::new(EntryData::new(decoder, entry, Some(list.name.clone()), false));
        let limit = decoding.limits.large_objects;
        Ok(LargeObjectList { name: list.name, data, count: 0, limit })
    }

    /// The next OID; the name of its file goes into `name`.
    pub(super) fn next(&mut self, name: &mut Vec<u8>) -> Result<Option<u32>> {
        let oid = names::next_large_object(&mut self.data, name)
            .map_err(|error| error.in_member(&self.name))?;
        if oid.is_some() {
            if self.count >= self.limit {
                return Err(Error::new(ErrorKind::Limit {
                    what: "large objects of one list",
                    limit: u64::from(self.limit),
                    knob: "large_objects",
                })
                .in_member(&self.name));
            }
            self.count += 1;
        }
        Ok(oid)
    }
}

/// A reader of the bytes of one large object.
///
/// See the example of [`LargeObjects`].
#[derive(Debug)]
pub struct LargeObject<'a> {
    oid: Oid,
    data: EntryData<'a>,
}

impl LargeObjects {
    pub(super) fn of_block(
        chunks: ChunkReader<SourceReader>,
        decoding: Decoding,
        entry: TocEntry<'_>,
    ) -> Self {
        LargeObjects::new(Place::Block(chunks), decoding, entry)
    }

    fn new(place: Place, decoding: Decoding, entry: TocEntry<'_>) -> Self {
        let expected = Expected::new(entry);
        let entry = entry.name();
        let (done, complaints, goes_on) = (false, None, false);
        LargeObjects { place, decoding, entry, expected, done, complaints, goes_on }
    }

    /// `list` is the name of the member that lists them.
    pub(super) fn of_files(
        store: Arc<MemberStore>,
        list: &[u8],
        decoding: Decoding,
        entry: TocEntry<'_>,
    ) -> Result<Self> {
        let list = LargeObjectList::new(store.open(list)?, &decoding, entry.name())?;
        let place = Place::Files { store, list, line: Vec::new() };
        Ok(LargeObjects::new(place, decoding, entry))
    }

    /// Of files whose list is lost.
    pub(super) fn of_loose_files(
        store: Arc<MemberStore>,
        oids: Vec<u32>,
        decoding: Decoding,
        entry: TocEntry<'_>,
    ) -> Self {
        let place = Place::Loose { store, oids: oids.into_iter() };
        LargeObjects { expected: Expected::default(), ..LargeObjects::new(place, decoding, entry) }
    }

    /// Makes of what pg_restore passes over a [complaint](Self::complaints) instead of an error.
    pub(crate) fn be_lenient(&mut self) {
        self.complaints = Some(Vec::new());
    }

    /// Makes of files that cannot be opened, and of lines of a list that cannot be read, a complaint,
    /// and goes on with those behind them. pg_restore ends there.
    pub(crate) fn go_on(&mut self) {
        self.be_lenient();
        self.goes_on = true;
    }

    /// What is wrong with large objects that were read to their end.
    pub(crate) fn complaints(self) -> Vec<Error> {
        self.complaints.unwrap_or_default()
    }

    /// The next large object; `None` after the last.
    ///
    /// # Errors
    ///
    /// Damage of the archive, and at the end, large objects of the table of contents that did not
    /// come or came twice.
    pub fn next_object(&mut self) -> Result<Option<LargeObject<'_>>> {
        if self.done {
            return Ok(None);
        }
        // Until an object can be read, whatever ends the search ends all.
        self.done = true;
        let LargeObjects { place, decoding, entry, expected, done, complaints, goes_on } = self;
        let lost = complaints.as_mut().filter(|_| *goes_on);
        let Some((oid, piece)) = place.next_piece(decoding, entry, lost)? else {
            expected.finish(entry, complaints)?;
            return Ok(None);
        };
        expected.meet(oid.0);
        let mut data = piece.decode(&decoding.contexts, &decoding.limits)?;
        if complaints.is_some() {
            data.be_lenient();
        }
        *done = false;
        Ok(Some(LargeObject { oid, data }))
    }

    /// The stored bytes of the next large object; `None` after the last.
    pub(crate) fn next_piece(&mut self) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        if self.done {
            return Ok(None);
        }
        self.done = true;
        let LargeObjects { place, decoding, entry, expected, done, complaints, goes_on } = self;
        let lost = complaints.as_mut().filter(|_| *goes_on);
        let piece = place.next_piece(decoding, entry, lost)?;
        match &piece {
            Some((oid, _)) => expected.meet(oid.0),
            None => expected.finish(entry, complaints)?,
        }
        *done = piece.is_none();
        Ok(piece)
    }
}

impl Place {
    /// `lost`: where to tell of those that are passed over.
    fn next_piece(
        &mut self,
        decoding: &Decoding,
        entry: &EntryName,
        mut lost: Option<&mut Vec<Error>>,
    ) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        let named = |error: Error| error.in_entry(|| entry.clone());
        let mut pass_over = |error: Error| match &mut lost {
            Some(lost) => {
                lost.extend((lost.len() < TOLD).then(|| named(error)));
                Ok(())
            }
            None => Err(named(error)),
        };
        let (oid, piece) = match self {
            Place::Block(chunks) => {
                let Some(oid) = block::begin_object(chunks).map_err(named)? else {
                    return Ok(None);
                };
                let stored = Stored::Lent(chunks);
                (oid, StoredPiece::chunks(stored, decoding.algorithm, entry.clone(), false))
            }
            Place::Files { store, list, line } => loop {
                let oid = match list.next(line) {
                    Ok(Some(oid)) => oid,
                    Ok(None) => return Ok(None),
                    // The line was read, and the next one may be whole.
                    Err(error) if error.fault() == Some(Fault::ObjectList) => {
                        pass_over(error)?;
                        continue;
                    }
                    Err(error) => return Err(named(error)),
                };
                match store.open(line) {
                    Ok(member) => break (oid, StoredPiece::member(member, entry.clone(), false)),
                    Err(error) => pass_over(error)?,
                }
            },
            Place::Loose { store, oids } => loop {
                let Some(oid) = oids.next() else { return Ok(None) };
                match store.open(names::object_name(oid).as_bytes()) {
                    Ok(member) => break (oid, StoredPiece::member(member, entry.clone(), false)),
                    Err(error) => pass_over(error)?,
                }
            },
        };
        Ok(Some((Oid(oid), piece)))
    }
}

impl<'a> LargeObject<'a> {
    pub(super) fn new(oid: u32, data: EntryData<'a>) -> Self {
        LargeObject { oid: Oid(oid), data }
    }

    /// What is wrong with it, if it was read to its end.
    pub(crate) fn complaints(self) -> Vec<Error> {
        self.data.complaints()
    }

    /// The OID of the large object.
    pub fn oid(&self) -> Oid {
        self.oid
    }

    /// Writes the rest of the large object to `output`, and returns its length in bytes.
    pub fn copy_to(&mut self, output: impl Write) -> Result<u64> {
        self.data.copy_to(output)
    }
}

impl Read for LargeObject<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.data.read(buf)
    }
}

impl BufRead for LargeObject<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.data.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.data.consume(n);
    }
}
