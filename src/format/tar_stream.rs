//! A tar read from front to back: members as blocks of data.
//!
//! `pg_backup_tar.c`. The members of an entry's large objects stand together, and the list of
//! them behind them.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Read};

use super::block::BlockKind;
use super::names;
use super::tar::{self, TarHeader};
use crate::error::{Error, ErrorKind, Result};
use crate::not_an_archive::NotAnArchive;
use crate::source::{Input, Peek, Pipe};
use crate::toc::{Desc, DumpId, Toc, TocEntry};
use crate::version::Gate;

/// A tar that comes through a pipe, behind its table of contents.
pub(crate) struct TarStream<R> {
    member: MemberReader<R>,
    owners: MemberOwners,
    /// The next member's header, when one had to be read to see that large objects ended.
    ahead: Option<TarHeader>,
    /// Whether large objects were begun, and may not all have been read.
    begun: bool,
    /// Size of the last block's members.
    bytes: u64,
}

/// The members of one entry's data.
pub(crate) struct MemberBlock {
    pub(crate) dump_id: DumpId,
    pub(crate) kind: BlockKind,
    /// The first large object, which had to be seen to know that they begin.
    pub(crate) first: Option<u32>,
}

/// Moves to the data of `toc.dat`, with which the tar begins.
pub(crate) fn toc_member<R: Read>(mut pipe: Pipe<R>) -> Result<MemberReader<R>> {
    match tar::next_header(&mut pipe)? {
        Some(header) if header.name == names::TOC.as_bytes() => {
            let mut member = MemberReader { pipe, left: 0, padding: 0, start: 0 };
            member.begin(header.size);
            Ok(member)
        }
        _ => Err(Error::new(ErrorKind::NotAnArchive(NotAnArchive::TarWithoutToc))),
    }
}

impl<R: Read> TarStream<R> {
    /// `member`: that of `toc.dat`.
    pub(crate) fn new(member: MemberReader<R>, toc: &Toc) -> Self {
        let owners = MemberOwners::new(toc);
        TarStream { member, owners, ahead: None, begun: false, bytes: 0 }
    }

    /// The member that is being read.
    pub(crate) fn member(&mut self) -> &mut MemberReader<R> {
        &mut self.member
    }

    /// Bytes of the tar that were consumed.
    pub(crate) fn position(&self) -> u64 {
        self.member.pipe_position()
    }

    /// Moves behind a member, and behind all large objects of a group. Gives the size of the
    /// members of that block, if there was one.
    pub(crate) fn finish_block(&mut self) -> Result<Option<u64>> {
        if std::mem::take(&mut self.begun) {
            while self.next_object()?.is_some() {}
        }
        self.member.skip_rest()?;
        let bytes = std::mem::take(&mut self.bytes);
        Ok((bytes > 0).then_some(bytes))
    }

    /// Moves to the next member that belongs to an entry. An entry whose list of large objects
    /// goes by is taken out of `awaited`.
    pub(crate) fn next_block(
        &mut self,
        awaited: &mut HashSet<DumpId>,
    ) -> Result<Option<MemberBlock>> {
        loop {
            self.member.skip_rest()?;
            let header = match self.ahead.take() {
                Some(header) => Some(header),
                None => tar::next_header(&mut self.member.pipe)?,
            };
            let Some(header) = header else {
                return Ok(None);
            };
            self.member.begin(header.size);
            self.bytes = header.size;
            if let Some(oid) = names::object_oid(&header.name) {
                self.begun = true;
                let dump_id = self.owners.of_large_object(oid);
                let kind = BlockKind::LargeObjects;
                return Ok(Some(MemberBlock { dump_id, kind, first: Some(oid) }));
            }
            if let Some(id) = self.owners.data.get(&*header.name) {
                let kind = BlockKind::Data;
                return Ok(Some(MemberBlock { dump_id: *id, kind, first: None }));
            }
            // Only the list behind them shows that no large object of an entry is missing.
            if let Some(id) = self.owners.of_list(&header.name) {
                awaited.remove(&id);
            }
            // Else restore.sql, or what another program added.
        }
    }

    /// Moves to the next large object of the block, and gives its OID; `None` at their list.
    pub(crate) fn next_object(&mut self) -> Result<Option<u32>> {
        if self.ahead.is_some() {
            return Ok(None);
        }
        self.member.skip_rest()?;
        let Some(header) = tar::next_header(&mut self.member.pipe)? else {
            return Err(self.no_list());
        };
        let oid = names::object_oid(&header.name);
        if oid.is_none() && !names::is_list(&header.name) {
            return Err(self.no_list());
        }
        self.bytes = self.bytes.saturating_add(header.size);
        match oid {
            Some(_) => self.member.begin(header.size),
            None => self.ahead = Some(header),
        }
        Ok(oid)
    }
}

impl<R: Read> TarStream<R> {
    /// Without the list behind them nobody knows whether all large objects came.
    fn no_list(&self) -> Error {
        Error::malformed("no list of large objects stands behind them").at(self.position())
    }
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
                owners.data.insert(names::file_name(&entry).into(), id);
            } else if !grouped {
                owners.all_large_objects = Some(id);
            } else if let Some(first) = names::first_of_group(entry.tag().unwrap_or_default()) {
                owners.large_objects.insert(first, id);
            }
        }
        owners
    }

    fn of_list(&self, name: &[u8]) -> Option<DumpId> {
        if name == b"blobs.toc" {
            return self.all_large_objects;
        }
        names::list_owner(name)
    }

    fn of_large_object(&self, first: u32) -> DumpId {
        let grouped = self.large_objects.get(&first).copied();
        self.all_large_objects.or(grouped).unwrap_or(DumpId(0))
    }
}

/// One member of a tar that comes through a pipe.
pub(crate) struct MemberReader<R> {
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

    /// Bytes of the whole tar that were consumed.
    pub(crate) fn pipe_position(&self) -> u64 {
        self.pipe.position()
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

impl<R: Read> Peek for MemberReader<R> {
    fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let data = self.pipe.peek(n.min(left))?;
        Ok(&data[..data.len().min(left)])
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
