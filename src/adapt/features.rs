//! The features of PostgreSQL since 9.4, and what older servers get instead.
//!
//! One table: since which release there is something, how a definition shows that it uses it, and
//! what becomes of that. The facts are from the release notes of PostgreSQL.

use super::release::TargetVersion;
use crate::sql::{Edits, Kind as TokenKind, Token};

/// How something shows.
pub(super) enum Sign {
    /// By the kind of the entry.
    Kind,
    /// By words that follow each other, anywhere. `_` is any token.
    Words(&'static [&'static str]),
    /// The same, but not in parentheses.
    Top(&'static [&'static str]),
    /// By a look at all of it.
    Look(fn(&[Token<'_>]) -> bool),
}

/// What becomes of an entry.
pub(super) enum Answer {
    /// It cannot be said.
    LeaveOut,
    /// It is said in other words, which come to the same.
    Reword(Change),
    /// It is said in other words; what is lost.
    Change(Change, &'static str),
}

type Change = fn(&[Token<'_>], &mut Edits);

/// Something that a release brought.
pub(super) struct Feature {
    pub(super) since: (u16, u16),
    pub(super) descs: &'static [&'static str],
    sign: Sign,
    what: &'static str,
    pub(super) answer: Answer,
}

/// Something that cannot be said without it.
const fn only(
    since: (u16, u16),
    descs: &'static [&'static str],
    sign: Sign,
    what: &'static str,
) -> Feature {
    Feature { since, descs, sign, what, answer: LeaveOut }
}

/// Something that can be said otherwise.
const fn other(
    since: (u16, u16),
    descs: &'static [&'static str],
    sign: Sign,
    what: &'static str,
    answer: Answer,
) -> Feature {
    Feature { since, descs, sign, what, answer }
}

use Answer::{Change as Say, LeaveOut, Reword};
use Sign::{Kind, Look, Top, Words};

const RELATIONS: &[&str] = &["TABLE", "FOREIGN TABLE"];
const KEYS: &[&str] = &["CONSTRAINT", "FK CONSTRAINT", "CHECK CONSTRAINT"];
const INDEXES: &[&str] = &["INDEX", "CONSTRAINT"];
const QUERIES: &[&str] = &["VIEW", "MATERIALIZED VIEW", "RULE", "FUNCTION", "PROCEDURE"];
const ROUTINES: &[&str] = &["FUNCTION", "PROCEDURE"];
const DATABASE: &[&str] = &["DATABASE"];
const SUBSCRIPTION: &[&str] = &["SUBSCRIPTION"];
const GONE: &str = "it is left away";

/// The newest first: an entry is said anew for one release after the other.
pub(super) const FEATURES: &[Feature] = &[
    only((19, 0), &["PROPERTY GRAPH"], Kind, "property graphs"),
    other(
        (19, 0),
        SUBSCRIPTION,
        Words(&["RETAIN_DEAD_TUPLES", "="]),
        "subscriptions that retain dead tuples",
        Say(|t, e| cut_option(t, "RETAIN_DEAD_TUPLES", e), GONE),
    ),
    other(
        (19, 0),
        SUBSCRIPTION,
        Words(&["MAX_RETENTION_DURATION", "="]),
        "subscriptions that retain dead tuples for some time",
        Say(|t, e| cut_option(t, "MAX_RETENTION_DURATION", e), GONE),
    ),
    other(
        (18, 0),
        RELATIONS,
        Look(is_virtual),
        "virtual generated columns",
        Say(store, "they are stored instead"),
    ),
    other(
        (18, 0),
        RELATIONS,
        Words(&["NOT", "ENFORCED"]),
        "constraints that are not enforced",
        Say(cut_not_enforced, "they are left out"),
    ),
    only((18, 0), KEYS, Words(&["NOT", "ENFORCED"]), "constraints that are not enforced"),
    other(
        (18, 0),
        RELATIONS,
        Look(names_not_null),
        "NOT NULL as a constraint of the table",
        Reword(set_not_null),
    ),
    other(
        (18, 0),
        RELATIONS,
        Words(&["NOT", "NULL", "NO", "INHERIT"]),
        "NOT NULL with NO INHERIT",
        Say(|t, e| cut(t, &["NO", "INHERIT"], e), "it is inherited"),
    ),
    only((18, 0), KEYS, Look(names_not_null), "NOT NULL as a constraint of the table"),
    only((18, 0), INDEXES, Words(&["WITHOUT", "OVERLAPS"]), "keys WITHOUT OVERLAPS"),
    only((18, 0), &["FK CONSTRAINT"], Look(has_period), "foreign keys with PERIOD"),
    only(
        (18, 0),
        &["DEFAULT ACL"],
        Words(&["ON", "LARGE", "OBJECTS"]),
        "default privileges on large objects",
    ),
    other(
        (18, 0),
        &["PUBLICATION"],
        Words(&["PUBLISH_GENERATED_COLUMNS", "="]),
        "publications of generated columns",
        Say(|t, e| cut_option(t, "PUBLISH_GENERATED_COLUMNS", e), "these are left out"),
    ),
    other(
        (17, 0),
        &["ACL", "DEFAULT ACL"],
        Look(grants_maintain),
        "the privilege MAINTAIN",
        Say(cut_maintain, GONE),
    ),
    only(
        (17, 0),
        &["COLLATION"],
        Words(&["PROVIDER", "=", "BUILTIN"]),
        "the locale provider builtin",
    ),
    other(
        (17, 0),
        DATABASE,
        Words(&["LOCALE_PROVIDER", "=", "BUILTIN"]),
        "the locale provider builtin",
        Say(
            |t, e| {
                cut(t, &["LOCALE_PROVIDER", "=", "_"], e);
                cut(t, &["BUILTIN_LOCALE", "=", "_"], e);
            },
            "the operating system's takes its place",
        ),
    ),
    only((17, 0), &["EVENT TRIGGER"], Words(&["ON", "LOGIN"]), "event triggers on login"),
    only((17, 0), QUERIES, Look(|t| calls(t, "JSON_TABLE")), "JSON_TABLE"),
    only((17, 0), QUERIES, Look(|t| calls(t, "JSON_QUERY")), "JSON_QUERY"),
    only((17, 0), QUERIES, Look(|t| calls(t, "JSON_VALUE")), "JSON_VALUE"),
    only((17, 0), QUERIES, Look(|t| calls(t, "JSON_EXISTS")), "JSON_EXISTS"),
    other(
        (17, 0),
        SUBSCRIPTION,
        Words(&["FAILOVER", "="]),
        "subscriptions with failover",
        Say(|t, e| cut_option(t, "FAILOVER", e), GONE),
    ),
    other(
        (16, 0),
        SUBSCRIPTION,
        Words(&["STREAMING", "=", "PARALLEL"]),
        "subscriptions that stream in parallel",
        Say(stream, "they stream"),
    ),
    other(
        (16, 0),
        SUBSCRIPTION,
        Words(&["ORIGIN", "="]),
        "subscriptions with an origin",
        Say(|t, e| cut_option(t, "ORIGIN", e), GONE),
    ),
    other(
        (16, 0),
        SUBSCRIPTION,
        Words(&["PASSWORD_REQUIRED", "="]),
        "subscriptions without a password",
        Say(|t, e| cut_option(t, "PASSWORD_REQUIRED", e), GONE),
    ),
    other(
        (16, 0),
        SUBSCRIPTION,
        Words(&["RUN_AS_OWNER", "="]),
        "subscriptions that run as their owner",
        Reword(|t, e| cut_option(t, "RUN_AS_OWNER", e)),
    ),
    only((16, 0), &["COLLATION"], Words(&["RULES", "="]), "collations with rules"),
    other(
        (16, 0),
        DATABASE,
        Words(&["ICU_RULES", "=", "_"]),
        "databases whose collation has rules",
        Say(|t, e| cut(t, &["ICU_RULES", "=", "_"], e), "they are left out"),
    ),
    only((16, 0), QUERIES, Words(&["IS", "JSON"]), "IS JSON"),
    only((15, 0), &["PUBLICATION TABLES IN SCHEMA"], Kind, "publications of schemas"),
    only(
        (15, 0),
        &["PUBLICATION TABLE"],
        Look(publishes_part),
        "publications of some columns or rows",
    ),
    other(
        (15, 0),
        SUBSCRIPTION,
        Words(&["DISABLE_ON_ERROR", "="]),
        "subscriptions that an error disables",
        Say(|t, e| cut_option(t, "DISABLE_ON_ERROR", e), GONE),
    ),
    other(
        (15, 0),
        SUBSCRIPTION,
        Words(&["TWO_PHASE", "="]),
        "subscriptions with two-phase commit",
        Say(|t, e| cut_option(t, "TWO_PHASE", e), GONE),
    ),
    only((15, 0), INDEXES, Words(&["NULLS", "NOT", "DISTINCT"]), "NULLS NOT DISTINCT"),
    // Without it, a view shows more than it should.
    only((15, 0), &["VIEW"], Words(&["SECURITY_INVOKER", "="]), "views with security_invoker"),
    other(
        (15, 0),
        &["SEQUENCE"],
        Words(&["UNLOGGED", "SEQUENCE"]),
        "unlogged sequences",
        Say(|t, e| cut(t, &["UNLOGGED"], e), "it is logged"),
    ),
    only((15, 0), &["FK CONSTRAINT"], Look(sets_columns), "foreign keys that set some columns"),
    only((15, 0), QUERIES, Words(&["MERGE", "INTO"]), "MERGE"),
    other(
        (15, 0),
        DATABASE,
        Words(&["LOCALE_PROVIDER", "=", "ICU"]),
        "the locale provider icu of a database",
        Say(
            |t, e| {
                cut(t, &["LOCALE_PROVIDER", "=", "_"], e);
                cut(t, &["ICU_LOCALE", "=", "_"], e);
            },
            "the operating system's takes its place",
        ),
    ),
    other(
        (15, 0),
        DATABASE,
        Words(&["LOCALE_PROVIDER", "="]),
        "the locale provider of a database",
        Reword(|t, e| cut(t, &["LOCALE_PROVIDER", "=", "_"], e)),
    ),
    other(
        (14, 0),
        &["TABLE", "MATERIALIZED VIEW"],
        Words(&["SET", "COMPRESSION"]),
        "the compression of a column",
        Say(cut_compression, GONE),
    ),
    other(
        (14, 0),
        &["TYPE"],
        Words(&["MULTIRANGE_TYPE_NAME", "="]),
        "multiranges",
        Say(|t, e| cut_option(t, "MULTIRANGE_TYPE_NAME", e), "there is none for the type"),
    ),
    other(
        (14, 0),
        &["TYPE"],
        Words(&["SUBSCRIPT", "="]),
        "types with subscripts of their own",
        Say(|t, e| cut_option(t, "SUBSCRIPT", e), "there are none"),
    ),
    only((14, 0), ROUTINES, Words(&["BEGIN", "ATOMIC"]), "SQL functions with BEGIN ATOMIC"),
    only((14, 0), ROUTINES, Look(returns), "SQL functions with RETURN"),
    only((14, 0), &["STATISTICS"], Look(has_expressions), "statistics of expressions"),
    other(
        (14, 0),
        SUBSCRIPTION,
        Words(&["STREAMING", "="]),
        "subscriptions that stream",
        Say(|t, e| cut_option(t, "STREAMING", e), GONE),
    ),
    other(
        (14, 0),
        SUBSCRIPTION,
        Words(&["BINARY", "="]),
        "subscriptions that send binary data",
        Say(|t, e| cut_option(t, "BINARY", e), GONE),
    ),
    other(
        (13, 0),
        &["PUBLICATION"],
        Words(&["PUBLISH_VIA_PARTITION_ROOT", "="]),
        "publications via the root of partitions",
        Say(|t, e| cut_option(t, "PUBLISH_VIA_PARTITION_ROOT", e), GONE),
    ),
    other(
        (13, 0),
        DATABASE,
        Words(&["LOCALE", "=", "_"]),
        "LOCALE of a database",
        Reword(split_locale),
    ),
    only((12, 0), RELATIONS, Look(is_generated), "generated columns"),
    only((12, 0), &["COLLATION"], Words(&["DETERMINISTIC", "="]), "nondeterministic collations"),
    only((12, 0), &["ACCESS METHOD"], Words(&["TYPE", "TABLE"]), "table access methods"),
    other(
        (12, 0),
        QUERIES,
        Words(&["AS", "MATERIALIZED", "("]),
        "WITH queries that are MATERIALIZED",
        Reword(|t, e| cut_behind(t, &["AS", "MATERIALIZED", "("], 1, e)),
    ),
    other(
        (12, 0),
        QUERIES,
        Words(&["AS", "NOT", "MATERIALIZED", "("]),
        "WITH queries that are NOT MATERIALIZED",
        Reword(|t, e| cut_behind(t, &["AS", "NOT", "MATERIALIZED", "("], 1, e)),
    ),
    only((11, 0), &["PROCEDURE"], Kind, "procedures"),
    other(
        (11, 0),
        INDEXES,
        Top(&["INCLUDE", "("]),
        "indexes that include columns",
        Say(cut_include, "they are left out"),
    ),
    only((11, 0), &["INDEX ATTACH"], Kind, "indexes of partitioned tables"),
    only((11, 0), &["INDEX"], Top(&["ON", "ONLY"]), "indexes of partitioned tables"),
    only((11, 0), &["TABLE"], Top(&["PARTITION", "BY", "HASH"]), "hash partitions"),
    other(
        (11, 0),
        &["TRIGGER", "EVENT TRIGGER"],
        Words(&["EXECUTE", "FUNCTION"]),
        "EXECUTE FUNCTION in triggers",
        Reword(execute_procedure),
    ),
    only((10, 0), &["TABLE"], Top(&["PARTITION", "BY"]), "partitioned tables"),
    only((10, 0), &["TABLE ATTACH"], Kind, "partitions"),
    only((10, 0), &["TABLE", "SEQUENCE"], Words(&["AS", "IDENTITY"]), "identity columns"),
    other(
        (10, 0),
        &["SEQUENCE"],
        Look(has_type),
        "sequences of other types than bigint",
        Say(|t, e| cut(t, &["AS", "_"], e), "it is one of bigint"),
    ),
    only((10, 0), &["PUBLICATION", "PUBLICATION TABLE"], Kind, "publications"),
    only((10, 0), &["SUBSCRIPTION", "SUBSCRIPTION TABLE"], Kind, "subscriptions"),
    only((10, 0), &["STATISTICS"], Kind, "extended statistics"),
    only((10, 0), &["TRIGGER"], Top(&["REFERENCING"]), "triggers with transition tables"),
    only((10, 0), &["POLICY"], Words(&["AS", "RESTRICTIVE"]), "restrictive policies"),
    only((10, 0), &["COLLATION"], Words(&["PROVIDER", "=", "ICU"]), "the locale provider icu"),
    other(
        (10, 0),
        &["COLLATION"],
        Words(&["PROVIDER", "="]),
        "the provider of a collation",
        Reword(|t, e| cut_option(t, "PROVIDER", e)),
    ),
    only((9, 6), &["ACCESS METHOD"], Kind, "access methods"),
    other(
        (9, 6),
        &["FUNCTION"],
        Look(is_parallel),
        "functions that are PARALLEL",
        Reword(cut_parallel),
    ),
    other(
        (9, 6),
        &["AGGREGATE"],
        Words(&["PARALLEL", "="]),
        "aggregates that are PARALLEL",
        Reword(|t, e| cut_option(t, "PARALLEL", e)),
    ),
    only((9, 5), &["POLICY", "ROW SECURITY"], Kind, "row security"),
    only((9, 5), &["TRANSFORM"], Kind, "transforms"),
    only((9, 5), &["INDEX"], Words(&["USING", "BRIN"]), "BRIN indexes"),
];

impl Feature {
    /// Whether a definition shows it, which is taken apart only where that is needed.
    pub(super) fn shows<'a: 't, 't>(&self, words: impl FnOnce() -> &'t Vec<Token<'a>>) -> bool {
        matches!(self.sign, Kind) || self.sign.shows(words())
    }

    /// Why an entry cannot stay as it is.
    pub(super) fn reason(&self) -> String {
        let since = TargetVersion::new(self.since.0, self.since.1);
        let (what, verb) = (self.what, verb(self.what));
        format!("{what} {verb} not there before PostgreSQL {since}")
    }
}

fn verb(what: &str) -> &'static str {
    const ONE: &[&str] =
        &["the ", "MERGE", "IS ", "JSON", "LOCALE", "NULLS", "NOT ", "EXECUTE", "row security"];
    if ONE.iter().any(|start| what.starts_with(start)) { "is" } else { "are" }
}

impl Sign {
    fn shows(&self, tokens: &[Token<'_>]) -> bool {
        match self {
            Kind => true,
            Words(words) => at(tokens, words).is_some(),
            Top(words) => tokens
                .windows(words.len())
                .any(|window| window[0].depth == 0 && follows(window, words)),
            Look(look) => look(tokens),
        }
    }
}

fn follows(window: &[Token<'_>], words: &[&str]) -> bool {
    window.iter().zip(words).all(|(token, word)| {
        *word == "_" || token.is(word) || token.text == word.as_bytes() && !token.is("")
    })
}

/// Where words follow each other.
fn at(tokens: &[Token<'_>], words: &[&str]) -> Option<usize> {
    tokens.windows(words.len()).position(|window| follows(window, words))
}

/// The token behind each `GENERATED ALWAYS AS (…)`.
fn generated<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = Option<&'t Token<'a>>> {
    let words = ["GENERATED", "ALWAYS", "AS", "("];
    tokens.windows(words.len()).enumerate().filter(move |(_, w)| follows(w, &words)).map(
        move |(n, window)| {
            let open = window[3].depth;
            let rest = &tokens[n + 4..];
            let close = rest.iter().position(|t| t.is_mark(b')') && t.depth == open)?;
            rest.get(close + 1)
        },
    )
}

fn is_generated(tokens: &[Token<'_>]) -> bool {
    generated(tokens).next().is_some()
}

fn is_virtual(tokens: &[Token<'_>]) -> bool {
    generated(tokens).any(|next| !next.is_some_and(|token| token.is("STORED")))
}

/// NOT NULL that is no part of a column: in CREATE TABLE, or behind ADD.
fn names_not_null(tokens: &[Token<'_>]) -> bool {
    let added = tokens.iter().position(|token| token.is("ADD"));
    elements(tokens).into_iter().any(|element| not_null_column(&tokens[element]).is_some())
        || added.is_some_and(|n| not_null_column(&tokens[n + 1..]).is_some())
}

/// `CREATE SEQUENCE s AS integer`.
fn has_type(tokens: &[Token<'_>]) -> bool {
    at(tokens, &["CREATE", "SEQUENCE"]).is_some()
        && at(tokens, &["AS", "_"]).is_some_and(|n| {
            tokens.get(n + 1).is_some_and(|token| token.is("INTEGER") || token.is("SMALLINT"))
        })
}

/// A column list or a condition behind the table.
fn publishes_part(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| token.depth == 0 && (token.is_mark(b'(') || token.is("WHERE")))
}

/// `ON DELETE SET NULL (column)`.
fn sets_columns(tokens: &[Token<'_>]) -> bool {
    at(tokens, &["SET", "NULL", "("]).is_some() || at(tokens, &["SET", "DEFAULT", "("]).is_some()
}

/// Anything but names behind ON.
fn has_expressions(tokens: &[Token<'_>]) -> bool {
    let Some(on) = tokens.iter().position(|token| token.depth == 0 && token.is("ON")) else {
        return false;
    };
    let rest = tokens[on + 1..].iter().take_while(|token| !token.is("FROM"));
    rest.into_iter().any(|token| token.is_mark(b'('))
}

/// `GENERATED ALWAYS AS (expression)`, which pg_dump calls virtual by saying no more.
fn store(tokens: &[Token<'_>], edits: &mut Edits) {
    let words = ["GENERATED", "ALWAYS", "AS", "("];
    for (n, _) in tokens.windows(words.len()).enumerate().filter(|(_, w)| follows(w, &words)) {
        let Some(close) = close(tokens, n + words.len() - 1) else { continue };
        match tokens.get(close + 1) {
            Some(next) if next.is("STORED") => {}
            Some(next) if next.is("VIRTUAL") => {
                edits.push((next.start..next.end(), b"STORED".to_vec()));
            }
            _ => edits.push((tokens[close].end()..tokens[close].end(), b" STORED".to_vec())),
        }
    }
}

/// The parenthesis that closes one.
fn close(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let depth = tokens.get(open)?.depth;
    let rest = &tokens[open + 1..];
    Some(open + 1 + rest.iter().position(|t| t.is_mark(b')') && t.depth == depth)?)
}

/// The columns and constraints of a table, as ranges of tokens.
fn elements(tokens: &[Token<'_>]) -> Vec<std::ops::Range<usize>> {
    let open = tokens.iter().position(|token| token.is_mark(b'('));
    let Some((open, end)) = open.and_then(|open| Some((open, close(tokens, open)?))) else {
        return Vec::new();
    };
    let depth = tokens[open].depth + 1;
    let is_comma = |n: &usize| tokens[*n].is_mark(b',') && tokens[*n].depth == depth;
    let mut elements = Vec::new();
    let mut start = open + 1;
    for end in (start..end).filter(is_comma).chain([end]) {
        if start < end {
            elements.push(start..end);
        }
        start = end + 1;
    }
    elements
}

/// Takes elements away, each with a comma.
fn cut_elements(
    tokens: &[Token<'_>],
    edits: &mut Edits,
    mut unwanted: impl FnMut(&[Token<'_>]) -> bool,
) {
    let all = elements(tokens);
    let mut behind_another = false;
    for (n, element) in all.iter().enumerate() {
        if !unwanted(&tokens[element.clone()]) {
            behind_another = true;
            continue;
        }
        let (first, last) = (&tokens[element.start], &tokens[element.end - 1]);
        let range = match all.get(n + 1) {
            _ if behind_another => tokens[element.start - 1].start..last.end(),
            Some(next) => first.start..tokens[next.start].start,
            None => first.start..last.end(),
        };
        edits.push((range, Vec::new()));
    }
}

fn cut_not_enforced(tokens: &[Token<'_>], edits: &mut Edits) {
    cut_elements(tokens, edits, |element| at(element, &["NOT", "ENFORCED"]).is_some());
}

/// The column of `[CONSTRAINT name] NOT NULL column`.
fn not_null_column<'t, 'a>(element: &'t [Token<'a>]) -> Option<&'t Token<'a>> {
    let rest = match element {
        [first, _, rest @ ..] if first.is("CONSTRAINT") => rest,
        all => all,
    };
    match rest {
        [not, null, column, ..] if not.is("NOT") && null.is("NULL") => Some(column),
        _ => None,
    }
}

/// `ALTER TABLE … SET NOT NULL` instead of a constraint with a name.
fn set_not_null(tokens: &[Token<'_>], edits: &mut Edits) {
    let mut columns = Vec::new();
    cut_elements(tokens, edits, |element| {
        let column = not_null_column(element);
        columns.extend(column.map(|column| column.text.to_vec()));
        column.is_some()
    });
    // CREATE [FOREIGN] [UNLOGGED] TABLE name (
    let Some(start) = tokens.iter().position(|token| token.is("TABLE")) else { return };
    let Some(open) = tokens.iter().position(|token| token.is_mark(b'(')) else { return };
    let statement = tokens.iter().position(|token| token.is_mark(b';'));
    let Some(end) = statement.map(|n| tokens[n].end()) else { return };
    let foreign = tokens[..start].iter().any(|token| token.is("FOREIGN"));
    let table = if foreign { "FOREIGN TABLE" } else { "TABLE" };
    let Some(name) = tokens.get(start + 1..open) else { return };
    let name = name.iter().take_while(|token| !token.is("OF")).map(|token| token.text);
    let name = name.collect::<Vec<_>>().concat();
    let mut sql = [b"\n\nALTER ", table.as_bytes(), b" ONLY ", &name].concat();
    // One statement: the name may be as long as the archive.
    for (n, column) in columns.iter().enumerate() {
        sql.extend_from_slice(if n == 0 { b" " } else { b",\n    " });
        sql.extend([b"ALTER COLUMN ", &column[..], b" SET NOT NULL"].concat());
    }
    sql.push(b';');
    edits.push((end..end, sql));
}

/// `PERIOD column`; a column may have that name, too.
fn has_period(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|window| {
        window[0].is("PERIOD") && matches!(window[1].kind, TokenKind::Word | TokenKind::Quoted)
    })
}

/// A call of a function that only the grammar knows.
fn calls(tokens: &[Token<'_>], function: &str) -> bool {
    tokens.windows(2).enumerate().any(|(n, window)| {
        let dot = n.checked_sub(1).is_some_and(|before| tokens[before].is_mark(b'.'));
        !dot && window[0].is(function) && window[1].is_mark(b'(')
    })
}

/// `RETURN expression` in place of a body.
fn returns(tokens: &[Token<'_>]) -> bool {
    tokens.iter().enumerate().any(|(n, token)| {
        let dot = n.checked_sub(1).is_some_and(|before| tokens[before].is_mark(b'.'));
        !dot && token.depth == 0 && token.is("RETURN")
    })
}

fn stream(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["STREAMING", "=", "PARALLEL"]) {
        edits.push((tokens[n + 2].start..tokens[n + 2].end(), b"on".to_vec()));
    }
}

fn execute_procedure(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["EXECUTE", "FUNCTION"]) {
        edits.push((tokens[n + 1].start..tokens[n + 1].end(), b"PROCEDURE".to_vec()));
    }
}

/// `LOCALE = 'x'` as the two that it stands for.
fn split_locale(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["LOCALE", "=", "_"]) {
        let value = tokens[n + 2].text;
        let both = [b"LC_COLLATE = ", value, b" LC_CTYPE = ", value].concat();
        edits.push((tokens[n].start..tokens[n + 2].end(), both));
    }
}

fn is_parallel(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|window| parallel(window))
}

fn parallel(window: &[Token<'_>]) -> bool {
    window[0].depth == 0
        && window[0].is("PARALLEL")
        && ["SAFE", "RESTRICTED", "UNSAFE"].iter().any(|word| window[1].is(word))
}

fn cut_parallel(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = tokens.windows(2).position(parallel) {
        take(tokens, n, n + 2, edits);
    }
}

fn cut_include(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["INCLUDE", "("])
        && let Some(end) = close(tokens, n + 1)
    {
        take(tokens, n, end + 1, edits);
    }
}

/// Takes away statements that say how a column is compressed.
fn cut_compression(tokens: &[Token<'_>], edits: &mut Edits) {
    for statement in tokens.split_inclusive(|token| token.is_mark(b';')) {
        if at(statement, &["SET", "COMPRESSION"]).is_some()
            && let (Some(first), Some(last)) = (statement.first(), statement.last())
        {
            edits.push((first.start..last.end(), Vec::new()));
        }
    }
}

/// The lists of privileges: between GRANT, or REVOKE, and ON, also without one in what is said
/// of privileges that are not there yet.
fn privileges<'t, 'a>(statement: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    let start = statement.iter().position(|token| token.is("GRANT") || token.is("REVOKE"))? + 1;
    let start = match statement.get(start..start + 3) {
        Some([grant, option, r#for])
            if option.is("OPTION") && r#for.is("FOR") && grant.is("GRANT") =>
        {
            start + 3
        }
        _ => start,
    };
    let list = &statement[start..];
    let end = list.iter().position(|token| token.is("ON"))?;
    Some(&list[..end])
}

fn grants_maintain(tokens: &[Token<'_>]) -> bool {
    tokens
        .split_inclusive(|token| token.is_mark(b';'))
        .filter_map(privileges)
        .any(|list| list.iter().any(|token| token.depth == 0 && token.is("MAINTAIN")))
}

fn cut_maintain(tokens: &[Token<'_>], edits: &mut Edits) {
    for statement in tokens.split_inclusive(|token| token.is_mark(b';')) {
        let Some(list) = privileges(statement) else { continue };
        let Some(n) = list.iter().position(|t| t.depth == 0 && t.is("MAINTAIN")) else { continue };
        let range = match (n.checked_sub(1), list.get(n + 1)) {
            (Some(before), _) => list[before].start..list[n].end(),
            (None, Some(comma)) => list[n].start..comma.end(),
            // Nothing is left to be granted.
            (None, None) => match (statement.first(), statement.last()) {
                (Some(first), Some(last)) => first.start..last.end(),
                _ => continue,
            },
        };
        edits.push((range, Vec::new()));
    }
}

/// Takes away tokens and the blanks before them.
fn take(tokens: &[Token<'_>], from: usize, to: usize, edits: &mut Edits) {
    let start = match from.checked_sub(1) {
        Some(before) if !tokens[before].is_mark(b'(') => tokens[before].end(),
        _ => tokens[from].start,
    };
    edits.push((start..tokens[to - 1].end(), Vec::new()));
}

/// Takes away words wherever they follow each other.
fn cut(tokens: &[Token<'_>], words: &[&str], edits: &mut Edits) {
    for (n, window) in tokens.windows(words.len()).enumerate() {
        if follows(window, words) {
            take(tokens, n, n + words.len(), edits);
        }
    }
}

/// The same, except this many words at both ends.
fn cut_behind(tokens: &[Token<'_>], words: &[&str], ends: usize, edits: &mut Edits) {
    for (n, window) in tokens.windows(words.len()).enumerate() {
        if follows(window, words) {
            take(tokens, n + ends, n + words.len() - ends, edits);
        }
    }
}

/// Takes `name = value` out of a list in parentheses.
fn cut_option(tokens: &[Token<'_>], name: &str, edits: &mut Edits) {
    let Some(n) = at(tokens, &[name, "="]) else { return };
    let depth = tokens[n].depth;
    let ends =
        |t: &Token<'_>| t.is_mark(b',') && t.depth == depth || t.is_mark(b')') && t.depth < depth;
    let Some(len) = tokens[n..].iter().position(ends) else { return };
    let (end, before) = (n + len, n.checked_sub(1).map(|before| &tokens[before]));
    let range = match before {
        Some(comma) if comma.is_mark(b',') => comma.start..tokens[end - 1].end(),
        _ if tokens[end].is_mark(b',') => {
            tokens[n].start..tokens.get(end + 1).map_or(tokens[end].end(), |next| next.start)
        }
        _ => tokens[n].start..tokens[end - 1].end(),
    };
    edits.push((range, Vec::new()));
}

#[cfg(test)]
mod tests;
