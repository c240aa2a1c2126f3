//! SQL taken apart into tokens, as far as it takes to find names in it: what is a word, what is a
//! string, what is neither.

use crate::encoding::Encoding;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key word, or a name without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string: `'…'`, also with a letter in front.
    String,
    /// A string between dollar signs.
    Dollar,
    Number,
    /// Any other character.
    Mark,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a [u8],
    pub(crate) start: usize,
    /// How many parentheses are open before it.
    pub(crate) depth: u32,
}

impl Token<'_> {
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this key word, which is given in capitals.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word.as_bytes())
    }

    pub(crate) fn is_mark(&self, mark: u8) -> bool {
        self.kind == Kind::Mark && self.text == [mark]
    }

    /// The name that it is, as the server has it.
    pub(crate) fn name(&self) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Word => Some(self.text.to_ascii_lowercase()),
            Kind::Quoted => Some(doubled(self.text, b'"')),
            _ => None,
        }
    }

    /// What stands in it, if it is a string. Escapes of `E'…'` are left as they are.
    pub(crate) fn string(&self) -> Option<Vec<u8>> {
        match self.kind {
            Kind::String => {
                let start = self.text.iter().position(|byte| *byte == b'\'')?;
                Some(doubled(&self.text[start..], b'\''))
            }
            Kind::Dollar => {
                let tag = self.text.iter().skip(1).position(|byte| *byte == b'$')? + 2;
                Some(self.text.get(tag..self.text.len().checked_sub(tag)?)?.to_vec())
            }
            _ => None,
        }
    }
}

/// What stands between quotes, where two of them stand for one.
fn doubled(text: &[u8], quote: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.get(1..).unwrap_or_default().iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == quote && bytes.next() != Some(quote) {
            break;
        }
        out.push(byte);
    }
    out
}

/// Takes SQL apart. Comments and blanks are no tokens. What is not closed goes on to the end.
///
/// `std_strings`: whether a backslash in a string is just a backslash.
pub(crate) fn tokens(sql: &[u8], std_strings: bool) -> Vec<Token<'_>> {
    Tokens::new(sql, std_strings, Encoding::SQL_ASCII).collect()
}

/// The tokens of SQL, one after the other: see [`tokens`].
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    sql: &'a [u8],
    at: usize,
    depth: u32,
    std_strings: bool,
    encoding: Encoding,
}

impl<'a> Tokens<'a> {
    /// `encoding` matters where a backslash may be the second byte of a character.
    pub(crate) fn new(sql: &'a [u8], std_strings: bool, encoding: Encoding) -> Self {
        Tokens { sql, at: 0, depth: 0, std_strings, encoding }
    }

    /// Length of a string that begins with its quote.
    fn string(&self, text: &[u8], backslashes: bool) -> usize {
        let mut at = 1;
        while let Some(byte) = text.get(at) {
            match byte {
                b'\\' if backslashes => at += 2,
                b'\'' if text.get(at + 1) == Some(&b'\'') => at += 2,
                b'\'' => return at + 1,
                byte if byte.is_ascii() => at += 1,
                _ if self.encoding.has_backslash_trails() => {
                    at += self.encoding.len_of_next(&text[at..]);
                }
                _ => at += 1,
            }
        }
        text.len()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.sql.get(self.at..)?;
            let byte = *rest.first()?;
            let (kind, len) = match byte {
                b' ' | b'\t'..=b'\r' => {
                    self.at += 1;
                    continue;
                }
                b'-' if rest.starts_with(b"--") => {
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                    continue;
                }
                b'/' if rest.starts_with(b"/*") => {
                    self.at += comment(rest);
                    continue;
                }
                b'\'' => (Kind::String, self.string(rest, !self.std_strings)),
                b'e' | b'E' if rest.get(1) == Some(&b'\'') => {
                    (Kind::String, 1 + self.string(&rest[1..], true))
                }
                b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if rest.get(1) == Some(&b'\'') => {
                    (Kind::String, 1 + self.string(&rest[1..], false))
                }
                b'"' => (Kind::Quoted, quoted(rest)),
                b'$' => match dollar(rest) {
                    Some(len) => (Kind::Dollar, len),
                    None => (Kind::Mark, 1),
                },
                b'0'..=b'9' => {
                    (Kind::Number, run(rest, |b| b.is_ascii_alphanumeric() || b == b'.'))
                }
                byte if is_start(byte) => (Kind::Word, run(rest, |b| is_start(b) || is_more(b))),
                _ => (Kind::Mark, 1),
            };
            if byte == b')' {
                self.depth = self.depth.saturating_sub(1);
            }
            let text = &rest[..len.min(rest.len())];
            let token = Token { kind, text, start: self.at, depth: self.depth };
            if byte == b'(' {
                self.depth += 1;
            }
            self.at += len.max(1);
            return Some(token);
        }
    }
}

fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_more(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'$'
}

fn run(text: &[u8], more: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !more(*byte)).unwrap_or(text.len())
}

/// Length of a comment, in which others may stand.
fn comment(text: &[u8]) -> usize {
    let (mut at, mut open) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with(b"/*") {
            open += 1;
            at += 2;
        } else if text[at..].starts_with(b"*/") {
            open -= 1;
            at += 2;
            if open == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at.min(text.len())
}

fn quoted(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' if text.get(at + 1) == Some(&b'"') => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Length of a string between `$tag$` and the same again.
fn dollar(text: &[u8]) -> Option<usize> {
    let name = run(&text[1..], |b| is_start(b) || b.is_ascii_digit());
    if text.get(1 + name) != Some(&b'$') || text.get(1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let tag = &text[..name + 2];
    let body = &text[tag.len()..];
    let end = body.windows(tag.len()).position(|window| window == tag);
    Some(end.map_or(text.len(), |end| end + 2 * tag.len()))
}

/// Pieces of a text and what to put there.
pub(crate) type Edits = Vec<(std::ops::Range<usize>, Vec<u8>)>;

/// A text after its edits.
pub(crate) fn replaced(text: &[u8], mut edits: Edits) -> Vec<u8> {
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in edits {
        // Nonsense in a damaged archive may be two things at once.
        if range.start < at {
            continue;
        }
        out.extend_from_slice(&text[at..range.start]);
        out.extend_from_slice(&new);
        at = range.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

/// SQL without a key word, which has something before it, and the word behind it.
pub(crate) fn without(sql: &[u8], std_strings: bool, first: &str) -> Option<Vec<u8>> {
    let all = tokens(sql, std_strings);
    let at = all.windows(3).position(|window| window[1].is(first))?;
    Some(replaced(sql, vec![(all[at].end()..all[at + 2].end(), Vec::new())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        let tokens = tokens(sql.as_bytes(), true);
        tokens.iter().map(|t| String::from_utf8(t.text.to_vec()).unwrap()).collect()
    }

    #[test]
    fn all_kinds() {
        for (sql, expected) in [
            ("a.\"b\"\"c\" -- x 'y\n1.5e3", &["a", ".", "\"b\"\"c\"", "1.5e3"][..]),
            ("/* a /* b */ c */ d", &["d"]),
            ("'it''s' E'a\\'b' 'c\\' d", &["'it''s'", "E'a\\'b'", "'c\\'", "d"]),
            ("$$a b$$ $x$ $$ $x$;", &["$$a b$$", "$x$ $$ $x$", ";"]),
            ("$1 + a$b", &["$", "1", "+", "a$b"]),
            ("'open", &["'open"]),
            ("/* open", &[]),
            ("$q$ open", &["$q$ open"]),
        ] {
            assert_eq!(texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn names_and_strings() {
        let all = tokens(b"Abc \"A\"\"b\" 'a''b' $f$ body $f$ (x(y))", true);
        assert_eq!(all[0].name().unwrap(), b"abc");
        assert_eq!(all[1].name().unwrap(), b"A\"b");
        assert_eq!(all[2].string().unwrap(), b"a'b");
        assert_eq!(all[3].string().unwrap(), b" body ");
        assert_eq!(all[7].depth, 2);
        for end in 0..20 {
            let text = &b"$f$\"'E'\\\"$f$/*(-'$"[..end.min(18)];
            for token in tokens(text, false) {
                let _ = (token.name(), token.string());
            }
        }
    }
}
