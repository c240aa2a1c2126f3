//! `time`, and `time with time zone`.

use std::fmt;

use super::calendar::two_digits;
use super::number::digit;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;

/// A `time`: microseconds since midnight, from 0 to 86,400,000,000, which is `24:00:00`.
///
/// ```
/// use pgdmp::value::Time;
///
/// assert_eq!(Time::parse(b"00:00:01.5"), Some(Time(1_500_000)));
/// assert_eq!(Time::parse(b"24:00:00").unwrap().to_string(), "24:00:00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Parses `HH:MM:SS` with up to six digits behind a point. Seconds may be missing.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (micros, rest) = clock(text)?;
        rest.is_empty().then_some(Time(micros))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_clock(f, self.0.unsigned_abs())
    }
}

/// A `time with time zone`. Its zone is a part of the value.
///
/// ```
/// use pgdmp::value::TimeTz;
///
/// let time = TimeTz::parse(b"12:00:00+05:30").unwrap();
/// assert_eq!(time, TimeTz { micros: 43_200_000_000, offset: 19_800 });
/// assert_eq!(time.to_string(), "12:00:00+05:30");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeTz {
    /// Microseconds since midnight of the zone, from 0 to 86,400,000,000.
    pub micros: i64,
    /// Seconds east of UTC, from -57,599 to 57,599 (`15:59:59`).
    pub offset: i32,
}

impl TimeTz {
    /// Parses a time with an offset behind it, which may go down to seconds.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (micros, rest) = clock(text)?;
        Some(TimeTz { micros, offset: offset(rest)? })
    }
}

impl fmt::Display for TimeTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_clock(f, self.micros.unsigned_abs())?;
        write_offset(f, self.offset)
    }
}

/// The time that a text begins with, in microseconds up to `24:00:00`, and the rest of the text.
pub(super) fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else { return None };
    let (hour, minute) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?);
    let (second, micros, rest) = match rest {
        [b':', s1, s2, rest @ ..] => {
            let (micros, rest) = fraction(rest)?;
            (two_digits(*s1, *s2)?, micros, rest)
        }
        _ => (0, 0, rest),
    };
    // Servers that kept times as floating-point numbers could print 60.
    if hour > 24 || minute > 59 || second > 60 || (second == 60 && micros > 0) {
        return None;
    }
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    let micros = seconds * SECOND + micros;
    (micros <= DAY).then_some((micros, rest))
}

/// The microseconds that a text begins with: a point and one to six digits, or nothing.
pub(super) fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else { return Some((0, text)) };
    let len = digits.iter().take(7).take_while(|byte| digit(**byte).is_some()).count();
    if !(1..=6).contains(&len) {
        return None;
    }
    let (digits, rest) = digits.split_at(len);
    let value = digits.iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0'));
    Some((value * 10_i64.pow(6 - len as u32), rest))
}

/// A whole text that is an offset from UTC: its seconds.
pub(super) fn offset(text: &[u8]) -> Option<i32> {
    let (sign, rest) = text.split_first()?;
    let part = |tens: &u8, ones: &u8| two_digits(*tens, *ones).map(i32::from);
    let (hours, minutes, seconds) = match rest {
        [h1, h2] => (part(h1, h2)?, 0, 0),
        [h1, h2, b':', m1, m2] => (part(h1, h2)?, part(m1, m2)?, 0),
        [h1, h2, b':', m1, m2, b':', s1, s2] => (part(h1, h2)?, part(m1, m2)?, part(s1, s2)?),
        _ => return None,
    };
    if hours > 15 || minutes > 59 || seconds > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60 + seconds;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

pub(super) fn write_offset(f: &mut fmt::Formatter<'_>, offset: i32) -> fmt::Result {
    let sign = if offset < 0 { '-' } else { '+' };
    let seconds = offset.unsigned_abs();
    write!(f, "{sign}{:02}", seconds / 3_600)?;
    if !seconds.is_multiple_of(3_600) {
        write!(f, ":{:02}", seconds / 60 % 60)?;
    }
    if !seconds.is_multiple_of(60) {
        write!(f, ":{:02}", seconds % 60)?;
    }
    Ok(())
}

/// Writes `HH:MM:SS`, and behind a point the digits that are needed.
pub(super) fn write_clock(f: &mut fmt::Formatter<'_>, micros: u64) -> fmt::Result {
    const UNIT: u64 = SECOND.unsigned_abs();
    let seconds = micros / UNIT;
    write!(f, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
    let mut micros = micros % UNIT;
    if micros == 0 {
        return Ok(());
    }
    let mut width = 6;
    while micros.is_multiple_of(10) {
        micros /= 10;
        width -= 1;
    }
    write!(f, ".{micros:0width$}")
}
