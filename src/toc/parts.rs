//! Which relation an entry is a part of.

use super::{Desc, TocEntry};

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
    let mut rest = sql.strip_prefix(b"ALTER ")?;
    let kinds: [&[u8]; 3] = [b"TABLE ", b"FOREIGN TABLE ", b"DOMAIN "];
    rest = kinds.iter().find_map(|kind| rest.strip_prefix(*kind))?;
    for word in [&b"IF EXISTS "[..], b"ONLY "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let (mut name, mut rest) = identifier(rest)?;
    while let Some(behind) = rest.strip_prefix(b".") {
        (name, rest) = identifier(behind)?;
    }
    Some(name)
}

/// An identifier at the beginning of a text, as pg_dump writes it: in quotes, or in lower case.
pub(crate) fn identifier(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut name = Vec::new();
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'.' | b'"' | b';');
        let end = text.iter().position(ends).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (!name.is_empty()).then(|| (name.to_vec(), rest));
    };
    loop {
        let end = rest.iter().position(|byte| *byte == b'"')?;
        name.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(b"\"") {
            Some(behind) => {
                name.push(b'"');
                rest = behind;
            }
            None => return Some((name, rest)),
        }
    }
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
            ("ALTER TABLE \"unclosed", None),
        ] {
            assert_eq!(altered(sql.as_bytes()).as_deref(), name.map(str::as_bytes), "{sql}");
        }
    }
}
