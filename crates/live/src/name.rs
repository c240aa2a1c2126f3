//! Names as SQL.

use pgdmp::TocEntry;

/// A name in quotes. No encoding has the byte of a quote within a character.
pub(crate) fn quoted(name: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for byte in name {
        if *byte == b'"' {
            text.push(b'"');
        }
        text.push(*byte);
    }
    text.push(b'"');
    text
}

/// The name of an entry's object, with that of its schema.
pub(crate) fn qualified(entry: &TocEntry<'_>) -> Vec<u8> {
    let name = quoted(entry.tag().unwrap_or_default());
    match entry.namespace().filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => [&quoted(namespace)[..], b".", &name].concat(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quoted(b"a\"b"), b"\"a\"\"b\"");
        assert_eq!(quoted(b""), b"\"\"");
    }
}
