//! What services refuse that keep the superuser of their servers to themselves.
//!
//! One table, of what needs a superuser in PostgreSQL and what a service gives to its customers
//! all the same. A service may give more tomorrow; the table errs on the side of a restore that
//! runs.

use std::str::FromStr;

use super::draft::Draft;
use super::finding;
use super::leave_out::leave_out;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::select::{Rule, Selected};
use crate::sql::{Edits, Token, replaced, tokens};
use crate::toc::{Desc, TocEntry};

/// A managed PostgreSQL service.
///
/// See the example of [`Adaptation`](super::Adaptation); [`FromStr`](std::str::FromStr) parses the names of `--for`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Amazon RDS and Aurora.
    Rds,
    /// Google Cloud SQL.
    CloudSql,
    /// Azure Database for PostgreSQL.
    Azure,
    /// Supabase.
    Supabase,
}

impl FromStr for Service {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rds" => Ok(Service::Rds),
            "cloudsql" => Ok(Service::CloudSql),
            "azure" => Ok(Service::Azure),
            "supabase" => Ok(Service::Supabase),
            _ => Err(Error::usage(format!(
                "\"{text}\" is no service that is known: rds, cloudsql, azure, supabase"
            ))),
        }
    }
}

/// How an entry shows that it is refused.
enum Sign {
    Kind,
    /// By its tag.
    Tag(&'static str),
    /// By its schema.
    Schema(&'static str),
    /// By words in its definition that follow each other.
    Words(&'static [&'static str]),
    /// By the name of a type with nothing behind it.
    Shell,
}

use Service::{Azure, CloudSql, Rds, Supabase};
use Sign::{Kind, Schema, Shell, Tag, Words};

const ALL: &[Service] = &[Rds, CloudSql, Azure, Supabase];

/// Who refuses it, the kind of entry, its sign, and why.
const REFUSED: &[(&[Service], &str, Sign, &str)] = &[
    (ALL, "EXTENSION", Tag("plpgsql"), "the extension plpgsql is there"),
    (ALL, "EXTENSION", Tag("adminpack"), "no service lets read files of the server"),
    (ALL, "EXTENSION", Tag("file_fdw"), "no service lets read files of the server"),
    (ALL, "EXTENSION", Tag("plperlu"), "no service has untrusted languages"),
    (ALL, "EXTENSION", Tag("plpython3u"), "no service has untrusted languages"),
    (ALL, "EXTENSION", Tag("plpythonu"), "no service has untrusted languages"),
    (ALL, "EXTENSION", Tag("pltclu"), "no service has untrusted languages"),
    (ALL, "COMMENT", Tag("EXTENSION "), "the service owns extensions"),
    (ALL, "COMMENT", Tag("SCHEMA public"), "the service owns the schema public"),
    (&[CloudSql, Azure], "EVENT TRIGGER", Kind, "event triggers need a superuser"),
    (
        &[Rds, CloudSql, Azure],
        "PUBLICATION",
        Words(&["FOR", "ALL", "TABLES"]),
        "publishing all tables needs a superuser",
    ),
    (
        &[Rds, CloudSql, Azure],
        "PUBLICATION TABLES IN SCHEMA",
        Kind,
        "publishing schemas needs a superuser",
    ),
    (ALL, "ACCESS METHOD", Kind, "access methods need a superuser"),
    (ALL, "FOREIGN DATA WRAPPER", Kind, "foreign data wrappers come with extensions"),
    (ALL, "PROCEDURAL LANGUAGE", Kind, "languages come with extensions"),
    (ALL, "CAST", Words(&["WITHOUT", "FUNCTION"]), "casts without a function need a superuser"),
    (ALL, "TYPE", Words(&["INPUT", "="]), "base types need a superuser"),
    (ALL, "TYPE", Shell, "base types need a superuser"),
    (ALL, "SHELL TYPE", Kind, "base types need a superuser"),
    (ALL, "TRANSFORM", Kind, "transforms need functions that only a superuser makes"),
    (ALL, "FUNCTION", Words(&["LANGUAGE", "C"]), "functions in C need a superuser"),
    (ALL, "FUNCTION", Words(&["LANGUAGE", "INTERNAL"]), "internal functions need a superuser"),
    (ALL, "AGGREGATE", Words(&["STYPE", "=", "INTERNAL"]), "internal states need a superuser"),
    (ALL, "OPERATOR CLASS", Kind, "operator classes need a superuser"),
    (ALL, "OPERATOR FAMILY", Kind, "operator families need a superuser"),
    (ALL, "TEXT SEARCH PARSER", Kind, "text search parsers need a superuser"),
    (ALL, "TEXT SEARCH TEMPLATE", Kind, "text search templates need a superuser"),
    (ALL, "ACL", Schema("pg_catalog"), "the service owns system objects"),
    (ALL, "ACL", Tag("LANGUAGE "), "the service owns languages"),
];

/// Roles that a service does not let own anything, or does not have.
const NO_OWNERS: &[(&[Service], &str)] = &[
    (&[Rds, Azure], "postgres"),
    (ALL, "rdsadmin"),
    (ALL, "cloudsqladmin"),
    (ALL, "azuresu"),
    (ALL, "azure_superuser"),
    (ALL, "supabase_admin"),
    (&[Rds, CloudSql, Azure, Supabase], "pg_database_owner"),
];

impl Service {
    /// Leaves out of a selection what the service refuses, and what depends on it; says what.
    pub(super) fn leave_out(self, selected: &mut Selected<'_>) -> Vec<Finding> {
        let std_strings = selected.toc().std_strings().unwrap_or(true);
        let refused = selected
            .entries()
            .filter_map(|entry| {
                let why = self.refuses(entry, std_strings)?;
                Some((entry, Rule::Service, why.to_owned()))
            })
            .collect();
        leave_out(selected, refused, |dependent, refused| {
            // What is there anyway takes nothing with it. A table can have another access
            // method, and its rows matter more.
            refused.tag() == Some(b"plpgsql")
                || refused.desc() == *"ACCESS METHOD"
                    && matches!(dependent.desc(), Desc::TABLE | Desc::MATERIALIZED_VIEW)
        })
    }

    /// Says an entry in words that the service takes.
    pub(super) fn change(
        self,
        draft: &mut Draft<'_>,
        std_strings: bool,
        findings: &mut Vec<Finding>,
    ) {
        let defn = draft.defn.as_deref().unwrap_or_default();
        let mut edits = Edits::new();
        match draft.entry.desc() {
            // Whoever is a member of a role can become it, but not log in as it.
            desc if desc.is_acl() => {
                for window in tokens(defn, std_strings).windows(3) {
                    let set = window[0].is("SET") || window[0].is("RESET");
                    if set && window[1].is("SESSION") && window[2].is("AUTHORIZATION") {
                        edits.push((window[1].start..window[2].end(), b"ROLE".to_vec()));
                    }
                }
            }
            Desc::FUNCTION | Desc::PROCEDURE => {
                for window in tokens(defn, std_strings).windows(2) {
                    if window[1].is("LEAKPROOF") && window[1].depth == 0 {
                        edits.push((window[0].end()..window[1].end(), Vec::new()));
                        let what = "leakproof functions need a superuser: it is none";
                        findings.push(finding(draft.entry, what));
                    }
                }
            }
            _ => {}
        }
        if !edits.is_empty() {
            draft.defn = Some(replaced(defn, edits).into());
        }
    }

    /// Whether a role of this name can own something there.
    pub(super) fn has_owner(self, role: &[u8]) -> bool {
        !NO_OWNERS
            .iter()
            .any(|(services, name)| services.contains(&self) && name.as_bytes() == role)
    }

    fn refuses(self, entry: TocEntry<'_>, std_strings: bool) -> Option<&'static str> {
        let desc = entry.desc();
        let mut words = None;
        REFUSED
            .iter()
            .find(|(services, kind, sign, _)| {
                services.contains(&self)
                    && desc == **kind
                    && match sign {
                        Kind => true,
                        Tag(tag) => has_tag(entry, tag),
                        Schema(schema) => entry.namespace() == Some(schema.as_bytes()),
                        sign => {
                            let words = words.get_or_insert_with(|| {
                                tokens(entry.defn().unwrap_or_default(), std_strings)
                            });
                            shows(words, sign)
                        }
                    }
            })
            .map(|(.., why)| *why)
    }
}

fn shows(tokens: &[Token<'_>], sign: &Sign) -> bool {
    match sign {
        Words(words) => tokens.windows(words.len()).any(|window| is(window, words)),
        Shell => !tokens.iter().any(|token| token.is("AS") || token.is_mark(b'(')),
        _ => true,
    }
}

fn is(window: &[Token<'_>], words: &[&str]) -> bool {
    window.iter().zip(words).all(|(token, word)| token.is(word) || token.text == word.as_bytes())
}

/// A whole tag, or the beginning of one that ends in a blank.
fn has_tag(entry: TocEntry<'_>, tag: &str) -> bool {
    let own = entry.tag().unwrap_or_default();
    if tag.ends_with(' ') { own.starts_with(tag.as_bytes()) } else { own == tag.as_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services() {
        assert!("rds".parse::<Service>().is_ok() && "heroku".parse::<Service>().is_err());
        assert!(!Rds.has_owner(b"postgres") && CloudSql.has_owner(b"postgres"));
    }
}
