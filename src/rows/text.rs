//! Value texts in UTF-8, whatever the encoding of the archive is.

use super::row::Row;
use crate::encoding::{Decoder, Encoding};
use crate::error::Error;
use crate::text::shown;

/// What becomes of a value that is not a value of its column's type, or not text in the encoding of
/// the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnInvalid {
    /// It is an error.
    #[default]
    Error,
    /// It is written as NULL.
    Null,
    /// It is written as text. Bytes that are no characters become U+FFFD.
    Text,
}

/// Takes the texts of values out of fields.
#[derive(Debug)]
pub(super) struct Texts {
    decoder: Decoder,
    on_invalid: OnInvalid,
    /// Bytes are taken as they are.
    raw: bool,
    /// Values that were replaced, for each column.
    replaced: Vec<u64>,
    unescaped: Vec<u8>,
    text: Vec<u8>,
}

impl Texts {
    pub(super) fn new(encoding: Encoding, raw: bool, on_invalid: OnInvalid) -> Self {
        let (unescaped, text, replaced) = (Vec::new(), Vec::new(), Vec::new());
        Texts { decoder: encoding.decoder(), on_invalid, raw, replaced, unescaped, text }
    }

    /// A name, with U+FFFD for what is no character.
    pub(super) fn name(&self, name: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(name.len());
        match self.raw {
            true => out.extend_from_slice(name),
            false => self.decoder.decode_lossy(name, &mut out),
        }
        out
    }

    /// Whether the fields of a row are UTF-8 as they stand there, escapes aside.
    pub(super) fn are_in(&self, row: &Row<'_>) -> bool {
        let bytes = row.as_bytes();
        let is_utf8 =
            || bytes.is_ascii() || self.decoder.is_unicode() && str::from_utf8(bytes).is_ok();
        self.raw || !bytes.contains(&0) && is_utf8()
    }

    /// The text of a field's value in UTF-8; `None` for NULL. The field at this place is of the
    /// column with this number and name. `valid`: see [`Self::are_in`].
    pub(super) fn of<'t>(
        &'t mut self,
        row: &Row<'t>,
        place: usize,
        (column, name): (usize, &[u8]),
        valid: bool,
    ) -> Result<Option<&'t [u8]>, Error> {
        let Some(field) = row.get(place) else {
            return Err(row.error(format!("there is no field {}", place + 1)));
        };
        let Some(value) = field.value_in(&mut self.unescaped) else { return Ok(None) };
        // An escape may stand for any byte but 0.
        if self.raw || valid && !field.is_escaped() {
            return Ok(Some(value));
        }
        // No server takes it in a text.
        let has_zero = !valid && value.contains(&0);
        if !has_zero {
            if value.is_ascii() || self.decoder.is_unicode() && str::from_utf8(value).is_ok() {
                return Ok(Some(value));
            }
            self.text.clear();
            if self.decoder.decode(value, &mut self.text).is_some() {
                return Ok(Some(&self.text));
            }
        }
        count(&mut self.replaced, column);
        match self.on_invalid {
            OnInvalid::Null => Ok(None),
            OnInvalid::Text => {
                self.text.clear();
                for (n, part) in value.split(|byte| *byte == 0).enumerate() {
                    self.text.extend_from_slice(if n > 0 { "\u{fffd}" } else { "" }.as_bytes());
                    self.decoder.decode_lossy(part, &mut self.text);
                }
                Ok(Some(&self.text))
            }
            OnInvalid::Error => {
                let encoding = self.decoder.encoding();
                let what = match encoding.has_characters() {
                    _ if has_zero => "has a zero byte, which no text has".to_owned(),
                    true => format!("is not text in {encoding}"),
                    false => format!("is text in {encoding}, which cannot be converted"),
                };
                Err(invalid(row, name, value, &what))
            }
        }
    }

    /// Says that a value is not one of its column's type.
    pub(super) fn invalid(
        &mut self,
        row: &Row<'_>,
        (column, name): (usize, &[u8]),
        value: &[u8],
        what: &str,
    ) -> Result<OnInvalid, Error> {
        count(&mut self.replaced, column);
        match self.on_invalid {
            OnInvalid::Error => Err(invalid(row, name, value, what)),
            other => Ok(other),
        }
    }

    /// How many values were replaced, by column.
    pub(super) fn replaced(&self) -> &[u64] {
        &self.replaced
    }
}

fn count(counts: &mut Vec<u64>, column: usize) {
    if counts.len() <= column {
        counts.resize(column + 1, 0);
    }
    counts[column] += 1;
}

fn invalid(row: &Row<'_>, name: &[u8], value: &[u8], what: &str) -> Error {
    row.error(format!("column \"{}\": \"{}\" {what}", shown(name), shown(value)))
}
