//! `date`.

use std::fmt;

use super::calendar::{Civil, FIRST_DAY, LAST_DAY, without_bc};

/// A `date`.
///
/// ```
/// use pgdmp::value::Date;
///
/// assert_eq!(Date::parse(b"4713-01-01 BC").unwrap().to_string(), "4713-01-01 BC");
/// assert_eq!(Date::parse(b"infinity"), Some(Date::Infinity));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Date {
    /// Before all others: `-infinity`.
    NegInfinity,
    /// Days since 1970-01-01, from 4714-11-24 BC to 5874897-12-31.
    Finite(i32),
    /// After all others: `infinity`.
    Infinity,
}

impl Date {
    /// Parses `YYYY-MM-DD`, with ` BC` behind it where it is such a year, or an infinity.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"infinity" => return Some(Date::Infinity),
            b"-infinity" => return Some(Date::NegInfinity),
            _ => {}
        }
        let (text, bc) = without_bc(text);
        let (civil, rest) = Civil::parse(text, bc)?;
        let days = civil.days();
        let exists = rest.is_empty() && (FIRST_DAY..=LAST_DAY).contains(&days);
        exists.then_some(Date::Finite(i32::try_from(days).ok()?))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Date::NegInfinity => f.write_str("-infinity"),
            Date::Infinity => f.write_str("infinity"),
            Date::Finite(days) => {
                let civil = Civil::of(i64::from(*days));
                write!(f, "{civil}{}", if civil.is_bc() { " BC" } else { "" })
            }
        }
    }
}
