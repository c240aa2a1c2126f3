//! Days of the proleptic Gregorian calendar, without a limit that matters. The year before 1 is 0.

use std::fmt;

use super::number::digit;

/// The first and last day of PostgreSQL's `date`, from 1970-01-01: 4714-11-24 BC, Julian day 0, and
/// 5874897-12-31.
pub(super) const FIRST_DAY: i64 = -2_440_588;
pub(super) const LAST_DAY: i64 = 2_145_042_905;

/// A date as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Civil {
    /// Days since 1970-01-01. Years begin in March here, so that a leap day is a year's last.
    pub(super) fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year = year.rem_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
    }

    /// The date of a day since 1970-01-01.
    pub(super) fn of(days: i64) -> Civil {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let day = days.rem_euclid(146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * month + 2) / 5 + 1) as u8;
        let month = (if month < 10 { month + 3 } else { month - 9 }) as u8;
        Civil { year: era * 400 + year + i64::from(month <= 2), month, day }
    }

    fn exists(self) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let last = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        matches!(self.month, 1..=12) && (1..=last).contains(&self.day)
    }

    /// Parses `YYYY-MM-DD` at the beginning of a text, the year with 4 to 7 digits. Gives the rest.
    /// `bc`: whether the text says elsewhere that the year is before Christ.
    pub(super) fn parse(text: &[u8], bc: bool) -> Option<(Civil, &[u8])> {
        let len = text.iter().take(8).take_while(|byte| digit(**byte).is_some()).count();
        if !(4..=7).contains(&len) {
            return None;
        }
        let (year, rest) = text.split_at(len);
        let year = year.iter().fold(0, |year, byte| year * 10 + i64::from(byte - b'0'));
        let [b'-', m1, m2, b'-', d1, d2, rest @ ..] = rest else { return None };
        let year = match year {
            0 => return None,
            year if bc => 1 - year,
            year => year,
        };
        let civil = Civil { year, month: two_digits(*m1, *m2)?, day: two_digits(*d1, *d2)? };
        civil.exists().then_some((civil, rest))
    }

    /// Whether a text of this date ends in ` BC`.
    pub(super) fn is_bc(self) -> bool {
        self.year <= 0
    }
}

/// Without ` BC`, which stands behind a time.
impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = if self.is_bc() { 1 - self.year } else { self.year };
        write!(f, "{year:04}-{:02}-{:02}", self.month, self.day)
    }
}

pub(super) fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// A text without its ` BC`, and whether it had one.
pub(super) fn without_bc(text: &[u8]) -> (&[u8], bool) {
    match text.strip_suffix(b" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}
