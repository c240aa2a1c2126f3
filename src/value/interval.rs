//! `interval`.

use std::fmt;

use super::number::digit;
use super::time::{SECOND, fraction, write_clock};

/// An `interval`. Its three parts are separate: a day is not 24 hours, and a month is not 30 days.
///
/// ```
/// use pgdmp::value::Interval;
///
/// let text = "1 year 2 mons -3 days +04:05:06.789";
/// let interval = Interval::parse(text.as_bytes()).unwrap();
/// assert_eq!(interval, Interval::Finite { months: 14, days: -3, micros: 14_706_789_000 });
/// assert_eq!(interval.to_string(), text);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interval {
    /// `-infinity` (PostgreSQL 17 and newer).
    NegInfinity,
    /// Any other.
    Finite {
        /// Months: twelve for each year.
        months: i32,
        /// Days.
        days: i32,
        /// Microseconds.
        micros: i64,
    },
    /// `infinity` (PostgreSQL 17 and newer).
    Infinity,
}

impl Interval {
    /// Parses years, months, days and a time, each of which may be missing and has its own sign.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"infinity" => return Some(Interval::Infinity),
            b"-infinity" => return Some(Interval::NegInfinity),
            _ => {}
        }
        let (mut months, mut days, mut micros) = (0_i64, 0_i64, 0_i128);
        let mut words = text.split(|byte| *byte == b' ');
        // The last unit that was met: each comes once, in this order.
        let mut last = 0;
        while let Some(word) = words.next() {
            let (unit, value) = if word.contains(&b':') {
                micros = time(word)?;
                (4, 0)
            } else {
                let value = signed(word)?;
                match words.next()? {
                    b"year" | b"years" => (1, value.checked_mul(12)?),
                    b"mon" | b"mons" => (2, value),
                    b"day" | b"days" => (3, value),
                    _ => return None,
                }
            };
            if unit <= last {
                return None;
            }
            last = unit;
            match unit {
                1 | 2 => months = months.checked_add(value)?,
                _ => days = days.checked_add(value)?,
            }
        }
        Some(Interval::Finite {
            months: i32::try_from(months).ok()?,
            days: i32::try_from(days).ok()?,
            micros: i64::try_from(micros).ok()?,
        })
    }
}

/// Digits with an optional sign.
fn signed(word: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(word);
    let value = i64::try_from(super::number::unsigned(digits)?).ok()?;
    Some(if negative { -value } else { value })
}

fn sign(word: &[u8]) -> (bool, &[u8]) {
    match word.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, word),
    }
}

/// `[+-]H…:MM:SS[.f]` in microseconds.
fn time(word: &[u8]) -> Option<i128> {
    let (negative, rest) = sign(word);
    let len = rest.iter().take_while(|byte| digit(**byte).is_some()).count();
    let (hours, rest) = rest.split_at(len);
    let hours = super::number::unsigned(hours)?;
    let [b':', m1, m2, b':', s1, s2, rest @ ..] = rest else { return None };
    let minutes = super::calendar::two_digits(*m1, *m2)?;
    let seconds = super::calendar::two_digits(*s1, *s2)?;
    let (micros, rest) = fraction(rest)?;
    if !rest.is_empty() || minutes > 59 || seconds > 60 {
        return None;
    }
    let seconds = i128::from(hours) * 3_600 + i128::from(minutes) * 60 + i128::from(seconds);
    let micros = seconds * i128::from(SECOND) + i128::from(micros);
    Some(if negative { -micros } else { micros })
}

/// `EncodeInterval` in `datetime.c`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (months, days, micros) = match *self {
            Interval::NegInfinity => return f.write_str("-infinity"),
            Interval::Infinity => return f.write_str("infinity"),
            Interval::Finite { months, days, micros } => (months, days, micros),
        };
        let mut blank = "";
        let mut after_negative = false;
        for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
            if value == 0 {
                continue;
            }
            let plus = if after_negative && value > 0 { "+" } else { "" };
            let plural = if value == 1 { "" } else { "s" };
            write!(f, "{blank}{plus}{value} {unit}{plural}")?;
            after_negative = value < 0;
            blank = " ";
        }
        if micros == 0 && !blank.is_empty() {
            return Ok(());
        }
        let sign = match micros {
            ..0 => "-",
            _ if after_negative => "+",
            _ => "",
        };
        write!(f, "{blank}{sign}")?;
        write_clock(f, micros.unsigned_abs())
    }
}
