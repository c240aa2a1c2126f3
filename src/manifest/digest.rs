//! SHA-256 of bytes, of data that is written or read, and of large objects.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::ObjectsRecord;
use crate::toc::Oid;

/// A SHA-256 checksum. It is shown in 64 hexadecimal digits, and parsed from them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The checksum of bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The checksum as bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The error for a text that is no SHA-256 checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotADigest;

impl fmt::Display for NotADigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SHA-256 checksum has 64 hexadecimal digits")
    }
}

impl std::error::Error for NotADigest {}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| NotADigest)?;
        let value = |digit: u8| char::from(digit).to_digit(16).ok_or(NotADigest);
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (value(pair[0])? << 4 | value(pair[1])?) as u8;
        }
        Ok(Digest(bytes))
    }
}

/// The length and the SHA-256 of bytes that go by: the data of an entry while it is written or
/// read, or a file.
///
/// ```
/// use std::io::Write;
/// use pgdmp::manifest::{DataHash, Digest};
///
/// let mut hash = DataHash::new();
/// hash.write_all(b"1\tone\n")?;
/// hash.write_all(b"\\.\n\n\n")?;
/// assert_eq!(hash.finish(), (11, Digest::of(b"1\tone\n\\.\n\n\n")));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DataHash {
    sha: Sha256,
    len: u64,
}

impl DataHash {
    /// Of no bytes so far.
    pub fn new() -> DataHash {
        DataHash::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// How many bytes came, and their checksum.
    pub fn finish(self) -> (u64, Digest) {
        (self.len, Digest(self.sha.finalize().into()))
    }
}

impl Write for DataHash {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The checksum of all large objects of an archive, whatever their order: the SHA-256 over the OID
/// (4 bytes), the length (8 bytes, both with the lowest byte first) and the SHA-256 of each, sorted
/// by OID. It takes 44 bytes of memory for each.
#[derive(Debug, Clone, Default)]
pub struct ObjectsHash(Vec<(u32, u64, Digest)>);

impl ObjectsHash {
    /// Of no large objects so far.
    pub fn new() -> ObjectsHash {
        ObjectsHash::default()
    }

    /// Takes a large object: its OID, and what [`DataHash::finish`] said of its content.
    pub fn push(&mut self, oid: Oid, (len, digest): (u64, Digest)) {
        self.0.push((oid.0, len, digest));
    }

    /// Takes all that another one has.
    pub(crate) fn append(&mut self, other: &mut ObjectsHash) {
        self.0.append(&mut other.0);
    }

    /// The checksum of all that came.
    pub fn finish(mut self) -> ObjectsRecord {
        self.0.sort_unstable_by_key(|(oid, _, _)| *oid);
        let mut sha = Sha256::new();
        let mut raw = 0_u64;
        for (oid, len, digest) in &self.0 {
            sha.update(oid.to_le_bytes());
            sha.update(len.to_le_bytes());
            sha.update(digest.0);
            raw = raw.saturating_add(*len);
        }
        let sha256 = Digest(sha.finalize().into());
        ObjectsRecord { count: self.0.len() as u64, raw, sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        let digest = Digest::of(b"");
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
        for bad in ["", &text[1..], &text.replace('e', "g"), &format!("+{}", &text[1..])] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_order_of_large_objects_is_no_matter() {
        let digests = [b"one", b"two"].map(|bytes| (3, Digest::of(bytes)));
        let (mut one, mut two) = (ObjectsHash::new(), ObjectsHash::new());
        one.push(Oid(7), digests[0]);
        one.push(Oid(3), digests[1]);
        two.push(Oid(3), digests[1]);
        two.push(Oid(7), digests[0]);
        assert_eq!(one.finish(), two.clone().finish());
        two.push(Oid(9), digests[0]);
        assert_eq!(two.finish().count, 3);
    }
}
