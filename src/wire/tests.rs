use super::*;
use crate::limits::Limits;
use crate::source::Pipe;

fn dialect(minor: u8, int_size: u8) -> Dialect {
    let version = ArchiveVersion::new(1, minor);
    Dialect { version, int_size, off_size: 8, last_field: LastField::Offset }
}

fn decode<T>(
    bytes: &[u8],
    dialect: Dialect,
    read: impl FnOnce(&mut Decoder<'_, Pipe<&[u8]>>) -> Result<T>,
) -> Result<T> {
    let mut input = Pipe::new(bytes);
    read(&mut Decoder::new(&mut input, dialect, "a test", &Limits::new()))
}

fn encode(
    dialect: Dialect,
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> std::io::Result<()>,
) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Encoder::new(&mut out, dialect)).unwrap();
    out
}

#[test]
fn ints_as_pg_dump_writes_them() {
    for (value, bytes) in [
        (0, [0, 0, 0, 0, 0]),
        (-1, [1, 1, 0, 0, 0]),
        (i32::MAX, [0, 0xff, 0xff, 0xff, 0x7f]),
        (i32::MIN, [1, 0, 0, 0, 0x80]),
    ] {
        assert_eq!(encode(dialect(16, 4), |e| e.int(value)), bytes);
        assert_eq!(decode(&bytes, dialect(16, 4), |d| d.int()).unwrap(), value);
    }
    // Any nonzero sign byte, and a negative zero.
    assert_eq!(decode(&[7, 2, 0, 0, 0], dialect(16, 4), |d| d.int()).unwrap(), -2);
    assert_eq!(decode(&[1, 0, 0, 0, 0], dialect(16, 4), |d| d.int()).unwrap(), 0);
    // No sign byte in 1.0.
    assert_eq!(decode(&[0xff; 4], dialect(0, 4), |d| d.int()).unwrap(), -1);
    assert_eq!(encode(dialect(0, 4), |e| e.int(-1)), [0xff; 4]);
}

#[test]
fn ints_of_other_widths() {
    for size in 1..=8 {
        for value in [0, 1, -1, 127] {
            let bytes = encode(dialect(16, size), |e| e.int(value));
            assert_eq!(bytes.len(), usize::from(size) + 1);
            assert_eq!(decode(&bytes, dialect(16, size), |d| d.int()).unwrap(), value);
        }
    }
    let mut sink = Vec::new();
    assert!(Encoder::new(&mut sink, dialect(16, 1)).int(256).is_err());
    let too_wide = [0, 0, 0, 0, 0, 1, 0, 0, 0];
    assert!(decode(&too_wide, dialect(16, 8), |d| d.int()).is_err());
    // PostgreSQL's ReadInt shifts the bytes into a C int, whose highest bit is its sign.
    let lowest = decode(&[0, 0, 0, 0, 0x80], dialect(16, 4), |d| d.int());
    assert_eq!(lowest.unwrap(), i32::MIN);
}

#[test]
fn oids_use_the_sign() {
    for (oid, bytes) in [
        (3_000_000_000, [1, 0, 0xa2, 0x2f, 0x4d]),
        (2_147_483_648, [1, 0, 0, 0, 0x80]),
        (u32::MAX, [1, 1, 0, 0, 0]),
        (5, [0, 5, 0, 0, 0]),
    ] {
        assert_eq!(encode(dialect(16, 4), |e| e.int(oid as i32)), bytes);
        assert_eq!(decode(&bytes, dialect(16, 4), |d| d.oid()).unwrap(), oid);
    }
}

#[test]
fn null_is_not_empty() {
    let mut out = Vec::new();
    let null = encode(dialect(16, 4), |e| e.string(None));
    let empty = encode(dialect(16, 4), |e| e.string(Some(b"")));
    assert_ne!(null, empty);
    assert_eq!(decode(&null, dialect(16, 4), |d| d.string_into(&mut out)).unwrap(), None);
    assert_eq!(decode(&empty, dialect(16, 4), |d| d.string_into(&mut out)).unwrap(), Some(0));
}

#[test]
fn a_claimed_length_makes_no_room() {
    let mut out = Vec::new();
    let bytes = [0, 0xf0, 0xff, 0xff, 0x3f, b'x'];
    let error = decode(&bytes, dialect(16, 4), |d| d.string_into(&mut out)).unwrap_err();
    assert!(error.is_truncated(), "{error}");
    assert!(out.capacity() < 1024);
    let bytes = [0, 0xff, 0xff, 0xff, 0x7f];
    let error = decode(&bytes, dialect(16, 4), |d| d.string_into(&mut out)).unwrap_err();
    assert!(error.is_limit(), "{error}");
}

#[test]
fn a_nul_is_found_at_every_place() {
    for len in 0..100 {
        let mut text = vec![b'a'; len];
        assert!(!has_nul(&text), "{len}");
        for at in 0..len {
            text[at] = 0;
            assert!(has_nul(&text), "{at} of {len}");
            assert_eq!(until_nul(&text).len(), at);
            text[at] = b'a';
        }
    }
}
