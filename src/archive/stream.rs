//! An archive that comes through a pipe, read once from front to back.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::data::EntryData;
use super::large_objects::{LargeObject, begin_object};
use super::open::{OpenOptions, read_toc};
use super::stored::{Positioned, Stored, StoredPiece};
use crate::compress::{Algorithm, Contexts};
use crate::error::{EntryName, Error, ErrorKind, NotAnArchive, Result};
use crate::format::block::{BlockHeader, BlockKind, BlockStart, ChunkReader};
use crate::format::custom::skip_block;
use crate::format::detect;
use crate::format::directory;
use crate::format::tar;
use crate::limits::Limits;
use crate::source::{Input, Pipe};
use crate::toc::{Desc, DumpId, Format, Oid, Statements, Toc, TocEntry};
use crate::version::Gate;

/// A custom or tar archive in anything that can be read, front to back.
///
/// [`next_block`](Self::next_block) lends one block at a time, in the order in which pg_dump
/// wrote them; what was not read of it is skipped.
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
    body: Body<R>,
    contexts: Arc<Contexts>,
    limits: Limits,
    done: bool,
    last_len: Option<u64>,
    /// Entries whose data did not come yet; made for the first block.
    awaited: Option<HashSet<DumpId>>,
}

enum Body<R> {
    Blocks {
        chunks: ChunkReader<Pipe<R>>,
        /// The kind of a block that was begun and not finished.
        begun: Option<BlockKind>,
        /// Where the last block began.
        start: u64,
    },
    Members {
        member: MemberReader<R>,
        /// The next member's header, when one had to be read to see that large objects ended.
        ahead: Option<tar::TarHeader>,
        /// Whether large objects were begun, and may not all have been read.
        begun: bool,
        /// Size of the last block's members.
        bytes: u64,
        owners: MemberOwners,
    },
}

/// One block of an [`ArchiveStream`].
#[derive(Debug)]
pub struct StreamBlock<'a, R> {
    stream: &'a mut ArchiveStream<R>,
    dump_id: DumpId,
    kind: BlockKind,
    /// The first large object of a tar, which had to be seen to know that they begin.
    first: Option<u32>,
    finished: bool,
}

impl<R: Read + Send> ArchiveStream<R> {
    /// Reads header and table of contents, with the default options.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`](super::OpenOptions::open), and a tar whose first member is not
    /// `toc.dat`.
    pub fn new(reader: R) -> Result<Self> {
        OpenOptions::new().stream(reader)
    }

    pub(super) fn open(reader: R, statements: Statements, limits: Limits) -> Result<Self> {
        let mut pipe = Pipe::new(reader);
        let format = detect::detect(pipe.peek(detect::LEN)?)?;
        let (toc, body) = match format {
            Format::Custom => {
                let toc = read_toc(&mut pipe, format, statements, &limits)?;
                let chunks = ChunkReader::idle(pipe, toc.dialect());
                (toc, Body::Blocks { chunks, begun: None, start: 0 })
            }
            _ => {
                let header = tar::next_header(&mut pipe)?;
                if header.as_ref().is_none_or(|header| header.name != directory::TOC.as_bytes()) {
                    return Err(Error::new(ErrorKind::NotAnArchive(NotAnArchive::TarWithoutToc)));
                }
                let mut member = MemberReader { pipe, left: 0, padding: 0, start: 0 };
                member.begin(header.map_or(0, |header| header.size));
                let toc = read_toc(&mut member, format, statements, &limits)
                    .map_err(|error| error.in_member(directory::TOC))?;
                let owners = MemberOwners::new(&toc);
                (toc, Body::Members { member, ahead: None, begun: false, bytes: 0, owners })
            }
        };
        let contexts = Arc::new(Contexts::default());
        let toc = Arc::new(toc);
        Ok(ArchiveStream {
            format,
            toc,
            body,
            contexts,
            limits,
            done: false,
            last_len: None,
            awaited: None,
        })
    }

    /// How the archive lies in the stream.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Header and table of contents.
    pub fn toc(&self) -> &Toc {
        &self.toc
    }

    /// The table of contents, to be kept while blocks are read.
    pub fn shared_toc(&self) -> Arc<Toc> {
        Arc::clone(&self.toc)
    }

    /// Bytes of the stream that were consumed.
    pub fn position(&self) -> u64 {
        match &self.body {
            Body::Blocks { chunks, .. } => chunks.position(),
            Body::Members { member, .. } => member.pipe.position(),
        }
    }

    /// The next block, of whichever entry; `None` after the last.
    ///
    /// # Errors
    ///
    /// What is wrong with the archive, or with reading it; and at the end, when the data of an
    /// entry did not come. After an error there are no blocks.
    pub fn next_block(&mut self) -> Result<Option<StreamBlock<'_, R>>> {
        if self.done {
            return Ok(None);
        }
        self.done = true;
        let toc = &self.toc;
        let with_data = || toc.entries().filter(TocEntry::has_data).map(|entry| entry.dump_id());
        let awaited = self.awaited.get_or_insert_with(|| with_data().collect());
        let found = match &mut self.body {
            Body::Blocks { chunks, begun, start } => {
                finish_custom(chunks, begun)?;
                let end = chunks.position();
                self.last_len = (*start > 0).then(|| end - *start);
                *start = end;
                if awaited.is_empty() {
                    trailing(chunks, begun, toc)?
                } else {
                    next_custom(chunks, begun)?
                }
            }
            Body::Members { member, ahead, begun, bytes, owners } => {
                finish_member(member, ahead, begun, bytes)?;
                self.last_len = (*bytes > 0).then_some(*bytes);
                *bytes = 0;
                match next_member(member, ahead, begun, bytes, owners, awaited) {
                    // Behind all data nothing matters that is not a member of it.
                    Err(error) if awaited.is_empty() && !error.is_io() => None,
                    found => found?,
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
                None => Ok(None),
            };
        };
        if kind == BlockKind::Data || self.format == Format::Custom {
            awaited.remove(&dump_id);
        }
        self.done = false;
        Ok(Some(StreamBlock { stream: self, dump_id, kind, first, finished: false }))
    }

    /// The next large object of the block that was begun. `first`: the one whose member's header
    /// had to be read to see that they begin.
    fn next_large_object(
        &mut self,
        first: &mut Option<u32>,
        name: EntryName,
    ) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        let named = |error: Error| error.in_entry(|| name.clone());
        let algorithm = self.toc.header().compression.algorithm;
        let (oid, stored, algorithm) = match &mut self.body {
            Body::Blocks { chunks, begun, .. } => match begin_object(chunks).map_err(named)? {
                Some(oid) => (oid, Stored::Lent(chunks), algorithm),
                None => {
                    *begun = None;
                    return Ok(None);
                }
            },
            Body::Members { member, ahead, bytes, .. } => {
                let oid = match first.take() {
                    Some(oid) => oid,
                    None => match next_blob(member, ahead, bytes).map_err(named)? {
                        Some(oid) => oid,
                        None => return Ok(None),
                    },
                };
                (oid, Stored::Lent(member), Algorithm::None)
            }
        };
        Ok(Some((Oid(oid), StoredPiece::chunks(stored, algorithm, name))))
    }

    /// The bytes that the block before the last one asked for took: in a custom archive with its
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

type Found = Option<(DumpId, BlockKind, Option<u32>)>;

/// Moves behind a block that was begun.
fn finish_custom<R: Read>(
    chunks: &mut ChunkReader<Pipe<R>>,
    begun: &mut Option<BlockKind>,
) -> Result<()> {
    match begun.take() {
        Some(BlockKind::Data) => {
            chunks.skip_rest()?;
        }
        Some(BlockKind::LargeObjects) => {
            chunks.skip_rest()?;
            skip_block(chunks, BlockKind::LargeObjects, ChunkReader::skip_rest)?;
        }
        None => {}
    }
    Ok(())
}

fn next_custom<R: Read>(
    chunks: &mut ChunkReader<Pipe<R>>,
    begun: &mut Option<BlockKind>,
) -> Result<Found> {
    let at = chunks.position();
    let dialect = chunks.dialect();
    match BlockHeader::decode(chunks.input(), dialect)? {
        BlockStart::Block(header) => {
            *begun = Some(header.kind);
            if header.kind == BlockKind::Data {
                chunks.restart();
            }
            Ok(Some((header.dump_id, header.kind, None)))
        }
        // A second table of contents, or the end.
        BlockStart::Other(0) | BlockStart::End => Ok(None),
        BlockStart::Other(code) => {
            Err(Error::malformed(format!("unknown type {code} of a block")).at(at))
        }
    }
}

/// What stands behind the blocks of all entries: another block of one of them, or something that
/// is none of the archive's. Even if it looks like a block it is no error.
fn trailing<R: Read>(
    chunks: &mut ChunkReader<Pipe<R>>,
    begun: &mut Option<BlockKind>,
    toc: &Toc,
) -> Result<Found> {
    match next_custom(chunks, begun) {
        Ok(Some(found)) if toc.entry(found.0).is_some() => Ok(Some(found)),
        Err(error) if error.is_io() => Err(error),
        _ => {
            *begun = None;
            Ok(None)
        }
    }
}

/// Moves behind a member, and behind all large objects of a group.
fn finish_member<R: Read>(
    member: &mut MemberReader<R>,
    ahead: &mut Option<tar::TarHeader>,
    begun: &mut bool,
    bytes: &mut u64,
) -> Result<()> {
    if std::mem::take(begun) {
        while next_blob(member, ahead, bytes)?.is_some() {}
    }
    member.skip_rest()
}

fn next_member<R: Read>(
    member: &mut MemberReader<R>,
    ahead: &mut Option<tar::TarHeader>,
    begun: &mut bool,
    bytes: &mut u64,
    owners: &MemberOwners,
    awaited: &mut HashSet<DumpId>,
) -> Result<Found> {
    loop {
        member.skip_rest()?;
        let header = match ahead.take() {
            Some(header) => Some(header),
            None => tar::next_header(&mut member.pipe)?,
        };
        let Some(header) = header else {
            return Ok(None);
        };
        member.begin(header.size);
        *bytes = header.size;
        if let Some(oid) = blob_oid(&header.name) {
            *begun = true;
            return Ok(Some((owners.of_large_object(oid), BlockKind::LargeObjects, Some(oid))));
        }
        if let Some(id) = owners.data.get(&*header.name) {
            return Ok(Some((*id, BlockKind::Data, None)));
        }
        // Only the list behind them shows that no large object of an entry is missing.
        if let Some(id) = owners.of_list(&header.name) {
            awaited.remove(&id);
        }
        // Else restore.sql, or what another program added.
    }
}

/// The OID in the name of a large object's member.
fn blob_oid(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"blob_")?.strip_suffix(b".dat")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Which entry a member of a tar belongs to.
struct MemberOwners {
    data: HashMap<Box<[u8]>, DumpId>,
    /// By the first large object, which the entry's tag names.
    large_objects: HashMap<u32, DumpId>,
    /// Before archive version 1.16 one entry has all large objects.
    all_large_objects: Option<DumpId>,
}

impl MemberOwners {
    fn new(toc: &Toc) -> Self {
        let grouped = toc.header().version.has(Gate::LargeObjectGroups);
        let mut owners = MemberOwners {
            data: HashMap::new(),
            large_objects: HashMap::new(),
            all_large_objects: None,
        };
        for entry in toc.entries().filter(TocEntry::has_data) {
            let id = entry.dump_id();
            if entry.desc() != Desc::BLOBS {
                owners.data.insert(entry.file_name().unwrap_or_default().into(), id);
            } else if !grouped {
                owners.all_large_objects = Some(id);
            } else if let Some(first) = first_oid(entry.tag().unwrap_or_default()) {
                owners.large_objects.insert(first, id);
            }
        }
        owners
    }

    fn of_list(&self, name: &[u8]) -> Option<DumpId> {
        if name == b"blobs.toc" {
            return self.all_large_objects;
        }
        let digits = name.strip_prefix(b"blobs_")?.strip_suffix(b".toc")?;
        std::str::from_utf8(digits).ok()?.parse().ok().map(DumpId)
    }

    fn of_large_object(&self, first: u32) -> DumpId {
        let grouped = self.large_objects.get(&first).copied();
        self.all_large_objects.or(grouped).unwrap_or(DumpId(0))
    }
}

/// The first OID of a group's tag: `17` or `17..23`.
fn first_oid(tag: &[u8]) -> Option<u32> {
    let digits = tag.split(|byte| *byte == b'.').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl<R: Read + Send> StreamBlock<'_, R> {
    /// The dump id of the entry it belongs to; 0 for large objects of a tar whose entry is not
    /// to be found.
    pub fn dump_id(&self) -> DumpId {
        self.dump_id
    }

    /// What it holds.
    pub fn kind(&self) -> BlockKind {
        self.kind
    }

    /// The entry it belongs to, if the table of contents has it.
    pub fn entry(&self) -> Option<TocEntry<'_>> {
        self.stream.toc.entry(self.dump_id)
    }

    /// Its data, decompressed; see [`Archive::data`](super::Archive::data). To be called once: a
    /// second time it goes on where the first ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] for a block of large objects, and an unknown compression.
    pub fn data(&mut self) -> Result<EntryData<'_>> {
        let (contexts, limits) = (Arc::clone(&self.stream.contexts), self.stream.limits);
        self.piece()?.decode(&contexts, &limits)
    }

    /// The stored bytes of its data.
    pub(crate) fn piece(&mut self) -> Result<StoredPiece<'_>> {
        let name = self.name();
        if self.kind != BlockKind::Data {
            return Err(
                Error::usage("the block has large objects; read them one by one").in_entry(|| name)
            );
        }
        let algorithm = self.stream.toc.header().compression.algorithm;
        Ok(match &mut self.stream.body {
            Body::Blocks { chunks, .. } => {
                StoredPiece::chunks(Stored::Lent(chunks), algorithm, name)
            }
            Body::Members { member, .. } => {
                StoredPiece::chunks(Stored::Lent(member), Algorithm::None, name)
            }
        })
    }

    /// Its next large object; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] for a block of other data, and what is wrong with the archive.
    pub fn next_object(&mut self) -> Result<Option<LargeObject<'_>>> {
        if !self.begin_search()? {
            return Ok(None);
        }
        let (contexts, limits) = (Arc::clone(&self.stream.contexts), self.stream.limits);
        let name = self.name();
        let StreamBlock { stream, first, finished, .. } = self;
        let Some((oid, piece)) = stream.next_large_object(first, name)? else {
            return Ok(None);
        };
        let data = piece.decode(&contexts, &limits)?;
        *finished = false;
        Ok(Some(LargeObject::new(oid.0, data)))
    }

    /// The stored bytes of its next large object; `None` after the last.
    pub(crate) fn next_piece(&mut self) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        if !self.begin_search()? {
            return Ok(None);
        }
        let name = self.name();
        let piece = self.stream.next_large_object(&mut self.first, name)?;
        self.finished = piece.is_none();
        Ok(piece)
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

/// The next large object of a tar; its members stand together, and their list behind them.
fn next_blob<R: Read>(
    member: &mut MemberReader<R>,
    ahead: &mut Option<tar::TarHeader>,
    bytes: &mut u64,
) -> Result<Option<u32>> {
    if ahead.is_some() {
        return Ok(None);
    }
    member.skip_rest()?;
    let Some(header) = tar::next_header(&mut member.pipe)? else {
        return Ok(None);
    };
    let oid = blob_oid(&header.name);
    if oid.is_some() || (header.name.starts_with(b"blobs") && header.name.ends_with(b".toc")) {
        *bytes = bytes.saturating_add(header.size);
    }
    match oid {
        Some(_) => member.begin(header.size),
        None => *ahead = Some(header),
    }
    Ok(oid)
}

/// One member of a tar that comes through a pipe.
struct MemberReader<R> {
    pipe: Pipe<R>,
    left: u64,
    /// Bytes between its end and the next header.
    padding: u64,
    start: u64,
}

impl<R: Read> MemberReader<R> {
    fn begin(&mut self, size: u64) {
        self.left = size;
        self.padding = size.next_multiple_of(tar::BLOCK as u64) - size;
        self.start = self.pipe.position();
    }

    fn skip_rest(&mut self) -> Result<()> {
        let truncated = |error: io::Error, at| match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::truncated("a member of the tar").at(at),
            _ => Error::from(error).at(at),
        };
        let at = self.pipe.position();
        self.pipe.skip(self.left).map_err(|error| truncated(error, at))?;
        self.left = 0;
        // The last member's padding may be cut off.
        let padding = std::mem::take(&mut self.padding);
        match self.pipe.skip(padding) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(truncated(error, at)),
            _ => Ok(()),
        }
    }
}

impl<R: Read> BufRead for MemberReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let at = self.pipe.position();
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let data = self.pipe.fill_buf()?;
        if data.is_empty() {
            return Err(Error::truncated("a member of the tar").at(at).into());
        }
        Ok(&data[..data.len().min(left)])
    }

    fn consume(&mut self, n: usize) {
        self.pipe.consume(n);
        self.left = self.left.saturating_sub(n as u64);
    }
}

impl<R: Read> Read for MemberReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let data = self.fill_buf()?;
        let n = data.len().min(buf.len());
        buf[..n].copy_from_slice(&data[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> Input for MemberReader<R> {
    fn position(&self) -> u64 {
        self.pipe.position() - self.start
    }

    fn skip(&mut self, n: u64) -> io::Result<()> {
        if n > self.left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n;
        self.pipe.skip(n)
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.left)
    }
}

impl<R: Read> Positioned for MemberReader<R> {
    fn at(&self) -> u64 {
        self.pipe.position()
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
