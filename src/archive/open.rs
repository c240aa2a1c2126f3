//! An archive whose bytes can be read at any position.

use std::sync::{Arc, OnceLock};

use super::data::EntryData;
use super::large_objects::{Decoding, LargeObjects};
use super::piece::StoredPiece;
use super::stored::{Stored, StoredData};
use super::stored_check::{has_end_marker, nothing};
use crate::compress::{Algorithm, Contexts, Framing};
use crate::error::{Error, Result};
use crate::format::custom::Custom;
use crate::format::members::{Member, MemberStore};
use crate::format::names;
use crate::limits::Limits;
use crate::source::SourceReader;
use crate::toc::{BlockKind, DataOffset, DumpId, Entries, Format, Header, Toc, TocEntry};

/// A custom, directory or tar archive, opened for reading.
///
/// Opening reads the table of contents and the index of a tar's members. Data is read on demand, by
/// any number of threads at once: all methods take `&self`, and no two readers share a position.
///
/// A custom archive that was written to a pipe has no data offsets. When the data of an entry is
/// asked for, its blocks are walked over as far as needed, and their places are remembered. A long
/// walk may use three more threads for a moment.
///
/// ```
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// for entry in archive.entries() {
///     println!("{} {}", entry.dump_id(), entry.desc());
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    format: Format,
    toc: Arc<Toc>,
    pub(super) layout: Layout,
    contexts: Arc<Contexts>,
    limits: Limits,
    damage: Option<Error>,
    /// The size of each entry's data, once somebody asked for it.
    pub(super) sizes: OnceLock<Vec<Option<u64>>>,
}

#[derive(Debug)]
pub(super) enum Layout {
    Blocks(Box<Custom>),
    Members(Arc<MemberStore>),
}

/// The place of a block in an archive: the data of one entry, or its large objects.
///
/// ```
/// let archive = pgdmp::Archive::open("fixtures/pg17/small-custom.dump")?;
/// for block in archive.blocks()? {
///     let block = block?;
///     println!("entry {}: {} bytes at {:?}", block.dump_id, block.stored_len, block.offset);
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockInfo {
    /// The entry it belongs to. A block may belong to an entry that is missing from the table of
    /// contents.
    pub dump_id: DumpId,
    /// What it holds.
    pub kind: BlockKind,
    /// Position of the block in the file; `None` in a directory.
    pub offset: Option<u64>,
    /// Length in bytes, framing included. For large objects in a directory or tar, it is the length
    /// of their list alone.
    pub stored_len: u64,
}

impl From<crate::format::custom::Block> for BlockInfo {
    fn from(block: crate::format::custom::Block) -> BlockInfo {
        BlockInfo {
            dump_id: block.header.dump_id,
            kind: block.header.kind,
            offset: Some(block.start),
            stored_len: block.end - block.start,
        }
    }
}

impl BlockInfo {
    /// The position of the byte behind it.
    pub(crate) fn end(&self) -> Option<u64> {
        self.offset?.checked_add(self.stored_len)
    }
}

impl Archive {
    pub(super) fn new(
        format: Format,
        toc: Toc,
        layout: Layout,
        limits: Limits,
        contexts: Arc<Contexts>,
    ) -> Archive {
        Archive {
            format,
            toc: Arc::new(toc),
            layout,
            contexts,
            limits,
            damage: None,
            sizes: OnceLock::new(),
        }
    }

    pub(super) fn with_damage(self, damage: Option<Error>) -> Archive {
        Archive { damage, ..self }
    }

    /// The damage of the table of contents, if there is any. The entries are then those before the
    /// damage; see [`OpenOptions::damaged`](super::OpenOptions::damaged).
    pub fn damage(&self) -> Option<&Error> {
        self.damage.as_ref()
    }

    /// The format of the archive.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Header and table of contents.
    pub fn toc(&self) -> &Toc {
        &self.toc
    }

    /// The table of contents, shared, so that it can outlive the archive.
    pub fn shared_toc(&self) -> Arc<Toc> {
        Arc::clone(&self.toc)
    }

    /// The header.
    pub fn header(&self) -> &Header {
        self.toc.header()
    }

    /// The entries in the order of the archive.
    pub fn entries(&self) -> Entries<'_> {
        self.toc.entries()
    }

    /// The entry with a dump id.
    pub fn entry(&self, id: DumpId) -> Option<TocEntry<'_>> {
        self.toc.entry(id)
    }

    /// Whether an entry has data.
    ///
    /// This is [`TocEntry::has_data`], with one exception. If the data offset of an entry says that
    /// it has no data ([`DataOffset::NoData`](crate::toc::DataOffset::NoData)) although its dumper
    /// wrote some, a custom archive is searched for the data.
    ///
    /// # Errors
    ///
    /// Errors of reading, and damage that ends the search.
    pub fn has_data(&self, entry: TocEntry<'_>) -> Result<bool> {
        match &self.layout {
            Layout::Blocks(custom) if entry.denies_data() => {
                let absent = custom.is_absent(&self.toc, entry);
                Ok(!absent.map_err(|error| error.in_entry(|| entry.name()))?)
            }
            _ => Ok(entry.has_data()),
        }
    }

    /// Opens the decompressed data of an entry.
    ///
    /// The reader owns what it needs. It may outlive the archive and move to another thread.
    ///
    /// ```
    /// use std::thread;
    /// use pgdmp::{Archive, Desc};
    ///
    /// let archive = Archive::open("fixtures/pg18/small-dir")?;
    /// let tables = archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA);
    /// let mut threads = Vec::new();
    /// for table in tables {
    ///     let mut data = archive.data(table.dump_id())?;
    ///     threads.push(thread::spawn(move || data.copy_to(std::io::sink())));
    /// }
    /// # for thread in threads {
    /// #     assert!(thread.join().unwrap()? > 0);
    /// # }
    /// # Ok::<(), pgdmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) without such an entry; [`ErrorKind::Usage`](crate::ErrorKind::Usage) if it has no data
    /// ([`TocEntry::has_data`]), or has large objects ([`large_objects`](Self::large_objects));
    /// and what is wrong with the archive where the data should be.
    pub fn data(&self, id: DumpId) -> Result<EntryData<'static>> {
        let entry = self.entry_with_data(id, BlockKind::Data)?;
        self.open_data(entry).map_err(|error| error.in_entry(|| entry.name()))
    }

    /// The data of an entry, even if another one has its dump id.
    pub(crate) fn data_of<'d>(&self, entry: TocEntry<'_>) -> Result<EntryData<'d>> {
        let entry = check_kind(self.own(entry)?, BlockKind::Data)?;
        self.open_data(entry).map_err(|error| error.in_entry(|| entry.name()))
    }

    fn open_data<'d>(&self, entry: TocEntry<'_>) -> Result<EntryData<'d>> {
        self.open_piece(entry)?.decode(&self.contexts, &self.limits)
    }

    pub(super) fn open_piece<'d>(&self, entry: TocEntry<'_>) -> Result<StoredPiece<'d>> {
        let marked = has_end_marker(&entry);
        match &self.layout {
            Layout::Blocks(custom) => {
                let chunks = custom.open(&self.toc, entry, BlockKind::Data)?;
                let algorithm = self.header().compression.algorithm;
                Ok(StoredPiece::chunks(Stored::Chunks(chunks), algorithm, entry.name(), marked))
            }
            Layout::Members(store) => {
                let member = store.open(&names::file_name(&entry))?;
                // An empty large object may be compressed to nothing; a table ends with `\.`.
                if member.len() == 0 && member.algorithm != Algorithm::None {
                    return Err(nothing().in_member(&member.name));
                }
                Ok(StoredPiece::member(member, entry.name(), marked))
            }
        }
    }

    /// The stored bytes of an entry's data, even if another one has its dump id.
    pub(crate) fn piece_of<'d>(&self, entry: TocEntry<'_>) -> Result<StoredPiece<'d>> {
        let entry = check_kind(self.own(entry)?, BlockKind::Data)?;
        self.open_piece(entry).map_err(|error| error.in_entry(|| entry.name()))
    }

    /// An entry, and what stands behind the header of its block, in a custom archive.
    pub(crate) fn block_body(
        &self,
        id: DumpId,
        kind: BlockKind,
    ) -> Result<Option<(TocEntry<'_>, SourceReader)>> {
        let Layout::Blocks(custom) = &self.layout else { return Ok(None) };
        let entry = self.entry_with_data(id, kind)?;
        let chunks = custom.open(&self.toc, entry, kind);
        let chunks = chunks.map_err(|error| error.in_entry(|| entry.name()))?;
        Ok(Some((entry, chunks.into_input())))
    }

    /// The custom archive in a file, if it is one.
    pub(crate) fn custom(&self) -> Option<&Custom> {
        match &self.layout {
            Layout::Blocks(custom) => Some(custom),
            Layout::Members(_) => None,
        }
    }

    /// The same data under another table of contents.
    pub(crate) fn with_toc(&self, toc: Toc) -> Archive {
        let layout = match &self.layout {
            Layout::Blocks(custom) => Layout::Blocks(Box::new(custom.again())),
            Layout::Members(store) => Layout::Members(Arc::clone(store)),
        };
        Archive::new(self.format, toc, layout, self.limits, Arc::clone(&self.contexts))
    }

    /// Where the blocks of a custom archive begin.
    pub(crate) fn blocks_start(&self) -> Option<u64> {
        match &self.layout {
            Layout::Blocks(custom) => Some(custom.start()),
            Layout::Members(_) => None,
        }
    }

    /// Where the block of an entry begins, in a custom archive.
    pub(crate) fn locate(&self, entry: TocEntry<'_>) -> Result<u64> {
        self.located(entry, Custom::locate)
    }

    /// The same; a block that had to be searched for is whole.
    pub(crate) fn locate_whole(&self, entry: TocEntry<'_>) -> Result<u64> {
        self.located(entry, Custom::locate_whole)
    }

    fn located(
        &self,
        entry: TocEntry<'_>,
        locate: impl Fn(&Custom, &Toc, TocEntry<'_>) -> Result<u64>,
    ) -> Result<u64> {
        match &self.layout {
            Layout::Blocks(custom) => locate(custom, &self.toc, entry),
            Layout::Members(_) => Err(Error::usage("only custom archives have blocks")),
        }
        .map_err(|error| error.in_entry(|| entry.name()))
    }

    /// The file, of a custom or tar archive.
    pub(crate) fn whole_file(&self) -> Option<SourceReader> {
        let source = match &self.layout {
            Layout::Blocks(custom) => custom.source(),
            Layout::Members(store) => match &**store {
                MemberStore::Tar(index) => index.source(),
                _ => return None,
            },
        };
        Some(SourceReader::from(Arc::clone(source), 0))
    }

    /// The member with this name, of a directory or tar archive.
    pub(crate) fn member(&self, name: &[u8]) -> Result<Member> {
        match &self.layout {
            Layout::Members(store) => store.open(name),
            Layout::Blocks(_) => Err(Error::usage("a custom archive has no members")),
        }
    }

    /// The name of the member with the list of an entry's large objects.
    pub(crate) fn list_name(&self, entry: TocEntry<'_>) -> Vec<u8> {
        names::list_name(&self.toc, self.format, &entry)
    }

    /// How deflate data is wrapped.
    pub(crate) fn framing(&self) -> Framing {
        match &self.layout {
            Layout::Blocks(_) => Framing::Stream,
            Layout::Members(_) => Framing::File,
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn contexts(&self) -> &Arc<Contexts> {
        &self.contexts
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Opens the large objects of an entry of the kind `BLOBS`. Since archive version 1.16 there
    /// may be several such entries.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn large_objects(&self, id: DumpId) -> Result<LargeObjects> {
        let entry = self.entry_with_data(id, BlockKind::LargeObjects)?;
        self.open_large_objects(entry).map_err(|error| error.in_entry(|| entry.name()))
    }

    /// The large objects of an entry, even if another one has its dump id.
    pub(crate) fn large_objects_of(&self, entry: TocEntry<'_>) -> Result<LargeObjects> {
        let entry = check_kind(self.own(entry)?, BlockKind::LargeObjects)?;
        self.open_large_objects(entry).map_err(|error| error.in_entry(|| entry.name()))
    }

    fn open_large_objects(&self, entry: TocEntry<'_>) -> Result<LargeObjects> {
        match &self.layout {
            Layout::Blocks(custom) => {
                let chunks = custom.open(&self.toc, entry, BlockKind::LargeObjects)?;
                // What stands next is the first OID, not a chunk.
                let chunks = chunks.into_idle();
                Ok(LargeObjects::of_block(chunks, self.decoding(), entry))
            }
            Layout::Members(store) => {
                let list = names::list_name(&self.toc, self.format, &entry);
                LargeObjects::of_files(Arc::clone(store), &list, self.decoding(), entry)
            }
        }
    }

    /// The large objects of these OIDs in a directory, whatever a list says of them.
    pub(crate) fn loose_objects(
        &self,
        entry: TocEntry<'_>,
        oids: Vec<u32>,
    ) -> Option<LargeObjects> {
        let Layout::Members(store) = &self.layout else { return None };
        let store = Arc::clone(store);
        Some(LargeObjects::of_loose_files(store, oids, self.decoding(), entry))
    }

    /// Opens the stored bytes of an entry's data, without decompressing them.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn stored(&self, id: DumpId) -> Result<StoredData> {
        let entry = self.entry_with_data(id, BlockKind::Data)?;
        let open = || match &self.layout {
            Layout::Blocks(custom) => {
                let chunks = custom.open(&self.toc, entry, BlockKind::Data)?;
                let algorithm = self.header().compression.algorithm;
                Ok(StoredData { stored: Stored::Chunks(chunks), algorithm })
            }
            Layout::Members(store) => {
                let member = store.open(&names::file_name(&entry))?;
                let stored = Stored::Member(member.reader());
                Ok(StoredData { stored, algorithm: member.algorithm })
            }
        };
        open().map_err(|error: Error| error.in_entry(|| entry.name()))
    }

    /// The archive's blocks in the order of the file. The blocks of a directory come in the order
    /// of the table of contents.
    ///
    /// A custom archive is walked over by the lengths of its chunks. An error at the end says why
    /// the walk could not go on, or why a tar may have more blocks. A missing member is an error in
    /// its place, and the blocks behind it follow.
    pub fn blocks(&self) -> Result<impl Iterator<Item = Result<BlockInfo>>> {
        let (blocks, error) = match &self.layout {
            Layout::Blocks(custom) => {
                let (blocks, error) = custom.blocks()?;
                (blocks.into_iter().map(|block| Ok(block.into())).collect(), error)
            }
            Layout::Members(store) => {
                let stop = match &**store {
                    MemberStore::Tar(index) => index.check_length().err(),
                    MemberStore::Files { .. } => None,
                };
                (self.member_blocks(store), stop)
            }
        };
        let blocks: Vec<Result<BlockInfo>> = blocks;
        Ok(blocks.into_iter().chain(error.map(Err)))
    }

    fn member_blocks(&self, store: &MemberStore) -> Vec<Result<BlockInfo>> {
        let mut blocks: Vec<Result<BlockInfo>> = Vec::new();
        for entry in self.entries().filter(TocEntry::has_data) {
            let (kind, member) = self.member_of(store, entry);
            blocks.push(member.map(|member| BlockInfo {
                dump_id: entry.dump_id(),
                kind,
                offset: (self.format == Format::Tar).then(|| member.start()),
                stored_len: member.len(),
            }));
        }
        let offset = |block: &Result<BlockInfo>| block.as_ref().ok().and_then(|block| block.offset);
        blocks.sort_by_key(offset);
        blocks
    }

    /// The indexes of the entries with data: in the order of the file, as far as that is known
    /// without a look into it, else in that of the table of contents, in which pg_dump writes.
    pub(super) fn data_order(&self) -> Vec<usize> {
        let entries = self.entries().filter(TocEntry::has_data);
        let mut placed: Vec<(Option<u64>, usize)> = entries
            .map(|entry| {
                let start = match (&self.layout, entry.data_offset()) {
                    (Layout::Blocks(_), Some(DataOffset::At(at))) => Some(at),
                    (Layout::Members(store), _) if self.format == Format::Tar => {
                        self.member_of(store, entry).1.ok().map(|member| member.start())
                    }
                    _ => None,
                };
                (start, entry.index())
            })
            .collect();
        if placed.iter().all(|(start, _)| start.is_some()) {
            placed.sort();
        }
        placed.into_iter().map(|(_, index)| index).collect()
    }

    /// The member with an entry's data, or with the list of its large objects.
    pub(super) fn member_of(
        &self,
        store: &MemberStore,
        entry: TocEntry<'_>,
    ) -> (BlockKind, Result<Member>) {
        let (kind, member) = match entry.data_kind() {
            BlockKind::LargeObjects => {
                let list = names::list_name(&self.toc, self.format, &entry);
                (BlockKind::LargeObjects, store.open(&list))
            }
            BlockKind::Data => (BlockKind::Data, store.open(&names::file_name(&entry))),
        };
        (kind, member.map_err(|error| error.in_entry(|| entry.name())))
    }

    pub(super) fn decoding(&self) -> Decoding {
        Decoding {
            algorithm: self.header().compression.algorithm,
            contexts: Arc::clone(&self.contexts),
            limits: self.limits,
        }
    }

    pub(super) fn entry_with_data(&self, id: DumpId, kind: BlockKind) -> Result<TocEntry<'_>> {
        let entry = self.entry(id).ok_or_else(|| Error::not_found(format!("entry {id}")))?;
        let mut with_data = self.toc.with_id(id).filter(TocEntry::has_data);
        let entry = with_data.next().unwrap_or(entry);
        if with_data.next().is_some() {
            let error = Error::malformed("several entries with data have this dump id");
            return Err(error.in_entry(|| entry.name()));
        }
        check_kind(entry, kind)
    }

    /// The archive's own entry, for one of its table of contents or of a changed copy of that.
    pub(super) fn own(&self, entry: TocEntry<'_>) -> Result<TocEntry<'_>> {
        let id = entry.dump_id();
        let own = self.toc.get(entry.index()).filter(|own| own.dump_id() == id);
        own.or_else(|| self.entry(id)).ok_or_else(|| Error::not_found(format!("entry {id}")))
    }
}

/// Checks that an entry has data of this kind.
fn check_kind(entry: TocEntry<'_>, kind: BlockKind) -> Result<TocEntry<'_>> {
    let error = if !entry.has_data() {
        "the entry has no data"
    } else if entry.data_kind() != kind {
        match kind {
            BlockKind::Data => "the entry has large objects; read them one by one",
            BlockKind::LargeObjects => "the entry has no large objects",
        }
    } else {
        return Ok(entry);
    };
    Err(Error::usage(error).in_entry(|| entry.name()))
}
