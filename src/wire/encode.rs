//! Values to bytes; mirrors `decode.rs`.

use std::io::{self, Write};

use byteorder::{ByteOrder, LittleEndian};

use super::{Dialect, write_number};
use crate::version::Gate;

/// Writes primitives to an output.
pub(crate) struct Encoder<W> {
    output: W,
    pub(crate) dialect: Dialect,
    digits: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(output: W, dialect: Dialect) -> Self {
        Encoder { output, dialect, digits: Vec::new() }
    }

    pub(crate) fn output_mut(&mut self) -> &mut W {
        &mut self.output
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)
    }

    pub(crate) fn byte(&mut self, byte: u8) -> io::Result<()> {
        self.bytes(&[byte])
    }

    /// An int.
    pub(crate) fn int(&mut self, value: i32) -> io::Result<()> {
        if self.dialect.has_usual_ints() {
            let [a, b, c, d] = value.unsigned_abs().to_le_bytes();
            return self.output.write_all(&[u8::from(value < 0), a, b, c, d]);
        }
        if !self.dialect.has(Gate::SignByte) {
            return self.uint(u64::from(value as u32), self.dialect.int_size, "an int");
        }
        self.signed(value < 0, value.unsigned_abs(), "an int")
    }

    /// An OID. It passes through the signed coding, so that the upper half of them is negative;
    /// the mirror of `Decoder::oid`.
    pub(crate) fn oid(&mut self, oid: u32) -> io::Result<()> {
        if !self.dialect.has(Gate::SignByte) {
            return self.int(oid as i32);
        }
        // PostgreSQL negates what it takes for a negative int; the lowest one stays as it is.
        let negative = oid > i32::MAX as u32;
        let magnitude = if negative { oid.wrapping_neg() } else { oid };
        self.signed(negative, magnitude, "an OID")
    }

    /// A sign byte and a magnitude.
    fn signed(&mut self, negative: bool, magnitude: u32, what: &str) -> io::Result<()> {
        let width = self.dialect.int_size;
        check_width(magnitude.into(), width, what)?;
        let mut bytes = [0; 9];
        let bytes = &mut bytes[..1 + usize::from(width)];
        bytes[0] = negative.into();
        LittleEndian::write_uint(&mut bytes[1..], magnitude.into(), usize::from(width));
        self.output.write_all(bytes)
    }

    /// An unsigned number of `width` bytes, the lowest first.
    fn uint(&mut self, value: u64, width: u8, what: &str) -> io::Result<()> {
        check_width(value, width, what)?;
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..usize::from(width)];
        LittleEndian::write_uint(bytes, value, bytes.len());
        self.output.write_all(bytes)
    }

    /// A string, or NULL. It must have no NUL byte, at which it would end when it is read.
    pub(crate) fn string(&mut self, string: Option<&[u8]>) -> io::Result<()> {
        match string {
            None => self.int(-1),
            Some(string) => {
                debug_assert!(!string.contains(&0));
                let len = i32::try_from(string.len()).map_err(|_| {
                    io::Error::new(io::ErrorKind::InvalidInput, "a string is longer than 2 GiB")
                })?;
                self.int(len)?;
                self.bytes(string)
            }
        }
    }

    /// A number as a string of its decimal digits.
    pub(crate) fn number(&mut self, number: i64) -> io::Result<()> {
        let mut digits = std::mem::take(&mut self.digits);
        digits.clear();
        match u32::try_from(number) {
            Ok(number) => write_number(number, &mut digits),
            Err(_) => digits.extend_from_slice(number.to_string().as_bytes()),
        }
        let written = self.string(Some(&digits));
        self.digits = digits;
        written
    }

    /// The bytes of an offset, without its flag.
    pub(crate) fn offset(&mut self, offset: u64) -> io::Result<()> {
        self.uint(offset, self.dialect.off_size, "an offset")
    }
}

/// Whether a number fits so many bytes, of which there are 1 to 8.
fn check_width(value: u64, width: u8, what: &str) -> io::Result<()> {
    match width {
        8 => return Ok(()),
        1..8 if value >> (8 * u32::from(width)) == 0 => return Ok(()),
        _ => {}
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{value} does not fit {what} of {width} bytes"),
    ))
}
