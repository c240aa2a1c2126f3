//! Several schemas that become one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::finding;
use super::Mapping;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::select::{Rule, Selected};
use crate::sql::{Token, tokens};
use crate::toc::{Desc, TocEntry};

/// The objects of a schema among which no two have one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Space<'a> {
    /// Tables, indexes, views, sequences.
    Relation,
    /// Types, and all relations with rows, which are types, too.
    Type,
    /// With the types of their arguments.
    Function,
    Kind(Desc<'a>),
}

impl Mapping {
    /// Sees to it that schemas can become one, and leaves out all but one definition of it.
    ///
    /// # Errors
    ///
    /// Two schemas that become one and have objects of one name.
    pub(in crate::adapt) fn unite(&self, selected: &mut Selected<'_>) -> Result<Vec<Finding>> {
        if self.schemas.is_empty() {
            return Ok(Vec::new());
        }
        self.check(selected)?;
        Ok(self.define_once(selected))
    }

    fn target<'m>(&'m self, schema: &'m [u8]) -> &'m [u8] {
        self.schemas.get(schema).map_or(schema, Vec::as_slice)
    }

    fn check(&self, selected: &Selected<'_>) -> Result<()> {
        // Which schemas each new one is made of.
        let mut parts: BTreeMap<&[u8], BTreeSet<&[u8]>> = BTreeMap::new();
        for namespace in selected.entries().filter_map(|entry| entry.namespace()) {
            parts.entry(self.target(namespace)).or_default().insert(namespace);
        }
        parts.retain(|_, parts| parts.len() > 1);
        if parts.is_empty() {
            return Ok(());
        }
        let std_strings = selected.toc().std_strings().unwrap_or(true);
        let mut seen: HashMap<(&[u8], Space<'_>, Vec<u8>), TocEntry<'_>> = HashMap::new();
        for entry in selected.entries() {
            let Some(namespace) = entry.namespace() else { continue };
            let target = self.target(namespace);
            let Some(name) = parts.get(target).and_then(|_| self.name(entry, std_strings)) else {
                continue;
            };
            for space in spaces(entry.desc()) {
                let other = *seen.entry((target, space, name.clone())).or_insert(entry);
                if other.namespace() != entry.namespace() {
                    return Err(Error::usage(format!(
                        "schemas \"{}\" and \"{}\" cannot become one, \"{}\": both have a \"{}\"",
                        selected.toc().printable(other.namespace().unwrap_or_default()),
                        selected.toc().printable(namespace),
                        selected.toc().printable(target),
                        selected.toc().printable(&name),
                    ))
                    .in_entry(|| entry.name()));
                }
            }
        }
        Ok(())
    }

    /// The name of an object in its schema; `None` if it is a part of another object.
    fn name(&self, entry: TocEntry<'_>, std_strings: bool) -> Option<Vec<u8>> {
        let tag = entry.tag()?;
        match entry.desc() {
            // Of a key's index; its tag has the table in front, in some releases.
            Desc::CONSTRAINT => {
                let all = tokens(entry.defn()?, std_strings);
                let at = all.iter().position(|token| token.is("CONSTRAINT"))?;
                all.get(at + 1)?.name()
            }
            desc => {
                let tag = self.tag(desc, tag);
                // A name in quotes is the same without.
                let bare = |token: &Token<'_>| token.name().unwrap_or(token.text.to_vec());
                Some(match spaces(desc)[..] {
                    [Space::Function] => tokens(&tag, true).iter().flat_map(bare).collect(),
                    _ => tag,
                })
            }
        }
    }

    /// Leaves out the definitions of schemas that others define, or that every database has.
    fn define_once(&self, selected: &mut Selected<'_>) -> Vec<Finding> {
        let schemas = selected.entries().filter(|entry| entry.desc() == Desc::SCHEMA);
        let mut schemas: Vec<TocEntry<'_>> = schemas.collect();
        // One that keeps its name is the one that stays.
        schemas.sort_by_key(|schema| self.schemas.contains_key(schema.tag().unwrap_or_default()));
        let mut defined: BTreeSet<&[u8]> = BTreeSet::from([&b"public"[..]]);
        let (mut out, mut findings) = (BTreeMap::new(), Vec::new());
        for schema in schemas {
            let name = schema.tag().unwrap_or_default();
            let target = self.target(name);
            if defined.insert(target) || target == name {
                continue;
            }
            out.insert(schema.dump_id(), target);
            let target = schema.toc().printable(target);
            findings.push(finding(schema, format!("left out: schema \"{target}\" is there")));
        }
        // What is said about it would be said about the other one; privileges add up.
        let remarks = selected.entries().filter(|entry| {
            matches!(entry.desc(), Desc::SCHEMA | Desc::COMMENT | Desc::SECURITY_LABEL)
                && (out.contains_key(&entry.dump_id())
                    || entry.dependencies().iter().any(|id| out.contains_key(id)))
        });
        let places: Vec<_> = remarks.map(|entry| (entry.index(), Rule::United)).collect();
        selected.leave_out(places);
        findings
    }
}

fn spaces(desc: Desc<'_>) -> Vec<Space<'_>> {
    let is_part = desc.is_acl()
        || matches!(
            desc,
            Desc::CHECK_CONSTRAINT
                | Desc::COMMENT
                | Desc::DEFAULT
                | Desc::EXTENDED_STATISTICS_DATA
                | Desc::FK_CONSTRAINT
                | Desc::MATERIALIZED_VIEW_DATA
                | Desc::POLICY
                | Desc::PUBLICATION_TABLE
                | Desc::PUBLICATION_TABLES_IN_SCHEMA
                | Desc::ROW_SECURITY
                | Desc::RULE
                | Desc::SECURITY_LABEL
                | Desc::SEQUENCE_OWNED_BY
                | Desc::SEQUENCE_SET
                | Desc::STATISTICS_DATA
                | Desc::SUBSCRIPTION_TABLE
                | Desc::TABLE_ATTACH
                | Desc::TABLE_DATA
                | Desc::TRIGGER
        )
        || desc == *"INDEX ATTACH";
    if is_part {
        return Vec::new();
    }
    match desc {
        Desc::INDEX | Desc::CONSTRAINT => vec![Space::Relation],
        Desc::DOMAIN => vec![Space::Type],
        Desc::TABLE
        | Desc::FOREIGN_TABLE
        | Desc::VIEW
        | Desc::MATERIALIZED_VIEW
        | Desc::SEQUENCE => vec![Space::Relation, Space::Type],
        // One of several columns is a relation, too.
        desc if desc == *"TYPE" || desc == *"SHELL TYPE" => vec![Space::Relation, Space::Type],
        Desc::FUNCTION | Desc::PROCEDURE | Desc::AGGREGATE => vec![Space::Function],
        desc => vec![Space::Kind(desc)],
    }
}
