//! Text inside of other text: quotes and escapes undone, and made.

use std::borrow::Cow;
use std::fmt;

/// A text that is a part of another one, as it stands there: an element of an array, a field of a
/// composite value, a bound of a range, or a part of an hstore.
///
/// It may itself be an array, and so on: each layer is undone on its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'t> {
    raw: &'t [u8],
    /// Whether there is a quote or a backslash in it.
    quoted: bool,
}

impl<'t> Text<'t> {
    pub(super) fn new(raw: &'t [u8], quoted: bool) -> Self {
        Text { raw, quoted }
    }

    /// The text as it stands there, with its quotes and escapes.
    pub fn raw(&self) -> &'t [u8] {
        self.raw
    }

    /// The text itself. It is borrowed, unless it has escapes.
    pub fn value(&self) -> Cow<'t, [u8]> {
        match self.plain() {
            Some(plain) => Cow::Borrowed(plain),
            None => {
                let mut value = Vec::with_capacity(self.raw.len());
                unquote(self.raw, &mut value);
                Cow::Owned(value)
            }
        }
    }

    /// The text itself. If it has escapes, it is decoded into `buffer`, so that a loop allocates
    /// nothing.
    pub fn value_in<'b>(&self, buffer: &'b mut Vec<u8>) -> &'b [u8]
    where
        't: 'b,
    {
        match self.plain() {
            Some(plain) => plain,
            None => {
                buffer.clear();
                unquote(self.raw, buffer);
                buffer
            }
        }
    }

    /// The text itself, if it stands there without escapes.
    fn plain(&self) -> Option<&'t [u8]> {
        if !self.quoted {
            return Some(self.raw);
        }
        let inner = self.raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        (!inner.iter().any(|byte| matches!(byte, b'"' | b'\\'))).then_some(inner)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.value().escape_ascii())
    }
}

/// A backslash makes the next byte ordinary. Quotes are left out; two of them inside of quotes are
/// one.
fn unquote(raw: &[u8], out: &mut Vec<u8>) {
    let mut inside = false;
    let mut rest = raw;
    loop {
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..plain]);
        rest = match &rest[plain..] {
            [] => return,
            [b'\\', escaped, rest @ ..] => {
                out.push(*escaped);
                rest
            }
            [b'"', b'"', rest @ ..] if inside => {
                out.push(b'"');
                rest
            }
            [b'"', rest @ ..] => {
                inside = !inside;
                rest
            }
            [_, rest @ ..] => rest,
        };
    }
}

/// How long the text is that `rest` begins with, up to a byte for which `ends` is true and which is
/// neither quoted nor escaped, and whether it has quotes or escapes. `None` if there is no such byte.
pub(super) fn len_until(rest: &[u8], ends: impl Fn(u8) -> bool) -> Option<(usize, bool)> {
    let (mut inside, mut quoted) = (false, false);
    let mut at = 0;
    loop {
        match *rest.get(at)? {
            b'\\' => {
                quoted = true;
                at += 1;
            }
            // Two inside of quotes end them and begin others.
            b'"' => {
                quoted = true;
                inside = !inside;
            }
            byte if !inside && ends(byte) => return Some((at, quoted)),
            _ => {}
        }
        at += 1;
    }
}

/// What PostgreSQL leaves out around parts of a text (`array_isspace`, `scanner_isspace`).
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// A text without the spaces at its ends.
pub(super) fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// Appends an element of an array as a server prints it, with quotes where they are needed.
/// `delimiter` stands between elements: `,`, or `;` for the type `box`.
///
/// ```
/// let mut text = Vec::new();
/// pgdmp::value::quote_element(b"a \"b\"", b',', &mut text);
/// assert_eq!(text, br#""a \"b\"""#);
/// ```
pub fn quote_element(value: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let needed = value.is_empty()
        || value.eq_ignore_ascii_case(b"NULL")
        || value.iter().any(|byte| {
            matches!(byte, b'"' | b'\\' | b'{' | b'}') || *byte == delimiter || is_space(*byte)
        });
    match needed {
        true => quote(value, escape_with_backslash, out),
        false => out.extend_from_slice(value),
    }
}

/// Appends a field of a composite value as a server prints it.
pub fn quote_field(value: &[u8], out: &mut Vec<u8>) {
    let needed = value.is_empty()
        || value
            .iter()
            .any(|byte| matches!(byte, b'"' | b'\\' | b'(' | b')' | b',') || is_space(*byte));
    match needed {
        true => quote(value, double, out),
        false => out.extend_from_slice(value),
    }
}

/// Appends a bound of a range as a server prints it.
pub fn quote_bound(value: &[u8], out: &mut Vec<u8>) {
    let needed = value.is_empty()
        || value.iter().any(|byte| {
            matches!(byte, b'"' | b'\\' | b'(' | b')' | b'[' | b']' | b',') || is_space(*byte)
        });
    match needed {
        true => quote(value, double, out),
        false => out.extend_from_slice(value),
    }
}

/// Appends a key or a value of an hstore as a server prints it.
pub fn quote_key(value: &[u8], out: &mut Vec<u8>) {
    quote(value, escape_with_backslash, out);
}

fn quote(value: &[u8], escape: fn(u8) -> u8, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(escape(*byte));
        }
        out.push(*byte);
    }
    out.push(b'"');
}

fn escape_with_backslash(_: u8) -> u8 {
    b'\\'
}

fn double(byte: u8) -> u8 {
    byte
}
