//! Types whose values are bytes or bits.

/// A `bytea`, in hex or escape form (`bytea_output`), appended to `out`. `None` may leave a part of
/// it there.
///
/// ```
/// use pgdmp::value::bytea;
///
/// let mut bytes = Vec::new();
/// assert!(bytea(br"\x00ff", &mut bytes).is_some());
/// assert!(bytea(br"a\\\001", &mut bytes).is_some());
/// assert_eq!(bytes, b"\x00\xffa\\\x01");
/// ```
pub fn bytea(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match text.strip_prefix(br"\x") {
        Some(hex) => hex_form(hex, out),
        None => escape_form(text, out),
    }
}

/// `hex_decode` in `encode.c`: blanks may stand between bytes.
fn hex_form(mut hex: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.reserve(hex.len() / 2);
    while let [first, rest @ ..] = hex {
        if matches!(first, b' ' | b'\n' | b'\t' | b'\r') {
            hex = rest;
            continue;
        }
        let (second, rest) = rest.split_first()?;
        out.push(nibble(*first)? << 4 | nibble(*second)?);
        hex = rest;
    }
    Some(())
}

/// A backslash is doubled, or followed by three octal digits.
fn escape_form(mut text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.reserve(text.len());
    loop {
        let plain = text.iter().position(|byte| *byte == b'\\').unwrap_or(text.len());
        out.extend_from_slice(&text[..plain]);
        match &text[plain..] {
            [] => return Some(()),
            [_, b'\\', rest @ ..] => {
                out.push(b'\\');
                text = rest;
            }
            [_, a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                text = rest;
            }
            _ => return None,
        }
    }
}

/// The value of a hexadecimal digit, in any case.
fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// A `uuid`: 32 hexadecimal digits with hyphens, as printed.
///
/// ```
/// let id = pgdmp::value::uuid(b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11").unwrap();
/// assert_eq!(id[0], 0xa0);
/// ```
pub fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut id = [0; 16];
    let mut at = 0;
    for (n, byte) in id.iter_mut().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = nibble(text[at])? << 4 | nibble(text[at + 1])?;
        at += 2;
    }
    Some(id)
}

/// Whether the text is a `bit` or `bit varying`: digits 0 and 1, or nothing.
pub fn is_bit_string(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'0' | b'1'))
}
