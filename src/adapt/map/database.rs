//! The database that a restore with `-C` makes: its name, its template and its tablespace.

use super::{is_about_objects, literal};
use crate::sql::{Edits, Token, quote};
use crate::toc::{Desc, TocEntry};

/// What is other about the database.
#[derive(Debug, Clone, Default)]
pub(super) struct Database {
    /// The name that the archive has; empty until an archive is known.
    pub(super) old: Vec<u8>,
    pub(super) new: Option<Vec<u8>>,
    pub(super) template: Option<Vec<u8>>,
    pub(super) tablespace: Option<Vec<u8>>,
}

impl Database {
    /// Whether nothing is other.
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_none() && self.template.is_none() && self.tablespace.is_none()
    }

    /// The tag of an entry that is the database, or something about it.
    pub(super) fn tag(&self, entry: TocEntry<'_>) -> Option<Vec<u8>> {
        let (tag, new) = (entry.tag()?, self.new.as_ref()?);
        match entry.desc() {
            Desc::DATABASE | Desc::DATABASE_PROPERTIES if tag == self.old => Some(new.clone()),
            desc if is_about_objects(desc) && tag.strip_prefix(b"DATABASE ") == Some(&self.old) => {
                Some([b"DATABASE ", &new[..]].concat())
            }
            _ => None,
        }
    }

    /// Changes what a statement says of the database.
    pub(super) fn rename(&self, desc: Desc<'_>, all: &[Token<'_>], edits: &mut Edits) {
        let is_database = matches!(desc, Desc::DATABASE | Desc::DATABASE_PROPERTIES);
        if !is_database && !is_about_objects(desc) {
            return;
        }
        if desc == Desc::DATABASE && all.first().is_some_and(|token| token.is("CREATE")) {
            let end = all.iter().position(|token| token.is_mark(b';') && token.depth == 0);
            let create = &all[..end.unwrap_or(all.len())];
            put(create, "TEMPLATE", self.template.as_deref(), edits);
            put(create, "TABLESPACE", self.tablespace.as_deref(), edits);
        }
        let Some(new) = &self.new else { return };
        for (n, token) in all.iter().enumerate() {
            let at = |more: usize| all.get(n + more);
            let is_old = |name: Option<Vec<u8>>| name.as_ref() == Some(&self.old);
            if token.is("DATABASE") && token.depth == 0 {
                let exists = at(1).is_some_and(|token| token.is("IF"));
                let name = at(if exists { 3 } else { 1 });
                if let Some(name) = name.filter(|name| is_old(name.name())) {
                    edits.push((name.start..name.end(), quote(new)));
                }
            } else if token.is("DATNAME")
                && at(1).is_some_and(|token| token.is_mark(b'='))
                && let Some(name) = at(2).filter(|name| is_old(name.string()))
            {
                edits.push((name.start..name.end(), literal(new)));
            }
        }
    }
}

/// Puts a name into `CREATE DATABASE`, in the place of that which it has.
fn put(create: &[Token<'_>], option: &str, name: Option<&[u8]>, edits: &mut Edits) {
    let Some(name) = name else { return };
    // The first three are its beginning.
    let found = create.iter().skip(3).position(|token| token.is(option)).map(|n| n + 3);
    let old = found.map(|n| match create.get(n + 1) {
        Some(token) if token.is_mark(b'=') => create.get(n + 2),
        token => token,
    });
    match (old, create.last()) {
        (Some(Some(old)), _) => edits.push((old.start..old.end(), quote(name))),
        (Some(None), _) | (None, None) => {}
        (None, Some(last)) => {
            let text = [b" ", option.as_bytes(), b" = ", &quote(name)].concat();
            edits.push((last.end()..last.end(), text));
        }
    }
}
