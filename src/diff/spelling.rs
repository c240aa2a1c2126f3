//! One spelling of SQL, so that equal definitions of two archives are the same text.
//!
//! What becomes one spelling is what a session or a release may print otherwise without another
//! meaning: blanks, quotes around names that need none, how strings are written, instants in a time
//! zone, the two forms of `bytea`, and (where an archive has it) names without their schema.

use super::literal;
use crate::encoding::Encoding;
use crate::sql::{self, Kind, Token};

/// How the SQL of an archive is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Whether a backslash in a string is just a backslash.
    pub(super) std_strings: bool,
    /// A schema that names may come without, so that it is taken from all of them.
    pub(super) own_schema: Option<&'a [u8]>,
}

/// A statement in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Statement {
    /// Its tokens alone, by which it is compared.
    pub(super) key: Vec<u8>,
    /// With the blanks and line breaks that it has in the archive, to be shown.
    pub(super) text: Vec<u8>,
}

/// The statements of a text in UTF-8.
pub(super) fn statements(sql: &[u8], reading: Reading<'_>) -> Vec<Statement> {
    let all = sql::tokens(sql, reading.std_strings);
    let mut found = Vec::new();
    let mut start = 0;
    for (n, token) in all.iter().enumerate() {
        if token.is_mark(b';') && token.depth == 0 {
            found.extend(statement(sql, &all[start..=n], reading));
            start = n + 1;
        }
    }
    found.extend(statement(sql, &all[start..], reading));
    found
}

fn statement(sql: &[u8], all: &[Token<'_>], reading: Reading<'_>) -> Option<Statement> {
    if all.iter().all(|token| token.is_mark(b';')) {
        return None;
    }
    let mut spelled = Statement { key: Vec::new(), text: Vec::new() };
    // Bounds of partitions are printed without their type.
    let is_bound = |n: usize| {
        n.checked_sub(1).is_some_and(|before| all[before].is("FOR") && all[n].is("VALUES"))
    };
    let mut bound = false;
    let mut end = all.first()?.start;
    let mut n = 0;
    while let Some(token) = all.get(n) {
        bound |= is_bound(n);
        let gap = sql.get(end..token.start).unwrap_or_default();
        if !token.is_mark(b';') {
            spelled.text.extend_from_slice(gap);
            if !(gap.is_empty() && is_operator(token) && n > 0 && is_operator(&all[n - 1])) {
                spelled.key.push(b' ');
            }
        }
        if names_own_schema(all, n, reading) {
            n += 2;
            end = all[n].start;
            // The name itself comes next, behind no gap.
            spelled.key.pop();
            continue;
        }
        end = token.end();
        n += 1;
        if token.is_mark(b';') && n == all.len() {
            break;
        }
        let at = spelled.text.len();
        spell(token, all, n, bound, reading, &mut spelled.text);
        let (key, text) = (&mut spelled.key, &spelled.text);
        key.extend_from_slice(&text[at..]);
    }
    Some(spelled)
}

/// Writes a token in its one spelling. `next` is the place of the token behind it.
fn spell(
    token: &Token<'_>,
    all: &[Token<'_>],
    next: usize,
    bound: bool,
    reading: Reading<'_>,
    out: &mut Vec<u8>,
) {
    match token.kind {
        Kind::Quoted => name(token, out),
        Kind::String | Kind::Dollar => {
            let Some((prefix, value)) = literal::value(token, reading.std_strings) else {
                return out.extend_from_slice(token.text);
            };
            let of = match is_sequence(all, next - 1) {
                true => Some(literal::Type::Name),
                false => literal::Type::behind(all.get(next..).unwrap_or_default()),
            };
            let value = match of {
                Some(literal::Type::Name) => names(&value, reading),
                of => literal::in_one_spelling(value, of, bound),
            };
            out.extend(prefix);
            sql::literal(&value, Encoding::SQL_ASCII, true, out);
        }
        Kind::Word | Kind::Number | Kind::Mark => out.extend_from_slice(token.text),
    }
}

/// Words that need quotes as names since PostgreSQL 9.3 or a newer release, and that older releases
/// print without. As something else than a name they stand where no name may stand.
const NEWER: [&[u8]; 18] = [
    b"grouping",
    b"json",
    b"json_array",
    b"json_arrayagg",
    b"json_exists",
    b"json_object",
    b"json_objectagg",
    b"json_query",
    b"json_scalar",
    b"json_serialize",
    b"json_table",
    b"json_value",
    b"lateral",
    b"merge_action",
    b"normalize",
    b"system_user",
    b"xmlnamespaces",
    b"xmltable",
];

/// A name in quotes, without them where it needs none.
fn name(token: &Token<'_>, out: &mut Vec<u8>) {
    let name = token.name().unwrap_or_default();
    match NEWER.contains(&&name[..]) {
        true => out.extend_from_slice(&name),
        false => sql::identifier(&name, Encoding::SQL_ASCII, out),
    }
}

/// Names inside of a text, such as those of a function's types: on one line, with one blank
/// between words.
pub(super) fn names(text: &[u8], reading: Reading<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let all = sql::tokens(text, true);
    let (mut n, mut end) = (0, 0);
    while let Some(token) = all.get(n) {
        if end < token.start && n > 0 {
            out.push(b' ');
        }
        let token = if names_own_schema(&all, n, reading) {
            n += 2;
            &all[n]
        } else {
            token
        };
        end = token.end();
        n += 1;
        match token.kind {
            Kind::Quoted => name(token, &mut out),
            _ => out.extend_from_slice(token.text),
        }
    }
    out
}

/// Whether the token is the own schema in front of a name.
fn names_own_schema(all: &[Token<'_>], n: usize, reading: Reading<'_>) -> bool {
    let Some(schema) = reading.own_schema else { return false };
    all[n].name().as_deref() == Some(schema)
        && all.get(n + 1).is_some_and(|token| token.is_mark(b'.'))
        && all.get(n + 2).is_some_and(|token| token.name().is_some())
        && !n.checked_sub(1).is_some_and(|before| all[before].is_mark(b'.'))
}

/// Whether a string is the sequence of `setval('sequence', …)`, which has no type.
fn is_sequence(all: &[Token<'_>], n: usize) -> bool {
    let before = |back: usize| n.checked_sub(back).and_then(|n| all.get(n));
    before(1).is_some_and(|token| token.is_mark(b'('))
        && before(2).is_some_and(|token| token.is("setval"))
}

fn is_operator(token: &Token<'_>) -> bool {
    token.kind == Kind::Mark && b"+-*/<>=~!@#%^&|`?:".contains(&token.text[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(sql: &str, std_strings: bool, own_schema: Option<&str>) -> Vec<String> {
        let own_schema = own_schema.map(str::as_bytes);
        statements(sql.as_bytes(), Reading { std_strings, own_schema })
            .into_iter()
            .map(|statement| String::from_utf8(statement.key).unwrap())
            .collect()
    }

    fn same(a: &str, b: &str) {
        assert_eq!(keys(a, true, None), keys(b, true, None));
    }

    fn different(a: &str, b: &str) {
        assert_ne!(keys(a, true, None), keys(b, true, None), "{a} and {b}");
    }

    #[test]
    fn blanks_quotes_and_strings() {
        same("CREATE TABLE  s.t (\n  a integer\n);\n", "CREATE TABLE \"s\".\"t\" (a integer)");
        same("SELECT $$it's$$;", "SELECT $_$it's$_$");
        same("SELECT 'it''s';", "SELECT $x$it's$x$");
        same("SELECT E'a\\\\b\\n\\'\\x41\\101';", "SELECT 'a\\b\n''AA'");
        different("a <= b", "a < = b");
        different("SELECT B'1'", "SELECT '1'");
        different("x \"char\"", "x char");
        different("x \"A\"", "x a");
        different("x \"true\"", "x true");
        same("x \"json\"", "x json");
        different("SELECT 'a'", "SELECT 'a '");
        different("SELECT a b", "SELECT ab");
        assert_eq!(keys("SELECT 'a\\\\b''c'", false, None), keys("SELECT 'a\\b''c'", true, None));
        assert_eq!(keys("a; ; b;", true, None).len(), 2);
    }

    #[test]
    fn instants_and_bytes() {
        same(
            "DEFAULT '2020-01-01 00:00:00+00'::timestamp with time zone",
            "DEFAULT '2020-01-01 01:00:00+01'::timestamp with time zone",
        );
        same(
            "FOR VALUES FROM ('2019-12-31 23:00:00+00') TO (MAXVALUE)",
            "FOR VALUES FROM ('2020-01-01 00:00:00+01') TO (MAXVALUE)",
        );
        same(
            "'[\"2020-01-01 00:00:00+00\",)'::tstzrange",
            "'[\"2020-01-01 05:30:00+05:30\",)'::tstzrange",
        );
        same(
            "'{\"2020-01-01 00:00:00+00\",NULL}'::timestamp with time zone[]",
            "'{\"2020-01-01 05:30:00+05:30\",NULL}'::timestamp with time zone[]",
        );
        same("'\\x00ff61'::bytea", "'\\000\\377a'::bytea");
        different("'2020-01-01 00:00:00+00'::text", "'2020-01-01 01:00:00+01'::text");
        different("'\\x61'::text", "'a'::text");
        different(
            "DEFAULT '2020-01-01 00:00:00+00'::timestamp with time zone",
            "DEFAULT '2020-01-01 00:00:00+01'::timestamp with time zone",
        );
    }

    #[test]
    fn names_without_their_schema() {
        let own = Some("s");
        let both = |a, b| assert_eq!(keys(a, true, own), keys(b, true, own));
        both("CREATE TABLE s.t (a s.x, b r.y)", "CREATE TABLE t (a x, b r.y)");
        both("nextval('s.q'::regclass)", "nextval('q'::regclass)");
        both("nextval('\"s\".q'::regclass)", "nextval('q'::regclass)");
        both("f(s.x)", "f(x)");
        let reading = Reading { std_strings: true, own_schema: Some(b"s") };
        assert_eq!(
            names(b"(s.x, \"t\".\"y\"[], double  precision)", reading),
            b"(x, t.y[], double precision)"
        );
    }
}
