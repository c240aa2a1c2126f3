//! Arrays.

use super::quoted::{Text, is_space, trimmed};

/// PostgreSQL's limit of dimensions (`MAXDIM`).
const MOST_DIMENSIONS: usize = 6;

/// The text of an array, known to be one; its elements are found when they are asked for.
///
/// ```
/// use pgdmp::value::{Array, Dimension};
///
/// let array = Array::parse(b"[0:1][5:5]={{1},{2}}", b',').unwrap();
/// assert_eq!(array.dimensions(), [Dimension { lower: 0, len: 2 }, Dimension { lower: 5, len: 1 }]);
/// assert_eq!(array.elements().flatten().map(|text| text.raw()).collect::<Vec<_>>(), [b"1", b"2"]);
/// assert_eq!(Array::parse(b"{}", b',').unwrap().dimensions(), []);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Array<'t> {
    /// What stands between the outermost braces.
    body: &'t [u8],
    delimiter: u8,
    dimensions: [Dimension; MOST_DIMENSIONS],
    count: usize,
}

/// A dimension of an [`Array`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dimension {
    /// The index of the first element; usually 1.
    pub lower: i32,
    /// The number of elements.
    pub len: usize,
}

impl<'t> Array<'t> {
    /// Parses an array whose elements have `delimiter` between them: `,`, but `;` for the type
    /// `box`. Its sub-arrays have the same sizes, as a server demands it.
    pub fn parse(text: &'t [u8], delimiter: u8) -> Option<Self> {
        let mut array = Array { body: &[], delimiter, dimensions: Default::default(), count: 0 };
        let mut rest = trimmed(text);
        let mut stated = 0;
        while rest.first() == Some(&b'[') {
            let dimension = array.dimensions.get_mut(stated)?;
            (*dimension, rest) = bounds(rest)?;
            stated += 1;
        }
        if stated > 0 {
            rest = trimmed(trimmed(rest).strip_prefix(b"=")?);
        }
        let lens = sizes(rest, delimiter)?;
        array.count = lens.iter().take_while(|len| **len > 0).count();
        if stated > 0 && stated != array.count {
            return None;
        }
        for (dimension, len) in array.dimensions.iter_mut().zip(lens) {
            if stated > 0 && dimension.len != len {
                return None;
            }
            let lower = if stated > 0 { dimension.lower } else { 1 };
            *dimension = Dimension { lower, len };
        }
        array.body = rest;
        Some(array)
    }

    /// The dimensions, the outermost first; none if there are no elements.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions[..self.count]
    }

    /// All elements, in the order in which they stand there: of the last dimension, those of an
    /// index follow each other. `None` is NULL.
    pub fn elements(&self) -> Elements<'t> {
        Elements { rest: self.body, delimiter: self.delimiter }
    }
}

/// The elements of an [`Array`].
///
/// Made by [`Array::elements`].
#[derive(Debug, Clone)]
pub struct Elements<'t> {
    rest: &'t [u8],
    delimiter: u8,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Option<Text<'t>>;

    fn next(&mut self) -> Option<Option<Text<'t>>> {
        loop {
            let (token, rest) = token(self.rest, self.delimiter)?;
            self.rest = rest;
            match token {
                Token::Element(text) => return Some(Some(text)),
                Token::Null => return Some(None),
                Token::Open | Token::Close | Token::Delimiter => {}
            }
        }
    }
}

/// `[lower:upper]`, and the rest of the text.
fn bounds(text: &[u8]) -> Option<(Dimension, &[u8])> {
    let end = text.iter().position(|byte| *byte == b']')?;
    let inner = text[1..end].split(|byte| *byte == b':');
    let mut bounds = inner.map(|bound| i32::try_from(super::integer(bound)?).ok());
    let (lower, upper) = (bounds.next()??, bounds.next()??);
    if bounds.next().is_some() || upper < lower {
        return None;
    }
    let len = usize::try_from(i64::from(upper) - i64::from(lower) + 1).ok()?;
    Some((Dimension { lower, len }, &text[end + 1..]))
}

/// Checks a whole text of braces and elements, and gives the size of each dimension; 0 from the first
/// that the array does not have.
fn sizes(text: &[u8], delimiter: u8) -> Option<[usize; MOST_DIMENSIONS]> {
    let mut sizes = [0; MOST_DIMENSIONS];
    // How many elements the open arrays of each depth have so far.
    let mut counts = [0; MOST_DIMENSIONS];
    let mut depth = 0;
    // The depth of the elements, once one is met.
    let mut deepest = None;
    // Whether an element, or a whole array, must come or may not come now.
    let mut after_value = false;
    let mut after_delimiter = false;
    let mut rest = text;
    while let Some((token, next)) = token(rest, delimiter) {
        rest = next;
        match token {
            Token::Open => {
                if after_value || depth == MOST_DIMENSIONS || deepest.is_some_and(|d| d <= depth) {
                    return None;
                }
                counts[depth] = 0;
                depth += 1;
                after_delimiter = false;
            }
            Token::Element(_) | Token::Null => {
                if after_value || depth == 0 || *deepest.get_or_insert(depth) != depth {
                    return None;
                }
                counts[depth - 1] += 1;
                (after_value, after_delimiter) = (true, false);
            }
            Token::Delimiter => {
                if !after_value || depth == 0 {
                    return None;
                }
                (after_value, after_delimiter) = (false, true);
            }
            Token::Close => {
                if after_delimiter || depth == 0 {
                    return None;
                }
                let count = counts[depth - 1];
                if count == 0 {
                    // Nothing but `{}` is an array without elements.
                    let empty = depth == 1 && deepest.is_none() && next.is_empty() && !after_value;
                    return empty.then_some(sizes);
                }
                depth -= 1;
                if sizes[depth] == 0 {
                    sizes[depth] = count;
                } else if sizes[depth] != count {
                    return None;
                }
                if depth == 0 {
                    return next.is_empty().then_some(sizes);
                }
                counts[depth - 1] += 1;
                after_value = true;
            }
        }
    }
    None
}

enum Token<'t> {
    Open,
    Close,
    Delimiter,
    Null,
    Element(Text<'t>),
}

/// The next token, and what follows it. `None` at the end, and where there is none.
fn token(text: &[u8], delimiter: u8) -> Option<(Token<'_>, &[u8])> {
    let start = text.iter().position(|byte| !is_space(*byte))?;
    let text = &text[start..];
    let (first, rest) = text.split_first()?;
    match *first {
        b'{' => return Some((Token::Open, rest)),
        b'}' => return Some((Token::Close, rest)),
        byte if byte == delimiter => return Some((Token::Delimiter, rest)),
        b'"' => {
            let mut at = 1;
            loop {
                match text.get(at)? {
                    b'\\' => at += 2,
                    b'"' => break,
                    _ => at += 1,
                }
            }
            let (raw, rest) = text.split_at(at + 1);
            return Some((Token::Element(Text::new(raw, true)), rest));
        }
        _ => {}
    }
    // Spaces behind an element without quotes do not belong to it.
    let (mut at, mut end, mut escaped) = (0, 0, false);
    loop {
        match *text.get(at)? {
            b'"' => return None,
            b'\\' => {
                escaped = true;
                at += 1;
                text.get(at)?;
                end = at + 1;
            }
            b'{' | b'}' => break,
            byte if byte == delimiter => break,
            byte if is_space(byte) => {}
            _ => end = at + 1,
        }
        at += 1;
    }
    let raw = &text[..end];
    let token = match raw.eq_ignore_ascii_case(b"NULL") {
        true => Token::Null,
        false => Token::Element(Text::new(raw, escaped)),
    };
    Some((token, &text[at..]))
}
