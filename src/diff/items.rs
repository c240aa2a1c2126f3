//! The objects of an archive, each with all that the archive says of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::key::{Key, Texts};
use super::spelling::{Statement, statements};
use crate::select::{Selected, Wanted};
use crate::sql;
use crate::toc::{BlockKind, Desc, Toc, TocEntry};

/// All that is compared of an archive.
pub(super) struct Items<'a> {
    pub(super) toc: &'a Toc,
    pub(super) texts: Texts,
    pub(super) objects: Vec<Item<'a>>,
    /// The data of tables, and other data that is not large objects.
    pub(super) data: Vec<(Key, TocEntry<'a>)>,
    /// The large objects that have an entry, by OID.
    pub(super) large_objects: BTreeMap<u32, Rc<LargeObjectItem>>,
    /// The entries with the data of large objects.
    pub(super) large_object_data: Vec<TocEntry<'a>>,
}

/// An object.
pub(super) struct Item<'a> {
    pub(super) key: Key,
    pub(super) entry: TocEntry<'a>,
    /// The definition, if it is not all of the entry's.
    own: Option<Vec<Statement>>,
    /// Whether the entry says something of another object that the archive does not have.
    pub(super) about: Option<Aspect>,
    attached: Vec<(Aspect, TocEntry<'a>)>,
}

/// What an entry says of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Privileges,
    Comment,
    Label,
    Value,
}

impl Aspect {
    fn of(desc: Desc<'_>) -> Option<Aspect> {
        Some(match desc {
            Desc::ACL | Desc::ACL_LANGUAGE => Aspect::Privileges,
            Desc::COMMENT => Aspect::Comment,
            Desc::SECURITY_LABEL => Aspect::Label,
            Desc::SEQUENCE_SET => Aspect::Value,
            _ => return None,
        })
    }
}

/// What an archive says of a large object beside its data.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LargeObjectItem {
    pub(super) owner: Option<Vec<u8>>,
    pub(super) said: Vec<(Aspect, Vec<Statement>)>,
}

impl<'a> Items<'a> {
    /// `statistics`: whether statistics are compared.
    pub(super) fn new(selected: &Selected<'a>, texts: Texts, statistics: bool) -> Items<'a> {
        let mut items = Items {
            toc: selected.toc(),
            texts,
            objects: Vec::new(),
            data: Vec::new(),
            large_objects: BTreeMap::new(),
            large_object_data: Vec::new(),
        };
        // Entries that say something of others, and objects by the place of their entry.
        let mut said: Vec<(Aspect, TocEntry<'a>)> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut groups: Vec<TocEntry<'a>> = Vec::new();
        for (entry, decision) in selected.all() {
            if !decision.wanted.is_listed() || entry.desc().is_special() {
                continue;
            }
            let Wanted { data, .. } = decision.wanted;
            match entry.desc() {
                Desc::STATISTICS_DATA | Desc::EXTENDED_STATISTICS_DATA if !statistics => {}
                desc if Aspect::of(desc).is_some() => {
                    said.extend(Aspect::of(desc).map(|a| (a, entry)))
                }
                Desc::BLOB | Desc::BLOB_METADATA => groups.push(entry),
                _ if entry.has_data() => match entry.data_kind() {
                    BlockKind::LargeObjects if data => items.large_object_data.push(entry),
                    BlockKind::Data if data => items.data.push((items.texts.key(entry), entry)),
                    _ => {}
                },
                _ => {
                    places.insert(entry.index(), items.objects.len());
                    items.object(entry);
                }
            }
        }
        items.attach(said, &places, &groups);
        items
    }

    fn object(&mut self, entry: TocEntry<'a>) {
        let key = self.texts.key(entry);
        let defn = entry.defn().unwrap_or_default();
        let mut own = None;
        // PostgreSQL 10 to 13 attach a partition in the definition of the partition itself.
        if entry.desc() == Desc::TABLE && contains(defn, b"ATTACH PARTITION") {
            let all = self.definition(entry);
            let (attached, rest): (Vec<_>, Vec<_>) = all
                .into_iter()
                .partition(|statement| contains(&statement.key, b" ATTACH PARTITION "));
            if !attached.is_empty() {
                own = Some(rest);
                let key = Key { desc: Desc::TABLE_ATTACH.as_bytes().to_vec(), ..key.clone() };
                let own = Some(attached);
                self.objects.push(Item { key, entry, own, about: None, attached: Vec::new() });
            }
        }
        self.objects.push(Item { key, entry, own, about: None, attached: Vec::new() });
    }

    /// Gives to each object what others say of it.
    fn attach(
        &mut self,
        said: Vec<(Aspect, TocEntry<'a>)>,
        places: &HashMap<usize, usize>,
        groups: &[TocEntry<'a>],
    ) {
        let of_group: HashMap<usize, usize> =
            groups.iter().enumerate().map(|(n, group)| (group.index(), n)).collect();
        let mut of_groups: Vec<Vec<(Aspect, TocEntry<'a>)>> = vec![Vec::new(); groups.len()];
        for (aspect, entry) in said {
            if aspect == Aspect::Comment && self.is_standard(entry) {
                continue;
            }
            let toc = entry.toc();
            let mut needed = entry.dependencies().iter().filter_map(|id| toc.entry(*id));
            let first =
                needed.next().filter(|first| needed.all(|other| other.index() == first.index()));
            let place = first.map(|first| first.index());
            if let Some(group) = place.and_then(|place| of_group.get(&place)) {
                of_groups[*group].push((aspect, entry));
            } else if let Some(object) = place.and_then(|place| places.get(&place)) {
                // An attachment stands in front of the table itself.
                self.objects[*object].attached.push((aspect, entry));
            } else {
                let key = self.texts.key_of_statement(entry);
                let about = Some(aspect);
                self.objects.push(Item { key, entry, own: None, about, attached: Vec::new() });
            }
        }
        for (group, said) in groups.iter().zip(of_groups) {
            let mut all: Vec<_> = said
                .iter()
                .map(|(aspect, entry)| (*aspect, self.said(*aspect, *entry, true)))
                .collect();
            all.sort();
            let owner = self.texts.owned(group.owner());
            let item = Rc::new(LargeObjectItem { owner, said: all });
            for oid in oids(*group) {
                self.large_objects.insert(oid, Rc::clone(&item));
            }
        }
    }

    /// Whether it is the comment that each database has. `pg_dump` leaves it out, unless all names
    /// are quoted, or its release is older than PostgreSQL 11.
    fn is_standard(&self, entry: TocEntry<'_>) -> bool {
        const STANDARD: &[u8] = b" COMMENT ON SCHEMA public IS 'standard public schema'";
        // Other comments are longer, or need no closer look.
        entry.defn().is_some_and(|defn| defn.len() < 2 * STANDARD.len())
            && matches!(&self.definition(entry)[..], [statement] if statement.key == STANDARD)
    }

    fn definition(&self, entry: TocEntry<'_>) -> Vec<Statement> {
        let defn = self.texts.utf8(entry.defn().unwrap_or_default());
        let schema = self.texts.owned(entry.namespace());
        let mut all = statements(&defn, self.texts.reading(schema.as_deref()));
        if matches!(entry.desc(), Desc::DATABASE | Desc::DATABASE_PROPERTIES) {
            all.iter_mut().for_each(without_database);
        }
        all
    }

    /// What an entry says of another one, in an order that does not depend on the archive's.
    fn said(&self, aspect: Aspect, entry: TocEntry<'_>, of_large_object: bool) -> Vec<Statement> {
        let mut all = self.definition(entry);
        if aspect == Aspect::Privileges {
            all = by_grantor(all);
            // A set: who may do what does not depend on the order.
            all.sort();
            all.dedup();
        }
        for statement in &mut all {
            if of_large_object {
                without_oid(statement);
            } else if entry.tag().is_some_and(|tag| tag.starts_with(b"DATABASE ")) {
                without_database(statement);
            }
        }
        all
    }

    /// The statements of an object's definition.
    pub(super) fn definition_of(&self, item: &Item<'_>) -> Vec<Statement> {
        match (&item.own, item.about) {
            (Some(own), _) => own.clone(),
            (None, Some(_)) => Vec::new(),
            // Privileges of a role are a set, too.
            (None, None) if item.entry.desc() == Desc::DEFAULT_ACL => {
                self.said(Aspect::Privileges, item.entry, false)
            }
            (None, None) => {
                let mut all = self.definition(item.entry);
                if item.entry.with_oids() == Some(b"true") {
                    let text = b"WITH OIDS".to_vec();
                    all.push(Statement { key: text.clone(), text });
                }
                all
            }
        }
    }

    /// The objects that an object needs, each once: kind, schema and name.
    pub(super) fn needed_by(&self, item: &Item<'_>) -> BTreeSet<Vec<u8>> {
        let toc = item.entry.toc();
        let needed = item.entry.dependencies().iter().filter_map(|id| toc.entry(*id));
        let name = |entry| {
            let Key { namespace, tag, desc, .. } = self.texts.key(entry);
            let schema = namespace.map(|schema| [&schema[..], b"."].concat()).unwrap_or_default();
            [&desc[..], b" ", &schema, &tag].concat()
        };
        needed.map(name).collect()
    }

    /// What is said of an object elsewhere, by aspect.
    pub(super) fn said_of(&self, item: &Item<'_>) -> BTreeMap<Aspect, Vec<Statement>> {
        let mut said: BTreeMap<Aspect, Vec<Statement>> = BTreeMap::new();
        let itself = item.about.map(|aspect| (aspect, item.entry));
        for (aspect, entry) in itself.iter().chain(&item.attached) {
            said.entry(*aspect).or_default().extend(self.said(*aspect, *entry, false));
        }
        said.values_mut().for_each(|statements| statements.sort());
        said
    }
}

impl Item<'_> {
    /// Whether two objects are the same byte for byte, in archives that write alike.
    pub(super) fn is_same(&self, other: &Item<'_>) -> bool {
        let same = |a: TocEntry<'_>, b: TocEntry<'_>| {
            a.defn() == b.defn()
                && a.owner() == b.owner()
                && a.tablespace() == b.tablespace()
                && a.table_am() == b.table_am()
                && a.with_oids() == b.with_oids()
        };
        same(self.entry, other.entry)
            && self.about == other.about
            && self.own == other.own
            && self.attached.len() == other.attached.len()
            && self
                .attached
                .iter()
                .zip(&other.attached)
                .all(|((a, entry), (b, other))| a == b && entry.defn() == other.defn())
    }
}

/// The OIDs of an entry for one large object, or for many.
fn oids(group: TocEntry<'_>) -> impl Iterator<Item = u32> {
    let text = match group.desc() {
        Desc::BLOB_METADATA => group.defn(),
        _ => group.tag(),
    };
    let lines = text.unwrap_or_default().split(|byte| *byte == b'\n');
    lines.filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok())
}

/// Statements without changes of the role between them: it is written in front of each.
fn by_grantor(all: Vec<Statement>) -> Vec<Statement> {
    let mut grantor: Option<Statement> = None;
    let mut out = Vec::with_capacity(all.len());
    for mut statement in all {
        if statement.key.starts_with(b" SET SESSION AUTHORIZATION ") {
            grantor = Some(statement);
        } else if statement.key == b" RESET SESSION AUTHORIZATION" {
            grantor = None;
        } else {
            if let Some(grantor) = &grantor {
                statement.key = [&grantor.key, &b";"[..], &statement.key].concat();
                statement.text =
                    [&grantor.text, &b"; "[..], statement.text.trim_ascii_start()].concat();
            }
            out.push(statement);
        }
    }
    out
}

/// Puts nothing where the name of the database stands.
fn without_database(statement: &mut Statement) {
    replace_behind(statement, &["DATABASE"], b"CURRENT");
}

/// Puts nothing where the OID of a large object stands.
fn without_oid(statement: &mut Statement) {
    replace_behind(statement, &["LARGE", "OBJECT"], b"OID");
}

fn replace_behind(statement: &mut Statement, words: &[&str], with: &[u8]) {
    for text in [&mut statement.key, &mut statement.text] {
        let all = sql::tokens(text, true);
        let is_here = |n: &usize| {
            words.iter().enumerate().all(|(i, word)| all.get(n + i).is_some_and(|t| t.is(word)))
        };
        let at = (0..all.len()).find(is_here).and_then(|n| all.get(n + words.len()));
        if let Some(range) = at.map(|token| token.start..token.end()) {
            *text = sql::replaced(text, vec![(range, with.to_vec())]);
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
