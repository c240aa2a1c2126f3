//! Which relation an entry is a part of.

use super::{Desc, TocEntry};
use crate::sql::{Token, tokens};

/// The relation (or domain) that a constraint, default, trigger, rule or policy is of.
///
/// No entry says so in a field of its own. The statement does where it alters the relation; else the
/// tag, which begins with the relation's name (since the minor releases of August 2016; before, it
/// is that of the part alone); else it is the only relation that the part depends on. A foreign key
/// depends on both of its tables, in any order.
pub(crate) fn relation_of<'a>(part: TocEntry<'a>) -> Option<TocEntry<'a>> {
    let toc = part.toc();
    let needed = || part.dependencies().iter().filter_map(|id| toc.entry(*id));
    let relations = || needed().filter(|entry| may_have_parts(entry.desc()));
    if let Some(name) = part.defn().and_then(altered) {
        return relations().find(|relation| relation.tag() == Some(&name));
    }
    let tag = part.tag().unwrap_or_default();
    let named = |relation: &TocEntry<'_>| {
        relation.namespace() == part.namespace()
            && relation
                .tag()
                .and_then(|name| tag.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(b" "))
    };
    relations().find(named).or_else(|| {
        let first = relations().next()?;
        relations().all(|other| other.index() == first.index()).then_some(first)
    })
}

fn may_have_parts(desc: Desc<'_>) -> bool {
    matches!(
        desc,
        Desc::TABLE | Desc::VIEW | Desc::FOREIGN_TABLE | Desc::MATERIALIZED_VIEW | Desc::DOMAIN
    )
}

/// The name in `ALTER TABLE ONLY schema.name …`, without its schema.
fn altered(sql: &[u8]) -> Option<Vec<u8>> {
    // The name stands at the beginning; what follows may be long.
    const BEGINNING: usize = 4096;
    if !sql.starts_with(b"ALTER ") {
        return None;
    }
    // Backslashes matter in strings alone, which come later.
    let tokens = tokens(&sql[..sql.len().min(BEGINNING)], true);
    let kind = tokens.iter().position(|token| token.is("TABLE") || token.is("DOMAIN"))?;
    let is_word = |token: &&Token<'_>| ["IF", "EXISTS", "ONLY"].iter().any(|word| token.is(word));
    let mut rest = tokens.iter().skip(kind + 1).skip_while(is_word);
    let mut name = rest.next()?.name()?;
    while rest.next().is_some_and(|token| token.is_mark(b'.')) {
        name = rest.next()?.name()?;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (sql, name) in [
            ("ALTER TABLE ONLY shop.orders ALTER COLUMN id SET DEFAULT 1;", Some("orders")),
            ("ALTER TABLE orders\n    ADD CONSTRAINT c CHECK (true);", Some("orders")),
            ("ALTER TABLE ONLY \"a.b\".\"c \"\"d\"\"\"\n  ADD", Some("c \"d\"")),
            ("ALTER FOREIGN TABLE ONLY x.y ALTER", Some("y")),
            ("ALTER DOMAIN lib.code\n    ADD CONSTRAINT", Some("code")),
            ("CREATE TRIGGER t BEFORE INSERT ON x", None),
        ] {
            assert_eq!(altered(sql.as_bytes()).as_deref(), name.map(str::as_bytes), "{sql}");
        }
    }
}
