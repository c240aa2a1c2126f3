//! One way through the data of an archive, for files and pipes alike.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use super::block::{AnyBlock, Block};
use super::data::EntryData;
use super::input::Input;
use super::large_objects::{LargeObject, LargeObjects};
use super::open::Archive;
use super::piece::StoredPiece;
use super::stream::ArchiveStream;
use crate::compress::Contexts;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::toc::{BlockKind, DumpId, Format, Oid, Toc, TocEntry};

/// One pass over all data of an archive, block after block. It is made by [`Archive::pass`],
/// [`ArchiveStream::pass`] or [`Input::pass`].
///
/// The blocks come in the order of the file, and those of a directory in the order of the table of
/// contents. Unread parts of a block are skipped, which costs nothing in a file.
///
/// ```
/// use std::io;
/// use pgdmp::{BlockKind, Input};
///
/// let mut input = Input::open("fixtures/pg18/small-tar.tar")?;
/// let mut pass = input.pass();
/// let mut bytes = 0;
/// while let Some(mut block) = pass.next_block()? {
///     if block.kind() == BlockKind::LargeObjects {
///         while let Some(mut object) = block.next_object()? {
///             bytes += object.copy_to(io::sink())?;
///         }
///     } else {
///         bytes += block.data()?.copy_to(io::sink())?;
///     }
/// }
/// assert!(bytes > 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub struct Pass<'a>(Way<'a>);

enum Way<'a> {
    Archive {
        archive: &'a Archive,
        /// The indexes of the entries with data; made for the first block.
        order: Option<Vec<usize>>,
        /// Which of them comes next.
        next: usize,
    },
    Stream(&'a mut (dyn AnyStream + Send + 'a)),
}

/// A stream, of any reader.
trait AnyStream {
    fn toc(&self) -> &Toc;
    fn format(&self) -> Format;
    fn next_block(&mut self) -> Result<Option<Block<'_>>>;
    fn last_block_len(&self) -> Option<u64>;
    fn damage(&self) -> Option<&Error>;
    fn contexts(&self) -> &Arc<Contexts>;
    fn limits(&self) -> &Limits;
    fn refuse_surplus(&self) -> Result<()>;
}

impl<R: Read + Send> AnyStream for ArchiveStream<R> {
    fn toc(&self) -> &Toc {
        self.toc()
    }

    fn format(&self) -> Format {
        self.format()
    }

    fn next_block(&mut self) -> Result<Option<Block<'_>>> {
        self.next_block()
    }

    fn last_block_len(&self) -> Option<u64> {
        self.last_block_len()
    }

    fn damage(&self) -> Option<&Error> {
        self.damage()
    }

    fn contexts(&self) -> &Arc<Contexts> {
        self.contexts()
    }

    fn limits(&self) -> &Limits {
        self.limits()
    }

    fn refuse_surplus(&self) -> Result<()> {
        self.refuse_surplus()
    }
}

impl<'a> Pass<'a> {
    /// Header and table of contents.
    pub fn toc(&self) -> &Toc {
        match &self.0 {
            Way::Archive { archive, .. } => archive.toc(),
            Way::Stream(stream) => stream.toc(),
        }
    }

    /// The format of the archive.
    pub fn format(&self) -> Format {
        match &self.0 {
            Way::Archive { archive, .. } => archive.format(),
            Way::Stream(stream) => stream.format(),
        }
    }

    /// The next block; `None` after the last.
    ///
    /// # Errors
    ///
    /// Damage of the archive, and errors of reading. Data of an entry that is missing is an error
    /// at the end of a stream; in a file, it is an error when that data is read. No blocks follow
    /// an error of a stream. In a file, the next block follows.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>> {
        let (archive, order, next) = match &mut self.0 {
            Way::Archive { archive, order, next } => (*archive, order, next),
            Way::Stream(stream) => return stream.next_block(),
        };
        let order = order.get_or_insert_with(|| archive.data_order());
        while let Some(entry) = order.get(*next).and_then(|index| archive.toc().get(*index)) {
            let at = *next;
            *next += 1;
            match archive.has_data(entry) {
                Ok(true) => {
                    let back = Some((next, at));
                    return Ok(Some(Block::new(ArchiveBlock {
                        archive,
                        entry,
                        objects: None,
                        back,
                    })));
                }
                Ok(false) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// For a stream, the length in bytes of the block before the current one; see
    /// [`ArchiveStream::last_block_len`]. For a file it is always `None`: use
    /// [`Archive::stored_sizes`], which reads no data.
    pub fn last_block_len(&self) -> Option<u64> {
        match &self.0 {
            Way::Archive { .. } => None,
            Way::Stream(stream) => stream.last_block_len(),
        }
    }

    /// The damage of the table of contents, if there is any; see
    /// [`OpenOptions::damaged`](super::OpenOptions::damaged).
    pub fn damage(&self) -> Option<&Error> {
        match &self.0 {
            Way::Archive { archive, .. } => archive.damage(),
            Way::Stream(stream) => stream.damage(),
        }
    }

    /// The archive, if it is one that can be read anywhere.
    pub(crate) fn archive(&self) -> Option<&'a Archive> {
        match self.0 {
            Way::Archive { archive, .. } => Some(archive),
            Way::Stream(_) => None,
        }
    }

    pub(crate) fn contexts(&self) -> &Arc<Contexts> {
        match &self.0 {
            Way::Archive { archive, .. } => archive.contexts(),
            Way::Stream(stream) => stream.contexts(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        match &self.0 {
            Way::Archive { archive, .. } => archive.limits(),
            Way::Stream(stream) => stream.limits(),
        }
    }

    /// Refuses to leave another archive behind without a word; of a stream when it was read to its
    /// end. `walk`: see [`Archive::refuse_surplus`].
    pub(crate) fn refuse_surplus(&self, walk: bool) -> Result<()> {
        match &self.0 {
            Way::Archive { archive, .. } => archive.refuse_surplus(walk),
            Way::Stream(stream) => stream.refuse_surplus(),
        }
    }
}

impl Archive {
    /// Begins a pass over all data, as over a pipe, for code that reads both. To read some entries
    /// only, or with several threads, use [`data`](Self::data) and
    /// [`large_objects`](Self::large_objects).
    pub fn pass(&self) -> Pass<'_> {
        Pass(Way::Archive { archive: self, order: None, next: 0 })
    }

    /// The data of one entry as a pass meets it.
    pub(crate) fn block(&self, id: DumpId, kind: BlockKind) -> Result<Block<'_>> {
        let entry = self.entry_with_data(id, kind)?;
        self.block_of(entry)
    }

    /// The same, even if another entry has its dump id.
    pub(crate) fn block_of(&self, entry: TocEntry<'_>) -> Result<Block<'_>> {
        let entry = self.own(entry)?;
        let objects = match entry.data_kind() {
            BlockKind::LargeObjects => Some(self.large_objects_of(entry)?),
            BlockKind::Data => None,
        };
        Ok(Block::new(ArchiveBlock { archive: self, entry, objects, back: None }))
    }
}

impl<R: Read + Send> ArchiveStream<R> {
    /// Continues the pass over the data. The result is [`next_block`](Self::next_block) in the same
    /// form as [`Archive::pass`].
    pub fn pass(&mut self) -> Pass<'_> {
        Pass(Way::Stream(self))
    }
}

impl Input {
    /// Begins a pass over all data. The data of a pipe comes once: a second pass continues where
    /// the first one ended.
    pub fn pass(&mut self) -> Pass<'_> {
        match self {
            Input::Archive(archive) => archive.pass(),
            Input::Stream(stream) => stream.pass(),
        }
    }
}

impl fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("format", &self.format()).finish_non_exhaustive()
    }
}

/// The data of one entry of an archive that can be read anywhere.
struct ArchiveBlock<'a> {
    archive: &'a Archive,
    entry: TocEntry<'a>,
    /// Its large objects, once they were asked for.
    objects: Option<LargeObjects>,
    /// What a pass has to remember for it to come again.
    back: Option<(&'a mut usize, usize)>,
}

impl ArchiveBlock<'_> {
    fn objects(&mut self) -> Result<&mut LargeObjects> {
        let objects = match self.objects.take() {
            Some(objects) => objects,
            None => self.archive.large_objects_of(self.entry)?,
        };
        Ok(self.objects.insert(objects))
    }
}

impl AnyBlock for ArchiveBlock<'_> {
    fn dump_id(&self) -> DumpId {
        self.entry.dump_id()
    }

    fn kind(&self) -> BlockKind {
        self.entry.data_kind()
    }

    fn entry(&self) -> Option<TocEntry<'_>> {
        Some(self.entry)
    }

    fn data(&mut self) -> Result<EntryData<'_>> {
        self.archive.data_of(self.entry)
    }

    fn next_object(&mut self) -> Result<Option<LargeObject<'_>>> {
        self.objects()?.next_object()
    }

    fn piece(&mut self) -> Result<StoredPiece<'_>> {
        self.archive.piece_of(self.entry)
    }

    fn next_piece(&mut self) -> Result<Option<(Oid, StoredPiece<'_>)>> {
        self.objects()?.next_piece()
    }

    fn be_lenient(&mut self) {
        // That they cannot be opened is said when they are asked for.
        if let Ok(objects) = self.objects() {
            objects.be_lenient();
        }
    }

    fn complaints(&mut self) -> Vec<Error> {
        self.objects.take().map(LargeObjects::complaints).unwrap_or_default()
    }

    fn put_back(self: Box<Self>) {
        if let Some((next, at)) = self.back {
            *next = at;
        }
    }
}
