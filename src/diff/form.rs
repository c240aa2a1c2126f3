//! Values in one form, so that equal values of two archives are the same bytes.

use crate::types::DataType;
use crate::value::{
    Array, Composite, Multirange, Range, Timestamp, TimestampTz, bytea, double_precision, real,
};

/// How the texts of a type become bytes. Types whose text depends on nothing but the value are
/// `Text`, and so is all that is made of them alone.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Text,
    /// An instant, printed in the time zone of a session.
    Instant,
    /// In hex or in escape form.
    Bytea,
    /// Printed with as many digits as it takes since PostgreSQL 12, and with 9 before.
    Real,
    /// The same with 17.
    Double,
    /// One byte, which is an escape since PostgreSQL 15.
    Char,
    /// Two hexadecimal numbers, the second of which has leading zeros since PostgreSQL 19.
    Lsn,
    /// A geometric type: numbers of double precision with marks between them.
    Geometric,
    Array {
        element: Box<Form>,
        delimiter: u8,
    },
    Composite(Vec<Form>),
    Range(Box<Form>),
    Multirange(Box<Form>),
}

/// What a value in its one form begins with.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    /// A text that cannot be brought into UTF-8.
    pub(super) const RAW: u8 = 2;
    pub(super) const INSTANT: u8 = 3;
    pub(super) const BYTEA: u8 = 4;
    pub(super) const REAL: u8 = 5;
    pub(super) const DOUBLE: u8 = 6;
    pub(super) const CHAR: u8 = 7;
    pub(super) const ARRAY: u8 = 8;
    pub(super) const COMPOSITE: u8 = 9;
    pub(super) const RANGE: u8 = 10;
    pub(super) const MULTIRANGE: u8 = 11;
    /// What ends a list of any length.
    pub(super) const END: u8 = 12;
    pub(super) const LSN: u8 = 13;
    pub(super) const GEOMETRIC: u8 = 14;
}

impl Form {
    /// That of a column. Of types that `DataType` does not tell apart, the spelling says more.
    pub(super) fn of_column(data_type: &DataType, spelling: &[u8]) -> Form {
        let name = spelling.strip_prefix(b"pg_catalog.").unwrap_or(spelling);
        match (data_type, name) {
            (DataType::Other, b"pg_lsn" | b"\"pg_lsn\"") => Form::Lsn,
            (DataType::Other, name) if is_geometric(name) => Form::Geometric,
            _ => Form::of(data_type),
        }
    }

    fn of(data_type: &DataType) -> Form {
        let boxed = |form| Some(form).filter(|form| *form != Form::Text).map(Box::new);
        let inner = |data_type| boxed(Form::of(data_type));
        match data_type {
            DataType::TimestampTz => Form::Instant,
            DataType::Bytea => Form::Bytea,
            DataType::Real => Form::Real,
            DataType::DoublePrecision => Form::Double,
            DataType::Char => Form::Char,
            DataType::Array(array) => match inner(&array.element) {
                Some(element) => Form::Array { element, delimiter: array.delimiter },
                None => Form::Text,
            },
            DataType::Composite(composite) => {
                let fields = composite.fields.iter().map(|field| Form::of(&field.data_type));
                let fields: Vec<Form> = fields.collect();
                match fields.iter().all(|form| *form == Form::Text) {
                    true => Form::Text,
                    false => Form::Composite(fields),
                }
            }
            DataType::Range(subtype) => inner(subtype).map_or(Form::Text, Form::Range),
            DataType::Multirange(subtype) => inner(subtype).map_or(Form::Text, Form::Multirange),
            _ => Form::Text,
        }
    }

    /// Appends a value, given as text in UTF-8, in its one form. What is no value of the type is
    /// appended as text.
    pub(super) fn put(&self, text: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if self.put_value(text, out).is_none() {
            out.truncate(start);
            put_bytes(tag::TEXT, text, out);
        }
    }

    fn put_value(&self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        match self {
            Form::Text => put_bytes(tag::TEXT, text, out),
            Form::Instant => {
                let TimestampTz(instant) = TimestampTz::parse(text)?;
                out.push(tag::INSTANT);
                put_timestamp(instant, out);
            }
            Form::Bytea => {
                // Of known length when it is decoded, and most of it lies where it is to be.
                let mut bytes = Vec::new();
                bytea(text, &mut bytes)?;
                put_bytes(tag::BYTEA, &bytes, out);
            }
            Form::Real => {
                out.push(tag::REAL);
                out.extend_from_slice(&real(text)?.to_bits().to_be_bytes());
            }
            Form::Double => {
                out.push(tag::DOUBLE);
                out.extend_from_slice(&double_precision(text)?.to_bits().to_be_bytes());
            }
            Form::Char => {
                out.push(tag::CHAR);
                out.push(char(text)?);
            }
            Form::Lsn => {
                let (high, low) = std::str::from_utf8(text).ok()?.split_once('/')?;
                out.push(tag::LSN);
                for half in [high, low] {
                    out.extend_from_slice(&u32::from_str_radix(half, 16).ok()?.to_be_bytes());
                }
            }
            Form::Geometric => {
                out.push(tag::GEOMETRIC);
                let is_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                for part in text.chunk_by(|a, b| is_number(a) == is_number(b)) {
                    match part.first().is_some_and(is_number) {
                        true => out.extend_from_slice(&coordinate(part)?.to_bits().to_be_bytes()),
                        false => put_bytes(tag::TEXT, part, out),
                    }
                }
                out.push(tag::END);
            }
            Form::Array { element, delimiter } => {
                let array = Array::parse(text, *delimiter)?;
                out.push(tag::ARRAY);
                for dimension in array.dimensions() {
                    out.push(1);
                    out.extend_from_slice(&dimension.lower.to_be_bytes());
                    put_len(dimension.len, out);
                }
                out.push(0);
                for text in array.elements() {
                    put_option(element, text.map(|text| text.value()).as_deref(), out);
                }
            }
            Form::Composite(forms) => {
                let composite = Composite::parse(text)?;
                out.push(tag::COMPOSITE);
                let mut fields = composite.fields();
                for form in forms {
                    let field = fields.next()?;
                    put_option(form, field.map(|text| text.value()).as_deref(), out);
                }
                if fields.next().is_some() {
                    return None;
                }
            }
            Form::Range(subtype) => {
                out.push(tag::RANGE);
                put_range(Range::parse(text)?, subtype, out);
            }
            Form::Multirange(subtype) => {
                out.push(tag::MULTIRANGE);
                for range in Multirange::parse(text)?.ranges() {
                    out.push(tag::RANGE);
                    put_range(range, subtype, out);
                }
                out.push(tag::END);
            }
        }
        Some(())
    }
}

fn is_geometric(name: &[u8]) -> bool {
    let bare = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
    matches!(bare, b"point" | b"line" | b"lseg" | b"box" | b"path" | b"polygon" | b"circle")
}

/// A number of a geometric value. Infinities and NaN have other names before PostgreSQL 10.
fn coordinate(text: &[u8]) -> Option<f64> {
    match text {
        b"inf" => Some(f64::INFINITY),
        b"-inf" => Some(f64::NEG_INFINITY),
        b"nan" => Some(f64::NAN),
        _ => double_precision(text),
    }
}

/// Appends a NULL.
pub(super) fn put_null(out: &mut Vec<u8>) {
    out.push(tag::NULL);
}

/// Appends a text that cannot be brought into UTF-8.
pub(super) fn put_raw(text: &[u8], out: &mut Vec<u8>) {
    put_bytes(tag::RAW, text, out);
}

fn put_option(form: &Form, text: Option<&[u8]>, out: &mut Vec<u8>) {
    match text {
        Some(text) => form.put(text, out),
        None => put_null(out),
    }
}

fn put_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends a number, seven bits in each byte, the least first.
pub(super) fn put_len(mut len: usize, out: &mut Vec<u8>) {
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
}

/// Reads a number of [`put_len`] from the front of a text.
pub(super) fn take_len(text: &mut &[u8]) -> Option<usize> {
    let mut len = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (first, rest) = text.split_first()?;
        *text = rest;
        len |= usize::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some(len);
        }
    }
    None
}

/// In the order of time.
fn put_timestamp(timestamp: Timestamp, out: &mut Vec<u8>) {
    let (kind, days, micros) = match timestamp {
        Timestamp::NegInfinity => (0, 0, 0),
        Timestamp::Finite { days, micros } => (1, days, micros),
        Timestamp::Infinity => (2, 0, 0),
    };
    out.push(kind);
    out.extend_from_slice(&(days as u32 ^ 1 << 31).to_be_bytes());
    out.extend_from_slice(&micros.to_be_bytes());
}

fn put_range(range: Range<'_>, subtype: &Form, out: &mut Vec<u8>) {
    let Range::Between { lower, upper, lower_inclusive, upper_inclusive } = range else {
        return out.push(tag::END);
    };
    out.push(u8::from(lower_inclusive) | u8::from(upper_inclusive) << 1);
    put_option(subtype, lower.map(|text| text.value()).as_deref(), out);
    put_option(subtype, upper.map(|text| text.value()).as_deref(), out);
}

/// `charout`: bytes from 80 on are `\ooo` since PostgreSQL 15, and 0 is the empty text.
fn char(text: &[u8]) -> Option<u8> {
    match text {
        [] => Some(0),
        [byte] => Some(*byte),
        [b'\\', digits @ ..] if digits.len() == 3 => {
            digits.iter().try_fold(0_u8, |value, digit| {
                let digit = char::from(*digit).to_digit(8)?;
                value.checked_mul(8)?.checked_add(digit as u8)
            })
        }
        _ => None,
    }
}

/// The values of a key in an order for people: numbers by value, texts by their bytes. Values that
/// differ are never equal.
pub(super) fn order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    while let (Some(a_text), Some(b_text)) = (take_text(&mut a_rest), take_text(&mut b_rest)) {
        let integer = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i128>().ok();
        let by_value = match (integer(a_text), integer(b_text)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a_text.cmp(b_text),
        };
        if by_value.is_ne() {
            return by_value;
        }
    }
    a.cmp(b)
}

/// The text that stands at the front, if one does.
fn take_text<'t>(rest: &mut &'t [u8]) -> Option<&'t [u8]> {
    let mut after = rest.strip_prefix(&[tag::TEXT])?;
    let len = take_len(&mut after)?;
    let (text, after) = after.split_at_checked(len)?;
    *rest = after;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(form: &Form, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        form.put(text.as_bytes(), &mut out);
        out
    }

    fn array(element: Form) -> Form {
        Form::Array { element: Box::new(element), delimiter: b',' }
    }

    #[test]
    fn equal_values_are_equal() {
        for (of, a, b) in [
            (Form::Instant, "2024-07-01 12:00:00.5+00", "2024-07-01 14:00:00.5+02"),
            (Form::Instant, "infinity", "infinity"),
            (Form::Bytea, "\\x00ff5c61", "\\000\\377\\\\a"),
            (Form::Bytea, "\\x", ""),
            (Form::Double, "0.1", "0.10000000000000001"),
            (Form::Real, "0.1", "0.100000001"),
            (Form::Char, "\\351", "\\351"),
            (Form::Lsn, "16/B374D848", "16/B374D848"),
            (Form::Lsn, "0/0", "0/00000000"),
            (Form::Geometric, "(1e+300,-0.1)", "(1.00000000000000005e+300,-0.10000000000000001)"),
            (Form::Geometric, "(inf,nan)", "(Infinity,NaN)"),
            (
                array(Form::Instant),
                "{\"2024-07-01 12:00:00+00\",NULL}",
                "{\"2024-07-01 14:00:00+02\",NULL}",
            ),
            (array(Form::Bytea), "{\"\\\\x5c61\"}", "{\"\\\\\\\\a\"}"),
            (
                Form::Range(Box::new(Form::Instant)),
                "[\"2024-07-01 12:00:00+00\",)",
                "[\"2024-07-01 14:00:00+02\",)",
            ),
            (
                Form::Multirange(Box::new(Form::Instant)),
                "{(,\"2024-07-01 12:00:00+00\"]}",
                "{(,\"2024-07-01 14:00:00+02\"]}",
            ),
            (
                Form::Composite(vec![Form::Text, array(Form::Instant)]),
                "(x,\"{\"\"2024-07-01 12:00:00+00\"\"}\")",
                "(x,\"{\"\"2024-07-01 14:00:00+02\"\"}\")",
            ),
        ] {
            assert_eq!(form(&of, a), form(&of, b), "{of:?}: {a} and {b}");
        }
    }

    #[test]
    fn other_values_are_different() {
        for (of, a, b) in [
            (Form::Text, "1.5", "1.50"),
            (Form::Instant, "2024-07-01 12:00:00+00", "2024-07-01 12:00:00+01"),
            (Form::Instant, "infinity", "-infinity"),
            (Form::Double, "0", "-0"),
            (Form::Lsn, "1/0", "0/1"),
            (Form::Geometric, "((1,2),(3,4))", "((1,2),(3,5))"),
            (Form::Geometric, "[(1,2)]", "((1,2))"),
            (Form::Bytea, "\\x61", "\\x6100"),
            (array(Form::Bytea), "{a,b}", "{ab}"),
            (array(Form::Bytea), "{a,b}", "{{a,b}}"),
            (array(Form::Bytea), "{a,b}", "[0:1]={a,b}"),
            (array(Form::Bytea), "{NULL}", "{\"\"}"),
            (array(Form::Bytea), "{}", "{\"\"}"),
            (Form::Range(Box::new(Form::Instant)), "empty", "(,)"),
            (Form::Composite(vec![Form::Text, Form::Bytea]), "(,a)", "(\"\",a)"),
        ] {
            assert_ne!(form(&of, a), form(&of, b), "{of:?}: {a} and {b}");
        }
        let mut null = Vec::new();
        put_null(&mut null);
        assert_ne!(null, form(&Form::Text, ""));
    }

    #[test]
    fn what_is_no_value_is_text() {
        for of in [Form::Instant, Form::Bytea, Form::Double, Form::Char, array(Form::Bytea)] {
            assert_eq!(form(&of, "\\q{"), form(&Form::Text, "\\q{"));
        }
    }

    #[test]
    fn keys_have_an_order_for_people() {
        let key = |texts: &[&str]| -> Vec<u8> {
            texts.iter().flat_map(|text| form(&Form::Text, text)).collect()
        };
        let sorted = [&["-10"][..], &["9"], &["10"], &["a"], &["a", "2"], &["a", "10"], &["b"]];
        for pair in sorted.windows(2) {
            assert!(order(&key(pair[0]), &key(pair[1])).is_lt(), "{pair:?}");
        }
        assert!(order(&key(&["1"]), &key(&["01"])).is_ne());
    }
}
