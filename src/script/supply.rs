//! Data of an archive that comes through a pipe: one thread reads it, and others restore it.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::feed::{Complaints, DataFeed, Met, Take, Then, Visit, absent, pass_on};
use crate::archive::{ArchiveStream, Block};
use crate::error::{Error, Result};
use crate::toc::{Desc, DumpId, Format, Oid, TocEntry};

/// A piece of an entry's data.
///
/// See the example of [`read_pipe`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<B> {
    /// Bytes, decompressed: of a table, or of the large object that began last. Where they are cut
    /// means nothing.
    Data(B),
    /// A large object begins.
    Object(Oid),
}

/// Takes the data that [`read_pipe`] reads.
pub trait Taker {
    /// Whether there is nothing more to wait for. It is asked before each block.
    fn has_all(&self) -> bool;

    /// The data of an entry begins; says whether it is wanted.
    fn begin(&mut self, entry: DumpId) -> bool;

    /// A piece of it; says whether more of this entry is wanted.
    fn piece(&mut self, piece: Piece<&[u8]>) -> bool;

    /// The data of the entry is complete. `complaints`: what is wrong with it that `pg_restore`
    /// restores without a message.
    fn end(&mut self, complaints: Vec<Error>);
}

/// Gives a [session](super::Restore::share_of_supply) the data of the entries that it restores.
pub trait Supply {
    /// Goes to the beginning of an entry's data. `false`: the archive has ended, and it did not
    /// come. It is called again for the same entry if the [sink](super::Sink) wants its rows
    /// [again](super::Outcome::Again).
    ///
    /// # Errors
    ///
    /// It is not to be had.
    fn begin(&mut self, entry: DumpId) -> Result<bool>;

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// The rest of the data is not to be had.
    fn next(&mut self) -> Result<Option<Piece<Arc<Vec<u8>>>>>;

    /// What is wrong with the data, at its end.
    fn complaints(&mut self) -> Vec<Error>;
}

/// Reads the data of an archive from a pipe, for [sessions](super::Restore::share_of_supply) in
/// other threads: each block that is wanted, in the order of the archive.
///
/// ```
/// use pgdmp::script::{Piece, Taker, read_pipe};
/// use pgdmp::{ArchiveStream, DumpId, Error};
///
/// /// Counts bytes.
/// #[derive(Default)]
/// struct Count(usize);
///
/// impl Taker for Count {
///     fn has_all(&self) -> bool {
///         false
///     }
///
///     fn begin(&mut self, _: DumpId) -> bool {
///         true
///     }
///
///     fn piece(&mut self, piece: Piece<&[u8]>) -> bool {
///         if let Piece::Data(bytes) = piece {
///             self.0 += bytes.len();
///         }
///         true
///     }
///
///     fn end(&mut self, _: Vec<Error>) {}
/// }
///
/// let file = std::fs::File::open("fixtures/pg17/small-custom.dump")?;
/// let mut count = Count::default();
/// read_pipe(&mut ArchiveStream::new(file)?, &mut count)?;
/// assert!(count.0 > 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
///
/// # Errors
///
/// Damage of the archive, and errors of reading: as of [`Restore::run_stream`](super::Restore::run_stream),
/// but that no order is wrong. A block that was begun then has no end.
pub fn read_pipe<R: Read + Send>(
    archive: &mut ArchiveStream<R>,
    taker: &mut dyn Taker,
) -> Result<()> {
    // The second block of an entry is none of its.
    let mut met = HashSet::new();
    while !taker.has_all() {
        let Some(mut block) = archive.next_block()? else { break };
        let id = block.dump_id();
        if !met.insert(id) || !taker.begin(id) {
            continue;
        }
        let mut is_wanted = true;
        let mut take = |piece: Piece<&[u8]>| {
            is_wanted = is_wanted && taker.piece(piece);
            is_wanted
        };
        let complaints = match block.entry().map(|entry| entry.desc()) {
            Some(Desc::BLOBS) => objects_of(&mut block, &mut take)?,
            _ => pass_on(block.data()?, &mut |bytes| Ok(take(Piece::Data(bytes))))?,
        };
        if is_wanted {
            taker.end(complaints);
        }
    }
    Ok(())
}

fn objects_of(
    block: &mut Block<'_>,
    take: &mut dyn FnMut(Piece<&[u8]>) -> bool,
) -> Result<Complaints> {
    let mut complaints = Complaints::new();
    block.be_lenient();
    while let Some(mut object) = block.next_object()? {
        if !take(Piece::Object(object.oid())) {
            return Ok(complaints);
        }
        loop {
            let bytes = object.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            if !take(Piece::Data(bytes)) {
                return Ok(complaints);
            }
            let n = bytes.len();
            object.consume(n);
        }
        complaints.extend(object.complaints());
    }
    complaints.extend(block.complaints());
    Ok(complaints)
}

/// The data that another thread has read.
pub(super) struct Supplied<'a> {
    supply: &'a mut dyn Supply,
    format: Format,
}

impl<'a> Supplied<'a> {
    pub(super) fn new(supply: &'a mut dyn Supply, format: Format) -> Self {
        Supplied { supply, format }
    }

    /// Says what is wrong with an entry whose data did not come.
    fn begin(&mut self, entry: TocEntry<'_>) -> Result<Option<Complaints>> {
        match self.supply.begin(entry.dump_id())? {
            true => Ok(None),
            false => absent(entry, self.format).map(Some),
        }
    }
}

impl DataFeed for Supplied<'_> {
    fn find(&mut self, entry: TocEntry<'_>, _: &mut Then<'_>) -> Result<Complaints> {
        Err(Error::usage("the data comes in pieces").in_entry(|| entry.name()))
    }

    fn skip(&mut self, _: TocEntry<'_>) {}

    fn data(&mut self, entry: TocEntry<'_>, take: &mut Take<'_>) -> Result<Complaints> {
        if let Some(complaints) = self.begin(entry)? {
            return Ok(complaints);
        }
        while let Some(piece) = self.supply.next()? {
            if let Piece::Data(bytes) = piece
                && !take(&bytes)?
            {
                return Ok(Complaints::new());
            }
        }
        Ok(self.supply.complaints())
    }

    fn large_objects(&mut self, entry: TocEntry<'_>, visit: &mut Visit<'_>) -> Result<Complaints> {
        if let Some(complaints) = self.begin(entry)? {
            return Ok(complaints);
        }
        visit(Met::Found)?;
        let mut objects = Objects {
            supply: &mut *self.supply,
            bytes: Arc::new(Vec::new()),
            at: 0,
            next: None,
            ended: false,
        };
        while let Some(oid) = objects.next_object()? {
            visit(Met::Object(oid, &mut objects))?;
        }
        Ok(self.supply.complaints())
    }
}

/// Reads large objects, one after the other.
struct Objects<'s> {
    supply: &'s mut dyn Supply,
    /// A piece of the present one, and how much of it was consumed.
    bytes: Arc<Vec<u8>>,
    at: usize,
    /// The one that comes behind it, once that was seen.
    next: Option<Oid>,
    ended: bool,
}

impl Objects<'_> {
    /// Goes to the next one, behind the unread rest of the present one.
    fn next_object(&mut self) -> Result<Option<Oid>> {
        self.at = self.bytes.len();
        while self.next.is_none() && self.advance()? {
            self.at = self.bytes.len();
        }
        Ok(self.next.take())
    }

    /// Makes sure that there are bytes to read of the present one; `false` at its end.
    fn advance(&mut self) -> Result<bool> {
        while self.at == self.bytes.len() {
            if self.ended || self.next.is_some() {
                return Ok(false);
            }
            match self.supply.next()? {
                Some(Piece::Data(bytes)) => (self.bytes, self.at) = (bytes, 0),
                Some(Piece::Object(oid)) => self.next = Some(oid),
                None => self.ended = true,
            }
        }
        Ok(true)
    }
}

impl Read for Objects<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let n = bytes.len().min(buf.len());
        buf[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Objects<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.advance()?;
        Ok(&self.bytes[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.bytes.len());
    }
}
