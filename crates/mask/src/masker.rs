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
mod tests {
    use super::*;

    fn masker(mask: &str, way: Way) -> Masker {
        let key = Key::from_bytes(b"a key for the tests").unwrap();
        Masker::new(&mask.parse().unwrap(), &key, Encoding::UTF8, way, None, None)
    }

    fn masked(masker: &Masker, value: &str) -> String {
        let mut out = Vec::new();
        assert!(masker.apply(value.as_bytes(), None, &mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    const SMALL: (i128, i128) = (-32768, 32767);
    const BIG: (i128, i128) = (i64::MIN as i128, i64::MAX as i128);

    #[test]
    fn forms() {
        let hash = masker("hash:20", Way::Text);
        assert_eq!(masked(&hash, "x").len(), 20);
        assert_eq!(masked(&hash, "x"), masked(&hash, "x"));
        assert_ne!(masked(&hash, "x"), masked(&masker("hash:21", Way::Text), "x")[..20]);
        let email = masker("email", Way::Text);
        assert_eq!(masked(&email, "Ann@Home.org"), masked(&email, "ann@home.org"));
        assert!(masked(&email, "ann@home.org").ends_with("@example.com"));
        let kept = masked(&masker("email:keep-domain", Way::Text), "Ann@Home.org");
        assert!(kept.ends_with("@home.org") && kept.len() == 13 + 9, "{kept}");
        assert_eq!(masked(&masker("partial:1,2", Way::Text), "größer"), "g***er");
        assert_eq!(masked(&masker("partial:3,3", Way::Text), "secret"), "******");
        assert_eq!(masked(&masker("fixed:é", Way::Text), "x"), "é");
        let uuid = masked(&masker("uuid", Way::Text), "00000000-0000-0000-0000-000000000001");
        assert!(value::uuid(uuid.as_bytes()).is_some() && &uuid[14..15] == "8", "{uuid}");
        let bytes = masked(&masker("bytes", Way::Bytes), r"\x00ff5c0a");
        assert!(bytes.len() == 10 && bytes.starts_with(r"\x") && bytes != r"\x00ff5c0a");
        assert_eq!(masked(&masker("words", Way::Text), " a b\n c ").split(' ').count(), 3);
        let phone = masked(&masker("digits", Way::Text), "+31 (0)20-1234567");
        assert_eq!(with_digits(&phone, &[0; 12]), "+00 (0)00-0000000");
        assert_ne!(phone, "+31 (0)20-1234567");
        let folded = masker("hash", Way::Folded);
        assert_eq!(masked(&folded, "ÄB"), masked(&folded, "äb"));
        let padded = masker("hash", Way::Padded);
        assert_eq!(masked(&padded, "a   "), masked(&padded, "a"));
    }

    #[test]
    fn the_same_in_every_encoding() {
        let key = Key::from_bytes(b"a key for the tests").unwrap();
        let of = |name: &str, value: &[u8]| {
            let encoding = Encoding::find(name.as_bytes()).unwrap();
            let masker = Masker::new(&Mask::Hash(16), &key, encoding, Way::Text, None, None);
            let mut out = Vec::new();
            masker.apply(value, None, &mut out).unwrap();
            out
        };
        assert_eq!(of("UTF8", "é".as_bytes()), of("LATIN1", b"\xe9"));
        assert_eq!(of("UTF8", "表".as_bytes()), of("SJIS", b"\x95\\"));
        assert_ne!(of("UTF8", "é".as_bytes()), of("SQL_ASCII", b"\xe9"));
    }

    /// A number stays in the smallest range, so it is the same for all columns of a foreign key.
    #[test]
    fn integers() {
        let both = masker("int", Way::Integers(vec![SMALL, BIG]));
        let digits = masker("digits", Way::Integers(vec![SMALL, BIG]));
        let mut seen = std::collections::HashSet::new();
        for value in -300..300_i64 {
            let masked: i64 = masked(&both, &value.to_string()).parse().unwrap();
            assert!(i16::try_from(masked).is_ok());
            assert!(seen.insert(masked));
        }
        for value in [i64::MIN, i64::MAX, 32768, -32769, 1 << 40] {
            let number: i64 = masked(&both, &value.to_string()).parse().unwrap();
            assert!(i16::try_from(number).is_err());
            let other = masked(&digits, &value.to_string());
            assert_eq!(other.len(), value.to_string().len());
            assert!(i16::try_from(other.parse::<i64>().unwrap()).is_err());
        }
        let mut seen = std::collections::HashSet::new();
        for value in 0..2000 {
            let other = masked(&digits, &value.to_string());
            assert_eq!(other.len(), value.to_string().len());
            assert!(seen.insert(other));
        }
        let range = masker("int:1-10", Way::Integers(vec![(1, 10)]));
        assert!(range.apply(b"11", None, &mut Vec::new()).is_err());
        assert!((1..=10).contains(&masked(&range, "3").parse::<i32>().unwrap()));
        let numeric = masker("digits", Way::Numeric);
        for value in ["12.50", "0.07", "-1234.5", "NaN", "0", "100000.00"] {
            let other = masked(&numeric, value);
            assert_eq!(other.len(), value.len());
            assert_eq!(other.starts_with('0'), value.starts_with('0'), "{other}");
        }
    }

    #[test]
    fn dates() {
        let date = masker("date:10", Way::Dates);
        let days = |text: &str| match value::Date::parse(text.as_bytes()) {
            Some(value::Date::Finite(days)) => days,
            other => panic!("{other:?}"),
        };
        for n in 0..60 {
            let old = value::Date::Finite(n * 1000 - 30_000).to_string();
            let new = masked(&date, &old);
            let moved = (days(&new) - days(&old)).abs();
            assert!((1..=10).contains(&moved), "{old} {new}");
        }
        let time = masked(&date, "2024-02-29 12:34:56.7+05:30");
        assert!(time.ends_with(" 12:34:56.7+05:30") && !time.starts_with("2024-02-29"), "{time}");
        let bc = masked(&date, "0044-03-15 01:02:03 BC");
        assert!(bc.ends_with(" 01:02:03 BC") && bc.starts_with("0044-"), "{bc}");
        assert_eq!(masked(&date, "infinity"), "infinity");
        let by = masker("date:1000,by=id", Way::Dates);
        let moved = |value: &str, by_value: &[u8]| {
            let mut out = Vec::new();
            by.apply(value.as_bytes(), Some(by_value), &mut out).unwrap();
            days(std::str::from_utf8(&out).unwrap()) - days(value)
        };
        assert_eq!(moved("2024-01-01", b"7"), moved("1999-05-05", b"7"));
        assert_ne!(moved("2024-01-01", b"7"), moved("2024-01-01", b"8"));
    }

    #[test]
    fn arrays() {
        let key = Key::from_bytes(b"a key for the tests").unwrap();
        let mask = "digits".parse().unwrap();
        let array = Masker::new(&mask, &key, Encoding::UTF8, Way::Text, None, Some(b','));
        let one = masker("digits", Way::Text);
        let (a, b) = (masked(&one, "a 12"), masked(&one, "b,34"));
        assert_eq!(masked(&array, r#"{"a 12",NULL,"b,34"}"#), format!(r#"{{"{a}",NULL,"{b}"}}"#));
        assert_eq!(masked(&array, "{}"), "{}");
        let (a, b) = (masked(&one, "12345"), masked(&one, "67890"));
        assert_eq!(
            masked(&array, "[2:3][1:2]={{12345,67890},{67890,12345}}"),
            format!("[2:3][1:2]={{{{{a},{b}}},{{{b},{a}}}}}")
        );
    }

    #[test]
    fn what_does_not_fit() {
        let key = Key::from_bytes(b"a key for the tests").unwrap();
        let with = |mask: &str, encoding: Encoding, most| {
            let mask = mask.parse().unwrap();
            let masker = Masker::new(&mask, &key, encoding, Way::Text, most, None);
            let mut out = Vec::new();
            masker.apply(b"some secret text", None, &mut out).map(|_| out)
        };
        assert!(with("hash", Encoding::UTF8, Some(15)).is_err());
        assert!(with("hash", Encoding::UTF8, Some(16)).is_ok());
        assert_eq!(with("name", Encoding::UTF8, Some(2)).unwrap().len(), 2);
        assert!(with("words", Encoding::UTF8, Some(9)).unwrap().len() <= 9);
        let latin1 = Encoding::find(b"LATIN1").unwrap();
        assert_eq!(with("fixed:é", latin1, None).unwrap(), b"\xe9");
        assert!(with("fixed:表", latin1, None).unwrap_err().contains("LATIN1"));
    }

    /// Whatever the bytes are, a mask gives a value or says why not, and the same each time.
    #[test]
    fn any_bytes() {
        let masks = [
            "hash:7",
            "email",
            "email:keep-domain",
            "digits",
            "int",
            "int:-5-500",
            "uuid",
            "date:3",
            "name",
            "words",
            "partial:2,3",
            "bytes",
            "fixed:x",
            "null",
            "keep",
        ];
        let ways = [
            Way::Text,
            Way::Padded,
            Way::Folded,
            Way::Integers(vec![SMALL, BIG]),
            Way::Numeric,
            Way::Dates,
            Way::Bytes,
        ];
        let mut state = 1_u64;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        const BYTES: &[u8] = b"0123456789-+.:{}[],;\"\\ @abcxNUL\n\x80\x95\xc3\xa9\xff";
        let key = Key::from_bytes(b"a key for the tests").unwrap();
        for mask in masks {
            for way in &ways {
                for name in ["UTF8", "SQL_ASCII", "LATIN1", "SJIS", "GB18030"] {
                    let encoding = Encoding::find(name.as_bytes()).unwrap();
                    let array = [None, Some(b',')][random(2) as usize];
                    let most = [None, Some(8)][random(2) as usize];
                    let mask = mask.parse().unwrap();
                    let masker = Masker::new(&mask, &key, encoding, way.clone(), most, array);
                    for _ in 0..20 {
                        let len = random(12);
                        let value: Vec<u8> =
                            (0..len).map(|_| BYTES[random(BYTES.len() as u64) as usize]).collect();
                        let (mut one, mut other) = (Vec::new(), Vec::new());
                        let first = masker.apply(&value, Some(b"1"), &mut one);
                        assert_eq!(first, masker.apply(&value, Some(b"1"), &mut other));
                        assert!(first.is_err() || one == other);
                    }
                }
            }
        }
    }
}
