//! Tar: where the members are.
//!
//! `pg_backup_tar.c` and `src/port/tar.c`. pg_restore reads members front to back and fails when
//! they come in another order than it wants; here they are looked up.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;

use tempfile::SpooledTempFile;

use super::names;
use super::output::Output;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::source::{Input, Source, SourceReader};
use crate::text::shown;
use crate::toc::{DumpId, Toc};
use crate::version::ArchiveVersion;

/// Headers and data fill blocks of this size.
pub(crate) const BLOCK: usize = 512;

/// What a header says: the fields that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarHeader {
    pub(crate) name: Vec<u8>,
    pub(crate) size: u64,
}

impl TarHeader {
    /// `None` if the checksum is wrong or the size is no number.
    pub(crate) fn decode(block: &[u8; BLOCK]) -> Option<TarHeader> {
        let checksum = number(&block[148..156])?;
        let spaces = 8 * u64::from(b' ');
        let sum: u64 = block[..148].iter().chain(&block[156..]).map(|b| u64::from(*b)).sum();
        if sum + spaces != checksum {
            return None;
        }
        let size = number(&block[124..136])?;
        let name = &block[..100];
        let mut name = until_nul(name).to_vec();
        // Of a header that begins a byte too early the checksum may fit, since blanks are around it.
        if name.is_empty() {
            return None;
        }
        // POSIX splits long names; pg_dump's are short, other programs' may not be.
        if block.starts_with_magic(b"ustar\0") {
            let prefix = until_nul(&block[345..500]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        Some(TarHeader { name, size })
    }

    /// The header as PostgreSQL makes it (`tarCreateHeader`); the mirror of `decode`. `mtime`:
    /// seconds since 1970.
    pub(crate) fn encode(&self, mtime: u64) -> io::Result<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        // A name that fills the field has no NUL behind it, which PostgreSQL does not read.
        if self.name.len() >= 100 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the name {} is too long for a tar", shown(&self.name)),
            ));
        }
        block[..self.name.len()].copy_from_slice(&self.name);
        // Mode, owner and group have been these since 1998.
        block[100..108].copy_from_slice(b"0000600 ");
        block[108..116].copy_from_slice(b"0004000 ");
        block[116..124].copy_from_slice(b"0002000 ");
        encode_number(&mut block[124..136], self.size);
        encode_number(&mut block[136..148], mtime);
        block[156] = b'0';
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[265..273].copy_from_slice(b"postgres");
        block[297..305].copy_from_slice(b"postgres");
        block[329..337].copy_from_slice(b"0000000 ");
        block[337..345].copy_from_slice(b"0000000 ");
        block[148..156].fill(b' ');
        let sum = block.iter().map(|byte| u64::from(*byte)).sum();
        encode_number(&mut block[148..156], sum);
        Ok(block)
    }

    /// Bytes from the end of the header to the next one.
    pub(crate) fn padded(&self) -> Option<u64> {
        self.size.checked_next_multiple_of(BLOCK as u64)
    }
}

trait Magic {
    fn starts_with_magic(&self, magic: &[u8]) -> bool;
}

impl Magic for [u8; BLOCK] {
    fn starts_with_magic(&self, magic: &[u8]) -> bool {
        self[257..].starts_with(magic)
    }
}

/// Whether a block is the header of the first member of a tar: the rule of `isValidTarHeader`.
pub(crate) fn is_tar(block: &[u8; BLOCK]) -> bool {
    let known = [&b"ustar\x0000"[..], b"ustar  \0", b"ustar00\0"];
    known.iter().any(|magic| block.starts_with_magic(magic)) && TarHeader::decode(block).is_some()
}

/// Whether a block is the header of the first member of a tar from before there was a magic, as
/// `tar --format=v7` still writes it. pg_restore takes none such for an archive.
pub(crate) fn is_old_tar(block: &[u8; BLOCK]) -> bool {
    let header = TarHeader::decode(block);
    block[257..].iter().all(|byte| *byte == 0)
        && header.is_some_and(|header| !header.name.is_empty() && header.name.is_ascii())
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal, or in base 256 if it is larger than that can be.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        let (high, low) = rest.split_at(rest.len().saturating_sub(8));
        if high.iter().any(|byte| *byte != 0) {
            return None;
        }
        return Some(low.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|b| !(b'0'..=b'7').contains(b)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    // Behind the digits stands nothing, a blank or a zero.
    if digits.is_empty() || rest.first().is_some_and(|byte| !matches!(byte, b' ' | 0)) {
        return None;
    }
    // At most 12 digits: no overflow.
    Some(digits.iter().fold(0, |value, byte| value << 3 | u64::from(byte - b'0')))
}

/// A number in octal with a blank behind it, or in base 256 if it does not fit; the mirror of
/// `number`.
fn encode_number(field: &mut [u8], value: u64) {
    let (last, digits) = match field.split_last_mut() {
        Some(parts) => parts,
        None => return,
    };
    if value >> (3 * digits.len()) == 0 {
        *last = b' ';
        for (n, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b'0' + (value >> (3 * n) & 7) as u8;
        }
        return;
    }
    for (n, byte) in field.iter_mut().rev().enumerate() {
        *byte = if n < 8 { (value >> (8 * n)) as u8 } else { 0 };
    }
    field[0] = 0x80;
}

/// Reads the next header; `None` at the end.
pub(crate) fn next_header<I: Input>(input: &mut I) -> Result<Option<TarHeader>> {
    loop {
        let at = input.position();
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match input.read(&mut block[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        // Zeros stand at the end, as many as its writer liked.
        if block.iter().all(|byte| *byte == 0) {
            if filled < BLOCK {
                return Ok(None);
            }
            continue;
        }
        if filled < BLOCK {
            return Err(Error::truncated("the header of a tar member").at(at));
        }
        return match TarHeader::decode(&block) {
            Some(header) if header.padded().is_some() => Ok(Some(header)),
            _ => Err(Error::malformed("the header of a tar member is damaged").at(at)),
        };
    }
}

/// All members of a tar by name.
#[derive(Debug)]
pub(crate) struct TarIndex {
    source: Arc<dyn Source>,
    /// Names one after the other.
    names: Vec<u8>,
    /// Sorted by name; of several with one name the first in the file stands first.
    members: Vec<Place>,
    /// What all names begin with when a directory archive was packed with its folder.
    prefix: String,
    /// Why the walk over the members ended early, and where.
    stop: Option<(bool, u64)>,
}

#[derive(Debug)]
struct Place {
    name: Range<usize>,
    data: Range<u64>,
}

impl TarIndex {
    /// Walks over the headers of a tar.
    pub(crate) fn new(source: Arc<dyn Source>, limits: &Limits) -> Result<TarIndex> {
        let mut index = TarIndex {
            source: Arc::clone(&source),
            names: Vec::new(),
            members: Vec::new(),
            prefix: String::new(),
            stop: None,
        };
        let mut input = SourceReader::from(source, 0);
        loop {
            let header = match next_header(&mut input) {
                Ok(Some(header)) => header,
                Ok(None) => break,
                Err(error) if error.is_io() => return Err(error),
                Err(error) => {
                    let at = error.offset().unwrap_or_default();
                    index.stop = Some((error.is_truncated(), at));
                    break;
                }
            };
            if index.members.len() >= limits.members as usize {
                return Err(Error::new(ErrorKind::Limit {
                    what: "members of a tar",
                    limit: u64::from(limits.members),
                    knob: "members",
                }));
            }
            let start = input.position();
            index.add(&header, start);
            if input.skip(header.padded().unwrap_or(u64::MAX)).is_err() {
                // Of the last member's padding nothing is missed.
                break;
            }
        }
        let TarIndex { names, members, .. } = &mut index;
        members.sort_by(|a, b| names[a.name.clone()].cmp(&names[b.name.clone()]));
        index.find_prefix();
        Ok(index)
    }

    fn add(&mut self, header: &TarHeader, start: u64) {
        let name = header.name.strip_prefix(b"./").unwrap_or(&header.name);
        let from = self.names.len();
        self.names.extend_from_slice(name);
        let end = start.saturating_add(header.size);
        self.members.push(Place { name: from..self.names.len(), data: start..end });
    }

    /// Where there is no `toc.dat`, a folder may have been packed together with its name.
    fn find_prefix(&mut self) {
        if self.get(names::TOC).is_some() {
            return;
        }
        let found = self.members.iter().find_map(|place| {
            let folder = self.names[place.name.clone()].strip_suffix(b"toc.dat")?;
            folder.ends_with(b"/").then(|| String::from_utf8(folder.to_vec()).ok())?
        });
        self.prefix = found.unwrap_or_default();
    }

    /// The whole file.
    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    pub(crate) fn get(&self, name: &str) -> Option<(Arc<dyn Source>, Range<u64>)> {
        let wanted = self.prefix.bytes().chain(name.bytes());
        let name_of = |place: &Place| self.names[place.name.clone()].iter().copied();
        let at = self.members.partition_point(|place| name_of(place).lt(wanted.clone()));
        let place = self.members.get(at).filter(|place| name_of(place).eq(wanted))?;
        Some((Arc::clone(&self.source), place.data.clone()))
    }

    /// Checks that all members are whole, and that zeros stand behind them.
    pub(crate) fn check_length(&self) -> Result<()> {
        let len = self.source.len();
        let last = self.members.iter().max_by_key(|place| place.data.end);
        let end = last.map_or(0, |place| place.data.end);
        if let Some(place) = last.filter(|_| end > len) {
            let name = shown(&self.names[place.name.clone()]);
            return Err(Error::truncated(format!("member {name} of the tar")).at(len));
        }
        let zeros = end.next_multiple_of(BLOCK as u64) + BLOCK as u64;
        match self.stop {
            Some((false, at)) if at < zeros => {
                Err(Error::malformed("the header of a tar member is damaged").at(at))
            }
            _ if len < zeros => Err(Error::truncated("the end of the tar").at(len)),
            _ => Ok(()),
        }
    }

    /// Why there is no such member.
    pub(crate) fn missing(&self, name: &str) -> Error {
        match self.stop {
            None => Error::not_found(format!("member {name} of the tar")),
            Some((true, at)) => Error::truncated(format!("the tar, before member {name}")).at(at),
            Some((false, at)) => Error::malformed(format!(
                "the header of a tar member is damaged; member {name} may be behind it"
            ))
            .at(at),
        }
    }
}

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
        TarHeader { name: name.as_bytes().to_vec(), size }.encode(self.mtime)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_both_directions() {
        for size in [0, 1, 0o777_7777_7777, 8 << 30, u64::MAX >> 1] {
            let header = TarHeader { name: b"1.dat".to_vec(), size };
            let block = header.encode(1_700_000_000).unwrap();
            assert_eq!(TarHeader::decode(&block), Some(header), "{size}");
            assert!(is_tar(&block));
        }
        assert!(TarHeader { name: vec![b'x'; 100], size: 0 }.encode(0).is_err());
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"0000600 "), Some(0o600));
        assert_eq!(number(b"00000001750 "), Some(0o1750));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(8 << 30));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(number(b"\x80\x01\0\0\0\0\0\0\0\0\0\0"), None);
        for bad in ["            ", "12x         ", "9           "] {
            assert_eq!(number(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
