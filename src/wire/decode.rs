//! Bytes to values.

use byteorder::{ByteOrder, LittleEndian};

use super::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::source::{AtHand, Positioned};
use crate::version::Gate;

/// Reads primitives from an input. Errors carry the position of the value that failed.
///
/// A string ends at its first NUL byte, whatever its length says, as it does for pg_restore, which
/// holds all of them as strings of C. No pg_dump writes one that has a NUL.
///
/// A table of contents has some 20 of them for each entry, and may have a million entries. So each
/// has a short way, for what all archives of `pg_dump` have and what lies in the buffer whole, and
/// a long one for everything else.
pub(crate) struct Decoder<'a, I: ?Sized> {
    input: &'a mut I,
    dialect: Dialect,
    /// Whether ints are as in all archives but very old or hand-made ones.
    usual: bool,
    /// What the input is said to end in.
    within: &'static str,
    string_bytes: u64,
    /// Position that may not be passed.
    budget: u64,
    /// A string up to this long is within all bounds.
    unchecked: u64,
}

impl<'a, I: Positioned + ?Sized> Decoder<'a, I> {
    pub(crate) fn new(
        input: &'a mut I,
        dialect: Dialect,
        within: &'static str,
        limits: &Limits,
    ) -> Self {
        let budget = input.position().saturating_add(limits.toc_bytes);
        let usual = dialect.has_usual_ints();
        let string_bytes = limits.string_bytes;
        Decoder { input, dialect, usual, within, string_bytes, budget, unchecked: 0 }
    }

    /// Decodes from the bytes that the input has in its buffer, which is much faster. `None`, and
    /// nothing is consumed, if they do not suffice or something is wrong with them: what that is
    /// shows when the same is decoded the long way.
    ///
    /// Strings come uncut. `decode` must cut them itself, or fail where one has a NUL byte: to
    /// look for one in all strings of an entry at once is faster than in each.
    pub(crate) fn at_hand<T>(
        &mut self,
        decode: impl FnOnce(&mut Decoder<'_, AtHand<'_>>) -> Result<T>,
    ) -> Option<T> {
        let Decoder { dialect, usual, within, string_bytes, budget, .. } = *self;
        let position = self.input.position();
        let bytes = self.input.fill_buf().ok()?;
        let most = usize::try_from(budget.saturating_sub(position)).unwrap_or(usize::MAX);
        let mut input = AtHand::new(&bytes[..bytes.len().min(most)], position);
        let unchecked = string_bytes;
        let mut d =
            Decoder { input: &mut input, dialect, usual, within, string_bytes, budget, unchecked };
        let value = decode(&mut d).ok()?;
        let consumed = input.position() - position;
        self.input.consume(consumed as usize);
        Some(value)
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
        self.usual = dialect.has_usual_ints();
    }

    pub(crate) fn position(&self) -> u64 {
        self.input.position()
    }

    pub(crate) fn remaining(&self) -> Option<u64> {
        self.input.remaining()
    }

    fn truncated(&self) -> Error {
        Error::truncated(self.within).at(self.input.position())
    }

    fn fill(&mut self) -> Result<&[u8]> {
        let at = self.input.position();
        self.input.fill_buf().map_err(|error| Error::from(error).at(at))
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        match self.fill()?.first() {
            Some(&byte) => {
                self.input.consume(1);
                Ok(byte)
            }
            None => Err(self.truncated()),
        }
    }

    /// Fixed bytes, at most 16.
    pub(crate) fn array(&mut self, len: usize) -> Result<[u8; 16]> {
        let mut out = [0; 16];
        let data = self.fill()?;
        if let Some(data) = data.get(..len) {
            out[..len].copy_from_slice(data);
            self.input.consume(len);
        } else {
            for slot in &mut out[..len] {
                *slot = self.byte()?;
            }
        }
        Ok(out)
    }

    /// Sign and magnitude, unchecked against any range.
    fn sign_magnitude(&mut self) -> Result<(bool, u64)> {
        let len = self.dialect.int_len();
        let bytes = self.array(len)?;
        let signed = self.dialect.has(Gate::SignByte);
        let magnitude = &bytes[usize::from(signed)..len];
        Ok((signed && bytes[0] != 0, uint(magnitude)))
    }

    /// An int.
    #[inline(always)]
    pub(crate) fn int(&mut self) -> Result<i32> {
        let data = self.input.fill_buf().unwrap_or_default();
        match usual_int(data) {
            Some(value) if self.usual => {
                self.input.consume(USUAL_INT);
                Ok(value)
            }
            _ => self.any_int(),
        }
    }

    fn any_int(&mut self) -> Result<i32> {
        let at = self.input.position();
        let (negative, magnitude) = self.sign_magnitude()?;
        let value = if !self.dialect.has(Gate::SignByte) {
            // Before the sign byte an int was the low bytes of a C int.
            u32::try_from(magnitude).ok().map(|low| low as i32)
        } else if negative {
            i64::try_from(magnitude).ok().and_then(|magnitude| i32::try_from(-magnitude).ok())
        } else {
            // As in a C int, the highest bit is another sign.
            u32::try_from(magnitude).ok().map(|low| low as i32)
        };
        value.ok_or_else(|| Error::malformed("an int does not fit 32 bits").at(at))
    }

    /// An OID. It passes through the signed coding, so that the upper half of them is negative.
    pub(crate) fn oid(&mut self) -> Result<u32> {
        let at = self.input.position();
        let (negative, magnitude) = self.sign_magnitude()?;
        let magnitude = u32::try_from(magnitude)
            .map_err(|_| Error::malformed("an OID does not fit 32 bits").at(at))?;
        Ok(if negative { magnitude.wrapping_neg() } else { magnitude })
    }

    /// Appends a string to `out` and says how long it is; `None` for NULL, which is not the
    /// same as an empty one.
    #[inline(always)]
    pub(crate) fn string_into(&mut self, out: &mut Vec<u8>) -> Result<Option<usize>> {
        let data = self.input.fill_buf().unwrap_or_default();
        match usual_string(data, self.unchecked) {
            Some(string) if self.usual => {
                out.extend_from_slice(string.unwrap_or_default());
                let len = string.map(<[u8]>::len);
                self.input.consume(USUAL_INT + len.unwrap_or_default());
                Ok(len)
            }
            _ => self.any_string_into(out),
        }
    }

    /// Lends a string: of the input's buffer where it can, else of `scratch`.
    #[inline(always)]
    pub(crate) fn string<T>(
        &mut self,
        scratch: &mut Vec<u8>,
        take: impl FnOnce(Option<&[u8]>) -> T,
    ) -> Result<T> {
        let data = self.input.fill_buf().unwrap_or_default();
        if self.usual
            && let Some(string) = usual_string(data, self.unchecked)
        {
            let len = string.map_or(0, <[u8]>::len);
            let taken = take(string);
            self.input.consume(USUAL_INT + len);
            return Ok(taken);
        }
        scratch.clear();
        let len = self.any_string_into(scratch)?;
        Ok(take(len.map(|_| scratch.as_slice())))
    }

    fn any_string_into(&mut self, out: &mut Vec<u8>) -> Result<Option<usize>> {
        let at = self.input.position();
        let Ok(len) = usize::try_from(self.int()?) else {
            return Ok(None);
        };
        if len as u64 > self.string_bytes {
            return Err(Error::new(ErrorKind::Limit {
                what: "bytes of one string",
                limit: self.string_bytes,
                knob: "string_bytes",
            })
            .at(at));
        }
        if self.input.position().saturating_add(len as u64) > self.budget {
            return Err(self.over_budget());
        }
        // Do not make room for what cannot follow.
        if self.input.remaining().is_some_and(|remaining| remaining < len as u64) {
            return Err(Error::truncated(self.within).at(at));
        }
        let start = out.len();
        let mut missing = len;
        while missing > 0 {
            let data = self.fill()?;
            if data.is_empty() {
                return Err(self.truncated());
            }
            let n = data.len().min(missing);
            out.extend_from_slice(&data[..n]);
            self.input.consume(n);
            missing -= n;
        }
        let len = until_nul(&out[start..]).len();
        out.truncate(start + len);
        Ok(Some(len))
    }

    /// An owned string; for the header, which has only a few.
    pub(crate) fn owned_string(&mut self) -> Result<Option<Box<[u8]>>> {
        let mut out = Vec::new();
        Ok(self.string_into(&mut out)?.map(|_| out.into_boxed_slice()))
    }

    /// The bytes of an offset, without its flag.
    pub(crate) fn offset(&mut self) -> Result<u64> {
        let width = usize::from(self.dialect.off_size);
        Ok(uint(&self.array(width)?[..width]))
    }

    pub(crate) fn over_budget(&self) -> Error {
        Error::new(ErrorKind::Limit {
            what: "bytes of the table of contents",
            limit: self.budget,
            knob: "toc_bytes",
        })
        .at(self.input.position())
    }

    /// Whether no byte is left.
    pub(crate) fn at_end(&mut self) -> Result<bool> {
        Ok(self.fill()?.is_empty())
    }
}

/// An unsigned number, the lowest byte first. Widths are checked by `Dialect::check_widths`.
fn uint(bytes: &[u8]) -> u64 {
    match bytes.len() {
        // The width in nearly all archives, without a call.
        8 => bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)),
        width @ 1..=8 => LittleEndian::read_uint(bytes, width),
        _ => 0,
    }
}

/// The part of a string up to its first NUL byte: all that C takes for the string.
pub(crate) fn until_nul(string: &[u8]) -> &[u8] {
    string.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Whether a string has a NUL byte. It hardly ever has, so all bytes of a piece are compared at
/// once, without a branch for each.
pub(crate) fn has_nul(string: &[u8]) -> bool {
    fn any(bytes: &[u8]) -> bool {
        bytes.iter().fold(false, |any, byte| any | (*byte == 0))
    }
    // The last piece may overlap the one before.
    fn ends<const N: usize>(string: &[u8]) -> Option<bool> {
        Some(any(string.first_chunk::<N>()?) | any(string.last_chunk::<N>()?))
    }
    let (pieces, rest) = string.as_chunks::<32>();
    match (pieces, string.last_chunk::<32>()) {
        (pieces, Some(last)) => pieces.iter().any(|piece| any(piece)) || any(last),
        (_, None) => ends::<16>(rest).or_else(|| ends::<8>(rest)).unwrap_or_else(|| any(rest)),
    }
}

/// Bytes of a usual int: a sign and four of magnitude.
const USUAL_INT: usize = 5;

/// The usual int at the start of `data`, if it is all there.
#[inline(always)]
fn usual_int(data: &[u8]) -> Option<i32> {
    let [sign, magnitude @ ..] = data.first_chunk::<USUAL_INT>()?;
    let magnitude = i32::from_le_bytes(*magnitude);
    // Negative: more than 31 bits, which is not usual.
    (magnitude >= 0).then(|| if *sign == 0 { magnitude } else { -magnitude })
}

/// The string, or NULL, at the start of `data`, if all of it is there and it is not too long.
#[inline(always)]
fn usual_string(data: &[u8], most: u64) -> Option<Option<&[u8]>> {
    match usize::try_from(usual_int(data)?) {
        Err(_) => Some(None),
        Ok(len) if len as u64 <= most => data[USUAL_INT..].get(..len).map(Some),
        Ok(_) => None,
    }
}
