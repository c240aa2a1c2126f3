//! What a restore needs of its server, and what it makes there.
//!
//! [`Needs`] runs the rules of a restore without any data and looks at the statements: so it honours
//! the selection and all options, and knows no more of either than the rules do. Whether the server
//! has what is needed is for others to ask.

mod object;

use std::collections::BTreeMap;

use crate::adapt::names_roles;
use crate::error::Result;
use crate::script::{Outcome, Purpose, Restore, ScriptOptions, Sink, Statement, Step};
use crate::select::Selected;
use crate::sql::{RolesIn, Token, roles, tokens};
use crate::toc::{Desc, DumpId, Format, TocEntry};

pub use object::{Object, ObjectKind};

/// What a restore needs of its server, and what it makes there. All names are bytes in the encoding of
/// the archive, not quoted.
///
/// ```
/// use pgdmp::needs::{Needed, Needs};
/// use pgdmp::script::ScriptOptions;
/// use pgdmp::{Archive, Selection};
///
/// let archive = Archive::open("fixtures/pg18/core-custom.dump")?;
/// let selected = Selection::new().apply(archive.toc())?;
/// let needs = Needs::of(&selected, &ScriptOptions::new())?;
/// assert!(needs.of_kind(Needed::Owner).any(|(name, entries)| name == b"postgres" && entries.len() > 1));
/// let needs = Needs::of(&selected, &ScriptOptions::new().no_owner(true))?;
/// assert_eq!(needs.of_kind(Needed::Owner).count(), 0);
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Needs {
    needs: BTreeMap<(Needed, Vec<u8>), Vec<DumpId>>,
    /// What the restore makes, in its order.
    pub objects: Vec<Object>,
    /// The tables that rows are restored into, of the kind [`ObjectKind::Relation`], under the entries
    /// of their rows.
    pub rows: Vec<Object>,
    /// The database that the restore makes (`-C`), or the one whose properties it sets.
    pub database: Option<NewDatabase>,
    /// Statements that drop something (`-c`).
    pub drops: u64,
}

/// What can be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Needed {
    /// A role that objects are given to, or that makes them.
    Owner,
    /// A role that is named in privileges, policies, user mappings and the like.
    Role,
    /// An extension, which the server must be able to create; also of a language without a handler,
    /// which before PostgreSQL 13 the server may have known without one.
    Extension,
    /// A tablespace.
    Tablespace,
    /// An access method of tables or indexes.
    AccessMethod,
    /// A language of functions.
    Language,
    /// A schema that something is made in, or rows are restored into.
    Schema,
}

/// A database that a restore makes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewDatabase {
    /// Its name.
    pub name: Vec<u8>,
    /// PostgreSQL's name of its encoding, if its definition says it.
    pub encoding: Option<Vec<u8>>,
    /// The locales that its definition names: of the operating system, unless
    /// [`provider`](Self::provider) says otherwise.
    pub locales: Vec<Vec<u8>>,
    /// `LOCALE_PROVIDER`, if its definition says it.
    pub provider: Option<Vec<u8>>,
    /// Its entry.
    pub entry: DumpId,
}

impl Needs {
    /// What is needed to restore a selection with these options.
    ///
    /// # Errors
    ///
    /// Entries that set up the session are not what they should be; an archive that was opened without
    /// its statements.
    pub fn of(selected: &Selected<'_>, options: &ScriptOptions) -> Result<Needs> {
        let mut collector = Collector {
            needs: Needs::default(),
            std_strings: selected.toc().std_strings()?,
            user: Vec::new(),
            tablespace: Vec::new(),
            access_method: Vec::new(),
        };
        let restore = Restore::new().options(options.clone());
        // Data is not asked for, so that the format does not matter.
        let mut share = restore.share_without_data(Format::Custom, selected, &mut collector)?;
        share.begin()?;
        for (entry, decision) in selected.all() {
            let mut wanted = decision.wanted;
            wanted.data &= !entry.had_dumper();
            if wanted.is_listed() {
                share.entry(entry, wanted, false)?;
            }
        }
        drop(share);
        let mut needs = collector.needs;
        for (entry, decision) in selected.all() {
            if decision.wanted.data && entry.had_dumper() && entry.desc() == Desc::TABLE_DATA {
                needs.rows.push(Object::table_of_rows(&entry));
                if let Some(schema) = entry.namespace() {
                    needs.add(Needed::Schema, schema, &entry);
                }
            }
        }
        Ok(needs)
    }

    /// What is needed of a kind, in the order of names, and the entries that need it, in the order of
    /// the restore.
    pub fn of_kind(&self, kind: Needed) -> impl Iterator<Item = (&[u8], &[DumpId])> {
        let all = self.needs.range((kind, Vec::new())..);
        all.take_while(move |((of, _), _)| *of == kind)
            .map(|((_, name), entries)| (&name[..], &entries[..]))
    }

    fn add(&mut self, kind: Needed, name: &[u8], entry: &TocEntry<'_>) {
        if name.is_empty() {
            return;
        }
        let entries = self.needs.entry((kind, name.to_vec())).or_default();
        if entries.last() != Some(&entry.dump_id()) {
            entries.push(entry.dump_id());
        }
    }
}

/// Looks at the statements of a restore.
struct Collector {
    needs: Needs,
    std_strings: bool,
    /// What the session is set to.
    user: Vec<u8>,
    tablespace: Vec<u8>,
    access_method: Vec<u8>,
}

impl Sink for Collector {
    fn step(&mut self, step: &Step<'_>) -> Result<Outcome> {
        match step {
            Step::Statement(statement) => self.statement(statement),
            // A new session begins.
            Step::Connect { .. } => {
                self.user.clear();
                self.tablespace.clear();
                self.access_method.clear();
            }
            _ => {}
        }
        Ok(Outcome::Done)
    }
}

impl Collector {
    fn statement(&mut self, statement: &Statement<'_>) {
        let Some(entry) = statement.entry else { return };
        match statement.purpose {
            Purpose::Setting { name, value } => {
                let value = value.unwrap_or_default().to_vec();
                match name {
                    "session_authorization" => {
                        self.needs.add(Needed::Owner, &value, &entry);
                        self.user = value;
                    }
                    "default_tablespace" => self.tablespace = value,
                    "default_table_access_method" => self.access_method = value,
                    _ => {}
                }
            }
            Purpose::Drop => self.needs.drops += 1,
            Purpose::Owner => {
                self.needs.add(Needed::Owner, entry.owner().unwrap_or_default(), &entry);
            }
            Purpose::AccessMethod => {
                self.needs.add(Needed::AccessMethod, entry.table_am().unwrap_or_default(), &entry);
            }
            Purpose::Privileges => self.roles(&entry, statement.text),
            Purpose::Definition => self.definition(&entry, statement.text),
            _ => {}
        }
    }

    fn roles(&mut self, entry: &TocEntry<'_>, sql: &[u8]) {
        if let Some(within) = names_roles(entry.desc()) {
            self.roles_within(entry, &tokens(sql, self.std_strings), within);
        }
    }

    fn roles_within(&mut self, entry: &TocEntry<'_>, all: &[Token<'_>], within: RolesIn) {
        const SPECIAL: [&str; 5] =
            ["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER", "USER", "DEFAULT"];
        for role in roles(all, within) {
            if SPECIAL.iter().any(|word| role.is(word)) {
                continue;
            }
            // After SET SESSION AUTHORIZATION it stands in a string.
            if let Some(name) = role.name().or_else(|| role.string())
                && name != b"public"
            {
                self.needs.add(Needed::Role, &name, entry);
            }
        }
    }

    fn definition(&mut self, entry: &TocEntry<'_>, sql: &[u8]) {
        let desc = entry.desc();
        if !self.user.is_empty() {
            let user = std::mem::take(&mut self.user);
            self.needs.add(Needed::Owner, &user, entry);
            self.user = user;
        }
        if entry.tablespace().is_some_and(|name| !name.is_empty()) {
            self.needs.add(Needed::Tablespace, &self.tablespace, entry);
        }
        if entry.table_am().is_some_and(|name| !name.is_empty()) {
            self.needs.add(Needed::AccessMethod, &self.access_method, entry);
        }
        let is_remark = sql.starts_with(b"--");
        if let Some(object) = Object::made_by(entry, sql, self.std_strings).filter(|_| !is_remark) {
            if let Some(schema) = &object.schema {
                self.needs.add(Needed::Schema, schema, entry);
            }
            self.needs.objects.push(object);
        }
        match desc {
            Desc::POLICY | Desc::USER_MAPPING | Desc::DATABASE_PROPERTIES => self.roles(entry, sql),
            Desc::SCHEMA if !is_remark => self.roles(entry, sql),
            Desc::DATABASE => {
                self.roles(entry, sql);
                self.database(entry, sql);
            }
            Desc::FUNCTION | Desc::PROCEDURE => {
                let all = tokens(sql, self.std_strings);
                let after = after(&all, |token| token.is("LANGUAGE") && token.depth == 0);
                if let Some(name) = after.and_then(|token| token.name().or_else(|| token.string()))
                {
                    self.needs.add(Needed::Language, &name, entry);
                }
            }
            Desc::INDEX | Desc::CONSTRAINT => self.index_method(entry, sql),
            _ if desc == *"OPERATOR CLASS" || desc == *"OPERATOR FAMILY" => {
                self.index_method(entry, sql);
            }
            // Without a handler it comes with an extension of its name.
            _ if desc == *"PROCEDURAL LANGUAGE" && !has_handler(sql, self.std_strings) => {
                self.needs.add(Needed::Extension, entry.tag().unwrap_or_default(), entry);
            }
            _ if desc == *"EXTENSION" => {
                self.needs.add(Needed::Extension, entry.tag().unwrap_or_default(), entry);
            }
            _ => {}
        }
    }

    fn index_method(&mut self, entry: &TocEntry<'_>, sql: &[u8]) {
        let all = tokens(sql, self.std_strings);
        let first = after(&all, |token| token.is("USING") && token.depth == 0);
        // ALTER TABLE … REPLICA IDENTITY USING INDEX …
        if let Some(name) = first.filter(|token| !token.is("INDEX")).and_then(Token::name) {
            self.needs.add(Needed::AccessMethod, &name, entry);
        }
    }

    fn database(&mut self, entry: &TocEntry<'_>, sql: &[u8]) {
        let all = tokens(sql, self.std_strings);
        let option = |word: &str| {
            let at = all.iter().position(|token| token.is(word))?;
            let value = all.get(at + 1).filter(|token| !token.is_mark(b'='));
            let value = value.or_else(|| all.get(at + 2))?;
            value.string().or_else(|| value.name())
        };
        if let Some(tablespace) = option("TABLESPACE") {
            self.needs.add(Needed::Tablespace, &tablespace, entry);
        }
        let locales = ["LOCALE", "LC_COLLATE", "LC_CTYPE"].into_iter().filter_map(option);
        self.needs.database = Some(NewDatabase {
            name: entry.tag().unwrap_or_default().to_vec(),
            encoding: option("ENCODING"),
            locales: locales.collect(),
            provider: option("LOCALE_PROVIDER"),
            entry: entry.dump_id(),
        });
    }
}

fn has_handler(sql: &[u8], std_strings: bool) -> bool {
    tokens(sql, std_strings).iter().any(|token| token.is("HANDLER"))
}

/// What stands behind the first token that is wanted.
fn after<'t, 'a>(
    all: &'t [Token<'a>],
    wanted: impl Fn(&Token<'a>) -> bool,
) -> Option<&'t Token<'a>> {
    let at = all.iter().position(wanted)?;
    all.get(at + 1)
}

#[cfg(test)]
mod tests;
