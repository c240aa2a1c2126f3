//! The objects of two archives, compared.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::items::{Aspect, Item, Items, LargeObjectItem};
use super::key::Key;
use super::lines::{Line, LineKind, difference};
use super::renamed::Names;
use super::spelling::Statement;
use crate::toc::DumpId;

/// What happened to an object between the first archive and the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// The second archive alone has it.
    Added,
    /// The first archive alone has it.
    Dropped,
    /// Both have it, and it differs.
    Changed,
}

/// What of an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The statements that create it.
    Definition,
    /// The role that owns it.
    Owner,
    /// What is granted on it, as a set.
    Privileges,
    /// Comments on it and on its columns.
    Comment,
    /// Its security labels.
    SecurityLabel,
    /// Its tablespace.
    Tablespace,
    /// Its table access method.
    AccessMethod,
    /// The value of a sequence.
    SequenceValue,
    /// The objects that it needs
    /// ([`DiffOptions::dependencies`](super::DiffOptions::dependencies)).
    Dependencies,
}

impl Part {
    /// Its name in plain words: `sequence value`.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Definition => "definition",
            Part::Owner => "owner",
            Part::Privileges => "privileges",
            Part::Comment => "comment",
            Part::SecurityLabel => "security label",
            Part::Tablespace => "tablespace",
            Part::AccessMethod => "access method",
            Part::SequenceValue => "sequence value",
            Part::Dependencies => "dependencies",
        }
    }
}

impl From<Aspect> for Part {
    fn from(aspect: Aspect) -> Part {
        match aspect {
            Aspect::Privileges => Part::Privileges,
            Aspect::Comment => Part::Comment,
            Aspect::Label => Part::SecurityLabel,
            Aspect::Value => Part::SequenceValue,
        }
    }
}

/// A difference of a part of an object, line by line. SQL is in one spelling: names have quotes
/// where they need them, and instants are in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartChange {
    /// The part.
    pub part: Part,
    /// Its lines in both archives.
    pub lines: Vec<Line>,
}

/// An object that differs between two archives. Texts are in UTF-8, unless an archive has bytes that
/// are not text.
///
/// See the example of [`Comparison`](super::Comparison).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectChange {
    /// What happened to it.
    pub kind: ChangeKind,
    /// The kind of the object, such as `TABLE`. For a large object it is `LARGE OBJECT`.
    pub desc: Vec<u8>,
    /// The schema of the object.
    pub namespace: Option<Vec<u8>>,
    /// The name of the object, and for some kinds more than that, as in
    /// [`TocEntry::tag`](crate::TocEntry::tag). For a large object it is the OID.
    pub tag: Vec<u8>,
    /// The dump id in each of the two archives.
    pub ids: [Option<DumpId>; 2],
    /// What differs, if both archives have the object.
    pub parts: Vec<PartChange>,
    /// For an object that one archive alone has: the name (as `tag` has it) of the one that may be
    /// the same under another name. It is of the same kind and in the same schema, the other archive
    /// alone has it, and its definition differs in the name alone.
    pub maybe_renamed: Option<Vec<u8>>,
}

/// How objects are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Whether the same bytes mean the same in both archives.
    pub(super) alike: bool,
    /// Whether what they need is compared, too.
    pub(super) dependencies: bool,
}

/// The differences of all objects, sorted by schema and name, and how many were compared.
pub(super) fn compare(a: &Items<'_>, b: &Items<'_>, how: How) -> (Vec<ObjectChange>, u64) {
    let mut changes = Vec::new();
    let mut compared = 0;
    let mut names = Names::default();
    let [mut a_left, mut b_left] = [sorted(a), sorted(b)];
    while !a_left.is_empty() || !b_left.is_empty() {
        let key = match (a_left.last(), b_left.last()) {
            (Some(a), Some(b)) => (&a.key).min(&b.key).clone(),
            (Some(item), None) | (None, Some(item)) => item.key.clone(),
            (None, None) => break,
        };
        let same = [take(&mut a_left, &key), take(&mut b_left, &key)];
        let (pairs, alone) = paired(a, b, same);
        compared += (pairs.len() + alone.len()) as u64;
        for (a_item, b_item) in pairs {
            let parts = parts((a, a_item), (b, b_item), how);
            if !parts.is_empty() {
                let ids = [Some(a_item.entry.dump_id()), Some(b_item.entry.dump_id())];
                changes.push(change(ChangeKind::Changed, &key, ids, parts));
            }
        }
        for (kind, item) in alone {
            let id = Some(item.entry.dump_id());
            let (ids, items) =
                if kind == ChangeKind::Dropped { ([id, None], a) } else { ([None, id], b) };
            names.add(kind, items, item, changes.len());
            changes.push(change(kind, &key, ids, Vec::new()));
        }
    }
    names.tell(&mut changes);
    compared += large_objects(a, b, &mut changes);
    (changes, compared)
}

/// With the least key at the end.
fn sorted<'i, 'a>(items: &'i Items<'a>) -> Vec<&'i Item<'a>> {
    let mut all: Vec<_> = items.objects.iter().collect();
    // Equal keys stay in the order of the archive.
    all.reverse();
    all.sort_by(|a, b| b.key.cmp(&a.key));
    all
}

/// The objects with a key, in the order of the archive.
fn take<'i, 'a>(left: &mut Vec<&'i Item<'a>>, key: &Key) -> Vec<&'i Item<'a>> {
    let start = left.partition_point(|item| item.key.cmp(key) == Ordering::Greater);
    let mut same = left.split_off(start);
    same.reverse();
    same
}

type Pairs<'i, 'a, 'b> = Vec<(&'i Item<'a>, &'i Item<'b>)>;
type Alone<'i, 'a> = Vec<(ChangeKind, &'i Item<'a>)>;

/// Pairs objects of one key: those with the same definition first, the others in order.
fn paired<'i, 'a>(
    a: &Items<'_>,
    b: &Items<'_>,
    [a_same, b_same]: [Vec<&'i Item<'a>>; 2],
) -> (Pairs<'i, 'a, 'a>, Alone<'i, 'a>) {
    let (mut pairs, mut a_left, mut b_left) = (Vec::new(), Vec::new(), b_same);
    if a_same.len() == 1 && b_left.len() == 1 {
        a_left = a_same;
    } else {
        let keys = |items: &Items<'_>, item: &Item<'_>| -> Vec<Vec<u8>> {
            items.definition_of(item).into_iter().map(|statement| statement.key).collect()
        };
        let mut b_keys: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (n, item) in b_left.iter().enumerate().rev() {
            b_keys.entry(keys(b, item)).or_default().push(n);
        }
        let mut taken = vec![false; b_left.len()];
        for item in a_same {
            match b_keys.get_mut(&keys(a, item)).and_then(Vec::pop) {
                Some(n) => {
                    taken[n] = true;
                    pairs.push((item, b_left[n]));
                }
                None => a_left.push(item),
            }
        }
        let mut taken = taken.into_iter();
        b_left.retain(|_| !taken.next().unwrap_or_default());
    }
    let both = a_left.len().min(b_left.len());
    pairs.extend(a_left.iter().copied().zip(b_left.iter().copied()));
    let dropped = a_left.into_iter().skip(both).map(|item| (ChangeKind::Dropped, item));
    let added = b_left.into_iter().skip(both).map(|item| (ChangeKind::Added, item));
    (pairs, dropped.chain(added).collect())
}

fn change(
    kind: ChangeKind,
    key: &Key,
    ids: [Option<DumpId>; 2],
    parts: Vec<PartChange>,
) -> ObjectChange {
    let Key { namespace, tag, desc, .. } = key.clone();
    ObjectChange { kind, desc, namespace, tag, ids, parts, maybe_renamed: None }
}

/// What of an object differs.
fn parts(
    (a, a_item): (&Items<'_>, &Item<'_>),
    (b, b_item): (&Items<'_>, &Item<'_>),
    how: How,
) -> Vec<PartChange> {
    let mut parts = Vec::new();
    if how.dependencies && a_item.about.is_none() {
        let needed = [a.needed_by(a_item), b.needed_by(b_item)];
        if needed[0] != needed[1] {
            let [a, b] =
                needed.each_ref().map(|all| all.iter().map(|n| &n[..]).collect::<Vec<_>>());
            parts.push(PartChange { part: Part::Dependencies, lines: difference(&a, &b) });
        }
    }
    if how.alike && a_item.is_same(b_item) {
        return parts;
    }
    if let Some(lines) = statements(&a.definition_of(a_item), &b.definition_of(b_item)) {
        parts.push(PartChange { part: Part::Definition, lines });
    }
    if a_item.about.is_none() {
        let [a_entry, b_entry] = [a_item.entry, b_item.entry];
        for (part, a_name, b_name) in [
            (Part::Owner, a_entry.owner(), b_entry.owner()),
            (Part::Tablespace, a_entry.tablespace(), b_entry.tablespace()),
            (Part::AccessMethod, a_entry.table_am(), b_entry.table_am()),
        ] {
            let name = |name: Option<Vec<u8>>| name.filter(|name| !name.is_empty());
            let (a_name, b_name) = (name(a.texts.owned(a_name)), name(b.texts.owned(b_name)));
            if let Some(lines) = names(a_name, b_name) {
                parts.push(PartChange { part, lines });
            }
        }
    }
    said(&a.said_of(a_item), &b.said_of(b_item), &mut parts);
    parts
}

/// Compares what is said of an object elsewhere.
fn said(
    a: &BTreeMap<Aspect, Vec<Statement>>,
    b: &BTreeMap<Aspect, Vec<Statement>>,
    parts: &mut Vec<PartChange>,
) {
    for aspect in [Aspect::Privileges, Aspect::Comment, Aspect::Label, Aspect::Value] {
        let of = |all: &BTreeMap<_, Vec<_>>| all.get(&aspect).cloned().unwrap_or_default();
        if let Some(lines) = statements(&of(a), &of(b)) {
            parts.push(PartChange { part: aspect.into(), lines });
        }
    }
}

/// The difference of statements, if there is any.
fn statements(a: &[Statement], b: &[Statement]) -> Option<Vec<Line>> {
    if a.iter().map(|a| &a.key).eq(b.iter().map(|b| &b.key)) {
        return None;
    }
    let lines = |all: &[Statement]| -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for statement in all {
            let text = statement.text.strip_prefix(b"\n").unwrap_or(&statement.text);
            lines.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
            if let Some(last) = lines.last_mut() {
                last.push(b';');
            }
        }
        lines
    };
    let (a, b) = (lines(a), lines(b));
    let lent = |lines: &'_ [Vec<u8>]| {
        lines.iter().map(|line| line.trim_ascii_end().to_vec()).collect::<Vec<_>>()
    };
    let (a, b) = (lent(&a), lent(&b));
    let a: Vec<&[u8]> = a.iter().map(|line| &line[..]).collect();
    let b: Vec<&[u8]> = b.iter().map(|line| &line[..]).collect();
    Some(difference(&a, &b))
}

fn names(a: Option<Vec<u8>>, b: Option<Vec<u8>>) -> Option<Vec<Line>> {
    if a == b {
        return None;
    }
    let removed = a.map(|text| Line { kind: LineKind::Removed, text });
    let added = b.map(|text| Line { kind: LineKind::Added, text });
    Some(removed.into_iter().chain(added).collect())
}

/// Compares what is said of large objects; returns how many were compared.
fn large_objects(a: &Items<'_>, b: &Items<'_>, changes: &mut Vec<ObjectChange>) -> u64 {
    let mut compared = 0;
    let mut add = |kind, oid: u32, parts| {
        changes.push(ObjectChange {
            kind,
            desc: b"LARGE OBJECT".to_vec(),
            namespace: None,
            tag: oid.to_string().into_bytes(),
            ids: [None, None],
            parts,
            maybe_renamed: None,
        });
    };
    for (oid, a_item) in &a.large_objects {
        compared += 1;
        match b.large_objects.get(oid) {
            None => add(ChangeKind::Dropped, *oid, Vec::new()),
            Some(b_item) => {
                let parts = large_object(a_item, b_item);
                if !parts.is_empty() {
                    add(ChangeKind::Changed, *oid, parts);
                }
            }
        }
    }
    for oid in b.large_objects.keys().filter(|oid| !a.large_objects.contains_key(oid)) {
        compared += 1;
        add(ChangeKind::Added, *oid, Vec::new());
    }
    compared
}

fn large_object(a: &LargeObjectItem, b: &LargeObjectItem) -> Vec<PartChange> {
    if a == b {
        return Vec::new();
    }
    let mut parts = Vec::new();
    if let Some(lines) = names(a.owner.clone(), b.owner.clone()) {
        parts.push(PartChange { part: Part::Owner, lines });
    }
    let by_aspect = |item: &LargeObjectItem| {
        let mut all: BTreeMap<Aspect, Vec<Statement>> = BTreeMap::new();
        for (aspect, statements) in &item.said {
            all.entry(*aspect).or_default().extend(statements.iter().cloned());
        }
        all
    };
    said(&by_aspect(a), &by_aspect(b), &mut parts);
    parts
}
