//! A tar read from front to back: members as blocks of data.
//!
//! `pg_backup_tar.c`. The members of an entry's large objects stand together, and the list of
//! them behind them.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Read};

use super::super::names;
use super::header::BLOCK;
use super::members::{Kind, TarMember, Walk};
use super::name_shown;
use super::without_toc::{START, WithoutToc, base_name};
use crate::compression::Algorithm;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::source::{Peek, Pipe, Positioned};
use crate::surplus::Surplus;
use crate::toc::{BlockKind, DumpId, Toc, TocEntry};
use crate::version::Gate;

/// A tar that comes through a pipe, behind its table of contents.
pub(crate) struct TarStream<R> {
    member: MemberReader<R>,
    walk: Walk,
    way: Way,
    owners: MemberOwners,
    /// The next member, when its header had to be read to see that large objects ended.
    ahead: Option<TarMember>,
    /// Whether large objects were begun, and may not all have been read.
    begun: bool,
    /// Size of the last block's members.
    bytes: u64,
    /// How the data of the member that is being read is compressed.
    algorithm: Algorithm,
    /// Entries whose large objects came.
    objects_of: HashSet<DumpId>,
    /// How many large objects of the block came, and how many its list has, once that came.
    came: u64,
    listed: Option<u64>,
    surplus: Option<Surplus>,
}

/// How `toc.dat` was found.
struct Way {
    /// The folder that the archive was packed with.
    prefix: Vec<u8>,
    /// Whether pg_dump did not make the tar: somebody packed a directory archive.
    packed: bool,
    /// Whether data came before `toc.dat`.
    late: bool,
}

/// The members of one entry's data.
pub(crate) struct MemberBlock {
    pub(crate) dump_id: DumpId,
    pub(crate) kind: BlockKind,
    /// The first large object, which had to be seen to know that they begin.
    pub(crate) first: Option<u32>,
}

/// A tar that stands at the data of its `toc.dat`.
pub(crate) struct AtToc<R> {
    member: MemberReader<R>,
    walk: Walk,
    way: Way,
}

impl<R: Read> AtToc<R> {
    /// Moves to the data of `toc.dat`, wherever it is.
    ///
    /// # Errors
    ///
    /// What the tar is instead if there is none.
    pub(crate) fn find(pipe: Pipe<R>) -> Result<Self> {
        let mut walk = Walk::default();
        let mut member = MemberReader { pipe, left: 0, padding: 0, start: 0 };
        let mut seen = WithoutToc::default();
        let mut is_first = true;
        while let Some(header) = walk.next(&mut member.pipe)? {
            let base = base_name(&header.name);
            if names::is_toc(base) {
                if header.kind != Kind::File || base != names::TOC.as_bytes() {
                    return Err(not_from_pipe("toc.dat is compressed, or a link,"));
                }
                let prefix = header.name[..header.name.len() - base.len()].to_vec();
                let packed = !is_first || !prefix.is_empty();
                let way = Way { prefix, packed, late: seen.has_data() };
                member.begin(header.size);
                return Ok(AtToc { member, walk, way });
            }
            is_first = false;
            member.begin(header.size);
            let start: &[u8] = match header.kind {
                Kind::File if seen.wants_start() => member.peek(START)?,
                _ => b"",
            };
            seen.note(&header.name, start);
            if seen.is_of_server() {
                break;
            }
            member.skip_rest()?;
        }
        Err(Error::new(ErrorKind::NotAnArchive(seen.verdict())))
    }

    /// The data of `toc.dat`.
    pub(crate) fn toc(&mut self) -> &mut MemberReader<R> {
        &mut self.member
    }

    /// Goes on with what is behind it.
    pub(crate) fn members(self, toc: &Toc) -> TarStream<R> {
        let AtToc { member, walk, mut way } = self;
        way.packed |= is_of_directory(toc);
        let owners = MemberOwners::new(toc);
        TarStream {
            member,
            walk,
            way,
            owners,
            ahead: None,
            begun: false,
            bytes: 0,
            algorithm: Algorithm::None,
            objects_of: HashSet::new(),
            came: 0,
            listed: None,
            surplus: None,
        }
    }
}

/// Whether a table of contents is that of a directory archive: only there an entry of large
/// objects names their list.
fn is_of_directory(toc: &Toc) -> bool {
    let mut objects = toc.entries().filter(|entry| entry.data_kind() == BlockKind::LargeObjects);
    objects.any(|entry| entry.file_name().is_some_and(names::is_list))
}

/// `what` stands in the way of reading the tar front to back.
fn not_from_pipe(what: &str) -> Error {
    Error::usage(format!(
        "{what} in this tar, which then cannot be read from a pipe; save it in a file first"
    ))
}

impl<R: Read> TarStream<R> {
    /// The member that is being read.
    pub(crate) fn member(&mut self) -> &mut MemberReader<R> {
        &mut self.member
    }

    /// How its data is compressed.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Bytes of the tar that were consumed.
    pub(crate) fn position(&self) -> u64 {
        self.member.pipe_position()
    }

    /// Another archive that went by.
    pub(crate) fn surplus(&self) -> Option<&Surplus> {
        self.surplus.as_ref()
    }

    /// Whether somebody packed a directory archive into the tar, perhaps more than one.
    pub(crate) fn is_packed(&self) -> bool {
        self.way.packed
    }

    /// Moves to the end, or to another archive.
    pub(crate) fn skip_to_end(&mut self) -> Result<()> {
        let mut ahead = self.ahead.take();
        while self.surplus.is_none() {
            self.member.skip_rest()?;
            let next = match ahead.take() {
                Some(member) => Some(member),
                None => self.walk.next(&mut self.member.pipe)?,
            };
            let Some(member) = next else { break };
            self.member.begin(member.size);
            self.note_other(&member);
        }
        Ok(())
    }

    /// Reads the rest of the pipe, whatever it is.
    pub(crate) fn read_to_end(&mut self) -> Result<()> {
        Ok(self.member.pipe.drain()?)
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
        if self.way.late && !awaited.is_empty() {
            return Err(not_from_pipe("toc.dat comes behind the data").at(self.position()));
        }
        loop {
            self.member.skip_rest()?;
            let member = match self.ahead.take() {
                Some(member) => Some(member),
                None => self.walk.next(&mut self.member.pipe)?,
            };
            let Some(member) = member else {
                return Ok(None);
            };
            self.member.begin(member.size);
            let Some(name) = member.name.strip_prefix(&*self.way.prefix) else {
                self.note_other(&member);
                continue;
            };
            let (base, algorithm) = names::without_suffix(name);
            self.bytes = member.size;
            self.algorithm = algorithm;
            if let Some(oid) = names::object_oid(base) {
                if self.way.packed || algorithm != Algorithm::None {
                    return Err(not_from_pipe("there are large objects of a directory archive")
                        .at(member.at));
                }
                check_file(&member)?;
                self.begun = true;
                let dump_id = self.owners.of_large_object(oid);
                self.objects_of.insert(dump_id);
                (self.came, self.listed) = (1, None);
                let kind = BlockKind::LargeObjects;
                return Ok(Some(MemberBlock { dump_id, kind, first: Some(oid) }));
            }
            if let Some(id) = self.owners.data.get(name).or_else(|| self.owners.data.get(base)) {
                check_file(&member)?;
                let kind = BlockKind::Data;
                return Ok(Some(MemberBlock { dump_id: *id, kind, first: None }));
            }
            // Only the list behind them shows that no large object of an entry is missing.
            if let Some(id) = self.owners.of_list(name) {
                let came = [id, DumpId(0)].iter().any(|id| self.objects_of.contains(id));
                if member.size > 0 && !came {
                    return Err(not_from_pipe("large objects come behind their list").at(member.at));
                }
                awaited.remove(&id);
            }
            // Else restore.sql, or what another program added; or the next archive.
            self.note_other(&member);
            if let Some(Surplus::Behind { .. }) = self.surplus {
                return Ok(None);
            }
        }
    }

    /// Takes note of another `toc.dat`.
    fn note_other(&mut self, member: &TarMember) {
        let base = base_name(&member.name);
        if member.kind != Kind::File || base != names::TOC.as_bytes() || self.surplus.is_some() {
            return;
        }
        let folder = &member.name[..member.name.len() - base.len()];
        self.surplus = Some(match folder == self.way.prefix {
            true => Surplus::Behind { offset: member.at },
            false => Surplus::InFolder { name: name_shown(folder) },
        });
    }

    /// Moves to the next large object of the block, and gives its OID; `None` at their list.
    pub(crate) fn next_object(&mut self) -> Result<Option<u32>> {
        if self.ahead.is_some() {
            return Ok(None);
        }
        self.member.skip_rest()?;
        let Some(member) = self.walk.next(&mut self.member.pipe)? else {
            return Err(self.no_list());
        };
        let oid = names::object_oid(&member.name);
        if oid.is_none() && !names::is_list(&member.name) {
            return Err(self.no_list());
        }
        self.bytes = self.bytes.saturating_add(member.size);
        match oid {
            Some(_) => {
                check_file(&member)?;
                self.member.begin(member.size);
                self.came += 1;
            }
            None => {
                self.member.begin(member.size);
                self.listed = Some(lines(&mut self.member)?);
                // It was read; what is left is that it was met.
                self.ahead = Some(TarMember { size: 0, ..member });
            }
        }
        Ok(oid)
    }

    /// Compares the list of a block's large objects, if it came, with how many came before it.
    /// pg_restore does not: of what stands behind the list it restores nothing.
    ///
    /// # Errors
    ///
    /// Another number.
    pub(crate) fn check_list(&self) -> Result<()> {
        match self.listed {
            Some(listed) if listed != self.came => Err(Error::malformed(format!(
                "the list of large objects has {listed}, but {} came before it",
                self.came
            ))
            .with_fault(Fault::ObjectList)),
            _ => Ok(()),
        }
    }
}

/// Counts the lines that have something in them.
fn lines(reader: &mut impl BufRead) -> Result<u64> {
    let (mut count, mut in_line) = (0, false);
    loop {
        let data = reader.fill_buf()?;
        if data.is_empty() {
            return Ok(count);
        }
        for byte in data {
            let is_end = matches!(byte, b'\n' | b'\r');
            count += u64::from(!is_end && !in_line);
            in_line = !is_end;
        }
        let n = data.len();
        reader.consume(n);
    }
}

impl<R: Read> TarStream<R> {
    /// Without the list behind them nobody knows whether all large objects came.
    fn no_list(&self) -> Error {
        let error = Error::malformed("no list of large objects stands behind them");
        error.with_fault(Fault::ObjectList).at(self.position())
    }
}

/// Refuses a member that is no file.
fn check_file(member: &TarMember) -> Result<()> {
    match member.kind {
        Kind::File => Ok(()),
        _ => {
            Err(not_from_pipe("a member with data is a link, or without its zeros,").at(member.at))
        }
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
            if entry.data_kind() == BlockKind::Data {
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
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
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
        let n = self.fill_buf()?.read(buf)?;
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

impl<R: Read> Positioned for MemberReader<R> {
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
