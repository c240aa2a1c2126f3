//! Values that their columns' types do not have.
//!
//! Where data has no checksum, this is what finds most changed bytes: a digit that became a letter.
//! Only what no server prints is wrong.

use super::plain;
use crate::rows::Row;
use crate::types::{Columns, DataType};
use crate::value::{self, Date, Interval, Numeric, Time, TimeTz, Timestamp, TimestampTz};

/// The columns of a table whose values can be checked.
#[derive(Debug)]
pub(super) struct Values {
    columns: Vec<Checked>,
    /// How many fields a row has of which all this is true.
    width: usize,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Checked {
    /// Its place in a row.
    at: usize,
    name: Vec<u8>,
    data_type: DataType,
    spelling: String,
    not_null: bool,
}

impl Values {
    pub(super) fn new(columns: Columns) -> Values {
        let width = columns.columns.len();
        let columns = columns.columns.into_iter().enumerate();
        let checked = columns.map(|(at, column)| Checked {
            at,
            spelling: String::from_utf8_lossy(&column.spelling).into_owned(),
            name: column.name,
            data_type: column.data_type,
            not_null: column.not_null,
        });
        let columns = checked.filter(|column| column.not_null || column.is_checked()).collect();
        Values { columns, width, buffer: Vec::new() }
    }

    /// What is wrong with the first value that is wrong.
    pub(super) fn wrong(&mut self, row: &Row<'_>) -> Option<String> {
        if row.len() != self.width {
            return None;
        }
        for column in &self.columns {
            let field = row.get(column.at)?;
            let name = || String::from_utf8_lossy(&column.name);
            match field.value_in(&mut self.buffer) {
                None if column.not_null => {
                    return Some(format!("NULL in column \"{}\", which is NOT NULL", name()));
                }
                None => {}
                Some(value) if column.has(value) => {}
                Some(value) => {
                    let value: String = String::from_utf8_lossy(value).chars().take(40).collect();
                    let (name, spelling) = (name(), &column.spelling);
                    return Some(format!("column \"{name}\" of type {spelling} has \"{value}\""));
                }
            }
        }
        None
    }
}

impl Checked {
    fn is_checked(&self) -> bool {
        use DataType as T;
        matches!(
            self.data_type,
            T::Boolean
                | T::SmallInt
                | T::Integer
                | T::BigInt
                | T::Oid
                | T::Xid
                | T::Cid
                | T::Xid8
                | T::Real
                | T::DoublePrecision
                | T::Numeric(_)
                | T::Date
                | T::Time
                | T::TimeTz
                | T::Timestamp
                | T::TimestampTz
                | T::Interval
                | T::Uuid
                | T::Bit
                | T::Enum(_)
        ) || matches!(&self.data_type, T::Array(array) if array.delimiter == b',')
            || matches!(self.data_type, T::Bytea)
    }

    fn has(&self, text: &[u8]) -> bool {
        use DataType as T;
        let within = |low: i64, high: i64| {
            value::integer(text).is_some_and(|value| (low..=high).contains(&value))
        };
        let unsigned = |most: u64| value::unsigned(text).is_some_and(|value| value <= most);
        match &self.data_type {
            T::Boolean => value::boolean(text).is_some(),
            T::SmallInt => within(i16::MIN.into(), i16::MAX.into()),
            T::Integer if plain::is_integer(text, 9) => true,
            T::Integer => within(i32::MIN.into(), i32::MAX.into()),
            T::BigInt => plain::is_integer(text, 18) || value::integer(text).is_some(),
            T::Oid | T::Xid | T::Cid => unsigned(u32::MAX.into()),
            T::Xid8 => unsigned(u64::MAX),
            T::Real => plain::is_decimal(text, 30) || value::real(text).is_some(),
            T::DoublePrecision => {
                plain::is_decimal(text, 30) || value::double_precision(text).is_some()
            }
            T::Numeric(_) => plain::is_decimal(text, 1000) || Numeric::parse(text).is_some(),
            T::Date => plain::is_date(text) || Date::parse(text).is_some(),
            T::Time => Time::parse(text).is_some(),
            T::TimeTz => TimeTz::parse(text).is_some(),
            T::Timestamp => plain::is_timestamp(text) || Timestamp::parse(text).is_some(),
            T::TimestampTz => plain::is_timestamp_tz(text) || TimestampTz::parse(text).is_some(),
            T::Interval => Interval::parse(text).is_some(),
            T::Uuid => value::uuid(text).is_some(),
            T::Bit => value::is_bit_string(text),
            // Without labels the definition was not understood.
            T::Enum(of) => of.labels.is_empty() || of.labels.iter().any(|label| label == text),
            T::Array(of) => value::Array::parse(text, of.delimiter).is_some(),
            // The escape form may be nearly anything.
            T::Bytea => match text.strip_prefix(b"\\x") {
                Some(digits) => {
                    digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit)
                }
                None => true,
            },
            _ => true,
        }
    }
}
