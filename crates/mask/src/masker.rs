//! One mask at work on the values of one column.

use std::borrow::Cow;

use pgdmp::text::Encoding;
use pgdmp::types::DataType;
use pgdmp::value;

use crate::key::Key;
use crate::lists::{FIRST, LAST, WORDS};
use crate::mask::{Mask, NamePart};
use crate::permute::{self, stream};

/// Ranges of integers, each within the next. A number becomes another of the smallest range that it
/// is in and of no smaller one, so that it fits into every column that it may stand in.
pub(crate) type Ranges = Vec<(i128, i128)>;

/// Masks the values of a column. The result depends on the key, the mask and the value alone, and
/// the value counts by its characters, in whatever encoding it is stored.
#[derive(Clone)]
pub(crate) struct Masker {
    mask: Mask,
    key: [u8; 32],
    encoding: Encoding,
    way: Way,
    /// Characters that a value may have.
    max_length: Option<usize>,
    /// The column is an array with this delimiter, and its elements are masked.
    array: Option<u8>,
}

/// What the mask must know of the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Text.
    Text,
    /// Text whose blanks at the end mean nothing: `character(n)`.
    Padded,
    /// Text in which upper and lower case are the same: `citext`.
    Folded,
    /// Integers.
    Integers(Ranges),
    /// Other numbers.
    Numeric,
    /// Dates and timestamps.
    Dates,
    /// `bytea`.
    Bytes,
}

/// Encodings in which braces and backslashes may be parts of characters.
const MIXED: [&str; 7] = ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"];

/// Why a value cannot be masked. The value is not told.
pub(crate) type Failed = Cow<'static, str>;

impl Masker {
    pub(crate) fn new(
        mask: &Mask,
        key: &Key,
        encoding: Encoding,
        way: Way,
        max_length: Option<usize>,
        array: Option<u8>,
    ) -> Masker {
        let mut name = match mask {
            // What differs in these alone is the same person's, or is the same text.
            Mask::Date { days, .. } => format!("date:{days}"),
            Mask::Email { .. } => "email".to_owned(),
            mask => mask.to_string(),
        };
        if let Way::Integers(ranges) = &way {
            for (low, high) in ranges {
                name.push_str(&format!(" {low}-{high}"));
            }
        }
        Masker { mask: mask.clone(), key: key.of_mask(&name), encoding, way, max_length, array }
    }

    /// Puts into `out` what a value becomes; `false` if it becomes NULL. `by` is the value of the
    /// column that says who it is.
    pub(crate) fn apply(
        &self,
        value: &[u8],
        by: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<bool, Failed> {
        out.clear();
        match (&self.mask, self.array) {
            (Mask::Null, _) => return Ok(false),
            (Mask::Keep, _) => out.extend_from_slice(value),
            (Mask::Fixed(text), _) => self.put(text, out)?,
            (_, None) => self.one(value, by, out)?,
            (_, Some(delimiter)) => self.array(value, delimiter, by, out)?,
        }
        Ok(true)
    }

    fn array(
        &self,
        value: &[u8],
        delimiter: u8,
        by: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failed> {
        if MIXED.contains(&self.encoding.name()) && !value.is_ascii() {
            let name = self.encoding.name();
            return Err(format!("arrays of other text than ASCII are not masked in {name}").into());
        }
        let array = value::Array::parse(value, delimiter).ok_or("it is no array")?;
        let dimensions = array.dimensions();
        if dimensions.iter().any(|dimension| dimension.lower != 1) {
            for dimension in dimensions {
                let upper = i64::from(dimension.lower) + dimension.len as i64 - 1;
                out.extend_from_slice(format!("[{}:{upper}]", dimension.lower).as_bytes());
            }
            out.push(b'=');
        }
        if dimensions.is_empty() {
            out.extend_from_slice(b"{}");
            return Ok(());
        }
        let mut masked = Vec::new();
        for (n, element) in array.elements().enumerate() {
            // How many braces open and close before it.
            let mut len = 1;
            let mut borders = 0;
            for dimension in dimensions.iter().rev() {
                len *= dimension.len;
                borders += usize::from(n % len == 0);
            }
            if n > 0 {
                out.extend(std::iter::repeat_n(b'}', borders));
                out.push(delimiter);
            }
            out.extend(std::iter::repeat_n(b'{', borders));
            match element {
                None => out.extend_from_slice(b"NULL"),
                Some(text) => {
                    masked.clear();
                    self.one(&text.value(), by, &mut masked)?;
                    value::quote_element(&masked, delimiter, out);
                }
            }
        }
        out.extend(std::iter::repeat_n(b'}', dimensions.len()));
        Ok(())
    }

    /// One value that is not NULL.
    fn one(&self, value: &[u8], by: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Failed> {
        let value = match self.way {
            Way::Padded => value.trim_ascii_end(),
            _ => value,
        };
        // Bytes that are no text are taken as they are.
        let decoded = self.encoding.decode(value);
        let text = || decoded.as_deref().ok_or_else(|| self.no_text());
        let plain: Cow<'_, [u8]> = match (&decoded, &self.way) {
            (Some(text), Way::Folded) => text.to_lowercase().into_bytes().into(),
            (Some(text), _) => text.as_bytes().into(),
            (None, _) => value.into(),
        };
        match &self.mask {
            Mask::Keep | Mask::Null | Mask::Fixed(_) => out.extend_from_slice(value),
            Mask::Hash(digits) => self.put(&self.hex(&plain, *digits), out)?,
            Mask::Email { keep_domain } => {
                let folded = match &decoded {
                    Some(text) => Cow::Owned(text.to_lowercase().into_bytes()),
                    None => plain,
                };
                let domain = match keep_domain {
                    true => text()?.rsplit_once('@').map(|(_, domain)| domain),
                    false => None,
                };
                let domain = domain.map_or("example.com".to_owned(), str::to_lowercase);
                self.put(&format!("u{}@{domain}", self.hex(&folded, 12)), out)?;
            }
            Mask::Digits => {
                let masked = match &self.way {
                    Way::Integers(ranges) => self.digits_of_integer(&plain, ranges)?,
                    Way::Numeric => self.digits_of_numeric(text()?),
                    _ => self.digits(text()?),
                };
                self.put(&masked, out)?;
            }
            Mask::Int(_) => {
                let value = value::integer(value).ok_or("it is no integer")?;
                let Way::Integers(ranges) = &self.way else { return Err("it has no range".into()) };
                let masked = self.number(i128::from(value), ranges)?;
                out.extend_from_slice(masked.to_string().as_bytes());
            }
            Mask::Uuid => {
                let mut uuid = [0; 16];
                stream(&self.key, &[&plain]).fill(&mut uuid);
                uuid[6] = uuid[6] & 0x0F | 0x80;
                uuid[8] = uuid[8] & 0x3F | 0x80;
                let hex = hex(&uuid);
                let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                self.put(&parts.join("-"), out)?;
            }
            Mask::Date { days, .. } => self.shifted(value, *days, by, out)?,
            Mask::Name(part) => {
                let mut bytes = [0; 2];
                stream(&self.key, &[&plain]).fill(&mut bytes);
                let first = FIRST[usize::from(bytes[0]) % FIRST.len()];
                let last = LAST[usize::from(bytes[1]) % LAST.len()];
                let name = match part {
                    NamePart::Full => Cow::Owned(format!("{first} {last}")),
                    NamePart::First => Cow::Borrowed(first),
                    NamePart::Last => Cow::Borrowed(last),
                };
                self.put(self.cut(&name), out)?;
            }
            Mask::Words => {
                let count = text()?.split_whitespace().count();
                let mut bytes = stream(&self.key, &[&plain]);
                let mut words = String::new();
                for n in 0..count {
                    let mut byte = [0];
                    bytes.fill(&mut byte);
                    words.push_str(if n > 0 { " " } else { "" });
                    words.push_str(WORDS[usize::from(byte[0]) % WORDS.len()]);
                }
                self.put(self.cut(&words), out)?;
            }
            Mask::Partial(first, last) => {
                let text = text()?;
                let len = text.chars().count();
                // Of a text that has no others, none stays.
                let all = first.saturating_add(*last) >= len;
                let stays = |n: usize| !all && (n < *first || n >= len - last);
                let masked: String =
                    text.chars().enumerate().map(|(n, c)| if stays(n) { c } else { '*' }).collect();
                self.put(&masked, out)?;
            }
            Mask::Bytes => {
                let mut bytes = Vec::new();
                value::bytea(value, &mut bytes).ok_or("it is no bytea")?;
                stream(&self.key, &[&bytes.clone()]).fill(&mut bytes);
                out.extend_from_slice(b"\\x");
                out.extend_from_slice(hex(&bytes).as_bytes());
            }
        }
        Ok(())
    }

    /// Appends text in the encoding of the archive, if the column takes it.
    fn put(&self, text: &str, out: &mut Vec<u8>) -> Result<(), Failed> {
        if let Some(most) = self.max_length
            && text.chars().count() > most
        {
            return Err(format!("it becomes longer than {most} characters").into());
        }
        match self.encoding.encode(text) {
            Some(bytes) => out.extend_from_slice(&bytes),
            None => {
                let name = self.encoding.name();
                return Err(format!("it becomes a text that {name} does not have").into());
            }
        }
        Ok(())
    }

    fn no_text(&self) -> Failed {
        format!("it is no text in {}, or not in one that is known here", self.encoding.name())
            .into()
    }

    /// As much as the column takes.
    fn cut<'t>(&self, text: &'t str) -> &'t str {
        match self.max_length {
            Some(most) if text.len() > most => text[..most].trim_end(),
            _ => text,
        }
    }

    fn hex(&self, value: &[u8], digits: usize) -> String {
        let mut bytes = [0; 32];
        stream(&self.key, &[value]).fill(&mut bytes);
        let mut hex = hex(&bytes);
        hex.truncate(digits);
        hex
    }

    fn digits(&self, text: &str) -> String {
        let mut digits: Vec<u8> =
            text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        permute::digits(&self.key, &mut digits);
        with_digits(text, &digits)
    }

    /// A number of as many digits, in the same range and with the same sign.
    fn digits_of_integer(&self, text: &[u8], ranges: &Ranges) -> Result<String, Failed> {
        let value = i128::from(value::integer(text).ok_or("it is no integer")?);
        let range =
            |value: i128| ranges.iter().position(|(low, high)| (*low..=*high).contains(&value));
        let at = range(value).ok_or("it is out of range")?;
        let mut digits: Vec<u8> =
            value.unsigned_abs().to_string().bytes().map(|b| b - b'0').collect();
        loop {
            permute::digits(&self.key, &mut digits);
            let number =
                digits.iter().fold(0_i128, |number, digit| number * 10 + i128::from(*digit));
            let number = if value < 0 { -number } else { number };
            // With one digit, 0 is a number like others, but has no sign.
            let fits =
                (digits[0] != 0 || digits.len() == 1 && value >= 0) && range(number) == Some(at);
            if fits {
                return Ok(number.to_string());
            }
        }
    }

    /// A number with as many digits before and behind the point.
    fn digits_of_numeric(&self, text: &str) -> String {
        let first = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        let (sign, number) = text.split_at(first);
        if let Some(fraction) = number.strip_prefix("0.") {
            return format!("{sign}0.{}", self.digits(fraction));
        }
        if number.len() < 2 || number.starts_with('0') {
            return text.to_owned();
        }
        let mut masked = number.to_owned();
        loop {
            masked = self.digits(&masked);
            if !masked.starts_with('0') {
                return format!("{sign}{masked}");
            }
        }
    }

    fn number(&self, value: i128, ranges: &Ranges) -> Result<i128, Failed> {
        let mut inner: Option<(i128, i128)> = None;
        for &(low, high) in ranges {
            if (low..=high).contains(&value) {
                // What is in a smaller range takes no part.
                let hole = inner.map_or(0, |(from, to)| to - from + 1);
                let above = inner.is_some_and(|(from, _)| value > from);
                let place = value - low - if above { hole } else { 0 };
                let count = high - low + 1 - hole;
                let place = permute::number(&self.key, count as u128, place as u128) as i128;
                let value = place + low;
                let above = inner.is_some_and(|(from, _)| value >= from);
                return Ok(value + if above { hole } else { 0 });
            }
            inner = Some((low, high));
        }
        Err("it is out of the range".into())
    }

    fn shifted(
        &self,
        value: &[u8],
        days: u32,
        by: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Failed> {
        if matches!(value, b"infinity" | b"-infinity") {
            out.extend_from_slice(value);
            return Ok(());
        }
        let by = match by {
            Some(by) => Cow::Owned([&b"by "[..], &self.decoded(by)].concat()),
            None => Cow::Borrowed(value),
        };
        let mut word = [0; 8];
        stream(&self.key, &[&by]).fill(&mut word);
        // Never by none.
        let shift = (u64::from_le_bytes(word) % (2 * u64::from(days))) as i64 - i64::from(days);
        let shift = if shift >= 0 { shift + 1 } else { shift };
        let (rest, bc) = match value.strip_suffix(b" BC") {
            Some(rest) => (rest, &b" BC"[..]),
            None => (value, &b""[..]),
        };
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (date, time) = rest.split_at(end);
        let date = value::Date::parse(&[date, bc].concat());
        let Some(value::Date::Finite(date)) = date else { return Err("it is no date".into()) };
        let moved = i32::try_from(i64::from(date) + shift).map(value::Date::Finite);
        let moved = moved.map_err(|_| "it leaves the range of dates")?.to_string();
        let (moved, bc) = match moved.strip_suffix(" BC") {
            Some(moved) => (moved, " BC"),
            None => (&moved[..], ""),
        };
        out.extend_from_slice(moved.as_bytes());
        out.extend_from_slice(time);
        out.extend_from_slice(bc.as_bytes());
        Ok(())
    }

    fn decoded(&self, value: &[u8]) -> Vec<u8> {
        match self.encoding.decode(value) {
            Some(text) => text.as_bytes().to_vec(),
            None => value.to_vec(),
        }
    }
}

/// A text with these digits in the places of its own.
fn with_digits(text: &str, digits: &[u8]) -> String {
    let mut digits = digits.iter();
    let other = |c: char| match c.is_ascii_digit() {
        true => digits.next().map_or(c, |digit| char::from(b'0' + digit)),
        false => c,
    };
    text.chars().map(other).collect()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The range of an integer type.
pub(crate) fn range_of(data_type: &DataType) -> Option<(i128, i128)> {
    Some(match data_type {
        DataType::SmallInt => (i16::MIN.into(), i16::MAX.into()),
        DataType::Integer => (i32::MIN.into(), i32::MAX.into()),
        DataType::BigInt => (i64::MIN.into(), i64::MAX.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
