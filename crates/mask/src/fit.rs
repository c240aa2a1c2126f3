//! Whether a mask fits the type of a column.

use pgdmp::text::Encoding;
use pgdmp::types::{Column, DataType};
use pgdmp::value;

use crate::mask::Mask;
use crate::masker::{Ranges, Way};

/// How a mask works on a column.
pub(crate) struct Fitted {
    pub(crate) way: Way,
    /// The delimiter, if it is an array and its elements are masked.
    pub(crate) array: Option<u8>,
    /// Whether the type is not known well enough to say that it takes the result.
    pub(crate) is_guess: bool,
}

/// How a mask works on a column, or why it does not.
pub(crate) fn way(
    mask: &Mask,
    column: &Column,
    ranges: impl FnOnce() -> Ranges,
    encoding: Encoding,
) -> Result<Fitted, String> {
    let fitted = |way| Fitted { way, array: None, is_guess: false };
    match mask {
        Mask::Keep | Mask::Null => return Ok(fitted(Way::Text)),
        Mask::Fixed(text) => {
            if encoding.encode(text).is_none() {
                return Err(format!("the text is not in {}", encoding.name()));
            }
            let is_guess = fixed(text, column, encoding)?;
            return Ok(Fitted { is_guess, ..fitted(Way::Text) });
        }
        _ => {}
    }
    if let (Some(len), Some(most)) = (mask.len(), column.max_length)
        && len > most as usize
    {
        return Err(format!("{mask} makes {len} characters, and the column takes {most}"));
    }
    let (data_type, array) = match &column.data_type {
        DataType::Array(array) => (&array.element, Some(array.delimiter)),
        data_type => (data_type, None),
    };
    let spelling = String::from_utf8_lossy(&column.spelling).into_owned();
    let is_unknown = *data_type == DataType::Other && spelling.is_empty();
    let wrong = || match is_unknown {
        true => format!("its type is not known, and {mask} needs to know it"),
        false => format!("{mask} does not make values of {spelling}"),
    };
    let text = || {
        let plain = spelling.rsplit('.').next().unwrap_or_default().trim_matches('"');
        if spelling.starts_with("character(") || matches!(plain, "character" | "bpchar") {
            Way::Padded
        } else if plain == "citext" {
            Way::Folded
        } else {
            Way::Text
        }
    };
    let is_text = matches!(data_type, DataType::Text);
    let is_integer = matches!(data_type, DataType::SmallInt | DataType::Integer | DataType::BigInt);
    let way = match mask {
        Mask::Hash(_) | Mask::Email { .. } | Mask::Name(_) | Mask::Words | Mask::Partial(..)
            if is_text || is_unknown =>
        {
            text()
        }
        Mask::Digits if is_integer => Way::Integers(ranges()),
        Mask::Digits if matches!(data_type, DataType::Numeric(_)) => Way::Numeric,
        Mask::Digits if is_text || is_unknown => text(),
        Mask::Int(None) if is_integer => Way::Integers(ranges()),
        Mask::Int(Some((low, high))) if is_integer || matches!(data_type, DataType::Numeric(_)) => {
            let range = (i128::from(*low), i128::from(*high));
            if let Some(of_type) = crate::masker::range_of(data_type)
                && (range.0 < of_type.0 || range.1 > of_type.1)
            {
                return Err(format!("{spelling} does not have all numbers of {mask}"));
            }
            Way::Integers(vec![range])
        }
        Mask::Uuid if matches!(data_type, DataType::Uuid) || is_text => text(),
        Mask::Date { .. }
            if matches!(
                data_type,
                DataType::Date | DataType::Timestamp | DataType::TimestampTz
            ) =>
        {
            Way::Dates
        }
        Mask::Bytes if *data_type == DataType::Bytea => Way::Bytes,
        _ => return Err(wrong()),
    };
    Ok(Fitted { way, array, is_guess: is_unknown })
}

/// Whether values of two columns that are equal for the server stay so.
pub(crate) fn are_alike(one: (&Way, &DataType), other: (&Way, &DataType)) -> bool {
    match (one.0, other.0) {
        (Way::Integers(_), Way::Integers(_))
        | (Way::Bytes, Way::Bytes)
        | (Way::Folded, Way::Folded)
        | (Way::Text | Way::Padded, Way::Text | Way::Padded) => true,
        // What is one number or day has another text in another type.
        (Way::Numeric, Way::Numeric) | (Way::Dates, Way::Dates) => one.1 == other.1,
        _ => false,
    }
}

/// Whether a column takes a text. `Ok(true)`: perhaps.
fn fixed(text: &str, column: &Column, encoding: Encoding) -> Result<bool, String> {
    if let Some(most) = column.max_length
        && text.chars().count() > most as usize
    {
        return Err(format!("the text is longer than {most} characters"));
    }
    let bytes = text.as_bytes();
    let integer = |low: i64, high: i64| {
        value::integer(bytes).is_some_and(|value| (low..=high).contains(&value))
    };
    let fits = match &column.data_type {
        DataType::Text => true,
        DataType::Boolean => value::boolean(bytes).is_some(),
        DataType::SmallInt => integer(i16::MIN.into(), i16::MAX.into()),
        DataType::Integer => integer(i32::MIN.into(), i32::MAX.into()),
        DataType::BigInt => integer(i64::MIN, i64::MAX),
        DataType::Real => value::real(bytes).is_some(),
        DataType::DoublePrecision => value::double_precision(bytes).is_some(),
        DataType::Date => value::Date::parse(bytes).is_some(),
        DataType::Timestamp => value::Timestamp::parse(bytes).is_some(),
        DataType::TimestampTz => value::TimestampTz::parse(bytes).is_some(),
        DataType::Uuid => value::uuid(bytes).is_some(),
        DataType::Bytea => value::bytea(bytes, &mut Vec::new()).is_some(),
        DataType::Enum(of) => {
            let label = encoding.encode(text);
            let is_label = label.is_some_and(|label| of.labels.iter().any(|own| *own == *label));
            if !is_label {
                return Err("the text is no label of the enum".to_owned());
            }
            true
        }
        // Whether it fits is only said by the server.
        _ => return Ok(true),
    };
    match fits {
        true => Ok(false),
        false => {
            let spelling = String::from_utf8_lossy(&column.spelling);
            Err(format!("the text is no value of {spelling}"))
        }
    }
}
