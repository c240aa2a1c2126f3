//! Literals by value.

use crate::sql::{Kind, Token};
use crate::value::{TimestampTz, bytea};

/// A type that a literal is cast to, where its text depends on the session that printed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// `timestamp with time zone`, ranges and arrays of it.
    Instant,
    Bytea,
    /// `regclass` and its like: the text is a name in SQL.
    Name,
}

impl Type {
    /// The type in `::type`, which these tokens begin with.
    pub(super) fn behind(tokens: &[Token<'_>]) -> Option<Type> {
        let [first, second, rest @ ..] = tokens else { return None };
        if !(first.is_mark(b':') && second.is_mark(b':')) {
            return None;
        }
        let mut rest = rest;
        // With quoted identifiers, and on request, built-in types may come with their schema.
        if let [schema, dot, more @ ..] = rest
            && schema.name().as_deref() == Some(b"pg_catalog")
            && dot.is_mark(b'.')
        {
            rest = more;
        }
        match &*rest.first()?.name()? {
            b"timestamp" => {
                let end = rest.iter().position(|token| token.is("WITH"))?;
                let zone = rest.get(end + 1)?.is("TIME") && rest.get(end + 2)?.is("ZONE");
                // `timestamp`, or `timestamp(3)`.
                (zone && matches!(end, 1 | 4)).then_some(Type::Instant)
            }
            b"timestamptz" | b"tstzrange" | b"tstzmultirange" => Some(Type::Instant),
            b"bytea" => Some(Type::Bytea),
            b"regclass" | b"regproc" | b"regprocedure" | b"regtype" => Some(Type::Name),
            _ => None,
        }
    }
}

/// The value of a string, and what stands in front of its quotes for another kind of constant.
pub(super) fn value(token: &Token<'_>, std_strings: bool) -> Option<(Option<u8>, Vec<u8>)> {
    if token.kind == Kind::Dollar {
        return Some((None, token.string()?));
    }
    let prefix = token.text.first()?.to_ascii_uppercase();
    let value = token.string()?;
    Some(match prefix {
        b'\'' if std_strings => (None, value),
        b'\'' => (None, unescaped(inside(token.text)?)),
        b'E' => (None, unescaped(inside(token.text.get(1..)?)?)),
        prefix => (Some(prefix), value),
    })
}

/// What stands between the quotes, if they are closed.
fn inside(quoted: &[u8]) -> Option<&[u8]> {
    quoted.strip_prefix(b"'")?.strip_suffix(b"'")
}

/// A string with backslash escapes, and quotes doubled. `scan.l`, state `xe`.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, more)) = rest.split_first() {
        rest = more;
        match first {
            b'\'' => {
                out.push(b'\'');
                rest = rest.strip_prefix(b"'").unwrap_or(rest);
            }
            b'\\' => rest = escape(rest, &mut out),
            other => out.push(other),
        }
    }
    out
}

/// What a backslash and the bytes behind it stand for; returns the rest.
fn escape<'t>(rest: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let number = |rest: &[u8], radix: u32, most: usize| {
        let digits = rest.iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
        digits.fold((0_u32, 0), |(value, len), digit| (value * radix + digit, len + 1))
    };
    let Some((&first, more)) = rest.split_first() else { return rest };
    let (byte, len) = match first {
        b'b' => (0x08, 1),
        b'f' => (0x0C, 1),
        b'n' => (b'\n', 1),
        b'r' => (b'\r', 1),
        b't' => (b'\t', 1),
        b'0'..=b'7' => {
            let (value, len) = number(rest, 8, 3);
            (value as u8, len)
        }
        b'x' if more.first().is_some_and(u8::is_ascii_hexdigit) => {
            let (value, len) = number(more, 16, 2);
            (value as u8, 1 + len)
        }
        b'u' | b'U' => {
            let digits = if first == b'u' { 4 } else { 8 };
            let (value, len) = number(more, 16, digits);
            match char::from_u32(value) {
                Some(c) if len == digits => {
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    return &more[len..];
                }
                _ => (first, 1),
            }
        }
        other => (other, 1),
    };
    out.push(byte);
    &rest[len..]
}

/// The value in one spelling, whatever the session was that printed it.
pub(super) fn in_one_spelling(value: Vec<u8>, of: Option<Type>, bound: bool) -> Vec<u8> {
    match of {
        Some(Type::Bytea) => in_hex(&value).unwrap_or(value),
        Some(Type::Instant) => in_utc(&value),
        // A bound of a partition comes without its type.
        None if bound => in_utc(&value),
        _ => value,
    }
}

/// A text with instants in UTC: the text itself, or what stands in quotes in it, as in ranges and
/// arrays.
fn in_utc(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (n, part) in text.split(|byte| *byte == b'"').enumerate() {
        if n > 0 {
            out.push(b'"');
        }
        let instant = part.first().filter(|byte| byte.is_ascii_digit());
        match instant.and_then(|_| TimestampTz::parse(part)) {
            Some(instant) => out.extend_from_slice(instant.to_string().as_bytes()),
            None => out.extend_from_slice(part),
        }
    }
    out
}

/// A `bytea` in hex form.
fn in_hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytea(text, &mut bytes)?;
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).map(|c| c as u8);
    Some(b"\\x".iter().copied().chain(digits).collect())
}
