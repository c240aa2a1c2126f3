//! Other names for roles, tablespaces and schemas.
//!
//! Fields of entries are simple. In SQL a name is changed only where its place proves what it is
//! the name of; the SQL is taken apart for that, and strings and comments are left alone but for
//! the few that are names: `'s.q'::regclass`, the sequence of `setval`, a `search_path`. What might
//! be the name of a schema and cannot be proved to be one is [unproved](super::Adapted::unproved).
//! That two schemas may become one is proved in [`unite`]. In which encoding names are is seen to in
//! [`encoding`].

mod database;
mod encoding;
mod unite;

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, Text};
use crate::sql::{Edits, Kind, RolesIn, Token, quote, replaced, roles, tokens};
use crate::toc::{Desc, Toc, TocEntry};
use database::Database;

/// New names for roles, schemas and tablespaces. Names are the bytes of the archive, or UTF-8,
/// which is converted to the encoding of the archive. If an old name is given twice, the last new
/// name counts.
///
/// ```
/// let mapping = pgdmp::adapt::Mapping::new().owner("app", "app_test").schema("public", "test");
/// let adaptation = pgdmp::adapt::Adaptation::new().mapping(mapping);
/// # let _ = adaptation;
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct Mapping {
    owners: BTreeMap<Vec<u8>, Vec<u8>>,
    tablespaces: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) schemas: BTreeMap<Vec<u8>, Vec<u8>>,
    database: Database,
}

impl Mapping {
    /// No new names.
    pub fn new() -> Self {
        Mapping::default()
    }

    /// Renames a role: as an owner, and in GRANT, REVOKE, policies and default privileges.
    pub fn owner(mut self, old: impl Into<Vec<u8>>, new: impl Into<Vec<u8>>) -> Self {
        self.owners.insert(old.into(), new.into());
        self
    }

    /// Renames a tablespace.
    pub fn tablespace(mut self, old: impl Into<Vec<u8>>, new: impl Into<Vec<u8>>) -> Self {
        self.tablespaces.insert(old.into(), new.into());
        self
    }

    /// Renames a schema.
    pub fn schema(mut self, old: impl Into<Vec<u8>>, new: impl Into<Vec<u8>>) -> Self {
        self.schemas.insert(old.into(), new.into());
        self
    }

    /// Renames the database that a restore with `-C` makes, wherever the archive names it.
    pub fn database(mut self, new: impl Into<Vec<u8>>) -> Self {
        self.database.new = Some(new.into());
        self
    }

    /// Has the database that a restore with `-C` makes be made of another template than the archive
    /// says, which is `template0`.
    pub fn database_template(mut self, template: impl Into<Vec<u8>>) -> Self {
        self.database.template = Some(template.into());
        self
    }

    /// Has the database that a restore with `-C` makes be in this tablespace, whatever the archive says.
    pub fn database_tablespace(mut self, tablespace: impl Into<Vec<u8>>) -> Self {
        self.database.tablespace = Some(tablespace.into());
        self
    }

    /// Whether no new names are set.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
            && self.tablespaces.is_empty()
            && self.schemas.is_empty()
            && self.database.is_empty()
    }

    /// Gives an entry its new names. Says where a schema may be named, and it could not be
    /// proved.
    pub(super) fn rename(&self, draft: &mut Draft<'_>, std_strings: bool) -> Vec<String> {
        let entry = draft.entry;
        let mut editor = Editor { mapping: self, entry, std_strings, unproved: Vec::new() };
        for sql in [&mut draft.defn, &mut draft.drop_stmt, &mut draft.copy_stmt] {
            if let Some(text) = sql {
                *sql = Some(editor.sql(text).into());
            }
        }
        editor.data();
        let mut unproved = editor.unproved;
        unproved.dedup();
        let rename = |names: &BTreeMap<Vec<u8>, Vec<u8>>, name: &mut Text<'_>| {
            if let Some(new) = name.as_deref().and_then(|name| names.get(name)) {
                *name = Some(new.clone().into());
            }
        };
        rename(&self.owners, &mut draft.owner);
        rename(&self.schemas, &mut draft.namespace);
        rename(&self.tablespaces, &mut draft.tablespace);
        if let Some(tag) = self.database.tag(entry) {
            draft.tag = Some(tag.into());
        } else if entry.desc() == Desc::SCHEMA {
            rename(&self.schemas, &mut draft.tag);
        } else if let Some(tag) = &draft.tag
            && !self.schemas.is_empty()
        {
            draft.tag = Some(self.tag(entry.desc(), tag).into());
        }
        unproved
    }

    /// A tag with the types of arguments, or with the name of a schema.
    fn tag(&self, desc: Desc<'_>, tag: &[u8]) -> Vec<u8> {
        const TYPES: [&str; 6] =
            ["FUNCTION ", "PROCEDURE ", "AGGREGATE ", "OPERATOR ", "CAST ", "TRANSFORM FOR "];
        // What comments and privileges are on stands before the name of that.
        let of = |kind: &str| tag.starts_with(kind.as_bytes());
        if desc.is_acl() || matches!(desc, Desc::COMMENT | Desc::SECURITY_LABEL) {
            if let Some(new) = tag.strip_prefix(b"SCHEMA ").and_then(|old| self.schemas.get(old)) {
                return [b"SCHEMA ", &new[..]].concat();
            }
            return match TYPES.iter().any(|kind| of(kind)) {
                true => self.in_name(tag, false),
                false => tag.to_vec(),
            };
        }
        let kind = [desc.as_bytes(), b" "].concat();
        match TYPES.iter().any(|typed| kind == typed.as_bytes()) || desc == *"TRANSFORM" {
            true => self.in_name(tag, false),
            false => tag.to_vec(),
        }
    }

    /// The name of an object, with the types of its arguments if it has some; or of a schema.
    fn in_name(&self, text: &[u8], namespace: bool) -> Vec<u8> {
        let inner = tokens(text, true);
        let mut edits = Edits::new();
        for (n, token) in inner.iter().enumerate() {
            let is_dot = |n: Option<usize>| {
                n.and_then(|n| inner.get(n)).is_some_and(|token| token.is_mark(b'.'))
            };
            if is_dot(n.checked_add(1)) && !is_dot(n.checked_sub(1)) || namespace {
                rename(&self.schemas, token, &mut edits);
            }
        }
        replaced(text, edits)
    }

    /// Remarks: schemas that the archive does not have.
    pub(super) fn notes(&self, toc: &Toc) -> Vec<String> {
        let created = |name: &[u8]| {
            let schema = toc.find(Desc::SCHEMA, None, name);
            schema.and_then(|schema| schema.defn()).is_some_and(|defn| defn.starts_with(b"CREATE"))
        };
        let missing = self.schemas.iter().filter(|(old, _)| !created(old));
        missing
            .map(|(old, new)| {
                format!(
                    "the archive does not create schema \"{}\": \"{}\" must be there already",
                    toc.printable(old),
                    toc.printable(new),
                )
            })
            .collect()
    }
}

/// Whether entries of a kind say something about objects that other entries make.
fn is_about_objects(desc: Desc<'_>) -> bool {
    desc.is_acl() || matches!(desc, Desc::COMMENT | Desc::SECURITY_LABEL)
}

struct Editor<'a> {
    mapping: &'a Mapping,
    entry: TocEntry<'a>,
    std_strings: bool,
    unproved: Vec<String>,
}

/// No list of schemas is longer, and a damaged archive shall not keep us busy.
const LONGEST_LIST: usize = 1000;

/// Types whose input is the name of an object.
const NAMES: &[&str] = &[
    "REGCLASS",
    "REGTYPE",
    "REGPROC",
    "REGPROCEDURE",
    "REGOPER",
    "REGOPERATOR",
    "REGCOLLATION",
    "REGCONFIG",
    "REGDICTIONARY",
    "REGNAMESPACE",
];

impl Editor<'_> {
    fn sql(&mut self, sql: &[u8]) -> Vec<u8> {
        let all = tokens(sql, self.std_strings);
        let mut edits = Edits::new();
        // Of two new names the first counts.
        self.mapping.database.rename(self.entry.desc(), &all, &mut edits);
        if !self.mapping.owners.is_empty() {
            self.roles(&all, &mut edits);
        }
        if !self.mapping.tablespaces.is_empty() {
            for window in all.windows(2) {
                // TABLESPACE [=] name
                let name = if window[0].is("TABLESPACE") { Some(&window[1]) } else { None };
                if let Some(token) = name {
                    rename(&self.mapping.tablespaces, token, &mut edits);
                }
            }
            for window in all.windows(3) {
                if window[0].is("TABLESPACE") && window[1].is_mark(b'=') {
                    rename(&self.mapping.tablespaces, &window[2], &mut edits);
                }
            }
        }
        if !self.mapping.schemas.is_empty() {
            self.schemas(&all, &mut edits);
        }
        replaced(sql, edits)
    }

    fn roles(&self, all: &[Token<'_>], edits: &mut Edits) {
        let Some(within) = names_roles(self.entry.desc()) else { return };
        for role in roles(all, within) {
            rename(&self.mapping.owners, role, edits);
        }
    }

    fn schemas(&mut self, all: &[Token<'_>], edits: &mut Edits) {
        let desc = self.entry.desc();
        let names = &self.mapping.schemas;
        let mapped = |token: &Token<'_>| token.name().is_some_and(|name| names.contains_key(&name));
        let dot = |n: Option<usize>| n.and_then(|n| all.get(n)).is_some_and(|t| t.is_mark(b'.'));
        // In a query a name before a dot may be one of a table, which then stands somewhere else
        // in the query without a dot behind it.
        let query = matches!(
            desc,
            Desc::VIEW
                | Desc::MATERIALIZED_VIEW
                | Desc::RULE
                | Desc::POLICY
                | Desc::FUNCTION
                | Desc::PROCEDURE
        );
        let declared: BTreeSet<Vec<u8>> = all
            .iter()
            .enumerate()
            .filter(|(n, token)| query && mapped(token) && !dot(n.checked_add(1)))
            .filter_map(|(_, token)| token.name())
            .collect();
        for (n, token) in all.iter().enumerate() {
            if mapped(token) {
                if is_option(all, n) {
                } else if dot(Some(n + 1)) && !dot(n.checked_sub(1)) {
                    if token.name().is_some_and(|name| declared.contains(&name)) {
                        self.doubt(format!(
                            "{} may be a schema or a table",
                            self.entry.toc().printable(token.text)
                        ));
                    }
                    rename(names, token, edits);
                } else if names_schema(desc) && self.in_schema_list(all, n) {
                    rename(names, token, edits);
                }
            }
            if let Some(text) = token.string() {
                self.string(all, n, &text, edits);
            }
        }
    }

    /// A schema in a string, which the token at `n` is.
    fn string(&mut self, all: &[Token<'_>], n: usize, text: &[u8], edits: &mut Edits) {
        let (token, desc) = (&all[n], self.entry.desc());
        let before = |back: usize| n.checked_sub(back).and_then(|n| all.get(n));
        let cast = all.get(n + 3).filter(|_| all[n + 1].is_mark(b':') && all[n + 2].is_mark(b':'));
        let cast = match (cast, all.get(n + 4), all.get(n + 5)) {
            // pg_catalog.regclass
            (Some(first), Some(dot), Some(second))
                if first.is("PG_CATALOG") && dot.is_mark(b'.') =>
            {
                Some(second)
            }
            (cast, ..) => cast,
        };
        let is_name = cast.is_some_and(|ty| NAMES.iter().any(|name| ty.is(name)))
            || desc == Desc::SEQUENCE_SET;
        let in_path = token.kind == Kind::String && self.in_search_path(all, n);
        let of_statistics = matches!(desc, Desc::STATISTICS_DATA)
            && before(2).and_then(Token::string).as_deref() == Some(b"schemaname");
        // What backslashes mean in it is not looked into.
        let plain = token.kind == Kind::Dollar
            || token.text.starts_with(b"'") && (self.std_strings || !text.contains(&b'\\'));
        let namespace = cast.is_some_and(|ty| ty.is("REGNAMESPACE"));
        if plain && (in_path || of_statistics) {
            if let Some(new) = self.mapping.schemas.get(text) {
                edits.push((token.start..token.end(), literal(new)));
            }
        } else if plain && is_name {
            let new = self.mapping.in_name(text, namespace);
            if new != text {
                edits.push((token.start..token.end(), literal(&new)));
            }
        } else if !matches!(desc, Desc::COMMENT | Desc::SECURITY_LABEL) {
            self.text(text, token.kind);
        }
    }

    /// A string that is not known to be a name: a schema in it cannot be changed.
    fn text(&mut self, text: &[u8], kind: Kind) {
        let inner = tokens(text, self.std_strings);
        let found = inner.iter().find(|token| {
            let name = token.name().or_else(|| token.string());
            name.is_some_and(|name| self.mapping.schemas.contains_key(&name))
        });
        if let Some(token) = found {
            let place = match kind {
                Kind::Dollar => "its body",
                _ => "a string in it",
            };
            self.doubt(format!("{place} says {}", self.entry.toc().printable(token.text)));
        }
    }

    /// Data that is SQL, or that names objects.
    fn data(&mut self) {
        if self.mapping.schemas.is_empty() {
            return;
        }
        let entry = self.entry;
        let own = entry.namespace().is_some_and(|own| self.mapping.schemas.contains_key(own));
        let copy = entry.copy_stmt().unwrap_or_default();
        if entry.desc() == Desc::TABLE_DATA && entry.had_dumper() && copy.is_empty() && own {
            self.doubt("its data is INSERT statements".to_owned());
        }
        if entry.desc() == Desc::TABLE {
            let all = tokens(entry.defn().unwrap_or_default(), self.std_strings);
            let column = all.windows(2).any(|window| {
                !window[0].is_mark(b':') && NAMES.iter().any(|name| window[1].is(name))
            });
            if column {
                self.doubt("it has a column with names of objects".to_owned());
            }
        }
    }

    fn doubt(&mut self, what: String) {
        self.unproved.push(what);
    }

    /// Whether a name stands in a list behind SCHEMA.
    fn in_schema_list(&self, all: &[Token<'_>], n: usize) -> bool {
        let mut n = n;
        for _ in 0..LONGEST_LIST {
            let Some(before) = n.checked_sub(1).and_then(|n| all.get(n)) else { break };
            if before.is("SCHEMA") {
                return true;
            }
            if !before.is_mark(b',') || n < 2 {
                return false;
            }
            n -= 2;
        }
        false
    }

    /// Whether a string stands in `SET search_path TO 'a', 'b'`.
    fn in_search_path(&self, all: &[Token<'_>], n: usize) -> bool {
        let mut n = n;
        for _ in 0..LONGEST_LIST {
            let Some(before) = n.checked_sub(1).and_then(|n| all.get(n)) else { break };
            if before.is("TO") || before.is_mark(b'=') {
                return n >= 3 && all[n - 2].is("SEARCH_PATH") && all[n - 3].is("SET");
            }
            if !before.is_mark(b',') || n < 2 {
                return false;
            }
            n -= 2;
        }
        false
    }
}

/// Whether a name before a dot is the class of a setting (`SET my.setting TO`) or of an option of
/// storage (`WITH (toast.autovacuum_enabled = …)`), and not a schema.
fn is_option(all: &[Token<'_>], n: usize) -> bool {
    let before = |n: usize| n.checked_sub(1).and_then(|n| all.get(n).map(|token| (n, token)));
    let Some((mut at, mut token)) = before(n) else { return false };
    if token.is("SET") {
        return true;
    }
    if !all.get(n + 1).is_some_and(|token| token.is_mark(b'.')) {
        return false;
    }
    for _ in 0..LONGEST_LIST {
        if token.is_mark(b'(') {
            return before(at).is_some_and(|(_, word)| word.is("WITH") || word.is("SET"));
        }
        let Some(previous) = before(at) else { break };
        (at, token) = previous;
        if token.depth < all[n].depth && !token.is_mark(b'(') {
            break;
        }
    }
    false
}

/// How the definition of an entry names roles, if it does.
pub(crate) fn names_roles(desc: Desc<'_>) -> Option<RolesIn> {
    Some(match desc {
        _ if desc.is_acl() => RolesIn::Privileges,
        Desc::POLICY => RolesIn::Policy,
        Desc::DATABASE => RolesIn::Database,
        Desc::DATABASE_PROPERTIES => RolesIn::DatabaseProperties,
        Desc::SCHEMA => RolesIn::Schema,
        Desc::USER_MAPPING => RolesIn::UserMapping,
        _ => return None,
    })
}

/// Kinds in whose SQL the word SCHEMA stands before the name of one.
fn names_schema(desc: Desc<'_>) -> bool {
    desc.is_acl()
        || matches!(
            desc,
            Desc::SCHEMA
                | Desc::COMMENT
                | Desc::SECURITY_LABEL
                | Desc::PUBLICATION_TABLES_IN_SCHEMA
        )
        || desc == *"EXTENSION"
}

fn rename(names: &BTreeMap<Vec<u8>, Vec<u8>>, token: &Token<'_>, edits: &mut Edits) {
    if let Some(new) = token.name().and_then(|name| names.get(&name)) {
        edits.push((token.start..token.end(), quote(new)));
    }
}

/// A string; names with a backslash are the same under both readings of it.
fn literal(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'\''];
    for byte in text {
        if *byte == b'\'' {
            out.push(b'\'');
        }
        out.push(*byte);
    }
    out.push(b'\'');
    out
}

#[cfg(test)]
mod tests;
