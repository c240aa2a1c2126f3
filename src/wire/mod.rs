//! The primitives of header, table of contents and blocks, in both directions.
//!
//! `ReadInt`/`WriteInt`, `ReadStr`/`WriteStr` and `ReadOffset`/`WriteOffset` of PostgreSQL's
//! `pg_backup_archiver.c`. Knows neither entries nor files.

mod decimal;
mod decode;
mod encode;

pub(crate) use decimal::{decimal, write_number};
pub(crate) use decode::{Decoder, has_nul, until_nul};
pub(crate) use encode::Encoder;

use crate::error::{Error, Result};
use crate::version::{ArchiveVersion, Gate};

/// The byte layout of an archive's header and table of contents.
///
/// It is the result of [`Toc::dialect`](crate::Toc::dialect).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Dialect {
    /// The archive's version.
    pub version: ArchiveVersion,
    /// Width in bytes of an int's magnitude, 1 to 8; 4 in every archive of `pg_dump`.
    pub int_size: u8,
    /// Width in bytes of an offset, 1 to 8; 8 in every archive of a 64-bit `pg_dump`.
    pub off_size: u8,
    /// The last field of each entry.
    pub last_field: LastField,
}

/// The last field of an entry, which differs between the formats.
///
/// It is a part of [`Dialect`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LastField {
    /// Custom: the position of the entry's data in the file.
    Offset,
    /// Directory and tar: the name of the file with the entry's data.
    FileName,
}

impl Dialect {
    #[inline(always)]
    pub(crate) fn has(&self, gate: Gate) -> bool {
        self.version.has(gate)
    }

    /// Bytes of one int.
    pub(crate) fn int_len(&self) -> usize {
        usize::from(self.int_size) + usize::from(self.has(Gate::SignByte))
    }

    /// Whether ints are a sign and four bytes of magnitude: in all archives but very old or
    /// hand-made ones.
    pub(crate) fn has_usual_ints(&self) -> bool {
        self.int_size == 4 && self.has(Gate::SignByte)
    }

    /// Widths are checked once, here; shifts by them are safe from then on.
    pub(crate) fn check_widths(&self) -> Result<()> {
        if !(1..=8).contains(&self.int_size) {
            return Err(Error::malformed(format!(
                "the header says that ints have {} bytes, only 1 to 8 make sense",
                self.int_size
            )));
        }
        if !(1..=8).contains(&self.off_size) {
            return Err(Error::malformed(format!(
                "the header says that offsets have {} bytes, only 1 to 8 make sense",
                self.off_size
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
