//! Composite values: rows inside of rows.

use super::quoted::{Text, len_until, trimmed};

/// The text of a composite value, known to be one; its fields are found when they are asked for.
///
/// ```
/// use pgdmp::value::Composite;
///
/// let row = Composite::parse(br#"(5,,"a ""b""\\")"#).unwrap();
/// let fields: Vec<_> = row.fields().map(|field| Some(field?.value().into_owned())).collect();
/// assert_eq!(fields, [Some(b"5".to_vec()), None, Some(br#"a "b"\"#.to_vec())]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Composite<'t> {
    /// The fields, with the parenthesis behind them.
    body: &'t [u8],
}

impl<'t> Composite<'t> {
    /// Parses fields in parentheses, with commas between them.
    pub fn parse(text: &'t [u8]) -> Option<Self> {
        let body = trimmed(text).strip_prefix(b"(")?;
        let mut rest = body;
        loop {
            let (len, _) = len_until(rest, ends_field)?;
            let (end, after) = rest[len..].split_first()?;
            rest = after;
            match end {
                b',' => {}
                b')' if rest.is_empty() => return Some(Composite { body }),
                _ => return None,
            }
        }
    }

    /// The fields, in order; `None` is NULL. There is at least one, also in `()`, which is the text
    /// of one field that is NULL, and of no field.
    pub fn fields(&self) -> Fields<'t> {
        Fields { rest: Some(self.body) }
    }
}

/// `(` may stand in a field as it is, as in `record_in`.
fn ends_field(byte: u8) -> bool {
    matches!(byte, b',' | b')')
}

/// The fields of a [`Composite`].
///
/// Made by [`Composite::fields`].
#[derive(Debug, Clone)]
pub struct Fields<'t> {
    rest: Option<&'t [u8]>,
}

impl<'t> Iterator for Fields<'t> {
    type Item = Option<Text<'t>>;

    fn next(&mut self) -> Option<Option<Text<'t>>> {
        let rest = self.rest.take()?;
        let (len, quoted) = len_until(rest, ends_field)?;
        if rest.get(len) == Some(&b',') {
            self.rest = rest.get(len + 1..);
        }
        Some((len > 0).then(|| Text::new(&rest[..len], quoted)))
    }
}
