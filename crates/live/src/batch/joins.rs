//! Which statements may be sent together with others.

use std::ops::Range;

use pgdmp::script::{Purpose, Statement};
use pgdmp::{Desc, TocEntry};

use super::MOST_BYTES;

/// Whether a statement may be sent together with others. `std_strings`: whether backslashes in its
/// strings stand for themselves.
pub(crate) fn joins(statement: &Statement<'_>, std_strings: bool) -> bool {
    let known = match (statement.entry, statement.purpose) {
        (_, Purpose::Setting { .. } | Purpose::AccessMethod | Purpose::Owner) => true,
        (Some(entry), Purpose::Definition | Purpose::Privileges) => is_known(entry.desc()),
        (Some(entry), Purpose::Drop) => is_known(entry.desc()) || takes_long(entry.desc()),
        _ => false,
    };
    known && is_whole(statement.text, std_strings)
}

/// Whether an entry's statements may be sent together with those of others, by a session beside others.
pub(crate) fn joins_others(entry: &TocEntry<'_>) -> bool {
    is_known(entry.desc()) && !entry.had_dumper()
}

/// Whether a setting changes how the text of queries is read, which holds from the next one on.
pub(crate) fn changes_reading(purpose: Purpose<'_>) -> bool {
    const NAMES: &[&str] =
        &["client_encoding", "standard_conforming_strings", "escape_string_warning"];
    matches!(purpose, Purpose::Setting { name, .. } if NAMES.contains(&name))
}

/// Kinds whose definitions are done in a moment, and can be undone.
fn is_known(desc: Desc<'_>) -> bool {
    const KNOWN: &[&[u8]] = &[
        b"ACCESS METHOD",
        b"ACL",
        b"ACL LANGUAGE",
        b"AGGREGATE",
        b"BLOB",
        b"BLOB METADATA",
        b"CAST",
        b"COLLATION",
        b"COMMENT",
        b"CONVERSION",
        b"DEFAULT",
        b"DEFAULT ACL",
        b"DOMAIN",
        b"FOREIGN DATA WRAPPER",
        b"FOREIGN TABLE",
        b"FUNCTION",
        b"INDEX ATTACH",
        b"MATERIALIZED VIEW",
        b"OPERATOR",
        b"OPERATOR CLASS",
        b"OPERATOR FAMILY",
        b"POLICY",
        b"PROCEDURAL LANGUAGE",
        b"PROCEDURE",
        b"PUBLICATION",
        b"PUBLICATION TABLE",
        b"PUBLICATION TABLES IN SCHEMA",
        b"ROW SECURITY",
        b"RULE",
        b"SCHEMA",
        b"SECURITY LABEL",
        b"SEQUENCE",
        b"SEQUENCE OWNED BY",
        b"SEQUENCE SET",
        b"SERVER",
        b"SHELL TYPE",
        b"STATISTICS",
        b"STATISTICS DATA",
        b"TABLE",
        b"TABLE ATTACH",
        b"TEXT SEARCH CONFIGURATION",
        b"TEXT SEARCH DICTIONARY",
        b"TEXT SEARCH PARSER",
        b"TEXT SEARCH TEMPLATE",
        b"TRANSFORM",
        b"TRIGGER",
        b"TYPE",
        b"USER MAPPING",
        b"VIEW",
    ];
    KNOWN.contains(&desc.as_bytes())
}

/// Kinds that are made slowly, but dropped in a moment.
fn takes_long(desc: Desc<'_>) -> bool {
    matches!(desc, Desc::INDEX | Desc::CONSTRAINT | Desc::CHECK_CONSTRAINT | Desc::FK_CONSTRAINT)
}

/// The words that statements may begin with.
const WORDS: &[&[u8]] =
    &[b"ALTER", b"COMMENT", b"CREATE", b"DROP", b"GRANT", b"REVOKE", b"SECURITY", b"SET"];

/// What a `SELECT` may begin with: functions of pg_dump's that may be called twice.
const CALLS: &[&[u8]] = &[
    b"SELECT * FROM pg_catalog.pg_restore_",
    b"SELECT pg_catalog.lo_create(",
    b"SELECT pg_catalog.lo_unlink(",
    b"SELECT pg_catalog.set_config(",
    b"SELECT pg_catalog.setval(",
];

/// Whether a text ends with a `;` that ends a statement, and all of its statements begin with words
/// that are known.
fn is_whole(text: &[u8], std_strings: bool) -> bool {
    if text.len() >= MOST_BYTES || memchr::memchr(0, text).is_some() {
        return false;
    }
    let mut scan = Scan { text, at: 0, std_strings };
    // Parentheses that are open, and whether a statement has begun.
    let (mut depth, mut begun, mut end) = (0_usize, false, 0);
    while let Some(found) = scan.next() {
        match found {
            Found::Mark(b';') if depth == 0 => (begun, end) = (false, scan.at),
            Found::Endless => return false,
            found => {
                let first = !std::mem::replace(&mut begun, true);
                match found {
                    Found::Word(range) if first => {
                        let word = text[range.clone()].to_ascii_uppercase();
                        let calls = |call: &&[u8]| text[range.start..].starts_with(call);
                        if !WORDS.contains(&&word[..]) && !CALLS.iter().any(calls) {
                            return false;
                        }
                    }
                    _ if first => return false,
                    Found::Mark(b'(') => depth += 1,
                    Found::Mark(b')') => match depth.checked_sub(1) {
                        Some(less) => depth = less,
                        None => return false,
                    },
                    _ => {}
                }
            }
        }
    }
    // A comment behind the last `;` could swallow what follows.
    end > 0 && end == text.trim_ascii_end().len()
}

/// Finds what of a text matters, as the server's `scan.l` does.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    std_strings: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Word(Range<usize>),
    /// A string, or a name in quotes.
    Quoted,
    Mark(u8),
    /// Something does not end.
    Endless,
}

impl Scan<'_> {
    fn next(&mut self) -> Option<Found> {
        loop {
            let rest = &self.text[self.at..];
            match *rest {
                [] => return None,
                [byte, ..] if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
                [b'-', b'-', ..] => {
                    self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
                [b'/', b'*', ..] => match comment(rest) {
                    Some(len) => self.at += len,
                    None => return Some(self.endless()),
                },
                [b'\'', ..] => return Some(self.quoted(b'\'', !self.std_strings)),
                [b'"', ..] => return Some(self.quoted(b'"', false)),
                [b'E' | b'e', b'\'', ..] => {
                    self.at += 1;
                    return Some(self.quoted(b'\'', true));
                }
                [b'$', ..] => return Some(self.dollar()),
                [byte, ..] if is_word(byte) => {
                    let len = rest.iter().position(|byte| !is_word(*byte) && *byte != b'$');
                    let start = self.at;
                    self.at += len.unwrap_or(rest.len());
                    return Some(Found::Word(start..self.at));
                }
                [byte, ..] => {
                    self.at += 1;
                    return Some(Found::Mark(byte));
                }
            }
        }
    }

    fn endless(&mut self) -> Found {
        self.at = self.text.len();
        Found::Endless
    }

    /// A quote that is doubled neither ends what is in quotes nor begins something.
    fn quoted(&mut self, quote: u8, escapes: bool) -> Found {
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += 1;
            if *byte == b'\\' && escapes {
                self.at += 1;
            } else if *byte == quote {
                if self.text.get(self.at) != Some(&quote) {
                    return Found::Quoted;
                }
                self.at += 1;
            }
        }
        self.endless()
    }

    /// `$tag$ … $tag$`, or `$1`, or a `$`.
    fn dollar(&mut self) -> Found {
        let rest = &self.text[self.at..];
        let len = rest[1..].iter().position(|byte| !is_word(*byte)).map(|len| len + 1);
        let Some(tag) = len.filter(|len| rest[*len] == b'$' && !rest[1].is_ascii_digit()) else {
            self.at += 1;
            return Found::Mark(b'$');
        };
        let (tag, body) = rest.split_at(tag + 1);
        match memchr::memmem::find(body, tag) {
            Some(end) => {
                self.at += tag.len() * 2 + end;
                Found::Quoted
            }
            None => self.endless(),
        }
    }
}

/// The length of a comment; there may be others in it.
fn comment(text: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (2, 1_usize);
    while depth > 0 {
        match text.get(at..at + 2)? {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    Some(at)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_texts_are_joined() {
        for (text, expected) in [
            ("CREATE TABLE t (a text DEFAULT ';');\n", true),
            ("alter table t owner to \"x;\";", true),
            ("CREATE FUNCTION f() AS $_$ a; $$ 'b $_$;\n", true),
            ("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);", true),
            ("-- a comment; here\nCREATE VIEW v AS SELECT 1 /* x; /* y */ ; */;\n\n", true),
            ("CREATE TABLE a();\nALTER TABLE a OWNER TO b;\nREVOKE ALL ON a FROM c;", true),
            ("SELECT pg_catalog.setval('s', 1, true);\n", true),
            ("CREATE FUNCTION f$x() AS 'it''s';", true),
            ("CREATE TABLE t (a int CHECK (a > '\\'));", true),
            ("CREATE TABLE t (a int CHECK (a > E'\\''));", true),
            // Not the end.
            ("CREATE TABLE t ()", false),
            ("CREATE TABLE t (); -- that's it", false),
            ("CREATE TABLE t (); -- that's it;", false),
            ("CREATE TABLE t ('a;", false),
            ("CREATE TABLE t (\"a;", false),
            ("CREATE TABLE t (a $x$;", false),
            ("CREATE TABLE t /* ;", false),
            ("CREATE TABLE t (a text;", false),
            ("CREATE TABLE t (a int CHECK (a > E'\\');", false),
            ("CREATE TABLE t );", false),
            ("", false),
            (";", true),
            ("-- nothing\n", false),
            // What else could happen.
            ("BEGIN;\nCREATE TABLE t ();\nCOMMIT;\n", false),
            ("CREATE TABLE t ();\ncommit;", false),
            ("CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; SELECT 2; END;", false),
            ("SELECT dblink_exec('x', 'y');", false),
            ("SELECT pg_catalog.pg_terminate_backend(1);", false),
            ("COPY t FROM stdin;", false),
            ("INSERT INTO t VALUES (1);", false),
            ("\"CREATE\" x;", false),
            ("DO $$ x $$;", false),
            ("CREATE TABLE t\0 ();", false),
        ] {
            assert_eq!(is_whole(text.as_bytes(), true), expected, "{text}");
        }
        let text = b"CREATE TABLE t (a int CHECK (a > '\\'));";
        assert!(!is_whole(text, false));
        assert!(!is_whole(&[b"CREATE TABLE t (", &[b' '; MOST_BYTES][..], b");"].concat(), true));
    }
}
