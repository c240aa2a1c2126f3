//! A place in SQL, and what is taken from there.

use super::data_type::QualifiedName;
use crate::encoding::Encoding;
use crate::sql::{Kind, Token, Tokens};

/// How the SQL of an archive is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Whether a backslash in a string is just a backslash.
    pub(super) std_strings: bool,
    pub(super) encoding: Encoding,
}

/// A place between two tokens of SQL. Clones look ahead.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    sql: &'a [u8],
    tokens: Tokens<'a>,
    next: Option<Token<'a>>,
    /// Where the token before this place ends.
    end: usize,
    dialect: Dialect,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a [u8], dialect: Dialect) -> Self {
        let mut tokens = Tokens::new(sql, dialect.std_strings, dialect.encoding);
        let next = tokens.next();
        Cursor { sql, tokens, next, end: 0, dialect }
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.next
    }

    /// The token after the next one.
    pub(super) fn peek_second(&self) -> Option<Token<'a>> {
        self.tokens.clone().next()
    }

    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        let token = self.next?;
        self.end = token.end();
        self.next = self.tokens.next();
        Some(token)
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Where the token before this place ends.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Where the next token begins.
    pub(super) fn start(&self) -> usize {
        self.next.map_or(self.sql.len(), |token| token.start)
    }

    pub(super) fn text(&self, range: std::ops::Range<usize>) -> &'a [u8] {
        self.sql.get(range).unwrap_or_default()
    }

    pub(super) fn depth(&self) -> u32 {
        self.next.map_or(0, |token| token.depth)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.next.is_some_and(|token| token.is(word))
    }

    pub(super) fn at_mark(&self, mark: u8) -> bool {
        self.next.is_some_and(|token| token.is_mark(mark))
    }

    /// Takes a key word, which is given in capitals, if it is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.at_word(word) && self.take().is_some()
    }

    /// Takes key words, if they are next, or none of them.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        let all = words.iter().all(|word| ahead.word(word));
        if all {
            *self = ahead;
        }
        all
    }

    /// Takes one of some key words.
    pub(super) fn any_word(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.word(word))
    }

    pub(super) fn mark(&mut self, mark: u8) -> bool {
        self.at_mark(mark) && self.take().is_some()
    }

    /// Takes a name, as the server has it.
    pub(super) fn name(&mut self) -> Option<Vec<u8>> {
        let name = self.next?.name()?;
        self.take();
        Some(name)
    }

    /// Takes `name` or `schema.name`, or, as long as nothing else is wrong, `database.schema.name`.
    pub(super) fn qualified(&mut self) -> Option<QualifiedName> {
        let mut name = QualifiedName { schema: None, name: self.name()? };
        while self.mark(b'.') {
            name = QualifiedName { schema: Some(name.name), name: self.name()? };
        }
        Some(name)
    }

    /// Takes a string: its value.
    pub(super) fn string(&mut self) -> Option<Vec<u8>> {
        let token = self.next?;
        let value = string(&token, self.dialect)?;
        self.take();
        Some(value)
    }

    /// Takes a number that fits.
    pub(super) fn number<N: std::str::FromStr>(&mut self) -> Option<N> {
        let minus = self.mark(b'-');
        let token = self.next.filter(|token| token.kind == Kind::Number)?;
        self.take();
        let digits = std::str::from_utf8(token.text).ok()?;
        if minus { format!("-{digits}").parse().ok() } else { digits.parse().ok() }
    }

    /// Takes a parenthesis and all up to the one that closes it: what is between them.
    pub(super) fn parenthesis(&mut self) -> Option<&'a [u8]> {
        let open = self.next.filter(|token| token.is_mark(b'('))?;
        self.take();
        while let Some(token) = self.take() {
            if token.is_mark(b')') && token.depth == open.depth {
                return Some(self.text(open.end()..token.start));
            }
        }
        None
    }

    /// Takes all up to a comma or the closing parenthesis at this depth, or the end of the statement.
    pub(super) fn skip_element(&mut self, depth: u32) {
        let mut brackets = 0_usize;
        while let Some(token) = self.next {
            if token.depth < depth
                || token.depth == depth
                    && (token.is_mark(b';') || brackets == 0 && token.is_mark(b','))
            {
                return;
            }
            brackets = match token.text {
                b"[" => brackets + 1,
                b"]" => brackets.saturating_sub(1),
                _ => brackets,
            };
            self.take();
        }
    }

    /// Takes the rest of a statement and the semicolon that ends it.
    pub(super) fn skip_statement(&mut self) {
        while let Some(token) = self.take() {
            if token.is_mark(b';') && token.depth == 0 {
                return;
            }
        }
    }

    /// Takes an expression: all up to a comma, a closing parenthesis or the end of the statement at
    /// this depth, and up to what may follow a default: `NOT NULL`, `COLLATE`, a constraint.
    /// `pg_dump` puts expressions with operators in parentheses.
    pub(super) fn expression(&mut self, depth: u32) -> &'a [u8] {
        let start = self.start();
        let (mut brackets, mut cases) = (0_usize, 0_usize);
        while let Some(token) = self.next {
            if token.depth < depth {
                break;
            }
            if token.depth == depth {
                if token.is_mark(b';') {
                    break;
                }
                let within = brackets > 0 || cases > 0;
                if !within && self.end > start && self.ends_expression() {
                    break;
                }
                match token.text {
                    b"[" => brackets += 1,
                    b"]" => brackets = brackets.saturating_sub(1),
                    _ if token.is("CASE") => cases += 1,
                    _ if token.is("END") => cases = cases.saturating_sub(1),
                    _ => {}
                }
            }
            self.take();
        }
        self.text(start..self.end.max(start))
    }

    fn ends_expression(&self) -> bool {
        self.at_mark(b',')
            || self.at_word("NOT") && self.peek_second().is_some_and(|token| token.is("NULL"))
            || ["COLLATE", "CONSTRAINT", "GENERATED", "CHECK", "PRIMARY", "UNIQUE", "REFERENCES"]
                .iter()
                .any(|word| self.at_word(word))
    }
}

/// The value of a string literal, escapes undone.
fn string(token: &Token<'_>, dialect: Dialect) -> Option<Vec<u8>> {
    let escapes = token.kind == Kind::String
        && match token.text.first()? {
            b'e' | b'E' => true,
            b'\'' => !dialect.std_strings,
            _ => false,
        };
    if escapes { Some(unescaped(token.text, dialect.encoding)) } else { token.string() }
}

/// The value of a literal in which a backslash begins an escape: `xqescape` in `scan.l`.
fn unescaped(literal: &[u8], encoding: Encoding) -> Vec<u8> {
    let start = literal.iter().position(|byte| *byte == b'\'').map_or(0, |at| at + 1);
    let mut rest = &literal[start..];
    let mut out = Vec::with_capacity(rest.len());
    while let Some(&byte) = rest.first() {
        let len = match byte {
            b'\'' if rest.get(1) == Some(&b'\'') => {
                out.push(b'\'');
                2
            }
            b'\'' => break,
            b'\\' => 1 + escape(&rest[1..], encoding, &mut out),
            _ => {
                let len = encoding.len_of_next(rest).min(rest.len());
                out.extend_from_slice(&rest[..len]);
                len
            }
        };
        rest = rest.get(len..).unwrap_or_default();
    }
    out
}

/// Writes what an escape stands for; the length of it behind its backslash.
fn escape(text: &[u8], encoding: Encoding, out: &mut Vec<u8>) -> usize {
    let Some(&byte) = text.first() else { return 0 };
    let digits = |from: usize, most: usize, radix: u32| {
        let digits = text.iter().skip(from).take(most);
        let digits = digits.map_while(|byte| char::from(*byte).to_digit(radix));
        digits.fold((0, 0_u32), |(len, value), digit| (len + 1, value * radix + digit))
    };
    match byte {
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'0'..=b'7' => {
            let (len, value) = digits(0, 3, 8);
            out.push(value as u8);
            return len;
        }
        b'x' if digits(1, 2, 16).0 > 0 => {
            let (len, value) = digits(1, 2, 16);
            out.push(value as u8);
            return 1 + len;
        }
        _ => {
            let len = encoding.len_of_next(text).min(text.len());
            out.extend_from_slice(&text[..len]);
            return len;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(sql: &str, std_strings: bool) -> Cursor<'_> {
        Cursor::new(sql.as_bytes(), Dialect { std_strings, encoding: Encoding::UTF8 })
    }

    #[test]
    fn strings() {
        for (sql, std_strings, value) in [
            ("'it''s'", true, "it's"),
            (r"'a\\b'", true, r"a\\b"),
            (r"'a\\b''c'", false, r"a\b'c"),
            (r"E'a\\b\'\101\x42\n'", true, "a\\b'AB\n"),
            (r"'\x'", false, "x"),
            ("$x$it's$x$", true, "it's"),
        ] {
            assert_eq!(cursor(sql, std_strings).string().unwrap(), value.as_bytes(), "{sql}");
        }
        let sjis = Encoding::find(b"SJIS").unwrap();
        let dialect = Dialect { std_strings: false, encoding: sjis };
        let mut all = Cursor::new(b"'\x95\x5c', 'b'", dialect);
        assert_eq!(all.string().unwrap(), b"\x95\x5c");
        assert!(all.mark(b','));
        assert_eq!(all.string().unwrap(), b"b");
    }

    #[test]
    fn expressions() {
        for (sql, expression) in [
            ("(1 + 2) NOT NULL", "(1 + 2)"),
            ("NULL::text NOT NULL", "NULL::text"),
            ("ARRAY['a'::text, 'b'::text], c", "ARRAY['a'::text, 'b'::text]"),
            (
                "CASE WHEN (a IS NOT NULL) THEN 1 ELSE NULL::integer END, b",
                "CASE WHEN (a IS NOT NULL) THEN 1 ELSE NULL::integer END",
            ),
            ("');,'::text COLLATE \"C\"", "');,'::text"),
            ("now()", "now()"),
            ("f(a, b) PRIMARY KEY", "f(a, b)"),
        ] {
            let found = cursor(sql, true).expression(0);
            assert_eq!(String::from_utf8_lossy(found), expression, "{sql}");
        }
    }
}
