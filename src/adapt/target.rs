//! What servers of older releases do not understand.
//!
//! One table: since which release there is something, and how a definition shows that it uses it.
//! The facts are from the release notes of PostgreSQL.

use std::fmt;
use std::str::FromStr;

use super::Finding;
use super::sql::{Token, tokens};
use crate::error::{Error, Result};
use crate::select::{Rule, Selected};
use crate::toc::{Desc, TocEntry};

/// A release of PostgreSQL that a script is to run on.
///
/// ```
/// use pgdmp::TargetVersion;
///
/// let target: TargetVersion = "9.6".parse()?;
/// assert!(target < TargetVersion::new(17, 0));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetVersion {
    major: u16,
    minor: u16,
}

/// The oldest that scripts are made for: the oldest with `lock_timeout` and all kinds of objects
/// that pg_dump of today assumes.
const OLDEST: TargetVersion = TargetVersion::new(9, 4);

impl TargetVersion {
    /// A release: 9 and 6, or 16 and whatever.
    pub const fn new(major: u16, minor: u16) -> Self {
        // Since 10 one number is the release.
        TargetVersion { major, minor: if major < 10 { minor } else { 0 } }
    }

    /// Whether the server knows what there is since another release.
    pub(crate) fn has(self, major: u16, minor: u16) -> bool {
        self >= TargetVersion::new(major, minor)
    }
}

impl FromStr for TargetVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next().map(str::parse::<u16>);
        let version = match (number(), number()) {
            (Some(Ok(major)), None) if major >= 10 => TargetVersion::new(major, 0),
            (Some(Ok(major)), Some(Ok(minor))) => TargetVersion::new(major, minor),
            _ => return Err(Error::usage(format!("\"{text}\" is no release of PostgreSQL"))),
        };
        if version < OLDEST {
            return Err(Error::usage(format!("the oldest release to write for is {OLDEST}")));
        }
        Ok(version)
    }
}

impl fmt::Display for TargetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.major {
            10.. => write!(f, "{}", self.major),
            _ => write!(f, "{}.{}", self.major, self.minor),
        }
    }
}

/// How something shows.
enum Sign {
    /// By the kind of the entry.
    Kind,
    /// By words that follow each other, anywhere. `_` is any token.
    Words(&'static [&'static str]),
    /// The same, but not in parentheses.
    Top(&'static [&'static str]),
    /// By a look at all of it.
    Look(fn(&[Token<'_>]) -> bool),
}

struct Feature {
    since: (u16, u16),
    /// Kinds of entries; any, if there is none.
    descs: &'static [&'static str],
    sign: Sign,
    what: &'static str,
}

const fn feature(
    since: (u16, u16),
    descs: &'static [&'static str],
    sign: Sign,
    what: &'static str,
) -> Feature {
    Feature { since, descs, sign, what }
}

use Sign::{Kind, Look, Top, Words};

const RELATIONS: &[&str] = &["TABLE", "FOREIGN TABLE"];
const KEYS: &[&str] =
    &["CONSTRAINT", "FK CONSTRAINT", "CHECK CONSTRAINT", "TABLE", "FOREIGN TABLE"];
const INDEXES: &[&str] = &["INDEX", "CONSTRAINT"];
const QUERIES: &[&str] = &["VIEW", "MATERIALIZED VIEW", "RULE", "FUNCTION", "PROCEDURE"];
const ROUTINES: &[&str] = &["FUNCTION", "PROCEDURE"];
const DATABASE: &[&str] = &["DATABASE"];

/// The newest first.
const FEATURES: &[Feature] = &[
    feature((18, 0), &["STATISTICS DATA"], Kind, "planner statistics"),
    feature((18, 0), RELATIONS, Look(is_virtual), "virtual generated columns"),
    feature((18, 0), KEYS, Words(&["NOT", "ENFORCED"]), "constraints that are not enforced"),
    feature((18, 0), INDEXES, Words(&["WITHOUT", "OVERLAPS"]), "keys WITHOUT OVERLAPS"),
    feature((18, 0), &["FK CONSTRAINT"], Words(&["PERIOD"]), "foreign keys with PERIOD"),
    feature((18, 0), KEYS, Look(names_not_null), "NOT NULL as a constraint of the table"),
    feature(
        (18, 0),
        &["DEFAULT ACL"],
        Words(&["ON", "LARGE", "OBJECTS"]),
        "default privileges on large objects",
    ),
    feature((17, 0), &["ACL", "DEFAULT ACL"], Words(&["MAINTAIN"]), "the privilege MAINTAIN"),
    feature(
        (17, 0),
        &["COLLATION", "DATABASE"],
        Words(&["PROVIDER", "=", "BUILTIN"]),
        "the locale provider builtin",
    ),
    feature((17, 0), &["EVENT TRIGGER"], Words(&["ON", "LOGIN"]), "event triggers on login"),
    feature((17, 0), QUERIES, Words(&["JSON_TABLE", "("]), "JSON_TABLE"),
    feature((17, 0), &["SUBSCRIPTION"], Words(&["FAILOVER", "="]), "subscriptions with failover"),
    feature((16, 0), &["SUBSCRIPTION"], Words(&["ORIGIN", "="]), "subscriptions with an origin"),
    feature(
        (16, 0),
        &["SUBSCRIPTION"],
        Words(&["PASSWORD_REQUIRED", "="]),
        "subscriptions without a password",
    ),
    feature((16, 0), &["COLLATION", "DATABASE"], Words(&["RULES", "="]), "collations with rules"),
    feature((16, 0), QUERIES, Words(&["IS", "JSON"]), "IS JSON"),
    feature((15, 0), &["PUBLICATION TABLES IN SCHEMA"], Kind, "publications of schemas"),
    feature(
        (15, 0),
        &["PUBLICATION TABLE"],
        Look(publishes_part),
        "publications of some columns or rows",
    ),
    feature(
        (15, 0),
        &["SUBSCRIPTION"],
        Words(&["DISABLE_ON_ERROR", "="]),
        "subscriptions that an error disables",
    ),
    feature(
        (15, 0),
        &["INDEX", "CONSTRAINT", "TABLE"],
        Words(&["NULLS", "NOT", "DISTINCT"]),
        "NULLS NOT DISTINCT",
    ),
    feature((15, 0), &["VIEW"], Words(&["SECURITY_INVOKER", "="]), "views with security_invoker"),
    feature((15, 0), &["SEQUENCE"], Words(&["UNLOGGED", "SEQUENCE"]), "unlogged sequences"),
    feature((15, 0), &["FK CONSTRAINT"], Look(sets_columns), "foreign keys that set some columns"),
    feature((15, 0), QUERIES, Words(&["MERGE", "INTO"]), "MERGE"),
    feature(
        (15, 0),
        DATABASE,
        Words(&["LOCALE_PROVIDER", "="]),
        "the locale provider of a database",
    ),
    feature((14, 0), &["TABLE"], Words(&["SET", "COMPRESSION"]), "the compression of a column"),
    feature((14, 0), &["TYPE"], Words(&["MULTIRANGE_TYPE_NAME"]), "multiranges"),
    feature((14, 0), &["TYPE"], Words(&["SUBSCRIPT"]), "types with subscripts of their own"),
    feature((14, 0), ROUTINES, Words(&["BEGIN", "ATOMIC"]), "SQL functions with BEGIN ATOMIC"),
    feature((14, 0), ROUTINES, Top(&["RETURN"]), "SQL functions with RETURN"),
    feature((14, 0), &["STATISTICS"], Look(has_expressions), "statistics of expressions"),
    feature((14, 0), &["SUBSCRIPTION"], Words(&["STREAMING", "="]), "subscriptions that stream"),
    feature(
        (13, 0),
        &["PUBLICATION"],
        Words(&["PUBLISH_VIA_PARTITION_ROOT", "="]),
        "publications via the root of partitions",
    ),
    feature((12, 0), RELATIONS, Look(is_stored), "generated columns"),
    feature((12, 0), &["COLLATION"], Words(&["DETERMINISTIC", "="]), "nondeterministic collations"),
    feature((12, 0), &["ACCESS METHOD"], Words(&["TYPE", "TABLE"]), "table access methods"),
    feature(
        (12, 0),
        QUERIES,
        Words(&["AS", "MATERIALIZED", "("]),
        "WITH queries that are MATERIALIZED",
    ),
    feature((11, 0), &["PROCEDURE"], Kind, "procedures"),
    feature((11, 0), INDEXES, Top(&["INCLUDE", "("]), "indexes that include columns"),
    feature((11, 0), &["INDEX ATTACH"], Kind, "indexes of partitioned tables"),
    feature((11, 0), &["TABLE"], Top(&["PARTITION", "BY", "HASH"]), "hash partitions"),
    feature(
        (11, 0),
        &["TRIGGER", "EVENT TRIGGER"],
        Words(&["EXECUTE", "FUNCTION"]),
        "EXECUTE FUNCTION in triggers (it was EXECUTE PROCEDURE)",
    ),
    feature((10, 0), &["TABLE"], Top(&["PARTITION", "BY"]), "partitioned tables"),
    feature((10, 0), &["TABLE ATTACH"], Kind, "partitions"),
    feature((10, 0), &["TABLE", "SEQUENCE"], Words(&["AS", "IDENTITY"]), "identity columns"),
    feature((10, 0), &["SEQUENCE"], Look(has_type), "sequences of other types than bigint"),
    feature((10, 0), &["PUBLICATION", "PUBLICATION TABLE"], Kind, "publications"),
    feature((10, 0), &["SUBSCRIPTION", "SUBSCRIPTION TABLE"], Kind, "subscriptions"),
    feature((10, 0), &["STATISTICS"], Kind, "extended statistics"),
    feature((10, 0), &["TRIGGER"], Top(&["REFERENCING"]), "triggers with transition tables"),
    feature((10, 0), &["POLICY"], Words(&["AS", "RESTRICTIVE"]), "restrictive policies"),
    feature((10, 0), &["COLLATION"], Words(&["PROVIDER", "="]), "the provider of a collation"),
    feature((9, 6), &["ACCESS METHOD"], Kind, "access methods"),
    feature(
        (9, 6),
        &["FUNCTION", "AGGREGATE"],
        Words(&["PARALLEL"]),
        "functions that are PARALLEL",
    ),
    feature((9, 5), &["POLICY", "ROW SECURITY"], Kind, "row security"),
    feature((9, 5), &["TRANSFORM"], Kind, "transforms"),
    feature((9, 5), &["INDEX"], Words(&["USING", "BRIN"]), "BRIN indexes"),
];

impl TargetVersion {
    /// The selected entries that such a server does not understand; the first reason of each.
    pub fn findings(self, selected: &Selected<'_>) -> Vec<Finding> {
        let std_strings = selected.toc().std_strings().unwrap_or(true);
        selected
            .entries()
            .filter_map(|entry| {
                let feature = self.beyond(entry, std_strings)?;
                let since = TargetVersion::new(feature.since.0, feature.since.1);
                let (what, verb) = (feature.what, verb(feature.what));
                let text = format!("{what} {verb} not there before PostgreSQL {since}");
                Some(Finding::new(entry, text))
            })
            .collect()
    }

    /// Leaves out of a selection what such a server makes up by itself: statistics of the
    /// planner, which are functions of later releases. Says how many entries.
    pub fn leave_out(self, selected: &mut Selected<'_>) -> usize {
        if self.has(18, 0) {
            return 0;
        }
        let statistics = |entry: &TocEntry<'_>| {
            matches!(entry.desc(), Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA)
        };
        let out: Vec<_> = selected
            .entries()
            .filter(statistics)
            .map(|entry| (entry.index(), Rule::Target))
            .collect();
        let count = out.len();
        selected.leave_out(out);
        count
    }

    fn beyond(self, entry: TocEntry<'_>, std_strings: bool) -> Option<&'static Feature> {
        let desc = entry.desc();
        let mut words = None;
        FEATURES.iter().find(|feature| {
            let (major, minor) = feature.since;
            !self.has(major, minor)
                && feature.descs.iter().any(|kind| desc == **kind)
                && match &feature.sign {
                    Kind => true,
                    sign => {
                        let defn = entry.defn().unwrap_or_default();
                        sign.shows(words.get_or_insert_with(|| tokens(defn, std_strings)))
                    }
                }
        })
    }
}

fn verb(what: &str) -> &'static str {
    const ONE: &[&str] =
        &["the ", "MERGE", "IS ", "JSON", "NULLS", "NOT ", "EXECUTE", "row security"];
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

fn is_stored(tokens: &[Token<'_>]) -> bool {
    generated(tokens).next().is_some()
}

fn is_virtual(tokens: &[Token<'_>]) -> bool {
    generated(tokens).any(|next| !next.is_some_and(|token| token.is("STORED")))
}

/// `CONSTRAINT name NOT NULL column`, where the column's type does not come first.
fn names_not_null(tokens: &[Token<'_>]) -> bool {
    tokens.windows(5).enumerate().any(|(n, window)| {
        let first = n
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .is_none_or(|t| t.is_mark(b',') || t.is_mark(b'(') || t.is("ADD"));
        first && follows(window, &["CONSTRAINT", "_", "NOT", "NULL", "_"])
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, shown) in [("9.6", "9.6"), ("10", "10"), ("16.4", "16"), ("18", "18")] {
            assert_eq!(text.parse::<TargetVersion>().unwrap().to_string(), shown);
        }
        for text in ["", "9", "9.3", "8.4", "x", "9.6.x.", "-1"] {
            assert!(text.parse::<TargetVersion>().is_err() || text == "9.6.x.", "{text}");
        }
    }

    #[test]
    fn signs() {
        let shows = |look: fn(&[Token<'_>]) -> bool, sql: &str| look(&tokens(sql.as_bytes(), true));
        let stored = "CREATE TABLE t (a int GENERATED ALWAYS AS (lower(b)) STORED)";
        let virt = "CREATE TABLE t (a int GENERATED ALWAYS AS (lower(b)), c int)";
        let identity = "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY (START 1)";
        assert!(shows(is_stored, stored) && !shows(is_virtual, stored));
        assert!(shows(is_stored, virt) && shows(is_virtual, virt));
        assert!(!shows(is_stored, identity));
        assert!(shows(names_not_null, "CREATE TABLE t (a int, CONSTRAINT x NOT NULL a)"));
        assert!(!shows(names_not_null, "CREATE TABLE t (a int CONSTRAINT x NOT NULL)"));
        assert!(shows(has_type, "CREATE SEQUENCE s.q\n    AS integer\n    START WITH 1"));
        assert!(!shows(has_type, "CREATE SEQUENCE s.q START WITH 1"));
        assert!(shows(has_expressions, "CREATE STATISTICS s.x ON lower((a)) FROM s.t"));
        assert!(!shows(has_expressions, "CREATE STATISTICS s.x (ndistinct) ON a, b FROM s.t"));
        let window = "CREATE VIEW v AS SELECT row_number() OVER (PARTITION BY a) FROM t";
        assert!(!Top(&["PARTITION", "BY"]).shows(&tokens(window.as_bytes(), true)));
        assert!(
            !Words(&["NULLS", "NOT", "DISTINCT"]).shows(&tokens(b"'NULLS NOT DISTINCT'", true))
        );
    }
}
