//! Where data comes from: an archive that can be read anywhere, or one that goes by.

use std::collections::HashSet;
use std::io::{BufRead, Read};

use crate::archive::{Archive, ArchiveStream, Block, EntryData};
use crate::error::{Error, Result};
use crate::select::Selected;
use crate::toc::{DataOffset, DumpId, Format, Oid, TocEntry};
use crate::version::Gate;

/// What is met on the way through the large objects of an entry.
pub(super) enum Met<'s> {
    /// The first of them, or the end: they were found.
    Found,
    /// One of them.
    Object(Oid, &'s mut dyn BufRead),
}

/// What is done with each.
pub(super) type Visit<'v> = dyn FnMut(Met<'_>) -> Result<()> + 'v;

/// Takes a piece of data, and says whether it wants more.
pub(super) type Take<'t> = dyn FnMut(&[u8]) -> Result<bool> + 't;

/// Damage of data that pg_restore restores without a message.
pub(super) type Complaints = Vec<Error>;

/// Does something with the data of an entry.
pub(super) type Then<'t> = dyn FnMut(&mut Block<'_>) -> Result<Complaints> + 't;

/// Gives the rules the data of entries: how a file finds it and how a stream does is all that is
/// not the same.
pub(super) trait DataFeed {
    /// Moves to the data of an entry and does something with it.
    fn find(&mut self, entry: TocEntry<'_>, then: &mut Then<'_>) -> Result<Complaints>;

    /// The data of an entry is not wanted after all.
    fn skip(&mut self, entry: TocEntry<'_>);

    /// Where pg_restore has seen the block of an entry without offset, on its way to another.
    fn seen_at(&self, _: TocEntry<'_>) -> Option<u64> {
        None
    }

    /// Whether pg_restore passes without a word over large objects that did not come.
    fn passes_over_objects(&self) -> bool {
        true
    }

    /// Gives the data of an entry as it is, in pieces of any length.
    fn data(&mut self, entry: TocEntry<'_>, take: &mut Take<'_>) -> Result<Complaints> {
        self.find(entry, &mut |block| pass_on(block.data()?, take))
    }

    /// Visits the large objects of an entry, in the order of the archive.
    fn large_objects(&mut self, entry: TocEntry<'_>, visit: &mut Visit<'_>) -> Result<Complaints> {
        let lenient = self.passes_over_objects();
        self.find(entry, &mut |block| {
            if lenient {
                block.be_lenient();
            }
            let mut complaints = Complaints::new();
            visit(Met::Found)?;
            while let Some(mut object) = block.next_object()? {
                visit(Met::Object(object.oid(), &mut object))?;
                complaints.extend(object.complaints());
            }
            complaints.extend(block.complaints());
            Ok(complaints)
        })
    }
}

/// All data at once.
pub(super) struct AtOnce<'a> {
    archive: &'a Archive,
    /// Up to where pg_restore has looked for blocks of entries without offsets.
    seen: u64,
}

impl<'a> AtOnce<'a> {
    pub(super) fn new(archive: &'a Archive) -> Self {
        AtOnce { archive, seen: 0 }
    }

    fn look_for(&mut self, entry: TocEntry<'_>) -> Result<()> {
        if entry.data_offset() == Some(DataOffset::NotSet) {
            self.seen = self.seen.max(self.archive.locate(entry)?);
        }
        Ok(())
    }
}

impl DataFeed for AtOnce<'_> {
    fn find(&mut self, entry: TocEntry<'_>, then: &mut Then<'_>) -> Result<Complaints> {
        if !self.archive.has_data(entry)? {
            return Ok(vec![lost(entry)]);
        }
        self.look_for(entry)?;
        then(&mut self.archive.block_of(entry)?)
    }

    fn skip(&mut self, _: TocEntry<'_>) {}

    /// Of a tar it does not read the list, so what that lacks is missed here.
    fn passes_over_objects(&self) -> bool {
        self.archive.format() != Format::Tar
    }

    fn seen_at(&self, entry: TocEntry<'_>) -> Option<u64> {
        if self.seen == 0 || entry.data_offset() != Some(DataOffset::NotSet) {
            return None;
        }
        // That it is nowhere is found out when its data is wanted.
        self.archive.locate(entry).ok().filter(|at| *at < self.seen)
    }
}

/// No data: other sessions restore it.
pub(super) struct GoneBy;

impl DataFeed for GoneBy {
    fn find(&mut self, entry: TocEntry<'_>, _: &mut Then<'_>) -> Result<Complaints> {
        Err(Error::usage("the data is restored by other sessions").in_entry(|| entry.name()))
    }

    fn skip(&mut self, _: TocEntry<'_>) {}
}

/// Data in the order of the archive.
pub(super) struct OnePass<'a, R> {
    archive: &'a mut ArchiveStream<R>,
    /// Entries whose data is wanted and did not come yet; of a tar alone, where pg_restore says
    /// early that the order is wrong.
    wanted: HashSet<DumpId>,
}

impl<'a, R: Read + Send> OnePass<'a, R> {
    pub(super) fn new(archive: &'a mut ArchiveStream<R>, selected: &Selected<'_>) -> Self {
        let mut wanted = HashSet::new();
        if archive.format() == Format::Tar {
            let with_data = selected
                .all()
                .filter(|(entry, decision)| entry.had_dumper() && decision.wanted.data);
            wanted.extend(with_data.map(|(entry, _)| entry.dump_id()));
        }
        OnePass { archive, wanted }
    }
}

/// The member of a tar that an entry's data begins with.
fn member(entry: Option<TocEntry<'_>>, id: DumpId) -> String {
    let Some(entry) = entry else {
        return format!("{id}.dat");
    };
    if super::is_large_objects(&entry) {
        let tag = String::from_utf8_lossy(entry.tag().unwrap_or_default());
        return format!("blob_{}.dat", tag.split('.').next().unwrap_or_default());
    }
    match entry.file_name() {
        Some(name) if !name.is_empty() => String::from_utf8_lossy(name).into_owned(),
        _ => format!("{id}.dat"),
    }
}

impl<R: Read + Send> DataFeed for OnePass<'_, R> {
    fn find(&mut self, entry: TocEntry<'_>, then: &mut Then<'_>) -> Result<Complaints> {
        let id = entry.dump_id();
        let format = self.archive.format();
        // Before there were groups pg_restore took the next large objects, wherever they were.
        let any_order = super::is_large_objects(&entry)
            && !entry.toc().header().version.has(Gate::LargeObjectGroups);
        while let Some(mut block) = self.archive.next_block()? {
            if block.dump_id() == id {
                self.wanted.remove(&id);
                return then(&mut block);
            }
            if entry.denies_data()
                && block.entry().is_some_and(|later| later.index() > entry.index())
            {
                block.put_back();
                return Ok(vec![lost(entry)]);
            }
            if !any_order && self.wanted.contains(&block.dump_id()) {
                return Err(Error::usage(format!(
                    "restoring data out of order is not supported in this archive format: \
                     \"{}\" is required, but comes before \"{}\" in the archive file.",
                    member(block.entry(), block.dump_id()),
                    member(Some(entry), id),
                )));
            }
        }
        absent(entry, format)
    }

    fn skip(&mut self, entry: TocEntry<'_>) {
        self.wanted.remove(&entry.dump_id());
    }
}

/// Of an entry whose data did not come through a pipe.
pub(super) fn absent(entry: TocEntry<'_>, format: Format) -> Result<Complaints> {
    if entry.denies_data() {
        return Ok(vec![lost(entry)]);
    }
    let id = entry.dump_id();
    Err(Error::usage(match format {
        Format::Tar => {
            format!("could not find header for file \"{}\" in tar archive", member(Some(entry), id))
        }
        _ => format!(
            "could not find block ID {id} in archive -- possibly due to out-of-order restore \
             request, which cannot be handled due to non-seekable input file"
        ),
    }))
}

/// Of an entry whose offset says that there is no data, although a dumper wrote some.
fn lost(entry: TocEntry<'_>) -> Error {
    Error::malformed("the data is not in the archive").in_entry(|| entry.name())
}

/// Hands data on, in pieces, until no more is wanted.
pub(super) fn pass_on(mut data: EntryData<'_>, take: &mut Take<'_>) -> Result<Complaints> {
    data.be_lenient();
    loop {
        let piece = data.fill_buf()?;
        if piece.is_empty() || !take(piece)? {
            return Ok(data.complaints());
        }
        let n = piece.len();
        data.consume(n);
    }
}
