//! The text of a value into JSON: `datum_to_json` in `json.c`.

use std::io::Write as _;

use super::shape::{Attribute, Numbers, Shape};
use super::syntax;
use crate::value::{Array, Composite, Hstore, Timestamp, TimestampTz, bytea, integer};

/// Appends a value. Its text is in UTF-8. If it is not one of the type, that is said; a part may
/// have been appended.
pub(super) fn write(shape: &Shape, text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    match shape {
        Shape::Text => string(text, out),
        Shape::Boolean => out.extend_from_slice(match text {
            b"t" => b"true",
            b"f" => b"false",
            _ => return Err("is no boolean"),
        }),
        Shape::Integer(bits, numbers) => whole(text, *bits, *numbers, out)?,
        Shape::Float => match text {
            b"NaN" | b"Infinity" | b"-Infinity" => string(text, out),
            _ if syntax::is_number(text) => out.extend_from_slice(text),
            _ => return Err("is no number"),
        },
        Shape::Numeric(numbers) => match text {
            b"NaN" | b"Infinity" | b"-Infinity" => string(text, out),
            _ if !syntax::is_number(text) => return Err("is no number"),
            _ => number(text, *numbers == Numbers::BigAsStrings, out),
        },
        Shape::Bytea => hex(text, out)?,
        Shape::Timestamp => {
            Timestamp::parse(text).ok_or("is no timestamp")?;
            out.push(b'"');
            with_t(text, out);
            out.push(b'"');
        }
        Shape::TimestampTz => moment(text, out)?,
        Shape::Json => json(text, out)?,
        Shape::Array(element, delimiter) => array(text, element, *delimiter, out)?,
        Shape::Composite(attributes) => composite(text, attributes, out)?,
        Shape::Numbers(number) => numbers(text, number, out)?,
        Shape::Hstore => hstore(text, out)?,
        Shape::Vector => vector(text, out)?,
    }
    Ok(())
}

/// Appends a string: `escape_json` in `json.c`. All that need not be escaped stays as it is.
pub(super) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    loop {
        let plain = plain(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(byte) = rest.get(plain) else { break };
        match byte {
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            // Writing to memory does not fail.
            _ => drop(write!(out, "\\u{byte:04x}")),
        }
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

/// How many bytes a string begins with that stay as they are.
fn plain(text: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let special = |byte: &u8| (*byte < b' ') | (*byte == b'"') | (*byte == b'\\');
    let mut at = 0;
    // A loop of known length is what the compiler makes vectors of.
    for block in text.chunks_exact(BLOCK) {
        if block.iter().fold(false, |found, byte| found | special(byte)) {
            break;
        }
        at += BLOCK;
    }
    let rest = &text[at..];
    at + rest.iter().position(special).unwrap_or(rest.len())
}

fn number(text: &[u8], quoted: bool, out: &mut Vec<u8>) {
    match quoted {
        true => string(text, out),
        false => out.extend_from_slice(text),
    }
}

fn whole(text: &[u8], bits: u32, numbers: Numbers, out: &mut Vec<u8>) -> Result<(), &'static str> {
    const EXACT: u64 = 1 << 53;
    let value = integer(text).filter(|value| {
        let value = i128::from(*value);
        let most = 1_i128 << (bits - 1);
        (-most..most).contains(&value)
    });
    let Some(value) = value.filter(|_| syntax::is_number(text)) else {
        return Err(match bits {
            16 => "is no smallint",
            32 => "is no integer",
            _ => "is no bigint",
        });
    };
    let quoted = numbers == Numbers::BigAsStrings && value.unsigned_abs() > EXACT;
    number(text, quoted, out);
    Ok(())
}

/// `\x` and lower-case digits, whatever `bytea_output` was.
fn hex(text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.extend_from_slice(b"\"\\\\x");
    let digits = text.strip_prefix(b"\\x").filter(|digits| {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        digits.len().is_multiple_of(2) && digits.iter().fold(true, |all, byte| all & is_digit(byte))
    });
    match digits {
        Some(digits) => out.extend_from_slice(digits),
        None => {
            let mut bytes = Vec::new();
            bytea(text, &mut bytes).ok_or("is no bytea")?;
            bytes.iter().for_each(|byte| drop(write!(out, "{byte:02x}")));
        }
    }
    out.push(b'"');
    Ok(())
}

/// A timestamp with `T` before its time. It was parsed before.
fn with_t(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(text);
    if let Some(blank) = out[start..].iter().position(|byte| *byte == b' ') {
        out[start + blank] = b'T';
    }
}

/// A `timestamp with time zone`, in UTC.
fn moment(text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let moment = TimestampTz::parse(text).ok_or("is no timestamp with time zone")?;
    let (text, bc): (_, &[u8]) = match text.strip_suffix(b" BC") {
        Some(text) => (text, b" BC"),
        None => (text, b""),
    };
    out.push(b'"');
    if let Some(local) = text.strip_suffix(b"+00")
        && local.contains(&b' ')
    {
        with_t(local, out);
        out.extend_from_slice(b"+00:00");
        out.extend_from_slice(bc);
    } else {
        let text = moment.to_string();
        match text.split_once("+00") {
            Some((local, bc)) => {
                with_t(local.as_bytes(), out);
                out.extend_from_slice(b"+00:00");
                out.extend_from_slice(bc.as_bytes());
            }
            // An infinity.
            None => out.extend_from_slice(text.as_bytes()),
        }
    }
    out.push(b'"');
    Ok(())
}

/// JSON as it is, on one line. Outside of strings a line end is a blank, and inside there is none.
fn json(text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    if !syntax::is_json(text) {
        return Err("is no JSON");
    }
    let start = out.len();
    out.extend_from_slice(text);
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    Ok(())
}

fn array(
    text: &[u8],
    element: &Shape,
    delimiter: u8,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    let array = Array::parse(text, delimiter).ok_or("is no array")?;
    let lens = array.dimensions().iter().map(|dimension| dimension.len);
    // How many elements an array of each dimension has, with those of the arrays in it.
    let mut sizes: Vec<usize> = lens.collect();
    for n in (1..sizes.len()).rev() {
        sizes[n - 1] = sizes[n - 1].saturating_mul(sizes[n]);
    }
    if sizes.is_empty() {
        out.extend_from_slice(b"[]");
        return Ok(());
    }
    out.extend(sizes.iter().map(|_| b'['));
    for (n, value) in array.elements().enumerate() {
        if n > 0 {
            let ended = || sizes[1..].iter().filter(|size| n.is_multiple_of(**size));
            out.extend(ended().map(|_| b']'));
            out.push(b',');
            out.extend(ended().map(|_| b'['));
        }
        match value {
            None => out.extend_from_slice(b"null"),
            Some(value) => write(element, &value.value(), out)?,
        }
    }
    out.extend(sizes.iter().map(|_| b']'));
    Ok(())
}

fn composite(text: &[u8], attributes: &[Attribute], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let wrong = "has not the attributes of its type";
    let composite = Composite::parse(text).ok_or("is no composite value")?;
    let mut fields = composite.fields();
    out.push(b'{');
    for (n, attribute) in attributes.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&attribute.key);
        match fields.next().ok_or(wrong)? {
            None => out.extend_from_slice(b"null"),
            Some(value) => write(&attribute.shape, &value.value(), out)?,
        }
    }
    out.push(b'}');
    match fields.next() {
        None => Ok(()),
        // `()` of a type without attributes.
        Some(None) if attributes.is_empty() && fields.next().is_none() => Ok(()),
        Some(_) => Err(wrong),
    }
}

fn numbers(text: &[u8], number: &Shape, out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.push(b'[');
    let parts = text.split(|byte| *byte == b' ').filter(|part| !part.is_empty());
    for (n, part) in parts.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write(number, part, out)?;
    }
    out.push(b']');
    Ok(())
}

/// With blanks, as the extension's `hstore_to_json` writes it.
fn hstore(text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let pairs = Hstore::parse(text).ok_or("is no hstore")?;
    out.push(b'{');
    for (n, (key, value)) in pairs.pairs().enumerate() {
        if n > 0 {
            out.extend_from_slice(b", ");
        }
        string(&key.value(), out);
        out.extend_from_slice(b": ");
        match value {
            None => out.extend_from_slice(b"null"),
            Some(value) => string(&value.value(), out),
        }
    }
    out.push(b'}');
    Ok(())
}

fn vector(text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let inner = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    let inner = inner.ok_or("is no vector")?;
    if !inner.split(|byte| *byte == b',').all(syntax::is_number) {
        return Err("is no vector");
    }
    out.extend_from_slice(text);
    Ok(())
}
