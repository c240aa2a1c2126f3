//! Statements that go to the server many at a time, in one query.
//!
//! Such a query is one transaction. If a statement in it fails, nothing of it is done, and its
//! statements go to the server one after the other. So what is joined must be able to be done
//! twice: only what pg_dump writes for kinds of objects that are known, whose statements begin with
//! words that are known, and which does not take long. And each text must end where its last
//! statement does, or it would change what follows.

use std::ops::Range;

use pgdmp::script::{Purpose, Statement};
use pgdmp::{Desc, TocEntry};

use crate::context::Place;

/// The most of one query, in bytes and statements.
const MOST_BYTES: usize = 64 << 10;
pub(crate) const MOST_STATEMENTS: usize = 100;

/// The release of the server that knows `lock_timeout`.
pub(crate) const LOCK_TIMEOUT: u32 = 90_300;

/// A batch beside other sessions keeps the locks of all its statements until its end. So it must not
/// wait for a lock for as long as a server does (`deadlock_timeout`) until it looks for sessions that
/// wait for each other: it fails then, and its statements go one after the other.
const IMPATIENT: &[u8] = b"SET LOCAL lock_timeout = '200ms';\n";

/// Statements that wait.
#[derive(Debug)]
pub(crate) struct Batch {
    text: Vec<u8>,
    queued: Vec<Queued>,
    /// How many statements may wait: fewer after a failure, more after a success.
    most: usize,
    /// Whether others restore at the same time.
    beside_others: bool,
}

/// A statement that waits, and what is needed to send it alone.
#[derive(Debug)]
pub(crate) struct Queued {
    /// Where the restore was.
    pub(crate) place: Option<Place>,
    /// Whether the entry there needs it.
    pub(crate) of_entry: bool,
    text: Range<usize>,
    pub(crate) empty_lines: u8,
    purpose: Purpose<'static>,
    value: Option<Vec<u8>>,
}

impl Queued {
    pub(crate) fn purpose(&self) -> Purpose<'_> {
        match self.purpose {
            Purpose::Setting { name, .. } => {
                Purpose::Setting { name, value: self.value.as_deref() }
            }
            purpose => purpose,
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Batch { text: Vec::new(), queued: Vec::new(), most: MOST_STATEMENTS, beside_others: false }
    }
}

impl Batch {
    /// Of a session beside others, on a server that knows `lock_timeout`.
    pub(crate) fn beside_others() -> Self {
        Batch { beside_others: true, ..Batch::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// Whether nothing more should wait.
    pub(crate) fn is_full(&self) -> bool {
        self.queued.len() >= self.most
    }

    /// Whether there is room for a statement.
    pub(crate) fn has_room(&self, statement: &Statement<'_>) -> bool {
        self.text.len() + statement.text.len() < MOST_BYTES
    }

    /// Lets a statement wait.
    pub(crate) fn push(&mut self, statement: &Statement<'_>, place: Option<Place>) {
        if self.text.is_empty() && self.beside_others {
            self.text.extend_from_slice(IMPATIENT);
        }
        let start = self.text.len();
        self.text.extend_from_slice(statement.text);
        let text = start..self.text.len();
        if self.text.last() != Some(&b'\n') {
            self.text.push(b'\n');
        }
        let (purpose, value) = match statement.purpose {
            Purpose::Setting { name, value } => {
                (Purpose::Setting { name, value: None }, value.map(<[u8]>::to_vec))
            }
            Purpose::Drop => (Purpose::Drop, None),
            Purpose::Privileges => (Purpose::Privileges, None),
            Purpose::Owner => (Purpose::Owner, None),
            Purpose::AccessMethod => (Purpose::AccessMethod, None),
            _ => (Purpose::Definition, None),
        };
        let (of_entry, empty_lines) = (statement.entry.is_some(), statement.empty_lines);
        self.queued.push(Queued { place, of_entry, text, empty_lines, purpose, value });
    }

    /// All of them as one query.
    pub(crate) fn query(&self) -> &[u8] {
        &self.text
    }

    /// Each, and its text.
    pub(crate) fn each(&self) -> impl ExactSizeIterator<Item = (&Queued, &[u8])> {
        self.queued.iter().map(|queued| (queued, &self.text[queued.text.clone()]))
    }

    /// They were sent. Where many fail, joining them is work for nothing.
    pub(crate) fn sent(&mut self, at_once: bool) {
        self.most = match at_once {
            true => (self.most * 2).min(MOST_STATEMENTS),
            false => (self.most / 4).max(1),
        };
        self.text.clear();
        self.queued.clear();
    }
}

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
