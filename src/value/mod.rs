//! The values of PostgreSQL's types, from the texts that a server prints.
//!
//! A dump has each value as the text that the output function of its type printed. These parsers
//! take such a text and give the value exactly, or `None` if it is not a value of the type. They
//! take the forms of all releases, with the settings that `pg_dump` makes: `DateStyle` ISO and
//! `IntervalStyle` postgres. Where a type has one canonical text, [`Display`](std::fmt::Display)
//! prints it, as a server does.
//!
//! Dates are those of the proleptic Gregorian calendar. No parser panics, recurses or allocates by
//! a claim of the text, and each takes time linear in its length.
//!
//! Texts are bytes in which `"`, `\`, `{` and the like stand for themselves only: so UTF-8, and all
//! encodings of servers. A text in SJIS, BIG5, GBK, UHC, GB18030, JOHAB or SHIFT_JIS_2004 has to be
//! [decoded](crate::text::Encoding::decode) first, before its elements and fields are looked for.
//!
//! ```
//! use pgdmp::value::{Array, Date, TimestampTz};
//!
//! assert_eq!(Date::parse(b"1970-01-02"), Some(Date::Finite(1)));
//! assert_eq!(Date::parse(b"1970-02-30"), None);
//! let noon = TimestampTz::parse(b"2024-07-01 14:00:00+02").unwrap();
//! assert_eq!(noon.to_string(), "2024-07-01 12:00:00+00");
//! let array = Array::parse(br#"{1,NULL,"a \"b\""}"#, b',').unwrap();
//! let texts: Vec<_> = array.elements().map(|element| Some(element?.value().into_owned())).collect();
//! assert_eq!(texts, [Some(b"1".to_vec()), None, Some(b"a \"b\"".to_vec())]);
//! ```
//!
//! ```text
//! number.rs     integers, real and double precision, boolean
//! numeric.rs    `Numeric`
//! bytes.rs      bytea, uuid, bit strings
//! calendar.rs   days and years
//! time.rs       `Time` and `TimeTz`
//! date.rs       `Date`
//! timestamp.rs  `Timestamp` and `TimestampTz`
//! interval.rs   `Interval`
//! quoted.rs     `Text`: text inside of others, quotes and escapes undone and made
//! array.rs      `Array`
//! composite.rs  `Composite`
//! range.rs      `Range` and `Multirange`
//! hstore.rs     `Hstore`
//! vector.rs     pgvector's vectors
//! ```

mod array;
mod bytes;
mod calendar;
mod composite;
mod date;
mod hstore;
mod interval;
mod number;
mod numeric;
mod quoted;
mod range;
mod time;
mod timestamp;
mod vector;

#[cfg(test)]
mod tests;

pub use array::{Array, Dimension, Elements};
pub use bytes::{bytea, is_bit_string, uuid};
pub use composite::{Composite, Fields};
pub use date::Date;
pub use hstore::{Hstore, Pairs};
pub use interval::Interval;
pub use number::{boolean, double_precision, integer, real, unsigned};
pub use numeric::Numeric;
pub use quoted::{Text, quote_bound, quote_element, quote_field, quote_key};
pub use range::{Multirange, Range, Ranges};
pub use time::{Time, TimeTz};
pub use timestamp::{Timestamp, TimestampTz};
pub use vector::vector;
