//! The data of a new archive, entry after entry: by one thread, or with others that read and
//! compress small entries ahead.
//!
//! A large entry is compressed by all threads together, block by block; see `compress/parallel.rs`.
//! Small ones have no blocks to share, so each is one thread's. What is ready waits in memory until
//! its turn comes, which is why only so many are begun.

use std::collections::{HashSet, VecDeque};
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::blocks::copy_block;
use super::job::{Job, Ways};
use super::moving::{Listener, Moving, Passing, PieceSink};
use crate::archive::{Archive, ArchiveWriter, StoredPiece};
use crate::compress::{EncoderPool, Framing};
use crate::error::{Error, Result};
use crate::format::block::BlockKind;
use crate::toc::{DumpId, Format, Oid};

/// Stored bytes of what is read ahead together, at most.
const SMALL: u64 = 512 << 10;

/// Bytes that what is read ahead together may become; the rest is moved when its turn comes.
const HELD: usize = 4 << 20;

/// A reader needs memory for a whole chunk.
const CHUNK: usize = 64 << 10;

/// Moves the data of all jobs, in their order.
pub(super) fn move_all<W: Write>(
    archives: &[&Archive],
    jobs: &[Job],
    writer: &mut ArchiveWriter<W>,
    ways: Ways,
    listener: &mut dyn Listener,
) -> Result<()> {
    let moving = |archive| Moving::to(writer, ways.recompress, Passing::of(archive, ways.decode));
    let movings: Vec<Moving> = archives.iter().map(|archive| moving(archive)).collect();
    let of = |job: &Job| job.archive as usize;
    let tasks: Vec<Task<'_>> = jobs
        .iter()
        .map(|job| Task { archive: archives[of(job)], job, moving: &movings[of(job)] })
        .collect();
    let threads = writer.pool().threads();
    if threads < 2 || !tasks.iter().any(|task| task.small_size().is_some()) {
        return tasks.iter().try_for_each(|task| task.move_to(writer, listener));
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
        move_ahead(&tasks, 2 * threads as usize, &give, writer, listener)
    })
}

/// Moves data while at most `most` batches are begun.
fn move_ahead<'a, W: Write>(
    tasks: &'a [Task<'a>],
    most: usize,
    give: &Sender<Order<'a>>,
    writer: &mut ArchiveWriter<W>,
    listener: &mut dyn Listener,
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
                Some(ready) => ready.write(task, writer, listener)?,
                None => task.move_to(writer, listener)?,
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
        let mut held = Held { bytes: Vec::new(), room: HELD, over: false, noted: Noted::default() };
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
}

/// The data of an entry, as it is to stand in the new archive.
struct Ready {
    data: ReadyData,
    noted: Noted,
}

/// What a thread has to tell of the data it moved.
#[derive(Debug, Default)]
struct Noted {
    bytes: u64,
    warnings: Vec<Error>,
}

impl Listener for Noted {
    fn moved(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    fn warn(&mut self, warning: Error) {
        self.warnings.push(warning);
    }
}

enum ReadyData {
    Piece(Vec<u8>),
    Objects(Vec<(Oid, Vec<u8>)>),
}

/// Memory with a limit, shared by the pieces of a batch.
struct Held {
    bytes: Vec<u8>,
    room: usize,
    over: bool,
    noted: Noted,
}

impl Held {
    /// The stored bytes of a piece in the new archive; `None` if there is no room for them.
    fn take(&mut self, piece: StoredPiece<'_>, moving: &Moving) -> Result<Option<Vec<u8>>> {
        let mut noted = std::mem::take(&mut self.noted);
        let result = moving.piece(piece, |_, _| Ok(&mut *self), &mut noted).map(drop);
        self.noted = noted;
        match result {
            Ok(()) => Ok(Some(std::mem::take(&mut self.bytes))),
            Err(_) if self.over => Ok(None),
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
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PieceSink for &mut Held {}

impl Task<'_> {
    /// The stored bytes of its source, if they are few, and more is to be done than to copy them.
    fn small_size(&self) -> Option<u64> {
        let Task { archive, job: Job { sources, .. }, moving } = self;
        let framing = match archive.format() {
            Format::Custom => Framing::Stream,
            _ => Framing::File,
        };
        let [source] = sources[..] else { return None };
        if moving.keeps(archive.header().compression.algorithm, framing) {
            return None;
        }
        archive.stored_size_hint(archive.entry(source)?).filter(|size| *size <= SMALL)
    }

    /// Reads and compresses it; `None` if it turns out to be too large for that.
    fn prepare(&self, pool: &Arc<EncoderPool>, held: &mut Held) -> Result<Option<Ready>> {
        let Task { archive, job, moving } = self;
        let [source] = job.sources[..] else { return Ok(None) };
        if held.over || self.small_size().is_none() {
            return Ok(None);
        }
        let moving = Moving { pool: Arc::clone(pool), ..(*moving).clone() };
        held.noted = Noted::default();
        let data = match job.kind {
            BlockKind::Data => match held.take(archive.piece(source)?, &moving)? {
                Some(bytes) => ReadyData::Piece(bytes),
                None => return Ok(None),
            },
            BlockKind::LargeObjects => {
                let mut ready = Vec::new();
                let mut objects = archive.large_objects(source)?;
                while let Some((oid, object)) = objects.next_piece()? {
                    let Some(bytes) = held.take(object, &moving)? else { return Ok(None) };
                    ready.push((oid, bytes));
                }
                ReadyData::Objects(ready)
            }
        };
        Ok(Some(Ready { data, noted: std::mem::take(&mut held.noted) }))
    }

    /// Moves it from the one archive to the other.
    fn move_to<W: Write>(
        &self,
        writer: &mut ArchiveWriter<W>,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        let Task { archive, job, moving } = self;
        if let [source] = job.sources[..]
            && copy_block(archive, source, job, writer, moving, listener)?
        {
            return Ok(());
        }
        match job.kind {
            BlockKind::Data => {
                // An entry that is not a group's has one source.
                let source = job.sources.first().copied().unwrap_or(job.id);
                moving
                    .piece(
                        archive.piece(source)?,
                        |algorithm, len| writer.stored_data(job.id, algorithm, len),
                        listener,
                    )?
                    .finish()
            }
            BlockKind::LargeObjects => {
                let mut out = writer.large_objects(job.id)?;
                // Of one entry alone its own reader sees that none comes twice.
                let several = job.sources.len() > 1;
                let mut seen = HashSet::new();
                for source in job.sources.iter() {
                    let mut objects = archive.large_objects(*source)?;
                    while let Some((oid, piece)) = objects.next_piece()? {
                        if several && !seen.insert(oid) {
                            return Err(twice(archive, *source, oid));
                        }
                        moving
                            .piece(
                                piece,
                                |algorithm, len| out.stored_object(oid, algorithm, len),
                                listener,
                            )?
                            .finish()?;
                    }
                }
                out.finish()
            }
        }
    }
}

/// Groups of large objects that become one may not share any.
fn twice(archive: &Archive, source: DumpId, oid: Oid) -> Error {
    let error = Error::malformed(format!("large object {oid} is in another group, too"));
    match archive.entry(source) {
        Some(entry) => error.in_entry(|| entry.name()),
        None => error,
    }
}

impl Ready {
    fn write<W: Write>(
        self,
        task: &Task<'_>,
        writer: &mut ArchiveWriter<W>,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        let Task { job, moving, .. } = task;
        let algorithm = moving.encoding.algorithm();
        match self.data {
            ReadyData::Piece(bytes) => {
                let mut out = writer.stored_data(job.id, algorithm, Some(bytes.len() as u64))?;
                bytes.chunks(CHUNK).try_for_each(|chunk| out.write_all(chunk))?;
                out.finish()?;
            }
            ReadyData::Objects(objects) => {
                let mut out = writer.large_objects(job.id)?;
                for (oid, bytes) in objects {
                    let len = Some(bytes.len() as u64);
                    let mut object = out.stored_object(oid, algorithm, len)?;
                    bytes.chunks(CHUNK).try_for_each(|chunk| object.write_all(chunk))?;
                    object.finish()?;
                }
                out.finish()?;
            }
        }
        listener.moved(self.noted.bytes);
        self.noted.warnings.into_iter().for_each(|warning| listener.warn(warning));
        Ok(())
    }
}
