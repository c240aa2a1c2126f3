//! What is JSON, as the server's type `json` takes it: RFC 8259, with any escape `\uXXXX`.

/// Whether a text is one JSON value, as the type `json` takes it; white space may be around it. It is
/// not recursive.
///
/// ```
/// assert!(pgdmp::rows::is_json(br#" {"a": [1e400, "\u0000"]} "#));
/// assert!(!pgdmp::rows::is_json(b"{a: 1}"));
/// ```
pub fn is_json(text: &[u8]) -> bool {
    // The brackets that are open.
    let mut open: Vec<u8> = Vec::new();
    let mut rest = blanks(text);
    // A value is next.
    loop {
        let Some((first, after)) = rest.split_first() else { return false };
        match first {
            b'[' | b'{' => {
                rest = blanks(after);
                let end = if *first == b'[' { b']' } else { b'}' };
                if rest.first() != Some(&end) {
                    open.push(end);
                    if end == b'}' {
                        match key(rest) {
                            Some(after) => rest = after,
                            None => return false,
                        }
                    }
                    continue;
                }
                rest = &rest[1..];
            }
            _ => match scalar(rest) {
                Some(after) => rest = after,
                None => return false,
            },
        }
        // A value ended, and perhaps what it is in.
        loop {
            rest = blanks(rest);
            let Some(end) = open.last() else { return rest.is_empty() };
            match rest.split_first() {
                Some((b',', after)) => {
                    rest = blanks(after);
                    if *end == b'}' {
                        match key(rest) {
                            Some(after) => rest = after,
                            None => return false,
                        }
                    }
                    break;
                }
                Some((byte, after)) if byte == end => {
                    open.pop();
                    rest = after;
                }
                _ => return false,
            }
        }
    }
}

/// Whether a text is a number of JSON, without white space.
pub(super) fn is_number(text: &[u8]) -> bool {
    number(text).is_some_and(<[u8]>::is_empty)
}

fn blanks(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    &text[text.iter().position(|byte| !blank(byte)).unwrap_or(text.len())..]
}

/// What follows the key that a text begins with, and its colon.
fn key(text: &[u8]) -> Option<&[u8]> {
    Some(blanks(blanks(string(text)?).strip_prefix(b":")?))
}

/// What follows the value that a text begins with, which is no array and no object.
fn scalar(text: &[u8]) -> Option<&[u8]> {
    match text.first()? {
        b'"' => string(text),
        b't' => text.strip_prefix(b"true"),
        b'f' => text.strip_prefix(b"false"),
        b'n' => text.strip_prefix(b"null"),
        _ => number(text),
    }
}

fn string(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
        let at = rest.iter().position(special)?;
        match &rest[at..] {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'u', after @ ..] => {
                let (digits, after) = after.split_at_checked(4)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                rest = after;
            }
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after @ ..] => {
                rest = after;
            }
            _ => return None,
        }
    }
}

fn number(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = match rest.first()? {
        b'0' => &rest[1..],
        _ => digits(rest)?,
    };
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = digits(fraction)?;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            _ => exponent,
        };
        rest = digits(exponent)?;
    }
    Some(rest)
}

/// What follows one or more digits.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if len > 0 { Some(&text[len..]) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another reader agrees.
    #[test]
    fn as_another_reader_says() {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "1",
            "-0.5e-3",
            "null",
            " ",
            "\n",
            "tru",
            "true",
            "\"\\u00e9\\n\"",
            "\"\\x\"",
            "01",
            "1.",
            "\"\t\"",
        ];
        let mut valid = 0;
        let count = pieces.len();
        for n in 0..count.pow(4) {
            let text: String = (0..4).map(|place| pieces[n / count.pow(place) % count]).collect();
            let expected = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            assert_eq!(is_json(text.as_bytes()), expected, "{text:?}");
            valid += usize::from(expected);
        }
        assert!(valid > 100, "{valid}");
        for text in
            ["{\"a\":{\"b\":[1,{\"c\":[]}]},\"d\":[[],[{}]]}", "[1 , 2]", "\"\\u0000\"", "1e400"]
        {
            assert!(is_json(text.as_bytes()), "{text}");
        }
        for text in
            ["", "{\"a\":1,}", "[1}", "{\"a\"}", "[1,]", "1 2", "\"\\u00g0\"", "+1", "-", ".5"]
        {
            assert!(!is_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn deep() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(is_json(deep.as_bytes()));
        assert!(!is_json(&deep.as_bytes()[1..]));
    }
}
