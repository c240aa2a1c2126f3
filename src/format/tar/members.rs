//! From one member of a tar to the next, in every dialect.
//!
//! pg_dump's names are short and its members are files. Who packs a directory archive into a tar
//! uses a program with a dialect of its own: long names in members of their own (GNU), a prefix
//! (ustar), extended headers (pax), links between files, holes in them.

use super::header::{BLOCK, TarHeader, until_nul};
use crate::error::{Error, Fault, Result};
use crate::source::Positioned;

/// A member, and where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TarMember {
    /// Without `./` before it.
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Bytes of its data in the tar.
    pub(super) size: u64,
    /// Position of the first of its headers.
    pub(super) at: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// Another name of a member: that member's whole name.
    HardLink(Vec<u8>),
    /// What it says, from the folder that it is in.
    SymbolicLink(Vec<u8>),
    /// A file without its zeros.
    Sparse,
    /// A folder, or what else is no file.
    Other,
}

/// A walk over the members.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// What a global extended header said of all members behind it.
    global: Extended,
}

/// What stands in headers before the header of a member.
#[derive(Debug, Default, Clone)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

/// The data of a header is no longer than this; Linux has paths of at most 4096 bytes.
const LONGEST: u64 = 1 << 20;

impl Walk {
    /// Reads the next header, at which `input` stands, and what is said before it; `None` at the
    /// end.
    pub(crate) fn next<I: Positioned>(&mut self, input: &mut I) -> Result<Option<TarMember>> {
        let mut own = self.global.clone();
        let mut start = None;
        loop {
            let Some((header, at)) = next_header(input)? else {
                return match start {
                    None => Ok(None),
                    Some(start) => Err(Error::truncated("the header of a tar member").at(start)),
                };
            };
            let start = *start.get_or_insert(at);
            let place = |error: Error| error.at(at);
            match header.flag {
                b'L' => own.name = Some(name_in(&data(input, &header).map_err(place)?)),
                b'K' => own.link = Some(name_in(&data(input, &header).map_err(place)?)),
                b'x' | b'X' => own.add(&data(input, &header).map_err(place)?).map_err(place)?,
                b'g' => {
                    let data = data(input, &header).map_err(place)?;
                    self.global.add(&data).map_err(place)?;
                    own = self.global.clone();
                }
                _ => {
                    if header.map_goes_on {
                        skip_map(input).map_err(place)?;
                    }
                    let member = own.member(header, start);
                    if padded(member.size).is_none() {
                        return Err(damaged(at));
                    }
                    return Ok(Some(member));
                }
            }
        }
    }
}

impl Extended {
    /// Takes the records of an extended header: `LENGTH KEY=VALUE`, each a line.
    fn add(&mut self, mut records: &[u8]) -> Result<()> {
        let invalid = || Error::malformed("the extended header of a tar member is damaged");
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ').ok_or_else(invalid)?;
            let len: usize = number(&records[..blank]).ok_or_else(invalid)?;
            let record = records.get(blank + 1..len).ok_or_else(invalid)?;
            records = &records[len..];
            let record = record.strip_suffix(b"\n").ok_or_else(invalid)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(invalid)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let text = (!value.is_empty()).then(|| value.to_vec());
            match key {
                // The name that the member is to have, instead of the one that says it is sparse.
                b"path" if !self.sparse => self.name = text,
                b"GNU.sparse.name" => (self.name, self.sparse) = (text, true),
                b"linkpath" => self.link = text,
                b"size" => self.size = Some(number(value).ok_or_else(invalid)?),
                _ if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn member(self, header: TarHeader, at: u64) -> TarMember {
        let mut name = self.name.unwrap_or(header.name);
        while let Some(rest) = name.strip_prefix(b"./") {
            name = rest.to_vec();
        }
        let link = self.link.unwrap_or(header.link);
        let size = self.size.unwrap_or(header.size);
        let (kind, size) = match header.flag {
            b'0' | b'7' | 0 if self.sparse => (Kind::Sparse, size),
            // From before there was a type for it.
            0 if name.ends_with(b"/") => (Kind::Other, size),
            b'0' | b'7' | 0 => (Kind::File, size),
            b'1' => (Kind::HardLink(link), 0),
            b'2' => (Kind::SymbolicLink(link), 0),
            b'3'..=b'6' => (Kind::Other, 0),
            b'S' => (Kind::Sparse, size),
            _ => (Kind::Other, size),
        };
        TarMember { name, kind, size, at }
    }
}

/// Bytes up to the next header, for data of this size.
pub(super) fn padded(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK as u64)
}

fn damaged(at: u64) -> Error {
    Error::malformed("the header of a tar member is damaged").with_fault(Fault::Tar).at(at)
}

/// A number in decimal.
fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn name_in(data: &[u8]) -> Vec<u8> {
    until_nul(data).to_vec()
}

/// One header and its position. `None` at the end.
fn next_header<I: Positioned>(input: &mut I) -> Result<Option<(TarHeader, u64)>> {
    loop {
        let at = input.position();
        let (block, filled) = block(input)?;
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
            Some(header) => Ok(Some((header, at))),
            None => Err(damaged(at)),
        };
    }
}

/// A block, and how much of it there was.
fn block<I: Positioned>(input: &mut I) -> Result<([u8; BLOCK], usize)> {
    let mut block = [0; BLOCK];
    let mut filled = 0;
    while filled < BLOCK {
        match input.read(&mut block[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok((block, filled))
}

/// The data of a header that stands for something else than a member.
fn data<I: Positioned>(input: &mut I, header: &TarHeader) -> Result<Vec<u8>> {
    if header.size > LONGEST {
        return Err(Error::malformed("the extended header of a tar member is too long"));
    }
    let mut bytes = Vec::new();
    let mut left = header.size.next_multiple_of(BLOCK as u64) as usize;
    while left > 0 {
        let data = input.fill_buf()?;
        if data.is_empty() {
            return Err(Error::truncated("the header of a tar member"));
        }
        let n = data.len().min(left);
        bytes.extend_from_slice(&data[..n]);
        input.consume(n);
        left -= n;
    }
    bytes.truncate(header.size as usize);
    Ok(bytes)
}

/// Moves over the rest of the map of a sparse file, of which each block says whether there is
/// another.
fn skip_map<I: Positioned>(input: &mut I) -> Result<()> {
    loop {
        let (block, filled) = block(input)?;
        if filled < BLOCK {
            return Err(Error::truncated("the header of a tar member"));
        }
        if block[504] != 1 {
            return Ok(());
        }
    }
}
