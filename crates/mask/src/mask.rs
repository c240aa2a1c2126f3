//! Masks, and how they are spelled.

use std::fmt;
use std::str::FromStr;

/// What becomes of the values of a column. NULL stays NULL under every mask.
///
/// ```
/// use pgdmp_mask::Mask;
///
/// assert_eq!("hash".parse::<Mask>()?, Mask::Hash(16));
/// assert_eq!("partial:2,2".parse::<Mask>()?.to_string(), "partial:2,2");
/// assert!("sha".parse::<Mask>().is_err());
/// # Ok::<(), pgdmp_mask::UnknownMask>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mask {
    /// `keep`: the value stays.
    Keep,
    /// `null`: NULL.
    Null,
    /// `fixed:TEXT`: this text.
    Fixed(String),
    /// `hash` or `hash:N`: so many hexadecimal digits, 1 to 64; 16 if it is not said.
    Hash(usize),
    /// `email` or `email:keep-domain`: `u`, 12 hexadecimal digits and a domain. Upper and lower case
    /// make no difference.
    Email {
        /// Whether the domain stays; otherwise it is `example.com`.
        keep_domain: bool,
    },
    /// `digits`: other digits in their places; all other characters stay. Different values stay
    /// different.
    Digits,
    /// `int` or `int:A-B`: another number of the column's type, or of a range that has all values.
    /// Different values stay different.
    Int(Option<(i64, i64)>),
    /// `uuid`: a UUID of version 8.
    Uuid,
    /// `date:DAYS` or `date:DAYS,by=COLUMN`: earlier or later by up to so many days, and never by
    /// none. With a column, all dates with the same value in that column move together.
    Date {
        /// How many days at most.
        days: u32,
        /// The column that says who it is.
        by: Option<String>,
    },
    /// `name`, `name:first`, `name:last`: a name from a list.
    Name(NamePart),
    /// `words`: as many words from a list.
    Words,
    /// `partial:A,B`: the first A and the last B characters stay, and `*` stands for each other. Of
    /// a text that has no others, none stays.
    Partial(usize, usize),
    /// `bytes`: as many other bytes.
    Bytes,
}

/// Which part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NamePart {
    /// First and last.
    Full,
    /// The first.
    First,
    /// The last.
    Last,
}

/// A text that is no mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMask(String);

impl fmt::Display for UnknownMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no mask; masks are keep, null, fixed:TEXT, hash[:N], email[:keep-domain], digits, \
             int[:A-B], uuid, date:DAYS[,by=COLUMN], name[:first|:last], words, partial:A,B and bytes",
            self.0
        )
    }
}

impl std::error::Error for UnknownMask {}

impl FromStr for Mask {
    type Err = UnknownMask;

    fn from_str(text: &str) -> Result<Mask, UnknownMask> {
        parse(text).ok_or_else(|| UnknownMask(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Mask> {
    let (name, argument) = match text.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (text, None),
    };
    Some(match (name, argument) {
        ("keep", None) => Mask::Keep,
        ("null", None) => Mask::Null,
        ("fixed", Some(text)) if !text.contains('\0') => Mask::Fixed(text.to_owned()),
        ("hash", None) => Mask::Hash(16),
        ("hash", Some(digits)) => Mask::Hash(digits.parse().ok().filter(|n| (1..=64).contains(n))?),
        ("email", None) => Mask::Email { keep_domain: false },
        ("email", Some("keep-domain")) => Mask::Email { keep_domain: true },
        ("digits", None) => Mask::Digits,
        ("int", None) => Mask::Int(None),
        ("int", Some(range)) => {
            // The second minus, if the first is a sign.
            let at = range.char_indices().skip(1).find(|(_, c)| *c == '-')?.0;
            let (low, high) = (range[..at].parse().ok()?, range[at + 1..].parse().ok()?);
            Mask::Int(Some((low, high)).filter(|(low, high)| low < high).map(Some)?)
        }
        ("uuid", None) => Mask::Uuid,
        ("date", Some(argument)) => {
            let (days, by) = match argument.split_once(',') {
                Some((days, by)) => (days, Some(by.strip_prefix("by=")?.to_owned())),
                None => (argument, None),
            };
            let days = days.trim_start_matches('±').parse().ok()?;
            Mask::Date { days, by }.some_if((1..=36_500).contains(&days))?
        }
        ("name", None) => Mask::Name(NamePart::Full),
        ("name", Some("first")) => Mask::Name(NamePart::First),
        ("name", Some("last")) => Mask::Name(NamePart::Last),
        ("words", None) => Mask::Words,
        ("partial", Some(argument)) => {
            let (first, last) = argument.split_once(',')?;
            Mask::Partial(first.parse().ok()?, last.parse().ok()?)
        }
        ("bytes", None) => Mask::Bytes,
        _ => return None,
    })
}

impl Mask {
    fn some_if(self, condition: bool) -> Option<Mask> {
        condition.then_some(self)
    }

    /// Whether different values stay different: certainly, or by so many hexadecimal digits that
    /// nobody will see two equal ones. An e-mail address counts as different whatever its case.
    pub fn is_injective(&self) -> bool {
        match self {
            Mask::Keep | Mask::Digits | Mask::Int(_) | Mask::Uuid | Mask::Email { .. } => true,
            Mask::Hash(digits) => *digits >= 12,
            Mask::Null
            | Mask::Fixed(_)
            | Mask::Date { .. }
            | Mask::Name(_)
            | Mask::Words
            | Mask::Partial(..)
            | Mask::Bytes => false,
        }
    }

    /// How many characters every value has, if that is known.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Mask::Fixed(text) => Some(text.chars().count()),
            Mask::Hash(digits) => Some(*digits),
            Mask::Email { keep_domain: false } => Some(25),
            Mask::Uuid => Some(36),
            _ => None,
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mask::Keep => f.write_str("keep"),
            Mask::Null => f.write_str("null"),
            Mask::Fixed(text) => write!(f, "fixed:{text}"),
            Mask::Hash(digits) => write!(f, "hash:{digits}"),
            Mask::Email { keep_domain: false } => f.write_str("email"),
            Mask::Email { keep_domain: true } => f.write_str("email:keep-domain"),
            Mask::Digits => f.write_str("digits"),
            Mask::Int(None) => f.write_str("int"),
            Mask::Int(Some((low, high))) => write!(f, "int:{low}-{high}"),
            Mask::Uuid => f.write_str("uuid"),
            Mask::Date { days, by: None } => write!(f, "date:{days}"),
            Mask::Date { days, by: Some(by) } => write!(f, "date:{days},by={by}"),
            Mask::Name(NamePart::Full) => f.write_str("name"),
            Mask::Name(NamePart::First) => f.write_str("name:first"),
            Mask::Name(NamePart::Last) => f.write_str("name:last"),
            Mask::Words => f.write_str("words"),
            Mask::Partial(first, last) => write!(f, "partial:{first},{last}"),
            Mask::Bytes => f.write_str("bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for text in [
            "keep",
            "null",
            "fixed:",
            "fixed:a:b",
            "hash:16",
            "email",
            "email:keep-domain",
            "digits",
            "int",
            "int:-5--2",
            "int:1-99",
            "uuid",
            "date:30",
            "date:30,by=user_id",
            "name",
            "name:first",
            "name:last",
            "words",
            "partial:0,4",
            "bytes",
        ] {
            assert_eq!(text.parse::<Mask>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "Keep",
            "null:",
            "fixed",
            "hash:0",
            "hash:65",
            "hash:x",
            "email:x",
            "int:5",
            "int:5-5",
            "int:9-1",
            "int:",
            "date",
            "date:0",
            "date:1,user",
            "name:middle",
            "partial:1",
            "partial:a,b",
            "bytes:3",
            "fixed:a\0",
        ] {
            assert!(text.parse::<Mask>().is_err(), "{text}");
        }
    }
}
