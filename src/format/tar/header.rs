//! The header of a tar member, in both directions.
//!
//! `tarCreateHeader`, `read_tar_number` and `isValidTarHeader` of `src/port/tar.c` and
//! `pg_backup_tar.c`.

use std::io;

use crate::text::shown;

/// Headers and data fill blocks of this size.
pub(crate) const BLOCK: usize = 512;

/// What a header says: the fields that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarHeader {
    pub(crate) name: Vec<u8>,
    /// Bytes of data as stated, whether they follow or not.
    pub(crate) size: u64,
    /// The type of the member, or of the header: `0` for a file.
    pub(super) flag: u8,
    /// What a link leads to.
    pub(super) link: Vec<u8>,
    /// Whether blocks with more of the map of a sparse file follow (GNU).
    pub(super) map_goes_on: bool,
}

impl TarHeader {
    /// The header of a file.
    pub(crate) fn file(name: impl Into<Vec<u8>>, size: u64) -> TarHeader {
        let (name, link) = (name.into(), Vec::new());
        TarHeader { name, size, flag: b'0', link, map_goes_on: false }
    }

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
        let flag = block[156];
        let link = until_nul(&block[157..257]).to_vec();
        Some(TarHeader { name, size, flag, link, map_goes_on: flag == b'S' && block[482] == 1 })
    }

    /// The header of a file as PostgreSQL makes it (`tarCreateHeader`); the mirror of `decode`.
    /// `mtime`: seconds since 1970.
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
    // Some write the numbers of devices behind it.
    block[257..329].iter().all(|byte| *byte == 0)
        && header.is_some_and(|header| !header.name.is_empty() && header.name.is_ascii())
}

pub(super) fn until_nul(field: &[u8]) -> &[u8] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_both_directions() {
        for size in [0, 1, 0o777_7777_7777, 8 << 30, u64::MAX >> 1] {
            let header = TarHeader::file("1.dat", size);
            let block = header.encode(1_700_000_000).unwrap();
            assert_eq!(TarHeader::decode(&block), Some(header), "{size}");
            assert!(is_tar(&block));
        }
        assert!(TarHeader::file(vec![b'x'; 100], 0).encode(0).is_err());
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
