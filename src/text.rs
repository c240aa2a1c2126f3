//! Text of an archive in a form that is safe to show.
//!
//! Names and SQL are bytes in the encoding of the dump, and a stranger may have chosen them. On a
//! terminal, control characters among them would be obeyed. [`Printable`] shows such text safely,
//! and [`Encoding`] says which bytes are which characters. All messages of this crate use them.

use std::fmt::{self, Write};

pub use crate::encoding::Encoding;

/// Displays text of an archive safely: in Unicode, on one line, and without control characters.
///
/// Control characters, marks that change the direction of writing, and invisible characters are
/// shown by their number, as `\u{1b}`. Line ends and tabs are shown as `\n`, `\r` and `\t`, and
/// bytes that are not a character as `\xe9`. All other characters are shown as they are. The
/// original bytes cannot be recovered from the result.
///
/// ```
/// let name = b"gr\xf6\xdfe\x1b[2J";
/// let latin1 = pgdmp::text::Encoding::find(b"LATIN1").unwrap_or(pgdmp::text::Encoding::UTF8);
/// assert_eq!(pgdmp::text::Printable::new(name, latin1).to_string(), r"größe\u{1b}[2J");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a> {
    text: &'a [u8],
    encoding: Encoding,
}

impl<'a> Printable<'a> {
    /// Displays `text`, which is in `encoding`. The encoding of a table of contents is
    /// [`Toc::text_encoding`](crate::Toc::text_encoding).
    pub fn new(text: &'a [u8], encoding: Encoding) -> Self {
        Printable { text, encoding }
    }

    /// Whether a character is shown as it is.
    pub fn shows(c: char) -> bool {
        !c.is_control() && !is_unseen(c)
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nearly all names are such, and mean the same in every encoding.
        if self.text.iter().all(|byte| matches!(byte, b' '..=b'~'))
            && let Ok(text) = std::str::from_utf8(self.text)
        {
            return f.write_str(text);
        }
        let mut out = Clean(f);
        self.encoding.pieces(self.text, |piece| match piece {
            Ok(text) => out.write_str(text),
            Err(byte) => write!(out, "\\x{byte:02x}"),
        })
    }
}

/// Shows what is written through it as [`Printable`] does.
pub(crate) struct Clean<'a, 'f>(pub(crate) &'a mut fmt::Formatter<'f>);

impl Write for Clean<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !Printable::shows(*c)) {
            self.0.write_str(&rest[..at])?;
            match c {
                '\n' | '\r' | '\t' => write!(self.0, "{}", c.escape_default())?,
                _ => write!(self.0, "{}", c.escape_unicode())?,
            }
            rest = &rest[at + c.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

/// Characters that have no shape: what turns the direction of writing, what separates lines and
/// paragraphs, joiners and fillers, tags. That is Unicode's `Default_Ignorable_Code_Point` without
/// the selectors that emoji have, and the separators.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Bytes of the input for a message: printable, and not more than a message can bear.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 80;
    let more = if bytes.len() > LONGEST { "..." } else { "" };
    format!("{}{more}", Printable::new(&bytes[..bytes.len().min(LONGEST)], Encoding::UTF8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_or_hides_is_shown_by_its_number() {
        for (text, shown) in [
            (&b"a\x1b[2Jb"[..], r"a\u{1b}[2Jb"),
            (b"a\nb\tc\rd\x7f\0", r"a\nb\tc\rd\u{7f}\u{0}"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"\x9b31m\xff", r"\x9b31m\xff"),
            ("\u{202e}\u{2066}\u{200f}\u{61c}x".as_bytes(), r"\u{202e}\u{2066}\u{200f}\u{61c}x"),
            ("\u{200b}\u{feff}\u{2028}\u{2029}".as_bytes(), r"\u{200b}\u{feff}\u{2028}\u{2029}"),
            ("\u{ad}\u{e0041}".as_bytes(), r"\u{ad}\u{e0041}"),
            ("größe 日本 שלום 👍🏽 ❤\u{fe0f}".as_bytes(), "größe 日本 שלום 👍🏽 ❤\u{fe0f}"),
            (b"gr\xc3", r"gr\xc3"),
        ] {
            assert_eq!(Printable::new(text, Encoding::UTF8).to_string(), shown);
        }
    }

    #[test]
    fn long_input_is_cut() {
        assert_eq!(shown(&[b'x'; 81]), format!("{}...", "x".repeat(80)));
        assert_eq!(shown(&[0x1b; 2]), r"\u{1b}\u{1b}");
    }
}
