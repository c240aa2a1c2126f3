//! The features of PostgreSQL since 9.4, and what older servers get instead.
//!
//! One table: since which release there is something, how a definition shows that it uses it, and
//! what becomes of that. The facts are from the release notes of PostgreSQL. How SQL is looked at and
//! changed: `spelling`.

pub(super) mod spelling;

use spelling::*;

use super::release::TargetVersion;
use crate::sql::{Edits, Token};

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
    /// By the names of a system catalog and of one of its columns.
    Column(&'static str, &'static str),
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
use Sign::{Column, Kind, Look, Top, Words};

const RELATIONS: &[&str] = &["TABLE", "FOREIGN TABLE"];
const KEYS: &[&str] = &["CONSTRAINT", "FK CONSTRAINT", "CHECK CONSTRAINT"];
const INDEXES: &[&str] = &["INDEX", "CONSTRAINT"];
const VIEWS: &[&str] = &["VIEW", "MATERIALIZED VIEW"];
const QUERIES: &[&str] = &["VIEW", "MATERIALIZED VIEW", "RULE", "FUNCTION", "PROCEDURE"];
const ROUTINES: &[&str] = &["FUNCTION", "PROCEDURE"];
/// What names types.
const TYPED: &[&str] = &[
    "TABLE",
    "FOREIGN TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "RULE",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
    "OPERATOR",
    "CAST",
    "TYPE",
    "DOMAIN",
];
const DATABASE: &[&str] = &["DATABASE"];
const SUBSCRIPTION: &[&str] = &["SUBSCRIPTION"];
const GONE: &str = "it is left away";
const ODD_SCALE: &str = "numeric with a scale below zero or above the precision";
const UNICODE_FAST: &str = "the builtin locale PG_UNICODE_FAST";

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
    only((18, 0), &["COLLATION"], Words(&["LOCALE", "=", "'PG_UNICODE_FAST'"]), UNICODE_FAST),
    other(
        (18, 0),
        DATABASE,
        Words(&["BUILTIN_LOCALE", "=", "'PG_UNICODE_FAST'"]),
        UNICODE_FAST,
        Say(other_builtin_locale, "C.UTF-8 takes its place"),
    ),
    only((18, 0), VIEWS, Column("PG_CLASS", "RELALLFROZEN"), "pg_class.relallfrozen"),
    only((18, 0), VIEWS, Column("PG_CONSTRAINT", "CONENFORCED"), "pg_constraint.conenforced"),
    only((18, 0), VIEWS, Column("PG_CONSTRAINT", "CONPERIOD"), "pg_constraint.conperiod"),
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
    only((17, 0), VIEWS, Column("PG_DATABASE", "DATLOCALE"), "pg_database.datlocale"),
    only((17, 0), VIEWS, Column("PG_COLLATION", "COLLLOCALE"), "pg_collation.colllocale"),
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
    other(
        (16, 0),
        QUERIES,
        Look(|t| serialized(t).any(|end| is_not_indented(t, end))),
        "XMLSERIALIZE with NO INDENT",
        Reword(cut_no_indent),
    ),
    other(
        (16, 0),
        QUERIES,
        Look(|t| serialized(t).any(|_| true)),
        "XMLSERIALIZE with INDENT",
        Say(cut_indent, "its result has no line ends"),
    ),
    only((16, 0), VIEWS, Words(&["PG_STAT_IO"]), "pg_stat_io"),
    only(
        (16, 0),
        VIEWS,
        Column("PG_AUTH_MEMBERS", "INHERIT_OPTION"),
        "pg_auth_members.inherit_option",
    ),
    only((16, 0), VIEWS, Column("PG_AUTH_MEMBERS", "SET_OPTION"), "pg_auth_members.set_option"),
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
        (15, 0),
        &["TABLE", "FOREIGN TABLE", "TYPE", "DOMAIN"],
        Look(|t| odd_scales(t).any(|_| true)),
        ODD_SCALE,
        Say(cut_odd_scales, "the precision and the scale are left away"),
    ),
    only((15, 0), QUERIES, Look(|t| odd_scales(t).any(|_| true)), ODD_SCALE),
    other(
        (15, 0),
        &["SEQUENCE"],
        Look(|t| logged(t, &["LOGGED", "UNLOGGED"]).is_some()),
        "identity columns with logged or unlogged sequences",
        Reword(|t, e| {
            logged(t, &["LOGGED", "UNLOGGED"]).into_iter().for_each(|n| take(t, n, n + 1, e))
        }),
    ),
    only((15, 0), VIEWS, Column("PG_DATABASE", "DATLOCPROVIDER"), "pg_database.datlocprovider"),
    only((15, 0), VIEWS, Column("PG_INDEX", "INDNULLSNOTDISTINCT"), "pg_index.indnullsnotdistinct"),
    only((14, 0), VIEWS, Column("PG_ATTRIBUTE", "ATTCOMPRESSION"), "pg_attribute.attcompression"),
    only((14, 0), VIEWS, Column("PG_TYPE", "TYPSUBSCRIPT"), "pg_type.typsubscript"),
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
    only((14, 0), TYPED, Look(names_multirange), "multiranges"),
    only((14, 0), &["PROCEDURE"], Look(gives_out), "procedures with OUT arguments"),
    only(
        (14, 0),
        &["INDEX"],
        Look(has_new_brin_class),
        "operator classes bloom and minmax_multi of BRIN indexes",
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
    const ONE: &[&str] = &[
        "the ",
        "pg_",
        "MERGE",
        "IS ",
        "JSON",
        "LOCALE",
        "NULLS",
        "NOT ",
        "EXECUTE",
        "XML",
        "numeric ",
        "row security",
    ];
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
            Column(catalog, column) => {
                [catalog, column].into_iter().all(|name| tokens.iter().any(|token| token.is(name)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
