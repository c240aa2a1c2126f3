//! Tar: where the members are.
//!
//! `pg_backup_tar.c` and `src/port/tar.c`. pg_restore reads members front to back and fails when
//! they come in another order than it wants; here they are looked up.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::source::{Input, Source, SourceReader};

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
        // POSIX splits long names; pg_dump's are short, other programs' may not be.
        if block.starts_with_magic(b"ustar\0") {
            let prefix = until_nul(&block[345..500]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        Some(TarHeader { name, size })
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
        if self.get("toc.dat").is_some() {
            return;
        }
        let found = self.members.iter().find_map(|place| {
            let folder = self.names[place.name.clone()].strip_suffix(b"toc.dat")?;
            folder.ends_with(b"/").then(|| String::from_utf8(folder.to_vec()).ok())?
        });
        self.prefix = found.unwrap_or_default();
    }

    pub(crate) fn get(&self, name: &str) -> Option<(Arc<dyn Source>, Range<u64>)> {
        let wanted = self.prefix.bytes().chain(name.bytes());
        let name_of = |place: &Place| self.names[place.name.clone()].iter().copied();
        let at = self.members.partition_point(|place| name_of(place).lt(wanted.clone()));
        let place = self.members.get(at).filter(|place| name_of(place).eq(wanted))?;
        Some((Arc::clone(&self.source), place.data.clone()))
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

#[cfg(test)]
mod tests {
    use super::*;

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
