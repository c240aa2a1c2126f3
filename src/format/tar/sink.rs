//! A tar archive being written.
//!
//! `pg_backup_tar.c`.

use std::io::{self, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use super::super::names;
use super::super::output::Output;
use super::header::{BLOCK, TarHeader};
use crate::toc::{DumpId, Toc};
use crate::version::ArchiveVersion;

/// What is held in memory of a member whose size is not known yet.
const HELD: usize = 1 << 20;

/// A tar archive being written.
///
/// A member's size stands before it. Where the output can seek, it is written into the header
/// afterwards; through a pipe, large members wait in a temporary file, as they do in pg_dump.
///
/// There is no `restore.sql`. pg_dump adds that script for people who unpack the tar and change
/// it by hand; `pg_restore` never reads it, and it names files by a placeholder. Of an archive
/// that is copied unchanged it stays.
#[derive(Debug)]
pub(crate) struct TarSink<W> {
    output: Output<W>,
    version: ArchiveVersion,
    mtime: u64,
    toc_size: u64,
    member: Option<NewMember>,
    /// Name and lines of the list of large objects, which comes behind them.
    list: Option<(String, SpooledTempFile)>,
    first_oid: Option<u32>,
}

#[derive(Debug)]
struct NewMember {
    name: String,
    size: u64,
    place: Held,
}

impl<W: Write> TarSink<W> {
    pub(crate) fn new(output: Output<W>, toc: &Toc) -> io::Result<Self> {
        let created = toc.header().created;
        let mut sink = TarSink {
            output,
            version: toc.header().version,
            mtime: created.map_or(0, |created| created.unix_utc()),
            toc_size: 0,
            member: None,
            list: None,
            first_oid: None,
        };
        let mut counted = Output::pipe(io::sink());
        toc.write_to(&mut counted)?;
        sink.toc_size = counted.position();
        // Without its first header what was given up half-way is no tar.
        match sink.output.is_seekable() {
            true => sink.output.write_all(&[0; BLOCK])?,
            false => {
                let header = sink.toc_header()?;
                sink.output.write_all(&header)?;
            }
        }
        toc.write_to(&mut sink.output)?;
        sink.pad()?;
        Ok(sink)
    }

    fn header(&self, name: &str, size: u64) -> io::Result<[u8; BLOCK]> {
        TarHeader::file(name, size).encode(self.mtime)
    }

    fn toc_header(&self) -> io::Result<[u8; BLOCK]> {
        self.header(names::TOC, self.toc_size)
    }

    /// All members begin at multiples of the block size.
    fn pad(&mut self) -> io::Result<()> {
        let at = self.output.position();
        let padding = at.next_multiple_of(BLOCK as u64) - at;
        self.output.write_all(&[0; BLOCK][..padding as usize])
    }

    fn begin(&mut self, name: String, stored_len: Option<u64>) -> io::Result<()> {
        let place = match stored_len {
            Some(len) => {
                let header = self.header(&name, len)?;
                self.output.write_all(&header)?;
                Held::Known(len)
            }
            None if self.output.is_seekable() => Held::Memory(Vec::new()),
            None => Held::Spooled(SpooledTempFile::new(HELD)),
        };
        self.member = Some(NewMember { name, size: 0, place });
        Ok(())
    }

    pub(crate) fn begin_data(&mut self, id: DumpId, stored_len: Option<u64>) -> io::Result<()> {
        self.begin(names::data_name(id), stored_len)
    }

    pub(crate) fn begin_objects(&mut self, id: DumpId) {
        let name = names::new_list_name(self.version, id);
        self.list = Some((name, SpooledTempFile::new(HELD)));
        self.first_oid = None;
    }

    pub(crate) fn begin_object(&mut self, oid: u32, stored_len: Option<u64>) -> io::Result<()> {
        self.first_oid.get_or_insert(oid);
        if let Some((_, list)) = &mut self.list {
            names::write_large_object(list, oid)?;
        }
        self.begin(names::object_name(oid), stored_len)
    }

    /// The first large object since `begin_objects`, which pg_restore looks for.
    pub(crate) fn first_oid(&self) -> Option<u32> {
        self.first_oid
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(mut member) = self.member.take() else {
            return Err(io::Error::other("no member was begun"));
        };
        member.size += bytes.len() as u64;
        match &mut member.place {
            Held::Memory(held) if held.len() + bytes.len() > HELD => {
                let at = self.output.position();
                self.output.write_all(&[0; BLOCK])?;
                self.output.write_all(held)?;
                self.output.write_all(bytes)?;
                member.place = Held::Patched(at);
            }
            Held::Memory(held) => held.extend_from_slice(bytes),
            Held::Spooled(spooled) => spooled.write_all(bytes)?,
            Held::Known(_) | Held::Patched(_) => self.output.write_all(bytes)?,
        }
        self.member = Some(member);
        Ok(())
    }

    pub(crate) fn end_member(&mut self) -> io::Result<()> {
        let Some(member) = self.member.take() else { return Ok(()) };
        let header = self.header(&member.name, member.size)?;
        match member.place {
            Held::Memory(held) => {
                self.output.write_all(&header)?;
                self.output.write_all(&held)?;
            }
            Held::Spooled(spooled) => {
                self.output.write_all(&header)?;
                self.copy(spooled)?;
            }
            Held::Patched(at) => {
                self.pad()?;
                return self.output.patch(at, |start| start.write_all(&header));
            }
            Held::Known(len) if len != member.size => {
                return Err(io::Error::other(format!(
                    "member {} has {} bytes, not the {len} that were announced",
                    member.name, member.size
                )));
            }
            Held::Known(_) => {}
        }
        self.pad()
    }

    fn copy(&mut self, mut spooled: SpooledTempFile) -> io::Result<()> {
        spooled.seek(SeekFrom::Start(0))?;
        io::copy(&mut spooled, &mut self.output).map(drop)
    }

    pub(crate) fn end_objects(&mut self) -> io::Result<()> {
        let Some((name, mut list)) = self.list.take() else { return Ok(()) };
        let size = list.stream_position()?;
        let header = self.header(&name, size)?;
        self.output.write_all(&header)?;
        self.copy(list)?;
        self.pad()
    }

    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.output.write_all(&[0; 2 * BLOCK])?;
        if self.output.is_seekable() {
            let header = self.toc_header()?;
            self.output.patch(0, |start| start.write_all(&header))?;
        }
        self.output.finish()
    }
}

/// Where the bytes of a member are while its size is not known.
#[derive(Debug)]
enum Held {
    /// In the output: the size was known before.
    Known(u64),
    /// In the output, behind a header at this position that is written later.
    Patched(u64),
    Memory(Vec<u8>),
    Spooled(SpooledTempFile),
}
