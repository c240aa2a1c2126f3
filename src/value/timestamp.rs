//! `timestamp`, and `timestamp with time zone`.

use std::fmt;

use super::calendar::{Civil, FIRST_DAY, LAST_DAY, without_bc};
use super::time::{DAY, SECOND, clock, offset, write_clock};

/// A `timestamp` without a time zone.
///
/// ```
/// use pgdmp::value::Timestamp;
///
/// let moment = Timestamp::parse(b"1969-12-31 23:59:59.5").unwrap();
/// assert_eq!(moment.unix_micros(), Some(-500_000));
/// assert_eq!(moment.to_string(), "1969-12-31 23:59:59.5");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timestamp {
    /// Before all others: `-infinity`.
    NegInfinity,
    /// A day since 1970-01-01, and microseconds of that day: from 4714-11-24 BC to 5874897-12-31.
    /// Servers end in 294276, unless they keep timestamps as floating-point numbers, as some before
    /// PostgreSQL 10 do.
    Finite {
        /// Days since 1970-01-01.
        days: i32,
        /// Microseconds since midnight, less than 86,400,000,000.
        micros: i64,
    },
    /// After all others: `infinity`.
    Infinity,
}

impl Timestamp {
    /// Parses a date, a blank or `T`, and a time; ` BC` may stand behind them. Or an infinity. The
    /// time may be missing, which is midnight, and so may its seconds.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if let Some(infinite) = infinite(text) {
            return Some(infinite);
        }
        let (local, rest) = local(text)?;
        if !rest.is_empty() { None } else { Timestamp::at(local) }
    }

    /// Microseconds since 1970-01-01. `None` for infinities, and from 294247-01-10
    /// 04:00:54.775808 on, where 64 bits end.
    pub fn unix_micros(self) -> Option<i64> {
        match self {
            Timestamp::Finite { days, micros } => {
                i64::try_from(i128::from(days) * i128::from(DAY) + i128::from(micros)).ok()
            }
            _ => None,
        }
    }

    /// The timestamp at a day, and microseconds from its midnight, which may lie in another day.
    fn at((day, micros): (i64, i64)) -> Option<Self> {
        let day = day + micros.div_euclid(DAY);
        if !(FIRST_DAY..=LAST_DAY).contains(&day) {
            return None;
        }
        Some(Timestamp::Finite { days: i32::try_from(day).ok()?, micros: micros.rem_euclid(DAY) })
    }

    fn write(self, f: &mut fmt::Formatter<'_>, zone: &str) -> fmt::Result {
        match self {
            Timestamp::NegInfinity => f.write_str("-infinity"),
            Timestamp::Infinity => f.write_str("infinity"),
            Timestamp::Finite { days, micros } => {
                let civil = Civil::of(i64::from(days));
                write!(f, "{civil} ")?;
                write_clock(f, micros.unsigned_abs())?;
                write!(f, "{zone}{}", if civil.is_bc() { " BC" } else { "" })
            }
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "")
    }
}

/// A `timestamp with time zone`: a moment. A server prints it in the time zone of the session, here
/// it is printed in UTC.
///
/// ```
/// use pgdmp::value::TimestampTz;
///
/// let moment = TimestampTz::parse(b"4714-11-24 12:19:32+00:19:32 BC").unwrap();
/// assert_eq!(moment.to_string(), "4714-11-24 12:00:00+00 BC");
/// assert_eq!(moment, TimestampTz::parse(b"4714-11-24 12:00:00+00 BC").unwrap());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampTz(
    /// The moment in UTC.
    pub Timestamp,
);

impl TimestampTz {
    /// Parses a timestamp with an offset from UTC behind its time, which may go down to seconds, or
    /// with `Z`. Or an infinity.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if let Some(infinite) = infinite(text) {
            return Some(TimestampTz(infinite));
        }
        let ((day, micros), rest) = local(text)?;
        let offset = if rest == b"Z" { 0 } else { offset(rest)? };
        // The local date may lie outside of the type's range.
        Timestamp::at((day, micros - i64::from(offset) * SECOND)).map(TimestampTz)
    }

    /// Microseconds since 1970-01-01 in UTC. `None` for infinities, and from 294247-01-10
    /// 04:00:54.775808 on, where 64 bits end.
    pub fn unix_micros(self) -> Option<i64> {
        self.0.unix_micros()
    }
}

impl fmt::Display for TimestampTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, "+00")
    }
}

fn infinite(text: &[u8]) -> Option<Timestamp> {
    match text {
        b"infinity" => Some(Timestamp::Infinity),
        b"-infinity" => Some(Timestamp::NegInfinity),
        _ => None,
    }
}

/// The day and microseconds that a text says, and the rest of the text, without ` BC`.
fn local(text: &[u8]) -> Option<((i64, i64), &[u8])> {
    let (text, bc) = without_bc(text);
    let (civil, rest) = Civil::parse(text, bc)?;
    match rest.split_first() {
        None => Some(((civil.days(), 0), rest)),
        Some((b' ' | b'T', time)) => {
            let (micros, rest) = clock(time)?;
            Some(((civil.days(), micros), rest))
        }
        Some(_) => None,
    }
}
