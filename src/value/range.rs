//! Ranges and multiranges.

use super::quoted::{Text, is_space, len_until, trimmed};

/// A range of any type.
///
/// ```
/// use pgdmp::value::Range;
///
/// let Some(Range::Between { lower, upper, lower_inclusive, .. }) = Range::parse(b"[1,)") else {
///     panic!()
/// };
/// assert_eq!(lower.unwrap().raw(), b"1");
/// assert_eq!(upper, None);
/// assert!(lower_inclusive);
/// assert_eq!(Range::parse(b"empty"), Some(Range::Empty));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range<'t> {
    /// The range that holds nothing.
    Empty,
    /// All between two bounds.
    Between {
        /// The lower bound; `None` if there is none.
        lower: Option<Text<'t>>,
        /// The upper bound; `None` if there is none.
        upper: Option<Text<'t>>,
        /// Whether the lower bound belongs to the range: `[`.
        lower_inclusive: bool,
        /// Whether the upper bound belongs to the range: `]`.
        upper_inclusive: bool,
    },
}

impl<'t> Range<'t> {
    /// Parses `empty`, or two bounds in brackets.
    pub fn parse(text: &'t [u8]) -> Option<Self> {
        let text = trimmed(text);
        if text.eq_ignore_ascii_case(b"empty") {
            return Some(Range::Empty);
        }
        let (open, rest) = text.split_first()?;
        let (lower, end, rest) = bound(rest)?;
        if !matches!(open, b'[' | b'(') || end != b',' {
            return None;
        }
        let (upper, close, rest) = bound(rest)?;
        if !matches!(close, b']' | b')') || !rest.is_empty() {
            return None;
        }
        Some(Range::Between {
            lower,
            upper,
            lower_inclusive: *open == b'[',
            upper_inclusive: close == b']',
        })
    }
}

/// The bound that a text begins with, the byte that ends it, and what follows.
fn bound(text: &[u8]) -> Option<(Option<Text<'_>>, u8, &[u8])> {
    let (len, quoted) = len_until(text, |byte| matches!(byte, b',' | b')' | b']'))?;
    let (end, rest) = text[len..].split_first()?;
    Some(((len > 0).then(|| Text::new(&text[..len], quoted)), *end, rest))
}

/// The text of a multirange, known to be one; its ranges are found when they are asked for.
///
/// ```
/// use pgdmp::value::Multirange;
///
/// let ranges = Multirange::parse(b"{[1,3),[5,)}").unwrap();
/// assert_eq!(ranges.ranges().count(), 2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Multirange<'t> {
    /// The ranges, with the brace behind them.
    body: &'t [u8],
}

impl<'t> Multirange<'t> {
    /// Parses ranges in braces, with commas between them.
    pub fn parse(text: &'t [u8]) -> Option<Self> {
        let body = trimmed(text).strip_prefix(b"{")?;
        let multirange = Multirange { body };
        if trimmed(body) == b"}" {
            return Some(multirange);
        }
        let mut rest = body;
        loop {
            let (_, end, after) = range(rest)?;
            rest = after;
            match end {
                b',' => {}
                b'}' if rest.is_empty() => return Some(multirange),
                _ => return None,
            }
        }
    }

    /// The ranges, in order.
    pub fn ranges(&self) -> Ranges<'t> {
        Ranges { rest: Some(self.body) }
    }
}

/// The range that a text begins with, the byte that follows it, and the rest.
fn range(text: &[u8]) -> Option<(Range<'_>, u8, &[u8])> {
    let start = text.iter().position(|byte| !is_space(*byte))?;
    let text = &text[start..];
    let len = match text.get(..5) {
        Some(word) if word.eq_ignore_ascii_case(b"empty") => 5,
        _ => len_until(text, |byte| matches!(byte, b')' | b']'))?.0 + 1,
    };
    let found = Range::parse(&text[..len])?;
    let after = text[len..].iter().position(|byte| !is_space(*byte))?;
    let (end, rest) = text[len + after..].split_first()?;
    Some((found, *end, rest))
}

/// The ranges of a [`Multirange`].
///
/// Made by [`Multirange::ranges`].
#[derive(Debug, Clone)]
pub struct Ranges<'t> {
    rest: Option<&'t [u8]>,
}

impl<'t> Iterator for Ranges<'t> {
    type Item = Range<'t>;

    fn next(&mut self) -> Option<Range<'t>> {
        let (found, end, rest) = range(self.rest.take()?)?;
        if end == b',' {
            self.rest = Some(rest);
        }
        Some(found)
    }
}
