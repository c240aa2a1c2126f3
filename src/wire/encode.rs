//! Values to bytes; mirrors `decode.rs`.

use std::io::{self, Write};

use super::Dialect;
use crate::version::Gate;

/// Writes primitives to an output.
pub(crate) struct Encoder<W> {
    output: W,
    pub(crate) dialect: Dialect,
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(output: W, dialect: Dialect) -> Self {
        Encoder { output, dialect }
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
        let len = self.dialect.int_len();
        let mut bytes = [0; 9];
        if self.dialect.has(Gate::SignByte) {
            bytes[0] = u8::from(value < 0);
            let magnitude = u64::from(value.unsigned_abs()).to_le_bytes();
            bytes[1..].copy_from_slice(&magnitude);
        } else {
            bytes[..8].copy_from_slice(&u64::from(value as u32).to_le_bytes());
        }
        if bytes[len..].iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{value} does not fit an int of {} bytes", self.dialect.int_size),
            ));
        }
        self.bytes(&bytes[..len])
    }

    /// An OID. It passes through the signed coding, so that the upper half of them is negative;
    /// the mirror of `Decoder::oid`.
    pub(crate) fn oid(&mut self, oid: u32) -> io::Result<()> {
        if !self.dialect.has(Gate::SignByte) {
            return self.int(oid as i32);
        }
        let len = self.dialect.int_len();
        let mut bytes = [0; 9];
        bytes[0] = u8::from(oid > i32::MAX as u32);
        // PostgreSQL negates what it takes for a negative int; the lowest one stays as it is.
        let magnitude = if bytes[0] == 0 { oid } else { oid.wrapping_neg() };
        bytes[1..].copy_from_slice(&u64::from(magnitude).to_le_bytes());
        if bytes[len..].iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("OID {oid} does not fit an int of {} bytes", self.dialect.int_size),
            ));
        }
        self.bytes(&bytes[..len])
    }

    /// A string, or NULL.
    pub(crate) fn string(&mut self, string: Option<&[u8]>) -> io::Result<()> {
        match string {
            None => self.int(-1),
            Some(string) => {
                let len = i32::try_from(string.len()).map_err(|_| {
                    io::Error::new(io::ErrorKind::InvalidInput, "a string is longer than 2 GiB")
                })?;
                self.int(len)?;
                self.bytes(string)
            }
        }
    }

    /// The bytes of an offset, without its flag.
    pub(crate) fn offset(&mut self, offset: u64) -> io::Result<()> {
        let bytes = offset.to_le_bytes();
        let (low, high) = bytes.split_at(usize::from(self.dialect.off_size.min(8)));
        if high.iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{offset} does not fit an offset of {} bytes", self.dialect.off_size),
            ));
        }
        self.bytes(low)
    }
}
