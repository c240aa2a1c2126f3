//! `hstore`: keys and values.

use super::quoted::{Text, is_space};

/// The text of an `hstore`, known to be one; its pairs are found when they are asked for.
///
/// ```
/// use pgdmp::value::Hstore;
///
/// let store = Hstore::parse(br#""a"=>"1", "b \"c\""=>NULL"#).unwrap();
/// let pairs: Vec<_> = store.pairs().collect();
/// assert_eq!(&*pairs[0].1.unwrap().value(), b"1");
/// assert_eq!(&*pairs[1].0.value(), b"b \"c\"");
/// assert_eq!(pairs[1].1, None);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hstore<'t> {
    text: &'t [u8],
}

impl<'t> Hstore<'t> {
    /// Parses `"key"=>"value"`, with commas between pairs. Quotes may be missing around words
    /// without special characters. Keys are not compared with each other.
    pub fn parse(text: &'t [u8]) -> Option<Self> {
        let mut rest = trimmed_start(text);
        while !rest.is_empty() {
            (_, rest) = pair(rest)?;
        }
        Some(Hstore { text })
    }

    /// The keys and values, in the order in which they stand there; the value `None` is NULL.
    pub fn pairs(&self) -> Pairs<'t> {
        Pairs { rest: trimmed_start(self.text) }
    }
}

/// The pairs of an [`Hstore`].
///
/// Made by [`Hstore::pairs`].
#[derive(Debug, Clone)]
pub struct Pairs<'t> {
    rest: &'t [u8],
}

impl<'t> Iterator for Pairs<'t> {
    type Item = (Text<'t>, Option<Text<'t>>);

    fn next(&mut self) -> Option<Self::Item> {
        let (found, rest) = pair(self.rest)?;
        self.rest = rest;
        Some(found)
    }
}

type Pair<'t> = (Text<'t>, Option<Text<'t>>);

/// The pair that a text begins with, and what follows it and its comma.
fn pair(text: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let (key, rest) = word(text)?;
    let rest = trimmed_start(rest).strip_prefix(b"=>")?;
    let (value, rest) = word(trimmed_start(rest))?;
    let value = (!value.raw().eq_ignore_ascii_case(b"NULL")).then_some(value);
    let rest = trimmed_start(rest);
    match rest.split_first() {
        None => Some(((key, value), rest)),
        Some((b',', rest)) => {
            let rest = trimmed_start(rest);
            (!rest.is_empty()).then_some(((key, value), rest))
        }
        Some(_) => None,
    }
}

/// A word with or without quotes, and what follows it.
fn word(text: &[u8]) -> Option<(Text<'_>, &[u8])> {
    if text.first() == Some(&b'"') {
        let mut at = 1;
        loop {
            match text.get(at)? {
                b'\\' => at += 2,
                b'"' => break,
                _ => at += 1,
            }
        }
        let (raw, rest) = text.split_at(at + 1);
        return Some((Text::new(raw, true), rest));
    }
    let ends = |byte: &u8| is_space(*byte) || matches!(byte, b'=' | b',' | b'>' | b'"' | b'\\');
    let len = text.iter().position(ends).unwrap_or(text.len());
    let (raw, rest) = text.split_at(len);
    (len > 0).then(|| (Text::new(raw, false), rest))
}

fn trimmed_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    text
}
