//! An archive that comes through a pipe, read once from front to back.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use super::block::{AnyBlock, Block};
use super::data::EntryData;
use super::expected::Expected;
use super::large_objects::LargeObject;
use super::piece::StoredPiece;
use super::read_toc::{TocOptions, TocRead, read_toc};
use super::stored::Stored;
use super::stored_check::has_end_marker;
use crate::compress::{Algorithm, Contexts, Framing};
use crate::error::{EntryName, Error, ErrorKind, Result};
use crate::format::custom::{BlockStream, UNKNOWN_START};
use crate::format::detect;
use crate::format::names;
use crate::format::tar::{AtToc, MemberBlock, TarStream};
use crate::limits::Limits;
use crate::source::{OnRead, Peek, Pipe, Positioned};
use crate::toc::{BlockKind, DumpId, Format, Oid, Toc, TocEntry};

/// A custom or tar archive that is read from front to back, from a pipe or any other reader.
///
/// What was compressed as a whole is decompressed by [`OpenOptions::input`](crate::OpenOptions::input)
/// and [`Candidate`](crate::read::Candidate) alone.
///
/// [`next_block`](Self::next_block) lends one block at a time, in the order in which pg_dump wrote
/// them, and skips the unread rest of the block before.
///
/// ```
/// use std::fs::File;
/// use std::io::Read;
///
/// let file = File::open("fixtures/pg17/small-custom.dump")?;
/// let mut archive = pgdmp::ArchiveStream::new(file)?;
/// while let Some(mut block) = archive.next_block()? {
///     if block.entry().is_some_and(|entry| entry.tag() == Some(b"town")) {
///         let mut rows = String::new();
///         block.data()?.read_to_string(&mut rows)?;
///     }
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub struct ArchiveStream<R> {
    format: Format,
    toc: Arc<Toc>,
    pub(super) body: Body<R>,
    contexts: Arc<Contexts>,
    limits: Limits,
    pub(super) done: bool,
    damage: Option<Error>,
    last_len: Option<u64>,
    /// Entries whose data did not come yet; made for the first block.
    pub(super) awaited: Option<HashSet<DumpId>>,
    /// The entry of the last block.
    pub(super) current: Option<DumpId>,
    /// Whether the reader knows only at its end that all it gave was right.
    proves_late: bool,
    /// A block that is to come again.
    put_back: Option<(DumpId, BlockKind, Option<u32>)>,
}

pub(super) enum Body<R> {
    Blocks(Box<BlockStream<R>>),
    Members(Box<TarStream<R>>),
}

/// One block of an [`ArchiveStream`].
struct StreamBlock<'a, R> {
    stream: &'a mut ArchiveStream<R>,
    dump_id: DumpId,
    kind: BlockKind,
    /// The first large object of a tar, which had to be seen to know that they begin.
    first: Option<u32>,
    finished: bool,
    expected: Expected,
    /// What was found at the end and is no error.
    complaints: Option<Vec<Error>>,
}

impl<R: Read + Send> ArchiveStream<R> {
    pub(super) fn open(
        reader: R,
        options: TocOptions,
        on_read: Option<OnRead>,
        contexts: Arc<Contexts>,
    ) -> Result<Self> {
        let mut pipe = Pipe::watched(reader, on_read);
        let Some(format) = detect::format(pipe.peek(detect::LEN)?) else {
            let what = detect::recognise(pipe.peek(detect::WINDOW)?);
            return Err(Error::new(ErrorKind::NotAnArchive(what)));
        };
        let (toc, body, damage) = match format {
            Format::Custom => {
                let TocRead { toc, start, damage } = read_toc(&mut pipe, format, options)?;
                let toc_len = pipe.position() - start;
                let blocks = BlockStream::new(pipe, &toc, toc_len);
                (toc, Body::Blocks(Box::new(blocks)), damage)
            }
            _ => {
                let in_member = |error: Error| error.in_member(names::TOC);
                let mut at = AtToc::find(pipe)?;
                let read = read_toc(at.toc(), format, options).map_err(in_member)?;
                let members = at.members(&read.toc);
                (read.toc, Body::Members(Box::new(members)), read.damage.map(in_member))
            }
        };
        let toc = Arc::new(toc);
        Ok(ArchiveStream {
            format,
            toc,
            body,
            contexts,
            limits: options.limits,
            done: false,
            damage,
            last_len: None,
            awaited: None,
            current: None,
            proves_late: false,
            put_back: None,
        })
    }

    /// For a reader that knows only at its end that all it gave was right, as the decoder of a file
    /// with a checksum behind it: reads to that end before it says that there are no more blocks.
    pub(super) fn proved_late(self) -> Self {
        ArchiveStream { proves_late: true, ..self }
    }

    /// The format of the archive.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Header and table of contents.
    pub fn toc(&self) -> &Toc {
        &self.toc
    }

    /// The table of contents, shared, so that it can be used while blocks are read.
    pub fn shared_toc(&self) -> Arc<Toc> {
        Arc::clone(&self.toc)
    }

    /// The damage of the table of contents, if there is any; see
    /// [`Archive::damage`](super::Archive::damage). A damaged custom archive has no blocks, which
    /// is an error.
    pub fn damage(&self) -> Option<&Error> {
        self.damage.as_ref()
    }

    /// Number of bytes of the stream that were consumed.
    pub fn position(&self) -> u64 {
        match &self.body {
            Body::Blocks(blocks) => blocks.position(),
            Body::Members(members) => members.position(),
        }
    }

    /// The next block, of any entry; `None` after the last.
    ///
    /// # Errors
    ///
    /// Damage of the archive, errors of reading, and at the end, an entry whose data did not come.
    /// After an error there are no blocks.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>> {
        if self.done {
            return Ok(None);
        }
        if let Some((dump_id, kind, first)) = self.put_back.take() {
            return Ok(Some(StreamBlock::lent(self, (dump_id, kind, first))));
        }
        self.done = true;
        if self.damage.is_some() && self.format == Format::Custom {
            return Err(Error::malformed(UNKNOWN_START).at(self.position()));
        }
        let toc = &self.toc;
        // Where the archive says that there is no data, a block may come all the same, or may not.
        let expected = |entry: &TocEntry<'_>| entry.has_data() && !entry.denies_data();
        let with_data = || toc.entries().filter(expected).map(|entry| entry.dump_id());
        let awaited = self.awaited.get_or_insert_with(|| with_data().collect());
        let found = match &mut self.body {
            Body::Blocks(blocks) => {
                self.last_len = blocks.finish_block()?;
                let header = match awaited.is_empty() {
                    true => blocks.next_behind_all(toc)?,
                    false => blocks.next_block()?,
                };
                header.map(|header| (header.dump_id, header.kind, None))
            }
            Body::Members(members) => {
                self.last_len = members.finish_block()?;
                match members.next_block(awaited) {
                    // Behind all data nothing matters that is not a member of it.
                    Err(error) if awaited.is_empty() && !error.is_io() => None,
                    found => {
                        found?.map(|MemberBlock { dump_id, kind, first }| (dump_id, kind, first))
                    }
                }
            }
        };
        let Some((dump_id, kind, first)) = found else {
            // The first in the order of the archive, for the message.
            return match toc.entries().find(|entry| awaited.contains(&entry.dump_id())) {
                Some(missing) => {
                    Err(Error::malformed("the archive ends before the end of the entry's data")
                        .at(self.position())
                        .in_entry(|| missing.name()))
                }
                None if self.proves_late => {
                    match &mut self.body {
                        Body::Blocks(blocks) => blocks.read_to_end()?,
                        Body::Members(members) => members.read_to_end()?,
                    }
                    Ok(None)
                }
                None => Ok(None),
            };
        };
        self.current = Some(dump_id);
        if kind == BlockKind::Data || self.format == Format::Custom {
            awaited.remove(&dump_id);
        }
        self.done = false;
        Ok(Some(StreamBlock::lent(self, (dump_id, kind, first))))
    }

    /// The next large object of the block that was begun. `first`: the one whose member's header
    /// had to be read to see that they begin.
    fn next_large_object(
        &mut self,
        first: &mut Option<u32>,
        name: EntryName,
        expected: &mut Expected,
        complaints: &mut Option<Vec<Error>>,
    ) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        let next = match &mut self.body {
            Body::Blocks(blocks) => blocks.next_object(),
            Body::Members(members) => match first.take() {
                Some(oid) => Ok(Some(oid)),
                None => members.next_object(),
            },
        };
        let Some(oid) = next.map_err(|error| error.in_entry(|| name.clone()))? else {
            self.finish_objects(expected, &name, complaints)?;
            return Ok(None);
        };
        expected.meet(oid);
        let (stored, algorithm) = match &mut self.body {
            Body::Blocks(blocks) => {
                (Stored::Lent(blocks.chunks()), self.toc.header().compression.algorithm)
            }
            Body::Members(members) => (Stored::Lent(members.member()), Algorithm::None),
        };
        Ok(Some((Oid(oid), StoredPiece::chunks(stored, algorithm, name, false))))
    }

    /// At the end of a block of large objects: whether all of them came.
    fn finish_objects(
        &self,
        expected: &Expected,
        name: &EntryName,
        complaints: &mut Option<Vec<Error>>,
    ) -> Result<()> {
        let listed = match &self.body {
            Body::Members(members) => members.check_list(),
            Body::Blocks(_) => Ok(()),
        };
        match (listed.map_err(|error| error.in_entry(|| name.clone())), &mut *complaints) {
            (Err(error), Some(complaints)) => complaints.push(error),
            (listed, _) => listed?,
        }
        expected.finish(name, complaints)
    }

    /// The length in bytes of the block before the current one: in a custom archive with its
    /// framing, in a tar the sizes of its members. `None` before there was one.
    pub fn last_block_len(&self) -> Option<u64> {
        self.last_len
    }

    pub(crate) fn contexts(&self) -> &Arc<Contexts> {
        &self.contexts
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl<R: Read + Send> AnyBlock for StreamBlock<'_, R> {
    fn be_lenient(&mut self) {
        self.complaints = Some(Vec::new());
    }

    fn complaints(&mut self) -> Vec<Error> {
        self.complaints.take().unwrap_or_default()
    }

    fn dump_id(&self) -> DumpId {
        self.dump_id
    }

    fn kind(&self) -> BlockKind {
        self.kind
    }

    fn entry(&self) -> Option<TocEntry<'_>> {
        self.stream.toc.entry(self.dump_id)
    }

    fn data(&mut self) -> Result<EntryData<'_>> {
        let (contexts, limits) = (Arc::clone(&self.stream.contexts), self.stream.limits);
        self.piece()?.decode(&contexts, &limits)
    }

    fn piece(&mut self) -> Result<StoredPiece<'_>> {
        let name = self.name();
        if self.kind != BlockKind::Data {
            return Err(
                Error::usage("the block has large objects; read them one by one").in_entry(|| name)
            );
        }
        let algorithm = self.stream.toc.header().compression.algorithm;
        let marked = self.entry().is_some_and(|entry| has_end_marker(&entry));
        Ok(match &mut self.stream.body {
            Body::Blocks(blocks) => {
                StoredPiece::chunks(Stored::Lent(blocks.chunks()), algorithm, name, marked)
            }
            Body::Members(members) => {
                let algorithm = members.algorithm();
                let stored = Stored::Lent(members.member());
                let mut piece = StoredPiece::chunks(stored, algorithm, name, marked);
                piece.framing = Framing::File;
                piece
            }
        })
    }

    fn next_object(&mut self) -> Result<Option<LargeObject<'_>>> {
        if !self.begin_search()? {
            return Ok(None);
        }
        let (contexts, limits) = (Arc::clone(&self.stream.contexts), self.stream.limits);
        let name = self.name();
        let StreamBlock { stream, first, finished, expected, complaints, .. } = self;
        let next = stream.next_large_object(first, name, expected, complaints)?;
        let Some((oid, piece)) = next else { return Ok(None) };
        let mut data = piece.decode(&contexts, &limits)?;
        if complaints.is_some() {
            data.be_lenient();
        }
        *finished = false;
        Ok(Some(LargeObject::new(oid.0, data)))
    }

    fn next_piece(&mut self) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        if !self.begin_search()? {
            return Ok(None);
        }
        let name = self.name();
        let StreamBlock { stream, first, finished, expected, complaints, .. } = self;
        let piece = stream.next_large_object(first, name, expected, complaints)?;
        *finished = piece.is_none();
        Ok(piece)
    }

    fn put_back(self: Box<Self>) {
        let StreamBlock { stream, dump_id, kind, first, .. } = *self;
        stream.put_back = Some((dump_id, kind, first));
    }
}

impl<'a, R: Read + Send> StreamBlock<'a, R> {
    fn lent(
        stream: &'a mut ArchiveStream<R>,
        (dump_id, kind, first): (DumpId, BlockKind, Option<u32>),
    ) -> Block<'a> {
        let entry = stream.toc.entry(dump_id).filter(|_| kind == BlockKind::LargeObjects);
        let expected = entry.map(Expected::new).unwrap_or_default();
        let (finished, complaints) = (false, None);
        Block::new(StreamBlock { stream, dump_id, kind, first, finished, expected, complaints })
    }

    /// Until an object can be read, whatever ends the search ends all. `false`: it has ended.
    fn begin_search(&mut self) -> Result<bool> {
        if self.kind != BlockKind::LargeObjects {
            let error = Error::usage("the block has no large objects");
            return Err(error.in_entry(|| self.name()));
        }
        Ok(!std::mem::replace(&mut self.finished, true))
    }

    fn name(&self) -> EntryName {
        self.entry().map_or_else(
            || EntryName { dump_id: self.dump_id.0, name: String::new() },
            |entry| entry.name(),
        )
    }
}

impl<R> fmt::Debug for ArchiveStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveStream")
            .field("format", &self.format)
            .field("toc", &self.toc)
            .finish_non_exhaustive()
    }
}
