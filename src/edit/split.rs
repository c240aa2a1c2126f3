//! Which entries belong to which table or schema.

use std::collections::{BTreeMap, HashMap};

use crate::toc::{Desc, Toc, TocEntry};

/// What each part of an archive is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitBy {
    /// A table with its data, indexes, constraints, triggers, sequences, privileges and the like.
    Table,
    /// All that is in a schema.
    Schema,
}

/// A part of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `schema.table` or `schema`; `None` for what belongs to none.
    pub name: Option<Vec<u8>>,
    /// Places of its entries in the table of contents. Those that set up the session of a restore
    /// are in every part.
    pub entries: Vec<usize>,
}

/// Divides a table of contents. Every entry is in one part, but for those that set up the session;
/// the part of what belongs to no table or schema comes first, because others may need it. A
/// [`Merge`](crate::Merge) of all parts has all entries again.
///
/// ```
/// use pgdmp::{Archive, Conversion, SplitBy, Target};
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// for part in pgdmp::split(archive.toc(), SplitBy::Table) {
///     let part = Conversion::of_part(&archive, &Target::new(), &part)?;
///     part.write(std::io::Cursor::new(Vec::new()))?;
/// }
/// # Ok::<(), pgdmp::Error>(())
/// ```
pub fn split(toc: &Toc, by: SplitBy) -> Vec<Part> {
    let owners = match by {
        SplitBy::Table => by_table(toc),
        SplitBy::Schema => by_schema(toc),
    };
    let mut parts: BTreeMap<Option<Vec<u8>>, Vec<usize>> = BTreeMap::new();
    parts.entry(None).or_default();
    for (place, owner) in owners.iter().enumerate() {
        let special = toc.get(place).is_some_and(|entry| entry.desc().is_special());
        if !special {
            parts.entry(owner.clone()).or_default().push(place);
        }
    }
    let special: Vec<usize> =
        toc.entries().filter(|e| e.desc().is_special()).map(|e| e.index()).collect();
    // `None` sorts first.
    let parts = parts.into_iter().filter(|(_, entries)| !entries.is_empty());
    parts
        .map(|(name, mut entries)| {
            entries.extend_from_slice(&special);
            entries.sort_unstable();
            Part { name, entries }
        })
        .collect()
}

fn full_name(entry: TocEntry<'_>) -> Vec<u8> {
    let tag = entry.tag().unwrap_or_default();
    match entry.namespace() {
        Some(namespace) => [namespace, b".", tag].concat(),
        None => tag.to_vec(),
    }
}

/// Large objects, and what is about one, belong to no table.
fn is_of_objects(entry: TocEntry<'_>) -> bool {
    matches!(entry.desc(), Desc::BLOB | Desc::BLOBS | Desc::BLOB_METADATA | Desc::BLOB_COMMENTS)
        || entry.tag().is_some_and(|tag| tag.starts_with(b"LARGE OBJECT"))
}

fn by_table(toc: &Toc) -> Vec<Option<Vec<u8>>> {
    // Sequences belong to the table that owns them.
    let mut owned: HashMap<usize, usize> = HashMap::new();
    for entry in toc.entries().filter(|e| e.desc() == Desc::SEQUENCE_OWNED_BY) {
        let needed = || entry.dependencies().iter().filter_map(|id| toc.entry(*id));
        let sequence = needed().find(|e| e.desc() == Desc::SEQUENCE);
        let table = needed().find(|e| e.desc() == Desc::TABLE);
        if let (Some(sequence), Some(table)) = (sequence, table) {
            owned.insert(sequence.index(), table.index());
        }
    }
    let mut tables: Vec<Option<usize>> = vec![None; toc.len()];
    for entry in toc.entries() {
        let place = entry.index();
        tables[place] = match entry.desc() {
            Desc::TABLE => Some(place),
            Desc::SEQUENCE if owned.contains_key(&place) => owned.get(&place).copied(),
            _ => None,
        };
    }
    // An entry comes behind what it is about, but not always behind the table of a sequence.
    for entry in toc.entries() {
        if tables[entry.index()].is_none() && belongs_to_others(entry) {
            tables[entry.index()] = table_of(toc, entry, &tables);
        }
    }
    let name = |table: &usize| toc.get(*table).map(full_name);
    tables.iter().map(|table| table.as_ref().and_then(name)).collect()
}

/// Kinds of entries that make no sense without the one they are about.
fn belongs_to_others(entry: TocEntry<'_>) -> bool {
    const KINDS: [&[u8]; 20] = [
        b"TABLE DATA",
        b"TABLE ATTACH",
        b"INDEX",
        b"INDEX ATTACH",
        b"CONSTRAINT",
        b"CHECK CONSTRAINT",
        b"FK CONSTRAINT",
        b"TRIGGER",
        b"RULE",
        b"POLICY",
        b"ROW SECURITY",
        b"DEFAULT",
        b"SEQUENCE",
        b"SEQUENCE OWNED BY",
        b"SEQUENCE SET",
        b"STATISTICS",
        b"STATISTICS DATA",
        b"COMMENT",
        b"ACL",
        b"SECURITY LABEL",
    ];
    KINDS.contains(&entry.desc().as_bytes()) && !is_of_objects(entry)
}

/// The table of what an entry needs; of several, the one that its tag begins with, which
/// constraints and triggers name.
fn table_of(toc: &Toc, entry: TocEntry<'_>, tables: &[Option<usize>]) -> Option<usize> {
    let needed = entry.dependencies().iter().filter_map(|id| toc.entry(*id));
    let mut candidates = needed.filter_map(|needed| tables[needed.index()]);
    let first = candidates.next()?;
    let tag = entry.tag().unwrap_or_default();
    let named = |table: &usize| {
        toc.get(*table).is_some_and(|table| {
            let name = table.tag().unwrap_or_default();
            table.namespace() == entry.namespace()
                && tag.strip_prefix(name).is_some_and(|rest| matches!(rest, [] | [b' ', ..]))
        })
    };
    let mut all = [first].into_iter().chain(candidates);
    Some(all.find(named).unwrap_or(first))
}

fn by_schema(toc: &Toc) -> Vec<Option<Vec<u8>>> {
    let mut owners: Vec<Option<Vec<u8>>> = vec![None; toc.len()];
    for entry in toc.entries() {
        let own = match entry.desc() {
            Desc::SCHEMA => entry.tag(),
            _ => entry.namespace(),
        };
        owners[entry.index()] = match own.filter(|own| !own.is_empty()) {
            Some(own) => Some(own.to_vec()),
            // A comment or privileges on a schema.
            None if belongs_to_others(entry) => {
                let needed = entry.dependencies().iter().filter_map(|id| toc.entry(*id));
                let mut schemas = needed.filter(|needed| needed.desc() == Desc::SCHEMA);
                schemas.next().and_then(|schema| schema.tag()).map(<[u8]>::to_vec)
            }
            None => None,
        };
    }
    owners
}
