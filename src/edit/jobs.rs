//! The data of a new archive, entry after entry: by one thread, or with others that read and
//! compress small entries ahead.
//!
//! A large entry is compressed by all threads together, block by block; see `compress/parallel.rs`.
//! Small ones have no blocks to share, so each is one thread's. What is ready waits in memory until
//! its turn comes, which is why only so many are begun.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, Read, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::job::Job;
use super::rewrites::Rewrites;
use crate::archive::{Archive, ArchiveWriter, Block, Moving, Pass, StoredPiece, Warn, Ways};
use crate::compress::{Algorithm, Content, EncoderPool, PieceSink};
use crate::error::{Error, Result};
use crate::rows::{MakeRewriter, Way};
use crate::toc::{BlockKind, DumpId, Oid};

/// Stored bytes of what is read ahead together, at most.
const SMALL: u64 = 512 << 10;

/// Bytes that what is read ahead together may become; the rest is moved when its turn comes.
const HELD: usize = 4 << 20;

/// A reader needs memory for a whole chunk.
const CHUNK: usize = 64 << 10;

/// Moves the data of all jobs from opened archives, in the order of the jobs.
pub(super) fn move_all<W: Write>(
    archives: &[&Archive],
    jobs: &[Job],
    writer: &mut ArchiveWriter<W>,
    ways: Ways,
    rewrites: &Rewrites<'_>,
    warn: &mut Warn<'_>,
) -> Result<()> {
    let moving = |archive: &Archive| Moving::to(writer, ways, archive.contexts(), archive.limits());
    let movings: Vec<Moving> = archives.iter().map(|archive| moving(archive)).collect();
    let of = |job: &Job| job.archive as usize;
    let tasks: Vec<Task<'_>> = jobs
        .iter()
        .map(|job| {
            let rewrite = rewrites.of(job);
            Task { archive: archives[of(job)], job, moving: &movings[of(job)], rewrite }
        })
        .collect();
    let threads = writer.pool().threads();
    if threads < 2 || !tasks.iter().any(|task| task.small_size().is_some()) {
        return tasks.iter().try_for_each(|task| task.move_to(writer, warn));
    }
    let (give, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        // Dropped with this closure, however it ends, which ends the threads.
        let give = give;
        for n in 0..threads {
            let thread = thread::Builder::new().name(format!("convert {n}"));
            thread.spawn_scoped(scope, || work(&waiting))?;
        }
        move_ahead(&tasks, 2 * threads as usize, &give, writer, warn)
    })
}

/// Moves data while at most `most` batches are begun.
fn move_ahead<'a, W: Write>(
    tasks: &'a [Task<'a>],
    most: usize,
    give: &Sender<Order<'a>>,
    writer: &mut ArchiveWriter<W>,
    warn: &mut Warn<'_>,
) -> Result<()> {
    let mut left = tasks;
    let mut begun: VecDeque<(&[Task<'_>], Receiver<_>)> = VecDeque::new();
    loop {
        while begun.len() < most && !left.is_empty() {
            let (batch, rest) = left.split_at(batch_len(left));
            left = rest;
            let (reply, results) = mpsc::channel();
            give.send(Order { batch, reply }).map_err(|_| ended())?;
            begun.push_back((batch, results));
        }
        let Some((batch, results)) = begun.pop_front() else { return Ok(()) };
        for task in batch {
            match results.recv().map_err(|_| ended())?? {
                Some(ready) => ready.write(task, writer, warn)?,
                None => task.move_to(writer, warn)?,
            }
        }
    }
}

/// How many tasks to hand over together: as many as are small together, for some take less time
/// than handing them over.
fn batch_len(tasks: &[Task<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |task: &&Task<'_>| match task.small_size() {
        Some(size) => {
            bytes += size;
            bytes <= SMALL
        }
        None => false,
    };
    tasks.iter().take_while(fits).count().max(1)
}

fn ended() -> Error {
    io::Error::other("a thread that converts has ended").into()
}

/// Tasks, and whom to tell of each.
struct Order<'a> {
    batch: &'a [Task<'a>],
    reply: Sender<Result<Option<Ready>>>,
}

/// What a thread does until there is nothing more to do.
fn work(waiting: &Mutex<Receiver<Order<'_>>>) {
    // It compresses on its own.
    let pool = Arc::new(EncoderPool::default());
    loop {
        let order = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Order { batch, reply }) = order else { return };
        let mut held =
            Held { piece: HeldPiece::default(), room: HELD, over: false, warnings: Vec::new() };
        for task in batch {
            // Whoever waited may have given up.
            if reply.send(task.prepare(&pool, &mut held)).is_err() {
                break;
            }
        }
    }
}

/// The data of one entry, to be moved.
struct Task<'a> {
    archive: &'a Archive,
    job: &'a Job,
    moving: &'a Moving,
    rewrite: Option<&'a dyn MakeRewriter>,
}

/// The data of an entry, as it is to stand in the new archive.
struct Ready {
    data: ReadyData,
    warnings: Vec<Error>,
}

enum ReadyData {
    Piece(HeldPiece),
    Objects(Vec<(Oid, HeldPiece)>),
}

/// The stored bytes of a piece.
#[derive(Default)]
struct HeldPiece {
    bytes: Vec<u8>,
    /// Where chunks begin.
    chunks: Vec<usize>,
}

impl HeldPiece {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn write(&self, out: &mut impl PieceSink) -> io::Result<()> {
        let mut at = 0;
        let ends = self.chunks.iter().skip_while(|begin| **begin == 0).copied();
        for end in ends.chain([self.bytes.len()]) {
            if self.chunks.binary_search(&at).is_ok() {
                out.begin_chunk()?;
                out.keep_whole()?;
            }
            self.bytes[at..end].chunks(CHUNK).try_for_each(|bytes| out.write_all(bytes))?;
            at = end;
        }
        Ok(())
    }
}

/// Memory with a limit, shared by the pieces of a batch.
struct Held {
    piece: HeldPiece,
    room: usize,
    over: bool,
    warnings: Vec<Error>,
}

impl Held {
    /// The stored bytes of a piece in the new archive; `None` if there is no room for them.
    fn take(
        &mut self,
        piece: StoredPiece<'_>,
        content: Content,
        moving: &Moving,
    ) -> Result<Option<HeldPiece>> {
        let mut warnings = Vec::new();
        let warn = &mut |warning| warnings.push(warning);
        let result = moving.piece(piece, content, |_, _| Ok(&mut *self), warn).map(drop);
        self.warnings.append(&mut warnings);
        match result {
            Ok(()) => Ok(Some(std::mem::take(&mut self.piece))),
            Err(_) if self.over => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Held {
    /// The same of a piece that is rewritten. Whether there is room is found out before a row is
    /// given to a rewriter, for it gets each row once.
    fn take_rewritten(
        &mut self,
        piece: StoredPiece<'_>,
        moving: &Moving,
        (rewrite, way): (&dyn MakeRewriter, Way),
    ) -> Result<Option<HeldPiece>> {
        let (room, mut too_long) = (std::mem::replace(&mut self.room, usize::MAX), false);
        let mut warnings = Vec::new();
        let warn = &mut |warning| warnings.push(warning);
        let way = way.limits(*moving.limits());
        let result = moving.remake(
            piece,
            Content::Rows,
            |_, _| Ok(&mut *self),
            warn,
            |data, encoder| {
                let mut plain = Vec::new();
                data.take(room as u64 + 1).read_to_end(&mut plain)?;
                if plain.len() > room {
                    too_long = true;
                    return Err(Error::usage("too long to be read ahead"));
                }
                way.read(&plain[..]).rewrite_with(rewrite, 1, encoder)
            },
        );
        let result = result.map(drop);
        self.warnings.append(&mut warnings);
        let piece = std::mem::take(&mut self.piece);
        self.room = room.saturating_sub(piece.bytes.len());
        match result {
            Ok(()) => Ok(Some(piece)),
            Err(_) if too_long => {
                self.over = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Write for Held {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.len() > self.room {
            self.over = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room -= buf.len();
        self.piece.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PieceSink for &mut Held {
    fn begin_chunk(&mut self) -> io::Result<()> {
        let at = self.piece.bytes.len();
        if self.piece.chunks.last() != Some(&at) {
            self.piece.chunks.push(at);
        }
        Ok(())
    }
}

impl Task<'_> {
    /// The stored bytes of its source, if they are few, and more is to be done than to copy them.
    fn small_size(&self) -> Option<u64> {
        let Task { archive, job: Job { sources, .. }, moving, rewrite } = self;
        let [source] = sources[..] else { return None };
        if rewrite.is_none()
            && moving.keeps(archive.header().compression.algorithm, archive.framing())
        {
            return None;
        }
        archive.stored_size_hint(archive.entry(source)?).filter(|size| *size <= SMALL)
    }

    /// Reads and compresses it; `None` if it turns out to be too large for that.
    fn prepare(&self, pool: &Arc<EncoderPool>, held: &mut Held) -> Result<Option<Ready>> {
        let Task { archive, job, moving, rewrite } = self;
        let [source] = job.sources[..] else { return Ok(None) };
        if held.over || self.small_size().is_none() {
            return Ok(None);
        }
        let moving = moving.with_pool(pool);
        held.warnings.clear();
        let mut block = archive.block(source, job.kind)?;
        let data = match job.kind {
            BlockKind::Data => {
                let taken = match with_way(*rewrite, &block)? {
                    Some(rewrite) => held.take_rewritten(block.piece()?, &moving, rewrite)?,
                    None => held.take(block.piece()?, Content::Rows, &moving)?,
                };
                match taken {
                    Some(piece) => ReadyData::Piece(piece),
                    None => return Ok(None),
                }
            }
            BlockKind::LargeObjects => {
                let mut ready = Vec::new();
                while let Some((oid, object)) = block.next_piece()? {
                    let Some(piece) = held.take(object, Content::Bytes, &moving)? else {
                        return Ok(None);
                    };
                    ready.push((oid, piece));
                }
                ReadyData::Objects(ready)
            }
        };
        Ok(Some(Ready { data, warnings: std::mem::take(&mut held.warnings) }))
    }

    /// Moves it from the one archive to the other.
    fn move_to<W: Write>(&self, writer: &mut ArchiveWriter<W>, warn: &mut Warn<'_>) -> Result<()> {
        let Task { archive, job, moving, rewrite } = self;
        if let [source] = job.sources[..]
            && rewrite.is_none()
            && writer.copy_block((job.id, job.kind), archive, source, moving, warn)?
        {
            return Ok(());
        }
        let blocks = job.sources.iter().map(|source| archive.block(*source, job.kind));
        move_blocks(job, blocks, writer, moving, *rewrite, warn)
    }
}

/// Moves the data of all jobs in the order in which it comes.
pub(super) fn move_as_it_comes<W: Write>(
    pass: &mut Pass<'_>,
    jobs: &[Job],
    writer: &mut ArchiveWriter<W>,
    ways: Ways,
    rewrites: &Rewrites<'_>,
    warn: &mut Warn<'_>,
) -> Result<()> {
    let moving = Moving::to(writer, ways, pass.contexts(), pass.limits());
    let source = |job: &Job| job.sources.first().copied();
    let by_source: HashMap<DumpId, &Job> =
        jobs.iter().filter_map(|job| Some((source(job)?, job))).collect();
    let mut done = HashSet::new();
    while let Some(block) = pass.next_block()? {
        let Some(job) = by_source.get(&block.dump_id()) else {
            no_data_denied(&block)?;
            continue;
        };
        if job.kind != block.kind() {
            return Err(in_entry_of(&block, block.kind().of_wrong_kind()));
        }
        if !done.insert(block.dump_id()) {
            let error = Error::malformed("the archive has the data of the entry twice");
            return Err(in_entry_of(&block, error));
        }
        move_blocks(job, [Ok(block)], writer, &moving, rewrites.of(job), warn)?;
    }
    // The archive says so itself, else reading it had failed.
    let missing = |id: &DumpId| by_source.contains_key(id) && !done.contains(id);
    match pass.toc().entries().find(|entry| missing(&entry.dump_id())) {
        Some(entry) => Err(Error::malformed("the archive has no block with the entry's data")
            .in_entry(|| entry.name())),
        None => Ok(()),
    }
}

/// Refuses to pass over the data of an entry that says it has none.
fn no_data_denied(block: &Block<'_>) -> Result<()> {
    match block.entry() {
        Some(entry) if !entry.has_data() => {
            let error = "the archive has data of the entry, which says that it has none";
            Err(Error::malformed(error).in_entry(|| entry.name()))
        }
        _ => Ok(()),
    }
}

/// Moves the data of a new entry: of a block, or the large objects of the blocks of several groups
/// that become one.
fn move_blocks<'b, W: Write>(
    job: &Job,
    blocks: impl IntoIterator<Item = Result<Block<'b>>>,
    writer: &mut ArchiveWriter<W>,
    moving: &Moving,
    rewrite: Option<&dyn MakeRewriter>,
    warn: &mut Warn<'_>,
) -> Result<()> {
    if job.kind == BlockKind::Data {
        return blocks.into_iter().try_for_each(|block| {
            let mut block = block?;
            let rewrite = with_way(rewrite, &block)?;
            let piece = block.piece()?;
            move_piece(piece, |by, len| writer.stored_data(job.id, by, len), moving, rewrite, warn)?
                .finish()
        });
    }
    let mut out = writer.large_objects(job.id)?;
    // Of one block alone its own reader sees that none comes twice.
    let several = job.sources.len() > 1;
    let mut seen = HashSet::new();
    for block in blocks {
        let mut block = block?;
        while let Some((oid, piece)) = block.next_piece()? {
            if several && !seen.insert(oid) {
                drop(piece);
                return Err(twice(&block, oid));
            }
            moving
                .piece(piece, Content::Bytes, |by, len| out.stored_object(oid, by, len), warn)?
                .finish()?;
        }
    }
    out.finish()
}

/// How the rows of a block are to be read, if they are rewritten.
fn with_way<'r>(
    rewrite: Option<&'r dyn MakeRewriter>,
    block: &Block<'_>,
) -> Result<Option<(&'r dyn MakeRewriter, Way)>> {
    match (rewrite, block.entry()) {
        (Some(rewrite), Some(entry)) => Ok(Some((rewrite, Way::of(entry)?))),
        _ => Ok(None),
    }
}

/// Moves a piece, rewritten or as it is.
fn move_piece<O: PieceSink>(
    piece: StoredPiece<'_>,
    open: impl FnOnce(Algorithm, Option<u64>) -> Result<O>,
    moving: &Moving,
    rewrite: Option<(&dyn MakeRewriter, Way)>,
    warn: &mut Warn<'_>,
) -> Result<O> {
    let Some((rewrite, way)) = rewrite else {
        return moving.piece(piece, Content::Rows, open, warn);
    };
    let way = way.limits(*moving.limits());
    moving.remake(piece, Content::Rows, open, warn, |data, encoder| {
        way.read(data).rewrite_with(rewrite, moving.threads(), encoder)
    })
}

/// Groups of large objects that become one may not share any.
fn twice(block: &Block<'_>, oid: Oid) -> Error {
    in_entry_of(block, Error::malformed(format!("large object {oid} is in another group, too")))
}

fn in_entry_of(block: &Block<'_>, error: Error) -> Error {
    match block.entry() {
        Some(entry) => error.in_entry(|| entry.name()),
        None => error,
    }
}

impl Ready {
    fn write<W: Write>(
        self,
        task: &Task<'_>,
        writer: &mut ArchiveWriter<W>,
        warn: &mut Warn<'_>,
    ) -> Result<()> {
        let Task { job, moving, .. } = task;
        let algorithm = moving.algorithm();
        match self.data {
            ReadyData::Piece(piece) => {
                let mut out = writer.stored_data(job.id, algorithm, Some(piece.len()))?;
                piece.write(&mut out)?;
                out.finish()?;
            }
            ReadyData::Objects(objects) => {
                let mut out = writer.large_objects(job.id)?;
                for (oid, piece) in objects {
                    let mut object = out.stored_object(oid, algorithm, Some(piece.len()))?;
                    piece.write(&mut object)?;
                    object.finish()?;
                }
                out.finish()?;
            }
        }
        self.warnings.into_iter().for_each(warn);
        Ok(())
    }
}
